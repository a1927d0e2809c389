"""What one repository may cost the others: when it is fetched, when it is read, when it hangs."""

import os
import subprocess
import time
from datetime import date
from pathlib import Path

import pytest
from tests.fleet.repositories import TRAINS, commit, git, run

from tdsp.fleet import judge, store
from tdsp.fleet.config import read_fleet
from tdsp.fleet.fetch import Fetched, cause, fetch_all
from tdsp.fleet.status import _Run
from tdsp.fleet.template import Releases

GATE = '{"passed": true, "model_id": "abc123"}'


def test_a_repository_that_takes_too_long_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit rings inside of whatever is at work, and is said."""
    commit(tmp_path / "a", {"a.py": TRAINS})
    monkeypatch.setattr(judge, "read_git", lambda *words: time.sleep(30))
    order = judge.Order("a", str(tmp_path / "a"), "HEAD", "", Releases(), "t", True, 1, date.max)
    assert judge.judge(order) == "it was not judged after 1 seconds, the limit for one repository"


@pytest.mark.parametrize("end", ["os._exit(9)", "hang()"])
def test_a_process_that_dies_or_hangs_costs_only_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """All others are judged, most of them together; it is judged alone, once, and is a row."""
    names = [f"r{number}" for number in range(8)]
    for name in names:
        commit(tmp_path / name, {"a.py": TRAINS})
    (tmp_path / "fleet.yml").write_text(f"repositories: [{', '.join(names)}]\nseconds: 30\n")
    helper = tmp_path / "helper"
    helper.mkdir()
    # A signal is held back, as by code that is not Python; only the second clock can end it.
    (helper / "sitecustomize.py").write_text(
        "import os, signal, time\n"
        "import tdsp.fleet.judge as judge\n"
        "from dataclasses import replace\n"
        "real, judge.GRACE = judge._judge, 1\n"
        "def hang():\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n    time.sleep(60)\n"
        "def die(order):\n"
        f"    if order.name == 'r1':\n        {end}\n"
        "    return real(order)\n"
        "judge._judge = die\n"
        "limit = judge._limit\n"
        "judge._limit = lambda seconds: limit(2)\n"
        if end == "hang()"
        else "import os\n"
        "import tdsp.fleet.judge as judge\n"
        "real = judge._judge\n"
        "def die(order):\n"
        f"    if order.name == 'r1':\n        {end}\n"
        "    return real(order)\n"
        "judge._judge = die\n"
    )
    paths = [str(helper), str(Path(store.__file__).parents[2])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    alone: list[str] = []
    real = _Run._alone

    def counting(self: _Run, each: Fetched) -> object:
        alone.append(each.target.name)
        return real(self, each)

    monkeypatch.setattr(_Run, "_alone", counting)
    found = run(read_fleet(tmp_path / "fleet.yml"))
    assert [each.name for each in found.rows if each.state == "failed"] == ["r1"]
    assert found.rows[1].reason == "reading it ended the process that read it"
    assert "r1" in alone
    assert "r7" not in alone


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


def test_a_large_file_is_not_fetched(tmp_path: Path) -> None:
    """It is missing in the clone, nothing fetches it later, and the row says all else."""
    source = tmp_path / "source"
    commit(source, {"a.py": TRAINS, "large.bin": os.urandom(2_000_000)})
    git(source, "config", "uploadpack.allowFilter", "true")
    (tmp_path / "fleet.yml").write_text(f"repositories: ['file://{source}']\n")
    fleet = read_fleet(tmp_path / "fleet.yml")
    (found,) = run(fleet).rows
    assert (found.state, found.kind, found.committed) == ("ok", "none", "2026-11-01")
    (clone,) = (tmp_path / ".fleet/clones").iterdir()
    listed = git(clone, "rev-list", "--objects", "--missing=print", "refs/heads/fleet")
    assert [line for line in listed.splitlines() if line.startswith("?")]


def test_a_model_without_history_has_the_day_that_it_was_seen(tmp_path: Path) -> None:
    """At first nobody knows; a model that changes between two runs has the commit's day."""
    source = tmp_path / "source"
    commit(source, {"a.py": TRAINS, "reports/gate.json": GATE})
    (tmp_path / "fleet.yml").write_text(f"repositories: ['file://{source}']\n")
    fleet = read_fleet(tmp_path / "fleet.yml")
    days = []
    for number, day in ((1, "2026-11-02"), (2, "2026-11-03"), (2, "2026-11-04")):
        gate = GATE.replace("abc123", f"model{number}")
        commit(source, {"reports/gate.json": gate, "note.md": day}, day)
        (found,) = run(fleet).rows
        assert found.model is not None
        days.append((found.model.version, found.model.trained))
    assert days == [("model1", ""), ("model2", "2026-11-03"), ("model2", "2026-11-03")]


def test_a_remote_that_is_gone_empty_or_slow(tmp_path: Path) -> None:
    """Each has its line, and no prompt is waited for."""
    commit_, reason = remote(tmp_path, f"file://{tmp_path}/none")
    assert (commit_, "no repository at its address" in reason) == ("", True)
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "-q", "--bare")
    assert remote(tmp_path, f"file://{tmp_path}/empty") == ("", "the repository has no commit yet")
    assert "cannot be reached" in remote(tmp_path, "https://localhost:1/o/n")[1]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("fatal: could not read Username for 'https://h': terminal prompts disabled", "no access"),
        ("fatal: unable to access 'https://h/a/': The requested URL returned error: 403", "no acc"),
        ("remote: Invalid credentials\nfatal: Authentication failed for 'https://h/a/'", "expired"),
        ("git@h: Permission denied (publickey).", "no access"),
        ("remote: Repository not found.\nfatal: repository 'https://h/a/' not found", "renamed"),
        ("fatal: unable to access 'https://h/404/': Could not resolve host: h", "no network"),
        ("fatal: unable to access 'https://h/a/': Failed to connect to h port 443", "no network"),
        (
            "fatal: unable to access 'https://h/a/': The requested URL returned error: 429",
            "to wait",
        ),
        ("fatal: unable to access 'https://h/a/': The requested URL returned error: 503", "later"),
        ("fatal: unable to access 'https://h/': SSL certificate problem: self-signed", "trusted"),
        ("error: unable to write file: No space left on device", "the disk is full"),
        ("fatal: something \x1b[31mnew", "something  [31mnew"),
        ("", "git failed"),
    ],
)
def test_what_git_says_becomes_one_line(said: str, told: str) -> None:
    """Private, renamed, expired, no network, a busy server, a full disk: each has its own."""
    found = cause(said)
    assert told in found
    assert found.isprintable()


def test_a_fetch_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git and what it has started are ended; the clone that is there stays for the next run."""
    wait = tmp_path / "wait"
    wait.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    wait.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(wait))
    (tmp_path / "fleet.yml").write_text("repositories: ['ssh://host.invalid/o/n']\n")
    fleet = read_fleet(tmp_path / "fleet.yml")
    for _ in range(2):
        (found,) = fetch_all(fleet.repositories(), fleet.cache, 2, 2)
        assert found.reason == "it was not here after 2 seconds, the limit for one repository"
        assert ended(int((tmp_path / "pid").read_text()))
    assert len(list((tmp_path / ".fleet/clones").iterdir())) == 1


def ended(process: int) -> bool:
    """Tell whether a process has ended within some seconds, whoever waits for it."""
    for _ in range(50):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
        ).stdout.strip()
        if not state or state.startswith("Z"):
            return True
        time.sleep(0.1)
    return False


def test_nothing_of_a_repository_is_run(tmp_path: Path) -> None:
    """Hooks, filters and settings of a local repository do nothing."""
    source, mark = tmp_path / "source", tmp_path / "mark"
    commit(source, {"a.py": TRAINS, ".gitattributes": "* filter=evil diff=evil\n"})
    for key in ("filter.evil.smudge", "core.fsmonitor", "core.sshCommand", "gpg.program",
                "diff.evil.command", "core.pager"):  # fmt: skip
        git(source, "config", key, f"touch {mark}")
    git(source, "config", "log.showSignature", "true")
    subprocess.run(["git", "status"], cwd=source, capture_output=True, check=False)
    assert mark.exists()  # so the trap is one
    mark.unlink()
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


def test_a_newest_commit_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A branch names it, and its object is damaged."""
    made = commit(tmp_path / "a", {"a.py": "x = 1\n"})
    commit(tmp_path / "b", {"b.py": "x = 1\n"})
    place = tmp_path / "a/.git/objects" / made[:2] / made[2:]
    place.chmod(0o600)
    place.write_bytes(b"bad")
    (tmp_path / "fleet.yml").write_text("repositories: [a, b]\n")
    broken, sound = run(read_fleet(tmp_path / "fleet.yml")).rows
    assert broken.reason.startswith(f"its newest commit {made[:12]} cannot be read")
    assert "damaged" in broken.reason
    assert sound.state == "ok"
