"""Keep scored rows, for `monitor` to compare with the training rows.

Rows wait in memory until a thread writes them, in whole Parquet files: scoring does not wait for
the disk, nor fail with it.
"""

import os
import sys
import threading
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .errors import ProjectError
from .settings import Collect
from .tables import decoded, replacing

SECONDS = 2.0  # between two writes
WAKE = 1_000  # rows that are written without waiting that long
MOST = 20_000  # rows that wait for a slow disk; more are lost
PART = 5_000  # rows of a file
STALE = 3600.0  # seconds after which nobody writes to a temporary file any more
FILES = "[0-9]*.parquet"  # not the temporary ones, which begin with a dot
STAMP = pa.timestamp("us", "UTC")


class Collector:
    """Keeps rows in `folder`. `lost` counts those that could not be written."""

    def __init__(self, folder: Path, settings: Collect, not_collected: Iterable[str]) -> None:
        self.lost = 0
        self._folder, self._settings = folder, settings
        self._hidden = {*not_collected, *settings.mask}
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._waiting: list[tuple[Any, ...]] = []
        self._rows, self._count = 0, 0
        self._part, self._path = pa.table({}), folder
        self._batches: list[pa.Table] = []
        self._share = settings.share if settings.max_rows else 0.0
        self._random = np.random.default_rng(0)
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
                self._thread = threading.Thread(target=self._run, name="collect", daemon=True)
                self._thread.start()
        if self._rows >= WAKE:
            self._wake.set()

    def add_batch(self, table: pa.Table) -> None:
        """Take scored rows of a file; `close` writes them.

        Of a file with more than collect.max_rows rows each has the same chance to be kept.
        """
        if self._share < 1:
            table = table.filter(self._random.random(table.num_rows) < self._share)
        self._batches.append(decoded(table))
        while sum(batch.num_rows for batch in self._batches) > self._settings.max_rows:
            self._share /= 2
            self._batches = [b.filter(self._random.random(len(b)) < 0.5) for b in self._batches]

    def flush(self) -> None:
        """Write what waits. Never raises: what cannot be written is counted, and told once."""
        with self._writing:
            with self._lock:
                waiting, rows = self._waiting, self._rows
                self._waiting, self._rows = [], 0
            try:
                self._write(self._table(waiting))
            except Exception as error:
                self._lose(rows, error)

    def close(self) -> None:
        """Write everything, and stop the thread."""
        self._closed = True
        self._wake.set()
        if self._thread:
            self._thread.join()
        self.flush()
        try:
            for batch in self._batches:
                self._write(identified(batch))
        except Exception as error:
            self._lose(sum(batch.num_rows for batch in self._batches), error)
        self._batches = []

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(SECONDS)
            self._wake.clear()
            self.flush()

    def _lose(self, rows: int, why: object) -> None:
        if not self.lost:
            sys.stderr.write(f"warning: {self._folder}: rows are not collected: {why}\n")
        self.lost += rows

    def _table(self, waiting: list[tuple[Any, ...]]) -> pa.Table:
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
        rows = rows.drop_columns(list(self._hidden.intersection(rows.column_names)))
        size = max(1, min(PART, self._settings.max_rows // 10))
        while rows.num_rows:
            room = size - self._part.num_rows
            grown = _together([self._part, rows.slice(0, room)])
            if not self._part.num_rows:
                self._count += 1
                name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}-{self._count}.parquet"
                self._path = self._folder / name
            with replacing(self._path) as temporary:
                pq.write_table(grown, temporary)
            self._part = grown if grown.num_rows < size else pa.table({})
            rows = rows.slice(room)
            self._make_room()

    def _make_room(self) -> None:
        left = self._settings.max_rows
        for path in sorted(self._folder.glob(FILES), reverse=True):
            with suppress(OSError, pa.ArrowException):  # another process has removed it
                left -= pq.read_metadata(path).num_rows
                if left < 0:
                    path.unlink()
        for path in self._folder.glob(".*.parquet"):  # of processes that were killed
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE:
                    path.unlink()


def identified(rows: pa.Table) -> pa.Table:
    """Make of `row` and `scored_at`, which a scored file has too, what stands for them here."""
    number = pc.cast(rows["row"], pa.string())
    ids = pc.binary_join_element_wise(rows["scored_at"], number, "-")
    stamped = rows.append_column("prediction_id", ids).drop_columns(["row", "scored_at"])
    return stamped.append_column("scored_at", pc.cast(rows["scored_at"], STAMP))


def collected(folder: Path) -> pa.Table:
    """Return all rows that are kept, the oldest file first. Raises ProjectError if one is torn."""
    tables = [pa.table({})]
    for path in sorted(folder.glob(FILES)):
        try:
            tables.append(pq.read_table(path))
        except FileNotFoundError:  # made room while we read
            continue
        except (OSError, pa.ArrowException) as error:
            raise ProjectError(f"{path} cannot be read: {error}") from error
    return _together(tables)


def _together(tables: list[pa.Table]) -> pa.Table:
    """Columns may be missing here, and hold nothing but missing values there."""
    return pa.concat_tables(tables, promote_options="permissive")
