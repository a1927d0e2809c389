"""A plan from facts: what becomes of each file, what is asked, what the template adds."""

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tdsp.adopt import names
from tdsp.adopt.classify import classify
from tdsp.adopt.evidence import ASKED, BY_HAND, IMPORTS, IN_USE
from tdsp.adopt.facts import Facts, gather
from tdsp.adopt.history import old_secrets
from tdsp.adopt.judged import FOLDER, MOVE, Judged
from tdsp.adopt.layout import Layout, layout
from tdsp.adopt.meanwhile import possible
from tdsp.adopt.plan import Item, Note, Plan, Question
from tdsp.adopt.rendering import IN_PLACE
from tdsp.adopt.sources import Source, mapped, recognise
from tdsp.adopt.targets import Targets, settle
from tdsp.adopt.template import begin, check_package, package_of, render, slug
from tdsp.adopt.tree import Blobs, Tree, blind, case_groups, read_repository, read_tree, shown
from tdsp.errors import TdspError
from tdsp.reading.repository import Repository

MOST_REMOVED = 0.2
MANY = 1000  # files from which on a second process saves more than it costs
FEW_REMOVED = 20  # of so few files, any share may go without a question
SPELLING = "spelling"
UNEDITED = frozenset({"vendored", "junk"})  # whose places no code has to know
DATA_KINDS = frozenset({"raw data", "derived data", "model"})  # which are no part of a package
QUESTIONS = {
    "data in use": "Code uses these data. May they move? The paths in it are edited.",
    "models in use": "Code uses these models. May they move? The paths in it are edited.",
    "results in use": "Code makes these results. May they move? The paths in it are edited.",
    "unfollowed files": "No edited code has a path to these files, so they stay.",
    "paths by hand": "Code has their paths where adopt cannot edit them, so they stay.",
    "imports by hand": "These notebooks import code that stays beside them, so they stay.",
    "run by path": "An image, a host, a pipeline or CI runs these by their path, or they find the "
    "project from their own place. May they move? What adopt cannot edit is for you to change.",
    "notebooks with paths": "These notebooks read or write by paths from their own folder. May they"
    " move? Paths of files that are here are edited; others then start from the new folder.",
    "spelling": "To Windows and macOS these folders and the layout's are one. May they take its "
    "spelling? Paths in the code are edited.",
    "exact copies": "These files are exact copies of others. They stay.",
    "old versions": "These files look like older versions. They stay.",
    "does not parse": "These files do not parse. They are code, and move unchanged with the rest.",
    "many removed": "A fifth of the files or more would be untracked. May git forget them?",
    "logs": "May git forget these logs of earlier runs? They stay on disk and in history.",
}


ABOUT_MOVE = (
    "May {} move to its place in the layout? Imports and paths in code are edited; what runs it by"
    " its path from elsewhere, such as an image, a host or CI, is not."
)


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything that was read: the tree, the facts, and what they mean."""

    tree: Tree
    repo: Repository
    facts: Facts
    layout: Layout
    judged: dict[str, Judged]
    source: Source
    subdirectory: str = ""

    @property
    def name(self) -> str:
        """The name of the folder that the project is."""
        return posixpath.basename(self.subdirectory) or self.tree.root.name


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for."""

    level: int = 1
    template_level: str = "train"
    package: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    fixes: tuple[str, ...] = ()


def scan(folder: Path, subdirectory: str = "", wish: Wish | None = None) -> Scan:
    """Read a repository and judge each of its files.

    Where that takes long, what the template brings for a wish is rendered meanwhile.
    """
    tree = read_tree(folder)
    below = subdirectory.strip("/")
    if below and not any(path.startswith(f"{below}/") for path in tree.entries):
        raise TdspError(f"--subdirectory {below}: the commit has no files in this folder")
    before = f"{below}/" if below else ""
    with Blobs(tree.root, tree.held) as blobs:
        repo = read_repository(tree, blobs, below)
        if wish and len(tree.entries) >= MANY and possible():
            name = posixpath.basename(below) or tree.root.name
            begin(_answers(name, wish, wish.package or package_of(name)))
        facts = gather(repo, lambda path: blobs.read(tree.entries[before + path].blob))
    old = old_secrets(tree, below, facts.notes)
    facts = replace(facts, notes=(*facts.notes, *old))
    found = layout(repo, facts)
    return Scan(tree, repo, facts, found, classify(repo, facts, found), recognise(repo), below)


def build(done: Scan, wish: Wish) -> Plan:
    """Make the plan. Raises TdspError for wishes that cannot be fulfilled."""
    if done.layout.projects and not done.subdirectory and wish.level:
        raise TdspError(_which(done.layout.projects))
    done = replace(done, judged=ask_many(done.judged))
    package = wish.package or _package(done)
    check_package(package) if done.source.name != "tdsp" else None
    level, notes = _level(done, wish.level)
    answers = _answers(done.name, wish, package)
    rendered = {} if done.source.name == "tdsp" else render(answers)
    if not wish.package and _clash(done, package, rendered):
        package = package_of(f"{package} model")
        answers = _answers(done.name, wish, package)
        rendered = render(answers)
    targets, found = _targets(done, package, rendered, level)
    questions = {ask: each for ask, each in found.items() if _moves(each)}
    items = tuple(_items(done, targets, questions, level))
    added = _added(targets, rendered, level)
    notes = [*done.facts.notes, *notes, *_built(done, targets), *_alike(targets, added)]
    plan = Plan(
        done.tree.commit, level, package, wish.template_level, items, tuple(questions.values()),
        tuple(notes), added,
        tuple(answers.items()),
        done.subdirectory, done.source.name, wish.fixes,
        offers=tuple(_offer(each) for ask, each in found.items() if ask not in questions),
    )  # fmt: skip
    plan = edited(done, _placed(plan, done))
    if held := _held(done, plan.notes):
        return build(replace(done, judged=done.judged | held), wish)
    check_removals(plan)
    return plan


def _held(done: Scan, notes: Iterable[Note]) -> dict[str, Judged]:
    """Return the judgements on files that would move where no edit can follow them.

    These are stored files, folders of code of which one file would have to stay, and notebooks that
    import what stays beside them.
    """
    users = {note.follows: note for note in notes if note.follows}
    found = {}
    for path, each in done.judged.items() if users else ():
        place, ask = "", BY_HAND
        if each.ask in IN_USE.values():
            place = next((above for above in _upwards(path) if above in users), "")
        elif each.ask.startswith(MOVE):
            top = each.ask.removeprefix(MOVE)
            place = next((inside for inside in users if top in _upwards(inside)), "")
        elif path in users and _is_of(users[path], path, done):
            place, ask = path, IMPORTS
        if place:
            note = users[place]
            why = f"{note.path}:{note.line} has the path of {place} where no edit can follow"
            if _is_of(note, place, done):
                why = f"{note.path}:{note.line} {note.text}"
            found[path] = Judged(each.kind, "stay", ASKED, (*each.why, why), ask, each.place)
    return found


def _is_of(note: Note, path: str, done: Scan) -> bool:
    """Tell whether what a note is about is in the very file that would have to stay."""
    return note.path == posixpath.join(done.subdirectory, path)


def _upwards(path: str) -> Iterator[str]:
    """Yield a path, and each folder that it is in."""
    while path:
        yield path
        path = posixpath.dirname(path)


def _which(projects: tuple[str, ...]) -> str:
    first = f"--subdirectory {shown(projects[0])}"
    if len(projects) == 1:
        return f"the project is the folder {shown(projects[0])}: plan it with {first}"
    listed = ", ".join(map(shown, projects))
    return (f"this repository holds several projects ({listed}): plan one at a time with"
            f" --subdirectory, such as {first}")  # fmt: skip


def _package(done: Scan) -> str:
    """Return the package's name: that of the only package, else the repository's."""
    given = done.source.package
    if given == package_of(given or "x") and names.folded(given) not in names.GENERIC:
        return given
    own = {
        each for each in done.layout.packages | done.layout.inner
        if names.folded(each) not in names.GENERIC
    }  # fmt: skip
    if len(own) == 1 and _is_the_package(done, next(iter(own))):
        name = next(iter(own))
        return name if package_of(name) == name else package_of(f"{name} model")
    return package_of(done.name)


def _is_the_package(done: Scan, name: str) -> bool:
    """Tell whether a package is the project: it is declared, or code outside of it uses it."""
    before = (f"{name}/", f"src/{name}/")
    outside = {
        path for path, judged in done.judged.items()
        if judged.place == "code" and path.endswith(".py") and not path.startswith(before)
    }  # fmt: skip
    users = {
        who for path, fact in done.facts.files.items() if path.startswith(before)
        for who in fact.importers
    }  # fmt: skip
    return not outside or bool(outside & users) or name in done.layout.declared


def ask_many(judged: dict[str, Judged]) -> dict[str, Judged]:
    """Ask about files that go for certain where a large share of a repository would go."""
    gone = {
        path for path, each in judged.items()
        if each.place == "untrack"
    }  # fmt: skip
    if len(gone) <= FEW_REMOVED or len(gone) <= MOST_REMOVED * len(judged):
        return judged
    return {
        path: replace(each, ask=each.ask or "many removed") if path in gone else each
        for path, each in judged.items()
    }


def _clash(done: Scan, package: str, rendered: Mapping[str, bytes]) -> bool:
    """Tell whether the team's package of this name stays, or has modules of the template."""
    if package in done.layout.installed:
        return True
    if package not in done.layout.packages | done.layout.inner:
        return False
    before = f"src/{package}/"
    theirs = _modules(path for path in rendered if path.startswith(before))
    ours = _modules(path for path in done.judged if path.endswith(".py"))
    packages = {each for each, path in theirs.items() if path.endswith("/__init__.py")}
    return any(each not in packages or ours[each] != theirs[each] for each in theirs.keys() & ours)


def _modules(paths: Iterable[str]) -> dict[str, str]:
    """Return the files by what Python imports them as: a package hides a module of its name."""
    plain = (path.removeprefix("src/") for path in paths)
    return {path.removesuffix("/__init__.py").removesuffix(".py"): path for path in plain}


def _level(done: Scan, wanted: int) -> tuple[int, list[Note]]:
    if wanted > done.source.most:
        text = f"from {done.source.name}: {done.source.why}; level {done.source.most} only"
        return done.source.most, [Note("", 0, text)]
    if wanted and done.layout.old:
        text = f"{done.layout.old}: none can be edited, so none is moved: level 0 only"
        return 0, [Note("", 0, text)]
    if wanted and done.layout.mixed:
        text = f"too mixed to be edited ({done.layout.mixed}), so nothing is moved: level 0 only"
        return 0, [Note("", 0, text)]
    return wanted, []


def _built(done: Scan, targets: Mapping[str, str]) -> list[Note]:
    """Name the build files that look for packages where they were."""
    moved = {
        path.split("/")[0] for path, target in targets.items()
        if path.endswith("/__init__.py") and target != path
    }  # fmt: skip
    texts = ((path, done.repo.text(path)) for path in ("setup.py", "setup.cfg"))
    text = "it looks for packages where they were; they move below src/: change it by hand"
    return [Note(path, 0, text) for path, found in texts if moved and "packages" in found]


def _alike(targets: Mapping[str, str], added: Iterable[str]) -> list[Note]:
    """Name what will be one file or one folder to Windows or macOS."""
    groups = case_groups([*filter(None, targets.values()), *added])
    text = "are one name to Windows or macOS: rename one of them"
    return [
        Note("", 0, f"{' and '.join(map(shown, alike))} {text}")
        for alike in groups.values() if len(alike) > 1
    ]  # fmt: skip


def _answers(name: str, wish: Wish, package: str) -> dict[str, str]:
    plain = slug(name)
    plain = plain if package_of(name) == plain.replace("-", "_") else f"{plain}-project"
    given = {"project_name": plain.replace("-", " ").capitalize(), "project_slug": plain,
             "package_name": package, "level": wish.template_level}  # fmt: skip
    return given | {key: str(value) for key, value in wish.answers.items()}


def _targets(
    done: Scan, package: str, rendered: Mapping[str, bytes], level: int
) -> tuple[dict[str, str], dict[str, Question]]:
    if level == 0:
        return {path: path for path in done.judged}, {}
    maker = Targets(done.layout, package, rendered)
    wanted = {path: _wanted(done, maker, path, package) for path in done.judged}
    targets = settle(wanted, rendered)
    grouped: dict[str, list[str]] = defaultdict(list)
    for path, target in targets.items():
        if ask := _asked(done, path, target, mapped(done.source, path, package)):
            grouped[ask].append(path)
    return targets, {
        ask: _question(ask, paths, done, maker, targets) for ask, paths in grouped.items()
    }


def _asked(done: Scan, path: str, target: str, table: str) -> str:
    """Return the question about a file, "" if there is none.

    What the table of a known template moves is asked about like other folders, but for its pages.
    """
    judged = done.judged[path]
    if table and not (judged.kind in DATA_KINDS and table.startswith("src/")):
        page = table.startswith("docs/")
        return "" if page or target == path else f"{MOVE}{path.split('/')[0]}"
    if judged.place == "stay" and target != path:
        return SPELLING
    return judged.ask if judged.place == "stay" or target != path else ""


def _wanted(done: Scan, maker: Targets, path: str, package: str) -> str:
    judged = done.judged[path]
    fixed = judged.place == "untrack" or judged.kind in {"vendored", "build", "dependencies"}
    if not fixed and (target := mapped(done.source, path, package)):
        own = judged.kind in DATA_KINDS and target.startswith("src/")
        if judged.kind == "notebook" or own:
            return maker.wanted(path, judged)
        return names.module_path(target) if path.endswith(".py") else target
    return maker.wanted(path, judged)


def _question(
    ask: str, paths: list[str], done: Scan, maker: Targets, targets: Mapping[str, str]
) -> Question:
    """Return one question with the answers that make sense for its files."""
    taken = Counter(blind(target) for target in targets.values())

    def all_to(place: str) -> dict[str, str]:
        found = {}
        for path in paths:
            target = maker.wanted(path, Judged("", place, 0, ()))
            same = blind(target) == blind(targets[path])
            found[path] = target if same or not taken[blind(target)] else targets[path]
        return found if len({blind(t) for t in found.values() if t}) == len(found) else {}

    choices = {"as proposed": {path: targets[path] for path in paths}}
    choices["leave"] = {
        path: path for path in paths
        if not taken[blind(path)] or blind(targets[path]) == blind(path)
    }  # fmt: skip
    if len(choices["leave"]) < len(paths):
        del choices["leave"]
    if moved := _moved(paths, done, maker, taken):
        choices["move"] = moved
    others = {"archive": "archive"}
    if ask == "data in use":
        others |= {"raw data": "data/raw", "derived data": "data/processed"}
    for name, place in others.items():
        if (found := all_to(place)) and found not in choices.values():
            choices[name] = found
    return Question(*_named(ask, done, paths[0]), choices, "as proposed")


def _moves(question: Question) -> bool:
    """Tell whether what a question proposes is more than to leave everything where it is."""
    return any(old != new for old, new in question.choices[question.proposed].items())


def _offer(question: Question) -> Question:
    """Return a question that proposes nothing as an offer, whose first choice is to stay."""
    choices = {"stay": question.choices["as proposed"]}
    choices |= {
        k: each for k, each in question.choices.items() if k not in {"as proposed", "leave"}
    }
    name = question.id.removeprefix("q-").removeprefix("folder-")
    return Question(name, question.text, choices, "stay")


def accept(plan: Plan, wanted: Iterable[str]) -> Plan:
    """Return the plan with offers taken up. Raises TdspError for one that it does not make."""
    able = {each.id: each.choices["move"] for each in plan.offers if "move" in each.choices}
    chosen = list(dict.fromkeys(wanted))
    for name in chosen:
        if name not in able:
            listed = f"what may move: {', '.join(able)}" if able else "nothing that stays may move"
            raise TdspError(f"--move {shown(name)}: the plan does not offer that; {listed}")
    targets = {path: target for name in chosen for path, target in able[name].items()}
    items = tuple(replace(e, target=targets.get(e.path, e.target)) for e in plan.items)
    same = Counter(blind(each.target) for each in items if each.target)
    for path, target in targets.items():
        if same[blind(target)] > 1:
            text = f"another file goes to {shown(target)} as well: take one of these offers"
            raise TdspError(f"--move: {shown(path)} cannot move, since {text}")
    offers = tuple(replace(e, proposed="move") if e.id in chosen else e for e in plan.offers)
    return replace(plan, items=items, offers=offers)


def _named(ask: str, done: Scan, path: str) -> tuple[str, str]:
    """Return the id and the text of a question."""
    if text := QUESTIONS.get(ask):
        return f"q-{ask.replace(' ', '-')}", text
    folder = ask.removeprefix(FOLDER).removeprefix(MOVE)
    if ask.startswith(MOVE):
        return f"q-move-{shown(folder)}", ABOUT_MOVE.format(shown(folder))
    return f"q-folder-{shown(folder)}", _about_folder(folder, done, path)


def _moved(
    paths: list[str], done: Scan, maker: Targets, taken: Mapping[str, int]
) -> dict[str, str]:
    """Return where files go that stay only until somebody answers; nothing if places collide."""
    if not all(done.judged[path].instead for path in paths):
        return {}
    wanted = {
        path: maker.wanted(path, replace(done.judged[path], place=done.judged[path].instead))
        for path in paths
    }
    free = all(target == path or not taken[blind(target)] for path, target in wanted.items())
    unique = len({blind(target) for target in wanted.values()}) == len(paths)
    return wanted if free and unique else {}


def _about_folder(folder: str, done: Scan, path: str) -> str:
    """Return the question about a folder: its reason is the last one that its files give."""
    why = done.judged[path].why[-1]
    return f"{shown(why)[:1].upper()}{shown(why)[1:]}, so {shown(folder)} stays."


def _items(
    done: Scan, targets: Mapping[str, str], questions: Mapping[str, Question], level: int
) -> list[Item]:
    found = []
    by_path = {p: q.id for q in questions.values() for p in q.choices["as proposed"]}
    for path, judged in done.judged.items():
        table = mapped(done.source, path, "PACKAGE")
        why = (*judged.why, f"the table for {done.source.name}") if table else judged.why
        asked = by_path.get(path, "")
        offered = judged.ask and targets[path] == path
        sure = 0.97 if not asked and (table or offered) else judged.confidence
        found.append(Item(path, done.repo.files[path].blob, judged.kind, targets[path],
                          1.0 if level == 0 else sure, why, asked))  # fmt: skip
    return found


def _added(
    targets: Mapping[str, str], rendered: Mapping[str, bytes], level: int
) -> tuple[str, ...]:
    """Return the files of the template that `adopt apply` will add at this level."""
    taken = {blind(target) for target in targets.values()}
    wanted = [path for path in rendered if path != "LICENSE" and blind(path) not in taken]
    return tuple(path for path in wanted if level or path.startswith(IN_PLACE))


def edited(done: Scan, plan: Plan) -> Plan:
    """Return the plan with the edits and notes for its moves, whatever edits it had."""
    if plan.level < 2:
        return plan
    from tdsp.adopt.rewrite import edits_for

    before = f"{done.subdirectory}/" if done.subdirectory else ""
    moves = {
        old.removeprefix(before): new.removeprefix(before)
        for old, new in plan.moves.items() if old.startswith(before)
    }  # fmt: skip
    with Blobs(done.tree.root, done.tree.held) as blobs:

        def content(path: str) -> bytes:
            return blobs.read(done.tree.entries[before + path].blob)

        edits, found = edits_for(
            done.repo, content, moves, plan.package, done.facts.runs, frozenset(plan.fixes)
        )

    def kept(item: Item) -> bool:
        archived = item.target != item.path and item.target.startswith(f"{before}archive/")
        return item.kind in UNEDITED or archived

    notes = [note for note in plan.notes if note in _own_notes(done) or not note.path]
    notes += [replace(each, path=before + each.path) for each in found]
    items = tuple(
        replace(each, edits=() if kept(each) else edits.get(each.path.removeprefix(before), ()))
        for each in plan.items
    )
    return replace(plan, items=items, notes=tuple(notes))


def _own_notes(done: Scan) -> set[Note]:
    before = f"{done.subdirectory}/" if done.subdirectory else ""
    return {replace(note, path=before + note.path) for note in done.facts.notes}


def _placed(plan: Plan, done: Scan) -> Plan:
    """Return the plan with paths from the repository's root; files outside stay."""
    if not done.subdirectory:
        return plan
    before = f"{done.subdirectory}/"

    def put(target: str) -> str:
        return before + target if target else ""

    inside = tuple(replace(e, path=before + e.path, target=put(e.target)) for e in plan.items)
    outside = tuple(
        Item(path, entry.blob, "unknown", path, 1.0, ("it is outside of the subdirectory",))
        for path, entry in done.tree.entries.items() if not path.startswith(before)
    )  # fmt: skip
    questions, offers = (
        tuple(
            replace(each, choices={
                name: {before + path: put(target) for path, target in choice.items()}
                for name, choice in each.choices.items()
            })
            for each in group
        )
        for group in (plan.questions, plan.offers)
    )  # fmt: skip
    notes = tuple(replace(e, path=before + e.path if e.path else "") for e in plan.notes)
    return replace(plan, items=inside + outside, questions=questions, offers=offers, notes=notes,
                   added=tuple(before + each for each in plan.added))  # fmt: skip


def check_removals(plan: Plan) -> None:
    """Raise TdspError where files would go without a rule, or far too many would go."""
    gone = [each for each in plan.items if not each.target]
    unexplained = [each.path for each in gone if each.kind != "junk" and not each.question]
    if unexplained and len(unexplained) > MOST_REMOVED * len(plan.items):
        raise TdspError(
            f"{len(unexplained)} of {len(plan.items)} files would go without a rule that says why,"
            f" such as {unexplained[0]}: nothing is planned"
        )
