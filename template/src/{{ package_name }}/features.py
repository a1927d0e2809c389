"""From columns to model inputs. Nothing here learns; what learns is inside the pipelines."""

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from .settings import Data

MAX_CATEGORIES = 100


def features(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return the inputs: float64 numbers (dates in parts) and text, one row a row of `frame`."""
    names = [name for name in frame.columns if name not in data.not_features]
    columns = [_inputs(frame[name]) for name in names]
    return pd.concat(columns, axis="columns") if columns else frame[[]]


def _inputs(column: pd.Series) -> pd.DataFrame:
    name = str(column.name)
    if is_datetime64_any_dtype(column):
        parts = {part: getattr(column.dt, part) for part in ("year", "month", "day", "day_of_week")}
        return pd.DataFrame({f"{name} {part}": v.astype("float64") for part, v in parts.items()})
    if is_numeric_dtype(column) or is_bool_dtype(column):
        return column.astype("float64").to_frame()
    return column.astype("str").fillna("").to_frame()


def for_linear(inputs: pd.DataFrame) -> ColumnTransformer:
    """Unfitted: numbers filled and scaled, text as indicators; the unseen counts as rare."""
    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    text = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES)
    return _by_kind(inputs, numbers, text)


def for_trees(inputs: pd.DataFrame) -> ColumnTransformer:
    """Unfitted: numbers as they are, missing ones too; text as codes, the unseen as missing."""
    text = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        max_categories=MAX_CATEGORIES,
    )
    return _by_kind(inputs, "passthrough", text)


def _by_kind(inputs: pd.DataFrame, numbers: object, text: object) -> ColumnTransformer:
    names = _text(inputs)
    return ColumnTransformer(
        [("numbers", numbers, [n for n in inputs if n not in names]), ("text", text, names)]
    )


def _text(inputs: pd.DataFrame) -> list[str]:
    return list(inputs.columns[~inputs.dtypes.eq("float64")])
