"""Read docs/process/labels.yaml and backlog.yaml; say what is wrong in them, and where.

`python -m tools.items` only checks both.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LABELS = Path("docs/process/labels.yaml")
BACKLOG = Path("docs/process/backlog.yaml")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
COLOUR = re.compile(r"[0-9A-Fa-f]{6}")
# The narrowest of GitHub, Azure Boards and GitLab, so that a change of platform breaks nothing.
LONGEST_LABEL, LONGEST_TEXT, LONGEST_TITLE, MOST_ITEMS = 50, 100, 128, 1000
FIELDS = {"id", "type", "stage", "roles", "title", "text", "done"}


class ItemsError(Exception):
    """What is wrong in the files, a line for each."""


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


def labels(path: Path = LABELS) -> list[Label]:
    """Return all labels. Raises ItemsError."""
    groups, found, wrong = _read(path), [], []
    for group, content in groups.items():
        content = content if isinstance(content, dict) else {}
        colour, names = content.get("colour"), content.get("labels")
        if not isinstance(colour, str) or not COLOUR.fullmatch(colour):
            wrong.append(f'{group}: colour {colour!r} must be six hex digits in quotes: "1D76DB"')
        if not isinstance(names, dict) or not names:
            wrong.append(f"{group}: labels must be names, each with what it says")
            continue
        for name, text in names.items():
            label = Label(f"{group}/{name}", str(colour), str(text))
            wrong += [f"{label.name}: {reason}" for reason in _wrong_label(name, label)]
            found.append(label)
    _stop(path, wrong)
    return found


def _wrong_label(name: Any, label: Label) -> Iterator[str]:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield "a name has lower-case letters, digits and single dashes, and starts with a letter"
    if len(label.name) > LONGEST_LABEL:
        yield f"the name has {len(label.name)} characters, at most {LONGEST_LABEL} are possible"
    if not 0 < len(label.text) <= LONGEST_TEXT:
        yield f"what it says has {len(label.text)} characters; 1 to {LONGEST_TEXT} are possible"


def backlog(path: Path = BACKLOG, labels_path: Path = LABELS) -> list[Item]:
    """Return the items of all sprints, in order. Raises ItemsError."""
    known = {label.name for label in labels(labels_path)}
    found, wrong = [], []
    for number, sprint in enumerate(_read(path).get("sprints") or [], 1):
        if not isinstance(sprint, dict) or sprint.keys() != {"name", "goal", "items"}:
            wrong.append(f"sprint {number} needs name, goal and items")
            continue
        for each in sprint["items"]:
            if not isinstance(each, dict) or each.keys() != FIELDS:
                name = each.get("id", each) if isinstance(each, dict) else each
                wrong.append(f"{sprint['name']}, {name}: needs {', '.join(sorted(FIELDS))}")
                continue
            found.append(_item(each, Sprint(sprint["name"], sprint["goal"])))
    wrong += [f"{item.id}: {reason}" for item in found for reason in _wrong_item(item, known)]
    for names in ([item.id for item in found], [item.title for item in found]):
        twice = (name for name in dict.fromkeys(names) if names.count(name) > 1)
        wrong += [f"{name}: is there twice" for name in twice]
    if not 0 < len(found) <= MOST_ITEMS:
        wrong.append(f"{len(found)} items; 1 to {MOST_ITEMS} can be imported")
    _stop(path, wrong)
    return found


def _item(raw: dict[str, Any], sprint: Sprint) -> Item:
    roles = tuple(f"role/{role}" for role in raw["roles"])
    names = (f"type/{raw['type']}", f"stage/{raw['stage']}", *roles)
    text, done = str(raw["text"]).strip(), tuple(str(each) for each in raw["done"])
    return Item(str(raw["id"]), str(raw["title"]), sprint, names, text, done)


def _wrong_item(item: Item, known: set[str]) -> Iterator[str]:
    if not NAME.fullmatch(item.id):
        yield "an id has lower-case letters, digits and single dashes"
    if not 0 < len(item.title) <= LONGEST_TITLE:
        yield f"the title has {len(item.title)} characters; 1 to {LONGEST_TITLE} are possible"
    if not item.done:
        yield "done is empty: nobody can tell when it is finished"
    for label in item.labels:
        if label not in known:
            yield f"{label} is not in {LABELS.as_posix()}"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ItemsError(f"{path.as_posix()}: {error}") from None
    if not isinstance(content, dict):
        raise ItemsError(f"{path.as_posix()} has to be names with what belongs to them")
    return content


def _stop(path: Path, wrong: list[str]) -> None:
    if wrong:
        raise ItemsError("\n".join(f"{path.as_posix()}: {each}" for each in wrong))


def fail(error: Exception | str) -> int:
    """Print what went wrong; return the exit code."""
    print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        print(f"{len(labels())} labels and {len(backlog())} work items are sound")
    except ItemsError as problem:
        sys.exit(fail(problem))
