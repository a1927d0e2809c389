"""A fleet of small repositories: what its rows say, and what one of them may cost the others."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from tests.unit.fleet_repositories import TRAINS, commit, git, project, template

from tdsp.errors import TdspError
from tdsp.fleet import store
from tdsp.fleet.config import Fleet, read_fleet
from tdsp.fleet.facts import Event
from tdsp.fleet.fetch import fetch_all
from tdsp.fleet.snapshot import Row, Snapshot
from tdsp.fleet.status import Switches, delivery, status
from tdsp.fleet.template import Releases

TAKEN = "2026-11-20T06:00:00Z"
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
    commit(repositories / "generative", {"requirements.txt": "openai==2.1\n", "a.py": "x = 1\n"})
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


def run(fleet: Fleet, **switches: object) -> Snapshot:
    """Make a run without a terminal."""
    chosen = replace(Switches(1, True, TAKEN), **switches)  # type: ignore[arg-type]
    return status(fleet, fleet.listing(), chosen, lambda name: None)


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


def test_a_failed_repository_says_why(row: Callable[[str], Row]) -> None:
    assert row("empty").reason == "the repository has no commit yet"
    assert row("plain").reason == "it is not a git repository"
    assert row("broken").reason
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


def test_what_is_known_is_not_worked_out_again(
    place: Path, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run judges nothing but what failed, and says the same."""
    judged: list[str] = []

    def counting(self: object, many: list[object]) -> object:
        judged.extend(each.target.name for each in many)  # type: ignore[attr-defined]
        return iter(())

    monkeypatch.setattr("tdsp.fleet.status._Run._judged", counting)
    again = run(read_fleet(place / "fleet.yml"))
    assert judged == ["broken"]
    assert again.rows == tuple(each for each in snapshot.rows if each.name != "broken")


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


def test_a_repository_that_takes_too_long_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit rings inside of whatever is at work, and is said."""
    import time

    from tdsp.fleet import judge

    commit(tmp_path / "a", {"a.py": TRAINS})
    monkeypatch.setattr(judge, "read_git", lambda folder, commit: time.sleep(30))
    order = judge.Order("a", str(tmp_path / "a"), "HEAD", "", Releases(), "t", True, 1, date.max)
    assert judge.judge(order) == "it was not judged after 1 seconds, the limit for one repository"


def test_a_process_that_dies_costs_only_its_repository(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others are judged; the one that ends its process is judged alone, once."""
    for name in ("a", "b", "c"):
        commit(tmp_path / name, {"a.py": TRAINS})
    (tmp_path / "fleet.yml").write_text("repositories: [a, b, c]\n")
    helper = tmp_path / "helper"
    helper.mkdir()
    (helper / "sitecustomize.py").write_text(
        "import os, sys\n"
        "import tdsp.fleet.judge as judge\n"
        "real = judge._judge\n"
        "def die(order):\n"
        "    if order.name == 'b':\n        os._exit(9)\n"
        "    return real(order)\n"
        "judge._judge = die\n"
    )
    paths = [str(helper), str(Path(store.__file__).parents[2])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    found = run(read_fleet(tmp_path / "fleet.yml"))
    assert [each.state for each in found.rows] == ["ok", "failed", "ok"]
    assert found.rows[1].reason == "reading it ended the process that read it"


def remote(folder: Path, url: str) -> tuple[str, str]:
    """Fetch one repository; return commit and reason."""
    (folder / "fleet.yml").write_text(f"repositories: [{{url: '{url}', name: r}}]\n")
    fleet = read_fleet(folder / "fleet.yml")
    (found,) = fetch_all(fleet.repositories(), fleet.cache, 2, 60)
    return found.commit, found.reason


def test_a_clone_is_bare_and_one_commit_deep(tmp_path: Path) -> None:
    """It has no work tree and no hooks; a force push, and a broken clone, are taken in."""
    source = tmp_path / "source"
    first = commit(source, {"a.py": "x = 1\n"})
    second = commit(source, {"a.py": "x = 2\n"})
    url = f"file://{source}"
    assert remote(tmp_path, url) == (second, "")
    (clone,) = (tmp_path / ".fleet/clones").iterdir()
    assert git(clone, "rev-list", "--count", "refs/heads/fleet") == "1"
    assert not (clone / "hooks").exists()
    assert not (clone / "index").exists()
    git(source, "reset", "-q", "--hard", first)
    assert remote(tmp_path, url) == (first, "")
    (clone / "shallow.lock").write_text("")
    third = commit(source, {"a.py": "x = 3\n"})
    assert remote(tmp_path, url) == (third, "")


def test_a_remote_that_is_gone_empty_or_slow(tmp_path: Path) -> None:
    """Each has its line, and no prompt is waited for."""
    commit_, reason = remote(tmp_path, f"file://{tmp_path}/none")
    assert (commit_, "no repository at its address" in reason) == ("", True)
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "-q", "--bare")
    assert remote(tmp_path, f"file://{tmp_path}/empty") == ("", "the repository has no commit yet")
    assert "cannot be reached" in remote(tmp_path, "https://localhost:1/o/n")[1]


def test_nothing_of_a_repository_is_run(tmp_path: Path) -> None:
    """Hooks, filters and settings of a local repository do nothing."""
    source, mark = tmp_path / "source", tmp_path / "mark"
    commit(source, {"a.py": TRAINS, ".gitattributes": "* filter=evil diff=evil\n"})
    for key in ("filter.evil.smudge", "core.fsmonitor", "core.sshCommand", "gpg.program",
                "diff.evil.command", "core.pager"):  # fmt: skip
        git(source, "config", key, f"touch {mark}")
    git(source, "config", "log.showSignature", "true")
    (tmp_path / "fleet.yml").write_text("repositories: [source]\n")
    assert run(read_fleet(tmp_path / "fleet.yml")).rows[0].state == "ok"
    assert not mark.exists()


def test_a_worktree_a_packed_and_a_detached_head(tmp_path: Path) -> None:
    """The commit is found from files alone, or git is asked."""
    source = tmp_path / "a"
    head = commit(source, {"a.py": "x = 1\n"})
    git(source, "worktree", "add", "-q", "--detach", str(tmp_path / "b"))
    git(source, "pack-refs", "--all")
    git(source, "clone", "-q", "--bare", str(source), str(tmp_path / "c.git"))
    (tmp_path / "fleet.yml").write_text("repositories: [a, b, c.git]\n")
    fleet = read_fleet(tmp_path / "fleet.yml")
    found = fetch_all(fleet.repositories(), fleet.cache, 2, 60)
    assert [(each.target.name, each.commit) for each in found] == [
        ("a", head), ("b", head), ("c", head),
    ]  # fmt: skip


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
    none = ended("repositories: [{glob: 'x*'}]\n")
    assert (none.returncode, "no folder fits" in none.stderr) == (4, True)
    assert ended("repositories: 3\n").returncode == 2
    (tmp_path / ".fleet/lock").write_text("elsewhere 1")
    held = ended("repositories: [a]\n")
    assert (held.returncode, "another run works here on elsewhere" in held.stderr) == (2, True)
