"""How fast requests are made, and which wave a repository belongs to.

GitHub documents 80 content-creating requests a minute and 500 an hour; we stay below both. The
times are kept in the state, so that a run that goes on does not start counting anew.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tdsp.errors import TdspError
from tdsp.fleet.config import Target

A_MINUTE, AN_HOUR, GAP = 60, 450, 1.0
MINUTE, HOUR = 60.0, 3600.0
REST = "rest"


@dataclass
class Pace:
    """Waits before each request so that no limit is passed. `sleep` is the caller's own gap."""

    planned: int
    sleep: float = 0.0
    past: list[float] = field(default_factory=list)
    now: Callable[[], float] = time.time
    wait: Callable[[float], None] = time.sleep

    @property
    def gap(self) -> float:
        """Return the seconds between two requests: evenly spread when an hour is not enough."""
        even = HOUR / AN_HOUR if self.planned > AN_HOUR else GAP
        return max(even, self.sleep, GAP)

    def due(self, now: float) -> float:
        """Return when the next request may be made."""
        times = [now]
        if self.past:
            times.append(self.past[-1] + self.gap)
        for most, span in ((A_MINUTE, MINUTE), (AN_HOUR, HOUR)):
            if len(self.past) >= most:
                times.append(self.past[-most] + span)
        return max(times)

    def take(self) -> float:
        """Wait for the next turn; return its time."""
        now = self.now()
        # A clock that was set back must not stop the run for longer than a limit's span.
        self.past = [each for each in self.past if each <= now]
        if (due := self.due(now)) > now:
            self.wait(due - now)
        turn = max(due, self.now())
        self.past = [each for each in self.past if each > turn - HOUR] + [turn]
        return turn

    def seconds(self) -> float:
        """Return how long all planned requests take."""
        clock = [0.0]
        start = self.now()
        past = [each - start for each in self.past]

        def forward(seconds: float) -> None:
            clock[0] += seconds

        trial = Pace(self.planned, self.sleep, past, lambda: clock[0], forward)
        for _ in range(self.planned):
            trial.take()
        return clock[0]


def spoken(seconds: float) -> str:
    """Return a time as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def sizes(text: str) -> list[int | None]:
    """Read `10,50,rest`; the last is the rest in any case."""
    parts = [part.strip() for part in text.split(",")]
    if parts[-1] == REST:
        parts = parts[:-1]
    found = [int(part) if part.isascii() and part.isdigit() else 0 for part in parts]
    if not all(found):
        raise TdspError(f"--wave {text}: give numbers of repositories, such as 10,50,rest")
    return [*found, None]


def waves(
    targets: Iterable[Target], text: str | None, named: Iterable[str]
) -> tuple[dict[str, int], list[str]]:
    """Return name -> wave, and the waves' names, by --wave or by fleet.yml; else one wave."""
    listed = list(targets)
    if text is None:
        order = [*named]
        numbers = {name: at for at, name in enumerate(order)}
        last = len(order)
        return (
            {each.name: numbers.get(each.wave, last) for each in listed},
            [*order, REST] if order else ["all"],
        )
    found: dict[str, int] = {}
    left, counts = listed, sizes(text)
    for at, size in enumerate(counts):
        now, left = (left, []) if size is None else (left[:size], left[size:])
        found |= {each.name: at for each in now}
    return found, [REST if size is None else f"{at + 1}" for at, size in enumerate(counts)]
