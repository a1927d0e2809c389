"""The part of a file that an edit may depend on: the rest is left out, so that it costs less.

A statement at the top of a file stays if it imports, if it holds a text that may be a path or the
name of a module, or if it shares a name with one that stays: a value that is given in one of them,
or a function that may be given a path. Each character keeps its place.
"""

import ast
import io
import re
import warnings
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tdsp.adopt.rewrite.sinks import PATH_PARTS

WORD = re.compile(r"\w+")
PATH = re.compile(r"[./\\~]")
NEEDED = frozenset(("__file__", "sys", "chdir", "getcwd", "cwd", "Flask", "rmtree"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
IMPORTS = (ast.Import, ast.ImportFrom)
MODULE, CLASS, FUNCTION = range(3)  # where a name is bound
SPECIAL = frozenset(
    (*FUNCTIONS, *IMPORTS, ast.ClassDef, ast.Expr, ast.FormattedValue, ast.Global,
     ast.ExceptHandler)
)  # fmt: skip
# Parts of a node that hold no name and no expression.
PLAIN = frozenset(("ctx", "op", "ops", "type_comment", "simple", "is_async", "conversion", "level"))
_fields: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Constant: (), ast.MatchSingleton: (),
}  # fmt: skip


@dataclass(slots=True)
class Part:
    """Statements that share lines, and the names in them.

    `names` and `attributes` are all that they name; `values` are names that they give a value
    at the top of the file, and `given` are attributes that they give one: of `self`, of a class,
    or of what comes from the command line. `defined` are the other names that they bind there.
    """

    first: int
    last: int
    nodes: list[ast.stmt]
    names: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Reduced:
    """The lines of a file, its parts, and those that stay; without parts, all of it stays."""

    lines: list[str]
    parts: list[Part]
    kept: list[Part]

    @property
    def text(self) -> str:
        """The text of what stays, with blanks instead of the rest."""
        return self.only(self.kept)

    def only(self, stays: list[Part]) -> str:
        """Return the text of some parts, with blanks instead of the rest."""
        known = {part.first for part in stays}
        gone = [part for part in self.parts if part.first not in known]
        return _blanked(self.lines, self.parts, gone)


def reduced(text: str, words: frozenset[str] | None) -> Reduced:
    """Return a file without the statements that have nothing to do with these words or a path.

    Without words, every text may be a path.
    """
    parts = list(_parts(text))
    near = _Near(parts)
    waiting = [part for part in parts if _stays(part, words)]
    kept = {part.first for part in waiting}
    while waiting:
        for each in near.of(waiting.pop()):
            if each.first not in kept:
                kept.add(each.first)
                waiting.append(each)
    return Reduced(lines_of(text), parts, [part for part in parts if part.first in kept])


def only(text: str, name: str) -> Reduced:
    """Return a file with the statements that define one name, and no others."""
    parts = list(_parts(text))
    kept = [part for part in parts if name in part.values | part.defined]
    return Reduced(lines_of(text), parts, kept)


def lines_of(text: str) -> list[str]:
    """Return the lines as Python counts them, with their ends."""
    return list(io.StringIO(text, newline=""))


class _Near:
    """Which statements share a name with another, so that the one tells how the other's is used."""

    def __init__(self, parts: list[Part]) -> None:
        self.functions: dict[int, bool] = {}  # first line -> whether it may be given a path
        self.users = _by_name(parts, lambda part: part.names)
        self.readers = _by_name(parts, lambda part: part.attributes)
        self.binders = _by_name(parts, lambda part: part.values | part.defined)
        self.givers = _by_name(parts, lambda part: part.given)

    def of(self, part: Part) -> Iterator[Part]:
        """Yield the statements that are near to one."""
        for name in part.values:
            yield from self.users[name]
        for name in part.given:
            yield from self.readers[name]
        for name in part.names & self.binders.keys():
            binders = self.binders[name]
            if len(binders) > 1 or name in binders[0].values or self.takes_paths(binders[0]):
                yield from binders
        for name in part.attributes & self.givers.keys():
            yield from self.givers[name]

    def takes_paths(self, part: Part) -> bool:
        """Tell whether a function may use what it is given as a path; if in doubt, it may."""
        if part.first not in self.functions:
            kinds = (ast.ClassDef, *IMPORTS)
            found = (_may_be_path(each) for each in part.nodes if not isinstance(each, kinds))
            self.functions[part.first] = any(found)
        return self.functions[part.first]


def _by_name(parts: list[Part], names: Callable[[Part], Iterable[str]]) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        for name in names(part):
            found[name].append(part)
    return found


def _stays(part: Part, words: frozenset[str] | None) -> bool:
    if part.needed or not NEEDED.isdisjoint(part.names) or not NEEDED.isdisjoint(part.attributes):
        return True
    return any(
        words is None or PATH.search(text) or not words.isdisjoint(WORD.findall(text))
        for text in part.texts
    )


def _may_be_path(top: ast.AST) -> bool:
    """Tell whether an argument is put behind a folder, or used each time where a path may stand."""
    names: list[str] = []
    used: set[str] = set()
    other: set[str] = set()
    parts: set[str] = set()
    waiting: list[Any] = [top]
    while waiting:
        around = waiting.pop()
        for each in _inside(around):
            kind = type(each)
            if kind is ast.Name:
                (used if _place_of_path(around, each) else other).add(each.id)
                if _place_of_part(around, each):
                    parts.add(each.id)
            elif kind is ast.arg:
                names.append(each.arg)
                waiting.append(each)
            elif kind is not str:
                waiting.append(each)
    # Of two arguments with one name it is not told which of them is used.
    return not parts.isdisjoint(names) or any(
        name in used and (name not in other or names.count(name) > 1) for name in names
    )


def _place_of_path(around: ast.AST, node: ast.Name) -> bool:
    if isinstance(around, ast.Attribute):
        return around.attr in PATH_PARTS
    if isinstance(around, ast.BinOp):
        return around.left is node and isinstance(around.op, ast.Add | ast.Div)
    if isinstance(around, ast.Call):
        return around.func is not node
    return isinstance(around, (ast.keyword, ast.Starred, ast.FormattedValue))


def _place_of_part(around: ast.AST, node: ast.Name) -> bool:
    if isinstance(around, ast.BinOp):
        return around.right is node and isinstance(around.op, ast.Add | ast.Div)
    if isinstance(around, ast.Call):
        joins = isinstance(around.func, ast.Attribute) and around.func.attr == "join"
        return joins and node in around.args[1:]
    return isinstance(around, ast.FormattedValue)


def _parts(text: str) -> Iterator[Part]:
    """Yield the parts of a file; none where Python does not read it, and all of it stays."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for first, last, nodes in _groups(body):
        part = Part(first, last, nodes)
        for node in nodes:
            _look(part, node, MODULE)
        yield part


def _groups(body: list[ast.stmt]) -> list[tuple[int, int, list[ast.stmt]]]:
    found: list[tuple[int, int, list[ast.stmt]]] = []
    for node in body:
        above = [each.lineno for each in getattr(node, "decorator_list", ())]
        first, last = min([node.lineno, *above]), node.end_lineno or node.lineno
        if found and first <= found[-1][1]:
            start, end, nodes = found.pop()
            found.append((start, max(end, last), [*nodes, node]))
        else:
            found.append((first, last, [node]))
    return found


def _look(part: Part, top: ast.AST, place: int) -> None:
    """Collect what a statement names and binds."""
    waiting: list[Any] = [top]
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is str:  # one of the names of `global`
            part.names.add(node)
        elif kind is ast.Name:
            part.names.add(node.id)
            if place != FUNCTION and type(node.ctx) is not ast.Load:
                (part.values if place == MODULE else part.given).add(node.id)
        elif kind is ast.Attribute:
            part.attributes.add(node.attr)
            if type(node.ctx) is not ast.Load:
                part.given.add(node.attr)
            waiting.append(node.value)
        elif kind is ast.Constant:
            if isinstance(node.value, str):
                part.texts.append(node.value)
        elif kind is ast.Call:
            part.given.update(_options(node))
            waiting.append(node.func)
            waiting += node.args
            waiting += node.keywords
        elif kind is ast.keyword:
            waiting.append(node.value)
        elif kind in SPECIAL:
            waiting += _below(part, node, place)
        else:
            waiting += _inside(node)


def _below(part: Part, node: ast.AST, place: int) -> Iterable[object]:
    """Return what is to be looked at below a node of a special kind."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return ()  # documentation
    if isinstance(node, ast.FormattedValue):
        inner = node.format_spec.values if isinstance(node.format_spec, ast.JoinedStr) else ()
        return [node.value, *(each for each in inner if isinstance(each, ast.FormattedValue))]
    if isinstance(node, IMPORTS):
        part.needed = True
        _define(part, place, *(each.asname or each.name.split(".")[0] for each in node.names))
        return ()
    if isinstance(node, ast.Global):
        part.needed = True
    elif isinstance(node, ast.ExceptHandler) and node.name:
        _define(part, place, node.name)
    elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        _define(part, place, node.name)
        for each in node.body:
            _look(part, each, CLASS if isinstance(node, ast.ClassDef) else FUNCTION)
        own = set(map(id, node.body))
        return [each for each in _inside(node) if id(each) not in own]
    return _inside(node)


def _define(part: Part, place: int, *names: str) -> None:
    part.names.update(names)
    if place == MODULE:
        part.defined.update(names)


def _options(node: ast.Call) -> Iterable[str]:
    """Return the attributes that an option of the command line becomes."""
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "add_argument":
        return ()
    texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
    return {each.lstrip("-").replace("-", "_") for each in texts if isinstance(each, str)}


def _inside(node: ast.AST) -> list[Any]:
    """Return what a node holds; a name that it holds is among it as a text."""
    kind = type(node)
    if kind not in _fields:
        _fields[kind] = tuple(name for name in kind._fields if name not in PLAIN)
    found: list[Any] = []
    for name in _fields[kind]:
        value = getattr(node, name, None)
        if type(value) is list:
            found += filter(None, value)
        elif value is not None:
            found.append(value)
    return found


def _blanked(lines: list[str], parts: list[Part], gone: list[Part]) -> str:
    """Return the text with blanks instead of some parts, as many as they have characters.

    What is blank has no line ends but its last: each line would cost the parser something.
    """
    left = list(lines)
    starts = sorted(each.first for each in parts)
    for part in gone:
        after = bisect_right(starts, part.first)
        last = starts[after] - 1 if after < len(starts) else part.last
        text = "".join(left[part.first - 1 : last])
        end = text[len(text.rstrip("\r\n")) :][-1:]
        blank = " " * (len(text) - len(end)) + end
        left[part.first - 1 : last] = [blank, *[""] * (last - part.first)]
    return "".join(left)
