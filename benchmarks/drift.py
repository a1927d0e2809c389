"""Share of windows in which the monitor raises an alarm, by kind and size of the change.

Run it with a rendered project's `src/` as the argument; it prints a table for the documents.
Of 11 columns one changes (of a relation: two); the reference has 4,000 rows. In brackets: windows
in which the monitor notices something, without an alarm. With `columns` as the second argument the
classifier of all inputs together, which takes most of the time, is left out: its p is 1, and the
tests of the columns are corrected for it all the same. With `relations` only relations between
columns change, and each column keeps its distribution: nothing but that classifier can see it.
With `false` nothing changes, in 120 windows a cell.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

REFERENCE, SIZES = 4_000, {100: 20, 500: 20, 2_000: 20}
RELATED = {200: 10, 1_000: 10, 5_000: 10}
FALSE = {200: 40, 1_000: 40}
Change = Callable[[pd.DataFrame], pd.DataFrame]


def world(rows: int, seed: int) -> pd.DataFrame:
    """Return eight columns of numbers and three of texts."""
    random = np.random.default_rng(seed)
    numbers = {f"n{i}": random.normal(size=rows) for i in range(8)}
    texts = {f"t{i}": random.choice(list("abcd"), rows, p=[0.4, 0.3, 0.2, 0.1]) for i in range(3)}
    return pd.DataFrame(numbers | texts)


def first(frame: pd.DataFrame, name: str, share: float, value: str | None) -> pd.DataFrame:
    """Put `value` into that share of the rows."""
    return frame.assign(**{name: frame[name].mask(frame.index < share * len(frame), value)})


CHANGES: dict[str, Change] = {
    "nothing": lambda f: f,
    "mean + 0.1 sd": lambda f: f.assign(n0=f["n0"] + 0.1),
    "mean + 0.2 sd": lambda f: f.assign(n0=f["n0"] + 0.2),
    "mean + 0.3 sd": lambda f: f.assign(n0=f["n0"] + 0.3),
    "mean + 0.5 sd": lambda f: f.assign(n0=f["n0"] + 0.5),
    "sd times 1.5": lambda f: f.assign(n0=f["n0"] * 1.5),
    "missing 0 → 9 %": lambda f: first(f, "n0", 0.09, None),
    "new text, 9 % of the rows": lambda f: first(f, "t0", 0.09, "z"),
    "new text, 15 % of the rows": lambda f: first(f, "t0", 0.15, "z"),
    "correlation 0 → 0.8": lambda f: f.assign(n0=0.8 * f["n1"] + 0.6 * f["n0"]),
}


def related(correlation: float = 0.6, interaction: float = 0.8) -> Change:
    """Relate n0 to n1, and n2 to n3 with another sign in the rows of t0 = a than in the others."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        sign = np.where(frame["t0"] == "a", 1, -1) * interaction
        return frame.assign(
            n0=correlation * frame["n1"] + (1 - correlation**2) ** 0.5 * frame["n0"],
            n2=sign * frame["n3"] + (1 - interaction**2) ** 0.5 * frame["n2"],
        )

    return change


RELATIONS: dict[str, Change] = {
    "nothing": related(),
    "correlation 0.6 → 0.3": related(0.3),
    "correlation 0.6 → 0": related(0.0),
    "correlation 0.6 → -0.6": related(-0.6),
    "interaction of three columns gone": related(interaction=0.0),
    "interaction of three columns turned around": related(interaction=-0.8),
}


def main() -> None:
    """Print the table."""
    source = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(source))
    package = next(path.parent.name for path in source.glob("*/settings.py"))
    monitor = importlib.import_module(f"{package}.operate.monitor")
    if "columns" in sys.argv[2:]:
        silent = monitor.Difference("domain classifier", 0.0, 1.0)
        vars(monitor)["together"] = lambda *_: silent
    limits = importlib.import_module(f"{package}.settings").Monitor()
    only = "relations" in sys.argv[2:]
    changes, sizes = (RELATIONS, RELATED) if only else (CHANGES, SIZES)
    if "false" in sys.argv[2:]:
        changes, sizes = {"nothing": RELATIONS["nothing"]}, FALSE
    reference = changes["nothing"](world(REFERENCE, 10**6))
    print("| change | " + " | ".join(f"{rows:,} rows" for rows in sizes) + " |")
    print("|---|" + "---:|" * len(sizes))
    for number, (name, change) in enumerate(changes.items()):
        cells = []
        for rows, windows in sizes.items():
            windows *= 3 if name == "nothing" else 1  # the rate of false alarms is the claim
            alarms = noticed = 0
            for i in range(windows):
                window = change(world(rows, 1_000 * number + i))
                pairs = {("data", c): (reference[c], window[c]) for c in reference}
                checks = monitor.drift_checks(pairs, limits)
                alarm = any(check.alarm for check in checks)
                alarms += alarm
                noticed += not alarm and any(check.noticed for check in checks)
            cells.append(f"{alarms / windows:.0%} ({noticed / windows:.0%}) of {windows}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
