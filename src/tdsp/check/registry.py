"""Registry: what a registered model says of itself, and what scored rows say of their model."""

import re
from collections.abc import Iterator

from tdsp.check.ci import deploys
from tdsp.check.data import lfs
from tdsp.check.evaluation import registers
from tdsp.check.layout import targets
from tdsp.check.model import loads_model, predicts
from tdsp.check.names import PUT_ASIDE
from tdsp.check.purpose import lesson, project
from tdsp.check.rule import Mark, at, broken, check, held, unsure
from tdsp.check.service import services
from tdsp.reading import Repository
from tdsp.reading.infrastructure import Saved
from tdsp.reading.python import Call, Module

CI = ".github/workflows/ci.yml"
DEPLOY = (
    "on: push\njobs:\n  d:\n    runs-on: ubuntu-24.04\n    steps:\n"
    "      - run: kubectl apply -f k8s\n"
)
APP = (
    "import {0}\nfrom flask import Flask\n\napp = Flask(__name__)\nmodel = {1}\n\n\n"
    "@app.route('/predict')\ndef predict():\n    return str(model.predict([[1]]))\n"
)
BARE = APP.format("joblib", "joblib.load('m.joblib')")
NAMED = APP.format("mlflow", "mlflow.pyfunc.load_model('models:/churn@champion')")
REGISTRIES = frozenset(
    ["mlflow", "azureml", "azure", "wandb", "bentoml", "dvc", "clearml", "sagemaker"]
)


@check(
    "MO03",
    family="model",
    title="What is deployed comes from a registry",
    why="Of a file at a path nobody can say which version it is, or put the one before back.",
    fix="Register models (MLflow, Azure ML, DVC), and load a version of one.",
    unless="CI deploys no service that asks a model",
    severity="note",
    proves=("P1", "A3", "I7"),
    bad={"app.py": BARE, CI: DEPLOY},
    good={"app.py": NAMED, CI: DEPLOY},
)
def from_registry(repo: Repository) -> Iterator[Mark]:
    """Judge the models of deployed services by where they are loaded from."""
    if not deploys(repo):
        return
    asked = services(repo)
    for module in repo.modules("production"):
        for call in module.calls:
            known = call.name.startswith("mlflow.") and call.method in {
                "load_model",
                "download_artifacts",
            }
            if asked and (known or call.method in {"get_model_version_by_alias", "get_model_path"}):
                yield held(repo, module, call.line, "a registry is asked")
                return
    for module, _ in asked:
        for call in loads_model(module):
            path = call.args[0].constant if call.args else None
            if (
                repo.imported & REGISTRIES
                or repo.dvc
                or any(p.endswith(".dvc") for p in repo.files)
            ):
                yield unsure(repo, module, call.line, "a registry is in use; for what is not said")
            elif isinstance(path, str) and path in repo.files and lfs(repo, path):
                yield held(repo, module, call.line, "Git LFS keeps its versions")
            elif isinstance(path, str):
                yield broken(repo, module, call.line, "the model is a file at a path")
            else:
                yield unsure(repo, module, call.line, "where it comes from is not written here")


SAYS = re.compile(r"(?i)commit|sha|revision|data|hash|md5|version|lineage")


@check(
    "MO05",
    family="model",
    title="A registered model names its data",
    why="MLflow keeps the commit of the script by itself. The rows it does not know.",
    fix="Log the data set (`mlflow.log_input`), or set a tag with its version or hash.",
    unless="no model is registered",
    severity="info",
    proves=("I5", "G1"),
    bad={"r.py": "import mlflow\n\nmlflow.register_model('runs:/1/m', 'churn')\n"},
    good={
        "r.py": "import mlflow\n\nmlflow.set_tag('data_version', 'v1')\n"
        "mlflow.register_model('runs:/1/m', 'churn')\n"
    },
)
def lineage(repo: Repository) -> Iterator[Mark]:
    """Look for inputs, tags or parameters that name data, anywhere beside a registration."""
    registered = registers(repo)
    if not registered:
        return
    for module in repo.modules("production"):
        for call in module.calls:
            given = call.args[0] if call.args else None
            named = (
                given is not None
                and isinstance(given.constant, str)
                and SAYS.search(given.constant)
            )
            if call.method == "log_input" or (named and call.method in {"set_tag", "log_param"}):
                yield held(repo, module, call.line)
                return
    for module, call in registered:
        tags = call.get("tags") or call.get("properties")
        lines = range(max(call.line - 15, 1), call.line + 8)
        if tags is not None and any(SAYS.search(module.line(number)) for number in lines):
            yield held(repo, module, call.line, "its tags name them")
            return
    module, call = registered[0]
    for other in repo.modules("production"):
        for each in other.calls:
            if each.method in {"set_tags", "log_params", "set_model_version_tag", "autolog"}:
                yield unsure(repo, other, each.line, "what these say cannot be told")
                return
    yield broken(repo, module, call.line, "neither an input nor a tag names the data")


GENERATIVE = frozenset({"langchain", "openai", "llama_index", "dspy"})  # texts in, texts out
LOG = "import mlflow\nfrom sklearn.svm import SVC\n\nmodel = SVC().fit([[1]], [1])\n"


@check(
    "MO09",
    family="model",
    title="A logged model has a signature",
    why="Without one the server takes any columns in any order, and answers.",
    fix="Give log_model an input_example or a signature.",
    unless="no script logs a model with MLflow, and none that it has saved is here",
    severity="note",
    proves=("O2",),
    bad={"train.py": LOG + "mlflow.sklearn.log_model(model, 'm')\n"},
    good={"train.py": LOG + "mlflow.sklearn.log_model(model, 'm', input_example=[[1]])\n"},
)
def signature(repo: Repository) -> Iterator[Mark]:
    """Judge each call that logs a model by its arguments, and each saved model by its MLmodel."""
    for saved in repo.saved:
        given = re.search(r"test|fixture", saved.path)  # to tests, wherever they stand
        if given or repo.role(saved.path) != "production" or GENERATIVE & {*saved.flavours}:
            continue
        kind = "held" if saved.signature else "fail"
        message = "" if saved.signature else "this model was saved without a signature"
        yield at(repo, kind, saved.path, saved.line, message)
    for module in repo.modules("production"):
        for call in module.calls if not PUT_ASIDE.search(module.path) else ():
            if not re.match(r"mlflow\.\w+\.(log_model|save_model)$", call.name):
                continue
            if {"signature", "input_example"} & set(call.keywords):
                yield held(repo, module, call.line)
            elif call.starred:
                yield unsure(repo, module, call.line, "its arguments come from elsewhere")
            elif call.name.split(".")[1] not in GENERATIVE and not _no_model(call):
                yield broken(
                    repo, module, call.line, "neither signature nor input_example is given"
                )


def _no_model(call: Call) -> bool:
    """Tell whether what is logged prepares rows, or is a configuration: the model is another."""
    given = call.get("sk_model", 0) or call.get("python_model")
    made = given.call.name if given and given.call else ""
    name = f"{given.name if given else ''} {made}"
    return bool(re.search(r"(?i)preproc|vectori[sz]er|scaler|encoder|config", name))


SCORE = (
    "import joblib\nimport pandas as pd\n\nmodel = joblib.load('m.joblib')\n"
    "rows = pd.read_csv('a.csv')\n"
    "rows['answer'] = model.predict(rows)\n"
)
WRITES = re.compile(r"to_(csv|parquet|sql|gbq|feather|delta|json)$")
KEEPS = re.compile(r"write(_text|_bytes|lines)?$|put(_object)?$|upload_\w+$")
TELLS = re.compile(
    r"(?i)model_?(id|version|name|run)|run_id|scored_?(at|on)|predicted_?(at|on)|timestamp|"
    r"prediction_?(id|date|time)|batch_id"
)


@check(
    "SE08",
    family="service",
    title="Scored rows name their model",
    why="Later nobody can say which model said it, or find the rows of a model that was wrong.",
    fix="Write the model's version and the time beside each row.",
    unless="no script loads a model and writes what it predicts, or this is a lesson",
    severity="info",
    proves=("P1",),
    bad={"score.py": SCORE + "rows.to_csv('b.csv')\n"},
    good={"score.py": SCORE + "rows['model_version'] = '7'\nrows.to_csv('b.csv')\n"},
)
def rows_name_model(repo: Repository) -> Iterator[Mark]:
    """Judge files that load a model, predict and write a table, by what else they write."""
    for module, writes in batches(repo):
        if any("submission" in line.lower() for line in module.lines):
            continue  # a competition asks for its own columns
        if lesson(repo, module.path) or "evaluat" in module.path.rsplit("/", 1)[-1]:
            continue  # an exercise asks for its own columns, and figures are no scored rows
        told = [n for n, line in enumerate(module.lines, 1) if TELLS.search(line)]
        if told:
            yield held(repo, module, told[0])
        else:
            yield broken(repo, module, writes[0].line, "neither a version nor a time is written")


def batches(repo: Repository) -> Iterator[tuple[Module, list[Call]]]:
    """Yield the files that load a model, predict and train nothing, and their writes of tables."""
    for module in repo.modules("production"):
        if not loads_model(module) or not predicts(module):
            continue
        if any(call.method in {"fit", "train_test_split"} for call in module.calls):
            continue
        if any(call.method == "get_online_features" for call in module.calls):
            continue  # it answers one request
        kept = any(KEEPS.match(call.method) for call in module.calls)
        writes = [
            call
            for call in module.calls
            if call.receiver and WRITES.match(call.method) and (kept or not _text(call))
        ]
        if writes:
            yield module, writes


def _text(call: Call) -> bool:
    """Tell whether a call only returns a text, such as for a log: it is given no place."""
    place = call.args or {"path_or_buf", "path"} & set(call.keywords) or call.starred
    return call.method in {"to_csv", "to_json"} and not place


FLASK = (
    "import joblib\nfrom flask import Flask, request\n\nfrom {0} import {1}\n\n"
    "app = Flask(__name__)\nmodel = joblib.load('m.joblib')\n\n\n@app.route('/predict')\n"
    "def predict():\n    return str(model.predict({1}(request.get_json())))\n"
)
BATCH = (
    "import joblib\nimport pandas as pd\n\nfrom features import make_features\n\n"
    "model = joblib.load('m.joblib')\nrows = pd.read_csv('a.csv')\n"
    "rows['answer'] = model.predict(make_features(rows))\nrows.to_csv('b.csv')\n"
)
FEATURES = "def make_features(rows):\n    return rows\n"
PREPARES = re.compile(r"(?i)feature|preproc|prepare|transform|encod|clean|engineer")
ABOUT_ANSWERS = re.compile(r"(?i)response|output|result|answer|request|predict|log|env|model")


@check(
    "SE07",
    family="service",
    title="Service and batch prepare rows with the same code",
    why="Two functions that should do the same drift apart: the same row gets another answer at"
    " night than by day.",
    fix="Move the preparation into one module, best into the model's Pipeline; call it in both.",
    unless="there is no service beside a script that scores files, or neither prepares rows",
    severity="note",
    proves=("O3",),
    bad={
        "app.py": FLASK.format("web", "prepare_row"),
        "web.py": "def prepare_row(row):\n    return row\n",
        "features.py": FEATURES,
        "score.py": BATCH,
    },
    good={
        "app.py": FLASK.format("features", "make_features"),
        "features.py": FEATURES,
        "score.py": BATCH,
    },
)
def same_features(repo: Repository) -> Iterator[Mark]:
    """Compare the functions that prepare rows in services with those in scripts that score."""
    served = {module.path: module for module, _ in services(repo)}
    scored = [module for module, _ in batches(repo) if module.path not in served]
    for service in served.values():
        online, own = _preparing(repo, service), project(repo, service.path)
        for script in (each for each in scored if project(repo, each.path) == own):
            offline = _preparing(repo, script)
            if not online and not offline:
                continue
            line = min((online or offline).values())
            if not online or not offline:
                one = service if online else script
                yield unsure(repo, one, line, "only one of service and script prepares rows here")
            elif online.keys() & offline.keys():
                yield held(repo, service, line, f"{script.path} calls the same")
            elif _reach(repo, online) & _reach(repo, offline):
                yield unsure(repo, service, line, f"{script.path} calls other functions nearby")
            else:
                (there, name), *_ = sorted(offline)
                message = f"{script.path} prepares its rows with {name} of {there}"
                yield broken(repo, service, line, message)


def _preparing(repo: Repository, module: Module) -> dict[tuple[str, str], int]:
    """Return the functions of this repository that a file prepares rows with, and where."""
    known = {each.name: module.path for each in module.functions if each.scope == each.name}
    for each in module.imports:
        for path in targets(module.path, each.module, each.name, each.level):
            if path in repo.python:
                known[each.name] = path
    found: dict[tuple[str, str], int] = {}
    for call in module.calls:
        whole, _, name = call.name.rpartition(".")
        path = known.get(call.name) or known.get(whole) or ""
        if path and PREPARES.search(name) and not ABOUT_ANSWERS.search(name):
            found.setdefault((path, name), call.line)
    return found


def _reach(repo: Repository, found: dict[tuple[str, str], int]) -> set[str]:
    """Return the files of functions, and those that these files import."""
    files = {path for path, _ in found}
    near = {
        target
        for path in files
        for each in repo.python[path].imports
        for target in targets(path, each.module, each.name, each.level)
        if target in repo.python
    }
    return files | near


CARD = re.compile(r"(?i)(.*/)?(model[-_ ]?card[^/]*|.*/model/(card|report))\.(md|rst)")
DATED = re.compile(
    r"(?im)^.*\b(date|updated|trained|created|version|generated|released?)\b.*?\b(\d{4}-\d\d-\d\d)"
)


@check(
    "MO07",
    family="model",
    title="The model card is as new as its model",
    why="A card of an earlier model has another model's figures and limits, and nobody sees it.",
    fix="Write the card in the run that saves the model, or bring it up to date with each.",
    unless="no model that MLflow has saved is here with a model card",
    severity="note",
    proves=("O4",),
    bad={
        "model/MLmodel": "flavors: {sklearn: {}}\nutc_time_created: '2026-05-02 10:00:00.1'\n",
        "model_card.md": "# Model card\n\nDate: 2025-01-31\n",
    },
    good={
        "model/MLmodel": "flavors: {sklearn: {}}\nutc_time_created: '2026-05-02 10:00:00.1'\n",
        "model_card.md": "# Model card\n\nDate: 2026-05-02\n",
    },
)
def card_is_new(repo: Repository) -> Iterator[Mark]:
    """Compare the day that a card says with that in the MLmodel of the model that it names."""
    cards = [each for each in repo.named(CARD.pattern) if repo.role(each.path) == "production"]
    models = [e for e in repo.saved if e.created and repo.role(e.path) == "production"]
    for card in cards:
        text = card.text or ""
        named = [each for each in models if _names(text, each)]
        alone = models if len(cards) == len(models) == 1 else []
        for model in named or alone:
            made = model.created[:10]
            days = [(m[2], text.count("\n", 0, m.start(2)) + 1) for m in DATED.finditer(text)]
            if not days:
                yield at(repo, "unknown", card.path, 1, f"it has no date; the model is of {made}")
                continue
            day, line = max(days)
            message = f"it is of {day}, and the model in {model.folder or '.'} of {made}"
            yield at(repo, "fail" if day < made else "held", card.path, line, message)


def _names(text: str, model: Saved) -> bool:
    """Tell whether a card names a model: its run, or its folder by more than `model`."""
    name = model.folder.rpartition("/")[2]
    telling = name.lower() not in {"", "model", "models", "artifacts"}
    return bool(model.run and model.run in text) or (
        telling and bool(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text))
    )
