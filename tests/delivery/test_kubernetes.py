"""The manifests of every strategy and environment; and that each check finds what it is for."""

import copy
import itertools
import runpy
import shutil
from collections.abc import Callable
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
    our_problems,
    policy_problems,
)
from tests.render.engines import with_copier

STRATEGIES = ("recreate", "ramped", "blue-green", "canary", "ab-test", "shadow")
ENVIRONMENTS = ("dev", "test", "prod")
SKIPPED = {
    "CKV_K8S_35": "the service reads its key from the environment, not from a file",
}
Manifests = dict[tuple[str, str], list[Document]]
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def projects(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A project of each strategy and way to serve; some are in a cloud."""
    found = {}
    for number, (strategy, serving) in enumerate(
        itertools.product(STRATEGIES, ("online", "both"))
    ):
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


def test_the_page_says_how_to_make_what_no_file_holds(projects: dict[str, Path]) -> None:
    for project in projects.values():
        page = (project / "docs/delivery/kubernetes.md").read_text(encoding="utf-8")
        wanted = BY_HAND if (project / "deploy/kubernetes/base/analysis.yaml").exists() else set()
        for secret in {"api-key"} | wanted:
            assert f"kubectl create secret generic {secret} " in page


# --- The project's own test ------------------------------------------------------------------


def own_test(project: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tests that fail in the project."""
    patch.chdir(project)
    module = runpy.run_path("tests/service/test_kubernetes.py")
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
        ("ramped", "deploy/kubernetes/base/ramped.yaml", "minReadySeconds: 300", "minReadySeconds: 0"),
        ("blue-green", "deploy/kubernetes/base/analysis.yaml", "count: 10", "count: 5"),
        ("blue-green", "deploy/kubernetes/base/blue-green.yaml", "Seconds: 1200", "Seconds: 60"),
        ("canary", "deploy/kubernetes/base/canary.yaml", "setWeight: 25", "setWeight: 50"),
        ("canary", "deploy/rollout.yaml", "weight: 5,", "weight: 6,"),
        ("canary", "deploy/kubernetes/base/canary.yaml", "duration: 5m", "duration: 1m"),
        ("canary", "deploy/rollout.yaml", "max_p99_ms: 100", "max_p99_ms: 200"),
        ("canary", "deploy/kubernetes/base/analysis.yaml", 'loss, value: "0.02"', 'loss, value: "0.2"'),
        ("ab-test", "deploy/rollout.yaml", "value: b", "value: c"),
        ("ab-test", "deploy/kubernetes/base/ab-test.yaml", "variant=b", "variant=a"),
        ("shadow", "deploy/kubernetes/base/shadow.yaml", "duration: 30m", "duration: 3m"),
        ("shadow", "deploy/kubernetes/base/route.yaml", "requestMirror:", "requestMirror:\n            percent: 50"),
    ],
)  # fmt: skip
def test_the_projects_own_test_tells_when_one_of_them_is_changed(
    strategy: str, file: str, old: str, new: str,
    projects: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    copied = tmp_path / "project"
    for folder in ("deploy", "tests/service"):
        shutil.copytree(projects[f"{strategy}-both"] / folder, copied / folder)
    text = (copied / file).read_text(encoding="utf-8")
    assert old in text
    (copied / file).write_text(text.replace(old, new), encoding="utf-8")
    assert own_test(copied, monkeypatch)


# --- Every check bites -----------------------------------------------------------------------


def set_at(path: str, value: object) -> Change:
    """Set the value at a path, or take it away with None; `~` is a slash within a key."""
    return lambda document: _set(document, path.split("/"), value)


def _set(parent: Any, keys: list[str], value: object) -> None:
    first: Any = int(keys[0]) if isinstance(parent, list) else keys[0].replace("~", "/")
    if keys[1:]:
        _set(parent[first], keys[1:], value)
    elif value is None:
        del parent[first]
    else:
        parent[first] = value


def changed(
    manifests: Manifests, strategy: str, which: str, change: Change, environment: str = "prod"
) -> list[Document]:
    documents = copy.deepcopy(manifests[f"{strategy}-online", environment])
    [one] = [document for document in documents if name(document) == which]
    change(one)
    return documents


APP, POD, STEPS = "churn-model", "spec/template/spec", "spec/strategy/canary/steps"
OTHER = {"app.kubernetes.io/name": "other"}
BITES: list[tuple[str, str, str, object, str]] = [
    # strategy, document, path, value, what is said
    ("ramped", f"Service/{APP}", "spec/selector", OTHER, f"Service/{APP} selector: selects"),
    ("ramped", f"PodDisruptionBudget/{APP}", "spec/selector/matchLabels", OTHER, f"PodDisruptionBudget/{APP} selector"),
    ("ramped", f"NetworkPolicy/{APP}", "spec/podSelector/matchLabels", OTHER, f"NetworkPolicy/{APP} podSelector"),
    ("canary", f"NetworkPolicy/{APP}", "spec/ingress/0/from/1/podSelector/matchLabels", OTHER, f"NetworkPolicy/{APP} peer"),
    ("ramped", f"Deployment/{APP}", "spec/selector/matchLabels", OTHER, f"Deployment/{APP}: selects"),
    ("ramped", f"Deployment/{APP}", f"{POD}/topologySpreadConstraints/0/labelSelector/matchLabels", OTHER, "topologySpread"),
    ("shadow", f"Service/{APP}-shadow", "spec/selector/traffic", "copied", f"Service/{APP}-shadow selector"),
    ("ramped", f"Service/{APP}", "spec/ports/0/targetPort", "web", "targetPort web is no port"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/ports/0/containerPort", 8080, "NetworkPolicy/churn-model ingress: 8000"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/livenessProbe/httpGet/port", "web", "livenessProbe: web is no port"),
    ("ramped", f"Deployment/{APP}", "spec/template/metadata/annotations/prometheus.io~port", "9090", "prometheus.io/port: 9090"),
    ("canary", f"NetworkPolicy/{APP}-probe", "spec/egress/0/ports/0/port", 80, "egress: 80 is no port"),
    ("ramped", f"HTTPRoute/{APP}", "spec/rules/0/backendRefs/0/port", 8000, "no service churn-model with port 8000"),
    ("shadow", f"HTTPRoute/{APP}", "spec/rules/0/filters/0/requestMirror/backendRef/name", "nobody", "no service nobody"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/envFrom/0/configMapRef/name", "env", "no ConfigMap env"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/env/0/valueFrom/secretKeyRef/name", "key", "no Secret key"),
    ("canary", "AnalysisTemplate/validation-set", "spec/metrics/0/provider/job/spec/template/spec/volumes/0/secret/secretName", "rows", "no Secret rows"),
    ("ramped", f"Deployment/{APP}", f"{POD}/serviceAccountName", "root", "no ServiceAccount root"),
    ("ramped", f"Deployment/{APP}", f"{POD}/volumes/1/name", "temp", "no volume tmp"),
    ("recreate", f"Deployment/{APP}", f"{POD}/volumes/0/persistentVolumeClaim/claimName", "rows", "no PersistentVolumeClaim rows"),
    ("canary", f"HorizontalPodAutoscaler/{APP}", "spec/scaleTargetRef/kind", "Deployment", "no Deployment/churn-model"),
    ("canary", f"HorizontalPodAutoscaler/{APP}", "spec/minReplicas", 99, "minReplicas is more"),
    ("canary", f"Rollout/{APP}", "spec/replicas", 3, "replicas belong to"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/resources/requests/cpu", "2000m", "asks for more cpu"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/resources/limits/memory", "768MB", "768MB is no quantity"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/resources/requests/memory", "384m", "less than 1 MiB"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/resources/limits/cpu", None, "cpu: 'cpu'"),
    ("ramped", f"Service/{APP}", "metadata/namespace", "churn-model-dev", "namespace churn-model-dev: expected churn-model-prod"),
    ("ramped", "ConfigMap/environment", "data/ENVIRONMENT", "dev", "expected churn-model-dev"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/image", "registry.example.com/churn-model:latest", "no image by digest"),
    ("canary", f"Rollout/{APP}", f"{POD}/containers/0/image", f"other@sha256:{'0' * 64}", "more than one image"),
    ("ramped", f"Deployment/{APP}", f"{POD}/automountServiceAccountToken", True, "mounts a token"),
    ("canary", f"Rollout/{APP}", f"{POD}/securityContext/runAsUser", 0, "runs as root"),
    ("canary", f"Rollout/{APP}", f"{POD}/securityContext/seccompProfile/type", "Unconfined", "no seccomp profile"),
    ("canary", f"Rollout/{APP}", f"{POD}/containers/0/securityContext/readOnlyRootFilesystem", False, "may write"),
    ("canary", f"Rollout/{APP}", f"{POD}/containers/0/securityContext/allowPrivilegeEscalation", True, "may escalate"),
    ("canary", f"Rollout/{APP}", f"{POD}/containers/0/securityContext/capabilities", {"add": ["NET_ADMIN"]}, "keeps capabilities"),
    ("ramped", f"Deployment/{APP}", f"{POD}/terminationGracePeriodSeconds", 30, "is killed before it has ended"),
    ("ramped", "NetworkPolicy/default-deny", "spec/policyTypes", ["Ingress"], "nothing denies"),
    ("canary", f"Rollout/{APP}", "spec/strategy/canary/canaryService", "nobody", "canaryService: there is no Service nobody"),
    ("blue-green", f"Rollout/{APP}", "spec/strategy/blueGreen/activeService", "nobody", "activeService: there is no"),
    ("canary", f"Rollout/{APP}", "spec/strategy/canary/trafficRouting/plugins/argoproj-labs~gatewayAPI/httpRoute", "r", "no HTTPRoute"),
    ("canary", f"Rollout/{APP}", f"{STEPS}/3/setWeight", 50, "do not rise to 100"),
    ("canary", f"Rollout/{APP}", f"{STEPS}/3/pause", {}, "does more than one thing"),
    ("canary", f"Rollout/{APP}", "spec/strategy/canary/analysis/startingStep", 5, "starts at step 5, traffic at step 3"),
    ("canary", f"Rollout/{APP}", "spec/strategy/canary/analysis/templates/0/templateName", "live", "no AnalysisTemplate live"),
    ("canary", f"Rollout/{APP}", "spec/strategy/canary/analysis/args/1", None, "live-traffic needs the argument hash"),
    ("canary", f"Rollout/{APP}", f"{STEPS}/1/analysis/args/0/name", "url", "has no argument url"),
    ("canary", f"Rollout/{APP}", f"{STEPS}/1/analysis/args/0/value", "nobody", "step 1: there is no Service nobody"),
    ("canary", "AnalysisTemplate/live-traffic", "spec/metrics/1/successCondition", "result[0] <= {{args.limit}}", "limit is not declared"),
    ("canary", "AnalysisTemplate/live-traffic", "spec/metrics/2", None, "max-p99-ms is not used"),
    ("ab-test", f"Rollout/{APP}", "spec/strategy/canary/trafficRouting/managedRoutes/0/name", "x", "is no managed route"),
    ("shadow", f"Rollout/{APP}", f"{STEPS}/0/experiment/templates/0/specRef", "new", "specRef new"),
    ("shadow", f"Rollout/{APP}", f"{STEPS}/0/experiment/analyses/0/templateName", "x", "no AnalysisTemplate x"),
]  # fmt: skip


@pytest.mark.parametrize(("strategy", "which", "path", "value", "said"), BITES)
def test_our_checks_bite(
    strategy: str, which: str, path: str, value: object, said: str, manifests: Manifests
) -> None:
    found = our_problems(changed(manifests, strategy, which, set_at(path, value)))
    assert any(said in problem for problem in found), found


SCHEMA_BITES: list[tuple[str, str, str, object, str]] = [
    # of Kubernetes' own resources, or of pods inside custom ones
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/imagePullPolice", "Always", "imagePullPolice"),
    ("ramped", f"Deployment/{APP}", f"{POD}/containers/0/ports/0/containerPort", "8000", "containerPort"),
    ("ramped", f"Deployment/{APP}", "spec/template", None, "template"),
    ("ramped", f"Deployment/{APP}", "apiVersion", "apps/v1beta1", "apps/v1beta1"),
    ("ramped", f"HorizontalPodAutoscaler/{APP}", "spec/maxReplicas", None, "maxReplicas"),
    ("ramped", f"NetworkPolicy/{APP}", "spec/ingres", [], "ingres"),
    ("canary", f"Rollout/{APP}", f"{POD}/containers/0/livenessProb", {}, "livenessProb"),
    ("canary", "AnalysisTemplate/validation-set", "spec/metrics/0/provider/job/spec/backofLimit", 1, "backofLimit"),
]  # fmt: skip
CUSTOM_BITES: list[tuple[str, str, str, object, str]] = [
    ("canary", f"Rollout/{APP}", f"{STEPS}/3", {"setWeigth": 5}, "/spec/strategy/canary/steps/setWeigth: "),
    ("canary", f"Rollout/{APP}", f"{STEPS}/3/setWeight", "5", "/spec/strategy/canary/steps/3/setWeight: must be integer"),
    ("canary", f"Rollout/{APP}", f"{POD}/containers/0/imagePolicy", "Always", "/containers/imagePolicy: "),
    ("blue-green", f"Rollout/{APP}", "spec/strategy/blueGreen/activeService", None, "activeService"),
    ("canary", "AnalysisTemplate/live-traffic", "spec/metrics/0/name", None, "name"),
    ("canary", "AnalysisTemplate/live-traffic", "spec/metrics/0/interval", 60, "interval: "),
    ("canary", "AnalysisTemplate/live-traffic", "spec/metrics/0/sucessCondition", "x", "/spec/metrics/sucessCondition: "),
    ("canary", f"HTTPRoute/{APP}", "spec/rules/0/backendRefs/0/weight", -1, "/spec/rules/0/backendRefs/0/weight: must be >= 0"),
    ("canary", f"HTTPRoute/{APP}", "spec/rules/0/matches/0/path/type", "Starts", "/spec/rules/0/matches/0/path/type: "),
    ("canary", f"HTTPRoute/{APP}", "spec/hostnames/0", "a b", "/spec/hostnames/0: must match"),
    ("shadow", f"HTTPRoute/{APP}", "spec/rules/0/filters/0/type", "Mirror", "/spec/rules/0/filters/0/type: "),
]  # fmt: skip


def renamed(manifests: Manifests, bites: list[tuple[str, str, str, object, str]]) -> list[Document]:
    """The changed document of each, with a name of its own: one start of a tool is for all."""
    found = []
    for number, (strategy, which, path, value, _) in enumerate(bites):
        documents = changed(manifests, strategy, which, set_at(path, value))
        [one] = [document for document in documents if name(document) == which]
        one["metadata"]["name"] = f"bite-{number}-"
        found.append(one)
    return found


def test_the_schemas_of_kubernetes_bite(manifests: Manifests, tmp_path: Path) -> None:
    found = builtin_problems(renamed(manifests, SCHEMA_BITES), tmp_path)
    for number, (*_, said) in enumerate(SCHEMA_BITES):
        assert any(said in line for line in found), (number, said, found)


def test_the_official_definitions_bite(manifests: Manifests, tmp_path: Path) -> None:
    found = custom_problems(renamed(manifests, CUSTOM_BITES), tmp_path)
    for number, (*_, said) in enumerate(CUSTOM_BITES):
        told = [line for line in found if f"/bite-{number}-/" in line]
        assert any(said in line for line in told), (number, said, told, found)


def test_the_policy_scan_bites(manifests: Manifests, tmp_path: Path) -> None:
    container = {"privileged": True, "runAsUser": 0}
    documents = changed(manifests, "canary", f"Rollout/{APP}",
                        set_at(f"{POD}/containers/0/securityContext", container))  # fmt: skip
    found = "\n".join(policy_problems(documents, tmp_path, SKIPPED))
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
