"""What one Python file says, as plain facts: each names its line and the scope it stands in.

A scope is the dotted name of a function or class, "" for the top of the file. `order` counts what
runs from the top of the file to its end.
"""

import copyreg
from dataclasses import dataclass, field, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform


class _Nothing:
    """What no constant is."""

    def __reduce__(self) -> str:
        return "NOTHING"  # there is one in each process


NOTHING: Any = _Nothing()
NO_NAMES: frozenset[str] = frozenset()
Fact = TypeVar("Fact")


@dataclass_transform(frozen_default=True, eq_default=False)
def fact(kind: type[Fact]) -> type[Fact]:
    """Make a class one of facts, which nobody changes: the type checker refuses it.

    Python's own frozen dataclasses take three times as long to make, and a file has thousands.
    For the same reason another process gets the arguments of each, and no names of fields.
    """
    made = dataclass(slots=True, eq=False)(kind)
    values = attrgetter(*(each.name for each in fields(made)))  # type: ignore[arg-type]
    copyreg.pickle(made, lambda each: (made, values(each)))
    return made


class Value:
    """An expression: its dotted name if it is one, the names that it reads, its constant.

    Most have few of these, and keep only what they have: so each kind is a class of its own.
    """

    __slots__ = ()
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


@fact
class Single(Value):
    """A name, a constant, or an attribute."""

    name: str = ""
    names: frozenset[str] = NO_NAMES
    constant: Any = NOTHING
    items: tuple[Value, ...] = ()
    keys: tuple[str, ...] = ()
    base: Value | None = None
    kind: str = ""


@fact
class Part(Value):
    """What `a[b]` is; `b` is its only item."""

    names: frozenset[str]
    items: tuple[Value, ...]
    keys: tuple[str, ...]
    base: Value
    kind = "subscript"  # of all of them, so that none keeps it


@fact
class Several(Value):
    """What is made of other values: a row, a sum, a comprehension."""

    names: frozenset[str]
    items: tuple[Value, ...]
    kind: str


@fact
class Called(Value):
    """What a call returns."""

    names: frozenset[str]
    call: "Call | None"
    kind = "call"  # of all of them, so that none keeps it


UNKNOWN = Single()


@fact
class Place:
    """What calls share that follow each other: where they stand, and whether they unpack."""

    scope: str
    loop: bool
    tries: tuple[int, ...]
    main: bool
    handled: bool
    starred: bool


@fact
class Call:
    """A call: `name` is dotted and resolved; for a method of no name it begins with a dot.

    `method` is the last part of the name. Calls of one place share it: there are so many of them.
    """

    name: str
    method: str
    line: int
    order: int
    place: Place
    receiver: Value | None
    args: tuple[Value, ...]
    keywords: dict[str, Value]

    @property
    def scope(self) -> str:
        """Return the function or class that the call stands in."""
        return self.place.scope

    @property
    def loop(self) -> bool:
        """Tell whether the call stands in a loop."""
        return self.place.loop

    @property
    def tries(self) -> tuple[int, ...]:
        """Return the numbers of the `try`s around the call."""
        return self.place.tries

    @property
    def main(self) -> bool:
        """Tell whether the call stands below `if __name__ == "__main__"`."""
        return self.place.main

    @property
    def starred(self) -> bool:
        """Tell whether arguments are unpacked, as in `f(*a)`."""
        return self.place.starred

    @property
    def handled(self) -> bool:
        """Tell whether the call stands in an `except`."""
        return self.place.handled

    def get(self, keyword: str, position: int = -1) -> Value | None:
        """Return an argument by keyword or, if it has one, by position."""
        if keyword in self.keywords:
            return self.keywords[keyword]
        return self.args[position] if 0 <= position < len(self.args) else None


@fact
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


@fact
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


@fact
class Handler:
    """An `except`: silent when it neither raises, nor exits, nor returns."""

    line: int
    types: tuple[str, ...]
    silent: bool
    empty: bool
    number: int


@fact
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


@fact
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
