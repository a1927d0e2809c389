"""A model that is made again: what is asked for, what is compared, what is said.

`tests/project/test_registry.py` makes real ones again; here the project's answers are invented.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tdsp.errors import TdspError
from tdsp.people.governance import reproduce
from tdsp.people.project import Project

CODE = {"git_commit": "abc", "git_dirty": "false"}
ANSWERS: dict[str, Any] = {
    "Which model is it?": {"version": "2", "model_id": "0123456789ab", "aliases": "champion"},
    "What data has been used?": {"file": "data/raw/table.csv", "data_md5": "d41d8"},
    "What code?": CODE,
    "Where is what was kept of its run?": {"files": "/kept"},
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / ".copier-answers.yml").write_text("package_name: p\n", encoding="utf-8")
    return Project(tmp_path)


def answering(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "ask", lambda *_: answer)


def test_the_record_is_what_the_project_answers(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(ANSWERS, monkeypatch)
    facts = reproduce.record(project, "champion")
    assert (facts.version, facts.git_commit, facts.files) == ("2", "abc", Path("/kept"))


@pytest.mark.parametrize("answer", [[], {}, {"What code?": "abc"}, {"What code?": CODE}])
def test_another_format_is_refused(
    answer: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(answer, monkeypatch)
    with pytest.raises(TdspError, match="another format than this tdsp knows"):
        reproduce.record(project, "2")


def test_a_model_from_outside_of_git_cannot_be_made_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering({**ANSWERS, "What code?": {"git_commit": "none"}}, monkeypatch)
    with pytest.raises(TdspError, match="outside of git"):
        reproduce.record(project, "2")


def test_other_versions_than_the_locked_ones_are_named() -> None:
    installed = {"pandas": "3.0", "PyArrow": "23.0", "numpy": "2.4", "typing_extensions": "4.1"}
    lock = (
        "pandas==3.0 \\\n    --hash=sha256:0\npyarrow==0.1 ; python_version < '4'\n"
        "Not_Here==1\nnumpy==0.1\nnumpy==2.4\ntyping-extensions==4.1\n"
    )
    assert reproduce.other_versions(installed, lock) == ["pyarrow 23.0 instead of 0.1"]
    assert reproduce.other_versions(installed, "") == []


def test_equal_is_equal_to_the_last_digit(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text('{"model": {"r2": 0.5, "mae": NaN, "n": 3}}', encoding="utf-8")
    new.write_text('{"model": {"r2": 0.5, "mae": NaN, "n": 3}}', encoding="utf-8")
    assert reproduce.same_metrics(old, new).passed
    assert reproduce.same_metrics(old, new).figures == "3 figures"
    new.write_text('{"model": {"r2": 0.25, "mae": NaN, "n": 3.1}}', encoding="utf-8")
    check = reproduce.same_metrics(old, new)
    assert not check.passed
    assert check.figures == "model.r2 differs by 0.25"
    new.write_text('{"model": {"r2": 0.5, "mae": NaN}}', encoding="utf-8")
    assert not reproduce.same_metrics(old, new).passed
    assert not reproduce.same_metrics(new, old).passed


def test_metrics_that_cannot_be_read_are_no_comparison(tmp_path: Path) -> None:
    (tmp_path / "torn.json").write_text("{", encoding="utf-8")
    for name in ("torn.json", "absent.json"):
        with pytest.raises(TdspError, match=name):
            reproduce.same_metrics(tmp_path / name, tmp_path / name)


def test_a_difference_is_an_error_and_says_which(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answering(ANSWERS, monkeypatch)
    checks = [reproduce.Check(rule="the same data", passed=False, figures="md5 0")]
    monkeypatch.setattr(reproduce, "made_again", lambda *_: checks)
    monkeypatch.setattr(reproduce.Copy, "run", lambda *_: json.dumps({}))
    with pytest.raises(TdspError, match="version 2 could not be made again"):
        reproduce.run(project, "2", None)
    assert capsys.readouterr().out == "FAIL  the same data (md5 0)\n"
    checks[0].passed = True
    reproduce.run(project, "2", None)
    assert capsys.readouterr().out.endswith(
        "version 2 (0123456789ab) was made again and is equal\n"
    )
