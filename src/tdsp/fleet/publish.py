"""What an update does outside: push a branch, make a request, ask what came of it.

Each effect is recorded before and after it, and before each the remote is asked whether it has
happened already. So a run that was killed at any moment is taken up without a second branch or a
second request.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from tdsp.fleet.pace import Pace
from tdsp.fleet.platforms import Platform, Request, ThereError, WaitError, Wish, platform_of
from tdsp.fleet.render import Goal, answers_of, clean, message, reached
from tdsp.fleet.room import Remote, RepositoryError, Room, look, remote_git
from tdsp.fleet.state import WORK, Journal, Record

TRIES = 5
# GitHub asks for at least a minute when it does not say how long, and longer each time.
PATIENCE = 60


@dataclass
class Publisher:
    """Pushes and asks, one repository after the other."""

    journal: Journal
    goal: Goal
    pace: Pace
    seconds: int
    platform: str = "auto"
    draft: bool = False
    wait: Callable[[float], None] = time.sleep

    def publish(self, record: Record) -> Record:
        """Take a rendered repository to its request. Its state tells how far it came."""
        try:
            return self._supersede(self._publish(record))
        except RepositoryError as why:
            last = self.journal.records()[record.name]
            # What may be out there stays as it is recorded: the next run goes on from it.
            state = last.state if last.doing or last.state == "pushed" else "failed"
            return self.journal.save(
                replace(last, state=state, reason=str(why)), str(why), "failed"
            )

    def _publish(self, record: Record) -> Record:
        room = self._room(record)
        platform = platform_of(record.source, self.platform, room.folder)
        if record.state == "pushed" and platform is None:
            return self._merged_by_git(record)
        remote = look(record.source, record.branch, self.seconds, room.folder)
        request = self._find(platform, record)
        if record.state != "pushed":
            known = self._known(record, remote, request, room)
            if known is not None:
                return known
            if not remote.tip:
                record = self._push(record, room, remote)
            else:
                record = replace(record, commit=remote.tip, state="pushed", doing="", reason="")
                record = self.journal.save(record, "was pushed before")
        if request is not None:
            return self._requested(record, request, "was there before")
        if platform is None:
            return record
        return self._request(record, platform)

    def _known(
        self, record: Record, remote: Remote, request: Request | None, room: Room
    ) -> Record | None:
        """Judge what is out there already; None when the way is free."""
        if request is not None and (request.state != "closed" or not remote.tip):
            return self._requested(record, request, "was there before")
        if remote.tip and not self._ours(record, remote.tip, room):
            raise RepositoryError(
                f"its branch {record.branch} has other commits ({remote.tip[:12]}), from somebody"
                " else or an earlier state: merge or delete the branch"
            )
        if not remote.tip and remote.head != record.base:
            return self.journal.save(record.again(), f"{record.onto} has moved: once more")
        return None

    def _ours(self, record: Record, tip: str, room: Room) -> bool:
        """Tell whether a branch holds our commit, or the same files on the same base."""
        if tip == record.commit:
            return True
        words = ["fetch", "--quiet", "--depth=2", "--no-tags", "--no-write-fetch-head"]
        branch = f"+refs/heads/{record.branch}:refs/remotes/origin/tip"
        remote_git(room.tree, [*words, record.source, branch], self.seconds)
        asked = (f"{tip}^{{tree}}", f"{record.commit}^{{tree}}", f"{tip}^@")
        try:
            theirs, ours, *parents = room.git("rev-parse", *asked).split()
        except RepositoryError:
            return False
        return theirs == ours and parents == [record.base]

    def _push(self, record: Record, room: Room, remote: Remote) -> Record:
        if not clean(room, record.base, record.commit):
            raise RepositoryError("conflict markers or rejects are in its commit: not pushed")
        record = self.journal.begin(record, "push")
        name = f"refs/heads/{record.branch}"
        words = ["push", "--quiet", "--no-verify", "--no-recurse-submodules"]
        # An empty lease: the push fails when anybody has made the branch meanwhile.
        words += [f"--force-with-lease={name}:", record.source, f"{record.commit}:{name}"]
        try:
            remote_git(room.tree, words, self.seconds)
        except RepositoryError:
            now = look(record.source, record.branch, self.seconds, room.folder)
            if now.tip != record.commit:
                raise
        done = replace(record, state="pushed", doing="", reason="", onto=remote.onto)
        return self.journal.save(done, f"pushed {record.branch}")

    def _request(self, record: Record, platform: Platform) -> Record:
        text = message(self.goal, record).split("\n", 2)
        wish = Wish(record.branch, record.onto, text[0], text[2], self.draft)
        for attempt in range(TRIES):
            turn = self.pace.take()
            record = self.journal.begin(record, "request")
            self.journal.created(turn)
            try:
                return self._requested(record, platform.create(wish), "made")
            except WaitError as limit:
                pause = limit.seconds or PATIENCE * 2**attempt
                self.journal.save(record, f"the platform asks to wait {pause} s", "request")
                self.wait(pause)
            except ThereError:
                pass
            # A create that seemed to fail may have come through.
            if (found := self._find(platform, record)) is not None:
                return self._requested(record, found, "was there before")
        raise RepositoryError(
            f"the platform still asks to wait after {TRIES} tries: run it again later"
        )

    def _requested(self, record: Record, request: Request, how: str) -> Record:
        record = replace(record, doing="", reason="", request=request.url, green=request.green)
        if request.state == "merged":
            return self._over(replace(record, state="merged"), "merged")
        if request.state == "closed":
            reason = "its request was closed without a merge"
            return self._over(replace(record, state="skipped", reason=reason), reason)
        return self.journal.save(replace(record, state="requested"), f"{how}: {request.url}")

    def _supersede(self, record: Record) -> Record:
        """Close the requests of earlier updates whose changes this one's request has, too.

        The new request is there first, so that a kill in between leaves one, never none.
        """
        if record.state != "requested":
            return record
        for key, old in self.journal.others(record.name):
            if self.goal.covers(key) and old.request != record.request:
                self._close(record, old, key)
        return record

    def _close(self, record: Record, old: Record, key: str) -> None:
        room = self._room(record)
        platform = platform_of(record.source, self.platform, room.folder)
        found = self._find(platform, old)
        state, reason = "skipped", f"superseded by {record.request}"
        if platform is None or found is None or found.state == "closed":
            pass
        elif found.state == "merged":
            state, reason = "merged", ""
        elif look(record.source, old.branch, self.seconds, room.folder).tip == old.commit:
            self.journal.created(self.pace.take())
            platform.close(found, f"Superseded by {record.request}")
        else:
            reason += f"; {old.request} stays open, for its branch has other commits"
        if old.folder:
            self._room(old).remove()
        done = replace(old, state=state, reason=reason, doing="", folder="")
        self.journal.save(done, reason or state, key=key)

    def _find(self, platform: Platform | None, record: Record) -> Request | None:
        if platform is None:
            return None
        for attempt in range(TRIES):
            try:
                return platform.find(record.branch)
            except WaitError as limit:
                self.wait(limit.seconds or PATIENCE * 2**attempt)
        raise RepositoryError("the platform asks to wait: run it again later")

    def _over(self, record: Record, result: str) -> Record:
        if record.folder:
            self._room(record).remove()
        return self.journal.save(replace(record, folder=""), result)

    def refresh(self, record: Record) -> Record:
        """Ask what came of a pushed branch or a request."""
        try:
            room = self._room(record)
            platform = platform_of(record.source, self.platform, room.folder)
            if platform is not None:
                found = self._find(platform, record)
                if found is None:
                    return self._gone(record) if record.state == "requested" else record
                same = (found.state, found.green) == ("open", record.green)
                unchanged = same and record.state == "requested" and found.url == record.request
                done = record if unchanged else self._requested(record, found, "open")
                return self._supersede(done)
            return self._merged_by_git(record)
        except RepositoryError as why:
            reason = f"could not be asked: {why}"
            return self.journal.save(replace(record, reason=reason), reason, "asked")

    def _gone(self, record: Record) -> Record:
        reason = f"its request {record.request} is no longer there"
        return self._over(replace(record, state="skipped", reason=reason), reason)

    def _merged_by_git(self, record: Record) -> Record:
        """Without a platform, the default branch tells: it has what was asked for, or not."""
        room = self._room(record)
        remote = look(record.source, record.branch, self.seconds, room.folder)
        if remote.head != record.base and self._reached(record, remote):
            return self._over(replace(record, state="merged", reason=""), "merged")
        if not remote.tip:
            reason = "its branch was removed without a merge"
            return self._over(replace(record, state="skipped", reason=reason), reason)
        return replace(record, green=True)

    def _reached(self, record: Record, remote: Remote) -> bool:
        room = Room.new(self.journal.folder / WORK, record.name, self.seconds)
        try:
            head = room.clone(record.source, remote.onto)
            found = answers_of(room, head)
            return found is not None and reached(found, self.goal)
        finally:
            room.remove()

    def _room(self, record: Record) -> Room:
        """Return the record's folder; one that somebody has removed is made anew, empty."""
        folder = self.journal.folder / WORK / (record.folder or record.name)
        if not folder.is_dir():
            folder = self.journal.folder / WORK
            folder.mkdir(parents=True, exist_ok=True)
        return Room(folder, self.seconds)


def tidy(journal: Journal) -> None:
    """Remove the folders that killed runs have left."""
    work, needed = journal.folder / WORK, journal.folders()
    if work.is_dir():
        for path in work.iterdir():
            if path.name not in needed:
                shutil.rmtree(path, ignore_errors=True)


def kept(journal: Journal, record: Record, seconds: int) -> bool:
    """Tell whether the commit of a rendered repository is still here."""
    folder = journal.folder / WORK / record.folder
    if not record.folder or not folder.is_dir():
        return False
    try:
        Room(folder, seconds).git("cat-file", "-e", f"{record.commit}^{{commit}}")
    except RepositoryError:
        return False
    return True
