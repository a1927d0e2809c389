"""The risk register docs/governance/risks.yaml, checked, and the page risks.md that is made of it.

A risk has a likelihood and an impact from 1 to 5; their product is its score.
"""

from datetime import date, datetime
from typing import Annotated, Any

import typer
from pydantic import BeforeValidator, Field

from tdsp.errors import TdspError
from tdsp.people.documents import is_open
from tdsp.people.project import Project
from tdsp.people.roles.model import check_role
from tdsp.people.sources import Key, Line, Part, head, read, row, unique, write

SOURCE, PAGE = "docs/governance/risks.yaml", "docs/governance/risks.md"
HIGH, MEDIUM = 15, 8  # of 25: from here on


def _grade(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 5:
        raise ValueError(f"{value!r} is not a number from 1 to 5")
    return value


def _review(value: Any) -> date | str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not is_open(value):
        raise ValueError(f"{value!r} is not a day such as 2027-03-31")
    return str(value)


Grade = Annotated[int, BeforeValidator(_grade)]


class Risk(Part):
    """A line of the register. `review` is a placeholder until a day is set."""

    id: Key
    risk: Line
    sign: Line
    likelihood: Grade
    impact: Grade
    owner: Key
    answer: Line
    review: Annotated[date | str, BeforeValidator(_review)]

    @property
    def score(self) -> int:
        """From 1 to 25."""
        return self.likelihood * self.impact

    @property
    def rank(self) -> str:
        """Say how high the score is."""
        return "high" if self.score >= HIGH else "medium" if self.score >= MEDIUM else "low"

    @property
    def day(self) -> date | None:
        """The day of the next review, when there is one."""
        return self.review if isinstance(self.review, date) else None


class _Register(Part):
    risks: Annotated[list[Risk], Field(min_length=1)]


def load(project: Project) -> list[Risk]:
    """Return the risks, the highest first. Raises TdspError that names the line."""
    risks = read(project, SOURCE, _Register).risks
    unique([risk.id for risk in risks], SOURCE)
    for risk in risks:
        check_role(project, risk.owner, f"{SOURCE}, {risk.id}, owner")
    return sorted(risks, key=lambda risk: (-risk.score, risk.id))


def page(risks: list[Risk]) -> str:
    """Return the text of the page."""
    score = f"likelihood by impact, each from 1 to 5; high from {HIGH}, medium from {MEDIUM}"
    about = f"`tdsp risks` writes this page from `risks.yaml`. Score: {score}."
    lines = ["# Risk register", "", about, ""]
    lines += head("risk", "score", "sign", "answer", "owner", "review")
    lines += [
        row(
            f"**{r.id}**: {r.risk}",
            f"{r.score} ({r.likelihood} by {r.impact}), {r.rank}",
            r.sign,
            r.answer,
            r.owner,
            r.day or "not set",
        )
        for r in risks
    ]
    return "\n".join(lines) + "\n"


def run(project: Project, check: bool, today: date) -> bool:
    """Print what is due, write or check the page; tell whether no review is past."""
    risks = load(project)
    path, text = project.root / PAGE, page(risks)
    if not check:
        write(path, text)
    elif not path.exists() or project.text(PAGE) != text:
        raise TdspError(f"{PAGE} is not what {SOURCE} says: run `tdsp risks`, commit both")
    past = [risk for risk in risks if risk.day and risk.day < today]
    for risk in past:
        typer.echo(f"error: {SOURCE}: {risk.id} was due for review on {risk.day} by {risk.owner}")
    undated = sum(risk.day is None for risk in risks)
    high = sum(risk.score >= HIGH for risk in risks)
    typer.echo(
        f"{len(risks)} risks, {high} of them high; {len(past)} reviews past, {undated} undated"
    )
    return not past
