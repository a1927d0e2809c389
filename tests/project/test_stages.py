"""What was measured is what runs: an edit of code marks each stage that runs it, and no earlier."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from tests.conftest import module_of
from tests.project.living import Project, stages_run

# Edits a file of the project, asks DVC which stages have changed, and puts it back, one by one.
ASK = """
import json, sys
from pathlib import Path
from dvc.repo import Repo
def marked(name, line):
    path = Path(name)
    before = path.read_bytes() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((before or b"") + line.encode())
    with Repo() as repo:
        found = [stage for stage, causes in repo.status().items() if causes]
    path.unlink() if before is None else path.write_bytes(before)
    return found
edits = json.loads(Path(sys.argv[1]).read_text("utf-8"))
Path(sys.argv[1]).write_text(json.dumps({n: marked(n, line) for n, line in edits.items()}))
"""
SRC = "src/ml_project"
COMMENT = "\n# No more than a comment.\n"
# Another threshold, as somebody would write one.
USUAL = "labels[raw.argmax(axis=1)]"
STRICT = "labels[(raw[:, 1] > 0.9).astype(int)]"


def marks(project: Project, edits: Mapping[str, str]) -> dict[str, list[str]]:
    """What `dvc status` names after each edit alone: file -> stages."""
    exchange = project.root.parent / "edits.json"
    exchange.write_text(json.dumps({"dvc.yaml": "", **edits}), encoding="utf-8")
    project.run("python", "-c", ASK, exchange)
    found: dict[str, list[str]] = json.loads(exchange.read_text(encoding="utf-8"))
    assert found.pop("dvc.yaml") == []  # nothing is marked before
    return found


@pytest.fixture
def reached(veteran: Project) -> dict[str, set[str]]:
    """Each stage, in its order, and the files that its command can import."""
    code = module_of(veteran.root / "tests/pipeline/test_code.py")
    found = {
        stage: {f"{SRC}/{path}" for path in code.closure(code.module_of(stage))}
        for stage in code.STAGES
    }
    found["train"].add(f"{SRC}/model/served.py")  # not imported: its hash is in the model's id
    return found


def test_an_edit_marks_each_stage_that_runs_it_and_none_before(
    veteran: Project, reached: dict[str, set[str]]
) -> None:
    modules = sorted(set().union(*reached.values()))
    assert len(modules) > 20
    order, wrong = list(reached), []
    for module, marked in marks(veteran, dict.fromkeys(modules, COMMENT)).items():
        running = [stage for stage in order if module in reached[stage]]
        early = order[: order.index(running[0])]
        if missing := {*running} - {*marked}:
            wrong.append(f"{module} leaves {sorted(missing)} as they are")
        if too_early := {*early} & {*marked}:
            wrong.append(f"{module} marks {sorted(too_early)}, which run before it")
    assert wrong == []
    assert veteran.status() == []


def test_an_edit_of_what_no_stage_runs_marks_nothing(
    veteran: Project, reached: dict[str, set[str]]
) -> None:
    files = [p for p in (veteran.root / SRC).rglob("*.py") if p.name != "__init__.py"]
    modules = {path.relative_to(veteran.root).as_posix() for path in files}
    unreached = modules - set().union(*reached.values())
    assert {f"{SRC}/cli.py", f"{SRC}/operate/registry.py", f"{SRC}/operate/monitor.py"} <= unreached
    others = [f"{SRC}/operate/monitor.html", f"{SRC}/service/service.py", "tests/conftest.py"]
    rooms = ("", "io/", "model/", "steps/", "operate/")
    others += [f"{SRC}/{room}__pycache__/planted.cpython-311.pyc" for room in rooms]
    found = marks(veteran, dict.fromkeys([*unreached, *others], COMMENT))
    assert {name: stages for name, stages in found.items() if stages} == {}
    assert veteran.status() == []


def test_an_edit_of_a_document_marks_the_report_alone(veteran: Project) -> None:
    folder = veteran.root / SRC / "steps/templates"
    names = [path.relative_to(veteran.root).as_posix() for path in folder.iterdir()]
    assert names
    found = marks(veteran, dict.fromkeys(names, "\n"))
    assert found == {name: ["report"] for name in names}


def test_another_threshold_is_another_model_to_measure_and_to_judge(
    veteran: Project, tmp_path: Path
) -> None:
    """Until it has been measured, nothing scores with it."""
    rows, output = Path("data/raw/example.csv"), tmp_path / "scored.csv"
    before = veteran.yaml("models/package/package.json")["model_id"]
    measured = veteran.yaml("reports/metrics.json")
    veteran.score(rows, output)
    usual = pd.read_csv(output)

    veteran.edit(f"{SRC}/results.py", USUAL, STRICT)
    refused = veteran.score(rows, tmp_path / "other.csv", ok=False)
    assert refused.returncode == 1
    assert f"error: models/package: model {before} was made with other prediction code" in (
        refused.stderr
    )
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "other.csv").exists()

    done = veteran.repro()
    assert stages_run(done)[-6:] == ["train", "evaluate", "explain", "gate", "score", "report"]
    after = veteran.yaml("models/package/package.json")["model_id"]
    assert after != before
    again = veteran.yaml("reports/metrics.json")
    assert again["model_id"] == veteran.yaml("reports/gate.json")["model_id"] == after
    changed = {name for name, value in measured["model"].items() if again["model"][name] != value}
    assert "balanced_accuracy" in changed
    assert "roc_auc" not in changed  # it does not look at predictions
    veteran.score(rows, output)
    strict = pd.read_csv(output)
    assert (strict["prediction"] != usual["prediction"]).sum() > 0
    assert set(strict["model_id"]) == {after}
