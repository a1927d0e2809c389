"""What the Azure ML SDK says of files, without a workspace. Runs in the SDK's own environment.

`azureml_sdk.py ROOT...` prints JSON: for each project what is wrong, file by file, and what would
be uploaded of it as code and as data. Names with an underscore are private: the version is pinned.
"""

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import yaml  # noqa: E402
from azure.ai import ml  # noqa: E402
from azure.ai.ml._schema.monitoring.schedule import MonitorScheduleSchema  # noqa: E402
from azure.ai.ml._utils import _asset_utils as assets  # noqa: E402
from azure.ai.ml.constants._common import BASE_PATH_CONTEXT_KEY  # noqa: E402
from azure.ai.ml.entities._load_functions import (  # noqa: E402
    load_pipeline_component_batch_deployment,
    load_schedule,
)

LOADERS = {
    "amlCompute": ml.load_compute,
    "azureBlob": ml.load_datastore,
    "batchEndpoint": ml.load_batch_endpoint,
    "commandComponent": ml.load_component,
    "commandJob": ml.load_job,
    "data": ml.load_data,
    "environment": ml.load_environment,
    "managedOnlineDeployment": ml.load_online_deployment,
    "managedOnlineEndpoint": ml.load_online_endpoint,
    "pipelineComponent": ml.load_component,
    "pipelineComponentBatchDeployment": load_pipeline_component_batch_deployment,
    "pipelineJob": ml.load_job,
    "registry": ml.load_registry,
    "schedule": load_schedule,
    "workspace": ml.load_workspace,
}


def kind(path: Path) -> str:
    """The name of the schema that a file says it has."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return str(content["$schema"]).rsplit("/", 1)[-1].removesuffix(".schema.json")


def problems(path: Path) -> list[str]:
    """What the SDK refuses when it loads, validates or, for a monitor, translates a file."""
    try:
        if kind(path) == "monitorSchedule":  # load_schedule does not say where it is wrong
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            MonitorScheduleSchema(context={BASE_PATH_CONTEXT_KEY: path.parent}).load(content)
            load_schedule(path)._to_rest_object()
            return []
        loaded = LOADERS[kind(path)](path)
        result = loaded._validate() if hasattr(loaded, "_validate") else None
        if result is None or getattr(result, "passed", True):
            return []
        return [f"{error['path']}: {error['message']}" for error in result._to_dict()["errors"]]
    except Exception as error:  # whatever the SDK raises is its verdict
        return [f"{type(error).__name__}: {error}"]


def uploaded(folder: Path) -> list[str]:
    """The files that the SDK would upload of a folder."""
    ignore = assets.get_ignore_file(folder)
    pairs = assets.get_upload_files_from_folder(folder, ignore_file=ignore)
    return sorted(Path(source).relative_to(folder).as_posix() for source, _ in pairs)


def report(root: Path) -> dict[str, Any]:
    found = {
        path.relative_to(root).as_posix(): said
        for path in sorted((root / "azureml").rglob("*.yml"))
        if (said := problems(path))
    }
    data = uploaded(root / "data/raw") if (root / "data/raw").exists() else []
    return {"problems": found, "code": uploaded(root), "data": data}


if __name__ == "__main__":
    sys.stdout.write(json.dumps({root: report(Path(root)) for root in sys.argv[1:]}))
