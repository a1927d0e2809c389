"""The part of a file that an edit may depend on: the rest is blanked, so that parsing costs less.

A statement at the top of a file stays if it imports, if it holds a text that may be a path or the
name of a module, or if it shares a name with one that stays. Each character keeps its place.
"""

import ast
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
WORD = re.compile(r"\w+")
PATH = re.compile(r"[./\\~]")
GIVEN = re.compile(r"\.(\w+)\s*(?::[^=\n]*)?[-+*/|&]?=(?!=)")  # self.name = ...
NEEDED = frozenset(
    ("import", "__file__", "sys", "chdir", "getcwd", "cwd", "Flask", "rmtree", "global")
)
DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Part:
    """Statements that share lines, the words in them, and the names that they bind for others."""

    first: int
    last: int
    words: frozenset[str]
    bound: frozenset[str]
    stays: bool = False


def reduced(text: str, words: frozenset[str] | None) -> str:
    """Return a file without the statements that have nothing to do with these words or a path.

    Without words, every text may be a path.
    """
    lines = LINES.findall(text)
    parts = list(_parts(text, lines, words))
    users, binders = defaultdict(list), defaultdict(list)
    for part in parts:
        for word in part.words:
            users[word].append(part)
        for word in part.bound:
            binders[word].append(part)
    waiting = [part for part in parts if part.stays]
    kept = {part.first for part in waiting}
    while waiting:
        part = waiting.pop()
        near = [each for word in part.bound for each in users[word]]
        near += [each for word in part.words & binders.keys() for each in binders[word]]
        for each in near:
            if each.first not in kept:
                kept.add(each.first)
                waiting.append(each)
    return _blanked(lines, parts, [part for part in parts if part.first not in kept])


def only(text: str, name: str) -> str:
    """Return a file with the statements that define one name, and no others."""
    lines = LINES.findall(text)
    parts = list(_parts(text, lines, frozenset()))
    return _blanked(lines, parts, [part for part in parts if name not in part.bound])


def _parts(text: str, lines: list[str], words: frozenset[str] | None) -> Iterator[Part]:
    """Yield the parts of a file; none where Python does not read it, and all of it stays."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for first, last, nodes in _groups(body):
        segment = "".join(lines[first - 1 : last])
        here = frozenset(WORD.findall(segment))
        plain = all(isinstance(each, ast.Import | ast.ImportFrom) for each in nodes)
        stays = not NEEDED.isdisjoint(here) or (
            ('"' in segment or "'" in segment) and any(_names_a_path(each, words) for each in nodes)
        )
        yield Part(first, last, here, frozenset() if plain else _bound(nodes, segment), stays)


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


def _names_a_path(node: ast.stmt, words: frozenset[str] | None) -> bool:
    texts, said = [], set()
    for each in ast.walk(node):  # a statement comes before what is in it
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
            said.add(id(each.value))
        elif isinstance(each, ast.Constant) and id(each) not in said:
            texts.append(each.value)
    return any(
        words is None or PATH.search(text) or not words.isdisjoint(WORD.findall(text))
        for text in texts
        if isinstance(text, str)
    )


def _bound(nodes: list[ast.stmt], segment: str) -> frozenset[str]:
    """Return the names that others may see: of modules, classes, attributes and options."""
    found = set(GIVEN.findall(segment))
    waiting: list[ast.AST] = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, DEFINES):
            found.add(node.name)
            if not isinstance(node, ast.ClassDef):
                continue  # what a function binds is its own
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.alias | ast.ExceptHandler) and node.name:
            found.add((node.asname or node.name) if isinstance(node, ast.alias) else node.name)
        waiting.extend(ast.iter_child_nodes(node))
    options = re.findall(r"[\"']-{1,2}([\w-]+)[\"']", segment)
    return frozenset(found | {each.replace("-", "_") for each in options})


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
