"""Services: what a request may do, and how a container runs."""

import re
from collections.abc import Iterator

from tdsp.check.model import LOADS, predicts
from tdsp.check.rule import Mark, at, broken, check, held, once, unsure
from tdsp.reading import Repository
from tdsp.reading.python import Call, Function, Module

FRAMEWORKS = frozenset(
    ["flask", "fastapi", "starlette", "sanic", "bottle", "aiohttp", "litestar", "quart", "tornado"]
)
SCHEMAS = frozenset(
    [
        "pydantic",
        "marshmallow",
        "jsonschema",
        "pandera",
        "cerberus",
        "wtforms",
        "flask_wtf",
        "voluptuous",
        "msgspec",
        "attrs",
    ]
)
ROUTE = re.compile(r"\.(route|get|post|put|api_route)$")
HEALTH = re.compile(r"(?i)/?.*(health|ready|readiness|live|liveness|ping|status|alive)")
FLASK = (
    "import joblib\nfrom flask import Flask, request\n\napp = Flask(__name__)\nmodel ="
    " joblib.load('m.joblib')\n\n\n"
)
API = (
    "import joblib\nfrom fastapi import FastAPI\nfrom pydantic import BaseModel\n\napp ="
    " FastAPI()\n"
)
ROW = "class Row(BaseModel):\n    a: float\n\n\n"


def routes(module: Module) -> Iterator[Function]:
    """Yield the functions that answer requests."""
    if not {each.module.split(".")[0] for each in module.imports} & FRAMEWORKS:
        return
    for function in module.functions:
        if any(
            each.call is not None and ROUTE.search(each.call.name) for each in function.decorators
        ):
            yield function


@once
def services(repo: Repository) -> list[tuple[Module, list[Function]]]:
    """Return the files that answer requests with a model, and their routes."""
    found = []
    for module in repo.modules("production"):
        answers = list(routes(module))
        model = predicts(module) or any(LOADS.match(call.name) for call in module.calls)
        named = any("predict" in f.name or "score" in f.name or "infer" in f.name for f in answers)
        if answers and (model or named):
            found.append((module, answers))
    return found


def asking(module: Module, answers: list[Function]) -> Function:
    """Return the route that asks the model, or the first one."""
    scopes = {call.scope for call in predicts(module)}
    named = [each for each in answers if re.search(r"predict|score|infer", each.name)]
    return next((each for each in answers if each.scope in scopes), (*named, *answers)[0])


def _inside(module: Module, function: Function) -> list[Call]:
    return [call for call in module.calls if call.scope == function.scope]


@check(
    "SE01",
    family="service",
    title="A request is checked before the model sees it",
    why="Without a schema a wrong type, a missing field or a foreign unit becomes an"
    " answer, or an error"
    " that nobody understands.",
    fix="Declare the request: a pydantic model, a JSON schema, the model's signature.",
    unless="no route asks a model",
    severity="warning",
    proves=("O2",),
    bad={
        "app.py": FLASK + "@app.route('/predict', methods=['POST'])\ndef predict():\n"
        "    data = request.get_json()\n    return str(model.predict([data['rows']]))\n"
    },
    good={
        "app.py": API
        + "model = joblib.load('m.joblib')\n\n\n"
        + ROW
        + "@app.post('/predict')\ndef predict(row: Row):\n"
        "    return float(model.predict([[row.a]])[0])\n"
    },
)
def request_checked(repo: Repository) -> Iterator[Mark]:
    """Judge routes that both read a request and ask a model."""
    for module, answers in services(repo):
        schemas = {each.module.split(".")[0] for each in module.imports} & SCHEMAS
        for function in answers:
            calls = _inside(module, function)
            asked = [each for each in calls if each in predicts(module)]
            if not asked:
                continue
            raw = [
                c
                for c in calls
                if c.name in {"flask.request.get_json", "request.get_json", "request.json"}
            ]
            raw += [
                c
                for c in calls
                if c.name.startswith(
                    ("flask.request.form", "flask.request.values", "flask.request.json")
                )
            ]
            reads = [
                a
                for a in module.assigns
                if a.scope == function.scope and _reads_request(a.value.name, a.value.base)
            ]
            typed = [
                note
                for note in function.annotations.values()
                if note not in {"dict", "Any", "list", "Request", "Dict", "List"}
            ]
            if schemas or (typed and not raw and not reads):
                yield held(repo, module, function.line, "the request has a type")
            elif raw or reads:
                checked = function.raises or function.compares
                if checked:
                    yield unsure(
                        repo,
                        module,
                        function.line,
                        "something is checked; whether all, cannot be told",
                    )
                else:
                    yield broken(
                        repo,
                        module,
                        asked[0].line,
                        "the model is asked what the request says, unchecked",
                    )
        if not {call.scope for call in predicts(module)} & {each.scope for each in answers}:
            yield from _asked_elsewhere(repo, module)


def _asked_elsewhere(repo: Repository, module: Module) -> Iterator[Mark]:
    """Judge a service whose routes hand the request on, by the contract that it imports."""
    asked = predicts(module)
    if not asked:
        return
    contracts = {
        each.alias: path
        for each in module.imports
        if each.level
        for path in _neighbours(module.path, each.level, each.module)
        if path in repo.python
        and {e.module.split(".")[0] for e in repo.python[path].imports} & SCHEMAS
    }
    for call in module.calls:
        name = call.name.lstrip(".").rsplit(".", 1)[-1]
        if name in contracts and re.search(r"valid|parse|check|contract", name):
            message = f"it is checked by {contracts[name]}"
            yield held(repo, module, call.line, message)
            return
    yield unsure(repo, module, asked[0].line, "what was asked is checked elsewhere, or not at all")


def _neighbours(path: str, level: int, module: str) -> list[str]:
    """Return the files that a relative import may mean."""
    folder = path
    for _ in range(level):
        folder = folder.rpartition("/")[0]
    joined = f"{folder}/{module.replace('.', '/')}" if folder else module.replace(".", "/")
    return [f"{joined}.py", f"{joined}/__init__.py"]


def _reads_request(name: str, base: object) -> bool:
    if name.startswith("flask.request."):
        return True
    inner = getattr(base, "name", "")
    return isinstance(inner, str) and inner.startswith("flask.request.")


@check(
    "SE02",
    family="service",
    title="The model is loaded once",
    why="Loading for each request makes each answer slow, and the service fails when the"
    " file moves.",
    fix="Load at the start: at the top of the file, or in the start event.",
    unless="no route asks a model",
    severity="warning",
    proves=(),
    bad={
        "app.py": FLASK
        + "@app.route('/predict')\ndef predict():\n    m = joblib.load('m.joblib')\n   "
        " return str(m.predict([[1]]))\n"
    },
    good={
        "app.py": FLASK
        + "@app.route('/predict')\ndef predict():\n    return str(model.predict([[1]]))\n"
    },
)
def loaded_once(repo: Repository) -> Iterator[Mark]:
    """Judge the calls that load a model inside a route."""
    for module, answers in services(repo):
        inside = {function.scope: function for function in answers}
        own = {e.alias for e in module.imports if e.level and re.search("load", e.name)}
        for call in module.calls:
            mine = call.name.startswith(".") and any(
                call.line == line for line in _lines(module, own)
            )
            if not (LOADS.match(call.name) or mine):
                continue
            function = inside.get(call.scope)
            if mine and function is not None:
                yield unsure(repo, module, call.line, "whether this loads the model is not said")
            elif function is None:
                yield held(repo, module, call.line, "not in a route")
            elif re.search(r"load|reload|upload|refresh", function.name):
                continue
            elif function.compares or "global " in _body(module, function):
                yield unsure(
                    repo, module, call.line, "it may be loaded only when it is not there yet"
                )
            else:
                yield broken(
                    repo, module, call.line, f"{function.name} loads the model for each request"
                )


def _lines(module: Module, names: set[str]) -> set[int]:
    """Return the lines in which a function of one of these names is called."""
    if not names:
        return set()
    wanted = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\(")
    return {number for number, line in enumerate(module.lines, 1) if wanted.search(line)}


def _body(module: Module, function: Function) -> str:
    return "\n".join(module.lines[function.line : function.end])


@check(
    "SE03",
    family="service",
    title="A prediction does not block the event loop",
    why="While an `async` route computes, the service answers nobody else, health checks included.",
    fix="Write `def` in place of `async def`, or give the work to a thread.",
    unless="no async route asks a model",
    severity="note",
    proves=(),
    bad={
        "app.py": API
        + "model = joblib.load('m.joblib')\n\n\n@app.post('/predict')\nasync def predict():\n"
        "    return float(model.predict([[1]])[0])\n"
    },
    good={
        "app.py": API
        + "import asyncio\n\nmodel = joblib.load('m.joblib')\n\n\n@app.post('/predict')\n"
        "async def predict():\n"
        "    return await asyncio.to_thread(model.predict, [[1]])\n"
    },
)
def not_blocking(repo: Repository) -> Iterator[Mark]:
    """Judge async routes that call `predict` themselves."""
    for module, answers in services(repo):
        for function in (each for each in answers if each.is_async):
            calls = _inside(module, function)
            asked = [each for each in calls if each in predicts(module)]
            threads = [
                c
                for c in calls
                if c.method in {"to_thread", "run_in_threadpool", "run_in_executor", "run_sync"}
            ]
            if threads:
                yield held(repo, module, threads[0].line, "a thread computes")
            elif asked:
                yield broken(
                    repo, module, asked[0].line, f"async {function.name} computes in the event loop"
                )


@check(
    "SE04",
    family="service",
    title="The service says whether it is well",
    why="A platform can neither restart a dead service nor wait for one that starts without"
    " being told.",
    fix="Add a route such as /health that asks the model for one known row.",
    unless="no route asks a model",
    severity="note",
    proves=(),
    bad={
        "app.py": FLASK
        + "@app.route('/predict')\ndef predict():\n    return str(model.predict([[1]]))\n"
    },
    good={
        "app.py": FLASK
        + "@app.route('/predict')\ndef predict():\n    return str(model.predict([[1]]))\n\n\n"
        "@app.route('/health')\ndef health():\n    return 'ok'\n"
    },
)
def health(repo: Repository) -> Iterator[Mark]:
    """Look for a route of health in any file of the service."""
    asked = services(repo)
    if not asked:
        return
    for module in repo.modules("production"):
        for function in routes(module):
            for each in function.decorators:
                path = each.call.args[0].constant if each.call and each.call.args else ""
                said = re.search(r"(?i)health|\balive\b|\bready\b", _body(module, function))
                if (isinstance(path, str) and HEALTH.match(path)) or said:
                    yield held(repo, module, function.line)
                    return
    module, answers = asked[0]
    yield broken(
        repo, module, asking(module, answers).line, "no route says whether the service is well"
    )


@check(
    "SE05",
    family="service",
    title="No debug server in production",
    why="A debug server runs code that a visitor types, and serves one request at a time.",
    fix="Start it with a real server, such as gunicorn or uvicorn without --reload.",
    unless="nothing starts a Flask or uvicorn server",
    severity="warning",
    proves=("security",),
    bad={"app.py": "from flask import Flask\n\napp = Flask(__name__)\napp.run(debug=True)\n"},
    good={"app.py": "from flask import Flask\n\napp = Flask(__name__)\napp.run()\n"},
)
def debug_server(repo: Repository) -> Iterator[Mark]:
    """Judge `run(debug=True)` and what containers start."""
    for module in repo.modules("production"):
        flask = "flask" in {each.module.split(".")[0] for each in module.imports}
        for call in module.calls:
            debug = call.get("debug")
            if call.name in {"uvicorn.run", "uvicorn.Config"}:
                reload = call.get("reload")
                if reload is not None and reload.constant is True:
                    level = "note" if call.main else "warning"
                    yield broken(
                        repo, module, call.line, "it starts anew when a file changes", level
                    )
                elif reload is None or reload.constant is False:
                    yield held(repo, module, call.line)
                continue
            if not flask or call.method != "run" or call.receiver is None or not call.receiver.name:
                continue
            if call.receiver.root in {"subprocess", "asyncio"}:
                continue
            if debug is not None and debug.constant is True:
                severity = "note" if call.main else "warning"
                yield broken(
                    repo, module, call.line, "the debugger runs what a visitor types", severity
                )
            elif debug is None or debug.constant is False:
                yield held(repo, module, call.line)
    for path, lines in repo.docker.items():
        for each in lines:
            if each.word in {"CMD", "ENTRYPOINT"}:
                if re.search(r"--reload|flask[\"', ]+run.*--debug|FLASK_DEBUG=1", each.rest):
                    yield at(
                        repo, "fail", path, each.line, "the container starts a development server"
                    )
                elif re.search(r"gunicorn|uvicorn|waitress|hypercorn", each.rest):
                    yield at(repo, "held", path, each.line)


@check(
    "SE06",
    family="service",
    title="Containers run a fixed base as a plain user",
    why="As root, a hole in the service is a hole in the machine. An image without a"
    " version is another"
    " one tomorrow.",
    fix="End with a USER that is not root, and name the base with a version or a digest.",
    unless="there is no container file",
    severity="warning",
    proves=("security", "I1"),
    bad={"Dockerfile": 'FROM python\nCMD ["python", "app.py"]\n'},
    good={"Dockerfile": 'FROM python:3.12-slim\nUSER 10001\nCMD ["python", "app.py"]\n'},
)
def containers(repo: Repository) -> Iterator[Mark]:
    """Judge the last stage by its user (note) and each stage by its base."""
    for path, lines in repo.docker.items():
        if repo.role(path) != "production" or "devcontainer" in path:
            continue
        stages = {
            m[1]
            for e in lines
            if e.word == "FROM" and (m := re.search(r"(?i)\sas\s+(\S+)", e.rest))
        }
        ends = [number for number, each in enumerate(lines) if each.word == "FROM"]
        if not ends:
            continue
        last = lines[ends[-1] :]
        if not any(each.word in {"CMD", "ENTRYPOINT"} for each in last):
            continue
        for each in lines:
            if each.word == "FROM":
                yield from _base(repo, path, each.line, each.rest, stages)
        users = [each for each in last if each.word == "USER"]
        if users and users[-1].rest.split(":")[0] not in {"root", "0"}:
            yield at(repo, "held", path, users[-1].line)
        elif not users and re.search(r"nonroot|jovyan|lambda", last[0].rest):
            yield at(repo, "held", path, last[0].line, "the base sets a user")
        elif not users and not re.match(
            r"(docker\.io/)?(library/)?(python|ubuntu|debian|alpine|nvidia/cuda)[:@ ]?",
            last[0].rest,
        ):
            yield at(repo, "unknown", path, last[0].line, "the base may set a user")
        else:
            yield at(repo, "fail", path, last[-1].line, "it runs as root", "note")


POD = (
    "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n"
    "        - name: a\n          image: a:1\n"
)


@check(
    "SE09",
    family="service",
    title="A container has limits",
    why="Without limits one service takes the memory of all others on the machine.",
    fix="Write resources.limits.memory for each container.",
    unless="there is no Kubernetes deployment that is plain YAML",
    severity="note",
    bad={"k8s/app.yaml": POD},
    good={"k8s/app.yaml": POD + "          resources: {limits: {memory: 1Gi}}\n"},
)
def limits(repo: Repository) -> Iterator[Mark]:
    """Judge the containers of deployments by their memory limit."""
    for path, documents in repo.yaml.items():
        for document in documents if repo.role(path) == "production" else ():
            data = document.data
            if not isinstance(data, dict) or data.get("kind") not in {"Deployment", "StatefulSet"}:
                continue
            for key in ("spec", "template", "spec", "containers"):
                data = data.get(key) if isinstance(data, dict) else None
            for number, each in enumerate(data if isinstance(data, list) else []):
                resources = each.get("resources") if isinstance(each, dict) else None
                place = ("spec", "template", "spec", "containers", number)
                if "patch" in path or not isinstance(each, dict) or "image" not in each:
                    continue  # only a part: the rest stands in another file
                limited = isinstance(resources, dict) and "memory" in str(resources.get("limits"))
                kind, said = ("held", "") if limited else ("fail", "it has no limit of memory")
                yield at(repo, kind, path, document.line(*place), said)


def _base(repo: Repository, path: str, line: int, rest: str, stages: set[str]) -> Iterator[Mark]:
    words = [word for word in rest.split() if not word.startswith("--")]
    image = words[0] if words else ""
    if image in stages or image == "scratch":
        return
    if "$" in image:
        yield at(repo, "unknown", path, line, "the base is a variable")
    elif "@sha256:" not in image and (
        ":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest")
    ):
        yield at(repo, "fail", path, line, f"{image} is another image tomorrow")
    else:
        yield at(repo, "held", path, line)
