"""Share of intervals that hold the true value, by case: nominal 95 %.

Run it with a rendered project's `src/` as the argument; it prints a table: areas and shares of a
classification, R2 of a regression (also of a window against the test rows, as the monitor asks),
the others of both. `RUNS=100` is a quick look; a word after `src/` takes the cases with it in
their name. Where the project gives no interval, as too few rows are independent, nothing is held
and nothing missed.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import signal, stats

DRAWS, RUNS = 200, int(os.environ.get("RUNS", 1_000))
NONE = np.empty(0)
RANDOM = np.random.default_rng(0)
# Draws, value, units, most rows of a share, truth, and the metric without each span of time; for R2
# also truth and prediction.
Case = tuple[np.ndarray, float, float, float | None, float, np.ndarray, *tuple[np.ndarray, ...]]
ERRORS: dict[str, Callable[[int], np.ndarray]] = {
    "normal": lambda rows: RANDOM.normal(size=rows),
    "Laplace": lambda rows: RANDOM.laplace(size=rows) / 2**0.5,
    "t5": lambda rows: RANDOM.standard_t(5, size=rows) / (5 / 3) ** 0.5,
    "t3": lambda rows: RANDOM.standard_t(3, size=rows) / 3**0.5,
    "lognormal": lambda rows: (
        (RANDOM.lognormal(size=rows) - np.exp(0.5)) / ((np.e - 1) * np.e) ** 0.5
    ),
}
# Beyond what any sample of this size can tell.
ERRORS_BEYOND: dict[str, Callable[[int], np.ndarray]] = {
    "t2.5": lambda rows: RANDOM.standard_t(2.5, size=rows) / 5**0.5,
    "2 % ten times as large": lambda rows: (
        RANDOM.normal(size=rows) * np.where(RANDOM.random(rows) < 0.02, 10, 1) / 2.98**0.5
    ),
}


def shares(rate: float, rows: int) -> Iterator[Case]:
    """Yield runs of a share, such as accuracy."""
    for _ in range(RUNS):
        values = RANDOM.random(rows) < rate
        draws = values[RANDOM.integers(rows, size=(DRAWS, rows))].mean(axis=1)
        yield draws, float(values.mean()), rows, rows, rate, NONE


def areas(area: float, positives: int, negatives: int) -> Iterator[Case]:
    """Yield runs of an area under the ROC curve, of normal scores."""
    apart, rows = stats.norm.ppf(area) * 2**0.5, positives + negatives
    positive = np.arange(rows) < positives
    for _ in range(RUNS // 2):
        score = RANDOM.normal(size=rows) + apart * positive
        picks = RANDOM.integers(rows, size=(DRAWS, rows))
        draws = np.array([_area(positive[rows], score[rows]) for rows in picks])
        most = 4 * min(positives, negatives) * max(positives, negatives) / rows
        yield draws, _area(positive, score), rows, most, area, NONE


def _area(positive: np.ndarray, score: np.ndarray) -> float:
    count = int(positive.sum())
    if not (pairs := count * (len(positive) - count)):
        return float("nan")
    return float((stats.rankdata(score)[positive].sum() - count * (count + 1) / 2) / pairs)


def groups(sizes: list[int], skewed: bool = False) -> Iterator[Case]:
    """Yield runs of a mean over groups with an intraclass correlation of 0.3, or skewed groups."""
    rows, count = np.array(sizes), len(sizes)
    for _ in range(RUNS):
        own = RANDOM.exponential(size=count) - 1 if skewed else RANDOM.normal(size=count)
        sums = rows * own * 0.3**0.5 + RANDOM.normal(size=count) * (0.7 * rows) ** 0.5
        picks = RANDOM.integers(count, size=(DRAWS, count))
        draws = sums[picks].sum(axis=1) / rows[picks].sum(axis=1)
        units = rows.sum() ** 2 / (rows**2).sum()
        yield draws, float(sums.sum() / rows.sum()), float(units), None, 0.0, NONE


def of_determination(rows: int, kind: str, share: float = 0.5) -> Iterator[Case]:
    """Yield runs of an R2, with errors of one kind; the target has a variance of 2."""
    make = (ERRORS | ERRORS_BEYOND)[kind]
    for _ in range(RUNS):
        known = RANDOM.normal(size=rows) * (2 * share) ** 0.5
        errors = make(rows) * (2 - 2 * share) ** 0.5
        truth, picks = known + errors, RANDOM.integers(rows, size=(DRAWS, rows))
        draws = 1 - (errors[picks] ** 2).mean(axis=1) / truth[picks].var(axis=1)
        value = 1 - float((errors**2).mean() / truth.var())
        yield draws, value, rows, None, share, NONE, truth, known


def of_a_window(rows: int, tested: int, kind: str) -> Iterator[tuple[Case, Case]]:
    """Yield runs of R2 on a window and on test rows, of a model that is as good as before."""
    yield from zip(of_determination(rows, kind), of_determination(tested, kind), strict=True)


def _lasting(correlation: float, rows: int) -> np.ndarray:
    errors = RANDOM.normal(size=rows)
    errors[1:] *= (1 - correlation**2) ** 0.5
    lasting: np.ndarray = signal.lfilter([1], [1, -correlation], errors)
    return lasting


def in_time(correlation: float, rows: int, blocks: int) -> Iterator[Case]:
    """Yield runs of a mean of errors that last."""
    for _ in range(RUNS):
        errors = _lasting(correlation, rows)
        means = errors.reshape(blocks, -1).mean(axis=1)
        draws = means[RANDOM.integers(blocks, size=(DRAWS, blocks))].mean(axis=1)
        spans = np.array([part.mean() for part in np.array_split(errors, 64)])
        yield draws, float(errors.mean()), blocks, None, 0.0, -spans


def areas_in_time(correlation: float, rows: int, blocks: int) -> Iterator[Case]:
    """Yield runs of an area of 0.8: classes at random, scores whose errors last."""
    for _ in range(RUNS // 2):
        positive = RANDOM.random(rows) < 0.5
        score = _lasting(correlation, rows) + stats.norm.ppf(0.8) * 2**0.5 * positive
        inside = np.arange(rows).reshape(blocks, -1)
        picks = (inside[pick].ravel() for pick in RANDOM.integers(blocks, size=(DRAWS, blocks)))
        draws = np.array([_area(positive[pick], score[pick]) for pick in picks])
        spans = np.arange(rows) * 64 // rows
        without = [_area(positive[spans != i], score[spans != i]) for i in range(64)]
        yield draws, _area(positive, score), blocks, rows, 0.8, np.array(without)


def _table(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"prediction": values})


def main() -> None:
    """Print the table."""
    source = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(source))
    package = next(path.parent.name for path in source.glob("*/settings.py"))
    evaluate = importlib.import_module(f"{package}.steps.evaluate")
    monitor = importlib.import_module(f"{package}.operate.monitor")
    blocks = importlib.import_module(f"{package}.steps.split").BLOCKS
    cases: dict[str, Iterator[Any]] = {
        "area 0.988, 57 and 57 rows": areas(0.988, 57, 57),
        "area 0.96, 5 and 95 rows": areas(0.96, 5, 95),
        "area 0.86, 10 and 10 rows": areas(0.86, 10, 10),
        "area 0.86, 5 and 5 rows": areas(0.86, 5, 5),
        "area 0.80, 57 and 57 rows": areas(0.80, 57, 57),
        "share 0.97, 114 rows": shares(0.97, 114),
        "share 0.8, 200 rows": shares(0.8, 200),
        "share 0.8, 10 rows": shares(0.8, 10),
        **{f"{count} groups": groups([10] * count) for count in (4, 5, 10, 20, 100)},
        "one group of 60 rows, 14 of 10": groups([60] + [10] * 14),
        "one group of 100 rows, 9 of 10": groups([100] + [10] * 9),
        "20 groups, skewed": groups([10] * 20, skewed=True),
        "20 groups, skewed and unequal": groups([100, 80, 60] + [10] * 17, skewed=True),
        **{
            f"R2 0.5, {rows:,} rows, {kind} errors": of_determination(rows, kind)
            for kind in ERRORS
            for rows in (50, 100, 300, 1_000)
        },
        **{
            f"R2, {rows:,} rows against {tested:,} of before, {kind} errors": of_a_window(
                rows, tested, kind
            )
            for kind in ("normal", "t3", "lognormal")
            for rows, tested in ((1_000, 200), (200, 1_000))
        },
        **{
            f"in time, correlation {rho}, 304 rows": in_time(rho, 304, blocks)
            for rho in (0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99)
        },
        "in time, correlation 0.99, 3,200 rows": in_time(0.99, 3_200, blocks),
        "area 0.80 in time, correlation 0.8, 304 rows": areas_in_time(0.8, 304, blocks),
        **{
            f"R2 {share}, {rows:,} rows, {kind} errors": of_determination(rows, kind, share)
            for kind, share, sizes in (
                ("lognormal", 0.5, (20, 30, 50)),
                ("lognormal", 0.9, (30, 50, 100)),
                *((kind, 0.5, (50, 100, 300, 1_000)) for kind in ERRORS_BEYOND),
            )
            for rows in sizes
        },
    }
    print("| case | percentiles | ours | of those given | given |\n|---|---:|---:|---:|---:|")
    squares = hasattr(evaluate, "heaviness")

    def estimate(case: Case) -> Any:
        draws, value, units, most, _, without, *known = case
        told = evaluate.of_rows("r2", pd.Series(known[0]), _table(known[1])) if known else most
        return evaluate.Estimate(value, draws, units, without, *([] if told is None else [told]))

    wanted = "".join(sys.argv[2:])
    for name, runs in cases.items():
        if wanted not in name:
            continue
        if name.startswith("R2") != squares and name.startswith(("R2", "area", "share")):
            continue
        plain = ours = given = count = 0
        for case in runs:
            count += 1
            if isinstance(case[0], tuple):
                found, truth = monitor.since(*map(estimate, case)), 0.0
            else:
                found, truth = estimate(case), case[4]
            low, high = np.nanquantile(found.draws, [0.025, 0.975])
            plain += low <= truth <= high
            low, high = found.interval(0.95)
            given += not np.isnan(low)
            ours += low <= truth <= high
        missed = given - ours
        held = f"{ours / given:.0%}" if given else "none"
        found = f"{plain / count:.0%} | {1 - missed / count:.0%} | {held} | {given / count:.0%}"
        print(f"| {name} | {found} |", flush=True)


if __name__ == "__main__":
    main()
