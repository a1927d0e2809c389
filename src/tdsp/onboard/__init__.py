"""Make any table the data of a generated project (`tdsp onboard`).

Names are imported when first used: the libraries behind them take two seconds to load.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tdsp.onboard.cli import command, generate_command, run, summarise

if TYPE_CHECKING:
    from tdsp.errors import OnboardError
    from tdsp.onboard.flow import Result, Wishes, onboard, propose_problem

__all__ = [
    "OnboardError",
    "Result",
    "Wishes",
    "command",
    "generate_command",
    "onboard",
    "propose_problem",
    "run",
    "summarise",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "tdsp.errors" if name == "OnboardError" else "tdsp.onboard.flow"
    return getattr(import_module(module), name)
