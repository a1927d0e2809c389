"""What every request to the service gets, whatever answers it: id, key, headers, figures, log."""

import hmac
import logging
import re
import time
import uuid
from collections import Counter as Counts
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

import orjson
import prometheus_client as prometheus
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
UNAUTHORIZED = JSONResponse({"detail": "the header X-API-Key is missing or wrong"}, 401)


class Metrics:
    """What /metrics tells."""

    def __init__(self) -> None:
        self.registry = registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=registry)
        self.requests = prometheus.Counter(
            "http_requests", "Requests", ["route", "status"], registry=registry
        )
        self.seconds = prometheus.Histogram(
            "http_request_seconds", "Time to answer", ["route"], registry=registry,
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
        )  # fmt: skip
        self.rows = prometheus.Counter("rows", "Rows predicted", registry=registry)
        self.labels = prometheus.Counter(
            "predictions", "Predictions of a label", ["label"], registry=registry
        )
        self.values = prometheus.Summary("prediction_value", "Predicted numbers", registry=registry)
        self.loads = prometheus.Counter("model_loads", "Tries", ["result"], registry=registry)
        for result in ("done", "failed"):
            self.loads.labels(result)  # from 0 on: Prometheus sees no increase up to a first value
        self.lost = prometheus.Counter("rows_lost", "Rows not collected", registry=registry)
        self.model = prometheus.Info("model", "The model in service", registry=registry)
        self.of_request = cache(self._of_request)

    def _of_request(self, route: str, status: int) -> tuple[Any, Any]:
        return self.requests.labels(route, status), self.seconds.labels(route)

    def count(self, predictions: list[Any], labels: bool) -> None:
        """Count the predictions of a request."""
        self.rows.inc(len(predictions))
        if labels:
            for label, count in Counts(predictions).items():
                self.labels.labels(label).inc(count)
        else:
            for value in predictions:
                self.values.observe(value)


class Behind(Protocol):
    """What the edge needs of the service behind it."""

    keys: list[bytes]
    metrics: Metrics

    def answered_by(self, scope: Scope) -> tuple[str, str] | None:
        """Return id and version of the model that answers a request, if there is one."""


class Edge:
    """Stands around the application; a defect is logged with the id of its request."""

    def __init__(self, app: FastAPI, direct: dict[str, ASGIApp], service: Behind) -> None:
        self.app, self.direct, self.service = app, direct, service
        self.routes = {route.path for route in app.routes if isinstance(route, Route)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        given = header(scope, b"x-request-id").decode("latin-1")
        scope["request_id"] = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                took = f"app;dur={1000 * (time.perf_counter() - began):.3f}"  # a rollout judges it
                timing = (b"server-timing", took.encode())
                message["headers"] = [*message["headers"], *self._headers(scope), timing]
            await send(message)

        try:
            await self._application(scope)(scope, receive, sending)
        except ClientDisconnect:
            status = 499
        except Exception:
            log.exception("defect", extra={"fields": {"request_id": scope["request_id"]}})
        self._note(scope, status, time.perf_counter() - began)

    def _application(self, scope: Scope) -> ASGIApp:
        path, keys, given = scope["path"], self.service.keys, header(scope, b"x-api-key")
        # A sum looks at every key: which one fits must not show in the time that it takes.
        if keys and not sum(hmac.compare_digest(given, key) for key in keys):
            scope["model"] = None  # nobody in particular is told what serves
            if not path.startswith("/health/"):
                return UNAUTHORIZED
        return self.direct.get(path, self.app) if scope["method"] == "POST" else self.app

    def _headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        found = [(b"x-request-id", scope["request_id"].encode())]
        if answered := self.service.answered_by(scope):
            found.append((b"x-model-id", answered[0].encode()))
            found.append((b"x-model-version", answered[1].encode()))
        return found

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["path"] if scope["path"] in self.routes else "other"
        requests, times = self.service.metrics.of_request(route, status)
        requests.inc()
        times.observe(seconds)
        if not route.startswith(("/health", "/metrics")):
            fields = {"request_id": scope["request_id"], "method": scope["method"], "route": route}
            fields |= {"status": status, "ms": round(1000 * seconds, 3)}
            log.info("request", extra={"fields": {**fields, "rows": scope.get("rows", 0)}})


def header(scope: Scope, name: bytes) -> bytes:
    """Return what a request says once; nothing when it says it twice, or not at all."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0] if len(values) == 1 else b""


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"at": datetime.fromtimestamp(record.created, UTC), "level": record.levelname}
        line |= {"message": record.getMessage(), **getattr(record, "fields", {})}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()
