"""Edits that keep imports and paths true after files have moved, from bytes to bytes.

What cannot be determined is a note and never an edit.
"""

from collections.abc import Callable, Mapping

from tdsp.adopt.plan import Edit, Note
from tdsp.reading import Repository

__all__ = ["edits_for"]


def edits_for(
    repo: Repository,
    contents: Callable[[str], bytes],
    moves: Mapping[str, str],
    package: str,
    runs: Mapping[str, str],
    fixes: frozenset[str] = frozenset(),
) -> tuple[dict[str, tuple[Edit, ...]], tuple[Note, ...]]:
    """Return the edits of each file by its path of today, and the places that a person looks at.

    `moves` maps old paths to new ones, for all files that move. `runs` maps a script to the folder
    that it is run from today, "" for the root. After the move a script that moves is run from the
    root, one that stays from where it was, and the code in src/`package`/ is installed. `fixes` may
    be "absolute": absolute paths of files that are here become relative; and "hacks": changes of
    sys.path that are needless go.
    """
    from tdsp.adopt.rewrite.work import Rewriter

    return Rewriter(repo, contents, moves, package, runs, fixes).run()
