"""The packages of a requirements file in pyproject.toml, and the lock, both made by uv."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

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


def requirements(project: bytes, asked: bytes, name: str, tested: bytes) -> tuple[bytes, list[str]]:
    """Return pyproject.toml with the packages of a requirements file, by `uv add --frozen`.

    `tested` is the template's lock. A pin that shuts its version out is left where it stands, in
    the user's file: with both, nothing could be installed.
    """
    uv = program()
    left = f"the packages of {name} were not added: "
    if uv is None:
        return project, [left + f"uv is not installed; later: uv add --frozen -r {name}"]
    loose, notes = _loosened(asked, _versions(tested))
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
    return written, [f"the packages of {name} were added by uv", *notes]


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
