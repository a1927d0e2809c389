"""Taking an adoption back: the branch, the tag, the index and the work tree are as they were."""

from dataclasses import dataclass, replace
from pathlib import Path

from tdsp.adopt import worktree
from tdsp.adopt.apply import BRANCH, TAG
from tdsp.adopt.gitwork import Git
from tdsp.adopt.tree import shown
from tdsp.adopt.worktree import Journal
from tdsp.errors import TdspError

BY_HAND = f"`git switch BRANCH`, `git branch -D {BRANCH}`, `git tag -d {TAG}`"


@dataclass(frozen=True)
class Undone:
    """The branch that is checked out again, and commits of people that went with the branch."""

    branch: str
    commit: str
    lost: tuple[str, ...] = ()


def undo(folder: Path, force: bool = False) -> Undone:
    """Take the adoption of a repository back. Raises TdspError where work would be lost."""
    git = Git(folder)
    journal = worktree.read(git)
    if journal is None:
        if git.ref(f"refs/heads/{BRANCH}"):
            raise TdspError(
                f"what is needed to go back is not in this clone: by hand, {BY_HAND}, with your"
                " branch for BRANCH"
            )
        raise TdspError("there is no adoption to undo")
    _not_merged(git, journal)
    lost = _theirs(git, journal)
    if lost and not force:
        raise TdspError(
            f"{BRANCH} has commits after the adoption, which would go: {', '.join(lost[:5])};"
            " --force undoes all the same"
        )
    head = git.text("symbolic-ref", "--quiet", "HEAD")
    if not journal.done:
        restore(git, journal)
    else:
        _leave(git, journal, head == f"refs/heads/{BRANCH}", bool(lost))
    return Undone(journal.branch, journal.commit, tuple(lost))


def restore(git: Git, journal: Journal) -> None:
    """Play the journal backwards, and remove the branch and the tag that it made."""
    worktree.back(git, journal)
    _remove(git, journal)


def _not_merged(git: Git, journal: Journal) -> None:
    tip = git.ref(f"refs/heads/{journal.branch}")
    inside = git.try_run("merge-base", "--is-ancestor", journal.adopted, tip) if tip else None
    if inside is not None and tip:
        raise TdspError(
            f"{journal.branch} has the adoption already: `git revert -m 1 MERGE` takes the merge"
            " back, and keeps what came after it"
        )


def _theirs(git: Git, journal: Journal) -> list[str]:
    tip = git.ref(f"refs/heads/{BRANCH}")
    if not tip or tip in (journal.adopted, journal.commit):
        return []
    listed = git.run("log", "--format=%h %s", f"{journal.adopted}..{tip}").decode(errors="replace")
    return [shown(line) for line in listed.splitlines()] or [tip[:12]]


def _leave(git: Git, journal: Journal, here: bool, more: bool) -> None:
    """Go back from a branch that is checked out; from another one only the names go."""
    if here:
        _clean(git)
        same = git.ref(f"refs/heads/{journal.branch}") == journal.commit
        if more or not same:
            git.run("checkout", "--quiet", journal.branch, "--")
        else:
            worktree.write(git, replace(journal, done=False))  # an interruption can be resumed
            worktree.back(git, journal)
    _without_copies(git, journal)
    _remove(git, journal)


def _without_copies(git: Git, journal: Journal) -> None:
    """Remove data at the places of the adoption, where git has the same bytes at the old ones."""
    tracked = git.tree("HEAD") if journal.data else {}
    blobs = {entry.blob for entry in tracked.values()}
    for place, blob in journal.data:
        path = git.root / place
        if place in tracked or blob not in blobs or not path.is_file() or path.is_symlink():
            continue
        if git.text("hash-object", "--no-filters", "--", str(path)) == blob:
            path.unlink()
            worktree.prune(path, git.root)


def _clean(git: Git) -> None:
    status = git.run("status", "--porcelain=v1", "-z", "--untracked-files=no")
    if status:
        name = shown(status.split(b"\0")[0][3:].decode(errors="replace"))
        raise TdspError(f"{name} has changes that are not committed: commit or stash them first")


def _remove(git: Git, journal: Journal) -> None:
    if git.text("symbolic-ref", "--quiet", "HEAD") == f"refs/heads/{BRANCH}":
        git.run("symbolic-ref", "-m", "tdsp adopt undo", "HEAD", f"refs/heads/{journal.branch}")
    changes = []
    if tip := git.ref(f"refs/heads/{BRANCH}"):
        changes.append(f"delete refs/heads/{BRANCH} {tip}")
    if git.ref(f"refs/tags/{TAG}") == journal.commit:
        changes.append(f"delete refs/tags/{TAG}")
    if changes:
        git.refs(changes)
    worktree.forget(git)
