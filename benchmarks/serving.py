"""Requests a second of the online service, against `mlflow models serve` and against nothing."""

import http.client
import json
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from places import HERE
from scoring import prepare
from timing import Section, at_least, at_most, figure, interleaved, run

GOAL = 40
P99 = 1.0
SECONDS = 5
CONNECTIONS = (1, 32)
OURS, MLFLOW, IDLE = "this service", "mlflow models serve", "uvicorn doing nothing"
PATHS = {OURS: "/predict", MLFLOW: "/invocations", IDLE: "/"}
NOTE = (
    "One row a request, checked, over one connection and over 32, each of which asks again as soon "
    "as it is answered; one process each, client beside it. The same fitted pipeline on the same "
    "row: the service checks its JSON against schema.yaml and runs ONNX; MLflow checks its "
    "signature and runs the pipeline, on a row whose dates had been taken apart before. Uvicorn "
    "doing nothing, with a body of the same size, is what client and server could do at most. "
    "Service and idle server have the project's own environment, MLflow one of its own."
)

Measured = dict[str, float]


def requirements(lock: Path) -> list[str]:
    """What MLflow's server needs: itself, and the libraries of the model in their versions."""
    pins = re.findall(r"(?m)^((?:scikit-learn|skops|mlflow-skinny)==\S+)", lock.read_text("utf-8"))
    whole = [pin.replace("mlflow-skinny", "mlflow") for pin in pins if "skinny" in pin]
    return [*pins, *whole]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def serving(command: list[str], port: int, cwd: Path, env: dict[str, str]) -> Iterator[None]:
    """Run a server until the block ends. Raises SystemExit when it does not come up."""
    with (cwd / f"server-{port}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"error: `{' '.join(command)}` does not answer")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("POST", "/nowhere", b"{}")
        return connection.getresponse().status > 0
    except OSError:
        return False


def measure(source: Path, work: Path, env: dict[str, str], repeats: int) -> Section:
    """Start the three servers and ask each in turn."""
    folder, python = prepare(source, work, env, "shop", "--set", "serving=online")
    env = env | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    run(str(python), str(HERE / "child_export.py"), folder.name, str(work), cwd=folder, env=env)
    theirs = work / "mlflow-env"
    run("uv", "venv", "--quiet", str(theirs), cwd=work, env=env)
    wanted = requirements(folder / "requirements.lock")
    run("uv", "pip", "install", "--quiet", "--python", str(theirs), *wanted, cwd=work, env=env)
    ports = {name: free_port() for name in PATHS}
    serve = [str(python), "-m", folder.name, "serve", "--package", "models/package"]
    models = [str(theirs / "bin/mlflow"), "models", "serve", "--env-manager", "local"]
    commands = {
        OURS: [*serve, "--port", str(ports[OURS])],
        MLFLOW: [*models, "-m", str(work / "model"), "-w", "1", "-p", str(ports[MLFLOW])],
        IDLE: [str(python), str(HERE / "child_idle.py"), str(ports[IDLE])],
    }
    bodies = {OURS: "ours.json", MLFLOW: "mlflow.json", IDLE: "ours.json"}

    def asked(name: str, connections: int) -> Measured:
        script = [sys.executable, str(HERE / "child_load.py"), str(ports[name]), PATHS[name]]
        words = [*script, str(work / bodies[name]), str(connections), str(SECONDS)]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        found: Measured = json.loads(done.stdout)
        return found

    with ExitStack() as running:
        for name, command in commands.items():
            own = env | {"PATH": f"{theirs / 'bin'}:{env['PATH']}"} if name == MLFLOW else env
            running.enter_context(serving(command, ports[name], folder, own))
        runs = {(n, c): partial(asked, n, c) for n in commands for c in CONNECTIONS}
        costs = interleaved(repeats, {f"{n}, {c}": run for (n, c), run in runs.items()}, False)
    return summary(costs)


def summary(costs: dict[str, list[Measured]]) -> Section:
    """Set the three side by side."""
    figures = [
        figure(f"{name} conn.: {key}", [one[key] for one in many], unit)
        for name, many in costs.items()
        for key, unit in (("rate", "requests/s"), ("p50", "ms"), ("p99", "ms"))
    ]

    def median(name: str, connections: int, key: str) -> float:
        return statistics.median(one[key] for one in costs[f"{name}, {connections}"])

    ratios = []
    for connections in CONNECTIONS:
        rates = {name: median(name, connections, "rate") for name in PATHS}
        text = f"{connections} connection{'s' * (connections > 1)}"
        ratios.append(at_least(f"{OURS} to {MLFLOW}, {text}", rates[OURS] / rates[MLFLOW], GOAL))
        ratios.append(at_least(f"{IDLE} to {OURS}, {text}", rates[IDLE] / rates[OURS], 1))
    ratios.append(at_most("99 of 100 answers, 1 connection, ms", median(OURS, 1, "p99"), P99))
    return Section("Serving rows", figures, ratios, [NOTE])
