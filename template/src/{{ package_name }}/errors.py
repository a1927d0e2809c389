"""What goes wrong in a way that people can put right, and how a command says so."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import yaml

# Errors that readers raise when the content of a file is not what it should be.
BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)


class ProjectError(Exception):
    """Its message says what is wrong, where, and what to do about it."""


class RejectedError(ProjectError):
    """More rows were refused than `score.max_rejects` allows; what was scored is written."""

    exit_code = 3


@contextmanager
def readable(path: Path, kind: str, absent: str = "") -> Iterator[None]:
    """Raise ProjectError when a file, or one of a folder, is missing, torn or of another kind.

    `absent` is the message for a missing file that the pipeline does not make.
    """
    try:
        yield
    except FileNotFoundError as error:
        pipeline = f"{error.filename or path} does not exist: run the pipeline first"
        raise ProjectError(absent or pipeline) from None
    except (*BROKEN, BadZipFile, yaml.YAMLError) as error:
        raise ProjectError(f"{path} cannot be read as {kind}: {error}") from error


def run(command: Callable[[], object]) -> None:
    """Run a command; an error that people can put right is printed without a traceback."""
    try:
        command()
    except FileNotFoundError as error:
        missing = error.filename or error  # pyarrow says it in the text alone
        sys.exit(f"error: {missing} is missing: run the pipeline (`poe pipeline`)")
    except (ProjectError, OSError) as error:  # such as a full disk
        sys.stderr.write(f"error: {error}\n")
        sys.exit(getattr(error, "exit_code", 1))
