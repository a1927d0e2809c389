"""Render with either engine, read the questions, and compare what came out."""

import functools
import hashlib
import itertools
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
import jinja2
import yaml
from pytest_cookies.plugin import Cookies
from scripts.sync import choices, condition
from tests.conftest import once

from tdsp import questions as asked

ROOT = Path(__file__).parents[2]
NAMES = ("ML project", "class", "проект-é 顧客 🚀", "con")

Answers = dict[str, Any]
Pair = tuple[tuple[str, Any], tuple[str, Any]]
Tree = dict[str, bytes]

# The files that only some answers have. Stated here a second time on purpose: a line that is
# lost from copier.yml must not be lost from what the tests expect. A path, or a folder with a
# slash at its end: what has to hold of the answers, each as question, values.
ONLINE = ("serving", "online", "both")
BATCH = ("serving", "batch", "both")
NOT_FILES = ("serving", "batch", "online", "both")
KUBERNETES = [ONLINE, ("platform", "kubernetes")]  # the default where it is not asked
ON_AZUREML = [ONLINE, ("cloud", "azure"), ("platform", "azureml")]
AZURE = ("cloud", "azure")
WITH_CI = ("ci", "github", "azure-devops", "gitlab")
OPERATE = ("level", "operate", "govern")
GOVERN = ("level", "govern")
TUNING = ("tuning", True)
ONLY_WITH: dict[str, list[tuple[Any, ...]]] = {
    ".devcontainer/": [OPERATE],
    "docs/delivery/": [OPERATE],
    "docs/runbooks/": [OPERATE],
    "environments.yaml": [OPERATE],
    ".github/workflows/release.yml": [OPERATE],
    ".github/workflows/train.yml": [OPERATE],
    ".github/workflows/upkeep.yml": [OPERATE],
    ".gitlab/ci/release.yml": [OPERATE],
    ".gitlab/ci/train.yml": [OPERATE],
    ".gitlab/ci/upkeep.yml": [OPERATE],
    "azure-pipelines/release.yml": [OPERATE],
    "azure-pipelines/train.yml": [OPERATE],
    "azure-pipelines/upkeep.yml": [OPERATE],
    "docs/operate.md": [OPERATE],
    "docs/project/architecture.md": [OPERATE],
    "expiry.yaml": [OPERATE],
    "tools/": [OPERATE],
    "src/{{ package_name }}/model/encode.py": [NOT_FILES],
    "src/{{ package_name }}/operate/": [OPERATE],
    "tests/machinery/operate/": [OPERATE],
    "src/{{ package_name }}/operate/batch.py": [BATCH],
    "tests/machinery/operate/test_batch.py": [BATCH],
    **{
        path: [NOT_FILES]
        for name in ("places", "verdict")
        for path in (
            f"src/{{{{ package_name }}}}/operate/{name}.py",
            f"tests/machinery/operate/test_{name}.py",
        )
    },
    **{
        f"{path}/score.yml": [OPERATE, ("serving", "batch")]
        for path in (".github/workflows", ".gitlab/ci", "azure-pipelines")
    },
    "deploy/kubernetes/base/score.yaml": [("serving", "both")],
    "azureml/jobs/score.yml": [*ON_AZUREML, ("serving", "both")],
    "azureml/schedules/score.yml": [*ON_AZUREML, ("serving", "both")],
    ".github/ISSUE_TEMPLATE/": [GOVERN],
    ".github/rulesets/": [GOVERN],
    ".github/environments.sh": [GOVERN],
    ".github/pull_request_template.md": [GOVERN],
    ".gitlab/issue_templates/": [GOVERN],
    ".gitlab/merge_request_templates/": [GOVERN],
    ".gitlab/protect.sh": [GOVERN],
    **{f"tools/{name}.py": [GOVERN] for name in ("approve", "record", "signing")},
    "tests/machinery/tools/": [GOVERN],
    **{
        f"tests/test_{kind}.py": [("problem_type", kind)]
        for kind in ("classification", "regression", "forecasting", "anomaly")
    },
    "tests/test_history.py": [("problem_type", "forecasting")],
    "tests/machinery/operate/test_logged.py": ON_AZUREML,
    "tests/machinery/steps/test_explain.py": [
        OPERATE,
        ("responsible_ai", True),
        ("problem_type", "classification", "regression", "forecasting"),
    ],
    "docs/governance/": [GOVERN],
    "docs/process/": [GOVERN],
    "docs/roles/": [GOVERN],
    "docs/static/": [GOVERN],
    "docs/conf.py": [GOVERN],
    "docs/roles.yaml": [GOVERN],
    "docs/project/retrospective.md": [GOVERN],
    "docs/project/review.md": [GOVERN],
    "docs/runbooks/access-request.md": [GOVERN],
    "src/{{ package_name }}/classification.py": [("problem_type", "classification")],
    "src/{{ package_name }}/regression.py": [("problem_type", "regression", "forecasting")],
    "src/{{ package_name }}/forecasting.py": [("problem_type", "forecasting")],
    "src/{{ package_name }}/history.py": [("problem_type", "forecasting")],
    "src/{{ package_name }}/anomaly.py": [("problem_type", "anomaly")],
    "tests/machinery/steps/test_split.py": [
        ("problem_type", "classification", "regression", "anomaly")
    ],
    "src/{{ package_name }}/steps/explain.py": [OPERATE, ("responsible_ai", True)],
    "src/{{ package_name }}/steps/templates/exit.md.j2": [OPERATE],
    "src/{{ package_name }}/steps/tune.py": [OPERATE, TUNING],
    "tests/machinery/steps/test_tune.py": [OPERATE, TUNING],
    "azureml/components/trial.yml": [TUNING],
    "azureml/jobs/sweep.yml": [TUNING],
    **{
        path: [BATCH, ("problem_type", "classification", "regression", "anomaly")]
        for path in (
            "src/{{ package_name }}/steps/accept.py",
            "tests/machinery/steps/test_accept.py",
        )
    },
    "src/{{ package_name }}/service/": [ONLINE],
    "tests/machinery/service/": [ONLINE],
    "tests/machinery/service/test_kubernetes.py": KUBERNETES,
    "tests/machinery/operate/test_trial.py": [("cloud", "azure"), TUNING],
    "src/{{ package_name }}/operate/azure.py": [AZURE],
    "src/{{ package_name }}/operate/export.py": [AZURE],
    "src/{{ package_name }}/operate/trial.py": [("cloud", "azure"), TUNING],
    "src/{{ package_name }}/operate/logged.py": ON_AZUREML,
    ".github/actions/": [("ci", "github")],
    ".github/workflows/": [("ci", "github")],
    ".github/workflows/infra.yml": [("cloud", "azure"), ("iac", "bicep", "terraform")],
    ".github/kubernetes-token.sh": [("ci", "github"), *KUBERNETES],
    ".github/azure-login.sh": [("ci", "github"), *ON_AZUREML],
    ".gitlab/kubernetes-token.sh": [("ci", "gitlab"), ("cloud", "azure"), *KUBERNETES],
    ".gitlab/azure-login.sh": [("ci", "gitlab"), *ON_AZUREML],
    "azure-pipelines/": [("ci", "azure-devops")],
    "azure-pipelines/azure-login.sh": [("ci", "azure-devops"), *ON_AZUREML],
    "azure-pipelines/infra.yml": [("cloud", "azure"), ("iac", "bicep", "terraform")],
    "azure-pipelines/steps/infra.yml": [("cloud", "azure"), ("iac", "bicep", "terraform")],
    ".gitlab-ci.yml": [("ci", "gitlab")],
    ".gitlab/ci/": [("ci", "gitlab")],
    ".gitlab/ci/infra.yml": [("cloud", "azure"), ("iac", "bicep", "terraform")],
    ".dockerignore": [ONLINE],
    "deploy/": [ONLINE],
    "deploy/kubernetes/": KUBERNETES,
    "deploy/kubernetes/release.yaml": [*KUBERNETES, ("cloud", "none")],
    **{
        f"deploy/kubernetes/base/{strategy}.yaml": [*KUBERNETES, ("rollout", strategy)]
        for strategy in ("recreate", "ramped", "blue-green", "canary", "ab-test", "shadow")
    },
    "deploy/kubernetes/base/analysis.yaml": [
        ("rollout", "blue-green", "canary", "ab-test", "shadow"),
    ],
    "deploy/kubernetes/tools.sh": [*KUBERNETES, ("ci", "github", "azure-devops", "gitlab")],
    "deploy/kubernetes/signed.yaml": [*KUBERNETES, ("ci", "github", "azure-devops", "gitlab")],
    "docs/delivery/kubernetes.md": KUBERNETES,
    "docs/delivery/rollout.md": [ONLINE],
    "docs/runbooks/alerts.md": [ONLINE],
    "deploy/kubernetes_release.py": [("platform", "kubernetes")],
    "deploy/azureml_endpoint.py": [("platform", "azureml")],
    "azureml/": [("cloud", "azure")],
    ".amlignore": [("cloud", "azure")],
    "docs/delivery/azureml.md": [("cloud", "azure")],
    "azureml/MLTable": ON_AZUREML,
    "azureml/components/logged.yml": ON_AZUREML,
    "azureml/online/": ON_AZUREML,
    "azureml/schedules/model-monitor.yml": ON_AZUREML,
    "infra/": [AZURE, ("iac", "bicep", "terraform")],
    "docs/delivery/infrastructure.md": [AZURE, ("iac", "bicep", "terraform")],
    "infra/bicep/": [("iac", "bicep")],
    "infra/terraform/": [("iac", "terraform")],
    "infra/bicep/modules/federation.bicep": [WITH_CI],
    "infra/terraform/federation.tf": [WITH_CI],
    ".github/": [("ci", "github")],
    "renovate.json": [("ci", "azure-devops", "gitlab", "none")],
    ".azuredevops/": [GOVERN, ("ci", "azure-devops")],
    ".gitlab/": [("ci", "gitlab")],
    "CODEOWNERS": [GOVERN, ("ci", "github", "gitlab", "none")],
}


@functools.cache
def questions() -> dict[str, dict[str, Any]]:
    """What copier.yml asks, in order."""
    return asked.questions(ROOT)


def defaults() -> Answers:
    """The default of every question, the first choice where it is worked out from others."""
    fixed = {name: question["default"] for name, question in questions().items()}
    worked_out = {name for name, value in fixed.items() if "{" in str(value)}
    first = {
        n: next(iter(choices(questions()[n]))) for n in worked_out if "choices" in questions()[n]
    }
    return {name: value for name, value in fixed.items() if name not in worked_out} | first


@functools.cache
def condition_of(name: str) -> Callable[..., Any]:
    return jinja2.Environment().compile_expression(condition(questions()[name]) or "true")


def values() -> dict[str, list[Any]]:
    """Question -> every value that the covering array has of it."""
    found: dict[str, list[Any]] = {"project_name": list(NAMES)}
    for name, question in questions().items():
        if "choices" in question:
            found[name] = list(choices(question))
        elif question["type"] == "bool":
            found[name] = [True, False]
    return found


def pairs(answers: Answers) -> set[Pair]:
    return set(itertools.combinations(answers.items(), 2))


def sample(chance: random.Random, fixed: Answers) -> Answers:
    """Random answers to what is asked, as the fixed ones stand; else the default holds."""
    row: Answers = {}
    for name, options in values().items():
        if condition_of(name)(**(defaults() | row)):
            allowed = [value for value in options if not refused(name, {**row, name: value})]
            chosen = fixed.get(name, chance.choice(allowed))
            row[name] = chosen if chosen in allowed else allowed[0]
    return row


def refused(name: str, row: Answers) -> bool:
    """Whether a choice is not allowed with the answers before it."""
    return bool(rule_of(name).render(row).strip())


@functools.cache
def rule_of(name: str) -> jinja2.Template:
    question = questions()[name]
    rule = question.get("validator", "") if "choices" in question else ""
    return jinja2.Environment().from_string(rule)


def covering_array() -> list[Answers]:
    """Rows of answers in which every two values meet that can meet; always the same rows."""
    chance = random.Random(0)
    single = [[(name, value) for value in options] for name, options in values().items()]
    todo = {p: None for a, b in itertools.combinations(single, 2) for p in itertools.product(a, b)}
    rows = []
    while todo:
        pair = next(iter(todo))
        tries = [row for _ in range(60) if pair in pairs(row := sample(chance, dict(pair)))]
        best = max(tries, key=lambda row: len(todo.keys() & pairs(row)), default={})
        rows += [best] if best else []
        todo = {other: None for other in todo if other not in pairs(best) | {pair}}
    return rows


def with_copier(template: Path, target: Path, answers: Answers) -> Path:
    """Render TEMPLATE into TARGET and return it; what all share once for the same answers."""
    if template.parent.parent.name != "shared":
        return _rendered(template, target, answers)
    digest = hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
    place = template.parent / "renders" / digest / "project"
    once(place, lambda where: _rendered(template, where, answers))
    return Path(shutil.copytree(place, target, symlinks=True, dirs_exist_ok=True))


def _rendered(template: Path, target: Path, answers: Answers) -> Path:
    copier.run_copy(str(template), target, data=answers, defaults=True, quiet=True, vcs_ref="HEAD")
    return target


def with_cookiecutter(cookies: Cookies, template: Path, answers: Answers) -> Path:
    """Render TEMPLATE and return the project's folder; raises what cookiecutter raised."""
    result = cookies.bake(extra_context=dict(answers), template=str(template))
    if result.exception is not None:
        raise result.exception
    return Path(result.project_path)


def files(root: Path) -> Tree:
    """Path -> content of every file; a folder without files is an entry with a slash."""
    entries = sorted(root.rglob("*"))
    empty = {
        f"{path.relative_to(root).as_posix()}/": b""
        for path in entries
        if path.is_dir() and not any(path.iterdir())
    }
    contents = {p.relative_to(root).as_posix(): p.read_bytes() for p in entries if p.is_file()}
    return empty | contents


def modes(root: Path) -> dict[str, int]:
    """Path -> permissions of every file."""
    return {
        path.relative_to(root).as_posix(): path.stat().st_mode & 0o777
        for path in root.rglob("*")
        if path.is_file()
    }


def expected_paths(template: Path, answers: Answers, package: str) -> set[str]:
    """The paths that the answers must produce, from the names under template/."""
    everything = defaults() | answers
    everything.setdefault("responsible_ai", everything["level"] == "govern")
    sources = (
        path.relative_to(template / "template").as_posix().removesuffix(".jinja")
        for path in (template / "template").rglob("*")
        if path.is_file()
    )
    chosen = (source for source in sources if is_wanted(source, everything))
    return {
        name.replace("{{ package_name }}", package).replace(
            "{{ _copier_conf.answers_file }}", ".copier-answers.yml"
        )
        for name in chosen
    }


def is_wanted(source: str, answers: Answers) -> bool:
    rules = [
        rule
        for path, needed in ONLY_WITH.items()
        if source == path or (path.endswith("/") and source.startswith(path))
        for rule in needed
    ]
    return all(answers[question] in values for question, *values in rules)


def check_paths(template: Path, project: Path, answers: Answers) -> None:
    """Raise AssertionError unless the project has exactly the files that it should."""
    package = recorded(project)["package_name"]
    found, expected = set(files(project)), expected_paths(template, answers, package)
    assert found == expected, f"too many: {found - expected}; missing: {expected - found}"


def recorded(project: Path) -> Answers:
    """What the project's answers file says."""
    loaded = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    return dict(loaded)
