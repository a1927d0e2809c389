"""Projects of all options are green on arrival, on every Python that is here."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pandas as pd
import pytest
from tests.project.living import FOUND, VERSIONS, Project, environment, twin, uv
from tests.render.engines import Answers, values, with_copier

TORTURE = """Bob's "churn" \\ model: 100% # 顧客 🚀 é"""
LONG = "a_package_whose_name_is_as_long_as_a_name_can_get1"
LIVED: list[Answers] = [
    {
        **dict.fromkeys(("project_name", "description", "organization", "author_name"), TORTURE),
        "package_name": LONG, "project_slug": LONG.replace("_", "-"),
        "problem_type": "classification", "license": "Proprietary", "serving": "batch",
        "ci": "none", "cloud": "azure", "iac": "terraform", "tuning": False,
        "responsible_ai": False,
    },
    {
        "project_name": "проект-é", "problem_type": "regression", "license": "MIT",
        "level": "govern", "serving": "online", "rollout": "canary", "ci": "github",
        "cloud": "none", "tuning": True, "responsible_ai": True,
    },
    {
        "project_name": "顧客", "problem_type": "forecasting", "license": "MIT", "level": "operate",
        "serving": "batch", "tuning": True, "responsible_ai": True,
    },
    {
        "project_name": "Odd rows", "problem_type": "anomaly", "license": "MIT", "level": "operate",
        "serving": "files", "tuning": True, "responsible_ai": True,
    },
    {
        "project_name": "class", "description": "\\", "author_name": '"', "organization": "#",
        "problem_type": "classification", "license": "Apache-2.0", "serving": "both",
        "platform": "azureml", "rollout": "shadow", "ci": "gitlab", "cloud": "azure",
        "iac": "bicep", "tuning": True, "responsible_ai": True,
    },
    {
        "project_name": "con", "description": "100 %s: {0} 🚀", "problem_type": "regression",
        "license": "BSD-3-Clause", "serving": "online", "rollout": "recreate",
        "platform": "kubernetes", "ci": "azure-devops", "cloud": "azure", "iac": "none",
        "tuning": True, "responsible_ai": True,
    },
    {
        "project_name": "Plain", "problem_type": "forecasting", "license": "BSD-3-Clause",
        "level": "train",
    },
]  # fmt: skip
LOOKED_AT: list[Answers] = [
    {"python_version": version, "serving": "online", "rollout": rollout, "package_name": LONG}
    for version, rollout in zip(VERSIONS, ("ramped", "blue-green", "ab-test"), strict=True)
]
ROWS = [
    row | {"python_version": version} for row, version in zip(LIVED, cycle(FOUND), strict=False)
]
# A row -> another one of the same problem, which has nearly all of its tests of the machinery.
SAME = {0: 4, 1: 5}
COMMITTED_LATER = {"?? uv.lock", "?? dvc.lock", "?? reports/", "?? docs/project/exit.md"}
COMMITTED_LATER |= {f"?? docs/model/{name}.md" for name in ("baseline", "card", "report")}
COMMITTED_LATER |= {f"?? docs/data/{name}.md" for name in ("definition", "report")}


@pytest.fixture(scope="module")
def lived(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project as a user has it on the first day: rendered, committed, installed."""
    answers: Answers = request.param
    root = with_copier(repository, tmp_path_factory.mktemp("lived") / "project", answers)
    cloud = "azure" if answers.get("platform") == "azureml" else "none"  # it has an older MLflow
    with twin(environment(answers["python_version"], cloud)) as own:
        uv("pip", "install", "--quiet", "--python", own, "--no-deps", "--editable", root, cwd=root)
        yield Project(root, own, installed=True).commit()


def name(row: Answers) -> str:
    return f"{row['problem_type']}-{row['license']}-{row['python_version']}"


def of(rows: list[Answers]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("lived", rows, ids=name, indirect=True)


def test_every_value_is_among_the_rows() -> None:
    seen = {(name, value) for row in [*LIVED, *LOOKED_AT] for name, value in row.items()}
    for name, options in values().items():
        if name != "project_name":
            assert {(name, value) for value in options} - seen - {(name, True)} == set()


def test_every_python_that_is_here_is_lived_on() -> None:
    assert {row["python_version"] for row in ROWS} == set(FOUND) != set()


@of(ROWS)
def test_formatting_changes_nothing(lived: Project) -> None:
    lived.poe("format")
    assert lived.status() == []


def machinery(project: Project) -> dict[str, Path]:
    """What the tests of the machinery say, whatever the package is called -> their file."""
    files = sorted((project.root / "tests/machinery").rglob("test_*.py"))
    return {path.read_text("utf-8").replace(project.package, "package"): path for path in files}


@pytest.fixture
def like(request: pytest.FixtureRequest) -> Answers | None:
    """The row that runs the tests of the machinery for the row of this test."""
    row = ROWS.index(request.node.callspec.params["lived"])
    return ROWS[SAME[row]] if row in SAME else None


@of(ROWS)
def test_check_is_green_and_leaves_no_trace(
    lived: Project, like: Answers | None, repository: Path, tmp_path: Path
) -> None:
    """With all tests of the machinery, or with those that a row like this one does not run."""
    commands: list[list[object]] = [["poe", "check", "--all"]]
    if like is not None:
        root = with_copier(repository, tmp_path / "other", like)
        other, tests = machinery(Project(root, lived.environment)), machinery(lived)
        own = [path for words, path in tests.items() if words not in other]
        assert 0 < len(own) < len(tests) / 4, "the two rows do not have the same machinery"
        commands = [["poe", "check"], ["pytest", "-o", "norecursedirs=none", *own]]
    for command in commands:
        done = lived.run(*command)
        assert " passed" in done.stdout
        assert " skipped" not in done.stdout
    assert lived.status() == []


@of(ROWS[:4])
def test_the_pipeline_trains_and_the_model_scores(lived: Project, tmp_path: Path) -> None:
    lived.poe("pipeline")
    assert lived.yaml("reports/gate.json")["passed"] is True
    assert set(lived.status()) <= COMMITTED_LATER
    raw, output = lived.root / lived.yaml("params.yaml")["data"]["path"], tmp_path / "out.csv"
    lived.run(lived.package, "score", "--input", raw, "--output", output)
    scored = pd.read_csv(output)
    rows, params = pd.read_csv(raw), lived.yaml("params.yaml")
    future = rows[params["data"]["target"]].isna()  # only a forecasting table has such rows
    wanted = rows[future] if future.any() else rows
    assert scored["row"].tolist() == [row + 1 for row in wanted.index]
    assert scored["prediction"].notna().all()
    assert set(lived.status()) <= COMMITTED_LATER


@pytest.mark.parametrize("answers", LOOKED_AT, ids=lambda row: row["rollout"])
def test_answers_that_change_no_code_change_no_format(
    answers: Answers, repository: Path, tmp_path: Path
) -> None:
    root = with_copier(repository, tmp_path / "project", answers)
    project = Project(root, environment(FOUND[0])).commit()
    project.poe("format")
    project.run("ruff", "check")
    assert project.status() == []
