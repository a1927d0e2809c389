"""One file says who does what: `poe roles` writes docs/roles.yaml into all that follows from it.

Pages and matrix in docs/roles/, CODEOWNERS, the rules of main, the approvers of environments, the
rights in Azure, the labels. Only what stands between the marks `roles: begin` and `roles: end`
is written; the rest of a file is the team's. When anything is wrong, nothing is written.
"""

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from tools.people import SOURCE, RolesError, parse, problems
from tools.rolefiles import files
from tools.rolepages import pages

BEGIN = "roles: begin, written by `uv run poe roles` from docs/roles.yaml"
END = "roles: end"
MARKED = re.compile(r"(?ms)^([^\n]*roles: begin[^\n]*\n)(.*?)(^[^\n]*roles: end)")


def wanted(root: Path) -> dict[str, str]:
    """Return path -> the text that it must have. Raises RolesError with all that is wrong."""
    try:
        source = parse((root / SOURCE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RolesError(f"{SOURCE} cannot be read: {error}") from None
    if wrong := list(problems(source, root)):
        raise RolesError("\n".join(wrong))
    made, wrong = {}, []
    for path, body in {**pages(source), **files(source, root)}.items():
        try:
            made[path] = renewed(root, path, body)
        except RolesError as error:
            wrong.append(str(error))
    if wrong:
        raise RolesError("\n".join(wrong))
    return made


def renewed(root: Path, path: str, body: str) -> str:
    """Return the text of a file with a new body between its marks."""
    page = path.endswith(".md")
    if not (root / path).exists():
        if page:
            return f"<!-- {BEGIN} -->\n{body}\n<!-- {END} -->\n"
        raise RolesError(f"{path} is missing: bring it back with `git checkout -- {path}`")
    text = (root / path).read_text(encoding="utf-8")
    if path.endswith(".json"):
        return _with_values(path, text, body)
    if len(MARKED.findall(text)) != 1:
        raise RolesError(f"{path} needs one line `{BEGIN}` and after it one `{END}`, as comments")
    return MARKED.sub(lambda found: f"{found[1]}{body}\n{found[3]}", text)


def _with_values(path: str, text: str, body: str) -> str:
    """Return JSON with the values of these lines, each of which has to be there once."""
    for line in body.splitlines():
        key, value = line.rstrip(",").split(": ")
        text, count = re.subn(rf"({key}: )[^,\n]+", rf"\g<1>{value}", text)
        if count != 1:
            raise RolesError(f"{path} has {key} {count} times; it must stand there once")
    return text


def stale(root: Path, made: Iterable[str]) -> list[Path]:
    """Return the pages of roles that docs/roles.yaml no longer has."""
    found = sorted((root / "docs/roles").glob("*.md"))
    unknown = [path for path in found if path.relative_to(root).as_posix() not in {*made}]
    return [path for path in unknown if MARKED.search(path.read_text(encoding="utf-8"))]


def difference(path: str, old: str, new: str) -> str:
    """Return the first line that disagrees, in one line."""
    ours, theirs = old.splitlines(), new.splitlines()
    for number, pair in enumerate(zip(ours, theirs, strict=False), 1):
        if pair[0] != pair[1]:
            return f"{path}:{number}: has {pair[0][:90]!r}, {SOURCE} makes it {pair[1][:90]!r}"
    return f"{path}: has {len(ours)} lines, {SOURCE} makes it {len(theirs)}"


def check(root: Path, made: dict[str, str]) -> list[str]:
    """Return what disagrees with docs/roles.yaml, file by file."""
    told = []
    for path, new in made.items():
        old = (root / path).read_text(encoding="utf-8") if (root / path).exists() else None
        if old is None:
            told.append(f"{path}: is missing")
        elif old != new:
            told.append(difference(path, old, new))
    gone = [path.relative_to(root).as_posix() for path in stale(root, made)]
    return [*told, *(f"{path}: {SOURCE} has no such role" for path in gone)]


def write(root: Path, made: dict[str, str]) -> list[str]:
    """Write what differs; return the paths. A page of a role that is gone goes, if all ours."""
    gone = stale(root, made)
    for path in gone:
        if MARKED.sub("", path.read_text(encoding="utf-8")).strip(" ->\n"):
            where = path.relative_to(root).as_posix()
            raise RolesError(f"{where}: {SOURCE} has no such role, and the page has words of yours")
    changed = [line.split(":")[0] for line in check(root, made)]
    for path in gone:
        path.unlink()
    for name in made.keys() & {*changed}:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(made[name], encoding="utf-8", newline="\n")
    return changed


def main(words: Iterable[str] | None = None) -> int:
    """Write, or only check; return 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="poe roles", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a file disagrees")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder")
    options = parser.parse_args(None if words is None else list(words))
    try:
        made = wanted(options.root)
        told = check(options.root, made) if options.check else write(options.root, made)
    except RolesError as error:
        print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return 1
    if options.check and told:
        print("\n".join(f"error: {line}" for line in told), file=sys.stderr)
        print(f"{SOURCE} is right? Then `uv run poe roles` writes these anew.", file=sys.stderr)
        return 1
    agree = "agrees" if options.check else "agreed already"
    print(f"wrote {', '.join(told)}" if told else f"all that follows from {SOURCE} {agree}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
