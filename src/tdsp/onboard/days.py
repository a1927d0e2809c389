"""Which format a column's dates have, when they are text, or numbers that look like dates."""

from __future__ import annotations

import re
from datetime import datetime

import pandas as pd

from tdsp.onboard.cells import dates

ISO = re.compile(r"\d{4}-\d{2}(-\d{2}|$)|\d{8}T\d{4,6}")
DATELIKE = r"\d{4}-?W\d\d.*|\d{1,4}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ,]{1,2}\d{1,4}\b.*"
OFFSET = r"[T ]\d\d:?\d\d.*(?:Z|[+-]\d\d:?\d\d)$"
DAYS = [
    "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y",
    "%d %b %y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y",
    "%a, %d %b %Y", "%a %d %b %Y", "%A, %B %d, %Y", "%A, %d %B %Y", "%d%b%Y", "%Y-%m-%d", "%Y%m%d",
]  # fmt: skip
CLOCKS = [
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M",
    ", %H:%M:%S", ", %I:%M %p", " %H:%M:%S UTC", " %H:%M UTC", " %H:%M:%S GMT", "T%H:%M:%S", " UTC",
    ":%H:%M:%S", " %H%M", " %I:%M%p",
]  # fmt: skip
MONTHS = ["%b %Y", "%B %Y", "%b-%y", "%b-%Y", "%Y/%m", "%m/%Y", "%m.%Y", "%Y-%b", "%b %y"]
OTHERS = ["%G-W%V-%u", "%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S UTC %Y"]
FORMS = [f"{day}{clock}" for day in DAYS for clock in CLOCKS] + MONTHS + OTHERS
# What numbers look like that may be dates, with the format to read them by.
COUNTED = {
    "%Y%m": r"(19|20)\d\d(0[1-9]|1[0-2])",
    "epoch s": r"1[0-9]{9}",
    "epoch ms": r"1[0-9]{12}",
}
NAMED = re.compile(r"date|datum|day|time|month|_at$|_on$|fecha|jour|tag", re.I)


def fits(texts: pd.Series, form: str) -> bool:
    """Whether every text is a date of this format."""
    return bool(dates(texts, form).dtype.kind == "M")


def date_format(texts: pd.Series) -> str | None:
    """Find the format of dates in text, "ambiguous" when two give different days."""
    first = texts.iloc[0].strip()
    if ISO.match(first) and fits(texts, "ISO8601"):
        return "ISO8601"
    if not re.search(r"\d", first):
        return None
    probe = texts.iloc[:: max(1, len(texts) // 20)]
    forms = [form for form in FORMS if _parses(first, form)]
    forms = [form for form in forms if fits(probe, form) and fits(texts, form)]
    different = {tuple(dates(texts, form)): form for form in reversed(forms)}
    if len(different) > 1:
        return "ambiguous"
    return next(iter(different.values()), None)


def _parses(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def counted(name: str, values: pd.Series) -> str | None:
    """Return the format of whole numbers that look like dates, if they do."""
    texts = values.dropna()
    if texts.empty or texts.nunique() < 5 or not (texts == texts.round()).all():
        return None
    digits = texts.head(10_000).map("{:.0f}".format)
    for form, look in COUNTED.items():
        if digits.str.fullmatch(look).all():
            return form
    if NAMED.search(name) and texts.between(20_000, 60_000).all():
        return "excel"
    return None
