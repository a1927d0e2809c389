"""Data: where they are kept, what is known of them, and whether that is enforced."""

import re
from collections.abc import Iterator

from tdsp.check.purpose import toy
from tdsp.check.rule import Mark, at, broken, check, first, held, once, unsure
from tdsp.reading import Repository
from tdsp.reading.files import MEGABYTE, TABLES, File
from tdsp.reading.python import Call, Module, Value

READERS = re.compile(
    r"^(pandas|polars|dask\.dataframe|modin\.pandas|geopandas)\.(read|scan)_(csv|parquet|excel|table|json|feather|orc|sql\w*|delta|fwf|sas|stata|hdf)$"
)
VALIDATORS = ("pandera", "great_expectations", "pandera.pandas", "tensorflow_data_validation")
TRAINERS = re.compile(r"^(fit|fit_generator|train|partial_fit)$")
READ = "import pandas as pd\n\n"


LEARNERS = frozenset(
    (
        *(
            "sklearn",
            "xgboost",
            "lightgbm",
            "catboost",
            "keras",
            "tensorflow",
            "torch",
            "lightning",
        ),
        *("statsmodels", "pytorch_lightning", "transformers"),
    )
)
PREPARES = ("sklearn.preprocessing", "sklearn.impute", "sklearn.feature_extraction")


@once
def _trainers(repo: Repository) -> list[Module]:
    """Return the files that fit a model."""
    found = []
    for module in repo.modules("production", "notebook"):
        learners = {
            each.module for each in module.imports
            if not each.level and each.module.split(".")[0] in LEARNERS
        }  # fmt: skip
        if all(each.startswith(PREPARES) for each in learners):
            continue
        if any(
            TRAINERS.match(call.method) and call.receiver and call.receiver.name != "index"
            for call in module.calls
        ):
            found.append(module)
    return found


def trains(repo: Repository, *, toys: bool = True) -> Module | None:
    """Return a file that fits a model, if there is one: rather one that is named after it.

    Without `toys`, one that has its rows from a library is left out.
    """
    found = [module for module in _trainers(repo) if toys or not toy(module)]
    named = (each for each in found if "train" in each.path.rsplit("/", 1)[-1].lower())
    return next(named, found[0] if found else None)


def lfs(repo: Repository, path: str) -> bool:
    """Tell whether .gitattributes gives a file to Git LFS, or it is such a pointer."""
    file = repo.files.get(path)
    if file and file.head.startswith(b"version https://git-lfs"):
        return True
    for line in repo.text(".gitattributes").splitlines():
        pattern, _, rest = line.strip().partition(" ")
        if "filter=lfs" in rest:
            wanted = (
                re.escape(pattern.strip("/"))
                .replace(r"\*\*/", "(.*/)?")
                .replace(r"\*\*", ".*")
                .replace(r"\*", "[^/]*")
            )
            if re.search(rf"(^|/){wanted}$", path):
                return True
    return False


def _large(repo: Repository) -> list[File]:
    return [
        file for path, file in repo.files.items()
        if file.tracked and file.suffix in TABLES and not lfs(repo, path)
        and repo.role(path) in {"production", "notebook", "example", "test"}
    ]  # fmt: skip


@check(
    "DA01",
    family="data",
    title="Large data are not in git",
    why="Git keeps every version of them for ever. Each clone becomes slower, and personal data"
    " cannot be taken back.",
    fix="Keep them in a store, and let DVC, LFS or a versioned address name the version.",
    unless="git is not used, or no table is in it",
    severity="note",
    proves=("P1",),
    bad={"data/a.csv": "a" * 5_100_000},
    good={"data/a.csv": "a,b\n1,2\n"},
)
def data_in_git(repo: Repository) -> Iterator[Mark]:
    """Judge tables and archives that git tracks by their size, alone (5 MB) and together (20)."""
    files = _large(repo)
    for file in files:
        if file.size > 5 * MEGABYTE:
            yield Mark("fail", file.path, 1, "", f"{file.size / MEGABYTE:,.0f} MB in git")
    small = [file for file in files if file.size <= 5 * MEGABYTE and file.size]
    total = sum(file.size for file in small)
    if total > 20 * MEGABYTE:
        largest = max(small, key=lambda file: file.size)
        message = f"{len(small)} smaller tables are {total / MEGABYTE:,.0f} MB together"
        yield Mark("fail", largest.path, 1, "", message, "note")
    elif small:
        yield Mark("held", small[0].path, 1, "", f"{total / MEGABYTE:.1f} MB in git")
    elif not files and (names := repo.named(r".*\.dvc|dvc\.yaml")):
        yield Mark("held", names[0].path, 1, "", "data are not in git")


@check(
    "DA02",
    family="data",
    title="It is known which data a model was trained on",
    why="Without the version of its table a model cannot be trained again, and nobody can"
    " say what it"
    " learned from.",
    fix="Version the table: DVC, LFS, lakeFS, Delta, an MLTable, or an address with a"
    " version in it.",
    unless="nothing is trained from a table that a file names",
    severity="info",
    proves=("P1", "A2"),
    bad={
        "train.py": READ
        + "from sklearn.svm import SVC\ndf = pd.read_csv('s3://b/a.csv')\nSVC().fit(df, df)\n"
    },
    good={
        "train.py": READ
        + "from sklearn.svm import SVC\ndf = pd.read_csv('data/a.csv')\nSVC().fit(df, df)\n",
        "data/a.csv.dvc": "outs:\n- md5: 0123456789abcdef0123456789abcdef\n  path: a.csv\n",
    },
)
def data_versioned(repo: Repository) -> Iterator[Mark]:
    """Look for a tool that versions data, for tracked tables, or for a version in the address."""
    module = trains(repo)
    if module is None:
        return
    for file in repo.named(r"(.*/)?[^/]*\.dvc|(.*/)?dvc\.(lock|yaml)|(.*/)?MLTable"):
        yield at(repo, "held", file.path, 1, "data have a version")
        return
    if repo.imported & {
        "lakefs",
        "lakefs_client",
        "delta",
        "deltalake",
        "dvc",
        "quilt3",
        "pachyderm_sdk",
    }:
        yield held(repo, module, 1, "a library that versions data is used")
        return
    for reader in repo.modules("production", "notebook"):
        for call in reader.calls:
            path = call.args[0].constant if READERS.match(call.name) and call.args else None
            if not isinstance(path, str):
                continue
            tracked = _tracked(repo, reader.path, path)
            if tracked:
                yield held(repo, reader, call.line, f"git tracks {tracked}")
            elif re.match(r"\w[\w+.-]+://", path) and not re.search(
                r"\d{4}[-_/]?\d\d([-_/.]?\d\d)?(?!\d)|version|/v\d|[0-9a-f]{16}", path
            ):
                yield broken(repo, reader, call.line, "this address has no version")
            else:
                yield unsure(
                    repo, reader, call.line, "where this file comes from is not in the repository"
                )


def _tracked(repo: Repository, module: str, path: str) -> str:
    folder = module.rsplit("/", 1)[0] if "/" in module else ""
    plain = re.sub(r"^(\.\./|\./)+", "", path)
    for name in (plain, f"{folder}/{plain}"):
        if (file := repo.files.get(name)) and file.tracked:
            return name
    return ""


@check(
    "DA03",
    family="data",
    title="Data under DVC have a remote that others reach",
    why="Without a remote the data of each version are on one machine only.",
    fix="Add one: `dvc remote add --default NAME ADDRESS`.",
    unless="DVC keeps no data here",
    severity="info",
    proves=("P1", "I1"),
    bad={"a.csv.dvc": "outs:\n- md5: 0123\n  path: a.csv\n", ".dvc/config": "[core]\n"},
    good={
        "a.csv.dvc": "outs:\n- md5: 0123\n  path: a.csv\n",
        ".dvc/config": "['remote \"s\"']\n    url = s3://bucket/dvc\n",
    },
)
def dvc_remote(repo: Repository) -> Iterator[Mark]:
    """Judge .dvc/config by its remotes where .dvc files or a lock name data."""
    data = repo.named(r"(.*/)?[^/]+\.dvc|dvc\.lock")
    config = repo.text(".dvc/config")
    if not data:
        return
    if ".dvc/config" not in repo.files:
        yield at(repo, "unknown", data[0].path, 1, ".dvc/config is not here")
        return
    addresses = list(re.finditer(r"^\s*url\s*=\s*(.+)$", config, re.MULTILINE))
    for match in addresses:
        line = config.count("\n", 0, match.start(1)) + 1
        if re.match(r"/(home|Users|tmp)/|[A-Z]:\\|~", match[1].strip()) and len(addresses) == 1:
            yield at(
                repo, "fail", ".dvc/config", line, "the only remote is a folder of one machine"
            )
        else:
            yield at(repo, "held", ".dvc/config", line)
    if not addresses:
        if re.search(r"DVC_REMOTE|dvc remote (add|modify)", _all_ci(repo)):
            yield at(repo, "unknown", ".dvc/config", 1, "CI names the remote")
        elif setter := _sets_remote(repo):
            yield at(repo, "unknown", ".dvc/config", 1, f"{setter} sets the remote")
        elif all(each.name == "dvc.lock" for each in data):
            yield at(repo, "unknown", data[0].path, 1, "its stages may make all data anew")
        else:
            yield at(repo, "fail", ".dvc/config", 1, "no remote is named")


def _sets_remote(repo: Repository) -> str:
    """Return the script that sets a remote where the code is used, "" if there is none."""
    scripts = repo.named(r"(.*/)?([^/]*\.(py|sh|ps1)|Makefile)")
    sets = re.compile(r"dvc remote (add|modify|default)")
    return next((each.path for each in scripts if sets.search(each.text or "")), "")


def _all_ci(repo: Repository) -> str:
    return "\n".join(workflow.text for workflow in repo.workflows)


@check(
    "DA08",
    family="data",
    title="Raw data are not overwritten",
    why="Once the file is changed, no run before that can be repeated.",
    fix="Write to another path, such as data/interim/.",
    unless="no file both reads and writes a table at a path that it names",
    severity="info",
    proves=("P1",),
    bad={
        "clean.py": READ
        + "df = pd.read_csv('data/raw/a.csv')\ndf.dropna().to_csv('data/raw/a.csv')\n"
    },
    good={
        "clean.py": READ
        + "df = pd.read_csv('data/raw/a.csv')\ndf.dropna().to_csv('data/clean/a.csv')\n"
    },
)
def raw_kept(repo: Repository) -> Iterator[Mark]:
    """Compare the constant paths that a file reads with those that it writes."""
    for module in repo.modules("production", "notebook"):
        read = {
            call.args[0].constant: call for call in module.calls
            if READERS.match(call.name) and call.args and isinstance(call.args[0].constant, str)
        }  # fmt: skip
        for call in module.calls:
            path = call.args[0].constant if call.args else None
            if not call.method.startswith("to_") or not isinstance(path, str) or not read:
                continue
            made = [c for c in module.calls if c.method.startswith("to_") and c.args]
            before = path in read and any(
                c.args[0].constant == path and c.order < read[path].order for c in made
            )
            if before:
                yield held(repo, module, call.line, "this file has written it before it read it")
            elif path in read and read[path].order < call.order and call.get("mode") is None:
                where = repo.place(module, read[path].line)[1]
                message = f"{path} was read in line {where}"
                if "raw" in path.lower():
                    yield broken(repo, module, call.line, message)
                else:
                    yield unsure(
                        repo, module, call.line, f"{message}; whether it is raw is not said"
                    )
            else:
                yield held(repo, module, call.line)


@check(
    "DA10",
    family="data",
    title="The target is not among the inputs",
    why="A model that is given the answer is perfect in tests and useless with new rows.",
    fix="Leave the target out of the inputs: `X = df.drop(columns=[target])`.",
    unless="no file names both inputs and target of a split",
    severity="note",
    proves=("evaluation",),
    bad={
        "train.py": READ + "from sklearn.model_selection import train_test_split\n\n"
        "df = pd.read_csv('a.csv')\nX = df[['a', 't']]\ny = df['t']\n"
        "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)\n"
    },
    good={
        "train.py": READ + "from sklearn.model_selection import train_test_split\n\n"
        "df = pd.read_csv('a.csv')\nX = df[['a', 'b']]\ny = df['t']\n"
        "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)\n"
    },
)
def target_in_inputs(repo: Repository) -> Iterator[Mark]:
    """Compare the columns of X with that of y where both are written as constants."""
    yield from first(_inputs(repo))


def _inputs(repo: Repository) -> Iterator[Mark]:
    for module in repo.modules("production", "notebook"):
        for call in module.calls:
            if not call.name.endswith("model_selection.train_test_split") or len(call.args) < 2:
                continue
            x, y = (_bound(module, call, value) for value in call.args[:2])
            column = y.keys[0] if y and y.kind == "subscript" and len(y.keys) == 1 else ""
            if x is None or not column or y is None or y.base is None:
                continue
            if x.kind == "name" and x.name and x.name == y.base.name:
                dropped = _dropped(module, call, x.name, column)
                if not dropped:
                    yield broken(
                        repo, module, call.line, f"{x.name} still has the column {column!r}"
                    )
            elif (
                x.kind == "subscript"
                and x.base is not None
                and x.base.name == y.base.name
                and x.keys
            ):
                if column in x.keys:
                    yield broken(repo, module, call.line, f"the inputs have the target {column!r}")
                else:
                    yield held(repo, module, call.line, f"{column!r} is not among them")
            elif x.call is not None and x.call.method == "drop":
                yield held(repo, module, call.line, "columns are dropped from the inputs")


def _bound(module: Module, call: Call, value: Value) -> Value | None:
    """Follow a name to the last assignment before a call in the same scope."""
    if value.kind != "name":
        return value
    found = None
    for each in module.assigns:
        if each.scope == call.scope and each.order < call.order and value.name in each.targets:
            found = None if each.unpacked or each.augmented else each.value
    return found or value


def _dropped(module: Module, call: Call, name: str, column: str) -> bool:
    """Tell whether anything that looks like leaving the column out stands before the split."""
    for each in module.calls:
        before = each.order < call.order and each.method in {"drop", "pop"}
        if before and each.receiver is not None and each.receiver.root == name:
            return True
    bound = [a for a in module.assigns if a.scope == call.scope and name in a.targets]
    return not bound or bound[-1].value.call is None or not READERS.match(bound[-1].value.call.name)


@check(
    "DA11",
    family="data",
    title="Rows that cannot be read are not dropped unseen",
    why="Skipped lines are missing in training, and nobody knows how many or which.",
    fix="Let the reader fail, or collect and count what it refuses.",
    unless="no file reads a table",
    severity="note",
    proves=("evaluation",),
    bad={"load.py": READ + "df = pd.read_csv('a.csv', on_bad_lines='skip')\n"},
    good={"load.py": READ + "df = pd.read_csv('a.csv')\n"},
)
def silent_loss(repo: Repository) -> Iterator[Mark]:
    """Judge the readers of tables by their options for bad lines."""
    for module in repo.modules("production"):
        for call in module.calls:
            if not READERS.match(call.name):
                continue
            bad, old = call.get("on_bad_lines"), call.get("error_bad_lines")
            quiet = call.get("warn_bad_lines")  # else pandas before 2.0 warned of each line
            unseen = old and old.constant is False and quiet and quiet.constant is False
            if (bad and bad.constant == "skip") or unseen:
                yield broken(
                    repo, module, call.line, "lines that cannot be read are skipped unseen"
                )
            else:
                yield held(repo, module, call.line)
