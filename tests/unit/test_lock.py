"""The lock: one for all options and Pythons, naming no package index."""

import itertools
import re
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
from packaging.markers import Environment, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scripts import lock

LOCKED = {cloud: lock.locked(lock.LOCK, cloud) for cloud in ("none", "azure")}
PYPROJECT = lock.PYPROJECT.read_text(encoding="utf-8")
CONTAINER = {cloud: lock.locked(lock.CONTAINER, cloud) for cloud in ("none", "azure")}
PINS = {
    cloud: [Requirement(line) for line in lock.constraints(text)] for cloud, text in LOCKED.items()
}
CLOUDS = pytest.mark.parametrize("cloud", ["none", "azure"])
SMALL = """[project]
dependencies = [
  "one>=1",
{%- if problem_type == 'regression' %}
  "two>=2",
{%- endif %}
]

[dependency-groups]
dev = ["{{ package_name }}-three>=3"]
"""


def platform(python: str, system: str) -> Environment:
    """The markers' values for a Python and an operating system."""
    names = {"linux": ("Linux", "posix"), "win32": ("Windows", "nt"), "darwin": ("Darwin", "posix")}
    base = default_environment()
    return base | {
        "python_version": python,
        "python_full_version": f"{python}.5",
        "sys_platform": system,
        "platform_system": names[system][0],
        "os_name": names[system][1],
    }


def chosen(cloud: str, name: str, where: Any) -> list[Requirement]:
    """The pins of a package that apply there."""
    pins = [pin for pin in PINS[cloud] if canonicalize_name(pin.name) == canonicalize_name(name)]
    return [pin for pin in pins if pin.marker is None or pin.marker.evaluate(where)]


@CLOUDS
@pytest.mark.parametrize(
    ("python", "system"),
    list(itertools.product(["3.11", "3.12", "3.13"], ["linux", "win32", "darwin"])),
)
def test_every_requirement_has_one_version_everywhere(python: str, system: str, cloud: str) -> None:
    for line in lock.requirements(PYPROJECT):
        wanted = Requirement(line)
        if wanted.name == lock.PLUGIN and cloud == "none":
            continue
        found = chosen(cloud, wanted.name, platform(python, system))
        assert len(found) == 1, f"{line}: {found}"
        version = next(iter(found[0].specifier)).version
        assert wanted.specifier.contains(version), f"{line}: {version}"


@CLOUDS
def test_nothing_is_locked_twice_for_one_platform(cloud: str) -> None:
    for python, system in itertools.product(["3.11", "3.12", "3.13"], ["linux", "win32"]):
        for name in {pin.name for pin in PINS[cloud]}:
            assert len(chosen(cloud, name, platform(python, system))) <= 1, name


@CLOUDS
def test_every_version_has_hashes(cloud: str) -> None:
    text = LOCKED[cloud]
    blocks = re.split(r"\n(?=[a-z])", text[text.index("\na") + 1 :])
    assert len(blocks) == len(PINS[cloud]) > 100
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


def test_no_package_index_is_named() -> None:
    for text in (*LOCKED.values(), *CONTAINER.values(), PYPROJECT):
        assert not re.search(r"://|index-url|find-links|\[\[tool\.uv\.index", text)


@CLOUDS
def test_the_container_has_what_it_runs_on_in_the_same_versions(cloud: str) -> None:
    text = CONTAINER[cloud]
    served = {pin.name: pin.specifier for pin in map(Requirement, lock.constraints(text))}
    whole = {(pin.name, pin.specifier) for pin in PINS[cloud]}
    assert set(served.items()) <= whole
    wanted = {Requirement(line).name for line in lock.requirements(PYPROJECT, group="serve")}
    assert wanted <= set(served)
    assert not {"pytest", "dvc", "optuna", "matplotlib", "skl2onnx", "fairlearn"} & set(served)
    assert len(served) < 80
    for block in re.split(r"\n(?=[a-z])", text)[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


def test_options_ask_for_nothing_that_is_not_locked() -> None:
    """Whatever the answers, a project's requirements are among those that were locked."""
    asked = set(lock.requirements(PYPROJECT))
    for problem in ("classification", "regression"):
        answers = {"problem_type": problem, "license": "Proprietary", "package_name": "x"}
        text = jinja2.Template(PYPROJECT).render(answers)
        assert set(lock.requirements(text)) <= asked


def test_the_branches_of_the_template_are_taken_together() -> None:
    assert lock.requirements(SMALL) == ["one>=1", "two>=2", "x-three>=3"]


def test_constraints_keep_markers_and_lose_hashes() -> None:
    text = "# a comment\none==1 ; sys_platform == 'win32' \\\n    --hash=sha256:00\ntwo==2\n"
    assert lock.constraints(text) == ["one==1 ; sys_platform == 'win32'", "two==2"]


def test_it_is_resolved_for_every_platform_with_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[list[str], str]] = []

    def fake(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        ran.append((command, options["input"]))
        return subprocess.CompletedProcess(command, 0, "one==1\n")

    monkeypatch.setattr(lock.subprocess, "run", fake)
    assert lock.compile_lock(["one", "two"]) == "one==1\n"
    command, wanted = ran[0]
    assert {"--universal", "--generate-hashes"} <= set(command)
    assert command[command.index("--python-version") + 1] == "3.11"
    assert wanted == "one\ntwo"


def test_a_part_of_the_lock_is_held_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[str] = []

    def fake(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        held.append(Path(command[command.index("--constraints") + 1]).read_text(encoding="utf-8"))
        return subprocess.CompletedProcess(command, 0, "")

    monkeypatch.setattr(lock.subprocess, "run", fake)
    lock.compile_lock(["one"], within="one==1\n")
    assert held == ["one==1\n"]
