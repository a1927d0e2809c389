"""What each script reads and writes, seen while it runs in a copy of the files after the adoption.

Files that were read or written count, however the script came to their names. A script that needs
what another one writes is tried again once that one has run.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tdsp.adopt.running import Bench, by_tools, last, recorded, room, start
from tdsp.adopt.tree import shown

MANY = 20  # from so many files of one folder on, the folder is named instead
UNREAD = 0  # a time of reading that no run can leave behind
NEEDS_ARGUMENTS = 2  # the exit code of argparse
Stamps = dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a script did. `problem` says why it cannot be a stage; `again`: it may work later."""

    path: str
    folder: str = ""
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    problem: str = ""
    again: bool = False


def observe(bench: Bench, paths: list[str], say: Callable[[str], None]) -> list[Seen]:
    """Run the scripts in copies of `bench.after`, to which the files that they make are added."""
    waiting, done = list(paths), []
    while waiting:
        left: list[Seen] = []
        made = 0
        for path in waiting:
            say(f"Running {shown(path)}")
            seen = _watched(bench, path)
            if seen.again:
                left.append(seen)
            else:
                done.append(seen)
                made += len(seen.writes)
        if not made:
            return [*done, *left]
        waiting = [each.path for each in left]
    return done


def _watched(bench: Bench, path: str) -> Seen:
    """Run one script, from the project's folder, else from its own."""
    first = _once(bench, path, bench.root)
    own = path.rpartition("/")[0]
    if not first.again or own == bench.root:
        return first
    second = _once(bench, path, own)
    return first if second.again else second


def _once(bench: Bench, path: str, folder: str) -> Seen:
    with room(bench.after) as (top, copy):
        before = dict(_stamps(copy))
        for name, (written, _) in before.items():
            os.utime(copy / name, ns=(UNREAD, written), follow_symlinks=False)
        code, text = start(bench, top, copy, path, folder)
        after = dict(_stamps(copy))
        events = recorded(top / "record")
        made = {name for name, stamp in after.items() if before.get(name) != stamp}
        made |= {name for kind, name in events if kind == "write" and name in after}
        writes = frozenset(name for name in made if not by_tools(name))
        problem = _problem(bench, code, text, events) or _changes(before, after, events, writes)
        if problem:
            failed = code not in (0, None) and not any(kind == "input" for kind, _ in events)
            return Seen(path, folder, problem=problem, again=failed)
        for name in writes:
            target = bench.after / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(copy / name, target)
        used = {name for kind, name in events if kind == "read" and name in before}
        used |= {name for name in before if name in after and _touched(copy / name)}
        reads = frozenset({path, *used} - writes)
        return Seen(path, folder, _folded(reads, after), _folded(writes, after))


def _stamps(folder: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            about = path.lstat()
            yield path.relative_to(folder).as_posix(), (about.st_mtime_ns, about.st_size)


def _touched(path: Path) -> bool:
    """Tell whether a file was read, also by a library in C or another program.

    The disk keeps the time of the last reading, where it is not mounted with `noatime`.
    """
    return path.lstat().st_atime_ns != UNREAD


def _problem(bench: Bench, code: int | None, text: str, events: list[tuple[str, str]]) -> str:
    if code is None:
        return f"it does not end within {bench.seconds:g} s"
    if any(kind == "input" for kind, _ in events):
        return "it asks for input"
    if code == NEEDS_ARGUMENTS and "usage:" in text:
        return "it needs arguments"
    if code:
        return f"it fails: {last(text) or f'exit code {code}'}"
    # The first to import a library may compile it; that is no output of the script.
    outside = [name for kind, name in events if kind == "outside" and not by_tools(name)]
    return f"it writes outside of the repository: {outside[0]}" if outside else ""


def _changes(
    before: Stamps, after: Stamps, events: list[tuple[str, str]], writes: frozenset[str]
) -> str:
    """Say what a stage must not do: nothing, take a file away, or change what it has read."""
    gone = [name for name in before if name not in after and not by_tools(name)]
    if gone:
        return f"it removes {gone[0]}"
    if not writes:
        return "it writes nothing"
    first: dict[str, str] = {}
    for kind, name in events:
        first.setdefault(name, kind)
    again = sorted(name for name in writes if name in before and first.get(name) == "read")
    return f"it changes {again[0]}, which it reads first" if again else ""


def _folded(paths: frozenset[str], files: Stamps) -> frozenset[str]:
    """Return the paths, with a folder instead of its files where they are many, and all of it."""
    folders: dict[str, set[str]] = {}
    for path in paths:
        folders.setdefault(path.rpartition("/")[0], set()).add(path)
    found = set(paths)
    for folder, inside in folders.items():
        below = {name for name in files if folder and name.startswith(f"{folder}/")}
        if len(inside) > MANY and below <= paths:
            found = {folder, *(found - below)}
    return frozenset(found)
