"""The update of one repository: `copier update` on a branch, without trust and without tasks.

What copier merges badly is found here, before anything is committed: markers, rejects, and two
losses that copier does not report. It takes the template's side of a binary file that the team
changed, and it removes a file that the team edited when the template no longer has it.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tdsp import plain
from tdsp.errors import TdspError
from tdsp.fleet import compiled
from tdsp.fleet.fetch import run_git
from tdsp.fleet.room import RepositoryError, Room, look, run, stop_when_full
from tdsp.fleet.snapshot import Conflict
from tdsp.fleet.state import CURRENT, Record
from tdsp.fleet.template import Releases, address, number
from tdsp.grow import ANSWERS, own_readme
from tdsp.reading.files import shown

COPIER = (sys.executable, "-P", compiled.__file__)
MARKER = re.compile(rb"^(<{7}|>{7}|\|{7})(?:[ \r\n]|$)", re.MULTILINE)
HUNK = re.compile(r"^<{7}[^\n]*\n(.*?)^={7}[^\n]*\n(.*?)^>{7}", re.MULTILINE | re.DOTALL)
LONGEST = 1_000
LARGEST = 1_000_000  # bytes of an answers file
FORMS = (
    (r"^gh:/?(.*)$", r"https://github.com/\1"),
    (r"^gl:/?(.*)$", r"https://gitlab.com/\1"),
    (r"^git\+", ""),
)


class SkipError(Exception):
    """A repository is left as it is; the message says why."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the fleet is brought to: a release of the template, and answers to change."""

    releases: Releases
    version: str
    data: tuple[tuple[str, str], ...]
    started: str
    identity: tuple[str, str]
    link: str = ""

    @property
    def branch(self) -> str:
        """Return the name of the branch; the same goal has the same name."""
        words = [self.version, *(f"{name}-{value}" for name, value in self.data)]
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(words)).replace("..", ".").strip("-.")
        return f"tdsp/update-{plain.removesuffix('.lock')[:100]}"

    def covers(self, key: str) -> bool:
        """Tell whether all that an earlier update brings is in this one; a key names an update."""
        _, version, *pairs = json.loads(key)
        mine, theirs = number(self.version), number(version)
        newer = mine is not None and theirs is not None and mine >= theirs
        return newer and {tuple(pair) for pair in pairs} <= set(self.data)

    @property
    def title(self) -> str:
        """Return the first line of the commit, and the title of the request."""
        parts = [] if self.version == CURRENT else [f"template {self.version}"]
        return "Update: " + ", ".join([*parts, *(f"{name}: {value}" for name, value in self.data)])


@dataclass(frozen=True, slots=True)
class Answers:
    """What a repository's answers file says of its template."""

    source: str
    version: str
    commit: str
    given: dict[str, Any]


def prepare(
    record: Record, goal: Goal, work: Path, seconds: int, save: Callable[[Record, str], Record]
) -> Record:
    """Fetch and render one repository; return its new record. What goes wrong is its reason."""
    room = Room.new(work, record.name, seconds)
    try:
        remote = look(record.source, goal.branch, seconds, room.folder)
        base = room.clone(record.source, remote.onto)
        record = replace(record.again(), base=base, onto=remote.onto, branch=goal.branch)
        record = save(replace(record, state="fetched"), f"fetched {base[:12]}")
        answers = read_answers(room, base, goal)
        checked = replace(record, state="checked", before=answers.version)
        record = save(checked, f"checked: made from {answers.version}")
        record = _updated(record, room, goal, answers)
    except SkipError as why:
        record = replace(record, state="skipped", reason=str(why))
    except RepositoryError as why:
        record = replace(record, state="failed", reason=str(why))
    except BaseException:
        room.remove()
        raise
    if record.state != "rendered":
        room.remove()
    return save(record, record.reason or record.state)


def read_answers(room: Room, base: str, goal: Goal) -> Answers:
    """Read and judge the answers file of a commit. Raises SkipError when it does not fit."""
    found = answers_of(room, base)
    if found is None:
        raise SkipError(f"foreign: it has no {ANSWERS}")
    source, version = str(found.get("_src_path", "")), str(found.get("_commit", ""))
    # It becomes a line of git's settings: an address that could become two is nobody's.
    odd = not source.isprintable() or any(sign in source for sign in '"\\')
    if odd or address(source) not in goal.releases.sources:
        raise SkipError(f"made by another template: {one_line(source) or 'none is named'}")
    if not version:
        raise SkipError(f"{ANSWERS} has no _commit: write there which version it was made from")
    made = commit_of(goal, version)
    if not made:
        raise SkipError(
            f"made from {one_line(version)}, which the template's history does not have"
        )
    answers = Answers(source, version, made, found)
    if _has(answers, goal):
        raise SkipError("current")
    return answers


def answers_of(room: Room, commit: str) -> dict[str, Any] | None:
    """Return the answers file of a commit, None when it is none."""
    try:
        if int(room.git("cat-file", "-s", f"{commit}:{ANSWERS}")) > LARGEST:
            return None
    except RepositoryError:
        return None
    text = (room.blob(f"{commit}:{ANSWERS}") or b"").decode("utf-8", errors="replace")
    try:
        found = plain.load(text, ANSWERS)
    except TdspError:
        return None
    return found if isinstance(found, dict) and "_src_path" in found else None


def commit_of(goal: Goal, version: str) -> str:
    """Return the template's commit of a version, "" when there is none."""
    if not re.fullmatch(r"[\w][\w.+/-]*", version):
        return ""
    place = f"--git-dir={goal.releases.folder}"
    words = [place, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{version}^{{commit}}"]
    done = run_git(Path(goal.releases.folder), words, 60)
    return done.stdout.strip() if done is not None and not done.returncode else ""


def reached(found: dict[str, Any], goal: Goal) -> bool:
    """Tell whether answers say that a repository is where the goal wants it."""
    version = str(found.get("_commit", ""))
    made = commit_of(goal, version)
    return bool(made) and _has(Answers("", version, made, found), goal)


def _has(answers: Answers, goal: Goal) -> bool:
    if any(not same(answers.given.get(name), value) for name, value in goal.data):
        return False
    if goal.version == CURRENT:
        return True
    place = f"--git-dir={goal.releases.folder}"
    words = [place, "merge-base", "--is-ancestor", goal.version, answers.commit]
    done = run_git(Path(goal.releases.folder), words, 60)
    return done is not None and not done.returncode


def same(recorded: Any, wanted: str) -> bool:
    """Tell whether a recorded answer is the one that is wanted."""
    return bool(recorded == plain.load(wanted, "the answer")) or str(recorded) == wanted


def _updated(record: Record, room: Room, goal: Goal, answers: Answers) -> Record:
    room.git("checkout", "--quiet", "-b", record.branch, record.base)
    others = set(room.names("ls-files", "-z"))
    _copier(room, goal, answers, "update", str(room.tree))
    unmerged = _unmerged(room)
    rejects = [
        name
        for name in room.names("ls-files", "--others", "-z")
        if name.endswith(".rej") and name not in others
    ]
    room.git("add", "--all")
    changed = _changed(room, record.base)
    if not changed:
        _taken(goal, answers.given)
        raise SkipError("current: the update changes nothing")
    conflicts = _marked(room, record.base, changed, unmerged | {name[:-4] for name in rejects})
    conflicts += _lost(room, goal, answers, record.base, changed)
    if conflicts:
        room.deepen()
        told = tuple(replace(each, last=_last(room, record.base, each.path)) for each in conflicts)
        names = ", ".join(shown(each.path) for each in told[:3])
        more = f" and {len(told) - 3} more" if len(told) > 3 else ""
        reason = f"both sides changed {names}{more}"
        return replace(record, state="conflict", reason=reason, conflicts=told)
    record = replace(record, files=tuple(f"{how} {name}" for how, name in changed))
    commit = _commit(room, goal, record)
    _taken(goal, answers_of(room, commit) or {})
    room.empty()
    return replace(record, state="rendered", commit=commit, folder=room.folder.name)


def _copier(room: Room, goal: Goal, answers: Answers, verb: str, target: str) -> None:
    """Run copier on its own: no trust, no tasks, no network, nothing of the caller's."""
    source = answers.source
    for pattern, full in FORMS:
        source = re.sub(pattern, full, source)
    home = room.folder / "home"
    bare = source.rstrip("/").removesuffix(".git")
    with (home / "settings").open("a", encoding="utf-8") as file:
        # The template is fetched once for the fleet; its address stands for that clone.
        file.write(f'[url "file://{goal.releases.folder}"]\n')
        file.writelines(f'\tinsteadOf = "{name}"\n' for name in (bare, f"{bare}.git"))
    if verb == "update":
        ref = ":current:" if goal.version == CURRENT else goal.version
        words = ["update", "--skip-answered", "--conflict", "inline", target]
        words += [f"--data={name}={value}" for name, value in goal.data]
        words += [f"--skip={name}" for name in own_readme(room.tree)]
    else:
        ref = answers.version
        words = ["copy", f"--data-file={home / 'answers.yml'}", answers.source, target]
    options = ["--defaults", "--skip-tasks", "--quiet", f"--vcs-ref={ref}"]
    command = [*COPIER, *words[:1], *options, *words[1:]]
    code, _, said = run(command, room.folder, room.environment(), room.seconds)
    if code:
        stop_when_full(said, room.folder)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        raise RepositoryError(
            f"copier: {shown(' '.join(lines[-2:]))[:300] or f'ended with {code}'}"
        )


def _unmerged(room: Room) -> set[str]:
    return {line.split("\t", 1)[1] for line in room.names("ls-files", "--unmerged", "-z")}


def _changed(room: Room, base: str) -> list[tuple[str, str]]:
    """Return (A, M, D or T, path) of what differs from the commit."""
    words = room.names("diff", "--cached", "--no-renames", "--name-status", "-z", base)
    return list(zip(words[::2], words[1::2], strict=True))


def _marked(
    room: Room, base: str, changed: list[tuple[str, str]], known: set[str]
) -> list[Conflict]:
    """Return files with more conflict markers than before, and those that copier could not do."""
    found = []
    for how, name in changed:
        new = room.blob(f":{name}") or b"" if how != "D" else b""
        # UTF-16 has a zero byte in each sign of a marker.
        text = new.replace(b"\0", b"")
        old = (room.blob(f"{base}:{name}") or b"").replace(b"\0", b"")
        if len(MARKER.findall(text)) > len(MARKER.findall(old)) or name in known:
            hunks = HUNK.findall(text.decode("utf-8", errors="replace").replace("\r\n", "\n"))
            ours, theirs = ("\n".join(hunk[at] for hunk in hunks) for at in (0, 1))
            found.append(Conflict(name, "both changed the same lines", _cut(ours), _cut(theirs)))
    left = known - {name for _, name in changed}
    return found + [Conflict(name, "copier could not merge it") for name in sorted(left)]


def _lost(
    room: Room, goal: Goal, answers: Answers, base: str, changed: list[tuple[str, str]]
) -> list[Conflict]:
    """Return files whose edits copier would have dropped without a word."""
    gone = [name for how, name in changed if how == "D"]
    flat = [
        name for how, name in changed if how in "MT" and _is_binary(room.blob(f"{base}:{name}"))
    ]
    if not gone and not flat:
        return []
    before = _before(room, goal, answers)
    found = []
    for name in (*gone, *flat):
        ours = room.blob(f"{base}:{name}")
        path = before / name
        made = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        if ours != made:
            theirs = None if name in gone else room.blob(f":{name}")
            why = "the template removes it, the team edited it" if name in gone else "both changed"
            found.append(Conflict(name, why, _told(ours), _told(theirs)))
    return found


def _before(room: Room, goal: Goal, answers: Answers) -> Path:
    """Render the project as its template made it."""
    import yaml

    given = {name: value for name, value in answers.given.items() if not name.startswith("_")}
    text = yaml.safe_dump(given, allow_unicode=True)
    (room.folder / "home" / "answers.yml").write_text(text, encoding="utf-8")
    target = room.folder / "before"
    shutil.rmtree(target, ignore_errors=True)
    _copier(room, goal, answers, "copy", str(target))
    return target


def _is_binary(content: bytes | None) -> bool:
    return content is not None and b"\0" in content[:8000]


def _told(content: bytes | None) -> str:
    if content is None:
        return "removed"
    if _is_binary(content):
        return f"binary, {len(content):,} bytes"
    return _cut(content.decode("utf-8", errors="replace"))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _last(room: Room, base: str, name: str) -> str:
    """Return who edited a file last, and when."""
    try:
        if room.git("rev-parse", "--is-shallow-repository").strip() != "false":
            return "not known: the history could not be fetched"
        form = "--format=%an <%ae>, %as"
        return shown(room.git("log", "-1", form, base, "--", f":(top,literal){name}").strip())
    except RepositoryError:
        return "not known: git could not read the history"


def _commit(room: Room, goal: Goal, record: Record) -> str:
    """Commit what is staged. The same update has the same commit, however often it is made."""
    name, mail = goal.identity
    extra = {"GIT_AUTHOR_DATE": goal.started, "GIT_COMMITTER_DATE": goal.started}
    for role in ("AUTHOR", "COMMITTER"):
        extra |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": mail}
    words = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=verbatim", "--file=-")
    room.git(*words, text=message(goal, record), extra=extra)
    return room.git("rev-parse", "HEAD").strip()


def message(goal: Goal, record: Record) -> str:
    """Return the commit's message; it is the request's title and text too."""
    after = record.before if goal.version == CURRENT else goal.version
    lines = [goal.title, "", f"Template: {record.before} to {after}."]
    lines += [f"Answer: {name} becomes {value}." for name, value in goal.data]
    lines += [f"What changed in the template: {goal.link}"] if goal.link else []
    lines += ["", f"{len(record.files)} files:"]
    verbs = {"A": "new", "M": "changed", "D": "removed", "T": "changed"}
    for each in record.files[:50]:
        how, _, name = each.partition(" ")
        lines.append(f"* {verbs.get(how, 'changed')}: {one_line(name)}")
    more = len(record.files) - 50
    lines += [f"* and {more} more"] if more > 0 else []
    lines += ["", "Made by `tdsp fleet update`. The team's edits are merged; no conflict was left."]
    return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    """Return a text of a repository without line ends and what steers a terminal."""
    found = "".join(sign if sign.isprintable() else "?" for sign in shown(text))
    return found if len(found) <= LONGEST else f"{found[:LONGEST]}…"


def _taken(goal: Goal, found: dict[str, Any]) -> None:
    """Raise RepositoryError when the template did not take an answer that was given."""
    if wrong := [name for name, value in goal.data if not same(found.get(name), value)]:
        raise RepositoryError(
            f"the template did not take the answer {', '.join(wrong)}: no such question, or not"
            " asked in this project"
        )


def clean(room: Room, base: str, commit: str) -> bool:
    """Tell whether a commit has no marker and no reject that its base does not have."""
    words = room.names("diff", "--no-renames", "--name-status", "-z", base, commit)
    for how, name in zip(words[::2], words[1::2], strict=True):
        if how == "D":
            continue
        new, old = ((room.blob(f"{at}:{name}") or b"").replace(b"\0", b"") for at in (commit, base))
        if (how == "A" and name.endswith(".rej")) or len(MARKER.findall(new)) > len(
            MARKER.findall(old)
        ):
            return False
    return True
