"""A snapshot for other programs, and what a service reports of itself."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from tdsp.fleet import export, store, telemetry
from tdsp.fleet.cli import app
from tdsp.fleet.snapshot import Delivery, Model, Pending, Row, Snapshot, Telemetry

TIME = "2026-11-20T06:00:00Z"
FULL = Row(
    "org/full", "https://github.com/org/full", "Risk & Co", ("@ann", "@bob"), "ok", kind="tdsp",
    current=False, days_behind=3, drift=("a.py",), errors=2, maturity={"A": 2, "Google": 0},
    model=Model("m", "1", "", "2026-11-01", {"b": 0.25, "a": 3.0}, True), expired=("a", "b"),
    telemetry=Telemetry("s", TIME, availability=0.9), delivery=Delivery(4.5, 2, 0.0),
    pending=Pending("conflict", "v2"), excepted=("owned until 2026-12-31",),
)  # fmt: skip
EMPTY = Row("=cmd()", "/empty", "", (), "ok")
FAILED = Row("gone", "/gone", "", (), "failed", "it is\ngone")
SNAPSHOT = Snapshot(TIME, "0.1.0", (FULL, EMPTY, FAILED))


def test_a_table_never_says_0_for_unknown() -> None:
    """Unknown is empty, a count of nothing is 0, and no cell is a formula."""
    rows = list(csv.DictReader(io.StringIO(export.as_csv(SNAPSHOT))))
    full, empty, failed = rows
    assert (full["drift"], full["maturity"], full["current"]) == ("1", "2", "false")
    assert (full["telemetry_availability"], full["telemetry_error_rate"]) == ("0.9", "")
    assert (full["model_figures"], full["model_alias"]) == ("a 3; b 0.25", "")
    assert (full["update"], full["excepted"]) == ("conflict", "owned until 2026-12-31")
    assert (empty["model_figures"], empty["update"], empty["excepted"]) == ("", "", "")
    assert (full["lead_time_hours"], full["rolled_back"], full["owners"]) == (
        "4.5", "0.0", "'@ann @bob",
    )  # fmt: skip
    assert (empty["errors"], empty["drift"], empty["current"], empty["name"]) == (
        "0", "", "", "'=cmd()",
    )  # fmt: skip
    assert (failed["errors"], failed["kind"]) == ("", "")
    assert "\n" not in failed["reason"]
    assert {row["taken"] for row in rows} == {TIME}


def test_parquet_has_its_types_whatever_the_rows_hold(tmp_path: Path) -> None:
    """A column of nothing has the type that it would have with values."""
    export.as_parquet(SNAPSHOT, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column("drift").to_pylist() == [1, None, None]
    assert table.column("current").to_pylist() == [False, None, None]
    none = export.table(replace(SNAPSHOT, rows=(FAILED,)))
    assert none.schema == table.schema


def test_backstage_entities_are_named_as_backstage_asks() -> None:
    """Names have its signs and are unique; a failed repository is left out."""
    other = replace(EMPTY, name="org.full")
    text = export.as_backstage(replace(SNAPSHOT, rows=(FULL, other, EMPTY, FAILED)))
    entities = list(yaml.safe_load_all(text))
    names = [(each["kind"], each["metadata"]["name"]) for each in entities]
    assert len(set(names)) == len(names) == 5
    for _, name in names:
        assert re.fullmatch(r"[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*", name)
        assert len(name) <= 63
    first = entities[0]
    assert first["spec"]["owner"] == "group:default/Risk-Co"
    assert ("Group", "Risk-Co") in names
    assert first["metadata"]["annotations"]["backstage.io/source-location"] == (
        "url:https://github.com/org/full"
    )
    assert export.entity_name("日本") == "unnamed"


def test_the_command_writes_each_form(tmp_path: Path) -> None:
    store.save(SNAPSHOT, tmp_path)

    def ended(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["export", str(tmp_path), *words])
        return done.exit_code, done.output

    assert ended()[1].startswith("taken,name,group")
    code, said = ended("--format", "json")
    assert (code, json.loads(said)["taken"]) == (0, TIME)
    assert ended("--format", "backstage")[0] == 0
    code, said = ended("--format", "parquet")
    assert (code, "needs --output" in said) == (2, True)
    assert ended("--format", "parquet", "--output", str(tmp_path / "no/a.parquet"))[0] == 2
    assert ended("--format", "csv", "--output", str(tmp_path / "a.csv")) == (0, "")
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").startswith("taken,")


GOOD = {"source": "Azure Monitor", "time": TIME, "availability": 1.0}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"availability": 1.01}, "availability"),
        ({"error_rate": -0.1}, "error_rate"),
        ({"availability": "1"}, "availability"),
        ({"p95_ms": -1}, "p95_ms"),
        ({"quota_used": 2}, "quota_used"),
        ({"cost_this_month": 5}, "currency"),
        ({"currency": "euro"}, "currency"),
        ({"time": "2026-11-20"}, "the file"),
        ({"source": ""}, "source"),
        ({"source": "a\x1b[31m"}, "source"),
        ({"uptime": 1}, "uptime"),
        ({"time": None}, "time"),
    ],
)
def test_telemetry_is_checked(change: dict[str, object], place: str) -> None:
    """A value that cannot be is refused with its key, never taken for another."""
    found, wrong = telemetry.read(json.dumps(GOOD | change))
    assert found is None
    assert wrong.startswith(f"{place}: ")


def test_telemetry_that_is_right_or_no_json() -> None:
    found, wrong = telemetry.read(json.dumps(GOOD | {"cost_this_month": 5, "currency": "EUR"}))
    assert wrong == ""
    assert found == Telemetry(
        "Azure Monitor", TIME, availability=1.0, cost_this_month=5, currency="EUR"
    )
    for text in ("", "{", "[]", "NaN", '{"availability": NaN}'):
        assert telemetry.read(text)[0] is None
    assert set(json.loads(telemetry.schema())["properties"]) == set(Telemetry.__slots__)


def test_the_schema_in_the_documents_is_that_of_the_reader() -> None:
    """After a change: write what `telemetry.schema()` returns into the file."""
    path = Path(__file__).parents[2] / "docs/telemetry.schema.json"
    assert path.read_text(encoding="utf-8") == telemetry.schema() + "\n"
