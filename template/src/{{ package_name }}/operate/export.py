"""The model that passed the gate as MLflow's own, for a registry elsewhere."""

import shutil
import tempfile
from pathlib import Path

from .. import paths
from ..errors import ProjectError
from ..steps.gate import require_passed
from .registry import as_mlflow_model
from .tracking import PLACE


def export(folder: Path) -> str:
    """Write the model that passed the gate, as an MLflow model with its package; return its id."""
    identity = require_passed(paths.GATE, paths.PACKAGE)
    if folder.exists() and any(folder.iterdir()):
        raise ProjectError(f"{folder} is not empty")
    with tempfile.TemporaryDirectory() as made:
        as_mlflow_model(Path(made), identity)
        shutil.copytree(Path(made, PLACE), folder, dirs_exist_ok=True)
    shutil.copy(paths.GATE, folder)
    return identity
