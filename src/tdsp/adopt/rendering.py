"""The template's files for a plan, with the history that a later `copier update` needs."""

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tdsp.adopt import gitlab, workflows
from tdsp.adopt.gitwork import LINK, PLAIN, RUNS
from tdsp.adopt.plan import Plan
from tdsp.errors import TdspError
from tdsp.grow import ANSWERS

# What an adoption in place takes: checks, CI and documents; no code, no pipeline.
IN_PLACE = (
    ".copier-answers.yml", ".gitignore", ".pre-commit-config.yaml", ".python-version",
    ".secrets.baseline", "README.md", "SECURITY.md", "pyproject.toml", ".github/actions/",
    ".github/workflows/ci.yml", ".gitlab-ci.yml", ".gitlab/ci/ci.yml", ".gitlab/ci/setup.yml",
    "azure-pipelines/ci.yml", "azure-pipelines/steps/setup.yml", "docs/README.md",
    "docs/project/", "docs/decisions/", "docs/data/log.md",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rendered:
    """One file of the template: its bytes and its mode in git."""

    content: bytes
    mode: str = PLAIN


Render = dict[str, Rendered]


def render(plan: Plan) -> Render:
    """Render the template with a plan's answers. Raises TdspError for a render without files."""
    from tdsp.new import Request, render_template

    answers = {"package_name": plan.package, "level": plan.template_level, **dict(plan.answers)}
    name = str(answers.setdefault("project_name", plan.package.replace("_", " ").capitalize()))
    with tempfile.TemporaryDirectory(prefix="tdsp-") as folder:
        target = Path(folder, "project")
        try:
            render_template(Request(name, Path(folder), ask=False), answers, target)
        except OSError as error:
            raise TdspError(f"the template could not be rendered: {error.strerror}") from error
        found = read(target)
    check(found, plan)
    return found


def check(found: Render, plan: Plan) -> None:
    """Raise TdspError for a render that is not a whole project."""
    code = f"src/{plan.package}/__init__.py"
    lacking = [name for name in (ANSWERS, "pyproject.toml", code) if name not in found]
    if lacking:
        raise TdspError(
            f"the template was rendered without {lacking[0]}: nothing was changed; is this"
            " installation of tdsp whole? `tdsp new --dry-run Trial` shows what it makes"
        )


def read(folder: Path) -> Render:
    """Return the files of a folder by their path in it."""
    found: Render = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = Rendered(os.fsencode(path.readlink()), LINK)
        elif path.is_file() and not name.startswith(".git/"):
            runs = path.stat().st_mode & stat.S_IXUSR
            found[name] = Rendered(path.read_bytes(), RUNS if runs else PLAIN)
    return found


def for_level(found: Render, level: int, subdirectory: str = "") -> Render:
    """Return the files that a level of adoption takes. A licence is never among them.

    A path that starts with "/" is from the root of the repository, not from the project's folder.
    """
    taken = {path: file for path, file in found.items() if path != "LICENSE"}
    if level == 0:
        check = workflows.standard(found[ANSWERS].content) if ANSWERS in found else ""
        taken = {p: _in_place(p, e, check) for p, e in taken.items() if p.startswith(IN_PLACE)}
    if not subdirectory:
        return taken
    made = {}
    jobs = {path: file.content for path, file in taken.items() if path.startswith(".gitlab")}
    for name, content in gitlab.below(jobs, subdirectory).items():
        was = taken.get(name.removeprefix("/"))
        made[name] = Rendered(content, was.mode if was else PLAIN)
    for path, file in ((path, file) for path, file in taken.items() if path not in jobs):
        name, content = path, file.content
        if path.startswith(".github/"):
            name, content = workflows.below(path, content, subdirectory)
            name = f"/{name}"
        elif path.startswith("azure-pipelines/") and path.endswith(".yml"):
            content = workflows.azure_below(content, subdirectory)
        made[name] = Rendered(content, file.mode)
    return made


def _in_place(path: str, file: Rendered, check: str) -> Rendered:
    """Return a file as an adoption in place takes it; `check` is the command for the checks."""
    jobs = {
        ".github/workflows/ci.yml": workflows.in_place,
        ".gitlab/ci/ci.yml": workflows.gitlab_in_place,
        "azure-pipelines/ci.yml": workflows.azure_in_place,
    }
    changes = {
        ".pre-commit-config.yaml": workflows.hooks_in_place,
        ".github/actions/setup/action.yml": workflows.unlocked,
        "azure-pipelines/steps/setup.yml": workflows.unlocked,
        ".gitlab/ci/setup.yml": workflows.gitlab_setup_in_place,
    }
    if path in jobs:
        return Rendered(jobs[path](file.content, check), file.mode)
    return Rendered(changes[path](file.content), file.mode) if path in changes else file
