"""How the names of a file are used: as paths and nothing else, or in other ways too."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite import sinks
from tdsp.adopt.rewrite.names import Name, Names
from tdsp.adopt.rewrite.resolve import Resolver
from tdsp.adopt.rewrite.walk import dotted


@dataclass(frozen=True, slots=True)
class Function:
    """The parameters of a function, and the places of those that it uses as paths alone."""

    names: list[str]
    paths: frozenset[int]


class Usage:
    """Tells of each use of a name whether it is that of a path.

    `elsewhere` tells of a name of the module how other files use it: None if none does.
    `imported` gives the parameters of a function of another file, and which of them are paths.
    """

    def __init__(
        self,
        names: Names,
        parents: Any,
        elsewhere: Callable[[str], bool | None] = lambda _: None,
        imported: Callable[[str], "Function | None"] = lambda _: None,
    ) -> None:
        self.names, self.parents, self.elsewhere = names, parents, elsewhere
        self.imported = imported
        self.local: dict[str, Function] = {}
        self.local = self._local()

    def parent(self, node: Any) -> Any:
        """Return the node around a node."""
        return self.parents.get(id(node))

    def only_paths(self, name: Name) -> bool:
        """Tell whether a name is used, and as a path each time."""
        if not all(map(self.is_path, name.uses)):
            return False
        uses, outside = list(name.uses), None
        for (scope, text), each in self.names.table.items():
            if each is name and scope == 0:
                outside = self.elsewhere(text)
            elif each is name and scope in self.names.classes:
                outside = self.elsewhere(text)
                uses += self.names.attributes.get(text, [])
        return (bool(uses) or bool(outside)) and outside is not False and self.all_paths(uses)

    def all_paths(self, uses: list[Any]) -> bool:
        """Tell whether each of some expressions is used as a path."""
        return all(map(self.is_path, uses))

    def is_path(self, node: Any) -> bool:
        """Tell whether an expression is used as a path, or only shown."""
        around = self.parent(node)
        if isinstance(around, cst.Arg):
            return self._argument(around, node)
        if isinstance(around, cst.BinaryOperation):
            if around.left is not node:
                return False  # a part that comes later starts from what stands before it
            return isinstance(around.operator, cst.Divide) or (
                isinstance(around.operator, cst.Add) and self.is_path(around)
            )
        if isinstance(around, cst.FormattedStringExpression):
            whole = self.parent(around)
            first = isinstance(whole, cst.FormattedString) and whole.parts[0] is around
            return self.is_shown(whole) or (first and self.is_path(whole))
        if isinstance(around, cst.Attribute):
            return around.value is node and around.attr.value in sinks.PATH_PARTS
        return False

    def is_shown(self, node: Any) -> bool:
        """Tell whether a text is only printed or logged."""
        around = self.parent(node)
        call = self.parent(around) if isinstance(around, cst.Arg) else None
        return isinstance(call, cst.Call) and sinks.name_of(call) in sinks.SHOWS

    def _argument(self, around: cst.Arg, node: Any) -> bool:
        call = self.parent(around)
        if not isinstance(call, cst.Call):
            return False
        name = sinks.name_of(call)
        if sinks.is_join(call):
            return call.args[0] is around
        if name in sinks.SHOWS or dotted(call.func) in sinks.UPS:
            return True
        if dotted(call.func) in sinks.SAME:
            return "Path" in name or self.is_path(call)
        found = [*sinks.path_arguments(call), *self.local_arguments(call)]
        return any(each is node for each in found)

    def local_arguments(self, call: cst.Call) -> list[Any]:
        """Return those arguments of a function of the repository that it uses as paths alone."""
        name = dotted(call.func)
        function = self.local.get(name) or (self.imported(name) if name and call.args else None)
        if function is None:
            return []
        found = []
        for number, each in enumerate(call.args):
            place = number
            if each.keyword is not None:
                known = each.keyword.value in function.names
                place = function.names.index(each.keyword.value) if known else -1
            if place in function.paths and not each.star:
                found.append(each.value)
        return found

    def _local(self) -> dict[str, Function]:
        found: dict[str, Function] = {}
        for function, places in self.names.functions.items():
            if len(places) != 1:
                continue
            scope, parameters = places[0]
            paths = set()
            for number, parameter in enumerate(parameters):
                name = self.names.table[(scope, parameter)]
                if len(name.values) == 1 and name.uses and self.all_paths(name.uses):
                    paths.add(number)
            if paths:
                found[function] = Function(parameters, frozenset(paths))
        return found


def used_elsewhere(resolver: Resolver, path: str) -> Callable[[str], bool | None]:
    """Return a function that tells how other files use a name of this file.

    It returns True if they use it as a path each time, False if also in other ways, and None if
    no other file names it.
    """
    importers = resolver.importers.get(path, ())

    def use(name: str) -> bool | None:
        word = re.compile(rf"\b{re.escape(name)}\b")
        told: bool | None = None
        for each in importers:
            text = resolver.repo.text(each)
            lines = text.splitlines() if name in text else ()
            named = [line for line in lines if name in line and word.search(line)]
            if path_lines := [line for line in named if not _IMPORT(line)]:
                told = told is not False and all(_paths_in(line, name) for line in path_lines)
        return told

    return use


_IMPORT = re.compile(r"\s*(from|import)\s").match
_CALL = re.compile(r"(\w+)\(\s*(?:\w+=)?(?:\w+\.)*$")


def _paths_in(line: str, name: str) -> bool:
    """Tell whether each use of a name in a line is plainly that of a path."""
    for match in re.finditer(rf"\b{re.escape(name)}\b", line):
        call = _CALL.search(line[: match.start()])
        after = line[match.end() :].lstrip()
        known = call and (sinks.takes_path(call[1]) and after.startswith((",", ")")))
        if not known and not re.match(r"/\s*[\"'f\w]", after):
            return False
    return True
