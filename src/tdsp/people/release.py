"""A release from the changelog: the tag, and the code host's release object with the documents.

The tag starts the release in CI; this command does what a person does before and beside it.
"""

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import typer

from tdsp.errors import TdspError
from tdsp.people.process.hosts import Host
from tdsp.people.project import Project

CHANGELOG = "CHANGELOG.md"
GATE = "reports/gate.json"
CARD = "docs/model/card.md"
DOCUMENTS = (CARD, "docs/model/report.md", "reports/report.html")  # the last one is not in git
HEADING = re.compile(r"(?m)^## +\[?([^\]\s]+)\]?(?: +- +(\S+))? *$")
NUMBER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
PROGRAMS = {"github": "gh", "gitlab": "glab", "azure-devops": "az"}
EXAMPLE = f"## [1.0.0] - {date.today()}"


@dataclass(frozen=True)
class Entry:
    """The newest version of the changelog, and what it says."""

    version: str
    text: str

    @property
    def tag(self) -> str:
        """The tag that starts the release."""
        return f"v{self.version}"


def newest(project: Project) -> Entry:
    """Return the version to release. Raises TdspError that says what the changelog lacks."""
    path = project.root / CHANGELOG
    if not path.is_file():
        raise TdspError(f"{path} is missing: write what changed under a heading such as {EXAMPLE}")
    text = path.read_text(encoding="utf-8")
    found = list(HEADING.finditer(text))
    for place, heading in enumerate(found):
        end = found[place + 1].start() if place + 1 < len(found) else len(text)
        body = re.sub(r"(?m)^\[[^\]]+\]: \S+\n?", "", text[heading.end() : end]).strip()
        name, day = heading.groups()
        if name.casefold() == "unreleased":
            if body:
                raise TdspError(f"{CHANGELOG}: [Unreleased] has changes: give them a version")
            continue
        return Entry(_number(name, day), body or "No changes are told.")
    raise TdspError(f"{CHANGELOG} has no version: write a heading such as {EXAMPLE}")


def _number(name: str, day: str | None) -> str:
    if not NUMBER.fullmatch(name):
        raise TdspError(f"{CHANGELOG}: {name} is not MAJOR.MINOR.PATCH, such as {EXAMPLE}")
    try:
        date.fromisoformat(day or "")
    except ValueError:
        raise TdspError(f"{CHANGELOG}: {name} has no date: write {EXAMPLE}") from None
    return name


def git(project: Project, *words: str) -> str:
    """Return what git prints. Raises TdspError with its last line."""
    done = subprocess.run(
        ["git", *words], cwd=project.root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["failed"]
        raise TdspError(f"git {' '.join(words[:2])}: {lines[-1]}")
    return done.stdout.strip()


def problems(project: Project, entry: Entry) -> list[str]:
    """Return every reason against the release, each with what to do."""
    head = git(project, "rev-parse", "HEAD")
    pushed = git(project, "for-each-ref", "--format=%(objectname)", "refs/remotes/origin/main")
    branch = git(project, "branch", "--show-current")
    tags = {tag: commit for tag, commit in _tags(project) if NUMBER.fullmatch(tag[1:])}
    later = [tag for tag in tags if tag != entry.tag and _key(tag[1:]) > _key(entry.version)]
    reasons = {
        f"the branch is {branch or 'none'}, not main": branch != "main",
        "there are changes that are not committed": bool(git(project, "status", "--porcelain")),
        "main is not what origin has: git push origin main": pushed != head,
        f"{entry.tag} is the tag of another commit: give the changes a new version":
            tags.get(entry.tag, head) != head,
        f"{entry.version} does not come after {later[-1] if later else ''}": bool(later),
    }  # fmt: skip
    return [reason for reason, holds in reasons.items() if holds] + list(_unproven(project))


def _tags(project: Project) -> list[tuple[str, str]]:
    form = "--format=%(refname:short) %(*objectname) %(objectname)"
    lines = git(project, "for-each-ref", form, "refs/tags/v*").splitlines()
    return [(words[0], words[1]) for line in lines if (words := line.split())]


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _unproven(project: Project) -> list[str]:
    """What the release would say of a model without proof: the gate's verdict, and the card."""
    try:
        gate = json.loads((project.root / GATE).read_text(encoding="utf-8"))
        passed, model = gate["passed"] is True, str(gate["model_id"])
    except (OSError, ValueError, TypeError, KeyError):
        return [f"{GATE} holds no verdict: uv run poe pipeline"]
    card = project.root / CARD
    found = [] if passed else [f"the model {model} has not passed the gate: see {GATE}"]
    if not card.is_file():
        return [*found, f"{CARD} is missing: uv run poe pipeline"]
    if model not in card.read_text(encoding="utf-8"):
        found.append(f"{CARD} is about another model than {model}: uv run poe pipeline")
    return found


def run(project: Project, platform: str, publish: bool, feed: str | None) -> None:
    """Say what the release would be; make it where `publish` is true. Raises TdspError."""
    entry = newest(project)
    if found := problems(project, entry):
        raise TdspError(f"{entry.tag} cannot be released:\n  " + "\n  ".join(found))
    typer.echo(f"{entry.tag} of {git(project, 'rev-parse', '--short', 'HEAD')}\n\n{entry.text}\n")
    host = Host(project, PROGRAMS[platform], not publish) if platform in PROGRAMS else None
    if host and platform != "azure-devops" and publish:
        _ready(host, entry)
    _tag(project, entry, publish)
    files = [name for name in DOCUMENTS if (project.root / name).is_file()]
    if host and (platform != "azure-devops" or feed):
        try:
            _object(host, project, entry, files, feed)
        except TdspError as error:
            raise TdspError(
                f"{entry.tag} is pushed, the release object is not made: {error}."
                " The same command again makes it"
            ) from None
    else:
        typer.echo("no release object: the tag has the text")
    if not publish:
        typer.echo("nothing was changed; --publish does it")


def _ready(host: Host, entry: Entry) -> None:
    """Refuse before the tag is pushed: a host without login, a release that is there already."""
    host.call("auth", "status")
    try:
        host.call("release", "view", entry.tag)
    except TdspError:
        return
    raise TdspError(f"{entry.tag} is released already: give the changes a new version")


def _tag(project: Project, entry: Entry, publish: bool) -> None:
    ours = entry.tag in dict(_tags(project))
    typer.echo(f"git tag --annotate {entry.tag}" if not ours else f"{entry.tag} is there already")
    typer.echo(f"git push origin {entry.tag}")
    if not publish:
        return
    if not ours:
        message = f"Release {entry.version}\n\n{entry.text}"
        words = ("--cleanup=verbatim", "--message", message)
        git(project, "tag", "--annotate", entry.tag, *words)
    try:
        git(project, "push", "origin", f"refs/tags/{entry.tag}")
    except TdspError:
        if not ours:
            git(project, "tag", "--delete", entry.tag)  # origin refused it: as it was before
        raise


def _object(host: Host, project: Project, entry: Entry, files: list[str], feed: str | None) -> None:
    title = f"{project.answers.get('project_name', project.root.resolve().name)} {entry.version}"
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder, "notes.md")
        notes.write_text(f"{entry.text}\n", encoding="utf-8")
        if host.program == "gh":
            words = ["--verify-tag", "--title", title, "--notes-file", str(notes), *files]
            host.write("release", "create", entry.tag, *words)
        elif host.program == "glab":
            words = ["--name", title, "--notes-file", str(notes)]
            host.write("release", "create", entry.tag, *files, *words)
        else:
            for name in files:
                Path(folder, Path(name).name).write_bytes((project.root / name).read_bytes())
            slug = re.sub(r"[^a-z0-9]+", "-", title.rpartition(" ")[0].lower()).strip("-")
            host.write(
                "artifacts", "universal", "publish", "--feed", str(feed), "--name",
                f"{slug or 'model'}-release", "--version", entry.version, "--description", title,
                "--path", folder,
            )  # fmt: skip
