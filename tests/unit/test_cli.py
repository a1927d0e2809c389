"""The command line: help, version, errors without a traceback, what --set understands."""

import sys

import pytest
import typer

from tdsp import __version__
from tdsp.cli import app, main


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run `tdsp ARGUMENTS` in this process; returns the exit code."""
    monkeypatch.setattr(sys, "argv", ["tdsp", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"tdsp {__version__}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_the_commands(
    flag: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, flag) == 0
    shown = capsys.readouterr().out
    assert [name for name in ("new", "onboard", "generate") if name not in shown] == []


@pytest.mark.parametrize("name", ["new", "onboard", "generate"])
def test_every_option_is_explained(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.help
    assert [option.name for option in command.params if not getattr(option, "help", "")] == []


def test_an_unknown_command_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "nwe") == 2
    assert "nwe" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["--data", "x.csv"], ["--target", "y"]])
def test_data_and_target_go_together(
    given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "new", "X", "--defaults", *given) == 1
    told = capsys.readouterr()
    assert told.err.startswith("error: --data and --target go together")
    assert told.out == ""


def test_a_setting_without_an_equals_sign_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "new", "X", "--defaults", "--set", "[red]MIT") == 1
    assert "QUESTION=ANSWER, not [red]MIT" in capsys.readouterr().err


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("tdsp.new.questions", fail)
    monkeypatch.setattr(sys, "argv", ["tdsp", "new", "X", "--defaults"])
    with pytest.raises(RuntimeError, match="a fault of ours"):
        main()
