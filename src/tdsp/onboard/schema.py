"""The table's contract, in pandera's own YAML."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.io.pandas_io import from_yaml, to_yaml

from tdsp.errors import OnboardError
from tdsp.onboard.profile import CATEGORY_LEVELS, NUMBERS, Column, Problem, whole

HEADER = """\
# The columns that a table must have, and what their values may be. Written by `tdsp onboard`
# from the data (ranges widened by three spans); yours to tighten. Format: pandera's YAML.
"""


def build(frame: pd.DataFrame, columns: list[Column], problem: Problem) -> str:
    """Return a typed table's schema as YAML text; classes and ids of whole numbers are int64.

    So are targets to predict, but not those to forecast: future rows have none yet.
    """
    whole_roles = ("id",) if problem == "forecasting" else ("target", "id")
    for column in columns:
        if column.role in whole_roles and not column.missing and whole_number(frame, column):
            column.dtype = "int64"
    schema = pa.DataFrameSchema(
        {c.name: _column(c, problem, len(frame)) for c in columns}, strict="filter"
    )
    text: Any = to_yaml(schema)
    # pandera writes the local storage of `str`, which need not exist where this is read.
    return HEADER + str(text).replace("dtype: string[pyarrow]\n", "dtype: str\n")


def whole_number(frame: pd.DataFrame, column: Column) -> bool:
    """Whether a column may be int64."""
    return column.dtype == "float64" and whole(frame[column.name])


def _column(column: Column, problem: Problem, rows: int) -> pa.Column:
    return pa.Column(
        column.dtype,
        _checks(column, problem),
        nullable=bool(column.missing),
        unique=column.role == "id" and column.unique == rows,
        coerce=True,
        required=True,
    )


def _checks(column: Column, problem: Problem) -> list[pa.Check]:
    if column.unique == 0 or column.role == "id":
        return []
    if column.role == "target" and problem not in NUMBERS and column.levels:
        return [pa.Check.isin([_level(column, level) for level in column.levels])]
    if isinstance(column.low, float) and isinstance(column.high, float):
        low, high = bounds(column.low, column.high)
        return [pa.Check.in_range(low, high)]
    if column.dtype != "str":
        return []
    if column.role in ("feature", "target") and column.unique <= CATEGORY_LEVELS:
        return [pa.Check.isin(list(column.levels))]
    return [pa.Check.str_length(max_value=max(3 * column.longest, 20))]


def _level(column: Column, level: str) -> str | float | int:
    if column.dtype == "int64":
        return int(level)
    return float(level) if column.dtype == "float64" else level


def bounds(low: float, high: float) -> tuple[float, float]:
    """Three spans wider on either side; a column that is never negative stays so."""
    span = 3 * ((high - low) or abs(high) or 1.0)
    lower = 0.0 if low >= 0 else float(f"{low - span:.6g}")
    upper = 0.0 if high <= 0 and low < 0 else float(f"{high + span:.6g}")
    return lower, upper


def prove(text: str, frame: pd.DataFrame) -> None:
    """Read the schema back and validate the very table that it came from."""
    try:
        parse: Any = from_yaml
        parse(text).validate(frame, lazy=True)
    except (pa.errors.SchemaErrors, pa.errors.SchemaError) as error:
        raise OnboardError(
            f"The inferred schema does not accept its own table; please report this:\n{error}"
        ) from error
