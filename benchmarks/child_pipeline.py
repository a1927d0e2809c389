"""Run in a project's environment, from its root: stages of dvc.yaml, in this one process."""

import runpy
import sys
from pathlib import Path

import yaml


def main(*names: str) -> None:
    """Call what the stages call, all or those named, in order. One that fails ends it."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name in names or stages:
        _, _, module, *words = stages[name]["cmd"].split()
        sys.argv = [module, *words]
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            if end.code:
                raise


if __name__ == "__main__":
    main(*sys.argv[1:])
