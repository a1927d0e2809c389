"""Work that another process does at the same time, forked, so that it is told nothing first."""

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

Result = TypeVar("Result")
MOST_OPEN = 4096


def possible() -> bool:
    """Tell whether a second process would find a core of its own."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


class Meanwhile(Generic[Result]):
    """A piece of work that has begun. Where the other process fails, it is done here."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self.work = work
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe(duplex=False)
        context.Process(target=_send, args=(theirs, work), daemon=True).start()
        theirs.close()

    def result(self) -> Result:
        """Wait for the result; asked for once."""
        with self._pipe, suppress(EOFError, OSError):
            found: Result = self._pipe.recv()
            return found
        return self.work()


def _send(pipe: Connection, work: Callable[[], Result]) -> None:
    gc.disable()
    # Git, which is being asked here, would not learn that nobody asks any more.
    os.closerange(3, pipe.fileno())
    os.closerange(pipe.fileno() + 1, MOST_OPEN)
    with suppress(Exception):  # whoever waits does it again, and learns what is wrong
        pipe.send(work())
