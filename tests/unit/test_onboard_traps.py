"""Every trap is seen, and what is done about it is what is said."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from tdsp.errors import OnboardError
from tdsp.generate import Trap, make_look_alike, messy
from tdsp.onboard.flow import Wishes, examine
from tdsp.onboard.profile import Finding, Hints, Profile

ROWS = 400


def look(
    frame: pd.DataFrame, folder: Path, suffix: str = ".csv", **wishes: object
) -> tuple[Profile, pd.DataFrame]:
    path = folder / f"table{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    asked = Wishes(**{"target": "churned", **wishes})  # type: ignore[arg-type]
    return examine(path, asked, None, lambda _: None)


def finding(profile: Profile, code: str) -> Finding:
    return next(f for f in profile.findings if f.code == code)


def role(profile: Profile, name: str) -> str:
    return next(column.role for column in profile.columns if column.name == name)


# kind of look-alike: finding, column, its role afterwards, words that the finding must hold
EXPECTED: dict[str, tuple[str, str | None, str, str]] = {
    "constant": ("constant", "trap", "drop", "'same'"),
    "id": ("id_like", "trap_id", "id", "400 rows"),
    "leak": ("equals_target", "trap", "drop", "one to one"),
    "leak_missing": ("equals_target", "trap", "drop", "missing exactly"),
    "near_perfect": ("near_perfect", "trap", "feature", "ROC AUC 1.000"),
    "cardinality": ("high_cardinality", "trap", "drop", "levels in 400 rows"),
    "prose": ("free_text", "trap", "drop", "characters"),
    "duplicates": ("duplicates", None, "", "40 rows"),
    "mixed": ("mixed_types", "trap", "drop", "98.0% numbers, but 8 rows hold 'oops'"),
    "markers": ("mixed_types", "trap", "feature", "'?', 'n/a'"),
    "imbalance": ("imbalance", "churned", "target", "%"),
    "target_missing": ("target_missing", "churned", "target", "40 rows (10.0%)"),
    "mostly_missing": ("mostly_missing", "trap", "drop", "97.5%"),
    "variants": ("variants", "trap", "feature", "'Yes'"),
    "infinite": ("infinite", "trap", "feature", "8 rows hold 'inf'"),
    "codes": ("codes", "trap", "feature", "leading zeros"),
    "group": ("group_candidate", "trap_user_id", "drop", "values in 400 rows"),
    "names": ("names", None, "", "'âge (années)'"),
}


def test_every_look_alike_is_expected() -> None:
    assert set(EXPECTED) == set(get_args(Trap))


@pytest.mark.parametrize("kind", EXPECTED)
def test_trap(kind: Trap, tmp_path: Path) -> None:
    code, column, expected_role, words = EXPECTED[kind]
    profile, _ = look(make_look_alike(kind, ROWS), tmp_path)
    found = next(f for f in profile.findings if (f.code, f.column) == (code, column))
    assert words in f"{found.seen} {found.done}"
    assert found.done
    if column:
        assert role(profile, column) == expected_role


def test_clean_table_has_no_warning_but_its_own(tmp_path: Path) -> None:
    profile, _ = look(
        messy(ROWS), tmp_path, id=("contract_id",), group="customer_id", time="signed_on"
    )
    assert [f.code for f in profile.findings if f.level == "warning"] == ["panel"]


def test_markers_become_missing_values_by_their_exact_text(tmp_path: Path) -> None:
    profile, frame = look(make_look_alike("markers", ROWS), tmp_path)
    assert profile.reading.missing == ["?", "n/a"]
    assert frame["trap"].dtype == "float64"
    assert 80 <= frame["trap"].isna().sum() <= 90


def test_infinite_numbers_in_a_typed_file(tmp_path: Path) -> None:
    profile, frame = look(make_look_alike("infinite", ROWS), tmp_path, ".parquet")
    assert finding(profile, "infinite").seen == "8 infinite values"
    assert frame["trap"].isna().sum() == 8


def test_leading_zeros_survive(tmp_path: Path) -> None:
    _, frame = look(make_look_alike("codes", ROWS), tmp_path)
    assert frame["trap"].str.len().eq(5).all()


@pytest.mark.parametrize("kind", ["constant", "leak", "cardinality", "group", "id"])
def test_the_user_wins(kind: Trap, tmp_path: Path) -> None:
    code, column, *_ = EXPECTED[kind]
    assert column
    profile, _ = look(make_look_alike(kind, ROWS), tmp_path, keep=(column,))
    assert role(profile, column) == "feature"
    assert finding(profile, code).done


def test_flags_set_roles(tmp_path: Path) -> None:
    profile, _ = look(
        messy(ROWS), tmp_path, id=("contract_id",), time="signed_on", group="customer_id",
        drop=("region",), sensitive=("gender", "age"),
    )  # fmt: skip
    roles = {c.name: c.role for c in profile.columns if c.role != "feature"}
    assert roles == {
        "contract_id": "id", "customer_id": "group", "signed_on": "time", "region": "drop",
        "churned": "target",
    }  # fmt: skip
    assert [c.name for c in profile.columns if c.sensitive] == ["age", "gender"]


def test_suggestions_are_not_decisions(tmp_path: Path) -> None:
    profile, _ = look(messy(ROWS), tmp_path)
    assert "--time" in finding(profile, "time_candidate").done
    assert "--group" in finding(profile, "group_candidate").done
    assert "--sensitive" in finding(profile, "sensitive_candidate").done
    assert (profile.role("time"), profile.role("group")) == ([], [])


@pytest.mark.parametrize(("members", "share"), [(40, "67%"), (4000, None)])
def test_groups_that_go_on_into_the_newest_rows_are_a_choice(
    members: int, share: str | None, tmp_path: Path
) -> None:
    """Else the first run stops at the split, since nobody was told."""
    who = np.random.default_rng(0).integers(0, members, ROWS)
    frame = messy(ROWS).assign(customer_id=[f"c{number:05d}" for number in who])
    profile, _ = look(frame, tmp_path, time="signed_on", group="customer_id")
    told = [each for each in profile.findings if each.code == "panel"]
    assert [each.seen[:3] for each in told] == ([share] if share else [])
    assert all("split.groups: known" in each.done for each in told)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"target": "churn"}, "Did you mean 'churned'"),
        ({"target": "Churned "}, "Did you mean 'churned'"),
        ({"target": "zzz"}, "Its columns are: contract_id"),
        ({"id": ("churned",)}, "--target and as --id"),
        ({"sensitive": ("churned",)}, "--target and as --sensitive"),
        ({"id": ("age",), "drop": ("age",)}, "--id and as --drop"),
        ({"time": "age", "group": "age"}, "--time and as --group"),
        ({"drop": ("age",), "keep": ("age",)}, "--drop and as --keep"),
        ({"time": "plan"}, "not dates or numbers"),
        ({"group": "nobody"}, "--group 'nobody' is not a column"),
        ({"target": "signed_on"}, "is a date"),
        ({"problem": "regression"}, "regression needs a number"),
        ({"target": "contract_id"}, "these are no classes"),
        ({"target": "monthly_spend", "problem": "classification"}, "--problem regression"),
        ({"drop": tuple(messy(1).columns[:-1])}, "no feature left"),
    ],
)
def test_refusals(wishes: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(OnboardError, match=words):
        look(messy(ROWS), tmp_path, **wishes)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (["yes"], "is yes in every row"),
        ([0], "is 0 in every row"),
        ([None], "no value in any row"),
        (["n/a"], "no value in any row"),
    ],
)
@pytest.mark.parametrize("problem", [None, "anomaly"])
def test_useless_targets(
    target: list[Any], words: str, problem: str | None, tmp_path: Path
) -> None:
    """Anomalies that nobody has marked are no target, either."""
    with pytest.raises(OnboardError, match=words):
        look(messy(ROWS).assign(churned=target * ROWS), tmp_path, problem=problem)


@pytest.mark.parametrize(
    ("share", "labels", "rate"),
    [
        (0.1, ["no", "yes"], "false_negative_rate"),
        (0.1, ["yes", "no"], "false_positive_rate"),
        (0.1, [0, 1], "false_negative_rate"),
        (0.1, [True, False], "false_positive_rate"),
        (0.3, ["no", "yes"], None),
    ],
)
def test_groups_are_compared_by_what_accuracy_would_hide(
    share: float, labels: list[Any], rate: str | None, tmp_path: Path
) -> None:
    """With 5 % positives, all of one group missed and none of the other, accuracy kept 0.95."""
    frame = messy(ROWS).assign(churned=[labels[i < share * ROWS] for i in range(ROWS)])
    profile, _ = look(frame, tmp_path)
    assert profile.fairness == rate
    assert [f.code for f in profile.findings].count("missed") == (rate is not None)


def test_row_counts(tmp_path: Path) -> None:
    with pytest.raises(OnboardError, match="49 rows with a target are too few"):
        look(messy(49), tmp_path)
    assert finding(look(messy(60), tmp_path)[0], "few_rows").level == "warning"


def test_copies_are_dropped_only_where_an_id_repeats(tmp_path: Path) -> None:
    """Without an id, people who agree are different people."""
    frame = make_look_alike("duplicates", ROWS)
    profile, _ = look(frame, tmp_path)
    assert profile.drop_duplicates
    assert "their ids repeat" in finding(profile, "duplicates").done
    profile, _ = look(frame.drop(columns="contract_id"), tmp_path)
    assert not profile.drop_duplicates
    copies = finding(profile, "duplicates")
    assert "different people who agree" in copies.done
    assert copies.level == "warning"


def test_an_id_is_seen_through_repeated_rows(tmp_path: Path) -> None:
    profile, _ = look(make_look_alike("duplicates", ROWS), tmp_path)
    assert finding(profile, "id_like").seen == "a different value in each of 400 rows"
    assert role(profile, "contract_id") == "id"


def test_rare_class_and_all_missing(tmp_path: Path) -> None:
    frame = messy(ROWS).assign(void=None)
    frame.loc[:2, "churned"] = "moved"
    profile, _ = look(frame, tmp_path)
    assert "'moved'" in finding(profile, "rare_class").seen
    assert role(profile, "void") == "drop"
    assert (profile.metric, profile.minimum) == ("balanced_accuracy", 0.433)


def test_regression_leaks_and_metric(tmp_path: Path) -> None:
    frame = messy(ROWS).dropna()
    frame = frame.assign(yearly=frame["monthly_spend"] * 12, rank=frame["monthly_spend"] ** 3)
    profile, _ = look(frame, tmp_path, target="monthly_spend")
    assert finding(profile, "equals_target").column == "yearly"
    assert finding(profile, "near_perfect").column == "rank"
    assert (profile.problem, profile.metric, profile.minimum) == ("regression", "r2", 0.1)


def test_integers_with_few_levels_are_classes_unless_told(tmp_path: Path) -> None:
    frame = messy(ROWS).assign(churned=np.arange(ROWS) % 7)
    assert look(frame, tmp_path)[0].problem == "classification"
    profile, _ = look(frame, tmp_path, problem="regression")
    assert (profile.problem, profile.metric) == ("regression", "r2")
    assert "you asked for" in profile.why


@pytest.mark.parametrize(
    ("units", "dtype", "words"), [(["€"], "float64", "read as"), (["€", "$"], "str", "one unit")]
)
def test_numbers_with_one_unit_are_numbers(
    units: list[str], dtype: str, words: str, tmp_path: Path
) -> None:
    prices = [f"{n}.5 {units[n % len(units)]}" for n in range(ROWS)]
    profile, frame = look(messy(ROWS).assign(price=prices), tmp_path)
    assert words in finding(profile, "units").done
    assert frame["price"].dtype == dtype
    assert role(profile, "price") in ("feature", "drop")


@pytest.mark.parametrize("name", ["row", "model_id", "prediction", "scored_at"])
def test_an_id_with_a_name_of_scored_files_is_dropped_or_refused(name: str, tmp_path: Path) -> None:
    frame = messy(ROWS).assign(**{name: range(1, ROWS + 1)})
    profile, _ = look(frame, tmp_path)
    assert role(profile, name) == "drop"
    assert "rename it" in finding(profile, "reserved_name").done
    with pytest.raises(OnboardError, match="Rename it"):
        look(frame, tmp_path, id=(name,))


def test_columns_that_say_the_same_and_markers_are_named(tmp_path: Path) -> None:
    numbers = [float(n % 37) for n in range(ROWS)]
    marked = [9999.0 if n % 20 == 0 else number for n, number in enumerate(numbers)]
    profile, _ = look(messy(ROWS).assign(one=numbers, two=numbers, three=marked), tmp_path)
    assert finding(profile, "same_column").column == "two"
    assert "--missing three=9999" in finding(profile, "marker").done
    _, frame = look(
        messy(ROWS).assign(three=marked), tmp_path, hints=Hints(missing={"three": "9999.0"})
    )
    assert frame["three"].max() == 36


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("contact", "ann{}@example.org"),
        ("number", "123-45-6{:03d}"),
        ("call", "+49 30 901{:03d}"),
        ("e_mail", "none {}"),
    ],
)
def test_personal_data_are_named(name: str, cell: str, tmp_path: Path) -> None:
    frame = messy(ROWS).assign(**{name: [cell.format(n) for n in range(ROWS)]})
    found = [f.column for f in look(frame, tmp_path)[0].findings if f.code == "personal_data"]
    assert found == [name]


@pytest.mark.parametrize(
    "name",
    [
        "SeniorCitizen",
        "Married",
        "Dependents",
        "Partner",
        "native_country",
        "Geschlecht",
        "Surname",
    ],
)
def test_attributes_of_people_are_named_in_several_spellings(name: str, tmp_path: Path) -> None:
    profile, _ = look(messy(ROWS).assign(**{name: ["a", "b"] * (ROWS // 2)}), tmp_path)
    assert name in [f.column for f in profile.findings if f.code == "sensitive_candidate"]


def shops(rows: int = 120, step: str = "D") -> pd.DataFrame:
    """Two series, one after the other, with a target to forecast."""
    moments = pd.date_range("2022-01-01", periods=rows, freq=step)
    sold = np.random.default_rng(0).poisson(40, 2 * rows)
    names = ["a"] * rows + ["b"] * rows
    return pd.DataFrame({"at": [*moments, *moments], "shop": names, "sold": sold})


FORECAST = {"target": "sold", "problem": "forecasting", "time": "at", "series": ("shop",)}


@pytest.mark.parametrize(
    ("freq", "step", "season"),
    [("D", "D", 7), ("h", "h", 24), ("15min", "15min", 96), ("MS", "M", 12), ("W", "W", 52)],
)
def test_forecasting_counts_time_by_the_step_of_the_table(
    freq: str, step: str, season: int, tmp_path: Path
) -> None:
    profile, _ = look(shops(step=freq).sample(frac=0.9, random_state=0), tmp_path, **FORECAST)
    assert profile.steps is not None
    assert (profile.steps.step, profile.steps.season, profile.steps.horizon) == (
        step, season, season,
    )  # fmt: skip
    assert (profile.role("series"), profile.role("time")) == (["shop"], ["at"])
    assert (profile.metric, profile.minimum) == ("forecast_accuracy", 0.0)


def test_forecasting_takes_the_horizon_and_rows_to_forecast(tmp_path: Path) -> None:
    frame = shops()
    frame["sold"] = frame["sold"].mask(frame["at"] > "2022-04-20")
    profile, _ = look(frame, tmp_path, **FORECAST, horizon=10)
    assert profile.steps is not None
    assert profile.steps.horizon == 10
    assert finding(profile, "target_missing").column == "sold"


def test_values_around_zero_are_judged_by_another_metric(tmp_path: Path) -> None:
    profile, _ = look(shops().assign(sold=lambda f: f["sold"] - 40), tmp_path, **FORECAST)
    assert profile.metric == "r2"


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"time": None}, "needs --time"),
        ({"time": None, "series": ("at",)}, "needs --time"),
        ({"series": ()}, "several rows. Name the columns"),
        ({"target": "shop"}, "--target and as --series"),
        ({"problem": "regression"}, "--series and --horizon are for forecasting"),
        ({"problem": "classification", "target": "shop", "series": (), "horizon": 3}, "for forec"),
    ],
)
def test_what_forecasting_needs(wishes: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(OnboardError, match=words):
        look(shops(), tmp_path, **{**FORECAST, **wishes})


@pytest.mark.parametrize("marks", [(0, 1), ("no", "yes"), ("good", "odd")])
def test_anomalies_are_the_second_and_rarer_value(
    marks: tuple[object, object], tmp_path: Path
) -> None:
    rare = np.arange(ROWS) % 20 == 0
    frame = messy(ROWS).assign(churned=np.where(rare, marks[1], marks[0]))
    profile, _ = look(frame, tmp_path, problem="anomaly")
    assert (profile.metric, profile.minimum) == ("average_precision", 0.15)
    with pytest.raises(OnboardError, match="the second in order is the rare one"):
        look(frame.assign(churned=np.where(rare, marks[0], marks[1])), tmp_path, problem="anomaly")


def test_anomalies_are_of_one_kind(tmp_path: Path) -> None:
    with pytest.raises(OnboardError, match="It is 0 in"):
        look(messy(ROWS).assign(churned=np.arange(ROWS) % 3), tmp_path, problem="anomaly")
