"""`tdsp fleet status`: one row for each repository, from the newest commit of each."""

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

from tdsp import __version__
from tdsp.fleet import measure
from tdsp.fleet.config import Fleet, Listing, Target
from tdsp.fleet.delivery import RELEASE, RUN, delivery, newest
from tdsp.fleet.facts import Facts, failed
from tdsp.fleet.fetch import Fetched, fetch_all
from tdsp.fleet.judge import Order, judge
from tdsp.fleet.rows import Rows, version_of_checks
from tdsp.fleet.shards import Shard
from tdsp.fleet.snapshot import Pending, Row, Snapshot
from tdsp.fleet.state import CURRENT, Record, left, pending, requests
from tdsp.fleet.template import Releases, number, releases

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Switches:
    """How a run is made: processes that judge, and whether drift is worked out."""

    workers: int = 2
    drift: bool = True
    taken: str = ""
    shard: Shard | None = None


def status(fleet: Fleet, listing: Listing, switches: Switches, done: Say) -> Snapshot:
    """Return the rows of what was listed, sorted by name; `done` hears the name of each.

    Raises TdspError when the template or the cache cannot be used. What is wrong with one
    repository is in its row.
    """
    known = releases(fleet)
    today = datetime.fromisoformat(switches.taken).date()
    store = Rows(fleet.cache)
    try:
        rows = _Run(fleet, known, switches, today, store, done).rows(listing.targets)
    finally:
        store.close()
    asked, undone = requests(fleet.updates), left(fleet.updates)
    measured = measure.read(fleet)
    rows = [
        replace(
            row,
            request=asked.get(row.name, ""),
            pending=_pending(row, *undone[row.name]) if row.name in undone else None,
            telemetry=measure.newer(row.telemetry, measured.get(row.name)),
        )
        for row in rows
    ]
    own = switches.shard or Shard(0, 0)
    problems = [*listing.problems, *filter(None, [known.problem])]
    return Snapshot(
        switches.taken, __version__, tuple(rows), known.current, known.released,
        tuple(problems), own.index, own.total, fleet.digest,
        fleet.settings.title,
    )  # fmt: skip


def _pending(row: Row, key: str, record: Record) -> Pending | None:
    """Return what an update left to do; None where the team has brought the same itself."""
    _, version, *pairs = json.loads(key)
    answers = row.answers or {}
    mine, wanted = number(row.template_version), number(version)
    there = version == CURRENT or (mine is not None and wanted is not None and mine >= wanted)
    if there and all(answers.get(name, "").lower() == value.lower() for name, value in pairs):
        return None
    return pending(key, record)


class _Run:
    """One run: fetches, asks the cache, and has the others judged in processes meanwhile."""

    def __init__(
        self,
        fleet: Fleet,
        known: Releases,
        switches: Switches,
        today: date,
        store: Rows,
        done: Say,
    ) -> None:
        self.fleet, self.known, self.switches = fleet, known, switches
        self.today, self.store, self.done = today, store, done
        asked = fleet.settings
        said = [version_of_checks(), asked.telemetry, str(switches.drift), str(asked.history)]
        self.version = "\0".join([*said, repr((known.sources, known.folder))])
        self.found: dict[str, Row] = {}

    def rows(self, targets: list[Target]) -> list[Row]:
        """Return a row for each repository, sorted by name.

        When a process dies, those that it may have been at are judged alone, the rest together.
        """
        few = 2 * self.switches.workers + 1  # at work, or handed to a process already
        lost = self._together(self._unknown(targets))
        while lost:
            for each in lost[:few]:
                self._take(each, self._alone(each))
            lost = self._together(lost[few:])
        return [self.found[name] for name in sorted(self.found)]

    def _unknown(self, targets: list[Target]) -> Iterator[Fetched]:
        """Fetch all, make the rows that need no judging, and yield the others."""
        settings = self.fleet.settings
        how = settings.jobs, settings.seconds, settings.history
        for each in fetch_all(targets, self.fleet.cache, *how):
            if each.reason:
                self._add(failure(each.target, each.reason))
            elif (facts := self._remembered(each)) is not None:
                self._add(row(each, facts, self))
            else:
                yield each

    def _together(self, many: Iterable[Fetched]) -> list[Fetched]:
        """Judge in processes; return, in their order, those that were lost with a process."""
        waiting: dict[Future[Facts | str], Fetched] = {}
        lost: list[Fetched] = []
        with self._pool(self.switches.workers) as pool:
            for each in many:
                try:
                    waiting[pool.submit(judge, self._order(each))] = each
                except BrokenProcessPool:
                    lost.append(each)
            done: set[Future[Facts | str]] = set()
            for future in as_completed(list(waiting)):
                if (found := _result(future)) is not None:
                    self._take(waiting[future], found)
                    done.add(future)
        return [each for future, each in waiting.items() if future not in done] + lost

    def _alone(self, each: Fetched) -> Facts | str:
        with self._pool(1) as pool:
            found = _result(pool.submit(judge, self._order(each)))
        return found or "reading it ended the process that read it"

    @contextmanager
    def _pool(self, workers: int) -> Iterator[ProcessPoolExecutor]:
        """Give processes that start when they are needed; an interrupt waits for no order."""
        # No limit of tasks for a process: with one, Python 3.11 can stop and wait for ever.
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def _take(self, each: Fetched, found: Facts | str) -> None:
        if isinstance(found, str):
            self._add(failure(each.target, found, each.commit))
        else:
            self._add(row(each, self._remember(each, found), self))

    def _add(self, made: Row) -> None:
        self.found[made.name] = made
        self.done(made.name)

    def _key(self, each: Fetched) -> str:
        return f"{each.commit}\0{each.target.source}\0{self.version}"

    def _remembered(self, each: Fetched) -> Facts | None:
        return self.store.get(each.target.name, self._key(each), self.today)

    def _remember(self, each: Fetched, facts: Facts) -> Facts:
        """Keep facts; a clone without history learns a model's day from the run before."""
        model = facts.model
        if model is not None and not model.trained:
            before = self.store.last(each.target.name)
            if before is not None and before.model is not None:
                same = before.model.version == model.version
                day = before.model.trained if same else facts.committed[:10]
                facts = replace(facts, model=replace(model, trained=day))
        self.store.put(each.target.name, self._key(each), facts)
        return facts

    def _order(self, each: Fetched) -> Order:
        target, settings = each.target, self.fleet.settings
        cache = str(self.fleet.cache)
        return Order(
            target.name, str(each.folder), each.commit, cache, self.known, settings.telemetry,
            self.switches.drift, settings.seconds, self.today,
        )  # fmt: skip


def _result(future: "Future[Facts | str]") -> Facts | str | None:
    """Return what a process said, None when it died."""
    try:
        return future.result()
    except BrokenProcessPool:
        return None
    except Exception as error:  # such as facts that cannot be sent between processes
        return failed(error)


def failure(target: Target, reason: str, commit: str = "") -> Row:
    """Return the row of a repository that could not be read."""
    group, owners = target.group, target.owners
    return Row(
        target.name, target.source, group, owners, "failed", reason, commit=commit,
        wave=target.wave,
    )  # fmt: skip


def row(each: Fetched, facts: Facts, run: "_Run") -> Row:
    """Return the row of a repository, with what depends on the day.

    Its owners are those of its group, else those of its own CODEOWNERS, else the fleet's.
    """
    target, known, today = each.target, run.known, run.today
    theirs = target.owners != run.fleet.settings.owners
    ours = facts.kind == "tdsp"
    ran, released = (newest(facts.events, kind, today) for kind in (RUN, RELEASE))
    trained = facts.model.trained if facts.model else ""
    return Row(
        name=target.name,
        source=target.source,
        group=target.group,
        owners=target.owners if theirs else facts.owners or target.owners,
        state="ok",
        kind=facts.kind,
        commit=each.commit,
        committed=facts.committed[:10],
        level=facts.level,
        template=facts.template,
        template_version=facts.version,
        days_behind=known.days_behind(facts.version, today) if ours else None,
        current=known.is_current(facts.version) if ours else None,
        drift=facts.drift,
        verdict=facts.verdict,
        errors=facts.errors,
        warnings=facts.warnings,
        notes=facts.notes,
        findings=facts.findings,
        maturity=facts.maturity,
        score=facts.score,
        expired=tuple(pin for pin, day in facts.pins if day < today.isoformat()),
        placeholders=facts.placeholders,
        model=facts.model,
        telemetry=facts.telemetry,
        delivery=delivery(facts.events, today),
        wave=target.wave,
        answers=facts.answers if ours else None,
        assets=facts.assets,
        last_run=max(facts.ran, ran.at[:10] if ran else "", trained[:10]),
        last_release=released.at[:10] if released else "",
        release=released.name if released else "",
    )
