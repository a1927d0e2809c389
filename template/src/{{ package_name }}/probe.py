"""Ask a running service what a release must know: whether it answers, how well, how fast.

The smoke test looks at its health, its description and the example rows of the package. The
validation set is the held-out test rows, which the service has to predict as well as is on record.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import yaml

from . import problem
from .encode import Encoder
from .errors import ProjectError
from .gate import NOISE, Check
from .settings import Settings

BATCH_ROWS = 100
SINGLE_ROWS = 100  # asked one by one, for the time that a row takes
MOST_ROWS = 5000
SECONDS = 10.0
NOT_PREDICTED = {"prediction_id", "id", "model_id", "model_version", "request_id"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Limits:
    """What a service may do worse, at most."""

    max_error_rate: float
    max_p99_ms: float
    max_metric_loss: float


def limits(path: Path, given: dict[str, float | None]) -> Limits:
    """Return the limits given, and the others from deploy/rollout.yaml. Raises ProjectError."""
    try:
        if None in given.values():
            written = yaml.safe_load(path.read_text(encoding="utf-8"))["abort"]
            given = {name: written[name] if own is None else own for name, own in given.items()}
        return Limits(**{name: float(str(value)) for name, value in given.items()})
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        raise ProjectError(f"{path} does not hold every limit: give them all ({error!r})") from None


@dataclass
class Client:
    """One connection to a service, and what was seen on it: statuses, and times in ms."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ProjectError(f"{self.url!r} is not an address such as https://example.com")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=SECONDS)
        self._base = parts.path.rstrip("/").removesuffix("/predict")

    def ask(self, path: str, content: Any = None) -> tuple[int, Any, dict[str, str]]:
        """Return status, JSON or None, and headers; status 599 stands for no answer at all."""
        body = None if content is None else json.dumps(content)
        headers = {"Content-Type": "application/json", **self.headers}
        began = time.perf_counter()
        try:
            self._connection.request("POST" if body else "GET", self._base + path, body, headers)
            answer = self._connection.getresponse()
            text, status = answer.read(), answer.status
            found = {name.lower(): value for name, value in answer.getheaders()}
        except (OSError, HTTPException):
            self._connection.close()
            text, status, found = b"", 599, {}
        self.statuses.append(status)
        self.times.append(1000 * (time.perf_counter() - began))
        return status, _json(text), found

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def headers(key_env: str, bearer: bool, more: list[str]) -> dict[str, str]:
    """Return the headers of each request; the key is in the environment. Raises ProjectError."""
    found = {}
    for text in more:
        name, colon, value = text.partition(":")
        if not colon:
            raise ProjectError(f"{text!r} is not a header such as name: value")
        found[name.strip()] = value.strip()
    if key := os.environ.get(key_env):
        found |= {"Authorization": f"Bearer {key}"} if bearer else {"X-API-Key": key}
    return found


def smoke(client: Client, package: Path, model: str, only_predict: bool) -> list[Check]:
    """Look whether the service answers, and with which model ("any": whichever it is)."""
    found = [] if only_predict else list(_pages(client))
    rows: list[Row] = json.loads((package / "example.json").read_text(encoding="utf-8"))
    answers = [client.ask("/predict", row) for row in rows]
    statuses = [status for status, _, _ in answers]
    answered = all(status == 200 and "prediction" in (body or {}) for status, body, _ in answers)
    found.append(Check("the example rows are answered", answered, f"statuses {statuses}"))
    serving = str((answers[0][1] or {}).get("model_id"))
    right = model in ("any", serving)
    return [*found, Check(f"the model is {model}", right, f"serving {serving}")]


def _pages(client: Client) -> Iterator[Check]:
    for path, rule in (("/health/live", "the process lives"), ("/health/ready", "it is ready")):
        status, _, _ = client.ask(path)
        yield Check(rule, status == 200, f"{path}: status {status}")
    status, document, _ = client.ask("/openapi.json")
    routes = (document or {}).get("paths", {})
    yield Check("OpenAPI tells of /predict", "/predict" in routes, f"status {status}")


def rows_of(frame: pd.DataFrame, package: Path) -> list[Row]:
    """Return the rows of a table as the service takes them."""
    facts = json.loads((package / "package.json").read_text(encoding="utf-8"))
    columns = Encoder(facts["encoder"]).columns
    text = frame[columns].to_json(orient="records", date_format="iso", double_precision=15)
    rows: list[Row] = json.loads(text)
    return rows


def measure(
    client: Client, frame: pd.DataFrame, package: Path, settings: Settings, batches: bool = True
) -> float:
    """Return the deciding metric of what the service predicts. Raises ProjectError."""
    rows = rows_of(frame, package)
    singles = len(rows) if not batches else min(len(rows), SINGLE_ROWS)
    answers = [_predictions(client, "/predict", row) for row in rows[:singles]]
    for begin in range(singles, len(rows), BATCH_ROWS):
        part = {"rows": rows[begin : begin + BATCH_ROWS]}
        answers.append(_predictions(client, "/predict/batch", part))
    predicted = pd.DataFrame([one for many in answers for one in many]).set_index(frame.index)
    truth = frame[settings.data.target]
    if predicted.isna().any(axis=None):
        raise ProjectError("some of the answers hold no number")
    return float(problem.METRICS[settings.evaluate.metric](truth, predicted))


def _predictions(client: Client, path: str, content: Row) -> list[Row]:
    """Try a second time, as a client would: what fails is counted anyway."""
    for _ in range(2):
        status, body, _ = client.ask(path, content)
        if status == 200:
            found = body.get("predictions", [body])
            return [{k: v for k, v in one.items() if k not in NOT_PREDICTED} for one in found]
        if status < 500:
            break
    raise ProjectError(f"{path} answers a row of the validation set with status {status}: {body}")


def validation_set(path: Path) -> pd.DataFrame:
    """Read the held-out rows, or a fixed sample where they are very many."""
    frame = pd.read_parquet(path)
    return frame.sample(min(len(frame), MOST_ROWS), random_state=0).sort_index()


def on_record(metrics: Path, model: str, metric: str) -> float:
    """Return the metric that the pipeline has measured of this model. Raises ProjectError."""
    try:
        found = json.loads(metrics.read_text(encoding="utf-8"))
        if model not in ("any", found["model_id"]):
            raise ProjectError(f"{metrics} is about the model {found['model_id']}")
        return float(found["model"][metric])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(f"{metrics} holds no {metric}: {error!r}") from None


def validate(
    client: Client,
    frame: pd.DataFrame,
    package: Path,
    settings: Settings,
    floor: float,
    limits: Limits,
    batches: bool = True,
) -> list[Check]:
    """Hold metric, time and errors against the limits; `floor` is the metric to compare with."""
    client.statuses.clear()
    client.times.clear()
    metric, least = settings.evaluate.metric, floor - limits.max_metric_loss
    rule = f"{metric} is at least {least:.4f}"
    try:
        value = measure(client, frame, package, settings, batches)
        found = [Check(rule, value >= least - NOISE, f"{value:.4f} on {len(frame)} rows")]
    except ProjectError as error:
        found = [Check(rule, False, str(error))]
    singles = client.times[: len(frame) if not batches else SINGLE_ROWS]
    p99 = float(np.quantile(singles, 0.99))
    errors, asked = sum(status >= 500 for status in client.statuses), len(client.statuses)
    return [
        *found,
        Check(f"a row takes at most {limits.max_p99_ms:g} ms", p99 <= limits.max_p99_ms,
              f"99 % within {p99:.1f} ms"),
        Check(f"at most {limits.max_error_rate:g} of the answers are errors",
              errors / asked <= limits.max_error_rate, f"{errors} of {asked}"),
    ]  # fmt: skip
