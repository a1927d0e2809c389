"""The audit trail: who did what to which registered model, when, why, on which evidence.

The project's own commands are asked: the registry for its versions and changes, tools/approve.py
for the approvals, each verified now. Nothing of the project is imported.
"""

import json
import os
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import BaseModel

from tdsp.errors import TdspError
from tdsp.people.project import Project
from tdsp.people.sources import write

PAGE = "reports/trail.html"
DATABASE = "mlflow.db"  # of a project without a tracking server
APPROVE = "tools/approve.py"
FACTS = ("git_commit", "git_dirty", "data_md5", "schema_md5", "lock_md5", "gate")
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto;
padding: 1rem; color: #1f2933; background: #fff; }
div { overflow-x: auto; } table { border-collapse: collapse; width: 100%; min-width: 44rem; }
th, td { padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top;
border-bottom: 1px solid #d9e2ec; } ul { margin: 0; padding-left: 1.1rem; }
li, td:nth-child(4) { overflow-wrap: anywhere; }
.bad { color: #8a041a; font-weight: 600; }"""


@dataclass(frozen=True)
class Event:
    """One line of the trail."""

    at: str
    what: str
    version: str
    model_id: str
    who: str
    why: str
    evidence: list[str]
    sound: bool = True


M = TypeVar("M", bound=BaseModel)
MARKS = {True: "pass", False: "FAIL", None: "not judged"}


class Version(BaseModel):
    """A registered model, as `models --json` of the project prints it."""

    number: str
    model_id: str
    aliases: list[str]
    created_at: str
    lineage: dict[str, dict[str, Any]]

    @property
    def facts(self) -> dict[str, Any]:
        """What is on record of it, without the questions that it answers."""
        return {name: fact for facts in self.lineage.values() for name, fact in facts.items()}


class Check(BaseModel):
    """A rule that a promotion was held against."""

    rule: str
    figures: str
    passed: bool | None


class Change(BaseModel):
    """A promotion or a rollback."""

    at: str
    kind: str
    version: str
    model_id: str
    by: str
    reason: str
    compared: bool = True
    checks: list[Check] = []


class Registry(BaseModel):
    """What the registry knows: versions and changes of the champion, newest first."""

    versions: list[Version]
    history: list[Change]


class Approval(BaseModel):
    """A record of an approval, verified by the project's tools/approve.py."""

    version: str
    model_id: str
    role: str
    tag: str
    at: str
    approver: str
    reason: str
    valid: bool
    message: str


def registry(project: Project) -> Registry:
    """Ask the project's registry; without one, nothing is registered, and none is made."""
    if not os.environ.get("MLFLOW_TRACKING_URI") and not (project.root / DATABASE).exists():
        return Registry(versions=[], history=[])
    answer = project.ask(project.package, "models", "--json")
    return understood(project, "models --json", Registry, answer)


def approvals(project: Project) -> list[Approval]:
    """Ask for all approvals; a project below level govern has none."""
    if not (project.root / APPROVE).is_file():
        return []
    answer = project.ask("tools.approve", "--list")
    listed = answer if isinstance(answer, list) else [answer]
    return [understood(project, f"{APPROVE} --list", Approval, each) for each in listed]


def understood(project: Project, what: str, model: type[M], answer: Any) -> M:
    """Return an answer of the project's commands, typed. Raises TdspError for another format."""
    try:
        return model.model_validate(answer)
    except ValueError:
        other = project.origin or "`copier update`"
        raise TdspError(f"`{what}` prints another format than this tdsp knows: {other}") from None


def trail(known: Registry, approved: list[Approval]) -> list[Event]:
    """Return all that happened to the registered models, newest first."""
    found = {
        version.number: [_approval(each) for each in approved if each.version == version.number]
        for version in known.versions
    }
    events = [event for each in found.values() for event in each]
    events += [_registration(each) for each in known.versions]
    events += [_change(each, found.get(each.version, [])) for each in known.history]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _registration(version: Version) -> Event:
    facts = version.facts
    evidence = [f"run {facts.get('run', 'unknown')}"]
    evidence += [f"{name} {facts.get(name, 'unknown')}" for name in FACTS]
    number, model, who = version.number, version.model_id, str(facts.get("trained_by", "unknown"))
    return Event(version.created_at, "registration", number, model, who, "trained", evidence)


def _change(change: Change, approved: list[Event]) -> Event:
    """Tell of a promotion or rollback: its checks, and the approvals that were there by then."""
    checks = [f"{MARKS[check.passed]}: {check.rule} ({check.figures})" for check in change.checks]
    if change.kind == "promotion" and not change.compared:
        checks.append("not compared with a champion")
    before = [event for event in approved if event.at <= change.at]
    checks += [f"{event.what} by {event.who}: {event.evidence[0]}" for event in before]
    checks += [] if before else ["no approval on record by then"]
    about = (change.at, change.kind, change.version, change.model_id, change.by, change.reason)
    return Event(*about, checks)


def _approval(one: Approval) -> Event:
    state = f"signature and record verified, tag {one.tag}"
    state = state if one.valid else f"NOT VALID: {one.message}"
    about = (one.at, f"approval as {one.role}", one.version, one.model_id, one.approver, one.reason)
    return Event(*about, [state], one.valid)


def as_text(events: list[Event]) -> str:
    """Return the trail as lines."""
    lines = []
    for event in events:
        lines.append(f"{event.at}  {event.what} of version {event.version} ({event.model_id})")
        lines += [f"    {line}" for line in (f"by {event.who}: {event.why}", *event.evidence)]
    return (
        "\n".join(lines) or "nothing is registered yet: run the command `register` of the project"
    )


def as_page(name: str, events: list[Event]) -> str:
    """Return the trail as one HTML page that works offline."""
    title = f"Audit trail of {escape(name)}"
    rows = "".join(map(_row, events)) or '<tr><td colspan="6">nothing is registered yet</td></tr>'
    names = ("when", "what", "version", "who", "why", "evidence")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body><main><h1>{title}</h1>\n"
        f'<div tabindex="0" role="region" aria-label="{title}"><table><thead><tr>{head}</tr>'
        f"</thead>\n<tbody>{rows}</tbody></table></div></main></body></html>"
    )


def _row(event: Event) -> str:
    named = f"{event.version} (<code>{escape(event.model_id)}</code>)"
    listed = "".join(f"<li>{escape(line)}</li>" for line in event.evidence)
    when = event.at.replace("T", " ")  # so that a narrow column can break it
    cells = [escape(when), escape(event.what), named, escape(event.who), escape(event.why)]
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    mark = "" if event.sound else ' class="bad"'
    return f"<tr{mark}>{row}<td><ul>{listed}</ul></td></tr>\n"


def run(project: Project, as_json: bool, html: Path | None) -> bool:
    """Print and write the trail; tell whether every approval in it is valid."""
    known = registry(project)
    events = trail(known, approvals(project) if known.versions else [])
    typer.echo(json.dumps([*map(asdict, events)], indent=2) if as_json else as_text(events))
    path = html or project.root / PAGE
    write(path, as_page(project.name, events) + "\n")
    typer.echo(f"Page: {path}", err=True)
    return all(event.sound for event in events)
