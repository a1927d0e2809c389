"""What a run of `tdsp fleet status` found: one row for each repository, as plain data.

Whatever was not reported or could not be judged is None or empty, never 0.
"""

from dataclasses import dataclass

FORMAT = 1
KINDS = ("tdsp", "other template", "none", "generative", "not ml")
STATES = ("ok", "failed")
ASSETS = ("data set", "model", "package", "pattern")


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that breaks a rule."""

    check: str
    severity: str
    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Model:
    """The last model that git knows of: from `dvc.lock`, reports and MLflow files."""

    name: str
    version: str
    alias: str
    trained: str
    figures: dict[str, float]
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a running service reports of itself in `telemetry.json`. Shares from 0 to 1."""

    source: str
    time: str
    availability: float | None = None
    error_rate: float | None = None
    p95_ms: float | None = None
    predictions_a_day: float | None = None
    drift: str | None = None
    quota_used: float | None = None
    cost_this_month: float | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Figures from the audit trail: commit to champion in hours, promotions in 30 days."""

    lead_time_hours: float | None
    promotions: int
    rolled_back: float | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A file that both sides changed: what each has in it, and who edited it last."""

    path: str
    why: str
    ours: str = ""
    theirs: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """What the last update left to do: a branch without a request, a conflict, a failure.

    `to` is the release or the answers that it brings.
    """

    state: str
    to: str
    branch: str = ""
    reason: str = ""
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Asset:
    """Something that another project may use: a data set, model, package or pattern."""

    kind: str
    name: str
    description: str
    path: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One repository. Days are ISO dates; `state` failed means that `reason` is all there is.

    `release` is the tag of the last release that git knows of.
    """

    name: str
    source: str
    group: str
    owners: tuple[str, ...]
    state: str
    reason: str = ""
    kind: str = "none"
    commit: str = ""
    committed: str = ""
    level: str = ""
    template: str = ""
    template_version: str = ""
    days_behind: int | None = None
    current: bool | None = None
    drift: tuple[str, ...] | None = None
    verdict: str = ""
    errors: int = 0
    warnings: int = 0
    notes: int = 0
    findings: tuple[Finding, ...] = ()
    maturity: dict[str, int] | None = None
    score: dict[str, int] | None = None
    expired: tuple[str, ...] = ()
    placeholders: int = 0
    model: Model | None = None
    telemetry: Telemetry | None = None
    delivery: Delivery | None = None
    wave: str = ""
    request: str = ""
    excepted: tuple[str, ...] = ()
    answers: dict[str, str] | None = None
    assets: tuple[Asset, ...] = ()
    last_run: str = ""
    last_release: str = ""
    release: str = ""
    pending: Pending | None = None

    @property
    def shown(self) -> tuple[Finding, ...]:
        """Return the findings to show: an info counts only for a policy that names its check."""
        return tuple(each for each in self.findings if each.severity != "info")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows of one run. `taken` is a time in UTC; `tdsp` is the version that read them.

    `problems` are lists that could not be had. `shard` of `shards` is 0 of 0 for a whole run;
    `fleet` is a digest of the fleet's file, `title` its name.
    """

    taken: str
    tdsp: str
    rows: tuple[Row, ...]
    release: str = ""
    released: str = ""
    problems: tuple[str, ...] = ()
    shard: int = 0
    shards: int = 0
    fleet: str = ""
    title: str = ""
