"""`tdsp fleet update`: the template's next release, or one answer, for many repositories.

A dry run renders and reports. With `--apply` each wave is rendered in parallel, then pushed and
requested one by one. The next wave starts when enough of the last one is merged and green.
"""

import fnmatch
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

from tdsp.errors import TdspError
from tdsp.fleet.config import Target
from tdsp.fleet.pace import HOUR, Pace
from tdsp.fleet.platforms import SignInError
from tdsp.fleet.publish import Publisher, kept, tidy
from tdsp.fleet.render import Goal, prepare
from tdsp.fleet.room import RepositoryError, Room
from tdsp.fleet.sandbox import allowed, checks
from tdsp.fleet.state import BEGUN, OPEN, WORK, Journal, Record

OUT = ("pushed", "requested")
READY = ("rendered", "tested")


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chose."""

    apply: bool = False
    resume: bool = True
    failed: bool = False
    only: tuple[str, ...] = ()
    merged: int = 80
    sleep: float = 0.0
    draft: bool = False
    platform: str = "auto"
    jobs: int = 4
    seconds: int = 300
    checks: str = ""
    sandbox: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """All records, what stopped the run or a wave, and where in the waves it is."""

    records: tuple[Record, ...]
    waits: str = ""
    stopped: str = ""

    @property
    def code(self) -> int:
        """Return the exit code: 0, 1 for conflicts, 3 when repositories failed."""
        states = {record.state for record in self.records}
        if self.stopped or any(map(troubled, self.records)):
            return 3
        return 1 if "conflict" in states else 0


@dataclass
class Update:
    """One run. `step` is told of each repository that is done with a stage of its way."""

    journal: Journal
    goal: Goal
    options: Options
    names: list[str]
    step: Callable[[str, Record], None] = lambda _stage, _record: None
    announce: Callable[[int, float], None] = lambda _requests, _seconds: None
    _present: set[str] = field(default_factory=set)

    def run(self, targets: list[Target], order: dict[str, int]) -> Outcome:
        """Bring the repositories on; whatever stops, what was done is recorded."""
        if self.options.checks:
            allowed(self.options.sandbox)
        tidy(self.journal)
        mine = {target.name for target in chosen(targets, self.options.only)}
        self._enlist(targets, order)
        waits = stopped = ""
        try:
            waits = self._waves(mine)
        except SignInError as error:
            stopped = str(error)
        found = self.journal.records()
        records = tuple(found[name] for name in sorted(self._present))
        return Outcome(records, waits, stopped)

    def _enlist(self, targets: list[Target], order: dict[str, int]) -> None:
        known = self.journal.records()
        self._present = {target.name for target in targets}
        for target in targets:
            wave = order.get(target.name, 0)
            record = known.get(target.name)
            if record is not None and record.state in (*OUT, "merged"):
                wave = record.wave  # a wave that has begun keeps its members
            if record is None:
                record = Record(target.name, target.source, target.owners, wave)
                self.journal.save(record, "listed")
            elif (record.source, record.owners, record.wave) != (
                target.source, target.owners, wave,
            ):  # fmt: skip
                record = replace(record, source=target.source, owners=target.owners, wave=wave)
                self.journal.save(record, f"now {target.source}", "listed")

    def _again(self, record: Record) -> Record:
        """Put a repository back to its start where the caller or the world asks for it."""
        state = record.state
        retry = state == "failed" and self.options.failed
        # A conflict, and a skip before anything was made, are judged by what the remote has now.
        stale = state == "conflict" or record.idle
        fresh = not self.options.resume and state not in {*OUT, "merged"}
        lost = state in READY and not kept(self.journal, record, self.options.seconds)
        if retry or stale or fresh or lost or state in BEGUN[1:]:
            return self.journal.save(record.again(), "from the start")
        return record

    def _waves(self, mine: set[str]) -> str:
        publisher = self._publisher()
        last = max((r.wave for r in self.journal.records().values()), default=0)
        for wave in range(last + 1):
            rows = self._rows(wave)
            if not rows:
                continue
            if self.options.apply and wave and (why := self._closed(wave)):
                return why
            if self.options.apply:
                self._refresh([row for row in rows if row.state == "requested"], publisher)
            work = [row for row in rows if row.name in mine]
            if self.options.failed:
                work = [row for row in work if row.state in {"failed", "conflict"}]
            self._wave(work, publisher)
        return ""

    def _wave(self, rows: list[Record], publisher: Publisher) -> None:
        rows = [self._again(row) if row.state not in OUT else row for row in rows]
        untested = {"rendered"} if self.options.checks else set()
        self._prepare([row for row in rows if row.state in {"listed", *untested}])
        if not self.options.apply:
            return
        names = {row.name for row in rows}
        now = [row for name, row in self.journal.records().items() if name in names]
        ready = [row for row in now if row.state in (*READY, "pushed")]
        publisher.pace.planned = len(ready)
        publisher.pace.past = self.journal.creations(publisher.pace.now() - HOUR)
        if ready:
            self.announce(len(ready), publisher.pace.seconds())
        for row in sorted(ready, key=lambda each: each.name):
            done = publisher.publish(row)
            if done.state == "listed":  # its default branch has moved meanwhile
                self._prepare([done])
                done = self.journal.records()[row.name]
                done = publisher.publish(done) if done.state in READY else done
            self.step("published", done)

    def _rows(self, wave: int) -> list[Record]:
        found = (row for name, row in self.journal.records().items() if name in self._present)
        return sorted((row for row in found if row.wave == wave), key=lambda each: each.name)

    def _closed(self, wave: int) -> str:
        """Say why a wave may not start yet, "" when it may."""
        before = next((rows for at in range(wave - 1, -1, -1) if (rows := self._rows(at))), [])
        counted = [row for row in before if not row.idle]
        merged = [row for row in counted if row.state == "merged"]
        share = round(100 * len(merged) / len(counted)) if counted else 100
        title, earlier = self.names[wave], self.names[before[0].wave] if before else ""
        if 100 * len(merged) < self.options.merged * len(counted):
            return (
                f"wave {title} waits: of wave {earlier} {len(merged)} of {len(counted)} are merged"
                f" ({share} %), {self.options.merged} % are needed"
            )
        red = [row.name for row in before if row.state == "requested" and row.green is not True]
        if red:
            return f"wave {title} waits: checks are not green in {', '.join(red[:5])}"
        return ""

    def _prepare(self, rows: list[Record]) -> None:
        self._all("prepared", rows, self._one)

    def _refresh(self, rows: list[Record], publisher: Publisher) -> None:
        self._all("asked", rows, publisher.refresh)

    def _all(self, stage: str, rows: list[Record], work: Callable[[Record], Record]) -> None:
        if not rows:
            return
        with ThreadPoolExecutor(self.options.jobs, "update") as pool:
            waiting = [pool.submit(work, row) for row in rows]
            try:
                for done in as_completed(waiting):
                    self.step(stage, done.result())
            except BaseException:
                for each in waiting:
                    each.cancel()
                raise

    def _one(self, record: Record) -> Record:
        work, seconds = self.journal.folder / WORK, self.options.seconds
        if record.state == "listed":
            record = prepare(record, self.goal, work, seconds, self.journal.save)
        if record.state != "rendered" or not self.options.checks:
            return record
        record = self.journal.begin(record, "checks")
        room = Room(work / record.folder, seconds)
        hidden = (Path.home(), self.journal.folder)
        try:
            said = checks(room, record.commit, self.options.checks, self.options.sandbox, hidden)
        except RepositoryError as why:
            failed = replace(record, state="failed", doing="", reason=str(why), folder="")
            room.remove()
            return self.journal.save(failed, str(why))
        return self.journal.save(replace(record, state="tested", doing="", checks=said), said)

    def _publisher(self) -> Publisher:
        pace = Pace(0, self.options.sleep)
        return Publisher(
            self.journal, self.goal, pace, self.options.seconds, self.options.platform,
            self.options.draft,
        )  # fmt: skip


def chosen(targets: list[Target], only: tuple[str, ...]) -> list[Target]:
    """Return the targets that the caller named, by name or pattern; all without names."""
    if not only:
        return targets
    names = [target.name for target in targets]
    if unknown := [each for each in only if not fnmatch.filter(names, each)]:
        listed = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
        raise TdspError(f"--only {', '.join(unknown)}: not in the fleet; it has {listed}")
    return [t for t in targets if any(fnmatch.fnmatchcase(t.name, each) for each in only)]


def troubled(record: Record) -> bool:
    """Tell whether something failed: for good, or at a step that the next run takes again."""
    return record.state == "failed" or (record.state in OPEN and bool(record.reason))
