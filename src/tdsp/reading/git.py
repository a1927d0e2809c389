"""What git's index says, without running anything that the repository names.

Only `git ls-files`, `rev-parse` and `cat-file` run. None applies filters; hooks and the file system
monitor are switched off, and nothing is fetched.
"""

import datetime
import os
import re
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
    committed: datetime.datetime | None = None


def index(root: Path) -> tuple[Index | None, str]:
    """Return (the index, ""), or (None, why there is none)."""
    inside = run(root, "rev-parse", "--is-inside-work-tree")
    if inside is None:
        return None, "git is not installed or did not answer"
    if inside.returncode:
        message = os.fsdecode(inside.stderr)
        if "dubious ownership" in message:
            return None, "git refuses a folder of another owner (safe.directory)"
        return None, "not a git repository"
    if inside.stdout.strip() != b"true":
        return None, "bare"
    cached = run(root, "ls-files", "--stage", "-z")
    others = run(root, "ls-files", "--others", "--exclude-standard", "-z")
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
    return Index(files, *_head(root, tuple(submodules))), ""


def _head(
    root: Path, submodules: tuple[str, ...]
) -> tuple[str, tuple[str, ...], datetime.datetime | None]:
    done = run(root, "cat-file", "--batch", given=b"HEAD^{commit}\n")
    about, _, content = (done.stdout if done else b"").partition(b"\n")
    if about.split()[1:2] != [b"commit"]:
        return "", submodules, None
    return about.split()[0].decode("ascii"), submodules, date(content)


def date(commit: bytes) -> datetime.datetime | None:
    """Return when a commit was made, by the content of its object."""
    match = re.search(rb"^committer [^\n]*> (\d{1,11}) [+-]\d{4}$", commit, re.MULTILINE)
    try:
        return datetime.datetime.fromtimestamp(int(match[1]), tz=datetime.UTC) if match else None
    except (ValueError, OverflowError, OSError):
        return None


def environment() -> dict[str, str]:
    """Return the caller's environment without git's settings, and with those that keep it calm."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def run(
    root: Path, *words: str, env: dict[str, str] | None = None, given: bytes = b""
) -> "subprocess.CompletedProcess[bytes] | None":
    """Run git within a minute; None when there is no git, or no answer."""
    try:
        return subprocess.run(
            ["git", *OFF, *words],
            cwd=root,
            env=environment() if env is None else env,
            capture_output=True,
            timeout=SECONDS,
            input=given,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
