"""Play what CI would do, on this machine: the real scripts, with recording stand-ins for tools."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import git

NAMES = ("uv", "uvx", "az", "kubectl", "kubelogin", "docker", "cosign", "gh", "terraform", "curl")
DIGEST = "sha256:" + "5" * 64
# Records how it was called; answers by the first rule whose pattern fits: PATTERN|EXIT|OUTPUT.
# `docker buildx build` writes the digest where it is asked to; `git push` goes nowhere.
FAKE = f"""#!/bin/bash
line="$(basename "$0") $*"
case $line in
  "gh auth token") exit 1 ;; # act itself asks
  "git push "*) echo "$line" >> "$FAKE_LOG"; exit 0 ;;
  "git "*) exec {shutil.which("git")} "$@" ;;
  "sudo "*) exec "$@" ;;
esac
echo "$line" >> "$FAKE_LOG"
if [[ $line == "docker buildx build"* ]]; then
  while [ "$1" != --metadata-file ]; do shift; done
  echo '{{"containerimage.digest": "{DIGEST}"}}' > "$2"
fi
if [[ $line == "uv run dvc plots diff"* ]]; then mkdir -p plots; fi
if [[ $line == "az ml job download"* ]]; then mkdir -p "${{@: -1}}/named-outputs/documents"; fi
while IFS='|' read -r pattern code output; do
  if [[ $line == $pattern ]]; then
    [ -z "$output" ] || echo "$output"
    exit "$code"
  fi
done < "$FAKE_RULES"
"""
# In place of an action: nothing is done, but artifacts are really handed on.
STUB = """\
name: stub
inputs: {{name: {{}}, path: {{}}}}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        NAME: ${{{{ inputs.name }}}}
        ITEMS: ${{{{ inputs.path }}}}
      run: |
        {script}
"""
SCRIPTS = {
    "actions/upload-artifact": 'mkdir -p "$FAKE_STORE/$NAME"; cp -r $ITEMS "$FAKE_STORE/$NAME"',
    "actions/download-artifact": 'cp -r "$FAKE_STORE/$NAME/." "${ITEMS:-.}"',
}
SHELL_NAMES = ("git", "sudo")
COMMIT = "c" * 40


@dataclass
class Played:
    """What was called, in order; how it ended; what was written for people to see."""

    calls: list[str]
    code: int
    output: str
    summary: str = ""

    def of(self, start: str) -> list[str]:
        """The calls that begin so, without that beginning."""
        return [call.removeprefix(start).strip() for call in self.calls if call.startswith(start)]

    @property
    def tasks(self) -> list[str]:
        """The project's own commands, in order."""
        return [call.split()[0] for call in self.of("uv run poe ")]

    def before(self, first: str, second: str) -> bool:
        """Whether the one call came before the other; both have to be there."""
        places = [
            next(place for place, call in enumerate(self.calls) if call.startswith(start))
            for start in (first, second)
        ]
        return places[0] < places[1]


@dataclass
class Stage:
    """A place to play in: the project, the stand-ins, what they answer."""

    project: Path
    folder: Path
    answers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bin = self.folder / "bin"
        self.bin.mkdir(parents=True)
        for name in (*NAMES, *SHELL_NAMES):
            (self.bin / name).write_text(FAKE, encoding="utf-8")
            (self.bin / name).chmod(0o755)
        self.log, self.rules = self.folder / "log", self.folder / "rules"
        self.store = self.folder / "store"

    @property
    def env(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        files = {"FAKE_LOG": self.log, "FAKE_RULES": self.rules, "FAKE_STORE": self.store}
        return {**kept, "PATH": path, **{name: str(path) for name, path in files.items()}}

    def start(self, answers: list[str]) -> None:
        shutil.rmtree(self.store, ignore_errors=True)
        self.log.write_text("", encoding="utf-8")
        self.rules.write_text("".join(f"{line}\n" for line in answers), encoding="utf-8")

    def calls(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()


def fails(pattern: str, code: int = 1) -> str:
    """A rule: calls like this end with an error."""
    return f"{pattern}|{code}|"


def says(pattern: str, output: str) -> str:
    """A rule: calls like this print something."""
    return f"{pattern}|0|{output}"


class GitHub(Stage):
    """Workflows, executed by act on this very machine, without a container."""

    def prepare(self, act: Path) -> "GitHub":
        self.act = act
        text = ""
        for path in sorted((self.project / ".github").rglob("*.yml")):
            # act does not know GitHub's own word for "this repository at this commit" yet.
            plain = path.read_text(encoding="utf-8").replace("uses: $/", "uses: ./")
            plain = re.sub(r"\n +ref: \S.*", "", plain)  # it would fetch another commit
            path.write_text(plain, encoding="utf-8")
            text += plain
        used = sorted(set(re.findall(r"uses: ([\w.-]+/\S+@[0-9a-f]{40})", text)))
        self.stubs = []
        for each in used:
            stub = self.folder / each.replace("/", "-")
            stub.mkdir()
            script = SCRIPTS.get(each.partition("@")[0], "true")
            (stub / "action.yml").write_text(STUB.format(script=script), encoding="utf-8")
            self.stubs += ["--local-repository", f"{each}={stub}"]
        git(self.project, "init", "-q", "-b", "main")
        git(self.project, "add", "-A")
        git(self.project, "commit", "-q", "-m", "as it is")
        return self

    def play(
        self,
        workflow: str,
        event: str,
        answers: list[str] | None = None,
        job: str | None = None,
        payload: dict[str, Any] | None = None,
        **variables: str,
    ) -> Played:
        """Run a workflow as an event starts it."""
        self.start(answers or [])
        told = self.folder / "event.json"
        told.write_text(json.dumps(payload or {}), encoding="utf-8")
        words = [self.act, event, "--workflows", f".github/workflows/{workflow}.yml"]
        words += ["--platform", "ubuntu-24.04=-self-hosted", "--action-offline-mode", *self.stubs]
        words += ["--eventpath", told, "--actor", "someone"]
        words += ["--job", job] if job else []
        words += ["--secret", "GITHUB_TOKEN=token", "--secret", "NOTIFY_TEAMS_URL=https://teams"]
        given = {name: value for name, value in self.env.items() if name.startswith("FAKE_")}
        words += [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
        words += [w for name, value in variables.items() for w in ("--var", f"{name}={value}")]
        done = subprocess.run(
            list(map(str, words)), cwd=self.project, env=self.env, text=True, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return Played(self.calls(), done.returncode, done.stdout)
