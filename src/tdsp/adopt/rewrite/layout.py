"""Where everything lies today, and where it is going to lie."""

import keyword
import posixpath
from collections.abc import Iterable, Mapping
from functools import cached_property


def words(*lines: str) -> frozenset[str]:
    """Return the words of some lines."""
    return frozenset(" ".join(lines).split())


def relative(path: str, folder: str) -> str:
    """Return a path of the repository as it is written in a folder; the root itself is ""."""
    return posixpath.relpath(path or ".", folder or ".")


MODELS = words(
    ".pkl .pickle .joblib .sav .pt .pth .ckpt .onnx .h5 .hdf5 .keras .pb .tflite .safetensors",
    ".cbm .bst .model",
)
TABLES = words(".csv .tsv .parquet .feather .xlsx .xls .npy .npz .arrow .jsonl .db")
FIGURES = words(".png .jpg .jpeg .svg .pdf .gif")
OTHERS = words(".json .txt .yaml .yml .html .md .log .zip .gz .xml .ini .cfg .toml .npy .mat")
FILES = MODELS | TABLES | FIGURES | OTHERS


class Layout:
    """The files as they are and the files as they will be. Paths are relative to the root."""

    def __init__(self, files: Iterable[str], moves: Mapping[str, str], package: str) -> None:
        self.files = frozenset(files) | frozenset(moves)
        self.moves = moves
        self.package = package
        self._moved: dict[str, bool] = {}
        self._blocks: dict[str, str | None] = {}

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        """Each folder of today -> every file below it."""
        found: dict[str, list[str]] = {"": sorted(self.files)}
        for path in sorted(self.files):
            folder = posixpath.dirname(path)
            while folder:
                found.setdefault(folder, []).append(path)
                folder = posixpath.dirname(folder)
        return found

    @cached_property
    def named(self) -> dict[str, list[str]]:
        """Each name -> the files of today that have it, in any folder."""
        found: dict[str, list[str]] = {}
        for path in self.files:
            found.setdefault(posixpath.basename(path), []).append(path)
        return found

    @cached_property
    def new_folders(self) -> frozenset[str]:
        """The folders that hold a file after the move."""
        found = {""}
        for path in self.files:
            folder = posixpath.dirname(self.target(path))
            while folder and folder not in found:
                found.add(folder)
                folder = posixpath.dirname(folder)
        return frozenset(found)

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """The folders of the packages that are installed after the move."""
        come = (new.split("/") for old, new in self.moves.items() if new != old)
        beside = {p[1] for p in come if len(p) == 3 and p[0] == "src" and p[2] == "__init__.py"}
        return tuple(f"src/{each}/" for each in sorted({self.package, *beside}))

    def target(self, path: str) -> str:
        """Return where a file lies after the move."""
        return self.moves.get(path, path)

    def moved(self, path: str) -> bool:
        """Tell whether a file, or any file of a folder, moves."""
        if path in self.files:
            return self.target(path) != path
        if path not in self._moved:
            inside = self.folders.get(path, ())
            self._moved[path] = any(self.target(each) != each for each in inside)
        return self._moved[path]

    def block(self, folder: str) -> str | None:
        """Return where a folder lies after the move, if all that is in it keeps its place in it."""
        if folder not in self._blocks:
            self._blocks[folder] = self._block(folder)
        return self._blocks[folder]

    def _block(self, folder: str) -> str | None:
        if folder == "":
            return ""
        inside = self.folders.get(folder, [])
        rest = [(self.target(each), each[len(folder) :]) for each in inside]
        places = {new[: -len(tail)] if new.endswith(tail) else None for new, tail in rest}
        return places.pop() if len(places) == 1 else None

    def location(self, path: str) -> str | None:
        """Return where a path of today leads after the move; None if that cannot be told."""
        if path in self.files:
            return self.target(path)
        if path in self.folders:
            return self.block(path)
        return self._absent(path)

    def _absent(self, path: str) -> str:
        """Return the place of a file that is not tracked: that of its folder, if it moves whole.

        Otherwise it is the same place as today. Two files of one name never come together.
        """
        folder = posixpath.dirname(path)
        while folder and folder not in self.folders:
            folder = posixpath.dirname(folder)
        place = self.block(folder)
        if not folder or place is None or place.startswith(("src/", "archive/")):
            return path
        return f"{place}{path[len(folder) :]}"

    def module(self, path: str) -> str:
        """Return the dotted name of a file of today after the move, "" if it has none."""
        return self.name_of(self.target(path))

    def name_of(self, target: str) -> str:
        """Return the dotted name under which a new path is imported, "" if it cannot be."""
        if not target.startswith(self.packages) or not target.endswith(".py"):
            return ""
        parts = target[len("src/") : -len(".py")].split("/")
        if parts[-1] == "__init__":
            parts.pop()
        sound = all(each.isidentifier() and not keyword.iskeyword(each) for each in parts)
        return ".".join(parts) if sound else ""

    def package_of(self, folder: str) -> str:
        """Return the dotted name that a folder of modules has after the move, "" if none."""
        init = f"{folder}/__init__.py" if folder else "__init__.py"
        if init in self.files:
            return self.module(init)
        modules = [each for each in self.folders.get(folder, ()) if each.endswith(".py")]
        here = [each for each in modules if posixpath.dirname(each) == folder] or modules
        cut = len(folder) + 1 if folder else 0
        places = set()
        for each in here:
            target, tail = self.target(each), each[cut:]
            places.add(target[: -len(tail) - 1] if target.endswith(f"/{tail}") else "")
        place = places.pop() if len(places) == 1 else ""
        return self.name_of(f"{place}/__init__.py") if place else ""
