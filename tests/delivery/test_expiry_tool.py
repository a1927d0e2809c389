"""A project's tools/expiry.py: it finds the pins, warns before one reaches its end, and says which line is missing."""
# ruff: noqa: E501  the table of pins reads best with one a line

from pathlib import Path

import pytest
from tests.delivery.expiry_tool import tool as expiry

LINE = '  - {pin: "%s", %s, source: "s", do: "renew"}\n'
SHA = "0123456789abcdef" * 2 + "01234567"


def project(root: Path, *lines: str, **files: str) -> Path:
    """Write a manifest of these lines, and files of these contents."""
    manifest = "pins:\n" + "".join(lines) if lines else "pins: []\n"
    (root / "expiry.yaml").write_text(manifest, encoding="utf-8")
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("today", "code", "told"),
    [
        ("2027-01-01", 0, "1 pins; first, x reaches its end of life on 2027-10-31, in 303 days"),
        ("2027-08-01", 0, "1 pins; first, x"),
        (
            "2027-08-02",
            0,
            "warning: x reaches its end of life on 2027-10-31, in 90 days: renew (s)",
        ),
        ("2027-10-31", 0, "warning: x reaches its end of life on 2027-10-31, in 0 days"),
        ("2027-11-01", 1, "error: x reaches its end of life on 2027-10-31, 1 days ago: renew (s)"),
    ],
)
def test_a_warning_comes_90_days_before_and_an_error_after(
    today: str, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(tmp_path, LINE % ("x", "expires: 2027-10-31, outside: true"))
    assert expiry.main(["--root", str(root), "--today", today]) == code
    assert told in capsys.readouterr().out


def test_a_pin_that_is_not_listed_fails_with_the_line_to_add(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(tmp_path, **{"deploy__Dockerfile": "\nFROM docker.io/library/python:3.9 AS a\n"})
    assert expiry.main(["--root", str(root), "--today", "2027-01-01"]) == 1
    said = capsys.readouterr().out
    assert "deploy/Dockerfile:2: python:3.9 is not listed" in said
    line = said.splitlines()[1].replace('"..."', '"text"')
    assert line == '  - {pin: "python:3.9", review: 2028-01-01, source: "text", do: "text"}'
    project(tmp_path, line + "\n")
    assert expiry.main(["--root", str(root), "--today", "2027-01-01"]) == 0


def test_a_line_that_nothing_pins_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = "review: 2027-10-31"
    lines = [LINE % pin for pin in (("gone", day), ("CVE-1", day), ("x", f"{day}, outside: true"))]
    root = project(tmp_path, *lines)
    assert expiry.main(["--root", str(root), "--today", "2027-01-01"]) == 0
    said = capsys.readouterr().out
    assert "note: no file has gone" in said
    assert said.count("note:") == 1


@pytest.mark.parametrize(
    ("name", "text", "pins"),
    [
        (".github/workflows/a.yml", f"- uses: a/b@{SHA} # v4.1.0\n", ["a/b@v4"]),
        (".github/workflows/a.yml", f"- uses: a/b/init@{SHA} # 12.0\n", ["a/b@12"]),
        (".github/workflows/a.yml", f"- uses: a/b@{SHA}\n", [f"a/b@{SHA}"]),
        (".github/workflows/a.yml", "- uses: a/b@main\n", ["a/b@main"]),
        (".github/workflows/a.yml", "- uses: ./.github/actions/x\n", []),
        (".github/actions/x/action.yml", "uses: a/b@v2\n", ["a/b@v2"]),
        (
            ".github/workflows/a.yml",
            "- uses: a/setup-uv@v7\n  with:\n    cache: true\n    version: '0.13.9'\n",
            ["a/setup-uv@v7", "uv 0.13"],
        ),
        (".github/workflows/a.yml", "- uses: a/b@v7\n- run: x\n  version: 1.2\n", ["a/b@v7"]),
        (".github/workflows/a.yml", "runs-on: ubuntu-24.04\n", ["ubuntu-24.04"]),
        (".github/workflows/a.yml", "os: [windows-2025, macos-15-intel]", ["windows-2025", "macos-15-intel"]),
        ("azure-pipelines/ci.yml", "vmImage: ubuntu-latest\n", ["ubuntu-latest"]),
        ("azure-pipelines/ci.yml", "- task: AzureCLI@2\n", ["AzureCLI@2"]),
        ("azure-pipelines/ci.yml", "versionSpec: '3.12'\n", ["python 3.12"]),
        (".gitlab-ci.yml", "image: python:3.12-slim # why\n", ["python:3.12-slim"]),
        (".gitlab-ci.yml", "image:\n  name: a.example/b:1\n", ["a.example/b:1"]),
        (".gitlab-ci.yml", "image: a/b:1.29.3-dind@sha256:00\n", ["a/b:1.29-dind"]),
        (".gitlab-ci.yml", "image: $CI_REGISTRY_IMAGE:1\n", []),
        (".gitlab/ci/a.yml", "- component: gitlab.example/a/b@2.1.0\n", ["gitlab.example/a/b@2"]),
        (".gitlab-ci.yml", 'AZURE_CLI_VERSION: "2.80.0"\n', ["AZURE_CLI 2.80"]),
        (".gitlab-ci.yml", "- uvx --quiet copier@9.19.1 update\n", ["copier 9"]),
        (".gitlab-ci.yml", "- pip install --quiet 'uv==0.13.9'\n", ["uv 0.13"]),
        ("deploy/kubernetes/a.yaml", "      image: nginx:1.29\n", ["nginx:1.29"]),
        ("deploy/kubernetes/a.yaml", "      image: me:latest\n", []),
        ("deploy/kubernetes/a.yaml", "      image: registry.example.com/me@sha256:00\n", []),
        ("deploy/kubernetes/a.yaml", "      image: menu:1\n", ["menu:1"]),
        ("deploy/kubernetes/a.yaml", "apiVersion: a.example/v1beta1\n", ["a.example/v1beta1"]),
        ("deploy/kubernetes/a.yaml", "apiVersion: apps/v1\n", []),
        ("deploy/x/Dockerfile", f"FROM --platform=x a:1@sha256:{SHA} AS b\nFROM b\nFROM scratch", ["a:1"]),
        ("infra/bicep/a.bicep", "resource x 'Microsoft.Storage/storageAccounts@2025-06-01' = {", ["Microsoft.Storage/storageAccounts@2025-06-01"]),
        ("infra/bicep/a.bicep", "kubernetesVersion: '1.34'\nminTlsVersion: '1.2'\n", ["kubernetes 1.34"]),
        ("infra/terraform/a.tf", 'required_version = "~> 1.14"', ["terraform 1"]),
        ("infra/terraform/a.tf", 'source = "hashicorp/azurerm"\n  version = "~> 4.55"', ["hashicorp/azurerm 4"]),
        ("azureml/compute.yml", "size: Standard_DS3_v2\n", ["Standard_DS3_v2"]),
        ("azureml/env.yml", "environment: azureml://registries/azureml/environments/a-1.5/versions/3", ["azureml/environments/a-1.5:3"]),
        (".devcontainer/devcontainer.json", '{"image": "a/b:3-3.12",\n"c": "ghcr.io/a/features/az:1"}', ["a/b:3-3.12", "ghcr.io/a/features/az:1"]),
        (".pre-commit-config.yaml", "- repo: https://example.com/a/b\n  rev: v4.5.0\n", ["a/b@v4"]),
        (".python-version", "3.12\n", ["python 3.12"]),
        ("requirements.lock", "a==1\n", ["requirements.lock"]),
        ("docs/a.md", "FROM python:3.9\nruns-on: ubuntu-20.04\n", []),
    ],
)  # fmt: skip
def test_every_kind_of_pin_is_found(name: str, text: str, pins: list[str], tmp_path: Path) -> None:
    pyproject = '[project]\nname = "me"\nrequires-python = ">=3.11"\ndependencies = [\n%s]\n'
    project(tmp_path, **{"pyproject.toml": pyproject % '  "a>=1",\n  "b[c]>=1,<2",\n'})
    project(tmp_path, **{name.replace("/", "__"): text})
    found = expiry.find(tmp_path)
    assert sorted(found) == sorted([*pins, "python 3.11", "b[c]>=1,<2"])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "the file: Input should be"),
        ("pins: {}", "pins: Input should be a valid list"),
        ("pins: [x]", "pins.0: Input should be"),
        ("pins: [{pin: x, source: s, do: d}]", "pins.0: x needs one of expires and review"),
        (
            "pins: [{pin: x, source: s, do: d, expires: 2027-01-01, review: 2027-01-01}]",
            "x needs one of",
        ),
        ("pins: [{pin: x, source: s, do: d, expires: 2027-01-01, why: y}]", "pins.0.why: Extra"),
        ("pins: [{pin: x, source: s, do: d, expires: soon}]", "pins.0.expires: must be a day"),
        (
            "pins: [{pin: x, source: s, do: d, review: 2027-01-01 10:00:00}]",
            "pins.0.review: must be a day",
        ),
        ("pins:\n" + 2 * (LINE % ("x", "review: 2027-01-01")), "more than once: x"),
        ("pins: [", "expected"),
        (
            "pins: []\nprivate: [{file: a, part: b, library: c, version: 1.2, do: d}]",
            "valid string",
        ),
    ],
)
def test_a_manifest_that_cannot_be_read_fails(
    text: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "expiry.yaml").write_text(text, encoding="utf-8")
    assert expiry.main(["--root", str(tmp_path)]) == 1
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    ("locked", "code", "told", "ended"),
    [
        ("lib==1.2.3 \\\n    --hash=x\n", "x._y\n", "", 0),
        ("lib==1.2\n", "x._y\n", "", 0),
        (
            "lib==1.20.0 ; python_full_version < '3.12'\n",
            "x._y\n",
            "tried with 1.2; locked is 1.20.0",
            1,
        ),
        ("lib==1.2.1\nlib==1.3.0\n", "x._y\n", "locked is 1.2.1, 1.3.0: look", 1),
        ("other==1.2.1\n", "x._y\n", "locked is none", 1),
        ("lib==1.2.3\n", "y\n", "src/a.py has no 'x._y'", 1),
        ("lib==1.2.3\n", None, "src/a.py has no 'x._y'", 1),
    ],
)
def test_code_on_a_private_part_of_a_library_is_looked_at_when_that_moves(
    locked: str, code: str | None, told: str, ended: int, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    line = '  - {file: "src/a.py", part: "x._y", library: lib, version: "1.2", do: "look"}\n'
    pin = LINE % ("requirements.lock", "review: 2027-10-31")
    root = project(tmp_path, pin, "private:\n", line, **{"requirements.lock": locked})
    if code is not None:
        project(tmp_path, pin, "private:\n", line, **{"src__a.py": code})
    assert expiry.main(["--root", str(root), "--today", "2027-01-01"]) == ended
    assert told in capsys.readouterr().out


def test_without_a_manifest_it_fails(tmp_path: Path) -> None:
    assert expiry.main(["--root", str(tmp_path)]) == 1
