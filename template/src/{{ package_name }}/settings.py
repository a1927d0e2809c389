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


class Evaluate(Section):
    """The metric that decides, and how its confidence interval is made."""

    metric: str
    resamples: Annotated[int, Field(ge=100)] = 500
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class Gate(Section):
    """What a model must reach before it may score anything."""

    minimum: float


class Score(Section):
    """Batch scoring."""

    on_bad_rows: Literal["reject", "stop"] = "reject"
    batch_rows: Annotated[int, Field(ge=1)] = 100_000


class Settings(Section):
    """All of params.yaml."""

    data: Data
    split: Split
    train: Train
    evaluate: Evaluate
    gate: Gate
    score: Score


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
