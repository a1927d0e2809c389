"""nginx: its configuration, made from the state of the rollout, and its process."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..plan import Match, RolloutError
from . import processes
from .state import State

TEMPLATE = "nginx.conf.j2"
DRAIN_SECONDS = 35.0
MASTER, WORKER = "nginx: master", "nginx: worker"


def configuration(state: State, match: Match | None, root: bool) -> str:
    """Write the configuration of a state."""
    upstreams, share = state.upstreams()
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folder, undefined=StrictUndefined)  # noqa: S701  no HTML
    matched = match if state.new and not share else None
    return environment.get_template(TEMPLATE).render(
        root=root, port=state.port, upstreams=upstreams, share=share, match=matched,
        mirror=state.mirror if "new" in upstreams else 0,
        nobody=not upstreams.get("new" if share == 100 else "live"),
    ) + "\n"  # fmt: skip


def program() -> str:
    """Return where nginx is; Debian keeps it off the path of ordinary users."""
    if found := shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return found
    raise RolloutError("nginx is not installed (Debian: apt install nginx-light)")


def apply(folder: Path, state: State, match: Match | None) -> None:
    """Have nginx do as the state says; return when no request is routed by what was before."""
    (folder / "temp").mkdir(exist_ok=True)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    wanted = configuration(state, match, root)
    made, applied = folder / "nginx.conf", folder / "applied.conf"
    master = processes.running(folder / "nginx.pid", MASTER)
    if master and applied.exists() and applied.read_text(encoding="utf-8") == wanted:
        return
    made.with_suffix(".new").write_text(wanted, encoding="utf-8")
    _run(folder, "-t", "-c", "nginx.new")
    made.with_suffix(".new").replace(made)
    if master:
        _reload(master)
    else:
        _end_workers(folder)
        _run(folder, "-c", "nginx.conf")
    _note_workers(folder)
    made.with_suffix(".new").write_text(wanted, encoding="utf-8")
    made.with_suffix(".new").replace(applied)


def _reload(master: int) -> None:
    workers = processes.children(master)
    os.kill(master, signal.SIGHUP)
    if not processes.until(lambda: not workers & processes.children(master), DRAIN_SECONDS):
        raise RolloutError("nginx has not loaded its new configuration: see error.log")


def _note_workers(folder: Path) -> None:
    """Write down the ids of the workers, for the case that their master is killed."""

    def noted() -> bool:
        master = processes.running(folder / "nginx.pid", MASTER)
        workers = processes.children(master) if master else set()
        (folder / "workers").write_text(" ".join(map(str, workers)), encoding="ascii")
        return bool(workers)

    if not processes.until(noted, DRAIN_SECONDS):
        raise RolloutError("nginx has not started: see error.log")


def _end_workers(folder: Path) -> None:
    """End workers whose master was killed: they keep the port, and route by an old state."""
    noted = folder / "workers"
    numbers = [int(word) for word in noted.read_text().split()] if noted.exists() else []

    def left() -> list[int]:
        return [number for number in numbers if processes.alive(number, WORKER)]

    for sign in (signal.SIGTERM, signal.SIGKILL):
        for number in left():
            os.kill(number, sign)
        processes.until(lambda: not left(), DRAIN_SECONDS)
    noted.unlink(missing_ok=True)


def _run(folder: Path, *options: str) -> None:
    command = [program(), "-p", f"{folder.resolve()}/", "-e", "error.log", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RolloutError(f"nginx: {done.stderr.strip()}")


def stop(folder: Path) -> None:
    """End nginx at once, its workers too if their master was killed."""
    processes.end(folder / "nginx.pid", MASTER, DRAIN_SECONDS)
    _end_workers(folder)
