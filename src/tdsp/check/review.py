"""The checks as a plug-in of repo-review: what it lists, and what each of them says.

The repository is read and judged once. repo-review then asks each check for its result.
"""

import re
from importlib.resources.abc import Traversable
from pathlib import Path

from tdsp.check.all import CHECKS
from tdsp.check.report import PLACES, where
from tdsp.check.rule import FAMILIES, Check
from tdsp.check.run import Result, check_folder, shown

PAGE = "https://github.com/tdsp-template/tdsp/blob/main/docs/checks.md"


class Reviewed:
    """One check in the words of repo-review; its own description is the title."""

    def __init__(self, check: Check, result: Result | None) -> None:
        """Keep a check and what it said, None where nothing was read."""
        self.__doc__ = check.title
        self.family = check.family
        heading = re.sub(r"[^\w -]", "", f"{check.id} {check.title}".lower())
        self.url = f"{PAGE}#{heading.replace(' ', '-')}"
        self._result = result

    def check(self) -> bool | str | None:
        """Return True for a pass, None where there was nothing to judge, else what is wrong."""
        result = self._result
        if result is None or result.outcome in {"not applicable", "unknown"}:
            return None
        if result.outcome == "pass":
            return True
        places = [f"`{where(mark)}` {mark.message}" for mark in result.marks[:PLACES]]
        more = len(result.marks) - len(places)
        return "; ".join([*places, *([f"and {more} more"] if more else [])])


def checks(package: Traversable) -> dict[str, Reviewed]:
    """Return all checks by id. A repository that is not on this disk is not judged."""
    results = {}
    if isinstance(package, Path) and package.is_dir():
        results = {each.check.id: each for each in shown(check_folder(package)).results}
    return {name: Reviewed(check, results.get(name)) for name, check in CHECKS.items()}


def families() -> dict[str, dict[str, str | int]]:
    """Return the titles of the families, in the order of our own report."""
    return {name: {"name": title, "order": n} for n, (name, title) in enumerate(FAMILIES.items())}
