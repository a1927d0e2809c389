"""The commands of `tdsp fleet`: what they take, what their help says, how they end."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tdsp.errors import TdspError
from tdsp.fleet.measure_cli import telemetry
from tdsp.fleet.page_cli import catalog, dashboard
from tdsp.fleet.update_cli import preset as preset_command
from tdsp.fleet.update_cli import update as update_command

if TYPE_CHECKING:
    from datetime import date

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
    Path, typer.Argument(metavar="FLEET.YML", help="The fleet's file.", show_default=False)
]
Taken = Annotated[
    str,
    typer.Option(metavar="TIME", help="The time of the snapshot. \\[default: now]"),
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
            metavar="FILE", help="Where the snapshot goes. \\[default: snapshots/TIME.json]"
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Only names such as 'team/*'; without --output no snapshot."
        ),
    ] = None,
    drift: Annotated[
        bool,
        typer.Option(help="Compare with a render of a project's own answers: some seconds, once."),
    ] = True,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every repository, not the first 25.")
    ] = False,
    shard: Annotated[
        str,
        typer.Option(metavar="I/N", help="One part of N; auto: as CI, Kubernetes or Slurm say."),
    ] = "",
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
    raise typer.Exit(
        ended(lambda: _status(path, workers, taken, output, only, drift, everything, shard))
    )


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
    raise typer.Exit(ended(lambda: _trend(folder, output)))


def ended(work: Callable[[], int]) -> int:
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
    part: str,
) -> int:
    from datetime import date

    from rich.console import Console

    from tdsp.fleet import policy as rules
    from tdsp.fleet import shards, store, terminal
    from tdsp.fleet.config import Listing, read_fleet
    from tdsp.fleet.status import Switches

    fleet, own = read_fleet(path), shards.shard(part)
    if own and (not taken or only):
        raise TdspError("--shard needs --taken, the same for all shards, and takes no --only")
    if own:
        fleet = fleet.part(str(own).replace("/", "-of-"))
    switches = Switches(workers, drift, store.taken(taken), own)
    named = fleet.settings.policy
    asked = rules.read_policy(fleet.place(named)) if named else None
    with store.locked(fleet.cache):
        listing = _listing(fleet, only)
        listing = Listing(shards.part(listing.targets, own), listing.problems)
        snapshot = _judged(fleet, listing, switches)
        if asked is not None:
            today = date.fromisoformat(snapshot.taken[:10])
            snapshot = rules.marked(snapshot, rules.judge(asked, snapshot, today))
        if output is not None:
            store.save_as(snapshot, output)
        elif not only:  # a part among whole ones would bend the trend
            output = store.save(snapshot, fleet.snapshots)
    terminal.show(snapshot, Console(highlight=False), everything)
    typer.echo(f"Snapshot: {output or 'none, since --only names a part'}", err=True)
    failed = any(row.state == "failed" for row in snapshot.rows)
    return SOME_FAILED if failed or snapshot.problems else 0


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

    from tdsp.fleet.status import status as judge
    from tdsp.plain import plain

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[name]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(listing.targets), name="")
        return judge(
            fleet, listing, switches,
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


@app.command()
def merge(
    parts: Annotated[list[Path], typer.Argument(help="The snapshots of all shards.")],
    output: Annotated[Path, typer.Option(metavar="FILE", help="Where the whole one goes.")],
) -> None:
    """Put the snapshots of all shards together, to what one run would have written.

    Shards of other runs, a missing and a doubled one are refused.
    Exit code: 0, 2 when they do not fit together, 3 when some repositories failed.
    """
    raise typer.Exit(ended(lambda: _merge(parts, output)))


def _merge(parts: list[Path], output: Path) -> int:
    from tdsp.fleet import shards, store

    whole = shards.merge([(str(path), store.read_snapshot(path)) for path in parts])
    store.save_as(whole, output)
    failed = sum(row.state == "failed" for row in whole.rows)
    typer.echo(f"Snapshot: {output}, {len(whole.rows)} repositories, {failed} failed", err=True)
    return SOME_FAILED if failed or whole.problems else 0


@app.command()
def matrix(
    platform: Annotated[
        Literal["github", "gitlab", "azure", "kubernetes"], typer.Option(help="Where it runs.")
    ],
    shards: Annotated[int, typer.Option(min=1, help="How many parts.")] = 8,
    fleet: Annotated[str, typer.Option(help="The fleet's file, from the root.")] = "fleet.yml",
    image: Annotated[str, typer.Option(help="Kubernetes only: an image with uv and git.")] = "",
) -> None:
    """Print a CI file, or a Kubernetes job, that judges the fleet in shards.

    GitHub takes at most 256 jobs, GitLab 200. Exit code: 0, 2 for more than that.
    """

    def work() -> int:
        from tdsp.fleet.matrix import matrix as made

        typer.echo(made(platform, shards, fleet, image), nl=False)
        return 0

    raise typer.Exit(ended(work))


@app.command()
def export(
    snapshot: Annotated[
        Path, typer.Argument(help="A snapshot, or a folder: its newest.", show_default=True)
    ] = Path("snapshots"),
    form: Annotated[
        Literal["csv", "parquet", "backstage", "json"],
        typer.Option("--format", help="backstage: entities of a catalogue."),
    ] = "csv",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where it goes. \\[default: standard output]"),
    ] = None,
) -> None:
    """Write a snapshot as a table, or as entities of a Backstage catalogue.

    What is not known stays empty, and is never 0. Exit code: 0, 2 when the
    snapshot cannot be read or the file not be written.
    """
    raise typer.Exit(ended(lambda: _export(snapshot, form, output)))


def _export(path: Path, form: str, output: Path | None) -> int:
    from tdsp.fleet import export as forms
    from tdsp.fleet import store
    from tdsp.people.sources import write

    found = store.read_snapshot(path)
    if form == "parquet":
        if output is None:
            raise TdspError("--format parquet needs --output FILE: it is no text")
        try:
            forms.as_parquet(found, output)
        except OSError as error:
            raise TdspError(f"{output} cannot be written: {error}") from error
        return 0
    makers = {"csv": forms.as_csv, "backstage": forms.as_backstage, "json": forms.as_json}
    text = makers[form](found)
    if output is None:
        typer.echo(text, nl=False)
        return 0
    try:
        write(output, text)
    except OSError as error:
        raise TdspError(f"{output} cannot be written: {error}") from error
    return 0


@app.command()
def policy(
    path: Path_ = Path("fleet.yml"),
    snapshot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The snapshot to judge. \\[default: the newest]"),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Say which line decided about one repository."),
    ] = None,
    day: Annotated[
        str, typer.Option(metavar="DATE", help="Judge by this day instead of today.")
    ] = "",
    output: Annotated[Literal["terminal", "json"], typer.Option("--format")] = "terminal",
) -> None:
    """Hold the newest snapshot against policy.yml, which fleet.yml names.

    An exception has an owner, a reason and a last day. One that is past its day
    excepts nothing, and is an error.

    Exit code: 0 when all is kept or excepted, 1 when a rule is broken or an
    exception is past its day, 2 when a file is wrong, 3 when nothing is broken
    but some repositories could not be read, 4 when the snapshot is empty.
    """
    raise typer.Exit(ended(lambda: _policy(path, snapshot, explain, day, output)))


def _policy(path: Path, chosen: Path | None, name: str | None, day: str, output: str) -> int:
    import json
    from dataclasses import asdict

    from rich.console import Console

    from tdsp.fleet import policy as rules
    from tdsp.fleet import store, terminal
    from tdsp.fleet.config import ListingError, read_fleet
    from tdsp.plain import plain

    fleet = read_fleet(path)
    if fleet.settings.policy is None:
        raise TdspError(f"{path} names no policy: add `policy: policy.yml`")
    file = fleet.place(fleet.settings.policy)
    asked, found = rules.read_policy(file), store.read_snapshot(chosen or fleet.snapshots)
    if not found.rows:
        raise ListingError("the snapshot has no repository")
    today = _day(day)
    if name is not None:
        for line in rules.explain(asked, file, found, name, today):
            typer.echo(plain(line))
        return 0
    verdict = rules.judge(asked, found, today)
    failed = [row for row in found.rows if row.state == "failed"]
    if output == "json":
        said = asdict(verdict) | {"failed": [{"name": r.name, "reason": r.reason} for r in failed]}
        typer.echo(json.dumps(said, indent=1))
    else:
        terminal.show_policy(verdict, failed, Console(highlight=False))
    if verdict.open or verdict.expired:
        return OVER_POLICY
    return SOME_FAILED if failed else 0


def _day(asked: str) -> "date":
    from datetime import UTC, date, datetime

    try:
        return date.fromisoformat(asked) if asked else datetime.now(UTC).date()
    except ValueError:
        raise TdspError(f"--day {asked}: a day is written like 2027-01-31") from None


app.command("update")(update_command)
app.command("preset")(preset_command)
app.command()(dashboard)
app.command()(catalog)
app.command()(telemetry)
