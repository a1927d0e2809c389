"""The pages of a fleet: its dashboard, and the catalog of what could be used again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tdsp.errors import TdspError
from tdsp.fleet import figures, rowdata
from tdsp.fleet.snapshot import Asset, Row, Snapshot
from tdsp.pages import as_data, render, web

FLEET = "Fleet"
TELEMETRY = "What the service reports can be read"


def dashboard(snapshots: Sequence[Snapshot]) -> str:
    """Return the page of the newest snapshot, with curves over all of them.

    Raises TdspError without a snapshot, and for one whose time is none.
    """
    if not snapshots:
        raise TdspError("a dashboard needs a snapshot: `tdsp fleet status` writes one")
    for each in snapshots:
        figures.day(each.taken, "time")
    ordered = sorted({e.taken: e for e in snapshots}.values(), key=lambda each: each.taken)
    newest = ordered[-1]
    rows = newest.rows
    titles = _titles()
    data = {
        "rows": rowdata.rows(rows),
        "taken": newest.taken,
        "release": newest.release,
        "checks": {name: titles[name] for name in _checks(newest) if name in titles},
    }
    return render(
        "tdsp.fleet",
        "dashboard",
        title=newest.title or FLEET,
        taken=newest.taken,
        version=newest.tdsp,
        release=newest.release,
        released=newest.released,
        count=len(ordered),
        target=figures.TARGET,
        due=_due(newest),
        all=figures.sums(rows),
        verdicts=figures.verdicts(rows),
        kinds=figures.kinds(rows),
        levels=figures.levels(rows),
        judged=any(row.maturity for row in rows),
        adoption=figures.adoption(ordered),
        trends=figures.trends(ordered),
        teams=figures.teams(rows),
        groups=len({row.group for row in rows}),
        broken=[(name, titles.get(name, ""), bar) for name, bar in figures.broken(rows)],
        data=as_data(data),
        findings=as_data(rowdata.findings(rows)),
    )


def _due(snapshot: Snapshot) -> str:
    """Return the day on which the target is due, "" where the release's day is not known."""
    if not snapshot.released:
        return ""
    due = figures.day(snapshot.released, "release") + timedelta(days=figures.WITHIN)
    return due.isoformat()


def _checks(snapshot: Snapshot) -> set[str]:
    return {each.check for row in snapshot.rows for each in row.shown}


def _titles() -> dict[str, str]:
    """Return what each check asks, as a snapshot holds only its id."""
    from tdsp.check.all import CHECKS

    return {name: check.title for name, check in CHECKS.items()} | {"telemetry": TELEMETRY}


def _entries(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what there is, with all places that have it: one thing of a template is one entry."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        for asset in row.assets:
            given = {"kind": asset.kind, "name": asset.name, "about": asset.description}
            key = (*given.values(), asset.path)
            entry = found.setdefault(key, _filled(given) | {"places": []})
            entry["places"].append(_place(row, asset))
    return list(found.values())


def _place(row: Row, asset: Asset) -> dict[str, str]:
    given = {
        "path": asset.path,
        "link": web(asset.link) or rowdata.file_address(row, asset.path),
        "repository": row.name,
        "web": rowdata.address(row.source),
        "team": row.group,
        "owners": ", ".join(row.owners),
    }
    return _filled(given)


def _filled(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


def catalog(snapshot: Snapshot) -> str:
    """Return the page of data sets, models, packages and patterns, with owners and links."""
    found = _entries(snapshot.rows)
    kinds = [
        figures.Bar(kind, sum(each["kind"] == kind for each in found), len(found))
        for kind in sorted({each["kind"] for each in found})
    ]
    return render(
        "tdsp.fleet",
        "catalog",
        title=snapshot.title or FLEET,
        taken=snapshot.taken,
        version=snapshot.tdsp,
        count=len(found),
        kinds=kinds,
        data=as_data(found),
        sources=sum(bool(row.assets) for row in snapshot.rows),
        repositories=len(snapshot.rows),
    )
