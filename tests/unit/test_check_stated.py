"""An answer on record, and an address that is nobody's, make a question; neither makes a pass."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tdsp.adopt.report import _checks, _state
from tdsp.check.all import CHECKS
from tdsp.check.run import Result, check_repository
from tdsp.check.stated import LEFT_OUT, PIPELINE, when
from tdsp.cli import app
from tdsp.reading import read_texts

ANSWERS = ".copier-answers.yml"
MADE = {
    ANSWERS: "level: operate\npackage_name: shop\nci: github\nresponsible_ai: true\n",
    **{each.format("shop"): "x: 1\n" if each.endswith("yaml") else "x = 1\n" for each in PIPELINE},
}
CASES = [(check, *answer) for check, left in LEFT_OUT.items() for answer in left.answers]


def judged(check: str, texts: dict[str, str]) -> Result:
    """Return what a check says of these files beside its own example that fails."""
    return check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]


def answered(name: str, value: object) -> dict[str, str]:
    """Return a project of the template with one answer changed."""
    said = str(value).lower()
    lines = [each for each in MADE[ANSWERS].splitlines() if not each.startswith(name)]
    return {**MADE, ANSWERS: "\n".join([*lines, f"{name}: {said}", ""])}


@pytest.mark.parametrize(("check", "name", "value"), CASES)
def test_what_an_answer_leaves_out_is_asked(check: str, name: str, value: object) -> None:
    found = judged(check, {**CHECKS[check].bad, **answered(name, value)})
    assert (found.outcome, found.severity) == ("unknown", "")
    mark = found.marks[0]
    assert (mark.path, mark.text) == (ANSWERS, f"{name}: {str(value).lower()}")
    assert mark.message.endswith(LEFT_OUT[check].ask)


@pytest.mark.parametrize(("check", "name", "value"), CASES)
def test_an_answer_alone_changes_nothing(check: str, name: str, value: object) -> None:
    whole = answered(name, value)
    assert judged(check, {**CHECKS[check].bad, **MADE}).outcome == "fail"
    for left in MADE.keys() - {ANSWERS}:
        texts = {path: text for path, text in whole.items() if path != left}
        assert judged(check, {**CHECKS[check].bad, **texts}).outcome == "fail"
    other = whole[ANSWERS].replace("level", "class")
    assert judged(check, {**CHECKS[check].bad, **whole, ANSWERS: other}).outcome == "fail"


@pytest.mark.parametrize(("check", "name", "value"), CASES)
def test_an_answer_is_no_pass_and_takes_none(check: str, name: str, value: object) -> None:
    assert judged(check, answered(name, value)).outcome == "not applicable"
    kept = judged(check, {**CHECKS[check].good, **answered(name, value)})
    assert kept.outcome == "pass"


def test_the_page_names_what_is_asked_and_verbose_says_why(tmp_path: Path) -> None:
    for path, text in answered("ci", "none").items() | CHECKS["CI01"].bad.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    command = ["check", "--no-cache", "--select", "CI01", str(tmp_path)]
    short = CliRunner().invoke(app, command).output
    assert "Cannot be told: CI01." in short and LEFT_OUT["CI01"].ask not in short
    assert LEFT_OUT["CI01"].ask in CliRunner().invoke(app, [*command, "--verbose"]).output


def test_explain_names_the_answers() -> None:
    assert when("CI01") == "`ci: none`"
    assert when("EV08") == "`level: train` or `responsible_ai: false`"
    shown = CliRunner().invoke(app, ["check", "--explain", "CI01"]).output
    assert "Asked of people when: a project of tdsp answers `ci: none`" in shown
    assert "Asked of people" not in CliRunner().invoke(app, ["check", "--explain", "CI02"]).output


OWNERS = {
    "code owners": ("CODEOWNERS", "* {}\n"),
    "roles": ("docs/roles.yaml", "holders: {{team: {{email: {}}}}}\n"),
    "a package": ("pyproject.toml", '[project]\nauthors = [{{name = "Ann", email = "{}"}}]\n'),
    "a list": ("pyproject.toml", '[project]\nauthors = [\n  {{name = "A", email = "{}"}},\n]\n'),
    "a setup file": ("setup.py", "setup(\n    author_email='{}')"),
    "a README without a last line end": ("README.md", "# A\n\nWrite to {}"),
}


@pytest.mark.parametrize("name", OWNERS)
def test_an_address_of_an_example_is_nobodys(name: str) -> None:
    path, text = OWNERS[name]
    for domain, outcome in (
        ("example.com", "unknown"),
        ("ml.example.org", "unknown"),
        ("shop.com", "pass"),
        ("example.com.shop.com", "pass"),
    ):
        found = judged("PR01", {"a.py": "x = 1\n", path: text.format(f"team@{domain}")})
        assert (found.outcome, found.marks[0].path) == (outcome, path), domain


def test_one_real_owner_is_enough() -> None:
    texts = {"CODEOWNERS": "* a@example.com\n/src/ @shop/team\n"}
    found = judged("PR01", texts)
    assert (found.outcome, found.marks[0].line) == ("pass", 2)
    texts = {"CODEOWNERS": "* a@example.com\n", "README.md": "# A\n\nAsk ann@shop.com\n"}
    assert judged("PR01", texts).marks[0].path == "README.md"


def test_what_is_only_asked_after_an_adoption_is_not_solved() -> None:
    owned = {"README.md": "# A\n\nAsk ann@shop.com\n", **CHECKS["CI02"].bad}
    nobodys = {**owned, "README.md": "# A\n\nAsk team@example.com\n"}
    without = {**owned, "README.md": "# A\n"}

    def said(after: dict[str, str]) -> list[str]:
        found = (_state(check_repository(read_texts({**texts}))) for texts in (without, after))
        lines = list(_checks(*found))
        return [line for line in lines[lines.index("") + 1 :] if line.startswith(("*", "S", "A"))]

    name = f"* PR01 {CHECKS['PR01'].title}"
    assert said(owned) == ["Solved:", name]
    assert said(nobodys) == ["Asked of people now:", name]
