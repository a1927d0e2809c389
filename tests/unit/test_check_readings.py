"""What two readers said of the same findings."""

from pathlib import Path

import pytest
from scripts import readings
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
    assert readings.below(both) == "TR01 (note, 1 of 4)"


def test_agreement_by_chance_is_taken_off() -> None:
    said = [(True, True)] * 40 + [(True, False)] * 10 + [(False, True)] * 20 + [(False, False)] * 30
    share, kappa = readings.agreement([Reading(1, "TR01", "note", *each) for each in said])
    assert (share, round(kappa, 2)) == (0.7, 0.4)


@pytest.mark.parametrize("row", ["1,TR01,note,right,perhaps,", "1,TR01,grave,right,right,"])
def test_a_row_that_is_not_whole_is_named(row: str, tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text(f"{','.join(readings.COLUMNS)}\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        readings.readings(path)
