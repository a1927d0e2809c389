"""Governance of a generated project: forms, principles that bite, approvals nobody can forge."""

import json
import re
import shutil
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.project.living import FOUND, Project, environment
from tests.render.engines import with_copier

HERE = Path(__file__).parent
ROLES = [
    "project-lead",
    "project-manager",
    "solution-architect",
    "data-engineer",
    "data-scientist",
    "ml-engineer",
    "application-developer",
    "ai-engineer",
    "model-validator",
    "domain-expert",
]


def render(repository: Path, root: Path, answers: dict[str, Any]) -> Project:
    """Render a project; people hold its roles, whatever docs/roles.yaml says of a fresh one."""
    project = Project(with_copier(repository, root, answers), environment(FOUND[0]))
    people = {"team": {"name": "Team", "email": "team@example.com"}}
    roles = {"holders": people, "roles": {role: {"held_by": ["team"]} for role in ROLES}}
    (project.root / "docs/roles.yaml").write_text(yaml.safe_dump(roles, sort_keys=False))
    return project


@pytest.fixture(scope="module")
def project(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return render(repository, tmp_path_factory.mktemp("govern") / "ml-project", {})


def test_approvals_hold_and_what_was_tampered_with_is_found(project: Project) -> None:
    """Real git, ssh-keygen and gpg; together with the project's own test of its sources."""
    shutil.copy(HERE / "approvals.py", project.root / "tests/unit/test_approvals.py")
    tests = [f"tests/unit/test_{name}.py" for name in ("approvals", "governance")]
    try:
        done = project.run("pytest", "-q", "--tb=short", *tests)
    finally:
        (project.root / tests[0]).unlink()
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) > 60, done.stdout[-2000:]
    assert "skipped" not in done.stdout


def test_each_principle_holds_and_is_broken_with_what_it_stands_for(project: Project) -> None:
    names = ["fairness", "reliability", "safety"]
    rules = ["each group keeps 0.8 of the accuracy", "surely better than the trivial baseline"]
    checks = [{"rule": rule, "passed": True} for rule in rules]
    (project.root / "reports").mkdir(exist_ok=True)
    (project.root / "reports/gate.json").write_text(json.dumps({"checks": checks}))
    command = ("python", "-m", "tools.governance.principles")
    done = project.run(*command, *names)
    assert re.findall(r"(?m)^(\w+)  (\w+)", done.stdout) == [("kept", name) for name in names]

    source = f"src/{project.package}"
    project.edit(f"{source}/gate.py", "all(value >= limits.floor for", "all(True for")
    for rule in ("value >= gate.minimum", "over_trivial > 0", "over_linear >= -NOISE"):
        project.edit(f"{source}/gate.py", f"{rule},", "True,")
    project.edit(f"{source}/monitor.py", "alarm = p <=", "alarm = p < 0 and p <=")
    project.edit("params.yaml", "floor: 0.8", "floor: 0.7")
    done = project.run(*command, *names, ok=False)
    assert done.returncode == 1
    assert re.findall(r"(?m)^(\w+)  (\w+)", done.stdout) == [("FAIL", name) for name in names]
    for told in (
        "fairness.floor in params.yaml is 0.7, not at least 0.8",
        "tests/unit/test_gate.py::test_a_group_below_the_floor_fails does not pass",
        "test_a_model_without_the_features_that_count_is_rejected does not pass",
        "test_a_shift_is_an_alarm_of_column_and_predictions does not pass",
    ):
        assert told in done.stdout


def sources(root: Path) -> list[tuple[str, str, Any]]:
    """Every check that a source of docs/governance names: where, kind, what."""
    folder = root / "docs/governance"
    found = yaml.safe_load((folder / "principles.yaml").read_text("utf-8"))["principles"]
    checks = [(each["id"], check) for each in found for check in each["checks"]]
    for name in ("maturity", "readiness"):
        for area in yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8"))["areas"]:
            for each in area["questions"]:
                checks += [(each["id"], proof) for proof in (each.get("evidence") or {}).values()]
    return [(where, kind, what) for where, check in checks for kind, what in check.items()]


PROBLEMS = ("classification", "regression", "forecasting", "anomaly")


@pytest.mark.parametrize(("problem_type", "responsible_ai"), [*product(PROBLEMS, (True, False))])
def test_no_answer_leaves_a_check_or_a_command_that_does_not_exist(
    problem_type: str, responsible_ai: bool, repository: Path, tmp_path: Path
) -> None:
    answers = {"problem_type": problem_type, "responsible_ai": responsible_ai}
    root = with_copier(repository, tmp_path / "ml-project", answers)
    tasks = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["poe"]["tasks"]
    params = yaml.safe_load((root / "params.yaml").read_text("utf-8"))
    facts = yaml.safe_load((root / "docs/project/facts.yaml").read_text("utf-8"))
    named = sources(root)
    assert {where for where, kind, _ in named if kind == "test"} >= {"reliability", "safety"}
    assert ("fairness" in {where for where, *_ in named}) is responsible_ai
    for where, kind, what in named:
        if kind == "test":
            path, _, function = what.partition("::")
            assert f"def {function}(" in (root / path).read_text("utf-8"), (where, what)
        if kind == "parameter":
            assert all(key in params[section] for section, key in (n.split(".") for n in what))
        if kind == "answered":
            for each in what if isinstance(what, list) else [what]:
                path, _, key = each.partition("#")
                assert (root / path).is_file() and (not key or key in facts), (where, each)
    for path in (root / "docs/governance").iterdir():
        text = path.read_text("utf-8")
        commands = re.findall(r"poe (?:-q )?([a-z][\w-]*)", text)
        assert not {*commands} - tasks.keys(), (path.name, {*commands} - tasks.keys())
        assert "{%" not in text and "{{" not in text


def test_the_tools_say_what_to_do(project: Project) -> None:
    """A fresh project: levels, the next step, a stale page, a review that has passed."""
    command = ("python", "-m")
    said = project.run(*command, "tools.governance.assess").stdout
    assert "Level 0 of 4, No MLOps" in said and "Level 0 of 3, Not ready" in said
    assert said.count("Next: answer `") == 2
    assert (project.root / "docs/governance/maturity.md").is_file()
    register = project.root / "docs/governance/risks.yaml"
    before = register.read_text("utf-8")
    dated = before.replace('"[open: date of the first review of leakage]"', "2020-01-31", 1)
    register.write_text(dated, encoding="utf-8")
    done = project.run(*command, "tools.governance.risks", "--check", ok=False)
    assert done.returncode == 1 and "risks.md is not what" in done.stderr
    done = project.run(*command, "tools.governance.risks", ok=False)
    assert done.returncode == 1
    assert "leakage was to be looked at on 2020-01-31 by data-scientist" in done.stdout
    register.write_text(before, encoding="utf-8")
    assert project.run(*command, "tools.governance.risks").returncode == 0
    words = ("tools.governance.approve", "1", "--role", "x", "--reason", "y")
    done = project.run(*command, *words, ok=False)
    assert done.returncode == 1 and done.stderr.startswith("error: git has no key to sign with")
