"""Findings that one reader judged: benchmarks/held.csv, and its figures.

`held out` are repositories that no check had been corrected with: all was read before anything was
mended. `after mending` are places of the repositories of readings.csv that only the mended checks
report. `fourth` to `sixth` are later readings of other repositories: all errors and warnings, and
at most four notes of a check in a repository. What was wrong in one was mended before the next
began. `seventh` are all errors and warnings of 33 further repositories, and all notes of checks
that the readings before it had left a note. `wide` are all errors and warnings of 131 repositories
that only `tdsp adopt` had met. `eighth` are all errors and warnings of 133 further repositories,
and 150 of their notes, drawn by lot. `ninth a-l` and `ninth m-z` are two readers' findings of
further repositories, shared out by the first letter of their owners: all warnings, and of a part of
the repositories at most three notes of a check in each. `tenth` are all warnings of 273 further
repositories, and 362 of their notes, drawn by lot. `now` and `finding` are as in readings.csv.
The file holds no code.
"""

import csv
from collections import Counter
from pathlib import Path

from scripts.evidence import drawn
from scripts.precision import BOUNDS, Standing
from scripts.readings import HELD, Reading, below, by_check, standings

from tdsp.check.rule import SEVERITIES

COLUMNS = [
    "set", "repository", "kind", "check", "severity", "verdict", "now", "finding", "reason",
]  # fmt: skip
SETS = (
    *("held out", "after mending", "fourth", "fifth", "sixth", "seventh", "wide", "eighth"),
    *("ninth a-l", "ninth m-z", "tenth"),
)
REPOSITORIES = 16  # with the one in which nothing was found


def readings(which: str, path: Path = HELD) -> list[Reading]:
    """Return the readings of a set. Raises ValueError, naming the line, for one not whole."""
    found = []
    with path.open(encoding="utf-8", newline="") as file:
        read = csv.DictReader(file)
        if read.fieldnames != COLUMNS:
            raise ValueError(f"{path}: the columns are {', '.join(COLUMNS)}")
        for number, row in enumerate(read, 2):
            said = row["verdict"] == "right" or (row["verdict"] == "wrong" and row["reason"])
            known = row["severity"] in BOUNDS and row["now"] in {*SEVERITIES, "none"}
            if not (said and known and row["set"] in SETS):
                raise ValueError(f"{path}, line {number}: not a reading, or wrong without a reason")
            right = row["verdict"] == "right"
            if row["set"] == which:
                place, severity = int(row["repository"]), row["severity"]
                found.append(Reading(place, row["check"], severity, right, right, row["now"]))
    return found


def table(found: list[Reading]) -> str:
    """Return the figures by severity: as read, and of those that are still reported."""
    lines = ["| severity | read | right | 95 % interval | asked for | still reported | right |"]
    lines.append("| --- |" + " ---: |" * 6)
    for name, bound in BOUNDS.items():
        ours = [each for each in found if each.severity == name]
        kept = [each for each in ours if each.still]
        right = sum(each.right for each in ours)
        low, high = Standing(right, len(ours)).interval
        cells = [name, len(ours), right, f"{low:.3f} to {high:.3f}", f"{bound:.2f}"]
        cells += [len(kept), sum(each.right for each in kept)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def summary() -> str:
    """Return the block of docs/check.md."""
    found = readings("held out")
    lost = sum(each.right and not each.still for each in found)
    other = readings("after mending")
    right = sum(each.right for each in other)
    gone = sum(not each.right and not each.still for each in other)
    return (
        f"{table(found)}\n\n{len(found)} findings of {REPOSITORIES} repositories. As they were"
        f" read, these were below what is asked for: {below(by_check(found))}. Of the"
        f" {sum(not each.right for each in found)} wrong findings,"
        f" {sum(not each.right and not each.still for each in found)} are no longer reported at"
        f" that severity, nor are {lost} of the right ones. Still below: {below(standings(found))}."
        f"\n\nThe {len(other)} places at which only the mended checks found something in the"
        f" repositories of the second reading: {right} of {len(other)} were right; of the"
        f" {len(other) - right} wrong ones {gone} are no longer reported."
    )


def _by_repository(found: list[Reading]) -> str:
    """Return how far the findings of a severity hang together: most of them may be of one place."""
    told = []
    for name in BOUNDS:
        ours = [each for each in found if each.severity == name]
        every = Counter(each.repository for each in ours)
        right = Counter(each.repository for each in ours if each.right)
        if ours:
            low = drawn([(right[place], number) for place, number in every.items()])
            most = max(every.values())
            told.append(f"{name} {low:.3f} ({len(every)} repositories, {most} findings of one)")
    return ", ".join(told)


def later(which: str) -> str:
    """Return the block of docs/check.md about a later reading."""
    found = readings(which)
    wrong = [each for each in found if not each.right]
    lost = sum(each.right and not each.still for each in found)
    places = len({each.repository for each in found})
    return (
        f"{table(found)}\n\n{len(found)} findings of {places} repositories. As they were read,"
        f" these were below what is asked for: {below(by_check(found))}. Of the {len(wrong)} wrong"
        f" findings, {sum(not each.still for each in wrong)} are no longer reported at that"
        f" severity, nor are {lost} of the right ones. Still below: {below(standings(found))}."
        f" With the repositories drawn again, the lower end is: {_by_repository(found)}."
    )
