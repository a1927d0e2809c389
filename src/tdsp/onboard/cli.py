"""The commands `tdsp onboard` and `tdsp generate`, and the summary that onboarding prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tdsp.onboard.options import takes_table, wishes

# Reading tables costs two seconds of imports, which `tdsp --help` need not wait for.
if TYPE_CHECKING:
    from tdsp.onboard.flow import Result, Wishes
    from tdsp.onboard.profile import Column

MOST_SHOWN = 40


@takes_table
def command(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet, Excel or JSON lines.")],
    target: Annotated[str, typer.Option(help="The column to predict.")],
    table: dict[str, Any],
    dry_run: Annotated[
        bool, typer.Option(help="Show what would be written, and write nothing.")
    ] = False,
    project: Annotated[Path, typer.Option(help="The folder of the project.")] = Path(),
) -> None:
    """Make your own table the data of this project.

    The command infers types and roles and looks for traps. It writes params.yaml, schema.yaml,
    the data dictionary and the data report. It copies the file to data/raw and adds it to DVC.
    """
    run(file, wishes(target, **table), project, dry_run)


def run(file: Path, wishes: "Wishes", project: Path, dry_run: bool = False) -> None:
    """Onboard with a spinner and print the summary; exit code 1 and the reason on failure."""
    from tdsp.errors import OnboardError
    from tdsp.onboard.flow import onboard

    console = Console()
    try:
        with console.status("") as status:
            result = onboard(
                file, wishes, project, dry_run, lambda text: status.update(escape(text))
            )
    except OnboardError as error:
        Console(stderr=True).print(
            f"[bold red]Nothing was written.[/] {escape(str(error))}", highlight=False
        )
        raise typer.Exit(1) from None
    summarise(result, console, dry_run)
    if not dry_run:
        console.print("[bold]Next[/]")
        for line in [*result.commands, "open docs/data/report.html", "uv run poe pipeline"]:
            console.print(f"  {escape(line)}", highlight=False)


def summarise(result: "Result", console: Console, dry_run: bool = False) -> None:
    """Print columns, findings and files."""
    profile = result.profile
    console.print(
        f"[bold]{escape(profile.source.path.name)}[/]: {profile.rows:,} rows, "
        f"{len(profile.columns)} columns. Target {escape(profile.target)}: {profile.problem} "
        f"({escape(profile.why)}), judged by {profile.metric}, gate at {profile.minimum}.",
        highlight=False,
    )
    console.print(_columns(profile.columns, profile.rows))
    if profile.findings:
        console.print(_findings(result))
    verb = "Would write" if dry_run else "Wrote"
    console.print(f"{verb}: {escape(_paths(result.written))}", highlight=False)
    if result.removed:
        verb = "Would remove" if dry_run else "Removed"
        console.print(f"{verb} the example data: {escape(_paths(result.removed))}", highlight=False)
    if result.earlier:
        console.print(f"{escape(_paths(result.earlier))}: stays there, not read.", highlight=False)


def _paths(paths: list[Path]) -> str:
    return ", ".join(path.as_posix() for path in paths)


def _columns(columns: list["Column"], rows: int) -> Table:
    table = Table("column", "type", "role", "missing", "different", box=None, header_style="dim")
    for column in columns[:MOST_SHOWN]:
        role = column.role + (", sensitive" if column.sensitive else "")
        share = f"{column.missing / rows:.1%}"
        table.add_row(escape(column.name), column.kind, role, share, f"{column.unique:,}")
    if len(columns) > MOST_SHOWN:
        table.add_row(f"… {len(columns) - MOST_SHOWN} more", "", "", "", "")
    return table


def _findings(result: "Result") -> Table:
    table = Table("finding", "column", "seen", "done, or to do", box=None, header_style="dim")
    for finding in result.profile.findings:
        style = "yellow" if finding.level == "warning" else ""
        cells = (finding.code.replace("_", " "), finding.column or "", finding.seen, finding.done)
        table.add_row(*(escape(cell) for cell in cells), style=style)
    return table


def generate_command(
    rows: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same table.")] = 0,
    drift: Annotated[float, typer.Option(min=0, help="Drift: 0 for none, 1 for a lot.")] = 0.0,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: CSV, Parquet or JSON lines.")
    ] = Path("synthetic_churn.csv"),
) -> None:
    """Generate a synthetic table with categories, gaps, dates and groups; its target is churned."""
    from tdsp.generate import messy

    frame = messy(rows, seed, drift)
    suffix = output.suffix.lower()
    if suffix == ".parquet":
        frame.to_parquet(output, index=False)
    elif suffix in (".jsonl", ".ndjson"):
        frame.to_json(output, orient="records", lines=True, date_format="iso")
    elif suffix == ".csv":
        frame.to_csv(output, index=False)
    else:
        raise typer.BadParameter(f"{output} must end in .csv, .parquet or .jsonl")
    typer.echo(f"Wrote {rows:,} synthetic rows to {output} (target: churned).")
