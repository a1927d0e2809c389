"""What the training rows are like, column by column, for the data summary report.

The test rows take no part: who reads the report chooses by it.
"""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from ..settings import Data

BANDS = 10
LEVELS = 5


def summary(train: pd.DataFrame, test_rows: int, data: Data) -> dict[str, Any]:
    """Return figures on the target and every feature, the closest to the target first."""
    target = train[data.target]
    names = [str(name) for name in train.columns if name not in data.not_features]
    features = [
        {**column(train[name]), "association": association(bands(train[name]), bands(target))}
        for name in names
    ]
    ordered = sorted(features, key=lambda feature: -feature["association"])
    rows = {"training_rows": len(train), "test_rows": test_rows}
    return {**rows, "target": column(target), "features": ordered}


def column(values: pd.Series) -> dict[str, Any]:
    """Return how full a column is, and how its values are spread."""
    present = values.dropna()
    found = {"name": str(values.name), "missing": float(values.isna().mean())}
    found |= {"distinct": int(present.nunique())}
    if _ordered(values) and len(present):
        quantiles = present.quantile([0, 0.25, 0.5, 0.75, 1], interpolation="nearest")
        return {**found, "quantiles": [_plain(value) for value in quantiles]}
    frequent = present.value_counts(normalize=True).head(LEVELS)
    return {**found, "levels": {str(level): float(share) for level, share in frequent.items()}}


def bands(values: pd.Series) -> pd.Series:
    """Return the number of each row's group: a level or a band of quantiles, or no value."""
    if _ordered(values) and values.nunique() > BANDS:
        codes = pd.qcut(values, BANDS, labels=False, duplicates="drop")
    else:
        frequent = values.value_counts().index[:BANDS]
        codes = pd.Series(frequent.get_indexer(pd.Index(values)), values.index)
    return codes.fillna(-2).where(values.notna(), -2).astype(int)


def association(one: pd.Series, other: pd.Series) -> float:
    """Return Cramér's V, corrected for chance: 0 for nothing in common, 1 for the same groups.

    SciPy's `association` has no correction; in few rows it ranks noise of many groups first.
    """
    counts = pd.crosstab(one, other).to_numpy(dtype=float)
    total, (rows, columns) = counts.sum(), counts.shape
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / total
    square = ((counts - expected) ** 2 / expected).sum() / total
    chance = (rows - 1) * (columns - 1) / (total - 1) if total > 1 else 0.0
    sides = [side - (side - 1) ** 2 / (total - 1) for side in (rows, columns)] if total > 1 else [1]
    most = min(sides) - 1
    return float(np.sqrt(max(0.0, square - chance) / most)) if most > 0 else 0.0


def _ordered(values: pd.Series) -> bool:
    number = is_numeric_dtype(values) and not is_bool_dtype(values)
    return bool(number or is_datetime64_any_dtype(values))


def _plain(value: Any) -> float | str:
    return value.isoformat(sep=" ") if isinstance(value, pd.Timestamp) else float(value)
