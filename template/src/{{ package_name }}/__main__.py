"""Lets `python -m` run the command line, on every platform and without an entry point."""

from .cli import main

main()
