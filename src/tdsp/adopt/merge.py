"""Files of the template beside those of the user: added, merged by section, or laid side by side.

Only formats with an editor that loses nothing are merged, and only what is missing is added. What
the user has written stays as it is. Everything else is laid beside the user's file as NAME.tdsp.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from tdsp.adopt import ignores, locking, sections
from tdsp.adopt.gitwork import LINK, PLAIN, Tree
from tdsp.adopt.rendering import Render, Rendered
from tdsp.adopt.sections import NotLosslessError
from tdsp.adopt.tree import shown

ASSISTANTS = re.compile(
    r"(^|/)(AGENTS|CLAUDE|GEMINI)(\.local)?\.md$|(^|/)\.(cursor|claude)/|(^|/)\.cursorrules$"
    r"|(^|/)\.github/copilot-instructions\.md$",
    re.IGNORECASE,
)
CODE = (".py", ".pyi", ".ipynb")
EXCUSED = (
    "file(s) or folder(s) with your code are left out of format, lint and types: `extend-exclude`"
    " and `exclude` name them, until they are clean"
)
LARGE = 50_000_000
MOST_LINES = 20
LICENCES = re.compile(r"(?i)(licen[cs]e|copying)([-.].*)?")
READMES = re.compile(r"(?i)readme(\.\w+)?")
HOOKS = ".pre-commit-config.yaml"
IGNORES = {".gitignore", ".dockerignore", ".dvcignore"}


@dataclass
class Merged:
    """What the template brings. Paths are from the root of the repository."""

    files: dict[str, Rendered] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where the template's files go: the user's tree, its bytes, and the project's folder.

    `forgotten` are files that git no longer tracks; `lock` has the template's tested versions;
    `sizes` are those of blobs; `lock_it` asks for uv.lock; `moves` are old and new paths.
    """

    tree: Tree
    content: Callable[[str], bytes]
    level: int
    subdirectory: str = ""
    forgotten: tuple[str, ...] = ()
    lock: bytes = b""
    lock_it: bool = False
    sizes: dict[str, int] = field(default_factory=dict)
    moves: tuple[tuple[str, str], ...] = ()

    @property
    def before(self) -> str:
        """Return what stands before each path of the template."""
        return f"{self.subdirectory}/" if self.subdirectory else ""


def merge(rendered: Render, place: Place) -> Merged:
    """Return what to write; nothing of the user's is lost or overwritten."""
    done = Merged()
    names = {path.casefold(): path for path in place.tree}
    folders = {path[:at].casefold() for path in place.tree for at, c in enumerate(path) if c == "/"}
    for name, file in rendered.items():
        path = name[1:] if name.startswith("/") else place.before + name
        theirs = names.get(path.casefold())
        above = [path[:at].casefold() for at, sign in enumerate(path) if sign == "/"]
        if any(each in names for each in above) or path.casefold() in folders:
            done.notes.append((path, "not added: a file or folder of yours has a part of its name"))
        elif ASSISTANTS.search(path):
            done.notes.append((path, "not added: files for assistants are yours alone"))
        elif name == "pyproject.toml":
            _pyproject(done, rendered, theirs, path, place)
        elif name in IGNORES or name == ".gitattributes":
            continue  # these two need the whole tree
        elif name == "/.gitlab-ci.yml" and theirs is not None:
            _included(done, file, theirs, place)
        elif theirs is None:
            _new(done, name, path, file, place)
        elif place.content(theirs) != file.content:
            _both(done, name, file, theirs, place)
    _locked(done, place)
    _bytes_stay(done, rendered, place)
    for name in sorted(IGNORES & rendered.keys()):
        _ignore(done, name, rendered[name], place)
    done.added.sort()
    if b"nbstripout" in done.files.get(place.before + HOOKS, Rendered(b"")).content and any(
        path.endswith(".ipynb") for path in place.tree
    ):
        what = "the hook `notebooks` takes outputs away on commit: remove it if you keep outputs"
        done.notes.append((place.before + HOOKS, what))
    return done


def _included(done: Merged, file: Rendered, theirs: str, place: Place) -> None:
    """Say what the user's file of GitLab has to include, unless it does."""
    wanted = file.content.decode().split("local: ")[1].strip()
    if wanted.strip("/").encode() not in place.content(theirs):
        what = f"yours stays: add `- local: {wanted}` to its `include`, else no job runs"
        done.notes.append((theirs, what))


def _new(done: Merged, name: str, path: str, file: Rendered, place: Place) -> None:
    if "/" not in name and READMES.fullmatch(name):
        others = [p for p in _here(place) if READMES.fullmatch(p)]
        if others:
            _beside(done, path, file, f"{others[0]} is your read-me")
            return
    _add(done, path, file)


def _here(place: Place) -> list[str]:
    """Return the names of the files that lie directly in the project's folder."""
    before = place.before
    inside = (path[len(before) :] for path in place.tree if path.startswith(before))
    return [path for path in inside if "/" not in path]


def _add(done: Merged, path: str, file: Rendered) -> None:
    done.files[path] = file
    done.added.append(path)


def _beside(done: Merged, path: str, file: Rendered, why: str) -> None:
    done.files[f"{path}.tdsp"] = file
    done.beside.append(f"{path}.tdsp")
    done.notes.append((path, f"yours stays, the template's is beside it as NAME.tdsp: {why}"))


def _both(done: Merged, name: str, file: Rendered, theirs: str, place: Place) -> None:
    """Merge a file that both have, where its format has an editor that loses nothing."""
    if name not in {"README.md", HOOKS}:
        _beside(done, theirs, file, "its format has no editor that loses nothing")
        return
    before = place.content(theirs)
    try:
        if name == HOOKS:
            content = sections.hooks(before, file.content)
        else:
            content = sections.readme(before, place.level, place.moves)
    except NotLosslessError as error:
        _beside(done, theirs, file, str(error))
        return
    if content != before:
        done.files[theirs] = Rendered(content, place.tree[theirs].mode)
        done.merged.append(theirs)


def _pyproject(done: Merged, rendered: Render, theirs: str | None, path: str, place: Place) -> None:
    file = rendered["pyproject.toml"]
    here = _here(place)
    readmes = [each for each in here if READMES.fullmatch(each)] or ["README.md"]
    readme = next((each for each in readmes if _builds(place, each)), "")
    licence = next((each for each in here if LICENCES.fullmatch(each)), "")
    notes: list[str] = []
    own = list(_code(place, rendered)) if place.level else []
    try:
        before = place.content(theirs) if theirs else b""
        ours = sections.excused(file.content, before, own)
        if ours != file.content:
            notes.append(f"{len(own)} {EXCUSED}")
            file = Rendered(ours, file.mode)
        file = Rendered(sections.packed(file.content, _packages(place, rendered)), file.mode)
        if theirs is None and place.level:
            content = sections.fresh_pyproject(file.content, readme, licence)
        else:
            wanted = sections.wanted_pyproject(file.content, place.level, readme, licence)
            fresh = sections.fresh_pyproject(file.content, readme, licence) if place.level else b""
            content, said = sections.pyproject(before, wanted, place.level, fresh)
            notes += said
        lists = [each for each in here if re.fullmatch(r"requirements\.(txt|in)", each)]
        if lists:
            asked = place.content(place.before + lists[0])
            content, said = locking.requirements(content, asked, lists[0], place.lock, before)
            notes += said
    except NotLosslessError as error:
        _beside(done, theirs or path, file, str(error))
        return
    done.notes += [(theirs or path, each) for each in notes]
    if content != before:
        done.files[theirs or path] = Rendered(content, place.tree[theirs].mode if theirs else PLAIN)
        (done.merged if theirs else done.added).append(theirs or path)


def _packages(place: Place, rendered: Render) -> list[str]:
    """Return the packages that have come to src/ and are not the template's."""
    come = {new.removeprefix(place.before) for old, new in place.moves if new != old}
    found = {match[1] for each in come if (match := re.match(r"(src/\w+)/__init__\.py$", each))}
    return sorted(each for each in found if f"{each}/__init__.py" not in rendered)


def _builds(place: Place, name: str) -> bool:
    """Tell whether a package can be built with this read-me: build tools read it as UTF-8."""
    path = place.before + name
    try:
        (place.content(path) if path in place.tree else b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _code(place: Place, rendered: Render) -> Iterator[str]:
    """Yield the user's code, from the project's folder: a folder where it has nothing of ours."""
    shared = {name[:at] for name in rendered for at, sign in enumerate(name) if sign == "/"}
    found = set()
    for path in place.tree:
        name = path[len(place.before) :]
        if path.startswith(place.before) and name.endswith(CODE) and name.isprintable():
            above = [name[: at + 1] for at, sign in enumerate(name) if sign == "/"]
            found.add(next((each for each in above if each[:-1] not in shared), name))
    yield from sorted(found)


def _locked(done: Merged, place: Place) -> None:
    """Add uv.lock for the merged pyproject.toml, or say what is to be done."""
    path, project = f"{place.before}uv.lock", f"{place.before}pyproject.toml"
    if path in place.tree:
        done.notes.append((path, "yours stays: `uv lock` brings it up to date"))
    elif not place.lock_it:
        done.notes.append((path, "not made, since that needs the network: `uv lock`, or --lock"))
    elif project in done.files:
        content, problem = locking.lock(done.files[project].content)
        if problem:
            done.notes.append((path, f"not made: {problem}; later: `uv lock`"))
        else:
            _add(done, path, Rendered(content))


def _bytes_stay(done: Merged, rendered: Render, place: Place) -> None:
    """Add .gitattributes so that git goes on giving every tracked file the bytes that it has."""
    file = rendered.get(".gitattributes")
    if file is None:
        return
    path = f"{place.before}.gitattributes"
    if path in place.tree:
        if place.content(path) != file.content:
            _beside(done, path, file, "another rule could change the bytes of your files")
        return
    kept = [
        name
        for name, entry in place.tree.items()
        if name.startswith(place.before) and entry.mode != LINK and _has_crlf(place, name)
    ]
    lines = _kept(each[len(place.before) :] for each in kept)
    odd = [each for each in lines if not each]
    if odd:
        _beside(done, path, file, "a file with Windows' line ends has a name that it cannot hold")
        return
    extra = "# Windows' line ends, kept as they are.\n" + "\n".join(lines) + "\n" if lines else ""
    _add(done, path, Rendered(file.content + extra.encode("utf-8", "surrogateescape")))


def _kept(paths: Iterable[str]) -> list[str]:
    """Return the lines that keep the bytes of these files: by kind where there are many of one."""
    kinds: dict[str, list[str]] = {}
    for path in sorted(paths):
        kinds.setdefault(posixpath.splitext(path)[1], []).append(path)
    lines = []
    for suffix, same in kinds.items():
        if len(same) > MOST_LINES and re.fullmatch(r"\.\w+", suffix, re.ASCII):
            lines.append(f"*{suffix} -text")
        else:
            lines += [attribute(each) for each in same]
    return lines


def _has_crlf(place: Place, path: str) -> bool:
    """Tell whether git could change a file's line ends; one that is large counts unread."""
    large = place.sizes.get(place.tree[path].blob, 0) > LARGE
    return large or b"\r\n" in place.content(path)


def attribute(path: str) -> str:
    """Return the line that keeps the bytes of one file, "" for a name that no line can hold."""
    if any(ord(each) < 32 or 0xDC80 <= ord(each) <= 0xDCFF for each in path):
        return ""
    pattern = "/" + re.sub(r"([\\*?\[\]])", r"\\\1", path)
    if re.search(r'[\s"\\]', pattern) or not pattern.isascii():
        pattern = '"' + pattern.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{pattern} -text"


def _ignore(done: Merged, name: str, file: Rendered, place: Place) -> None:
    path = place.before + name
    before = place.content(path) if path in place.tree else b""
    theirs = ignores.readable(before)
    if theirs != before:
        done.notes.append(
            (path, "it was UTF-16, which git cannot read: its rules are comments now")
        )
        place = replace(place, content=_instead(place.content, path, theirs))
    lines = file.content.decode().splitlines()
    forgotten: Iterable[str] = place.forgotten if name == ".gitignore" else ()
    inside = [each[len(place.before) :] for each in forgotten if each.startswith(place.before)]
    if name == ".gitignore":
        known = _opened(done, path, theirs, place)
        content, dropped = ignores.union(
            place.tree, lambda p: known if p == path else place.content(p), path, lines, inside
        )
        for line, hidden in dropped:
            done.notes.append(
                (path, f"the line {line} does not hide {shown(hidden)}, which git tracks")
            )
    else:
        content = ignores.joined(theirs, lines, inside)
    if content != before:
        mode = place.tree[path].mode if path in place.tree else PLAIN
        done.files[path] = Rendered(content, mode)
        (done.merged if path in place.tree else done.added).append(path)


def _instead(read: Callable[[str], bytes], path: str, content: bytes) -> Callable[[str], bytes]:
    return lambda each: content if each == path else read(each)


def _opened(done: Merged, path: str, theirs: bytes, place: Place) -> bytes:
    """Return the user's rules, and after them what shows the project's files where they hide them.

    A rule such as `data/` hides the template's files too, and each pointer of DVC that comes.
    """
    if not theirs:
        return theirs
    rules = {
        name: place.content(name) for name, entry in place.tree.items()
        if ignores.is_rules(name) and entry.mode != LINK
    }  # fmt: skip
    came = {place.before + new: place.before + old for old, new in place.moves}
    before = ignores.hidden(rules, came.values())
    wanted = [*done.added, *(new for new, old in came.items() if old not in before)]
    if place.level:
        wanted.append(f"{place.before}data/raw/")
    found = ignores.opened(rules, path, wanted)
    if found:
        what = f"your rules hide what belongs to the project now: {len(found)} lines show it again"
        done.notes.append((path, what))
    return ignores.joined(theirs, (), (), found, ignores.OPENED)
