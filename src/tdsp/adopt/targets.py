"""The target of each file: one place each, valid names, nothing of anybody overwritten."""

import posixpath
from collections.abc import Iterable, Mapping

from tdsp.adopt import names
from tdsp.adopt.judged import Judged
from tdsp.adopt.layout import Layout
from tdsp.adopt.tree import blind

DATA_WORDS = (
    names.DATA_FOLDERS
    | frozenset(names.STAGES)
    | frozenset(
        {"src", "model", "models", "notebook", "notebooks", "code", "artifacts", "resources"}
    )
)
PLACES = {
    "models": names.MODEL_FOLDERS
    | names.CODE_WRAPPERS
    | names.OUTPUTS
    | names.DATA_FOLDERS
    | frozenset(names.STAGES)
    | {"src", "notebooks", "model_artifacts", "models_save", "model_save"},
    "reports": names.RESULT_FOLDERS | names.NOTEBOOKS | {"src"},
    "reports/figures": names.RESULT_FOLDERS
    | names.FIGURES
    | names.NOTEBOOKS
    | names.IMAGES
    | {"src"},
    "docs": names.DOCUMENTS | {"src"},
    "notebooks": names.NOTEBOOKS | names.CODE_WRAPPERS | {"src"},
    "tests": names.TESTS,
}
TAKEN_BY_TEMPLATE = "_adopted"


class Targets:
    """Works out targets; `rendered` are the files that the template brings."""

    def __init__(self, found: Layout, package: str, rendered: Iterable[str]) -> None:
        self.layout, self.package = found, package
        self.rendered = frozenset(rendered)
        before = f"src/{package}/"
        self.taken = {
            names.stem(path[len(before) :].split("/")[0])[0]
            for path in self.rendered
            if path.startswith(before)
        } - {"__init__", "__main__"}

    def wanted(self, path: str, judged: Judged) -> str:
        """Return where a file would go if it were alone."""
        place = judged.place
        if place == "untrack":
            return ""
        if place == "stay":
            return path
        if place == "archive":
            return path if names.folded(path.split("/")[0]) == "archive" else f"archive/{path}"
        if place in {"code", "with code"}:
            return self.code(path)
        if place == "with app":
            return f"src/{self.package}/{path}"
        if place == "tests":
            return self._test(path)
        if place.startswith("data/"):
            return self._data(path, place)
        return self._below(path, place)

    def code(self, path: str) -> str:
        """Return the place of code: packages keep their inside, other folders go into ours."""
        parts = path.split("/")
        if parts[0] == "src" and len(parts) > 2 and parts[1] in self.layout.inner:
            return path
        if path.startswith(f"src/{self.package}/"):
            return path
        if parts[0] in self.layout.packages:
            return f"src/{path}"
        wrapper = names.CODE_WRAPPERS | {"src", self.package}  # none of them says more than we do
        if names.folded(parts[0]) in wrapper:
            parts = parts[1:] if len(parts) > 1 else parts
        inside = names.module_path("/".join(parts))
        first, joint, rest = inside.partition("/")
        base, suffix = names.stem(first) if not joint else (first, "")
        if base in self.taken:
            first = f"{base}{TAKEN_BY_TEMPLATE}{suffix}"
        return f"src/{self.package}/{first}{joint}{rest}"

    def _test(self, path: str) -> str:
        parts = path.split("/")
        if parts[0] in self.layout.packages or (
            parts[0] == "src" and len(parts) > 2 and parts[1] in self.layout.inner
        ):
            return self.code(path)
        if names.folded(parts[0]) in names.TESTS:
            return "/".join(["tests", *parts[1:]])
        kept = [part for part in parts if names.folded(part) not in names.TESTS | {"src"}]
        if posixpath.basename(path) == "__init__.py":
            return f"tests/{'/'.join(kept)}"
        return f"tests/{names.module_path('/'.join(kept))}"

    def _data(self, path: str, place: str) -> str:
        parts = path.split("/")
        if parts[0].lower() == "data" and len(parts) > 2 and names.folded(parts[1]) == place[5:]:
            return f"{place}/{'/'.join(parts[2:])}"
        return f"{place}/{self._rest(path, DATA_WORDS)}"

    def _below(self, path: str, place: str) -> str:
        parts = path.split("/")
        if parts[0].lower() == place.split("/")[0]:
            return f"{place.split('/')[0]}/{'/'.join(parts[1:])}"
        return f"{place}/{self._rest(path, PLACES.get(place, frozenset()))}"

    def _rest(self, path: str, words: frozenset[str]) -> str:
        """Return what a path says beside its place; the folder of code says nothing of data."""
        folder, name = posixpath.split(path)
        parts = names.parts_of(path)
        plain = names.GENERIC | self.layout.packages | self.layout.inner
        if folder in self.layout.code and not set(parts) & words and plain.issuperset(parts):
            return name
        return names.without(path, words | self.layout.packages | self.layout.inner)


def settle(wanted: Mapping[str, str], rendered: Iterable[str]) -> dict[str, str]:
    """Make targets unique, without regard to case, and free of what the template brings.

    A file that stays has its place before one that comes. What cannot be solved stays.
    """
    wanted = _spelled(wanted, rendered)
    found = {path: target for path, target in wanted.items() if target == path or not target}
    places = _Places(rendered, found.values())
    for path in sorted(set(wanted) - set(found), key=lambda p: (p.count("/"), p)):
        options = (places.spelled(each) for each in _options(path, wanted[path]))
        found[path] = next(each for each in options if each == path or places.free(each))
        places.take(found[path])
    return {path: found[path] for path in wanted}


def _spelled(wanted: Mapping[str, str], rendered: Iterable[str]) -> dict[str, str]:
    """Give standard folders one spelling where files come to `data/` while `Data/` stays."""
    comes = {t.split("/")[0] for p, t in wanted.items() if t != p and "/" in t}
    comes |= {path.split("/")[0] for path in rendered}
    found = {}
    for path, target in wanted.items():
        top, joint, rest = target.partition("/")
        low = top.lower()
        clash = joint and low in names.STANDARD and top != low and low in comes
        found[path] = f"{low}/{rest}" if clash else target
    return found


class _Places:
    """What is taken: by files that stay, by files that have come, by the template."""

    def __init__(self, rendered: Iterable[str], staying: Iterable[str]) -> None:
        self.theirs = {blind(path): path for path in rendered}
        self.their_folders = {
            blind(folder): folder for path in self.theirs.values() for folder in _above(path)
        }
        self.files: set[str] = set()
        self.folders: dict[str, str] = {}
        for path in staying:
            if path:
                self.take(path)

    def take(self, path: str) -> None:
        """Remember a file that has a place."""
        self.files.add(blind(path))
        for folder in _above(path):
            self.folders.setdefault(blind(folder), folder)

    def spelled(self, target: str) -> str:
        """Return a target in the spelling of the folders that are there, else of the template."""
        if (same := self.theirs.get(blind(target))) is not None:
            return same
        parts = target.split("/")
        for end in range(1, len(parts)):
            key = blind("/".join(parts[:end]))
            if known := self.folders.get(key, self.their_folders.get(key)):
                parts[:end] = known.split("/")
        return "/".join(parts)

    def free(self, target: str) -> bool:
        """Tell whether a file may come there; a document may take the place of the template's."""
        key = blind(target)
        if key in self.files or key in self.folders or key in self.their_folders:
            return False
        name = posixpath.basename(key)
        if (
            key in self.theirs
            and key.endswith(".py")
            and name not in {"__init__.py", "conftest.py"}
        ):
            return False
        for folder in _above(target):
            low = blind(folder)
            known = self.folders.get(low, self.their_folders.get(low, folder))
            if low in self.files or low in self.theirs or known != folder:
                return False
        return True


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _options(path: str, target: str) -> Iterable[str]:
    """Yield the target, then the same with the folder that the file comes from, numbers, itself.

    The archive is for a file whose own place the template takes.
    """
    yield target
    if posixpath.basename(path) in {"__init__.py", "__main__.py"}:  # their names are what they say
        yield path
    folder, name = posixpath.split(target)
    before = path.split("/")[:-1]
    base, suffix = names.stem(name)
    if before:
        told = [each for each in before if names.folded(each) not in names.PLACES]
        joined = "_".join([*(told or before)[-2:], base]).replace(" ", "_")
        yield posixpath.join(
            folder, (names.module_name(joined) if suffix == ".py" else joined) + suffix
        )
    yield posixpath.join(folder, f"{base}{TAKEN_BY_TEMPLATE}{suffix}")
    for number in range(2, 100):
        yield posixpath.join(folder, f"{base}_{number}{suffix}")
    yield path
    yield f"archive/{path}"
