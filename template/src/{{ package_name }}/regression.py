"""Regression: models, predictions, metrics, figures."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import (
    PredictionErrorDisplay,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.pipeline import make_pipeline

from .features import for_linear, for_trees, with_codes
from .settings import Train

if TYPE_CHECKING:
    from matplotlib.figure import Figure


# The candidate whose parameters the stage `tune` searches, and from where to where.
TUNED = "boosting"
SEARCH = {"learning_rate": (0.01, 0.3), "max_iter": (30, 300), "max_leaf_nodes": (4, 64)}
# The candidate for tables with more to learn than `boosting` can hold.
LARGE = {"learning_rate": 0.05, "max_iter": 300, "max_leaf_nodes": 31}


def models(
    inputs: pd.DataFrame, train: Train, seed: int, hidden: Collection[str] = ()
) -> dict[str, Any]:
    """Unfitted models by name: the two baselines `dummy` and `linear`, then the candidates.

    No tree sees the inputs named `hidden`.
    """
    linear = make_pipeline(for_linear(inputs), Ridge())
    own = train.model_dump(include=set(SEARCH))
    # As large as they are said to be: scikit-learn stops early from 10,000 rows on.
    boosting, large = (
        make_pipeline(
            for_trees(inputs, seed, "continuous", hidden),
            HistGradientBoostingRegressor(**size, early_stopping=False, random_state=seed),
        )
        for size in (own, LARGE)
    )
    blend = VotingRegressor([("linear", linear), ("boosting", boosting)])
    named = {"linear": linear, "boosting": boosting, "blend": blend, "large": large}
    dummy = {"dummy": DummyRegressor(strategy="mean")}
    return dummy | {name: with_codes(inputs, model) for name, model in named.items()}


def raw(model: Any, inputs: Any) -> np.ndarray:
    """Return the predicted value, in the target's unit: rows x 1."""
    values: np.ndarray = model.predict(inputs)
    return values.reshape(-1, 1)


def meaning(model: Any) -> dict[str, Any]:
    """Return nothing: a predicted number needs no explanation to `results.columns`."""
    return {}


Metric = Callable[[pd.Series, pd.DataFrame], float]

# More is better; this decides in the gate.
METRICS: dict[str, Metric] = {
    "r2": lambda truth, p: float(r2_score(truth, p["prediction"])),
}
# Less is better, in the target's unit; for people to read.
ERRORS: dict[str, Metric] = {
    "mae": lambda truth, p: float(mean_absolute_error(truth, p["prediction"])),
    "rmse": lambda truth, p: float(root_mean_squared_error(truth, p["prediction"])),
}
# What groups of rows may be judged by, and whether more of it is better.
FAIRNESS = {"mae": False}


def outcomes(truth: pd.Series, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return per row what groups are compared by, as means: the error, with and without sign."""
    error = predicted["prediction"] - truth
    return pd.DataFrame({"mae": error.abs(), "mean_error": error})


def figures(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, "Figure"]:
    """Draw predicted against actual values, at most 2,000 of them."""
    from matplotlib.figure import Figure

    fit = Figure(figsize=(4.6, 4))
    PredictionErrorDisplay.from_predictions(
        truth,
        predicted["prediction"],
        kind="actual_vs_predicted",
        subsample=min(len(truth), 2000),
        random_state=0,
        ax=fit.subplots(),
    )
    return {"fit": fit}
