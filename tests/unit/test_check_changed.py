"""--changed: findings in what differs from a commit, with the facts of the whole repository."""

import json
from pathlib import Path

import pytest
from tests.conftest import git
from typer.testing import CliRunner

from tdsp.check.changed import base
from tdsp.cli import app
from tdsp.errors import TdspError

runner = CliRunner()
BROKEN = "def f(:\n"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A branch `work` that left main, with one broken file on each."""
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name in ("old.py", "crlf.py"):
        (folder / name).write_text(BROKEN, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    git(folder, "checkout", "-qb", "work")
    (folder / "new.py").write_text(BROKEN, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "y")
    git(folder, "checkout", "-q", "main")
    (folder / "main.py").write_text(BROKEN, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "z")
    git(folder, "checkout", "-q", "work")
    return folder


def found(folder: Path, *words: str) -> set[str]:
    command = ["check", str(folder), "--select", "LA05", "--fail-on", "info", *words]
    command += ["--format", "json"]
    result = runner.invoke(app, command)
    assert result.exit_code in (0, 1), result.output
    places = [each for r in json.loads(result.stdout)["results"] for each in r["places"]]
    failing = {each["path"] for each in places if each.get("kind", "fail") == "fail"}
    assert result.exit_code == bool(failing)
    return failing


def test_since_the_branch_left_main(work: Path) -> None:
    assert found(work) == {"old.py", "crlf.py", "new.py"}
    assert found(work, "--changed") == {"new.py"}
    assert found(work, "--changed", "--commit", "work") == {"new.py"}
    assert found(work, "--changed-since", "work~1") == {"new.py"}
    assert found(work, "--changed-since", "work") == set()


def test_what_is_not_committed_counts(work: Path) -> None:
    (work / "old.py").write_text(BROKEN + "\n", encoding="utf-8")
    (work / "fresh.py").write_text(BROKEN, encoding="utf-8")
    assert found(work, "--changed-since", "HEAD") == {"old.py", "fresh.py"}
    assert found(work, "--changed-since", "HEAD", "--commit", "HEAD") == set()


def test_line_ends_are_no_change(work: Path) -> None:
    (work / "crlf.py").write_bytes(BROKEN.replace("\n", "\r\n").encode())
    assert found(work, "--changed-since", "HEAD") == set()


def test_a_filter_of_the_repository_does_not_run(work: Path, tmp_path: Path) -> None:
    (work / ".gitattributes").write_text("*.py filter=evil\n", encoding="utf-8")
    git(work, "config", "filter.evil.clean", f"touch {tmp_path}/ran; cat")
    (work / "old.py").write_text(BROKEN + "\n", encoding="utf-8")
    git(work, "diff", "--stat")
    assert (tmp_path / "ran").exists(), "the trap works"
    (tmp_path / "ran").unlink()
    assert found(work, "--changed") == {"old.py", "new.py"}
    assert not (tmp_path / "ran").exists()


def test_a_bare_repository_and_the_page(work: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(work, "clone", "-q", "--bare", str(work), str(bare))
    assert found(bare, "--changed") == {"new.py"}
    result = runner.invoke(app, ["check", str(work), "--changed", "--select", "LA05"])
    assert "2 findings in files that did not change" in result.stdout


def test_what_cannot_be_compared_is_one_line(work: Path, tmp_path: Path) -> None:
    cases = {
        ("--changed", "--changed-since", "HEAD"): "say two things",
        ("--changed-since", "nowhere"): "has no commit nowhere",
        ("--changed", "--maturity"): "counts all findings",
    }
    for words, says in cases.items():
        result = runner.invoke(app, ["check", str(work), *words])
        assert result.exit_code == 2
        assert says in result.stderr
        assert result.stderr.count("\n") == 1
    git(work, "branch", "-m", "main", "other")
    with pytest.raises(TdspError, match="no branch main or master"):
        base(work)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", f"file://{work}",
        str(shallow))  # fmt: skip
    git(shallow, "branch", "main", "origin/other")
    git(shallow, "remote", "set-head", "origin", "-d")
    with pytest.raises(TdspError, match="have no commit in common here: fetch more"):
        base(shallow)
