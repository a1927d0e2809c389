"""Traps in a table: one short function each. A finding says what was seen and what was done."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tdsp.onboard.cells import UNSEEN
from tdsp.onboard.profile import (
    CATEGORY_LEVELS,
    NUMBERS,
    Column,
    Finding,
    Problem,
    levels_of,
    show,
    whole,
)  # fmt: skip

ID_NAME = re.compile(
    r"(^|[\s_.-])(id|ids|uuid|guid|key|index|idx|nr|no|number|code|row)$|(?<=[a-z])(Id|ID)$", re.I
)
GROUP_NAME = re.compile(
    r"customer|client|patient|user|person|household|account|member|device|machine|subject", re.I
)
PEOPLE_NAME = re.compile(
    r"(?:^|[\s_.-]|(?-i:(?<=[a-z])(?=[A-Z])))(sex|gender|race|ethnic\w*|religio\w*|age|nationality|native"
    r"|country.of.(?:birth|origin)|birth\w*|disab\w*|marital\w*|married|senior\w*|dependents?|partner"
    r"|spouse|pregnan\w*|orientation|citizen\w*|immigra\w*|surname|last.?name|first.?name|geschlecht"
    r"|alter|religion|herkunft|nationalit\w+|familienstand|verheiratet|behinder\w*|nachname|vorname"
    r"|sexe|genre|[aâ]ge|nationalit[eé]|handicap|mari[eé]e?|edad|sexo|g[eé]nero|raza|estado.civil"
    r"|nacionalidad|et[aà]|sesso|leeftijd|geslacht|geography|(?:is.?)?(?:fe)?male|hispanic|latin[oax]"
    r"|veteran|caste|skin.?colou?r|ancestry|tribe|political\w*|union.?member|idade|etnia|ra[cç]a"
    r"|\u043f\u043e\u043b|\u0432\u043e\u0437\u0440\u0430\u0441\u0442|\u6027\u5225|\u6027\u522b|\u5e74\u9f62|\u5e74\u9f84)(?=$|[\s_.\d-]|(?-i:[A-Z]))",
    re.I,
)
# Texts that name or reach one person.
PERSONAL = {
    "e-mail addresses": r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}",
    "social security numbers": r"\d{3}-\d{2}-\d{4}",
    "IBANs": r"[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?",
    "phone numbers": r"(\+|00)\d[\d ()/.-]{6,18}|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}",
}
PERSON_NAME = re.compile(
    r"(?:^|[\s_.-])(e.?mail|phone|telefon|mobile|ssn|passport|iban|(?:last|first|sur|full)_?name"
    r"|street|address|ip|birth_?da(?:te|y)|dob|geburts(?:tag|datum)|fecha.nacimiento|tel[eé]fono|handy"
    r"|mobil(?:nummer)?|stra(?:ß|ss)e|adress[eo]|direcci[oó]n|calle|pr[eé]nom|nom|apellidos?|nombre"
    r"|steuer(?:nummer|id)|kontonummer|ausweis\w*|dni|cpf|\u6c0f\u540d|\u59d3\u540d|\u0444\u0438\u043e)(?=$|[\s_.-])",
    re.I,
)
# Columns that a scored file has besides its ids.
RESERVED = {"row", "prediction", "model_id", "scored_at"}
# Numbers that people write for no value.
MARKS = {sign * float("9" * digits) for digits in (2, 3, 4, 5, 6) for sign in (1, -1)} | {
    -1.0,
    -9.0,
}
# One answer in several spellings: only where a column has more than two.
YES = {"1", "true", "yes", "y", "ja", "j", "oui", "si", "s\u00ed", "sim", "\u0434\u0430", "on"}
NO = {"0", "false", "no", "n", "nein", "non", "n\u00e3o", "nee", "\u043d\u0435\u0442", "off"}
TEST_SHARE, MAX_UNUSED = 0.2, 0.1  # of params.yaml, section `split`
KEEP = "run again with --keep to use it all the same"


@dataclass(frozen=True)
class Table:
    """A typed table with its columns' figures, as every trap sees it; `distinct` counts rows."""

    frame: pd.DataFrame
    columns: dict[str, Column]
    target: str
    problem: Problem
    distinct: int
    numberlike: frozenset[str] = frozenset()

    @property
    def features(self) -> list[Column]:
        """Columns that nobody has given another role."""
        return [column for column in self.columns.values() if column.role == "feature"]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.frame)


def few_rows(table: Table) -> Iterator[Finding]:
    """Under 200 rows every figure is shaky (under 50 onboarding refuses)."""
    if table.rows < 200:
        yield Finding(
            "few_rows", None, f"{table.rows} rows",
            "kept; expect wide confidence intervals, collect more rows", level="warning",
        )  # fmt: skip


def duplicates(table: Table) -> Iterator[Finding]:
    """Count copies of a row. With an id they are one thing counted twice, else often others."""
    count = table.rows - table.distinct
    if not count:
        return
    one_thing = any(column.role == "id" for column in table.columns.values())
    done = (
        "their ids repeat as well, so ingest drops them (data.drop_duplicates: true)"
        if one_thing
        else "kept, together on one side of the split: without an id, equal rows may be different"
        " people who agree; if they are copies, set data.drop_duplicates: true in params.yaml"
    )
    seen = f"{count} rows ({count / table.rows:.1%}) repeat an earlier row"
    many = count > 0.01 * table.rows
    yield Finding("duplicates", None, seen, done, level="warning" if many else "note")


def target_missing(table: Table) -> Iterator[Finding]:
    """Rows without a target teach nothing."""
    count = table.columns[table.target].missing
    if count:
        yield Finding(
            "target_missing", table.target,
            f"{count} rows ({count / table.rows:.1%}) have no target", "ingest drops these rows",
        )  # fmt: skip


def missed(problem: Problem, target: pd.Series) -> str | None:
    """Return the rate of missed rows of the rarer of two classes, where accuracy hides them.

    A group of which each such row is missed still has 1 - share of the accuracy of another.
    """
    counts = target.value_counts()
    if problem != "classification" or len(counts) != 2 or counts.min() / counts.sum() >= 0.2:
        return None
    rarer_is_second = counts.index[-1] == max(counts.index)
    return "false_negative_rate" if rarer_is_second else "false_positive_rate"


def imbalance(table: Table) -> Iterator[Finding]:
    """Warn of a class below 5 % of the rows, or with fewer than 5 rows."""
    if table.problem in NUMBERS:
        return
    if rate := missed(table.problem, table.frame[table.target]):
        yield Finding(
            "missed", table.target, "one class is rare, so that accuracy hides who of it is missed",
            f"where groups and slices are compared, it is by the missed (fairness.metric: {rate})",
        )  # fmt: skip
    counts = table.frame[table.target].value_counts()
    share = counts.min() / counts.sum()
    rare = show(counts.index[-1])
    if share < 0.05 and table.problem == "classification":
        yield Finding(
            "imbalance", table.target, f"class {rare!r} has {counts.min()} rows ({share:.1%})",
            "kept, the metric does not depend on the shares; mind precision at your threshold",
            level="warning",
        )  # fmt: skip
    if counts.min() < 5:
        small = ", ".join(repr(show(level)) for level in counts.index[counts < 5][:5])
        yield Finding(
            "rare_class", table.target, f"fewer than 5 rows in class {small}",
            "kept; it cannot be learned nor measured: collect rows or merge classes",
            level="warning",
        )  # fmt: skip


def several_labels(table: Table) -> Iterator[Finding]:
    """A target whose levels are lists of labels: a|b beside a and b."""
    if table.frame[table.target].dtype != "str":
        return
    levels = list(levels_of(table.frame[table.target]))[:5000]
    for sign in "|;,+/":
        parts = [{part.strip() for part in level.split(sign)} for level in levels]
        several = [level for level, part in zip(levels, parts, strict=True) if len(part) > 1]
        counts = Counter(label for part in parts for label in part)
        if len(several) >= 2 and sum(count > 1 for count in counts.values()) > len(counts) / 2:
            yield Finding(
                "several_labels", table.target, f"levels like {several[0]!r}: several labels?",
                "each combination is a class of its own; for one model a label, make a column of "
                "yes and no for each and start from that", level="warning",
            )  # fmt: skip
            return


def empty_or_constant(table: Table) -> Iterator[Finding]:
    """No value, hardly a value, or always the same value."""
    for column in table.features:
        share = column.missing / table.rows
        if column.unique == 0:
            yield _dropped("all_missing", column, "no value in any row")
        elif share > 0.95:
            yield _dropped("mostly_missing", column, f"{share:.1%} of the rows have no value")
        elif column.unique == 1 and not column.missing:
            yield _dropped("constant", column, f"always {column.example!r}")


def _dropped(code: str, column: Column, seen: str) -> Finding:
    return Finding(code, column.name, seen, f"dropped; {KEEP}", role="drop")


def leaks(table: Table) -> Iterator[Finding]:
    """Columns that hold the answer: the target under another name, or known only after it."""
    known = table.frame[table.frame[table.target].notna()]
    target = pd.Series(pd.factorize(known[table.target])[0], index=known.index)
    for column in table.features:
        if column.unique > 1 and _one_to_one(known[column.name], target):
            yield _leak(column, "matches the target one to one")
        elif table.problem in NUMBERS and _linear(known[column.name], known[table.target]):
            yield _leak(column, "is the target times a constant plus a constant")
        elif column.missing and _one_to_one(known[column.name].isna(), target):
            yield _leak(column, "is missing exactly when the target takes one value")


def _leak(column: Column, seen: str) -> Finding:
    done = f"dropped as a leak; if it is known before the outcome, {KEEP}"
    return Finding("equals_target", column.name, seen, done, role="drop", level="warning")


def _one_to_one(values: pd.Series, target: pd.Series) -> bool:
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    levels, classes = codes.max() + 1, int(target.max()) + 1
    if levels != classes or not 1 < levels <= len(codes) // 2:
        return False
    return bool(len(np.unique(codes * np.int64(classes) + target.to_numpy())) == levels)


def _linear(values: pd.Series, target: pd.Series) -> bool:
    if values.dtype != "float64" or values.notna().sum() < 10 or values.nunique() < 2:
        return False
    return bool(abs(values.corr(target)) > 0.999999)


def near_perfect(table: Table) -> Iterator[Finding]:
    """One column alone foretells the target almost without error: reported, never dropped."""
    for column in table.features:
        if column.dtype == "float64" and column.unique > 2:
            power, figure = _power(table, column)
        elif 1 < column.unique <= CATEGORY_LEVELS and table.problem not in NUMBERS:
            power, figure = _purity(table, column), "names the class of {:.1%} of the rows"
        else:
            continue
        if power > 0.99:
            yield Finding(
                "near_perfect", column.name, "alone " + figure.format(power),
                "kept; ask whether it is known before the outcome, else use --drop",
                level="warning",
            )  # fmt: skip


def _power(table: Table, column: Column) -> tuple[float, str]:
    pair = table.frame[[column.name, table.target]].dropna()
    values, target = pair[column.name], pair[table.target]
    if table.problem in NUMBERS:
        return abs(values.corr(target, method="spearman")), "ranks the target ({:.3f} Spearman)"
    codes = pd.factorize(target)[0]
    if len(set(codes)) == 2:
        return _auc(values, codes == 1), "tells the classes apart (ROC AUC {:.3f})"
    means = values.groupby(codes).transform("mean")
    return float(means.var() / values.var()), "explains the classes ({:.3f} of its variance)"


def _auc(values: pd.Series, positive: np.ndarray) -> float:
    ones = int(positive.sum())
    ranks = float(values.rank().to_numpy()[positive].sum())
    area = (ranks - ones * (ones + 1) / 2) / (ones * (len(values) - ones))
    return max(area, 1 - area)


def _purity(table: Table, column: Column) -> float:
    """Share of rows named right by the column's levels, 0 where a guess does as well."""
    target = table.frame[table.target]
    if target.value_counts(normalize=True).max() > 0.95:
        return 0.0
    counts = pd.crosstab(table.frame[column.name], target)
    return float(counts.max(axis=1).sum() / counts.to_numpy().sum())


def ids(table: Table) -> Iterator[Finding]:
    """Names of rows: unique, so that a model can only memorise them."""
    for column in table.features:
        if column.unique != table.distinct or column.kind == "date" or column.missing:
            continue
        if column.name in table.numberlike:  # a price is no id because it is text
            continue
        if _looks_like_id(column, table.frame[column.name].drop_duplicates()) and (
            column.name in RESERVED
        ):
            yield Finding(
                "reserved_name", column.name, "an id with a name that scored files have already",
                "dropped; rename it in the file to have it carried to the scored file", role="drop",
                level="warning",
            )  # fmt: skip
        elif _looks_like_id(column, table.frame[column.name].drop_duplicates()):
            yield Finding(
                "id_like", column.name, f"a different value in each of {table.distinct} rows",
                "role id: carried to the scored file, never a feature", role="id",
            )  # fmt: skip


def _looks_like_id(column: Column, values: pd.Series) -> bool:
    if column.dtype == "str":
        return not _prose(values)
    steady = values.is_monotonic_increasing or values.is_monotonic_decreasing
    return whole(values) and (bool(ID_NAME.search(column.name)) or steady)


def _prose(values: pd.Series) -> bool:
    sample = values.dropna().head(5000)
    return bool(sample.str.count(" ").mean() >= 3 or sample.str.len().mean() > 60)


def groups(table: Table) -> Iterator[Finding]:
    """Something with several rows, like a customer: suggested, and no feature meanwhile."""
    for column in table.features:
        several = CATEGORY_LEVELS < column.unique < table.rows * 0.9
        named = ID_NAME.search(column.name) or GROUP_NAME.search(column.name)
        if several and named and (column.dtype == "str" or whole(table.frame[column.name])):
            yield Finding(
                "group_candidate", column.name,
                f"{column.unique} values in {table.rows} rows, named like an identifier",
                f"dropped; if its rows belong together, run again with --group {column.name!r}",
                role="drop", level="warning",
            )  # fmt: skip


def panel(table: Table) -> Iterator[Finding]:
    """Groups that go on into the test set, as params.yaml divides the rows: a choice to make."""
    column = {column.role: column.name for column in table.columns.values()}
    if not {"time", "group"} <= column.keys() or table.problem == "forecasting":
        return
    newest = table.frame[column["time"]].rank(pct=True) > 1 - TEST_SHARE
    tested = table.frame[column["group"]].dropna()[newest].unique()
    unused = float((table.frame[column["group"]].isin(tested) & ~newest).mean())
    if unused > MAX_UNUSED:
        yield Finding(
            "panel", column["group"],
            f"{unused:.0%} of the rows are older ones of groups that the newest rows hold, too",
            "choose before the first run, or it stops: in params.yaml, split.groups: known tests"
            " new moments of known groups; a higher split.max_unused leaves those rows out",
            level="warning",
        )  # fmt: skip


def texts(table: Table) -> Iterator[Finding]:
    """Free text and categories with too many levels to learn from."""
    for column in table.features:
        if column.dtype != "str" or column.unique <= CATEGORY_LEVELS:
            continue
        filled = table.rows - column.missing
        if _prose(table.frame[column.name]):
            yield _dropped("free_text", column, f"prose up to {column.longest} characters long")
        elif column.unique > 1000 or column.unique > 0.2 * filled:
            yield _dropped("high_cardinality", column, f"{column.unique} levels in {filled} rows")


def dates(table: Table) -> Iterator[Finding]:
    """Dates may order the rows: suggested, never assumed."""
    ordered = any(column.role == "time" for column in table.columns.values())
    done = "kept as a feature, in parts (year to weekday)" + ("" if ordered else (
        ", and the rows are split at random: if they come in time, that flatters the model; to test"
        " on the newest rows, run again with --time {!r}"
    ))  # fmt: skip
    for column in table.features:
        if column.kind == "date":
            yield Finding(
                "time_candidate", column.name, f"dates from {column.low} to {column.high}",
                done.format(column.name), level="note" if ordered else "warning",
            )  # fmt: skip


def variants(table: Table) -> Iterator[Finding]:
    """One category spelled in several ways: "Yes", "yes "."""
    for column in table.columns.values():
        if column.dtype != "str" or column.role not in ("feature", "target"):
            continue
        levels = list(column.levels) or list(levels_of(table.frame[column.name]))[:5000]
        folded = pd.Series([_folded(level) for level in levels], dtype="str")
        shared = folded[folded.duplicated(keep=False)]
        answers = folded[folded.isin(YES | NO)]
        same = "levels that differ by case, spaces or signs that nobody sees only"
        if len(answers) > 2 and len(answers) == len(folded) and shared.empty:
            shared, same = answers, "several spellings of yes and no"
        if len(shared):
            shown = ", ".join(repr(levels[place]) for place in shared.index[:4])
            yield Finding(
                "variants", column.name, f"{same}: {shown}",
                "kept apart; spell them alike in the file and rerun", level="warning",
            )  # fmt: skip


def _folded(text: str) -> str:
    """Return the text without case, surplus spaces, invisible signs and ways to write a letter."""
    return " ".join(unicodedata.normalize("NFKC", UNSEEN.sub("", text)).split()).casefold()


def names(table: Table) -> Iterator[Finding]:
    """Column names with spaces, punctuation or other scripts, or hardly apart."""
    counts = Counter(map(_folded, table.columns))
    if near := [name for name in table.columns if counts[_folded(name)] > 1]:
        shown = ", ".join(map(repr, near[:4]))
        yield Finding("near_names", None, f"names that differ by case or spaces only: {shown}",
                      "kept apart; rename them in the file and rerun", level="warning")  # fmt: skip
    odd = [name for name in table.columns if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)]
    if odd:
        shown = ", ".join(repr(name) for name in odd[:5])
        yield Finding("names", None, f"{len(odd)} with spaces, signs or other scripts: {shown}",
                      "kept as they are; quote them on the command line")  # fmt: skip


def people(table: Table) -> Iterator[Finding]:
    """Attributes of people that nobody declared as sensitive."""
    for column in table.columns.values():
        if PEOPLE_NAME.search(column.name) and not column.sensitive and column.role != "target":
            yield Finding(
                "sensitive_candidate", column.name, "named like an attribute of people",
                f"kept; to declare it, run again with --sensitive {column.name!r};"
                " with responsible_ai=yes fairness is measured by it",
            )  # fmt: skip


def personal(table: Table) -> Iterator[Finding]:
    """What names or reaches one person: it needs a reason to be here at all."""
    for column in table.columns.values():
        values = table.frame[column.name].dropna().head(1000)
        kind = "named like personal data" if PERSON_NAME.search(column.name) else None
        if column.dtype == "str" and len(values):
            looks = (
                name for name, look in PERSONAL.items() if values.str.fullmatch(look).mean() > 0.8
            )
            kind = next(looks, kind)
        if kind:
            yield Finding(
                "personal_data", column.name, kind,
                f"role {column.role}; ids are copied to every scored file: leave the column out of "
                "the file, or use --drop, unless there is a ground to keep it",
                level="warning",
            )  # fmt: skip


def same(table: Table) -> Iterator[Finding]:
    """Two columns that say the same: one is enough."""
    seen: dict[int, str] = {}
    for column in table.features:
        codes = pd.factorize(table.frame[column.name])[0]
        first = seen.setdefault(hash(codes.tobytes()), column.name)
        if first != column.name and column.unique > 1:
            yield Finding(
                "same_column", column.name, f"says the same as {first!r} in every row",
                "kept; it adds nothing, and shares its importance: use --drop", level="warning",
            )  # fmt: skip


def markers(table: Table) -> Iterator[Finding]:
    """Numbers far from all others that often stand for no value."""
    for column in table.features:
        if column.dtype != "float64" or column.unique < 10:
            continue
        values = table.frame[column.name].dropna()
        for mark in dict.fromkeys((float(values.min()), float(values.max()))):
            rest = values[values != mark]
            away = rest.min() - mark if mark == column.low else mark - rest.max()
            count, known = len(values) - len(rest), mark in MARKS
            far = 0.25 if known else 3.0  # ranges of the others
            if count >= (3 if known else 0.01 * len(values) + 3) and away > far * np.ptp(rest):
                yield Finding(
                    "marker", column.name, f"{count} rows hold {mark:g}, far from all others",
                    f"kept as a number; if it means no value, run again with "
                    f"--missing {column.name}={mark:g}", level="warning",
                )  # fmt: skip


# Those that take columns out of the features come first: later ones look at what is left.
TRAPS: list[Callable[[Table], Iterator[Finding]]] = [
    few_rows, target_missing, imbalance, several_labels, empty_or_constant, leaks, ids, duplicates,
    groups, panel, texts, dates, near_perfect, variants, same, markers, names, people, personal,
]  # fmt: skip


def find(table: Table, fixed: set[str]) -> list[Finding]:
    """Run every trap and give its role to each column that the user has not `fixed`."""
    seen: list[Finding] = []
    for trap in TRAPS:
        seen += list(trap(table))
        for finding in seen:
            if finding.role and finding.column and finding.column not in fixed:
                column = table.columns[finding.column]
                column.role = finding.role if column.role == "feature" else column.role
    return [_as_asked(finding) if finding.column in fixed else finding for finding in seen]


def _as_asked(finding: Finding) -> Finding:
    if finding.role is None:
        return finding
    return Finding(
        finding.code, finding.column, finding.seen, "kept, as you asked", level=finding.level
    )


def infinite(raw: pd.DataFrame) -> list[Finding]:
    """Infinite numbers in a typed file (in texts they are read as markers)."""
    seen = []
    for name in raw.columns[[dtype.kind == "f" for dtype in raw.dtypes]]:
        count = int(np.isinf(raw[name].astype("float64")).sum())
        if count:
            seen.append(Finding("infinite", name, f"{count} infinite values", "read as missing"))
    return seen
