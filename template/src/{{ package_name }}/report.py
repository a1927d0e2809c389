"""The report of the last run: data, baselines, model and verdict on one page that needs no net."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from .settings import Settings

matplotlib.rcParams.update({"svg.hashsalt": "report", "svg.fonttype": "none"})


def render(settings: Settings, reports: Path) -> str:
    """Return the page as HTML. Parts that the run did not reach are named as missing."""
    found = {path.stem: _json(path) for path in reports.glob("*.json")}
    metric, metrics = settings.evaluate.metric, found.get("metrics", {})
    scores = {name: metrics[name] for name in ("model", "linear", "trivial") if name in metrics}
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html").render(
        settings=settings,
        metric=metric,
        made=datetime.now(UTC),
        scores=scores,
        gains={name: metrics.get(f"gain_over_{name}") for name in ("linear", "trivial")},
        intervals=_intervals(scores, metric) if scores else None,
        plots={path.stem: _plot(path) for path in sorted((reports / "plots").glob("*.csv"))},
        found=found,
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _svg(figure: Figure) -> Markup:
    """Inline SVG; matplotlib escapes the texts in it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    return Markup("<svg" + buffer.getvalue().split("<svg", 1)[1])


def _intervals(scores: dict[str, dict[str, float]], metric: str) -> Markup:
    figure = Figure(figsize=(6, 1.8))
    axes = figure.subplots()
    for place, (name, values) in enumerate(reversed(scores.items())):
        low, high = values[f"{metric}_low"], values[f"{metric}_high"]
        axes.plot([low, high], [place, place], lw=6, alpha=0.35, solid_capstyle="butt", color="C0")
        axes.plot(values[metric], place, "o", color="C0")
    axes.set_yticks(range(len(scores)), list(reversed(scores)))
    axes.set_xlabel(f"{metric} on the test set, with its confidence interval")
    axes.margins(y=0.3)
    return _svg(figure)


def _plot(path: Path) -> Markup:
    frame, figure = pd.read_csv(path), Figure(figsize=(4.6, 4.2))
    axes = figure.subplots()
    {"confusion": _confusion, "roc": _roc, "fit": _fit}[path.stem](frame, axes)
    return _svg(figure)


def _confusion(frame: pd.DataFrame, axes: Any) -> None:
    table = pd.crosstab(frame["actual"], frame["predicted"])
    axes.imshow(table, cmap="Blues")
    for row, column in ((r, c) for r in range(table.shape[0]) for c in range(table.shape[1])):
        count = table.iat[row, column]
        colour = "white" if count > table.to_numpy().max() / 2 else "black"
        axes.text(column, row, count, ha="center", va="center", color=colour)
    axes.set_xticks(range(table.shape[1]), table.columns, rotation=30)
    axes.set_yticks(range(table.shape[0]), table.index)
    axes.set(xlabel="predicted", ylabel="actual", title="Confusion")


def _roc(frame: pd.DataFrame, axes: Any) -> None:
    for label, curve in frame.groupby("class"):
        axes.plot(curve["false_positive_rate"], curve["true_positive_rate"], label=str(label))
    axes.plot([0, 1], [0, 1], ls="--", color="grey")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
    axes.legend(title="class")


def _fit(frame: pd.DataFrame, axes: Any) -> None:
    ends = [frame.to_numpy().min(), frame.to_numpy().max()]
    axes.plot(frame["actual"], frame["predicted"], ".", alpha=0.5)
    axes.plot(ends, ends, ls="--", color="grey")
    axes.set(xlabel="actual", ylabel="predicted", title="Predicted against actual")
