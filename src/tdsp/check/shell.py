"""Commands of CI steps: which tool a line runs, and whether its failure can still be seen."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tdsp.reading import Repository
from tdsp.reading.workflows import Step, Workflow

TESTS = re.compile(
    r"(?:^|[\s;&|(])(?:python3? -m )?(?:pytest|py\.test|unittest|nosetests|tox|nox|coverage run|"
    r"make (?:(?:[\w-]+[-_])?tests?(?:[-_][\w-]+)?|check)|poe (?:test|check)\S*|"
    r"hatch (?:run )?\S*test\S*|mise (?:run )?test\S*|just test\S*)(?=$|[\s;&|)])"
)
LINTS = re.compile(
    r"(?:^|[\s;&|(])(?:python3? -m )?(?:mypy|pyright|pylint|flake8|ruff(?: check)?|black --check|"
    r"ruff format --check|bandit|pip-audit|safety check|pre-commit run|prek run)(?=$|[\s;&|)])"
)
GATES = re.compile(
    r"(?:^|[\s;&|/._-])(?:(?:quality|model|metric|promotion|release)?[-_]?gate|verdict|"
    r"(?:validate|check|verify|test)[-_]model|model[-_]validation|"
    r"check[-_](?:metrics?|thresholds?|performance|accuracy))(?:\.py)?(?=$|[\s;&|)'\"])"
)
MONITORS = re.compile(
    r"(?:^|[\s;&|/._-])(?:(?:detect|check|monitor|data|model|run)?[-_]?drift|monitor(?:ing)?|"
    r"(?:check|run)[-_]monitor\S*)(?:[-_](?:check|detection|monitor|report))?(?:\.py)?(?=$|[\s;&|)'\"])"
)
PLAIN = (
    "echo ",
    "printf ",
    "pip install",
    "pip3 install",
    "apt",
    "conda ",
    "cat ",
    "mkdir ",
    "name:",
)
FALLBACK = re.compile(r"\|\|\s*(true|:|exit 0|/bin/true|echo\b)")


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a step, whole; `hidden` says how its failure is kept from the step's result."""

    step: Step
    line: int
    text: str
    hidden: str = ""
    where: int = 0
    perhaps: bool = False


def commands(workflow: Workflow) -> Iterator[Command]:
    """Yield the commands of all steps, with what hides a failure of each."""
    for step in workflow.steps:
        lines = list(_lines(step, workflow))
        for number, (line, text) in enumerate(lines):
            if text.startswith(PLAIN):
                continue
            hidden, where = _hidden(step, lines, number)
            kept = not hidden.startswith("`||") or "GITHUB_OUTPUT" in text or "GITHUB_ENV" in text
            if hidden and ((kept and _asked(workflow, step, text)) or _published(workflow, text)):
                hidden = ""
            perhaps = hidden.endswith("?") or bool(hidden and _read_later(workflow, text))
            yield Command(step, line, text, "" if perhaps else hidden, where, perhaps)


@lru_cache(maxsize=8)
def _raw(text: str) -> list[str]:
    return text.split("\n")


def _lines(step: Step, workflow: Workflow) -> Iterator[tuple[int, str]]:
    """Yield (line of the file, command); a command over several lines has the first of them."""
    raw = _raw(workflow.text)
    before = raw[step.run_line - 1][-200:].rstrip() if step.run_line <= len(raw) else ""
    block = bool(re.search(r"[:-]\s*[|>][+-]?\d?$", before))
    kept, start = "", 0
    for number, line in enumerate(step.run.split("\n")):
        bare = line.strip()
        start = start or step.run_line + number + (1 if block else 0)
        if bare.endswith("\\"):
            kept += bare[:-1] + " "
            continue
        whole = (kept + bare).strip()
        if whole and not whole.startswith("#"):
            yield start, whole
        kept, start = "", 0


def _hidden(step: Step, lines: list[tuple[int, str]], number: int) -> tuple[str, int]:
    line, text = lines[number]
    after = [other for _, other in lines[number + 1 :]]
    if match := FALLBACK.search(text):
        ends = re.search(r"\|\|.*\bexit [1-9$]", text)
        return ("", 0) if ends else (f"`{match[0]}`", line)
    if step.soft:
        return step.soft.removesuffix(": ?") + (
            "?" if step.soft.endswith("?") else ""
        ), step.soft_line
    before = [other for _, other in lines[:number]]
    off = [index for index, other in enumerate(before) if re.match(r"set \+e\b", other)]
    on = [index for index, other in enumerate(before) if re.match(r"set -\w*e", other)]
    if off and (not on or on[-1] < off[-1]):
        asked = any("$?" in other or "PIPESTATUS" in other for other in after) or "$?" in text
        last = not after
        return ("", 0) if asked or last else ("`set +e`", lines[off[-1]][0])
    if any(other in {"exit 0", "true"} for other in after[-1:]) and off:
        return "`exit 0`", lines[-1][0]
    return "", 0


def _read_later(workflow: Workflow, text: str) -> bool:
    """Tell whether this tool writes a file, here or in another line, that a script may read."""
    every = [line for step in workflow.steps for line in step.run.split("\n")]
    if tool := LINTS.search(text):
        name = tool[0].split()[-1]
        if any(name in line and "json.load" in line for line in every):
            return True
    match = re.search(r"(?:\s-o|--output(?:-file)?|--junit-?xml|>|\btee)[ =]+([\w./-]+\.\w+)", text)
    if not match:
        return False
    return sum(match[1] in line for line in every) > 1


def _asked(workflow: Workflow, step: Step, text: str) -> bool:
    """Tell whether another step looks at what came of this one."""
    ids = re.escape(step.id)
    if step.id and re.search(rf"steps\.{ids}\.(outcome|conclusion|outputs)", workflow.text):
        return True
    if step.id and re.search(rf"steps\['{ids}'\]", workflow.text):
        return True
    return "GITHUB_OUTPUT" in text or "GITHUB_ENV" in text


def _published(workflow: Workflow, text: str) -> bool:
    """Tell whether a later task reads the results that this command writes, and fails by them."""
    fails = re.search(r"(?i)failTaskOnFailedTests:\s*['\"]?true", workflow.text)
    return bool(fails) and "junit" in text


def others(repo: Repository) -> list[str]:
    """Return the files of CI systems that are known by their names only."""
    names = (
        r"\.travis\.ya?ml|"
        r"bitbucket-pipelines\.ya?ml|\.drone\.yml|appveyor\.yml|\.buildkite/.*|cloudbuild\.ya?ml|"
        r"(.*/)?([^/]*[._-])?buildspec([._-][^/]*)?\.ya?ml"
    )
    cloud = [
        path
        for path, documents in repo.yaml.items()
        if documents and isinstance(documents[0].data, dict) and _cloud_build(documents[0].data)
    ]
    return [file.path for file in repo.named(names)] + cloud


def _cloud_build(data: dict[str, object]) -> bool:
    """Tell whether a file has the steps of Google Cloud Build, whatever it is called."""
    steps = data.get("steps")
    return isinstance(steps, list) and any(
        isinstance(each, dict) and re.search(r"gcr\.io/|pkg\.dev/", str(each.get("name")))
        for each in steps
    )
