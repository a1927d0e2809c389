"""Pickles that name a module that moves: read opcode by opcode, never loaded."""

import pickletools
from collections.abc import Iterator

from tdsp.adopt.rewrite.layout import Layout
from tdsp.adopt.rewrite.resolve import NOWHERE, Resolver

SUFFIXES = (".pkl", ".pickle", ".joblib", ".sav", ".dill", ".p")
MOST = 50_000_000


def modules(content: bytes) -> tuple[set[str], bool]:
    """Return the modules that a pickle names, and whether it was read to its end."""
    found: set[str] = set()
    texts: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(content[:MOST]):
            if opcode.name == "GLOBAL":
                found.add(str(argument).split(" ", 1)[0])
            elif opcode.name == "STACK_GLOBAL":
                found.update(texts[-2:-1])
            elif isinstance(argument, str):
                texts.append(argument)
    except Exception:  # pickletools raises whatever the bytes lead it to
        return found, False
    return found, True


def named(content: bytes, layout: Layout, resolver: Resolver) -> Iterator[str]:
    """Yield what is to be said about one pickle."""
    if content[:2] in {b"\x1f\x8b", b"x\x9c", b"BZ"}:
        yield "is compressed and was not read: it may name a module that moves"
        return
    names, whole = modules(content)
    read = "" if whole else " (partly read)"
    for name in sorted(names):
        if name == "__main__":
            yield f"holds something of the script that wrote it (`__main__`){read}"
            continue
        hits = [resolver.find(base, name) for base in ("", "src")]
        path = next((hit.path for hit in hits if hit != NOWHERE and hit.path), "")
        if path and layout.module(path) != name and layout.moved(path):
            new = layout.module(path) or layout.target(path)
            yield f"names the module {name}, which becomes {new}{read}: keep a module of that name"
