"""Run in a project's environment, from its root: every command of dvc.yaml, in this one process."""

import runpy
import sys
from pathlib import Path

import yaml


def main() -> None:
    """Call what the stages call, in the order in which they stand. A stage that fails ends it."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for stage in stages.values():
        _, _, module, *words = stage["cmd"].split()
        sys.argv = [module, *words]
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            if end.code:
                raise


if __name__ == "__main__":
    main()
