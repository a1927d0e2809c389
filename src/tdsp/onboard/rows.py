"""Rows of a file that are no rows of its table: a second header, units, a footer, nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from tdsp.onboard.profile import Finding, as_text, is_text

FIX = "kept as a row; if it is none, remove it from the file and rerun"
FOOTERS = 5


def strange(raw: pd.DataFrame) -> list[Finding]:
    """Say which rows of a raw table look like something else."""
    if len(raw) < 20 or not len(raw.columns) or not is_text(raw[raw.columns[0]]):
        return []
    return [*_headers(raw), *_second(raw), *_footer(raw), *_empty(raw)]


def _headers(raw: pd.DataFrame) -> Iterator[Finding]:
    first = raw[raw.columns[0]] == raw.columns[0]
    same = raw[first].astype(str).eq(list(raw.columns)).all(axis=1)
    if count := int(same.sum()):
        yield Finding(
            "repeated_header", None, f"the header again as row {same[same].index[0] + 1}"
            f" ({count} such rows)", "kept as a row; remove it from the file and rerun",
            level="warning",
        )  # fmt: skip


def _second(raw: pd.DataFrame) -> Iterator[Finding]:
    """Names or units below the header: every column of numbers has a text there."""
    head, sample = raw.iloc[0], raw.iloc[1:].head(1000)
    texts = [name for name in raw.columns if is_text(raw[name])]
    digits = [name for name in texts if as_text(sample[name]).str.contains(r"\d").mean() > 0.99]
    words = [name for name in digits if not any(letter.isdigit() for letter in str(head[name]))]
    if words and words == digits and head[words].notna().all():
        shown = ", ".join(repr(str(cell)) for cell in head[raw.columns[:4]])
        yield Finding(
            "second_header", None, f"a first row without figures: {shown}", FIX, level="warning"
        )


def _footer(raw: pd.DataFrame) -> Iterator[Finding]:
    alone = raw.tail(FOOTERS)
    alone = alone[alone.notna().sum(axis=1).eq(1) & alone.iloc[:, 0].notna()]
    if len(alone) and len(raw.columns) > 2 and alone.index[-1] == raw.index[-1]:
        yield Finding(
            "footer", None, f"a last row that holds {str(alone.iloc[-1, 0])[:60]!r} only", FIX,
            level="warning",
        )  # fmt: skip


def _empty(raw: pd.DataFrame) -> Iterator[Finding]:
    if count := int(raw.isna().all(axis=1).sum()):
        yield Finding("empty_rows", None, f"{count} rows without any value", FIX)
