"""A walk over a tree that leaves blanks and punctuation out, and copies nothing."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState

LEFT_OUT = (
    "whitespace", "lines", "header", "footer", "lpar", "rpar", "comma", "semicolon", "equal",
    "colon", "dot", "bracket", "brace", "asterisk", "indent", "newline", "first_line", "separator",
)  # fmt: skip


_PARTS: dict[type, tuple[str, ...]] = {}
_NODES: dict[type, bool] = {}  # asked of each value; the class itself is slow to answer
LEAVES = (cst.Name, cst.SimpleString, cst.BaseNumber)
_holders: dict[type, tuple[str, ...]] = {}  # the parts that may hold nodes


def parts_of(kind: type) -> tuple[str, ...]:
    if kind not in _PARTS:
        names = [each.name for each in fields(kind)]
        _PARTS[kind] = tuple(n for n in names if not any(word in n for word in LEFT_OUT))
    return _PARTS[kind]


def _is_node(kind: type) -> bool:
    if kind not in _NODES:
        _NODES[kind] = issubclass(kind, cst.CSTNode)
    return _NODES[kind]


def children(node: Any) -> list[Any]:
    """Return the nodes right below a node."""
    found: list[Any] = []
    kind = type(node)
    if kind not in _holders:
        _holders[kind] = () if issubclass(kind, LEAVES) else parts_of(kind)
    for name in _holders[kind]:
        value = getattr(node, name)
        if value is None:
            continue
        kind = type(value)
        if kind is tuple or kind is list:
            found += [each for each in value if _is_node(type(each))]
        elif _is_node(kind):
            found.append(value)
    return found


def dotted(node: Any) -> str:
    """Return a dotted name, "" for any other expression."""
    if type(node) is cst.Name:
        return node.value
    if type(node) is cst.Attribute:
        before = dotted(node.value)
        return f"{before}.{node.attr.value}" if before else ""
    return ""


class Outline:
    """Which nodes are around and below each node, by its id; `nodes` are all, in their order."""

    def __init__(self, tree: Any) -> None:
        self.parents: dict[int, Any] = {}
        self.below: dict[int, list[Any]] = {}
        self.nodes: list[Any] = []
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            self.nodes.append(node)
            self.below[id(node)] = below = children(node)
            for each in below:
                self.parents[id(each)] = node
            waiting += reversed(below)


class Spans(CodegenState):
    """Where each node stands, by its id, and the text that the tree gives back: one pass for both.

    A metadata wrapper would go through the tree two times more, and hash each node in Python.
    """

    def __init__(self, tree: cst.Module) -> None:
        super().__init__(tree.default_indent, tree.default_newline)
        self.found: dict[int, tuple[int, int]] = {}
        self._position = 0
        self._begun: list[int] = []
        tree._codegen(self)
        self.code = "".join(self.tokens)

    def add_indent_tokens(self) -> None:
        self.tokens.extend(self.indent_tokens)
        self._position += sum(map(len, self.indent_tokens))

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self._position += len(value)

    def before_codegen(self, node: cst.CSTNode) -> None:
        self._begun.append(self._position)

    def after_codegen(self, node: cst.CSTNode) -> None:
        start = self._begun.pop()
        if id(node) not in self.found:
            self.found[id(node)] = start, self._position

    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Any:  # a plain object: a generator for each node costs more than the node
        return _Mark(self, node, start_node, end_node)

    def put(self, mark: "_Mark") -> None:
        """Take the place of a node without the blanks around it."""
        start, end = mark.start, self._position
        if mark.first is not None:
            start = self.found[id(mark.first)][0]
        if mark.last is not None:
            end = self.found[id(mark.last)][1]
        self.found[id(mark.node)] = start, end


class _Mark:
    """A node whose text is being given back."""

    __slots__ = ("first", "last", "node", "spans", "start")

    def __init__(self, spans: Spans, node: Any, first: Any, last: Any) -> None:
        self.spans, self.node, self.first, self.last = spans, node, first, last

    def __enter__(self) -> None:
        self.start = self.spans._position

    def __exit__(self, *_: object) -> None:
        self.spans.put(self)


class Walker:
    """Calls `visit_KIND` for each node; what is below is left out if that returns False."""

    _visits: dict[type, Callable[[Any, Any], Any] | None]

    def __init_subclass__(cls) -> None:
        """Let each class look up its own methods, once for all files."""
        super().__init_subclass__()
        cls._visits = {}

    def __init__(self, outline: Outline) -> None:
        self._below = outline.below

    def walk(self, node: Any) -> None:
        """Visit a node and what is below it."""
        kind = type(node)
        if kind not in self._visits:
            self._visits[kind] = getattr(type(self), f"visit_{kind.__name__}", None)
        visit = self._visits[kind]
        if visit is None or visit(self, node) is not False:
            for each in self._below[id(node)]:
                self.walk(each)
