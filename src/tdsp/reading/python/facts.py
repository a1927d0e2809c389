"""What one Python file says, as plain facts: each names its line and the scope it stands in.

A scope is the dotted name of a function or class, "" for the top of the file. `order` counts what
runs from the top of the file to its end.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

NOTHING: Any = object()
NO_NAMES: frozenset[str] = frozenset()


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
    """A call: `name` is dotted and resolved; for a method of no name it begins with a dot.

    `method` is the last part of the name.
    """

    name: str
    method: str
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


@lru_cache(maxsize=64)
def _lines(source: str) -> tuple[str, ...]:
    return tuple(source.splitlines())
