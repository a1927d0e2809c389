"""What two readers said of the same findings."""

from pathlib import Path

import pytest
from scripts import readings
from scripts.precision import Standing
from scripts.readings import Reading

from tdsp.check.all import CHECKS

FOUND = readings.readings()


def test_a_thousand_findings_were_read_twice() -> None:
    assert len(FOUND) >= 1000
    assert len({each.repository for each in FOUND}) >= 30
    assert {each.check for each in FOUND} <= {*CHECKS}


def test_the_file_has_no_code_and_no_addresses() -> None:
    text = readings.READINGS.read_text("utf-8")
    assert not any(sign in text for sign in ("/", "=", "(", "import ", "@"))


def test_one_doubt_is_enough_to_count_a_finding_as_wrong() -> None:
    both = [Reading(1, "TR01", "note", one, two) for one in (True, False) for two in (True, False)]
    assert [each.right for each in both] == [True, False, False, False]
    assert "| note | 4 | 1 | 1 | 2 |" in readings.table(both)
    assert readings.below(readings.by_check(both)) == "TR01 (note, 1 of 4)"


def test_a_finding_counts_as_long_as_it_is_reported_as_it_was_read() -> None:
    said = [("none", False), ("note", True), ("warning", True), ("warning", False)]
    found = [Reading(1, "SC04", "warning", right, right, now) for now, right in said]
    assert [each.still for each in found] == [False, False, True, True]
    assert readings.standings(found)["SC04", "warning"] == Standing(1, 2)
    assert "| 2 | 1 |" in readings.table(found).splitlines()[3]


def test_whether_a_finding_is_still_reported_is_looked_up(tmp_path: Path) -> None:
    clone = tmp_path / "owner+name" / "repo"
    clone.mkdir(parents=True)
    (clone / "a.py").write_text("def f():\n    return 1\n", encoding="utf-8")
    path = tmp_path / "readings.csv"
    mine = [
        readings.digest("owner+name", "CI02", "a.py", 1),
        readings.digest("owner+name", "CI02", "b.py", 1),
        readings.digest("other+name", "CI02", "a.py", 1),
    ]
    text = "".join(f"{n},CI02,note,right,wrong,warning,{m},\n" for n, m in enumerate(mine))
    path.write_text(f"{','.join(readings.COLUMNS)}\n{text}", encoding="utf-8")
    assert readings.reread(path, tmp_path) == 2
    assert [row["now"] for row in readings.rows(path)] == ["note", "none", "note"]


def test_agreement_by_chance_is_taken_off() -> None:
    said = [(True, True)] * 40 + [(True, False)] * 10 + [(False, True)] * 20 + [(False, False)] * 30
    share, kappa = readings.agreement([Reading(1, "TR01", "note", *each) for each in said])
    assert (share, round(kappa, 2)) == (0.7, 0.4)


@pytest.mark.parametrize(
    "row",
    [
        "1,TR01,note,right,perhaps,note,0,",
        "1,TR01,grave,right,right,note,0,",
        "1,TR01,note,right,right,gone,0,",
    ],
)
def test_a_row_that_is_not_whole_is_named(row: str, tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(f"{','.join(readings.COLUMNS)}\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        readings.readings(path)
