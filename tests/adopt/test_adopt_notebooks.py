"""Notebooks run before and after. A small stand-in runs the cells, since nbclient is not here."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tdsp.adopt import notebook, running
from tdsp.adopt.manifest import File, Manifest
from tdsp.adopt.running import Bench, compare, notebooks

# What the runner takes of nbclient, nbformat, ipykernel and jupyter_client.
STAND_IN = {
    "ipykernel.py": "",
    "jupyter_client/__init__.py": "",
    "jupyter_client/manager.py": (
        "class AsyncKernelManager:\n    def __init__(self, kernel_name, transport):\n"
        "        assert (kernel_name, transport) == ('python3', 'ipc')\n"
    ),
    "nbformat.py": (
        "import json\nclass D(dict):\n    __getattr__ = dict.__getitem__\n"
        "def read(path, as_version):\n    with open(path) as f:\n"
        "        return json.load(f, object_hook=D)\n"
    ),
    "nbclient/exceptions.py": (
        "class CellExecutionError(Exception):\n    def __init__(self, e):\n"
        "        self.ename, self.evalue = type(e).__name__, str(e)\n"
    ),
    "nbclient/__init__.py": """
import contextlib, io, os, subprocess
from nbclient.exceptions import CellExecutionError
class NotebookClient:
    def __init__(self, nb, km, timeout, resources):
        self.nb, self.place = nb, resources['metadata']['path']
    def execute(self, stderr):
        assert stderr == subprocess.DEVNULL  # else the kernel has the last word
        os.chdir(self.place)
        names = {}
        for cell in self.nb.cells:
            if cell.cell_type != 'code':
                continue
            out = io.StringIO()
            try:
                with contextlib.redirect_stdout(out):
                    exec(''.join(cell.source), names)
            except Exception as e:
                raise CellExecutionError(e)
            cell['outputs'] = [{'text': out.getvalue()}] if out.getvalue() else []
""",
}


def cells(*sources: str, **metadata: Any) -> bytes:
    code = [{"cell_type": "code", "outputs": [], "source": [each]} for each in sources]
    data = {"cells": code, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(data).encode()


READS = cells("rows = open('data.csv').read()", "print('rows', rows)")
MOVED = READS.replace(b"data.csv", b"../data/raw/data.csv")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has what runs notebooks."""
    place = tmp_path_factory.mktemp("stand-in")
    for name, text in STAND_IN.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    program = place / "python"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{place}:$PYTHONPATH" exec "{sys.executable}" "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return str(program)


def verdict(
    place: Path, python: str, before: bytes, after: bytes, seconds: float = 60
) -> running.Verdict:
    files = {"before/a.ipynb": before, "before/data.csv": b"1", "after/notebooks/a.ipynb": after,
             "after/data/raw/data.csv": b"1"}  # fmt: skip
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    listed = (
        File("a.ipynb", "notebooks/a.ipynb", "100644", "", "", "edited", "notebook"),
        File("data.csv", "data/raw/data.csv", "100644", "", "", "same", "raw data"),
        File("b.ipynb", "", "100644", "", "", "untracked", "notebook"),
    )
    done = Manifest("", 2, "churn", listed)
    (file,) = notebooks(done)
    found = compare(Bench(python, seconds, "churn", place / "before", place / "after"), done, file)
    assert (place / "after/notebooks/a.ipynb").read_bytes() == after
    return found


def test_same_outputs_before_and_after(tmp_path: Path, python: str) -> None:
    found = verdict(tmp_path, python, READS, MOVED)
    assert (found.verdict, found.detail) == ("same-ok", "")
    assert found.command == "jupyter execute notebooks/a.ipynb"


@pytest.mark.parametrize(
    ("before", "after", "expected", "words"),
    [
        (READS, READS, "regressed", "FileNotFoundError"),
        (READS, MOVED.replace(b"'rows'", b"'lines'"), "regressed", "prints something else"),
        (cells("1/0"), cells("1/0"), "same-failure", "ZeroDivisionError"),
        (cells("1/0"), MOVED, "improved", "ZeroDivisionError"),
    ],
)
def test_what_differs_is_told(
    tmp_path: Path, python: str, before: bytes, after: bytes, expected: str, words: str
) -> None:
    found = verdict(tmp_path, python, before, after)
    assert found.verdict == expected and words in found.detail


def test_python_without_nbclient_runs_none(tmp_path: Path) -> None:
    found = verdict(tmp_path, sys.executable, READS, MOVED)
    assert found.verdict == "not run" and "no nbclient" in found.detail


@pytest.mark.parametrize(
    ("content", "words"),
    [(cells("x", kernelspec={"language": "R"}), "it is in R"), (b"[1]", "no notebook")],
)
def test_other_notebooks_are_not_run(
    tmp_path: Path, python: str, content: bytes, words: str
) -> None:
    found = verdict(tmp_path, python, content, content)
    assert found.verdict == "not run" and words in found.detail


def test_pictures_count_by_their_kind() -> None:
    outputs = [{"data": {"image/png": "A", "text/plain": ["<Figure>"]}}, {"text": ["a\n", "b"]}]
    assert notebook.shown(outputs) == ["a\nb", "<Figure>", "[image/png]"]


def test_pieces_of_what_is_printed_are_one_text() -> None:
    one = [{"name": "stdout", "text": "a\n\nb\n"}, {"name": "stderr", "text": "w\n"}]
    two = [
        {"name": "stdout", "text": "a\n"},
        {"name": "stderr", "text": "w\n"},
        {"name": "stdout", "text": ["\n", "b\n"]},
    ]
    assert notebook.shown(one) == notebook.shown(two) == ["w\n", "a\n\nb\n"]
