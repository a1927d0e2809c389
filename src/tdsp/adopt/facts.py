"""The facts that a plan stands on: what each file is, who uses it, and how code is run."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tdsp.adopt.content import DATA, content_of, pickled_modules, pointed
from tdsp.adopt.names import BUILD, JUNK, MADE
from tdsp.adopt.plan import Note
from tdsp.adopt.uses import HERE, Use, r_uses, uses
from tdsp.reading.python import Module
from tdsp.reading.repository import TESTS, Repository

TEXTS_THAT_NAME = frozenset({"markup", "shell", "yaml", "toml", "config", "text", "json", "web"})
# Calls that a module of settings makes when it is imported: it is not a script for that.
SETS = re.compile(
    r"^(os\.(path|environ|getenv|cpu_count|getcwd)|pathlib\.|Path\b|logging\.|dotenv\.|load_dotenv|"
    r"environ|getenv|decouple\.|str$|int$|float$|bool$|list$|dict$|set$|tuple$|frozenset$|len$|"
    r"range$|re\.compile|datetime\.|timedelta|warnings\.|sys\.path|"
    r"\.(joinpath|resolve|absolute|get|lower|upper|split|strip|replace|format)$)"
)
RUNNERS = re.compile(
    r"(?:\bpython[\d.]*|\bstreamlit run|\buvicorn|\bgunicorn|\bjupyter \S+|\bRscript|\bbash|\bsh|"
    r"\bpapermill|\bcoverage run|\bpytest)\s+(?:-[mu]\s+)?[\"']?([\w./\\-]+)"
)
CHANGES = re.compile(r"(?:^|&&|;|\$)\s*cd\s+([\w./-]+)")
TOKEN = re.compile(r"[\w./@%+~-]*\w")
PICKLES = 20_000_000
# An image in a page or a cell of text, and a path in Python that does not parse.
SHOWS = re.compile(
    r"(?:\]\(|src=\\?[\"'])([^)\"'\\\s]+\.(?:png|jpe?g|gif|svg|webp))", re.IGNORECASE
)
QUOTED = re.compile(r"[\"']([\w./ -]+\.\w{1,5})[\"']")


@dataclass(slots=True)
class Fact:
    """What is known of one file. `run` says what shows that it is run."""

    path: str
    content: str
    readers: set[str] = field(default_factory=set)
    writers: set[str] = field(default_factory=set)
    namers: set[str] = field(default_factory=set)
    importers: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    run: str = ""
    pickled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """All files' facts; the folders that code names; run bases; what no person may overlook."""

    files: dict[str, Fact]
    folders_read: dict[str, set[str]]
    folders_written: dict[str, set[str]]
    runs: dict[str, str]
    notes: tuple[Note, ...]

    def of(self, *contents: str) -> list[Fact]:
        """Return the facts of the files that hold one of these."""
        return [fact for fact in self.files.values() if fact.content in contents]


def gather(repo: Repository, contents: Callable[[str], bytes]) -> Facts:
    """Work out the facts of a repository. Nothing is run and nothing is unpickled."""
    files = {path: Fact(path, content_of(repo, file)) for path, file in repo.files.items()}
    facts = Facts(
        files, defaultdict(set), defaultdict(set), {}, tuple(_notes(repo, files, contents))
    )
    index = _Index(files)
    _commands(repo, facts, index)
    modules = dict(_modules(repo))
    for path, module in modules.items():
        _imports(path, module, facts, index)
    for path, module in modules.items():
        name = posixpath.basename(path)
        made = BUILD.match(name) or name == "__init__.py" or name.endswith("_pb2.py")
        if facts.files[path].content == "python" and not facts.files[path].run and not made:
            facts.files[path].run = _run_of(module)
    for path, module in modules.items():
        if run := facts.files[path].run:
            facts.runs.setdefault(path, _base(path, run, module, index))
    for path, module in modules.items():
        _uses(path, uses(module), facts, index)
        for text in module.texts:
            _named(path, text.value, facts, index)
    for fact in facts.of("r"):
        _uses(fact.path, _by_name(r_uses(repo.text(fact.path)), index), facts, index)
    for path in repo.notebooks:
        for match in SHOWS.finditer(repo.text(path)):
            _named(path, match[1], facts, index)
    for fact in facts.of("python 2", "broken python", "r"):
        for match in QUOTED.finditer(repo.text(fact.path)):
            _named(fact.path, match[1], facts, index)
    return facts


def _modules(repo: Repository) -> Iterator[tuple[str, Module]]:
    """Yield the modules that bear witness: a copy that a tool keeps says nothing of its own."""
    for path, module in repo.python.items():
        if not module.problem and not _made(path):
            yield path, module
    for path, notebook in repo.notebooks.items():
        if not notebook.problem and not notebook.module.problem and not _made(path):
            yield path, notebook.module


def _made(path: str) -> bool:
    return bool(JUNK.search(path) or MADE.search(path))


class _Index:
    """Finds a file or folder from what code calls it."""

    def __init__(self, files: dict[str, Fact]) -> None:
        self.files = files
        self.folders: set[str] = set()
        self.names: dict[str, list[str]] = defaultdict(list)
        for path in files:
            self.names[posixpath.basename(path)].append(path)
            while path := posixpath.dirname(path):
                if path in self.folders:
                    break
                self.folders.add(path)

    def find(self, text: str, bases: list[str]) -> tuple[str, str]:
        """Return (file, "") or ("", folder) for a path, seen from the likely bases."""
        text = text.replace("\\", "/")
        if not text or "\n" in text or len(text) > 300 or "://" in text:
            return "", ""
        for base in bases:
            path = posixpath.normpath(posixpath.join(base, text)).removeprefix("./")
            if path in self.files:
                return path, ""
            if path in self.folders and path != ".":
                return "", path
        if text.startswith(("/", "~")) or text[1:3] == ":/":
            same = self.names.get(posixpath.basename(text), [])
            return (same[0], "") if len(same) == 1 and "." in same[0] else ("", "")
        return "", ""


def _by_name(found: Iterator[Use], index: _Index) -> Iterator[Use]:
    """Yield uses by R, which goes to another folder first: a name that is unique is enough."""
    for use in found:
        same = index.names.get(posixpath.basename(use.path), [])
        yield replace(use, path=same[0]) if len(same) == 1 else use


def _bases(path: str, facts: Facts) -> list[str]:
    folder = posixpath.dirname(path)
    found = [facts.runs[path]] if path in facts.runs else []
    parts = folder.split("/") if folder else []
    above = ["/".join(parts[:end]) for end in range(len(parts), -1, -1)]
    return list(dict.fromkeys([*found, *above]))


def _uses(path: str, found: Iterator[Use], facts: Facts, index: _Index) -> None:
    bases = _bases(path, facts)
    for use in found:
        text, seen = use.path, bases
        if text.startswith(HERE[:1]):
            text, seen = text[len(HERE) :] or ".", [""]
        _record(path, use.how, *index.find(text, seen), text, facts)


def _record(path: str, how: str, file: str, folder: str, text: str, facts: Facts) -> None:
    if file and file != path:
        fact = facts.files[file]
        (fact.writers if how == "writes" else fact.readers).add(path)
    elif folder:
        (facts.folders_written if how == "writes" else facts.folders_read)[folder].add(path)
    elif how == "writes" and "/" in text:
        facts.folders_written[posixpath.dirname(posixpath.normpath(text))].add(path)


def _named(path: str, text: str, facts: Facts, index: _Index) -> None:
    if "\n" in text or not ("." in text or "/" in text or "\\" in text):
        return
    file, folder = index.find(text, _bases(path, facts))
    if not file and not folder and "." in text:
        same = index.names.get(posixpath.basename(text.replace("\\", "/")), [])
        file = same[0] if len(same) == 1 else ""
    if file and file != path:
        facts.files[file].namers.add(path)
    elif folder:
        facts.folders_read[folder].add(path)


def _imports(path: str, module: Module, facts: Facts, index: _Index) -> None:
    folder = posixpath.dirname(path)
    bases = _bases(path, facts)
    for each in module.imports:
        if each.level:
            up = folder
            for _ in range(each.level - 1):
                up = posixpath.dirname(up)
            places = [up]
        else:
            places = bases
        dotted = each.module.replace(".", "/")
        last = each.name.rsplit(".", 1)[-1] if each.name else ""
        for base in places:
            start = posixpath.join(base, dotted) if dotted else base
            options = (f"{start}/{last}.py", f"{start}.py", f"{start}/{last}/__init__.py",
                       f"{start}/__init__.py")  # fmt: skip
            hit = next((p.lstrip("/") for p in options if p.lstrip("/") in index.files), "")
            if hit and hit != path:
                facts.files[hit].importers.add(path)
                facts.files[path].imports.add(hit)
                break


def _run_of(module: Module) -> str:
    if any(call.main for call in module.calls):
        return "it has a __main__ block"
    top = [call for call in module.calls if not call.scope and not SETS.match(call.name)]
    if (top and not module.functions) or any(c.order in module.discarded for c in top):
        return "it works when it is run: calls at its top level"
    return ""


def _base(path: str, run: str, module: Module, index: _Index) -> str:
    """Return the folder from which a file's own paths exist: the evidence, not the place."""
    folder = posixpath.dirname(path)
    if path.endswith(".ipynb") or not folder:
        return folder
    score: dict[str, int] = defaultdict(int)
    for use in uses(module):
        if use.path.startswith((HERE[:1], "/")) or not use.path.strip("./"):
            continue
        for base in ("", folder):
            file, inside = index.find(use.path, [base])
            score[base] += bool(file) * 2 + bool(inside)
    if score[folder] > score[""]:
        return folder
    return ""


def _commands(repo: Repository, facts: Facts, index: _Index) -> None:
    """Mark what README, shell, CI, Makefile, Procfile and container files run."""
    for path, fact in facts.files.items():
        name = posixpath.basename(path)
        if fact.content not in TEXTS_THAT_NAME and not name.startswith(("Dockerfile", "Makefile")):
            continue
        text = repo.text(path)
        if not text or len(text) > 400_000 or name.endswith((".lock", ".json")) or _made(path):
            continue
        folder, base = posixpath.dirname(path), ""
        for line in text.splitlines():
            if match := CHANGES.search(line):
                base = posixpath.normpath(posixpath.join(folder, match[1])).removeprefix(".")
            for match in RUNNERS.finditer(line):
                _ran(match[1], path, folder, base, facts)
        for token in set(TOKEN.findall(text)):
            if "." not in token and "/" not in token:
                continue
            for start in (folder, ""):
                hit = posixpath.normpath(posixpath.join(start, token))
                if hit in facts.files and hit != path:
                    facts.files[hit].namers.add(path)
                    break
            else:
                same = index.names.get(posixpath.basename(token), [])
                if len(same) == 1 and facts.files[same[0]].content in {"image", "table"}:
                    facts.files[same[0]].namers.add(path)


def _ran(word: str, path: str, folder: str, base: str, facts: Facts) -> None:
    options = [word] if "/" in word or word.endswith((".py", ".R", ".sh", ".ipynb")) else []
    if not word.endswith((".py", ".R", ".sh", ".ipynb")):
        module = word.split(":")[0].replace(".", "/")
        options += [f"{module}.py", f"{module}/__main__.py"]
    for start in dict.fromkeys((base, folder, "")):
        for option in options:
            hit = posixpath.normpath(posixpath.join(start, option))
            if hit in facts.files and hit != path:
                facts.files[hit].run = f"{path} runs it"
                facts.runs.setdefault(hit, start if start in (base, "") else "")
                return


def is_test(path: str, repo: Repository) -> bool:
    """Tell whether pytest would find something in a file, or it serves those beside it."""
    module = repo.python.get(path)
    if module is None:
        return False
    name = posixpath.basename(path)
    found = any(f.name.startswith("test") for f in module.functions)
    found = found or any("test" in each.scope.lower() for each in module.functions)
    if name == "conftest.py":
        return True
    inside = re.search(r"(^|/)(tests?|unit_?tests?|testing)/", path) is not None
    if inside:
        return found or name == "__init__.py" or "/fixtures/" in path or not module.calls
    named = name in {"test.py", "tests.py"} and not _run_of(module)
    return found and (TESTS.search(path) is not None or named)


def _notes(
    repo: Repository, files: dict[str, Fact], contents: Callable[[str], bytes]
) -> Iterator[Note]:
    from tdsp.check.security import secrets, state_in_git

    for rule in (secrets, state_in_git):
        for mark in rule(repo):
            if mark.kind == "fail":
                text = f"{mark.message}: revoke it; history keeps it (the value is not shown)"
                yield Note(mark.path, mark.line, text)
    for path, fact in files.items():
        file = repo.files[path]
        if fact.content == "model" and file.size < PICKLES and file.head[:1] in b"\x80(c":
            fact.pickled, whole = pickled_modules(contents(path))
            named = sorted(m for m in fact.pickled if m == "__main__" or _is_own(m, repo))
            if named:
                listed = ", ".join(named)
                yield Note(path, 0, f"this pickle names {listed}: it cannot be read once they move")
            elif not whole:
                yield Note(path, 0, "this pickle was read in part; it may name modules that move")


def _is_own(module: str, repo: Repository) -> bool:
    ends = (module.replace(".", "/") + ".py", module.replace(".", "/") + "/__init__.py")
    return any(path == end or path.endswith("/" + end) for path in repo.python for end in ends)


def data_like(fact: Fact, repo: Repository) -> str:
    """Return what a file holds, or would hold if git had more of it than a pointer."""
    return pointed(repo.files[fact.path]) if fact.content == "pointer" else fact.content


__all__ = ["DATA", "Fact", "Facts", "data_like", "gather", "is_test"]
