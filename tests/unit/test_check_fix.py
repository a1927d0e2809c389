"""--fix: the patch applies, its check passes then, and nothing that could break is touched."""

import subprocess
from pathlib import Path

import pytest
from tests.conftest import git
from typer.testing import CliRunner

from tdsp.check.fixes import REMEDIES, patch
from tdsp.check.rule import CHECKS, SEVERITIES
from tdsp.check.run import check_folder, check_repository
from tdsp.cli import app
from tdsp.reading import read_texts

runner = CliRunner()
FLOW = ".github/workflows/ci.yml"
HEAD = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
SPLIT = "from sklearn.model_selection import train_test_split\n"
EXTRA = {
    "SC05": {FLOW: HEAD + "      - run: pytest\n"},
    "CI05": {},
}
CI05 = {FLOW: HEAD + "      - uses: actions/checkout@v4\n      - run: pytest\n"}


def texts(name: str) -> dict[str, str]:
    return CI05 if name == "CI05" else CHECKS[name].bad | EXTRA.get(name, {})


def patched(folder: Path, given: dict[str, str]) -> str:
    """Write files, apply what --fix prints, and return the patch."""
    for path, text in given.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    result = runner.invoke(app, ["check", str(folder), "--fix"])
    assert result.exit_code == 0, result.output
    assert git(folder, "status", "--short") == "", "--fix writes nothing"
    for words in (["--check", "-"], ["-"]) if result.stdout_bytes else ():
        command = ["git", "apply", *words]
        subprocess.run(command, cwd=folder, input=result.stdout_bytes, check=True)
    return result.stdout


@pytest.mark.parametrize("name", REMEDIES)
def test_the_patched_repository_passes(name: str, tmp_path: Path) -> None:
    before = check_repository(read_texts(texts(name)))
    assert {e.outcome for e in before.results if e.check.id == name} == {"fail"}
    assert patched(tmp_path, texts(name))
    after = check_folder(tmp_path)
    assert {e.outcome for e in after.results if e.check.id == name} == {"pass"}
    assert after.about.problems == before.about.problems
    failing = {e.check.id for e in before.failed}
    assert {e.check.id for e in after.failed} <= failing - {name}, "nothing new is found"
    again = runner.invoke(app, ["check", str(tmp_path), "--fix"])
    assert "no patch" in again.stderr or name not in again.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("train_test_split(a, b)", "train_test_split(a, b, random_state=0)"),
        ("train_test_split(a, b,)", "train_test_split(a, b, random_state=0,)"),
        ("train_test_split(a, 'ä', b)", "train_test_split(a, 'ä', b, random_state=0)"),
        (
            "train_test_split(a, b, random_state=None)",
            "train_test_split(a, b, random_state=0)",
        ),
        (
            "train_test_split(\n    a,\n    b,  # all, of (them\n)",
            "train_test_split(\n    a,\n    b, random_state=0,  # all, of (them\n)",
        ),
        ("train_test_split(a, (b))", None),
        ("train_test_split(*a)", None),
        ("train_test_split(a, **b)", None),
        ("train_test_split(a, random_state=seed)", None),
        ("train_test_split(a); train_test_split(b)", None),
    ],
)
def test_a_seed_is_put_where_it_belongs(before: str, after: str | None, tmp_path: Path) -> None:
    given = f"{SPLIT}x = {before}\n"
    patched(tmp_path, {"a.py": given})
    text = (tmp_path / "a.py").read_text(encoding="utf-8")
    if after is None:
        expected = {given, given.replace("(a);", "(a, random_state=0);")}
        assert text in expected | {given.replace("split(b)", "split(b, random_state=0)")}
    else:
        assert text == f"{SPLIT}x = {after}\n"


@pytest.mark.parametrize(
    "steps",
    [
        "      - uses: someone/release@v1\n",
        "      - run: gh release create\n",
        "      - run: git push\n",
        "      - run: curl -H ${{ github.token }} x\n",
        "      - run: ./publish.sh\n",
        "      - run: pytest\n        env: {A: '${{ secrets.A }}'}\n",
    ],
)
def test_rights_are_not_taken_from_what_may_need_them(steps: str, tmp_path: Path) -> None:
    patched(tmp_path, {FLOW: HEAD + steps})
    assert (tmp_path / FLOW).read_text(encoding="utf-8") == HEAD + steps


def test_yaml_with_objects_keeps_its_loader(tmp_path: Path) -> None:
    given = CHECKS["SC07"].bad | {"a.yaml": "a: !!python/name:os.path\n"}
    assert patched(tmp_path, given) == ""


def test_other_bytes_line_ends_and_ends_of_files_stay(tmp_path: Path) -> None:
    line = "x = train_test_split(a, b)"
    given = {
        "crlf.py": f"{SPLIT}{line}\n".replace("\n", "\r\n"),
        "end.py": f"{SPLIT}{line}",
        "bom.py": f"\ufeff{SPLIT}{line}\n",
        "odd\tname.py": f"{SPLIT}{line}\n",
    }
    made = patched(tmp_path, given)
    fixed = line.replace("b)", "b, random_state=0)")
    assert (tmp_path / "crlf.py").read_bytes().endswith(f"\r\n{fixed}\r\n".encode())
    assert (tmp_path / "end.py").read_text(encoding="utf-8") == f"{SPLIT}{fixed}"
    assert "bom.py" not in made
    assert "odd" not in made


def test_two_findings_of_one_file_and_what_is_left(tmp_path: Path) -> None:
    line = "x = train_test_split(a, b)\n"
    report = check_repository(read_texts({"a.py": SPLIT + line + line, FLOW: HEAD}))
    made = patch(report)
    assert made.fixed["TR01"] == 2
    assert made.text.count("+x = train_test_split(a, b, random_state=0)") == 2
    assert made.left == sum(report.findings(e) for e in SEVERITIES) - sum(made.fixed.values())


def test_a_patch_has_no_format(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    result = runner.invoke(app, ["check", str(tmp_path), "--fix", "--format", "json"])
    assert result.exit_code == 2
    assert "--fix prints a patch" in result.stderr
