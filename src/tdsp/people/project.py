"""A folder with a project in it: its answers, its texts, its own commands.

The project's code is never imported. What needs its environment is asked by running its commands.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tdsp import plain
from tdsp.errors import TdspError

ANSWERS = ".copier-answers.yml"
PLATFORMS = ("github", "azure-devops", "gitlab", "none")
# Where a repository that is not ours shows which code host it is on.
SIGNS = {
    ".github": "github",
    ".gitlab-ci.yml": "gitlab",
    ".gitlab": "gitlab",
    "azure-pipelines.yml": "azure-devops",
    "azure-pipelines": "azure-devops",
    ".azuredevops": "azure-devops",
}


def open_project(folder: Path) -> "Project":
    """Return the project of a folder, or of the nearest one above it that has an answers file."""
    if not folder.is_dir():
        raise TdspError(f"{folder} is not a folder")
    for place in (folder, *folder.resolve().parents):
        if (place / ANSWERS).is_file():
            return Project(place)
        if (place / ".git").exists():
            break
    return Project(folder)


@dataclass(frozen=True)
class Project:
    """A project's folder; it need not be one that tdsp made."""

    root: Path

    @cached_property
    def answers(self) -> dict[str, Any]:
        """What the template recorded of this project; nothing when it was made otherwise."""
        path = self.root / ANSWERS
        if not path.is_file():
            return {}
        content = plain.load(self.text(ANSWERS), path)
        if not isinstance(content, dict):
            raise TdspError(f"{path} does not consist of `key: value`")
        return content

    @property
    def origin(self) -> str:
        """How to run the tdsp that made the project, when the answers file says which."""
        source, commit = self.answers.get("_src_path"), self.answers.get("_commit")
        if not source or not commit:
            return ""
        return f'the tdsp that made it: `uvx --from "{address(str(source))}@{commit}" tdsp`'

    @property
    def package(self) -> str:
        """The name of the project's Python package. Raises TdspError when nobody knows it."""
        if not (name := self.answers.get("package_name")):
            raise TdspError(f"{self.root / ANSWERS} does not name the package (package_name)")
        return str(name)

    @property
    def platform(self) -> str:
        """Which code host the project is on: as answered, or by the files that are there."""
        answered = self.answers.get("ci")
        if answered in PLATFORMS:
            return str(answered)
        return next((host for sign, host in SIGNS.items() if (self.root / sign).exists()), "none")

    @property
    def name(self) -> str:
        """What the project is called in its own metadata, or else its folder's name."""
        return str(self.metadata.get("name", self.root.resolve().name))

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The table `project` of pyproject.toml."""
        return dict(self._pyproject.get("project", {}))

    @property
    def tasks(self) -> set[str]:
        """The tasks of poe."""
        return {*self._pyproject.get("tool", {}).get("poe", {}).get("tasks", {})}

    @cached_property
    def _pyproject(self) -> dict[str, Any]:
        if not (self.root / "pyproject.toml").is_file():
            return {}
        try:
            return tomllib.loads(self.text("pyproject.toml"))
        except tomllib.TOMLDecodeError as error:
            raise TdspError(f"pyproject.toml is not valid TOML: {error}") from None

    def text(self, name: str) -> str:
        """Return the text of a file. Raises TdspError when it has none."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise TdspError(f"{name} cannot be read in {self.root}: {reason}") from None

    # --- Its own commands ------------------------------------------------------------------------

    @property
    def python(self) -> Path:
        """The interpreter of the project's environment, else the first on PATH that is not ours."""
        own = self.root / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv")
        for place in (own / "bin/python", own / "Scripts/python.exe"):
            if place.is_file():
                return place.absolute()
        ours = Path(sys.executable).parent
        others = [p for p in os.environ.get("PATH", "").split(os.pathsep) if Path(p) != ours]
        return Path(shutil.which("python", path=os.pathsep.join(others)) or sys.executable)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the project's commands run."""
        path = f"{self.python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        sources = [str(self.root.absolute() / "src"), os.environ.get("PYTHONPATH", "")]
        return {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(filter(None, sources))}

    def command(self, words: Sequence[str]) -> list[str]:
        """Return a command with the program that it means here. Raises TdspError without one."""
        first, *rest = words
        if first == "tdsp":
            return [sys.executable, "-m", "tdsp", *rest]
        if first == "python":
            return [str(self.python), *rest]
        program = shutil.which(first, path=self.environment["PATH"])
        if program is None:
            raise TdspError(f"{first} is not installed")
        return [program, *rest]

    def check(self, line: str, seconds: float | None = None) -> tuple[bool, str]:
        """Run a command without a shell; return whether it ends with 0, and its last line."""
        try:
            # Without a terminal: a command that asks a question must fail, not wait.
            done = subprocess.run(
                self.command(shlex.split(line)), cwd=self.root, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, encoding="utf-8", errors="replace", check=False, timeout=seconds,
            )  # fmt: skip
        except (TdspError, OSError, ValueError, subprocess.TimeoutExpired) as error:
            return False, str(error)
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        return done.returncode == 0, lines[-1].strip() if lines else f"exit code {done.returncode}"

    def ask(self, *words: str) -> Any:
        """Run `python -m WORDS` in the project; return what it prints, from JSON."""
        command = self.command(["python", "-m", *words])
        try:
            done = subprocess.run(
                command, cwd=self.root, env=self.environment, capture_output=True, text=True,
                encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except OSError as error:
            raise TdspError(f"{command[0]}: {error}") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            hint = ": run `uv sync` in the project" if "No module named" in lines[-1] else ""
            raise TdspError(f"`python -m {' '.join(words)}` in {self.root}: {lines[-1]}{hint}")
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise TdspError(f"`python -m {' '.join(words)}` did not print JSON") from None


def address(source: str) -> str:
    """Return the address of a template as uv and pip want it."""
    for short, host in {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}.items():
        if source.startswith(short):
            return f"git+{host}{source.removeprefix(short).removesuffix('.git')}"
    return source if source.startswith("git+") or "://" not in source else f"git+{source}"
