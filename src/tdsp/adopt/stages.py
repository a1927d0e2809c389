"""The stages of a pipeline, from what scripts were seen to read and write, as a dvc.yaml."""

import posixpath
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import yaml

from tdsp.adopt.observe import Seen
from tdsp.adopt.running import Bench, words_of

ODD = re.compile(r"[\x00-\x1f\ud800-\udfff]|\$\{")
HEADER = """\
# The pipeline of your own scripts, beside the template's. `tdsp adopt` has seen them run: a stage
# depends on each file that its script read, and makes each file that it wrote. It is yours to edit.
#
#   dvc repro {path}
#
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """One script. Paths are from the root of the repository; `kept` are outputs that git tracks."""

    name: str
    path: str
    folder: str
    command: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    kept: frozenset[str] = frozenset()


def stages(
    seen: Iterable[Seen], tracked: Collection[str], bench: Bench
) -> tuple[list[Stage], dict[str, str]]:
    """Return the stages in the order in which they run, and why a script is none."""
    found, left = [], {}
    for each in seen:
        reason = each.problem or _odd(each)
        if reason:
            left[each.path] = reason
        else:
            found.append(each)
    found, more = _apart(found)
    kept, others = _fed(found, tracked)
    ordered, rings = _ordered(kept)
    fed, last = _fed(ordered, tracked)
    names = _names(fed)
    made = [_stage(each, name, tracked, bench) for each, name in zip(fed, names, strict=True)]
    return made, left | more | others | rings | last


def _odd(seen: Seen) -> str:
    odd = [path for path in (seen.path, *seen.reads, *seen.writes) if ODD.search(path)]
    return "a name of its files cannot stand in dvc.yaml" if odd else ""


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _apart(seen: list[Seen]) -> tuple[list[Seen], dict[str, str]]:
    """Leave out the scripts that write the same file: which of them is meant is not known."""
    left = {}
    for number, one in enumerate(seen):
        for other in seen[number + 1 :]:
            same = sorted(a for a in one.writes for b in other.writes if _overlap(a, b))
            if same:
                left[one.path] = f"{other.path} writes {same[0]} as well"
                left[other.path] = f"{one.path} writes {same[0]} as well"
    return [each for each in seen if each.path not in left], left


def _fed(seen: list[Seen], tracked: Collection[str]) -> tuple[list[Seen], dict[str, str]]:
    """Leave out the scripts that read what neither git has nor a stage makes."""
    left: dict[str, str] = {}
    kept = list(seen)
    while True:
        made = {path for each in kept for path in each.writes}
        lacking = {
            each.path: sorted(path for path in each.reads if not _there(path, made, tracked))
            for each in kept
        }
        new = {
            path: f"it reads {names[0]}, which only a script that is left out writes"
            for path, names in lacking.items() if names
        }  # fmt: skip
        if not new:
            return kept, left
        left |= new
        kept = [each for each in kept if each.path not in new]


def _there(path: str, made: set[str], tracked: Collection[str]) -> bool:
    if path in tracked or any(_overlap(path, each) for each in made):
        return True
    return any(name.startswith(f"{path}/") for name in tracked)


def _ordered(seen: list[Seen]) -> tuple[list[Seen], dict[str, str]]:
    """Sort so that a script follows those whose files it reads; leave out those in a circle."""
    left: dict[str, str] = {}
    kept = list(seen)
    while True:
        graph = {
            each.path: sorted(
                other.path for other in kept
                if other is not each
                and any(_overlap(a, b) for a in each.reads for b in other.writes)
            )
            for each in kept
        }  # fmt: skip
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            ring = sorted(set(error.args[1]))
            left |= dict.fromkeys(ring, f"it and others need each other's files: {', '.join(ring)}")
            kept = [each for each in kept if each.path not in left]
        else:
            return sorted(kept, key=lambda each: order.index(each.path)), left


def _names(seen: list[Seen]) -> list[str]:
    plain = [_plain(posixpath.basename(each.path).removesuffix(".py")) for each in seen]
    several = {name for name, number in Counter(plain).items() if number > 1}
    whole = [_plain(each.path.removesuffix(".py")) for each in seen]
    return [w if name in several else name for name, w in zip(plain, whole, strict=True)]


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-") or "stage"


def _stage(seen: Seen, name: str, tracked: Collection[str], bench: Bench) -> Stage:
    if seen.folder == bench.root:
        words = words_of(seen.path, bench.package, bench.root)
        before = f"{bench.root}/" if bench.root else ""
        words = [each.removeprefix(before) for each in words]
    else:
        words = [posixpath.relpath(seen.path, seen.folder)]
    kept = frozenset(
        path for path in seen.writes
        if path in tracked or any(each.startswith(f"{path}/") for each in tracked)
    )  # fmt: skip
    return Stage(name, seen.path, seen.folder, shlex.join(["python", *words]),
                 tuple(sorted(seen.reads)), tuple(sorted(seen.writes)), kept)  # fmt: skip


def as_dvc(found: Iterable[Stage], folder: str, root: str) -> str:
    """Return the dvc.yaml that lies in a folder."""
    made: dict[str, Any] = {}
    for each in found:
        base = each.folder or "."
        made[each.name] = {
            "wdir": posixpath.relpath(base, folder),
            "cmd": each.command,
            "deps": [posixpath.relpath(path, base) for path in each.deps],
            "outs": [_out(path, base, each) for path in each.outs],
        }
    shown = posixpath.relpath(f"{folder}/dvc.yaml", root or ".")
    body = yaml.safe_dump({"stages": made}, sort_keys=False, allow_unicode=True, width=1000)
    return HEADER.format(path=shown) + body


def _out(path: str, base: str, stage: Stage) -> Any:
    name = posixpath.relpath(path, base)
    return {name: {"cache": False}} if path in stage.kept else name


def graph(found: list[Stage]) -> Iterator[str]:
    """Yield the lines of a picture: which stage needs which, in the language of Mermaid."""
    yield "flowchart TD"
    for each in found:
        yield f'    {each.name}["{each.name}"]'
    for each in found:
        for other in found:
            shared = other is not each and any(
                _overlap(a, b) for a in each.deps for b in other.outs
            )
            if shared:
                yield f"    {other.name} --> {each.name}"
