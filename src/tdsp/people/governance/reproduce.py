"""The proof that a registered model is what its record says: it is made again, and compared.

The record is asked of the project's own command `lineage`. Code, data and parameters are checked
out elsewhere and run in the project's environment; nothing of the project is imported here.
"""

import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from tdsp.errors import TdspError
from tdsp.people.governance.trail import MARKS, Check, understood
from tdsp.people.project import Project

PACKAGE, METRICS = "models/package/package.json", "reports/metrics.json"  # as in paths.py there
LOCK, PATCH = "requirements.lock", "uncommitted.patch"
INSTALLED = (
    "import json; from importlib.metadata import distributions as all;"
    " print(json.dumps({each.name: each.version for each in all()}))"
)


class Facts(BaseModel):
    """What is on record of a registered model, of all that `lineage --json` answers."""

    version: str
    model_id: str
    file: str
    data_md5: str
    git_commit: str
    files: Path


@dataclass(frozen=True)
class Copy:
    """A checkout of the project as it was when the model was made, to be run in."""

    project: Project
    root: Path

    def run(self, *words: str) -> str:
        """Run a program on the code of the copy; return what it prints."""
        own = {"PYTHONPATH": str(self.root / "src"), "DVC_NO_ANALYTICS": "1"}
        own["ENVIRONMENT"] = ""  # no pipeline knows where it runs
        done = subprocess.run(
            self.project.command(words), cwd=self.root, env=self.project.environment | own,
            capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
        if done.returncode:
            cause = (done.stderr or done.stdout)[-2000:].strip()
            raise TdspError(f"`{' '.join(words)}` in {self.root}: {cause}")
        return done.stdout


def record(project: Project, model: str) -> Facts:
    """Ask the project for the record of a model. Raises TdspError when it cannot be made again."""
    answers = project.ask(project.package, "lineage", model, "--json")
    groups = [*answers.values()] if isinstance(answers, dict) else []
    flat = {k: v for group in groups if isinstance(group, dict) for k, v in group.items()}
    facts = understood(project, "lineage --json", Facts, flat)
    if facts.git_commit == "none":
        raise TdspError("it was made outside of git: its code is not on record")
    return facts


def made_again(project: Project, facts: Facts, scratch: Path) -> list[Check]:
    """Make the model in `scratch` from the commit, changes and data on record; compare.

    The checkout is a clone, so nothing of the project is touched; only DVC's cache is shared.
    """
    here = Copy(project, project.root.resolve())
    where = here.run("git", "rev-parse", "--show-toplevel", "--show-prefix").split("\n")
    here.run("git", "clone", "--quiet", "--no-checkout", where[0], str(scratch))
    clone = Copy(project, scratch)
    clone.run("git", "checkout", "--quiet", facts.git_commit)
    if (patch := facts.files / PATCH).exists():
        clone.run("git", "apply", "--whitespace=nowarn", str(patch.resolve()))
    copy = Copy(project, clone.root / where[1])
    cache = here.run("python", "-m", "dvc", "cache", "dir").strip()
    copy.run("python", "-m", "dvc", "cache", "dir", "--local", cache)
    copy.run("python", "-m", "dvc", "checkout", "--quiet", "--force", "--allow-missing")
    copy.run("python", "-m", "dvc", "repro", "--quiet", "--force", "evaluate")
    table = copy.root / facts.file
    data = hashlib.md5(table.read_bytes(), usedforsecurity=False).hexdigest()
    identity = str(_json(copy.root / PACKAGE)["model_id"])  # `evaluate` has verified it
    return [
        Check(rule="the same data", passed=data == facts.data_md5, figures=f"md5 {data}"),
        Check(
            rule="the same model, byte for byte",
            passed=identity == facts.model_id,
            figures=identity,
        ),
        same_metrics(facts.files / METRICS, copy.root / METRICS),
    ]


def same_metrics(old: Path, new: Path) -> Check:
    """Compare every figure of two metrics.json, to the last digit."""
    before, after = (dict(_numbers(_json(path))) for path in (old, new))
    apart = {
        name: abs(before.get(name, inf) - after.get(name, inf))
        for name in before | after
        if repr(before.get(name)) != repr(after.get(name))  # NaN equals NaN here
    }
    worst = max(apart, key=lambda name: apart[name], default="")
    told = f"{worst} differs by {apart[worst]:.6g}" if apart else f"{len(before)} figures"
    return Check(rule="the same metrics", passed=not apart, figures=told)


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers in nested dicts, each with the path to it: model.r2."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise TdspError(f"{path} cannot be read: {error}") from None


def other_versions(installed: dict[str, str], lock: str) -> list[str]:
    """Name the installed packages that are not those of the lock file on record."""
    pins: dict[str, set[str]] = {}
    for name, pin in re.findall(r"^([\w.-]+)==([\w.!+-]+)", lock, re.MULTILINE):
        pins.setdefault(name, set()).add(pin)  # one for each version of Python
    here = {re.sub(r"[-_.]+", "-", name).lower(): own for name, own in installed.items()}
    return [
        f"{name} {here[name]} instead of {' or '.join(sorted(pin))}"
        for name, pin in pins.items()
        if here.get(name) not in {None, *pin}
    ]


def run(project: Project, model: str, keep: Path | None) -> None:
    """Make a model again and say what is equal. Raises TdspError when something is not."""
    facts = record(project, model)
    installed = json.loads(Copy(project, project.root).run("python", "-c", INSTALLED))
    lock = facts.files / LOCK
    for line in other_versions(installed, lock.read_text("utf-8") if lock.exists() else ""):
        typer.echo(f"note  installed is {line}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        checks = made_again(project, facts, (keep or Path(folder) / "again").resolve())
    for check in checks:
        typer.echo(f"{MARKS[check.passed]}  {check.rule} ({check.figures})")
    if not all(check.passed for check in checks):
        raise TdspError(f"version {facts.version} could not be made again: see above")
    typer.echo(f"version {facts.version} ({facts.model_id}) was made again and is equal")
