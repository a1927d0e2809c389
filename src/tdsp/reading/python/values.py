"""Expressions as values: each node is visited once, and equal values are one object.

Names are resolved through the file's own imports. A large repository reads the same names, sets of
names and arguments again and again, so what is equal is kept once for all files.
"""

import ast
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tdsp.reading.python.facts import (
    NO_NAMES,
    NOTHING,
    Assign,
    Call,
    Called,
    Condition,
    Import,
    Part,
    Place,
    Several,
    Single,
    Text,
    Value,
)

NUMBERS = tuple(range(4096))
NO_KEYWORDS: dict[str, Value] = {}  # of a call that has none; nobody writes to facts
EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "pytest.fail", "typer.Exit"})
LONG = 400  # characters: a longer text is a document, and no setting
SETS: dict[frozenset[str], frozenset[str]] = {}
ROWS: dict[tuple[Value, ...], tuple[Value, ...]] = {}
RECENT, MOST_SHARED = 20_000, 50_000


@dataclass(slots=True, eq=False)
class Body:
    """What the body of a function does, while it is being read."""

    raises: bool = False
    returns: bool = False
    exits: bool = False
    asserts: int = 0
    compares: int = 0


@lru_cache(maxsize=RECENT)
def _named(name: str, written: str) -> Value:
    """Return a name as a value: one object, in however many places it is read."""
    return Single(name, _set(frozenset((written,))), kind="name")


@lru_cache(maxsize=RECENT)
def _part(base: Value, name: str) -> Value:
    """Return an attribute of a dotted name: one object as well."""
    whole = sys.intern(f"{base.name}.{name}")
    return Single(whole, base.names, base=base, keys=(name,), kind="attribute")


@lru_cache(maxsize=RECENT, typed=True)
def _same(value: Any) -> Value:
    """Return a constant as a value: one object, in however many places it stands."""
    return Single(constant=value)


@lru_cache(maxsize=RECENT)
def names_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return equal names in a row as one object: targets, parameters, keys."""
    return names


@lru_cache(maxsize=64)
def _place(
    scope: str, loop: bool, tries: tuple[int, ...], main: bool, handled: bool, starred: bool
) -> Place:
    """Return what calls share as one object, for those that follow each other."""
    return Place(scope, loop, tries, main, handled, starred)


def number(given: int) -> int:
    """Return a number as the one object that stands for it; most files are not longer."""
    return NUMBERS[given] if given < len(NUMBERS) else given


def _set(names: frozenset[str]) -> frozenset[str]:
    if len(SETS) > MOST_SHARED:
        SETS.clear()
    return SETS.setdefault(names, names)


def _row(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return equal rows of names and constants as one; what else is in a row is its own."""
    if not all(each.name or each.constant is not NOTHING for each in values):
        return values
    if len(ROWS) > MOST_SHARED:
        ROWS.clear()
    return ROWS.setdefault(values, values)


def _union(values: Iterable[Value]) -> frozenset[str]:
    """Return the names that several values read."""
    found = NO_NAMES
    for each in values:
        names = each.names
        if names and names is not found:
            found = names if found is NO_NAMES else found | names
    return _set(found) if len(found) > 1 else found


class Expressions:
    """Visits expressions, and keeps what they show besides their value: calls, texts, last uses."""

    def __init__(self) -> None:
        self.order, self.scope, self.loop, self.main = 0, "", 0, False
        self.tries: tuple[int, ...] = ()
        self.handled, self.tried, self.bare = False, 0, 0
        self.aliases: dict[str, str] = {}
        self.imports: list[Import] = []
        self.calls: list[Call] = []
        self.assigns: list[Assign] = []
        self.conditions: list[Condition] = []
        self.texts: list[Text] = []
        self.last_use: dict[str, int] = {}
        self.body_of: list[Body | None] = [None]

    def value(self, node: ast.expr) -> Value:
        """Visit an expression once and say what it is."""
        return VISITS.get(type(node), Expressions.other)(self, node)

    def values(self, nodes: Iterable[ast.expr]) -> tuple[Value, ...]:
        """Visit several expressions."""
        return tuple([VISITS.get(type(node), Expressions.other)(self, node) for node in nodes])

    def name(self, node: ast.Name) -> Value:
        """Visit a name, and keep where it was read last."""
        written = node.id
        if type(node.ctx) is ast.Load:
            self.last_use[written] = self.order
        return _named(self.aliases.get(written, written), written)

    def constant(self, node: ast.Constant, *, own: bool = False) -> Value:
        """Visit a constant; a text that could be a setting, a path or a message is kept."""
        value = node.value
        if isinstance(value, str):
            value = sys.intern(value)
            if len(value) >= LONG:
                return Single(constant=value)
            if len(value) > 3:
                self.texts.append(Text(number(node.lineno), value, self.scope))
        return Single(constant=value) if own else _same(value)

    def attribute(self, node: ast.Attribute) -> Value:
        """Visit an attribute: dotted, when what it belongs to has a name."""
        base = self.value(node.value)
        if base.name:
            return _part(base, node.attr)
        return Single("", base.names, base=base, keys=names_of((node.attr,)), kind="attribute")

    def call(self, node: ast.Call) -> Value:
        """Visit a call: what it is called on, then its arguments, then the call itself."""
        receiver, function = None, node.func
        if isinstance(function, ast.Attribute):
            receiver, method = self.value(function.value), function.attr
            name = sys.intern(f"{receiver.name}.{method}")
        else:
            name = self.value(function).name
            method = sys.intern(name.rpartition(".")[2])
        starred, args = False, NO_VALUES
        if node.args:
            starred = any(type(each) is ast.Starred for each in node.args)
            args = _row(self.values(node.args))
        keywords = NO_KEYWORDS
        if node.keywords:
            keywords = {each.arg or "**": self._keyword(each.value) for each in node.keywords}
            starred = starred or "**" in keywords
        self.order += 1
        call = Call(
            name, method, number(node.lineno), number(self.order),
            _place(self.scope, self.loop > 0, self.tries, self.main, self.handled, starred),
            receiver, args, keywords,
        )  # fmt: skip
        self.calls.append(call)
        if name in EXITS and (body := self.body_of[-1]) is not None:
            body.exits = True
        read = (*args, *keywords.values(), receiver) if receiver else (*args, *keywords.values())
        return Called(_union(read), call)

    def _keyword(self, node: ast.expr) -> Value:
        """Visit the value of a keyword: a constant is its own, so that its call can be found."""
        if isinstance(node, ast.Constant):
            return self.constant(node, own=True)
        return self.value(node)

    def subscript(self, node: ast.Subscript) -> Value:
        """Visit `a[b]`; keys that are texts are named."""
        base, key = self.value(node.value), self.value(node.slice)
        names = _union((base, key))
        return Part(names, _row((key,)), _keys(key), base)

    def items(self, node: ast.Tuple | ast.List | ast.Set) -> Value:
        """Visit a row of values."""
        items = _row(self.values(node.elts))
        return Several(_union(items), items, "items")

    def inner(self, node: ast.Await | ast.Starred) -> Value:
        """Visit what stands for what is inside of it."""
        return self.value(node.value)

    def compare(self, node: ast.Compare) -> Value:
        """Visit a comparison, and count it."""
        self.compared()
        return self._several((node.left, *node.comparators), "other")

    def compared(self) -> None:
        """Count a comparison of the function that is being read."""
        if (body := self.body_of[-1]) is not None:
            body.compares += 1

    def named(self, node: ast.NamedExpr) -> Value:
        """Visit `(a := b)`."""
        value = self.value(node.value)
        self.assign(node.target, value, node.lineno)
        return value

    def unary(self, node: ast.UnaryOp) -> Value:
        """Visit `-a`: of a number, the number."""
        if not isinstance(node.op, ast.USub):
            return self._several((node.operand,), "other")
        inner = self.value(node.operand)
        if isinstance(inner.constant, int | float):
            return Single(constant=-inner.constant)
        return Several(inner.names, NO_VALUES, "other")

    def anonymous(self, node: ast.Lambda) -> Value:
        """Visit a lambda."""
        return Several(self.value(node.body).names, NO_VALUES, "other")

    def binary(self, node: ast.BinOp) -> Value:
        """Visit `a + b`."""
        return self._several((node.left, node.right), "binary")

    def either(self, node: ast.BoolOp) -> Value:
        """Visit `a or b`."""
        return self._several(node.values, "other")

    def mapping(self, node: ast.Dict) -> Value:
        """Visit a dict: its items are all keys, then all values."""
        keys = [each for each in node.keys if each is not None]
        return self._several((*keys, *node.values), "dict")

    def text(self, node: ast.JoinedStr) -> Value:
        """Visit an f-string."""
        return Several(_union(self.values(node.values)), NO_VALUES, "format")

    def comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Value:
        """Visit a comprehension: a loop of its own."""
        self.loop += 1
        read = [self.value(e) for part in node.generators for e in (part.iter, *part.ifs)]
        bodies = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        read += [self.value(each) for each in bodies]
        self.loop -= 1
        return Several(_union(read), NO_VALUES, "comprehension")

    def other(self, node: ast.expr) -> Value:
        """Visit an expression of any other kind by its parts."""
        parts = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
        return self._several(parts, "other")

    def _several(self, nodes: Iterable[ast.expr], kind: str) -> Value:
        items = _row(self.values(nodes))
        return Several(_union(items), items, kind)

    def assign(self, target: ast.expr, value: Value, line: int, *, augmented: bool = False) -> None:
        """Keep what is bound to what; a target such as `x[0]` is a value as well."""
        unpacked = isinstance(target, ast.Tuple | ast.List)
        parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        names, stores = [], []
        for part in parts:
            inner = part.value if isinstance(part, ast.Starred) else part
            if isinstance(inner, ast.Name):
                names.append(inner.id)
                self.aliases.pop(inner.id, None) if not self.scope else None
            elif isinstance(inner, ast.Attribute) and (whole := dotted(inner)):
                names.append(sys.intern(whole))
            elif isinstance(inner, ast.expr):
                names.append("")
                stores.append(self.value(inner))
        self.order += 1
        self.assigns.append(
            Assign(
                number(line), self.scope, number(self.order), names_of(tuple(names)),
                tuple(stores), unpacked, value, augmented,
            )
        )  # fmt: skip


NO_VALUES: tuple[Value, ...] = ()
VISITS: dict[type[ast.AST], Callable[[Any, Any], Value]] = {
    ast.Constant: Expressions.constant,
    ast.Name: Expressions.name,
    ast.Attribute: Expressions.attribute,
    ast.Call: Expressions.call,
    ast.Subscript: Expressions.subscript,
    ast.Tuple: Expressions.items,
    ast.List: Expressions.items,
    ast.Set: Expressions.items,
    ast.Await: Expressions.inner,
    ast.Starred: Expressions.inner,
    ast.Compare: Expressions.compare,
    ast.NamedExpr: Expressions.named,
    ast.UnaryOp: Expressions.unary,
    ast.Lambda: Expressions.anonymous,
    ast.BinOp: Expressions.binary,
    ast.BoolOp: Expressions.either,
    ast.Dict: Expressions.mapping,
    ast.JoinedStr: Expressions.text,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.DictComp: Expressions.comprehension,
}


def _keys(key: Value) -> tuple[str, ...]:
    if isinstance(key.constant, str):
        return names_of((key.constant,))
    return tuple(each.constant for each in key.items if isinstance(each.constant, str))


def dotted(node: ast.expr) -> str:
    """Return a chain of attributes as it is written, "" for what is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
