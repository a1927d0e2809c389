"""YAML that others wrote: plain data, or one sentence on why not."""

from typing import Any

import yaml

from tdsp.errors import TdspError


def load(text: str, origin: object) -> Any:
    """Return what a YAML text holds. Raises TdspError, which names `origin`, when it is none."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # a ValueError: a date such as 2026-13-01
        raise TdspError(f"{origin} is not valid YAML: {error}") from None
    except RecursionError:
        raise TdspError(f"{origin} is nested too deeply to be read") from None
