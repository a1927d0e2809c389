"""The page of an adoption: what moved, changed, was asked and stayed, and what it has gained.

It names files, places and checks. It never shows what a file holds, so no secret can be in it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tdsp.adopt.gitwork import Git
from tdsp.adopt.manifest import Manifest
from tdsp.adopt.merge import Merged
from tdsp.adopt.pipeline import Pipeline
from tdsp.adopt.plan import LEVELS, Plan
from tdsp.adopt.stages import graph
from tdsp.adopt.tree import shown
from tdsp.check import run
from tdsp.check.maturity import maturity
from tdsp.check.rule import SEVERITIES
from tdsp.check.run import Report, check_repository
from tdsp.errors import TdspError
from tdsp.reading import Repository

MOST_LINES = 2000


@dataclass(frozen=True)
class State:
    """What `tdsp check` says of one commit; `problem` says why it could not be checked."""

    findings: dict[str, int]
    failed: frozenset[str]
    level: int = 0
    google: int = 0
    score: int = 0
    problem: str = ""
    asked: frozenset[str] = frozenset()  # what cannot be told of it


def state(git: Git, commit: str, subdirectory: str = "") -> State:
    """Check a commit from git's objects alone."""
    try:
        found = check_repository(_repository(git, commit, subdirectory))
    except TdspError as error:
        return State({}, frozenset(), problem=str(error))
    return _state(found)


def _repository(git: Git, commit: str, subdirectory: str) -> Repository:
    from tdsp.adopt.tree import Blobs, Entry, Tree, read_repository

    tree = git.tree(commit)
    sizes = git.sizes(each.blob for each in tree.values())
    entries = {p: Entry(p, e.mode, e.blob, sizes.get(e.blob, -1)) for p, e in tree.items()}
    with Blobs(git.root) as blobs:
        return read_repository(Tree(git.root, commit, "", entries), blobs, subdirectory)


def _state(found: Report) -> State:
    scales = maturity(found)
    visible = run.shown(found)
    failed, asked = (
        frozenset(f"{e.check.id} {e.check.title}" for e in visible.results if e.outcome == outcome)
        for outcome in ("fail", "unknown")
    )
    levels = scales.level, scales.google.level, scales.score
    return State(visible.counts, failed, *levels, asked=asked)


def page(git: Git, plan: Plan, done: Manifest, merged: Merged, made: Pipeline | None = None) -> str:
    """Return REPORT.md."""
    before = state(git, done.commit, done.subdirectory)
    last = next(reversed(done.commits.values()))
    lines = [*_lines(plan, done, merged, before, state(git, last, done.subdirectory))]
    return "\n".join([*lines, *_pipeline(made)]) + "\n"


def _pipeline(made: Pipeline | None) -> Iterator[str]:
    """Yield the stages as a picture and a table, and what could not be one."""
    if made is None:
        return
    yield from ("", "## Pipeline", "")
    if made.problem:
        yield f"None was made: {cell(made.problem)}."
    else:
        yield f"`{made.path}`: two runs of `dvc repro` in a copy, the second of which did nothing."
        yield "It takes no data out of git."
        yield from ("", "```mermaid", *graph(list(made.stages)), "```")
    rows = [(e.name, e.path, ", ".join(e.deps), ", ".join(e.outs)) for e in made.stages]
    yield from _table("Stages", ("stage", "script", "depends on", "makes"), rows)
    yield from _table("No stage", ("script", "why"), sorted(made.left.items()))


def _lines(
    plan: Plan, done: Manifest, merged: Merged, before: State, after: State
) -> Iterator[str]:
    yield "# Report of the adoption"
    yield ""
    yield f"Level {plan.level}, {LEVELS[plan.level]}, from commit `{done.commit[:12]}`."
    yield from ("", "| files | number |", "| --- | ---: |")
    for name, number in counts(done, plan).items():
        yield f"| {name} | {number} |"
    yield from ("", "Take it back with `tdsp adopt undo`. Prove it with `tdsp adopt verify`.")
    yield "Merge the branch with a merge commit: a squash loses the history of moved files."
    yield from _checks(before, after)
    moved = [f for f in done.files if f.target not in ("", f.path)]
    yield from _table("Moved", ("from", "to", "kind"), ((f.path, f.target, f.kind) for f in moved))
    edits = [(e.target, str(each.line), each.why) for e in plan.items for each in e.edits]
    yield from _table("Edited", ("file", "line", "why"), edits)
    gone = [(f.path, f.kind, f.blob) for f in done.files if f.fate == "untracked"]
    yield from _table("No longer tracked; on disk and in history", ("file", "kind", "blob"), gone)
    kept = [(f.path, f"{f.target}.dvc", f.blob) for f in done.files if f.fate == "dvc"]
    yield from _table("In DVC; history still has them", ("file", "pointer", "blob"), kept)
    asked = {each.id: each.text for each in plan.questions}
    rows = [(e.path, e.target, asked.get(e.question, "")) for e in plan.items if e.question]
    yield from _table("Asked", ("file", "to", "question"), rows)
    notes = [(n.path, str(n.line) if n.line else "", n.text) for n in plan.notes]
    yield from _table("To look at: no safe edit is known", ("file", "line", "what"), notes)
    template = [(path, "", "added") for path in done.added]
    template += [(f.target, "", "merged") for f in done.files if f.fate == "merged"]
    yield from _table("Of the template", ("file", "", "how"), template)
    yield from _table("Decided in the merge", ("file", "what"), merged.notes)


def counts(done: Manifest, plan: Plan | None = None) -> dict[str, int]:
    """Return how many files moved, were edited, and so on."""
    fates = Counter(each.fate for each in done.files)
    found = {
        "before": len(done.files),
        "moved": sum(each.target not in ("", each.path) for each in done.files),
        "edited": sum(bool(each.spans) for each in done.files),
        "merged with the template's": fates["merged"],
        "no longer tracked": fates["untracked"],
        "in DVC": fates["dvc"],
        "in their place, unchanged": sum(
            e.fate == "same" and e.target == e.path for e in done.files
        ),
        "added by the template": len(done.added),
        "laid beside yours as NAME.tdsp": len(done.beside),
    }
    if plan is not None:
        found["asked about"] = sum(bool(each.question) for each in plan.items)
    return found


def _checks(before: State, after: State) -> Iterator[str]:
    yield from ("", "## `tdsp check`, before and after", "")
    if before.problem or after.problem:
        yield f"Not compared: {before.problem or after.problem}."
        return
    yield from ("| | before | after |", "| --- | ---: | ---: |")
    for level in reversed(SEVERITIES[1:]):
        yield f"| {level}s | {before.findings[level]} | {after.findings[level]} |"
    yield f"| MLOps maturity, 0 to 4 | {before.level} | {after.level} |"
    yield f"| automation, 0 to 2 | {before.google} | {after.google} |"
    yield f"| ML Test Score | {before.score} | {after.score} |"
    for title, names in (
        ("Solved", before.failed - after.failed - after.asked),
        ("Asked of people now", before.failed & after.asked),
        ("New", after.failed - before.failed),
    ):
        if names:
            yield from ("", f"{title}:", "")
            yield from (f"* {name}" for name in sorted(names))


def _table(title: str, heads: tuple[str, ...], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    found = [tuple(row) for row in rows]
    if not found:
        return
    yield from ("", f"## {title}", "")
    yield "| " + " | ".join(heads) + " |"
    yield "| " + " | ".join("---" for _ in heads) + " |"
    for row in found[:MOST_LINES]:
        yield "| " + " | ".join(cell(each) for each in row) + " |"
    if len(found) > MOST_LINES:
        yield from ("", f"{len(found) - MOST_LINES} more are in manifest.json.")


def cell(text: str) -> str:
    """Return a text that cannot leave its cell."""
    return shown(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def summary(done: Manifest, console: Console) -> None:
    """Print how many files became what."""
    table = Table(box=None, show_header=False)
    for name, number in counts(done).items():
        if number:
            table.add_row(str(number), name)
    console.print(table)


def terminal(before: State, after: State, console: Console) -> None:
    """Print what `tdsp check` says before and after."""
    table = Table("", "before", "after", box=None)
    for level in reversed(SEVERITIES[1:]):
        values = (before.findings.get(level, 0), after.findings.get(level, 0))
        table.add_row(f"{level}s", *map(str, values))
    table.add_row("MLOps maturity, 0 to 4", str(before.level), str(after.level))
    table.add_row("automation, 0 to 2", str(before.google), str(after.google))
    table.add_row("ML Test Score", str(before.score), str(after.score))
    console.print(table)
