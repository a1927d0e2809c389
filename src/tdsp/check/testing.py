"""Testing: whether the rows that measure a model were kept from it."""

import re
from collections.abc import Iterator

from tdsp.check.flow import Fitting, Flow, Tag, known_kind
from tdsp.check.leakage import (
    BOOST,
    IMPORT,
    SCALER,
    SPLIT,
    TABLE,
    followed,
    line_of,
)
from tdsp.check.rule import Mark, broken, check, first, held, unsure
from tdsp.reading import Repository
from tdsp.reading.python import Assign, Call, Value


@check(
    "TR07",
    family="leakage",
    title="Nothing is fitted on the test part",
    why="A transformer that is fitted again on the test rows gives them another meaning than in"
    " training, and the result holds for no row that comes alone.",
    fix="Call `transform` on the test part with what was fitted on the training part.",
    unless="no file fits on what train_test_split returned",
    severity="note",
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
                same = (fit.name, fit.maker) in trained and bool(fit.name) and not _coded(fit)
                if kind == "scaled" or (same and _learns(fit.maker)):
                    message = f"{last} is fitted on the test part"
                    yield broken(repo, flow.module, fit.call.line, message)
                else:
                    message = f"{last} is fitted on the test part; for what, cannot be told"
                    yield unsure(repo, flow.module, fit.call.line, message)


def _coded(fit: Fitting) -> bool:
    """Tell whether only the labels get numbers: the result needs them, so nothing leaks."""
    return fit.maker.endswith(("Encoder", "Binarizer")) and all(
        re.match(r"(?i)y(_|\d|[A-Z]|$|t)", name) for name in fit.names - {fit.name}
    )


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
    severity="info",
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
        if _is_trial(flow):
            continue
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
                where = line_of(repo, flow, later.line)
                message = (
                    f"training stops by {sorted(tested)[0]}, which is reported in line {where}"
                )
                yield broken(repo, flow.module, call.line, message)


def _is_trial(flow: Flow) -> bool:
    """Tell whether this is what Optuna asks for one set of parameters: it reports to a search."""
    inside = [each for each in flow.module.functions if each.scope == flow.scope]
    return any("trial" in each.params for each in inside)


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
    severity="note",
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
            if not tests or any(tag.kind == "test" for tag in split.tags):
                continue  # nothing is held out, or a test part is divided once more
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
