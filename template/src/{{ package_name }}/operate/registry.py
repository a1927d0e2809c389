"""Which models may work, and which one does: `challenger` and `champion` are aliases of versions.

The alias is the only thing that changes hands, in one transaction: whenever a command is killed,
the champion is the old one or the new one. What is said about a promotion is written before that.
"""

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.entities import RunInfo

from .. import paths
from ..errors import ProjectError
from ..model.identity import code, model_id
from ..settings import Settings, load, read
from ..steps import gate
from ..steps.gate import Check, require_passed
from . import notify
from .tracking import LOCK, NAME, client, person, plain_errors, run_files

PLACE = "model"  # among what is kept of the run
ENTRY = "promotion."  # the tags that hold the history, numbered over all versions
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
    at: str
    by: str
    reason: str
    compared: bool
    checks: list[dict[str, Any]]
    previous: Place | None
    fallback: Place | None

    @classmethod
    def read(cls, text: str) -> "Promotion":
        """Return the entry that a tag holds."""
        content = json.loads(text)
        for name in ("previous", "fallback"):
            content[name] = Place(**content[name]) if content[name] else None
        return cls(**content)

    def text(self) -> str:
        """Return what the tag holds."""
        return json.dumps(asdict(self))


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
        texts = {name: text for name, text in self.tags.items() if name.startswith(ENTRY)}
        return {int(name.removeprefix(ENTRY)): Promotion.read(t) for name, t in texts.items()}

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
    registered = client().search_registered_models(f"name = '{NAME}'")
    aliases = registered[0].aliases if registered else {}
    found = [
        Version(
            number=str(each.version),
            model_id=each.tags.get("model_id", ""),
            run_id=str(each.run_id),
            aliases=tuple(sorted(a for a, v in aliases.items() if str(v) == str(each.version))),
            created_at=datetime.fromtimestamp(each.creation_timestamp / 1000, UTC),
            tags=dict(each.tags),
        )
        for each in client().search_model_versions(f"name = '{NAME}'")
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
    """Return a folder with the version's package, from a server if need be; checked by its id."""
    folder = run_files(version.run_id, f"{PLACE}/package")
    if (found := model_id(folder)) != version.model_id:
        raise ProjectError(f"version {version.number} is damaged: {folder} holds {found}")
    return folder


@plain_errors()
def register() -> Version:
    """Make the model that passed the gate the challenger. A second time changes nothing."""
    identity = model_id(paths.PACKAGE)
    require_passed(paths.GATE, identity)
    to = client()
    with LOCK:
        if not any(each.model_id == identity for each in versions()):
            run = _run_of(identity)
            with tempfile.TemporaryDirectory() as folder:
                _as_mlflow_model(Path(folder), identity)
                to.log_artifacts(run.run_id, folder)
            if not to.search_registered_models(f"name = '{NAME}'"):
                to.create_registered_model(NAME)
            source, tags = f"{run.artifact_uri}/{PLACE}", {"model_id": identity}
            to.create_model_version(NAME, source, run.run_id, tags=tags)
        if "champion" not in find(identity).aliases:
            to.set_registered_model_alias(NAME, "challenger", find(identity).number)
    return find(identity)


def export(folder: Path) -> str:
    """Write the model that passed the gate, as an MLflow model with its package; return its id."""
    identity = model_id(paths.PACKAGE)
    require_passed(paths.GATE, identity)
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
    asked = f"tags.model_id = '{identity}' and tags.gate = 'passed' and status = 'FINISHED'"
    runs = client().search_runs([found.experiment_id], asked, max_results=1) if found else []
    if not runs:
        raise ProjectError(f"no run of {identity} is on record: run `dvc repro --force gate`")
    return runs[0].info


def _as_mlflow_model(folder: Path, identity: str) -> None:
    """Write a model that MLflow itself can load and serve, with our package in it."""
    import mlflow.sklearn

    from ..features import features
    from ..model.store import TRUSTED
    from ..model.store import load as load_model

    package = shutil.copytree(paths.PACKAGE, folder / "package")
    if paths.TEST_PREDICTIONS.exists():
        # For `monitor`, when another model is in models/.
        shutil.copy(paths.TEST_PREDICTIONS, package)
    if model_id(package) != identity:
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
    package.rename(folder / PLACE / package.name)


@plain_errors()
def promote(name: str | None, reason: str, who: str | None = None, compare: bool = True) -> Version:
    """Make a version the champion if every check says so. Raises ProjectError, with why, if not.

    The comparison is made before the lock is taken; if the champion is another one by then, what
    was compared is no longer true and nothing moves.
    """
    chosen, seen, settings = find(name or "challenger"), champion(), load(paths.PARAMS)
    if seen and seen.number == chosen.number:
        raise ProjectError(f"version {chosen.number} is the champion already")
    try:
        checks = allowed(chosen, settings)
        if seen and compare:
            checks += compared(fetch(chosen), fetch(seen), settings)
    except Exception as error:  # whatever it is: nothing can be said, so nothing moves
        raise ProjectError(
            f"version {chosen.number} is not promoted: {type(error).__name__}: {error}"
            " (when the champion is past comparing: --without-comparison)"
        ) from error
    if refused := [check for check in checks if not check.passed]:
        reasons = "\n".join(f"FAIL  {check.rule} ({check.figures})" for check in refused)
        raise ProjectError(f"version {chosen.number} is not promoted:\n{reasons}")
    entry = Promotion(
        kind="promotion",
        at="",
        by=who or person(),
        reason=reason,
        compared=bool(seen and compare),
        checks=[asdict(check) for check in checks],
        previous=None,
        fallback=seen.place if seen else None,
    )
    return _move(chosen, seen, entry)


def allowed(version: Version, settings: Settings) -> list[Check]:
    """Ask the gate again, about the run on record, by the rules as they are today.

    That covers the minimum, the floors of groups, latency and size; all of it has to be there.
    """
    verdict = gate.verdict(run_files(version.run_id, "reports"), fetch(version), settings)
    return [Check(**check) for check in verdict["checks"]]


@plain_errors()
def rollback(reason: str, who: str | None = None) -> Version:
    """Bring back the champion before this one; once more, the one before that."""
    seen = champion()
    back = seen.promotion.fallback if seen and seen.promotion else None
    if seen is None or back is None:
        raise ProjectError("there is no earlier champion to go back to")
    target = find(back.version)
    fetch(target)  # raises when it is damaged
    entry = Promotion(
        kind="rollback",
        at="",
        by=who or person(),
        reason=reason,
        compared=False,
        checks=[],
        previous=None,
        fallback=target.entries[back.entry].fallback,
    )
    return _move(target, seen, entry)


def same_code(version: Version) -> bool:
    """Tell whether the code here is the code that this version was made and judged with."""
    facts = json.loads((fetch(version) / "package.json").read_text(encoding="utf-8"))
    return bool(facts["code"] == code())


@plain_errors()
def _move(target: Version, seen: Version | None, entry: Promotion) -> Version:
    """Write down what happens, then hand over the alias, unless somebody else was faster."""
    to = client()
    with LOCK:
        now = champion()
        if (now and now.number) != (seen and seen.number):
            raise ProjectError(
                f"the champion is version {now.number if now else 'none'} since a moment ago: what"
                " was compared no longer holds, try again"
            )
        count = 1 + max((number for each in versions() for number in each.entries), default=0)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = replace(entry, at=at, previous=now.place if now else None)
        to.set_model_version_tag(NAME, target.number, f"{ENTRY}{count:06}", entry.text())
        to.set_registered_model_alias(NAME, "champion", target.number)
        if "challenger" in target.aliases:
            to.delete_registered_model_alias(NAME, "challenger")
    title = f"{NAME}: version {target.number} ({target.model_id}) is the champion"
    notify.send(title, f"{entry.kind} by {entry.by}: {entry.reason}")
    return find(target.number)


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
    ask for a sure gain would keep a challenger with newer data out for ever; to ask for nothing
    but a better figure would be a coin toss on few rows.
    """
    from ..io.tables import row_hashes, units
    from ..model.served import load as load_served
    from ..steps.evaluate import evaluate
    from ..steps.split import together

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
    predicted = {name: load_served(folder).predict(rows) for name, folder in models.items()}
    groups = together(rows, settings.data)
    truth = rows[settings.data.target]
    gain = evaluate(predicted, truth, groups, settings.evaluate, settings.split.seed)
    value, low = (gain["gain_over_champion"][name] for name in ("value", "low"))
    told = f"{settings.evaluate.metric} {value:+.4f}, at least {low:+.4f}, on {len(rows)} rows"
    within = low >= -rule.margin  # False for NaN
    return [enough, Check(f"not worse than the champion by {rule.margin:g}", within, told)]
