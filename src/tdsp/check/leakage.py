"""Leakage: whether the model, or what prepares its rows, has seen what it is measured on."""

import re
from collections.abc import Iterator

from tdsp.check.flow import Flow, Split, Tag, flows, known_kind
from tdsp.check.rule import Mark, broken, check, first, held, once, unsure
from tdsp.reading import Repository
from tdsp.reading.python import Call, Value

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
            for tag in _of_kind(flow, split, kind):
                guilty.add(tag.line)
                message = (
                    f"{tag.what} {verb} all rows; they are split in line"
                    f" {line_of(repo, flow, split.call.line)}"
                )
                yield broken(repo, flow.module, tag.line, message)
        for line, what, where in _sliced(flow, kind):
            if line not in guilty:
                guilty.add(line)
                message = (
                    f"{what} {verb} all rows; they are divided in line {line_of(repo, flow, where)}"
                )
                yield broken(repo, flow.module, line, message, "note")
        yield from _others(repo, flow, kind, guilty)
        yield from _in_pipelines(repo, flow, kind)


def _of_kind(flow: Flow, split: Split, kind: str) -> list[Tag]:
    """Return what was fitted before a split, unless other rows are those that measure."""
    if any(each.kind in {"train", "test"} for each in split.tags):
        return []
    found = sorted((tag for tag in split.tags if tag.kind == kind), key=lambda tag: tag.line)
    given = flow.scope.endswith(".fit")  # a model's own `fit` is given the training part
    return [] if given or (found and _unmeasured(flow, split)) else found


# A line that shows a part, or prepares it further.
IDLE = re.compile(r"^\s*(print|display)\(|transform\(|^\s*\w+(\.\w+(\(\d*\))?)?\s*;?$")

KEEPS = re.compile(r"\b(dump|to_csv|to_parquet|save\w*)\(")  # for another file, which goes on


def _unmeasured(flow: Flow, split: Split) -> bool:
    """Tell whether the parts are only looked at, or are those of a second split that nobody names.

    A part of the only split that is not named again may be meant for another file.
    """
    names = "|".join(re.escape(name) for name in (*split.train, *split.test) if name)
    if not names:
        return False
    later = flow.module.source.split("\n")[split.call.line :]
    named = [line for line in later if re.search(rf"\b({names})\b", line)]
    by_index = [line for line in named if re.search(rf"\b({names})\.index\b", line)]
    if named and named == by_index:
        return True  # the parts say which rows of another table are held out
    if any(map(KEEPS.search, later)):
        return False
    return all(map(IDLE.search, named)) and bool(named or flow.splits[0] is not split)


def line_of(repo: Repository, flow: Flow, line: int) -> int:
    return repo.place(flow.module, line)[1]


def _sliced(flow: Flow, kind: str) -> Iterator[tuple[int, str, int]]:
    """Yield fits on rows of which one slice is named train and another test."""
    for base, side, where, tags in flow.slices:
        other = any(b == base and s != side for b, s, _, _ in flow.slices)
        if side == "train" and other:
            apart = {
                each.call.line
                for each in flow.fits
                if any("train" in name.lower() for name in each.names)
            }  # rows that were apart, joined for something else, and divided again
            yield from (
                (tag.line, tag.what, where)
                for tag in tags
                if tag.kind == kind and tag.line not in apart
            )


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
    severity="note",
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
    severity="note",
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
    severity="warning",
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
            added = [each for each in split.tags if each.kind == "resampled"]
            for tag in () if added and _unmeasured(flow, split) else added:
                guilty.add(tag.line)
                where = line_of(repo, flow, split.call.line)
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
    severity="note",
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
