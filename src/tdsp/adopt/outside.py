"""Code that a move may break though all imports and paths in the code are edited.

An image, a host, a pipeline or CI runs code by its path: an image has to install the package, a
host has settings of its own, and a schedule may start an older commit. `setup.py` finds packages
where they are. Code that reckons the repository's root from its own place is edited where the
reckoning is plain, and else only named.
"""

import posixpath
import re
from collections.abc import Iterator

from tdsp.adopt import names
from tdsp.adopt.facts import Facts
from tdsp.reading.repository import Repository

# What runs code by its path, and is no settings file.
RUNNERS = re.compile(
    r"(?i)^(.+/)?((?![\w.-]*\.(md|rst|txt|py)$)[\w.-]*(docker|container)file[\w.-]*|"
    r"Jenkins?file[\w.-]*|Procfile|MLproject|[\w.-]+\.service|"
    r"(start(up)?|run|(docker-)?entrypoint|bootstrap|deploy|serve)\.sh)$"
)
SETTINGS = (".yaml", ".yml", ".toml", ".json", ".ini", ".cfg", ".conf")
# Settings that only a developer's own tools read, and lists of what is installed.
TOOLS = re.compile(
    r"(?i)(^|/)(\.pre-commit-config\.yaml|mkdocs\.ya?ml|_config\.yml|(ruff|\.?mypy|pytest|tox)\.\w+|"
    r"codecov\.ya?ml|package\.json|[\w.-]*lock[\w.-]*)$|^\.(?!github/|circleci/|azure|gitlab)"
)
LINTS = re.compile(r"\b(ruff|flake8|black|isort|mypy|pylint|bandit|radon|pyright)\b|--cov\b")
# A folder that is copied into an image, or entered.
COPIES = re.compile(
    r"(?im)^\s*(?:COPY|ADD)\s+(?:--\S+\s+)*(.+)\s\S+$|"
    r"(?:\bcd\s|working-?directory:|--app-dir[ =]|context:|code:|source_dir(?:ectory)?:|"
    r"PYTHONPATH[=:])\s*[\"']?([\w./-]+)"
)
WORD = re.compile(r"(?<![\w.*{-])\.{0,2}/?(\w[\w./-]*\w)(:\w+)?")
UP = re.compile(r"\.parent\b|dirname\(|(?<!\.)\.\.(?!\.)")
ABOVE = re.compile(r"\.parents\[(\d)\]")
MOST = 200_000  # characters of settings, more than anybody has written


def run_from_outside(repo: Repository, facts: Facts) -> frozenset[str]:
    """Return the Python files that something else than code runs, installs or finds by a path."""
    code = frozenset(path for path, fact in facts.files.items() if fact.content == "python")
    found = {path for path in code if _finds_root(path, repo.text(path))}
    found |= _found_by_setup(repo, code)
    for path in facts.files.keys() - code:
        if RUNNERS.match(path) or (path.endswith(SETTINGS) and not TOOLS.search(path)):
            text = repo.text(path)
            found.update(_run(path, text, code) if len(text) <= MOST else ())
    return frozenset(found)


def _finds_root(path: str, text: str) -> bool:
    """Tell whether code reckons the root, or what is above its folder, from its own place."""
    depth = path.count("/") + 1
    for line in text.splitlines():
        if "sys.path." in line and ".." in line:
            return True
        if "__file__" in line:
            ups = sum(int(each) + 1 for each in ABOVE.findall(line)) + len(UP.findall(line))
            if ups >= depth:
                return True
    return False


def _found_by_setup(repo: Repository, code: frozenset[str]) -> set[str]:
    """Return the code of the packages that setup.py or setup.cfg finds from the root."""
    text = repo.text("setup.py") + repo.text("setup.cfg")
    if "packages" not in text or "where" in text or "package_dir" in text:
        return set()
    tops = {path.split("/")[0] for path in code if "/" in path}
    known = {top for top in tops if "namespace" in text or f"{top}/__init__.py" in code}
    known -= {top for top in known if names.folded(top) in names.TESTS}
    return {path for path in code if "/" in path and path.split("/")[0] in known}


def _run(path: str, text: str, code: frozenset[str]) -> Iterator[str]:
    """Yield the code that a text names by its path or as a module, and of folders it copies."""
    base = posixpath.dirname(path)
    built = posixpath.basename(path) in {"pyproject.toml", "setup.cfg"}  # only what they start
    for line in text.splitlines():
        if line.lstrip().startswith("#") or LINTS.search(line):
            continue
        for match in WORD.finditer(line):
            if match[2] or not built:
                yield from code.intersection(_files(base, match[1]))
    for match in () if built else COPIES.finditer(text):
        for word in re.findall(r"[\w./-]+", match[1] or match[2]):
            places = {posixpath.normpath(posixpath.join(start, word)) for start in (base, "")}
            tops = {place.split("/")[0] for place in places}
            yield from (each for each in code if "/" in each and each.split("/")[0] in tops)


def _files(base: str, word: str) -> Iterator[str]:
    """Return the files that a word may be: a path, a module, or what is in a module."""
    places = [word]
    if not word.endswith(".py"):
        module = word.replace(".", "/")
        places = [f"{module}.py", f"{module}/__main__.py"]
        if "/" not in word and "." in word:  # Hydra's `_target_: src.model.Net`
            holder = posixpath.dirname(module)
            places += [f"{holder}.py", f"{holder}/__init__.py"]
    for place in places:
        yield posixpath.normpath(posixpath.join(base, place))
        yield posixpath.normpath(place)
