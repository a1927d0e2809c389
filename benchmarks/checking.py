"""What `tdsp check` costs on fresh projects and on a large repository, beside parsing alone."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from places import HERE, commit
from timing import Cost, Figure, Ratio, Section, at_most, figure, interleaved, run

LEVELS = ("train", "operate", "govern")
GOAL = 0.65  # CPU seconds, of a project of level train
INSIDE = {"nothing": 5.0, "content": None, "changed": 60.0, "cold": None}  # milliseconds
LARGE, LARGE_SECONDS, LARGE_MEMORY, LINEAR = (5_000, 10_000), 20.0, 300.0, 2.4
# The least that any checker of Python does, and a Python that imports what `tdsp check` imports.
PARSE = """
import ast, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("*.py"):
    ast.parse(path.read_text(encoding="utf-8"))
"""
START_UP = "import tdsp.cli, tdsp.check.run, tdsp.check.report"


def measure(source: Path, work: Path, env: dict[str, str], repeats: int) -> Section:
    """Time the command and its floor, interleaved; then the states of the cache, in a process."""
    own = env | {"PYTHONPATH": str(source / "src"), "TDSP_CACHE": str(work / "cache")}
    commands = {"start-up": [sys.executable, "-c", START_UP]}
    check = [sys.executable, "-m", "tdsp", "check"]
    for level in LEVELS:
        made = project(work, level, own)
        commands[f"{level}: parse"] = [sys.executable, "-c", PARSE, str(made)]
        commands[f"{level}: tdsp check"] = [*check, str(made), "--no-cache"]
        commands[f"{level}: tdsp check again"] = [*check, str(made)]
    several = {size: large(work, size, own) for size in LARGE}

    def timed(command: list[str]) -> Cost:
        return run(*command, cwd=work, env=own)

    runs = {name: partial(timed, command) for name, command in commands.items()}
    costs = interleaved(repeats, runs, warm_up=True)
    cpu = {name: figure(f"{name}: CPU", [c.cpu for c in many], "s") for name, many in costs.items()}
    peak = [
        figure(f"{level}: peak memory", [c.peak for c in costs[f"{level}: tdsp check"]], "MB")
        for level in LEVELS
    ]
    inside = within(work, own, repeats)
    floor = {size: timed([sys.executable, "-c", PARSE, str(at)]) for size, at in several.items()}
    many = {size: timed([*check, str(place), "--no-cache"]) for size, place in several.items()}
    whole = [
        each
        for size, cost in many.items()
        for each in (
            figure(f"{size:,} files: parse: CPU", [floor[size].cpu], "s"),
            figure(f"{size:,} files: CPU", [cost.cpu], "s"),
            figure(f"{size:,} files: peak memory", [cost.peak], "MB"),
        )
    ]
    notes = [
        "Start-up is a Python that imports what the command imports, and ends. Parse is a Python "
        "that parses every file of the project's Python, once.",
        "Again is the command when nothing has changed. In a process: nothing has changed; a file "
        "was touched (content); one file of Python was edited (changed); all is new (cold).",
        "The large repositories are copies of a fresh project, each Python file with a comment of "
        f"its own, run once. {os.getloadavg()[0]:.1f} processes were waiting at the end.",
    ]
    figures = [*cpu.values(), *peak, *inside.values(), *whole]
    most = LARGE[-1]
    least = Ratio(f"{most:,} files: tdsp check to parse", many[most].cpu / floor[most].cpu)
    return Section("tdsp check", figures, [*ratios(cpu), *bounds(inside, many), least], notes)


def project(work: Path, level: str, env: dict[str, str]) -> Path:
    """Make a fresh project of a level, as a repository of one commit."""
    new = [sys.executable, "-m", "tdsp", "new", level, "--defaults", "--no-git"]
    answer = ["--set", f"level={level}", "--into", str(work)]
    subprocess.run([*new, *answer], env=env, check=True, stdout=subprocess.DEVNULL)
    return commit(work / level, env)


def large(work: Path, size: int, env: dict[str, str]) -> Path:
    """Write so many files: copies of the project of level train, each of them with other Python."""
    made, place = work / LEVELS[0], work / f"large-{size}"
    names = [p.relative_to(made) for p in sorted(made.rglob("*")) if p.is_file()]
    # A folder with a licence of its own would be somebody else's.
    names = [name for name in names if name.parts[0] not in {".git", "LICENSE"}]
    for number in range(size):
        copy, name = divmod(number, len(names))
        content = (made / names[name]).read_bytes()
        if names[name].suffix == ".py":
            content += f"\n# {copy}\n".encode()
        target = place / f"project_{copy}" / names[name]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return commit(place, env)


def within(work: Path, env: dict[str, str], repeats: int) -> dict[str, Figure]:
    """Time the states of the cache inside processes of their own, each with an empty cache."""
    found: dict[str, list[float]] = {name: [] for name in INSIDE}
    for turn in range(repeats):
        own = env | {"TDSP_CACHE": str(work / f"cache-{turn}")}
        child = [sys.executable, str(HERE / "child_check.py"), str(work / LEVELS[0])]
        done = subprocess.run(child, env=own, check=True, capture_output=True, text=True)
        for name, cost in json.loads(done.stdout).items():
            found[name].append(cost)
    return {
        name: figure(f"{LEVELS[0]}: in a process, {name}: CPU", costs, "ms")
        for name, costs in found.items()
    }


def ratios(cpu: dict[str, Figure]) -> list[Ratio]:
    """Compare medians of CPU seconds."""
    found = [at_most("train: CPU seconds", cpu["train: tdsp check"].median, GOAL)]
    for level in LEVELS:
        check, parse = cpu[f"{level}: tdsp check"].median, cpu[f"{level}: parse"].median
        found.append(Ratio(f"{level}: tdsp check to parse", check / parse))
    return found


def bounds(inside: dict[str, Figure], many: dict[int, Cost]) -> list[Ratio]:
    """Compare what the cache saves, and the large repositories, with their goals."""
    found = [
        at_most(f"in a process, {name}: CPU milliseconds", inside[name].median, goal)
        for name, goal in INSIDE.items()
        if goal is not None
    ]
    small, big = (many[size] for size in LARGE)
    return [
        *found,
        at_most("10,000 files: CPU seconds", big.cpu, LARGE_SECONDS),
        at_most("10,000 files: peak MB", big.peak, LARGE_MEMORY),
        at_most("10,000 files to 5,000: CPU", big.cpu / small.cpu, LINEAR),
    ]
