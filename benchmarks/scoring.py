"""Rows per CPU second and peak memory of scoring files, against the model alone."""

import json
import re
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from places import HERE, project
from timing import Cost, Figure, Section, at_least, at_most, figure, interleaved, run

GOAL = 0.85
PEAK = 400
FLAT = 1.25
LEARNED = 10_000
FRAME = 100_000
MODEL = "blend"
NOTE = (
    f"A synthetic table of 11 mixed columns as Parquet; model: {MODEL}, the mean of a linear one "
    f"and boosting of 100 trees with 31 leaves, learned on {LEARNED:,} rows, as ONNX; one thread "
    "each. Scoring counts the whole command: start, reading, checking every cell, encoding, "
    f"predicting, writing. The model alone is the same ONNX model on {FRAME:,} encoded rows that "
    "are ready in memory, again and again; its start is not counted. The smaller the model, the "
    "smaller its share: a linear one predicts faster than a table can be read and checked. The "
    "project has the answer serving=batch, which scores Parquet without pandas."
)
START = "score 1 row: CPU time of the start"


def prepare(
    source: Path, work: Path, env: dict[str, str], name: str = "churn", *more: str
) -> tuple[Path, Path]:
    """Make a project on the synthetic churn table and train MODEL; its folder and Python."""
    table = work / "churn.csv"
    words = ("-m", "tdsp", "generate", "--rows", str(LEARNED), "--output", str(table))
    run(sys.executable, *words, cwd=work, env=env | {"PYTHONPATH": str(source / "src")})
    options = ("--data", str(table), "--target", "churned", *more)
    folder, python = project(source, work, env, name, *options)
    params = folder / "params.yaml"
    text = params.read_text(encoding="utf-8")
    one = re.sub(r"candidates: \[.*?\]", f"candidates: [{MODEL}]", text)
    # A slow rate, because a model that learned the noise would not pass the gate.
    for name, value in {"max_leaf_nodes": "31", "learning_rate": "0.03"}.items():
        one = re.sub(rf"{name}: [\d.]+", f"{name}: {value}", one)
    params.write_text(one, encoding="utf-8")
    run("dvc", "repro", cwd=folder, env=env | {"PATH": f"{python.parent}:{env['PATH']}"})
    return folder, python


def grow(source: Path, work: Path, env: dict[str, str], sizes: list[int]) -> dict[int, Path]:
    """Write one Parquet file a size, drawn like the table that was learned on."""
    tables = {rows: work / f"rows-{rows}.parquet" for rows in sizes}
    for rows, path in tables.items():
        script = str(HERE / "child_rows.py")
        own = env | {"PYTHONPATH": str(source / "src")}
        run(sys.executable, script, str(rows), str(path), cwd=work, env=own)
    return tables


def measure(
    source: Path, work: Path, env: dict[str, str], repeats: int, sizes: list[int]
) -> Section:
    """Score each size with the project's own command, and one frame with the model alone."""
    folder, python = prepare(source, work, env, "churn", "--set", "serving=batch")
    tables = grow(source, work, env, [1, FRAME, *sizes])
    # One thread: what a second thread waits would count as CPU time.
    env = env | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def scored(rows: int) -> Cost:
        output = work / "scored.parquet"
        command = ["score", "--input", str(tables[rows]), "--output", str(output)]
        cost = run(str(python), "-m", folder.name, *command, cwd=folder, env=env)
        output.unlink()
        return cost

    def alone() -> float:
        result = work / "alone.json"
        script = [str(HERE / "child_model.py"), folder.name, str(tables[FRAME]), str(result)]
        run(str(python), *script, cwd=folder, env=env)
        speed: float = json.loads(result.read_text(encoding="utf-8"))["rows_per_cpu_second"]
        return speed

    runs: dict[str, Callable[[], Cost | float]] = {"model alone": alone}
    runs[START] = partial(scored, 1)
    runs |= {f"score {rows:,} rows": partial(scored, rows) for rows in sizes}
    return summary(interleaved(repeats, runs, warm_up=False), sizes)


def summary(costs: dict[str, list[Cost | float]], sizes: list[int]) -> Section:
    """Set speeds and peaks side by side."""
    speeds = [float(speed) for speed in costs["model alone"] if not isinstance(speed, Cost)]
    starts = [cost.cpu for cost in costs[START] if isinstance(cost, Cost)]
    figures = [figure("model alone", speeds, "rows per CPU s"), figure(START, starts, "s")]
    ratios, peaks = [], []
    for rows in sizes:
        name = f"score {rows:,} rows"
        many = [cost for cost in costs[name] if isinstance(cost, Cost)]
        figures += _figures(name, rows, many)
        share = statistics.median(rows / cost.cpu for cost in many) / statistics.median(speeds)
        ratios.append(at_least(f"{name} to the model alone", share, GOAL))
        peaks.append(statistics.median(cost.peak for cost in many))
    ratios.append(at_most("peak memory, most rows to fewest", peaks[-1] / peaks[0], FLAT))
    ratios.append(at_most(f"peak memory to {PEAK} MB", max(peaks) / PEAK, 1))
    return Section("Scoring files", figures, ratios, [NOTE])


def _figures(name: str, rows: int, many: list[Cost]) -> list[Figure]:
    return [
        figure(name, [rows / cost.cpu for cost in many], "rows per CPU s"),
        figure(f"{name}: wall time", [cost.wall for cost in many], "s"),
        figure(f"{name}: peak memory", [cost.peak for cost in many], "MB"),
    ]
