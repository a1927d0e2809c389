"""Which files there are in a folder, found without following a link; what of a file is read."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tdsp.reading import git

MEGABYTE = 1_000_000
TEXT_LIMIT, NOTEBOOK_LIMIT, HEAD = 2 * MEGABYTE, 30 * MEGABYTE, 64
MAX_FILES, STAND_IN = 250_000, 1024
# Folders that tools make. Without git they are told by their names alone.
MADE_BY_TOOLS = frozenset(
    [
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".ipynb_checkpoints",
        "site-packages",
        ".eggs",
        ".idea",
        "mlruns",
    ]
)
TEXTS = frozenset(
    [
        ".py",
        ".pyi",
        ".ipynb",
        ".md",
        ".rst",
        ".txt",
        ".yaml",
        ".yml",
        ".toml",
        ".cfg",
        ".ini",
        ".json",
        ".lock",
        ".dvc",
        ".sh",
        ".bat",
        ".ps1",
        ".sql",
        ".tf",
        ".bicep",
        ".r",
        ".rmd",
        ".jinja",
        ".j2",
        ".csv",
        ".tsv",
        ".env",
        ".conf",
        ".properties",
        ".xml",
        ".html",
        ".js",
        ".ts",
        ".in",
        ".pem",
        ".key",
        ".rej",
        ".publishsettings",
    ]
)


# Their first bytes tell a model from another file, and a table from its stand-in of Git LFS.
MODELS = {
    ".pkl": "pickle", ".pickle": "pickle", ".joblib": "pickle", ".sav": "pickle", ".dill": "pickle",
    ".pt": "torch", ".pth": "torch", ".ckpt": "torch", ".onnx": "onnx", ".h5": "hdf5",
    ".hdf5": "hdf5", ".keras": "keras", ".pb": "tensorflow", ".tflite": "tflite",
    ".safetensors": "safetensors", ".cbm": "catboost", ".skops": "skops", ".gguf": "gguf",
    ".mlmodel": "coreml", ".bst": "xgboost",
}  # fmt: skip
TABLES = frozenset(
    [
        ".csv",
        ".tsv",
        ".parquet",
        ".feather",
        ".xlsx",
        ".xls",
        ".npy",
        ".npz",
        ".arrow",
        ".avro",
        ".orc",
        ".dta",
        ".sas7bdat",
        ".rds",
        ".rdata",
        ".zip",
        ".gz",
        ".tgz",
        ".bz2",
        ".7z",
        ".tar",
        ".xz",
        ".db",
        ".sqlite",
        ".jsonl",
        ".ndjson",
    ]
)
# A text of these kinds that is too large holds data, and nobody expects it to be read.
OF_DATA = frozenset([".csv", ".tsv", ".json", ".txt", ".xml", ".html", ".sql", ""])


@dataclass(frozen=True, slots=True)
class File:
    """One file. `text` is None when it was not read as a text; `problem` says what went wrong.

    `head` holds the first bytes of a model or table.
    """

    path: str
    size: int
    head: bytes = b""
    text: str | None = None
    problem: str = ""
    link: bool = False
    tracked: bool | None = None
    blob: str = ""

    @property
    def name(self) -> str:
        """Return the last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def suffix(self) -> str:
        """Return the suffix in small letters, with its dot."""
        name = self.name
        return name[name.rfind(".") :].lower() if "." in name[1:] else ""


def shown(name: str) -> str:
    """Return a name of the file system as text: bytes that are not UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def order(path: str) -> tuple[int, str]:
    """Return the key by which files are sorted: the root's own files first."""
    return path.count("/"), path


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def is_text(name: str) -> bool:
    """Tell by the name whether a file is read as a text."""
    suffix, last = _suffix(name), name.rsplit("/", 1)[-1]
    if suffix in {".csv", ".tsv"}:
        return False
    by_name = last.startswith((".", "Dockerfile", "Containerfile", "Jenkinsfile"))
    return suffix in TEXTS or not suffix or by_name


def _limit(name: str) -> int:
    return NOTEBOOK_LIMIT if name.endswith(".ipynb") else TEXT_LIMIT


def too_large(name: str, size: int) -> str:
    """Return why a text is not read, "" for one that is, or of which nobody would expect it."""
    limit = _limit(name)
    if size <= limit or not is_text(name) or _suffix(name) in OF_DATA:
        return ""
    return f"not read: {size / MEGABYTE:,.0f} MB, the limit is {limit // MEGABYTE} MB"


def wanted(name: str, size: int) -> bool:
    """Tell whether anything of a file's content is read."""
    if is_text(name):
        return size <= _limit(name)
    return _suffix(name) in MODELS or (_suffix(name) in TABLES and size <= STAND_IN)


def facts(name: str, content: bytes) -> tuple[bytes, str | None, str]:
    """Return the first bytes or the text of a file, and what went wrong."""
    if not is_text(name):
        return content[:HEAD], None, ""
    return b"", *decode(content)


def find(root: Path, index: git.Index | None) -> Iterator[File]:
    """Yield the files under `root`; with a git index those that git tracks or does not ignore."""
    wanted = None if index is None else index.files
    folders = None if wanted is None else _parents(wanted)
    waiting, count = [""], 0
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(root / inside) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield File(shown(inside) or ".", 0, problem=f"folder not read: {error.strerror}")
            continue
        for entry in entries:
            path = f"{inside}/{entry.name}" if inside else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git" and _enter(entry, path, folders):
                    waiting.append(path)
                continue
            if wanted is not None and path not in wanted:
                continue
            count += 1
            if count > MAX_FILES:
                yield File(shown(path), 0, problem=f"not read: more than {MAX_FILES:,} files")
                return
            yield _file(root, entry, path, index)


def _parents(paths: "dict[str, str] | frozenset[str]") -> frozenset[str]:
    found: set[str] = set()
    for path in paths:
        while "/" in path:
            path = path.rsplit("/", 1)[0]
            if path in found:
                break
            found.add(path)
    return frozenset(found)


def _enter(entry: "os.DirEntry[str]", path: str, folders: frozenset[str] | None) -> bool:
    if folders is not None:
        return path in folders
    return entry.name not in MADE_BY_TOOLS and not Path(entry.path, "pyvenv.cfg").exists()


def _file(root: Path, entry: "os.DirEntry[str]", path: str, index: git.Index | None) -> File:
    name = shown(path)
    blob = "" if index is None else index.files.get(path, "")
    tracked = None if index is None else bool(blob)
    try:
        about = entry.stat(follow_symlinks=False)
    except OSError as error:
        return File(name, 0, problem=f"not read: {error.strerror}", tracked=tracked, blob=blob)
    if entry.is_symlink():
        return File(name, 0, link=True, tracked=tracked, blob=blob)
    if not stat.S_ISREG(about.st_mode):
        return File(name, 0, problem="not read: not a regular file", tracked=tracked, blob=blob)
    try:
        head, text, problem = _content(root / path, name, about.st_size)
    except OSError as error:
        head, text, problem = b"", None, f"not read: {error.strerror}"
    return File(name, about.st_size, head, text, problem, tracked=tracked, blob=blob)


def _content(path: Path, name: str, size: int) -> tuple[bytes, str | None, str]:
    """Return head, text, and what went wrong. A link that took the file's place is refused."""
    if not wanted(name, size):
        return b"", None, too_large(name, size)
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
        return facts(name, file.read(_limit(name) if is_text(name) else HEAD))


def decode(content: bytes) -> tuple[str | None, str]:
    """Return (text, ""), or (None, what went wrong); a zero byte makes it no text."""
    if b"\0" in content[:8192]:
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        if not wide:
            return None, ""
        try:
            return content.decode("utf-16"), ""
        except UnicodeDecodeError:
            return None, "not read: neither UTF-8 nor UTF-16"
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return content.decode("latin-1"), ""
