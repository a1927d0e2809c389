"""What `adopt scan` and `adopt plan` do: ask, write the four files, show the sums."""

import shlex
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tdsp.adopt.build import Scan, Wish, accept, build, check_removals, edited
from tdsp.adopt.build import scan as read
from tdsp.adopt.large import address, candidates, offer, with_data
from tdsp.adopt.meanwhile import Meanwhile, possible
from tdsp.adopt.plan import LEVELS, Plan
from tdsp.adopt.planfile import as_csv, as_yaml, read_plan
from tdsp.adopt.tree import git, shown
from tdsp.errors import TdspError
from tdsp.plain import counted
from tdsp.reading.repository import without_collector

MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for."""

    root: Path
    level: int
    template_level: str
    package: str
    subdirectory: str
    out: Path | None
    answers: Path | None
    update: Path | None
    fixes: tuple[str, ...] = ()
    remote: str = ""
    move: tuple[str, ...] = ()


def scan(root: Path, subdirectory: str, output: str) -> None:
    """Print what a repository holds."""
    done = read(root, subdirectory)
    if output == "csv":
        typer.echo(as_csv(_as_it_is(done), done.facts.files), nl=False)
        return
    console = Console(highlight=False)
    tree = done.tree
    branch = f" on {shown(tree.branch)}" if tree.branch else ""
    console.print(
        f"[bold]{counted(len(tree.entries), 'file')}[/] in {tree.commit[:10]}{escape(branch)}"
    )
    if done.source.name:
        console.print(f"It comes from {escape(done.source.name)}: {escape(done.source.why)}.")
    kinds = Counter(each.kind for each in done.judged.values())
    table = Table("kind", "files", "asked", box=None, header_style="dim")
    asked = Counter(e.kind for e in done.judged.values() if e.ask and e.place != "stay")
    for kind, count in kinds.most_common():
        table.add_row(kind, f"{count:,}", str(asked[kind] or ""))
    console.print(table)
    _print_state(done, console)


def _as_it_is(done: Scan) -> Plan:
    from tdsp.adopt.plan import Item

    items = tuple(
        Item(
            path,
            done.repo.files[path].blob,
            each.kind,
            path,
            each.confidence,
            each.why,
            each.ask if each.place != "stay" else "",
        )
        for path, each in done.judged.items()
    )
    return Plan(done.tree.commit, 0, "", "train", items)


def _print_state(done: Scan, console: Console) -> None:
    for path, base in list(done.facts.runs.items())[:MOST_SHOWN]:
        place = shown(base) or "the root"
        console.print(
            f"  run: {escape(shown(path))} from {escape(place)}"
            f" ({escape(done.facts.files[path].run)})",
            style="dim",
        )
    for folder, why in done.layout.wholes.items():
        console.print(f"  whole: {escape(shown(folder))}, since {escape(why)}", style="dim")
    if done.layout.projects:
        listed = ", ".join(map(shown, done.layout.projects))
        console.print(f"[yellow]Projects below the root[/]: {escape(listed)}: --subdirectory")
    if done.layout.mixed:
        console.print(f"[yellow]Too mixed to be edited[/]: {escape(done.layout.mixed)}")
    for text in done.tree.blockers:
        console.print(f"[red]Stops apply[/]: {escape(text)}")
    for text in done.tree.remarks:
        console.print(f"[yellow]Note[/]: {escape(text)}")
    for note in done.facts.notes[:MOST_SHOWN]:
        place = f"{shown(note.path)}:{note.line}" if note.line else shown(note.path)
        console.print(f"[yellow]{escape(place)}[/] {escape(note.text)}")


def plan(request: Request, *, ask: bool) -> bool:
    """Make and write a plan; returns whether it changes a file."""
    with without_collector():  # what is read stays until the end
        return _plan(request, ask=ask)


def _plan(request: Request, *, ask: bool) -> bool:
    from tdsp.adopt.page import as_html
    from tdsp.adopt.patch import as_patch

    console = Console(highlight=False)
    wish = _wish(request)
    done = read(request.root, request.subdirectory, None if request.update else wish)
    if ask and sys.stdin.isatty() and request.level and not request.update:
        done = _one_project(done, console)
    out = _place(done, request.out or Path(f"{done.tree.root}-adopt"))
    made = _updated(done, request.update) if request.update else build(done, wish)
    if request.move:
        made = edited(done, accept(made, request.move))
    if ask and sys.stdin.isatty() and not request.update:
        made = _asked(done, made, console)
    if not request.update:
        made = with_data(made, done.tree, request.remote or _remote(made, done, console, ask))
    elif request.remote:
        made = replace(made, remote=address(request.remote, done.tree.root))
    check_removals(made)
    begun = Meanwhile(lambda: as_patch(made, done.tree)) if possible() else None
    files: dict[str, bytes | None] = {
        "plan.yaml": as_yaml(made).encode(),
        "plan.patch": None,
        "facts.csv": as_csv(made, done.facts.files).encode(),
        "plan.html": as_html(made, done.tree).encode(),
    }
    patch: bytes | None = begun.result() if begun else as_patch(made, done.tree)
    if secret := _secret(patch or b""):
        text = f"plan.patch was not written: it would show {secret}, which stands in an edited file"
        console.print(f"[yellow]{text}[/]")
        patch = None
    files["plan.patch"] = patch
    _write(out, files)
    show(made, done, console)
    console.print(
        f"Wrote {escape(str(out))}: {', '.join(n for n, c in files.items() if c is not None)}"
    )
    return changes(made)


def _one_project(done: Scan, console: Console) -> Scan:
    """Ask which of several projects is planned, and return what is known of it alone."""
    projects = done.layout.projects
    if done.subdirectory or not projects:
        return done
    console.print("[bold]Which project is planned?[/] One at a time; the others stay untouched.")
    console.print(f"  {escape(', '.join(map(shown, projects)))}")
    chosen = typer.prompt("  folder", default=projects[0])
    while chosen not in projects:
        chosen = typer.prompt("  one of these folders", default=projects[0])
    return read(done.tree.root, chosen)


def changes(plan: Plan) -> bool:
    """Tell whether a plan moves, edits, untracks or adds a file."""
    kept = bool(plan.remote and plan.large)
    return kept or bool(plan.added) or any(e.target != e.path or e.edits for e in plan.items)


def _wish(request: Request) -> Wish:
    from tdsp.new import bundled_template, questions
    from tdsp.org import check_questions, read_mapping

    given: Mapping[str, object] = {}
    if request.answers:
        given = read_mapping(request.answers)
        check_questions(dict(given), questions(bundled_template()), request.answers)
    texts = {key: _answer(value) for key, value in given.items()}
    package = request.package or texts.get("package_name", "")
    return Wish(request.level, texts.get("level", request.template_level), package, texts,
                request.fixes)  # fmt: skip


def _answer(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _updated(done: Scan, path: Path) -> Plan:
    """Return an edited plan with edits for the targets that it has now."""
    if done.subdirectory:
        raise TdspError("--update reads the subdirectory from the plan: leave --subdirectory out")
    was = read_plan(path, done.tree)
    below = read(done.tree.root, was.subdirectory) if was.subdirectory else done
    return edited(below, was)


def _asked(done: Scan, plan: Plan, console: Console) -> Plan:
    """Ask the questions on the terminal and return the plan with the answers."""
    targets = {each.path: each.target for each in plan.items}
    answered = []
    for question in plan.questions:
        paths = question.choices[question.proposed]
        console.print(f"[bold]{escape(question.text)}[/] ({counted(len(paths), 'file')})")
        for path, target in list(paths.items())[:MOST_SHOWN]:
            console.print(
                f"  {escape(shown(path))} → {escape(shown(target) or 'no longer tracked')}"
            )
        names = list(question.choices)
        chosen = typer.prompt("  " + ", ".join(names), default=names[0])
        while chosen not in names:
            chosen = typer.prompt(f"  one of: {', '.join(names)}", default=names[0])
        targets |= question.choices[chosen]
        answered.append(replace(question, proposed=chosen))
    items = tuple(replace(each, target=targets[each.path]) for each in plan.items)
    return edited(done, replace(plan, items=items, questions=tuple(answered)))


def _remote(plan: Plan, done: Scan, console: Console, ask: bool) -> str:
    """Ask on a terminal where DVC is to keep large data; "" for data that stay in git."""
    if not ask or not sys.stdin.isatty():
        return ""
    large = list(candidates(plan, done.tree))
    if not large:
        return ""
    size = sum(done.tree.entries[path].size for path in large) / 1_000_000
    console.print(
        f"[bold]May DVC keep the large data?[/] ({counted(len(large), 'file')}, {size:,.0f} MB)"
    )
    for path in large[:MOST_SHOWN]:
        console.print(f"  {escape(shown(path))}")
    answer = typer.prompt(
        "  a folder or an address that all can reach; no: they stay", default="no"
    )
    return "" if answer == "no" else str(answer)


def _place(done: Scan, out: Path) -> Path:
    """Return the folder to write to. Raises TdspError for one that git would see."""
    out, root = out.resolve(), done.tree.root.resolve()
    if root == out or (root in out.parents and not _ignored(root, out)):
        raise TdspError(
            f"--out {out} is inside of the repository and git does not ignore it: choose a folder"
            f" outside, such as {root}-adopt"
        )
    if out.exists() and not out.is_dir():
        raise TdspError(f"--out {out} is a file, not a folder")
    return out


def _ignored(root: Path, out: Path) -> bool:
    try:
        git(root, "check-ignore", "--quiet", str(out.relative_to(root)) + "/x")
    except TdspError:
        return False
    return True


def _write(out: Path, files: Mapping[str, bytes | None]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = out / name
            if content is None:
                path.unlink(missing_ok=True)
                continue
            waiting = out / f".{name}.new"
            waiting.write_bytes(content)
            waiting.replace(path)
    except OSError as error:
        raise TdspError(f"{out} cannot be written: {error.strerror}") from error


def _secret(patch: bytes) -> str:
    from tdsp.check.security import HINT, SECRETS

    text = patch.decode("latin-1")
    if not HINT.search(text):
        return ""
    return next((name for name, pattern in SECRETS if pattern.search(text)), "")


def show(plan: Plan, done: Scan, console: Console) -> None:
    """Print sums, what moves by folder, questions and notes."""
    total = len(plan.items)
    sums = {
        "move": len(plan.moves),
        "edited": sum(bool(each.edits) for each in plan.items),
        "no longer tracked": sum(not each.target for each in plan.items),
        "stay": sum(each.target == each.path for each in plan.items),
        "asked": sum(bool(each.question) for each in plan.items),
        "to DVC": len(plan.large) if plan.remote else 0,
        "added": len(plan.added),
    }
    text = ", ".join(f"{count:,} {name}" for name, count in sums.items())
    source = f" from {plan.source}" if plan.source else ""
    console.print(
        f"[bold]{counted(total, 'file')}{escape(source)}[/], level {plan.level}"
        f" ({LEVELS[plan.level]}), package {escape(plan.package)}: {text}"
    )
    folders = Counter(_pair(old, new) for old, new in plan.moves.items())
    table = Table("from", "to", "files", box=None, header_style="dim")
    for (old, new), count in folders.most_common(MOST_SHOWN):
        table.add_row(escape(shown(old)), escape(shown(new)), f"{count:,}")
    if folders:
        console.print(table)
    for question in plan.questions:
        files = counted(len(question.choices[question.proposed]), "file")
        answer = escape(question.proposed)
        console.print(f"[yellow]?[/] {escape(question.text)} ({files}: {answer})")
    for each in plan.offers:
        files = counted(len(each.choices[each.proposed]), "file")
        able = f"; --move {shlex.quote(each.id)}" if "move" in each.choices else ""
        how = able if each.proposed == "stay" else f": {each.proposed}"
        console.print(f"  {escape(each.text)} ({files}{escape(how)})", style="dim")
    if text := offer(plan):
        console.print(f"[yellow]Data[/]: {escape(text)}")
    for text in done.tree.blockers:
        console.print(f"[red]Stops apply[/]: {escape(text)}")
    for note in plan.notes[:MOST_SHOWN]:
        line = f":{note.line}" if note.line else ""
        place = f"{escape(shown(note.path))}{line} " if note.path else ""
        console.print(f"[yellow]![/] {place}{escape(shown(note.text))}")
    if len(plan.notes) > MOST_SHOWN:
        console.print(f"  and {len(plan.notes) - MOST_SHOWN} more notes, in plan.yaml")


def _pair(old: str, new: str) -> tuple[str, str]:
    above = "/".join(new.split("/")[:-1][:3])
    return (old.split("/")[0] + "/" if "/" in old else "(root)", f"{above}/")
