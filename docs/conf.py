"""The site of these documents: `make site`, by Sphinx, furo and MyST (decision 22)."""

from sphinx.application import Sphinx

project = "tdsp"
# Ours mends furo for keyboards and screen readers, as in the projects' own sites.
extensions = ["myst_parser", "tdsp.people.site.extension"]
html_theme = "furo"
html_title = "tdsp"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = html_show_sourcelink = html_use_index = False
# Sphinx would fetch each page for it, which a browser refuses from file://.
html_show_search_summary = False
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
# These documents are read on the code host too: no syntax that only Sphinx knows.
myst_disable_syntax = ["myst_block_break", "myst_line_comment", "myst_role", "myst_target"]
highlight_language = "text"
exclude_patterns = ["tour/*"]

MENU = {
    "Use": ("start", "work", "update", "check", "checks", "adopt", "tour", "elsewhere"),
    "People": ("readiness", "playbook", "learn/README"),
    "Factory": (
        *("factory", "factory/first-week", "factory/operating", "fleet", "dashboard"),
        *("fleet-update", "factory/patterns", "factory/shared", "factory/review", "rollouts"),
    ),
    "Why": ("opinions", "comparison", "decisions/README"),
}


def with_menu(app: Sphinx, name: str, source: list[str]) -> None:
    """Give the pages their menu here, so that the Markdown stays plain on a code host."""
    if name == "index":
        source[0] += "".join(_tree(pages, caption) for caption, pages in MENU.items())
    if name in {"learn/README", "decisions/README"}:
        folder = (app.srcdir / name).parent
        pages = sorted(path.stem for path in folder.glob("*.md") if path.stem != "README")
        source[0] += _tree(tuple(pages), "")


def _tree(pages: tuple[str, ...], caption: str) -> str:
    options = f":caption: {caption}\n" if caption else ""
    return f"\n```{{toctree}}\n:hidden:\n{options}\n" + "\n".join(pages) + "\n```\n"


def setup(app: Sphinx) -> None:
    """Be called by Sphinx."""
    app.connect("source-read", with_menu)
