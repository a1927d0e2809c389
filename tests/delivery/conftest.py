"""What the tests of delivery share."""

from pathlib import Path

import pytest
from tests.delivery.rollouts import ANSWERS, steps
from tests.project.living import FOUND, Project, environment
from tests.render.engines import with_copier


@pytest.fixture(scope="session")
def online(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a service on a platform, trained as far as a release needs."""
    root = tmp_path_factory.mktemp("rollout") / "ml-project"
    project = Project(with_copier(repository, root, ANSWERS), environment(FOUND[0]))
    project.set("train", cv_folds=2, max_iter=20)
    project.set("evaluate", resamples=100)
    project.run("python", "-m", f"{project.package}.sample", "data/raw/sample.csv")
    steps(project, "ingest", "validate", "split", "tune", "train", "evaluate", "gate")
    return project.commit()
