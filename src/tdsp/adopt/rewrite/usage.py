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
    """A function's parameters: which it uses as paths alone, and which as a path's later part."""

    names: list[str]
    paths: frozenset[int]
    parts: frozenset[int]

    def given(self, call: cst.Call, places: frozenset[int]) -> list[Any]:
        """Return what a call gives to the parameters at some places."""
        found = []
        for number, each in enumerate(call.args):
            place = number
            if each.keyword is not None:
                known = each.keyword.value in self.names
                place = self.names.index(each.keyword.value) if known else -1
            if place in places and not each.star:
                found.append(each.value)
        return found


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
        self.methods: dict[str, Function] = {}
        self.local = self._judged(names.functions)
        self.methods = self._judged(names.methods)

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

    def looks(self, uses: list[Any]) -> Any:
        """Return a call that makes a folder, or asks for it, if no use does anything else."""
        calls = [call for use in uses if (call := self._call_of(use)) is not None]
        found = [each for each in calls if sinks.name_of(each) in sinks.LOOKS]
        others = len(calls) < len(uses) or any(
            sinks.name_of(each) not in sinks.LOOKS | sinks.SHOWS for each in calls
        )
        return found[0] if found and not others else None

    def _call_of(self, node: Any) -> Any:
        """Return the call that takes an expression or `Path` of it, or that is a method of it."""
        around = self.parent(node)
        above = self.parent(around)
        if isinstance(around, cst.Attribute):
            return above if isinstance(above, cst.Call) else None
        if not isinstance(around, cst.Arg) or not isinstance(above, cst.Call):
            return None
        return self._call_of(above) if dotted(above.func) in sinks.SAME else above

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
        if name in sinks.SHOWS or dotted(call.func) in sinks.UPS | sinks.SPLITS:
            return True
        if dotted(call.func) in sinks.SAME:
            return name != "str" or self.is_path(call)
        return any(each is node for each in self.path_arguments(call))

    def path_arguments(self, call: cst.Call) -> list[Any]:
        """Return the arguments of a call that are paths from the folder of the run.

        A function of the repository may be called `save` and put a folder before what it is given.
        """
        function = self._called(call)
        if function is None:
            return list(sinks.path_arguments(call))
        found = [*sinks.path_arguments(call), *function.given(call, function.paths)]
        parts = function.given(call, function.parts)
        return [each for each in found if not any(each is part for part in parts)]

    def _called(self, call: cst.Call) -> Function | None:
        """Return the function of the repository that a call means, None if it is no known one."""
        name = dotted(call.func)
        if isinstance(call.func, cst.Attribute) and dotted(call.func.value) in {"self", "cls"}:
            return self.methods.get(call.func.attr.value)
        return self.local.get(name) or (self.imported(name) if name and call.args else None)

    def _is_part(self, node: Any) -> bool:
        """Tell whether an expression is a later part of a path."""
        around = self.parent(node)
        if isinstance(around, cst.Arg):
            call = self.parent(around)
            joins = isinstance(call, cst.Call) and sinks.is_join(call)
            return joins and call.args[0] is not around
        if isinstance(around, cst.BinaryOperation) and around.right is node:
            return isinstance(around.operator, cst.Divide) or self._becomes_path(around)
        if isinstance(around, cst.FormattedStringExpression):
            whole = self.parent(around)
            later = isinstance(whole, cst.FormattedString) and whole.parts[0] is not around
            return later and self._becomes_path(whole)
        return False

    def _becomes_path(self, node: Any) -> bool:
        """Tell whether an expression, or a name that is given it, is used as a path."""
        given = [e for e in self.names.table.values() if any(v is node for v in e.values)]
        return self.is_path(node) or any(self.is_path(use) for each in given for use in each.uses)

    def _judged(self, functions: dict[str, list[tuple[int, list[str]]]]) -> dict[str, Function]:
        found: dict[str, Function] = {}
        for function, places in functions.items():
            if len(places) != 1:
                continue
            scope, parameters = places[0]
            paths, parts = set(), set()
            for number, parameter in enumerate(parameters):
                name = self.names.table[(scope, parameter)]
                if any(map(self._is_part, name.uses)):
                    parts.add(number)
                elif len(name.values) == 1 and name.uses and self.all_paths(name.uses):
                    paths.add(number)
            if paths or parts:
                found[function] = Function(parameters, frozenset(paths), frozenset(parts))
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
            if not _binds(resolver, each, name):  # the same name may be one of its own
                named = [line for line in named if f".{name}" in line]
            if path_lines := [line for line in named if not _IMPORT(line)]:
                told = told is not False and all(_paths_in(line, name) for line in path_lines)
        return told

    return use


def _binds(resolver: Resolver, path: str, name: str) -> bool:
    """Tell whether a file imports a name, or all names of a module; if in doubt, it does."""
    module = resolver.code.get(path)
    if module is None or module.problem:
        return True
    taken = {each.name.rpartition(".")[2] for each in module.imports}
    return not taken.isdisjoint((name, "*"))


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
