"""Pushes and requests against stand-ins of the platforms' command lines."""

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import git
from tests.fleet.updates import branches, commit, write

from tdsp.errors import TdspError
from tdsp.fleet.pace import Pace
from tdsp.fleet.platforms import Azure, GitHub, GitLab, SignInError, platform_of
from tdsp.fleet.publish import Publisher
from tdsp.fleet.render import Goal
from tdsp.fleet.room import RepositoryError, Room
from tdsp.fleet.state import WORK, Journal, Record
from tdsp.fleet.template import Releases

STANDIN = Path(__file__).with_name("standin.py")
URLS = {
    "github": "https://github.com/org/churn",
    "gitlab": "https://gitlab.com/org/churn.git",
    "azure": "https://dev.azure.com/org/data/_git/churn",
}
BASES = {
    "github": "https://github.com/org/",
    "gitlab": "https://gitlab.com/org/",
    "azure": "https://dev.azure.com/org/data/_git/",
}
KEY = json.dumps(["/template", "v0.3.0"])
GOAL = Goal(Releases(), "v0.3.0", (), "2026-01-02T03:04:05+00:00", ("Tests", "t@example.com"))


class World:
    """A remote that three platforms would serve, and one repository that is rendered."""

    def __init__(self, place: Path, kind: str) -> None:
        self.place, self.kind = place, kind
        self.standin = place / "standin"
        tree = place / "tree"
        write(tree, {"a.txt": "a\n"})
        git(tree, "init", "--quiet", "--initial-branch=main")
        self.base = commit(tree)
        self.remote = self.standin / "remotes" / "churn.git"
        self.remote.parent.mkdir(parents=True)
        git(place, "clone", "--quiet", "--bare", str(tree), str(self.remote))
        self.journal = Journal(place / "state", KEY)
        self.slept: list[float] = []
        self.clock = [1_000_000.0]

    def record(self, content: str = "b\n") -> Record:
        room = Room.new(self.journal.folder / WORK, "churn", 60)
        base = room.clone(URLS[self.kind], "main")
        room.git("checkout", "--quiet", "-b", GOAL.branch, base)
        write(room.tree, {"a.txt": content})
        room.git("commit", "--quiet", "--all", "--message=update", extra={
            "GIT_AUTHOR_DATE": GOAL.started, "GIT_COMMITTER_DATE": GOAL.started,
        })  # fmt: skip
        made = room.git("rev-parse", "HEAD").strip()
        record = Record(
            "churn", URLS[self.kind], state="rendered", before="v0.1.0", base=base, onto="main",
            branch=GOAL.branch, commit=made, folder=room.folder.name, files=("M a.txt",),
        )  # fmt: skip
        return self.journal.save(record, "rendered")

    def publisher(self, draft: bool = False) -> Publisher:
        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.clock[0] += seconds

        pace = Pace(1, 0, [], lambda: self.clock[0], sleep)
        return Publisher(self.journal, GOAL, pace, 60, "auto", draft, sleep)

    def mode(self, text: str) -> None:
        (self.standin / "mode").write_text(text, encoding="utf-8")

    def calls(self, verb: str) -> int:
        path = self.standin / "calls"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return sum(verb in json.loads(line) for line in lines)

    def request(self, **changes: str) -> dict[str, str]:
        path = self.standin / "requests" / "churn.json"
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        if changes:
            path.write_text(json.dumps(found | changes), encoding="utf-8")
        return found


@pytest.fixture(params=["github", "gitlab", "azure"])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    world = World(tmp_path, request.param)
    install(world.standin, monkeypatch)
    yield world
    world.journal.close()


def install(standin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-ins on the path, and let the platforms' addresses mean local folders."""
    tools = standin / "bin"
    tools.mkdir()
    for name in ("gh", "glab", "az"):
        path = tools / name
        path.write_text(f"#!{sys.executable} -IS\n" + STANDIN.read_text(encoding="utf-8"))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    config = standin / "gitconfig"
    lines = [f'[url "file://{standin / "remotes"}/"]']
    lines += [f"\tinsteadOf = {base}" for base in BASES.values()]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("STANDIN", str(standin))
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))


def test_a_branch_and_one_request_are_made_once(world: World) -> None:
    done = world.publisher(draft=True).publish(world.record())
    assert done.state == "requested"
    assert branches(world.remote)[GOAL.branch] == done.commit
    made = world.request()
    assert (made["onto"], made["branch"], made["draft"]) == ("main", GOAL.branch, "true")
    assert made["title"] == "Update: template v0.3.0"
    assert "v0.1.0 to v0.3.0" in made["body"]
    assert "* changed: a.txt" in made["body"]
    again = world.publisher().publish(replace(done, state="rendered"))
    assert again.request == done.request
    assert world.calls("create") == 1


def test_a_request_that_came_through_unheard_is_found(world: World) -> None:
    """The answer to `create` was lost: the next run finds the request and makes no second."""
    record = world.record()
    world.mode("lost")
    first = world.publisher().publish(record)
    assert first.state == "pushed"
    assert "connection" in first.reason
    world.mode("ok")
    done = world.publisher().publish(world.journal.records()["churn"])
    assert (done.state, done.reason) == ("requested", "")
    assert world.calls("create") == 1


def test_a_request_that_the_platform_has_already_is_taken(world: World) -> None:
    record = world.record()
    done = world.publisher().publish(record)
    publisher = world.publisher()
    platform = platform_of(record.source, "auto", world.place)
    assert platform is not None
    taken = publisher._request(replace(done, state="pushed", request=""), platform)
    assert taken.request == done.request
    assert world.calls("create") == 2  # asked, and refused


class KilledError(BaseException):
    """Stands for the end of the process."""


class Mortal(Journal):
    """A journal whose process ends at one of its writes: just before it, or just after."""

    left = 0
    late = False

    def _write(self, record: Record, step: str, result: str, key: str = "") -> None:
        self.left -= 1
        if self.left == 0 and not self.late:
            raise KilledError
        super()._write(record, step, result, key)
        if self.left == 0:
            raise KilledError


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("write_number", [1, 2, 3, 4])
def test_an_end_at_each_record_loses_and_doubles_nothing(
    world: World, write_number: int, late: bool
) -> None:
    record = world.record()
    mortal = Mortal(world.journal.folder, KEY)
    mortal.left, mortal.late = write_number, late
    world.journal, alive = mortal, world.journal
    with pytest.raises(KilledError):
        world.publisher().publish(record)
    world.journal = alive
    found = alive.records()["churn"]
    done = world.publisher().publish(found) if found.state != "requested" else found
    assert (done.state, done.doing) == ("requested", "")
    assert branches(world.remote)[GOAL.branch] == record.commit
    assert world.calls("create") == 1
    mortal.close()


def test_the_platforms_wait_is_kept(world: World) -> None:
    world.mode("limited 2 17")
    done = world.publisher().publish(world.record())
    assert done.state == "requested"
    assert world.slept.count(17) == 2
    assert world.calls("create") == 3


def test_a_platform_that_never_stops_asking_to_wait_leaves_the_branch_for_later(
    world: World,
) -> None:
    world.mode("limited 99 1")
    done = world.publisher().publish(world.record())
    assert done.state == "pushed"
    assert "asks to wait" in done.reason
    world.mode("ok")
    assert world.publisher().publish(done).state == "requested"


def test_an_expired_token_stops_before_anything_is_pushed(world: World) -> None:
    record = world.record()
    world.mode("expired")
    with pytest.raises(SignInError, match="login"):
        world.publisher().publish(record)
    assert list(branches(world.remote)) == ["main"]
    assert world.journal.records()["churn"].state == "rendered"


def test_a_missing_command_line_stops_before_anything_is_pushed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = world.record()
    shutil.rmtree(world.standin / "bin")
    with pytest.raises(SignInError, match="not installed"):
        world.publisher().publish(record)
    assert list(branches(world.remote)) == ["main"]


@pytest.mark.parametrize(
    ("state", "green", "wanted"),
    [
        ("merged", "true", ("merged", True)),
        ("closed", "true", ("skipped", None)),
        ("open", "false", ("requested", False)),
        ("open", "", ("requested", None)),
        ("open", "true", ("requested", True)),
    ],
)
def test_what_came_of_a_request_is_asked(
    world: World, state: str, green: str, wanted: tuple[str, bool | None]
) -> None:
    done = world.publisher().publish(world.record())
    world.request(state=state, green=green)
    found = world.publisher().refresh(done)
    assert found.state == wanted[0]
    if found.state == "requested":
        assert found.green is wanted[1]
    if state == "closed":
        assert "closed" in found.reason


def test_a_branch_of_somebody_else_is_left_alone(world: World) -> None:
    record = world.record()
    other = commit_on(world, GOAL.branch)
    done = world.publisher().publish(record)
    assert done.state == "failed"
    assert "other commits" in done.reason
    assert branches(world.remote)[GOAL.branch] == other
    assert world.calls("create") == 0


def commit_on(world: World, branch: str) -> str:
    tree = world.place / f"other-{branch.replace('/', '-')}"
    git(world.place, "clone", "--quiet", str(world.remote), str(tree))
    write(tree, {"b.txt": "theirs\n"})
    made = commit(tree)
    git(tree, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
    return made


def test_the_same_files_of_a_lost_state_are_taken_for_ours(world: World) -> None:
    world.publisher().publish(world.record())
    (world.standin / "requests" / "churn.json").unlink()
    fresh = Journal(world.place / "second", KEY)
    world.journal = fresh
    late = replace(GOAL, started="2026-05-05T05:05:05+00:00")
    record = world.record()
    room = Room(fresh.folder / WORK / record.folder, 60)
    dates = {f"GIT_{who}_DATE": late.started for who in ("AUTHOR", "COMMITTER")}
    room.git("commit", "--quiet", "--amend", "--no-edit", f"--date={late.started}", extra=dates)
    other = room.git("rev-parse", "HEAD").strip()
    assert other != record.commit
    before = branches(world.remote)
    done = world.publisher().publish(replace(record, commit=other))
    assert done.state == "requested"
    assert branches(world.remote) == before
    fresh.close()


def test_a_default_branch_that_was_forced_elsewhere_is_rendered_anew(world: World) -> None:
    record = world.record()
    git(world.remote, "update-ref", "refs/heads/main", commit_on(world, "away"))
    done = world.publisher().publish(record)
    assert (done.state, done.commit) == ("listed", "")
    assert GOAL.branch not in branches(world.remote)


def test_a_server_that_refuses_the_push_is_quoted(world: World) -> None:
    hook = world.remote / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho names must start with team/ >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    done = world.publisher().publish(world.record())
    assert "names must start with team/" in done.reason
    assert world.calls("create") == 0
    hook.unlink()
    assert world.publisher().publish(done).state == "requested"


def earlier(world: World, version: str, data: tuple[tuple[str, str], ...] = ()) -> Record:
    """Make the request of an earlier update in the same state."""
    goal = replace(GOAL, version=version, data=data)
    journal = Journal(world.journal.folder, json.dumps(["/template", version, *data]))
    room = Room.new(journal.folder / WORK, "churn", 60)
    base = room.clone(URLS[world.kind], "main")
    room.git("checkout", "--quiet", "-b", goal.branch, base)
    write(room.tree, {"a.txt": f"{version}{data}\n"})
    room.git("commit", "--quiet", "--all", "--message=update")
    made = room.git("rev-parse", "HEAD").strip()
    record = Record(
        "churn", URLS[world.kind], state="rendered", before="v0.1.0", base=base, onto="main",
        branch=goal.branch, commit=made, folder=room.folder.name, files=("M a.txt",),
    )  # fmt: skip
    publisher = replace(world.publisher(), journal=journal, goal=goal)
    done = publisher.publish(journal.save(record, "rendered"))
    journal.close()
    assert done.state == "requested", done.reason
    return done


def states(world: World) -> dict[str, str]:
    """Branch -> state of its request."""
    paths = sorted((world.standin / "requests").glob("*.json"))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {each["branch"].removeprefix("tdsp/update-"): each["state"] for each in found}


def test_an_open_request_of_an_earlier_release_is_superseded(world: World) -> None:
    old = earlier(world, "v0.2.0")
    other = earlier(world, "v0.2.0", (("level", "govern"),))
    done = world.publisher().publish(world.record())
    assert done.state == "requested", done.reason
    assert done.request != old.request
    wanted = {"v0.2.0": "closed", "v0.2.0-level-govern": "open", "v0.3.0": "open"}
    assert states(world) == wanted, "an update of an answer goes on beside that of the release"
    ((_, left),) = world.journal.others("churn")
    assert left.request == other.request
    again = world.publisher().refresh(done)
    assert (again.state, world.calls("create"), states(world)) == ("requested", 3, wanted)
    # An older release does not close a newer one's request.
    assert earlier(world, "v0.1.5").state == "requested"
    assert states(world)["v0.3.0"] == "open"


def test_a_superseded_request_that_a_kill_has_left_open_is_closed_next(world: World) -> None:
    old = earlier(world, "v0.2.0")
    record = world.record()
    quiet = replace(world.publisher(), goal=replace(GOAL, version="v0.1.0"))  # supersedes nothing
    done = quiet.publish(record)
    assert states(world) == {"v0.2.0": "open", "v0.3.0": "open"}
    assert world.publisher().refresh(done).state == "requested"
    assert states(world) == {"v0.2.0": "closed", "v0.3.0": "open"}
    assert branches(world.remote)[old.branch] == old.commit


def test_a_request_that_a_team_works_on_stays_open(world: World) -> None:
    old = earlier(world, "v0.2.0")
    tree = world.place / "theirs"
    git(world.place, "clone", "--quiet", "--branch", old.branch, str(world.remote), str(tree))
    write(tree, {"theirs.txt": "ours\n"})
    commit(tree)
    git(tree, "push", "--quiet", "origin", old.branch)
    done = world.publisher().publish(world.record())
    assert done.state == "requested"
    assert states(world) == {"v0.2.0": "open", "v0.3.0": "open"}
    said = (world.journal.folder / "audit.jsonl").read_text(encoding="utf-8")
    assert "stays open, for its branch has other commits" in said


@pytest.mark.parametrize(
    "content", ["<<<<<<< before updating\na\n=======\nb\n>>>>>>> after updating\n"]
)
def test_markers_in_a_commit_are_never_pushed(world: World, content: str) -> None:
    done = world.publisher().publish(world.record(content))
    assert done.state == "failed"
    assert "conflict markers" in done.reason
    assert list(branches(world.remote)) == ["main"]


@pytest.mark.parametrize(
    ("url", "kind", "about"),
    [
        ("https://github.com/o/r.git", GitHub, "o/r"),
        ("git@github.com:o/r.git", GitHub, "o/r"),
        ("https://github.example.com/o/r", GitHub, "github.example.com/o/r"),
        ("ssh://git@gitlab.example.com:2222/g/s/r.git", GitLab, "https://gitlab.example.com/g/s/r"),
        ("https://me@dev.azure.com/o/p%20q/_git/r", Azure, "o p q r"),
        ("git@ssh.dev.azure.com:v3/o/p/r", Azure, "o p r"),
        ("https://o.visualstudio.com/DefaultCollection/p/_git/r", Azure, "o p r"),
        ("https://o.visualstudio.com/_git/r", Azure, "o r r"),
    ],
)
def test_a_platform_is_known_by_the_remotes_address(
    url: str, kind: type, about: str, tmp_path: Path
) -> None:
    found = platform_of(url, "auto", tmp_path)
    assert isinstance(found, kind)
    if isinstance(found, Azure):
        organization = found.organization.removeprefix("https://dev.azure.com/")
        assert f"{organization} {found.project} {found.repository}" == about
    else:
        assert isinstance(found, GitHub | GitLab)
        assert found.repository == about


def test_a_server_of_no_known_kind_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="--platform"):
        platform_of("https://code.example.com/o/r", "auto", tmp_path)
    assert isinstance(platform_of("https://code.example.com/o/r", "gitlab", tmp_path), GitLab)
    assert platform_of("https://code.example.com/o/r", "none", tmp_path) is None
    assert platform_of("/srv/git/r.git", "auto", tmp_path) is None


def test_a_full_disk_stops_the_run_though_git_does_not_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room.new(tmp_path / "work", "churn", 60)
    with pytest.raises(RepositoryError):
        room.clone(str(tmp_path / "nothing"), "main")
    monkeypatch.setattr("tdsp.fleet.room.free", lambda _: 4096)
    with pytest.raises(TdspError, match="is full: make room"):
        room.clone(str(tmp_path / "nothing"), "main")


def test_a_full_disk_stops_the_run_with_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    journal = Journal(folder, "key")
    (folder / "audit.jsonl").symlink_to("/dev/full")
    with pytest.raises(TdspError, match="No space left on device"):
        journal.save(Record("churn", "/srv/churn"), "listed")
    assert journal.records() == {}
    journal.close()
