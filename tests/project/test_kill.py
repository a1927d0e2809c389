"""Steps that are killed at any moment leave nothing torn, and the next run succeeds."""

import json
import os
import random
import signal
import subprocess
import time
from hashlib import sha256
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
    return started.wait() == -signal.SIGKILL


def moments(whole: float, seed: int) -> list[float]:
    """Moments of the later two thirds: before that a step only loads its libraries."""
    chance = random.Random(seed)
    return [whole * chance.uniform(0.3, 1.0) for _ in range(TIMES)]


def check_package(folder: Path) -> None:
    """A package is there as a whole, or not at all."""
    if folder.exists():
        facts = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        model = sha256((folder / "model.skops").read_bytes()).hexdigest()
        assert facts["model_id"] == model[:12]
        assert (folder / "rows.npy").stat().st_size


def test_training_killed_at_any_moment(veteran: Project) -> None:
    train = ["python", "-m", veteran.package, "train"]
    folder = veteran.root / "models/package"
    whole, before = seconds(veteran, train), (folder / "model.skops").read_bytes()
    killed = 0
    for moment in moments(whole, seed=1):
        killed += kill_after(veteran, train, moment)
        check_package(folder)
    assert killed > TIMES / 2
    veteran.step("train")
    assert (folder / "model.skops").read_bytes() == before
    veteran.step("evaluate")
    veteran.step("gate")


def test_scoring_killed_at_any_moment(veteran: Project, tmp_path: Path) -> None:
    rows = pd.read_csv(veteran.root / "data/raw/sample.csv")
    source, output = tmp_path / "many.csv", tmp_path / "scored.csv"
    pd.concat([rows] * 30).to_csv(source, index=False)
    veteran.set("score", batch_rows=500)
    files = ["--input", str(source), "--output", str(output)]
    score = ["python", "-m", veteran.package, "score", *files]
    whole, killed = seconds(veteran, score), 0
    for moment in moments(whole, seed=2):
        output.unlink(missing_ok=True)
        killed += kill_after(veteran, score, moment)
        assert not output.exists() or len(pd.read_csv(output)) == 30 * len(rows)
    assert killed > TIMES / 2
    veteran.score(source, output)
    assert len(pd.read_csv(output)) == 30 * len(rows)
