"""Carrying a plan out: commits on a branch of its own, proven one by one, then checked out.

Commit 1 moves and nothing else, commit 2 edits, commit 3 brings the template's files, commit 4 a
pipeline of the scripts, commit 5 takes large data to DVC, and the last one has the report. All are
made in git's object store. The branch appears when everything holds; the work tree changes last,
and by renames that can be played backwards.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tdsp.adopt import manifest as proof
from tdsp.adopt import worktree
from tdsp.adopt.gitwork import PLAIN, SUBMODULE, Entry, Git, Tree
from tdsp.adopt.manifest import File, Manifest
from tdsp.adopt.merge import Merged, Place, merge
from tdsp.adopt.pipeline import FOLDER, Pipeline, Way, dvc, pipeline
from tdsp.adopt.plan import PIPELINED, Item, Plan, apply_edits
from tdsp.adopt.rendering import Render, check, for_level, render
from tdsp.adopt.stored import DATA, places, take_out
from tdsp.adopt.stored import check as check_data
from tdsp.adopt.tree import Blobs, shown
from tdsp.errors import TdspError
from tdsp.plain import counted

BRANCH, TAG = "tdsp/adopt", "pre-adoption"
MOST_GONE = 0.2
MOVES = """Adopt: move files, change none

Each file has the bytes that it had. Made by `tdsp adopt`.
"""
EDITS = """Adopt: change what names a moved file

Each change stands in docs/migration/manifest.json. Made by `tdsp adopt`.
"""
TEMPLATE = """Adopt: add the files of the template

No file is overwritten. Made by `tdsp adopt`.
"""
PIPELINE = """Adopt: add a pipeline of the scripts

Its stages are what the scripts were seen to read and write. Made by `tdsp adopt`.
"""
REPORT = """Adopt: add the report of the adoption

Merge this branch with a merge commit: a squash would lose the history of moved files.
"""
IGNORE_REVS = ".git-blame-ignore-revs"
MIGRATION = "docs/migration"
LOCK = "requirements.lock"
CODE = (".py", ".ipynb", ".r", ".R", ".sh")


@dataclass(frozen=True)
class Applied:
    """What an adoption has made."""

    manifest: Manifest
    merged: Merged
    tip: str
    branch: str
    pipeline: Pipeline | None = None


Say = Callable[[str], None]
Renderer = Callable[[Plan], Render]


def apply(
    folder: Path, plan: Plan, say: Say, bundle: Path | None = None, renderer: Renderer = render,
    *, way: Way | None = None, lock: bool = False,
) -> Applied:  # fmt: skip
    """Carry a plan out, all of it or nothing.

    With a way, scripts are run for level 3; with `lock`, uv asks the network for uv.lock.

    Raises TdspError, with the repository as it was, for a state of the repository or a plan that
    cannot be carried out safely.
    """
    git = Git(folder)
    branch, tree = ready(git, plan)
    if plan.level == PIPELINED:
        _may_run(way)
    if bundle is not None:
        _bundle(git, bundle)
    say("Making the commits")
    built = _built(git, plan, tree, say, renderer, way, lock)
    tip = built.tip
    target = git.tree(tip)
    moved = {place: tree[path] for place, path in places(plan).items() if path in tree}
    _clear(git, tree, target | moved)
    say("Checking the branch out")
    _check_out(git, built, branch, tree, target, plan.moves)
    return replace(built, branch=branch)


def _may_run(way: Way | None) -> None:
    if way is None:
        raise TdspError(
            "level 3 has to run your scripts, to see what they read and write, and nobody has said"
            " that it may: add --run (in copies, without network, with a time limit), or plan with"
            " --level 2"
        )
    dvc()


def ready(git: Git, plan: Plan) -> tuple[str, Tree]:
    """Return the branch and its tree. Raises TdspError where an adoption cannot start."""
    _no_adoption(git)
    branch = git.text("symbolic-ref", "--quiet", "HEAD").removeprefix("refs/heads/")
    if not branch:
        raise TdspError("no branch is checked out: `git switch BRANCH`, then try again")
    commit = git.ref("HEAD")
    if not commit:
        raise TdspError("the repository has no commit yet: commit everything first")
    _no_other_work(git)
    if plan.commit != commit:
        raise TdspError(
            f"the plan was made for commit {plan.commit[:12]}, and {branch} is at {commit[:12]}:"
            " make the plan again with `tdsp adopt plan`"
        )
    if git.text("var", "GIT_COMMITTER_IDENT") == "":
        raise TdspError("git does not know who commits: set user.name and user.email")
    tree = git.tree(commit)
    modules = sorted(path for path, entry in tree.items() if entry.mode == SUBMODULE)
    if modules:
        raise TdspError(
            f"{shown(modules[0])} is a submodule: a repository with submodules is not adopted; make"
            " it a dependency, or adopt each repository by itself"
        )
    absent = git.missing(entry.blob for entry in tree.values())
    if absent:
        names = [shown(path) for path, entry in tree.items() if entry.blob in absent]
        raise TdspError(
            f"this machine lacks {counted(len(names), 'file')}, such as {names[0]}: this is a"
            " partial clone; make a full one, or `git fetch --refetch --no-filter`"
        )
    fits(plan, tree)
    check_data(git, plan, tree)
    return branch, tree


def _no_adoption(git: Git) -> None:
    journal, refs = worktree.read(git), {BRANCH: f"refs/heads/{BRANCH}", TAG: f"refs/tags/{TAG}"}
    names = [name for name, full in refs.items() if git.ref(full)]
    if journal is not None and journal.done and not names:
        worktree.forget(git)  # it is merged, and its names are removed
    elif journal is not None or names:
        what = f"{names[0]} is there already" if names else "an adoption has been interrupted"
        raise TdspError(
            f"{what}: `tdsp adopt undo` takes an earlier adoption back; if that one is merged,"
            f" remove its names: git branch -d {BRANCH}; git tag -d {TAG}"
        )


def _no_other_work(git: Git) -> None:
    for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"):
        if (git.folder / name).exists():
            raise TdspError("a merge, rebase, cherry-pick or revert is under way: finish it first")
    if git.index.with_name("index.lock").exists():
        raise TdspError(
            f"{git.index}.lock is there: another git runs in this repository; when none does,"
            " remove it"
        )
    if git.text("config", "--bool", "core.sparseCheckout") == "true":
        raise TdspError("only a part of the files is checked out: `git sparse-checkout disable`")
    status = git.run("status", "--porcelain=v1", "-z", "--untracked-files=normal")
    if status:
        names = [shown(os.fsdecode(each[3:])) for each in status.split(b"\0") if each[3:]]
        raise TdspError(
            f"there are changes that are not committed: {', '.join(names[:5])}; commit them, or"
            " `git stash --include-untracked`"
        )


def fits(plan: Plan, tree: Tree) -> None:
    """Raise TdspError unless the plan covers exactly these files, and each target is sound."""
    listed = {each.path: each for each in plan.items}
    for path, entry in tree.items():
        if path not in listed:
            raise TdspError(f"the plan does not say what becomes of {shown(path)}: plan again")
        if listed[path].blob != entry.blob:
            raise TdspError(f"{shown(path)} has changed since the plan was made: plan again")
    for path in listed.keys() - tree.keys():
        raise TdspError(f"the plan has {shown(path)}, which git does not track: plan again")
    if plan.level < 2 and any(each.edits for each in plan.items):
        raise TdspError(f"level {plan.level} edits nothing, and the plan has edits: plan again")
    if plan.level == 0 and plan.moves:
        raise TdspError("level 0 moves nothing, and the plan has moves: plan again")
    for each in plan.items:
        if each.target:
            _sound(each.target)
    _apart([each.target for each in plan.items if each.target])
    _explained(plan)


def _sound(target: str) -> None:
    parts = target.split("/")
    wrong = (
        "\\" in target
        or "\0" in target
        or any(part in ("", ".", "..") or part.casefold() == ".git" for part in parts)
    )
    if wrong:
        raise TdspError(f"{shown(target)} is no path inside of the repository: correct the plan")


def _apart(targets: list[str]) -> None:
    """Raise TdspError for a name that two files would have, or a file and a folder."""
    names = set(targets)
    if len(names) < len(targets):
        twice = next(each for each in targets if targets.count(each) > 1)
        raise TdspError(f"{shown(twice)} is the target of two files: correct the plan")
    for each in targets:
        for at, sign in enumerate(each):
            if sign == "/" and each[:at] in names:
                raise TdspError(
                    f"{shown(each[:at])} would be a file and a folder: correct the plan"
                )


def _explained(plan: Plan) -> None:
    gone = [each for each in plan.items if not each.target]
    for each in gone:
        if not each.why:
            raise TdspError(f"{shown(each.path)} would go without a rule: nothing was changed")
    plain = [each for each in gone if each.kind != "junk"]
    if len(plain) > MOST_GONE * len(plan.items):
        raise TdspError(
            f"{len(plain)} of {len(plan.items)} files would no longer be tracked: that is more than"
            " an adoption may do; nothing was changed"
        )


def _bundle(git: Git, target: Path) -> None:
    if target.exists():
        raise TdspError(f"{target} exists: name a new file for the bundle")
    git.run("bundle", "create", "--quiet", str(target.absolute()), "--all")


def _built(
    git: Git, plan: Plan, tree: Tree, say: Say, renderer: Renderer, way: Way | None, lock: bool
) -> Applied:
    """Make all commits in the object store."""
    files = tuple(_file(each, tree[each.path]) for each in plan.items)
    done = Manifest(plan.commit, plan.level, plan.package, files, plan.subdirectory)
    tip, now = plan.commit, tree
    moved = {e.target: Entry(tree[e.path].mode, e.blob) for e in plan.items if e.target}
    if moved != tree:
        tip, now = git.commit(moved, tip, MOVES), moved
        done = replace(done, commits={"moves": tip})
        _holds(git, done, tree, tip)
        pure(git, done, plan.commit, tip)
        _filtered(git, plan, tree, moved)
    edited, done = _edit(git, plan, now, done)
    if edited != now:
        tip, now = git.commit(edited, tip, EDITS), edited
        done = replace(done, commits={**done.commits, "edits": tip})
        _holds(git, done, tree, tip)
        for problem in proof.undone(done, edited, git.blob):
            raise TdspError(f"{problem}; nothing was changed")
    merged = Merged()
    if plan.source != "tdsp":
        say("Rendering the template")
        found = renderer(plan)
        check(found, plan)
        merged = _merged(git, plan, done, now, found, lock)
    template = {
        **now,
        **{path: Entry(f.mode, git.store(f.content)) for path, f in merged.files.items()},
    }
    template = _blame(git, template, done)
    if template != now:
        changed = {path for path in now if template[path] != now[path]}
        new = tuple(sorted(template.keys() - now.keys() - set(merged.beside)))
        tip = git.commit(template, tip, TEMPLATE)
        done = replace(
            done.merged(template, changed), added=new, beside=tuple(merged.beside),
            commits={**done.commits, "template": tip},
        )  # fmt: skip
        _holds(git, done, tree, tip)
    if tip == plan.commit and not (plan.remote and plan.large):
        raise TdspError("the plan changes nothing: the repository is adopted already")
    made = None
    if plan.level == PIPELINED and way is not None:
        made = pipeline(git, done, template, free(template, _below(plan, FOLDER)), way, say)
    if made is not None and made.text:
        template = {**template, made.path: Entry(PLAIN, git.store(made.text.encode()))}
        tip = git.commit(template, tip, PIPELINE)
        done = replace(
            done, added=(*done.added, made.path), commits={**done.commits, "pipeline": tip}
        )
        _holds(git, done, tree, tip)
    if plan.remote and plan.large:
        template, done = take_out(git, plan, done, template, say)
        tip = git.commit(template, tip, DATA)
        done = replace(done, commits={**done.commits, "data": tip})
        _holds(git, done, tree, tip)
    return _reported(git, plan, Applied(done, merged, tip, "", made), template)


def _below(plan: Plan, path: str) -> str:
    return f"{plan.subdirectory}/{path}" if plan.subdirectory else path


def _merged(
    git: Git, plan: Plan, done: Manifest, now: Tree, found: Render, lock_it: bool
) -> Merged:
    """Return what the template brings to the tree after moves and edits."""
    forgotten = tuple(each.path for each in done.files if each.fate == "untracked")
    lock = found[LOCK].content if LOCK in found and plan.level else b""
    leaving = places(plan)  # git is to ignore these from now on
    now = {path: entry for path, entry in now.items() if path not in leaving}
    sizes = git.sizes(each.blob for each in now.values())
    inside = (each for each in plan.items if each.target and each.target != each.path)
    before = _below(plan, "")
    moves = ((e.path.removeprefix(before), e.target.removeprefix(before)) for e in inside)
    with Blobs(git.root) as blobs:
        place = Place(
            now, lambda path: blobs.read(now[path].blob), plan.level, plan.subdirectory, forgotten,
            lock, lock_it, sizes, tuple(moves),
        )  # fmt: skip
        return merge(for_level(found, plan.level, plan.subdirectory), place)


def _file(item: Item, entry: Entry) -> File:
    fate = "same" if item.target else "untracked"
    return File(item.path, item.target, entry.mode, item.blob, item.blob, fate, item.kind)


def _edit(git: Git, plan: Plan, now: Tree, done: Manifest) -> tuple[Tree, Manifest]:
    """Return the tree after the edits, with the folders that scripts write to."""
    edited, files = dict(now), []
    for item, file in zip(plan.items, done.files, strict=True):
        if item.edits and item.target:
            old = git.blob(item.blob)
            try:
                blob = git.store(apply_edits(old, item.edits))
            except ValueError as error:
                raise TdspError(f"{shown(item.path)}: {error}; plan again") from error
            spans = tuple((each.start, len(each.old), len(each.new)) for each in item.edits)
            edited[item.target] = Entry(now[item.target].mode, blob)
            file = replace(file, now=blob, fate="edited", spans=spans)
        files.append(file)
    kept = emptied(git, plan, edited)
    empty = git.store(b"") if kept else ""
    edited |= {path: Entry(PLAIN, empty) for path in kept}
    return edited, replace(done, files=tuple(files), folders=kept)


def emptied(git: Git, plan: Plan, after: Tree) -> tuple[str, ...]:
    """Return a .gitkeep for each folder that lost all its files, and that code still names.

    A script that writes into it would fail without the folder.
    """
    gone = _folders(each.path for each in plan.items) - _folders(after) - after.keys()
    before = f"{plan.subdirectory}/" if plan.subdirectory else ""
    gone = {
        each for each in gone if each.startswith(before) and not _folders([each]) & after.keys()
    }
    code = [e.blob for p, e in after.items() if p.endswith(CODE)] if gone else []
    found: set[str] = set()
    with Blobs(git.root) as blobs:
        for content in map(blobs.read, code):
            for folder in gone - found:
                name = re.escape(os.fsencode(folder[len(before) :]))
                if re.search(rb"[\"'](?:\./)?" + name + rb"(?:/|\\?[\"'])", content):
                    found.add(folder)
    return tuple(f"{folder}/.gitkeep" for folder in sorted(found - _folders(found)))


def _folders(paths: Iterable[str]) -> set[str]:
    """Return every folder above these files."""
    return {path[:at] for path in paths for at, sign in enumerate(path) if sign == "/"}


def _blame(git: Git, tree: Tree, done: Manifest) -> Tree:
    """Name the commit of edits in the list that `git blame` leaves out."""
    commit = done.commits.get("edits")
    if commit is None:
        return tree
    theirs = git.blob(tree[IGNORE_REVS].blob) if IGNORE_REVS in tree else b""
    gap = b"" if not theirs or theirs.endswith(b"\n") else b"\n"
    line = f"# tdsp adopt: paths and imports after the move\n{commit}\n".encode()
    return {**tree, IGNORE_REVS: Entry(PLAIN, git.store(theirs + gap + line))}


def _filtered(git: Git, plan: Plan, before: Tree, after: Tree) -> None:
    """Raise TdspError where a move would take a file away from its filter, such as Git LFS."""
    if not any(path.endswith(".gitattributes") for path in before):
        return
    old, new = git.filters(before), git.filters(after)
    for each in plan.items:
        if each.target and old.get(each.path) != new.get(each.target):
            what = old.get(each.path) or new.get(each.target)
            raise TdspError(
                f"{shown(each.path)} would change its filter ({what}) as {shown(each.target)},"
                " since .gitattributes names folders: add the new place there, commit, and plan"
                " again"
            )


def _holds(git: Git, done: Manifest, before: Tree, tip: str) -> None:
    """Raise TdspError unless git's own list of the commit is what the manifest says."""
    for problem in proof.problems(done, before, git.tree(tip)):
        raise TdspError(f"the proof does not hold: {problem}; nothing was changed")


def pure(git: Git, done: Manifest, before: str, after: str) -> None:
    """Raise TdspError unless a commit holds nothing but exact renames and files that go.

    Git calls a rename only what leaves one name for a new one. For names that change places, and
    for copies of a file that goes, of which git may take any, the comparison of the whole tree is
    the proof.
    """
    moved = {e.target: Entry(e.mode, e.blob) for e in done.files if e.target}
    if git.tree(after) != moved:
        raise TdspError("the commit of moves holds more than moves; nothing was changed")
    old = {each.path for each in done.files}
    passed = {e.path for e in done.files if e.target in old or e.path in moved or not e.target}
    gone = {each.blob for each in done.files if not each.target}
    passed |= {each.path for each in done.files if each.blob in gone}
    passed |= {each.target for each in done.files if each.path in passed}
    words = ("--no-commit-id", "--find-renames=100%", "-l0", "--name-status")
    parts = git.run("diff-tree", "-r", "-z", *words, before, after).split(b"\0")
    at = 0
    while at < len(parts) - 1:
        status, path = parts[at].decode(), os.fsdecode(parts[at + 1])
        if status != "R100" and path not in passed:
            raise TdspError(f"{shown(path)} is not a pure move ({status}); nothing was changed")
        at += 3 if status.startswith("R") else 2


def _reported(git: Git, plan: Plan, built: Applied, tree: Tree) -> Applied:
    """Add the report as the last commit."""
    from tdsp.adopt.report import page

    folder = free(tree, _below(plan, MIGRATION))
    text = page(git, plan, built.manifest, built.merged, built.pipeline)
    tree = {
        **tree,
        f"{folder}/REPORT.md": Entry(PLAIN, git.store(text.encode())),
        f"{folder}/manifest.json": Entry(PLAIN, git.store(proof.dumps(built.manifest))),
    }
    return replace(built, tip=git.commit(tree, built.tip, REPORT))


def free(tree: Tree, folder: str) -> str:
    """Return a folder in which the tree has nothing."""
    taken = {path.casefold() for path in tree}
    number, name = 1, folder
    while any(p == name.casefold() or p.startswith(f"{name.casefold()}/") for p in taken):
        number += 1
        name = f"{folder}-{number}"
    return name


def _clear(git: Git, tree: Tree, target: Tree) -> None:
    found = worktree.blocked(git, tree, target)
    if found:
        raise TdspError(
            f"{shown(found[0])} is in the way: git ignores it or does not track it; move it away,"
            " nothing was changed"
        )


def _check_out(
    git: Git, built: Applied, branch: str, tree: Tree, target: Tree, moves: dict[str, str]
) -> None:
    """Make the branch and the tag, and bring the work tree there; on an error bring it back."""
    from tdsp.adopt.undo import restore

    commit = built.manifest.commit
    try:
        fresh = worktree.stage(git, built.tip, tree, target, moves)
        journal = worktree.Journal(
            branch, commit, built.tip, tuple(worktree.renames(tree, moves, fresh)),
            data=tuple((e.target, e.blob) for e in built.manifest.files if e.fate == "dvc"),
        )  # fmt: skip
        worktree.write(git, journal)
    except OSError as error:
        worktree.forget(git)
        raise TdspError(f"nothing was changed: {error.strerror} ({error.filename})") from error
    except TdspError:
        worktree.forget(git)
        raise
    try:
        git.refs([f"create refs/tags/{TAG} {commit}", f"create refs/heads/{BRANCH} {built.tip}"])
        worktree.forward(git, journal)
        git.run("symbolic-ref", "-m", "tdsp adopt", "HEAD", f"refs/heads/{BRANCH}")
        worktree.finish(git, journal)
    except BaseException as error:
        restore(git, journal)
        if isinstance(error, OSError):
            raise TdspError(f"nothing was changed: {error.strerror} ({error.filename})") from error
        raise
