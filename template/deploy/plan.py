"""What deploy/rollout.yaml says, checked; and whether what is seen is within its limits."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

Strategy = Literal["recreate", "ramped", "blue-green", "canary", "ab-test", "shadow"]
UNITS = {"s": 1, "m": 60, "h": 3600}


class RolloutError(Exception):
    """The new version is not in service; the message says why."""


def seconds(value: Any) -> float:
    """Read a duration such as 30s, 5m or 1h. Raises ValueError."""
    if not (found := re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", str(value))):
        raise ValueError(f"{value!r} is not a duration such as 30s, 5m or 1h")
    return float(found[1]) * UNITS[found[2]]


Share = Annotated[int, Field(ge=0, le=100)]


class Part(BaseModel):
    """A part of the file; a key that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(Part):
    """How much of the traffic the new version gets, or how much is copied to it; how long."""

    weight: Share = 0
    mirror: Share = 0
    bake: Annotated[float, BeforeValidator(seconds)]

    def __str__(self) -> str:
        return f"mirror {self.mirror} %" if self.mirror else f"weight {self.weight} %"


class Match(Part):
    """Whose requests go to the new version before the others'."""

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    cookie: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]


@dataclass(frozen=True)
class Figures:
    """What was seen of the new version since a step began."""

    requests: int = 0
    errors: int = 0
    p99_ms: float = 0.0

    def __str__(self) -> str:
        return f"{self.requests} requests, {self.errors} errors, 99 % within {self.p99_ms:.1f} ms"


class Abort(Part):
    """What ends a rollout."""

    max_error_rate: Annotated[float, Field(ge=0, le=1)]
    max_p99_ms: Annotated[float, Field(gt=0)]
    max_metric_loss: Annotated[float, Field(ge=0)]
    min_requests: Annotated[int, Field(ge=1)] = 50

    def reason(self, seen: Figures) -> str:
        """Say what is beyond its limit; empty while nothing is, or too little was seen."""
        if seen.requests < self.min_requests:
            return ""
        if seen.errors / seen.requests > self.max_error_rate:
            return f"{seen.errors} of {seen.requests} answers are errors"
        if seen.p99_ms > self.max_p99_ms:
            return f"99 % of the answers take up to {seen.p99_ms:.0f} ms"
        return ""


class Load(Part):
    """What `poe probe --load` sends to the service of test, in requests a second."""

    rate: Annotated[float, Field(ge=1, le=500)]
    seconds: Annotated[float, Field(ge=1, le=600)]


class Plan(Part):
    """All of deploy/rollout.yaml."""

    strategy: Strategy
    match: Match | None = None
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    abort: Abort
    load: Load | None = None

    @model_validator(mode="after")
    def ends_with_all(self) -> Self:
        """Refuse steps that leave some of the traffic where it was, or do not fit the strategy."""
        weights = [step.weight for step in self.steps]
        if weights != sorted(weights) or weights[-1] != 100:
            raise ValueError("the weights must grow, and the last one must be 100")
        if any(step.mirror and step.weight for step in self.steps):
            raise ValueError("a step has a weight or a mirror")
        if any(step.mirror for step in self.steps) != (self.strategy == "shadow"):
            raise ValueError("shadow has a step with a mirror, and no other strategy has one")
        if (self.match is None) == (self.strategy == "ab-test"):
            raise ValueError("ab-test has a match, and no other strategy has one")
        return self


def load(path: Path) -> Plan:
    """Read the file. Raises RolloutError that names each wrong key."""
    try:
        return Plan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise RolloutError(f"{path} cannot be read: {error}") from None
    except ValidationError as error:
        wrong = (f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RolloutError(f"{path} has wrong values:\n" + "\n".join(wrong)) from None
