"""Secrets in older versions of files: named, and never shown. History itself is left as it is."""

import re
from collections.abc import Iterable, Iterator

from tdsp.adopt.plan import Note
from tdsp.adopt.tree import Blobs, Tree, git
from tdsp.check.security import known_secrets
from tdsp.errors import TdspError

LARGEST = 1_000_000  # bytes of a text in which a person may have written a secret
MOST = 40_000_000  # bytes that are read at most
NO_TEXT = re.compile(
    r"(?i)\.(csv|tsv|png|jpe?g|gif|pdf|svg|ico|zip|gz|pkl|joblib|h5|npy|parquet|xlsx?|mp4|lock)$"
    r"|(^|/)tests?/"
)


def old_secrets(tree: Tree, subdirectory: str, said: Iterable[Note]) -> tuple[Note, ...]:
    """Return a note for each file of which an older version holds a secret of a known form.

    `said` are the notes of the present files; what they name is not named again.
    """
    before = f"{subdirectory}/" if subdirectory else ""
    named = {(each.path, kind) for each in said for kind in _kinds(each.text)}
    found: dict[tuple[str, str], str] = {}
    try:
        olds, unread = _old(tree)
        with Blobs(tree.root) as blobs:
            for blob, path in olds:
                if not path.startswith(before):
                    continue
                for kind, _ in known_secrets(blobs.read(blob).decode("latin-1")):
                    found.setdefault((path.removeprefix(before), kind), blob)
    except TdspError as error:
        return (Note("", 0, f"older versions of files were not searched for secrets: {error}"),)
    notes = [
        Note(path, 0, f"{kind} stands here in history, in blob {blob[:12]}: revoke it (not shown)")
        for (path, kind), blob in sorted(found.items()) if (path, kind) not in named
    ]  # fmt: skip
    if unread:
        what = f"{unread} older versions of files, of {MOST // 1_000_000} MB and more together"
        notes.append(Note("", 0, f"{what}, were not searched for secrets"))
    return tuple(notes)


def _kinds(text: str) -> Iterator[str]:
    if " stands here" in text:
        yield text.split(" stands here")[0]


def _old(tree: Tree) -> tuple[list[tuple[str, str]], int]:
    """Return (blob, path) of older versions that may be texts, and how many are too much."""
    now = {entry.blob for entry in tree.entries.values()}
    listed = git(tree.root, "rev-list", "--objects", "--missing=allow-any", "--all", "HEAD")
    paths: dict[str, str] = {}
    for line in listed.decode("utf-8", "surrogateescape").split("\n"):
        name, _, path = line.partition(" ")
        if path and name not in now and not NO_TEXT.search(path):
            paths[name] = path
    asked = "".join(f"{name}\n" for name in paths).encode()
    words = ("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)")
    found, total, unread = [], 0, 0
    for line in git(tree.root, *words, given=asked).decode().splitlines():
        name, kind, size = (*line.split(" "), "", "")[:3]
        if kind != "blob" or int(size) > LARGEST:
            continue
        total += int(size)
        if total > MOST:
            unread += 1
        else:
            found.append((name, paths[name]))
    return found, unread
