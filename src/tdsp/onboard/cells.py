"""One column, from texts to values. What does not fit stays text, to be refused cell by cell.

`tdsp onboard` reads with the same file, so that what it saw is what this project reads.
"""

import re
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

# Separators of thousands that look alike.
ALIKE = {" ": "[ \u00a0\u2007\u2009\u202f]", "'": "['\u2019]"}
# Dates that are stored as numbers: the arguments of pandas.to_datetime.
COUNTED: dict[str, Any] = {f"epoch {unit}": {"unit": unit} for unit in ("s", "ms", "us", "ns")}
COUNTED["excel"] = {"unit": "D", "origin": "1899-12-30"}
# Characters that nobody sees; characters that look like a minus.
UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
DASHES = str.maketrans("\u2212\u2013\uff0d", "---")
BOOLEANS = {"true": "True", "false": "False"}


def number(text: str, decimal: str, thousands: str | None, unit: str = "") -> float | str:
    """Return the number that a text stands for, or else the text itself.

    -5, 5- and (5) are negative. A unit has to stand before or after the digits. Groups have three
    digits, or two before the last three (12,34,567).
    """
    bare = UNSEEN.sub("", text).strip().translate(DASHES)
    if bare[:1] + bare[-1:] == "()":
        bare = f"-{bare[1:-1].strip()}"
    elif bare.endswith("-"):
        bare = f"-{bare[:-1].strip()}"
    match = _pattern(decimal, thousands, unit).fullmatch(bare)
    if not match or (unit and bare.count(unit) != 1) or (match["sign"] and match["minus"]):
        return text
    digits = re.sub(_group(thousands), "", match["digits"]) if thousands else match["digits"]
    value = float(match["sign"] + match["minus"] + digits.replace(decimal, "."))
    return value if np.isfinite(value) else text


def _group(thousands: str) -> str:
    return ALIKE.get(thousands, re.escape(thousands))


@cache
def _pattern(decimal: str, thousands: str | None, unit: str) -> re.Pattern[str]:
    whole, point, affix = r"\d+", re.escape(decimal), re.escape(unit)
    if thousands:
        group = _group(thousands)
        whole = rf"(?:[1-9]\d{{0,2}}(?:{group}\d{{3}})+|[1-9]\d?(?:{group}\d\d)+{group}\d{{3}}|\d+)"
    digits = rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?"
    around = rf"(?:{affix}\s*)?", rf"(?:\s*{affix})?"
    return re.compile(rf"(?P<sign>[-+]?){around[0]}(?P<minus>-?)(?P<digits>{digits}){around[1]}")


def numbers(column: pd.Series, decimal: str, thousands: str | None, unit: str = "") -> pd.Series:
    """Read every text as a number: float64, bool where all are true or false, else object."""
    codes, distinct = pd.factorize(column)
    if len(distinct) and all(str(text).strip().casefold() in BOOLEANS for text in distinct):
        flags = [str(text).strip().casefold() == "true" for text in distinct]
        values = np.array(flags if (codes >= 0).all() else [*flags, None])
    else:
        cells = [number(c, decimal, thousands, unit) if isinstance(c, str) else c for c in distinct]
        if all(isinstance(cell, str) for cell in cells) and len(cells):
            return column
        mixed = any(isinstance(cell, str) for cell in cells)
        values = np.array([*cells, np.nan], dtype=object if mixed else "float64")
    return pd.Series(values[codes], column.index, name=column.name)


def dates(column: pd.Series, form: str) -> pd.Series:
    """Read every text as a date, in UTC and without a zone; of dtype object if one is no date."""
    texts = column.map(lambda cell: UNSEEN.sub("", cell).strip() if isinstance(cell, str) else cell)
    given = pd.to_numeric(texts, errors="coerce").astype("float64") if form in COUNTED else texts
    options = COUNTED.get(form, {"format": form})
    read = pd.to_datetime(given, errors="coerce", utc=True, **options).dt.tz_localize(None)
    read = read.where(read.between(pd.Timestamp.min, pd.Timestamp.max)).astype("datetime64[ns]")
    wrong = read.isna() & texts.notna()
    return read.astype(object).where(~wrong, column) if wrong.any() else read


def texts(column: pd.Series) -> pd.Series:
    """Return the column with one spelling of true and false: files have several."""
    distinct = column.unique()
    known = {c: b for c in distinct if (b := BOOLEANS.get(str(c).strip().casefold()))}
    return column.replace(known) if known.keys() - {*BOOLEANS.values()} else column
