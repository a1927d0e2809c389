"""Run commands as child processes and say what each of them cost."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Cost:
    """Wall and CPU seconds of a command with its children; `peak` is the largest process, in MB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Figure:
    """One line of the results: the median of `runs`, with their range."""

    name: str
    median: float
    low: float
    high: float
    unit: str
    runs: int


@dataclass(frozen=True)
class Ratio:
    """What a goal is set for; `goal` is None for what is only told."""

    name: str
    value: float
    goal: str | None = None
    met: bool | None = None


@dataclass(frozen=True)
class Section:
    """The results of one benchmark; `notes` say what was compared and what was left out."""

    title: str
    figures: list[Figure]
    ratios: list[Ratio]
    notes: list[str]


def run(*command: str, cwd: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end. Raises SystemExit with its output when it fails.

    The kernel starts a child's peak memory at that of its parent, so nothing heavy may be
    imported into this process.
    """
    log = cwd / ".benchmark.log"
    started = time.perf_counter()
    with log.open("wb") as file:
        child = subprocess.Popen(command, cwd=cwd, env=env, stdout=file, stderr=file)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        said = log.read_text(encoding="utf-8", errors="replace")[-4000:]
        sys.exit(f"{said}\nerror: `{' '.join(command)}` failed")
    log.unlink()
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


def interleaved(
    repeats: int, runs: Mapping[str, Callable[[], Measured]], warm_up: bool
) -> dict[str, list[Measured]]:
    """Run all of them in turn, `repeats` times, so that a slow minute hits them alike."""
    results: dict[str, list[Measured]] = {name: [] for name in runs}
    for turn in range(-1 if warm_up else 0, repeats):
        for name, action in runs.items():
            result = action()
            print(f"  {'warm-up' if turn < 0 else turn + 1}: {name}", file=sys.stderr)
            if turn >= 0:
                results[name].append(result)
    return results


def figure(name: str, values: list[float], unit: str) -> Figure:
    return Figure(name, statistics.median(values), min(values), max(values), unit, len(values))


def at_most(name: str, value: float, limit: float) -> Ratio:
    return Ratio(name, value, f"at most {limit:g}", value <= limit)


def at_least(name: str, value: float, limit: float) -> Ratio:
    return Ratio(name, value, f"at least {limit:g}", value >= limit)
