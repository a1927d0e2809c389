"""What code is for: a product, a lesson, or what a tool wrote as a starting point.

Advice on how a model is kept, watched and described is for models that somebody uses. A chapter of
a book or an exercise of a course has none.
"""

import re

from tdsp.check.rule import once
from tdsp.reading import Repository
from tdsp.reading.python import Module

FOLDERS = re.compile(
    r"(?i)(^|/)((\d+[-_ ]?)?(chapters?|lectures?|lessons?|exercises?|homeworks?|assignments?|labs?|"
    r"workshops?|tutorials?|solutions?|courses?)([-_ ][^/]*|\d+)?|(ch|week|hw|lab)[-_ ]?\d+[^/]*|"
    r"[^/]*_exercises?|exercise_files)/"
)
# The title of a book or a course, and how the text beside its code begins.
TITLE = re.compile(
    r"(?i)\b(book|bookcamp|course|bootcamp|zoomcamp|workshop|tutorials?|lectures?|exercises|"
    r"homeworks?|curriculum)\b"
)
SAID = re.compile(
    r"(?i)\b(code|notebooks?|material|examples?|exercises|labs|repository)\b[^.\n]{0,60}"
    r"\b(for|of|from|to|in)\b[^.\n]{0,60}\b(book|course|workshop|lectures?|tutorial)\b|"
    r"\bwelcome to (the|this|my|our) (\w+ )?(course|workshop|tutorial)\b|"
    r"\bthis (course|workshop|book|tutorial)\b"
)
PLACEHOLDER = re.compile(r"PATH/TO/DATA/FILE|exported_pipeline|COLUMN_SEPARATOR")


@once
def teaches(repo: Repository) -> bool:
    """Tell whether the README says that the repository is of a course, a book or a workshop."""
    text = next((f.text or "" for f in repo.named(r"(?i)readme(\.(md|rst|txt))?")), "")[:3000]
    title = re.search(r"(?m)^#+ *(.+)$|<h1[^>]*>([\s\S]{0,400}?)</h1>|^(.+)\n={4,} *$", text)
    named = title is not None and TITLE.search(next(each for each in title.groups() if each))
    return bool(named or SAID.search(text))


def lesson(repo: Repository, path: str) -> bool:
    """Tell whether a file is part of a lesson: by its folder, or by what the README says."""
    return bool(FOLDERS.search(path)) or teaches(repo)


def exported(module: Module) -> bool:
    """Tell whether a file is what TPOT found, with the placeholders that it writes."""
    return bool(PLACEHOLDER.search(module.source))
