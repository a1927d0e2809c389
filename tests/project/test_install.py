"""What the README says of installing: with uv and with plain pip, the locked versions, no index."""

import os
import re
import tomllib
import venv
from pathlib import Path

import pytest
from scripts import lock
from tests.project.living import (
    BIN,
    FOUND,
    UV,
    Project,
    clean,
    find_python,
    lock_of,
    run,
)

from tdsp import INSTALL

INDEX = re.compile(
    r"https?://[^\s\"'<>]*/(simple|packages)\b|files\.pythonhosted\.org"
    r"|^\s*--?(i|index-url|extra-index-url|find-links|trusted-host)\b|\[\[tool\.uv\.index\]\]",
    re.MULTILINE,
)
LOCKED = lock_of(lock.LOCK).read_text(encoding="utf-8")
WEB = "https:/"  # in two parts, so that this very file names no index


def pins(text: str) -> set[tuple[str, str]]:
    """(name, version) of every `name==version`, names as an index would have them."""
    found = re.findall(r"(?m)^\s*\"?([A-Za-z0-9._-]+)==([^\s;\\\"]+)", text)
    return {(re.sub(r"[._-]+", "-", name).lower(), version) for name, version in found}


def check_versions(frozen: str) -> None:
    """Everything that is installed, but the project itself, is as the lock has it."""
    installed = {pin for pin in pins(frozen) if pin[0] not in ("ml-project", "pip")}
    assert len(installed) > 80
    assert installed - pins(LOCKED) == set()


def test_uv_installs_the_locked_versions_and_a_bot_can_raise_one(project: Project) -> None:
    python = find_python(FOUND[0])
    assert python
    env = clean(UV_PYTHON=python, PATH=f"{UV.parent}{os.pathsep}{os.environ['PATH']}")
    run(UV, *INSTALL.split()[1:], "--quiet", cwd=project.root, env=env)
    frozen = run(UV, "pip", "freeze", "--python", ".venv", cwd=project.root, env=env)
    check_versions(frozen.stdout)
    tasks = run(UV, "run", "--quiet", "poe", "--help", cwd=project.root, env=env).stdout
    assert [task for task in ("pipeline", "check", "format", "report") if task not in tasks] == []
    assert project.status() == ["?? uv.lock"]
    done = run(UV, "run", "--quiet", "ruff", "check", cwd=project.root, env=env)
    assert "All checks passed" in done.stdout + done.stderr
    run(UV, "run", "--quiet", "poe", "lock", cwd=project.root, env=env)
    check_locked_anew((project.root / "requirements.lock").read_text(encoding="utf-8"))
    before = pins_of_lock(project)
    for name in ("ruff", "certifi"):  # asked for, and brought by others
        older = OLDER[name]  # stands for any other version
        run(UV, "lock", "--upgrade-package", f"{name}=={older}", cwd=project.root, env=env)
        assert pins_of_lock(project)[name] == older
    run(UV, "lock", "--check", cwd=project.root, env=env)
    moved = {name for name, version in pins_of_lock(project).items() if version != before[name]}
    assert moved == set(OLDER)


OLDER = {"ruff": "0.15.0", "certifi": "2025.8.3"}


def pins_of_lock(project: Project) -> dict[str, str]:
    found = tomllib.loads((project.root / "uv.lock").read_text(encoding="utf-8"))["package"]
    return {one["name"]: one["version"] for one in found if "version" in one}


def check_locked_anew(text: str) -> None:
    """The same versions, with known hashes only: uv leaves out files that cannot be installed."""
    assert pins(text) <= pins(LOCKED)
    assert len(pins(text)) > 140  # the lock has what other answers need, too
    hashes = set(re.findall(r"sha256:[0-9a-f]{64}", text))
    assert len(hashes) > len(pins(text))
    assert hashes <= set(re.findall(r"sha256:[0-9a-f]{64}", LOCKED))
    assert not INDEX.search(text)


def test_plain_pip_installs_the_locked_versions(project: Project) -> None:
    venv.create(project.root / ".venv", with_pip=True)
    python = project.root / ".venv" / BIN / "python"
    env = clean(PATH=str(python.parent), PIP_NO_COMPILE="1")

    def pip(*words: str) -> str:
        command = (python, "-m", "pip", "--disable-pip-version-check", *words)
        return run(*command, cwd=project.root, env=env).stdout

    pip("install", "-q", "--require-hashes", "-r", "requirements.lock")
    pip("install", "-q", "--no-deps", "-e", ".")
    pip("check")
    check_versions(pip("freeze"))
    helped = run(python.parent / "ml_project", "--help", cwd=project.root, env=env)
    assert "score" in helped.stdout
    assert project.status() == []


@pytest.mark.parametrize("where", ["plain", "fresh"])
def test_no_file_names_a_package_index(where: str, request: pytest.FixtureRequest) -> None:
    made = request.getfixturevalue(where)
    root = made if isinstance(made, Path) else made.root
    named = [
        f"{path.relative_to(root)}: {found.group().strip()}"
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts
        if (found := INDEX.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert named == []


@pytest.mark.parametrize(
    "line",
    [
        f"{WEB}/example.com/simple",
        f"{WEB}/10.0.0.1:8080/team/simple/",
        "--index-url https://x",
        "  -i x",
    ],
)
def test_a_named_index_would_be_seen(line: str) -> None:
    assert INDEX.search(f"a\n{line}\nb")
