"""The pages of a fleet: its dashboard, and the catalog of what could be used again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tdsp.errors import TdspError
from tdsp.fleet import figures, rowdata
from tdsp.fleet.snapshot import Snapshot
from tdsp.pages import as_data, render


def dashboard(snapshots: Sequence[Snapshot]) -> str:
    """Return the page of the newest snapshot, with curves over all of them.

    Raises TdspError without a snapshot, and for one whose time is none.
    """
    if not snapshots:
        raise TdspError("a dashboard needs a snapshot: `tdsp fleet status` writes one")
    ordered = sorted(snapshots, key=lambda each: figures.day(each.taken, "time"))
    ordered = list({each.taken: each for each in sorted(ordered, key=lambda e: e.taken)}.values())
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
    return {each.check for row in snapshot.rows for each in row.findings}


def _titles() -> dict[str, str]:
    """Return what each check asks, as a snapshot holds only its id."""
    from tdsp.check.all import CHECKS

    return {name: check.title for name, check in CHECKS.items()}


def catalog(snapshot: Snapshot) -> str:
    """Return the page of data sets, models, packages and patterns, with owners and links."""
    found: list[dict[str, Any]] = []
    for row in snapshot.rows:
        for each in row.assets:
            place = rowdata.address(row.source)
            found.append(
                {
                    "kind": each.kind, "name": each.name, "about": each.description,
                    "path": each.path, "link": rowdata.web(each.link), "repository": row.name,
                    "web": place, "commit": row.commit, "team": row.group,
                    "owners": ", ".join(row.owners),
                }
            )  # fmt: skip
    kinds = [
        figures.Bar(kind, sum(each["kind"] == kind for each in found), len(found))
        for kind in sorted({each["kind"] for each in found})
    ]
    return render(
        "tdsp.fleet",
        "catalog",
        taken=snapshot.taken,
        version=snapshot.tdsp,
        assets=found,
        kinds=kinds,
        data=as_data(found),
        sources=len({each["repository"] for each in found}),
        repositories=len(snapshot.rows),
    )
