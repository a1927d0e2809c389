"""The files of a large repository in several processes: a parser is slow, and files are apart."""

import gc
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from tdsp.adopt.plan import Edit, Note

if TYPE_CHECKING:
    from tdsp.adopt.rewrite.work import Rewriter

MANY = 200  # files from which on a second process saves more than it costs
PART = 25
MOST_BYTES = 500_000_000  # more is not held in memory
Done = tuple[str, tuple[Edit, ...], list[Note]]
_shared: "list[Rewriter]" = []  # what a forked process finds, without a copy through a pipe


def each_file(work: "Rewriter", paths: list[str]) -> Iterator[Done]:
    """Yield path, edits and notes of each file, in the order of the paths."""
    workers = min(_cores(), 8)
    size = sum(work.repo.files[path].size for path in paths)
    if len(paths) < MANY or workers < 2 or sys.platform != "linux" or size > MOST_BYTES:
        for path in paths:
            yield path, *work.file(path)
        return
    asked = work.contents
    work.read_ahead(paths)
    parts = [paths[at : at + PART] for at in range(0, len(paths), PART)]
    _shared.append(work)
    gc.freeze()  # what is there before stays shared by all processes
    try:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
            for done in pool.map(_part, parts):
                yield from done
    finally:
        gc.unfreeze()
        _shared.clear()
        work.contents = asked


def _part(paths: list[str]) -> list[Done]:
    """Edit some files. They leave nothing behind that only the collector could free."""
    gc.disable()
    return [(path, *_shared[0].file(path)) for path in paths]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
