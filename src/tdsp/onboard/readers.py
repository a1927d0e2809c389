"""Reads a table whose format, encoding and delimiter are detected, but for what is given."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from charset_normalizer import from_bytes
from pandas.api.types import is_object_dtype

from tdsp.errors import OnboardError
from tdsp.onboard import workbook
from tdsp.onboard.cells import UNSEEN

SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls): save it as .xlsx",
    b"\x1f\x8b": "gzip-compressed: unpack it",
    b"%PDF": "a PDF: export the table as CSV",
    b"\x89PNG": "an image: export the table as CSV",
    b"SQLite format 3": "an SQLite database: export the table as CSV or Parquet",
}
OTHER = re.compile(
    rb"\s*(?:(?P<HTML_or_XML><(?:!--|\?xml|(?:!doctype|html|head|body|table|meta)\b))"
    rb"|(?P<JSON>[\[{]\s*[\[{\"])|(?P<ARFF>@relation)"
    rb"|(?P<a_file_for_Excel_only>\"?sep=.\"?\s*[\r\n]))", re.IGNORECASE,
)  # fmt: skip
BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
# Single-byte pages other than these are mistaken for one another on short texts.
GUESSES = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "gb18030",
    "big5",
]
MOST_COLUMNS = 4_000
COMMON, RARE = ",;\t|", "^~: "
SAMPLE = 1 << 18
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # at least two letters: C:/ is a drive


@dataclass(frozen=True)
class Source:
    """How the bytes of a file become a table: `format` is csv, parquet, excel or jsonl."""

    path: Path
    format: str
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    sheets: tuple[str, ...] = ()


def detect(path: Path, encoding: str | None = None) -> Source:
    """Look at the first bytes of `path` and say how to read it. Raises OnboardError.

    Text is read in `encoding` when it is given, else in the one that it looks like.
    """
    if not path.is_file():
        state = "is a directory" if path.is_dir() else "does not exist"
        if ADDRESS.match(str(path)):
            state = "is an address, which is not read; download the file first"
        raise OnboardError(f"{path} {state}. Give the path of one table file.")
    head = path.open("rb").read(SAMPLE)
    if not head.strip():
        raise OnboardError(f"{path} is empty. Export the table again.")
    kind = _format(path, head)
    if kind in ("parquet", "excel"):
        if encoding:
            raise OnboardError(
                f"--encoding {encoding!r}: {path} is {kind}, whose text has no other."
            )
        return Source(path, kind)
    encoding = _given(path, encoding) if encoding else _encoding(path, head)
    if kind == "jsonl":
        return Source(path, kind, encoding)
    return Source(path, kind, encoding, _delimiter(path, encoding))


def _format(path: Path, head: bytes) -> str:
    for magic, advice in FOREIGN.items():
        if head.startswith(magic):
            raise OnboardError(f"{path} is {advice}, then run onboard on that.")
    if head.startswith(b"PAR1"):
        actual = "parquet"
    elif head.startswith(b"PK\x03\x04"):
        actual = "excel"
    else:
        actual = "jsonl" if SUFFIXES.get(path.suffix.lower()) == "jsonl" else "csv"
    expected = SUFFIXES.get(path.suffix.lower(), actual)
    if expected != actual:
        raise OnboardError(
            f"{path} is not a readable {expected} file although its name ends in {path.suffix}. "
            "It is damaged or misnamed: export it again."
        )

    if actual == "csv" and (match := OTHER.match(head)):
        kind = next(name for name, found in match.groupdict().items() if found).replace("_", " ")
        first = head.splitlines()[0][:40].decode("utf-8", "replace")
        raise OnboardError(
            f"{path} starts like {kind}, with {first!r}. Export the table as CSV, whose first line "
            "is its header."
        )
    return actual


def _given(path: Path, encoding: str) -> str:
    try:
        "".encode(encoding)  # which also refuses those that are none of texts, such as base64
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise OnboardError(
            f"--encoding {encoding!r} is not known. It is a name such as cp1252, cp1251, cp932, "
            "utf-8 or utf-16."
        ) from None
    if not _decodes(path, name):
        raise OnboardError(f"--encoding {encoding!r}: {path} holds bytes that this one has not.")
    return name


def _encoding(path: Path, head: bytes) -> str:
    for bom, name in BOMS.items():
        if head.startswith(bom):
            return _proved(path, name)
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if even or odd:
        if max(even, odd) > len(head) // 8 and not min(even, odd):
            return _proved(path, "utf-16-be" if even else "utf-16-le")
        raise OnboardError(f"{path} holds binary data, not text. Export it as CSV or Parquet.")
    if _decodes(path, "utf-8"):
        return "utf-8"
    with path.open("rb") as file:
        if any(b"\x00" in chunk for chunk in iter(lambda: file.read(1 << 22), b"")):
            raise OnboardError(f"{path} holds zero bytes, which no text has. Export it again.")
    best = from_bytes(head, cp_isolation=GUESSES).best()
    guess = best.encoding if best else "cp1252"
    if head.decode(guess, "replace") == head.decode("cp1252", "replace"):
        guess = "cp1252"  # where two give the same text, the one that people know
    return guess if _decodes(path, guess) else "latin-1"


def _proved(path: Path, encoding: str) -> str:
    if _decodes(path, encoding):
        return encoding
    raise OnboardError(f"{path} starts as {encoding} text but is damaged. Export it again.")


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as text:
            while chunk := text.read(1 << 22):
                if "\x00" in chunk:
                    return False
    except (UnicodeError, LookupError):
        return False
    return True


def _delimiter(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, newline="") as text:
        sample = text.read(SAMPLE)
    for candidates in (COMMON, RARE):
        scores = {sign: _fit(sample, sign) for sign in candidates}
        best = max(scores, key=lambda sign: scores[sign])
        if scores[best] > (0.5, 1):
            return best
    return ","


def _fit(sample: str, sign: str) -> tuple[float, int]:
    """Share of the first records that have as many fields as the header, and that number."""
    try:
        rows = list(
            itertools.islice(csv.reader(io.StringIO(sample, newline=""), delimiter=sign), 500)
        )
    except csv.Error:
        return (0.0, 0)
    sizes = [len(row) for row in rows if row]
    body = sizes[1:-1] or sizes
    return (sum(size == sizes[0] for size in body) / len(body) if sizes[0] > 1 else 0.0, sizes[0])


def read(
    path: Path, sheet: str | None = None, encoding: str | None = None
) -> tuple[pd.DataFrame, Source]:
    """Return the table of `path`, texts untouched (CSV: every column text), and how it was read.

    Raises OnboardError for a file that is missing, broken, empty, or has unusable column names.
    """
    source = _with_sheet(detect(path, encoding), sheet)
    try:
        names, frame = _READERS[source.format](source)
    except OnboardError:
        raise
    except (ValueError, KeyError, OSError, Warning, zipfile.BadZipFile, csv.Error) as error:
        raise OnboardError(
            f"{path} cannot be read as {source.format}: {error}. Repair it or export it again."
        ) from error
    _check_width(path, len(names))
    _check_names(path, names)
    frame.columns = pd.Index(names, dtype=object)
    _check_dates(path, frame)
    if frame.empty:
        raise OnboardError(f"{path} has a header but no rows. Export it with its data.")
    if len(names) < 2:
        raise OnboardError(
            f"{path} has one column only ({names[0]!r}); a target and at least one feature are "
            "needed. Is the delimiter one of , ; tab | ?"
        )
    return frame, source


def _check_dates(path: Path, frame: pd.DataFrame) -> None:
    """Refuse dates of typed files that a date of nanoseconds cannot hold."""
    for name in frame.columns[[dtype.kind == "M" for dtype in frame.dtypes]]:
        low, high = str(frame[name].min())[:10], str(frame[name].max())[:10]
        if frame[name].notna().any() and not "1677-09-22" <= low <= high <= "2262-04-10":
            raise OnboardError(
                f"{path}: {name!r} holds dates from {low} to {high}; only those from 1677-09-22 "
                "to 2262-04-10 are read. Leave out what stands for no date."
            )


def _check_width(path: Path, columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise OnboardError(
            f"{path} has {columns:,} columns; at most {MOST_COLUMNS:,} are read (in a minute). "
            "Leave out what is no feature, or sum features up before."
        )


def _with_sheet(source: Source, sheet: str | None) -> Source:
    if source.format != "excel":
        if sheet:
            raise OnboardError(f"--sheet {sheet!r}: {source.path} has no sheets.")
        return source
    try:
        workbook.check(source.path)
        with pd.ExcelFile(source.path, engine="openpyxl") as book:
            sheets = tuple(map(str, book.sheet_names))
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise OnboardError(
            f"{source.path} cannot be read as excel: {error}. Repair it or export it again."
        ) from error
    if sheet and sheet not in sheets:
        raise OnboardError(
            f"--sheet {sheet!r} is not in {source.path}: it has {', '.join(sheets)}."
        )
    return replace(source, sheet=sheet, sheets=sheets)


def _above(source: Source, names: list[str]) -> None:
    """Refuse lines above the header, which would be taken for it."""
    with source.path.open(encoding=source.encoding, newline="") as text:
        sample = io.StringIO(text.read(SAMPLE), newline="")
    rows = list(itertools.islice(csv.reader(sample, delimiter=source.delimiter), 50))
    sizes = Counter(len(row) for row in rows if row)
    usual = sizes.most_common(1)[0][0] if sizes else 0
    line, head = next((line for line in enumerate(rows, start=1) if len(line[1]) == usual), (1, []))
    titles = all(cell and not cell.replace(".", "").strip().isdigit() for cell in head)
    if len(names) < usual and sizes[usual] > len(rows) // 2 and titles:
        raise OnboardError(
            f"{source.path}: what stands above line {line} is no part of the table, whose lines "
            f"have {usual} fields. Remove the lines above the header."
        )


def _csv(source: Source) -> tuple[list[str], pd.DataFrame]:
    with source.path.open(encoding=source.encoding, newline="") as text:
        names = next(row for row in csv.reader(text, delimiter=source.delimiter) if row)
    _check_width(source.path, len(names))
    _above(source, names)
    with warnings.catch_warnings():
        # pandas only warns when it cuts fields off lines that are longer than the header.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                source.path,
                sep=source.delimiter,
                encoding=source.encoding,
                dtype=str,
                index_col=False,
                keep_default_na=False,
                na_values=[""],
            )
        except pd.errors.ParserWarning:
            raise OnboardError(
                f"{source.path}: the rows have more fields than the header, which has "
                f"{len(names)}. Name each column, or leave out the one without a name (pandas: "
                "to_csv(index=False))."
            ) from None
    return names, frame


def _parquet(source: Source) -> tuple[list[str], pd.DataFrame]:
    frame = pd.read_parquet(source.path)
    for name in filter(lambda name: is_object_dtype(frame[name]), frame.columns):
        first = frame[name].dropna().head(1).tolist()
        if first and isinstance(first[0], list | dict | np.ndarray):
            raise OnboardError(
                f"{source.path}: {name!r} holds lists or structures such as {str(first[0])[:60]}. "
                "Flatten it to one value a column, or leave it out."
            )
    if frame.index.name or frame.index.nlevels > 1:
        frame = frame.reset_index()
    return [str(name) for name in frame.columns], frame


def _excel(source: Source) -> tuple[list[str], pd.DataFrame]:
    cells = pd.read_excel(
        source.path,
        sheet_name=source.sheet or 0,
        header=None,
        keep_default_na=False,
        na_values=[""],
        engine="openpyxl",
    )
    if cells.empty:
        raise OnboardError(
            f"{source.path}: its sheet {source.sheets[0]!r} is empty. Its sheets are "
            f"{', '.join(source.sheets)}: choose one with --sheet."
        )
    names = ["" if pd.isna(name) else str(name) for name in cells.iloc[0]]
    return names, cells.iloc[1:].reset_index(drop=True).infer_objects()


def _jsonl(source: Source) -> tuple[list[str], pd.DataFrame]:
    frame = pd.DataFrame.from_records(list(_records(source)))
    return [str(name) for name in frame.columns], frame


def _records(source: Source) -> Iterator[dict[str, object]]:
    with source.path.open(encoding=source.encoding) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _record(source.path, number, line)


def _record(path: Path, number: int, line: str) -> dict[str, object]:
    where = f"{path}, line {number}"
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise OnboardError(
            f"{where}: not one JSON record per line ({error}). Write each row as one object on "
            'a line of its own (pandas: to_json(orient="records", lines=True)).'
        ) from error
    except RecursionError:
        raise OnboardError(
            f"{where}: nested too deeply. Flatten it to one value a column."
        ) from None
    if not isinstance(record, dict):
        raise OnboardError(f"{where}: not an object but {type(record).__name__}. One row per line.")
    nested = [key for key, value in record.items() if isinstance(value, dict | list)]
    if nested:
        raise OnboardError(f"{where}: {nested[0]!r} is nested. Flatten it to one value a column.")
    return record


def _check_names(path: Path, names: list[str]) -> None:
    empty = [str(place) for place, name in enumerate(names, start=1) if not name.strip()]
    if empty:
        raise OnboardError(
            f"{path}: column {', '.join(empty)} of the header has no name. Name it, or leave it "
            "out (pandas: to_csv(index=False))."
        )
    unseen = [name for name in names if UNSEEN.search(name)]
    if unseen:
        raise OnboardError(
            f"{path}: the column name {unseen[0]!a} holds a sign that nobody sees. Rename it."
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise OnboardError(
            f"{path}: column name {twice[0]!r} occurs {names.count(twice[0])} times. "
            "Rename or remove the copies."
        )


_READERS = {"csv": _csv, "parquet": _parquet, "excel": _excel, "jsonl": _jsonl}
