"""Governance tells the truth: where nothing was judged, nothing is called kept."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tdsp.people.governance import principles
from tdsp.people.process import stages
from tdsp.people.project import Project

ROOT = Path(__file__).parents[2]
ROLES = (
    "format: 1\nroles:\n  lead: {name: Lead, held_by: [team], does: Leads.}\n"
    "holders:\n  team: {name: Team, email: team@example.com}\napprovals: 1\n"
)
PARAMS = {
    "data": {"sensitive": [], "id": []},
    "fairness": {"floor": 0.8},
    "collect": {"mask": [], "share": 1.0, "max_rows": 10},
}
DEPLOYMENT = {"data_collector": {"collections": {"request": {"enabled": "true"}}}}


def put(root: Path, name: str, content: Any) -> None:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Project:
    put(tmp_path, "docs/roles.yaml", ROLES)
    put(tmp_path, "params.yaml", PARAMS)
    put(tmp_path, "online.yml", DEPLOYMENT)
    rule = {"rule": "each group has 0.8", "passed": None}
    put(tmp_path, "reports/gate.json", json.dumps({"checks": [rule]}))
    return Project(tmp_path)


def say(
    folder: Project, capsys: pytest.CaptureFixture[str], *checks: dict[str, Any]
) -> tuple[str, bool, bool]:
    """Return what is said of a principle with these checks, and both verdicts."""
    one = {"id": "p", "means": "m", "owner": "lead", "checks": list(checks)}
    put(folder.root, principles.SOURCE, {"format": 1, "principles": [one]})
    kept = principles.run(folder, [])
    said = capsys.readouterr().out
    sound = principles.run(folder, [], judged=True)
    capsys.readouterr()
    return said, kept, sound


UNJUDGED: dict[str, tuple[dict[str, Any], str]] = {
    "accountability": ({"approved": "champion"}, "no approval is on record"),
    "fairness by column": ({"declared": "data.sensitive"}, "data.sensitive in params.yaml names"),
    "fairness by gate": ({"gate": "each group has"}, "the gate has not judged it"),
    "privacy": ({"masked": ["data.sensitive", "data.id"]}, "name no column"),
    "oversight": ({"answered": "open.md"}, "open.md has 1 open questions"),
}


@pytest.mark.parametrize("name", UNJUDGED)
def test_what_had_nothing_to_judge_is_open_and_never_kept(
    name: str, folder: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    put(folder.root, "open.md", "[open: who?]\n")
    check, why = UNJUDGED[name]
    said, kept, sound = say(folder, capsys, {"parameter": {"fairness.floor": 0.8}}, check)
    assert said.startswith("open  p: m") and "kept" not in said
    assert "nothing to judge: " in said and why in said
    assert (kept, sound) == (False, True)
    page = (folder.root / principles.PAGE).read_text("utf-8")
    assert "not judged; " in page and "| yes" not in page


def test_a_fault_is_worse_than_nothing_to_judge(
    folder: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, nothing = {"parameter": {"fairness.floor": 0.9}}, {"declared": "data.sensitive"}
    said, kept, sound = say(folder, capsys, bad, nothing)
    assert said.startswith("FAIL  p: m")
    assert (kept, sound) == (False, False)


@pytest.mark.parametrize(("section", "key"), [("collect", "mask"), ("data", "id")])
def test_an_endpoint_that_logs_whole_requests_breaks_privacy(
    section: str, key: str, folder: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(folder, capsys, {"logged": "online.yml"})[1]  # every column may be kept
    put(folder.root, "params.yaml", {**PARAMS, section: {**PARAMS[section], key: ["age"]}})
    said, kept, sound = say(folder, capsys, {"logged": "online.yml"})
    assert said.startswith("FAIL") and "logs each whole request, with age" in said
    assert (kept, sound) == (False, False)


def test_no_endpoint_is_nothing_to_judge(
    folder: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(folder, capsys, {"logged": "none.yml"})[0].startswith("open")


def test_a_criterion_about_what_is_not_there_is_not_judged(
    folder: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    criterion = {"what": "Signed", "check": "git --version", "do": "sign", "given": "signed/*.yaml"}
    stage = {"title": "T", "question": "Q?", "entry": [], "exit": [criterion]}
    put(folder.root, stages.SOURCE, {"format": 1, "stages": {"one": stage}})
    stages.run(folder, stages.load(folder))
    said = capsys.readouterr().out
    assert "[?] exit: Signed  (not judged: no signed/*.yaml)" in said and "[x]" not in said
    assert "1 had nothing to judge" in said
    put(folder.root, "signed/a.yaml", "a: 1\n")
    stages.run(folder, stages.load(folder))
    assert "[x] exit: Signed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("collect", "settings"),
    [
        ({"mask": ["age"], "share": 1.0}, ()),
        ({"mask": [], "share": 0}, ()),
        ({"mask": [], "share": 1.0, "max_rows": 0}, ()),
        ({"mask": [], "share": 0.25}, ("request", "response", "data_collector.sampling_rate=0.25")),
    ],
)
def test_azure_ml_logs_what_collect_allows_or_nothing(
    collect: dict[str, Any], settings: tuple[str, ...], tmp_path: Path
) -> None:
    source = (ROOT / "template/deploy/azureml_endpoint.py").read_text("utf-8")
    tree = ast.parse(source)
    function = next(n for n in tree.body if getattr(n, "name", "") == "logging")
    space: dict[str, Any] = {"Path": Path, "yaml": yaml}
    exec(compile(ast.Module([function], []), "logging", "exec"), space)  # noqa: S102
    put(tmp_path, "params.yaml", {"collect": collect})
    found = space["logging"](tmp_path / "params.yaml")
    assert len(found) == len(settings)
    assert all(part in said for part, said in zip(settings, found, strict=True))


def test_azure_ml_logs_nothing_by_its_file_alone() -> None:
    text = (ROOT / "template/azureml/online/deployment.yml.jinja").read_text("utf-8")
    assert "enabled: 'true'" not in text and text.count("enabled: 'false'") == 2
