"""The gate: whether a bad model is stopped, and whether checks that fail can be seen."""

import re
from collections.abc import Iterator

from tdsp.check.rule import Mark, at, broken, check, first, held, unsure
from tdsp.check.shell import GATES, LINTS, TESTS, commands
from tdsp.reading import Repository
from tdsp.reading.python import Call, Condition, Function, Module, Value

GATE_NAME = re.compile(
    r"^_?((quality|model|metrics?|promotion|release|deployment|performance)_)?gate(s|_model|_check)?$"
    r"|^_?(check|apply|pass(es)?|enforce)_(quality_|model_|promotion_|release_)?gates?$"
    r"|^_?(enforce|assert)_(metrics?_)?thresholds?$"
)
FIGURE = re.compile(
    r"(?i)metric|threshold|auc|accuracy|f1|rmse|\bmae\b|score|\br2\b|precision|recall|loss"
)
# Files that collect or show what a gate has done.
ABOUT_GATES = re.compile(
    r"(^|/)(collect|plot|analy[sz]e|show|report|calibrate)_\w*gate|gate_(data|rows|plots?)\.py$"
)
WORKFLOW = ".github/workflows/ci.yml"
STEPS = "on: push\njobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"


def _of_a_kernel(repo: Repository, module: Module) -> bool:
    """Tell whether a file is a kernel of a competition: what it refuses is never in service."""
    folder = module.path.rpartition("/")[0]
    return f"{folder}/kernel-metadata.json".lstrip("/") in repo.files


def gate_functions(repo: Repository) -> Iterator[tuple[Module, Function]]:
    """Yield the functions of production code that are named a gate and compare something."""
    for module in repo.modules("production"):
        if "test" in module.path or _of_a_kernel(repo, module):
            continue  # the gate of a test runner is about code, that of a kernel about a try
        for function in module.functions:
            body = "\n".join(module.lines[function.line - 1 : function.end])
            if GATE_NAME.match(function.name) and function.compares and FIGURE.search(body):
                yield module, function


def gate_modules(repo: Repository) -> Iterator[Module]:
    """Yield the modules of production code whose file is named a gate."""
    for module in repo.modules("production"):
        if _of_a_kernel(repo, module):
            continue
        named = re.search(r"(^|/)(\w+_)?gate(_\w+)?\.py$", module.path)
        if named and module.functions and not ABOUT_GATES.search(module.path):
            yield module


def has_gate(repo: Repository) -> bool:
    """Tell whether the repository has a gate: a function, a stage, or a step in CI."""
    if next(gate_functions(repo), None) or next(gate_modules(repo), None):
        return True
    stages = repo.dvc.data.get("stages") if repo.dvc else None
    if isinstance(stages, dict) and any("gate" in str(name) for name in stages):
        return True
    return any(GATES.search(c.text) for w in repo.workflows for c in commands(w))


@check(
    "EV05",
    family="gate",
    title="The gate closes",
    why="A gate whose result reaches nobody lets every model through, and looks as if it did not.",
    fix="Let the gate raise or exit with a code that is not 0, and let the step fail with it.",
    unless="nothing is named a gate",
    severity="note",
    proves=("I4", "P6", "A3"),
    bad={
        "gate.py": "def gate(metrics):\n    if metrics['auc'] < 0.8:\n        print('too"
        " bad')\n\n\n"
        "gate({'auc': 0.5})\n"
    },
    good={
        "gate.py": "def gate(metrics):\n    if metrics['auc'] < 0.8:\n"
        "        raise ValueError('too bad')\n\n\ngate({'auc': 0.5})\n"
    },
)
def gate_closes(repo: Repository) -> Iterator[Mark]:
    """Judge gate functions by what becomes of their verdict, and gate steps by what hides it."""
    yield from first((*_steps(repo), *_functions(repo), *_files(repo)))


def _files(repo: Repository) -> Iterator[Mark]:
    """Judge files named a gate that have no function of that name."""
    named = {module.path for module, _ in gate_functions(repo)}
    ending = {f.name for m in gate_modules(repo) for f in m.functions if f.raises or f.exits}
    for module in gate_modules(repo):
        if module.path in named or not any(each.compares for each in module.functions):
            continue
        ends = [each for each in module.functions if each.raises or each.exits]
        if ends:
            yield held(repo, module, ends[-1].line, "it raises or exits")
        elif passed := [call for call in module.calls if call.method in ending]:
            yield held(repo, module, passed[-1].line, "its verdict is given to what raises")
        else:
            line = module.functions[0].line
            yield unsure(repo, module, line, "no function here raises or exits")


def _steps(repo: Repository) -> Iterator[Mark]:
    for workflow in repo.workflows:
        for command in commands(workflow):
            if not GATES.search(command.text) or TESTS.search(command.text):
                continue
            if command.hidden:
                message = f"{command.hidden} hides what this gate says: `{_short(command.text)}`"
                yield at(repo, "fail", workflow.path, command.where, message)
            elif command.perhaps:
                message = "only a run can tell whether its failure counts"
                yield at(repo, "unknown", workflow.path, command.line, message)
            else:
                yield at(repo, "held", workflow.path, command.line, "its exit code is the step's")


def _short(text: str) -> str:
    return text if len(text) < 60 else text[:57] + "..."


def _functions(repo: Repository) -> Iterator[Mark]:
    for module, function in gate_functions(repo):
        if function.raises or function.exits or function.asserts:
            caught = _caught(repo, module, function)
            yield from caught or [held(repo, module, function.line, "it raises or exits")]
            continue
        called = _calls(repo, function.name)
        if not function.returns:
            inside = {call.method for call in module.calls if call.scope == function.scope}
            if inside <= SAYS and called:
                message = f"{function.name} compares, and neither raises, exits nor returns"
                yield broken(repo, module, function.line, message)
            else:
                yield unsure(repo, module, function.line, "it cannot be told what it stops")
        elif called and all(call.order in m.discarded for m, call in called):
            where, call = called[0]
            message = f"what {function.name} returns is thrown away"
            yield broken(repo, where, call.line, message)
        elif called:
            yield held(repo, module, function.line, "its verdict is used")
        else:
            yield unsure(repo, module, function.line, "nothing that is read here calls it")


def _calls(repo: Repository, name: str) -> list[tuple[Module, Call]]:
    return [
        (module, call)
        for module in repo.modules("production")
        for call in module.calls
        if call.method == name and call.name
    ]


def _caught(repo: Repository, module: Module, function: Function) -> list[Mark]:
    """Return a mark for each call of a raising gate whose error ends nothing."""
    found = []
    for where, call in _calls(repo, function.name):
        handlers = [each for each in where.handlers if each.number in call.tries]
        broad = [e for e in handlers if set(e.types) & {"", "Exception", "BaseException"}]
        silent = [each for each in broad if each.silent and each.number == call.tries[-1]]
        if silent and function.raises and not function.exits:
            message = (
                f"the error of {function.name} is caught in line {silent[0].line} and ends nothing"
            )
            if where.path == module.path or function.name in {i.alias for i in where.imports}:
                found.append(broken(repo, where, call.line, message))
    return found


HIGH = "from json import loads\n\nmetrics = loads(open('m.json').read())\n"


@check(
    "EV06",
    family="gate",
    title="A metric that is missing does not pass",
    why="With a default that is good enough, a renamed or failed metric passes the gate unseen.",
    fix="Read the metric with [ ], so that a missing one is an error.",
    unless="no metric with a default decides anything",
    severity="note",
    proves=("I4",),
    bad={"gate.py": HIGH + "if metrics.get('auc', 1.0) < 0.8:\n    raise SystemExit('too bad')\n"},
    good={"gate.py": HIGH + "if metrics.get('auc', 0.0) < 0.8:\n    raise SystemExit('too bad')\n"},
)
def missing_metric(repo: Repository) -> Iterator[Mark]:
    """Judge `metrics.get(name, default)` where it is compared with a bound that decides."""
    for module in repo.modules("production"):
        for condition in module.conditions:
            if condition.kind == "assert" or condition.ends:
                yield from _default(repo, module, condition)


def _default(repo: Repository, module: Module, condition: Condition) -> Iterator[Mark]:
    for side, other, turned in (
        (condition.left, condition.right, False),
        (condition.right, condition.left, True),
    ):
        key, default = _get(side)
        bound = other.constant
        if not key or not _number(default):
            continue
        if not _number(bound):
            if default in (0, 0.0):
                continue  # most bounds are above zero, and the name does not say which way is good
            message = f"whether {default} passes depends on a bound that is not written here"
            yield unsure(repo, module, condition.line, message)
            continue
        values = (bound, default) if turned else (default, bound)
        true = _compare(condition.sign, *values)
        if true is None:
            continue
        passes = true if condition.kind == "assert" else not true
        if passes:
            message = f"without {key!r} the value is {default}, which passes"
            yield broken(repo, module, condition.line, message)
        else:
            yield held(repo, module, condition.line, f"without {key!r} it stops")


METRIC = re.compile(
    r"(?i)(^|_)(auc|roc_auc|accuracy|acc|f1|precision|recall|r2|rmse|mae|mse|mape|loss|score|error|"
    r"logloss|brier|ap|ndcg|drift|psi)(_|$)"
)


def _get(value: Value) -> tuple[str, object]:
    call = value.call
    if call is not None and call.name in {"float", "int", "abs"} and call.args:
        return _get(call.args[0])
    if call is None or call.method != "get" or len(call.args) != 2:
        return "", None
    key = call.args[0].constant
    if not isinstance(key, str) or not METRIC.search(key):
        return "", None
    return key, call.args[1].constant


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compare(sign: str, left: object, right: object) -> bool | None:
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return None
    answers = {"Lt": left < right, "LtE": left <= right, "Gt": left > right, "GtE": left >= right}
    return answers.get(sign)


SAYS = frozenset(
    [
        "print",
        "info",
        "warning",
        "error",
        "debug",
        "log",
        "get",
        "float",
        "int",
        "round",
        "items",
        "format",
        "len",
        "abs",
    ]
)
REFUSED = re.compile(
    r"(?i)reject|refus|fail|bad|worse|poor|below|low|not_pass|may_not|block|stop|raise|invalid|counts?$"
)
BAD_MODEL = (
    "import pytest\nfrom gate import gate\n\n\ndef test_bad():\n    with"
    " pytest.raises(ValueError):\n        gate({'auc': 0.1})\n"
)
RAISING = "def gate(metrics):\n    if metrics['auc'] < 0.8:\n        raise ValueError('too bad')\n"


@check(
    "EV07",
    family="gate",
    title="A test shows that a bad model is refused",
    why="A gate is needed on the one day when a model is bad. Without a test nobody knows whether"
    " it works on that day.",
    fix="Write a test that gives the gate a bad model and expects a refusal.",
    unless="there is no function that is named a gate",
    severity="note",
    proves=("I4", "P5"),
    bad={"gate.py": RAISING, "tests/test_other.py": "def test_sum():\n    assert 1 + 1 == 2\n"},
    good={"gate.py": RAISING, "tests/test_gate.py": BAD_MODEL},
)
def bad_model_test(repo: Repository) -> Iterator[Mark]:
    """Look for a test that calls the gate and expects an error or a refusal."""
    gates = [(module, each.line, each.name) for module, each in gate_functions(repo)]
    gates += [
        (module, each.line, module.path.rsplit("/", 1)[-1].removesuffix(".py"))
        for module in gate_modules(repo)
        for each in module.functions[:1]
        if any(function.compares for function in module.functions)
    ]
    if not gates:
        return
    names = {name for _, _, name in gates}
    mentioned = None
    for module in repo.modules("test"):
        used = {each.name.rsplit(".", 1)[-1] for each in module.imports} & names
        used |= {part for each in module.imports for part in each.module.split(".")} & names
        used |= {call.method for call in module.calls} & names
        tests = [each for each in module.functions if used and REFUSED.search(each.name)]
        if tests:
            yield held(repo, module, tests[0].line, "a test of the gate")
            return
        mentioned = mentioned or (module if used else None)
    if mentioned is not None:
        yield unsure(repo, mentioned, 1, "a test uses the gate; what it shows cannot be told")
    else:
        module, line, name = gates[0]
        yield broken(repo, module, line, f"no test uses {name}")


@check(
    "CI03",
    family="gate",
    title="A failing check fails the run",
    why="Tests whose failure is hidden are green whatever they find. Nobody looks at a green run.",
    fix="Remove what hides the exit code. If a tool is not ready to fail, run it in its own job.",
    unless="CI runs no tests and no checks",
    severity="note",
    proves=("P6",),
    bad={WORKFLOW: STEPS + "      - run: pytest tests || true\n"},
    good={WORKFLOW: STEPS + "      - run: pytest tests\n"},
)
def failures_fail(repo: Repository) -> Iterator[Mark]:
    """Judge the steps that run tests (error) or other tools that check (warning)."""
    yield from first(_failures(repo))


MENDS = re.compile(r"(pre-commit|prek) run --files [\w./-]+\s*\|\|")
CLOCK = frozenset({"schedule", "workflow_dispatch"})


def _failures(repo: Repository) -> Iterator[Mark]:
    for workflow in repo.workflows:
        for command in commands(workflow):
            tests = TESTS.search(command.text)
            if not tests and not LINTS.search(command.text):
                continue
            if command.hidden and not _after(command.text, (tests or LINTS.search(command.text))):
                continue
            if command.hidden and MENDS.search(command.text):
                continue  # a hook that formats a generated file fails when it has done so
            if command.hidden:
                message = f"{command.hidden} hides the result of `{_short(command.text)}`"
                severity = "error" if tests else "warning"
                if "schedule" in workflow.triggers and workflow.triggers <= CLOCK:
                    severity = "note"  # it holds no change back: it may be after figures alone
                yield at(repo, "fail", workflow.path, command.where, message, severity)
            elif command.perhaps:
                message = "only a run can tell whether its failure counts"
                yield at(repo, "unknown", workflow.path, command.line, message)
            else:
                yield at(repo, "held", workflow.path, command.line)


def _after(text: str, match: re.Match[str] | None) -> bool:
    """Tell whether what hides a failure stands after the tool, in the same list of commands."""
    fallback = re.search(r"\|\|", text)
    return match is None or fallback is None or match.start() < fallback.start()
