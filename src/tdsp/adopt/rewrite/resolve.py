"""Which file an import means: told by how a file is run, not by where it lies.

Python looks in the folder of the script that was started. So a file is looked up from the folders
of all scripts that lead to it. What stays in doubt is asked, never guessed.
"""

import posixpath
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tdsp.adopt.rewrite.layout import Layout, words
from tdsp.reading import Repository
from tdsp.reading.packages import normal
from tdsp.reading.python import Module

# Import name -> the name under which it is installed, where the two differ.
INSTALLED_AS = {
    "sklearn": "scikit-learn", "cv2": "opencv-python", "PIL": "pillow", "yaml": "pyyaml",
    "imblearn": "imbalanced-learn", "bs4": "beautifulsoup4", "dotenv": "python-dotenv",
    "skimage": "scikit-image", "dateutil": "python-dateutil", "attr": "attrs",
    "Crypto": "pycryptodome", "git": "gitpython", "jose": "python-jose", "jwt": "pyjwt",
    "fitz": "pymupdf", "serial": "pyserial", "MySQLdb": "mysqlclient", "docx": "python-docx",
    "Levenshtein": "python-levenshtein", "umap": "umap-learn", "google": "protobuf",
}  # fmt: skip
WELL_KNOWN = words(
    "numpy pandas scipy matplotlib seaborn plotly torch torchvision tensorflow keras xgboost",
    "lightgbm catboost statsmodels prophet nltk spacy gensim transformers datasets flask fastapi",
    "django streamlit gradio dash requests joblib mlflow optuna hydra shap lime dask polars",
    "pyarrow pyspark sqlalchemy pydantic pytest tqdm click rich networkx geopandas folium altair",
    "bokeh jax evaluate wandb kaggle boto3 redis celery jinja2 uvicorn gunicorn",
) | frozenset(INSTALLED_AS)
PACKAGES = words(
    "asyncio collections concurrent ctypes curses dbm distutils email encodings html http",
    "importlib json lib2to3 logging multiprocessing os pydoc_data re sqlite3 test tkinter unittest",
    "urllib wsgiref xml xmlrpc zoneinfo",
)
# Loaded before a script starts, so that no file can take their place.
LOADED = frozenset(sys.builtin_module_names) | words(
    "abc codecs io os site stat posixpath ntpath genericpath encodings types zipimport"
)
MAIN = re.compile(r"""(?m)^if\s*\(?\s*(__name__\s*==|['"]__main__['"]\s*==)""")
HACK = re.compile(r"sys\.path\.(?:append|insert)\(\s*(?:\d+\s*,\s*)?r?['\"]([^'\"]*)['\"]\s*\)")


@dataclass(frozen=True, slots=True)
class Found:
    """What a dotted name means: a file, or a folder of modules. `folder` is set for a package."""

    path: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why it cannot be told what a name means."""

    text: str


NOWHERE = Found()
NO_STARTS: frozenset[str] = frozenset()


class Resolver:
    """Answers which file of the repository a dotted name means."""

    def __init__(self, repo: Repository, layout: Layout, runs: Mapping[str, str]) -> None:
        self.repo = repo
        self.layout = layout
        self.runs = runs
        self._bases: dict[str, tuple[str, ...]] = {}
        self._shared: dict[frozenset[str], tuple[str, ...]] = {}
        self._hacks: dict[str, list[str]] = {}
        self.declared = frozenset(each.name for each in repo.requirements)
        self.code = {
            **{p: m for p, m in repo.python.items() if not m.problem},
            **{p: n.module for p, n in repo.notebooks.items() if not n.problem},
        }

    def find(self, base: str, name: str) -> Found:
        """Return what a dotted name is when looked up from one folder."""
        folder = base
        parts = name.split(".")
        for number, part in enumerate(parts):
            here = f"{folder}/{part}" if folder else part
            last = number == len(parts) - 1
            init = f"{here}/__init__.py" in self.layout.files
            if not init and f"{here}.py" in self.layout.files:
                return Found(f"{here}.py") if last else NOWHERE
            if here not in self.layout.folders:
                return NOWHERE
            folder = here
        inside = self.layout.folders[folder]
        if f"{folder}/__init__.py" in self.layout.files:
            return Found(f"{folder}/__init__.py", folder)
        holds = any(each.endswith(".py") for each in inside)
        return Found("", folder) if holds else NOWHERE

    @cached_property
    def _places(self) -> dict[str, set[str]]:
        """Each name of a file or folder -> the folders that it lies in: it is found in no other."""
        found: dict[str, set[str]] = {}
        for path in (*self.layout.files, *self.layout.folders):
            folder, name = posixpath.split(path)
            found.setdefault(name.removesuffix(".py"), set()).add(folder)
        return found

    def _hits(self, bases: Iterable[str], name: str) -> Iterator[Found]:
        """Yield what a dotted name is, looked up from each folder where it is something."""
        places = self._places.get(name.split(".", 1)[0], ())
        for base in bases:
            if base in places and (found := self.find(base, name)) != NOWHERE:
                yield found

    def is_test(self, path: str) -> bool:
        """Tell whether a file is run by the test runner."""
        return self.repo.role(path) == "test"

    def is_started(self, path: str) -> bool:
        """Tell whether a file is run by itself."""
        if path in self.runs or path.endswith(".ipynb") or path not in self._imported:
            return True
        return bool(MAIN.search(self.repo.text(path)))

    @cached_property
    def edges(self) -> dict[str, frozenset[str]]:
        """Each file -> the files that it may import, looked up from every likely folder."""
        found = {}
        for path, module in self.code.items():
            here = posixpath.dirname(path)
            above, targets = around(here), set()
            for base, name in _names(module, here):
                hits = self._hits(above if base is None else [base], name)
                hit = next((each.path for each in hits if each.path and each.path != path), "")
                if hit:
                    targets.add(hit)
            found[path] = frozenset(targets)
        return found

    @cached_property
    def importers(self) -> dict[str, list[str]]:
        """Each file -> the files that may import it."""
        found: dict[str, list[str]] = {}
        for path, targets in self.edges.items():
            for each in targets:
                found.setdefault(each, []).append(path)
        return found

    @cached_property
    def _imported(self) -> frozenset[str]:
        return frozenset(each for targets in self.edges.values() for each in targets)

    @cached_property
    def starters(self) -> dict[str, frozenset[str]]:
        """Each file -> the started files that lead to it, itself included."""
        starts = [path for path in self.code if self.is_started(path)]
        leads = dict.fromkeys(self.code, 0)  # file -> one bit for each script that leads to it
        leads |= {start: 1 << number for number, start in enumerate(starts)}
        waiting, queued = deque(starts), set(starts)
        while waiting:
            path = waiting.popleft()
            queued.remove(path)
            for each in self.edges.get(path, ()):
                if each in leads and leads[each] | leads[path] != leads[each]:
                    leads[each] |= leads[path]
                    if each not in queued:
                        queued.add(each)
                        waiting.append(each)
        # One set for all files that the same scripts lead to, so that it is one key.
        sets = {bits: frozenset(_chosen(starts, bits)) for bits in set(leads.values())}
        return {path: sets[bits] for path, bits in leads.items()}

    def bases(self, path: str) -> tuple[str, ...]:
        """Return the folders in which Python looks for what a file imports."""
        if path not in self._bases:
            self._bases[path] = self._find_bases(path)
        return self._bases[path]

    def _find_bases(self, path: str) -> tuple[str, ...]:
        starts = self.starters.get(path, NO_STARTS)
        if starts not in self._shared:
            each_of = (each for start in sorted(starts) for each in self._bases_of(start))
            self._shared[starts] = tuple(dict.fromkeys(each_of))
        own = self._bases_of(path) if path in starts else ()
        return tuple(dict.fromkeys([*own, *self._shared[starts], *self.hacks(path)]))

    def _bases_of(self, start: str) -> list[str]:
        """Return the folders in which Python looks when a script is started."""
        tests = [self._test_root(start), ""] if self.is_test(start) else []
        return [posixpath.dirname(start), *tests, *self.hacks(start)]

    def hacks(self, path: str) -> list[str]:
        """Return the folders that a file puts into sys.path with a constant text."""
        if path not in self._hacks:
            self._hacks[path] = self._find_hacks(path)
        return self._hacks[path]

    def _find_hacks(self, path: str) -> list[str]:
        found = []
        base = self.runs.get(path, posixpath.dirname(path))
        for match in HACK.finditer(self.repo.text(path)):
            folder = posixpath.normpath(posixpath.join(base, match[1]))
            if not folder.startswith(("..", "/")):
                found.append("" if folder == "." else folder)
        return found

    def _test_root(self, path: str) -> str:
        folder = posixpath.dirname(path)
        while folder and f"{folder}/__init__.py" in self.layout.files:
            folder = posixpath.dirname(folder)
        return folder

    def is_foreign(self, name: str) -> bool:
        """Tell whether the first part of a name is declared as a dependency."""
        return normal(INSTALLED_AS.get(name, name)) in self.declared

    def resolve(
        self, path: str, name: str, wanted: frozenset[str], *, by_text: bool = False
    ) -> Found | Doubt:
        """Return what a name means in a file; NOWHERE if it is nothing of the repository.

        `wanted` are the names that are taken from it. A name in a text may be that of the file
        itself, or of a folder from which something is taken later.
        """
        top = name.split(".", 1)[0]
        found = self._hits(self.bases(path), name) if top in self._places else ()
        hits = self._possible(path, name, found, wanted, by_text)
        if not hits:
            return self._elsewhere(path, name, top, wanted, by_text)
        own = posixpath.basename(path) == f"{top}.py" and not by_text
        if self.is_foreign(top) or own:
            return NOWHERE
        if top in sys.stdlib_module_names:
            return self._shadow(path, name, top, hits)
        if top in WELL_KNOWN and not all(self._beside(path, each) for each in hits):
            return Doubt(f"`{name}` may be the package or {_shown(hits[0])}")
        return self._one(name, hits, wanted)

    def _possible(
        self, path: str, name: str, found: Iterable[Found], wanted: frozenset[str], by_text: bool
    ) -> list[Found]:
        """Return those hits that a name can mean: an installed package goes before a folder."""
        hits = list(dict.fromkeys(found))
        if by_text:
            return hits
        return [
            each for each in hits
            if each.path != path
            and (each.path or "." in name or (wanted and self.defines(each, wanted)))
        ]  # fmt: skip

    def _elsewhere(
        self, path: str, name: str, top: str, wanted: frozenset[str], by_text: bool
    ) -> Found | Doubt:
        """Look where Python would not look by itself, for a path that is set somewhere else."""
        pythons = top in sys.stdlib_module_names and (top in PACKAGES or "." not in name)
        if pythons or top in WELL_KNOWN or self.is_foreign(top):
            return NOWHERE
        found = self._hits(around(posixpath.dirname(path)), name)
        hits = self._possible(path, name, found, wanted, by_text)
        return self._one(name, hits, wanted) if hits else NOWHERE

    def _shadow(self, path: str, name: str, top: str, hits: list[Found]) -> Found | Doubt:
        if top in LOADED or (not hits[0].path and "." not in name):
            return NOWHERE
        if "." in name and top not in PACKAGES and len(hits) == 1:
            return hits[0]
        here = {posixpath.dirname(each) for each in self.starters.get(path, ())}
        if len(hits) == 1 and here == {_root_of(hits[0], name)}:
            return hits[0]
        return Doubt(f"`{name}` may be Python's own module or {_shown(hits[0])}")

    def _beside(self, path: str, hit: Found) -> bool:
        return bool(hit.path) and posixpath.dirname(hit.path) == posixpath.dirname(path)

    def _one(self, name: str, hits: list[Found], wanted: frozenset[str]) -> Found | Doubt:
        files = [each for each in hits if each.path] or hits
        if len(files) > 1 and wanted:
            files = [each for each in files if self.defines(each, wanted)] or files
        if len(files) == 1:
            return files[0]
        return Doubt(f"`{name}` may be {' or '.join(map(_shown, files))}")

    def defines(self, found: Found, wanted: frozenset[str]) -> bool:
        """Tell whether names are plainly there: defined in the file, or modules of the folder."""
        text = self.repo.text(found.path) if found.path else ""
        return all(
            re.search(rf"(?m)\b{re.escape(each)}\b", text)
            or (found.folder and self.find(found.folder, each) != NOWHERE)
            for each in wanted
        )


def _chosen(names: list[str], bits: int) -> Iterator[str]:
    """Yield the names whose bits are set."""
    while bits:
        lowest = bits & -bits
        yield names[lowest.bit_length() - 1]
        bits ^= lowest


def around(folder: str) -> list[str]:
    """Return a folder and all above it, the nearest first, and at last `src`."""
    found = [folder]
    while folder:
        folder = posixpath.dirname(folder)
        found.append(folder)
    return [*found, *([] if "src" in found else ["src"])]


def _shown(found: Found) -> str:
    return found.path or f"{found.folder}/"


def _root_of(found: Found, name: str) -> str:
    path = found.folder or found.path
    for _ in name.split("."):
        path = posixpath.dirname(path)
    return path


def _names(module: Module, here: str) -> Iterator[tuple[str | None, str]]:
    """Yield what a file imports: the folder that it is looked up from, if told, and the name."""
    for each in module.imports:
        base = None
        if each.level:
            base = here
            for _ in range(each.level - 1):
                base = posixpath.dirname(base)
        if each.module:
            yield base, each.module
        taken = each.name.rsplit(".", 1)[-1]
        if taken != "*":
            yield base, f"{each.module}.{taken}" if each.module else taken
