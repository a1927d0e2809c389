"""`poe metrics`: the figures of the last run, in two tables that fit a terminal."""

import json
import sys

from .. import paths

Figures = dict[str, dict[str, float]]
ENDS = ("_low", "_high")


def tables(metrics: Figures) -> str:
    """Return a line for each figure of each model, and one for each gain; intervals in brackets."""
    models = {name: own for name, own in metrics.items() if "value" not in own}
    gains = {name: own for name, own in metrics.items() if "value" in own}
    names = {name: None for own in models.values() for name in own if not name.endswith(ENDS)}
    rows = [["", *models], *([name, *(cell(own, name) for own in models.values())] for name in names)]
    below = [[name.replace("_", " "), cell(own, "value", "")] for name, own in gains.items()]
    return "\n\n".join(aligned(part) for part in (rows, below) if part)


def cell(figures: dict[str, float], name: str, prefix: str | None = None) -> str:
    """Return a figure, with its interval where it has one."""
    if name not in figures:
        return "-"
    start = f"{name}_" if prefix is None else prefix
    ends = [figures.get(f"{start}{end}") for end in ("low", "high")]
    text = f"{figures[name]:.3f}"
    return text if None in ends else f"{text} [{ends[0]:.3f}, {ends[1]:.3f}]"


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
