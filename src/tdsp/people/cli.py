"""The commands for people: what they are called, what they take, what their help says.

Each imports what it needs when it is called, so that `tdsp --help` need not wait.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

Root = Annotated[
    Path,
    typer.Option(
        "--root", "-C", metavar="FOLDER",
        help="The project's folder, or one inside of it; .copier-answers.yml marks it.",
    ),
]  # fmt: skip
Platform = Annotated[
    Literal["github", "azure-devops", "gitlab", "none"] | None,
    typer.Option("--on", help="The code host, if not the one that the project names."),
]
Dry = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]
PANEL = "On the files of any repository: people, process, governance"


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    commands = (
        *(roles, docs, stage, labels, backlog, assess),
        *(principles, risks, release, trail, reproduce, site),
    )
    for command in commands:
        app.command(command.__name__, rich_help_panel=PANEL)(command)


def _end(holds: bool) -> None:
    if not holds:
        raise typer.Exit(1)


def roles(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a file disagrees.")
    ] = False,
    root: Root = Path(),
) -> None:
    """Write docs/roles.yaml into all that follows from it.

    That is: the matrix and a page for each role in docs/roles/, CODEOWNERS, branch protection, the
    approvers of environments, rights in Azure, labels. Only what stands between the marks `roles:
    begin` and `roles: end` is written; the rest of a file is the team's. When anything is wrong,
    nothing is written.
    """
    from tdsp.people.project import open_project
    from tdsp.people.roles import sync
    from tdsp.people.roles.model import SOURCE

    project = open_project(root)
    texts = sync.wanted(project)
    messages = (sync.check if check else sync.write)(project.root, texts)
    if not messages:
        agree = "agrees" if check else "agreed already"
        typer.echo(f"all that follows from {SOURCE} {agree}")
    elif check:
        for line in messages:
            typer.echo(f"error: {line}", err=True)
        typer.echo(f"If {SOURCE} is right, `tdsp roles` writes these files.", err=True)
        raise typer.Exit(1)
    else:
        typer.echo(f"wrote {', '.join(messages)}")


def docs(
    stage: Annotated[
        str | None,
        typer.Option(help="Only this stage and those before it; exit code 1 while any is open."),
    ] = None,
    root: Root = Path(),
) -> None:
    """List what people still have to write: each open question under docs/, by stage.

    A question is written `open: …` in square brackets. The table of docs/README.md gives each
    document its stage. Stages: business-understanding, data, modeling, deployment, acceptance.
    """
    from tdsp.people import documents
    from tdsp.people.project import open_project

    if stage:
        documents.known(stage, "--stage")
    questions = documents.questions(open_project(root))
    if stage:
        questions = documents.until(stage, questions)
    if not questions:
        typer.echo("nothing is open" + (f" up to {stage}" if stage else ""))
    for line in documents.lines(questions):
        typer.echo(line)
    _end(not (stage and questions))


def stage(
    stage: Annotated[
        str | None, typer.Argument(help="One stage, and what it takes to enter it.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Print the criteria; run nothing.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Bring docs/process/lifecycle.md up to date.")
    ] = False,
    root: Root = Path(),
) -> None:
    """Tell where the project stands in its lifecycle, and what is to do next.

    Runs the criteria of docs/process/stages.yaml, each a command, in the project's own environment,
    up to the first stage that is not done. The exit code is 1 while a criterion does not hold.
    """
    from tdsp.people.process import stages
    from tdsp.people.project import open_project

    project = open_project(root)
    chosen = stages.chosen(project, stage)
    if write:
        stages.renew_page(project)
    elif show:
        typer.echo(stages.page(chosen))
    else:
        _end(stages.run(project, chosen))


def labels(dry_run: Dry = False, on: Platform = None, root: Root = Path()) -> None:
    """Make the labels of docs/process/labels.yaml on GitHub or GitLab.

    A second time changes nothing; labels that only the code host has stay as they are. It needs gh
    or glab and its login. Elsewhere the file is only checked: Azure Boards makes a tag when a work
    item has it.
    """
    from tdsp.people.process import labels as work
    from tdsp.people.project import open_project

    project = open_project(root)
    work.run(project, on or project.platform, dry_run)


def backlog(
    dry_run: Dry = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only check labels.yaml and backlog.yaml.")
    ] = False,
    board: Annotated[
        str | None,
        typer.Option(help="GitHub: the board to put all issues on; made if it is missing."),
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="Azure Boards: the project in Azure DevOps.")
    ] = None,
    process: Annotated[
        Literal["agile", "basic", "cmmi", "scrum"] | None,
        typer.Option(help="Azure Boards: the project's process. [default: agile]"),
    ] = None,
    sprints: Annotated[
        bool, typer.Option("--sprints", help="Azure Boards, GitLab: make missing sprints as well.")
    ] = False,
    without: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Leave out the items that this export has.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write. [default: backlog.csv]")
    ] = None,
    on: Platform = None,
    root: Root = Path(),
) -> None:
    """Bring the work items of docs/process/backlog.yaml to the board.

    On GitHub it makes milestones and issues; a second time adds nothing, as each issue carries the
    id of its item. It needs gh, its login, and `tdsp labels` before; for a board, once, `gh auth
    refresh --scopes project`. Elsewhere it writes a CSV file that Azure Boards, GitLab or another
    tracker imports. --dry-run needs no login.
    """
    from tdsp.people.process import backlog as work
    from tdsp.people.process.items import backlog as items
    from tdsp.people.project import open_project

    place = open_project(root)
    if check:
        typer.echo(f"{len(items(place))} work items and their labels are valid")
        return
    wishes = work.Wishes(dry_run, board, project, process, sprints, without, output)
    work.run(place, on or place.platform, wishes)


def assess(
    form: Annotated[list[str] | None, typer.Argument(help="maturity, readiness, or both.")] = None,
    root: Root = Path(),
) -> None:
    """Score MLOps maturity and AI readiness: a level, a bar for each area, the next step.

    Reads docs/governance/maturity.yaml and readiness.yaml and writes a page beside each. An answer
    `measured` is the best score whose evidence holds; an open one counts as 0.
    """
    from tdsp.people.governance import assess as work
    from tdsp.people.project import open_project

    work.run(open_project(root), form or [])


def principles(
    principle: Annotated[list[str] | None, typer.Argument(help="Only these.")] = None,
    judged: Annotated[
        bool, typer.Option("--judged", help="Exit code 1 only for what is broken; for CI.")
    ] = False,
    root: Root = Path(),
) -> None:
    """Run the checks behind each principle of docs/governance/principles.yaml.

    One is open when there was nothing to judge: no sensitive column, no approval on record, a
    question that nobody has answered. The exit code is 1 while one is not kept. Without a name the
    page principles.md is written.
    """
    from tdsp.people.governance import principles as work
    from tdsp.people.project import open_project

    _end(work.run(open_project(root), principle or [], judged))


def risks(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if the page is stale.")
    ] = False,
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As if it were this day.")
    ] = None,
    root: Root = Path(),
) -> None:
    """Check the risk register docs/governance/risks.yaml and write its page, risks.md.

    The exit code is 1 when the day of a review is past.
    """
    from tdsp.people.governance import risks as work
    from tdsp.people.project import open_project

    day = (today or datetime.now(UTC).astimezone()).date()
    _end(work.run(open_project(root), check, day))


def release(
    publish: Annotated[
        bool, typer.Option("--publish", help="Do it; without, only say what would be done.")
    ] = False,
    feed: Annotated[
        str | None,
        typer.Option(help="Azure DevOps: the feed that keeps the documents of the release."),
    ] = None,
    on: Platform = None,
    root: Root = Path(),
) -> None:
    """Release the newest version of CHANGELOG.md: tag, push, and release object with model card.

    The tag, v1.2.0, starts the release in CI. It is refused from another branch than main, with
    changes that are not committed or pushed, for a version that is taken or not the next one, and
    for a model that has not passed the gate. On GitHub and GitLab a release has the text of the
    changelog, model card and report. Azure Repos has no such object: with --feed they become a
    universal package.
    """
    from tdsp.people import release as work
    from tdsp.people.project import open_project

    project = open_project(root)
    work.run(project, on or project.platform, publish, feed)


def trail(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="The page to write. [default: reports/trail.html]")
    ] = None,
    root: Root = Path(),
) -> None:
    """Tell who did what to which registered model, when, why, on which evidence.

    Newest first, with a page that works offline. Asks the project's registry and verifies each
    approval; the exit code is 1 when one is not valid.
    """
    from tdsp.people.governance import trail as work
    from tdsp.people.project import open_project

    _end(work.run(open_project(root), as_json, html))


def reproduce(
    model: Annotated[
        str, typer.Argument(help="champion, challenger, a version or a model id.")
    ] = "champion",
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Work in this new folder; keep it.")
    ] = None,
    root: Root = Path(),
) -> None:
    """Make a registered model again from the code, data and parameters on record; compare.

    Runs the project's own pipeline in a clone; the project itself is not touched. The exit code
    is 1 when data, model or metrics differ.
    """
    from tdsp.people.governance import reproduce as work
    from tdsp.people.project import open_project

    work.run(open_project(root), model, keep)


def site(root: Root = Path()) -> None:
    """Build documents, reports, lineage and trail as one static site: site/index.html.

    It works offline. A dead link or anchor, or a diagram that cannot be drawn, stops the build and
    leaves the site before as it was. It needs the extra: `uv tool install "tdsp[site]"`.
    """
    from tdsp.people.project import open_project
    from tdsp.people.site import build

    build.run(open_project(root))
