"""A fleet of small repositories: what its rows say, and what one of them may cost the others."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from tests.fleet.repositories import TRAINS, commit, git, project, run, template

from tdsp.errors import TdspError
from tdsp.fleet import store
from tdsp.fleet.config import read_fleet
from tdsp.fleet.facts import Event
from tdsp.fleet.fetch import Fetched
from tdsp.fleet.judge import Order
from tdsp.fleet.snapshot import Row, Snapshot
from tdsp.fleet.status import _Run, delivery
from tdsp.fleet.template import Releases, address

EXPIRY = 'pins:\n  - {pin: "old 1", expires: 2026-11-19, source: x, do: y}\n' + (
    '  - {pin: "new 2", review: 2026-11-20, source: x, do: y}\n'
)
GATE = '{"passed": true, "model_id": "abc123"}'
METRICS = '{"model_id": "abc123", "model": {"roc_auc": 0.91, "none": "x", "low": NaN}}'
TELEMETRY = '{"source": "Azure Monitor", "time": "2026-11-20T05:00:00Z", "availability": 0.999}'


def trail(first: str) -> str:
    """Return an audit trail: a registration, two promotions and a rollback."""
    events = [
        {"at": "2026-11-02T12:00:00+00:00", "what": "registration", "version": "1",
         "model_id": "m", "who": "a", "why": "trained", "evidence": [f"git_commit {first}"]},
        {"at": "2026-11-03T12:00:00+00:00", "what": "promotion", "version": "1", "model_id": "m"},
        {"at": "2026-08-03T12:00:00+00:00", "what": "promotion", "version": "0", "model_id": "l"},
        {"at": "2026-11-04T12:00:00+00:00", "what": "rollback", "version": "0", "model_id": "l"},
        {"at": "yesterday", "what": "promotion"}, "no event",
    ]  # fmt: skip
    return json.dumps(events)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, isolation: None) -> Path:
    """Twelve repositories of all kinds, and the fleet.yml that names them."""
    root = tmp_path_factory.mktemp("fleet")
    source, repositories = template(root / "template"), root / "repositories"
    project(repositories / "old", source, "v0.1.0")
    project(repositories / "current", source, "v0.10.0", level="govern")
    edited = project(repositories / "edited", source, "v0.2.0", level="operate")
    first = git(edited, "rev-parse", "HEAD")
    commit(
        edited,
        {
            "tools/check.py": "# ours\n", "src/small/features.py": "x = 2\n",
            "README.md": "# own\n",
            "expiry.yaml": EXPIRY, "reports/gate.json": GATE, "reports/metrics.json": METRICS,
            "telemetry.json": TELEMETRY, "reports/trail.json": trail(first),
            "CODEOWNERS": "# all\n* @ann @bob\n/docs/ @eve\n",
            "docs/charter.md": "# Charter\n\n[open: who pays] and [open: when]\n",
        },
        "2026-11-05",
    )  # fmt: skip
    commit(repositories / "foreign", {".copier-answers.yml": "_src_path: gh:x/y\na: 1\n"})
    commit(repositories / "learns", {"train.py": TRAINS, "telemetry.json": '{"source": 3}'})
    asks = {"requirements.txt": "openai==2.1\n", "a.py": "from openai import OpenAI\n\nOpenAI()\n"}
    commit(repositories / "generative", asks)
    commit(repositories / "web", {"index.js": "let a = 1\n"})
    commit(
        repositories / "hostile", {"we\x1b[31mird\n.py": "import sklearn\n", "a.py": b"\xff\x00"}
    )
    (repositories / "empty").mkdir()
    git(repositories / "empty", "init", "-q")
    (repositories / "plain").mkdir()
    broken = repositories / "broken"
    commit(broken, {"a.py": "x = 1\n"})
    for path in (broken / ".git/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(b"broken")
    (root / "fleet.yml").write_text(
        "owners: [lead]\n"
        "template: {source: template}\n"
        "groups:\n  risk: {owners: [rita], repositories: [repositories/old]}\n"
        "repositories: [{glob: 'repositories/*'}]\n"
        "waves: [{name: pilot, groups: [risk]}]\n"
    )
    return root


@pytest.fixture(scope="module")
def snapshot(place: Path) -> Snapshot:
    """The first run over all of them."""
    return run(read_fleet(place / "fleet.yml"))


@pytest.fixture(scope="module")
def row(snapshot: Snapshot) -> Callable[[str], Row]:
    """Give the row of a name."""
    return {each.name: each for each in snapshot.rows}.__getitem__


def test_each_kind_has_a_row(snapshot: Snapshot) -> None:
    """Foreign repositories are rows like others; a failed one costs only itself."""
    assert [(each.name, each.state, each.kind) for each in snapshot.rows] == [
        ("broken", "failed", "none"),
        ("current", "ok", "tdsp"),
        ("edited", "ok", "tdsp"),
        ("empty", "failed", "none"),
        ("foreign", "ok", "other template"),
        ("generative", "ok", "generative"),
        ("hostile", "ok", "none"),
        ("learns", "ok", "none"),
        ("old", "ok", "tdsp"),
        ("plain", "failed", "none"),
        ("web", "ok", "not ml"),
    ]


def test_what_is_no_machine_learning_has_no_maturity(row: Callable[[str], Row]) -> None:
    assert (row("web").maturity, row("web").score) == ({}, {})
    assert (row("learns").maturity or {})["Model creation"] >= 0
    assert row("learns").score


def test_a_failed_repository_says_why(row: Callable[[str], Row]) -> None:
    assert row("empty").reason == "the repository has no commit yet"
    assert row("plain").reason == "it is not a git repository"
    assert "damaged" in row("broken").reason or "not a git" in row("broken").reason
    assert row("broken").verdict == ""


def test_versions_days_and_the_current_release(
    snapshot: Snapshot, row: Callable[[str], Row]
) -> None:
    """v0.10.0 is newer than v0.2.0, and a tag that is no version is none."""
    assert (snapshot.release, snapshot.released) == ("v0.10.0", "2026-11-10")
    assert (row("current").current, row("current").days_behind) == (True, 0)
    assert (row("edited").current, row("edited").days_behind) == (False, 10)
    since_june = (date(2026, 11, 20) - date(2026, 6, 10)).days
    assert (row("old").current, row("old").days_behind) == (False, since_june)
    assert (row("foreign").current, row("foreign").days_behind) == (None, None)


def test_drift_is_what_the_template_owns(row: Callable[[str], Row]) -> None:
    """An edit of the team's own files is its work; what was never rendered is not known."""
    assert row("edited").drift == ("tools/check.py",)
    assert row("current").drift == ()
    assert row("foreign").drift is None


def test_facts_of_a_row(row: Callable[[str], Row]) -> None:
    """Pins, placeholders, model, telemetry, owners, delivery: each from its file."""
    one = row("edited")
    assert one.expired == ("old 1",)
    assert one.placeholders == 2
    assert one.model is not None
    assert (one.model.version, one.model.passed, one.model.trained) == (
        "abc123",
        True,
        "2026-11-05",
    )
    assert one.model.figures == {"roc_auc": 0.91}
    assert one.telemetry is not None
    assert (one.telemetry.availability, one.telemetry.p95_ms) == (0.999, None)
    assert one.owners == ("@ann", "@bob")
    assert one.delivery is not None
    assert (one.delivery.lead_time_hours, one.delivery.promotions) == (48.0, 1)
    assert one.delivery.rolled_back == 0.5
    assert (one.level, one.committed) == ("operate", "2026-11-05")
    assert one.answers is not None
    assert one.answers["license"] == "MIT"
    assert one.maturity is not None
    assert set(one.maturity) == {
        "Model creation", "Model release", "Application integration", "Google",
    }  # fmt: skip
    assert one.score is not None
    assert set(one.score) == {"Data", "Model", "Infrastructure", "Monitoring"}


def test_what_is_not_reported_is_not_0(row: Callable[[str], Row]) -> None:
    one = row("learns")
    assert (one.model, one.telemetry, one.delivery, one.drift, one.answers) == (None,) * 5
    assert [each.message for each in one.findings if each.check == "telemetry"] == [
        "not read: source: Input should be a valid string"
    ]


def test_owners_and_waves_come_from_the_group_first(row: Callable[[str], Row]) -> None:
    assert (row("old").owners, row("old").wave) == (("rita",), "pilot")
    assert (row("web").owners, row("web").wave) == (("lead",), "")


def test_files_that_nobody_thought_of_cost_at_most_their_fact(tmp_path: Path) -> None:
    """Halves of characters, lists for texts, endless numbers: the row is whole and written."""
    odd: dict[str, str | bytes] = {
        ".copier-answers.yml": "_src_path: [1]\n_commit: {a: b}\n1: 2\nproject_name: x\n"
        "project_slug: [x]\npackage_name: {}\nproblem_type: 3\nlevel: ~\n",
        "reports/gate.json": '{"model_id": "\\ud800", "passed": "yes"}',
        "reports/metrics.json": '{"model": {"a": 1' + "0" * 400 + ', "b\\ud800": 1, "c": true}}',
        "reports/trail.json": '[{"at": 3, "what": "promotion"}, {"at": "2026-11-01T00:00:00"}, 4]',
        "expiry.yaml": "pins: [3, {pin: [a], expires: 1}, {pin: x, expires: soon}]\n",
        "telemetry.json": "[" * 10_000,
        "CODEOWNERS": b"\xff * \x00",
        "dvc.lock": "stages: {train: {outs: [3, {path: models/m}]}}\n",
        "m/MLmodel": "utc_time_created: [1]\nmodel_id: {}\n",
        "a.py": TRAINS,
    }
    commit(tmp_path / "odd", odd)
    (tmp_path / "fleet.yml").write_text("repositories: [odd]\n")
    found = run(read_fleet(tmp_path / "fleet.yml"))
    (one,) = found.rows
    assert (one.state, one.kind, one.reason) == ("ok", "tdsp", "")
    assert one.model is not None
    assert (one.model.version, one.model.passed) == ("?", None)
    assert one.model.figures == {"b?": 1.0}
    assert (one.level, one.template, one.template_version, one.drift) == ("", "", "", None)
    assert (one.telemetry, one.delivery, one.expired) == (None, None, ())
    assert store.decode(store.encode(found), "here") == found


def test_what_is_known_is_not_worked_out_again(
    place: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run judges nothing but what failed, and says the same."""
    judged: list[str] = []
    real = _Run._order

    def counting(self: _Run, each: Fetched) -> Order:
        judged.append(each.target.name)
        return real(self, each)

    monkeypatch.setattr(_Run, "_order", counting)
    again = run(read_fleet(place / "fleet.yml"))
    assert judged == ["broken"]
    assert again == snapshot


def test_the_day_decides_anew_without_a_new_commit(tmp_path: Path) -> None:
    """A pin that has ended meanwhile is expired, and the checks are asked again."""
    commit(tmp_path / "a", {"expiry.yaml": EXPIRY, "a.py": TRAINS})
    (tmp_path / "fleet.yml").write_text("repositories: [a]\n")
    fleet = read_fleet(tmp_path / "fleet.yml")
    before = run(fleet, taken="2026-11-19T00:00:00Z").rows[0]
    after = run(fleet, taken="2026-11-21T00:00:00Z").rows[0]
    assert (before.expired, after.expired) == ((), ("old 1", "new 2"))


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    commit(tmp_path / "a", {"a.py": TRAINS})
    (tmp_path / "fleet.yml").write_text("repositories: [a]\n")
    (tmp_path / ".fleet").mkdir()
    (tmp_path / ".fleet/rows.sqlite").write_bytes(b"no database" * 1000)
    assert run(read_fleet(tmp_path / "fleet.yml")).rows[0].state == "ok"


def test_drift_of_a_project_that_names_a_url(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is rendered by that address, which git takes for the fleet's own copy; none is asked."""
    url, mirrors = "https://git.invalid/factory/template.git", tmp_path / "mirrors"
    monkeypatch.setenv("COPIER_CACHE_DIR", str(mirrors))
    one = project(tmp_path / "one", place / "template", "v0.2.0")
    answers = (one / ".copier-answers.yml").read_text()
    files = {
        ".copier-answers.yml": answers.replace(str(place / "template"), url),
        "tools/source.txt": f"{url}\n",
    }
    commit(one, files)
    for also, wanted in (("git@git.invalid:factory/template", ()), ("other", None)):
        (tmp_path / "fleet.yml").write_text(
            f"repositories: [one]\ntemplate: {{source: {place / 'template'}, also: ['{also}']}}\n"
        )
        assert run(read_fleet(tmp_path / "fleet.yml")).rows[0].drift == wanted
    assert not mirrors.exists()  # copier's own clones hold what their address says


def test_versions_and_addresses() -> None:
    """Numbers are compared as numbers; ways to write one address are one."""
    days = (("v0.1.0", "2026-01-10"), ("v0.2.0", "2026-06-10"), ("v0.10.0", "2026-11-10"))
    known, today = Releases(days, "v0.2.0"), date(2026, 11, 20)
    assert known.released == "2026-06-10"
    assert [known.is_current(each) for each in ("v0.1.0", "v0.2.0", "0.10.0", "d51e7f4")] == [
        False, True, True, None,
    ]  # fmt: skip
    assert known.days_behind("v0.1.0-3-gabcdef0", today) == 163
    assert known.days_behind("v0.10.0", today) == 0
    assert known.days_behind("main", today) is None
    assert Releases().is_current("v0.1.0") is None
    same = (
        "gh:O/t",
        "https://github.com/o/t.git",
        "git@github.com:o/t",
        "git+https://github.com/o/t/",
    )
    assert {address(each) for each in same} == {"github.com/o/t"}
    assert address("/A/t.git") == "/A/t"
    assert address("gl:o/t") != address("gh:o/t")


def test_figures_of_delivery() -> None:
    """Windows are 30 days and a year; a rollback alone has no share."""
    today = date(2026, 11, 20)
    assert delivery([], today) is None
    old = Event("2024-01-01T00:00:00+00:00", "promotion", "", 3.0)
    back = Event("2026-11-01T00:00:00+00:00", "rollback")
    found = delivery([old, back], today)
    assert found is not None
    assert (found.lead_time_hours, found.promotions, found.rolled_back) == (None, 0, None)


def test_a_template_that_is_wrong_stops_the_run(place: Path, tmp_path: Path) -> None:
    """The lead's own file is to be put right; the message names it."""
    commit(tmp_path / "a", {"a.py": "x = 1\n"})
    for given, message in (
        ("{source: none}", "is not there"),
        ("{source: .}", "is not a git repository"),
        (f"{{source: {place / 'template'}, release: v9.0.0}}", "no release v9.0.0"),
        ("{source: 'file:///none/at/all'}", "cannot be fetched"),
    ):
        (tmp_path / "fleet.yml").write_text(f"repositories: [a]\ntemplate: {given}\n")
        with pytest.raises(TdspError, match=message):
            run(read_fleet(tmp_path / "fleet.yml"))


def test_the_command_writes_a_snapshot_and_ends_as_it_says(place: Path, tmp_path: Path) -> None:
    """3 with failed repositories, printed last; 4 with none; 2 for a wrong file."""
    tdsp = [sys.executable, "-m", "tdsp", "fleet", "status"]
    own = os.environ | {"PYTHONPATH": str(Path(store.__file__).parents[2]), "COLUMNS": "200"}
    commit(tmp_path / "a", {"a.py": TRAINS})
    (tmp_path / "plain").mkdir()

    def ended(text: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "fleet.yml").write_text(text)
        return subprocess.run(
            tdsp, cwd=tmp_path, capture_output=True, text=True, check=False, env=own
        )

    well = ended("repositories: [a]\n")
    assert (well.returncode, "1 repositories, 1 in order" in well.stdout) == (0, True)
    some = ended("repositories: [a, plain]\n")
    assert some.returncode == 3
    assert some.stdout.splitlines()[-1] == "failed  plain: it is not a git repository"
    found = store.read_snapshot(tmp_path / "snapshots")
    assert [each.state for each in found.rows] == ["ok", "failed"]
    (tmp_path / "policy.yml").write_text(
        "rules: [{name: owned, owners: true}]\n"
        "exceptions:\n  - {rule: owned, repositories: [a], owner: b, reason: not yet,"
        " until: 2999-01-01}\n"
    )
    assert ended("repositories: [a]\npolicy: policy.yml\n").returncode == 0
    assert store.read_snapshot(tmp_path / "snapshots").rows[0].excepted == ("owned",)
    assert ended("repositories: [a]\npolicy: none.yml\n").returncode == 2
    none = ended("repositories: [{glob: 'x*'}]\n")
    assert (none.returncode, "no folder fits" in none.stderr) == (4, True)
    assert ended("repositories: 3\n").returncode == 2
    (tmp_path / ".fleet/lock").write_text("elsewhere 1")
    held = ended("repositories: [a]\n")
    assert (held.returncode, "another run works here on elsewhere" in held.stderr) == (2, True)


def test_facts_are_forgotten_when_the_checks_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest is of the code itself, so that nobody has to remember a number."""
    import tdsp
    from tdsp.fleet import rows

    (tmp_path / "check").mkdir()
    (tmp_path / "check/all.py").write_text("a = 1\n")
    monkeypatch.setattr(tdsp, "__file__", str(tmp_path / "__init__.py"))
    before = rows.version_of_checks()
    assert rows.version_of_checks() == before
    (tmp_path / "check/all.py").write_text("a = 2\n")
    assert rows.version_of_checks() != before
