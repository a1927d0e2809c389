"""Models on disk, without pickle: a file from elsewhere can carry data, not code."""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

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
    """Write a model, or a dict of models, all or nothing."""
    with replacing(path) as temporary:
        skops.io.dump(model, temporary)


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
