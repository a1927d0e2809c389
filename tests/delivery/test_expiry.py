"""expiry.yaml lists what a project pins; what ends, and what is missing, is found.

That it passes today for every row of the covering array is checked where those are rendered, in
tests/render/test_parity.py.
"""
# ruff: noqa: E501  tables read best with one row a line

import itertools
import re
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.delivery.expiry_tool import COMMAND, TEMPLATE, check, tool
from tests.delivery.hygiene_projects import ROWS, project

NEXT = timedelta(1)


@pytest.fixture(scope="module")
def roots(repository: Path) -> list[Path]:
    return [project(repository, name).root for name in ROWS]


def test_the_command_passes_today_and_fails_after_the_first_day(roots: list[Path]) -> None:
    for root in roots:
        first = min(pin.until for pin in tool.read(root / tool.MANIFEST))
        today = subprocess.run(COMMAND, cwd=root, capture_output=True, text=True)
        assert today.returncode == 0, today.stdout + today.stderr
        late = [*COMMAND, "--today", str(first + NEXT)]
        done = subprocess.run(late, cwd=root, capture_output=True, text=True)
        assert done.returncode == 1
        assert "1 days ago" in done.stdout


def test_there_is_a_warning_for_90_days(roots: list[Path]) -> None:
    for root in roots:
        first = min(pin.until for pin in tool.read(root / tool.MANIFEST))
        for days, warned in ((0, True), (90, True), (91, False)):
            lines, well = check(root, first - timedelta(days))
            assert well
            assert any(line.startswith("warning: ") for line in lines) is warned


def test_a_line_that_is_taken_out_is_found_with_its_place(roots: list[Path]) -> None:
    """Of every pin: without its line the check fails and prints that line."""
    tried = set()
    for root in roots:
        listed, found = tool.read(root / tool.MANIFEST), tool.find(root)
        there = {name.casefold() for name in found}
        for gone in [pin for pin in listed if pin.pin.casefold() in there]:
            tried.add(gone.pin)
            rest = [pin for pin in listed if pin is not gone]
            lines, well = tool.report(rest, found, date(2026, 11, 24))
            (told,) = [line for line in lines if line.startswith("error: ")]
            assert not well
            assert re.match(rf"error: [\w./-]+:\d+: {re.escape(gone.pin)} is not", told, re.I), told
            assert f'- {{pin: "{gone.pin}"'.casefold() in told.casefold()
    assert len(tried) >= 8


@pytest.mark.parametrize(
    ("path", "old", "new", "found"),
    [
        (".python-version", "3.11", "3.10", ".python-version:1: python 3.10"),
        ("pyproject.toml", '"protobuf<7"', '"protobuf<8"', ": protobuf<8"),
        ("deploy/container/Dockerfile", "-slim-trixie AS", "-slim-buster AS", ":4: python:3.11-slim-buster"),
        (".devcontainer/devcontainer.json", ":3-3.11-trixie", ":2-3.11", ":3: mcr.microsoft.com/devcontainers/python:2-3.11"),
    ],
)  # fmt: skip
def test_a_pin_that_moved_is_found(
    path: str, old: str, new: str, found: str, repository: Path, tmp_path: Path
) -> None:
    moved = project(repository, "github").copy(tmp_path / "project")
    moved.edit(path, old, new)
    lines, well = check(moved.root)
    assert not well
    assert any(found in line for line in lines), lines


def test_every_line_names_its_source_and_what_to_do(roots: list[Path]) -> None:
    for pin in itertools.chain(*(tool.read(root / tool.MANIFEST) for root in roots)):
        assert pin.source.startswith("https://"), pin
        assert len(pin.do) > 10, pin


def test_this_repository_lists_its_own() -> None:
    command = [*COMMAND, "--root", ROOT]
    done = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    late = subprocess.run(
        [*command, "--today", "2040-01-01"], cwd=TEMPLATE, capture_output=True, text=True
    )
    assert late.returncode == 1
    assert late.stdout.count("error: ") == len(tool.read(ROOT / tool.MANIFEST))
