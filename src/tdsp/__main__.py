"""Lets `python -m tdsp` run the command line."""

from tdsp.cli import main

main()
