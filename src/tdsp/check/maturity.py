"""How mature a repository is, worked out from what the checks prove.

Three scales: Microsoft's MLOps maturity model (0 to 4, by area), Google's levels of automation (0
to 2), and the ML Test Score (four sections of seven items; the score is the lowest). A step counts
only when its checks pass. Where there was nothing to judge, it is not judged, which is no pass.
What is reached by a deed, such as a deployment, needs a record of it too: without one, people are
asked.
What people answered in the form of `tdsp assess` stands beside it, and never counts as proven.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tdsp.check.kind import kind
from tdsp.check.records import Place, records
from tdsp.check.rule import Check
from tdsp.check.run import Report, Result
from tdsp.ladder import (
    AREAS,
    ASKED,
    BRINGS,
    FORM,
    GOOGLE,
    GOOGLE_RECORDS,
    IN_USE,
    ITEMS,
    PRINCIPLES,
    RECORDS,
    SECTIONS,
    Levels,
)
from tdsp.reading import Repository

MICROSOFT: dict[str, Levels] = {name: area.checks for name, area in AREAS.items() if area.checks}


@dataclass(frozen=True, slots=True)
class Said:
    """What people answered to one question of the form, and where it stands. It is no proof."""

    question: str
    area: str
    score: float
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a scale: proven, open, not judged, said or ask people, with what shows it.

    `record` is the place that shows that it was done, `lacks` what would show it.
    """

    name: str
    state: str
    results: tuple[Result, ...]
    said: Said | None = None
    record: Place | None = None
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """One scale: the level reached, the steps, and what is missing for the next level.

    `lacks` is what has to be on record for it, "" when nothing or only checks are missing.
    """

    name: str
    level: int
    top: int
    steps: tuple[Step, ...]
    missing: tuple[Result, ...]
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Maturity:
    """All scales of one repository."""

    areas: tuple[Scale, ...]
    google: Scale
    sections: dict[str, tuple[Step, ...]]
    principles: tuple[Step, ...]
    said: tuple[Said, ...] = ()
    grows_to: str = ""

    @property
    def level(self) -> int:
        """Return Microsoft's level: the lowest of its areas, people left out."""
        return min(area.level for area in self.areas)

    @property
    def lacking(self) -> tuple[Result, ...]:
        """Return the checks that the lowest areas lack for the next level."""
        lowest = [area for area in self.areas if area.level == self.level]
        return tuple({each.check.id: each for area in lowest for each in area.missing}.values())

    @property
    def deeds(self) -> tuple[str, ...]:
        """Return what is not on record in the lowest areas, where only that is missing."""
        lowest = [area for area in self.areas if area.level == self.level]
        return tuple(dict.fromkeys(e.lacks for e in lowest if e.lacks and not e.missing))

    def said_of(self, area: str) -> int | None:
        """Return the level that all answers of an area allow, None while one is missing."""
        scores = {each.question: each.score for each in self.said if each.area == area}
        whole = scores.keys() >= {*AREAS[area].questions}
        return int(min(scores.values())) if scores and whole else None

    def said_points(self, section: str) -> float:
        """Return the points of a section that people claim, for items that nothing proves."""
        return sum(step.said.score for step in self.sections[section] if step.said is not None)

    def points(self, section: str) -> int:
        """Return the points of a section: one for each item that is proven."""
        return sum(step.state == "proven" for step in self.sections[section])

    @property
    def score(self) -> int:
        """Return the ML Test Score: the lowest of its sections."""
        return min(self.points(section) for section in self.sections)


def maturity(report: Report) -> Maturity:
    """Work out all scales from the results of all checks."""
    by_id = {each.check.id: each for each in report.results}
    said = tuple(answers(report.repository))
    claims = {each.question: each for each in said}
    done = records(report.repository)
    areas = tuple(
        scaled(name, area.checks, by_id, area.records, done)
        for name, area in AREAS.items()
        if area.checks
    )
    sections = {
        title: tuple(
            kept(item, step(f"{item}: {what}", _proving(item, by_id), claims.get(item)), done)
            for item, what in ITEMS.items()
            if item[0] == key
        )
        for key, title in SECTIONS.items()
    }
    principles = tuple(
        kept(key, step(f"{key}: {what}", _proving(key, by_id)), done)
        for key, what in PRINCIPLES.items()
    )
    google = scaled("Google", GOOGLE, by_id, GOOGLE_RECORDS, done)
    return Maturity(areas, google, sections, principles, said, _next(report))


def kept(key: str, found: Step, done: dict[str, Place]) -> Step:
    """Return the step of an item. One that a model in use keeps is asked when none is on record."""
    deed = IN_USE.get(key)
    if deed is None or found.state != "proven":
        return found
    if deed in done:
        return replace(found, record=done[deed])
    return replace(found, state="ask people", lacks=RECORDS[deed])


def _next(report: Report) -> str:
    """Return the next level of a project that tdsp made, "" for another or the last one."""
    level = report.repository.answers[1].get("level")
    levels = ["train", *BRINGS]
    known = kind(report.repository) == "tdsp" and level in levels[:-1]
    return levels[levels.index(str(level)) + 1] if known else ""


def _proving(item: str, by_id: dict[str, Result]) -> list[Result]:
    return [each for each in by_id.values() if item in each.check.proves]


def scaled(
    name: str,
    levels: Levels,
    by_id: dict[str, Result],
    needed: dict[int, str],
    done: dict[str, Place],
) -> Scale:
    """Return the level of one scale: its steps in order, up to the first that is not proven."""
    steps, level, stopped = [], 0, False
    missing: tuple[Result, ...] = ()
    for number, names in levels.items():
        results = [by_id[each] for each in names if each in by_id]
        lacking = tuple(each for each in results if each.outcome != "pass")
        judged = [each for each in lacking if each.outcome != "not applicable"]
        state = "proven" if not lacking else "open" if judged else "not judged"
        deed = needed.get(number, "")
        lacks = RECORDS[deed] if deed and deed not in done else ""
        state = "ask people" if state == "proven" and lacks else state
        found = Step(f"level {number}", state, tuple(results), None, done.get(deed), lacks)
        steps.append(found)
        if state == "proven" and level == number - 1:
            level = number
        elif not stopped:
            stopped, missing = True, lacking
    lacks = next((each.lacks for each in steps if each.state != "proven"), "")
    return Scale(name, level, max(levels), tuple(steps), missing, lacks)


def step(name: str, results: list[Result], claim: Said | None = None) -> Step:
    """An item is proven when a check that shows it passes, and none that applies does not."""
    applying = [each for each in results if each.outcome != "not applicable"]
    if applying:
        proven = all(each.outcome == "pass" for each in applying)
        return Step(name, "proven" if proven else "open", tuple(applying))
    if claim is not None:
        return Step(name, "said", tuple(results), claim)
    return Step(name, "not judged" if results else "ask people", tuple(results))


def answers(repo: Repository) -> Iterator[Said]:
    """Yield the answers of the form; open ones and `measured` are none."""
    documents = repo.yaml.get(FORM, ())
    data = documents[0].data if documents else None
    areas = data.get("areas") if isinstance(data, dict) else None
    for number, area in enumerate(areas if isinstance(areas, list) else ()):
        questions = area.get("questions") if isinstance(area, dict) else None
        for place, each in enumerate(questions if isinstance(questions, list) else ()):
            score = each.get("answer") if isinstance(each, dict) else None
            if type(score) is int and 0 <= score < 5:
                line = documents[0].line("areas", number, "questions", place, "answer")
                yield Said(str(each.get("id")), str(area.get("area")), score, FORM, line)
    score = data.get("test_score") if isinstance(data, dict) else None
    for item, given in score.items() if isinstance(score, dict) else ():
        if item in ASKED and type(given) in (int, float) and given in (0, 0.5, 1):
            line = documents[0].line("test_score", item)
            yield Said(str(item), "ML Test Score", float(given), FORM, line)


def items(check: Check) -> str:
    """Return what a check proves, in words, for its page."""
    known = {**ITEMS, **PRINCIPLES}
    return "; ".join(f"{each}: {known[each]}" for each in check.proves if each in known)
