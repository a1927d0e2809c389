"""A path as it is written: what it starts from, its constant parts, and whether more follows."""

from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite import sinks
from tdsp.adopt.rewrite.walk import dotted


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression leads today, and where it leads after the move."""

    old: str
    new: str


@dataclass(slots=True)
class Constant:
    """A constant part. `apart` is set when it is a part of its own, not glued to what is before."""

    node: Any
    value: str
    apart: bool


@dataclass(slots=True)
class Pieces:
    """`start` is None for a path that starts from the folder in which the program is run."""

    start: Place | None = None
    constants: list[Constant] = field(default_factory=list)
    open_end: bool = False
    glued: bool = False  # what follows at run time is glued to the last constant
    known: bool = True


class Reader:
    """Takes path expressions apart. `places` gives the place of a name or of `__file__`."""

    def __init__(self, places: "Places") -> None:
        self.places = places

    def read(self, node: Any) -> Pieces:
        """Return the pieces of an expression; `known` is False if it starts with what is not."""
        found = Pieces()
        self._add(found, node, apart=True)
        if not found.constants and found.start is None:
            found.known = False
        return found

    def _add(self, into: Pieces, node: Any, *, apart: bool) -> None:
        if into.open_end or not into.known:
            return
        kind = type(node)
        if isinstance(node, cst.SimpleString):
            self._constant(into, node, node.evaluated_value, apart)
        elif kind is cst.FormattedString:
            self._formatted(into, node, apart)
        elif kind is cst.BinaryOperation and isinstance(node.operator, cst.Add | cst.Divide):
            self._add(into, node.left, apart=apart)
            self._add(into, node.right, apart=isinstance(node.operator, cst.Divide))
        elif kind is not cst.Call or not self._call(into, node, apart):
            self._start(into, node, apart)

    def _constant(self, into: Pieces, node: Any, value: Any, apart: bool) -> None:
        if isinstance(value, str):
            first = not into.constants and into.start is None
            into.constants.append(Constant(node, value, apart or first))
        else:
            self._stop(into, apart)

    def _formatted(self, into: Pieces, node: cst.FormattedString, apart: bool) -> None:
        for number, each in enumerate(node.parts):
            first = apart and number == 0
            if isinstance(each, cst.FormattedStringExpression):
                plain = each.format_spec is None and each.conversion is None
                if plain and not into.constants and into.start is None:
                    self._start(into, each.expression, first)
                else:
                    self._stop(into, first)
            elif isinstance(each, cst.FormattedStringText):
                text = each.value
                if "\\" in text and "r" not in node.start.lower():
                    self._stop(into, first)
                elif not into.open_end:
                    value = text.replace("{{", "{").replace("}}", "}")
                    self._constant(into, each, value, first)

    def _call(self, into: Pieces, node: Any, apart: bool) -> bool:
        """Add a call that puts paths together, or that gives back the path that it is given."""
        if any(a.star or a.keyword for a in node.args):
            return False
        name = dotted(node.func)
        if sinks.is_join(node) or (name in sinks.SAME and node.args):
            for number, each in enumerate(node.args):
                self._add(into, each.value, apart=apart if number == 0 else True)
            return bool(node.args)
        if isinstance(node.func, cst.Attribute):
            method = node.func.attr.value
            if method == "joinpath" or (method in sinks.SAME_METHODS and not node.args):
                self._add(into, node.func.value, apart=apart)
                for each in node.args:
                    self._add(into, each.value, apart=True)
                return True
        return False

    def _start(self, into: Pieces, node: Any, apart: bool) -> None:
        at_start = not into.constants and into.start is None
        place = self.places.place(node) if at_start else None
        if place is None:
            self._stop(into, apart)
        else:
            into.start = place

    def _stop(self, into: Pieces, apart: bool) -> None:
        if into.constants or into.start is not None:
            into.open_end, into.glued = True, not apart
        else:
            into.known = False


class Places:
    """Gives the place of an expression that is no text of its own."""

    def place(self, node: Any) -> Place | None:
        """Return where an expression leads, None if that is not known."""
        raise NotImplementedError
