"""`poe metrics`: the figures of the last run, in two tables that fit a terminal."""

import json
import sys

from .. import paths

Figures = dict[str, dict[str, float]]
ENDS = ("_low", "_high")
MODEL = "model"


def tables(metrics: Figures) -> str:
    """Return a line for each figure, a column for each model; below, what the model gains.

    An interval stands in brackets; of the baselines the figures alone are shown.
    """
    models = {name: own for name, own in metrics.items() if "value" not in own}
    gains = {name: own for name, own in metrics.items() if "value" in own}
    names = {name: None for own in models.values() for name in own if not name.endswith(ENDS)}
    rows = [["", *models]]
    rows += [
        [name, *(cell(own, name, of == MODEL) for of, own in models.items())] for name in names
    ]
    below = [
        [name.replace("_", " "), interval(own["value"], own["low"], own["high"])]
        for name, own in gains.items()
    ]
    return "\n\n".join(aligned(part) for part in (rows, below) if part)


def cell(figures: dict[str, float], name: str, with_interval: bool) -> str:
    """Return a figure, with its interval where it is wanted and there is one."""
    if name not in figures:
        return "-"
    if with_interval and f"{name}_low" in figures:
        return interval(figures[name], figures[f"{name}_low"], figures[f"{name}_high"])
    return f"{figures[name]:.3f}"


def interval(value: float, low: float, high: float) -> str:
    """Return a figure with its interval."""
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def aligned(rows: list[list[str]]) -> str:
    """Return rows whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    sys.stdout.write(tables(json.loads(paths.METRICS.read_text(encoding="utf-8"))) + "\n")
