"""Statements in the order in which the code runs: one walk over the tree of a file."""

import ast
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from tdsp.reading.python.facts import Condition, Function, Handler, Import, Module, Single, Value
from tdsp.reading.python.values import EXITS, RECENT, Body, Expressions, dotted, names_of

# A function but for what its body does.
About = tuple[str, str, int, int, bool, tuple[Value, ...], tuple[str, ...], dict[str, str]]


class Walker(Expressions):
    """Visits each node once. Expressions return a Value, statements return nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.functions: list[tuple[About, Body]] = []
        self.handlers: list[Handler] = []
        self.discarded: set[int] = set()

    def facts(self, path: str, source: str) -> Module:
        """Return what was collected."""
        return Module(
            path, source, tuple(self.imports), tuple(self.calls), tuple(self.assigns),
            tuple(_whole(*each) for each in self.functions), tuple(self.handlers),
            tuple(self.conditions),
            tuple(self.texts), frozenset(self.discarded), self.last_use, bare=self.bare,
        )  # fmt: skip

    def module(self, tree: ast.Module) -> None:
        # Imports first: a function may use what is imported below it.
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._alias(node)
        self.block(tree.body)

    def block(self, body: Iterable[ast.stmt]) -> None:
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        STEPS.get(type(node), Walker.parts)(self, node)

    def parts(self, node: ast.AST) -> None:
        """Visit what has no step of its own, and what is no statement: `match` and its cases."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self.statement(child)
            elif isinstance(child, ast.expr):
                self.value(child)
            else:
                self.parts(child)

    def _alias(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for each in node.names:
                root = each.name.split(".")[0]
                self.aliases[each.asname or root] = each.name if each.asname else root
        else:
            before = "." * node.level + (node.module or "")
            for each in node.names:
                joint = "" if before.endswith(".") else "."
                self.aliases[each.asname or each.name] = sys.intern(f"{before}{joint}{each.name}")

    def on_import(self, node: ast.Import | ast.ImportFrom) -> None:
        self._alias(node)
        guarded = bool(self.tries) or self.handled
        level = node.level if isinstance(node, ast.ImportFrom) else 0
        for each in node.names:
            module = each.name if isinstance(node, ast.Import) else node.module or ""
            name = self.aliases.get(each.asname or each.name, each.name)
            alias = each.asname or each.name
            self.imports.append(
                Import(module, name, alias, node.lineno, level, self.scope, guarded)
            )

    def on_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = self.values(node.decorator_list)
        given = node.args
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        noted = {a.arg: _unparsed(a.annotation) for a in every if a.annotation is not None}
        for default in (*given.defaults, *given.kw_defaults):
            if default is not None:
                self.value(default)
        scope = f"{self.scope}.{node.name}" if self.scope else node.name
        params = names_of(tuple(a.arg for a in every))
        is_async = isinstance(node, ast.AsyncFunctionDef)
        end = node.end_lineno or node.lineno
        notes = _notes(tuple(noted.items()))
        body = Body()
        self.functions.append(
            ((node.name, scope, node.lineno, end, is_async, decorators, params, notes), body)
        )
        self._inside(scope, body, node.body)

    def _inside(self, scope: str, function: Body | None, body: list[ast.stmt]) -> None:
        kept = self.scope, self.loop, self.tries, self.handled, self.main
        self.scope, self.loop, self.tries, self.handled, self.main = scope, 0, (), False, False
        self.body_of.append(function)
        self.block(_without_doc(body))
        self.body_of.pop()
        self.scope, self.loop, self.tries, self.handled, self.main = kept

    def on_class(self, node: ast.ClassDef) -> None:
        for each in (*node.decorator_list, *node.bases):
            self.value(each)
        for keyword in node.keywords:
            self.value(keyword.value)
        scope = f"{self.scope}.{node.name}" if self.scope else node.name
        self._inside(scope, None, node.body)

    def on_expr(self, node: ast.Expr) -> None:
        found = self.value(node.value)
        if found.call is not None:
            self.discarded.add(found.call.order)
        elif isinstance(node.value, ast.Name | ast.Attribute | ast.Compare):
            self.bare += 1

    def on_assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.assign(target, value, node.lineno)

    def on_annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value), node.lineno)

    def on_augassign(self, node: ast.AugAssign) -> None:
        self.assign(node.target, self.value(node.value), node.lineno, augmented=True)

    def on_if(self, node: ast.If) -> None:
        self._condition(node.test, "if", _ends(node.body))
        kept, self.main = self.main, self.main or _is_main(node.test)
        self.block(node.body)
        self.main = kept
        self.block(node.orelse)

    def on_assert(self, node: ast.Assert) -> None:
        if (function := self.body_of[-1]) is not None:
            function.asserts += 1
        self._condition(node.test, "assert", True)

    def _condition(self, test: ast.expr, kind: str, ends: bool) -> None:
        tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else []
        guards: list[Value] = []
        for part in tests or [test]:
            if isinstance(part, ast.Compare) and len(part.ops) == 1:
                left, right = self.value(part.left), self.value(part.comparators[0])
                self.compared()
                sign = type(part.ops[0]).__name__
                self.conditions.append(
                    Condition(part.lineno, self.scope, kind, left, sign, right, tuple(guards), ends)
                )
            else:
                guards.append(self.value(part))

    def on_for(self, node: ast.For | ast.AsyncFor) -> None:
        value = self.value(node.iter)
        self.loop += 1
        self.assign(node.target, Single(names=value.names, kind="item", base=value), node.lineno)
        self.block(node.body)
        self.loop -= 1
        self.block(node.orelse)

    def on_while(self, node: ast.While) -> None:
        self.value(node.test)
        self.loop += 1
        self.block(node.body)
        self.loop -= 1
        self.block(node.orelse)

    def on_with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.value(item.context_expr)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, node.lineno)
        self.block(node.body)

    def on_try(self, node: ast.Try) -> None:
        self.tried += 1
        number, kept = self.tried, self.tries
        if node.handlers:
            self.tries = (*kept, number)
        self.block(node.body)
        self.tries = kept
        outer, self.handled = self.handled, True
        for handler in node.handlers:
            types = _types(handler.type)
            ends = any(isinstance(each, _ENDS) for each in _own(handler.body)) or _exit(handler)
            empty = all(_is_empty(each) for each in handler.body)
            self.handlers.append(Handler(handler.lineno, types, not ends, empty, number))
            if handler.type is not None:
                self.value(handler.type)
            self.block(handler.body)
        self.handled = outer
        self.block(node.orelse)
        self.block(node.finalbody)

    def on_raise(self, node: ast.Raise) -> None:
        if (function := self.body_of[-1]) is not None:
            function.raises = True
        for child in (node.exc, node.cause):
            if child is not None:
                self.value(child)

    def on_return(self, node: ast.Return) -> None:
        if node.value is not None:
            found = self.value(node.value)
            if (function := self.body_of[-1]) is not None and found.constant is not None:
                function.returns = True


STEPS: dict[type[ast.AST], Callable[[Walker, Any], None]] = {
    ast.Import: Walker.on_import,
    ast.ImportFrom: Walker.on_import,
    ast.FunctionDef: Walker.on_function,
    ast.AsyncFunctionDef: Walker.on_function,
    ast.ClassDef: Walker.on_class,
    ast.Expr: Walker.on_expr,
    ast.Assign: Walker.on_assign,
    ast.AnnAssign: Walker.on_annassign,
    ast.AugAssign: Walker.on_augassign,
    ast.If: Walker.on_if,
    ast.Assert: Walker.on_assert,
    ast.For: Walker.on_for,
    ast.AsyncFor: Walker.on_for,
    ast.While: Walker.on_while,
    ast.With: Walker.on_with,
    ast.AsyncWith: Walker.on_with,
    ast.Try: Walker.on_try,
    ast.TryStar: Walker.on_try,
    ast.Raise: Walker.on_raise,
    ast.Return: Walker.on_return,
}


@lru_cache(maxsize=RECENT)
def _notes(noted: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return equal annotations as one object, which nobody writes to."""
    return dict(noted)


def _unparsed(node: ast.expr) -> str:
    """Return an annotation as text; most are a name."""
    return node.id if isinstance(node, ast.Name) else sys.intern(ast.unparse(node))


def _whole(about: About, body: Body) -> Function:
    return Function(
        *about, body.raises, body.returns, body.exits, body.asserts, body.compares,
    )  # fmt: skip


_ENDS = (ast.Raise, ast.Return, ast.Continue, ast.Break)


def _without_doc(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return body[1:]
    return body


def _own(body: list[ast.stmt]) -> Iterable[ast.AST]:
    """Yield the statements of a body, not those of functions inside it."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _is_exit(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) in EXITS


def _exit(handler: ast.ExceptHandler) -> bool:
    return any(_is_exit(each) for each in _own(handler.body))


def _ends(body: list[ast.stmt]) -> bool:
    """Tell whether a body itself raises, exits, or returns a false value; not what is nested."""
    for node in body:
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Expr) and _is_exit(node.value):
            return True
        if isinstance(node, ast.Return):
            value = node.value
            if value is None or (
                isinstance(value, ast.Constant) and value.value in (False, 1, None)
            ):
                return True
    return False


def _is_main(test: ast.expr) -> bool:
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
    )


def _is_empty(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _types(node: ast.expr | None) -> tuple[str, ...]:
    if node is None:
        return ("",)
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return tuple(dotted(each) for each in parts)
