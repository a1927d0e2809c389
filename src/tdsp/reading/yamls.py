"""YAML as plain data with lines, built from the parser's events within a budget.

Aliases count each time that they are used, so a small file cannot become a large one. Keys stay
as they are written: `on` is no truth value.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

NODES, DEPTH = 60_000, 60
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RESOLVER = yaml.resolver.Resolver()
TAG = "tag:yaml.org,2002:"
Path = tuple[str | int, ...]


class TooMuchError(Exception):
    """The file is nested too deeply, or becomes too large."""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: plain data, and the line of each place in it."""

    path: str
    data: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, *place: str | int) -> int:
        """Return the line of a place, or of the nearest one above it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def documents(path: str, text: str) -> tuple[tuple[Document, ...], str]:
    """Return (documents, ""), or ((), what is wrong)."""
    try:
        return tuple(_Builder(path).run(text)), ""
    except TooMuchError as error:
        return (), f"not read: {error}"
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        return (), f"not valid YAML{where}"
    except (RecursionError, ValueError, OverflowError, MemoryError):
        return (), "not read: YAML that cannot be read"


class _Builder:
    def __init__(self, path: str) -> None:
        self.path, self.count = path, 0

    def run(self, text: str) -> list[Document]:
        found: list[Document] = []
        self.stack: list[Any] = []
        events: Any = yaml.parse(text, Loader=LOADER)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.lines: dict[Path, int] = {}
                self.anchors: dict[str, Any] = {}
                self.data: Any = None
            elif isinstance(event, yaml.DocumentEndEvent):
                found.append(Document(self.path, self.data, self.lines))
            elif isinstance(event, yaml.ScalarEvent):
                is_key = bool(self.stack) and self.stack[-1].is_key()
                value = event.value if is_key else scalar(event)
                self._add(value, _line(event), event.anchor)
            elif isinstance(event, yaml.AliasEvent):
                value = self.anchors.get(str(event.anchor))
                if any(each.value is value for each in self.stack):
                    raise TooMuchError("a value that contains itself")
                self.count += _size(value)
                self._add(value, _line(event), None)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self.stack.pop().close()
        return found

    def _open(self, event: Any) -> None:
        if len(self.stack) >= DEPTH:
            raise TooMuchError(f"nested deeper than {DEPTH}")
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        place = self._add(value, _line(event), event.anchor)
        self.stack.append(_Open(value, place))

    def _add(self, value: Any, line: int, anchor: str | None) -> Path:
        self.count += 1
        if self.count > NODES:
            raise TooMuchError(f"more than {NODES:,} values, aliases included")
        if anchor:
            self.anchors[anchor] = value
        if not self.stack:
            self.data = value
            self.lines[()] = line
            return ()
        place: Path = self.stack[-1].add(value)
        self.lines.setdefault(place, line)
        return place


class _Open:
    """A mapping or a list that is not complete yet."""

    def __init__(self, value: Any, place: Path) -> None:
        self.value, self.place = value, place
        self.key: Any = None
        self.has_key = False

    def is_key(self) -> bool:
        return isinstance(self.value, dict) and not self.has_key

    def add(self, value: Any) -> Path:
        if isinstance(self.value, list):
            self.value.append(value)
            return (*self.place, len(self.value) - 1)
        if not self.has_key:
            self.key, self.has_key = str(value) if not isinstance(value, dict | list) else "", True
            return (*self.place, self.key)
        self.has_key = False
        if self.key == "<<":
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    for name, inner in part.items():
                        self.value.setdefault(name, inner)
        else:
            self.value[self.key] = value
        return (*self.place, self.key)

    def close(self) -> None:
        self.has_key = False


def scalar(event: Any) -> Any:
    """Return what a scalar stands for: a number, a truth value, nothing, or its text."""
    if event.tag or not event.implicit[0]:
        return event.value
    resolve: Any = RESOLVER.resolve
    kind = resolve(yaml.ScalarNode, event.value, (True, False)).removeprefix(TAG)
    if kind == "bool":
        return event.value.lower() in {"yes", "true", "on"}
    if kind == "null":
        return None
    try:
        if kind == "int":
            return int(event.value.replace("_", ""), 0)
        if kind == "float":
            return float(event.value.replace("_", ""))
    except ValueError:
        return event.value
    return event.value


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _size(value: Any) -> int:
    waiting, count = [value], 0
    while waiting and count <= NODES:
        part = waiting.pop()
        count += 1
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return count
