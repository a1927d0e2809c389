"""The sums of a snapshot, and the curves over several: what stands on top of the dashboard."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from tdsp.errors import TdspError
from tdsp.fleet.snapshot import Row, Snapshot
from tdsp.fleet.store import lowest, trend

TARGET, WITHIN = 0.7, 14
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 170, 44, 12, 12, 26
MOST_TEAMS, MOST_CHECKS = 200, 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A number out of a whole."""

    name: str
    number: int
    whole: int

    @property
    def share(self) -> float:
        """Return the part of the whole; 0 of nothing."""
        return self.number / self.whole if self.whole else 0.0


@dataclass(frozen=True, slots=True)
class Reported:
    """A figure, and how many repositories report it. `value` is None when none does."""

    value: float | None
    by: int


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of some rows. `current` counts those whose version could be judged."""

    repositories: int
    failed: int
    foreign: int
    current: Bar
    errors: int
    warnings: int
    expired: int
    requests: int
    pending: tuple[tuple[str, int], ...]
    drifted: Bar
    level: float | None
    costs: tuple[tuple[str, Reported], ...]
    availability: Reported
    lead_time: Reported
    promotions: Reported
    rolled_back: Reported


@dataclass(frozen=True, slots=True)
class Chart:
    """A curve as SVG takes it, with the words for who cannot see it."""

    title: str
    line: str
    dots: tuple[tuple[float, float, str], ...]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    told: str
    goal: tuple[float, float] | None = None


def day(text: str, what: str) -> date:
    """Return the day of a time in ISO form. Raises TdspError, which says what is wrong."""
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise TdspError(f"the snapshot's {what} is a time such as 2027-01-31, not {text}") from None


def sums(rows: Sequence[Row]) -> Sums:
    """Add up rows. What was not reported counts nowhere."""
    judged = [row.current for row in rows if row.current is not None]
    compared = [row.drift for row in rows if row.drift is not None]
    levels = [lowest(row) for row in rows if row.maturity]
    told = [row.telemetry for row in rows if row.telemetry]
    trails = [row.delivery for row in rows if row.delivery]
    return Sums(
        repositories=len(rows),
        failed=sum(row.state == "failed" for row in rows),
        foreign=sum(row.state == "ok" and row.kind != "tdsp" for row in rows),
        current=Bar("at the current version", sum(judged), len(judged)),
        errors=sum(row.errors for row in rows),
        warnings=sum(row.warnings for row in rows),
        expired=sum(len(row.expired) for row in rows),
        requests=sum(bool(row.request) for row in rows),
        pending=undone(rows),
        drifted=Bar("differ from their template", sum(map(bool, compared)), len(compared)),
        level=sum(levels) / len(levels) if levels else None,
        costs=_costs(rows),
        availability=_middle(each.availability for each in told),
        lead_time=_middle(each.lead_time_hours for each in trails),
        promotions=Reported(sum(e.promotions for e in trails) if trails else None, len(trails)),
        rolled_back=_middle(each.rolled_back for each in trails),
    )


def undone(rows: Sequence[Row]) -> tuple[tuple[str, int], ...]:
    """Count what updates left to do, in words; what is nowhere is left out."""
    found = Counter(row.pending.state for row in rows if row.pending)
    words = {"pushed": "with a branch only", "conflict": "in conflict", "failed": "failed"}
    return tuple((word, found[state]) for state, word in words.items() if found[state])


def _middle(values: Iterable[float | None]) -> Reported:
    found = [each for each in values if each is not None and math.isfinite(each)]
    return Reported(median(found) if found else None, len(found))


def _costs(rows: Sequence[Row]) -> tuple[tuple[str, Reported], ...]:
    """Add costs up by currency; amounts of different currencies are no sum."""
    found: dict[str, list[float]] = {}
    for told in (row.telemetry for row in rows if row.telemetry):
        cost = told.cost_this_month
        if cost is not None and math.isfinite(cost):
            found.setdefault(told.currency, []).append(cost)
    return tuple((name, Reported(sum(many), len(many))) for name, many in sorted(found.items()))


def verdicts(rows: Sequence[Row]) -> list[Bar]:
    """Count verdicts; a repository that was not read has none."""
    words = {"passes": "in order", "fails": "not in order"}
    said = Counter(
        "not read" if row.state == "failed" else words.get(row.verdict, "not judged")
        for row in rows
    )
    names = ("in order", "not in order", "not judged", "not read")
    return [Bar(name, said[name], len(rows)) for name in names if said[name]]


def kinds(rows: Sequence[Row]) -> list[Bar]:
    """Count kinds, the most frequent first; of a repository that was not read it is not known."""
    words = {"tdsp": "made by tdsp", "none": "no template", "not ml": "not machine learning"}
    said = Counter(
        "not read" if row.state == "failed" else words.get(row.kind, row.kind) for row in rows
    )
    return [Bar(name, number, len(rows)) for name, number in said.most_common()]


def levels(rows: Sequence[Row]) -> list[Bar]:
    """Count Microsoft's levels of those that were judged."""
    found = Counter(lowest(row) for row in rows if row.maturity)
    return [Bar(f"level {level}", found[level], found.total()) for level in range(5)]


def teams(rows: Sequence[Row]) -> list[tuple[str, Sums]]:
    """Return the sums by group, the largest groups first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.group, []).append(row)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [(name, sums(many)) for name, many in ordered[:MOST_TEAMS]]


def broken(rows: Sequence[Row]) -> list[tuple[str, Bar]]:
    """Return the checks that most repositories fail, by id."""
    found = Counter(check for row in rows for check in {each.check for each in row.shown})
    read = sum(row.state == "ok" for row in rows)
    return [(name, Bar(name, number, read)) for name, number in found.most_common(MOST_CHECKS)]


def adoption(snapshots: Sequence[Snapshot]) -> Chart | None:
    """Return the share at the newest release by days since it; None when no release is known."""
    newest = snapshots[-1]
    if not newest.release or not newest.released:
        return None
    released = day(newest.released, "release")
    points = []
    for each in snapshots:
        share = sums(each.rows).current
        days = (day(each.taken, "time") - released).days
        if each.release == newest.release and share.whole and days >= 0:
            points.append((float(days), share.share))
    if not points:
        return None
    last = max(days for days, _ in points)
    end = max(last, WITHIN * 1.5)
    told = (
        f"Day {last:.0f} after {newest.release}: {points[-1][1]:.0%}."
        f" The target is {TARGET:.0%} on day {WITHIN}."
    )
    marks = [
        (WITHIN, f"day {WITHIN}"),
        *([(last, f"{last:.0f}")] if abs(last - WITHIN) > 3 else []),
    ]
    chart = _chart("Share at the current version", points, end, 1.0, told, "%")
    across = tuple((_x(number, end), text) for number, text in [(0, "0"), *marks])
    goal = (_x(WITHIN, end), _y(TARGET, 1.0))
    return Chart(chart.title, chart.line, chart.dots, across, chart.up, told, goal)


def trends(snapshots: Sequence[Snapshot]) -> list[Chart]:
    """Return the curves over snapshots; none with a single one, or where nothing was judged."""
    points = [each for each in trend(list(snapshots)) if not each.group]
    if len(points) < 2:
        return []
    start = day(points[0].taken, "time")
    days = [float((day(each.taken, "time") - start).days) for each in points]
    series = (
        ("Repositories", [float(each.repositories) for each in points], None, ""),
        ("Errors", [float(each.errors) for each in points], None, ""),
        ("Warnings", [float(each.warnings) for each in points], None, ""),
        ("At the current version", [each.current for each in points], 1.0, "%"),
        ("MLOps maturity, mean level", [each.level for each in points], 4.0, ""),
    )
    charts = []
    for title, values, top, unit in series:
        known = [(x, y) for x, y in zip(days, values, strict=True) if y is not None]
        if len(known) > 1:
            high = top or _round_up(max(y for _, y in known))
            first, last = (_shown(known[place][1], unit) for place in (0, -1))
            span = round(known[-1][0] - known[0][0])
            told = f"{title}: from {first} to {last} in {span} day{'s' * (span != 1)}"
            charts.append(_dated(_chart(title, known, days[-1], high, told, unit), start, days[-1]))
    return charts


def _dated(chart: Chart, start: date, end: float) -> Chart:
    last = start + timedelta(days=end)
    across = ((_x(0, end), start.isoformat()), (_x(end, end), last.isoformat()))
    return Chart(chart.title, chart.line, chart.dots, across, chart.up, chart.told)


def _chart(
    title: str, points: list[tuple[float, float]], end: float, high: float, told: str, unit: str
) -> Chart:
    places = [(_x(x, end), _y(y, high), _shown(y, unit)) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
    up = tuple((_y(high * part, high), _shown(high * part, unit)) for part in (0, 0.5, 1))
    return Chart(title, line, tuple(places), (), up, told)


def _x(value: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (value / end if end else 0.0)


def _y(value: float, high: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value / high if high else 0.0)


def _shown(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.0%}"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _round_up(value: float) -> float:
    """Return the next number whose half is whole, and which is short."""
    step: float = 2
    while step * 10 < value:
        step *= 10
    return max(step, -(-value // step) * step)
