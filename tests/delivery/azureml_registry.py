"""A stand-in for the MLflow endpoint of a workspace of Azure ML, with its store of files.

It is a proxy that answers for the vendor's own host names, so that `azureml-mlflow` runs as it is.
It knows what the vendor documents, and refuses the rest. Sources, all read on 2026-11-28:

* calls: learn.microsoft.com/azure/machine-learning/how-to-manage-models-mlflow. Tags of versions,
  searches by name; no renaming, no search by tag, no model of another workspace, not a word of
  aliases
* an endpoint that Azure ML lacks is 404 without a body: issue 44896 of Azure/azure-sdk-for-python
* filters: issue 42155 there; of runs: /azure/machine-learning/how-to-track-experiments-mlflow
* sizes: /azure/machine-learning/resource-limits-capacity for metrics and tags of a run; issue 35685
  of Azure/azure-sdk-for-python for parameters
* a file of a run is written once ("Resource Conflict"): issue 256 of lightly-ai/lightly-train

Assumed, as no page says it: tags of a version have the limits of those of a run, a search gives
pages, and a tag that is not there cannot be deleted.
"""

import json
import re
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

HOST, BLOBS = "westeurope.api.azureml.ms", "standin.blob.core.windows.net"
SCOPE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg"
    "/providers/Microsoft.MachineLearningServices/workspaces/mlw"
)
URI = f"azureml://{HOST}/mlflow/v2.0{SCOPE}"
TOKEN = "the-token-of-az"  # noqa: S105  opens nothing
PAGE = 2  # versions a page
METRICS, PARAMS, TAGS, TAG_KEY, TAG = 50, 200, 50, 100, 1000
STATUS = {"Scheduled", "Running", "Finished", "Failed", "Killed"}

Json = dict[str, Any]


class RefusedError(Exception):
    """An answer that is an error: the status, MLflow's code and the message."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


def invalid(message: str) -> RefusedError:
    return RefusedError(400, "INVALID_PARAMETER_VALUE", message)


def absent(what: str) -> RefusedError:
    return RefusedError(404, "RESOURCE_DOES_NOT_EXIST", f"{what} does not exist")


def over(name: str, limit: int, size: int) -> None:
    if size > limit:
        raise invalid(f"A field of the entity is over the size limit. FieldName={name}, "
                      f"Limit={limit}, Size={size}.")  # fmt: skip


def limited(tags: dict[str, str], of: str) -> None:
    over(f"{of}.Tags", TAGS, len(tags))
    for key, value in tags.items():
        over(f"{of}.Tags.Key/Length", TAG_KEY, len(key))
        over(f"{of}.Tags.Value/Length", TAG, len(value))


def terms(text: str, names: str) -> list[tuple[str, str]]:
    """A filter's terms. Azure ML knows `=` between these names and a text, joined by AND."""
    found = []
    for term in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text else []:
        asked = re.fullmatch(rf"({names})\s*=\s*'([^']*)'", term.strip())
        if asked is None:
            raise invalid(
                "Currently unsupported filter string format (we currently do not support OR). "
                f"Provided filter string: {text}"
            )
        found.append((asked[1], asked[2]))
    return found


def listed(pairs: dict[str, Any]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in pairs.items()]


@dataclass
class Workspace:
    """What a workspace holds, and a method for each call that it knows, named as in its address."""

    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Json] = field(default_factory=dict)
    models: dict[str, list[Json]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)  # run/path
    calls: list[str] = field(default_factory=list)
    before: Callable[[str, Json], None] = lambda call, given: None  # may raise

    def call(self, name: str, given: Json) -> Json:
        self.calls.append(name)
        self.before(name, given)
        method = getattr(self, "do_" + re.sub(r"\W", "_", name), None)
        if method is None:
            raise RefusedError(404)
        return dict(method(**given) or {})

    # Experiments and runs

    def do_experiments_get_by_name(self, experiment_name: str) -> Json:
        if experiment_name not in self.experiments:
            raise absent(f"Experiment {experiment_name}")
        found = {"experiment_id": self.experiments[experiment_name], "name": experiment_name}
        return {"experiment": {**found, "lifecycle_stage": "active", "artifact_location": ""}}

    def do_experiments_create(self, name: str, **_: Any) -> Json:
        return {"experiment_id": self.experiments.setdefault(name, str(uuid.uuid4()))}

    def do_runs_create(self, experiment_id: str, tags: Any = (), **more: Any) -> Json:
        number = str(uuid.uuid4())
        info = {
            "run_id": number, "run_uuid": number, "experiment_id": experiment_id,
            "run_name": more.get("run_name", ""), "status": "RUNNING", "lifecycle_stage": "active",
            "start_time": int(time.time() * 1000),
            "artifact_uri": f"{URI}/experiments/{experiment_id}/runs/{number}/artifacts",
        }  # fmt: skip
        self.runs[number] = {"info": info, "metrics": {}, "params": {}, "tags": {}}
        self.do_runs_log_batch(number, tags=tags)
        return {"run": self.run(number)}

    def run(self, number: str) -> Json:
        if number not in self.runs:
            raise absent(f"Run {number}")
        run = self.runs[number]
        metrics = [
            {"key": k, "value": v, "timestamp": 0, "step": 0} for k, v in run["metrics"].items()
        ]
        data = {"metrics": metrics, "params": listed(run["params"]), "tags": listed(run["tags"])}
        return {"info": run["info"], "data": data}

    def do_runs_get(self, run_id: str, **_: Any) -> Json:
        return {"run": self.run(run_id)}

    def do_runs_log_batch(
        self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()
    ) -> None:
        run = self.runs[run_id]
        new = {
            name: run[name] | {each["key"]: each.get("value", "") for each in given}
            for name, given in (("metrics", metrics), ("params", params), ("tags", tags))
        }
        over("MetricNames", METRICS, len(new["metrics"]))
        over("Parameters", PARAMS, len(new["params"]))
        limited(new["tags"], "RunDto")
        run.update(new)

    def do_runs_update(self, run_id: str, **more: Any) -> Json:
        self.runs[run_id]["info"].update(
            {k: v for k, v in more.items() if k in ("status", "end_time")}
        )
        return {"run_info": self.runs[run_id]["info"]}

    def do_runs_search(self, experiment_ids: list[str], **more: Any) -> Json:
        asked = terms(more.get("filter", ""), r"(?:tags|params)\.[\w.]+|attributes\.\w+")
        if re.search(r"metrics\.|params\.|tags\.", " ".join(more.get("order_by", []))):
            raise invalid("order_by is not supported for metrics, params and tags")

        def fits(run: Json) -> bool:
            for name, value in asked:
                kind, _, key = name.partition(".")
                if kind == "attributes" and value not in STATUS:
                    raise invalid(f"{value} is no status")
                held = run["info"][key].capitalize() if kind == "attributes" else run[kind].get(key)
                if held != value:
                    return False
            return run["info"]["experiment_id"] in experiment_ids

        return {"runs": [self.run(n) for n, run in reversed(self.runs.items()) if fits(run)]}

    # Models

    def do_registered_models_create(self, name: str, **_: Any) -> Json:
        if name in self.models:
            raise RefusedError(400, "RESOURCE_ALREADY_EXISTS", f"Model {name} exists")
        self.models[name] = []
        return {"registered_model": {"name": name}}

    def do_registered_models_get(self, name: str) -> Json:
        if not self.models.get(name):
            raise absent(f"Model {name}")
        return {
            "registered_model": {
                "name": name,
                "latest_versions": [self.version(name, len(self.models[name]))],
            }
        }

    def do_registered_models_search(self, **given: Any) -> Json:
        asked = terms(given.get("filter", ""), "name")
        found = [name for name in self.models if all(name == value for _, value in asked)]
        return {"registered_models": [{"name": name} for name in found]}

    def do_model_versions_create(self, name: str, source: str, run_id: str, **more: Any) -> Json:
        if name not in self.models:
            raise absent(f"Model {name}")
        run, _, path = source.removeprefix(f"{URI}/experiments/").partition("/artifacts/")
        if not run.endswith(f"/runs/{run_id}") or f"{run_id}/{path}/MLmodel" not in self.files:
            raise invalid(f"Model source is no MLflow model of this workspace: {source}")
        tags = {each["key"]: each["value"] for each in more.get("tags", [])}
        limited(tags, "Model")
        now = int(time.time() * 1000)
        number = str(len(self.models[name]) + 1)
        self.models[name].append({
            "name": name, "version": number, "run_id": run_id, "source": source, "tags": tags,
            "creation_timestamp": now, "last_updated_timestamp": now, "status": "READY",
        })  # fmt: skip
        return {"model_version": self.version(name, number)}

    def held(self, name: str, version: Any) -> Json:
        found = self.models.get(name, [])
        if not 0 < int(version) <= len(found):
            raise absent(f"Version {version} of {name}")
        return found[int(version) - 1]

    def version(self, name: str, version: Any) -> Json:
        found = self.held(name, version)
        return {**found, "tags": listed(found["tags"])}

    def do_model_versions_get(self, name: str, version: str) -> Json:
        return {"model_version": self.version(name, version)}

    def do_model_versions_search(self, **given: Any) -> Json:
        asked = dict(terms(given.get("filter", ""), "name"))
        found = self.models.get(asked["name"], [])
        begin = int(given.get("page_token", 0))
        part = [
            self.version(asked["name"], each["version"]) for each in found[begin : begin + PAGE]
        ]
        more = {"next_page_token": str(begin + PAGE)} if begin + PAGE < len(found) else {}
        return {"model_versions": part, **more}

    def do_model_versions_set_tag(self, name: str, version: str, key: str, value: str) -> None:
        found = self.held(name, version)
        limited({**found["tags"], key: value}, "Model")
        found["tags"][key] = value

    def do_model_versions_delete_tag(self, name: str, version: str, key: str) -> None:
        if self.held(name, version)["tags"].pop(key, None) is None:
            raise absent(f"Tag {key}")

    # Files

    def artifacts(self, run: str, action: str, given: Json) -> Json:
        if action == "batch/metadata":
            paths = [each["path"] for each in given["paths"]]
            there = [path for path in paths if f"{run}/{path}" in self.files]
            new = {p: {"contentUri": self.address(run, p)} for p in paths if p not in there}
            said = {"code": "UserError", "message": "Resource Conflict: ArtifactId already exists."}
            errors = {path: {"error": said} for path in there}
            return {"artifacts": {}, "artifactContentInformation": new, "errors": errors}
        if action == "contentinfo":
            if f"{run}/{given['path']}" not in self.files:
                raise absent(given["path"])
            return {"contentUri": self.address(run, given["path"])}
        here = [name.removeprefix(f"{run}/") for name in self.files if name.startswith(f"{run}/")]
        return {
            "value": [{"origin": "ExperimentRun", "container": run, "path": path} for path in here]
        }

    @staticmethod
    def address(run: str, path: str) -> str:
        return f"https://{BLOBS}/azureml/{run}/{path}?sig=x"


class Handler(BaseHTTPRequestHandler):
    """Speaks to one client: after CONNECT, as the host that the client asked for."""

    protocol_version = "HTTP/1.1"
    workspace: Workspace
    context: ssl.SSLContext

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            self.connection = self.context.wrap_socket(self.connection, server_side=True)
        except ssl.SSLError:  # a client that knows this certificate for no such name
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def __getattr__(self, name: str) -> Any:
        if name in ("do_GET", "do_POST", "do_PATCH", "do_DELETE", "do_PUT"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        where = urlsplit(self.path)
        if self.headers["Host"] == BLOBS:
            self.blob(unquote(where.path).removeprefix("/azureml/"), body)
            return
        try:
            given = (
                json.loads(body) if body else {k: v[0] for k, v in parse_qs(where.query).items()}
            )
            self.reply(200, json.dumps(self.ask(where.path, given)).encode())
        except RefusedError as refused:
            text = {"error_code": refused.code, "message": f"Response: {{{refused}}}"}
            self.reply(refused.status, json.dumps(text).encode() if refused.code else b"")

    def ask(self, path: str, given: Json) -> Json:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise RefusedError(401, "UNAUTHENTICATED", "no token")
        if found := re.fullmatch(rf"/mlflow/v2\.0{SCOPE}/api/2\.0/mlflow/(.+)", path):
            return self.workspace.call(found[1], given)
        files = rf"/history/v1\.0{SCOPE}/experiments/[^/]+/runs/([^/]+)/artifacts/?(.*)"
        if found := re.fullmatch(files, path):
            return self.workspace.artifacts(found[1], found[2], given)
        raise RefusedError(404)

    def blob(self, name: str, body: bytes) -> None:
        files = self.workspace.files
        if self.command == "PUT":
            there = name in files
            files.setdefault(name, body)
            self.reply(409 if there else 201, b"")
        elif name not in files:
            self.reply(404, b"")
        elif not files[name]:
            self.reply(200, b"")
        else:
            size = len(files[name])
            self.reply(206, files[name], f"bytes 0-{size - 1}/{size}")

    def reply(self, status: int, content: bytes, span: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.send_header("x-ms-blob-type", "BlockBlob")
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing of a request."""


@contextmanager
def azure(folder: Path) -> Iterator[tuple[Workspace, dict[str, str]]]:
    """A workspace that answers, and the environment of a process that is logged in to it."""
    names = f"subjectAltName=DNS:{HOST},DNS:{BLOBS},DNS:management.azure.com"
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += [
        "-subj",
        "/CN=stand-in",
        "-addext",
        names,
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(words, check=True, capture_output=True)
    programs = folder / "programs"
    programs.mkdir()
    token = {
        "accessToken": TOKEN,
        "expiresOn": "2099-01-01 00:00:00.000000",
        "expires_on": 4070908800,
    }
    az = programs / "az"
    az.write_text(f"#!/bin/sh\necho '{json.dumps(token)}'\n", encoding="utf-8")
    az.chmod(0o755)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    workspace = Workspace()
    handler = type("Bound", (Handler,), {"workspace": workspace, "context": context})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield (
            workspace,
            {
                "MLFLOW_TRACKING_URI": URI,
                "HTTPS_PROXY": f"http://127.0.0.1:{server.server_port}",
                "NO_PROXY": "",
                "REQUESTS_CA_BUNDLE": str(certificate),
                "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential",
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
                "AZ": str(programs),
            },
        )
    finally:
        server.shutdown()
        server.server_close()
