"""A notebook's code as one module, with the lines of the file that it came from."""

import ast
import json
import warnings
from dataclasses import dataclass
from typing import Any

from tdsp.reading.python import Module, parse


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook: its code, and what it shows of how it was run."""

    path: str
    module: Module
    lines: tuple[int, ...] = ()
    counts: tuple[int | None, ...] = ()
    outputs: bool = False
    language: str = "python"
    problem: str = ""
    parameters: bool = False

    def place(self, line: int) -> int:
        """Return the line of the file in which a line of the code stands."""
        return self.lines[line - 1] if 0 < line <= len(self.lines) else 1


def read(path: str, text: str) -> Notebook:
    """Return what a notebook says; one that is not valid has a problem and no code."""
    try:
        data = json.loads(text)
        cells = _cells(data)
    except (ValueError, RecursionError, TypeError, AttributeError):
        return Notebook(path, Module(path), problem="not a valid notebook")
    language = _language(data)
    code = [cell for cell in cells if cell.get("cell_type") == "code"]
    sources = [_source(cell) for cell in code]
    kept = [_python(source) if language == "python" else "" for source in sources]
    module = parse(path, "\n".join(kept))
    if module.problem:
        kept = [each if _parses(each) else _blank(each) for each in kept]
        module = parse(path, "\n".join(kept))
    return Notebook(
        path,
        module,
        _places(text, sources),
        tuple(_count(cell) for cell in code),
        any(bool(cell.get("outputs")) for cell in code),
        language,
        parameters=any("parameters" in _tags(cell) for cell in code),
    )


def _cells(data: Any) -> list[dict[str, Any]]:
    cells = data["cells"] if "cells" in data else data["worksheets"][0]["cells"]
    return [cell for cell in cells if isinstance(cell, dict)]


def _language(data: Any) -> str:
    about = data.get("metadata") or {}
    spec = about.get("kernelspec") or {}
    language = spec.get("language") or (about.get("language_info") or {}).get("name") or "python"
    return "python" if "python" in str(language).lower() else str(language).lower()


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _count(cell: dict[str, Any]) -> int | None:
    count = cell.get("execution_count", cell.get("prompt_number"))
    return count if isinstance(count, int) else None


def _tags(cell: dict[str, Any]) -> list[Any]:
    about = cell.get("metadata")
    tags = about.get("tags") if isinstance(about, dict) else None
    return tags if isinstance(tags, list) else []


def _python(source: str) -> str:
    """Blank out what is no Python: magics, shell lines, cells of another language."""
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not first.startswith(("%%time", "%%capture", "%%prun")):
        return _blank(source)
    return "\n".join(map(_line, lines))


def _line(line: str) -> str:
    bare = line.lstrip()
    if bare.startswith(("%", "!", "?")) or (bare.endswith("?") and "#" not in bare):
        return f"{line[: len(line) - len(bare)]}pass"
    return line


def _blank(source: str) -> str:
    return "\n" * source.count("\n")


def _parses(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _places(text: str, sources: list[str]) -> tuple[int, ...]:
    """Return the line of the file for each line of code, as notebooks are written: a line a line.

    In a file that is written otherwise, such as in one line, all is in the first line.
    """
    raw = text.split("\n")
    cells = [number for number, line in enumerate(raw) if line.lstrip().startswith('"cell_type":')]
    ends = [*cells[1:], len(raw)]
    code = [(a, b) for a, b in zip(cells, ends, strict=False) if '"code"' in raw[a]]
    if len(code) != len(sources):
        return ()
    places: list[int] = []
    for (start, end), source in zip(code, sources, strict=True):
        inside = range(start, end)
        first = next((n for n in inside if raw[n].lstrip().startswith('"source":')), start)
        step = 1 if raw[first].rstrip().endswith("[") else 0
        count = source.count("\n") + 1
        places += [min(first + 1 + step * (n + 1), end) for n in range(count)]
    return tuple(places)
