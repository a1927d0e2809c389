"""Reports that were made before, and how to tell that nothing has changed since.

A report is kept under what it depends on: the content of each file, the checks that ran, tdsp's own
sources, and the day. Above it, a place (a folder, or a commit of a clone) keeps under which key its
last report stands, together with a sign that the place is as it was. So a place that has not
changed costs no reading at all, and one whose files have the same content again costs no parsing.

The sign of a folder is what the file system says of each file and folder: size, inode, and both
times. It is only kept when all times are older than the reading. Content counts as it is read: the
blob ids that a repository names are not trusted, since several repositories share one cache.
"""

import datetime
import functools
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tdsp.check.all import CHECKS
from tdsp.check.rule import Check, Mark
from tdsp.check.run import About, Report, Result, check_repository
from tdsp.reading import Repository, objects, read, read_git
from tdsp.reading.cache import Cache
from tdsp.reading.files import MADE_BY_TOOLS
from tdsp.reading.repository import Source, assemble, folder, source, source_git

RACY = 1.0  # seconds: a file system's clock may be this coarse
MOST_PLACES = 60_000
GIT = ("HEAD", "index", "packed-refs", "config", "info/exclude")
OWN = (".gitconfig", ".config/git/config", ".config/git/ignore")


@functools.cache
def version() -> str:
    """Return a hash of what reads and judges, and of the Python that parses."""
    here = Path(__file__).parents[1]
    folders = (here / "reading", here / "check")
    sources = [*sorted(here.glob("*.py")), *(e for f in folders for e in sorted(f.rglob("*.py")))]
    found = hashlib.sha256(sys.version.encode())
    for each in sources:
        found.update(each.read_bytes())
    return found.hexdigest()


def ground(chosen: Iterable[Check]) -> str:
    """Return a hash of what a report depends on besides the repository."""
    day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return _hash([version(), day, *(each.id for each in chosen)])


def content(given: Source, base: str) -> str:
    """Return the key of a report: a hash of all that is known of the files before parsing."""
    found = hashlib.sha256(f"{base}{given.git}{given.index.submodules}".encode())
    for path, file in given.files.items():
        about = (path, file.size, file.problem, file.link, file.tracked)
        found.update(repr(about).encode())
        found.update(file.head if file.text is None else file.text.encode("utf-8", "surrogatepass"))
        found.update(b"\0")
    return f"report:{found.hexdigest()}"


def check_again(root: Path, chosen: list[Check], reference: str, cache: Cache) -> Report:
    """Return the report of a folder, or of a commit, as it was made before or as it is made now."""
    folder(root)
    base, started = ground(chosen), time.time()
    if reference:
        commit = objects.find(root, reference)
        place, sign = of_commit(root, commit, base)
        known = _remembered(cache, place, lambda _: sign)
    else:
        commit, place = None, f"place:{_hash(['folder', str(root.resolve()), base])}"
        known = _remembered(cache, place, lambda paths: stamp(root, paths))
    again = partial(read_git, root, reference) if reference else partial(read, root)
    if known is not None and (report := _unpacked(str(root), *known, again)) is not None:
        return report
    given = source(root) if commit is None else source_git(root, commit)
    key = content(given, base)
    value = cache.get(key)
    report = _unpacked(given.root, _index(given), value, lambda: assemble(given))
    if report is None:
        report = check_repository(assemble(given, cache.known), chosen)
        value = _packed(report)
    paths = [] if reference else watched(root, given)
    if not reference:
        sign = stamp(root, paths, started) if paths else ""
    values = {key: value}
    if sign:
        values[place] = {"sign": sign, "paths": paths, "report": key, "about": _index(given)}
    cache.put(values)
    return report


def of_commit(root: Path, commit: objects.Commit, base: str) -> tuple[str, str]:
    """Return the key and the sign of a commit. What a partial clone lacks can come in a pack."""
    packs: list[str] = []
    with suppress(OSError):
        packs = sorted(os.listdir(Path(commit.objects) / "pack"))  # noqa: PTH208
    if not any(name.endswith(".promisor") for name in packs):
        packs = []
    place = ["commit", str(root.resolve()), commit.objects, commit.prefix, base]
    return f"place:{_hash(place)}", _hash([commit.commit, *packs])


def watched(root: Path, given: Source) -> list[str]:
    """Return what has to stay as it is: the files, all folders beside them, and git's own files.

    It is empty for a folder of which this cannot be told, such as a part of a work tree.
    """
    if given.git or not (root / ".git").is_dir():
        return []
    folders = {""}
    for path in given.files:
        while "/" in path:
            path = path.rsplit("/", 1)[0]
            if path in folders:
                break
            folders.add(path)
    waiting, beside = sorted(folders), set[str]()
    while waiting:
        inside = waiting.pop()
        for name in _folders(root / inside):
            path = f"{inside}/{name}" if inside else name
            if path == ".git" or path in folders or path in beside:
                continue
            beside.add(path)
            if name not in MADE_BY_TOOLS:
                waiting.append(path)
        if len(beside) + len(given.files) > MOST_PLACES:
            return []
    own = [f"{Path.home()}/{name}" for name in OWN]
    return [*given.files, *sorted(folders), *sorted(beside), *own, *_git(root)]


def _folders(place: Path) -> list[str]:
    try:
        with os.scandir(place) as listing:
            return [each.name for each in listing if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _git(root: Path) -> list[str]:
    found = [f".git/{name}" for name in GIT]
    try:
        head = (root / ".git" / "HEAD").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return found
    reference = head.removeprefix("ref: ")
    if reference != head and ".." not in reference and not reference.startswith("/"):
        found.append(f".git/{reference}")
    return found


def stamp(root: Path, listed: Iterable[str], before: float | None = None) -> str:
    """Return a hash of what the file system says of files.

    With `before` it is "" when something is as new as that, or is listed and cannot be found.
    """
    found, base = hashlib.sha256(), str(root)
    limit = None if before is None else int((before - RACY) * 1e9)
    for path in listed:
        try:
            about = os.lstat(f"{base}/{path}" if path[:1] != "/" else path)
        except (OSError, ValueError):
            if limit is not None and not path.startswith(("/", ".git/")):
                return ""
            found.update(b"-")
            continue
        if limit is not None and max(about.st_mtime_ns, about.st_ctime_ns) >= limit:
            return ""
        told = about.st_size, about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_mode
        found.update(repr(told).encode())
    return found.hexdigest()


def _remembered(
    cache: Cache, place: str, sign: Callable[[list[str]], str]
) -> tuple[dict[str, Any], Any] | None:
    """Return what is kept of a place, and its report, when the place is as it was."""
    known = cache.get(place)
    if not isinstance(known, dict) or not {"sign", "paths", "report", "about"} <= set(known):
        return None
    if known["sign"] != sign(known["paths"]):
        return None
    report = cache.get(known["report"])
    return None if report is None else (known["about"], report)


def _index(given: Source) -> dict[str, Any]:
    when = given.index.committed
    return {"commit": given.index.commit, "committed": when and when.timestamp(), "git": given.git}


def _packed(report: Report) -> dict[str, Any]:
    results = [
        [each.check.id, each.outcome, _rows(each.marks), _rows(each.ignored), each.reason]
        for each in report.results
    ]
    files, problems = report.about.files, report.about.problems
    return {"results": results, "files": files, "problems": problems}


def _rows(marks: Iterable[Mark]) -> list[list[Any]]:
    return [[m.kind, m.path, m.line, m.text, m.message, m.severity] for m in marks]


def _unpacked(root: str, index: Any, value: Any, facts: Callable[[], Repository]) -> Report | None:
    """Return a report from plain data, None when they are not what `_packed` makes."""
    try:
        results = tuple(
            Result(CHECKS[name], outcome, _marks(marks), _marks(ignored), reason)
            for name, outcome, marks, ignored, reason in value["results"]
        )
        when = index["committed"]
        date = None if when is None else datetime.datetime.fromtimestamp(when, tz=datetime.UTC)
        problems = tuple((path, why) for path, why in value["problems"])
        about = About(root, value["files"], problems, index["git"], index["commit"], date)
    except (KeyError, TypeError, ValueError):
        return None
    return Report(about, results, facts)


def _marks(rows: list[list[Any]]) -> tuple[Mark, ...]:
    return tuple(Mark(*row) for row in rows)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
