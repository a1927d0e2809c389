"""The release command: what it refuses, and that it tags nothing but what was asked."""

import re
from pathlib import Path

import pytest
from tests.conftest import ROOT, git, module_of

CHANGELOG = """# Changelog

## [Unreleased]

## [0.2.0] - 2026-11-21

### Added

- A second thing.

## [0.1.0] - 2026-11-01

### Added

- A thing.
"""


release = module_of(ROOT / "scripts/release.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository that is ready for 0.2.0, after 0.1.0."""
    package = tmp_path / "src/tdsp/__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text('"""A package."""\n\n__version__ = "0.2.0"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    git(tmp_path, "init", "-q", "--initial-branch", "main")
    commit(tmp_path)
    git(tmp_path, "tag", "v0.1.0")
    return tmp_path


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "change")


def replace(root: Path, name: str, old: str, new: str) -> None:
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    commit(root)


def refused(root: Path, version: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Assert that there is exactly this one reason, and no new tag."""
    before = git(root, "tag")
    assert release.main([version], root) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Nothing was tagged:"
    assert len(said) == 2
    assert re.search(reason, said[1])
    assert git(root, "tag") == before


def test_a_release_is_an_annotated_tag_with_the_changes(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(["0.2.0"], root) == 0
    assert git(root, "cat-file", "-t", "v0.2.0").strip() == "tag"
    assert "- A second thing." in git(root, "tag", "-n9", "--list", "v0.2.0")
    assert "- A thing." not in git(root, "tag", "-n9", "--list", "v0.2.0")
    assert "make test" in capsys.readouterr().out
    assert git(root, "status", "--porcelain") == ""


def test_the_first_release_needs_no_earlier_one(root: Path) -> None:
    git(root, "tag", "--delete", "v0.1.0")
    assert release.main(["0.2.0"], root) == 0


@pytest.mark.parametrize("version", ["", "1", "0.2", "v0.2.0", "0.2.0-rc1", "0.02.0", "a.b.c"])
def test_not_a_version(version: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(root, version, "is not MAJOR.MINOR.PATCH", capsys)


def test_no_version_at_all(root: Path) -> None:
    assert release.main([], root) == 1


def test_not_after_the_last_one_by_number(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "tag", "v0.10.0")
    refused(root, "0.2.0", r"does not come after .*0\.10\.0", capsys)


def test_a_tag_that_exists(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "tag", "v0.2.0")
    refused(root, "0.2.0", "already tagged", capsys)


def test_another_branch(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "switch", "-q", "-c", "work")
    refused(root, "0.2.0", "the branch is work", capsys)


def test_no_branch(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(root, "switch", "-q", "--detach")
    refused(root, "0.2.0", "the branch is none", capsys)


def test_a_change_that_is_not_committed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "new.txt").write_text("new\n", encoding="utf-8")
    refused(root, "0.2.0", "not committed", capsys)


def test_another_version_in_the_package(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(root, "src/tdsp/__init__.py", "0.2.0", "0.1.9")
    refused(root, "0.2.0", r"says 0\.1\.9", capsys)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("## [0.2.0] - 2026-11-21", "## [0.2.0]"),
        ("## [0.2.0] - 2026-11-21", "## [0.2.1] - 2026-11-21"),
        ("- A second thing.\n", ""),
    ],
    ids=["no date", "no section", "no text"],
)
def test_no_changes_to_tell(
    old: str, new: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(root, "CHANGELOG.md", old, new)
    refused(root, "0.2.0", "has no text", capsys)


def test_changes_that_no_version_has(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replace(root, "CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- A third thing.\n")
    refused(root, "0.2.0", r"under `## \[Unreleased\]`: move it to 0\.2\.0", capsys)


def test_every_reason_is_said_at_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "new.txt").write_text("new\n", encoding="utf-8")
    assert release.main(["0.3.0"], root) == 1
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_the_repository_states_a_version_and_its_changes() -> None:
    assert release.VERSION.fullmatch(release.stated(ROOT))
    assert f"## [{release.stated(ROOT)}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
