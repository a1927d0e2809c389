"""Time and peak memory of the pipeline, from raw table to metrics, by the size of the table."""

import sys
from pathlib import Path

from places import project
from timing import Figure, Ratio, Section, figure, run

SIZES = (10_000, 100_000, 1_000_000)
NOTE = (
    "A synthetic table of 12 mixed columns as CSV, onboarded as anyone's own; the template's "
    "default candidates and folds, without a search. Counted is `dvc repro evaluate` from nothing: "
    "reading, checking, splitting, choosing by cross-validation, fitting, ONNX and its proof, "
    "measuring. Peak memory is that of the largest process. One run a size, beside other work: "
    "plan with memory and CPU time."
)


def measure(source: Path, work: Path, env: dict[str, str], sizes: list[int]) -> Section:
    """Onboard a table of each size into a project of its own and run its pipeline."""
    figures: list[Figure] = []
    for rows in sizes:
        table = work / f"table-{rows}.csv"
        made = ["generate", "--rows", str(rows), "--output", str(table)]
        own = env | {"PYTHONPATH": str(source / "src")}
        run(sys.executable, "-m", "tdsp", *made, cwd=work, env=own)
        options = ("--data", str(table), "--target", "churned")
        folder, python = project(source, work, env, f"rows-{rows}", *options)
        path = {"PATH": f"{python.parent}:{env['PATH']}"}
        cost = run("dvc", "repro", "evaluate", cwd=folder, env=env | path)
        name = f"{rows:,} rows"
        figures += [
            figure(f"{name}: wall time", [cost.wall], "s"),
            figure(f"{name}: CPU time", [cost.cpu], "s"),
            figure(f"{name}: peak memory", [cost.peak], "MB"),
        ]
    first, last = figures[2], figures[-1]
    growth = Ratio("peak memory, most rows to fewest", last.median / first.median)
    return Section("Training by size", figures, [growth], [NOTE])
