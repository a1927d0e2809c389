"""Each run of the pipeline on record in MLflow: with which data and code, to what result.

Without a setting that is a SQLite file and a folder in the project's root; MLFLOW_TRACKING_URI
names a server or a workspace of Azure ML instead.
"""

import getpass
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import SQLAlchemyError

from .. import paths
from ..errors import ProjectError
from ..io.files import read_json, replacing, write_json
from ..settings import Settings

Texts = dict[str, str]
NAME = paths.PROJECT  # of the experiment and of the registered model
DATABASE, ARTIFACTS = Path("mlflow.db"), Path("mlartifacts")
KNOWN = Path(".mlflow.known.json")  # the newest that was registered here; outlives the database
HEAD = "promotion."  # the tags that hold the history, numbered over all versions
ENTRY = re.compile(rf"{HEAD}(\d+)$")
METRICS = 50  # names a run: Azure ML takes no more
# What a registry fails with. The plug-in of Azure ML raises what it likes.
KNOWN_ERRORS = (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ValueError)
LOCK = FileLock("mlflow.lock", timeout=20)  # seconds; free again when its holder is killed
SOURCES = ["src", "params.yaml", "schema.yaml", "dvc.yaml", "pyproject.toml", "requirements.lock"]
SOURCES += ["uv.lock", ":(glob)data/**/*.dvc"]
LATER = shutil.ignore_patterns("report.html", "monitoring")  # of an earlier run when the gate asks


@contextmanager
def plain_errors() -> Iterator[None]:
    """Raise ProjectError, one line long, when the registry cannot be read or written."""
    try:
        yield
    except Timeout as error:
        raise ProjectError("another command is changing the registry: try again") from error
    except Exception as error:
        if isinstance(error, ProjectError) or not (in_azure() or isinstance(error, KNOWN_ERRORS)):
            raise
        lines = [line for line in str(error).splitlines() if not line.startswith("(raised as")]
        reason = lines[0] if lines else type(error).__name__
        raise ProjectError(f"the registry at {uri()} cannot be used: {reason}") from error


def uri() -> str:
    """Where runs and models are kept."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DATABASE.resolve().as_posix()}"


def in_azure() -> bool:
    """Tell whether that is a workspace of Azure ML."""
    return uri().startswith("azureml:")


def client() -> MlflowClient:
    """Return the one way to MLflow; the first call makes the database.

    Raises ProjectError when the database is not the one of the last time: a lost registry is not
    a new one. What a server holds is the affair of its keepers.
    """
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return MlflowClient(uri(), registry_uri=uri())
    if signs := set(str(DATABASE.resolve())) & {"?", "%"}:  # they mean something in an address
        raise ProjectError(f"{Path.cwd()}: rename the folder, without {' and '.join(signs)}")
    known = json.loads(KNOWN.read_text(encoding="utf-8")) if KNOWN.exists() else {}
    if not DATABASE.exists() and not known:
        _create()
    there = DATABASE.exists() and DATABASE.stat().st_size
    to = MlflowClient(uri(), registry_uri=uri()) if there else None
    if to is None or known.items() - _marks(to).items():
        lost = f", without {' and '.join(known)}" if known else ""
        raise ProjectError(
            f"{DATABASE} is empty, older or of another project{lost}: put a newer copy of it and of"
            f" {ARTIFACTS} back; or, to begin anew, remove {DATABASE}, {ARTIFACTS} and {KNOWN}"
        )
    return to


def registered(to: MlflowClient | None = None) -> list[ModelVersion]:
    """Return every version that is registered, however many come at a time."""
    found: list[ModelVersion] = []
    token: str | None = ""
    while token is not None:
        page = (to or client()).search_model_versions(f"name = '{NAME}'", page_token=token or None)
        found, token = found + page, page.token or None
    return found


def _marks(to: MlflowClient) -> Texts:
    """Tell this registry from any other: the run of each version, each entry of the history."""
    versions = registered(to)
    runs = {f"version {each.version}": str(each.run_id) for each in versions}
    tags = {tag: each.version for each in versions for tag in each.tags if ENTRY.match(tag)}
    return runs | {tag: str(number) for tag, number in tags.items()}


def remember() -> None:
    """Keep the newest version and entry beside the database, for `client` to look for."""
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return
    marks = _marks(client())
    ordered = sorted(marks, key=lambda mark: int(re.sub(r"\D", "", mark)))
    newest = {mark[0]: mark for mark in ordered}  # the last of each kind
    write_json({mark: marks[mark] for mark in newest.values()}, KNOWN)


def _create() -> None:
    """Make the database whole or not at all: a killed migration could not be taken up again."""
    with LOCK, replacing(DATABASE) as temporary:
        if DATABASE.exists():  # another process was first
            return
        store: Any = SqlAlchemyStore
        store = store(f"sqlite:///{temporary.resolve().as_posix()}", str(ARTIFACTS))
        try:
            store.create_experiment(NAME)
        finally:
            store.engine.dispose()
        with closing(sqlite3.connect(temporary)) as database, database:
            # Relative, which MLflow has no option for, so that the project's folder can be moved.
            database.execute("UPDATE experiments SET artifact_location = ?", [str(ARTIFACTS)])


def run_files(run_id: str, name: str = "") -> Path:
    """Return the folder with what was kept of a run, or a part of it; from a server if need be."""
    where = client().get_run(run_id).info.artifact_uri
    artifacts: Any = get_artifact_repository(where, tracking_uri=uri())
    try:
        return Path(artifacts.download_artifacts(name))
    except Exception as error:  # whatever kind the store has
        raise ProjectError(f"{where} has no {name or 'files'} any more ({error})") from error


@plain_errors()
def record(settings: Settings, verdict: dict[str, Any]) -> str:
    """Put this run, passed or not, on record; return its id. It counts once it is FINISHED."""
    to = client()
    found = to.get_experiment_by_name(NAME)
    experiment = found.experiment_id if found else to.create_experiment(NAME)
    run = to.create_run(experiment, run_name=verdict["model_id"]).info
    params = {
        f"{section}.{name}": value if isinstance(value, str) else json.dumps(value)
        for section, values in settings.model_dump(mode="json", exclude_none=True).items()
        for name, value in values.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        tags = {
            "model_id": verdict["model_id"],
            "gate": "passed" if verdict["passed"] else "rejected",
            "data_md5": md5(settings.data.path),
            "schema_md5": md5(paths.SCHEMA),
            "lock_md5": md5(paths.LOCK),
            "trained_by": person(),
            **_code(Path(folder)),
        }
        shutil.copytree(paths.REPORTS, Path(folder, "reports"), ignore=LATER)
        for path in (paths.PARAMS, paths.SCHEMA, paths.LOCK, Path("dvc.lock")):
            if path.exists():
                shutil.copy(path, folder)
        metrics = sorted(numbers(read_json(paths.METRICS)), key=lambda one: one[0][:6] != "model.")
        _log(run.run_id, params, dict(metrics[: METRICS if in_azure() else None]), tags)
        to.log_artifacts(run.run_id, folder)
    for trial in read_json(paths.TUNING).get("trials", []):
        parent = {"mlflow.parentRunId": run.run_id, "state": trial["state"]}
        child = to.create_run(experiment, run_name=f"trial {trial['number']}").info.run_id
        given = {name: str(value) for name, value in trial["params"].items()}
        _log(child, given, dict(numbers({"value": trial["value"]})), parent)
        to.set_terminated(child)
    to.set_terminated(run.run_id)
    return str(run.run_id)


def _log(run: str, params: Texts, metrics: dict[str, float], tags: Texts) -> None:
    client().log_batch(
        run,
        [Metric(re.sub(r"[^\w/. -]", "_", name), value, 0, 0) for name, value in metrics.items()],
        [Param(name, value) for name, value in params.items()],
        [RunTag(name, value) for name, value in tags.items()],
    )


def numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers in nested dicts, each with the path to it: model.r2."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def md5(path: Path) -> str:
    """Return the hash that DVC gives a file, which names the file in DVC's cache too."""
    if not path.exists():
        return "none"
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _code(folder: Path) -> Texts:
    """Name the commit; what differs from it goes to `uncommitted.patch`, new files included.

    Outputs are no code: reports and dvc.lock always differ until the run is committed.
    """
    try:
        commit = git("rev-parse", "--verify", "HEAD").decode().strip()
    except ProjectError:  # no git, no repository or no commit: a copy of the code, such as a job's
        return {"git_commit": os.environ.get("CODE_COMMIT") or "none", "git_dirty": "unknown"}
    where = ["--", *SOURCES]
    new = git("ls-files", "-z", "--others", "--exclude-standard", *where)
    there = new + git("ls-files", "-z", "--cached", *where)
    index = folder / "index"  # of our own: what is staged stays as it is
    git("read-tree", "HEAD", index=index)
    git("update-index", "-z", "--add", "--remove", "--stdin", given=there, index=index)
    patch = git("diff-index", "--cached", "--patch", "--binary", "HEAD", *where, index=index)
    index.unlink()
    if patch:
        (folder / "uncommitted.patch").write_bytes(patch)
    untracked = " ".join(sorted(new.decode().split("\0"))).strip()
    return {"git_commit": commit, "git_dirty": str(bool(patch)).lower(), "git_untracked": untracked}


def git(*arguments: str, given: bytes = b"", index: Path | None = None) -> bytes:
    """Return what git prints. Raises ProjectError when it fails or is not there."""
    apart = {"GIT_INDEX_FILE": str(index)} if index else {}
    command = ["git", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  no shell, and the arguments are ours
            command, input=given, env={**os.environ, **apart}, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode(errors="replace").strip() or str(error)
        raise ProjectError(f"{' '.join(command)}: {said}") from error
    return done.stdout


def person() -> str:
    """Name who runs this: as git knows them, otherwise as the system does."""
    try:
        return git("config", "user.email").decode().strip()
    except ProjectError:
        pass
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown"
