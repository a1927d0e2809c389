"""Steps that are killed at any moment leave nothing torn, and the next run succeeds."""

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from tests.project.living import BIN, Project

TIMES = 8


def start(project: Project, command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [project.environment / BIN / command[0], *command[1:]],
        cwd=project.root, env=project.env, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def seconds(project: Project, command: list[str]) -> float:
    """How long the command takes when nobody disturbs it."""
    began = time.monotonic()
    assert start(project, command).wait() == 0
    return time.monotonic() - began


def kill_after(project: Project, command: list[str], moment: float) -> bool:
    """Kill `python ...` and its children after `moment` seconds of work; whether it still ran."""
    with tempfile.NamedTemporaryFile() as told:
        started = project.fork(*command[1:], err=Path(told.name))
        try:
            started.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
        code = started.wait()
        until_gone(started.pid)
        last = told.read().decode(errors="replace")[-2000:]
    assert code in (0, -signal.SIGKILL), f"a run after a killed one failed: {last}"
    return code != 0


def until_gone(group: int) -> None:
    """Wait for the children of a killed process: DVC keeps what one has locked while it dies."""
    end = time.monotonic() + 30
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.01)


def kills(project: Project, command: list[str], seed: int, times: int = TIMES) -> Iterator[None]:
    """Kill `python ...` so many times at any moment of its work.

    A run that ends before its moment shows how long one takes now: the machine may be busy with
    other tests, or no more.
    """
    began = time.monotonic()
    project.python(*command[1:])
    chance, whole, killed = random.Random(seed), time.monotonic() - began, 0
    while killed < times:
        began = time.monotonic()
        if kill_after(project, command, whole * chance.uniform(0.05, 1.0)):
            killed += 1
        else:
            whole = time.monotonic() - began
        yield


# The id that a package says it has, and the one that its content has.
IDS = """
import json
from ml_project import paths
from ml_project.model.identity import model_id
print(json.loads((paths.PACKAGE / "package.json").read_text())["model_id"], model_id(paths.PACKAGE))
"""


def check_package(project: Project) -> None:
    """A package is there as a whole, or not at all."""
    folder = project.root / "models/package"
    if folder.exists():
        told, found = project.run("python", "-c", IDS).stdout.split()
        assert told == found
        assert (folder / "rows.npy").stat().st_size


def test_training_killed_at_any_moment(veteran: Project) -> None:
    train = veteran.command("train")
    folder = veteran.root / "models/package"
    before = (folder / "model.skops").read_bytes()
    for _ in kills(veteran, train, seed=1):
        check_package(veteran)
    veteran.stage("train")
    assert (folder / "model.skops").read_bytes() == before
    veteran.stage("evaluate", "gate")


def test_scoring_killed_at_any_moment(veteran: Project, tmp_path: Path) -> None:
    rows = pd.read_csv(veteran.root / "data/raw/example.csv")
    source, output = tmp_path / "many.csv", tmp_path / "scored.csv"
    pd.concat([rows] * 30).to_csv(source, index=False)
    veteran.set("score", batch_rows=500)
    files = ["--input", str(source), "--output", str(output)]
    score = ["python", "-m", veteran.package, "score", *files]
    for _ in kills(veteran, score, seed=2):
        assert not output.exists() or len(pd.read_csv(output)) == 30 * len(rows)
        output.unlink(missing_ok=True)
    veteran.score(source, output)
    assert len(pd.read_csv(output)) == 30 * len(rows)


DAY = "2026-01-31"


@pytest.fixture
def keeper(batched: Project, tmp_path: Path) -> Project:
    """A copy of the project that ran, with the answer serving=batch."""
    return batched.copy(tmp_path / "ml-project")


@pytest.fixture
def dated(keeper: Project) -> list[str]:
    """The command that scores the file of DAY, 30 times the example data, with the champion."""
    rows = pd.read_csv(keeper.root / "data/raw/example.csv")
    (keeper.root / "in").mkdir()
    pd.concat([rows] * 30).to_csv(keeper.root / f"in/{DAY}.csv", index=False)
    keeper.set("score", batch_rows=500)
    keeper.step("register")
    keeper.step("promote", "--reason", "the first")
    words = ["--date", DAY, "--quiet", "0", "--collect", "collected"]
    words += ["--input", "in/{date}.csv", "--output", "out/{date}.csv"]
    return ["python", "-m", keeper.package, "batch", *words]


def check_date(project: Project) -> None:
    """The scored file is whole, it has the stamp of the rows that were collected, and no more."""
    folder, most = (
        project.root / "out",
        30 * len(pd.read_csv(project.root / "data/raw/example.csv")),
    )
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{DAY}.csv", f"{DAY}_rejects.csv"]
    scored = pd.read_csv(folder / f"{DAY}.csv")
    assert len(scored) == most
    [collected] = (project.root / "collected").iterdir()
    kept = pd.read_parquet(collected)
    assert kept["scored_at"].nunique() == scored["scored_at"].nunique() == 1
    assert len(kept) == most


def test_the_scoring_of_a_date_killed_at_any_moment(keeper: Project, dated: list[str]) -> None:
    output = keeper.root / f"out/{DAY}.csv"
    for _ in kills(keeper, dated, seed=5):
        if output.exists():
            check_date(keeper)
            output.unlink()
    keeper.run(*dated)
    check_date(keeper)
    before = output.read_bytes()
    assert "scored before" in keeper.run(*dated).stdout
    assert output.read_bytes() == before


def test_two_runs_of_one_date_at_once(keeper: Project, dated: list[str]) -> None:
    both = [start(keeper, dated) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert len(pd.read_csv(keeper.root / f"out/{DAY}.csv")) == len(
        pd.read_csv(keeper.root / f"in/{DAY}.csv")
    )
    assert sorted(path.suffix for path in (keeper.root / "out").iterdir()) == [".csv"] * 2
    keeper.run(*dated, "--again")
    check_date(keeper)


def left_behind(project: Project) -> list[str]:
    """What killed runs have left in the folders that the pipeline writes to."""
    folders = [project.root, *(project.root / name for name in ("models", "reports"))]
    return [path.name for folder in folders for path in folder.glob(".*-[0-9]*")]


def mend(project: Project) -> None:
    """DVC goes on with none of these that a kill has cut off: docs/operate.md says what to do."""
    for name, end in ((".dvc/tmp/rwlock", "}"), ("dvc.lock", "\n")):
        path = project.root / name
        text = path.read_text(encoding="utf-8") if path.exists() else end
        if not text.endswith(end) or text.endswith(":\n"):
            path.unlink()
    for folder in (project.root / ".dvc/cache/runs").glob("*/*"):
        if not any(folder.iterdir()):
            folder.rmdir()


@pytest.mark.parametrize("whole", [True, False], ids=["with its stage", "alone"])
def test_dvc_repro_killed_at_any_moment(whole: bool, veteran: Project) -> None:
    """Its locks name a process that is gone, and its stage may outlive it."""
    repro, chance = ["dvc", "repro", "--quiet"], random.Random(4)
    veteran.set("split", seed=99)
    duration, killed = seconds(veteran, repro), 0
    while killed < 3:
        veteran.set("split", seed=100 + killed)
        started = start(veteran, repro)
        try:
            started.wait(duration * chance.uniform(0.2, 0.9))
            duration *= 0.8
        except subprocess.TimeoutExpired:
            (os.killpg if whole else os.kill)(started.pid, signal.SIGKILL)
            started.wait()
            killed += 1
            mend(veteran)
            veteran.repro("--quiet")
            check_package(veteran)
    assert left_behind(veteran) == []


def test_what_a_killed_score_left_is_gone_after_the_next(veteran: Project, tmp_path: Path) -> None:
    rows = pd.read_csv(veteran.root / "data/raw/example.csv")
    folder = tmp_path / "scored"
    folder.mkdir()
    source, output = folder / "many.csv", folder / "scored.csv"
    veteran.set("score", batch_rows=500)
    pd.concat([rows] * 300).to_csv(source, index=False)  # seconds of writing: the kill is in time
    files = ["--input", str(source), "--output", str(output)]
    started = start(veteran, ["python", "-m", veteran.package, "score", *files])
    while not list(folder.glob(".scored*")) and started.poll() is None:
        time.sleep(0.01)
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert list(folder.glob(".scored*"))
    veteran.score(source, output)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["many.csv", "scored.csv", "scored_rejects.csv"]
