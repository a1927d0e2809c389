"""What `tdsp fleet` prints for a person: short tables, and what failed last of all."""

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tdsp.fleet.figures import undone
from tdsp.fleet.policy import Verdict
from tdsp.fleet.snapshot import Row, Snapshot
from tdsp.fleet.store import Point, lowest
from tdsp.plain import plain

MOST, NAME = 25, 12  # rows, and letters of a name at least
NUMBERS = {"days behind", "maturity", "errors", "warnings", "drift", "cost"}


def _health(row: Row) -> str:
    """Return what a service reports of its answers, "" without a report."""
    if (told := row.telemetry) is None or told.availability is None:
        return "" if told is None or told.error_rate is None else f"{told.error_rate:.1%} errors"
    return f"{told.availability:.2%}"


def _cost(row: Row) -> str:
    if (told := row.telemetry) is None or told.cost_this_month is None:
        return ""
    return f"{told.cost_this_month:,.0f} {told.currency}"


# What the columns say, and those that go first where the terminal has no room for all.
COLUMNS: dict[str, Callable[[Row], str]] = {
    "repository": lambda row: plain(row.name),
    "group": lambda row: plain(row.group),
    "kind": lambda row: row.kind,
    "template": lambda row: plain(row.template_version),
    "days behind": lambda row: str(row.days_behind or ""),
    "maturity": lambda row: str(lowest(row)) if row.maturity else "",
    "model": lambda row: plain(row.model.version) if row.model else "",
    "errors": lambda row: str(row.errors),
    "warnings": lambda row: str(row.warnings),
    "drift": lambda row: "" if row.drift is None else str(len(row.drift)),
    "health": _health,
    "cost": _cost,
    "last run": lambda row: row.last_run,
    "released": lambda row: row.last_release,
}
FIRST_TO_GO = ("released", "last run", "cost", "health", "model", "maturity", "group")


def show(snapshot: Snapshot, console: Console, everything: bool) -> None:
    """Print the groups, the repositories that need somebody first, and what failed."""
    sound = [row for row in snapshot.rows if row.state == "ok"]
    failed = [row for row in snapshot.rows if row.state == "failed"]
    ordered = sorted(sound, key=lambda row: (-row.errors, -row.warnings, row.name))
    shown = ordered if everything else ordered[:MOST]
    table, left = _repositories(shown, console.width)
    console.print(table)
    if left:
        console.print(Text(f"no room for {', '.join(left)}: `tdsp fleet export`", "dim"))
    if more := len(sound) - len(shown):
        console.print(Text(f"and {more} more: --all", "dim"))
    console.print(Text(sums(snapshot)), soft_wrap=True)
    failures(failed, snapshot.problems, console)


def _repositories(rows: list[Row], width: int) -> tuple[Table, list[str]]:
    """Return a line for each repository, and which columns had no room.

    Columns that are empty in all of them are left out.
    """
    columns = {name: [form(row) for row in rows] for name, form in COLUMNS.items()}
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    # Where the terminal is narrow, the name of a repository gets shorter, too.
    least = {name: max(map(len, [name, *cells])) for name, cells in shown.items()}
    least["repository"] = NAME
    left: list[str] = []
    for name in FIRST_TO_GO:
        if name in shown and sum(least[each] + 1 for each in shown) > width:
            left.insert(0, name)
            del shown[name]
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for name in shown:
        table.add_column(
            name, justify="right" if name in NUMBERS else "left", overflow="ellipsis",
            min_width=least[name], no_wrap=name != "repository",
        )  # fmt: skip
    for row, line in zip(rows, zip(*shown.values(), strict=True), strict=True):
        table.add_row(*map(Text, line), style="" if _broken(row) else "dim")
    return table, left


def _broken(row: Row) -> bool:
    return row.verdict == "fails" or bool(row.errors or row.warnings)


def sums(snapshot: Snapshot) -> str:
    """Return the figures of all repositories in one line."""
    sound = [row for row in snapshot.rows if row.state == "ok"]
    judged = [row.current for row in sound if row.current is not None]
    parts = [
        f"{len(snapshot.rows)} repositories, {sum(not _broken(row) for row in sound)} in order"
    ]
    if judged:
        share = sum(judged) / len(judged)
        parts.append(f"{share:.0%} of {len(judged)} at {snapshot.release}")
    for name in ("error", "warning"):
        number = sum(getattr(row, f"{name}s") for row in sound)
        parts.append(f"{number} {name}{'' if number == 1 else 's'}")
    if expired := sum(len(row.expired) for row in sound):
        parts.append(f"{expired} expired pins")
    if asked := sum(bool(row.request) for row in snapshot.rows):
        parts.append(f"{asked} open update request{'' if asked == 1 else 's'}")
    parts += [
        f"{number} update{'' if number == 1 else 's'} {word}"
        for word, number in undone(snapshot.rows)
    ]
    return ", ".join(parts)


def failures(failed: list[Row], problems: Iterable[str], console: Console) -> None:
    """Print what could not be listed or read."""
    for problem in problems:
        console.print(Text.assemble(("not listed  ", "bold red"), plain(problem)), soft_wrap=True)
    for row in failed:
        line = Text.assemble(("failed  ", "bold red"), plain(row.name), f": {plain(row.reason)}")
        console.print(line, soft_wrap=True)


def show_trend(points: list[Point], console: Console) -> None:
    """Print a line for each snapshot and group."""
    table = Table(box=None, header_style="bold")
    for name in ("taken", "group"):
        table.add_column(name)
    for name in ("repositories", "failed", "current", "mean level", "errors", "warnings"):
        table.add_column(name, justify="right")
    for each in points:
        current = "not known" if each.current is None else f"{each.current:.0%}"
        level = "not known" if each.level is None else f"{each.level:.2f}"
        cells = [each.taken, plain(each.group) or "all", each.repositories, each.failed]
        table.add_row(
            *(Text(str(cell)) for cell in (*cells, current, level, each.errors, each.warnings))
        )
    console.print(table)


def show_policy(verdict: Verdict, failed: list[Row], console: Console) -> None:
    """Print what is broken, what is excepted, and exceptions past their day."""
    for each in verdict.breaches:
        mark = ("excepted  ", "dim") if each.excepted else ("broken    ", "bold red")
        by = f" ({each.excepted})" if each.excepted else ""
        text = plain(f"{each.repository}: {each.rule}: {each.what}{by}")
        console.print(Text.assemble(mark, text), soft_wrap=True)
    for line in verdict.expired:
        mark = ("ended     ", "bold red")
        text = plain(f"the exception is past its day: {line}")
        console.print(Text.assemble(mark, text), soft_wrap=True)
    for line in verdict.unused:
        text = plain(f"the exception covers nothing: {line}")
        console.print(Text.assemble(("unused    ", "yellow"), text), soft_wrap=True)
    broken = len({each.repository for each in verdict.open})
    excepted = len({each.repository for each in verdict.breaches if each.excepted})
    console.print(Text(f"{broken} repositories break a rule, {excepted} are excepted from one"))
    failures(failed, (), console)
