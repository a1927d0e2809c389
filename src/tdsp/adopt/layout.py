"""How a repository is laid out: its packages, wholes that stay together, projects beside others."""

import posixpath
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from tdsp.adopt import names
from tdsp.adopt.facts import Facts
from tdsp.reading.repository import Repository

CODE = frozenset({"python", "python 2", "broken python"})


# A file whose tool finds what is beside it by its place.
OWN_PLACES = {
    "package.json": "it is a web client with a package.json",
    "pubspec.yaml": "it is an app that Flutter builds",
    "AndroidManifest.xml": "it is an app for Android",
    "pom.xml": "it is built by Maven",
    "build.gradle": "it is built by Gradle",
    "CMakeLists.txt": "it is built by CMake",
    "script.py.mako": "a tool for databases keeps its migrations there",
    "alembic.ini": "a tool for databases keeps its migrations there",
    "dbt_project.yml": "dbt finds its models by their places",
    "manage.py": "Django finds its settings and its parts by their places",
    "scrapy.cfg": "Scrapy finds its spiders by their places",
    "MLmodel": "MLflow finds the parts of a model by their places",
    "function.json": "Azure Functions finds its program by its place",
    "MLproject": "MLflow runs it as a project of its own",
    "chroma.sqlite3": "a vector store finds its parts by their places",
    "airflow.cfg": "Airflow finds its settings and its flows by their places",
    "webserver_config.py": "Airflow finds its settings and its flows by their places",
}
EXTENSION = "it is an extension of a browser"
CLIENTS = frozenset([EXTENSION]) | frozenset(OWN_PLACES[name] for name in (
    "package.json", "pubspec.yaml", "AndroidManifest.xml", "pom.xml", "build.gradle"
))  # fmt: skip
# Folders that a tool makes: a virtual environment, what CMake or catkin builds.
ENVIRONMENT = re.compile(
    r"(.+?/)((pyvenv\.cfg|CMakeCache\.txt|CATKIN_IGNORE|\.catkin)$|"
    r"(Lib|lib/python[\d.]+)/site-packages/)"
)
COPYRIGHT = re.compile(r"(?i)copyright\s+(\(c\)|\u00a9|(19|20)\d\d)|all rights reserved")
HOLDER = re.compile(r"(?im)^\W*copyright\W+(?:\(c\)\W+)?(?:[\d, -]+)\s+(.+)$")
HEADER = 2000  # characters at the start of a file
SOURCE = (".c", ".cc", ".cpp", ".pyx", ".rs", ".cu")
LIBRARY = re.compile(r"\.(so|dll|dylib|pyd)(\.[\d.]+)?$")
FEW_OWNED = 2
FEW_LIBRARIES = 3  # compiled ones: so many may serve somebody's own code
MANY_PAGES = 10
MANY_PROJECTS = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """`packages` are root folders that are imported by name; `wholes` say why each stays whole.

    `declared` are the packages that setup.py, setup.cfg or pyproject.toml name; `environments`
    the folders of virtual environments, each with a slash at its end. `installed` are the packages
    at the root that a build finds there. `old` says that most of the Python is Python 2.
    """

    packages: frozenset[str]
    inner: frozenset[str]
    wholes: dict[str, str]
    projects: tuple[str, ...]
    mixed: str
    app: str
    code: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()
    environments: tuple[str, ...] = ()
    installed: frozenset[str] = frozenset()
    old: str = ""


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
        and "src/__init__.py" not in facts.files and not _imports_src(repo)
    )  # fmt: skip
    projects = _projects(repo, facts, tops)
    wholes = {} if projects else _wholes(repo, facts, tops, packages)
    code = frozenset(posixpath.dirname(fact.path) for fact in facts.of("python"))
    declared = frozenset(each for each in packages | inner if each in named)
    return Layout(packages, inner, wholes, projects, _mixed(facts, tops), _app(repo, facts), code,
                  declared, _environments(facts), _installed(repo, tops, packages),
                  _old(facts))  # fmt: skip


def _environments(facts: Facts) -> tuple[str, ...]:
    """Return the folders of virtual environments and of builds, told by a file of each."""
    found = set()
    for path in facts.files:
        match = ENVIRONMENT.match(path)
        if match and f"{match[1]}CMakeLists.txt" not in facts.files:  # built beside its source
            found.add(match[1])
    return tuple(sorted(found))


def _installed(
    repo: Repository, tops: dict[str, list[str]], packages: frozenset[str]
) -> frozenset[str]:
    """Return the packages at the root that setup.py or pyproject.toml installs from there.

    Those beside them that have an `__init__.py` are installed with them, whatever their names.
    """
    project = repo.toml.get("pyproject.toml", {})
    built = "build-system" in project and _is_built(repo, "pyproject.toml")
    listed = any("packages" in repo.text(name) for name in ("setup.py", "setup.cfg"))
    if not packages or not (built or listed):
        return frozenset()
    beside = {top for top, paths in tops.items() if f"{top}/__init__.py" in paths and top != "src"}
    return packages | {top for top in beside if names.folded(top) not in names.TESTS}


def _imports_src(repo: Repository) -> bool:
    """Tell whether `src` itself is the package: code imports `src.features`."""
    return any(
        each.module.split(".")[0] == "src"
        for module in repo.python.values() if not module.problem for each in module.imports
    )  # fmt: skip


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
    found = _licensed(repo, facts) | _claimed(repo) | _composed(repo, facts)
    for top, paths in tops.items():
        if top in packages or names.folded(top) in names.TESTS:
            continue
        for path in paths:
            folder, name = posixpath.split(path)
            why = OWN_PLACES.get(name, "")
            if name == "manifest.json" and '"manifest_version"' in repo.text(path):
                why = EXTENSION
            if not why and names.BUILD.match(name) and "dockerfile" in name.lower():
                why = "it has a container file of its own"
            if why and folder != "src" and not (top == "src" and _imported(folder, facts)):
                found.setdefault(folder, why)
    found |= _django(repo, tops) | _set(repo, tops)
    for top, paths in tops.items():
        if top not in packages and (why := _own(repo, facts, top, paths)):
            found.setdefault(top, why)
    for path in facts.files:
        if repo.role(path) == "vendored" and not any(path.startswith(f"{e}/") for e in found):
            found[posixpath.dirname(path)] = "it is somebody else's code"
    found |= _downloaded(facts) | _owned(repo, facts, tops, packages)
    found |= _compiled(tops, packages)
    counts = Counter(p.split("/")[0] for p in facts.files if "/" in p and _is_foreign(facts, p))
    for top, count in counts.items():
        if count >= 3 and count > len(tops[top]) / 2:
            found.setdefault(top, "most of it is code in other languages")
    return found


def _django(repo: Repository, tops: dict[str, list[str]]) -> dict[str, str]:
    """Return the parts of a Django project that the root holds, with its pages."""
    if "django" not in repo.text("manage.py").lower():
        return {}
    why = OWN_PLACES["manage.py"]
    part = re.compile(r"[^/]+/((settings|urls|wsgi|asgi|apps|admin)\.py$|migrations/)")
    parts = {top for top, paths in tops.items() if any(map(part.match, paths))}
    return dict.fromkeys(parts | ({"templates", "static", "media"} & tops.keys()), why)


def _set(repo: Repository, tops: dict[str, list[str]]) -> dict[str, str]:
    """Return the folders of a document in LaTeX, unless documents or reports go there anyway."""
    usual = names.DOCUMENTS | names.RESULT_FOLDERS | names.NOTEBOOKS | names.TESTS | {"src"}
    sets = re.compile(r"[^/]+/[^/]*\.tex$")
    found = {
        top for top, paths in tops.items() if names.folded(top) not in usual
        and any(sets.match(path) and "\\documentclass" in repo.text(path) for path in paths)
    }  # fmt: skip
    return dict.fromkeys(found, "LaTeX finds the parts of its document by their places")


def _licensed(repo: Repository, facts: Facts) -> dict[str, str]:
    """Return the folders with a licence, and whether it is that of the repository itself."""
    own: set[str] = set()
    others: dict[str, set[str]] = {}
    for path in repo.files:
        folder, name = posixpath.split(path)
        if re.match(r"(LICEN[CS]E|COPYING)(\.\w+)?$", name):
            found = {each.strip().lower() for each in HOLDER.findall(repo.text(path))}
            own |= found if not folder else set()
            others.setdefault(folder, set()).update(found)
    why: dict[str, str] = {}
    for each in repo.foreign:
        if own & others.get(each, set()):
            why[each] = "it has a copy of the repository's licence"
        elif "" not in others and _is_most(facts, each):
            why[each] = "it has the only licence of the repository"
        else:
            why[each] = "it has a licence of its own"
    return why


def _is_most(facts: Facts, folder: str) -> bool:
    """Tell whether a folder holds half of the code or more."""
    works = CODE | {"notebook", "r", "source"}
    code = [path for path, fact in facts.files.items() if fact.content in works]
    return 2 * sum(path.startswith(f"{folder}/") for path in code) >= len(code)


def _claimed(repo: Repository) -> dict[str, str]:
    """Return the folders below the root with a file that says whose they are."""
    found = {posixpath.dirname(path) for path in repo.files if path.endswith("/COPYRIGHT")}
    return dict.fromkeys(found, "it has a licence of its own")


def _composed(repo: Repository, facts: Facts) -> dict[str, str]:
    """Return the folders that a compose file builds images from."""
    contexts = set()
    for path, documents in repo.yaml.items():
        data = documents[0].data if documents and names.COMPOSE.match(path) else None
        services = data.get("services") if isinstance(data, dict) else None
        for service in services.values() if isinstance(services, dict) else ():
            build = service.get("build") if isinstance(service, dict) else None
            context = build.get("context") if isinstance(build, dict) else build
            if isinstance(context, str):
                contexts.add(posixpath.normpath(context))
    folders = {posixpath.dirname(path) for path in facts.files} - {"", "src"}
    return dict.fromkeys(contexts & folders, "a compose file builds an image from it")


def _downloaded(facts: Facts) -> dict[str, str]:
    """Return the unpacked archives of other repositories, unless one holds all the code."""
    works = CODE | {"notebook", "source", "r"}
    code = [path for path, fact in facts.files.items() if fact.content in works]
    found = {
        "/".join(parts[: index + 1])
        for parts in (path.split("/") for path in code)
        for index, part in enumerate(parts[:-1])
        if names.DOWNLOADED.match(part)
    }
    why = "it is somebody else's code, as it was downloaded"
    return {e: why for e in found if not all(path.startswith(f"{e}/") for path in code)}


def _owned(
    repo: Repository, facts: Facts, tops: dict[str, list[str]], packages: frozenset[str]
) -> dict[str, str]:
    """Return the folders whose code alone claims a copyright, where the rest claims none."""
    code = {path for path, fact in facts.files.items() if fact.content in CODE | {"source"}}
    others = {top: code.intersection(p) for top, p in tops.items() if top not in packages | {"src"}}
    few = {t: each for t, each in others.items() if FEW_OWNED <= len(each) < len(code) / 2}
    marked = {path for path in code if few and _is_marked(repo.text(path)[:HEADER])}
    why = "it is somebody else's code, as its copyright says"
    return {top: why for top, inside in few.items() if inside == marked}


def _is_marked(text: str) -> bool:
    """Tell whether a text claims a copyright; most have none of its words, seen at once."""
    plain = text.lower()
    return ("copyright" in plain or "rights reserved" in plain) and bool(COPYRIGHT.search(plain))


def _compiled(tops: dict[str, list[str]], packages: frozenset[str]) -> dict[str, str]:
    """Return the folders that hold libraries as they were compiled, and none of their source."""
    found = {}
    for top, paths in tops.items():
        own = top in packages | {"src"} or any(path.endswith(SOURCE) for path in paths)
        if not own and sum(LIBRARY.search(path) is not None for path in paths) > FEW_LIBRARIES:
            found[top] = "it is somebody else's library, as it was compiled"
    return found


def _own(repo: Repository, facts: Facts, top: str, paths: list[str]) -> str:
    """Say why a folder of the root is a thing of its own: a distribution, or pages of a course."""
    kinds = Counter(facts.files[path].content for path in paths)
    code = sum(kinds[each] for each in CODE | {"notebook", "source"})
    pages = kinds["markup"]
    if names.folded(top) not in names.DOCUMENTS and pages >= MANY_PAGES and code and pages > code:
        return "most of it is pages"
    outside = any(fact.content in CODE and not path.startswith(f"{top}/")
                  for path, fact in facts.files.items())  # fmt: skip
    built = any(f"{top}/{name}" in facts.files and _is_built(repo, f"{top}/{name}")
                for name in ("setup.py", "pyproject.toml"))  # fmt: skip
    return "it is built as a distribution of its own" if built and outside and top != "src" else ""


def _is_built(repo: Repository, path: str) -> bool:
    """Tell whether a file describes a project; a pyproject.toml may hold settings only."""
    if not path.endswith("pyproject.toml"):
        return path in repo.files
    found = repo.toml.get(path, {})
    tools = found.get("tool", {})
    return "project" in found or (isinstance(tools, dict) and "poetry" in tools)


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


def _projects(repo: Repository, facts: Facts, tops: dict[str, list[str]]) -> tuple[str, ...]:
    """Return folders that are projects: their own dependencies and code, and no code at the root.

    Where the root has dependencies as well, each has to explain itself, they have to hold most of
    the code, and none may import another: the services of one product are one project.
    """
    works = CODE | {"notebook"}
    at_root = [path for path in facts.files if "/" not in path]
    if any(facts.files[path].content in works for path in at_root):
        return ()
    found = []
    for top, paths in tops.items():
        own = {path.split("/", 1)[1] for path in paths}
        asks = any(names.DEPENDENCIES.match(e) or e in {"setup.py", "pyproject.toml"} for e in own)
        if top.startswith(".") or names.folded(top) in names.TESTS:
            continue  # what tests need of their own makes no project of them
        if asks and any(facts.files[p].content in works for p in paths):
            found.append(top)
    if len(found) == 1 and _inside(facts, tops, found[0], at_root):
        return tuple(found)
    if len(found) < 2:
        return ()
    shared = any(names.DEPENDENCIES.match(path) for path in at_root)
    shared = shared or ("pyproject.toml" in at_root and _is_built(repo, "pyproject.toml"))
    together = any(names.COMPOSE.match(path) for path in at_root)
    if shared and (together or not _apart(facts, tops, found)):
        return ()
    return tuple(sorted(found))


def _inside(facts: Facts, tops: dict[str, list[str]], top: str, at_root: list[str]) -> bool:
    """Tell whether the whole project is one folder below the root, with a README of its own."""
    if any(names.DEPENDENCIES.match(path) or names.BUILD.match(path) for path in at_root):
        return False
    if names.folded(top) in names.CODE_WRAPPERS | {"src"}:
        return False
    works = CODE | {"notebook"}
    inside = all(
        path.startswith(f"{top}/") for path, f in facts.files.items() if f.content in works
    )
    return inside and any(re.match(r"[^/]+/readme", path, re.IGNORECASE) for path in tops[top])


def _apart(facts: Facts, tops: dict[str, list[str]], found: list[str]) -> bool:
    """Tell whether folders explain themselves, hold most of the code, and import no other."""
    readme = re.compile(r"[^/]+/readme", re.IGNORECASE)
    explained = [top for top in found if any(map(readme.match, tops[top]))]
    if len(explained) < MANY_PROJECTS or len(explained) < len(found) * 0.8:
        return False
    code = Counter(path.split("/")[0] for path, fact in facts.files.items() if fact.content in CODE)
    if sum(code[top] for top in found) < 0.8 * sum(code.values()):
        return False
    return not any(
        who.split("/")[0] != top
        for top in found for path in tops[top] for who in facts.files[path].importers
    )  # fmt: skip


def _old(facts: Facts) -> str:
    """Say why none of the code can be edited: it is Python 2, or in other languages; else ""."""
    old, new = len(facts.of("python 2")), len(facts.of("python"))
    if facts.of("source") and not facts.of(*CODE, "notebook", "r"):
        return "no code is Python"
    return f"{old} of {old + new} Python files are Python 2" if old > new else ""


def _mixed(facts: Facts, tops: dict[str, list[str]]) -> str:
    """Say why a repository is too mixed to be split by kind, "" if it is not."""
    contents = Counter(fact.content for fact in facts.files.values())
    old = contents["python 2"]
    if 2 * old > contents["python"]:
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
