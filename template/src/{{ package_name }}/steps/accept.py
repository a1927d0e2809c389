"""Tell without pandas which record batches plainly fit schema.yaml.

Only a shortcut: whatever it does not accept is checked cell by cell by `validate.check`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from pyarrow import types

from ..errors import readable
from ..io.tables import BUFFERED, form_of, read_batches
from ..settings import Data

KINDS = {
    "float64": lambda t: types.is_floating(t) or types.is_integer(t),
    "int64": types.is_integer,
    "bool": types.is_boolean,
    "str": lambda t: types.is_string(t) or types.is_large_string(t),
    "datetime64[ns]": lambda t: types.is_timestamp(t) and t.tz is None,
}
# Beyond this a whole number loses digits as a float.
EXACT = {"min_value": -(2**53), "max_value": 2**53}
KNOWN = {"dtype", "coerce", "nullable", "in_range", "isin", "unique", "required", "name"}
IGNORED = {"title", "description", "metadata"}


class Acceptance:
    """The rules of schema.yaml for the columns that a row to be scored must have."""

    def __init__(self, schema: Path, data: Data) -> None:
        rules = yaml.safe_load(schema.read_text(encoding="utf-8"))
        unknown = {data.target, *data.drop}
        self.columns: dict[str, dict[str, Any]] = {
            name: {key: value for key, value in rule.items() if value is not None}
            for name, rule in rules["columns"].items()
            if name not in unknown
        }
        self.missing = {name: ["", *(data.reads(name).missing or [])] for name in self.columns}
        self.certain = not any(rules.get(key) for key in ("checks", "unique", "index")) and all(
            rule.keys() <= KNOWN | IGNORED
            and rule["dtype"] in KINDS
            and rule.get("required", True)
            and (not rule.get("unique") or name in data.id)
            for name, rule in self.columns.items()
        )

    def __call__(self, batch: pa.RecordBatch) -> bool:
        """Whether every row surely fits."""
        names = set(batch.schema.names)
        return self.certain and all(
            name in names and self._fits(batch.column(name), rule, self.missing[name])
            for name, rule in self.columns.items()
        )

    def _fits(self, column: pa.Array, rule: dict[str, Any], missing: list[str]) -> bool:
        if column.null_count and not (rule.get("nullable") and rule["dtype"] != "int64"):
            return False
        if not KINDS[rule["dtype"]](column.type):
            return False
        if column.null_count == len(column):
            return True
        if types.is_floating(column.type) and not _all(pc.is_finite(column)):
            return False
        if "isin" in rule:
            values = [value for value in rule["isin"] if value not in missing]
            return _all(pc.is_in(column, pa.array([*values, None])))
        if KINDS["str"](column.type) and _any(pc.is_in(column, pa.array(missing))):
            return False
        span = EXACT if types.is_integer(column.type) and rule["dtype"] == "float64" else None
        return _within(column, rule.get("in_range") or span)


def _all(flags: pa.Array) -> bool:
    return bool(pc.all(flags).as_py())


def _any(flags: pa.Array) -> bool:
    return bool(pc.any(flags).as_py())


def _within(column: pa.Array, span: dict[str, Any] | None) -> bool:
    if span is None:
        return True
    found = pc.min_max(column).as_py()
    low, high = span["min_value"], span["max_value"]
    above = found["min"] >= low if span.get("include_min", True) else found["min"] > low
    below = found["max"] <= high if span.get("include_max", True) else found["max"] < high
    return bool(above and below)


def batches(
    path: Path, data: Data, text: list[str], rows: int, only: list[str]
) -> Iterator[pd.DataFrame | pa.RecordBatch]:
    """Yield the rows of a file as `read_batches` does.

    Those of Parquet come as they are, of the columns `only`.
    """
    if form_of(path, data) != "parquet":
        yield from read_batches(path, data, text, rows)
        return
    with readable(path, "parquet"), pq.ParquetFile(path, **BUFFERED) as file:
        yield from file.iter_batches(batch_size=rows, columns=only)
