"""docs/roles.yaml, and everything that is written from it."""
