"""Governance as commands: `poe assess`, `principles`, `risks`, `approve` and `trail`."""
