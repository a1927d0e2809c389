"""Play a project's first day: `make demo`."""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
STAGES = 9

console = Console()


@contextmanager
def step(number: int, title: str) -> Iterator[None]:
    """Show a step and the seconds that it took."""
    started = time.monotonic()
    with console.status(f"{number}/4 {title} …"):
        yield
    console.print(f"{number}/4 {title:<46} {time.monotonic() - started:6.1f} s", highlight=False)


def run(*command: str, cwd: Path) -> None:
    """Run a command quietly; on failure show what it said and stop."""
    # The project gets an environment of its own, made with this very Python.
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment |= {"UV_PYTHON": sys.executable, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        console.print(done.stdout, done.stderr, highlight=False, markup=False)
        sys.exit(f"error: `{' '.join(command)}` failed in {cwd}")


def show(project: Path) -> None:
    """Print verdict, metrics with their baselines, three scored rows and the report's place."""
    reports = project / "reports"
    gate = json.loads((reports / "gate.json").read_text(encoding="utf-8"))
    metrics = json.loads((reports / "metrics.json").read_text(encoding="utf-8"))
    chosen = json.loads((reports / "selection.json").read_text(encoding="utf-8"))["chosen"]
    verdict = "passed" if gate["passed"] else "REJECTED"
    console.print(f"\n[bold]Gate: {verdict}[/] (model {gate['model_id']}, {chosen})")
    for check in gate["checks"]:
        mark = "pass" if check["passed"] else "FAIL"
        console.print(f"  {mark}  {check['rule']}: {check['figures']}", highlight=False)
    table = Table("on the test set", *metrics["model"], box=None, header_style="dim")
    for name in ("model", "linear", "trivial"):
        table.add_row(name, *(f"{value:.4f}" for value in metrics[name].values()))
    console.print("\n[bold]Metrics beside the baselines[/]", table, sep="\n")
    with (project / "data/processed/scored.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[:4]
    scored = Table(*rows[0], box=None, header_style="dim")
    for row in rows[1:]:
        scored.add_row(*row)
    console.print("\n[bold]Three scored rows[/]", scored, sep="\n")
    console.print(f"\n[bold]Report[/]  {reports / 'report.html'}", soft_wrap=True, highlight=False)
    console.print(f"[bold]Project[/] {project}", soft_wrap=True, highlight=False)


def main() -> None:
    """Generate, install, run the pipeline, show what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "demo")
    folder: Path = parser.parse_args().into.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    project = folder / "demo-project"
    with step(1, "Generate a project (tdsp new)"):
        run(str(BIN / "tdsp"), "new", "Demo project", "--defaults", "--into", ".", cwd=folder)
    with step(2, "Install it (uv sync)"):
        run("uv", "sync", "--quiet", cwd=project)
    with step(3, f"Run its pipeline, {STAGES} stages (poe pipeline)"):
        run("uv", "run", "--quiet", "poe", "pipeline", cwd=project)
    with step(4, "Check that a second run has nothing to do"):
        run("uv", "run", "--quiet", "poe", "pipeline", cwd=project)
    show(project)


if __name__ == "__main__":
    main()
