"""Tests of the code, on small tables of its own."""
