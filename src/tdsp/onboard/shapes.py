"""What texts look like that are read neither as numbers nor as dates, so that it can be said.

Each make is a code, what it is called, what may be done about it, and a pattern. The first that
at least 95 % of a column's texts have is named, and the column is never taken for an id.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from tdsp.onboard.numbers import UNIT, written

Level = Literal["note", "warning"]
SAMPLE, MOST = 2000, 0.95
MONTH = (
    r"(?:jan|feb|f[eé]v|m[aä]r|apr|avr|abr|ma[iyj]|jun|juin|jul|juil|aug|ao[uû]t|ago|sep|set|o[ckt]t|nov"
    r"|de[cz]|d[eé]c|dic|ene|gen|mag|giu|lug|янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек)"
    r"[^\W\d]*\.?"
)
BEFORE = r"(?:\D{1,12} )?"  # such as a weekday
YEAR = r"(?:1[89]|20)\d\d"
DATES = "|".join((
    r"\d{4}-?W\d\d.*",
    r"\d{1,4}[-/. ](?:\d{1,2}|[^\W\d]{3,9})[-/. ,]{1,2}\d{1,4}(?![\d.]).*",
    rf"{BEFORE}\d{{1,2}}(?:st|nd|rd|th|\.|er)?[-/. ]*{MONTH}(?:[-/., ']+\d{{2,4}}(?:\D.*)?)?",
    rf"{BEFORE}{MONTH}[-/., ]+\d{{1,2}}(?:st|nd|rd|th)?,?(?: \d{{2,4}})?(?:\D.*)?",
    rf"{YEAR}[-/. ]?(?:Q|KW|W|H|T|S)\s?\d{{1,2}}|(?:Q|KW|W|H|T|S)\s?\d{{1,2}}[-/. ]*{YEAR}",
    rf"\d\.\s?(?:Quartal|Quarter|trimestre|Halbjahr)\s{YEAR}",
    r"\d{4}年.*", r"/Date\(-?\d+\S*\)/", rf"{YEAR}[01]\d[0-3]\d[ T_-]\d+.*",
))  # fmt: skip
CLOCKS = "|".join((
    r"[-+]?\d{1,3}:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:\s?[ap]\.?\s?m\.?|\s?Uhr|\s?h)?",
    r"[-+]?\d+ days?,?(?: .*)?", r"[-+]?P(?:\d+[YMWD])*(?:T(?:[\d.,]+[HMS])+)?",
    r"\d+\s?h(?:\s?\d+\s?m(?:in)?)?(?:\s?\d+\s?s)?", r"\d+\s?m(?:in)?\s?\d+\s?s",
))  # fmt: skip
NUMBER = r"[-+\u2212]?\d+(?:[.,]\d+)?"
PAIRS = rf"{NUMBER}\s*(?:[-/x\u00d7,:;|\u00b1\u2013]|to|bis|by|of)\s*{NUMBER}\s?[%\w\u00b0]{{0,4}}"
FEW, FEWER = 50, 10  # distinct texts are levels of a category, such as 18-25, or >50K


@dataclass(frozen=True)
class Shape:
    """What most texts of a column look like, and what to do about it."""

    code: str
    seen: str
    done: str
    level: Level = "warning"


def shape(name: str, texts: pd.Series, european: bool) -> Shape | None:
    """Name the make of these distinct texts, if it is one of those that are not read."""
    sample = [text.strip() for text in texts.iloc[:: max(1, len(texts) // SAMPLE)]]
    like = f"like {texts.iloc[0]!r}"
    if _most(sample, CLOCKS):
        return Shape(
            "clocks", f"times of day or durations, {like}",
            "kept as text; write them as one number, such as minutes, in the file and rerun",
        )  # fmt: skip
    if _most(sample, DATES):
        return Shape(
            "unknown_dates", f"what may be dates, {like}",
            f"kept as text; run again with --date {name}=FORMAT, such as %d.%m.%Y, or write them as"
            " YYYY-MM-DD in the file",
        )  # fmt: skip
    if len(texts) > FEWER and _units(sample, european):
        return Shape(
            "units", f"numbers with units or signs, {like}",
            "kept as text; give them one unit, or none, in the file and rerun",
        )  # fmt: skip
    alike = len({len(text) for text in sample}) == 1  # in codes such as 555-0199 it is
    if len(texts) > FEW and not alike and _most(sample, PAIRS):
        return Shape(
            "several_numbers", f"several numbers in one text, {like}",
            "kept as text; give each number a column of its own and rerun",
        )  # fmt: skip
    if _most(sample, r"\[.*\]|\{.*\}"):
        return Shape(
            "structures", f"lists or structures in text, {like}",
            "kept as text; flatten them to one value a column and rerun",
        )  # fmt: skip
    return None


def _most(sample: list[str], pattern: str) -> bool:
    look = re.compile(pattern, re.IGNORECASE)
    return sum(bool(look.fullmatch(text)) for text in sample) >= MOST * len(sample)


def _units(sample: list[str], european: bool) -> bool:
    """Whether these are numbers but for known units, signs before them, or a few words behind."""
    bare = [re.sub(rf"^['=\"~<>\u2264\u2265\u2248*]+|\"$|{UNIT}|\s", "", text) for text in sample]
    tails = Counter(match[0] for text in bare if (match := re.search(r"(?<=[\d.,])\D*$", text)))
    known = {tail for tail, _ in tails.most_common(6)}
    cut = [re.sub(r"(?<=\d)[^\d.,]+$", lambda m: "" if m[0] in known else m[0], t) for t in bare]
    texts = pd.Series(cut, dtype="str")
    seen = written(texts) if len(texts) else None
    return bool(seen and seen.under("," if european else ".").reads(texts).mean() >= MOST)
