"""A project that could score by date keeps that; the default without it is for new projects."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from copier import run_copy, run_update
from tests.conftest import ROOT, git
from tests.render.engines import Answers, files, recorded

BEFORE = "0632f3f"  # the last commit in which each project of level operate scored by date
BY_DATE = {"src/ml_project/operate/batch.py", ".github/workflows/score.yml"}
QUICK = "src/ml_project/steps/accept.py"
SEARCH = "src/ml_project/steps/tune.py"  # which the answer `tuning` keeps: test_before.py
# Answers then -> what `serving` is afterwards; None where it is not asked.
KEPT: dict[str, tuple[Answers, str | None]] = {
    "batch": ({}, "batch"),
    "online": ({"serving": "online"}, "online"),
    "both": ({"serving": "both"}, "both"),
    "a forecast, which was not asked": ({"problem_type": "forecasting"}, "batch"),
    "level train": ({"level": "train"}, None),
    "a forecast of level train": ({"level": "train", "problem_type": "forecasting"}, None),
}


@pytest.fixture(scope="module")
def template(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the template as it was, v0.0.1, and as it is, v0.0.2."""
    target = tmp_path_factory.mktemp("serving") / "tdsp"
    target.mkdir()
    command = ["git", "archive", BEFORE, "copier.yml", "words.yml", "template"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, f"{BEFORE} is not in this clone: `git fetch --unshallow`"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    git(target, "init", "-q")
    keep(target, "v0.0.1")
    git(target, "rm", "-rq", ".")
    for path in plain.iterdir():
        subprocess.run(["cp", "-r", path, target], check=True)
    keep(target, "v0.0.2")
    return target


def keep(repository: Path, tag: str) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", tag)
    git(repository, "tag", tag)


def born(template: Path, place: Path, answers: Answers, tag: str) -> Path:
    run_copy(str(template), place, data=answers, defaults=True, quiet=True, vcs_ref=tag)
    git(place, "init", "-q")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", tag)
    return place


def update(project: Path, **data: str) -> None:
    run_update(project, data=data, defaults=True, overwrite=True, quiet=True)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "updated", "--allow-empty")


def tree(project: Path) -> dict[str, bytes]:
    return {name: text for name, text in files(project).items() if not name.startswith(".git/")}


@pytest.mark.parametrize("case", KEPT)
def test_an_update_keeps_what_a_project_could_do(case: str, template: Path, tmp_path: Path) -> None:
    answers, serving = KEPT[case]
    project = born(template, tmp_path / "ml-project", answers, "v0.0.1")
    before = tree(project)
    assert ("serving" in recorded(project)) is (case in ("batch", "online", "both"))
    update(project)
    assert recorded(project).get("serving") == serving
    told = {k: v for k, v in recorded(project).items() if k in ("serving", "responsible_ai")}
    fresh = tree(born(template, tmp_path / "fresh", {**answers, **told}, "v0.0.2"))
    assert tree(project) == fresh
    lost = {name for name in before if name.startswith("src/")} - fresh.keys() - {SEARCH}
    assert lost == ({QUICK} if serving == "online" else set())  # it made files of dates quick


def test_a_project_that_climbs_gets_what_a_new_one_has(template: Path, tmp_path: Path) -> None:
    answers = {"level": "train", "problem_type": "forecasting"}
    project = born(template, tmp_path / "ml-project", answers, "v0.0.1")
    update(project, level="operate")
    assert recorded(project)["serving"] == "files"
    assert not BY_DATE & tree(project).keys()


def test_scoring_by_date_comes_and_goes_with_the_answer(template: Path, tmp_path: Path) -> None:
    project = born(template, tmp_path / "ml-project", {}, "v0.0.2")
    before = tree(project)
    assert not BY_DATE & before.keys()
    update(project, serving="batch")
    assert tree(project).keys() >= BY_DATE
    update(project, serving="files")
    assert tree(project) == before
