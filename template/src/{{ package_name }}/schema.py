"""Check tables against schema.yaml, cell by cell, with a reason for each refusal."""

from pathlib import Path

import pandas as pd
from pandera.errors import SchemaErrors
from pandera.io.pandas_io import from_yaml
from pandera.pandas import DataFrameSchema

from .errors import ProjectError
from .settings import Data
from .tables import text_columns

REASONS = ["row", "column", "value", "reason"]


def load_schema(path: Path) -> DataFrameSchema:
    """Read pandera's YAML. Raises ProjectError when it is missing or not a schema."""
    text_columns(path)  # an empty file would otherwise be a schema that accepts everything
    try:
        schema: DataFrameSchema = from_yaml(path)  # type: ignore[no-untyped-call]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ProjectError(f"{path} is not a readable schema: {error}") from error
    return schema


def for_scoring(schema: DataFrameSchema, data: Data) -> DataFrameSchema:
    """Return the rules for rows whose target is unknown and whose ids may come again."""
    unknown = [name for name in (data.target, *data.drop) if name in schema.columns]
    again = {name: {"unique": False} for name in data.id if name in schema.columns}
    return schema.remove_columns(unknown).update_columns(again)


def check(frame: pd.DataFrame, schema: DataFrameSchema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split `frame` into its valid rows, typed, and the reasons against the others.

    Reasons have the columns of REASONS; `row` is the index label in `frame`. Raises ProjectError
    for what is wrong with the table as a whole, such as a missing column.
    """
    refused: list[pd.DataFrame] = []
    while True:
        try:
            typed = schema.validate(frame, lazy=True)
            reasons = pd.concat(refused, ignore_index=True) if refused else no_reasons()
            return typed, reasons.sort_values("row", kind="stable", ignore_index=True)
        except SchemaErrors as error:
            cells = error.failure_cases.dropna(subset="index")
            if cells.empty:
                raise ProjectError(_whole_table(error.failure_cases)) from None
            refused.append(_reasons(cells.to_dict("records")))
            frame = frame.drop(index=refused[-1]["row"].unique().tolist())


def no_reasons() -> pd.DataFrame:
    """Return the table of reasons without a row."""
    return _reasons([])


def _reasons(cells: list[dict[str, object]]) -> pd.DataFrame:
    rows = [(c["index"], c["column"], str(c["failure_case"]), str(c["check"])) for c in cells]
    types = dict(zip(REASONS, ["int64", "str", "str", "str"], strict=True))
    frame = pd.DataFrame(rows, columns=REASONS).astype(types)
    return frame.drop_duplicates(["row", "column"])


def _whole_table(failures: pd.DataFrame) -> str:
    lines = (f"  {f['failure_case']}: {f['check']}" for f in failures.head(10).to_dict("records"))
    return "the table does not fit schema.yaml:\n" + "\n".join(lines)
