"""The rows as the dashboard's script takes them: small, without what was not reported."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote, urlsplit

from tdsp.fleet.snapshot import Finding, Row
from tdsp.fleet.store import lowest
from tdsp.pages import web

KEPT = (
    "name", "group", "state", "reason", "kind", "commit", "committed", "level",
    "template_version", "days_behind", "current", "verdict", "errors", "warnings", "notes",
    "maturity", "score", "placeholders", "wave", "last_run", "last_release", "release",
)  # fmt: skip
# How code hosts show a line of a file in a commit, after the repository's address.
VIEWS = {
    "github": "/blob/{commit}/{path}#L{line}",
    "gitlab": "/-/blob/{commit}/{path}#L{line}",
    "azure": "?path=/{path}&version=GC{commit}&line={line}&lineEnd={next}"
    "&lineStartColumn=1&lineEndColumn=1",
}
SSH = re.compile(r"(?:ssh://)?[\w.-]+@([\w.-]+)(?::\d+/|[:/])/?([^:@]+)")
SECRET = re.compile(r"://[^/\s@]+@")
LISTS = ("owners", "expired", "excepted")


def rows(many: Sequence[Row]) -> list[dict[str, Any]]:
    """Return an object for each row; what is None or empty is left out."""
    return [_filled(_row(row)) for row in many]


def _row(row: Row) -> dict[str, Any]:
    place = address(row.source)
    found: dict[str, Any] = {name: getattr(row, name) for name in KEPT}
    found |= {name: list(getattr(row, name)) for name in LISTS}
    found |= {
        "web": place,
        "view": view(place) if row.commit else "",
        "source": row.source if not place and "@" not in row.source else "",
        "reason": SECRET.sub("://", row.reason),
        "drift": None if row.drift is None else list(row.drift),
        "lowest": lowest(row) if row.maturity else None,
        "checks": sorted({each.check for each in row.shown}),
        "request": web(row.request),
    }
    for name in ("model", "telemetry", "delivery", "pending"):
        part = getattr(row, name)
        found[name] = _filled(asdict(part)) if part is not None else None
    if row.pending:
        found["pending"] |= {
            "reason": SECRET.sub("://", row.pending.reason),
            "conflicts": [
                asdict(each) | {"ours": each.ours.split("\n"), "theirs": each.theirs.split("\n")}
                for each in row.pending.conflicts
            ],
        }
    if row.state == "failed":
        found |= {"kind": None, "errors": None, "warnings": None, "notes": None}
        found["placeholders"] = None
    return found


def _filled(given: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not reported; an empty list of drift says that there is none."""
    found = {}
    for name, value in given.items():
        kept = _filled(value) if isinstance(value, dict) else value
        if (kept or kept == 0 or name == "drift") and kept is not None and _finite(kept):
            found[name] = kept
    return found


def _finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def findings(many: Iterable[Row]) -> dict[str, Any]:
    """Return the findings of each row; each path and message is written once."""
    known: dict[str, int] = {}

    def number(text: str) -> int:
        return known.setdefault(text, len(known))

    def short(each: Finding) -> list[Any]:
        return [each.check, each.severity, number(each.path), each.line, number(each.message)]

    placed = [[short(each) for each in row.shown] for row in many]
    return {"texts": list(known), "rows": placed}


def address(source: str) -> str:
    """Return the web address of a repository, without any name or password, or ""."""
    text = source.removesuffix("/").removesuffix(".git")
    if match := SSH.fullmatch(text):
        host, path = match[1], match[2]
        if host == "ssh.dev.azure.com" and path.count("/") == 3:
            _, organisation, project, name = path.split("/")
            return web(f"https://dev.azure.com/{organisation}/{project}/_git/{name}")
        return web(f"https://{host}/{path}")
    return web(text)


def view(place: str) -> str:
    """Return how the host of a web address shows a line, "" for a host that is not known."""
    host = urlsplit(place).hostname or ""
    if host == "dev.azure.com" or host.endswith(".visualstudio.com"):
        return VIEWS["azure"]
    return next((form for name, form in VIEWS.items() if name in host), "")


def file_address(row: Row, path: str) -> str:
    """Return the web address of a file of a repository, or of the repository, or ""."""
    place = address(row.source)
    form = view(place) if row.commit else ""
    if not form:
        return place
    words = {"commit": quote(row.commit), "path": quote(path), "line": 1, "next": 2}
    return place + form.format(**words)
