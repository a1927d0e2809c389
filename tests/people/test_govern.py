"""Governance of a generated project: forms, principles that bite, approvals nobody can forge."""

import json
import os
import re
import shutil
import sys
import tomllib
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.people.place import tdsp
from tests.project.living import BIN, FOUND, Project, environment
from tests.render.engines import with_copier

from tdsp.errors import TdspError
from tdsp.people.governance import assess, principles, risks, trail
from tdsp.people.governance.evidence import Evidence
from tdsp.people.project import Project as Folder

HERE = Path(__file__).parent


def render(repository: Path, root: Path, answers: dict[str, Any]) -> Project:
    """Render a project of level govern."""
    answers = {"level": "govern", **answers}
    return Project(with_copier(repository, root, answers), environment(FOUND[0]))


@pytest.fixture(scope="module")
def project(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return render(repository, tmp_path_factory.mktemp("govern") / "ml-project", {})


def test_approvals_hold_and_what_was_tampered_with_is_found(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real git, ssh-keygen and gpg; together with the project's own test of its policy."""
    monkeypatch.setenv("TDSP_PYTHON", sys.executable)
    tests = ["tests/machinery/operate/test_approvals.py", "tests/machinery/tools/test_approve.py"]
    shutil.copy(HERE / "approvals.py", project.root / tests[0])
    try:
        done = project.run("pytest", "-q", "--tb=short", *tests)
    finally:
        (project.root / tests[0]).unlink()
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) >= 53, done.stdout[-2000:]
    assert "skipped" not in done.stdout


def test_each_principle_holds_and_is_broken_with_what_it_stands_for(project: Project) -> None:
    names = ["fairness", "reliability", "safety"]
    rules = ["each group has 0.8 of the accuracy", "the gain over the dummy baseline is above 0"]
    checks = [{"rule": rule, "passed": True} for rule in rules]
    (project.root / "reports").mkdir(exist_ok=True)
    (project.root / "reports/gate.json").write_text(json.dumps({"checks": checks}))
    place = {"PATH": project.env["PATH"], "PYTHONPATH": ""}
    done = tdsp(project.root, "principles", *names, **place)
    assert done.returncode == 1
    assert re.findall(r"(?m)^(\w+)  (\w+)", done.stdout)[0] == ("open", "fairness")
    assert "nothing to judge: data.sensitive in params.yaml names nothing" in done.stdout
    project.edit("params.yaml", "sensitive: []", "sensitive: [age]")
    done = tdsp(project.root, "principles", *names, **place)
    assert re.findall(r"(?m)^(\w+)  (\w+)", done.stdout) == [("kept", name) for name in names]

    source = f"src/{project.package}"
    project.edit(
        f"{source}/steps/gate.py",
        "broken = not all(value >= limits.floor for",
        "broken = not all(True for",
    )
    for rule in (" reaches", "above, low > 0", "not_below, high >= -NOISE"):
        project.edit(f"{source}/steps/gate.py", f"{rule},", f"{rule} or True,")
    project.edit(f"{source}/operate/monitor.py", "certain = p <=", "certain = p < 0 and p <=")
    project.edit("params.yaml", "floor: 0.8", "floor: 0.7")
    done = tdsp(project.root, "principles", *names, **place)
    assert done.returncode == 1
    assert re.findall(r"(?m)^(\w+)  (\w+)", done.stdout) == [("FAIL", name) for name in names]
    for told in (
        "fairness.floor in params.yaml is 0.7, not at least 0.8",
        "test_gate.py::test_a_group_is_judged_by_its_whole_interval does not pass",
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
    answers = {
        "level": "govern", "problem_type": problem_type, "responsible_ai": responsible_ai,
    }  # fmt: skip
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


def test_each_rule_and_parameter_that_a_source_names_exists(project: Project) -> None:
    """The gate's own words, as the project's own code has them, are asked of a process."""
    gates = [what for _, kind, what in sources(project.root) if kind == "gate"]
    code = "\n".join(path.read_text("utf-8") for path in project.root.glob("src/**/gate.py"))
    words = re.sub(r"\{[^}]*\}", " ", code)
    assert gates and all(what in words for what in gates), [g for g in gates if g not in words]
    for _, kind, what in sources(project.root):
        if kind == "masked":
            for name in what if isinstance(what, list) else [what]:
                Evidence(Folder(project.root)).parameter(name)
        if kind == "task":
            assert Evidence(Folder(project.root)).wrong({kind: what}, "here") == []


def test_the_tools_say_what_to_do(project: Project) -> None:
    """A fresh project: levels, the next step, a stale page, a review that has passed."""
    said = tdsp(project.root, "assess").stdout
    assert "Level 0 of 4, No MLOps" in said and "Level 0 of 3, Not ready" in said
    assert said.count("Next: answer `") == 2
    for name in assess.FORMS:
        page = (project.root / f"docs/governance/{name}.md").read_text("utf-8")
        bars = re.findall(r"[█░]{20}", page)
        assert len(bars) == len(assess.load(Folder(project.root), name).areas)
    assert tdsp(project.root, "risks", "--check", "--today", "2000-01-01").returncode == 0
    register = project.root / "docs/governance/risks.yaml"
    before = register.read_text("utf-8")
    dated = before.replace('"[open: date of the first review of leakage]"', "2020-01-31", 1)
    register.write_text(dated, encoding="utf-8")
    done = tdsp(project.root, "risks", "--check")
    assert done.returncode == 1 and "risks.md is not what" in done.stderr
    done = tdsp(project.root, "risks")
    assert done.returncode == 1
    assert "leakage was due for review on 2020-01-31 by data-scientist" in done.stdout
    register.write_text(before, encoding="utf-8")
    assert tdsp(project.root, "risks").returncode == 0


# --- A small project: forms -------------------------------------------------------------------

ROLES = """\
approvals: 1
holders:
  team: {name: Team, email: team@example.com}
roles:
  data-scientist: {name: Data scientist, held_by: [team], does: Finds out.}
"""


@pytest.fixture
def small(tmp_path: Path) -> Folder:
    """A repository with roles, and nothing else."""
    put(tmp_path, "docs/roles.yaml", ROLES)
    return Folder(tmp_path)


def put(root: Path, name: str, content: Any) -> None:
    """Write a file: a text, or anything else as YAML."""
    text = yaml.safe_dump(content, sort_keys=False) if not isinstance(content, str) else content
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


QUESTION = {
    "id": "q",
    "ask": "How?",
    "answers": {0: "Not.", 1: "A bit.", 2: "Well."},
    "answer": "measured",
    "evidence": {1: {"file": "one", "do": "touch one"}, 2: {"file": "two"}},
}


def form(small: Folder, **changes: Any) -> assess.Form:
    """Return a form of one question, as it is read."""
    levels = [{"name": name, "means": name} for name in ("low", "middle", "high")]
    areas = [{"area": "A", "questions": [{**QUESTION, **changes}]}]
    content = {"title": "T", "levels": levels, "areas": areas}
    put(small.root, "docs/governance/maturity.yaml", content)
    return assess.load(small, "maturity")


def test_a_measured_answer_is_what_the_evidence_allows(small: Folder) -> None:
    assert form(small).level == 0
    assert (
        assess.next_step(form(small)) == "`q`, from 0 to 1: A bit. (one is not there: `touch one`)"
    )
    (small.root / "two").touch()
    assert form(small).level == 0
    (small.root / "one").touch()
    assert form(small).level == 2
    assert assess.next_step(form(small)) == "none: every answer is the best one"


def test_an_open_answer_counts_as_nothing_and_is_the_next_step(small: Folder) -> None:
    found = form(small, answer="[open: 0 to 2]")
    assert found.level == 0
    assert "1 of 1 questions are open and count as 0." in assess.summary(found)
    assert assess.next_step(found) == "answer `q` in maturity.yaml: How?"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"answer": 3}, "A, q: the answer 3 is none of 0, 1, 2 or `measured`"),
        ({"answer": True}, "the answer True is none of"),
        ({"answer": "2"}, "the answer '2' is none of"),
        ({"answer": None}, "the answer None is none of"),
        ({"answer": 2}, "q: the answer is 2, but one is not there; 0 is proven"),
        ({"evidence": None}, "q: nothing to measure"),
        ({"evidence": {1: {"file": "a", "smell": "b"}}}, "no such kind of evidence: smell"),
        ({"evidence": {5: {"file": "a"}}}, "evidence for 5, which is the score of no answer"),
        ({"answers": {0: "Not.", 3: "Too well."}}, "answers have scores from 0 to 2"),
        ({"answers": {1: "A bit.", 2: "Well."}}, "answers have scores from 0 to 2"),
        ({"score": 1}, "areas.0.questions.0.score: is not a key of this file"),
        ({"answers": ["Not."]}, "questions.0.answers: ['Not.']: Input should be a valid dict"),
    ],
)
def test_what_is_not_valid_in_a_form_is_named(
    changes: dict[str, Any], told: str, small: Folder
) -> None:
    with pytest.raises(TdspError, match=re.escape(told)) as error:
        form(small, **changes)
    assert "maturity.yaml" in str(error.value)


# --- Risks ------------------------------------------------------------------------------------

RISK = {
    "id": "r",
    "risk": "It rains.",
    "sign": "Drops.",
    "likelihood": 3,
    "impact": 5,
    "owner": "data-scientist",
    "answer": "Roof.",
    "review": date(2027, 3, 31),
}


@pytest.mark.parametrize(("today", "code"), [("2027-03-31", 0), ("2027-04-01", 1)])
def test_a_review_that_is_past_fails(today: str, code: int, small: Folder) -> None:
    put(small.root, risks.SOURCE, {"risks": [RISK]})
    done = tdsp(small.root, "risks", "--today", today)
    assert done.returncode == code
    told = "r was due for review on 2027-03-31 by data-scientist"
    assert (told in done.stdout) is bool(code)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"likelihood": 6}, "risks.0.likelihood: 6 is not a number from 1 to 5"),
        ({"impact": True}, "risks.0.impact: True is not a number"),
        ({"owner": "everybody"}, "docs/roles.yaml has no role 'everybody'"),
        ({"review": "soon"}, "risks.0.review: 'soon' is not a day such as 2027-03-31"),
        ({"extra": 1}, "risks.0.extra: is not a key of this file"),
    ],
)
def test_what_is_not_valid_in_the_register_is_named(
    changes: dict[str, Any], told: str, small: Folder
) -> None:
    put(small.root, risks.SOURCE, {"risks": [{**RISK, **changes}]})
    with pytest.raises(TdspError, match=re.escape(told)):
        risks.load(small)


# --- Principles -------------------------------------------------------------------------------


def kept(small: Folder, check: dict[str, Any]) -> bool:
    """Tell whether a principle with this one check is kept."""
    one = {"id": "p", "means": "m", "owner": "data-scientist", "checks": [check]}
    put(small.root, principles.SOURCE, {"principles": [one]})
    done = tdsp(
        small.root,
        "principles",
        PATH=f"{environment(FOUND[0]) / BIN}{os.pathsep}{os.environ['PATH']}",
    )
    said = re.findall(r"(?m)^(FAIL|open)  p: m", done.stdout)
    assert (done.returncode == 0) is not bool(said), done.stderr
    return done.returncode == 0


def test_each_kind_of_check_holds_or_does_not(small: Folder) -> None:
    rules = [{"rule": "good enough", "passed": True}, {"rule": "fair", "passed": False}]
    texts = {
        "reports/gate.json": json.dumps({"checks": rules}),
        "facts.yaml": 'a: said\nb: "[open: who]"\n',
        "test_x.py": "def test_yes():\n    assert True\n\ndef test_no():\n    assert False\n",
        "params.yaml": "data: {sensitive: [age], id: [key], group: null}\n"
        "collect: {mask: [age], share: 0.5}\n",
        "docs/governance/approvals/m-r.yaml": "format: 1\n",
        "tools/__init__.py": "",
        "tools/approve.py": "import sys\nsys.exit(sys.argv[-1] != '7')\n",
        "off.yml": "data_collector: {collections: {request: {enabled: 'false'}}}\n",
        "on.yml": "data_collector: {collections: {request: {enabled: 'true'}}}\n",
        "pyproject.toml": "[tool.poe.tasks]\ncheck = 'true'\n",
    }
    for name, text in texts.items():
        put(small.root, name, text)
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"file": "facts.yaml"}, {"file": "other.yaml"}),
        ({"file": ["none", "fac*"]}, {"file": ["none", "neither"]}),
        ({"holds": {"facts.yaml": "sa.d"}}, {"holds": {"facts.yaml": "sung"}}),
        ({"answered": "facts.yaml#a"}, {"answered": "facts.yaml#b"}),
        ({"answered": "params.yaml"}, {"answered": "facts.yaml"}),
        ({"task": "check"}, {"task": "chekc"}),
        ({"run": "python -c 0"}, {"run": "python -c 1/0"}),
        ({"test": "test_x.py::test_yes"}, {"test": "test_x.py::test_no"}),
        ({"test": "test_x.py::test_yes"}, {"test": "test_x.py::test_gone"}),
        ({"gate": "good"}, {"gate": "fair"}),
        ({"gate": "enough"}, {"gate": "no such rule"}),
        ({"parameter": {"collect.share": 0.5}}, {"parameter": {"collect.share": 0.6}}),
        ({"masked": "data.sensitive"}, {"masked": ["data.sensitive", "data.id"]}),
        ({"declared": "data.id"}, {"declared": "data.group"}),
        ({"approved": "7"}, {"approved": "8"}),
        ({"logged": "off.yml"}, {"logged": "on.yml"}),
    ]
    assert {kind for holds, _ in pairs for kind in holds} == {*Evidence(small).kinds}
    for holds, not_so in pairs:
        assert (kept(small, holds), kept(small, not_so)) == (True, False), (holds, not_so)


def test_a_principle_without_a_check_is_refused(small: Folder) -> None:
    one = {"id": "p", "means": "m", "owner": "data-scientist", "checks": []}
    put(small.root, principles.SOURCE, {"principles": [one]})
    with pytest.raises(
        TdspError, match=r"principles\.0\.checks: \[\]: List should have at least 1"
    ):
        principles.load(small)


# --- The trail ----------------------------------------------------------------------------------

KNOWN = trail.Registry.model_validate(
    {
        "versions": [
            {
                "number": "1", "model_id": "abc", "aliases": ["champion"],
                "created_at": "2027-01-01T00:00:00.000+00:00",
                "lineage": {"What code?": {"git_commit": "c0", "run": "r1", "trained_by": "Ada"}},
            }
        ],
        "history": [
            {
                "at": "2027-01-03T00:00:00.000+00:00", "kind": "promotion", "version": "1",
                "model_id": "abc", "by": "Ada", "reason": "<b>first</b> | best", "compared": False,
                "checks": [{"rule": "good", "figures": "0.9", "passed": True}],
                "previous": None, "fallback": None,
            }
        ],
    }
)  # fmt: skip
SIGNED = trail.Approval(
    version="1", model_id="abc", role="lead", tag="approval/abc/lead", approver="Eve",
    at="2027-01-02T00:00:00.000+00:00", reason="fine", valid=True, message="",
)  # fmt: skip


def test_the_trail_joins_registry_and_approvals() -> None:
    events = trail.trail(KNOWN, [SIGNED])
    assert [event.what for event in events] == ["promotion", "approval as lead", "registration"]
    assert events[0].evidence == [
        "pass: good (0.9)",
        "not compared with a champion",
        "approval as lead by Eve: signature and record verified, tag approval/abc/lead",
    ]
    assert (events[2].who, events[2].evidence[:2]) == ("Ada", ["run r1", "git_commit c0"])
    page = trail.as_page("p", events)
    assert "&lt;b&gt;first" in page and "<b>" not in page and "http" not in page
    late = SIGNED.model_copy(update={"at": "2027-02-01T00:00:00.000+00:00", "valid": False})
    events = trail.trail(KNOWN, [late])
    assert "no approval on record by then" in events[1].evidence
    assert '<tr class="bad">' in trail.as_page("p", events)


def test_an_empty_registry_has_an_empty_trail(small: Folder) -> None:
    done = tdsp(small.root, "trail", MLFLOW_TRACKING_URI="")
    assert done.returncode == 0
    assert done.stdout == "nothing is registered yet: run the command `register` of the project\n"
    assert "nothing is registered yet" in (small.root / trail.PAGE).read_text("utf-8")


def test_a_project_whose_commands_cannot_run_says_why(small: Folder) -> None:
    put(small.root, ".copier-answers.yml", {"package_name": "no_such_package"})
    put(small.root, trail.DATABASE, "")
    done = tdsp(small.root, "trail")
    assert done.returncode == 1
    assert "No module named no_such_package: run `uv sync` in the project" in done.stderr
    put(small.root, "src/no_such_package/__main__.py", "print('{}')")
    assert "prints another format than this tdsp knows" in tdsp(small.root, "trail").stderr
    put(small.root, "src/no_such_package/__main__.py", "print('hello')")
    assert "did not print JSON" in tdsp(small.root, "trail").stderr
