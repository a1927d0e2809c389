"""Onboarding from end to end: read, infer, look for traps, decide, write."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from tdsp.errors import OnboardError
from tdsp.onboard import dictionary, findings, report, rows, schema, write
from tdsp.onboard.profile import (
    NUMBERS,
    Column,
    Finding,
    Hints,
    Problem,
    Profile,
    Steps,
    describe,
    infer,
    show,
    typed,
    whole,
)  # fmt: skip
from tdsp.onboard.readers import Source, read

# What scored files have of their own.
RESERVED = findings.RESERVED
FEWEST_ROWS = 50
MOST_LEVELS = 10
# pandas' name of a step, coarsest first -> how many make the season that its data usually have.
SEASONS = {"Y": 1, "Q": 4, "M": 12, "W": 52, "D": 7, "h": 24, "30min": 48, "15min": 96, "min": 60}


@dataclass(frozen=True)
class Wishes:
    """The roles that the user gave to columns; they always win over what is inferred."""

    target: str
    problem: Problem | None = None
    id: tuple[str, ...] = ()
    time: str | None = None
    group: str | None = None
    sensitive: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    horizon: int | None = None
    hints: Hints = field(default_factory=Hints)
    sheet: str | None = None
    encoding: str | None = None

    @property
    def roles(self) -> list[tuple[str, str]]:
        """(role, column) pairs, as given."""
        many = [("id", self.id), ("drop", self.drop), ("keep", self.keep), ("series", self.series)]
        pairs = [("target", self.target), *((role, name) for role, names in many for name in names)]
        single = [("time", self.time), ("group", self.group)]
        return pairs + [(role, name) for role, name in single if name is not None]


@dataclass(frozen=True)
class Result:
    """The outcome of onboarding; `commands` are left to the user."""

    profile: Profile
    raw: Path
    written: list[Path]
    removed: list[Path]
    commands: list[str]
    earlier: list[Path] = field(default_factory=list)  # other tables in data/raw


def onboard(
    path: Path,
    wishes: Wishes,
    project: Path = Path(),
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """Make the table at `path` the data of the generated project at `project`.

    On an error it raises OnboardError and has written nothing. `dry_run` does everything but
    write. `say` gets a message for each step.
    """
    target = write.open_project(project)
    say(f"Reading {path.name}")
    profile, frame = examine(path, wishes, target.answers["problem_type"], say)
    say("Writing the schema")
    kept = frame.drop_duplicates() if profile.drop_duplicates else frame
    text = schema.build(kept, profile.columns, profile.problem)
    schema.prove(text, kept)
    plan = write.plan(profile, target)
    plan.texts[Path("schema.yaml")] = text
    plan.texts[Path("docs/data/dictionary.md")] = dictionary.build(profile, plan.raw.as_posix())
    say("Drawing the data report")
    plan.texts[Path("docs/data/report.html")] = report.build(profile, frame, target.name)
    earlier = write.earlier(plan)
    commands = [] if dry_run else write.apply(plan, say)
    copied = [plan.raw] if plan.copies or not dry_run else []
    return Result(profile, plan.raw, [*plan.texts, *copied], plan.removals, commands, earlier)


def examine(
    path: Path, wishes: Wishes, rendered: Problem | None, say: Callable[[str], None]
) -> tuple[Profile, pd.DataFrame]:
    """Profile and typed table of a file; `rendered` is the project's problem type, if any."""
    raw, source = read(path, wishes.sheet, wishes.encoding)
    _check_wishes(raw, wishes)
    say(f"Looking for traps in {len(raw):,} rows and {raw.shape[1]} columns")
    reading, odd = infer(raw, source, wishes.hints)
    frame = typed(raw, reading)
    columns = describe(frame, reading)
    _refuse(frame, wishes)
    problem, why = _problem(frame[wishes.target], wishes, rendered)
    if rendered and problem != rendered:
        raise OnboardError(_other_problem(path, wishes.target, problem, why, rendered))
    steps = _steps(frame, wishes, problem)
    _give_roles(columns, wishes)
    copies = int(frame.duplicated().sum())
    named = {column.name: column for column in columns}
    table = findings.Table(
        frame, named, wishes.target, problem, len(frame) - copies, frozenset(reading.numberlike)
    )
    seen = [*_source_notes(source, raw, wishes), *rows.strange(raw), *odd, *findings.infinite(raw)]
    seen += findings.find(table, {name for _, name in wishes.roles})
    # A forecast has the past and the calendar anyway.
    if not steps and not any(column.role == "feature" for column in columns):
        raise OnboardError(_nothing_left(path, seen))
    metric, minimum = _metric(problem, frame[wishes.target])
    profile = Profile(
        source, reading, len(frame), copies, columns, wishes.target, problem, why, metric, minimum,
        sorted(seen, key=lambda finding: finding.level == "note"), steps,
        findings.missed(problem, frame[wishes.target]),
    )  # fmt: skip
    return profile, frame


def propose_problem(path: Path, wishes: Wishes) -> Problem:
    """Say which problem type a file's target asks for, before any project exists.

    Raises OnboardError when the file or its target cannot be used at all.
    """
    raw, source = read(path, wishes.sheet, wishes.encoding)
    _check_wishes(raw, wishes)
    frame = typed(raw, infer(raw, source, wishes.hints)[0])
    _refuse(frame, wishes)
    return _problem(frame[wishes.target], wishes)[0]


def _check_wishes(raw: pd.DataFrame, wishes: Wishes) -> None:
    names = [str(name) for name in raw.columns]
    given = [*wishes.roles, *(("sensitive", name) for name in wishes.sensitive)]
    for role, name in given:
        if name not in names:
            raise OnboardError(
                f"--{role} {name!r} is not a column of the file. {_close(name, names)}"
            )
    for name in wishes.hints.columns - {*names}:
        raise OnboardError(f"{name!r} is not a column of the file. {_close(name, names)}")
    carried = [name for role, name in given if role in ("id", "series") and name in RESERVED]
    if carried:
        raise OnboardError(
            f"--id {carried[0]!r}: scored files have a column of this name already. Rename it in "
            "the file, or use --drop."
        )
    taken: dict[str, str] = {}
    for role, name in given:
        if role == "sensitive" and name != wishes.target:
            continue
        if taken.setdefault(name, role) != role:
            raise OnboardError(
                f"{name!r} is given as --{taken[name]} and as --{role}. Choose one of them."
            )


def _close(name: str, names: list[str]) -> str:
    folded = {other.strip().casefold(): other for other in names}
    near = difflib.get_close_matches(name.strip().casefold(), list(folded), n=3, cutoff=0.6)
    if near:
        return "Did you mean " + " or ".join(repr(folded[match]) for match in near) + "?"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"Its columns are: {shown}."


def _refuse(frame: pd.DataFrame, wishes: Wishes) -> None:
    target = frame[wishes.target]
    known = int(target.notna().sum())
    if not known:
        raise OnboardError(f"The target {wishes.target!r} has no value in any row. Choose another.")
    if known < FEWEST_ROWS:
        raise OnboardError(
            f"{known} rows with a target are too few to train and test on: at least {FEWEST_ROWS} "
            "are needed, some hundreds are better. Collect more."
        )
    if target.nunique() == 1:
        only = str(target.dropna().iloc[0]).removesuffix(".0")
        raise OnboardError(
            f"The target {wishes.target!r} is {only} in every row: there is nothing to learn."
            " Choose another, or add rows of the other kind."
        )
    if target.dtype.kind == "M":
        raise OnboardError(
            f"The target {wishes.target!r} is a date. Predict a number (days until then), "
            "or a class."
        )
    if wishes.time and frame[wishes.time].dtype == "str":
        raise OnboardError(
            f"--time {wishes.time!r} holds texts like {frame[wishes.time].dropna().iloc[0]!r}, not "
            "dates or numbers. Write them as YYYY-MM-DD."
        )


def _problem(
    target: pd.Series, wishes: Wishes, rendered: Problem | None = None
) -> tuple[Problem, str]:
    proposed, why = _proposed(target)
    # A table does not tell that these are wanted: the project, or the user, does.
    chosen = rendered if rendered in ("forecasting", "anomaly") else None
    wanted = wishes.problem or chosen or proposed
    if wanted in NUMBERS and target.dtype == "str":
        raise OnboardError(
            f"The target {wishes.target!r} is text like {target.dropna().iloc[0]!r}: {wanted} "
            "needs a number. Correct those cells, or use --problem classification."
        )
    levels, rows = target.nunique(), int(target.notna().sum())
    if wanted == "classification" and levels > rows / 2:
        raise OnboardError(
            f"The target {wishes.target!r} has {levels} different values in {rows} rows: these are "
            "no classes. "
            + ("Use --problem regression." if target.dtype != "str" else "Choose another.")
        )
    if wanted == "anomaly":
        _check_anomalies(target, wishes.target)
    return wanted, why if wanted == proposed else f"{why}; you asked for {wanted}"


def _proposed(target: pd.Series) -> tuple[Problem, str]:
    levels = target.nunique()
    if target.dtype == "str":
        return "classification", f"the target is text with {levels} levels"
    if levels == 2 or (levels <= MOST_LEVELS and whole(target)):
        return "classification", f"the target takes {levels} values only"
    return "regression", f"the target is a number with {levels} different values"


def _check_anomalies(target: pd.Series, name: str) -> None:
    counts = target.value_counts().sort_index()
    if len(counts) == 2 and counts.iloc[1] < counts.iloc[0]:
        return
    seen = ", ".join(f"{show(level)} in {rows} rows" for level, rows in list(counts.items())[:5])
    raise OnboardError(
        f"The target {name!r} must mark the anomalies, to measure the model by: two values, of "
        f"which the second in order is the rare one, such as 0 and 1. It is {seen}."
    )


def _steps(frame: pd.DataFrame, wishes: Wishes, problem: Problem) -> Steps | None:
    """How a forecast counts time: by the coarsest step that holds no two rows of one series."""
    if problem != "forecasting":
        if wishes.series or wishes.horizon:
            raise OnboardError(f"--series and --horizon are for forecasting; this is {problem}.")
        return None
    if wishes.time is None or frame[wishes.time].dtype.kind != "M":
        raise OnboardError("Forecasting needs --time: the column of dates that orders the rows.")
    known = frame[frame[wishes.time].notna()].drop_duplicates()
    for step, season in SEASONS.items():
        number = (
            pd.PeriodIndex(known[wishes.time], freq=step).asi8 // pd.Period("2000", step).freq.n
        )
        moments = known[[*wishes.series]].assign(**{wishes.time: number})
        if not moments.duplicated().any():
            return Steps(step, season, wishes.horizon or season)
    raise OnboardError(
        f"Some moments of {wishes.time!r} have several rows. Name the columns that tell the series "
        "apart with --series, or add the rows of a moment up first."
    )


def _other_problem(path: Path, target: str, problem: Problem, why: str, rendered: Problem) -> str:
    again = f"tdsp onboard {shlex.quote(str(path))} --target {shlex.quote(target)}"
    fresh = f"tdsp new NAME --data {shlex.quote(str(path))} --target {shlex.quote(target)}"
    return (
        f"This is a {problem} problem ({why}), but the project was made for {rendered}. Either\n"
        f"  treat it as {rendered}:      {again} --problem {rendered}\n"
        f"  change the project:  copier update --data problem_type={problem}\n"
        f"  or start a new one:  {fresh}"
    )


def _nothing_left(path: Path, seen: list[Finding]) -> str:
    lines = [f"  {f.column}: {f.seen}" for f in seen if f.role in ("drop", "id")][:10]
    return (
        f"{path} has no feature left to learn from:\n" + "\n".join(lines) + "\nUse --keep COLUMN."
    )


def _metric(problem: Problem, target: pd.Series) -> tuple[str, float]:
    """Say which metric decides, and a minimum that is clearly better than chance."""
    classes = target.nunique()
    if problem == "regression":
        return "r2", 0.1
    if problem == "forecasting":
        low = float(target.min())
        return ("forecast_accuracy", 0.0) if low >= 0 else ("r2", 0.0)
    if problem == "anomaly":
        return "average_precision", round(float(target.value_counts(normalize=True).min()) + 0.1, 3)
    return ("roc_auc", 0.6) if classes == 2 else ("balanced_accuracy", round(1 / classes + 0.1, 3))


def _give_roles(columns: list[Column], wishes: Wishes) -> None:
    roles = {name: role for role, name in wishes.roles}
    for column in columns:
        role = roles.get(column.name, "feature")
        column.role = "feature" if role == "keep" else role  # type: ignore[assignment]
        column.sensitive = column.name in wishes.sensitive


def _source_notes(source: Source, raw: pd.DataFrame, wishes: Wishes) -> list[Finding]:
    if len(source.sheets) > 1 and not source.sheet:
        return [
            Finding("sheets", None, f"sheets {', '.join(source.sheets)}",
                    "only the first was read; to read another run again with --sheet NAME",
                    level="warning")
        ]  # fmt: skip
    if wishes.encoding or source.encoding.startswith("utf"):
        return []
    texts = [str(name) for name in raw.columns]
    texts += [str(cell) for name in raw.columns for cell in raw[name].head(1000)]
    like = ", ".join([repr(text[:40]) for text in dict.fromkeys(texts) if not text.isascii()][:3])
    return [
        Finding("encoding", None, f"not UTF-8; read as {source.encoding}, like {like}",
                "kept; if these are not the right letters, run again with --encoding NAME",
                level="warning")
    ]  # fmt: skip
