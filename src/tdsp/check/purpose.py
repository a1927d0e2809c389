"""What code is for: a product, a lesson, or what a tool wrote as a starting point.

Advice on how a model is kept, watched and described is for models that somebody uses. A chapter of
a book or an exercise of a course has none.
"""

import re

from tdsp.check.rule import once
from tdsp.reading import Repository
from tdsp.reading.python import Module

FOLDERS = re.compile(
    r"(?i)(^|/)((\d+[-_ ]?)?(chapters?|lectures?|lessons?|exercises?|homeworks?|assignments?|labs|"
    r"workshops?|tutorials?|solutions?|courses?)([-_ ][^/]*|\d+)?|(ch|week|hw|lab)[-_ ]?\d+[^/]*|"
    r"[^/]*_exercises?|exercise_files|0x[\da-f]{2}[-_][^/]*)/"
)
# The title of a book or a course, and how the text beside its code begins.
TITLE = re.compile(
    r"(?i)\b(book|bookcamp|course|bootcamp|zoomcamp|workshop|tutorials?|lectures?|exercises|"
    r"homeworks?|curriculum|(sample|example) (projects|pipelines|notebooks)|"
    r"\d+\+? ([\w-]+ ){0,3}projects)\b"
)
SAID = re.compile(
    r"(?i)\b(code|notebooks?|material|examples?|exercises|labs|repository)\b[^.\n]{0,60}"
    r"\b(for|of|from|to|in)\b[^.\n]{0,60}\b(book|course|workshop|lectures?|tutorial)\b|"
    r"\bwelcome to (the|this|my|our) (\w+ )?(course|workshop|tutorial)\b|"
    r"\bthis (course|workshop|book|tutorial)\b"
)
PLACEHOLDER = re.compile(r"PATH/TO/DATA/FILE|exported_pipeline|COLUMN_SEPARATOR")


# Folders of a product, which a course may be about; one of lessons has many others.
PARTS = frozenset(
    (
        "src",
        "tests",
        "test",
        "scripts",
        "docs",
        "notebooks",
        "deploy",
        "app",
        "api",
        "data",
        "tools",
    )
)


def _readme(repo: Repository) -> tuple[str, str]:
    """Return the title of the README, and how its text begins."""
    text = next((f.text or "" for f in repo.named(r"(?i)readme(\.(md|rst|txt))?")), "")[:3000]
    title = re.search(r"(?m)^#+ *(.+)$|<h1[^>]*>([\s\S]{0,400}?)</h1>|^(.+)\n={4,} *$", text)
    return next((each for each in title.groups() if each), "") if title else "", text


@once
def _homes(repo: Repository) -> set[str]:
    """Return the folders of the files that say what a project needs."""
    paths = [each.path for each in repo.requirements] + [each.path for each in repo.locks]
    return {each.rpartition("/")[0] for each in paths}


def project(repo: Repository, path: str) -> str:
    """Return the nearest folder above a file that says what it needs: its project's."""
    while path:
        path = path.rpartition("/")[0]
        if path in _homes(repo):
            break
    return path


def apart(repo: Repository, one: str, other: str) -> bool:
    """Tell whether two files are of two projects, of which neither is a part of the other."""
    here, there = (f"{project(repo, path)}/" for path in (one, other))
    return "/" not in {here, there} and not here.startswith(there) and not there.startswith(here)


@once
def examples(repo: Repository) -> bool:
    """Tell whether the title of the README says that these are examples."""
    return bool(re.search(r"(?i)\bexamples?\b", _readme(repo)[0]))


@once
def teaches(repo: Repository) -> bool:
    """Tell whether the README says that the repository is of a course, a book or a workshop."""
    title, text = _readme(repo)
    parts = {path.split("/", 1)[0] for path in repo.python if "/" in path}
    if len({part.lower() for part in parts} - PARTS) < 3:
        return False  # one product, though a course may be about it
    return bool(TITLE.search(title) or SAID.search(text))


def lesson(repo: Repository, path: str) -> bool:
    """Tell whether a file is part of a lesson: by its folder, or by what the README says."""
    return bool(FOLDERS.search(path)) or teaches(repo)


def exported(module: Module) -> bool:
    """Tell whether a file is what TPOT found, with the placeholders that it writes."""
    return bool(PLACEHOLDER.search(module.source))


# Files that read rows to score, to watch or to show them, and not to train.
BEYOND = re.compile(
    r"(?i)(^|[/_-])(monitor\w*|drift|scor(e|ing)|predict\w*|infer\w*|serv(e|ing|er|ice)|app|api|main_api|"
    r"dashboard|locust\w*|load_?test\w*|simulat\w*|views?|routes?)(?=[/_.-])"
)
CHECKING = re.compile(
    r"(?i)^_?(validate|check|verify|assert)_?(the_)?(schema|columns?|data(set|frame)?|input|features|df|"
    r"number_of_columns|all_columns\w*|required_columns)$"
)
NAMED = re.compile(r"(?i)^_?(expected|required)_?(columns|cols|features|schema)$")


def columns_checked(module: Module) -> tuple[Module, int] | None:
    """Return where a file checks the columns of a table by hand."""
    for function in module.functions:
        if CHECKING.match(function.name):
            return module, function.line
    for each in module.assigns:
        if any(NAMED.match(name) for name in each.targets):
            return module, each.line
    return None


def shows(module: Module) -> bool:
    """Tell whether a file is of a page that people look at, and trains nothing."""
    page = any(re.match(r"(streamlit|dash|gradio)(\.|$)", each.module) for each in module.imports)
    return page and not any(call.method == "fit" for call in module.calls)


def toy(module: Module) -> bool:
    """Tell whether a file has its rows from a library, which describes them."""
    return any(re.match(r"sklearn\.datasets\.(load|fetch|make)_", c.name) for c in module.calls)
