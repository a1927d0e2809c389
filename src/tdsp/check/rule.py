"""What a check is, what it says, and where all checks are listed.

A check is one short function over the facts. It yields a mark for each place that it judged: held,
broken, or unknown. One that yields nothing had nothing to judge. So no check passes without a
place that shows it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from tdsp.reading import Repository
from tdsp.reading.python import Module

Texts = dict[str, str]
T = TypeVar("T")
SEVERITIES = ("info", "note", "warning", "error")  # an info is shown only when asked for
FAILS: Final = "warning"  # from here on a repository fails, unless it is told otherwise
OUTCOMES = ("fail", "unknown", "pass", "not applicable")
FAMILIES = {
    "leakage": "Leakage: what the model may not know",
    "gate": "Gate: a bad model is stopped",
    "data": "Data",
    "training": "Training and evaluation",
    "model": "Model and registry",
    "service": "Service and scoring",
    "monitoring": "Monitoring",
    "ci": "Continuous integration and delivery",
    "security": "Security and dependencies",
    "code": "Layout and code",
    "generative": "Generative: a language model is asked",
    "people": "People and documents",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One place that a check judged. `severity` is "" for that of the check, or below it."""

    kind: str
    path: str
    line: int
    text: str
    message: str
    severity: str = ""


Judge = Callable[[Repository], Iterable[Mark]]


@dataclass(frozen=True)
class Check:
    """A rule: what it asks, why, what to do, when it does not apply, and what it proves.

    `good` and `bad` are the files of the smallest repositories that pass and fail.
    """

    id: str
    family: str
    title: str
    why: str
    fix: str
    unless: str
    severity: str
    proves: tuple[str, ...]
    bad: Texts
    good: Texts
    judge: Judge


CHECKS: dict[str, Check] = {}


def check(
    id: str,  # noqa: A002
    *,
    family: str,
    title: str,
    why: str,
    fix: str,
    unless: str,
    severity: str,
    bad: Texts,
    good: Texts,
    proves: tuple[str, ...] = (),
) -> Callable[[Judge], Judge]:
    """Add a function to the checks. Its declaration is all that is said about it anywhere."""

    def add(judge: Judge) -> Judge:
        if id in CHECKS or family not in FAMILIES or severity not in SEVERITIES:
            raise ValueError(f"{id} is declared twice, or its family or severity is not known")
        CHECKS[id] = Check(id, family, title, why, fix, unless, severity, proves, bad, good, judge)
        return judge

    return add


def broken(repo: Repository, module: Module, line: int, message: str, severity: str = "") -> Mark:
    """Mark a line of Python, or of a notebook, as breaking the rule."""
    return Mark("fail", *repo.place(module, line), message, severity)


def held(repo: Repository, module: Module, line: int, message: str = "") -> Mark:
    """Mark a line of Python, or of a notebook, as keeping the rule."""
    return Mark("held", *repo.place(module, line), message)


def unsure(repo: Repository, module: Module, line: int, message: str) -> Mark:
    """Mark a line of Python, or of a notebook, as one that cannot be told."""
    return Mark("unknown", *repo.place(module, line), message)


def at(
    repo: Repository, kind: str, path: str, line: int, message: str = "", severity: str = ""
) -> Mark:
    """Mark a line of any text file."""
    return Mark(kind, path, line, repo.line(path, line), message, severity)


def once(ask: Callable[[Repository], T]) -> Callable[[Repository], T]:
    """Work out for each repository once what several checks ask; nothing outlives its facts."""
    known: WeakKeyDictionary[Repository, T] = WeakKeyDictionary()

    @wraps(ask)
    def asked(repo: Repository) -> T:
        if repo not in known:
            known[repo] = ask(repo)
        return known[repo]

    return asked


def first(marks: Iterable[Mark], most: int = 50) -> Iterator[Mark]:
    """Yield each place once, and no more than a reader would read."""
    seen: set[tuple[str, str, int]] = set()
    for mark in marks:
        key = mark.kind, mark.path, mark.line
        if key not in seen:
            seen.add(key)
            yield mark
        if len(seen) >= most:
            return
