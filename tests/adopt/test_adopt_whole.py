"""From `adopt plan` to `adopt undo` with the true template, by the commands that people type."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tests.adopt.hand import EDITS, FILES, RENDER, commit, git, make, plan, quiet, small, state
from typer.testing import CliRunner, Result

from tdsp.adopt import apply as applying
from tdsp.adopt.apply import BRANCH, apply, free
from tdsp.adopt.gitwork import Entry, Git
from tdsp.adopt.plan import Note, Plan, Question
from tdsp.adopt.planfile import as_yaml
from tdsp.adopt.report import cell
from tdsp.adopt.report import state as checked
from tdsp.adopt.tree import shown
from tdsp.adopt.verify import find, verify
from tdsp.cli import app
from tdsp.errors import TdspError

KEY = "AKIAIOSFODNN7EXAMPLE"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["adopt", *map(str, words)])


def refusal(*words: str | Path) -> str:
    """Return what a command is refused with; main prints it."""
    done = run(*words)
    assert isinstance(done.exception, TdspError), done.output
    return str(done.exception)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "repo")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands take the small template."""
    monkeypatch.setattr(applying.apply, "__defaults__", (None, small))


def written(root: Path, wanted: Plan, place: Path) -> Path:
    place.write_text(as_yaml(wanted), encoding="utf-8")
    return place


def test_whole_way_with_the_true_template(root: Path, tmp_path: Path) -> None:
    before = state(root)
    out = tmp_path / "plan"
    assert run("plan", root, "--yes", "--out", out).exit_code == 0
    assert state(root) == before
    done = run("apply", root, "--plan", out / "plan.yaml", "--yes")
    assert done.exit_code == 0, done.exception
    assert git(root, "status", "--porcelain") == b""
    answers = yaml.safe_load((root / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert answers["_commit"] and answers["level"] == "train"
    read_me = (root / "README.md").read_bytes()
    assert read_me.startswith(FILES["README.md"]) and len(read_me) < 2000
    assert [each for each in read_me.splitlines() if each.startswith(b"## ")] == [
        b"## How this project runs now"
    ]
    assert (root / f"src/{answers['package_name']}/steps/train.py").is_file()
    assert "same-ok" in run("verify", root, "--run").output
    assert run("verify", root).exit_code == 0
    assert "MLOps maturity" in run("report", root).output
    again = run("plan", root, "--yes", "--exit-code", "--out", tmp_path / "again")
    assert again.exit_code == 0
    assert (tmp_path / "again/plan.patch").read_bytes() == b""
    assert run("undo", root, "--yes").exit_code == 0
    assert state(root) == before


@pytest.mark.usefixtures("fake")
def test_commands_ask_and_need_a_terminal(root: Path, tmp_path: Path) -> None:
    file = written(root, plan(root), tmp_path / "plan.yaml")
    before = state(root)
    assert "add --yes" in refusal("apply", root, "--plan", file)
    assert state(root) == before
    assert run("apply", root, "--plan", file, "--yes").exit_code == 0
    assert "add --yes" in refusal("undo", root)
    assert run("undo", root, "--yes").exit_code == 0
    assert "no adoption to undo" in refusal("undo", root, "--yes")


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_answer_on_a_terminal(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    file = written(root, plan(root), tmp_path / "plan.yaml")
    before = state(root)
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("tdsp.adopt.carry.sys", terminal)
    words = ["adopt", "apply", str(root), "--plan", str(file)]
    assert CliRunner().invoke(app, words, input=answer).exit_code == code
    assert (state(root) == before) is bool(code)


@pytest.mark.usefixtures("fake")
def test_verify_fails_when_a_script_is_worse(root: Path, tmp_path: Path) -> None:
    changes = {"train.py": EDITS["train.py"][:1]}  # the path of the table is forgotten
    file = written(root, plan(root, changes=changes), tmp_path / "plan.yaml")
    assert run("apply", root, "--plan", file, "--yes").exit_code == 0
    assert run("verify", root).exit_code == 0
    done = run("verify", root, "--run")
    assert done.exit_code == 1
    assert "regressed" in done.output and "tdsp adopt undo" in done.output


@pytest.mark.usefixtures("fake")
def test_report_can_be_written_elsewhere(root: Path, tmp_path: Path) -> None:
    apply(root, plan(root), quiet, renderer=small)
    assert run("report", root, "--out", tmp_path / "out").exit_code == 0
    text = (tmp_path / "out/REPORT.md").read_text(encoding="utf-8")
    assert "| train.py | scripts/train.py | script |" in text
    assert json.loads((tmp_path / "out/manifest.json").read_bytes())["package"] == "churn"
    assert "exists" in refusal("report", root, "--out", tmp_path / "out")


def test_report_has_no_secret_and_all_sections(tmp_path: Path) -> None:
    code = f'KEY = "{KEY}"\nopen("data.csv")\n'.encode()
    root = make(tmp_path / "repo", {**FILES, "keys.py": code, "a|b<c>.txt": b""})
    changes = {**EDITS, "keys.py": [(b'"data.csv"', b'"data/raw/data.csv"')]}
    wanted = plan(root, changes=changes)
    question = Question("q", "Is it data?", {"as proposed": {}}, "as proposed")
    items = tuple(replace(e, question="q") if e.path == "data.csv" else e for e in wanted.items)
    note = Note("train.py", 3, "a path is made at run time")
    wanted = replace(wanted, items=items, questions=(question,), notes=(note,))
    apply(root, wanted, quiet, renderer=small)
    text = (root / "docs/migration/REPORT.md").read_text(encoding="utf-8")
    manifest = (root / "docs/migration/manifest.json").read_text(encoding="utf-8")
    assert KEY not in text + manifest
    for line in (
        "| before | 9 |",
        "| moved | 3 |",
        "| edited | 2 |",
        "| asked about | 1 |",
        "| keys.py | 2 | it moved |",
        "| data.csv | data/raw/data.csv | Is it data? |",
        "| train.py | 3 | a path is made at run time |",
        "## `tdsp check`, before and after",
    ):
        assert line in text, line


def test_report_of_an_earlier_adoption_stays(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {**FILES, "docs/migration/REPORT.md": b"earlier\n"})
    apply(root, plan(root), quiet, renderer=small)
    assert (root / "docs/migration/REPORT.md").read_bytes() == b"earlier\n"
    assert (root / "docs/migration-2/manifest.json").is_file()
    assert free({"a/B/c": Entry("100644", "")}, "A/b") == "A/b-2"


def test_check_before_and_after_is_of_the_commits(root: Path) -> None:
    done = apply(root, plan(root), quiet, renderer=small)
    before = checked(Git(root), done.manifest.commit)
    after = checked(Git(root), done.tip)
    assert before.failed != after.failed and not before.problem


def test_cell_cannot_be_left() -> None:
    assert cell("a|b\n<x>\udce9") == "a\\|b\\\\n&lt;x>\\\\xe9"
    assert shown("a\tb") == "a\\tb"


def test_one_project_of_two_leaves_the_other(tmp_path: Path) -> None:
    files = {f"one/{name}": content for name, content in FILES.items()}
    root = make(tmp_path / "repo", files | {"two/train.py": b"x = 1\n", "README.md": b"# Two\n"})
    wanted = plan(
        root,
        {
            "one/train.py": "one/scripts/train.py",
            "one/utils.py": "one/src/churn/utils.py",
            "one/data.csv": "one/data/raw/data.csv",
            "one/.idea/misc.xml": "",
        },
        {"one/train.py": EDITS["train.py"]},
    )
    before = state(root)
    apply(root, replace(wanted, subdirectory="one"), quiet, renderer=small)
    names = git(root, "diff", "--name-only", "main", BRANCH).decode().splitlines()
    outside = [name for name in names if not name.startswith("one/")]
    assert outside == [".git-blame-ignore-revs", ".github/workflows/one-ci.yml"]
    assert git(root, "status", "--porcelain") == b""
    work = Git(root)
    assert not any(each.problems for each in verify(work, find(work)))
    assert b"/.idea/misc.xml\n" in (root / "one/.gitignore").read_bytes()
    commit_of = git(root, "rev-parse", "main")
    assert run("undo", root, "--yes").exit_code == 0
    assert git(root, "rev-parse", "HEAD") == commit_of
    assert state(root) == before


def test_in_place_moves_nothing(root: Path) -> None:
    done = apply(root, plan(root, {}, {}, 0), quiet, renderer=small)
    assert list(done.manifest.commits) == ["template"]
    assert {each.target for each in done.manifest.files} == FILES.keys()
    assert set(done.manifest.added) < RENDER.keys()
    assert not (root / "src").exists()


def test_names_of_git_are_left_to_a_later_adoption(root: Path) -> None:
    apply(root, plan(root), quiet, renderer=small)
    git(root, "switch", "--quiet", "main")
    (root / "later.txt").write_bytes(b"")
    commit(root, "later")
    with pytest.raises(TdspError, match="is there already"):
        apply(root, plan(root), quiet, renderer=small)
