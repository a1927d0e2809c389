"""Search for better training parameters; a search that was stopped goes on where it was."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .errors import ProjectError
from .settings import Settings

if TYPE_CHECKING:
    import optuna


def tune(frame: pd.DataFrame, settings: Settings, place: Path) -> dict[str, Any]:
    """Try parameters until `tune.trials` are done or the time is up; return best and all trials.

    Each trial is kept in `place` as soon as it is done. It is judged by cross-validation on the
    training rows, and given up when its folds stay behind the median of the earlier ones.
    """
    import optuna

    from . import problem
    from .features import features
    from .train import cross_validate, folds

    inputs, target = features(frame, settings.data), frame[settings.data.target]
    pairs = list(folds(frame, settings))

    def objective(trial: optuna.Trial) -> float:
        values = {name: _suggested(trial, name, *span) for name, span in problem.SEARCH.items()}
        train = settings.train.model_copy(update=values)
        model = problem.models(inputs, train, settings.split.seed)[problem.TUNED]
        scores: list[float] = []
        for step, pair in enumerate(pairs):
            scores += cross_validate(model, inputs, target, [pair], settings.evaluate.metric)
            trial.report(sum(scores) / len(scores), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return sum(scores) / len(scores)

    study = _study(frame, settings, place)
    left = settings.tune.trials - len(_finished(study))
    if left > 0:
        seconds = 60 * settings.tune.minutes
        study.optimize(objective, n_trials=left, timeout=seconds, show_progress_bar=True)
    return _summary(study)


def _study(frame: pd.DataFrame, settings: Settings, place: Path) -> "optuna.Study":
    """Open the study of these rows and parameters; other rows or parameters have their own."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = pd.util.hash_pandas_object(frame).to_numpy().tobytes()
    sections = settings.model_dump_json(include={"data", "split", "train", "evaluate"})
    storage = optuna.storages.RDBStorage(f"sqlite:///{place.as_posix()}")
    study = optuna.create_study(
        study_name=hashlib.sha256(rows + sections.encode()).hexdigest()[:16],
        storage=storage,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        load_if_exists=True,
    )
    # Without the count a search that goes on would draw the first values once more.
    seed = settings.split.seed + len(study.trials)
    study.sampler = optuna.samplers.TPESampler(seed=seed)
    return study


def _suggested(trial: "optuna.Trial", name: str, low: float, high: float) -> float:
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=True)
    return trial.suggest_float(name, low, high, log=True)


def _finished(study: "optuna.Study") -> list[Any]:
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def _summary(study: "optuna.Study") -> dict[str, Any]:
    trials = [
        {"number": t.number, "params": t.params, "value": t.value, "state": t.state.name}
        for t in _finished(study)
    ]
    complete = [trial for trial in trials if trial["state"] == "COMPLETE"]
    best = max(complete, key=lambda trial: trial["value"], default={})
    return {"best": best.get("params", {}), "value": best.get("value"), "trials": trials}


def tuned(settings: Settings, tuning: Path) -> Settings:
    """Return settings with what the search found best. Raises ProjectError when it is missing."""
    if not settings.tune.trials:
        return settings
    try:
        best = json.loads(tuning.read_text(encoding="utf-8"))["best"]
    except (OSError, ValueError, KeyError) as error:
        raise ProjectError(f"{tuning} holds no search ({error}): run the pipeline") from error
    return settings.model_copy(update={"train": settings.train.model_copy(update=best)})
