"""Steps that are killed at any moment leave nothing torn, and the next run succeeds."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
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
    """Kill a command and its children after `moment` seconds; whether it still ran."""
    started = start(project, command)
    try:
        started.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
    code = started.wait()
    assert code in (0, -signal.SIGKILL), "a run after a killed one failed"
    return code != 0


def kills(project: Project, command: list[str], seed: int) -> Iterator[None]:
    """Kill a command TIMES times, in its later two thirds: before, it only loads its libraries.

    A run that ends before its moment shows how long one takes now: the machine may be busy with
    other tests, or no more.
    """
    chance, whole, killed = random.Random(seed), seconds(project, command), 0
    while killed < TIMES:
        began = time.monotonic()
        if kill_after(project, command, whole * chance.uniform(0.3, 1.0)):
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
