"""Looks into an Excel file before it is read: what it unpacks to, and how many cells it has.

An .xlsx file is a zip archive of XML: one of 100 KB can hold gigabytes.
"""

import re
import zipfile
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from tdsp.errors import OnboardError

MOST_BYTES = 500_000_000  # unpacked
MOST_CELLS = 5_000_000  # of one sheet, with the empty ones in its used area: a minute to read
MOST_ELEMENTS = 4 * MOST_CELLS  # of XML: a cell has two or three, a text of its own two
PLACE = re.compile(r"([A-Z]{0,3})([0-9]{1,7})")


class Area(NamedTuple):
    """What a sheet takes up: up to its last row and its last column."""

    rows: int
    columns: int


def check(path: Path) -> None:
    """Raise OnboardError when reading the file would take more than the stated limits."""
    advice = "Save the sheet with the table as CSV, or leave out what is not needed."
    with zipfile.ZipFile(path) as book:
        unpacked = sum(member.file_size for member in book.infolist())
        if unpacked > MOST_BYTES:
            raise OnboardError(
                f"{path} unpacks to {unpacked / 1e6:,.0f} MB; at most {MOST_BYTES / 1e6:,.0f} MB "
                f"are read. {advice}"
            )
        for member in book.infolist():
            area = _Part(book, member).area()
            if area.rows * max(area.columns, 1) > MOST_CELLS:
                raise OnboardError(
                    f"{path}: the used area of {member.filename} is at least {area.rows:,} rows x "
                    f"{area.columns:,} columns; at most {MOST_CELLS:,} cells are read. {advice}"
                )


class _Part:
    """One member of the archive, read as XML until it ends, is none, or is too large."""

    def __init__(self, book: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        self.book, self.member = book, member
        self.elements = self.rows = self.columns = self.column = 0

    def area(self) -> Area:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        with self.book.open(self.member) as file:
            try:
                while chunk := file.read(1 << 20):
                    parser.Parse(chunk)
                    if (
                        self.elements > MOST_ELEMENTS
                        or self.rows * max(self.columns, 1) > MOST_CELLS
                    ):
                        break
            except expat.ExpatError:  # a picture; or a fault that the reader will name
                pass
        if self.elements > MOST_ELEMENTS:
            return Area(max(self.rows, self.elements), max(self.columns, 1))
        return Area(self.rows, self.columns)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        """Count as the reader does: a row or cell without a place follows the last one."""
        self.elements += 1
        kind = tag.rpartition(" ")[2]
        if kind not in ("row", "c"):
            return
        place = PLACE.fullmatch(attributes.get("r", ""))
        if kind == "row":
            self.rows, self.column = max(self.rows + 1, int(place[2]) if place else 0), 0
        else:
            self.column = _number(place[1]) if place else self.column + 1
            self.columns = max(self.columns, self.column)


def _number(letters: str) -> int:
    """Number of a column: 1 for A, 27 for AA."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number
