"""The target of each file: one place each, valid names, nothing of anybody overwritten."""

import posixpath
from collections.abc import Iterable, Mapping

from tdsp.adopt import names
from tdsp.adopt.classify import Judged
from tdsp.adopt.layout import Layout
from tdsp.adopt.tree import case_groups

DATA_WORDS = (
    names.DATA_FOLDERS
    | frozenset(names.STAGES)
    | frozenset({"src", "notebook", "notebooks", "code", "artifacts"})
)
PLACES = {
    "models": names.MODEL_FOLDERS | names.CODE_WRAPPERS | {"src", "notebooks"},
    "reports": names.RESULT_FOLDERS | {"src"},
    "reports/figures": names.RESULT_FOLDERS | names.FIGURES | {"src", "images", "img", "image"},
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
            return self._spelled(path)
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

    def _spelled(self, path: str) -> str:
        """Return a path that stays, below a standard folder in that folder's own spelling."""
        top, joint, rest = path.partition("/")
        if joint and top.lower() in names.STANDARD and top != top.lower():
            return f"{top.lower()}/{rest}"
        return path

    def code(self, path: str) -> str:
        """Return the place of code: packages keep their inside, other folders go into ours."""
        parts = path.split("/")
        if parts[0] == "src" and len(parts) > 2 and parts[1] in self.layout.inner:
            return path
        if path.startswith(f"src/{self.package}/"):
            return path
        if parts[0] in self.layout.packages:
            return f"src/{path}"
        if parts[0].lower() == "src" or names.folded(parts[0]) in names.CODE_WRAPPERS:
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
        return f"{place}/{names.without(path, DATA_WORDS)}"

    def _below(self, path: str, place: str) -> str:
        parts = path.split("/")
        if parts[0].lower() == place.split("/")[0]:
            return f"{place.split('/')[0]}/{'/'.join(parts[1:])}"
        return f"{place}/{names.without(path, PLACES.get(place, frozenset()))}"


def settle(wanted: Mapping[str, str], rendered: Iterable[str]) -> dict[str, str]:
    """Make targets unique, without regard to case, and free of what the template brings.

    A file that stays has its place before one that comes. What cannot be solved stays.
    """
    found = {path: target for path, target in wanted.items() if target == path or not target}
    keys = {path.casefold(): path for path, target in found.items() if target}
    folders = {
        key: group[0]
        for key, group in case_groups(p for p, t in found.items() if t).items()
        if key not in keys
    }
    theirs = {path.casefold() for path in rendered}
    their_folders = {f for path in theirs for f in _above(path)}
    for path in sorted(set(wanted) - set(found), key=lambda p: (p.count("/"), p)):
        target = next(
            each
            for each in _options(path, wanted[path])
            if _free(each, keys, folders, theirs, their_folders) or each == path
        )
        found[path] = target
        keys[target.casefold()] = target
        for folder in _above(target):
            folders.setdefault(folder.casefold(), folder)
    return {path: found[path] for path in wanted}


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _free(
    target: str,
    keys: dict[str, str],
    folders: dict[str, str],
    theirs: set[str],
    their_folders: set[str],
) -> bool:
    key = target.casefold()
    if key in keys or key in folders or key in their_folders:
        return False
    if key in theirs and not target.endswith("/__init__.py"):
        return False
    for folder in _above(target):
        low = folder.casefold()
        if low in keys or low in theirs or folders.get(low, folder) != folder:
            return False
    return True


def _options(path: str, target: str) -> Iterable[str]:
    """Yield the target, then the same with the folder that the file comes from, numbers, itself."""
    yield target
    folder, name = posixpath.split(target)
    before = path.split("/")[:-1]
    base, suffix = names.stem(name)
    if before:
        joined = "_".join([*before[-2:], base]).replace(" ", "_")
        yield posixpath.join(
            folder, (names.module_name(joined) if suffix == ".py" else joined) + suffix
        )
    yield posixpath.join(folder, f"{base}{TAKEN_BY_TEMPLATE}{suffix}")
    for number in range(2, 100):
        yield posixpath.join(folder, f"{base}_{number}{suffix}")
    yield f"archive/{path}"
    yield path
