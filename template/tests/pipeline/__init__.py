"""Tests of the steps as DVC runs them, one after another."""
