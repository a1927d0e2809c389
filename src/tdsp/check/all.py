"""All checks: importing a module adds its checks to the list."""

from tdsp.check import data, gate, leakage, model, monitoring, service, training
from tdsp.check.rule import CHECKS

__all__ = ["CHECKS", "data", "gate", "leakage", "model", "monitoring", "service", "training"]
