"""What one reader said of findings in repositories that no check had been corrected with."""

from pathlib import Path

import pytest
from scripts import held
from scripts.readings import HELD, Reading

from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository, severity
from tdsp.reading import read_texts

FOUND = held.readings("held out")


def test_findings_of_ten_repositories_and_more_were_read() -> None:
    assert 10 <= len({each.repository for each in FOUND}) < held.REPOSITORIES
    assert {each.check for each in FOUND} <= {*CHECKS}


def test_the_file_has_no_code_and_no_addresses() -> None:
    text = HELD.read_text("utf-8")
    assert not any(sign in text for sign in ("/", "=", "(", "import ", "@"))


def test_what_is_still_reported_is_counted_apart_from_what_was_read() -> None:
    said = [("none", False), ("warning", True), ("note", True)]
    found = [Reading(1, "SC04", "warning", right, right, now) for now, right in said]
    assert held.table(found).splitlines()[3].endswith("| 0.95 | 1 | 1 |")


@pytest.mark.parametrize(
    "row",
    [
        "held out,1,book,TR01,note,perhaps,note,0,",
        "held out,1,book,TR01,note,wrong,note,0,",
        "seen,1,book,TR01,note,right,note,0,",
        "held out,1,book,TR01,grave,right,note,0,",
    ],
)
def test_a_row_that_is_not_whole_is_named(row: str, tmp_path: Path) -> None:
    path = tmp_path / "held.csv"
    path.write_text(f"{','.join(held.COLUMNS)}\n{row}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        held.readings("held out", path)


@pytest.mark.parametrize(
    ("asked", "imported"),
    [("feast[aws]", "boto3"), ("ploomber", "papermill"), ("jupyter", "nbformat")],
)
def test_what_comes_with_another_package_is_a_note(asked: str, imported: str) -> None:
    texts = {"requirements.txt": f"{asked}==1.0\n", "app.py": f"import {imported}\n"}
    (result,) = check_repository(read_texts(texts), [CHECKS["SC04"]]).results
    assert [severity(result.check, mark) for mark in result.marks] == ["note"]
