"""What was worked out before: the facts of each repository by its commit, in one SQLite file."""

import hashlib
import sqlite3
from datetime import date
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

import tdsp
from tdsp.errors import TdspError
from tdsp.fleet.facts import Facts

TOGETHER = 20  # facts in one transaction: what a kill may cost
FOLDERS = (".", "check", "reading", "fleet")
TABLE = """create table if not exists facts
    (name text primary key, key text not null, until text not null, said text not null)"""
FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)


def version_of_checks() -> str:
    """Return a digest of the code that works facts out, so that a change of it forgets them."""
    root = Path(tdsp.__file__).parent
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


class Rows:
    """The facts by name. A damaged file is set aside: all is worked out once more."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "rows.sqlite"
        self.waiting = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.database = self._open()
        except sqlite3.DatabaseError:
            self.path.unlink(missing_ok=True)
            self.database = self._open()
        except OSError as error:
            raise TdspError(f"{folder} cannot be made: {error.strerror}") from error

    def _open(self) -> sqlite3.Connection:
        try:
            database = sqlite3.connect(self.path)
            database.execute(TABLE)
            database.execute("select count(*) from facts").fetchone()
        except sqlite3.OperationalError as error:
            raise TdspError(f"{self.path} cannot be used: {error}") from error
        return database

    def get(self, name: str, key: str, today: date) -> Facts | None:
        """Return the facts of a commit, None when they are not known or their day has passed."""
        words = "select said from facts where name = ? and key = ? and until >= ?"
        found = self.database.execute(words, (name, key, today.isoformat())).fetchone()
        return _read(found[0]) if found else None

    def last(self, name: str) -> Facts | None:
        """Return what was last known of a repository, of whatever commit."""
        found = self.database.execute("select said from facts where name = ?", (name,)).fetchone()
        return _read(found[0]) if found else None

    def put(self, name: str, key: str, facts: Facts) -> None:
        """Keep facts in place of the former ones."""
        words = "insert or replace into facts values (?, ?, ?, ?)"
        said = FACTS.dump_json(facts).decode("utf-8")
        try:
            self.database.execute(words, (name, key, facts.until, said))
            self.waiting += 1
            if self.waiting >= TOGETHER:
                self.database.commit()
                self.waiting = 0
        except sqlite3.OperationalError as error:
            raise TdspError(f"{self.path} cannot be written: {error}") from error

    def close(self) -> None:
        """Write what is waiting, and close the file."""
        try:
            self.database.commit()
        except sqlite3.OperationalError as error:
            raise TdspError(f"{self.path} cannot be written: {error}") from error
        finally:
            self.database.close()


def _read(said: str) -> Facts | None:
    try:
        return FACTS.validate_json(said)
    except ValidationError:
        return None
