"""Findings that two readers judged apart from each other: benchmarks/readings.csv, and its figures.

    python -m scripts.readings FOLDER   # says of each finding whether the checks still report it

Each read the code of a finding without knowing what the other had said. The file holds no code, and
numbers in place of the repositories' names. `finding` is a digest of the repository's name (6
digits) and of the finding's check, path and line (10 digits). `now` is how severe the finding is
by the present checks, `none` when they do not report it. FOLDER has a bare clone of each
repository, OWNER+NAME/repo; of one that is not there, `now` is at most the class that the check has
today. The same is written into labels.csv and held.csv; a row without `finding` has no place that
is known.
"""

import csv
import hashlib
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.precision import BOUNDS, LABELS, Standing

from tdsp.check.all import CHECKS
from tdsp.check.rule import SEVERITIES

READINGS = Path(__file__).parents[1] / "benchmarks" / "readings.csv"
HELD = READINGS.with_name("held.csv")
COLUMNS = ["repository", "check", "severity", "first", "second", "now", "finding", "reason"]
WORDS = {"right", "wrong"}
ORDER = ["none", *SEVERITIES]


@dataclass(frozen=True)
class Reading:
    """What the two readers said of one finding, and what the present checks say."""

    repository: int
    check: str
    severity: str
    first: bool
    second: bool
    now: str = "none"

    @property
    def right(self) -> bool:
        """Tell whether both found it right: one doubt is enough to count it as wrong."""
        return self.first and self.second

    @property
    def still(self) -> bool:
        """Tell whether it is reported as it was read: one of a lower severity was not read."""
        return self.now == self.severity


def rows(path: Path = READINGS) -> list[dict[str, str]]:
    """Return the rows as they stand. Raises ValueError, naming the line, for one not whole."""
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        read = csv.DictReader(file)
        if read.fieldnames != COLUMNS:
            raise ValueError(f"{path}: the columns are {', '.join(COLUMNS)}")
        for number, row in enumerate(read, 2):
            known = row["severity"] in BOUNDS and row["now"] in {*SEVERITIES, "none"}
            if not known or not {row["first"], row["second"]} <= WORDS:
                raise ValueError(f"{path}, line {number}: not a reading")
            found.append(row)
    return found


def readings(path: Path = READINGS) -> list[Reading]:
    """Return the readings. Raises ValueError, naming the line, for one that is not whole."""
    return [
        Reading(
            int(row["repository"]), row["check"], row["severity"],
            row["first"] == "right", row["second"] == "right", row["now"],
        )
        for row in rows(path)
    ]  # fmt: skip


def agreement(found: list[Reading]) -> tuple[float, float]:
    """Return the share on which both agree, and Cohen's kappa, which takes chance off."""
    share = sum(each.first == each.second for each in found) / len(found)
    one, two = (sum(getattr(e, name) for e in found) / len(found) for name in ("first", "second"))
    chance = one * two + (1 - one) * (1 - two)
    return share, (share - chance) / (1 - chance)


def table(found: list[Reading]) -> str:
    """Return the figures by severity: as read, and of those that are still reported."""
    lines = ["| severity | read | right | wrong | apart | 95 % interval | asked for |"]
    lines[0] += " still reported | right | 95 % interval |"
    lines.append("| --- |" + " ---: |" * 9)
    for name, bound in BOUNDS.items():
        ours = [each for each in found if each.severity == name]
        right = sum(each.right for each in ours)
        wrong = sum(not each.first and not each.second for each in ours)
        kept = [each for each in ours if each.still]
        good = sum(each.right for each in kept)
        cells = [name, len(ours), right, wrong, len(ours) - right - wrong]
        cells += [_shown(Standing(right, len(ours))), f"{bound:.2f}"]
        cells += [len(kept), good, _shown(Standing(good, len(kept)))]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _shown(standing: Standing) -> str:
    low, high = standing.interval
    return f"{low:.3f} to {high:.3f}"


def by_check(found: Iterable[Reading]) -> dict[tuple[str, str], Standing]:
    """Return check, severity -> how many of its findings both readers found right."""
    listed = list(found)
    every = Counter((each.check, each.severity) for each in listed)
    right = Counter((each.check, each.severity) for each in listed if each.right)
    return {key: Standing(right[key], count) for key, count in sorted(every.items())}


def standings(found: list[Reading]) -> dict[tuple[str, str], Standing]:
    """Return check, severity -> how many of the findings still reported are right."""
    return by_check(each for each in found if each.still)


def below(found: dict[tuple[str, str], Standing]) -> str:
    """Return the checks that the readings refute at their severity."""
    told = [
        f"{check} ({severity}, {standing.right} of {standing.all})"
        for (check, severity), standing in found.items()
        if standing.verdict(severity) == "below"
    ]
    return ", ".join(told) or "none"


def summary() -> str:
    """Return the block of docs/check.md."""
    found = readings()
    share, kappa = agreement(found)
    places = len({each.repository for each in found})
    wrong = [each for each in found if not each.right]
    lost = sum(each.right and not each.still for each in found)
    return (
        f"{table(found)}\n\n{len(found):,} findings of {places} repositories; both readers said the"
        f" same of {share:.1%} (kappa {kappa:.2f}). As they were read, these were below what is"
        f" asked for: {below(by_check(found))}.\n\nOf the {len(wrong)} findings that a reader"
        f" doubted, {sum(not each.still for each in wrong)} are no longer reported at that"
        f" severity, nor are {lost} of the {len(found) - len(wrong)} right ones. Still below:"
        f" {below(standings(found))}."
    )


def digest(name: str, check: str, path: str, line: int) -> str:
    """Return what stands for a finding: the repository's part, and that of the finding."""
    whole = hashlib.sha256(f"{name}\0{check}\0{path}\0{line}".encode()).hexdigest()
    return hashlib.sha256(name.encode()).hexdigest()[:6] + whole[:10]


def reread(path: Path, folder: Path) -> int:
    """Write `now` of each finding whose repository is in a folder; return how many there are."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        read, columns = list(reader), list(reader.fieldnames or [])
    clones = {
        digest(clone.parent.name, "", "", 0)[:6]: clone for clone in sorted(folder.glob("*/repo"))
    }
    for row in read:
        row["now"] = min(row["now"], CHECKS[row["check"]].severity, key=ORDER.index)
    told = [row for row in read if row["finding"][:6] in clones]
    for row in told:
        row["now"] = _reported(clones[row["finding"][:6]]).get(row["finding"], "none")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(read)
    return len(told)


@cache
def _reported(clone: Path) -> dict[str, str]:
    """Return digest -> severity of what the present checks find in a clone."""
    from tdsp.check.run import check_folder, severity

    commit = "HEAD" if (clone / "HEAD").is_file() or (clone / ".git").exists() else ""
    return {
        digest(clone.parent.name, result.check.id, mark.path, mark.line): severity(
            result.check, mark
        )
        for result in check_folder(clone, commit=commit).results
        for mark in result.marks
        if mark.kind == "fail"
    }


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python -m scripts.readings FOLDER")
    for each in (READINGS, LABELS, HELD):
        print(f"{each.name}: {reread(each, Path(sys.argv[1]))} findings were looked for again")
