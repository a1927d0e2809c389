"""A fresh project has no error and no warning, and reaches what its level claims."""

from pathlib import Path

import copier
import pytest

from tdsp.check.maturity import maturity
from tdsp.check.run import Report, check_folder

# True on the first day: nobody was named, nothing was answered; level operate brings a bot.
FIRST_DAY = {"train": {"PR01", "PR02", "SC05"}, "operate": {"PR01", "PR02"}, "govern": {"PR02"}}
OPTIONS = {
    "train": {"level": "train"},
    "operate, online, GitLab": {"level": "operate", "serving": "online", "ci": "gitlab"},
    "govern": {"level": "govern"},
    "govern, both, Azure": {
        "level": "govern",
        "serving": "both",
        "cloud": "azure",
        "ci": "azure-devops",
    },
}


@pytest.fixture(scope="module", params=OPTIONS)
def fresh(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Report]:
    answers = OPTIONS[request.param]
    folder = tmp_path_factory.mktemp("fresh") / "project"
    copier.run_copy(
        str(repository), folder, data=answers, defaults=True, quiet=True, vcs_ref="HEAD"
    )
    return answers["level"], check_folder(folder)


def test_every_finding_is_true_on_the_first_day(fresh: tuple[str, Report]) -> None:
    level, report = fresh
    assert report.findings("error") == report.findings("warning") == 0
    assert {each.check.id for each in report.failed} <= FIRST_DAY[level]
    assert report.repository.problems == ()


def test_what_the_level_claims_is_found(fresh: tuple[str, Report]) -> None:
    level, report = fresh
    passed = {each.check.id for each in report.results if each.outcome == "pass"}
    assert {"TR01", "TR03", "TR15", "EV05", "EV07", "DA06", "CI01", "CI03", "SC02"} <= passed
    found = maturity(report)
    least = {"train": 1, "operate": 2, "govern": 2}
    assert found.level >= least[level]
    assert found.google.level >= (1 if level != "train" else 0)
