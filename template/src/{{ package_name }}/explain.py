"""How the model treats groups, where it errs and what it goes by, all on the test rows."""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from . import problem
from .errors import ProjectError
from .evaluate import interval, resampled, score
from .figures import curves, intervals
from .settings import Settings
from .split import together

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BANDS, CATEGORIES = 4, 10
MISSING, OTHER = "(no value)", "(other)"
WORST, SHOWN, DRAWN = 10, 15, 4
# Bounds on the work: rows that are permuted, and predictions for all inputs together.
ROWS, PREDICTIONS = 2_000, 300

Measure = Callable[[Any, np.ndarray], float]
Predict = Callable[[pd.DataFrame], pd.DataFrame]


def banded(column: pd.Series) -> pd.Series:
    """Name the group of each row: a category, or a band of quantiles; no value is a group too.

    Categories beyond the most frequent ones are one group. The names are ordered by value.
    """
    present = column.dropna().sort_values(kind="stable")
    if present.nunique() > CATEGORIES and _in_order(present):
        bands = pd.qcut(present, BANDS, duplicates="drop")
        ends = present.groupby(bands, observed=True).agg(["min", "max"])
        spans = {band: f"{_short(low)} to {_short(high)}" for band, low, high in ends.itertuples()}
        names = bands.astype(object).map(spans)
    else:
        frequent = present.value_counts().index[:CATEGORIES]
        names = present.map(_short).where(present.isin(frequent), OTHER)
    kinds = [*dict.fromkeys(names), *([MISSING] if column.hasnans else [])]
    everything = names.astype(object).reindex(column.index, fill_value=MISSING)
    return everything.astype(pd.CategoricalDtype(kinds, ordered=True))


def _in_order(column: pd.Series) -> bool:
    return bool(is_numeric_dtype(column) or is_datetime64_any_dtype(column))


def _short(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def fairness(
    truth: pd.Series, predicted: pd.DataFrame, frame: pd.DataFrame, settings: Settings
) -> dict[str, Any]:
    """Compare the groups of each sensitive column: figures with intervals, difference, ratio.

    `kept` is the share of the overall `fairness.metric` that a group keeps, 1 if it fares no
    worse. Raises ProjectError when params.yaml names what is not there.
    """
    metric, data = settings.fairness.metric, settings.data
    if metric not in problem.FAIRNESS or not {*data.sensitive} <= {*frame.columns}:
        raise ProjectError(
            f"params.yaml: fairness.metric is one of {sorted(problem.FAIRNESS)}, not {metric!r};"
            f" data.sensitive names columns of the table, not {data.sensitive}"
        )
    deciding = problem.METRICS[settings.evaluate.metric]
    measures: dict[str, Measure] = {
        settings.evaluate.metric: lambda _, rows: score(deciding, truth, predicted, rows)
    }
    for name, values in problem.outcomes(truth, predicted).items():
        measures[str(name)] = partial(_mean, values.to_numpy("float64"))
    everyone = np.arange(len(frame))
    overall = {name: measure(None, everyone) for name, measure in measures.items()}
    linked, attributes = together(frame, data), []
    for name in data.sensitive:
        drawn = resampled(len(frame), linked, settings.evaluate.resamples, settings.split.seed)
        compared = _compare(banded(frame[name]), measures, drawn, settings.evaluate.confidence)
        for group in compared["groups"]:
            group["kept"] = _kept(group["figures"][metric], overall[metric], metric)
        attributes.append({"name": name, **compared})
    return {"metric": metric, "rows": len(frame), "overall": overall, "attributes": attributes}


def _mean(values: np.ndarray, _: Any, rows: np.ndarray) -> float:
    """Average what is known; an outcome is unknown where its question does not arise."""
    known = values[rows][~np.isnan(values[rows])]
    return float(known.mean()) if len(known) else float("nan")


def _compare(
    names: pd.Series, measures: dict[str, Measure], samples: Iterator[np.ndarray], confidence: float
) -> dict[str, Any]:
    """Measure by fairlearn; the positions of the rows stand for truth and prediction."""
    rows, codes = np.arange(len(names)), names.cat.codes.to_numpy()
    table = MetricFrame(metrics=measures, y_true=rows, y_pred=rows, sensitive_features=codes)
    groups = [(code, rows[codes == code]) for code in range(len(names.cat.categories))]
    draws = [
        [[m(None, drawn[codes[drawn] == code]) for m in measures.values()] for code, _ in groups]
        for drawn in samples
    ]
    found = []
    for code, members in groups:
        figures = {name: float(table.by_group.loc[code, name]) for name in measures}
        for name, values in zip(measures, np.array(draws)[:, code].T, strict=True):
            figures[f"{name}_low"], figures[f"{name}_high"] = interval(values, confidence)
        group = names.cat.categories[code]
        found.append({"group": group, "rows": len(members), "figures": figures})
    difference, ratio = table.difference().to_dict(), table.ratio()[[*problem.FAIRNESS]].to_dict()
    return {"groups": found, "difference": difference, "ratio": ratio}


def _kept(group: float, overall: float, metric: str) -> float:
    more_is_better = problem.FAIRNESS[metric]
    if group >= overall if more_is_better else group <= overall:
        return 1.0
    return group / overall if more_is_better else overall / group


def slices(
    truth: pd.Series, predicted: pd.DataFrame, frame: pd.DataFrame, settings: Settings
) -> dict[str, Any]:
    """Find the bands and categories of single columns where the model does surely worst.

    `gap` says by how much `fairness.metric` is worse than on all other rows. Its interval (normal
    approximation) is widened for the number of slices looked at. Source: Bonferroni's correction.
    """
    metric, least = settings.fairness.metric, settings.fairness.min_rows
    values = problem.outcomes(truth, predicted)[metric].to_numpy("float64")
    known, sign = ~np.isnan(values), 1 if problem.FAIRNESS[metric] else -1
    found: list[dict[str, Any]] = []
    for column in frame.columns.drop([settings.data.target, *settings.data.id]):
        names = banded(frame[column])
        for group in names.cat.categories:
            inside = (names == group).to_numpy()
            within, rest = values[inside & known], values[~inside & known]
            if min(len(within), len(rest)) < least:
                continue
            about = {"column": column, "group": group, "rows": len(within)}
            figures = {"value": float(within.mean()), "rest": float(rest.mean())}
            error = (within.var(ddof=1) / len(within) + rest.var(ddof=1) / len(rest)) ** 0.5
            gap = sign * (figures["rest"] - figures["value"])
            found.append({**about, **figures, "gap": gap, "error": float(error)})
    chance = (1 - settings.evaluate.confidence) / (2 * max(1, len(found)))
    width = NormalDist().inv_cdf(1 - chance)
    for entry in found:
        reach = width * entry.pop("error")
        entry |= {"gap_low": entry["gap"] - reach, "gap_high": entry["gap"] + reach}
    worst = sorted(found, key=lambda entry: -entry["gap_low"])[:WORST]
    return {"metric": metric, "looked_at": len(found), "slices": worst}


def importance(
    truth: pd.Series, predict: Predict, frame: pd.DataFrame, settings: Settings
) -> dict[str, Any]:
    """Measure how much the deciding metric falls when the values of one column are shuffled.

    Source: permutation importance of Breiman, Random Forests (2001), on rows kept from training.
    """
    deciding, seed = problem.METRICS[settings.evaluate.metric], settings.split.seed
    some = frame.sample(min(len(frame), ROWS), random_state=seed)
    actual, rows = truth.loc[some.index], np.arange(len(some))

    def measured(table: pd.DataFrame) -> float:
        return score(deciding, actual, predict(table), rows)

    names = [str(name) for name in frame if name not in settings.data.not_features]
    before, found = measured(some), list[dict[str, Any]]()
    repeats = max(2, min(10, PREDICTIONS // len(names)))
    for name in names:
        falls = []
        for repeat in range(repeats):
            shuffled = some[name].sample(frac=1, random_state=seed + repeat)
            falls.append(before - measured(some.assign(**{name: shuffled.set_axis(some.index)})))
        mean, std = float(np.mean(falls)), float(np.std(falls))
        ends = {"fall_low": mean - std, "fall_high": mean + std}
        found.append({"input": name, "fall": mean, "std": std, **ends})
    found.sort(key=lambda entry: -entry["fall"])
    return {"metric": settings.evaluate.metric, "repeats": repeats, "inputs": found}


def dependence(predict: Predict, frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the mean prediction when every row has the same value of a column, value by value.

    Of two classes the probability of the second, of more than two that of each.
    """
    some = frame.sample(min(len(frame), ROWS // 4), random_state=0)
    present = some[name].dropna()
    values = present.value_counts().index[:CATEGORIES].sort_values()
    if present.nunique() > CATEGORIES and _in_order(present):
        values = pd.Index(present.quantile(np.linspace(0.02, 0.98, 2 * CATEGORIES)).unique())
    means = []
    for value in values:
        predicted = predict(some.assign(**{name: value}))
        chances = predicted.columns.drop("prediction")
        means.append(predicted[chances[len(chances) == 2 :] if len(chances) else ["prediction"]])
    return pd.DataFrame([mean.mean() for mean in means], index=values)


def draw(
    predict: Predict, frame: pd.DataFrame, fairness: dict[str, Any], importance: dict[str, Any]
) -> dict[str, "Figure"]:
    """Draw each sensitive column's groups, the inputs' weight, and what the weightiest do."""
    drawn = {}
    for number, attribute in enumerate(fairness["attributes"], start=1):
        groups = {group["group"]: group["figures"] for group in attribute["groups"]}
        about = f"by {attribute['name']}, with its confidence interval"
        drawn[f"fairness_{number}"] = intervals(groups, fairness["metric"], about)
    weights = {entry["input"]: entry for entry in importance["inputs"][:SHOWN]}
    about = f"of {importance['metric']} when the input is shuffled, and its standard deviation"
    drawn["importance"] = intervals(weights, "fall", about)
    for number, name in enumerate([*weights][:DRAWN], start=1):
        drawn[f"dependence_{number}"] = curves(dependence(predict, frame, name), name)
    return drawn
