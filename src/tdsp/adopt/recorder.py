"""Runs before a script's own first line: records the files it opens, and blocks the network.

Python imports it as `sitecustomize`. It stands alone: the script's environment need not have tdsp.
"""

import os
import sys
from typing import Any

_LOG = os.environ.get("TDSP_RECORD", "")
_ROOT = os.environ.get("TDSP_ROOT", "")
_TOP = os.path.dirname(_ROOT) + os.sep  # noqa: PTH120
_BLOCK = os.environ.get("TDSP_BLOCK", "")
_busy = False


def _note(kind: str, path: Any) -> None:
    global _busy
    if _busy:
        return
    _busy = True
    try:
        full = os.path.realpath(os.fsdecode(path))
        if full.startswith(_ROOT + os.sep):
            _write(kind, full[len(_ROOT) + 1 :])
        elif kind == "input":
            _write(kind, "")
        elif kind == "write" and not full.startswith((_TOP, "/dev/", "/proc/")):
            _write("outside", full)
    except (OSError, TypeError, ValueError):
        pass
    finally:
        _busy = False


def _write(kind: str, name: str) -> None:
    with open(_LOG, "ab") as file:  # noqa: PTH123 (it has to be quick to start)
        file.write(kind.encode() + b" " + os.fsencode(name) + b"\0")


def _hook(event: str, args: Any) -> None:
    if event == "open" and isinstance(args[0], (str, bytes)):
        mode, flags = args[1], args[2]
        writes = bool(set(mode or "") & set("wax+")) or bool(
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        _note("write" if writes else "read", args[0])
    elif event == "sqlite3.connect":
        _note("read", args[0])
    elif event == "builtins.input":
        _note("input", "")
    elif _BLOCK and (
        event == "socket.getaddrinfo"
        or (event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple))
    ):
        raise OSError(101, "no network while tdsp verifies")


if _LOG:
    sys.addaudithook(_hook)
