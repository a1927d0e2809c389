"""`policy.yml`: what is asked of the repositories of a fleet, and who is excepted until when.

A rule speaks of rows of a snapshot. What a row does not know (no model, no template) breaks no
rule, unless the rule asks for it. An exception names its owner, its reason and its last day; one
that is past that day excepts nothing and is an error itself.
"""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from tdsp.errors import TdspError
from tdsp.fleet.config import Strict
from tdsp.fleet.snapshot import Row, Snapshot
from tdsp.fleet.template import number
from tdsp.people.sources import Line, parse

AREAS = ("Model creation", "Model release", "Application integration", "Google")
Kind = Literal["tdsp", "other template", "none", "generative", "not ml"]
Level = Annotated[int, Field(ge=0, le=4)]
Days = Annotated[int, Field(ge=1, le=36_500)]


class Rule(Strict):
    """One requirement, or several that stand together; `applies` narrows it down."""

    name: Line
    kinds: tuple[Kind, ...] = ()
    groups: tuple[Line, ...] = ()
    repositories: tuple[Line, ...] = ()
    checks: tuple[Line, ...] = ()
    most_errors: Annotated[int, Field(ge=0)] | None = None
    most_warnings: Annotated[int, Field(ge=0)] | None = None
    answers: dict[Line, tuple[str | bool | int, ...]] = Field(default_factory=dict)
    template: Line | None = None
    model_days: Days | None = None
    model_required: bool = False
    maturity: Level | dict[str, Level] | None = None
    owners: bool = False
    no_expired: bool = False

    @field_validator("template")
    @classmethod
    def _version(cls, value: str | None) -> str | None:
        if value is not None and value != "current" and number(value) is None:
            raise ValueError(f"{value!r} is no version; allowed are `current` and v1.2.3")
        return value

    @field_validator("maturity")
    @classmethod
    def _areas(cls, value: Any) -> Any:
        if isinstance(value, dict) and (unknown := [name for name in value if name not in AREAS]):
            raise ValueError(f"no such area: {', '.join(unknown)}; there are {', '.join(AREAS)}")
        return value

    @field_validator("checks")
    @classmethod
    def _there(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from tdsp.check.all import CHECKS

        families = {each.family for each in CHECKS.values()}
        if unknown := [name for name in value if name not in CHECKS and name not in families]:
            raise ValueError(f"no such check or family: {', '.join(unknown)}: `tdsp check --list`")
        return value

    @model_validator(mode="after")
    def _asks(self) -> "Rule":
        asked = (
            self.checks, self.most_errors is not None, self.most_warnings is not None,
            self.answers, self.template, self.model_days, self.model_required,
            self.maturity is not None, self.owners, self.no_expired,
        )  # fmt: skip
        if not any(asked):
            raise ValueError(
                "the rule asks for nothing; it may have checks, most_errors, most_warnings,"
                " answers, template, model_days, model_required, maturity, owners, no_expired"
            )
        return self


class Exemption(Strict):
    """A rule that does not hold for some repositories, for a reason, until a day."""

    rule: Line
    repositories: tuple[Line, ...]
    owner: Line
    reason: Line
    until: date

    @field_validator("until", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        if type(value) is not date:
            raise ValueError("it is a day such as 2027-01-31")
        return value

    @field_validator("reason")
    @classmethod
    def _words(cls, value: str) -> str:
        if len(value.split()) < 2:
            raise ValueError("it needs a reason in words")
        return value


class Policy(Strict):
    """All of policy.yml."""

    rules: tuple[Rule, ...]
    exceptions: tuple[Exemption, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> "Policy":
        if not self.rules:
            raise ValueError("rules: one at least")
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("rules: each name stands there once")
        if unknown := [each.rule for each in self.exceptions if each.rule not in names]:
            listed = ", ".join(names)
            raise ValueError(f"exceptions: no such rule: {', '.join(unknown)}; there are {listed}")
        return self


@dataclass(frozen=True, slots=True)
class Breach:
    """A repository that breaks a rule. `excepted` says by whom and until when, or ""."""

    repository: str
    rule: str
    what: str
    excepted: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of a snapshot. `expired` are exceptions past their day."""

    breaches: tuple[Breach, ...]
    expired: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def open(self) -> list[Breach]:
        """Return the breaches that nobody has excepted."""
        return [each for each in self.breaches if not each.excepted]


def read_policy(path: Path) -> Policy:
    """Read policy.yml. Raises TdspError that names the line, the key and what is allowed."""
    try:
        return parse(str(path), path.read_text(encoding="utf-8"), Policy)
    except UnicodeDecodeError:
        raise TdspError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise TdspError(f"{path} cannot be read: {error.strerror}") from error


def judge(policy: Policy, snapshot: Snapshot, today: date) -> Verdict:
    """Hold every row against every rule."""
    breaches, used = [], set()
    for row in snapshot.rows:
        for rule in policy.rules:
            for what in broken(rule, row, snapshot, today):
                place_, excepted = _excepted(policy, rule, row, today)
                used.add(place_)
                breaches.append(Breach(row.name, rule.name, what, excepted))
    expired = [_said(each) for each in policy.exceptions if each.until < today]
    unused = [
        _said(each)
        for place, each in enumerate(policy.exceptions)
        if place not in used and each.until >= today
    ]
    return Verdict(tuple(breaches), tuple(expired), tuple(unused))


def applies(rule: Rule, row: Row) -> bool:
    """Tell whether a rule speaks of a row."""
    if row.state != "ok":
        return False
    by_kind = not rule.kinds or row.kind in rule.kinds
    by_group = not rule.groups or row.group in rule.groups
    by_name = not rule.repositories or _fits(row.name, rule.repositories)
    return by_kind and by_group and by_name


def broken(rule: Rule, row: Row, snapshot: Snapshot, today: date) -> Iterator[str]:
    """Yield what a row lacks by a rule."""
    if not applies(rule, row):
        return
    yield from _checks(rule, row)
    yield from _template(rule, row, snapshot)
    yield from _model(rule, row, today)
    yield from _maturity(rule, row)
    if rule.owners and not row.owners:
        yield "owners: nobody is named in fleet.yml or CODEOWNERS"
    if rule.no_expired and row.expired:
        yield f"no_expired: {', '.join(row.expired)}"


def _checks(rule: Rule, row: Row) -> Iterator[str]:
    from tdsp.check.all import CHECKS

    found: dict[str, int] = {}
    for each in row.findings:
        known = each.check in CHECKS and each.severity != "info"
        family = CHECKS[each.check].family if known else ""
        for name in {each.check, family} & set(rule.checks):
            found[name] = found.get(name, 0) + 1
    yield from (f"checks: {name} has {count} findings" for name, count in sorted(found.items()))
    if rule.most_errors is not None and row.errors > rule.most_errors:
        yield f"most_errors: {row.errors}, allowed are {rule.most_errors}"
    if rule.most_warnings is not None and row.warnings > rule.most_warnings:
        yield f"most_warnings: {row.warnings}, allowed are {rule.most_warnings}"


def _template(rule: Rule, row: Row, snapshot: Snapshot) -> Iterator[str]:
    for name, allowed in rule.answers.items():
        given = (row.answers or {}).get(name)
        texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in allowed]
        if row.answers is not None and given not in texts:
            yield f"answers: {name} is {given or 'not answered'}, allowed are {', '.join(texts)}"
    if rule.template is None or row.kind != "tdsp":
        return
    wanted = snapshot.release if rule.template == "current" else rule.template
    mine, least = number(row.template_version), number(wanted)
    if least is None:
        yield "template: the snapshot does not know the current release: name it in fleet.yml"
    elif mine is None:
        given = row.template_version or "no version"
        yield f"template: {given} is no release, {wanted} is asked for"
    elif mine < least:
        yield f"template: {row.template_version}, {wanted} is asked for"


def _model(rule: Rule, row: Row, today: date) -> Iterator[str]:
    if rule.model_required and row.model is None:
        yield "model_required: git knows of no model"
    if rule.model_days is None or row.model is None:
        return
    if not row.model.trained:
        yield "model_days: nobody knows when the model was trained"
    elif (age := (today - date.fromisoformat(row.model.trained[:10])).days) > rule.model_days:
        yield f"model_days: {age}, allowed are {rule.model_days}"


def _maturity(rule: Rule, row: Row) -> Iterator[str]:
    if rule.maturity is None or row.kind == "not ml":
        return
    areas = dict.fromkeys(AREAS[:3], rule.maturity)
    for name, least in (rule.maturity if isinstance(rule.maturity, dict) else areas).items():
        level = (row.maturity or {}).get(name)
        if level is None or (isinstance(least, int) and level < least):
            yield f"maturity: {name} is {'not judged' if level is None else level}, not {least}"


def _excepted(policy: Policy, rule: Rule, row: Row, today: date) -> tuple[int, str]:
    for place, each in enumerate(policy.exceptions):
        if each.rule == rule.name and _fits(row.name, each.repositories) and each.until >= today:
            return place, f"{each.owner} until {each.until}: {each.reason}"
    return -1, ""


def _said(each: Exemption) -> str:
    names = ", ".join(each.repositories)
    return f"{each.rule} for {names}, by {each.owner}, until {each.until}"


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, each) for each in patterns)


def marked(snapshot: Snapshot, verdict: Verdict) -> Snapshot:
    """Return the snapshot with the rules that each repository is excepted from."""
    excepted: dict[str, list[str]] = {}
    for each in verdict.breaches:
        if each.excepted and each.rule not in excepted.setdefault(each.repository, []):
            excepted[each.repository].append(each.rule)
    rows = (replace(row, excepted=tuple(excepted.get(row.name, ()))) for row in snapshot.rows)
    return replace(snapshot, rows=tuple(rows))


def explain(policy: Policy, path: Path, snapshot: Snapshot, name: str, today: date) -> list[str]:
    """Return for each rule what it says of a repository, and the line that decided.

    Raises TdspError when the snapshot does not have the repository.
    """
    row = next((each for each in snapshot.rows if each.name == name), None)
    if row is None:
        raise TdspError(f"the snapshot has no repository {name}")
    if row.state != "ok":
        return [f"{name} could not be read, so no rule was held against it: {row.reason}"]
    lines = _Lines(path)
    said = []
    for place, rule in enumerate(policy.rules):
        where = f"{path.name}:{lines.of('rules', place)}: {rule.name}"
        if not applies(rule, row):
            said.append(f"{where}: does not apply ({row.kind}, group {row.group or 'none'})")
            continue
        found = list(broken(rule, row, snapshot, today))
        if not found:
            said.append(f"{where}: kept")
        place_, excepted = _excepted(policy, rule, row, today)
        for what in found:
            line = lines.of("rules", place, what.partition(":")[0])
            said.append(f"{path.name}:{line}: {rule.name}: broken: {what}")
            if excepted:
                line = lines.of("exceptions", place_)
                said.append(f"  excepted by {path.name}:{line}: {excepted}")
        for other, each in enumerate(policy.exceptions):
            over = found and each.until < today and each.rule == rule.name
            if over and _fits(name, each.repositories):
                line = lines.of("exceptions", other)
                said.append(f"  {path.name}:{line}: the exception ended on {each.until}")
    return said


class _Lines:
    """The lines of a YAML file by the keys that lead there."""

    def __init__(self, path: Path) -> None:
        import yaml

        self.root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)

    def of(self, *steps: str | int) -> int:
        """Return the line of the deepest step that is there."""
        node: Any = self.root
        line = 1
        for step in steps:
            if isinstance(step, int):
                node = node.value[step]
                line = node.start_mark.line + 1
                continue
            pairs = [pair for pair in node.value if pair[0].value == step]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
        return line
