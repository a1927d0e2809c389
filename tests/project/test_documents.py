"""The documents fill themselves from a run; groups of people have a floor that the gate holds."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.project.living import FOUND, TDSP, Project, clean, environment, run
from tests.render.engines import with_copier

DOCUMENTS = {
    "report": "docs/model/report.md",
    "card": "docs/model/card.md",
    "baseline": "docs/model/baseline.md",
    "definition": "docs/data/definition.md",
    "data": "docs/data/report.md",
    "exit": "docs/project/exit.md",
}
REPORTS = {"responsible_ai": True}
OPEN = re.compile(r"\[open: (?!…)[^\]]+\]")
NAMES = ["<b>Alter</b> | x", "[Ort](javascript:alert)", "`a` $b$ *c* _d_"]
PLACES = ["<script>alert(1)</script>", "a | b", "![x](y)"]


@pytest.fixture(scope="module", params=["classification", "regression"])
def documented(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A project of each kind after its first run."""
    root = tmp_path_factory.mktemp("documented") / "ml-project"
    with_copier(repository, root, {"problem_type": request.param, **REPORTS})
    project = Project(root, environment(FOUND[0]))
    project.set("train", cv_folds=2, max_iter=20)
    project.set("evaluate", resamples=100)
    if request.param == "regression":
        project.set("data", sensitive=["age", "sex"])
    project.commit().poe("pipeline")
    return project.commit()


def texts(project: Project) -> dict[str, str]:
    return {
        name: (project.root / path).read_text(encoding="utf-8") for name, path in DOCUMENTS.items()
    }


def test_every_document_is_filled_from_the_run(documented: Project) -> None:
    model = documented.yaml("reports/gate.json")["model_id"]
    for name, text in texts(documented).items():
        assert not re.search(r"\{\{|\{%|\bUndefined\b|\bNone\b", text), name
        assert not re.search(r"(?i)not (measured|described|trained|read|judged) yet", text), name
        page = (documented.root / f"reports/{name}.html").read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>"), name
        assert model in page or name in ("baseline", "definition", "data")
        assert 'src="http' not in page, name
    assert "## Ethical considerations" in texts(documented)["card"]
    sensitive = documented.yaml("params.yaml")["data"]["sensitive"]
    said = "| age | Rows | Ratio to the best |" if sensitive else "No sensitive columns declared"
    assert said in texts(documented)["card"]


def test_the_same_run_writes_the_same_bytes(documented: Project, tmp_path: Path) -> None:
    """Also in another place: a document changes only when the run does."""
    again = documented.copy(tmp_path / "elsewhere")
    again.run("dvc", "repro", "--force", "--single-item", "report")
    assert texts(again) == texts(documented)
    assert again.status() == []


def test_open_questions_are_reported_until_they_are_answered(
    documented: Project, tmp_path: Path
) -> None:
    project = documented.copy(tmp_path / "ml-project")
    words = (*TDSP, "docs", "--stage", "acceptance")
    done = run(*words, cwd=project.root, env=clean(), ok=False)
    assert done.returncode == 1
    assert "docs/project/charter.md:" in done.stdout
    assert "docs/project/facts.yaml:" in done.stdout
    assert "docs/model/card.md:" not in done.stdout
    assert "Traceback" not in done.stderr
    for path in project.root.glob("docs/**/*.[my]*"):
        text = path.read_text(encoding="utf-8")
        path.write_text(OPEN.sub("answered", text), encoding="utf-8")
    project.repro()
    assert run(*words, cwd=project.root, env=clean()).returncode == 0
    assert "answered" in texts(project)["card"]


def people(path: Path) -> None:
    """A table on which any model does badly for the people of one place; names are hostile."""
    random = np.random.default_rng(0)
    place = random.choice(PLACES, 1500, p=[0.45, 0.45, 0.1])
    age, other = random.uniform(20, 80, 1500), random.normal(size=1500)
    luck = random.random(1500) < 0.5
    yes = np.where(place == PLACES[2], luck, age + 3 * other > 50)
    columns = dict(zip(NAMES, [age, place, other], strict=True))
    pd.DataFrame({**columns, "bought": np.where(yes, "yes", "no")}).to_csv(path, index=False)


@pytest.fixture(scope="module")
def unfair(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on that table after its run, which the gate ended."""
    place = tmp_path_factory.mktemp("unfair")
    people(place / "people.csv")
    project = Project(with_copier(repository, place / "shop", REPORTS), environment(FOUND[0]))
    project.commit()
    wishes = ["--target", "bought", "--sensitive", NAMES[1]]
    told = run(*TDSP, "onboard", place / "people.csv", *wishes, cwd=project.root, env=clean())
    assert "sensitive" in told.stdout
    project.set("gate", minimum=0.6)
    project.set("evaluate", resamples=100)
    done = project.poe("pipeline", ok=False)
    assert done.returncode != 0
    assert "FAIL  each group has 0.8 of the accuracy of the one that fares best" in done.stdout
    assert done.stdout.count("FAIL") == 1
    assert "Traceback" not in done.stderr
    return project


def test_a_model_that_is_bad_for_some_people_scores_nothing(unfair: Project) -> None:
    assert unfair.yaml("reports/gate.json")["passed"] is False
    assert PLACES[2] in unfair.yaml("reports/gate.json")["checks"][-1]["figures"]
    assert not (unfair.root / "data/processed/scored.csv").exists()
    refused = unfair.score(Path("data/processed/test.parquet"), Path("mine.csv"), ok=False)
    assert "has not passed the gate" in refused.stderr
    worst = unfair.yaml("reports/slices.json")["slices"][0]
    assert (worst["column"], worst["group"]) == (NAMES[1], PLACES[2])
    assert worst["gap_low"] > 0


def test_the_floor_and_the_groups_are_parameters(unfair: Project, tmp_path: Path) -> None:
    """A lower floor lets it pass without another measurement; what is torn or gone does not."""
    project = unfair.copy(tmp_path / "shop")
    project.set("fairness", floor=0.3)
    assert project.repro().returncode == 0
    assert (project.root / "data/processed/scored.csv").exists()
    fairness = project.root / "reports/fairness.json"
    for damage in (lambda: fairness.write_text("{"), fairness.unlink):
        damage()
        assert project.stage("gate", ok=False).returncode != 0
        assert project.yaml("reports/gate.json")["passed"] is False


def test_hostile_names_are_shown_as_they_are(unfair: Project) -> None:
    unfair.python("-m", f"{unfair.package}.steps.report")
    for name, text in texts(unfair).items():
        page = (unfair.root / f"reports/{name}.html").read_text(encoding="utf-8")
        assert not re.search(r"<script|<img|<b>Alter|javascript:[^)<]*\"", page), name
        for table in re.findall(r"(?m)^(?:\|.*\n)+", text):
            widths = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
            assert len(set(widths)) == 1, table
    card = (unfair.root / "reports/card.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in card
    assert "did not pass the gate" in card
