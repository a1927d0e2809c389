"""Plain words and plain data: a number with its noun, texts without hidden signs, YAML as data."""

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


def plain(text: str) -> str:
    """Return a text without signs that steer a terminal or a page, or turn its text around."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def counted(number: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
