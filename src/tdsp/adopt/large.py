"""Large data files that DVC could keep: those that git tracks, and those that lie here ignored.

Which files are named here depends on sizes and kinds alone. `adopt.stored` takes them out of git.
"""

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tdsp.adopt.plan import Plan
from tdsp.adopt.tree import LINK, Tree, git, shown
from tdsp.errors import TdspError

FILE = 10_000_000  # bytes from which on a file is large
FOLDER, PART = 50_000_000, 1_000_000  # or one of PART and more, in a folder of FOLDER and more
KINDS = frozenset({"raw data", "derived data", "model"})
DATA = re.compile(
    r"(?i)\.(csv|tsv|parquet|feather|arrow|jsonl|ndjson|npy|npz|h5|hdf5|xlsx?|db|sqlite3?|zip|gz|bz2"
    r"|xz|zst|tar|pkl|pickle|joblib|pt|pth|onnx|safetensors|avro|orc|mp4|wav|tfrecord)$"
)
OTHERS = re.compile(
    r"(^|/)(\.?venv|env|node_modules|site-packages|build|dist|mlruns|mlartifacts|wandb|\.[^/]+)/"
)
PASSWORD = re.compile(r"://[^/@\s]*:[^/@\s]*@")


def with_data(plan: Plan, tree: Tree, remote: str) -> Plan:
    """Return the plan with its large data files, and where DVC is to keep them, "" for nowhere."""
    if plan.source == "tdsp":
        return plan
    large = (*candidates(plan, tree), *_untracked(plan, tree))
    return replace(plan, large=large, remote=address(remote, tree.root) if remote else "")


def offer(plan: Plan) -> str:
    """Return what to say of a plan's large data, "" without any."""
    if not plan.large:
        return "No data file is large, so nothing goes to DVC" if plan.remote else ""
    files = f"{len(plan.large)} large data file(s), such as {shown(plan.large[0])}:"
    if plan.remote:
        return f"{files} out of git, to DVC, with {shown(plan.remote)} as the remote"
    return f"{files} no change; --dvc REMOTE takes them to DVC, with a remote that all can reach"


def candidates(plan: Plan, tree: Tree) -> Iterator[str]:
    """Yield the tracked data files that are large, or that are a part of a large folder."""
    before = f"{plan.subdirectory}/" if plan.subdirectory else ""
    data = {
        each.path: posixpath.dirname(each.target) for each in plan.items
        if each.kind in KINDS and each.target and each.path.startswith(before)
        and tree.entries[each.path].mode != LINK and not each.edits
    }  # fmt: skip
    folders: Counter[str] = Counter()
    for path, folder in data.items():
        folders[folder] += tree.entries[path].size
    for path, folder in data.items():
        size = tree.entries[path].size
        if size >= FILE or (size >= PART and folders[folder] >= FOLDER):
            yield path


def _untracked(plan: Plan, tree: Tree) -> Iterator[str]:
    """Yield large data files that git ignores and DVC does not keep yet."""
    words = ("ls-files", "--others", "--ignored", "--exclude-standard", "-z")
    listed = git(tree.root, *words, "--", plan.subdirectory or ".")
    names = (os.fsdecode(each) for each in listed.split(b"\0") if each)
    data = [path for path in names if DATA.search(path) and not OTHERS.search(path)]
    large = [path for path in data if _size(tree.root / path) >= FILE]
    kept = {path.removesuffix(".dvc") for path in tree.entries if path.endswith(".dvc")}
    stages = _outputs(tree) if large else b""
    for path in large:
        above = {path[:at] for at, sign in enumerate(path) if sign == "/"} | {path}
        if not above & kept and os.fsencode(posixpath.basename(path)) not in stages:
            yield path


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else -1


def _outputs(tree: Tree) -> bytes:
    """Return the pipelines of a repository: what a stage makes is kept by DVC already."""
    ends = ("dvc.yaml", "dvc.lock")
    found = [e.blob for path, e in tree.entries.items() if posixpath.basename(path) in ends]
    return b"\n".join(git(tree.root, "cat-file", "blob", blob) for blob in found)


def address(remote: str, root: Path) -> str:
    """Return where DVC keeps data: an address, the name of a remote, or a folder's full path.

    Raises TdspError for a folder that cannot be one.
    """
    if PASSWORD.search(remote):
        raise TdspError(
            "the address of the remote has a password, which would be committed: leave it out, and"
            " give it to DVC by `dvc remote modify --local`"
        )
    if "://" in remote or re.fullmatch(r"[A-Za-z][\w-]*", remote):
        return remote
    folder = Path(remote).expanduser().absolute()
    inside = Path(os.path.normpath(folder))
    if inside.resolve().is_relative_to(root.resolve()):
        raise TdspError(f"{inside} is inside of the repository: DVC's data belong outside of it")
    if inside.exists() and not inside.is_dir():
        raise TdspError(f"{inside} is a file: DVC's data need a folder")
    if not inside.parent.is_dir():
        raise TdspError(f"{inside.parent} does not exist: is --dvc {remote} the right folder?")
    return str(inside)
