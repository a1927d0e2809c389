"""Where each repository of an update stands: one SQLite file, and an audit log beside it.

A step with an effect outside is recorded before and after it. What is recorded before is only an
intention: whoever goes on asks the outside world first what came of it.
"""

import getpass
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tdsp.errors import TdspError
from tdsp.fleet.snapshot import Conflict, Pending

CURRENT = "current"  # the goal of an update that keeps each project's version
BEGUN = ("listed", "fetched", "checked")  # and nothing is known of what it will bring
PENDING = ("pushed", "conflict", "failed")  # and nobody is asked to merge anything
OPEN = ("listed", "fetched", "checked", "rendered", "tested", "pushed", "requested")
DATABASE, LOCK, AUDIT, WORK = "state.sqlite", "lock.sqlite", "audit.jsonl", "work"
FORMAT = 1
MOST = 20  # conflicts of a repository in a snapshot
TABLES = f"""
PRAGMA user_version = {FORMAT};
CREATE TABLE IF NOT EXISTS campaigns (
    key TEXT PRIMARY KEY, started TEXT NOT NULL, waves TEXT
);
CREATE TABLE IF NOT EXISTS repositories (
    campaign TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (campaign, name)
);
CREATE TABLE IF NOT EXISTS creations (time REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One repository in one update. `doing` is a step that has begun and may have had effect."""

    name: str
    source: str
    owners: tuple[str, ...] = ()
    wave: int = 0
    state: str = "listed"
    reason: str = ""
    doing: str = ""
    before: str = ""
    base: str = ""
    onto: str = ""
    branch: str = ""
    commit: str = ""
    folder: str = ""
    files: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = field(default=())
    checks: str = ""
    request: str = ""
    green: bool | None = None

    @property
    def idle(self) -> bool:
        """Tell whether there was nothing to do: current, foreign, of another template."""
        return self.state == "skipped" and not self.commit

    def again(self) -> "Record":
        """Return it as it was at the start."""
        return Record(self.name, self.source, self.owners, self.wave)


class Journal:
    """The state and the audit log of one folder; held by one run at a time."""

    def __init__(self, folder: Path, key: str) -> None:
        """Open the state of an update. Raises TdspError when it cannot be read or written."""
        self.folder, self.key = folder, key
        self._guard = threading.Lock()
        self._who = _user()
        with _plain(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(folder / DATABASE, check_same_thread=False)
            found = self._base.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, FORMAT):
                raise TdspError(
                    f"{folder / DATABASE} has format {found}, this tdsp knows {FORMAT}: take the"
                    " tdsp that wrote it, or another --state"
                )
            self._base.executescript(TABLES)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            with self._base:
                self._base.execute(
                    "INSERT OR IGNORE INTO campaigns VALUES (?, ?, NULL)", (key, now)
                )
            row = self._base.execute("SELECT started FROM campaigns WHERE key = ?", (key,))
            self.started: str = row.fetchone()[0]

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def records(self) -> dict[str, Record]:
        """Return name -> record."""
        with self._guard, _plain(self.folder):
            rows = self._base.execute(
                "SELECT name, record FROM repositories WHERE campaign = ?", (self.key,)
            ).fetchall()
        return {name: _record(text) for name, text in rows}

    def others(self, name: str) -> list[tuple[str, Record]]:
        """Return the open requests of other updates of a repository, with those updates' keys."""
        words = "SELECT campaign, record FROM repositories WHERE name = ? AND campaign != ?"
        with self._guard, _plain(self.folder):
            rows = self._base.execute(words, (name, self.key)).fetchall()
        found = ((key, _record(text)) for key, text in rows)
        return [(key, record) for key, record in found if record.state == "requested"]

    def waves(self, given: str | None) -> str | None:
        """Return the sizes of the waves: those that are given, else those of the run before."""
        with self._guard, _plain(self.folder):
            if given is not None:
                with self._base:
                    words = "UPDATE campaigns SET waves = ? WHERE key = ?"
                    self._base.execute(words, (given, self.key))
            words = "SELECT waves FROM campaigns WHERE key = ?"
            found: str | None = self._base.execute(words, (self.key,)).fetchone()[0]
            return found

    def folders(self) -> set[str]:
        """Return the working folders that records of any update still need."""
        with self._guard, _plain(self.folder):
            rows = self._base.execute("SELECT record FROM repositories").fetchall()
        return {folder for (text,) in rows if (folder := _record(text).folder)}

    def save(self, record: Record, result: str, step: str = "", key: str = "") -> Record:
        """Record where a repository stands now, in this update or in that of a key."""
        self._write(record, step or record.state, result, key)
        return record

    def begin(self, record: Record, step: str) -> Record:
        """Record that a step with an effect outside is about to be taken."""
        begun = replace(record, doing=step)
        self._write(begun, step, "begun")
        return begun

    def creations(self, since: float) -> list[float]:
        """Return when requests were made, of this and earlier runs."""
        with self._guard, _plain(self.folder):
            rows = self._base.execute(
                "SELECT time FROM creations WHERE time > ? ORDER BY time", (since,)
            )
            return [time for (time,) in rows]

    def created(self, time: float) -> None:
        """Record that a request is about to be made, for the rates."""
        with self._guard, _plain(self.folder), self._base:
            self._base.execute("INSERT INTO creations VALUES (?)", (time,))

    def _write(self, record: Record, step: str, result: str, key: str = "") -> None:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": self._who,
            "repository": record.name,
            "step": step,
            "commit": record.commit,
            "result": result,
        }
        text = json.dumps(asdict(record), ensure_ascii=False)
        with self._guard, _plain(self.folder):
            _append(self.folder / AUDIT, json.dumps(line, ensure_ascii=False))
            with self._base:
                self._base.execute(
                    "INSERT INTO repositories VALUES (?, ?, ?)"
                    " ON CONFLICT (campaign, name) DO UPDATE SET record = excluded.record",
                    (key or self.key, record.name, text),
                )


def requests(folder: Path) -> dict[str, str]:
    """Return name -> its newest open request, from the state in a folder; {} without one."""
    found = (record for _, record in _all(folder))
    return {record.name: record.request for record in found if record.state == "requested"}


def left(folder: Path) -> dict[str, tuple[str, Record]]:
    """Return name -> the newest update's key and record, where that left something to do."""
    found = {}
    for key, record in _all(folder):
        if record.state in PENDING:
            found[record.name] = key, record
        elif record.state not in BEGUN:  # this update has not come to it
            found.pop(record.name, None)
    return found


def pending(key: str, record: Record) -> Pending:
    """Return what a snapshot keeps of a record that was left."""
    _, version, *pairs = json.loads(key)
    words = [f"{name}: {value}" for name, value in pairs]
    to = ", ".join(words if version == CURRENT else [version, *words])
    return Pending(record.state, to, record.branch, record.reason, record.conflicts[:MOST])


def _all(folder: Path) -> list[tuple[str, Record]]:
    """Return the key and record of all updates in a folder, the newest update last."""
    path = folder / DATABASE
    if not path.is_file():
        return []
    words = "SELECT key, record FROM repositories JOIN campaigns ON campaign = key"
    try:
        base = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            rows = base.execute(f"{words} ORDER BY started, key").fetchall()
        finally:
            base.close()
    except sqlite3.DatabaseError:
        return []
    return [(key, _record(text)) for key, text in rows]


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder for one run. The system frees it when the run ends, however it ends."""
    with _plain(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(folder / LOCK, timeout=0.5, isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            lock.close()
            if "locked" not in str(error):
                raise
            raise TdspError(
                f"another `tdsp fleet update` is at work in {folder}: wait for its end, or give"
                " this one its own --state"
            ) from None
    try:
        yield
    finally:
        lock.close()


@contextmanager
def _plain(folder: Path) -> Iterator[None]:
    """Say in one sentence why the state could not be read or written."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        full = "full" in str(error) or "disk I/O" in str(error)
        cure = "make room on the disk" if full else "move it away to start anew"
        raise TdspError(
            f"the state in {folder} cannot be used: {error}; {cure}. Branches and requests that"
            " exist are found again and not doubled"
        ) from error
    except OSError as error:
        raise TdspError(
            f"{error.filename or folder} cannot be written: {error.strerror}. What was done is"
            " recorded: run the same command again when this is put right"
        ) from error


def _append(path: Path, line: str) -> None:
    with path.open("ab") as file:
        # A line that a full disk has cut off must not swallow the next one.
        torn = file.tell() > 0 and not _ends(path)
        file.write((b"\n" if torn else b"") + line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _ends(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _record(text: str) -> Record:
    known = {each.name for each in fields(Record)}
    found: dict[str, Any] = {k: v for k, v in json.loads(text).items() if k in known}
    for name in ("owners", "files"):
        found[name] = tuple(found.get(name, ()))
    found["conflicts"] = tuple(Conflict(**each) for each in found.get("conflicts", ()))
    return Record(**found)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
