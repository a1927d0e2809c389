"""What texts look like that are not read: it is said, with the way out, and never an id."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tdsp.onboard import cells
from tdsp.onboard.days import counted
from tdsp.onboard.flow import Wishes, examine
from tdsp.onboard.profile import Hints, infer, typed
from tdsp.onboard.readers import Source
from tdsp.onboard.shapes import shape

SOURCE = Source(Path("a.csv"), "csv")


def day(form: str) -> Callable[[int], str]:
    return lambda n: (pd.Timestamp("2019-01-05") + pd.Timedelta(n * 73, "h")).strftime(form)


def months(names: str, text: str) -> Callable[[int], str]:
    return lambda n: text.format(n % 28 + 1, names.split()[n % 12], 2000 + n % 20)


GERMAN = "Jan Feb März Apr Mai Juni Juli Aug Sep Okt Nov Dez"
FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
DOTTED = "Jan. Feb. Mar. Apr. May Jun. Jul. Aug. Sept. Oct. Nov. Dec."
SHAPES: dict[str, list[Callable[[int], str]]] = {
    "unknown_dates": [
        months(GERMAN, "{}. {} {}"),
        months(FRENCH, "{} {} {}"),
        months(DOTTED, "{1} {0}, {2}"),
        months(DOTTED, "{}th {} {}"),
        day("%a, %d %b %Y %H:%M:%S CET"),
        lambda n: day(["%Y-%m-%d", "%d.%m.%Y"][n % 2])(n),
        lambda n: f"{2000 + n // 4}Q{n % 4 + 1}",
        lambda n: f"Q{n % 4 + 1} {2000 + n // 4}",
        lambda n: f"KW {n % 52 + 1}/{2010 + n % 9}",
        lambda n: f"/Date({1546300800000 + n * 3600000})/",
    ],
    "clocks": [
        lambda n: f"{n % 24:02d}:{n % 60:02d}",
        lambda n: f"{n % 12 + 1}:{n % 60:02d}:00 PM",
        lambda n: f"{n} days 00:{n % 60:02d}:00",
        lambda n: f"PT{n}M",
        lambda n: f"{n % 9}h {n % 60}m",
    ],
    "units": [
        lambda n: f"{n}.50 {['CR', 'DR'][n % 2]}",
        lambda n: f"{n}.5{'KM'[n % 2]}",
        lambda n: f"~{n}",
        lambda n: f"<{n}" if n % 10 == 0 else f"{n}.5",
        lambda n: f"'{n}.5",
        lambda n: f'="{n}"',
    ],
    "several_numbers": [
        lambda n: f"{90 + n}/{60 + n % 40}",
        lambda n: f"{n}-{n + 9}",
        lambda n: f"{n % 90}.5,{n}.25",
        lambda n: f"{n}\u00b1{n % 5}",
    ],
    "structures": [lambda n: f"[{n}, {n + 1}]", lambda n: f'{{"a": {n}}}'],
}


def texts(cell: Callable[[int], str], rows: int = 120) -> pd.Series:
    return pd.Series([cell(n) for n in range(rows)], dtype="str")


@pytest.mark.parametrize(
    ("code", "cell"), [(code, cell) for code, several in SHAPES.items() for cell in several]
)
def test_what_is_not_read_is_named_and_is_no_id(code: str, cell: Callable[[int], str]) -> None:
    column = texts(cell)
    reading, (seen,) = infer(pd.DataFrame({"x": column}), SOURCE)
    assert (seen.code, seen.level) == (code, "warning"), column.iloc[0]
    assert repr(column.iloc[0]) in seen.seen
    assert (reading.dtypes, reading.numberlike) == ({"x": "str"}, {"x"})


def test_levels_are_left_in_peace() -> None:
    for levels in (["<=50K", ">50K"], ["18-25", "26-35", "36+"], ["1 star", "2 stars"]):
        assert shape("x", pd.Series(levels, dtype="str"), european=False) is None


@pytest.mark.parametrize(
    "text",
    ["INV-{:05d}", "C{:04d}", "A{0}-{0}", "{:08x}-ab", "555-{:04d}", "Room {}", "may{}",
     "10.0.0.{}", "2019-{:03d}", "{}A{}B"],
)  # fmt: skip
def test_codes_are_left_in_peace(text: str) -> None:
    column = texts(lambda n: text.format(n, n + 1))
    assert shape("x", column, european=False) is None
    assert infer(pd.DataFrame({"x": column}), SOURCE)[0].dtypes == {"x": "str"}


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("{} Kč", 1, "Kč"), ("{},50 \u0440.", 1.5, "\u0440."), ("R$ {}.234,50", 1234.5, "R$"),
        ("US${},234.50", 1234.5, "US$"), ("Rs. {}", 1, "Rs."), ("{} m²", 1, "m²"),
        ("{}.5 kmpl", 1.5, "kmpl"), ("{} mg/dl", 1, "mg/dl"), ("{}GB", 1, "GB"), ("{}°", 1, "°"),
        ("\u20ac\u00a0{}", 1, "\u20ac"),
    ],
)  # fmt: skip
def test_one_unit_is_read_whatever_it_is(text: str, value: float, unit: str) -> None:
    raw = pd.DataFrame({"x": texts(lambda n: text.format(n + 1))})
    reading, seen = infer(raw, SOURCE)
    assert (reading.signs["x"].unit, typed(raw, reading)["x"].iloc[0]) == (unit, value)
    assert any(finding.code == "units" for finding in seen)
    assert reading.numberlike == {"x"}  # a quantity is no id


@pytest.mark.parametrize("text", ["{}.5\u200b", "\ufeff{}.5", "\u2013{}.5", "\uff0d{}.5"])
def test_what_nobody_sees_is_no_part_of_a_number(text: str) -> None:
    raw = pd.DataFrame({"x": texts(lambda n: text.format(n))})
    reading, _ = infer(raw, SOURCE)
    assert typed(raw, reading)["x"].abs().iloc[3] == 3.5


@pytest.mark.parametrize("odd", ["9999-12-31", "0000-00-00", "2019-02-31", "soon"])
def test_dates_but_for_a_few_texts_are_named(odd: str) -> None:
    column = texts(lambda n: odd if n % 20 == 3 else day("%Y-%m-%d")(n))
    raw = pd.DataFrame({"x": column})
    reading, (seen,) = infer(raw, SOURCE)
    assert (seen.code, reading.dtypes["x"]) == ("mixed_types", "str")
    assert f"dates, but 6 rows hold {odd!r}" in seen.seen
    assert f"--missing 'x={odd}'" in seen.done
    reading, _ = infer(raw, SOURCE, Hints(missing={"x": odd}))
    assert typed(raw, reading)["x"].isna().sum() == 6


def test_a_date_that_does_not_fit_is_a_cell_to_refuse() -> None:
    column = pd.Series(["2019-01-05", "9999-12-31", "1500-01-05", None], dtype="str")
    read = cells.dates(column, "ISO8601")
    assert read.iloc[0] == pd.Timestamp("2019-01-05")
    assert read.iloc[1:3].tolist() == ["9999-12-31", "1500-01-05"]
    assert cells.number("1e400", ".", None) == "1e400"


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        (day("%Y%m%d%H%M"), "%Y%m%d%H%M"), (day("%Y%m%d%H%M%S"), "%Y%m%d%H%M%S"),
        (lambda n: f"{1546300800 + n}.25", "epoch s"), (day("%d%m%Y"), "%d%m%Y"),
        (lambda n: str(1546300800000000 + n), "epoch us"),
        (lambda n: f"15463008{n:011d}", "epoch ns"),
    ],
)  # fmt: skip
def test_digits_that_may_be_dates_are_named(cell: Callable[[int], str], form: str) -> None:
    raw = pd.DataFrame({"x": texts(cell)})
    _, (seen,) = infer(raw, SOURCE)
    assert (seen.code, f"x={form}'" in seen.done) == ("dates_in_numbers", True)
    reading, _ = infer(raw, SOURCE, Hints(date={"x": form}))
    assert typed(raw, reading)["x"].dt.year.eq(2019).sum() > 50


def test_fractions_of_days_are_dates_by_their_name_only() -> None:
    values = pd.Series([43000.5 + n for n in range(9)])
    assert (counted("start_date", values), counted("x", values)) == ("excel", None)


def test_a_quantity_is_no_id_and_an_id_still_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({"code": texts(lambda n: f"C{n:04d}"), "size": texts("{} m²".format)})
    frame.assign(z=frame.index % 7, t=["ja", "nein"] * 60).to_csv(tmp_path / "a.csv", index=False)
    profile, _ = examine(tmp_path / "a.csv", Wishes("t"), None, lambda _: None)
    assert {c.name: c.role for c in profile.columns if c.role != "target"} == {
        "code": "id", "size": "feature", "z": "feature",
    }  # fmt: skip
