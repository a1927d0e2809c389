"""Evidence that a machine can look at. A source names it as `kind: what`; several must all hold.

file       a path, or several of which one has to be there; `*` stands for any name
holds      path: an expression that has to stand in the file
answered   a file without `[open: …]`, or FILE#KEY for one answer in a YAML file
task       a task of `poe`
run        a command that has to end with 0
test       a test of pytest that has to pass
gate       an expression; the rule of reports/gate.json that it fits has to have passed
parameter  SECTION.NAME of params.yaml: the least value
masked     SECTION.NAME of params.yaml: these columns have to be in collect.mask
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tools.docs import OPEN

from .sources import GovernanceError, is_open, read

MINUTES = 10  # that a command may take
Found = str | None  # what is wrong, or nothing
RAN: dict[str, Found] = {}  # the tests that have run


def wrong(proof: Mapping[str, Any], where: str) -> list[str]:
    """Return what does not hold, one line each. Raises GovernanceError for an unknown kind."""
    if unknown := [kind for kind in proof if kind not in KINDS]:
        kinds = ", ".join(KINDS)
        raise GovernanceError(f"{where}: no such kind of evidence: {unknown[0]}; there are {kinds}")
    return [said for kind, what in proof.items() if (said := KINDS[kind](what))]


def _file(what: Any) -> Found:
    names = what if isinstance(what, list) else [what]
    there = any(next(Path().glob(str(name)), None) for name in names)
    return None if there else f"{' or '.join(map(str, names))} is not there"


def _holds(what: Any) -> Found:
    for name, expression in what.items():
        if missing := _file(name):
            return missing
        if not re.search(str(expression), Path(name).read_text(encoding="utf-8")):
            return f"{name} does not say {expression!r}"
    return None


def _answered(what: Any) -> Found:
    for each in what if isinstance(what, list) else [what]:
        name, _, key = str(each).partition("#")
        if missing := _file(name):
            return missing
        if not key and (found := OPEN.findall(Path(name).read_text(encoding="utf-8"))):
            return f"{name} has {len(found)} open questions"
        if key and (not (value := read(Path(name)).get(key)) or is_open(value)):
            return f"{key} is not answered in {name}"
    return None


def _task(what: Any) -> Found:
    tables = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    there = what in tables.get("tool", {}).get("poe", {}).get("tasks", {})
    return None if there else f"`poe {what}` does not exist"


def _run(what: Any) -> Found:
    words = shlex.split(str(what))
    command = [sys.executable, *words[1:]] if words[0] == "python" else words
    return _outcome(command, f"`{what}`")


def _test(what: Any) -> Found:
    name, _, function = str(what).partition("::")
    if missing := _file(name):
        return missing
    if f"def {function}(" not in Path(name).read_text(encoding="utf-8"):
        return f"{name} has no {function}"
    if what not in RAN:
        run_tests([what])
    return RAN[what]


def run_tests(names: list[str]) -> None:
    """Run tests together, so that what they share is made once; RAN has what is wrong with each."""
    there = [name for name in names if not _file(name.partition("::")[0])]
    done = _done([sys.executable, "-m", "pytest", "-q", "--tb=no", "-rA", *there])
    said = re.findall(r"(?m)^(PASSED|FAILED|ERROR) ([^\s[]+)", getattr(done, "stdout", ""))
    for name in names:
        states = {state for state, test in said if test == name}
        RAN[name] = None if states == {"PASSED"} else f"{name} does not pass"


def _outcome(command: list[str], name: str) -> Found:
    done = _done(command)
    if isinstance(done, Exception):
        return f"{name}: {done}"
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    last = said[-1] if said else "and says nothing"
    return f"{name} ends with {done.returncode}: {last}" if done.returncode else None


def _done(command: list[str]) -> subprocess.CompletedProcess[str] | Exception:
    try:
        return subprocess.run(  # noqa: S603  no shell, and the commands are the project's
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", *sys.path])},
            capture_output=True,
            text=True,
            timeout=MINUTES * 60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return error


def _gate(what: Any) -> Found:
    try:
        checks = json.loads(Path("reports/gate.json").read_text(encoding="utf-8"))["checks"]
        rules = {str(check["rule"]): check["passed"] is True for check in checks}
    except (OSError, ValueError, KeyError, TypeError):
        return "reports/gate.json holds no verdict: run `poe pipeline`"
    fitting = [rule for rule in rules if re.search(str(what), rule)]
    if not fitting:
        return f"the gate has no rule {what!r}"
    failed = [rule for rule in fitting if not rules[rule]]
    return f"the gate says no: {failed[0]}" if failed else None


def _parameter(what: Any) -> Found:
    for name, least in what.items():
        value = parameter(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not value >= least:
            return f"{name} in params.yaml is {value}, not at least {least}"
    return None


def _masked(what: Any) -> Found:
    hidden = parameter("collect.mask") or []
    bare = [column for column in parameter(what) or [] if column not in hidden]
    return f"collect.mask in params.yaml lacks {', '.join(bare)}" if bare else None


def parameter(name: str) -> Any:
    """Return a value of params.yaml. Raises GovernanceError when it has none of this name."""
    section, _, key = str(name).partition(".")
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    try:
        return content[section][key]
    except (KeyError, TypeError):
        raise GovernanceError(f"params.yaml has no {name}") from None


KINDS: dict[str, Callable[[Any], Found]] = {
    "file": _file,
    "holds": _holds,
    "answered": _answered,
    "task": _task,
    "run": _run,
    "test": _test,
    "gate": _gate,
    "parameter": _parameter,
    "masked": _masked,
}
