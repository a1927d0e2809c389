"""The pipeline does what is needed and no more; bad models, data and files stop it."""

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tests.project.living import BIN, Done, Project, stages_run

EXAMPLE = "src/ml_project/example.py"
FIGURES = ("confusion", "intervals", "roc")


def told(done: Done) -> str:
    return done.stdout + done.stderr


def spoil(project: Project, expression: str) -> None:
    """Have the example data come out with a fault: `expression` makes a frame of `frame`."""
    project.edit(EXAMPLE, "frame.rename(columns=", f"({expression}).rename(columns=")


# --- What runs again -------------------------------------------------------------------------


def test_nothing_changed_nothing_runs(trained: Project) -> None:
    assert stages_run(trained.repro()) == []
    assert trained.status() == []


def test_one_parameter_runs_only_what_depends_on_it(veteran: Project) -> None:
    veteran.set("gate", minimum=0.9)
    assert stages_run(veteran.repro()) == ["gate", "score", "report"]
    rules = [check["rule"] for check in veteran.yaml("reports/gate.json")["checks"]]
    assert "roc_auc reaches 0.9" in rules


def test_the_same_inputs_give_the_same_outputs(veteran: Project) -> None:
    """Also the same model, byte for byte, and in one process."""
    outputs = ["data/processed/test.parquet", "models/package/model.skops", "reports/metrics.json"]
    before = [(veteran.root / name).read_bytes() for name in outputs]
    for name in outputs:
        (veteran.root / name).unlink()
    veteran.stage()
    after = [(veteran.root / name).read_bytes() for name in outputs]
    changed = [n for n, old, new in zip(outputs, before, after, strict=True) if old != new]
    assert changed == []


# --- What DVC shows --------------------------------------------------------------------------


def test_metrics_and_plots_are_declared(veteran: Project) -> None:
    shown = json.loads(veteran.run("dvc", "metrics", "show", "--json").stdout)
    figures = shown[""]["data"]["reports/metrics.json"]["data"]
    assert figures == veteran.yaml("reports/metrics.json")
    veteran.run("dvc", "plots", "show")
    page = (veteran.root / "dvc_plots/index.html").read_text(encoding="utf-8")
    drawn = [path.stem for path in (veteran.root / "reports/plots").iterdir()]
    assert set(FIGURES) <= set(drawn)
    assert [name for name in drawn if name not in page] == []


def test_an_experiment_is_run_and_shown(veteran: Project) -> None:
    done = veteran.run("dvc", "exp", "run", "--name", "short", "-S", "train.max_iter=15")
    assert stages_run(done)[:2] == ["tune", "train"]
    shown = csv.DictReader(veteran.run("dvc", "exp", "show", "--csv").stdout.splitlines())
    [row] = [row for row in shown if row["Experiment"] == "short"]
    assert [value for name, value in row.items() if name.endswith("max_iter")] == ["15"]


# --- What the gate rejects -------------------------------------------------------------------


def check_rejected(project: Project, done: Done, reason: str) -> None:
    """The run stopped with the reason, nothing is scored, and the report says so."""
    assert done.returncode != 0
    assert reason in told(done)
    assert "Traceback" not in told(done)
    assert project.yaml("reports/gate.json")["passed"] is False
    assert not (project.root / "data/processed/scored.csv").exists()
    refused = project.score(Path("data/processed/test.parquet"), Path("mine.csv"), ok=False)
    assert refused.returncode != 0
    assert "has not passed the gate" in refused.stderr
    assert not list(project.root.glob("*mine*"))
    project.python("-m", f"{project.package}.steps.report")
    page = (project.root / "reports/report.html").read_text(encoding="utf-8")
    assert "did not pass the gate" in page


def test_a_model_of_shuffled_targets_is_rejected(project: Project) -> None:
    shuffled = 'frame["diagnosis"].sample(frac=1, random_state=0).to_numpy()'
    spoil(project, f"frame.assign(diagnosis={shuffled})")
    done = project.poe("pipeline", ok=False)
    check_rejected(project, done, "FAIL  roc_auc reaches 0.95")


def test_a_model_below_the_minimum_is_rejected(veteran: Project) -> None:
    (veteran.root / "data/processed/scored.csv").unlink()
    veteran.set("gate", minimum=0.9999)
    check_rejected(veteran, veteran.poe("pipeline", ok=False), "FAIL  roc_auc reaches 0.9999")


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def make_nan(path: Path) -> None:
    figures = json.loads(path.read_text(encoding="utf-8"))
    figures["model"]["roc_auc"] = float("nan")
    path.write_text(json.dumps(figures), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("reports/metrics.json", tear),
        ("reports/metrics.json", make_nan),
        ("reports/metrics.json", Path.unlink),
        ("models/package/model.skops", Path.unlink),
        ("models/package/model.skops", tear),
    ],
)
def test_a_damaged_file_stops_gate_and_score(
    name: str, damage: Callable[[Path], None], veteran: Project
) -> None:
    (veteran.root / name).chmod(0o644)
    damage(veteran.root / name)
    done = veteran.stage("gate", ok=False)
    assert done.returncode != 0
    assert "Traceback" not in told(done)
    assert "error: " in done.stderr
    with pytest.raises(AssertionError, match=r"has not passed the gate|does not exist"):
        veteran.score(Path("data/processed/test.parquet"), Path("mine.csv"))


def test_a_value_outside_the_schema_stops_at_validate(project: Project) -> None:
    spoil(
        project, 'frame.assign(**{"mean radius": frame["mean radius"].mask(frame.index == 7, -5)})'
    )
    done = project.repro(ok=False)
    assert done.returncode != 0
    assert stages_run(done) == ["example", "ingest", "validate"]
    assert " 7 " in told(done)
    assert "mean_radius" in told(done)
    assert "-5" in told(done)
    assert not (project.root / "data/interim/validated.parquet").exists()


# --- What a crash leaves ---------------------------------------------------------------------

# Runs a step that is killed while it writes its model: half of the file is on disk then.
MODELS = ("package/model.skops", "baselines.skops")
KILLED = """
import os, signal, skops.io
real = skops.io.dump
def dump(model, file):
    real(model, file)
    os.truncate(file, os.path.getsize(file) // 2)
    os.kill(os.getpid(), signal.SIGKILL)
skops.io.dump = dump
from ml_project.errors import run
from ml_project.steps.train import main
run(main)
"""


def test_a_training_killed_while_it_writes_leaves_nothing_torn(veteran: Project) -> None:
    outputs = [veteran.root / "models" / name for name in MODELS]
    before = [path.read_bytes() for path in outputs]
    assert veteran.run("python", "-c", KILLED, ok=False).returncode == -signal.SIGKILL
    assert [path.read_bytes() for path in outputs] == before
    outputs[1].unlink()
    assert veteran.run("python", "-c", KILLED, ok=False).returncode == -signal.SIGKILL
    assert not outputs[1].exists()
    veteran.stage("train", "evaluate")


def test_a_pipeline_killed_between_two_models_runs_again(veteran: Project) -> None:
    """Killed, dvc and all: its lock must not stay in the way."""
    model = veteran.root / "models/package/model.skops"
    shutil.rmtree(model.parent)
    veteran.set("train", max_iter=19)
    kill_when(veteran, ["dvc", "repro"], model.exists)
    assert model.read_bytes()
    assert "train" in stages_run(veteran.repro())
    assert stages_run(veteran.repro()) == []
    assert veteran.stage("gate").returncode == 0


def kill_when(project: Project, command: list[str], happens: Callable[[], bool]) -> None:
    """Start a command and kill it, with all its children, at the moment that something happens."""
    started = subprocess.Popen(
        [project.environment / BIN / command[0], *command[1:]],
        cwd=project.root, env=project.env, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not happens():
        assert started.poll() is None, f"{command} ended before it could be killed"
        assert time.monotonic() < deadline, f"{command} did not come to the moment"
        time.sleep(0.0005)
    os.killpg(started.pid, signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL


def test_a_killed_scoring_leaves_nothing_torn(veteran: Project, tmp_path: Path) -> None:
    rows = pd.read_csv(veteran.root / "data/raw/example.csv")
    source, output = tmp_path / "many.csv", tmp_path / "out" / "scored.csv"
    pd.concat([rows] * 20).to_csv(source, index=False)
    veteran.set("score", batch_rows=100)
    output.parent.mkdir()
    output.write_text("an earlier result\n", encoding="utf-8")
    command = ["python", "-m", veteran.package, "score", "--input", str(source), "--output"]
    for least in (0, 200_000):
        started = kill_at_size(output, least)
        kill_when(veteran, [*command, str(output)], started)
        assert output.read_text(encoding="utf-8") == "an earlier result\n"
    veteran.score(source, output)
    assert len(pd.read_csv(output)) == 20 * len(rows)


def kill_at_size(output: Path, least: int) -> Callable[[], bool]:
    """Whether a new temporary file beside the output has come to `least` bytes."""
    old = set(output.parent.iterdir())

    def happens() -> bool:
        new = set(output.parent.glob(f".{output.stem}.*{output.suffix}")) - old
        return any(path.exists() and path.stat().st_size >= least for path in new)

    return happens
