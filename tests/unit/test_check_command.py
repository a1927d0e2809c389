"""The command: exit codes, formats, ignores, maturity."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pydantic import ValidationError
from tests.delivery.tools import python_tool
from typer.testing import CliRunner

from tdsp.check.all import CHECKS
from tdsp.check.maturity import maturity
from tdsp.check.measured import confidence
from tdsp.check.reported import Report, schema
from tdsp.check.rule import FAILS, Mark
from tdsp.check.run import check_repository, fingerprint, severity
from tdsp.cli import app
from tdsp.reading import read_texts

runner = CliRunner()
LEAK = CHECKS["TR04"].bad["train.py"]
LICENCE = {"LICENSE": "MIT License\n", "CODEOWNERS": "* @team\n"}


def write(folder: Path, texts: dict[str, str]) -> Path:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    return write(tmp_path, {"train.py": LEAK, **LICENCE})


@pytest.mark.parametrize(
    ("texts", "level", "code"),
    [
        ({"train.py": LEAK}, "error", 0),
        ({"train.py": LEAK}, "warning", 1),
        ({"train.py": LEAK}, "never", 0),
        ({"a.py": "x = 1\n"}, "error", 0),
        ({"a.py": "x = 1\n"}, "warning", 0),
        ({"a.py": "x = 1\n"}, "note", 1),
    ],
)
def test_exit_codes(texts: dict[str, str], level: str, code: int, tmp_path: Path) -> None:
    result = runner.invoke(app, ["check", str(write(tmp_path, texts)), "--fail-on", level])
    assert result.exit_code == code, result.output
    unasked = runner.invoke(app, ["check", str(tmp_path)]).exit_code
    assert unasked == ("train.py" in texts), "from FAILS on, which is a warning"
    assert FAILS == "warning"


def test_the_page_names_the_place_and_what_to_do_first(leaking: Path) -> None:
    shown = runner.invoke(app, ["check", str(leaking)]).stdout
    assert "warning TR04  rule broken: Rows" in shown
    assert "train.py:6  SMOTE adds rows before they are split in line 7" in shown
    assert "  1. train.py:6  Resample the training part only" in shown
    assert "files read, none run" in shown


def test_json_says_everything(leaking: Path) -> None:
    data = json.loads(runner.invoke(app, ["check", str(leaking), "--format", "json"]).stdout)
    assert {each["id"] for each in data["results"]} == set(CHECKS)
    assert {each["outcome"] for each in data["results"]} <= {
        "fail",
        "pass",
        "unknown",
        "not applicable",
    }
    found = next(each for each in data["results"] if each["id"] == "TR04")
    assert found["places"][0]["path"] == "train.py"
    assert found["places"][0]["severity"] == "warning"
    assert 0.8 < found["places"][0]["confidence"] < 1
    assert data["findings"]["warning"] == 1
    assert data["maturity"]["microsoft"]["level"] == 0


def test_the_json_keeps_its_schema(leaking: Path) -> None:
    for options in ([], ["--select", "TR05"], ["--maturity"]):
        shown = runner.invoke(app, ["check", str(leaking), "--format", "json", *options]).stdout
        Report.model_validate_json(shown)
    data = json.loads(shown)
    for wrong in ({"results": [{"id": "TR05"}]}, {"files": "1"}, {"another": 1}):
        with pytest.raises(ValidationError):
            Report.model_validate_json(json.dumps(data | wrong))


def test_the_schema_is_written_down() -> None:
    """After a change: write what `reported.schema()` returns into the file."""
    path = Path(__file__).parents[2] / "docs/check.schema.json"
    assert path.read_text(encoding="utf-8") == schema() + "\n"


@pytest.mark.parametrize("break_it", [False, True])
def test_sarif_is_valid(break_it: bool, leaking: Path) -> None:
    """Ask models of the standard's schema, in which no other key is allowed."""
    python = python_tool("sarif", "pydantic-sarif==0.1.1") / "python"
    text = runner.invoke(app, ["check", str(leaking), "--format", "sarif"]).stdout
    text = text.replace('"kind": "fail"', '"kind": "failed"') if break_it else text
    code = (
        "import sys; from pydantic_sarif import model as m;"
        " m.StaticAnalysisResultsFormatSarifVersion210JsonSchema"
        ".model_validate_json(sys.stdin.read())"
    )
    done = subprocess.run(
        [python, "-c", code], input=text, text=True, capture_output=True, check=False,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (done.returncode != 0) is break_it, done.stderr[-2000:]
    assert ("runs.0.results.0.kind" in done.stderr) is break_it


def test_sarif_has_what_code_hosts_need(leaking: Path) -> None:
    data = json.loads(runner.invoke(app, ["check", str(leaking), "--format", "sarif"]).stdout)
    assert data["version"] == "2.1.0"
    run = data["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    result = next(each for each in run["results"] if each["ruleId"] == "TR04")
    assert rules[result["ruleIndex"]]["id"] == "TR04"
    assert result["level"] in {"error", "warning", "note"}
    assert rules[result["ruleIndex"]]["properties"]["precision"] in {"very-high", "high"}
    assert result["properties"]["confidence"] == confidence("TR04", "warning")
    assert result["kind"] == "fail"
    assert rules[result["ruleIndex"]]["defaultConfiguration"]["level"] == "warning"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "train.py"
    assert place["region"]["startLine"] == 6
    assert len(result["partialFingerprints"]["tdsp/v1"]) == 32


def test_a_fingerprint_stays_while_lines_move() -> None:
    def of(text: str) -> str:
        report = check_repository(read_texts({"train.py": text}), [CHECKS["TR04"]])
        return fingerprint(CHECKS["TR04"], report.results[0].marks[0])

    assert of(LEAK) == of("# a comment\n\n" + LEAK)
    assert of(LEAK) != of(LEAK.replace("= SMOTE", "= Z = SMOTE"))


def test_junit_counts_what_is_severe_enough(leaking: Path) -> None:
    page = runner.invoke(app, ["check", str(leaking), "--format", "junit"]).stdout
    top = ElementTree.fromstring(page)  # noqa: S314
    cases = {case.get("name", "")[:4]: case for case in top.iter("testcase")}
    assert set(cases) == set(CHECKS)
    assert cases["TR04"].find("failure") is not None
    assert cases["TR07"].find("skipped") is not None
    assert sum(int(suite.get("failures", "")) for suite in top) == 1


def test_select_takes_ids_letters_and_families(leaking: Path) -> None:
    def ids(*words: str) -> set[str]:
        shown = runner.invoke(
            app, ["check", str(leaking), "--format", "json", "--select", *words]
        ).stdout
        return {each["id"] for each in json.loads(shown)["results"]}

    assert ids("TR04,EV05") == {"TR04", "EV05"}
    assert ids("EV") == {each for each in CHECKS if each.startswith("EV")}
    assert ids("leakage") == {each.id for each in CHECKS.values() if each.family == "leakage"}
    result = runner.invoke(app, ["check", str(leaking), "--select", "XX99"])
    assert result.exit_code == 2
    assert "no check or family XX99" in result.stderr


def test_explain_shows_both_examples() -> None:
    shown = runner.invoke(app, ["check", "--explain", "TR04"]).stdout
    for text in (
        CHECKS["TR04"].why[:30],
        "Fails:",
        "Passes:",
        "fit_resample(X_train, y_train)",
        "Does not apply when",
    ):
        assert text in shown
    assert runner.invoke(app, ["check", "--list"]).stdout.count("\n") == len(CHECKS)


IGNORE = (
    '[[tool.tdsp.check.ignore]]\ncheck = "TR04"\npath = "{}"\nreason = "the lesson shows it"\n'
    'owner = "Ann"\n{}'
)


@pytest.mark.parametrize(
    ("path", "until", "code", "unused"),
    [
        ("train.py", "", 0, False),
        ("*.py", "until = 2999-01-01\n", 0, False),
        ("train.py", "until = 2020-01-01\n", 1, True),
        ("other/*", "", 1, True),
    ],
)
def test_an_ignore_has_files_a_reason_and_a_day(
    path: str, until: str, code: int, unused: bool, leaking: Path
) -> None:
    write(leaking, {"pyproject.toml": IGNORE.format(path, until)})
    result = runner.invoke(app, ["check", str(leaking), "--select", "TR04,TP04"])
    assert result.exit_code == code, result.output
    assert ("note    TP04" in result.stdout and "pyproject.toml:1" in result.stdout) is unused
    assert ("Ann decided it" in result.stdout) is unused
    assert ("1 finding ignored" in result.stdout) is (code == 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[tool.tdsp.check.ignore]]\ncheck = "TR04"\n', "reason"),
        ('[[tool.tdsp.check.ignore]]\ncheck = "TR04"\nreason = "no"\n', "reason in words"),
        ('[[tool.tdsp.check.ignore]]\ncheck = "TR99"\nreason = "it is so"\n', "no check TR99"),
        (
            '[[tool.tdsp.check.ignore]]\ncheck = "TR04"\nreason = "it is so"\nowner = 1\n',
            "the owner",
        ),
        ("[tool.tdsp.check]\nselect = 1\n", "knows one key"),
    ],
)
def test_a_wrong_ignore_is_refused(text: str, said: str, leaking: Path) -> None:
    write(leaking, {"pyproject.toml": text})
    result = runner.invoke(app, ["check", str(leaking)])
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_ignore_in_the_line_needs_a_reason(leaking: Path) -> None:
    line = "X, y = SMOTE().fit_resample(X, y)"
    write(leaking, {"train.py": LEAK.replace(line, line + "  # tdsp: ignore[TR04] only a picture")})
    assert runner.invoke(app, ["check", str(leaking), "--select", "TR04"]).exit_code == 0
    write(leaking, {"train.py": LEAK.replace(line, line + "  # tdsp: ignore[TR04]")})
    assert runner.invoke(app, ["check", str(leaking), "--select", "TR04"]).exit_code == 1


def test_a_check_that_breaks_is_unknown_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    def broken(_: object) -> list[object]:
        raise KeyError("x")

    odd = dataclasses.replace(CHECKS["TR04"], judge=broken)  # type: ignore[arg-type]
    report = check_repository(read_texts({"a.py": "x = 1\n"}), [odd, CHECKS["PR04"]])
    assert [each.outcome for each in report.results] == ["unknown", "fail"]
    assert report.results[0].reason == "the check itself failed: KeyError"


def whole(*names: str) -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {}
    for name in names:
        found |= CHECKS[name].good
    return found


def test_a_level_needs_every_check_below_it() -> None:
    empty = maturity(check_repository(read_texts({"README.md": "# A\n"})))
    assert empty.level == empty.google.level == empty.score == 0
    some = maturity(check_repository(read_texts(whole("TR15", "CI02"))))
    assert {area.name: area.level for area in some.areas}["Model release"] == 1
    creation = next(area for area in some.areas if area.name == "Model creation")
    assert creation.level == 1
    assert {each.check.id for each in creation.missing} >= {"TR01", "EV03"}


def test_what_was_not_judged_is_never_proven() -> None:
    found = maturity(check_repository(read_texts({"README.md": "# A\n"})))
    states = {step.name[:2]: step.state for steps in found.sections.values() for step in steps}
    assert states["O3"] == "not judged"
    assert states["D3"] == "ask people"
    assert "proven" not in states.values()


def test_the_page_of_maturity_shows_evidence_and_the_next_step(leaking: Path) -> None:
    shown = runner.invoke(app, ["check", str(leaking), "--maturity"]).stdout
    assert "level 0 of 4" in shown
    assert "People: not judged" in shown
    assert "To level 1" in shown
    assert "train.py:7" in shown
    assert (
        runner.invoke(app, ["check", str(leaking), "--maturity", "--format", "junit"]).exit_code
        == 2
    )


def test_help_says_what_is_run_and_how_it_ends() -> None:
    shown = " ".join(runner.invoke(app, ["check", "--help"], env={"COLUMNS": "200"}).stdout.split())
    for text in (
        "Nothing is run",
        "Exit code",
        "--fail-on",
        "tdsp: ignore[ID]",
        "[[tool.tdsp.check.ignore]]",
    ):
        assert text in shown


def test_a_fresh_folder_is_read_within_a_second(tmp_path: Path) -> None:
    import time

    write(tmp_path, {f"src/m{n}.py": LEAK for n in range(200)})
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    started = time.process_time()
    runner.invoke(app, ["check", str(tmp_path)])
    assert time.process_time() - started < 3


def test_what_is_severe_and_is_leakage_comes_first() -> None:
    texts = CHECKS["SC03"].bad | CHECKS["TR04"].bad | CHECKS["TR06"].bad | CHECKS["SC02"].bad
    report = check_repository(read_texts({**texts, "train.py": LEAK}))
    order = [(each.severity, each.check.family) for each in report.failed]
    assert order[:2] == [("warning", "leakage"), ("warning", "security")]
    assert [level for level, _ in order] == sorted((level for level, _ in order), key=_rank)


def _rank(level: str) -> int:
    return ["error", "warning", "note", "info"].index(level)


def test_with_a_baseline_only_new_findings_count(leaking: Path, tmp_path: Path) -> None:
    command = ["check", str(leaking), "--select", "leakage"]
    known = leaking / "known.json"
    known.write_text(runner.invoke(app, [*command, "--format", "json"]).stdout, encoding="utf-8")
    result = runner.invoke(app, [*command, "--baseline", str(known)])
    assert result.exit_code == 0, result.output
    assert "1 finding in the baseline" in result.stdout
    write(leaking, {"train.py": "# moved\n\n" + LEAK, "other.py": LEAK})
    result = runner.invoke(app, [*command, "--baseline", str(known)])
    assert result.exit_code == 1
    assert "other.py:6" in result.stdout
    assert "  train.py" not in result.stdout


@pytest.mark.parametrize("text", ["", "[]", '{"results": [{"places": 3}]}'])
def test_a_baseline_is_a_report(text: str, leaking: Path) -> None:
    write(leaking, {"known.json": text})
    result = runner.invoke(app, ["check", str(leaking), "--baseline", str(leaking / "known.json")])
    assert result.exit_code == 2
    assert "is not what" in result.stderr


def test_an_info_is_shown_only_when_asked_for(tmp_path: Path) -> None:
    """A finding of a check that is right too seldom costs nobody's time unasked."""
    check = next(c for c in CHECKS.values() if c.id == "TR02")
    assert check.severity == "info"
    write(tmp_path, {**check.bad, **LICENCE})

    def run(*words: str) -> tuple[int, str]:
        result = runner.invoke(app, ["check", str(tmp_path), *words])
        return result.exit_code, result.stdout

    title = f"rule broken: {check.title}"
    code, text = run("--fail-on", "note", "--verbose")
    assert code == 0 and title not in text and "info" not in text.split("Do not apply")[0]
    assert " of checks that are right less often, which --all shows" in text
    for words in (("--all",), ("--select", "TR02"), ("--fail-on", "info")):
        code, text = run(*words)
        assert (
            f"info    TR02  {title}" in text and " 0 notes, " in text and "less often" not in text
        )
        assert code == ("info" in words)
    for form, sign in (("sarif", '"ruleId": "TR02"'), ("html", 'id="TR02"')):
        assert sign not in run("--format", form)[1]
        assert sign in run("--format", form, "--all")[1]
    sarif = json.loads(run("--format", "sarif", "--all")[1])["runs"][0]["results"]
    assert {each["level"] for each in sarif if each["ruleId"] == "TR02"} == {"note"}
    found = json.loads(run("--format", "json")[1])
    assert found["findings"]["info"] >= 1
    known = tmp_path / "known.json"
    known.write_text(json.dumps(found), encoding="utf-8")
    assert run("--baseline", str(known), "--fail-on", "info")[0] == 0


def test_no_finding_is_more_severe_than_its_check() -> None:
    check, mark = CHECKS["TR02"], Mark("fail", "a.py", 1, "", "", "error")
    assert severity(check, mark) == "info"
    assert severity(CHECKS["TR04"], replace(mark, severity="note")) == "note"
    assert severity(CHECKS["TR04"], replace(mark, severity="")) == "warning"


def test_a_merge_left_half_done_comes_first(tmp_path: Path) -> None:
    """A file with its marks does not run, and most checks cannot read it."""
    half = "<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n"
    write(tmp_path, {"train.py": LEAK, "score.py": half, **LICENCE})
    text = runner.invoke(app, ["check", str(tmp_path)]).stdout
    assert text.split("Do first")[1].split("2.")[0].strip().startswith("1. score.py:1")
