"""docs/process/labels.yaml and backlog.yaml, read: labels, sprints, work items."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, RootModel

from tdsp.errors import TdspError
from tdsp.people.project import Project
from tdsp.people.sources import Key, Line, Part, Text, faults, read, unique

LABELS = "docs/process/labels.yaml"
BACKLOG = "docs/process/backlog.yaml"
# The narrowest of GitHub, Azure Boards and GitLab, so that a change of platform breaks nothing.
LONGEST_LABEL, LONGEST_TEXT, LONGEST_TITLE, MOST_ITEMS = 50, 100, 128, 1000


def _colour(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9A-Fa-f]{6}", value):
        raise ValueError(f'{value!r} must be six hex digits in quotes, such as "1D76DB"')
    return value


class Group(Part):
    """Labels of one colour."""

    colour: Annotated[str, BeforeValidator(_colour)]
    labels: Annotated[
        dict[Key, Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]], Field(min_length=1)
    ]


class Groups(RootModel[dict[Key, Group]]):
    """The whole of labels.yaml."""


class _Item(Part):
    id: Key
    type: Key
    stage: Key
    roles: list[Key]
    title: Annotated[Line, Field(max_length=LONGEST_TITLE)]
    text: Text
    done: Annotated[list[Text], Field(min_length=1)]


class _Sprint(Part):
    name: Line
    goal: Line
    items: list[_Item]


class _Backlog(Part):
    sprints: Annotated[list[_Sprint], Field(min_length=1)]


@dataclass(frozen=True)
class Label:
    """A label as the platform shows it."""

    name: str
    colour: str
    text: str


@dataclass(frozen=True)
class Sprint:
    """A sprint, and what is to be reached in it."""

    name: str
    goal: str


@dataclass(frozen=True)
class Item:
    """A work item; its id stays the same when the title changes."""

    id: str
    title: str
    sprint: Sprint
    labels: tuple[str, ...]
    text: str
    done: tuple[str, ...]

    @property
    def body(self) -> str:
        """The description in Markdown."""
        conditions = "\n".join(f"- [ ] {each}" for each in self.done)
        return f"{self.text}\n\n### Done when\n\n{conditions}\n"


def labels(project: Project) -> list[Label]:
    """Return all labels. Raises TdspError."""
    groups = read(project, LABELS, Groups).root
    result = [
        Label(f"{group}/{name}", content.colour, text)
        for group, content in groups.items()
        for name, text in content.labels.items()
    ]
    if long := [each.name for each in result if len(each.name) > LONGEST_LABEL]:
        told = f"characters; at most {LONGEST_LABEL} are possible"
        raise faults([f"{LABELS}: {name}: the name has {len(name)} {told}" for name in long])
    return result


def backlog(project: Project) -> list[Item]:
    """Return the items of all sprints, in order. Raises TdspError."""
    known = {label.name for label in labels(project)}
    content = read(project, BACKLOG, _Backlog)
    items = [
        _item(each, Sprint(sprint.name, sprint.goal))
        for sprint in content.sprints
        for each in sprint.items
    ]
    if not 0 < len(items) <= MOST_ITEMS:
        raise TdspError(f"{BACKLOG}: {len(items)} items; 1 to {MOST_ITEMS} can be imported")
    unique([item.id for item in items], BACKLOG)
    unique([item.title for item in items], BACKLOG)
    if unknown := list(_unknown(items, known)):
        raise faults(unknown)
    return items


def _item(raw: _Item, sprint: Sprint) -> Item:
    names = (f"type/{raw.type}", f"stage/{raw.stage}", *(f"role/{role}" for role in raw.roles))
    return Item(raw.id, raw.title, sprint, names, raw.text.strip(), tuple(raw.done))


def _unknown(items: list[Item], known: set[str]) -> Iterator[str]:
    for item in items:
        for label in item.labels:
            if label not in known:
                yield f"{BACKLOG}: {item.id}: {label} is not in {LABELS}"
