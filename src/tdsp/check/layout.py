"""Layout: whether code can be installed, is there once, and is run as code."""

import hashlib
import re
from collections.abc import Iterator

from tdsp.check.data import trains
from tdsp.check.purpose import lesson
from tdsp.check.rule import Mark, at, broken, check, first, held, once, unsure
from tdsp.check.shell import commands
from tdsp.reading import Repository
from tdsp.reading.python import Module

FIT = "from sklearn.svm import SVC\n\nSVC().fit([[1]], [1])\n"
SIBLINGS = {
    "load.py": "def load():\n    return [[1]]\n",
    "clean.py": "def clean(x):\n    return x\n",
    "train.py": "from clean import clean\nfrom load import load\n\nprint(clean(load()))\n",
}
PROJECT = '[project]\nname = "a"\nversion = "1"\n'


@check(
    "LA01",
    family="code",
    title="The code can be installed",
    why="Scripts that import their neighbours work in one folder. A test, a notebook or a service"
    " elsewhere copies them, or bends sys.path.",
    fix="Add a pyproject.toml with [project], and move the modules into a package.",
    unless="no script imports two of its neighbours, or this is a lesson",
    severity="info",
    proves=("P1", "A1"),
    bad=SIBLINGS,
    good={**SIBLINGS, "pyproject.toml": PROJECT},
)
def installable(repo: Repository) -> Iterator[Mark]:
    """Judge scripts that import two neighbours or more by whether anything is installable."""
    worst: tuple[int, Module, int] | None = None
    for module in repo.modules("production"):
        folder = module.path.rpartition("/")[0]
        joint = f"{folder}/" if folder else ""
        apart = re.search(r"lambda|(^|/)dags(/|$)", folder) or lesson(repo, module.path)
        if f"{joint}__init__.py" in repo.files or apart or _inside_package(repo, folder):
            continue
        near = [
            each
            for each in module.imports
            if not each.level
            and f"{joint}{each.module}.py" in repo.python
            and not each.module.endswith(("_pb2", "_pb2_grpc"))
        ]
        names = {each.module for each in near}
        if len(names) >= 2 and (worst is None or len(names) > worst[0]):
            worst = len(names), module, near[0].line
    if worst is None:
        return
    for path in ("pyproject.toml", "setup.py", "setup.cfg"):
        text = repo.text(path)
        if re.search(r"(?m)^\[(project|tool\.poetry|metadata|build-system)\]|setup\(", text):
            yield at(repo, "held", path, 1, "a package can be built")
            return
    message = f"it imports {worst[0]} files beside it, and nothing here can be installed"
    yield broken(repo, worst[1], worst[2], message)


def _inside_package(repo: Repository, folder: str) -> bool:
    """Tell whether a folder above the code, below the root, can be installed."""
    parts = folder.split("/") if folder else []
    for number in range(1, len(parts) + 1):
        text = "".join(
            repo.text("/".join([*parts[:number], name])) for name in ("pyproject.toml", "setup.py")
        )
        if re.search(r"(?m)^\[(project|tool\.poetry)\]|setup\(", text):
            return True
    return False


RUNS = re.compile(
    r"(jupyter[ -]nbconvert\s.*--execute|jupyter execute|\brunipy\b|\bipython3? )[^|;&]*\.ipynb|"
    r"\bpapermill\s+\S+\.ipynb"
)
CI = ".github/workflows/train.yml"
NIGHTLY = (
    "on: {schedule: [{cron: '0 4 * * *'}]}\njobs:\n  t:\n    runs-on: ubuntu-24.04\n    steps:\n"
)


@check(
    "LA06",
    family="code",
    title="A notebook is no step of production",
    why="Cells have no tests, no parameters and no exit code that tells which one failed.",
    fix="Move the cells into a module, or run the notebook by papermill with its parameters.",
    unless="nothing runs a notebook on a schedule, in a container, in a pipeline or by import",
    severity="note",
    proves=("I3", "A2"),
    bad={CI: NIGHTLY + "      - run: jupyter nbconvert --to notebook --execute train.ipynb\n"},
    good={CI: NIGHTLY + "      - run: papermill train.ipynb out.ipynb -p day 2026-01-01\n"},
)
def notebooks_run(repo: Repository) -> Iterator[Mark]:
    """Judge what runs notebooks by schedule, container or pipeline, and what imports them."""
    yield from first(_notebooks_run(repo))


def _notebooks_run(repo: Repository) -> Iterator[Mark]:
    for workflow in repo.workflows:
        if workflow.triggers & {"schedule", "schedules"}:
            for command in commands(workflow):
                if RUNS.search(command.text):
                    yield _ran(repo, workflow.path, command.line, command.text)
    for path, instructions in repo.docker.items():
        for each in instructions:
            if each.word in {"CMD", "ENTRYPOINT"} and RUNS.search(
                re.sub(r'[",\[\]]+', " ", each.rest)
            ):
                yield _ran(repo, path, each.line, each.rest)
    stages = repo.dvc.data.get("stages") if repo.dvc else None
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        run = str(stage.get("cmd", "")) if isinstance(stage, dict) else ""
        if repo.dvc and RUNS.search(run):
            yield _ran(repo, "dvc.yaml", repo.dvc.line("stages", name, "cmd"), run)
    for module in repo.modules("production"):
        for line in (e.line for e in module.imports if e.module in {"import_ipynb", "importnb"}):
            yield broken(repo, module, line, "a notebook is imported")


def _ran(repo: Repository, path: str, line: int, command: str) -> Mark:
    if "papermill" in command and re.search(r"\s-(p|y|f|-parameters\S*)\s", command):
        return at(repo, "held", path, line, "the notebook is given its parameters")
    return at(repo, "fail", path, line, "a notebook runs as a step, with no parameters")


LONG = "def scale(x):\n    return x\n" + "\n".join(f"A{n} = {n}" for n in range(20)) + "\n"


@check(
    "LA08",
    family="code",
    title="A module is there once",
    why="One copy is corrected, and the other goes on in service.",
    fix="Keep one, and import it from both places.",
    unless="fewer than two modules are imported by others",
    severity="info",
    proves=("I2",),
    bad={
        "a/prep.py": LONG, "b/prep.py": LONG,
        "train.py": "from a.prep import scale\n", "serve.py": "from b.prep import scale\n",
    },
    good={
        "a/prep.py": LONG, "b/other.py": "def other(x):\n    return x\n",
        "train.py": "from a.prep import scale\n", "serve.py": "from b.other import other\n",
    },
)  # fmt: skip
def there_once(repo: Repository) -> Iterator[Mark]:
    """Compare the texts of imported modules; those that differ show that it was looked at."""
    imported = imported_files(repo)
    seen: dict[bytes, str] = {}  # by a hash: the texts without their ends would be kept twice
    twice = False
    for path in sorted(each for each in imported if not _copied(repo, imported[each])):
        text = repo.text(path).strip()
        if text.count("\n") < 15 or path.endswith("__init__.py"):
            continue
        content = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        if content in seen and not _tries(path, seen[content]):
            twice = True
            message = f"the same as {seen[content]}, and both are imported"
            yield broken(repo, imported[path], 1, message)
        seen.setdefault(content, path)
    if len(imported) > 1 and not twice:
        yield held(repo, imported[min(imported)], 1, "imported modules differ")


def _tries(one: str, other: str) -> bool:
    """Tell whether two files are of numbered experiments, each of which is a copy to keep."""
    plain = re.compile(r"(?i)(?<![a-z])(exp|experiment|trial|run|fold|sub|submission)[-_]?\d+")
    return plain.sub(r"\1", one) == plain.sub(r"\1", other)


def _copied(repo: Repository, module: Module) -> bool:
    """Tell whether a file is generated beside each that needs it, or is a state of a lesson."""
    return module.generated or module.path.endswith("_pb2.py") or lesson(repo, module.path)


@once
def imported_files(repo: Repository) -> dict[str, Module]:
    """Return the files of production code that other production code imports."""
    known = {module.path: module for module in repo.modules("production")}
    found: dict[str, Module] = {}
    for module in known.values():
        for each in module.imports:
            for path in targets(module.path, each.module, each.name, each.level):
                if path in known and path != module.path:
                    found[path] = known[path]
    return found


VERSIONED = re.compile(
    r"(?i)^(?P<of>\w*[a-z]\w*?)"
    r"([_-]v\d+|[_-]?(final|old|backup|bak|copy|orig(inal)?)\d*| ?\(\d+\)|( - | )copy)$"
)


@check(
    "LA09",
    family="code",
    title="Old versions of a file are in git's history only",
    why="Who finds model.py and model_v2.py cannot tell which one runs, and corrects the other.",
    fix="Delete the one that nothing uses: git keeps it.",
    unless="no file of code imports another one",
    severity="note",
    bad={
        "model.py": "def fit(x):\n    return x\n",
        "model_v2.py": "def fit(x):\n    return x * 2\n",
        "train.py": "from model import fit\n\nprint(fit(1))\n",
    },
    good={
        "model.py": "def fit(x):\n    return x\n",
        "train.py": "from model import fit\n\nprint(fit(1))\n",
    },
)
def dead_versions(repo: Repository) -> Iterator[Mark]:
    """Judge files that are named a version of an imported one by whether anything names them."""
    imported = imported_files(repo)
    dead = False
    for module in repo.modules("production"):
        folder, _, name = module.path.removesuffix(".py").rpartition("/")
        match = VERSIONED.match(name)
        original = f"{folder}/{match['of']}.py".lstrip("/") if match else ""
        if not match or original not in imported or module.path in imported:
            continue
        dead = True
        if place := _naming(repo, name, {module.path, original}):
            message = f"it stands beside {original}, and {place} names it"
            yield unsure(repo, module, 1, message)
        else:
            yield broken(repo, module, 1, f"nothing uses it, and {original} beside it is imported")
    if imported and not dead:
        yield held(repo, imported[min(imported)], 1, "it has no old versions beside it")


def _naming(repo: Repository, name: str, besides: set[str]) -> str:
    """Return a text that names a module, "" if none does."""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    for path, file in repo.files.items():
        if path not in besides and file.text and name in file.text and word.search(file.text):
            return path
    return ""


def targets(path: str, module: str, name: str, level: int) -> list[str]:
    """Return the files that an import may mean: from the root, src, or its own folder."""
    folder = path.rpartition("/")[0]
    parts = [module.replace(".", "/"), name.lstrip(".").replace(".", "/")]
    if level:
        for _ in range(level - 1):
            folder = folder.rpartition("/")[0]
        roots = [folder]
    else:
        roots = ["", "src", folder]
    joined = [f"{root}/{part}" if root else part for root in roots for part in parts if part]
    return [f"{each}.py" for each in joined] + [f"{each}/__init__.py" for each in joined]


NAMING = re.compile(
    r"(?i)(^|/)(readme[^/]*|contributing[^/]*|makefile|justfile|taskfile\.ya?ml|dvc\.ya?ml|mlproject|"
    r"pyproject\.toml|setup\.(py|cfg)|tox\.ini|noxfile\.py|procfile|dockerfile[^/]*|docker-compose\.ya?ml|"
    r"[^/]+\.sh|[^/]+\.(md|rst))$"
)


@check(
    "LA10",
    family="code",
    title="It is written down how to train",
    why="Who comes next reads all files to find the one that is run.",
    fix="Name the command in the README, a Makefile or dvc.yaml.",
    unless="no script trains",
    severity="info",
    proves=("I5", "A2"),
    bad={"src/train.py": FIT, "README.md": "# Churn\n"},
    good={"src/train.py": FIT, "README.md": "# Churn\n\n    python src/train.py\n"},
)
def entry_point(repo: Repository) -> Iterator[Mark]:
    """Look for the script's name, or a command that trains, where commands are written down."""
    module = trains(repo)
    name = module.path.rsplit("/", 1)[-1] if module else ""
    if module is None or not re.match(r"(train|fit|main|__main__|run|pipeline)\w*\.py$", name):
        return
    if any(
        each.name.rsplit(".", 1)[-1] == name[:-3] or each.module.endswith(name[:-3])
        for other in repo.modules("production")
        if other.path != module.path
        for each in other.imports
    ):
        return  # another file is the entry
    dotted = module.path.removesuffix(".py").removeprefix("src/").replace("/", ".")
    wanted = re.compile(
        rf"(?<![\w-])({re.escape(name)}|{re.escape(dotted)}|(make|poe|just|task|invoke|dvc|kedro|mlflow)"
        r" (train|repro|run|exp|pipeline)\w*|python3? \S*(train|main|pipeline)\w*\.py|"
        r"-m \S*(train|pipeline)\w*|az ml job create)(?![\w-])"
    )
    for path, file in repo.files.items():
        named = NAMING.search(path) or path.startswith((".github/workflows/", ".gitlab"))
        if not named or not file.text or path == module.path:
            continue
        if match := wanted.search(file.text):
            yield at(repo, "held", path, file.text.count("\n", 0, match.start()) + 1)
            return
    yield broken(repo, module, 1, f"{name} trains, and no document or command names it")
