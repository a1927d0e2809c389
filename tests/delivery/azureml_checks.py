"""What the Azure ML SDK does not see without a workspace: bindings, references, paths, sizes.

`problems` returns one line for each, `file: place: what is wrong`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import CycleError
from pathlib import Path
from typing import Any

import yaml
from tests.delivery.azureml_run import BINDING, order

File = dict[str, Any]
Ports = dict[str, str]

NUMBERS = {"number", "integer"}
SYSTEM = {"datastore": {"workspaceblobstore"}, "compute": {"serverless"}}
EXPORTED = "../../models/exported"  # which the release writes before it creates the schedule
DEPLOYMENTS = {"blue", "green"}
MAX_NAME = {"workspace": 33, "registry": 33, "amlCompute": 24, "managedOnlineEndpoint": 32}
MAX_NAME |= {"batchEndpoint": 32}
MAX_IDLE = 1800
# Of "Managed online endpoints SKU list" (MicrosoftDocs/azure-ai-docs, articles/machine-learning/
# reference-managed-online-endpoints-vm-sku-list.md, 2025): the families without GPU that compute
# clusters have too.
SIZES = {f"standard_ds{n}_v2" for n in (1, 2, 3, 4, 5)}
SIZES |= {f"standard_e{n}s_v3" for n in (2, 4, 8, 16, 32, 48, 64)}
SIZES |= {f"standard_f{n}s_v2" for n in (2, 4, 8, 16, 32, 48, 64, 72)}
# Of "serverless Spark compute" (the same repository).
SPARK = {f"standard_e{n}s_v3" for n in (4, 8, 16, 32, 64)}
SECRETS = {"account_key", "sas_token", "client_secret", "credentials", "admin_password"}


@dataclass
class Project:
    """The files of `azureml/`, and the names that they define."""

    root: Path
    files: dict[Path, File]
    names: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> "Project":
        paths = sorted((root / "azureml").rglob("*.yml"))
        files = {path: yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}
        found = cls(root, files)
        for content in files.values():
            found.define(kind(content), content.get("name"))
            for node in content.get("jobs", {}).values():
                for bound in node.get("outputs", {}).values():
                    if isinstance(bound, dict) and "name" in bound:
                        group = "model" if bound["type"] == "mlflow_model" else "data"
                        found.names.setdefault(group, set()).add(bound["name"])
        return found

    def define(self, name: str, value: Any) -> None:
        self.names.setdefault(GROUPS.get(name, name), set()).add(str(value))


GROUPS = {"amlCompute": "compute", "azureBlob": "datastore", "commandComponent": "component"}
GROUPS |= {"managedOnlineEndpoint": "online endpoint", "batchEndpoint": "batch endpoint"}


def kind(content: File) -> str:
    return str(content["$schema"]).rsplit("/", 1)[-1].removesuffix(".schema.json")


def problems(root: Path) -> list[str]:
    """Everything that is wrong with `azureml/` of a project."""
    project = Project.load(root)
    found = [
        f"{path.relative_to(root).as_posix()}: {said}"
        for path, content in project.files.items()
        for check in (names, references, paths, sizes, secrets, *CHECKS.get(kind(content), ()))
        for said in check(project, path, content)
    ]
    for path in sorted((root / "azureml").rglob("*.json")):
        found += [f"{path.relative_to(root).as_posix()}: {said}" for said in template(path)]
    return found


def walk(value: Any, place: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield (place, key, value) of every leaf."""
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        here = f"{place}.{key}" if place else str(key)
        if isinstance(inner, dict | list):
            yield from walk(inner, here)
        else:
            yield here, str(key), inner


def names(project: Project, path: Path, content: File) -> Iterator[str]:
    name, most = str(content.get("name", "")), MAX_NAME.get(kind(content), 255)
    if len(name) > most:
        yield f"name: {name} has {len(name)} characters, at most {most} are possible"


def references(project: Project, path: Path, content: File) -> Iterator[str]:
    """`azureml:name@label`, `azureml:name:version`, datastores in addresses, endpoints by name."""
    known = {group: project.names.get(group, set()) | SYSTEM.get(group, set()) for group in ALL}
    for place, key, value in walk(content):
        text = str(value)
        if match := re.match(r"azureml://datastores/([^/]+)/paths/(.*)", text):
            group, name = "datastore", match[1]
            logged = re.match(r"modelDataCollector/([^/]+)/(.*)", match[2])
            if logged and logged[1] not in known["online endpoint"]:
                yield f"{place}: no file defines the online endpoint {logged[1]}"
            if logged and logged[2]:
                yield f"{place}: blue and green take turns, {logged[2]} is what one of them logs"
        elif key == "endpoint_deployment_id":
            yield f"{place}: blue and green take turns, a monitor reads what both log"
            continue
        elif text.startswith("azureml:"):
            group = PLACES.get(key) or group_of_path(content, place)
            name = re.split("[@:]", text.removeprefix("azureml:"))[0]
        elif key in ("default_compute", "default_datastore"):
            group, name = PLACES[key], text
        elif key == "endpoint_name":
            group = "online endpoint" if kind(content).startswith("managed") else "batch endpoint"
            name = text
        else:
            continue
        if name not in known[group]:
            yield f"{place}: no file defines the {group} {name}"


PLACES = {"environment": "environment", "default_compute": "compute", "compute": "compute"}
PLACES |= {"default_datastore": "datastore", "pre_processing_component": "component"}
ALL = ("environment", "compute", "datastore", "component", "model", "data")
ALL += ("online endpoint", "batch endpoint")


def group_of_path(content: File, place: str) -> str:
    """A `path` beside `type: mlflow_model` names a model, any other one data."""
    beside: Any = content
    for key in place.split(".")[:-1]:
        beside = beside[int(key)] if isinstance(beside, list) else beside[key]
    return "model" if beside.get("type") == "mlflow_model" else "data"


def paths(project: Project, path: Path, content: File) -> Iterator[str]:
    """Code, build contexts, data, models, components and jobs that lie beside the file."""
    for place, key, value in walk(content):
        local = str(value).startswith(".") or (key == "path" and place == "build.path")
        if value == EXPORTED:
            continue
        if key in ("code", "path", "component", "trial", "create_job") and local:
            if not (path.parent / value).exists():
                yield f"{place}: {value} does not exist"
            elif place == "build.path" and not (path.parent / value / "Dockerfile").is_file():
                yield f"{place}: {value} has no Dockerfile"


def sizes(project: Project, path: Path, content: File) -> Iterator[str]:
    for place, key, value in walk(content):
        allowed = SPARK if place.startswith("create_monitor.") else SIZES
        if key in ("size", "instance_type") and str(value).lower() not in allowed:
            yield f"{place}: {value} is no size that this service has"


def secrets(project: Project, path: Path, content: File) -> Iterator[str]:
    for place, key, _ in walk(content):
        if SECRETS & {key, *place.split(".")}:
            yield f"{place}: access is by identity, never by a key"


def cluster(project: Project, path: Path, content: File) -> Iterator[str]:
    low, high = content.get("min_instances", 0), content.get("max_instances", 1)
    if low > high:
        yield f"min_instances: {low} is more than max_instances, {high}"
    if low:
        yield f"min_instances: {low} machines cost money while nothing runs"
    if not 0 < content.get("idle_time_before_scale_down", 0) <= MAX_IDLE:
        yield f"idle_time_before_scale_down: must be 1 to {MAX_IDLE} seconds"


def command(project: Project, path: Path, content: File) -> Iterator[str]:
    """A command line uses what is declared, all of it, and nothing else."""
    declared = {
        f"{side}.{name}" for side in ("inputs", "outputs") for name in content.get(side, {})
    }
    used = set(BINDING.findall(content["command"]))
    for name in sorted(used - declared):
        yield f"command: {name} is not declared"
    for name in sorted(declared - used):
        yield f"{name}: the command does not use it"


def graph(project: Project, path: Path, content: File) -> Iterator[str]:
    """The bindings of a pipeline, between its steps and to its own inputs and outputs."""
    nodes = content["jobs"]
    steps = {name: component(path, node) for name, node in nodes.items()}
    known = {f"parent.inputs.{k}": port(v) for k, v in content.get("inputs", {}).items()}
    for name, step in steps.items():
        for output, declared in step.get("outputs", {}).items():
            known[f"parent.jobs.{name}.outputs.{output}"] = declared["type"]
    try:
        list(order(nodes))
    except CycleError as error:
        yield f"jobs: the steps wait for each other: {' -> '.join(error.args[1])}"
    for name, node in nodes.items():
        if steps[name]:
            yield from inputs_of(name, node, steps[name], known, set(nodes))
            yield from outputs_of(name, node, steps[name], content.get("outputs", {}))
    text = json.dumps(nodes)
    for name in content.get("inputs", {}):
        if f"parent.inputs.{name}}}" not in text:
            yield f"inputs.{name}: no step uses it"
    for name in content.get("outputs", {}):
        if f"parent.outputs.{name}}}" not in text:
            yield f"outputs.{name}: no step writes it"


def component(path: Path, node: File) -> File:
    """The declaration of a step; empty when its file is missing, which `paths` says."""
    source = path.parent / str(node.get("component", node.get("trial")))
    if not source.is_file():
        return {}
    return dict(yaml.safe_load(source.read_text(encoding="utf-8")))


def port(value: Any) -> str:
    """The type of an input of a pipeline: as declared, or that of a plain value."""
    if isinstance(value, dict):
        return str(value["type"])
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return kinds[type(value)]


def inputs_of(name: str, node: File, step: File, known: Ports, nodes: set[str]) -> Iterator[str]:
    declared, given = step.get("inputs", {}), node.get("inputs") or {}
    searched = node.get("search_space", {})
    needed = {key for key, value in declared.items() if "default" not in value}
    for key in sorted(needed - {*given, *searched}):
        yield f"jobs.{name}.inputs.{key}: the component needs it"
    for key in sorted({*given, *searched} - {*declared}):
        yield f"jobs.{name}.inputs.{key}: the component has no such input"
    for key, space in searched.items():
        if space["min_value"] >= space["max_value"]:
            yield f"jobs.{name}.search_space.{key}: min_value is not below max_value"
        if key in declared and declared[key]["type"] not in NUMBERS:
            yield f"jobs.{name}.search_space.{key}: a {declared[key]['type']} has no bounds"
    limits = node.get("limits", {})
    if limits.get("max_concurrent_trials", 0) > limits.get("max_total_trials", 0):
        yield f"jobs.{name}.limits: more trials at a time than in all"
    for key in given.keys() & declared.keys():
        place, wanted = f"jobs.{name}.inputs.{key}", declared[key]["type"]
        match = BINDING.fullmatch(str(given[key]))
        if match is None:
            actual = port(given[key])
        elif match[1] in known:
            actual = known[match[1]]
        else:
            yield f"{place}: {unknown(match[1], nodes)}"
            continue
        if actual != wanted and not {actual, wanted} <= NUMBERS:
            yield f"{place}: is a {actual}, and the component wants a {wanted}"


def unknown(binding: str, nodes: set[str]) -> str:
    parts = binding.split(".")
    if parts[:2] == ["parent", "jobs"] and parts[2] not in nodes:
        return f"there is no step {parts[2]}"
    if parts[:2] == ["parent", "jobs"]:
        return f"the step {parts[2]} has no output {parts[-1]}"
    return f"the pipeline has no {binding.removeprefix('parent.')}"


def outputs_of(name: str, node: File, step: File, parents: File) -> Iterator[str]:
    declared = step.get("outputs", {})
    for key, bound in node.get("outputs", {}).items():
        place = f"jobs.{name}.outputs.{key}"
        if key not in declared:
            yield f"{place}: the component has no such output"
            continue
        match = BINDING.fullmatch(str(bound))
        target = match[1].removeprefix("parent.outputs.") if match else ""
        if match and target not in parents:
            yield f"{place}: the pipeline has no output {target}"
            continue
        actual = parents[target]["type"] if match else bound["type"]
        if actual != declared[key]["type"]:
            yield f"{place}: is a {declared[key]['type']}, and goes to a {actual}"


def service(project: Project, path: Path, content: File) -> Iterator[str]:
    """The routes of the container are those of the service; the image is one that cannot change."""
    sources = [
        *project.root.glob("src/*/service/service.py"),
        *project.root.glob("src/*/service/edge.py"),
    ]
    code = "".join(source.read_text(encoding="utf-8") for source in sources)
    dockerfile = (project.root / "deploy/container/Dockerfile").read_text(encoding="utf-8")
    for name, route in content["environment"]["inference_config"].items():
        place = f"environment.inference_config.{name}"
        if f'"{route["path"]}"' not in code:
            yield f"{place}: the service does not answer at {route['path']}"
        if f"EXPOSE {route['port']}\n" not in dockerfile:
            yield f"{place}: the container does not listen at port {route['port']}"
    if "@sha256:" not in content["environment"]["image"]:
        yield "environment.image: a tag can move; name the digest"
    if content.get("egress_public_network_access") == "disabled":
        yield "egress_public_network_access: needs a registry of the tier Premium"
    if content.get("instance_count", 1) < 1:
        yield "instance_count: at least one machine has to serve"


def endpoint(project: Project, path: Path, content: File) -> Iterator[str]:
    traffic, mirror = content.get("traffic", {}), content.get("mirror_traffic", {})
    for place, shares in {"traffic": traffic, "mirror_traffic": mirror}.items():
        for name in sorted(shares.keys() - DEPLOYMENTS):
            yield f"{place}.{name}: no deployment has this name"
    if traffic and sum(traffic.values()) not in (0, 100):
        yield f"traffic: the shares add up to {sum(traffic.values())}, not to 100"
    for name, share in mirror.items():
        if share > 50:
            yield f"mirror_traffic.{name}: at most 50 % can be copied"
        if share and traffic.get(name):
            yield f"mirror_traffic.{name}: a deployment gets traffic or a copy of it, not both"
    if content.get("auth_mode") != "aad_token":
        yield "auth_mode: callers sign in; there are no keys"


def schedule(project: Project, path: Path, content: File) -> Iterator[str]:
    trigger = content["trigger"]
    if trigger["type"] == "cron" and len(trigger["expression"].split()) != 5:
        yield f"trigger.expression: {trigger['expression']} has not five fields"


def template(path: Path) -> Iterator[str]:
    """An ARM template with a logic app: every name in an expression is defined."""
    content = json.loads(path.read_text(encoding="utf-8"))
    for place, _, value in walk(content):
        if not str(value).startswith("["):
            continue
        for group in ("parameters", "variables"):
            for name in re.findall(rf"\b{group}\('([^']+)'\)", str(value)):
                if name not in content[group]:
                    yield f"{place}: {group} has no {name}"
    for number, resource in enumerate(content["resources"]):
        definition = resource["properties"].get("definition", {})
        outer = resource["properties"].get("parameters", {})
        for place, _, value in walk(definition):
            for name in re.findall(r"@\{?parameters\('([^']+)'\)", str(value)):
                if name not in definition["parameters"] or name not in outer:
                    yield f"resources.{number}.{place}: the workflow is given no parameter {name}"
        actions = definition.get("actions", {})
        for name, action in actions.items():
            for before in action["runAfter"].keys() - actions.keys():
                yield f"resources.{number}.actions.{name}: there is no action {before}"


CHECKS: dict[str, tuple[Any, ...]] = {
    "amlCompute": (cluster,),
    "commandComponent": (command,),
    "commandJob": (command,),
    "pipelineComponent": (graph,),
    "pipelineJob": (graph,),
    "managedOnlineDeployment": (service,),
    "managedOnlineEndpoint": (endpoint,),
    "batchEndpoint": (endpoint,),
    "schedule": (schedule,),
}
