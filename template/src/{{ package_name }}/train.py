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
    chosen = max(scores, key=lambda name: scores[name]["mean"])
    fitted = {name: models[name].fit(inputs, target) for name in {chosen, "trivial", "linear"}}
    baselines = {name: fitted[name] for name in ("trivial", "linear")}
    return Trained(chosen, fitted[chosen], baselines, scores)


def folds(frame: pd.DataFrame, settings: Settings) -> Iterator[Fold]:
    """Yield pairs of row positions (fit, validate) that respect time and groups."""
    data, split, count = settings.data, settings.split, settings.train.cv_folds
    if data.time:
        order = np.argsort(frame[data.time].to_numpy(), kind="stable")
        for fit, validate in TimeSeriesSplit(count).split(order):
            yield order[fit], order[validate]
        return
    groups = frame[data.group].factorize(use_na_sentinel=False)[0] if data.group else None
    splitter = SPLITTERS[data.group is not None, split.stratify]
    folder = splitter(count, shuffle=True, random_state=split.seed)
    yield from folder.split(frame, frame[data.target], groups)


def cross_validate(
    model: Any, inputs: pd.DataFrame, target: pd.Series, pairs: list[Fold], metric: str
) -> list[float]:
    """Score a fresh copy of `model` on the held-back part of each fold."""
    scores = []
    for fit, validate in pairs:
        fitted = clone(model).fit(inputs.iloc[fit], target.iloc[fit])
        predicted = problem.predict(fitted, inputs.iloc[validate])
        scores.append(problem.METRICS[metric](target.iloc[validate], predicted))
    return scores


def _summary(scores: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(scores)), "std": float(np.std(scores))}
