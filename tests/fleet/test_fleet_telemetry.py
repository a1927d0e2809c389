"""`tdsp fleet telemetry`, against stand-ins of promtool and az that answer as the real ones do."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from tests.fleet.repositories import commit, run
from typer.testing import CliRunner

from tdsp.cli import app
from tdsp.errors import TdspError
from tdsp.fleet import measure
from tdsp.fleet.config import read_fleet
from tdsp.fleet.snapshot import Row

STANDIN = """\
import json, os, sys
from pathlib import Path

tool, words = Path(sys.argv[0]).name, sys.argv[1:]
home = Path(os.environ["STANDIN"])
with (home / "calls").open("a") as file:
    file.write(json.dumps([tool, *words]) + "\\n")
mode = (home / "mode").read_text() if (home / "mode").exists() else ""
if mode == "expired":
    sys.exit("ERROR: Please run 'az login' to setup account.")
if mode == "odd":
    print('{"value": 3, "properties": []}')
    sys.exit()


def vector(value, **labels):
    return [{"metric": labels, "value": [1795000000.0, value]}]


if tool == "promtool":
    assert words[:4] == ["query", "instant", "--format", "json"], words
    server, query = words[-2:]
    assert server == "https://prometheus.example.com", words
    if "monitor_verdict" in query:
        assert 'project="churn"' in query
        print(json.dumps(vector("1", monitor_verdict="alarm", project="churn")))
    else:
        assert 'namespace="churn"' in query and "@" not in query, query
        known = {"up{": "0.9995", "rows_total": "12000", "histogram": "NaN", "5..": "0.002"}
        (value,) = [value for name, value in known.items() if name in query]
        print(json.dumps(vector(value)))
elif words[:3] == ["monitor", "metrics", "list"]:
    assert words[words.index("--resource") + 1].endswith("/onlineEndpoints/stock")
    metric = words[words.index("--metric") + 1]
    value = 40.0 if metric == "RequestLatency_P95" else 2.5
    data = [{"timeStamp": "2026-11-18T00:00:00Z", "average": None},
            {"timeStamp": "2026-11-19T00:00:00Z", "average": value}]
    print(json.dumps({"value": [{"name": {"value": metric}, "timeseries": [{"data": data}]}]}))
else:
    assert words[:3] == ["rest", "--method", "post"], words
    url = words[words.index("--url") + 1]
    assert "/rg-stock/providers/Microsoft.CostManagement/query?api-version=" in url, url
    assert json.loads(words[words.index("--body") + 1])["timeframe"] == "MonthToDate"
    columns = [{"name": "Cost", "type": "Number"}, {"name": "Currency", "type": "String"}]
    print(json.dumps({"properties": {"columns": columns, "rows": [[310.5, "EUR"]]}}))
"""
FLEET = """\
repositories: [{glob: "teams/*/*"}]
measures:
  - repositories: ["a/*"]
    prometheus: {server: "https://prometheus.example.com"}
  - repositories: ["b/*"]
    azure:
      resource: /subscriptions/s/workspaces/w/onlineEndpoints/{name}
      cost: /subscriptions/s/resourceGroups/rg-{name}
"""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three repositories, of which two are measured, and the stand-ins on the path."""
    for name in ("a/churn", "b/stock", "c/legacy"):
        commit(tmp_path / "teams" / name, {"a.py": "import sklearn\n"})
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("promtool", "az"):
        path = tools / name
        path.write_text(f"#!{sys.executable} -IS\n{STANDIN}", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("STANDIN", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    path = tmp_path / "fleet.yml"
    path.write_text(FLEET, encoding="utf-8")
    return path


def asked(fleet: Path, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["fleet", "telemetry", str(fleet)])
    assert done.exit_code == code, done.output
    return done.output


def rows(fleet: Path) -> dict[str, Row]:
    return {row.name: row for row in run(read_fleet(fleet)).rows}


def test_what_is_measured_is_in_the_snapshot(fleet: Path) -> None:
    assert "2 of 3 repositories measured" in asked(fleet)
    found = rows(fleet)
    one, two = found["a/churn"].telemetry, found["b/stock"].telemetry
    assert one is not None
    assert two is not None
    assert (one.source, one.availability, one.error_rate) == ("Prometheus", 0.9995, 0.002)
    assert (one.predictions_a_day, one.drift) == (12000.0, "alarm")
    assert one.p95_ms is None, "NaN is no figure"
    assert one.cost_this_month is None
    assert (two.source, two.p95_ms, two.predictions_a_day) == ("Azure", 40.0, 3600.0)
    assert (two.cost_this_month, two.currency) == (310.5, "EUR")
    assert found["c/legacy"].telemetry is None


def test_the_newer_of_report_and_measure_counts(fleet: Path) -> None:
    asked(fleet)
    told = {"source": "its own job", "time": "2099-01-01T00:00:00Z", "availability": 0.5}
    commit(fleet.parent / "teams/a/churn", {"telemetry.json": json.dumps(told)})
    old = told | {"time": "2020-01-01T00:00:00Z"}
    commit(fleet.parent / "teams/b/stock", {"telemetry.json": json.dumps(old)})
    found = rows(fleet)
    assert [found[name].telemetry.source for name in ("a/churn", "b/stock")] == [  # type: ignore[union-attr]
        "its own job",
        "Azure",
    ]


def test_a_sign_in_that_expired_is_said_and_what_was_measured_stays(fleet: Path) -> None:
    asked(fleet)
    (fleet.parent / "mode").write_text("expired", encoding="utf-8")
    assert "az login" in asked(fleet, 2)
    assert measure.read(read_fleet(fleet)).keys() == {"a/churn", "b/stock"}


def test_answers_of_another_form_cost_only_their_figure(fleet: Path) -> None:
    (fleet.parent / "mode").write_text("odd", encoding="utf-8")
    said = asked(fleet, 3)
    assert "0 of 3 repositories measured" in said
    assert "b/stock: p95_ms: Azure answered in another form" in said
    assert all(row.telemetry is None for row in rows(fleet).values())


def test_a_name_that_could_change_a_query_is_not_asked_about(fleet: Path) -> None:
    commit(fleet.parent / 'teams/a/x"} or up{y="', {"a.py": "1\n"})
    assert "cannot stand in a query" in asked(fleet, 3)
    calls = (fleet.parent / "calls").read_text(encoding="utf-8")
    assert "or up{y" not in calls


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a": 3}', '{"a/churn": {"source": "x", "time": "yesterday"}}']
)
def test_a_file_that_is_not_ours_is_refused_with_the_way_out(fleet: Path, text: str) -> None:
    (fleet.parent / measure.MEASURED).write_text(text, encoding="utf-8")
    with pytest.raises(TdspError, match="`tdsp fleet telemetry`"):
        measure.read(read_fleet(fleet))


def test_nothing_to_ask_for_is_said(fleet: Path) -> None:
    fleet.write_text("repositories: [teams/a/churn]\n", encoding="utf-8")
    assert "measures is missing" in asked(fleet, 4)
    for wrong in ("{repositories: [a]}", '{repositories: [a], prometheus: {server: "ftp://x"}}'):
        fleet.write_text(f"repositories: [teams/a/churn]\nmeasures: [{wrong}]\n", encoding="utf-8")
        asked(fleet, 2)
