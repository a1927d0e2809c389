"""Hold out the test set once: by time, by group, or stratified at random, as the roles say."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from .errors import ProjectError
from .settings import Data, Split

Fold = tuple[np.ndarray, np.ndarray]


def folds(
    frame: pd.DataFrame, data: Data, n_folds: int, seed: int, stratify: bool
) -> Iterator[Fold]:
    """Yield `n_folds` pairs of row positions (fit, validate) that respect time and groups."""
    if data.time:
        order = np.argsort(frame[data.time].to_numpy(), kind="stable")
        for fit, validate in TimeSeriesSplit(n_folds).split(order):
            yield order[fit], order[validate]
        return
    kinds = {
        (False, False): KFold,
        (False, True): StratifiedKFold,
        (True, False): GroupKFold,
        (True, True): StratifiedGroupKFold,
    }
    splitter = kinds[bool(data.group), stratify](n_folds, shuffle=True, random_state=seed)
    groups = group_codes(frame, data) if data.group else None
    yield from splitter.split(frame, frame[data.target], groups)


def group_codes(frame: pd.DataFrame, data: Data) -> np.ndarray:
    """One integer a group; each row is its own group when no group column is named."""
    if not data.group:
        return np.arange(len(frame))
    codes, _ = pd.factorize(frame[data.group], use_na_sentinel=False)
    return codes


def holdout(
    frame: pd.DataFrame, data: Data, split: Split, stratify: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (training rows, test rows). Raises ProjectError when one of them would be empty."""
    if data.time:
        train, test = _by_time(frame, data.time, split.test_one_in)
        if data.group:
            train = train[~train[data.group].isin(test[data.group])]
    else:
        try:
            first = next(folds(frame, data, split.test_one_in, split.seed, stratify))
        except ValueError as error:
            raise ProjectError(f"{len(frame)} rows cannot be split: {error}") from error
        train, test = (frame.iloc[np.sort(rows)] for rows in first)
    if train.empty or test.empty:
        raise ProjectError(f"{len(frame)} rows leave {len(train)} to learn and {len(test)} to test")
    return train.reset_index(drop=True), test.reset_index(drop=True)


def _by_time(frame: pd.DataFrame, time: str, one_in: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The newest rows are the test set; rows of the same moment stay together."""
    if frame[time].isna().any():
        raise ProjectError(f"{frame[time].isna().sum()} rows have no {time!r}: drop or fill them")
    ordered = frame.sort_values(time, kind="stable")
    cutoff = ordered[time].iloc[-max(1, len(frame) // one_in)]
    return ordered[ordered[time] < cutoff], ordered[ordered[time] >= cutoff]
