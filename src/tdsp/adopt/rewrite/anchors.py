"""Expressions that climb up from `__file__`: counted again when the file comes to lie deeper."""

import posixpath
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite import sinks
from tdsp.adopt.rewrite.layout import Layout
from tdsp.adopt.rewrite.pieces import Place
from tdsp.adopt.rewrite.source import Parsed
from tdsp.adopt.rewrite.walk import dotted

CLIMBS = frozenset((cst.Attribute, cst.Subscript, cst.Call))


def levels(node: Any) -> int | None:
    """Return how many folders an expression lies above `__file__`; None if it is no such one."""
    kind = type(node)
    if kind is cst.Name:
        return 0 if node.value == "__file__" else None
    if kind not in CLIMBS:
        return None
    inner, up = _inside(node)
    below = levels(inner) if inner is not None else None
    return None if below is None else below + up


def _inside(node: Any) -> tuple[Any, int]:
    """Return the expression inside and how many folders the outer one climbs."""
    kind = type(node)  # isinstance asks an abstract class, which is slow where the answer is no
    if kind is cst.Attribute and node.attr.value == "parent":
        return node.value, 1
    if kind is cst.Subscript:
        number = _number(node)
        if number is not None and _is_parents(node.value):
            return node.value.value, int(number.value) + 1
    if kind is cst.Call and len(node.args) == 1 and not node.args[0].keyword:
        name = dotted(node.func)
        if name in sinks.UPS:
            return node.args[0].value, 1
        if name in sinks.SAME:
            return node.args[0].value, 0
    if kind is cst.Call and not node.args and _is_same_method(node.func):
        return node.func.value, 0
    return None, 0


def _is_same_method(node: Any) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value in sinks.SAME_METHODS


def _is_parents(node: Any) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == "parents"


def _number(node: cst.Subscript) -> cst.Integer | None:
    inner = node.slice[0].slice if len(node.slice) == 1 else None
    value = inner.value if isinstance(inner, cst.Index) else None
    return value if isinstance(value, cst.Integer) and value.value.isdigit() else None


def climb(path: str, count: int) -> str | None:
    """Return the folder `count` levels above a file, None above the root."""
    for _ in range(count):
        if not path:
            return None
        path = posixpath.dirname(path)
    return path


def anchored(parsed: Parsed, layout: Layout, node: Any, count: int) -> Place | None:
    """Return the place of an expression that climbs, after planning its new count."""
    target = layout.target(parsed.path)
    old, natural = climb(parsed.path, count), climb(target, count)
    if count == 0:
        return Place(parsed.path, target)
    if old is None:
        if layout.moved(parsed.path):
            parsed.note(node, "climbs out of the repository from a file that moves")
        return None
    wanted = natural if old and count == 1 else layout.block(old)
    if wanted is None or wanted == natural or not _above(wanted, target):
        if natural is None:
            parsed.note(node, "climbs out of the repository after the move")
            return None
        return Place(old, natural)
    delta = _depth(target) - _depth(f"{wanted}/x" if wanted else "x") + 1 - count
    if not recount(parsed, node, delta):
        parsed.note(node, f"has to climb {count + delta} folders after the move, not {count}")
        return None if natural is None else Place(old, natural)
    return Place(old, wanted)


def _above(folder: str, path: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _depth(path: str) -> int:
    return path.count("/")


def recount(parsed: Parsed, node: Any, delta: int) -> bool:
    """Plan the change of a climb by `delta` folders; tell whether there is a way."""
    inner, up = _inside(node)
    if up == 0 and inner is not None:
        return recount(parsed, inner, delta)
    start, end = parsed.span(node)
    text = parsed.source.text[start:end]
    why = "the file lies in another depth"
    if isinstance(node, cst.Subscript):
        number = _number(node)
        if number is None or int(number.value) + delta < 0:
            return False
        parsed.change(*parsed.span(number), str(int(number.value) + delta), why)
        return True
    if delta > 0:
        if isinstance(node, cst.Attribute):
            new = text + ".parent" * delta
        else:
            new = f"{parsed.code(node.func)}(" * delta + text + ")" * delta
        parsed.change(start, end, new, why)
        return True
    found = node
    for _ in range(-delta):
        found, up = _inside(found)
        if up != 1 or isinstance(found, cst.Subscript):
            return False
    parsed.change(start, end, parsed.code(found), why)
    return True
