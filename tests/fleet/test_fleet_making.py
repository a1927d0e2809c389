"""Drift's quick way to render gives what copier gives, and is left where it does not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fleet.repositories import commit, git, template

from tdsp.fleet import making
from tdsp.fleet.blobs import Blobs, Maker, blob
from tdsp.fleet.making import rendered
from tdsp.fleet.template import _made

SETS: tuple[dict[str, Any], ...] = (
    {"project_name": 'Ünïcode "x" \\ *y*', "level": "train", "problem_type": "forecasting",
     "description": "1. *One* & \"two\"", "ci": "none", "author_name": "O'Neil"},
    {"project_name": "日本語", "level": "govern", "cloud": "azure", "serving": "both",
     "rollout": "canary", "ci": "gitlab", "iac": "terraform", "problem_type": "anomaly",
     "license": "Proprietary", "unknown": {"a": [1]}, "package_name": "other_name"},
    {"serving": "online", "cloud": "azure", "platform": "azureml", "ci": "azure-devops",
     "responsible_ai": False, "problem_type": "regression", "python_version": "3.13"},
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_makers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has makers of its own, and leaves no clone."""
    monkeypatch.setattr(making, "_MAKERS", {})
    monkeypatch.setattr(making, "_FIRST", {})
    yield
    making._forget_all()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, isolation: None) -> Path:
    return template(tmp_path_factory.mktemp("small") / "template")


def head(source: Path) -> str:
    return git(source, "rev-parse", "HEAD")


def asked(source: Path, **answers: Any) -> Blobs:
    return rendered(str(source / ".git"), str(source), head(source), answers)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The answers that copier itself was asked to render."""
    told: list[dict[str, Any]] = []
    real = making._by_copier

    def counting(source: str, commit: str, answers: dict[str, Any]) -> Blobs:
        told.append(answers)
        return real(source, commit, answers)

    monkeypatch.setattr(making, "_by_copier", counting)
    return told


def test_our_own_template_by_many_answers(repository: Path, tmp_path: Path) -> None:
    """Byte for byte: each file's blob, and which files there are."""
    maker = Maker(str(repository), head(repository), tmp_path / "nowhere" / "project")
    try:
        for answers in SETS:
            with making.compiled_once():
                wanted = making._by_copier(str(repository), head(repository), answers)
            assert len(wanted) > 80
            assert maker.blobs(answers) == wanted
        assert not (tmp_path / "nowhere").exists()
    finally:
        maker.clean()


def test_copier_is_asked_once_and_believed_after(small: Path, calls: list[dict[str, Any]]) -> None:
    names = [f"Project {number}" for number in range(4)]
    for name in names:
        made = asked(small, project_name=name)
        assert made["tools/check.py"] == blob(f"# v0.10.0 of {name}\n".encode())
    assert calls == [{"project_name": names[0]}]


def test_a_maker_that_differs_once_is_not_asked_again(
    small: Path, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Maker.blobs
    monkeypatch.setattr(Maker, "blobs", lambda self, said: real(self, said) | {"README.md": "x"})
    for name in "ab":
        assert asked(small, project_name=name)["README.md"] != "x"
    assert len(calls) == 2
    monkeypatch.setattr(Maker, "blobs", real)
    asked(small, project_name="c")
    assert len(calls) == 3


def test_refused_answers_are_refused_by_copier(small: Path, calls: list[dict[str, Any]]) -> None:
    """What refuses says nothing for or against the quick way."""
    assert asked(small) == {}
    assert asked(small, project_name="a")
    assert asked(small, project_name=None) == {}
    assert asked(small, project_name="b")
    assert calls == [{}, {"project_name": "a"}, {"project_name": None}]


@pytest.mark.parametrize(
    "files",
    [
        {"template/{% yield x from ['a', 'b'] %}{{ x }}{% endyield %}.txt": "x"},
        {"template/{{ 'a' }}.txt": "1", "template/{{ 'a'.lower() }}.txt": "1"},
        {"copier.yml": "_subdirectory: template\n_preserve_symlinks: true\n", "template/a": "b"},
    ],
    ids=["many files of one name", "two files become one", "links"],
)
def test_what_the_quick_way_does_not_know(
    files: dict[str, str | bytes], tmp_path: Path, calls: list[dict[str, Any]]
) -> None:
    """It gives what copier gives, or leaves it to copier."""
    source = tmp_path / "template"
    commit(source, {"copier.yml": "_subdirectory: template\n"} | files)
    if "template/a" in files:
        (source / "template/link").symlink_to("a")
        commit(source, {})
    made = asked(source), asked(source)
    wanted = making._by_copier(str(source), head(source), {})
    assert wanted
    assert made == (wanted, wanted)


def test_clones_are_removed(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest where there are many, all at the end; and what cannot be cloned leaves none."""
    monkeypatch.setattr(making, "MOST", 2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    versions = [git(small, "rev-parse", f"{tag}^{{}}") for tag in ("v0.1.0", "v0.2.0", "v0.10.0")]
    for each in versions:
        for name in "ab":
            assert rendered(str(small / ".git"), str(small), each, {"project_name": name})
    assert len(list(tmp_path.glob("copier*"))) == 2
    assert rendered(str(small / ".git"), str(small), "0" * 40, {"project_name": "a"}) == {}
    making._forget_all()
    assert not list(tmp_path.glob("copier*"))


def test_an_own_process_leaves_nothing(small: Path, tmp_path: Path) -> None:
    """A spawned process ends as a pool's does; its clones go with it."""
    code = (
        "import sys; from tdsp.fleet.making import rendered\n"
        "for name in 'ab':\n"
        "    assert rendered(f'{sys.argv[1]}/.git', *sys.argv[1:], {'project_name': name})\n"
        "from tdsp.fleet.making import _MAKERS; assert any(_MAKERS.values())\n"
    )
    words = [sys.executable, "-c", code, str(small), head(small)]
    subprocess.run(words, check=True, env=os.environ | {"TMPDIR": str(tmp_path)})
    assert not list(tmp_path.iterdir())


def test_a_render_that_cannot_be_kept_costs_only_time(small: Path, tmp_path: Path) -> None:
    """As on a full disk; here the folder of the renders is no folder."""
    (tmp_path / "file").write_text("")
    answers = {"project_name": "a", "_src_path": str(small)}
    made = _made(str(small / ".git"), "v0.10.0", answers, tmp_path / "file" / "renders")
    assert made is not None
    assert made["tools/check.py"] == blob(b"# v0.10.0 of a\n")
