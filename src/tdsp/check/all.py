"""All checks: importing a module adds its checks to the list."""

from tdsp.check import data, gate, leakage, model

__all__ = ["data", "gate", "leakage", "model"]
