"""What runs code by its path, so that a move may break it though all imports are edited.

An image, a host, a pipeline or CI has a path: an image has to install the package, a host has
settings of its own, and a schedule may start an older commit. Code that reckons the repository's
root from its own place is edited where the reckoning is plain, and else only named.
"""

import posixpath
import re
from collections.abc import Iterator

from tdsp.adopt.facts import Facts
from tdsp.reading.repository import Repository

# What runs code by its path, and is no settings file.
RUNNERS = re.compile(
    r"(?i)^(.+/)?((?![\w.-]*\.(md|rst|txt|py)$)[\w.-]*(docker|container)file[\w.-]*|"
    r"Jenkins?file[\w.-]*|Procfile|MLproject|[\w.-]+\.service|"
    r"(start(up)?|run|(docker-)?entrypoint|bootstrap|deploy|serve)\.sh)$"
)
SETTINGS = (".yaml", ".yml", ".toml", ".json", ".ini", ".cfg", ".conf", ".config")
# Settings that only a developer's own tools read, and lists of what is installed.
TOOLS = re.compile(
    r"(?i)(^|/)(\.pre-commit-config\.yaml|mkdocs\.ya?ml|_config\.yml|(ruff|\.?mypy|pytest|tox)\.\w+|"
    r"codecov\.ya?ml|package\.json|[\w.-]*lock[\w.-]*)$|^\.(?!github/|circleci/|azure|gitlab|ebextensions/|platform/)"
)
LINTS = re.compile(r"\b(ruff|flake8|black|isort|mypy|pylint|bandit|radon|pyright)\b|--cov\b")
PATH = re.compile(r"(?<![\w.*{-])[\w./${}-]*\w\.py\b")
MODULE = re.compile(r"(?:-m\s+|_target_\W+)([\w.]+)|([\w.]+):[A-Za-z_]")
FINDS_ROOT = re.compile(
    r"(?m)^(?=.*__file__).*(\.parents?\b|dirname\(|\.\.)|^(?=.*sys\.path\.).*\.\."
)
BUILT = ("setup.py", "setup.cfg", "pyproject.toml")
MOST = 200_000  # characters of settings, more than anybody has written


class Outside:
    """The lines by which something else than code runs or copies code."""

    def __init__(self, repo: Repository, facts: Facts) -> None:
        self.repo, self.facts = repo, facts
        self.lines = tuple(self._lines())
        code = {p for p, fact in facts.files.items() if fact.content == "python" and "/" not in p}
        named = {name for path, line in self.lines for name in self._started(path, line)}
        found = {path for path in code if FINDS_ROOT.search(repo.text(path))}
        self.run = self._with_imports(code & (named | found))

    def _lines(self) -> Iterator[tuple[str, str]]:
        for path in self.facts.files:
            if RUNNERS.match(path) or (path.endswith(SETTINGS) and not TOOLS.search(path)):
                text = self.repo.text(path)
                for line in text.splitlines() if len(text) <= MOST else ():
                    if not line.lstrip().startswith("#") and not LINTS.search(line):
                        yield path, line

    def _with_imports(self, code: set[str]) -> set[str]:
        """Return code and all that it imports: what holds the one has to hold the other."""
        found, new = set(code), set(code)
        while new:
            new = {each for path in new for each in self.facts.files[path].imports} - found
            found |= new
        return found

    def _started(self, path: str, line: str) -> Iterator[str]:
        """Yield what may be a file at the root that a line starts: by its path or as a module."""
        base = posixpath.dirname(path)
        for word in () if path in BUILT else PATH.findall(line):
            places = {posixpath.normpath(posixpath.join(start, word)) for start in (base, "")}
            # A path that is none of the repository's may be one in an image: /app/main.py.
            yield from places & self.facts.files.keys() or {posixpath.basename(word)}
        for run, started in MODULE.findall(line):
            yield f"{(run or started).split('.')[0]}.py"

    def who_names(self, top: str) -> str:
        """Return the file that names a folder of the root, or a module in it; "" if none does."""
        named = re.compile(rf"(?<![\w.-]){re.escape(top)}(?=[/.\s\"',]|:\w|$)")
        return next((path for path, line in self.lines if named.search(line)), "")
