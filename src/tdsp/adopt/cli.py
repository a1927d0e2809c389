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
Python = Annotated[
    str, typer.Option(help="The Python that runs them; default: the one that runs tdsp.")
]
Seconds = Annotated[float, typer.Option("--time-limit", min=1, help="Seconds for each run.")]


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
        typer.Option(
            min=0, max=3, help="0: in place, 1: moved, 2: moved and edited, 3: and a pipeline."
        ),
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
    move: Annotated[
        list[str] | None,
        typer.Option("--move", metavar="NAME", help="Move what the plan says stays; repeatable."),
    ] = None,
    fix_absolute: Annotated[
        bool,
        typer.Option("--fix-absolute", help="Make absolute paths of files that are here relative."),
    ] = False,
    drop_hacks: Annotated[
        bool, typer.Option("--drop-hacks", help="Remove changes of sys.path that are needless now.")
    ] = False,
    remote: Annotated[
        str,
        typer.Option(
            "--dvc",
            metavar="REMOTE",
            help="Take large data out of git, to DVC: a folder, an address, or a remote's name.",
        ),
    ] = "",
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

    asked = {"absolute": fix_absolute, "hacks": drop_hacks}
    fixes = tuple(name for name, wanted in asked.items() if wanted)
    request = Request(
        root, level, template_level, package, subdirectory, out, answers, update, fixes, remote,
        tuple(move or ()),
    )  # fmt: skip
    if plan(request, ask=not yes) and exit_code:
        raise typer.Exit(1)


@adopt.command("apply")
def apply_command(
    root: Root = Path(),
    *,
    plan: Annotated[
        Path, typer.Option(metavar="FILE", help="The plan.yaml of `adopt plan`, or its folder.")
    ],
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="First write the whole history into this file."),
    ] = None,
    run: Annotated[
        bool,
        typer.Option("--run", help="Level 3: run the scripts, to see what they read and write."),
    ] = False,
    python: Python = "",
    seconds: Seconds = 120,
    lock: Annotated[
        bool, typer.Option("--lock", help="Also add uv.lock; uv asks the package index.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Carry a plan out, on the new branch tdsp/adopt; your branch stays as it is.

    Moves, edits, the template's files and the pipeline are commits of their own.
    Each is proven before the branch appears. `tdsp adopt undo` takes all of it
    back. Only with --run is anything of the repository run: in copies, without
    network.
    """
    from tdsp.adopt.carry import apply
    from tdsp.adopt.pipeline import Way

    plan = plan / "plan.yaml" if plan.is_dir() else plan
    apply(root, plan, bundle, yes, Way(python, seconds) if run else None, lock)


@adopt.command("verify")
def verify_command(
    root: Root = Path(),
    *,
    run: Annotated[
        bool,
        typer.Option("--run", help="Also run scripts and notebooks, before and after."),
    ] = False,
    python: Python = "",
    seconds: Seconds = 120,
) -> None:
    """Prove that the adoption lost nothing and changed only what it lists.

    With --run each script and notebook runs in a copy of the files from before
    and from after, without network; a notebook only where --python has nbclient
    and ipykernel. Exit code 1 when something is lost or worse.
    """
    from tdsp.adopt.carry import verify

    if not verify(root, run, python, seconds):
        raise typer.Exit(1)


@adopt.command("report")
def report_command(
    root: Root = Path(),
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write REPORT.md and manifest.json here as well."),
    ] = None,
) -> None:
    """Show what the adoption did, and `tdsp check` before and after."""
    from tdsp.adopt.carry import report

    report(root, out)


@adopt.command("undo")
def undo_command(
    root: Root = Path(),
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Also when people have committed on the branch.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the adoption back: branch, tag, index and files are as before."""
    from tdsp.adopt.carry import undo

    undo(root, force, yes)
