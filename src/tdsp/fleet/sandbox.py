"""A project's own checks, in a copy. This runs the repository's code, so it is off by default.

On Linux `unshare` gives the copy no network, processes of its own, and an empty folder in place of
the caller's home. It is a fence against mistakes, not against an attacker: what else the caller may
read or write on the disk, the code may too.
"""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tdsp.errors import TdspError
from tdsp.fleet.room import RepositoryError, Room, run

COMMAND = "uv run poe check"
SECONDS, MEGABYTES = 1_800, 4_096
UNSHARE = (
    "unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child",
)  # fmt: skip
# $0: the folders to cover, one a line; $1: kilobytes; $2: seconds of processor time; $3: command.
FENCED = """
set -e
printf '%s\\n' "$0" | while IFS= read -r folder; do
  [ -z "$folder" ] || mount -t tmpfs tmpfs "$folder"
done
"""
LIMITED = """
ulimit -v "$1"
ulimit -t "$2"
ulimit -c 0
eval "$3"
"""


@cache
def has_fence() -> bool:
    """Tell whether this machine lets us take the network and the home away."""
    if shutil.which(UNSHARE[0]) is None:
        return False
    trial = [*UNSHARE, "sh", "-c", 'mount -t tmpfs tmpfs "$0"', tempfile.gettempdir()]
    return not subprocess.run(trial, capture_output=True, check=False, timeout=20).returncode


def allowed(sandbox: bool) -> None:
    """Raise TdspError when the checks may not run here."""
    if sandbox and not has_fence():
        raise TdspError(
            "--run-checks runs the repositories' code, and this machine cannot take its network"
            " away (unshare does not work): run it in a container or on Linux with user"
            " namespaces, or add --no-sandbox when you trust all of them"
        )


def checks(room: Room, commit: str, command: str, sandbox: bool, hidden: tuple[Path, ...]) -> str:
    """Run the checks of a commit in a copy. Raises RepositoryError when they fail."""
    allowed(sandbox)
    with tempfile.TemporaryDirectory(prefix="tdsp-checks-", ignore_cleanup_errors=True) as scratch:
        copy = Path(scratch, "copy")
        room.git("clone", "--quiet", "--no-checkout", f"file://{room.tree}", str(copy))
        inside = Room(Path(scratch), room.seconds)
        home = Path(scratch, "home")
        home.mkdir()
        shutil.copy2(room.folder / "home" / "settings", home / "settings")
        place = ("-C", str(copy))
        room.git(*place, "checkout", "--quiet", "--detach", commit)
        room.git(*place, "remote", "remove", "origin")
        kept = {"PATH", "HOME", "TMPDIR", "LC_ALL", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"}
        environment = {k: v for k, v in inside.environment().items() if k in kept}
        environment |= {"TMPDIR": scratch, "UV_OFFLINE": "1" if sandbox else "0"}
        covered = "\n".join(str(path) for path in hidden if _may_cover(path, copy))
        words = [covered, str(MEGABYTES * 1024), str(SECONDS), command]
        if sandbox:
            full = [*UNSHARE, "sh", "-c", FENCED + LIMITED, *words]
        else:
            full = ["sh", "-c", LIMITED, *words]
        code, out, said = run(full, copy, environment, SECONDS)
    lines = [line for line in (out.decode("utf-8", "replace") + said).splitlines() if line.strip()]
    if code:
        raise RepositoryError(
            f"its checks failed ({command}): {' '.join(lines[-2:])[:300] or code}"
        )
    return "passed"


def _may_cover(path: Path, copy: Path) -> bool:
    """Tell whether a folder can be covered without taking the copy away."""
    return path.is_dir() and path not in copy.parents and os.access(path, os.X_OK)
