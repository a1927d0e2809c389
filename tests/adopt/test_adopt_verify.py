"""`adopt verify`: the proof from git's objects, and scripts run before and after."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.adopt.hand import FILES, commit, git, make, plan, quiet, small

from tdsp.adopt import manifest as proof
from tdsp.adopt import running
from tdsp.adopt.apply import BRANCH, apply
from tdsp.adopt.gitwork import Git
from tdsp.adopt.manifest import File, Manifest
from tdsp.adopt.running import Bench, Verdict, compare
from tdsp.adopt.verify import find, same_code, trees, verify
from tdsp.errors import TdspError

NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "outputs": [{"text": "1"}], "source": ["read('data.csv')"]},
        {"cell_type": "markdown", "source": ["text"]},
    ],
    "nbformat": 4,
}


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make(
        tmp_path_factory.mktemp("adopted") / "repo",
        {**FILES, "a.ipynb": json.dumps(NOTEBOOK).encode()},
    )
    changes = {
        "train.py": [(b"from utils", b"from churn.utils"), (b'"data.csv"', b'"data/raw/data.csv"')],
        "a.ipynb": [(b"data.csv", b"../data/raw/data.csv")],
        "README.md": [(b"Ours", b"Ours too")],
    }
    targets = {
        "train.py": "scripts/train.py",
        "utils.py": "src/churn/utils.py",
        "data.csv": "data/raw/data.csv",
        "a.ipynb": "notebooks/a.ipynb",
        ".idea/misc.xml": "",
    }
    apply(root, plan(root, targets, changes), quiet, renderer=small)
    return root


def wrong(root: Path, done: Manifest) -> dict[str, tuple[str, ...]]:
    return {each.title: each.problems for each in verify(Git(root), done) if each.problems}


def changed(done: Manifest, name: str, /, **words: object) -> Manifest:
    files = tuple(replace(e, **words) if e.path == name else e for e in done.files)  # type: ignore[arg-type]
    return replace(done, files=files)


def test_a_copy_of_a_file_that_goes_may_move(tmp_path: Path) -> None:
    same = b"x = 1\n"
    files = {"build/lib/a.py": same, "src/a.py": same, "z/a.py": same, "README.md": b"# A\n"}
    root = make(tmp_path / "repo", files)
    targets = {"build/lib/a.py": "", "src/a.py": "src/churn/a.py", "z/a.py": "src/churn/z.py"}
    done = apply(root, plan(root, targets, {}), quiet, renderer=small)
    assert not wrong(root, done.manifest)
    assert git(root, "show", "HEAD:src/churn/z.py") == same


def test_proof_holds_from_the_branch_alone(adopted: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--branch", BRANCH, str(adopted), "clone")
    work = Git(tmp_path / "clone")
    done = find(work)
    proofs = verify(work, done)
    assert not any(each.problems for each in proofs)
    assert [each.looked_at for each in proofs] == [8, 4, 3, 3, 3, 2]


def test_manifest_survives_its_file(adopted: Path) -> None:
    done = find(Git(adopted))
    odd = changed(done, "notes.txt", path="caf\udce9 \n.txt")
    assert proof.loads(proof.dumps(odd), "x") == odd
    with pytest.raises(TdspError, match="not the manifest"):
        proof.loads(b"{}", "x")
    with pytest.raises(TdspError, match="another version"):
        proof.loads(b'{"format": 99}', "x")


@pytest.mark.parametrize(
    ("path", "words", "title"),
    [
        ("notes.txt", {"target": "gone.txt"}, "every file of before has its place"),
        ("notes.txt", {"now": "1" * 40}, "every file of before has its place"),
        ("notes.txt", {"blob": "1" * 40}, "every file of before has its place"),
        ("notes.txt", {"mode": "100755"}, "every file of before has its place"),
        ("notes.txt", {"fate": "untracked"}, "every file of before has its place"),
        ("notes.txt", {"path": "other"}, "every file of before has its place"),
        ("notes.txt", {"target": "README.md"}, "every file of before has its place"),
        ("data.csv", {"target": "data.csv"}, "moves are pure"),
        ("train.py", {"spans": ((0, 1, 1),)}, "edits undone give the old bytes"),
        ("a.ipynb", {"spans": ((0, 5, 5),)}, "edits undone give the old bytes"),
    ],
)
def test_what_does_not_hold_is_found(
    adopted: Path, path: str, words: dict[str, object], title: str
) -> None:
    done = find(Git(adopted))
    assert title in wrong(adopted, changed(done, path, **words))


def test_file_that_no_rule_explains_is_found(adopted: Path) -> None:
    done = find(Git(adopted))
    found = wrong(adopted, replace(done, added=done.added[1:]))
    assert "no rule says why" in found["every file of before has its place"][0]


def test_merged_file_that_lost_something_is_found(adopted: Path) -> None:
    work = Git(adopted)
    blob = work.store(b"# Theirs\n")
    found = wrong(adopted, changed(find(work), "README.md", now=blob))
    assert "lacks something" in found["merged files hold what they held"][0]


def test_notebook_whose_output_changed_is_found(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.ipynb": json.dumps(NOTEBOOK).encode(), "b.txt": b""})
    wanted = plan(root, {"a.ipynb": "notebooks/a.ipynb"}, {"a.ipynb": [(b'"1"', b'"2"')]})
    apply(root, wanted, quiet, renderer=small)
    assert "outputs of notebooks are the same" in wrong(root, find(Git(root)))


def test_clone_without_the_commits_is_refused(adopted: Path) -> None:
    done = replace(find(Git(adopted)), commit="1" * 40)
    with pytest.raises(TdspError, match="not in this clone"):
        verify(Git(adopted), done)


def test_repository_without_adoption_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TdspError, match="no adoption is here"):
        find(Git(make(tmp_path / "repo")))


def test_later_work_does_not_spoil_the_proof(adopted: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--branch", BRANCH, str(adopted), "later")
    root = tmp_path / "later"
    (root / "notes.txt").write_bytes(b"more\n")
    commit(root, "later")
    assert not wrong(root, find(Git(root)))


OLD = b"import utils\n\n\ndef f():\n    return 1\n\n\nx = open('a')\n"


@pytest.mark.parametrize(
    ("new", "same"),
    [
        (OLD.replace(b"import utils", b"from p import utils"), True),
        (OLD.replace(b"import utils", b"import os; from p import utils"), True),
        (
            OLD.replace(b"import utils", b"from p import utils").replace(b"return 1", b"return 2"),
            False,
        ),
        (OLD.replace(b"import utils", b"from p import"), False),
    ],
)
def test_statements_without_an_edit(new: bytes, same: bool) -> None:
    grown = len(new) - len(OLD) + len(b"import utils")
    assert same_code(OLD, new, ((0, len(b"import utils"), grown),)) is same


@pytest.mark.parametrize(
    ("new", "spans", "holds"),
    [
        (b"abXXef", ((2, 2, 2),), True),
        (b"abef", ((2, 2, 0),), True),
        (b"abcdXXef", ((4, 0, 2),), True),
        (b"aXcdYYf", ((1, 1, 1), (4, 1, 2)), True),
        (b"abXXeg", ((2, 2, 2),), False),
        (b"abcdef!", (), False),
        (b"aXcdYYf", ((4, 1, 2), (1, 1, 1)), False),
    ],
)
def test_edits_undone(new: bytes, spans: tuple[tuple[int, int, int], ...], holds: bool) -> None:
    assert proof.unchanged(b"abcdef", new, spans) is holds


# RUNS -----------------------------------------------------------------------------------------


def judged(
    tmp_path: Path,
    old: str,
    new: str,
    files: Mapping[str, str] | None = None,
    seconds: float = 30,
) -> Verdict:
    """Run one script that has moved from a.py to scripts/b.py, with files that moved too."""
    before, after = tmp_path / "before", tmp_path / "after"
    for tree, name, text in ((before, "a.py", old), (after, "scripts/b.py", new)):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_text(text)
    moved = [File("a.py", "scripts/b.py", "100644", "", "", "same", "script")]
    for path, target in (files or {}).items():
        for tree, name in ((before, path), (after, target)):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text("1\n")
        moved.append(File(path, target, "100644", "", "", "same"))
    done = Manifest("0" * 40, 2, "churn", tuple(moved))
    return compare(Bench(sys.executable, seconds, "churn", before, after), done, moved[0])


WRITES = "print('rows', {0})\nopen('{1}', 'w').write('{2}')\n"


def test_same_outcome(tmp_path: Path) -> None:
    old, new = WRITES.format(7, "out.txt", "x1"), WRITES.format(9, "reports/out.txt", "x1")
    new = "import os; os.makedirs('reports')\n" + new
    assert judged(tmp_path, old, new).verdict == "same-ok"


def test_file_that_was_tracked_is_followed(tmp_path: Path) -> None:
    old, new = WRITES.format(1, "m.txt", "y"), WRITES.format(1, "models/m.txt", "y")
    assert judged(tmp_path, old, new, {"m.txt": "models/m.txt"}).verdict == "same-ok"


@pytest.mark.parametrize(
    ("new", "detail"),
    [
        ("raise SystemExit(3)", "exit code 0 became 3"),
        ("print('rows', 7)", r"no longer writes out\.txt"),
        (WRITES.format(7, "out.txt", "xyz"), "other bytes"),
        (WRITES.format(7, "out.txt", "x1") + "open('b.txt', 'w')", r"writes b\.txt, which"),
        ("print('lines')\nopen('out.txt', 'w').write('x1')", "prints something else"),
        ("import time; time.sleep(60)", "over the time limit"),
    ],
)
def test_regressions(tmp_path: Path, new: str, detail: str) -> None:
    seconds = 3 if "sleep" in new else 30
    found = judged(tmp_path, WRITES.format(7, "out.txt", "x1"), new, seconds=seconds)
    assert found.verdict == "regressed"
    assert re.search(detail, found.detail)


def test_one_slow_run_is_no_regression(tmp_path: Path) -> None:
    mark = str(tmp_path / "runs")
    text = (
        f"import time\nwith open({mark!r}, 'a') as file:\n    file.write('x')\n"
        f"time.sleep(9 if open({mark!r}).read() == 'xx' else 0)\nprint('rows')\n"
    )
    found = judged(tmp_path, text, text, seconds=4)
    assert found.verdict == "same-ok" and Path(mark).read_text() == "xxx"


def test_an_error_is_the_last_line_of_a_module_as_well(tmp_path: Path) -> None:
    text = "print('first')\nopen('missing.csv')\n"
    before, after = tmp_path / "before", tmp_path / "after"
    for tree, name in ((before, "a.py"), (after, "src/churn/a.py")):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_text(text)
    moved = File("a.py", "src/churn/a.py", "100644", "", "", "same", "script")
    done = Manifest("0" * 40, 2, "churn", (moved,))
    found = compare(Bench(sys.executable, 30, "churn", before, after), done, moved)
    assert found.verdict == "same-failure"


def test_a_module_that_does_not_parse_fails_as_the_script_did(tmp_path: Path) -> None:
    """Python starts a script without frames of its own, and a module with them."""
    before, after = tmp_path / "before", tmp_path / "after"
    for tree, name in ((before, "a.py"), (after, "src/churn/a.py")):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).write_text("x = 1\n  y = 2\n")
    moved = File("a.py", "src/churn/a.py", "100644", "", "", "same", "script")
    done = Manifest("0" * 40, 2, "churn", (moved,))
    found = compare(Bench(sys.executable, 30, "churn", before, after), done, moved)
    assert found.verdict == "same-failure"
    assert found.detail.startswith("IndentationError")


@pytest.mark.parametrize(
    ("files", "new", "verdict"),
    [
        ({"app/a.txt": "src/churn/app/a.txt"}, "src/churn/app", "same-ok"),
        ({"app/a.txt": "src/churn/app/a.txt"}, "src/churn/pages", "regressed"),
        ({"a.txt": "src/churn/app/a.txt"}, "src/churn/app", "regressed"),
        ({"app/a.txt": "a.txt"}, "app", "same-ok"),
    ],
)
def test_the_name_of_a_folder_that_has_moved(
    tmp_path: Path, files: dict[str, str], new: str, verdict: str
) -> None:
    found = judged(tmp_path, "print('made app')\n", f"print('made {new}')\n", files)
    assert found.verdict == verdict


def test_failures(tmp_path: Path) -> None:
    fails = "import nothing_of_this_name\n"
    assert judged(tmp_path / "1", fails, "\n" + fails).verdict == "same-failure"
    assert judged(tmp_path / "2", fails, "print(1)\n").verdict == "improved"
    assert judged(tmp_path / "3", fails, "import churn.gone\n").verdict == "regressed"
    assert judged(tmp_path / "6", fails, "import another_name\n").verdict == "same-failure"
    old, new = "open('../Data/none.csv')\n", "open('../data/none.csv')\n"  # its path was edited
    assert judged(tmp_path / "4", old, new).verdict == "same-failure"
    assert judged(tmp_path / "5", old, new.replace("none", "no")).verdict == "regressed"
    old, new = "from lib.a import gone\n", "from churn.lib.a import gone\n"
    files = {"lib/a.py": "src/churn/lib/a.py"}
    assert judged(tmp_path / "7", old, new, files).verdict == "same-failure"
    there = "raise SystemError(hex(id(object())))\n"
    assert judged(tmp_path / "8", there, f"import os, json\n{there}").verdict == "same-failure"


def test_script_that_asks_is_interactive(tmp_path: Path) -> None:
    assert judged(tmp_path, "input('name? ')", "print(1)").verdict == "interactive"


def test_script_that_does_not_end_is_not_judged(tmp_path: Path) -> None:
    sleeps = "import time; time.sleep(60)"
    assert judged(tmp_path, sleeps, sleeps, seconds=2).verdict == "not run"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of processes")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_script_ends_with_tdsp(tmp_path: Path, end: str) -> None:
    import fcntl

    # The lock is held until the script and what it started are gone.
    (tmp_path / "script.py").write_text(
        "import fcntl, pathlib, subprocess, sys, time\n"
        "held = open('lock', 'w')\n"
        "fcntl.flock(held, fcntl.LOCK_EX)\n"
        "words = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "started = subprocess.Popen(words, pass_fds=[held.fileno()])\n"
        "pathlib.Path('ready').touch()\n"
        "time.sleep(60)\n"
    )
    run = (
        "import os, pathlib, signal, sys\n"
        "from tdsp.adopt.running import ended\n"
        # What a shell starts in the background ignores it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "ended([sys.executable, 'script.py'], pathlib.Path(), dict(os.environ), 60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", run], cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as tdsp:
        wait_for((tmp_path / "ready").exists)
        tdsp.send_signal(getattr(signal, end))
        assert tdsp.wait(10) != 0

    def free() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    with (tmp_path / "lock").open() as lock:
        wait_for(free)


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_script_that_differs_from_itself_is_not_a_regression(tmp_path: Path) -> None:
    dice = "import os\nopen('out.bin', 'wb').write(os.urandom(8 + os.urandom(1)[0]))\n"
    assert judged(tmp_path, dice, dice).verdict == "same-ok"


def test_failure_whose_words_differ_each_time_is_the_same(tmp_path: Path) -> None:
    dice = (
        "import os\nprint(os.urandom(8).hex().translate({i: 97 + i % 7 for i in range(48, 58)}))\n"
    )
    found = judged(tmp_path, f"{dice}1 / 0\n", f"{dice}1 / 0\n")
    assert found.verdict == "same-failure" and "from run to run" in found.detail


def test_failure_with_another_error_is_worse_whatever_it_prints(tmp_path: Path) -> None:
    dice = "import os\nprint(os.urandom(8).hex())\n"
    assert judged(tmp_path, f"{dice}1 / 0\n", f"{dice}[][1]\n").verdict == "regressed"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("import lib\n1 / 0\n", "import churn.lib\n1 / 0\n", "improved"),
        ("import elsewhere\n1 / 0\n", "1 / 0\n", "regressed"),
        ("from .lib import x\n", "import churn.lib\n1 / 0\n", "improved"),
        ("import lib\n", "from . import lib\n", "regressed"),
        ("import lib\n", "import churn.gone\n", "regressed"),
        ("import lib\n", "import churn.lib\nimport elsewhere\n", "improved"),
        ("1 / 0\n", "import gone\n", "regressed"),
    ],
    ids=[
        "finds it now",
        "not of the repository",
        "relative before",
        "relative now",
        "loses another one",
        "finds it, and not another",
        "found all before",
    ],
)
def test_script_that_finds_its_module_now_has_got_further(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    found = judged(tmp_path, old, new, {"code/lib.py": "src/churn/lib.py"})
    assert found.verdict == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Usage: a.py [OPTIONS]", "Usage: python -m churn.a [OPTIONS]", "same-failure"),
        ("Try 'a.py --help'", "Try 'python -m churn.a --help'", "same-failure"),
        ("Usage: a.py [OPTIONS]", "Usage: python -m churn.a IN OUT", "regressed"),
    ],
)
def test_the_name_by_which_a_script_is_started_does_not_count(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    texts = (f"print({each!r})\nraise SystemExit(2)\n" for each in (old, new))
    assert judged(tmp_path, *texts).verdict == expected


CALLS = (
    "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 80), 2)\n"
    "except OSError as error:\n    print('refused', error.errno in (101, 113))\n"
)


@pytest.mark.parametrize("way", ["found", "block"])
def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    if way == "block":
        monkeypatch.setattr(running, "isolation", tuple)
    (tmp_path / "a.py").write_text(CALLS)
    bench = Bench(sys.executable, 30, "churn", tmp_path, tmp_path)
    assert "refused True" in running._run(bench, tmp_path, "a.py", "").output


def test_run_has_no_variable_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret-value")
    (tmp_path / "a.py").write_text("import os\nprint(dict(os.environ))\n")
    found = running._run(Bench(sys.executable, 30, "x", tmp_path, tmp_path), tmp_path, "a.py", "")
    assert found.code == 0 and "secret-value" not in found.output
    assert not any(each.name.startswith("out") for each in tmp_path.iterdir())


def test_scripts_of_an_adoption_do_as_before(adopted: Path, tmp_path: Path) -> None:
    work = Git(adopted)
    done = find(work)
    before, after = trees(work, done, tmp_path)
    chosen = running.scripts(done)
    assert [each.path for each in chosen] == ["train.py"]
    found = compare(Bench(sys.executable, 30, "churn", before, after), done, chosen[0])
    assert (found.verdict, found.detail) == ("same-ok", "")
    assert found.command == "python scripts/train.py"
    (after / "src/churn/utils.py").unlink()
    found = compare(Bench(sys.executable, 30, "churn", before, after), done, chosen[0])
    assert found.verdict == "regressed" and "churn.utils" in found.detail
