"""What people said stands beside what is proven, and the two are never mixed."""

import io
import re
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from tdsp.check.all import CHECKS
from tdsp.check.maturity import Maturity, Said, maturity, step
from tdsp.check.report import print_maturity, way
from tdsp.check.run import check_repository
from tdsp.errors import TdspError
from tdsp.ladder import AREAS, ASKED, BRINGS, FORM, GOOGLE, LEVELS
from tdsp.people.governance import assess
from tdsp.people.project import Project
from tdsp.reading import read_texts

ROOT = Path(__file__).parents[2]
QUESTION = "      - {{id: {0}, ask: a, answers: {{0: a, 4: b}}, answer: {1}}}\n"


def form(**given: object) -> str:
    """Return a form with these answers; the others are open."""
    text = "format: 1\ntitle: T\nlevels:\n"
    text += "".join(f"  - {{name: {name}, means: {name}}}\n" for name in LEVELS) + "areas:\n"
    for area, table in AREAS.items():
        text += f"  - area: {area}\n    questions:\n"
        for each in table.questions:
            text += QUESTION.format(each, given.get(each.replace("-", "_"), '"[open: x]"'))
    points = given.get("points", {})
    assert isinstance(points, dict)
    return text + "test_score:\n" + "".join(f"  {k}: {v}\n" for k, v in points.items())


def judged(**given: object) -> Maturity:
    texts: dict[str, str | bytes] = {FORM: form(**given), "README.md": "# A\n"}
    return maturity(check_repository(read_texts(texts)))


def page(found: Maturity) -> str:
    console = Console(width=200, file=io.StringIO())
    print_maturity(found, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_answers_are_shown_as_said_and_prove_nothing() -> None:
    none, some = judged(), judged(collaboration=3, on_call=2, points={"D3": 0.5, "I6": 1})
    assert (some.level, some.score, some.google.level) == (none.level, none.score, 0)
    assert [area.level for area in some.areas] == [area.level for area in none.areas]
    assert (some.said_of("People"), some.said_of("Model release")) == (2, None)
    assert (some.said_points("Data"), some.said_points("Infrastructure")) == (0.5, 1)
    states = {s.name[:2]: s.state for steps in some.sections.values() for s in steps}
    assert (states["D3"], states["I6"], states["M2"]) == ("said", "said", "ask people")
    shown = page(some)
    assert "Said by people, not proven" in shown and "People: level 2" in shown
    assert "unproven: Data 0.5, Infrastructure 1" in shown
    assert f"0.5 by people, {FORM}:" in shown


def test_an_answer_points_to_its_line() -> None:
    text = form(collaboration=3)
    [said] = judged(collaboration=3).said
    assert "id: collaboration" in text.splitlines()[said.line - 1]


@pytest.mark.parametrize("given", ["measured", '"[open: 0 to 4]"', "true", "9", '"4"', "null"])
def test_what_is_no_answer_says_nothing(given: str) -> None:
    assert judged(collaboration=given).said == ()
    assert "People: not judged" in page(judged(collaboration=given))


def test_a_claim_never_covers_a_check_that_says_no() -> None:
    report = check_repository(read_texts({**CHECKS["DA10"].bad}), [CHECKS["DA10"]])
    claim = Said("D2", "ML Test Score", 1, FORM, 1)
    found = step("D2", list(report.results), claim)
    assert (found.state, found.said) == ("open", None)
    assert step("D2", [], claim).state == "said"


@pytest.mark.parametrize("item", ASKED)
def test_what_is_asked_is_proven_by_no_check(item: str) -> None:
    proving = {check.id for check in CHECKS.values() if item in check.proves}
    assert not proving


def test_the_form_of_the_template_has_this_tables_levels_areas_and_questions() -> None:
    text = (ROOT / "template/docs/governance/maturity.yaml.jinja").read_text("utf-8")
    data = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "churn", text))
    assert tuple(level["name"] for level in data["levels"]) == LEVELS
    asked = {a["area"]: tuple(q["id"] for q in a["questions"]) for a in data["areas"]}
    assert asked == {name: area.questions for name, area in AREAS.items()}
    assert {*data["test_score"]} == {*ASKED}
    assert len(data["compare"][0]["levels"]) == len(GOOGLE) + 1


def test_assess_reads_the_points_and_refuses_others(tmp_path: Path) -> None:
    (tmp_path / "docs/governance").mkdir(parents=True)
    path = tmp_path / FORM
    path.write_text(form(points={"D3": 0.5, "M2": '"[open: x]"'}), encoding="utf-8")
    found = assess.load(Project(tmp_path), "maturity")
    said = "ML Test Score: people give 0.5 of 2 points that no file shows; 1 are open."
    assert said in assess.summary(found)
    for points in ({"D3": 2}, {"D1": 1}, {"D3": "yes"}):
        path.write_text(form(points=points), encoding="utf-8")
        with pytest.raises(TdspError, match="test_score, D"):
            assess.load(Project(tmp_path), "maturity")


def test_the_next_step_names_a_command_and_files() -> None:
    answers = ".copier-answers.yml"
    texts: dict[str, str | bytes] = {
        answers: "package_name: a\nlevel: train\n", **CHECKS["TR15"].bad,
    }  # fmt: skip
    found = maturity(check_repository(read_texts(texts)))
    assert found.grows_to == "operate"
    assert way(CHECKS["MN02"], found.grows_to) == "`tdsp grow --to operate` brings it"
    assert "shows one: .github/workflows/ci.yml" in way(CHECKS["CI01"])
    assert "To level 1" in page(found)
    assert {each for brought in BRINGS.values() for each in brought} <= {*CHECKS}
