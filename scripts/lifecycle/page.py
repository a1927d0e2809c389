"""The story of the play on one page that works offline."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scripts.lifecycle.story import Story
from scripts.lifecycle.traffic import Answer, Traffic

HERE = Path(__file__).parent
COLOURS = {"1": "#2563a8", "2": "#2f8f5b"}
SHOWN_LINES = 14
TURNS = ("Promote v2", "Promote v3: refused", "Roll back")


def write_page(story: Story, traffic: Traffic, target: Path) -> Path:
    """Write the page and return where."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    answers = traffic.answers
    latencies = np.quantile([answer.latency for answer in answers], [0.5, 0.99])
    reports = ("reports/report.html", "reports/monitoring/monitor.html", "docs/model/card.md")
    page = environment.get_template("page.html").render(
        steps=story.steps,
        shown=shown,
        seconds=story.now(),
        answers=len(answers),
        rows=len(answers) * 10,
        failed=sum(answer.status != 200 for answer in answers),
        median=latencies[0],
        high=latencies[1],
        service_exit=story.facts["service_exit"],
        served=svg((8.6, 2.6), lambda axes: served(axes, story, answers)),
        drift=svg((8.6, 2.8), lambda axes: drifted(axes, story.facts)),
        messages=story.messages,
        history=history(story.facts["lineage"]),
        links=[(name, os.path.relpath(story.project / name, target.parent)) for name in reports],
    )
    target.write_text(page, encoding="utf-8")
    return target


def history(lineage: str) -> list[str]:
    """The last part of the output of `lineage`: every change of champion."""
    return [line[2:] for line in lineage.rpartition("## ")[2].splitlines() if line[:2] == "- "]


def shown(output: str) -> str:
    """The last lines of what a command printed."""
    lines = output.strip().splitlines()
    more = ["…"] if len(lines) > SHOWN_LINES else []
    return "\n".join([*more, *lines[-SHOWN_LINES:]])


def svg(size: tuple[float, float], draw: Callable[[Axes], None]) -> str:
    """Draw and return the picture as a data address."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def served(axes: Axes, story: Story, answers: list[Answer]) -> None:
    """Requests a second, by the version that answered; what happened when, above."""
    first, last = answers[0].at, answers[-1].at
    edges = np.arange(first, last + 1)
    versions = sorted({answer.version for answer in answers})
    times = [[a.at for a in answers if a.version == version] for version in versions]
    colours = [COLOURS.get(version, "#b4540a") for version in versions]
    axes.hist(times, bins=edges.tolist(), stacked=True, color=colours)
    for version, colour in zip(versions, colours, strict=True):
        axes.plot([], [], lw=6, color=colour, label=f"version {version}")
    axes.axvline(story.facts["changed"], color="#b4540a", lw=1)
    axes.annotate("the world changes", (story.facts["changed"], 1.02), **_above())
    turns = [step for step in story.steps if step.at > first and step.title in TURNS]
    for number, step in enumerate(turns):
        axes.axvline(step.at + step.seconds, color="#5b6675", lw=1, ls=":")
        height = 1.02 + 0.08 * (number % 2)  # two that follow each other do not overlap
        axes.annotate(step.title, (step.at + step.seconds, height), **_above())
    axes.set(xlabel="seconds since the start", ylabel="requests a second")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _above() -> dict[str, Any]:
    return {"xycoords": ("data", "axes fraction"), "ha": "center", "fontsize": 8}


def drifted(axes: Axes, facts: dict[str, Any]) -> None:
    """How far each column was from the training rows, before the change and after it."""
    before, after = ({c["name"]: c["effect"] for c in facts[f]["checks"] if "effect" in c}
                     for f in ("calm", "drift"))  # fmt: skip
    names = sorted(after, key=lambda name: after[name] or 0)
    places = np.arange(len(names))
    axes.barh(places + 0.2, [before.get(n) or 0 for n in names], 0.38, color="#9db7d5")
    axes.barh(places - 0.2, [after[n] or 0 for n in names], 0.38, color="#b4540a")
    axes.set_yticks(places, names)
    axes.set_xlabel("distance from the training rows: light before the change, dark after it")
