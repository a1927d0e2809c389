"""Files and folders that are written whole or not at all, also when the power fails."""

import json
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HOST = re.sub(r"\W", "_", socket.gethostname())  # another container numbers its processes anew
LEFT = re.compile(r"\..*\.(?P<host>\w+)-(?P<process>\d+)-[0-9a-f]{8}(\.[\w-]+)?")
STALE = 86_400  # seconds after which nobody writes to a temporary file any more


@contextmanager
def replacing(path: Path, folder: bool = False) -> Iterator[Path]:
    """Give a temporary file, or an empty folder, that replaces `path` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    if folder:
        temporary.mkdir()
    try:
        yield temporary
        if temporary.exists():
            _place(temporary, path)
    finally:
        _remove(temporary)


def write_json(value: Any, path: Path) -> None:
    """Write a value as JSON that reads well."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds, and nothing where it is missing or torn."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _temporary(path: Path) -> Path:
    """Name what stands for `path` while it is made; remove what killed processes left there."""
    for left in path.parent.glob(".*-*"):
        with suppress(OSError):  # another process has removed it, or it is another user's
            if (made := LEFT.fullmatch(left.name)) and not _in_use(left, **made.groupdict()):
                _remove(left)
    own = f"{HOST}-{os.getpid()}-{uuid.uuid4().hex[:8]}"  # two threads may write one file
    return path.with_name(f".{path.stem}.{own}{path.suffix}")


def _in_use(path: Path, host: str, process: str) -> bool:
    if host != HOST or os.name == "nt":  # where `kill` would end the process
        return time.time() - path.stat().st_mtime < STALE
    try:
        os.kill(int(process), 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # somebody else's
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _place(temporary: Path, path: Path) -> None:
    """Rename when the content is on the disk: a power cut would leave a name without content."""
    if temporary.is_dir():
        for file in temporary.iterdir():
            _sync(file)
        _remove(path)
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # where a folder cannot be opened
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
