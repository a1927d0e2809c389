"""Findings that a team has decided to accept: which, why, who decided, and until when."""

import datetime
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tdsp.check.rule import CHECKS, Mark, at, check, once
from tdsp.errors import TdspError
from tdsp.reading import Repository

FILE = "pyproject.toml"
WHERE = f"{FILE}, [tool.tdsp.check]"
KEYS = {"check", "path", "reason", "owner", "until"}
TABLE = re.compile(r"^\s*\[\[\s*tool\.tdsp\.check\.ignore\s*\]\]")
INLINE = re.compile(r"tdsp: ignore\[([A-Z]{2}\d\d(?:, ?[A-Z]{2}\d\d)*)\] (\S.*)")
IGNORE = '[[tool.tdsp.check.ignore]]\ncheck = "TP02"\nreason = "it shows one"\n'


@dataclass(frozen=True, slots=True)
class Ignore:
    """What a team has decided to accept: a check, in files, for a reason, until a day."""

    check: str
    path: str
    until: datetime.date | None
    owner: str
    line: int

    @property
    def over(self) -> bool:
        """Tell whether its day is over."""
        today = datetime.datetime.now(tz=datetime.UTC).date()
        return self.until is not None and self.until < today

    def covers(self, check: str, mark: Mark) -> bool:
        """Tell whether it accepts a finding."""
        fits = check == self.check and fnmatch.fnmatchcase(mark.path, self.path)
        return fits and mark.kind == "fail" and not self.over


def ignored(repo: Repository, check: str, mark: Mark) -> bool:
    """Tell whether a finding is accepted, in its line or in pyproject.toml."""
    if mark.kind != "fail":
        return False
    for line in (mark.text, repo.line(mark.path, mark.line)):
        if (match := INLINE.search(line)) and check in match[1]:
            return True
    return any(each.covers(check, mark) for each in ignores(repo))


@once
def ignores(repo: Repository) -> tuple[Ignore, ...]:
    """Return the ignores of pyproject.toml. Raises TdspError for one that says no reason."""
    data: Any = repo.toml.get(FILE, {})
    for key in ("tool", "tdsp", "check"):
        data = data.get(key) if isinstance(data, dict) else None
    if data is None:
        return ()
    known = isinstance(data, dict) and not set(data) - {"ignore"}
    if not known or not isinstance(data.get("ignore", []), list):
        raise TdspError(f"{WHERE} knows one key: ignore, a list of tables")
    lines = [n for n, line in enumerate(repo.text(FILE).splitlines(), 1) if TABLE.match(line)]
    given = data.get("ignore", [])
    places = lines if len(lines) == len(given) else [1] * len(given)
    return tuple(_ignore(each, line) for each, line in zip(given, places, strict=True))


def _ignore(given: Any, line: int) -> Ignore:
    if not isinstance(given, dict) or set(given) - KEYS or not {"check", "reason"} <= set(given):
        raise TdspError(
            f"{WHERE}: an ignore has check, reason, and may have path, owner and until; not {given}"
        )
    name, reason, until = given["check"], given["reason"], given.get("until")
    if name not in CHECKS:
        raise TdspError(f"{WHERE}: there is no check {name}")
    if not isinstance(reason, str) or len(reason.split()) < 2:
        raise TdspError(f"{WHERE}: the ignore of {name} needs a reason in words")
    owner = given.get("owner", "nobody by name")
    if not isinstance(owner, str) or not owner.strip():
        raise TdspError(f"{WHERE}: the owner of the ignore of {name} is who decided, in words")
    if isinstance(until, str):
        try:
            until = datetime.date.fromisoformat(until)
        except ValueError as error:
            raise TdspError(f"{WHERE}: until is a day such as 2027-01-31, not {until}") from error
    if until is not None and type(until) is not datetime.date:
        raise TdspError(f"{WHERE}: until is a day such as 2027-01-31")
    return Ignore(name, str(given.get("path", "*")), until, owner, line)


@check(
    "TP04",
    family="people",
    title="Each ignore covers a finding, and its day is not over",
    why="An ignore that covers nothing hides the next finding at its place, which nobody accepted.",
    fix="Remove it, or decide anew and move its day.",
    unless="pyproject.toml ignores nothing",
    severity="note",
    bad={FILE: IGNORE, "a.txt": "a\n"},
    good={FILE: IGNORE, "a.txt": "<<<<<<< old\na\n=======\nb\n>>>>>>> new\n"},
)
def ignores_cover(repo: Repository) -> Iterator[Mark]:
    """Run the check of each ignore of pyproject.toml, and look for a finding that it covers."""
    for each in ignores(repo):
        asked = f"; {each.owner} decided it"
        if each.over:
            message = f"the day of {each.check} was {each.until}{asked}"
            yield at(repo, "fail", FILE, each.line, message)
        elif each.check != "TP04":
            marks = CHECKS[each.check].judge(repo)
            covers = any(each.covers(each.check, mark) for mark in marks)
            found = "what it accepts" if covers else "nothing"
            message = f"{each.check} finds {found} in {each.path}{asked}"
            yield at(repo, "held" if covers else "fail", FILE, each.line, message)
