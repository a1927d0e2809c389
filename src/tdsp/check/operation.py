"""Operation: outcomes, age, numbers that make sense, dashboards and environments."""

import re
from collections.abc import Iterator

from tdsp.check.ci import deploys
from tdsp.check.monitoring import TRAINING
from tdsp.check.purpose import lesson
from tdsp.check.rule import Mark, at, broken, check, held, unsure
from tdsp.check.service import asking, in_use
from tdsp.check.shell import commands
from tdsp.reading import Repository
from tdsp.reading.python import Module

APP = (
    "import joblib\nfrom flask import Flask\n\napp = Flask(__name__)\n"
    "model = joblib.load('m')\n\n\n@app.route('/predict')\n"
    "def predict():\n    return str(model.predict([[1]]))\n"
)
CI = ".github/workflows/ci.yml"
JOB = (
    "    runs-on: ubuntu-24.04\n    environment: {0}\n"
    "    steps:\n      - run: kubectl apply -f k8s\n"
)
OUTCOMES = re.compile(
    r"(?i)(^|_)(outcomes?|ground_?truth|feedback|actuals?|delayed_labels?|late_labels?|labelled|"
    r"true_labels?|realised|realized|backfill_(labels?|performance))(_|$)"
)


@check(
    "MN04",
    family="monitoring",
    title="Answers are compared with what happened",
    why="Drift says that the world has changed. Only outcomes say that the model is wrong.",
    fix="Join outcomes to the kept answers by their id, and report the metric each month.",
    unless="no route asks a model, or this is a lesson",
    severity="info",
    proves=("A4",),
    bad={"app.py": APP},
    good={"app.py": APP, "quality.py": "def join_outcomes(answers, outcomes):\n    return 1\n"},
)
def outcomes(repo: Repository) -> Iterator[Mark]:
    """Look for functions, parameters or columns that are named after outcomes."""
    asked = in_use(repo)
    if not asked:
        return
    for module in repo.modules("production"):
        for function in module.functions:
            if OUTCOMES.search(function.name) or any(OUTCOMES.search(p) for p in function.params):
                yield held(repo, module, function.line)
                return
        for text in module.texts:
            if re.fullmatch(r"[\w-]{3,40}", text.value) and OUTCOMES.search(text.value):
                yield held(repo, module, text.line)
                return
        if place := _measured_again(module):
            yield held(repo, module, place, "a job measures a model that was trained before")
            return
    module, answers = asked[0]
    yield broken(repo, module, asking(module, answers).line, "nothing here knows of outcomes")


def _measured_again(module: Module) -> int:
    """Return where a file measures a model that it did not fit: one it loads, or on a schedule."""
    if any(call.method in {"fit", "train_test_split"} for call in module.calls):
        return 0
    planned = any(each.module.split(".")[0] in SCHEDULERS for each in module.imports)
    judged = re.search(r"(^|/)jobs?/(\w+_)?evaluat\w*\.py$", module.path)
    if not (planned or judged):
        return 0
    measured = (
        call.line
        for call in module.calls
        if call.name.startswith("sklearn.metrics.")
        or re.search(r"(^|\.|_)(evaluate\w*|scores?)$", call.name)
    )
    return next(measured, 0)


SCHEDULERS = frozenset({"airflow", "prefect", "dagster", "schedule", "apscheduler", "luigi"})


AGE = re.compile(
    r"(?i)\b(max_?age|max_?model_?age|max_?days|stale(ness)?(_after|_days|_hours)?|model_?age\w*|"
    r"retrain_after\w*|older_than\w*|freshness\w*)\b"
)


@check(
    "MN06",
    family="monitoring",
    title="It is said how old a model may be",
    why="A model that no one retrains grows old without an alarm.",
    fix="Write the largest age into the configuration, and let the monitor judge it.",
    unless="no route asks a model, or this is a lesson",
    severity="info",
    proves=("O4",),
    bad={"app.py": APP},
    good={"app.py": APP, "params.yaml": "monitor:\n  max_age: 30\n"},
)
def age(repo: Repository) -> Iterator[Mark]:
    """Look for a bound of age in the configuration and in code."""
    asked = in_use(repo)
    if not asked:
        return
    for path, documents in repo.yaml.items():
        if documents and repo.role(path) == "production" and path not in _ci(repo):
            for number, line in enumerate(repo.text(path).splitlines(), 1):
                if AGE.search(line.split("#")[0]):
                    yield at(repo, "held", path, number)
                    return
    for module in repo.modules("production"):
        for each in module.assigns:
            if any(AGE.search(name) for name in each.targets):
                yield held(repo, module, each.line)
                return
        for function in module.functions:
            if AGE.search(function.name) or any(AGE.search(name) for name in function.params):
                yield held(repo, module, function.line)
                return
    for where, number in _trained_again(repo):
        yield at(repo, "held", where, number, "it is trained again on a schedule")
        return
    module, answers = asked[0]
    yield broken(repo, module, asking(module, answers).line, "nothing bounds the model's age")


PLAN = re.compile(
    r"(?m)^\s*-?\s*(cron|schedule|schedules|interval|rrule)\s*:\s*\S|schedule_interval|\bcron\b"
)


def _trained_again(repo: Repository) -> Iterator[tuple[str, int]]:
    """Yield what trains on a schedule: a workflow, a plan of Prefect, a DAG."""
    for workflow in repo.workflows:
        if workflow.triggers & {"schedule", "schedules"}:
            yield from (
                (workflow.path, each.line)
                for each in commands(workflow)
                if TRAINING.search(each.text)
            )
    for path, file in repo.files.items():
        text = file.text or ""
        plan = file.suffix in {".yaml", ".yml"} and "prefect" in path.lower()
        if plan and re.search(r"(?i)train|pipeline", text) and (match := PLAN.search(text)):
            yield path, text.count("\n", 0, match.start()) + 1
    for module in repo.modules("production"):
        if not {each.module.split(".")[0] for each in module.imports} & SCHEDULERS:
            continue
        for call in module.calls:
            planned = {"schedule", "schedule_interval", "cron", "interval"} & {*call.keywords}
            if planned and re.search(r"(?i)train", f"{module.path}\n{module.source}"):
                yield module.path, call.line


def _ci(repo: Repository) -> frozenset[str]:
    return frozenset(workflow.path for workflow in repo.workflows)


LETTING_THROUGH = frozenset(
    ("torch", "tensorflow", "keras", "xgboost", "lightgbm", "catboost", "onnxruntime", "jax")
)
NETWORK = APP.replace("import joblib", "from tensorflow import keras").replace(
    "joblib.load", "keras.models.load_model"
)
FINITE = re.compile(r"(^|\.)(isfinite|isnan|isinf|isna|isnull|notna|nan_to_num|assert_all_finite)$")


@check(
    "MN07",
    family="monitoring",
    title="An answer is a number",
    why="A missing value can turn an answer into NaN, which some callers read as no.",
    fix="Refuse to answer when the result is not finite, and test it.",
    unless="no route asks a model that lets missing values through, or this is a lesson",
    severity="info",
    proves=("O5",),
    bad={"app.py": NETWORK},
    good={
        "app.py": NETWORK,
        "tests/test_app.py": "import math\n\n\ndef test_a():\n    assert math.isfinite(1.0)\n",
    },
)
def finite(repo: Repository) -> Iterator[Mark]:
    """Look for a test of finite numbers in services, in what they import, and in tests.

    scikit-learn refuses NaN and infinity itself; other libraries answer them with NaN. An image
    has no missing values.
    """
    asked = [each for each in in_use(repo) if not _sees(each[0])]
    if not asked:
        return
    served = {module.path for module, _ in asked}
    near = {path.rpartition("/")[0] for path in served}
    filled = None
    for module in repo.modules("production", "test"):
        test = repo.role(module.path) == "test"
        for call in module.calls:
            if FINITE.search(call.name) and (test or module.path.rpartition("/")[0] in near):
                yield held(repo, module, call.line)
                return
            if call.method == "SimpleImputer" and not test:
                filled = filled or (module, call.line)
    if not repo.imported & LETTING_THROUGH:
        return
    if filled:
        message = "missing values are filled before a model; before which is not said"
        yield unsure(repo, *filled, message)
        return
    module, answers = asked[0]
    yield broken(repo, module, asking(module, answers).line, "no code asks for a finite number")


def _sees(module: Module) -> bool:
    """Tell whether a service is given images."""
    return any(each.module.split(".")[0] in {"PIL", "cv2", "imageio"} for each in module.imports)


METRICS = "from prometheus_client import Counter\n\nasked = Counter('asked', 'requests')\n"


@check(
    "MN08",
    family="monitoring",
    title="Dashboards and alerts are code",
    why="What is clicked together is lost with the server, and nobody reviews its limits.",
    fix="Keep the dashboard as JSON and the alerts as YAML beside the service.",
    unless="no file exposes metrics, or this is a lesson",
    severity="info",
    proves=("P7", "P3"),
    bad={"m.py": METRICS},
    good={"m.py": METRICS, "watch/alerts.yaml": "groups:\n- name: a\n  rules:\n  - alert: Slow\n"},
)
def dashboards(repo: Repository) -> Iterator[Mark]:
    """Look for dashboards and alerts where a file exposes metrics."""
    exposed = next(
        (
            (module, each.line)
            for module in repo.modules("production")
            if not lesson(repo, module.path)
            and not any(re.search(r"push|textfile", call.method) for call in module.calls)
            for each in module.imports
            if each.module.split(".")[0]
            in {
                "prometheus_client",
                "prometheus_fastapi_instrumentator",
                "prometheus_flask_exporter",
            }
        ),
        None,
    )
    if exposed is None:
        return
    for path, file in repo.files.items():
        text = file.text or ""
        alerts = file.suffix in {".yaml", ".yml"} and re.search(r"(?m)^\s*-?\s*alert:", text)
        carried = file.suffix in {".yaml", ".yml"} and "ConfigMap" in text  # into a cluster
        panels = (carried or file.suffix == ".json") and '"panels"' in text
        coded = file.suffix in {".bicep", ".tf"} and re.search(
            r"(?i)metricAlerts|metric_alert|alert_policy|dashboard", text
        )
        named = re.search(r"(^|/)(\w+_)?(dashboards?|alerts?|alerting)\.py$", path)
        if alerts or panels or coded or named:
            yield at(repo, "held", path, 1)
            return
    yield broken(repo, *exposed, "metrics are exposed, and no dashboard or alert is a file")


@check(
    "IN01",
    family="ci",
    title="There is a place to try before production",
    why="What was never tried where it cannot hurt is tried on users.",
    fix="Deploy to a test environment first: a second job, a second file of parameters.",
    unless="CI deploys nothing",
    severity="info",
    proves=("P2",),
    bad={CI: "on: push\njobs:\n  d:\n" + JOB.format("production")},
    good={CI: "on: push\njobs:\n  t:\n" + JOB.format("test") + "  d:\n" + JOB.format("production")},
)
def environments(repo: Repository) -> Iterator[Mark]:
    """Look for a second environment: in jobs, in names of files, in what commands say."""
    deployed = deploys(repo)
    if not deployed:
        return
    names = {environment for _, _, environment in deployed if environment}
    if len(names) > 1 or any("{" in name for name in names):
        workflow, line, _ = deployed[0]
        yield at(repo, "held", workflow.path, line, f"environments {', '.join(sorted(names))}")
        return
    tried = re.compile(
        r"(?i)(^|[/._-])(dev|test|staging|stage|uat|preprod|qa|sandbox)"
        r"([._-][^/]*)?(/[^/]*)?\.(ya?ml|tfvars|bicepparam|json|env|tf)$"
    )
    for path in repo.files:
        if repo.role(path) == "production" and tried.search(path) and ".github/" not in path:
            yield at(repo, "held", path, 1, "a file of another environment")
            return
    for workflow in repo.workflows:
        if spoken := re.search(r"(?i)\b(staging|blue[-/]?green|canary)\b", workflow.text):
            line = workflow.text.count("\n", 0, spoken.start()) + 1
            yield at(repo, "held", workflow.path, line)
            return
        for command in commands(workflow):
            if re.search(r"(?i)[\s=-](staging|stage|uat|preprod|qa|dev)\b", command.text):
                yield at(repo, "held", workflow.path, command.line)
                return
    workflow, line, _ = deployed[0]
    yield at(repo, "fail", workflow.path, line, "it deploys to one place only")


DEPLOYING = "jobs:\n  check:\n    runs-on: ubuntu-24.04\n    steps:\n"


DESCRIBES = frozenset(
    (
        *("Pulumi.yaml", "Chart.yaml", "cdk.json", "template.yaml", "samconfig.toml"),
        *("fly.toml", "render.yaml", "railway.json", "railway.toml", "serverless.yml"),
    )
)


@check(
    "IN02",
    family="ci",
    title="What is deployed to stands in files",
    why="What was clicked together cannot be reviewed, compared, or made again after a loss.",
    fix="Write it in Bicep, Terraform, Pulumi or Kubernetes manifests, and let CI apply it.",
    unless="CI deploys nothing",
    severity="info",
    proves=("P3",),
    bad={CI: "on: push\n" + DEPLOYING + "      - run: az webapp deploy\n"},
    good={
        CI: "on: push\n" + DEPLOYING + "      - run: terraform apply\n",
        "infra/main.tf": "terraform {}\n",
    },
)
def as_code(repo: Repository) -> Iterator[Mark]:
    """Look for files of the known tools, or Kubernetes manifests."""
    found = deploys(repo, promotions=False)
    if not found:
        return
    for workflow in repo.workflows:
        for step in workflow.steps:
            if re.search(
                r"terraform apply|kubectl apply|helm upgrade|pulumi up|az deployment|"
                r"cdk deploy|bundle deploy|"
                r"az (appservice plan|webapp|storage account|group) create",
                step.run,
            ):
                yield at(repo, "held", workflow.path, step.run_line, "files are applied")
                return
    for resource in repo.resources[:1]:
        message = f"{resource.kind} {resource.name}"
        yield at(repo, "held", resource.path, resource.line, message)
        return
    for path, file in repo.files.items():
        if file.name in DESCRIBES or file.suffix == ".bicep":
            yield at(repo, "held", path, 1)
            return
    for path, documents in repo.yaml.items():
        if any(
            isinstance(each.data, dict) and {"apiVersion", "kind"} <= set(each.data)
            for each in documents
        ):
            yield at(repo, "held", path, 1)
            return
    workflow, line, _ = found[0]
    yield at(repo, "fail", workflow.path, line, "it deploys to what no file describes")
