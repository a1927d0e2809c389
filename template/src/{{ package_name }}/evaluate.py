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
    """Score the predictions named `model`, and those it is compared with, against `truth`.

    Rows of one group are resampled together. The bootstrap samples are shared, so that
    `gain_over_*` is a paired difference, which is sharper than comparing two intervals.
    """
    draws = {n: bootstrap(truth, p, groups, settings, seed) for n, p in predicted.items()}
    metrics = {}
    for name, p in predicted.items():
        low, high = interval(draws[name], settings.confidence)
        ends = {f"{settings.metric}_low": low, f"{settings.metric}_high": high}
        values = _values(truth, p)
        metrics[name] = {settings.metric: values.pop(settings.metric), **ends, **values}
    for name in (other for other in predicted if other != "model"):
        low, high = interval(draws["model"] - draws[name], settings.confidence)
        value = metrics["model"][settings.metric] - metrics[name][settings.metric]
        metrics[f"gain_over_{name}"] = {"value": value, "low": low, "high": high}
    return metrics


def bootstrap(
    truth: pd.Series,
    predicted: pd.DataFrame,
    groups: pd.Series | None,
    settings: Evaluate,
    seed: int,
) -> np.ndarray:
    """Return the deciding metric on each bootstrap sample, which are the same for one seed."""
    deciding = problem.METRICS[settings.metric]
    samples = resampled(len(truth), groups, settings.resamples, seed)
    return np.array([score(deciding, truth, predicted, rows) for rows in samples])


def resampled(rows: int, groups: pd.Series | None, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield `count` bootstrap samples of row positions, whole groups at a time if there are any.

    Fewer, but 100 at least, where the rows are so many that the interval is narrow anyway.
    """
    generator = np.random.default_rng(seed)
    members = (
        None if groups is None else list(groups.groupby(groups, dropna=False).indices.values())
    )
    for _ in range(min(count, max(100, 10_000_000 // rows))):
        if members is None:
            yield generator.integers(rows, size=rows)
        else:
            picked = generator.integers(len(members), size=len(members))
            yield np.concatenate([members[i] for i in picked])


def score(
    metric: problem.Metric, truth: pd.Series, predicted: pd.DataFrame, rows: np.ndarray
) -> float:
    """Measure by the rows at these positions; NaN where the metric has no meaning for them."""
    try:
        return metric(truth.iloc[rows], predicted.iloc[rows])
    except ValueError:  # a class that does not occur in these rows, or did not in training
        return float("nan")


def _values(truth: pd.Series, predicted: pd.DataFrame) -> dict[str, float]:
    everything = np.arange(len(truth))
    named = {**problem.METRICS, **problem.ERRORS}
    return {name: score(metric, truth, predicted, everything) for name, metric in named.items()}


def interval(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile interval; NaN, which the gate refuses, when over half the draws are undefined."""
    if np.isnan(draws).mean() > 0.5:
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    return float(low), float(high)
