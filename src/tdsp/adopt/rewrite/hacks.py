"""Changes of sys.path that the installed package makes needless, removed where that is certain."""

import posixpath
import re
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite.layout import Layout
from tdsp.adopt.rewrite.resolve import NOWHERE, Doubt, Resolver
from tdsp.adopt.rewrite.source import Parsed
from tdsp.adopt.rewrite.walk import Walker, dotted

CALLS = frozenset(("sys.path.append", "sys.path.insert"))
UP = re.compile(r"dirname|\.parent\b|\.parents\b|\.\.")
LEVELS = re.compile(r"\.parents\[(\d)\]")
KEPT = "sys.path.append(...) is kept", "sys.path.insert(...) is kept"
WHY = "the installed package does not need it"


def drop(parsed: Parsed, layout: Layout, resolver: Resolver) -> None:
    """Plan to remove the changes of sys.path of a file, if all that it leads to is in the package.

    A change that may lead out of the repository stays, and so do all where one import is not clear.
    """
    if not layout.moved(parsed.path) or not _certain(parsed.path, layout, resolver):
        return
    finder = _Finder(parsed)
    finder.walk(parsed.tree)
    for node, alone in finder.found:
        start, end = parsed.span(node)
        text = parsed.source.text
        first = text.rfind("\n", 0, start) + 1
        after = text.find("\n", end)
        after = len(text) if after < 0 else after
        if alone or text[first:start].strip() or text[end:after].strip():
            continue
        last = after if parsed.path.endswith(".ipynb") or after == len(text) else after + 1
        first = start if parsed.path.endswith(".ipynb") else first
        parsed.change(first, last, "", WHY)
        line = parsed.source.line(start)
        parsed.notes[:] = [
            each for each in parsed.notes if each.line != line or not each.text.startswith(KEPT)
        ]


def _certain(path: str, layout: Layout, resolver: Resolver) -> bool:
    """Tell whether each local import that a file leads to has a name in the package."""
    waiting, seen = [path], {path}
    while waiting:
        here = waiting.pop()
        for each in resolver.code[here].imports if here in resolver.code else ():
            if each.level or not each.module:
                continue
            found = resolver.resolve(here, each.module, frozenset())
            if isinstance(found, Doubt):
                return False
            if found == NOWHERE:
                continue
            name = layout.module(found.path) if found.path else layout.package_of(found.folder)
            if not name:
                return False
        for target in resolver.edges.get(here, ()):
            if not layout.module(target):
                return False
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return True


class _Finder(Walker):
    """Collects the statements that change sys.path, and whether a block holds nothing else."""

    def __init__(self, parsed: Parsed) -> None:
        super().__init__(parsed.outline)
        self.parsed = parsed
        self.found: list[tuple[Any, bool]] = []

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:  # noqa: N802
        call = node.body[0].value if isinstance(node.body[0], cst.Expr) else None
        if len(node.body) == 1 and isinstance(call, cst.Call) and dotted(call.func) in CALLS:
            around = self.parsed.outline.parents.get(id(node))
            alone = not isinstance(around, cst.Module) and len(getattr(around, "body", ())) < 2
            if call.args and self._inside(call.args[-1].value):
                self.found.append((node.body[0], alone))
        return False

    def _inside(self, value: Any) -> bool:
        """Tell whether a folder is one of the repository: a relative text, or told by __file__."""
        if isinstance(value, cst.SimpleString):
            text = value.evaluated_value
            if not isinstance(text, str) or text.startswith(("/", "~")) or text[1:2] == ":":
                return False
            base = posixpath.dirname(self.parsed.path)
            return not posixpath.normpath(posixpath.join(base, text)).startswith("..")
        code = self.parsed.code(value)
        ups = len(UP.findall(code)) + sum(int(each) for each in LEVELS.findall(code))
        return "__file__" in code and ups <= self.parsed.path.count("/") + 1
