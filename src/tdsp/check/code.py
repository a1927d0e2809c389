"""Layout and code: whether it runs on another machine, and means what it says."""

import itertools
import re
import sys
from collections.abc import Iterator

from tdsp.check.names import PUT_ASIDE
from tdsp.check.rule import Mark, at, broken, check, first, held
from tdsp.reading import Repository
from tdsp.reading.python import Module

MACHINE = re.compile(
    r"^(file://)?(/Users/[A-Za-z0-9._-]+/|/home/(?!user/|app/|jovyan/|runner/|appuser/|node/|airflow/|ubuntu/?$)[A-Za-z0-9._-]+/|"
    r"[A-Z]:[\\/]+(Users|Documents)[\\/]+|/content/drive/)"
)
SINKS = re.compile(
    r"(^|\.)(open|read_\w+|to_\w+|load|save|load_model|imread|imwrite|listdir|glob|chdir|dump|Path|join|exists|makedirs|savefig|from_pretrained|copy\w*|genfromtxt|loadtxt)$"
)
SHADOWED = frozenset(
    [
        "pandas",
        "numpy",
        "sklearn",
        "xgboost",
        "lightgbm",
        "torch",
        "tensorflow",
        "keras",
        "matplotlib",
        "seaborn",
        "scipy",
        "flask",
        "fastapi",
        "requests",
        "joblib",
        "mlflow",
        "random",
        "logging",
        "types",
        "json",
        "copy",
        "csv",
        "math",
        "statistics",
        "queue",
        "string",
        "email",
        "calendar",
        "select",
        "token",
    ]
)
READ = "import pandas as pd\n\n"


@check(
    "LA02",
    family="code",
    title="No path of one machine",
    why="It works for one person.",
    fix="Use a path relative to the project, or take it from the configuration.",
    unless="no script opens a file at a path that it names",
    severity="info",
    proves=("I1",),
    bad={"a.py": READ + "df = pd.read_csv('/Users/ann/data/a.csv')\n"},
    good={"a.py": READ + "df = pd.read_csv('data/a.csv')\n"},
)
def machine_path(repo: Repository) -> Iterator[Mark]:
    """Judge constant paths that reach a call which opens, reads or writes."""
    yield from first(_paths(repo))


def _paths(repo: Repository) -> Iterator[Mark]:
    for module in repo.modules("production"):
        opened = 0
        for call in module.calls:
            if not SINKS.search(call.name):
                continue
            for value in call.args[:2]:
                text = value.constant
                if isinstance(text, str) and MACHINE.match(text):
                    yield broken(repo, module, call.line, f"{text[:60]} is on one machine")
                elif isinstance(text, str) and ("/" in text or "." in text):
                    opened = opened or call.line
        named = {t.line for t in module.texts if MACHINE.match(t.value)}
        for each in module.assigns:
            text = each.value.constant
            if not isinstance(text, str) or each.line not in named or not MACHINE.match(text):
                continue
            if any(t and _reaches(module, t) for t in each.targets):
                yield broken(repo, module, each.line, f"{text[:60]} is on one machine")
        if opened:
            yield held(repo, module, opened)


def _reaches(module: Module, name: str) -> bool:
    return any(SINKS.search(c.name) and any(name in v.names for v in c.args) for c in module.calls)


@check(
    "LA03",
    family="code",
    title="Imports need no change of sys.path",
    why="What is imported then depends on the folder from which a script was started.",
    fix="Make the code a package, and install it: `pip install --editable .`.",
    unless="no file imports a module of this repository",
    severity="note",
    proves=(),
    bad={"a.py": "import sys\n\nsys.path.append('..')\nimport b\n", "b.py": "x = 1\n"},
    good={"a.py": "import b\n", "b.py": "x = 1\n"},
)
def sys_path(repo: Repository) -> Iterator[Mark]:
    """Judge calls of sys.path.append and insert in production code, folder by folder."""
    names = {path.rsplit("/", 1)[-1].removesuffix(".py") for path in repo.python}
    changed: dict[str, list[tuple[Module, int]]] = {}
    own: tuple[Module, int] | None = None
    for module in repo.modules("production"):
        beside = f"{module.path.removesuffix('.py')}.ipynb" in repo.files
        if beside or EXPORTED.search(module.source) or NO_PART.search(module.path):
            continue  # exported from a notebook, one of Databricks, or no part of the program
        if module.path.endswith("conf.py") and re.search(r"(?m)^extensions\s*=", module.source):
            continue  # the settings of Sphinx, whose documentation asks for it
        if line := _bends(module):
            changed.setdefault(module.path.rpartition("/")[0], []).append((module, line))
        elif own is None:
            lines = [e.line for e in module.imports if e.module.split(".")[0] in names or e.level]
            own = (module, lines[0]) if lines else None
    if own:
        yield held(repo, *own)
    for (module, line), *others in changed.values():
        message = "the path of imports is changed while running"
        yield broken(repo, module, line, message + _beside(repo, others))


# What nbconvert writes above each cell, and Databricks above its notebooks.
EXPORTED = re.compile(r"(?m)^# In ?\[[\d ]*\]:|\A# Databricks notebook source")
NO_PART = re.compile(rf"{PUT_ASIDE.pattern}|(^|/)\.\w[^/]*/")  # and the folders of tools
# Where SageMaker, Airflow, Azure ML, Modal and Databricks put the files that they run.
OF_PLATFORM = re.compile(r"/(opt/ml|opt/airflow|var/azureml-app|root|databricks|Workspace)/")


def _bends(module: Module) -> int:
    """Return the line that changes sys.path by a folder of the project, 0 if none does."""
    given = {"args", "arguments", "opts", "options"}
    for each in module.assigns:
        if each.value.call and each.value.call.name == "input":
            given |= {*each.targets}
    for call in module.calls:
        changes = call.name in {"sys.path.append", "sys.path.insert"}
        named = any({name.split(".")[0] for name in v.names} & given for v in call.args)
        if changes and not named and not any(_of_platform(v.constant) for v in call.args):
            return call.line
    return 0


def _of_platform(place: object) -> bool:
    """Tell whether a platform chose the folder, and nobody could install a package there."""
    return isinstance(place, str) and bool(OF_PLATFORM.match(f"{place}/"))


def _beside(repo: Repository, others: list[tuple[Module, int]], most: int = 5) -> str:
    """Name the other files of the folder, so that one finding is enough for all of them."""
    if not others:
        return ""
    places = [repo.place(*other)[:2] for other in others[:most]]
    named = [f"{path.rpartition('/')[2]}:{line}" for path, line in places]
    more = f" and {len(others) - most} more" if len(others) > most else ""
    return f", and in {', '.join(named)}{more} beside it"


@check(
    "LA04",
    family="code",
    title="No file hides a library",
    why="A script beside a file named random.py imports that file, not the library.",
    fix="Rename the file.",
    unless="there is no script",
    severity="info",
    proves=("I1",),
    bad={"pandas.py": "x = 1\n", "a.py": "import pandas\n\npandas.read_csv('a')\n"},
    good={"tables.py": "x = 1\n", "a.py": "import pandas\n\npandas.read_csv('a')\n"},
)
def shadows(repo: Repository) -> Iterator[Mark]:
    """Judge files whose name is a library's, beside a file that imports that library."""
    packages = {
        part
        for module in repo.modules("production")
        for each in module.imports
        for part in each.module.split(".")[:-1]
    }
    for module in repo.modules("production"):
        folder = module.path.rsplit("/", 1)[0] + "/" if "/" in module.path else ""
        package = f"{folder}__init__.py" in repo.files or folder[:-1].split("/")[-1] in packages
        for each in module.imports:
            root = each.module.split(".")[0]
            if root not in SHADOWED or each.level or package:
                continue
            beside = f"{folder}{root}.py"
            if beside in repo.files and beside != module.path:
                yield broken(repo, module, each.line, f"{beside} hides the library {root}")
            else:
                yield held(repo, module, each.line)
                break


@check(
    "LA05",
    family="code",
    title="All Python parses",
    why="A file that does not parse cannot run, and no tool that reads code sees it.",
    fix="Correct it, or remove it.",
    unless="there is no Python",
    severity="info",
    proves=(),
    bad={"a.py": "def f(:\n    pass\n"},
    good={"a.py": "def f():\n    pass\n"},
)
def parses(repo: Repository) -> Iterator[Mark]:
    """Judge the files that Python could not parse; Python 2 and templates are unknown."""
    good = None
    used = {
        part
        for module in repo.modules()
        for each in module.imports
        for part in f"{each.module}.{each.name}".split(".")
    }
    for path, module in repo.python.items():
        if not module.problem:
            good = good or path
            continue
        role = repo.role(path)
        text = "\n".join(module.lines[:400])
        template = re.search(r"\{\{.*?\}\}|\{%|<%|\$\{\w+\}", text)
        unknown = module.python2 or template or _other_python(module) or PUT_ASIDE.search(path)
        if role in {"test", "vendored", "example"} or unknown:
            yield at(repo, "unknown", path, module.problem_line, f"not read: {module.problem}")
        elif re.match(r"(nested too deeply|not readable)", module.problem):
            yield at(repo, "unknown", path, 1, f"not read: {module.problem}")
        else:
            version = ".".join(map(str, sys.version_info[:2]))
            message = f"Python {version} says: {module.problem}"
            stem = path.rsplit("/", 1)[-1].removesuffix(".py")
            kept = ASIDE.search(stem) and stem not in used
            yield at(repo, "fail", path, module.problem_line, message, "note" if kept else "")
    if good:
        yield at(repo, "held", good, 1)


# An older state that somebody put aside.
ASIDE = re.compile(r"(?i)[_-](old|backup|bak|orig|deprecated|unused)\d*$|^(old|backup|bak)[_-]")


def _other_python(module: Module) -> bool:
    """Tell whether a line is IPython's, or of a Python that is newer than this one."""
    line = module.line(module.problem_line)
    newer = re.match(r"(async )?(def|class) \w+\[|type \w+|except \w+, |match |case ", line)
    nested = "f-string" in module.problem or "expected 'except'" in module.problem
    # A cell of Databricks may be indented as a whole: IPython takes that away.
    cell = module.line(1) == "# Databricks notebook source" and "indent" in module.problem
    return bool(newer or nested or cell or re.match(r"[%!]\w", line))


RESTARTS = re.compile(r"do_shutdown|restart_kernel|os\._exit|os\.kill\(|kernel\.restart")


@check(
    "LA07",
    family="code",
    title="Notebooks were run from top to bottom",
    why="What a notebook shows may come from cells that are no longer there, or in another order.",
    fix="Restart the kernel, run all, and save; or clear the outputs.",
    unless="no notebook shows an output",
    severity="note",
    proves=(),
    bad={
        "a.ipynb": '{"cells": [{"cell_type": "code", "execution_count": 7, "outputs": [{}],'
        ' "source": "x = 1"},'
        ' {"cell_type": "code", "execution_count": 3, "outputs": [{}], "source": "y = 1"}],'
        ' "metadata": {}}'
    },
    good={
        "a.ipynb": '{"cells": [{"cell_type": "code", "execution_count": 1, "outputs": [{}],'
        ' "source": "x = 1"},'
        ' {"cell_type": "code", "execution_count": 2, "outputs": [{}], "source": "y = 1"}],'
        ' "metadata": {}}'
    },
)
def in_order(repo: Repository) -> Iterator[Mark]:
    """Judge notebooks with outputs by whether their execution counts rise."""
    for path, notebook in repo.notebooks.items():
        if notebook.problem or not notebook.outputs or repo.role(path) != "notebook":
            continue
        if PUT_ASIDE.search(path):
            continue
        counts = [count for count in notebook.counts if count]  # a 0 is none: nothing counted
        falls = next((n for n, (a, b) in enumerate(itertools.pairwise(counts)) if b < a), None)
        if falls is not None and RESTARTS.search(notebook.module.source):
            yield Mark("unknown", path, 1, "", "it starts the kernel anew, and counts again")
        elif falls is None:
            yield Mark("held", path, 1, "", "")
        else:
            message = f"cell [{counts[falls]}] stands before cell [{counts[falls + 1]}]"
            yield Mark("fail", path, 1, "", message)
