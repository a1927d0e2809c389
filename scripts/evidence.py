"""What all files of readings say of a check together, as its findings were first seen.

A mend is made with what was read, so what is reported after it is no evidence of other
repositories. Here each finding counts once, at the severity that it had when it was first read,
and as right when all who judged it, in whichever file, found it right. A class that this refutes
is taken away: the check goes one class down, and stays there until new readings say otherwise.
"""

import csv
from collections.abc import Mapping

from scripts.precision import LABELS, Standing
from scripts.readings import HELD, READINGS

from tdsp.check.rule import SEVERITIES

ASKED, ENOUGH = 0.9, 5
Standings = dict[tuple[str, str], Standing]


def first_sight() -> Standings:
    """Return check, severity when first read -> how many findings were right, of how many."""
    said: dict[tuple[str, str], dict[str, bool]] = {}
    for path in (LABELS, READINGS, HELD):
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file)):
                right = {row.get(name, "right") for name in ("verdict", "first", "second")}
                found = said.setdefault((row["check"], row["severity"]), {})
                place = row["finding"] or f"{path.name} {number}"
                found[place] = found.get(place, True) and right == {"right"}
    return {key: Standing(sum(v.values()), len(v)) for key, v in sorted(said.items())}


def refuted(standing: Standing) -> bool:
    """Tell whether enough findings were read, and too few of them were right."""
    return standing.all >= ENOUGH and standing.right / standing.all < ASKED


def too_high(found: Standings, classes: Mapping[str, str]) -> list[str]:
    """Name the checks whose class is one that was refuted; a note is the lowest."""
    return [
        f"{check} is no {severity}: {standing.right} of {standing.all} were right"
        for (check, severity), standing in found.items()
        if severity != "note"
        and refuted(standing)
        and SEVERITIES.index(classes[check]) >= SEVERITIES.index(severity)
    ]


def table(found: Standings, classes: Mapping[str, str]) -> str:
    """Return what was read as an error or a warning, and the class that is left of it."""
    lines = ["| check | read as | findings | right | lower end | class now |"]
    lines.append("| --- | --- | ---: | ---: | ---: | --- |")
    for (check, severity), standing in found.items():
        if severity != "note":
            low = f"{standing.interval[0]:.2f}"
            mark = ", refuted" if refuted(standing) else ""
            cells = [check, severity + mark, standing.all, standing.right, low, classes[check]]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    strong = {check for check, name in classes.items() if name != "note"}
    bare = sorted(strong - {check for check, severity in found if severity != "note"})
    return "\n".join(lines) + f"\n\nNo error or warning was read of: {', '.join(bare)}."
