"""Tests of the tools that unattended jobs run."""
