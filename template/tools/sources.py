"""The one reader of the YAML files that the tools here take: an error names the file and place."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class SourceError(Exception):
    """What is wrong in a file, a line for each place."""


class Part(BaseModel):
    """A part of a file. An unknown key is an error, so that a slip cannot hide."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=BaseModel)


def read(path: Path, model: type[P]) -> P:
    """Return what a file says. Raises SourceError with every place that is wrong."""
    name = path.as_posix()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return model.model_validate(content)
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SourceError(f"{name} is not valid YAML: {error}") from None
    except ValidationError as error:
        lines = [
            f"{name}: {'.'.join(map(str, each['loc'])) or 'the file'}:"
            f" {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors()
        ]
        raise SourceError("\n".join(lines)) from None
