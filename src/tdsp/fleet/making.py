"""Renders the template by a project's answers: quickly where that is proven, else by copier."""

import atexit
import functools
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tdsp.fleet.blobs import Blobs, Maker, blob
from tdsp.fleet.compiled import compiled_once
from tdsp.fleet.config import is_url

MIRRORS = "COPIER_CACHE_DIR"
MOST = 24  # commits of templates that a process keeps
HOSTS = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}  # copier's short forms
Key = tuple[str, str]  # the template's address and commit
_FIRST: dict[Key, tuple[dict[str, Any], Blobs]] = {}
_MAKERS: dict[Key, Maker | None] = {}


def rendered(folder: str, source: str, commit: str, answers: dict[str, Any]) -> Blobs:
    """Return path -> blob; {} when the template refuses the answers.

    Some files name the template's address, so it is rendered by the project's own, which is one
    of the fleet's template; git is told to take the fleet's copy in its place.
    """
    asked = is_url(source) or source.startswith(tuple(HOSTS)) or Path(source, ".git").exists()
    key = (source if asked else f"git+file://{folder}", commit)
    with warnings.catch_warnings(), compiled_once(), _instead(key[0], folder):
        warnings.simplefilter("ignore")
        if key not in _MAKERS and key in _FIRST:
            _keep(key, _proven(key, *_FIRST.pop(key)))
        made = _quick(_MAKERS.get(key), answers) or _by_copier(*key, answers)
        if made and key not in _MAKERS:
            _FIRST[key] = answers, made
        return made


def _quick(maker: Maker | None, answers: dict[str, Any]) -> Blobs:
    if maker is None:
        return {}
    try:
        return maker.blobs(answers)
    except Exception:  # copier says whether the answers are at fault
        return {}


def _proven(key: Key, answers: dict[str, Any], made: Blobs) -> Maker | None:
    """Return a maker that makes of answers what copier has made of them; None without one."""
    try:
        maker = Maker(*key, Path(_mirrors(), "nowhere", "project"))
    except Exception:  # where copier's inner parts are others
        return None
    if _quick(maker, answers) == made:
        return maker
    maker.clean()
    return None


def _by_copier(source: str, commit: str, answers: dict[str, Any]) -> Blobs:
    from copier import run_copy

    with tempfile.TemporaryDirectory(prefix="tdsp-") as scratch:
        place = Path(scratch, "project")
        try:
            run_copy(source, place, data=answers, vcs_ref=commit, defaults=True, quiet=True)
        except Exception:  # a project's answers may be anything
            return {}
        files = [path for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
        return {path.relative_to(place).as_posix(): blob(path.read_bytes()) for path in files}


def _keep(key: Key, maker: Maker | None) -> None:
    while len(_MAKERS) >= MOST:
        _forget(next(iter(_MAKERS)))
    _MAKERS[key] = maker


def _forget(key: Key) -> None:
    maker = _MAKERS.pop(key)
    if maker is not None:
        with suppress(OSError):
            maker.clean()


@atexit.register
def _forget_all() -> None:
    for key in list(_MAKERS):
        _forget(key)


@contextmanager
def _instead(source: str, folder: str) -> Iterator[None]:
    """Have copier's git take a folder for an address."""
    from plumbum import local  # which runs git for copier, with an environment of its own

    url = source.removeprefix("git+").removesuffix(".git")
    for short, host in HOSTS.items():
        url = f"{host}{url.removeprefix(short)}" if url.startswith(short) else url
    env = {"GIT_CONFIG_COUNT": "2", "GIT_TERMINAL_PROMPT": "0"}
    for place, each in enumerate((url, f"{url}.git")):
        env[f"GIT_CONFIG_KEY_{place}"] = f"url.file://{folder}.insteadOf"
        env[f"GIT_CONFIG_VALUE_{place}"] = each
    before = os.environ.get(MIRRORS)
    os.environ[MIRRORS] = _mirrors()
    try:
        with local.env(**env):
            yield
    finally:
        del os.environ[MIRRORS]
        if before is not None:
            os.environ[MIRRORS] = before


@functools.cache
def _mirrors() -> str:
    """Return this process's own folder for copier's clones; it is removed with the process.

    Two processes that refresh one clone can fail, and the user's own keeps what its address says.
    """
    folder = tempfile.TemporaryDirectory(prefix="tdsp-mirrors-")
    atexit.register(folder.cleanup)
    return folder.name
