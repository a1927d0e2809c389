"""From registered to promoted and back, made again, killed at any moment, two at once."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.project.living import BIN, TDSP, Done, Project, run

# What a service does: the champion's number and id, and whether it loads and predicts.
ASK = """
import pandas as pd
from ml_project import paths
from ml_project.model import served
from ml_project.operate import registry
now = registry.champion()
model = served.load(registry.fetch(now))
assert model.model_id == now.model_id
assert len(model.predict(pd.read_parquet(paths.TEST))) > 100
print(now.number)
"""

# Two of these have both compared with the same champion before either moves the alias.
RACE = """
import sys, time
from pathlib import Path
from ml_project import cli
from ml_project.operate import registry
me, other = Path(sys.argv.pop()), Path(sys.argv.pop())
real = registry._move
def move(*arguments):
    me.touch()
    while not other.exists():
        time.sleep(0.01)
    return real(*arguments)
registry._move = move
cli.main()
"""

# Writing more than so many bytes to a file fails, as on a disk that is full.
FULL = """
import resource, sys
from ml_project import cli
from ml_project.model import served  # joblib warns of a limit of no bytes, which no full disk has
limit = int(sys.argv.pop())
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
cli.main()
"""


KNOWN = ".mlflow.known.json"  # what the project remembers of its registry


@pytest.fixture(scope="module")
def lived(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Version 1 promoted; 2 (never committed) and 3, the challenger, only registered."""
    project = trained.copy(tmp_path_factory.mktemp("lived") / "ml-project")
    project.step("register")
    project.step("promote", "--reason", "the first", "--by", "Ada")
    project.set("promote", margin=0.1)
    project.edit(
        "params.yaml", "candidates: [linear, boosting, blend, large]", "candidates: [blend]"
    )
    (project.root / "src/ml_project/extra.py").write_text("", encoding="utf-8")
    project.repro()
    project.step("register")
    project.set("train", max_iter=30)
    project.commit()
    project.repro()
    project.step("register")
    return project.commit()


@pytest.fixture
def shelf(lived: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    return lived.copy(tmp_path / "ml-project")


def start(project: Project, *command: object) -> "subprocess.Popen[str]":
    words = [str(project.environment / BIN / "python"), *map(str, command)]
    return subprocess.Popen(
        words, cwd=project.root, env=project.env, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def tdsp(project: Project, *words: object, ok: bool = True) -> Done:
    return run(*TDSP, *words, cwd=project.root, env=project.env, ok=ok)


def at_work(project: Project) -> str:
    return project.python("-c", ASK).stdout.strip()


def is_one_line(done: Done) -> None:
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr


# --- The way of a model ----------------------------------------------------------------------


def test_a_model_is_promoted_refused_and_brought_back(shelf: Project) -> None:
    assert at_work(shelf) == "1"
    done = shelf.step("promote", "2", "--reason", "newer")
    assert "pass  not worse than the champion by 0.1 (roc_auc " in done.stdout
    assert at_work(shelf) == "2"
    shelf.set("promote", margin=0)
    refused = shelf.step("promote", "--reason", "hope", ok=False)
    assert refused.returncode == 1
    assert "FAIL  not worse than the champion by 0 (roc_auc " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert at_work(shelf) == "2"
    back = shelf.step("rollback", "--reason", "it was better")
    assert back.stdout.startswith("version 1 (")
    assert at_work(shelf) == "1"
    is_one_line(shelf.step("rollback", "--reason", "further", ok=False))
    history = shelf.step("lineage").stdout
    for told in ("promotion by Ada: the first", "rollback by ", ": newer", ": it was better"):
        assert told in history


def test_of_two_promotions_from_one_state_exactly_one_wins(shelf: Project, tmp_path: Path) -> None:
    marks = [tmp_path / "a", tmp_path / "b"]
    racing = [
        start(shelf, "-c", RACE, "promote", number, "--reason", "me", other, me)
        for number, me, other in (("2", *marks), ("3", *marks[::-1]))
    ]
    told = [process.communicate(timeout=120) for process in racing]
    assert sorted(process.returncode for process in racing) == [0, 1]
    won = [process.returncode for process in racing].index(0)
    assert "since a moment ago" in told[1 - won][1]
    assert at_work(shelf) == ("2", "3")[won]
    shelf.step("rollback", "--reason", "it works")
    assert at_work(shelf) == "1"


def test_two_first_runs_at_once_make_one_database(shelf: Project) -> None:
    for name in ("mlflow.db", KNOWN):
        (shelf.root / name).unlink()
    racing = [start(shelf, "-m", "ml_project.operate.gate") for _ in range(2)]
    told = [process.communicate(timeout=120) for process in racing]
    assert [process.returncode for process in racing] == [0, 0], told
    count = (
        "import sqlite3; print(*sqlite3.connect('mlflow.db')"
        ".execute('select count(*) from runs').fetchone())"
    )
    assert shelf.run("python", "-c", count).stdout.split() == ["2"]


# --- Lineage ---------------------------------------------------------------------------------


def test_any_model_can_answer_and_be_made_again(shelf: Project) -> None:
    """Although data, code and parameters have changed since; the second was never committed."""
    lock = shelf.yaml("dvc.lock")["stages"]
    raw = lock["ingest"]["deps"][0]
    shelf.edit("src/ml_project/example.py", "frame.rename(", "frame.head(400).rename(")
    shelf.set("train", max_iter=5)
    shelf.repro(ok=False)
    answers = json.loads(shelf.step("lineage", "2", "--json").stdout)
    assert raw["md5"] in answers["What data has been used?"].values()
    code = answers["What code?"]
    assert code["git_dirty"] == "true"
    assert "# ml_project" in shelf.step("lineage").stdout

    before = shelf.status()
    again = tdsp(shelf, "reproduce", "2")
    assert again.stdout.splitlines()[-1].endswith("was made again and is equal")
    assert f"pass  the same data (md5 {raw['md5']})" in again.stdout
    assert shelf.status() == before

    run = answers["What code + data resulted in my model?"]["run"]
    metrics = shelf.root / "mlartifacts" / run / "artifacts/reports/metrics.json"
    figures = json.loads(metrics.read_text(encoding="utf-8"))
    figures["model"]["roc_auc"] -= 0.125
    metrics.write_text(json.dumps(figures), encoding="utf-8")
    kept = shelf.root.parent / "kept"
    differs = tdsp(shelf, "reproduce", "2", "--keep", kept, ok=False)
    assert differs.returncode == 1
    assert "FAIL  the same metrics (model.roc_auc differs by 0.125)" in differs.stdout
    assert "pass  the same model, byte for byte" in differs.stdout
    assert (kept / "reports/metrics.json").exists()


# --- Killed ----------------------------------------------------------------------------------


def killed_at(project: Project, moment: float, *arguments: object) -> int:
    """Run a command of the project, and kill it after so many seconds: its exit code."""
    process = project.fork("-m", project.package, *arguments)
    with suppress(subprocess.TimeoutExpired):
        return process.wait(moment)
    os.kill(process.pid, signal.SIGKILL)
    return process.wait()


def moments(project: Project, command: tuple[str, ...], count: int, seed: int) -> list[float]:
    """Seconds at which to kill a command."""
    began = time.monotonic()
    project.step(*command)
    taken = time.monotonic() - began
    return [random.Random(seed * 100 + i).uniform(0.1, 1) * taken for i in range(count)]


@pytest.mark.parametrize(
    ("command", "after"),
    [
        (("register",), "1"),
        (("promote", "2", "--reason", "newer"), "2"),
        (("rollback", "--reason", "bad"), "1"),
    ],
)
def test_killed_at_any_moment_the_champion_is_the_old_or_the_new_one(
    command: tuple[str, ...], after: str, shelf: Project, tmp_path: Path
) -> None:
    old = "1"
    if command[0] == "rollback":
        shelf.step("promote", "2", "--reason", "newer")
        old = "2"
    if command[0] == "register":
        shelf.set("train", max_iter=31)
        shelf.repro()
    kept = shelf.copy(tmp_path / "kept")
    codes = []
    for moment in moments(shelf, command, 3 if command[0] == "rollback" else 6, seed=3):
        for name in ("mlflow.db", "mlartifacts"):
            target = shelf.root / name
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        for name in ("mlflow.db", KNOWN):
            shutil.copy(kept.root / name, shelf.root)
        shutil.copytree(kept.root / "mlartifacts", shelf.root / "mlartifacts")
        (shelf.root / "mlflow.db-journal").unlink(missing_ok=True)
        codes.append(killed_at(shelf, moment, *command))
        found = at_work(shelf)
        assert found in (old, after)
        if found == old or command[0] == "register":
            shelf.step(*command)
        if command[0] == "rollback":
            again = shelf.step("rollback", "--reason", "again", "--to", after)
            assert again.stdout.endswith("is the champion already: nothing to do\n")
        assert at_work(shelf) == after
        if command[0] == "register":
            assert "   4  " in shelf.step("models").stdout
            assert "   5  " not in shelf.step("models").stdout
    assert -signal.SIGKILL in codes


# --- No room, no right -----------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 100_000])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_made(limit: int, shelf: Project) -> None:
    for name in ("mlflow.db", "mlflow.lock", KNOWN):
        (shelf.root / name).unlink()
    is_one_line(shelf.run("python", "-c", FULL, "models", limit, ok=False))
    assert not (shelf.root / "mlflow.db").exists()
    assert shelf.step("models").returncode == 0


def test_a_promotion_on_a_full_disk_moves_nothing(shelf: Project) -> None:
    done = shelf.run("python", "-c", FULL, "promote", "2", "--reason", "x", 1000, ok=False)
    is_one_line(done)
    assert at_work(shelf) == "1"


def test_a_folder_that_cannot_be_written_to_is_one_line(shelf: Project) -> None:
    """The superuser may write anywhere, unless that right is given up."""
    without = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    everything = [shelf.root, *(path for path in shelf.root.rglob("*") if path.is_dir())]
    for path in [*everything, shelf.root / "mlflow.db", shelf.root / "mlflow.lock"]:
        path.chmod(0o555)
    words = (["register"], ["promote", "2", "--reason", "x"])
    commands = [["-m", shelf.package, *some] for some in words]
    for command in [*commands, shelf.command("gate")[1:]]:
        python = shelf.environment / BIN / "python"
        done = subprocess.run(
            [*without, str(python), *command], cwd=shelf.root, env=shelf.env,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        is_one_line(done)
    for path in everything:
        path.chmod(0o755)
    for name in ("mlflow.db", "mlflow.lock"):
        (shelf.root / name).chmod(0o644)
    assert at_work(shelf) == "1"
