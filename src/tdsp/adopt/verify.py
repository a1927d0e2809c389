"""Proving an adoption anew from git's objects: nothing lost, nothing changed but what is listed."""

import ast
import json
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tdsp.adopt import manifest as proof
from tdsp.adopt.apply import BRANCH, MIGRATION, pure
from tdsp.adopt.gitwork import Git, Tree
from tdsp.adopt.ignores import readable
from tdsp.adopt.manifest import File, Manifest
from tdsp.adopt.tree import shown
from tdsp.errors import TdspError

ORDER = ("moves", "edits", "template", "pipeline", "data")


@dataclass(frozen=True)
class Proof:
    """What one line of the proof says: how many were looked at, and what does not hold."""

    title: str
    looked_at: int
    problems: tuple[str, ...]


def find(git: Git) -> Manifest:
    """Return the manifest of the adoption, of its branch or of what is checked out."""
    for ref in (f"refs/heads/{BRANCH}", "HEAD"):
        if commit := git.ref(ref):
            tree = git.tree(commit)
            places = [p for p in tree if p.endswith("/manifest.json") and MIGRATION in p]
            for path in sorted(places, key=lambda each: (len(each), each), reverse=True):
                return proof.loads(git.blob(tree[path].blob), shown(path))
    raise TdspError("no adoption is here: `tdsp adopt apply` makes one")


def verify(git: Git, done: Manifest) -> list[Proof]:
    """Return the proofs. Raises TdspError when a commit is not in this clone."""
    for name in ("", *done.commits):
        commit = done.commits.get(name, done.commit)
        if git.ref(commit) != commit:
            raise TdspError(f"commit {commit[:12]} is not in this clone: fetch the branch whole")
    before = git.tree(done.commit)
    last = git.tree(_last(done))
    middle = git.tree(done.commits.get("edits", done.commits.get("moves", done.commit)))
    edited = [replace(e, now=middle[e.target].blob) for e in done.files if e.spans]
    merged = [each for each in done.files if each.fate == "merged"]
    data = []
    if kept := _in_dvc(done):
        data = [
            Proof("pointers name the data of before", len(kept), tuple(_pointed(git, done, last)))
        ]
    return [
        Proof(
            "every file of before has its place", len(before), tuple(_placed(done, before, last))
        ),
        Proof("moves are pure", len(_moved(done)), tuple(_pure(git, done))),
        Proof(
            "edits undone give the old bytes",
            len(edited),
            tuple(proof.undone(done, middle, git.blob)),
        ),
        Proof("statements without an edit are the same", len(edited), tuple(_code(git, edited))),
        Proof("outputs of notebooks are the same", len(edited), tuple(_outputs(git, edited))),
        Proof("merged files hold what they held", len(merged), tuple(_merged(git, merged, middle))),
        *data,
    ]


def _last(done: Manifest) -> str:
    return next(
        (done.commits[name] for name in reversed(ORDER) if name in done.commits), done.commit
    )


def _moved(done: Manifest) -> list[File]:
    return [each for each in done.files if each.target not in ("", each.path)]


def _placed(done: Manifest, before: Tree, last: Tree) -> Iterator[str]:
    yield from proof.problems(done, before, last)


def _pure(git: Git, done: Manifest) -> Iterator[str]:
    if "moves" not in done.commits:
        return
    try:
        pure(git, done, done.commit, done.commits["moves"])
    except TdspError as error:
        yield str(error)


def _code(git: Git, edited: list[File]) -> Iterator[str]:
    for each in edited:
        if each.target.endswith(".py"):
            old, new = git.blob(each.blob), git.blob(each.now)
            if not same_code(old, new, each.spans):
                yield f"{shown(each.target)}: a statement without an edit is another one"


def same_code(old: bytes, new: bytes, spans: tuple[tuple[int, int, int], ...]) -> bool:
    """Tell whether the statements that no edit touches are the same for Python."""
    moved, after = 0, []
    for start, was, now in spans:
        after.append((start + moved, start + moved + now))
        moved += now - was
    try:
        first = _untouched(old, [(start, start + was) for start, was, _ in spans])
    except (SyntaxError, ValueError):
        return True  # it did not parse before, so there is nothing to keep
    try:
        return first == _untouched(new, after)
    except (SyntaxError, ValueError):
        return False


def _untouched(content: bytes, spans: list[tuple[int, int]]) -> list[str]:
    starts = [0]
    for line in content.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = {
        number
        for number, start in enumerate(starts, 1)
        for low, high in spans
        if number < len(starts) and low < starts[number] and high >= start
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        body = ast.parse(content).body
    return [
        ast.dump(each)
        for each in body
        if not lines & set(range(each.lineno, (each.end_lineno or each.lineno) + 1))
    ]


def _outputs(git: Git, edited: list[File]) -> Iterator[str]:
    for each in edited:
        if each.target.endswith(".ipynb"):
            try:
                same = _all_but_source(git.blob(each.blob)) == _all_but_source(git.blob(each.now))
            except ValueError:
                same = False
            if not same:
                yield f"{shown(each.target)}: more than the source of cells has changed"


def _all_but_source(content: bytes) -> Any:
    data = json.loads(content)
    for cell in data.get("cells", []):
        cell.pop("source", None)
    return data


def _merged(git: Git, merged: list[File], middle: Tree) -> Iterator[str]:
    """Say which merged file does not hold all that its owner wrote."""
    for each in merged:
        old, new = git.blob(middle[each.target].blob), git.blob(each.now)
        if each.target.endswith(".toml"):
            held = _holds(tomllib.loads(old.decode()), tomllib.loads(new.decode()))
        elif each.target.endswith((".yaml", ".yml")):
            held = all(line in new.splitlines() for line in old.splitlines())
        else:
            held = new.startswith(readable(old))
        if not held:
            yield f"{shown(each.target)} lacks something that it had"


def _holds(old: Any, new: Any) -> bool:
    """Tell whether everything of one value is in another that may have more."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and _holds(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return all(each in new for each in old)
    return bool(old == new)


def trees(git: Git, done: Manifest, folder: Path) -> tuple[Path, Path]:
    """Write the files of before and after into a folder, byte for byte."""
    before, after = folder / "before", folder / "after"
    for place, commit in ((before, done.commit), (after, _last(done))):
        place.mkdir(parents=True)
        git.export(git.tree(commit), place)
    for each in _in_dvc(done):
        target = after / each.target
        target.parent.mkdir(parents=True, exist_ok=True)
        git.save(each.blob, target)
    return before, after


def _pointed(git: Git, done: Manifest, last: Tree) -> Iterator[str]:
    """Say which pointer of DVC does not name the bytes that git had."""
    for each in _in_dvc(done):
        pointer = last.get(f"{each.target}.dvc")
        found = yaml.safe_load(git.blob(pointer.blob)) if pointer else {}
        if found.get("outs", [{}])[0].get("md5") != git.md5(each.blob):
            yield f"{shown(each.target)}.dvc names other bytes than {shown(each.path)} had"


def _in_dvc(done: Manifest) -> list[File]:
    return [each for each in done.files if each.fate == "dvc"]
