"""What the tools here share: sources in YAML that are read strictly, pages, plain errors."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tools.docs import OPEN

FOLDER = Path("docs/governance")
HELD = Path("docs/roles.yaml")


class GovernanceError(Exception):
    """Something that people can put right, told in full."""


def told(main: Callable[[], int]) -> int:
    """Run a command; an error is printed without a traceback, and is exit code 1."""
    try:
        return main()
    except (GovernanceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def read(path: Path) -> dict[str, Any]:
    """Return what a source holds. Raises GovernanceError when it is no mapping in YAML."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GovernanceError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise GovernanceError(f"{path} does not consist of `key: value`")
    return content


def has(entry: Any, where: str, needed: str, optional: str = "") -> dict[str, Any]:
    """Return an entry that has all needed keys and no unknown one. Raises GovernanceError."""
    if not isinstance(entry, dict):
        raise GovernanceError(f"{where} does not consist of `key: value`")
    if lacking := set(needed.split()) - entry.keys():
        raise GovernanceError(f"{where} lacks {', '.join(sorted(lacking))}")
    if unknown := entry.keys() - {*needed.split(), *optional.split()}:
        raise GovernanceError(f"{where} has unknown keys: {', '.join(sorted(map(str, unknown)))}")
    return entry


def holders() -> dict[str, set[str]]:
    """Return the roles of docs/roles.yaml, each with the e-mail addresses of who holds it."""
    content = read(HELD)
    people, roles = content.get("holders") or {}, content.get("roles") or {}
    return {
        str(name): {
            str((people.get(each) or {}).get("email", "")).casefold()
            for each in role.get("held_by") or []
        }
        for name, role in roles.items()
    }


def check_role(role: Any, where: str) -> None:
    """Raise GovernanceError unless docs/roles.yaml has the role."""
    if role not in (known := holders()):
        raise GovernanceError(f"{where}: {HELD} has no role {role!r}; it has {', '.join(known)}")


def is_open(value: Any) -> bool:
    """Tell whether a value still is a placeholder."""
    return isinstance(value, str) and bool(OPEN.search(value))


def row(*cells: Any) -> str:
    """Return a row of a Markdown table; a text of several lines becomes one."""
    texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |"


def head(*names: str) -> list[str]:
    """Return the first two rows of a Markdown table."""
    return [row(*names), row(*("---" for _ in names))]


def write(path: Path, lines: list[str]) -> None:
    """Write a page, with the same bytes on every platform."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
