"""What Prometheus and Azure measure of the fleet's services, by their own command lines.

`promtool` and `az` know the sign-in. Each figure is asked for by itself: one that cannot be had is
missing and never 0. The answers stand in `measured.json` beside fleet.yml, in the form of
`telemetry.json`; `tdsp fleet status` takes whichever of the two is newer.
"""

import fnmatch
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from tdsp.errors import TdspError
from tdsp.fleet import telemetry
from tdsp.fleet.config import Azured, Fleet, Measures, Prometheus, Target
from tdsp.fleet.platforms import WaitError, call, parsed
from tdsp.fleet.room import RepositoryError
from tdsp.fleet.snapshot import Telemetry
from tdsp.people.sources import write

Ask = tuple[str, Callable[[], dict[str, Any]]]
MEASURED = "measured.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Of the service that the template generates; @ is what selects its series.
ASKED = (
    'http_requests_total{@,route!~"/health.*|/metrics|other"}',
    'http_request_seconds_bucket{@,route!~"/health.*|/metrics|other"}',
)
QUERIES = {
    "availability": "avg(avg_over_time(up{@}[7d]))",
    "error_rate": f'(sum(increase({ASKED[0][:-1]},status=~"5.."}}[7d])) or vector(0))'
    f" / sum(increase({ASKED[0]}[7d]))",
    "p95_ms": f"1000 * histogram_quantile(0.95, sum by (le) (rate({ASKED[1]}[7d])))",
    "predictions_a_day": "sum(increase(rows_total{@}[7d])) / 7",
}
DRIFT, VERDICT = 'monitor_verdict{project="@"} == 1', "monitor_verdict"
# Of a managed endpoint: metric, how it is added up, what makes it ours.
METRICS = {
    "p95_ms": ("RequestLatency_P95", "average", 1.0),
    "predictions_a_day": ("RequestsPerMinute", "average", 24 * 60.0),
}
COST_API = "2023-11-01"
COST = {
    "type": "ActualCost",
    "timeframe": "MonthToDate",
    "dataset": {
        "granularity": "None",
        "aggregation": {"cost": {"name": "Cost", "function": "Sum"}},
    },
}  # fmt: skip


def read(fleet: Fleet) -> dict[str, Telemetry]:
    """Return what was measured before, by name. Raises TdspError when the file is not ours."""
    path = fleet.folder / MEASURED
    if not path.is_file():
        return {}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        texts = {str(name): json.dumps(each) for name, each in known.items()}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise TdspError(f"{path} cannot be read: {error}; `tdsp fleet telemetry`") from error
    found = {}
    for name, text in texts.items():
        told, wrong = telemetry.read(text)
        if told is None:
            raise TdspError(f"{path}: {name}: {wrong}; `tdsp fleet telemetry` writes it anew")
        found[name] = told
    return found


def newer(reported: Telemetry | None, measured: Telemetry | None) -> Telemetry | None:
    """Return the later one of what a project reports and what was measured of it."""
    told = [each for each in (reported, measured) if each is not None]
    return max(told, key=lambda each: datetime.fromisoformat(each.time), default=None)


def measure(
    fleet: Fleet, targets: list[Target], time: str, done: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Ask for all that fleet.yml names, and keep it; return how many were measured, and failures.

    Raises SignInError when a command line is missing or not signed in.
    """
    known, failures, count = read(fleet), [], 0
    for target in targets:
        asked = next((each for each in fleet.settings.measures if _fits(each, target.name)), None)
        if asked is None:
            continue
        figures, source, wrong = _one(asked, target.name.rpartition("/")[2], fleet.folder)
        failures += [f"{target.name}: {each}" for each in wrong]
        if figures:
            told, why = telemetry.read(json.dumps({"source": source, "time": time, **figures}))
            if told is None:
                failures.append(f"{target.name}: {why}")
            else:
                known[target.name] = told
                count += 1
        done(target.name)
    kept = {name: _plain(each) for name, each in sorted(known.items())}
    write(fleet.folder / MEASURED, json.dumps(kept, indent=1) + "\n")
    return count, failures


def _fits(asked: Measures, name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, each) for each in asked.repositories)


def _plain(told: Telemetry) -> dict[str, Any]:
    return {name: value for name, value in asdict(told).items() if value not in (None, "")}


def _one(asked: Measures, name: str, folder: Path) -> tuple[dict[str, Any], str, list[str]]:
    """Return the figures of a repository, who measured them, and what could not be asked."""
    if not NAME.fullmatch(name):
        return {}, "", [f"{name!a} cannot stand in a query"]
    asks: list[tuple[str, Ask]] = []
    if asked.prometheus is not None:
        asks += [("Prometheus", each) for each in _prometheus(asked.prometheus, name, folder)]
    if asked.azure is not None:
        asks += [("Azure", each) for each in _azure(asked.azure, name, folder)]
    figures: dict[str, Any] = {}
    wrong, tools = [], []
    for tool, (key, ask) in asks:
        try:
            found = {each: value for each, value in ask().items() if each not in figures}
        except (RepositoryError, WaitError) as error:
            wrong.append(f"{key}: {error}")
        except (KeyError, IndexError, TypeError, ValueError) as error:
            wrong.append(f"{key}: {tool} answered in another form: {error!a}")
        else:
            figures |= found
            tools += [tool] if found and tool not in tools else []
    return figures, " and ".join(tools), wrong


def _prometheus(part: Prometheus, name: str, folder: Path) -> Iterator[Ask]:
    select = part.select.replace("{name}", name)

    def asked(query: str) -> list[dict[str, Any]]:
        options = ["--http.config.file", str(folder / part.config)] if part.config else []
        words = ["promtool", "query", "instant", "--format", "json", *options, part.server, query]
        found = parsed(call(words, folder), "promtool")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def number(key: str) -> dict[str, Any]:
        for each in asked(QUERIES[key].replace("@", select)):
            value = float(each["value"][1])
            if math.isfinite(value):
                return {key: value}
        return {}

    def drift() -> dict[str, Any]:
        project = part.project.replace("{name}", name)
        found = asked(DRIFT.replace("@", project))
        return {"drift": str(found[0]["metric"][VERDICT])} if found else {}

    for key in QUERIES:
        yield key, partial(number, key)
    yield "drift", drift


def _azure(part: Azured, name: str, folder: Path) -> Iterator[Ask]:
    def metric(key: str) -> dict[str, Any]:
        about, how, by = METRICS[key]
        words = ["az", "monitor", "metrics", "list", "--resource", part.resource]
        words = [each.replace("{name}", name) for each in words]
        words += ["--metric", about, "--aggregation", how, "--interval", "P1D", "--offset", "7d"]
        found = parsed(call([*words, "--output", "json"], folder), "az")
        values = [
            point[how]
            for each in found["value"]
            for series in each["timeseries"]
            for point in series["data"]
            if point.get(how) is not None
        ]
        return {key: by * sum(values) / len(values)} if values else {}

    def cost() -> dict[str, Any]:
        scope = part.cost.replace("{name}", name)
        place = f"{scope}/providers/Microsoft.CostManagement/query?api-version={COST_API}"
        words = ["az", "rest", "--method", "post", "--url", place, "--body", json.dumps(COST)]
        found = parsed(call([*words, "--output", "json"], folder), "az")["properties"]
        names = [each["name"] for each in found["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in found["rows"]]
        if len({row["Currency"] for row in rows}) != 1:
            return {}
        total = sum(float(row["Cost"]) for row in rows)
        return {"cost_this_month": total, "currency": rows[0]["Currency"]}

    if part.resource:
        for key in METRICS:
            yield key, partial(metric, key)
    if part.cost:
        yield "cost_this_month", cost
