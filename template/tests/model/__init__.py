"""Tests of how a model behaves, whatever the data."""
