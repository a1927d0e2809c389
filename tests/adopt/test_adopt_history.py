"""Secrets in history: named in the scan and in the plan, and never shown."""

from pathlib import Path

import pytest
from tests.adopt.hand import commit, make
from typer.testing import CliRunner

from tdsp.adopt import history
from tdsp.adopt.build import scan
from tdsp.cli import app

KEY = "AKIA" + "QX7ZR2M5KD9WJ4TB"
OTHER = "AKIA" + "ZP4WN8B3TR6YQ2KD"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {
        "config.py": f"KEY = '{KEY}'\n".encode(),
        "gone/old.env": f"A={OTHER}\n".encode(),
        "still.py": f"K = '{KEY}'\n".encode(),
        "tests/test_a.py": f"K = '{KEY}'\n".encode(),
        "sample.py": b"K = 'AKIAIOSFODNN7EXAMPLE'\n",
    }
    root = make(tmp_path_factory.mktemp("history") / "repo", files)
    (root / "config.py").write_text("import os\nKEY = os.environ['KEY']\n", encoding="utf-8")
    (root / "gone/old.env").unlink()
    (root / "gone/new.txt").write_text("1\n", encoding="utf-8")
    (root / "still.py").write_text(f"K = '{KEY}'\nx = 1\n", encoding="utf-8")
    (root / "sample.py").write_text("K = 1\n", encoding="utf-8")
    commit(root, "take them out")
    return root


def test_secret_of_an_older_version_is_named(root: Path) -> None:
    notes = [(n.path, n.text) for n in scan(root).facts.notes if "in history" in n.text]
    assert [path for path, _ in notes] == ["config.py", "gone/old.env"]
    assert all("an AWS access key stands here in history, in blob" in text for _, text in notes)


def test_present_secret_is_named_once(root: Path) -> None:
    named = [n.text for n in scan(root).facts.notes if n.path == "still.py"]
    assert len(named) == 1 and "history keeps it" in named[0]


def test_only_the_chosen_folder_is_told_of(root: Path) -> None:
    notes = [n.path for n in scan(root, "gone").facts.notes if "in history" in n.text]
    assert notes == ["old.env"]


def test_no_output_shows_the_value(root: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    told = runner.invoke(app, ["adopt", "scan", str(root)]).output
    assert "config.py an AWS access key stands here" in " ".join(told.split())
    words = ["adopt", "plan", str(root), "--yes", "--level", "0", "--out", str(tmp_path / "p")]
    told += runner.invoke(app, words).output
    page = (tmp_path / "p/plan.html").read_text(encoding="utf-8")
    assert "an AWS access key stands here in history" in page
    for name in ("plan.yaml", "plan.html", "facts.csv"):
        told += (tmp_path / "p" / name).read_text(encoding="utf-8")
    assert KEY not in told and OTHER not in told


def test_what_was_not_searched_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST", 10)
    texts = [n.text for n in scan(root).facts.notes if not n.path]
    assert any("were not searched for secrets" in text for text in texts)
