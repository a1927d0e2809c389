"""Only what changed: findings in files that differ from a commit.

Facts are those of the whole repository. A file of a work tree is compared by its content, hashed
here as git does: git itself would run the filters that a repository names.
"""

import hashlib
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

from tdsp.check.run import Report, narrowed
from tdsp.errors import TdspError
from tdsp.reading import files, git, objects

BRANCHES = (
    "refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master",
    "refs/heads/main", "refs/heads/master",
)  # fmt: skip
REASON = "all that it found is in files that did not change"
CHUNK = 1 << 20


def base(root: Path, commit: str = "HEAD") -> str:
    """Return where the present line of work left the default branch. Raises TdspError."""
    name = files.shown(str(root))
    place = [f"--git-dir={root.resolve()}"] if objects.is_bare(root) else []
    for branch in BRANCHES:
        known = git.run(root, *place, "rev-parse", "--verify", "--quiet", f"{branch}^{{commit}}")
        if known is None or known.returncode:
            continue
        found = git.run(root, *place, "merge-base", branch, commit)
        if found is not None and not found.returncode:
            return found.stdout.decode("ascii").strip()
        raise TdspError(
            f"{name}: HEAD and {branch} have no commit in common here: fetch more of the history, "
            "or name a commit with --changed-since"
        )
    raise TdspError(f"{name} has no branch main or master: name a commit with --changed-since")


def only_changed(report: Report, root: Path, since: str, commit: str = "") -> Report:
    """Return a report of the findings in files that differ from `since`.

    Before the first commit, all differs from HEAD.
    """
    if since == "HEAD" and not commit and _unborn(root):
        return report
    before = objects.find(root, since)
    old = dict(objects.listed(before))
    now = dict(objects.listed(objects.find(root, commit))) if commit else None

    @cache
    def differs(path: str) -> bool:
        if now is not None:
            return old.get(path) != now.get(path)
        return path not in old or not _same(root / path, old[path], before.form)

    results, left = narrowed(report, lambda _, mark: differs(mark.path), REASON)
    return replace(report, results=results, unchanged=left)


def _unborn(root: Path) -> bool:
    index, _ = git.index(root)
    return index is not None and not index.commit


def _same(path: Path, blob: str, form: str) -> bool:
    """Tell whether a file has a blob's content, as it is or with the line ends that git keeps."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            found = hashlib.new(form, f"blob {size}\0".encode(), usedforsecurity=False)
            content = b""
            while chunk := file.read(CHUNK):
                found.update(chunk)
                content = chunk if size <= CHUNK else b""
    except OSError:
        return False
    if found.hexdigest() == blob:
        return True
    if b"\r\n" not in content:
        return False
    plain = content.replace(b"\r\n", b"\n")
    head = f"blob {len(plain)}\0".encode()
    return hashlib.new(form, head + plain, usedforsecurity=False).hexdigest() == blob
