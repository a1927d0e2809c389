"""Each principle of docs/governance/principles.yaml, held against this project.

A principle is kept when all of its checks hold; evidence.py says which kinds there are. Where one
found nothing to judge, the principle is open, which is not kept. The result is written to
docs/governance/principles.md.
"""

from typing import Annotated, Any

import typer
from pydantic import Field

from tdsp.errors import TdspError
from tdsp.people.governance.evidence import Evidence, Unjudged
from tdsp.people.project import Project
from tdsp.people.roles.model import check_role
from tdsp.people.sources import Key, Line, Part, head, read, row, unique, write

KEPT, OPEN, FAIL = "kept", "open", "FAIL"
SOURCE, PAGE = "docs/governance/principles.yaml", "docs/governance/principles.md"


class Principle(Part):
    """What the project stands for, who looks after it, and the checks that show it."""

    id: Key
    means: Line
    owner: Key
    checks: Annotated[list[dict[str, Any]], Field(min_length=1)]


class _Principles(Part):
    principles: Annotated[list[Principle], Field(min_length=1)]


def load(project: Project) -> list[Principle]:
    """Return the principles. Raises TdspError, naming the place, for what is not valid."""
    principles = read(project, SOURCE, _Principles).principles
    unique([each.id for each in principles], SOURCE)
    for each in principles:
        check_role(project, each.owner, f"{SOURCE}, {each.id}, owner")
    return principles


def run(project: Project, names: list[str], judged: bool = False) -> bool:
    """Run the checks of some principles, or of all; print and write what they say.

    Returns whether all are kept; with `judged`, whether none is broken.
    """
    principles = load(project)
    if unknown := {*names} - {each.id for each in principles}:
        raise TdspError(f"{SOURCE} has no principle {', '.join(sorted(unknown))}")
    chosen = [each for each in principles if not names or each.id in names]
    evidence = Evidence(project)
    if tests := [check["test"] for each in chosen for check in each.checks if "test" in check]:
        evidence.run_tests(tests)
    lines = ["# Principles", "", "`tdsp principles` writes this page from `principles.yaml`.", ""]
    lines += head("principle", "kept?", "checks", "owner")
    good = True
    for each in chosen:
        where = f"{SOURCE}, {each.id}"
        faults = [line for check in each.checks for line in evidence.wrong(check, where)]
        state = verdict(faults)
        good = good and (state == KEPT or (judged and state == OPEN))
        typer.echo(f"{state}  {each.id}: {each.means}")
        for line in faults:
            nothing = "nothing to judge: " if isinstance(line, Unjudged) else ""
            typer.echo(f"      {nothing}{line}")
        lines.append(_row(each, faults))
    if not names:
        write(project.root / PAGE, "\n".join(lines) + "\n")
    return good


def verdict(faults: list[str]) -> str:
    """Return FAIL for a fault, `open` when something could not be judged, else kept."""
    if not faults:
        return KEPT
    return OPEN if all(isinstance(line, Unjudged) for line in faults) else FAIL


def _row(principle: Principle, faults: list[str]) -> str:
    listed = [f"{kind} {_shown(w)}" for check in principle.checks for kind, w in check.items()]
    name = f"**{principle.id}**: {principle.means}"
    said = {KEPT: "yes", OPEN: "not judged", FAIL: "no"}[verdict(faults)]
    return row(name, "; ".join([said, *faults]), "; ".join(listed), principle.owner)


def _shown(what: Any) -> str:
    """Return what a check looks at, as it reads in a table."""
    if isinstance(what, dict):
        return ", ".join(f"`{name}: {value}`" for name, value in what.items())
    return ", ".join(f"`{each}`" for each in (what if isinstance(what, list) else [what]))
