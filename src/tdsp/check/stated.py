"""What a project's answers decide: a rule that they leave out on purpose is asked of people.

An answer is no proof. It turns a finding into *cannot be told*, with the answer as its place, and
never into a pass. It counts only beside the pipeline that the answers make: a file of answers that
somebody adds to another repository changes nothing.
"""

from dataclasses import dataclass

from tdsp.check.kind import kind
from tdsp.check.rule import Mark, at
from tdsp.reading import Repository

PIPELINE = ("params.yaml", "dvc.yaml", "src/{}/steps/gate.py")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The answers of which one is enough to leave a rule out, and what people are asked."""

    answers: tuple[tuple[str, str | bool], ...]
    ask: str


LEFT_OUT = {
    "CI01": LeftOut((("ci", "none"),), "ask who runs the tests on a change"),
    "EV08": LeftOut(
        (("level", "train"), ("responsible_ai", False)),
        "ask on which groups of rows the model has to be good",
    ),
}


def asked(repo: Repository, check: str, marks: list[Mark]) -> list[Mark]:
    """Return the marks of a check, with one open question in place of what an answer leaves out."""
    left = LEFT_OUT.get(check)
    if left is None or not any(mark.kind == "fail" for mark in marks):
        return marks
    path, given = repo.answers
    for name, value in left.answers:
        if given.get(name) == value and _made(repo):
            message = f"the answer {_yaml(name, value)} leaves it out: {left.ask}"
            question = at(repo, "unknown", path, repo.yaml[path][0].line(name), message)
            return [*(mark for mark in marks if mark.kind != "fail"), question]
    return marks


def when(check: str) -> str:
    """Return which answers make a question of a check's findings, "" when none does."""
    left = LEFT_OUT.get(check)
    return " or ".join(f"`{_yaml(*each)}`" for each in left.answers) if left else ""


def _made(repo: Repository) -> bool:
    """Tell whether the pipeline that the answers make stands beside them."""
    package = repo.answers[1].get("package_name")
    return kind(repo) == "tdsp" and all(each.format(package) in repo.files for each in PIPELINE)


def _yaml(name: str, value: str | bool) -> str:
    return f"{name}: {str(value).lower()}"
