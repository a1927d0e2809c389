"""An invented fleet, the same for the same numbers: for the dashboard's benchmark and tests."""

import random
from datetime import date, timedelta

from tdsp.fleet.snapshot import (
    Asset,
    Conflict,
    Delivery,
    Finding,
    Model,
    Pending,
    Row,
    Snapshot,
    Telemetry,
)

START = date(2026, 11, 2)
TEAMS = (
    "claims", "pricing", "fraud", "marketing", "logistics", "energy", "retail", "risk", "service",
    "research", "maintenance", "",
)  # fmt: skip
THINGS = ("churn", "demand", "invoice", "price", "route", "sensor", "ticket", "credit", "yield")
RULES = (
    ("EV05", "error", "src/{}/gate.py", "the gate compares, and neither raises nor exits"),
    ("TR03", "error", "notebooks/train.ipynb", "StandardScaler is fitted on all rows"),
    ("CI03", "error", ".github/workflows/ci.yml", "a failing test does not fail the job"),
    ("SC02", "warning", "requirements.txt", "nothing is locked"),
    ("TR01", "warning", "src/{}/train.py", "train_test_split has no random_state"),
    ("MN02", "warning", "infra/monitor.yaml", "no monitor compares scored rows"),
    ("PR01", "note", "README.md", "no file says who owns this repository"),
    ("CI04", "note", ".github/workflows/ci.yml", "an action is named by a branch"),
)
AREAS = ("Model creation", "Model release", "Application integration")
SECTIONS = ("Data", "Model", "Infrastructure", "Monitoring")
VERSIONS = ("v1.4.0", "v1.3.2", "v1.2.0", "v1.0.1")


def snapshot(number: int, days: int = 12) -> Snapshot:
    """Return a fleet of `number` repositories as it stands `days` after the release."""
    source = random.Random(7)  # noqa: S311
    rows = tuple(_row(source, place, days) for place in range(number))
    taken = f"{START + timedelta(days=days)}T06:00:00Z"
    return Snapshot(taken, "0.1.0", rows, "v1.4.0", START.isoformat())


def _row(source: random.Random, place: int, days: int) -> Row:
    thing, team = source.choice(THINGS), source.choice(TEAMS)
    name = f"{team or 'lab'}/{thing}-{place:05}"
    address = f"https://github.com/example/{team or 'lab'}-{thing}-{place:05}.git"
    owners = (f"@{team}/ml",) if team else ()
    luck = [source.random() for _ in range(12)]
    if luck[0] < 0.02:
        return Row(name, address, team, owners, "failed", "the remote asks for a password")
    kind = source.choices(
        ("tdsp", "none", "other template", "generative", "not ml"), (70, 15, 6, 5, 4)
    )[0]
    ours = kind == "tdsp"
    moved = luck[1] < 0.065 * days
    version = "v1.4.0" if moved else VERSIONS[1 + int(luck[2] * 3)]
    findings = _findings(source, thing, max(0.1, 0.6 - 0.02 * days))
    count = {
        level: sum(each.severity == level for each in findings)
        for level in ("error", "warning", "note")
    }
    return Row(
        name=name,
        source=address,
        group=team,
        owners=owners,
        state="ok",
        kind=kind,
        commit=f"{source.getrandbits(160):040x}",
        committed=(START - timedelta(days=int(luck[3] * 200))).isoformat(),
        level=source.choice(("train", "operate", "govern")) if ours else "",
        template="https://github.com/tdsp-template/tdsp" if ours else "",
        template_version=version if ours else "",
        days_behind=(0 if moved else 60 + int(luck[2] * 300)) if ours else None,
        current=moved if ours else None,
        drift=(("pyproject.toml",) if luck[4] < 0.2 else ()) if ours else None,
        verdict="fails" if count["error"] else "passes",
        errors=count["error"],
        warnings=count["warning"],
        notes=count["note"],
        findings=findings,
        maturity={**{area: source.randrange(5) for area in AREAS}, "Google": source.randrange(3)},
        score={section: source.randrange(8) for section in SECTIONS},
        expired=("ubuntu-20.04",) if luck[5] < 0.08 else (),
        placeholders=int(luck[6] * 12) if ours else 0,
        model=_model(source, thing) if luck[7] < 0.6 else None,
        telemetry=_telemetry(source) if luck[8] < 0.35 else None,
        delivery=Delivery(round(2 + 90 * luck[9], 1), int(luck[10] * 9), round(luck[11] / 5, 2))
        if ours and luck[9] < 0.5
        else None,
        wave=str(1 + place % 3) if ours else "",
        request=f"https://github.com/example/{place}/pull/7" if ours and not moved else "",
        excepted=("EV08 until 2027-03-31: one slice only",) if luck[5] > 0.97 else (),
        assets=_assets(thing, team) if luck[7] < 0.6 else (),
        pending=_pending(place) if ours and not moved and place % 9 == 0 else None,
    )


def _pending(place: int) -> Pending:
    ours, theirs = "pandas>=2.2\npolars>=1", "pandas>=3"
    hunk = Conflict(
        "pyproject.toml", "both changed the same lines", ours, theirs, "Ann, 2026-10-02"
    )
    conflict = Pending("conflict", "v1.4.0", "b", "both sides changed pyproject.toml", (hunk,))
    return conflict if place % 2 else Pending("pushed", "v1.4.0", "tdsp/update-v1.4.0")


def _findings(source: random.Random, thing: str, share: float) -> tuple[Finding, ...]:
    return tuple(
        Finding(check, level, path.format(thing), source.randrange(1, 300), message)
        for check, level, path, message in RULES
        for _ in range(source.randrange(1, 4))
        if source.random() < share * (0.4 if level == "error" else 1)
    )


def _model(source: random.Random, thing: str) -> Model:
    figures = {
        "roc_auc": round(source.uniform(0.6, 0.97), 4),
        "log_loss": round(source.uniform(0.1, 0.6), 4),
    }
    trained = START - timedelta(days=source.randrange(400))
    alias = source.choice(("champion", "challenger", ""))
    passed = source.random() < 0.9
    return Model(thing, str(source.randrange(1, 40)), alias, trained.isoformat(), figures, passed)


def _telemetry(source: random.Random) -> Telemetry:
    return Telemetry(
        source="Azure Monitor",
        time="2026-11-13T04:00:00Z",
        availability=round(source.uniform(0.97, 1), 5),
        error_rate=round(source.uniform(0, 0.03), 5),
        p95_ms=round(source.uniform(20, 900), 1),
        predictions_a_day=float(source.randrange(100, 200_000)),
        drift=source.choice(("none", "some", None)),
        quota_used=round(source.random(), 2),
        cost_this_month=round(source.uniform(5, 900), 2) if source.random() < 0.7 else None,
        currency="EUR",
    )


def _assets(thing: str, team: str) -> tuple[Asset, ...]:
    return (
        Asset("data set", f"{thing}.csv", f"31 columns, of {team or 'the lab'}", "schema.yaml"),
        Asset("model", thing, f"Predicts {thing}", "docs/model/card.md"),
    )
