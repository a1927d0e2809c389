"""A project of an earlier release takes `copier update`, whichever engine made it."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.project.living import FOUND, Project, clean, environment, run
from tests.render.engines import ROOT, files

BIN = Path(sys.executable).parent
OURS = '''

def ours() -> str:
    """Return our own."""
    return "ours"
'''
PACKAGE = "src/ml_project"
RECIPE = re.compile(r"^```\n(git mv src/OLD.*?)```", re.M | re.S)
Born = Callable[[Path, Path], Path]


def command(program: str, *arguments: object, cwd: Path) -> None:
    run(BIN / program, *arguments, cwd=cwd, env=clean())


def copier_born(history: Path, place: Path) -> Path:
    arguments = ("copy", "--defaults", "--quiet", "--vcs-ref", "v0.0.1", history, "ml-project")
    command("copier", *arguments, cwd=place)
    return place / "ml-project"


def cookiecutter_born(history: Path, place: Path) -> Path:
    """By its address: of a folder cookiecutter takes the work tree, whatever --checkout says."""
    address = f"git+{history.as_uri()}"
    command("cookiecutter", address, "--no-input", "--checkout", "v0.0.1", cwd=place)
    return place / "ml-project"


def live(project: Project) -> dict[str, bytes]:
    """What a team does: a value, a function, a paragraph, a new file, a deleted one."""
    project.set("split", seed=7)
    for name, text in {
        f"{PACKAGE}/features.py": OURS,
        "README.md": "\n## Our own section\n\nWith our own text.\n",
    }.items():
        with (project.root / name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    (project.root / "docs/our_notes.md").write_text("Ours.\n", encoding="utf-8")
    (project.root / "notebooks/README.md").unlink()
    project.commit()
    return {name: content for name, content in files(project.root).items() if ".git/" not in name}


@pytest.fixture(params=[copier_born, cookiecutter_born], ids=lambda born: born.__name__)
def aged(request: pytest.FixtureRequest, history: Path, tmp_path: Path) -> Project:
    """A project of the first release."""
    born: Born = request.param
    project = Project(born(history, tmp_path), environment(FOUND[0])).commit()
    assert project.yaml(".copier-answers.yml")["_commit"] == "v0.0.1"
    assert "An old sentence." in (project.root / "README.md").read_text(encoding="utf-8")
    return project


def update(project: Project) -> None:
    """Update to the newest release, without --trust, and find no conflict."""
    command("copier", "update", "--defaults", cwd=project.root)
    tree = files(project.root)
    assert [name for name in tree if name.endswith((".rej", ".orig"))] == []
    assert [line for line in project.status() if line[:2] in ("UU", "AA", "DU", "UD")] == []
    marked = [name for name, text in tree.items() if b"<<<<<<< " in text and ".git/" not in name]
    assert marked == []


def fresh(history: Path, place: Path) -> dict[str, bytes]:
    arguments = ("copy", "--defaults", "--quiet", "--vcs-ref", "v0.0.2", history, "fresh")
    command("copier", *arguments, cwd=place)
    return files(place / "fresh")


def test_an_update_brings_the_new_and_keeps_the_own(
    aged: Project, history: Path, tmp_path: Path
) -> None:
    before = live(aged)
    update(aged)
    expected, found = fresh(history, tmp_path), files(aged.root)
    assert aged.yaml(".copier-answers.yml")["_commit"] == "v0.0.2"
    assert found["docs/our_notes.md"] == b"Ours.\n"
    assert "notebooks/README.md" not in found
    readme, params = found["README.md"].decode(), found["params.yaml"].decode()
    assert "An old sentence." not in readme
    assert "With our own text." in readme
    assert "seed: 7" in params
    assert "resamples: 500" in params
    edited = {"README.md", "params.yaml", f"{PACKAGE}/features.py", ".copier-answers.yml"}
    assert found[f"{PACKAGE}/features.py"] == before[f"{PACKAGE}/features.py"]
    same = expected.keys() - edited - {"notebooks/README.md"}
    assert [name for name in sorted(same) if found.get(name) != expected[name]] == []
    assert {name for name in found if not name.startswith(".git/")} == (
        expected.keys() - {"notebooks/README.md"} | {"docs/our_notes.md"}
    )


@pytest.mark.parametrize("aged", [cookiecutter_born], indirect=True)
def test_an_untouched_project_becomes_a_fresh_one_and_trains(
    aged: Project, history: Path, tmp_path: Path
) -> None:
    update(aged)
    found = {name: text for name, text in files(aged.root).items() if not name.startswith(".git/")}
    expected = fresh(history, tmp_path)
    answers = ".copier-answers.yml"
    address = found.pop(answers).decode().replace(f"git+{history.as_uri()}", str(history))
    assert address == expected.pop(answers).decode()
    assert found == expected
    aged.commit().poe("pipeline")
    assert aged.yaml("reports/gate.json")["passed"] is True


def edits(root: Path) -> list[str]:
    """Files under src that hold the team's edit."""
    return [
        path.name for path in (root / "src").rglob("*.py") if "# my edit" in path.read_text("utf-8")
    ]


def test_a_rename_by_update_is_refused_and_one_by_hand_loses_no_edit(aged: Project) -> None:
    """Copier would take the old folder for deleted, and the edits with it."""
    root = aged.root
    with (root / PACKAGE / "features.py").open("a", encoding="utf-8") as file:
        file.write("# my edit\n")
    aged.commit()
    asked = [BIN / "copier", "update", "--defaults", "--data", "package_name=third"]
    refused = subprocess.run(asked, cwd=root, env=clean(), capture_output=True, text=True)
    assert refused.returncode == 1
    assert "The package of this project is ml_project" in " ".join(refused.stderr.split())
    assert (aged.status(), edits(root)) == ([], ["features.py"])
    for line in RECIPE.findall((ROOT / "docs/update.md").read_text("utf-8"))[0].splitlines():
        renamed = line.replace("OLD", "ml_project").replace("NEW", "third")
        run("bash", "-c", renamed, cwd=root, env=clean())
    update(aged)
    assert aged.yaml(".copier-answers.yml")["package_name"] == "third"
    assert [path.name for path in (root / "src").iterdir()] == ["third"]
    assert edits(root) == ["features.py"]
    text = (root / "README.md").read_text(encoding="utf-8")
    assert "An old sentence." not in text
    assert "third score" in text


def test_a_conflict_is_seen(aged: Project) -> None:
    """The same line changed on both sides: git's markers show both, nothing is lost."""
    aged.set("evaluate", resamples=123)
    aged.commit()
    command("copier", "update", "--defaults", cwd=aged.root)
    text = (aged.root / "params.yaml").read_text(encoding="utf-8")
    assert "<<<<<<< " in text
    assert "resamples: 123" in text
    assert "resamples: 500" in text
