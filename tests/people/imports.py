"""What the importers of Azure Boards, Azure Test Plans and GitLab ask of a file, as documented."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

PROCESSES = {  # what learn.microsoft.com lists as the types of each process, of those that we use
    "agile": {"Epic", "User Story"},
    "basic": {"Epic", "Issue"},
    "cmmi": {"Epic", "Requirement"},
    "scrum": {"Epic", "Product Backlog Item"},
}
FIELDS = {"Work Item Type", "Title 1", "Title 2", "Description", "Iteration Path", "Tags"}
STEPS = ["ID", "Work Item Type", "Title", "Test Step", "Step Action", "Step Expected"]
GITLAB = {"title", "description", "due_date", "milestone", "type"}
ACTION = re.compile(r"(?m)^/label ~\"([^\"]+)\"$")


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        return list(reader.fieldnames or []), list(reader)


def boards(path: Path, process: str, iterations: set[str]) -> Iterator[str]:
    """Yield what Azure Boards would refuse, or not understand as it is meant."""
    columns, lines = read(path)
    if not {"Work Item Type", "Title 1"} <= set(columns) <= FIELDS:
        yield f"columns {columns}"
        return
    if len(lines) > 1000:
        yield f"{len(lines)} items; 1000 can be imported"
    for number, line in enumerate(lines, 2):
        if None in line or None in line.values():
            yield f"line {number}: another number of cells"
            continue
        given = [line[each] for each in ("Title 1", "Title 2") if line[each]]
        if len(given) != 1 or len(given[0]) > 255:
            yield f"line {number}: one title of at most 255 characters, not {given}"
        if line["Work Item Type"] not in PROCESSES[process]:
            yield f"line {number}: {line['Work Item Type']} is no type of {process}"
        if (line["Work Item Type"] == "Epic") != bool(line["Title 1"]):
            yield f"line {number}: an item has to lie under an epic"
        if line["Iteration Path"] not in iterations:
            yield f"line {number}: iteration {line['Iteration Path']} is not there"
        if "," in line["Tags"]:
            yield f"line {number}: tags are separated by semicolons"
        if re.sub(r"</?(p|b|ul|li|code)>", "", line["Description"]).count("<"):
            yield f"line {number}: the description is not the HTML that it should be"


def gitlab(path: Path, labels: set[str], milestones: set[str]) -> Iterator[str]:
    """Yield what GitLab would refuse, or silently leave out."""
    columns, lines = read(path)
    if not {"title", "description"} <= set(columns) <= GITLAB:
        yield f"columns {columns}"
        return
    if path.stat().st_size > 10_000_000:
        yield "more than 10 MB"
    for number, line in enumerate(lines, 1):
        if not line["title"] or len(line["title"]) > 255:
            yield f"item {number}: title {line['title']!r}"
        if line["milestone"] not in milestones:
            yield f"item {number}: milestone {line['milestone']} is not there"
        named = ACTION.findall(line["description"])
        if not named or len(named) != line["description"].count("/label"):
            yield f"item {number}: a quick action is not on a line of its own"
        for label in set(named) - labels:
            yield f"item {number}: label {label} is not there"


def plan(path: Path) -> Iterator[str]:
    """Yield what Azure Test Plans would refuse."""
    columns, lines = read(path)
    if columns != STEPS:
        yield f"columns {columns}"
        return
    step = 0
    for number, line in enumerate(lines, 2):
        if None in line or None in line.values():
            yield f"line {number}: another number of cells"
        elif line["Work Item Type"]:
            step = 0
            if line["Work Item Type"] not in ("Test Case", "Shared Steps"):
                yield f"line {number}: {line['Work Item Type']} cannot be imported"
            if not 0 < len(line["Title"]) <= 128:
                yield f"line {number}: a title of at most 128 characters"
            if line["ID"]:
                yield f"line {number}: a new test case has no ID"
        else:
            step += 1
            if line["Test Step"] != str(step):
                yield f"line {number}: step {line['Test Step']}, where {step} is next"
            if not line["Step Action"] or not line["Step Expected"]:
                yield f"line {number}: a step needs action and expectation"
