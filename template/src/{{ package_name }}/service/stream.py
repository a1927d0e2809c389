"""Keep the rows that the service answers, as `collect` does those of a file.

Rows wait in memory until a thread writes them: an answer does not wait for the disk, nor fail with
it.
"""

import logging
import threading
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..operate.collect import keep, part_name, part_rows, together
from ..settings import Collect

log = logging.getLogger(__name__)

SECONDS = 2.0  # between two writes
WAKE = 1_000  # rows that are written without waiting that long
MOST = 20_000  # rows that wait for a slow disk; more are lost


class Stream:
    """Keeps rows in `folder`. `lost` counts those that could not be written, and `on_lost` too."""

    def __init__(self, folder: Path, settings: Collect) -> None:
        self.lost = 0
        self.on_lost: Callable[[float], object] = lambda rows: None
        self._folder, self._settings = folder, settings
        self._share = settings.share if settings.max_rows else 0.0
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._waiting: list[tuple[Any, ...]] = []
        self._rows, self._count = 0, 0
        self._part, self._path = pa.table({}), folder
        self._wake, self._closed = threading.Event(), False
        self._thread: threading.Thread | None = None

    def add(
        self,
        rows: list[dict[str, Any]],
        predicted: dict[str, np.ndarray],
        ids: list[str],
        model_id: str,
        at: datetime,
    ) -> None:
        """Take the rows of a request, which must not change later. Never raises, never waits."""
        if not self._share:
            return
        with self._lock:
            if self._rows + len(rows) > MOST:
                self._lose(len(rows), "they come faster than the disk takes them")
                return
            self._waiting.append((rows, predicted, ids, model_id, at))
            self._rows += len(rows)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
                self._thread.start()
        if self._rows >= WAKE:
            self._wake.set()

    def flush(self) -> None:
        """Write what waits. Never raises: what cannot be written is counted, and logged once."""
        with self._writing:
            with self._lock:
                waiting, rows = self._waiting, self._rows
                self._waiting, self._rows = [], 0
            try:
                self._write(self._drawn(waiting))
            except Exception as error:
                self._lose(rows, error)

    def close(self) -> None:
        """Write everything, and stop the thread."""
        self._closed = True
        self._wake.set()
        if self._thread:
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(SECONDS)
            self._wake.clear()
            self.flush()

    def _lose(self, rows: int, why: object) -> None:
        if not self.lost:
            fields = {"folder": str(self._folder), "reason": str(why)}
            log.warning("rows are not collected", extra={"fields": fields})
        self.lost += rows
        self.on_lost(rows)

    def _drawn(self, waiting: list[tuple[Any, ...]]) -> pa.Table:
        """Draw the rows to keep: the same id is always kept, or never."""
        below, kept = self._share * 2**32, []
        for rows, predicted, ids, model_id, at in waiting:
            values = {name: array.tolist() for name, array in predicted.items()}
            for place, (row, key) in enumerate(zip(rows, ids, strict=True)):
                if zlib.crc32(key.encode()) < below:
                    found = {name: value[place] for name, value in values.items()}
                    stamps = {"prediction_id": key, "model_id": model_id, "scored_at": at}
                    kept.append({**row, **found, **stamps})
        names = dict.fromkeys(name for row in kept for name in row)
        return pa.table({name: pa.array([row.get(name) for row in kept]) for name in names})

    def _write(self, rows: pa.Table) -> None:
        """Let the last file grow, each time as a whole, to its full size; then begin the next."""
        size = part_rows(self._settings)
        while rows.num_rows:
            room = size - self._part.num_rows
            grown = together([self._part, rows.slice(0, room)])
            if not self._part.num_rows:
                self._count += 1
                self._path = self._folder / part_name(self._folder, self._count)
            keep(grown, self._path, self._settings)
            self._part = grown if grown.num_rows < size else pa.table({})
            rows = rows.slice(room)
