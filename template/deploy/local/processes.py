"""Processes that outlive the command that started them, known by the files that hold their ids."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ..plan import RolloutError

# The shell writes the id, so that a command that is killed has not lost what it started.
START = '"$@" >>"$LOG" 2>&1 </dev/null & echo $! >"$PID"'


def start(command: list[str], pid: Path, log: Path, folder: Path, env: Mapping[str, str]) -> None:
    """Start a program in the background; its id is in the file `pid`."""
    words = ["/bin/sh", "-c", START, "sh", *command]
    more = {"PID": str(pid.resolve()), "LOG": str(log.resolve())}
    subprocess.run(words, cwd=folder, env={**env, **more}, check=True, start_new_session=True)


def running(pid: Path, part: str) -> int | None:
    """Return the id in a file, if that process lives and its command line has `part` in it."""
    try:
        number = int(pid.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return number if alive(number, part) else None


def alive(number: int, part: str) -> bool:
    """Whether this process lives and its command line has `part` in it."""
    line = _ps("-ww", "-o", "stat=,command=", "-p", str(number)).strip()
    return part in line and not line.startswith("Z")


def children(parent: int) -> set[int]:
    """Return the ids of the living children of a process."""
    lines = (line.split() for line in _ps("-A", "-o", "pid=,ppid=,stat=").splitlines())
    return {int(pid) for pid, ppid, stat in lines if int(ppid) == parent and stat[0] != "Z"}


def _ps(*options: str) -> str:
    if (program := shutil.which("ps")) is None:
        raise RolloutError("ps is not installed (Debian: apt install procps)")
    done = subprocess.run([program, *options], capture_output=True, text=True, check=False)
    return done.stdout


def end(pid: Path, part: str, patience: float) -> None:
    """Let a process finish what it has begun, then see that it is gone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if (found := running(pid, part)) is None:
            break
        os.kill(found, number)
        until(lambda: running(pid, part) is None, patience)
    pid.unlink(missing_ok=True)


def until(holds: Callable[[], bool], patience: float) -> bool:
    """Wait until something holds; return whether it does."""
    limit = time.monotonic() + patience
    while not (held := holds()) and time.monotonic() < limit:
        time.sleep(0.05)
    return held
