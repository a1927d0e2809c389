"""One file says who does what: `tdsp roles` writes docs/roles.yaml into all that follows from it.

Pages and matrix in docs/roles/, CODEOWNERS, branch protection, the approvers of environments, the
rights in Azure, the labels. Only what stands between the marks `roles: begin` and `roles: end`
is written; the rest of a file is the team's. When anything is wrong, nothing is written.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from tdsp.errors import TdspError
from tdsp.people.project import Project
from tdsp.people.roles.files import files
from tdsp.people.roles.model import SOURCE, Roles, load, problems
from tdsp.people.roles.pages import pages
from tdsp.people.sources import faults
from tdsp.people.sources import write as write_file

BEGIN = "roles: begin, written by `tdsp roles` from docs/roles.yaml"
END = "roles: end"
MARKED = re.compile(r"(?ms)^([^\n]*roles: begin[^\n]*\n)(.*?)(^[^\n]*roles: end)")


def wanted(project: Project) -> dict[str, str]:
    """Return path -> the text that it must have. Raises TdspError with all that is wrong."""
    source = load(project)
    if wrong := list(problems(source, project)):
        raise faults(wrong)
    texts: dict[str, str] = {}
    for path, body in {**pages(source), **_expected(source, project)}.items():
        try:
            texts[path] = renewed(project.root, path, body)
        except TdspError as error:
            wrong.append(str(error))
    if wrong:
        raise faults(wrong)
    return texts


def _expected(source: Roles, project: Project) -> dict[str, str]:
    """Return the files of services; where tdsp did not make the project, those that are there."""
    bodies = files(source, project.root)
    if project.answers:
        return bodies
    return {path: body for path, body in bodies.items() if (project.root / path).exists()}


def renewed(root: Path, path: str, body: str) -> str:
    """Return the text of a file with a new body between its marks."""
    page = path.endswith(".md")
    if not (root / path).exists():
        if page:
            return f"<!-- {BEGIN} -->\n{body}\n<!-- {END} -->\n"
        raise TdspError(f"{path} is missing: bring it back with `git checkout -- {path}`")
    text = Project(root).text(path)
    if path.endswith(".json"):
        return _with_values(path, text, body)
    if len(MARKED.findall(text)) != 1:
        raise TdspError(f"{path} needs one line `{BEGIN}` and after it one `{END}`, as comments")
    return MARKED.sub(lambda found: f"{found[1]}{body}\n{found[3]}", text)


def _with_values(path: str, text: str, body: str) -> str:
    """Return JSON with the values of these lines, each of which has to be there once."""
    for line in body.splitlines():
        key, value = line.rstrip(",").split(": ")
        text, count = re.subn(rf"({key}: )[^,\n]+", rf"\g<1>{value}", text)
        if count != 1:
            raise TdspError(f"{path} has {key} {count} times; it must stand there once")
    return text


def stale(root: Path, texts: Iterable[str]) -> list[Path]:
    """Return the pages of roles that docs/roles.yaml no longer has."""
    found = sorted((root / "docs/roles").glob("*.md"))
    unknown = [path for path in found if path.relative_to(root).as_posix() not in {*texts}]
    return [path for path in unknown if MARKED.search(path.read_text(encoding="utf-8"))]


def difference(path: str, old: str, new: str) -> str:
    """Return the first line that disagrees, in one line."""
    ours, theirs = old.splitlines(), new.splitlines()
    for number, pair in enumerate(zip(ours, theirs, strict=False), 1):
        if pair[0] != pair[1]:
            return f"{path}:{number}: has {pair[0][:90]!r}, {SOURCE} makes it {pair[1][:90]!r}"
    return f"{path}: has {len(ours)} lines, {SOURCE} makes it {len(theirs)}"


def check(root: Path, texts: dict[str, str]) -> list[str]:
    """Return what disagrees with docs/roles.yaml, file by file."""
    messages = []
    for path, new in texts.items():
        old = (root / path).read_text(encoding="utf-8") if (root / path).exists() else None
        if old is None:
            messages.append(f"{path}: is missing")
        elif old != new:
            messages.append(difference(path, old, new))
    gone = [path.relative_to(root).as_posix() for path in stale(root, texts)]
    return [*messages, *(f"{path}: {SOURCE} has no such role" for path in gone)]


def write(root: Path, texts: dict[str, str]) -> list[str]:
    """Write what differs; return the paths. A page of a role that is gone goes, if all ours."""
    gone = stale(root, texts)
    for path in gone:
        if MARKED.sub("", path.read_text(encoding="utf-8")).strip(" ->\n"):
            where = path.relative_to(root).as_posix()
            raise TdspError(f"{where}: {SOURCE} has no such role, and the page has words of yours")
    changed = [line.split(":")[0] for line in check(root, texts)]
    for path in gone:
        path.unlink()
    for name in texts.keys() & {*changed}:
        write_file(root / name, texts[name])
    return changed
