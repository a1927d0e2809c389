"""A project's tools/audit.py: it reports what is vulnerable, and fails when it cannot know."""

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.expiry_tool import audit

WEAK = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"]}


def answer(monkeypatch: pytest.MonkeyPatch, stdout: str, stderr: str = "") -> list[list[str]]:
    """Have pip-audit say this; return the commands that are run."""
    ran: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 1, stdout, stderr)

    monkeypatch.setattr(subprocess, "run", run)
    return ran


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a project whose manifest accepts one advisory, and no longer another."""
    line = '  - {pin: "%s", review: %s, source: "s", do: "d"}\n'
    text = "pins:\n" + line % ("GHSA-2", "9999-01-01") + line % ("CVE-3", "2000-01-01")
    (tmp_path / "expiry.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def test_a_vulnerability_is_reported_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [{"name": "a", "version": "2", "vulns": [WEAK]}, {"name": "b", "vulns": []}]
    ran = answer(monkeypatch, json.dumps({"dependencies": found, "fixes": []}))
    assert audit.main() == 1
    said = capsys.readouterr().out
    assert "a 2: PYSEC-1, CVE-1; fixed in 2.1\n2 locked packages, 1 known vulnerabilities" in said
    assert [word for word in ran[0] if "ignore" in word] == ["--ignore-vuln=GHSA-2"]


def test_without_a_vulnerability_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, '{"dependencies": [{"name": "a", "version": "2", "vulns": []}]}')
    assert audit.main() == 0


@pytest.mark.parametrize(
    ("stdout", "stderr", "named"),
    [
        ("", "Traceback\nConnectionError: no route", "ConnectionError: no route"),
        ("", "", "printed nothing"),
        ('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', "", "1 packages (a)"),
    ],
)
def test_what_cannot_be_told_fails_and_names_a_way(
    stdout: str, stderr: str, named: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    answer(monkeypatch, stdout, stderr)
    assert audit.main() == 1
    said = capsys.readouterr().err
    assert named in said
    assert "PIP_AUDIT_OSV_URL" in said


def test_without_pip_audit_its_group_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, "", "/usr/bin/python: No module named pip_audit")
    assert audit.main() == 1
    assert "uv run --group audit poe audit" in capsys.readouterr().err


def test_only_advisories_are_accepted_and_until_their_day() -> None:
    day = date(2027, 1, 31)
    names = ["GHSA-1", "CVE-2", "python 3.12"]
    pins = [audit.Pin(pin=name, source="s", do="d", review=day) for name in names]
    assert audit.accepted(pins, day) == ["GHSA-1", "CVE-2"]
    assert audit.accepted(pins, date(2027, 2, 1)) == []
