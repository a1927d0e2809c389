"""Figures as SVG files, the same bytes for the same figures."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

matplotlib.rcParams.update({"svg.hashsalt": "figures", "svg.fonttype": "none"})


def intervals(scores: dict[str, dict[str, float]], metric: str) -> Figure:
    """Draw the metric of each model with its confidence interval."""
    figure = Figure(figsize=(6, 1.8))
    axes = figure.subplots()
    for place, values in enumerate(reversed(scores.values())):
        low, high = values[f"{metric}_low"], values[f"{metric}_high"]
        axes.plot([low, high], [place, place], lw=6, alpha=0.35, color="C0")
        axes.plot(values[metric], place, "o", color="C0")
    axes.set_yticks(range(len(scores)), list(reversed(scores)))
    axes.set_xlabel(f"{metric} on the test set, with its confidence interval")
    axes.margins(y=0.3)
    return figure


def save(figures: dict[str, Figure], folder: Path) -> None:
    """Write each figure to `folder`/<name>.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
