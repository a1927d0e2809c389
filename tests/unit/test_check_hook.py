"""The hook and the steps that the page tells people to copy: they are valid, and they run."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import ROOT, git
from typer.testing import CliRunner

from tdsp.check.all import CHECKS
from tdsp.cli import app
from tdsp.reading import read_texts

runner = CliRunner()
BROKEN = next(iter(CHECKS["TR04"].bad.values()))
PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = sorted(
    {
        line.partition("tdsp check")[2].split("#")[0].split("|")[0].split(">")[0].strip()
        for _, block in BLOCKS
        for line in block.splitlines()
        if "tdsp check" in line
    }
)
# What pre-commit asks of a manifest, and the languages and stages that it knows.
KEYS = {"id", "name", "description", "entry", "language", "pass_filenames", "always_run",
        "minimum_pre_commit_version", "stages"}  # fmt: skip


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "old.py").write_text(BROKEN, encoding="utf-8")
    return tmp_path


def hook() -> dict[str, Any]:
    (found,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    return dict(found)


def test_the_hook_is_one_that_pre_commit_takes() -> None:
    found = hook()
    assert {"id", "name", "entry", "language"} <= set(found) <= KEYS
    assert found["id"] == "tdsp-check"
    assert found["language"] == "python"
    assert set(found["stages"]) <= {"pre-commit", "pre-push", "manual"}
    assert f"`{found['entry']}`" in PAGE
    assert "{id: tdsp-check}" in PAGE


def test_the_hook_stops_what_is_new_and_only_that(work: Path) -> None:
    name, *words = shlex.split(hook()["entry"])
    assert name == "tdsp"
    assert runner.invoke(app, words).exit_code == 1, "before the first commit all is new"
    git(work, "add", "-A")
    git(work, "commit", "-qm", "x")
    assert runner.invoke(app, words).exit_code == 0
    (work / "new.py").write_text(BROKEN, encoding="utf-8")
    result = runner.invoke(app, words)
    assert result.exit_code == 1
    assert "new.py" in result.stdout
    assert "old.py" not in result.stdout


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_of_the_page_runs(words: str, work: Path) -> None:
    git(work, "add", "-A")
    git(work, "commit", "-qm", "x")
    git(work, "tag", "v1.2.0")
    git(work, "clone", "-q", "--bare", ".", "project.git")
    shown = runner.invoke(app, ["check", "--format", "json", "--no-cache"])
    (work / ".tdsp-baseline.json").write_bytes(shown.stdout_bytes)
    given = [{"PATH": ".", "ID": "TR04"}.get(word, word) for word in shlex.split(words)]
    result = runner.invoke(app, ["check", *given])
    assert result.exit_code in (0, 1), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("path", "host", "before"),
    [
        (".github/workflows/a.yml", "github", "on: push\njobs:\n  a:\n    steps:\n"),
        (".gitlab-ci.yml", "gitlab", ""),
        ("azure-pipelines.yml", "azure", "trigger: [main]\nsteps:\n"),
    ],
)
def test_each_step_of_the_page_is_read_as_one(path: str, host: str, before: str) -> None:
    first = {"github": "- uses: actions", "gitlab": "tdsp-check:", "azure": "- checkout"}[host]
    (block,) = [text for kind, text in BLOCKS if kind == "yaml" and text.startswith(first)]
    indent = "      " if host == "github" else ""
    text = before + "".join(f"{indent}{line}\n" for line in block.splitlines())
    (found,) = read_texts({path: text}).workflows
    assert found.host == host
    assert any("tdsp check" in step.run for step in found.steps)
