"""Keep scored rows, for `monitor` to compare with the training rows: in whole files, bounded."""

import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import ProjectError
from ..io.files import replacing
from ..io.tables import decoded
from ..settings import Collect
from .places import STALE, Place

PART = 5_000  # rows of a file
FILES = "[0-9]*.parquet"  # not the temporary ones, which begin with a dot
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
STAMP = pa.timestamp("us", "UTC")


class Collector:
    """Draws from the rows of a scored file, each with the same chance; `close` writes them."""

    def __init__(self, folder: Path, settings: Collect) -> None:
        self.lost = 0
        self._folder, self._settings = folder, settings
        self._share = settings.share if settings.max_rows else 0.0
        self._random = np.random.default_rng(0)
        self._batches: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Take scored rows; of more than collect.max_rows a share stays."""
        if self._share < 1:
            drawn = self._random.random(table.num_rows) < self._share
            table = table.take(np.flatnonzero(drawn))
        self._batches.append(decoded(table))
        while sum(batch.num_rows for batch in self._batches) > self._settings.max_rows:
            self._share /= 2
            self._batches = [b.filter(self._random.random(len(b)) < 0.5) for b in self._batches]

    def close(self) -> None:
        """Write what was drawn. Never raises: rows that cannot be written are told and counted."""
        rows = together([identified(batch) for batch in self._batches])
        size = part_rows(self._settings)
        for number, start in enumerate(range(0, rows.num_rows, size)):
            part = rows.slice(start, size)
            try:
                keep(part, self._folder / part_name(number), self._settings)
            except Exception as error:
                self.lost += part.num_rows
                sys.stderr.write(f"warning: {self._folder}: rows are not collected: {error}\n")
                break


def part_rows(settings: Collect) -> int:
    """Return how many rows a file has."""
    return max(1, min(PART, settings.max_rows // 10))


def part_name(number: int) -> str:
    """Name a file so that a later one sorts behind it."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}-{number:06}.parquet"


def keep(rows: pa.Table, path: Path, settings: Collect) -> None:
    """Write rows without the masked columns, all or none; older files make room for them."""
    masked = set(settings.mask).intersection(rows.column_names)
    with replacing(path) as temporary:
        pq.write_table(rows.drop_columns(list(masked)), temporary)
    left = settings.max_rows
    for other in sorted(path.parent.glob(FILES), reverse=True):
        with suppress(OSError, pa.ArrowException):  # another process has removed it
            left -= pq.read_metadata(other).num_rows
            if left < 0:
                other.unlink()
    for torn in path.parent.glob(".*.parquet"):  # of processes that were killed
        with suppress(OSError):
            if time.time() - torn.stat().st_mtime > STALE.total_seconds():
                torn.unlink()


def carry(folder: Path, address: str, settings: Collect) -> int:
    """Send the files that are not yet elsewhere as they are here; return how many those are."""
    target, new = Place(address), []
    for path in sorted(folder.glob(FILES)):
        with suppress(FileNotFoundError):  # made room while we read
            if (target.inside(path.name).seen() or (-1,))[0] != path.stat().st_size:
                new.append(path)
    send(new, address, settings)
    return len(new)


def send(files: list[Path], address: str, settings: Collect) -> None:
    """Copy files to the folder at an address, where the oldest make room for them, too."""
    target, left = Place(address), settings.max_rows
    for path in files:
        target.inside(path.name).put(path)
    for other in reversed([one for one in target.files() if one.suffix == ".parquet"]):
        with other.plain_errors():
            left -= pq.read_metadata(other.path, filesystem=other.store).num_rows
            if left < 0:
                other.store.delete_file(other.path)


def identified(rows: pa.Table) -> pa.Table:
    """Make of `row` and `scored_at`, which a scored file has too, what stands for them here."""
    number = pc.cast(rows["row"], pa.string())
    ids = pc.binary_join_element_wise(rows["scored_at"], number, "-")
    stamped = rows.append_column("prediction_id", ids).drop_columns(["row", "scored_at"])
    return stamped.append_column("scored_at", pc.cast(rows["scored_at"], STAMP))


def collected(folder: Path) -> pa.Table:
    """Return all rows that are kept, the oldest file first. Raises ProjectError if one is torn."""
    tables = []
    for path in sorted(folder.glob(FILES)):
        try:
            tables.append(pq.read_table(path))
        except FileNotFoundError:  # made room while we read
            continue
        except (OSError, pa.ArrowException) as error:
            raise ProjectError(f"{path} cannot be read: {error}") from error
    return together(tables)


def together(tables: list[pa.Table]) -> pa.Table:
    """Join tables; columns may be missing here, and hold nothing but missing values there."""
    return pa.concat_tables([pa.table({}), *tables], promote_options="permissive")


def moment(text: str, now: datetime) -> datetime:
    """Read a time, or how long before `now`: 90m, 12h, 7d, 4w."""
    try:
        if text[-1:] in UNITS:
            return now - timedelta(**{UNITS[text[-1]]: float(text[:-1])})
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ProjectError(f"{text!r} is no time (2026-01-31T08:00), and no span (7d)") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
