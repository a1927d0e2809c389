"""`poe metrics`: the figures of the last run with their intervals, as a table."""

import json
import sys

import pandas as pd

from .. import paths
from ..errors import run


def table(metrics: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Return a row for each figure, a column for each model; a gain over a baseline has a row."""
    gains = {name: own for name, own in metrics.items() if name.startswith("gain_over_")}
    models = {n: own for n, own in metrics.items() if isinstance(own, dict) and n not in gains}
    rows = {f"{name} {end}": {"model": own[end]} for name, own in gains.items() for end in own}
    figures = pd.concat([pd.DataFrame(models), pd.DataFrame(rows).T])
    return figures.reindex(columns=list(models)).round(4)


def main() -> None:
    """Print reports/metrics.json as a table."""
    metrics = json.loads(paths.METRICS.read_text(encoding="utf-8"))
    sys.stdout.write(table(metrics).to_string(na_rep="") + "\n")


if __name__ == "__main__":
    run(main)
