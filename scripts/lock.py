"""Lock the generated project: `make lock`; with KEEP=1 no version that is locked moves.

Writes template/requirements.lock.jinja (versions and hashes, for every option, Python and
platform), and the parts of it that the container and the jobs in Azure ML run on. A project on
Azure has azureml-mlflow, too, which needs older versions of a few packages: what differs stands
under a condition. Names no package index: each user's machine keeps its own. See
docs/decisions/0003 and 0042.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import jinja2

OLDEST_PYTHON = "3.11"
ROOT = Path(__file__).parents[1]
LOCK = ROOT / "template/requirements.lock.jinja"
CONTAINER = ROOT / "template/deploy/container/requirements.lock.jinja"
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


PLUGIN = "azureml-mlflow"


def locked(path: Path, cloud: str = "none") -> str:
    """A lock as a project with this cloud gets it."""
    template = jinja2.Template(path.read_text("utf-8"), keep_trailing_newline=True)
    return str(template.render(cloud=cloud))


def joined(plain: str, azure: str) -> str:
    """One template of two locks: each package that differs stands under a condition."""
    sides = [blocks(text) for text in (plain, azure)]
    parts = []
    for name in sorted(sides[0] | sides[1]):
        one, other = (side.get(name, "") for side in sides)
        if one == other:
            parts.append(one)
        else:
            choice = f"{{% if cloud == 'azure' %}}{other}{{% else %}}{one}{{% endif %}}"
            parts.append(choice if one else f"{{% if cloud == 'azure' %}}{other}{{% endif %}}")
    return "".join(parts)


def blocks(lock: str) -> dict[str, str]:
    """Package -> its lines, all versions of it; comments apart."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if line.startswith("#"):
            continue
        name = name if line.startswith(" ") else line.partition("==")[0]
        found[name] = found.get(name, "") + line
    return found


def requirements(pyproject: str, group: str | None = None, dev: bool = True) -> list[str]:
    """Return what any option may need, or one group: the Jinja branches are taken together."""
    rendered = re.sub(r"{{.*?}}", "x", re.sub(r"{%.*?%}", "", pyproject))
    table = tomllib.loads(rendered)
    if group:
        return list(table["dependency-groups"][group])
    groups = table["dependency-groups"].values() if dev else ()
    return [*table["project"]["dependencies"], *(name for group in groups for name in group)]


def compile_lock(wanted: list[str], within: str = "") -> str:
    """Resolve for every platform from OLDEST_PYTHON on, to versions of the lock `within`.

    Raises CalledProcessError.
    """
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate"]
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder, "within.txt")
        known.write_text(within, encoding="utf-8")
        options += ["--constraints", str(known), "--python-version", OLDEST_PYTHON]
        return subprocess.run(
            ["uv", "pip", "compile", "--quiet", *options, "-"],
            input="\n".join(wanted), check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip


def compile_like(lock: str, wanted: list[str], *more: Path) -> str:
    """Resolve to versions of a lock, except where azureml-mlflow wants older ones.

    uv keeps to what the output file has already, as far as it can.
    """
    options = ["--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "lock.txt")
        output.write_text(lock, encoding="utf-8")
        command = ["uv", "pip", "compile", *options, "--python-version", OLDEST_PYTHON]
        command += ["--output-file", str(output), "-", *map(str, more)]
        given = "\n".join(wanted)
        subprocess.run(command, input=given, check=True, stdout=subprocess.DEVNULL, text=True)
        return output.read_text(encoding="utf-8")


def constraints(lock: str) -> list[str]:
    """The pins of a lock file, markers included, without the hashes."""
    return [line.removesuffix("\\").strip() for line in lock.splitlines() if "==" in line[:80]]


def main(words: list[str]) -> None:
    """Write all three."""
    pyproject = PYPROJECT.read_text(encoding="utf-8")
    every = requirements(pyproject)
    usual = [name for name in every if not name.startswith(PLUGIN)]
    plain = compile_lock(usual, within=locked(LOCK) if "--keep" in words else "")
    azure = compile_like(plain, every)
    LOCK.write_text(HEADER + joined(plain, azure), encoding="utf-8")
    CONTAINER.parent.mkdir(parents=True, exist_ok=True)
    serve = requirements(pyproject, group="serve")
    served = [compile_lock(serve, within=lock) for lock in (plain, azure)]
    CONTAINER.write_text(CONTAINER_HEADER + joined(*served), encoding="utf-8")
    jobs = compile_like(azure, requirements(pyproject, dev=False), IN_JOBS)
    JOBS.write_text(JOBS_HEADER + jobs, encoding="utf-8")
    sys.stdout.write(f"{len(constraints(plain))} versions locked\n")


if __name__ == "__main__":
    main(sys.argv[1:])
