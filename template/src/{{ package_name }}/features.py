"""From columns to model inputs. Nothing here learns; what learns is inside the pipelines."""

from collections.abc import Collection

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from .settings import Data

MAX_CATEGORIES = 100
DATE_PARTS = ("year", "month", "day", "day_of_week")  # as in model/encode.py


def features(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return the inputs: float64 numbers (dates in parts) and text, one row a row of `frame`."""
    names = [name for name in frame.columns if name not in data.not_features]
    columns = [_inputs(frame[name]) for name in names]
    return pd.concat(columns, axis="columns") if columns else frame[[]]


def _inputs(column: pd.Series) -> pd.DataFrame:
    name = str(column.name)
    if is_datetime64_any_dtype(column):
        parts = {part: getattr(column.dt, part) for part in DATE_PARTS}
        return pd.DataFrame({f"{name} {part}": v.astype("float64") for part, v in parts.items()})
    if is_numeric_dtype(column) or is_bool_dtype(column):
        return column.astype("float64").to_frame()
    return column.astype("str").fillna("").to_frame()


def numbers(inputs: pd.DataFrame) -> list[str]:
    """Names of the inputs that are numbers; the others are text."""
    return list(inputs.columns[inputs.dtypes.eq("float64")])


def with_codes(inputs: pd.DataFrame, estimator: BaseEstimator) -> Pipeline:
    """Unfitted: text becomes codes, numbers stay; `estimator` sees numbers only, text last.

    So the same codes can be looked up without a DataFrame where a model serves. What training
    has not seen is missing; beyond MAX_CATEGORIES the rare ones share a code.
    """
    numeric = numbers(inputs)
    text = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        max_categories=MAX_CATEGORIES,
    )
    by_kind = [
        ("numbers", "passthrough", numeric),
        ("text", text, [name for name in inputs if name not in numeric]),
    ]
    return Pipeline([("codes", ColumnTransformer(by_kind)), ("estimator", estimator)])


def for_trees(
    inputs: pd.DataFrame, seed: int, target: str = "auto", hidden: Collection[str] = ()
) -> ColumnTransformer:
    """Unfitted, for the coded inputs: numbers as they are but those `hidden`, codes as means.

    The mean of the target, of other rows than its own, puts a category where trees can cut; the
    order of the codes is that of the alphabet. Trees that take categories as such are no way out:
    their ONNX form answers otherwise. `target` is "continuous" for numbers, which else are classes
    where they are whole. Source: Micci-Barreca, SIGKDD Explorations 3 (2001).
    """
    numeric = numbers(inputs)
    kept = [place for place, name in enumerate(numeric) if name not in hidden]
    missing = SimpleImputer(strategy="constant", fill_value=-1, keep_empty_features=True)
    apart = KFold(shuffle=True, random_state=seed)
    means = make_pipeline(missing, TargetEncoder(target_type=target, cv=apart))
    return ColumnTransformer(
        [
            ("numbers", "passthrough", kept),
            ("text", means, list(range(len(numeric), inputs.shape[1]))),
        ]
    )


def for_linear(inputs: pd.DataFrame) -> ColumnTransformer:
    """Unfitted, for the coded inputs: numbers filled and scaled, codes as indicators."""
    count = len(numbers(inputs))
    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    indicators = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(filled, StandardScaler()), list(range(count))),
            ("text", indicators, list(range(count, inputs.shape[1]))),
        ]
    )
