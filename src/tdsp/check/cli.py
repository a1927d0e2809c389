"""The command `tdsp check`: what it takes, what its help says, how it ends."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tdsp.errors import TdspError

if TYPE_CHECKING:
    from tdsp.check.maturity import Maturity
    from tdsp.check.run import Report


def check(
    path: Annotated[
        Path, typer.Argument(help="The repository, or a folder inside of it.")
    ] = Path(),
    output: Annotated[
        Literal["terminal", "json", "sarif", "junit", "html", "badge", "backstage"],
        typer.Option(
            "--format",
            help="sarif: for code hosts; junit: for CI's page of tests; html: one page;"
            " badge: an SVG; backstage: an entity of its catalogue.",
        ),
    ] = "terminal",
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="IDS", help="Only these: ids, their first letters, or families; by commas."
        ),
    ] = None,
    fail_on: Annotated[
        Literal["error", "warning", "note", "never"],
        typer.Option("--fail-on", help="The severity from which the exit code is 1."),
    ] = "error",
    commit: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Read this commit out of git, not the folder."),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An earlier --format json: only new findings count."),
    ] = None,
    maturity: Annotated[
        bool,
        typer.Option("--maturity", help="Show how mature it is, with evidence and the next step."),
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Say all about one check, with examples; read nothing."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List all checks; read nothing.")] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show every place, and the checks that pass too."),
    ] = False,
) -> None:
    r"""Is this repository in order? For any machine-learning project.

    It reads files and git's index. Nothing is run, imported or unpickled, and
    no link is followed. A bare repository is read at HEAD.

    A check fails only with a place that shows it. What cannot be told is said,
    and fails nothing. Where there is nothing to judge, a check does not apply.
    Errors are nearly always right; notes are advice.

    To accept a finding, end its line with `# tdsp: ignore[ID] reason`. To
    accept those of many files, write in pyproject.toml:

        [\[tool.tdsp.check.ignore]]
        check = "TR03"
        path = "notebooks/*"
        reason = "the lesson shows this mistake"
        until = 2027-06-30

    Exit code: 0 when no finding is as severe as --fail-on, 1 when one is, 2 when
    the repository or its settings cannot be read.
    """
    try:
        code = _run(
            path,
            output,
            select or [],
            fail_on,
            commit or "",
            baseline,
            maturity,
            explain,
            listed,
            verbose,
        )
    except TdspError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(code)


def _run(
    path: Path,
    output: str,
    select: list[str],
    fail_on: str,
    commit: str,
    baseline: Path | None,
    maturity: bool,
    explain: str | None,
    listed: bool,
    verbose: bool,
) -> int:
    from rich.console import Console

    from tdsp.check import maturity as scales
    from tdsp.check import report
    from tdsp.check.run import check_folder, only_new, read_baseline, selected

    console = Console(highlight=False)
    if explain or listed:
        for each in selected([explain] if explain else []):
            if explain:
                report.explain(each, console)
            else:
                typer.echo(f"{each.id}  {each.family:<10}  {each.severity:<7}  {each.title}")
        return 0
    if maturity and select:
        raise TdspError("--maturity needs all checks: leave --select out")
    if maturity and output in {"sarif", "junit"}:
        raise TdspError(f"--maturity is no part of {output}: leave it out")
    if maturity and baseline:
        raise TdspError("--maturity counts all findings: leave --baseline out")
    found = check_folder(path, select, commit)
    if baseline is not None:
        found = only_new(found, read_baseline(baseline))
    judged = None if select or baseline else scales.maturity(found)
    if output != "terminal":
        typer.echo(_written(output, found, judged, fail_on, maturity))
    elif maturity and judged is not None:
        report.print_maturity(judged, console)
        return 0
    else:
        report.terminal(found, console, verbose)
    return 1 if found.reaches(fail_on) else 0


def _written(
    output: str, found: "Report", judged: "Maturity | None", fail_on: str, maturity: bool
) -> str:
    """Return the text of a format. A badge shows the level only when it was asked for."""
    from tdsp.check import pages, report

    if output == "json":
        return report.as_json(found, judged)
    if output == "sarif":
        return report.as_sarif(found)
    if output == "junit":
        return report.as_junit(found, fail_on)
    if output == "html":
        return pages.as_html(found, judged)
    if output == "badge":
        return pages.as_badge(found, judged if maturity else None)
    return pages.as_backstage(found, judged)
