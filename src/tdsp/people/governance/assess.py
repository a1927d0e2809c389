"""How far is this project? The forms maturity.yaml and readiness.yaml of docs/governance, scored.

An answer is a score, `measured` (the best score whose evidence holds) or `[open: …]`, which counts
as 0. The score of an answer is the highest level that it allows, so a level is the lowest score.
A score that the evidence contradicts is an error. Pages are written beside the forms.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import Field

from tdsp.errors import TdspError
from tdsp.ladder import ASKED
from tdsp.people.documents import is_open
from tdsp.people.governance.evidence import Evidence
from tdsp.people.project import Project
from tdsp.people.sources import Key, Line, Part, Text, head, read, row, unique, write

FOLDER = "docs/governance"
FORMS = ("maturity", "readiness")
WIDTH = 20  # of a bar


class Level(Part):
    """A level of a form, and what it stands for."""

    name: Line
    means: Line


class Question(Part):
    """A question as it stands in a form."""

    id: Key
    ask: Line
    answers: dict[int, Text]
    answer: Any
    evidence: dict[int, dict[str, Any]] | None = None


class _Area(Part):
    area: Line
    questions: Annotated[list[Question], Field(min_length=1)]


class _OtherLevel(Part):
    name: Line
    needs: dict[Key, int]


class Other(Part):
    """Another model of maturity: which scores each of its levels needs."""

    model: Line
    levels: Annotated[list[_OtherLevel], Field(min_length=1)]


class _Form(Part):
    title: Line
    levels: Annotated[list[Level], Field(min_length=2)]
    areas: Annotated[list[_Area], Field(min_length=1)]
    compare: list[Other] = []
    test_score: dict[str, Any] = {}


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
    levels: list[Level]
    areas: dict[str, list[Answer]]
    others: list[Other]
    points: dict[str, float | None]  # of the ML Test Score, None for an open answer

    @property
    def all(self) -> list[Answer]:
        """The answers of all areas."""
        return [answer for answers in self.areas.values() for answer in answers]

    @property
    def level(self) -> int:
        """The level that every answer allows."""
        return min(answer.score for answer in self.all)


def load(project: Project, name: str) -> Form:
    """Return a form, scored. Raises TdspError, naming the place, for what is not valid."""
    path = f"{FOLDER}/{name}.yaml"
    content = read(project, path, _Form)
    proof, top = Evidence(project), len(content.levels) - 1
    areas = {
        area.area: [_scored(proof, each, f"{path}, {area.area}", top) for each in area.questions]
        for area in content.areas
    }
    points = {item: _points(item, given, path) for item, given in content.test_score.items()}
    form = Form(name, content.title, content.levels, areas, content.compare, points)
    ids = [answer.id for answer in form.all]
    unique(ids, path)
    for other in form.others:
        if unknown := {key for level in other.levels for key in level.needs} - {*ids}:
            raise TdspError(f"{path}, compare: no such question: {', '.join(sorted(unknown))}")
    return form


def _points(item: str, given: Any, path: str) -> float | None:
    """Return the points that people give an item that no file shows, None while it is open."""
    where = f"{path}, test_score, {item}"
    if item not in ASKED:
        raise TdspError(f"{where}: is none of {', '.join(ASKED)}")
    if is_open(given):
        return None
    if type(given) not in (int, float) or given not in (0, 0.5, 1):
        raise TdspError(f"{where}: the answer {given!r} is none of 0, 0.5 and 1")
    return float(given)


def _scored(proof: Evidence, question: Question, where: str, top: int) -> Answer:
    """Return an answer with the score that counts."""
    where, answers, given = f"{where}, {question.id}", question.answers, question.answer
    proofs = question.evidence or {}
    _check_question(question, where, top)
    if is_open(given):
        return Answer(question.id, question.ask, answers, 0, "open", "", "")
    best, lacking, do = 0, "", ""
    for score in sorted(proofs):
        if given != "measured" and score > given:
            break
        checks = {kind: what for kind, what in proofs[score].items() if kind != "do"}
        if wrong := proof.wrong(checks, where):
            lacking, do = "; ".join(wrong), str(proofs[score].get("do", ""))
            break
        best = score
    if given != "measured" and lacking:
        raise TdspError(f"{where}: the answer is {given}, but {lacking}; {best} is proven")
    how, score = ("measured", best) if given == "measured" else ("stated", given)
    return Answer(question.id, question.ask, answers, score, how, lacking, do)


def _check_question(question: Question, where: str, top: int) -> None:
    """Raise TdspError for what the form alone shows to be wrong in a question."""
    answers, given, proofs = question.answers, question.answer, question.evidence or {}
    if not {0, top} <= answers.keys() <= {*range(top + 1)}:
        raise TdspError(f"{where}: answers have scores from 0 to {top}, both included")
    if wrong := [score for score in proofs if score not in answers or score == 0]:
        raise TdspError(f"{where}: evidence for {wrong[0]}, which is the score of no answer")
    if is_open(given):
        return
    if given != "measured" and (type(given) is not int or given not in answers):
        known = ", ".join(map(str, answers))
        raise TdspError(f"{where}: the answer {given!r} is none of {known} or `measured`")
    if given == "measured" and not proofs:
        raise TdspError(f"{where}: nothing to measure: give a score from {min(answers)}")


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
    lines = [f"Level {form.level} of {len(form.levels) - 1}, {level.name}: {level.means}"]
    if open_ones:
        lines.append(f"{open_ones} of {len(form.all)} questions are open and count as 0.")
    scores = {answer.id: answer.score for answer in form.all}
    for other in form.others:
        reached = [
            each.name
            for each in other.levels
            if all(scores[key] >= least for key, least in each.needs.items())
        ]
        lines.append(f"By the model of {other.model}: {reached[-1] if reached else 'no level'}.")
    if form.points:
        known = [each for each in form.points.values() if each is not None]
        left = len(form.points) - len(known)
        said = f"{sum(known):g} of {len(form.points)} points that no file shows"
        lines.append(f"ML Test Score: people give {said}{f'; {left} are open' if left else ''}.")
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
    lines = [f"# {form.title}", "", f"`tdsp assess` writes this page from `{form.name}.yaml`.", ""]
    lines += [line for text in summary(form) for line in (text, "")]
    lines += [*head("area", "level", "mean score", ""), *(row(*area) for area in areas(form))]
    for name, found in form.areas.items():
        lines += ["", f"## {name}", "", *head("question", "answer", "score")]
        lines += [
            row(a.ask, "open" if a.how == "open" else a.answers[a.score], f"{a.score}, {a.how}")
            for a in found
        ]
    lines += ["", "## Levels", "", *head("level", "name", "means")]
    return lines + [row(n, level.name, level.means) for n, level in enumerate(form.levels)]


def run(project: Project, names: list[str]) -> None:
    """Score the forms, print them, write their pages."""
    if unknown := [name for name in names if name not in FORMS]:
        raise TdspError(f"there is no form {unknown[0]}; there are {', '.join(FORMS)}")
    for name in names or FORMS:
        form = load(project, name)
        typer.echo(form.title)
        for area, level, score, drawn in areas(form):
            typer.echo(f"  {area:24} level {level}  {drawn}  {score}")
        typer.echo("\n".join(f"  {line}" for line in summary(form)))
        path = f"{FOLDER}/{name}.md"
        write(project.root / path, "\n".join(page(form)) + "\n")
        typer.echo(f"  Page: {path}\n")
