"""Copies patterns, measured limits and the checks into the pages of docs/: `make sync`.

A page marks the place with `<!-- filled: NAME -->` and `<!-- /filled -->`; the text between the
marks is never edited by hand.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tdsp.check.all import CHECKS
from tdsp.check.maturity import items
from tdsp.check.rule import FAMILIES, Check
from tdsp.check.stated import LEFT_OUT, when

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts import evidence, held, precision, readings  # noqa: E402

DOCS = ROOT / "docs"
MEASURED = ROOT / "src/tdsp/check/measured.json"
BLOCK = re.compile(r"(<!-- filled: ([a-z-]+) -->\n).*?(<!-- /filled -->)", re.DOTALL)
# The figures of the benchmarks that the pages cite: file, section, figure, explanation.
LIMITS = (
    ("training-size", "Training by size", "10,000 rows: peak memory", "memory, 10,000 rows"),
    ("training-size", "Training by size", "100,000 rows: peak memory", "memory, 100,000 rows"),
    ("training-size", "Training by size", "1,000,000 rows: peak memory", "memory, 1,000,000 rows"),
    ("training-size", "Training by size", "1,000,000 rows: CPU time", "CPU time, 1,000,000 rows"),
    ("results", "Scoring files", "score 5,000,000 rows: wall time", "time, 5,000,000 rows"),
    ("results", "Scoring files", "score 1,000,000 rows: peak memory", "memory, 1,000,000 rows"),
    ("results", "Scoring files", "score 5,000,000 rows: peak memory", "memory, 5,000,000 rows"),
    ("results", "Serving rows", "this service, 32 conn.: rate", "one process, 32 connections"),
    ("results", "Serving rows", "this service, 1 conn.: p99", "99 of 100 answers, 1 connection"),
    ("results", "Serving rows", "this service, 32 conn.: p99", "99 of 100 answers, 32 connections"),
)


def fill(text: str, blocks: dict[str, str]) -> str:
    """Put each body between the marks of its name; what has no body stays."""

    def body(match: re.Match[str]) -> str:
        known = match[2] in blocks
        return f"{match[1]}{blocks[match[2]]}\n{match[3]}" if known else match[0]

    return BLOCK.sub(body, text)


def pattern_table() -> str:
    """Return one row a file of patterns/: its first comment and its answers."""
    lines = ["| pattern | answers | what it is |", "| --- | --- | --- |"]
    for path in sorted((ROOT / "patterns").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        description = " ".join(line[2:] for line in text.splitlines() if line.startswith("# "))
        answers = yaml.safe_load(text).items()
        given = ", ".join(f"`{question}: {answer}`" for question, answer in answers)
        lines.append(f"| `{path.stem}` | {given} | {description} |")
    return "\n".join(lines)


def limit_table() -> str:
    """Return the figures of LIMITS. Raises KeyError for one that was not measured."""
    lines = ["| | measured | figure |", "| --- | --- | ---: |"]
    for name, section, measured, meaning in LIMITS:
        figure = _figures(name)[section, measured]
        value = figure["median"]
        shown = f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
        lines.append(f"| {section} | {meaning} | {shown} {figure['unit']} |")
    return "\n".join(lines)


def _figures(name: str) -> dict[tuple[str, str], dict[str, Any]]:
    read = json.loads((ROOT / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
    return {
        (section["title"], figure["name"]): figure
        for section in read["sections"]
        for figure in section["figures"]
    }


def check_sections() -> str:
    """Return a section a family and an entry a check, as `tdsp check --explain` says it."""
    lines: list[str] = []
    read = evidence.first_sight()
    for family, title in FAMILIES.items():
        lines += [f"## {title}", ""]
        for check in sorted(CHECKS.values(), key=lambda each: each.id):
            if check.family != family:
                continue
            proves = f" Proves {proven}." if (proven := items(check)) else ""
            unless, said = check.unless or "never: it always applies", when(check.id)
            lines += [
                f"### {check.id}: {check.title}",
                "",
                f"{check.why} *{check.severity.capitalize()}.*{proves}",
                "",
                f"* What to do: {check.fix}",
                f"* Does not apply: {unless}.",
                *([f"* Asked of people: a project of tdsp answers {said}."] if said else []),
                f"* How often it is right: {_measured(check, read)}.",
                "",
            ]
    return "\n".join(lines).rstrip()


def _measured(check: Check, read: evidence.Standings) -> str:
    """Return how many findings were right as they were first seen, by their severity then."""
    parts = [
        f"{standing.right} of {standing.all} {severity}s"
        for severity in ("error", "warning", "note")
        if (standing := read.get((check.id, severity)))
    ]
    return f"at first sight {', '.join(parts)} were right" if parts else "no finding was read"


def answers_table() -> str:
    """Return one row a check that an answer leaves out."""
    lines = ["| check | answer | what people are asked |", "| --- | --- | --- |"]
    for check, left in sorted(LEFT_OUT.items()):
        lines.append(f"| {check}: {CHECKS[check].title} | {when(check)} | {left.ask} |")
    return "\n".join(lines)


def precision_table() -> str:
    """Return the figures of the labels, by severity."""
    return precision.table(precision.labels())


def evidence_table() -> str:
    """Return what all readings say of errors and warnings at first sight."""
    return evidence.table(evidence.findings(), {c.id: c.severity for c in CHECKS.values()})


FILLED: dict[str, Callable[[], str]] = {
    "patterns": pattern_table,
    "answers": answers_table,
    "limits": limit_table,
    "checks": check_sections,
    "precision": precision_table,
    "readings": readings.summary,
    "held": held.summary,
    "fourth": lambda: held.later("fourth"),
    "fifth": lambda: held.later("fifth"),
    "sixth": lambda: held.later("sixth"),
    "seventh": lambda: held.later("seventh"),
    "wide": lambda: held.later("wide"),
    "eighth": lambda: held.later("eighth"),
    "ninth-a-l": lambda: held.later("ninth a-l"),
    "ninth-m-z": lambda: held.later("ninth m-z"),
    "tenth": lambda: held.later("tenth"),
    "evidence": evidence_table,
}


def measured() -> str:
    """Return what first sight says of each check and severity, for the package."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    classes = {check.id: check.severity for check in CHECKS.values()}
    for (check, severity), told in evidence.pooled(evidence.first_sight(), classes).items():
        low = round(told.interval[0], 3)
        found.setdefault(check, {})[severity] = {"right": told.right, "read": told.all, "low": low}
    lines = [f"  {json.dumps(check)}: {json.dumps(found[check])}" for check in sorted(found)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def stale() -> dict[Path, str]:
    """Return file -> text as it should be, for each page that is not so, and what is packed."""
    blocks = {name: make() for name, make in FILLED.items()}
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    pages = {path: new for path, text in texts.items() if (new := fill(text, blocks)) != text}
    packed = measured()
    if not MEASURED.exists() or MEASURED.read_text(encoding="utf-8") != packed:
        pages[MEASURED] = packed
    return pages


def main() -> None:
    """Write the pages, or with --check exit 1 when one is stale."""
    pages = stale()
    if "--check" in sys.argv:
        names = ", ".join(path.relative_to(ROOT).as_posix() for path in pages)
        sys.exit(f"error: stale: {names}; run `make sync`" if pages else 0)
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
