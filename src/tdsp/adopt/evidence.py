"""Whether a file moves without a question, with one, or stays.

A rule says where files of a kind go. Whether a certain file goes there is decided here. Notebooks,
pages and code at the root move if two pieces of evidence agree. A folder of code moves with one
question, since an image, a host, a job or CI may run it by its path: of such files in plans of
unseen repositories, half should not have moved unasked. Code at the root that one of these runs,
and a notebook that has relative paths, are asked about as well. Data, models, results and figures
never move unasked: a quarter went wrong. Where code whose paths are edited uses one, a question
proposes the move; where none does, it stays, since nothing is gained. A folder of code that the
rest of the repository does not know is a thing of its own, and `src` that no other code uses is a
place for code already: both stay, and the plan offers to move them.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from tdsp.adopt import names
from tdsp.adopt.facts import Facts, data_like, is_test
from tdsp.adopt.judged import FOLDER, MOVE, Judged, stays
from tdsp.adopt.layout import Layout
from tdsp.adopt.outside import Outside
from tdsp.adopt.rewrite.texts import is_document, is_text
from tdsp.adopt.sources import recognise
from tdsp.adopt.uses import uses
from tdsp.reading.repository import Repository

KNOWN = names.GENERIC | names.TOOLS | names.CODE_WRAPPERS
USUAL = (
    names.PLACES
    | names.NOTEBOOKS
    | names.DOCUMENTS
    | names.TESTS
    | names.STAY
    | names.TOOLS
    | {"src"}
)
FOREIGN = frozenset({"r", "source"})
SETTINGS = frozenset({"yaml", "toml", "config", "json"})
UNEDITED = frozenset({"source", "python 2", "broken python"})
EDITED = frozenset({"python", "notebook", "r", "shell"})  # whose paths follow a file that moves
FOUND_BY_PATH = ("data/", "models", "reports", "docs")
CERTAIN = "is not Python, and stays"
MANY = 3  # folders that stand alone: then those with notebooks only do so as well
UNMOVED = frozenset({"stay", "untrack"})
# Folders that a project has of its own: two of them inside of one folder make it a project.
PARTS = frozenset(["src", "app", "data", "config", "configs", "models", "notebooks", "tests"])
WRITTEN = re.compile(r"(?i)report|notes?|description|summary|paper|thesis|proposal|documentation")
STORED = frozenset({"raw data", "derived data", "model", "result", "figure"})
Places = dict[str, set[str]]
# Of a place: the names of folders that say as much, and the question about what code uses.
SAID = {
    "data": names.DATA_FOLDERS | frozenset(names.STAGES),
    "models": names.MODEL_FOLDERS,
    "reports": names.RESULT_FOLDERS | names.FIGURES | names.IMAGES,
}
IN_USE = {"data": "data in use", "models": "models in use", "reports": "results in use"}
UNFOLLOWED = "unfollowed files"
BY_HAND = "paths by hand"
IMPORTS = "imports by hand"
RUN_BY_PATH = "run by path"
ASKED = 0.6
NOTEBOOKS = "notebooks with paths"
WITH_CODE = frozenset({"code", "with code", "tests"})
# What starts a path that does not begin in the folder of who has it.
ELSEWHERE = re.compile(r"[a-z]+:/|[A-Za-z]:|[\\/~\0]")


def weigh(
    repo: Repository,
    facts: Facts,
    found: Layout,
    judged: dict[str, Judged],
    alone: dict[str, Judged],
) -> None:
    """Ask about the moves for which too little speaks; `alone` knows nothing of copies."""
    places = _places(judged)
    outside = Outside(repo, facts)
    strangers = _strangers(repo, facts, found, outside, judged)
    pages = _of_pages(judged)
    for path, each in judged.items():
        if not each.ask and each.place in UNMOVED:
            continue
        settled = _settled(repo, facts, places, path, each)
        top, below, _ = path.partition("/")
        if below and top in strangers and (settled.ask or settled.place not in UNMOVED):
            own = alone[path] if each.instead == "archive" else each
            settled = _left(own, top, strangers[top], found)
        if (
            not settled.ask
            and settled.place != "stay"
            and (ask := _asked(repo, found, outside, pages, path, settled.place))
        ):
            settled = replace(settled, confidence=ASKED, ask=ask)
        judged[path] = settled


def _of_pages(judged: Mapping[str, Judged]) -> frozenset[str]:
    """Return the folders of documents that hold nothing else: they need no question."""
    inside = {path: each for path, each in judged.items() if "/" in path}
    pages = {path.split("/")[0] for path, each in inside.items() if each.place == "docs"}
    return frozenset(pages - {path.split("/")[0] for path, e in inside.items() if e.kind in STORED})


def _asked(
    repo: Repository,
    found: Layout,
    outside: Outside,
    pages: AbstractSet[str],
    path: str,
    place: str,
) -> str:
    """Return the question about a move that evidence allows, "" if it needs none."""
    if place == "with app":
        return RUN_BY_PATH if found.app in outside.run else ""
    if place != "untrack" and "/" in path:
        top = path.split("/")[0]
        return "" if place == "docs" and top in pages else f"{MOVE}{top}"
    if place in WITH_CODE and path in outside.run:
        return RUN_BY_PATH
    return NOTEBOOKS if place == "notebooks" and _has_paths(repo, path) else ""


def _has_paths(repo: Repository, path: str) -> bool:
    """Tell whether a notebook reads or writes by paths that start from its own folder."""
    module = repo.notebooks[path].module
    return bool(module.problem) or any(not ELSEWHERE.match(use.path) for use in uses(module))


def _settled(repo: Repository, facts: Facts, places: Places, path: str, each: Judged) -> Judged:
    """Return the judgement on a file that would move, without regard to its folder's whole."""
    if each.place.startswith(FOUND_BY_PATH) and (who := _unedited(repo, facts, path)):
        return stays(each.kind, *each.why, f"{who} has its path, and is not edited")
    if each.place.split("/")[0] in SAID:
        return _stored(repo, facts, places, path, each)
    if each.place == "docs":
        return _page(repo, facts, path, each)
    return each


def _left(each: Judged, top: str, why: str, found: Layout) -> Judged:
    """Return the judgement on a file of a folder that stays as a whole until somebody answers."""
    if each.place == "untrack":
        return each
    if top in found.installed or why.endswith(CERTAIN):
        return stays(each.kind, *each.why, why)
    instead = each.instead or each.place
    return Judged(each.kind, "stay", ASKED, (*each.why, why), f"{FOLDER}{top}", instead)


def _stored(repo: Repository, facts: Facts, places: Places, path: str, each: Judged) -> Judged:
    """Ask whether a stored file moves that code uses; what no code uses stays."""
    parts, place = names.parts_of(path), each.place.split("/")[0]
    if each.kind == "document":
        return stays(each.kind, *each.why, "a document stays in its folder")
    if set(parts) & names.TESTS:
        return stays(each.kind, *each.why, "it lies among tests")
    if each.kind == "figure" and any(map(is_document, facts.files[path].namers)):
        return stays(each.kind, *each.why, "pages find an image by its place")
    drawn = place == "reports" and _drawn(facts, path)
    if drawn or _followed(repo, facts, path) or _folder_followed(facts, places, path, each):
        return replace(each, confidence=ASKED, ask=IN_USE[place])
    if SAID[place] & set(parts) or (place == "reports" and names.for_results(parts)):
        return stays(
            each.kind, *each.why, "no edited code has its path, and its folder says what it is"
        )
    return Judged(each.kind, "stay", ASKED, each.why, UNFOLLOWED, each.place)


def _page(repo: Repository, facts: Facts, path: str, each: Judged) -> Judged:
    """Judge what may go to the documents: an image stays where pages show it, a list as well."""
    fact, parts = facts.files[path], names.parts_of(path)
    if set(parts) & names.DOCUMENTS:
        return each
    if parts:
        return Judged(each.kind, "stay", ASKED, each.why, UNFOLLOWED, each.place)
    if data_like(fact, repo) == "image":
        return stays(each.kind, *each.why, "pages find an image by its place")
    used = fact.readers | fact.writers | fact.namers
    if not parts and names.MEASURED.search(names.stem(path)[0]):
        return Judged(each.kind, "stay", ASKED, each.why, UNFOLLOWED, each.place)
    plain = not used and data_like(fact, repo) == "text" and not parts
    if plain and not WRITTEN.search(names.stem(path)[0]):
        return stays(each.kind, *each.why, "its name is not a document's")
    return each


def _followed(repo: Repository, facts: Facts, path: str) -> bool:
    """Tell whether code has the path of a file and is edited when the file moves.

    The name alone, which code may join to any folder, is no path: no edit follows it.
    """
    fact = facts.files[path]
    if _edited(facts, fact.readers | fact.writers):
        return True
    return any(_has(repo, who, path) for who in fact.namers if _edited(facts, [who]))


def _edited(facts: Facts, users: Iterable[str]) -> bool:
    """Tell whether one of the files that use something is edited when that moves."""
    return any(facts.files[who].content in EDITED for who in users)


def _has(repo: Repository, who: str, path: str) -> bool:
    """Tell whether a text holds the end of a path: a file's name with the folder that it is in.

    Both may be joined by a function: `os.path.join("data", "rows.csv")`.
    """
    *folder, name = map(re.escape, path.split("/")[-2:])
    joint = r"(?:[\\/]+|\\?[\"']\)?\s*[,/]\s*\\?[\"'])"
    return re.search(joint.join([*folder, name]), repo.text(who)) is not None


def _folder_followed(facts: Facts, places: Places, path: str, each: Judged) -> bool:
    """Tell whether edited code names a folder that a file is in, and all in it go to one place.

    Otherwise the code cannot follow. Of a folder whose name is none for data, what is read and
    what is written cannot be told apart, so its tables are asked about.
    """
    data = each.place.startswith("data/")
    while path := posixpath.dirname(path):
        who = facts.folders_read.get(path, set()) | facts.folders_written.get(path, set())
        if _edited(facts, who):
            known = not data or bool(names.DATA_FOLDERS & set(names.parts_of(f"{path}/x")))
            return known and len(places[path]) == 1
    return False


def _places(judged: Mapping[str, Judged]) -> Places:
    """Return, of each folder, the places of what is stored in it or below."""
    found: Places = defaultdict(set)
    for path, each in judged.items():
        folder = posixpath.dirname(path) if each.kind in STORED else ""
        while folder:
            found[folder].add(each.place)
            folder = posixpath.dirname(folder)
    return found


def _unedited(repo: Repository, facts: Facts, path: str) -> str:
    """Return the file that has the path of another one and that no edit follows, "" if none.

    Paths in R are followed from the root only, and not those of a Shiny app: a list of its files
    goes with it. Who reads a setting is not known, so it is named and not edited; nor is LaTeX.
    """
    shiny = {"server.R", "app.R"} & facts.files.keys()
    fact = facts.files[path]
    for who in sorted(fact.readers | fact.writers | fact.namers):
        content = facts.files[who].content
        if content in UNEDITED or (content == "r" and ("/" in who or shiny)):
            return who
        if content == "markup" and not is_document(who):  # LaTeX is told the folder apart
            return who
        if content in SETTINGS and not is_text(who) and _has(repo, who, path):
            return who
    return ""


def _drawn(facts: Facts, path: str) -> bool:
    """Tell whether code that is edited writes a file, or the folder that it is in."""
    written = facts.folders_written.get(posixpath.dirname(path), set())
    return _edited(facts, facts.files[path].writers | written)


def _strangers(
    repo: Repository,
    facts: Facts,
    found: Layout,
    outside: Outside,
    judged: dict[str, Judged],
) -> dict[str, str]:
    """Return the root's folders that are no part of the package for certain, and why."""
    strangers = {top: f"{top} is a package that is installed from here" for top in found.installed}
    members: dict[str, list[str]] = {}
    for path, each in judged.items():
        if "/" in path and each.place == "code":
            members.setdefault(path.split("/")[0], []).append(path)
    for top, code in members.items():
        if top in strangers or top in found.packages:
            continue
        if top != "src" and _runs(facts, top) and not _linked(facts, top, code):
            strangers[top] = f"{top} holds folders that are projects of their own"
        if top == "src" and _is_left(repo, facts, found, code):
            strangers[top] = "src is a place for code already"
        who = outside.who_names(top)
        called = names.folded(top) in names.TOOLS
        if top != "src" and (who or called) and _is_apart(repo, facts, top, code):
            strangers[top] = (
                f"{who or 'whoever starts it'} has the path of {top}, and no code uses it"
            )
        if top in strangers or names.folded(top) in KNOWN:
            continue
        if _is_project(facts, top):
            strangers[top] = f"{top} has the folders of a project of its own"
        elif not _linked(facts, top, code) and not _is_everything(facts, top):
            strangers[top] = f"nothing outside of {top} knows its code"
    for top, content in _others(facts, set(members)).items():
        if content in FOREIGN:
            strangers[top] = f"the code of {top} {CERTAIN}"
        elif len(strangers.keys() - found.installed) >= MANY:
            strangers[top] = f"{top} is one of several folders that stand alone"
    return strangers


def _others(facts: Facts, tops: set[str]) -> dict[str, str]:
    """Return the root's other folders that hold code in other languages, or else notebooks."""
    found: dict[str, str] = {}
    for path, fact in facts.files.items():
        top = path.split("/")[0]
        if "/" not in path or top in tops or names.folded(top) in USUAL:
            continue
        if fact.content in FOREIGN or (fact.content == "notebook" and top not in found):
            found[top] = fact.content
    return dict(sorted(found.items(), key=lambda each: each[1] not in FOREIGN))


def _is_everything(facts: Facts, top: str) -> bool:
    """Tell whether no code and no page is outside of a folder: then it is the project."""
    works = FOREIGN | {"python", "python 2", "broken python", "web"}
    return all(
        path.startswith(f"{top}/") for path, fact in facts.files.items() if fact.content in works
    )


def _runs(facts: Facts, top: str) -> bool:
    """Tell whether folders of a folder hold what a project has, with requirements of their own."""
    before = f"{top}/"
    asks = {
        posixpath.dirname(path) for path in facts.files
        if path.startswith(before) and path.count("/") == 2
        and names.DEPENDENCIES.match(posixpath.basename(path))
    }  # fmt: skip
    return sum(_is_project(facts, each) for each in asks) > 1


def _is_project(facts: Facts, top: str) -> bool:
    """Tell whether a folder holds what a project has: two or more of its usual folders."""
    inside = {
        names.folded(path[len(top) + 1 :].split("/")[0]) for path in facts.files
        if path.startswith(f"{top}/") and "/" in path[len(top) + 1 :]
    }  # fmt: skip
    return len(inside & PARTS) > 1


def _is_apart(repo: Repository, facts: Facts, top: str, code: list[str]) -> bool:
    """Tell whether no code outside but tests imports a folder's code, and there is such code."""
    before = f"{top}/"
    others = [p for p in repo.python if not p.startswith(before) and not is_test(p, repo)]
    users = {who for path in code for who in facts.files[path].importers}
    return bool(others) and not users.intersection(others)


def _is_left(repo: Repository, facts: Facts, found: Layout, code: list[str]) -> bool:
    """Tell whether `src` stays: no template has made it, and only its own code and tests use it."""
    if found.inner or recognise(repo).name:
        return False
    return not _linked(facts, "src", code, {path for path in facts.files if is_test(path, repo)})


def _linked(
    facts: Facts, top: str, code: Iterable[str], ignored: AbstractSet[str] = frozenset()
) -> bool:
    """Tell whether code outside of a folder imports what is inside, or the other way round.

    That something outside runs it and that both use the same files is weak: both have to be true.
    """
    before, inside = f"{top}/", set(code)
    for path in inside:
        linked = (facts.files[path].importers | facts.files[path].imports) - ignored
        if any(not each.startswith(before) for each in linked):
            return True
    run = any(not each.startswith(before) for path in inside for each in facts.files[path].namers)
    shared = any(
        fact.readers & inside or fact.writers & inside
        for path, fact in facts.files.items() if not path.startswith(before)
    )  # fmt: skip
    return run and shared
