"""Tests of what a team does not edit: run in CI, and by `poe check --all`."""
