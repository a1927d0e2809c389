"""Run in a project's environment: print what service and `monitor` tell Prometheus. argv: package.

The project's own code counts, with a stand-in for the model: one that was loaded, a reload that
failed, rows that were lost, and requests that were answered and were not.
"""

import importlib
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

prometheus = importlib.import_module("prometheus_client")  # which only the project has


class Once(threading.Event):
    """Lets one round of the service's watch for a new model pass."""

    def wait(self, timeout: float | None = None) -> bool:
        """Tell that it is not over the first time, and that it is from then on."""
        over = self.is_set()
        self.set()
        return over


def gone() -> None:
    raise OSError("no registry")


def served(service: Any) -> Any:
    """Return the figures of a service to which a little of everything has happened."""
    model = SimpleNamespace(served=SimpleNamespace(model_id="m", form="onnx"), version="1")
    service.load_model = lambda *_: model
    stream, settings = SimpleNamespace(), SimpleNamespace(max_rows=1, reload_seconds=0)
    newest = service.Candidate("1", "run", Path)
    one = service.Service(lambda: newest, settings, stream, [])
    one.refresh()
    one.newest = gone
    one.follow(Once())
    stream.on_lost(2)
    one.metrics.count(["yes"], labels=True)
    one.metrics.count([1.0], labels=False)
    edge = service.create_app(one)
    for status in (200, 503):
        for path in ("/predict", "/predict/batch"):
            edge._note({"path": path, "method": "POST", "request_id": "r"}, status, 0.01)
    return one.metrics.registry


def main() -> None:
    """Print both, as Prometheus reads them."""
    name, now = sys.argv[1], datetime.now(UTC)
    verdict = importlib.import_module(f"{name}.operate.verdict")
    result = {"alarm": True, "checks": [{}], "noticed": [], "rows": 1, "made": now.isoformat()}
    service = importlib.import_module(f"{name}.service.service")
    for registry in (served(service), verdict.figures(result, now)):
        print(prometheus.generate_latest(registry).decode())


if __name__ == "__main__":
    main()
