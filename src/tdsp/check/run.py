"""Runs the checks over the facts of one repository, and weighs what they say."""

import datetime
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tdsp.check.all import CHECKS
from tdsp.check.ignores import ignored, ignores
from tdsp.check.rule import FAMILIES, SEVERITIES, Check, Mark
from tdsp.check.stated import asked
from tdsp.errors import TdspError
from tdsp.reading import Repository, read, read_git
from tdsp.reading.cache import Cache
from tdsp.reading.objects import is_bare
from tdsp.reading.repository import without_collector

HIDES = {"TP02"}  # a file with the marks of a merge does not run, and can hardly be judged
BASELINE = "all that it found is in the baseline"
HIDDEN = "all that it found is of the severity info: --all shows it"


@dataclass(frozen=True, slots=True)
class Result:
    """What one check says. `marks` are the places that count for its outcome."""

    check: Check
    outcome: str
    marks: tuple[Mark, ...] = ()
    ignored: tuple[Mark, ...] = ()
    reason: str = ""

    @property
    def severity(self) -> str:
        """Return the highest severity of its findings, "" without one."""
        found = [severity(self.check, mark) for mark in self.marks if mark.kind == "fail"]
        return max(found, key=SEVERITIES.index, default="")


@dataclass(frozen=True, slots=True)
class About:
    """What a report says of the repository itself."""

    root: str
    files: int
    problems: tuple[tuple[str, str], ...] = ()
    git: str = ""
    commit: str = ""
    committed: datetime.datetime | None = None


@dataclass(frozen=True)
class Report:
    """What all checks say of one repository.

    `known` are findings that a baseline has, `unchanged` those in files that did not change,
    `hidden` those of the severity info.
    """

    about: About
    results: tuple[Result, ...]
    facts: Callable[[], Repository]
    known: int = 0
    unchanged: int = 0
    hidden: int = 0

    @cached_property
    def repository(self) -> Repository:
        """The facts; of a report that was made before, they are read now."""
        return self.facts()

    @property
    def failed(self) -> list[Result]:
        """Return the checks that fail: what hides the rest, then by severity, then by family."""
        found = [each for each in self.results if each.outcome == "fail"]
        family = list(FAMILIES).index
        return sorted(
            found,
            key=lambda each: (
                each.check.id not in HIDES,
                -SEVERITIES.index(each.severity),
                family(each.check.family),
            ),
        )

    def count(self, outcome: str) -> int:
        """Return how many checks have an outcome."""
        return sum(each.outcome == outcome for each in self.results)

    def findings(self, level: str) -> int:
        """Return how many findings have exactly this severity."""
        return sum(
            mark.kind == "fail" and severity(each.check, mark) == level
            for each in self.results
            for mark in each.marks
        )

    @property
    def counts(self) -> dict[str, int]:
        """Return severity -> how many findings have it; of info only when there are some."""
        found = {level: self.findings(level) for level in reversed(SEVERITIES)}
        return {level: n for level, n in found.items() if n or level != "info"}

    def reaches(self, level: str) -> bool:
        """Tell whether a finding is at least as severe as `level`."""
        if level == "never":
            return False
        return any(self.findings(each) for each in SEVERITIES[SEVERITIES.index(level) :])


def severity(check: Check, mark: Mark) -> str:
    """Return how severe one finding is: never more than its check, whose class is measured."""
    return min(mark.severity or check.severity, check.severity, key=SEVERITIES.index)


def fingerprint(check: Check, mark: Mark) -> str:
    """Return what stays the same while lines move: check, path, and the line without its blanks."""
    line = re.sub(r"\s+", " ", mark.text).strip()
    return hashlib.sha256(f"{check.id}\0{mark.path}\0{line}".encode()).hexdigest()[:32]


def check_folder(
    root: Path, select: Iterable[str] = (), commit: str = "", cache: Cache | None = None
) -> Report:
    """Read a folder or a commit, and run the checks. Raises TdspError when it cannot be read.

    A bare repository is read at HEAD. With a cache, what was worked out before is not again.
    """
    chosen = selected(select)
    reference = commit or ("HEAD" if is_bare(root) else "")
    if cache is not None:
        from tdsp.check.memory import check_again

        return check_again(root, chosen, reference, cache)
    return check_repository(read_git(root, reference) if reference else read(root), chosen)


def selected(select: Iterable[str]) -> list[Check]:
    """Return the checks whose id or family is named. Raises TdspError for a name that is none."""
    names = [part.strip() for each in select for part in each.split(",") if part.strip()]
    found: list[Check] = []
    for name in names:
        fits = [
            c for c in CHECKS.values() if name in (c.id, c.family) or c.id.startswith(name.upper())
        ]
        if not fits:
            raise TdspError(f"there is no check or family {name}: `tdsp check --list` shows them")
        found += [each for each in fits if each not in found]
    return found or list(CHECKS.values())


def check_repository(repo: Repository, chosen: Iterable[Check] | None = None) -> Report:
    """Run checks over facts that have been read."""
    checks = list(CHECKS.values() if chosen is None else chosen)
    ignores(repo)  # one without a reason is refused, also where nothing is found
    results = []
    for each in checks:
        kept: list[Mark] = []
        accepted: list[Mark] = []
        with without_collector():
            marks, problem = _judged(each, repo)
        for mark in asked(repo, each.id, marks):
            (accepted if ignored(repo, each.id, mark) else kept).append(mark)
        results.append(_result(each, kept, accepted, problem))
    about = About(repo.root, len(repo.files), repo.problems, repo.git, repo.commit, repo.committed)
    return Report(about, tuple(results), lambda: repo)


def read_baseline(path: Path) -> frozenset[str]:
    """Return the fingerprints of an earlier `--format json`. Raises TdspError for another file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        places = [each for result in data["results"] for each in result["places"]]
        return frozenset(each["fingerprint"] for each in places if "fingerprint" in each)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TdspError(f"{path} is not what `tdsp check --format json` writes") from error


def only_new(report: Report, baseline: frozenset[str]) -> Report:
    """Return a report without the findings that a baseline has; they are only counted."""
    results, known = narrowed(report, lambda c, m: fingerprint(c, m) not in baseline, BASELINE)
    return replace(report, results=results, known=known)


def shown(report: Report) -> Report:
    """Return a report without the findings that are shown only when asked for; they are counted."""
    results, hidden = narrowed(report, lambda c, m: severity(c, m) != "info", HIDDEN)
    return replace(report, results=results, hidden=hidden)


def narrowed(
    report: Report, keep: Callable[[Check, Mark], bool], reason: str
) -> tuple[tuple[Result, ...], int]:
    """Return the results with only the findings to keep, and how many are left out."""
    results, left = [], 0
    for each in report.results:
        kept = each.marks
        if each.outcome == "fail":
            kept = tuple(mark for mark in each.marks if keep(each.check, mark))
        left += len(each.marks) - len(kept)
        if each.marks and not kept:
            each = Result(each.check, "not applicable", (), each.ignored, reason)
        results.append(replace(each, marks=kept))
    return tuple(results), left


def _judged(check: Check, repo: Repository) -> tuple[list[Mark], str]:
    """Run one check. What it trips over costs only itself, and is said."""
    try:
        return list(check.judge(repo)), ""
    except Exception as error:  # a file that no one thought of must not hide the other checks
        return [], f"the check itself failed: {type(error).__name__}"


def _result(check: Check, kept: list[Mark], ignored: list[Mark], problem: str) -> Result:
    kinds = {mark.kind for mark in kept}
    if problem:
        return Result(check, "unknown", (), tuple(ignored), problem)
    for kind, outcome in (("fail", "fail"), ("unknown", "unknown"), ("held", "pass")):
        if kind in kinds:
            marks = tuple(mark for mark in kept if mark.kind == kind)
            return Result(check, outcome, marks, tuple(ignored))
    reason = "all that it found is ignored" if ignored else check.unless
    return Result(check, "not applicable", (), tuple(ignored), reason)
