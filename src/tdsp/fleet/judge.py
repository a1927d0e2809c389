"""Works out the facts of one repository, in a process of its own, within a time limit."""

import faulthandler
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from tdsp.errors import TdspError
from tdsp.fleet import delivery
from tdsp.fleet.facts import Facts, facts, failed
from tdsp.fleet.template import Releases, drift
from tdsp.reading import Known, Repository, objects, read_git

DAY = "--format=%cI"
GRACE = 10
# Projects of one template share most of their code: each process parses it once.
PARSED = Known()


@dataclass(frozen=True, slots=True)
class Order:
    """What to judge: the commit of a folder, by which template, with which switches."""

    name: str
    folder: str
    commit: str
    cache: str
    releases: Releases
    telemetry: str
    drift: bool
    seconds: int
    today: date


class _Late(BaseException):
    """The time is over. No `except Exception` on the way may hold it up."""


def judge(order: Order) -> Facts | str:
    """Return the facts of a repository, or one line on why there are none."""
    try:
        with _limit(order.seconds):
            found: Facts = _clean(_judge(order))
            return found
    except _Late:
        return f"it was not judged after {order.seconds} seconds, the limit for one repository"
    except MemoryError:
        return "there was not enough memory to read it"
    except Exception as error:  # a repository that no one thought of costs only itself
        return failed(error)


def _judge(order: Order) -> Facts:
    folder = Path(order.folder)
    try:
        commit = objects.find(folder, order.commit)
    except TdspError as error:
        if not str(error).endswith(f"has no commit {order.commit}"):
            raise
        # though a name in the repository says that there is such a commit
        what = f"its newest commit {order.commit[:12]} cannot be read"
        raise TdspError(f"{what}: the repository is damaged, or a copy that is not whole") from None
    repo = read_git(folder, order.commit, PARSED)
    answers = repo.answers[1] if repo.answers[0].startswith(".copier-answers") else {}
    ours = bool(answers) and order.releases.made_by(answers)
    found = facts(repo, ours, order.telemetry, order.today)
    edited = None
    if ours and order.drift:
        edited = drift(repo, answers, order.releases, Path(order.cache, "renders"))
    day = objects.history(commit, "--no-walk", DAY, order.commit)
    return _dated(replace(found, drift=edited, committed=day), repo, folder, commit)


def _clean(value: Any) -> Any:
    """Return facts without halves of characters, which a file can hold and JSON cannot."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, tuple):
        return tuple(map(_clean, value))
    if isinstance(value, dict):
        return {_clean(name): _clean(each) for name, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{e.name: _clean(getattr(value, e.name)) for e in fields(value)})
    return value


def _dated(found: Facts, repo: Repository, folder: Path, commit: objects.Commit) -> Facts:
    """Add what only the history knows; a clone one commit deep has none."""
    if (folder if objects.is_bare(folder) else folder / ".git").joinpath("shallow").exists():
        return found
    model = found.model
    if model is not None and not model.trained:
        paths = [path for path in delivery.MADE if path in repo.files]
        words = ("-1", DAY, commit.commit, "--", *paths[:1])
        model = replace(model, trained=objects.history(commit, *words)[:10] if paths else "")
    events = delivery.dated(commit, found.events)
    return replace(found, model=model, events=events, ran=delivery.last_run(commit, repo))


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    """Raise _Late in this process when the time is over; only where the system has the alarm.

    Code that is not Python may not hear it. Then the process is ended some seconds later.
    """
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
