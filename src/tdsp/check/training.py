"""Training and evaluation: whether they can be repeated and compared."""

import re
from collections.abc import Iterator

from tdsp.check.data import READERS, trains
from tdsp.check.evaluation import numbers
from tdsp.check.layout import imported_files, targets
from tdsp.check.monitoring import TRAINING
from tdsp.check.purpose import apart, exported, lesson, toy
from tdsp.check.rule import Mark, at, broken, check, held, unsure
from tdsp.check.shell import commands
from tdsp.reading import Repository
from tdsp.reading.python import Import, Module

FIT = "from sklearn.svm import SVC\n\n\ndef train():\n    return SVC().fit([[0], [1]], [0, 1])\n"
FOREST = (
    "from sklearn.ensemble import RandomForestClassifier\n\n"
    "m = RandomForestClassifier({}).fit([[0], [1]], [0, 1])\n"
)
SCORED = (
    "from sklearn.metrics import f1_score\nfrom sklearn.svm import SVC\n\nm ="
    " SVC().fit([[0], [1]], [0, 1])\n"
)


@check(
    "TR17",
    family="training",
    title="Importing a file trains nothing",
    why="Who imports a function of it waits for a training, and a test cannot load it"
    " without data.",
    fix='Put the training into a function, and call it under `if __name__ == "__main__":`.',
    unless="no file that is imported fits a model",
    severity="note",
    proves=("I2",),
    bad={"model.py": SCORED, "app.py": "import model\n"},
    good={"model.py": FIT, "app.py": "import model\n"},
)
def no_training_at_import(repo: Repository) -> Iterator[Mark]:
    """Judge files with a fit at their top by whether another file imports them."""
    by_name: dict[str, list[str]] = {}
    for module in repo.modules("production", "test", "notebook"):
        for each in module.imports:
            for name in _imported(module.path, each):
                by_name.setdefault(name, []).append(module.path)
    for module in repo.modules("production"):
        name = module.path.removesuffix(".py").removeprefix("src/").replace("/", ".")
        folder, _, stem = module.path.removesuffix(".py").rpartition("/")
        beside = [p for p in by_name.get(stem, []) if p.rpartition("/")[0] == folder]
        importers = [p for p in (*by_name.get(name, []), *beside) if p != module.path]
        if not importers or not any(
            e.module.startswith(
                ("sklearn", "xgboost", "lightgbm", "keras", "tensorflow", "catboost")
            )
            for e in module.imports
        ):
            continue
        fits = [c for c in module.calls if c.method == "fit" and c.receiver is not None]
        top = [call for call in fits if not call.scope and not call.main]
        if top:
            yield broken(
                repo, module, top[0].line, f"{importers[0]} imports this file, which trains"
            )
        elif fits:
            yield held(repo, module, fits[0].line, "in a function")


def _imported(path: str, each: Import) -> set[str]:
    """Return the dotted names of the files that an import may mean, as seen from the top."""
    folder = path.removeprefix("src/").split("/")[: -each.level] if each.level else []
    base = ".".join([*folder, *filter(None, [each.module])])
    return {base, f"{base}.{each.name.rsplit('.', 1)[-1]}"} if each.level else {each.module}


TRACKERS = frozenset(
    (
        *("mlflow", "wandb", "dvclive", "comet_ml", "neptune", "tensorboard", "tensorboardX"),
        *("aim", "clearml", "sacred", "trackio", "azureml"),
    )
)
KEEPS = re.compile(
    r"log_metrics?$|log_(\w+_)?metadata$|log_artifacts?$|log_dict$|^json\.dump|write_json|autolog$|^wandb\.|\.log_param|"
    r"write_text|save_metrics|to_(csv|json|parquet|sql)$|yaml\.(safe_)?dump|log_live|add_scalar|"
    r"(^|\.)(writerows?|savetxt|CSVLogger|TensorBoard|execute|executemany|insert_\w+|bulk_\w+)$"
)
KEPT_FIGURES = re.compile(
    r"(?i)(.*/)?[^/]*(classification_report|metrics|scores?|evaluation|train_log)[^/]*\.(txt|csv|json|ya?ml|log)"
)
LOGS = re.compile(r"(?i)(^|\.)_?(logging|log|logger)\.(info|debug|warning)$|^loguru\.")


def _figures_written(module: Module) -> int:
    """Return where a file writes figures: with what it measured, or under a name that says so."""
    own = any(call.name.startswith("sklearn.metrics.") for call in module.calls)
    own = own or any(text.value == "metrics" for text in module.texts)  # a part of what it writes
    own = own or "metrics" in module.path.rsplit("/", 1)[-1]
    opened = any(
        (mode := call.get("mode", 1)) is not None and str(mode.constant)[:1] in {"w", "a"}
        for call in module.calls
        if call.name == "open"
    )
    for call in module.calls:
        names = " ".join(sorted({n for v in call.args for n in v.names})).lower()
        says = re.search(r"metric|score|result|report|accuracy|loss|rmse|mae", names)
        if KEEPS.search(call.name) and (own or says):
            return call.line
        if opened and says and call.method in {"write", "writelines"}:
            return call.line
        named = call.method in {"save", "dump", "save_model"} or "save" in call.method
        if named and re.search(r"(^|_| )(acc|accuracy|score|metrics?)($|_| )", names):
            return call.line  # in the name of the file that holds the model
    return 0


@check(
    "EV03",
    family="training",
    title="Metrics are kept, not only printed",
    why="A figure on a screen cannot be compared with that of last month.",
    fix="Write metrics to a file that git or DVC keeps, or to a tracker such as MLflow.",
    unless="no script measures a model, or this is a lesson",
    severity="info",
    proves=("P4",),
    bad={"train.py": SCORED + "print(f1_score([0, 1], m.predict([[0], [1]])))\n"},
    good={
        "train.py": "import mlflow\n"
        + SCORED
        + "mlflow.log_metric('f1', f1_score([0, 1], m.predict([[0], [1]])))\n"
    },
)
def metrics_kept(repo: Repository) -> Iterator[Mark]:
    """Look for a tracker or a metrics file where scripts call scikit-learn's metrics."""
    measured = None
    for module in repo.modules("production"):
        metrics = [
            c
            for c in module.calls
            if c.name.startswith("sklearn.metrics.")
            and c.method.endswith(("_score", "_error", "_loss", "report"))
        ]
        shown = exported(module) or lesson(repo, module.path)
        measured = measured or ((module, metrics[0].line) if metrics and not shown else None)
    if measured is None:
        return
    if repo.dvc and re.search(r"(?m)^\s+metrics:", repo.text("dvc.yaml")):
        yield at(repo, "held", "dvc.yaml", 1, "DVC keeps metrics")
        return
    for file in repo.named(KEPT_FIGURES.pattern)[:1]:
        yield at(repo, "held", file.path, 1, "a file of figures")
        return
    for module in repo.modules("production"):
        for each in module.imports:
            if each.module.split(".")[0] in TRACKERS:
                yield held(repo, module, each.line, "a tracker is imported")
                return
        if place := _figures_written(module):
            yield held(repo, module, place, "figures are written")
            return
    for module in repo.modules("production"):
        logs = (c for c in module.calls if LOGS.search(c.name))
        told = [
            c.line for c in logs if re.search(r"(?i)score|accuracy|metric", module.line(c.line))
        ]
        if told:
            yield unsure(repo, module, told[0], "a log has figures; whether it is kept is not said")
            return
    module, line = measured
    yield broken(repo, module, line, "no script writes a figure anywhere")


SIMPLE = re.compile(
    r"(?i)baseline|classical|untuned|(^|_)(naive|dummy|simple)_?(model|forecast|net)"
)
BEFORE = re.compile(
    r"(?i)champion|challenger|update_best_model|compare_\w*(previous|best|current)_?model"
)
# What measures groups that were found has no answer to guess.
SUPERVISED = re.compile(
    r"^(?!silhouette|calinski|davies|adjusted|normalized|homogeneity|v_measure|"
    r"completeness|fowlkes|rand_|mutual_info)\w+_(score|error)$"
)


@check(
    "EV02",
    family="training",
    title="The model is compared with a simple one",
    why="A figure says nothing alone. Often the share of the larger class, or a line, does"
    " as well.",
    fix="Fit a DummyClassifier or DummyRegressor and a linear model beside it, and report"
    " all three.",
    unless="no script measures a model, or only on a toy table, or this is a lesson",
    severity="info",
    proves=("M5",),
    bad={"train.py": SCORED + "print(f1_score([0, 1], m.predict([[0], [1]])))\n"},
    good={
        "train.py": "from sklearn.dummy import DummyClassifier\n"
        + SCORED
        + "d = DummyClassifier().fit([[0], [1]], [0, 1])\nprint(f1_score([0, 1],"
        " m.predict([[0], [1]])))\n"
    },
)
def baseline(repo: Repository) -> Iterator[Mark]:
    """Look for a dummy, a linear model, or something that is named a baseline."""
    measured = None
    simple = re.compile(
        r"(Dummy(Classifier|Regressor)|LogisticRegression|LinearRegression|Ridge|Lasso|NaiveForecaster|SeasonalNaive|GaussianNB|MultinomialNB|LinearSV[CR])$"
    )
    for module in repo.modules("production", "notebook"):
        for call in module.calls:
            if simple.search(call.name) and call.name.startswith(
                ("sklearn.", "sktime.", "statsforecast.")
            ):
                yield held(repo, module, call.line)
                return
            figure = call.name.startswith("sklearn.metrics.") and SUPERVISED.search(call.method)
            if figure and not (
                lesson(repo, module.path) or toy(module) or _of_scores(repo, module)
            ):
                measured = measured or (module, call.line)
            stump = call.get("max_depth")
            if stump is not None and stump.constant == 1:
                yield held(repo, module, call.line, "a tree of one question")
                return
        names = [f.name for f in module.functions]
        if any(call.name.startswith("sklearn.metrics.") for call in module.calls):
            names += [name for each in module.assigns for name in each.targets]
        if any(SIMPLE.search(name) for name in names):
            yield held(repo, module, 1, "something is named a baseline")
            return
        for function in module.functions:
            if BEFORE.search(function.name):
                yield held(repo, module, function.line, "it is compared with the model before")
                return
    if measured:
        yield broken(repo, *measured, "no baseline is measured beside it")


def _of_scores(repo: Repository, module: Module) -> bool:
    """Tell whether a notebook only measures what others have scored: it has no model."""
    ways = {"fit", "predict", "predict_proba", "decision_function", "evaluate"}
    return module.path in repo.notebooks and not any(c.method in ways for c in module.calls)


@check(
    "EV11",
    family="training",
    title="No figure is too good",
    why="An area or a share of 0.999 on new rows nearly always means that the answer was"
    " among the inputs.",
    fix="Look for a column that is known only after the outcome, and for copies of rows.",
    unless="no metrics file with such a figure is in the repository",
    severity="info",
    proves=("evaluation",),
    bad={"metrics.json": '{"test": {"roc_auc": 0.9999}}\n'},
    good={"metrics.json": '{"test": {"roc_auc": 0.91}}\n'},
)
def too_good(repo: Repository) -> Iterator[Mark]:
    """Judge the figures of files named metrics, those of training left out."""
    for file in repo.named(r"(.*/)?[^/]*(metrics|scores|eval\w*)[^/]*\.json"):
        if repo.role(file.path) in {"test", "vendored"} or "train" in file.name:
            continue
        figures = list(_figures(file.text or ""))
        high = [each for each in figures if each[1] >= 0.999]
        for name, value in high[:1] or figures[:1]:
            line = _line_of(name, file.text or "") if high else 1
            more = f", one of {len(high)} such figures" if len(high) > 1 else ""
            kind = "fail" if high else "held"
            yield at(repo, kind, file.path, line, f"{name} is {value:g}{more}")


def _line_of(name: str, text: str) -> int:
    """Return the first line that has the last part of a dotted name."""
    key = f'"{name.rsplit(".", 1)[-1]}"'
    return next((n for n, line in enumerate(text.splitlines(), 1) if key in line), 1)


OF_CLASS = re.compile(r"(?i)(^|[._])(per|by)_(class|label)|(^|\.)(class|label)_?(metrics|report)")


def _figures(text: str) -> Iterator[tuple[str, float]]:
    for name, value in numbers(text):
        known = re.search(r"(?i)(^|[._])(roc_auc|auc|accuracy|acc|r2|f1)(_score)?$", name)
        if known and not OF_CLASS.search(name) and "train" not in name.lower() and 0 <= value <= 1:
            yield name, value


@check(
    "CI07",
    family="training",
    title="CI trains, or trains on a sample",
    why="A change that breaks training is found by the next person who trains, weeks later.",
    fix="Run the pipeline in CI on a share of the rows: `dvc exp run --temp`, or a test"
    " that trains.",
    unless="nothing but a toy table is trained on, or there is no CI, or this is a lesson",
    severity="info",
    proves=("I3", "G1", "A2"),
    bad={
        "train.py": FIT,
        ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n   "
        " steps:\n      - run: ruff check\n",
    },
    good={
        "train.py": FIT,
        ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n   "
        " steps:\n      - run: python train.py\n",
    },
)
def ci_trains(repo: Repository) -> Iterator[Mark]:
    """Look for a training command in CI, or a test that calls training."""
    module = trains(repo, toys=False)
    if module is None or not repo.workflows or lesson(repo, module.path):
        return
    for workflow in repo.workflows:
        for command in commands(workflow):
            if TRAINING.search(command.text) or re.search(r"\b(smoke|cml)\b", command.text):
                yield at(repo, "held", workflow.path, command.line, "CI trains")
                return
    tests = [*repo.modules("test")]
    tests += [each for each in repo.modules("production") if UNDER_TEST.search(each.path)]
    for test in tests:
        for call in test.calls:
            if re.match(
                r"(train|fit|fit_transform|run_training|train_\w+|\w+_train\w*)$", call.method
            ):
                yield held(repo, test, call.line, "a test trains")
                return
        for each in test.imports:
            if re.search(r"(?i)train", f"{each.module}.{each.name}"):
                yield unsure(repo, test, each.line, "a test imports what trains")
                return
    for file in repo.named(
        r"(\.drone|\.travis|appveyor|cloudbuild|buildspec|bitbucket-pipelines)\.ya?ml"
    ):
        if re.search(r"train", file.text or ""):
            yield at(repo, "held", file.path, 1, "CI of another kind trains")
            return
    if any(re.search(r"(?i)train", flow.text) for flow in repo.workflows):
        message = "it speaks of training; whether it trains cannot be told"
        yield at(repo, "unknown", repo.workflows[0].path, 1, message)
        return
    path = repo.workflows[0].path
    yield at(repo, "fail", path, 1, "no workflow and no test trains a model")


UNDER_TEST = re.compile(r"(?i)test")
STOCHASTIC = re.compile(
    r"^sklearn\..*\.(RandomForest|ExtraTrees|GradientBoosting|MLP|SGD|DecisionTree"
    r"|Bagging|AdaBoost)(Classifier|Regressor)$|^sklearn\.cluster\.(KMeans|MiniBatchKMeans)$"
)


@check(
    "TR02",
    family="training",
    title="A model that draws at random can be trained again",
    why="Without a seed the same rows give another model, and nobody can tell a change from"
    " chance.",
    fix="Give random_state, as a constant or from the configuration.",
    unless="no script makes such a model",
    severity="info",
    proves=("I1",),
    bad={"train.py": FOREST.format("")},
    good={"train.py": FOREST.format("random_state=0")},
)
def seeded_model(repo: Repository) -> Iterator[Mark]:
    """Judge estimators that are known to draw at random by their random_state."""
    sown = [
        other.path
        for other in repo.modules("production")
        if any(call.name == "numpy.random.seed" for call in other.calls)
    ]
    for module in repo.modules("production"):
        seeded = any(call.name in {"numpy.random.seed"} for call in module.calls)
        for call in module.calls:
            if not STOCHASTIC.match(call.name) or exported(module):
                continue
            state, start, once = (call.get(n) for n in ("random_state", "init", "n_init"))
            drawn = start is None or isinstance(start.constant, str)
            if call.method == "KMeans" and not drawn and once is not None and once.constant == 1:
                yield held(repo, module, call.line, "its centres are given")
            elif seeded or (state is not None and state.constant is not None):
                yield held(repo, module, call.line)
            elif call.starred:
                yield unsure(repo, module, call.line, "its arguments are not written here")
            elif call.name.startswith("sklearn.") and any(  # it draws from numpy's own state
                _may_run_before(repo, path, module) for path in sown
            ):
                yield unsure(repo, module, call.line, "another file seeds numpy, maybe before")
            else:
                yield broken(repo, module, call.line, f"{call.method} has no random_state")


def _may_run_before(repo: Repository, seeding: str, module: Module) -> bool:
    """Tell whether a file that seeds may have run in the process of another, before it."""
    if apart(repo, seeding, module.path):
        return False
    alone = "__main__" in module.source or module.line(1) == "# Databricks notebook source"
    if not alone or module.path in imported_files(repo):
        return True
    return any(
        seeding in targets(module.path, each.module, each.name, each.level)
        for each in module.imports
    )


PIPE = "import pandas as pd\n\ndf = pd.read_csv('data/a.csv')\n"
STAGE = "stages:\n  train:\n    cmd: python train.py\n    deps: [train.py{}]\n"


@check(
    "TR16",
    family="training",
    title="A stage names all that it reads",
    why="DVC runs a stage again when what it names has changed. With an input that is not"
    " named, an old"
    " model stands beside new data, and everything is up to date.",
    fix="Add the file to the stage's deps in dvc.yaml.",
    unless="no stage of a root dvc.yaml runs a script that reads a file it names",
    severity="note",
    proves=("I1", "P1"),
    bad={"dvc.yaml": STAGE.format(""), "train.py": PIPE, "data/a.csv": "a\n1\n"},
    good={"dvc.yaml": STAGE.format(", data/a.csv"), "train.py": PIPE, "data/a.csv": "a\n1\n"},
)
def declared_inputs(repo: Repository) -> Iterator[Mark]:
    """Compare the constant paths that a stage's own script reads with the stage's deps."""
    stages = repo.dvc.data.get("stages") if repo.dvc else None
    if repo.dvc is None or not isinstance(stages, dict):
        return
    made = {path for stage in stages.values() for path in _paths(stage, "outs")}
    for name, stage in stages.items():
        if not isinstance(stage, dict) or "wdir" in stage or not isinstance(stage.get("cmd"), str):
            continue
        module = _script(repo, stage["cmd"])
        deps = _paths(stage, "deps")
        if module is None or any("${" in each for each in deps):
            continue
        own = _paths(stage, "outs") | {"params.yaml"}
        for call in module.calls:
            path = call.args[0].constant if READERS.match(call.name) and call.args else None
            known = isinstance(path, str) and (path in repo.files or path in made)
            if not isinstance(path, str) or not known or path in own:
                continue
            line = repo.dvc.line("stages", name)
            if any(path == each or path.startswith(f"{each.rstrip('/')}/") for each in deps):
                yield at(repo, "held", "dvc.yaml", line, f"{name} names {path}")
            else:
                message = f"{name} reads {path} in {module.path}:{call.line}, and does not name it"
                yield at(repo, "fail", "dvc.yaml", line, message)


def _paths(stage: object, key: str) -> set[str]:
    listed = stage.get(key) if isinstance(stage, dict) else None
    found: set[str] = set()
    for each in listed if isinstance(listed, list) else []:
        found |= {each} if isinstance(each, str) else set(each) if isinstance(each, dict) else set()
    return {each.removeprefix("./") for each in found}


def _script(repo: Repository, command: str) -> Module | None:
    """Return the one script of this repository that a command runs."""
    if len(re.findall(r"python", command)) != 1:
        return None
    if match := re.search(r"python3? (?:\./)?([\w./-]+\.py)", command):
        return repo.python.get(match[1])
    if match := re.search(r"python3? -m ([\w.]+)", command):
        path = match[1].replace(".", "/")
        return repo.python.get(f"{path}.py") or repo.python.get(f"src/{path}.py")
    return None
