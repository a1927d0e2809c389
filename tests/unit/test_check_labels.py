"""A check's severity is held to what was measured of it."""

from pathlib import Path

import pytest
from scripts import evidence, held, precision, readings

from tdsp.check import measured
from tdsp.check.all import CHECKS

LABELS = precision.labels()
SOURCES = {
    "labels": precision.by_check(LABELS),
    "readings": readings.standings(readings.readings()),
    **{name: readings.standings(held.readings(name)) for name in held.SETS},
}
CLASSES = {check.id: check.severity for check in CHECKS.values()}


@pytest.mark.parametrize(
    ("source", "check", "severity"),
    [(source, *key) for source, found in SOURCES.items() for key in sorted(found)],
)
def test_no_severity_is_higher_than_what_was_measured(
    source: str, check: str, severity: str
) -> None:
    standing = SOURCES[source][check, severity]
    low, high = standing.interval
    said = f"{check}: {standing.right} of {standing.all} right, {low:.2f} to {high:.2f}: demote it"
    assert standing.verdict(severity) != "below", said


def test_each_class_keeps_what_it_promises() -> None:
    assert evidence.too_high(evidence.first_sight(), CLASSES) == []
    ours = evidence.pooled(evidence.first_sight(), CLASSES)
    for severity in ("warning", "note"):
        assert evidence.total(ours, severity).interval[0] >= precision.BOUNDS[severity]


@pytest.mark.parametrize(
    ("right", "every", "severity", "now", "named"),
    [
        (8, 9, "warning", "warning", True),
        (8, 9, "warning", "error", True),
        (9, 10, "warning", "info", False),
        (4, 5, "note", "note", True),
        (4, 5, "note", "error", True),
        (4, 5, "warning", "note", True),
        (4, 5, "note", "info", False),
        (1, 4, "note", "info", False),
        (1, 4, "note", "note", False),
        (4, 4, "warning", "warning", True),
        (0, 0, "warning", "warning", True),
        (381, 381, "error", "error", False),
        (380, 380, "error", "error", True),
        (42, 42, "error", "error", True),
        (999, 1000, "error", "error", False),
        (99, 100, "error", "error", True),
        (0, 0, "error", "error", True),
    ],
)
def test_a_class_is_taken_away_when_too_few_findings_of_a_check_were_right(
    right: int, every: int, severity: str, now: str, named: bool
) -> None:
    found = {("TR01", severity): precision.Standing(right, every)} if every else {}
    # Beside it stands a check of the same class that alone would keep the promise.
    found |= {("TR02", name): precision.Standing(400, 400) for name in ("warning", "note")}
    classes = {"TR01": now, "TR02": "warning"}
    assert bool(evidence.too_high(found, classes)) == named


def test_the_weakest_check_goes_when_the_class_as_a_whole_is_right_too_seldom() -> None:
    found = {(f"TR0{n}", "warning"): precision.Standing(93 + n, 100) for n in range(3)}
    named = evidence.too_high(found, dict.fromkeys(["TR00", "TR01", "TR02"], "warning"))
    assert named == ["TR00 is no warning: 93 of 100 were right"]


def test_repositories_are_drawn_and_not_findings() -> None:
    alike, one = [(9, 10)] * 40, [(324, 324), *[(9, 19)] * 4]
    assert evidence.drawn(alike) == 0.9
    assert sum(r for r, _ in one) / sum(n for _, n in one) == 0.9
    assert evidence.drawn(one) < 0.5
    counts = evidence.by_repository(evidence.findings(), CLASSES, "warning")
    standing = evidence.total(evidence.pooled(evidence.first_sight(), CLASSES), "warning")
    assert sum(n for _, n in counts) == standing.all and len(counts) > 40


def test_what_was_judged_in_two_files_counts_once_and_one_doubt_is_enough() -> None:
    found = evidence.first_sight()
    rows = sum(standing.all for standing in found.values())
    written = [
        *LABELS,
        *readings.readings(),
        *(r for name in held.SETS for r in held.readings(name)),
    ]
    assert len(written) - 300 < rows < len(written)
    assert found["MO02", "warning"].right < found["MO02", "warning"].all


def test_labels_name_checks_that_exist_and_are_enough_to_say_something() -> None:
    assert {each.check for each in LABELS} <= {*CHECKS}
    assert len(LABELS) >= 500
    assert len({each.repository for each in LABELS}) >= 25
    assert len({each.kind for each in LABELS}) >= 6


def test_the_file_has_no_code_and_no_names_of_others() -> None:
    text = precision.LABELS.read_text("utf-8")
    assert not any(sign in text for sign in ("/", "=", "(", "import ", "@"))


@pytest.mark.parametrize(
    ("right", "every", "severity", "verdict"),
    [
        (381, 381, "error", "proven"),
        (380, 380, "error", "not proven"),
        (380, 381, "error", "below"),
        (73, 73, "warning", "proven"),
        (60, 60, "warning", "not proven"),
        (72, 76, "warning", "below"),
        (4, 5, "warning", "below"),
        (22, 22, "note", "proven"),
        (3, 3, "note", "not proven"),
        (0, 0, "error", "not proven"),
    ],
)
def test_a_verdict_follows_from_the_lower_end_of_the_interval(
    right: int, every: int, severity: str, verdict: str
) -> None:
    assert precision.Standing(right, every).verdict(severity) == verdict


def test_the_interval_is_wilsons() -> None:
    low, high = precision.Standing(9, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)


@pytest.mark.parametrize(
    "row",
    [
        "1,book,TR03,fatal,right,none,,",
        "1,book,TR03,note,wrong,note,,",
        "x,book,TR03,note,right,note,,",
    ],
)
def test_a_label_that_is_not_whole_is_refused(row: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(",".join(precision.COLUMNS) + f"\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        precision.labels(path)


def test_the_confidence_of_a_finding_is_what_was_measured() -> None:
    ours = evidence.pooled(evidence.first_sight(), CLASSES)
    for (check, severity), standing in ours.items():
        low = measured.confidence(check, severity)
        assert low is not None and abs(low - standing.interval[0]) < 0.001
    words = {measured.grade(*key) for key in ours}
    assert words == {"very-high", "high", "medium", "low"}
    assert measured.confidence("TR03", "error") is measured.grade("none", "note") is None
