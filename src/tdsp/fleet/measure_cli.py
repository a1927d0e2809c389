"""`tdsp fleet telemetry` on the command line."""

from pathlib import Path
from typing import Annotated

import typer


def telemetry(
    path: Annotated[
        Path, typer.Argument(metavar="FLEET.YML", help="The fleet's file.", show_default=False)
    ] = Path("fleet.yml"),
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="These repositories; * is allowed.")
    ] = None,
) -> None:
    """Ask Prometheus and Azure how the services do, and keep it for `tdsp fleet status`.

    `promtool` and `az` ask, with the sign-in that they have. The answers stand
    in measured.json beside fleet.yml. What cannot be had is not reported.

    Exit code: 0, 2 when fleet.yml is wrong or a command line is missing or not
    signed in, 3 when some figures could not be asked for, 4 when there is
    nothing to ask for.
    """
    from tdsp.fleet.cli import ended

    raise typer.Exit(ended(lambda: _telemetry(path, tuple(only or ()))))


def _telemetry(path: Path, only: tuple[str, ...]) -> int:
    from tdsp.fleet import measure, store
    from tdsp.fleet.cli import SOME_FAILED
    from tdsp.fleet.config import ListingError, read_fleet
    from tdsp.fleet.update import chosen

    fleet = read_fleet(path)
    if not fleet.settings.measures:
        raise ListingError(f"{path}: measures is missing: it says who measures which service")
    listing = fleet.listing()
    targets = chosen(listing.targets, only)
    count, failures = measure.measure(fleet, targets, store.taken(""), lambda _name: None)
    typer.echo(
        f"{count} of {len(targets)} repositories measured: {fleet.folder / measure.MEASURED}"
    )
    for line in [*listing.problems, *failures]:
        typer.echo(f"failed  {line}", err=True)
    return SOME_FAILED if failures or listing.problems else 0
