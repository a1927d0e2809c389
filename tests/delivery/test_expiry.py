"""expiry.yaml lists what every set of answers pins; what ends, and what is missing, is found."""

import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT
from tests.project.living import Done
from tests.render.engines import covering_array, with_copier

TOOL = ROOT / "template/tools/expiry.py"


def check(root: Path, *words: str) -> Done:
    command = [sys.executable, root / "tools/expiry.py", "--root", root, *words]
    return subprocess.run(command, capture_output=True, text=True)


def pins(root: Path) -> list[dict[str, str]]:
    loaded = yaml.safe_load((root / "expiry.yaml").read_text(encoding="utf-8"))
    return list(loaded["pins"])


def days(root: Path) -> list[date]:
    return [date.fromisoformat(str(pin.get("expires") or pin["review"])) for pin in pins(root)]


@pytest.fixture(scope="module")
def rendered(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A project for each row of the covering array."""
    folder = tmp_path_factory.mktemp("rows")
    rows = covering_array()
    assert len(rows) > 20
    return [
        with_copier(repository, folder / str(number), row | {"project_name": "ML project"})
        for number, row in enumerate(rows)
    ]


def test_every_row_lists_what_it_pins_and_is_supported_today(rendered: list[Path]) -> None:
    failed = {path.name: done.stdout for path in rendered if (done := check(path)).returncode}
    assert failed == {}


def test_no_row_lists_what_it_does_not_pin(rendered: list[Path]) -> None:
    dead = {line for path in rendered for line in check(path).stdout.splitlines() if "note:" in line}
    assert dead == set()


def test_every_row_warns_before_and_fails_after_its_first_day(rendered: list[Path]) -> None:
    for root in rendered[::4]:
        first = min(days(root))
        after = check(root, "--today", str(first + timedelta(1)))
        before = check(root, "--today", str(first))
        assert (after.returncode, before.returncode) == (1, 0)
        assert "1 days ago" in after.stdout
        assert "warning: " in before.stdout


def test_a_line_that_is_taken_out_is_found_with_its_place(rendered: list[Path], tmp_path: Path) -> None:
    """Of every pin that any row lists: without its line the check fails and prints that line."""
    tried: set[str] = set()
    for root in rendered:
        kept = (root / "expiry.yaml").read_text(encoding="utf-8")
        for name in {pin["pin"] for pin in pins(root)} - tried:
            tried.add(name)
            lines = kept.splitlines(keepends=True)
            without = [line for line in lines if f'pin: "{name}"' not in line]
            assert len(without) == len(lines) - 1, name
            (root / "expiry.yaml").write_text("".join(without), encoding="utf-8")
            done = check(root)
            assert done.returncode == 1, name
            assert re.search(rf"error: \S+:\d+: {re.escape(name)} is not", done.stdout, re.I), name
            assert f'- {{pin: "{name}"'.casefold() in done.stdout.casefold()
        (root / "expiry.yaml").write_text(kept, encoding="utf-8")
    assert len(tried) >= 8


def test_every_line_names_its_source_and_what_to_do(rendered: list[Path]) -> None:
    for pin in {str(pin["pin"]): pin for root in rendered for pin in pins(root)}.values():
        assert pin["source"].startswith("https://"), pin
        assert len(pin["do"]) > 10, pin


def test_this_repository_lists_its_own(repository: Path) -> None:
    command = [sys.executable, TOOL, "--root", ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    late = subprocess.run([*command, "--today", "2040-01-01"], capture_output=True, text=True)
    assert late.returncode == 1
    assert late.stdout.count("error: ") == len(pins(ROOT))
