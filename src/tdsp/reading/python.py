"""A Python file as facts: one parse, one walk in the order in which the code runs.

Names are resolved through the file's own imports, so that `sk.StandardScaler` is known by what it
is and not by its letters. What cannot be told has no name.
"""

import ast
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

NOTHING: Any = object()
NO_NAMES: frozenset[str] = frozenset()
NO_KEYWORDS: "dict[str, Value]" = {}  # of a call that has none; nobody writes to facts
EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "pytest.fail", "typer.Exit"})


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """An expression: its dotted name if it is one, the names that it reads, its constant."""

    name: str = ""
    names: frozenset[str] = NO_NAMES
    constant: Any = NOTHING
    call: "Call | None" = None
    items: "tuple[Value, ...]" = ()
    keys: tuple[str, ...] = ()
    base: "Value | None" = None
    kind: str = ""

    @property
    def root(self) -> str:
        """Return the first part of the dotted name."""
        return self.name.split(".", 1)[0]


UNKNOWN = Value()


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call: `name` is dotted and resolved; for a method of no name it begins with a dot."""

    name: str
    line: int
    scope: str
    order: int
    receiver: Value | None
    args: tuple[Value, ...]
    keywords: dict[str, Value]
    starred: bool
    loop: bool
    tries: tuple[int, ...]
    main: bool
    handled: bool

    @property
    def method(self) -> str:
        """Return the last part of the name."""
        return self.name.rsplit(".", 1)[-1]

    def get(self, keyword: str, position: int = -1) -> Value | None:
        """Return an argument by keyword or, if it has one, by position."""
        if keyword in self.keywords:
            return self.keywords[keyword]
        return self.args[position] if 0 <= position < len(self.args) else None


@dataclass(frozen=True, slots=True, eq=False)
class Assign:
    """An assignment; `stores` are those targets that change a part of a value, as `x[0]` does."""

    line: int
    scope: str
    order: int
    targets: tuple[str, ...]
    stores: tuple[Value, ...]
    unpacked: bool
    value: Value
    augmented: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Import:
    """`name` is the dotted thing that `alias` stands for; `level` counts the dots before it."""

    module: str
    name: str
    alias: str
    line: int
    level: int
    scope: str
    guarded: bool


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function, and what its own body does; nested functions have facts of their own."""

    name: str
    scope: str
    line: int
    end: int
    is_async: bool
    decorators: tuple[Value, ...]
    params: tuple[str, ...]
    annotations: dict[str, str]
    raises: bool = False
    returns: bool = False
    exits: bool = False
    asserts: int = 0
    compares: int = 0


@dataclass(slots=True, eq=False)
class _Body:
    """What the body of a function does, while it is being read."""

    raises: bool = False
    returns: bool = False
    exits: bool = False
    asserts: int = 0
    compares: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """An `except`: silent when it neither raises, nor exits, nor returns."""

    line: int
    types: tuple[str, ...]
    silent: bool
    empty: bool
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A comparison that decides: in an `assert`, or an `if` whose body ends or goes on."""

    line: int
    scope: str
    kind: str
    left: Value
    sign: str
    right: Value
    guards: tuple[Value, ...]
    ends: bool


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A text constant that is no documentation."""

    line: int
    value: str
    scope: str


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """What one Python file, or one notebook, says. `problem` is set when it could not be parsed."""

    path: str
    source: str = field(default="", repr=False)
    imports: tuple[Import, ...] = ()
    calls: tuple[Call, ...] = ()
    assigns: tuple[Assign, ...] = ()
    functions: tuple[Function, ...] = ()
    handlers: tuple[Handler, ...] = ()
    conditions: tuple[Condition, ...] = ()
    texts: tuple[Text, ...] = ()
    discarded: frozenset[int] = frozenset()
    last_use: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    problem_line: int = 1
    python2: bool = False
    generated: bool = False
    bare: int = 0

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the lines of the source; they are not kept, since the source is."""
        return _lines(self.source)

    def line(self, number: int) -> str:
        """Return one line of the source, without the blanks around it."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""


@lru_cache(maxsize=20_000)
def _named(name: str, written: str) -> Value:
    """Return a name as a value: one object, in however many places it is read."""
    return Value(name, frozenset((written,)), kind="name")


@lru_cache(maxsize=64)
def _lines(source: str) -> tuple[str, ...]:
    return tuple(source.splitlines())


def parse(path: str, source: str) -> Module:
    """Return the facts of a file; of one that does not parse, the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        walker = _Walker()
        walker.module(tree)
    except SyntaxError as error:
        old = bool(error.msg) and ("print" in error.msg or "except" in error.msg)
        old = old or any(_python2(line) for line in _lines(source)[:2000])
        message = error.msg or "syntax error"
        return Module(path, source, problem=message, problem_line=error.lineno or 1, python2=old)
    except (ValueError, RecursionError, MemoryError) as error:
        kind = "nested too deeply" if isinstance(error, RecursionError) else "not readable"
        return Module(path, source, problem=kind)
    return walker.facts(path, source)


def _python2(line: str) -> bool:
    bare = line.strip()
    return bare.startswith(("print '", 'print "', "exec '")) or (
        bare.startswith("except ") and "," in bare and " as " not in bare and "(" not in bare
    )


class _Walker:
    """Visits each node once. Expressions return a Value, statements return nothing."""

    def __init__(self) -> None:
        self.order, self.scope, self.loop, self.main = 0, "", 0, False
        self.tries: tuple[int, ...] = ()
        self.handled, self.tried, self.bare = False, 0, 0
        self.aliases: dict[str, str] = {}
        self.imports: list[Import] = []
        self.calls: list[Call] = []
        self.assigns: list[Assign] = []
        self.functions: list[tuple[Function, _Body]] = []
        self.handlers: list[Handler] = []
        self.conditions: list[Condition] = []
        self.texts: list[Text] = []
        self.discarded: set[int] = set()
        self.last_use: dict[str, int] = {}
        self.body_of: list[_Body | None] = [None]
        # The same names are read together again and again: each set of them is one object.
        self.sets: dict[frozenset[str], frozenset[str]] = {}

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
        visit = getattr(self, f"on_{type(node).__name__.lower()}", None)
        if visit is not None:
            visit(node)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self.statement(child)
            elif isinstance(child, ast.expr):
                self.value(child)
            else:
                self.other(child)

    def other(self, node: ast.AST) -> None:
        """Visit what is neither statement nor expression: `match` cases, `with` items."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self.statement(child)
            elif isinstance(child, ast.expr):
                self.value(child)
            else:
                self.other(child)

    def on_import(self, node: ast.Import) -> None:
        self._import(node)

    def on_importfrom(self, node: ast.ImportFrom) -> None:
        self._import(node)

    def _alias(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for each in node.names:
                root = each.name.split(".")[0]
                self.aliases[each.asname or root] = each.name if each.asname else root
        else:
            before = "." * node.level + (node.module or "")
            for each in node.names:
                joint = "" if before.endswith(".") else "."
                self.aliases[each.asname or each.name] = f"{before}{joint}{each.name}"

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
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

    def on_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = tuple(self.value(each) for each in node.decorator_list)
        given = node.args
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        notes = {a.arg: ast.unparse(a.annotation) for a in every if a.annotation is not None}
        for default in (*given.defaults, *given.kw_defaults):
            if default is not None:
                self.value(default)
        scope = f"{self.scope}.{node.name}" if self.scope else node.name
        params = tuple(a.arg for a in every)
        is_async = isinstance(node, ast.AsyncFunctionDef)
        end = node.end_lineno or node.lineno
        found = Function(node.name, scope, node.lineno, end, is_async, decorators, params, notes)
        body = _Body()
        self.functions.append((found, body))
        self._inside(scope, body, node.body)

    on_asyncfunctiondef = on_functiondef

    def _inside(self, scope: str, function: _Body | None, body: list[ast.stmt]) -> None:
        kept = self.scope, self.loop, self.tries, self.handled, self.main
        self.scope, self.loop, self.tries, self.handled, self.main = scope, 0, (), False, False
        self.body_of.append(function)
        self.block(_without_doc(body))
        self.body_of.pop()
        self.scope, self.loop, self.tries, self.handled, self.main = kept

    def on_classdef(self, node: ast.ClassDef) -> None:
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
            self._assign(target, value, node.lineno)

    def on_annassign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, self.value(node.value), node.lineno)

    def on_augassign(self, node: ast.AugAssign) -> None:
        self._assign(node.target, self.value(node.value), node.lineno, augmented=True)

    def _assign(
        self, target: ast.expr, value: Value, line: int, *, augmented: bool = False
    ) -> None:
        unpacked = isinstance(target, ast.Tuple | ast.List)
        parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        names, stores = [], []
        for part in parts:
            inner = part.value if isinstance(part, ast.Starred) else part
            if isinstance(inner, ast.Name):
                names.append(inner.id)
                self.aliases.pop(inner.id, None) if not self.scope else None
            elif isinstance(inner, ast.Attribute) and _dotted(inner):
                names.append(_dotted(inner))
            elif isinstance(inner, ast.expr):
                names.append("")
                stores.append(self.value(inner))
        self.order += 1
        self.assigns.append(
            Assign(
                line,
                self.scope,
                self.order,
                tuple(names),
                tuple(stores),
                unpacked,
                value,
                augmented,
            )
        )

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
                self._compared()
                sign = type(part.ops[0]).__name__
                self.conditions.append(
                    Condition(part.lineno, self.scope, kind, left, sign, right, tuple(guards), ends)
                )
            else:
                guards.append(self.value(part))

    def _compared(self) -> None:
        if (function := self.body_of[-1]) is not None:
            function.compares += 1

    def on_for(self, node: ast.For | ast.AsyncFor) -> None:
        value = self.value(node.iter)
        self.loop += 1
        self._assign(node.target, Value(names=value.names, kind="item", base=value), node.lineno)
        self.block(node.body)
        self.loop -= 1
        self.block(node.orelse)

    on_asyncfor = on_for

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
                self._assign(item.optional_vars, value, node.lineno)
        self.block(node.body)

    on_asyncwith = on_with

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

    on_trystar = on_try

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

    def value(self, node: ast.expr) -> Value:
        """Visit an expression once and say what it is."""
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self.last_use[node.id] = self.order
            return _named(self.aliases.get(node.id, node.id), node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Subscript):
            base, key = self.value(node.value), self.value(node.slice)
            keys = _keys(key)
            names = self._union((base, key))
            return Value(names=names, keys=keys, base=base, items=(key,), kind="subscript")
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            items = tuple(self.value(each) for each in node.elts)
            return Value(names=self._union(items), items=items, kind="items")
        return self._compound(node)

    def _one(self, names: frozenset[str]) -> frozenset[str]:
        return self.sets.setdefault(names, names)

    def _union(self, values: Iterable[Value]) -> frozenset[str]:
        sets = [each.names for each in values if each.names]
        if not sets:
            return NO_NAMES
        return sets[0] if len(sets) == 1 else self._one(sets[0].union(*sets[1:]))

    def _compound(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Await | ast.Starred):
            return self.value(node.value)
        if isinstance(node, ast.Compare):
            self._compared()
        if isinstance(node, ast.NamedExpr):
            value = self.value(node.value)
            self._assign(node.target, value, node.lineno)
            return value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.value(node.operand)
            if isinstance(inner.constant, int | float):
                return Value(constant=-inner.constant)
            return Value(names=inner.names, kind="other")
        if isinstance(node, ast.Lambda):
            return Value(names=self.value(node.body).names, kind="other")
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self._comprehension(node)
        if isinstance(node, ast.JoinedStr):
            parts = [
                self.value(each)
                for each in ast.iter_child_nodes(node)
                if isinstance(each, ast.expr)
            ]
            return Value(names=self._union(parts), kind="format")
        children = [self.value(e) for e in ast.iter_child_nodes(node) if isinstance(e, ast.expr)]
        kind = "binary" if isinstance(node, ast.BinOp) else "other"
        if isinstance(node, ast.Dict):
            kind = "dict"
        return Value(names=self._union(children), items=tuple(children), kind=kind)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Value:
        names: set[str] = set()
        self.loop += 1
        for part in node.generators:
            for each in (part.iter, *part.ifs):
                names |= self.value(each).names
        bodies = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for each in bodies:
            names |= self.value(each).names
        self.loop -= 1
        return Value(names=self._one(frozenset(names)), kind="comprehension")

    def _constant(self, node: ast.Constant) -> Value:
        value = node.value
        if isinstance(value, str) and len(value) < 400:
            value = sys.intern(value)
            if len(value) > 3:
                self.texts.append(Text(node.lineno, value, self.scope))
        return Value(constant=value)

    def _attribute(self, node: ast.Attribute) -> Value:
        base = self.value(node.value)
        name = f"{base.name}.{node.attr}" if base.name else ""
        return Value(name, base.names, base=base, keys=(node.attr,), kind="attribute")

    def _call(self, node: ast.Call) -> Value:
        receiver = None
        if isinstance(node.func, ast.Attribute):
            receiver = self.value(node.func.value)
            name = f"{receiver.name}.{node.func.attr}"
        else:
            name = self.value(node.func).name
        args = tuple(
            self.value(each.value if isinstance(each, ast.Starred) else each) for each in node.args
        )
        keywords = NO_KEYWORDS
        if node.keywords:
            keywords = {each.arg or "**": self.value(each.value) for each in node.keywords}
        starred = "**" in keywords or any(isinstance(each, ast.Starred) for each in node.args)
        self.order += 1
        call = Call(
            name, node.lineno, self.scope, self.order, receiver, args, keywords, starred,
            self.loop > 0, self.tries, self.main, self.handled,
        )  # fmt: skip
        self.calls.append(call)
        if name in EXITS and (function := self.body_of[-1]) is not None:
            function.exits = True
        names = self._union((*args, *keywords.values(), *((receiver,) if receiver else ())))
        return Value(names=names, call=call, kind="call")


def _whole(function: Function, body: _Body) -> Function:
    return replace(
        function,
        raises=body.raises,
        returns=body.returns,
        exits=body.exits,
        asserts=body.asserts,
        compares=body.compares,
    )


_ENDS = (ast.Raise, ast.Return, ast.Continue, ast.Break)


def _keys(key: Value) -> tuple[str, ...]:
    if isinstance(key.constant, str):
        return (key.constant,)
    return tuple(each.constant for each in key.items if isinstance(each.constant, str))


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


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
    return isinstance(node, ast.Call) and _dotted(node.func) in EXITS


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
    return tuple(_dotted(each) for each in parts)
