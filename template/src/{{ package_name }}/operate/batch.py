"""Score the file of each date once. Its scored file is the mark that this was done.

So it is written last: whenever a run is killed, the next one does the whole date again.
"""

import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from .. import paths
from ..errors import ProjectError, RejectedError
from ..io.tables import FORMATS
from ..model.served import load as load_package
from ..settings import Settings, load, read
from ..steps.score import Counts, Rules, Scorer, score_with
from . import registry
from .collect import Collector, collected, send
from .places import Place

TRIES = 10  # changes of an input while it is waited for


@dataclass(frozen=True)
class Addresses:
    """Where inputs are, where scored files go, and the folder of what `monitor` looks at."""

    source: str
    output: str
    collected: str

    def of(self, day: date) -> tuple[Place, Place]:
        """Return the input and the output of a date."""
        try:
            source, output = (text.format(date=day) for text in (self.source, self.output))
        except (AttributeError, IndexError, KeyError, ValueError) as error:
            raise ProjectError(f"an address has braces that are not {{date}}: {error}") from None
        return Place(source), Place(output)

    def check(self) -> None:
        """Raise ProjectError for addresses that cannot be right."""
        for name, text in {"input": self.source, "output": self.output}.items():
            if "{date" not in text:
                raise ProjectError(f"the address of the {name} needs {{date}}")
        source, output = self.of(date(2000, 1, 1))
        if str(source) == str(output):
            raise ProjectError("input and output must be different files")
        if output.suffix not in (".csv", ".parquet"):
            raise ProjectError(f"{output}: an output ends in .csv or .parquet")
        if source.suffix not in FORMATS:
            raise ProjectError(f"{source}: an input ends in {', '.join(FORMATS)}")


@dataclass(frozen=True)
class Outcome:
    """What became of a date: nothing to do, scored, or an error with the exit code for it."""

    day: date
    said: str
    counts: Counts | None = None
    code: int = 0


def days(first: str | None, since: date | None, now: datetime) -> list[date]:
    """Return the dates of a run, the oldest first: its own, and those since another one."""
    try:
        last = date.fromisoformat(first) if first else now.date()
    except ValueError:
        raise ProjectError(f"{first!r} is no date (2026-01-31)") from None
    begin = since or last
    if begin > last:
        raise ProjectError(f"--since is {begin}, which is after {last}")
    return [begin + timedelta(days=n) for n in range((last - begin).days + 1)]


def model(package: Path | None) -> Scorer:
    """Load the champion of the registry, or the model of a folder; it says how files are read."""
    version = None if package else registry.champion()
    if not package and not version:
        raise ProjectError("no model is the champion yet: release one, or `promote` it")
    folder = registry.fetch(version) if version else package or paths.PACKAGE
    data = read(folder / paths.PARAMS).data
    settings = load(paths.PARAMS).model_copy(update={"data": data})
    return Scorer(load_package(folder), Rules(folder / paths.SCHEMA, data), settings)


def run(
    chosen: list[date], places: Addresses, by: Scorer, again: bool = False, quiet: float = 60
) -> list[Outcome]:
    """Score each date that has not been scored; what fails does not stop the dates after it."""
    places.check()
    found = []
    for day in chosen:
        try:
            done = _score(day, places, by, again, quiet)
        except (ProjectError, OSError) as error:
            done = Outcome(day, str(error), code=1)
        # The run of an earlier day has failed for its missing input already: here it is only named.
        missing = f"there is no input {places.of(day)[0]}" if done is None else ""
        found.append(done or Outcome(day, missing, code=int(day == chosen[-1])))
    return found


def _score(day: date, places: Addresses, by: Scorer, again: bool, quiet: float) -> Outcome | None:
    """Score a date; None where it has no input."""
    source, output = places.of(day)
    if output.seen() and not again:
        return Outcome(day, f"scored before: {output}")
    if not (seen := settled(source, quiet)):
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scored, rejects = folder / f"scored{output.suffix}", folder / "rejects.csv"
        kept = Collector(folder / "collected", by.settings.collect)
        counts = _counted(source, seen, (scored, rejects), by, kept)
        output.rejects.put(rejects)
        said = f"{counts.said} to {output.rejects}, model {by.served.model_id}"
        if counts.share > by.settings.score.max_rejects:
            told = f"not scored, more rejects than score.max_rejects: {said}"
            return Outcome(day, told, counts, RejectedError.exit_code)
        if output.seen() and not again:
            return Outcome(day, f"another run was faster: {output}")
        kept.close()
        lost = _collect(folder / "collected", day, places, by.settings)
        output.put(scored)
    said = f"{said}; scored to {output}"
    return Outcome(day, f"{said}; {lost}" if lost else said, counts, code=int(bool(lost)))


def _counted(
    source: Place, seen: tuple[int, datetime], to: tuple[Path, Path], by: Scorer, kept: Collector
) -> Counts:
    """Score a copy of the input. Raises ProjectError unless it is what was seen, to the end."""
    rows = to[0].with_name(f"input{source.suffix}")
    source.fetch(rows)
    if source.seen() != seen:
        raise ProjectError(f"{source} has changed while it was read: run it again")
    try:
        return score_with(by, rows, *to, kept.add)
    except ProjectError as error:
        raise ProjectError(str(error).replace(str(rows), str(source))) from error


def settled(source: Place, quiet: float) -> tuple[int, datetime] | None:
    """Return the size and time of an input that nobody has changed for some seconds.

    Where its time is ahead of the clock here, it is what has not changed while we waited.
    """
    before = None
    for _ in range(TRIES):
        seen = source.seen()
        left = quiet - (datetime.now(UTC) - seen[1]).total_seconds() if seen else 0
        if left <= 0 or seen == before:
            return seen
        before = seen
        time.sleep(min(left, quiet))
    raise ProjectError(f"{source} is still being written")


def _collect(folder: Path, day: date, places: Addresses, settings: Settings) -> str:
    """Send the rows that were drawn, for `monitor`. It is no reason to keep the scores back."""
    rows, path = collected(folder), folder.with_name(f"{day:%Y%m%d}.parquet")
    try:
        if rows.num_rows:
            pq.write_table(rows, path)
            send([path], places.collected, settings.collect)
    except ProjectError as error:
        return f"not collected for `monitor`: {error}; --again repairs it"
    return ""


def table(outcomes: list[Outcome]) -> str:
    """Return the outcomes as Markdown, for the page of a job."""
    head = "| date | scored | rejected | share | |\n| --- | ---: | ---: | ---: | --- |\n"
    rows = []
    for one in outcomes:
        shown = one.counts or Counts(0, 0)
        figures = f"{shown.scored} | {shown.rejected} | {shown.share:.1%}"
        told = one.said.replace("|", "\\|").replace("\n", " ")
        rows.append(f"| {one.day} | {figures} | {'**error** ' if one.code else ''}{told} |\n")
    return head + "".join(rows)
