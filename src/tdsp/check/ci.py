"""Continuous integration and delivery: what runs on a change, with which rights."""

import re
from collections.abc import Iterator

from tdsp.check.code import EXPORTED
from tdsp.check.purpose import lesson, teaches
from tdsp.check.rule import Mark, at, broken, check, first, held, unsure
from tdsp.check.shell import TESTS, commands, others
from tdsp.reading import Repository
from tdsp.reading.workflows import Step, Workflow

CI = ".github/workflows/ci.yml"
STEPS = "jobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"
DEPLOYS = re.compile(
    r"(?:poe|make|just|task|invoke) deploy\b|kubectl apply|helm (upgrade|install)|"
    r"az (ml online-(deployment|endpoint) (create|update)|"
    r"(webapp|containerapp|functionapp|deployment)\b(?!.*\b(show|list|logs?)\b))|"
    r"terraform apply|gcloud (run|app|functions) deploy|"
    r"aws (ecs (update|create|deploy|run)|lambda (update|create|publish)|"
    r"sagemaker (create|update)|cloudformation (deploy|create|update|execute))|serverless deploy|"
    r"heroku |flyctl deploy|fly deploy|databricks bundle deploy|vercel|eb deploy|sam deploy|"
    r"bentoml deploy"
)
# It makes the place where a model will run; unless its variables name what is put there.
PLACES = re.compile(r"(terraform|tofu) apply|pulumi up|az (bicep|deployment)\b|azd provision")
THINGS = re.compile(r"(?i)model|image|container")
DEPLOY_USES = re.compile(
    r"(?i)(webapps-deploy|aks-deploy|k8s-deploy|heroku-deploy|deploy-cloudrun|amazon-ecs-deploy|functions-action|"
    r"AzureWebApp|AzureRmWebAppDeployment|KubernetesManifest|HelmDeploy|container-apps-deploy)"
)
RETIRED = {
    "ubuntu-16.04": "September 2021", "ubuntu-18.04": "April 2023", "ubuntu-20.04": "April 2025",
    "macos-10.15": "August 2022", "macos-11": "June 2024", "macos-12": "December 2024",
    "macos-13": "December 2025", "windows-2016": "April 2022", "windows-2019": "June 2025",
}  # fmt: skip
TESTS_OF = re.compile(r"(^|/)(test_[^/]*|[^/]*_test)\.(py|py\.jinja|R|jl|scala|ipynb|sh|bats)$")
PLANS = re.compile(r"--dry-run|what-if|terraform plan")
PROMOTES = re.compile(r"(^|\s)promote(\s+-|\s*$|\s+\S+\s*$)", re.MULTILINE)
# Whose repository it is, by the command that the README gives.
CLONED = re.compile(r"git clone \S*github\.com[/:]([\w-]+)/")
OWN = (
    "actions/",
    "github/",
    "azure/",
    "aws-actions/",
    "google-github-actions/",
    "docker/",
    "hashicorp/",
    "pypa/",
    "astral-sh/",
)


def front(repo: Repository) -> str:
    """Return the file that stands for the whole repository: its README, or the first one."""
    readmes = repo.named(r"(?i)readme(\.\w+)?")
    return readmes[0].path if readmes else next(iter(repo.files))


def deploys(
    repo: Repository, *, promotions: bool = True, places: bool = True
) -> list[tuple[Workflow, int, str]]:
    """Return where CI deploys, or promotes a model: workflow, line, environment.

    Without `places`, a step that makes only infrastructure, and names nothing to run there, is
    left out.
    """
    found = []
    for workflow in repo.workflows:
        for job in workflow.jobs:
            for step in job.steps:
                moved = promotions and PROMOTES.search(step.run)
                if _deploys(step.run, places) or moved or DEPLOY_USES.search(step.uses):
                    found.append((workflow, step.line, job.environment))
    return found


def _deploys(script: str, places: bool) -> bool:
    """Tell whether a line of a script deploys; what is only printed or planned does not count."""
    for line in script.split("\n"):
        printed = re.match(r"\s*(-\s*)?(echo|printf|#|pip|npm i)", line)
        bare = not places and PLACES.search(line) and not THINGS.search(line)
        if DEPLOYS.search(line) and not (printed or bare or PLANS.search(script)):
            return True
    return False


@check(
    "CI01",
    family="ci",
    title="Tests run on every change",
    why="Tests that nobody runs are out of date within weeks.",
    fix="Run them in CI on each pull request.",
    unless="there are no tests (see CI02)",
    severity="info",
    proves=("P6", "A1"),
    bad={"tests/test_a.py": "def test_a():\n    assert True\n"},
    good={
        "tests/test_a.py": "def test_a():\n    assert True\n",
        CI: "on: pull_request\n" + STEPS + "      - run: pytest\n",
    },
)
def tests_run(repo: Repository) -> Iterator[Mark]:
    """Look for a test command in CI; a script or task that CI calls may hold one."""
    tests = [m for m in repo.modules("test") if any(f.name.startswith("test") for f in m.functions)]
    if not tests:
        return
    for workflow in repo.workflows:
        for command in commands(workflow):
            if TESTS.search(command.text):
                yield at(repo, "held", workflow.path, command.line)
                return
    foreign = re.compile(r"\b(npm (run |ci )?test|yarn (run )?test|pnpm (run )?test|vitest|jest)\b")
    elsewhere = [
        (flow.path, each.line)
        for flow in repo.workflows
        for each in commands(flow)
        if foreign.search(each.text)
    ]
    if other := others(repo):
        yield at(repo, "unknown", other[0], 1, "this CI system is not read")
    elif elsewhere:
        yield at(repo, "unknown", *elsewhere[0], "these may be the tests of another language only")
    elif calls := _indirect(repo):
        path, line = calls
        yield at(repo, "unknown", path, line, "what this runs cannot be told")
    elif not repo.workflows:
        yield broken(repo, tests[0], 1, "there are tests, and no CI")
    else:
        yield at(repo, "fail", repo.workflows[0].path, 1, "no workflow runs the tests")


def _indirect(repo: Repository) -> tuple[str, int] | None:
    for workflow in repo.workflows:
        for job in workflow.jobs:
            if job.calls:
                return workflow.path, job.line
            for step in job.steps:
                if re.search(r"(?i)test|streamlit-app", step.uses):
                    return workflow.path, step.line
        for command in commands(workflow):
            if re.search(
                r"(^|\s)(make|just|task|invoke|bash|sh|\./\S+|hatch|pixi|poe|uv run|"
                r"docker(-compose)?|mise|earthly|dagger|pre-commit|"
                r"python3? \S+\.py)(\s|$)",
                command.text,
            ):
                return workflow.path, command.line
    return None


@check(
    "CI02",
    family="ci",
    title="There are tests, and they assert",
    why="A test without an assertion passes whatever the code does.",
    fix="Compare with a result that is known.",
    unless="there is no code but notebooks",
    severity="note",
    proves=("P5", "I2"),
    bad={"app.py": "def f():\n    return 1\n", "tests/test_a.py": "def test_a():\n    print(1)\n"},
    good={
        "app.py": "def f():\n    return 1\n",
        "tests/test_a.py": "def test_a():\n    assert 1 == 1\n",
    },
)
def tests_assert(repo: Repository) -> Iterator[Mark]:
    """Judge the test functions: whether any asserts, raises or compares."""
    code = [
        module
        for module in repo.modules("production")
        if module.functions
        and not SETTING.search(module.path)
        and not (EXPORTED.search(module.source) or WRITTEN.search(module.source))
    ]
    if not code:
        return
    found = None
    named = [
        each
        for each in code
        if re.search(r"(?i)(^|[/_])tests?(ing)?[/_.]", each.path)
        and not any(known.module.startswith("locust") for known in each.imports)
    ]  # one of Locust asks how fast it is, not whether it is right
    for module in (*repo.modules("test"), *named):
        for function in module.functions:
            if not function.name.startswith("test"):
                continue
            if repo.role(module.path) == "test":
                found = found or (module, function.line)
            calls = [c for c in module.calls if c.scope.startswith(function.scope)]
            ways = re.compile(
                r"^(assert\w*|raises|fail|expect\w*|check\w*|assertRaises\w*|verify\w*)$"
            )
            if function.asserts or function.exits or any(ways.match(c.method) for c in calls):
                yield held(repo, module, function.line)
                return
    if found and any(call.name in {"sys.exit", "exit"} for call in found[0].calls):
        yield unsure(repo, *found, "a script that may end with an exit code")
    elif found:
        yield broken(repo, *found, "no test asserts anything")
    elif files := [path for path in repo.files if TESTS_OF.search(path)]:
        yield at(repo, "unknown", files[0], 1, "this test is not read")
    elif named:
        yield unsure(repo, named[0], 1, "it is named a test; what it asserts is not read")
    elif not lesson(repo, code[0].path):
        yield broken(repo, code[0], 1, "there is Python code, and no test of it", "note")


# What other tools write above a notebook that they export.
WRITTEN = re.compile(r"(?m)^# Generated from: .+\.ipynb|Automatically generated by Colab")
SETTING = re.compile(r"(^|/)(jupyter\w*_config\w*|conf|setup|\w+_config)\.py$")


@check(
    "CI04",
    family="ci",
    title="Actions of others are pinned",
    why="Who takes over the account behind an action runs code with your rights on your next push.",
    fix="Name the commit: `uses: owner/action@<40 digits> # v1.2.3`. A bot can keep it current.",
    unless="no GitHub workflow uses an action of others",
    severity="warning",
    proves=("security",),
    bad={CI: "on: push\n" + STEPS + "      - uses: someone/thing@master\n"},
    good={CI: "on: push\n" + STEPS + "      - uses: someone/thing@" + "0123456789" * 4 + "\n"},
)
def pinned(repo: Repository) -> Iterator[Mark]:
    """Judge each `uses`: a branch warns, a tag is a note, the platforms' own are left out."""
    yield from first(_pinned(repo))


def _pinned(repo: Repository) -> Iterator[Mark]:
    seen: set[str] = set()
    ours = tuple(f"{owner.lower()}/" for owner in CLONED.findall(repo.text(front(repo))))
    for workflow in repo.workflows:
        for step in workflow.steps if workflow.host in {"github", "action"} else ():
            action, _, ref = step.uses.partition("@")
            if (
                not ref
                or action.startswith((".", "$", "docker:"))
                or action.lower().startswith((*OWN, *ours))
            ):
                continue
            line = _uses_line(repo, workflow, step.line, step.uses)
            if re.fullmatch(r"[0-9a-f]{40}", ref):
                yield at(repo, "held", workflow.path, line)
            elif step.uses not in seen:
                seen.add(step.uses)
                branch = ref in {"main", "master", "latest", "develop", "HEAD"}
                severity = "warning" if branch else "note"
                yield at(
                    repo, "fail", workflow.path, line, f"{action} may change under @{ref}", severity
                )


def _uses_line(repo: Repository, workflow: Workflow, start: int, uses: str) -> int:
    lines = workflow.text.split("\n")
    for number in range(start, min(start + 12, len(lines)) + 1):
        if f"{uses}" in lines[number - 1]:
            return number
    return start


@check(
    "CI05",
    family="ci",
    title="A workflow has no more rights than it needs",
    why="With the old default a step that is taken over can write to the repository.",
    fix="Write `permissions: {contents: read}` at the top, and more only in the job that needs it.",
    unless="there is no GitHub workflow",
    severity="note",
    proves=("security",),
    bad={CI: "on: push\npermissions: write-all\n" + STEPS + "      - run: pytest\n"},
    good={CI: "on: push\npermissions: {contents: read}\n" + STEPS + "      - run: pytest\n"},
)
def least_rights(repo: Repository) -> Iterator[Mark]:
    """Judge the permissions of each workflow and its jobs."""
    for workflow in repo.workflows:
        if workflow.host != "github":
            continue
        line = workflow.document.line("permissions")
        if workflow.permissions == "write-all":
            yield at(repo, "fail", workflow.path, line, "every right is granted", "warning")
            continue
        for job in workflow.jobs:
            if job.permissions == "write-all":
                message = f"job {job.name} is granted every right"
                yield at(repo, "fail", workflow.path, job.line, message, "warning")
        silent = [job for job in workflow.jobs if job.permissions is None]
        if workflow.permissions is not None or not silent:
            yield at(repo, "held", workflow.path, line)
        elif len(silent) == len(workflow.jobs):
            message = "no permissions are stated: the organisation's default holds"
            yield at(repo, "fail", workflow.path, 1, message)
        else:
            message = f"job {silent[0].name} states none: the organisation's default holds"
            yield at(repo, "fail", workflow.path, silent[0].line, message)


FROM_OUTSIDE = frozenset(
    (
        *("pull_request", "pull_request_target", "issues", "issue_comment", "discussion"),
        *("discussion_comment", "pull_request_review", "pull_request_review_comment", "push"),
        *("workflow_call", "workflow_run", "fork", "watch"),
    )
)
TAINTED = re.compile(
    r"\$\{\{\s*(github\.event\.(issue|pull_request|comment|review|discussion|head_commit)\.(title|body|message|head\.ref|head\.label|author\.name|author\.email)|github\.head_ref)\s*\}\}"
)


@check(
    "CI06",
    family="ci",
    title="What strangers write does not become a command",
    why="A title or a branch name is put into the script before the shell reads it. Whoever"
    " opens a pull"
    " request can run commands.",
    fix='Pass it as an environment variable: `env: {TITLE: ${{ ... }}}`, then "$TITLE".',
    unless="no GitHub workflow runs a script",
    severity="info",
    proves=("security",),
    bad={
        CI: "on: pull_request\n"
        + STEPS
        + "      - run: echo ${{ github.event.pull_request.title }}\n"
    },
    good={CI: "on: pull_request\n" + STEPS + "      - run: pytest\n"},
)
def no_injection(repo: Repository) -> Iterator[Mark]:
    """Judge scripts for texts of an event, and `pull_request_target` for what it checks out."""
    for workflow in repo.workflows:
        if workflow.host != "github":
            continue
        for step in workflow.steps:
            match = TAINTED.search(step.run)
            if match and workflow.triggers & FROM_OUTSIDE:
                line = (
                    step.run_line
                    + step.run.count("\n", 0, match.start())
                    + ("\n" in step.run.strip())
                )
                yield at(repo, "fail", workflow.path, line, f"{match[1]} is part of a script")
            elif step.run:
                yield at(repo, "held", workflow.path, step.run_line)
            target = "pull_request_target" in workflow.triggers and step.uses.startswith(
                "actions/checkout"
            )
            if target and re.search(r"pull_request\.head|head_ref", step.with_):
                yield _foreign(repo, workflow, step)


def _foreign(repo: Repository, workflow: Workflow, checkout: Step) -> Mark:
    """Judge what follows on the checkout of a pull request: whether its code can run."""
    job = next(each for each in workflow.jobs if checkout in each.steps)
    later = [each for each in job.steps if each.line > checkout.line]
    if any(each.run or each.uses.startswith("./") for each in later):
        message = "code of a pull request runs with this repository's secrets"
        return at(repo, "fail", workflow.path, checkout.line, message, "warning")
    message = "actions of others read a pull request; whether they run it cannot be told"
    return at(repo, "unknown", workflow.path, checkout.line, message)


@check(
    "CI08",
    family="ci",
    title="Production waits for an approval",
    why="Without a stop between merge and production a mistake is live before anyone has looked.",
    fix="Deploy in a job with `environment: production`, and require a reviewer there.",
    unless="CI deploys nothing",
    severity="info",
    proves=("A3", "P2"),
    bad={CI: "on: push\n" + STEPS + "      - run: kubectl apply -f k8s\n"},
    good={
        CI: "on: push\n"
        + STEPS.replace("    steps", "    environment: production\n    steps")
        + "      - run: kubectl apply -f k8s\n"
    },
)
def approved(repo: Repository) -> Iterator[Mark]:
    """Judge the jobs that deploy by their environment."""
    for workflow, line, environment in deploys(repo):
        manual = (
            workflow.triggers <= {"workflow_dispatch", "workflow_call", "release"}
            and workflow.triggers
        )
        if environment:
            yield at(repo, "held", workflow.path, line, f"environment {environment}")
        elif manual or any(job.manual for job in workflow.jobs):
            yield at(repo, "held", workflow.path, line, "a person starts it")
        elif workflow.host in {"azure", "jenkins"}:
            message = "an approval may stand in the CI system's settings, which are not in files"
            yield at(repo, "unknown", workflow.path, line, message)
        else:
            yield at(
                repo,
                "fail",
                workflow.path,
                line,
                "it deploys, and no environment can ask for an approval",
            )


@check(
    "CI09",
    family="ci",
    title="CI's machines still exist",
    why="A job that asks for a retired image waits for a machine that never comes.",
    fix="Name an image that is supported, such as ubuntu-24.04.",
    unless="CI runs on machines of its own",
    severity="note",
    proves=("O1",),
    bad={CI: "on: push\n" + STEPS.replace("24.04", "20.04") + "      - run: pytest\n"},
    good={CI: "on: push\n" + STEPS + "      - run: pytest\n"},
)
def machines(repo: Repository) -> Iterator[Mark]:
    """Judge `runs-on` and `vmImage` by a table of what was retired."""
    for workflow in repo.workflows:
        if workflow.host not in {"github", "azure"}:
            continue
        for job in workflow.jobs:
            if job.image in RETIRED:
                message = f"{job.image} was retired in {RETIRED[job.image]}"
                yield at(repo, "fail", workflow.path, job.image_line, message)
            elif job.image and "$" not in job.image:
                yield at(repo, "held", workflow.path, job.image_line)


@check(
    "CI10",
    family="ci",
    title="There is a way back",
    why="When a new model is wrong, minutes count. A way that was never written down is not"
    " found then.",
    fix="Add a rollback job or a documented command, and try it.",
    unless="CI deploys nothing, or this is a lesson",
    severity="info",
    proves=("I7",),
    bad={CI: "on: push\n" + STEPS + "      - run: helm upgrade app chart\n"},
    good={
        CI: "on: push\n"
        + STEPS
        + "      - run: helm upgrade app chart\n      - run: helm rollback app\n        if:"
        " failure()\n"
    },
)
def way_back(repo: Repository) -> Iterator[Mark]:
    """Look for the words of a way back in workflows and documents."""
    found = deploys(repo)
    if not found or teaches(repo):
        return
    words = re.compile(r"(?i)roll[- ]?back|--atomic|undo\b|blue[-/ ]green|previous version")
    own = {workflow.path for workflow in repo.workflows}
    ordered = sorted(repo.files.items(), key=lambda each: (each[0] not in own, each[1].suffix))
    for path, file in ordered:
        if file.suffix in {".md", ".rst", ".yml", ".yaml", ".sh"} and (
            match := words.search(file.text or "")
        ):
            yield at(repo, "held", path, (file.text or "").count("\n", 0, match.start()) + 1)
            return
    workflow, line, _ = found[0]
    yield at(repo, "fail", workflow.path, line, "it deploys, and no file says how to go back")


@check(
    "IN04",
    family="ci",
    title="CI logs in without a long-lived key",
    why="A key that never ends works for whoever finds it, from anywhere.",
    fix="Use a federated login (OIDC): no secret is stored.",
    unless="CI does not log in to a cloud",
    severity="warning",
    proves=("security",),
    bad={
        CI: "on: push\n" + STEPS + "      - uses: azure/login@v2\n        with: {creds: '${{"
        " secrets.AZURE_CREDENTIALS }}'}\n"
    },
    good={
        CI: "on: push\n"
        + STEPS
        + "      - uses: azure/login@v2\n        with: {client-id: '${{ vars.CLIENT }}',"
        " tenant-id: a, subscription-id: b}\n"
    },
)
def federated(repo: Repository) -> Iterator[Mark]:
    """Judge the login actions of three clouds by what they are given."""
    for workflow in repo.workflows:
        for step in workflow.steps:
            action = step.uses.split("@")[0].lower()
            old = {
                "azure/login": "'creds'",
                "aws-actions/configure-aws-credentials": "'aws-secret-access-key'",
                "google-github-actions/auth": "'credentials_json'",
            }.get(action)
            if old and "'aws-session-token'" in step.with_:
                message = "the key ends with its session; ask who stores the next one"
                yield at(repo, "unknown", workflow.path, step.line, message)
            elif old and old in step.with_:
                yield at(repo, "fail", workflow.path, step.line, "the login is a stored key")
            elif old and step.with_:
                yield at(repo, "held", workflow.path, step.line)
