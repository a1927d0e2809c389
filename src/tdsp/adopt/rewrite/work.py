"""Goes through the files of a repository, each in the way of its kind."""

from collections.abc import Callable, Iterator, Mapping

from tdsp.adopt.plan import Edit, Note
from tdsp.adopt.rewrite import source
from tdsp.adopt.rewrite.imports import Imports
from tdsp.adopt.rewrite.layout import Layout
from tdsp.adopt.rewrite.resolve import Resolver
from tdsp.errors import TdspError
from tdsp.reading import Repository
from tdsp.reading.files import shown


class Rewriter:
    """One move of a repository, and what has to be changed for it."""

    def __init__(
        self,
        repo: Repository,
        contents: Callable[[str], bytes],
        moves: Mapping[str, str],
        package: str,
        runs: Mapping[str, str],
    ) -> None:
        self.repo, self.contents = repo, contents
        self.real = {shown(path): path for path in moves}
        told = {shown(old): shown(new) for old, new in moves.items() if old != new}
        self.layout = Layout(repo.files, told, package)
        self.resolver = Resolver(repo, self.layout, {shown(p): f for p, f in runs.items()})

    def run(self) -> tuple[dict[str, tuple[Edit, ...]], tuple[Note, ...]]:
        """Return the edits of each file, and the notes."""
        edits: dict[str, tuple[Edit, ...]] = {}
        notes: list[Note] = []
        if not self.layout.moves:
            return edits, ()
        for path in sorted(self._wanted()):
            name = self.real.get(path, path)
            try:
                found, noted = self._file(path, self.contents(name))
            except TdspError as error:
                found, noted = (), [Note(path, 0, f"not edited: it {error}")]
            except (OSError, KeyError) as error:
                found, noted = (), [Note(path, 0, f"not edited: {type(error).__name__}")]
            if found:
                edits[name] = found
            notes += [
                Note(self.real.get(each.path, each.path), each.line, each.text) for each in noted
            ]
        return edits, tuple(dict.fromkeys(notes))

    def _wanted(self) -> Iterator[str]:
        """Yield the files that may be edited: nothing vendored, nothing that goes to the archive."""
        for path, file in self.repo.files.items():
            put_away = self.layout.target(path).startswith("archive/")
            if file.text is not None and not put_away and self.repo.role(path) != "vendored":
                yield path

    def _file(self, path: str, content: bytes) -> tuple[tuple[Edit, ...], list[Note]]:
        if path.endswith(".py"):
            parsed = source.parse(source.python(path, content))
            parsed.tree.visit(Imports(parsed, self.layout, self.resolver))
            return parsed.edits(), parsed.notes
        return (), []
