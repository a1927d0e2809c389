"""copier as a server: it is imported once, and forked for each call that `python -m copier` makes.

`python copier_once.py SOCKET` serves. `python copier_once.py SOCKET ARGUMENT...` has a call made
in this process's folder, with its environment and streams, and ends as the call does. Where the
caller is killed the call goes on alone, as a command's does.
"""

import array
import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

STREAMS = (0, 1, 2)


def ask(place: str, words: list[str]) -> int:
    """Have a call made; return its exit code."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place)
        said = json.dumps([words, str(Path.cwd()), dict(os.environ)]).encode()
        streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", STREAMS))]
        line.sendmsg([len(said).to_bytes(4, "big")], streams)
        line.sendall(said)
        return int(line.recv(16) or b"9")


def serve(place: str) -> NoReturn:
    """Answer calls for ever, each in a process of its own."""
    from copier._cli import CopierApp  # what a call would spend its time on

    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen(16)
        print("ready", flush=True)
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                door.close()
                answer(line, CopierApp)
            line.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def answer(line: socket.socket, copier: Any) -> NoReturn:
    """Make one call; this process ends with it."""
    size, streams, _, _ = socket.recv_fds(line, 4, len(STREAMS))
    said = b""
    while len(said) < int.from_bytes(size, "big"):
        said += line.recv(65536)
    words, folder, environment = json.loads(said)
    for stream, number in zip(streams, STREAMS, strict=True):
        os.dup2(stream, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    from plumbum import local

    local.env.clear()
    local.env.update(environment)
    local.cwd.chdir(folder)
    try:
        code = copier.run(["copier", *words], exit=False)[1]
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    with suppress(OSError):  # who asked was killed
        line.sendall(str(int(code or 0)).encode())
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[2:]:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    serve(sys.argv[1])
