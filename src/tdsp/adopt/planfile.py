"""`plan.yaml`, which a person edits, and `facts.csv`: written without loss, read with suspicion."""

import csv
import io
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tdsp.adopt.plan import (
    FIXES,
    FORMAT,
    KINDS,
    LEVELS,
    Edit,
    Item,
    Note,
    Plan,
    Question,
    apply_edits,
)
from tdsp.adopt.template import LEVELS as TEMPLATE_LEVELS
from tdsp.adopt.tree import Blobs, Tree, case_groups, shown
from tdsp.errors import TdspError
from tdsp.plain import counted

NO_CHOICE = (Question("", "", {}, ""), "")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BYTES = "!bytes"
PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./()-]+)*\Z", re.ASCII)
WORDS = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])
HEADER = """\
# What `tdsp adopt` is going to do. Nothing has been changed yet. You may edit this file:
#
#   questions   `answer:` is one of the `choices`. It decides about the files that the question
#               lists, but for those whose `target` you change yourself below.
#   offers      the same about files that stay. Nobody has to answer.
#   files       `target:` is the new path. The same path: the file stays. "": git forgets it;
#               it stays on disk and in history. `kind:` is one of
#               {kinds}.
#   edits       may be removed, not written by hand. After you have changed targets, let them be
#               worked out again: `tdsp adopt plan --update FILE`.
#
# A path in quotes may have escapes; one with {tag} has a byte where \\x stands, for names that
# are not UTF-8. Leave `commit` and `blob`: they make sure that nothing has changed since.
"""


def quoted(text: str) -> str:
    """Return a text as one YAML scalar, without loss, whatever bytes a name of git has."""
    if PLAIN.match(text) and text.lower() not in WORDS and not text.endswith((" ", ":")):
        return text
    if text.isprintable():
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    surrogates = any("\ud800" <= char <= "\udfff" for char in text)
    if surrogates:
        raw = text.encode("utf-8", "surrogateescape")
        inner = "".join(_byte(each) for each in raw)
        return f'{BYTES} "{inner}"'
    return '"' + "".join(map(_character, text)) + '"'


def _byte(value: int) -> str:
    char = chr(value)
    if char in '"\\':
        return "\\" + char
    return char if 32 <= value < 127 else f"\\x{value:02x}"


def _character(char: str) -> str:
    known = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if char in known:
        return known[char]
    if char.isprintable():
        return char
    number = ord(char)
    if number < 256:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def as_yaml(plan: Plan) -> str:
    """Return the plan as the text that a person edits."""
    head = HEADER.format(kinds=_wrapped(KINDS), tag=BYTES)
    return head + "\n".join(_lines(plan)) + "\n"


def _wrapped(words: tuple[str, ...]) -> str:
    first, second = ", ".join(words[:9]), ", ".join(words[9:])
    return f"{first},\n#               {second}"


def _lines(plan: Plan) -> Iterator[str]:
    yield f"format: {FORMAT}"
    yield f"commit: {quoted(plan.commit)}"
    yield f"level: {plan.level} # {LEVELS[plan.level]}"
    for name in ("package", "template_level", "subdirectory", "source"):
        yield f"{name}: {quoted(getattr(plan, name))}"
    if plan.fixes:
        yield f"fixes: [{', '.join(plan.fixes)}]"
    if plan.large:
        yield "# Large data files. DVC keeps them if `remote` is a folder, an address or a remote."
        yield f"remote: {quoted(plan.remote)}"
        yield "large:"
        yield from (f"- {quoted(path)}" for path in plan.large)
    yield "answers:" if plan.answers else "answers: {}"
    for key, value in plan.answers:
        yield f"  {quoted(key)}: {quoted(value)}"
    for name, group in (("questions", plan.questions), ("offers", plan.offers)):
        yield f"{name}:" if group else f"{name}: []"
        for question in group:
            yield from _question(question)
    yield "files:" if plan.items else "files: []"
    for item in plan.items:
        yield from _item(item)
    yield "notes:" if plan.notes else "notes: []"
    for note in plan.notes:
        yield f"- {{path: {quoted(note.path)}, line: {note.line}, text: {quoted(note.text)}}}"
    yield "added:" if plan.added else "added: []"
    for path in plan.added:
        yield f"- {quoted(path)}"


def _question(question: Question) -> Iterator[str]:
    yield f"- id: {quoted(question.id)}"
    yield f"  text: {quoted(question.text)}"
    yield f"  answer: {quoted(question.proposed)}"
    yield "  choices:"
    for name, choice in question.choices.items():
        yield f"    {quoted(name)}:"
        for path, target in choice.items():
            yield f"    - [{quoted(path)}, {quoted(target)}]"


def _item(item: Item) -> Iterator[str]:
    yield f"- path: {quoted(item.path)}"
    yield f"  kind: {quoted(item.kind)}"
    yield f"  target: {quoted(item.target)}"
    yield f"  confidence: {item.confidence:g}"
    yield f"  why: [{', '.join(map(quoted, item.why))}]"
    if item.question:
        yield f"  question: {quoted(item.question)}"
    yield f"  blob: {quoted(item.blob)}"
    if item.edits:
        yield "  edits:"
    for edit in item.edits:
        yield f"  - line: {edit.line}"
        yield f"    from: {quoted(_text(edit.old))}"
        yield f"    to: {quoted(_text(edit.new))}"
        yield f"    why: {quoted(edit.why)}"
        yield f"    start: {edit.start}"


class _Reader:
    """Turns YAML nodes into plain values; each complaint names the file and the line."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def wrong(self, node: yaml.Node | None, text: str) -> TdspError:
        line = f":{node.start_mark.line + 1}" if node is not None else ""
        return TdspError(f"{self.origin}{line}: {text}")

    def mapping(self, node: yaml.Node | None, known: str, needed: str = "") -> dict[str, yaml.Node]:
        """Return key -> node; unknown, double and missing keys are refused."""
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, "`key: value` lines are expected here")
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self.text(key)
            if known and name not in known.split():
                raise self.wrong(key, f"unknown key {name!r}; known are {', '.join(known.split())}")
            if name in found:
                raise self.wrong(key, f"{shown(name)!r} stands here twice")
            found[name] = value
        for name in needed.split():
            if name not in found:
                raise self.wrong(node, f"`{name}:` is missing")
        return found

    def list(self, node: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong(node, "a list is expected here")
        return list(node.value)

    def text(self, node: yaml.Node) -> str:
        """Return a scalar as it is written; one with the tag for bytes as surrogate escapes."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.wrong(node, "one text is expected here")
        if node.tag == BYTES:
            try:
                return str(node.value).encode("latin-1").decode("utf-8", "surrogateescape")
            except UnicodeEncodeError:
                raise self.wrong(node, f"{BYTES} takes bytes written as \\x41") from None
        return str(node.value)

    def number(self, node: yaml.Node) -> int:
        text = self.text(node)
        if not text.isascii() or not text.isdigit():
            raise self.wrong(node, f"a number is expected here, not {text!r}")
        return int(text)


def read_plan(path: Path, tree: Tree | None = None) -> Plan:
    """Read a plan that a person may have edited.

    Raises TdspError with the line of what is wrong. With a tree, files and edits are compared
    with it: nothing may have changed since.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=LOADER)
    except OSError as error:
        raise TdspError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TdspError(f"{path} is not UTF-8: {error}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TdspError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise TdspError(f"{path} is not valid YAML: {error}") from None
    reader = _Reader(str(path))
    keys = "format commit level package template_level subdirectory source answers questions files"
    top = reader.mapping(node, f"{keys} offers notes added fixes remote large", keys)
    if reader.number(top["format"]) != FORMAT:
        raise reader.wrong(top["format"], f"this version reads plans of format {FORMAT} only")
    level, template_level = reader.number(top["level"]), reader.text(top["template_level"])
    if level not in LEVELS:
        raise reader.wrong(top["level"], f"levels are {', '.join(map(str, LEVELS))}")
    if template_level not in TEMPLATE_LEVELS:
        raise reader.wrong(top["template_level"], f"one of {', '.join(TEMPLATE_LEVELS)}")
    nodes = [
        reader.mapping(
            each,
            "path kind target confidence why question blob edits",
            "path kind target confidence blob",
        )
        for each in reader.list(top["files"])
    ]
    items = [_read_item(reader, each) for each in nodes]
    questions = [_read_question(reader, each) for each in reader.list(top["questions"])]
    listed = reader.list(top["offers"]) if "offers" in top else []
    offers = [_read_question(reader, each) for each in listed]
    items = _answered(items, questions, offers)
    places = {item.path: each for item, each in zip(items, nodes, strict=True)}
    if len(places) < len(nodes):
        raise reader.wrong(top["files"], "a path stands in `files` twice")
    plan = Plan(
        reader.text(top["commit"]),
        level,
        reader.text(top["package"]),
        template_level,
        tuple(items),
        tuple(replace(q, proposed=a) for q, a in questions),
        tuple(_read_note(reader, n) for n in reader.list(top["notes"])) if "notes" in top else (),
        tuple(reader.text(n) for n in reader.list(top["added"])) if "added" in top else (),
        tuple((k, reader.text(v)) for k, v in reader.mapping(top["answers"], "").items()),
        reader.text(top["subdirectory"]),
        reader.text(top["source"]),
        _read_fixes(reader, top["fixes"]) if "fixes" in top else (),
        reader.text(top["remote"]) if "remote" in top else "",
        tuple(map(reader.text, reader.list(top["large"]))) if "large" in top else (),
        tuple(replace(q, proposed=a) for q, a in offers),
    )
    _check_targets(reader, plan, places)
    if tree is not None:
        _check_tree(reader, plan, places, tree, top)
    return plan


def _read_fixes(reader: _Reader, node: yaml.Node) -> tuple[str, ...]:
    found = tuple(map(reader.text, reader.list(node)))
    if set(found) - set(FIXES):
        raise reader.wrong(node, f"fixes are {', '.join(FIXES)}")
    return found


def _read_item(reader: _Reader, given: Mapping[str, yaml.Node]) -> Item:
    kind = reader.text(given["kind"])
    if kind not in KINDS:
        raise reader.wrong(given["kind"], f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
    try:
        confidence = float(reader.text(given["confidence"]))
    except ValueError:
        raise reader.wrong(given["confidence"], "a number from 0 to 1 is expected") from None
    why = tuple(map(reader.text, reader.list(given["why"]))) if "why" in given else ()
    edits = (
        tuple(_read_edit(reader, e) for e in reader.list(given["edits"]))
        if "edits" in given
        else ()
    )
    question = reader.text(given["question"]) if "question" in given else ""
    return Item(
        reader.text(given["path"]),
        reader.text(given["blob"]),
        kind,
        reader.text(given["target"]),
        confidence,
        why,
        question,
        edits,
    )


def _read_edit(reader: _Reader, node: yaml.Node) -> Edit:
    given = reader.mapping(node, "line from to why start", "line from to start")
    old, new = (reader.text(given[k]).encode("utf-8", "surrogateescape") for k in ("from", "to"))
    why = reader.text(given["why"]) if "why" in given else ""
    return Edit(reader.number(given["start"]), reader.number(given["line"]), old, new, why)


def _read_question(reader: _Reader, node: yaml.Node) -> tuple[Question, str]:
    given = reader.mapping(node, "id text answer choices", "id text answer choices")
    choices: dict[str, dict[str, str]] = {}
    for name, listed in reader.mapping(given["choices"], "").items():
        pairs = [reader.list(each) for each in reader.list(listed)]
        if any(len(pair) != 2 for pair in pairs):
            raise reader.wrong(listed, "each line of a choice is [path, target]")
        choices[name] = {reader.text(a): reader.text(b) for a, b in pairs}
    answer = reader.text(given["answer"])
    if answer not in choices:
        raise reader.wrong(
            given["answer"], f"{answer!r} is no choice; they are: {', '.join(choices)}"
        )
    first = next(iter(choices))
    return Question(reader.text(given["id"]), reader.text(given["text"]), choices, first), answer


def _read_note(reader: _Reader, node: yaml.Node) -> Note:
    given = reader.mapping(node, "path line text", "path line text")
    return Note(
        reader.text(given["path"]), reader.number(given["line"]), reader.text(given["text"])
    )


def _answered(
    items: list[Item], questions: list[tuple[Question, str]], offers: list[tuple[Question, str]]
) -> list[Item]:
    """Give files the target of the chosen answer, unless a person has written another target.

    A target that some choice of the question names was written by the plan, not by a person.
    """
    by_id = {question.id: (question, answer) for question, answer in questions}
    offered = {path: (q, a) for q, a in offers for path in q.choices[q.proposed]}
    return [
        _chosen(item, *by_id.get(item.question, offered.get(item.path, NO_CHOICE)))
        for item in items
    ]


def _chosen(item: Item, question: Question, answer: str) -> Item:
    chosen = question.choices.get(answer, {})
    options = {choice.get(item.path) for choice in question.choices.values()}
    return (
        replace(item, target=chosen[item.path])
        if item.target in options and item.path in chosen
        else item
    )


def _check_targets(
    reader: _Reader, plan: Plan, places: Mapping[str, Mapping[str, yaml.Node]]
) -> None:
    taken: dict[str, str] = {}
    before = f"{plan.subdirectory}/" if plan.subdirectory else ""
    for item in plan.items:
        node, target = places[item.path]["target"], item.target
        if not target:
            continue
        parts = target.split("/")
        if target.startswith("/") or ":" in parts[0] or ("\\" in target and "\\" not in item.path):
            raise reader.wrong(node, f"{shown(target)} is no path inside of the repository")
        if (
            {"", ".", ".."} & set(parts)
            or ".git" in {part.lower() for part in parts}
            or "\0" in target
        ):
            raise reader.wrong(node, f"{shown(target)} leads out of the tree, or into .git")
        if before and item.path.startswith(before) and not target.startswith(before):
            raise reader.wrong(node, f"{shown(target)} is outside of {plan.subdirectory}")
        if target in taken:
            raise reader.wrong(
                node, f"{shown(target)} is also the target of {shown(taken[target])}"
            )
        taken[target] = item.path
    moves = plan.moves
    for group in case_groups(taken).values():
        clash = [name for name in group if name in taken and taken[name] in moves]
        if len(group) > 1 and clash:
            node = places[taken[clash[0]]]["target"]
            raise reader.wrong(node, f"differs in case only: {' and '.join(map(shown, group))}")
    folders = {folder for target in taken for folder in _above(target)}
    for target in folders & set(taken):
        node = places[taken[target]]["target"]
        raise reader.wrong(node, f"{shown(target)} would be a file and a folder")


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _check_tree(
    reader: _Reader,
    plan: Plan,
    places: Mapping[str, Mapping[str, yaml.Node]],
    tree: Tree,
    top: Mapping[str, yaml.Node],
) -> None:
    for item in plan.items:
        node = places[item.path]["path"]
        entry = tree.entries.get(item.path)
        if entry is None:
            raise reader.wrong(node, f"the commit has no file {shown(item.path)}")
        if entry.blob != item.blob:
            raise reader.wrong(
                node, f"{shown(item.path)} has changed since the plan was made: plan again"
            )
    if missing := [path for path in tree.entries if path not in places]:
        raise reader.wrong(
            top["files"],
            f"it leaves out {counted(len(missing), 'file')} of the commit, such as"
            f" {shown(missing[0])}",
        )
    with Blobs(tree.root, tree.held) as blobs:
        for item in plan.items:
            if item.edits:
                try:
                    apply_edits(blobs.read(item.blob), item.edits)
                except ValueError as error:
                    raise reader.wrong(
                        places[item.path]["edits"], f"{shown(item.path)}: {error}"
                    ) from None


def as_csv(plan: Plan, facts: Mapping[str, Any]) -> str:
    """Return facts.csv: one line for each file."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(
        [
            "file",
            "kind",
            "content",
            "reads",
            "writes",
            "imports",
            "target",
            "confidence",
            "question",
        ]
    )
    reads: dict[str, list[str]] = {}
    writes: dict[str, list[str]] = {}
    for path, fact in facts.items():
        for who in fact.readers:
            reads.setdefault(who, []).append(path)
        for who in fact.writers:
            writes.setdefault(who, []).append(path)
    before = f"{plan.subdirectory}/" if plan.subdirectory else ""
    for item in plan.items:
        inside = item.path.removeprefix(before)
        fact = facts.get(inside) if item.path.startswith(before) else None
        if fact is None:
            continue
        lists = (reads.get(inside, []), writes.get(inside, []), fact.imports)
        cells = ["; ".join(shown(each) for each in sorted(listed)) for listed in lists]
        row = [shown(item.path), item.kind, fact.content, *cells, shown(item.target)]
        table.writerow([*row, f"{item.confidence:g}", item.question])
    return out.getvalue()
