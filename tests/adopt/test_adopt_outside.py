"""Which folders and files move only with a question, since something may have their paths."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.adopt.repos import make, notebook

from tdsp.adopt import build as building
from tdsp.adopt.build import Wish, accept, build, scan
from tdsp.adopt.plan import Plan, Question
from tdsp.errors import TdspError

MODULE = b"def rows() -> int:\n    return 1\n"
CODE = {
    "main.py": b"import rows\n\nprint(rows.rows())\n",
    "rows.py": MODULE,
    "score.py": b"print('score')\n",
    "jobs/run.py": b"import rows\n\nprint(rows.rows() + 1)\n",
}
WITH_MAIN = {"main.py", "rows.py"}
FOLDER = {"jobs/run.py"}
STEPS = "jobs:\n  a:\n    steps:\n      - run: "
RUN = {
    "Dockerfile": ('FROM python\nCOPY . .\nCMD ["python", "main.py"]\n', WITH_MAIN),
    "docker/api.Dockerfile": ('FROM python\nCMD ["python", "/app/main.py"]\n', WITH_MAIN),
    "Procfile": ("web: uvicorn score:app\n", {"score.py"}),
    ".github/workflows/ci.yml": (f"{STEPS}python -m rows\n", {"rows.py"}),
    ".ebextensions/python.config": ("WSGIPath: score:application\n", {"score.py"}),
    "dvc.yaml": ("stages:\n  rows:\n    cmd: python score.py\n", {"score.py"}),
    "pyproject.toml": ('[project.scripts]\nx = "score:app"\n', {"score.py"}),
    "conf/model.yaml": ("model:\n  _target_: score.Model\n", {"score.py"}),
}
NOT_RUN = {
    "Dockerfile": "FROM python\n# CMD python main.py\n",
    ".github/workflows/ci.yml": f"on:\n  push:\n    branches: [main]\n{STEPS}ruff check score.py\n",
    ".pre-commit-config.yaml": "exclude: score.py\n",
    "pyproject.toml": '[tool.coverage.run]\nomit = ["score.py"]\n',
    "README.md": "Run `python main.py`.\n",
    "settings.yaml": "rows:\n  main: 1\n",
}


@pytest.fixture(autouse=True)
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of one name, since a render takes seconds."""
    monkeypatch.setattr(building, "render", lambda answers: {"README.md": b""})


def planned(root: Path, files: dict[str, bytes]) -> Plan:
    return build(scan(make(root, files)), Wish(level=1, package="pkg"))


def asked(root: Path, files: dict[str, bytes]) -> set[str]:
    """Return the code that a plan moves with a question."""
    plan = planned(root, files)
    return {e.path for e in plan.items if e.question and e.target != e.path and e.path in files}


def test_a_folder_of_code_is_one_question(tmp_path: Path) -> None:
    plan = planned(tmp_path / "repo", CODE)
    assert [each.id for each in plan.questions] == ["q-move-jobs"]
    assert plan.moves.keys() == CODE.keys()
    assert plan.questions[0].choices["leave"] == {"jobs/run.py": "jobs/run.py"}


@pytest.mark.parametrize("path", RUN)
def test_what_is_run_by_path_is_asked_about_with_all_that_it_imports(
    path: str, tmp_path: Path
) -> None:
    text, wanted = RUN[path]
    assert asked(tmp_path / "repo", CODE | {path: text.encode()}) == wanted | FOLDER


@pytest.mark.parametrize("path", NOT_RUN)
def test_what_only_names_code_asks_nothing(path: str, tmp_path: Path) -> None:
    assert asked(tmp_path / "repo", CODE | {path: NOT_RUN[path].encode()}) == FOLDER


@pytest.mark.parametrize("line", [
    "ROOT = Path(__file__).resolve().parent.parent", "ROOT = Path(__file__).parents[1]",
    "ROOT = os.path.dirname(os.path.abspath(__file__))", "sys.path.append('..')",
])  # fmt: skip
def test_code_that_finds_the_root_from_its_place_is_asked(line: str, tmp_path: Path) -> None:
    files = CODE | {"score.py": f"{line}\n".encode() + MODULE}
    assert asked(tmp_path / "repo", files) == {"score.py"} | FOLDER


@pytest.mark.parametrize(("path", "text", "who"), [
    ("ci/job.yaml", "run: python jobs/run.py\n", "Ci/job.yaml has the path of jobs"),
    ("Dockerfile", "FROM python\nCOPY jobs/ /jobs/\n", "Dockerfile has the path of jobs"),
    ("Procfile", "web: uvicorn jobs.run:app\n", "Procfile has the path of jobs"),
])  # fmt: skip
def test_a_folder_that_something_runs_and_no_code_uses_stays_and_is_offered(
    path: str, text: str, who: str, tmp_path: Path
) -> None:
    plan = planned(tmp_path / "repo", CODE | {path: text.encode()})
    assert [each.id for each in plan.offers] == ["jobs"]
    assert plan.offers[0].text.startswith(who)
    assert plan.offers[0].choices["move"] == {"jobs/run.py": "src/pkg/jobs/run.py"}
    assert not plan.questions and "jobs/run.py" not in plan.moves
    used = CODE | {path: text.encode(), "main.py": b"import jobs.run\nprint(jobs.run)\n"}
    assert "jobs/run.py" in planned(tmp_path / "used", used).moves


def test_a_folder_that_is_all_the_code_is_asked_about_whatever_runs_it(tmp_path: Path) -> None:
    files = {
        "app/serve.py": b"print('serve')\n",
        "tests/test_serve.py": b"import app.serve\n\n\ndef test_it():\n    assert app\n",
        "Dockerfile": b"FROM python\nCOPY app/ app/\n",
    }
    plan = planned(tmp_path / "repo", files)
    assert "app/serve.py" in plan.moves and not plan.offers
    assert [each.id for each in plan.questions] == ["q-move-app"]


def test_what_cannot_move_is_not_offered_to_move(tmp_path: Path) -> None:
    files = {"data/raw/a.csv": b"a,b\n1,2\n3,4\n", "a.csv": b"a,b\n1,3\n3,4\n"}
    plan = planned(tmp_path / "repo", files)
    assert [(each.id, set(each.choices)) for each in plan.offers] == [
        ("unfollowed-files", {"stay", "archive"})]  # fmt: skip
    with pytest.raises(TdspError, match="nothing that stays may move"):
        accept(plan, ["unfollowed-files"])


def test_offers_that_go_to_one_place_are_not_taken_together(tmp_path: Path) -> None:
    plan = planned(tmp_path / "repo", {"a.py": b"A = 1\n", "b.py": b"B = 1\n"})
    offers = tuple(
        Question(path, "?", {"stay": {path: path}, "move": {path: target}}, "stay")
        for path, target in (("a.py", "lib/c.py"), ("b.py", "lib/C.py"))
    )
    plan = replace(plan, offers=offers)
    assert accept(plan, ["a.py"]).moves["a.py"] == "lib/c.py"
    with pytest.raises(TdspError, match=r"a\.py cannot move, since another file goes to lib/c\.py"):
        accept(plan, ["a.py", "b.py"])


def test_scripts_that_people_start_by_their_path_stay_and_are_offered(tmp_path: Path) -> None:
    files = {path.replace("jobs/", "scripts/"): text for path, text in CODE.items()}
    plan = planned(tmp_path / "repo", files)
    assert [each.id for each in plan.offers] == ["scripts"] and not plan.questions
    assert plan.offers[0].text.startswith("Whoever starts it has the path of scripts")


def test_pages_are_asked_about_with_the_program_that_serves_them(tmp_path: Path) -> None:
    files = {
        "app.py": b"from flask import Flask\n\napp = Flask(__name__)\n",
        "templates/index.html": b"<p>hello</p>\n",
    }
    assert asked(tmp_path / "alone", files) == set()
    files["Procfile"] = b"web: gunicorn app:app\n"
    assert asked(tmp_path / "run", files) == {"app.py", "templates/index.html"}


def test_a_folder_of_pages_moves_unasked_unless_it_holds_more(tmp_path: Path) -> None:
    files = CODE | {"doc/a.md": b"# A\n\n![b](b.png)\n"}
    assert asked(tmp_path / "pages", files) == FOLDER
    assert "doc/a.md" in planned(tmp_path / "moved", files).moves
    files["doc/b.png"] = b"\x89PNG\r\n\x1a\n" + bytes(40)
    assert asked(tmp_path / "more", files) == FOLDER | {"doc/a.md", "doc/b.png"}


@pytest.mark.parametrize(("path", "found"), [
    ("rows.csv", True), ("../data/rows.csv", True), ("/content/rows.csv", False),
    ("https://a.example/rows.csv", False), ("C:/rows.csv", False), ("~/rows.csv", False),
])  # fmt: skip
def test_a_notebook_with_paths_from_its_own_folder_is_asked_about(
    path: str, found: bool, tmp_path: Path
) -> None:
    text = notebook("import pandas as pd", f"pd.read_csv('{path}')")
    assert asked(tmp_path / "repo", {"a.ipynb": text}) == ({"a.ipynb"} if found else set())


def test_folders_of_another_spelling_are_one_question(tmp_path: Path) -> None:
    files = {
        "Data/Raw/a.csv": b"a,b\n1,2\n3,4\n",
        "fit.py": b"open('b.csv')\n",
        "b.csv": b"a,c\n1,2\n3,4\n",
    }
    plan = planned(tmp_path / "repo", files)
    question = next(each for each in plan.questions if each.id == "q-spelling")
    assert set(question.choices["leave"]) == {"Data/Raw/a.csv"}
    assert question.choices["as proposed"]["Data/Raw/a.csv"].startswith("data/")
    assert asked(tmp_path / "again", files) == {"Data/Raw/a.csv", "b.csv"}
