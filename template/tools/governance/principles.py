"""Each principle of docs/governance/principles.yaml, held against this project: `poe principles`.

A principle is kept when all of its checks hold; evidence.py says which kinds there are. The exit
code is 1 while one is not kept. The result is written to docs/governance/principles.md.
"""

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from . import evidence
from .sources import (
    FOLDER,
    GovernanceError,
    check_role,
    has,
    head,
    read,
    row,
    told,
    write,
)

SOURCE, PAGE = FOLDER / "principles.yaml", FOLDER / "principles.md"


def load() -> list[dict[str, Any]]:
    """Return the principles. Raises GovernanceError, naming the place, for what is not valid."""
    principles = read(SOURCE).get("principles")
    if not isinstance(principles, list) or not principles:
        raise GovernanceError(f"{SOURCE} has no list `principles`")
    for number, each in enumerate(principles, 1):
        has(each, f"{SOURCE}, principle {number}", "id means owner checks")
        where = f"{SOURCE}, {each['id']}"
        check_role(each["owner"], f"{where}, owner")
        if not each["checks"]:
            raise GovernanceError(f"{where}: a principle without a check is a wish")
    return principles


def _shown(what: Any) -> str:
    """Return what a check looks at, as it reads in a table."""
    if isinstance(what, dict):
        return ", ".join(f"`{name}: {value}`" for name, value in what.items())
    return ", ".join(f"`{each}`" for each in (what if isinstance(what, list) else [what]))


def main(words: Iterable[str] | None = None) -> int:
    """Run the checks; print and write what they say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("principle", nargs="*", help="only these")
    only = parser.parse_args(None if words is None else list(words)).principle
    principles = load()
    if unknown := {*only} - {each["id"] for each in principles}:
        raise GovernanceError(f"{SOURCE} has no principle {', '.join(sorted(unknown))}")
    lines = ["# Principles", "", "`poe principles` writes this page from `principles.yaml`.", ""]
    lines += head("principle", "kept?", "checks", "owner")
    chosen = [each for each in principles if not only or each["id"] in only]
    if tests := [check["test"] for p in chosen for check in p["checks"] if "test" in check]:
        evidence.run_tests(tests)
    kept = True
    for each in chosen:
        where = f"{SOURCE}, {each['id']}"
        found = [line for check in each["checks"] for line in evidence.wrong(check, where)]
        kept = kept and not found
        print(f"{'FAIL' if found else 'kept'}  {each['id']}: {each['means']}")
        print("".join(f"      {line}\n" for line in found), end="")
        listed = [f"{kind} {_shown(w)}" for check in each["checks"] for kind, w in check.items()]
        name, verdict = f"**{each['id']}**: {each['means']}", "; ".join(["no", *found])
        lines.append(row(name, verdict if found else "yes", "; ".join(listed), each["owner"]))
    if not only:
        write(PAGE, lines)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(told(main))
