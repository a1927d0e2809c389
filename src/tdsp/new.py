"""`tdsp new`: copier with the template that this package carries, then the user's own data."""

import os
import shutil
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

import tdsp.questions
from tdsp import __version__
from tdsp.errors import TdspError
from tdsp.org import Organisation, check_questions, merged

if TYPE_CHECKING:
    from tdsp.onboard.flow import Result, Wishes

Say = Callable[[str], None]
OWNER = "owner"  # in the folder where a project is built: the machine and process that build it
# A commit; a repository that awaits its first one; a repository around the project; no git.
History = Literal["committed", "started", "outer", "none"]


@dataclass(frozen=True)
class Request:
    """What to make. `given` are answers that are not asked again; `folder` is where it goes."""

    name: str
    folder: Path
    given: dict[str, Any] = field(default_factory=dict)
    organisation: Organisation = field(default_factory=Organisation)
    ask: bool = True
    data: Path | None = None
    wishes: "Wishes | None" = None  # what is known of the table; its target above all
    git: bool = True
    dry_run: bool = False


@dataclass(frozen=True)
class NewProject:
    """The new project: its folder, its answers, its size, and its state in git."""

    path: Path
    answers: dict[str, Any]
    files: int
    history: History
    onboarded: "Result | None" = None
    removed: tuple[Path, ...] = ()  # what killed runs had left beside it


def bundled_template() -> Path:
    """Return the folder with copier.yml: inside an installed package, or this checkout's root."""
    inside = Path(__file__).parent / "bundle"
    return inside if inside.is_dir() else Path(__file__).parents[2]


def questions(template: Path) -> set[str]:
    """Names of the questions that copier.yml asks; computed values are not among them."""
    return set(tdsp.questions.questions(template))


def new(request: Request, say: Say) -> NewProject:
    """Make a project, all of it or nothing: it is built beside its place and moved there whole.

    Raises TdspError for a refused answer, an occupied place or data that cannot be onboarded.
    """
    answers = _answers(request)
    removed = () if request.dry_run else tuple(_sweep(request.folder))
    with _building(request.folder) as built:
        say("Rendering the template")
        render_template(request, answers, built)
        recorded = _recorded(built)
        place = request.folder / recorded["project_slug"]
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise TdspError(f"{place} exists and is not empty; nothing was written")
        history: History = _start_git(built, request.git)
        onboarded = _onboard(request, built, say)
        files = sum(path.is_file() for path in built.rglob("*") if ".git" not in path.parts)
        if history == "started" and _commit(built):
            history = "committed"
        if not request.dry_run:
            if place.is_dir():
                place.rmdir()
            built.rename(place)
    return NewProject(place, recorded, files, history, onboarded, removed)


def _answers(request: Request) -> dict[str, Any]:
    check_questions(request.given, questions(bundled_template()), "answers")
    answers = merged({"project_name": request.name} | request.given, request.organisation)
    wishes = request.wishes
    if request.data and wishes:
        answers["problem_type"] = _problem(request.data, wishes, answers.get("problem_type"))
    return answers


def _problem(data: Path, wishes: "Wishes", answered: str | None) -> str:
    """The kind of problem: as answered, else as asked for with --problem, else as the target is."""
    if answered and wishes.problem and answered != wishes.problem:
        raise TdspError(f"--problem {wishes.problem} contradicts problem_type={answered}")
    if chosen := answered or wishes.problem:
        return chosen
    if wishes.series or wishes.horizon:
        return "forecasting"
    from tdsp.onboard.flow import propose_problem  # pandas takes a second to import

    return propose_problem(data, wishes)


def _onboard(request: Request, project: Path, say: Say) -> "Result | None":
    if not request.data or not request.wishes:
        return None
    from tdsp.onboard.flow import onboard

    return onboard(request.data, request.wishes, project, False, say)


@contextmanager
def _building(folder: Path) -> Iterator[Path]:
    """Give a folder that is gone afterwards, on the file system where the project will stand."""
    if not folder.is_dir():
        raise TdspError(f"{folder} is not a folder")
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".tdsp-", dir=folder))
        (scratch / OWNER).write_text(f"{socket.gethostname()} {os.getpid()}", encoding="utf-8")
    except OSError as error:
        raise TdspError(f"nothing can be written in {folder}: {error.strerror}") from error
    try:
        yield scratch / "project"
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sweep(folder: Path) -> Iterator[Path]:
    """Remove what runs that were killed have left, and name it; what a process builds stays."""
    for owner in folder.glob(f".tdsp-*/{OWNER}"):
        text = owner.read_text(encoding="utf-8", errors="replace") if owner.is_file() else ""
        host, _, process = text.partition(" ")
        if host == socket.gethostname() and process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(owner.parent, ignore_errors=True)
            yield owner.parent


def _runs(process: int) -> bool:
    if os.name == "nt":  # where this call would end the process
        return True
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # somebody else's
    return True


def render_template(request: Request, answers: dict[str, Any], target: Path) -> None:
    """Render the template; `new` and `adopt` do the same. Raises TdspError for a refused answer."""
    from copier import run_copy
    from copier.errors import CopierError, DirtyLocalWarning, InteractiveSessionError

    organisation, local = request.organisation, bundled_template()
    source = organisation.template or str(local)
    checkout = organisation.template is None and (local / ".git").exists()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DirtyLocalWarning)
            run_copy(
                source,
                target,
                data=answers,
                user_defaults=organisation.answers,
                defaults=not request.ask,
                vcs_ref=organisation.ref or ("HEAD" if checkout else None),
                quiet=True,
            )
    except InteractiveSessionError:
        raise TdspError("there is no terminal to ask on: add --defaults, or --answers") from None
    except (CopierError, ValueError) as error:
        raise TdspError(f"an answer was refused: {error}") from error
    if source == str(local) and not checkout:
        _record_version(target)


def _record_version(project: Path) -> None:
    """Name the released version, so that `copier update` knows what a repository's tag changed."""
    path = project / ".copier-answers.yml"
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    path.write_text(f"{first}\n_commit: v{__version__}\n{rest}", encoding="utf-8")


def _recorded(project: Path) -> dict[str, Any]:
    text = (project / ".copier-answers.yml").read_text(encoding="utf-8")
    answers: dict[str, Any] = yaml.safe_load(text)
    return answers


def _git(project: Path, *words: str) -> bool:
    result = subprocess.run(["git", *words], cwd=project, capture_output=True, check=False)
    return result.returncode == 0


def _start_git(project: Path, wanted: bool) -> History:
    """Make a repository, unless git is missing or a repository around the place keeps it."""
    if shutil.which("git") is None:
        return "none"
    inside = _git(project, "rev-parse", "--is-inside-work-tree")
    if inside and not _git(project, "check-ignore", "--quiet", "."):
        return "outer"
    if not wanted:
        return "none"
    return "started" if _git(project, "init", "--initial-branch", "main") else "none"


def _commit(project: Path) -> bool:
    """Commit everything; False when git refuses, as it does without a user's name."""
    message = f"Start from tdsp {__version__}"
    return _git(project, "add", "--all") and _git(project, "commit", "--quiet", "-m", message)
