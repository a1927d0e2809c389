"""Run in a project's environment: every step of dvc.yaml in this one process."""

import importlib
import sys
from pathlib import Path


def main(package: str) -> None:
    """Call the steps of `package` in the order of dvc.yaml, from the project's root folder."""
    importlib.import_module(f"{package}.sample").write_sample(Path("data/raw/sample.csv"))
    steps = importlib.import_module(f"{package}.cli")
    paths = importlib.import_module(f"{package}.paths")
    for step in (steps.ingest, steps.validate, steps.split, steps.train, steps.evaluate):
        step()
    steps.gate()
    steps.score(source=paths.TEST, output=paths.SCORED, rejects=None)
    steps.report(show=False)


if __name__ == "__main__":
    main(sys.argv[1])
