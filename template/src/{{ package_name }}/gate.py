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


def checks(metrics: Any, package: Any, settings: Settings) -> list[Check]:
    """Hold the metrics of the test rows, and the package's latency and size, against the rules."""
    metric, gate = settings.evaluate.metric, settings.gate
    value = _number(metrics, "model", metric)
    over_trivial = _number(metrics, "gain_over_trivial", "low")
    over_linear = _number(metrics, "gain_over_linear", "high")
    latency = _number(package, "latency_ms", "p99")
    size = _number(package, "size_bytes") / 1e6
    return [
        Check(f"{metric} reaches {gate.minimum:g}", value >= gate.minimum, f"{value:.4f}"),
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
        Check(
            f"one row takes at most {gate.max_latency_ms:g} ms",
            latency <= gate.max_latency_ms,
            f"99 % within {latency:.3f} ms",
        ),
        Check(
            f"the model has at most {gate.max_size_mb:g} MB",
            size <= gate.max_size_mb,
            f"{size:.3f} MB",
        ),
    ]


def _number(found: Any, *keys: str) -> float:
    """NaN, which fails every comparison, for what is missing or is not a finite number."""
    value = found
    try:
        for key in keys:
            value = value[key]
    except (KeyError, TypeError, IndexError):
        return math.nan
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else math.nan


def verdict(reports: Path, package: Path, settings: Settings) -> dict[str, Any]:
    """Judge the model in `package`; metrics of another model do not count."""
    model = model_id(package / "model.skops")
    try:
        metrics = json.loads((reports / "metrics.json").read_text(encoding="utf-8"))
        facts = json.loads((package / "package.json").read_text(encoding="utf-8"))
        measured, packed = metrics.get("model_id"), facts.get("model_id")
    except (OSError, ValueError, AttributeError) as error:
        return _verdict(model, [Check("reports can be read", False, str(error))])
    same = [
        Check("metrics belong to this model", measured == model, f"{measured} for {model}"),
        Check("the package belongs to this model", packed == model, f"{packed} for {model}"),
    ]
    return _verdict(model, [*same, *checks(metrics, facts, settings)])


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
