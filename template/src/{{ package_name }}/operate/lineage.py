"""Where a registered model comes from, in the words of the four questions; and the proof of it."""

import base64
import json
import os
import re
import subprocess
import sys
from html import escape
from importlib.metadata import distributions
from math import inf
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from .. import paths
from ..errors import ProjectError
from ..model.identity import model_id
from ..steps.gate import Check
from .registry import SHA256, Version, history
from .tracking import NAME, client, git, md5, numbers, plain_errors, run_files

Answers = dict[str, dict[str, Any]]
STYLE = "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto}img{width:49%}"


@plain_errors()
def lineage(version: Version) -> Answers:
    """Answer each question from what is on record."""
    run = client().get_run(version.run_id).data
    changes = {
        f"{entry.at}, version {made.number}": f"{entry.kind} by {entry.by}: {entry.reason}"
        f"{'' if entry.compared or entry.kind != 'promotion' else ' (nothing to compare with)'}"
        for made, entry in history()
    }
    mine = {at: told for at, told in changes.items() if at.endswith(f" {version.number}")}
    code = {name: said for name, said in run.tags.items() if name.startswith(("git_", "lock_"))}
    return {
        "Which model is it?": {
            "version": version.number,
            "model_id": version.model_id,
            SHA256: version.tags.get(SHA256, "not on record"),
            "aliases": ", ".join(version.aliases) or "none",
            "registered": version.created_at.isoformat(timespec="seconds"),
        },
        "What data has been used?": {
            "file": run.params["data.path"],
            "data_md5": run.tags["data_md5"],
            "schema_md5": run.tags["schema_md5"],
        },
        "What code?": code,
        "What code + data resulted in my model?": {
            "run": version.run_id,
            "the proof": f"reproduce {version.number}",
            "trained_by": run.tags.get("trained_by", "unknown"),
            **dict(sorted(run.params.items())),
        },
        f"What was the result for model {version.number}?": {
            "gate": run.tags["gate"],
            **{name: round(value, 6) for name, value in sorted(run.metrics.items())},
        },
        "Who approved it?": mine or {"nobody": "it was never promoted"},
        "Which models have worked, newest first?": changes or {"none": "nothing was promoted"},
    }


@plain_errors()
def commit(version: Version) -> str:
    """Return the commit whose code made a model. Raises ProjectError when none is on record."""
    made: str = client().get_run(version.run_id).data.tags["git_commit"]
    if made == "none":
        raise ProjectError("it was made outside of git: its code is not on record")
    return made


def as_text(answers: Answers) -> str:
    """Return the answers as Markdown, which reads well as it stands."""
    lines = [f"# {NAME}: lineage of a model"]
    for question, facts in answers.items():
        lines += ["", f"## {question}", "", *(f"- {name}: {fact}" for name, fact in facts.items())]
    return "\n".join(lines) + "\n"


def as_page(answers: Answers, plots: Path) -> str:
    """Return the answers as one HTML page, with the figures of the run."""
    drawn = [base64.b64encode(path.read_bytes()).decode() for path in sorted(plots.glob("*.svg"))]
    images = "".join(f'<img alt="" src="data:image/svg+xml;base64,{code}">' for code in drawn)
    body = MarkdownIt("commonmark", {"html": False}).render(as_text(answers))
    head = f'<meta charset="utf-8"><title>{escape(NAME)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}{images}</body></html>\n'


@plain_errors()
def reproduce(version: Version, scratch: Path) -> list[Check]:
    """Make the model again in `scratch` from the commit, changes and data on record; compare.

    The checkout is a clone, so nothing here is touched; only DVC's cache is shared.
    """
    run, files = client().get_run(version.run_id).data, run_files(version.run_id)
    made, table = commit(version), Path(run.params["data.path"])
    where = git("rev-parse", "--show-toplevel", "--show-prefix").decode().split("\n")
    git("clone", "--quiet", "--no-checkout", where[0], str(scratch))
    git("-C", str(scratch), "checkout", "--quiet", made)
    if (patch := files / "uncommitted.patch").exists():
        git("-C", str(scratch), "apply", "--whitespace=nowarn", str(patch.resolve()))
    root = scratch.resolve() / where[1]
    _dvc(root, "cache", "dir", "--local", _dvc(Path(), "cache", "dir").strip())
    _dvc(root, "checkout", "--quiet", "--force", "--allow-missing")
    _dvc(root, "repro", "--quiet", "--force", "evaluate")
    data, identity = md5(root / table), model_id(root / paths.PACKAGE)
    return [
        Check("the same data", data == run.tags["data_md5"], f"md5 {data}"),
        Check("the same model, byte for byte", identity == version.model_id, identity),
        _same_metrics(files / paths.METRICS, root / paths.METRICS),
    ]


def _same_metrics(old: Path, new: Path) -> Check:
    before, after = (dict(numbers(json.loads(path.read_text("utf-8")))) for path in (old, new))
    apart = {
        name: abs(before.get(name, inf) - after.get(name, inf))
        for name in before | after
        if repr(before.get(name)) != repr(after.get(name))  # NaN equals NaN here
    }
    worst = max(apart, key=lambda name: apart[name], default="")
    told = f"{worst} differs by {apart[worst]:.6g}" if apart else f"{len(before)} figures"
    return Check("the same metrics", not apart, told)


def other_versions(version: Version) -> list[str]:
    """Name the installed packages that are not those of the lock file on record."""
    lock = (run_files(version.run_id) / paths.LOCK).read_text("utf-8")
    pins: dict[str, set[str]] = {}
    for name, pin in re.findall(r"^([\w.-]+)==([\w.!+-]+)", lock, re.MULTILINE):
        pins.setdefault(name, set()).add(pin)  # one for each version of Python
    here = {re.sub(r"[-_.]+", "-", d.name).lower(): d.version for d in distributions()}
    return [
        f"{name} {here[name]} instead of {' or '.join(sorted(pin))}"
        for name, pin in pins.items()
        if here.get(name) not in {None, *pin}
    ]


def _dvc(root: Path, *arguments: str) -> str:
    """Run DVC, and the steps that it runs, on the code under `root`."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ours = {"PATH": programs, "PYTHONPATH": str(root / "src"), "DVC_NO_ANALYTICS": "1"}
    ours["ENVIRONMENT"] = ""  # no pipeline knows where it runs
    command, environment = [sys.executable, "-m", "dvc", *arguments], {**os.environ, **ours}
    done = subprocess.run(  # noqa: S603  no shell, and the arguments are ours
        command, cwd=root, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise ProjectError(f"dvc {arguments[0]}: {(done.stderr or done.stdout)[-2000:].strip()}")
    return done.stdout
