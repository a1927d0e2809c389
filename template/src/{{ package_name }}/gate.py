"""The gate: which models may score. Whatever is missing, unreadable or not a number fails it."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import ProjectError
from .settings import Settings


def model_id(path: Path) -> str:
    """Twelve hexadecimal digits of the file's SHA-256: the same model has the same name."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except FileNotFoundError:
        raise ProjectError(f"{path} does not exist: run the pipeline first") from None


@dataclass(frozen=True)
class Check:
    """One rule, whether the model keeps it, and the figures behind that."""

    rule: str
    passed: bool
    figures: str


def checks(metrics: Any, settings: Settings) -> list[Check]:
    """Hold the metrics of the test rows against the rules."""
    metric, minimum = settings.evaluate.metric, settings.gate.minimum
    value = _number(metrics, "model", metric)
    over_trivial = _number(metrics, "gain_over_trivial", "low")
    over_linear = _number(metrics, "gain_over_linear", "high")
    return [
        Check(f"{metric} reaches {minimum:g}", value >= minimum, f"{value:.4f}"),
        Check(
            "surely better than the trivial baseline",
            over_trivial > 0,
            f"gain at least {over_trivial:.4f}",
        ),
        Check(
            "not surely worse than the linear baseline",
            over_linear >= 0,
            f"gain at most {over_linear:.4f}",
        ),
    ]


def _number(metrics: Any, name: str, key: str) -> float:
    """NaN, which fails every comparison, for what is missing or is not a finite number."""
    try:
        value = metrics[name][key]
    except (KeyError, TypeError, IndexError):
        return math.nan
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else math.nan


def verdict(metrics_path: Path, model: str, settings: Settings) -> dict[str, Any]:
    """Judge the model with the id `model`; metrics of another model do not count."""
    try:
        metrics = json.loads(metrics_path.read_text(encoding="utf-8"))
        measured = metrics.get("model_id")
    except (OSError, ValueError, AttributeError) as error:
        unreadable = Check("metrics can be read", False, f"{metrics_path}: {error}")
        return _verdict(model, [unreadable])
    same = Check("metrics belong to this model", measured == model, f"{measured} for {model}")
    return _verdict(model, [same, *checks(metrics, settings)])


def _verdict(model: str, results: list[Check]) -> dict[str, Any]:
    passed = all(check.passed for check in results)
    return {"passed": passed, "model_id": model, "checks": [asdict(check) for check in results]}


def require_passed(gate_path: Path, model: str) -> None:
    """Raise ProjectError unless the gate let this very model pass."""
    try:
        found = json.loads(gate_path.read_text(encoding="utf-8"))
        passed = found["passed"] is True and found["model_id"] == model
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(f"{gate_path} holds no verdict ({error}): run the pipeline") from error
    if not passed:
        raise ProjectError(f"model {model} has not passed the gate: see {gate_path}")
