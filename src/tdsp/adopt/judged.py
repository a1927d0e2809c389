"""The judgement on one file."""

from dataclasses import dataclass

FOLDER = "folder "  # before the name of a folder that stays: one offer about all that is in it
MOVE = "move of "  # the same, about a folder that is proposed to move


@dataclass(frozen=True, slots=True)
class Judged:
    """A file's kind; `place` is where files of its kind go; `ask` names the question, if any.

    `instead` is the place that a question offers beside the one that it proposes.
    """

    kind: str
    place: str
    confidence: float
    why: tuple[str, ...]
    ask: str = ""
    instead: str = ""


def stays(kind: str, *why: str, sure: float = 0.97) -> Judged:
    """Return the judgement on a file that keeps its place."""
    return Judged(kind, "stay", sure, why)
