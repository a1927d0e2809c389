"""Tables in and out: CSV, Parquet, Excel and JSON lines, in batches, written all or nothing."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pandas.api.types import is_float_dtype, is_object_dtype, is_string_dtype
from pyarrow import csv

from .errors import ProjectError
from .settings import Data

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


def read_table(path: Path, data: Data, text: list[str]) -> pd.DataFrame:
    """Read the whole file as `read_batches` does. Raises ProjectError when it has no rows."""
    batches = [batch for batch in read_batches(path, data, text, 100_000) if len(batch)]
    if not batches:
        raise ProjectError(f"{path} has no rows")
    return pd.concat(batches, ignore_index=True)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write the whole table as `writer` does."""
    with writer(path) as append:
        append(frame)


def text_columns(schema: Path) -> list[str]:
    """Names of the columns that stay text, however much they look like numbers (0042).

    Raises ProjectError when the file is missing or is no schema.
    """
    try:
        columns = yaml.safe_load(schema.read_text(encoding="utf-8"))["columns"]
        return [name for name, column in columns.items() if column["dtype"].startswith("str")]
    except (OSError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise ProjectError(f"{schema} is not a readable schema: {error}") from error


def read_batches(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    """Yield the file's rows in order, at most `rows` (> 0) a frame, so that memory stays flat.

    Raises ProjectError when the file is missing, empty or not what its name says.
    """
    form = FORMATS.get(path.suffix.lower(), data.format)
    readers = {"csv": _csv, "parquet": _parquet, "excel": _excel, "jsonl": _jsonl}
    try:
        for batch in readers[form](path, data, text, rows):
            yield _cleaned(batch, data)
    except FileNotFoundError:
        raise ProjectError(f"{path} does not exist") from None
    except (ValueError, OSError, BadZipFile, pa.ArrowException) as error:
        raise ProjectError(f"{path} cannot be read as {form}: {error}") from error


def _csv(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    yield from pd.read_csv(
        path,
        encoding=data.encoding,
        sep=data.delimiter,
        decimal=data.decimal,
        thousands=data.thousands,
        dtype=dict.fromkeys([*text, *data.dates], "str"),
        keep_default_na=False,
        na_values=["", *data.missing],
        chunksize=rows,
    )


def _parquet(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    # Buffered: otherwise the memory of the row groups that were read is kept to the end.
    with pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        for batch in file.iter_batches(batch_size=rows):
            yield batch.to_pandas()


def _excel(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    frame = pd.read_excel(
        path,
        dtype=dict.fromkeys(text, "str"),
        keep_default_na=False,
        na_values=["", *data.missing],
    )
    for start in range(0, len(frame), rows):
        yield frame.iloc[start : start + rows]


def _jsonl(path: Path, data: Data, text: list[str], rows: int) -> Iterator[pd.DataFrame]:
    yield from pd.read_json(
        path,
        lines=True,
        chunksize=rows,
        encoding=data.encoding,
        dtype=False,
    )


def _cleaned(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Make missing what stands for it, and dates of what is declared to be one.

    A date that does not parse stays text, for the schema to refuse.
    """
    cleaned = {}
    frame = frame.rename(columns=str)
    for name in map(str, frame.columns):
        column = frame[name]
        if is_float_dtype(column):
            cleaned[name] = column.mask(np.isinf(column))
        elif is_object_dtype(column) or is_string_dtype(column):
            cleaned[name] = column.mask(column.isin(["", *data.missing]))
        if form := data.dates.get(name):
            text = cleaned.get(name, column)
            dates = pd.to_datetime(text, format=form, errors="coerce")
            wrong = dates.isna() & text.notna()
            cleaned[name] = dates.astype(object).where(~wrong, text) if wrong.any() else dates
    return frame.assign(**cleaned)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file that takes the place of `path` only when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        if temporary.exists():
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writer(path: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    """Give a function that appends frames to a CSV or Parquet file, atomically.

    The first frame sets the columns' types for all that follow.
    """
    form = FORMATS.get(path.suffix.lower())
    openers = {"csv": csv.CSVWriter, "parquet": pq.ParquetWriter}
    if form not in openers:
        raise ProjectError(f"{path}: an output ends in .csv or .parquet")
    with replacing(path) as temporary, ExitStack() as stack:
        sinks: list[tuple[Any, pa.Schema]] = []

        def append(frame: pd.DataFrame) -> None:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            if not sinks:
                sink = stack.enter_context(openers[form](temporary, table.schema))
                sinks.append((sink, table.schema))
            sink, schema = sinks[0]
            sink.write_table(table.cast(schema))

        yield append
        stack.close()
