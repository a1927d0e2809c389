"""What the tests of delivery share."""

from pathlib import Path

import pytest
from tests.delivery.rollouts import ANSWERS, train
from tests.project.living import FOUND, Project, environment
from tests.render.engines import with_copier


@pytest.fixture(scope="session")
def online(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a service on a platform, trained as far as a release needs."""
    root = tmp_path_factory.mktemp("rollout") / "ml-project"
    project = Project(with_copier(repository, root, ANSWERS), environment(FOUND[0]))
    train(project)
    return project.commit()
