"""The service behind the local proxy: copies of projects, instances of them, the six strategies."""

import hashlib
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterable
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from filelock import FileLock, Timeout

from .. import checks
from ..plan import Figures, Plan, RolloutError, Step
from ..steps import Say
from . import processes, proxy, state
from .state import Version

RUN = Path("deploy/local/run")
# What deploy/container/Dockerfile copies, and so what a version is.
PARTS = ("src", "params.yaml", "environments.yaml", "models/package", "reports/gate.json")
READY_SECONDS = 60.0
STOP_SECONDS = 35.0


class Local:
    """The platform `local`; used as a context, which one command at a time can enter."""

    pause = 0.2

    def __init__(self, plan: Plan, say: Say, instances: int | None = None, port: int = 0) -> None:
        self.plan, self.say = plan, say
        self.instances, self.port = instances, port
        self.logs = {name: RUN / f"{name}.log" for name in ("access", "copies")}
        self.coming = Version(name="", model="")

    def __enter__(self) -> Self:
        for folder in (RUN / "versions", RUN / "instances"):
            folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(RUN / "lock", timeout=0)
        try:
            self.lock.acquire()
        except Timeout:
            raise RolloutError("another rollout is running here") from None
        self.state = state.read(RUN / "state.json")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.lock.release()

    # WHAT `steps.roll` CALLS

    def release(self, project: Path, compare: bool) -> None:
        """Say what the new version is: what the project is now. Raises RolloutError."""
        self.coming = Version(name=_copy(project), model=checks.require_passed(project))
        self.state.port = self.port or self.state.port
        self.state.instances = self.instances or self.state.instances
        self.compare, self.project = compare, project

    def settle(self) -> None:
        """Bring back what an interrupted rollout left half done, and whatever has died."""
        self.back()
        for log in self.logs.values():
            log.write_bytes(b"")

    def start(self) -> bool:
        """Start the new version and try it; ramped starts with one instance, and goes on later."""
        now, live = self.state, self.state.live
        floor = self._floor()
        if live and self.plan.strategy == "recreate":
            live.ports = []
            self._commit()
        ramped = live and self.plan.strategy == "ramped"
        ports = self._launch(self.coming.name, 1 if ramped else now.instances)
        now.new = self.coming.model_copy(update={"ports": ports})
        self._commit()
        self._check(now.new, floor)
        return live is not None

    def apply(self, step: Step) -> None:
        """Give the new version its share."""
        self.state.mirror = step.mirror
        if self.plan.strategy == "ramped":
            self._replace(ceil(step.weight / 100 * self.state.instances))
        else:
            self.state.weight = step.weight
            self._commit()
        self.read = {name: _size(log) for name, log in self.logs.items()}

    def seen(self) -> Figures:
        """Count what the new version has answered since the step began."""
        new, statuses, times = self.state.new, [], []
        own = {f"127.0.0.1:{port}" for port in (new.ports if new else [])}
        for name, log in self.logs.items():
            with log.open("rb") as file:
                file.seek(self.read[name])
                for line in file.read().decode("utf-8", "replace").splitlines():
                    path, status, seconds, *addresses = line.replace(",", " ").split(" ")
                    if path.startswith("/predict") and own & set(addresses):
                        statuses.append(int(status))
                        times.append(1000 * float(seconds))
        if not times:
            return Figures()
        errors = sum(status >= 500 for status in statuses)
        return Figures(len(times), errors, sorted(times)[ceil(0.99 * len(times)) - 1])

    def finish(self) -> None:
        """Make the new version the live one; blue-green keeps the old one up, to go back to."""
        now = self.state
        before, now.live, now.new = now.live, now.new, None
        if before and self.plan.strategy != "blue-green":
            before.ports = []
        now.before = before or now.before
        self._even()
        self._commit()

    def back(self) -> None:
        """Have the live version alone in service, with all its instances."""
        now = self.state
        if self.plan.strategy == "recreate" and now.new:
            now.new = None
            self._commit()
        if now.live:
            self._fill(now.live)
        now.new = None
        self._even()
        self._commit()

    def undo(self) -> None:
        """Exchange the version in service and the one before it."""
        self.back()
        now = self.state
        if not (now.live and now.before):
            raise RolloutError("there is no previous version")
        if self.plan.strategy == "recreate":
            now.live.ports = []
            self._commit()
        self._fill(now.before)
        now.live, now.before = now.before, now.live
        if self.plan.strategy != "blue-green":
            now.before.ports = []
        self._commit()

    def stop(self) -> None:
        """End everything; what is known of the versions stays."""
        proxy.stop(RUN)
        for version in self.state.versions():
            version.ports = []
        self.state.new = None
        self._even()
        state.write(self.state, RUN / "state.json")
        self._sweep()

    # HOW

    def _floor(self) -> float:
        """Return the metric that the new version is held against."""
        live = self.state.live
        if live is None or not self.compare:
            return checks.on_record(self.project, self.coming.model)
        folder = RUN / "versions" / live.name / "models/package"
        value = checks.metric(_url(live), folder, _headers())
        self.say(f"in service: model {live.model}, {value:.4f} on the validation set")
        return value

    def _check(self, new: Version, floor: float) -> None:
        folder = RUN / "versions" / new.name / "models/package"
        args = (_url(new), folder, _headers(), new.model, floor, self.plan.abort)
        for line in checks.require_sound(*args):
            self.say(f"  {line}")

    def _replace(self, wanted: int) -> None:
        """Replace instances one by one until `wanted` of them are new."""
        now = self.state
        if now.live is None or now.new is None:
            raise RolloutError("there is no instance to replace")
        now.mixed = True
        for count in range(1, wanted + 1):
            if len(now.new.ports) < count:
                now.new.ports += self._launch(now.new.name, 1)
            now.live.ports = now.live.ports[: now.instances - count]
            self._commit()

    def _fill(self, version: Version) -> None:
        """Start what is missing of a version's instances."""
        ports = [port for port in version.ports if processes.running(_pid(port), _mark(port))]
        missing = max(0, self.state.instances - len(ports))
        version.ports = [*ports, *self._launch(version.name, missing)]

    def _even(self) -> None:
        self.state.mixed, self.state.weight, self.state.mirror = False, 0, 0

    def _commit(self) -> None:
        """Write the state, then route by it, then end what nothing is routed to any more."""
        state.write(self.state, RUN / "state.json")
        proxy.apply(RUN, self.state, self.plan.match)
        self._sweep()

    def _sweep(self) -> None:
        versions = self.state.versions()
        ports = {port for version in versions for port in version.ports}
        for pid in (RUN / "instances").glob("*.pid"):
            if int(pid.stem) not in ports:
                processes.end(pid, _mark(int(pid.stem)), STOP_SECONDS)
        names = {version.name for version in (*versions, self.coming)}
        for folder in (RUN / "versions").iterdir():
            if folder.name not in names:
                shutil.rmtree(folder)

    def _launch(self, name: str, count: int) -> list[int]:
        """Start instances and return their ports when all are ready. Raises RolloutError."""
        ports = _free_ports(count)
        folder = RUN / "versions" / name
        env = {**os.environ, "PYTHONPATH": str((folder / "src").resolve())}
        for port in ports:
            words = [sys.executable, "-m", checks.NAME, "serve", "--port", str(port)]
            words += ["--package", "models/package"]
            processes.start(words, _pid(port), _log(port), folder, env)
        for port in ports:
            self._wait(port)
        return ports

    def _wait(self, port: int) -> None:
        limit = time.monotonic() + READY_SECONDS
        while time.monotonic() < limit and processes.running(_pid(port), _mark(port)):
            try:
                with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2):
                    return
            except (URLError, OSError):
                time.sleep(0.1)
        said = _log(port).read_text(encoding="utf-8", errors="replace")[-1000:]
        raise RolloutError(f"an instance did not become ready:\n{said}")


def _copy(project: Path) -> str:
    """Copy what makes a version out of a project; return its name, a digest of the files."""
    try:
        found = [path for part in PARTS for path in _files(project / part)]
        digest = hashlib.sha256()
        for path in found:
            digest.update(path.relative_to(project).as_posix().encode() + b"\0" + path.read_bytes())
        name, folder = digest.hexdigest()[:12], RUN / "versions" / digest.hexdigest()[:12]
        temporary = folder.with_suffix(".new")
        shutil.rmtree(temporary, ignore_errors=True)
        for path in found if not folder.exists() else ():
            target = temporary / path.relative_to(project)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        if not folder.exists():
            temporary.rename(folder)
    except OSError as error:
        raise RolloutError(f"{project} is not a project whose pipeline has run: {error}") from None
    return name


def _files(path: Path) -> Iterable[Path]:
    if path.is_dir():
        inside = (p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
        return sorted(inside)
    return [path]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _pid(port: int) -> Path:
    return RUN / "instances" / f"{port}.pid"


def _log(port: int) -> Path:
    return RUN / "instances" / f"{port}.log"


def _mark(port: int) -> str:
    return f"serve --port {port} "


def _url(version: Version) -> str:
    return f"http://127.0.0.1:{version.ports[0]}"


def _headers() -> dict[str, str]:
    key = os.environ.get("API_KEY")
    return {"X-API-Key": key} if key else {}
