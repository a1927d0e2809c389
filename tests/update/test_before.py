"""A project made before levels, rooms of src/ or the search's question takes the update."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tests.conftest import ROOT, git
from tests.project.living import FOUND, Project, clean, environment, run
from tests.render.engines import files

BEFORE = "9bd9842"  # the last commit with the flat layout; nothing was tagged yet
WITH_SEARCH = "0632f3f"  # the last commit in which level operate always had the search
COPIER = Path(sys.executable).with_name("copier")
OURS = '''def ours() -> str:
    """Return our own."""
    return "ours"


'''
# Each file, and what our function is put before: lines that the template has not changed since.
EDITED = {
    "src/ml_project/features.py": "def numbers(",
    "src/ml_project/classification.py": "def raw(",
}


@pytest.fixture(scope="module", params=[BEFORE])
def template(
    request: pytest.FixtureRequest, plain: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A repository with the template as it was, untagged, and as it is, tagged."""
    target, commit = tmp_path_factory.mktemp("before") / "tdsp", request.param
    target.mkdir()
    names = ["copier.yml", "template", *(["words.yml"] if commit != BEFORE else [])]
    command = ["git", "archive", commit, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, f"{commit} is not in this clone: `git fetch --unshallow`"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    git(target, "init", "-q")
    git(target, "add", "-A")
    git(target, "commit", "-q", "-m", "before")
    git(target, "rm", "-rq", ".")
    for path in plain.iterdir():
        subprocess.run(["cp", "-r", path, target], check=True)
    git(target, "add", "-A")
    git(target, "commit", "-q", "-m", "after")
    git(target, "tag", "v0.1.0")
    return target


def born(template: Path, root: Path) -> Project:
    """A project of the template as it was, committed."""
    first = git(template, "rev-parse", "HEAD~1").strip()
    words = ("copy", "--quiet", "--defaults", "--vcs-ref", first, template, root)
    run(COPIER, *words, cwd=root.parent, env=clean())
    return Project(root, environment(FOUND[0])).commit()


def test_a_project_from_before_is_updated_and_trains(template: Path, tmp_path: Path) -> None:
    project = born(template, tmp_path / "ml-project")
    root = project.root
    assert (root / "src/ml_project/train.py").is_file()
    for name, place in EDITED.items():
        text = (root / name).read_text(encoding="utf-8")
        assert text.count(place) == 1
        text = text.replace(place, OURS + place)
        (root / name).write_text(text, encoding="utf-8", newline="\n")
    project.set("train", max_leaf_nodes=7)
    (root / "docs/our_notes.md").write_text("Ours.\n", encoding="utf-8")
    project.commit()
    run(COPIER, "update", "--quiet", "--defaults", "--data", "level=govern", cwd=root, env=clean())
    tree = files(root)
    assert [name for name in tree if name.endswith((".rej", ".orig"))] == []
    marked = [name for name, text in tree.items() if b"<<<<<<< " in text and ".git/" not in name]
    assert marked == []
    assert all(b'return "ours"' in tree[name] for name in EDITED)
    assert b"max_leaf_nodes: 7" in tree["params.yaml"]
    assert tree["docs/our_notes.md"] == b"Ours.\n"
    assert "src/ml_project/train.py" not in tree
    assert "src/ml_project/steps/train.py" in tree
    assert "src/ml_project/steps/explain.py" in tree  # the answer was on record
    assert not [name for name in tree if name.endswith("/tune.py")]
    assert project.yaml(".copier-answers.yml")["level"] == "govern"
    project.commit()
    project.poe("format")
    project.poe("pipeline")
    assert project.yaml("reports/gate.json")["passed"] is True


@pytest.mark.parametrize("template", [WITH_SEARCH], indirect=True)
@pytest.mark.parametrize("kept", [True, False])
def test_the_search_stays_by_an_answer_and_no_edit_of_it_is_lost(
    kept: bool, template: Path, tmp_path: Path
) -> None:
    project = born(template, tmp_path / "ml-project")
    project.set("tune", trials=30)
    project.set("split", seed=7)
    project.commit()
    before = files(project.root)
    words = ("update", "--quiet", "--defaults", *(["--data", "tuning=yes"] if kept else []))
    run(COPIER, *words, cwd=project.root, env=clean())
    tree = files(project.root)
    params = tree["params.yaml"].decode()
    assert "trials: 30" in params
    assert "seed: 7" in params
    assert ("<<<<<<< " in params) is not kept
    assert project.yaml(".copier-answers.yml")["tuning"] is kept
    names = ("src/ml_project/steps/tune.py", "tests/machinery/steps/test_tune.py")
    assert {*names} <= before.keys()
    assert [name in tree for name in names] == [kept, kept]
    assert "src/ml_project/steps/explain.py" in tree
