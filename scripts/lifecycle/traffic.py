"""Clients that send readings to the service without a pause, and note every answer."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

OK = 200
ROWS = 10
PAUSE = 0.03


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent (seconds), what came back, how long it took (ms)."""

    at: float
    status: int
    version: str
    latency: float


@dataclass
class Traffic:
    """Requests of ROWS rows each, one after another, until it is stopped."""

    port: int
    rows: pd.DataFrame
    began: float
    answers: list[Answer] = field(default_factory=list)
    sent: int = 0
    refused: str = ""

    def __post_init__(self) -> None:
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send_rows_of(self, rows: pd.DataFrame) -> None:
        """From now on send these."""
        self.rows, self.sent = rows, 0

    def wait_for(self, rows: int) -> None:
        """Return when `rows` rows were sent since the last change.

        Raises RuntimeError when the service did not answer one.
        """
        while self.sent < rows and not self.refused:
            time.sleep(0.05)
        if self.refused:
            raise RuntimeError(f"a request was not answered: {self.refused}")

    def stop(self) -> None:
        self._running = False
        self._thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        for start in itertools.count(0, ROWS):
            if not self._running:
                break
            table = self.rows
            place = start % (len(table) - ROWS + 1)
            records = json.loads(table.iloc[place : place + ROWS].to_json(orient="records"))
            self.answers.append(self._ask(connection, {"rows": records}))
            self.sent += ROWS
            time.sleep(PAUSE)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, body: Any) -> Answer:
        at = time.monotonic()
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/predict/batch", json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
            if response.status != OK and not self.refused:
                self.refused = f"{response.status}: {content[:500].decode(errors='replace')}"
            version = response.getheader("X-Model-Version") or "?"
            status = response.status
        except OSError as error:
            self.refused = self.refused or str(error)
            connection.close()
            status, version = 0, "none"
        return Answer(at - self.began, status, version, 1000 * (time.monotonic() - at))
