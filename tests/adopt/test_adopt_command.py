"""`tdsp adopt scan` and `plan` as a person runs them, with the real template once."""

import html.parser
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.adopt.repos import CSV, ROOT_SCRIPTS, contents, make
from typer.testing import CliRunner

from tdsp.adopt import build as building
from tdsp.cli import app

EVIL = '<script>alert("x")</script>&.csv'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = contents(ROOT_SCRIPTS) | {f"data/{EVIL.replace('/', '')}": CSV + b"5,6\n"}
    place: Path = tmp_path_factory.mktemp("command")
    return Path(make(place / "churn-scripts", files))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (".copier-answers.yml", "pyproject.toml", "README.md")
    monkeypatch.setattr(building, "render", lambda answers: dict.fromkeys(names, b""))


def run(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["adopt", *map(str, words)])
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        return f"{type(result.exception).__name__}: {result.exception}"
    assert result.exit_code == code, result.output
    return result.output


def state(project: Path) -> bytes:
    words = ["git", "for-each-ref", "--format=%(objectname) %(refname)"]
    refs = subprocess.run(words, cwd=project, capture_output=True, check=True).stdout
    listed = "\n".join(sorted(f"{p} {p.stat().st_size}" for p in project.rglob("*")))
    return refs + listed.encode()


def test_scan_says_what_is_there_and_changes_nothing(project: Path) -> None:
    before = state(project)
    text = run("scan", project)
    assert re.search(r"script\s+\d", text) and "README.md runs it" in text
    assert state(project) == before
    rows = run("scan", project, "--format", "csv").splitlines()
    assert rows[0].startswith("file,kind,content,reads")
    train = next(row for row in rows if row.startswith("train.py,"))
    assert "churn.csv" in train and "model.pkl" in train and "helpers.py" in train


@pytest.mark.usefixtures("quick")
def test_plan_writes_four_files_beside_the_repository(project: Path, tmp_path: Path) -> None:
    before, out = state(project), tmp_path / "out"
    text = run("plan", project, "--yes", "--out", out)
    assert "1 edited" in text or "edited" in text
    assert {p.name for p in out.iterdir()} == {"plan.yaml", "plan.patch", "facts.csv", "plan.html"}
    assert state(project) == before
    plan = yaml.safe_load((out / "plan.yaml").read_text(encoding="utf-8"))
    assert plan["package"] == "churn_scripts"
    subprocess.run(["git", "apply", "--check", out / "plan.patch"], cwd=project, check=True)


@pytest.mark.usefixtures("quick")
def test_exit_code_tells_whether_something_would_change(project: Path, tmp_path: Path) -> None:
    run("plan", project, "--yes", "--out", tmp_path, "--exit-code", code=1)
    answers = b"package_name: p\nproblem_type: x\nproject_slug: p\n"
    done = make(tmp_path / "done", {".copier-answers.yml": answers, "x.py": b"x = 1\n"})
    run("plan", done, "--yes", "--out", tmp_path / "out", "--exit-code", code=0)


class Reader(html.parser.HTMLParser):
    """Collects tags and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]


@pytest.mark.usefixtures("quick")
def test_the_page_needs_nothing_else_and_escapes_everything(project: Path, tmp_path: Path) -> None:
    run("plan", project, "--yes", "--out", tmp_path)
    page = (tmp_path / "plan.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags and not reader.links
    assert "&lt;script&gt;" in page and "url(" not in page
    assert "prefers-color-scheme: dark" in page and "width=device-width" in page
    assert "data/raw/churn.csv" in page


@pytest.mark.usefixtures("quick")
def test_update_renews_edits_after_a_target_was_changed(project: Path, tmp_path: Path) -> None:
    run("plan", project, "--yes", "--out", tmp_path)
    path = tmp_path / "plan.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("target: data/raw/churn.csv", "target: data/raw/mine.csv"), "utf-8"
    )
    run("plan", project, "--yes", "--out", tmp_path, "--update", path)
    plan = yaml.safe_load(path.read_text(encoding="utf-8").replace("!bytes", ""))
    train = next(each for each in plan["files"] if each["path"] == "train.py")
    assert any("data/raw/mine.csv" in edit["to"] for edit in train["edits"])
    assert not any("data/raw/churn.csv" in edit["to"] for edit in train["edits"])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "inside"), "inside of the repository"),
        (("--package", "Bad Name"), "cannot be the package"),
        (("--package", "numpy"), "name of a library"),
        (("--subdirectory", "none"), "no files in this folder"),
    ],
)
def test_wishes_that_cannot_be_are_refused(
    project: Path, words: tuple[str, str], message: str
) -> None:
    given = [str(project / each) if each == "inside" else each for each in words]
    out = [] if "--out" in given else ["--out", str(project.parent / "out")]
    assert message in run("plan", project, "--yes", *given, *out)


def test_the_real_template_is_added_beside_what_is_there(project: Path, tmp_path: Path) -> None:
    run("plan", project, "--yes", "--level", "1", "--out", tmp_path)
    plan = yaml.safe_load((tmp_path / "plan.yaml").read_text(encoding="utf-8"))
    assert "dvc.yaml" in plan["added"] and "README.md" not in plan["added"]
    targets = {each["path"]: each["target"] for each in plan["files"]}
    assert targets["features.py"] == "src/churn_scripts/features_adopted.py"
    assert "src/churn_scripts/features.py" in plan["added"]


def test_answers_that_the_template_refuses_are_an_error(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "answers.yml"
    path.write_text("project_slug: Not A Slug\n", encoding="utf-8")
    text = run("plan", project, "--yes", "--answers", path, "--out", tmp_path / "out")
    assert "cannot be rendered" in text


@pytest.mark.usefixtures("quick")
def test_questions_are_asked_on_a_terminal(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tdsp.adopt import commands

    asked: list[str] = []

    def prompt(text: str, default: str) -> str:
        asked.append(text)
        return "leave" if "raw data" in text else default

    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    request = commands.Request(project, 2, "train", "", "", tmp_path, None, None)
    assert commands.plan(request, ask=True)
    plan = yaml.safe_load((tmp_path / "plan.yaml").read_text(encoding="utf-8"))
    assert asked
    targets = {each["path"]: each["target"] for each in plan["files"]}
    assert targets["churn.csv"] == "churn.csv" and targets["model.pkl"] == "models/model.pkl"
    assert {each["id"]: each["answer"] for each in plan["questions"]} == {
        "q-data-in-use": "leave", "q-models-in-use": "as proposed"}  # fmt: skip
    assert len(asked) == 2 and [each["answer"] for each in plan["offers"]] == ["stay"]


@pytest.mark.usefixtures("quick")
def test_what_stays_moves_if_somebody_says_so(project: Path, tmp_path: Path) -> None:
    text = run("plan", project, "--out", tmp_path / "as it is")
    assert "(1 file; --move unfollowed-files)" in " ".join(text.split())
    run("plan", project, "--out", tmp_path / "out", "--move", "unfollowed-files")
    plan = yaml.safe_load((tmp_path / "out" / "plan.yaml").read_text(encoding="utf-8"))
    targets = {each["path"]: each["target"] for each in plan["files"]}
    assert targets["other.csv"] == "data/raw/other.csv"
    assert [each["answer"] for each in plan["offers"]] == ["move"]
    page = (tmp_path / "out" / "plan.html").read_text(encoding="utf-8")
    assert "What stays, and may move" in page
    refused = run("plan", project, "--out", tmp_path / "no", "--move", "churn.csv")
    assert "--move churn.csv" in refused and "what may move: unfollowed-files" in refused
    assert not (tmp_path / "no").exists()
