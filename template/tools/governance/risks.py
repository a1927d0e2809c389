"""The risk register: `poe risks` checks docs/governance/risks.yaml and writes its page.

A risk has a likelihood and an impact from 1 to 5; their product is its score. The exit code is 1
when a risk is not as it has to be, when its review date has passed, and with `--check` when
risks.md is not what the register says.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from .sources import (
    FOLDER,
    GovernanceError,
    check_role,
    has,
    head,
    is_open,
    read,
    row,
    told,
    write,
)

SOURCE, PAGE = FOLDER / "risks.yaml", FOLDER / "risks.md"
KEYS = "id risk sign likelihood impact owner answer review"
HIGH, MEDIUM = 15, 8  # of 25: from here on


@dataclass(frozen=True)
class Risk:
    """A line of the register. `review` is a placeholder until a day is set."""

    id: str
    risk: str
    sign: str
    likelihood: int
    impact: int
    owner: str
    answer: str
    review: date | str

    @property
    def score(self) -> int:
        """From 1 to 25."""
        return self.likelihood * self.impact

    @property
    def rank(self) -> str:
        """Say how high the score is."""
        return "high" if self.score >= HIGH else "medium" if self.score >= MEDIUM else "low"


def load() -> list[Risk]:
    """Return the risks, the highest first. Raises GovernanceError that names the line."""
    entries = read(SOURCE).get("risks")
    if not isinstance(entries, list) or not entries:
        raise GovernanceError(f"{SOURCE} has no list `risks`")
    risks = [_risk(entry, f"{SOURCE}, risk {n}") for n, entry in enumerate(entries, 1)]
    ids = [risk.id for risk in risks]
    if twice := {each for each in ids if ids.count(each) > 1}:
        raise GovernanceError(f"{SOURCE} has more than once: {', '.join(sorted(twice))}")
    return sorted(risks, key=lambda risk: (-risk.score, risk.id))


def _risk(entry: Any, where: str) -> Risk:
    risk = Risk(**has(entry, where, KEYS))
    where = f"{where} ({risk.id})"
    for name in ("likelihood", "impact"):
        value = getattr(risk, name)
        if type(value) is not int or not 1 <= value <= 5:
            raise GovernanceError(f"{where}: {name} is {value!r}, not a number from 1 to 5")
    check_role(risk.owner, f"{where}, owner")
    if type(risk.review) is not date and not is_open(risk.review):
        raise GovernanceError(f"{where}: review is {risk.review!r}, not a day such as 2027-03-31")
    return risk


def page(risks: list[Risk]) -> list[str]:
    """Return the lines of the page."""
    score = f"likelihood by impact, each from 1 to 5; high from {HIGH}, medium from {MEDIUM}"
    about = f"`poe risks` writes this page from `risks.yaml`. Score: {score}."
    lines = ["# Risk register", "", about, ""]
    lines += head("risk", "score", "sign", "answer", "owner", "review")
    return lines + [
        row(
            f"**{r.id}**: {r.risk}",
            f"{r.score} ({r.likelihood} by {r.impact}), {r.rank}",
            r.sign,
            r.answer,
            r.owner,
            "not set" if is_open(r.review) else r.review,
        )
        for r in risks
    ]


def main(words: Iterable[str] | None = None) -> int:
    """Print what is due, write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it is stale")
    parser.add_argument("--today", type=date.fromisoformat, default=date.today(), metavar="DATE")
    options = parser.parse_args(None if words is None else list(words))
    risks = load()
    lines = page(risks)
    if not options.check:
        write(PAGE, lines)
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != "\n".join(lines) + "\n":
        raise GovernanceError(f"{PAGE} is not what {SOURCE} says: run `poe risks`, commit both")
    past = [r for r in risks if isinstance(r.review, date) and r.review < options.today]
    for risk in past:
        print(f"error: {SOURCE}: {risk.id} was to be looked at on {risk.review} by {risk.owner}")
    undated = sum(is_open(risk.review) for risk in risks)
    high = sum(risk.score >= HIGH for risk in risks)
    print(f"{len(risks)} risks, {high} of them high; {len(past)} reviews past, {undated} undated")
    return 1 if past else 0


if __name__ == "__main__":
    sys.exit(told(main))
