"""The template that a fleet follows: its releases, and what it makes of a project's answers."""

import functools
import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tdsp.errors import TdspError
from tdsp.fleet.config import Fleet, is_url
from tdsp.fleet.fetch import cause, run_git
from tdsp.fleet.making import HOSTS, rendered
from tdsp.people.sources import write
from tdsp.reading import Repository

RELEASE = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
BETWEEN = re.compile(r"-\d+-g[0-9a-f]+$")  # of a commit behind a tag, as git describes it
QUESTIONS = {"project_name", "project_slug", "package_name", "problem_type"}
# What the team is told to edit. A difference there is its work and no drift.
TEAMS = ("docs/", "data/", "notebooks/", "params.yaml", "schema.yaml", "README.md", "dvc.lock")


@dataclass(frozen=True, slots=True)
class Releases:
    """The template's releases with their days, the oldest first, and the one to be at."""

    days: tuple[tuple[str, str], ...] = ()
    current: str = ""
    folder: str = ""  # of the template's own git repository, "" when it is not at hand
    sources: tuple[str, ...] = ()
    problem: str = ""

    @property
    def released(self) -> str:
        """Return the day of the current release, "" when it is not known."""
        return dict(self.days).get(self.current, "")

    def is_current(self, version: str) -> bool | None:
        """Tell whether a version is at least the current release; None when it cannot be told."""
        mine, wanted = number(version), number(self.current)
        return None if mine is None or wanted is None else mine >= wanted

    def days_behind(self, version: str, today: date) -> int | None:
        """Return for how many days there has been a release that a version lacks."""
        mine, wanted = number(version), number(self.current)
        if mine is None or wanted is None:
            return None
        lacking = [day for tag, day in self.days if mine < (number(tag) or ()) <= wanted]
        return max(0, (today - date.fromisoformat(lacking[0])).days) if lacking else 0

    def made_by(self, answers: dict[str, Any]) -> bool:
        """Tell whether an answers file is one of this template."""
        source = address(str(answers.get("_src_path", "")))
        if self.sources and source in self.sources:
            return True
        return answers.keys() >= QUESTIONS


def number(version: str) -> tuple[int, ...] | None:
    """Return a version as numbers; of a commit behind a tag, those of the tag."""
    match = RELEASE.fullmatch(BETWEEN.sub("", version))
    return tuple(int(part or 0) for part in match.groups()) if match else None


def address(source: str) -> str:
    """Return an address without what differs between ways to write the same."""
    plain = re.sub(r"^git\+", "", source.strip()).rstrip("/").removesuffix(".git")
    for short, host in HOSTS.items():
        plain = f"{host}{plain.removeprefix(short)}" if plain.startswith(short) else plain
    if plain.startswith("/"):
        return plain
    return re.sub(r"^(https?://|ssh://)?([^@/]+@)?", "", plain).replace(":", "/").lower()


def releases(fleet: Fleet) -> Releases:
    """Return the releases of fleet.yml's template. Raises TdspError when it cannot be had."""
    asked = fleet.settings.template
    if asked is None:
        return Releases()
    problem = ""
    if is_url(asked.source):
        folder = fleet.cache / "template.git"
        problem = _bring(asked.source, folder, fleet.settings.seconds)
    else:
        folder = fleet.place(asked.source)
        if not folder.is_dir():
            raise TdspError(f"{fleet.path}: template: {folder} is not there")
    place = _git_folder(folder)
    form = "--format=%(refname:short) %(creatordate:short)"
    done = run_git(folder, [f"--git-dir={place}", "for-each-ref", form, "refs/tags"], 60)
    if not place or done is None or done.returncode:
        raise TdspError(f"{fleet.path}: template: {folder} is not a git repository")
    tags = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
    known = sorted(
        (pair for pair in tags if number(pair[0]) and "-" not in pair[0]),
        key=lambda pair: number(pair[0]) or (),
    )
    current = asked.release or (known[-1][0] if known else "")
    if asked.release and asked.release not in dict(known):
        listed = ", ".join(tag for tag, _ in known[-5:]) or "none"
        raise TdspError(
            f"{fleet.path}: template: there is no release {asked.release}; the last are {listed}"
        )
    sources = tuple(address(each) for each in (asked.source, str(folder), *asked.also))
    return Releases(tuple(known), current, place, sources, problem)


def _git_folder(folder: Path) -> str:
    """Return where the objects and tags of a repository are, also of a linked work tree."""
    place = folder if (folder / "HEAD").is_file() else folder / ".git"
    words = ["rev-parse", "--path-format=absolute", "--git-common-dir"]
    done = run_git(folder, [f"--git-dir={place}", *words], 60)
    return done.stdout.strip() if done is not None and not done.returncode else ""


def _bring(url: str, folder: Path, seconds: int) -> str:
    """Clone the template with its tags, or bring the clone up to date; return what went wrong.

    What an earlier run has brought stays in use. Raises TdspError when there is nothing.
    """
    words = ["init", "--bare", "--quiet", "--template=", str(folder)]
    fetch = ["fetch", "--quiet", "--prune", url, "+refs/heads/*:refs/heads/*"]
    known = (folder / "HEAD").is_file()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TdspError(f"{folder} cannot be made: {error.strerror}") from error
    for each in (words, [f"--git-dir={folder}", *fetch, "+refs/tags/*:refs/tags/*"]):
        done = run_git(folder, each, seconds)
        if done is None or done.returncode:
            why = cause(done.stderr) if done is not None else f"no answer in {seconds} seconds"
            if known:
                return f"template: {url}: {why}; its releases are those of an earlier run"
            raise TdspError(f"the template {url} cannot be fetched: {why}")
    return ""


def drift(
    repo: Repository, answers: dict[str, Any], known: Releases, cache: Path
) -> tuple[str, ...] | None:
    """Return the template's files that a project has edited or removed; None if it cannot be told.

    The project's own answers are rendered by the fleet's template, never by the address that the
    project names.
    """
    version = answers.get("_commit")
    ours = address(str(answers.get("_src_path", ""))) in known.sources
    if not isinstance(version, str) or not ours or not known.folder or version.startswith("-"):
        return None
    made = _made(known.folder, version, answers, cache)
    if made is None:
        return None
    package = f"src/{answers.get('package_name', '')}/"
    return tuple(
        path
        for path, blob in sorted(made.items())
        if not _is_teams(path, package)
        and (path not in repo.files or repo.files[path].blob != blob)
    )


def _is_teams(path: str, package: str) -> bool:
    inside = path.removeprefix(package)
    top = path.startswith(package) and "/" not in inside and inside != "__init__.py"
    return top or path.startswith(TEAMS) or path.startswith(".copier-answers")


@functools.cache
def _commit(folder: str, version: str) -> str:
    """Return the commit of a version, "" when the template has none of that name."""
    tag = BETWEEN.sub("", version) if not BETWEEN.search(version) else version.rpartition("-g")[2]
    words = [f"--git-dir={folder}", "rev-parse", "--verify", "--quiet", f"{tag}^{{commit}}"]
    done = run_git(Path(folder), words, 60)
    return "" if done is None or done.returncode else done.stdout.strip()


def _made(folder: str, version: str, answers: dict[str, Any], cache: Path) -> dict[str, str] | None:
    """Return path -> blob of what the template makes; each distinct set of answers once."""
    commit = _commit(folder, version)
    if not commit:
        return None
    given = {
        name: value
        for name, value in answers.items()
        if isinstance(name, str) and not name.startswith("_")
    }
    source = str(answers.get("_src_path", ""))
    said = json.dumps([commit, version, source, given], sort_keys=True, default=str)
    path = cache / f"{hashlib.sha256(said.encode()).hexdigest()[:32]}.json"
    if path.is_file():
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            path.unlink(missing_ok=True)
    made = rendered(folder, source, commit, given)
    if made:
        with suppress(OSError):  # a full disk costs time, not the repository
            write(path, json.dumps(made))
    return made or None
