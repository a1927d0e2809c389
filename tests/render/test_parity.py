"""Both engines, all answers: the same bytes, exactly the files that the answers ask for."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import copier
import pytest
from local_extensions import recorded as recorded_answers
from pytest_cookies.plugin import Cookies
from tests.render.engines import (
    Answers,
    check_paths,
    covering_array,
    files,
    modes,
    pairs,
    recorded,
    values,
    with_cookiecutter,
    with_copier,
)
from tests.render.soundness import check_project, ragged

ROWS = covering_array()
NEVER: set[tuple[Any, ...]] = {
    *(
        ("level", "train", name)
        for name in ("serving", "cloud", "rollout", "platform", "iac", "tuning", "responsible_ai")
    ),
    *(("serving", way, name) for way in ("files", "batch") for name in ("rollout", "platform")),
    ("cloud", "none", "iac"),
    *(("problem_type", "forecasting", "serving", way) for way in ("online", "both")),
    ("problem_type", "forecasting", "rollout"),
    ("problem_type", "forecasting", "platform"),
    ("cloud", "none", "platform"),
}
GOLDEN = Path(__file__).with_name("default_tree.txt")


@pytest.mark.parametrize("answers", ROWS, ids=range(len(ROWS)))
def test_both_engines_write_the_same_sound_project(
    answers: Answers, plain: Path, cookies_session: Cookies, tmp_path: Path
) -> None:
    ours = with_copier(plain, tmp_path / "project", answers)
    theirs = with_cookiecutter(cookies_session, plain, answers)
    assert files(ours) == files(theirs)
    assert modes(ours) == modes(theirs)
    check_paths(plain, ours, answers)
    check_project(ours)
    kept = recorded(ours)
    assert {name: kept.get(name) for name in answers} == answers
    assert kept["_src_path"] == str(plain)


def test_the_array_covers_what_can_meet() -> None:
    met = set().union(*map(pairs, ROWS))
    for first, second in itertools.combinations(values().items(), 2):
        for a, b in itertools.product(first[1], second[1]):
            never = bool({(first[0], a, second[0]), (first[0], a, second[0], b)} & NEVER)
            assert (((first[0], a), (second[0], b)) in met) is not never


def test_defaults_make_exactly_these_files(repository: Path, tmp_path: Path) -> None:
    """The one list that is written by hand: it makes every new file a line of a review."""
    project = with_copier(repository, tmp_path / "project", {})
    assert sorted(files(project)) == GOLDEN.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("needed", "irrelevant"),
    [
        ({"serving": "batch"}, {"rollout": "canary"}),
        ({"cloud": "none"}, {"iac": "terraform"}),
        ({"cloud": "none", "serving": "online"}, {"platform": "azureml"}),
        ({"cloud": "azure"}, {"platform": "azureml", "rollout": "shadow"}),
        ({"problem_type": "forecasting"}, {"rollout": "canary"}),
        ({"level": "train"}, {"rollout": "canary"}),
    ],
)
def test_an_answer_that_was_not_asked_changes_nothing(
    needed: dict[str, Any],
    irrelevant: dict[str, Any],
    repository: Path,
    cookies_session: Cookies,
    tmp_path: Path,
) -> None:
    usual = files(with_copier(repository, tmp_path / "usual", needed))
    both = needed | irrelevant
    assert files(with_copier(repository, tmp_path / "more", both)) == usual
    assert files(with_cookiecutter(cookies_session, repository, both)) == usual


def test_a_word_for_no_is_no_where_the_default_is_worked_out(
    repository: Path, cookies_session: Cookies, tmp_path: Path
) -> None:
    """Such a question is a text to cookiecutter, whose default at this level is "True"."""
    ours = with_copier(repository, tmp_path / "ours", {"level": "govern", "responsible_ai": False})
    given = {"level": "govern", "responsible_ai": "No"}
    theirs = with_cookiecutter(cookies_session, repository, given)
    assert files(theirs) == files(ours)
    assert recorded(theirs)["responsible_ai"] is False


def test_a_preset_that_the_level_has_no_room_for_changes_nothing(
    repository: Path, tmp_path: Path
) -> None:
    """As an organisation's file sets it: what it says is a default, not somebody's answer."""
    given = {"level": "train", "problem_type": "regression"}
    preset = {"tuning": True, "responsible_ai": True}
    words = {"data": given, "defaults": True, "quiet": True, "vcs_ref": "HEAD"}
    copier.run_copy(str(repository), tmp_path / "preset", user_defaults=preset, **words)
    usual = with_copier(repository, tmp_path / "usual", given)
    assert files(tmp_path / "preset") == files(usual)


def test_a_lost_exclusion_is_seen(plain: Path, tmp_path: Path) -> None:
    mutant = tmp_path / "mutant"
    shutil.copytree(plain, mutant)
    config = mutant / "copier.yml"
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if "/regression.py" not in line]
    assert len(kept) == len(lines) - 1
    config.write_text("".join(kept), encoding="utf-8")
    project = with_copier(mutant, tmp_path / "project", {})
    with pytest.raises(AssertionError, match=r"regression\.py"):
        check_paths(mutant, project, {})


def test_a_template_without_history_records_no_commit(
    plain: Path, cookies: Cookies, tmp_path: Path
) -> None:
    ours = with_copier(plain, tmp_path / "project", {})
    assert "_commit" not in recorded(ours)
    assert files(with_cookiecutter(cookies, plain, {})) == files(ours)


def test_a_relative_template_is_recorded_by_its_absolute_path(
    repository: Path, cookies: Cookies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.parent)
    ours = with_copier(Path(repository.name), tmp_path / "project", {})
    theirs = with_cookiecutter(cookies, Path(repository.name), {})
    assert recorded(ours)["_src_path"] == recorded(theirs)["_src_path"] == str(repository)


@pytest.mark.parametrize(
    "source",
    ["gh:owner/name", "https://example.com/a.git", "git@example.com:a/b.git", "git+ssh://x/y"],
)
def test_an_address_is_recorded_as_it_is(source: str) -> None:
    assert recorded_answers({"_template": source, "__asked": {}})["_src_path"] == source


def test_an_installed_template_is_recorded_by_its_origin() -> None:
    answers = {"_template": "tdsp", "_origin": "https://example.com/a.git", "__asked": {}}
    assert recorded_answers(answers)["_src_path"] == "https://example.com/a.git"


def test_a_dirty_clone_records_no_commit(
    repository: Path, cookies: Cookies, tmp_path: Path
) -> None:
    dirty = tmp_path / "dirty"
    shutil.copytree(repository, dirty)
    (dirty / "README.md").write_text("changed\n", encoding="utf-8")
    assert "_commit" not in recorded(with_cookiecutter(cookies, dirty, {}))


def test_caches_of_the_working_tree_stay_out(
    repository: Path, cookies: Cookies, tmp_path: Path
) -> None:
    used = tmp_path / "used"
    shutil.copytree(repository, used)
    cache = used / "template/src/{{ package_name }}/__pycache__/old.pyc"
    cache.parent.mkdir()
    cache.write_bytes(b"\x00")
    ours = with_copier(used, tmp_path / "project", {})
    assert files(with_cookiecutter(cookies, used, {})) == files(ours)


@pytest.mark.parametrize("text", ["a\n\n\nb\n", "a\n b\n", "a \nb\n", "a\n\n"])
def test_stray_space_in_a_document_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("a\n\n```\n\n\n x \n```\n\n- b\n  - c\n", encoding="utf-8")
    assert ragged(tmp_path) == []
    (tmp_path / "bad.md").write_text(text, encoding="utf-8")
    assert ragged(tmp_path)
