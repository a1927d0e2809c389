"""The steps of the page, as runners run them: a finding fails the step, and the report is there."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal
from xml.etree import ElementTree

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from tests.conftest import ROOT, git

from tdsp.check.all import CHECKS

PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SOUND, BROKEN = "x = 1\n", next(iter(CHECKS["TR04"].bad.values()))
# Stand in for what fetches and starts tdsp: all up to its name is theirs.
START = f"""#!/bin/bash
while [ "$1" != tdsp ]; do shift; done
shift
PYTHONPATH={shlex.quote(str(ROOT / "src"))} exec {shlex.quote(sys.executable)} -m tdsp "$@"
"""
Text = Annotated[str, Field(min_length=1)]
Level = Literal["error", "warning", "note", "none"]


class Strict(BaseModel):
    """A part of SARIF 2.1.0: what it takes, and nothing that it does not know."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class Message(Strict):
    text: Text


class Configuration(Strict):
    level: Level


class Rule(Strict):
    id: Text
    name: Annotated[str, Field(pattern=r"^[A-Z]\w*$")]
    short_description: Message
    full_description: Message
    help: Message
    default_configuration: Configuration
    properties: dict[Literal["precision"], Literal["very-high", "high", "medium", "low"]]


class Sure(Strict):
    confidence: Annotated[float, Field(ge=0, le=1)] | None


class Driver(Strict):
    name: Text
    version: Text
    information_uri: Annotated[str, Field(pattern=r"^https://")]
    rules: list[Rule]


class Tool(Strict):
    driver: Driver


class Artifact(Strict):
    uri: Annotated[str, Field(pattern=r"^[^\s/\\:][^\s\\]*$")]
    uri_base_id: Literal["%SRCROOT%"]


class Region(Strict):
    start_line: Annotated[int, Field(ge=1)]


class Physical(Strict):
    artifact_location: Artifact
    region: Region


class Location(Strict):
    physical_location: Physical


class Finding(Strict):
    rule_id: Text
    rule_index: Annotated[int, Field(ge=0)]
    level: Level
    kind: Literal["notApplicable", "pass", "fail", "review", "open", "informational"]
    message: Message
    locations: Annotated[list[Location], Field(min_length=1)]
    partial_fingerprints: dict[str, Text]
    properties: Sure


class Notification(Strict):
    level: Level
    message: Message


class Invocation(Strict):
    execution_successful: bool
    tool_execution_notifications: list[Notification]


class Run(Strict):
    tool: Tool
    column_kind: Literal["utf16CodeUnits", "unicodeCodePoints"]
    invocations: list[Invocation]
    results: list[Finding]


class Sarif(Strict):
    schema_: Annotated[str, Field(alias="$schema", pattern=r"^https://.*sarif.*2\.1\.0")]
    version: Literal["2.1.0"]
    runs: Annotated[list[Run], Field(min_length=1)]


@pytest.fixture
def bin_(tmp_path: Path) -> Path:
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("uvx", "pipx"):
        (place / name).write_text(START, encoding="utf-8")
        (place / name).chmod(0o755)
    (place / "tdsp").write_text(
        START.replace('while [ "$1" != tdsp ]; do shift; done\nshift\n', "")
    )
    (place / "tdsp").chmod(0o755)
    return place


@pytest.fixture
def clean(tmp_path: Path, bin_: Path) -> dict[str, str]:
    """What a fresh machine of CI has: a home of its own, and no setting of ours."""
    home = tmp_path / "home"
    home.mkdir()
    return {"PATH": f"{bin_}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "CI": "true"}


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str], Path]:
    """Make what a runner has of a change: a commit on top of main, on no branch."""

    def made(text: str) -> Path:
        host = tmp_path / "host"
        host.mkdir()
        git(host, "init", "-q", "-b", "main")
        (host / "old.py").write_text(SOUND, encoding="utf-8")
        git(host, "add", "-A")
        git(host, "commit", "-qm", "x")
        git(host, "switch", "-qc", "change")
        (host / "new.py").write_text(text, encoding="utf-8")
        git(host, "add", "-A")
        git(host, "commit", "-qm", "y")
        git(host, "switch", "-q", "main")
        git(tmp_path, "clone", "-q", "-b", "main", "host", "checkout")
        git(tmp_path / "checkout", "checkout", "-q", "origin/change")
        return tmp_path / "checkout"

    return made


def block(start: str) -> Any:
    (found,) = [text for text in BLOCKS if text.startswith(start)]
    return yaml.safe_load(found)


def scripts(host: str) -> list[list[str]]:
    """Return the command lines that a runner starts for the step of the page."""
    if host == "github":
        lines = [each["run"] for each in block("- uses: actions") if "run" in each]
        return [["bash", "-e", "-c", line] for line in lines]
    if host == "gitlab":
        return [["sh", "-e", "-c", block("tdsp-check:")["tdsp-check"]["script"]]]
    lines = [each["script"] for each in block("- checkout") if "script" in each]
    return [["bash", "--noprofile", "--norc", "-c", line] for line in lines]


@pytest.mark.skipif(os.name != "posix", reason="the steps are for shells of POSIX")
@pytest.mark.parametrize("text", [SOUND, BROKEN], ids=["sound", "broken"])
@pytest.mark.parametrize("host", ["github", "gitlab", "azure"])
def test_a_finding_fails_the_step_and_the_report_is_there(
    host: str, text: str, checkout: Callable[[str], Path], clean: dict[str, str]
) -> None:
    (command,) = scripts(host)
    work = checkout(text)
    done = subprocess.run(command, cwd=work, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == (text == BROKEN), done.stderr
    if host == "github":
        name = block("- uses: actions")[-1]["with"]["sarif_file"]
        (run,) = Sarif.model_validate_json((work / name).read_bytes()).runs
        found = {each.locations[0].physical_location.artifact_location.uri for each in run.results
                 if each.level == "warning"}  # fmt: skip
        assert all(run.tool.driver.rules[e.rule_index].id == e.rule_id for e in run.results)
    else:
        told = block("tdsp-check:")["tdsp-check"]["artifacts"]["reports"]["junit"]
        name = told if host == "gitlab" else block("- checkout")[-1]["inputs"]["testResultsFiles"]
        places = ElementTree.parse(work / name).getroot().iter("failure")  # noqa: S314
        found = {line.split(":")[0] for each in places for line in (each.text or "").splitlines()}
    assert ("new.py" in found) is (text == BROKEN)


def test_sarif_is_judged_strictly() -> None:
    """What code hosts refuse, this schema refuses."""
    finding = {
        "ruleId": "A", "ruleIndex": 0, "level": "error", "kind": "fail", "message": {"text": "a"},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": "a.py", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1}}}],
        "partialFingerprints": {"a": "b"}, "properties": {"confidence": 0.9},
    }  # fmt: skip
    Finding.model_validate(finding)
    odd: list[dict[str, object]] = [
        {"level": "fatal"},
        {"kind": "failed"},
        {"locations": []},
        {"ruleindex": 1},
        {"properties": {"confidence": 2}},
    ]
    for wrong in odd:
        with pytest.raises(ValueError, match="validation error"):
            Finding.model_validate(finding | wrong)


@pytest.mark.skipif(os.name != "posix", reason="git's hooks are for shells of POSIX")
def test_the_hook_refuses_a_commit(
    checkout: Callable[[str], Path], clean: dict[str, str], tmp_path: Path
) -> None:
    (told,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    work = checkout(SOUND)
    hook = work / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\nexec {told['entry']}\n", encoding="utf-8")
    hook.chmod(0o755)
    words = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qm", "z"]

    def commit(text: str) -> int:
        (work / "third.py").write_text(text, encoding="utf-8")
        git(work, "add", "-A")
        done = subprocess.run(words, cwd=work, env=clean, capture_output=True, text=True)
        assert done.returncode == 0 or "third.py" in done.stdout + done.stderr
        return done.returncode

    assert commit(BROKEN) == 1
    assert commit(SOUND) == 0
