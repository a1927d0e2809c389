"""The commands `tdsp adopt …`: what they take, what their help says, how they end."""

from pathlib import Path
from typing import Annotated, Literal

import typer

adopt = typer.Typer(
    help="Bring an existing repository into this layout, without losing a byte.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Root = Annotated[Path, typer.Argument(help="The repository, or a folder inside of it.")]
Subdirectory = Annotated[
    str, typer.Option(metavar="FOLDER", help="The project, where a repository holds several.")
]


@adopt.command("scan")
def scan_command(
    root: Root = Path(),
    subdirectory: Subdirectory = "",
    output: Annotated[
        Literal["terminal", "csv"], typer.Option("--format", help="csv: one line for each file.")
    ] = "terminal",
) -> None:
    """Say what is in a repository: kinds of files, how code is run, what stands in the way.

    It reads the commit that is checked out. Nothing is run, imported, unpickled or changed.
    """
    from tdsp.adopt.commands import scan

    scan(root, subdirectory, output)


@adopt.command("plan")
def plan_command(
    root: Root = Path(),
    *,
    level: Annotated[
        int,
        typer.Option(min=0, max=3, help="0: in place, 1: moved, 2: edited, 3: pipeline."),
    ] = 2,
    template_level: Annotated[
        Literal["train", "operate", "govern"],
        typer.Option("--template-level", help="How much of the template is added."),
    ] = "train",
    package: Annotated[str, typer.Option(help="The name of the Python package.")] = "",
    subdirectory: Subdirectory = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Where the plan is written: outside of the repository, or ignored."),
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="A YAML file with answers for the template.")
    ] = None,
    update: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A plan with changed targets: renew its edits."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take what is proposed.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit code 1 when the plan would change a file.")
    ] = False,
) -> None:
    """Plan an adoption: where each file goes, what is edited, what only you can decide.

    It writes plan.yaml, which you may edit, plan.patch, the exact diff of moves and edits,
    facts.csv and plan.html. Nothing is run, imported, unpickled or changed.
    """
    from tdsp.adopt.commands import Request, plan

    request = Request(root, level, template_level, package, subdirectory, out, answers, update)
    if plan(request, ask=not yes) and exit_code:
        raise typer.Exit(1)
