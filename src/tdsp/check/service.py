"""Services: what a request may do, and how a container runs."""

import re
from collections.abc import Iterator

from tdsp.check.layout import targets
from tdsp.check.model import LOADS, predicts
from tdsp.check.purpose import lesson
from tdsp.check.rule import Mark, broken, check, held, once, unsure
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
HEALTH = re.compile(r"(?i)/?.*(health|heart_?beat|ready|readiness|live|liveness|ping|status|alive)")
WELL = re.compile(
    r"(?i)health|heart_?beat|\balive\b|\bready\b|\b(is|api|up and|server) running\b|"
    r"return \{['\"]status['\"]: ['\"](ok|up)['\"]"
)
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


@once
def in_use(repo: Repository) -> list[tuple[Module, list[Function]]]:
    """Return the services that reach a model and are no lesson.

    A route may be named after predictions, and answer with what is stored.
    """
    return [
        (module, answers)
        for module, answers in services(repo)
        if not lesson(repo, module.path) and any(map(_holds_model, _near(repo, module)))
    ]


def _holds_model(module: Module) -> bool:
    """Tell whether a file asks a model or loads one; a pickle may as well hold a table."""
    if predicts(module):
        return True
    for call in module.calls:
        if LOADS.match(call.name):
            plain = re.match(r"joblib|pickle|cloudpickle|dill|sklearn", call.name)
            if not plain or re.search(r"(?i)model|clf|classifier|regress", module.line(call.line)):
                return True
    return False


@once
def _by_end(repo: Repository) -> dict[str, list[str]]:
    """Return the name of a module -> the files below the root that may be meant."""
    found: dict[str, list[str]] = {}
    for module in repo.modules("production"):
        if module.path.count("/") > 1:
            stem = module.path.rsplit("/", 1)[-1].removesuffix(".py")
            found.setdefault(stem, []).append(module.path)
    return found


def _near(repo: Repository, module: Module) -> list[Module]:
    """Return a file, and those that its imports reach in two steps."""
    found = {module.path: module}
    for _ in range(2):
        for each in [*found.values()]:
            for one in each.imports:
                known = targets(each.path, one.module, one.name, one.level)
                if not one.level:  # a service may run in a folder of its own
                    known += _by_end(repo).get(one.module.rsplit(".", 1)[-1], [])
                for path in known:
                    if path in repo.python:
                        found.setdefault(path, repo.python[path])
    return [*found.values()]


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
    severity="info",
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
        if COPY.search(module.path):
            continue
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
                checked = function.raises or function.compares or _typed(module, function)
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


COPY = re.compile(r"(?i)[ _-]copy( ?\(?\d+\)?)?\.py$")  # what a file manager makes


def _typed(module: Module, function: Function) -> bool:
    """Tell whether a route makes numbers of what it was given, and answers for what is none."""
    makes = [call for call in _inside(module, function) if call.name in {"float", "int"}]
    lines = range(function.line, function.end + 1)
    errors = {"ValueError", "TypeError"}
    if any(value.call and _reads_request(value.call.name, None) for c in makes for value in c.args):
        errors.add("Exception")
    caught = {kind for each in module.handlers if each.line in lines for kind in each.types}
    return bool(makes and caught & errors)


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
    severity="note",
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
            elif re.search(r"load|refresh|evaluat", function.name):
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
    unless="no route asks a model, or this is a lesson",
    severity="info",
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
    asked = in_use(repo)
    if not asked:
        return
    for module in repo.modules("production"):
        for function in routes(module):
            for each in function.decorators:
                path = each.call.args[0].constant if each.call and each.call.args else ""
                said = WELL.search(f"{function.name}\n{_body(module, function)}")
                if (isinstance(path, str) and HEALTH.match(path)) or said:
                    yield held(repo, module, function.line)
                    return
    module, answers = asked[0]
    yield broken(
        repo, module, asking(module, answers).line, "no route says whether the service is well"
    )
