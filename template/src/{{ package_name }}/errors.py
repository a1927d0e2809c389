"""What goes wrong in a way that people can put right, and how a command says so."""

import sys
from collections.abc import Callable


class ProjectError(Exception):
    """Its message says what is wrong, where, and what to do about it."""


def run(command: Callable[[], object]) -> None:
    """Run a command; an error that people can put right is printed without a traceback."""
    try:
        command()
    except ProjectError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        sys.exit(f"error: {error.filename} is missing: run the pipeline (`poe pipeline`)")
    except OSError as error:  # a full disk, a folder that cannot be written to
        sys.exit(f"error: {error}")
