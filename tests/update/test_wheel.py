"""The package alone, without git and without a checkout, makes projects; they can be updated."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.project.living import BIN, FOUND, Done, Project, clean, environment, run, uv
from tests.render.engines import files
from tests.update.conftest import make_history
from tests.update.test_update import update

from tdsp import __version__
from tdsp.generate import messy

ANSWERS = ".copier-answers.yml"


@pytest.fixture(scope="module")
def installed(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which the wheel is installed, and nothing else of ours."""
    place = tmp_path_factory.mktemp("installed")
    uv("build", "--quiet", "--wheel", "--out-dir", place / "dist", cwd=plain)
    [wheel] = (place / "dist").glob("*.whl")
    uv("venv", "--quiet", "--python", sys.executable, place / "venv", cwd=place)
    uv("pip", "install", "--quiet", "--python", place / "venv", wheel, cwd=place)
    return place / "venv" / BIN


def without_git(programs: Path) -> Mapping[str, str]:
    env = clean(PATH=str(programs))
    assert shutil.which("git", path=env["PATH"]) is None
    return env


def new(programs: Path, place: Path, *arguments: str) -> Done:
    command = (programs / "tdsp", "new", "Wheel born", "--defaults", *arguments)
    return run(*command, cwd=place, env=without_git(programs))


@pytest.fixture
def born(installed: Path, tmp_path: Path) -> Project:
    """A project made by the installed package, outside any checkout, without git."""
    done = new(installed, tmp_path)
    assert "git init" in done.stdout
    return Project(tmp_path / "wheel-born", environment(FOUND[0]))


def test_the_package_makes_the_project_that_the_repository_makes(
    born: Project, repository: Path, tmp_path: Path
) -> None:
    answers = born.yaml(ANSWERS)
    assert answers["_commit"] == f"v{__version__}"
    assert Path(answers["_src_path"]).name == "bundle"
    assert not (born.root / ".git").exists()
    copier = (Path(sys.executable).parent / "copier", "copy", "--defaults", "--quiet")
    named = ("--vcs-ref", "HEAD", "-d", "project_name=Wheel born")
    run(*copier, *named, repository, "other", cwd=tmp_path, env=clean())
    ours, theirs = files(born.root), files(tmp_path / "other")
    assert {name for name in ours if ours[name] != theirs.get(name)} == {ANSWERS}
    assert ours.keys() == theirs.keys()


def test_the_package_refuses_as_the_repository_does(installed: Path, tmp_path: Path) -> None:
    command = (installed / "tdsp", "new", "{{ 7*7 }}", "--defaults")
    done = run(*command, cwd=tmp_path, env=without_git(installed), ok=False)
    assert done.returncode == 1
    assert "project_name" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_package_onboards_a_table(installed: Path, tmp_path: Path) -> None:
    messy(300).to_csv(tmp_path / "table.csv", index=False)
    done = new(installed, tmp_path, "--data", "table.csv", "--target", "churned")
    assert "churned" in done.stdout
    project = Project(tmp_path / "wheel-born", environment(FOUND[0]))
    assert project.yaml("params.yaml")["data"]["target"] == "churned"
    assert (project.root / "data/raw/table.csv").is_file()


def test_the_project_is_updated_from_a_repository(
    born: Project, plain: Path, tmp_path: Path
) -> None:
    """Its release is the tag of the same tree; the next release arrives, nothing else changes."""
    tags = (f"v{__version__}", "v99.0.0")
    repository = make_history(plain, tmp_path / "tdsp", tags)
    path = born.root / ANSWERS
    answers = born.yaml(ANSWERS)
    path.write_text(
        path.read_text(encoding="utf-8").replace(answers["_src_path"], str(repository)),
        encoding="utf-8",
    )
    born.commit()
    update(born)
    assert born.yaml(ANSWERS)["_commit"] == tags[1]
    changed = [line[3:] for line in born.status()]
    assert changed == [ANSWERS]
