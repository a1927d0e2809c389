"""What an adoption merges has the template's lines in one piece: a later update merges again."""

import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tdsp.adopt import locking, sections
from tdsp.adopt.gitwork import Entry
from tdsp.adopt.merge import Place, merge
from tdsp.adopt.rendering import Rendered, for_level
from tdsp.adopt.template import render

Renders = dict[str, Mapping[str, bytes]]
NAMES = ("pyproject.toml", ".gitignore")
README = b"# Ours\n\nWords.\n\n## Run\n\n```\npython train.py\n```\n"
ASKED = (
    b"matplotlib>=3.7\nflask==2.0\nfilelock\nnumpy==1.20\nzope.interface\naiohttp>=3\npandas==2.0\n"
)
OWN = b"""[project]
name = "mine"
version = "7"
dependencies = [
  "pandas>=2",
  "scipy==1.10",
]

[tool.black]
line-length = 79
"""


@pytest.fixture(scope="module")
def renders() -> Renders:
    names = {"project_name": "Churn", "project_slug": "churn", "package_name": "churn"}
    return {level: render({**names, "level": level}) for level in ("train", "operate")}


def adopted(renders: Renders, files: dict[str, bytes]) -> dict[str, bytes]:
    rendered = for_level({name: Rendered(c) for name, c in renders["train"].items()}, 2)
    tree = {name: Entry("100644", name) for name in files}
    place = Place(tree, files.__getitem__, 2, lock=renders["train"]["requirements.lock"])
    return {name: file.content for name, file in merge(rendered, place).files.items()}


def updated(renders: Renders, name: str, ours: bytes, place: Path) -> tuple[int, bytes]:
    """Merge as copier does: the old render is the base, the new one the other side."""
    new = renders["operate"][name].replace(b"line-length = 100", b"line-length = 120")
    sides = {"ours": ours, "base": renders["train"][name], "new": new}
    for side, content in sides.items():
        (place / side).write_bytes(content)
    words = ["git", "merge-file", "-p", *(str(place / side) for side in sides)]
    done = subprocess.run(words, capture_output=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("project", [b"", OWN], ids=["none of theirs", "theirs"])
def test_update_to_another_level_has_no_conflict(
    renders: Renders, tmp_path: Path, project: bytes
) -> None:
    files = {"README.md": README, "requirements.txt": ASKED, ".gitignore": b"*.log\n"}
    files |= {"src/churn/old.py": b"x=1\n", "jobs/run.py": b"x=1\n"}
    made = adopted(renders, files | ({"pyproject.toml": project} if project else {}))
    found = {}
    for name in NAMES:
        conflicts, found[name] = updated(renders, name, made[name], tmp_path)
        assert conflicts == 0, found[name].decode()
    data = tomllib.loads(found["pyproject.toml"].decode())
    asked = {locking._name(each) for each in data["project"]["dependencies"]}
    assert {"flask", "zope-interface", "alembic", "typer"} <= asked
    assert "monitor" in data["tool"]["poe"]["tasks"]
    if project:
        assert {"pandas>=2", "scipy==1.10"} <= set(data["project"]["dependencies"])
        assert data["tool"]["black"] == {"line-length": 79}


def test_lines_that_do_not_stay_together_conflict(renders: Renders, tmp_path: Path) -> None:
    """A read-me of the team would conflict as well: that is why copier.yml leaves it alone."""
    assert updated(renders, "README.md", sections.readme(README, 2), tmp_path)[0] > 0
    scattered = renders["train"]["pyproject.toml"].replace(b'  "jinja2', b'  "flask",\n  "jinja2')
    assert updated(renders, "pyproject.toml", scattered, tmp_path)[0] > 0


def test_tables_come_word_for_word(renders: Renders) -> None:
    fresh = sections.fresh_pyproject(renders["train"]["pyproject.toml"], "README.md", "")
    made = adopted(renders, {"pyproject.toml": OWN})["pyproject.toml"].decode()
    blocks = dict(sections.tables(fresh.decode()))
    assert "".join(block for _, block in sections.tables(fresh.decode())) == fresh.decode()
    for name in (("tool", "poe", "tasks"), ("tool", "mypy"), ("tool", "pytest", "ini_options")):
        assert blocks[name].strip() in made
    windows = adopted(renders, {"pyproject.toml": OWN.replace(b"\n", b"\r\n")})["pyproject.toml"]
    assert windows.count(b"\n") == windows.count(b"\r\n") > 50


def test_versions_of_pyproject_stay_and_what_differs_is_said() -> None:
    theirs = b'[project]\nname = "x"\nversion = "1"\ndependencies = ["Pandas>=2", "scipy==1.10"]\n'
    asked = b"pandas==1.5\nscipy==1.10\nnumpy==1.26\n"
    made, notes = locking.requirements(theirs, asked, "requirements.txt", b"", theirs)
    listed = tomllib.loads(made.decode())["project"]["dependencies"]
    assert sorted(listed) == ["Pandas>=2", "numpy==1.26", "scipy==1.10"]
    differs = [each for each in notes if "which stays" in each]
    assert differs == ["requirements.txt asks for pandas==1.5, pyproject.toml for Pandas>=2,"
                       " which stays"]  # fmt: skip


def test_versions_that_replace_the_templates_are_said() -> None:
    fresh = b'[project]\nname = "x"\nversion = "1"\ndependencies = ["pandas>=3", "typer>=1"]\n'
    made, notes = locking.requirements(fresh, b"pandas==3.0.1\n", "requirements.txt", b"")
    assert "pandas==3.0.1" in tomllib.loads(made.decode())["project"]["dependencies"]
    assert "pandas==3.0.1 of requirements.txt is in the place of the template's pandas>=3" in notes


@pytest.mark.parametrize(("asked", "taken"), [
    ("pandas>=2\n", False), ("pandas\n", False), ("Pandas>=3  # tables\n", False),
    ("pandas>=3.1\n", True), ("pandas>=2,<4\n", True), ("pandas[excel]>=2\n", True),
    ("pandas>=2; python_version < '3.12'\n", True), ("pandas~=3.0\n", True),
])  # fmt: skip
def test_what_the_template_asks_for_as_strictly_is_not_asked_for_again(
    asked: str, taken: bool
) -> None:
    fresh = b'[project]\nname = "x"\nversion = "1"\ndependencies = ["pandas>=3", "typer>=1"]\n'
    left = locking._unimplied(asked.encode() + b"flask\n", fresh)
    assert left == (asked.encode() if taken else b"") + b"flask\n"
    made, notes = locking.requirements(fresh, b"# none\npandas>=2\n", "requirements.txt", b"")
    assert made == fresh
    assert notes == ["the template asks for all packages of requirements.txt, as strictly"]
