"""A fleet of forty repositories of all kinds: status, policy, dashboard, one wave of an update."""

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from tests.conftest import ROOT, module_of
from tests.fleet.repositories import ANSWERS, COPIER, commit, git, run
from tests.fleet.updates import branches
from typer.testing import CliRunner

from tdsp.cli import app
from tdsp.fleet import page, policy
from tdsp.fleet.config import read_fleet
from tdsp.fleet.snapshot import Row, Snapshot

forty = module_of(ROOT / "scripts/fleet_forty.py")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, isolation: None) -> Path:
    """The fleet of the script, of a small template."""
    root = tmp_path_factory.mktemp("forty")
    source: dict[str, str | bytes] = {
        "copier.yml": COPIER.replace("{type: str}", "{type: str, default: small}"),
        "template/{{ _copier_conf.answers_file }}.jinja": ANSWERS,
        "template/README.md.jinja": "# {{ project_name }}\n",
        "template/tools/{{ level }}.py": "made = True\n",
    }
    commit(root / "source", source)
    made: Path = forty.make(root / "fleet", root / "source")
    return made


@pytest.fixture(scope="module")
def snapshot(fleet: Path) -> Snapshot:
    return run(read_fleet(fleet))


@pytest.fixture(scope="module")
def rows(snapshot: Snapshot) -> dict[str, Row]:
    return {row.name: row for row in snapshot.rows}


def test_forty_rows_say_what_each_repository_is(rows: dict[str, Row]) -> None:
    assert len(rows) == 40
    failed = {name: row.reason for name, row in rows.items() if row.state == "failed"}
    assert failed.keys() == {"broken", "empty", "gone"}
    assert failed["empty"] == "the repository has no commit yet"
    assert failed["gone"].endswith("is not there")
    kinds = Counter(row.kind for row in rows.values() if row.state == "ok")
    assert (kinds["tdsp"], kinds["generative"], kinds["other template"]) == (27, 2, 2)
    ours = [row for row in rows.values() if row.kind == "tdsp"]
    assert Counter(row.level for row in ours) == {"train": 9, "operate": 9, "govern": 9}
    assert Counter(row.current for row in ours) == {True: 9, False: 18}
    assert {name for name, row in rows.items() if row.drift} == {
        name for name in rows if name.endswith("-conflicted")
    }


def test_each_row_has_its_last_run_and_release(rows: dict[str, Row]) -> None:
    one, two = rows["operate-v1.1.0-plain"], rows["govern-v1.2.0-plain"]
    assert (one.last_run, one.last_release, one.release) == ("2026-11-16", "2026-11-17", "v1.0.0")
    assert (two.last_run, two.release) == ("2026-11-16", "")
    assert two.delivery is not None
    assert (two.delivery.lead_time_hours, two.delivery.promotions) == (48.0, 1)
    assert two.telemetry is not None
    assert two.telemetry.cost_this_month == 310.5


def test_an_exception_holds_to_its_day(fleet: Path, snapshot: Snapshot) -> None:
    rules = policy.read_policy(fleet.with_name("policy.yml"))
    before = policy.judge(rules, snapshot, date(2026, 12, 31))
    assert {each.repository for each in before.breaches if each.excepted} == {
        f"train-v1.0.0-{kind}" for kind in forty.EDITS
    }
    assert not before.expired
    after = policy.judge(rules, snapshot, date(2027, 1, 1))
    assert not any(each.excepted for each in after.breaches)
    assert len(after.expired) == 1
    assert len(after.open) == len(before.open) + 3


def test_the_dashboard_has_all_of_them(snapshot: Snapshot) -> None:
    html = page.dashboard([snapshot])
    assert all(json.dumps(row.name)[1:-1] in html for row in snapshot.rows)
    assert "<script>alert(1)" not in html


@pytest.mark.usefixtures("quick_copier")
def test_one_wave_makes_its_branches_and_no_more(
    fleet: Path, rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tdsp.fleet.pace.GAP", 0.0)
    done = CliRunner().invoke(app, ["fleet", "update", str(fleet), "--apply", "--json"])
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)
    states = {each["name"]: each["state"] for each in found["repositories"]}
    pilot = {name: state for name, state in states.items() if name.startswith("train-")}
    assert Counter(pilot.values()) == {"pushed": 4, "conflict": 2, "skipped": 3}
    assert {state for name, state in states.items() if name not in pilot} == {"listed"}
    assert "wave rest waits: of wave pilot 0 of 6 are merged" in found["waits"]
    for name in rows:
        place = Path(rows[name].source)
        if rows[name].state == "ok":
            new = {each for each in branches(place) if each.startswith("tdsp/")}
            assert new == ({"tdsp/update-v1.2.0"} if pilot.get(name) == "pushed" else set())
    place = Path(rows["train-v1.0.0-edited"].source)
    assert "Ours." in git(place, "show", "tdsp/update-v1.2.0:README.md")
    assert "v1.2.0" in git(place, "show", f"tdsp/update-v1.2.0:{forty.LINE}")
