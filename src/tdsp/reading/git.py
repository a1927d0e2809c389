"""What git's index says, without running anything that the repository names.

Only `git ls-files` and `git rev-parse` run. Neither applies filters; hooks and the file system
monitor are switched off, and nothing is fetched.
"""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

OFF = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.untrackedCache=false",
    "-c", "core.pager=cat",
    "-c", "safe.bareRepository=explicit",
)  # fmt: skip
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Index:
    """File -> blob id, "" for a file that git neither tracks nor ignores; and the commit."""

    files: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    submodules: tuple[str, ...] = ()


def index(root: Path) -> tuple[Index | None, str]:
    """Return (the index, ""), or (None, why there is none)."""
    inside = _run(root, "rev-parse", "--is-inside-work-tree")
    if inside is None:
        return None, "git is not installed or did not answer"
    if inside.returncode:
        message = os.fsdecode(inside.stderr)
        if "dubious ownership" in message:
            return None, "git refuses a folder of another owner (safe.directory)"
        return None, "not a git repository"
    if inside.stdout.strip() != b"true":
        return None, "bare"
    cached = _run(root, "ls-files", "--stage", "-z")
    others = _run(root, "ls-files", "--others", "--exclude-standard", "-z")
    if cached is None or others is None or cached.returncode or others.returncode:
        return None, "git could not read its index"
    files, submodules = {}, []
    for line in cached.stdout.split(b"\0"):
        about, _, name = line.partition(b"\t")
        mode, _, rest = about.partition(b" ")
        if mode == b"160000":
            submodules.append(os.fsdecode(name))
        elif name:
            files[os.fsdecode(name)] = rest.split(b" ")[0].decode()
    files.update((os.fsdecode(name), "") for name in others.stdout.split(b"\0") if name)
    head = _run(root, "rev-parse", "--verify", "--quiet", "HEAD")
    commit = head.stdout.decode().strip() if head and not head.returncode else ""
    return Index(files, commit, tuple(submodules)), ""


def _run(root: Path, *words: str) -> "subprocess.CompletedProcess[bytes] | None":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    calm = {
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    try:
        return subprocess.run(
            ["git", *OFF, *words],
            cwd=root,
            env=kept | calm,
            capture_output=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
