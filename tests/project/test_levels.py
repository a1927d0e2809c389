"""A small project is whole; it climbs to the next level with its edits, and trains there."""

from pathlib import Path

import pytest
from tests.project.living import FOUND, TDSP, Project, clean, environment, run
from tests.render.engines import files, with_copier

OURS = '''

def ours() -> str:
    """Return our own."""
    return "ours"
'''
FEATURES = "src/ml_project/features.py"
KEPT = (FEATURES, "params.yaml", "docs/project/charter.md", "docs/our_notes.md")


def tdsp(project: Project, *words: str) -> str:
    return run(*TDSP, *words, cwd=project.root, env=clean()).stdout


def live(project: Project) -> None:
    """What a team does: a value, a function, a sentence, a new file."""
    project.set("split", seed=7)
    project.set("evaluate", resamples=100)
    for name in (FEATURES, "docs/project/charter.md"):
        with (project.root / name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(OURS if name == FEATURES else "\nOur own sentence.\n")
    (project.root / "docs/our_notes.md").write_text("Ours.\n", encoding="utf-8")
    project.commit()


def edits(project: Project) -> list[bool]:
    texts = [(project.root / name).read_text(encoding="utf-8") for name in KEPT]
    own = ('return "ours"', "seed: 7", "Our own sentence.", "Ours.")
    return [mark in text for mark, text in zip(own, texts, strict=True)]


@pytest.fixture(scope="module")
def small(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of level train, committed. cookiecutter writes the same bytes."""
    place = tmp_path_factory.mktemp("small") / "ml-project"
    root = with_copier(repository, place, {"level": "train"})
    return Project(root, environment(FOUND[0])).commit()


def test_a_small_project_is_checked_trained_and_scores(small: Project, tmp_path: Path) -> None:
    project = small.copy(tmp_path / "ml-project")
    assert len([name for name in files(project.root) if ".git/" not in name]) <= 97
    assert " passed" in project.poe("check").stdout
    assert project.status() == []
    project.poe("pipeline")
    assert project.yaml("reports/gate.json")["passed"] is True
    assert not (project.root / "mlflow.db").exists()
    project.score(Path("data/raw/example.csv"), tmp_path / "scored.csv")
    table = project.poe("metrics").stdout
    assert "roc_auc" in table
    assert max(map(len, table.splitlines())) <= 80


def test_a_project_climbs_keeps_its_edits_and_trains(small: Project, tmp_path: Path) -> None:
    project = small.copy(tmp_path / "ml-project")
    live(project)
    for level in ("operate", "govern"):
        before = files(project.root)
        assert level in tdsp(project, "grow", "--to", level, "--dry-run")
        assert files(project.root) == before
        tdsp(project, "grow", "--to", level, "--yes")
        assert project.yaml(".copier-answers.yml")["level"] == level
        assert all(edits(project))
        project.commit()
        project.poe("pipeline")
        if project.status():
            project.commit()
        if level == "operate":
            project.step("register")
            project.step("promote", "--reason", "the first")
    assert "champion" in project.step("models").stdout
    tdsp(project, "roles", "--check")
    project.run("mypy")
