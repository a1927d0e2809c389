"""`tdsp fleet export`: a snapshot as a table, or as entities of a Backstage catalogue."""

import csv
import io
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tdsp.fleet.snapshot import Row, Snapshot
from tdsp.fleet.store import encode, lowest
from tdsp.plain import plain

if TYPE_CHECKING:
    import pyarrow as pa

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run such a text
PLAIN = (
    "name", "group", "state", "reason", "kind", "source", "commit", "committed", "level",
    "template", "template_version", "days_behind", "current", "verdict", "errors", "warnings",
    "notes", "placeholders", "wave", "request", "last_run", "last_release", "release",
)  # fmt: skip
NUMBERS = ("errors", "warnings", "notes", "placeholders", "drift", "maturity", "days_behind")
TELEMETRY = (
    "availability", "error_rate", "p95_ms", "predictions_a_day", "drift", "quota_used",
    "cost_this_month", "currency", "source", "time",
)  # fmt: skip


def flat(row: Row) -> dict[str, Any]:
    """Return a row as plain values. What is not known is None, never 0."""
    known = row.state == "ok"
    cells: dict[str, Any] = {name: getattr(row, name) for name in PLAIN}
    if not known:
        cells |= dict.fromkeys(("kind", "errors", "warnings", "notes", "placeholders"))
    cells["owners"] = " ".join(row.owners)
    cells["drift"] = None if row.drift is None else len(row.drift)
    cells["expired"] = "; ".join(row.expired) if known else None
    cells["maturity"] = lowest(row) if row.maturity else None
    cells["update"] = row.pending.state if row.pending else None
    cells["excepted"] = "; ".join(row.excepted) if known else None
    model = row.model
    cells["model"] = model.name if model else None
    for name in ("version", "alias", "trained", "passed"):
        cells[f"model_{name}"] = getattr(model, name) if model else None
    figures = sorted(model.figures.items()) if model else []
    cells["model_figures"] = "; ".join(f"{name} {value:g}" for name, value in figures) or None
    told = asdict(row.telemetry) if row.telemetry else {}
    cells |= {f"telemetry_{name}": told.get(name) for name in TELEMETRY}
    done = row.delivery
    cells["lead_time_hours"] = done.lead_time_hours if done else None
    cells["promotions"] = done.promotions if done else None
    cells["rolled_back"] = done.rolled_back if done else None
    return cells


def as_csv(snapshot: Snapshot) -> str:
    """Return a table with a line for each repository; no cell is a formula."""
    rows = [flat(row) for row in snapshot.rows]
    text = io.StringIO()
    names = list(flat(Row("", "", "", (), "failed")))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["taken", *names])
    for cells in rows:
        writer.writerow([snapshot.taken, *(_cell(cells[name]) for name in names)])
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = plain(str(value))
    quoted = isinstance(value, str) and text.startswith(FORMULA)
    return f"'{text}" if quoted else text


def as_parquet(snapshot: Snapshot, path: Path) -> None:
    """Write the same table with its types."""
    import pyarrow.parquet as pq

    pq.write_table(table(snapshot), path)


def table(snapshot: Snapshot) -> "pa.Table":
    """Return the table with a type for each column, whatever the rows hold."""
    import pyarrow as pa

    rows = [{"taken": snapshot.taken} | flat(row) for row in snapshot.rows]
    names = ["taken", *flat(Row("", "", "", (), "failed"))]
    return pa.Table.from_pylist(rows, pa.schema([(name, _type(name)) for name in names]))


def _type(name: str) -> "pa.DataType":
    import pyarrow as pa

    if name in {"current", "model_passed"}:
        return pa.bool_()
    if name in NUMBERS or name == "promotions":
        return pa.int64()
    shares = {"telemetry_drift", "telemetry_currency", "telemetry_source", "telemetry_time"}
    if (name.startswith("telemetry_") and name not in shares) or name in {
        "lead_time_hours",
        "rolled_back",
    }:
        return pa.float64()
    return pa.string()


def as_backstage(snapshot: Snapshot) -> str:
    """Return a Component for each repository, and a Group for each group and owner."""
    import yaml

    rows = [row for row in snapshot.rows if row.state == "ok"]
    taken: dict[str, str] = {}
    entities = [_component(row, taken, snapshot) for row in rows]
    groups = {row.group or "fleet" for row in rows}
    entities += [
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Group",
            "metadata": {"name": entity_name(group), "title": plain(group)},
            "spec": {"type": "team", "children": []},
        }
        for group in sorted(groups)
    ]
    return str(yaml.safe_dump_all(entities, sort_keys=False, allow_unicode=True))


def _component(row: Row, taken: dict[str, str], snapshot: Snapshot) -> dict[str, Any]:
    name = entity_name(row.name)
    if taken.setdefault(name, row.name) != row.name:
        import hashlib

        name = f"{name[:54]}-{hashlib.sha256(row.name.encode()).hexdigest()[:8]}"
    notes = {
        "tdsp/taken": snapshot.taken,
        "tdsp/kind": row.kind,
        "tdsp/verdict": row.verdict,
        "tdsp/errors": str(row.errors),
        "tdsp/template-version": plain(row.template_version),
        "tdsp/maturity": str(lowest(row)) if row.maturity else "",
    }
    location = {"backstage.io/source-location": f"url:{row.source}"} if "://" in row.source else {}
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": name,
            "title": plain(row.name),
            "annotations": location | {key: value for key, value in notes.items() if value},
            "tags": sorted({"machine-learning", row.kind.replace(" ", "-")}),
        },
        "spec": {
            "type": "service" if row.telemetry else "machine-learning",
            "lifecycle": "production" if row.telemetry or row.delivery else "experimental",
            "owner": f"group:default/{entity_name(row.group or 'fleet')}",
        },
    }


def entity_name(text: str) -> str:
    """Return a name that Backstage takes: letters, digits, `-_.`, at most 63 signs."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:63].rstrip("-")
    return name or "unnamed"


def as_json(snapshot: Snapshot) -> str:
    """Return the snapshot itself."""
    return encode(snapshot)
