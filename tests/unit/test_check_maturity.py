"""What people said stands beside what is proven, and the two are never mixed."""

import io
import json
import re
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from tdsp.check.all import CHECKS
from tdsp.check.maturity import Maturity, Said, Scale, maturity, scaled, step
from tdsp.check.records import records
from tdsp.check.report import print_maturity, way
from tdsp.check.run import check_repository
from tdsp.errors import TdspError
from tdsp.ladder import AREAS, ASKED, BRINGS, FORM, FRESH, FRESH_WITHOUT_CI, GOOGLE, LEVELS
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


ENDPOINT = (
    "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\n"
    "model: {0}\n"
)
DONE = {"kind": "promotion", "model_id": "churn-3", "at": "2026-11-02T10:00:00+00:00"}
RELEASED: dict[str, tuple[dict[str, str | bytes], bool]] = {
    "a numbered version is deployed": ({"d.yml": ENDPOINT.format("azureml:churn:3")}, True),
    "a version is to come": ({"d.yml": ENDPOINT.format("azureml:churn:${{VERSION}}")}, False),
    "a file is deployed": ({"d.yml": ENDPOINT.format("{path: ./model}")}, False),
    "settings name a version": ({"serve.yaml": "model: models:/churn/3\n"}, True),
    "settings name an alias": ({"serve.yaml": "model: models:/churn@champion\n"}, False),
    "a version in a test": ({"tests/a.yaml": "model: models:/churn/3\n"}, False),
    "the registry tells of a promotion": (
        {"reports/registry.json": json.dumps({"versions": [], "history": [DONE]}, indent=2)},
        True,
    ),
    "the registry tells of no promotion": (
        {"reports/registry.json": json.dumps({"versions": [{"model_id": "a"}], "history": []})},
        False,
    ),
    "the registry tells of a rollback": (
        {"reports/registry.json": json.dumps({"history": [DONE | {"kind": "rollback"}]})},
        False,
    ),
    "a promotion of nothing": (
        {"reports/registry.json": json.dumps({"history": [DONE | {"model_id": ""}]})},
        False,
    ),
    "a promotion without a day": (
        {"reports/registry.json": json.dumps({"history": [DONE | {"at": "soon"}]})},
        False,
    ),
    "the trail tells of a promotion": (
        {"reports/trail.json": json.dumps([DONE | {"what": "promotion"}])},
        True,
    ),
    "an odd trail": ({"reports/trail.json": '{"what": [1]}'}, False),
    "no JSON": ({"reports/registry.json": "{"}, False),
    "a model out of the registry": ({"m/registered_model_meta": "model_version: '3'\n"}, True),
}


@pytest.mark.parametrize("name", RELEASED)
def test_a_release_is_on_record_where_a_file_names_a_version(name: str) -> None:
    texts, on_record = RELEASED[name]
    assert ("released" in records(read_texts(texts))) is on_record


def test_a_promotion_on_record_has_its_line() -> None:
    text = json.dumps(
        {"history": [DONE | {"kind": "rollback", "at": "2026-01-01"}, DONE]}, indent=1
    )
    (place,) = [records(read_texts({"reports/registry.json": text}))["released"]]
    assert place[0] == "reports/registry.json"
    assert DONE["at"] in text.split("\n")[place[1] - 1]


def test_a_run_of_training_is_on_record() -> None:
    lock = "schema: '2.0'\nstages:\n  train:\n    cmd: a\n"
    assert records(read_texts({"dvc.lock": lock}))["trained"] == ("dvc.lock", 2)
    assert records(read_texts({"reports/metrics.json": "{}"}))["trained"][1] == 1
    assert records(read_texts({"dvc.lock": "schema: '2.0'\n", "dvc.yaml": "stages: {}\n"})) == {}


def test_a_step_of_deeds_needs_its_record() -> None:
    """CI trains and the gate closes; level 3 of the area says that a model was trained."""
    texts: dict[str, str | bytes] = {}
    for each in ("TR15", "TR01", "DA02", "EV03", "SC02", "CI07", "EV05"):
        texts |= CHECKS[each].good
    texts |= {"data/a.csv": "a\n1\n"}
    chosen = [CHECKS[each] for each in ("TR15", "CI07", "EV05")]
    area = AREAS["Model creation"]

    def scale(more: dict[str, str | bytes]) -> Scale:
        repo = read_texts(texts | more)
        by_id = {each.check.id: each for each in check_repository(repo, chosen).results}
        levels = {1: ("TR15",), 2: ("CI07",), 3: ("EV05",)}
        return scaled("A", levels, by_id, area.records, records(repo))

    bare = scale({})
    assert (bare.level, bare.steps[2].state, bare.missing) == (2, "ask people", ())
    assert "on record" in bare.lacks
    done = scale({"reports/metrics.json": "{}"})
    assert (done.level, done.lacks) == (3, "")
    assert done.steps[2].record == ("reports/metrics.json", 1)


def test_the_page_of_the_checks_says_what_a_fresh_project_reaches() -> None:
    text = (ROOT / "docs/check.md").read_text("utf-8")
    for level, (microsoft, google) in {**FRESH, "ci: none": FRESH_WITHOUT_CI}.items():
        rows = [line for line in text.splitlines() if " of 4 |" in line]
        [row] = [line for line in rows if f"`{level}`" in line]
        assert f"| {microsoft} of 4 | {google} of 2 |" in row


def test_the_next_step_names_a_command_and_files() -> None:
    answers = ".copier-answers.yml"
    texts: dict[str, str | bytes] = {
        answers: "package_name: a\nlevel: train\n", **CHECKS["TR15"].bad,
    }  # fmt: skip
    found = maturity(check_repository(read_texts(texts)))
    assert found.grows_to == "operate"
    assert way(CHECKS["MN02"], found.grows_to) == "`tdsp grow --to operate` brings it"
    assert way(CHECKS["EV09"], "govern") == (
        "`uvx copier update --data responsible_ai=yes` brings it"
    )
    assert "shows one: " in way(CHECKS["EV09"], found.grows_to)  # level train has no such answer
    assert "shows one: .github/workflows/ci.yml" in way(CHECKS["CI01"])
    assert "To level 1" in page(found)
    assert {each for brought in BRINGS.values() for each in brought} <= {*CHECKS}
