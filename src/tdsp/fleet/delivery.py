"""What is on record of a project's runs, promotions, rollbacks and releases, and its figures.

The record is `reports/registry.json`, which the training workflow of a project writes, or
`reports/trail.json`, which `tdsp trail --json` prints; and the release tags where git has them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from tdsp.fleet.snapshot import Delivery
from tdsp.reading import Repository, objects

REGISTRY = "reports/registry.json"  # `models --json` of the project
TRAIL = "reports/trail.json"  # `tdsp trail --json`
CHANGES = ("promotion", "rollback")
RUN, RELEASE = "registration", "release"
MADE = ("reports/gate.json", "reports/metrics.json", "dvc.lock")  # by a run of the pipeline
DAY = "--format=%cI"
MOST_RELEASES = 50
WINDOW, YEAR = timedelta(days=30), timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Event:
    """A registration, promotion, rollback or release. `hours` are those since its commit."""

    at: str
    kind: str
    commit: str = ""
    hours: float | None = None
    name: str = ""


def events(repo: Repository) -> Iterator[Event]:
    """Yield what the project's own record tells, with the commit of each model."""
    commits: dict[str, str] = {}
    told = [*_registry(repo), *_trail(repo)]
    commits.update((model, event.commit) for model, event in told if event.commit)
    seen = set()
    for model, event in told:
        if (event.at, event.kind) not in seen and _time(event.at) is not None:
            seen.add((event.at, event.kind))
            yield replace(event, commit=commits.get(model, ""))


def _registry(repo: Repository) -> Iterator[tuple[str, Event]]:
    found = _json(repo, REGISTRY)
    for each in _objects(found.get("versions") if isinstance(found, dict) else None):
        facts: dict[str, Any] = {}
        lineage = each.get("lineage")
        for part in lineage.values() if isinstance(lineage, dict) else ():
            facts |= part if isinstance(part, dict) else {}
        commit = objects.COMMIT.fullmatch(str(facts.get("git_commit", "")))
        yield (
            str(each.get("model_id")),
            Event(str(each.get("created_at", "")), RUN, commit[0] if commit else ""),
        )
    for each in _objects(found.get("history") if isinstance(found, dict) else None):
        if each.get("kind") in CHANGES:
            yield str(each.get("model_id")), Event(str(each.get("at", "")), str(each["kind"]))


def _trail(repo: Repository) -> Iterator[tuple[str, Event]]:
    for each in _objects(_json(repo, TRAIL)):
        if each.get("what") in (RUN, *CHANGES):
            commit = _evidence(each) if each["what"] == RUN else ""
            event = Event(str(each.get("at", "")), str(each["what"]), commit)
            yield str(each.get("model_id")), event


def _evidence(event: dict[str, Any]) -> str:
    evidence = event.get("evidence")
    for line in evidence if isinstance(evidence, list) else ():
        name, _, value = str(line).partition(" ")
        if name == "git_commit" and objects.COMMIT.fullmatch(value):
            return value
    return ""


def _json(repo: Repository, path: str) -> Any:
    try:
        return json.loads(repo.text(path) or "[]")
    except (ValueError, RecursionError):
        return []


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def dated(commit: objects.Commit, known: Iterable[Event]) -> tuple[Event, ...]:
    """Return events with the hours since their commits, and the release tags, from the history."""
    told = [_since(commit, event) for event in known]
    for name, at, tagged in objects.tags(commit, "v")[-MOST_RELEASES:]:
        if _time(at) is not None:
            made = objects.history(commit, "-1", "--format=%H", tagged, "--", *MADE)
            told.append(_since(commit, Event(at, RELEASE, made, name=name)))
    return tuple(told)


def last_run(commit: objects.Commit, repo: Repository) -> str:
    """Return the day of the last commit of what a run of the pipeline makes, "" without one."""
    paths = [path for path in MADE if path in repo.files]
    return objects.history(commit, "-1", DAY, commit.commit, "--", *paths)[:10] if paths else ""


def _since(commit: objects.Commit, event: Event) -> Event:
    made = objects.history(commit, "--no-walk", DAY, event.commit) if event.commit else ""
    if not made:
        return event
    hours = (datetime.fromisoformat(event.at) - datetime.fromisoformat(made)).total_seconds() / 3600
    return replace(event, hours=round(hours, 2) if hours >= 0 else None)


def newest(known: Iterable[Event], kind: str, today: date) -> Event | None:
    """Return the last event of a kind up to a day."""
    found = (each for each in known if each.kind == kind and _day(each) <= today)
    return max(found, key=lambda each: datetime.fromisoformat(each.at), default=None)


def _day(event: Event) -> date:
    return datetime.fromisoformat(event.at).date()


def delivery(known: Iterable[Event], today: date) -> Delivery | None:
    """Return the figures of a year; None where nothing is on record.

    Where the record tells of no promotion, a release tag counts as one: the release workflow makes
    its model the champion. A tag does not tell of rollbacks, so their share is not known then.
    """
    told = [each for each in known if each.kind != RELEASE or each.commit]
    if not told:
        return None
    year = [(_day(each), each) for each in told if today - YEAR <= _day(each) <= today]
    changes = [(day, each) for day, each in year if each.kind in CHANGES]
    promoted = [(day, each) for day, each in changes if each.kind == CHANGES[0]]
    promoted = promoted or [(day, each) for day, each in year if each.kind == RELEASE]
    hours = [each.hours for _, each in promoted if each.hours is not None]
    back = sum(each.kind == CHANGES[1] for _, each in changes)
    return Delivery(
        median(hours) if hours else None,
        sum(day > today - WINDOW for day, _ in promoted),
        min(1.0, back / len(promoted)) if changes and promoted else None,
    )
