"""How often findings are right: the labels of benchmarks/labels.csv, by check and severity.

A person read the code of each finding and said whether it is right. `severity` is that of the day,
`now` that of the present checks, `none` when they no longer report it; scripts/readings.py looks
each `finding` up, where its place is known. The file holds no code.
"""

import csv
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tdsp.check.rule import SEVERITIES

LABELS = Path(__file__).parents[1] / "benchmarks" / "labels.csv"
COLUMNS = ["repository", "kind", "check", "severity", "verdict", "now", "finding", "reason"]
# The share of findings that have to be right, by the lower end of a 95 % interval.
BOUNDS = {"error": 0.99, "warning": 0.95, "note": 0.85}
Z = 1.959964


@dataclass(frozen=True)
class Label:
    """What was said of one finding."""

    repository: int
    kind: str
    check: str
    severity: str
    right: bool
    now: str
    reason: str


@dataclass(frozen=True)
class Standing:
    """How many findings were right, of how many."""

    right: int
    all: int

    @property
    def interval(self) -> tuple[float, float]:
        """Return both ends of Wilson's 95 % interval."""
        if not self.all:
            return 0.0, 1.0
        share, squared = self.right / self.all, Z * Z
        middle = share + squared / (2 * self.all)
        spread = Z * math.sqrt(share * (1 - share) / self.all + squared / (4 * self.all * self.all))
        low, high = middle - spread, middle + spread
        return max(0.0, low / (1 + squared / self.all)), min(1.0, high / (1 + squared / self.all))

    def verdict(self, severity: str) -> str:
        """Return proven, not proven (too few labels to say) or below what a severity asks for."""
        bound = BOUNDS[severity]
        low, high = self.interval
        if low >= bound:
            return "proven"
        enough = self.all >= math.ceil(bound * Z * Z / (1 - bound))
        wrong = self.all and self.right / self.all < bound
        return "below" if high < bound or enough or (wrong and self.all >= 5) else "not proven"


def labels(path: Path = LABELS) -> list[Label]:
    """Return the labels. Raises ValueError, naming the line, for one that is not whole."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != COLUMNS:
            raise ValueError(f"{path}: the columns are {', '.join(COLUMNS)}")
        return [_label(path, number, row) for number, row in enumerate(rows, 2)]


def _label(path: Path, number: int, row: dict[str, str]) -> Label:
    known = row["severity"] in BOUNDS and row["now"] in {*SEVERITIES, "none"}
    said = row["verdict"] == "right" or (row["verdict"] == "wrong" and row["reason"])
    if not (known and said and row["repository"].isdigit()):
        raise ValueError(f"{path}, line {number}: not a label, or wrong without a reason")
    right = row["verdict"] == "right"
    return Label(
        int(row["repository"]), row["kind"], row["check"], row["severity"], right, row["now"],
        row["reason"],
    )  # fmt: skip


def by_check(found: list[Label]) -> dict[tuple[str, str], Standing]:
    """Return check, severity -> what the findings that the checks still report were."""
    right = Counter((e.check, e.now) for e in found if e.right and e.now in BOUNDS)
    every = Counter((e.check, e.now) for e in found if e.now in BOUNDS)
    return {key: Standing(right[key], every[key]) for key in sorted(every)}


def by_severity(found: list[Label], now: bool) -> dict[str, Standing]:
    """Return severity -> what its findings were: as first reported, or by the present checks."""
    result = {}
    for name in BOUNDS:
        ours = [e for e in found if (e.now if now else e.severity) == name]
        result[name] = Standing(sum(e.right for e in ours), len(ours))
    return result


def table(found: list[Label]) -> str:
    """Return the figures by severity: when the checks met the repositories, and after mending."""
    lines = ["| severity | at first | right | still reported | right | 95 % interval | asked for |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    before, after = by_severity(found, now=False), by_severity(found, now=True)
    for name, bound in BOUNDS.items():
        first, then = before[name], after[name]
        low, high = then.interval
        cells = [name, first.all, first.right, then.all, then.right]
        cells += [f"{low:.3f} to {high:.3f}", f"{bound:.2f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
