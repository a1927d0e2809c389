"""cookiecutter.json is what copier.yml makes it, and the word lists are complete."""

import builtins
import json
import keyword
import re
import shutil
import sys
from pathlib import Path

import pytest
from scripts import lock, sync
from tests.conftest import git

from tdsp.questions import configuration, is_computed

ROOT = Path(__file__).parents[2]
CONFIG = configuration(ROOT)


def test_cookiecutter_json_is_current() -> None:
    assert sync.is_current(ROOT), "run `make sync`"


def test_every_question_reaches_cookiecutter_in_the_same_order() -> None:
    asked = [n for n, q in CONFIG.items() if n[0] != "_" and not is_computed(q)]
    given = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    assert [name for name in given if name[0] != "_"] == asked
    assert list(given["__prompts__"]) == asked


def test_check_says_when_it_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("copier.yml", "words.yml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(sync, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["sync", "--check"])
    assert sync.main() == 1
    assert "make sync" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["sync"])
    assert sync.main() == 0
    assert (tmp_path / "cookiecutter.json").read_bytes() == (
        ROOT / "cookiecutter.json"
    ).read_bytes()


@pytest.mark.parametrize("line", ["*.py", "src/x.py", "/src/*.py", "!/src"])
def test_an_exclusion_is_a_path(line: str) -> None:
    with pytest.raises(sync.TemplateError, match="paths from the root"):
        sync.exclusions([line])


def test_a_condition_is_one_expression() -> None:
    with pytest.raises(sync.TemplateError, match="one expression"):
        sync.condition({"when": "{% if a %}true{% endif %}"})


def test_python_names_are_complete() -> None:
    taken = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *sys.stdlib_module_names}
    lower = {name for name in taken if name == name.lower() and name[0] != "_"}
    assert lower - set(CONFIG["python_names"]["default"].split()) == set()


def test_names_of_locked_packages_are_refused() -> None:
    """A project that is called like one of its requirements would require itself."""
    used = set(CONFIG["used_names"]["default"].split())
    lines = lock.locked(lock.LOCK, "azure").splitlines()  # all of the others', and more
    locked = {found[1] for line in lines if (found := re.match(r"([\w.-]+)==", line))}
    assert locked
    assert {re.sub(r"[.-]", "_", name.lower()) for name in locked} - used == set()


def test_every_question_is_a_sentence_with_a_default() -> None:
    for name, question in CONFIG.items():
        if name[0] != "_" and not is_computed(question):
            assert "?" in question["help"], name
            assert "default" in question, name


def test_nothing_beside_the_template_would_be_rendered_with_it() -> None:
    """Bytecode, say: git ignores it, Cookiecutter does not."""
    ignored = ("ls-files", "--others", "--ignored", "--exclude-standard", "template", "hooks")
    assert git(ROOT, *ignored) == ""
