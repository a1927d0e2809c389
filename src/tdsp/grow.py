"""`tdsp grow`: a project climbs to another level of its template, or goes down again.

copier's update does the work, at the version that the project has. What would come, change and
go is known beforehand from two renders of the project's own answers.
"""

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tdsp import plain
from tdsp.errors import TdspError

OWN_README = "<!-- tdsp adopt: this read-me is the team's"
ANSWERS = ".copier-answers.yml"
LEVELS = ("train", "operate", "govern")
# A level that has no room for these refuses a "yes" that somebody gives, not one on record.
NOT_CARRIED = {"train": {"responsible_ai", "tuning"}}
PROPOSED = (
    "Level govern proposes fairness and explanation reports; this project has answered no to them."
    " They come with `uvx copier update --data responsible_ai=yes`."
)

# What a file is for: the start of its path, and why its level has it. The first match counts;
# PACKAGE stands for the folder of the project's package.
REASONS = (
    (("PACKAGE/steps/explain.py", "PACKAGE/steps/fairness.py"), "fairness and explanation reports"),
    (("PACKAGE/operate/",), "registry, lineage, monitoring, retraining, notifications"),
    (("PACKAGE/steps/tune.py",), "search for better parameters"),
    (("PACKAGE/service/", "deploy/", ".dockerignore"), "the online service"),
    (("PACKAGE/",), "more of the pipeline: exit report, what a larger level needs"),
    (("tests/",), "tests of the code that comes"),
    (("environments.yaml",), "what differs in development, test and production"),
    (("docs/runbooks/", "docs/operate.md"), "how to operate, and what to do when something fails"),
    (("docs/delivery/", "docs/project/architecture.md"), "how it is built, released and set up"),
    (
        (
            *("expiry.yaml", "tools/__init__.py", "tools/expiry.py", "tools/audit.py"),
            "tools/sources.py",
        ),
        "pinned versions that reach their end of life, vulnerable dependencies",
    ),
    (("docs/roles", "CODEOWNERS"), "who does what, and who owns which file"),
    (
        ("docs/governance/", "tools/"),
        "maturity, principles, risks, data protection, signed approvals",
    ),
    (
        ("docs/process/", ".github/ISSUE_TEMPLATE/", ".gitlab/issue_templates/"),
        "lifecycle, work items, boards",
    ),
    (
        (".github/rulesets/", ".github/environments.sh", ".gitlab/protect.sh", ".azuredevops/"),
        "branch protection and approvers of releases, as code",
    ),
    (
        (".github/pull_request_template.md", ".gitlab/merge_request_templates/"),
        "what a change is to say about itself",
    ),
    ((".github/", ".gitlab/", "azure-pipelines/"), "training, releases and upkeep in CI"),
    ((".devcontainer/",), "a development container"),
    (("docs/",), "documents"),
)
OTHER = "settings and tools"


@dataclass(frozen=True)
class Plan:
    """What a change of level does to the files of a project; paths are relative to its folder.

    `kept` are files of the team in the place of one that comes or goes: they stay as they are.
    """

    current: str
    target: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    edited: frozenset[str]


@dataclass(frozen=True)
class Project:
    """A generated project, its recorded answers, and the version of the template it is made of."""

    root: Path
    answers: dict[str, Any]
    source: str
    version: str

    @property
    def level(self) -> str:
        """The level that it has."""
        return str(self.answers["level"])


def read_project(root: Path) -> Project:
    """Read what a project is made of. Raises TdspError when it is not one that can grow."""
    path = root / ANSWERS
    if not path.is_file():
        raise TdspError(f"{path} is missing: run this in a project that was made by tdsp")
    try:
        found = plain.load(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise TdspError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict) or "_src_path" not in found:
        raise TdspError(f"{path} does not name its template under _src_path: restore it from git")
    answers = {name: value for name, value in found.items() if not str(name).startswith("_")}
    if answers.get("level") not in LEVELS:
        raise TdspError(
            f"{path} has no level: the project is older than levels; first run"
            " `uvx copier update --data level=govern`, which keeps all that it has"
        )
    if "_commit" not in found:
        raise TdspError(
            f"{path} has no _commit: the template had no history when this project was made, so"
            " nobody can tell the team's changes from it; write the commit or tag of the template"
            " there that it was made from"
        )
    return Project(root, answers, str(found["_src_path"]), str(found["_commit"]))


def check_clean(root: Path) -> None:
    """Raise TdspError unless git keeps the project and has everything in it committed."""
    if shutil.which("git") is None:
        raise TdspError("git is not installed: without it no change could be taken back")
    status = _git(root, "status", "--porcelain", "--untracked-files=normal")
    if status is None:
        raise TdspError(
            f"{root.resolve()} is not in a git repository: `git init`, then commit everything"
        )
    if status:
        names = ", ".join(line[3:] for line in status.splitlines()[:5])
        raise TdspError(f"there are changes that are not committed: {names}; commit or stash them")
    if _git(root, "rev-parse", "HEAD") is None:
        raise TdspError("the repository has no commit yet: commit everything first")


def plan(project: Project, target: str) -> Plan:
    """Say what a change of level would do; writes nothing.

    Raises TdspError for an unknown level, the level that the project has, answers that the level
    has no room for, and a template that cannot be reached.
    """
    if target not in LEVELS:
        raise TdspError(f"{target} is not a level; levels are: {', '.join(LEVELS)}")
    if target == project.level:
        raise TdspError(f"the project has level {target} already")
    with _rendered(project, project.level) as before, _rendered(project, target) as after:
        here = {name: _content(project.root / name) for name in before.keys() | after.keys()}
    edited = {name for name in before if here[name] not in (None, before[name])}
    coming, going = after.keys() - before.keys(), before.keys() - after.keys()
    theirs = {name for name in coming if here[name] not in (None, after[name])}
    own = {name.removeprefix("/") for name in own_readme(project.root)}
    both = before.keys() & after.keys() - {ANSWERS} - own
    return Plan(
        project.level,
        target,
        _ordered(coming - theirs),
        _ordered(name for name in both if before[name] != after[name] and here[name] is not None),
        _ordered(name for name in going - edited if here[name] is not None),
        _ordered(theirs | going & edited),
        frozenset(edited),
    )


def proposed(project: Project, target: str) -> str:
    """Say what a level has by default, and this project keeps out by an answer on record."""
    return PROPOSED if target == "govern" and not project.answers.get("responsible_ai", 1) else ""


def own_readme(root: Path) -> list[str]:
    """Return the read-me that an update leaves alone: `tdsp adopt` has left it to the team."""
    path = root / "README.md"
    own = path.is_file() and not path.is_symlink() and OWN_README.encode() in path.read_bytes()
    return ["/README.md"] if own else []


def grow(project: Project, wanted: Plan) -> list[str]:
    """Carry a plan out, all of it or nothing; returns the files in which git marks a conflict.

    Raises TdspError when git has uncommitted changes, or when copier fails.
    """
    from copier import VcsRef, run_update

    check_clean(project.root)
    try:
        with _quiet():
            run_update(
                project.root,
                data={"level": wanted.target},
                exclude=[f"/{name}" for name in wanted.kept],
                skip_if_exists=own_readme(project.root),
                vcs_ref=VcsRef.CURRENT,
                defaults=True,
                skip_answered=True,
                overwrite=True,
                quiet=True,
            )
    except BaseException as error:
        _undo(project.root)
        if isinstance(error, Exception):
            raise TdspError(f"nothing was changed: {_reason(error)}") from error
        raise
    return _conflicts(project.root)


def grouped(project: Project, names: Iterable[str]) -> dict[str, list[str]]:
    """Return why files are there -> the files, in the order of REASONS."""
    package = f"src/{project.answers['package_name']}/"
    groups: dict[str, list[str]] = {why: [] for _, why in (*REASONS, ((), OTHER))}
    for name in names:
        plain = name.replace(package, "PACKAGE/", 1)
        why = next((why for starts, why in REASONS if plain.startswith(starts)), OTHER)
        groups[why].append(name)
    return {why: files for why, files in groups.items() if files}


@contextmanager
def _rendered(project: Project, level: str) -> Iterator[dict[str, bytes]]:
    """Give path -> content of the project as its template makes it at a level."""
    from copier import run_copy

    left_out = NOT_CARRIED.get(level, set())
    carried = {name: value for name, value in project.answers.items() if name not in left_out}
    with tempfile.TemporaryDirectory(prefix="tdsp-") as folder:
        place = Path(folder, "project")
        try:
            with _quiet():
                run_copy(
                    project.source,
                    place,
                    data=carried | {"level": level},
                    vcs_ref=project.version,
                    defaults=True,
                    quiet=True,
                )
        except Exception as error:
            raise TdspError(
                f"the template {project.source} at {project.version} does not make level {level}:"
                f" {_reason(error)}"
            ) from error
        files = (path for path in place.rglob("*") if path.is_file())
        yield {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out copier's warnings about a template that is worked on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reason(error: Exception) -> str:
    """The words of an error; of a failed command those that it printed."""
    printed = getattr(error, "stderr", None)
    return " ".join(str(printed or error).split()) or type(error).__name__


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _ordered(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _git(root: Path, *words: str) -> str | None:
    """What git prints, or None when it fails."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _undo(root: Path) -> None:
    """Bring back the last commit; before, nothing was there that it does not have."""
    _git(root, "reset", "--hard", "--quiet")
    _git(root, "clean", "-fdq", "--", ".")


def _conflicts(root: Path) -> list[str]:
    listed = _git(root, "diff", "--name-only", "--relative", "--diff-filter=U") or ""
    return sorted(set(listed.splitlines()))
