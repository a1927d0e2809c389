"""Each check finds at least five mistakes that are planted in clean projects of ours."""

from collections import Counter
from pathlib import Path

import pytest
from benchmarks import planted
from benchmarks.recall import in_projects, missed

from tdsp.check.all import CHECKS


def test_what_is_planted_in_clean_projects_is_found_as_the_page_says(repository: Path) -> None:
    """All in one test: the projects are rendered once, and Python that stays is parsed once."""
    found = planted.tried(planted.rendered(str(repository)))
    counts = Counter(each.planted.check for each in found)
    caught = Counter(each.planted.check for each in found if each.found)
    assert [check for check in CHECKS if counts[check] < planted.ENOUGH] == []
    assert [check for check in CHECKS if caught[check] < planted.ENOUGH] == []
    page = (planted.ROOT / "benchmarks/recall.md").read_text(encoding="utf-8")
    assert page.split("Missed in a project:\n\n")[1].splitlines() == missed(found)
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][2:]
    assert {row[0].removeprefix("| "): row[1] for row in rows} == in_projects(found)


def test_a_planted_mistake_that_changes_nothing_is_refused() -> None:
    change = planted.Change("a.py", old="x = 2", new="x = 3")
    with pytest.raises(ValueError, match="nothing changes"):
        planted.Planted("TR03", "no such line", (change,)).applied({"a.py": "x = 1\n"})
