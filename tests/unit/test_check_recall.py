"""Each check finds its mistake in every form, and at least five in clean projects of ours."""

from collections import Counter
from pathlib import Path

import pytest
from benchmarks import planted
from benchmarks.mutants import MEANT, REWRITES, mutants
from benchmarks.recall import in_projects, missed

from tdsp.check.all import CHECKS
from tdsp.check.run import check_repository
from tdsp.reading import read_texts

ALL = {c.id: list(mutants(c.id, c.family, c.bad)) for c in CHECKS.values()}


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_mistake_is_found_in_every_form(check: str) -> None:
    missed = []
    for name, texts in ALL[check]:
        result = check_repository(read_texts({**texts}), [CHECKS[check]]).results[0]
        if result.outcome != "fail":
            missed.append(f"{name}: {result.outcome}")
    assert not missed


def test_there_are_enough_forms() -> None:
    counts = {check: len(made) for check, made in ALL.items()}
    assert sum(counts.values()) >= 1000
    assert [check for check, number in counts.items() if number < 5] == []


def test_a_rewrite_changes_the_text_and_an_exception_names_what_exists() -> None:
    for check, made in ALL.items():
        assert all(texts != CHECKS[check].bad for _, texts in made)
    assert {name for _, name in MEANT} <= {*REWRITES}
    assert {check for check, _ in MEANT} <= {*CHECKS}


def test_a_check_that_finds_nothing_would_be_seen() -> None:
    name, texts = ALL["TR03"][0]
    harmless = {path: text.replace("fit_transform", "copy") for path, text in texts.items()}
    result = check_repository(read_texts({**harmless}), [CHECKS["TR03"]]).results[0]
    assert name and result.outcome != "fail"


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
