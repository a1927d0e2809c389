"""Paths of files in code: changed where they are plainly paths, noted where they may be."""

import posixpath
import re
from dataclasses import dataclass
from typing import Any

import libcst as cst

from tdsp.adopt.rewrite import sinks
from tdsp.adopt.rewrite.anchors import anchored, levels
from tdsp.adopt.rewrite.layout import FILES, Layout, relative
from tdsp.adopt.rewrite.names import Name, Names
from tdsp.adopt.rewrite.pieces import Constant, Pieces, Place, Places, Reader
from tdsp.adopt.rewrite.source import Parsed
from tdsp.adopt.rewrite.usage import Usage
from tdsp.adopt.rewrite.walk import Walker, dotted

ABSOLUTE = re.compile(r"[/~\\]|[A-Za-z]:[/\\]")
AUTHORS = re.compile(
    r"[\"'](?:[A-Za-z]:[/\\]|~/|/(?:Users|home|media|mnt|root|content|kaggle|Volumes)/)"
)
NO_PATH = re.compile(r"[*?\\\n\r\t<>|]|://")
UNSAFE = re.compile(r"[\\'\"{}\n\r\t]")
WHY = "path of a file that moves"


@dataclass(frozen=True, slots=True)
class Runs:
    """Where a file may be run from: each folder of today with the one after the move."""

    places: tuple[Place, ...]

    @property
    def old(self) -> tuple[str, ...]:
        """Return the folders of today."""
        return tuple(each.old for each in self.places)


class Paths(Walker, Places):
    """Visits the paths of one file. What it finds is written into `parsed`."""

    def __init__(
        self, parsed: Parsed, layout: Layout, runs: Runs, usage: Usage, *, fix: bool = False
    ) -> None:
        super().__init__(parsed.outline)
        self.fix = fix
        self.parsed, self.layout, self.runs = parsed, layout, runs
        self.names: Names = usage.names
        self.usage = usage
        self.memo: dict[int, Place | None] = {}
        self.done: set[int] = set()

    @property
    def reader(self) -> Reader:
        """What takes paths apart: made anew, since two that hold each other are never let go."""
        return Reader(self)

    def run(self) -> None:
        """Change constants first, then each place where a path is put together or used."""
        for name in list(self.names.table.values()):
            self.constant(name)
        for attribute in self.names.members:
            self.member(attribute)
        self.walk(self.parsed.tree)

    def place(self, node: Any) -> Place | None:
        """Return where a name, `__file__`, or the working folder leads."""
        count = levels(node)
        if count is not None:
            key = id(node)
            if key not in self.memo:
                self.memo[key] = anchored(self.parsed, self.layout, node, count)
            return self.memo[key]
        if isinstance(node, cst.Name):
            name = self.names.of(node)
            return self.constant(name) if name is not None else None
        if isinstance(node, cst.Attribute) and dotted(node.value) in {"self", "cls"}:
            return self.member(node.attr.value)
        here = isinstance(node, cst.Call) and not node.args and dotted(node.func) in sinks.HERE
        if here and len(self.runs.places) == 1:
            return self.runs.places[0]
        return None

    def constant(self, name: Name) -> Place | None:
        """Return where a name leads that stands for one path."""
        key = id(name)
        if key in self.memo:
            return self.memo[key]
        self.memo[key] = None  # a name that is made from itself leads nowhere
        several = name.items or (name.values if len(name.values) > 1 else [])
        own = not name.listed or self.usage.elsewhere(name.listed) is None
        if (
            several
            and None not in several
            and name.uses
            and self.usage.all_paths(name.uses)
            and own
        ):
            for each in several:
                self.take(each, call=self.usage.looks(name.uses))
        value = name.value
        if value is None:
            return None
        pieces = self.reader.read(value)
        if not pieces.known or not (pieces.constants or pieces.start):
            return None
        raw = pieces.start is None and not _is_path(value)
        if raw and not self.usage.only_paths(name):
            self.memo[key] = self._as_it_is(pieces)
        else:
            self.memo[key] = self.take(value)
        return None if name.parameter else self.memo[key]

    def member(self, attribute: str) -> Place | None:
        """Return where `self.attribute` leads, which is given one path."""
        values = self.names.members.get(attribute, [])
        uses = self.names.attributes.get(attribute, [])
        if len(values) != 1 or values[0] is None or not uses:
            return None
        key = id(values[0])
        if key not in self.memo:
            self.memo[key] = None
            path = _is_path(values[0]) or self.usage.all_paths(uses)
            self.memo[key] = self.take(values[0]) if path else None
        return self.memo[key]

    def _as_it_is(self, pieces: Pieces) -> Place | None:
        text = _text(pieces)
        if pieces.open_end or not _plain(text):
            return None
        base = self._base(text)
        if base is None:
            return None
        old, new = _joined(base.old, text), _joined(base.new, text)
        return None if old is None or new is None else Place(old, new)

    def visit_Call(self, node: cst.Call) -> bool:  # noqa: N802
        if dotted(node.func).startswith("sys.path."):
            return False  # kept as it is; the imports are noted
        if sinks.destroys(node):
            return not self._destroys(node)
        for each in self.usage.path_arguments(node):
            self.take(each, write=sinks.writes(node), call=node)
        self._option(node)
        self._started(node)
        if _is_path(node) and id(node) not in self.done:
            self.take(node)
        if levels(node) is not None:
            self.place(node)
            return False
        return True

    def _option(self, node: cst.Call) -> None:
        """Take the default of a command's option that is used as a path."""
        if sinks.name_of(node) != "add_argument":
            return
        names = [each.value for each in node.args if each.keyword is None]
        texts = [str(each.evaluated_value) for each in names if isinstance(each, cst.SimpleString)]
        given = {each.keyword.value: each.value for each in node.args if each.keyword is not None}
        long = [text for text in texts if text.startswith("--")] or texts
        uses = self.names.attributes.get(long[0].lstrip("-").replace("-", "_"), []) if long else []
        if "default" in given and "dest" not in given and uses and self.usage.all_paths(uses):
            self.take(given["default"])

    def _started(self, node: cst.Call) -> None:
        """Note a command that is started with the path of a file that moves."""
        if sinks.name_of(node) not in sinks.STARTS:
            return
        for each in node.args:
            value = each.value.evaluated_value if isinstance(each.value, cst.SimpleString) else ""
            for word in value.split() if isinstance(value, str) else []:
                for base in self.runs.old:
                    old = _joined(base, word)
                    if old in self.layout.files and self.layout.moved(old):
                        place = self.layout.target(old)
                        self.parsed.note(each.value, f"starts `{word}`, which goes to {place}")

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:  # noqa: N802
        if isinstance(node.operator, cst.Divide) and id(node) not in self.done:
            self.take(node)

    def visit_Attribute(self, node: cst.Attribute) -> bool:  # noqa: N802
        if levels(node) is not None:
            self.place(node)
            return False
        return True

    def visit_Subscript(self, node: cst.Subscript) -> bool:  # noqa: N802
        if levels(node) is not None:
            self.place(node)
            return False
        return True

    def visit_Expr(self, node: cst.Expr) -> bool:  # noqa: N802
        """Leave alone what is only a text, such as documentation."""
        return not isinstance(node.value, cst.SimpleString | cst.ConcatenatedString)

    def visit_SimpleString(self, node: cst.SimpleString | cst.ConcatenatedString) -> None:  # noqa: N802
        if id(node) in self.done or not isinstance(node.evaluated_value, str):
            return
        text = node.evaluated_value
        if not _plain(text) and not ABSOLUTE.match(text):
            return
        if ABSOLUTE.match(text):
            self._absolute(node, text)
            return
        for base in dict.fromkeys((*self.runs.old, posixpath.dirname(self.parsed.path))):
            old = _joined(base, text)
            named = old in self.layout.files or (old in self.layout.folders and "/" in text)
            if old and named and self.layout.moved(old):
                text = f"`{text}` may be {old}, which moves; its use is not clear"
                self.parsed.note(node, text, old)
                return

    def visit_ConcatenatedString(self, node: cst.ConcatenatedString) -> bool:  # noqa: N802
        self.visit_SimpleString(node)
        return False

    def _destroys(self, node: cst.Call) -> bool:
        """Note a call that removes or gathers files, and leave what it is given."""
        values = [each.value for each in node.args]
        if isinstance(node.func, cst.Attribute) and dotted(node.func.value) not in {"os", "shutil"}:
            values.append(node.func.value)
        noted = False
        for each in values:
            pieces = self.reader.read(each)
            text = _text(pieces)
            if not pieces.known or (pieces.start is None and not text):
                continue
            head = re.split(r"[*?\[]", text)[0]
            head = head if head == text else posixpath.dirname(head)
            for base in [pieces.start.old] if pieces.start else self.runs.old:
                old = _joined(base, head)
                if old and not noted and self._concerned(old):
                    text = f"{sinks.name_of(node)} of {old}, which moves: change it by hand"
                    self.parsed.note(node, text, old)
                    noted = True
        return noted

    def _exists(self, old: str) -> bool:
        return old in self.layout.files or old in self.layout.folders

    def _concerned(self, old: str) -> bool:
        if self._exists(old):
            return self.layout.moved(old)
        return self.layout.location(old) != old

    def _base(self, text: str) -> Place | None:
        """Return the folder that a relative text starts from, None if several are possible."""
        places = self.runs.places
        if len(places) == 1:
            return places[0]
        hits = [
            each for each in places
            if (old := _joined(each.old, text)) is not None and self._exists(old)
        ]  # fmt: skip
        return hits[0] if len(hits) == 1 else None

    def take(self, node: Any, *, write: bool = False, call: Any = None) -> Place | None:
        """Plan the change of one path, and return where it leads."""
        pieces = self.reader.read(node)
        if id(node) in self.done or not pieces.known:
            return None
        self._mark(node, pieces)
        text = _text(pieces)
        if not pieces.constants:
            if pieces.start is not None and not _only_looks(call):
                self._whole(node, pieces.start.old)
            if write and pieces.start is not None and not _makes_folder(call):
                self._written(node, pieces.start.old, pieces.start.new)
            return pieces.start
        if "://" in text:
            return None
        if ABSOLUTE.match(text) and (pieces.start is None or pieces.constants[0].apart):
            self._absolute(node, text)
            return None
        if pieces.open_end and pieces.glued:
            text = self._cut(pieces, text)
        text = text.lstrip("/") if pieces.start is not None else text
        if not text or not _plain(text):
            self._doubtful(node, text)
            return None
        base = pieces.start or self._base(text)
        if base is None:
            self._unknown(node, text)
            return None
        if _only_looks(call) and self._goes_apart(_joined(base.old, text)):
            return None
        return self._lead(node, pieces, text, base, write and not _makes_folder(call))

    def _goes_apart(self, old: str | None) -> bool:
        return old is not None and self.layout.location(old) is None

    def _whole(self, node: Any, old: str) -> None:
        """Note a use of a folder as a whole whose files part: no edit can follow them."""
        around = self.usage.parent(node)
        looks = isinstance(around, cst.Attribute) and around.attr.value in sinks.LOOKS
        if self._goes_apart(old) and not looks and not _is_assigned(self.usage, node):
            self.parsed.note(node, f"the files of {old}/ go to different folders", old)

    def _mark(self, node: Any, pieces: Pieces) -> None:
        self.done.add(id(node))
        self.done.update(id(each.node) for each in pieces.constants)
        waiting = [node]
        while waiting:
            each = waiting.pop()
            if isinstance(each, cst.BinaryOperation):
                waiting += [each.left, each.right]
            elif isinstance(each, cst.Call) and _is_path(each):
                waiting += [argument.value for argument in each.args]
            self.done.add(id(each))

    def _cut(self, pieces: Pieces, text: str) -> str:
        """Leave off the first letters of a name whose rest is made at run time."""
        last = pieces.constants[-1]
        head, slash, _ = last.value.rpartition("/")
        if slash:
            last.value = head
            return text.rpartition("/")[0]
        pieces.constants.pop()
        return text[: -len(last.value)].rstrip("/") if last.apart else ""

    def _lead(self, node: Any, pieces: Pieces, text: str, base: Place, write: bool) -> Place | None:
        old, natural = _joined(base.old, text), _joined(base.new, text)
        if old is None:
            return None
        wanted = self.layout.location(old)
        if wanted is None:
            self._whole(node, old)
            return None if natural is None else Place(old, natural)
        if not self._exists(old) and pieces.start is not None and base.old != base.new:
            return None if natural is None else Place(old, natural)
        if write:
            self._written(node, old, wanted)
        elif not self._exists(old) and posixpath.splitext(old)[1].lower() not in FILES:
            return None if natural is None else Place(old, natural)
        if wanted == natural:
            return Place(old, wanted)
        if self._write(node, pieces.constants, text, Place(old, relative(wanted, base.new))):
            return Place(old, wanted)
        return None if natural is None else Place(old, natural)

    def _written(self, node: Any, old: str, wanted: str) -> None:
        folder = posixpath.dirname(wanted)
        was = posixpath.dirname(old) in self.layout.folders
        if folder not in self.layout.new_folders and (was or wanted != old):
            self.parsed.note(node, f"writes to {folder}, which has to exist")

    def _write(self, node: Any, constants: list[Constant], text: str, place: Place) -> bool:
        """Plan the change of the constant parts of a path; tell whether there is a way."""
        new = place.new
        if text.startswith("./") and not new.startswith("."):
            new = f"./{new}"
        rest = new.split("/")
        parts = list(constants)
        while len(parts) > 1 and len(rest) > 1 and parts[0].value == rest[0] == "..":
            del rest[0]
            parts.pop(0)
        while len(parts) > 1 and (own := parts[-1].value.strip("/").split("/")):
            if not parts[-1].apart or rest[-len(own) :] != own or len(rest) <= len(own):
                break
            del rest[-len(own) :]
            parts.pop()
        if len(parts) == 2 and parts[1].apart and len(rest) > 1:
            wanted = [(parts[0], "/".join(rest[:-1])), (parts[1], rest[-1])]
        elif len(parts) == 1:
            wanted = [(parts[0], "/".join(rest))]
        else:
            wanted = []
        if not wanted or UNSAFE.search(new) or not all(self._inside(part) for part, _ in wanted):
            self.parsed.note(node, f"leads to {new} after the move; change it by hand", place.old)
            return False
        for part, value in wanted:
            self._replace(part, value)
        return True

    def _inside(self, part: Constant) -> bool:
        """Tell whether the letters of a constant stand in the file as they are."""
        start, end = self.parsed.inside(part.node)
        return bool(part.value) and part.value in self.parsed.source.text[start:end]

    def _replace(self, part: Constant, value: str) -> None:
        start, end = self.parsed.inside(part.node)
        at = self.parsed.source.text.index(part.value, start, end)
        before = "/" if part.value.startswith("/") else ""
        after = "/" if part.value.endswith("/") and len(part.value) > 1 else ""
        self.parsed.change(at, at + len(part.value), f"{before}{value}{after}", WHY)

    def _absolute(self, node: Any, text: str) -> None:
        """Note an absolute path that has the name of a file of the repository."""
        name = re.split(r"[/\\]", text)[-1]
        same = self.layout.named.get(name, [])
        here = name and "." in name and len(same) == 1
        if here and not (self.fix and self._related(node, same[0])):
            place = self.layout.target(same[0])
            self.parsed.note(node, f"the absolute path `{text}` may be {place}")
        elif self.fix and not here and AUTHORS.match(f"'{text}"):
            what = "is of one machine, and no file here is surely it: make it a parameter"
            self.parsed.note(node, f"the absolute path `{text}` {what}")

    def _related(self, node: Any, path: str) -> bool:
        """Plan the relative path of a file in place of an absolute one; tell whether it can be."""
        places = {each.new for each in self.runs.places}
        if len(places) != 1 or not isinstance(node, cst.SimpleString) or "b" in node.prefix:
            return False
        new = relative(self.layout.target(path), places.pop())
        if UNSAFE.search(new):
            return False
        start, end = self.parsed.inside(node)
        self.parsed.change(start, end, new, "absolute path of a file that is here")
        return True

    def _unknown(self, node: Any, text: str) -> None:
        own = posixpath.dirname(self.parsed.path)
        for base in dict.fromkeys((*self.runs.old, own)):
            old = _joined(base, text)
            if not old or old == base:
                continue
            named = posixpath.splitext(old)[1].lower() in FILES and base
            if self._concerned(old) or named or (base and self._exists(old)):
                text = f"`{text}`: it is not known which folder {self.parsed.path} is run from"
                self.parsed.note(node, text, old)
                return

    def _doubtful(self, node: Any, text: str) -> None:
        if not text:
            return
        plain = text.replace("\\", "/")
        for base in self.runs.old:
            old = _joined(base, re.split(r"[*?]", plain)[0])
            if old and (old in self.layout.files or old in self.layout.folders):
                if self.layout.moved(old):
                    text = f"`{text}` means {old}, which moves: change it by hand"
                    self.parsed.note(node, text, old)
                return


def _is_path(node: Any) -> bool:
    """Tell whether an expression can be nothing but a path."""
    if isinstance(node, cst.BinaryOperation):
        return isinstance(node.operator, cst.Divide)
    if not isinstance(node, cst.Call):
        return False
    name = dotted(node.func)
    return sinks.is_join(node) or (name in sinks.SAME and name != "str")


def _is_assigned(usage: Usage, node: Any) -> bool:
    return isinstance(usage.parent(node), cst.Assign | cst.AnnAssign)


def _makes_folder(call: Any) -> bool:
    return call is not None and sinks.name_of(call) in {"makedirs", "mkdir"}


def _only_looks(call: Any) -> bool:
    """Tell whether a call makes a folder or asks whether it is there: no file in it is meant."""
    return call is not None and sinks.name_of(call) in sinks.LOOKS


def _text(pieces: Pieces) -> str:
    text = ""
    for each in pieces.constants:
        between = "/" if text and each.apart and not text.endswith("/") else ""
        text += between + each.value
    return text


def _plain(text: str) -> bool:
    """Tell whether a text can be a relative path."""
    return 0 < len(text) < 400 and not NO_PATH.search(text)


def _joined(base: str, text: str) -> str | None:
    """Return a path under the root, None if it leads out of it. The root itself is ""."""
    path = posixpath.normpath(posixpath.join(base, text)) if text else base
    if path in {"", "."}:
        return ""
    return None if path.startswith(("..", "/")) else path
