"""Scoring: any format, bad rows aside, the order kept, the memory flat."""

import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.project.living import BIN, Project

FORMATS = (".csv", ".parquet", ".jsonl", ".xlsx")
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.fixture(scope="module", params=["trained", "batched"])
def scorer(request: pytest.FixtureRequest) -> Project:
    """A project that scores files, and one that scores the file of each date as well."""
    found: Project = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def own(scorer: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    return scorer.copy(tmp_path / "ml-project")


@pytest.fixture(scope="module")
def rows(scorer: Project) -> pd.DataFrame:
    """The example data in another order, as it would come without an answer."""
    raw = pd.read_csv(scorer.root / "data/raw/example.csv")
    return raw.sample(frac=1, random_state=0, ignore_index=True).drop(columns="diagnosis")


def write(frame: pd.DataFrame, path: Path) -> Path:
    writers = {
        ".csv": lambda: frame.to_csv(path, index=False),
        ".parquet": lambda: frame.to_parquet(path, index=False),
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True, double_precision=15),
        ".xlsx": lambda: frame.to_excel(path, index=False),
    }
    writers[path.suffix]()
    return path


def test_every_format_gives_the_same_predictions(
    scorer: Project, rows: pd.DataFrame, tmp_path: Path
) -> None:
    found = {}
    for suffix in FORMATS:
        output = tmp_path / f"scored_{suffix[1:]}.csv"
        scorer.score(write(rows, tmp_path / f"new{suffix}"), output)
        found[suffix] = pd.read_csv(output).drop(columns="scored_at")
    assert found[".csv"]["row"].tolist() == list(range(1, len(rows) + 1))
    assert found[".csv"]["prediction"].nunique() == 2
    for suffix in FORMATS[1:]:
        pd.testing.assert_frame_equal(found[suffix], found[".csv"], rtol=1e-9)


def test_the_order_is_kept_and_every_row_is_judged_alone(
    scorer: Project, rows: pd.DataFrame, tmp_path: Path
) -> None:
    scorer.score(write(rows, tmp_path / "new.csv"), tmp_path / "one.csv")
    scorer.score(write(rows[::-1], tmp_path / "back.csv"), tmp_path / "two.parquet")
    one = pd.read_csv(tmp_path / "one.csv")["prediction"]
    two = pd.read_parquet(tmp_path / "two.parquet")["prediction"]
    assert one.tolist() == two.tolist()[::-1]
    assert one.tolist() != two.tolist()


def spoiled(rows: pd.DataFrame) -> pd.DataFrame:
    """Faults in the 3rd, 10th and 11th row: out of range, no number, no value."""
    frame = rows.astype({"mean_radius": object})
    frame.loc[2, "mean_radius"] = -1
    frame.loc[9, "mean_radius"] = "wide"
    frame.loc[10, "mean_radius"] = None
    return frame


def test_bad_rows_are_set_aside_with_reasons(
    scorer: Project, rows: pd.DataFrame, tmp_path: Path
) -> None:
    done = scorer.score(write(spoiled(rows), tmp_path / "new.csv"), tmp_path / "out.csv")
    scored, rejects = (pd.read_csv(tmp_path / name) for name in ("out.csv", "out_rejects.csv"))
    assert rejects["row"].tolist() == [3, 10, 11]
    assert set(rejects["column"]) == {"mean_radius"}
    assert rejects["reason"].notna().all()
    assert sorted([*scored["row"], *rejects["row"]]) == list(range(1, len(rows) + 1))
    assert f"{len(rows) - 3} rows scored" in done.stdout


def test_bad_rows_stop_the_run_when_so_asked(
    own: Project, rows: pd.DataFrame, tmp_path: Path
) -> None:
    own.set("score", on_bad_rows="stop")
    source = write(spoiled(rows), tmp_path / "new.csv")
    done = own.score(source, tmp_path / "out.csv", ok=False)
    assert done.returncode != 0
    assert "mean_radius" in done.stderr
    assert [path.name for path in tmp_path.glob("*out*")] == []


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_memory_stays_flat(suffix: str, own: Project, rows: pd.DataFrame, tmp_path: Path) -> None:
    own.set("score", batch_rows=10_000)
    peaks = []
    for count in (30_000, 300_000):
        many = rows.iloc[np.arange(count) % len(rows)]
        source, output = write(many, tmp_path / f"{count}{suffix}"), tmp_path / f"out_{count}.csv"
        peaks.append(peak_megabytes(own, source, output))
        assert sum(1 for _ in output.open("rb")) == count + 1
    assert peaks[1] - peaks[0] < 150


def peak_megabytes(project: Project, source: Path, output: Path) -> float:
    """The most memory that scoring a file took."""
    python = str(project.environment / BIN / "python")
    score = [python, "-m", project.package, "score", "--input", source, "--output", output]
    done = subprocess.run(
        [python, "-c", MEASURE, *map(str, score)],
        cwd=project.root, env=project.env, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(done.stdout) / 1024
