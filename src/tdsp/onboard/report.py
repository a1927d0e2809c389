"""The data report: one HTML page that works offline, with a plot of every column."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jinja2
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from tdsp.onboard.dictionary import span, visible
from tdsp.onboard.profile import NUMBERS, Column, Profile, show

DRAWN, SAMPLED, SHOWN_LEVELS = 60, 50_000, 10
# matplotlib types these classes, but not how they are made.
_AutoDateLocator: Any = AutoDateLocator
_ConciseDateFormatter: Any = ConciseDateFormatter
BLUE, GREY = "#2563a8", "#8a94a3"
CLASS_COLOURS = ["#2563a8", "#d1662b", "#3a8a5f", "#8a5fb0", "#b03a5b"]
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tdsp",
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Picture:
    """An image as a data address, with the words for who cannot see it."""

    source: str
    alt: str


def build(profile: Profile, frame: pd.DataFrame, title: str) -> str:
    """Return the page as HTML text; plots say so when SAMPLED or DRAWN cut them."""
    sample = frame.sample(SAMPLED, random_state=0) if len(frame) > SAMPLED else frame
    parts = _parts(sample, profile)
    order = {c.name: (c.role in ("drop", "id"), -_told(c, sample, parts)) for c in profile.columns}
    order[profile.target] = (False, -2.0)  # first
    drawn = sorted(profile.columns, key=lambda c: order[c.name])[:DRAWN]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tdsp.onboard", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # Labels are drawn by the reader's browser, which has the letters that this font lacks.
        warnings.filterwarnings("ignore", message="Glyph")
        return environment.get_template("report.html").render(
            p=profile,
            title=title,
            cells=sum(column.missing for column in profile.columns),
            sampled=len(sample),
            target=_target(profile, sample),
            missing=_missing(profile),
            correlation=_correlation(drawn, sample, parts),
            columns=[(c, span(c), _column(c, profile, sample, parts)) for c in drawn],
            undrawn=len(profile.columns) - len(drawn),
            breakdowns=[_breakdown(c, frame, profile) for c in profile.columns if c.sensitive],
            groups=_groups(profile, frame),
        )


def _picture(draw: Callable[[Figure], None], size: tuple[float, float], alt: str) -> Picture:
    figure = Figure(figsize=size, layout="constrained")
    draw(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:image/svg+xml;base64,{data}", alt)


def _parts(sample: pd.DataFrame, profile: Profile) -> dict[str, pd.Series]:
    """Say what is averaged against each column: the target, or the share of each frequent class."""
    target = sample[profile.target]
    if profile.problem in NUMBERS:
        return {f"mean {profile.target}": target.astype("float64")}
    levels = list(target.value_counts().index)
    wanted = levels[-1:] if len(levels) == 2 else levels[: len(CLASS_COLOURS)]
    known = target.notna()
    return {f"share of {show(v)}": (target == v).astype("float64").where(known) for v in wanted}


def _target(profile: Profile, sample: pd.DataFrame) -> Picture:
    values = sample[profile.target].dropna()

    def draw(figure: Figure) -> None:
        _distribution(figure.subplots(), values, profile.problem not in NUMBERS)

    return _picture(draw, (6.4, 2.4), f"Distribution of the target {profile.target}")


def _distribution(axes: Axes, values: pd.Series, discrete: bool) -> None:
    if discrete or values.dtype == "str":
        counts = values.value_counts().head(SHOWN_LEVELS)[::-1]
        axes.barh(range(len(counts)), counts.to_numpy(), color=BLUE, height=0.7)
        axes.set_yticks(range(len(counts)), [_label(level) for level in counts.index])
    else:
        axes.hist(values.to_numpy(), bins=min(30, max(5, values.nunique())), color=BLUE)
        _dates(axes, values)
    axes.set_title("rows")


def _label(value: object) -> str:
    text = show(value)
    return text if len(text) <= 18 else text[:17] + "…"


def _missing(profile: Profile) -> Picture | None:
    columns = sorted((c for c in profile.columns if c.missing), key=lambda c: c.missing)[-30:]
    if not columns:
        return None

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shares = [100 * c.missing / profile.rows for c in columns]
        axes.barh(range(len(columns)), shares, color=BLUE, height=0.7)
        axes.set_yticks(range(len(columns)), [_label(c.name) for c in columns])
        axes.set_title("missing, % of rows")

    words = ", ".join(f"{c.name} {c.missing / profile.rows:.1%}" for c in columns[::-1][:8])
    return _picture(draw, (6.4, 0.7 + 0.2 * len(columns)), f"Missing values: {words}")


def _told(column: Column, sample: pd.DataFrame, parts: dict[str, pd.Series]) -> float:
    """Return the share of the target's variance between a column's levels, or tenths of rows."""
    values = sample[column.name]
    if column.unique < 2 or column.kind == "text" or column.role == "target":
        return 0.0
    if column.dtype != "str":
        values = values.rank(pct=True).mul(10).round()
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    between = (part.groupby(codes).transform("mean").var() / part.var() for part in parts.values())
    return max(float(np.nan_to_num(share)) for share in between)


def _correlation(
    columns: list[Column], sample: pd.DataFrame, parts: dict[str, pd.Series]
) -> Picture | None:
    numbers = [c for c in columns if c.kind == "number" and c.role == "feature" and c.unique > 1]
    table = sample[[c.name for c in numbers[:30]]]
    if len(parts) == 1:  # several classes have no rank
        table = pd.concat([pd.DataFrame(parts), table], axis=1)
    if table.shape[1] < 2:
        return None
    table, wanted = table.corr(method="spearman"), list(table.columns)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        image = axes.imshow(table.to_numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
        names = [_label(name) for name in wanted]
        axes.set_xticks(range(len(wanted)), names, rotation=90)
        axes.set_yticks(range(len(wanted)), names)
        figure.colorbar(image, shrink=0.6)

    side = 2.2 + 0.17 * len(wanted)
    return _picture(draw, (side + 0.6, side), "Rank correlations: " + _strongest(table))


def _strongest(table: pd.DataFrame) -> str:
    rows, columns = np.triu_indices(len(table), k=1)
    values = table.to_numpy()[rows, columns]
    top = [i for i in np.argsort(-np.abs(values)) if np.isfinite(values[i])][:3]
    names = table.columns
    return "; ".join(f"{names[rows[i]]} and {names[columns[i]]} {values[i]:.2f}" for i in top)


def _column(
    column: Column, profile: Profile, sample: pd.DataFrame, parts: dict[str, pd.Series]
) -> Picture | None:
    values = sample[column.name].dropna()
    plain = column.role != "id" and (column.dtype != "str" or column.kind != "text")
    if values.empty or not plain:
        return None
    related = column.role != "target" and column.unique > 1

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2) if related else (figure.subplots(), None)
        _distribution(left, values, discrete=column.dtype == "int64" and column.unique <= 20)
        if right is not None:
            _relation(right, sample[column.name], parts)

    alt = f"Distribution of {column.name}: {span(column)}"
    return _picture(draw, (6.4, 2.0), alt + (f"; relation to {profile.target}" if related else ""))


def _relation(axes: Axes, values: pd.Series, parts: dict[str, pd.Series]) -> None:
    """Means of the target over the levels, or over ten equally filled bins, of a column."""
    bins = _bins(values)
    upright = values.dtype == "str"
    for (name, part), colour in zip(parts.items(), CLASS_COLOURS, strict=False):
        means = part.groupby(bins, observed=True).mean()
        if upright:
            means = means.reindex(values.value_counts().head(SHOWN_LEVELS).index)[::-1]
            axes.plot(means.to_numpy(), range(len(means)), "o", color=colour, label=name)
            axes.set_yticks(range(len(means)), [_label(level) for level in means.index])
        else:
            points = means.index.to_numpy(), means.to_numpy()
            axes.plot(*points, "o-", ms=3, color=colour, label=name)
        line = axes.axvline if upright else axes.axhline
        line(float(part.mean()), color=colour, lw=0.8, ls=":")
    _honest_scale(axes, list(parts.values()), upright)
    _dates(axes, values)
    if len(parts) == 1:
        axes.set_title(f"{_label(next(iter(parts)))} (dotted: all rows)")
    else:
        axes.legend(frameon=False, fontsize=7)


def _honest_scale(axes: Axes, parts: list[pd.Series], upright: bool) -> None:
    """One scale for every column, so that a small difference looks small."""
    low, high = (axes.get_xlim if upright else axes.get_ylim)()
    ends = parts[0].quantile([0.1, 0.9])
    shares = all(part.dropna().isin([0.0, 1.0]).all() for part in parts)
    if shares:
        low, high = 0.0, max(high, 2 * max(float(part.mean()) for part in parts))
    else:
        low, high = min(low, float(ends.iloc[0])), max(high, float(ends.iloc[1]))
    (axes.set_xlim if upright else axes.set_ylim)(low, min(high, 1.02) if shares else high)


def _dates(axes: Axes, values: pd.Series) -> None:
    if values.dtype.kind == "M":
        locator = _AutoDateLocator(maxticks=7)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(_ConciseDateFormatter(locator))


def _bins(values: pd.Series) -> pd.Series:
    """For every row the level, or the median of the row's bin."""
    if values.dtype == "str" or values.nunique() <= SHOWN_LEVELS:
        return values
    codes = pd.qcut(values.rank(), SHOWN_LEVELS, labels=False, duplicates="drop")
    return codes.map(values.groupby(codes).median())


def _breakdown(column: Column, frame: pd.DataFrame, profile: Profile) -> dict[str, object]:
    """Rows and target of each level of a sensitive column (numbers in four equal parts)."""
    values = frame[column.name]
    if column.dtype != "str" and column.unique > SHOWN_LEVELS:
        values = _quarters(values)
    parts = _parts(frame, profile)
    counts = values.value_counts()
    rows = []
    for level in counts.sort_index().index[:20]:
        means = [f"{part[values == level].mean():.3g}" for part in parts.values()]
        rows.append([show(level), f"{counts[level]:,}", *means])
    if column.missing:
        means = [f"{part[values.isna()].mean():.3g}" for part in parts.values()]
        rows.append(["missing", f"{column.missing:,}", *means])
    return {"name": column.name, "head": list(parts), "rows": rows}


def _quarters(values: pd.Series) -> pd.Series:
    codes = pd.qcut(values.rank(), 4, labels=False, duplicates="drop")
    ends = values.groupby(codes).agg(["min", "max"])
    names = {
        c: f"{i}. {show(lo)} to {show(hi)}" for i, (c, lo, hi) in enumerate(ends.itertuples(), 1)
    }
    return codes.map(names).astype("str")


def _groups(profile: Profile, frame: pd.DataFrame) -> str:
    sizes = [(name, frame[name].value_counts()) for name in profile.role("group")]
    return "; ".join(
        f"{name}: {len(size):,} groups, {size.median():.0f} rows in the median group, "
        f"{size.max():,} in the largest"
        for name, size in sizes
    )
