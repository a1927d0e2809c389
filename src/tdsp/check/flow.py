"""Which rows a value holds, followed through one function or the top of one file.

Names are followed through assignments, tuples, indexing, and the functions of pandas and NumPy.
What comes from elsewhere has no tags: nothing is known of it, and no check fails for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tdsp.reading.python import Assign, Call, Module, Value

SPLITS = frozenset(
    {
        "sklearn.model_selection.train_test_split",
        "sklearn.cross_validation.train_test_split",
        "dask_ml.model_selection.train_test_split",
        "cuml.model_selection.train_test_split",
    }
)
SCALING = frozenset(
    [
        "StandardScaler",
        "MinMaxScaler",
        "RobustScaler",
        "MaxAbsScaler",
        "QuantileTransformer",
        "PowerTransformer",
        "SimpleImputer",
        "KNNImputer",
        "IterativeImputer",
        "KBinsDiscretizer",
        "TfidfVectorizer",
        "TfidfTransformer",
    ]
)
SELECTION = frozenset(
    [
        "SelectKBest",
        "SelectPercentile",
        "SelectFpr",
        "SelectFdr",
        "SelectFwe",
        "SelectFromModel",
        "RFE",
        "RFECV",
        "SequentialFeatureSelector",
        "GenericUnivariateSelect",
        "TargetEncoder",
        "LeaveOneOutEncoder",
        "CatBoostEncoder",
        "WOEEncoder",
        "JamesSteinEncoder",
        "MEstimateEncoder",
        "PCA",
        "KernelPCA",
        "TruncatedSVD",
        "NMF",
        "FactorAnalysis",
        "FastICA",
        "IncrementalPCA",
        "LinearDiscriminantAnalysis",
    ]
)
FROM = ("sklearn.", "category_encoders.", "feature_engine.", "cuml.", "dask_ml.")
FITS = frozenset({"fit", "fit_transform"})
OVERSAMPLING = ("imblearn.over_sampling.", "imblearn.combine.")
LIBRARIES = ("pandas.", "numpy.", "scipy.sparse.", "copy.", "polars.", "torch.", "tensorflow.")


@dataclass(frozen=True, slots=True)
class Tag:
    """What is known of rows: `train` or `test` part, or `scaled`, `selected`, `resampled`."""

    kind: str
    line: int
    what: str = ""


Tags = frozenset[Tag]
NONE: Tags = frozenset()


@dataclass(slots=True)
class Split:
    """A call that holds rows out, and the tags of what it divided."""

    call: Call
    tags: Tags
    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(slots=True)
class Fitting:
    """A call that fits something on rows, and what is known of these rows."""

    call: Call
    maker: str
    rows: Tags
    name: str
    names: frozenset[str]


@dataclass(slots=True)
class Flow:
    """One scope: its events in order, and what came out of following them."""

    module: Module
    scope: str
    events: list[Call | Assign]
    tags: dict[str, Tags] = field(default_factory=dict)
    makers: dict[str, Call] = field(default_factory=dict)
    fitted: dict[str, Tags] = field(default_factory=dict)
    splits: list[Split] = field(default_factory=list)
    fits: list[Fitting] = field(default_factory=list)
    uses: list[tuple[Call, Tags]] = field(default_factory=list)
    done: dict[int, Tags] = field(default_factory=dict)
    made: dict[int, Call | None] = field(default_factory=dict)
    slices: list[tuple[str, str, int, Tags]] = field(default_factory=list)
    divided: list[tuple[Call, Tags]] = field(default_factory=list)

    def run(self) -> "Flow":
        """Follow the events once."""
        for event in self.events:
            if isinstance(event, Call):
                self._call(event)
            else:
                self._assign(event)
        known = {split.call.order for split in self.splits}
        self.splits += [Split(c, tags, (), ()) for c, tags in self.divided if c.order not in known]
        # Only what is known of is kept: nearly no call of a repository has to do with rows.
        self.done = {order: tags for order, tags in self.done.items() if tags}
        self.tags = {name: tags for name, tags in self.tags.items() if tags}
        self.made = {}
        return self

    def of(self, value: Value | None) -> Tags:
        """Return what is known of the rows of a value."""
        if value is None:
            return NONE
        if value.call is not None:
            return self.done.get(value.call.order, NONE)
        if value.kind in {"name", "attribute"} and value.name in self.tags:
            return self.tags[value.name]
        if value.kind in {"subscript", "attribute"} and value.base is not None:
            return self.of(value.base)
        if value.kind in {"items", "binary", "dict"}:
            return frozenset().union(*(self.of(each) for each in value.items))
        return NONE

    def maker(self, call: Call) -> Call | None:
        """Return the call that made the object whose method is called, at that time."""
        if call.order in self.made:
            return self.made[call.order]
        if call.receiver is None:
            return None
        if call.receiver.call is not None:
            inner = call.receiver.call
            return self.maker(inner) if inner.method in FITS else inner
        return self.makers.get(call.receiver.name)

    def _call(self, call: Call) -> None:
        self.uses.append((call, frozenset().union(*(self.of(v) for v in _given(call)))))
        if call.name in SPLITS:  # its rows are told apart when they are assigned
            self.divided.append((call, frozenset().union(*(self.of(each) for each in call.args))))
            return
        self.made[call.order] = maker = self.maker(call)
        rows = self.of(call.args[0] if call.args else call.get("X"))
        if call.method in FITS | {"fit_on_texts", "partial_fit"} and call.receiver is not None:
            name = maker.name if maker else ""
            given = call.args[0] if call.args else None
            names = given.names if given else frozenset()
            self.fits.append(Fitting(call, name, rows, call.receiver.name, names))
            result = self._fitted(call, name, rows, maker)
            if call.receiver.name:
                self.fitted[call.receiver.name] = result
            self.done[call.order] = rows | result
        elif call.method == "transform" and call.receiver is not None:
            key = call.receiver
            before = self.fitted.get(key.name, NONE) if key.name else self.of(key)
            self.done[call.order] = rows | _learned(before)
        elif call.method in {"fit_resample", "fit_sample"}:
            over = maker is not None and maker.name.startswith(OVERSAMPLING)
            made = {Tag("resampled", call.line, maker.method)} if over and maker else set()
            self.done[call.order] = rows | (NONE if _parts(rows) else frozenset(made))
        elif call.name == "sklearn.utils.resample":
            replaced = call.get("replace")
            again = replaced is None or replaced.constant is True
            more = "n_samples" in call.keywords and again
            made = {Tag("resampled", call.line, "resample")} if more else set()
            self.done[call.order] = rows | (NONE if _parts(rows) else frozenset(made))
        elif call.name.startswith(LIBRARIES) or call.name in {"list", "tuple", "zip"}:
            self.done[call.order] = frozenset().union(*(self.of(v) for v in _given(call)))
        elif call.receiver is not None:
            self.done[call.order] = self.of(call.receiver)

    def _fitted(self, call: Call, name: str, rows: Tags, maker: Call | None) -> Tags:
        kind = known_kind(name, maker)
        if not kind or _parts(rows):
            return NONE
        return frozenset({Tag(kind, call.line, name.rsplit(".", 1)[-1])})

    def _assign(self, event: Assign) -> None:
        call = event.value.call
        if call is not None and call.name in SPLITS and event.unpacked:
            self._split(event, call)
            return
        tags = self.of(event.value)
        self._slice(event, tags)
        for target in event.targets:
            if not target:
                continue
            if call is not None and not event.unpacked:
                self.makers[target] = call
                self.fitted.pop(target, None)
                if call.method == "fit" and (made := self.maker(call)) is not None:
                    self.makers[target] = made
                    self.fitted[target] = _learned(tags)
            elif not event.augmented:
                self.makers.pop(target, None)
            self.tags[target] = tags | (self.tags.get(target, NONE) if event.augmented else NONE)
        for store in event.stores:
            if (root := _root(store)) and tags:
                self.tags[root] = self.tags.get(root, NONE) | tags

    def _slice(self, event: Assign, tags: Tags) -> None:
        """Keep `train = data[:n]`: rows that are held out by position."""
        pairs: list[tuple[str, Value]] = [(event.targets[0], event.value)] if event.targets else []
        if event.unpacked and len(event.targets) == len(event.value.items):
            pairs = list(zip(event.targets, event.value.items, strict=True))
        for target, value in pairs:
            side = next((each for each in ("train", "test") if each in target.lower()), "")
            if side and value.kind == "subscript" and not value.keys and (base := _root(value)):
                self.slices.append((base, side, event.line, self.of(value)))

    def _split(self, event: Assign, call: Call) -> None:
        tags = frozenset().union(*(self.of(each) for each in call.args))
        train, test = event.targets[::2], event.targets[1::2]
        if len(event.targets) < 2 or len(event.targets) % 2:
            train, test = (), ()
        self.splits.append(Split(call, tags, train, test))
        for names, kind in ((train, "train"), (test, "test")):
            for name in filter(None, names):
                self.tags[name] = frozenset({Tag(kind, call.line)})
                self.makers.pop(name, None)


def known_kind(name: str, maker: Call | None) -> str:
    """Return `scaled` or `selected` for what learns from all rows that it is fitted on."""
    if not name.startswith(FROM):
        return ""
    last = name.rsplit(".", 1)[-1]
    if last == "SimpleImputer" and maker is not None:
        strategy = maker.get("strategy")
        if strategy is not None and strategy.constant in ("constant",):
            return ""
        if strategy is not None and not isinstance(strategy.constant, str):
            return ""
    if last == "PCA" and maker is not None and not maker.args and not maker.keywords:
        return ""  # it turns the columns, and keeps all of them
    if last in {"TfidfVectorizer", "TfidfTransformer"} and maker is not None:
        idf = maker.get("use_idf")
        if idf is not None and idf.constant is False:
            return ""
    return "scaled" if last in SCALING else "selected" if last in SELECTION else ""


def flows(module: Module) -> Iterator[Flow]:
    """Yield each scope of a file, followed. A file that fits and splits nothing has none."""
    told = any(
        each.method in FITS or each.name in SPLITS or known_kind(each.name, None)
        for each in module.calls
    )
    if not told:
        return
    scopes: dict[str, list[Call | Assign]] = {}
    events: list[Call | Assign] = [*module.calls, *module.assigns]
    for event in sorted(events, key=lambda each: each.order):
        scopes.setdefault(event.scope, []).append(event)
    for scope, events in scopes.items():
        yield Flow(module, scope, events).run()


def _given(call: Call) -> tuple[Value, ...]:
    return (*call.args, *call.keywords.values())


def _parts(tags: Tags) -> bool:
    return any(each.kind in {"train", "test"} for each in tags)


def _learned(tags: Tags) -> Tags:
    return frozenset(each for each in tags if each.kind in {"scaled", "selected"})


def _root(store: Value) -> str:
    base: Value | None = store
    while base is not None:
        if base.kind == "name":
            return base.name
        base = base.base
    return ""
