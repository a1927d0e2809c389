"""The project's parameters, typed. params.yaml is their one source; DVC tracks it."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import ProjectError


class Section(BaseModel):
    """A part of params.yaml. An unknown key is an error, so a typing slip cannot hide."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Section):
    """How to read the table, and the role of its columns."""

    path: Path
    format: Literal["csv", "parquet", "excel", "jsonl"] = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    thousands: str | None = None
    missing: list[str] = []
    dates: dict[str, str] = {}
    drop_duplicates: bool = True
    target: str
    id: list[str] = []
    time: str | None = None
    group: str | None = None
    sensitive: list[str] = []
    drop: list[str] = []

    @property
    def not_features(self) -> set[str]:
        """Columns that the model never sees."""
        roles = {self.target, *self.id, *self.drop}
        return roles | {name for name in (self.time, self.group) if name}

    @model_validator(mode="after")
    def roles_do_not_clash(self) -> "Data":
        """Refuse a target with a second role, and an id that a scored file has no room for."""
        if self.target in {*self.id, *self.drop, self.time, self.group}:
            raise ValueError(f"the target {self.target!r} cannot have a second role")
        if taken := {"row", "prediction", "model_id", "scored_at"} & set(self.id):
            raise ValueError(f"scored files have columns of these names already: {sorted(taken)}")
        return self


class Split(Section):
    """How the test set is held out."""

    seed: int = 42
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    stratify: bool


class Train(Section):
    """Candidates, compared by cross-validation on the training rows."""

    candidates: Annotated[list[str], Field(min_length=1)]
    cv_folds: Annotated[int, Field(ge=2)] = 5
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    max_iter: Annotated[int, Field(ge=1)] = 100
    max_leaf_nodes: Annotated[int, Field(ge=2)] = 31


class Tune(Section):
    """The search for better training parameters; without trials there is none."""

    trials: Annotated[int, Field(ge=0)] = 0
    minutes: Annotated[float, Field(gt=0)] = 10


class Evaluate(Section):
    """The metric that decides, and how its confidence interval is made."""

    metric: str
    resamples: Annotated[int, Field(ge=100)] = 500
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class Gate(Section):
    """What a model must reach before it may score anything."""

    minimum: float
    max_latency_ms: Annotated[float, Field(gt=0)] = 50
    max_size_mb: Annotated[float, Field(gt=0)] = 100


class Fairness(Section):
    """What each group of a sensitive column is owed."""

    floor: Annotated[float, Field(ge=0, le=1)] = 0.8
    min_rows: Annotated[int, Field(ge=1)] = 20


class Promote(Section):
    """When a challenger may take the champion's place."""

    margin: Annotated[float, Field(ge=0)] = 0.02
    min_rows: Annotated[int, Field(ge=1)] = 50


class Score(Section):
    """Batch scoring."""

    on_bad_rows: Literal["reject", "stop"] = "reject"
    batch_rows: Annotated[int, Field(ge=1)] = 100_000


class Serve(Section):
    """The online service."""

    max_rows: Annotated[int, Field(ge=1)] = 1000
    max_bytes: Annotated[int, Field(ge=1)] = 1_000_000
    reload_seconds: Annotated[float, Field(gt=0)] = 10


class Collect(Section):
    """Which scored rows are kept to be compared with the training rows."""

    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    max_rows: Annotated[int, Field(ge=0)] = 100_000
    mask: list[str] = []


class Monitor(Section):
    """When a difference from the training rows is an alarm."""

    false_alarms: Annotated[float, Field(gt=0, lt=1)] = 0.01
    min_effect: Annotated[float, Field(ge=0, le=1)] = 0.1
    min_rows: Annotated[int, Field(ge=2)] = 100


class Settings(Section):
    """All of params.yaml."""

    data: Data
    split: Split
    tune: Tune = Tune()
    train: Train
    evaluate: Evaluate
    gate: Gate
    fairness: Fairness | None = None
    promote: Promote = Promote()
    score: Score
    serve: Serve = Serve()
    collect: Collect = Collect()
    monitor: Monitor = Monitor()


def load(path: Path) -> Settings:
    """Read params.yaml. Raises ProjectError that names each wrong key."""
    try:
        return Settings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ProjectError(f"{path} is not here: run from the project's root folder") from None
    except yaml.YAMLError as error:
        raise ProjectError(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        wrong = (f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ProjectError(f"{path} has wrong values:\n" + "\n".join(wrong)) from None
