"""The programs of the code hosts: gh, glab, az. A dry run reads if it can, and writes nothing."""

import json
import shutil
import subprocess
import textwrap
from typing import Any

import typer

from tdsp.errors import TdspError
from tdsp.people.project import Project

PROGRAMS = {
    "gh": "https://cli.github.com, then `gh auth login`",
    "glab": "https://gitlab.com/gitlab-org/cli, then `glab auth login`",
    "az": "https://aka.ms/azure-cli, `az extension add --name azure-devops`, then `az login`",
}

WIDTH = 160  # of the line that shows a command


class Host:
    """A code host, called by its own program in the project's folder."""

    def __init__(self, project: Project, program: str, dry: bool) -> None:
        """Remember whether to write; in a dry run, whether the host can be asked."""
        self.project, self.program, self.dry, self.changes = project, program, dry, 0
        self.known = True

    def call(self, *words: str) -> str:
        """Return what the program prints. Raises TdspError when it fails or is not installed."""
        if shutil.which(self.program) is None:
            raise TdspError(f"{self.program} is not installed: {PROGRAMS[self.program]}")
        done = subprocess.run(
            [self.program, *words], cwd=self.project.root, capture_output=True, text=True,
            encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["failed"]
            command = subprocess.list2cmdline([self.program, *words[:3]])
            hint = f"{self.program} and its login are needed: {PROGRAMS[self.program]}"
            raise TdspError(f"{command} ...: {lines[-1]} ({hint})")
        return done.stdout

    def read(self, *words: str) -> str | None:
        """Return what is there. A dry run without the program, or its login, knows nothing."""
        if not self.known:
            return None
        try:
            return self.call(*words)
        except TdspError as error:
            if not self.dry:
                raise
            self.known = False
            typer.echo(f"note: what is there already is not known: {error}", err=True)
            return None

    def json(self, *words: str) -> Any:
        """Return what is there, from JSON; from a line each with `--output ndjson`."""
        text = self.read(*words)
        if text is None:
            return []
        try:
            if "ndjson" in words:
                return [json.loads(line) for line in text.splitlines()]
            return json.loads(text)
        except ValueError:
            raise TdspError(f"{self.program} {words[0]} did not print JSON") from None

    def write(self, *words: str) -> str:
        """Have the program change something; return what it prints. A dry run only says so."""
        line = subprocess.list2cmdline([self.program, *words])
        typer.echo(textwrap.shorten(line, WIDTH, placeholder=" ..."))
        self.changes += 1
        return "" if self.dry else self.call(*words).strip()

    @property
    def summary(self) -> str:
        """Say how much was changed, or would be."""
        return f"{self.changes} changes {'to make' if self.dry else 'made'}"
