"""Choose a candidate by cross-validation on the training rows, then fit it on all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from . import problem
from .errors import ProjectError
from .features import features
from .settings import Settings

Fold = tuple[np.ndarray, np.ndarray]
SPLITTERS = {  # by (grouped, stratified)
    (False, False): KFold,
    (False, True): StratifiedKFold,
    (True, False): GroupKFold,
    (True, True): StratifiedGroupKFold,
}


@dataclass(frozen=True)
class Trained:
    """Fitted models, and the cross-validated scores that chose among them."""

    chosen: str
    model: Any
    baselines: dict[str, Any]
    scores: dict[str, dict[str, float]]


def train(frame: pd.DataFrame, settings: Settings) -> Trained:
    """Fit the best candidate and both baselines. The test rows take no part."""
    data, seed = settings.data, settings.split.seed
    inputs, target = features(frame, data), frame[data.target]
    if inputs.empty:
        raise ProjectError("no column is left as a feature: see the roles in params.yaml")
    models = problem.models(inputs, settings.train, seed)
    unknown = set(settings.train.candidates) - (set(models) - {"trivial"})
    if unknown or settings.evaluate.metric not in problem.METRICS:
        raise ProjectError(
            f"params.yaml: candidates are {sorted(set(models) - {'trivial'})}"
            f" and metrics {sorted(problem.METRICS)}; not {unknown or settings.evaluate.metric}"
        )
    pairs = list(folds(frame, settings))
    metric = settings.evaluate.metric
    scores = {
        name: _summary(cross_validate(models[name], inputs, target, pairs, metric))
        for name in settings.train.candidates
    }
    if undefined := [name for name, score in scores.items() if not np.isfinite(score["mean"])]:
        raise ProjectError(
            f"{metric} is undefined in some fold for {undefined}: too few rows of a class; choose"
            " fewer train.cv_folds or another evaluate.metric in params.yaml"
        )
    chosen = simplest_of_the_best(scores, settings.train.cv_folds)
    fitted = {name: models[name].fit(inputs, target) for name in {chosen, "trivial", "linear"}}
    baselines = {name: fitted[name] for name in ("trivial", "linear")}
    return Trained(chosen, fitted[chosen], baselines, scores)


def simplest_of_the_best(scores: dict[str, dict[str, float]], count: int) -> str:
    """Return the first candidate within one standard error of the best mean of `count` folds.

    Candidates stand from simple to complex, so a complex one must earn its place. Source: the
    one-standard-error rule of Breiman et al., Classification and Regression Trees (1984).
    """
    best = max(scores.values(), key=lambda score: score["mean"])
    enough = best["mean"] - best["std"] / count**0.5
    return next(name for name, score in scores.items() if score["mean"] >= enough)


def folds(frame: pd.DataFrame, settings: Settings) -> Iterator[Fold]:
    """Yield pairs of row positions (fit, validate) that respect time and groups."""
    data, split, count = settings.data, settings.split, settings.train.cv_folds
    groups = frame[data.group].factorize(use_na_sentinel=False)[0] if data.group else None
    if data.time:
        yield from _folds_by_time(frame[data.time].to_numpy(), groups, count)
        return
    splitter = SPLITTERS[data.group is not None, split.stratify]
    folder = splitter(count, shuffle=True, random_state=split.seed)
    yield from folder.split(frame, frame[data.target], groups)


def _folds_by_time(times: np.ndarray, groups: np.ndarray | None, count: int) -> Iterator[Fold]:
    """Validate on what is newer, without the moments and the groups of the validated rows."""
    order = np.argsort(times, kind="stable")
    for older, newer in TimeSeriesSplit(count).split(order):
        fit, validate = order[older], order[newer]
        fit = fit[times[fit] < times[validate].min()]
        if groups is not None:
            fit = fit[~np.isin(groups[fit], groups[validate])]
        yield fit, validate


def cross_validate(
    model: Any, inputs: pd.DataFrame, target: pd.Series, pairs: list[Fold], metric: str
) -> list[float]:
    """Score a fresh copy of `model` on the held-back part of each fold; NaN where it cannot be."""
    scores = []
    for fit, validate in pairs:
        try:
            fitted = clone(model).fit(inputs.iloc[fit], target.iloc[fit])
            predicted = problem.predict(fitted, inputs.iloc[validate])
            scores.append(problem.METRICS[metric](target.iloc[validate], predicted))
        except ValueError:  # such as a fold with one class only
            scores.append(float("nan"))
    return scores


def _summary(scores: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(scores)), "std": float(np.std(scores, ddof=1))}
