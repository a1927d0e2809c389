"""What a table is: types, roles, figures. Plain data, no judgement (that is findings.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from tdsp.onboard.readers import Source

Problem = Literal["classification", "regression", "forecasting", "anomaly"]
Role = Literal["feature", "target", "id", "time", "group", "series", "drop"]
Kind = Literal["number", "boolean", "date", "category", "text"]

# What is predicted: a number, or else a class.
NUMBERS: tuple[Problem, ...] = ("regression", "forecasting")
# Never a level of a category.
NO_VALUE = {"na", "n/a", "#n/a", "nan", "null", "<na>", "?", "(null)", "#null!", "#value!"}
# No value among numbers and dates; among texts they may well be a level.
NO_NUMBER = NO_VALUE | {"none", "nil", "-", "--", "---", ".", "n.a.", "n.a", "unknown", "missing"}
NO_NUMBER |= {"undefined", "tbd", "nd"}
NO_NUMBER |= {"not available", "not known", "#div/0!", "#ref!", "inf", "-inf", "infinity", "+inf"}
NO_NUMBER |= {"-infinity", "nat", "none given", "empty", "\u2013", "\u2014"}
CATEGORY_LEVELS = 50
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
DAYS = [f"{d}{clock}" for d in ("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y",
        "%m-%d-%Y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y")
        for clock in ("", " %H:%M", " %H:%M:%S")]  # fmt: skip


@dataclass
class Column:
    """One column as seen. `missing` and `unique` count rows; `levels` the most frequent values."""

    name: str
    kind: Kind
    dtype: str
    role: Role = "feature"
    sensitive: bool = False
    missing: int = 0
    unique: int = 0
    low: float | str | None = None
    high: float | str | None = None
    longest: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    example: str = ""


@dataclass(frozen=True)
class Finding:
    """A trap: what was `seen`, with figures, and what was `done` or is left for you to do.

    `role` is the role that the finding gives to its column, unless the user gave one.
    """

    code: str
    column: str | None
    seen: str
    done: str
    role: Role | None = None
    level: Literal["note", "warning"] = "note"


@dataclass
class Reading:
    """How the texts of a file become values; written to `params.yaml` under `data`."""

    decimal: str = "."
    thousands: str | None = None
    missing: list[str] = field(default_factory=list)
    dates: dict[str, str] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """How a forecasting project counts time: pandas' name of a step, and numbers of steps."""

    step: str
    season: int
    horizon: int


@dataclass
class Profile:
    """Everything that onboarding knows about a table; `frame` is not part of it."""

    source: Source
    reading: Reading
    rows: int
    duplicates: int
    columns: list[Column]
    target: str
    problem: Problem
    why: str
    metric: str
    minimum: float
    findings: list[Finding]
    steps: Steps | None = None

    @property
    def drop_duplicates(self) -> bool:
        """Whether equal rows are one thing counted twice: their ids repeat, or their moments."""
        return bool(self.duplicates and self.role("id")) or self.steps is not None

    def role(self, role: Role) -> list[str]:
        """Names of the columns with this role, in the order of the file."""
        return [column.name for column in self.columns if column.role == role]


def is_text(values: pd.Series) -> bool:
    """Whether a column of a raw table holds texts (or a mixture) rather than typed values."""
    return values.dtype == object or isinstance(values.dtype, pd.StringDtype | pd.CategoricalDtype)


def as_text(values: pd.Series) -> pd.Series:
    """Return the column as strings, missing where it was missing."""
    if isinstance(values.dtype, pd.StringDtype):
        return values.astype("str")
    return values.astype(object).map(str, na_action="ignore").astype("str")


def to_number(texts: pd.Series, decimal: str, thousands: str | None) -> pd.Series:
    """Texts as float64; NaN where a text is no number under these signs."""
    clean = texts.str.strip()
    if thousands:
        grouped = clean.str.fullmatch(_grouped(thousands, decimal)).fillna(False)
        clean = clean.mask(grouped, clean.str.replace(thousands, "", regex=False))
    if decimal != ".":
        # A point is no decimal sign here: 1.5 must not slip through as a number.
        clean = clean.where(~clean.str.contains(".", regex=False).fillna(False))
        clean = clean.str.replace(decimal, ".", regex=False)
    return pd.to_numeric(clean, errors="coerce").astype("float64")


def _grouped(thousands: str, decimal: str) -> str:
    group, point = re.escape(thousands), re.escape(decimal)
    return rf"[+-]?\d{{1,3}}(?:{group}\d{{3}})+(?:{point}\d+)?"


def to_date(texts: pd.Series, form: str) -> pd.Series:
    """Texts as datetime64[ns] in UTC without a zone; NaT where a text does not fit `form`."""
    dates = pd.to_datetime(texts.str.strip(), format=form, errors="coerce", utc=True)
    return dates.dt.tz_localize(None).astype("datetime64[ns]")


def infer(raw: pd.DataFrame, source: Source) -> tuple[Reading, list[Finding]]:
    """How to read every column of a raw table, and what was odd about its texts."""
    uniques = {c: _uniques(raw[c]) for c in raw.columns if is_text(raw[c])}
    decimal, thousands = _signs(list(uniques.values()), source) if uniques else (".", None)
    reading, findings, missing = Reading(decimal, thousands), list[Finding](), set[str]()
    for name in raw.columns:
        if name not in uniques:
            reading.dtypes[name] = _native(raw[name])
            continue
        dtype, tokens, form, finding = _classify(name, uniques[name], reading)
        reading.dtypes[name] = dtype
        missing |= tokens
        if form:
            reading.dates[name] = form
        if finding:
            findings.append(finding)
    reading.missing = sorted(missing)
    return reading, findings


def _uniques(values: pd.Series) -> pd.Series:
    """Distinct texts -> number of rows, as a Series indexed by position with the text as value."""
    counts = as_text(values).value_counts()
    return pd.Series(counts.to_numpy(), index=counts.index.astype("str"), name="rows")


def _native(values: pd.Series) -> str:
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        return "datetime64[ns]"
    return "float64" if values.dtype.kind in "iuf" else "str"


def _signs(columns: list[pd.Series], source: Source) -> tuple[str, str | None]:
    """Decimal and thousands sign of the whole file, by vote of all its number-like texts."""
    texts = pd.Series([text for c in columns for text in c.index[:2000]], dtype="str").str.strip()
    grouped = {
        ",": texts.str.fullmatch(_grouped(",", ".")),
        ".": texts.str.fullmatch(_grouped(".", ",")),
    }
    comma = int((texts.str.fullmatch(r"[+-]?\d*,\d+") & ~grouped[","]).sum())
    point = int((texts.str.fullmatch(r"[+-]?\d*\.\d+") & ~grouped["."]).sum())
    european = comma > point
    if not comma and not point:
        european = source.delimiter == ";" and bool(grouped[","].any())
    decimal, group = (",", ".") if european else (".", ",")
    return decimal, group if grouped[group].any() else None


def _classify(
    name: str, uniques: pd.Series, reading: Reading
) -> tuple[str, set[str], str | None, Finding | None]:
    """Type of a text column: dtype, its missing tokens, its date format, what was odd."""
    texts = pd.Series(uniques.index, dtype="str")
    folded = texts.str.strip().str.casefold()
    blank = folded.isin(NO_VALUE) | (folded == "")
    none = folded.isin(NO_NUMBER) | blank
    rows = pd.Series(uniques.to_numpy())
    text = ("str", set(texts[blank]))
    if none.all():
        return ("str", set(texts), None, None)
    if texts[~none].str.fullmatch(r"(19|20)\d{6}").all() and _fits(texts[~none], "%Y%m%d"):
        return ("datetime64[ns]", set(texts[none]), "%Y%m%d", _dates(name, texts[~none], "%Y%m%d"))
    number = to_number(texts, reading.decimal, reading.thousands).notna() & ~none
    if _codes(texts[number]):
        return (*text, None, _codes_finding(name, texts[number]))
    if (number | none).all():
        return _as_number(name, texts, none, rows)
    if _share(rows, number, none) >= 0.95:
        return (*text, None, _mixed(name, texts, number, none, rows))
    form = _date_format(texts[~none])
    if form == "ambiguous":
        return (*text, None, _ambiguous(name, texts[~none]))
    if form:
        return ("datetime64[ns]", set(texts[none]), form, _dates(name, texts[~none], form))
    return (*text, None, _units(name, texts[~none], reading))


def _share(rows: pd.Series, number: pd.Series, none: pd.Series) -> float:
    return float(rows[number].sum() / rows[~none].sum())


def _codes(numbers: pd.Series) -> bool:
    """Leading zeros, or more digits than float64 keeps: codes, not quantities."""
    stripped = numbers.str.strip()
    return bool(stripped.str.fullmatch(r"0\d+|[+-]?\d{16,}").any())


def _as_number(
    name: str, texts: pd.Series, none: pd.Series, rows: pd.Series
) -> tuple[str, set[str], str | None, Finding | None]:
    tokens = set(texts[none])
    if not tokens:
        return ("float64", tokens, None, None)
    shown = ", ".join(repr(token) for token in sorted(tokens)[:5])
    infinite = any("inf" in token.casefold() for token in tokens)
    finding = Finding(
        "infinite" if infinite else "mixed_types",
        name,
        f"numbers, but {int(rows[none].sum())} rows hold {shown}",
        "read as a number; these texts count as missing in every column (data.missing)",
    )
    return ("float64", tokens, None, finding)


def _mixed(
    name: str, texts: pd.Series, number: pd.Series, none: pd.Series, rows: pd.Series
) -> Finding:
    odd = texts[~number & ~none]
    shown, count = ", ".join(repr(text) for text in odd[:5]), int(rows[odd.index].sum())
    return Finding(
        "mixed_types",
        name,
        f"{_share(rows, number, none):.1%} numbers, but {count} rows hold {shown}",
        "kept as text; correct these cells in the file, or list them in data.missing, and rerun",
        level="warning",
    )


def _codes_finding(name: str, numbers: pd.Series) -> Finding:
    return Finding(
        "codes", name, f"codes with leading zeros or over 15 digits, like {numbers.iloc[0]!r}",
        "kept as text: as numbers they would change",
    )  # fmt: skip


def _fits(texts: pd.Series, form: str) -> bool:
    return bool(texts.str.strip().str.len().ge(6).all() and to_date(texts, form).notna().all())


def _date_format(texts: pd.Series) -> str | None:
    """Find the format of dates in text, "ambiguous" when day and month look alike."""
    first = texts.iloc[0].strip()
    if ISO.match(first):
        return "ISO8601" if _fits(texts, "ISO8601") else None
    if not re.search(r"\d", first):
        return None
    probe = texts.head(20)
    fits = [form for form in DAYS if _fits(probe, form) and _fits(texts, form)]
    if len(fits) > 1:
        return "ambiguous"
    return fits[0] if fits else None


def _dates(name: str, texts: pd.Series, form: str) -> Finding:
    return Finding("dates_in_text", name, f"dates written as text, like {texts.iloc[0]!r}",
                   f"read as dates with format {form} (data.dates)")  # fmt: skip


def _ambiguous(name: str, texts: pd.Series) -> Finding:
    return Finding(
        "ambiguous_dates", name, f"dates like {texts.iloc[0]!r}: day or month first?",
        "kept as text; write them as YYYY-MM-DD and rerun", level="warning",
    )  # fmt: skip


def _units(name: str, texts: pd.Series, reading: Reading) -> Finding | None:
    bare = texts.str.replace(r"[€$£%\s]", "", regex=True)
    number = to_number(bare, reading.decimal, reading.thousands).notna()
    if not len(texts) or number.mean() < 0.95:
        return None
    return Finding(
        "units", name, f"numbers with a unit, like {texts.iloc[0]!r}",
        "kept as text; remove the sign in the file and rerun", level="warning",
    )  # fmt: skip


def typed(raw: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Return the raw table as `reading` says: float64, datetime64[ns] and str columns only."""
    return pd.DataFrame({name: _typed(raw[name], reading) for name in raw.columns}, copy=False)


def _typed(values: pd.Series, reading: Reading) -> pd.Series:
    dtype = reading.dtypes[str(values.name)]
    if not is_text(values):
        return _typed_native(values, dtype)
    texts = as_text(values)
    texts = texts.mask(texts.isin([*reading.missing, ""]))
    if dtype == "float64":
        return to_number(texts, reading.decimal, reading.thousands)
    if dtype == "datetime64[ns]":
        return to_date(texts, reading.dates[str(values.name)])
    return texts


def _typed_native(values: pd.Series, dtype: str) -> pd.Series:
    if dtype == "str":
        return as_text(values)
    if dtype == "float64":
        return values.astype("float64").replace([np.inf, -np.inf], np.nan)
    zoned = isinstance(values.dtype, pd.DatetimeTZDtype)
    plain = values.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else values
    return plain.astype(pd.api.types.pandas_dtype(dtype))


def describe(frame: pd.DataFrame, reading: Reading) -> list[Column]:
    """Figures of every column of a typed table."""
    return [_describe(frame[name], reading.dtypes[name]) for name in frame.columns]


def _describe(values: pd.Series, dtype: str) -> Column:
    seen = values.dropna()
    counts = seen.value_counts()
    column = Column(str(values.name), _kind(counts, dtype), dtype)
    column.missing, column.unique = int(values.isna().sum()), len(counts)
    if seen.empty:
        return column
    column.example = show(seen.iloc[0])
    if len(counts) <= CATEGORY_LEVELS:
        column.levels = {show(level): int(rows) for level, rows in counts.items()}
    if dtype == "float64":
        column.low, column.high = float(seen.min()), float(seen.max())
    elif dtype == "str":
        column.longest = int(seen.str.len().max())
    else:
        column.low, column.high = show(seen.min()), show(seen.max())
    return column


def _kind(counts: pd.Series, dtype: str) -> Kind:
    if dtype != "str":
        return "number" if dtype == "float64" else "date"
    if len(counts) and set(counts.index[:9].str.casefold()) <= {"true", "false"}:
        return "boolean"
    return "category" if len(counts) <= CATEGORY_LEVELS else "text"


def show(value: object) -> str:
    """Write a value for people: 3 rather than 3.0, a date without an empty clock."""
    if isinstance(value, pd.Timestamp):
        return str(value.isoformat(sep=" ")).removesuffix(" 00:00:00")
    if isinstance(value, float) and not (value.is_integer() and abs(value) < 1e12):
        return f"{value:.6g}"
    return str(int(value)) if isinstance(value, float) else str(value)


def whole(values: pd.Series) -> bool:
    """Whether a float64 column holds integers only."""
    seen = values.dropna()
    return bool(len(seen) and (seen == seen.round()).all() and seen.abs().max() < 2**53)


def levels_of(values: pd.Series) -> Mapping[str, int]:
    """Level -> rows, most frequent first."""
    return {show(level): int(rows) for level, rows in values.value_counts().items()}
