"""The template's jobs of GitLab for a project in a folder of its repository."""

import re
from collections.abc import Mapping
from typing import Any

from tdsp.adopt.workflows import dumped, round_trip

ENTRY = ".gitlab-ci.yml"
JOBS = ".gitlab/ci/"
READ_AT_ROOT = (".gitlab/merge_request_templates/", ".gitlab/issue_templates/")
GLOBAL = frozenset({"include", "stages", "workflow", "default", "variables", "image", "spec"})
CHANGE = re.compile(r'"(merge_request_event|push)"')


def below(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    """Return the files of GitLab for a project in a folder; "/" is before a path from the root.

    GitLab reads one file at the root, and what that includes. Each job gets the project's name,
    changes into the folder, and runs for changes in it alone.
    """
    yaml = round_trip()
    ours = {p: yaml.load(c) for p, c in files.items() if p == ENTRY or p.startswith(JOBS)}
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder).strip("-")
    jobs = {
        key: job for data in ours.values() for key, job in data.items()
        if key not in GLOBAL and isinstance(job, dict)
    }  # fmt: skip
    named = {key: f".{name}-{key[1:]}" if key.startswith(".") else f"{name}-{key}" for key in jobs}
    prepared = {key for key in jobs if _prepared(key, jobs)}
    made = {}
    for path, content in files.items():
        target = f"/{path}" if path.startswith(READ_AT_ROOT) else path
        if path in ours:
            data = ours[path]
            for each in data.get("include", []) if path == ENTRY else []:
                each["local"] = f"/{folder}/{each['local'].lstrip('/')}"
            for key in [key for key in data if key in jobs]:
                _placed(data[key], folder, key in prepared)
                _renamed(data[key], named, name)
            content = _keys(dumped(yaml, data), [key for key in data if key in jobs], named, folder)
        made[target] = content
    if ENTRY in files:
        made[f"/{ENTRY}"] = f"include:\n  - local: /{folder}/{ENTRY}\n".encode()
    return made


def _extended(job: Any) -> list[str]:
    above = job.get("extends", [])
    return [above] if isinstance(above, str) else list(above)


def _prepared(key: str, jobs: Mapping[str, Any]) -> bool:
    """Tell whether a job has first steps, of its own or of what it extends."""
    job = jobs.get(key, {})
    return "before_script" in job or any(_prepared(each, jobs) for each in _extended(job))


def _placed(job: Any, folder: str, prepared: bool) -> None:
    """Let a job work in the folder, and run for changes in it alone."""
    step = f'cd "$CI_PROJECT_DIR/{folder}"'
    starts = ["before_script", "after_script", *([] if prepared else ["script"])]
    for key in [key for key in starts if key in job]:
        job[key].insert(0, step)
    cache = job.get("cache")
    if isinstance(cache, dict) and isinstance(cache.get("key"), dict):
        cache["key"]["files"] = [f"{folder}/{each}" for each in cache["key"]["files"]]
    artifacts = job.get("artifacts", {})
    if "paths" in artifacts:
        artifacts["paths"] = [f"{folder}/{each}" for each in artifacts["paths"]]
    for kind, path in artifacts.get("reports", {}).items():
        artifacts["reports"][kind] = f"{folder}/{path}"
    for rule in job.get("rules", []):
        if "changes" in rule:
            rule["changes"] = [f"{folder}/{each}" for each in rule["changes"]]
        elif CHANGE.search(str(rule.get("if", ""))) and rule.get("when") != "never":
            rule["changes"] = [f"{folder}/**/*", ENTRY]


def _renamed(job: Any, named: Mapping[str, str], name: str) -> None:
    """Let a job name others as they are called now."""
    above = job.get("extends")
    if isinstance(above, str):
        job["extends"] = named.get(above, above)
    elif above:
        above[:] = [named.get(each, each) for each in above]
    for at, need in enumerate(job.get("needs", [])):
        if isinstance(need, str):
            job["needs"][at] = named.get(need, need)
        else:
            need["job"] = named.get(need["job"], need["job"])
    if "resource_group" in job:
        job["resource_group"] = f"{name}-{job['resource_group']}"


def _keys(content: bytes, keys: list[str], named: Mapping[str, str], folder: str) -> bytes:
    """Return the text with the names of its jobs, and with the scripts that lie in the folder."""
    text = content.decode().replace(
        "$CI_PROJECT_DIR/.gitlab/", f"$CI_PROJECT_DIR/{folder}/.gitlab/"
    )
    for key in keys:
        text = re.sub(rf"^{re.escape(key)}:", f"{named[key]}:", text, count=1, flags=re.MULTILINE)
    return text.encode()
