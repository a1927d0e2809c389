"""Notebooks: the sources of cells as texts, with the way back to the bytes of the JSON."""

import ast
import json
import re
import warnings
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from tdsp.adopt.rewrite import source
from tdsp.adopt.rewrite.source import Source
from tdsp.errors import TdspError

SPACE = re.compile(r"[ \t\n\r]*")
SCALAR = re.compile(r"[^\s,\]}]+")
LETTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
MAGIC = re.compile(r"\s*([%!?]|\w+\s*=\s*[%!]|[\w., ]+=\s*!)|[^#'\"]*\?\s*$")
RUNS_PYTHON = ("%%time", "%%capture", "%%prun", "%%timeit")


class Text(str):
    """A text of a JSON file that knows where it stands: its first character and its last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its kind, its number from 1, and the texts that its source is made of."""

    kind: str
    number: int
    texts: tuple[Text, ...]

    @property
    def source(self) -> str:
        """Return the source as one text."""
        return "".join(self.texts)


@dataclass(frozen=True, slots=True)
class Magic:
    """A line that is no Python: a magic or a shell line."""

    text: str
    start: int


class _Json:
    """Reads JSON as Python's own reader does, with texts that know where they stand."""

    def __init__(self, text: str) -> None:
        self.text = text

    def value(self, at: int) -> tuple[Any, int]:
        at = self._skip(at)
        first = self.text[at]
        if first == '"':
            value, end = scanstring(self.text, at + 1, False)
            found = Text(value)
            found.start, found.end = at, end
            return found, end
        if first in "{[":
            return self._many(at + 1, "}" if first == "{" else "]")
        match = SCALAR.match(self.text, at)
        if match is None:
            raise ValueError(f"no value at character {at}")
        return json.loads(match[0]), match.end()

    def _skip(self, at: int) -> int:
        match = SPACE.match(self.text, at)
        return match.end() if match else at

    def _many(self, at: int, close: str) -> tuple[Any, int]:
        keys, values = [], []
        at = self._skip(at)
        while self.text[at] != close:
            if close == "}":
                key, at = self.value(at)
                keys.append(key)
                at = self._skip(at) + 1
            value, at = self.value(at)
            values.append(value)
            at = self._skip(at)
            if self.text[at] == ",":
                at = self._skip(at + 1)
        found = dict(zip(keys, values, strict=True)) if close == "}" else values
        return found, at + 1


@dataclass(frozen=True, eq=False)
class Notebook:
    """A notebook's cells, and the whole file as a text of characters."""

    file: Source
    cells: tuple[Cell, ...]

    def part(self, texts: tuple[tuple[str, Text], ...]) -> Source:
        """Return a text made of parts; each part is what is written for a text of the file."""
        written, starts, ends = [], [], []
        for shown, text in texts:
            letters = LETTER.finditer(self.file.text, text.start + 1, text.end - 1)
            places = [(self.file.starts[m.start()], self.file.ends[m.end() - 1]) for m in letters]
            if len(places) != len(text) or len(shown) != len(text):
                raise TdspError("has a text that is not read letter by letter")
            written.append(shown)
            starts += [start for start, _ in places]
            ends += [end for _, end in places]
        return Source(
            self.file.path, self.file.content, "".join(written), starts, ends,
            self.file.encode, self.file.decode,
        )  # fmt: skip


def read(path: str, content: bytes) -> Notebook:
    """Return a notebook. Raises TdspError if it is not one that can be read."""
    offset = len(source.BOM) if content.startswith(source.BOM) else 0
    try:
        text = content[offset:].decode()
        data, _ = _Json(text).value(0)
        cells = data["cells"] if "cells" in data else data["worksheets"][0]["cells"]
        found = tuple(_cell(number, cell) for number, cell in enumerate(cells, 1))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise TdspError("is not a notebook that can be read") from error
    ascii_only = content.isascii()
    plain = source.encoded(path, content, text, "utf-8", offset)
    file = Source(
        path, content, text, plain.starts, plain.ends,
        lambda new: json.dumps(new, ensure_ascii=ascii_only)[1:-1].encode(),
        lambda old: str(json.loads(b'"' + old + b'"')),
    )  # fmt: skip
    return Notebook(file, found)


def _cell(number: int, cell: dict[str, Any]) -> Cell:
    texts = cell.get("source", cell.get("input", []))
    texts = [texts] if isinstance(texts, Text) else texts
    if not all(isinstance(each, Text) for each in texts):
        raise TypeError("a source is made of texts")
    return Cell(str(cell.get("cell_type", "")), number, tuple(texts))


def code(notebook: Notebook) -> tuple[Source, list[Magic], list[int]]:
    """Return the code of all cells as one text, the lines left out, and cells that do not parse.

    A magic is covered by a number and blanks, so that every character keeps its place.
    """
    parts: list[tuple[str, Text]] = []
    magics: list[Magic] = []
    broken: list[int] = []
    at = 0
    for cell in notebook.cells:
        if cell.kind != "code" or not cell.source.strip():
            continue
        covered, found = _cover(cell.source)
        magics += [Magic(text, at + start) for text, start in found]
        if not _parses(covered):
            broken.append(cell.number)
            covered = re.sub(r"[^\n]", " ", covered)
        place = 0
        for text in cell.texts:
            parts.append((covered[place : place + len(text)], text))
            place += len(text)
        at += len(cell.source) + 1
        parts.append(("\n", _after(cell.texts[-1])))
    return _spaced(notebook, parts), magics, broken


def _after(text: Text) -> Text:
    """Return the end of a text, as the place of the line end between two cells."""
    end = Text("\n")
    end.start, end.end = text.end - 1, text.end - 1
    return end


def _spaced(notebook: Notebook, parts: list[tuple[str, Text]]) -> Source:
    written: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for shown, text in parts:
        if text.start == text.end:
            place = notebook.file.starts[text.start]
            written.append(shown)
            starts.append(place)
            ends.append(place)
            continue
        piece = notebook.part(((shown, text),))
        written.append(piece.text)
        starts += piece.starts
        ends += piece.ends
    file = notebook.file
    return Source(file.path, file.content, "".join(written), starts, ends, file.encode, file.decode)


def _cover(text: str) -> tuple[str, list[tuple[str, int]]]:
    """Return a cell's source with what is no Python covered, and what was covered."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    whole = first.startswith("%%") and not first.startswith(RUNS_PYTHON)
    found: list[tuple[str, int]] = []
    covered = []
    at = 0
    for line in lines:
        if whole or MAGIC.match(line):
            found.append((line, at))
            bare = line.lstrip()
            blank = line[: len(line) - len(bare)]
            line = blank + ("0" + " " * (len(bare) - 1) if bare else "")
            if whole:
                line = "0" + " " * (len(line) - 1) if line else ""
        covered.append(line)
        at += len(line) + 1
    return "\n".join(covered), found


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
