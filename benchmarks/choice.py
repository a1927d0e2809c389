"""Is the chosen model as good as the usual defaults? Tables and series that ship in packages.

    python benchmarks/choice.py PROJECTS [SEEDS]   # tables; SEEDS is 10, and 0 for the series,
                                               # -1 for what the choice among them is worth

PROJECTS holds a generated project of each of `classification`, `regression` and `forecasting`, in a
folder of that name. Needs their libraries, lightgbm and statsmodels (the group `benchmark`).
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
import yaml
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score, root_mean_squared_error
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

PEERS = {
    "classification": (HistGradientBoostingClassifier, LGBMClassifier),
    "regression": (HistGradientBoostingRegressor, LGBMRegressor),
}
MOST_ROWS = 4000


def shipped(name: str) -> pd.DataFrame:
    """Return a table of statsmodels."""
    data: pd.DataFrame = getattr(sm.datasets, name).load_pandas().data
    return data


def interactions(count: int = 8760) -> pd.DataFrame:
    """Return a made-up year of hourly demand: hour, day, season and weather act together."""
    rng = np.random.default_rng(0)
    hours = np.arange(count)
    frame = pd.DataFrame({"hour": hours % 24, "day": hours // 24 % 7, "month": hours // 730})
    frame["warmth"] = (
        15
        - 12 * np.cos(2 * np.pi * hours / 8760)
        + 5 * np.sin(2 * np.pi * hours / 24)
        + rng.normal(0, 4, count)
    )
    frame["wind"] = rng.gamma(2, 2, count)
    work = (frame["day"] < 5) & frame["hour"].isin([7, 8, 17, 18])
    free = (frame["day"] >= 5) & frame["hour"].between(11, 17)
    comfort = np.clip((frame["warmth"] - 2) / 18, 0, 1.1) * np.exp(-frame["wind"] / 12)
    frame["y"] = 60 * comfort * (1 + 5 * work + 3 * free) + rng.normal(0, 15, count)
    return frame


def tables() -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield kind, name and table; the target is `y`.

    The size of `LARGE` was set with three of them: digits, randhie and the demand.
    """
    cancer = datasets.load_breast_cancer(as_frame=True).frame
    yield "classification", "breast_cancer", cancer.rename(columns={"target": "y"})
    digits = datasets.load_digits(as_frame=True).frame
    yield (
        "classification",
        "digits, odd",
        digits.assign(y=digits["target"] % 2).drop(columns="target"),
    )
    fair = shipped("fair")
    yield (
        "classification",
        "fair, any",
        fair.assign(y=(fair["affairs"] > 0) * 1).drop(columns="affairs"),
    )
    anes = shipped("anes96")
    yield "classification", "anes96, vote", anes.rename(columns={"vote": "y"})
    diabetes = datasets.load_diabetes(as_frame=True).frame
    yield "regression", "diabetes", diabetes.rename(columns={"target": "y"})
    yield "regression", "randhie, visits", shipped("randhie").rename(columns={"mdvis": "y"})
    star = shipped("star98")
    share = star["NABOVE"] / (star["NABOVE"] + star["NBELOW"])
    yield "regression", "star98, share", star.assign(y=share).drop(columns=["NABOVE", "NBELOW"])
    yield "regression", "fair, children", fair.rename(columns={"children": "y"})
    yield "regression", "hourly demand (made up)", interactions()


def project(folder: Path) -> Callable[[str], Any]:
    """Return what imports a module of the project in `folder`, and of no other."""
    for name in [name for name in sys.modules if name.split(".")[0] == "ml_project"]:
        del sys.modules[name]
    sys.path[:] = [str(folder / "src"), *(p for p in sys.path if not p.endswith("/src"))]
    return lambda name: import_module(f"ml_project.{name}")


def settings(module: Callable[[str], Any], folder: Path, seed: int, **data: Any) -> Any:
    """Return the project's default settings for a target `y`."""
    content = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    plain = {"target": "y", "sensitive": [], "dates": {}, "id": []}
    content["data"] |= plain | data
    content["split"]["seed"] = seed
    return module("settings").Settings.model_validate(content)


def compare(projects: Path, seeds: int) -> pd.DataFrame:
    """Fit the project's choice and both peers on 80 % of each table, and score them on the rest."""
    rows = []
    for kind, name, table in tables():
        folder = projects / kind
        module = project(folder)
        steps, problem = module("steps.train"), module(kind)
        predict = module("steps.cross_validation").predict
        for seed in range(seeds):
            chosen = settings(module, folder, seed)
            frame = table.sample(min(len(table), MOST_ROWS * 2), random_state=seed)
            test = frame.sample(frac=0.2, random_state=seed)
            learn = frame.drop(index=test.index).reset_index(drop=True)
            began = time.process_time()
            trained = steps.train(learn, chosen)
            row = {"kind": kind, "table": name, "seed": seed, "chosen": trained.chosen}
            row["cpu"] = time.process_time() - began
            inputs = module("features").features(test, chosen.data)
            score = error(kind, problem, test["y"], predict)
            named = {**trained.baselines, "choice": trained.model, trained.chosen: trained.model}
            row |= {key: score(model, inputs) for key, model in named.items() if key != "dummy"}
            for peer, make in zip(("sklearn", "lightgbm"), PEERS[kind], strict=True):
                quiet = {"verbose": -1, "n_jobs": 1} if peer == "lightgbm" else {}
                fitted = make(random_state=seed, **quiet).fit(
                    learn.drop(columns="y").to_numpy(), learn["y"]
                )
                row[peer] = score(fitted, test.drop(columns="y").to_numpy())
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def error(
    kind: str, problem: Any, truth: pd.Series, predict: Callable[..., Any]
) -> Callable[[Any, Any], float]:
    """Return what measures a model: 1 - AUC, or RMSE; less is better."""

    def measured(model: Any, inputs: Any) -> float:
        values = problem.raw(model, inputs)
        if kind == "classification":
            return 1 - float(roc_auc_score(truth, values[:, 1]))
        return float(root_mean_squared_error(truth, values[:, 0]))

    return measured


def table_of(found: pd.DataFrame) -> str:
    """Return the means over the seeds, and what the choice loses against the better peer."""
    names = ["choice", "linear", "boosting", "blend", "large", "sklearn", "lightgbm"]
    lines = [
        "| Table | measure | " + " | ".join(names) + " | choice against the better peer | chosen |",
        "| --- | --- |" + " ---: |" * (len(names) + 1) + " --- |",
    ]
    for (kind, name), part in found.groupby(["kind", "table"], sort=False):
        means = part[names].mean()
        best = min(means["sklearn"], means["lightgbm"])
        if kind == "classification":
            cells, lost = 1 - means, f"{best - means['choice']:+.4f} AUC"
        else:
            cells, lost = means, f"{100 * (means['choice'] / best - 1):+.1f} % RMSE"
        count = ", ".join(f"{k} {v}" for k, v in part["chosen"].value_counts().items())
        measure = "AUC" if kind == "classification" else "RMSE"
        lines.append(
            f"| {name} | {measure} | "
            + " | ".join(f"{cells[n]:.4g}" for n in names)
            + f" | {lost} | {count} |"
        )
    return "\n".join(lines)


def series() -> Iterator[tuple[str, pd.Series, str, int, int]]:
    """Yield name, series, step, season and horizon."""
    nino = shipped("elnino").set_index("YEAR").stack()
    nino.index = pd.date_range("1950-01-01", periods=len(nino), freq="MS")
    yield "elnino", nino, "M", 12, 3
    yield "elnino", nino, "M", 12, 12
    co2 = shipped("co2")["co2"].resample("MS").mean().interpolate()
    yield "co2", co2, "M", 12, 12
    for name, column, season, horizon in (
        ("sunspots", "SUNACTIVITY", 11, 11),
        ("nile", "volume", 1, 3),
    ):
        data = shipped(name)
        years = pd.to_datetime(data.iloc[:, 0].astype(int).astype(str), format="%Y")
        yield name, pd.Series(data[column].to_numpy(float), years), "Y", season, horizon


def forecasts(projects: Path) -> str:
    """Return the mean absolute errors over steps 1 to `horizon` ahead, from the same origins."""
    folder = projects / "forecasting"
    module = project(folder)
    history = module("history")
    predict = module("steps.cross_validation").predict
    lines = [
        "| Series | steps | choice | naive | ETS | ARIMA | chosen | best of the project's |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for name, values, step, season, horizon in series():
        data = {"time": "at", "series": [], "step": step, "season": season, "horizon": horizon}
        chosen = settings(module, folder, 0, **data)
        frame = pd.DataFrame({"at": values.index.astype("datetime64[ns]"), "y": values.to_numpy()})
        learn, test = module("steps.split").holdout(frame, chosen.data, chosen.split)
        trained = module("steps.train").train(learn, chosen)
        models = {**trained.baselines, trained.chosen: trained.model}
        first, errors = len(frame) - len(test), dict[str, list[float]]()
        for origin in range(first, len(frame) - horizon + 1, max(1, horizon // 2)):
            window = frame.iloc[: origin + horizon].copy()
            truth = window["y"].iloc[origin:].to_numpy(copy=True)
            window.loc[window.index[origin:], "y"] = np.nan
            past = history.with_history(window, chosen.data).iloc[origin:]
            inputs = module("features").features(past, chosen.data)
            made = {n: predict(m, inputs)["prediction"].to_numpy() for n, m in models.items()}
            known = window["y"].to_numpy()[:origin]
            made |= {"ETS": _ets(known, season, horizon), "ARIMA": _arima(known, season, horizon)}
            for model, forecast in made.items():
                errors.setdefault(model, []).append(float(np.abs(forecast - truth).mean()))
        means = {model: float(np.mean(found)) for model, found in errors.items()}
        best = min(models, key=lambda m: means[m])
        cells = [means[trained.chosen], means["dummy"], means["ETS"], means["ARIMA"]]
        lines.append(
            f"| {name} | {horizon} | "
            + " | ".join(f"{c:.4g}" for c in cells)
            + f" | {trained.chosen} | {best} {means[best]:.4g} |"
        )
        print(lines[-1], means, file=sys.stderr, flush=True)
    return "\n".join(lines)


def ends(projects: Path) -> str:
    """Return what choosing costs: errors on the test sets of a series that ends at ten moments.

    The errors of all candidates are divided by that of the naive forecast on the same test set,
    so that series count alike. *Best* knows the test set, which nobody does.
    """
    folder = projects / "forecasting"
    module = project(folder)
    predict = module("steps.cross_validation").predict
    rows = []
    for name, values, step, season, horizon in series():
        data = {"time": "at", "series": [], "step": step, "season": season, "horizon": horizon}
        chosen = settings(module, folder, 0, **data)
        whole = pd.DataFrame({"at": values.index.astype("datetime64[ns]"), "y": values.to_numpy()})
        for share in np.linspace(0.55, 1, 10):
            frame = whole.iloc[: int(share * len(whole))]
            learn, test = module("steps.split").holdout(frame, chosen.data, chosen.split)
            trained = module("steps.train").train(learn, chosen)
            models = {**trained.baselines, trained.chosen: trained.model}
            inputs = module("features").features(test, chosen.data)
            made = {n: predict(m, inputs)["prediction"] for n, m in models.items()}
            found = {n: float((p - test["y"]).abs().mean()) for n, p in made.items()}
            naive = found.pop("dummy")
            row = {n: error / naive for n, error in found.items()}
            best = min(row, key=lambda n: row[n])
            row |= {"choice": row[trained.chosen], "best": row[best]}
            rows.append({"series": f"{name}, {horizon}", "hit": best == trained.chosen, **row})
            print(rows[-1], file=sys.stderr, flush=True)
    names = ["choice", "best", "past", "linear", "boosting", "blend", "large"]
    parts = list(pd.DataFrame(rows).groupby("series", sort=False))
    lines = ["| Series, steps | " + " | ".join(names) + " | choice is best |"]
    lines.append("| --- |" + " ---: |" * (len(names) + 1))
    for name, part in [*parts, ("all", pd.DataFrame(rows))]:
        cells = " | ".join(f"{part[n].mean():.3f}" for n in names)
        lines.append(f"| {name} | {cells} | {part['hit'].sum()} of {len(part)} |")
    return "\n".join(lines)


def _ets(known: np.ndarray, season: int, horizon: int) -> np.ndarray:
    seasonal = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
    model = ETSModel(known, error="add", trend="add", damped_trend=True, **seasonal)
    forecast: np.ndarray = model.fit(disp=False).forecast(horizon)
    return forecast


def _arima(known: np.ndarray, season: int, horizon: int) -> np.ndarray:
    recent = known[-20 * max(season, 10) :]
    seasonal = (0, 1, 1, season) if season == 12 else (0, 0, 0, 0)
    model = ARIMA(recent, order=(2, 1, 1), seasonal_order=seasonal)
    forecast: np.ndarray = model.fit(method_kwargs={"maxiter": 30}).forecast(horizon)
    return forecast


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    place, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10
    if count < 0:
        print(ends(place))
    elif count:
        print(table_of(compare(place, count)), end="\n\n")
    else:
        print(forecasts(place))
