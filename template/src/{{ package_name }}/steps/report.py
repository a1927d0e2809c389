"""The documents of the last run: Markdown for git, and the same as pages that work offline."""

import os
import re
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from .. import paths
from ..errors import ProjectError, run
from ..io.files import read_json, replacing
from ..settings import Settings, load, read_yaml

# Open questions; `tdsp docs` lists them by the same pattern.
OPEN = re.compile(r"(?<!\\)\[open: (?!…)[^\]]+\]")
ENDS = re.compile(r"\(-?[\d,.]+ to -?[\d,.]+\)")
JOINERS = "\u200c\u200d"  # parts of words; other signs without a shape are named
# An underscore inside a word means nothing in Markdown, and names are full of them.
SPECIAL = re.compile(r"[\\`*\[\]<>|#~&!$]|(?<![^\W_])_|_(?![^\W_])")


def render(settings: Settings, root: Path) -> dict[str, str]:
    """Return the documents of paths.DOCUMENTS; parts that the run did not reach are named so."""
    environment = templates(PackageLoader(__package__, "templates"), _literal)
    environment.filters["figure"] = _figure
    values = {
        "project": title(root),
        "module": paths.PROJECT,
        "settings": settings,
        "metric": settings.evaluate.metric,
        "found": {path.stem: read_json(path) for path in (root / paths.REPORTS).glob("*.json")},
        "package": read_json(root / paths.PACKAGE / "package.json"),
        "plots": lambda pattern: _plots(root, pattern),
        "fact": _facts(root / paths.FACTS),
        "there": lambda path: (root / path).is_file(),
    }
    return {name: environment.get_template(f"{name}.md.j2").render(values) for name in paths.PAGES}


def title(root: Path) -> str:
    """Return the project's name as people write it; without the answers file the package's."""
    try:
        return str(read_yaml(root / paths.ANSWERS, "")["project_name"])
    except (ProjectError, LookupError, TypeError):
        return paths.PROJECT


def templates(loader: PackageLoader, finalize: Callable[[Any], Any] | None = None) -> Environment:
    """Give the templates of a folder: values are escaped, and one that is missing is an error."""
    options: Any = {"undefined": StrictUndefined, "keep_trailing_newline": True}
    return Environment(loader=loader, autoescape=True, finalize=finalize, **options)


def _literal(value: Any) -> Markup:
    """Escape a text of the data for Markdown, on one line: a column may have any name."""
    if isinstance(value, Markup):
        return value
    text = visible(re.sub(r"\s+", " ", str(value)))
    return Markup(SPECIAL.sub(r"\\\g<0>", text))  # noqa: S704


def visible(text: str) -> str:
    """Name what nobody would see, such as U+202E, which turns the text that follows around."""
    return "".join(c if c.isprintable() or c in JOINERS else f"[U+{ord(c):04X}]" for c in text)


def _figure(value: Any) -> str:
    if not isinstance(value, int | float) or value != value:
        return "undefined"
    decimals = 4 if abs(value) < 10 else 2
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"  # no minus before a zero


def _plots(root: Path, pattern: str) -> list[str]:
    """Name the figures as the documents' links do, the comparison with the baselines first."""
    found = (path.relative_to(root) for path in (root / paths.REPORTS).glob(f"{pattern}.svg"))
    ordered = sorted(found, key=lambda path: (path.stem != "intervals", path.name))
    return [f"../../{path.as_posix()}" for path in ordered]


def _facts(path: Path) -> Any:
    """Return a function that gives the team's answer to a question, or a placeholder."""
    facts = read_yaml(path, "") if path.exists() else {}
    if not isinstance(facts, dict):
        raise ProjectError(f"{path} holds no answers of the form `question: answer`")

    def fact(key: str) -> Markup:
        answer = facts.get(key) or f"[open: {key}, in {paths.FACTS.as_posix()}]"
        return Markup(str(answer).strip().replace("\n", "\n  "))  # noqa: S704  the team's own

    return fact


def page(name: str, text: str, root: Path) -> str:
    """Return the document as an HTML page, with its figures inside."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for part in (part for token in tokens for part in token.children or []):
        _adapt(part, root, paths.DOCUMENTS[name].parent)
    body = parser.renderer.render(tokens, parser.options, {})
    template = templates(PackageLoader(__package__, "templates")).get_template("page.html.j2")
    heading = re.sub(r"\\(.)", r"\1", text.partition("\n")[0].removeprefix("# "))
    passed = read_json(root / paths.GATE).get("passed") is True
    values = {"name": name, "title": heading, "pages": paths.PAGES, "passed": passed}
    # HTML in a document was made text by the parser.
    return template.render(values, body=Markup(body))  # noqa: S704


def _adapt(part: Token, root: Path, folder: Path) -> None:
    """Put figures into the page, and have links lead to what the document in `folder` links to.

    Of text, mark open questions, keep an interval on one line, and let a long name break.
    """
    target = os.path.normpath(folder / str(part.attrGet("src") or part.attrGet("href")))
    if part.type == "image" and target.endswith(".svg") and (root / target).is_file():
        svg = "<svg" + (root / target).read_text(encoding="utf-8").partition("<svg")[2]
        label = f'role="img" aria-label="{escape(part.content)}"'
        part.type, part.content = "html_inline", f'<span class="plot" {label}>{svg}</span>'
    elif part.type == "link_open" and ":" not in target:
        pages = {os.path.normpath(paths.DOCUMENTS[n]): p for n, p in paths.PAGES.items()}
        leads = os.path.relpath(pages.get(target, target), paths.REPORTS)
        part.attrSet("href", Path(leads).as_posix())
    elif part.type == "text":
        text = OPEN.sub(r"<mark>\g<0></mark>", str(escape(part.content)))
        text = ENDS.sub(r'<span class="ends">\g<0></span>', text).replace("_", "_<wbr>")
        part.type, part.content = "html_inline", text


def main() -> None:
    """Write the documents of the last run, also of a rejected one, and pages of them; --open."""
    root = Path()
    for name, text in render(load(paths.PARAMS), root).items():
        html = page(name, text, root)
        for path, content in {paths.DOCUMENTS[name]: text, paths.PAGES[name]: html}.items():
            with replacing(path) as temporary:
                temporary.write_text(content, encoding="utf-8", newline="\n")
    sys.stdout.write(f"Report: {paths.REPORT.resolve()}\n")
    if "--open" in sys.argv:
        webbrowser.open(paths.REPORT.resolve().as_uri())


if __name__ == "__main__":
    run(main)
