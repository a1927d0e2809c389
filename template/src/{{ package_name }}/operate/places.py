"""Files by address: a path, or what a store has under s3://, gs://, abfs:// or azure://."""

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import fs

from ..errors import ProjectError
from ..io.files import replacing

STALE = timedelta(days=1)  # after which nobody writes to a temporary file any more


class Place:
    """A file or folder. Its text is the address without a password; every error names it."""

    def __init__(self, address: str) -> None:
        self._address = address
        with self.plain_errors():
            self.store, self.path = opened(address)

    def __str__(self) -> str:
        return without_secrets(self._address)

    @property
    def suffix(self) -> str:
        """The ending of its name, which says what it holds."""
        return PurePosixPath(self.path).suffix.lower()

    def inside(self, name: str) -> "Place":
        """Return what has this name in the folder that this is."""
        head, options = self._split()
        return Place(f"{head.rstrip('/')}/{name}{options}")

    @property
    def rejects(self) -> "Place":
        """Where the reasons against rows are written that are not in this file."""
        head, options = self._split()
        return Place(f"{head.removesuffix(PurePosixPath(head).suffix)}_rejects.csv{options}")

    def _split(self) -> tuple[str, str]:
        """Return the address without its options, and these; a path has none."""
        head, mark, options = self._address.partition("?")
        return (head, mark + options) if "://" in head else (self._address, "")

    def files(self) -> list["Place"]:
        """Return the whole files in the folder that this is, by name."""
        look = fs.FileSelector(self.path, allow_not_found=True)
        with self.plain_errors():
            found = self.store.get_file_info(look)
        names = sorted(one.base_name for one in found if one.type == fs.FileType.File)
        return [self.inside(name) for name in names if not name.startswith(".")]

    def seen(self) -> tuple[int, datetime] | None:
        """Return its size and when it changed; None where there is no file."""
        with self.plain_errors():
            found = self.store.get_file_info(self.path)
        return (found.size, found.mtime) if found.type == fs.FileType.File else None

    def fetch(self, to: Path) -> None:
        """Copy it to this machine."""
        with self.plain_errors():
            fs.copy_files(self.path, str(to), self.store, fs.LocalFileSystem())

    def put(self, source: Path) -> None:
        """Write the whole of `source` there, or nothing: under another name, and then moved."""
        with self.plain_errors():
            if isinstance(self.store, fs.LocalFileSystem):
                with replacing(Path(self.path)) as temporary:
                    shutil.copyfile(source, temporary)
                return
            self._clear()
            path = PurePosixPath(self.path)
            apart = str(path.parent / f".{path.name}.{uuid.uuid4().hex}")
            fs.copy_files(str(source), apart, fs.LocalFileSystem(), self.store)
            self._move(apart)

    def _move(self, temporary: str) -> None:
        try:
            self.store.move(temporary, self.path)
        except NotImplementedError:  # of a store without folders, which copies in one step
            self.store.copy_file(temporary, self.path)
            self.store.delete_file(temporary)

    def _clear(self) -> None:
        """Remove what killed runs have left of this file."""
        path = PurePosixPath(self.path)
        look = fs.FileSelector(str(path.parent), allow_not_found=True)
        for left in self.store.get_file_info(look):
            old = left.mtime and datetime.now(UTC) - left.mtime > STALE
            if old and left.base_name.startswith(f".{path.name}."):
                with suppress(OSError):  # another run has removed it
                    self.store.delete_file(left.path)

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Raise ProjectError, one line long, when the place cannot be reached."""
        try:
            yield
        except (pa.ArrowException, OSError, ValueError) as error:
            why = without_secrets(str(error).splitlines()[0])
            raise ProjectError(f"{self} cannot be reached: {why}") from None


def without_secrets(text: str) -> str:
    """Leave out the passwords and the options of the addresses in a text."""
    text = re.sub(r"(//[^/@:\s]*):[^/@\s]*@", r"\1@", text)
    return re.sub(r"(\w://[^\s?'\"]*)\?[^\s'\"]*", r"\1", text)


def opened(address: str) -> tuple[Any, str]:
    """Return the store of an address, and the path there. Azure's has the account of DVC's too."""
    if "://" not in address:
        return fs.LocalFileSystem(), Path(address).resolve().as_posix()
    account = os.environ.get("AZURE_STORAGE_ACCOUNT", "")
    if address.startswith("azure://") and not account:
        raise ValueError("AZURE_STORAGE_ACCOUNT is empty")
    store, path = fs.FileSystem.from_uri(re.sub("^azure://", f"abfs://{account}@", address))
    return store, path
