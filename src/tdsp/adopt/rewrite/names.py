"""The names of a file: what each is bound to in its function, and where it is used."""

from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite.walk import Outline, Walker

Key = tuple[int, str]


@dataclass(slots=True)
class Name:
    """One name of one scope: the values that it is given, and the places where it is read."""

    values: list[Any] = field(default_factory=list)  # None for a value that is not an expression
    items: list[Any] = field(default_factory=list)  # texts of a list that a loop goes through
    listed: str = ""  # the name of that list, if it is one of the module
    uses: list[Any] = field(default_factory=list)
    parameter: bool = False

    @property
    def value(self) -> Any:
        """Return the one expression that the name stands for, None if there is not just one."""
        return self.values[0] if len(self.values) == 1 else None


class Names(Walker):
    """Collects the names of a file. `scope_of` tells the scope of each place of use."""

    def __init__(self, outline: Outline) -> None:
        super().__init__(outline)
        self.table: dict[Key, Name] = {}
        self.loads: list[tuple[tuple[int, ...], Any]] = []
        self.scope_of: dict[int, tuple[int, ...]] = {}
        self.functions: dict[str, list[tuple[int, list[str]]]] = {}
        self.methods: dict[str, list[tuple[int, list[str]]]] = {}  # without `self`
        self.attributes: dict[str, list[Any]] = {}  # where `.name` is read
        self.members: dict[str, list[Any]] = {}  # what `self.name` is given
        self.classes: set[int] = set()
        self._scopes: tuple[int, ...] = (0,)
        self._loops: list[tuple[Name, cst.Name]] = []
        self.walk(outline.nodes[0])
        for scopes, node in self.loads:
            self.scope_of[id(node)] = scopes
            if (key := self.find(scopes, node.value)) is not None:
                self.table[key].uses.append(node)
        self._go_through()

    def _go_through(self) -> None:
        """Give a loop the texts of a list that has a name and is there for loops alone."""
        iterated = {id(each) for _, each in self._loops}
        for target, each in self._loops:
            key = self.find(self.scope_of[id(each)], each.value)
            name = self.table[key] if key else None
            if name is None or key is None or name.parameter or key[0] in self.classes:
                continue
            plain = isinstance(name.value, cst.List | cst.Tuple)
            if plain and all(id(use) in iterated for use in name.uses):
                texts = [element.value for element in name.value.elements]
                target.items = [each for each in texts if not _is_open(each)]
                target.listed = "" if key[0] else each.value

    def find(self, scopes: tuple[int, ...], name: str) -> Key | None:
        """Return the binding that a name means, from the innermost function out."""
        for scope in reversed(scopes):
            if (scope, name) in self.table:
                return scope, name
        return None

    def of(self, node: Any) -> Name | None:
        """Return the name that stands at a place of use."""
        key = self.find(self.scope_of.get(id(node), (0,)), node.value)
        return self.table[key] if key else None

    def bind(self, name: str, value: Any = None) -> Name:
        """Note that a name of the present scope is given a value."""
        found = self.table.setdefault((self._scopes[-1], name), Name())
        found.values.append(value)
        return found

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        self.loads.append((self._scopes, node))

    def visit_Attribute(self, node: cst.Attribute) -> bool:  # noqa: N802
        self.attributes.setdefault(node.attr.value, []).append(node)
        self.walk(node.value)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:  # noqa: N802
        self.walk(node.value)
        return False

    def visit_Import(self, node: cst.Import) -> bool:  # noqa: N802
        self._imported(node.names)
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:  # noqa: N802
        if not isinstance(node.names, cst.ImportStar):
            self._imported(node.names)
        return False

    def _imported(self, names: Any) -> None:
        for each in names:
            self.bind(each.evaluated_alias or each.evaluated_name.split(".")[0])

    def visit_Assign(self, node: cst.Assign) -> bool:  # noqa: N802
        self.walk(node.value)
        for each in node.targets:
            self._target(each.target, node.value)
        return False

    def visit_AnnAssign(self, node: cst.AnnAssign) -> bool:  # noqa: N802
        if node.value is not None:
            self.walk(node.value)
        self._target(node.target, node.value)
        return False

    def visit_AugAssign(self, node: cst.AugAssign) -> bool:  # noqa: N802
        self.walk(node.value)
        self._target(node.target, None)
        return False

    def visit_NamedExpr(self, node: cst.NamedExpr) -> bool:  # noqa: N802
        self.walk(node.value)
        self._target(node.target, None)
        return False

    def visit_AsName(self, node: cst.AsName) -> bool:  # noqa: N802
        self._target(node.name, None)
        return False

    def visit_Global(self, node: cst.Global) -> bool:  # noqa: N802
        for each in node.names:
            self.table.setdefault((0, each.name.value), Name()).values.append(None)
        return False

    def visit_For(self, node: cst.For) -> bool:  # noqa: N802
        self._loop(node.target, node.iter)
        for child in (node.iter, node.body, node.orelse):
            if child is not None:
                self.walk(child)
        return False

    def visit_CompFor(self, node: cst.CompFor) -> bool:  # noqa: N802
        self._loop(node.target, node.iter)
        self.walk(node.iter)
        for each in node.ifs:
            self.walk(each)
        if node.inner_for_in is not None:
            self.walk(node.inner_for_in)
        return False

    def _loop(self, target: Any, goes_through: Any) -> None:
        self._target(target, None)
        if not isinstance(target, cst.Name):
            return
        found = self.table[(self._scopes[-1], target.value)]
        if isinstance(goes_through, cst.List | cst.Tuple):
            found.items = [each.value for each in goes_through.elements]
        elif isinstance(goes_through, cst.Name):
            self._loops.append((found, goes_through))

    def _target(self, target: Any, value: Any) -> None:
        if isinstance(target, cst.Name):
            self.bind(target.value, value)
        elif isinstance(target, cst.Tuple | cst.List):
            for each in target.elements:
                self._target(each.value, None)
        elif isinstance(target, cst.Attribute):
            self.members.setdefault(target.attr.value, []).append(value)
            self.walk(target.value)
        else:
            self.walk(target)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:  # noqa: N802
        self.bind(node.name.value)
        for decorator in node.decorators:
            self.walk(decorator)
        every = self._parameters(node.params)
        for each in every:
            if each.default is not None:
                self.walk(each.default)
        names = [each.name.value for each in every]
        if len(self._scopes) == 1:
            self.functions.setdefault(node.name.value, []).append((id(node), names))
        elif self._scopes[-1] in self.classes:
            self.methods.setdefault(node.name.value, []).append((id(node), names[1:]))
        outer, self._scopes = self._scopes, (*self._scopes, id(node))
        for each in every:
            self.bind(each.name.value, each.default).parameter = True
        self.walk(node.body)
        self._scopes = outer
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:  # noqa: N802
        for each in self._parameters(node.params):
            self.bind(each.name.value)
        self.walk(node.body)
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:  # noqa: N802
        self.bind(node.name.value)
        for each in (*node.decorators, *node.bases, *node.keywords):
            self.walk(each)
        outer, self._scopes = self._scopes, (*self._scopes, id(node))
        self.classes.add(id(node))
        self.walk(node.body)
        self._scopes = outer
        return False

    def _parameters(self, params: cst.Parameters) -> list[cst.Param]:
        found = [*params.posonly_params, *params.params, *params.kwonly_params]
        for each in (params.star_arg, params.star_kwarg):
            if isinstance(each, cst.Param):
                found.append(each)
        return found


def _is_open(node: Any) -> bool:
    """Tell whether what comes after the beginning of a text is put in at run time."""
    return isinstance(node, cst.FormattedString) and any(
        isinstance(each, cst.FormattedStringExpression) for each in node.parts[1:]
    )
