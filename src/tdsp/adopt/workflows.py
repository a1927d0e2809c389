"""The template's workflows for an adoption in place, and for a project in a folder of its own."""

import io
import re
from typing import Any

from ruamel.yaml import YAML

ACTION = ".github/actions/setup"
REWRITING = {"format", "notebooks", "types"}
WORKFLOWS = ".github/workflows/"


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _dumped(yaml: YAML, data: Any) -> bytes:
    out = io.BytesIO()
    yaml.dump(data, out)
    return out.getvalue()


def in_place(workflow: bytes) -> bytes:
    """Return the checks without what needs the template's pipeline: data, and the smoke run."""
    yaml = _yaml()
    data = yaml.load(workflow)
    jobs = data.get("jobs", {})
    jobs.pop("smoke", None)
    for job in jobs.values():
        for step in job.get("steps", []):
            if str(step.get("uses", "")).endswith(ACTION):
                step.pop("with", None)
            if step.get("run") == "uv run poe check --all":
                step["run"] = "uv run poe check"
    return _dumped(yaml, data)


def hooks_in_place(hooks: bytes) -> bytes:
    """Return the hooks without those that would rewrite files, or need types, from the first day.

    The hook for notebooks takes their outputs away: that is for their owner to decide.
    """
    yaml = _yaml()
    data = yaml.load(hooks)
    for repo in data["repos"]:
        for each in [hook for hook in repo["hooks"] if hook["id"] in REWRITING]:
            repo["hooks"].remove(each)
    return _dumped(yaml, data)


def below(path: str, content: bytes, folder: str) -> tuple[str, bytes]:
    """Return a file of .github for a project in a folder: its new path, and its content.

    Code hosts read workflows at a repository's root only. There each gets the project's name, runs
    in the project's folder, and starts for changes in it alone.
    """
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder).strip("-")
    yaml = _yaml()
    if path == f"{ACTION}/action.yml":
        data = yaml.load(content)
        for step in data["runs"]["steps"]:
            if "run" in step:
                step["working-directory"] = folder
        return f".github/actions/{name}/action.yml", _dumped(yaml, data)
    if path.startswith(WORKFLOWS) and path.endswith((".yml", ".yaml")):
        data = yaml.load(content)
        _filtered(data, folder)
        data["name"] = f"{data.get('name', 'CI')} of {folder}"
        data.setdefault("defaults", {}).setdefault("run", {})["working-directory"] = folder
        if isinstance(group := data.get("concurrency"), dict):
            group["group"] = f"{name}-{group['group']}"
        made = _dumped(yaml, data).replace(ACTION.encode(), f".github/actions/{name}".encode())
        return f"{WORKFLOWS}{name}-{path.rsplit('/', 1)[1]}", made
    return path, content


def _filtered(data: Any, folder: str) -> None:
    """Start a workflow only for changes of the folder."""
    events = data.get("on", data.get(True))
    if not isinstance(events, dict):
        return
    for event in ("push", "pull_request"):
        if event in events:
            events[event] = events[event] or {}
            events[event]["paths"] = [f"{folder}/**", ".github/**"]
