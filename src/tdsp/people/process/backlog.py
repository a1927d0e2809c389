"""Bring docs/process/backlog.yaml to the board: issues of GitHub, or a file that is imported."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from tdsp.errors import TdspError
from tdsp.people.process import github, tables
from tdsp.people.process.hosts import Host
from tdsp.people.process.items import Item, backlog
from tdsp.people.project import Project
from tdsp.people.sources import write

ONLY = {
    "board": ("github",),
    "boards_project": ("azure-devops",),
    "process": ("azure-devops",),
    "sprints": ("azure-devops", "gitlab"),
    "without": ("azure-devops", "gitlab", "none"),
    "output": ("azure-devops", "gitlab", "none"),
}


@dataclass(frozen=True)
class Wishes:
    """The options of the command; None and False stand for what was not given."""

    dry: bool = False
    board: str | None = None
    boards_project: str | None = None
    process: str | None = None
    sprints: bool = False
    without: Path | None = None
    output: Path | None = None


def run(project: Project, platform: str, wishes: Wishes) -> None:
    """Make the issues that are missing, or write the file."""
    if wrong := [name for name in ONLY if getattr(wishes, name) and platform not in ONLY[name]]:
        option = wrong[0].replace("boards_", "").replace("_", "-")
        raise TdspError(f"--{option} is not for {platform}; for {', '.join(ONLY[wrong[0]])}")
    items = backlog(project)
    if platform == "github":
        _to_github(project, items, wishes)
    else:
        _to_table(project, platform, items, wishes)


def _to_github(project: Project, items: list[Item], wishes: Wishes) -> None:
    host = Host(project, "gh", wishes.dry)
    try:
        github.milestones(host, dict.fromkeys(item.sprint for item in items))
        addresses = github.issues(host, items)
        if wishes.board:
            github.board(host, wishes.board, addresses)
    except TdspError as error:
        raise TdspError(f"{error}; `tdsp labels` comes first; then run this again") from None
    typer.echo(f"{len(items)} items; {host.summary}")


def _to_table(project: Project, platform: str, items: list[Item], wishes: Wishes) -> None:
    if platform == "azure-devops" and not wishes.boards_project:
        raise TdspError("--project is needed: the name of the project in Azure DevOps")
    there = tables.titles(wishes.without) if wishes.without else set()
    items = [item for item in items if item.title not in there]
    if wishes.sprints:
        _sprints(project, platform, items, wishes)
    for item in items:
        typer.echo(f"{item.sprint.name}  {item.labels[0]:<16}  {item.title}")
    output = wishes.output or project.root / "backlog.csv"
    if not wishes.dry:
        file = io.StringIO(newline="")
        csv.writer(file).writerows([tables.COLUMNS[platform], *_rows(platform, items, wishes)])
        write(output, file.getvalue())
    typer.echo(f"{len(items)} items{'' if wishes.dry else f' in {output}'}")


def _sprints(project: Project, platform: str, items: list[Item], wishes: Wishes) -> None:
    names = dict.fromkeys(item.sprint.name for item in items)
    if platform == "gitlab":
        tables.gitlab_sprints(Host(project, "glab", wishes.dry), names)
    else:
        host = Host(project, "az", wishes.dry)
        tables.azure_sprints(host, names, str(wishes.boards_project))


def _rows(platform: str, items: list[Item], wishes: Wishes) -> Iterator[list[str]]:
    if platform == "azure-devops":
        yield from tables.azure(items, str(wishes.boards_project), wishes.process or "agile")
    else:
        yield from (tables.gitlab if platform == "gitlab" else tables.plain)(items)
