"""A walk over a tree that leaves blanks and punctuation out, and copies nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

import libcst as cst
from libcst.metadata.span_provider import (
    ByteSpanPositionProvider,
    SpanProvidingCodegenState,
    byte_length_in_utf8,
)

LEFT_OUT = (
    "whitespace", "lines", "header", "footer", "lpar", "rpar", "comma", "semicolon", "equal",
    "colon", "dot", "bracket", "brace", "asterisk", "indent", "newline", "first_line", "separator",
)  # fmt: skip


_PARTS: dict[type, tuple[str, ...]] = {}


def _parts(kind: type) -> tuple[str, ...]:
    if kind not in _PARTS:
        names = [each.name for each in fields(kind)]
        _PARTS[kind] = tuple(n for n in names if not any(word in n for word in LEFT_OUT))
    return _PARTS[kind]


def children(node: Any) -> Iterator[Any]:
    """Yield the nodes right below a node."""
    for name in _parts(type(node)):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, tuple | list):
            yield from (each for each in value if isinstance(each, cst.CSTNode))


def parents(tree: Any) -> dict[Any, Any]:
    """Return the node around each node."""
    found: dict[Any, Any] = {}
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        for each in children(node):
            found[each] = node
            waiting.append(each)
    return found


class Spans(ByteSpanPositionProvider):
    """Where each node stands, and the text that the tree gives back: one pass for both.

    A metadata wrapper would go through the tree two times more.
    """

    def __init__(self, tree: cst.Module) -> None:
        super().__init__()
        self.code = ""
        self._gen_impl(tree)

    @property
    def found(self) -> Mapping[Any, Any]:
        """Return node -> its span in bytes of UTF-8."""
        return self._computed

    def _gen_impl(self, module: cst.Module) -> None:
        state = SpanProvidingCodegenState(
            default_indent=module.default_indent, default_newline=module.default_newline,
            provider=self, get_length=byte_length_in_utf8,
        )  # fmt: skip
        module._codegen(state)
        self.code = "".join(state.tokens)


class Walker:
    """Calls `visit_KIND` for each node; what is below is left out if that returns False."""

    def __init__(self) -> None:
        self._visits: dict[type, Callable[[Any], Any] | None] = {}

    def walk(self, node: Any) -> None:
        """Visit a node and what is below it."""
        kind = type(node)
        if kind not in self._visits:
            self._visits[kind] = getattr(self, f"visit_{kind.__name__}", None)
        visit = self._visits[kind]
        if visit is None or visit(node) is not False:
            for each in children(node):
                self.walk(each)
