"""Which format a column's dates have, when they are text, or numbers that look like dates."""

from __future__ import annotations

import re
from datetime import datetime

import pandas as pd

from tdsp.onboard.cells import dates

ISO = re.compile(r"\d{4}-\d{2}(-\d{2}|$)|\d{8}T\d{4,6}")
OFFSET = r"[T ]\d\d:?\d\d.*(?:Z|[+-]\d\d:?\d\d)$"
DAYS = [
    "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y",
    "%d %b %y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y",
    "%a, %d %b %Y", "%a %d %b %Y", "%A, %B %d, %Y", "%A, %d %B %Y", "%d%b%Y", "%Y-%m-%d", "%Y%m%d",
    "%Y %m %d", "%b. %d, %Y", "%d. %b %Y", "%d. %b. %Y", "%Y\u5e74%m\u6708%d\u65e5", "%a %b %d %Y",
]  # fmt: skip
CLOCKS = [
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M",
    ", %H:%M:%S", ", %I:%M %p", " %H:%M:%S UTC", " %H:%M UTC", " %H:%M:%S GMT", "T%H:%M:%S", " UTC",
    ":%H:%M:%S", " %H%M", " %I:%M%p", " %H:%M:%S %z", ":%H:%M:%S %z", " %H.%M", "T%H:%M",
    " - %H:%M",
]  # fmt: skip
MONTHS = ["%b %Y", "%B %Y", "%b-%y", "%b-%Y", "%Y/%m", "%m/%Y", "%m.%Y", "%Y-%b", "%b %y"]
OTHERS = ["%G-W%V-%u", "%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S UTC %Y"]
FORMS = [f"{day}{clock}" for day in DAYS for clock in CLOCKS] + MONTHS + OTHERS
# What numbers look like that may be dates, with the format to read them by.
COUNTED = {
    "%Y%m": r"(19|20)\d\d(0[1-9]|1[0-2])",
    "%Y%m%d%H%M": r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d",
    "%Y%m%d%H%M%S": r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])([0-5]\d){2}",
    "epoch s": r"1[0-9]{9}",
    "epoch ms": r"1[0-9]{12}",
}
# The same of digits that are kept as text: leading zeros, or too many for a number.
CODED = {
    "%d%m%Y": r"(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(19|20)\d\d",
    "%m%d%Y": r"(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(19|20)\d\d",
    "epoch us": r"1[0-9]{15}",
    "epoch ns": r"1[0-9]{18}",
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
    forms = [
        form for form in FORMS if _signs(form) in ("z", _signs(first)) and _parses(first, form)
    ]
    forms = [form for form in forms if fits(probe, form) and fits(texts, form)]
    different = {tuple(dates(texts, form)): form for form in reversed(forms)}
    if len(different) > 1:
        return "ambiguous"
    return next(iter(different.values()), None)


def strays(texts: pd.Series) -> pd.Series:
    """Return the texts that are no dates among those that are; none where they are all no dates."""
    makes = texts.str.replace(r"\d", "0", regex=True)
    usual = texts[makes == makes.mode()[0]].head(24)
    if len(usual) < 20:
        return texts.head(0)
    tries = (date_format(usual.drop(usual.index[[place]])) for place in (0, 1, -1))
    form = next((form for form in tries if form not in (None, "ambiguous")), None)
    if not form:
        return texts.head(0)
    return texts[~dates(texts, form).map(lambda cell: isinstance(cell, pd.Timestamp))]


def _signs(text: str) -> str:
    """Return what stands between words and figures; "z" for an offset, which has signs itself."""
    return "z" if "%z" in text else re.sub(r"\s+", " ", re.sub(r"%.|\w", "", text))


def _parses(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def coded(texts: pd.Series) -> str | None:
    """Return the format of digits that look like dates, if all of several do."""
    looks = (form for form, look in CODED.items() if texts.str.fullmatch(look).all())
    return next(looks, None) if len(texts) >= 5 else None


def counted(name: str, values: pd.Series) -> str | None:
    """Return the format of whole numbers that look like dates, if they do."""
    texts = values.dropna()
    if texts.empty or texts.nunique() < 5:
        return None
    if not (texts == texts.round()).all():
        clocks = {"epoch s": (1e9, 2e9)} | ({"excel": (2e4, 6e4)} if NAMED.search(name) else {})
        return next((form for form, ends in clocks.items() if texts.between(*ends).all()), None)
    digits = texts.head(10_000).map("{:.0f}".format)
    for form, look in COUNTED.items():
        if digits.str.fullmatch(look).all():
            return form
    if NAMED.search(name) and texts.between(20_000, 60_000).all():
        return "excel"
    return None
