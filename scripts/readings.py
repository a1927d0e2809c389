"""Findings that two readers judged apart from each other: benchmarks/readings.csv, and its figures.

Each read the code of a finding without knowing what the other had said. The file holds no code, and
numbers in place of the repositories' names.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from scripts.precision import BOUNDS, Standing

READINGS = Path(__file__).parents[1] / "benchmarks" / "readings.csv"
COLUMNS = ["repository", "check", "severity", "first", "second", "reason"]
WORDS = {"right", "wrong"}


@dataclass(frozen=True)
class Reading:
    """What the two readers said of one finding."""

    repository: int
    check: str
    severity: str
    first: bool
    second: bool

    @property
    def right(self) -> bool:
        """Tell whether both found it right: one doubt is enough to count it as wrong."""
        return self.first and self.second


def readings(path: Path = READINGS) -> list[Reading]:
    """Return the readings. Raises ValueError, naming the line, for one that is not whole."""
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != COLUMNS:
            raise ValueError(f"{path}: the columns are {', '.join(COLUMNS)}")
        for number, row in enumerate(rows, 2):
            if row["severity"] not in BOUNDS or not {row["first"], row["second"]} <= WORDS:
                raise ValueError(f"{path}, line {number}: not a reading")
            said = (row[name] == "right" for name in ("first", "second"))
            found.append(Reading(int(row["repository"]), row["check"], row["severity"], *said))
    return found


def agreement(found: list[Reading]) -> tuple[float, float]:
    """Return the share on which both agree, and Cohen's kappa, which takes chance off."""
    share = sum(each.first == each.second for each in found) / len(found)
    one, two = (sum(getattr(e, name) for e in found) / len(found) for name in ("first", "second"))
    chance = one * two + (1 - one) * (1 - two)
    return share, (share - chance) / (1 - chance)


def table(found: list[Reading]) -> str:
    """Return the figures by severity."""
    lines = ["| severity | read | both: right | both: wrong | apart | 95 % interval | asked for |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, bound in BOUNDS.items():
        ours = [each for each in found if each.severity == name]
        right = sum(each.right for each in ours)
        wrong = sum(not each.first and not each.second for each in ours)
        low, high = Standing(right, len(ours)).interval
        cells = [name, len(ours), right, wrong, len(ours) - right - wrong]
        cells += [f"{low:.3f} to {high:.3f}", f"{bound:.2f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def by_check(found: list[Reading]) -> dict[tuple[str, str], Standing]:
    """Return check, severity -> how many of its findings both readers found right."""
    every = Counter((each.check, each.severity) for each in found)
    right = Counter((each.check, each.severity) for each in found if each.right)
    return {key: Standing(right[key], count) for key, count in sorted(every.items())}


def below(found: list[Reading]) -> str:
    """Return the checks whose interval begins below what their severity asks for."""
    told = [
        f"{check} ({severity}, {standing.right} of {standing.all})"
        for (check, severity), standing in by_check(found).items()
        if standing.verdict(severity) == "below"
    ]
    return ", ".join(told) or "none"


def summary() -> str:
    """Return the block of docs/check.md."""
    found = readings()
    share, kappa = agreement(found)
    places = len({each.repository for each in found})
    return (
        f"{table(found)}\n\n{len(found):,} findings of {places} repositories; both readers said the"
        f" same of {share:.1%} (kappa {kappa:.2f}). By the lower end of the interval"
        f" these are below what is asked for: {below(found)}."
    )
