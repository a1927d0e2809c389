"""The manifests of every strategy and environment; and that each check finds what it is for."""

import copy
import hashlib
import itertools
import re
import runpy
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.delivery.kubernetes_checks import (
    BY_HAND,
    Document,
    build,
    builtin_problems,
    custom_problems,
    distinct,
    name,
    of_kind,
    our_problems,
    pods,
    policy_problems,
    queries,
    query_problems,
    steps,
)
from tests.render.engines import with_copier

STRATEGIES = ("recreate", "ramped", "blue-green", "canary", "ab-test", "shadow")
ENVIRONMENTS = ("dev", "test", "prod")
BASE = "deploy/kubernetes/base"
SKIPPED = {"CKV_K8S_35": "the service reads its key from the environment, not from a file"}
Manifests = dict[tuple[str, str], list[Document]]
Bite = dict[str, Any]


@pytest.fixture(scope="module")
def projects(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A project of each strategy and way to serve; some are in a cloud."""
    found = {}
    for number, (strategy, serving) in enumerate(itertools.product(STRATEGIES, ("online", "both"))):
        answers = {"project_name": "Churn model", "serving": serving, "rollout": strategy}
        if number % 4 in (0, 3):
            answers |= {"cloud": "azure", "platform": "kubernetes"}
        target = tmp_path_factory.mktemp(strategy) / "project"
        found[f"{strategy}-{serving}"] = with_copier(plain, target, answers)
    return found


@pytest.fixture(scope="module")
def manifests(projects: dict[str, Path]) -> Manifests:
    """What kubectl makes of each project and environment."""
    return {
        (key, environment): build(project / "deploy/kubernetes/overlays" / environment)
        for key, project in projects.items()
        for environment in ENVIRONMENTS
    }


@pytest.fixture(scope="module")
def everything(manifests: Manifests, projects: dict[str, Path]) -> list[Document]:
    """Each document once, with those that are applied once and by hand."""
    found = [document for many in manifests.values() for document in many]
    for project in projects.values():
        folder = project / "deploy/kubernetes"
        for path in (folder / "gateway.yaml", *folder.glob("overlays/*/namespace.yaml")):
            found += yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return distinct(found)


def test_our_checks_find_nothing(manifests: Manifests) -> None:
    assert len(manifests) == len(STRATEGIES) * 2 * len(ENVIRONMENTS)
    found = {key: our_problems(documents) for key, documents in manifests.items()}
    assert {key: problems for key, problems in found.items() if problems} == {}


def test_the_schemas_find_nothing(everything: list[Document], tmp_path: Path) -> None:
    kinds = {document["kind"] for document in everything}
    assert {"Deployment", "Rollout", "AnalysisTemplate", "HTTPRoute", "Gateway"} <= kinds
    assert builtin_problems(everything, tmp_path) == []
    assert custom_problems(everything, tmp_path) == []


def test_the_policy_scan_finds_nothing(manifests: Manifests, tmp_path: Path) -> None:
    chosen = [*manifests["ramped-both", "prod"], *manifests["shadow-online", "test"]]
    assert policy_problems(chosen, tmp_path, SKIPPED) == []


def series(project: Path) -> set[str]:
    """What the service tells, read from its source, and what Prometheus itself adds."""
    source = next(project.glob("src/*/service/edge.py")).read_text(encoding="utf-8")
    counters = re.findall(r'prometheus\.Counter\(\s*"(\w+)"', source)
    histograms = re.findall(r'prometheus\.Histogram\(\s*"(\w+)"', source)
    return {"up", *(f"{one}_total" for one in counters), *(f"{one}_bucket" for one in histograms)}


def test_prometheus_can_answer(manifests: Manifests, projects: dict[str, Path]) -> None:
    told = series(projects["canary-both"])
    documents = copy.deepcopy(manifests["canary-both", "prod"])
    assert len(queries(documents)) == 3
    assert query_problems(documents, told) == []
    [live] = [one for one in documents if name(one) == "AnalysisTemplate/live-traffic"]
    metrics = [metric["provider"]["prometheus"] for metric in live["spec"]["metrics"]]
    metrics[1]["query"] = metrics[1]["query"].replace("[5m]", "")
    metrics[2]["query"] = metrics[2]["query"].replace("http_request_seconds", "request_seconds")
    wrong = query_problems(documents, told)
    assert [line.split(":")[0] for line in wrong] == [
        "AnalysisTemplate/live-traffic error-rate",
        "AnalysisTemplate/live-traffic p99-ms",
    ]


NEW, OLD = "churn-model-abc-x1", "churn-model-old-x1"
ROUTE = 'route="/predict"'


def requests(pod: str, status: str, a_minute: int) -> dict[str, str]:
    labels = f'namespace="n", pod="{pod}", {ROUTE}, status="{status}"'
    return {"series": f"http_requests_total{{{labels}}}", "values": f"0+{a_minute}x10"}


def times(pod: str, le: str, a_minute: int) -> dict[str, str]:
    labels = f'namespace="n", pod="{pod}", {ROUTE}, le="{le}"'
    return {"series": f"http_request_seconds_bucket{{{labels}}}", "values": f"0+{a_minute}x10"}


def scraped(pod: str, up: int) -> dict[str, str]:
    return {"series": f'up{{namespace="n", pod="{pod}"}}', "values": f"{up}x10"}


@pytest.mark.parametrize(
    ("metric", "series", "value"),
    [
        ("watched", [], 0),
        ("watched", [scraped(NEW, 1), scraped(OLD, 1)], 1),
        ("watched", [scraped(NEW, 0), scraped(OLD, 1)], 0),
        ("error-rate", [], 0),
        ("error-rate", [requests(NEW, "200", 100)], 0),
        ("error-rate", [requests(NEW, "200", 90), requests(NEW, "503", 10)], 0.1),
        ("error-rate", [requests(NEW, "200", 90), requests(NEW, "422", 10)], 0),
        ("error-rate", [requests(NEW, "500", 100)], 1),
        ("error-rate", [requests(NEW, "500", 5)], 0),
        ("error-rate", [requests(NEW, "200", 100), requests(OLD, "500", 100)], 0),
        ("p99-ms", [], 0),
        ("p99-ms", [requests(NEW, "200", 100), times(NEW, "0.025", 0), times(NEW, "0.05", 100),
                    times(NEW, "+Inf", 100)], 49.75),
        ("p99-ms", [requests(NEW, "200", 100), times(NEW, "0.1", 0), times(NEW, "0.25", 100),
                    times(NEW, "+Inf", 100)], 248.5),
        ("p99-ms", [requests(NEW, "200", 5), times(NEW, "0.1", 0), times(NEW, "0.25", 5),
                    times(NEW, "+Inf", 5)], 0),
    ],
)  # fmt: skip
def test_prometheus_answers_as_meant(
    metric: str, series: list[dict[str, str]], value: float, manifests: Manifests, tmp_path: Path
) -> None:
    """Prometheus' own evaluation of the rendered query, over series that are made up."""
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool of Debian's package prometheus is not installed here")
    documents = {name(one): one for one in manifests["canary-both", "prod"]}
    metrics = documents["AnalysisTemplate/live-traffic"]["spec"]["metrics"]
    [query] = [m["provider"]["prometheus"]["query"] for m in metrics if m["name"] == metric]
    for arg, given in {"namespace": "n", "hash": "abc", "min-requests": "50"}.items():
        query = query.replace(f"{{{{args.{arg}}}}}", given)
    expected: dict[str, Any] = {"expr": f"round(({query}), 0.01)", "eval_time": "8m"}
    expected["exp_samples"] = [{"labels": "{}", "value": value}]
    case = {"interval": "1m", "input_series": series, "promql_expr_test": [expected]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"tests": [case]}), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("cookies", "chosen"),
    [
        ("variant=b", True), ("a=1; variant=b", True), ("variant=b; a=1", True),
        ("a=1;variant=b;c", True), ("variant=a", False), ("variant=bb", False),
        ("xvariant=b", False), ("a=variant=b", False), ("", False),
    ],
)  # fmt: skip
def test_the_cookie_chooses_its_group_whether_all_or_part_has_to_match(
    cookies: str, chosen: bool, manifests: Manifests
) -> None:
    [rollout] = [one for one in manifests["ab-test-both", "prod"] if one["kind"] == "Rollout"]
    routes = [step["setHeaderRoute"] for step in steps(rollout) if "setHeaderRoute" in step]
    pattern = routes[1]["match"][0]["headerValue"]["regex"]
    assert bool(re.fullmatch(pattern, cookies)) is bool(re.search(pattern, cookies)) is chosen


def test_environments_differ_in_what_the_page_says_and_in_nothing_else(
    manifests: Manifests,
) -> None:
    dev, prod = (
        {name(d): d for d in manifests["canary-online", environment]}
        for environment in ("dev", "prod")
    )
    for documents in (dev, prod):
        for document in documents.values():
            del document["metadata"]["namespace"]
    differing = {key for key in dev if dev[key] != prod[key]}
    assert differing == {
        "ConfigMap/environment",
        "HorizontalPodAutoscaler/churn-model",
        "HTTPRoute/churn-model",
    }


def test_the_image_that_is_released_reaches_every_pod(
    projects: dict[str, Path], tmp_path: Path
) -> None:
    """As `poe deploy` does it: an overlay over the overlay."""
    shutil.copytree(projects["canary-both"] / "deploy/kubernetes", tmp_path / "kubernetes")
    release = tmp_path / "kubernetes/overlays/release"
    image = {"name": "registry.example.com/churn-model", "newName": "other.example.com/m"}
    image["digest"] = f"sha256:{'1' * 64}"
    release.mkdir()
    content = yaml.safe_dump({"resources": ["../prod"], "images": [image]})
    (release / "kustomization.yaml").write_text(content, encoding="utf-8")
    found = [one["image"] for pod in pods(build(release)) for one in pod.containers]
    assert found == [f"other.example.com/m@{image['digest']}"] * 4  # with probe and two schedules


def test_each_day_is_scored_in_production_with_the_released_model(manifests: Manifests) -> None:
    for (project, environment), documents in manifests.items():
        jobs = [one for one in of_kind(documents, "CronJob") if name(one).endswith("-score")]
        assert len(jobs) == project.endswith("-both")
        for job in jobs:
            assert job["spec"]["suspend"] is (environment != "prod")
            assert job["spec"]["concurrencyPolicy"] == "Forbid"
            [pod] = [one for one in pods(documents) if one.place == name(job)]
            [container] = pod.containers
            assert container["command"][-1] == "batch"
            assert container["args"] == ["--package", "models/package", "--since", "7d"]
            assert {"SCORE_INPUT", "SCORE_OUTPUT"} <= settings(documents).keys()


def test_collected_rows_are_carried_to_where_ci_reads_them(manifests: Manifests) -> None:
    for documents in manifests.values():
        claims = of_kind(documents, "PersistentVolumeClaim")
        jobs = [one for one in of_kind(documents, "CronJob") if name(one).endswith("-carry")]
        assert len(jobs) == len(claims)
        assert "://" in settings(documents)["COLLECTED_URL"]
        for job in jobs:
            [pod] = [one for one in pods(documents) if one.place == name(job)]
            [mount] = [one for one in pod.containers[0]["volumeMounts"] if one["name"] != "tmp"]
            assert mount == {"name": "collected", "mountPath": "/app/data", "readOnly": True}


def settings(documents: list[Document]) -> dict[str, str]:
    """What the pods are told by their environment."""
    [found] = of_kind(documents, "ConfigMap")
    return dict(found["data"])


def test_the_page_says_how_to_make_what_no_file_holds(projects: dict[str, Path]) -> None:
    for project in projects.values():
        page = (project / "docs/delivery/kubernetes.md").read_text(encoding="utf-8")
        wanted = BY_HAND if (project / BASE / "analysis.yaml").exists() else set()
        for secret in {"api-key"} | wanted:
            assert f"kubectl create secret generic {secret} " in page


def namespaces(project: Path) -> dict[str, set[tuple[str, str]]]:
    """File -> (whose, name) of the namespaces of others that it names, and that the page says."""
    texts = {
        name: (project / BASE / name).read_text("utf-8") for name in ("network.yaml", "route.yaml")
    }
    [service] = [
        one for one in yaml.safe_load_all(texts["network.yaml"])
        if one["metadata"]["name"] == "churn-model"
    ]  # fmt: skip
    found = {
        str(rule["ports"][0]["port"]): rule["from"][0]["namespaceSelector"]["matchLabels"][
            "kubernetes.io/metadata.name"
        ]
        for rule in service["spec"]["ingress"]
    }
    parent = yaml.safe_load(texts["route.yaml"])["spec"]["parentRefs"][0]["namespace"]
    page = (project / "docs/delivery/kubernetes.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| of (?:the )?(\S+).* \| `([\w-]+)` \| (\w+\.yaml)", page)
    said = {file: {(who, name) for who, name, where in rows if where == file} for file in texts}
    real = {
        "network.yaml": {("gateway's", found["8000"]), ("Prometheus", found["9000"])},
        "route.yaml": {("`Gateway`", parent)},
    }
    return {file: said[file] ^ real[file] for file in texts}


def test_the_page_names_each_namespace_of_others_and_its_file(
    projects: dict[str, Path], tmp_path: Path
) -> None:
    for project in projects.values():
        assert namespaces(project) == {"network.yaml": set(), "route.yaml": set()}
    for file in ("network.yaml", "route.yaml"):
        moved = tmp_path / file
        shutil.copytree(projects["canary-online"] / "deploy", moved / "deploy")
        shutil.copytree(projects["canary-online"] / "docs", moved / "docs")
        path = moved / BASE / file
        text = path.read_text(encoding="utf-8")
        before = {"network.yaml": "name: gateway\n", "route.yaml": "namespace: gateway\n"}[file]
        assert text.count(before) == 1
        path.write_text(text.replace(before, before.replace("gateway", "envoy")), encoding="utf-8")
        assert [name for name, wrong in namespaces(moved).items() if wrong] == [file]


# --- The project's own test ------------------------------------------------------------------


def own_test(project: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tests that fail in the project."""
    patch.chdir(project)
    module = runpy.run_path("tests/machinery/service/test_kubernetes.py")
    failed = []
    for key, value in module.items():
        if key.startswith("test_"):
            try:
                value()
            except (AssertionError, ValueError):
                failed.append(key)
    return failed


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_manifests_and_plan_agree(
    strategy: str, projects: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert own_test(projects[f"{strategy}-both"], monkeypatch) == []


@pytest.mark.parametrize(
    ("strategy", "file", "old", "new"),
    [
        ("recreate", "deploy/rollout.yaml", "bake: 5m", "bake: 6m"),
        ("ramped", f"{BASE}/ramped.yaml", "minReadySeconds: 300", "minReadySeconds: 0"),
        ("ramped", f"{BASE}/ramped.yaml", "maxSurge: 50%", "maxSurge: 100%"),
        ("blue-green", f"{BASE}/analysis.yaml", "count: 10", "count: 5"),
        ("blue-green", f"{BASE}/blue-green.yaml", "Seconds: 1200", "Seconds: 60"),
        ("canary", f"{BASE}/canary.yaml", "setWeight: 25", "setWeight: 50"),
        ("canary", "deploy/rollout.yaml", "weight: 5,", "weight: 6,"),
        ("canary", f"{BASE}/canary.yaml", "duration: 5m", "duration: 1m"),
        ("canary", "deploy/rollout.yaml", "max_p99_ms: 100", "max_p99_ms: 200"),
        ("canary", f"{BASE}/analysis.yaml", 'loss, value: "0.02"', 'loss, value: "0.2"'),
        ("ab-test", "deploy/rollout.yaml", "value: b", "value: c"),
        ("ab-test", f"{BASE}/ab-test.yaml", "variant=b", "variant=a"),
        ("shadow", f"{BASE}/shadow.yaml", "duration: 30m", "duration: 3m"),
        ("shadow", f"{BASE}/route.yaml", "backendRef:", "percent: 5\n            backendRef:"),
    ],
)  # fmt: skip
def test_the_projects_own_test_tells_when_one_of_them_is_changed(
    strategy: str, file: str, old: str, new: str,
    projects: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    copied = tmp_path / "project"
    for folder in ("deploy", "tests/machinery/service"):
        shutil.copytree(projects[f"{strategy}-both"] / folder, copied / folder)
    text = (copied / file).read_text(encoding="utf-8")
    assert old in text
    (copied / file).write_text(text.replace(old, new), encoding="utf-8")
    assert own_test(copied, monkeypatch)


# --- Every check bites -----------------------------------------------------------------------


def bites(of: str) -> list[Bite]:
    text = Path(__file__).with_name("kubernetes_bites.yaml").read_text(encoding="utf-8")
    found: list[Bite] = yaml.safe_load(text)[of]
    return found


def set_at(parent: Any, keys: list[str], value: object) -> None:
    first: Any = int(keys[0]) if isinstance(parent, list) else keys[0].replace("~", "/")
    if keys[1:]:
        set_at(parent[first], keys[1:], value)
    elif value is None:
        del parent[first]
    else:
        parent[first] = value


def injected(manifests: Manifests, bite: Bite) -> tuple[list[Document], Document]:
    """The manifests of production with the error, and the document that has it."""
    documents = copy.deepcopy(manifests[f"{bite['in']}-online", "prod"])
    [one] = [document for document in documents if name(document) == bite["of"]]
    set_at(one, bite["at"].split("/"), bite["is"])
    return documents, one


@pytest.mark.parametrize("bite", bites("ours"), ids=lambda bite: bite["said"])
def test_our_checks_bite(bite: Bite, manifests: Manifests) -> None:
    found = our_problems(injected(manifests, bite)[0])
    assert any(bite["said"] in problem for problem in found), found


def renamed(manifests: Manifests, of: str) -> list[Document]:
    """Each document with an error, by a name of its own: one start of a tool is for all."""
    found = [injected(manifests, bite)[1] for bite in bites(of)]
    for number, document in enumerate(found):
        document["metadata"]["name"] = f"bite-{number}-"
    return found


def test_the_schemas_of_kubernetes_bite(manifests: Manifests, tmp_path: Path) -> None:
    found = builtin_problems(renamed(manifests, "kubernetes"), tmp_path)
    for number, bite in enumerate(bites("kubernetes")):
        told = [line for line in found if f"bite-{number}-" in line or "find schema" in line]
        assert any(bite["said"] in line for line in told), (bite, told)


def test_the_official_definitions_bite(manifests: Manifests, tmp_path: Path) -> None:
    found = custom_problems(renamed(manifests, "custom"), tmp_path)
    for number, bite in enumerate(bites("custom")):
        told = [line for line in found if f"/bite-{number}-/" in line]
        assert any(bite["said"] in line for line in told), (bite, told)


def test_the_policy_scan_bites(manifests: Manifests, tmp_path: Path) -> None:
    place = "spec/template/spec/containers/0/securityContext"
    rights = {"privileged": True, "runAsUser": 0}
    bite = {"in": "canary", "of": "Rollout/churn-model", "at": place, "is": rights}
    found = "\n".join(policy_problems(injected(manifests, bite)[0], tmp_path, SKIPPED))
    for check in ("CKV_K8S_16", "CKV_K8S_20", "CKV_K8S_22", "CKV_K8S_28"):
        assert check in found


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("base/kustomization.yaml", "- scale.yaml", "- scaling.yaml", "scaling.yaml"),
        ("base/canary.yaml", "kind: Rollout", "kind: Deployment", "Deployment"),
        ("overlays/prod/differs.yaml", "name: churn-model", "name: other", "other"),
        ("base/service.yaml", "spec:", "spec: {", "service.yaml"),
        ("components/collected/kustomization.yaml", "value: collected", "value: tmp", "test"),
    ],
)
def test_kubectl_refuses_what_does_not_fit_together(
    file: str, old: str, new: str, said: str, projects: dict[str, Path], tmp_path: Path
) -> None:
    cloud = "canary-both" if "components" in file else "canary-online"
    folder = tmp_path / "kubernetes"
    shutil.copytree(projects[cloud] / "deploy/kubernetes", folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(AssertionError, match=said):
        build(folder / "overlays/prod")


# --- What an agent lacks ---------------------------------------------------------------------

CURL = """#!/bin/bash
while [ "$1" != --output ]; do shift; done
cp "$DOWNLOADS/$(basename "$3")" "$2"
"""


def install_tools(script: str, folder: Path, downloads: Path) -> subprocess.CompletedProcess[str]:
    """Run tools.sh on an agent without kubectl, where curl copies from `downloads`."""
    agent = folder / "agent"
    agent.mkdir(parents=True)
    programs = "bash basename cp gzip install mktemp rm sha256sum sha512sum tar"
    for program in programs.split():
        (agent / program).symlink_to(shutil.which(program) or program)
    (agent / "curl").write_text(CURL, encoding="utf-8")
    (agent / "curl").chmod(0o755)
    (folder / "tools.sh").write_text(script, encoding="utf-8")
    (folder / "bin").mkdir()
    env = {"PATH": str(agent), "DOWNLOADS": str(downloads)}
    command = [agent / "bash", folder / "tools.sh", folder / "bin"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_only_what_has_the_right_checksum_is_installed(plain: Path, tmp_path: Path) -> None:
    project = with_copier(plain, tmp_path / "project", {"serving": "online", "rollout": "canary"})
    script = (project / "deploy/kubernetes/tools.sh").read_text("utf-8")
    downloads = tmp_path / "downloads"
    (downloads / "kubernetes/client/bin").mkdir(parents=True)
    (downloads / "kubernetes/client/bin/kubectl").write_text("kubectl", encoding="utf-8")
    archive = downloads / "kubernetes-client-linux-amd64.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(downloads / "kubernetes", "kubernetes")
    plugin = downloads / "kubectl-argo-rollouts-linux-amd64"
    plugin.write_text("plugin", encoding="utf-8")

    refused = install_tools(script, tmp_path / "refused", downloads)
    assert refused.returncode
    assert "did NOT match" in refused.stderr
    assert not list((tmp_path / "refused/bin").iterdir())

    sums = re.findall(r"^    ([0-9a-f]{64,})$", script, re.MULTILINE)
    for old, path, algorithm in zip(sums, (archive, plugin), ("sha512", "sha256"), strict=True):
        script = script.replace(old, hashlib.new(algorithm, path.read_bytes()).hexdigest())
    taken = install_tools(script, tmp_path / "taken", downloads)
    assert taken.returncode == 0, taken.stderr
    installed = {path.name: path.read_text("utf-8") for path in (tmp_path / "taken/bin").iterdir()}
    assert installed == {"kubectl": "kubectl", "kubectl-argo-rollouts": "plugin"}
