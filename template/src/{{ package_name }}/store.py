"""Models on disk, without pickle: a file from elsewhere can carry data, not code."""

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import skops.io

from .errors import ProjectError
from .tables import replacing

# What these models hold beyond the types that skops vouches for itself; none of it runs code.
TRUSTED = [
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils._bunch.Bunch",
]


def save(model: Any, path: Path) -> None:
    """Write a model, or a dict of models, all or nothing; equal models give equal bytes."""
    with replacing(path) as temporary:
        skops.io.dump(model, temporary)
        _forget_addresses(temporary)


def _forget_addresses(path: Path) -> None:
    """Renumber the parts of the file: skops names them by memory address, and dates them."""
    with ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    numbers: dict[str, int] = {}

    def renumbered(node: dict[str, Any]) -> dict[str, Any]:
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(str(node["__id__"]), len(numbers))
        if "file" in node:
            address, _, suffix = str(node["file"]).partition(".")
            node["file"] = f"{numbers.setdefault(address, len(numbers))}.{suffix}"
        return node

    schema = json.loads(parts.pop("schema.json"), object_hook=renumbered)
    with ZipFile(path, "w") as file:
        file.writestr(ZipInfo("schema.json"), json.dumps(schema))
        for name, content in parts.items():
            address, _, suffix = name.partition(".")
            file.writestr(ZipInfo(f"{numbers[address]}.{suffix}"), content)


def load(path: Path) -> Any:
    """Read what `save` wrote. Raises ProjectError for a missing, torn or foreign file."""
    try:
        foreign = set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED)
        if foreign:
            raise ProjectError(f"{path} holds types that this project did not make: {foreign}")
        return skops.io.load(path, trusted=TRUSTED)
    except FileNotFoundError:
        raise ProjectError(f"{path} does not exist: run the pipeline first") from None
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise ProjectError(f"{path} is not a readable model: {error}") from error
