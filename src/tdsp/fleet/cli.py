"""The commands of `tdsp fleet`: what they take, what their help says, how they end."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tdsp.errors import TdspError

if TYPE_CHECKING:
    from tdsp.fleet.config import Fleet, Listing
    from tdsp.fleet.snapshot import Snapshot
    from tdsp.fleet.status import Switches

OVER_POLICY, WRONG, SOME_FAILED, NOTHING = 1, 2, 3, 4
app = typer.Typer(
    name="fleet",
    help="Many repositories: what state they are in, by one standard.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Path_ = Annotated[
    Path, typer.Argument(metavar="[FLEET.YML]", help="The fleet's file.", show_default=False)
]
Taken = Annotated[
    str,
    typer.Option(metavar="TIME", help="The time of the snapshot. [default: now]"),
]


@app.command()
def status(
    path: Path_ = Path("fleet.yml"),
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that judge repositories.")
    ] = 2,
    taken: Taken = "",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where the snapshot goes. [default: snapshots/TIME.json]"
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Only repositories of this name, such as 'team/*'."),
    ] = None,
    drift: Annotated[
        bool,
        typer.Option(help="Compare with a render of a project's own answers: a second each, once."),
    ] = True,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every repository, not the first 25.")
    ] = False,
) -> None:
    """Judge the newest commit of every repository, and write a snapshot.

    Remote repositories are fetched bare and one commit deep, without files over
    1 MB; folders are read where they are. Nothing is checked out or run. What
    is known of a commit is not worked out again.

    A repository that cannot be fetched or read costs only itself: its row says
    why. A list that cannot be had costs only itself too.

    Exit code: 0 when all were read, 2 when fleet.yml is wrong or nothing can be
    written, 3 when some repositories or lists failed (they are printed last),
    4 when no repository could be listed.
    """
    raise typer.Exit(_ended(lambda: _status(path, workers, taken, output, only, drift, everything)))


@app.command()
def trend(
    folder: Annotated[
        Path, typer.Argument(help="A folder of snapshots.", show_default=True)
    ] = Path("snapshots"),
    output: Annotated[Literal["terminal", "json"], typer.Option("--format")] = "terminal",
) -> None:
    """Show how the fleet has changed from snapshot to snapshot.

    A snapshot that is half written is named, and left out.
    Exit code: 0, or 3 when a snapshot could not be read, 4 without any.
    """
    raise typer.Exit(_ended(lambda: _trend(folder, output)))


def _ended(work: Callable[[], int]) -> int:
    """Run a command; print an error that the user can correct, and return the exit code."""
    from tdsp.fleet.config import ListingError

    try:
        return work()
    except ListingError as error:
        typer.echo(f"error: {error}", err=True)
        return NOTHING
    except TdspError as error:
        typer.echo(f"error: {error}", err=True)
        return WRONG


def _status(
    path: Path,
    workers: int,
    taken: str,
    output: Path | None,
    only: list[str] | None,
    drift: bool,
    everything: bool,
) -> int:
    from rich.console import Console

    from tdsp.fleet import store, terminal
    from tdsp.fleet.config import read_fleet
    from tdsp.fleet.status import Switches

    fleet = read_fleet(path)
    switches = Switches(workers, drift, store.taken(taken))
    with store.locked(fleet.cache):
        listing = _listing(fleet, only)
        snapshot = _judged(fleet, listing, switches)
        if output is None:
            output = store.save(snapshot, fleet.snapshots)
        else:
            store.save_as(snapshot, output)
    terminal.show(snapshot, listing.problems, Console(highlight=False), everything)
    typer.echo(f"Snapshot: {output}", err=True)
    failed = any(row.state == "failed" for row in snapshot.rows)
    return SOME_FAILED if failed or listing.problems else 0


def _listing(fleet: "Fleet", only: list[str] | None) -> "Listing":
    """Return the repositories, or those asked for. Raises ListingError when there is none."""
    import fnmatch

    from tdsp.fleet.config import Listing, ListingError

    found = fleet.listing()
    targets = found.targets
    if only:
        targets = [
            each for each in targets if any(fnmatch.fnmatchcase(each.name, one) for one in only)
        ]
    if not targets:
        why = found.problems or [f"{fleet.path}: no repository {' or '.join(only or ['is there'])}"]
        raise ListingError("\n".join(why))
    return Listing(targets, found.problems)


def _judged(fleet: "Fleet", listing: "Listing", switches: "Switches") -> "Snapshot":
    """Judge with a bar of progress, on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tdsp.check.report import plain
    from tdsp.fleet.status import status as judge

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[name]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(listing.targets), name="")
        return judge(
            fleet, listing.targets, switches,
            lambda name: progress.update(task, advance=1, name=plain(name).replace("[", "\\[")),
        )  # fmt: skip


def _trend(folder: Path, output: str) -> int:
    import json
    from dataclasses import asdict

    from rich.console import Console

    from tdsp.fleet import store, terminal
    from tdsp.fleet.config import ListingError

    snapshots, wrong = [], []
    for path in store.listed(folder):
        try:
            snapshots.append(store.read_snapshot(path))
        except TdspError as error:
            wrong.append(str(error))
    if not snapshots:
        raise ListingError("\n".join(wrong) or f"{folder} has no snapshot: `tdsp fleet status`")
    points = store.trend(snapshots)
    if output == "json":
        typer.echo(json.dumps([asdict(each) for each in points], indent=1))
    else:
        terminal.show_trend(points, Console(highlight=False))
    for line in wrong:
        typer.echo(f"left out: {line}", err=True)
    return SOME_FAILED if wrong else 0
