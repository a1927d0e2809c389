"""A history of two releases, whose second is the working tree."""

import shutil
from pathlib import Path

import pytest
from tests.conftest import git
from tests.project.conftest import dvc_isolation

__all__ = ["dvc_isolation"]

PACKAGE = "template/src/{{ package_name }}"
# What the second release changes: (file, how it was in the first, how it is now).
CHANGES = [
    ("template/README.md.jinja", "## First day\n", "## First day\n\nAn old sentence.\n"),
    (
        f"{PACKAGE}/steps/evaluate.py.jinja",
        '"""Measure model and baselines on the test rows',
        '"""Measure what is old',
    ),
    ("template/params.yaml.jinja", "  resamples: 500 ", "  resamples: 400 "),
]


def alter(repository: Path, name: str, present: str, past: str) -> None:
    """Put the one place where a file has its present text back to what it was."""
    path = repository / name
    text = path.read_text(encoding="utf-8")
    assert text.count(present) == 1, f"{present!r} stands {text.count(present)} times in {name}"
    path.write_text(text.replace(present, past), encoding="utf-8", newline="\n")


def release(repository: Path, tag: str) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", tag)
    git(repository, "tag", tag)


def make_history(plain: Path, target: Path, tags: tuple[str, str]) -> Path:
    """A repository with two tags: the working tree as it was before CHANGES, and as it is."""
    shutil.copytree(plain, target)
    git(target, "init", "-q")
    for name, present, past in CHANGES:
        alter(target, name, present, past)
    release(target, tags[0])
    for name, present, past in CHANGES:
        alter(target, name, past, present)
    release(target, tags[1])
    return target


@pytest.fixture(scope="session")
def history(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_history(plain, tmp_path_factory.mktemp("history") / "tdsp", ("v0.0.1", "v0.0.2"))
