"""What `tdsp site` adds to Sphinx: links to files and folders of the project, Mermaid diagrams."""

import os
import re
import shutil
from collections.abc import Sequence
from html import escape
from pathlib import Path

import mermaidx
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# What furo leaves out for keyboards and screen readers.
REPAIRS = {
    ' role="heading"': ' role="heading" aria-level="2"',
    '<aside class="sidebar-drawer"': '<aside aria-label="Pages" class="sidebar-drawer"',
    '<aside class="toc-drawer': '<aside aria-label="Contents" class="toc-drawer',
    "<pre>": '<pre tabindex="0">',
    '<th class="head"><p></p></th>': "<td></td>",
    '<div id="search-results">': '<h1>Search</h1>\n<div id="search-results">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}


class Mermaid(SphinxDirective):
    """A diagram, drawn now: the reader's browser needs no script for it."""

    has_content = True

    def run(self) -> Sequence[nodes.Node]:
        """Return the drawing, or a complaint that names the line."""
        try:
            svg = mermaidx.render("\n".join(self.content)).svg()
        except Exception as error:
            raise self.error(f"the diagram cannot be drawn: {error}") from None
        # It scrolls where it is too wide, which the keyboard has to reach.
        html = f'<div class="diagram" tabindex="0" role="group" aria-label="Diagram">{svg}</div>'
        return [nodes.raw("", html, format="html", classes=["diagram"])]


def name_diagrams(app: Sphinx, doctree: nodes.document) -> None:
    """Call a diagram by the title of its section, and its parts as no other's on the page."""
    for number, node in enumerate(list(doctree.findall(nodes.raw))):
        if "diagram" in node["classes"]:
            title, drawn = escape(node.parent[0].astext()), node.astext()
            drawn = drawn.replace("my-svg", f"diagram-{number}")
            # Where it would have to shrink below that to fit, it scrolls: it stays legible.
            width = re.search(r'viewBox="\S+ \S+ ([\d.]+)', drawn)
            least = f"{0.7 * float(width[1]):.0f}px" if width else "auto"
            drawn = drawn.replace("<svg ", f'<svg aria-label="{title}" ', 1)
            drawn = drawn.replace('style="', f'style="min-width: {least}; ', 1)
            node.replace_self(nodes.raw("", drawn, format="html"))


def keep_files(app: Sphinx, doctree: nodes.document) -> None:
    """Lead to a file by its path in the project, in place of a download under another name."""
    page = Path(app.env.docname)
    for node in list(doctree.findall(addnodes.download_reference)):
        name = os.path.normpath(page.parent / str(node["reftarget"]))
        (app.outdir / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(app.srcdir / name, app.outdir / name)
        leads = Path(os.path.relpath(name, page.parent)).as_posix()
        node.replace_self(nodes.reference("", "", *node.children, refuri=leads))


def name_folders(app: Sphinx, doctree: nodes.document) -> None:
    """Show a link to a folder of the project as text: a site has no page for it."""
    page = Path(app.config.project_root or app.confdir.parent) / app.env.docname
    for node in list(doctree.findall(addnodes.pending_xref)):
        if (page.parent / str(node["reftarget"])).is_dir():
            node.replace_self(node.children)


def repair(app: Sphinx, error: Exception | None) -> None:
    """Mend what axe finds in the theme; tests of the template look whether it is needed."""
    for name in () if error else (*app.env.found_docs, "search"):
        path = app.outdir / f"{name}.html"
        text = path.read_text(encoding="utf-8")
        for old, new in REPAIRS.items():
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Be called by Sphinx; a conf.py names this file. `project_root` has the linked folders."""
    app.add_config_value("project_root", "", "env")
    app.add_directive("mermaid", Mermaid)
    app.connect("doctree-read", keep_files, priority=100)  # before Sphinx counts downloads
    app.connect("doctree-read", name_folders)
    app.connect("doctree-read", name_diagrams)
    app.connect("build-finished", repair)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
