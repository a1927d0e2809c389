"""Repositories that were born from a known template: told by their files, mapped by a table."""

import re
from dataclasses import dataclass

from tdsp.reading.repository import Repository


@dataclass(frozen=True, slots=True)
class Source:
    """A known layout. `rows` map the start of a path; `most` is the highest level for it."""

    name: str
    most: int = 3
    why: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    package: str = ""


# Folded folders of Azure's template -> ours. PACKAGE stands for the package.
AZURE = (
    (r"code/data_acquisition_and_understanding/", "src/PACKAGE/data_acquisition/"),
    (r"code/modeling/", "src/PACKAGE/modeling/"),
    (r"code/deployment/", "src/PACKAGE/deployment/"),
    (r"code/", "src/PACKAGE/"),
    (r"docs/project/", "docs/project/"),
    (r"docs/data_dictionaries/", "docs/data/"),
    (r"docs/(data_report|data_reports|datareport)/", "docs/data/report/"),
    (r"docs/model/", "docs/model/"),
    (r"docs/", "docs/"),
    (r"sample_data/raw/", "data/raw/"),
    (r"sample_data/processed/", "data/interim/"),
    (r"sample_data/for_modeling/", "data/processed/"),
    (r"sample_data/", "data/"),
)


def recognise(repo: Repository) -> Source:
    """Return the layout that a repository has, Source("") for none that is known."""
    paths = set(repo.files)
    answers = repo.answers[1]
    if {"package_name", "problem_type", "project_slug"} <= set(answers):
        return Source("tdsp", 0, "it has this layout already", package=str(answers["package_name"]))
    if _kedro(repo, paths):
        return Source("kedro", 0, "kedro finds its parts by their places, so kedro stays kedro")
    if _stacks(repo, paths):
        return Source("mlops-stacks", 0, "its bundles name notebooks by their places")
    if {"DESCRIPTION", "NAMESPACE"} <= paths:
        return Source("R package", 0, "R finds a package's parts by their places")
    if "cookiecutter.json" in paths or "copier.yml" in paths or any("{{" in p for p in paths):
        return Source("a template", 0, "its files are the parts of other repositories")
    folded = {path.lower() for path in paths}
    tops = {path.split("/")[0] for path in folded if "/" in path}
    if {"code", "docs", "sample_data"} <= tops or (
        {"code", "docs"} <= tops and any("data_acquisition_and_understanding/" in p for p in folded)
    ):
        return Source(
            "Azure TDSP", rows=AZURE, why="Code, Docs and Sample_Data are mapped by a table"
        )
    if _ccds_1(paths):
        return Source("ccds 1", why="its data, models, notebooks and reports have our places")
    if module := _ccds_2(paths):
        return Source(
            "ccds 2", why="its data, models, notebooks and reports have our places", package=module
        )
    return Source("")


def mapped(source: Source, path: str, package: str) -> str:
    """Return the target that a source's table gives, "" if it gives none."""
    key = path.lower()
    for pattern, target in source.rows:
        if match := re.match(pattern, key):
            return target.replace("PACKAGE", package) + path[match.end() :]
    return ""


def _kedro(repo: Repository, paths: set[str]) -> bool:
    tools = repo.toml.get("pyproject.toml", {}).get("tool", {})
    if isinstance(tools, dict) and "kedro" in tools:
        return True
    return ".kedro.yml" in paths or any(p.endswith("/pipeline_registry.py") for p in paths)


def _stacks(repo: Repository, paths: set[str]) -> bool:
    bundles = [p for p in paths if p.rsplit("/", 1)[-1] in {"databricks.yml", "bundle.yml"}]
    named = any("mlops-stacks" in repo.text(p) or "mlops_stacks" in repo.text(p) for p in bundles)
    return named or (bool(bundles) and any("/resources/" in p and "workflow" in p for p in paths))


def _ccds_1(paths: set[str]) -> bool:
    marks = (
        "src/data/make_dataset.py",
        "src/features/build_features.py",
        "src/models/train_model.py",
        "src/visualization/visualize.py",
        "test_environment.py",
        "docs/commands.rst",
    )
    return sum(mark in paths for mark in marks) > 1


def _ccds_2(paths: set[str]) -> str:
    for path in sorted(paths):
        if path.endswith("/modeling/train.py"):
            module = path.removesuffix("/modeling/train.py")
            if {f"{module}/config.py", f"{module}/dataset.py"} <= paths:
                return module.rsplit("/", 1)[-1]
    return ""
