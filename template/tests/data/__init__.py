"""Tests of the raw table, as params.yaml and schema.yaml describe it."""
