"""Compare a window of scored rows with what the model was trained and tested on.

What comes out counts and averages; no row and no rare text of the window is in it.
"""

import io
import json
import math
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pandera.pandas import DataFrameSchema

from . import figures, problem, served
from .drift import difference, holm
from .encode import Encoder
from .errors import ProjectError
from .evaluate import bootstrap
from .schema import check, for_scoring, load_schema
from .settings import Data, Monitor, Settings
from .tables import read_table, text_columns

Pairs = dict[tuple[str, str], tuple[pd.Series, pd.Series]]
PLOTS = 12
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `p` is adjusted for all columns of the window."""

    kind: str
    name: str
    found: str
    alarm: bool
    test: str = ""
    effect: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class Baseline:
    """What the package of a model says about the rows that it knows."""

    model_id: str
    columns: list[str]
    schema: DataFrameSchema
    reference: pd.DataFrame
    held_out: pd.DataFrame | None


def read_baseline(folder: Path, held_out: Path) -> Baseline:
    """Read a package. Its predictions on the test rows are in it, or in `held_out`, or nowhere.

    Those on training rows would not do: a model is too sure of what it has seen.
    """
    facts = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    spec, known = facts["encoder"], None
    for path in (folder / held_out.name, held_out):
        if known is None and path.exists():
            found = pd.read_parquet(path)
            known = found if found.pop("model_id").eq(facts["model_id"]).all() else None
    return Baseline(
        facts["model_id"],
        [name for name in Encoder(spec).columns if name not in spec["dates"]],
        load_schema(folder / "schema.yaml"),
        pd.read_parquet(folder / "reference.parquet"),
        known,
    )


def of_file(path: Path, folder: Path, schema: DataFrameSchema, data: Data) -> pd.DataFrame:
    """Read a file, and predict its rows that fit the schema with the package in `folder`."""
    frame = read_table(path, data, text_columns(folder / "schema.yaml"))
    rules = for_scoring(schema, data)
    if not {n for n, column in rules.columns.items() if column.required} <= {*frame}:
        return frame
    valid, _ = check(frame, rules)
    if valid.empty:
        return frame
    predicted = served.load(folder).predict(valid)
    return frame.drop(columns=list(predicted), errors="ignore").join(predicted)


def of_collected(
    kept: pd.DataFrame, since: datetime | None, baseline: Baseline, target: str
) -> tuple[pd.DataFrame, Baseline]:
    """Return the rows that this model scored; of columns not collected, nothing can be asked."""
    window = kept
    if len(kept):
        mine = kept["model_id"].eq(baseline.model_id)
        recent = kept["scored_at"].ge(since) if since else mine
        window = kept[mine & recent].reset_index(drop=True)
    absent = [n for n in baseline.schema.columns if n not in window and n != target]
    return window, replace(baseline, schema=baseline.schema.remove_columns(absent))


def moment(text: str, now: datetime) -> datetime:
    """Read a time, or how long before `now`: 90m, 12h, 7d, 4w."""
    try:
        if text[-1:] in UNITS:
            return now - timedelta(**{UNITS[text[-1]]: float(text[:-1])})
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ProjectError(f"{text!r} is no time (2026-01-31T08:00), and no span (7d)") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def fit_checks(window: pd.DataFrame, schema: DataFrameSchema, limit: float) -> list[Check]:
    """Count the rows that `schema` refuses, and name the columns that are not there."""
    absent = [n for n, column in schema.columns.items() if column.required and n not in window]
    valid, reasons = check(window, schema.remove_columns(absent))
    share = 1 - len(valid) / len(window)
    refused = reasons["column"].value_counts()
    told = f"{share:.1%} refused" + "".join(f"; {n}: {c} rows" for n, c in refused.items())
    checks = [Check("schema", "rows fit schema.yaml", told, 0 < share >= limit, effect=share)]
    if absent:
        checks += [Check("schema", "all columns are there", f"not: {', '.join(absent)}", True)]
    return checks


def drift_checks(pairs: Pairs, settings: Monitor) -> list[Check]:
    """Test each (kind, name): (reference, window). An alarm is certain, and large enough."""
    found = [difference(reference, window) for reference, window in pairs.values()]
    checks = []
    for (kind, name), f, p in zip(pairs, found, holm([f.p for f in found]), strict=True):
        missing = [column.isna().mean() for column in pairs[kind, name]]
        told = "" if missing == [0, 0] else "missing {:.1%}, was {:.1%}".format(*missing[::-1])
        alarm = p <= settings.false_alarms and f.effect >= settings.min_effect
        checks.append(Check(kind, name, told, alarm, f.test, f.effect, p))
    return checks


def quality_checks(
    labelled: pd.DataFrame, held_out: pd.DataFrame | None, settings: Settings
) -> list[Check]:
    """Hold the metric of labelled rows against the gate's minimum and that of the test rows.

    An alarm is a metric that is surely below; each of the two has half of the false alarms.
    """
    metric, minimum, least = settings.evaluate.metric, settings.gate.minimum, settings.monitor
    if labelled.empty:
        return []
    if len(labelled) < least.min_rows:
        told = f"not enough rows: {len(labelled)} have a label, {least.min_rows} are needed"
        return [Check("quality", metric, told, False)]
    sure = 1 - least.false_alarms / 2
    value, draws = _measured(labelled, settings)
    if math.isnan(value):
        return [Check("quality", metric, "undefined: does each class occur?", False)]
    low, high = np.nanquantile(draws, [1 - sure, sure])
    told = f"{value:.4f} ({low:.4f} to {high:.4f}) on {len(labelled)} labelled rows"
    checks = [Check("quality", f"{metric} reaches {minimum:g}", told, bool(high < minimum))]
    if held_out is not None:
        tested, tested_draws = _measured(held_out, settings)
        most = min(len(draws), len(tested_draws))
        high = np.nanquantile(draws[:most] - tested_draws[:most], sure)
        name = f"{metric} is not worse than on the test rows by {settings.promote.margin:g}"
        told = f"{value - tested:+.4f}, at most {high:+.4f}"
        checks.append(Check("quality", name, told, bool(high < -settings.promote.margin)))
    return checks


def _measured(frame: pd.DataFrame, settings: Settings) -> tuple[float, np.ndarray]:
    truth, evaluation = frame[settings.data.target], settings.evaluate
    groups = frame.get(settings.data.group)
    draws = bootstrap(truth, frame, groups, evaluation, settings.split.seed)
    try:
        return problem.METRICS[evaluation.metric](truth, frame), draws
    except ValueError:  # a class that does not occur
        return math.nan, draws


def with_labels(
    window: pd.DataFrame, labels: pd.DataFrame | None, schema: DataFrameSchema, data: Data
) -> pd.DataFrame:
    """Return the rows of the window whose target is known: in it, or in `labels`.

    Labels are joined by prediction_id or else by data.id. Raises ProjectError when there is
    nothing to join by, or a label is double or does not fit the schema.
    """
    if labels is not None:
        keys = ["prediction_id"] if "prediction_id" in labels else data.id
        if not keys or not {*keys, data.target} <= {*labels} or not {*keys} <= {*window}:
            raise ProjectError(f"labels need {data.target!r}, and prediction_id or data.id")
        window = window.drop(columns=data.target, errors="ignore")
        try:
            known = labels[[*keys, data.target]]
            window = window.merge(known, on=keys, validate="many_to_one")
        except ValueError as error:
            raise ProjectError(f"labels cannot be joined by {', '.join(keys)}: {error}") from None
    if data.target not in window or "prediction" not in window:
        return window.head(0)
    known = window[window[data.target].notna() & window["prediction"].notna()]
    typed, reasons = check(known[[data.target]], schema.select_columns([data.target]))
    if len(reasons):
        raise ProjectError(f"labels do not fit schema.yaml:\n{reasons.head(10).to_string()}")
    return known.assign(**{data.target: typed[data.target]})


def monitor(
    window: pd.DataFrame, labelled: pd.DataFrame, baseline: Baseline, settings: Settings
) -> dict[str, Any]:
    """Look at a window of rows with their predictions, and at those of known target.

    Too few rows are not judged: any difference could be chance.
    """
    limits = settings.monitor
    checks: list[Check] = []
    if len(window) >= limits.min_rows:
        schema = for_scoring(baseline.schema, settings.data)
        checks += fit_checks(window, schema, limits.min_effect)
        checks += drift_checks(pairs(window, baseline, settings.data.target), limits)
        checks += quality_checks(labelled, baseline.held_out, settings)
    alarms = [check.name for check in checks if check.alarm]
    enough = "nothing found" if checks else f"not enough rows: {limits.min_rows} are needed"
    return {
        "alarm": bool(alarms),
        "verdict": f"alarm: {', '.join(alarms)}" if alarms else enough,
        "model_id": baseline.model_id,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": len(window),
        "reference_rows": len(baseline.reference),
        "held_out_rows": 0 if baseline.held_out is None else len(baseline.held_out),
        "limits": limits.model_dump(),
        "checks": [asdict(check) for check in checks],
    }


def pairs(window: pd.DataFrame, baseline: Baseline, target: str) -> Pairs:
    """Put the columns of reference and window side by side: inputs, then predictions."""
    known = baseline.reference
    found = {("data", n): (known[n], window[n]) for n in baseline.columns if n in window}
    if baseline.held_out is not None and "prediction" in window:
        tested, scored = baseline.held_out, window[window["prediction"].notna()]
        names = [name for name in map(str, tested) if name != target and name in scored]
        found |= {("prediction", n): (tested[n], scored[n]) for n in names if len(scored)}
    return found


def page(result: dict[str, Any], compared: Pairs) -> str:
    """Return the HTML page, with a figure for each column that drifted, the worst first."""
    alarms = [c for c in result["checks"] if c["alarm"] and (c["kind"], c["name"]) in compared]
    worst = sorted(alarms, key=lambda check: -check["effect"])[:PLOTS]
    plots = {c["name"]: _svg(figures.pair(*compared[c["kind"], c["name"]])) for c in worst}
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined
    )
    template = environment.get_template("monitor.html")
    return template.render(project=__package__, result=result, plots=plots)


def _svg(figure: Any) -> Markup:
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    return Markup("<svg" + text.getvalue().split("<svg", 1)[1])  # noqa: S704  matplotlib escapes
