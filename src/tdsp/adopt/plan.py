"""What an adoption is going to do, as plain data: one item for each tracked file.

A plan is made from facts, edited by a person, and carried out to the letter.
"""

from dataclasses import dataclass, field

FORMAT = 1
LEVELS = {0: "in place", 1: "moved", 2: "edited", 3: "pipeline"}
PIPELINED = 3
FIXES = ("absolute", "hacks")
KINDS = (
    "code", "script", "test", "notebook", "raw data", "derived data", "model", "result", "document",
    "figure", "configuration", "dependencies", "build", "web", "assistant", "vendored", "junk",
    "unknown",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one file: at byte `start` of the file as it was, `old` becomes `new`.

    `line` counts from 1. The edits of a file do not overlap and are sorted by `start`, so that
    they can be undone from the new bytes alone.
    """

    start: int
    line: int
    old: bytes
    new: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """A place that a person has to look at, because no safe edit is known. `line` 0: the file.

    `follows` is the file or the folder whose move no edit can follow there; no plan file has it.
    """

    path: str
    line: int
    text: str
    follows: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Item:
    """What becomes of one tracked file.

    `path` is as git has it, with bytes that are not UTF-8 as surrogate escapes. `target` is the
    new path, the same path for a file that stays, and "" for one that is only untracked.
    `question` is the id of the question that decides about the file, "" if it is certain.
    """

    path: str
    blob: str
    kind: str
    target: str
    confidence: float
    why: tuple[str, ...]
    question: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question about several files. `choices` are answers by name; `proposed` is one of them.

    Each answer maps the paths of the files to their targets.
    """

    id: str
    text: str
    choices: dict[str, dict[str, str]]
    proposed: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that `adopt apply` does. `added` are files of the template that are new.

    `fixes` are the repairs of FIXES that were asked for: they change what a move would not.
    `questions` are about moves that are proposed, `offers` about files that stay unless somebody
    answers otherwise. `large` are data files, also ignored ones, that go to DVC if `remote` says
    where it keeps them.
    """

    commit: str
    level: int
    package: str
    template_level: str
    items: tuple[Item, ...]
    questions: tuple[Question, ...] = ()
    notes: tuple[Note, ...] = ()
    added: tuple[str, ...] = ()
    answers: tuple[tuple[str, str], ...] = ()
    subdirectory: str = ""
    source: str = ""
    fixes: tuple[str, ...] = ()
    remote: str = ""
    large: tuple[str, ...] = ()
    offers: tuple[Question, ...] = ()

    @property
    def moves(self) -> dict[str, str]:
        """Old path -> new path of the files that move."""
        return {each.path: each.target for each in self.items if each.target not in ("", each.path)}


def apply_edits(content: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Return the bytes after the edits. Raises ValueError where the bytes are not as planned."""
    parts, position = [], 0
    for each in edits:
        end = each.start + len(each.old)
        if each.start < position or content[each.start : end] != each.old:
            raise ValueError(f"line {each.line} is not as it was planned")
        parts += [content[position : each.start], each.new]
        position = end
    return b"".join([*parts, content[position:]])


def undo_edits(content: bytes, edits: tuple[Edit, ...]) -> bytes:
    """Return the bytes before the edits. Raises ValueError where the bytes are not as written."""
    moved, turned = 0, []
    for each in edits:
        turned.append(Edit(each.start + moved, each.line, each.new, each.old, each.why))
        moved += len(each.new) - len(each.old)
    return apply_edits(content, tuple(turned))
