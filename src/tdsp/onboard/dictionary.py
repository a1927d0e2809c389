"""The data dictionary: every column, its figures, and an open place for what only people know."""

from __future__ import annotations

import re

from tdsp.onboard.profile import Column, Profile, show

HEAD = """\
# Data dictionary

Source: `{path}`, {rows:,} rows, {columns} columns; target `{target}` ({problem}). Written by
`tdsp onboard` from the data. `tests/data/test_dictionary.py` holds each row against the table.

| column | meaning | unit | type | role | missing | range or levels | example |
| --- | --- | --- | --- | --- | ---: | --- | --- |
"""
ASSUMED = {
    "unsure_sign", "units", "missing_texts", "mixed_types", "dates_in_text", "ambiguous_dates",
    "dates_in_numbers", "unknown_dates", "codes", "infinite", "marker", "sheets", "clocks",
    "several_numbers", "structures",
}  # fmt: skip
SPECIAL = re.compile(r"[\\|`<&*\[]")
JOINERS = "\u200c\u200d"  # parts of words in some scripts
MEANING, UNIT, NO_UNIT = "[open: meaning]", "[open: unit]", "-"


def build(profile: Profile, path: str) -> str:
    """Markdown of the dictionary; `path` is where the file lies in the project."""
    head = HEAD.format(
        path=path,
        rows=profile.rows,
        columns=len(profile.columns),
        target=profile.target,
        problem=profile.problem,
    )
    units = {name: signs.unit for name, signs in profile.reading.signs.items() if signs.unit}
    rows = "".join(_row(column, profile.rows, units) for column in profile.columns)
    return head + rows + _assumed(profile)


def _assumed(profile: Profile) -> str:
    """Say how texts were taken for values, where the texts alone do not tell."""
    seen = [finding for finding in profile.findings if finding.code in ASSUMED]
    if not seen:
        return ""
    lines = [f"* {_cell(f.column or 'file')}: {_cell(f.seen)}; {_cell(f.done)}.\n" for f in seen]
    return f"\n## How it was read\n\n{''.join(lines)}"


def _row(column: Column, rows: int, units: dict[str, str]) -> str:
    role = column.role + (", sensitive" if column.sensitive else "")
    missing = f"{column.missing / rows:.1%}"
    example = "" if column.role == "id" else column.example
    cells = [_cell(cell) for cell in (column.kind, role, missing, span(column), example)]
    unit = NO_UNIT
    if column.kind == "number":
        unit = _cell(units[column.name]) if column.name in units else UNIT
    return "| " + " | ".join([_cell(column.name), MEANING, unit, *cells]) + " |\n"


def span(column: Column) -> str:
    """Describe the values of a column in a few words."""
    if column.kind in ("category", "boolean") and column.role != "id":
        shown = [_short(level) for level in list(column.levels)[:8]]
        more = column.unique - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    if column.low is not None:
        return f"{show(column.low)} to {show(column.high)}"
    return f"{column.unique:,} different values"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def _cell(text: str) -> str:
    """Make a cell that no value can break out of."""
    flat = " ".join(_short(text).split()) if len(text) > 400 else " ".join(text.split())
    return SPECIAL.sub(r"\\\g<0>", visible(flat))


def visible(text: str) -> str:
    """Name what nobody would see in a text, such as U+202E, which turns its rest around."""
    return "".join(c if c.isprintable() or c in JOINERS else f"[U+{ord(c):04X}]" for c in text)
