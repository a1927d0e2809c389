"""What has become of each file: the proof of an adoption, kept with it as manifest.json.

It has paths, blob ids, and where bytes were changed; never the bytes themselves.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tdsp.adopt.gitwork import Tree
from tdsp.adopt.tree import shown
from tdsp.errors import TdspError

FORMAT = 1
FATES = ("same", "edited", "merged", "untracked", "dvc")


@dataclass(frozen=True, slots=True)
class File:
    """The fate of one file. `spans` are (start in the old bytes, old length, new length)."""

    path: str
    target: str
    mode: str
    blob: str
    now: str
    fate: str
    kind: str = "unknown"
    spans: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True)
class Manifest:
    """All files of the commit before the adoption, and the commits that the adoption made."""

    commit: str
    level: int
    package: str
    files: tuple[File, ...]
    subdirectory: str = ""
    commits: dict[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def merged(self, tree: Tree, names: set[str]) -> "Manifest":
        """Return the manifest after the template's commit, in which files were merged."""
        files = tuple(
            replace(each, now=tree[each.target].blob, fate="merged")
            if each.target in names
            else each
            for each in self.files
        )
        return replace(self, files=files)


def problems(manifest: Manifest, before: Tree, after: Tree) -> Iterator[str]:
    """Yield what does not hold: a file that is lost, changed or not accounted for."""
    listed = {each.path: each for each in manifest.files}
    if len(listed) != len(manifest.files):
        yield "a file is listed twice"
    for path in before.keys() - listed.keys():
        yield f"{shown(path)} is not accounted for"
    for path in listed.keys() - before.keys():
        yield f"{shown(path)} is listed, and was never there"
    targets = [each.target for each in manifest.files if each.target]
    if len(set(targets)) != len(targets):
        yield "two files have one target"
    for each in manifest.files:
        yield from _fate(each, before, after)
    here = set(targets) | set(manifest.added) | set(manifest.beside) | set(manifest.folders)
    for path in after.keys() - here:
        yield f"{shown(path)} is new, and no rule says why"


def _fate(file: File, before: Tree, after: Tree) -> Iterator[str]:
    old, name = before.get(file.path), shown(file.path)
    if old is not None and (old.blob, old.mode) != (file.blob, file.mode):
        yield f"{name} is not the file that the plan has seen"
    if file.fate == "untracked":
        if file.path in after and after[file.path].blob == file.blob:
            yield f"{name} is still tracked"
        return
    if file.fate == "dvc":
        if file.target in after:
            yield f"{shown(file.target)} is still tracked, and DVC keeps it"
        if f"{file.target}.dvc" not in after:
            yield f"{name} is lost: nothing points to {shown(file.target)} in DVC"
        return
    new = after.get(file.target)
    if new is None:
        yield f"{name} is lost: {shown(file.target)} is not there"
    elif new.mode != file.mode:
        yield f"{shown(file.target)} has another mode: {file.mode} became {new.mode}"
    elif new.blob != file.now or (file.fate == "same" and new.blob != file.blob):
        yield f"{shown(file.target)} has other bytes than {name} had"


def unchanged(old: bytes, new: bytes, spans: tuple[tuple[int, int, int], ...]) -> bool:
    """Tell whether undoing the edits of `new` gives `old`, byte for byte."""
    parts, at, here = [], 0, 0
    for start, was, now in spans:
        if start < at:
            return False
        parts += [new[here : here + start - at], old[start : start + was]]
        here += start - at + now
        at = start + was
    return b"".join([*parts, new[here:]]) == old


def undone(manifest: Manifest, edits: Tree, blob: Callable[[str], bytes]) -> Iterator[str]:
    """Yield the edited files whose old bytes do not come back when the edits are undone.

    `edits` is the tree of the commit of edits: the template may have been merged in later.
    """
    for each in manifest.files:
        if each.spans and not unchanged(blob(each.blob), blob(edits[each.target].blob), each.spans):
            yield f"{shown(each.target)}: undoing the edits does not give the bytes from before"


def dumps(manifest: Manifest) -> bytes:
    """Return the manifest as JSON; a name that is not UTF-8 keeps its bytes as escapes."""
    data = {"format": FORMAT, **asdict(manifest)}
    return json.dumps(data, indent=1, ensure_ascii=True).encode() + b"\n"


def loads(content: bytes, where: str) -> Manifest:
    """Read a manifest. Raises TdspError for what is none."""
    try:
        data: dict[str, Any] = json.loads(content)
        if data.pop("format") != FORMAT:
            raise TdspError(f"{where} was written by another version of tdsp")
        files = tuple(
            File(**{**each, "spans": tuple((int(a), int(b), int(c)) for a, b, c in each["spans"])})
            for each in data.pop("files")
        )
        lists = {name: tuple(data.pop(name)) for name in ("added", "beside", "folders")}
        return Manifest(**{**data, **lists, "files": files})
    except (ValueError, KeyError, TypeError) as error:
        raise TdspError(f"{where} is not the manifest of an adoption: {error}") from error
