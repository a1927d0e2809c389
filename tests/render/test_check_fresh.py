"""A fresh project has no error and no warning, and reaches what its level claims."""

from pathlib import Path

import copier
import pytest
from tests.render.engines import with_copier

from tdsp.check.all import CHECKS
from tdsp.check.maturity import maturity
from tdsp.check.records import records
from tdsp.check.run import Report, check_folder, check_repository
from tdsp.ladder import FRESH, IN_USE
from tdsp.reading import read_texts

# True where responsible_ai is no: no slices (an info).
FIRST_DAY = {"train": {"EV08"}, "operate": {"EV08"}, "govern": set()}
OPTIONS = {
    "train": {"level": "train"},
    "train, GitLab": {"level": "train", "ci": "gitlab", "problem_type": "regression"},
    "operate": {"level": "operate"},
    "operate, batch": {"level": "operate", "serving": "batch"},
    "operate, regression": {"level": "operate", "problem_type": "regression"},
    "operate, online, GitLab": {"level": "operate", "serving": "online", "ci": "gitlab"},
    "govern": {"level": "govern"},
    "govern, both, Azure": {
        "level": "govern",
        "serving": "both",
        "cloud": "azure",
        "ci": "azure-devops",
    },
}


@pytest.fixture(scope="module", params=OPTIONS)
def fresh(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Report]:
    answers = OPTIONS[request.param]
    folder = tmp_path_factory.mktemp("fresh") / "project"
    copier.run_copy(
        str(repository), folder, data=answers, defaults=True, quiet=True, vcs_ref="HEAD"
    )
    return answers["level"], check_folder(folder)


def test_every_finding_is_true_on_the_first_day(fresh: tuple[str, Report]) -> None:
    level, report = fresh
    assert report.findings("error") == report.findings("warning") == 0
    assert {each.check.id for each in report.failed} <= FIRST_DAY[level]
    assert report.repository.problems == ()


def test_what_the_level_claims_is_found(fresh: tuple[str, Report]) -> None:
    level, report = fresh
    passed = {each.check.id for each in report.results if each.outcome == "pass"}
    assert {"TR01", "TR03", "TR15", "EV05", "EV07", "DA06", "CI01", "CI03", "SC02"} <= passed
    if report.repository.answers[1].get("serving", "files") in ("online", "both"):
        assert {"SE01", "SE02", "SE04", "SE05", "CI08", "MN01", "MN07"} <= passed
    found = maturity(report)
    assert (found.level, found.google.level) == FRESH[level]


def test_nothing_is_claimed_that_a_fresh_project_cannot_have(fresh: tuple[str, Report]) -> None:
    found = maturity(fresh[1])
    for scale in (*found.areas, found.google):
        assert scale.level < scale.top
        assert all(step.state != "proven" for step in scale.steps if step.lacks)
    assert records(fresh[1].repository) == {}
    states = {s.name[:2]: s.state for steps in found.sections.values() for s in steps}
    states |= {step.name[:2]: step.state for step in found.principles}
    assert not {each for each in IN_USE if states[each] == "proven"}


def test_declared_groups_that_nothing_compares_are_a_finding(
    repository: Path, tmp_path: Path
) -> None:
    """By default an operate project has no report on them, and its example declares none."""
    project = with_copier(repository, tmp_path / "project", {"problem_type": "regression"})
    params = project / "params.yaml"
    text = params.read_text("utf-8")
    assert "sensitive: [] " in text
    params.write_text(text.replace("sensitive: []", "sensitive: [sex]"), "utf-8")
    assert {each.check.id for each in check_folder(project).failed} == {"EV08", "EV09"}


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
