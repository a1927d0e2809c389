"""The template's workflows for an adoption in place, and for a project in a folder of its own."""

import io
import re
from collections.abc import Callable
from typing import Any

from ruamel.yaml import YAML

ACTION = ".github/actions/setup"
REWRITING = {"format", "notebooks", "types"}
LOCK = "uv lock --check"
SMOKE = (b" and `poe smoke`", b", and a report on how the change affects metrics and plots")
WORKFLOWS = ".github/workflows/"


def round_trip() -> YAML:
    """Return an editor of YAML that keeps quotes, comments and layout."""
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def dumped(yaml: YAML, data: Any) -> bytes:
    """Return what the editor writes."""
    out = io.BytesIO()
    yaml.dump(data, out)
    return out.getvalue()


def standard(answers: bytes) -> str:
    """Return the command that checks a change, "" where CI cannot reach this version of tdsp.

    It tells of what a change touches, so that a repository with findings starts green. `answers` is
    the project's answers file: it says where the template came from.
    """
    given = round_trip().load(answers) or {}
    source = re.sub(r"^git[+]", "", str(given.get("_src_path", "")))
    for short, host in (("gh:", "https://github.com/"), ("gl:", "https://gitlab.com/")):
        source = re.sub(f"^{short}", host, source)
    commit = re.sub(r"^.*-[0-9]+-g(?=[0-9a-f]+$)", "", str(given.get("_commit", "")))
    reached = re.fullmatch(r"https://[A-Za-z0-9._~/:-]+", source)
    if not reached or not re.fullmatch(r"[A-Za-z0-9._-]+", commit):
        return ""
    return f'uvx --from "git+{source}@{commit}" tdsp check --changed'


def unlocked(content: bytes) -> bytes:
    """Return the setup without the lock, which an adoption in place need not have."""
    return content.replace(b"uv sync --locked", b"uv sync")


def in_place(workflow: bytes, check: str) -> bytes:
    """Return the checks of GitHub without what needs the template's pipeline: data, and smoke."""
    yaml = round_trip()
    data = yaml.load(_said(workflow))
    jobs = data.get("jobs", {})
    _without_smoke(jobs, lambda job: job.get("needs"))
    for name, job in jobs.items():
        steps = job.get("steps", [])
        for step in steps:
            if str(step.get("uses", "")).endswith(ACTION):
                step.pop("with", None)
            elif "actions/checkout" in str(step.get("uses", "")) and check:
                step.setdefault("with", {})["fetch-depth"] = 0  # the change needs its base
        _steps(steps, "run", check if name == "check" else "")
    return dumped(yaml, data)


def gitlab_in_place(content: bytes, check: str) -> bytes:
    """Return the jobs of GitLab without what needs the template's pipeline."""
    yaml = round_trip()
    data = yaml.load(_said(content))
    _without_smoke(data, lambda job: job.get("needs"))
    for name, job in data.items():
        if isinstance(job, dict) and "script" in job:
            if job.get("extends") == ".data":
                job["extends"] = ".project"
            lines = [_plain(line) for line in job["script"] if line != LOCK]
            job["script"][:] = [*lines, *([check] if check and name == "check" else [])]
    return dumped(yaml, data)


def gitlab_setup_in_place(content: bytes) -> bytes:
    """Return the common steps of GitLab without the fetching of data."""
    yaml = round_trip()
    data = yaml.load(unlocked(content))
    for name in (".data", ".azure"):
        data.pop(name, None)
    return dumped(yaml, data)


def azure_in_place(content: bytes, check: str) -> bytes:
    """Return the jobs of Azure Pipelines without what needs the template's pipeline."""
    yaml = round_trip()
    data = yaml.load(_said(content))
    data["variables"][:] = [each for each in data["variables"] if "group" not in each]
    for stage in data["stages"]:
        known = {job["job"]: job for job in stage["jobs"]}
        _without_smoke(known, lambda job: job.get("dependsOn"))
        stage["jobs"][:] = known.values()
        for job in stage["jobs"]:
            for step in job["steps"]:
                if "template" in step:
                    step.pop("parameters", None)
            _steps(job["steps"], "bash", check if job["job"] == "check" else "")
    return dumped(yaml, data)


def _said(content: bytes) -> bytes:
    """Return a file whose first lines do not speak of what was taken out."""
    for words in SMOKE:
        content = content.replace(words, b"", 1)
    return content


def _without_smoke(jobs: Any, needs: Callable[[Any], Any]) -> None:
    """Take the smoke run out, and the jobs that need it."""
    gone = {"smoke"} & set(jobs)
    while gone:
        for name in gone:
            del jobs[name]
        pairs = [(name, job) for name, job in jobs.items() if isinstance(job, dict)]
        gone = {name for name, job in pairs if _lacks(job, jobs, needs)}


def _lacks(job: Any, jobs: Any, needs: Callable[[Any], Any]) -> bool:
    wanted = needs(job) or []
    return bool(set([wanted] if isinstance(wanted, str) else wanted) - set(jobs))


def _steps(steps: Any, key: str, check: str) -> None:
    """Let steps run what an adoption in place has."""
    steps[:] = [step for step in steps if step.get(key) != LOCK]
    for step in steps:
        if key in step:
            step[key] = _plain(step[key])
    if check:
        steps.append({key: check})


def _plain(line: str) -> str:
    return "uv run poe check" if line == "uv run poe check --all" else line


def hooks_in_place(hooks: bytes) -> bytes:
    """Return the hooks without those that would rewrite files, or need types, from the first day.

    The hook for notebooks takes their outputs away: that is for their owner to decide.
    """
    yaml = round_trip()
    data = yaml.load(hooks)
    for repo in data["repos"]:
        for each in [hook for hook in repo["hooks"] if hook["id"] in REWRITING]:
            repo["hooks"].remove(each)
    return dumped(yaml, data)


def below(path: str, content: bytes, folder: str) -> tuple[str, bytes]:
    """Return a file of .github for a project in a folder: its new path, and its content.

    Code hosts read workflows at a repository's root only. There each gets the project's name, runs
    in the project's folder, and starts for changes in it alone.
    """
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder).strip("-")
    yaml = round_trip()
    if path == f"{ACTION}/action.yml":
        data = yaml.load(content)
        for step in data["runs"]["steps"]:
            if "run" in step:
                step["working-directory"] = folder
        return f".github/actions/{name}/action.yml", dumped(yaml, data)
    if path.startswith(WORKFLOWS) and path.endswith((".yml", ".yaml")):
        data = yaml.load(content)
        _filtered(data, folder)
        data["name"] = f"{data.get('name', 'CI')} of {folder}"
        data.setdefault("defaults", {}).setdefault("run", {})["working-directory"] = folder
        if isinstance(group := data.get("concurrency"), dict):
            group["group"] = f"{name}-{group['group']}"
        for job in data.get("jobs", {}).values():
            _placed(job, folder)
        made = dumped(yaml, data).replace(ACTION.encode(), f".github/actions/{name}".encode())
        return f"{WORKFLOWS}{name}-{path.rsplit('/', 1)[1]}", made
    return path, content


def _placed(job: Any, folder: str) -> None:
    """Let a job find the folder: where nothing is checked out, and in what it uploads."""
    steps = job.get("steps", [])
    if steps and not any("actions/checkout" in str(step.get("uses", "")) for step in steps):
        job.setdefault("defaults", {}).setdefault("run", {})["working-directory"] = "."
    for step in steps:
        if "actions/upload-artifact" in str(step.get("uses", "")):
            paths = str(step["with"]["path"]).split("\n")
            step["with"]["path"] = "\n".join(f"{folder}/{each}" if each else each for each in paths)


def _filtered(data: Any, folder: str) -> None:
    """Start a workflow only for changes of the folder; paths that it names are inside of that."""
    events = data.get("on", data.get(True))
    if not isinstance(events, dict):
        return
    for event in ("push", "pull_request"):
        if event in events:
            events[event] = events[event] or {}
            named = events[event].get("paths")
            inside = [f"{folder}/{each}" for each in named or ["**"]]
            events[event]["paths"] = inside if named else [*inside, ".github/**"]


def azure_below(content: bytes, folder: str) -> bytes:
    """Return a file of Azure Pipelines for a project in a folder, in which it stays.

    Every command runs in the folder, and a run starts for changes in it alone.
    """
    yaml = round_trip()
    data = yaml.load(content)
    for event in ("trigger", "pr"):
        if isinstance(branches := data.get(event), list):
            data[event] = {"branches": {"include": branches}, "paths": {"include": [folder]}}
    _in_folder(data, folder)
    return dumped(yaml, data)


def _in_folder(data: Any, folder: str) -> None:
    if isinstance(data, list):
        for each in data:
            _in_folder(each, folder)
    elif isinstance(data, dict):
        steps = data.get("steps")
        bare = isinstance(steps, list) and any(step.get("checkout") == "none" for step in steps)
        if "bash" in data:
            data["workingDirectory"] = folder
        if isinstance(data.get("publish"), str):
            data["publish"] = f"{folder}/{data['publish']}"
        if isinstance(key := data.get("key"), str):
            data["key"] = key.replace("uv.lock", f"{folder}/uv.lock")
        for each in [] if bare else list(data.values()):
            _in_folder(each, folder)
