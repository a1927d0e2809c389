"""Steps: what a person has to remember to train, and whether the code of features is tested."""

import re
from collections.abc import Iterator

from tdsp.check.data import READERS, trains
from tdsp.check.monitoring import TRAINING
from tdsp.check.purpose import exported, lesson
from tdsp.check.rule import Mark, at, broken, check, held
from tdsp.reading import Repository
from tdsp.reading.python import Call, Module

CLEAN = "import pandas as pd\n\npd.read_csv('a.csv').dropna().to_csv('clean.csv')\n"
FIT = (
    "import pandas as pd\nfrom sklearn.svm import SVC\n\n"
    "rows = pd.read_csv('clean.csv')\nSVC().fit(rows[['a']], rows['b'])\n"
)


@check(
    "TR15",
    family="training",
    title="One command trains",
    why="Steps that people remember are forgotten, or done in another order.",
    fix="State the pipeline once: dvc.yaml, a Makefile, poe, a Kedro or MLflow project; or"
    " one script.",
    unless="no script trains on what another script of this repository has written",
    severity="info",
    proves=("A2", "G1", "I3"),
    bad={"clean.py": CLEAN, "model.py": FIT, "README.md": "# A\n"},
    good={
        "clean.py": CLEAN,
        "model.py": FIT,
        "dvc.yaml": "stages:\n  train:\n    cmd: python clean.py && python model.py\n",
    },
)
def one_command(repo: Repository) -> Iterator[Mark]:
    """Look for scripts that train on a file of another one, and for what runs both."""
    module = trains(repo)
    if module is None or repo.role(module.path) == "notebook":
        return
    if pipeline := _pipeline(repo):
        yield at(repo, "held", *pipeline)
        return
    for first, second, name, call in _chains(repo):
        if runner := _runner(repo, first, second):
            yield at(repo, "held", runner, 1, "it names the steps")
        else:
            message = f"it trains on {name}, which {first.path} writes, and nothing runs both"
            yield broken(repo, second, call.line, message)
        return
    for script in repo.modules("production"):
        if _trains_when_run(script):
            yield held(repo, script, 1, "a script trains")
            return
    for path, file in repo.files.items():
        if path.lower().endswith("readme.md") and TRAINING.search(file.text or ""):
            yield at(repo, "held", path, 1, "the README names a command that trains")
            return


def _trains_when_run(module: Module) -> bool:
    """Tell whether a script is named after training, or is an entry that calls a training."""
    name = module.path.rsplit("/", 1)[-1]
    entry = re.match(r"(train\w*|main|__main__|run\w*|pipeline\w*)\.py$", name)
    return bool(entry) and any(re.match(r"(train|fit)(_|$)", c.method) for c in module.calls)


def _chains(repo: Repository) -> Iterator[tuple[Module, Module, str, Call]]:
    """Yield a script that writes a file, one that trains on it, the file, and where it is read."""
    written: dict[str, Module] = {}
    scripts = [
        module
        for module in repo.modules("production")
        if not (lesson(repo, module.path) or exported(module))
    ]
    for module in scripts:
        for call in module.calls:
            if WRITERS.search(call.name):
                for name in _files(call):
                    written.setdefault(name, module)
    for module in scripts:
        if not any(re.match(r"(fit|train)(_|$)", call.method) for call in module.calls):
            continue
        for call in module.calls:
            if READERS.match(call.name) or LOADERS.match(call.name):
                for name in _files(call):
                    first = written.get(name)
                    own = any(WRITERS.search(c.name) and name in _files(c) for c in module.calls)
                    if first is not None and first.path != module.path and not own:
                        yield first, module, name, call


WRITERS = re.compile(r"(^|\.)(to_(csv|parquet|pickle|feather|excel|json)|dump|save|savez|savetxt)$")
LOADERS = re.compile(r"^(pandas\.read_pickle|numpy\.(load|loadtxt)|joblib\.load|pickle\.load)$")


def _files(call: Call) -> list[str]:
    """Return the last part of the paths of files that a call names."""
    texts = [value.constant for value in call.args[:2] if isinstance(value.constant, str)]
    return [name for each in texts if "." in (name := re.split(r"[\\/]", each)[-1])]


def _pipeline(repo: Repository) -> tuple[str, int, str] | None:
    """Return where a pipeline or a task that trains stands, with a word about it."""
    if repo.dvc:
        return "dvc.yaml", repo.dvc.line("stages"), "a pipeline"
    known = (
        r"(.*/)?(MLproject|pipeline\.ya?ml|Snakefile|dagster\.yaml|metaflow\.\w+|\.drone\.ya?ml)|"
        r"(.*/)?pipeline_registry\.py|(.*/)?dags/.*\.py"
    )
    for file in repo.named(known)[:1]:
        return file.path, 1, "a pipeline"
    task = re.compile(r"(?m)^(def )?[\"']?(train|pipeline|model|all|fit)\w*[\"']?\s*[:=(]")
    for file in repo.named(
        r"[Mm]akefile|justfile|pyproject\.toml|Taskfile\.yml|(tasks|noxfile)\.py"
    ):
        text = file.text or ""
        if match := task.search(text):
            return file.path, text.count("\n", 0, match.start()) + 1, "a task trains"
    return None


def _runner(repo: Repository, first: Module, second: Module) -> str:
    """Return a document, a command or a script that names both steps, or ""."""
    stems = [each.path.rsplit("/", 1)[-1].removesuffix(".py") for each in (first, second)]
    for path, file in repo.files.items():
        if path not in {first.path, second.path} and file.text:
            kinds = file.suffix in {
                ".md",
                ".rst",
                ".txt",
                ".sh",
                ".bat",
                ".yml",
                ".yaml",
                ".py",
                "",
            }
            if kinds and (TRAINING.search(file.text) or all(_names(file.text, e) for e in stems)):
                return path
    pairs = ((first.path, stems[1]), (second.path, stems[0]))
    near = any(_names(repo.text(path), other) for path, other in pairs)
    return second.path if near else ""


def _names(text: str, stem: str) -> bool:
    """Tell whether a text runs or imports a module."""
    word = re.escape(stem)
    return bool(re.search(rf"(?<!\w){word}\.py\b|(-m|import|from) +[\w.]*\b{word}\b", text))


@check(
    "DA12",
    family="training",
    title="The code of the features is tested",
    why="A mistake in a feature is no error: the model learns from it, and is a little worse.",
    fix="Write a test that gives a few rows and compares with values worked out by hand.",
    unless="no file is named after features or preprocessing, or this is a lesson",
    severity="info",
    proves=("D7",),
    bad={
        "features.py": "import sklearn\n\n\ndef ratio(a, b):\n    return a / b\n",
        "tests/test_a.py": "def test_a():\n    assert 1\n",
    },
    good={
        "features.py": "import sklearn\n\n\ndef ratio(a, b):\n    return a / b\n",
        "tests/test_features.py": "from features import ratio\n\n\ndef test_ratio():\n   "
        " assert ratio(1, 2) == 0.5\n",
    },
)
def features_tested(repo: Repository) -> Iterator[Mark]:
    """Look for a test that imports each file of features."""
    if trains(repo) is None and not repo.imported & {"sklearn", "pyspark", "feature_engine"}:
        return
    imported: dict[str, tuple[str, int]] = {}
    for test in (*repo.modules("test"), *repo.modules("production")):
        if repo.role(test.path) == "test" or re.search(
            r"(?i)(^|/|_)tests?(ing)?(/|_|\.py$)", test.path
        ):
            for each in test.imports:
                for part in f"{each.module}.{each.name}".split("."):
                    imported.setdefault(part, (test.path, each.line))
    for module in repo.modules("production"):
        if not FEATURES.search(module.path) or BUILT.search(module.path) or not _computes(module):
            continue
        stem = module.path.rsplit("/", 1)[-1].removesuffix(".py")
        names = {stem, *(function.name for function in module.functions)} & set(imported)
        if names:
            path, line = imported[sorted(names)[0]]
            yield at(repo, "held", path, line, f"it tests {module.path}")
        elif user := _tested_through(repo, stem, set(imported)):
            yield at(repo, "unknown", user, 1, f"a test imports this file, which uses {stem}")
        elif not lesson(repo, module.path):
            yield broken(repo, module, module.functions[0].line, "no test imports this file")


FEATURES = re.compile(
    r"(^|/)(\w*_)?(features?|feature_engineering|preprocess\w*|transform(s|ers|ations)?)\.py$"
)
# A notebook that is kept as a script: a cell is tagged as the one of its parameters.
CELLS = re.compile(r"(?m)^# (%%|\+).*\btags=\[?[^\n]*\bparameters\b")
# What is built from the code, answers requests about features, or starts the steps.
BUILT = re.compile(
    r"(^|/)(build|dist)/(lib|bdist[^/]*)/|(^|/)(routes|routers|endpoints)/[^/]+$|(^|/)run_\w+\.py$"
)
COMPUTES = re.compile(
    r"^(apply|map|groupby|get_dummies|fillna|assign|merge|cut|qcut|replace|transform|fit_transform|"
    r"withColumn|rolling|shift|diff|pivot\w*|resample|clip|where|select_dtypes|normalize|tokenize|"
    r"log1?p?|sqrt|exp|sub|lower|scale\w*|compute_and_apply_vocabulary|astype|to_datetime|encode|"
    r"[A-Z]\w*(Scaler|Encoder|Imputer|Transformer|Vectorizer|Discretizer|Features))$"
)


def _computes(module: Module) -> bool:
    """Tell whether a file works columns out: by a call, a column that it sets, or plain sums."""
    if not module.functions or CELLS.search(module.source):
        return False
    calls = any(COMPUTES.match(call.method) for call in module.calls if call.scope)
    stores = any(each.stores and each.scope for each in module.assigns)
    sums = re.search(r"return [^#\n]*(\w[)\]]?|['\"]\]) [-+*/]{1,2} [(\[]?\w", module.source)
    return calls or stores or bool(sums)


def _tested_through(repo: Repository, stem: str, tested: set[str]) -> str:
    """Return a file that a test imports and that imports this one, or ""."""
    for module in repo.modules("production"):
        named = module.path.rsplit("/", 1)[-1].removesuffix(".py") in tested
        uses = (f"{each.module}.{each.name}".split(".") for each in module.imports)
        if named and any(stem in parts for parts in uses):
            return module.path
    return ""
