"""The files of a commit, out of git's objects: no work tree, no filters, no hooks, no network.

The objects are read through an empty repository of our own that borrows the object folder. So
nothing of the repository's settings counts, and what a partial clone lacks is missing and never
fetched.
"""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tdsp.errors import TdspError
from tdsp.reading import files, git
from tdsp.reading.files import File

ABSENT = "not read: this clone does not hold its content"
DAMAGED = "not read: git cannot read its content"
# Above it, the first bytes are asked for alone, so that git does not unpack the rest.
LARGE, MOST_LARGE, RESTARTS, SECONDS = 1_000_000, 200, 100, 600
TAG = re.compile(r"[A-Za-z0-9][\w+-]*(\.[\w+-]+)*(?<!\.lock)", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
REFERENCE = re.compile(r"[^\s\x00-\x1f\x7f:-][^\s\x00-\x1f\x7f:]*")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and where its objects are; `prefix` is the folder inside it that was asked for."""

    objects: str
    form: str
    prefix: str
    commit: str
    tree: str


@dataclass(slots=True)
class _Entry:
    path: str
    blob: str
    size: int


def is_bare(root: Path) -> bool:
    """Tell whether a folder is itself a repository without a work tree."""
    try:
        return (
            (root / "HEAD").is_file() and (root / "objects").is_dir() and (root / "refs").is_dir()
        )
    except OSError:
        return False


def find(root: Path, reference: str) -> Commit:
    """Return the commit that a name stands for. Raises TdspError when there is none."""
    name = files.shown(str(root))
    if not REFERENCE.fullmatch(reference):
        raise TdspError(f"{reference!a} is not the name of a commit")
    place = [f"--git-dir={root.resolve()}"] if is_bare(root) else []
    done = git.run(
        root, *place, "rev-parse", "--path-format=absolute", "--git-path", "objects",
        "--show-prefix", "--show-object-format", f"{reference}^{{commit}}", f"{reference}^{{tree}}",
    )  # fmt: skip
    if done is None:
        raise TdspError(f"{name}: git is not installed or did not answer")
    if done.returncode:
        message = os.fsdecode(done.stderr)
        if "dubious ownership" in message:
            raise TdspError(f"{name}: git refuses a folder of another owner (safe.directory)")
        if "not a git repository" in message:
            raise TdspError(f"{name} is not a git repository, so it has no commits")
        raise TdspError(f"{name} has no commit {reference}")
    lines = os.fsdecode(done.stdout).split("\n")
    if len(lines) != 6:
        raise TdspError(f"{name}: git's answer about {reference} cannot be read")
    return Commit(lines[0], lines[2], lines[1], lines[3], lines[4])


def read(commit: Commit) -> tuple[dict[str, File], git.Index]:
    """Return the files of a commit, and its submodules and date."""
    found: dict[str, File] = {}
    wanted: list[_Entry] = []
    submodules: list[str] = []
    with _borrowed(commit) as env:
        for mode, kind, blob, size, raw in _listed(commit, env):
            path = files.shown(raw)
            if kind == "commit":
                submodules.append(path)
            elif mode == "120000":
                found[path] = File(path, 0, link=True, tracked=True, blob=blob)
            elif size < 0:
                found[path] = File(path, 0, problem=ABSENT, tracked=True, blob=blob)
            elif len(found) >= files.MAX_FILES:
                problem = f"not read: more than {files.MAX_FILES:,} files"
                found[path] = File(path, 0, problem=problem)
                break
            else:
                problem = files.too_large(path, size)
                found[path] = File(path, size, problem=problem, tracked=True, blob=blob)
                if not problem and files.wanted(path, size):
                    wanted.append(_Entry(path, blob, size))
        found.update((file.path, file) for file in _contents(wanted, env))
        about = git.run(Path(commit.objects), "cat-file", "commit", commit.commit, env=env)
    date = git.date(about.stdout) if about else None
    return found, git.Index({}, commit.commit, tuple(submodules), date)


def listed(commit: Commit) -> Iterator[tuple[str, str]]:
    """Yield the path and the blob id of each file of a commit; no content is asked for."""
    with _borrowed(commit) as env:
        for _, kind, blob, _, raw in _listed(commit, env):
            if kind == "blob":
                yield files.shown(raw), blob


@contextmanager
def _borrowed(commit: Commit) -> Iterator[dict[str, str]]:
    """Give the environment of an empty repository that reads the objects of another."""
    with tempfile.TemporaryDirectory(prefix="tdsp-") as own:
        (Path(own) / "refs").mkdir()
        (Path(own) / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
        if commit.form != "sha1":
            setting = (
                f"[core]\nrepositoryformatversion = 1\n[extensions]\nobjectFormat = {commit.form}\n"
            )
            (Path(own) / "config").write_text(setting, encoding="utf-8")
        yield git.environment() | {
            "GIT_DIR": own,
            "GIT_OBJECT_DIRECTORY": commit.objects,
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }


def _listed(commit: Commit, env: dict[str, str]) -> Iterator[tuple[str, str, str, int, str]]:
    """Yield mode, kind, id, size (-1 when the object is not there) and path."""
    tree = f"{commit.commit}:{commit.prefix}" if commit.prefix else commit.tree
    with _git(env, "ls-tree", "-r", "-z", "-l", tree) as (process, output):
        rest = b""
        while chunk := output.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\0")
            for line in lines:
                about, _, name = line.partition(b"\t")
                mode, kind, blob, size = about.decode("ascii").split()
                yield mode, kind, blob, int(size) if size.isdigit() else -1, os.fsdecode(name)
        if process.wait():
            what = f"the folder {commit.prefix}" if commit.prefix else "its list of files"
            raise TdspError(f"git cannot read {what} in commit {commit.commit[:12]}")


def _contents(wanted: list[_Entry], env: dict[str, str]) -> Iterator[File]:
    """Yield the files whose content was asked for. What cannot be read costs only itself."""
    large = [each for each in wanted if each.size > LARGE and not files.is_text(each.path)]
    for number, each in enumerate(large):
        head = _head(each.blob, env) if number < MOST_LARGE else None
        problem = "" if head else DAMAGED
        if number >= MOST_LARGE:
            problem = f"first bytes not read: more than {MOST_LARGE} large files"
        yield File(each.path, each.size, head or b"", None, problem, tracked=True, blob=each.blob)
    apart = {each.path for each in large}
    places: dict[str, list[_Entry]] = {}
    for each in wanted:
        if each.path not in apart:
            places.setdefault(each.blob, []).append(each)
    for blob, content in _blobs(list(places), env):
        for each in places[blob]:
            if content is None:
                yield File(each.path, each.size, problem=DAMAGED, tracked=True, blob=each.blob)
            else:
                head, text, problem = files.facts(each.path, content)
                yield File(each.path, each.size, head, text, problem, tracked=True, blob=blob)


def _head(blob: str, env: dict[str, str]) -> bytes:
    with _git(env, "cat-file", "blob", blob) as (_, output):
        return output.read(files.HEAD)


def _blobs(blobs: list[str], env: dict[str, str]) -> Iterator[tuple[str, bytes | None]]:
    """Yield each blob with its content, None for one that is missing or damaged.

    Git ends at a damaged object, so it is started again behind it, a limited number of times.
    """
    done = 0
    for _ in range(RESTARTS):
        if done == len(blobs):
            return
        with tempfile.TemporaryFile() as asked:
            asked.write("\n".join(blobs[done:]).encode("ascii") + b"\n")
            asked.seek(0)
            batch = "cat-file", "--batch", "--buffer"
            with _git(env, *batch, stdin=asked.fileno()) as (_, output):
                while done < len(blobs):
                    about = output.readline().split()
                    content = None
                    if len(about) == 3 and int(about[2]) <= files.NOTEBOOK_LIMIT:
                        content = output.read(int(about[2]))
                        whole = len(content) == int(about[2]) and output.read(1) == b"\n"
                        content = content if whole and about[1] == b"blob" else None
                        about = about if whole else []
                    yield blobs[done], content
                    done += 1
                    if not about:
                        break
    yield from ((blob, None) for blob in blobs[done:])


@contextmanager
def _git(
    env: dict[str, str], *words: str, stdin: int = subprocess.DEVNULL
) -> Iterator[tuple["subprocess.Popen[bytes]", IO[bytes]]]:
    """Run git; it is ended when the reader is done with it, or after ten minutes."""
    settings = ("-c", f"core.bigFileThreshold={LARGE}")
    process = subprocess.Popen(
        ["git", *git.OFF, *settings, *words],
        env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    output = cast("IO[bytes]", process.stdout)
    watch = threading.Timer(SECONDS, process.kill)
    watch.daemon = True
    watch.start()
    try:
        yield process, output
    finally:
        watch.cancel()
        process.kill()
        output.close()
        process.wait()


def history(commit: Commit, *words: str) -> str:
    """Return what `git log` prints of these objects, "" where git cannot tell."""
    with _borrowed(commit) as env, _git(env, "log", *words) as (process, output):
        printed = output.read().decode("utf-8", "replace").strip()
        return "" if process.wait() else printed


def tags(commit: Commit, start: str) -> list[tuple[str, str, str]]:
    """Return name, time and commit of each tag whose name starts so, the oldest first.

    The names are read from the repository's files, and looked up among the objects by ours.
    """
    known = {}
    for name, value in _tag_files(Path(commit.objects).parent):
        if name.startswith(start) and COMMIT.fullmatch(value) and TAG.fullmatch(name):
            known[name] = value
    if not known:
        return []
    with _borrowed(commit) as env:
        lines = "".join(f"{value} refs/tags/{name}\n" for name, value in sorted(known.items()))
        (Path(env["GIT_DIR"]) / "packed-refs").write_text(lines, encoding="utf-8")
        form = "%(refname:strip=2)%00%(creatordate:iso-strict)%00%(objectname)%00%(*objectname)"
        words = ("for-each-ref", "--sort=creatordate", f"--format={form}", "refs/tags")
        with _git(env, *words) as (process, output):
            printed = output.read().decode("utf-8", "replace").splitlines()
            if process.wait():
                return []
    parts = [line.split("\0") for line in printed]
    return [(name, at, inner or outer) for name, at, outer, inner in parts]


def _tag_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the tags in a git folder; a link is not followed."""
    packed = folder / "packed-refs"
    if packed.is_file() and not packed.is_symlink():
        for line in packed.read_text(encoding="utf-8", errors="replace").splitlines():
            value, _, name = line.partition(" ")
            if name.startswith("refs/tags/"):
                yield name.removeprefix("refs/tags/"), value
    place = folder / "refs" / "tags"
    for path in sorted(place.iterdir()) if place.is_dir() and not place.is_symlink() else ():
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 100:
            yield path.name, path.read_text(encoding="utf-8", errors="replace").strip()
