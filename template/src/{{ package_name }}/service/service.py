"""The online service: rows in, predictions out; a new champion takes over between two requests."""

import asyncio
import ipaddress
import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
import prometheus_client as prometheus
import uvicorn
from fastapi import FastAPI, HTTPException, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import paths
from ..errors import ProjectError
from ..model.served import Served
from ..model.served import load as load_package
from ..settings import Serve, read
from .connection import Connection
from .contract import RefusedError, batch_model, parse, row_model, validated
from .edge import Edge, JsonLines, Metrics, header

if TYPE_CHECKING:
    from .stream import Stream

log = logging.getLogger(__name__)
Row = dict[str, Any]


class Candidate(NamedTuple):
    """The model that should serve: `run` tells equal numbers of two registries apart."""

    version: str
    run: str
    fetch: Callable[[], Path]


Newest = Callable[[], Candidate | None]  # None: there is none yet

VALUE_BYTES = 40  # for a value in JSON, when max_bytes is not set
BODY_SECONDS = 10
SHUTDOWN_SECONDS = 30
REF = "#/components/schemas/{model}"


class Prediction(BaseModel):
    """The answer for a row: for a classifier also `probability_<label>`; ids as they were given."""

    model_config = ConfigDict(extra="allow")
    prediction_id: str
    prediction: Any
    id: Row


class Head(BaseModel):
    """What answered, and to what."""

    model_id: str
    model_version: str
    request_id: str


class Answer(Prediction, Head):
    """The answer for one row."""


class Answers(Head):
    """The answers for the rows of a batch, in their order."""

    predictions: list[Prediction]


class Reason(BaseModel):
    """Why a request is refused: `row` counts from 1; null where it is not about one row."""

    row: int | None
    field: str
    reason: str


class Refused(BaseModel):
    """Every reason, or the first 100."""

    detail: list[Reason]


class Problem(BaseModel):
    """What is wrong with the request as a whole."""

    detail: str


def fixed(folder: Path) -> Newest:
    """Serve one package, whether it is registered or not."""
    return lambda: Candidate("unregistered", "", lambda: folder)


def champion() -> Candidate | None:
    """Serve what the registry calls champion, which may change at any time."""
    from ..operate import registry

    version = registry.champion()
    if version is None:
        return None
    run = f"{version.run_id} {version.model_id}"
    return Candidate(version.number, run, partial(registry.fetch, version))


@dataclass(frozen=True)
class Model:
    """What a request is answered with: a model and the contract of its rows."""

    version: str
    served: Served
    row: type[BaseModel]
    batch: type[BaseModel]
    envelope: type[BaseModel]
    columns: list[str]
    carried: list[str]
    example: list[Row]

    def read(self, body: bytes, batch: bool) -> list[Row]:
        """Return the rows of a request. Raises RefusedError."""
        contents = [parse(body)]
        if batch:
            [envelope] = validated(self.envelope, contents, numbered=False)
            contents = vars(envelope)["rows"]
        rows = validated(self.row, contents, numbered=True)
        return [dict(zip(self.columns, vars(row).values(), strict=True)) for row in rows]

    def predict(self, rows: list[Row], request_id: str) -> tuple[list[Row], dict[str, np.ndarray]]:
        """Return the answers, row by row, and the predictions, column by column."""
        predicted = self.served.predict_rows(rows)
        names, columns = list(predicted), [values.tolist() for values in predicted.values()]
        answers = [
            {
                "prediction_id": f"{request_id}-{number}",
                **dict(zip(names, values, strict=True)),
                "id": {name: row[name] for name in self.carried if row[name] is not None},
            }
            for number, (row, *values) in enumerate(zip(rows, *columns, strict=True), 1)
        ]
        return answers, predicted


def load_model(folder: Path, version: str, max_rows: int) -> Model:
    """Load a package and try it on its own example. Raises ProjectError."""
    served, data = load_package(folder, threads=1), read(folder / "params.yaml").data
    row = row_model(folder / "schema.yaml", data)
    columns = [str(field.alias) for field in row.model_fields.values()]
    carried = [name for name in columns if name in data.not_features]
    example = json.loads((folder / "example.json").read_text(encoding="utf-8"))
    batch, envelope = batch_model(row, max_rows), batch_model(Any, max_rows)
    model = Model(version, served, row, batch, envelope, columns, carried, example)
    try:
        rows = [model.read(orjson.dumps(one), batch=False)[0] for one in example]
    except RefusedError as error:
        raise ProjectError(f"{folder}: the example does not fit the schema: {error}") from error
    numbers = [v for v in served.predict_rows(rows).values() if v.dtype.kind == "f"]
    if not all(np.isfinite(values).all() for values in numbers):
        raise ProjectError(f"{folder}: the model's answer to its own example is not a number")
    return model


class Service:
    """The model in service, replaced as a whole: a request holds on to the one it began with."""

    def __init__(self, newest: Newest, settings: Serve, stream: "Stream", keys: list[str]) -> None:
        self.newest, self.settings, self.stream = newest, settings, stream
        self.keys = [key.encode() for key in keys]
        self.metrics = Metrics()
        stream.on_lost = self.metrics.lost.inc
        self.model: Model | None = None
        self._seen: tuple[str, str] | None = None

    def answered_by(self, scope: Scope) -> tuple[str, str] | None:
        """Return id and version of the model that answers a request, if there is one."""
        model = scope.get("model", self.model)
        return (model.served.model_id, model.version) if model else None

    def current(self) -> Model:
        """Return the model in service. Raises HTTPException when there is none."""
        if self.model is None:
            raise HTTPException(503, "no model has been loaded yet")
        return self.model

    def max_bytes(self) -> int:
        """Return the largest request: as set, or what `max_rows` rows of the model come to."""
        row = sum(len(json.dumps(name)) + VALUE_BYTES for name in self.current().columns)
        return self.settings.max_bytes or 1000 + row * self.settings.max_rows

    def refresh(self) -> None:
        """Load the newest model beside the one in service, try it, then swap. Raises anything."""
        newest = self.newest()
        if newest is None or newest[:2] == self._seen:
            return
        model = load_model(newest.fetch(), newest.version, self.settings.max_rows)
        self.model, self._seen = model, newest[:2]
        facts = {"model_id": model.served.model_id, "version": model.version}
        self.metrics.model.info({**facts, "form": model.served.form})
        self.metrics.loads.labels("done").inc()
        log.info("model in service", extra={"fields": facts})

    def follow(self, stop: threading.Event) -> None:
        """Refresh until told to stop; what cannot serve leaves the model in service alone."""
        while not stop.wait(self.settings.reload_seconds):
            try:
                self.refresh()
            except Exception:  # whatever is wrong with a new model, the old one goes on
                self.metrics.loads.labels("failed").inc()
                log.exception("the newest model cannot serve; nothing has changed")

    def answer(self, body: bytes, scope: Scope, batch: bool) -> Row:
        """Answer a request. Raises RefusedError; HTTPException when there is no model."""
        model, request_id = self.current(), scope["request_id"]
        scope["model"] = model
        rows = model.read(body, batch)
        answers, predicted = model.predict(rows, request_id)
        scope["rows"] = len(rows)
        self.metrics.count([a["prediction"] for a in answers], "labels" in model.served.meaning)
        ids = [a["prediction_id"] for a in answers]
        self.stream.add(rows, predicted, ids, model.served.model_id, datetime.now(UTC))
        head = {"model_id": model.served.model_id, "model_version": model.version}
        head["request_id"] = request_id
        return {**head, "predictions": answers} if batch else {**head, **answers[0]}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    **{code: {"model": Problem} for code in (401, 408, 413, 415, 503)},
    422: {"model": Refused},
}


def create_app(service: Service) -> Edge:
    """Put the routes together."""
    app = FastAPI(title=f"{paths.PROJECT}: predictions", version="1")

    direct: dict[str, ASGIApp] = {}
    for path, batch, of in (("/predict", False, Answer), ("/predict/batch", True, Answers)):
        direct[path] = partial(_predict, service, batch)
        describe = app.post(path, summary=of.__doc__, response_model=of, responses=PROBLEMS)
        describe(_described)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "alive"}

    @app.get("/health/ready", responses={503: {"model": Problem}})
    async def ready() -> dict[str, str]:
        """Tell whether there is a model to answer with."""
        service.current()
        return {"status": "ready"}

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Tell the figures for Prometheus."""
        text = prometheus.generate_latest(service.metrics.registry)
        return Response(text, media_type=prometheus.CONTENT_TYPE_LATEST)

    app.openapi = partial(_document, app, service)  # type: ignore[method-assign]
    return Edge(app, direct, service)


async def _described() -> None:
    """Stand in OpenAPI for `_predict`: what FastAPI does for a route takes longer than a model."""


async def _predict(
    service: Service, batch: bool, scope: Scope, receive: Receive, send: Send
) -> None:
    try:
        body = await _body(scope, receive, service.max_bytes())
        response = _json(service.answer(body, scope, batch))
    except RefusedError as error:
        response = _json({"detail": error.reasons}, 422)
    except HTTPException as error:
        response = _json({"detail": error.detail}, error.status_code)
    await response(scope, receive, send)


def _json(content: Row, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


async def _body(scope: Scope, receive: Receive, most: int) -> bytes:
    kind, _, charset = header(scope, b"content-type").lower().replace(b" ", b"").partition(b";")
    if kind != b"application/json" or charset.replace(b'"', b"") not in (b"", b"charset=utf-8"):
        raise HTTPException(415, "the content type must be application/json, in UTF-8")
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > most:
                    raise HTTPException(413, f"a request has at most {most} bytes")
    except TimeoutError:
        raise HTTPException(408, "the request did not arrive in time") from None
    return bytes(body)


def _document(app: FastAPI, service: Service) -> Row:
    """Describe the routes, and the rows of the model that is in service now."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    if (model := service.model) is None:
        return document
    examples = {"/predict": model.example[0], "/predict/batch": {"rows": model.example}}
    for path, of in (("/predict", model.row), ("/predict/batch", model.batch)):
        schema = of.model_json_schema(ref_template=REF)
        document["components"]["schemas"] |= schema.pop("$defs", {})
        content = {"application/json": {"schema": schema, "example": examples[path]}}
        document["paths"][path]["post"]["requestBody"] = {"required": True, "content": content}
    return document


def run(service: Service, host: str, port: int, metrics_port: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight. Raises ProjectError.

    On `metrics_port`, if there is one, the figures can be read without the key.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
        if metrics_port is not None:
            prometheus.start_http_server(metrics_port, host, service.metrics.registry)
    except OSError as error:
        ports = port if metrics_port is None else f"{port} or {metrics_port}"
        raise ProjectError(f"cannot listen on {host}, port {ports}: {error.strerror}") from None
    # asyncio does this only for what it opened itself; without it an answer waits for 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again when it is done
        signal.signal(number, lambda *_: sys.exit(0))
    service.refresh()
    if not service.keys and not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        log.warning("everybody who reaches this port is answered: API_KEY is not set")
    stop = threading.Event()
    threading.Thread(target=service.follow, args=(stop,), daemon=True).start()
    config = uvicorn.Config(
        create_app(service), http=Connection, log_config=None, access_log=False,
        server_header=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )  # fmt: skip
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        stop.set()
        service.stream.close()
