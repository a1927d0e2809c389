"""Azure Pipelines and GitLab CI: their scripts in the order of their needs, as GitHub's."""

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import git
from tests.delivery.ci_play import (
    COMMIT,
    DIGEST,
    JUDGED,
    PROMOTED,
    ROUND,
    AzurePipelines,
    GitLab,
    Played,
    fails,
    says,
)
from tests.render.engines import with_copier

ONLINE: dict[str, Any] = {"serving": "online"}
AKS = {"serving": "online", "cloud": "azure", "platform": "kubernetes", "iac": "bicep"}
AZUREML = {"serving": "online", "cloud": "azure", "platform": "azureml", "iac": "terraform"}
SETS: dict[str, dict[str, Any]] = {
    "kubernetes": ONLINE,
    "aks": AKS,
    "azureml": AZUREML,
    "batch": {"serving": "batch"},
    "azure-batch": {"serving": "batch", "cloud": "azure", "iac": "bicep"},
    "azureml-both": {**AZUREML, "serving": "both"},
}
PLACES = {"MLFLOW_TRACKING_URI": "https://mlflow", "DVC_REMOTE": "azure://data/dvc"}
PLACES |= {"COLLECTED_URL": "azure://data/collected"}
SERVICE = {
    "SERVICE_URL": "https://service",
    "REGISTRY": "acme",
    "REPOSITORY": "registry/ml-project",
    "SIGNING_KEY": "azurekms://vault/key",
}
NAMED = ("AZURE_RESOURCE_GROUP", "AZUREML_WORKSPACE", "AZURE_LOCATION", "CLUSTER", "KUBE_CONTEXT")
NAMED += ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_READER_CLIENT_ID")
NAMED += ("AZURE_TRAINER_CLIENT_ID", "AZURE_BUILDER_CLIENT_ID")
PLACES |= dict.fromkeys(NAMED, "named")
INFRA = {name: text for name, text in PLACES.items() if name.startswith("AZURE_")}
JOB = [
    says("az ml job list *", "job-7"),
    says("az ml job show --name job-7 --query status *", "Completed"),
    says("az ml job show --name job-7 --query tags.commit *", "main"),
]
SIGNER = "deploy/cosign.pub"
SYSTEMS = ("azure-devops", "gitlab")


class System:
    """What happens, said once for both systems."""

    def __init__(self, ci: str, project: Path, folder: Path) -> None:
        self.ci = ci
        self.azure = AzurePipelines(project, folder) if ci == "azure-devops" else None
        self.gitlab = GitLab(project, folder) if ci == "gitlab" else None
        self.project = project

    def release(
        self, answers: list[str] | None = None, approved: bool = True, **changed: str
    ) -> Played:
        known = {**SERVICE, **PLACES, **changed}
        if self.gitlab:
            tag = {"CI_COMMIT_TAG": "v1", "CI_PIPELINE_SOURCE": "push"}
            return self.gitlab.play(answers, approved, **known, **tag)
        assert self.azure
        return self.azure.play("release", answers, **known)

    def merged(self, reason: str = "IndividualCI") -> Played:
        """A push to main, as a merge leaves it; the training has no registry here."""
        if self.gitlab:
            main = {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main"}
            return self.gitlab.play(CI_PIPELINE_SOURCE="push", **main)
        assert self.azure
        main = {"Build.Reason": reason, "Build.SourceBranch": "refs/heads/main"}
        return self.azure.play("ci", **main)

    def train(
        self, answers: list[str] | None = None, task: str | None = None, **changed: str
    ) -> Played:
        known = PLACES | changed
        if self.gitlab:
            source = {"CI_PIPELINE_SOURCE": "schedule" if task else "push"}
            source |= {"TASK": task} if task else {}
            return self.gitlab.play(answers, CI_COMMIT_BRANCH="feature", **source, **known)
        assert self.azure
        cron = {"Build.CronSchedule.DisplayName": task} if task else {}
        return self.azure.play("train", answers, **cron, **known)

    def score(self, answers: list[str] | None = None, **changed: str) -> Played:
        known = {**PLACES, **BY_DATE, **changed}
        if self.gitlab:
            return self.gitlab.play(answers, TASK="score", CI_PIPELINE_SOURCE="schedule", **known)
        assert self.azure
        return self.azure.play("score", answers, **known)

    def check(self, answers: list[str] | None = None, branch: str = "data/7-rows") -> Played:
        if self.gitlab:
            asked = {"CI_PIPELINE_SOURCE": "merge_request_event", "REPORT_TOKEN": "t"}
            asked |= {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_IID": "7"}
            asked |= {"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": branch}
            return self.gitlab.play(answers, **asked, **PLACES)
        assert self.azure
        asked = {"Build.Reason": "PullRequest"}
        asked |= {"System.PullRequest.SourceBranch": f"refs/heads/{branch}"}
        return self.azure.play("ci", answers, **asked, **PLACES)

    def upkeep(self, answers: list[str] | None = None) -> Played:
        if self.gitlab:
            return self.gitlab.play(answers, TASK="upkeep", CI_PIPELINE_SOURCE="schedule")
        assert self.azure
        return self.azure.play("upkeep", answers)

    def infra(self, what: str, answers: list[str] | None = None) -> Played:
        if self.gitlab:
            if what == "drift":
                return self.gitlab.play(answers, TASK="infra", **INFRA)
            plan = {"CI_PIPELINE_SOURCE": "merge_request_event"}
            apply = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}
            return self.gitlab.play(answers, **(plan if what == "plan" else apply), **INFRA)
        assert self.azure
        reason = {"plan": "PullRequest", "apply": "IndividualCI", "drift": "Schedule"}[what]
        return self.azure.play("infra", answers, **{"Build.Reason": reason}, **INFRA)


@pytest.fixture(scope="module")
def systems(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    made: dict[tuple[str, str], System] = {}

    def system(ci: str, name: str) -> System:
        if (ci, name) not in made:
            folder = tmp_path_factory.mktemp(f"{ci}-{name}")
            project = with_copier(
                plain, folder / "project", {"ci": ci, "level": "govern", **SETS[name]}
            )
            if ci == "azure-devops" and name not in ("batch", "azure-batch"):
                (project / SIGNER).write_text("the public half of a key\n", encoding="utf-8")
            made[ci, name] = System(ci, project, folder / "stage")
        return made[ci, name]

    return system


@pytest.mark.parametrize("name", ["kubernetes", "aks", "azureml"])
@pytest.mark.parametrize("ci", SYSTEMS)
def test_a_release_brings_one_image_to_test_and_to_production(
    systems: Any, ci: str, name: str
) -> None:
    done = systems(ci, name).release()
    assert done.code == 0, done.output
    assert done.tasks == [*JUDGED, *ROUND, *ROUND]
    host = "registry" if name == "kubernetes" else "acme.azurecr.io"
    image = f"{host}/ml-project@{DIGEST}"
    assert done.of("uv run poe deploy") == [
        f"--environment {environment} --image {image}" for environment in ("test", "prod")
    ]
    (build,) = done.of("docker buildx build")
    assert "--sbom=true --provenance=mode=max --push" in build
    scan, sign, *verified = done.of("docker run")
    assert len(verified) == (1 if ci == "gitlab" else 2)
    assert all(" verify " in line and line.endswith(image) for line in verified)
    assert f"--fail-on high --only-fixed registry:{image}" in scan
    assert "sign --yes" in sign
    assert sign.endswith(image)
    assert done.before("docker run", "uv run poe deploy")
    assert len(done.of("tools.sh /usr/local/bin")) == (0 if name == "azureml" else 2)


@pytest.mark.parametrize(
    ("broken", "last"),
    [
        ("uv run poe verdict", "verdict"),
        ("uv run poe approve --verify", "approve"),
        ("docker buildx build*", "approve"),
        ("docker run *grype*", "approve"),
        ("docker run *cosign* sign *", "approve"),
        ("docker run *cosign* verify *", "signature"),
        ("uv run poe deploy --environment test*", "notify"),
        ("uv run poe probe *", "notify"),
    ],
)
@pytest.mark.parametrize("ci", SYSTEMS)
def test_what_fails_before_production_stops_the_release(
    systems: Any, ci: str, broken: str, last: str
) -> None:
    done = systems(ci, "kubernetes").release([fails(broken)])
    assert done.code
    if (
        last == "signature"
    ):  # verified by a job of its own in GitLab, which leaves no test to tell of
        last = "approve" if ci == "gitlab" else "notify"
        assert not done.of("uv run poe deploy")
    assert done.tasks[-1] == last
    assert not done.of("uv run poe deploy --environment prod")
    assert all("in test, failed" in line.lower() for line in done.of("uv run poe notify"))


def test_without_the_public_half_of_the_key_nothing_is_deployed(systems: Any) -> None:
    system = systems("azure-devops", "kubernetes")
    git(system.project, "rm", "-q", SIGNER)
    git(system.project, "commit", "-q", "-m", "no key")
    try:
        done = system.release()
    finally:
        git(system.project, "reset", "-q", "--hard", "HEAD~1")
    assert "deploy/cosign.pub is missing: commit the public half of the signing key" in done.output
    assert not done.of("uv run poe deploy")


@pytest.mark.parametrize("ci", SYSTEMS)
def test_production_is_undone_when_its_probe_fails(systems: Any, ci: str) -> None:
    system = systems(ci, "kubernetes")
    config = next(
        path
        for path in (
            system.project / "azure-pipelines/release.yml",
            system.project / ".gitlab/ci/release.yml",
        )
        if path.exists()
    )
    text = config.read_text(encoding="utf-8")
    head, mark, tail = text.rpartition("uv run poe probe")  # production's is the last
    config.write_text(f"{head}{mark} --again{tail}", encoding="utf-8")
    try:
        git(system.project, "commit", "-q", "-a", "-m", "tell the probes apart")
        done = system.release([fails("uv run poe probe --again*")])
    finally:
        git(system.project, "reset", "-q", "--hard", "HEAD~1")
    assert done.code
    assert done.tasks[-4:] == ["deploy", "probe", "undo", "notify"]
    assert done.of("uv run poe undo") == ["--environment prod"]
    assert "in prod, failed" in done.of("uv run poe notify")[-1].lower()
    aborted = system.release([fails("uv run poe deploy --environment prod*")])
    assert aborted.tasks[-2:] == ["deploy", "notify"]


@pytest.mark.parametrize("ci", SYSTEMS)
def test_a_batch_release(systems: Any, ci: str) -> None:
    system = systems(ci, "batch")
    done = system.release()
    assert done.code == 0, done.output
    assert done.tasks == [*PROMOTED, "monitor", "notify"] * 2
    red = system.release([fails("uv run poe verdict")])
    assert red.tasks == ["verdict", "notify"]
    unsigned = system.release([fails("uv run poe approve --verify")])
    assert unsigned.tasks == ["verdict", "approve", "notify"]
    few = system.release([fails("uv run poe monitor*", 4)])  # too few test rows to judge drift
    assert (few.code, few.tasks) == (0, [*PROMOTED, "monitor", "notify"] * 2)
    bad = system.release([fails("uv run poe monitor*", 3)])
    assert bad.tasks == [*PROMOTED, "monitor", "rollback", "notify"]


def test_gitlab_waits_for_approval(systems: Any) -> None:
    done = systems("gitlab", "kubernetes").release(approved=False)
    assert done.tasks == [*JUDGED, *ROUND]


@pytest.mark.parametrize("ci", SYSTEMS)
def test_a_pull_request_is_checked_and_its_figures_are_posted(systems: Any, ci: str) -> None:
    system = systems(ci, "kubernetes")
    done = system.check([says("curl *", '{"value": []}' if ci == "azure-devops" else "[]")])
    assert done.code == 0, done.output
    assert done.tasks == ["check", "secrets", "audit", "smoke"]
    assert "check" not in system.check(branch="My_Branch").tasks
    assert done.before("uv lock --check", "uv run poe check --all")
    assert done.of("uv run dvc metrics diff --md origin/main") == [""]
    assert done.of("uv run dvc plots diff") == ["--out plots origin/main"]
    _, posted = done.of("curl")
    assert "POST" in posted
    existing = '{"value": [{"id": 4, "comments": [{"content": "## Metrics against main"}]}]}'
    if ci == "gitlab":
        existing = '[{"id": 4, "body": "## Metrics against main"}]'
    again = system.check([says("curl *", existing)])
    assert "/4" in again.of("curl")[1]
    assert not system.check([fails("uv run poe smoke")]).of("curl")


@pytest.mark.parametrize("ci", SYSTEMS)
def test_training(systems: Any, ci: str) -> None:
    system = systems(ci, "kubernetes")
    done = system.train()
    assert done.code == 0, done.output
    assert done.tasks == ["pipeline", "register", "models", "notify"]
    assert done.before("uv run dvc pull", "uv run poe pipeline")
    assert done.before("uv run ml_project register", "uv run dvc push")
    assert system.train([fails("uv run poe pipeline")]).tasks == ["pipeline", "notify"]
    assert system.train(task="drift").tasks == ["monitor"]
    drift = [fails("uv run poe monitor*", 3)]
    assert system.train(drift, "drift").tasks == [
        "monitor",
        "pipeline",
        "register",
        "models",
        "notify",
    ]
    assert not system.train(task="drift", COLLECTED_URL="").tasks
    assert system.train(task="train").tasks == ["pipeline", "register", "models", "notify"]
    assert not system.train(MLFLOW_TRACKING_URI="").tasks


BY_DATE = {
    "SCORE_INPUT": "azure://data/in/{date}.csv",
    "SCORE_OUTPUT": "azure://data/out/{date}.csv",
    "COLLECTED_URL": "azure://data/collected",
}
MADE_BY = says("uv run ml_project lineage champion --commit", "main")


@pytest.mark.parametrize("name", ["batch", "azure-batch"])
@pytest.mark.parametrize("ci", SYSTEMS)
def test_each_day_is_scored_with_the_code_of_the_champion(systems: Any, ci: str, name: str) -> None:
    system = systems(ci, name)
    git(system.project, "tag", "--force", "release")
    done = system.score([says("uv run ml_project lineage*", "release")])
    assert done.code == 0, done.output
    assert done.tasks == ["lineage", "batch"]
    assert done.of("uv run ml_project batch") == ["--since 7d --summary score.md"]
    assert git(system.project, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD\n"
    for answers, tasks in (
        ([fails("uv run ml_project lineage*")], ["lineage"]),
        ([says("uv run ml_project lineage*", "no-such-commit")], ["lineage"]),
        ([fails("uv run ml_project batch*", 3), MADE_BY], ["lineage", "batch"]),
    ):
        red = system.score(answers)
        assert (red.code, red.tasks) == (1, [*tasks, "notify"]), red.output
    for missing in ("SCORE_OUTPUT", "COLLECTED_URL", "MLFLOW_TRACKING_URI"):
        red = system.score([MADE_BY], **{missing: ""})
        assert (red.code, red.tasks) == (1, ["notify"])
        assert f"{missing}: is empty" in red.output
    assert system.score([MADE_BY], SCORE_INPUT="").tasks == []


@pytest.mark.parametrize("ci", SYSTEMS)
def test_a_release_has_its_model_score_each_day_in_azureml(systems: Any, ci: str) -> None:
    done = systems(ci, "azureml-both").release()
    assert done.code == 0, done.output
    assert done.tasks == [*JUDGED, *ROUND, *ROUND[:2], "export", "notify"]
    assert done.of("az ml schedule create") == ["--file azureml/schedules/score.yml"]
    red = systems(ci, "azureml-both").release([fails("az ml schedule*")])
    assert red.code
    assert red.tasks[-3:] == ["export", "undo", "notify"]


@pytest.mark.parametrize("ci", SYSTEMS)
def test_only_batch_projects_score_in_ci(systems: Any, ci: str) -> None:
    assert not (systems(ci, "kubernetes").project / "azure-pipelines/score.yml").exists()
    if ci == "gitlab":
        assert systems(ci, "kubernetes").score([MADE_BY]).tasks == []


@pytest.mark.parametrize("ci", SYSTEMS)
def test_a_long_training_is_submitted_and_polled(systems: Any, ci: str) -> None:
    system = systems(ci, "azureml")
    done = system.train(JOB)
    assert done.code == 0, done.output
    (created,) = done.of("az ml job create --file azureml/jobs/train.yml")
    assert f"tags.commit={COMMIT}" in created
    assert done.of("az ml job update") == ["--name job-7 --set tags.state=taken"]
    assert done.before("az ml job download --name job-7", "uv run dvc commit --force")
    assert done.before("uv run dvc push", "az ml job update")
    assert not system.train([*JOB, fails("uv run dvc push")]).of("az ml job update")
    assert done.tasks == ["pipeline", "register", "models", "notify"]
    failed = system.train([JOB[0], says("az ml job show * status *", "Failed"), JOB[2]])
    assert (failed.code, failed.tasks) == (1, ["notify"])
    later = system.train(JOB, "poll")
    assert not later.of("az ml job create")
    assert later.tasks == ["pipeline", "register", "models", "notify"]
    assert not system.train(task="poll").tasks


@pytest.mark.parametrize("ci", SYSTEMS)
def test_upkeep(systems: Any, ci: str) -> None:
    system = systems(ci, "kubernetes")
    assert system.upkeep().tasks == ["expiry"]
    newer = system.upkeep([fails("uvx copier@* check-update --quiet", 2)])
    assert (newer.code, newer.tasks) == (0, ["expiry", "notify"])
    expired = system.upkeep([fails("uv run poe expiry")])
    assert (expired.code, expired.tasks) == (1, ["expiry", "notify"])


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("aks", "DVC_REMOTE"),
        ("aks", "REGISTRY"),
        ("aks", "SERVICE_URL"),
        ("batch", "MLFLOW_TRACKING_URI"),
    ],
)
@pytest.mark.parametrize("ci", SYSTEMS)
def test_a_release_without_one_of_its_places_is_red(
    systems: Any, ci: str, name: str, missing: str
) -> None:
    done = systems(ci, name).release(**{missing: ""})
    assert done.code == 1
    assert f"{missing}: is empty" in done.output
    assert not {"deploy", "register"} & set(done.tasks)


@pytest.mark.parametrize("missing", ["SIGNING_KEY", "REPOSITORY"])
def test_azure_pipelines_says_before_the_push_that_nothing_could_be_signed(
    systems: Any, missing: str
) -> None:
    done = systems("azure-devops", "kubernetes").release(**{missing: ""})
    assert (done.code, f"{missing}: is empty" in done.output) == (1, True)
    assert not done.of("docker buildx build")


@pytest.mark.parametrize(
    ("ci", "name", "broken"),
    [
        ("azure-devops", "aks", "az acr login*"), ("gitlab", "aks", "docker login*"),
        ("gitlab", "kubernetes", "docker login*"), ("gitlab", "aks", "curl *oauth2/exchange*"),
    ],
)  # fmt: skip
def test_a_registry_that_is_not_reached_stops_the_release(
    systems: Any, ci: str, name: str, broken: str
) -> None:
    done = systems(ci, name).release([fails(broken)])
    assert done.code
    assert not done.of("docker buildx build")
    assert not done.of("uv run poe deploy")


@pytest.mark.parametrize(
    ("name", "file", "filled", "word"),
    [
        ("aks", "infra/bicep/test.bicepparam", "2026-12-01", "YEAR-MONTH-01"),
        ("azureml", "infra/terraform/environments/test.tfbackend", "state1", "STATEACCOUNT"),
    ],
)
@pytest.mark.parametrize("ci", SYSTEMS)
def test_a_word_that_nobody_replaced_stops_before_anything_is_applied(
    systems: Any, ci: str, name: str, file: str, filled: str, word: str
) -> None:
    system = systems(ci, name)
    path = system.project / file
    text = path.read_text(encoding="utf-8")
    assert filled in text
    path.write_text(text.replace(filled, word), encoding="utf-8")
    try:
        git(system.project, "commit", "-q", "-a", "-m", "a word is left")
        done = system.infra("apply")
    finally:
        git(system.project, "reset", "-q", "--hard", "HEAD~1")
    assert (done.code, "replace these words" in done.output) == (1, True)
    assert not done.of("az stack sub create") + done.of(f"{TERRAFORM} apply")


@pytest.mark.parametrize("ci", SYSTEMS)
def test_main_is_checked_after_a_merge(systems: Any, ci: str) -> None:
    done = systems(ci, "batch").merged()
    assert done.code == 0, done.output
    assert done.tasks == ["check", "secrets", "audit"]


def test_the_first_run_of_azure_pipelines_on_main_needs_no_data(systems: Any) -> None:
    """Somebody starts it by hand, before any data are in the remote."""
    assert systems("azure-devops", "batch").merged("Manual").tasks == ["check", "secrets", "audit"]


@pytest.mark.parametrize("ci", SYSTEMS)
def test_a_drift_check_that_fails_is_told(systems: Any, ci: str) -> None:
    for code in (1, 4):  # an error; too few rows to judge
        done = systems(ci, "batch").train([fails("uv run poe monitor*", code)], "drift")
        assert (done.code, done.tasks) == (1, ["monitor", "notify"])


TERRAFORM = "terraform -chdir=infra/terraform"


@pytest.mark.parametrize(
    ("name", "plan", "apply"),
    [
        ("aks", "az stack-whatif sub create", "az stack sub create"),
        ("azureml", f"{TERRAFORM} plan", f"{TERRAFORM} apply"),
    ],
)
@pytest.mark.parametrize("ci", SYSTEMS)
def test_infrastructure(systems: Any, ci: str, name: str, plan: str, apply: str) -> None:
    system = systems(ci, name)
    planned = system.infra("plan")
    assert (len(planned.of(plan)), planned.of(apply)) == (2, [])
    assert len(planned.of("uvx checkov==")) == 1
    calm = system.infra("drift")
    assert (calm.code, len(calm.of(plan)), calm.of("uv run poe notify")) == (0, 2, []), calm.output
    moved = [
        says("az stack-whatif sub show *", "Delete\tdefinite\t/a"),
        fails(f"{plan}*-exitcode*", 2),
    ]
    told = system.infra("drift", moved)
    assert (told.code, len(told.of("uv run poe notify")), told.of(apply)) == (1, 1, [])
    applied = system.infra("apply")
    test, production = applied.of(apply)
    assert ("test" in test, "prod" in production) == (True, True)
    broken = system.infra("apply", [fails(f"{apply}*")])
    assert len(broken.of(apply)) == 1
