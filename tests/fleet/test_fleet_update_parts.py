"""Rates, waves, the state's file, the Renovate preset, and checks in a copy."""

import json
import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import git
from tests.fleet.updates import commit, write
from typer.testing import CliRunner

from tdsp.cli import app
from tdsp.errors import TdspError
from tdsp.fleet import sandbox, status
from tdsp.fleet.config import Target
from tdsp.fleet.pace import Pace, sizes, spoken, waves
from tdsp.fleet.render import MARKER, Goal
from tdsp.fleet.room import RepositoryError, Room
from tdsp.fleet.snapshot import Conflict, Row
from tdsp.fleet.state import AUDIT, DATABASE, Journal, Record, left, pending, requests
from tdsp.fleet.template import Releases
from tdsp.fleet.update import Options, Outcome, Update
from tdsp.fleet.update_cli import _show

RECORD = Record(
    "churn", "/srv/churn", ("ann",), 1, "conflict", "why", "push", "v1", "a" * 40, "main", "b",
    "c" * 40, "f", ("M a",), (Conflict("a", "both", "x", "y", "z"),), "passed", "url", False,
)  # fmt: skip


class Clock:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        assert seconds >= 0
        self.time += seconds


def turns(number: int, sleep: float = 0, past: list[float] | None = None) -> list[float]:
    clock = Clock()
    pace = Pace(number, sleep, [clock.time + each for each in past or []], clock.now, clock.wait)
    return [pace.take() - 1_000_000.0 for _ in range(number)]


def test_a_thousand_requests_take_the_time_that_is_told() -> None:
    clock = Clock()
    pace = Pace(1000, 0, [], clock.now, clock.wait)
    told = pace.seconds()
    assert spoken(told) == "2 h 13 min"
    for _ in range(1000):
        pace.take()
    assert clock.time - 1_000_000 == pytest.approx(told)


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.integers(1, 700), st.floats(0, 5), st.lists(st.floats(-3600, -1), max_size=60).map(sorted)
)
def test_no_limit_is_passed(number: int, sleep: float, past: list[float]) -> None:
    made = turns(number, sleep, past)
    every = [*past, *made]
    for most, span in ((60, 60.0), (450, 3600.0)):
        for first, last in zip(every, every[most:], strict=False):
            assert last in past or last - first >= span - 1e-6
    assert all(b - a >= max(1.0, sleep) - 1e-6 for a, b in pairwise(made))


def test_a_run_that_goes_on_counts_the_requests_of_the_one_before() -> None:
    assert turns(1, past=[-30 + at / 10 for at in range(60)])[0] == pytest.approx(30.0)


def test_a_clock_that_was_set_back_does_not_stop_the_run() -> None:
    assert turns(1, past=[90_000.0]) == [0.0]


def target(name: str, wave: str = "") -> Target:
    return Target(name, f"/srv/{name}", "", (), wave)


def test_waves_by_size_by_file_and_none() -> None:
    five = [target(each) for each in "abcde"]
    order, names = waves(five, "1,2,rest", [])
    assert order == {"a": 0, "b": 1, "c": 1, "d": 2, "e": 2}
    assert names == ["1", "2", "rest"]
    named = [target("a", "late"), target("b", "first"), target("c")]
    assert waves(named, None, ["first", "late"])[0] == {"a": 1, "b": 0, "c": 2}
    assert waves(five, None, [])[0] == dict.fromkeys("abcde", 0)
    assert sizes("10,50") == [10, 50, None]
    for wrong in ("", "0", "-1", "a", "1,,2", "rest,1"):
        with pytest.raises(TdspError):
            sizes(wrong if wrong else " ")


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "key")
    journal.save(RECORD, "saved")
    started = journal.started
    journal.close()
    again = Journal(tmp_path, "key")
    assert again.records() == {"churn": RECORD}
    assert again.started == started
    assert Journal(tmp_path, "other").records() == {}
    assert RECORD.again() == Record("churn", "/srv/churn", ("ann",), 1)


def test_a_snapshot_learns_the_open_requests(tmp_path: Path) -> None:
    assert requests(tmp_path / "none") == {}
    journal = Journal(tmp_path, "key")
    for name, state in (("a", "requested"), ("b", "merged")):
        journal.save(Record(name, "", state=state, request=f"https://example.com/{name}"), "x")
    assert requests(tmp_path) == {"a": "https://example.com/a"}
    journal.close()
    (tmp_path / DATABASE).write_bytes(b"no database, " * 100)
    assert requests(tmp_path) == {}


def test_a_snapshot_learns_what_updates_left_to_do(tmp_path: Path) -> None:
    """The newest update decides; one that has not come to a repository says nothing of it."""
    assert left(tmp_path / "none") == {}
    conflict = Conflict("a.txt", "both changed the same lines", "ours", "theirs", "Ann, 2026-11-02")
    old, new = (json.dumps(["t", version]) for version in ("v0.2.0", "v0.3.0"))
    states = {
        "again": ("conflict", "conflict"), "solved": ("conflict", "rendered"),
        "asked": ("pushed", "requested"), "waits": ("failed", "listed"),
        "merged": ("pushed", "merged"),
    }  # fmt: skip
    for at, key in enumerate((old, new)):
        journal = Journal(tmp_path, key)
        with sqlite3.connect(tmp_path / DATABASE) as base:
            base.execute("UPDATE campaigns SET started = ? WHERE key = ?", (str(at), key))
        for name, both in states.items():
            hunks = (conflict,) * 30 if both[at] == "conflict" else ()
            journal.save(Record(name, "", state=both[at], branch="b", conflicts=hunks), "x")
        journal.close()
    found = left(tmp_path)
    assert {name: key for name, (key, _) in found.items()} == {"again": new, "waits": old}
    kept = pending(*found["again"])
    assert (kept.state, kept.to, kept.branch) == ("conflict", "v0.3.0", "b")
    assert kept.conflicts == (conflict,) * 20
    answers = json.dumps(["t", "current", ["level", "govern"]])
    assert pending(answers, found["waits"][1]).to == "level: govern"


@pytest.mark.parametrize(
    ("version", "answers", "goal", "stays"),
    [
        ("v0.1.0", {}, ["v0.2.0"], True),
        ("v0.2.0", {}, ["v0.2.0"], False),
        ("v0.10.0", {}, ["v0.2.0"], False),
        ("", {}, ["v0.2.0"], True),
        ("v0.2.0", {"level": "operate"}, ["v0.2.0", ["level", "govern"]], True),
        ("v0.2.0", {"level": "govern"}, ["v0.2.0", ["level", "govern"]], False),
        ("v0.1.0", {"level": "govern"}, ["current", ["level", "govern"]], False),
        ("v0.1.0", {"docs": "True"}, ["current", ["docs", "true"]], False),
    ],
)
def test_what_a_team_has_brought_itself_is_not_left(
    version: str, answers: dict[str, str], goal: list[Any], stays: bool
) -> None:
    row = Row("a", "", "", (), "ok", template_version=version, answers=answers)
    record = Record("a", "", state="conflict")
    assert (status._pending(row, json.dumps(["t", *goal]), record) is not None) == stays


def test_a_torn_line_of_the_audit_log_does_not_swallow_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "key")
    (tmp_path / AUDIT).write_text('{"time": "2026-', encoding="utf-8")
    journal.save(RECORD, "saved")
    _torn, line = (tmp_path / AUDIT).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["result"] == "saved"


def test_a_state_of_a_newer_tdsp_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / DATABASE) as base:
        base.execute("PRAGMA user_version = 9")
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(TdspError, match="format 9"):
        Journal(tmp_path, "key")
    assert (tmp_path / DATABASE).read_bytes() == before


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (("merged", "skipped"), 0),
        (("merged", "conflict"), 1),
        (("failed", "conflict"), 3),
        ((), 0),
    ],
)
def test_exit_codes(states: tuple[str, ...], code: int) -> None:
    assert Outcome(tuple(Record(s, "", state=s) for s in states)).code == code
    assert Outcome((), stopped="expired").code == 3
    assert Outcome((Record("a", "", state="pushed", reason="later"),)).code == 3


MERGED, OPEN = Record("", "", state="merged"), Record("", "", state="requested", green=True)
RED, RUNNING = replace(OPEN, green=False), replace(OPEN, green=None)
CLOSED, CURRENT = Record("", "", state="skipped", commit="c"), Record("", "", state="skipped")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([MERGED, CURRENT], ""),
        ([CURRENT], ""),
        ([MERGED] * 4 + [OPEN], ""),
        ([MERGED] * 4 + [RED], "checks are not green in r4"),
        ([MERGED] * 4 + [RUNNING], "checks are not green in r4"),
        ([MERGED] * 3 + [OPEN], "3 of 4 are merged (75 %), 80 % are needed"),
        ([MERGED] * 3 + [CLOSED], "3 of 4 are merged"),
        ([MERGED] * 3 + [Record("", "", state="conflict")], "3 of 4 are merged"),
    ],
)
def test_what_opens_the_next_wave(rows: list[Record], said: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path, "key")
    for at, row in enumerate(rows):
        journal.save(replace(row, name=f"r{at}", wave=0), "x")
    journal.save(Record("next", "", wave=2), "x")
    goal = Goal(Releases(), "v1", (), "", ("", ""))
    update = Update(journal, goal, Options(apply=True), ["1", "2", "rest"])
    update._present = set(journal.records())
    found = update._closed(2)
    assert said in found
    assert bool(said) == bool(found)
    journal.close()


@pytest.mark.parametrize(
    ("version", "data", "branch"),
    [
        ("v0.3.0", (), "tdsp/update-v0.3.0"),
        ("current", (("level", "govern"),), "tdsp/update-current-level-govern"),
        ("v1", (("text", "a b: ../c~^"),), "tdsp/update-v1-text-a-b-.-c"),
    ],
)
def test_a_branch_has_a_name_that_git_takes(
    version: str, data: tuple[tuple[str, str], ...], branch: str
) -> None:
    assert Goal(Releases(), version, data, "", ("", "")).branch == branch


def test_what_a_marker_is() -> None:
    for text in (b"<<<<<<< ours\n", b"a\n>>>>>>>\n", b"a\r\n>>>>>>> b\r\n", b"||||||| base\n"):
        assert MARKER.search(text), text
    for text in (b"=======\n", b"Title\n=======\n", b"a <<<<<<< b\n", b"<<<<<<<< eight\n"):
        assert not MARKER.search(text), text


def test_the_renovate_preset_names_its_conflict_policy() -> None:
    words = ["fleet", "preset", "--renovate", "--template", "https://example.com/t.git"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    rule = found["packageRules"][0]
    assert rule["matchManagers"] == ["copier"]
    assert rule["automerge"] is False
    assert rule["minimumReleaseAge"] is None  # an age would keep git's tags back for ever
    assert rule["matchPackageNames"] == ["https://example.com/t.git"]
    assert found["copier"] == {"enabled": True, "ignoreScripts": True}
    assert "44.56.1" in found["description"]
    # The keys that were tried by Renovate's own schema, and the values that it lists.
    assert set(found) == {
        "$schema", "description", "constraints", "copier", "prConcurrentLimit", "prHourlyLimit",
        "packageRules",
    }  # fmt: skip
    assert set(rule) == {
        "description", "matchManagers", "matchPackageNames", "automerge", "branchTopic",
        "commitMessageTopic", "dependencyDashboardApproval", "labels", "minimumReleaseAge",
        "rebaseWhen", "schedule",
    }  # fmt: skip
    assert rule["rebaseWhen"] in {"auto", "never", "conflicted", "behind-base-branch"}
    assert found["$schema"] == "https://docs.renovatebot.com/renovate-schema.json"
    assert CliRunner().invoke(app, ["fleet", "preset"]).exit_code == 2


def test_what_a_wave_waits_for_is_not_hidden_by_what_waits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The rows of later waves are one line, where a wave waits; else each is a row."""
    first = Record("churn", "/churn", state="pushed", files=("M a",), branch="b")
    later = tuple(Record(f"late{at}", "/late", wave=1) for at in range(30))
    _show(Outcome((first, *later), "wave rest waits: 0 of 1"), Options(apply=True))
    said = capsys.readouterr().out
    assert "churn" in said
    assert "late0" not in said
    assert "30 more are in later waves" in said
    assert "wave rest waits" in said
    _show(Outcome((first, *later)), Options(apply=True))
    said = capsys.readouterr().out
    assert "late0" in said
    assert "later waves" not in said


@pytest.fixture
def room(tmp_path: Path) -> tuple[Room, str]:
    """A repository with checks that are told what to do."""
    source = tmp_path / "source"
    write(source, {"a.txt": "a\n"})
    git(source, "init", "--quiet", "--initial-branch=main")
    made = commit(source)
    room = Room.new(tmp_path / "work", "x", 60)
    room.clone(str(source), "main")
    room.git("branch", "update", made)
    return room, made


def run(room: tuple[Room, str], command: str, fence: bool = True, *hidden: Path) -> str:
    return sandbox.checks(*room, command, fence, hidden)


def test_checks_run_in_a_copy_without_network_and_tokens(
    room: tuple[Room, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sandbox.has_fence():
        with pytest.raises(TdspError, match="--no-sandbox"):
            run(room, "true")
        return
    monkeypatch.setenv("GH_TOKEN", "secret")
    assert run(room, "grep -q a a.txt && echo b > a.txt") == "passed"
    with pytest.raises(RepositoryError, match="its checks failed"):
        run(room, "exit 3")
    assert run(room, 'test -z "$GH_TOKEN" && ! env | grep -q secret') == "passed"
    network = "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 9), 2)\""
    with pytest.raises(RepositoryError, match=r"unreachable|refused"):
        run(room, network)
    assert run(room, "test $(grep -c : /proc/net/dev) -le 2") == "passed"
    secret = tmp_path / "home"
    write(secret, {"token": "t"})
    assert run(room, f"test ! -e {secret}/token", True, secret) == "passed"
    with pytest.raises(RepositoryError):
        run(room, f"test ! -e {secret}/token", False, secret)


def test_checks_end_in_time_with_all_that_they_started(
    room: tuple[Room, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 2)
    with pytest.raises(RepositoryError, match="not done within 2 seconds"):
        run(room, "sleep 60 & sleep 60", sandbox.has_fence())
    monkeypatch.setattr(sandbox, "SECONDS", 60)
    monkeypatch.setattr(sandbox, "MEGABYTES", 200)
    with pytest.raises(RepositoryError, match="MemoryError"):
        run(room, "python3 -c 'bytearray(1 << 30)'", sandbox.has_fence())


def test_without_a_fence_checks_are_refused(
    room: tuple[Room, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "has_fence", lambda: False)
    with pytest.raises(TdspError, match="--no-sandbox"):
        run(room, "true")
    assert run(room, "true", False) == "passed"
