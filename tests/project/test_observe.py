"""The loop on a real project: scored rows are kept, drift is found, a challenger is learnt."""

import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.project.living import FOUND, TDSP, Project, clean, environment, run
from tests.project.test_kill import kill_after, kills

COLLECT = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
from machines.service import stream
from machines.settings import Collect
stream.SECONDS = 0.002
kept = stream.Stream(Path("data/collected"), Collect(max_rows=5000))
for i in range(10**6):
    predicted = {"prediction": np.array(["no"], dtype=object)}
    kept.add([{"load": 1.0}], predicted, [str(i)], "abc", datetime.now(UTC))
    time.sleep(0.0001)
"""


def readings(rows: int, seed: int, drifted: bool = False) -> pd.DataFrame:
    """Readings of machines; in the drifted world load is higher and faults have another cause."""
    chance = np.random.default_rng(seed)
    load, heat = chance.normal(50 + 15 * drifted, 10, rows), chance.normal(20, 4, rows)
    signal = (heat - 20) / 4 if drifted else (load - 50) / 10
    fault = np.where(signal + chance.normal(0, 0.3, rows) > 0.2, "yes", "no")
    site = chance.choice(["north", "south"], rows)
    return pd.DataFrame({"load": load, "heat": heat, "site": site, "fault": fault})


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of the team's own table, whose first model is the champion. Copy it to change."""
    place = tmp_path_factory.mktemp("working")
    readings(800, seed=1).to_csv(place / "readings.csv", index=False)
    words = ["new", "Machines", "--data", "readings.csv", "--target", "fault", "--defaults"]
    run(*TDSP, *words, "--set", "serving=online", cwd=place, env=clean())
    project = Project(place / "machines", environment(FOUND[0]))
    project.set("train", cv_folds=2, max_iter=20)
    project.set("evaluate", resamples=100)
    project.set("gate", minimum=0.8)
    project.poe("pipeline")
    project.commit()
    project.step("register")
    project.step("promote", "--reason", "first")
    return project


@pytest.fixture
def machines(working: Project, tmp_path: Path) -> Project:
    return working.copy(tmp_path / "machines")


def score(project: Project, frame: pd.DataFrame) -> None:
    frame.drop(columns="fault").to_csv(project.root.parent / "new.csv", index=False)
    project.score(project.root.parent / "new.csv", project.root.parent / "scored.csv")


def alarm(project: Project, *words: object) -> bool:
    """What `monitor` says, by its exit code and by its file."""
    code = project.step("monitor", *words, ok=False).returncode
    verdict = project.yaml("reports/monitoring/monitor.json")
    assert code == (3 if verdict["alarm"] else 0)
    return bool(verdict["alarm"])


def aliases(project: Project) -> dict[str, str]:
    code = (
        "from machines.operate.registry import versions\n"
        "for v in versions():\n  print(*[f'{a}={v.number}' for a in v.aliases])"
    )
    words = project.python("-c", code).stdout.split()
    return dict(word.split("=") for word in words)


def test_the_loop_closes(machines: Project) -> None:
    """Score, watch, be alarmed, learn: the challenger stands beside the champion."""
    assert not (machines.root / "data/collected").exists()  # the pipeline's own scoring
    score(machines, readings(300, seed=2))
    assert not alarm(machines)
    score(machines, readings(300, seed=3))
    assert not alarm(machines)
    quiet = machines.step("retrain", "--if-drift", "--reason", "schedule")
    assert "nothing to do" in quiet.stdout
    kept = pd.read_parquet(machines.root / "data/collected")
    assert len(kept) == 600
    assert "fault" not in kept

    score(machines, readings(300, seed=4, drifted=True))
    assert alarm(machines, "--since", "10m")
    labelled = machines.root.parent / "labelled.csv"
    readings(1600, seed=5, drifted=True).to_csv(labelled, index=False)
    words = ("retrain", "--if-drift", "--data", labelled, "--reason", "drift")
    done = machines.step(*words)
    assert "1600 rows added; version 2" in done.stdout
    assert aliases(machines) == {"champion": "1", "challenger": "2"}
    assert alarm(machines)  # of the champion, though another model is in models/ now
    assert machines.yaml("reports/monitoring/monitor.json")["test_rows"] == 160
    assert "0 rows added; version 2" in machines.step(*words).stdout
    again = machines.step("retrain", "--if-new-data", "--reason", "schedule")
    assert "nothing to do" in again.stdout
    assert len(pd.read_csv(machines.root / "data/raw/readings.csv")) == 2400


def test_a_retraining_that_fails_the_gate_changes_nothing(machines: Project) -> None:
    before = aliases(machines)
    noise = readings(3000, seed=6)
    noise["fault"] = noise["fault"].sample(frac=1, random_state=0).to_numpy()
    labelled = machines.root.parent / "labelled.csv"
    noise.to_csv(labelled, index=False)
    done = machines.step("retrain", "--data", labelled, "--reason", "bad labels", ok=False)
    assert done.returncode == 1
    assert "the champion stays" in done.stderr
    assert "Traceback" not in done.stderr
    assert aliases(machines) == before


def test_labels_that_come_later_show_what_the_model_is_worth(machines: Project) -> None:
    labelled = machines.root.parent / "labelled.csv"
    readings(600, seed=7).to_csv(labelled, index=False)
    assert not alarm(machines, "--input", labelled)
    frame = readings(600, seed=8)
    frame.assign(fault=frame["fault"].map({"yes": "no", "no": "yes"})).to_csv(labelled, index=False)
    assert alarm(machines, "--input", labelled)
    checks = machines.yaml("reports/monitoring/monitor.json")["checks"]
    assert {check["kind"] for check in checks if check["alarm"]} == {"quality"}


def test_the_example_data_cannot_grow(veteran: Project) -> None:
    labelled = veteran.root / "data/raw/example.csv"
    done = veteran.step("retrain", "--data", labelled, "--reason", "more", ok=False)
    assert done.returncode == 1
    assert "tdsp onboard" in done.stderr


# --- What a crash or a full disk leaves ------------------------------------------------------


def test_collecting_killed_at_any_moment_leaves_whole_files(machines: Project) -> None:
    chance = random.Random(0)
    folder = machines.root / "data/collected"
    for _ in range(6):
        assert kill_after(machines, ["python", "-c", COLLECT], 0.8 + 2 * chance.random())
        for path in folder.glob("[0-9]*.parquet"):
            assert "fault" not in pd.read_parquet(path)
    assert list(folder.glob("[0-9]*.parquet"))
    score(machines, readings(300, seed=2))
    assert not alarm(machines)


def test_monitoring_killed_at_any_moment_leaves_whole_files(machines: Project) -> None:
    score(machines, readings(300, seed=2))
    folder = machines.root / "reports/monitoring"
    for _ in kills(machines, ["python", "-m", "machines", "monitor"], seed=1, times=6):
        if (folder / "monitor.json").exists():
            assert machines.yaml("reports/monitoring/monitor.json")["alarm"] is False
            assert (folder / "monitor.html").read_text("utf-8").endswith("</html>\n")
    assert not alarm(machines)


def test_retraining_killed_at_any_moment_is_run_again(machines: Project) -> None:
    labelled, raw = machines.root.parent / "labelled.csv", machines.root / "data/raw/readings.csv"
    readings(200, seed=9).to_csv(labelled, index=False)
    words = ["retrain", "--data", str(labelled), "--reason", "more"]
    for moment in (3, 5, 8):
        kill_after(machines, ["python", "-m", "machines", *words], moment)
        assert len(pd.read_csv(raw)) in (800, 1000)
    # As a kill leaves both while DVC writes.
    (machines.root / "dvc.lock").write_bytes(b"")
    for one in [*(machines.root / ".dvc/cache/runs").glob("*/*/*")]:
        one.unlink()
    done = machines.step(*words)
    assert "is the challenger" in done.stdout
    assert len(pd.read_csv(raw)) == 1000


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Make `folder` a disk of 64 KB, where this user may."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk; the template's tests simulate one")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_keeping_not_the_scoring(machines: Project) -> None:
    with small_disk(machines.root / "data/collected"):
        frame = readings(20_000, seed=2)
        source, output = machines.root.parent / "new.csv", machines.root.parent / "scored.csv"
        frame.drop(columns="fault").to_csv(source, index=False)
        done = machines.score(source, output)
        assert "rows are not collected" in done.stderr
        assert len(pd.read_csv(output)) == 20_000
    with small_disk(machines.root / "reports/monitoring"):
        (machines.root / "reports/monitoring/filler").write_bytes(b" " * 60_000)
        done = machines.step("monitor", "--input", source, ok=False)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_folder_that_is_a_file_stops_the_keeping_not_the_scoring(machines: Project) -> None:
    """Root may write to a read-only folder, but to nothing below a file."""
    folder = machines.root / "data/collected"
    if os.geteuid():
        folder.mkdir()
        folder.chmod(0o555)
    else:
        folder.write_text("", encoding="utf-8")
    with tempfile.TemporaryDirectory() as place:
        source, output = Path(place) / "new.csv", Path(place) / "scored.csv"
        readings(300, seed=2).drop(columns="fault").to_csv(source, index=False)
        done = machines.score(source, output)
        assert "rows are not collected" in done.stderr
        assert len(pd.read_csv(output)) == 300


# --- How often it is wrong -------------------------------------------------------------------

FALSE_ALARMS = """
from tests.machinery.operate.test_drift import alarms, world
print(sum(bool(alarms(world(2000, 10_000 + i), world(300, i))) for i in range(200)))
"""


def test_windows_without_drift_are_quiet(fresh: Project) -> None:
    """At a rate of 1 %, more than 7 alarms of 200 windows have a probability of 0.1 %."""
    assert int(fresh.run("python", "-c", FALSE_ALARMS).stdout) <= 7
