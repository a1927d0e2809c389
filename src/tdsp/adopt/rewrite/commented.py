"""Imports that are commented out, or stand in a text: reported, so that nobody is surprised."""

import re

from tdsp.adopt.plan import Note
from tdsp.adopt.rewrite.resolve import NOWHERE, Doubt, Resolver
from tdsp.adopt.rewrite.source import Parsed

IMPORT = re.compile(
    r"\s*(?:#+\s*)?(?:from\s+([A-Za-z_][\w.]*)\s+import\s+[\w*(]|"
    r"import\s+([A-Za-z_][\w.]*)\s*(?:,.*|as\s+\w+\s*|#.*)?$)"
)


def commented(parsed: Parsed, real: list[tuple[int, int]], resolver: Resolver) -> list[Note]:
    """Return a note for each import of a moved module that does not run.

    `real` are the first and last characters of the imports that do run.
    """
    notes: list[Note] = []
    place = 0
    for line in parsed.source.text.splitlines(keepends=True):
        match = IMPORT.match(line) if "import" in line else None
        start, place = place, place + len(line)
        if not match or any(first < place and start < last for first, last in real):
            continue
        name = match[1] or match[2]
        found = resolver.resolve(parsed.path, name, frozenset())
        if isinstance(found, Doubt) or found == NOWHERE:
            continue
        if resolver.layout.moved(found.path or found.folder):
            text = f"an import of {name}, which moves, is commented out here"
            notes.append(Note(parsed.path, parsed.source.line(start), text))
    return notes
