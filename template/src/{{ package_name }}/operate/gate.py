"""The gate as a stage of dvc.yaml: its verdict goes on record, and a rejection to the team."""

from typing import Any

from .. import paths
from ..errors import run
from ..settings import load
from ..steps import gate
from . import notify, tracking


def record(verdict: dict[str, Any]) -> None:
    """Put the run on record, passed or not; tell the team of a rejection."""
    tracking.record(load(paths.PARAMS), verdict)
    if failed := [check["rule"] for check in verdict["checks"] if check["passed"] is False]:
        notify.send(f"{paths.PROJECT}: the gate rejected a model", "\n".join(failed))


def main() -> None:
    """Judge the model; record the run, passed or not; stop the pipeline when it is rejected."""
    gate.main(record)


if __name__ == "__main__":
    run(main)
