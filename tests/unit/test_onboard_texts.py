"""Texts become numbers, dates and codes column by column, and what was assumed is said."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tdsp.errors import OnboardError
from tdsp.onboard import cells
from tdsp.onboard.flow import Wishes, examine
from tdsp.onboard.profile import Finding, Hints, Reading, infer, typed
from tdsp.onboard.readers import read

ROWS = 300
ROOT = Path(__file__).parents[2]


def see(
    folder: Path, sep: str = ",", hints: Hints | None = None, **columns: Callable[[int], str]
) -> tuple[Reading, dict[str | None, Finding], pd.DataFrame]:
    """Write the columns of a file, and return how they are read, the findings and the values."""
    frame = pd.DataFrame({name: [cell(n) for n in range(ROWS)] for name, cell in columns.items()})
    frame.assign(t=["ja", "nein"] * (ROWS // 2)).to_csv(folder / "a.csv", index=False, sep=sep)
    raw, source = read(folder / "a.csv")
    reading, findings = infer(raw, source, hints)
    return reading, {f.column: f for f in findings}, typed(raw, reading)


def day(form: str) -> Callable[[int], str]:
    return lambda n: (pd.Timestamp("2019-01-05") + pd.Timedelta(n * 73, "h")).strftime(form)


def test_the_project_reads_with_the_very_same_file() -> None:
    theirs = ROOT / "template/src/{{ package_name }}/io/cells.py"
    assert theirs.read_bytes() == Path(cells.__file__).read_bytes()


def test_each_column_has_its_own_decimal_sign(tmp_path: Path) -> None:
    reading, _, frame = see(tmp_path, a=lambda n: f"{n},34", b=lambda n: f"0.{n:03d}")
    assert (frame["a"].max(), frame["b"].max()) == (299.34, 0.299)
    assert (reading.decimal, reading.columns) == (".", {"a": {"decimal": ","}})


@pytest.mark.parametrize(
    ("sep", "text", "value", "other"),
    [(";", "63.{:03d}", 63100, "."), (",", "63.{:03d}", 63.1, ","), (",", "63,{:03d}", 63100, ",")],
)
def test_a_sign_of_thousands_or_decimals_is_never_guessed_in_silence(
    sep: str, text: str, value: float, other: str, tmp_path: Path
) -> None:
    _, found, frame = see(tmp_path, sep, x=lambda n: text.format(100 + n))
    assert frame["x"].min() == pytest.approx(value)
    assert (found["x"].code, found["x"].level) == ("unsure_sign", "warning")
    assert f"--decimal x={other}" in found["x"].done
    _, found, frame = see(
        tmp_path, sep, Hints(decimal={"x": other}), x=lambda n: text.format(100 + n)
    )
    assert frame["x"].min() != pytest.approx(value)
    assert "x" not in found


@pytest.mark.parametrize(
    ("text", "value", "entry"),
    [
        ("{:d}\u202f498,50", 1498.5, {}),
        ("{:d}'378", 1378, {}),
        ("({:d}.50)", -1.5, {}),
        ("\u2212{:d}.5", -1.5, {}),
        ("12,34,{:03d}", 1234001, {}),
        ("${:d},234.50", 1234.5, {"decimal": ".", "thousands": ",", "unit": "$"}),
        ("{:d}.5 %", 1.5, {"decimal": ".", "unit": "%"}),
        ("{:d}.5 kg", 1.5, {"decimal": ".", "unit": "kg"}),
    ],
)
def test_numbers_of_many_makes(
    text: str, value: float, entry: dict[str, str], tmp_path: Path
) -> None:
    reading, _, frame = see(tmp_path, ";", x=lambda n: text.format(n % 200 + 1))
    assert frame["x"].iloc[0] == value
    assert reading.columns.get("x", {}) == entry


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("%Y%m%dT%H%M%S", "ISO8601"),
        ("%Y/%m/%d %H:%M:%S.000", "%Y/%m/%d %H:%M:%S.%f"),
        ("%d/%m/%y", "%d/%m/%y"),
        ("%d-%b-%y", "%d-%b-%y"),
        ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M %p"),
        ("%b %Y", "%b %Y"),
        ("%Y-%m", "ISO8601"),
        ("%B %d, %Y", "%B %d, %Y"),
        ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S UTC"),
        ("%G-W%V-%u", "%G-W%V-%u"),
        ("%Y-%m-%dT%H:%M:%SZ", "ISO8601"),
    ],
)
def test_dates_of_many_makes(text: str, form: str, tmp_path: Path) -> None:
    reading, found, _ = see(tmp_path, x=day(text))
    assert reading.dates == {"x": form}
    assert form in found["x"].done


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("%Y%m", "dates_in_numbers", "x=%Y%m"),
        ("%s", "dates_in_numbers", "x=epoch s"),
        ("%s000", "dates_in_numbers", "x=epoch ms"),
        ("%G-W%V", "unknown_dates", "--date x="),
    ],
)
def test_what_may_be_dates_is_named(text: str, code: str, words: str, tmp_path: Path) -> None:
    reading, found, _ = see(tmp_path, x=day(text))
    assert reading.dates == {}
    assert (found["x"].code, words in found["x"].done) == (code, True)


def test_dates_are_read_as_the_user_says(tmp_path: Path) -> None:
    hints = Hints(date={"x": "%Y%m", "y": "%d/%m/%Y"})
    reading, _, frame = see(
        tmp_path, hints=hints, x=day("%Y%m"), y=lambda n: f"0{n % 9 + 1}/02/2024"
    )
    assert reading.dates == hints.date
    assert frame["x"].iloc[0] == pd.Timestamp("2019-01-01")
    assert frame["y"].iloc[0] == pd.Timestamp("2024-02-01")
    with pytest.raises(OnboardError, match="is no date of the format"):
        see(tmp_path, hints=Hints(date={"x": "%d"}), x=day("%Y%m"))


def test_offsets_are_read_in_utc_and_gaps_are_named(tmp_path: Path) -> None:
    moments = ["2024-03-31T01:30:00+01:00", "2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00"]
    _, found, frame = see(tmp_path, x=lambda n: moments[n % 2], y=lambda n: moments[n % 3])
    assert frame["x"].iloc[1] == pd.Timestamp("2024-10-27 00:30")
    assert ("UTC" in found["x"].done, found["x"].level) == (True, "note")
    assert ("without an offset" in found["y"].done, found["y"].level) == (True, "warning")


def test_a_missing_text_is_named_and_can_be_kept(tmp_path: Path) -> None:
    columns: dict[str, Callable[[int], str]] = {
        "grade": lambda n: ["NA", "EU", "AS"][n % 3],
        "q": lambda n: ["?", "x", "unknown"][n % 3],
        "n": lambda n: ["unknown", str(n)][n % 2],
    }
    reading, found, frame = see(tmp_path, **columns)
    assert "100 rows hold 'NA'" in found["grade"].seen
    assert ("--value grade=NA" in found["grade"].done, found["grade"].level) == (True, "warning")
    assert reading.columns == {"q": {"missing": ["?"]}}  # where unknown is a value
    assert frame["q"].value_counts().to_dict() == {"x": 100, "unknown": 100}
    reading, _, frame = see(tmp_path, hints=Hints(value={"grade": "NA"}), **columns)
    assert frame["grade"].notna().all()
    assert "NA" not in reading.missing


def test_part_numbers_are_codes(tmp_path: Path) -> None:
    reading, found, frame = see(
        tmp_path, part=lambda n: ["9E2", "8E5", "700"][n % 3], x=lambda n: f"{n}.5e-3"
    )
    assert (found["part"].code, reading.dtypes["part"]) == ("codes", "str")
    assert frame["x"].dtype == "float64"


def test_true_has_one_spelling(tmp_path: Path) -> None:
    _, _, frame = see(tmp_path, flag=lambda n: ["TRUE", "true", "False"][n % 3])
    assert set(frame["flag"]) == {"True", "False"}


def test_a_number_in_text_is_never_an_id(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": range(ROWS), "price": [f"{n} {'€$'[n % 2]}" for n in range(ROWS)]})
    frame.assign(t=["ja", "nein"] * (ROWS // 2)).to_csv(tmp_path / "a.csv", index=False)
    profile, _ = examine(tmp_path / "a.csv", Wishes("t", keep=("x",)), None, lambda _: None)
    assert profile.role("id") == []
