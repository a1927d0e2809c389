"""The inputs of a fitted model from rows or record batches, without a DataFrame.

Same numbers as `features` and the pipeline's codes give, which `package` proves for each model.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from math import nan
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DATES: dict[str, Callable[[datetime], int]] = {
    "year": lambda at: at.year,
    "month": lambda at: at.month,
    "day": lambda at: at.day,
    "day_of_week": datetime.weekday,
}


def column_of(name: str, dates: Iterable[str]) -> tuple[str, str]:
    """Split the input `<column> <part>` of a date; (name, "") for any other input."""
    column, _, part = name.rpartition(" ")
    return (column, part) if column in dates and part in DATES else (name, "")


class Encoder:
    """Numbers, parts of dates and codes of text, in the order in which the estimator sees them.

    `spec` has `numbers` (names of inputs), `dates` (names of columns) and `text` (name of column:
    {text: code}), as `package` reads them from the fitted pipeline.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.numbers = [column_of(name, spec["dates"]) for name in spec["numbers"]]
        self.text: dict[str, dict[str, float]] = spec["text"]
        self.columns = list(dict.fromkeys([*(name for name, _ in self.numbers), *self.text]))

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Encode dicts of checked values; None is missing."""
        return np.array([self._row(row) for row in rows], dtype=np.float64)

    def _row(self, row: Mapping[str, Any]) -> list[float]:
        values = [_number(row[name], part) for name, part in self.numbers]
        return values + [codes.get(row[name] or "", nan) for name, codes in self.text.items()]

    def batch(self, batch: pa.RecordBatch | pa.Table, dtype: type[np.floating[Any]]) -> np.ndarray:
        """Encode Arrow columns; null is missing."""
        matrix = np.empty((batch.num_rows, len(self.numbers) + len(self.text)), dtype, order="F")
        for place, (name, part) in enumerate(self.numbers):
            column = batch.column(name)
            matrix[:, place] = _floats(getattr(pc, part)(column) if part else column)
        for place, (name, codes) in enumerate(self.text.items(), len(self.numbers)):
            matrix[:, place] = _codes(batch.column(name), codes)
        return matrix


def _number(value: Any, part: str) -> float:
    if value is None:
        return nan
    return float(DATES[part](value) if part else value)


def _floats(column: pa.Array) -> np.ndarray:
    found: np.ndarray = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _codes(column: pa.Array, codes: dict[str, float]) -> np.ndarray:
    """Look up each distinct text once. A missing one is the empty text, as in `features`."""
    coded = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(coded.type):
        plain = pa.types.is_null(coded.type)
        coded = (pc.cast(coded, pa.string()) if plain else coded).dictionary_encode()
    known = [codes.get(text or "", nan) for text in coded.dictionary.to_pylist()]
    places = pc.fill_null(coded.indices, len(known))
    found: np.ndarray = np.array([*known, codes.get("", nan)])[places.to_numpy()]
    return found
