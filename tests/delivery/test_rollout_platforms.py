"""The release steps for Kubernetes and Azure ML, really run, against programs that only record."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.delivery.rollouts import ANSWERS, STRATEGIES
from tests.project.living import FOUND, Project, environment
from tests.project.test_service import PACKAGE, serving
from tests.render.engines import with_copier

OLD, NEW, OLDER = (f"registry.example.com/ml-project@sha256:{digit * 64}" for digit in "abc")
OVERLAY = "deploy/kubernetes/overlays/test"
# Records its words; says what the scenario has for the first entry whose words are all among them.
RECORDER = f"""#!{sys.executable} -SE
import json, os, pathlib, sys
words = sys.argv[1:]
folder = pathlib.Path(os.environ["RECORDER"])
said = {{"program": pathlib.Path(sys.argv[0]).name, "words": words}}
if "-k" in words:
    made = pathlib.Path(words[words.index("-k") + 1])
    said["files"] = {{path.name: path.read_text() for path in made.iterdir()}}
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(said) + "\\n")
for entry in json.loads((folder / "answers").read_text()):
    if all(word in words for word in entry["words"]):
        if "fails" in entry:
            sys.exit(entry["fails"])
        print(entry["out"] if isinstance(entry["out"], str) else json.dumps(entry["out"]))
        sys.exit()
"""
# Runs all scenarios in one process, which spares the time of many imports.
DRIVER = """
import json, os, pathlib, sys
from typer.testing import CliRunner
from deploy import rollout
folder = pathlib.Path(os.environ["RECORDER"])
results = []
for scenario in json.loads((folder / "scenarios").read_text()):
    (folder / "answers").write_text(json.dumps(scenario["answers"]))
    (folder / "calls").write_text("")
    pathlib.Path("deploy/rollout.yaml").write_text(json.dumps(scenario["plan"]))
    done = CliRunner().invoke(rollout.app, scenario["words"])
    calls = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    said = f"{done.output}{done.exception or ''}"
    results.append({"code": done.exit_code, "said": said, "calls": calls})
print(json.dumps(results))
"""


@dataclass(frozen=True)
class Scenario:
    """What the programs answer, what is asked of the release steps, and by which plan."""

    strategy: str
    answers: list[dict[str, Any]]
    words: tuple[str, ...] = ("deploy", "--environment", "test", "--image", NEW)

    @property
    def plan(self) -> dict[str, Any]:
        part: dict[str, Any] = {
            "ab-test": {"match": {"header": "x-variant", "cookie": "variant", "value": "b"}},
        }.get(self.strategy, {})
        first = {"shadow": [{"mirror": 50}], "canary": [{"weight": 5}, {"weight": 25}]}
        weights = [*first.get(self.strategy, []), {"weight": 100}]
        if self.strategy == "ab-test":
            weights.insert(0, {"weight": 0})
        abort = {"max_error_rate": 0.01, "max_p99_ms": 5000, "max_metric_loss": 0.02}
        taken = [{**step, "bake": "0s"} for step in weights]
        return {"strategy": self.strategy, **part, "steps": taken, "abort": abort}


@dataclass(frozen=True)
class Result:
    """What came out: the exit code, the words, and each call of a program."""

    code: int
    said: str
    calls: list[dict[str, Any]]

    def lines(self, *leave: str) -> list[str]:
        """Each call as it would be typed, without those that only ask."""
        said = [" ".join([call["program"], *call["words"]]) for call in self.calls]
        return [line.removesuffix(" --output json") for line in said if not any(
            word in line for word in (*leave, " show ", "get-credentials", "monitor metrics")
        )]  # fmt: skip


def play(project: Project, folder: Path, scenarios: dict[str, Scenario]) -> dict[str, Result]:
    """Run every scenario with the project's own release steps."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("kubectl", "az"):
        (programs / name).write_text(RECORDER, encoding="utf-8")
        (programs / name).chmod(0o755)
    described = [{**asdict(one), "plan": one.plan} for one in scenarios.values()]
    (folder / "scenarios").write_text(json.dumps(described), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECORDER", str(folder))
        patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        done = project.run("python", "-c", DRIVER)
    results = [Result(**one) for one in json.loads(done.stdout.splitlines()[-1])]
    return dict(zip(scenarios, results, strict=True))


# KUBERNETES


def workload(strategy: str) -> str:
    """What `kubectl kustomize` says, with more around it than is asked for."""
    argo = strategy not in ("recreate", "ramped")
    containers = [{"name": "service", "image": "registry.example.com/ml-project@sha256:0"}]
    found = {
        "apiVersion": "argoproj.io/v1alpha1" if argo else "apps/v1",
        "kind": "Rollout" if argo else "Deployment",
        "metadata": {"name": "ml-project", "namespace": "ml-project-test"},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ml-project"}}
    job = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "ml-project-score"}}
    return yaml.safe_dump_all([service, found, job])


def cluster(strategy: str, *more: dict[str, Any], revision: str = "7") -> list[dict[str, Any]]:
    argo = strategy not in ("recreate", "ramped")
    key = f"{'rollout.argoproj.io' if argo else 'deployment.kubernetes.io'}/revision"
    applied: Any = ""
    if revision:
        spec = {"template": {"spec": {"containers": [{"image": OLD}]}}}
        applied = {"metadata": {"annotations": {key: revision}}, "spec": spec}
    return [
        *more,
        {"words": ["kustomize"], "out": workload(strategy)},
        {"words": ["get"], "out": applied},
        {"words": [], "out": ""},
    ]


def killed(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """Revision 8 was on its way when its release was killed; 6 serves, 7 was killed before it."""
    answers = cluster("canary", *more, revision="8")
    [shown] = [each for each in answers if each["words"] == ["get"]]
    shown["out"]["status"] = {"stableRS": "abc", "currentPodHash": "def"}
    kept = {"metadata": {"annotations": {"rollout.argoproj.io/revision": "6"}}}
    asked = ["get", "replicasets", "--selector=rollouts-pod-template-hash=abc"]
    return [{"words": asked, "out": {"items": [kept]}}, *answers]


def failing(*words: str) -> dict[str, Any]:
    return {"words": list(words), "fails": "error: it is said why"}


KUBERNETES = {
    **{name: Scenario(name, cluster(name)) for name in STRATEGIES},
    "status fails": Scenario("canary", cluster("canary", failing("status"))),
    "ramped status fails": Scenario("ramped", cluster("ramped", failing("status"))),
    "apply fails": Scenario("ramped", cluster("ramped", failing("apply"))),
    "first fails": Scenario("ramped", cluster("ramped", failing("status"), revision="")),
    "undo": Scenario("ramped", cluster("ramped"), ("undo", "--environment", "test")),
    "undo canary": Scenario("canary", cluster("canary"), ("undo", "--environment", "test")),
    "undo after a kill": Scenario("canary", killed(), ("undo", "--environment", "test")),
    "fails after a kill": Scenario("canary", killed(failing("status"))),
    "a tag": Scenario(
        "ramped", cluster("ramped"), ("deploy", "--environment", "test", "--image", "a/b:latest")
    ),
    "no overlay": Scenario(
        "ramped", cluster("ramped"), ("deploy", "--environment", "qa", "--image", NEW)
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def kubernetes(online: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    folder = tmp_path_factory.mktemp("kubernetes")
    project = online.copy(folder / "project")
    (project.root / OVERLAY).mkdir(parents=True, exist_ok=True)
    return play(project, folder, KUBERNETES)


ARGO = "kubectl argo rollouts"
SPACE = "-n ml-project-test"
NOTED = f"release/images-before={OLD}"  # what `undo` brings back, before anything moves


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_kubernetes_applies_and_waits(kubernetes: dict[str, Result], strategy: str) -> None:
    done = kubernetes[strategy]
    assert done.code == 0, done.said
    kinds = [" ".join([c["program"], *c["words"][:2]]) for c in done.calls]
    assert kinds[0] == f"kubectl kustomize {OVERLAY}"
    argo = strategy not in ("recreate", "ramped")
    kind = "rollout" if argo else "deployment"
    assert kinds[1] == f"kubectl get {kind}/ml-project"
    assert done.lines()[2] == f"kubectl annotate {kind}/ml-project {SPACE} --overwrite {NOTED}"
    assert kinds[3].startswith("kubectl apply -k"[:13])
    waited = f"{ARGO} status ml-project" if argo else "kubectl rollout status deployment/ml-project"
    assert done.lines()[4:] == [f"{waited} {SPACE} --timeout 600s"]


def test_kubernetes_gets_the_digest_and_nothing_committed_changes(
    kubernetes: dict[str, Result],
) -> None:
    files = kubernetes["canary"].calls[3]["files"]
    assert list(files) == ["kustomization.yaml"]
    made = yaml.safe_load(files["kustomization.yaml"])
    name, digest = NEW.split("@")
    used = "registry.example.com/ml-project"
    assert made["images"] == [{"name": used, "newName": name, "digest": digest}]
    assert made["resources"] == ["../test"]


@pytest.mark.parametrize(
    ("scenario", "undone"),
    [
        ("status fails", f"{ARGO} undo ml-project"),
        ("ramped status fails", "kubectl rollout undo deployment/ml-project"),
        ("apply fails", "kubectl rollout undo deployment/ml-project"),
    ],
)
def test_kubernetes_goes_back_to_the_revision_that_was(
    kubernetes: dict[str, Result], scenario: str, undone: str
) -> None:
    done = kubernetes[scenario]
    assert done.code == 1
    assert done.lines().count(f"{undone} {SPACE} --to-revision=7") == 1
    assert f"kubectl set image cronjob/ml-project-score *={OLD} {SPACE}" in done.lines()
    assert "aborted: " in done.said
    assert "it is said why" in done.said


def test_kubernetes_has_nothing_to_go_back_to_after_a_first_version(
    kubernetes: dict[str, Result],
) -> None:
    done = kubernetes["first fails"]
    assert done.code == 1
    assert not [line for line in done.lines() if " undo " in line]


def test_kubernetes_undo(kubernetes: dict[str, Result]) -> None:
    get = f"kubectl get deployment/ml-project {SPACE} --ignore-not-found -o json"
    assert kubernetes["undo"].lines()[1:] == [
        get,
        f"kubectl rollout undo deployment/ml-project {SPACE}",
        get,
        f"kubectl set image cronjob/ml-project-score *={OLD} {SPACE}",
        f"kubectl rollout status deployment/ml-project {SPACE} --timeout 600s",
    ]


def test_kubernetes_goes_back_to_what_serves_after_a_kill(kubernetes: dict[str, Result]) -> None:
    """Not to the version that was on its way when the release before was killed."""
    for name, code in (("undo after a kill", 0), ("fails after a kill", 1)):
        undone = [line for line in kubernetes[name].lines() if " undo " in line]
        assert kubernetes[name].code == code, kubernetes[name].said
        assert undone == [f"{ARGO} undo ml-project {SPACE} --to-revision=6"]
    assert f"{ARGO} undo ml-project {SPACE}" in kubernetes["undo canary"].lines()


def test_what_is_not_released_is_refused_before_anything_is_done(
    kubernetes: dict[str, Result],
) -> None:
    for scenario, reason in {"a tag": "must name a digest", "no overlay": "there is no"}.items():
        assert kubernetes[scenario].code == 1
        assert reason in kubernetes[scenario].said
        assert kubernetes[scenario].calls == []


# AZURE ML

ENDPOINT = "az ml online-endpoint update --name ml-project-test"
CREATE = "az ml online-deployment create --name {0} --endpoint-name ml-project-test "
CREATE += "--file azureml/online/deployment.yml --set environment.image={1} "
CREATE += "data_collector.collections.request.enabled=true "
CREATE += "data_collector.collections.response.enabled=true data_collector.sampling_rate=1"
DELETE = "az ml online-deployment delete --name {0} --endpoint-name ml-project-test --yes"
TAGS = f"{ENDPOINT} --set tags.live=green tags.image_green={NEW} tags.image_before={OLD}"


def series(status: str, *values: float) -> dict[str, Any]:
    meta = [{"name": {"value": "statuscodeclass"}, "value": status}] if status else []
    return {"metadatavalues": meta, "data": [{"average": value} for value in values]}


def azure(
    url: str,
    *more: dict[str, Any],
    requests: tuple[dict[str, Any], ...] = (),
    p99: float = 10.0,
    traffic: dict[str, int] | None = None,
    **tags: str,
) -> list[dict[str, Any]]:
    held = {"live": "blue", "image_blue": OLD, "image_before": OLD, **tags}
    shown = {
        "id": "/subscriptions/0/endpoint",
        "scoring_uri": f"{url}/predict",
        "traffic": {"blue": 100} if traffic is None else traffic,
        "tags": {} if traffic == {} and not tags else held,
    }
    return [
        *more,
        {"words": ["online-endpoint", "show"], "out": shown},
        {"words": ["get-credentials"], "out": {"accessToken": "t"}},
        {"words": ["RequestsPerMinute"], "out": {"value": [{"timeseries": list(requests)}]}},
        {"words": ["metrics"], "out": {"value": [{"timeseries": [series("", p99)]}]}},
        {"words": [], "out": {}},
    ]


FINE = (series("2xx", 100, 100), series("4xx", 5))
BROKEN = (series("2xx", 100), series("5xx", 2))
UNDO = ("undo", "--environment", "test")


TAGGED: dict[str, Any] = {"image_green": NEW, "image_before": OLDER}
# Where a rollout of NEW over OLD was killed: the strategy, the traffic, and what else tags say.
KILLED: list[tuple[str, dict[str, int], dict[str, Any]]] = [
    ("canary", {"blue": 75, "green": 25}, {}),
    ("shadow", {"blue": 100, "green": 0}, {}),
    ("recreate", {"green": 0}, {}),
    ("ramped", {"blue": 100}, {"image_blue": NEW, "image_before": OLD}),
]


def at_azure(url: str) -> dict[str, Scenario]:
    fine: dict[str, Any] = {"requests": FINE}
    return {
        **{name: Scenario(name, azure(url, **fine)) for name in STRATEGIES},
        "errors": Scenario("canary", azure(url, requests=BROKEN)),
        "slow": Scenario("canary", azure(url, requests=FINE, p99=6000)),
        "create fails": Scenario("canary", azure(url, failing("create"))),
        "traffic fails": Scenario("canary", azure(url, failing("blue=75 green=25"))),
        "recreate errors": Scenario("recreate", azure(url, requests=BROKEN)),
        "ramped errors": Scenario("ramped", azure(url, requests=BROKEN)),
        "shadow errors": Scenario("shadow", azure(url, requests=BROKEN)),
        "interrupted before": Scenario(
            "blue-green", azure(url, **fine, traffic={"blue": 40, "green": 60})
        ),
        "first": Scenario("canary", azure(url, traffic={})),
        "undo": Scenario(
            "canary", azure(url, traffic={"blue": 100, "green": 0}, image_green=OLD), UNDO
        ),
        **{
            f"undo after a kill: {name}": Scenario(
                name, azure(url, traffic=traffic, **{**TAGGED, **more}), UNDO
            )
            for name, traffic, more in KILLED
        },
        "recreate after a kill": Scenario(
            "recreate", azure(url, **fine, traffic={"green": 0}, image_green=NEW)
        ),
        "twice": Scenario("canary", azure(url, **fine, image_blue=NEW)),
        "twice after a kill": Scenario(
            "blue-green",
            azure(url, **fine, traffic={"blue": 40, "green": 60}, image_green=NEW),
        ),
        "undo ramped": Scenario("ramped", azure(url), UNDO),
        "not reached": Scenario("canary", azure("http://127.0.0.1:9")),
    }


@pytest.fixture(scope="session")
def azureml(
    online: Project, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Result]]:
    """Every scenario, with a real service where the endpoint would be."""
    folder = tmp_path_factory.mktemp("azureml")
    answers = {**ANSWERS, "cloud": "azure", "platform": "azureml"}
    root = with_copier(repository, folder / "project", answers)
    project = Project(root, environment(FOUND[0]))
    for part in ("models/package", "data/processed", "reports"):
        shutil.copytree(online.root / part, root / part, dirs_exist_ok=True)
    (endpoint := root / "azureml/online/endpoint.yml").parent.mkdir(parents=True, exist_ok=True)
    endpoint.write_text("name: ml-project-online\n", encoding="utf-8")
    with serving(online, *PACKAGE) as server:
        yield play(project, folder, at_azure(f"http://127.0.0.1:{server.port}"))


def sent(**shares: int) -> str:
    return f"{ENDPOINT} --traffic {' '.join(f'{name}={share}' for name, share in shares.items())}"


def mirrored(share: int) -> str:
    return f"{ENDPOINT} --mirror-traffic green={share}"


MARK = f"{ENDPOINT} --set tags.image_green={NEW}"
IN_PLACE = f"{ENDPOINT} --set tags.image_blue={NEW} tags.image_before={OLD}"
STARTED = CREATE.format("green", NEW)
BACK = [sent(blue=100, green=0), f"{DELETE.format('green')} --no-wait"]
AZURE_DEPLOYS = {
    "recreate": [sent(blue=0), DELETE.format("blue"), MARK, STARTED, sent(green=100), TAGS],
    "ramped": [
        IN_PLACE,
        CREATE.format("blue", NEW),
        f"{ENDPOINT} --set tags.live=blue tags.image_blue={NEW} tags.image_before={OLD}",
    ],
    "blue-green": [MARK, STARTED, sent(blue=0, green=100), TAGS],
    "canary": [
        MARK, STARTED, sent(blue=95, green=5), sent(blue=75, green=25),
        sent(blue=0, green=100), TAGS,
    ],
    "ab-test": [MARK, STARTED, sent(blue=0, green=100), TAGS],
    "shadow": [MARK, STARTED, mirrored(50), mirrored(0), sent(blue=0, green=100), TAGS],
    "recreate after a kill": [
        CREATE.format("blue", OLD), sent(blue=100, green=0), sent(blue=0), DELETE.format("blue"),
        MARK, STARTED, sent(green=100), TAGS,
    ],
    "interrupted before": [
        sent(blue=100, green=0), MARK, STARTED, sent(blue=0, green=100), TAGS,
    ],
}  # fmt: skip


@pytest.mark.parametrize("strategy", AZURE_DEPLOYS)
def test_azure_takes_the_steps_in_order(azureml: dict[str, Result], strategy: str) -> None:
    assert azureml[strategy].code == 0, azureml[strategy].said
    assert azureml[strategy].lines() == AZURE_DEPLOYS[strategy]


@pytest.mark.parametrize(
    ("scenario", "reason", "lines"),
    [
        ("errors", "2 of 102 answers are errors", [MARK, STARTED, sent(blue=95, green=5), *BACK]),
        (
            "slow", "99 % of the answers take up to 6000",
            [MARK, STARTED, sent(blue=95, green=5), *BACK],
        ),
        ("create fails", "it is said why", [MARK, STARTED, BACK[1]]),
        (
            "traffic fails", "it is said why",
            [MARK, STARTED, sent(blue=95, green=5), sent(blue=75, green=25), *BACK],
        ),
        (
            "recreate errors", "2 of 102",
            [sent(blue=0), DELETE.format("blue"), MARK, STARTED, sent(green=100),
             CREATE.format("blue", OLD), *BACK],
        ),
        ("ramped errors", "2 of 102",
         [IN_PLACE, CREATE.format("blue", NEW), CREATE.format("blue", OLD),
          f"{ENDPOINT} --set tags.image_blue={OLD} tags.image_before={OLD}"]),
        (
            "shadow errors", "2 of 102",
            [MARK, STARTED, mirrored(50), mirrored(0), BACK[1]],
        ),
        ("not reached", "cannot be measured", []),
    ],
)  # fmt: skip
def test_azure_gives_the_traffic_back(
    azureml: dict[str, Result], scenario: str, reason: str, lines: list[str]
) -> None:
    done = azureml[scenario]
    assert done.code == 1
    assert reason in done.said
    assert done.lines() == lines


def test_azure_first_version(azureml: dict[str, Result]) -> None:
    first = CREATE.format("blue", NEW)
    tags = f"{ENDPOINT} --set tags.live=blue tags.image_blue={NEW}"
    mark = f"{ENDPOINT} --set tags.image_blue={NEW}"
    assert azureml["first"].lines() == [mark, first, sent(blue=100), tags]


def test_azure_undo(azureml: dict[str, Result]) -> None:
    tags = f"--set tags.live=green tags.image_green={OLD} tags.image_before={OLD}"
    assert azureml["undo"].lines() == [sent(blue=0, green=100), f"{ENDPOINT} {tags}"]
    tags = f"--set tags.live=blue tags.image_blue={OLD} tags.image_before={OLD}"
    assert azureml["undo ramped"].lines() == [CREATE.format("blue", OLD), f"{ENDPOINT} {tags}"]


def test_azure_undo_after_a_kill_brings_back_what_was_in_service(
    azureml: dict[str, Result],
) -> None:
    """Never the version that was on its way, and not the one before last."""
    lines = {
        name: azureml[f"undo after a kill: {name}"].lines() for name, *_ in KILLED
    }  # fmt: skip
    gone = f"{DELETE.format('green')} --no-wait"
    assert lines["canary"] == [sent(blue=100, green=0), gone]
    assert lines["shadow"] == [mirrored(0), gone]
    assert lines["recreate"] == [CREATE.format("blue", OLD), sent(blue=100, green=0), gone]
    assert lines["ramped"][0] == CREATE.format("blue", OLD)
    assert all(azureml[f"undo after a kill: {name}"].code == 0 for name in lines)


def test_azure_takes_the_same_image_twice(azureml: dict[str, Result]) -> None:
    """Nothing is done, so that `undo` still finds the version before; unless a kill came first."""
    assert (azureml["twice"].code, azureml["twice"].lines()) == (0, [])
    assert "in service already" in azureml["twice"].said
    again = azureml["twice after a kill"]
    assert (again.code, again.lines()) == (0, AZURE_DEPLOYS["interrupted before"])


def test_azure_is_asked_about_the_new_deployment_since_the_step_began(
    azureml: dict[str, Result],
) -> None:
    asked = [call["words"] for call in azureml["canary"].calls if "metrics" in call["words"]]
    assert len(asked) == 2 * 3
    for words in asked:
        assert "deployment eq 'green'" in words[words.index("--filter") + 1]
        assert words[words.index("--resource") + 1] == "/subscriptions/0/endpoint"


def test_the_token_of_the_endpoint_is_in_no_command_line(azureml: dict[str, Result]) -> None:
    assert not [c for done in azureml.values() for c in done.calls if "t" in c["words"]]


# TOKENS THAT END BEFORE A ROLLOUT DOES


def stand_in(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_an_expired_login_is_renewed_once(repository: Path, tmp_path: Path) -> None:
    answers = {**ANSWERS, "cloud": "azure", "platform": "azureml", "ci": "github"}
    project = with_copier(repository, tmp_path / "project", answers)
    fresh = tmp_path / "fresh"
    stand_in(
        tmp_path / "bin/az",
        f'[ -e {fresh} ] && echo "[1]" || {{ echo "AADSTS700024: expired" >&2; exit 1; }}',
    )
    login = tmp_path / "login"
    ask = "from deploy.azureml_endpoint import _az; print(_az('ml', 'show'))"
    env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "PYTHONPATH": "src"}

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", ask], cwd=project, env={**env, **more}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    assert "AADSTS700024" in run().stderr
    stand_in(login, "exit 0")
    assert "AADSTS700024" in run(AZURE_LOGIN=str(login)).stderr
    stand_in(login, f"touch {fresh}")
    assert run(AZURE_LOGIN=str(login)).stdout == "[1]\n"


@pytest.mark.parametrize(
    ("ci", "cloud", "answer"),
    [
        ("github", "none", '{"value": "t"}'),
        ("github", "azure", '{"value": "own", "access_token": "t"}'),
        ("gitlab", "azure", '{"access_token": "t"}'),
    ],
)
def test_kubectl_gets_a_new_token_each_time(
    ci: str, cloud: str, answer: str, repository: Path, tmp_path: Path
) -> None:
    answers = {**ANSWERS, "cloud": cloud, "platform": "kubernetes", "ci": ci}
    project = with_copier(repository, tmp_path / "project", answers)
    stand_in(tmp_path / "bin/curl", f"echo \"$@\" >> {tmp_path / 'calls'}; echo '{answer}'")
    known = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "AZURE_TENANT_ID")
    env = dict.fromkeys((*known, "AZURE_CLIENT_ID", "CLIENT_ID", "AZURE_TOKEN"), "own")
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [project / f".{ci}/kubernetes-token.sh"], env={**env, "PATH": path}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == {"token": "t"}
    if cloud == "azure":
        assert "client_assertion=own" in (tmp_path / "calls").read_text(encoding="utf-8")
    stand_in(tmp_path / "bin/curl", "exit 22")
    failed = subprocess.run(
        [project / f".{ci}/kubernetes-token.sh"], env={**env, "PATH": path}, capture_output=True,
        check=False,
    )  # fmt: skip
    assert failed.returncode != 0
