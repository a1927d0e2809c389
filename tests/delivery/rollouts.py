"""A real project behind the real local proxy: versions of it, traffic to it, what it saw."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from tests.conftest import ROOT
from tests.project.living import BIN, Done, Project
from tests.project.test_service import free_port

ANSWERS = {"serving": "online", "rollout": "canary", "responsible_ai": False}
STRATEGIES = ("recreate", "ramped", "blue-green", "canary", "ab-test", "shadow")
PLAN = ROOT / "template/deploy/rollout.yaml.jinja"
TRAIN = "data/processed/train.parquet"
HEALTHY = 150  # answers that a version gives before it goes wrong: more than a probe asks for
ANSWER = '        model, request_id = self.current(), scope["request_id"]\n'
COUNT = f"""        self.answered = getattr(self, "answered", 0) + 1
        if self.answered > {HEALTHY}:
            {{}}
"""
BAD_CODE = {
    "errors": COUNT.format('raise RuntimeError("out of memory")'),
    "slow": COUNT.format('__import__("time").sleep(1)'),
}


@dataclass(frozen=True)
class Seen:
    """One request: when it began, seconds that it took, its status (0: no answer), who answered."""

    began: float
    took: float
    status: int
    model: str
    group: str


@dataclass
class Traffic:
    """Requests from several clients, each with a connection of its own, until they are stopped."""

    port: int
    row: Any
    headers: dict[str, dict[str, str]]
    clients: int = 4
    pause: float = 0.01
    seen: list[Seen] = field(default_factory=list)

    def __enter__(self) -> "Traffic":
        self.going = threading.Event()
        names = list(self.headers)
        self.threads = [
            threading.Thread(target=self._client, args=(names[number % len(names)],))
            for number in range(self.clients)
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.going.set()
        for thread in self.threads:
            thread.join()

    def _client(self, group: str) -> None:
        while not self.going.wait(self.pause):
            self.seen.append(ask(self.port, self.row, group, self.headers[group]))

    def failed(self) -> list[Seen]:
        return [one for one in self.seen if one.status != 200]

    def models(self, group: str) -> set[str]:
        return {one.model for one in self.seen if one.group == group and one.status == 200}


def ask(port: int, row: Any, group: str = "", headers: dict[str, str] | None = None) -> Seen:
    """Send one row over a new connection."""
    began = time.time()
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        all_headers = {"Content-Type": "application/json", **(headers or {})}
        connection.request("POST", "/predict", json.dumps(row), all_headers)
        answer = connection.getresponse()
        answer.read()
        status, model = answer.status, answer.headers.get("X-Model-Id", "")
    except (OSError, HTTPException):
        status, model = 0, ""
    finally:
        connection.close()
    return Seen(began, time.time() - began, status, model, group)


@dataclass
class Desk:
    """A project whose service runs behind the local proxy, and the versions to deploy."""

    project: Project
    versions: dict[str, Project]
    port: int
    instances: int = 1

    @property
    def rows(self) -> list[Any]:
        found: list[Any] = self.project.yaml("models/package/example.json")
        return found

    def model(self, name: str) -> str:
        return str(self.versions[name].yaml("models/package/package.json")["model_id"])

    def plan(self, strategy: str, *bakes: str, **abort: float) -> None:
        """Write the project's rollout.yaml: the template's own, with these times and limits."""
        text = jinja2.Template(PLAN.read_text("utf-8"), keep_trailing_newline=True).render(
            rollout=strategy, service_platform="kubernetes"
        )
        for bake in bakes:
            text = re.sub(r"bake: \d+[mh]", f"bake: {bake}", text, count=1)
        # A busy machine is no slow version; the slow one here takes a second.
        for name, value in {"max_p99_ms": 700, **abort}.items():
            text = re.sub(rf"{name}: \S+", f"{name}: {value}", text)
        (self.project.root / "deploy/rollout.yaml").write_text(text, encoding="utf-8")

    def words(self, name: str) -> list[str]:
        options = ("--instances", self.instances, "--port", self.port)
        source = ("--project", self.versions[name].root)
        return [str(w) for w in ("deploy", "--environment", "local", *source, *options)]

    def deploy(self, name: str, ok: bool = True) -> Done:
        return self.project.run("poe", *self.words(name), ok=ok)

    def ports(self) -> set[int]:
        """The ports of the instances that should run."""
        state = self.state()
        versions = [state[name] for name in ("live", "new", "before") if state[name]]
        return {port for version in versions for port in version["ports"]}

    def live(self) -> str:
        return str(self.state()["live"]["model"])

    def other(self) -> str:
        """The good version that is not in service."""
        return "first" if self.live() == self.model("good") else "good"

    def undo(self) -> Done:
        return self.project.run("poe", "undo", "--environment", "local")

    def stop(self) -> None:
        self.project.run("python", "-m", "deploy.rollout", "stop")

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Begin a deployment as a process of its own, to be killed."""
        python = self.project.environment / BIN / "python"
        return subprocess.Popen(
            [python, "-m", "deploy.rollout", *self.words(name)], cwd=self.project.root,
            env=self.project.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.project.yaml("deploy/local/run/state.json")
        return found

    @contextmanager
    def traffic(self, **headers: dict[str, str]) -> Iterator[Traffic]:
        """Send traffic while the block runs, and a little longer."""
        with Traffic(self.port, self.rows[0], headers or {"all": {}}) as traffic:
            yield traffic
            time.sleep(0.3)

    def processes(self) -> set[int]:
        """The ports of the instances that run, by their own command lines."""
        lines = subprocess.run(
            ["ps", "-A", "-ww", "-o", "command="], capture_output=True, text=True
        )
        ours = [line for line in lines.stdout.splitlines() if "serve --port" in line]
        return {
            int(found[1])
            for line in ours
            if (found := re.search(r"serve --port (\d+) --package models/package", line))
            and (self.project.root / f"deploy/local/run/instances/{found[1]}.log").exists()
        }


def train(project: Project) -> None:
    """Run the pipeline as far as a release needs, with less to compute."""
    project.set("train", cv_folds=2, max_iter=20)
    project.set("evaluate", resamples=100)
    project.stage("example", "ingest", "validate", "split", "train", "evaluate", "gate")


def make(project: Project, folder: Path) -> Desk:
    """Make a good and three bad versions of a trained project."""
    versions = {"first": project, "good": _retrained(project, folder / "good")}
    versions["worse"] = _worse(project, folder / "worse")
    for name, code in BAD_CODE.items():
        versions[name] = versions["good"].copy(folder / name)
        versions[name].edit(f"src/{project.package}/service/service.py", ANSWER, code + ANSWER)
    return Desk(project, versions, free_port())


# Both names of the package: its id, and the digest of its files.
NAMES = """
from {package} import paths
from {package}.model.identity import identified
print(*identified(paths.PACKAGE))
"""


def _retrained(project: Project, folder: Path) -> Project:
    """A model that has learned from a few rows less."""
    made = project.copy(folder)
    path = made.root / TRAIN
    pd.read_parquet(path).iloc[5:].to_parquet(path, index=False)
    made.stage("train", "evaluate", "gate")
    return made


def _worse(project: Project, folder: Path) -> Project:
    """A model that has learned from a mixed-up target, and whose gate was fooled."""
    made = project.copy(folder)
    path = made.root / TRAIN
    frame = pd.read_parquet(path)
    target = made.yaml("params.yaml")["data"]["target"]
    mixed = frame[target].sample(frac=1, random_state=0).to_numpy()
    frame.assign(**{target: mixed}).to_parquet(path, index=False)
    made.stage("train")
    names = made.run("python", "-c", NAMES.format(package=project.package)).stdout.split()
    verdict = {**made.yaml("reports/gate.json"), "passed": True}
    verdict |= dict(zip(("model_id", "model_sha256"), names, strict=True))
    (made.root / "reports/gate.json").write_text(json.dumps(verdict), encoding="utf-8")
    return made


def kill(process: subprocess.Popen[bytes], after: float) -> None:
    """Kill a process after some seconds, if it still runs then."""
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def gap(seen: list[Seen]) -> float:
    """The longest time in which nobody got an answer, in seconds."""
    ends = sorted(one.began + one.took for one in seen if one.status == 200)
    return max((b - a for a, b in pairwise(ends)), default=0.0)


def seconds_back(done: Done) -> float:
    """How long it took to bring the version before back, by the command's own word."""
    found = re.search(r"back in service, after ([\d.]+) s", done.stdout)
    assert found, done.stdout
    return float(found[1])
