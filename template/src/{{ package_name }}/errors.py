"""What goes wrong in a way that people can put right, and how a command says so."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import yaml


class ProjectError(Exception):
    """Its message says what is wrong, where, and what to do about it."""


class RejectedError(ProjectError):
    """More rows were refused than `score.max_rejects` allows; what was scored is written."""

    exit_code = 3


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Raise ProjectError when a file, or one of a folder, is missing, torn or of another kind."""
    try:
        yield
    except FileNotFoundError as error:
        raise ProjectError(f"{error.filename} does not exist: run the pipeline first") from None
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, yaml.YAMLError) as error:
        raise ProjectError(f"{path} is not a readable {kind}: {error}") from error


def run(command: Callable[[], object]) -> None:
    """Run a command; an error that people can put right is printed without a traceback."""
    try:
        command()
    except RejectedError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except ProjectError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        missing = error.filename or error  # pyarrow says it in the text alone
        sys.exit(f"error: {missing} is missing: run the pipeline (`poe pipeline`)")
    except OSError as error:  # a full disk, a folder that cannot be written to
        sys.exit(f"error: {error}")
