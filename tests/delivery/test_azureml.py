"""Azure ML as code: the SDK accepts every file, nothing is bound wrongly, every command runs."""

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts import lock
from tests.conftest import ROOT
from tests.delivery.azureml_checks import problems
from tests.delivery.azureml_run import CommandError, Workspace, order, read
from tests.delivery.tools import python_tool
from tests.project.living import (
    BIN,
    FOUND,
    Project,
    clean,
    environment,
    find_python,
    lock_of,
    made_once,
    run,
    uv,
)
from tests.render.engines import with_copier

SDK = ("azureml", "azure-ai-ml==1.35.2")
LOCK = ROOT / "template/azureml/environment/requirements.lock"
WHOLE = {"cloud": "azure", "tuning": True, "responsible_ai": True}
ONLINE = {**WHOLE, "serving": "both", "platform": "azureml"}
OPTIONS: dict[str, dict[str, Any]] = {
    "online": {**ONLINE, "rollout": "canary"},
    "online-regression": {**ONLINE, "problem_type": "regression", "responsible_ai": False},
    "kubernetes": {**WHOLE, "serving": "online", "platform": "kubernetes"},
    "forecasting": {**WHOLE, "problem_type": "forecasting", "iac": "none"},
    "anomaly": {**WHOLE, "problem_type": "anomaly", "project_slug": "a" * 50},
    "plain": {"cloud": "azure"},
}
COMMIT = "c" * 40


@pytest.fixture(scope="session")
def rendered(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A project of each set of options, with a raw table, as after its first run."""
    place = tmp_path_factory.mktemp("azureml")

    def project(name: str) -> Path:
        target = place / name
        if not target.exists():
            with_copier(repository, target, OPTIONS[name])
            (target / "data/raw").mkdir()
            (target / "data/raw/example.csv").write_text("x\n", encoding="utf-8")
        return target

    return project


# What the SDK refuses: file, a text in it, what to put there, what the verdict names.
SDK_ERRORS = {
    "unknown key": ("compute.yml", "tier:", "teir:", "teir"),
    "wrong enum": ("datastore.yml", "azure_blob", "azure_blobs", "azure_blobs"),
    "missing required": ("registry.yml", "location: westeurope\nrep", "rep", "location"),
    "wrong type": ("online/deployment.yml", "instance_count: 2", "instance_count: two", "instance"),
    "data type": ("data.yml", "uri_folder", "uri_folders", "uri_folder"),
    "nested key": ("workspace.yml", "isolation_mode: allow_internet_outbound", "mode: a", "isol"),
    "component type": ("components/score.yml", "type: uri_file", "type: uri_fil", "rows"),
    "trigger": ("schedules/monitor.yml", "type: cron", "type: crom", "trigger"),
    "signal": ("schedules/model-monitor.yml", "type: data_quality", "type: quality", "quality"),
    "endpoint name": ("events/endpoint.yml", "name: ml-project-train", "name: ml_project", "name"),
    "build path": ("environment.yml", "path: environment", "path: nowhere", "nowhere"),
}


@pytest.fixture(scope="session")
def verdicts(
    rendered: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the SDK says of all of them, and of one with an error in many files: one process."""
    wrong = shutil.copytree(rendered("online"), tmp_path_factory.mktemp("wrong") / "wrong")
    for name, old, new, _ in SDK_ERRORS.values():
        change(wrong, name, old, new)
    roots = [*map(rendered, OPTIONS), wrong]
    script = Path(__file__).with_name("azureml_sdk.py")
    done = run(python_tool(*SDK) / "python", script, *roots, cwd=ROOT, env=clean())
    return {Path(root).name: report for root, report in json.loads(done.stdout).items()}


def change(root: Path, name: str, old: str, new: str) -> None:
    path = root / "azureml" / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} does not stand in {name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("name", OPTIONS)
def test_the_sdk_accepts_every_file(name: str, verdicts: dict[str, Any]) -> None:
    assert verdicts[name]["problems"] == {}


@pytest.mark.parametrize("error", SDK_ERRORS)
def test_the_sdk_names_what_is_wrong(error: str, verdicts: dict[str, Any]) -> None:
    name, _, _, told = SDK_ERRORS[error]
    assert told in " ".join(verdicts["wrong"]["problems"][f"azureml/{name}"])


@pytest.mark.parametrize("name", OPTIONS)
def test_jobs_get_the_code_and_nothing_else(
    name: str, verdicts: dict[str, Any], rendered: Callable[[str], Path]
) -> None:
    code = verdicts[name]["code"]
    assert {path.split("/")[0] for path in code} <= {
        *("src", "docs", "environments.yaml", "params.yaml", "schema.yaml", "requirements.lock"),
        *(["azureml"] if name.startswith("online") else []),
    }
    sources = (path for path in (rendered(name) / "src").rglob("*") if path.is_file())
    assert {path.relative_to(rendered(name)).as_posix() for path in sources} <= {*code}
    assert verdicts[name]["data"] == ["example.csv"]  # although git ignores it


@pytest.mark.parametrize("name", OPTIONS)
def test_everything_is_bound(name: str, rendered: Callable[[str], Path]) -> None:
    assert problems(rendered(name)) == []


# What our checker refuses: file, a text in it, what to put there, the place and the reason.
TRAIN, SWEEP, GREEN = "pipelines/train.yml", "jobs/sweep.yml", "online/traffic.yml"
EVENT = "events/new-data.json"
ERRORS = {
    "input of the pipeline": (
        *(TRAIN, "raw: ${{parent.inputs.raw}}", "raw: ${{parent.inputs.row}}"),
        "jobs.prepare.inputs.raw: the pipeline has no inputs.row",
    ),
    "step": (
        *(TRAIN, "${{parent.jobs.train.outputs.trained}}", "${{parent.jobs.fit.outputs.trained}}"),
        "jobs.evaluate.inputs.trained: there is no step fit",
    ),
    "output of a step": (
        *(TRAIN, "jobs.prepare.outputs.prepared", "jobs.prepare.outputs.rows"),
        "jobs.train.inputs.prepared: the step prepare has no output rows",
    ),
    "cycle": (
        *(TRAIN, "raw: ${{parent.inputs.raw}}", "raw: ${{parent.jobs.gate.outputs.documents}}"),
        "jobs: the steps wait for each other",
    ),
    "type": (
        *("jobs/train.yml", "raw: {type: uri_folder", "raw: {type: uri_file"),
        "jobs.pipeline.inputs.raw: is a uri_file, and the component wants a uri_folder",
    ),
    "type of a plain value": (
        *("jobs/train.yml", "commit: none", "commit: 7"),
        "jobs.pipeline.inputs.commit: is a integer, and the component wants a string",
    ),
    "type of an output": (
        *(TRAIN, "{type: mlflow_model, name", "{type: custom_model, name"),
        "jobs.gate.outputs.model: is a mlflow_model, and goes to a custom_model",
    ),
    "input left out": (
        *(TRAIN, "      commit: ${{parent.inputs.commit}}\n", ""),
        "inputs.commit: no step uses it",
    ),
    "needed input left out": (
        *(SWEEP, "      prepared: ${{parent.jobs.prepare.outputs.prepared}}\n", ""),
        "jobs.sweep.inputs.prepared: the component needs it",
    ),
    "no such input": (
        *("jobs/train.yml", "      commit: ${{", "      commits: ${{"),
        "jobs.pipeline.inputs.commits: the component has no such input",
    ),
    "no such output": (
        *("pipelines/score.yml", "      scored: ${{", "      score: ${{"),
        "jobs.score.outputs.score: the component has no such output",
    ),
    "no such output of the pipeline": (
        *("pipelines/score.yml", "parent.outputs.scored", "parent.outputs.score"),
        "jobs.score.outputs.scored: the pipeline has no output score",
    ),
    "undeclared in a command": (
        *("components/score.yml", "--input ${{inputs.rows}}", "--input ${{inputs.row}}"),
        "command: inputs.row is not declared",
    ),
    "unused in a command": (
        *("components/score.yml", "--output ${{outputs.scored}}/", "--output "),
        "outputs.scored: the command does not use it",
    ),
    "code": ("components/score.yml", "code: ../..", "code: ../../sorce", "code: ../../sorce does"),
    "component file": (
        *(TRAIN, "../components/gate.yml", "../components/gat.yml"),
        "jobs.gate.component: ../components/gat.yml does not exist",
    ),
    "data path": ("data.yml", "path: ../data/raw", "path: ../data/row", "path: ../data/row does"),
    "job of a schedule": (
        *("schedules/train.yml", "../jobs/train.yml", "../jobs/trains.yml"),
        "create_job: ../jobs/trains.yml does not exist",
    ),
    "cron": ("schedules/train.yml", "'0 4 * * 1'", "'0 4 * *'", "trigger.expression: 0 4 * * has"),
    "size": ("compute.yml", "Standard_E4s_v3", "Standard_E4_v9", "size: Standard_E4_v9 is no size"),
    "size of the service": (
        *("online/deployment.yml", "Standard_E2s_v3", "Standard_E3s_v3"),
        "instance_type: Standard_E3s_v3 is no size",
    ),
    "size of the monitor": (
        *("schedules/model-monitor.yml", "standard_e4s_v3", "standard_f4s_v2"),
        "create_monitor.compute.instance_type: standard_f4s_v2 is no size",
    ),
    "more at least than at most": (
        *("compute.yml", "min_instances: 0", "min_instances: 3"),
        "min_instances: 3 is more than max_instances, 2",
    ),
    "never down to zero": (
        *("compute.yml", "min_instances: 0", "min_instances: 1"),
        "min_instances: 1 machines cost money",
    ),
    "never idle": (
        *("compute.yml", "scale_down: 600", "scale_down: 86400"),
        "idle_time_before_scale_down: must be",
    ),
    "environment": (
        *("components/gate.yml", "azureml:ml-project-jobs", "azureml:ml-project-job"),
        "environment: no file defines the environment ml-project-job",
    ),
    "compute": (
        *("jobs/train.yml", "azureml:cpu-cluster", "azureml:gpu-cluster"),
        "settings.default_compute: no file defines the compute gpu-cluster",
    ),
    "data": (
        *("jobs/train.yml", "azureml:ml-project-raw", "azureml:ml-project-row"),
        "inputs.raw.path: no file defines the data ml-project-row",
    ),
    "model": (
        *("jobs/monitor.yml", "azureml:ml_project@", "azureml:ml-project@"),
        "inputs.model.path: no file defines the model ml-project",
    ),
    "datastore": (
        *("jobs/monitor.yml", "datastores/workspaceblobstore", "datastores/blobs"),
        "inputs.input_data.path: no file defines the datastore blobs",
    ),
    "endpoint": (
        *("batch/deployment.yml", "ml-project-score", "ml-project-scores"),
        "endpoint_name: no file defines the batch endpoint ml-project-scores",
    ),
    "deployment of the monitor": (
        *(
            "schedules/model-monitor.yml",
            "  monitoring_target:\n",
            "  monitoring_target:\n    endpoint_deployment_id: azureml:ml-project-online:blue\n",
        ),
        "endpoint_deployment_id: blue and green take turns",
    ),
    "log of one deployment": (
        *("jobs/monitor.yml", "/ml-project-online/", "/ml-project-online/blue/request/"),
        "inputs.input_data.path: blue and green take turns",
    ),
    "log of another endpoint": (
        *("schedules/model-monitor.yml", "/ml-project-online/", "/ml-project-offline/"),
        "no file defines the online endpoint ml-project-offline",
    ),
    "private endpoints of a deployment": (
        *(
            "online/deployment.yml",
            "app_insights",
            "egress_public_network_access: disabled\napp_insights",
        ),
        "egress_public_network_access: needs a registry of the tier Premium",
    ),
    "component of the monitor": (
        *("schedules/model-monitor.yml", "azureml:logged:1", "azureml:requests:1"),
        "pre_processing_component: no file defines the component requests",
    ),
    "key": (
        *("datastore.yml", "container_name:", "credentials: {account_key: x}\ncontainer_name:"),
        "credentials.account_key: access is by identity",
    ),
    "key of the endpoint": (
        *("online/endpoint.yml", "aad_token", "key"),
        "auth_mode: callers sign in",
    ),
    "traffic": (GREEN, "blue: 100", "blue: 90", "traffic: the shares add up to 90"),
    "traffic to nobody": (GREEN, "blue: 100", "red: 100", "traffic.red: no deployment"),
    "mirror": (GREEN, "mirror_traffic: {}", "mirror_traffic: {green: 80}", "green: at most 50 %"),
    "mirror of the same": (
        *(GREEN, "mirror_traffic: {}", "mirror_traffic: {blue: 10}"),
        "mirror_traffic.blue: a deployment gets traffic or a copy of it, not both",
    ),
    "route": (
        *("online/deployment.yml", "/health/ready", "/ready"),
        "inference_config.readiness_route: the service does not answer at /ready",
    ),
    "port": (
        *("online/deployment.yml", "port: 8000, path: /predict", "port: 80, path: /predict"),
        "inference_config.scoring_route: the container does not listen at port 80",
    ),
    "tag": ("online/deployment.yml", "@sha256:DIGEST\n  inf", ":1\n  inf", "image: a tag can move"),
    "bounds": (
        *(SWEEP, "min_value: 0.01", "min_value: 0.9"),
        "jobs.sweep.search_space.learning_rate: min_value is not below max_value",
    ),
    "trials": (
        *(SWEEP, "max_total_trials: 40", "max_total_trials: 1"),
        "jobs.sweep.limits: more trials at a time than in all",
    ),
    "name": (
        *("workspace.yml", "name: ml-project-dev", f"name: {'a' * 34}"),
        "has 34 characters, at most 33",
    ),
    "variable": (EVENT, "variables('storage')", "variables('store')", "variables has no store"),
    "parameter": (
        *(EVENT, "@parameters('endpointUri')", "@parameters('uri')"),
        "actions.train.inputs.uri: the workflow is given no parameter uri",
    ),
    "action": (EVENT, '"runAfter": {}', '"runAfter": {"tell": []}', "there is no action tell"),
}


@pytest.mark.parametrize("error", ERRORS)
def test_what_is_bound_wrongly_is_named(
    error: str, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    name, old, new, told = ERRORS[error]
    root = tmp_path / "project"
    shutil.copytree(rendered("online"), root, ignore=shutil.ignore_patterns("tests", "*.lock"))
    change(root, name, old, new)
    found = problems(root)
    assert any(f"azureml/{name}: " in line and told in line for line in found), found


def commands(root: Path) -> list[str]:
    """The project's own commands, in the order of the jobs of the training pipeline."""
    pipeline = read(root / "azureml/pipelines/train.yml")
    steps = (read(root / f"azureml/components/{name}.yml") for name in order(pipeline["jobs"]))
    module = re.compile(r"python -m \w+(?:\.(?:\w+\.)?| )(\w+)")  # of a stage, or a command
    return [name for step in steps for name in module.findall(step["command"])]


@pytest.mark.parametrize("name", OPTIONS)
def test_the_jobs_run_the_stages_of_dvc(name: str, rendered: Callable[[str], Path]) -> None:
    stages = list(yaml.safe_load((rendered(name) / "dvc.yaml").read_text("utf-8"))["stages"])
    assert {"example", "score"} <= {*stages}  # the data asset, and the batch endpoint
    wanted = [stage for stage in stages if stage not in ("example", "score")]
    assert commands(rendered(name)) == [*wanted, "export"]


def test_without_a_search_there_is_no_sweep(rendered: Callable[[str], Path]) -> None:
    files = [path for path in rendered("plain").rglob("*.*") if path.suffix in (".yml", ".md")]
    assert files
    assert [path for path in files if "sweep" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("name", [name for name, given in OPTIONS.items() if "tuning" in given])
def test_the_sweep_searches_where_tune_does(name: str, rendered: Callable[[str], Path]) -> None:
    root = rendered(name)
    sweep = read(root / "azureml/jobs/sweep.yml")["jobs"]["sweep"]["search_space"]
    told = re.search(r"src/\w+/\w+\.py", (root / "azureml/jobs/sweep.yml").read_text("utf-8"))
    assert told
    text = (root / told[0]).read_text(encoding="utf-8")
    search = ast.literal_eval(re.search(r"^SEARCH = (.*)$", text, re.MULTILINE)[1])  # type: ignore[index]
    assert {k: (v["min_value"], v["max_value"]) for k, v in sweep.items()} == search


def test_jobs_and_ci_run_on_the_same_versions() -> None:
    jobs, ci, other = (
        dict(pinned(path)) for path in (LOCK, lock_of(lock.LOCK, "azure"), lock_of(lock.LOCK))
    )
    assert {"azureml-mlflow", "dvc-azure"} <= ci.keys()
    # Their markers may differ: uv leaves out those that another package makes needless.
    plain = [{(name.split()[0], version) for name, version in each.items()} for each in (jobs, ci)]
    assert plain[0] - plain[1] == set()
    apart = {name for name in ci.keys() & other.keys() if ci[name] != other[name]}
    # azureml-mlflow admits no newer ones
    assert apart == {"azure-storage-blob", "mlflow-skinny", "python-dateutil"}
    assert "azureml-mlflow" not in other
    text = LOCK.read_text(encoding="utf-8")
    hashed = re.findall(r"^[\w.-]+==.*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(hashed) == len(list(pinned(LOCK)))
    assert "://" not in text


def test_poe_lock_renews_it(rendered: Callable[[str], Path], tmp_path: Path) -> None:
    root = shutil.copytree(rendered("online-regression"), tmp_path / "project")
    tasks = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["poe"]["tasks"]
    uv(*shlex.split(tasks["lock"]["sequence"][-1]["cmd"])[1:], cwd=root)
    renewed = root / "azureml/environment/requirements.lock"
    assert renewed.read_text("utf-8") != LOCK.read_text("utf-8")  # without fairlearn
    assert {*pinned(renewed)} <= {*pinned(LOCK)}


def pinned(path: Path) -> Iterator[tuple[str, str]]:
    for name, version in re.findall(r"^([\w.-]+)==(.+?) *\\?$", path.read_text("utf-8"), re.M):
        yield f"{name} {version.partition(';')[2]}".strip(), version.partition(" ")[0]


def test_every_action_of_old_has_its_modern_form(rendered: Callable[[str], Path]) -> None:
    root = rendered("online")
    page = (root / "docs/delivery/azureml.md").read_text(encoding="utf-8")
    for action in ("workspace", "compute", "run", "registermodel", "deploy"):
        assert f"| `aml-{action}` |" in page
    for name in re.findall(r"azureml/[\w./-]+\.(?:yml|json)", page):
        assert (root / name).is_file(), name


# The pipelines, executed ----------------------------------------------------------------------


@pytest.fixture(scope="session")
def jobs_environment() -> Path:
    """The virtual environment that the lock of the jobs makes, kept between runs."""
    target = ROOT / "build" / f"jobs-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    with made_once(target) as missing:
        if missing:
            wheels = ("--quiet", "--require-hashes", "--only-binary", ":all:")
            uv("venv", "--quiet", "--clear", "--python", find_python(FOUND[0]), target)
            uv("pip", "install", *wheels, "--python", target, "-r", LOCK)
    return target


@pytest.fixture(scope="session")
def project(
    rendered: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """One with its raw table and less to compute."""
    root = shutil.copytree(rendered("online"), tmp_path_factory.mktemp("jobs") / "ml-project")
    (root / "data/raw/example.csv").unlink()
    found = Project(root, environment(FOUND[0]))
    found.set("train", cv_folds=2, max_iter=20)
    found.set("evaluate", resamples=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_NO_ANALYTICS", "1")
        for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            patch.setenv(f"DVC_{name}_DIR", str(root.parent / name.lower()))
        found.commit()
        found.repro("evaluate")  # what the jobs have to come to as well
        yield found


@pytest.fixture(scope="session")
def workspace(project: Project, jobs_environment: Path, verdicts: dict[str, Any]) -> Workspace:
    """The workspace after the first training job."""
    place = project.root.parent / "workspace"
    place.mkdir()
    programs = f"{jobs_environment / BIN}{os.pathsep}{os.environ['PATH']}"
    tracking = f"sqlite:///{place / 'mlflow.db'}"
    found = Workspace(
        project.root,
        place,
        verdicts["online"]["code"],
        clean(PATH=programs, PYTHONPATH="src", MLFLOW_TRACKING_URI=tracking, OMP_NUM_THREADS="1"),
        {"azureml:ml-project-raw@latest": project.root / "data/raw"},
    )
    found.job("jobs/train.yml", commit=COMMIT)
    return found


def rows_of(workspace: Workspace, query: str, *values: str) -> list[Any]:
    with sqlite3.connect(workspace.place / "mlflow.db") as database:
        return [row[0] for row in database.execute(query, values)]


def check_the_jobs_make_the_model_that_dvc_makes(workspace: Workspace, project: Project) -> None:
    model, evaluated = (
        workspace.assets["azureml:ml_project@latest"],
        workspace.place / "02-evaluate",
    )
    facts = json.loads((model / "package/package.json").read_text("utf-8"))
    locally = project.yaml("models/package/package.json")
    assert facts["model_id"] == locally["model_id"]
    metrics = json.loads((evaluated / "evaluated/reports/metrics.json").read_text("utf-8"))
    assert metrics == project.yaml("reports/metrics.json")


def check_the_registered_model_is_one_of_mlflow(workspace: Workspace, project: Project) -> None:
    model = workspace.assets["azureml:ml_project@latest"]
    assert {"python_function", "sklearn"} <= {*read(model / "MLmodel")["flavors"]}
    code = "import mlflow, sys; m = mlflow.pyfunc.load_model(sys.argv[1]);"
    code += " print(len(m.predict(m.input_example)))"
    done = run("python", "-c", code, model, cwd=workspace.place, env=workspace.env)
    assert done.stdout.split()[-1] == "3"


def check_the_run_names_the_commit(workspace: Workspace, project: Project) -> None:
    assert COMMIT in rows_of(workspace, "SELECT value FROM tags WHERE key = 'git_commit'")


def check_a_trial_puts_its_score_on_record(workspace: Workspace, project: Project) -> None:
    code = "from mlflow import MlflowClient as C; print(C().create_run('1').info.run_id)"
    made = run("python", "-c", code, cwd=workspace.place, env=workspace.env).stdout.split()[-1]
    workspace.env["MLFLOW_RUN_ID"] = made
    try:
        workspace.job("jobs/sweep.yml")
    finally:
        del workspace.env["MLFLOW_RUN_ID"]
    (score,) = rows_of(
        workspace, "SELECT value FROM metrics WHERE key = 'score' AND run_uuid = ?", made
    )
    assert 0.9 < score <= 1
    assert workspace.ran.count("prepare") == 1  # the sweep takes over what the training made


def check_the_batch_endpoint_scores_a_file(workspace: Workspace, project: Project) -> None:
    rows = shutil.copy(project.root / "data/raw/example.csv", workspace.place / "rows.csv")
    scored = workspace.pipeline("pipelines/score.yml", rows=rows)["scored"]
    assert len((scored / "scored.csv").read_text("utf-8").splitlines()) == 570
    assert (scored / "scored_rejects.csv").exists()


def check_each_day_is_scored_with_the_released_model(
    workspace: Workspace, project: Project
) -> None:
    days, today = workspace.place / "to-score", f"{datetime.now(UTC):%Y-%m-%d}"
    days.mkdir()
    rows = shutil.copy(project.root / "data/raw/example.csv", days / f"{today}.csv")
    os.utime(rows, (0, 0))  # long ago: nobody writes it any more
    job = {**read(project.root / "azureml/jobs/score.yml"), "name": "score"}
    model = workspace.assets["azureml:ml_project@latest"]  # as `export` writes it
    made = workspace.command(job, {"rows": days, "model": model})
    assert len((made["scored"] / f"{today}.csv").read_text("utf-8").splitlines()) == 570
    assert (made["scored"] / f"{today}_rejects.csv").exists()
    assert [path.name for path in made["collected"].iterdir()] == [
        f"{today.replace('-', '')}.parquet"
    ]


def logged(workspace: Workspace, project: Project, factor: float) -> Path:
    """What the endpoint logs of requests, as the documentation of its data collector shows it."""
    lines = (project.root / "data/raw/example.csv").read_text("utf-8").splitlines()
    names = lines[0].split(",")[:-1]
    folder = workspace.place / f"endpoint-{factor}/green/request/2026/11/01/08"
    folder.mkdir(parents=True)
    events = [
        {
            "specversion": "1.0",
            "type": "azureml.inference.request",
            "time": "2026-11-01T08:00:00Z",
            "data": {n: factor * float(v) for n, v in zip(names, line.split(","), strict=False)},
        }
        for line in lines[1:300]
    ]
    text = "".join(f"{json.dumps(event)}\n" for event in events)
    (folder / "instance.jsonl").write_text(text, encoding="utf-8")
    return folder.parents[5]


def check_the_monitor_reads_what_the_endpoint_logs(workspace: Workspace, project: Project) -> None:
    found = workspace.job("jobs/monitor.yml", input_data=logged(workspace, project, 1.0))
    assert (found["report"] / "monitor.html").exists()
    with pytest.raises(CommandError, match="monitor: exit 3") as alarm:
        workspace.job("jobs/monitor.yml", input_data=logged(workspace, project, 1.3))
    verdict = json.loads((alarm.value.outputs["report"] / "monitor.json").read_text("utf-8"))
    assert verdict["alarm"]


def check_a_rejected_model_is_not_registered(workspace: Workspace, project: Project) -> None:
    registered = dict(workspace.assets)
    params = project.root / "params.yaml"
    before = params.read_text(encoding="utf-8")
    project.set("gate", minimum=1.5)
    try:
        with pytest.raises(CommandError, match=r"gate: exit 1\n.*rejected the model") as red:
            workspace.job("jobs/train.yml", commit=COMMIT)
    finally:
        params.write_text(before, encoding="utf-8")
    assert not list(red.value.outputs["model"].iterdir())
    assert workspace.assets == registered
    assert workspace.ran.count("train") == 1


def check_every_component_was_run(workspace: Workspace, project: Project) -> None:
    every = {path.stem for path in (project.root / "azureml/components").glob("*.yml")}
    assert {*workspace.ran} == every


def test_every_command_line_runs(workspace: Workspace, project: Project) -> None:
    """One test, because each step goes on with what the one before left in the workspace."""
    check_the_jobs_make_the_model_that_dvc_makes(workspace, project)
    check_the_registered_model_is_one_of_mlflow(workspace, project)
    check_the_run_names_the_commit(workspace, project)
    check_a_trial_puts_its_score_on_record(workspace, project)
    check_the_batch_endpoint_scores_a_file(workspace, project)
    check_each_day_is_scored_with_the_released_model(workspace, project)
    check_the_monitor_reads_what_the_endpoint_logs(workspace, project)
    check_a_rejected_model_is_not_registered(workspace, project)
    check_every_component_was_run(workspace, project)
