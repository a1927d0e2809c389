"""The figures of graded plans: right from the table, and no other ones in the documents."""

import re
from pathlib import Path

import pytest
from benchmarks.adoption import (
    CURRENT,
    LATEST,
    PAGE,
    READERS,
    Graded,
    Share,
    figures,
    page,
    questions,
    read,
)

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"\n## How often it is wrong\n(.*?)(?=\n## |\Z)", re.DOTALL)
SETS = read()
UNSEEN = [row for name in LATEST for row in SETS[name]]
NOW = [row for name in CURRENT for row in SETS[name]]
LABELLED = [row for name in READERS for row in SETS[name]]
EARLIER = [
    row for name, rows in SETS.items()
    if name.startswith("unseen") and name not in LATEST for row in rows
]  # fmt: skip


def quoted(text: str) -> list[str]:
    """Return the shares that a text quotes."""
    return re.findall(r"(\d+\.\d) %", text)


def told(text: str) -> list[str]:
    """Say what is wrong in a section that quotes the figures; nothing where it is right."""
    now, unseen = (list(map(str, figures(rows).values())) for rows in (NOW, UNSEEN))
    before = [figures(rows)["wrong confident move"] for rows in (LABELLED, EARLIER)]
    wanted = [share.partition(" ")[0] for share in (*now, *unseen, *map(str, before))]
    found = quoted(text)
    wrong = [] if sorted(found) == sorted(wanted) else [f"{found} are not {wanted}"]
    many = {row.repository for row in NOW}
    moved = {row.repository for row in NOW if "W" in row.verdict}
    every = {row.repository for row in UNSEEN}
    for phrase in (
        f"{len(many)} repositories",
        f"{len(NOW):,} files",
        f"in {len(moved)} of the {len(many)}",
        f"{questions(NOW)} questions",
        f"{len(UNSEEN):,} files of {len(every)} repositories",
        *now,
        *unseen,
    ):
        wrong += [] if phrase in text.replace("\n", " ") else [f"{phrase!r} is missing"]
    return wrong


def section() -> str:
    text = (ROOT / "docs/adopt.md").read_text(encoding="utf-8")
    match = SECTION.search(text)
    assert match is not None
    return match[1]


def test_the_page_is_made_from_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(SETS)


def test_the_documents_quote_these_figures_only() -> None:
    assert told(section()) == []


def test_another_figure_in_the_documents_would_be_seen() -> None:
    text = section()
    assert told(text.replace(quoted(text)[0], "99.9", 1))
    assert told(text.replace(f"{len(NOW):,} files", "7 files"))
    assert told(re.sub(r"\d+ questions", "7 questions", text))
    assert told(text + " A third was 33.3 %.")
    for rows, figure in ((NOW, "class right"), (UNSEEN, "wrong confident move")):
        interval = str(figures(rows)[figure]).partition("(")[2]
        assert told(re.sub(r"\s+", " ", text).replace(interval, "1.0 to 2.0)"))


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0.0, 27.75), (1, 10, 1.79, 40.42), (50, 100, 40.38, 59.62), (10, 10, 72.25, 100.0)],
)
def test_the_interval_is_that_of_wilson(count: int, total: int, low: float, high: float) -> None:
    assert Share(count, total).interval == pytest.approx((low, high), abs=0.01)


def test_figures_count_what_the_verdicts_say() -> None:
    rows = [Graded("a/a", False, "TW"), Graded("a/a", True, "CT"), Graded("b/b", False, "")]
    found = {name: share.count for name, share in figures(rows).items()}
    assert found == {
        "class right": 2, "exact target": 1, "asked": 1, "wrong confident move": 1}  # fmt: skip


@pytest.mark.parametrize(("asked", "verdict"), [(False, "W"), (True, "TW"), (False, "X")])
def test_a_verdict_that_cannot_be_is_refused(asked: bool, verdict: str) -> None:
    with pytest.raises(ValueError, match="a/a"):
        Graded("a/a", asked, verdict)


def test_every_set_is_large_enough_to_say_something() -> None:
    assert len({row.repository for row in SETS["seen, after"]}) >= 30
    assert len({row.repository for row in UNSEEN}) >= 8
    assert all(len(rows) >= 200 for rows in SETS.values())
