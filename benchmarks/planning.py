"""What `tdsp adopt plan` costs on an invented repository of 10,000 files, beside parsing alone."""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from checking import PARSE
from places import commit
from timing import Ratio, Section, at_most, figure, run

SIZE, GOAL = 10_000, 10.0  # wall seconds, on two cores that nothing else wants
AREAS = ("scoring", "training", "helpers", "cleaning", "plots")
TABLES, SCRIPTS, GROUP = 2_000, 150, 60
MODULE = '''"""Step {n} of {area}."""

import os

import numpy as np
import pandas as pd
from {first} import smooth as smooth_{n}
from {folder} import {second}

SOURCE = "data/table_{table}.csv"
MODEL = os.path.join(os.path.dirname(__file__), "..", "..", "models", "model_{model}.pkl")


class Step{n}:
    """Holds the settings of this step and the numbers that it has seen."""

    def __init__(self, rows, rate=0.5, depth={model}):
        self.rows = rows
        self.rate = rate
        self.depth = depth
        self.seen = {{}}

    def update(self, values):
        """Add values to what was seen, the largest first."""
        for key, value in sorted(values.items(), key=lambda pair: -pair[1]):
            if key in self.seen and self.seen[key] >= value:
                continue
            self.seen[key] = value * self.rate + {n}
        return self

    def summary(self):
        if not self.seen:
            return {{"mean": 0.0, "count": 0}}
        mean = sum(self.seen.values()) / len(self.seen)
        return {{"mean": mean, "count": len(self.seen), "largest": max(self.seen.values())}}


def smooth(values, width=3):
    """Return the moving mean of a list of numbers."""
    result = []
    for place in range(len(values)):
        near = values[max(0, place - width) : place + width + 1]
        result.append(sum(near) / len(near))
    return result


def encode(frame, columns=("age", "income", "region")):
    """Return a frame with the columns as numbers."""
    frame = frame.copy()
    for column in columns:
        if frame[column].dtype == object:
            frame[column] = frame[column].astype("category").cat.codes
        frame[column] = frame[column].fillna(frame[column].median())
        frame[f"{{column}}_scaled"] = (frame[column] - frame[column].mean()) / frame[column].std()
    return frame


def split(frame, share=0.8, seed={n}):
    """Return two parts of a frame, drawn at random."""
    rng = np.random.default_rng(seed)
    chosen = rng.random(len(frame)) < share
    return frame[chosen], frame[~chosen]


def load(limit=None):
    """Read the rows of this step."""
    frame = pd.read_csv(SOURCE, nrows=limit)
    other = pd.read_csv("data/table_{other}.csv")
    frame = frame.merge(other, on="id", how="left")
    return encode(frame.dropna(subset=["id"]))
'''
START = """

if __name__ == "__main__":
    first, second = split(load())
    {second}.Step{number}(len(first)).update(smooth_{n}(second))
"""


def measure(source: Path, work: Path, env: dict[str, str]) -> Section:
    """Time one plan of level 2, and its floor right before it."""
    own = env | {"PYTHONPATH": str(source / "src"), "TDSP_CACHE": str(work / "cache")}
    place, out = large(work / "adopted", own), work / "plan"
    floor = run(sys.executable, "-c", PARSE, str(place), cwd=work, env=own)
    words = ("adopt", "plan", str(place), "--level", "2", "--yes", "--out", str(out))
    cost = run(sys.executable, "-m", "tdsp", *words, cwd=work, env=own)
    edited = (out / "plan.yaml").read_text(encoding="utf-8").count("\n  edits:")
    figures = [
        figure("10,000 files: parse: CPU", [floor.cpu], "s"),
        figure("10,000 files: CPU, with all processes", [cost.cpu], "s"),
        figure("10,000 files: wall", [cost.wall], "s"),
        figure("10,000 files: peak memory of the largest process", [cost.peak], "MB"),
    ]
    ratios = [
        at_most("10,000 files: wall seconds", cost.wall, GOAL),
        Ratio("10,000 files: tdsp adopt plan to parse", cost.cpu / floor.cpu),
    ]
    notes = [
        f"An invented repository, of which {edited:,} files are edited: modules that import each "
        "other and read tables that move. Parse is a Python that parses every file of Python, "
        "once. The goal is for two cores that nothing else wants; "
        f"{os.getloadavg()[0]:.1f} processes were waiting at the end.",
    ]
    return Section("tdsp adopt plan", figures, ratios, notes)


def large(place: Path, env: dict[str, str], size: int = SIZE) -> Path:
    """Write a repository of so many files; half of them are Python that has to be edited."""
    written = 0
    for name, text in files(size):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written += 1
    for number in range(size - written):
        path = place / f"configs/setting_{number}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"name: setting {number}\nrate: 0.{number}\n", encoding="utf-8")
    return commit(place, env)


def files(size: int) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file, the same for the same size."""
    source = random.Random(3)  # noqa: S311
    tables = min(TABLES, size // 5)
    places = [(AREAS[n % len(AREAS)], n // len(AREAS) // GROUP, n) for n in range(size // 2)]
    for folder in dict.fromkeys(
        each for area, group, _ in places for each in (area, f"{area}/group{group}")
    ):
        yield f"{folder}/__init__.py", ""
    for area, group, number in places:
        yield f"{area}/group{group}/step_{number}.py", _module(source, places, tables, area, number)
    for number in range(min(SCRIPTS, size // 50)):
        yield f"run_{number}.py", _module(source, places, tables, "all", number, START)
    for number in range(tables):
        yield f"data/table_{number}.csv", f"id,age,income\n1,40,{number}\n"
    for number in range(50):
        yield f"models/model_{number}.pkl", f"model {number}"


def _module(
    source: random.Random, places: list[tuple[str, int, int]], tables: int,
    area: str, n: int, end: str = "",
) -> str:  # fmt: skip
    (one, one_group, one_number), (two, two_group, two_number) = source.sample(places, 2)
    return (MODULE + end).format(
        n=n, area=area, model=n % 50, number=two_number, second=f"step_{two_number}",
        table=source.randrange(tables), other=source.randrange(tables),
        first=f"{one}.group{one_group}.step_{one_number}", folder=f"{two}.group{two_group}",
    )  # fmt: skip
