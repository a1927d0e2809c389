"""docs/roles.yaml, read: who the people are, what each role does, decides and may.

All that is wrong is reported at once, each with its place in the file.
"""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tdsp.errors import TdspError
from tdsp.people.project import Project
from tdsp.people.sources import Key, Line, Part, read

SOURCE = "docs/roles.yaml"
Stage = Literal["business-understanding", "data", "modeling", "deployment", "acceptance"]
Environment = Literal["dev", "test", "prod"]
STAGES: dict[Stage, str] = {
    "business-understanding": "Business understanding",
    "data": "Data acquisition and understanding",
    "modeling": "Modeling",
    "deployment": "Deployment",
    "acceptance": "Customer acceptance",
}
ENVIRONMENTS: tuple[Environment, ...] = ("dev", "test", "prod")
GATES = ("main", "test", "prod", *(f"infra-{name}" for name in ENVIRONMENTS))

LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
TASK = re.compile(r"\buv run poe ([a-z][a-z-]*)")

Email = Annotated[str, StringConstraints(pattern=r"^[\w.+%-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
Handle = Annotated[str, StringConstraints(pattern=r"^@[A-Za-z0-9][\w.-]*(/[\w.-]+)*$")]
Owned = Annotated[str, StringConstraints(pattern=r"^/[^\s'\"|;*!\\]+$")]
Guid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class Holder(Part):
    """A person or a team."""

    name: Line
    email: Email
    handle: Handle | None = None
    entra: Guid | None = None

    @property
    def address(self) -> str:
        """Return what a code host calls them."""
        return self.handle or self.email


class Role(Part):
    """What somebody does, has, decides and may."""

    name: Line
    held_by: Annotated[list[Key], Field(min_length=1)]
    does: Line
    tasks: dict[Stage, list[Line]] = {}
    artefacts: dict[Stage, list[Line]] = {}
    decides: list[Line] = []
    owns: list[Owned] = []
    approves: list[Line] = []
    azure: dict[Environment, Line] = {}
    first_day: list[Line] = []
    commands: list[Line] = []
    training: list[Line] = []


class Roles(Part):
    """The whole file."""

    approvals: Annotated[int, Field(ge=0, le=6)]
    holders: Annotated[dict[Key, Holder], Field(min_length=1)]
    first_day: list[Line] = []
    roles: Annotated[dict[Key, Role], Field(min_length=1)]

    def held(self, role: Role) -> list[Holder]:
        """Return the people of a role."""
        return [self.holders[key] for key in role.held_by]

    def approvers(self, gate: str) -> list[Holder]:
        """Return the people who may let something through to main or an environment."""
        found = [h for r in self.roles.values() if gate in r.approves for h in self.held(r)]
        return list(dict.fromkeys(found))


def problems(source: Roles, project: Project) -> Iterator[str]:
    """Yield what is well formed and still wrong: unknown people, dead links, tasks that are not."""
    unknown = [
        f"{SOURCE}: roles.{key}.held_by: `{holder}` is not under `holders`"
        for key, role in source.roles.items()
        for holder in role.held_by
        if holder not in source.holders
    ]
    if unknown:  # without them, nothing else can be checked
        yield from unknown
        return
    for gate in ("main", "prod"):
        if not source.approvers(gate):
            yield f"{SOURCE}: no role approves `{gate}`: add it under `approves` of one"
    root, azure = project.root, _azure_roles(project)
    for key, role in source.roles.items():
        here = f"{SOURCE}: roles.{key}"
        for gate in sorted({*role.approves} - {*GATES}):
            yield f"{here}.approves: `{gate}` is none of {', '.join(GATES)}"
        for name in sorted({*role.azure.values()} - azure):
            known = ", ".join(sorted(azure)) or "there is no infra/roles.json"
            yield f"{here}.azure: `{name}` is not a role of infra/roles.json ({known})"
        for path in role.owns:
            there = root / path.strip("/")
            if not there.exists() or there.is_dir() is not path.endswith("/"):
                yield f"{here}.owns: {path} is no file of this project, or folder with / at its end"
    yield from _promises(source, project)


def _azure_roles(project: Project) -> set[str]:
    if not (project.root / "infra/roles.json").exists():
        return set()
    try:
        return {role["name"] for role in json.loads(project.text("infra/roles.json"))}
    except (ValueError, KeyError, TypeError):
        raise TdspError("infra/roles.json is no list of roles, each with a name") from None


def _promises(source: Roles, project: Project) -> Iterator[str]:
    """Yield links that lead nowhere, and tasks of poe that pyproject.toml does not have."""
    text = "\n".join(_texts(source.model_dump(exclude={"holders"})))  # names are no Markdown
    for link in sorted({*LINK.findall(text)}):
        if ":" not in link and not (project.root / "docs/roles" / link).exists():
            yield f"{SOURCE}: the link {link} leads nowhere (links are seen from docs/roles/)"
    for task in sorted({*TASK.findall(text)} - project.tasks):
        yield f"{SOURCE}: `uv run poe {task}` is not a task of pyproject.toml"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def load(project: Project) -> Roles:
    """Return docs/roles.yaml as it is written; `problems` says what else is wrong in it."""
    return read(project, SOURCE, Roles)


def check_role(project: Project, role: str, where: str) -> None:
    """Raise TdspError unless docs/roles.yaml has the role."""
    if role not in (known := load(project).roles):
        raise TdspError(f"{where}: {SOURCE} has no role {role!r}; it has {', '.join(known)}")
