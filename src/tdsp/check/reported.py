"""The shape of `tdsp check --format json`, from which its JSON schema is made."""

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["error", "warning", "note", "info"]
Outcome = Literal["fail", "unknown", "pass", "not applicable"]
State = Literal["proven", "open", "not judged", "said", "ask people"]


class Closed(BaseModel):
    """An object that has no other keys than those that are named."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Place(Closed):
    """A place that was judged; one that breaks a rule has a severity and a fingerprint.

    Its confidence is the share of such findings that is right at least, null where nobody has
    read one: the lower end of a 95 % interval.
    """

    path: str
    line: int
    text: str
    message: str
    severity: Severity | None = None
    confidence: float | None = None
    fingerprint: str | None = None


class Result(Closed):
    """What one check says, and at which places."""

    id: str
    family: str
    title: str
    outcome: Outcome
    severity: Severity | None
    reason: str | None
    why: str
    fix: str
    proves: list[str]
    places: list[Place]
    ignored: list[Place]


class NotRead(Closed):
    """A file that was not read, so not judged."""

    path: str
    reason: str


class Microsoft(Closed):
    """The level of each area, and what is missing for the next."""

    level: int
    areas: dict[str, int]
    missing: dict[str, list[str]]
    not_on_record: dict[str, str]


class Google(Closed):
    """The level, and what is missing for the next."""

    level: int
    missing: list[str]
    not_on_record: str | None


class MLTestScore(Closed):
    """The lowest of the sections, the points of each, and the state of each item."""

    score: int
    sections: dict[str, int]
    items: dict[str, State]


class Said(Closed):
    """What people answered, and where it stands."""

    question: str
    area: str
    score: float
    path: str
    line: int


class Maturity(Closed):
    """All scales."""

    microsoft: Microsoft
    google: Google
    ml_test_score: MLTestScore
    principles: dict[str, State]
    said: list[Said]


class Report(Closed):
    """All that `tdsp check --format json` writes. `maturity` needs all checks and all files."""

    tdsp: str
    commit: str
    files: int
    findings: dict[Severity, int]
    results: list[Result]
    not_read: list[NotRead]
    maturity: Maturity | None = None


def schema() -> str:
    """Return the JSON schema of a report."""
    return json.dumps(Report.model_json_schema(), indent=2)
