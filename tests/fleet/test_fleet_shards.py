"""Snapshots as files, the trend, shards and their merge, and the platforms' files."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.fleet.repositories import TRAINS, commit
from typer.testing import CliRunner

from tdsp.errors import TdspError
from tdsp.fleet import matrix, shards, store
from tdsp.fleet.cli import app
from tdsp.fleet.shards import Shard
from tdsp.fleet.snapshot import Finding, Model, Row, Snapshot, Telemetry
from tdsp.fleet.state import Journal, Record

TIME = "2026-11-20T06:00:00Z"
ROOT = Path(__file__).parents[2]
ROWS = tuple(Row(f"r{n:02}", f"/r{n}", "g", ("a",), "ok", errors=n) for n in range(20))
WHOLE = Snapshot(TIME, "0.1.0", ROWS, "v1.0.0", "2026-11-01", ("not listed",), fleet="f")


def parts(total: int) -> list[tuple[str, Snapshot]]:
    """Return the shards of the whole."""
    return [
        (
            f"{index}.json",
            replace(
                WHOLE, rows=tuple(row for row in ROWS if shards.of(row.name, total) == index),
                shard=index, shards=total,
            ),
        )
        for index in range(1, total + 1)
    ]  # fmt: skip


def test_a_snapshot_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every field comes back; one row is one line."""
    row = replace(
        ROWS[0], findings=(Finding("TR03", "error", "ä.py", 3, "m"),), drift=(), current=False,
        model=Model("m", "1", "", "", {"auc": 0.5}, None), telemetry=Telemetry("s", TIME, 0.9),
    )  # fmt: skip
    path = store.save(replace(WHOLE, rows=(row, *ROWS[1:])), tmp_path)
    assert path.name == "20261120T060000Z.json"
    assert store.read_snapshot(tmp_path) == replace(WHOLE, rows=(row, *ROWS[1:]))
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(ROWS) + 2


def test_a_half_written_or_foreign_file_is_named(tmp_path: Path) -> None:
    path, text = tmp_path / "a.json", store.encode(WHOLE)
    for wrong, message in (
        (text[: len(text) // 2], "breaks off"),
        ("", "breaks off"),
        ('{"for', "breaks off"),
        ("repositories: []", "no JSON"),
        ("[]", "is not a snapshot"),
        (text.replace('"format": 1', '"format": 2'), "has format 2"),
        (text.replace('"kind":"none"', '"kind":"x"', 1), "r00 has the kind x"),
        (text.replace('"errors":3', '"errors":"three"'), r"rows\.3\.errors"),
    ):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(TdspError, match=message):
            store.read_snapshot(path)
    with pytest.raises(TdspError, match="has no snapshot yet"):
        store.read_snapshot(_empty(tmp_path))


def _empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def test_a_failed_write_leaves_the_old_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one line, and nothing is lost."""
    path = store.save(WHOLE, tmp_path)

    def full(handle: int, *words: object, **more: object) -> object:
        os.close(handle)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", full)
        with pytest.raises(TdspError, match="No space left on device"):
            store.save(replace(WHOLE, rows=()), tmp_path)
    assert store.read_snapshot(path) == WHOLE
    assert list(tmp_path.iterdir()) == [path]


def test_a_second_run_is_kept_out_and_a_stale_lock_is_taken(tmp_path: Path) -> None:
    with (
        store.locked(tmp_path),
        pytest.raises(TdspError, match=f"process {os.getpid()}"),
        store.locked(tmp_path),
    ):
        pass
    assert not (tmp_path / "lock").exists()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    import socket

    (tmp_path / "lock").write_text(f"{socket.gethostname()} {ended.pid}")
    with store.locked(tmp_path):
        pass
    (tmp_path / "lock").write_text("elsewhere 12")
    with pytest.raises(TdspError, match=r"on elsewhere.*remove"), store.locked(tmp_path):
        pass


def test_a_time_is_in_utc() -> None:
    assert store.taken("2026-11-20 07:00:00+01:00") == TIME
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", store.taken())
    for wrong in ("2026-11-20T06:00:00", "today"):
        with pytest.raises(TdspError, match="--taken"):
            store.taken(wrong)


def test_the_trend_knows_what_was_not_judged() -> None:
    """Shares are of what was judged; without any, they are not known."""
    rows = (
        replace(ROWS[1], current=True, maturity={"A": 2, "B": 1, "Google": 0}),
        replace(ROWS[2], current=False, maturity={"A": 3}),
        replace(ROWS[3], group="h"), replace(ROWS[4], state="failed", errors=0, group=""),
    )  # fmt: skip
    later = replace(WHOLE, taken="2026-11-27T06:00:00Z", rows=rows)
    found = store.trend([later, WHOLE])
    assert [(each.taken[:10], each.group) for each in found] == [
        ("2026-11-20", ""), ("2026-11-20", "g"), ("2026-11-27", ""), ("2026-11-27", "g"),
        ("2026-11-27", "h"),
    ]  # fmt: skip
    every, group = found[2], found[4]
    assert (every.current, every.level, every.errors, every.failed) == (0.5, 2.0, 6, 1)
    assert (group.current, group.level) == (None, None)


def test_the_command_trend_leaves_a_broken_snapshot_out(tmp_path: Path) -> None:
    store.save(WHOLE, tmp_path)
    assert CliRunner().invoke(app, ["trend", str(tmp_path)]).exit_code == 0
    (tmp_path / "z.json").write_text("{")
    done = CliRunner().invoke(app, ["trend", str(tmp_path), "--format", "json"])
    assert (done.exit_code, "left out" in done.output, TIME in done.output) == (3, True, True)
    assert CliRunner().invoke(app, ["trend", str(_empty(tmp_path))]).exit_code == 4


@pytest.mark.parametrize("total", [1, 2, 7, 50])
def test_shards_merged_equal_the_whole(total: int) -> None:
    """Byte for byte, in whatever order they come; some shards may be empty."""
    some = parts(total)
    assert sum(len(each.rows) for _, each in some) == len(ROWS)
    assert store.encode(shards.merge(some[::-1])) == store.encode(WHOLE)


def test_a_shard_does_not_depend_on_the_list() -> None:
    """The hash is fixed: a change of it would send every repository elsewhere."""
    assert [shards.of(f"org/{n}", 16) for n in range(6)] == [9, 15, 10, 3, 10, 4]


def test_what_does_not_fit_together_is_refused() -> None:
    three = parts(3)
    row = next(row for row in ROWS if shards.of(row.name, 3) != 1)
    first = three[0][1]
    for wrong, message in (
        ([], "nothing to merge"),
        (three[:2], "missing: 3"),
        ([*three, three[0]], "both shard 1/3"),
        ([("w.json", WHOLE), *three[1:]], "w.json is a whole snapshot"),
        ([("x.json", replace(first, taken="2026-11-21T06:00:00Z")), *three[1:]], "taken is"),
        ([("x.json", replace(first, fleet="g")), *three[1:]], "fleet is"),
        ([("x.json", replace(first, shards=4)), *three[1:]], "shards is"),
        ([("x.json", replace(first, rows=(row,))), *three[1:]], "is not of it"),
    ):
        with pytest.raises(TdspError, match=message):
            shards.merge(wrong)


def test_a_shard_is_told_or_found() -> None:
    """Kubernetes and Slurm count from 0, GitLab and Azure from 1."""
    assert shards.shard("") is None
    assert shards.shard("3/16") == Shard(3, 16)
    for env, wanted in (
        ({"JOB_COMPLETION_INDEX": "0", "FLEET_SHARDS": "4"}, Shard(1, 4)),
        ({"CI_NODE_INDEX": "4", "CI_NODE_TOTAL": "4"}, Shard(4, 4)),
        ({"SYSTEM_JOBPOSITIONINPHASE": "2", "SYSTEM_TOTALJOBSINPHASE": "4"}, Shard(2, 4)),
        ({"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "2"},
         Shard(4, 4)),
    ):  # fmt: skip
        assert shards.shard("auto", env) == wanted
    for text, given in (
        ("0/4", {}), ("5/4", {}), ("1-4", {}), ("auto", {}), ("auto", {"CI_NODE_INDEX": "1"}),
        ("auto", {"CI_NODE_INDEX": "5", "CI_NODE_TOTAL": "4"}),
        ("auto", {"CI_NODE_INDEX": "a", "CI_NODE_TOTAL": "4"}),
    ):  # fmt: skip
        with pytest.raises(TdspError, match="--shard"):
            shards.shard(text, given)


def test_two_shards_of_real_repositories_equal_one_run(tmp_path: Path) -> None:
    """The commands themselves: status twice, merge, and status once."""
    for name in ("a", "b", "c", "d"):
        commit(tmp_path / name, {"a.py": TRAINS.replace("x", name)})
    (tmp_path / "plain").mkdir()
    (tmp_path / "fleet.yml").write_text("repositories: [a, b, c, d, plain]\n")
    journal = Journal(tmp_path / ".fleet/update", '["t", "v2"]')  # which all shards have to see
    for name, state in (("a", "requested"), ("b", "conflict"), ("c", "pushed")):
        journal.save(Record(name, "", state=state, request="https://h.example/1"), "x")
    journal.close()

    def ended(*words: str) -> int:
        return CliRunner().invoke(app, [*words]).exit_code

    judge = ["status", str(tmp_path / "fleet.yml"), "--workers", "1"]
    assert ended(*judge, "--shard", "1/2") == 2
    taken = ["--taken", TIME]
    for index in (1, 2):
        own = ["--shard", f"{index}/2", "--output", str(tmp_path / f"{index}.json")]
        assert ended(*judge, *taken, *own) in {0, 3}
    assert ended(*judge, *taken, "--output", str(tmp_path / "one.json")) == 3
    assert ended(*judge, "--only", "a") == 0
    assert not (tmp_path / "snapshots").exists()
    rows = {row.name: row for row in store.read_snapshot(tmp_path / "one.json").rows}
    assert rows["a"].request
    assert [row.pending.state for row in rows.values() if row.pending] == ["conflict", "pushed"]
    some = [str(tmp_path / "2.json"), str(tmp_path / "1.json")]
    assert ended("merge", *some, "--output", str(tmp_path / "merged.json")) == 3
    assert (tmp_path / "merged.json").read_bytes() == (tmp_path / "one.json").read_bytes()
    assert ended("merge", some[0], "--output", str(tmp_path / "half.json")) == 2
    assert not (tmp_path / "half.json").exists()


def made(platform: str, count: int = 3) -> list[dict[str, object]]:
    """Return the documents of a platform's file."""
    return list(yaml.safe_load_all(matrix.matrix(platform, count, "fleet.yml")))


def test_matrices_name_each_shard_once() -> None:
    """By a list on GitHub; by the platform's own count on the others."""
    text = matrix.matrix("github", 3, "fleet.yml")
    (github,) = made("github")
    assert github["jobs"]["judge"]["strategy"]["matrix"]["shard"] == [1, 2, 3]
    assert "--shard $SHARD/3" in text
    (gitlab,) = made("gitlab")
    assert gitlab["judge"]["parallel"] == 3
    assert "parallel" not in made("gitlab", 1)[0]["judge"]  # GitLab refuses 1
    (azure,) = made("azure")
    assert azure["jobs"][0]["strategy"] == {"parallel": "3"}
    (job,) = made("kubernetes")
    assert (job["spec"]["completionMode"], job["spec"]["completions"]) == ("Indexed", 3)
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "FLEET_SHARDS", "value": "3"} in env
    for platform in ("github", "gitlab", "azure", "kubernetes"):
        said = matrix.matrix(platform, 3, "fleet.yml")
        assert "*id0" not in said
        assert "--taken" in said


@pytest.mark.parametrize(("platform", "most"), [("github", 256), ("gitlab", 200), ("azure", 256)])
def test_matrices_keep_the_limits_of_the_platform(platform: str, most: int) -> None:
    assert matrix.matrix(platform, most, "fleet.yml")
    done = CliRunner().invoke(app, ["matrix", "--platform", platform, "--shards", str(most + 1)])
    assert (done.exit_code, f"takes 1 to {most} jobs" in done.output) == (2, True)


def test_actions_are_pinned_as_the_template_pins_them() -> None:
    """So that one update of pins finds all of them."""
    workflows = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "template/.github").rglob("*.yml*")
    )
    for name, pin in matrix.PINS.items():
        assert f"{name}@{pin}" in workflows
        assert f"uses: {name}@{pin}\n" in matrix.matrix("github", 2, "fleet.yml")
