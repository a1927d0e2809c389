"""The verdict of `monitor` as figures for Prometheus, which also notices when no more come.

They are written to a file for node_exporter's textfile collector. Where no file remains, as in CI,
they go to the Pushgateway that PUSHGATEWAY_URL names. It may hold a password, so it is not printed.
"""

import os
import sys
from datetime import datetime
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from prometheus_client import CollectorRegistry, Enum, Gauge, push_to_gateway, write_to_textfile
from prometheus_client.exposition import basic_auth_handler

from .. import paths
from .notify import LOCAL

STATES = ["alarm", "noticed", "clear", "not judged"]
SECONDS = 20.0


def publish(result: dict[str, Any], registered: datetime | None, path: Path) -> None:
    """Write the figures to `path`, and send them. What cannot be sent is a warning."""
    told = figures(result, registered)
    write_to_textfile(str(path), told)
    address = os.environ.get("PUSHGATEWAY_URL", "").strip()
    if address and (failure := _push(address, told)):
        sys.stderr.write(f"warning: PUSHGATEWAY_URL: the verdict was not sent: {failure}\n")


def figures(result: dict[str, Any], registered: datetime | None) -> CollectorRegistry:
    """Return what Prometheus is told of a result, and of the model if the registry has it."""
    registry, names = CollectorRegistry(), ["project"]
    verdict = Enum("monitor_verdict", "What monitor found", names, registry=registry, states=STATES)
    verdict.labels(paths.PROJECT).state(state(result))
    rows = Gauge("monitor_rows", "Rows of the window", names, registry=registry)
    rows.labels(paths.PROJECT).set(result["rows"])
    made = Gauge("monitor_made_timestamp_seconds", "When it ran", names, registry=registry)
    made.labels(paths.PROJECT).set(datetime.fromisoformat(result["made"]).timestamp())
    if registered:
        told = "When the champion was registered"
        age = Gauge("model_registered_timestamp_seconds", told, names, registry=registry)
        age.labels(paths.PROJECT).set(registered.timestamp())
    return registry


def state(result: dict[str, Any]) -> str:
    """Name the verdict. A window with too few rows is not clear: nothing was looked at."""
    if result["alarm"]:
        return "alarm"
    if not result["checks"]:
        return "not judged"
    return "noticed" if result["noticed"] else "clear"


def _push(address: str, told: CollectorRegistry) -> str | None:
    """Send the figures in the place of those before; return why they could not be sent."""
    try:
        place = urlsplit(address)
        if place.scheme not in ("http", "https"):
            return "it must begin with https:// or http://"
        if place.password and place.scheme == "http" and place.hostname not in LOCAL:
            return "the password would be sent in the clear; take https://"
        user, password = (
            None if text is None else unquote(text) for text in (place.username, place.password)
        )
        bare = place._replace(netloc=place.netloc.rpartition("@")[2]).geturl()
        handler = partial(basic_auth_handler, username=user, password=password)
        group = {"project": paths.PROJECT}
        push_to_gateway(bare, "monitor", told, group, timeout=SECONDS, handler=handler)
    except (OSError, ValueError, HTTPException) as error:  # whose own words may hold the password
        return f"{type(error).__name__} {getattr(error, 'code', '')}".strip()
    return None
