"""What `adopt apply`, `verify`, `report` and `undo` do and print."""

import sys
import tempfile
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tdsp.adopt import report as pages
from tdsp.adopt import running
from tdsp.adopt.apply import BRANCH, MIGRATION, TAG
from tdsp.adopt.apply import apply as carry_out
from tdsp.adopt.gitwork import Git
from tdsp.adopt.large import offer
from tdsp.adopt.pipeline import Pipeline, Way
from tdsp.adopt.plan import Plan
from tdsp.adopt.tree import shown
from tdsp.adopt.undo import undo as take_back
from tdsp.adopt.verify import find, trees
from tdsp.adopt.verify import verify as prove
from tdsp.errors import TdspError
from tdsp.plain import counted

COLOURS = {"same-ok": "green", "improved": "green", "regressed": "bold red"}
TAKE_BACK = "`tdsp adopt undo` takes the adoption back."


def apply(
    root: Path,
    plan_file: Path,
    bundle: Path | None,
    yes: bool,
    way: Way | None = None,
    lock: bool = False,
) -> None:
    """Carry a plan file out, and say what was made."""
    from tdsp.adopt.planfile import read_plan
    from tdsp.adopt.tree import read_tree

    console = Console(highlight=False)
    plan = read_plan(plan_file, read_tree(root))
    _agreed(plan, console, yes)
    with console.status("Checking") as status:
        done = carry_out(
            root,
            plan,
            lambda step: status.update(f"{escape(step)} …"),
            bundle,
            way=way,
            lock=lock,
        )
    console.print(f"[bold]On branch {BRANCH}[/], made from {escape(done.branch)}; tag {TAG}")
    pages.summary(done.manifest, console)
    for path in done.merged.beside:
        console.print(Text(f"  compare, then remove: {shown(path)}"), soft_wrap=True)
    if done.pipeline is not None:
        _pipeline(done.pipeline, console)
    console.print("[bold]Next[/]")
    for command in (
        "tdsp adopt verify --run    # runs your scripts before and after, in copies",
        f"git switch {done.branch} && git merge --no-ff {BRANCH}",
        "tdsp adopt undo            # takes all of it back",
    ):
        console.print(Text(f"  {command}"), soft_wrap=True)


def _pipeline(made: Pipeline, console: Console) -> None:
    if made.problem:
        console.print(Text(f"No pipeline: {made.problem}"), soft_wrap=True)
    else:
        names = ", ".join(each.name for each in made.stages)
        console.print(Text(f"Pipeline {made.path}: {names}"), soft_wrap=True)
    for path, reason in sorted(made.left.items()):
        console.print(Text(f"  no stage: {shown(path)}: {shown(reason)}"), soft_wrap=True)


def _agreed(plan: Plan, console: Console, yes: bool) -> None:
    asked = len({each.question for each in plan.items if each.question})
    gone = sum(not each.target for each in plan.items)
    edited = sum(bool(each.edits) for each in plan.items)
    console.print(
        f"{counted(len(plan.items), 'file')}: {len(plan.moves)} move, {edited} are edited,"
        f" {gone} are no longer tracked; answered as the plan says: {counted(asked, 'question')}"
    )
    if text := offer(plan):
        console.print(escape(text))
    if yes:
        return
    if not sys.stdin.isatty():
        raise TdspError("there is no terminal to ask on: add --yes")
    if not typer.confirm(f"Make the branch {BRANCH} and check it out?"):
        raise typer.Exit(1)


def verify(root: Path, run: bool, python: str, seconds: float) -> bool:
    """Prove the adoption, print the proof, and tell whether it holds."""
    console, git = Console(highlight=False), Git(root)
    done = find(git)
    with console.status("Comparing every file"):
        proofs = prove(git, done)
    table = Table(box=None, show_header=False)
    for each in proofs:
        mark = Text("wrong", "bold red") if each.problems else Text("holds", "green")
        table.add_row(mark, each.title, str(each.looked_at))
    console.print(table)
    for problem in (problem for each in proofs for problem in each.problems):
        console.print(Text(f"  {problem}"), soft_wrap=True)
    held = not any(each.problems for each in proofs)
    if run:
        held = _run(git, console, python, seconds) and held
    if not held:
        console.print(TAKE_BACK)
    return held


def _run(git: Git, console: Console, python: str, seconds: float) -> bool:
    done = find(git)
    chosen = [*running.scripts(done), *running.notebooks(done)]
    way = "unshare" if running.isolation() else "a block inside of Python, which C code can pass"
    console.print(f"Without network by {way}; each run ends after {seconds:g} s")
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="tdsp-verify-") as folder:
        before, after = trees(git, done, Path(folder))
        bench = running.Bench(
            python or sys.executable, seconds, done.package, before, after, done.subdirectory
        )
        for each in chosen:
            with console.status(Text(f"Running {shown(each.path)}")):
                verdicts.append(running.compare(bench, done, each))
    table = Table("verdict", "file", "now", "why", box=None)
    for found in verdicts:
        words = (found.path, found.command, found.detail)
        mark = Text(found.verdict, COLOURS.get(found.verdict, "yellow"))
        table.add_row(mark, *(Text(shown(each)) for each in words))
    console.print(
        table if verdicts else "No script is started by itself, no notebook is here: nothing ran"
    )
    return not any(found.verdict == "regressed" for found in verdicts)


def report(root: Path, out: Path | None) -> None:
    """Print the report that the adoption has committed, or write it with its manifest."""
    console, git = Console(highlight=False), Git(root)
    done = find(git)
    if out is None:
        pages.summary(done, console)
        before = pages.state(git, done.commit, done.subdirectory)
        last = next(reversed(done.commits.values()), done.commit)
        pages.terminal(before, pages.state(git, last, done.subdirectory), console)
        console.print(f"The whole report is {MIGRATION}/REPORT.md on branch {BRANCH}.")
        return
    commit = git.ref(f"refs/heads/{BRANCH}") or git.ref("HEAD")
    tree = git.tree(commit)
    found = [
        path for path in tree if MIGRATION in path and path.endswith(("REPORT.md", "manifest.json"))
    ]
    out.mkdir(parents=True, exist_ok=True)
    for path in found:
        target = out / path.rsplit("/", 1)[1]
        if target.exists():
            raise TdspError(f"{target} exists: name another folder")
        target.write_bytes(git.blob(tree[path].blob))
        console.print(Text(f"Wrote {target}"), soft_wrap=True)


def undo(root: Path, force: bool, yes: bool) -> None:
    """Take the adoption back, and say where the repository is."""
    if not yes and not sys.stdin.isatty():
        raise TdspError("there is no terminal to ask on: add --yes")
    if not yes and not typer.confirm(f"Remove the branch {BRANCH} and what it brought?"):
        raise typer.Exit(1)
    done = take_back(root, force)
    console = Console(highlight=False)
    console.print(Text(f"On branch {done.branch} at {done.commit[:12]}, as before the adoption"))
    for each in done.lost:
        console.print(Text(f"  went with the branch: {each}"), soft_wrap=True)
