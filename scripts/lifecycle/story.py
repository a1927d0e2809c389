"""What a play tells: the project, the commands that it ran and what came of them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

console = Console(highlight=False)


@dataclass(frozen=True)
class Step:
    """One command of the story: what it is for, what it said, how it ended."""

    title: str
    why: str
    command: str
    expected: int
    exit_code: int
    at: float
    seconds: float
    output: str


@dataclass
class Story:
    """The project, and what happened to it."""

    project: Path
    env: dict[str, str]
    began: float = field(default_factory=time.monotonic)
    steps: list[Step] = field(default_factory=list)
    messages: list[tuple[float, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def now(self) -> float:
        return time.monotonic() - self.began

    def run(self, title: str, why: str, *command: str, expected: int = 0) -> str:
        """Run a command in the project; stop the play unless it ends with `expected`."""
        at = self.now()
        console.print(
            f"[dim]{at:6.1f} s[/]  [bold]{title}[/]  {shlex.join(command)}", soft_wrap=True
        )
        done = subprocess.run(
            command,
            cwd=self.project if self.project.exists() else self.project.parent,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        words = shlex.join(command)
        taken = self.now() - at
        self.steps.append(
            Step(title, why, words, expected, done.returncode, at, taken, done.stdout)
        )
        if done.returncode != expected:
            sys.exit(
                f"{done.stdout}error: `{words}` ended with {done.returncode}, not {expected},"
                f" in {self.project}"
            )
        return done.stdout

    def own(self, title: str, why: str, *words: str, expected: int = 0) -> str:
        """Run a command of the project's own package."""
        command = ("uv", "run", "--quiet", "machines", *words)
        return self.run(title, why, *command, expected=expected)

    def read(self, name: str) -> Any:
        return json.loads((self.project / name).read_text(encoding="utf-8"))

    def commit(self, message: str) -> None:
        """Commit everything, as a team would after each step that counts."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def git(self, *words: str) -> None:
        subprocess.run(("git", *words), cwd=self.project, env=self.env, check=True)
