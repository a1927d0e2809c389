"""Runs before a script's own first line: records the files it opens, and blocks the network.

Python imports it as `sitecustomize`. It stands alone: the script's environment need not have tdsp.
"""

import os
import sys
from typing import Any

_LOG = os.environ.get("TDSP_RECORD", "")
_ROOT = os.environ.get("TDSP_ROOT", "")
_BLOCK = os.environ.get("TDSP_BLOCK", "")
_busy = False


def _note(kind: str, path: Any) -> None:
    global _busy
    if _busy:
        return
    _busy = True
    try:
        full = os.path.realpath(os.fsdecode(path))
        if kind == "input" or full.startswith(_ROOT + os.sep):
            with open(_LOG, "ab") as file:  # noqa: PTH123 (it has to be quick to start)
                name = b"" if kind == "input" else os.fsencode(full[len(_ROOT) + 1 :])
                file.write(kind.encode() + b" " + name + b"\0")
    except (OSError, TypeError, ValueError):
        pass
    finally:
        _busy = False


def _hook(event: str, args: Any) -> None:
    if event == "open" and isinstance(args[0], (str, bytes)):
        mode, flags = args[1], args[2]
        writes = bool(set(mode or "") & set("wax+")) or bool(
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        _note("write" if writes else "read", args[0])
    elif event == "builtins.input":
        _note("input", "")
    elif _BLOCK and (
        event == "socket.getaddrinfo"
        or (event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple))
    ):
        raise OSError(101, "no network while tdsp verifies")


if _LOG:
    sys.addaudithook(_hook)
