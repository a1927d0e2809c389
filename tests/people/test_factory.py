"""The factory's pages: patterns render, the tour is of this template, what is named is there."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import copier
import pytest
import typer
import yaml
from pytest_cookies.plugin import Cookies
from scripts import pages, tour
from tests.conftest import ROOT, git
from tests.project.living import FOUND, TDSP, Project, clean, environment, run
from tests.render.engines import (
    Answers,
    check_paths,
    files,
    questions,
    recorded,
    with_cookiecutter,
    with_copier,
)
from tests.site.browser import faults

from tdsp.cli import app
from tdsp.new import bundled_template
from tdsp.new import questions as asked
from tdsp.org import read_organisation

DOCS = ROOT / "docs"
GOVERN: Answers = {"level": "govern"}
PATTERNS = sorted((ROOT / "patterns").glob("*.yaml"))
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("factory/*.md"), *DOCS.glob("learn/*.md")])
ROLES = {
    "project-lead", "project-manager", "solution-architect", "data-engineer", "data-scientist",
    "ml-engineer", "application-developer", "ai-engineer", "model-validator", "domain-expert",
}  # fmt: skip
# What `tdsp onboard` writes into a project.
ONBOARDED = {"docs/data/report.html"}
# Where a path on a page leads; a word in capitals, as PACKAGE, stands for what differs.
PATHS = re.compile(r"`((?:docs|patterns|benchmarks|tests|notebooks|azureml|infra)/[\w./-]*)")


def answers(path: Path) -> Answers:
    """The answers of a pattern, for a project that has all pages."""
    return {**yaml.safe_load(path.read_text(encoding="utf-8")), **GOVERN}


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rendered(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A default project, and one of every pattern."""
    folder = tmp_path_factory.mktemp("patterns")
    given = {"default": GOVERN} | {path.stem: answers(path) for path in PATTERNS}
    return {name: with_copier(repository, folder / name, data) for name, data in given.items()}


@pytest.fixture(scope="module")
def toured(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of default answers, which the tour is of."""
    return with_copier(repository, tmp_path_factory.mktemp("toured") / "ml-project", {})


# PATTERNS ---------------------------------------------------------------------------------


def test_every_way_of_serving_has_both_sizes() -> None:
    assert {path.stem for path in PATTERNS} >= {
        f"{serving}-{size}"
        for serving in ("batch", "online", "both")
        for size in ("small", "large")
    }
    assert all(path.stem.startswith(answers(path)["serving"]) for path in PATTERNS)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda path: path.stem)
def test_a_pattern_renders_the_same_with_both_engines(
    pattern: Path, rendered: dict[str, Path], repository: Path, cookies: Cookies
) -> None:
    given, made = answers(pattern), rendered[pattern.stem]
    assert set(given) <= set(questions())
    assert given.items() <= recorded(made).items(), "an answer was not asked for"
    check_paths(repository, made, given)
    assert files(made) == files(with_cookiecutter(cookies, repository, given))


def test_tdsp_takes_a_pattern_and_the_organisation_file_of_the_page(tmp_path: Path) -> None:
    block = text(DOCS / "factory.md").split("```yaml\n")[1].split("```")[0]
    factory = tmp_path / "factory.yml"
    factory.write_text(re.sub(r"(?m)^(template|ref): .*\n", "", block), encoding="utf-8")
    words = ("new", "Churn", "--defaults", "--no-git", "--into", tmp_path, "--org", factory)
    run(*TDSP, *words, "--answers", ROOT / "patterns/online-small.yaml", cwd=ROOT, env=clean())
    found = recorded(tmp_path / "churn")
    assert (found["serving"], found["rollout"]) == ("online", "ramped")
    assert (found["license"], found["ci"]) == ("Proprietary", "azure-devops")
    whole = tmp_path / "whole.yml"
    whole.write_text(block, encoding="utf-8")
    assert read_organisation(whole, asked(bundled_template())).ref


@pytest.mark.parametrize(
    ("line", "says"),
    [("servings: batch", "no such question: servings"), ("rollout: slow", "rollout")],
)
def test_a_wrong_pattern_is_refused(line: str, says: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(f"serving: online\n{line}\n", encoding="utf-8")
    words = ("new", "Churn", "--defaults", "--dry-run", "--into", tmp_path, "--answers", wrong)
    done = run(*TDSP, *words, cwd=ROOT, env=clean(), ok=False)
    assert done.returncode == 1
    assert says in done.stderr


def test_an_online_pattern_refuses_a_forecast(repository: Path, tmp_path: Path) -> None:
    data = answers(ROOT / "patterns/online-small.yaml") | {"problem_type": "forecasting"}
    with pytest.raises(ValueError, match="answer serving=batch"):
        copier.run_copy(str(repository), tmp_path / "x", data=data, defaults=True, quiet=True)


def test_the_review_says_the_shape(rendered: dict[str, Path]) -> None:
    shapes = {name: text(made / "docs/project/review.md") for name, made in rendered.items()}
    assert (
        "online, on an endpoint of Azure Machine Learning, new versions by canary"
        in (shapes["online-large"])
    )
    assert "served: in files, on demand; cloud: none" in shapes["default"]
    assert "served: in batches, a file for each date; cloud: none" in shapes["batch-small"]
    assert all("[open: " in shape for shape in shapes.values())


# WHAT PAGES COPY ---------------------------------------------------------------------------


def test_filled_blocks_are_fresh() -> None:
    assert list(pages.stale()) == []


def test_an_edited_figure_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = text(DOCS / "factory/patterns.md")
    edited = re.sub(r"(memory, 5,000,000 rows \| )\d", r"\g<1>0", page)
    assert edited != page
    (tmp_path / "patterns.md").write_text(edited, encoding="utf-8")
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    assert [path.name for path in pages.stale()] == ["patterns.md"]


def test_a_figure_that_was_not_measured_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LIMITS", (("results", "Scoring files", "score 9 rows", ""),))
    with pytest.raises(KeyError, match="score 9 rows"):
        pages.limit_table()


# THE TOUR ----------------------------------------------------------------------------------


def test_the_tour_is_of_this_template(toured: Path) -> None:
    assert tour.stale(text(tour.PAGE), tour.PLOTS, toured) == ""


def test_a_stale_tour_would_be_seen(toured: Path, tmp_path: Path) -> None:
    page, project, plots = text(tour.PAGE), tmp_path / "project", tmp_path / "plots"
    shutil.copytree(toured, project)
    shutil.copytree(tour.PLOTS, plots)
    assert tour.stale(page, plots, project) == ""
    edited = page.replace("pass  roc_auc reaches", "pass  accuracy reaches")
    assert edited != page
    assert "edited by hand" in tour.stale(edited, plots, project)
    (plots / "roc.svg").write_text("<svg/>", encoding="utf-8")
    assert "edited by hand" in tour.stale(page, plots, project)
    params = project / "params.yaml"
    params.write_text(text(params).replace("cv_folds: 5", "cv_folds: 4"), encoding="utf-8")
    assert "other files" in tour.stale(page, plots, project)
    assert "no fingerprint" in tour.stale("# A tour", plots, project)


# WHAT IS NAMED IS THERE --------------------------------------------------------------------


def tdsp_words(page: str, groups: set[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield each `tdsp` command of a page, such as `fleet status`, with its long options."""
    for line in re.findall(r"(?:^|`)tdsp ([^`\n]+)", page, re.MULTILINE):
        name, *rest = line.split()
        if name in groups and rest and re.fullmatch("[a-z]+", rest[0]):
            name = f"{name} {rest[0]}"
        yield name, {word.partition("=")[0] for word in rest if word.startswith("--")}


def unknown_tdsp(page: str) -> list[str]:
    """What a page says of `tdsp` and the command does not have."""
    whole: Any = typer.main.get_command(app)
    groups = {name: each for name, each in whole.commands.items() if hasattr(each, "commands")}
    below = {
        f"{name} {sub}": c for name, each in groups.items() for sub, c in each.commands.items()
    }
    known = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in (whole.commands | below).items()
    }
    return [
        f"tdsp {name} {' '.join(options)}"
        for name, options in tdsp_words(page, set(groups))
        if not (name in known and options <= known[name])
    ]


def unknown_commands(page: str, known: set[str]) -> set[str]:
    """What a page runs with the project's own command and the project does not have."""
    return set(re.findall(r"uv run (?:PACKAGE|ml_project) ([a-z]+)", page)) - known


def missing_paths(page: str, projects: list[Path]) -> list[str]:
    """The paths that a page names and neither this repository nor a project has."""
    places = [ROOT, *projects]
    made = written(projects[0]) | ONBOARDED
    named = [path for path in PATHS.findall(page) if path not in made]
    return [path for path in named if not any((place / path).exists() for place in places)]


def written(project: Path) -> set[str]:
    """The documents that a run writes."""
    source = text(next((project / "src").glob("*/paths.py")))
    return set(re.findall(r'Path\("(docs/[^"]+)"\)', source))


@pytest.fixture(scope="module")
def commands(rendered: dict[str, Path]) -> set[str]:
    """The commands of a project with a service."""
    project = Project(rendered["online-large"], environment(FOUND[0]))
    code = "from typer.main import get_command as g; from ml_project.cli import app"
    told = project.run("python", "-c", f"{code}; print(*g(app).commands)").stdout
    return set(told.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_what_a_page_names_is_there(
    page: Path, commands: set[str], rendered: dict[str, Path]
) -> None:
    said = text(page)
    assert unknown_tdsp(said) == []
    assert unknown_commands(said, commands) == set()
    assert missing_paths(said, list(rendered.values())) == []


def test_what_is_not_there_would_be_seen(commands: set[str], rendered: dict[str, Path]) -> None:
    assert unknown_tdsp("`tdsp new X --datum a.csv`") == ["tdsp new --datum"]
    assert unknown_tdsp("`tdsp flotilla`") == ["tdsp flotilla "]
    assert unknown_tdsp("`tdsp fleet`, `tdsp fleet status FILE`") == []
    assert unknown_tdsp("`tdsp fleet state`") == ["tdsp fleet state "]
    assert unknown_tdsp("`tdsp fleet trend --apply`") == ["tdsp fleet trend --apply"]
    assert unknown_commands("uv run PACKAGE advance --reason x", commands) == {"advance"}
    projects = list(rendered.values())
    assert missing_paths("`docs/project/charter.md`, `docs/project/chart.md`", projects) == [
        "docs/project/chart.md"
    ]


def test_each_role_has_its_week() -> None:
    assert {path.stem for path in (DOCS / "learn").glob("*.md")} == ROLES | {"README"}
    index = text(DOCS / "learn/README.md")
    for role in ROLES:
        page = text(DOCS / f"learn/{role}.md")
        assert f"]({role}.md)" in index
        assert len(re.findall(r"(?m)^\| [1-5] \|", page)) == 5, role
        assert f"`docs/roles/{role}.md`" in page


# SHARED DATA -------------------------------------------------------------------------------


def test_a_project_imports_a_data_set_by_its_tag(
    rendered: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / name))
    registry = Project(tmp_path / "registry", environment(FOUND[0]))
    table = registry.root / "contracts/contracts.csv"
    table.parent.mkdir(parents=True)
    git(registry.root, "init", "-q")
    registry.run("dvc", "init", "--quiet")
    registry.run("dvc", "remote", "add", "--default", "storage", tmp_path / "storage")
    for number in ("1.0.0", "1.1.0"):
        table.write_text(f"a,b\n1,{number}\n", encoding="utf-8")
        registry.run("dvc", "add", "--quiet", table)
        registry.commit()
        git(registry.root, "tag", f"contracts-{number}")
        registry.run("dvc", "push", "--quiet")
    project = Project(tmp_path / "ml-project", registry.environment)
    shutil.copytree(rendered["default"], project.root)
    project.commit()
    taken = project.root / "data/raw/contracts.csv"
    taken.parent.mkdir()
    named = ("contracts/contracts.csv", "-o", "data/raw/contracts.csv")
    project.run("dvc", "import", registry.root, *named, "--rev", "contracts-1.0.0")
    assert text(taken).endswith("1.0.0\n")
    assert project.yaml("data/raw/contracts.csv.dvc")["deps"][0]["repo"]["rev_lock"]
    assert project.status() == ["?? data/raw/"], "git keeps the pointer"
    project.run("dvc", "update", "--rev", "contracts-1.1.0", "data/raw/contracts.csv.dvc")
    assert text(taken).endswith("1.1.0\n")


# THE SITE ----------------------------------------------------------------------------------


def build(source: Path, output: Path) -> str:
    """Build the site of these documents; return what Sphinx says."""
    words = ("-q", "-n", "-W", "--keep-going", "-d", output.parent / "doctrees", source, output)
    return run(sys.executable, "-m", "sphinx", *words, cwd=ROOT, env=clean(), ok=False).stderr


def test_the_site_is_good(tmp_path: Path) -> None:
    assert build(DOCS, tmp_path / "site") == ""
    assert faults(tmp_path / "site", "canary") == []


def test_a_dead_link_or_anchor_stops_the_build(tmp_path: Path) -> None:
    source = tmp_path / "template/docs"
    shutil.copytree(DOCS, source)
    page = source / "adopt.md"
    page.write_text(f"{text(page)}\n[a](gone.md), [b](update.md#gone)\n", encoding="utf-8")
    said = build(source, tmp_path / "site")
    assert "adopt.md" in said
    assert "gone.md" in said
    assert "update.md#gone" in said or "'gone'" in said
