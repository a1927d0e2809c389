"""Evidence that a machine can look at. A source names it as `kind: what`; several must all hold.

file       a path, or several of which one has to be there; `*` stands for any name
holds      path: an expression that has to stand in the file
answered   a file without `[open: …]`, or FILE#KEY for one answer in a YAML file
task       a task of `poe`
run        a command that has to end with exit code 0
test       a test of pytest that has to pass
gate       an expression; the rule of reports/gate.json that it fits has to have passed
parameter  SECTION.NAME of params.yaml: the least value
masked     SECTION.NAME of params.yaml, or several: these columns have to be in collect.mask
declared   SECTION.NAME of params.yaml has to name something
approved   a version: its signed approvals have to hold, and there has to be one
logged     a deployment of Azure ML: it logs no whole request unless all columns may be kept

Where there is nothing to judge, no sensitive column for example, the answer is an Unjudged.
"""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from tdsp import plain
from tdsp.errors import TdspError
from tdsp.people.documents import OPEN, is_open
from tdsp.people.project import Project

MINUTES = 10  # that a command may take
APPROVALS = "docs/governance/approvals"


class Unjudged(str):
    """Why nothing could be judged: no fault, and no proof."""

    __slots__ = ()


Fault = str | None  # what is wrong, or nothing; an Unjudged is neither


class Evidence:
    """The evidence of one project. Commands and tests are run in its own environment."""

    def __init__(self, project: Project) -> None:
        """Remember the project, and what is wrong with the tests that have run."""
        self.project, self.root = project, project.root
        self.tests: dict[str, Fault] = {}
        self.kinds: dict[str, Callable[[Any], Fault]] = {
            name: getattr(self, f"_{name}")
            for name in (
                "file", "holds", "answered", "task", "run", "test", "gate", "parameter", "masked",
                "declared", "approved", "logged",
            )
        }  # fmt: skip

    def wrong(self, checks: Mapping[str, Any], where: str) -> list[str]:
        """Return what does not hold, one line each. Raises TdspError for an unknown kind."""
        if unknown := [kind for kind in checks if kind not in self.kinds]:
            kinds = ", ".join(self.kinds)
            raise TdspError(f"{where}: no such kind of evidence: {unknown[0]}; there are {kinds}")
        try:
            faults = [self.kinds[kind](what) for kind, what in checks.items()]
        except (AttributeError, TypeError, re.error) as error:
            raise TdspError(f"{where}: this evidence cannot be understood: {error}") from None
        return [fault for fault in faults if fault]

    def _file(self, what: Any) -> Fault:
        names = what if isinstance(what, list) else [what]
        there = any(next(self.root.glob(str(name)), None) for name in names)
        return None if there else f"{' or '.join(map(str, names))} is not there"

    def _holds(self, what: Any) -> Fault:
        for name, expression in what.items():
            if missing := self._file(name):
                return missing
            if not re.search(str(expression), self.project.text(name)):
                return f"{name} does not say {expression!r}"
        return None

    def _answered(self, what: Any) -> Fault:
        for each in what if isinstance(what, list) else [what]:
            name, _, key = str(each).partition("#")
            if missing := self._file(name):
                return missing
            if not key and (places := OPEN.findall(self.project.text(name))):
                return Unjudged(f"{name} has {len(places)} open questions")
            if key and (not (value := self.values(name).get(key)) or is_open(value)):
                return Unjudged(f"{key} is not answered in {name}")
        return None

    def _task(self, what: Any) -> Fault:
        return None if what in self.project.tasks else f"`poe {what}` does not exist"

    def _run(self, what: Any) -> Fault:
        holds, message = self.project.check(str(what), MINUTES * 60)
        return None if holds else f"`{what}` fails: {message}"

    def _test(self, what: Any) -> Fault:
        name, _, function = str(what).partition("::")
        if missing := self._file(name):
            return missing
        if f"def {function}(" not in self.project.text(name):
            return f"{name} has no {function}"
        if what not in self.tests:
            self.run_tests([what])
        return self.tests[what]

    def run_tests(self, names: list[str]) -> None:
        """Run tests together, so that what they share is made once; remember what is wrong."""
        there = [name for name in names if not self._file(name.partition("::")[0])]
        command = self.project.command(["python", "-m", "pytest", "-q", "--tb=no", "-rA", *there])
        try:
            output = subprocess.run(
                command, cwd=self.root, env=self.project.environment, capture_output=True,
                text=True, encoding="utf-8", errors="replace", check=False, timeout=MINUTES * 60,
            ).stdout  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            output = ""
        results = re.findall(r"(?m)^(PASSED|FAILED|ERROR) ([^\s[]+)", output)
        for name in names:
            states = {state for state, test in results if test == name}
            self.tests[name] = None if states == {"PASSED"} else f"{name} does not pass"

    def _gate(self, what: Any) -> Fault:
        try:
            checks = json.loads(self.project.text("reports/gate.json"))["checks"]
            rules = {str(check["rule"]): check["passed"] for check in checks}
        except (TdspError, ValueError, KeyError, TypeError):
            return "reports/gate.json holds no verdict: run `poe pipeline`"
        fitting = [rule for rule in rules if re.search(str(what), rule)]
        if not fitting:
            return f"the gate has no rule {what!r}"
        failed = [rule for rule in fitting if rules[rule] is not True]
        if not failed:
            return None
        if all(rules[rule] is None for rule in failed):
            return Unjudged(f"the gate has not judged it: {failed[0]}")
        return f"the gate says no: {next(rule for rule in failed if rules[rule] is not None)}"

    def _parameter(self, what: Any) -> Fault:
        for name, least in what.items():
            value = self.parameter(name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not value >= least:
                return f"{name} in params.yaml is {value}, not at least {least}"
        return None

    def _masked(self, what: Any) -> Fault:
        names = what if isinstance(what, list) else [what]
        hidden = self.parameter("collect.mask") or []
        columns = [column for name in names for column in self.parameter(name) or []]
        if not columns:
            return Unjudged(f"{' and '.join(map(str, names))} in params.yaml name no column")
        bare = [column for column in columns if column not in hidden]
        return f"collect.mask in params.yaml lacks {', '.join(bare)}" if bare else None

    def _declared(self, what: Any) -> Fault:
        named = self.parameter(what)
        return None if named else Unjudged(f"{what} in params.yaml names nothing")

    def _approved(self, what: Any) -> Fault:
        if next((self.root / APPROVALS).glob("*.yaml"), None) is None:
            return Unjudged(f"no approval is on record in {APPROVALS}")
        return self._run(f"python -m tools.approve --verify {what}")

    def _logged(self, what: Any) -> Fault:
        """Judge a deployment that logs whole requests by whether a column may not be kept."""
        if not (self.root / str(what)).is_file():
            return Unjudged(f"{what} is not there: no endpoint of Azure ML")
        collector = self.values(str(what)).get("data_collector") or {}
        parts = (collector.get("collections") or {}).items()
        on = [name for name, part in parts if str(part.get("enabled")).lower() == "true"]
        columns = [
            column
            for name in ("collect.mask", "data.sensitive", "data.id")
            for column in self.parameter(name) or []
        ]
        if on and columns:
            shown = ", ".join(dict.fromkeys(map(str, columns)))
            return f"{what} logs each whole {' and '.join(on)}, with {shown}"
        return None

    def parameter(self, name: str) -> Any:
        """Return a value of params.yaml. Raises TdspError when it has none of this name."""
        section, _, key = str(name).partition(".")
        try:
            return self.values("params.yaml")[section][key]
        except (KeyError, TypeError):
            raise TdspError(f"params.yaml has no {name}") from None

    def values(self, name: str) -> dict[str, Any]:
        """Return what a YAML file of the project holds, whatever its keys."""
        content = plain.load(self.project.text(name), name)
        if not isinstance(content, dict):
            raise TdspError(f"{name} does not consist of `key: value`")
        return content
