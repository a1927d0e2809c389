"""Level 3: a dvc.yaml of the repository's own scripts, proven by two runs of DVC in a copy.

The first run makes everything; the second one has to find nothing to do. A script that DVC cannot
run again is left out, and named. Nothing of this happens without `apply --run`.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from tdsp.adopt.gitwork import Git, Tree
from tdsp.adopt.manifest import Manifest
from tdsp.adopt.observe import observe
from tdsp.adopt.running import Bench, ended, environment, last, room, scripts
from tdsp.adopt.stages import Stage, as_dvc, stages
from tdsp.errors import TdspError
from tdsp.reading.git import OFF

FOLDER = "pipelines/adopted"
FAILED = re.compile(r"failed to reproduce '(?:[^']*:)?([\w-]+)'")
RUNS = re.compile(r"Running stage '(?:[^']*:)?([\w-]+)'")
START = 120.0  # seconds for what DVC does beside the scripts


@dataclass(frozen=True, slots=True)
class Way:
    """How scripts are run where the caller has asked for it: with which Python, how long."""

    python: str = ""
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What was made: the text of dvc.yaml, "" for none, and why scripts were left out."""

    path: str
    text: str = ""
    stages: tuple[Stage, ...] = ()
    left: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def dvc(
    need: str = "level 3 proves its pipeline by `dvc repro`", other: str = "plan with --level 2"
) -> str:
    """Return the program. Raises TdspError, with what it is for, where it is not installed."""
    beside = Path(sys.executable).with_name("dvc.exe" if os.name == "nt" else "dvc")
    found = str(beside) if beside.is_file() else shutil.which("dvc")
    if found is None:
        raise TdspError(f"{need}, and dvc is not installed: `uv tool install dvc`, or {other}")
    return found


def pipeline(
    git: Git, done: Manifest, tree: Tree, folder: str, way: Way, say: Callable[[str], None]
) -> Pipeline:
    """Make the pipeline for the files of a tree, in a folder in which nothing lies yet."""
    program, path = dvc(), f"{folder}/dvc.yaml"
    paths = [each.target for each in scripts(done)]
    own = [each.target for each in done.files if each.target.rpartition("/")[2] == "dvc.yaml"]
    if own:
        return Pipeline(path, problem=f"{own[0]} is a pipeline already: none was made beside it")
    if not paths:
        return Pipeline(path, problem="no script is started by itself")
    with tempfile.TemporaryDirectory(prefix="tdsp-pipeline-") as place:
        clean, used = Path(place, "clean"), Path(place, "used")
        git.export(tree, clean)
        git.export(tree, used)
        python, root = way.python or sys.executable, done.subdirectory
        bench = Bench(python, way.seconds, done.package, clean, used, root)
        found, left = stages(observe(bench, paths, say), tree.keys(), bench)
        say("Running the pipeline twice")
        kept = found
        while kept:
            failed, reason = _proven(bench, program, kept, folder)
            if not failed:
                break
            left |= dict.fromkeys((each.path for each in kept if each.name in failed), reason)
            kept = _without(kept, failed, left, tree.keys())
    if not kept:
        return Pipeline(path, left=left, problem="no script can be a stage")
    return Pipeline(path, as_dvc(kept, folder, root), tuple(kept), left)


def _without(
    kept: list[Stage], failed: set[str], left: dict[str, str], tracked: Collection[str]
) -> list[Stage]:
    """Take stages out, and with them those that read what only they make."""
    rest = [each for each in kept if each.name not in failed]
    gone = {out for each in kept if each.name in failed for out in each.outs} - set(tracked)
    also = {each.name for each in rest if gone & set(each.deps)}
    for each in rest:
        if each.name in also:
            lacks = sorted(gone & set(each.deps))[0]
            left[each.path] = f"it reads {lacks}, which only a script that is left out writes"
    return _without(rest, also, left, tracked) if also else rest


def _proven(bench: Bench, program: str, found: list[Stage], folder: str) -> tuple[set[str], str]:
    """Run DVC twice in a copy; return the stages that do not hold, and why."""
    names = {each.name for each in found}
    with room(bench.before) as (top, copy):
        place = copy / folder
        place.mkdir(parents=True)
        (place / "dvc.yaml").write_text(as_dvc(found, folder, bench.root), encoding="utf-8")
        env = _programs(bench, top, copy)
        _as_repository(copy, env)
        limit = START + bench.seconds * len(found)
        target = str(place / "dvc.yaml")
        code, text = _repro(program, target, copy / bench.root, env, limit)
        if code:
            match = FAILED.search(text)
            reason = f"`dvc repro` fails: {_reason(text)}"
            return ({match[1]} if match and match[1] in names else names), reason
        lock = (place / "dvc.lock").read_bytes()
        code, text = _repro(program, target, copy / bench.root, env, limit)
        again = set(RUNS.findall(text)) & names
        if code or again or (place / "dvc.lock").read_bytes() != lock:
            return again or names, "a second `dvc repro` runs it again"
    return set(), ""


def _programs(bench: Bench, top: Path, copy: Path) -> dict[str, str]:
    """Return the variables for DVC: `python` is the chosen one, and sees what a script needs."""
    env = environment(top, copy, bench.root)
    programs = top / "programs"
    programs.mkdir()
    inside = {name: env.pop(name) for name in ("PYTHONPATH", "TDSP_BLOCK", "TDSP_RECORD")}
    words = [f"export {name}={_quoted(value)}" for name, value in inside.items()]
    script = programs / "python"
    lines = ["#!/bin/sh", *words, f'exec {_quoted(bench.python)} "$@"', ""]
    script.write_text("\n".join(lines), encoding="utf-8")
    script.chmod(0o755)
    return env | {
        "PATH": os.pathsep.join([str(programs), env.get("PATH", os.defpath)]),
        "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(top / "site"),
        "GIT_CONFIG_NOSYSTEM": "1", "SHELL": "/bin/sh",
    }  # fmt: skip


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _as_repository(copy: Path, env: dict[str, str]) -> None:
    """Let git track the files of the copy, as in the repository: DVC looks at that."""
    for words in (("init", "--quiet"), ("add", "--all", "--force")):
        done = subprocess.run(
            ["git", *OFF, "-c", "core.autocrlf=false", *words], cwd=copy, env=env,
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise TdspError(f"git {words[0]} failed: {done.stderr.decode(errors='replace')}")


def _repro(
    program: str, target: str, folder: Path, env: dict[str, str], seconds: float
) -> tuple[int, str]:
    code, text = ended([program, "repro", target], folder, env, seconds)
    if code is None:
        return 1, f"ERROR: it does not end within {seconds:g} s"
    return code, text.replace(str(folder), ".")


def _reason(text: str) -> str:
    errors = [line for line in text.splitlines() if line.startswith("ERROR: ")]
    return (errors[-1].removeprefix("ERROR: ") if errors else last(text))[:300]
