"""What all files of readings say of a check together, as its findings were first seen.

A mend is made with what was read, so what is reported after it is no evidence of other
repositories. Here each finding counts once, at the severity that it had when it was first read,
and as right when all who judged it, in whichever file, found it right. Each class promises a share
of right findings, and checks go down until the class keeps it. A check stays where it is until new
readings say otherwise. An info promises nothing, and is shown only when asked for.
"""

import csv
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from scripts.precision import BOUNDS, LABELS, Standing
from scripts.readings import HELD, READINGS

from tdsp.check.rule import SEVERITIES

# The least share of right findings with which a check may stay in a class. An error has to be shown
# check by check, by the lower end: 381 findings, all right. A warning needs findings that were
# read: of the checks that had none, nearly all were wrong later. Warnings and notes keep their
# promise as a class, by the lower end.
LEAST = {"warning": 0.9, "note": 0.85}
ENOUGH = 5
Key = tuple[str, str]
Standings = dict[Key, Standing]
Findings = dict[Key, dict[str, bool]]


def findings() -> Findings:
    """Return check, severity when first read -> finding -> whether it was right."""
    said: Findings = {}
    for path in (LABELS, READINGS, HELD):
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file)):
                right = {row.get(name, "right") for name in ("verdict", "first", "second")}
                found = said.setdefault((row["check"], row["severity"]), {})
                unknown = f"{path.name} {row.get('set', '')} {row['repository']} {number}"
                place = row["finding"] or unknown
                found[place] = found.get(place, True) and right == {"right"}
    return dict(sorted(said.items()))


def first_sight() -> Standings:
    """Return check, severity when first read -> how many findings were right, of how many."""
    return {key: Standing(sum(v.values()), len(v)) for key, v in findings().items()}


def present(key: Key, classes: Mapping[str, str]) -> str:
    """Return the class in which a finding counts: as it was read, or that of its check today."""
    return min(key[1], classes[key[0]], key=SEVERITIES.index)


def pooled(found: Standings, classes: Mapping[str, str]) -> Standings:
    """Return check, class of today -> how many of its findings were right."""
    right: Counter[Key] = Counter()
    every: Counter[Key] = Counter()
    for key, standing in found.items():
        right[key[0], present(key, classes)] += standing.right
        every[key[0], present(key, classes)] += standing.all
    return {key: Standing(right[key], number) for key, number in sorted(every.items())}


def total(found: Standings, severity: str) -> Standing:
    """Return how many findings of a class were right."""
    ours = [standing for (_, name), standing in found.items() if name == severity]
    return Standing(sum(e.right for e in ours), sum(e.all for e in ours))


def refuted(standing: Standing, severity: str) -> bool:
    """Tell whether enough findings were read, and too few of them were right."""
    share = standing.right / standing.all if standing.all else 1.0
    return standing.all >= ENOUGH and share < LEAST[severity]


def too_high(found: Standings, classes: Mapping[str, str]) -> list[str]:
    """Name the checks that have to go a class down, each with what was read of it."""
    ours = pooled(found, classes)
    named = [key for key, standing in ours.items() if key[1] in LEAST and refuted(standing, key[1])]
    for check, severity in classes.items():
        standing = ours.get((check, severity), Standing(0, 0))
        unread = severity == "warning" and standing.all < ENOUGH
        if unread or (severity == "error" and standing.interval[0] < BOUNDS["error"]):
            named.append((check, severity))
    for severity in ("warning", "note"):
        if total(ours, severity).all and total(ours, severity).interval[0] < BOUNDS[severity]:
            named.append(_weakest(ours, severity))
    return [f"{c} is no {s}: {_said(ours.get((c, s)))}" for c, s in dict.fromkeys(named)]


def _weakest(ours: Standings, severity: str) -> Key:
    """Return the check of a class of which the smallest share was right."""
    read = [key for key in ours if key[1] == severity]
    return min(read, key=lambda key: (ours[key].right / ours[key].all, key))


def _said(standing: Standing | None) -> str:
    return f"{standing.right} of {standing.all} were right" if standing else "nothing was read"


def by_repository(
    found: Findings, classes: Mapping[str, str], severity: str
) -> list[tuple[int, int]]:
    """Return how many findings of a class were right, of how many, in each repository."""
    right: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for key, places in found.items():
        if present(key, classes) == severity:
            for place, good in places.items():
                name = place[:6] if " " not in place else place.rsplit(" ", 1)[0]
                right[name] += good
                every[name] += 1
    return [(right[name], number) for name, number in sorted(every.items())]


def drawn(counts: list[tuple[int, int]], times: int = 10_000, seed: int = 7) -> float:
    """Return the lower end of a 95 % interval of the share, by drawing repositories again."""
    draw = random.Random(seed).choices  # noqa: S311
    shares = []
    for _ in range(times):
        some = draw(counts, k=len(counts))
        shares.append(sum(right for right, _ in some) / sum(every for _, every in some))
    return sorted(shares)[round(0.025 * times)]


def table(found: Findings, classes: Mapping[str, str]) -> str:
    """Return what each class promises and keeps, and what was read of errors and warnings."""
    standings = {key: Standing(sum(v.values()), len(v)) for key, v in found.items()}
    ours = pooled(standings, classes)
    return "\n".join([*_classes(found, ours, classes), "", *_checks(ours, classes)])


def _classes(found: Findings, ours: Standings, classes: Mapping[str, str]) -> Iterator[str]:
    yield (
        "| class | checks | findings | right | lower end | promised | repositories"
        " | most from one | lower end by repositories |"
    )
    yield "| --- |" + " ---: |" * 8
    for severity in reversed(SEVERITIES):
        if severity not in classes.values():
            continue  # an error, as long as none is shown
        whole, counts = total(ours, severity), by_repository(found, classes, severity)
        promised = f"{BOUNDS[severity]:.2f}" if severity in BOUNDS else "nothing"
        cells = [severity, sum(name == severity for name in classes.values()), whole.all]
        cells += [whole.right, f"{whole.interval[0]:.3f}", promised, len(counts)]
        cells += [max((n for _, n in counts), default=0), f"{drawn(counts):.3f}"]
        yield "| " + " | ".join(map(str, cells)) + " |"


def _checks(ours: Standings, classes: Mapping[str, str]) -> Iterator[str]:
    yield "| check | class | findings | right | lower end |"
    yield "| --- | --- | ---: | ---: | ---: |"
    strong = {check: name for check, name in classes.items() if name in {"error", "warning"}}
    for (check, severity), standing in ours.items():
        if strong.get(check) == severity:
            cells = [check, severity, standing.all, standing.right, f"{standing.interval[0]:.2f}"]
            yield "| " + " | ".join(map(str, cells)) + " |"
    hidden = _names(check for check, name in classes.items() if name == "info")
    yield from ("", f"An info is: {hidden}.")


def _names(checks: Iterable[str]) -> str:
    return ", ".join(sorted(checks)) or "none"
