"""The past as inputs of a forecast: what is known when the forecast is made, and no more."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from .errors import ProjectError
from .settings import Data

NAIVE = "past season"
AHEAD = "steps ahead"
FIGURES = ("past seasons", "past value", "past mean", "past long mean", "past trend", "past change")
PAST = (NAIVE, *FIGURES, AHEAD)
Checked = tuple[pd.DataFrame, pd.DataFrame]
Check = Callable[[pd.DataFrame], Checked]


def with_history(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Return `frame` with the past of its target beside it, each series by itself.

    The past of a row is what was known AHEAD steps before it. NAIVE is the newest known value of
    the same season, such as the same day of the week: the naive forecast, missing only where a
    series has no such past. A row without a target is one to forecast. Steps are counted by the
    calendar, so a missing row is a gap and shifts nothing. Raises ProjectError for a row without a
    time and for two rows of one series in one step.
    """
    steps, series = step_numbers(frame[data.time], data.step), _series_numbers(frame, data)
    copies = pd.DataFrame({"step": steps, "series": series}).duplicated().to_numpy()
    if copies.any():
        first = frame[[data.time, *data.series]][copies].iloc[0].to_dict()
        raise ProjectError(f"{copies.sum()} rows repeat step and series of another, as {first}")
    ahead = _steps_ahead(frame, steps, data)
    rows = steps - steps.min() + data.horizon + data.season  # as far as a past can reach
    known = np.full((rows.max() + 1, series.max() + 1), np.nan)
    known[rows, series] = frame[data.target].to_numpy("float64")
    origin, same_season = rows - ahead, rows - -(-ahead // data.season) * data.season
    by_season, by_value = _past(pd.DataFrame(known), data.season)
    tables = [(table, same_season) for table in by_season] + [(table, origin) for table in by_value]
    past = [table.to_numpy()[places, series] for table, places in tables]
    season_before = by_season[0].to_numpy()[origin - data.season, series]
    past.append(past[0] - season_before)  # what the season did from there to where the row is
    return frame.assign(**dict(zip(PAST, [*past, ahead.astype("float64")], strict=True)))


def _steps_ahead(frame: pd.DataFrame, steps: np.ndarray, data: Data) -> np.ndarray:
    """Return how many steps before each row its forecast is made, 1 to `horizon`.

    Rows to forecast: the steps from the newest target. Others, to learn and to measure by: a
    number that depends on the calendar alone and is as often in each season. Source: the
    multiplicative hash of Knuth, The Art of Computer Programming 3, 6.4.
    """
    spread = (steps * 2654435769 % 2**32 * data.horizon >> 32) + 1
    beyond = _steps_beyond(frame, data).to_numpy()
    return np.where(beyond > 0, np.minimum(beyond, data.horizon), spread).astype("int64")


def step_numbers(times: pd.Series, step: str) -> np.ndarray:
    """Return the numbers of the steps of the calendar (days, months…) that the times fall into."""
    if missing := int(times.isna().sum()):
        raise ProjectError(f"{missing} rows have no {times.name!r}, which orders the rows")
    numbers: np.ndarray = pd.PeriodIndex(times, freq=step).asi8 // pd.Period("2000", step).freq.n
    return numbers


def _series_numbers(frame: pd.DataFrame, data: Data) -> np.ndarray:
    if not data.series:
        return np.zeros(len(frame), dtype="int64")
    return frame.groupby(data.series, dropna=False).ngroup().to_numpy()


def _past(known: pd.DataFrame, season: int) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """Return tables of the past, by season and by value: a row for each step, a column a series."""
    seasons = known.groupby(known.index % season)
    lately = seasons.transform(lambda s: s.rolling(4, min_periods=1).mean())
    means = [known.rolling(count, min_periods=1).mean() for count in (season, 4 * season)]
    return [seasons.ffill(), lately], [known, *means, means[0] - means[1]]


def whole(batches: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return all rows at once: a row to forecast may need any earlier one."""
    return pd.concat(batches, ignore_index=True)


def ahead(check: Check, data: Data) -> Check:
    """Have `check` return the rows to forecast only, with their past, and reasons for the others.

    To forecast are the rows without a target; all rows where each has one.
    """

    def checked(frame: pd.DataFrame) -> Checked:
        valid, reasons = check(frame)
        if valid.empty:
            return valid, reasons
        copies = valid.index[valid.duplicated() & data.drop_duplicates]
        found = with_history(valid.drop(index=copies), data)
        unknown = frame[data.target].isna()
        wanted = found[unknown[found.index]] if unknown.any() else found
        far = wanted.index[_steps_beyond(found, data)[wanted.index] > data.horizon]
        early = wanted.index[wanted[NAIVE].isna()].difference(far)
        refused = {"repeats an earlier row": copies, "no past": early, "beyond the horizon": far}
        more = [
            pd.DataFrame({"row": rows, "column": data.time, "value": "", "reason": reason})
            for reason, rows in refused.items()
        ]
        reasons = pd.concat([reasons, *more]).sort_values("row", ignore_index=True)
        return wanted.drop(index=early.union(far)), reasons

    return checked


def _steps_beyond(frame: pd.DataFrame, data: Data) -> pd.Series:
    """Count the steps from the newest target of a row's series to the row."""
    steps = pd.Series(step_numbers(frame[data.time], data.step), frame.index)
    known = steps.where(frame[data.target].notna())
    return steps - known.groupby(_series_numbers(frame, data)).transform("max")
