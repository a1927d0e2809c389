"""Ways of working: what docs/process/ states is sound, and the tools say where it is not."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from tools import branch, items, stages


def test_labels_and_backlog_are_sound() -> None:
    assert items.labels()
    assert items.backlog()


def test_the_lifecycle_page_is_of_the_present_stages() -> None:
    text = stages.PAGE.read_text(encoding="utf-8")
    derived = text.split(stages.BEGIN)[1].split(stages.END)[0]
    assert derived == stages.page(stages.read()), "run `poe stage --write`"


def test_stages_have_labels() -> None:
    wanted = {f"stage/{stage.name}" for stage in stages.read()}
    assert wanted == {each.name for each in items.labels() if each.name.startswith("stage/")}


def test_forms_and_templates_name_labels_that_exist() -> None:
    known = {label.name for label in items.labels()}
    for path in (*Path(".github/ISSUE_TEMPLATE").glob("*.yml"), *Path(".gitlab").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"(?m)^labels: \[(.*)\]$|~\"(.+?)\"", text)
        wrong = {name for form, action in named for name in (form or action).split(", ")} - known
        assert not wrong, f"{path}: {wrong}: poe labels does not make them"


@pytest.mark.parametrize("name", ["main", "data/12-new-rows", "model/99", "renovate/all_x"])
def test_a_branch_is_called_as_agreed(name: str) -> None:
    assert branch.main([name]) == 0


@pytest.mark.parametrize("name", ["rows", "fix/rows", "data/", "data/New", "data/a--b", "data/a/b"])
def test_a_branch_is_called_otherwise(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert branch.main([name]) == 1
    assert f"error: branch {name}: " in capsys.readouterr().err


def test_a_stage_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python, found = shlex.quote(Path(sys.executable).as_posix()), list[stages.Stage]()
    for name, code in {"first": "pass", "second": "exit('no owner')", "third": "pass"}.items():
        criterion = stages.Criterion("Done", f'{python} -c "{code}"', "ask")
        before = found[-1] if found else None
        found.append(stages.Stage(name, f"The {name}", "Why?", before, (), (criterion,)))
    monkeypatch.setattr(stages, "read", lambda: found)
    assert stages.main([]) == 1
    said = capsys.readouterr().out
    assert "it says: no owner" in said
    assert "Not done yet: the second; after it: the third" in said
    assert stages.main(["first"]) == 0
    assert stages.main(["third"]) == 1, "it is entered when the second is left"
