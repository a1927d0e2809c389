"""Generates synthetic tables with the faults of real ones: for tests, demonstrations and drift.

No row describes a real person or firm. `tdsp generate` names its files synthetic_….
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pandas as pd

Trap = Literal[
    "constant", "id", "leak", "leak_missing", "near_perfect", "cardinality", "prose", "duplicates",
    "mixed", "markers", "imbalance", "target_missing", "mostly_missing", "variants", "infinite",
    "codes", "group", "names",
]  # fmt: skip

PLANS = ["basic", "plus", "family", "business"]
REGIONS = ["north", "south", "east", "west"]
COMPLAINTS = ["none", "price", "service", "coverage"]


def messy(rows: int = 2000, seed: int = 0, drift: float = 0.0) -> pd.DataFrame:
    """Invent contracts of a telephone company; did the customer leave (`churned`, yes or no).

    One row a contract, sorted by `signed_on`; a customer has several, so `customer_id` groups
    rows. Usage, plan, tenure, complaints and autopay drive the outcome (about 30 % leave; a good
    model reaches a ROC AUC near 0.8); `region` and `gender` do not. 8 % of `monthly_spend` and
    5 % of `region` are missing.

    Args:
        rows: number of contracts, at least 1.
        seed: the same seed gives the same table.
        drift: 0 for none; 1 raises spend by half, moves plans to `business` and shifts outcomes.

    """
    random = np.random.default_rng(seed)
    frame = _contracts(rows, random, drift)
    chance = 1 / (1 + np.exp(-_score(frame, drift)))
    frame["churned"] = np.where(random.random(rows) < chance, "yes", "no")
    for name, share in {"monthly_spend": 0.08, "region": 0.05}.items():
        frame[name] = frame[name].mask(random.random(rows) < share)
    return frame.sort_values("signed_on", kind="stable", ignore_index=True)


def _contracts(rows: int, random: np.random.Generator, drift: float) -> pd.DataFrame:
    customers = max(rows // 2, 1)
    plans = np.array([0.4, 0.3, 0.2, 0.1]) * (1 - 0.5 * min(drift, 1))
    plans[3] += 1 - plans.sum()
    days = random.integers(0, 730, rows) + int(730 * drift)
    return pd.DataFrame(
        {
            "contract_id": [f"C{number:07d}" for number in random.permutation(rows) + 1],
            "customer_id": [f"K{number:06d}" for number in random.integers(0, customers, rows)],
            "signed_on": pd.Timestamp("2023-01-01") + pd.to_timedelta(days, unit="D"),
            "age": random.integers(18, 85, rows),
            "gender": random.choice(["female", "male"], rows),
            "region": random.choice(REGIONS, rows),
            "plan": random.choice(PLANS, rows, p=plans),
            "tenure_months": random.gamma(2, 12, rows).round().astype(int),
            "monthly_spend": (random.lognormal(3.4, 0.4, rows) * (1 + 0.5 * drift)).round(2),
            "complaint": random.choice(COMPLAINTS, rows, p=[0.6, 0.15, 0.15, 0.1]),
            "autopay": random.random(rows) < 0.55,
        }
    )


def _score(frame: pd.DataFrame, drift: float) -> pd.Series:
    """Log odds of leaving."""
    plan = frame["plan"].map({"basic": 0.6, "plus": 0.0, "family": -0.8, "business": -0.4})
    complaint = frame["complaint"].map(
        {"none": -0.9, "price": 1.4, "service": 1.0, "coverage": 0.3}
    )
    spend = (frame["monthly_spend"] - 32) / 15
    steady = -0.05 * frame["tenure_months"] - 0.9 * frame["autopay"]
    return 0.6 + 0.5 * drift + plan + complaint + 0.6 * spend + steady


def make_look_alike(kind: Trap, rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Return the messy table with one trap in it; the added column, if any, is named `trap`."""
    frame = messy(rows, seed)
    random = np.random.default_rng(seed + 1)
    if kind == "duplicates":
        return pd.concat([frame, frame.head(rows // 10)], ignore_index=True)
    if kind == "imbalance":
        kept = (frame["churned"] == "no") | (random.random(rows) < 0.04)
        return frame[kept].reset_index(drop=True)
    if kind == "target_missing":
        return frame.assign(churned=frame["churned"].mask(frame.index < rows // 10))
    if kind == "names":
        return frame.rename(columns={"age": "âge (années)", "plan": "plan.name", "region": "区"})
    return frame.assign(**{_TRAP_NAMES.get(kind, "trap"): _trap(kind, frame, random)})


_TRAP_NAMES = {"id": "trap_id", "group": "trap_user_id"}


def _trap(kind: Trap, frame: pd.DataFrame, random: np.random.Generator) -> Any:
    """Values of the added column."""
    rows, yes = len(frame), frame["churned"] == "yes"
    words = np.array(
        ["slow", "line", "and", "nobody", "called", "me", "back", "about", "the", "bill"]
    )
    makers: dict[str, Callable[[], object]] = {
        "constant": lambda: "same",
        "id": lambda: random.permutation(rows) + 1000,
        "leak": lambda: np.where(yes, "L", "S"),
        "leak_missing": lambda: pd.Series(random.normal(size=rows)).where(yes),
        "near_perfect": lambda: yes * 10 + random.normal(size=rows),
        "cardinality": lambda: [f"v{n}" for n in random.integers(0, rows // 2, rows)],
        "prose": lambda: [" ".join(random.choice(words, 12)) for _ in range(rows)],
        "mixed": lambda: ["oops" if n % 50 == 3 else str(n % 90) for n in range(rows)],
        "markers": lambda: [
            "n/a" if n % 9 == 0 else "?" if n % 9 == 1 else str(n % 90) for n in range(rows)
        ],
        "mostly_missing": lambda: [1.5 * n if n % 40 == 0 else None for n in range(rows)],
        "variants": lambda: random.choice(["Yes", "yes ", "no"], rows),
        "infinite": lambda: np.where(np.arange(rows) % 50 == 0, np.inf, random.normal(size=rows)),
        "codes": lambda: [f"{n:05d}" for n in random.integers(0, 30, rows)],
        "group": lambda: random.integers(0, rows // 4, rows),
    }
    return makers[kind]()
