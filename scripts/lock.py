"""Lock the generated project: `make lock`; with KEEP=1 no version that is locked moves.

Writes template/requirements.lock (versions and hashes, for every option, Python and platform), and
the parts of it that the container and the jobs in Azure ML run on. Names no package index: each
user's machine keeps its own. See docs/decisions/0003.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

OLDEST_PYTHON = "3.11"
ROOT = Path(__file__).parents[1]
LOCK = ROOT / "template/requirements.lock"
CONTAINER = ROOT / "template/deploy/container/requirements.lock"
JOBS = ROOT / "template/azureml/environment/requirements.lock"
PYPROJECT = ROOT / "template/pyproject.toml.jinja"
IN_JOBS = ROOT / "template/azureml/environment/requirements.in"
HEADER = """# Every version that this project can install, with hashes; `uv run poe lock` renews it.
"""
CONTAINER_HEADER = """# What the container runs on, with hashes: the group `serve` of the lock.
"""
JOBS_HEADER = """# What jobs in Azure ML run on, with hashes: the lock without the dev group, and
# requirements.in.
"""


def requirements(pyproject: str, group: str | None = None, dev: bool = True) -> list[str]:
    """Return what any option may need, or one group: the Jinja branches are taken together."""
    rendered = re.sub(r"{{.*?}}", "x", re.sub(r"{%.*?%}", "", pyproject))
    table = tomllib.loads(rendered)
    if group:
        return list(table["dependency-groups"][group])
    groups = table["dependency-groups"].values() if dev else ()
    return [*table["project"]["dependencies"], *(name for group in groups for name in group)]


def compile_lock(wanted: list[str], within: Path | None = None) -> str:
    """Resolve for every platform from OLDEST_PYTHON on, to versions of the lock `within`.

    Raises CalledProcessError.
    """
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate"]
    options += ["--constraints", str(within)] if within else []
    command = ["uv", "pip", "compile", "--quiet", *options, "--python-version", OLDEST_PYTHON, "-"]
    return subprocess.run(
        command, input="\n".join(wanted), check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def compile_jobs(wanted: list[str]) -> str:
    """Resolve what jobs need: versions of the lock, except where azureml-mlflow wants older ones.

    uv keeps to what the output file has already, as far as it can.
    """
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(shutil.copy(LOCK, Path(folder, "jobs.txt")))
        command = ["uv", "pip", "compile", *options, "--python-version", OLDEST_PYTHON]
        command += ["--output-file", str(output), "-", str(IN_JOBS)]
        given = "\n".join(wanted)
        subprocess.run(command, input=given, check=True, stdout=subprocess.DEVNULL, text=True)
        return output.read_text(encoding="utf-8")


def constraints(lock: str) -> list[str]:
    """The pins of a lock file, markers included, without the hashes."""
    return [line.removesuffix("\\").strip() for line in lock.splitlines() if "==" in line[:80]]


def main(words: list[str]) -> None:
    """Write all three."""
    pyproject = PYPROJECT.read_text(encoding="utf-8")
    lock = compile_lock(requirements(pyproject), within=LOCK if "--keep" in words else None)
    LOCK.write_text(HEADER + lock, encoding="utf-8")
    CONTAINER.parent.mkdir(parents=True, exist_ok=True)
    served = compile_lock(requirements(pyproject, group="serve"), within=LOCK)
    CONTAINER.write_text(CONTAINER_HEADER + served, encoding="utf-8")
    jobs = compile_jobs(requirements(pyproject, dev=False))
    JOBS.write_text(JOBS_HEADER + jobs, encoding="utf-8")
    sys.stdout.write(f"{len(constraints(lock))} versions locked\n")


if __name__ == "__main__":
    main(sys.argv[1:])
