"""The organisation file: answers that a factory sets for its projects, and those that it locks."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tdsp import plain
from tdsp.errors import TdspError

KEYS = {"answers", "locked", "template", "ref"}


@dataclass(frozen=True)
class Organisation:
    """What `factory.yml` says. `template` and `ref` name another source than the bundled one."""

    answers: dict[str, Any] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    template: str | None = None
    ref: str | None = None


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML mapping. Raises TdspError for anything else."""
    try:
        content = plain.load(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise TdspError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TdspError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise TdspError(f"{path} must hold `question: answer` lines")
    return content


def read_organisation(path: Path, questions: set[str]) -> Organisation:
    """Read the file and check it against the template's questions."""
    content = read_mapping(path)
    answers, locked = content.get("answers") or {}, content.get("locked") or []
    if set(content) - KEYS:
        raise TdspError(
            f"{path}: unknown keys {_listed(set(content) - KEYS)}; known: {_listed(KEYS)}"
        )
    if not isinstance(answers, dict) or not isinstance(locked, list):
        raise TdspError(f"{path}: `answers` must be a mapping and `locked` a list of its keys")
    for name in ("template", "ref"):
        if not isinstance(content.get(name, ""), str):
            raise TdspError(f"{path}: `{name}` must be a text, not {content[name]!r}")
    if odd := [name for name in locked if not isinstance(name, str)]:
        raise TdspError(f"{path}: `locked` must be a list of questions; {odd[0]!r} is none")
    check_questions(answers, questions, path)
    if missing := set(locked) - set(answers):
        raise TdspError(f"{path}: locked without an answer: {_listed(missing)}")
    return Organisation(answers, frozenset(locked), content.get("template"), content.get("ref"))


def check_questions(answers: dict[str, Any], questions: set[str], origin: object) -> None:
    """Raise TdspError for an answer to a question that nobody asks."""
    if unknown := set(answers) - questions:
        raise TdspError(
            f"{origin}: no such question: {_listed(unknown)}; asked are {_listed(questions)}"
        )


def merged(given: dict[str, Any], organisation: Organisation) -> dict[str, Any]:
    """Add the locked answers to the user's own. Raises TdspError where the two differ."""
    for name in sorted(organisation.locked & set(given)):
        if given[name] != organisation.answers[name]:
            raise TdspError(
                f"{name} is locked to {organisation.answers[name]!r} by the organisation file;"
                f" {given[name]!r} is not possible"
            )
    return given | {name: organisation.answers[name] for name in organisation.locked}


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(map(str, names)))
