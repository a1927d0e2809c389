"""Training that can be understood later: time, groups, searches, and the versions of libraries."""

import hashlib
import re
from collections.abc import Iterator

from tdsp.check.purpose import lesson
from tdsp.check.rule import Mark, at, broken, check, held, unsure
from tdsp.check.seeds import random_split
from tdsp.reading import Repository
from tdsp.reading.python import Call, Module

TIMES = (
    "import pandas as pd\nfrom sklearn.model_selection import train_test_split\n\n"
    "df = pd.read_csv('a.csv', parse_dates=['day'])\ndf['before'] = df['sales'].shift(1)\n"
)
LAGS = frozenset({"shift", "rolling", "ewm"})
ORDERED = re.compile(r"(^|\.)(TimeSeriesSplit|SlidingWindowSplitter|ExpandingWindowSplitter)$")


@check(
    "TR08",
    family="leakage",
    title="Rows of a time series are split by time",
    why="Among shuffled rows the model is tested on Tuesday after it has seen Wednesday, and what"
    " it knew of Tuesday from its lags.",
    fix="Split at a day, or use TimeSeriesSplit.",
    unless="no file makes lagged columns of dated rows and splits them",
    severity="note",
    proves=(),
    bad={"train.py": TIMES + "a, b = train_test_split(df, random_state=0)\n"},
    good={"train.py": TIMES + "a, b = train_test_split(df, shuffle=False)\n"},
)
def split_by_time(repo: Repository) -> Iterator[Mark]:
    """Judge splits in files that read dates and make lagged or rolling columns."""
    for module in repo.modules("production", "notebook"):
        lagged = [
            each.value.call
            for each in module.assigns
            if each.value.call is not None and each.stores and _lags(module, each.line)
        ]
        if not lagged or not _dated(module):
            continue
        ordered = [call for call in module.calls if ORDERED.search(call.name)]
        for call in module.calls:
            if call in ordered:
                yield held(repo, module, call.line, "in the order of time")
            elif call.method == "train_test_split":
                shuffle = call.get("shuffle")
                if shuffle is not None and shuffle.constant is False:
                    yield held(repo, module, call.line, "not shuffled")
                elif random_split(call) and not ordered:
                    message = "dated rows with lagged columns are shuffled before they are split"
                    yield broken(repo, module, call.line, message)


def _lags(module: Module, line: int) -> bool:
    return any(call.method in LAGS and call.line == line for call in module.calls)


def _dated(module: Module) -> bool:
    return any(
        call.name == "pandas.to_datetime" or "parse_dates" in call.keywords for call in module.calls
    )


SPLITTERS = frozenset({"train_test_split", "KFold", "StratifiedKFold", "ShuffleSplit"})
KEEPING = re.compile(r"Group|LeavePGroups|LeaveOneGroup|Predefined")
NAMED = re.compile(r"[:=(,] *[\w.]*\bGroup(KFold|ShuffleSplit)\b *([,)}]|$)")
GROUP = re.compile(r"^(group|group_col(umn)?|group_(id|key)|entity(_id|_col(umn)?)?)$")


@check(
    "TR09",
    family="leakage",
    title="Rows of one customer stay together",
    why="With the same person on both sides the model is tested on somebody whom it knows.",
    fix="Split with GroupKFold or GroupShuffleSplit, by the column that was declared.",
    unless="no configuration declares a column of groups",
    severity="note",
    proves=(),
    bad={
        "params.yaml": "data:\n  group: customer\n",
        "train.py": "from sklearn.model_selection import KFold\n\nfolds = KFold(5)\n",
    },
    good={
        "params.yaml": "data:\n  group: customer\n",
        "train.py": "from sklearn.model_selection import GroupKFold\n\nfolds = GroupKFold(5)\n",
    },
)
def groups_together(repo: Repository) -> Iterator[Mark]:
    """Judge the splitters of code where a configuration declares a column of groups."""
    declared = ""
    for path in ("params.yaml", "config.yaml", "conf/base/parameters.yml", "config/config.yaml"):
        for document in repo.yaml.get(path, ()):
            data = document.data if isinstance(document.data, dict) else {}
            for part in (data, *(each for each in data.values() if isinstance(each, dict))):
                for key, value in part.items():
                    if GROUP.match(str(key)) and isinstance(value, str) and value:
                        declared = value
    if not declared:
        return
    plain = None
    for module in repo.modules("production"):
        if any("sklearn" in each.module for each in module.imports):
            for number, line in enumerate(module.lines, 1):
                if NAMED.search(line):  # chosen from a table of splitters, and called later
                    yield held(repo, module, number)
                    return
        for call in module.calls:
            if KEEPING.search(call.method) and "sklearn" in call.name:
                yield held(repo, module, call.line)
                return
            if call.method in SPLITTERS and "sklearn" in call.name:
                plain = plain or (module, call.line)
    if plain:
        message = f"{declared} is declared as the group, and this split does not know it"
        yield broken(repo, *plain, message)


SEARCHES = re.compile(
    r"^(sklearn\.model_selection\.\w*Search(CV)?|optuna\.create_study|hyperopt\.fmin|"
    r"skopt\.(BayesSearchCV|gp_minimize)|(keras_tuner|kerastuner)\.\w+|ray\.tune\.(run|Tuner))$"
)
KEPT = re.compile(
    r"cv_results_|trials_dataframe|storage\s*=|\bmlflow\b|\bwandb\b|\.trials\b|set_tracking|"
    r"trials\s*=|Trials\(|project_name\s*=|best_params_.*(dump|log)|(dump|log)\w*\(.*best_params"
)
LOGGED = re.compile(r"(^|\.)(log|record|save)_\w*(results?|experiment|trials?)$")
SEARCH = (
    "from sklearn.model_selection import GridSearchCV\nfrom sklearn.svm import SVC\n\n\n"
    "def tune(X, y):\n    search = GridSearchCV(SVC(), {'C': [1, 2]}).fit(X, y)\n"
)


@check(
    "TR13",
    family="training",
    title="What a search tried is kept",
    why="Next year the same hundred trials are paid for again.",
    fix="Write cv_results_ to a file, give the study a storage, or use a tracker.",
    unless="no script searches for parameters, or this is a lesson",
    severity="info",
    proves=("P4", "M3"),
    bad={"tune.py": SEARCH + "    return search.best_estimator_\n"},
    good={"tune.py": SEARCH + "    return search.best_estimator_, search.cv_results_\n"},
)
def search_kept(repo: Repository) -> Iterator[Mark]:
    """Judge files that search by whether they read what was tried."""
    for module in repo.modules("production"):
        searches = [call for call in module.calls if SEARCHES.match(call.name)]
        if not searches:
            continue
        kept = [n for n, line in enumerate(module.lines, 1) if KEPT.search(line)]
        if kept:
            yield held(repo, module, kept[0])
        elif any(LOGGED.search(call.name) for call in module.calls):
            yield unsure(repo, module, searches[0].line, "a function of its own logs a result")
        elif any(other.path != module.path and _tracks(other) for other in repo.modules()):
            yield unsure(repo, module, searches[0].line, "another file has a tracker")
        else:
            if not lesson(repo, module.path):
                yield broken(repo, module, searches[0].line, "the trials are forgotten")


def _tracks(module: Module) -> bool:
    return bool({e.module.split(".")[0] for e in module.imports} & {"mlflow", "wandb", "dvclive"})


ESTIMATORS = re.compile(r"^(sklearn|imblearn|xgboost|lightgbm|catboost)\.")
HELPERS = re.compile(r"^sklearn\.(model_selection|metrics|datasets|inspection|utils)\.")
NO_PARAMETERS = frozenset(
    (
        *(
            "random_state",
            "random_seed",
            "seed",
            "n_jobs",
            "nthread",
            "thread_count",
            "num_threads",
        ),
        *("verbose", "verbosity", "cv", "y_min", "y_max", "fill_value", "missing"),
    )
)
ENOUGH = 5
SETTINGS = re.compile(
    r"(?i)(.*/)?(params?|parameters|hyper_?params?(eters)?|hparams|config(uration)?s?|settings)[^/]*"
    r"\.(ya?ml|toml|json|ini|cfg)|(.*/)?(conf|configs?)/.*\.(ya?ml|toml|json|ini|cfg)"
)
FLAGS = frozenset(
    ("argparse", "click", "typer", "absl", "fire", "hydra", "omegaconf", "gin", "optuna")
)
MODEL = (
    "from sklearn.ensemble import GradientBoostingClassifier\n\n"
    "model = GradientBoostingClassifier({})\nmodel.fit([[0], [1]], [0, 1])\n"
)


@check(
    "TR12",
    family="training",
    title="Parameters of the model are configuration",
    why="A number in the code changes with the code: no run says with which numbers it was made,"
    " and a comparison means an edit.",
    fix="Move them to params.yaml or another file of settings, and read them there.",
    unless=f"no file that trains gives a model {ENOUGH} numbers",
    severity="info",
    proves=("P3",),
    bad={
        "train.py": MODEL.format(
            "n_estimators=300, max_depth=4, learning_rate=0.05, subsample=0.8, min_samples_leaf=20"
        )
    },
    good={
        "params.yaml": "model:\n  max_depth: 4\n",
        "train.py": "import yaml\n"
        + MODEL.format("**yaml.safe_load(open('params.yaml'))['model']"),
    },
)
def parameters_outside(repo: Repository) -> Iterator[Mark]:
    """Count the numbers that a file gives to models, where no file of settings is there."""
    fitting = [
        module
        for module in repo.modules("production")
        if _is_model(module) and _makes(module) and "exported_pipeline" not in module.source
    ]  # TPOT writes what it found as a file, under that name
    if not fitting:
        return
    settings = [file for file in repo.named(SETTINGS.pattern) if not _of_tools(file.path)]
    if settings:
        yield at(repo, "held", settings[0].path, 1, "a file of settings")
        return
    most = max(fitting, key=lambda module: len(_numbers(module)))
    numbers = _numbers(most)
    if len(numbers) < ENOUGH:
        return
    names = ", ".join(dict.fromkeys(name for name, _ in numbers))
    if FLAGS & {each.module.split(".")[0] for each in most.imports}:
        yield unsure(repo, most, numbers[0][1], "its command line may set them")
    else:
        yield broken(
            repo, most, numbers[0][1], f"{len(numbers)} numbers stand in the code: {names}"
        )


def _makes(module: Module) -> list[Call]:
    """Return the calls that make a model or a transformer of a known library."""
    return [
        call
        for call in module.calls
        if ESTIMATORS.match(call.name)
        and not HELPERS.match(call.name)
        and call.method[:1].isupper()
    ]


def _numbers(module: Module) -> list[tuple[str, int]]:
    """Return name and line of the parameters that are numbers in the code."""
    return [
        (name, call.line)
        for call in _makes(module)
        for name, value in call.keywords.items()
        if type(value.constant) in (int, float) and name not in NO_PARAMETERS
    ]


def _of_tools(path: str) -> bool:
    """Tell whether a file of settings is that of a tool, such as .streamlit/config.toml."""
    return any(part.startswith((".", "_")) for part in path.split("/"))


SAVES = re.compile(
    r"^(joblib\.dump|pickle\.dump|cloudpickle\.dump|dill\.dump|torch\.save|skops\.io\.dump)$"
)
DUMP = (
    "import joblib\nfrom sklearn.svm import SVC\n\njoblib.dump(SVC().fit([[1]], [1]), 'm.joblib')\n"
)


@check(
    "TR14",
    family="training",
    title="A saved model has its versions beside it",
    why="A pickle opens with the library that wrote it. With another version it fails, or it opens"
    " and answers otherwise.",
    fix="Lock the environment in the repository, or save with MLflow, which writes it down.",
    unless="no script saves a model as a pickle, and MLflow has saved none here",
    severity="info",
    proves=("I1",),
    bad={"train.py": DUMP, "requirements.txt": "scikit-learn\njoblib\n"},
    good={"train.py": DUMP, "requirements.txt": "scikit-learn==1.5.0\njoblib==1.4.2\n"},
)
def versions_kept(repo: Repository) -> Iterator[Mark]:
    """Look for a lock, or for a format that keeps the environment, where models are pickled."""
    for model in repo.saved:
        beside = [f"{model.folder}/{each}".lstrip("/") for each in model.environment]
        if there := [each for each in beside if each in repo.files]:
            yield at(repo, "held", there[0], 1, "the versions are beside the model")
        elif model.environment:
            message = f"it names {model.environment[0]}, which is not beside it"
            yield at(repo, "fail", model.path, 1, message)
    saved = next(
        (
            (module, call)
            for module in repo.modules("production")
            for call in module.calls
            if SAVES.match(call.name) and _is_model(module) and not _of_rows(call)
        ),
        None,
    )
    if saved is None:
        return
    pinned = {each.name for each in repo.requirements if each.exact}
    if repo.locks:
        yield at(repo, "held", repo.locks[0].path, 1, "the versions are locked")
    elif pinned & {"scikit-learn", "torch", "xgboost", "lightgbm", "tensorflow", "catboost"}:
        yield held(repo, *_line(saved), "the library's version is exact")
    elif repo.imported & {"mlflow", "bentoml"}:
        yield unsure(repo, *_line(saved), "a tool that writes versions down is in use")
    elif any(
        file.suffix in {".yml", ".yaml", ".nix"}
        and ("env" in file.name or BUILDS.search(file.text or ""))
        for file in repo.files.values()
    ):
        yield unsure(repo, *_line(saved), "the environment may be fixed elsewhere")
    else:
        yield broken(repo, *_line(saved), "no file says which versions wrote this model")


BUILDS = re.compile(r"(?m)^\s*- [\w.-]+=[\d.]+\w*=\w+$")  # an environment of conda, exported


def _of_rows(call: Call) -> bool:
    """Tell whether what is dumped is named as rows, features, losses, or any file."""
    names = " ".join([call.args[0].name, *sorted(call.args[0].names)]) if call.args else ""
    return bool(re.search(r"(?i)matrix|features?\b|\bX_|rows|frame|\bdf\b|file\b|history\b", names))


def _line(saved: tuple[Module, object]) -> tuple[Module, int]:
    module, call = saved
    return module, getattr(call, "line", 1)


def _is_model(module: Module) -> bool:
    return any(call.method == "fit" and call.receiver for call in module.calls)


CODE = "print(1)\n"
LOCK = (
    "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    deps:\n"
    "    - path: train.py\n      hash: md5\n      md5: {}\n      size: 9\n"
)
YAML = "stages:\n  train:\n    cmd: python train.py\n    deps: [train.py]\n"


@check(
    "DA04",
    family="data",
    title="dvc.lock belongs to this code",
    why="The figures and the model in the lock were made by other code than the one beside them.",
    fix="Run `dvc repro` and commit dvc.lock with the code.",
    unless="there is no dvc.lock, or it names no text that git keeps",
    severity="info",
    proves=("I1", "G1"),
    bad={"dvc.yaml": YAML, "dvc.lock": LOCK.format("f0" * 16), "train.py": CODE},
    good={
        "dvc.yaml": YAML,
        "dvc.lock": LOCK.format(hashlib.md5(CODE.encode()).hexdigest()),  # noqa: S324
        "train.py": CODE,
    },
)
def lock_of_code(repo: Repository) -> Iterator[Mark]:
    """Compare the hashes that the lock has of scripts with those of the scripts."""
    for path, documents in repo.yaml.items():
        if path.rsplit("/", 1)[-1] != "dvc.lock" or not documents:
            continue
        data, folder = documents[0].data, path.removesuffix("dvc.lock")
        stages = data.get("stages") if isinstance(data, dict) else None
        today = _stages(repo, f"{folder}dvc.yaml")
        for name, stage in stages.items() if isinstance(stages, dict) else ():
            if today and name.split("@")[0] not in today:
                continue  # DVC leaves the entry of a stage that was renamed
            deps = stage.get("deps") if isinstance(stage, dict) else None
            for number, dep in enumerate(deps if isinstance(deps, list) else ()):
                if not isinstance(dep, dict) or not isinstance(dep.get("md5"), str):
                    continue
                file = repo.files.get(folder + str(dep.get("path")))
                if file is None or not file.text or file.suffix != ".py":
                    continue
                line = documents[0].line("stages", name, "deps", number)
                if dep["md5"] in _hashes(file.text):
                    yield at(repo, "held", path, line)
                elif len(file.text.encode()) != file.size:
                    yield at(repo, "unknown", path, line, "the file is not plain UTF-8")
                else:
                    message = f"{file.path} is not the one that stage {name} ran with"
                    yield at(repo, "fail", path, line, message)


def _stages(repo: Repository, path: str) -> set[str]:
    """Return the names of the stages of a dvc.yaml; none when it was not read."""
    documents = repo.yaml.get(path)
    data = documents[0].data if documents else None
    stages = data.get("stages") if isinstance(data, dict) else None
    return {str(name) for name in stages} if isinstance(stages, dict) else set()


def _hashes(text: str) -> set[str]:
    """Return the hashes that DVC may have of a text: as it is, and with the other line ends."""
    plain = text.replace("\r\n", "\n")
    forms = (text, plain, plain.replace("\n", "\r\n"))
    return {hashlib.md5(form.encode()).hexdigest() for form in forms}  # noqa: S324
