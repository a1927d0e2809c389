"""Snapshots as files: written whole, read back with a check, and the trend over them."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from tdsp.errors import TdspError
from tdsp.fleet.snapshot import FORMAT, KINDS, STATES, Row, Snapshot
from tdsp.people.sources import write

LOCK = "lock"
HEAD = '{"format"'  # of each snapshot
MOST = 2_000_000_000
SNAPSHOTS: TypeAdapter[Snapshot] = TypeAdapter(Snapshot)
ROWS: TypeAdapter[Row] = TypeAdapter(Row)


class _Head(BaseModel):
    format: int


def encode(snapshot: Snapshot) -> str:
    """Return a snapshot as JSON, a line for each row; the same rows give the same bytes."""
    about = {"format": FORMAT} | {
        field.name: getattr(snapshot, field.name)
        for field in fields(Snapshot)
        if field.name != "rows"
    }
    head = json.dumps(about, ensure_ascii=False)[:-1]
    rows = ",\n".join(ROWS.dump_json(row).decode("utf-8") for row in snapshot.rows)
    return f'{head}, "rows": [\n{rows}\n]}}\n'


def decode(text: str | bytes, origin: object) -> Snapshot:
    """Read a snapshot. Raises TdspError for one that is half written, or of another format."""
    try:
        snapshot = SNAPSHOTS.validate_json(text)
        given = _Head.model_validate_json(text).format
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "json_invalid":
            head = text[: len(HEAD)]
            ours = HEAD.startswith(
                head.decode("utf-8", "replace") if isinstance(head, bytes) else head
            )
            what = (
                "a whole snapshot, it breaks off: remove it"
                if ours
                else "a snapshot: it is no JSON"
            )
            raise TdspError(f"{origin} is not {what}") from None
        raise TdspError(f"{origin} is not a snapshot: {place}: {first['msg']}") from None
    if given != FORMAT:
        raise TdspError(f"{origin} has format {given}; this tdsp reads format {FORMAT}")
    for row in snapshot.rows:
        if row.kind not in KINDS or row.state not in STATES:
            raise TdspError(f"{origin}: {row.name} has the kind {row.kind}, state {row.state}")
    return snapshot


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot file, or the newest of a folder. Raises TdspError that names it."""
    if path.is_dir():
        names = listed(path)
        if not names:
            raise TdspError(f"{path} has no snapshot yet: `tdsp fleet status` writes one")
        path = names[-1]
    try:
        if path.stat().st_size > MOST:
            raise TdspError(f"{path} is larger than any snapshot")
        content = path.read_bytes()
    except OSError as error:
        raise TdspError(f"{path} cannot be read: {error.strerror}") from error
    return decode(content, path)


def listed(folder: Path) -> list[Path]:
    """Return the snapshots of a folder, the oldest first."""
    return sorted(path for path in folder.glob("*.json") if path.is_file())


def save(snapshot: Snapshot, folder: Path) -> Path:
    """Write a snapshot, named by its time; all of it or nothing."""
    path = folder / f"{snapshot.taken.replace(':', '').replace('-', '')}.json"
    save_as(snapshot, path)
    return path


def save_as(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot to a file; all of it or nothing."""
    try:
        write(path, encode(snapshot))
    except OSError as error:
        raise TdspError(f"{path} cannot be written: {error.strerror}; nothing is lost") from error


def taken(text: str = "") -> str:
    """Return a time in UTC as snapshots write it. Raises TdspError for a text that is none."""
    if not text:
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise TdspError(f"--taken is a time such as 2027-01-31T06:00:00Z, not {text}") from None
    if time.tzinfo is None:
        raise TdspError(f"--taken needs its zone, such as {text}Z")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the trend. `group` is "" for all; None where there was nothing to judge."""

    taken: str
    group: str
    repositories: int
    failed: int
    current: float | None
    level: float | None
    errors: int
    warnings: int


def trend(snapshots: list[Snapshot]) -> list[Point]:
    """Return a point for each snapshot, and for each group in it, the oldest first."""
    points = []
    for snapshot in sorted(snapshots, key=lambda each: each.taken):
        rows = snapshot.rows
        points.append(_point(snapshot.taken, "", rows))
        for group in sorted({row.group for row in rows if row.group}):
            chosen = tuple(row for row in rows if row.group == group)
            points.append(_point(snapshot.taken, group, chosen))
    return points


def _point(time: str, group: str, rows: tuple[Row, ...]) -> Point:
    sound = [row for row in rows if row.state == "ok"]
    judged = [row.current for row in sound if row.current is not None]
    levels = [lowest(row) for row in sound if row.maturity]
    return Point(
        time,
        group,
        len(rows),
        len(rows) - len(sound),
        sum(judged) / len(judged) if judged else None,
        sum(levels) / len(levels) if levels else None,
        sum(row.errors for row in sound),
        sum(row.warnings for row in sound),
    )


def lowest(row: Row) -> int:
    """Return Microsoft's level of a row: the lowest of its areas."""
    areas = [level for name, level in (row.maturity or {}).items() if name != "Google"]
    return min(areas, default=0)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second run out of a folder. Raises TdspError that says who is in there.

    The lock of a process that has ended on this machine is taken over.
    """
    path = folder / LOCK
    own = f"{socket.gethostname()} {os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            try:
                handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                _look(path)
                continue
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(own)
            break
        else:
            raise TdspError(f"{path} is taken again and again: is another run at work?")
    except OSError as error:
        raise TdspError(f"{path} cannot be made: {error.strerror}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _look(path: Path) -> None:
    """Remove the lock of a process that has ended; raise TdspError for one that runs."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    host, _, process = text.partition(" ")
    if host == socket.gethostname() and process.isdecimal():
        if not _runs(int(process)):
            path.unlink(missing_ok=True)
            return
        raise TdspError(f"another run works here, process {process}: wait for it, or end it")
    where = f"on {host}, process {process}" if process else "and has not said who it is"
    raise TdspError(f"another run works here {where}; if it is over, remove {path}")


def _runs(process: int) -> bool:
    if os.name == "nt":  # where this call would end the process
        return True
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True
