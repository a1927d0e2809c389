"""Imports: each statement that means a file that moves is changed where it stands."""

import posixpath
import re
from collections.abc import Callable
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite.layout import Layout
from tdsp.adopt.rewrite.resolve import NOWHERE, Doubt, Found, Resolver
from tdsp.adopt.rewrite.source import Parsed
from tdsp.adopt.rewrite.walk import dotted

NO_NAMES: frozenset[str] = frozenset()
# Call -> how a text that it is given names a module: whole, or followed by a name in it.
BY_NAME = {
    "importlib.import_module": "module", "import_module": "module", "__import__": "top",
    "mock.patch": "inside", "patch": "inside", "unittest.mock.patch": "inside",
    "mocker.patch": "inside", "monkeypatch.setattr": "inside", "monkeypatch.delattr": "inside",
    "uvicorn.run": "app", "mock.patch.dict": "inside", "patch.dict": "inside",
    "mocker.patch.dict": "inside", "importlib.util.find_spec": "module",
    "pytest.importorskip": "module", "runpy.run_module": "module",
}  # fmt: skip
DYNAMIC = re.compile(r"[A-Za-z_][\w]*(\.\w+)*\.?")


class Imports:
    """Visits a file's imports. What it finds is written into `parsed`."""

    def __init__(self, parsed: Parsed, layout: Layout, resolver: Resolver) -> None:
        self.parsed, self.layout, self.resolver = parsed, layout, resolver
        self.path = parsed.path
        self.moves = layout.moved(self.path)
        self.places: list[tuple[int, int]] = []

    def run(self) -> None:
        """Go through the file in its order."""
        for node in self.parsed.outline.nodes:
            if visit := VISITS.get(type(node)):
                visit(self, node)

    def plain(self, node: cst.Import) -> None:
        """Change `import a`."""
        self.places.append(self.parsed.span(node))
        pieces: list[tuple[bool, str]] = []
        changed = False
        for each in node.names:
            name = dotted(each.name)
            alias = each.asname.name.value if each.asname else ""  # type: ignore[union-attr]
            new = self._plain(node, name, alias)
            changed = changed or bool(new)
            old = f"{name} as {alias}" if alias else name
            pieces.append((True, new) if new else (False, old))
        if changed:
            start, end = self.parsed.span(node)
            if "\n" in self.parsed.source.text[start:end]:
                self.parsed.note(node, "an import over several lines has to be changed by hand")
                return
            self.parsed.change(start, end, _joined(pieces), "import of a module that moves")

    def _plain(self, node: cst.CSTNode, name: str, alias: str) -> str:
        """Return the statement that takes the place of `import name as alias`, "" for none."""
        found = self._resolve(node, name, NO_NAMES)
        if found is None:
            return ""
        new = self._name_of(found)
        if not self._check(node, name, new, found):
            return ""
        if alias or "." not in name:
            return _single(new, alias or name)
        top = name.split(".", 1)[0]
        first = new[: -len(name) + len(top)] if new.endswith(name[len(top) :]) else ""
        if not first:
            self.parsed.note(node, f"`import {name}` becomes {new}: its uses have to be changed")
            return ""
        if re.search(rf"\b{self.layout.package}\b", self.parsed.source.text):
            self.parsed.note(node, f"`import {name}` becomes {new}, whose first name is taken here")
            return ""
        return f"{_single(first, top)}; import {new}"

    def from_module(self, node: cst.ImportFrom) -> None:
        """Change `from a import b`."""
        self.places.append(self.parsed.span(node))
        module = dotted(node.module) if node.module else ""
        level = len(node.relative)
        base = self._relative(level) if level else None
        if level and base is None:
            return
        names = _taken(node)
        found = self._from(node, base, module, frozenset(names or ()))
        if found is None:
            return
        parts = self._parts(found, names)
        homes = {home for home, _, _ in parts}
        if level and self._holds(node, level, module, found, parts):
            return
        if not level and homes == {module} and all(old == new for _, old, new in parts):
            return
        if not all(homes):
            self._missing(node, "." * level + module, found, names)
            return
        self._replace(node, parts, homes)

    def _from(
        self, node: cst.CSTNode, base: str | None, module: str, wanted: frozenset[str]
    ) -> Found | None:
        if base is None:
            return self._resolve(node, module, wanted)
        if module:
            found = self.resolver.find(base, module)
            return None if found == NOWHERE else found
        init = f"{base}/__init__.py" if base else "__init__.py"
        return Found(init if init in self.layout.files else "", base)

    def _parts(self, found: Found, names: list[str] | None) -> list[tuple[str, str, str]]:
        """Return for each name: the new module that it is taken from, its old and new name."""
        own = self._name_of(found)
        parts = []
        for name in names or ["*"]:
            inner = self._inner(found, name)
            if inner == NOWHERE:
                parts.append((own, name, name))
            else:
                home, _, last = self._name_of(inner).rpartition(".")
                parts.append((home, name, last))
        return parts

    def _inner(self, found: Found, name: str) -> Found:
        """Return the module that a name of a package is, NOWHERE if it is something in it."""
        if name == "*" or (not found.folder and found.path):
            return NOWHERE
        return self.resolver.find(found.folder, name)

    def _holds(
        self, node: cst.CSTNode, level: int, module: str, found: Found,
        parts: list[tuple[str, str, str]],
    ) -> bool:  # fmt: skip
        """Tell whether a relative import means the same after the move."""
        new = self.layout.target(self.path)
        folder = posixpath.dirname(new)
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        inside = posixpath.join(folder, *module.split(".")) if module else folder
        for _, name, _ in parts:
            inner = self._inner(found, name)
            here = f"{inside}/{name}" if inner != NOWHERE else inside
            meant = inner if inner != NOWHERE else found
            place = self.layout.target(meant.path) if meant.path else ""
            if meant.path and place not in {f"{here}.py", f"{here}/__init__.py"}:
                return False
            if not meant.path and self.layout.block(meant.folder) != here:
                return False
        return True

    def _replace(
        self, node: cst.ImportFrom, parts: list[tuple[str, str, str]], homes: set[str]
    ) -> None:
        why = "import from a module that moves"
        if len(homes) == 1 and all(old == new for _, old, new in parts):
            start, end = self._module_span(node)
            text = self.parsed.source.text
            before = "" if text[start - 1].isspace() else " "
            after = "" if text[end].isspace() or text[end] == "\\" else " "
            self.parsed.change(start, end, f"{before}{homes.pop()}{after}", why)
            return
        start, end = self.parsed.span(node)
        if "\n" in self.parsed.source.text[start:end] or "#" in self.parsed.source.text[start:end]:
            self.parsed.note(node, "an import over several lines has to be taken apart by hand")
            return
        statements: dict[str, list[str]] = {}
        aliases = {each.evaluated_name: each.evaluated_alias for each in node.names}  # type: ignore[union-attr]
        for home, old, new in parts:
            alias = aliases.get(old) or old
            statements.setdefault(home, []).append(new if alias == new else f"{new} as {alias}")
        text = "; ".join(f"from {home} import {', '.join(n)}" for home, n in statements.items())
        self.parsed.change(start, end, text, why)

    def _module_span(self, node: cst.ImportFrom) -> tuple[int, int]:
        first = node.relative[0] if node.relative else node.module
        last = node.module or node.relative[-1]
        return self.parsed.span(first)[0], self.parsed.span(last)[1]

    def _relative(self, level: int) -> str | None:
        """Return the folder that a number of dots means today, None above the root."""
        folder = posixpath.dirname(self.path)
        for _ in range(level - 1):
            if not folder:
                return None
            folder = posixpath.dirname(folder)
        return folder

    def _resolve(
        self, node: cst.CSTNode, name: str, wanted: frozenset[str], *, by_text: bool = False
    ) -> Found | None:
        found = self.resolver.resolve(self.path, name, wanted, by_text=by_text)
        if isinstance(found, Doubt):
            self.parsed.note(node, f"not edited, because {found.text}")
            return None
        return None if found == NOWHERE else found

    def _name_of(self, found: Found) -> str:
        if found.path:
            return self.layout.module(found.path)
        return self.layout.package_of(found.folder)

    def _check(self, node: cst.CSTNode, name: str, new: str, found: Found) -> bool:
        """Tell whether a name has to be changed and can be."""
        if new:
            return new != name
        self._missing(node, name, found, None)
        return False

    def _missing(self, node: cst.CSTNode, name: str, found: Found, names: list[str] | None) -> None:
        """Note an import that finds nothing after the move, or may not."""
        place = found.path or found.folder
        inner = [self._inner(found, each) for each in names or ()]
        concerned = [each.path or each.folder for each in inner if each != NOWHERE] or [place]
        if self.moves or any(self.layout.moved(each) for each in concerned):
            files = [each for each in concerned if each in self.layout.files]
            goes = f", which goes to {self.layout.target(files[0])}" if files else ""
            # A notebook finds what lies in its own folder; a script is started with `python -m`.
            stays = (
                self.moves
                and self.path.endswith(".ipynb")
                and not any(self.layout.moved(each) for each in concerned)
            )
            text = f"`{name}` means {concerned[0] or 'the root'}{goes}: no import name is known"
            self.parsed.note(node, text, self.path if stays else "")

    def call(self, node: cst.Call) -> None:
        """Change the name of a module that a call is given, and note changes of sys.path."""
        name = dotted(node.func)
        if name in {"sys.path.append", "sys.path.insert", "sys.path.extend"}:
            if self.moves:
                self.parsed.note(
                    node, f"{name}(...) is kept; the installed package does not need it"
                )
            return
        if name.rpartition(".")[2] == "Flask" and self.moves:
            self._flask(node)
        kind = BY_NAME.get(name)
        if kind and node.args:
            self._text(node.args[0].value, kind)

    def _flask(self, node: cst.Call) -> None:
        """Note folders that Flask looks for beside the module and that do not go with it."""
        given = {each.keyword.value for each in node.args if each.keyword is not None}
        for folder, keyword in (("templates", "template_folder"), ("static", "static_folder")):
            old = posixpath.join(posixpath.dirname(self.path), folder)
            new = posixpath.join(posixpath.dirname(self.layout.target(self.path)), folder)
            found = old in self.layout.folders and keyword not in given
            if found and self.layout.block(old) != new:
                self.parsed.note(
                    node, f"Flask looks for {folder}/ beside this file: move {old} to {new}"
                )

    def _text(self, node: cst.BaseExpression, kind: str) -> None:
        """Change a module's name in a text: whole, or the constant head of a text."""
        if isinstance(node, cst.SimpleString) and not node.prefix.lower().startswith("b"):
            value = node.evaluated_value
            if isinstance(value, str) and DYNAMIC.fullmatch(value.split(":")[0]):
                self._named(node, value, kind)
            return
        head = _head(node)
        if head is not None:
            self._prefix(node, *head)

    def _named(self, node: cst.SimpleString, value: str, kind: str) -> None:
        name, colon, rest = value.partition(":")
        known = self._longest(name) if kind == "inside" else name
        if not known:
            return
        found = self._resolve(node, known, NO_NAMES, by_text=True)
        new = self._name_of(found) if found else ""
        if found is None or not self._check(node, known, new, found):
            return
        if kind == "top":
            self.parsed.note(node, f"`__import__` of {known}, which becomes {new}")
            return
        if colon and not rest:
            return
        self._put(node, value, f"{new}{value[len(known) :]}", "name of a module that moves")

    def _longest(self, name: str) -> str:
        """Return the longest head of a dotted name that is a module here."""
        parts = name.split(".")
        for count in range(len(parts) - 1, 0, -1):
            head = ".".join(parts[:count])
            found = self.resolver.resolve(self.path, head, NO_NAMES, by_text=True)
            if isinstance(found, Doubt) or found != NOWHERE:
                return head
        return ""

    def _prefix(self, node: cst.BaseExpression, text: Any, value: str) -> None:
        if not value.endswith(".") or not DYNAMIC.fullmatch(value):
            return
        name = value[:-1]
        found = self._resolve(node, name, NO_NAMES, by_text=True)
        if found is None:
            return
        new = self.layout.package_of(found.folder) if found.folder else ""
        place = self.layout.block(found.folder) if found.folder else None
        if not new or place != f"src/{new.replace('.', '/')}":
            if self.layout.moved(found.folder or found.path):
                self.parsed.note(node, f"modules of {name} are imported by a name made at run time")
        elif new != name:
            self._put(text, value, f"{new}.", "head of a module's name made at run time")

    def _put(self, node: Any, old: str, new: str, why: str) -> None:
        """Change the inside of a text whose letters stand in the file as they are."""
        start, end = self.parsed.inside(node)
        at = self.parsed.source.text.find(old, start, end)
        if at < 0:
            self.parsed.note(node, f"not edited: {why}")
        else:
            self.parsed.change(at, at + len(old), new, why)


VISITS: dict[type, Callable[[Imports, Any], None]] = {
    cst.Import: Imports.plain, cst.ImportFrom: Imports.from_module, cst.Call: Imports.call,
}  # fmt: skip


def _head(node: cst.BaseExpression) -> tuple[Any, str] | None:
    """Return the constant head of a text made at run time, and the node that holds it."""
    if isinstance(node, cst.FormattedString) and node.parts:
        first = node.parts[0]
        if isinstance(first, cst.FormattedStringText):
            return first, first.value
    if isinstance(node, cst.BinaryOperation):
        left = node.left
        if isinstance(node.operator, cst.Add) and isinstance(left, cst.BinaryOperation):
            return _head(left)
        if isinstance(left, cst.SimpleString) and isinstance(left.evaluated_value, str):
            value = left.evaluated_value
            if isinstance(node.operator, cst.Modulo):
                return left, value.split("%", 1)[0]
            return (left, value) if isinstance(node.operator, cst.Add) else None
    if (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value == "format"
        and isinstance(node.func.value, cst.SimpleString)
        and isinstance(node.func.value.evaluated_value, str)
    ):
        return node.func.value, node.func.value.evaluated_value.split("{", 1)[0]
    return None


def _taken(node: cst.ImportFrom) -> list[str] | None:
    if isinstance(node.names, cst.ImportStar):
        return None
    return [each.evaluated_name for each in node.names]


def _single(new: str, bound: str) -> str:
    """Return the import that binds one name to a module."""
    home, _, last = new.rpartition(".")
    end = "" if last == bound else f" as {bound}"
    return f"from {home} import {last}{end}" if home else f"import {last}{end}"


def _joined(pieces: list[tuple[bool, str]]) -> str:
    """Return one line of statements; neighbours that do not change stay in one `import`."""
    statements: list[str] = []
    kept = False
    for changed, text in pieces:
        if not changed and kept:
            statements[-1] += f", {text}"
        else:
            statements.append(text if changed else f"import {text}")
        kept = not changed
    return "; ".join(statements)
