"""What the site is made from.

README.md, docs/ and every document that these link to become pages, other files that they link to
come along. What no command has written yet is a page that says so.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt

from tdsp.errors import TdspError
from tdsp.people.governance import trail
from tdsp.people.project import Project

Sources = dict[str, bytes]  # by path

MONITOR = "reports/monitoring/monitor.html"
RUN = ("model/report", "model/card", "model/baseline", "data/definition", "data/report")
# Which command of a generated project writes them.
WRITTEN = {f"docs/{name}.md": "uv run poe pipeline" for name in (*RUN, "project/exit")}
WRITTEN |= {MONITOR: "uv run poe monitor", trail.PAGE: "tdsp trail"}
WRITTEN |= {"lineage.md": "uv run PACKAGE register"}
FIRST = ("start", "project", "data", "model", "lineage", "process", "roles", "governance")
LAST = "repository"
LITERAL = re.compile(r"[\\`*_\[\]<>|#~&!$]")  # means something in Markdown
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
STUB = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><main><h1>{title}</h1><p>{text}</p></main></html>
"""


def everything(project: Project) -> Sources:
    """Return all of it, with the first page, which leads to every other."""
    ours = "package_name" in project.answers  # who made the project otherwise has other commands
    promised = WRITTEN if ours else {}
    found = gather(project.root, promised) | (lineage(project) if ours else {})
    missing = unwritten(found, promised)
    pages = found | missing
    return pages | {"index.md": home(project, pages, set(missing)).encode()}


def links(text: str) -> Iterator[str]:
    """Yield the paths that a document links to."""
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        for token in block.children or []:
            target = str(token.attrGet("href") or token.attrGet("src") or "").partition("#")[0]
            if target and not ADDRESS.match(target):
                yield unquote(target)


def gather(root: Path, promised: dict[str, str]) -> Sources:
    """Return what the site is made from: README.md, docs/, what is written, what these link to."""
    pages = [path for path in (root / "docs").rglob("*") if path.suffix in {".md", ".html"}]
    queue = [
        *(["README.md"] if (root / "README.md").is_file() else []),
        *(path.relative_to(root).as_posix() for path in sorted(pages)),
    ]
    queue += [name for name in promised if (root / name).is_file()]
    found: Sources = {}
    for name in queue:  # it grows
        if name in found:
            continue
        found[name] = (root / name).read_bytes()
        if name.endswith(".md"):
            leads = (os.path.normpath(Path(name).parent / to) for to in links(found[name].decode()))
            queue += [Path(to).as_posix() for to in leads if (root / to).is_file()]
    return found


def unwritten(found: Sources, promised: dict[str, str]) -> Sources:
    """Return a page for each document that no command has written yet."""
    pages = {}
    for name in promised.keys() - found.keys():
        title, text = named(name), f"Not written yet. {promised[name]} writes it."
        markdown = f"# {title}\n\nNot written yet. `{promised[name]}` writes it.\n"
        stub = markdown if name.endswith(".md") else STUB.format(title=title, text=text)
        pages[name] = stub.encode()
    return pages


def lineage(project: Project) -> Sources:
    """Return a page for each registered model, their list, and what was done to them."""
    try:
        registry = trail.registry(project)
        approvals = trail.approvals(project) if registry.versions else []
    except TdspError as error:
        return {"lineage.md": f"# Lineage\n\nNot known: {literal(error)}\n".encode()}
    if not registry.versions:
        return {}
    pages: Sources = {}
    rows = ["# Lineage\n", "| version | model | alias | registered |", "| --- " * 4 + "|"]
    for each in registry.versions:
        name, alias = f"lineage/{each.number}.md", ", ".join(each.aliases) or "none"
        rows += [
            f"| [{each.number}]({name}) | {each.model_id} | {alias} | {each.created_at[:10]} |"
        ]
        lines = [f"# Version {each.number}"]
        for question, facts in each.lineage.items():
            listed = (f"- {literal(key)}: {literal(fact)}" for key, fact in facts.items())
            lines += [f"\n## {literal(question)}\n", *listed]
        pages[name] = "\n".join(lines).encode()
    events = trail.trail(registry, approvals)
    pages[trail.PAGE] = trail.as_page(project.name, events).encode()
    return {"lineage.md": "\n".join(rows).encode(), **pages}


def literal(value: object) -> str:
    """Have Markdown show a text as it is, on one line."""
    return LITERAL.sub(r"\\\g<0>", " ".join(str(value).split()))


def named(name: str) -> str:
    """Return what a page without a title of its own is called."""
    return Path(name).stem.replace("-", " ").capitalize()


def home(project: Project, found: Sources, missing: set[str]) -> str:
    """Return the first page: what the project is, what is not written yet, all pages by section."""
    about = str(project.metadata.get("description", ""))
    lines = [f"# {literal(project.name)}\n", f"{literal(about)}\n"]
    lines += ["## Not written yet\n"] if missing else []
    lines += [f"- [{named(name)}]({name}): `{WRITTEN[name]}`" for name in sorted(missing)]
    reports = sorted(name for name in {*found} - missing if name.endswith(".html"))
    lines += ["\n## Reports\n"] if reports else []  # whole pages, which have no place in the menu
    lines += [f"- [{named(name)}]({name})" for name in reports]
    sections: dict[str, list[str]] = {name: [] for name in FIRST}
    for name in sorted(found, key=lambda name: (not name.endswith("README.md"), name)):
        parts = Path(name).with_suffix("").parts
        section = parts[1] if parts[0] == "docs" and len(parts) > 2 else LAST
        section = {"README": "start", "lineage": "lineage"}.get(parts[0], section)
        if name.endswith(".md"):
            sections.setdefault(section, []).append("/".join(parts))
    rest = sections.pop(LAST, [])
    for section, inside in [*sections.items(), (LAST, rest)]:
        toctree = ["\n```{toctree}", f":caption: {named(section)}", ":maxdepth: 1", *inside, "```"]
        lines += toctree if inside else []
    return "\n".join(lines) + "\n"
