"""What the checkers of others miss in CI files: each finding names the file and the place."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Node = dict[str, Any]
# Every action that may be used: owner/name -> commit, version.
ACTIONS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "astral-sh/setup-uv": ("20cfd1bf945f4377ade1205e4dbc17946fc9a30d", "v10.0.1"),
    "azure/login": ("f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca", "v3.0.1"),
    "hashicorp/setup-terraform": ("dfe3c3f87815947d99a8997f908cb6525fc44e9e", "v4.0.1"),
    "sigstore/cosign-installer": ("6f9f17788090df1f26f669e9d70d6ae9567deba6", "v4.1.2"),
}
OIDC = re.compile(r"azure/login|cosign sign|ARM_USE_OIDC|ARM_CLIENT_ID|kubernetes-token")
# Two of these at the same time, by two tags or two pushes, would disturb each other.
ALONE = re.compile(
    r"poe deploy|ml_project promote|ml_project register|az stack sub create"
    r"|terraform\b.* apply"
)
BY_HAND = {"deploy/cosign.pub"}  # the half of a key that the page on Jenkins has people commit
FILE = re.compile(r"(?<![\w/$.:@-])((?:\.github|infra|azureml|deploy|tools)/[\w./$-]+\.?\w*)")
DOCUMENTED = re.compile(r"\bpoe ([a-z][a-z-]*)")


def load(path: Path) -> Node:
    loaded: Node = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def ci_files(project: Path) -> list[Path]:
    """Every file of CI in a project."""
    patterns = (
        ".github/workflows/*.yml",
        ".github/actions/**/*.yml",
        "azure-pipelines/**/*.yml",
        ".gitlab-ci.yml",
        ".gitlab/**/*.yml",
    )
    return sorted(path for pattern in patterns for path in project.glob(pattern))


def findings(project: Path) -> list[str]:
    """All that is wrong; a place is FILE: JOB or line."""
    found = [*commands(project)]
    if (project / ".github/workflows").exists():
        found += github(project)
    if (project / "azure-pipelines").exists():
        found += azure(project)
    if (project / ".gitlab-ci.yml").exists():
        found += gitlab(project)
    return found


def commands(project: Path) -> Iterator[str]:
    """Tasks that the project does not have, and files that are not there."""
    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    tasks = table["tool"]["poe"]["tasks"]
    page = project / "docs/delivery/first-release.md"  # its commands write files too
    first = page.read_text(encoding="utf-8") if page.exists() else ""
    for path in [*ci_files(project), *project.glob("docs/delivery/ci.md")]:
        name = path.relative_to(project).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for task in DOCUMENTED.findall(line):
                if task not in tasks:
                    yield f"{name}:{number}: no poe task {task}"
            for file in FILE.findall(line.replace("**", "")):
                shown = file.rstrip("./")
                targets = [shown.replace("$TARGET", each) for each in ("test", "prod")]
                written = f"--file {shown}\n" in first or f"> {shown}\n" in first
                if (
                    shown not in BY_HAND
                    and not written
                    and not all((project / each).exists() for each in targets)
                ):
                    yield f"{name}:{number}: there is no {shown}"


def subjects(project: Path) -> Iterator[str]:
    """The subject of a repository made since 15 July 2026 has the ids of owner and repository."""
    files = [*project.glob("infra/**/*"), *project.glob("docs/delivery/*.md")]
    for path in files:
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for subject in re.findall(r"\brepo:([^\s`\"']+/[^\s`\"']+)", line):
                if not re.match(r"\S+@\S+/\S+@\S+?:", subject) and "\\(" not in subject:
                    name = path.relative_to(project).as_posix()
                    yield f"{name}:{number}: the subject repo:{subject} lacks the ids"


def github(project: Path) -> Iterator[str]:
    yield from subjects(project)
    for path in ci_files(project):
        name, text = path.relative_to(project).as_posix(), path.read_text(encoding="utf-8")
        if path.parent.name == "workflows" or path.name == "action.yml":
            yield from uses(name, text, project)
        if path.parent.name != "workflows":
            continue
        workflow = load(path)
        for key in ("permissions", "concurrency"):
            if key not in workflow:
                yield f"{name}: no {key}"
        group = workflow.get("concurrency", {})
        if not group.get("cancel-in-progress") and group.get("queue") != "max":
            yield f"{name}: a third run would cancel the one that waits"
        for job_name, job in workflow["jobs"].items():
            place = f"{name}: {job_name}"
            for key in ("permissions", "timeout-minutes"):
                if key not in job:
                    yield f"{place}: no {key}"
            text = yaml.safe_dump(job)
            steps = job.get("steps", [])
            logs_in = any(
                "actions/setup" in str(step.get("uses"))
                and step.get("with", {}).get("data") == "true"
                for step in steps
            ) and "AZURE_CLIENT_ID" in yaml.safe_dump([workflow.get("env"), job.get("env")])
            if (OIDC.search(text) or logs_in) and job.get("permissions", {}).get(
                "id-token"
            ) != "write":
                yield f"{place}: logs in by OIDC without id-token: write"
            for step in steps:
                if "${{" in str(step.get("run")):
                    yield f"{place}: an expression in a script: {step['run'][:60]!r}"


def uses(name: str, text: str, project: Path) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if not (asked := re.search(r"uses: (\S+)(?: # (\S+))?", line)):
            continue
        action, version = asked.groups()
        if action.startswith(("$/", "./")):
            if not (project / action[2:] / "action.yml").exists():
                yield f"{name}:{number}: there is no action {action}"
            continue
        owner, _, commit = action.partition("@")
        if owner not in ACTIONS:
            yield f"{name}:{number}: {owner} is not among the actions that may be used"
        elif (commit, version) != ACTIONS[owner]:
            yield f"{name}:{number}: {action} is not pinned to {' # '.join(ACTIONS[owner])}"


def azure(project: Path) -> Iterator[str]:
    """Stages, jobs, templates, parameters, output variables, and what stops a script."""
    for path in sorted((project / "azure-pipelines").rglob("*.yml")):
        name, text = path.relative_to(project).as_posix(), path.read_text(encoding="utf-8")
        pipeline = load(path)
        if "stages" in pipeline and ALONE.search(text) and "lockBehavior" not in pipeline:
            yield f"{name}: no lockBehavior: two runs would deploy at the same time"
        declared = {each["name"] for each in pipeline.get("parameters", [])}
        for asked in sorted(set(re.findall(r"parameters\.(\w+)", text)) - declared):
            yield f"{name}: the parameter {asked} is not declared"
        for line in re.findall(r"template: (\S+)", text):
            if not (path.parent / line).exists():
                yield f"{name}: there is no template {line}"
        for step in _steps(pipeline):
            if "template" in step and (path.parent / step["template"]).exists():
                template = load(path.parent / step["template"])
                known = {each["name"]: "default" in each for each in template.get("parameters", [])}
                given = set(step.get("parameters", {}))
                for each in sorted(given - known.keys()):
                    yield f"{name}: {step['template']} has no parameter {each}"
                for each in sorted(n for n, has in known.items() if not has and n not in given):
                    yield f"{name}: {step['template']} needs the parameter {each}"
            script = str(step.get("bash") or step.get("inputs", {}).get("inlineScript") or "")
            if "\n" in script.strip() and not script.startswith("set -euo pipefail\n"):
                yield f"{name}: a script goes on after an error: {script[:60]!r}"
        yield from _stages(name, pipeline)


def _steps(node: Any) -> Iterator[Node]:
    if isinstance(node, list):
        for each in node:
            yield from _steps(each)
    elif isinstance(node, dict):
        if {"bash", "task", "template"} & node.keys():
            yield node
        for value in node.values():
            yield from _steps(value)


def _stages(name: str, pipeline: Node) -> Iterator[str]:
    made: dict[str, set[str]] = {}  # stage -> job.step.variable
    earlier: list[str] = []
    for stage in pipeline.get("stages", []):
        place = f"{name}: {stage['stage']}"
        for target in _listed(stage.get("dependsOn", [])):
            if target not in earlier:
                yield f"{place}: dependsOn {target}, which is no earlier stage"
        reach = set(_listed(stage.get("dependsOn", earlier[-1:])))
        told = yaml.safe_dump([stage.get("variables"), stage.get("condition")], width=10_000)
        told = told.replace("''", "'")
        for each, output in re.findall(r"[^.]dependencies\.(\w+)\.outputs\['([\w.]+)'\]", told):
            if each not in reach or output not in made.get(each, set()):
                yield f"{place}: nothing sets {each}.{output} before"
        for each, job, output in re.findall(
            r"stageDependencies\.(\w+)\.(\w+)\.outputs\['([\w.]+)'\]", told
        ):
            if each not in reach or f"{job}.{output}" not in made.get(each, set()):
                yield f"{place}: nothing sets {each}.{job}.{output} before"
        jobs: list[str] = []
        made[stage["stage"]] = set()
        for job in stage["jobs"]:
            own = job.get("job") or job["deployment"]
            if "timeoutInMinutes" not in job:
                yield f"{place}: {own}: no timeoutInMinutes"
            for target in _listed(job.get("dependsOn", [])):
                if target not in jobs:
                    yield f"{place}: {own}: dependsOn {target}, which is no earlier job"
            for target, output in re.findall(
                r"dependencies\.(\w+)\.outputs\['([\w.]+)'\]", str(job.get("condition"))
            ):
                if f"{target}.{output}" not in made[stage["stage"]]:
                    yield f"{place}: {own}: nothing sets {target}.{output} before"
            jobs.append(own)
            for step in _steps(job):
                for variable in re.findall(r"variable=(\w+);isOutput", yaml.safe_dump(step)):
                    made[stage["stage"]].add(f"{own}.{step.get('name')}.{variable}")
        earlier.append(stage["stage"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def gitlab(project: Path) -> Iterator[str]:
    """Files that are included, jobs that are needed or extended, stages, pins."""
    start = load(project / ".gitlab-ci.yml")
    jobs: Node = {}
    where: dict[str, str] = {}
    for each in start["include"]:
        if not (project / each["local"]).exists():
            yield f".gitlab-ci.yml: there is no {each['local']} to include"
            continue
        for name, job in load(project / each["local"]).items():
            jobs[name], where[name] = job, each["local"]
    for path in ci_files(project):
        text = path.read_text(encoding="utf-8")
        for image in re.findall(r"(?:image|name|GRYPE|COSIGN): ([\w.-]+[./]\S*:\S+)", text):
            if not re.search(r"@sha256:[0-9a-f]{64}$", image):
                yield f"{path.relative_to(project)}: {image} is not pinned by digest"
    for name, job in jobs.items():
        if name == "variables":
            continue
        place, full = f"{where[name]}: {name}", dict(job)
        for base in _listed(job.get("extends", [])):
            if base not in jobs:
                yield f"{place}: extends {base}, which does not exist"
            full = {**jobs.get(base, {}), **full}
            for further in _listed(jobs.get(base, {}).get("extends", [])):
                full = {**jobs.get(further, {}), **full}
        if name.startswith("."):
            continue
        if full.get("stage") not in start["stages"]:
            yield f"{place}: the stage {full.get('stage')} is not among the stages"
        for key in ("timeout", "rules", "script"):
            if key not in full:
                yield f"{place}: no {key}"
        if ALONE.search(str(full.get("script"))) and "resource_group" not in full:
            yield f"{place}: no resource_group: two pipelines would deploy at the same time"
        for need in full.get("needs", []):
            target = need if isinstance(need, str) else need["job"]
            if target not in jobs:
                yield f"{place}: needs {target}, which does not exist"
        if re.search(r"--federated-token|sign --yes", str(full)) and "id_tokens" not in full:
            yield f"{place}: logs in by OIDC without id_tokens"


def tasks_by_stage(project: Path) -> dict[str, list[str]]:
    """Stage of delivery -> the project's commands that a system calls there, each once, sorted."""
    found: dict[str, set[str]] = {}
    for path in ci_files(project):
        text = "\n".join(
            line for line in path.read_text(encoding="utf-8").splitlines()
            if not line.lstrip().startswith("#")
        )  # fmt: skip
        if called := set(re.findall(r"uv run (?:poe|ml_project) ([a-z-]+)", text)):
            found[path.stem] = found.get(path.stem, set()) | called
    return {stage: sorted(called) for stage, called in found.items()}
