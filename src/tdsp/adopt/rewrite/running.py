"""Which folder a file is run from today: told, or shown by the paths that it names."""

import posixpath
import re
from functools import cached_property

from tdsp.adopt.rewrite.layout import Layout
from tdsp.adopt.rewrite.paths import Runs
from tdsp.adopt.rewrite.pieces import Place
from tdsp.adopt.rewrite.resolve import Resolver
from tdsp.adopt.rewrite.texts import ENTERS, is_document, is_text

STARTED = re.compile(r"\bpython3?\s+(?:-u\s+)?(?:([\w./-]+/[\w.-]+\.py)\b|-m\s+(\w+(?:\.\w+)+))")
CHANGES = re.compile(r"\bos\.chdir\(|\"%cd |^%cd ", re.MULTILINE)
HINTS = ("chdir", "%cd")  # what it needs is looked for first: that is far faster


class Running:
    """Answers from which folders a file may be run, the working folder of its paths."""

    def __init__(self, layout: Layout, resolver: Resolver) -> None:
        self.layout, self.resolver = layout, resolver
        self._known: dict[str, Runs] = {}
        self._shared: dict[frozenset[str], Runs] = {}
        self._folders_of: dict[str, tuple[str, ...]] = {}

    def of(self, path: str) -> Runs:
        """Return the folders that a file may be run from today, and the one after the move."""
        if path not in self._known:
            self._known[path] = self._find(path)
        return self._known[path]

    def _find(self, path: str) -> Runs:
        text = self.resolver.repo.text(path)
        if any(each in text for each in HINTS) and CHANGES.search(text):
            return Runs(())
        starts = self.resolver.starters.get(path) or frozenset((path,))
        if starts not in self._shared:
            self._shared[starts] = self._places(starts)
        return self._shared[starts]

    def _places(self, starts: frozenset[str]) -> Runs:
        places: list[Place] = []
        for start in sorted(starts):
            for old in self._started_from(start):
                places.append(Place(old, self._started_later(start, old)))
        return Runs(tuple(dict.fromkeys(places)))

    def _started_later(self, path: str, old: str) -> str:
        """Return the folder a file is run from after the move: one that stays, as it was."""
        if path.endswith(".ipynb"):
            return posixpath.dirname(self.layout.target(path))
        return "" if self.layout.moved(path) else old

    def _started_from(self, path: str) -> tuple[str, ...]:
        if path not in self._folders_of:
            self._folders_of[path] = self._folders(path)
        return self._folders_of[path]

    def _folders(self, path: str) -> tuple[str, ...]:
        own = posixpath.dirname(path)
        if path in self.resolver.runs:
            return (self.resolver.runs[path],)
        if path.endswith(".ipynb"):
            return (own,)
        if self.resolver.is_test(path) or not own:
            return ("",)
        if path in self.commanded:
            return ("",)
        shown = self._shown(path, own)
        if shown:
            return shown
        return ("",) if self.at_root else ("", own)

    def _shown(self, path: str, own: str) -> tuple[str, ...]:
        """Return the one folder from which the texts of a file lead to files that are there."""
        hits: set[str] = set()
        module = self.resolver.code.get(path)
        for text in module.texts if module else ():
            found = [base for base in ("", own) if self._leads(base, text.value)]
            if len(found) == 1:
                hits.add(found[0])
        return tuple(hits) if len(hits) == 1 else (("", own) if hits else ())

    def _leads(self, base: str, text: str) -> bool:
        if "/" not in text:
            return posixpath.join(base, text) in self.layout.files
        path = posixpath.normpath(posixpath.join(base, text))
        if path in self.layout.files:
            return True
        near = {path, posixpath.dirname(path)}
        return not near.isdisjoint(self.layout.folders) and "" not in near

    @cached_property
    def commanded(self) -> frozenset[str]:
        """The scripts that a page or a file of commands starts from the root."""
        found: set[str] = set()
        for path, file in self.resolver.repo.files.items():
            told = is_document(path) or is_text(path)
            if told and file.text and not ENTERS.search(file.text):
                for match in STARTED.finditer(file.text):
                    name = match[1] or f"{match[2].replace('.', '/')}.py"
                    found.add(posixpath.normpath(name))
        return frozenset(found & self.layout.files)

    @cached_property
    def at_root(self) -> bool:
        """Tell whether the scripts of the repository lie at its root."""
        return any(
            "/" not in path and path.endswith(".py") and self.resolver.is_started(path)
            and not self.resolver.is_test(path) and path not in {"setup.py", "conftest.py"}
            for path in self.resolver.code
        )  # fmt: skip
