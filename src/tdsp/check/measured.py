"""How sure a finding is: how often those of its check were right when people read the code.

`measured.json` holds, for each check and severity, how many findings were right, of how many, and
the lower end of Wilson's 95 % interval. `scripts/pages.py` writes it from the readings.
"""

import json
from functools import cache
from pathlib import Path
from typing import TypedDict


class Measured(TypedDict):
    """What the readings say of the findings of a check that have one severity."""

    right: int
    read: int
    low: float


@cache
def _all() -> dict[str, dict[str, Measured]]:
    found: dict[str, dict[str, Measured]] = json.loads(
        Path(__file__).with_name("measured.json").read_text(encoding="utf-8")
    )
    return found


def measured(check: str, severity: str) -> Measured | None:
    """Return what was measured of these findings, None where nobody has read one."""
    return _all().get(check, {}).get(severity)


def confidence(check: str, severity: str) -> float | None:
    """Return the share of such findings that is right at least, None where it is not known."""
    found = measured(check, severity)
    return found["low"] if found else None


def grade(check: str, severity: str) -> str | None:
    """Return the confidence in the words of code hosts, None where it is not known."""
    low = confidence(check, severity)
    if low is None:
        return None
    grades = ((0.95, "very-high"), (0.85, "high"), (0.6, "medium"))
    return next((word for least, word in grades if low >= least), "low")
