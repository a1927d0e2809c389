"""What the command line is given on purpose or by mistake: an answer or one sentence."""

import inspect
import sys
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import pytest
import typer

import tdsp.new
from tdsp.cli import app, main, new_command
from tdsp.errors import OnboardError
from tdsp.onboard.cli import command
from tdsp.onboard.readers import MOST_COLUMNS, read

DEEP = "[" * 5000
Told = tuple[object, str]


@pytest.fixture
def tdsp_(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    plain: Path,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Told]:
    """Run `tdsp ARGUMENTS` in an empty folder; returns the exit code and what went to stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tdsp.new, "bundled_template", lambda: plain)
    monkeypatch.setenv("COLUMNS", "500")

    def run(*arguments: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["tdsp", *map(str, arguments)])
        try:
            main()
        except SystemExit as stopped:
            return stopped.code or 0, " ".join(capsys.readouterr().err.split())
        return 0, " ".join(capsys.readouterr().err.split())

    return run


def table(path: Path, rows: int = 120) -> Path:
    """A small table with every kind of column."""
    index, days = range(rows), pd.date_range("2024-01-01", periods=rows).astype("str")
    frame = pd.DataFrame({
        "who": [f"k{i}" for i in index], "on": days,
        "shop": [f"s{i % 7}" for i in index], "sex": ["f" if i % 2 else "m" for i in index],
        "x": [i * 37 % 101 for i in index], "z": [i * 13 % 17 for i in index],
        "y": ["yes" if i * 37 % 101 > 50 else "no" for i in index],
    })  # fmt: skip
    frame.to_csv(path, index=False)
    return path


# --- YAML that somebody else wrote -------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "text", "reason"),
    [
        ("--answers", DEEP, "nested too deeply"),
        ("--answers", "license: " + DEEP, "nested too deeply"),
        ("--answers", "license: 2026-13-45", "not valid YAML"),
        ("--org", DEEP, "nested too deeply"),
        ("--org", "locked: [[a]]", "`locked` must be a list of questions"),
        ("--org", "locked: [{a: b}]", "`locked` must be a list of questions"),
        ("--org", "locked: [1]", "`locked` must be a list of questions"),
        ("--org", "template: 5", "`template` must be a text, not 5"),
        ("--org", "template: [a]", "`template` must be a text"),
        ("--org", "ref: 1.0", "`ref` must be a text, not 1.0"),
        ("--org", "answers: {1: MIT}", "no such question: 1"),
        ("--org", "answers: {[a]: MIT}", "not valid YAML"),
    ],
)
def test_a_file_of_answers_gets_a_sentence(
    option: str, text: str, reason: str, tdsp_: Callable[..., Told], tmp_path: Path
) -> None:
    (tmp_path / "given.yml").write_text(text, encoding="utf-8")
    code, said = tdsp_("new", "X", "--defaults", option, "given.yml")
    assert (code, reason in said) == (1, True), said
    assert "pydantic" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["given.yml"]


@pytest.mark.parametrize("name", ["params.yaml", ".copier-answers.yml"])
def test_a_project_with_a_nested_file_gets_a_sentence(
    name: str, tdsp_: Callable[..., Told], tmp_path: Path
) -> None:
    for mark in ("params.yaml", "schema.yaml", ".copier-answers.yml"):
        (tmp_path / mark).write_text("problem_type: classification\n", encoding="utf-8")
    (tmp_path / name).write_text(DEEP, encoding="utf-8")
    code, said = tdsp_("onboard", table(tmp_path / "t.csv"), "--target", "y")
    assert code == 1
    assert said


# --- The table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", ["http://127.0.0.1:9/t.csv", "https://x.example/t", "s3://b/t.csv"]
)
def test_an_address_is_not_read(data: str, tdsp_: Callable[..., Told], tmp_path: Path) -> None:
    code, said = tdsp_("new", "X", "--defaults", "--data", data, "--target", "y")
    assert (code, "address" in said, "not read" in said) == (1, True, True), said


def test_an_empty_target_is_refused(tdsp_: Callable[..., Told], tmp_path: Path) -> None:
    table(tmp_path / "t.csv")
    code, said = tdsp_("new", "X", "--defaults", "--data", "t.csv", "--target", "")
    assert (code, "--data and --target go together" in said) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    assert tdsp_("onboard", "t.csv", "--target", "")[0] == 1


def test_nested_json_lines_get_a_sentence(tdsp_: Callable[..., Told], tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"x": ' + "[" * 100_000 + "\n", encoding="utf-8")
    code, said = tdsp_("new", "X", "--defaults", "--data", "t.jsonl", "--target", "y")
    assert (code, "line 1" in said) == (1, True), said


@pytest.mark.parametrize(("columns", "refused"), [(MOST_COLUMNS + 1, True), (300, False)])
def test_a_table_is_as_wide_as_stated(columns: int, refused: bool, tmp_path: Path) -> None:
    lines = [",".join(f"c{i}" for i in range(columns)), *[",".join(["1"] * columns)] * 3]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(OnboardError, match="4,000") if refused else nullcontext():
        read(tmp_path / "t.csv")


SHEET = "xl/worksheets/sheet1.xml"
CELL = "<c><v>1</v></c>"


def workbook(path: Path, rows: str, times: int = 1) -> Path:
    """An Excel file whose only sheet has these rows, so many times."""
    pd.DataFrame({"x": [1]}).to_excel(path, index=False)
    with zipfile.ZipFile(path) as made:
        members = {name: made.read(name) for name in made.namelist()}
    head, _, rest = members[SHEET].partition(b"<sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in (members | {SHEET: b""}).items():
            if name != SHEET:
                book.writestr(name, content)
        with book.open(SHEET, "w") as file:
            file.write(head + b"<sheetData>")
            for _ in range(times):
                file.write(rows.encode())
            file.write(b"</sheetData>" + rest.partition(b"</sheetData>")[2])
    return path


@pytest.mark.parametrize(
    ("rows", "times", "reason"),
    [
        ('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="AA9"/></row>', 1, "27 col"),
        ('<row><c r="XFD1"><v>1</v></c></row>', 400, "16,384 columns"),
        (f"<row>{CELL * 1000}</row>", 5100, "1,000 columns"),
        ("<row/>" * 10_000, 510, "rows x 0 columns"),
        (" " * 1_000_000, 501, "unpacks to 501 MB"),
    ],
)
def test_an_excel_bomb_is_refused_before_it_is_read(
    rows: str, times: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook(tmp_path / "b.xlsx", rows, times)
    monkeypatch.setattr(pd, "ExcelFile", None)
    monkeypatch.setattr(pd, "read_excel", None)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(OnboardError, match=reason):
        read(path)


def test_an_ordinary_workbook_is_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", "<row><c><v>1</v></c><c><v>2</v></c></row>", 100)
    assert read(path)[0].shape == (99, 2)


# --- The options of both commands --------------------------------------------------------------


def test_new_takes_every_option_of_onboard() -> None:
    """And with the same type, default and help: one list stands behind both."""
    new, onboard = (inspect.signature(each).parameters for each in (new_command, command))
    assert set(onboard) - set(new) == {"file", "project"}  # new has --data and --into
    assert {
        "id",
        "time",
        "group",
        "sensitive",
        "drop",
        "keep",
        "sheet",
        "encoding",
        "missing",
    } <= set(new)
    described = set(onboard) - {"file", "project", "target", "dry_run"}
    assert [name for name in described if new[name] != onboard[name]] == []
    shown = typer.main.get_command(app).commands["new"].params  # type: ignore[attr-defined]
    assert described <= {option.name for option in shown}


def test_roles_given_to_new_arrive(tdsp_: Callable[..., Told], tmp_path: Path) -> None:
    said = ("--id", "who", "--time", "on", "--group", "shop", "--sensitive", "sex", "--drop", "z")
    more = ("--data", table(tmp_path / "t.csv"), "--target", "y", "--missing", "sex=m", "--no-git")
    assert tdsp_("new", "X", "--defaults", *more, *said) == (0, "")
    assert "example data" not in (tmp_path / "x-project/README.md").read_text(encoding="utf-8")
    params = (tmp_path / "x-project/params.yaml").read_text(encoding="utf-8")
    lines = ("id: [who]", "time: on", "group: shop", "sensitive: [sex]", "drop: [z]")
    assert [line for line in lines if f"  {line}" not in params] == []


def test_a_problem_that_contradicts_the_answers_is_refused(
    tdsp_: Callable[..., Told], tmp_path: Path
) -> None:
    given = ("--data", table(tmp_path / "t.csv"), "--target", "y", "--problem", "classification")
    code, said = tdsp_("new", "X", "--defaults", *given, "--set", "problem_type=regression")
    assert (code, "contradicts problem_type=regression" in said) == (1, True)
