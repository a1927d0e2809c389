"""Tables in and out: CSV, Parquet, Excel and JSON lines, in batches, written all or nothing."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from ..errors import ProjectError, readable
from ..settings import Data, read_yaml
from . import cells
from .files import replacing

# Dictionary encoding pays only where few values repeat.
parquet = partial(pq.ParquetWriter, use_dictionary=["prediction", "model_id", "scored_at"])
WRITERS: dict[str, Any] = {".csv": csv.CSVWriter, ".parquet": parquet}
# Why a row was refused.
REASONS = {"row": "int64", "column": "str", "value": "str", "reason": "str"}
# What a spreadsheet takes for a formula, after any apostrophes of its own; a number is none.
FORMULA, NUMBER = "^'*[-=+@\t\r\n\uff1d\uff0b\uff0d\uff20]", r"^[-+]?\d+([.,]\d+)*([eE][-+]?\d+)?$"
FORMATS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".xlsx": "excel"}
FORMATS |= {".jsonl": "jsonl", ".ndjson": "jsonl"}
COMPRESSED = ".gz", ".bz2", ".xz", ".zst", ".zip"
# Else pyarrow keeps all row groups that were read in memory.
BUFFERED: dict[str, Any] = {"pre_buffer": False, "buffer_size": 1 << 20}
MAX_UNPACKED = 500  # MB of a workbook, which is a zip archive: a small one can hold gigabytes


def read_table(path: Path, data: Data, text: list[str]) -> pd.DataFrame:
    """Read the whole file as `read_batches` does. Raises ProjectError when it has no rows."""
    frames = [batch for batch in read_batches(path, data, text, 100_000) if len(batch)]
    if not frames:
        raise ProjectError(f"{path} has no rows")
    return pd.concat(frames, ignore_index=True)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write the whole table as `writer` does."""
    with writer(path) as append:
        append(frame)


def text_columns(schema: Path) -> list[str]:
    """Names of the columns that stay text, though they may look like numbers, such as 0042.

    Raises ProjectError when the file is missing or is no schema.
    """
    with readable(schema, "a schema"):
        columns = read_yaml(schema, f"{schema} does not exist")["columns"]
        return [name for name, column in columns.items() if column["dtype"].startswith("str")]


def read_batches(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    """Yield the file's rows in order, at most `rows` (> 0) at a time, so that memory stays flat.

    Each batch went through `cleaned`. Raises ProjectError when the file is missing, empty or not
    what its name says.
    """
    readers = {"csv": _csv, "parquet": _parquet, "excel": _excel, "jsonl": _jsonl}
    form = form_of(path, data)
    at = ": see data.path in params.yaml" if path == data.path else ""
    with readable(path, f"{form}, with `data` as in params.yaml", f"{path} does not exist{at}"):
        for batch in readers[form](path, data, text, rows):
            yield cleaned(batch, data, text)


def form_of(path: Path, data: Data) -> str:
    """Return the format of a file, by its name or else by params.yaml.

    Raises ProjectError for what is not read in any format.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ProjectError(f"{path} is not a regular file")
    if path.suffix.lower() in COMPRESSED:
        raise ProjectError(f"{path} is compressed: unpack it first")
    return FORMATS.get(path.suffix.lower(), data.format)


def _csv(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    plain = data.decimal == "." and not data.thousands  # numbers that pandas reads as `cells` does
    options: dict[str, Any] = {"encoding": data.encoding, "sep": data.delimiter}
    options |= {"compression": None, "keep_default_na": False, "na_values": [""]}
    _refuse_repeated(pd.read_csv(path, header=None, nrows=1, dtype="str", **options))
    kinds = dict.fromkeys([*text, *data.dates, *data.columns], "str") if plain else "str"
    yield from pd.read_csv(path, dtype=kinds, chunksize=rows, **options)


def _refuse_repeated(header: pd.DataFrame) -> None:
    names = pd.Index(header.to_numpy().ravel())
    if twice := [str(name) for name in names[names.duplicated()].unique()]:
        raise ValueError(f"more than one column is named {', '.join(twice)}")


def _parquet(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    with pq.ParquetFile(path, **BUFFERED) as file:
        for batch in file.iter_batches(batch_size=rows):
            yield batch.to_pandas()


def _excel(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    with ZipFile(path) as book:
        unpacked = sum(part.file_size for part in book.infolist()) // 1_000_000
    if unpacked > MAX_UNPACKED:
        raise ValueError(f"it unpacks to {unpacked} MB, at most {MAX_UNPACKED} are read: use CSV")
    options: dict[str, Any] = {"sheet_name": data.sheet or 0, "keep_default_na": False}
    _refuse_repeated(pd.read_excel(path, header=None, nrows=1, **options))
    frame = pd.read_excel(path, dtype=dict.fromkeys(text, "str"), na_values=[""], **options)
    for start in range(0, len(frame) or 1, rows):
        yield frame.iloc[start : start + rows]


def _jsonl(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    yield from pd.read_json(
        path, lines=True, chunksize=rows, encoding=data.encoding, compression=None, dtype=False
    )


def cleaned(rows: pd.DataFrame, data: Data, text: Iterable[str]) -> pd.DataFrame:
    """Turn texts into numbers, dates, booleans and missing values, as each column asks for.

    The columns `text` stay text. So does a cell that cannot be read as its column's type; the check
    against the schema refuses it.
    """
    frame, text = rows.rename(columns=str), set(text)
    columns = {name: _cleaned(frame[name], data, name in text) for name in map(str, frame)}
    return frame.assign(**columns)


def _cleaned(column: pd.Series, data: Data, text: bool) -> pd.Series:
    reads, form = data.reads(str(column.name)), data.dates.get(str(column.name))
    if isinstance(column.dtype, pd.CategoricalDtype):  # of Parquet, which has codes for values
        column = column.astype(column.cat.categories.dtype)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if column.dtype.kind == "f":
        column = column.mask(np.isinf(column))
    if column.dtype.kind != "O":
        return cells.dates(column, form) if form else column
    column = column.mask(column.isin(["", *(reads.missing or [])]))
    if form:
        return cells.dates(column, form)
    if text:
        return cells.texts(column)
    return cells.numbers(column, reads.decimal, reads.thousands, reads.unit)


@contextmanager
def writer(path: Path, inert: bool = False) -> Iterator[Callable[[pd.DataFrame | pa.Table], None]]:
    """Give a function that appends rows to a CSV or Parquet file, atomically.

    The first rows set the columns' types for all that follow. A CSV file that is `inert` runs no
    formula in a spreadsheet.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise ProjectError(f"{path}: an output ends in .csv or .parquet")
    with replacing(path) as temporary, ExitStack() as stack:
        sinks: list[tuple[Any, Any]] = []

        def append(rows: pd.DataFrame | pa.Table) -> None:
            table: Any = _arrow(rows) if isinstance(rows, pd.DataFrame) else rows
            if inert and suffix == ".csv":
                table = _inert(table)
            if not sinks:
                sink = stack.enter_context(WRITERS[suffix](temporary, table.schema))
                sinks.append((sink, table.schema))
            sink, schema = sinks[0]
            sink.write_table(table.cast(schema))

        yield append


def _inert(table: pa.Table) -> pa.Table:
    """Put an apostrophe before texts that a spreadsheet would run; texts of numbers stay."""
    names, *columns = map(_harmless, (pa.array(table.column_names, pa.string()), *table.columns))
    return pa.table(columns, names=names.to_pylist())


def _harmless(cells: Any) -> Any:
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return cells
    marked = pc.replace_substring_regex(cells, FORMULA, r"'\0")
    return pc.if_else(pc.match_substring_regex(cells, NUMBER), cells, marked)


def _arrow(rows: pd.DataFrame) -> pa.Table:
    try:
        return pa.Table.from_pandas(rows, preserve_index=False)
    except pa.ArrowException:
        for name, column in rows.items():
            texts = [cell for cell in column if isinstance(cell, str)]
            if 0 < len(texts) < column.count():
                shown = ", ".join(map(repr, [*dict.fromkeys(texts)][:5]))
                reason = f"holds {shown}, which `data` in params.yaml does not read"
                raise ProjectError(f"the column {name!r} {reason}") from None
        raise


def row_hashes(frame: pd.DataFrame) -> np.ndarray:
    """Return a uint64 for each row: equal rows of two tables have equal hashes."""
    return pd.util.hash_pandas_object(frame[sorted(frame.columns)], index=False).to_numpy()


def units(frame: pd.DataFrame, data: Data) -> np.ndarray:
    """Return a uint64 for each row: rows with the same one stay on one side of a split.

    Those are the rows of one group; without a group role those of one id; without either those
    that are equal but for the target. A row without a group or id is a unit of its own.
    """
    rows = row_hashes(frame.drop(columns=data.target, errors="ignore"))
    names = [data.group] if data.group else data.id
    if not names:
        return rows
    return np.where(frame[names].notna().all(axis=1), row_hashes(frame[names]), rows)
