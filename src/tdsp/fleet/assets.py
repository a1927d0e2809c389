"""What a repository has that others may use: data sets, models, packages and patterns.

Read from the documents that describe them: data dictionaries, schemas, DVC's files, model cards,
MLflow's models, `pyproject.toml`, and patterns. What is described nowhere is not found.
"""

import re
from collections.abc import Iterator
from typing import Any

from tdsp.fleet.snapshot import Asset
from tdsp.reading import Repository

MOST, LONGEST, COLUMNS = 60, 600, 40
DICTIONARY = re.compile(r"(?i)(^|/)(data[_-]?)?dictionary\.md$")
CARD = re.compile(r"(?i)(^|/)(model[_-]?)?card\.md$")
SCHEMA = re.compile(r"(^|/)schema\.ya?ml$")
PATTERN = re.compile(r"(^|/)patterns/(?!readme)[^/]+\.(ya?ml|md)$", re.IGNORECASE)
QUOTED = re.compile(r"`([^`]+\.\w+)`")
OPEN = re.compile(r"\\?\[open: [^]]*\]")
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
SENTENCE = re.compile(r"(?<=\.)\s")
PRIVATE = "Private :: Do Not Upload"


def assets(repo: Repository) -> tuple[Asset, ...]:
    """Return what a repository has, each thing once, by kind and path."""
    found: dict[tuple[str, str], Asset] = {}
    for find in (
        _dictionaries,
        _schemas,
        _versioned,
        _inputs,
        _cards,
        _mlflow,
        _packages,
        _patterns,
    ):
        for each in find(repo):
            if repo.role(each.path) not in {"vendored", "test"}:
                found.setdefault((each.kind, each.name), each)
    return tuple(sorted(found.values(), key=lambda each: (each.kind, each.path, each.name)))[:MOST]


def _asset(kind: str, name: str, description: str, path: str) -> Asset:
    return Asset(kind, _short(name) or path, _short(description), path)


def _short(text: str) -> str:
    words = LINK.sub(r"\1", OPEN.sub("", text)).replace("`", "")
    found = re.sub(r"\s+", " ", words).strip()
    return found if len(found) <= LONGEST else f"{found[: LONGEST - 1]}…"


def _dictionaries(repo: Repository) -> Iterator[Asset]:
    """A dictionary names its table in backticks; its first column holds the names of columns."""
    for path, file in repo.files.items():
        if not DICTIONARY.search(path) or not file.text:
            continue
        title, about = _opening(file.text)
        rows = [
            line.split("|")[1].strip(" `") for line in file.text.splitlines() if line[:1] == "|"
        ]
        columns = [each for each in rows[1:] if each and set(each) - set("-: ")]
        named = QUOTED.search(about)
        yield _asset("data set", named[1] if named else title, _with(about, columns), path)


def _schemas(repo: Repository) -> Iterator[Asset]:
    """A schema describes a data set where no dictionary does."""
    if any(DICTIONARY.search(path) for path in repo.files):
        return
    for path, data in _mappings(repo):
        columns = data.get("columns")
        if not SCHEMA.search(path) or not isinstance(columns, dict | list):
            continue
        names = list(columns) if isinstance(columns, dict) else [_name(each) for each in columns]
        yield _asset("data set", path, _with("", [str(each) for each in names if each]), path)


def _with(about: str, columns: list[str]) -> str:
    """Add the names of columns to a description, so that a search finds them."""
    if not columns:
        return about
    more = f" and {len(columns) - COLUMNS} more" if len(columns) > COLUMNS else ""
    text = f"Columns: {', '.join(columns[:COLUMNS])}{more}"
    return f"{SENTENCE.split(about)[0]} {text}".strip()


def _versioned(repo: Repository) -> Iterator[Asset]:
    """A file of DVC names the data that it versions."""
    for path, data in _mappings(repo):
        if not path.endswith(".dvc"):
            continue
        for out in _list(data.get("outs")):
            size = out.get("size")
            told = f", {size / 1e6:,.1f} MB" if isinstance(size, int) and size >= 0 else ""
            about = str(data.get("desc") or out.get("desc") or "")
            text = f"{about} Versioned by DVC{told}.".strip()
            yield _asset("data set", str(out.get("path", "")), text, path)


def _inputs(repo: Repository) -> Iterator[Asset]:
    """What DVC's stages read from `data/`, and none of them makes, is a data set."""
    data = repo.dvc.data if repo.dvc else {}
    stages = data.get("stages")
    stages = (
        [each for each in stages.values() if isinstance(each, dict)]
        if isinstance(stages, dict)
        else []
    )
    made = {_key(out) for stage in stages for out in _plain_list(stage.get("outs"))}
    for stage in stages:
        for dep in map(_key, _plain_list(stage.get("deps"))):
            if dep.startswith("data/") and dep not in made and "${" not in dep:
                yield _asset("data set", dep, "Read by the pipeline in dvc.yaml.", "dvc.yaml")


def _cards(repo: Repository) -> Iterator[Asset]:
    """A model card's title names the model."""
    for path, file in repo.files.items():
        if CARD.search(path) and file.text:
            title, about = _opening(file.text)
            name = re.sub(r"(?i)^model card( for)?:?\s*", "", title)
            yield _asset("model", name, about, path)


def _mlflow(repo: Repository) -> Iterator[Asset]:
    """A file MLmodel says with what a model can be loaded."""
    for path, data in _mappings(repo):
        if path.rsplit("/", 1)[-1] != "MLmodel":
            continue
        flavours = data.get("flavors")
        kinds = ", ".join(map(str, flavours)) if isinstance(flavours, dict) else ""
        folder = path.rsplit("/", 2)[-2] if "/" in path else "model"
        yield _asset("model", folder, f"MLflow model: {kinds}".rstrip(": "), path)


def _packages(repo: Repository) -> Iterator[Asset]:
    """A package that can be built, unless it says that it may not be published."""
    for path, data in repo.toml.items():
        project = data.get("project")
        if path.rsplit("/", 1)[-1] != "pyproject.toml" or "build-system" not in data:
            continue
        if not isinstance(project, dict) or not isinstance(project.get("name"), str):
            continue
        classifiers = project.get("classifiers")
        private = isinstance(classifiers, list) and PRIVATE in classifiers
        if not private and repo.role(path) != "example":
            yield _asset("package", project["name"], str(project.get("description", "")), path)


def _patterns(repo: Repository) -> Iterator[Asset]:
    """A pattern is a document or a file of answers in a folder `patterns`."""
    for path, file in repo.files.items():
        if not PATTERN.search(path) or not file.text:
            continue
        stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        if path.endswith(".md"):
            title, about = _opening(file.text)
            yield _asset("pattern", title or stem, about, path)
        else:
            first = file.text.split("\n", 1)[0]
            yield _asset("pattern", stem, first.lstrip("# ") if first[:1] == "#" else "", path)


def _opening(text: str) -> tuple[str, str]:
    """Return the first heading of Markdown, and the first paragraph or item below it."""
    title = ""
    lines: list[str] = []
    for line in text.splitlines()[:80]:
        if line.startswith("#"):
            if lines:
                break
            title = title or line.lstrip("# ").strip()
        elif line.strip() and line[0] not in "|<>!-=`":
            lines.append(line.strip())
        elif line.startswith("- ") and not lines:
            return title, line[2:].strip()
        elif lines:
            break
    return title, " ".join(lines)


def _mappings(repo: Repository) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, documents in repo.yaml.items():
        if documents and isinstance(documents[0].data, dict):
            yield path, documents[0].data


def _plain_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in _plain_list(value) if isinstance(each, dict)]


def _key(value: Any) -> str:
    """Return the path of an entry of DVC: a text, or a mapping with one key."""
    return str(next(iter(value), "")) if isinstance(value, dict) else str(value)


def _name(value: Any) -> str:
    return str(value.get("name", "")) if isinstance(value, dict) else str(value)
