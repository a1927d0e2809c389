"""The commands that write a fleet's pages: `tdsp fleet dashboard` and `tdsp fleet catalog`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tdsp.errors import TdspError

if TYPE_CHECKING:
    from tdsp.fleet.snapshot import Snapshot


def dashboard(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="SNAPSHOT...", help="Snapshots, or a folder of them: the newest is shown."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the page goes.")] = Path(
        "dashboard.html"
    ),
) -> None:
    """Write one page on all repositories: sums, curves, a table to search, each finding.

    The page is one file, which needs no server and loads nothing. Several
    snapshots give a trend, and the adoption curve of the current version.

    A snapshot that cannot be read is named, and left out.
    Exit code: 0, or 3 when a snapshot was left out, 2 without any or when the
    page cannot be written.
    """
    from tdsp.fleet.page import dashboard as page

    try:
        found, wrong = _snapshots(paths)
        _write(out, page(found))
    except TdspError as error:
        raise _end(error) from error
    for line in wrong:
        typer.echo(f"left out: {line}", err=True)
    if wrong:
        raise typer.Exit(3)


def catalog(
    path: Annotated[
        Path,
        typer.Argument(metavar="SNAPSHOT", help="A snapshot, or a folder: its newest one."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the page goes.")] = Path(
        "catalog.html"
    ),
) -> None:
    """Write one page to search before something is built: data sets, models, packages, patterns.

    Exit code: 0, or 2 when the snapshot cannot be read or the page not written.
    """
    from tdsp.fleet.page import catalog as page
    from tdsp.fleet.store import read_snapshot

    try:
        _write(out, page(read_snapshot(path)))
    except TdspError as error:
        raise _end(error) from error


def _snapshots(paths: list[Path]) -> "tuple[list[Snapshot], list[str]]":
    """Return the snapshots that can be read, and what is wrong with the others.

    Raises TdspError when there is none.
    """
    from tdsp.fleet.store import listed, read_snapshot

    found, wrong = [], []
    for path in paths:
        inside = listed(path) if path.is_dir() else [path]
        if not inside:
            wrong.append(f"{path} has no snapshot yet: `tdsp fleet status` writes one")
        for each in inside:
            try:
                found.append(read_snapshot(each))
            except TdspError as error:
                wrong.append(str(error))
    if not found:
        raise TdspError("\n".join(wrong))
    return found, wrong


def _write(out: Path, text: str) -> None:
    """Write a page whole or not at all. Raises TdspError when it cannot be written."""
    from tdsp.people.sources import write

    try:
        write(out, text)
    except OSError as error:
        raise TdspError(f"{out} cannot be written: {error.strerror}") from error
    typer.echo(f"{out}: {len(text.encode('utf-8')) / 1e6:.1f} MB, open it in a browser")


def _end(error: TdspError) -> typer.Exit:
    typer.echo(f"error: {error}", err=True)
    return typer.Exit(2)
