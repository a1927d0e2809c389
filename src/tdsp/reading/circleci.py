"""CircleCI's configuration as a workflow."""

from collections.abc import Iterator
from typing import Any

from tdsp.reading.workflows import Job, Step, Workflow
from tdsp.reading.yamls import Document, Path


def is_circleci(path: str) -> bool:
    """Tell by its place whether a file is CircleCI's."""
    return path.startswith(".circleci/") and path.endswith((".yml", ".yaml"))


def read(path: str, document: Document, text: str) -> Workflow | None:
    """Return the jobs of a configuration, with the steps of its own commands put in."""
    data = document.data
    jobs = data.get("jobs") if isinstance(data, dict) else None
    if not isinstance(jobs, dict):
        return None
    approved, triggers = _flows(data)
    found = tuple(
        _job(path, document, str(name), job, str(name) in approved)
        for name, job in jobs.items()
        if isinstance(job, dict)
    )
    return Workflow(path, "circleci", found, triggers, None, document, text)


def _flows(data: dict[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the jobs that wait for a person, directly or behind another, and what starts them."""
    approvals, needs, triggers = set[str](), dict[str, set[str]](), {"push"}
    flows = data.get("workflows")
    for flow in flows.values() if isinstance(flows, dict) else ():
        if not isinstance(flow, dict):
            continue
        if "schedule" in str(flow.get("triggers")):
            triggers.add("schedule")
        listed = flow.get("jobs")
        for each in listed if isinstance(listed, list) else ():
            for name, given in each.items() if isinstance(each, dict) else ():
                if not isinstance(given, dict):
                    continue
                if given.get("type") == "approval":
                    approvals.add(str(name))
                wanted = given.get("requires")
                wanted = wanted if isinstance(wanted, list) else []
                needs.setdefault(str(name), set()).update(map(str, wanted))
    behind = set(approvals)
    while more := {name for name, wanted in needs.items() if wanted & behind} - behind:
        behind |= more
    return frozenset(behind), frozenset(triggers)


def _job(path: str, document: Document, name: str, job: dict[str, Any], manual: bool) -> Job:
    place: Path = ("jobs", name)
    image, line = "", document.line(*place)
    docker, machine = job.get("docker"), job.get("machine")
    if isinstance(docker, list) and docker and isinstance(docker[0], dict):
        image, line = str(docker[0].get("image") or ""), document.line(*place, "docker", 0, "image")
    elif isinstance(machine, dict):
        image, line = str(machine.get("image") or ""), document.line(*place, "machine", "image")
    steps = tuple(_steps(path, document, (*place, "steps"), job.get("steps"), set()))
    return Job(
        path, document.line(*place), name, steps, image=image, image_line=line, manual=manual
    )


def _steps(
    path: str, document: Document, place: Path, steps: Any, open_: set[str]
) -> Iterator[Step]:
    for number, each in enumerate(steps if isinstance(steps, list) else ()):
        here = (*place, number)
        if isinstance(each, str):
            yield from _named(path, document, here, each, open_)
            continue
        for word, given in each.items() if isinstance(each, dict) else ():
            inner = (*here, word)
            if word == "run":
                yield _run(path, document, inner, given)
            elif word in {"when", "unless"} and isinstance(given, dict):
                yield from _steps(path, document, (*inner, "steps"), given.get("steps"), open_)
            else:
                yield from _named(path, document, here, str(word), open_, str(given or ""))


def _named(
    path: str, document: Document, place: Path, name: str, open_: set[str], given: str = ""
) -> Iterator[Step]:
    """Yield the steps of a command of this file, or the use of another's."""
    commands = document.data.get("commands")
    own = commands.get(name) if isinstance(commands, dict) else None
    if isinstance(own, dict) and name not in open_:
        inside = ("commands", name, "steps")
        yield from _steps(path, document, inside, own.get("steps"), open_ | {name})
    else:
        yield Step(path, document.line(*place), "", uses=name, with_=given)


def _run(path: str, document: Document, place: Path, given: Any) -> Step:
    if not isinstance(given, dict):
        return Step(path, document.line(*place), "", str(given or ""), document.line(*place))
    return Step(
        path,
        document.line(*place),
        str(given.get("name") or ""),
        str(given.get("command") or ""),
        document.line(*place, "command"),
        condition=str(given.get("when") or ""),
        shell=str(given.get("shell") or ""),
    )
