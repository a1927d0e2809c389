"""The report of the last run: data, baselines, model and verdict on one page that needs no net."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .settings import Settings


def render(settings: Settings, reports: Path) -> str:
    """Return the page as HTML. Parts that the run did not reach are named as missing."""
    found = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in reports.glob("*.json")}
    metrics: dict[str, Any] = found.get("metrics", {})
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html").render(
        project=__package__,
        settings=settings,
        metric=settings.evaluate.metric,
        made=datetime.now(UTC),
        scores={name: metrics[name] for name in ("model", "linear", "trivial") if name in metrics},
        gains={name: metrics.get(f"gain_over_{name}") for name in ("linear", "trivial")},
        plots={p.stem: _svg(p) for p in _ordered(reports / "plots")},
        found=found,
    )


def _ordered(folder: Path) -> list[Path]:
    """List the figures, the comparison with the baselines first."""
    return sorted(folder.glob("*.svg"), key=lambda path: (path.stem != "intervals", path.stem))


def _svg(path: Path) -> Markup:
    """Return the drawing without its XML prologue, to stand inside the page."""
    svg = "<svg" + path.read_text(encoding="utf-8").split("<svg", 1)[1]
    return Markup(svg)  # noqa: S704  drawn by matplotlib, which escapes the texts in it
