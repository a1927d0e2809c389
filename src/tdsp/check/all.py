"""All checks: importing a module adds its checks to the list."""

from tdsp.check import (
    ci,
    code,
    data,
    gates,
    generative,
    leakage,
    model,
    monitoring,
    people,
    security,
    service,
    training,
)
from tdsp.check.rule import CHECKS

MODULES = (
    ci,
    code,
    data,
    gates,
    generative,
    leakage,
    model,
    monitoring,
    people,
    security,
    service,
    training,
)

__all__ = ["CHECKS", "MODULES"]
