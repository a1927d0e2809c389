"""How a repository is laid out: its packages, wholes that stay together, projects beside others."""

import posixpath
from collections import Counter, defaultdict
from dataclasses import dataclass

from tdsp.adopt import names
from tdsp.adopt.facts import Facts
from tdsp.reading.repository import Repository

CODE = frozenset({"python", "python 2", "broken python"})


# A file whose tool finds what is beside it by its place.
OWN_PLACES = {
    "package.json": "it is a web client with a package.json",
    "CMakeLists.txt": "it is built by CMake",
    "script.py.mako": "a tool for databases keeps its migrations there",
    "alembic.ini": "a tool for databases keeps its migrations there",
    "dbt_project.yml": "dbt finds its models by their places",
    "scrapy.cfg": "Scrapy finds its spiders by their places",
    "MLproject": "MLflow runs it as a project of its own",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """`packages` are root folders that are imported by name; `wholes` say why each stays whole."""

    packages: frozenset[str]
    inner: frozenset[str]
    wholes: dict[str, str]
    projects: tuple[str, ...]
    mixed: str
    app: str
    code: frozenset[str] = frozenset()


def layout(repo: Repository, facts: Facts) -> Layout:
    """Work out the layout from names and facts."""
    tops = _tops(facts)
    named = repo.text("setup.py") + repo.text("setup.cfg") + repo.text("pyproject.toml")
    packages = frozenset(
        top for top in tops
        if f"{top}/__init__.py" in facts.files and top.isidentifier()
        and names.folded(top) not in names.GENERIC | names.TESTS | names.DOCUMENTS | names.STAY
    )  # fmt: skip
    if len(packages) > 1:
        packages = frozenset(each for each in packages if each in named)
    inner = frozenset(
        path.split("/")[1] for path in facts.files
        if path.startswith("src/") and path.count("/") == 2 and path.endswith("/__init__.py")
        and "src/__init__.py" not in facts.files
    )  # fmt: skip
    wholes = _wholes(repo, facts, tops, packages)
    projects = _projects(facts, tops)
    code = frozenset(posixpath.dirname(fact.path) for fact in facts.of("python"))
    return Layout(packages, inner, wholes, projects, _mixed(facts, tops), _app(repo, facts), code)


def _tops(facts: Facts) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in facts.files:
        if "/" in path:
            found[path.split("/")[0]].append(path)
    return found


def _wholes(
    repo: Repository, facts: Facts, tops: dict[str, list[str]], packages: frozenset[str]
) -> dict[str, str]:
    """Return the folders that are not taken apart, and the reason."""
    found = dict.fromkeys(repo.foreign, "it has a licence of its own")
    for top, paths in tops.items():
        if top in packages or names.folded(top) in names.TESTS:
            continue
        for path in paths:
            folder, name = posixpath.split(path)
            why = OWN_PLACES.get(name, "")
            if not why and names.BUILD.match(name) and "dockerfile" in name.lower():
                why = "it has a container file of its own"
            if why and folder != "src" and not (top == "src" and _imported(folder, facts)):
                found.setdefault(folder, why)
    for path in facts.files:
        if repo.role(path) == "vendored" and not any(path.startswith(f"{e}/") for e in found):
            found[posixpath.dirname(path)] = "it is somebody else's code"
    counts = Counter(p.split("/")[0] for p in facts.files if "/" in p and _is_foreign(facts, p))
    for top, count in counts.items():
        if count >= 3 and count > len(tops[top]) / 2:
            found.setdefault(top, "most of it is code in other languages")
    return found


def _imported(folder: str, facts: Facts) -> bool:
    """Tell whether code outside of a folder imports what is inside."""
    before = f"{folder}/"
    return any(
        not who.startswith(before)
        for path, fact in facts.files.items() if path.startswith(before)
        for who in fact.importers
    )  # fmt: skip


def _is_foreign(facts: Facts, path: str) -> bool:
    return facts.files[path].content == "source"


def _projects(facts: Facts, tops: dict[str, list[str]]) -> tuple[str, ...]:
    """Return folders that are projects: their own dependencies and code, none at the root."""
    at_root = [path for path in facts.files if "/" not in path]
    if any(names.DEPENDENCIES.match(p) or p in {"setup.py", "pyproject.toml"} for p in at_root):
        return ()
    if any(facts.files[path].content in CODE | {"notebook"} for path in at_root):
        return ()
    found = []
    for top, paths in tops.items():
        own = {path.split("/", 1)[1] for path in paths}
        asks = any(names.DEPENDENCIES.match(e) or e in {"setup.py", "pyproject.toml"} for e in own)
        works = any(facts.files[path].content in CODE | {"notebook"} for path in paths)
        if asks and works and not top.startswith("."):
            found.append(top)
    return tuple(sorted(found)) if len(found) > 1 else ()


def _mixed(facts: Facts, tops: dict[str, list[str]]) -> str:
    """Say why a repository is too mixed to be split by kind, "" if it is not."""
    contents = Counter(fact.content for fact in facts.files.values())
    old = contents["python 2"]
    if old >= 3 and old > contents["python"]:
        return f"{old} of {old + contents['python']} Python files are Python 2"
    several = [
        top for top, paths in tops.items()
        if {facts.files[path].content for path in paths} & CODE
        and {facts.files[path].content for path in paths} & {"r", "source"}
    ]  # fmt: skip
    if len(several) > 2:
        return f"{len(several)} folders hold Python beside other languages"
    return ""


def _app(repo: Repository, facts: Facts) -> str:
    """Return the root's file that serves pages, "" if there is none."""
    for path, module in repo.python.items():
        if "/" not in path and any(
            each.module.split(".")[0] in {"flask", "fastapi", "django", "starlette"}
            for each in module.imports
        ):
            return path
    return ""
