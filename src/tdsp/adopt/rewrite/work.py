"""Goes through the files of a repository, each in the way of its kind."""

import contextlib
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, cached_property

from tdsp.adopt.plan import Edit, Note
from tdsp.adopt.rewrite import hacks, notebooks, pickles, slices, source, texts
from tdsp.adopt.rewrite.commented import commented
from tdsp.adopt.rewrite.imports import Imports
from tdsp.adopt.rewrite.layout import Layout
from tdsp.adopt.rewrite.names import Names
from tdsp.adopt.rewrite.parallel import each_file
from tdsp.adopt.rewrite.paths import AUTHORS, Paths
from tdsp.adopt.rewrite.resolve import Doubt, Resolver
from tdsp.adopt.rewrite.running import Running
from tdsp.adopt.rewrite.source import Parsed, Source
from tdsp.adopt.rewrite.usage import Function, Usage, used_elsewhere
from tdsp.errors import TdspError
from tdsp.reading import Repository
from tdsp.reading.files import shown

WORD = re.compile(r"\w+")
ALWAYS = frozenset(("__file__", "chdir", "rmtree", "glob"))


class Rewriter:
    """One move of a repository, and what has to be changed for it."""

    def __init__(
        self,
        repo: Repository,
        contents: Callable[[str], bytes],
        moves: Mapping[str, str],
        package: str,
        runs: Mapping[str, str],
        fixes: frozenset[str] = frozenset(),
    ) -> None:
        self.repo, self.contents, self.fixes = repo, contents, fixes
        self.real = {shown(path): path for path in moves}
        told = {shown(old): shown(new) for old, new in moves.items() if new not in ("", old)}
        self.layout = Layout(repo.files, told, package)
        self.resolver = Resolver(repo, self.layout, {shown(p): f for p, f in runs.items()})
        self._functions: dict[tuple[str, str], Function | None] = {}
        self.running = Running(self.layout, self.resolver)

    def run(self) -> tuple[dict[str, tuple[Edit, ...]], tuple[Note, ...]]:
        """Return the edits of each file, and the notes."""
        edits: dict[str, tuple[Edit, ...]] = {}
        notes: list[Note] = []
        if not self.layout.moves and not self.fixes:
            return edits, ()
        for path, found, noted in each_file(self, sorted(self._wanted())):
            name = self.real.get(path, path)
            if found:
                edits[name] = found
            notes += [replace(each, path=self.real.get(each.path, each.path)) for each in noted]
        return edits, _once([*notes, *self._pickles()])

    def file(self, path: str) -> tuple[tuple[Edit, ...], list[Note]]:
        """Return the edits of one file, and the notes; a file that cannot be read costs itself."""
        if not self._concerned(path):
            return (), []
        try:
            return self._file(path, self.content(path))
        except TdspError as error:
            return (), [Note(path, 0, f"not edited: it {error}")]
        except (OSError, KeyError, UnicodeDecodeError) as error:
            return (), [Note(path, 0, f"not edited: {type(error).__name__}")]
        except RecursionError:
            return (), [Note(path, 0, "not edited: it is nested too deeply")]

    def content(self, path: str) -> bytes:
        """Return the bytes of a file by the path that messages have."""
        return self.contents(self.real.get(path, path))

    def read_ahead(self, paths: list[str]) -> None:
        """Read what the edits of these files may need, so that other processes can use it."""
        names = {self.real.get(each, each) for each in [*paths, *self.resolver.code]}
        held = {}
        for name in sorted(names):
            with contextlib.suppress(OSError, KeyError, TdspError):
                held[name] = self.contents(name)
        self.contents = held.__getitem__
        # What all processes ask is worked out once.
        _ = self._words, self._moving, self.resolver.starters, self.resolver.importers

    def _pickles(self) -> Iterator[Note]:
        """Yield what pickles name. A file that is only a pointer, or far too long, is left out."""
        for path, file in self.repo.files.items():
            sound = pickles.MOST >= file.size > 0 and not file.head.startswith(b"version https://")
            if path.endswith(pickles.SUFFIXES) and sound:
                name = self.real.get(path, path)
                try:
                    content = self.contents(name)
                except (OSError, KeyError):
                    continue
                for text in pickles.named(content, self.layout, self.resolver):
                    yield Note(name, 0, text)

    def _wanted(self) -> Iterator[str]:
        """Yield the files that may be edited: nothing vendored, nothing put into the archive."""
        for path, file in self.repo.files.items():
            put_away = self.layout.target(path).startswith("archive/")
            vendored = self.repo.role(path) == "vendored"
            if file.text is not None and not put_away and not vendored:
                yield path

    @cached_property
    def _words(self) -> frozenset[str]:
        """The words of the paths that move, and of all modules: a text without them is left."""
        paths = [*self.layout.moves, *self.resolver.code]
        return frozenset(word for path in paths for word in WORD.findall(path)) | ALWAYS

    @cached_property
    def _moving(self) -> frozenset[str]:
        """The words of the names of the files that move, without their suffixes."""
        names = (posixpath.splitext(posixpath.basename(path))[0] for path in self.layout.moves)
        return frozenset(word for name in names for word in WORD.findall(name))

    def _concerned(self, path: str) -> bool:
        if any(each[0] in self._words for each in WORD.finditer(self.repo.text(path))):
            return True
        if "absolute" in self.fixes and AUTHORS.search(self.repo.text(path)):
            return True
        code = path in self.resolver.code
        return code and any(each.old != each.new for each in self.running.of(path).places)

    def _file(self, path: str, content: bytes) -> tuple[tuple[Edit, ...], list[Note]]:
        if path in self.repo.python:
            if problem := self.repo.python[path].problem:
                raise TdspError(f"does not parse as Python 3: {problem}")
            parsed = source.parse(source.python(path, content), self._part(path))
            self._code(parsed)
            return parsed.edits(), parsed.notes
        if path.endswith(".ipynb"):
            return self._notebook(path, content)
        if texts.is_text(path) or texts.is_document(path):
            return self._text(path, content)
        if texts.is_setting(path) and len(content) <= texts.MOST:
            page = texts.Words(source.encoded(path, content, content.decode(), "utf-8"), "", "")
            return (), texts.settings(page, self.layout)
        return (), []

    def _code(self, parsed: Parsed) -> None:
        """Plan what has to be changed in code."""
        imports = Imports(parsed, self.layout, self.resolver)
        imports.run()
        if "hacks" in self.fixes:
            hacks.drop(parsed, self.layout, self.resolver)
        usage = Usage(
            Names(parsed.outline),
            parsed.outline.parents,
            used_elsewhere(self.resolver, parsed.path),
            self._imported(parsed.path),
        )
        runs = self.running.of(parsed.path)
        Paths(parsed, self.layout, runs, usage, fix="absolute" in self.fixes).run()
        parsed.notes += commented(parsed, imports.places, self.resolver)

    def _imported(self, path: str) -> Callable[[str], Function | None]:
        """Return what gives the functions of other files by the name that they have in this one."""
        module = self.resolver.code.get(path)
        known = {each.alias: each for each in module.imports if not each.level} if module else {}

        @cache
        def function(name: str) -> Function | None:
            head, _, last = name.rpartition(".")
            found = known.get(head or last)
            if found is None:
                return None
            taken = found.name.rpartition(".")[2]
            home, wanted = (found.name, last) if head else (found.module, taken)
            place = self.resolver.resolve(path, home, frozenset())
            if isinstance(place, Doubt) or not place.path:
                return None
            return self._function(place.path, wanted)

        return function

    def _part(self, path: str) -> Callable[[str], slices.Reduced] | None:
        """Return what leaves out of a file what no edit depends on.

        Where a file is run from another folder than before, each text may be a path.
        """
        moves = any(each.old != each.new for each in self.running.of(path).places)
        words = None if moves else self._words
        return lambda text: slices.reduced(text, words)

    def _function(self, path: str, name: str) -> Function | None:
        """Return a function of a file, if it takes paths."""
        if (path, name) not in self._functions:
            self._functions[path, name] = None
            try:
                content = source.python(path, self.contents(self.real.get(path, path)))
                parsed = source.parse(content, lambda text: slices.only(text, name))
            except (TdspError, OSError, KeyError):
                return None
            found = Usage(Names(parsed.outline), parsed.outline.parents).local
            self._functions[path, name] = found.get(name)
        return self._functions[path, name]

    def _notebook(self, path: str, content: bytes) -> tuple[tuple[Edit, ...], list[Note]]:
        notebook = notebooks.read(path, content)
        known = self.repo.notebooks.get(path)
        if known is not None and known.language != "python":
            return (), [Note(path, 0, "not edited: it is not in Python")]
        code, magics, broken = notebooks.code(notebook)
        parsed = source.parse(code)
        self._code(parsed)
        for number in broken:
            if self._moving.isdisjoint(WORD.findall(notebook.cells[number - 1].source)):
                continue
            parsed.notes.append(Note(path, 0, f"cell {number} does not parse and is not edited"))
        old, new = posixpath.dirname(path), posixpath.dirname(self.layout.target(path))
        for magic in magics:
            words = texts.Words(self._plain(path, magic.text), old, new)
            for each in texts.tokens(words, self.layout, []):
                line = parsed.source.line(min(magic.start, len(parsed.source.starts) - 1))
                text = f"`{magic.text.strip()[:80]}` names a file that goes to {each.new}"
                parsed.notes.append(Note(path, line, text))
        edits = [*parsed.edits()]
        for cell in notebook.cells:
            if cell.kind == "markdown" and cell.texts:
                page = notebook.part(tuple((str(text), text) for text in cell.texts))
                found = [
                    page.edit(each)
                    for each in texts.links(texts.Words(page, old, new), self.layout)
                ]
                edits += [each for each in found if each is not None]
        return tuple(sorted(edits, key=lambda each: each.start)), parsed.notes

    def _plain(self, path: str, text: str) -> Source:
        return source.encoded(path, text.encode("utf-8", "replace"), text, "utf-8")

    def _text(self, path: str, content: bytes) -> tuple[tuple[Edit, ...], list[Note]]:
        notes: list[Note] = []
        try:
            page = source.encoded(path, content, content.decode(), "utf-8")
        except UnicodeDecodeError:
            page = source.encoded(path, content, content.decode("latin-1"), "latin-1")
        if texts.is_text(path):
            words = texts.Words(page, self.resolver.runs.get(path, ""), "")
            found = texts.changes(words, self.layout, notes)
        else:
            here = posixpath.dirname(path), posixpath.dirname(self.layout.target(path))
            found = list(texts.links(texts.Words(page, *here), self.layout))
            found += texts.commands(texts.Words(page, "", ""), self.layout, notes)
        edits: dict[int, Edit] = {}
        for each in found:
            edit = page.edit(each)
            if edit is not None:
                edits.setdefault(edit.start, edit)
        return tuple(edits[start] for start in sorted(edits)), notes


def _once(notes: list[Note]) -> tuple[Note, ...]:
    """Return each note once; of those of one file that say the same, the first tells how many."""
    places: dict[tuple[str, str], list[Note]] = {}
    for each in dict.fromkeys(notes):
        places.setdefault((each.path, each.text), []).append(each)
    found = []
    for (_, text), same in places.items():
        several = len(same) > 1 and not text.startswith("writes to ")
        found.append(
            replace(same[0], text=f"{text} (in {len(same)} places)") if several else same[0]
        )
    return tuple(found)
