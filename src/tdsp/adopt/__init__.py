"""Moves an existing repository into the standard layout without losing a byte of it."""
