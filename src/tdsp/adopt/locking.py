"""The packages of a requirements file in pyproject.toml, and the lock, both made by uv."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tdsp.reading.files import decode

SECONDS = 60
RESOLVING = 600


def program() -> str | None:
    """Return uv, None where it is not installed."""
    beside = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def lock(project: bytes) -> tuple[bytes, str]:
    """Return uv.lock for a pyproject.toml and "", or nothing and why there is none.

    It needs the network. No package is built, since that would run its code.
    """
    uv = program()
    if uv is None:
        return b"", "uv is not installed"
    with tempfile.TemporaryDirectory(prefix="tdsp-uv-") as folder:
        Path(folder, "pyproject.toml").write_bytes(project)
        try:
            done = subprocess.run(
                [uv, "lock", "--no-build", "--no-python-downloads", "--quiet"], cwd=folder,
                capture_output=True, text=True, timeout=RESOLVING, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return b"", "uv did not answer"
        if done.returncode:
            return b"", f"uv says: {_said(done.stderr)}"
        return Path(folder, "uv.lock").read_bytes(), ""


def _said(text: str) -> str:
    """Return what uv printed, in one line, without the user and password of an index."""
    return re.sub(r"://[^\s/@]*@", "://***@", " ".join(text.split()))[:300]


def requirements(
    project: bytes, asked: bytes, name: str, tested: bytes, theirs: bytes = b""
) -> tuple[bytes, list[str]]:
    """Return pyproject.toml with the packages of a requirements file, by `uv add --frozen`.

    `tested` is the template's lock. A pin that shuts its version out is left where it stands, in
    the user's file: with both, nothing could be installed. What `theirs`, the user's
    pyproject.toml, asks for stays as it asks.
    """
    uv = program()
    left = f"the packages of {name} were not added: "
    if uv is None:
        return project, [left + f"uv is not installed; later: uv add --frozen -r {name}"]
    asked, notes = _unnamed(asked, name, theirs)
    asked = _unimplied(asked, project)
    if not re.search(rb"(?m)^\s*[^\s#]", asked):
        return project, [f"the template asks for all packages of {name}, as strictly", *notes]
    loose, said = _loosened(asked, _versions(tested))
    notes += said
    with tempfile.TemporaryDirectory(prefix="tdsp-uv-") as folder:
        Path(folder, "pyproject.toml").write_bytes(project)
        Path(folder, name).write_bytes(loose)
        try:
            done = subprocess.run(
                [uv, "add", "--frozen", "--offline", "--no-python-downloads", "-r", name],
                cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return project, [left + "uv did not answer"]
        if done.returncode:
            return project, [left + f"uv says: {_said(done.stderr)}"]
        written = Path(folder, "pyproject.toml").read_bytes()
    notes += _replaced(project, written, name)
    return _together(project, written), [f"the packages of {name} were added by uv", *notes]


def _unnamed(asked: bytes, name: str, theirs: bytes) -> tuple[bytes, list[str]]:
    """Return a requirements file without the packages that pyproject.toml asks for, and notes."""
    known: dict[str, list[str]] = {}
    for each in _dependencies(theirs):
        known.setdefault(_name(each), []).append(each)
    text = decode(asked)[0]
    if text is None or not known:
        return asked, []
    lines, notes = [], []
    for line in text.splitlines():
        wanted = _requirement(line)
        same = known.get(canonicalize_name(wanted.name), []) if wanted is not None else []
        if not same:
            lines.append(line)
        elif all(str(Requirement(each)) != str(wanted) for each in same):
            stays = "; ".join(same)
            notes.append(f"{name} asks for {wanted}, pyproject.toml for {stays}, which stays")
    return "\n".join(lines).encode() + b"\n", notes


def _unimplied(asked: bytes, project: bytes) -> bytes:
    """Return a requirements file without the packages that the template asks for as strictly.

    Their lines would stand in the place of the template's, and a later `copier update` that adds a
    package beside one of them would conflict.
    """
    text = decode(asked)[0]
    ours = {_name(each): Requirement(each) for each in _dependencies(project)}
    if text is None:
        return asked
    kept = [line for line in text.splitlines() if not _is_implied(_requirement(line), ours)]
    return "\n".join(kept).encode() + b"\n"


def _is_implied(wanted: Requirement | None, ours: Mapping[str, Requirement]) -> bool:
    """Tell whether each version that the template allows is one that a line allows as well."""
    same = ours.get(canonicalize_name(wanted.name)) if wanted is not None else None
    if wanted is None or same is None or wanted.extras - same.extras or wanted.marker or wanted.url:
        return False
    oldest = [Version(each.version) for each in same.specifier if each.operator == ">="]
    return bool(oldest) and all(
        each.operator == ">=" and Version(each.version) <= max(oldest) for each in wanted.specifier
    )


def _replaced(project: bytes, written: bytes, name: str) -> list[str]:
    """Return notes on the template's versions that those of the requirements file replace."""
    old = {_name(each): each for each in _dependencies(project)}
    new = {_name(each): each for each in _dependencies(written)}
    return [
        f"{new[each]} of {name} is in the place of the template's {old[each]}"
        for each in old if each in new and new[each] != old[each]
    ]  # fmt: skip


def _together(project: bytes, written: bytes) -> bytes:
    """Return pyproject.toml with the added packages in one block before the last of the list.

    Scattered in order of the alphabet, or at the end, they would stand where the template adds its
    own, and a later `copier update` would conflict.
    """
    old = {_name(each) for each in _dependencies(project)}
    new = [each for each in _dependencies(written) if _name(each) not in old]
    if not new or len(old) < 2:
        return written
    document: Any = tomlkit.parse(written.decode())
    array = document["project"]["dependencies"]
    for each in new:
        array.remove(each)
    for each in new:
        array.insert(len(array) - 1, each)
    return tomlkit.dumps(document).encode()


def _dependencies(project: bytes) -> list[str]:
    """Return what pyproject.toml asks for in [project]."""
    try:
        found = tomllib.loads(project.decode()).get("project", {}).get("dependencies", [])
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return []
    return [each for each in found if isinstance(each, str) and _requirement(each) is not None]


def _name(text: str) -> str:
    return canonicalize_name(Requirement(text).name)


def _versions(lock: bytes) -> dict[str, str]:
    """Return package -> the version that the template was tested with."""
    found: dict[str, str] = {}
    for line in lock.decode().splitlines():
        if (each := _requirement(line)) is not None:
            exact = [part.version for part in each.specifier if part.operator == "=="]
            found[canonicalize_name(each.name)] = exact[0] if exact else ""
    return found


def _loosened(asked: bytes, tested: dict[str, str]) -> tuple[bytes, list[str]]:
    """Return a requirements file without the pins that shut a tested version out, and notes."""
    text = decode(asked)[0]
    if text is None:
        return asked, []
    lines, notes = [], []
    for line in text.splitlines():
        each = _requirement(line)
        version = tested.get(canonicalize_name(each.name), "") if each is not None else ""
        if each is not None and version and not each.specifier.contains(version, prereleases=True):
            notes.append(f"{each}: not taken, the template is tested with {version}")
            each.specifier = type(each.specifier)()
            line = str(each)
        lines.append(line)
    return "\n".join(lines).encode() + b"\n" if notes else asked, notes


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line.partition(" #")[0].removesuffix("\\").strip())
    except InvalidRequirement:
        return None
