"""Which signs a column's numbers are written with, decided for each column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from tdsp.onboard.cells import number

SAMPLE = 2000
# Currencies, shares, and units of measure that stand behind a number.
UNIT = (
    r"[A-Z]{0,3}[\u00a3$\u00a5\u20a0-\u20bf]|[%\u2030]|Rs\.?|K\u010d|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|INR|CAD|AUD|kr|z\u0142|"
    r"kg|mg|g|t|km|cm|mm|m|mi|ft|lbs?|oz|kWh|kW|W|ml|l|ms|min|s|h|\u00b0[CF]|mph|km/h|pp|bp|px"
    r"|[kMGT]B|[kMG]?Hz|h?Pa|kPa|bar|psi|mmHg|ha|[mk]?m[\u00b2\u00b3]|kN|k?J|k?cal|dB|rpm|\u00b0"
)
WORD = r"[^\W\d_]\S{0,9}"  # any unit, where a space parts it from the number
BEFORE = re.compile(rf"[-+(\u2212]?\s*({UNIT})\s*[-+\u2212]?[\d.,]")
AFTER = re.compile(rf"[^\w]*\d[\d.,'\s]*(?:({UNIT})|(?<=\s)({WORD}))\s*\)?-?")


@dataclass(frozen=True)
class Signs:
    """How the numbers of a column are written."""

    decimal: str = "."
    thousands: str | None = None
    unit: str = ""

    def reads(self, texts: pd.Series) -> pd.Series:
        """Whether each text is a number."""
        plain = pd.Series(data=False, index=texts.index)
        if self == Signs():
            plain = texts.str.fullmatch(
                r"\s*[-+]?(\d{1,99}\.?\d*|\.\d+)([eE][-+]?\d\d?)?\s*"
            ).fillna(False)
        rest = [
            isinstance(number(text, self.decimal, self.thousands, self.unit), float)
            for text in texts[~plain]
        ]
        found = plain.to_numpy(dtype=bool, copy=True)
        found[~found] = rest
        return pd.Series(found, texts.index)


PAIRS = [
    (".", None),
    (",", None),
    (".", ","),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
]


@dataclass
class Written:
    """What the texts of a column allow: `fits` are the signs under which most are numbers."""

    fits: list[Signs] = field(default_factory=list)

    @property
    def unsure(self) -> str | None:
        """The sign that may part thousands or decimals in every text, if there is one."""
        pairs = {(signs.decimal, signs.thousands) for signs in self.fits}
        if {(".", None), (",", ".")} <= pairs and (",", None) not in pairs:
            return "."
        return "," if {(",", None), (".", ",")} <= pairs and (".", None) not in pairs else None

    @property
    def decimal(self) -> str | None:
        """The decimal sign, when the texts leave no other."""
        signs = {signs.decimal for signs in self.fits}
        return signs.pop() if len(signs) == 1 else None

    def under(self, decimal: str) -> Signs:
        """Choose the plainest signs, with this decimal sign where it is open."""
        return next((signs for signs in self.fits if signs.decimal == decimal), self.fits[0])


def written(texts: pd.Series) -> Written | None:
    """Say how the numbers among these distinct texts may be written; None without any number."""
    sample = texts.iloc[:: max(1, len(texts) // SAMPLE)]
    unit = _unit(sample)
    counts = {pair: Signs(*pair, unit).reads(sample).sum() for pair in PAIRS}
    most = max(counts.values(), default=0)
    if not most:
        return None
    fits = [Signs(*pair, unit) for pair, count in counts.items() if count == most]
    if len(sample) < len(texts) and len(fits) > 1:
        full = {signs: signs.reads(texts).sum() for signs in fits}
        fits = [signs for signs in fits if full[signs] == max(full.values())]
    return Written(fits)


def _unit(texts: pd.Series) -> str:
    matches = (BEFORE.match(text) or AFTER.fullmatch(text) for text in texts)
    seen = Counter(match[match.lastindex or 1] for match in matches if match)
    unit, count = seen.most_common(1)[0] if seen else ("", 0)
    return unit if count >= 0.95 * len(texts) else ""


def shared(chosen: Iterable[Signs], several: Iterable[Written]) -> Signs:
    """Return the signs of the whole table: those of most columns where they make a difference."""
    telling = [s for s, w in zip(chosen, several, strict=True) if len(w.fits) < len(PAIRS)]
    counts = Counter(Signs(signs.decimal, signs.thousands) for signs in telling if not signs.unit)
    return max(counts, key=lambda signs: (counts[signs], signs == Signs())) if counts else Signs()
