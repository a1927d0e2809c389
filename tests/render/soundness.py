"""What must hold of every generated project, whatever the answers."""

import ast
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from tests.delivery import expiry_tool
from tests.render.engines import ROOT, files, recorded

from tdsp.people.project import Project
from tdsp.people.roles import sync

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
UNSAFE = re.compile(r'[<>:"|?*\\\x00-\x1f]|[ .]$')
# {{args.x}} is Argo's, {{ $value }} Prometheus', {{label}} in the legend of a panel Grafana's.
LEFTOVER = re.compile(r"(?<!\$)\{\{(?!args\.| \$(?:value|labels)\b)|\{%|\{#")
LEGEND = re.compile(r'"legendFormat": "(?:[\w ]|\{\{\w+\}\})*"')
LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")
# A word in capitals, such as the NAME of a path, stands for what people put there.
STANDS_FOR = re.compile(r"\b(?!README|SECURITY|CODEOWNERS|LICENSE)[A-Z][A-Z-]{2,}\b")
PATH = re.compile(r"`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+/?)`")
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
STRAY = re.compile(r"\n\n\n|^ \S.*$|^.*[^ ] $|\n\Z(?<=\n\n)", re.MULTILINE)
TASK = re.compile(r"\bpoe ([a-z][a-z-]+)")
MODULE = re.compile(r"python -m ((?:tools|deploy)[.\w]*)")
WORKFLOW = re.compile(r"gh workflow \w+ ([\w-]+\.yml)")
COMMAND = re.compile(r'@app\.command\((?:"([\w-]+)")?.*\)\ndef (\w+)')
# What a project of level `train` has no command for, and no page about.
OPERATED = re.compile(
    r"\b(register|promote|rollback|lineage|reproduce|monitor|retrain|notify|champion|challenger"
    r"|MLflow|NOTIFY_\w*|ENVIRONMENT=\w+)\b"
)
# What a project below level `govern` has no file for.
GOVERNED = re.compile(
    r"roles\.yaml|CODEOWNERS|docs/(?:roles|process|governance)\b"
    r"|tdsp (?:roles|stage|assess|principles|risks|trail|labels|backlog|site)\b|poe approve"
)
PARSERS: dict[str, Callable[[str], Any]] = {
    ".toml": tomllib.loads,
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".yml": lambda text: list(yaml.safe_load_all(text)),
    ".json": json.loads,
    ".ipynb": json.loads,
    ".py": ast.parse,
}


def check_project(project: Path) -> None:
    """Raise AssertionError, or a parser's error, that names what is wrong and where."""
    tree = files(project)
    for path in tree:
        check_name(path)
    assert len({path.lower() for path in tree}) == len(tree), "names differ only by case"
    for path, content in tree.items():
        parse(path, content)
    for path in rendered(project):
        text = (project / path).read_text(encoding="utf-8")
        assert not LEFTOVER.search(LEGEND.sub("", text)), f"Jinja is left in {path}"
    if (project / expiry_tool.tool.MANIFEST).is_file():
        check_pins(project)
    roles = (project / "docs/roles.yaml").is_file()  # of level govern
    disagree = sync.check(project, sync.wanted(Project(project))) if roles else []
    assert not disagree, f"docs/roles.yaml and what follows from it: {disagree}"
    listed = [name for name in tasks_of(project) if name[0] != "_"]
    assert len(listed) <= 20, f"`poe` lists {len(listed)} tasks"
    assert not (wide := wide_lists(project)), f"cut or wrapped in a terminal: {wide}"
    assert not (torn := ragged(project)), f"the documents have stray space: {torn}"
    promised = [*absent(project), *unknown(project), *above(project)]
    assert not promised, f"the documents promise what is not there: {promised}"


def wide_lists(project: Path) -> list[str]:
    """What `poe` and `poe dag` say of a task or a stage that does not fit into 80 columns."""
    stages = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    helps = [task["help"] for name, task in tasks_of(project).items() if name[0] != "_"]
    room = 78 - max(map(len, stages))  # behind the longest name and two spaces
    descriptions = [stage["desc"] for stage in stages.values()]
    return [h for h in helps if len(h) > 56] + [d for d in descriptions if len(d) > room]


def ragged(project: Path) -> list[str]:
    """Where a document has two empty lines, or a line that begins or ends with one space."""
    found = []
    for path in sorted(project.rglob("*.md")):
        prose = CODE.sub("code", path.read_text(encoding="utf-8"))
        found += [f"{path.name}: {line[0]!r}" for line in STRAY.finditer(prose)]
    return found


def check_pins(project: Path) -> None:
    told, well = expiry_tool.check(project)
    assert well, f"a pin is due or not listed: {told}"
    dead = [line for line in told if line.startswith("note:")]
    assert not dead, f"a pin is listed that nothing has: {dead}"


def check_name(path: str) -> None:
    for part in PurePosixPath(path).parts:
        assert not UNSAFE.search(part), f"Windows cannot have {path}"
        assert not RESERVED.fullmatch(part), f"Windows cannot have {path}"
        assert "{{" not in part, f"Jinja is left in the name {path}"


def parse(path: str, content: bytes) -> None:
    parser = PARSERS.get(PurePosixPath(path).suffix)
    if parser is None:
        return
    try:
        parser(content.decode("utf-8"))
    except Exception as error:
        raise AssertionError(f"{path} does not parse: {error}") from error


def rendered(project: Path) -> set[str]:
    """The files that went through an engine; the others are copies, byte for byte."""
    names = {path.name.removesuffix(".jinja") for path in (ROOT / "template").rglob("*.jinja")}
    return {path for path in files(project) if PurePosixPath(path).name in names}


def absent(project: Path) -> Iterator[str]:
    """Links and paths in the documents that lead nowhere; a step's output is a promise kept.

    So is what a command of the pages on delivery writes.
    """
    made = "".join(path.read_text(encoding="utf-8") for path in project.glob("dvc.yaml"))
    for page in sorted(project.glob("docs/delivery/*.md")):
        written = re.findall(r"(?:--file|>|mv \S+) (deploy/[\w./-]+)", page.read_text("utf-8"))
        made += "".join(f" {path}" for path in written)
    for document in sorted(project.rglob("*.md")):
        text = document.read_text(encoding="utf-8")
        for link in LINK.findall(text):
            target = link.split("#")[0]
            if target and ":" not in target and not leads(document.parent / target, project, made):
                yield f"{document.relative_to(project)}: {link}"
        for path in PATH.findall(text):
            known = (project / path).exists() or path.rstrip("/") in made
            if not known and not STANDS_FOR.search(path):
                yield f"{document.relative_to(project)}: {path}"


def leads(target: Path, project: Path, made: str) -> bool:
    """Whether a path is there, or is what a step writes."""
    path = os.path.relpath(os.path.normpath(target), project)
    return target.exists() or f" {path}" in made


def tasks_of(project: Path) -> dict[str, Any]:
    """The tasks of `poe`; those that start with an underscore are not listed."""
    metadata = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(metadata["tool"]["poe"]["tasks"])


def unknown(project: Path) -> Iterator[str]:
    """What a file tells people or CI to run, and the project lacks: tasks, modules, commands."""
    tasks, package = tasks_of(project), recorded(project)["package_name"]
    code = "".join(p.read_text("utf-8") for p in (project / "src" / package).rglob("*.py"))
    commands = {given or name for given, name in COMMAND.findall(code)}
    for path, text in texts(project):
        for command in re.findall(rf"\brun {package} ([a-z][a-z-]+)", text):
            if command not in commands:
                yield f"{path}: {package} {command}"
        for workflow in WORKFLOW.findall(text):
            if not (project / ".github/workflows" / workflow).is_file():
                yield f"{path}: {workflow}"
        for task in TASK.findall(text):
            if task not in tasks:
                yield f"{path}: poe {task}"
        for module in MODULE.findall(text):
            place = project / module.replace(".", "/")
            if not place.is_dir() and not place.with_suffix(".py").is_file():
                yield f"{path}: python -m {module}"


def above(project: Path) -> Iterator[str]:
    """What a file says about a level that the project does not have."""
    level = recorded(project)["level"]
    patterns = {"train": [OPERATED, GOVERNED], "operate": [GOVERNED]}.get(level, [])
    for path, text in texts(project):
        for pattern in patterns:
            yield from (f"{path}: {found.group()}" for found in pattern.finditer(text))


def texts(project: Path) -> Iterator[tuple[str, str]]:
    """What people and CI read: all files but the code and its tests, locks and the licence."""
    for path, content in files(project).items():
        part = PurePosixPath(path).parts[0]
        if part not in {"src", "tests", "tools", "LICENSE"} and not path.endswith((".lock", "/")):
            yield path, content.decode("utf-8")
