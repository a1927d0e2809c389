"""The command `tdsp check`: what it takes, what its help says, how it ends."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tdsp.errors import TdspError

if TYPE_CHECKING:
    from tdsp.check.maturity import Maturity
    from tdsp.check.run import Report


# What is read.
Folder = Annotated[Path, typer.Argument(help="The repository, or a folder inside of it.")]
Commit = Annotated[
    str | None, typer.Option(metavar="REF", help="Read this commit out of git, not the folder.")
]
Cached = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Use what was worked out before, and keep it.")
]
# Which findings count.
Select = Annotated[
    list[str] | None,
    typer.Option(
        metavar="IDS", help="Only these: ids, their first letters, or families; by commas."
    ),
]
FailOn = Annotated[
    Literal["error", "warning", "note", "info", "never"],
    typer.Option("--fail-on", help="The severity from which the exit code is 1."),
]
Changed = Annotated[
    bool, typer.Option("--changed", help="Only findings in files that differ from main.")
]
Since = Annotated[
    str | None,
    typer.Option("--changed-since", metavar="REF", help="The same, from another commit."),
]
Baseline = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="An earlier --format json: only new findings count."),
]
# What is shown.
All = Annotated[
    bool, typer.Option("--all", help="Show findings of the severity info too, as --select does.")
]
Format = Annotated[
    Literal["terminal", "json", "sarif", "junit", "html", "badge", "backstage"],
    typer.Option(
        "--format",
        help="json: everything; sarif: for code hosts; junit: for CI's page of tests;"
        " html: one page;"
        " badge: an SVG; backstage: an entity of its catalogue.",
    ),
]
Fix = Annotated[
    bool, typer.Option("--fix", help="Print a patch for what is mechanical; write nothing.")
]
Scales = Annotated[
    bool,
    typer.Option("--maturity", help="Show how mature it is, with evidence and the next step."),
]
Explain = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Say all about one check, with examples; read nothing."),
]
Listed = Annotated[bool, typer.Option("--list", help="List all checks; read nothing.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show every place, and the checks that pass too.")
]


def check(
    path: Folder = Path(),
    output: Format = "terminal",
    select: Select = None,
    fail_on: FailOn = "warning",
    commit: Commit = None,
    changed: Changed = False,
    since: Since = None,
    baseline: Baseline = None,
    fix: Fix = False,
    maturity: Scales = False,
    explain: Explain = None,
    listed: Listed = False,
    verbose: Verbose = False,
    everything: All = False,
    cached: Cached = True,
) -> None:
    r"""Is this repository in order? For any machine-learning project.

    It reads files and git's index. Nothing is run, imported or unpickled, and
    no link is followed. A bare repository is read at HEAD.

    A check fails only with a place that shows it. What cannot be told is said,
    and fails nothing. Where there is nothing to judge, a check does not apply.
    Warnings are nearly always right; notes are advice. What is right less often
    is an info, which only --all, --select and --format json show.

    To accept a finding, end its line with `# tdsp: ignore[ID] reason`. To
    accept those of many files, write in pyproject.toml:

        [\[tool.tdsp.check.ignore]]
        check = "TR03"
        path = "notebooks/*"
        reason = "the lesson shows this mistake"
        until = 2027-06-30

    Exit code: 0 when no finding is as severe as --fail-on, 1 when one is, 2 when
    the repository, its settings or the options cannot be used.
    """
    asked = _Asked(
        path, output, tuple(select or ()), fail_on, commit or "", changed, since, baseline, fix,
        maturity, explain, listed, verbose, everything, cached,
    )  # fmt: skip
    try:
        code = _run(asked)
    except TdspError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The command line."""

    path: Path
    output: str
    select: tuple[str, ...]
    fail_on: str
    commit: str
    changed: bool
    since: str | None
    baseline: Path | None
    fix: bool
    maturity: bool
    explain: str | None
    listed: bool
    verbose: bool
    everything: bool
    cached: bool

    @property
    def whole(self) -> bool:
        """Tell whether findings of the severity info are asked for."""
        asked = self.everything or self.select or self.fail_on == "info"
        return bool(asked or self.output == "json")

    @property
    def partly(self) -> bool:
        """Tell whether some findings are left out."""
        return bool(self.select or self.baseline or self.changed or self.since)


def _run(asked: _Asked) -> int:
    from tdsp.check.run import selected

    if asked.explain or asked.listed:
        from rich.console import Console

        from tdsp.check import report as pages

        for each in selected([asked.explain] if asked.explain else []):
            if asked.explain:
                pages.explain(each, Console(highlight=False))
            else:
                typer.echo(f"{each.id}  {each.family:<10}  {each.severity:<7}  {each.title}")
        return 0
    from tdsp.reading.repository import without_collector

    _agree(asked)
    with without_collector():  # until the facts are gone
        return _answer(asked)


def _answer(asked: _Asked) -> int:
    found = _found(asked)
    return _patch(found) if asked.fix else _show(found, asked)


def _agree(asked: _Asked) -> None:
    """Raise TdspError for options that do not go together."""
    if asked.changed and asked.since:
        raise TdspError("--changed and --changed-since say two things: leave one out")
    if asked.fix and (asked.maturity or asked.output != "terminal"):
        raise TdspError("--fix prints a patch: leave --format and --maturity out")
    if not asked.maturity:
        return
    if asked.select:
        raise TdspError("--maturity needs all checks: leave --select out")
    if asked.output in {"sarif", "junit"}:
        raise TdspError(f"--maturity is no part of {asked.output}: leave it out")
    if asked.partly:
        raise TdspError("--maturity counts all findings: leave --baseline and --changed out")


def _found(asked: _Asked) -> "Report":
    from tdsp.check.run import check_folder, only_new, read_baseline

    if asked.cached:
        from tdsp.reading.cache import Cache

        with Cache() as cache:
            found = check_folder(asked.path, asked.select, asked.commit, cache)
        if cache.damaged:
            typer.echo(f"note: {cache.problem}", err=True)
    else:
        found = check_folder(asked.path, asked.select, asked.commit)
    if asked.changed or asked.since:
        from tdsp.check.changed import base, only_changed
        from tdsp.reading.objects import is_bare

        commit = asked.commit or ("HEAD" if is_bare(asked.path) else "")
        since = asked.since or base(asked.path, commit or "HEAD")
        found = only_changed(found, asked.path, since, commit)
    if asked.baseline is not None:
        found = only_new(found, read_baseline(asked.baseline))
    return found


def _patch(found: "Report") -> int:
    from tdsp.check.fixes import patch

    made = patch(found)
    typer.echo(made.text.encode(), nl=False)
    places = ", ".join(f"{name} ({count})" for name, count in made.fixed.items())
    said = f"a patch for {places}; `git apply` takes it" if places else "no patch"
    typer.echo(f"note: {said}; {made.left} findings need a person", err=True)
    return 0


def _show(found: "Report", asked: _Asked) -> int:
    from rich.console import Console

    from tdsp.check import maturity as scales
    from tdsp.check import report, run

    console = Console(highlight=False)
    shown = asked.maturity or asked.output in {"json", "html", "backstage"}
    judged = scales.maturity(found) if shown and not asked.partly else None
    if not asked.whole:
        found = run.shown(found)
    if asked.output != "terminal":
        typer.echo(_written(found, judged, asked))
    elif asked.maturity and judged is not None:
        report.print_maturity(judged, console)
        return 0
    else:
        report.terminal(found, console, asked.verbose)
    return 1 if found.reaches(asked.fail_on) else 0


def _written(found: "Report", judged: "Maturity | None", asked: _Asked) -> str:
    """Return the text of a format. A badge shows the level only when it was asked for."""
    from tdsp.check import pages, report

    if asked.output == "json":
        return report.as_json(found, judged)
    if asked.output == "sarif":
        return report.as_sarif(found)
    if asked.output == "junit":
        return report.as_junit(found, asked.fail_on)
    if asked.output == "html":
        return pages.as_html(found, judged)
    if asked.output == "badge":
        return pages.as_badge(found, judged if asked.maturity else None)
    return pages.as_backstage(found, judged)
