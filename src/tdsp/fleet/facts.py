"""What one repository says of itself, worked out from the files of one commit.

What depends on the day (expired pins, days behind, figures of the last month) is kept as dates, so
that the facts of a commit can be kept until a date in them has passed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tdsp.check.kind import kind
from tdsp.check.maturity import maturity
from tdsp.check.rule import FAILS
from tdsp.check.run import Report, check_repository, severity
from tdsp.errors import TdspError
from tdsp.fleet import telemetry
from tdsp.fleet.assets import assets
from tdsp.fleet.delivery import Event, events
from tdsp.fleet.snapshot import Asset, Finding, Model, Telemetry
from tdsp.reading import Repository

MOST = 50  # findings of one check
PLACEHOLDER = re.compile(r"(?<!\\)\[open: (?!…)[^\]]+\]")
OWNERS = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a row needs of a commit. The checks say the same until the day `until`."""

    kind: str
    committed: str = ""
    level: str = ""
    template: str = ""
    version: str = ""
    drift: tuple[str, ...] | None = None
    verdict: str = ""
    errors: int = 0
    warnings: int = 0
    notes: int = 0
    findings: tuple[Finding, ...] = ()
    maturity: dict[str, int] = field(default_factory=dict)
    score: dict[str, int] = field(default_factory=dict)
    pins: tuple[tuple[str, str], ...] = ()
    placeholders: int = 0
    model: Model | None = None
    telemetry: Telemetry | None = None
    events: tuple[Event, ...] = ()
    owners: tuple[str, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    until: str = "9999-12-31"
    assets: tuple[Asset, ...] = ()
    ran: str = ""


def facts(repo: Repository, ours: bool, reported: str, today: date) -> Facts:
    """Return the facts of files that have been read. Raises TdspError for wrong settings in it."""
    report = check_repository(repo)
    scales, found = maturity(report), _kind(repo, ours)
    learns = found != "not ml"
    answers = repo.answers[1]
    told, wrong = _telemetry(repo, reported)
    levels = {each.name: each.level for each in scales.areas}
    return Facts(
        kind=found,
        level=_said(answers.get("level")) if ours else "",
        template=_said(answers.get("_src_path") or answers.get("_template")),
        version=_said(answers.get("_commit")),
        verdict="fails" if report.reaches(FAILS) else "passes",
        errors=report.findings("error"),
        warnings=report.findings("warning"),
        notes=report.findings("note"),
        findings=(*wrong, *_findings(report)),
        maturity={**levels, scales.google.name: scales.google.level} if learns else {},
        score={section: scales.points(section) for section in scales.sections} if learns else {},
        pins=tuple(_pins(repo)),
        placeholders=_placeholders(repo),
        model=_model(repo),
        telemetry=told,
        events=tuple(events(repo)),
        owners=_owners(repo),
        answers=_plain(answers) if ours else {},
        until=_until(repo, today),
        assets=assets(repo),
    )


def _said(value: Any) -> str:
    """Return a value as a text; of a list, a mapping or nothing, "" is all."""
    return str(value)[:500] if isinstance(value, str | int | float) else ""


def _kind(repo: Repository, ours: bool) -> str:
    """Return the kind as the checks tell it; only the fleet knows whose template it is."""
    if ours or repo.answers[0]:
        return "tdsp" if ours else "other template"
    found = kind(repo)
    return "none" if found == "not ml" and repo.models else found


def _findings(report: Report) -> Iterator[Finding]:
    for result in report.failed:
        for mark in result.marks[:MOST]:
            level = severity(result.check, mark)
            yield Finding(result.check.id, level, mark.path, mark.line, mark.message)


def _telemetry(repo: Repository, path: str) -> tuple[Telemetry | None, tuple[Finding, ...]]:
    if path not in repo.files:
        return None, ()
    found, wrong = telemetry.read(repo.text(path))
    note = Finding("telemetry", "note", path, 1, f"not read: {wrong}")
    return found, (note,) if wrong else ()


def _plain(answers: dict[str, Any]) -> dict[str, str]:
    """Return the answers as texts, as they are compared with a policy."""
    words = {True: "true", False: "false"}
    return {
        str(name): words[value] if isinstance(value, bool) else str(value)[:300]
        for name, value in answers.items()
        if not str(name).startswith("_")
    }


def _pins(repo: Repository) -> Iterator[tuple[str, str]]:
    """Yield each pin of expiry.yaml with its last good day."""
    found = repo.yaml.get("expiry.yaml")
    data = found[0].data if found else None
    listed = data.get("pins") if isinstance(data, dict) else None
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict) and isinstance(each.get("pin"), str):
            day = str(each.get("expires") or each.get("review") or "")
            if DAY.fullmatch(day):
                yield each["pin"][:200], day


def _placeholders(repo: Repository) -> int:
    return sum(
        len(PLACEHOLDER.findall(repo.text(path)))
        for path in repo.files
        if path.startswith("docs/") and path.endswith((".md", ".yaml", ".yml"))
    )


def _model(repo: Repository) -> Model | None:
    """Return the last model that git knows of: of our reports, or of MLflow's own files."""
    gate, metrics = _json(repo, "reports/gate.json"), _json(repo, "reports/metrics.json")
    found = _mlflow(repo)
    version = _said(metrics.get("model_id") or gate.get("model_id"))
    if not version and found is None and not metrics:
        return None
    inner = metrics.get("model")
    figures = _figures(inner if isinstance(inner, dict) else metrics)
    passed = gate.get("passed")
    name = _said(repo.answers[1].get("package_name")) or (found[0] if found else "")
    return Model(
        name=name[:200],
        version=(version or (found[1] if found else ""))[:100] or _locked(repo),
        alias="",
        trained=found[2] if found else "",
        figures=figures,
        passed=passed if isinstance(passed, bool) else None,
    )


def _mlflow(repo: Repository) -> tuple[str, str, str] | None:
    """Return folder, id and day of the newest MLmodel file in git."""
    known = []
    for path, documents in repo.yaml.items():
        data = documents[0].data if documents else None
        if path.rsplit("/", 1)[-1] == "MLmodel" and isinstance(data, dict):
            day = str(data.get("utc_time_created", ""))[:10]
            name = _said(data.get("model_id") or data.get("model_uuid") or data.get("run_id"))
            folder = path.rsplit("/", 2)[-2] if "/" in path else ""
            known.append((folder, name, day if DAY.fullmatch(day) else ""))
    return max(known, key=lambda each: each[2], default=None)


def _locked(repo: Repository) -> str:
    """Return the hash of the model in dvc.lock, as a version where there is no other."""
    found = repo.yaml.get("dvc.lock")
    data = found[0].data if found else None
    stages = data.get("stages") if isinstance(data, dict) else None
    for stage in stages.values() if isinstance(stages, dict) else ():
        outs = stage.get("outs") if isinstance(stage, dict) else None
        for out in outs if isinstance(outs, list) else ():
            if isinstance(out, dict) and str(out.get("path", "")).startswith("models/"):
                return _said(out.get("md5"))[:12]
    return ""


def _figures(metrics: dict[str, Any]) -> dict[str, float]:
    return {
        str(name)[:100]: float(value)
        for name, value in list(metrics.items())[:50]
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e308
    }


def _json(repo: Repository, path: str) -> dict[str, Any]:
    try:
        found = json.loads(repo.text(path) or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _owners(repo: Repository) -> tuple[str, ...]:
    """Return who owns everything by CODEOWNERS, else all that it names."""
    text = next((repo.text(path) for path in OWNERS if path in repo.files), "")
    lines = [re.sub(r"(^|\s)#.*", "", line).split() for line in text.splitlines()]
    whole = [line[1:] for line in lines if len(line) > 1 and line[0] in {"*", "/", "/**", "**"}]
    if whole:
        return tuple(whole[-1][:20])
    return tuple(dict.fromkeys(name for line in lines for name in line[1:]))[:20]


def _until(repo: Repository, today: date) -> str:
    """Return the first date from today on in what checks compare with the day."""
    texts = repo.text("expiry.yaml"), repo.text("pyproject.toml")
    days = {day for text in texts for day in DAY.findall(text)}
    return min((day for day in days if day >= today.isoformat()), default="9999-12-31")


def failed(error: Exception) -> str:
    """Return one line on why a repository could not be read."""
    text = str(error) if isinstance(error, TdspError) else f"{type(error).__name__}: {error}"
    return "".join(sign if sign.isprintable() else " " for sign in text)[:300]
