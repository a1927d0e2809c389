"""What every test may use: the working tree as a clean, committed template repository."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from filelock import FileLock

from tdsp.fleet.compiled import compiled_once

ROOT = Path(__file__).parents[1]
IDENTITY = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Tests"), ("EMAIL", "tests@example.com"))
}


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; returns what it prints, raises CalledProcessError."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def module_of(path: Path) -> ModuleType:
    """Load a file as a module. Beside it no bytecode is left: Cookiecutter would render it."""
    spec = importlib.util.spec_from_file_location(f"loaded_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def copy_working_tree(target: Path) -> Path:
    """Copy the files that are tracked, or new and not ignored, with their present content."""
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture(scope="session", autouse=True)
def isolation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own git identity and engine settings out of the tests."""
    home = tmp_path_factory.mktemp("settings")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in IDENTITY.items():
            patch.setenv(name, value)
        patch.setenv("COPIER_SETTINGS_PATH", str(home / "copier.yml"))
        (home / "copier.yml").write_text("{}\n", encoding="utf-8")
        patch.setenv("COOKIECUTTER_CONFIG", str(write_config(home)))
        patch.setenv("TDSP_CACHE", str(home / "cache"))
        yield


def write_config(home: Path) -> Path:
    """A cookiecutter configuration that keeps its clones and replays in `home`."""
    config = home / "cookiecutter.yml"
    lines = [f"{key}_dir: {home / key}{os.linesep}" for key in ("cookiecutters", "replay")]
    config.write_text("".join(lines), encoding="utf-8")
    return config


@pytest.fixture(scope="session", autouse=True)
def texts_are_compiled_once() -> Iterator[None]:
    """Compile each text of the template once a process: a third of what a render costs."""
    with compiled_once():
        yield


def once(target: Path, make: Callable[[Path], object]) -> Path:
    """Make a file or folder that the processes of a test run share: the first that asks does."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(f"{target}.made")
    with FileLock(f"{target}.lock"):
        if not made.exists():
            shutil.rmtree(target, ignore_errors=True)  # of one that failed
            make(target)
            made.touch()
    return target


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run that all its processes see. What stands there is not changed."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"


@pytest.fixture(scope="session")
def plain(shared: Path) -> Path:
    """The working tree, without any history."""
    return once(shared / "plain/tdsp", copy_working_tree)


@pytest.fixture(scope="session")
def repository(plain: Path, shared: Path, isolation: None) -> Path:
    """The working tree as one commit of a repository of its own."""

    def make(target: Path) -> None:
        shutil.copytree(plain, target)
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "working tree"]):
            git(target, *command)

    return once(shared / "repository/tdsp", make)
