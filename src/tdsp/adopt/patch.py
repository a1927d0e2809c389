"""`plan.patch`: the exact diff of a plan, made in objects and an index beside the repository's."""

import os
import tempfile
from pathlib import Path

from tdsp.adopt.plan import Plan, apply_edits
from tdsp.adopt.tree import Blobs, Tree, git, shown
from tdsp.errors import TdspError

EMPTY = b""


def as_patch(plan: Plan, tree: Tree) -> bytes:
    """Return what `git apply` takes; empty where a plan changes nothing.

    The repository is read only: new objects and the index live in a temporary folder.
    """
    changed = any(each.target != each.path or each.edits for each in plan.items)
    if not changed:
        return EMPTY
    with tempfile.TemporaryDirectory(prefix="tdsp-") as folder:
        env = _beside(tree.root, Path(folder))
        lines = _index(plan, tree, env, Path(folder))
        git(tree.root, "update-index", "-z", "--index-info", given=b"".join(lines), env=env)
        made = git(tree.root, "write-tree", env=env).decode().strip()
        return git(
            tree.root, "diff-tree", "-p", "-r", "--binary", "--full-index", "--no-ext-diff",
            "--no-textconv", "--no-color", "-M", "-l0", "--src-prefix=a/", "--dst-prefix=b/",
            tree.commit, made, env=env,
        )  # fmt: skip


def _beside(root: Path, folder: Path) -> dict[str, str]:
    objects = os.fsdecode(git(root, "rev-parse", "--git-path", "objects")).rstrip("\n")
    (folder / "objects").mkdir()
    return {
        "GIT_INDEX_FILE": str(folder / "index"),
        "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((root / objects).resolve()),
    }


def _index(plan: Plan, tree: Tree, env: dict[str, str], folder: Path) -> list[bytes]:
    made = _written(plan, tree, env, folder)
    lines = []
    for item in plan.items:
        if item.target:
            mode, blob = tree.entries[item.path].mode, made.get(item.path, item.blob)
            lines.append(f"{mode} {blob}\t".encode() + os.fsencode(item.target) + b"\0")
    lines += [f"160000 {blob}\t".encode() + raw + b"\0" for blob, raw in _submodules(tree)]
    return lines


def _written(plan: Plan, tree: Tree, env: dict[str, str], folder: Path) -> dict[str, str]:
    """Write the edited files as objects, all in one stream; return path -> blob id."""
    edited = [item for item in plan.items if item.edits and item.target]
    if not edited:
        return {}
    told: list[bytes] = []
    with Blobs(tree.root, tree.held) as blobs:
        for number, item in enumerate(edited, 1):
            try:
                content = apply_edits(blobs.read(item.blob), item.edits)
            except ValueError as error:
                raise TdspError(f"{shown(item.path)}: {error}") from error
            told.append(b"blob\nmark :%d\ndata %d\n%b\n" % (number, len(content), content))
    marks = folder / "marks"
    # No compression and no deltas: what is written here is read once, and thrown away.
    plain = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.compression",
        "GIT_CONFIG_VALUE_0": "0",
    }
    words = ("fast-import", "--quiet", "--depth=0", f"--export-marks={marks}")
    git(tree.root, *words, given=b"".join(told), env=env | plain)
    made = dict(line.split() for line in marks.read_text(encoding="ascii").splitlines())
    return {item.path: made[f":{number}"] for number, item in enumerate(edited, 1)}


def _submodules(tree: Tree) -> list[tuple[str, bytes]]:
    found = []
    for path in tree.submodules:
        about = git(tree.root, "ls-tree", "-z", "--full-tree", tree.commit, "--", path)
        found.append((about.split()[2].decode(), os.fsencode(path)))
    return found
