"""Share of intervals that hold the true value, by case: nominal 95 %.

Run it with a rendered classification project's `src/` as the argument; it prints a table.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import stats

DRAWS, RUNS = 200, 300
Case = tuple[np.ndarray, float, int, float | None, float]  # draws, value, units, most, truth
RANDOM = np.random.default_rng(0)


def shares(rate: float, rows: int) -> Iterator[Case]:
    """Yield runs of a share, such as accuracy."""
    for _ in range(RUNS):
        values = RANDOM.random(rows) < rate
        draws = values[RANDOM.integers(rows, size=(DRAWS, rows))].mean(axis=1)
        yield draws, float(values.mean()), rows, rows, rate


def areas(area: float, positives: int, negatives: int) -> Iterator[Case]:
    """Yield runs of an area under the ROC curve, of normal scores."""
    apart, rows = stats.norm.ppf(area) * 2**0.5, positives + negatives
    positive = np.arange(rows) < positives
    for _ in range(RUNS):
        score = RANDOM.normal(size=rows) + apart * positive
        picks = RANDOM.integers(rows, size=(DRAWS, rows))
        draws = np.array([_area(positive[rows], score[rows]) for rows in picks])
        most = 4 * min(positives, negatives) * max(positives, negatives) / rows
        yield draws, _area(positive, score), rows, most, area


def _area(positive: np.ndarray, score: np.ndarray) -> float:
    count = int(positive.sum())
    if not (pairs := count * (len(positive) - count)):
        return float("nan")
    return float((stats.rankdata(score)[positive].sum() - count * (count + 1) / 2) / pairs)


def groups(count: int) -> Iterator[Case]:
    """Yield runs of a mean over groups of ten rows with an intraclass correlation of 0.3."""
    for _ in range(RUNS):
        own = RANDOM.normal(size=(count, 1)) * 0.3**0.5
        means = (own + RANDOM.normal(size=(count, 10)) * 0.7**0.5).mean(axis=1)
        draws = means[RANDOM.integers(count, size=(DRAWS, count))].mean(axis=1)
        yield draws, float(means.mean()), count, None, 0.0


def in_time(correlation: float, rows: int, blocks: int) -> Iterator[Case]:
    """Yield runs of a mean of errors that last."""
    for _ in range(RUNS):
        errors = RANDOM.normal(size=rows)
        for i in range(1, rows):
            errors[i] = correlation * errors[i - 1] + (1 - correlation**2) ** 0.5 * errors[i]
        means = errors.reshape(blocks, -1).mean(axis=1)
        draws = means[RANDOM.integers(blocks, size=(DRAWS, blocks))].mean(axis=1)
        yield draws, float(errors.mean()), blocks, None, 0.0


def main() -> None:
    """Print the table."""
    source = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(source))
    package = next(path.parent.name for path in source.glob("*/settings.py"))
    evaluate = importlib.import_module(f"{package}.steps.evaluate")
    blocks = importlib.import_module(f"{package}.steps.split").BLOCKS
    cases = {
        "area 0.988, 57 and 57 rows": areas(0.988, 57, 57),
        "area 0.96, 5 and 95 rows": areas(0.96, 5, 95),
        "area 0.86, 10 and 10 rows": areas(0.86, 10, 10),
        "area 0.86, 5 and 5 rows": areas(0.86, 5, 5),
        "area 0.80, 57 and 57 rows": areas(0.80, 57, 57),
        "share 0.97, 114 rows": shares(0.97, 114),
        "share 0.8, 200 rows": shares(0.8, 200),
        "share 0.8, 10 rows": shares(0.8, 10),
        **{f"{count} groups": groups(count) for count in (5, 10, 20, 100)},
        **{
            f"in time, correlation {rho}, 304 rows": in_time(rho, 304, blocks)
            for rho in (0.5, 0.8, 0.95)
        },
    }
    print("| case | percentiles | ours |\n| --- | ---: | ---: |")
    for name, runs in cases.items():
        plain = ours = 0
        for draws, value, units, most, truth in runs:
            low, high = np.nanquantile(draws, [0.025, 0.975])
            plain += low <= truth <= high
            low, high = (
                evaluate.interval(draws, 0.95, value, units)
                if most is None
                else evaluate.of_share(draws, 0.95, value, units, most)
            )
            ours += low <= truth <= high
        print(f"| {name} | {plain / RUNS:.0%} | {ours / RUNS:.0%} |", flush=True)


if __name__ == "__main__":
    main()
