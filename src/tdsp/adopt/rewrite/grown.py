"""Statements as libcst has them, made from Python's own tree: libcst's parser is far slower.

They hold what edits depend on: which expression is where, and the characters that it stands on.
Blanks and punctuation are not in them. Of what Python's tree does not tell all, such as the parts
of an f-string, nothing is made: `Hard` leaves it to libcst's parser.
"""

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite.walk import parts_of

ONE_STRING = re.compile(
    r"[A-Za-z]{0,2}(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|"
    r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")",
    re.DOTALL,
)
FROM = re.compile(r"from[ \t]*(\.*)[ \t]*([\w.]*)[ \t]+import\b")
COMPOUND = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.FunctionDef,
    ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip
# The signs of an expression and of an assignment such as `a += b`: one node for all that stand.
SIGNS: dict[type[ast.AST], Any] = {
    ast.Add: cst.Add(), ast.Sub: cst.Subtract(), ast.Mult: cst.Multiply(), ast.Div: cst.Divide(),
    ast.FloorDiv: cst.FloorDivide(), ast.Mod: cst.Modulo(), ast.Pow: cst.Power(),
    ast.LShift: cst.LeftShift(), ast.RShift: cst.RightShift(), ast.BitOr: cst.BitOr(),
    ast.BitXor: cst.BitXor(), ast.BitAnd: cst.BitAnd(), ast.MatMult: cst.MatrixMultiply(),
    ast.And: cst.And(), ast.Or: cst.Or(), ast.Not: cst.Not(), ast.USub: cst.Minus(),
    ast.UAdd: cst.Plus(), ast.Invert: cst.BitInvert(), ast.Eq: cst.Equal(),
    ast.NotEq: cst.NotEqual(), ast.Lt: cst.LessThan(), ast.LtE: cst.LessThanEqual(),
    ast.Gt: cst.GreaterThan(), ast.GtE: cst.GreaterThanEqual(), ast.Is: cst.Is(),
    ast.IsNot: cst.IsNot(), ast.In: cst.In(), ast.NotIn: cst.NotIn(),
}  # fmt: skip
AUGMENTED: dict[type[ast.AST], Any] = {
    kind: getattr(cst, f"{type(sign).__name__}Assign")()
    for kind, sign in SIGNS.items() if issubclass(kind, ast.operator)
}  # fmt: skip


class Hard(Exception):  # noqa: N818
    """A statement that Python's tree does not tell all of."""


class SimpleString(cst.SimpleString):
    """A text whose value is known; libcst works it out with a parser of its own, each time."""

    __slots__ = ("evaluated_value",)  # type: ignore[misc]


_new = object.__new__
_set_evaluated = SimpleString.evaluated_value.__set__  # type: ignore[attr-defined]
_setters: dict[type, tuple[Callable[[Any, Any], None], ...]] = {}


def node_of(kind: type, *values: Any) -> Any:
    """Return a node with these parts. Libcst's own constructors check each part once more."""
    node: Any = _new(kind)
    if kind not in _setters:
        _setters[kind] = tuple(getattr(kind, name).__set__ for name in parts_of(kind))
    for setter, value in zip(_setters[kind], values, strict=True):
        setter(node, value)
    return node


class Grower:
    """Makes statements of one file; `spans` tells by a node's id where it stands."""

    def __init__(self, text: str, lines: Sequence[str]) -> None:
        self.text, self.lines = text, lines
        self.starts = [0, *accumulate(map(len, lines))]
        self.wide = None if text.isascii() else [not line.isascii() for line in lines]
        self.spans: dict[int, tuple[int, int]] = {}

    def at(self, line: int, column: int) -> int:
        """Return the place of a character; Python counts the bytes of its line."""
        if self.wide and self.wide[line - 1]:
            column = len(self.lines[line - 1].encode()[:column].decode())
        return self.starts[line - 1] + column

    def span(self, node: Any) -> tuple[int, int]:
        """Return where a node of Python's tree stands."""
        if self.wide:
            start = self.at(node.lineno, node.col_offset)
            return start, self.at(node.end_lineno, node.end_col_offset)
        starts = self.starts
        return (
            starts[node.lineno - 1] + node.col_offset,
            starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def put(self, span: tuple[int, int], kind: type, *values: Any) -> Any:
        """Return a node that stands there."""
        made = node_of(kind, *values)
        self.spans[id(made)] = span
        return made

    def block(self, body: Sequence[ast.stmt]) -> list[Any]:
        """Return statements; simple ones that share a line are one line. Raises Hard."""
        found: list[Any] = []
        last = 0
        line: list[Any] = []
        for node in body:
            if isinstance(node, COMPOUND):
                found.append(COMPOUNDS[type(node)](self, node))
                continue
            made = self.simple(node)
            if found and line and node.lineno == last:
                line.append(made)
            else:
                line = [made]
                found.append(node_of(cst.SimpleStatementLine, line))
            last = node.end_lineno or node.lineno
        return found

    def body(self, body: Sequence[ast.stmt]) -> Any:
        """Return the body of a compound statement, in lines of its own or behind its colon."""
        first = body[0]
        start = self.starts[first.lineno - 1]
        if not self.text[start : self.at(first.lineno, first.col_offset)].isspace():
            if any(isinstance(each, COMPOUND) for each in body):
                raise Hard  # a decorator or a continued line
            return node_of(cst.SimpleStatementSuite, [self.simple(each) for each in body])
        return node_of(cst.IndentedBlock, self.block(body))

    def simple(self, node: ast.stmt) -> Any:
        """Return a statement that holds no others."""
        return self.placed(node, SIMPLE.get(type(node)))

    def value(self, node: ast.expr) -> Any:
        """Return an expression."""
        return self.placed(node, VALUES.get(type(node)))

    def placed(self, node: Any, make: "Maker | None") -> Any:
        """Return what is made of a node, and note where it stands. Raises Hard for no maker."""
        if make is None:
            raise Hard
        made = make(self, node)
        self.spans[id(made)] = self.span(node)
        return made

    def maybe(self, node: ast.expr | None) -> Any:
        """Return an expression, None for none."""
        return None if node is None else self.value(node)

    # Statements

    def on_expr(self, node: ast.Expr) -> Any:
        return node_of(cst.Expr, self.value(node.value))

    def on_assign(self, node: ast.Assign) -> Any:
        targets = [node_of(cst.AssignTarget, self.value(each)) for each in node.targets]
        return node_of(cst.Assign, targets, self.value(node.value))

    def on_augmented(self, node: ast.AugAssign) -> Any:
        sign = AUGMENTED[type(node.op)]
        return node_of(cst.AugAssign, self.value(node.target), sign, self.value(node.value))

    def on_annotated(self, node: ast.AnnAssign) -> Any:
        note = node_of(cst.Annotation, self.value(node.annotation))
        return node_of(cst.AnnAssign, self.value(node.target), note, self.maybe(node.value))

    def on_import(self, node: ast.Import) -> Any:
        return node_of(cst.Import, [self.alias(each) for each in node.names])

    def on_from(self, node: ast.ImportFrom) -> Any:
        start = self.at(node.lineno, node.col_offset)
        written = FROM.match(self.text, start)
        if not written or len(written[1]) != node.level or written[2] != (node.module or ""):
            raise Hard
        place = written.start(1)
        dots = [self.put((place + n, place + n + 1), cst.Dot) for n in range(node.level)]
        module = self.dotted(node.module, written.start(2)) if node.module else None
        star = node.names[0].name == "*"
        names = node_of(cst.ImportStar) if star else [self.alias(each) for each in node.names]
        return node_of(cst.ImportFrom, module, names, dots)

    def alias(self, node: ast.alias) -> Any:
        """Return one of the names that are imported."""
        name = self.dotted(node.name, self.at(node.lineno, node.col_offset))
        return node_of(cst.ImportAlias, name, self.as_name(node.asname))

    def as_name(self, name: str | None) -> Any:
        return None if name is None else node_of(cst.AsName, node_of(cst.Name, name))

    def dotted(self, name: str, start: int) -> Any:
        """Return a dotted name that stands in one piece."""
        if not self.text.startswith(name, start):
            raise Hard
        first, *rest = name.split(".")
        end = start + len(first)
        made = self.put((start, end), cst.Name, first)
        for each in rest:
            last = self.put((end + 1, end + 1 + len(each)), cst.Name, each)
            end += 1 + len(each)
            made = self.put((start, end), cst.Attribute, made, last)
        return made

    def on_return(self, node: ast.Return) -> Any:
        return node_of(cst.Return, self.maybe(node.value))

    def on_raise(self, node: ast.Raise) -> Any:
        cause = node_of(cst.From, self.value(node.cause)) if node.cause else None
        return node_of(cst.Raise, self.maybe(node.exc), cause)

    def on_assert(self, node: ast.Assert) -> Any:
        return node_of(cst.Assert, self.value(node.test), self.maybe(node.msg))

    def on_delete(self, node: ast.Delete) -> Any:
        if len(node.targets) == 1:
            return node_of(cst.Del, self.value(node.targets[0]))
        return node_of(cst.Del, node_of(cst.Tuple, self.elements(node.targets)))

    def on_global(self, node: ast.Global | ast.Nonlocal) -> Any:
        kind = cst.Global if isinstance(node, ast.Global) else cst.Nonlocal
        return node_of(
            kind, [node_of(cst.NameItem, node_of(cst.Name, each)) for each in node.names]
        )

    def on_pass(self, node: ast.Pass | ast.Break | ast.Continue) -> Any:
        return node_of(getattr(cst, type(node).__name__))

    # Statements that hold others

    def on_if(self, node: ast.If) -> Any:
        test, body = self.value(node.test), self.body(node.body)
        rest = node.orelse
        follows = rest and isinstance(rest[0], ast.If) and self.text.startswith(
            "elif", self.at(rest[0].lineno, rest[0].col_offset)
        )  # fmt: skip
        orelse = self.on_if(rest[0]) if follows else self.orelse(rest)  # type: ignore[arg-type]
        return node_of(cst.If, test, body, orelse)

    def orelse(self, body: Sequence[ast.stmt]) -> Any:
        return node_of(cst.Else, self.body(body)) if body else None

    def on_for(self, node: ast.For | ast.AsyncFor) -> Any:
        parts = self.value(node.target), self.value(node.iter), self.body(node.body)
        waits = node_of(cst.Asynchronous) if isinstance(node, ast.AsyncFor) else None
        return node_of(cst.For, *parts, self.orelse(node.orelse), waits)

    def on_while(self, node: ast.While) -> Any:
        parts = self.value(node.test), self.body(node.body), self.orelse(node.orelse)
        return node_of(cst.While, *parts)

    def on_with(self, node: ast.With | ast.AsyncWith) -> Any:
        items = []
        for each in node.items:
            given = each.optional_vars
            name = node_of(cst.AsName, self.value(given)) if given is not None else None
            items.append(node_of(cst.WithItem, self.value(each.context_expr), name))
        waits = node_of(cst.Asynchronous) if isinstance(node, ast.AsyncWith) else None
        return node_of(cst.With, items, self.body(node.body), waits)

    def on_try(self, node: ast.Try) -> Any:
        handlers = [
            node_of(
                cst.ExceptHandler, self.body(each.body), self.maybe(each.type),
                self.as_name(each.name),
            )
            for each in node.handlers
        ]  # fmt: skip
        last = node_of(cst.Finally, self.body(node.finalbody)) if node.finalbody else None
        return node_of(cst.Try, self.body(node.body), handlers, self.orelse(node.orelse), last)

    def on_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
        if getattr(node, "type_params", None):
            raise Hard
        waits = node_of(cst.Asynchronous) if isinstance(node, ast.AsyncFunctionDef) else None
        return node_of(
            cst.FunctionDef, node_of(cst.Name, node.name), self.parameters(node.args),
            self.body(node.body), self.decorators(node.decorator_list),
            self.annotation(node.returns), waits, None,
        )  # fmt: skip

    def on_class(self, node: ast.ClassDef) -> Any:
        starred = any(isinstance(each, ast.Starred) for each in node.bases)
        if starred or getattr(node, "type_params", None):
            raise Hard
        return node_of(
            cst.ClassDef, node_of(cst.Name, node.name), self.body(node.body),
            [self.argument(each) for each in node.bases],
            [self.argument(each) for each in node.keywords],
            self.decorators(node.decorator_list), None,
        )  # fmt: skip

    def decorators(self, nodes: Iterable[ast.expr]) -> list[Any]:
        return [node_of(cst.Decorator, self.value(each)) for each in nodes]

    def annotation(self, node: ast.expr | None) -> Any:
        return None if node is None else node_of(cst.Annotation, self.value(node))

    def parameters(self, node: ast.arguments) -> Any:
        """Return the parameters of a function."""
        plain = [*node.posonlyargs, *node.args]
        defaults = [None] * (len(plain) - len(node.defaults)) + node.defaults
        first = [self.parameter(*each) for each in zip(plain, defaults, strict=True)]
        named = zip(node.kwonlyargs, node.kw_defaults, strict=True)
        only = [self.parameter(*each) for each in named]
        star: Any = node_of(cst.ParamStar) if node.kwonlyargs else None
        star = self.parameter(node.vararg) if node.vararg else star
        last = self.parameter(node.kwarg) if node.kwarg else None
        count = len(node.posonlyargs)
        slash = node_of(cst.ParamSlash) if count else None
        return node_of(cst.Parameters, first[count:], star, only, last, first[:count], slash)

    def parameter(self, node: ast.arg, default: ast.expr | None = None) -> Any:
        name, note = node_of(cst.Name, node.arg), self.annotation(node.annotation)
        return node_of(cst.Param, name, note, self.maybe(default), "")

    # Expressions

    def on_name(self, node: ast.Name) -> Any:
        return node_of(cst.Name, node.id)

    def on_attribute(self, node: ast.Attribute) -> Any:
        return node_of(cst.Attribute, self.value(node.value), node_of(cst.Name, node.attr))

    def on_call(self, node: ast.Call) -> Any:
        given: list[Any] = [*node.args, *node.keywords]
        if node.args and node.keywords:
            given.sort(key=lambda each: (each.lineno, each.col_offset))
        return node_of(cst.Call, self.value(node.func), [self.argument(each) for each in given])

    def argument(self, node: ast.expr | ast.keyword) -> Any:
        if isinstance(node, ast.keyword):
            name = node_of(cst.Name, node.arg) if node.arg else None
            return node_of(cst.Arg, self.value(node.value), name, "" if node.arg else "**")
        if isinstance(node, ast.Starred):
            return node_of(cst.Arg, self.value(node.value), None, "*")
        return node_of(cst.Arg, self.value(node), None, "")

    def on_constant(self, node: ast.Constant) -> Any:
        value = node.value
        if value is ...:
            return node_of(cst.Ellipsis)
        if value is None or value is True or value is False:
            return node_of(cst.Name, str(value))
        start, end = self.span(node)
        text = self.text[start:end]
        if isinstance(value, str | bytes):
            if not (match := ONE_STRING.match(text)) or match.end() != len(text):
                raise Hard  # several texts beside each other
            made = node_of(SimpleString, text)
            _set_evaluated(made, value)
            return made
        kinds = {int: cst.Integer, float: cst.Float, complex: cst.Imaginary}
        return node_of(kinds[type(value)], text)

    def on_subscript(self, node: ast.Subscript) -> Any:
        several = isinstance(node.slice, ast.Tuple) and node.slice.elts
        if several and self.text[self.span(node.slice)[0]] == "(":
            raise Hard  # a tuple as the key, or a key that starts with a parenthesis
        keys = several or [node.slice]
        elements = [node_of(cst.SubscriptElement, self.key(each)) for each in keys]
        return node_of(cst.Subscript, self.value(node.value), elements)

    def key(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            return node_of(cst.Slice, *map(self.maybe, (node.lower, node.upper, node.step)))
        return node_of(cst.Index, self.value(node), None)

    def elements(self, nodes: Iterable[ast.expr]) -> list[Any]:
        return [
            node_of(cst.StarredElement, self.value(each.value))
            if isinstance(each, ast.Starred) else node_of(cst.Element, self.value(each))
            for each in nodes
        ]  # fmt: skip

    def on_row(self, node: ast.Tuple | ast.List | ast.Set) -> Any:
        return node_of(getattr(cst, type(node).__name__), self.elements(node.elts))

    def on_dict(self, node: ast.Dict) -> Any:
        elements = [
            node_of(cst.StarredDictElement, self.value(value)) if key is None
            else node_of(cst.DictElement, self.value(key), self.value(value))
            for key, value in zip(node.keys, node.values, strict=True)
        ]  # fmt: skip
        return node_of(cst.Dict, elements)

    def on_binary(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        return node_of(cst.BinaryOperation, left, SIGNS[type(node.op)], right)

    def on_boolean(self, node: ast.BoolOp) -> Any:
        first, *rest = node.values
        made = self.value(first)
        for each in rest:
            made = node_of(cst.BooleanOperation, made, SIGNS[type(node.op)], self.value(each))
            self.spans[id(made)] = self.span(node)[0], self.span(each)[1]
        return made

    def on_unary(self, node: ast.UnaryOp) -> Any:
        return node_of(cst.UnaryOperation, SIGNS[type(node.op)], self.value(node.operand))

    def on_compare(self, node: ast.Compare) -> Any:
        pairs = zip(node.ops, node.comparators, strict=True)
        targets = [
            node_of(cst.ComparisonTarget, SIGNS[type(sign)], self.value(each))
            for sign, each in pairs
        ]
        return node_of(cst.Comparison, self.value(node.left), targets)

    def on_if_exp(self, node: ast.IfExp) -> Any:
        return node_of(cst.IfExp, *map(self.value, (node.test, node.body, node.orelse)))

    def on_lambda(self, node: ast.Lambda) -> Any:
        return node_of(cst.Lambda, self.parameters(node.args), self.value(node.body))

    def on_named(self, node: ast.NamedExpr) -> Any:
        return node_of(cst.NamedExpr, self.value(node.target), self.value(node.value))

    def on_await(self, node: ast.Await) -> Any:
        return node_of(cst.Await, self.value(node.value))

    def on_yield(self, node: ast.Yield | ast.YieldFrom) -> Any:
        if isinstance(node, ast.YieldFrom):
            return node_of(cst.Yield, node_of(cst.From, self.value(node.value)))
        return node_of(cst.Yield, self.maybe(node.value))

    def on_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Any:
        kind = getattr(cst, type(node).__name__)
        return node_of(kind, self.value(node.elt), self.loops(node.generators))

    def on_dict_comp(self, node: ast.DictComp) -> Any:
        parts = self.value(node.key), self.value(node.value)
        return node_of(cst.DictComp, *parts, self.loops(node.generators))

    def loops(self, nodes: Sequence[ast.comprehension]) -> Any:
        inner = None
        for each in reversed(nodes):
            tests = [node_of(cst.CompIf, self.value(test)) for test in each.ifs]
            parts = self.value(each.target), self.value(each.iter), tests
            waits = node_of(cst.Asynchronous) if each.is_async else None
            inner = node_of(cst.CompFor, *parts, inner, waits)
        return inner


Maker = Callable[[Grower, Any], Any]
COMPOUNDS: dict[type[ast.AST], Maker] = {
    ast.If: Grower.on_if, ast.For: Grower.on_for, ast.AsyncFor: Grower.on_for,
    ast.While: Grower.on_while, ast.With: Grower.on_with, ast.AsyncWith: Grower.on_with,
    ast.Try: Grower.on_try, ast.FunctionDef: Grower.on_function,
    ast.AsyncFunctionDef: Grower.on_function, ast.ClassDef: Grower.on_class,
}  # fmt: skip
SIMPLE: dict[type[ast.AST], Maker] = {
    ast.Expr: Grower.on_expr, ast.Assign: Grower.on_assign, ast.AugAssign: Grower.on_augmented,
    ast.AnnAssign: Grower.on_annotated, ast.Import: Grower.on_import,
    ast.ImportFrom: Grower.on_from, ast.Return: Grower.on_return, ast.Raise: Grower.on_raise,
    ast.Assert: Grower.on_assert, ast.Delete: Grower.on_delete, ast.Global: Grower.on_global,
    ast.Nonlocal: Grower.on_global, ast.Pass: Grower.on_pass, ast.Break: Grower.on_pass,
    ast.Continue: Grower.on_pass,
}  # fmt: skip
VALUES: dict[type[ast.AST], Maker] = {
    ast.Name: Grower.on_name, ast.Attribute: Grower.on_attribute, ast.Call: Grower.on_call,
    ast.Constant: Grower.on_constant, ast.Subscript: Grower.on_subscript,
    ast.Tuple: Grower.on_row, ast.List: Grower.on_row, ast.Set: Grower.on_row,
    ast.Dict: Grower.on_dict, ast.BinOp: Grower.on_binary, ast.BoolOp: Grower.on_boolean,
    ast.UnaryOp: Grower.on_unary, ast.Compare: Grower.on_compare, ast.IfExp: Grower.on_if_exp,
    ast.Lambda: Grower.on_lambda, ast.NamedExpr: Grower.on_named, ast.Await: Grower.on_await,
    ast.Yield: Grower.on_yield, ast.YieldFrom: Grower.on_yield,
    ast.ListComp: Grower.on_comprehension, ast.SetComp: Grower.on_comprehension,
    ast.GeneratorExp: Grower.on_comprehension, ast.DictComp: Grower.on_dict_comp,
}  # fmt: skip
