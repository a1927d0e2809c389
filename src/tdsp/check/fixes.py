"""Findings whose remedy is mechanical, as a patch: nothing is written.

A remedy is here only when undoing it is trivial and it cannot break what works: each says under
which condition. What a remedy would make unreadable is left alone.
"""

import ast
import difflib
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from tdsp.check.rule import Mark
from tdsp.check.run import Report
from tdsp.reading import Repository, yamls

Remedy = Callable[[Repository, Mark, str], str | None]
PLAIN = re.compile(r"[\w.@+=,~ /-]+")
SEEDS = frozenset({"random_state", "random_seed", "seed"})
LOADERS = frozenset({"Loader", "UnsafeLoader", "CLoader"})
MACHINES = {
    **dict.fromkeys(("ubuntu-16.04", "ubuntu-18.04", "ubuntu-20.04"), "ubuntu-24.04"),
    **dict.fromkeys(("windows-2016", "windows-2019"), "windows-2022"),
}
# They read the repository, and write to CI's own storage only.
READERS = re.compile(
    r"(actions/(checkout|setup-(python|node|java|go)|cache|upload-artifact|download-artifact)"
    r"|astral-sh/setup-uv|pre-commit/action)@\S+"
)
WRITES = re.compile(
    r"(?i)github[._]token|\bgh\s|git push|api\.github\.com|secrets\.|docker push|twine|publish"
)
BOT = """\
version: 2
updates:
  - package-ecosystem: {kind}
    directory: /
    schedule: {{interval: weekly}}
"""
ECOSYSTEMS = {"uv.lock": "uv", "poetry.lock": "pip", "Pipfile.lock": "pip"}


@dataclass(frozen=True, slots=True)
class Patch:
    """A unified diff, the checks that it is for with how many places, and what it leaves."""

    text: str
    fixed: dict[str, int]
    left: int


def patch(report: Report) -> Patch:
    """Return what `git apply` takes for the findings that have a remedy."""
    repo, texts, fixed = report.repository, dict[str, str | None](), dict[str, int]()
    marks = {each.check.id: [m for m in each.marks if m.kind == "fail"] for each in report.results}
    for name, remedy in REMEDIES.items():
        # From the last line to the first, so that no place moves.
        for mark in sorted(marks.get(name, []), key=lambda each: -each.line):
            path = NEW.get(name, mark.path)
            before = texts.get(path, _faithful(repo, path))
            if before is None:
                continue
            after = remedy(repo, mark, before)
            if after is not None and after != before and _sound(path, before, after):
                texts[path] = after
                fixed[name] = fixed.get(name, 0) + 1
    parts = [
        _diff(path, repo.text(path), text or "", new=path not in repo.files)
        for path, text in sorted(texts.items())
    ]
    every = sum(map(len, marks.values()))
    return Patch("".join(parts), fixed, every - sum(fixed.values()))


def _faithful(repo: Repository, path: str) -> str | None:
    """Return a text that stands in the file as it is; None for one with other bytes, or a link."""
    file = repo.files.get(path)
    if file is None:
        return "" if path in NEW.values() else None
    if file.text is None or len(file.text.encode()) != file.size or not PLAIN.fullmatch(path):
        return None
    return file.text


def _sound(path: str, before: str, after: str) -> bool:
    """Tell whether a file that could be read can still be read."""
    if path.endswith(".py"):
        return _tree(after) is not None
    return bool(yamls.documents(path, after)[0]) or not before


def _diff(path: str, before: str, after: str, *, new: bool) -> str:
    old = "/dev/null" if new else f"a/{path}"
    lines = difflib.unified_diff(_lines(before), _lines(after), old, f"b/{path}", n=3)
    head = f"diff --git a/{path} b/{path}\n" + ("new file mode 100644\n" if new else "")
    return head + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    return [line + "\n" for line in text.split("\n")[:-1]] + [
        e for e in [text.split("\n")[-1]] if e
    ]


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _calls(text: str, line: int) -> list[ast.Call]:
    tree = _tree(text)
    nodes = ast.walk(tree) if tree else ()
    return [node for node in nodes if isinstance(node, ast.Call) and node.lineno == line]


def _last(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _replaced(text: str, start: tuple[int, int], end: tuple[int, int], new: str) -> str:
    """Put a text between two places, which are line and byte as `ast` counts them."""
    lines = text.encode().split(b"\n")
    first, last = lines[start[0] - 1][: start[1]], lines[end[0] - 1][end[1] :]
    lines[start[0] - 1 : end[0]] = [first + new.encode() + last]
    return b"\n".join(lines).decode()


def _set(text: str, node: ast.expr, new: str) -> str:
    end = node.end_lineno or node.lineno, node.end_col_offset or 0
    return _replaced(text, (node.lineno, node.col_offset), end, new)


def _seeded(_: Repository, mark: Mark, text: str) -> str | None:
    """Give random_state=0. Any figure is one that could have been drawn."""
    name = mark.message.split(" ")[0]
    for call in _calls(text, mark.line):
        given = {each.arg: each.value for each in call.keywords}
        if _last(call) != name or None in given or any(_starred(each) for each in call.args):
            continue
        state = given.get("random_state")
        if isinstance(state, ast.Constant) and state.value is None:
            return _set(text, state, "0")
        if SEEDS & set(given):
            continue
        place = call.end_lineno or call.lineno, (call.end_col_offset or 1) - 1
        inside = [*call.args, *(each.value for each in call.keywords)]
        if not inside:
            return _replaced(text, place, place, "random_state=0")
        last = max(inside, key=lambda each: (each.end_lineno or 0, each.end_col_offset or 0))
        if isinstance(last, ast.GeneratorExp):
            continue
        here = last.end_lineno or last.lineno, last.end_col_offset or 0
        after = _replaced(text, here, here, ", random_state=0")
        # Behind a value in brackets the place is inside them, and the call stays without a seed.
        if any(
            _last(each) == name and "random_state" in {k.arg for k in each.keywords}
            for each in _calls(after, mark.line)
        ):
            return after
    return None


def _starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)


def _safe_loader(repo: Repository, mark: Mark, text: str) -> str | None:
    """Load plain YAML only, if no file of the repository asks for an object."""
    if any("!!python" in (file.text or "") for file in repo.files.values()):
        return None
    for call in _calls(text, mark.line):
        if ast.unparse(call.func) != "yaml.load":
            continue
        loader = next((k.value for k in call.keywords if k.arg == "Loader"), None)
        loader = call.args[1] if loader is None and len(call.args) == 2 else loader
        if isinstance(loader, ast.Attribute) and loader.attr in LOADERS:
            return _set(text, loader, "yaml.SafeLoader")
        if loader is None and len(call.args) == 1 and not call.keywords:
            return _set(text, call.func, "yaml.safe_load")
    return None


def _no_debugger(_: Repository, mark: Mark, text: str) -> str | None:
    """Turn a constant `debug=True` off."""
    for call in _calls(text, mark.line):
        for each in call.keywords:
            value = each.value
            if each.arg == "debug" and isinstance(value, ast.Constant) and value.value is True:
                return _set(text, value, "False")
    return None


def _machine(_: Repository, mark: Mark, text: str) -> str | None:
    """Name a machine that exists. The old name waits for ever, so nothing can get worse."""
    lines = text.split("\n")
    old = next((e for e in MACHINES if e in lines[mark.line - 1]), None)
    if old is None or lines[mark.line - 1].count(old) != 1:
        return None
    lines[mark.line - 1] = lines[mark.line - 1].replace(old, MACHINES[old])
    return "\n".join(lines)


def _bot(repo: Repository, mark: Mark, text: str) -> str | None:
    """Ask for newer versions every week, on GitHub, where the lock is at the top."""
    kind = ECOSYSTEMS.get(mark.path)
    on_github = any(each.host == "github" for each in repo.workflows)
    return BOT.format(kind=kind) if kind and on_github and not text else None


def _least(repo: Repository, mark: Mark, text: str) -> str | None:
    """Let a workflow read only, if all that it uses is known to need no more."""
    found = next((each for each in repo.workflows if each.path == mark.path), None)
    if found is None or found.permissions is not None or WRITES.search(text):
        return None
    if any(job.permissions is not None or job.calls for job in found.jobs):
        return None
    if not all(READERS.fullmatch(step.uses) for step in found.steps if step.uses):
        return None
    start = re.search(r"^jobs:", text, re.MULTILINE)
    if start is None:
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    added = f"permissions:{end}  contents: read{end}"
    return text[: start.start()] + added + text[start.start() :]


# The one that moves lines is the last.
REMEDIES: dict[str, Remedy] = {
    "TR01": _seeded,
    "TR02": _seeded,
    "SC07": _safe_loader,
    "SE05": _no_debugger,
    "CI09": _machine,
    "SC05": _bot,
    "CI05": _least,
}
NEW = {"SC05": ".github/dependabot.yml"}
