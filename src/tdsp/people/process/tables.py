"""The backlog as a CSV file for Azure Boards, GitLab or any other tracker."""

import csv
import html
import re
from collections.abc import Iterable
from pathlib import Path

from tdsp.errors import TdspError
from tdsp.people.process.hosts import Host
from tdsp.people.process.items import Item

COLUMNS = {
    "azure-devops": [
        "Work Item Type", "Title 1", "Title 2", "Description", "Iteration Path", "Tags",
    ],
    "gitlab": ["title", "description", "milestone"],
    "none": ["title", "description", "sprint", "labels"],
}  # fmt: skip
# What each process of Azure Boards calls an entry of the backlog; all of them have epics.
ENTRIES = {
    "agile": "User Story",
    "basic": "Issue",
    "cmmi": "Requirement",
    "scrum": "Product Backlog Item",
}


def azure(items: list[Item], project: str, process: str) -> list[list[str]]:
    """Return the lines: each stage as an epic, then its items, indented by the column."""
    lines = []
    for stage in dict.fromkeys(item.labels[1] for item in items):
        lines.append(["Epic", _title_of(stage), "", "", project, stage])
        for item in (each for each in items if each.labels[1] == stage):
            path, tags = f"{project}\\{item.sprint.name}", "; ".join(item.labels)
            lines.append([ENTRIES[process], "", item.title, _as_html(item), path, tags])
    return lines


def _title_of(stage: str) -> str:
    return stage.removeprefix("stage/").replace("-", " ").capitalize()


def _as_html(item: Item) -> str:
    """Return the description as Azure Boards stores it."""
    paragraphs = "".join(f"<p>{html.escape(each)}</p>" for each in item.text.split("\n\n"))
    done = "".join(f"<li>{html.escape(each)}</li>" for each in item.done)
    text = f"{paragraphs}<p><b>Done when</b></p><ul>{done}</ul>".replace("\n", " ")
    return re.sub("`([^`]+)`", r"<code>\1</code>", text)


def gitlab(items: list[Item]) -> list[list[str]]:
    """Return the lines; labels are quick actions, a line each, as the import wants them."""
    return [[item.title, f"{item.body}\n{_actions(item)}\n", item.sprint.name] for item in items]


def _actions(item: Item) -> str:
    return "\n".join(f'/label ~"{label}"' for label in item.labels)


def plain(items: list[Item]) -> list[list[str]]:
    """Return the lines for any tracker."""
    return [[item.title, item.body, item.sprint.name, " ".join(item.labels)] for item in items]


def azure_sprints(host: Host, names: Iterable[str], project: str) -> None:
    """Make the iterations that are missing in Azure Boards."""
    place = ("boards", "iteration", "project")
    # Under the root: what the project was made with, such as Sprint 1 or Iteration 1.
    query = ("--query", "children[].name", "--output", "tsv")
    there = (host.read(*place, "list", "--project", project, *query) or "").splitlines()
    for name in names:
        if name not in there:
            words = ("create", "--project", project, "--name", name, "--output", "none")
            host.write(*place, *words)


def gitlab_sprints(host: Host, names: Iterable[str]) -> None:
    """Make the milestones that are missing in GitLab."""
    place = "projects/:fullpath/milestones"
    read = ("api", "--paginate", "--output", "ndjson", f"{place}?per_page=100")
    there = {each["title"] for each in host.json(*read)}
    for name in names:
        if name not in there:
            words = ("--silent", "--method", "POST", place, "--raw-field", f"title={name}")
            host.write("api", *words)


def titles(export: Path) -> set[str]:
    """Return the titles in an export. Raises TdspError when it has none."""
    try:
        with export.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeError, csv.Error) as error:
        raise TdspError(f"{export} cannot be read: {error}") from None
    columns = [
        name for name in (lines[0] if lines else {}) if str(name).lower().startswith("title")
    ]
    if not columns:
        raise TdspError(f"{export}: no column Title: export the items with their titles as CSV")
    return {line[column] for line in lines for column in columns}
