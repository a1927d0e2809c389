"""repo-review runs our checks, by the entry points of the installed package."""

import re
from pathlib import Path

import pytest
from repo_review.families import get_family_name
from repo_review.processor import process
from tests.conftest import ROOT

from tdsp.check.all import CHECKS
from tdsp.check.rule import FAMILIES


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("id_", ["TR03", "SC07"])
def test_a_broken_rule_is_named_with_its_place(id_: str, tmp_path: Path) -> None:
    found = process(write(tmp_path, CHECKS[id_].bad))
    results = {each.name: each for each in found.results}
    assert set(CHECKS) <= set(results)
    assert results[id_].result is False
    assert f"{next(iter(CHECKS[id_].bad))}:" in results[id_].err_msg
    assert results[id_].description == CHECKS[id_].title
    page, _, anchor = results[id_].url.partition("/blob/main/")[2].partition("#")
    headings = [line for line in (ROOT / page).read_text("utf-8").splitlines() if id_ in line]
    assert re.sub(r"[^\w -]", "", headings[0].lower()).strip().replace(" ", "-") == anchor
    assert get_family_name(found.families, CHECKS[id_].family) == FAMILIES[CHECKS[id_].family]


def test_what_passes_passes_and_what_does_not_apply_is_skipped(tmp_path: Path) -> None:
    results = {e.name: e.result for e in process(write(tmp_path, CHECKS["SC07"].good)).results}
    assert results["SC07"] is True
    assert results["SE01"] is None


def test_a_repository_elsewhere_is_not_judged() -> None:
    from tdsp.check.review import checks

    assert {each.check() for each in checks(None).values()} == {None}  # type: ignore[arg-type]
