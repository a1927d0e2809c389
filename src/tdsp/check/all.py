"""All checks: importing a module adds its checks to the list."""

from tdsp.check import (
    ci,
    code,
    containers,
    data,
    evaluation,
    gates,
    generative,
    layout,
    leakage,
    model,
    monitoring,
    operation,
    people,
    registry,
    schemas,
    security,
    seeds,
    service,
    steps,
    testing,
    training,
    tuning,
)
from tdsp.check.rule import CHECKS

MODULES = (
    ci,
    code,
    containers,
    data,
    evaluation,
    gates,
    generative,
    layout,
    leakage,
    model,
    monitoring,
    operation,
    people,
    registry,
    schemas,
    security,
    seeds,
    service,
    steps,
    testing,
    training,
    tuning,
)

__all__ = ["CHECKS", "MODULES"]
