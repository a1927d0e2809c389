"""Play a project's first day: `make demo`."""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tdsp import INSTALL

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

console = Console()


def environment() -> dict[str, str]:
    """The project gets an environment of its own, made with this very Python."""
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return kept | {"UV_PYTHON": sys.executable, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


def run(title: str, *command: str, cwd: Path) -> list[str]:
    """Run a command, show when its stages begin and how long it takes; stop if it fails."""
    began, lines = time.monotonic(), []
    console.print(f"[bold]{title}[/]  {' '.join(command)}", highlight=False)
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        for line in process.stdout or []:
            lines.append(line)
            if line.startswith("Running stage"):
                console.print(f"  at {time.monotonic() - began:5.1f} s  {line.split()[-1][1:-2]}")
    if process.returncode:
        sys.exit("".join(lines) + f"error: `{' '.join(command)}` failed in {cwd}")
    console.print(f"     {time.monotonic() - began:5.1f} s  done")
    return lines


def show(project: Path) -> None:
    """Print verdict, metrics with their baselines, three scored rows and the report's place."""
    reports = project / "reports"
    gate, metrics, selection = (
        json.loads((reports / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("gate", "metrics", "cross_validation")
    )
    verdict = "passed" if gate["passed"] else "REJECTED"
    console.print(f"\n[bold]Gate: {verdict}[/]  model {gate['model_id']}: {selection['chosen']}")
    for check in gate["checks"]:
        mark = {True: "pass", False: "FAIL"}.get(check["passed"], "not judged")
        console.print(f"  {mark}  {check['rule']} ({check['figures']})", highlight=False)
    names = ("model", "linear", "dummy")
    table = Table("on the test set", *names, box=None, header_style="bold")
    for metric in metrics["model"]:
        table.add_row(metric, *(f"{metrics[name][metric]:.4f}" for name in names))
    console.print("\n", table)
    with (project / "data/processed/scored.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:3]
    shown = [name for name in rows[0] if name not in ("model_id", "scored_at")]
    scored = Table("three scored rows", *shown[1:], box=None, header_style="bold")
    for row in rows:
        scored.add_row(*(_short(row[name]) for name in shown))
    console.print("\n", scored)
    console.print(f"\n[bold]Report[/]   {reports / 'report.html'}", soft_wrap=True, highlight=False)
    console.print(f"[bold]Project[/]  {project}", soft_wrap=True, highlight=False)


def _short(text: str) -> str:
    return f"{float(text):.4f}" if "." in text else text


def main() -> None:
    """Generate, install, run the pipeline, show what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "demo")
    folder: Path = parser.parse_args().into.resolve()
    if folder.exists() and not (folder / "demo-project").is_dir() and any(folder.iterdir()):
        sys.exit(f"error: {folder} holds something else; choose another place with --into")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    project, began = folder / "demo-project", time.monotonic()
    run("1/4 Generate", "tdsp", "new", "Demo project", "--defaults", cwd=folder)
    run("2/4 Install", *INSTALL.split(), cwd=project)
    run("3/4 Train, evaluate, gate, score", "uv", "run", "poe", "pipeline", cwd=project)
    again = run("4/4 Again: nothing to do", "uv", "run", "poe", "pipeline", cwd=project)
    if any(line.startswith("Running stage") for line in again):
        sys.exit("error: the second run was not idle")
    console.print(f"{time.monotonic() - began:.0f} s in all", highlight=False)
    show(project)


if __name__ == "__main__":
    main()
