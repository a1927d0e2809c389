"""What a Bicep compiler would say, as far as the official definitions tell.

`python bicep_checks.py TYPES FOLDER...` prints, as JSON, the mistakes (`file:line: message`) and
the resources of each Bicep folder. There is no compiler to install: the files are read with the
grammar of tree-sitter and, since the policy scanner reads no others, with pycep. TYPES is the
folder that bicep_types.py fills.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from pycep import BicepParser
from tree_sitter import Language, Node, Parser

# Those in use; the rest of the language is as right, but nobody has looked at it here.
FUNCTIONS = {"concat", "contains", "environment", "guid", "loadJsonContent", "loadTextContent"}
FUNCTIONS |= {"replace", "resourceGroup", "resourceId", "subscription", "take", "tenant"}
FUNCTIONS |= {
    "uniqueString"
}  # not utcNow: some properties, such as the start of a budget, may not change
DECORATORS = {"allowed", "description", "maxLength", "maxValue", "minLength", "minValue", "secure"}
NAMESPACES = {"az", "sys"}
DECLARATIONS = {
    "parameter_declaration": "parameter",
    "variable_declaration": "variable",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
LITERALS = {
    "string": "string",
    "number": "int",
    "boolean": "bool",
    "object": "object",
    "array": "array",
}
# Bicep's own, beside the properties of the type.
OWN = {"parent", "scope", "dependsOn"}
API = re.compile(r"(Microsoft\.\w+(?:/\w+)+)@(\d{4}-\d\d-\d\d(?:-preview)?)")

PYCEP = BicepParser()

Found = Iterator[tuple[Node, str]]


def text(node: Node) -> str:
    return (node.text or b"").decode()


def literal(node: Node) -> str | None:
    """The text of a string without interpolation."""
    if node.type != "string" or any(child.type == "interpolation" for child in node.children):
        return None
    return re.sub(r"\\(.)", r"\1", text(node)[1:-1])


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def key_of(prop: Node) -> str:
    first = prop.named_children[0]
    return literal(first) or text(first)


def members(node: Node) -> dict[str, Node]:
    """Key -> the property with that key, of an object."""
    return {
        key_of(child): child for child in node.named_children if child.type == "object_property"
    }


def values(node: Node) -> Iterator[Node]:
    """What an expression may come to: both sides of a condition, or the node itself."""
    if node.type == "ternary_expression":
        for side in node.named_children[1:]:
            yield from values(side)
    elif node.type == "parenthesized_expression":
        yield from values(node.named_children[0])
    elif node.type not in ("null",):
        yield node


def body_of(declared: Node) -> Node | None:
    """The object of a resource or module, behind its loop and its condition."""
    for node in walk(declared):
        if node.type == "object":
            return node
    return None


@dataclass
class File:
    """One Bicep file: its tree, and what it declares."""

    path: Path
    root: Node
    declared: dict[str, dict[str, Node]] = field(default_factory=dict)

    @classmethod
    @cache
    def read(cls, path: Path) -> "File":
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".bicepparam":
            # The grammar knows no parameter files; a variable is written the same way.
            source = re.sub(r"(?m)^using .*$", "", source)
            source = re.sub(r"(?m)^param ", "var ", source)
        tree = Parser(Language(tree_sitter_bicep.language())).parse(source.encode())
        found = cls(path, tree.root_node, {kind: {} for kind in DECLARATIONS.values()})
        for node in tree.root_node.named_children:
            if node.type in DECLARATIONS:
                name = next(child for child in node.named_children if child.type == "identifier")
                found.declared[DECLARATIONS[node.type]][text(name)] = node
        return found

    @cached_property
    def symbols(self) -> set[str]:
        kinds = ("parameter", "variable", "resource", "module")
        return {name for kind in kinds for name in self.declared[kind]}

    def type_of(self, parameter: str) -> str:
        node = self.declared["parameter"][parameter]
        return next(text(child) for child in node.named_children if child.type == "type")

    def default_of(self, parameter: str) -> bool:
        return any(child.type == "=" for child in self.declared["parameter"][parameter].children)

    def allowed(self, parameter: str) -> list[str] | None:
        """What the decorator `allowed` before a parameter lists."""
        node = self.declared["parameter"][parameter]
        before = node.prev_named_sibling
        for part in walk(before) if before and before.type == "decorators" else ():
            if part.type == "decorator" and text(part).startswith("@allowed"):
                return [str(literal(n)) for n in walk(part) if n.type == "string"]
        return None

    def target(self, module: Node) -> Path:
        name = next(literal(child) for child in module.named_children if child.type == "string")
        return self.path.parent / str(name)


def syntax(file: File) -> Found:
    broken = [n for n in walk(file.root) if n.type == "ERROR" or n.is_missing]
    yield from ((node, f"cannot be parsed: {text(node)[:40]!r}") for node in broken[:1])


def readable(file: File) -> Found:
    if why := refused(file.path.read_text(encoding="utf-8")):
        yield file.root, f"pycep cannot parse it: {why}"


@cache
def refused(source: str) -> str:
    """Why pycep, by which the policy scanner reads, cannot parse a text; empty when it can."""
    try:
        PYCEP.parse(text=source)
    except Exception as error:  # lark's and its own, of several kinds
        return str(error).splitlines()[0]
    return ""


def used_symbols(file: File) -> Iterator[Node]:
    """Every identifier that stands for a value, but not keys, types, names of functions."""
    for node in walk(file.root):
        parent = node.parent
        if node.type != "identifier" or parent is None:
            continue
        first = parent.named_children[0] == node
        if parent.type in DECLARATIONS and first_identifier(parent) == node:
            continue
        if parent.type in ("call_expression", "object_property", "type") and first:
            continue
        if any(node == name for name in loop_names(node)):
            continue
        yield node


def first_identifier(declared: Node) -> Node:
    return next(child for child in declared.named_children if child.type == "identifier")


def loop_names(node: Node) -> Iterator[Node]:
    """The variables of the loops around a node."""
    above: Node | None = node
    while above is not None:
        if above.type == "for_statement":
            first = above.named_children[0]
            yield from first.named_children if first.type == "for_loop_parameters" else [first]
        above = above.parent


def symbols(file: File) -> Found:
    used = set()
    for node in used_symbols(file):
        name = text(node)
        used.add(name)
        inner = {text(n) for n in loop_names(node)}
        if name not in file.symbols | NAMESPACES | inner:
            yield node, f"{name} is not declared"
    for kind in ("parameter", "variable"):
        for name, node in file.declared[kind].items():
            if name not in used and file.path.suffix == ".bicep":
                yield node, f"{kind} {name} is not used"
    for node in walk(file.root):
        if node.type == "call_expression":
            name = text(node.named_children[0]).split(".")[-1]
            known = DECORATORS if node.parent and node.parent.type == "decorator" else FUNCTIONS
            if name not in known:
                yield node, f"{name}() is no function"


def names(file: File, main: File) -> Found:
    """The members of `names`, the one object that every module is given."""
    table = main.declared["variable"].get("names")
    known = members(body_of(table) or table) if table else {}
    for node in walk(file.root):
        if node.type == "member_expression" and text(node.named_children[0]) == "names":
            name = text(node.named_children[1])
            yield from [] if name in known else [(node, f"names has no {name}")]


class Types:
    """The definitions of resource types, read from the cache."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.known: dict[str, Any] = {}

    def get(self, name: str) -> dict[str, Any] | None:
        if name not in self.known:
            path = self.cache / f"{name.replace('/', '_')}.json"
            self.known[name] = json.loads(path.read_text("utf-8")) if path.exists() else None
        found: dict[str, Any] | None = self.known[name]
        return found

    def check(self, node: Node, kind: str, types: dict[str, Any]) -> Found:
        """Compare a value with a type such as `A | b | string[]`."""
        for value in values(node):
            if value.type not in LITERALS:
                continue
            options = kind.split(" | ")
            if "any" in options or "object" in options or not kind:
                continue
            if value.type == "string":
                yield from self.check_string(value, kind, options, types)
            elif value.type == "array":
                inner = [option[:-2] for option in options if option.endswith("[]")]
                if not inner:
                    yield value, f"an array where {kind} is due"
                for item in elements(value) if inner else ():
                    yield from self.check(item, kind[:-2] if len(options) == 1 else inner[0], types)
            elif value.type == "object":
                structure = next((option for option in options if option in types), None)
                if structure is None:
                    yield value, f"an object where {kind} is due"
                else:
                    yield from self.check_object(value, structure, types)
            elif LITERALS[value.type] not in options:
                yield value, f"{text(value)} where {kind} is due"

    def check_string(
        self, node: Node, kind: str, options: list[str], types: dict[str, Any]
    ) -> Found:
        closed = [o for o in options if o not in types and o not in ("string", "int", "bool")]
        closed = [option for option in closed if not option.endswith("[]")]
        value = literal(node)
        if not closed and "string" not in options:
            yield node, f"a string where {kind} is due"
        elif (
            closed and value is not None and value not in closed and value not in kind.split(" | ")
        ):
            yield node, f"{value!r} is none of {', '.join(closed)}"

    def check_object(
        self, node: Node, name: str, types: dict[str, Any], own: set[str] = frozenset()
    ) -> Found:  # type: ignore[assignment]
        definition, given = types[name], members(node)
        properties = dict(definition["properties"])
        if definition.get("discriminator"):
            chosen = given.get(definition["discriminator"])
            value = literal(chosen.named_children[1]) if chosen else None
            if value not in definition["elements"]:
                yield (
                    node,
                    f"{definition['discriminator']} must be one of {list(definition['elements'])}",
                )
                return
            properties |= types[definition["elements"][value]]["properties"]
            properties[definition["discriminator"]] = {
                "type": value,
                "required": True,
                "readonly": False,
            }
        for key, prop in given.items():
            if key in own:
                continue
            if key in properties:
                if properties[key]["readonly"]:
                    yield prop, f"{key} can only be read"
                else:
                    yield from self.check(prop.named_children[-1], properties[key]["type"], types)
            elif definition.get("additional"):
                yield from self.check(prop.named_children[-1], definition["additional"], types)
            elif text(prop.named_children[0])[:3] != "'${":
                yield prop, f"{name} has no property {key}"
        for key, how in properties.items():
            if how["required"] and key not in given:
                yield node, f"{name} needs {key}"


def elements(array: Node) -> Iterator[Node]:
    for child in array.named_children:
        if child.type == "for_statement":
            yield child.named_children[-1]
        elif child.type != "comment":
            yield child


def is_existing(resource: Node) -> bool:
    return " existing =" in text(resource).split("{")[0]


def resources(file: File, types: Types) -> Found:
    for node in file.declared["resource"].values():
        reference = next(child for child in node.named_children if child.type == "string")
        match = API.fullmatch(literal(reference) or "")
        definition = types.get(match[1]) if match else None
        if not match or definition is None:
            yield reference, f"{text(reference)} is no type of resource"
            continue
        if match[2] != definition["version"]:
            yield (
                reference,
                f"{match[1]} has the API version {definition['version']}, not {match[2]}",
            )
        body = body_of(node)
        if body is None:
            yield node, "has no body"
        elif not is_existing(node):
            yield from types.check_object(body, definition["root"], definition["types"], OWN)
        else:
            yield from (
                (prop, f"an existing resource has no {key}")
                for key, prop in members(body).items()
                if key not in OWN | {"name"}
            )


def modules(file: File) -> Found:
    for node in file.declared["module"].values():
        path = file.target(node)
        if not path.is_file():
            yield node, f"{path.name} does not exist"
            continue
        target, body = File.read(path), body_of(node)
        params = members(body)["params"].named_children[1] if body else node
        yield from arguments(members(params), params, target)
    for node in walk(file.root):
        parts = re.fullmatch(r"(\w+)!?\.outputs\.(\w+)(\..*)?", text(node))
        if node.type == "member_expression" and parts and parts[1] in file.declared["module"]:
            path = file.target(file.declared["module"][parts[1]])
            if path.is_file() and parts[2] not in File.read(path).declared["output"]:
                yield node, f"{path.name} has no output {parts[2]}"


def arguments(given: dict[str, Node], where: Node, target: File) -> Found:
    """Compare values with the parameters of a file: names, presence, types, allowed values."""
    for name, node in given.items():
        if name not in target.declared["parameter"]:
            yield node, f"{target.path.name} has no parameter {name}"
            continue
        kind, allowed = target.type_of(name), target.allowed(name)
        for value in values(node.named_children[-1]):
            if LITERALS.get(value.type, kind) != kind:
                yield value, f"{name} is of type {kind}: {text(value)[:40]}"
            elif allowed and literal(value) is not None and literal(value) not in allowed:
                yield value, f"{name} is one of {', '.join(allowed)}: {text(value)}"
    for name in target.declared["parameter"]:
        if name not in given and not target.default_of(name):
            yield where, f"{target.path.name} needs the parameter {name}"


def parameters(file: File) -> Found:
    """A parameter file against the file that it names."""
    source = file.path.read_text(encoding="utf-8")
    named = re.search(r"(?m)^using '(.+)'$", source)
    if not named or not (file.path.parent / named[1]).is_file():
        yield file.root, "`using` names no file"
        return
    yield from arguments(
        file.declared["variable"], file.root, File.read(file.path.parent / named[1])
    )


def loads(file: File) -> Found:
    """Files that are read in, and the names that are looked up in the table of roles."""
    table: dict[str, str] = {}
    for node in walk(file.root):
        if node.type == "call_expression" and text(node).startswith("load"):
            path = file.path.parent / str(
                next(literal(n) for n in walk(node) if n.type == "string")
            )
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                yield node, f"{path.name} cannot be read: {error}"
                continue
            table = content if path.name == "builtin.json" else table
    beside = file.path.parent / "modules/builtin.json"
    if not table and beside.is_file():
        table = json.loads(beside.read_text(encoding="utf-8"))
    for node in walk(file.root):
        looks = node.type in ("member_expression", "subscript_expression")
        looked = looks and re.fullmatch(r"builtin(?:\.(\w+)|\['(.+)'\])", text(node))
        name = (looked[1] or looked[2]) if looked else None
        if node.type == "object_property" and key_of(node) == "role":
            name = literal(node.named_children[-1])
        if name and name not in table:
            yield node, f"builtin.json has no role {name!r}"


def check(folder: Path, types: Types) -> list[str]:
    """Every mistake in a folder with main.bicep, its modules and its parameter files."""
    found: list[str] = []

    def note(file: File, mistakes: Found) -> None:
        place = file.path.relative_to(folder)
        found.extend(f"{place}:{node.start_point[0] + 1}: {why}" for node, why in mistakes)

    files = [File.read(path) for path in sorted(folder.rglob("*.bicep*"))]
    for file in files:
        note(file, syntax(file))
    if found:
        return found
    main = next(file for file in files if file.path.name == "main.bicep")
    for file in files:
        note(file, symbols(file))
        if file.path.suffix == ".bicepparam":
            note(file, parameters(file))
            continue
        for mistakes in (
            readable(file),
            names(file, main),
            resources(file, types),
            modules(file),
            loads(file),
        ):
            note(file, mistakes)
    return found


def inventory(folder: Path) -> list[tuple[str, str]]:
    """Type and symbol of every resource that a folder creates."""
    return sorted(
        (match[1], name)
        for path in folder.rglob("*.bicep")
        for name, node in File.read(path).declared["resource"].items()
        if (match := API.search(text(node))) and not is_existing(node)
    )


if __name__ == "__main__":
    definitions = Types(Path(sys.argv[1]))
    print(json.dumps({
        name: {"mistakes": check(Path(name), definitions), "resources": inventory(Path(name))}
        for name in sys.argv[2:]
    }))  # fmt: skip
