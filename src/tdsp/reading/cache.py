"""What was worked out before: one SQLite file in the user's cache folder.

A value is compressed JSON, so that reading it builds plain data and runs nothing. A cache that
cannot be used is no error: the work is done again. A damaged file is thrown away, and said. While
another process writes, reading goes on; a second writer waits for two seconds, and goes without.
"""

import json
import os
import sqlite3
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tdsp.reading.repository import Known

MOST, KEPT = 200_000_000, 150_000_000  # bytes of values: above the first, the oldest go
LARGEST, DAY = 20_000_000, 86_400
WAIT, PAUSE = 2.0, 0.02  # seconds
FORM = 1
TABLE = """
CREATE TABLE IF NOT EXISTS entry (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL
) WITHOUT ROWID
"""
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def folder() -> Path:
    """Return the user's folder for what can be made again, or what TDSP_CACHE names."""
    if own := os.environ.get("TDSP_CACHE", ""):
        return Path(own).absolute()
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given) / "tdsp"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "tdsp" / "Cache"
    return Path.home() / ".cache" / "tdsp"


class Cache:
    """Values by key. Several processes may use one file; each value is whole or not there.

    `known` is what was parsed in this process, and is not in the file.
    `problem` says why the cache is not used, or, if `damaged`, that its file was thrown away.
    """

    def __init__(self, place: Path | None = None) -> None:
        """Use a file, that of the user without one."""
        self.problem, self.damaged = "", False
        self.known = Known()
        self._writes = 0
        self._file = place or self._default()
        self._base: sqlite3.Connection | None = None
        if self._file is None:
            return
        with self._calm():
            self._base = self._patient(self._file)

    def _default(self) -> Path | None:
        """Return the user's file, if nobody else can write into its folder."""
        try:
            home = folder()
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            about = home.stat()
        except (OSError, RuntimeError) as error:
            self.problem = f"no cache: {error}"
            return None
        foreign = hasattr(os, "getuid") and about.st_uid != os.getuid()
        if foreign or (os.name == "posix" and about.st_mode & OTHERS_WRITE):
            self.problem = f"no cache: others can write into {home}"
            return None
        return home / "check.sqlite"

    def _patient(self, file: Path) -> sqlite3.Connection:
        """Open the file. While another process makes or leaves it, SQLite does not wait itself."""
        last = time.monotonic() + WAIT
        while True:
            try:
                return self._opened(file)
            except sqlite3.OperationalError as error:
                if not _busy(error) or time.monotonic() > last:
                    raise
            time.sleep(PAUSE)

    def _opened(self, file: Path) -> sqlite3.Connection:
        base = sqlite3.connect(file, timeout=WAIT, isolation_level=None)
        try:
            if base.execute("PRAGMA user_version").fetchone()[0] != FORM:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute(TABLE)
                base.execute(f"PRAGMA user_version = {FORM}")
            base.execute("PRAGMA synchronous = NORMAL")
            base.execute("SELECT key, value, size, used FROM entry LIMIT 0")
        except sqlite3.Error:
            base.close()
            raise
        return base

    @contextmanager
    def _calm(self) -> Iterator[None]:
        """Go on without a cache when it fails. What is no database is thrown away."""
        try:
            yield
        except sqlite3.OperationalError as error:  # read-only, full
            if _busy(error):
                return
            self.problem = f"no cache: {error}"
            self.close()
        except (sqlite3.DatabaseError, OSError) as error:
            self.close()
            self.problem = f"no cache: {error}"
            if isinstance(error, sqlite3.DatabaseError) and self._file is not None:
                with suppress(OSError):
                    for end in ("", "-wal", "-shm"):
                        Path(f"{self._file}{end}").unlink(missing_ok=True)
                    self.problem = f"the cache {self._file} was damaged, and was thrown away"
                    self.damaged = True

    def get(self, key: str) -> Any:
        """Return a value, None when there is none."""
        found = None
        with self._calm():
            if self._base is not None:
                select = "SELECT value, used FROM entry WHERE key = ?"
                found = self._base.execute(select, (key,)).fetchone()
                if found is not None and found[1] < time.time() - DAY:
                    update = "UPDATE entry SET used = ? WHERE key = ?"
                    self._base.execute(update, (int(time.time()), key))
        try:
            return None if found is None else json.loads(_unpacked(found[0]))
        except (zlib.error, ValueError, RecursionError, TypeError):
            return None

    def put(self, values: dict[str, Any]) -> bool:
        """Keep values, all or none, and tell whether they are kept: not while others write long."""
        now = int(time.time())
        rows = [(key, zlib.compress(_text(each), 1), now) for key, each in values.items()]
        with self._calm():
            if self._base is not None and rows:
                self._base.execute("BEGIN IMMEDIATE")
                try:
                    self._base.executemany(
                        "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)",
                        [(key, value, len(value), used) for key, value, used in rows],
                    )
                    self._base.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        self._base.execute("ROLLBACK")
                    raise
                self._writes += 1
                return True
        return False

    def _shrink(self, base: sqlite3.Connection) -> None:
        """Drop what was used longest ago, once there is too much."""
        total = base.execute("SELECT sum(size) FROM entry").fetchone()[0] or 0
        if total <= MOST:
            return
        ages = base.execute("SELECT key, size FROM entry ORDER BY used").fetchall()
        gone = []
        for key, size in ages:
            if total <= KEPT:
                break
            gone.append((key,))
            total -= size
        base.execute("BEGIN IMMEDIATE")
        base.executemany("DELETE FROM entry WHERE key = ?", gone)
        base.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file, and keep it within its size."""
        base, self._base = self._base, None
        if base is None:
            return
        with suppress(sqlite3.Error):
            if self._writes:
                self._shrink(base)
        with suppress(sqlite3.Error):
            base.close()

    def __enter__(self) -> Self:
        """Return the cache; leaving closes it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def _busy(error: sqlite3.OperationalError) -> bool:
    """Tell whether another process has what was asked for."""
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _unpacked(packed: bytes) -> bytes:
    engine = zlib.decompressobj()
    text = engine.decompress(packed, LARGEST)
    if not engine.eof:
        raise ValueError("too large, or cut")
    return text
