"""Each check finds its mistake in every form."""

import pytest
from benchmarks.mutants import MEANT, REWRITES, mutants

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
