"""What the benchmarks work on: a clean copy of this repository, and projects made from it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tdsp import INSTALL

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
HERE = Path(__file__).parent


def environment(work: Path) -> dict[str, str]:
    """The user's environment, but with an identity and settings of its own under `work`."""
    # Without its bytecode each process would compile every library anew.
    left_out = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    cookiecutter = work / "cookiecutter.yml"
    cookiecutter.write_text(
        f"cookiecutters_dir: {work / 'clones'}\nreplay_dir: {work / 'replay'}\n", encoding="utf-8"
    )
    copier = work / "copier.yml"
    copier.write_text("{}\n", encoding="utf-8")
    identity = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "Benchmark"), ("EMAIL", "benchmark@example.com"))
    }
    return kept | identity | {
        "COOKIECUTTER_CONFIG": str(cookiecutter),
        "COPIER_SETTINGS_PATH": str(copier),
        "DVC_NO_ANALYTICS": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "UV_PYTHON": sys.executable,
    }  # fmt: skip


def commit(folder: Path, env: dict[str, str]) -> Path:
    """Make a folder a repository of one commit, packed; git would pack beside what is measured."""
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "benchmark"], ["gc", "-q"]):
        subprocess.run(["git", "-c", "gc.auto=0", *words], cwd=folder, env=env, check=True)
    return folder


def template(work: Path, env: dict[str, str]) -> Path:
    """Copy what git tracks or would track here, with its present content, and commit it."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True)
    target = work / "template"
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return commit(target, env)


def project(
    source: Path, work: Path, env: dict[str, str], name: str, *options: str
) -> tuple[Path, Path]:
    """Make a project with `tdsp new` from `source`, install it; return its folder and Python.

    The name is the package's too, so it must not be that of a module beside this one.
    """
    made = work / name
    own = env | {"PYTHONPATH": str(source / "src")}
    command = [sys.executable, "-m", "tdsp", "new", name, "--defaults", "--into", str(work)]
    subprocess.run([*command, *options], env=own, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*INSTALL.split(), "--quiet"], cwd=made, env=env, check=True)
    return made, made / ".venv/bin/python"
