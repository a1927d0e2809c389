"""A file as text that can be parsed, with the way back from each character to the file's bytes."""

import io
import re
import tokenize
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, overload

from tdsp.adopt.plan import Edit, Note
from tdsp.errors import TdspError

if TYPE_CHECKING:
    from tdsp.adopt.rewrite.slices import Part, Reduced
    from tdsp.adopt.rewrite.walk import Outline

BOM = b"\xef\xbb\xbf"
WIDE = re.compile(r"[^\x00-\x7f]")
LINES = re.compile(rb"\r\n|\r|\n")


class Offsets(Sequence[int]):
    """Where each character of a text stands, kept as the places of those wider than a byte."""

    def __init__(
        self, length: int, offset: int, widths: list[tuple[int, int]], ahead: int = 0
    ) -> None:
        self._length, self._offset, self._ahead = length, offset, ahead
        self._wide = [place for place, _ in widths]
        self._extra = list(accumulate((extra for _, extra in widths), initial=0))

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._length))]
        if not 0 <= index < self._length:
            raise IndexError(index)
        place = index + self._ahead
        return self._offset + place + self._extra[bisect_left(self._wide, place)]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the text: the characters from `start` to `end` become `new`."""

    start: int
    end: int
    new: str
    why: str


@dataclass(frozen=True, eq=False)
class Source:
    """A text and where it stands: character `n` is the bytes from `starts[n]` to `ends[n]`.

    `encode` and `decode` turn text into the file's bytes and back: an encoding, or JSON's escapes.
    """

    path: str
    content: bytes
    text: str
    starts: Sequence[int]
    ends: Sequence[int]
    encode: Callable[[str], bytes]
    decode: Callable[[bytes], str]

    def line(self, start: int) -> int:
        """Return the line of the file in which a character stands."""
        place = self.starts[start] if start < len(self.starts) else len(self.content)
        if b"\r" not in self.content:
            return self.content.count(b"\n", 0, place) + 1
        return bisect_right(self._line_ends, place) + 1

    @cached_property
    def _line_ends(self) -> list[int]:
        return [match.end() for match in LINES.finditer(self.content)]

    def edit(self, change: Change) -> Edit | None:
        """Return a change as an edit of the bytes; None where the text is not in one piece."""
        start, end = self.starts[change.start], self.ends[change.end - 1]
        old = self.content[start:end]
        try:
            if self.decode(old) != self.text[change.start : change.end]:
                return None
            new = self.encode(change.new)
        except ValueError:
            return None
        return Edit(start, self.line(change.start), old, new, change.why)


def python(path: str, content: bytes) -> Source:
    """Return a Python file in the encoding that it names. Raises TdspError if it cannot be read."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        offset = len(BOM) if content.startswith(BOM) else 0
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        text = content[offset:].decode(encoding)
    except (SyntaxError, LookupError, UnicodeDecodeError) as error:
        raise TdspError(f"is in no encoding that it names: {error}") from error
    return encoded(path, content, text, encoding, offset)


def encoded(path: str, content: bytes, text: str, encoding: str, offset: int = 0) -> Source:
    """Return a text whose characters stand one after another from byte `offset` on."""
    wide = () if text.isascii() else WIDE.finditer(text)
    widths = [(m.start(), len(m[0].encode(encoding)) - 1) for m in wide]
    starts, ends = Offsets(len(text), offset, widths), Offsets(len(text), offset, widths, 1)
    return Source(
        path,
        content,
        text,
        starts,
        ends,
        lambda s: s.encode(encoding),
        lambda b: b.decode(encoding),
    )


def parseable(source: Source) -> Source:
    """Return the source without what the parser does not give back.

    That is a form feed at the start of a line.
    """
    if "\f" not in source.text:
        return source
    text, starts, ends = source.text, source.starts, source.ends
    dropped = {match.start() for match in re.finditer(r"(?m)(?<![^\n\r])\f", text)}
    kept = [n for n in range(len(text)) if n not in dropped]
    return Source(
        source.path, source.content, "".join(text[n] for n in kept), [starts[n] for n in kept],
        [ends[n] for n in kept], source.encode, source.decode,
    )  # fmt: skip


def _code_of(text: str) -> str:
    """Return a text up to its last line of code: the parser loses some of what follows."""
    lines = text.split("\n")
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return "\n".join(lines).rstrip()


@dataclass(eq=False)
class Parsed:
    """A parsed text: the tree, where each node stands (by its id), and what is to be changed."""

    source: Source
    tree: Any
    spans: dict[int, tuple[int, int]]
    outline: "Outline"
    changes: list[Change] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Return the path of the file as it is today."""
        return self.source.path

    def span(self, node: Any) -> tuple[int, int]:
        """Return the first character of a node and the one after its last."""
        return self.spans[id(node)]

    def code(self, node: Any) -> str:
        """Return the text of a node."""
        start, end = self.span(node)
        return self.source.text[start:end]

    def inside(self, node: Any) -> tuple[int, int]:
        """Return where the letters of a text stand, without its quotes and what is before them."""
        start, end = self.span(node)
        if hasattr(node, "quote"):
            return start + len(node.prefix) + len(node.quote), end - len(node.quote)
        return start, end

    def change(self, start: int, end: int, new: str, why: str) -> None:
        """Plan a change, unless it changes nothing."""
        if self.source.text[start:end] != new:
            self.changes.append(Change(start, end, new, why))

    def note(self, node: Any, text: str, follows: str = "") -> None:
        """Note something about a node, and what it has a path to that no edit follows."""
        self.notes.append(Note(self.path, self.source.line(self.span(node)[0]), text, follows))

    def edits(self) -> tuple[Edit, ...]:
        """Return the changes as edits in order; one that is not safe becomes a note."""
        done: list[Edit] = []
        for change in sorted(set(self.changes), key=lambda each: (each.start, each.end)):
            edit = self.source.edit(change)
            if edit is None or (done and edit.start < done[-1].start + len(done[-1].old)):
                line = self.source.line(change.start)
                self.notes.append(Note(self.path, line, f"not edited: {change.why}"))
            else:
                done.append(edit)
        return tuple(done)


def parse(source: Source, part: "Callable[[str], Reduced] | None" = None) -> Parsed:
    """Parse a text, or that part of it which a function gives back, each character in its place.

    Raises TdspError, saying why, when it cannot be parsed and given back.
    """
    from tdsp.adopt.rewrite.walk import Outline

    bare = parseable(source)
    reduced = part(bare.text) if part else None
    if reduced is not None and reduced.parts:
        tree, spans = _joined(bare.text, reduced)
    else:
        tree, spans = _by_libcst(bare.text)
    return Parsed(bare, tree, spans, Outline(tree))


def _joined(text: str, reduced: "Reduced") -> tuple[Any, dict[int, tuple[int, int]]]:
    """Return the tree of what stays of a file; libcst parses those statements alone that are hard.

    Both parsers' statements are kept in the order of the file.
    """
    import libcst

    from tdsp.adopt.rewrite.grown import Grower, Hard, node_of

    grower = Grower(text, reduced.lines)
    found: list[tuple[int, list[Any]]] = []
    hard: list[Part] = []
    for part in reduced.kept:
        try:
            found.append((grower.starts[part.first - 1], grower.block(part.nodes)))
        except (Hard, RecursionError):
            hard.append(part)
    spans = grower.spans
    if hard:
        tree, others = _by_libcst(reduced.only(hard))
        found += [(others[id(each)][0], [each]) for each in tree.body]
        spans |= others
        found.sort(key=lambda each: each[0])
    body = [each for _, statements in found for each in statements]
    return node_of(libcst.Module, body, "utf-8"), spans


def _by_libcst(text: str) -> tuple[Any, dict[int, tuple[int, int]]]:
    import libcst

    from tdsp.adopt.rewrite.walk import Spans

    try:
        text = _code_of(text)
        tree = libcst.parse_module(text)
    except (libcst.ParserSyntaxError, RecursionError, ValueError) as error:
        line = getattr(error, "raw_line", 0)
        where = f" (line {line})" if line else ""
        raise TdspError(f"does not parse as Python 3{where}") from error
    spans = Spans(tree)
    if spans.code != text:
        raise TdspError("is not given back by the parser as it is")
    return tree, spans.found
