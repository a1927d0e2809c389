"""What tests of updates share."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tdsp.fleet import render


@pytest.fixture
def quick_copier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each call of copier is a process as ever; it is forked, and imports nothing."""
    words = [sys.executable, str(Path(__file__).with_name("copier_once.py")), "copier.socket"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=tmp_path) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        client = (sys.executable, "-IS", words[1], str(tmp_path / words[2]))
        monkeypatch.setattr(render, "COPIER", client)
        yield
        server.kill()
