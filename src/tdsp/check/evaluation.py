"""How a model is judged before it is used: gate, slices, groups, spread, and a fair search."""

import json
import re
from collections.abc import Iterator

from tdsp.check.ci import deploys
from tdsp.check.data import trains
from tdsp.check.gates import FIGURE, gate_functions, gate_modules, has_gate
from tdsp.check.leakage import followed
from tdsp.check.purpose import lesson, teaches, toy
from tdsp.check.rule import Mark, at, broken, check, first, held, once, unsure
from tdsp.reading import Repository
from tdsp.reading.python import Call, Module
from tdsp.reading.yamls import Path

FIT = "from sklearn.svm import SVC\n\n"
TRAIN = "def train(X, y):\n    return SVC().fit(X, y)\n"
SCORED = (
    "from sklearn.metrics import f1_score\nfrom sklearn.preprocessing import OneHotEncoder\n\n\n"
    "def judge(m, X, y):\n    OneHotEncoder().fit(X)\n    return f1_score(y, m.predict(X))\n"
)
REGISTER = "import mlflow\n\nmlflow.register_model('runs:/1/model', 'churn')\n"
REGISTERS = re.compile(
    r"(^|\.)(register_model|create_model_version)$|^azureml\.core\.(model\.)?Model\.register$"
)
GROUPS = re.compile(r"(?i)^(sensitive|protected)(_?(columns?|features?|attributes?))?$")
# What is masked in a log: no group of people.
TECHNICAL = re.compile(r"(?i)key|token|secret|password|\bssn\b|_id\b|e?mail|phone|credit|address")
FAIR = frozenset({"fairlearn", "aif360", "aequitas", "responsibleai", "fairness_indicators"})
CATEGORIES = frozenset(
    {"OneHotEncoder", "OrdinalEncoder", "TargetEncoder", "get_dummies", "LabelBinarizer"}
)


TOOLS = frozenset({"mlflow", "azureml", "azure", "sagemaker", "model", "models", "client"})


@once
def registers(repo: Repository) -> list[tuple[Module, Call]]:
    """Return the calls that put a model into a registry."""
    found = []
    ours = {each.name for module in repo.modules("production") for each in module.functions}
    folders = {part for path in repo.python for part in path.removesuffix(".py").split("/")}
    for module in repo.modules("production"):
        own = {each.name for each in module.functions}
        for call in module.calls:
            imported = call.method in ours and call.name.split(".")[0] in folders - TOOLS
            if call.name in own or imported:
                continue  # what it does stands in its body
            named = call.method == "log_model" and "registered_model_name" in call.keywords
            if named or REGISTERS.search(call.name):
                found.append((module, call))
    return found


def measures(repo: Repository, *roles: str) -> list[tuple[Module, Call]]:
    """Return the calls of scikit-learn's metrics."""
    return [
        (module, call)
        for module in repo.modules(*(roles or ("production",)))
        for call in module.calls
        if call.name.startswith("sklearn.metrics.") and call.method.endswith(("_score", "_error"))
    ]


@check(
    "EV04",
    family="gate",
    title="There is a gate before a model is registered or deployed",
    why="Without one, a model that learned nothing is put into service as soon as training ends.",
    fix="Compare the metric with a bound and with the model in use, and stop when it is worse.",
    unless="no model is registered or deployed, or this is a lesson",
    severity="info",
    proves=("I4", "A3"),
    bad={"train.py": FIT + TRAIN, "register.py": REGISTER},
    good={
        "train.py": FIT + TRAIN,
        "register.py": REGISTER,
        "gate.py": "def gate(auc):\n    if auc < 0.8:\n        raise ValueError(auc)\n",
    },
)
def gate_exists(repo: Repository) -> Iterator[Mark]:
    """Look for a gate where a model is registered, or where it is trained and CI deploys."""
    registered = [each for each in registers(repo) if not lesson(repo, each[0].path)]
    product = trains(repo) and not teaches(repo)
    deployed = deploys(repo, promotions=False, places=False) if product else []
    if not (registered or deployed):
        return
    for module, function in gate_functions(repo):
        yield held(repo, module, function.line)
        return
    for module in gate_modules(repo):
        yield held(repo, module, 1)
        return
    if has_gate(repo):
        path = "dvc.yaml" if repo.dvc else repo.workflows[0].path
        yield at(repo, "held", path, 1, "a stage or a step is a gate")
        return
    for module in repo.modules("production"):
        for function in module.functions:
            if re.search(r"(?i)is_\w*better|better_(than|model)|compare_\w*model", function.name):
                yield unsure(
                    repo, module, function.line, "models are compared; for what is not said"
                )
                return
        for bound in (c for c in module.calls if re.search(r"(?i)threshold", c.name)):
            yield unsure(
                repo, module, bound.line, "a bound of a figure is made; for what is not said"
            )
            return
        for each in module.conditions:
            names = " ".join((*each.left.names, *each.right.names, *each.left.keys))
            if FIGURE.search(names) and each.left.constant is not None:
                yield unsure(repo, module, each.line, "a figure is compared; for what is not said")
                return
    if registered:
        module, call = registered[0]
        yield broken(repo, module, call.line, "a model is registered, and no figure is compared")
    else:
        workflow, line, _ = deployed[0]
        yield at(repo, "fail", workflow.path, line, "it deploys, and no figure is compared before")


@check(
    "EV08",
    family="training",
    title="The model is measured on slices",
    why="A good mean hides the region, the product or the month where the model is useless.",
    fix="Report the metric for each value of the columns that matter.",
    unless="no script measures a model, or no column has categories, or this is a lesson",
    severity="info",
    proves=("M6",),
    bad={"judge.py": SCORED},
    good={
        "judge.py": SCORED + "\n\ndef by_slice(frame):\n    return frame.groupby('a').apply(len)\n"
    },
)
def slices(repo: Repository) -> Iterator[Mark]:
    """Look for figures by group where categories are encoded and metrics computed."""
    coded = {
        module.path
        for module in repo.modules("production", "notebook")
        for call in module.calls
        if call.method in CATEGORIES
    }
    notebooks = {module.path for module in repo.modules("notebook")}
    measured = measures(repo)
    if not measured or not coded:
        return
    for module in repo.modules("production", "notebook"):
        for function in module.functions:
            if re.search(r"slice|segment|by_group|per_group|subgroup", function.name):
                yield held(repo, module, function.line)
                return
        for call in module.calls:
            if call.method == "MetricFrame" or (
                call.method == "groupby" and any(m.path == module.path for m, _ in measured)
            ):
                yield held(repo, module, call.line, "figures by group")
                return
    if any(re.search(r"slice|segment", file) for file in repo.files if "report" in file):
        return
    for module in repo.modules("production", "test"):
        for function in module.functions:
            if re.search(r"fairness|by_group|disparit|parity", function.name):
                yield held(repo, module, function.line, "groups are compared")
                return
    for module, call in measured:
        taught = lesson(repo, module.path)
        if _together(module.path, coded, notebooks) and _of_a_model(module) and not taught:
            yield broken(repo, module, call.line, "the figures are over all rows only")
            return


def _together(path: str, coded: set[str], notebooks: set[str]) -> bool:
    """Tell whether the categories are coded in this file, or by code in its project's folder."""
    top = path.split("/", 1)[0] if "/" in path else ""
    beside = any(each.startswith(f"{top}/") for each in coded - notebooks)
    return path in coded or bool(top and beside)


def _of_a_model(module: Module) -> bool:
    """Tell whether a file fits or asks a model, and is no collection of formulas."""
    ways = {"fit", "predict", "predict_proba", "evaluate"}
    return any(call.method in ways for call in module.calls)


@check(
    "EV09",
    family="training",
    title="Declared groups of people are compared",
    why="A column that is declared sensitive, and measured nowhere, protects nobody.",
    fix="Report the figures by group, with their intervals, and let the gate judge the worst.",
    unless="no sensitive column is declared; ask people whether there is one",
    severity="note",
    proves=("M7",),
    bad={"params.yaml": "data:\n  sensitive: [gender]\n", "train.py": FIT + TRAIN},
    good={
        "params.yaml": "data:\n  sensitive: [gender]\n",
        "fair.py": "def fairness(frame, sensitive):\n    return frame.groupby(sensitive).mean()\n",
    },
)
def groups_compared(repo: Repository) -> Iterator[Mark]:
    """Look for a report by group where a configuration declares sensitive columns."""
    declared = [
        (document.path, document.line(*place))
        for path, documents in repo.yaml.items()
        if repo.role(path) == "production"
        for document in documents
        for place, value in _keys(document.data)
        if GROUPS.match(str(place[-1]))
        and value
        and isinstance(value, str | list)
        and not TECHNICAL.search(str(value))
    ]
    if not declared:
        return
    for module in repo.modules("production"):
        for each in module.imports:
            if each.module.split(".")[0] in FAIR:
                yield held(repo, module, each.line)
                return
        for function in module.functions:
            if re.search(r"fair|by_group|disparit|parity|bias", function.name):
                yield held(repo, module, function.line)
                return
    yield at(repo, "fail", *declared[0], "declared, and no code compares these groups")


def _keys(data: object, place: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield the keys of a configuration, no deeper than a person writes."""
    if isinstance(data, dict) and len(place) < 4:
        for key, value in data.items():
            yield (*place, str(key)), value
            yield from _keys(value, (*place, str(key)))


SPREAD = re.compile(
    r"(?i)cross_val|cross_validate|bootstrap|kfold|confidence|interval|\.std\(|cv_results_|(?<!sys\.)stderr(?!=)|"
    r"GridSearchCV|RandomizedSearchCV|ShuffleSplit"
)


@check(
    "EV10",
    family="training",
    title="A figure has its uncertainty beside it",
    why="Two models that differ by less than the folds do are the same model.",
    fix="Report the spread over folds, or an interval by bootstrap.",
    unless="no script measures a model, or only on a library's toy table",
    severity="note",
    proves=(),
    bad={"judge.py": SCORED},
    good={
        "judge.py": SCORED
        + "\n\ndef spread(model, X, y):\n    from sklearn.model_selection import cross_val_score\n"
        "    return cross_val_score(model, X, y).std()\n"
    },
)
def uncertainty(repo: Repository) -> Iterator[Mark]:
    """Look for folds, a bootstrap or an interval in any code."""
    measured = [
        (module, call)
        for module, call in measures(repo)
        if not (toy(module) or _only_for_training(module, call))
    ]
    if not measured:
        return
    for module in repo.modules("production", "notebook"):
        for number, line in enumerate(module.lines, 1):
            if SPREAD.search(line):
                yield held(repo, module, number)
                return
    module, call = measured[0]
    yield broken(repo, module, call.line, "one figure, with neither folds nor an interval")


def _only_for_training(module: Module, call: Call) -> bool:
    """Tell whether a figure is of the training rows, or what boosting asks after each round."""
    names = call.args[0].names if call.args else ()
    ours = [each for each in module.calls if each.scope == call.scope and call.scope]
    return any("train" in name.lower() for name in names) or any(
        each.method == "get_label" for each in ours
    )


SPLIT = (
    "from sklearn.metrics import f1_score\nfrom sklearn.model_selection import train_test_split\n"
    "from sklearn.svm import SVC\n\n\ndef choose(X, y, sizes):\n"
    "    a, b, c, d = train_test_split(X, y, random_state=0)\n    best = 0\n"
    "    for size in sizes:\n        model = SVC(C=size).fit(a, c)\n"
)


@check(
    "TR11",
    family="leakage",
    title="The test rows choose nothing",
    why="The best of many models on the test rows is partly the luckiest, and its figure is too"
    " good.",
    fix="Choose with cross-validation on the training rows; measure the chosen one on the test rows"
    " once.",
    unless="no loop chooses a model",
    severity="note",
    proves=("M3",),
    bad={
        "choose.py": SPLIT + "        score = f1_score(d, model.predict(b))\n"
        "        if score > best:\n            best = score\n    return best\n"
    },
    good={
        "choose.py": SPLIT.replace("import train", "import cross_val_score, train")
        + "        score = cross_val_score(model, a, c).mean()\n"
        "        if score > best:\n            best = score\n    return best\n"
    },
)
def chosen_on_test(repo: Repository) -> Iterator[Mark]:
    """Judge loops that fit, measure, and keep the best, by the rows that they measure on."""
    yield from first(_chosen(repo))


def _chosen(repo: Repository) -> Iterator[Mark]:
    for flow in followed(repo):
        module, scope = flow.module, flow.scope
        kept = {
            name
            for each in module.conditions
            if each.scope == scope and each.sign in {"Gt", "Lt", "GtE", "LtE"}
            and any("best" in n.lower() for n in each.left.names | each.right.names)
            for name in each.left.names | each.right.names
            if "best" not in name.lower()
        }  # fmt: skip
        fits = any(
            call.loop and call.scope == scope and call.method == "fit" for call in module.calls
        )
        if not kept or not fits:
            continue
        for each in module.assigns:
            call = each.value.call
            if each.scope != scope or call is None or not call.loop or not {*each.targets} & kept:
                continue
            inner = call.receiver.call if call.receiver and call.receiver.call else call
            tags = {t.kind for name in _rows(call) for t in flow.tags.get(name, ())}
            if inner.method.startswith("cross_val"):
                yield held(repo, module, call.line, "folds choose")
            elif "test" in tags and "train" not in tags:
                again = [s for s in flow.splits if s.call.order < call.order]
                if len(again) > 1:
                    yield unsure(repo, module, call.line, "which of several splits this is")
                elif all(re.search(r"(?i)val", name) for name in _rows(call) & {*flow.tags}):
                    yield unsure(repo, module, call.line, "named as the part of validation")
                else:
                    yield broken(repo, module, call.line, "the test rows choose the model")


def _rows(call: Call) -> frozenset[str]:
    """Return the names that a metric reads, those that a model is asked with included."""
    asked = (value.call.args if value.call else (value,) for value in call.args)
    return frozenset(name for values in asked for value in values for name in value.names)


RARE = 0.05
SHARES = re.compile(
    r"(?i)(^|[._])(minority|positives?|rare|target|fraud|default|churn)_?"
    r"(class_)?(share|rate|ratio|fraction|prevalence)$|(^|[._])prevalence$"
)
FOUND = re.compile(r"class .{1,60} has [\d,]+ rows \((\d+(?:\.\d+)?) ?%\)")  # by `tdsp onboard`
OTHERS = re.compile(
    r"(?i)(^|[._ ])(f1|f_?beta|auc|roc|pr|average_precision|precision|recall|balanced|log_?loss|"
    r"brier|mcc|matthews|kappa|sensitivity|specificity|confusion)([._ ]|$|-)"
)
ACCURACY = re.compile(r"(?i)(^|[._])(acc|accuracy)(_score)?$")
MEASURED = (
    "from sklearn.metrics import {0}\n\n\ndef judge(m, X, y):\n    return {0}(y, m.predict(X))\n"
)


@check(
    "EV12",
    family="training",
    title="Where a class is rare, accuracy is not the only figure",
    why="With 2 % of frauds, a model that never says fraud is right in 98 of 100 cases.",
    fix="Report recall and precision of the rare class, or the area under their curve, beside it.",
    unless=f"no file says that a class has under {RARE:.0%} of the rows",
    severity="note",
    bad={
        "reports/data.json": '{"target_rate": 0.02}\n',
        "judge.py": MEASURED.format("accuracy_score"),
    },
    good={
        "reports/data.json": '{"target_rate": 0.02}\n',
        "judge.py": MEASURED.format("average_precision_score"),
    },
)
def more_than_accuracy(repo: Repository) -> Iterator[Mark]:
    """Look for figures besides accuracy where a report, or a weight in code, says how rare."""
    rare = next(_rare(repo), None)
    if rare is None:
        return
    figures = [
        (module.path, call.line, call.method)
        for module in repo.modules("production", "notebook")
        for call in module.calls
        if call.name.startswith("sklearn.metrics.")
    ]
    for file in repo.named(r"(?i)(.*/)?[^/]*(metrics?|scores?|eval\w*)[^/]*\.json"):
        figures += [(file.path, 1, name) for name, _ in numbers(file.text or "")]
    for path, line, name in figures:
        if OTHERS.search(name) or name == "classification_report":
            yield at(repo, "held", path, _place(repo, path, line), f"{name} is measured")
            return
    for path, line, name in figures:
        if ACCURACY.search(name):
            message = f"accuracy is the only figure, and {rare[0]} says {rare[2]:.1%} of a class"
            yield at(repo, "fail", path, _place(repo, path, line), message)
            return


def _place(repo: Repository, path: str, line: int) -> int:
    notebook = repo.notebooks.get(path)
    return notebook.place(line) if notebook else line


def _rare(repo: Repository) -> Iterator[tuple[str, int, float]]:
    """Yield where it is said that a class is rare: path, line, and its share."""
    for path, file in repo.files.items():
        if repo.role(path) != "production" and not path.startswith("docs/"):
            continue
        if file.suffix == ".md" and (match := FOUND.search(file.text or "")):
            yield path, 1, float(match[1]) / 100
        elif file.suffix == ".json" and re.search(r"(?i)data|report|profile|metric", path):
            for name, value in numbers(file.text or ""):
                if SHARES.search(name) and 0 < value < RARE:
                    yield path, 1, value
    for module in repo.modules("production", "notebook"):
        for call in module.calls:
            weight = call.keywords.get("scale_pos_weight")
            times = weight.constant if weight else None
            if isinstance(times, int | float) and 1 / (1 + times) < RARE:
                yield module.path, call.line, 1 / (1 + times)


def numbers(text: str) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a small JSON file with their dotted names."""
    if len(text) > 200_000:
        return
    try:
        waiting = [("", json.loads(text))]
    except (ValueError, RecursionError):
        return
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{name}.{key}".strip("."), inner) for key, inner in value.items()]
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)
