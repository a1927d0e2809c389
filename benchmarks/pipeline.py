"""How long the pipeline takes as stages of DVC, against the same steps in one process."""

import shutil
from pathlib import Path

from places import HERE, project
from timing import Cost, Ratio, Section, at_most, figure, interleaved, run

GOAL = 3.0
MADE = ["data/raw", "data/interim", "data/processed", "models", "reports", "dvc.lock", ".dvc/cache"]


def clear(folder: Path) -> None:
    """Take away all that a run has made."""
    for name in MADE:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def measure(source: Path, work: Path, env: dict[str, str], repeats: int) -> Section:
    """Time a first run, a run with nothing to do, and the steps in one process."""
    folder, python = project(source, work, env, "plain")
    env = env | {"PATH": f"{python.parent}:{env['PATH']}"}
    alone = work / "plain-alone"
    shutil.copytree(folder, alone, ignore=shutil.ignore_patterns(".venv", ".git"))

    def first() -> Cost:
        clear(folder)
        return run("dvc", "repro", cwd=folder, env=env)

    def again() -> Cost:
        return run("dvc", "repro", cwd=folder, env=env)

    def together() -> Cost:
        clear(alone)
        script = str(HERE / "child_pipeline.py")
        return run(str(python), script, cwd=alone, env=env)

    runs = {"dvc repro, from nothing": first, "dvc repro, nothing to do": again,
            "the same steps, one process": together}  # fmt: skip
    costs = interleaved(repeats, runs, warm_up=True)
    figures = [figure(name, [cost.wall for cost in many], "s") for name, many in costs.items()]
    whole, idle, least = (one.median for one in figures)
    ratios = [
        at_most("dvc repro to one process", whole / least, GOAL),
        Ratio("dvc repro with nothing to do to one process", idle / least),
    ]
    notes = [
        "The default project on its example data; the commands of dvc.yaml are called in one "
        "process, in their order, with their files written and read as in the stages.",
    ]
    return Section("Running the pipeline", figures, ratios, notes)
