"""Checkers that are too heavy for the development environment: each in a cached one of its own."""

import functools
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.project.living import BIN, UV, clean, made_once, run


def _place(name: str, wanted: tuple[str, ...]) -> Path:
    digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:12]
    return ROOT / "build" / f"tool-{name}-{digest}"


@functools.cache
def python_tool(name: str, *requirements: str) -> Path:
    """The folder of the programs of a virtual environment with `requirements`, kept between runs.

    Skips the test, with the reason, where they cannot be installed.
    """
    target = _place(name, requirements)
    with made_once(target) as missing:
        for command in (
            [UV, "venv", "--quiet", "--clear", target],
            [UV, "pip", "install", "--quiet", "--python", target, *requirements],
        ):
            done = run(*command, cwd=ROOT, env=clean(), ok=False) if missing else None
            if done and done.returncode:
                pytest.skip(f"{name} cannot be installed here: {done.stderr.strip()[-300:]}")
    return target / BIN


@functools.cache
def node_tool(name: str, *requirements: str) -> Path:
    """A folder whose node_modules hold `requirements`; skips where npm or they are not there."""
    npm, target = shutil.which("npm"), _place(name, requirements)
    if npm is None:
        pytest.skip(f"{name} needs npm, which is not installed here")
    with made_once(target) as missing:
        target.mkdir(exist_ok=True)
        words = [npm, "install", "--silent", "--no-audit", "--no-fund", "--no-save", *requirements]
        done = run(*words, cwd=target, env=clean(), ok=False) if missing else None
        if done and done.returncode:
            pytest.skip(f"{name} cannot be installed here: {done.stderr.strip()[-300:]}")
    return target
