"""How mature a repository is, worked out from what the checks prove.

Three scales: Microsoft's MLOps maturity model (0 to 4, by area), Google's levels of automation (0
to 2), and the ML Test Score (four sections of seven items; the score is the lowest). A step counts
only when its checks pass. Where there was nothing to judge, it is not judged, which is no pass.
"""

from dataclasses import dataclass

from tdsp.check.rule import Check
from tdsp.check.run import Report, Result

Levels = dict[int, tuple[str, ...]]
# https://learn.microsoft.com/azure/architecture/ai-ml/guide/mlops-maturity-model
MICROSOFT: dict[str, Levels] = {
    "Model creation": {
        1: ("TR15",),
        2: ("TR01", "DA02", "EV03", "SC02"),
        3: ("CI07", "EV05"),
        4: ("MN05", "MN03"),
    },
    "Model release": {
        1: ("CI02",),
        2: ("CI01", "EV05"),
        3: ("CI08", "CI10"),
        4: ("MN02", "MN03"),
    },
    "Application integration": {
        1: ("CI02",),
        2: ("CI01", "CI03"),
        3: ("MO08", "SE01", "SE04"),
        4: ("MN01", "MN02"),
    },
}
# https://cloud.google.com/architecture/mlops-continuous-delivery-and-automation-pipelines-in-machine-learning
GOOGLE: Levels = {
    1: ("TR15", "CI07", "DA02", "DA05", "DA06", "EV05", "MN05"),
    2: ("CI01", "CI02", "CI03", "CI08", "MN02", "MN03"),
}
SECTIONS = {"D": "Data", "M": "Model", "I": "Infrastructure", "O": "Monitoring"}
# Breck et al., The ML Test Score (2017).
ITEMS = {
    "D1": "a schema holds what is expected of each feature",
    "D2": "every feature helps",
    "D3": "no feature costs too much",
    "D4": "features keep the rules of the organisation",
    "D5": "the pipeline protects personal data",
    "D6": "a new feature is quickly added",
    "D7": "the code of the features is tested",
    "M1": "changes of the model are reviewed",
    "M2": "offline figures follow online results",
    "M3": "hyper-parameters are tuned",
    "M4": "the effect of a stale model is known",
    "M5": "a simpler model is not better",
    "M6": "the model is good on each important slice",
    "M7": "the model treats groups fairly",
    "I1": "training can be repeated",
    "I2": "the code of the model is tested",
    "I3": "the whole pipeline is tested",
    "I4": "quality is checked before serving",
    "I5": "one example can be followed step by step",
    "I6": "a new model answers a few before it answers all",
    "I7": "a model can be taken back",
    "O1": "changes of what it depends on are noticed",
    "O2": "inputs keep what training relied on",
    "O3": "training and serving compute the same",
    "O4": "the model is not too old",
    "O5": "answers are numbers that make sense",
    "O6": "speed and memory do not get worse",
    "O7": "the quality of answers is watched",
}
PRINCIPLES = {
    "P1": "code, data and outputs are versioned",
    "P2": "several environments",
    "P3": "infrastructure and configuration as code",
    "P4": "experiments are tracked",
    "P5": "code, data and models are tested",
    "P6": "continuous integration, delivery and training",
    "P7": "models are monitored",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a scale: proven, open, or not judged, with the results that say so."""

    name: str
    state: str
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """One scale: the level reached, the steps, and what is missing for the next level."""

    name: str
    level: int
    top: int
    steps: tuple[Step, ...]
    missing: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Maturity:
    """All scales of one repository."""

    areas: tuple[Scale, ...]
    google: Scale
    sections: dict[str, tuple[Step, ...]]
    principles: tuple[Step, ...]

    @property
    def level(self) -> int:
        """Return Microsoft's level: the lowest of its areas, people left out."""
        return min(area.level for area in self.areas)

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
    areas = tuple(_scale(name, levels, by_id) for name, levels in MICROSOFT.items())
    sections = {
        title: tuple(
            _step(f"{item}: {what}", _proving(item, by_id))
            for item, what in ITEMS.items()
            if item[0] == key
        )
        for key, title in SECTIONS.items()
    }
    principles = tuple(
        _step(f"{key}: {what}", _proving(key, by_id)) for key, what in PRINCIPLES.items()
    )
    return Maturity(areas, _scale("Google", GOOGLE, by_id), sections, principles)


def _proving(item: str, by_id: dict[str, Result]) -> list[Result]:
    return [each for each in by_id.values() if item in each.check.proves]


def _scale(name: str, levels: Levels, by_id: dict[str, Result]) -> Scale:
    steps, level = [], 0
    missing: tuple[Result, ...] = ()
    for number, names in levels.items():
        results = [by_id[each] for each in names if each in by_id]
        lacking = tuple(each for each in results if each.outcome != "pass")
        judged = [each for each in lacking if each.outcome != "not applicable"]
        state = "proven" if not lacking else "open" if judged else "not judged"
        steps.append(Step(f"level {number}", state, tuple(results)))
        if state == "proven" and level == number - 1:
            level = number
        elif level == number - 1 and not missing:
            missing = lacking
    return Scale(name, level, max(levels), tuple(steps), missing)


def _step(name: str, results: list[Result]) -> Step:
    """An item is proven when a check that shows it passes, and none that applies does not."""
    applying = [each for each in results if each.outcome != "not applicable"]
    if not results:
        return Step(name, "ask people", ())
    if not applying:
        return Step(name, "not judged", tuple(results))
    proven = all(each.outcome == "pass" for each in applying)
    return Step(name, "proven" if proven else "open", tuple(applying))


def items(check: Check) -> str:
    """Return what a check proves, in words, for its page."""
    known = {**ITEMS, **PRINCIPLES}
    return "; ".join(f"{each}: {known[each]}" for each in check.proves if each in known)
