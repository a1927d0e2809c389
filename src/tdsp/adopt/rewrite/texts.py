"""Files that are no Python: only whole words that are exactly the path of a file that moves."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tdsp.adopt.plan import Note
from tdsp.adopt.rewrite.layout import Layout, relative, words
from tdsp.adopt.rewrite.source import Change, Source

LINK = re.compile(r"(!?\[[^\]\n]*\]\(\s*<?)([^)\s>]+)(?=[>)\s])|((?:src|href)=[\"'])([^\"'\n]+)")
TOKEN = re.compile(r"(?<![\w./\\:@~$%*{}+-])(?:\./)?[\w][\w.+-]*(?:/[\w.+-]+)*(?![\w/\\*{}+-])")
APP = re.compile(r"(?<![\w./-])([A-Za-z_]\w*(?:\.\w+)*):([A-Za-z_]\w*)(?![\w./:-])")
MODULE = re.compile(r"(python3?|pytest)\s+-m\s+([A-Za-z_][\w.]*)")
NAMES = re.compile(
    r"(Procfile|Makefile|GNUmakefile|Dockerfile[\w.-]*|Containerfile|\.gitattributes|\.dockerignore|"
    r"CODEOWNERS|dvc\.yaml|(docker-)?compose[\w.-]*\.ya?ml|Jenkinsfile|MLproject|tox\.ini|app\.yaml)$",
    re.IGNORECASE,
)
ENDS = (".sh", ".bash", ".r", ".rmd", ".bat", ".cmd", ".ps1", ".mk")
PIPELINES = words(
    ".gitlab-ci.yml .travis.yml azure-pipelines.yml appveyor.yml bitbucket-pipelines.yml"
)
DOCUMENTS = (".md", ".rst", ".markdown")
COMMAND = re.compile(
    r"(?m)^[ \t]*(?:[$>]\s+)?(?:python3?|bash|sh|streamlit|Rscript|jupyter|papermill|uvicorn|"
    r"gunicorn|flask|pytest|mlflow|uv run)\s.*$"
)
ENTERS = re.compile(
    r"(?m)^[^#\n]*(?:\bcd[ \t]+(?![<\[]|\"?\$\(dirname)[\w./$]|pushd |"
    r"working-directory:|wdir:|setwd\()"
)
SETTINGS = (".yaml", ".yml", ".toml", ".ini", ".cfg", ".json", ".conf", ".env", ".properties")
MOST = 200_000
WHY = "path of a file that moves"


@dataclass(frozen=True, slots=True)
class Words:
    """A text whose words are looked at: the folder of its paths today, and after the move."""

    source: Source
    old: str
    new: str


def is_text(path: str) -> bool:
    """Tell whether a file's words are commands or settings that name files."""
    name = posixpath.basename(path)
    workflow = path.startswith((".github/workflows/", ".circleci/")) or name in PIPELINES
    return bool(NAMES.match(name)) or name.lower().endswith(ENDS) or workflow


def is_document(path: str) -> bool:
    """Tell whether a file is a page with links."""
    return path.lower().endswith(DOCUMENTS)


def is_setting(path: str) -> bool:
    """Tell whether a file holds settings that some program reads."""
    return path.lower().endswith(SETTINGS)


def settings(page: Words, layout: Layout) -> list[Note]:
    """Return a note for each setting that is the path of a file that moves.

    Who reads it is not known, so it is not known either what the path starts from.
    """
    notes: list[Note] = []
    for each in (*tokens(page, layout, notes), *modules(page, layout, notes)):
        text = page.source.text[each.start : each.end]
        _note(page, each.start, f"the setting `{text}` may become {each.new}", notes)
    return notes


def links(page: Words, layout: Layout) -> Iterator[Change]:
    """Yield the links and pictures of a page that lead to a file that moves."""
    for match in LINK.finditer(page.source.text):
        group = 2 if match[2] else 4
        whole = match[group]
        text = re.split(r"[#?]", whole)[0]
        if not text or "://" in text or text.startswith(("/", "mailto:", "data:")) or "%" in text:
            continue
        old = posixpath.normpath(posixpath.join(page.old, text))
        place = layout.location(old) if old in layout.files or old in layout.folders else None
        if place is None:
            continue
        new = relative(place, page.new)
        if posixpath.normpath(text) == new or re.search(r"[\s()<>\"']", new):
            continue
        new = f"{new}/" if text.endswith("/") else new
        start = match.start(group)
        yield Change(start, start + len(text), new, "link to a file that moves")


def changes(page: Words, layout: Layout, notes: list[Note]) -> list[Change]:
    """Return the changes of a file of commands or settings.

    A folder that is entered on the way, or an image in which a command is run, makes it unknown
    what a word means: then all are notes.
    """
    text, path = page.source.text, page.source.path
    name = posixpath.basename(path)
    if name in {".gitattributes", "CODEOWNERS"}:
        _patterns(page, layout, notes)
    found = [*tokens(page, layout, notes), *modules(page, layout, notes)]
    if name.lower().startswith(("dockerfile", "containerfile")):
        found = _in_image(page, found, notes)
    elsewhere = name.lower().startswith(("docker-compose", "compose")) or ENTERS.search(text)
    if not found or not elsewhere:
        return found
    for each in found:
        _note(page, each.start, f"`{text[each.start : each.end]}` becomes {each.new}", notes)
    return []


def commands(page: Words, layout: Layout, notes: list[Note]) -> Iterator[Change]:
    """Yield the paths in the commands of a page, which are lines that begin with a program."""
    entered = re.findall(r"\bcd[ \t]+(?:\./)?([\w./-]*\w)", page.source.text)
    if any(each in layout.folders for each in entered):
        return
    lines = [match.span() for match in COMMAND.finditer(page.source.text)]
    for each in (*tokens(page, layout, []), *modules(page, layout, [])):
        if any(start <= each.start < end for start, end in lines):
            yield each


def tokens(page: Words, layout: Layout, notes: list[Note]) -> Iterator[Change]:
    """Yield the words that are exactly the path of a file that moves."""
    own = posixpath.dirname(page.source.path)
    for match in TOKEN.finditer(page.source.text):
        text = match[0].rstrip(".")
        if _line(page.source.text, match.start()).lstrip().startswith(("#", "::", "REM ")):
            continue
        old = posixpath.normpath(posixpath.join(page.old, text))
        beside = posixpath.normpath(posixpath.join(own, text))
        named = beside in layout.files or "/" in text
        if beside != old and named and layout.moved(beside):
            _note(page, match.start(), f"`{text}` may be {beside}, which moves", notes)
            continue
        if not layout.moved(old):
            continue
        if old in layout.folders:
            if "/" in text:
                _note(page, match.start(), f"`{text}` names a folder that moves", notes)
        elif "." in posixpath.basename(text):
            new = relative(layout.target(old), page.new)
            if re.search(r"[^\w./+-]", new):
                _note(page, match.start(), f"`{text}` goes to {new}", notes)
                continue
            new = f"./{new}" if text.startswith("./") else new
            yield Change(match.start(), match.start() + len(text), new, WHY)


def _in_image(page: Words, found: list[Change], notes: list[Note]) -> list[Change]:
    """Return the changes of a container file: what is run lies where it has been copied to."""
    text = page.source.text
    whole = re.search(r"(?mi)^\s*(COPY|ADD)\s+(--\S+\s+)*\.\s+\S+", text)
    kept = []
    for each in found:
        line = _line(text, each.start)
        copied = re.match(r"\s*(COPY|ADD)\s", line, re.IGNORECASE)
        last = text[each.end :].split("\n", 1)[0].strip() == ""
        if (copied and not last) or (not copied and whole):
            kept.append(each)
    if found:
        _note(page, found[0].start, "the image has to install the package", notes)
    return kept


def _patterns(page: Words, layout: Layout, notes: list[Note]) -> None:
    for match in re.finditer(r"(?m)^\s*([^#\s]\S*)", page.source.text):
        head = re.split(r"[*?\[]", match[1].lstrip("/"))[0].rpartition("/")[0]
        if head and layout.moved(head):
            _note(
                page, match.start(1), f"the pattern `{match[1]}` is of a folder that moves", notes
            )


def modules(page: Words, layout: Layout, notes: list[Note]) -> Iterator[Change]:
    """Yield the modules that a server or `python -m` is started with."""
    for pattern, group in ((APP, 1), (MODULE, 2)):
        for match in pattern.finditer(page.source.text):
            name = match[group]
            old = posixpath.join(page.old, name.replace(".", "/"))
            found = next((p for p in (f"{old}.py", f"{old}/__init__.py") if p in layout.files), "")
            if not found or not layout.moved(found):
                continue
            new = layout.module(found)
            if not new:
                _note(page, match.start(), f"`{name}` goes to {layout.target(found)}", notes)
            elif new != name:
                start = match.start(group)
                yield Change(start, start + len(name), new, "name of a module that moves")


def _line(text: str, at: int) -> str:
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return text[start : end if end >= 0 else len(text)]


def _note(page: Words, at: int, text: str, notes: list[Note]) -> None:
    notes.append(Note(page.source.path, page.source.line(at), text))
