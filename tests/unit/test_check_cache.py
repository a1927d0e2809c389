"""The cache: the same report, whatever happens to its file; never an old one."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import git
from typer.testing import CliRunner

from tdsp.check import memory, run
from tdsp.check.report import as_json
from tdsp.check.rule import CHECKS
from tdsp.check.run import Report, check_folder
from tdsp.cli import app
from tdsp.reading import Known, python
from tdsp.reading import cache as caches
from tdsp.reading.cache import Cache

runner = CliRunner()
LEAK = CHECKS["TR04"].bad["train.py"]
SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TDSP_CACHE", str(tmp_path / "cache" / "tdsp"))
    return tmp_path / "cache" / "tdsp"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository whose files are older than a moment."""
    folder = tmp_path / "work"
    (folder / "src").mkdir(parents=True)
    (folder / "empty" / "inside").mkdir(parents=True)
    (folder / "train.py").write_text(LEAK, encoding="utf-8")
    (folder / "src" / "a.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "bad.yaml").write_text("a: [\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    return folder


class Count:
    """How often files were listed, and checks were run."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.listed = self.judged = 0
        patch.setattr(memory, "RACY", -60.0)
        really, judge = memory.source, memory.check_repository

        def source(root: Path) -> object:
            self.listed += 1
            return really(root)

        def check_repository(*given: object) -> Report:
            self.judged += 1
            return judge(*given)  # type: ignore[arg-type]

        patch.setattr(memory, "source", source)
        patch.setattr(memory, "check_repository", check_repository)

    def __call__(self, folder: Path, commit: str = "") -> tuple[int, int, str]:
        before = self.listed, self.judged
        with Cache() as cache:
            found = check_folder(folder, (), commit, cache)
        assert as_json(found, None) == as_json(check_folder(folder, (), commit), None)
        return self.listed - before[0], self.judged - before[1], found.about.commit


@pytest.fixture
def check(home: Path, monkeypatch: pytest.MonkeyPatch) -> Count:
    return Count(monkeypatch)


def test_what_did_not_change_is_not_read_again(work: Path, check: Count) -> None:
    assert check(work)[:2] == (1, 1)
    assert check(work)[:2] == (0, 0)
    (work / "src" / "a.py").touch()
    assert check(work)[:2] == (1, 0), "the same content is listed, not judged"
    assert check(work)[:2] == (0, 0)


def edit(path: Path) -> None:
    """Change a file, and give it the times and the size that it had."""
    about = path.stat()
    path.write_text(path.read_text(encoding="utf-8").replace("1", "2"), encoding="utf-8")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda work: edit(work / "src" / "a.py"),
        lambda work: (work / "src" / "new.py").write_text("def f(:\n", encoding="utf-8"),
        lambda work: (work / "empty" / "inside" / "new.py").write_text("x = 3\n", encoding="utf-8"),
        lambda work: (work / "src" / "a.py").unlink(),
        lambda work: (work / ".gitignore").write_text("train.py\n", encoding="utf-8"),
        lambda work: git(work, "rm", "-q", "--cached", "train.py"),
    ],
    ids=["same size and time", "new", "new in an empty folder", "gone", "ignored", "not tracked"],
)
def test_a_change_is_seen(change: object, work: Path, check: Count) -> None:
    check(work)
    assert check(work)[:2] == (0, 0)
    change(work)  # type: ignore[operator]
    assert check(work)[:2] == (1, 1)


def test_a_commit_is_seen_and_costs_no_judging(work: Path, check: Count) -> None:
    first = check(work)[2]
    git(work, "commit", "-q", "--allow-empty", "-m", "y")
    _, judged, second = check(work)
    assert judged == 0
    assert second not in {first, ""}


def test_a_file_as_new_as_the_reading_is_not_trusted(
    work: Path, check: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "RACY", 60.0)
    assert check(work)[:2] == (1, 1)
    assert check(work)[:2] == (1, 0)


def test_a_commit_out_of_objects_is_remembered_for_its_clone(work: Path, check: Count) -> None:
    assert check(work, "HEAD")[1] == 1
    assert check(work, "HEAD")[1] == 0
    (work / "src" / "a.py").write_text("def f(:\n", encoding="utf-8")
    assert check(work, "HEAD")[1] == 0
    git(work, "commit", "-qam", "y")
    assert check(work, "HEAD")[1] == 1


def test_what_a_partial_clone_gets_later_is_judged(
    work: Path, check: Count, tmp_path: Path
) -> None:
    git(work, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone.git"
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", f"file://{work}", str(clone))
    with Cache() as cache:
        assert len(check_folder(clone, cache=cache).about.problems) == 3
    git(clone, "cat-file", "-p", "HEAD:train.py")
    git(clone, "cat-file", "-p", "HEAD:src/a.py")
    with Cache() as cache:
        assert len(check_folder(clone, cache=cache).about.problems) == 1


def test_a_false_blob_of_one_repository_does_not_reach_another(
    work: Path, check: Count, tmp_path: Path
) -> None:
    """Another repository claims the same commit and the same blob ids, with other content."""
    from tests.unit.test_reading_objects import loose

    false = tmp_path / "false"
    git(tmp_path, "clone", "-q", str(work), str(false))
    blob = git(false, "rev-parse", "HEAD:train.py").strip()
    text = LEAK.encode().replace(b"fit_resample", b"fit_resampel")
    wrong = loose(false / ".git", f"blob {len(text)}".encode(), text)
    place = false / ".git" / "objects"
    for pack in (place / "pack").glob("*"):
        pack.unlink()
    for each in (work / ".git" / "objects").glob("??/*"):
        (place / each.parent.name).mkdir(exist_ok=True)
        (place / each.parent.name / each.name).unlink(missing_ok=True)
        (place / each.parent.name / each.name).write_bytes(each.read_bytes())
    (place / blob[:2] / blob[2:]).unlink()
    (place / wrong[:2] / wrong[2:]).rename(place / blob[:2] / blob[2:])
    with Cache() as cache:
        bad = check_folder(false, commit="HEAD", cache=cache)
        good = check_folder(work, commit="HEAD", cache=cache)
    assert bad.about.commit == good.about.commit
    outcome = {name: {e.check.id: e.outcome for e in found.results}["TR04"]
               for name, found in (("bad", bad), ("good", good))}  # fmt: skip
    assert outcome == {"bad": "not applicable", "good": "fail"}


def test_other_sources_and_another_day_are_another_report(
    work: Path, check: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(work)
    monkeypatch.setattr(memory, "version", lambda: "another")
    assert check(work)[:2] == (1, 1)
    assert check(work)[:2] == (0, 0)
    really = memory.ground
    monkeypatch.setattr(memory, "ground", lambda chosen: really(chosen) + "tomorrow")
    assert check(work)[:2] == (1, 1)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "page"])
def test_a_damaged_file_is_thrown_away_and_said(damage: str, work: Path, home: Path) -> None:
    runner.invoke(app, ["check", str(work)])
    file = home / "check.sqlite"
    whole = file.read_bytes()
    with Cache() as cache:
        for number in range(300):
            cache.put({f"key {number}": os.urandom(50).hex()})
    whole = file.read_bytes()
    broken = {
        "cut": whole[: len(whole) // 2],
        "text": b"no database" * 500,
        "empty": b"",
        "page": whole[:4096] + b"\xff" * (len(whole) - 4096),
    }
    file.write_bytes(broken[damage])
    result = runner.invoke(app, ["check", str(work)])
    assert result.exit_code == 1, result.output
    assert "TR04" in result.stdout
    assert ("was damaged, and was thrown away" in result.stderr) == (damage != "empty")
    again = runner.invoke(app, ["check", str(work)])
    assert again.stdout == result.stdout
    assert again.stderr == ""


@pytest.mark.parametrize("value", [1, "x", [], {}, {"results": [["XX99", 1, 2, 3, 4]]}])
def test_a_value_that_is_no_report_is_made_again(value: object, work: Path, check: Count) -> None:
    check(work)
    with Cache() as cache:
        base = cache._base
        assert base is not None
        keys = [key for (key,) in base.execute("SELECT key FROM entry").fetchall()]
        cache.put(dict.fromkeys(keys, value))
    assert check(work)[1] == 1


def test_a_folder_that_cannot_be_written(work: Path, home: Path) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("a file", encoding="utf-8")
    result = runner.invoke(app, ["check", str(work)])
    assert result.exit_code == 1
    assert result.stderr == ""
    with Cache() as cache:
        assert cache.problem.startswith("no cache: ")


def test_a_read_only_file_is_read_and_not_written(work: Path, home: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
        "import sqlite3\n"
        "real = sqlite3.connect\n"
        "sqlite3.connect = lambda f, **k: real('file:' + str(f) + '?mode=ro', uri=True, **k)\n"
        f"from tdsp.cli import app\napp(['check', {str(work)!r}])\n"
    )
    with Cache():
        pass
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "TR04" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX's")
def test_a_folder_that_others_can_write_to_is_not_used(work: Path, home: Path) -> None:
    home.mkdir(parents=True)
    home.chmod(0o777)
    result = runner.invoke(app, ["check", str(work)])
    assert result.exit_code == 1
    assert list(home.iterdir()) == []


def test_no_cache_leaves_no_file(work: Path, home: Path) -> None:
    result = runner.invoke(app, ["check", str(work), "--no-cache"])
    assert result.exit_code == 1
    assert not home.exists()


WRITER = """
import sys; sys.path.insert(0, {source!r})
from tdsp.reading.cache import Cache
print("ready", flush=True)
for number in range({count}):
    key, kept = f"{{sys.argv[1]}} {{number}}", False
    while not kept:
        with Cache() as cache:
            kept = cache.put({{key: "x" * 2000, f"pair {{key}}": number}})
            assert not cache.problem, cache.problem
print("done", flush=True)
"""


def writer(name: str, count: int) -> "subprocess.Popen[str]":
    code = WRITER.format(source=str(SOURCE), count=count)
    return subprocess.Popen([sys.executable, "-c", code, name], stdout=subprocess.PIPE, text=True)


def test_two_processes_write_at_once(home: Path) -> None:
    both = [writer("a", 60), writer("b", 60)]
    assert [each.wait(60) for each in both] == [0, 0]
    with Cache() as cache:
        assert all(cache.get(f"{name} {n}") for name in "ab" for n in range(60))


def test_a_kill_while_writing_leaves_whole_values(home: Path) -> None:
    for wait in (0.02, 0.05, 0.1):
        process = writer("a", 100_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
    with Cache() as cache:
        assert cache.problem == ""
        number = 0
        while cache.get(f"a {number}") is not None:
            assert cache.get(f"pair a {number}") == number
            number += 1
        assert number > 0
        cache.put({"after": 1})
        assert cache.get("after") == 1
    with sqlite3.connect(home / "check.sqlite") as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_oldest_values_go_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "MOST", 10_000)
    monkeypatch.setattr(caches, "KEPT", 5_000)
    for number in range(30):
        monkeypatch.setattr(time, "time", lambda number=number: 1e9 + number)
        with Cache() as cache:
            cache.put({str(number): os.urandom(500).hex()})
    with Cache() as cache:
        kept = [number for number in range(30) if cache.get(str(number)) is not None]
    assert kept == list(range(kept[0], 30))
    assert 5 < len(kept) < 30


def test_a_value_that_would_unpack_to_too_much_is_not_read(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cache() as cache:
        cache.put({"a": "x" * 50_000})
        monkeypatch.setattr(caches, "LARGEST", 1000)
        assert cache.get("a") is None
        assert cache.problem == ""


def test_what_is_known_in_a_process_is_not_parsed_again(
    work: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    really = python.parse
    monkeypatch.setattr(
        python, "parse", lambda path, text: parsed.append(path) or really(path, text)
    )
    with Cache() as cache:
        check_folder(work, cache=cache)
        assert sorted(parsed) == ["src/a.py", "train.py"]
        (work / "src" / "b.py").write_text("y = 2\n", encoding="utf-8")
        (work / "moved.py").write_text(LEAK, encoding="utf-8")
        parsed.clear()
        found = check_folder(work, cache=cache)
    assert parsed == ["src/b.py"]
    assert {mark.path for e in found.results if e.check.id == "TR04" for mark in e.marks} == {
        "train.py",
        "moved.py",
    }
    assert as_json(found, None) == as_json(check_folder(work), None)


def test_what_is_known_in_a_process_has_a_bound() -> None:
    known = Known(most=10)
    modules = {text: python.parse("a.py", text) for text in ("x = 1", "x = 2", "x = 3", "y" * 11)}
    for text, module in modules.items():
        known.put(text, module)
        known.put(text, module)
    assert [known.get(text) is not None for text in modules] == [False, True, True, False]
    assert known.size == 10


def test_where_the_file_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TDSP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert caches.folder() == tmp_path / "tdsp"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert caches.folder() == Path.home() / ".cache" / "tdsp"
    monkeypatch.setenv("TDSP_CACHE", str(tmp_path / "own"))
    assert caches.folder() == tmp_path / "own"


def test_the_command_uses_it(work: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "RACY", -60.0)
    first = runner.invoke(app, ["check", str(work)])
    monkeypatch.setattr(run, "check_repository", None)
    monkeypatch.setattr(memory, "check_repository", None)
    second = runner.invoke(app, ["check", str(work)])
    assert second.stdout == first.stdout
    assert second.exit_code == 1
