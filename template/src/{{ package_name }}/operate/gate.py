"""The gate as a stage of dvc.yaml: its verdict goes on record, and a rejection to the team."""

from .. import paths
from ..errors import run
from ..settings import load
from ..steps.gate import judge, stop_unless
from . import notify
from .tracking import record


def main() -> None:
    """Judge the model; record the run, passed or not; stop the pipeline when it is rejected."""
    result = judge()
    record(load(paths.PARAMS), result)
    if failed := [check["rule"] for check in result["checks"] if check["passed"] is False]:
        notify.send(f"{paths.PROJECT}: the gate rejected a model", "\n".join(failed))
    stop_unless(result)


if __name__ == "__main__":
    run(main)
