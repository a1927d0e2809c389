"""Which models may work, and which one does: `challenger` and `champion` are aliases of versions.

The alias is the only thing that changes hands, in one step: whenever a command is killed,
the champion is the old one or the new one. What is said about a promotion is written before that.
No alias moves before the model has been loaded and has answered.
"""

import json
import shutil
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from mlflow import MlflowClient
from mlflow.entities import RunInfo
from mlflow.exceptions import MlflowException
from pydantic import TypeAdapter

from .. import paths
from ..errors import ProjectError
from ..model import served
from ..model.identity import code, digest, identified
from ..settings import Settings, load, read
from ..steps import gate
from ..steps.gate import Check, require_passed
from . import notify
from .aliases import aliases, give, take
from .tracking import (
    ENTRY,
    HEAD,
    LOCK,
    NAME,
    client,
    person,
    plain_errors,
    registered,
    remember,
    run_files,
)

PLACE = "model"  # among what is kept of the run
SHA256 = "model_sha256"  # the tag with the digest of the package
ASKED = 100  # rows
LONGEST = 1000  # characters of a tag: Azure ML documents no more for runs
NEEDED = ("numpy", "pandas", "scikit-learn", "skops")  # to load a registered model elsewhere


@dataclass(frozen=True)
class Place:
    """Where an entry of the history is: the version that has it as a tag, and its number."""

    version: str
    entry: int


@dataclass(frozen=True)
class Promotion:
    """An entry of the history: a version was to become the champion, and why it was allowed.

    `previous` is the entry by which the champion before became one; `fallback` the one that a
    rollback goes back to.
    """

    kind: str
    by: str
    reason: str
    fallback: Place | None
    at: str = ""
    compared: bool = False
    checks: list[dict[str, Any]] = field(default_factory=list)
    previous: Place | None = None


ON_TAG = TypeAdapter(Promotion)


@dataclass(frozen=True)
class Version:
    """A registered model. Its number counts registrations; its model_id is that of its package."""

    number: str
    model_id: str
    run_id: str
    aliases: tuple[str, ...]
    created_at: datetime
    tags: dict[str, str]

    @property
    def entries(self) -> dict[int, Promotion]:
        """Each time that this version was to become the champion, by number."""
        heads = [(tag, int(found[1])) for tag in self.tags if (found := ENTRY.match(tag))]
        return {number: ON_TAG.validate_json(self._whole(head)) for head, number in heads}

    def _whole(self, head: str) -> str:
        parts = (self.tags.get(f"{head}.{part}", "") for part in count(1))
        return self.tags[head] + "".join(takewhile(bool, parts))

    @property
    def place(self) -> Place:
        """Where the newest entry is: for the champion, how it became one."""
        return Place(self.number, max(self.entries, default=0))

    @property
    def promotion(self) -> Promotion | None:
        """Return the newest entry."""
        return self.entries.get(self.place.entry)


@plain_errors()
def versions() -> list[Version]:
    """Return what is registered, newest first."""
    listed = registered()
    holders = aliases(listed)
    found = [
        Version(
            number=str(each.version),
            model_id=each.tags.get("model_id", ""),
            run_id=str(each.run_id),
            aliases=tuple(sorted(a for a, v in holders.items() if v == str(each.version))),
            created_at=datetime.fromtimestamp(each.creation_timestamp / 1000, UTC),
            tags=dict(each.tags),
        )
        for each in listed
    ]
    return sorted(found, key=lambda version: int(version.number), reverse=True)


def find(name: str) -> Version:
    """Return the version with this alias, number or model id. Raises ProjectError if none has."""
    known = versions()
    for each in known:
        if name in (each.number, each.model_id, *each.aliases):
            return each
    names = ", ".join(f"{v.number} ({v.model_id})" for v in known) or "none is: run `register`"
    raise ProjectError(f"no model {name!r} is registered; registered: {names}")


def champion() -> Version | None:
    """Return the version at work; None before the first promotion."""
    return next((each for each in versions() if "champion" in each.aliases), None)


@plain_errors()
def fetch(version: Version) -> Path:
    """Return a folder with the version's package, from a server if need be; checked by digest."""
    try:
        folder = run_files(version.run_id, f"{PLACE}/package")
        name, sha256 = identified(folder)
        if (name, sha256) != (version.model_id, version.tags.get(SHA256, sha256)):
            raise ProjectError(f"{folder} holds {name}, or was changed")
    except ProjectError as error:
        raise ProjectError(
            f"version {version.number} is damaged: {error}. Put its files back from a copy, or make"
            " it again and `register` it"
        ) from error
    return folder


def require_answers(folder: Path) -> None:
    """Load a package and ask it about rows that it was trained on, in a batch and one by one.

    Raises ProjectError when it cannot answer: a service could not, either.
    """
    model = served.load(folder)
    try:
        rows = pd.read_parquet(folder / "reference.parquet").head(ASKED)
        table = pa.Table.from_pandas(rows[model.encoder.columns], preserve_index=False)
        pd.read_json(folder / "example.json")[model.encoder.columns]
        for answers in (model.predict_batch(table), model.predict_rows(table.to_pylist())):
            numbers = [values for values in answers.values() if values.dtype.kind == "f"]
            if not all(np.isfinite(values).all() for values in numbers):
                raise ValueError("an answer is not a number")
    except Exception as error:  # whatever it is: it would happen to the first request, too
        raise ProjectError(f"{folder}: the model cannot answer its own rows: {error}") from error


@plain_errors()
def register() -> Version:
    """Make the model that passed the gate the challenger. A second time changes nothing.

    Damaged files of the model are put right where they are, or it gets another number.
    """
    identity = require_passed(paths.GATE, paths.PACKAGE)
    require_answers(paths.PACKAGE)
    to = client()
    with LOCK:
        if not _kept(identity):
            run = _run_of(identity)
            with tempfile.TemporaryDirectory() as folder:
                sha256 = _as_mlflow_model(Path(folder), identity)
                if not _logged(run, Path(folder, PLACE), sha256):
                    to.log_artifacts(run.run_id, folder)
            if not versions():
                _name(to)
            if not _kept(identity):  # unless a damaged version has been put right
                source, tags = f"{run.artifact_uri}/{PLACE}", {"model_id": identity, SHA256: sha256}
                to.create_model_version(NAME, source, run.run_id, tags=tags)
        if not find(identity).aliases:
            give("challenger", find(identity).number)
        remember()
    return find(identity)


def _logged(run: RunInfo, model: Path, sha256: str) -> bool:
    """Tell whether the run has these files: Azure ML lets nobody write a file twice."""
    with suppress(ProjectError):
        there = run_files(run.run_id, PLACE)
        here = [
            {each.relative_to(folder) for each in folder.rglob("*")} for folder in (there, model)
        ]
        return here[0] == here[1] and identified(there / "package")[1] == sha256
    return False


def _name(to: MlflowClient) -> None:
    """Make the registered model, unless it is there already, without versions."""
    try:
        to.create_registered_model(NAME)
    except MlflowException as error:
        if "ALREADY_EXISTS" not in error.error_code:
            raise


def _kept(identity: str) -> bool:
    """Tell whether a version has this model, and its files are what was registered."""
    for each in versions():
        with suppress(ProjectError):
            if each.model_id == identity and fetch(each) and run_files(each.run_id, "reports"):
                return True
    return False


def export(folder: Path) -> str:
    """Write the model that passed the gate, as an MLflow model with its package; return its id."""
    identity = require_passed(paths.GATE, paths.PACKAGE)
    if folder.exists() and any(folder.iterdir()):
        raise ProjectError(f"{folder} is not empty")
    with tempfile.TemporaryDirectory() as made:
        _as_mlflow_model(Path(made), identity)
        shutil.copytree(Path(made, PLACE), folder, dirs_exist_ok=True)
    shutil.copy(paths.GATE, folder)
    return identity


def _run_of(identity: str) -> RunInfo:
    """Return the newest whole run that made this model and passed."""
    found = client().get_experiment_by_name(NAME)
    asked = f"tags.model_id = '{identity}' and tags.gate = 'passed'"
    runs = client().search_runs([found.experiment_id], asked) if found else []
    for run in runs:
        if run.info.status == "FINISHED":
            return run.info
    raise ProjectError(f"no run of {identity} is on record: run `dvc repro --force gate`")


def _as_mlflow_model(folder: Path, identity: str) -> str:
    """Write a model that MLflow itself can load and serve, with our package; return its digest."""
    import mlflow.sklearn

    from ..features import features
    from ..model.store import TRUSTED
    from ..model.store import load as load_model

    package = shutil.copytree(paths.PACKAGE, folder / "package")
    if paths.TEST_PREDICTIONS.exists():
        # For `monitor`, when another model is in models/.
        shutil.copy(paths.TEST_PREDICTIONS, package)
    if identified(package)[0] != identity:
        raise ProjectError(f"{paths.PACKAGE} changes at this moment: wait for the pipeline")
    model, data = load_model(package / paths.MODEL.name), read(package / paths.PARAMS).data
    example = features(pd.read_parquet(package / "reference.parquet").head(3), data)
    mlflow.sklearn.save_model(
        model,
        folder / PLACE,
        serialization_format="skops",
        skops_trusted_types=TRUSTED,
        signature=mlflow.models.infer_signature(example, model.predict(example)),
        input_example=example,
        pip_requirements=[f"{name}=={installed(name)}" for name in NEEDED],
    )
    return digest(package.rename(folder / PLACE / package.name))


@plain_errors()
def promote(name: str | None, reason: str, who: str | None = None, compare: bool = True) -> Version:
    """Make a version the champion if every check says so. Raises ProjectError, with why, if not.

    The comparison is made before the lock is taken; if the champion is another one by then, what
    was compared is no longer true and nothing moves.
    """
    chosen, seen, settings = find(name or "challenger"), champion(), load(paths.PARAMS)
    if seen and seen.number == chosen.number:
        raise ProjectError(f"version {chosen.number} is the champion already")
    advice = ""
    try:
        checks = allowed(chosen, settings)
        require_answers(fetch(chosen))
        if seen and compare:
            advice = " (when the champion is past comparing: --without-comparison)"
            checks += compared(fetch(chosen), fetch(seen), settings)
    except Exception as error:  # whatever it is: nothing can be said, so nothing moves
        kind = "" if isinstance(error, ProjectError) else f"{type(error).__name__}: "
        raise ProjectError(
            f"version {chosen.number} is not promoted: {kind}{error}{advice}"
        ) from error
    if refused := [check for check in checks if check.passed is False]:
        reasons = "\n".join(f"FAIL  {check.rule} ({check.figures})" for check in refused)
        raise ProjectError(f"version {chosen.number} is not promoted:\n{reasons}")
    entry = Promotion(
        kind="promotion",
        by=who or person(),
        reason=reason,
        fallback=seen.place if seen else None,
        compared=bool(seen and compare),
        checks=[asdict(check) for check in checks],
    )
    return _move(chosen, seen, entry)


def allowed(version: Version, settings: Settings) -> list[Check]:
    """Ask the gate again, about the run on record, by the rules as they are today.

    That covers the minimum, the floors of groups, latency and size; all of it has to be there.
    """
    verdict = gate.verdict(run_files(version.run_id, "reports"), fetch(version), settings)
    return [Check(**check) for check in verdict["checks"]]


@plain_errors()
def rollback(reason: str, who: str | None = None, to: str | None = None) -> Version:
    """Bring back the champion before this one; once more, the one before that.

    With the number of an earlier champion as `to`, a second time changes nothing.
    """
    seen = champion()
    if seen and seen.number == to:
        return seen
    back = seen.promotion.fallback if seen and seen.promotion else None
    while back and to and back.version != to:
        back = find(back.version).entries[back.entry].fallback
    if seen is None or back is None:
        raise ProjectError(
            f"there is no earlier champion to go back to{f' of number {to}' if to else ''}"
        )
    target = find(back.version)
    fallback = target.entries[back.entry].fallback
    if same_code(target):  # otherwise only the release that made it can ask it
        require_answers(fetch(target))
    entry = Promotion("rollback", by=who or person(), reason=reason, fallback=fallback)
    return _move(target, seen, entry)


def same_code(version: Version) -> bool:
    """Tell whether the code here is the code that this version was made and judged with."""
    facts = json.loads((fetch(version) / "package.json").read_text(encoding="utf-8"))
    return bool(facts["code"] == code())


@plain_errors()
def _move(target: Version, seen: Version | None, entry: Promotion) -> Version:
    """Write down what happens, then hand over the alias, unless somebody else was faster."""
    with LOCK:
        now = champion()
        if (now and now.number) != (seen and seen.number):
            raise ProjectError(
                f"the champion is version {now.number if now else 'none'} since a moment ago: what"
                " was compared no longer holds, try again"
            )
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = replace(entry, at=at, previous=now.place if now else None)
        _write(target, ON_TAG.dump_json(entry).decode())
        give("champion", target.number)
        if "challenger" in target.aliases:
            take("challenger")
        remember()
    if "champion" not in (moved := find(target.number)).aliases:
        now = champion()
        raise ProjectError(
            f"version {now.number if now else 'none'} has become the champion in the same moment"
        )
    title = f"{NAME}: version {target.number} ({target.model_id}) is the champion"
    notify.send(title, f"{entry.kind} by {entry.by}: {entry.reason}")
    return moved


def _write(target: Version, text: str) -> None:
    """Add an entry to the history. It is there once its first part is, which is written last."""
    used = (tag.split(".")[1] for each in versions() for tag in each.tags if tag.startswith(HEAD))
    head = f"{HEAD}{max(map(int, used), default=0) + 1:06}"
    for start in reversed(range(0, len(text), LONGEST)):
        tag = f"{head}.{start // LONGEST}" if start else head
        client().set_model_version_tag(NAME, target.number, tag, text[start : start + LONGEST])


def history() -> list[tuple[Version, Promotion]]:
    """Return every change of champion, newest first; an entry that never took effect is left out.

    Each entry points to the one before it. A command that was killed leaves an entry that none
    points to, on a version that did not become the champion.
    """
    changes, now = [], champion()
    numbered = {each.number: each for each in versions()}
    place = now.place if now else None
    while place and (entry := numbered[place.version].entries.get(place.entry)):
        changes.append((numbered[place.version], entry))
        place = entry.previous
    return changes


def compared(challenger: Path, champion: Path, settings: Settings) -> list[Check]:
    """Hold one package against another on test rows that neither has learned from.

    The rule is non-inferiority: the interval of the difference must lie above -promote.margin. To
    ask for a gain beyond chance would keep a challenger with newer data out for ever; to ask for
    nothing but a better figure would be a coin toss on few rows.
    """
    from ..io.tables import row_hashes, units
    from ..steps.evaluate import evaluate
    from ..steps.split import in_time, together

    test, rule = pd.read_parquet(paths.TEST), settings.promote
    for folder in (challenger, champion):
        columns = pd.read_parquet(folder / "reference.parquet").dtypes
        if not columns.equals(test.dtypes):
            raise ProjectError(f"{folder} learned from other columns than {paths.TEST} has")
    seen = np.concatenate([np.load(folder / "rows.npy") for folder in (challenger, champion)])
    known = np.isin(row_hashes(test), seen)
    if settings.split.groups == "new" or not settings.data.time:
        known |= np.isin(units(test, settings.data), seen)
    rows = test[~known].reset_index(drop=True)
    enough = Check(
        f"at least {rule.min_rows} test rows that neither has learned from",
        len(rows) >= rule.min_rows,
        f"{len(rows)} of {len(test)}",
    )
    if not enough.passed:
        return [enough]
    models = {"model": challenger, "champion": champion}
    predicted = {name: served.load(folder).predict(rows) for name, folder in models.items()}
    groups, times = together(rows, settings.data), in_time(rows, settings.data)
    truth = rows[settings.data.target]
    gain = evaluate(predicted, truth, groups, settings.evaluate, settings.split.seed, times)
    value, low = (gain["gain_over_champion"][name] for name in ("value", "low"))
    told = f"{settings.evaluate.metric} {value:+.4f}, at least {low:+.4f}, on {len(rows)} rows"
    within = low >= -rule.margin  # False for NaN
    return [enough, Check(f"not worse than the champion by {rule.margin:g}", within, told)]
