"""Joining .gitignore files: a union, with the proof that no tracked file becomes ignored."""

import codecs
import os
import posixpath
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tdsp.adopt.gitwork import LINK, Tree
from tdsp.errors import TdspError
from tdsp.reading.git import OFF, environment

MOST_EXCEPTIONS = 20
SHOWN = (".md", ".py")
OPENED = "# Of the project since the adoption, so no longer hidden by the lines above."
TITLE = "# Of the template."
EXCEPTIONS = "# Tracked before the adoption, so not hidden."
WIDE = (
    "# Rules from before, in UTF-16, which git cannot read: take the # away from what still holds."
)
FORGOTTEN = "# No longer tracked since the adoption; the files are still on disk."


def joined(
    theirs: bytes,
    lines: Sequence[str],
    forgotten: Sequence[str] = (),
    after: Sequence[str] = (),
    title: str = EXCEPTIONS,
) -> bytes:
    """Return the user's bytes, and the template's lines after them as one block.

    The block has every line, as the template has it, so that `copier update` finds it again. It
    is left out where the user has all its rules. `after` are exceptions to its rules.
    """
    end = b"\r\n" if b"\r\n" in theirs else b"\n"
    known = set(theirs.decode("utf-8", "surrogateescape").splitlines())
    rules = {line for line in lines if line.strip() and not line.startswith("#")}
    literal = [line for path in forgotten if (line := exact(path)) and line not in known]
    blocks = [(TITLE if theirs else "", list(lines))] if rules - known else []
    blocks += [(title, list(after))] if after else []
    blocks += [(FORGOTTEN, literal)] if literal else []
    parts = [theirs]
    if blocks and theirs and not theirs.endswith(b"\n"):
        parts.append(end)
    for title, block in blocks:
        shown = [title, *block] if title else block
        parts.append(end if any(parts) else b"")
        parts += [line.encode("utf-8", "surrogateescape") + end for line in shown]
    return b"".join(parts) if blocks else theirs


def readable(theirs: bytes) -> bytes:
    """Return rules in UTF-16, which git cannot read, as comments in UTF-8; others as they are."""
    if not theirs.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return theirs
    lines = theirs.decode("utf-16", "replace").splitlines()
    return "".join(f"{line}\n" for line in (WIDE, *(f"# {each}" for each in lines))).encode()


def exact(path: str) -> str:
    """Return the line that ignores exactly this path, "" for a name that no line can hold."""
    if "\n" in path or "\r" in path:
        return ""
    pattern = re.sub(r"([\\*?\[\]])", r"\\\1", path)
    return "/" + re.sub(r" $", r"\\ ", pattern)


def union(
    tree: Tree,
    content: Callable[[str], bytes],
    path: str,
    lines: Sequence[str],
    forgotten: Sequence[str] = (),
) -> tuple[bytes, list[tuple[str, str]]]:
    """Return the joined file, and the rules in question, each with a file that it would hide.

    A rule that would hide tracked files gets exceptions for them, or is left out where that is not
    enough. What the user's own rules hide already stays hidden; that is theirs.
    """
    theirs = content(path) if path in tree else b""
    folder = path.removesuffix(".gitignore")
    kept: list[str] = list(lines)
    opened: dict[str, list[str]] = {}
    changed: list[tuple[str, str]] = []
    files = {p: content(p) for p, e in tree.items() if is_rules(p) and e.mode != LINK}
    before = set(hidden(files, tree)) if files else set()
    while True:
        made = joined(theirs, kept, forgotten, [line for each in opened.values() for line in each])
        found: dict[str, list[str]] = {}
        for name, rule in hidden({**files, path: made}, tree).items():
            if name not in before:
                found.setdefault(rule, []).append(name)
        if not found:
            return made, changed
        line, names = next(iter(found.items()))
        owner = next((rule for rule, extra in opened.items() if line in (rule, *extra)), "")
        if line not in kept and not owner:
            raise TdspError(f"{path}: the line {line} would hide {names[0]}, which git tracks")
        extra = [] if owner else exceptions(line, [name[len(folder) :] for name in names])
        if extra:
            opened[line] = extra
        else:
            opened.pop(owner, None)
            kept.remove(owner or line)
        changed.append((owner or line, names[0]))


def opened(rules: dict[str, bytes], path: str, wanted: Iterable[str]) -> list[str]:
    """Return the lines that show files and folders again which the user's own rules hide.

    git does not look into a hidden folder: each one on the way is opened, and the rest of it is
    hidden anew, but for more of the same kind, such as the documents that a pipeline writes. A
    name that ends with a slash is a folder. Many files of one folder stay hidden.
    """
    top = path.removesuffix(".gitignore")
    ways = {
        name: [name[: at + 1] for at, sign in enumerate(name) if sign == "/" and at > len(top)]
        for name in wanted if name.startswith(top)
    }  # fmt: skip
    shut = hidden(rules, ways)
    closed = hidden(rules, {each for way in ways.values() for each in way}) if shut else {}
    crowd = Counter(posixpath.dirname(name) for name in shut if not name.endswith("/"))
    lines: dict[str, None] = {}
    for name in sorted(shut):
        if crowd[posixpath.dirname(name)] > MOST_EXCEPTIONS and not name.endswith("/"):
            continue
        for folder in ways[name]:
            if folder in closed:
                line = exact(folder[len(top) :])
                lines |= {f"!{line}": None, f"{line}*": None}
        line = exact(name[len(top) :])
        kind = posixpath.splitext(name)[1]
        if kind in SHOWN and any(each in closed for each in ways[name]):
            line = f"{line.rpartition('/')[0]}/*{kind}"
        if line and not name.endswith("/"):
            lines[f"!{line}"] = None
    return list(lines)


def exceptions(rule: str, names: Sequence[str]) -> list[str]:
    """Return the lines after a rule that keep these files in sight, [] where there are none."""
    if not rule.startswith("/"):
        return []
    if not rule.endswith("/"):
        found = {"!" + exact(name) for name in names}
        return sorted(found) if len(found) <= MOST_EXCEPTIONS else []
    start = len(rule) - 1  # git does not look into a hidden folder: its inside is hidden instead
    parts = {name[start:].partition("/")[:2] for name in names}
    found = {f"!{rule}{exact(first)[1:]}{slash}" for first, slash in parts}
    return [f"!{rule}", f"{rule}*", *sorted(found)] if len(found) <= MOST_EXCEPTIONS else []


def is_rules(path: str) -> bool:
    return path == ".gitignore" or path.endswith("/.gitignore")


def hidden(rules: dict[str, bytes], tree: Iterable[str]) -> dict[str, str]:
    """Return path -> the rule that would hide it, as git itself judges; folders end in a slash."""
    with tempfile.TemporaryDirectory(prefix="tdsp-ignored-") as folder:
        _quiet(folder, "init", "--quiet")
        for path, content in rules.items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        asked = b"".join(os.fsencode(path) + b"\0" for path in tree)
        words = ("check-ignore", "--no-index", "-v", "-z", "--stdin")
        answer = _quiet(folder, *words, given=asked).split(b"\0")
    found = {}
    for at in range(0, len(answer) - 3, 4):
        rule, path = os.fsdecode(answer[at + 2]), os.fsdecode(answer[at + 3])
        if not rule.startswith("!"):
            found[path] = rule
    return found


def _quiet(folder: str, *words: str, given: bytes = b"") -> bytes:
    """Run git in a scratch repository that knows no settings of the user or the machine."""
    calm = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *OFF, "-c", "core.excludesFile=", *words],
        cwd=folder, env=environment() | calm, input=given, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise TdspError(f"git {words[0]} failed: {os.fsdecode(done.stderr).strip()}")
    return done.stdout
