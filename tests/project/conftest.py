"""What the tests share that live in generated projects: each of them is made once."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import once
from tests.project.living import FOUND, VERSIONS, Project, environment
from tests.render.engines import with_copier

# The default answers otherwise; with those, tests/update and test_levels train a project.
WHOLE = {"tuning": True, "responsible_ai": True}


def pytest_report_header() -> str:
    missing = [version for version in VERSIONS if version not in FOUND]
    absent = f"; NOT found, so not tested: {', '.join(missing)}" if missing else ""
    return f"projects live on Python {', '.join(FOUND)}{absent}"


@pytest.fixture(scope="session", autouse=True)
def dvc_isolation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep DVC's settings and caches of this machine out, and what it sends home in."""
    home = tmp_path_factory.mktemp("dvc")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            patch.setenv(f"DVC_{name}_DIR", str(home / name.lower()))
        patch.setenv("DVC_NO_ANALYTICS", "1")
        yield


Make = Callable[[str, Callable[[Path], Project]], Project]


@pytest.fixture(scope="session")
def made(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make a project once for all processes; return this process's copy of it."""

    def copy(name: str, make: Callable[[Path], Project]) -> Project:
        root = once(shared / name / "ml-project", lambda root: make(root).commit())
        return Project(root, environment(FOUND[0])).copy(tmp_path_factory.mktemp(name) / root.name)

    return copy


@pytest.fixture(scope="session")
def fresh(repository: Path, made: Make) -> Project:
    """A project with all of the pipeline, committed, that never ran. Copy it to change it."""
    warm = environment(FOUND[0])
    return made("fresh", lambda root: Project(with_copier(repository, root, WHOLE), warm))


@pytest.fixture(scope="session")
def brisk(fresh: Project, made: Make) -> Project:
    """The same with less to compute, for tests that are not about how good the model is."""

    def make(root: Path) -> Project:
        project = fresh.copy(root)
        project.set("train", cv_folds=2, max_iter=20)
        project.set("evaluate", resamples=100)
        return project

    return made("brisk", make)


@pytest.fixture(scope="session")
def trained(brisk: Project, made: Make) -> Project:
    """The same after its first run, committed. Copy it to change it."""

    def make(root: Path) -> Project:
        project = brisk.copy(root)
        project.poe("pipeline")
        return project

    return made("trained", make)


@pytest.fixture(scope="session")
def batched(trained: Project, repository: Path, made: Make) -> Project:
    """The trained one after its team has answered serving=batch, and the run that this needs."""

    def make(root: Path) -> Project:
        project = trained.copy(root)
        place = root.parent / "batch"
        other = with_copier(repository, place, {**WHOLE, "serving": "batch"})
        for name in ("src", "dvc.yaml", "pyproject.toml", ".copier-answers.yml"):
            shutil.rmtree(root / name) if name == "src" else (root / name).unlink()
            (other / name).rename(root / name)
        shutil.rmtree(place)
        project.repro()
        return project

    return made("batched", make)


@pytest.fixture
def project(brisk: Project, tmp_path: Path) -> Project:
    """A copy of the project that never ran."""
    return brisk.copy(tmp_path / "ml-project")


@pytest.fixture
def veteran(trained: Project, tmp_path: Path) -> Project:
    """A copy of the project that ran."""
    return trained.copy(tmp_path / "ml-project")
