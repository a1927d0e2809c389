"""`tdsp new`: a project or a reason, never half of one."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import yaml

import tdsp.new
from tdsp import INSTALL, __version__
from tdsp.cli import main
from tdsp.generate import messy

ANSWERS = ".copier-answers.yml"


class Told(NamedTuple):
    """What a command printed, in one line each, and its exit code."""

    code: object
    out: str
    err: str


Command = Callable[..., Told]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: Path) -> Path:
    """An empty folder to work in; the template is the one that a package would carry."""
    (tmp_path / "place").mkdir()
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setattr(tdsp.new, "bundled_template", lambda: plain)
    return tmp_path / "place"


@pytest.fixture
def new(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run `tdsp new ARGUMENTS --defaults` in this process."""

    def run(*arguments: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["tdsp", "new", *map(str, arguments), "--defaults"])
        monkeypatch.setenv("COLUMNS", "500")
        code: object = 0
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
        told = capsys.readouterr()
        return Told(code, " ".join(told.out.split()), " ".join(told.err.split()))

    return run


def answers(project: Path) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((project / ANSWERS).read_text(encoding="utf-8"))
    return found


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def left(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


# --- What is made ----------------------------------------------------------------------------


def test_a_project_is_made_committed_and_explained(new: Command, place: Path) -> None:
    told = new("Churn model")
    project = place / "churn-model"
    assert (told.code, told.err, left(place)) == (0, "", ["churn-model"])
    assert f"Made {project.name}: " in told.out
    assert f"Next cd churn-model {INSTALL} uv run poe pipeline" in told.out
    assert answers(project)["_commit"] == f"v{__version__}"
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "log", "--format=%s") == f"Start from tdsp {__version__}\n"


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("顧客", "ml-project"),
        ("проект-é", "e-project"),
        ("🚀 [red]Bob's", "red-bobs"),
        ("class", "class"),
    ],
)
def test_a_name_in_any_script(name: str, folder: str, new: Command, place: Path) -> None:
    told = new(name, "--no-git")
    assert (told.code, left(place)) == (0, [folder])
    assert name in told.out
    assert answers(place / folder)["project_name"] == name


def test_it_goes_where_it_is_told(new: Command, place: Path) -> None:
    (place / "deep").mkdir()
    told = new("Churn", "--into", "deep", "--no-git")
    assert "cd deep/churn" in told.out
    assert left(place / "deep") == ["churn"]


def test_an_empty_folder_is_taken(new: Command, place: Path) -> None:
    (place / "churn").mkdir()
    assert new("Churn").code == 0
    assert (place / "churn" / ANSWERS).is_file()


def test_a_dry_run_writes_nothing(new: Command, place: Path) -> None:
    told = new("Churn", "--dry-run")
    assert (told.code, left(place)) == (0, [])
    assert "Would make churn: " in told.out
    assert "Next" not in told.out


# --- Git -------------------------------------------------------------------------------------


def test_without_git_it_is_the_first_thing_to_do(
    new: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(place / "nowhere"))
    told = new("Churn")
    assert (told.code, told.err) == (0, "")
    assert f"cd churn git init {INSTALL}" in told.out
    assert not (place / "churn/.git").exists()


def test_git_can_be_declined(new: Command, place: Path) -> None:
    told = new("Churn", "--no-git")
    assert "git init" in told.out
    assert not (place / "churn/.git").exists()


def test_inside_a_repository_no_second_one_is_made(new: Command, place: Path) -> None:
    git(place, "init", "-q")
    told = new("Churn")
    assert told.code == 0
    assert "git init" not in told.out
    assert "inside another git repository" in told.out
    assert not (place / "churn/.git").exists()
    assert git(place, "status", "--porcelain") == "?? churn/\n"


def test_only_inside_a_repository_is_it_said(new: Command, place: Path) -> None:
    assert "inside another git repository" not in new("Churn").out
    git(place, "init", "-q")
    assert "inside another git repository" in new("Sales", "--no-git").out


# --- Answers ---------------------------------------------------------------------------------


def test_answers_come_from_a_file_and_the_command_wins(new: Command, place: Path) -> None:
    given = write(place / "answers.yml", "license: Apache-2.0\nci: gitlab\nresponsible_ai: true\n")
    chosen = ("--set", "ci=none", "--set", "responsible_ai=no")
    assert new("Churn", "--no-git", "--answers", given, *chosen).code == 0
    kept = answers(place / "churn")
    assert (kept["license"], kept["ci"], kept["responsible_ai"]) == ("Apache-2.0", "none", False)


def test_an_organisation_presets_and_locks(new: Command, place: Path) -> None:
    org = write(
        place / "factory.yml", "answers: {license: Proprietary, ci: gitlab}\nlocked: [license]\n"
    )
    assert new("One", "--no-git", "--org", org).code == 0
    assert new("Two", "--no-git", "--org", org, "--set", "ci=none").code == 0
    found = [answers(place / folder) for folder in ("one", "two")]
    assert [(kept["license"], kept["ci"]) for kept in found] == [
        ("Proprietary", "gitlab"),
        ("Proprietary", "none"),
    ]
    told = new("Three", "--org", org, "--set", "license=MIT")
    assert told.code == 1
    assert "license is locked to 'Proprietary'" in told.err
    assert left(place) == ["factory.yml", "one", "two"]


# --- Refusals: nothing is left behind --------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["{{ 7*7 }}"], "project_name"),
        (["a/b"], "project_name"),
        ([""], "project_name"),
        (["X", "--set", "license=WTFPL"], "license"),
        (["X", "--set", "package_name=class"], "package_name"),
        (["X", "--set", "project_slug=../evil"], "project_slug"),
        (["X", "--set", "author_email=nobody"], "author_email"),
        (["X", "--set", "responsible_ai=perhaps"], "responsible_ai"),
        (["X", "--set", "licence=MIT"], "no such question: licence"),
        (["X", "--set", "_subdirectory=/"], "no such question: _subdirectory"),
        (["X", "--set", "windows_names=x"], "no such question: windows_names"),
        (["X", "--into", "nowhere"], "nowhere is not a folder"),
        (["X", "--answers", "nothing.yml"], "nothing.yml cannot be read"),
        (["X", "--org", "nothing.yml"], "nothing.yml cannot be read"),
        (["X", "--data", "nothing.csv", "--target", "y"], "nothing.csv"),
    ],
)
def test_a_refusal_names_the_reason(
    arguments: list[str], reason: str, new: Command, place: Path
) -> None:
    told = new(*arguments)
    assert told.code == 1
    assert reason in told.err
    assert "Traceback" not in told.err
    assert left(place.parent) == ["place"]
    assert left(place) == []


@pytest.mark.parametrize("content", ["answers: {nobody: asked}", "answers: {computed: x}\nnew: 1"])
def test_unknown_questions_in_files_are_refused(content: str, new: Command, place: Path) -> None:
    path = write(place / "given.yml", content)
    assert new("X", "--answers", path).code == 1
    assert new("X", "--org", path).code == 1
    assert left(place) == ["given.yml"]


@pytest.mark.parametrize("name", ["churn", "churn/README.md"])
def test_what_is_there_stays(name: str, new: Command, place: Path) -> None:
    """A file of that name, or a folder that is not empty."""
    mine = place / name
    mine.parent.mkdir(exist_ok=True)
    write(mine, "mine")
    told = new("Churn")
    assert told.code == 1
    assert "churn exists" in told.err
    assert (mine.read_text(encoding="utf-8"), left(place)) == ("mine", ["churn"])


def table(place: Path, rows: int = 300) -> Path:
    messy(rows).to_csv(place / "table.csv", index=False)
    return place / "table.csv"


@pytest.mark.parametrize(("rows", "target"), [(300, "nobody"), (20, "churned")])
def test_a_table_that_is_refused_leaves_no_project(
    rows: int, target: str, new: Command, place: Path
) -> None:
    told = new("Churn", "--data", table(place, rows), "--target", target)
    assert told.code == 1
    assert "Traceback" not in told.err
    assert left(place) == ["table.csv"]


def stop_onboarding(monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr("tdsp.onboard.flow.onboard", stop)


def test_control_c_while_onboarding_leaves_no_project(
    new: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_onboarding(monkeypatch, KeyboardInterrupt)
    told = new("Churn", "--data", table(place), "--target", "churned")
    assert (told.code, left(place)) == (130, ["table.csv"])


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_a_fault_while_onboarding_leaves_no_project(
    error: type[Exception], new: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_onboarding(monkeypatch, error)
    with pytest.raises(error):
        new("Churn", "--data", table(place), "--target", "churned")
    assert left(place) == ["table.csv"]


def test_a_table_becomes_the_data_and_says_so(new: Command, place: Path) -> None:
    told = new("Churn", "--data", table(place), "--target", "churned")
    assert told.code == 0
    assert "Target churned: classification" in told.out
    assert yaml.safe_load((place / "churn/params.yaml").read_text("utf-8"))["data"]["target"] == (
        "churned"
    )
    assert git(place / "churn", "status", "--porcelain") == ""


def test_a_table_of_series_becomes_a_forecasting_project(new: Command, place: Path) -> None:
    days = pd.date_range("2024-01-01", periods=100)
    frame = pd.DataFrame({"day": days, "sold": range(100)})
    pd.concat([frame.assign(shop=shop) for shop in "ab"]).to_csv(place / "s.csv", index=False)
    said = ("--data", "s.csv", "--target", "sold", "--time", "day", "--series", "shop")
    assert new("Sales", *said, "--horizon", 14).code == 0
    assert answers(place / "sales")["problem_type"] == "forecasting"
    assert answers(place / "sales")["serving"] == "files"
    params = yaml.safe_load((place / "sales/params.yaml").read_text("utf-8"))
    assert params["data"]["series"] == ["shop"]
    assert params["data"]["horizon"] == 14


def test_roles_without_a_table_are_refused(new: Command, place: Path) -> None:
    told = new("Sales", "--time", "day")
    assert told.code == 1
    assert "describe --data" in told.err
    assert left(place) == []


def test_the_questions_are_those_of_copier_yml(plain: Path) -> None:
    asked = tdsp.new.questions(plain)
    assert {"project_name", "license", "iac"} <= asked
    assert not {name for name in asked if name.startswith("_") or name.endswith("_quoted")}


# --- What a killed run has left ----------------------------------------------------------------


def building(place: Path, name: str, owner: str) -> Path:
    folder = place / f".tdsp-{name}"
    (folder / "project").mkdir(parents=True)
    (folder / tdsp.new.OWNER).write_text(owner, encoding="utf-8")
    return folder


@pytest.mark.skipif(os.name == "nt", reason="there, nobody can ask for a process")
def test_what_a_killed_run_left_is_told_and_removed(new: Command, place: Path) -> None:
    """And nothing else: not of a process that runs, of another machine, or of unknown origin."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    host = socket.gethostname()
    gone = building(place, "gone", f"{host} {ended.pid}")
    kept = [
        building(place, "runs", f"{host} {os.getpid()}"),
        building(place, "elsewhere", f"not-{host} {ended.pid}"),
        building(place, "unknown", ""),
    ]
    assert new("Churn model", "--dry-run").code == 0
    assert gone.exists()
    told = new("Churn model")
    assert told.code == 0
    assert f"Removed {gone.name}, which a killed run had left" in told.out
    assert left(place) == sorted(["churn-model", *(folder.name for folder in kept)])
