"""What `tdsp fleet` prints for a person: short tables, and what failed last of all."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tdsp.check.report import plain
from tdsp.fleet.policy import Verdict
from tdsp.fleet.snapshot import Row, Snapshot
from tdsp.fleet.store import Point, lowest

MOST = 25


def show(snapshot: Snapshot, console: Console, everything: bool) -> None:
    """Print the groups, the repositories that need somebody first, and what failed."""
    sound = [row for row in snapshot.rows if row.state == "ok"]
    failed = [row for row in snapshot.rows if row.state == "failed"]
    ordered = sorted(sound, key=lambda row: (-row.errors, -row.warnings, row.name))
    shown = ordered if everything else ordered[:MOST]
    console.print(_repositories(shown))
    if more := len(sound) - len(shown):
        console.print(Text(f"and {more} more: --all", "dim"))
    console.print(Text(sums(snapshot)), soft_wrap=True)
    failures(failed, snapshot.problems, console)


def _repositories(rows: list[Row]) -> Table:
    table = Table(box=None, header_style="bold")
    for name in ("repository", "group", "kind", "template", "maturity", "model"):
        table.add_column(name, overflow="fold")
    for name in ("errors", "warnings", "drift"):
        table.add_column(name, justify="right")
    for row in rows:
        behind = f" ({row.days_behind} days behind)" if row.days_behind else ""
        cells = [
            plain(row.name), plain(row.group), row.kind, f"{plain(row.template_version)}{behind}",
            str(lowest(row)) if row.maturity else "", plain(row.model.version) if row.model else "",
            str(row.errors), str(row.warnings), "" if row.drift is None else str(len(row.drift)),
        ]  # fmt: skip
        table.add_row(*map(Text, cells), style="" if row.errors else "dim")
    return table


def sums(snapshot: Snapshot) -> str:
    """Return the figures of all repositories in one line."""
    sound = [row for row in snapshot.rows if row.state == "ok"]
    judged = [row.current for row in sound if row.current is not None]
    parts = [f"{len(snapshot.rows)} repositories, {sum(not row.errors for row in sound)} in order"]
    if judged:
        share = sum(judged) / len(judged)
        parts.append(f"{share:.0%} of {len(judged)} at {snapshot.release}")
    parts.append(f"{sum(row.errors for row in sound)} errors")
    if expired := sum(len(row.expired) for row in sound):
        parts.append(f"{expired} expired pins")
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
    for name in ("repositories", "failed", "current", "mean level", "errors"):
        table.add_column(name, justify="right")
    for each in points:
        current = "not known" if each.current is None else f"{each.current:.0%}"
        level = "not known" if each.level is None else f"{each.level:.2f}"
        cells = [each.taken, plain(each.group) or "all", each.repositories, each.failed]
        table.add_row(*(Text(str(cell)) for cell in (*cells, current, level, each.errors)))
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
