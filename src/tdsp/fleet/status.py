"""`tdsp fleet status`: one row for each repository, from the newest commit of each."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import median

from tdsp import __version__
from tdsp.fleet.config import Fleet, Listing, Target
from tdsp.fleet.facts import Event, Facts, failed
from tdsp.fleet.fetch import Fetched, fetch_all
from tdsp.fleet.judge import Order, judge
from tdsp.fleet.rows import Rows, version_of_checks
from tdsp.fleet.shards import Shard
from tdsp.fleet.snapshot import Delivery, Row, Snapshot
from tdsp.fleet.template import Releases, releases

Say = Callable[[str], None]
WINDOW, YEAR = timedelta(days=30), timedelta(days=365)


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
        run = _Run(fleet, known, switches, today, store)
        rows = []
        for row in run.rows(listing.targets):
            rows.append(row)
            done(row.name)
    finally:
        store.close()
    rows.sort(key=lambda row: row.name)
    own = switches.shard or Shard(0, 0)
    problems = [*listing.problems, *filter(None, [known.problem])]
    return Snapshot(
        switches.taken, __version__, tuple(rows), known.current, known.released,
        tuple(problems), own.index, own.total, fleet.digest,
    )  # fmt: skip


class _Run:
    """One run: fetches, asks the cache, and has the others judged in processes."""

    def __init__(
        self, fleet: Fleet, known: Releases, switches: Switches, today: date, store: Rows
    ) -> None:
        self.fleet, self.known, self.switches = fleet, known, switches
        self.today, self.store = today, store
        settings = fleet.settings
        said = [
            version_of_checks(),
            settings.telemetry,
            str(switches.drift),
            repr((known.sources, known.folder)),
        ]
        self.version = "\0".join(said)

    def rows(self, targets: list[Target]) -> Iterator[Row]:
        """Yield a row for each repository, in the order in which they are done."""
        settings, unknown = self.fleet.settings, []
        for each in fetch_all(targets, self.fleet.cache, settings.jobs, settings.seconds):
            if each.reason:
                yield failure(each.target, each.reason)
            elif (facts := self._remembered(each)) is not None:
                yield row(each, facts, self)
            else:
                unknown.append(each)
        for each, found in self._judged(unknown):
            if isinstance(found, str):
                yield failure(each.target, found, each.commit)
            else:
                facts = self._remember(each, found)
                yield row(each, facts, self)

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

    def _judged(self, many: list[Fetched]) -> Iterator[tuple[Fetched, Facts | str]]:
        """Judge in processes. When one of them dies, what it had is judged alone, once."""
        if not many:
            return
        again = []
        for each, found in self._in_pool(many, min(self.switches.workers, len(many))):
            if found is None:
                again.append(each)
            else:
                yield each, found
        for each in again:
            for _, found in self._in_pool([each], 1):
                yield each, found or "reading it ended the process that read it"

    def _in_pool(
        self, many: list[Fetched], workers: int
    ) -> Iterator[tuple[Fetched, Facts | str | None]]:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, max_tasks_per_child=200) as pool:
            waiting: dict[Future[Facts | str], Fetched] = {}
            try:
                for each in many:
                    waiting[pool.submit(judge, self._order(each))] = each
            except BrokenProcessPool:
                rest = many[len(waiting) :]
                yield from ((each, None) for each in rest)
            for future in as_completed(list(waiting)):
                yield waiting[future], _result(future)


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
    )


def delivery(events: Iterable[Event], today: date) -> Delivery | None:
    """Return the figures of delivery; None without a trail."""
    dated = [(datetime.fromisoformat(each.at).date(), each) for each in events]
    if not dated:
        return None
    year = [(day, each) for day, each in dated if today - YEAR <= day <= today]
    promoted = [(day, each) for day, each in year if each.kind == "promotion"]
    hours = [each.hours for _, each in promoted if each.hours is not None]
    recent = [day for day, _ in promoted if day > today - WINDOW]
    back = sum(each.kind == "rollback" for _, each in year)
    return Delivery(
        median(hours) if hours else None,
        len(recent),
        min(1.0, back / len(promoted)) if promoted else None,
    )
