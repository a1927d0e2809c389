"""Registry: what a registered model says of itself, and what scored rows say of their model."""

import re
from collections.abc import Iterator

from tdsp.check.ci import deploys
from tdsp.check.data import lfs
from tdsp.check.evaluation import registers
from tdsp.check.model import loads_model, predicts
from tdsp.check.rule import Mark, broken, check, held, unsure
from tdsp.check.service import services
from tdsp.reading import Repository

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
    severity="note",
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


LOG = "import mlflow\nfrom sklearn.svm import SVC\n\nmodel = SVC().fit([[1]], [1])\n"


@check(
    "MO09",
    family="model",
    title="A logged model has a signature",
    why="Without one the server takes any columns in any order, and answers.",
    fix="Give log_model an input_example or a signature.",
    unless="no script logs a model with MLflow",
    severity="note",
    proves=("O2",),
    bad={"train.py": LOG + "mlflow.sklearn.log_model(model, 'm')\n"},
    good={"train.py": LOG + "mlflow.sklearn.log_model(model, 'm', input_example=[[1]])\n"},
)
def signature(repo: Repository) -> Iterator[Mark]:
    """Judge each call that logs a model by its arguments."""
    for module in repo.modules("production"):
        for call in module.calls:
            if not re.match(r"mlflow\.\w+\.(log_model|save_model)$", call.name):
                continue
            if {"signature", "input_example"} & set(call.keywords):
                yield held(repo, module, call.line)
            elif call.starred:
                yield unsure(repo, module, call.line, "its arguments come from elsewhere")
            elif not call.name.startswith(("mlflow.langchain", "mlflow.openai")):
                yield broken(
                    repo, module, call.line, "neither signature nor input_example is given"
                )


SCORE = (
    "import joblib\nimport pandas as pd\n\nmodel = joblib.load('m.joblib')\n"
    "rows = pd.read_csv('a.csv')\n"
    "rows['answer'] = model.predict(rows)\n"
)
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
    unless="no script loads a model and writes what it predicts",
    severity="note",
    proves=("P1",),
    bad={"score.py": SCORE + "rows.to_csv('b.csv')\n"},
    good={"score.py": SCORE + "rows['model_version'] = '7'\nrows.to_csv('b.csv')\n"},
)
def rows_name_model(repo: Repository) -> Iterator[Mark]:
    """Judge files that load a model, predict and write a table, by what else they write."""
    for module in repo.modules("production"):
        if not loads_model(module) or not predicts(module):
            continue
        if any(call.method in {"fit", "train_test_split"} for call in module.calls):
            continue
        writes = [
            call
            for call in module.calls
            if call.receiver
            and re.match(r"to_(csv|parquet|sql|gbq|feather|delta|json)$", call.method)
        ]
        if not writes:
            continue
        if any("submission" in line.lower() for line in module.lines):
            continue  # a competition asks for its own columns
        told = [n for n, line in enumerate(module.lines, 1) if TELLS.search(line)]
        if told:
            yield held(repo, module, told[0])
        else:
            yield broken(repo, module, writes[0].line, "neither a version nor a time is written")
