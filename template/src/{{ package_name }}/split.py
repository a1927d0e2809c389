"""Hold out the test set, once: by time, by group, or at random, as the roles say."""

import pandas as pd

from .errors import ProjectError
from .settings import Data, Split


def holdout(frame: pd.DataFrame, data: Data, split: Split) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (training rows, test rows), each in the order of `frame`.

    With a time role the newest rows are the test set. With a group role no group is on both
    sides. Otherwise rows are drawn at random, from each class in proportion if so asked.
    Raises ProjectError when one side would be empty.
    """
    if data.time:
        test = _newest(frame, data.time, split.test_share)
        train = frame.drop(index=test.index)
        if data.group:
            train = train[~train[data.group].isin(test[data.group])]
    else:
        test = _drawn(frame, data, split)
        train = frame.drop(index=test.index)
    test = test.sort_index()
    if train.empty or test.empty:
        raise ProjectError(f"{len(frame)} rows leave {len(train)} to learn and {len(test)} to test")
    return train.reset_index(drop=True), test.reset_index(drop=True)


def _newest(frame: pd.DataFrame, time: str, share: float) -> pd.DataFrame:
    """Rows of the same moment stay together."""
    if missing := int(frame[time].isna().sum()):
        raise ProjectError(f"{missing} rows have no {time!r}, which orders the rows")
    cutoff = frame[time].sort_values().iloc[-max(1, round(len(frame) * share))]
    return frame.loc[frame[time].ge(cutoff)]


def _drawn(frame: pd.DataFrame, data: Data, split: Split) -> pd.DataFrame:
    if data.group:
        groups = frame[data.group].drop_duplicates()
        picked = groups.sample(frac=split.test_share, random_state=split.seed)
        return frame[frame[data.group].isin(picked)]
    if split.stratify:
        classes = frame.groupby(data.target)
        test: pd.DataFrame = classes.sample(frac=split.test_share, random_state=split.seed)
        return test
    return frame.sample(frac=split.test_share, random_state=split.seed)
