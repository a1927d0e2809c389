"""What a table is: types, roles, figures. Plain data, no judgement (that is findings.py)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from tdsp.errors import OnboardError
from tdsp.onboard.cells import UNSEEN, dates, number, numbers, texts
from tdsp.onboard.days import OFFSET, coded, counted, date_format, fits, strays
from tdsp.onboard.missing import NO_NUMBER, NO_VALUE
from tdsp.onboard.numbers import Signs, Written, shared, written
from tdsp.onboard.readers import Source
from tdsp.onboard.shapes import shape

Problem = Literal["classification", "regression", "forecasting", "anomaly"]
Role = Literal["feature", "target", "id", "time", "group", "series", "drop"]
Kind = Literal["number", "boolean", "date", "category", "text"]

# What is predicted: a number, or else a class.
NUMBERS: tuple[Problem, ...] = ("regression", "forecasting")
CATEGORY_LEVELS = 50
AS_CODES = "kept as text: as numbers they would change"


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


@dataclass(frozen=True)
class Hints:
    """What the user says of how columns are read; it wins over what their texts look like."""

    text: tuple[str, ...] = ()
    date: Mapping[str, str] = field(default_factory=dict)
    decimal: Mapping[str, str] = field(default_factory=dict)
    value: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        """Every column that is spoken of."""
        return {*self.text, *self.date, *self.decimal, *self.value, *self.missing}


@dataclass
class Reading:
    """How the texts of a file become values; written to `params.yaml` under `data`.

    `signs` and `tokens` hold for each text column what `columns` says only where it differs from
    the table. The texts of the columns `numberlike` may well be numbers or dates.
    """

    decimal: str = "."
    thousands: str | None = None
    missing: list[str] = field(default_factory=list)
    dates: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)
    signs: dict[str, Signs] = field(default_factory=dict)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    numberlike: set[str] = field(default_factory=set)


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
    fairness: str | None = None  # what groups are compared by; None: what the project does

    @property
    def drop_duplicates(self) -> bool:
        """Whether equal rows are one thing counted twice: their ids repeat, or their moments."""
        return bool(self.duplicates and self.role("id")) or self.steps is not None

    def role(self, role: Role) -> list[str]:
        """Names of the columns with this role, in the order of the file."""
        return [column.name for column in self.columns if column.role == role]


def is_text(values: pd.Series) -> bool:
    """Whether a column of a raw table holds texts (or a mixture) rather than typed values."""
    texts = isinstance(values.dtype, pd.StringDtype | pd.CategoricalDtype)
    return texts or values.dtype == object or values.dtype.kind == "m"  # durations have no type


def as_text(values: pd.Series) -> pd.Series:
    """Return the column as strings, missing where it was missing."""
    if isinstance(values.dtype, pd.StringDtype):
        return values.astype("str")
    return values.astype(object).map(str, na_action="ignore").astype("str")


def infer(
    raw: pd.DataFrame, source: Source, hints: Hints | None = None
) -> tuple[Reading, list[Finding]]:
    """How to read every column of a raw table, and what was odd about its texts."""
    hints, reading, seen = hints or Hints(), Reading(), list[Finding]()
    texts = {c: _Texts(c, _uniques(raw[c]), hints) for c in raw.columns if is_text(raw[c])}
    european = _european([column.written for column in texts.values() if column.written], source)
    for name in raw.columns:
        if name in texts:
            seen += texts[name].read(reading, hints, european)
            continue
        reading.dtypes[name] = _native(raw[name])
        if reading.dtypes[name] == "float64":
            seen += _counted(name, raw[name].astype("float64"), reading, hints)
        elif raw[name].dtype.kind in "iu":
            seen.append(Finding("codes", name, "whole numbers of over 15 digits", AS_CODES))
    _share_signs(reading, texts)
    union = set().union(*reading.tokens.values()) if reading.tokens else set()
    reading.missing = sorted(union)
    for name, column in texts.items():
        if union & (set(column.texts) - reading.tokens[name]):
            signs = reading.signs.get(name)
            own = reading.columns.setdefault(name, _entry(signs) if signs else {})
            own["missing"] = sorted(reading.tokens[name])
    return reading, seen


def _european(columns: list[Written], source: Source) -> bool:
    """Whether numbers have a decimal comma where their own texts leave it open."""
    signs = Counter(column.decimal for column in columns)
    return signs[","] > signs["."] or (signs[","] == signs["."] and source.delimiter == ";")


def _share_signs(reading: Reading, texts: Mapping[str, _Texts]) -> None:
    """Write the signs of most columns once, and those of the others with their names."""
    several = [w for name in reading.signs if (w := texts[name].written)]
    table = shared(reading.signs.values(), several)
    reading.decimal, reading.thousands = table.decimal, table.thousands
    for name, written_ in zip(reading.signs, several, strict=True):
        alike = table in written_.fits and not written_.unsure
        if reading.signs[name] != table and not alike:
            reading.columns[name] = _entry(reading.signs[name])


def _entry(signs: Signs) -> dict[str, Any]:
    entry = {"decimal": signs.decimal, "thousands": signs.thousands, "unit": signs.unit}
    return {key: value for key, value in entry.items() if value or key == "decimal"}


class _Texts:
    """The distinct texts of one column, with the rows that hold each."""

    def __init__(self, name: str, uniques: pd.Series, hints: Hints) -> None:
        self.name, self.texts = name, pd.Series(uniques.index, dtype="str")
        self.rows = pd.Series(uniques.to_numpy())
        folded = self.texts.str.replace(UNSEEN, "", regex=True).str.strip().str.casefold()
        value = self.texts == hints.value.get(name)
        asked = self.texts == hints.missing.get(name)
        self.blank = ((folded.isin(NO_VALUE) | (folded == "")) & ~value) | asked
        self.none = (folded.isin(NO_NUMBER) & ~value) | self.blank
        self.known = self.texts[~self.none]
        self.written = written(self.known) if len(self.known) else None

    def read(self, reading: Reading, hints: Hints, european: bool) -> list[Finding]:
        """Enter into `reading` how the column is read, and say what was odd."""
        dtype, form, seen = self._kind(reading, hints, european)
        reading.dtypes[self.name] = dtype
        tokens = self.none if dtype != "str" or self.none.all() else self.blank
        reading.tokens[self.name] = set(self.texts[tokens])
        if form:
            reading.dates[self.name] = form
        if dtype == "str" and tokens.any() and not tokens.all():
            seen = [*seen, *self._no_value(tokens)]
        return seen

    def _kind(
        self, reading: Reading, hints: Hints, european: bool
    ) -> tuple[str, str | None, list[Finding]]:
        """Type of the column: dtype, format of its dates, what was odd."""
        asked = hints.date.get(self.name)
        if self.known.empty or self.name in hints.text:
            return "str", None, []
        if asked:
            return "datetime64[ns]", asked, _as_dates(self.name, self.known, asked)
        if self.known.str.fullmatch(r"(19|20)\d{6}").all() and fits(self.known, "%Y%m%d"):
            return "datetime64[ns]", "%Y%m%d", _as_dates(self.name, self.known, "%Y%m%d")
        if self.written:
            decimal = hints.decimal.get(self.name) or ("," if european else ".")
            signs = self.written.under(decimal)
            number = pd.Series(data=False, index=self.texts.index)
            number[~self.none] = signs.reads(self.known)
            if _codes(self.texts[number]):
                return "str", None, [self._codes(self.texts[number], reading)]
            if (number | self.none).all():
                reading.signs[self.name] = signs
                reading.numberlike |= {self.name} if signs.unit else set()
                values = numbers(self.known, signs.decimal, signs.thousands, signs.unit)
                odd = _counted(self.name, values.astype("float64"), reading, hints)
                return "float64", None, [*self._as_number(), *self._assumed(signs, hints), *odd]
            few = 1 <= (~number & ~self.none).sum() <= 3 and number.sum() >= 10
            if self._share(number) >= (0.5 if few else 0.95):
                reading.numberlike.add(self.name)
                return "str", None, [self._mixed(number)]
        form = date_format(self.known)
        if form == "ambiguous":
            reading.numberlike.add(self.name)
            return "str", None, [_ambiguous(self.name, self.known)]
        if form:
            return "datetime64[ns]", form, _as_dates(self.name, self.known, form)
        seen = self._but_few() or self._shape(european)
        reading.numberlike |= {finding.column for finding in seen if finding.column}
        return "str", None, seen

    def _share(self, number: pd.Series) -> float:
        return float(self.rows[number].sum() / self.rows[~self.none].sum())

    def _as_number(self) -> list[Finding]:
        tokens = self.texts[self.none]
        if tokens.empty:
            return []
        shown = ", ".join(repr(token) for token in sorted(tokens)[:5])
        infinite = any("inf" in token.casefold() for token in tokens)
        return [Finding(
            "infinite" if infinite else "mixed_types", self.name,
            f"numbers, but {int(self.rows[self.none].sum())} rows hold {shown}",
            "read as a number; these texts count as missing (data.missing)",
        )]  # fmt: skip

    def _assumed(self, signs: Signs, hints: Hints) -> list[Finding]:
        """Say what a number was taken for that its text does not tell."""
        sign, seen = self.written.unsure if self.written else None, []
        if sign and self.name not in hints.decimal:
            text = next(text for text in self.known if sign in text)
            value = show(float(number(text, signs.decimal, signs.thousands, signs.unit)))
            other = "," if signs.decimal == "." else "."
            seen.append(Finding(
                "unsure_sign", self.name, f"numbers like {text!r}: thousands or decimals?",
                f"read as {value}; if that is wrong, run again with --decimal {self.name}={other}",
                level="warning",
            ))  # fmt: skip
        if signs.unit:
            like = self.known.iloc[0]
            seen.append(Finding(
                "units", self.name, f"numbers with the unit {signs.unit}, like {like!r}",
                f"read as numbers in {signs.unit}; a text without it is refused (data.columns)",
            ))  # fmt: skip
        return seen

    def _mixed(self, number: pd.Series) -> Finding:
        odd = self.texts[~number & ~self.none]
        shown, count = ", ".join(repr(text) for text in odd[:5]), int(self.rows[odd.index].sum())
        return Finding(
            "mixed_types", self.name,
            f"{self._share(number):.1%} numbers, but {count} rows hold {shown}",
            "kept as text; correct these cells in the file, or run again with "
            f"--missing '{self.name}={odd.iloc[0]}', --text or --decimal",
            level="warning",
        )  # fmt: skip

    def _no_value(self, tokens: pd.Series) -> list[Finding]:
        texts = self.texts[tokens & (self.texts != "")]
        if texts.empty:
            return []
        shown, rows = ", ".join(map(repr, texts[:5])), int(self.rows[texts.index].sum())
        return [Finding(
            "missing_texts", self.name, f"{rows} rows hold {shown}",
            "read as no value; if it is a value of this column, run again with "
            f"--value {self.name}={texts.iloc[0]}",
            level="warning" if texts.str.strip().str.casefold().eq("na").any() else "note",
        )]  # fmt: skip

    def _shape(self, european: bool) -> list[Finding]:
        """What the texts look like that are not read."""
        like = shape(self.name, self.known, european)
        return (
            [Finding(like.code, self.name, like.seen, like.done, level=like.level)] if like else []
        )

    def _but_few(self) -> list[Finding]:
        """Dates but for a few texts, such as 0000-00-00 or 31.12.9999."""
        odd = strays(self.known)
        share = self._share(~self.none & ~self.texts.index.isin(odd.index))
        if share < 0.8 or not 0 < len(odd) <= 5:
            return []
        shown, count = ", ".join(map(repr, odd)), int(self.rows[odd.index].sum())
        return [Finding(
            "mixed_types", self.name, f"dates, but {count} rows hold {shown}",
            f"kept as text; correct these cells in the file, or run again with --missing "
            f"'{self.name}={odd.iloc[0]}', which reads them as no value", level="warning",
        )]  # fmt: skip

    def _codes(self, codes: pd.Series, reading: Reading) -> Finding:
        odd = codes[codes.str.contains(r"^\s*0\d|[eE]|\d{16}")]
        like = f"like {(odd if len(odd) else codes).iloc[0]!r}"
        if form := coded(codes):
            reading.numberlike.add(self.name)
            return Finding(
                "dates_in_numbers", self.name, f"codes {like}, perhaps dates",
                f"kept as text; if they are dates, run again with --date '{self.name}={form}'",
                level="warning",
            )  # fmt: skip
        return Finding(
            "codes", self.name, f"codes with leading zeros, over 15 digits or an E, {like}",
            AS_CODES,
        )  # fmt: skip


def _counted(name: str, values: pd.Series, reading: Reading, hints: Hints) -> list[Finding]:
    """Whole numbers that look like dates stay numbers, unless the user says what they are."""
    if asked := hints.date.get(name):
        reading.dtypes[name], reading.dates[name] = "datetime64[ns]", asked
        return _as_dates(name, values.map("{:.0f}".format), asked)
    form = counted(name, values)
    if not form or name in hints.text:
        return []
    like = f"{values.dropna().iloc[0]:.0f}"
    return [Finding(
        "dates_in_numbers", name, f"numbers like {like}, perhaps dates",
        f"kept as numbers; if they are dates, run again with --date '{name}={form}'",
    )]  # fmt: skip


def _uniques(values: pd.Series) -> pd.Series:
    """Distinct texts -> number of rows, as a Series indexed by position with the text as value."""
    counts = as_text(values).value_counts()
    return pd.Series(counts.to_numpy(), index=counts.index.astype("str"), name="rows")


def _native(values: pd.Series) -> str:
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        return "datetime64[ns]"
    exact = values.dtype.kind not in "iu" or max(-int(values.min()), int(values.max())) <= 2**53
    return "float64" if values.dtype.kind in "iuf" and exact else "str"


def _codes(numbers: pd.Series) -> bool:
    """Leading zeros, 9E2, or more digits than float64 keeps: codes, not quantities."""
    stripped = numbers.str.strip()
    whole_only = stripped.str.fullmatch(r"\d+([eE]\d+)?").all()
    powers = whole_only and stripped.str.contains("[eE]").any()
    return bool(powers or stripped.str.fullmatch(r"0\d+|[+-]?\d{16,}").any())


def _as_dates(name: str, texts: pd.Series, form: str) -> list[Finding]:
    if not fits(texts, form):
        bad = next(text for text in texts if not fits(pd.Series([text], dtype="str"), form))
        raise OnboardError(f"--date {name!r}: {bad!r} is no date of the format {form}.")
    zoned, done = texts.str.contains(OFFSET), f"read as dates with format {form} (data.dates)"
    bare = int((~zoned).sum())
    if zoned.any():
        done += ", in UTC" + (f"; the {bare} without an offset are taken for UTC" if bare else "")
    if "%y" in form:
        done += "; the years 69 to 99 are taken for 1969 to 1999"
    level: Literal["note", "warning"] = "warning" if zoned.any() and bare else "note"
    seen = f"dates written as text, like {texts.iloc[0]!r}"
    return [Finding("dates_in_text", name, seen, done, level=level)]


def _ambiguous(name: str, texts: pd.Series) -> Finding:
    return Finding(
        "ambiguous_dates", name, f"dates like {texts.iloc[0]!r}: day or month first?",
        f"kept as text; run again with --date {name}=%d/%m/%Y or %m/%d/%Y, with the file's signs",
        level="warning",
    )  # fmt: skip


def typed(raw: pd.DataFrame, reading: Reading) -> pd.DataFrame:
    """Return the raw table as `reading` says: float64, datetime64[ns] and str columns only."""
    return pd.DataFrame({name: _typed(raw[name], reading) for name in raw.columns}, copy=False)


def _typed(values: pd.Series, reading: Reading) -> pd.Series:
    name = str(values.name)
    dtype, form = reading.dtypes[name], reading.dates.get(name)
    if not is_text(values) and not form:
        return _typed_native(values, dtype)
    if not is_text(values):
        return dates(values, str(form))
    texts_ = as_text(values)
    texts_ = texts_.mask(texts_.isin([*reading.tokens[name], ""]))
    if form:
        return dates(texts_, form)
    if dtype == "float64":
        signs = reading.signs[name]
        return numbers(texts_, signs.decimal, signs.thousands, signs.unit).astype("float64")
    return texts(texts_).astype("str")


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
