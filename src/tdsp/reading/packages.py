"""What a repository asks to be installed, and whether the versions are locked."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tdsp.reading.yamls import Document

NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(.*)$")
LOCKS = frozenset(
    [
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "pixi.lock",
        "Pipfile.lock",
        "conda-lock.yml",
        "conda-lock.yaml",
        "pylock.toml",
    ]
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One package that is asked for: its normal name, and the rest of the line."""

    name: str
    rest: str
    path: str
    line: int
    group: str = ""
    extras: str = ""

    @property
    def exact(self) -> bool:
        """Tell whether exactly one version is asked for."""
        rest = self.rest.strip()
        address = rest.startswith("@")  # what it holds is its owner's to keep
        return address or bool(re.match(r"^={2,3}\s*[^*,;\s]+(\s*;.*)?$", rest))


@dataclass(frozen=True, slots=True)
class Lock:
    """A file that names the versions to install: name -> version."""

    path: str
    versions: dict[str, str]
    hashes: bool


def normal(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def toml(text: str) -> tuple[dict[str, Any], str]:
    """Return (data, ""), or ({}, what is wrong)."""
    try:
        return tomllib.loads(text), ""
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return {}, f"not valid TOML: {str(error)[:80]}"


def requirements(path: str, text: str) -> Iterator[Requirement]:
    """Yield what a requirements file asks for; included files are read by themselves."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("--hash"):
            continue
        bare = re.split(r"\s+#|^#", line)[0].strip().rstrip("\\").strip()
        if not bare or bare.startswith(("-", "git+", "http", ".", "/", "file:")):
            continue
        bare = bare.split(" --hash")[0]
        if match := NAME.match(bare):
            yield Requirement(normal(match[1]), match[3], path, number, extras=match[2] or "")


def from_pyproject(path: str, text: str, data: dict[str, Any]) -> Iterator[Requirement]:
    """Yield what pyproject.toml asks for: the standard's tables, groups, and Poetry's."""
    project = _table(data, "project")
    yield from _listed(path, text, project.get("dependencies"), "")
    for tables in (_table(project, "optional-dependencies"), _table(data, "dependency-groups")):
        for group, listed in tables.items():
            yield from _listed(path, text, listed, str(group))
    poetry = _table(_table(data, "tool"), "poetry")
    groups = {"": poetry.get("dependencies"), "dev": poetry.get("dev-dependencies")}
    for group, inner in _table(poetry, "group").items():
        groups[group] = inner.get("dependencies") if isinstance(inner, dict) else None
    for group, table in groups.items():
        for name, wanted in (table if isinstance(table, dict) else {}).items():
            if name != "python":
                version = wanted if isinstance(wanted, str) else ""
                rest = f"=={version}" if version[:1].isdigit() else version
                yield Requirement(normal(name), rest, path, _line(text, name), group)


def _table(data: Any, key: str) -> dict[str, Any]:
    inner = data.get(key) if isinstance(data, dict) else None
    return inner if isinstance(inner, dict) else {}


def _listed(path: str, text: str, listed: Any, group: str) -> Iterator[Requirement]:
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, str) and (match := NAME.match(each)):
            line = _line(text, match[1])
            yield Requirement(normal(match[1]), match[3], path, line, group, match[2] or "")


def _line(text: str, name: str) -> int:
    before = text.find(f'"{name}')
    before = text.find(name) if before < 0 else before
    return text.count("\n", 0, before) + 1 if before >= 0 else 1


def from_conda(document: Document) -> Iterator[Requirement]:
    """Yield what an environment.yml asks for, pip's part included."""
    data = document.data if isinstance(document.data, dict) else {}
    listed = data.get("dependencies")
    for number, each in enumerate(listed if isinstance(listed, list) else []):
        line = document.line("dependencies", number)
        if isinstance(each, str) and (match := NAME.match(each.split("::")[-1])):
            parts = match[3].lstrip("=").split("=")
            rest = f"=={parts[0]}" if match[3].startswith("=") else match[3]
            yield Requirement(normal(match[1]), rest, document.path, line)
        elif isinstance(each, dict) and isinstance(each.get("pip"), list):
            for inner in each["pip"]:
                if isinstance(inner, str) and (match := NAME.match(inner)):
                    yield Requirement(normal(match[1]), match[3], document.path, line)


def lock(path: str, text: str) -> Lock:
    """Return the versions that a lock file names."""
    found: dict[str, str] = {}
    for match in re.finditer(r'^name = "([^"]+)"\r?\nversion = "([^"]+)"', text, re.MULTILINE):
        found[normal(match[1])] = match[2]
    if not found:
        for match in re.finditer(r'"([A-Za-z0-9._-]+)": \{[^{}]*?"version": "==([^"]+)"', text):
            found[normal(match[1])] = match[2]
    if not found:
        for match in re.finditer(
            r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE
        ):
            found[normal(match[1])] = match[2]
    return Lock(path, found, "sha256" in text or path.endswith("uv.lock"))
