"""Measure model and baselines on the test rows, with confidence intervals."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from . import problem
from .settings import Evaluate

Metrics = dict[str, dict[str, float]]


def evaluate(
    predicted: dict[str, pd.DataFrame],
    truth: pd.Series,
    groups: pd.Series | None,
    settings: Evaluate,
    seed: int,
) -> Metrics:
    """Score the predictions named `model`, `linear` and `trivial` against `truth`.

    Rows of one group are resampled together. The bootstrap samples are shared, so that
    `gain_over_*` is a paired difference, which is sharper than comparing two intervals.
    """
    units = np.arange(len(truth)) if groups is None else groups.factorize(use_na_sentinel=False)[0]
    samples = list(resampled(units, settings.resamples, seed))
    draws = {
        name: np.array([_score(settings.metric, truth, p, rows) for rows in samples])
        for name, p in predicted.items()
    }
    metrics = {name: _values(truth, p) for name, p in predicted.items()}
    for name, values in draws.items():
        low, high = _interval(values, settings.confidence)
        metrics[name] |= {f"{settings.metric}_low": low, f"{settings.metric}_high": high}
    for name in ("linear", "trivial"):
        low, high = _interval(draws["model"] - draws[name], settings.confidence)
        value = metrics["model"][settings.metric] - metrics[name][settings.metric]
        metrics[f"gain_over_{name}"] = {"value": value, "low": low, "high": high}
    return metrics


def resampled(units: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield `count` bootstrap samples of row positions; rows with the same unit go together."""
    generator = np.random.default_rng(seed)
    order = np.argsort(units, kind="stable")
    _, starts = np.unique(units[order], return_index=True)
    members = np.split(order, starts[1:])
    for _ in range(count):
        picked = generator.integers(len(members), size=len(members))
        yield np.concatenate([members[i] for i in picked])


def _score(metric: str, truth: pd.Series, predicted: pd.DataFrame, rows: np.ndarray) -> float:
    try:
        return problem.METRICS[metric](truth.iloc[rows], predicted.iloc[rows])
    except ValueError:  # a sample in which a class does not occur
        return float("nan")


def _values(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, float]:
    named = {**problem.METRICS, **problem.ERRORS}
    return {name: metric(truth, predicted) for name, metric in named.items()}


def _interval(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile interval; NaN, which the gate refuses, when over half the draws are undefined."""
    if np.isnan(draws).mean() > 0.5:
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    return float(low), float(high)
