"""What the tests share that live in generated projects: each of them is made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.project.living import FOUND, VERSIONS, Project, environment
from tests.render.engines import with_copier


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


@pytest.fixture(scope="session")
def fresh(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of default answers, committed, that never ran. Copy it to change it."""
    root = with_copier(repository, tmp_path_factory.mktemp("fresh") / "ml-project", {})
    return Project(root, environment(FOUND[0])).commit()


@pytest.fixture(scope="session")
def brisk(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with less to compute, for tests that are not about how good the model is."""
    project = fresh.copy(tmp_path_factory.mktemp("brisk") / "ml-project")
    project.set("train", cv_folds=2, max_iter=20)
    project.set("evaluate", resamples=100)
    return project.commit()


@pytest.fixture(scope="session")
def trained(brisk: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same after its first run, committed. Copy it to change it."""
    project = brisk.copy(tmp_path_factory.mktemp("trained") / "ml-project")
    project.poe("pipeline")
    return project.commit()


@pytest.fixture
def project(brisk: Project, tmp_path: Path) -> Project:
    """A copy of the project that never ran."""
    return brisk.copy(tmp_path / "ml-project")


@pytest.fixture
def veteran(trained: Project, tmp_path: Path) -> Project:
    """A copy of the project that ran."""
    return trained.copy(tmp_path / "ml-project")
