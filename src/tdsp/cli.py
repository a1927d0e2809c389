"""The command line: `tdsp new` starts a project, `tdsp onboard` gives it your own table.

`tdsp check` judges any repository: check/cli.py. `tdsp fleet` judges many: fleet/cli.py.
What people do with its roles, process and governance: people/cli.py.
"""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tdsp import INSTALL, __version__
from tdsp.adopt.cli import adopt
from tdsp.check.cli import check as check_command
from tdsp.errors import TdspError
from tdsp.fleet.cli import app as fleet
from tdsp.onboard import command as onboard_command
from tdsp.onboard import generate_command, summarise
from tdsp.onboard.options import takes_table, wishes
from tdsp.people import cli as people

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tdsp.grow import Plan, Project
    from tdsp.new import NewProject

OUTER = (
    "[yellow]The place is inside another git repository.[/] Code hosts read workflows, pipelines,"
    " code owners and update bots' settings at a repository's root only: those of this project do"
    " nothing here, see docs/start.md of tdsp."
)
app = typer.Typer(
    name="tdsp",
    help="Start, standardise and upgrade machine-learning projects in the Team Data Science Process"
    " layout.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run a command; an error that the user can correct is printed without a traceback."""
    try:
        app()
    except TdspError as error:
        console, text = Console(stderr=True), escape(str(error))
        console.print(f"[bold red]error:[/] {text}", highlight=False, soft_wrap=True)
        sys.exit(1)
    finally:
        gc.freeze()  # the process ends: what it held need not be searched for garbage once more


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tdsp {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Start machine-learning projects in the Team Data Science Process layout."""


@app.command("new")
@takes_table
def new_command(
    *,
    name: Annotated[str, typer.Argument(help="The project's name, in any script.")],
    data: Annotated[
        Path | None, typer.Option(help="Your table: CSV, Parquet, Excel or JSON lines.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column of --data to predict.")] = None,
    table: dict[str, Any],
    answers: Annotated[
        Path | None, typer.Option(help="A YAML file with answers. They are not asked.")
    ] = None,
    choose: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="QUESTION=ANSWER", help="One answer; wins over --answers."),
    ] = None,
    org: Annotated[
        Path | None, typer.Option(help="The organisation's factory.yml: presets and locks answers.")
    ] = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="Ask nothing.")] = False,
    into: Annotated[Path, typer.Option(help="The folder in which the project is made.")] = Path(),
    git: Annotated[bool, typer.Option(help="Make a git repository and a first commit.")] = True,
    dry_run: Annotated[
        bool, typer.Option(help="Show what would be made, and make nothing.")
    ] = False,
) -> None:
    """Make a project that trains, scores and tests on its first day.

    Without --data the project starts with example data. `tdsp onboard` puts your own table in
    its place at any time.
    """
    from tdsp.new import Request, bundled_template, new, questions
    from tdsp.org import Organisation, check_questions, read_mapping, read_organisation

    if (data is None) != (target is None) or target == "":
        raise TdspError("--data and --target go together: the table, and the column to predict")
    if data is None and table:
        raise TdspError(f"{', '.join(f'--{name}' for name in table)} describe --data: give it too")
    asked = questions(bundled_template())
    given = read_mapping(answers) if answers else {}
    check_questions(given, asked, answers)
    organisation = read_organisation(org, asked) if org else Organisation()
    request = Request(
        name=name,
        folder=into,
        given=given | _pairs(choose or []),
        organisation=organisation,
        ask=not defaults,
        data=data,
        wishes=wishes(target, **table) if target else None,
        git=git,
        dry_run=dry_run,
    )
    console = Console()
    if request.ask:
        project = new(request, lambda step: console.print(f"{escape(step)} …", style="dim"))
    else:
        with console.status("Starting") as status:
            project = new(request, lambda step: status.update(f"{escape(step)} …"))
    if project.onboarded:
        summarise(project.onboarded, console, dry_run)
    for folder in project.removed:
        console.print(f"Removed {folder}, which a killed run had left", markup=False)
    _summary(console, project, dry_run)


def _pairs(texts: list[str]) -> dict[str, Any]:
    """Read QUESTION=ANSWER; yes, no, true and false are booleans, as in YAML."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise TdspError(f"--set takes QUESTION=ANSWER, not {', '.join(wrong)}")
    pairs = (text.split("=", 1) for text in texts)
    return {key.strip(): words.get(value.lower(), value) for key, value in pairs}


def _summary(console: Console, project: "NewProject", dry: bool) -> None:
    table = Table(box=None, show_header=False)
    shown = ("project_name", "package_name", "problem_type", "python_version", "license")
    for name in shown:
        table.add_row(name, escape(str(project.answers[name])), style="dim")
    verb = "Would make" if dry else "Made"
    history = ", committed to git" if project.history == "committed" else ""
    place = escape(str(project.path))
    console.print(f"[bold]{verb} {place}[/]: {project.files} files{history}", highlight=False)
    console.print(table)
    if project.history == "outer":
        console.print(OUTER, highlight=False)
    if not dry:
        console.print("[bold]Next[/]")
        start = {"none": ["git init"], "started": ['git commit -m "Start"']}.get(
            project.history, []
        )
        for command in (f"cd {project.path}", *start, INSTALL, "uv run poe pipeline"):
            console.print(f"  {escape(command)}", highlight=False)


@app.command("grow")
def grow_command(
    to: Annotated[str, typer.Option("--to", metavar="LEVEL", help="train, operate or govern.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    project: Annotated[Path, typer.Option(help="The generated project.")] = Path(),
) -> None:
    """Bring a project to another level, up or down; files that the team edited stay."""
    from tdsp.grow import check_clean, grow, plan, read_project

    console = Console()
    found = read_project(project)
    check_clean(project)
    with console.status("Comparing the levels"):
        wanted = plan(found, to)
    _show(console, found, wanted)
    if dry_run:
        return
    if not yes and not sys.stdin.isatty():
        raise TdspError("there is no terminal to ask on: add --yes, or --dry-run")
    if not yes and not typer.confirm("Change the project?"):
        raise typer.Exit(1)
    with console.status("Changing the project"):
        conflicts = grow(found, wanted)
    console.print(f"[bold]Level {to}[/]. Look at `git diff`, then:", highlight=False)
    for name in conflicts:
        console.print(f"  solve the conflict in {escape(name)}", highlight=False)
    for command in (INSTALL, "uv run poe check", "git add --all && git commit"):
        console.print(f"  {escape(command)}", highlight=False)


def _show(console: Console, project: "Project", wanted: "Plan") -> None:
    """Print what a change of level does: files that come or go by reason, then the others."""
    from tdsp.grow import grouped, proposed

    console.print(f"[bold]{wanted.current} → {wanted.target}[/]", highlight=False)
    for verb, names in (("Added", wanted.added), ("Removed", wanted.removed)):
        for why, files in grouped(project, names).items():
            console.print(f"[bold]{verb}[/]: {why}", highlight=False)
            _print_names(console, files)
    if wanted.changed:
        console.print("[bold]Changed[/]: what several levels share", highlight=False)
        edited = wanted.edited
        _print_names(
            console, [f"{n} (merged with your edits)" if n in edited else n for n in wanted.changed]
        )
    if wanted.kept:
        console.print("[bold]Kept as they are[/]: the team wrote or edited them", highlight=False)
        _print_names(console, wanted.kept)
    if text := proposed(project, wanted.target):
        console.print(text, highlight=False)


def _print_names(console: Console, names: "Iterable[str]") -> None:
    for name in names:
        console.print(f"  {escape(name)}", highlight=False, soft_wrap=True)


app.command("onboard")(onboard_command)
app.command("generate")(generate_command)
app.command("check")(check_command)
app.add_typer(fleet)
app.add_typer(adopt, name="adopt")
people.register(app)
