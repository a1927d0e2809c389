"""How far is this project? `poe assess` reads the forms of docs/governance and scores them.

An answer is a score, `measured` (the best score whose evidence holds) or `[open: …]`, which counts
as 0. The score of an answer is the highest level that it allows, so a level is the lowest score.
A score that the evidence contradicts is an error. Pages are written beside the forms.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import evidence
from .sources import (
    FOLDER,
    GovernanceError,
    has,
    head,
    is_open,
    read,
    row,
    told,
    write,
)

FORMS = ("maturity", "readiness")
WIDTH = 20  # of a bar


@dataclass(frozen=True)
class Answer:
    """A question with the score that counts."""

    id: str
    ask: str
    answers: dict[int, str]
    score: int
    how: str  # measured, stated or open
    lacking: str  # what keeps a measured score from being higher
    do: str  # what to do about that


@dataclass(frozen=True)
class Form:
    """A form that has been filled in."""

    name: str
    title: str
    levels: list[dict[str, str]]
    areas: dict[str, list[Answer]]
    others: list[dict[str, Any]]

    @property
    def all(self) -> list[Answer]:
        """The answers of all areas."""
        return [answer for answers in self.areas.values() for answer in answers]

    @property
    def level(self) -> int:
        """The level that every answer allows."""
        return min(answer.score for answer in self.all)


def load(name: str) -> Form:
    """Return a form, scored. Raises GovernanceError, naming the place, for what is not valid."""
    path = FOLDER / f"{name}.yaml"
    content = has(read(path), str(path), "title levels areas", "compare")
    levels = [has(level, f"{path}, levels", "name means") for level in content["levels"]]
    areas = {
        str(area["area"]): [
            _answer(question, f"{path}, {area['area']}", len(levels) - 1)
            for question in has(area, f"{path}, areas", "area questions")["questions"]
        ]
        for area in content["areas"]
    }
    form = Form(name, content["title"], levels, areas, content.get("compare", []))
    ids = [answer.id for answer in form.all]
    if twice := {each for each in ids if ids.count(each) > 1}:
        raise GovernanceError(f"{path} asks more than once: {', '.join(sorted(twice))}")
    for other in form.others:
        if unknown := {key for level in other["levels"] for key in level["needs"]} - {*ids}:
            raise GovernanceError(f"{path}, compare: no such question: {', '.join(unknown)}")
    return form


def _answer(question: Any, where: str, top: int) -> Answer:
    has(question, where, "id ask answers answer", "evidence")
    where, answers = f"{where}, {question['id']}", question["answers"]
    if not isinstance(answers, dict) or not {0, top} <= answers.keys() <= {*range(top + 1)}:
        raise GovernanceError(f"{where}: answers have scores from 0 to {top}, both included")
    proofs, given = question.get("evidence") or {}, question["answer"]
    if wrong := [score for score in proofs if score not in answers or score == 0]:
        raise GovernanceError(f"{where}: evidence for {wrong[0]}, which is the score of no answer")
    if is_open(given):
        return Answer(question["id"], question["ask"], answers, 0, "open", "", "")
    if given != "measured" and (type(given) is not int or given not in answers):
        known = ", ".join(map(str, answers))
        raise GovernanceError(f"{where}: the answer {given!r} is none of {known} or `measured`")
    if given == "measured" and not proofs:
        raise GovernanceError(f"{where}: nothing to measure: give a score from {min(answers)}")
    best, lacking, do = 0, "", ""
    for score in sorted(proofs):
        if given != "measured" and score > given:
            break
        proof = {kind: what for kind, what in proofs[score].items() if kind != "do"}
        if found := evidence.wrong(proof, where):
            lacking, do = "; ".join(found), proofs[score].get("do", "")
            break
        best = score
    if given != "measured" and lacking:
        raise GovernanceError(f"{where}: the answer is {given}, but {lacking}; {best} is proven")
    how, score = ("measured", best) if given == "measured" else ("stated", given)
    return Answer(question["id"], question["ask"], answers, score, how, lacking, do)


def next_step(form: Form) -> str:
    """Name the step that lifts the level: the first of the lowest, in the lowest area."""
    low = min(form.all, key=lambda answer: answer.score).score
    top = len(form.levels) - 1
    if low == top:
        return "none: every answer is the best one"
    areas = sorted(form.areas.values(), key=mean)
    answer = next(a for answers in areas for a in answers if a.score == low)
    if answer.how == "open":
        return f"answer `{answer.id}` in {form.name}.yaml: {answer.ask}"
    higher = min(score for score in answer.answers if score > low)
    why = f" ({answer.lacking}{f': `{answer.do}`' if answer.do else ''})" if answer.lacking else ""
    return f"`{answer.id}`, from {low} to {higher}: {answer.answers[higher]}{why}"


def mean(answers: list[Answer]) -> float:
    """Return the mean score of an area."""
    return sum(answer.score for answer in answers) / len(answers)


def summary(form: Form) -> list[str]:
    """Say level, open answers and the next step."""
    open_ones = sum(answer.how == "open" for answer in form.all)
    level = form.levels[form.level]
    lines = [f"Level {form.level} of {len(form.levels) - 1}, {level['name']}: {level['means']}"]
    if open_ones:
        lines.append(f"{open_ones} of {len(form.all)} questions are open and count as 0.")
    scores = {answer.id: answer.score for answer in form.all}
    for other in form.others:
        reached = [
            each["name"]
            for each in other["levels"]
            if all(scores[key] >= least for key, least in each["needs"].items())
        ]
        lines.append(f"By the model of {other['model']}: {reached[-1]}.")
    return [*lines, f"Next: {next_step(form)}"]


def bar(share: float) -> str:
    """Draw a share of 1."""
    full = round(share * WIDTH)
    return "█" * full + "░" * (WIDTH - full)


def areas(form: Form) -> list[tuple[str, int, str, str]]:
    """Return each area with its level, its mean score and a bar."""
    top = len(form.levels) - 1
    return [
        (name, min(a.score for a in found), f"{mean(found):.1f} of {top}", bar(mean(found) / top))
        for name, found in form.areas.items()
    ]


def page(form: Form) -> list[str]:
    """Return the lines of the page."""
    lines = [f"# {form.title}", "", f"`poe assess` writes this page from `{form.name}.yaml`.", ""]
    lines += [line for told in summary(form) for line in (told, "")]
    lines += [*head("area", "level", "mean score", ""), *(row(*area) for area in areas(form))]
    for name, found in form.areas.items():
        lines += ["", f"## {name}", "", *head("question", "answer", "score")]
        lines += [
            row(a.ask, "open" if a.how == "open" else a.answers[a.score], f"{a.score}, {a.how}")
            for a in found
        ]
    lines += ["", "## Levels", "", *head("level", "name", "means")]
    return lines + [row(n, level["name"], level["means"]) for n, level in enumerate(form.levels)]


def main(words: Iterable[str] | None = None) -> int:
    """Score the forms, print and write them."""
    layout = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("form", nargs="*", default=[*FORMS], help=f"of {', '.join(FORMS)}")
    for name in parser.parse_args(None if words is None else list(words)).form:
        form = load(name)
        print(form.title)
        for area, level, score, drawn in areas(form):
            print(f"  {area:24} level {level}  {drawn}  {score}")
        print("\n".join(f"  {line}" for line in summary(form)))
        write(FOLDER / f"{name}.md", page(form))
        print(f"  Page: {Path(FOLDER, f'{name}.md').as_posix()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(told(main))
