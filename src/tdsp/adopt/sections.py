"""Merging one file by sections, with editors that give back what they read, sign for sign."""

import io
import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, Table

from tdsp.grow import OWN_README

WIDTH = 80
TABLE = re.compile(r"\[\[?([\w.-]+)\]\]?\s*(#.*)?$")
BEGIN = "<!-- tdsp adopt"
MARK = f"{OWN_README} -->"
ERRORS_ONLY = ["E9", "F63", "F7", "F82"]  # what is broken, not what is unusual
EXCUSED = "# Came with the adoption. Take a line out when what it names is clean.\n"
TYPED = ("src/", "tests/")  # where the template's mypy looks
IN_PLACE_TASKS = ("_lint", "hooks", "secrets")
PIPELINE = (
    "    uv run poe pipeline    # the template's steps, on an example until your table comes\n"
)
SECTION = f"""{MARK}
## How this project runs now

This repository follows the Team Data Science Process. `docs/README.md` lists the documents, and
`docs/migration/REPORT.md` says of each file what the adoption moved, changed and left.

    uv sync                # the environment
    uv run poe             # lists the tasks
    uv run poe check       # what has to be green before a change is merged
{PIPELINE}
The template's changes come with `uvx copier update --skip README.md`: this file is the team's.
"""
MOST_MOVES = 8


class NotLosslessError(Exception):
    """The editor of a format would change what the user wrote."""


def readme(theirs: bytes, level: int = 0, moves: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return the user's read-me, and after it a section: how the project runs, what is where."""
    try:
        text = theirs.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotLosslessError("it is not in UTF-8") from error
    if BEGIN in text:
        return theirs
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else end if text.endswith("\n") else end * 2
    section = (SECTION if level else SECTION.replace(PIPELINE, "")) + "".join(_where(moves))
    return theirs + (gap + section.replace("\n", end)).encode("utf-8", "replace")


def _where(moves: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the lines of a table: from which folders files went to which, the largest first."""
    pairs = Counter(
        (old, new)
        for old, new in ((_folder(was), _folder(now)) for was, now in moves)
        if old != new
    )
    if not pairs:
        return
    yield "\n| before | now | files |\n| --- | --- | ---: |\n"
    for (old, new), count in sorted(pairs.items(), key=lambda e: (-e[1], e[0]))[:MOST_MOVES]:
        yield f"| {_code(old)} | {_code(new)} | {count} |\n"
    if (more := len(pairs) - MOST_MOVES) > 0:
        yield f"\n{more} more of such moves are in the report.\n"


def _folder(path: str) -> str:
    return f"{posixpath.dirname(path)}/" if "/" in path else "./"


def _code(folder: str) -> str:
    """Return a folder as a cell of a table shows it."""
    plain = "".join(c if c.isprintable() and not 0xD800 <= ord(c) < 0xE000 else "?" for c in folder)
    return "`" + plain.replace("`", "'").replace("|", "/") + "`"


def hooks(theirs: bytes, ours: bytes) -> bytes:
    """Return the user's pre-commit file with the template's hooks that it does not have."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    for indent in ((2, 4, 2), (2, 2, 0)):
        yaml.indent(mapping=indent[0], sequence=indent[1], offset=indent[2])
        try:
            data = yaml.load(theirs)
            if _dumped(yaml, data) == theirs:
                break
        except (YAMLError, UnicodeDecodeError, ValueError) as error:
            raise NotLosslessError("it is not YAML that can be read") from error
    else:
        raise NotLosslessError("its layout would change")
    if not isinstance(data, dict) or not isinstance(data.get("repos"), list):
        raise NotLosslessError("it has no list of repos")
    known = {h.get("id") for repo in data["repos"] for h in repo.get("hooks", []) or []}
    for repo in yaml.load(ours)["repos"]:
        missing = [each for each in repo["hooks"] if each["id"] not in known]
        if missing:
            data["repos"].append({"repo": repo["repo"], "hooks": missing})
    return _dumped(yaml, data)


def _dumped(yaml: Any, data: Any) -> bytes:
    out = io.BytesIO()
    yaml.dump(data, out)
    return out.getvalue()


def wanted_pyproject(ours: bytes, level: int, readme: str, licence: str) -> dict[str, Any]:
    """Return what the template wants of pyproject.toml, for a project that has these files."""
    wanted = tomlkit.parse(ours.decode()).unwrap()
    project = wanted["project"]
    if readme:
        project["readme"] = readme
    else:
        del project["readme"]
    project.pop("license", None)  # nobody but the owner gives a licence
    project.pop("license-files", None)
    if licence:
        project["license-files"] = [licence]
    if level:
        return wanted
    for key in ("scripts", "dependencies"):
        project.pop(key, None)
    project["dependencies"] = []
    tools = wanted["tool"]
    tasks = {k: v for k, v in tools["poe"]["tasks"].items() if k in IN_PLACE_TASKS}
    check = {"sequence": ["_lint"], "help": "What has to be green before a change is merged"}
    kept = {"detect-secrets", "nbstripout", "poethepoet", "pre-commit-hooks", "prek", "ruff"}
    dev = [each for each in wanted["dependency-groups"]["dev"] if _name(each) in kept]
    lint = {"select": ERRORS_ONLY}
    return {
        "project": project,
        "dependency-groups": {"dev": dev},
        "tool": {
            "uv": {"package": False},
            "poe": {**tools["poe"], "tasks": {"check": check, **tasks}},
            "ruff": {"line-length": tools["ruff"]["line-length"], "lint": lint},
        },
    }


def pyproject(
    theirs: bytes, wanted: dict[str, Any], level: int, fresh: bytes = b""
) -> tuple[bytes, list[str]]:
    """Return pyproject.toml with the tables and keys that it does not have, and what to know.

    A whole table is taken as it stands in `fresh`, the template's file, so that a later
    `copier update` finds the same lines.
    """
    try:
        text = theirs.decode("utf-8")
        document = tomlkit.parse(text)
    except (UnicodeDecodeError, TOMLKitError) as error:
        raise NotLosslessError("it is not TOML that can be read") from error
    if tomlkit.dumps(document) != text:
        raise NotLosslessError("its layout would change")
    notes = []
    tools = document.get("tool", {})
    wanted = {**wanted, "tool": dict(wanted["tool"])}
    if "poetry" in tools and "project" not in document:
        notes.append("your [tool.poetry] stays the project's table: only [tool] was added to")
        wanted = {"tool": wanted["tool"]}
    if "build-system" in document or "poetry" in tools:
        for name in ("hatch", "uv"):
            wanted["tool"].pop(name, None)
        wanted.pop("build-system", None)
    if fresh and "project" in wanted:
        source: Any = tomlkit.parse(fresh.decode())["project"]
        wanted["project"] = {k: source.get(k, v) for k, v in wanted["project"].items()}
    for key in document.get("project", {}).get("dynamic", []):
        wanted.get("project", {}).pop(key, None)
    document, notes = _with_tables(document, wanted, fresh.decode(), notes)
    notes += _add(document, wanted, "")
    if "dependency-groups" in wanted:
        asked = wanted["project"].get("dependencies", []) if level else []
        notes += _asked(document["project"], "dependencies", asked)
        notes += _asked(document["dependency-groups"], "dev", wanted["dependency-groups"]["dev"])
    made = tomlkit.dumps(document)
    if text.count("\n") == text.count("\r\n") > 0:
        made = made.replace("\r\n", "\n").replace("\n", "\r\n")
    return made.encode(), notes


def _with_tables(
    document: Any, wanted: dict[str, Any], fresh: str, notes: list[str]
) -> tuple[Any, list[str]]:
    """Return a document with the tables that are wanted and that it lacks, word for word."""
    text = tomlkit.dumps(document)
    end = "\r\n" if "\r\n" in text else "\n"
    blocks = [
        (name, block) for name, block in tables(fresh)
        if _at(wanted, name) is not None and _at(document, name) is None
    ]  # fmt: skip
    added = "".join(f"{block.strip()}\n\n" for _, block in blocks).rstrip("\n")
    if not added:
        return document, notes
    try:
        own = f"{text.rstrip()}{end}{end}" if text.strip() else ""
        found = tomlkit.parse(own + f"{added}\n".replace("\n", end))
    except TOMLKitError:  # such as a table that the user has written in one line
        return document, notes
    names = dict.fromkeys(".".join(name) for name, _ in blocks)
    return found, [*notes, *(f"added {name}" for name in names)]


def tables(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the name and the lines of each table, with the comment above it."""
    waiting: list[str] = []
    name: tuple[str, ...] = ()
    for line in text.splitlines(keepends=True):
        if match := TABLE.match(line):
            above = len(waiting)
            while above and waiting[above - 1].startswith("#"):
                above -= 1
            if name:
                yield name, "".join(waiting[:above])
            waiting, name = waiting[above:], tuple(match[1].split("."))
        waiting.append(line)
    if name:
        yield name, "".join(waiting)


def _at(table: Any, name: tuple[str, ...]) -> Any:
    for part in name:
        if not isinstance(table, dict) or part not in table:
            return None
        table = table[part]
    return table


def excused(ours: bytes, theirs: bytes, paths: Sequence[str]) -> bytes:
    """Return the template's pyproject.toml, in which ruff and mypy leave the user's code alone.

    Paths of folders end with a slash. A tool that the user has set up goes on as it does.
    """
    try:
        own = tomlkit.parse(theirs.decode()).unwrap().get("tool", {})
    except (UnicodeDecodeError, TOMLKitError):
        own = {}
    typed = [each for each in paths if each.startswith(TYPED) and not each.endswith(".ipynb")]
    wanted = {
        ("ruff", "extend-exclude"): [
            re.sub(r"([*?{}\[\]])", r"[\1]", each if "/" in each[:-1] else f"./{each}").rstrip("/")
            for each in paths
        ],
        ("mypy", "exclude"): [
            f"^{re.escape(each)}{'' if each.endswith('/') else '$'}" for each in typed
        ],
    }  # fmt: skip
    text = ours.decode()
    for (tool, key), values in wanted.items():
        name = ("tool", tool)
        block = next((block for found, block in tables(text) if found == name), "")
        if values and block and tool not in own:
            rows = "".join(f"  {json.dumps(each, ensure_ascii=False)},\n" for each in values)
            # Between lines that the template hardly ever changes, so that an update merges.
            lines = block.rstrip().splitlines(keepends=True)
            at = len(lines) if tool == "ruff" else 1 + lines.index(f"[tool.{tool}]\n")
            ended = "".join(lines[:at]).rstrip("\n")
            made = f"{ended}\n{EXCUSED}{key} = [\n{rows}]\n" + "".join(lines[at:])
            text = text.replace(block.rstrip(), made.rstrip("\n"), 1)
    return text.encode()


def packed(ours: bytes, folders: Sequence[str]) -> bytes:
    """Return the template's pyproject.toml, whose build takes these packages beside its own."""
    more = "".join(f", {json.dumps(each, ensure_ascii=False)}" for each in folders)
    return re.sub(rb'(?m)^(packages = \["src/\w+")\]$', rb"\1" + more.encode() + b"]", ours)


def fresh_pyproject(ours: bytes, readme: str, licence: str) -> bytes:
    """Return the template's pyproject.toml, as it is written, for a project without one."""
    document = tomlkit.parse(ours.decode())
    project: Any = document["project"]
    if readme:
        project["readme"] = readme
    else:
        del project["readme"]
    for key in ("license", "license-files"):
        project.pop(key, None)
    if licence:
        project["license-files"] = [licence]
    return tomlkit.dumps(document).encode()


def _add(table: Any, wanted: dict[str, Any], where: str) -> list[str]:
    """Add what a table does not have; return what to know."""
    notes = []
    for key, value in wanted.items():
        name = f"{where}.{key}" if where else key
        if key not in table:
            table[key] = _shaped(value)
            notes.append(f"added {name}")
        elif isinstance(value, dict) and isinstance(table[key], Table | dict):
            notes += _add(table[key], value, name)
    return notes


def _shaped(value: Any) -> Any:
    """Return a value as people write it: a long list has a line for each of its entries."""
    if isinstance(value, dict):
        table = tomlkit.table()
        for key, each in value.items():
            table[key] = _shaped(each)
        return table
    if isinstance(value, Array):
        return value
    if isinstance(value, list) and len(str(value)) > WIDTH and isinstance(value[0], str):
        array = tomlkit.array()
        array.extend(value)
        return array.multiline(True)
    return value


def _asked(table: Any, key: str, wanted: Iterable[str]) -> list[str]:
    """Add the packages that a list does not name; return what to know."""
    if not isinstance(table.get(key, []), list):
        return []
    known = {_name(each) for each in table.get(key, []) if isinstance(each, str)}
    missing = [each for each in wanted if _name(each) not in known]
    rows = table.get(key)
    if missing and rows and isinstance(rows, Array) and "\n" in rows.as_string():
        rows.insert(0, missing[0])  # between two lines of the template it adds none of its own
        rows.extend(missing[1:])
    elif missing:
        table[key].extend(missing)
    return [f"added to {key}: {', '.join(missing)}"] if missing else []


def _name(text: str) -> str:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return text
