"""What one file says about another: exact copies, and versions that only names tell apart."""

import posixpath

from tdsp.adopt import names
from tdsp.adopt.facts import Fact, Facts
from tdsp.adopt.judged import Judged
from tdsp.reading.repository import Repository


def copies(repo: Repository, facts: Facts, judged: dict[str, Judged]) -> None:
    """Ask about exact copies that nobody uses, if another of them is used: they stay until then."""
    groups: dict[str, list[str]] = {}
    for path, file in repo.files.items():
        if posixpath.basename(path) == "__init__.py" or facts.files[path].content == "python 2":
            continue  # each makes a package of its folder; who imports Python 2 is not known
        if file.size > 20 and judged[path].kind in {
            "code",
            "script",
            "notebook",
            "raw data",
            "derived data",
        }:
            groups.setdefault(file.blob, []).append(path)
    for group in groups.values():
        if len(group) < 2 or any(names.GONE.search(p) for p in group):
            continue
        used = [path for path in group if _is_used(facts.files[path])]
        best = min(used or group, key=lambda path: (path.count("/"), len(path), path))
        for path in group:
            if path == best or judged[path].place in {"stay", "with code"} or path in used:
                continue
            why = ("an exact copy", f"of {best}")
            judged[path] = Judged(judged[path].kind, "stay", 0.65, why, "exact copies", "archive")


def _is_used(fact: Fact) -> bool:
    return bool(fact.importers or fact.readers or fact.namers or "runs it" in fact.run)


def _newness(path: str) -> tuple[int, str]:
    """Order versions by what names say: `fit_old` is older than `fit`, and `fit_v2` is newer."""
    base = names.stem(path)[0]
    marked = names.VERSION.match(base) is not None
    return (0 if names.OLDER.search(base) else 2 if marked else 1, base.lower())


def versions(facts: Facts, judged: dict[str, Judged]) -> None:
    """Ask about old versions: files whose names differ by V2, _final, copy or old."""
    chains: dict[tuple[str, str], list[str]] = {}
    for path, each in judged.items():
        if facts.files[path].content in {"image", "media"}:
            continue  # their numbers count them
        if each.kind in {"code", "script", "notebook", "raw data", "derived data", "model"}:
            base, suffix = names.stem(path)
            match = names.VERSION.match(base)
            root = (match["base"] if match else base).strip(" _-.").lower()
            chains.setdefault((posixpath.dirname(path), root + suffix), []).append(path)
    for group in chains.values():
        marked = [p for p in group if names.VERSION.match(names.stem(p)[0])]
        if len(group) < 2 or not marked:
            continue
        used = [path for path in group if _is_used(facts.files[path])]
        kept = used[0] if len(used) == 1 else max(used or group, key=_newness)
        for path in group:
            if path == kept or path in used or judged[path].place == "stay":
                continue
            why = ("its name is one of several versions", f"{kept} is used or newer")
            judged[path] = Judged(judged[path].kind, "stay", 0.65, why, "old versions", "archive")
