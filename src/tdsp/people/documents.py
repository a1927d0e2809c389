"""What people still have to write: `tdsp docs` lists each `[open: …]` under docs/, by stage.

The table of docs/README.md gives each document its stage; the row of a README.md, its whole folder.
In a YAML file a comment such as `# stage: data` gives the lines below it another one. What has no
stage counts as open for every stage, so that nothing is forgotten.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tdsp.errors import TdspError
from tdsp.people.project import Project
from tdsp.people.roles.model import STAGES as TITLES

STAGES: tuple[str, ...] = tuple(TITLES)
FOLDER = "docs"
INDEX = f"{FOLDER}/README.md"
TEXTS = {".md", ".yaml", ".yml"}
OPEN = re.compile(r"(?<!\\)\[open: (?!…)[^\]]+\]")  # a placeholder; `[open: …]` explains one
# | [Document](path) or `path` | stage | owner | written by |
ROW = re.compile(r"\| *(?:\[[^\]]*\]\(|`)([\w./-]+)[)`] *\| *([\w-]+) *\|[^|]*\| *([^|]*?) *\|")
SECTION = re.compile(r"# stage: ([\w-]+) *")
SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Row:
    """What the table says of a document or of a folder."""

    stage: str
    by: str

    @property
    def generated(self) -> bool:
        """Whether the run writes it: then its questions are those of facts.yaml."""
        return self.by == "the run"


@dataclass(frozen=True)
class Question:
    """A place that only people can fill. `stage` is empty when no row covers its file."""

    stage: str
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def index(project: Project) -> dict[str, Row]:
    """Return path -> row of the table. Raises TdspError that names the line."""
    rows: dict[str, Row] = {}
    for number, line in enumerate(project.text(INDEX).splitlines(), start=1):
        if match := ROW.fullmatch(line):
            path, stage, by = match.groups()
            row = Row(known(stage, f"{INDEX}:{number}"), by)
            rows |= {f"{FOLDER}/{name}": row for name in (path, path.removesuffix("README.md"))}
    if not rows:
        raise TdspError(f"{INDEX} has no table of documents with their stages")
    return rows


def known(stage: str, where: str) -> str:
    """Return the stage. Raises TdspError when there is no such one."""
    if stage not in STAGES:
        raise TdspError(f"{where}: no such stage: {stage}; there are {', '.join(STAGES)}")
    return stage


def row_of(path: str, rows: dict[str, Row]) -> Row:
    """Return the row of the document, or else that of the nearest folder."""
    folders = (f"{parent}/" for parent in PurePosixPath(path).parents)
    return next((rows[name] for name in (path, *folders) if name in rows), Row("", ""))


def questions(project: Project) -> list[Question]:
    """Return every open place; of what the run writes, only what no other file asks."""
    rows = index(project)
    names = [
        path.relative_to(project.root).as_posix()
        for path in sorted((project.root / FOLDER).rglob("*"))
        if path.suffix in TEXTS
    ]
    result: list[Question] = []
    for name in sorted(names, key=lambda name: row_of(name, rows).generated):
        row, asked = row_of(name, rows), {question.text for question in result}
        for question in in_file(name, project.text(name), row.stage):
            if not (row.generated and question.text in asked):
                result.append(question)
                asked.add(question.text)
    return result


def in_file(name: str, text: str, stage: str) -> Iterator[Question]:
    """Yield the open places of a file, with the stage of their section."""
    sections = list(SECTION.finditer(text)) if not name.endswith(".md") else []
    for match in OPEN.finditer(text):
        before = [section for section in sections if section.start() < match.start()]
        line = text.count("\n", 0, match.start()) + 1
        of = known(before[-1][1], f"{name}, above line {line}") if before else stage
        yield Question(of, name, line, SPACE.sub(" ", match[0]))


def until(stage: str, found: Iterable[Question]) -> list[Question]:
    """Return what has to be answered before the stage ends: its own, all earlier, all unknown."""
    due = {"", *STAGES[: STAGES.index(stage) + 1]}
    return [question for question in found if question.stage in due]


def lines(found: list[Question]) -> Iterator[str]:
    """Yield the lines to print: what has no stage first, then stage by stage."""
    for stage in ("", *STAGES):
        here = [question for question in found if question.stage == stage]
        if here:
            yield f"{stage or f'no stage, give it a row in {INDEX}'}: {len(here)} open"
            yield from (f"  {question}" for question in here)


def is_open(value: object) -> bool:
    """Tell whether a value still is a placeholder."""
    return isinstance(value, str) and bool(OPEN.search(value))
