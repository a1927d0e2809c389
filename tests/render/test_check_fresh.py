"""A fresh project of any answers breaks no rule, and reaches what its level claims."""

import itertools
from pathlib import Path

import copier
import pytest
from tests.render.engines import Answers, condition_of, defaults, refused, values, with_copier

from tdsp.check.all import CHECKS
from tdsp.check.maturity import maturity
from tdsp.check.records import records
from tdsp.check.run import Report, check_folder, check_repository
from tdsp.check.stated import LEFT_OUT
from tdsp.ladder import FRESH, FRESH_WITHOUT_CI, IN_USE
from tdsp.reading import read_texts

DECIDES = ("problem_type", "level", "serving", "cloud", "platform", "ci", "responsible_ai")
# What only people and time can bring: an owner's name, answers in documents, a release of tdsp.
OPEN = {"PR01", "PR02", "TP01"}


def option_sets() -> list[Answers]:
    """Return all answers that can meet, of the questions that decide what a project has."""
    rows: list[Answers] = [{}]
    for name in DECIDES:
        asked = condition_of(name)
        rows = [
            {**row, **given}
            for row in rows
            for given in (
                [{name: value} for value in values()[name]] if asked(**(defaults() | row)) else [{}]
            )
            if not (given and refused(name, {**row, **given}))
        ]
    return rows


def threes(answers: Answers) -> set[tuple[tuple[str, object], ...]]:
    return set(itertools.combinations(answers.items(), 3))


def chosen() -> list[Answers]:
    """Return option sets in which every three answers meet that can meet; always the same."""
    rows = option_sets()
    todo = set().union(*map(threes, rows))
    found = []
    while todo:
        best = max(rows, key=lambda row: len(todo & threes(row)))
        todo -= threes(best)
        found.append(best)
    return found


def name_of(answers: Answers) -> str:
    return "-".join(str(value) for value in answers.values())


@pytest.fixture(scope="module", params=chosen(), ids=name_of)
def fresh(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Answers, Report]:
    folder = tmp_path_factory.mktemp("fresh") / "project"
    return request.param, check_folder(with_copier(repository, folder, request.param))


def test_no_rule_is_broken_on_the_first_day(fresh: tuple[Answers, Report]) -> None:
    answers, report = fresh
    assert {each.check.id: each.severity for each in report.failed} == {}
    assert not any(each.ignored for each in report.results)
    assert report.repository.problems == ()
    left_out = {
        check
        for check, left in LEFT_OUT.items()
        if any(answers.get(name) == value for name, value in left.answers)
    }
    asked = {each.check.id for each in report.results if each.outcome == "unknown"}
    assert {"PR01", "PR02"} <= asked <= OPEN | left_out


def test_what_the_level_claims_is_found(fresh: tuple[Answers, Report]) -> None:
    answers, report = fresh
    passed = {each.check.id for each in report.results if each.outcome == "pass"}
    assert {"TR01", "TR03", "TR15", "EV05", "EV07", "DA06", "SC02"} <= passed
    with_ci = answers["ci"] != "none"
    assert ({"CI01", "CI03"} <= passed) is with_ci
    if answers.get("serving") in {"online", "both"}:
        assert {"SE01", "SE02", "SE04", "SE05", "MN01", "MN07"} <= passed
        assert ("CI08" in passed) is with_ci
    found = maturity(report)
    expected = FRESH[answers["level"]] if with_ci else FRESH_WITHOUT_CI
    assert (found.level, found.google.level) == expected


def test_nothing_is_claimed_that_a_fresh_project_cannot_have(
    fresh: tuple[Answers, Report],
) -> None:
    report = fresh[1]
    found = maturity(report)
    for scale in (*found.areas, found.google):
        assert scale.level < scale.top
        assert all(step.state != "proven" for step in scale.steps if step.lacks)
    assert records(report.repository) == {}
    states = {s.name[:2]: s.state for steps in found.sections.values() for s in steps}
    states |= {step.name[:2]: step.state for step in found.principles}
    assert not {each for each in IN_USE if states[each] == "proven"}
    outcomes = {each.check.id: each.outcome for each in report.results}
    assert outcomes["PR01"] == "unknown"  # an owner's name
    assert outcomes["DA03"] == "not applicable"  # a remote


def test_declared_groups_that_nothing_compares_are_a_finding(
    repository: Path, tmp_path: Path
) -> None:
    """By default an operate project has no report on them, and its example declares none."""
    project = with_copier(repository, tmp_path / "project", {"problem_type": "regression"})
    params = project / "params.yaml"
    text = params.read_text("utf-8")
    assert "sensitive: [] " in text
    params.write_text(text.replace("sensitive: []", "sensitive: [sex]"), "utf-8")
    assert {each.check.id for each in check_folder(project).failed} == {"EV09"}


CI, TRAIN, RELEASE = (f".github/workflows/{name}.yml" for name in ("ci", "train", "release"))
GATE = "src/ml_project/steps/gate.py"
LEAK = """
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def measure(X, y):
    X = StandardScaler().fit_transform(X)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    return X_train, X_test, y_train, y_test
"""
# Check -> file, what stands there, what a careless change makes of it ("" appends).
MUTANTS = {
    "CI03": (CI, "uv run poe check --all", "uv run poe check --all || true"),
    "EV05": (RELEASE, "uv run poe verdict", "uv run poe verdict || true"),
    "MN03": (RELEASE, "uv run poe monitor --input", "uv run poe monitor || true; echo --input"),
    "CI09": (CI, "runs-on: ubuntu-24.04", "runs-on: ubuntu-20.04"),
    "CI04": (CI, "      - run: uv lock --check", "      - uses: someone/lock@main"),
    "CI05": (CI, "permissions: {}", "permissions: write-all"),
    "CI08": (RELEASE, "    environment:", "    outcome:"),
    "DA06": (
        "src/ml_project/steps/validate.py",
        "",
        "\n\ndef loose(schema, frame):\n    try:\n        schema.validate(frame)\n"
        "    except Exception as error:\n        print(error)\n",
    ),
    "EV07": ("tests/", "gate", "wall"),
    "LA02": (GATE, "", "\nopen('/Users/ann/a.csv')\n"),
    "LA05": (GATE, "def checks(", "def checks(("),
    "SC04": (GATE, "import json", "import json\nimport notasked"),
    "SC01": ("params.yaml", "", "\nkey: ghp_Q7hR2kLm9XzT4vBn8WcY1sDf6GjP3aEu5KoI\n"),
    "TP02": ("params.yaml", "", "\n<<<<<<< before\na: 1\n=======\na: 2\n>>>>>>> after\n"),
    "TR03": ("src/ml_project/features.py", "", LEAK),
    "TR01": ("src/ml_project/features.py", "", LEAK.replace(", random_state=0", "")),
    "IN03": ("infra/a.tfstate", "", "{}\n"),
    "CI06": (CI, "run: uv lock --check", "run: echo ${{ github.event.pull_request.title }}"),
}


@pytest.fixture(scope="module")
def texts(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | bytes]:
    folder = tmp_path_factory.mktemp("govern") / "project"
    answers = {"level": "govern"}
    copier.run_copy(
        str(repository), folder, data=answers, defaults=True, quiet=True, vcs_ref="HEAD"
    )
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_careless_change_is_found(name: str, texts: dict[str, str | bytes]) -> None:
    place, old, new = MUTANTS[name]
    changed = {}
    for path, content in {**texts, **({} if place.endswith("/") else {place: b""})}.items():
        text = bytes(texts.get(path, content)).decode()
        if path.startswith(place):
            assert old in text or place.endswith("/"), f"{place} has no {old!r}"
            text = text.replace(old, new) if old else text + new
        changed[path] = text
    before = check_repository(read_texts(texts), [CHECKS[name]]).results[0]
    after = check_repository(read_texts({**changed}), [CHECKS[name]]).results[0]
    assert before.outcome in {"pass", "not applicable"}
    assert after.outcome == "fail"
