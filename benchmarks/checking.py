"""What `tdsp check` costs on a fresh project of each level, beside reading and parsing alone."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from places import commit
from timing import Cost, Figure, Ratio, Section, at_most, figure, interleaved, run

LEVELS = ("train", "operate", "govern")
GOAL = 0.65  # CPU seconds, of a project of level train
# The least that any checker of Python does, and a Python that imports what `tdsp check` imports.
PARSE = """
import ast, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("*.py"):
    ast.parse(path.read_text(encoding="utf-8"))
"""
START_UP = "import tdsp.cli, tdsp.check.run, tdsp.check.report"


def measure(source: Path, work: Path, env: dict[str, str], repeats: int) -> Section:
    """Time the command and its floor, interleaved."""
    own = env | {"PYTHONPATH": str(source / "src")}
    commands = {"start-up": [sys.executable, "-c", START_UP]}
    for level in LEVELS:
        made = work / level
        new = [sys.executable, "-m", "tdsp", "new", level, "--defaults", "--no-git"]
        answer = ["--set", f"level={level}", "--into", str(work)]
        subprocess.run([*new, *answer], env=own, check=True, stdout=subprocess.DEVNULL)
        commit(made, env)
        commands[f"{level}: parse"] = [sys.executable, "-c", PARSE, str(made)]
        commands[f"{level}: tdsp check"] = [sys.executable, "-m", "tdsp", "check", str(made)]

    def timed(command: list[str]) -> Cost:
        return run(*command, cwd=work, env=own)

    runs = {name: partial(timed, command) for name, command in commands.items()}
    costs = interleaved(repeats, runs, warm_up=True)
    cpu = {name: figure(f"{name}: CPU", [c.cpu for c in many], "s") for name, many in costs.items()}
    peak = [
        figure(f"{level}: peak memory", [c.peak for c in costs[f"{level}: tdsp check"]], "MB")
        for level in LEVELS
    ]
    notes = [
        "Start-up is a Python that imports what the command imports, and ends. Parse is a Python "
        "that parses every file of the project's Python, once.",
    ]
    return Section("tdsp check", [*cpu.values(), *peak], ratios(cpu), notes)


def ratios(cpu: dict[str, Figure]) -> list[Ratio]:
    """Compare medians of CPU seconds."""
    found = [at_most("train: CPU seconds", cpu["train: tdsp check"].median, GOAL)]
    for level in LEVELS:
        check, parse = cpu[f"{level}: tdsp check"].median, cpu[f"{level}: parse"].median
        found.append(Ratio(f"{level}: tdsp check to parse", check / parse))
    return found
