"""The world that the play lives in: machines that fail, and a change in why they do."""

from __future__ import annotations

import numpy as np
import pandas as pd

TARGET = "failed"
SITES = ["north", "south", "harbour"]


def readings(rows: int, seed: int, changed: bool = False) -> pd.DataFrame:
    """Invent `rows` readings of machines and whether the machine failed within a day.

    Nothing here was measured anywhere. Before the change heat and load bring machines down.
    Afterwards they run hotter, the harbour reports more, and heat is harmless: vibration,
    which meant little before, brings them down.

    Args:
        rows: number of readings, at least 1.
        seed: the same seed gives the same readings, and ids that no other seed gives.
        changed: draw from the world after the change.

    """
    random = np.random.default_rng(seed)
    heat, load = random.normal(60, 8, rows), random.uniform(0, 100, rows)
    vibration = random.gamma(4, 0.5, rows)
    shares = [0.2, 0.2, 0.6] if changed else [0.4, 0.4, 0.2]
    score = 0.06 * (load - 55) + (
        2.2 * (vibration - 2.4) if changed else 0.22 * (heat - 63) + 0.3 * (vibration - 2)
    )
    chance = 1 / (1 + np.exp(-score))
    return pd.DataFrame(
        {
            "reading_id": [f"R{seed:03d}-{number:05d}" for number in range(rows)],
            "site": random.choice(SITES, rows, p=shares),
            "heat": np.round(heat + (12 if changed else 0), 2),
            "load": np.round(load, 1),
            "vibration": np.round(vibration, 3),
            "age_days": random.integers(1, 4000, rows),
            TARGET: np.where(random.random(rows) < chance, "yes", "no"),
        }
    )
