"""Where the project stands in its lifecycle: docs/process/stages.yaml, its criteria run.

Each criterion is a command: it holds when that ends with exit code 0. A stage is entered when the
one before is left.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer
from pydantic import Field

from tdsp.errors import TdspError
from tdsp.people.project import Project
from tdsp.people.sources import Key, Line, Part, read, write

SOURCE = "docs/process/stages.yaml"
PAGE = "docs/process/lifecycle.md"
BEGIN, END = "<!-- stages.yaml: begin -->\n", "<!-- stages.yaml: end -->\n"


class Criterion(Part):
    """What has to hold, the command that decides, and what to do when it does not."""

    what: Line
    check: Line
    do: Line
    given: Line | None = None  # a path, `*` for any name; without it there is nothing to judge


class _Stage(Part):
    title: Line
    question: Line
    entry: list[Criterion]
    exit: list[Criterion]


class _Stages(Part):
    stages: Annotated[dict[Key, _Stage], Field(min_length=1)]


@dataclass(frozen=True)
class Stage:
    """A stage of the lifecycle, and the one that comes before it."""

    name: str
    title: str
    question: str
    before: "Stage | None"
    entry: tuple[Criterion, ...]
    exit: tuple[Criterion, ...]


def load(project: Project) -> list[Stage]:
    """Return the stages in order. Raises TdspError."""
    stages: list[Stage] = []
    for name, raw in read(project, SOURCE, _Stages).stages.items():
        before = stages[-1] if stages else None
        ends = (tuple(raw.entry), tuple(raw.exit))
        stages.append(Stage(name, raw.title, raw.question, before, *ends))
    return stages


def chosen(project: Project, name: str | None) -> list[Stage]:
    """Return the stage of this name, or all. Raises TdspError when there is none."""
    stages = load(project)
    result = [each for each in stages if name in (None, each.name)]
    if not result:
        names = ", ".join(each.name for each in stages)
        raise TdspError(f"there is no stage {name}; there are {names}")
    return result


def run(project: Project, stages: list[Stage]) -> bool:
    """Check stages in order, up to the first that is not done; tell whether all criteria hold."""
    known: dict[str, tuple[bool, str]] = {}
    for number, stage in enumerate(stages):
        if not ask(project, stage, known):
            later = ", ".join(each.title.lower() for each in stages[number + 1 :])
            after = f"; after it: {later}" if later else ""
            typer.echo(f"\nNot done yet: {stage.title.lower()}{after}")
            return False
    unjudged = sum(
        not there(project, one) for stage in stages for one in (*stage.entry, *stage.exit)
    )
    words = f"; {unjudged} had nothing to judge" if unjudged else ""
    typer.echo(f"\nAll criteria hold{words}.")
    return True


def there(project: Project, criterion: Criterion) -> bool:
    """Tell whether what a criterion is about is there."""
    if criterion.given is None:
        return True
    return next(project.root.glob(criterion.given), None) is not None


def ask(project: Project, stage: Stage, known: dict[str, tuple[bool, str]]) -> bool:
    """Check a stage and print each criterion; a command that was run is not run again."""
    typer.echo(f"\n{stage.title}: {stage.question}")
    all_hold = True
    # The exit criteria of the stage before; asked already, unless this is the only one.
    inherited = stage.before.exit if stage.before and not known else ()
    for part, criteria in (("entry", (*inherited, *stage.entry)), ("exit", stage.exit)):
        for one in criteria:
            if not there(project, one):
                typer.echo(f"  [?] {part}: {one.what}  (not judged: no {one.given})")
                continue
            if one.check not in known:
                if sys.stderr.isatty():
                    print(f"  ... {one.check}", end="\r", file=sys.stderr, flush=True)
                known[one.check] = project.check(one.check)
            holds, message = known[one.check]
            typer.echo(f"  [{'x' if holds else ' '}] {part}: {one.what}  ({one.check})")
            if not holds:
                typer.echo(f"        it says: {message}\n        to do:   {one.do}")
            all_hold &= holds
    return all_hold


def page(stages: list[Stage]) -> str:
    """Return the criteria as Markdown, for lifecycle.md."""
    return "\n".join(line for stage in stages for line in _section(stage))


def _section(stage: Stage) -> Iterator[str]:
    yield f"### {stage.title}\n\n{stage.question}\n"
    after = f"exit criteria of {stage.before.title.lower()}" if stage.before else ""
    yield f"Entry: {after}{', and' if after and stage.entry else ''}".rstrip() + "\n"
    yield from _list(stage.entry)
    yield "Exit:\n"
    yield from _list(stage.exit)


def _list(criteria: tuple[Criterion, ...]) -> Iterator[str]:
    yield from (f"- {one.what}: `{one.check}`" for one in criteria)
    if criteria:
        yield ""


def renew_page(project: Project) -> None:
    """Put the criteria into lifecycle.md, between its two marks."""
    text = project.text(PAGE)
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise TdspError(f"{PAGE} needs one line `{BEGIN.strip()}` and after it `{END.strip()}`")
    before, rest = text.split(BEGIN)
    new = f"{before}{BEGIN}{page(load(project))}{END}{rest.split(END)[1]}"
    write(project.root / PAGE, new)
