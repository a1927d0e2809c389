"""docs/roles.yaml, read: who the people are, what each role does, decides and may.

What cannot be right is told all at once, each with its place in the file.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

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

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f](.*\S)?$")]
Email = Annotated[str, StringConstraints(pattern=r"^[\w.+%-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
Handle = Annotated[str, StringConstraints(pattern=r"^@[A-Za-z0-9][\w.-]*(/[\w.-]+)*$")]
Owned = Annotated[str, StringConstraints(pattern=r"^/[^\s'\"|;*!\\]+$")]
Guid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class RolesError(Exception):
    """Something in the file, or in what is made of it, is wrong: one line for each."""


class Part(BaseModel):
    """A part of the file. An unknown key is an error, so that a slip cannot hide."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class _Loader(yaml.SafeLoader):
    """A second key of the same name is an error; PyYAML would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                line = key.start_mark.line + 1
                raise RolesError(f"{SOURCE}:{line}: `{key.value}` stands here a second time")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse(text: str) -> Roles:
    """Return what the text of the file says. Raises RolesError with every place that is wrong."""
    try:
        content = yaml.load(text, _Loader)  # noqa: S506  a safe loader, of this module
        return Roles.model_validate(content)
    except yaml.YAMLError as error:
        raise RolesError(f"{SOURCE} is not YAML: {error}") from None
    except ValidationError as error:
        told = [f"{SOURCE}: {_place(e['loc'])}: {_said(dict(e))}" for e in error.errors()]
        raise RolesError("\n".join(told)) from None


def _place(steps: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in steps if step != "[key]") or "the file"


def _said(error: dict[str, Any]) -> str:
    given = repr(error["input"])[:60]
    if "tasks" in error["loc"] or "artefacts" in error["loc"]:
        return f"{given}: a stage ({', '.join(STAGES)}) has a list of texts of one line"
    known = {"missing": "is missing", "extra_forbidden": "is not a key of this file"}
    return known.get(error["type"], f"{given}: {error['msg']}")


def problems(source: Roles, root: Path) -> Iterator[str]:
    """Yield what is well formed and still wrong: unknown people, dead links, tasks that are not."""
    unknown = [
        f"{SOURCE}: roles.{key}.held_by: `{holder}` is not under `holders`"
        for key, role in source.roles.items()
        for holder in role.held_by
        if holder not in source.holders
    ]
    if unknown:  # without them, nothing else can be told
        yield from unknown
        return
    for gate in ("main", "prod"):
        if not source.approvers(gate):
            yield f"{SOURCE}: no role approves `{gate}`: add it under `approves` of one"
    azure = _azure_roles(root)
    for key, role in source.roles.items():
        here = f"{SOURCE}: roles.{key}"
        for gate in sorted({*role.approves} - {*GATES}):
            yield f"{here}.approves: `{gate}` is none of {', '.join(GATES)}"
        for name in sorted({*role.azure.values()} - azure):
            told = ", ".join(sorted(azure)) or "there is no infra/roles.json"
            yield f"{here}.azure: `{name}` is not a role of infra/roles.json ({told})"
        for path in role.owns:
            there = root / path.strip("/")
            if not there.exists() or there.is_dir() is not path.endswith("/"):
                yield f"{here}.owns: {path} is no file of this project, or folder with / at its end"
    yield from _promises(source, root)


def _azure_roles(root: Path) -> set[str]:
    path = root / "infra/roles.json"
    return {r["name"] for r in yaml.safe_load(path.read_text("utf-8"))} if path.exists() else set()


def _promises(source: Roles, root: Path) -> Iterator[str]:
    """Yield links that lead nowhere, and tasks of poe that pyproject.toml does not have."""
    text = "\n".join(_texts(source.model_dump(exclude={"holders"})))  # names are no Markdown
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    tasks = project.get("tool", {}).get("poe", {}).get("tasks", {})
    for link in sorted({*LINK.findall(text)}):
        if ":" not in link and not (root / "docs/roles" / link).exists():
            yield f"{SOURCE}: the link {link} leads nowhere (links are seen from docs/roles/)"
    for task in sorted({*TASK.findall(text)} - {*tasks}):
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
