"""The work tree goes from one commit to another by renames alone, so that each step turns back.

What is new is first written into git's folder. Then the files change places: a moved file is
renamed, the old form of an edited one is kept in git's folder, and a file that is only untracked
stays. A journal has every rename; played backwards it gives the work tree from before, to the byte,
from wherever an interruption has left it.
"""

import errno
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tdsp.adopt.gitwork import Git, Tree
from tdsp.adopt.tree import shown
from tdsp.errors import TdspError

FOLDER = "tdsp-adopt"
STAGED, KEPT, PASSING = "new", "old", "passing"


@dataclass(frozen=True)
class Journal:
    """What is needed to go back: where the repository was, and every rename in its order.

    A path starts with "/" for the work tree's, without for one of git's folder. `done` tells
    whether the branch was checked out to the end. `data` has the new place and the blob of each
    file that moved and left git for DVC.
    """

    branch: str
    commit: str
    adopted: str
    renames: tuple[tuple[str, str], ...]
    done: bool = False
    data: tuple[tuple[str, str], ...] = ()


def place(git: Git) -> Path:
    """Return the folder inside git's own in which an adoption keeps what it needs to go back."""
    return git.folder / FOLDER


def read(git: Git) -> Journal | None:
    """Return the journal of an adoption, None without one."""
    path = place(git) / "journal.json"
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        renames = tuple((str(old), str(new)) for old, new in found.pop("renames"))
        data = tuple((str(name), str(blob)) for name, blob in found.pop("data", ()))
        return Journal(renames=renames, data=data, **found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TdspError(f"{path} cannot be read: {error}") from error


def write(git: Git, journal: Journal) -> None:
    """Write the journal, all of it or nothing."""
    folder = place(git)
    folder.mkdir(exist_ok=True)
    passing = folder / "journal.new"
    with passing.open("w", encoding="utf-8") as file:
        json.dump(asdict(journal), file)
        file.flush()
        os.fsync(file.fileno())
    passing.replace(folder / "journal.json")


def blocked(git: Git, old: Tree, new: Tree) -> list[str]:
    """Return the new paths at which the work tree has something that git does not track."""
    found = []
    for path in new.keys() - old.keys():
        parents = [path[:at] for at, sign in enumerate(path) if sign == "/"]
        alone = [git.root / each for each in parents if each not in old]
        taken = os.path.lexists(git.root / path) and not _same_but_case(path, old)
        if taken or any(each.is_symlink() or each.is_file() for each in alone):
            found.append(path)
    return sorted(found)


def _same_but_case(path: str, old: Tree) -> bool:
    return any(path.casefold() == each.casefold() for each in old)


def stage(git: Git, commit: str, old: Tree, new: Tree, moves: dict[str, str]) -> tuple[str, ...]:
    """Write what is new into git's folder, with line ends as git would write them.

    Returns the paths. Raises TdspError, for a full disk too, before the work tree has changed.
    """
    came = {target: path for path, target in moves.items()}
    fresh = []
    for path, entry in new.items():
        source = came.get(path, "" if path in moves else path)
        if old.get(source) != entry:
            fresh.append(path)
    folder = place(git)
    shutil.rmtree(folder, ignore_errors=True)
    target = folder / STAGED
    target.mkdir(parents=True)
    shutil.copyfile(git.index, folder / "index.old")
    env = {"GIT_INDEX_FILE": str(folder / "index.new")}
    git.run("read-tree", commit, env=env)
    names = b"".join(os.fsencode(path) + b"\0" for path in fresh)
    git.run("checkout-index", "-z", "--stdin", f"--prefix={target}/", given=names, env=env)
    lost = [path for path in fresh if not os.path.lexists(target / path)]
    if lost:
        raise TdspError(f"git did not write {shown(lost[0])}; nothing was changed")
    return tuple(fresh)


def renames(old: Tree, moves: dict[str, str], fresh: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return every rename that leads from one tree to the other, in order.

    All that moves leaves its place before anything takes a new one: names may be swapped, differ
    only in case, or be a folder where a file has been.
    """
    away, there, new = [], [], set(fresh)
    for number, (path, target) in enumerate(sorted(moves.items())):
        kept = target in new  # an edited file: its old form is kept
        passing = f"{KEPT if kept else PASSING}/{number}"
        away.append((f"/{path}", passing))
        if not kept:
            there.append((passing, f"/{target}"))
    for number, path in enumerate(fresh):
        if path in old and path not in moves:
            away.append((f"/{path}", f"{KEPT}/same-{number}"))
        there.append((f"{STAGED}/{path}", f"/{path}"))
    return away + there


def forward(git: Git, journal: Journal) -> None:
    """Carry the renames out, and put the new index in its place."""
    root, folder = git.root, place(git)
    for old, new in journal.renames:
        _rename(_path(root, folder, old), _path(root, folder, new), root)
    git.try_run("update-index", "-q", "--refresh", env={"GIT_INDEX_FILE": f"{folder}/index.new"})
    lock = git.index.with_name("index.lock")
    _take(folder / "index.new", lock)
    lock.replace(git.index)


def back(git: Git, journal: Journal) -> None:
    """Carry the renames out backwards, from wherever they have stopped."""
    root, folder = git.root, place(git)
    for old, new in reversed(journal.renames):
        source, target = _path(root, folder, old), _path(root, folder, new)
        if os.path.lexists(target) and not os.path.lexists(source):
            _rename(target, source, root)
    lock, ours = git.index.with_name("index.lock"), folder / "index.new"
    if lock.is_file() and ours.is_file() and ours.read_bytes().startswith(lock.read_bytes()):
        lock.unlink()
    if (folder / "index.old").is_file():
        (folder / "index.old").replace(git.index)
    git.try_run("update-index", "-q", "--refresh")


def finish(git: Git, journal: Journal) -> Journal:
    """Record that the branch is checked out; what was only passing through goes."""
    ended = replace(journal, done=True)
    write(git, ended)
    for name in (STAGED, PASSING):
        shutil.rmtree(place(git) / name, ignore_errors=True)
    return ended


def forget(git: Git) -> None:
    """Remove what an adoption kept in git's folder."""
    (place(git) / "journal.json").unlink(missing_ok=True)
    shutil.rmtree(place(git), ignore_errors=True)


def _path(root: Path, folder: Path, name: str) -> Path:
    return root / name[1:] if name.startswith("/") else folder / name


def _take(source: Path, target: Path) -> None:
    """Copy a file to a name that must be free."""
    try:
        with target.open("xb") as file:
            file.write(source.read_bytes())
    except FileExistsError as error:
        raise TdspError(
            f"{target} is there: another git runs in this repository; when none does, remove it"
        ) from error


def _rename(source: Path, target: Path, root: Path) -> None:
    """Rename, make the folders of the new name, and remove the old ones that became empty."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:  # git's folder is on another file system
            raise
        shutil.move(source, target)
    prune(source, root)


def prune(gone: Path, root: Path) -> None:
    """Remove the folders above a path that became empty."""
    folder = gone.parent
    while folder != root and root in folder.parents:
        try:
            folder.rmdir()  # a folder that is not empty stays
        except OSError:
            break
        folder = folder.parent
