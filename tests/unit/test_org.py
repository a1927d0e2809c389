"""The organisation file presets answers and locks some of them."""

from pathlib import Path

import pytest
from tests.conftest import ROOT

from tdsp.errors import TdspError
from tdsp.org import Organisation, check_questions, merged, read_mapping, read_organisation
from tdsp.questions import questions

ASKED = {"license", "ci", "organization"}
GOOD = """\
answers: {license: Apache-2.0, ci: gitlab}
locked: [license]
template: https://example.com/template.git
ref: v1.2.3
"""


@pytest.fixture
def factory(tmp_path: Path) -> Path:
    path = tmp_path / "factory.yml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_says_what_to_preset_lock_and_take(factory: Path) -> None:
    assert read_organisation(factory, ASKED) == Organisation(
        {"license": "Apache-2.0", "ci": "gitlab"},
        frozenset({"license"}),
        "https://example.com/template.git",
        "v1.2.3",
    )


def test_may_be_short(factory: Path) -> None:
    factory.write_text("answers:\nlocked:\n", encoding="utf-8")
    assert read_organisation(factory, ASKED) == Organisation()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("answer: {}", "unknown keys answer; known: answers, locked, ref, template"),
        ("answers: {licence: MIT}", "no such question: licence"),
        ("answers: {license: MIT}\nlocked: [ci]", "locked without an answer: ci"),
        ("answers: [license]", "`answers` must be a mapping"),
        ("locked: license", "`locked` a list"),
        ("- answers", "must hold `question: answer` lines"),
        ("", "must hold `question: answer` lines"),
        ("1: a", "must hold `question: answer` lines"),
        ("answers: {", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_named(text: str, reason: str, factory: Path) -> None:
    factory.write_text(text, encoding="utf-8")
    with pytest.raises(TdspError, match=r"factory\.yml") as raised:
        read_organisation(factory, ASKED)
    assert reason in str(raised.value)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TdspError, match="cannot be read: No such file"):
        read_mapping(tmp_path / "factory.yml")
    (tmp_path / "factory.yml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(TdspError, match="not valid YAML"):
        read_mapping(tmp_path / "factory.yml")


def test_locked_answers_are_added_and_presets_left_to_be_asked() -> None:
    organisation = Organisation({"license": "MIT", "ci": "none"}, frozenset({"license"}))
    assert merged({"organization": "We"}, organisation) == {"organization": "We", "license": "MIT"}
    assert merged({"license": "MIT", "ci": "gitlab"}, organisation)["ci"] == "gitlab"


def test_the_level_can_be_preset_and_locked(factory: Path) -> None:
    factory.write_text("answers: {level: govern}\nlocked: [level]\n", encoding="utf-8")
    organisation = read_organisation(factory, set(questions(ROOT)))
    assert merged({}, organisation) == {"level": "govern"}
    with pytest.raises(TdspError, match="level is locked to 'govern'"):
        merged({"level": "train"}, organisation)


def test_another_answer_to_a_locked_question_is_refused() -> None:
    organisation = Organisation({"license": "MIT"}, frozenset({"license"}))
    with pytest.raises(
        TdspError, match=r"license is locked to 'MIT'.*'Proprietary' is not possible"
    ):
        merged({"license": "Proprietary"}, organisation)


def test_all_that_nobody_asks_is_listed() -> None:
    check_questions({"ci": 1}, ASKED, "here")
    with pytest.raises(TdspError, match="here: no such question: a, b; asked are ci, license"):
        check_questions({"b": 1, "a": 2, "ci": 3}, ASKED, "here")
