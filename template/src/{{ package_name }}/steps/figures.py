"""Figures as SVG files, the same bytes for the same figures."""

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from pandas.api.types import is_bool_dtype, is_numeric_dtype

LONGEST = 40
# Names come from data: a dollar sign in one starts no formula.
matplotlib.rcParams.update(
    {"svg.hashsalt": "figures", "svg.fonttype": "none", "text.parse_math": False}
)


def intervals(scores: dict[str, dict[str, float]], metric: str, about: str) -> Figure:
    """Draw the metric of each entry with its interval, the first entry on top."""
    figure = Figure(figsize=(6, 0.6 + 0.4 * len(scores)))
    axes = figure.subplots()
    for place, values in enumerate(reversed(scores.values())):
        low, high = values[f"{metric}_low"], values[f"{metric}_high"]
        axes.plot([low, high], [place, place], lw=6, alpha=0.35, color="C0")
        axes.plot(values[metric], place, "o", color="C0")
    axes.set_yticks(range(len(scores)), [name[:LONGEST] for name in reversed(scores)])
    axes.set_xlabel(f"{metric} {about}")
    axes.margins(y=0.3 / len(scores))
    return figure


def curves(table: pd.DataFrame, name: str) -> Figure:
    """Draw the columns of a table against its index, which holds values of `name`."""
    figure = Figure(figsize=(4.6, 3.2))
    axes = figure.subplots()
    numbers = is_numeric_dtype(table.index) and not is_bool_dtype(table.index)
    shown = table.index if numbers else [str(value)[:LONGEST] for value in table.index]
    for label, line in table.items():
        axes.plot(shown, line, "-" if numbers else "o", label=str(label)[:LONGEST])
    axes.tick_params(axis="x", rotation=0 if numbers else 30)
    axes.set(xlabel=name[:LONGEST], ylabel="mean prediction")
    axes.legend()
    return figure


def save(figures: dict[str, Figure], folder: Path) -> None:
    """Write each figure to `folder`/<name>.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
