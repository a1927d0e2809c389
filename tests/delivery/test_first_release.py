"""The first release, played by its page: every command in its order, with recording stand-ins."""

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from tests.conftest import git
from tests.delivery.ci_play import Played, Stage, fails, says
from tests.render.engines import Answers, with_copier

PAGE = "docs/delivery/first-release.md"
SETS: dict[str, Answers] = {
    "default": {},
    "none": {"ci": "none", "cloud": "none", "serving": "online"},
    "aks": {
        "serving": "both", "platform": "kubernetes", "cloud": "azure", "iac": "bicep",
        "ci": "github", "rollout": "canary", "level": "govern",
    },
    "aks-gitlab": {
        "serving": "online", "platform": "kubernetes", "cloud": "azure", "iac": "terraform",
        "ci": "gitlab", "rollout": "ramped",
    },
    "cluster-gitlab": {"serving": "both", "platform": "kubernetes", "ci": "gitlab"},
    "cluster-github": {"serving": "both", "platform": "kubernetes", "ci": "github"},
    "azureml": {
        "serving": "both", "platform": "azureml", "cloud": "azure", "iac": "bicep",
        "ci": "azure-devops",
    },
    "batch-azure": {"serving": "batch", "cloud": "azure", "iac": "none", "ci": "azure-devops"},
}  # fmt: skip
# Entered by hand, since they are secret; made by CI itself; only where there is a second registry.
BY_HAND = {"NOTIFY_URLS", "API_KEY", "PUSHGATEWAY_URL", "SCORE_REGISTRY", "REPORT_TOKEN"}
MADE = "value-of-an-output"


@pytest.fixture(scope="module", params=SETS)
def stage(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    """A committed project of one set of answers, between stand-ins."""
    folder = tmp_path_factory.mktemp("first")
    project = with_copier(repository, folder / "project", SETS[request.param])
    if (approvers := project / ".github/environments.sh").exists():  # a person with a handle
        text = approvers.read_text(encoding="utf-8").replace("team@example.com", "@someone")
        approvers.write_text(text, encoding="utf-8")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "as it is")
    return Stage(project, folder / "stage")


def commands(project: Path) -> str:
    """The code of the page, as one script."""
    text = (project / PAGE).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"(?ms)^```\n(.*?)^```", text))


def play(stage: Stage, *answers: str) -> Played:
    """Run the page from its top to its end, or to the first command that fails."""
    looked_up = ("az * show *", "terraform * output -raw *", "gh api *")
    outputs = [says(call, MADE) for call in looked_up]
    outputs.append(says("kubectl get secret *", "a2V5"))  # in base64
    stage.start([*answers, *outputs])
    remote = ["git", "-C", stage.project, "remote", "remove", "origin"]
    subprocess.run(remote, capture_output=True, check=False)
    subprocess.run(["git", "-C", stage.project, "tag", "-d", "v1.0.0"], capture_output=True)
    if (deploy := stage.project / "deploy").exists():  # what `az keyvault key download` writes
        (deploy / "cosign.pub").write_text(f"{time.time_ns()}\n", encoding="utf-8")
    who = {
        f"GIT_{one}_{what}": "x@y" for one in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands(stage.project)], cwd=stage.project,
        env={**stage.env, **who, "PATH": f"{stage.bin}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return Played(stage.calls(), done.returncode, done.stdout + done.stderr)


def variables(project: Path) -> set[str]:
    """The variables that the page on CI asks for, but those that people enter by hand."""
    text = (project / "docs/delivery/ci.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| ((?:`[A-Z][A-Z_]+`(?:, )?)+)", text)
    return {name for row in rows for name in re.findall(r"[A-Z_]+", row)} - BY_HAND


def test_every_command_of_the_page_runs_in_its_order(stage: Stage) -> None:
    done = play(stage)
    assert done.code == 0, done.output
    assert done.before("uv run dvc push", "git push origin v1.0.0")
    assert done.before("uv run poe verdict", "git push origin v1.0.0")
    undo = ("uv run poe undo --environment prod", "uv run ml_project rollback")
    assert done.calls[-1].startswith(undo)


def test_azure_pipelines_runs_first_when_its_variables_are_there(stage: Stage) -> None:
    """A pipeline that names a missing variable group does not start; a project has a repository."""
    if (stage.project / "azure-pipelines").exists():
        done = play(stage)
        assert done.before("az devops project create", "az pipelines create")
        assert done.before("az pipelines variable-group create", "az pipelines run --name ci")
        made = " ".join(done.of("az pipelines variable-group create"))
        texts = [one.read_text("utf-8") for one in stage.project.glob("azure-pipelines/*.yml")]
        read = set(re.findall(r"- group: ([\w-]+)", "".join(texts)))
        assert read
        assert {name for name in read if f"--name {name} " not in made} == set()
        assert not done.of("az repos create")


def test_dvc_knows_the_account_before_it_pushes(stage: Stage) -> None:
    script = commands(stage.project)
    if "export DVC_REMOTE=azure://" in script:
        assert 0 < script.index(" AZURE_STORAGE_ACCOUNT=") < script.index("uv run dvc push")
    else:
        assert "AZURE_STORAGE_ACCOUNT" not in script


def test_each_cluster_is_chosen_before_it_is_changed(stage: Stage) -> None:
    """Test and production have clusters of their own: what one gets, the other gets too."""
    if not (stage.project / "deploy/kubernetes").exists():
        return
    chosen, changed = "", set()
    for call in play(stage).calls:
        if call.startswith(("az aks get-credentials", "kubectl config use-context")):
            chosen = call
        elif call.startswith(("kubectl apply", "kubectl create secret", "helm upgrade")):
            assert chosen, call
            what = re.sub(r"(-|/)(test|prod)\b|key=\w+", "", call)
            changed.add((chosen, what))
    by_cluster = {one: {what for each, what in changed if each == one} for one, _ in changed}
    assert len(by_cluster) == 1 + (chosen.startswith("kubectl"))
    first, *others = by_cluster.values()
    assert all(other == first for other in others)


def test_a_word_that_nobody_replaced_stops_the_deployment(stage: Stage) -> None:
    for path in (
        stage.project / "infra/bicep/test.bicepparam",
        stage.project / "infra/terraform/environments/test.tfvars",
    ):
        if path.exists():
            text = path.read_text(encoding="utf-8")
            assert "@1/" in text or "2026-12" in text
            path.write_text(text.replace("@1/", "@OWNER-ID/").replace("2026-12", "YEAR-MONTH"))
            done = play(stage)
            path.write_text(text, encoding="utf-8")
            assert done.code != 0
            assert "error: replace these words" in done.output
            applied = done.of("az stack sub create") + done.of("terraform -chdir=infra/terraform a")
            assert len(applied) == 1  # dev alone


def test_the_images_are_signed_with_a_key_that_deployments_know(stage: Stage) -> None:
    release = stage.project / "azure-pipelines/release.yml"
    if release.exists() and "--key /cosign.pub" in release.read_text(encoding="utf-8"):
        done = play(stage)
        assert "Key Vault Crypto User" in " ".join(done.of("az role assignment create"))
        assert "--file deploy/cosign.pub" in " ".join(done.of("az keyvault key download"))
        assert "cosign.pub" in git(stage.project, "show", "--name-only", "HEAD")


def test_a_cluster_verifies_signatures_where_it_is_asked_to(stage: Stage) -> None:
    page = stage.project / PAGE
    text = page.read_text(encoding="utf-8")
    if "VERIFY_SIGNATURES" in text:
        assert not play(stage).of("helm upgrade --install policy-controller")
        page.write_text(text.replace("VERIFY_SIGNATURES=no", "VERIFY_SIGNATURES=yes"), "utf-8")
        done = play(stage)
        page.write_text(text, encoding="utf-8")
        assert done.before("helm upgrade --install policy-controller", "kubectl label namespace")
        assert done.before(
            "kubectl apply --filename deploy/kubernetes/signed.yaml", "git push origin v1"
        )
    else:
        assert not (stage.project / "deploy/kubernetes/signed.yaml").exists()


def test_the_other_environments_read_images_and_their_signatures(stage: Stage) -> None:
    text = commands(stage.project)
    if "deploy prod" in text and (stage.project / "deploy/container").exists():
        [line] = [each for each in play(stage).output.splitlines() if "mage" in each[:6]]
        assert line.count(MADE) == 4, line


def given(done: Played) -> set[str]:
    """The variables that CI has after the page."""
    sent = " ".join(done.of("az pipelines variable-group create"))
    names = re.findall(r"\b([A-Z_]+)=", sent)
    names += [call.split()[0] for call in done.of("gh variable set") + done.of("glab variable set")]
    return set(names)


def test_every_variable_that_ci_reads_is_given_a_value(stage: Stage) -> None:
    done = play(stage)
    assert variables(stage.project) - given(done) == set()
    calls = "\n".join(done.calls)
    assert not re.search(r"--body *(--|$)|glab variable set \w+ *(--|$)", calls, re.MULTILINE)


def test_each_task_of_gitlab_has_its_schedule(stage: Stage) -> None:
    texts = [path.read_text(encoding="utf-8") for path in stage.project.glob(".gitlab/ci/*.yml")]
    asked = set(re.findall(r'\$TASK == "(\w+)"', "".join(texts)))
    made = play(stage).of("glab schedule create")
    assert {re.search(r"TASK:(\w+)", call)[1] for call in made} == asked  # type: ignore[index]


@pytest.mark.parametrize(
    "command", ["uv run poe verdict", "uv run dvc push", "uv run poe pipeline"]
)
def test_what_fails_stops_before_the_tag(stage: Stage, command: str) -> None:
    done = play(stage, fails(f"{command}*"))
    assert done.code != 0
    assert not done.of("git push origin v1.0.0")


def test_the_page_on_ci_names_every_variable_that_is_read(stage: Stage) -> None:
    read: set[str] = set()
    for path in stage.project.glob(".github/workflows/*.yml"):
        read |= set(re.findall(r"vars\.([A-Z_]+)", path.read_text(encoding="utf-8")))
    assert read - BY_HAND - variables(stage.project) == set()
