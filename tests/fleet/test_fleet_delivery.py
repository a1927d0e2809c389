"""Runs, promotions, rollbacks and releases: from the registry's record in git, and from tags."""

import json
from datetime import date
from pathlib import Path

import pytest
from tests.fleet.repositories import commit, git, run

from tdsp.fleet.config import read_fleet
from tdsp.fleet.delivery import RELEASE, Event, delivery
from tdsp.fleet.snapshot import Row

GATE = '{"model_id": "m1", "passed": true}'


def registry(made: str) -> str:
    """What `models --json` of a project prints."""
    lineage = {"code": {"git_commit": made, "git_dirty": False}, "data": {"data_md5": "d"}}
    version = {"number": "1", "model_id": "m1", "aliases": ["champion"]}
    change = {"version": "1", "model_id": "m1", "by": "ann", "reason": "better", "checks": []}
    return json.dumps(
        {
            "versions": [
                {**version, "created_at": "2026-11-06T12:00:00.000+00:00", "lineage": lineage}
            ],
            "history": [
                {**change, "kind": "promotion", "at": "2026-11-07T12:00:00+00:00"},
                {**change, "kind": "rollback", "at": "2026-11-08T12:00:00+00:00"},
            ],
        }
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the registry's record, one with release tags only, and what is odd."""
    root = tmp_path_factory.mktemp("delivery")
    first = commit(root / "record", {"reports/gate.json": GATE, "dvc.lock": "a: 1\n"}, "2026-11-05")
    commit(root / "record", {"reports/registry.json": registry(first)}, "2026-11-09")
    commit(root / "tags", {"dvc.lock": "a: 1\n"}, "2026-11-02")
    commit(root / "tags", {"README.md": "more\n"}, "2026-11-03")
    git(root / "tags", "tag", "-a", "-m", "one", "v1.0.0", day="2026-11-04")
    git(root / "tags", "tag", "other-2", day="2026-11-05")
    git(root / "tags", "pack-refs", "--all")
    commit(root / "software", {"index.js": "1\n"}, "2026-11-02")
    git(root / "software", "tag", "v3.0.0", day="2026-11-04")
    odd = '{"versions": [3, {"lineage": [], "created_at": 4}], "history": 1}'
    commit(root / "odd", {"reports/registry.json": odd, "reports/trail.json": "3"})
    return root


def rows(place: Path, tmp_path: Path, lines: list[str], more: str = "") -> dict[str, Row]:
    (tmp_path / "fleet.yml").write_text(
        "repositories:\n" + "".join(f"  - {line}\n" for line in lines) + more, encoding="utf-8"
    )
    return {row.name: row for row in run(read_fleet(tmp_path / "fleet.yml")).rows}


def test_local_repositories_tell_all_that_they_know(place: Path, tmp_path: Path) -> None:
    found = rows(place, tmp_path, [f"{{glob: '{place}/*'}}"])
    one = found["record"]
    assert one.delivery is not None
    assert (one.delivery.lead_time_hours, one.delivery.promotions) == (48.0, 1)
    assert one.delivery.rolled_back == 1.0
    assert (one.last_run, one.last_release) == ("2026-11-06", "")
    two = found["tags"]
    assert (two.last_run, two.last_release, two.release) == ("2026-11-02", "2026-11-04", "v1.0.0")
    assert two.delivery is not None
    assert (two.delivery.lead_time_hours, two.delivery.promotions) == (48.0, 1)
    assert two.delivery.rolled_back is None, "a tag tells of no rollback"
    three = found["software"]
    assert (three.delivery, three.last_run, three.release) == (None, "", "v3.0.0")
    assert (found["odd"].state, found["odd"].delivery) == ("ok", None)


def test_a_clone_knows_the_history_when_it_is_asked_for(place: Path, tmp_path: Path) -> None:
    lines = [f"{{url: 'file://{place / 'tags'}', name: tags}}"]
    one = rows(place, tmp_path, lines)["tags"]
    assert (one.delivery, one.last_run, one.release) == (None, "", "")
    for _ in range(2):  # the clone that is there is deepened, and then kept up to date
        one = rows(place, tmp_path, lines, "history: true\n")["tags"]
        assert (one.last_run, one.last_release, one.release) == (
            "2026-11-02", "2026-11-04", "v1.0.0",
        )  # fmt: skip
        assert one.delivery is not None
        assert one.delivery.lead_time_hours == 48.0
    again = rows(place, tmp_path, lines)["tags"]
    assert again.state == "ok"


def test_tags_of_hostile_names_and_values_are_left_out(tmp_path: Path) -> None:
    made = commit(tmp_path / "hostile", {"dvc.lock": "a: 1\n"})
    tags = tmp_path / "hostile/.git/refs/tags"
    for name, value in (("v1 ok", made), ("v2..x", made), ("v3", "zz"), ("v4.lock", made)):
        (tags / name).write_text(f"{value}\n", encoding="utf-8")
    (tags / "v5").symlink_to("/etc/passwd")
    (tags / "v6").mkdir()
    assert rows(tmp_path, tmp_path, ["hostile"])["hostile"].release == ""
    (tags / "v7").write_text(f"{made}\n", encoding="utf-8")
    found = rows(tmp_path, tmp_path, ["hostile"], "cache: other\n")["hostile"]
    assert (found.state, found.release, found.last_release) == ("ok", "v7", "2026-11-01")


def test_a_record_comes_before_tags() -> None:
    tag = Event("2026-11-04T12:00:00+00:00", RELEASE, "a" * 40, 5.0, "v1")
    promoted = Event("2026-11-03T12:00:00+00:00", "promotion", "b" * 40, 7.0)
    today = date(2026, 11, 20)
    both = delivery([tag, promoted], today)
    assert both is not None
    assert (both.lead_time_hours, both.promotions, both.rolled_back) == (7.0, 1, 0.0)
    assert delivery([Event(tag.at, RELEASE, "", None, "v1")], today) is None
    assert delivery([], today) is None
