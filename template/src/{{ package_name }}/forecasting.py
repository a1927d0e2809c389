"""Forecasting: regression on the past and the calendar, measured as forecasts are."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from . import regression
from .features import numbers, with_codes
from .history import AHEAD, NAIVE, PAST
from .regression import FAIRNESS, SEARCH, TUNED, Metric, meaning, outcomes
from .settings import Train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "ERRORS",
    "FAIRNESS",
    "METRICS",
    "SEARCH",
    "TUNED",
    "Metric",
    "figures",
    "meaning",
    "models",
    "outcomes",
    "raw",
]


def models(inputs: pd.DataFrame, train: Train, seed: int) -> dict[str, Any]:
    """Unfitted models by name: those of regression, and `past`, a sum of shares of the past.

    The shares of the naive forecast and the other figures of the past are at least 0. Source:
    Granger and Ramanathan, Journal of Forecasting 3 (1984). No tree sees a calendar year: it would
    carry the level of the last years into all the future.
    """
    names = numbers(inputs)
    years = [n for n in names if n.removesuffix("year") + "day_of_week" in names]
    named = regression.models(inputs, train, seed, years)
    filled = SimpleImputer(strategy="median", keep_empty_features=True)
    places = [names.index(name) for name in PAST if name != AHEAD]
    shares = LinearRegression(positive=True, fit_intercept=False)
    past = make_pipeline(ColumnTransformer([("past", filled, places)]), shares)
    return named | {"past": with_codes(inputs, past)}


def raw(model: Any, inputs: Any) -> np.ndarray:
    """Return the forecast, in the target's unit: rows x 1. That of the dummy baseline is NAIVE."""
    if isinstance(model, DummyRegressor):
        values: np.ndarray = inputs[[NAIVE]].to_numpy()
        return values
    return regression.raw(model, inputs)


def wape(truth: pd.Series, predicted: pd.DataFrame) -> float:
    """All absolute errors as a share of all values: the weighted absolute percentage error."""
    size = float(truth.abs().sum())
    return float(np.abs(truth - predicted["prediction"]).sum()) / size if size else float("nan")


# More is better; one of these decides in the gate. Where values lie around 0, WAPE says little.
METRICS: dict[str, Metric] = {
    "forecast_accuracy": lambda truth, p: 1 - wape(truth, p),
    **regression.METRICS,
}
# Less is better; for people to read.
ERRORS: dict[str, Metric] = {"wape": wape, **regression.ERRORS}


def figures(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, "Figure"]:
    """Draw the sum and the mean absolute error of all series over time, the index of `truth`."""
    from matplotlib.figure import Figure

    forecast = predicted["prediction"].set_axis(truth.index)
    sums, errors = Figure(figsize=(9, 3)), Figure(figsize=(9, 2.4))
    axes = sums.subplots()
    for name, values in {"actual": truth, "forecast": forecast}.items():
        total = values.groupby(level=0).sum()
        axes.plot(total.index, total, lw=1, label=name)
    axes.legend(ncols=2)
    axes.set_ylabel(f"{truth.name}, all series")
    error = (forecast - truth).abs().groupby(level=0).mean()
    axes = errors.subplots()
    axes.plot(error.index, error, lw=1, alpha=0.5)
    axes.plot(error.index, error.rolling(max(1, len(error) // 10), center=True).mean())
    axes.set_ylabel("mean absolute error")
    return {"forecast": sums, "error": errors}
