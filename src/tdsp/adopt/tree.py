"""The tracked tree of a commit and the state of its repository, read from git's objects alone."""

import os
import subprocess
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tdsp.adopt.meanwhile import Meanwhile, possible
from tdsp.errors import TdspError
from tdsp.plain import counted
from tdsp.reading import files, python
from tdsp.reading.files import File
from tdsp.reading.git import OFF, Index, environment
from tdsp.reading.python import Module
from tdsp.reading.repository import Known, Repository, Source, assemble

LINK, SUBMODULE = "120000", "160000"
LFS = b"version https://git-lfs"
WHOLE = 30 * files.MEGABYTE  # a larger file is read by its first bytes only
MANY = 500  # files of Python from which on a second process saves more than it costs
SHARE = 0.55  # of them that this process parses: what the other one finds has to come back
UNREAD = Module("")
SMALL, MOST_HELD = 100_000, 64_000_000  # bytes of a content that is held, and of all together
ASKED = 100  # names that fit into a pipe, whether git reads them or not
RUNNING = {
    "MERGE_HEAD": "a merge", "CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase", "rebase-apply": "a rebase", "BISECT_LOG": "a bisection",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One tracked file: `size` is -1 when its content is not in this clone."""

    path: str
    mode: str
    blob: str
    size: int


class Held:
    """Contents of small files by blob id: each is asked for by reading, by edits and by patch."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}
        self.room = MOST_HELD

    def keep(self, blob: str, content: bytes) -> None:
        """Hold a content if it is small and there is room."""
        if blob not in self.found and len(content) <= min(SMALL, self.room):
            self.found[blob] = content
            self.room -= len(content)


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a commit, without submodules. `blockers` stop `apply`; `remarks` do not."""

    root: Path
    commit: str
    branch: str
    entries: dict[str, Entry]
    submodules: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    held: Held = field(default_factory=Held, compare=False, repr=False)


def git(root: Path, *words: str, given: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    """Run git without hooks, monitor, fetch or prompt. Raises TdspError with git's own words.

    What it is given lies in a file: a pipe would have to be fed while other work goes on.
    """
    try:
        with tempfile.TemporaryFile() as told:
            told.write(given)
            told.seek(0)
            done = subprocess.run(
                ["git", *OFF, *words], cwd=root, env=environment() | (env or {}), stdin=told,
                capture_output=True, check=False,
            )  # fmt: skip
    except OSError as error:
        raise TdspError(f"git cannot be run in {files.shown(str(root))}: {error}") from error
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
        raise TdspError(f"git {words[0]} failed: {reason}")
    return done.stdout


def shown(path: str) -> str:
    """Return a path for people: what cannot be printed as an escape."""
    text = files.shown(path)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read_tree(folder: Path) -> Tree:
    """Read the commit that is checked out. Raises TdspError where there is nothing to plan from."""
    if not folder.is_dir():
        raise TdspError(f"{files.shown(str(folder))} is not a folder")
    if git(folder, "rev-parse", "--is-bare-repository").strip() == b"true":
        raise TdspError(
            f"{files.shown(str(folder))} is a bare repository: clone it, and adopt the clone"
        )
    root = Path(os.fsdecode(git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    try:
        commit = git(root, "rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    except TdspError:
        raise TdspError("the repository has no commit yet: commit everything first") from None
    entries, submodules = _entries(root, commit)
    if not entries:
        raise TdspError("the commit holds no files: there is nothing to adopt")
    absent = [shown(each.path) for each in entries.values() if each.size < 0]
    if absent:
        raise TdspError(
            f"this clone lacks {counted(len(absent), 'file')} (a partial clone), such as"
            f" {', '.join(absent[:5])}: run `git fetch --refetch --no-filter`, or clone again"
        )
    branch, blockers, remarks = _state(root, commit)
    if submodules:
        named = ", ".join(map(shown, submodules[:5]))
        blockers.append(f"it has submodules ({named}), which cannot be moved safely")
    remarks += _oddities(entries)
    return Tree(root, commit, branch, entries, submodules, tuple(blockers), tuple(remarks))


def _entries(root: Path, commit: str) -> tuple[dict[str, Entry], tuple[str, ...]]:
    listed = git(root, "ls-tree", "-r", "-z", "-l", "--full-tree", commit)
    entries, submodules = {}, []
    for line in filter(None, listed.split(b"\0")):
        about, _, raw = line.partition(b"\t")
        mode, _, blob, size = about.decode().split()
        path = os.fsdecode(raw)
        if mode == SUBMODULE:
            submodules.append(path)
        else:
            entries[path] = Entry(path, mode, blob, int(size) if size.isdigit() else -1)
    return entries, tuple(submodules)


def _state(root: Path, commit: str) -> tuple[str, list[str], list[str]]:
    blockers, remarks = [], []
    try:
        branch = os.fsdecode(git(root, "symbolic-ref", "--short", "HEAD")).strip()
    except TdspError:
        branch = ""
        if git(root, "branch", "--all", "--contains", commit, "--format=%(refname)").count(b"refs"):
            remarks.append("HEAD is detached; the commit is on a branch")
        else:
            blockers.append("HEAD is detached and its commit is on no branch: make one first")
    place = Path(os.fsdecode(git(root, "rev-parse", "--absolute-git-dir")).rstrip("\n"))
    blockers += sorted({f"{w} is running" for n, w in RUNNING.items() if (place / n).exists()})
    status = git(root, "status", "--porcelain", "-z", "--untracked-files=normal", "--no-renames")
    changed = [os.fsdecode(each)[3:] for each in status.split(b"\0") if each]
    if changed:
        named = ", ".join(map(shown, changed[:5]))
        blockers.append(f"{len(changed)} changes are not committed, such as {named}")
    if git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        remarks.append("the clone is shallow: older commits are not here")
    return branch, blockers, remarks


def _oddities(entries: dict[str, Entry]) -> Iterator[str]:
    same = [names for names in case_groups(entries).values() if len(names) > 1]
    if same:
        named = "; ".join(" and ".join(map(shown, names)) for names in same[:3])
        yield f"names differ in case or accents only, which Windows or macOS mix up: {named}"
    links = [each.path for each in entries.values() if each.mode == LINK]
    if links:
        yield f"{len(links)} symbolic links stay where they are, such as {shown(links[0])}"


def blind(path: str) -> str:
    """Return a path as Windows and macOS compare it: without case, an accent written one way."""
    return unicodedata.normalize("NFC", path).casefold()


def case_groups(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the paths, and all folders above them, grouped by what they are without case."""
    groups: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            name = "/".join(parts[:end])
            groups[blind(name)].add(name)
    return {key: sorted(names) for key, names in groups.items()}


class Blobs:
    """Contents by blob id, from one `git cat-file --batch`; use it as a context manager."""

    def __init__(self, root: Path, held: Held | None = None) -> None:
        self.root, self.held = root, held or Held()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Blobs":
        self.process = subprocess.Popen(
            ["git", *OFF, "cat-file", "--batch"], cwd=self.root, env=environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.stdin and self.process.stdout:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()

    def read(self, blob: str) -> bytes:
        """Return a content. Raises TdspError when git does not have it."""
        if blob not in self.held.found:
            return next(self._answers([blob]))
        return self.held.found[blob]

    def read_ahead(self, small: list[str]) -> None:
        """Hold the contents of small files while there is room; git is asked for many at once."""
        for at in range(0, len(small), ASKED):
            some = list(dict.fromkeys(small[at : at + ASKED]))
            if self.held.room < SMALL * len(some):
                return
            for blob, content in zip(some, self._answers(some), strict=True):
                self.held.keep(blob, content)

    def _answers(self, asked: list[str]) -> Iterator[bytes]:
        process = self.process
        if process is None or process.stdin is None or process.stdout is None:
            raise TdspError("the objects of the repository are not open")
        process.stdin.write("".join(f"{blob}\n" for blob in asked).encode())
        process.stdin.flush()
        for blob in asked:
            about = process.stdout.readline().split()
            if len(about) != 3:
                raise TdspError(f"git does not have the object {blob}: the clone is not whole")
            content = process.stdout.read(int(about[2]))
            process.stdout.read(1)
            yield content

    def head(self, blob: str) -> bytes:
        """Return the first bytes of a content that is too large to be read."""
        with subprocess.Popen(
            ["git", *OFF, "cat-file", "blob", blob], cwd=self.root, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            found = process.stdout.read(8192) if process.stdout else b""
            process.kill()
        return found


def read_repository(tree: Tree, blobs: Blobs, subdirectory: str = "") -> Repository:
    """Return the facts of the commit's files; paths start below `subdirectory`."""
    before = f"{subdirectory}/" if subdirectory else ""
    wanted = {path: each for path, each in tree.entries.items() if path.startswith(before)}
    blobs.read_ahead([e.blob for e in wanted.values() if e.mode != LINK and e.size <= SMALL])
    found = {
        path[len(before) :]: _file(path[len(before) :], each, blobs)
        for path, each in wanted.items()
    }
    known = Parsing(found) if possible() else None
    return assemble(Source(str(tree.root), found, index=Index(commit=tree.commit)), known)


class Parsing(Known):
    """A part of a repository's Python, parsed by another process while this one reads the rest."""

    def __init__(self, found: Mapping[str, File]) -> None:
        super().__init__(0)
        texts = [each.text for each in found.values() if each.path.endswith(".py") and each.text]
        late = texts[int(len(texts) * SHARE) :] if len(texts) >= MANY else []
        self._late = dict.fromkeys(late, UNREAD)
        self._begun = Meanwhile(self._parsed) if late else None

    def _parsed(self) -> list[Module]:
        # The text is here already, and nobody has to send it.
        return [replace(python.parse("", text), source="") for text in self._late]

    def get(self, text: str) -> Module | None:
        """Return the facts of a text that the other process has parsed."""
        if text in self._late and self._begun is not None:
            begun, self._begun = self._begun, None
            done = zip(self._late, begun.result(), strict=True)
            self._late = {each: replace(module, source=each) for each, module in done}
        return self._late.get(text)


def _file(path: str, entry: Entry, blobs: Blobs) -> File:
    link = entry.mode == LINK
    if link or entry.size > WHOLE:
        head = b"" if link else blobs.head(entry.blob)
        return File(path, entry.size, head, link=link, tracked=True, blob=entry.blob)
    content = blobs.read(entry.blob)
    head = content[:8192]
    text, problem = None, ""
    limit = files.NOTEBOOK_LIMIT if path.endswith(".ipynb") else files.TEXT_LIMIT
    if len(content) <= limit and not path.lower().endswith((".csv", ".tsv")):
        text, problem = files.decode(content)
    return File(path, entry.size, head, text, problem, tracked=True, blob=entry.blob)
