"""`tdsp fleet update` and `tdsp fleet preset` on the command line."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from tdsp.errors import TdspError

if TYPE_CHECKING:
    from rich.progress import Progress

    from tdsp.fleet.config import Fleet, Listing
    from tdsp.fleet.render import Goal
    from tdsp.fleet.state import Record
    from tdsp.fleet.update import Options, Outcome

ORDER = (
    "merged", "requested", "pushed", "tested", "rendered", "checked", "fetched", "listed",
    "skipped", "conflict", "failed",
)  # fmt: skip
SHOWN_FILES, SHOWN_LINES = 10, 6


File = Annotated[
    Path, typer.Argument(metavar="[FLEET.YML]", help="The fleet's file.", show_default=False)
]
Apply = Annotated[bool, typer.Option("--apply", help="Push the branches and make the requests.")]
To = Annotated[
    str | None, typer.Option(metavar="TAG", help="A release; `current`: each keeps its own.")
]
Data = Annotated[
    list[str] | None,
    typer.Option(metavar="QUESTION=ANSWER", help="Change an answer, such as level=govern."),
]
Only = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="These repositories; * is allowed.")
]
Again = Annotated[bool, typer.Option("--failed", help="Only those that failed or had conflicts.")]
Resume = Annotated[
    bool, typer.Option(help="Go on where the last run ended; otherwise render all again.")
]
Sizes = Annotated[
    str | None, typer.Option(metavar="SIZES", help="Such as 10,50,rest. Kept for later runs.")
]
Merged = Annotated[
    int, typer.Option(min=0, max=100, help="Percent of a wave to be merged before the next.")
]
Sleep = Annotated[float, typer.Option(min=0, help="Seconds between two requests, at least one.")]
Draft = Annotated[bool, typer.Option("--draft", help="Make drafts.")]
Kind = Annotated[str, typer.Option(help="auto (by address), github, gitlab, azure, none.")]
RunChecks = Annotated[
    bool, typer.Option("--run-checks", help="Run each project's checks: this runs THEIR CODE here.")
]
Command = Annotated[str, typer.Option(help="What --run-checks runs in a copy.")]
Sandbox = Annotated[bool, typer.Option(help="--run-checks without network; --no-sandbox gives it.")]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Rendered at the same time.")]
State = Annotated[
    Path | None, typer.Option(help="Folder of the state; `update` in the fleet's cache.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def update(
    path: File = Path("fleet.yml"),
    apply: Apply = False,
    to: To = None,
    data: Data = None,
    only: Only = None,
    failed: Again = False,
    resume: Resume = True,
    wave: Sizes = None,
    merged: Merged = 80,
    sleep: Sleep = 0,
    draft: Draft = False,
    platform: Kind = "auto",
    run_checks: RunChecks = False,
    check_command: Command = "uv run poe check",
    sandbox: Sandbox = True,
    jobs: Jobs = 2,
    state: State = None,
    as_json: AsJson = False,
) -> None:
    """Bring the template's next release, or an answer, to all repositories.

    Without --apply nothing leaves this machine: it shows what would change. A
    conflict is reported and never pushed. Run the same command again to go on.

    Exit code: 0, 1 when there are conflicts, 2 when fleet.yml or an option is
    wrong or nothing can be written, 3 when some repositories or lists failed
    (they are printed last), 4 when no repository could be listed.
    """
    from tdsp.fleet.cli import ended
    from tdsp.fleet.update import Options

    options = Options(
        apply=apply,
        resume=resume,
        failed=failed,
        only=tuple(only or ()),
        merged=merged,
        sleep=sleep,
        draft=draft,
        platform=platform,
        jobs=jobs,
        checks=check_command if run_checks else "",
        sandbox=sandbox,
    )
    wish = Wish(path, to, tuple(data or ()), wave, state, as_json)
    raise typer.Exit(ended(lambda: _update(wish, options)))


@dataclass(frozen=True)
class Wish:
    """What is to be brought where, as the caller wrote it."""

    path: Path
    to: str | None
    data: tuple[str, ...]
    wave: str | None
    state: Path | None
    as_json: bool


def plain(text: str) -> str:
    """Return a text without what steers a terminal."""
    from tdsp.plain import plain as without

    return without(text)


def _update(wish: Wish, options: "Options") -> int:
    from dataclasses import replace

    from tdsp.fleet.cli import SOME_FAILED
    from tdsp.fleet.config import ListingError, read_fleet
    from tdsp.fleet.platforms import NAMES

    if options.platform not in NAMES:
        raise TdspError(f"--platform {options.platform}: it is one of {', '.join(NAMES)}")
    fleet = read_fleet(wish.path)
    listing = fleet.listing()
    if not listing.targets:
        raise ListingError("\n".join(listing.problems) or f"{wish.path} lists no repository")
    for problem in listing.problems:
        typer.echo(f"not listed: {plain(problem)}", err=True)
    goal = _goal(fleet, wish.to, wish.data)
    options = replace(options, seconds=fleet.settings.seconds)
    outcome = _run(fleet, listing, goal, options, wish)
    if wish.as_json:
        typer.echo(json.dumps(_plain(outcome, goal), ensure_ascii=False, indent=2))
    else:
        _show(outcome, options)
    return outcome.code or (SOME_FAILED if listing.problems else 0)


def preset(
    renovate: Annotated[
        bool, typer.Option("--renovate", help="For Renovate's copier manager.")
    ] = False,
    template: Annotated[
        str, typer.Option(help="Only for this template's address, as projects record it.")
    ] = "",
) -> None:
    """Print a preset for a bot that carries the template's updates instead of `fleet update`."""
    from tdsp.fleet.cli import ended
    from tdsp.fleet.renovate import text

    def work() -> int:
        if not renovate:
            raise TdspError("which bot? `--renovate` is the one that is known here")
        typer.echo(text(template), nl=False)
        return 0

    raise typer.Exit(ended(work))


def _goal(fleet: "Fleet", to: str | None, data: tuple[str, ...]) -> "Goal":
    """Work out what the fleet is brought to. Raises TdspError for what the template lacks."""
    from tdsp.fleet.render import Goal, commit_of
    from tdsp.fleet.state import CURRENT
    from tdsp.fleet.template import releases

    pairs = []
    for text in data:
        name, found, value = text.partition("=")
        if not found or not name.isidentifier():
            raise TdspError(f"--data takes QUESTION=ANSWER, not {text}")
        pairs.append((name, value))
    if to == CURRENT and not pairs:
        raise TdspError(f"--to {CURRENT} changes nothing without --data QUESTION=ANSWER")
    known = releases(fleet)
    if not known.folder:
        raise TdspError(
            f"{fleet.path}: template is missing: name the template's path or URL, so that no"
            " repository is updated from an address that only it names"
        )
    version = to or known.current
    if not version:
        raise TdspError(f"the template in {known.folder} has no release: tag it, or give --to")
    goal = Goal(known, version, tuple(pairs), "", _identity(Path(known.folder)))
    if version != CURRENT and not commit_of(goal, version):
        last = ", ".join(tag for tag, _ in known.days[-5:]) or "none"
        raise TdspError(f"--to {version}: no such tag or commit of the template; it has {last}")
    return goal


def _identity(folder: Path) -> tuple[str, str]:
    """Return who commits. Raises TdspError when git does not know."""
    from tdsp.fleet.fetch import run_git

    words = ["-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"]
    done = run_git(folder, words, 60)
    if done is None or done.returncode:
        raise TdspError(
            "git does not know who commits: `git config --global user.name NAME`, and user.email"
        )
    name, _, rest = done.stdout.strip().partition(" <")
    return name, rest.partition(">")[0]


def _run(
    fleet: "Fleet", listing: "Listing", goal: "Goal", options: "Options", wish: Wish
) -> "Outcome":
    from dataclasses import replace

    from tdsp.fleet.pace import waves
    from tdsp.fleet.state import Journal, held
    from tdsp.fleet.update import Update

    folder = (wish.state or fleet.updates).expanduser().resolve()
    source = fleet.settings.template.source if fleet.settings.template else ""
    key = json.dumps([source, goal.version, *goal.data])
    with held(folder):
        journal = Journal(folder, key)
        try:
            sizes = journal.waves(wish.wave)
            # Those with nothing to do take no place in a wave that others could have.
            idle = {name for name, each in journal.records().items() if each.idle}
            targets = sorted(listing.targets, key=lambda each: (each.name in idle, each.name))
            order, names = waves(targets, sizes, [w.name for w in fleet.settings.waves])
            link = _changelog(source, goal.version)
            goal = replace(goal, started=journal.started, link=link)
            with _progress() as progress:
                update = Update(journal, goal, options, names)
                _follow(update, progress, len(listing.targets))
                return update.run(listing.targets, order)
        finally:
            journal.close()


def _changelog(source: str, version: str) -> str:
    """Return where a release of the template is described, "" when it is on no server."""
    from tdsp.fleet.config import is_url
    from tdsp.fleet.state import CURRENT
    from tdsp.fleet.template import address

    if not is_url(source) or version == CURRENT:
        return ""
    place = address(source)
    host = place.partition("/")[0]
    if "github" in host:
        return f"https://{place}/releases/tag/{version}"
    if "gitlab" in host:
        return f"https://{place}/-/releases/{version}"
    return f"https://{place}" if source.startswith("http") else source


def _progress() -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)


def _follow(update: object, progress: "Progress", repositories: int) -> None:
    """Show on the progress bar what an update does, and say how long the requests take."""
    from tdsp.fleet.pace import spoken
    from tdsp.fleet.update import Update

    assert isinstance(update, Update)  # noqa: S101  for the type only
    rendering = progress.add_task("render", total=repositories)
    asking = progress.add_task("push and request", total=None, visible=False)

    def step(stage: str, _record: "Record") -> None:
        if stage != "asked":
            progress.advance(rendering if stage == "prepared" else asking)

    def announce(requests: int, seconds: float) -> None:
        progress.update(asking, total=requests, completed=0, visible=True)
        progress.console.print(
            f"Up to {requests} branches and requests, in about {spoken(seconds)} by the limits of"
            " the platforms",
            highlight=False,
        )

    update.step, update.announce = step, announce


def _plain(outcome: "Outcome", goal: "Goal") -> dict[str, object]:
    records = sorted(outcome.records, key=lambda each: (ORDER.index(each.state), each.name))
    hidden = {"folder", "doing"}
    return {
        "version": goal.version,
        "data": dict(goal.data),
        "branch": goal.branch,
        "waits": outcome.waits,
        "stopped": outcome.stopped,
        "repositories": [
            {name: value for name, value in asdict(each).items() if name not in hidden}
            for each in records
        ],
    }


def _show(outcome: "Outcome", options: "Options") -> None:
    from rich.table import Table

    console = Console()
    records = sorted(outcome.records, key=lambda each: (ORDER.index(each.state), each.name))
    for record in records:
        if not options.apply and record.files and record.state in {"rendered", "tested"}:
            _files(console, record)
        if record.state == "conflict":
            _conflicts(console, record)
    table = Table(box=None, pad_edge=False)
    for name in ("repository", "wave", "state", ""):
        table.add_column(name, overflow="fold")
    later = sum(each.state == "listed" for each in records) if outcome.waits else 0
    for record in records:
        if later and record.state == "listed":
            continue
        style = "red" if record.state == "failed" else "yellow" if record.reason else ""
        cells = (record.name, str(record.wave + 1), record.state, _about(record))
        table.add_row(*map(_safe, cells), style=style)
    console.print(table)
    if later:
        console.print(f"{later} more are in later waves (--json)", highlight=False)
    _last_words(console, outcome, options)


def _last_words(console: Console, outcome: "Outcome", options: "Options") -> None:
    from tdsp.fleet.pace import Pace, spoken

    ready = [r for r in outcome.records if r.state in {"rendered", "tested"} and not r.reason]
    if not options.apply:
        seconds = Pace(len(ready), options.sleep).seconds()
        console.print(
            f"Nothing was pushed. With --apply: {len(ready)} branches and requests, in about"
            f" {spoken(seconds)} if all are in one wave",
            highlight=False,
        )
    if outcome.waits:
        console.print(_safe(outcome.waits), highlight=False)
    if outcome.stopped:
        message = f"[bold red]stopped:[/] {_safe(outcome.stopped)}"
        Console(stderr=True).print(message, highlight=False, soft_wrap=True)


def _about(record: "Record") -> str:
    if record.reason:
        return record.reason
    if record.request:
        return record.request
    return f"{len(record.files)} files, {record.branch}" if record.files else ""


def _safe(text: str) -> str:
    """Return a text of a repository without what steers a terminal or means something to rich."""
    return escape(plain(text))


def _files(console: Console, record: "Record") -> None:
    console.print(f"[bold]{_safe(record.name)}[/] {len(record.files)} files", highlight=False)
    for each in record.files[:SHOWN_FILES]:
        console.print(f"  {_safe(each)}", highlight=False, soft_wrap=True)
    if len(record.files) > SHOWN_FILES:
        console.print(f"  and {len(record.files) - SHOWN_FILES} more (--json)", highlight=False)


def _conflicts(console: Console, record: "Record") -> None:
    for each in record.conflicts:
        console.print(
            f"[bold yellow]conflict[/] {_safe(record.name)}: {_safe(each.path)}: {each.why};"
            f" last edited by {_safe(each.last) or 'nobody'}",
            highlight=False,
            soft_wrap=True,
        )
        for whose, text in (("team", each.ours), ("template", each.theirs)):
            lines = text.splitlines() or ["(nothing)"]
            for line in lines[:SHOWN_LINES]:
                console.print(
                    f"  {whose}: {_safe(line)}", style="dim", highlight=False, soft_wrap=True
                )
