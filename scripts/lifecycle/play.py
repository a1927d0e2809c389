"""Play the life of a model with real processes: `make lifecycle`.

Renders a project and uses only the commands that the project has. Every step says which exit code
it must have; the play stops at the first that has another. Leaves one HTML page.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
from scripts.lifecycle.page import write_page
from scripts.lifecycle.story import Story, console
from scripts.lifecycle.traffic import Traffic
from scripts.lifecycle.world import TARGET, readings

from tdsp import INSTALL

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
OURS = {"machines", "machines.csv", "labelled.csv", "service.log", "lifecycle.html"}
WEEK = 1500


@contextmanager
def receiver(story: Story) -> Iterator[str]:
    """Give the address of a webhook on this machine; what it gets becomes part of the story."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            story.messages.append((story.now(), json.loads(body)["text"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()


@contextmanager
def service(story: Story) -> Iterator[int]:
    """Serve the champion; give the port. Stopped as a deployment would stop it, with SIGTERM."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    log = (story.project.parent / "service.log").open("w", encoding="utf-8")
    words = ("uv", "run", "--quiet", "machines", "serve", "--port", str(port))
    console.print(f"[dim]{story.now():6.1f} s[/]  [bold]Serve[/]  {' '.join(words)}")
    process = subprocess.Popen(
        words, cwd=story.project, env=story.env, stdout=log, stderr=log, start_new_session=True
    )
    try:
        wait_until_ready(port, process)
        yield port
        process.send_signal(signal.SIGTERM)
        story.facts["service_exit"] = process.wait(timeout=20)
    finally:
        # Also what `uv run` started, when the play stops halfway.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the service is ready; stop the play when it ended or takes a minute."""
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready"):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit("error: the service did not become ready; see service.log beside the project")


def born(story: Story) -> None:
    """Render the project on the team's own table, install it, make the first champion."""
    table = story.project.parent / "machines.csv"
    readings(2 * WEEK, seed=1).to_csv(table, index=False)
    story.run(
        "Generate",
        "A project from the template, with an online service.",
        *("tdsp", "new", "Machines", "--defaults", "--set", "serving=both"),
    )
    roles = ("--target", TARGET, "--id", "reading_id", "--sensitive", "site")
    story.run(
        "Onboard",
        "The team's own table replaces the example data: schema, dictionary, data report.",
        *("tdsp", "onboard", str(table), *roles),
    )
    story.run(
        "Install", "The locked versions, into the project's .venv.", *INSTALL.split(), "--quiet"
    )
    story.git("init", "--quiet")
    story.git("config", "user.name", "Play")
    story.git("config", "user.email", "play@example.com")
    params = story.project / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("reload_seconds: 10 ", "reload_seconds: 1  "), encoding="utf-8")
    story.commit("New project")
    story.run(
        "Train v1",
        "Raw table to report; the gate decides whether the model may be used at all.",
        *("uv", "run", "--quiet", "poe", "pipeline"),
    )
    story.commit("First run")
    story.own("Register v1", "The model that passed becomes a version: the challenger.", "register")
    story.own(
        "Promote v1",
        "There is no champion yet, so the gate's verdict is enough.",
        *("promote", "--reason", "first model"),
    )


def unlabelled(seed: int, changed: bool = False) -> pd.DataFrame:
    """Readings as the service gets them: whether the machine fails is not known yet.

    So many that none is sent twice, also where a slow machine takes minutes to the next command:
    equal rows in both halves of the drift test would be an alarm.
    """
    return readings(40 * WEEK, seed, changed).drop(columns=TARGET)


def drifts(story: Story, traffic: Traffic) -> None:
    """Traffic of the world as it was: no alarm. Traffic of the changed one: alarm."""
    traffic.wait_for(WEEK)
    story.own(
        "Monitor",
        "Traffic from the world that v1 learned: nothing to report.",
        "monitor",
    )
    story.facts["calm"] = story.read("reports/monitoring/monitor.json")
    console.print(f"[dim]{story.now():6.1f} s[/]  [bold]The world changes[/]")
    story.facts["changed"] = story.now()
    since = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    traffic.send_rows_of(unlabelled(seed=3, changed=True))
    traffic.wait_for(WEEK)
    time.sleep(2)
    story.own(
        "Monitor again",
        "Traffic from the changed world: the alarm, and exit code 3 for the scheduler.",
        *("monitor", "--since", since),
        expected=3,
    )
    story.facts["drift"] = story.read("reports/monitoring/monitor.json")


def learns(story: Story, traffic: Traffic) -> None:
    """Labels of the changed world arrive: a challenger is trained, compared and promoted."""
    labels = story.project.parent / "labelled.csv"
    readings(2 * WEEK, seed=4, changed=True).to_csv(labels, index=False)
    story.own(
        "Retrain",
        "New labelled readings join the table; pipeline and gate run; v2 is the challenger.",
        *("retrain", "--if-drift", "--data", str(labels), "--reason", "drift in production"),
    )
    story.commit("Learn the changed world")
    story.own(
        "Promote v2",
        "Champion and challenger on the same rows, which neither was trained on.",
        *("promote", "--reason", "better since the change"),
    )
    wait_for_version(traffic, "2")
    traffic.send_rows_of(unlabelled(seed=5, changed=True))
    traffic.wait_for(300)


def refuses(story: Story, traffic: Traffic) -> None:
    """A challenger that lost an important column passes the gate, but not the comparison."""
    params = story.project / "params.yaml"
    text = params.read_text(encoding="utf-8")
    params.write_text(text.replace("drop: []", "drop: [vibration]"), encoding="utf-8")
    story.run(
        "Train a bad v3",
        "Someone drops the column `vibration`. The gate knows no champion: it lets v3 pass.",
        *("uv", "run", "--quiet", "poe", "pipeline"),
    )
    story.own("Register v3", "It becomes the challenger.", "register")
    story.own(
        "Promote v3: refused",
        "On the same rows it is worse than the champion. Nothing in production changes.",
        *("promote", "--reason", "fewer columns to collect"),
        expected=1,
    )
    traffic.wait_for(traffic.sent + 200)


def returns(story: Story, traffic: Traffic) -> None:
    """Roll back to v1 with one command, and ask the registry what happened."""
    story.own(
        "Roll back",
        "One command puts the former champion back.",
        *("rollback", "--reason", "rehearsal"),
    )
    wait_for_version(traffic, "1")
    traffic.wait_for(traffic.sent + 200)
    story.own("Who serves?", "The registry, after all this.", "models")
    told = story.own("Where does v2 come from?", "The four questions, answered.", "lineage", "2")
    story.facts["lineage"] = told


def wait_for_version(traffic: Traffic, version: str) -> None:
    """Return when the service answers with `version`; stop the play after half a minute."""
    deadline = time.monotonic() + 30
    while traffic.answers[-1].version != version:
        if time.monotonic() > deadline:
            sys.exit(f"error: after 30 s the service does not answer with version {version}")
        time.sleep(0.1)


def play(folder: Path) -> Path:
    """Play everything below `folder`; return the page."""
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    env = kept | {"UV_PYTHON": sys.executable, "PATH": path, "NO_COLOR": "1", "COLUMNS": "100"}
    story = Story(folder / "machines", env)
    with receiver(story) as address:
        env["NOTIFY_SLACK_URL"] = address
        born(story)
        with service(story) as port:
            traffic = Traffic(port, unlabelled(seed=2), story.began)
            drifts(story, traffic)
            learns(story, traffic)
            refuses(story, traffic)
            returns(story, traffic)
            traffic.stop()
        story.run(
            "Is that so?",
            "The code and the data on record, checked out elsewhere, give v2 once more.",
            *(sys.executable, "-m", "tdsp", "reproduce", "2"),
        )
    if traffic.refused:
        sys.exit(f"error: a request was not answered: {traffic.refused}")
    return write_page(story, traffic, folder / "lifecycle.html")


def main() -> None:
    """Play the life of a model and say where its page is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "lifecycle")
    folder: Path = parser.parse_args().into.resolve()
    if folder.exists() and {path.name for path in folder.iterdir()} - OURS:
        sys.exit(f"error: {folder} holds something else; choose another place with --into")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    page = play(folder)
    console.print(f"{time.monotonic() - began:.0f} s in all")
    console.print(f"\n[bold]The story[/]  {page}", soft_wrap=True)


if __name__ == "__main__":
    main()
