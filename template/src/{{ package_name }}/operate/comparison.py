"""The distribution of a column, then and now, as a figure."""

import io

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from .drift import is_number, levels


def pair(reference: pd.Series, window: pd.Series) -> Figure:
    """Draw the distribution of a column in training (or test) and in the window."""
    figure = Figure(figsize=(4.6, 2.6))
    axes = figure.subplots()
    sides = {"reference": reference, "window": window}
    if is_number(reference):
        numbers = {name: pd.to_numeric(s, errors="coerce").dropna() for name, s in sides.items()}
        both = pd.concat(list(numbers.values()))
        edges = np.linspace(both.quantile(0.01), both.quantile(0.99), 25)  # shows no single row
        for name, values in numbers.items():
            shown = np.histogram(values.clip(edges[0], edges[-1]), edges)[0]
            axes.stairs(shown / max(1, len(sides[name])), edges, fill=True, alpha=0.5, label=name)
    else:
        counts = levels(reference, window).sort_values("reference", ascending=False)
        shares = (counts / counts.sum()).loc[counts.max(axis="columns").nlargest(15).index]
        for place, name in enumerate(sides):
            where = np.arange(len(shares)) + 0.4 * place
            axes.barh(where, shares[name], 0.4, alpha=0.5, label=name)
        texts = [text[:30] for text in shares.index]
        axes.set_yticks(np.arange(len(texts)) + 0.2, texts, parse_math=False)
        axes.invert_yaxis()
    axes.set(**{"ylabel" if is_number(reference) else "xlabel": "share of rows"})
    axes.legend(frameon=False)
    return figure


def svg(figure: Figure) -> Markup:
    """Return a figure as a part of a page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    return Markup("<svg" + text.getvalue().split("<svg", 1)[1])  # noqa: S704  matplotlib escapes
