"""Leakage: whether the model, or what prepares its rows, has seen what it is measured on."""

import re
from collections.abc import Iterator

from tdsp.check.flow import SPLITS, Flow, Split, Tag, flows, known_kind
from tdsp.check.purpose import exported
from tdsp.check.rule import Mark, broken, check, first, held, once, unsure
from tdsp.reading import Repository
from tdsp.reading.python import Assign, Call, Value

JUDGED = ("production", "notebook")
PIPELINES = frozenset(
    {
        "sklearn.pipeline.make_pipeline",
        "sklearn.pipeline.Pipeline",
        "sklearn.compose.ColumnTransformer",
        "sklearn.compose.make_column_transformer",
        "imblearn.pipeline.Pipeline",
        "imblearn.pipeline.make_pipeline",
    }
)
IMPORT = "import pandas as pd\nfrom sklearn.model_selection import train_test_split\n"
TABLE = 'df = pd.read_csv("a.csv")\nX, y = df[["a", "b"]], df["t"]\n'
SPLIT = "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)\n"
SCALER = IMPORT + "from sklearn.preprocessing import StandardScaler\n" + TABLE
SELECT = IMPORT + "from sklearn.feature_selection import SelectKBest\n" + TABLE
SMOTE = IMPORT + "from imblearn.over_sampling import SMOTE\n" + TABLE
BOOST = (
    IMPORT
    + "from xgboost import XGBClassifier\nfrom sklearn.metrics import f1_score\n"
    + TABLE
    + SPLIT
)


@once
def followed(repo: Repository) -> tuple[Flow, ...]:
    """Return the flows of all judged files."""
    return tuple(flow for module in repo.modules(*JUDGED) for flow in flows(module))


def _before_split(repo: Repository, kind: str, verb: str) -> Iterator[Mark]:
    """Judge each fit of a kind: on the training part, on rows that are split later, or unknown."""
    for flow in followed(repo):
        guilty = set()
        for split in flow.splits:
            for tag in _of_kind(split, kind):
                guilty.add(tag.line)
                message = (
                    f"{tag.what} {verb} all rows; they are split in line"
                    f" {_line(repo, flow, split.call.line)}"
                )
                yield broken(repo, flow.module, tag.line, message)
        for line, what, where in _sliced(flow, kind):
            if line not in guilty:
                guilty.add(line)
                message = (
                    f"{what} {verb} all rows; they are divided in line {_line(repo, flow, where)}"
                )
                yield broken(repo, flow.module, line, message, "note")
        yield from _others(repo, flow, kind, guilty)
        yield from _in_pipelines(repo, flow, kind)


def _of_kind(split: Split, kind: str) -> list[Tag]:
    """Return what was fitted before a split, unless an earlier split had held rows out."""
    if any(each.kind in {"train", "test"} for each in split.tags):
        return []
    return sorted((tag for tag in split.tags if tag.kind == kind), key=lambda tag: tag.line)


def _line(repo: Repository, flow: Flow, line: int) -> int:
    return repo.place(flow.module, line)[1]


def _sliced(flow: Flow, kind: str) -> Iterator[tuple[int, str, int]]:
    """Yield fits on rows of which one slice is named train and another test."""
    for base, side, where, tags in flow.slices:
        other = any(b == base and s != side for b, s, _, _ in flow.slices)
        if side == "train" and other:
            yield from ((tag.line, tag.what, where) for tag in tags if tag.kind == kind)


def _others(repo: Repository, flow: Flow, kind: str, guilty: set[int]) -> Iterator[Mark]:
    for fit in flow.fits:
        maker = flow.maker(fit.call)
        if known_kind(fit.maker, maker) != kind or fit.call.line in guilty:
            continue
        if any(tag.kind == "train" for tag in fit.rows):
            yield held(repo, flow.module, fit.call.line, "fitted on the training part")
        elif not any(tag.kind == "test" for tag in fit.rows):
            message = "it cannot be told whether these rows are the training rows only"
            yield unsure(repo, flow.module, fit.call.line, message)


def _in_pipelines(repo: Repository, flow: Flow, kind: str) -> Iterator[Mark]:
    for call in flow.events:
        if isinstance(call, Call) and call.name in PIPELINES:
            inner = [each.call for each in _values(call) if each.call is not None]
            if any(known_kind(each.name, each) == kind for each in inner):
                yield held(
                    repo, flow.module, call.line, "a step of a pipeline, fitted with the model"
                )


def _values(call: Call) -> Iterator[Value]:
    waiting = [*call.args, *call.keywords.values()]
    while waiting:
        value = waiting.pop()
        yield value
        waiting.extend(value.items)


@check(
    "TR03",
    family="leakage",
    title="Scalers and imputers are fitted after the split",
    why="A scaler that is fitted on all rows tells the training what the test rows look like."
    " The test result is too good.",
    fix="Split first, or put the transformer into a Pipeline that is fitted on the training rows.",
    unless="no file fits a scaler, an imputer or a TF-IDF vectorizer",
    severity="error",
    proves=("evaluation",),
    bad={"train.py": SCALER + "X = StandardScaler().fit_transform(X)\n" + SPLIT},
    good={"train.py": SCALER + SPLIT + "X_train = StandardScaler().fit_transform(X_train)\n"},
)
def fit_before_split(repo: Repository) -> Iterator[Mark]:
    """Judge fits of transformers that learn a mean, a range, or a frequency."""
    yield from first(_before_split(repo, "scaled", "is fitted on"))


@check(
    "TR05",
    family="leakage",
    title="Features are selected and reduced after the split",
    why="A selection that has seen the test rows keeps what happens to fit them. With many"
    " columns even noise then seems to predict.",
    fix="Select within a Pipeline, so that each fold and the final fit select for themselves.",
    unless="no file selects features, reduces dimensions or encodes by the target",
    severity="error",
    proves=("evaluation",),
    bad={"train.py": SELECT + "X = SelectKBest(k=1).fit_transform(X, y)\n" + SPLIT},
    good={
        "train.py": SELECT + SPLIT + "X_train = SelectKBest(k=1).fit_transform(X_train, y_train)\n"
    },
)
def selected_before_split(repo: Repository) -> Iterator[Mark]:
    """Judge fits of selectors, projections and target encoders."""
    yield from first(_before_split(repo, "selected", "has seen"))


@check(
    "TR04",
    family="leakage",
    title="Rows are added to the rare class after the split",
    why="Copies and mixtures of one row land on both sides of the split: the model is tested on"
    " what it was trained on.",
    fix="Resample the training part only, or put the sampler into imblearn's Pipeline.",
    unless="no file resamples",
    severity="error",
    proves=("evaluation",),
    bad={"train.py": SMOTE + "X, y = SMOTE().fit_resample(X, y)\n" + SPLIT},
    good={
        "train.py": SMOTE + SPLIT + "X_train, y_train = SMOTE().fit_resample(X_train, y_train)\n"
    },
)
def resampled_before_split(repo: Repository) -> Iterator[Mark]:
    """Judge over-sampling by what its rows were before and what becomes of them."""
    yield from first(_resampled(repo))


def _resampled(repo: Repository) -> Iterator[Mark]:
    for flow in followed(repo):
        guilty = set()
        for split in flow.splits:
            for tag in (each for each in split.tags if each.kind == "resampled"):
                guilty.add(tag.line)
                where = _line(repo, flow, split.call.line)
                message = f"{tag.what} adds rows before they are split in line {where}"
                yield broken(repo, flow.module, tag.line, message)
        for event in flow.events:
            if not isinstance(event, Call) or event.line in guilty:
                continue
            maker = flow.maker(event)
            sampler = maker is not None and maker.name.startswith("imblearn.")
            if event.method in {"fit_resample", "fit_sample"} and sampler:
                rows = flow.done.get(event.order, frozenset())
                if any(tag.kind == "train" for tag in rows):
                    yield held(repo, flow.module, event.line, "only the training part")
                else:
                    message = "it cannot be told whether these rows are split later"
                    yield unsure(repo, flow.module, event.line, message)
            elif event.name.startswith("imblearn.pipeline."):
                yield held(repo, flow.module, event.line, "a step of a pipeline")


TARGETS = (
    "df = pd.read_csv('a.csv')\n"
    "{}X, y = df.drop(columns='t'), df['t']\n"
    "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)\n"
)
ENCODED = "df['city_mean'] = df.groupby('city')['t'].transform('mean')\n"
COUNTED = "df['city_rows'] = df.groupby('city')['age'].transform('count')\n"


@check(
    "TR06",
    family="leakage",
    title="A mean of the target is taken from training rows only",
    why="A group's mean of the target holds each row's own answer. With small groups the model"
    " reads the answer off.",
    fix="Compute it within the training folds: sklearn.preprocessing.TargetEncoder does.",
    unless="no file groups rows and then splits them",
    severity="warning",
    proves=("evaluation",),
    bad={"train.py": IMPORT + TARGETS.format(ENCODED)},
    good={"train.py": IMPORT + TARGETS.format(COUNTED)},
)
def target_mean(repo: Repository) -> Iterator[Mark]:
    """Judge `groupby(key)[target].transform(...)` that becomes a column before the split."""
    for flow in followed(repo):
        for split in flow.splits:
            targets = _target_columns(flow, split)
            if not targets:
                continue
            for event in flow.events:
                if not isinstance(event, Call) or event.order > split.call.order:
                    continue
                columns = _grouped(event)
                if columns and event.method == "transform":
                    if columns & targets and _mean(event):
                        message = (
                            f"the mean of {sorted(columns & targets)[0]!r} over all"
                            f" rows becomes a feature"
                        )
                        yield broken(repo, flow.module, event.line, message)
                    elif not columns & targets:
                        yield held(repo, flow.module, event.line, "not of the target")


def _mean(call: Call) -> bool:
    given = call.args[0].constant if call.args else ""
    return given in {"mean", "sum", "median", "std", "max", "min"}


def _grouped(call: Call) -> set[str]:
    """Return the columns of `x.groupby(...)[columns].method()`."""
    value = call.receiver
    if value is None or value.kind not in {"subscript", "attribute"} or value.base is None:
        return set()
    grouped = value.base.call is not None and value.base.call.method == "groupby"
    return set(value.keys) if grouped else set()


def _target_columns(flow: Flow, split: Split) -> set[str]:
    """Return the column that is the second thing to be split, where it is `df["column"]`."""
    if len(split.call.args) < 2:
        return set()
    y, found = split.call.args[1], set()
    if y.kind == "subscript":
        found |= set(y.keys)
    for event in flow.events:
        if isinstance(event, Call) or event.order > split.call.order:
            continue
        values = event.value.items if event.unpacked else (event.value,)
        for target, value in zip(event.targets, values, strict=False):
            if target and target == y.name and value.kind in {"subscript", "attribute"}:
                found |= (
                    {key for key in value.keys if key != "values"}
                    if len(value.keys) == 1
                    else set()
                )
    return found


@check(
    "TR07",
    family="leakage",
    title="Nothing is fitted on the test part",
    why="A transformer that is fitted again on the test rows gives them another meaning than in"
    " training, and the result holds for no row that comes alone.",
    fix="Call `transform` on the test part with what was fitted on the training part.",
    unless="no file fits on what train_test_split returned",
    severity="error",
    proves=("evaluation",),
    bad={
        "train.py": SCALER
        + SPLIT
        + "s = StandardScaler()\na = s.fit_transform(X_train)\nb = s.fit_transform(X_test)\n"
    },
    good={
        "train.py": SCALER
        + SPLIT
        + "s = StandardScaler()\na = s.fit_transform(X_train)\nb = s.transform(X_test)\n"
    },
)
def fit_on_test(repo: Repository) -> Iterator[Mark]:
    """Judge each fit on a part of a split."""
    yield from first(_fit_on_test(repo))


def _fit_on_test(repo: Repository) -> Iterator[Mark]:
    for flow in followed(repo):
        trained = {(fit.name, fit.maker) for fit in flow.fits if _only(fit.rows, "train")}
        refit = any(word in flow.scope.lower() for word in ("refit", "final", "all_data"))
        for fit in flow.fits:
            if _only(fit.rows, "train"):
                yield held(repo, flow.module, fit.call.line, "the training part")
            elif _only(fit.rows, "test") and fit.call.method != "partial_fit" and not refit:
                kind = known_kind(fit.maker, flow.maker(fit.call))
                last = fit.maker.rsplit(".", 1)[-1] or fit.name
                same = (fit.name, fit.maker) in trained and bool(fit.name)
                if kind == "scaled" or (same and _learns(fit.maker)):
                    message = f"{last} is fitted on the test part"
                    yield broken(repo, flow.module, fit.call.line, message)
                else:
                    message = f"{last} is fitted on the test part; for what, cannot be told"
                    yield unsure(repo, flow.module, fit.call.line, message)


def _learns(maker: str) -> bool:
    plain = ("Normalizer", "Binarizer", "FunctionTransformer", "HashingVectorizer", "TSNE", "UMAP")
    return not maker.endswith(plain) and not maker.endswith("PolynomialFeatures")


def _only(tags: frozenset[Tag], kind: str) -> bool:
    parts = {tag.kind for tag in tags if tag.kind in {"train", "test"}}
    return parts == {kind}


STOPPING = frozenset({"early_stopping_rounds", "early_stopping"})
CALLBACKS = ("EarlyStopping", "early_stopping", "ModelCheckpoint", "ReduceLROnPlateau")


@check(
    "TR10",
    family="leakage",
    title="Training does not stop by the test part",
    why="The number of rounds that suits the test rows best is chosen by looking at them. What is"
    " reported on the same rows is too good.",
    fix="Hold out a third part for early stopping, and touch the test part once.",
    unless="nothing is trained with a validation part from train_test_split",
    severity="error",
    proves=("evaluation",),
    bad={
        "train.py": BOOST
        + "m = XGBClassifier(early_stopping_rounds=5)\n"
        + "m.fit(X_train, y_train, eval_set=[(X_test, y_test)])\n"
        + "print(f1_score(y_test, m.predict(X_test)))\n"
    },
    good={
        "train.py": BOOST
        + "X_fit, X_val, y_fit, y_val = train_test_split(X_train, y_train, random_state=0)\n"
        + "m = XGBClassifier(early_stopping_rounds=5)\n"
        + "m.fit(X_fit, y_fit, eval_set=[(X_val, y_val)])\n"
        + "print(f1_score(y_test, m.predict(X_test)))\n"
    },
)
def stopped_by_test(repo: Repository) -> Iterator[Mark]:
    """Judge `fit(..., eval_set=...)` and `fit(..., validation_data=...)`."""
    for flow in followed(repo):
        for call in (event for event in flow.events if isinstance(event, Call)):
            given = call.get("eval_set") or call.get("validation_data")
            if call.method not in {"fit", "train"} or given is None:
                continue
            tested = given.names & _test_names(flow)
            if not tested:
                continue
            later = _measured_later(flow, call, tested)
            if not later:
                yield held(repo, flow.module, call.line, "a part that is not reported")
                continue
            stops = _stops(flow, call)
            if stops is None:
                message = "it cannot be told whether training stops by this part"
                yield unsure(repo, flow.module, call.line, message)
            elif stops and all(re.search(r"(?i)val", name) for name in tested):
                message = "it is reported, and named as the part of validation"
                yield unsure(repo, flow.module, call.line, message)
            elif stops:
                where = _line(repo, flow, later.line)
                message = (
                    f"training stops by {sorted(tested)[0]}, which is reported in line {where}"
                )
                yield broken(repo, flow.module, call.line, message)


def _test_names(flow: Flow) -> frozenset[str]:
    return frozenset(name for split in flow.splits for name in split.test if name)


def _measured_later(flow: Flow, fit: Call, names: frozenset[str]) -> Call | None:
    """Return a later prediction on the same names, unless one on another held-out part follows."""
    found = None
    name = fit.receiver.name if fit.receiver else ""
    for event in flow.events:
        if event.order <= fit.order:
            continue
        if isinstance(event, Assign) and found is None and name and name in event.targets:
            return None  # another model has the name from here on
        if not isinstance(event, Call):
            continue
        if event.method in {"predict", "predict_proba", "score", "evaluate", "predict_classes"}:
            read = (
                frozenset().union(*(value.names for value in event.args))
                if event.args
                else frozenset()
            )
            if read & (_test_names(flow) - names):
                return None
            if read & names:
                found = found or event
    return found


def _stops(flow: Flow, call: Call) -> bool | None:
    """Tell whether a fit stops early, or keeps the best round, by its validation part."""
    maker = flow.maker(call)
    if maker is not None and maker.name.startswith("catboost."):
        best = call.get("use_best_model") or maker.get("use_best_model")
        return not (best is not None and best.constant is False)
    if _set(call) or (maker is not None and _set(maker)):
        return True
    callbacks = call.get("callbacks") or (maker.get("callbacks") if maker else None)
    if callbacks is not None:
        return _callback(flow, callbacks)
    return None if call.starred or maker is None or maker.starred else False


def _set(call: Call) -> bool:
    given = [call.keywords[each] for each in STOPPING if each in call.keywords]
    return any(each.constant is not None and each.constant is not False for each in given)


def _callback(flow: Flow, value: Value) -> bool | None:
    items = value.items or (value,)
    made = []
    for item in items:
        call = item.call or flow.makers.get(item.name)
        if call is None:
            return None
        made.append(call)
    by = [each for each in made if each.method.endswith(CALLBACKS[:2])]
    kept = [each for each in made if each.method == "ModelCheckpoint"]
    best = [k for k in kept if (v := k.get("save_best_only")) is not None and v.constant is True]
    if any((m := each.get("monitor")) is not None and not _watches(m) for each in (*by, *best)):
        return False
    return bool(by or best)


def _watches(monitor: Value) -> bool:
    return not isinstance(monitor.constant, str) or monitor.constant.startswith("val_")


EVALUATED = (
    IMPORT
    + "from sklearn.metrics import accuracy_score\nfrom sklearn.svm import SVC\n"
    + TABLE
    + SPLIT
)


@check(
    "EV01",
    family="leakage",
    title="The reported figure is not of the training rows",
    why="On its own training rows any flexible model looks good. The figure says nothing of new"
    " rows.",
    fix="Predict the test part, and report the figure of that.",
    unless="no file both splits rows and measures a model",
    severity="warning",
    proves=("evaluation",),
    bad={
        "train.py": EVALUATED
        + "m = SVC().fit(X_train, y_train)\nprint(accuracy_score(y_train, m.predict(X_train)))\n"
    },
    good={
        "train.py": EVALUATED
        + "m = SVC().fit(X_train, y_train)\nprint(accuracy_score(y_test, m.predict(X_test)))\n"
    },
)
def measured_on_training(repo: Repository) -> Iterator[Mark]:
    """Judge files that never use a split's test part again, and measure training rows."""
    for flow in followed(repo):
        for split in flow.splits:
            tests = [name for name in split.test if name and name != "_"]
            if not tests:
                continue
            metrics = [
                call for call in flow.events
                if isinstance(call, Call) and call.order > split.call.order and _is_metric(call)
            ]  # fmt: skip
            used = any(flow.module.last_use.get(name, 0) > split.call.order for name in tests)
            on_train = [call for call in metrics if _reads(call) & {n for n in split.train if n}]
            if on_train and not used:
                message = f"only training rows are measured; {tests[0]} is never used"
                yield broken(repo, flow.module, on_train[0].line, message)
            elif metrics and used:
                yield held(repo, flow.module, split.call.line, "the test part is used")


def _is_metric(call: Call) -> bool:
    return call.name.startswith("sklearn.metrics.") and call.method.endswith(
        ("_score", "_error", "_loss", "report", "matrix")
    )


def _reads(call: Call) -> frozenset[str]:
    return frozenset().union(*(value.names for value in call.args)) if call.args else frozenset()


SEEDED = frozenset(["KFold", "StratifiedKFold"])
ALWAYS = frozenset(
    [
        "ShuffleSplit",
        "StratifiedShuffleSplit",
        "GroupShuffleSplit",
        "RepeatedKFold",
        "RepeatedStratifiedKFold",
    ]
)


@check(
    "TR01",
    family="leakage",
    title="A split can be repeated",
    why="Without a seed each run tests other rows. Two results cannot be compared, and no result"
    " can be reproduced.",
    fix="Give random_state, as a constant or from the configuration.",
    unless="no file splits rows at random",
    severity="warning",
    proves=("I1",),
    bad={"train.py": IMPORT + TABLE + "X_train, X_test = train_test_split(X)\n"},
    good={"train.py": IMPORT + TABLE + "X_train, X_test = train_test_split(X, random_state=0)\n"},
)
def seeded_split(repo: Repository) -> Iterator[Mark]:
    """Judge each random split by its random_state."""
    yield from first(_seeded(repo))


def _seeded(repo: Repository) -> Iterator[Mark]:
    for module in repo.modules(*JUDGED):
        legacy = any(
            each.name in {"numpy.random.seed", "random.seed"} or each.method in _SEEDERS
            for each in module.calls
        )
        for call in module.calls:
            if not random_split(call):
                continue
            state = call.get("random_state")
            if state is not None and state.constant is not None and not exported(module):
                yield held(repo, module, call.line, "random_state is given")
            elif exported(module) or (call.loop and not legacy):
                message = "written by a tool as a start, or drawn anew in each turn of a loop"
                yield unsure(repo, module, call.line, message)
            elif call.starred or _open(call):
                yield unsure(repo, module, call.line, "its arguments are not written here")
            elif legacy:
                yield held(repo, module, call.line, "NumPy's global seed is set in this file")
            else:
                yield broken(repo, module, call.line, f"{call.method} has no random_state")


_SEEDERS = frozenset(
    ["seed_everything", "set_seed", "set_random_seed", "seed_all", "fix_seed", "seed_torch"]
)


def _open(call: Call) -> bool:
    shuffle = call.get("shuffle")
    return shuffle is not None and not isinstance(shuffle.constant, bool)


def random_split(call: Call) -> bool:
    """Tell whether a call divides rows at random."""
    if call.name in SPLITS:
        shuffle = call.get("shuffle")
        return shuffle is None or shuffle.constant is not False
    if not call.name.startswith("sklearn.model_selection."):
        return False
    if call.method in SEEDED:
        shuffle = call.get("shuffle")
        return shuffle is not None and shuffle.constant is not False
    return call.method in ALWAYS
