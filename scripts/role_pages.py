"""Write template/docs/roles/*.jinja from template/docs/roles.yaml.jinja (`make sync`).

Copier runs no tool, so the pages of a fresh project stand in the template as `tdsp roles` would
write them. What stands between `{%- if %}` and `{%- endif %}` in the source gets a mark that
the tool carries along; then each mark becomes the condition again, around the line that has it.
"""

import itertools
import re
from pathlib import Path

from tdsp.people.roles import pages, sync
from tdsp.people.roles.model import Roles
from tdsp.people.sources import parse

ROOT = Path(__file__).parents[1]
SOURCE = "template/docs/roles.yaml.jinja"
STATEMENT = re.compile(r"\{%- (?:if (.*)|endif) %\}")
MARK = re.compile(r"⟦(\d+)⟧")
IN_CELL = re.compile(r"<br>((?:(?!<br>|⟦| \| ).)*)⟦(\d+)⟧")
# What stands in the source, what the tool sees in its place, what stands in a page.
VALUES = [
    ("{{ author_name_quoted }}", "AUTHOR", "{{ author_name_markdown }}"),
    ("{{ author_email }}", "author@example.com", "{{ author_email }}"),
    ("{{ package_name }}", "PACKAGE", "{{ package_name }}"),
]


class RolePagesError(Exception):
    """The source has a condition where the pages cannot have one."""


def marked(text: str) -> tuple[str, list[str]]:
    """Return the source without conditions, and the conditions that its marks number."""
    conditions: list[str] = []
    lines, inside, mark = [], False, ""
    for line in text.splitlines():
        match = STATEMENT.fullmatch(line)
        if match and match[1]:
            if inside:
                raise RolePagesError(f"{SOURCE}: a condition inside of another: {line}")
            if match[1] not in conditions:
                conditions.append(match[1])
            mark = f"⟦{conditions.index(match[1])}⟧"
        if match:
            inside = bool(match[1])
        else:
            lines.append(with_mark(line, mark) if inside else line)
    return "\n".join(lines), conditions


def with_mark(line: str, mark: str) -> str:
    """Return an item of a list, or a list or mapping in one line, with a mark behind each text."""
    if line.endswith(("]", "}")) and ": " in line:
        return re.sub(r"([\w-])(?=[,\]}])", rf"\1{mark}", line)
    if not line.lstrip().startswith("- "):
        raise RolePagesError(f"{SOURCE}: only an item of a list can have a condition: {line}")
    return f'{line[:-1]}{mark}"' if line.endswith('"') else f"{line}{mark}"


def conditional(page: str, conditions: list[str]) -> str:
    """Return a page with its marks turned into conditions."""
    blocks = [block.splitlines() for block in page.split("\n\n")]
    return "\n\n".join("\n".join(_block(block, conditions)) for block in blocks) + "\n"


def _block(lines: list[str], conditions: list[str]) -> list[str]:
    def cell(match: re.Match[str]) -> str:
        return f"{{% if {conditions[int(match[2])]} %}}<br>{match[1]}{{% endif %}}"

    if lines[0].startswith("|"):
        lines = [IN_CELL.sub(cell, line) for line in lines]
        if MARK.search("".join(lines)):
            raise RolePagesError(f"{SOURCE}: the first line of a cell has a condition: {lines}")
    elif all(MARK.search(line) for line in lines):
        raise RolePagesError(f"{SOURCE}: a list of which every line has a condition: {lines}")
    result: list[str] = []
    for number, group in itertools.groupby(lines, lambda line: "".join(MARK.findall(line)[:1])):
        inner = [MARK.sub("", line) for line in group]
        condition = f"{{%- if {conditions[int(number)]} %}}" if number else ""
        result += [condition, *inner, "{%- endif %}"] if number else inner
    return result


def generated(root: Path) -> dict[Path, str]:
    """Return path -> the text that the page must have."""
    source = root / SOURCE
    if not source.is_file():
        return {}
    text, conditions = marked(source.read_text(encoding="utf-8"))
    for given, token, _ in VALUES:
        text = text.replace(given, token)
    result = {}
    for path, body in pages.pages(parse(SOURCE, text, Roles)).items():
        page = conditional(sync.renewed(Path("/nowhere"), path, body), conditions)
        for _, token, wanted in VALUES:
            page = page.replace(token, wanted)
        result[root / "template" / f"{path}.jinja"] = page
    return result


def stale(root: Path) -> list[Path]:
    """Return the pages that are not what the source makes them."""
    return [
        path
        for path, text in generated(root).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def write(root: Path) -> None:
    """Write every page."""
    for path, text in generated(root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
