"""Rows that are no rows, files that are no tables, and names and levels that are hardly apart."""

from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path

import pandas as pd
import pytest

from tdsp.errors import OnboardError
from tdsp.onboard.flow import Wishes, examine
from tdsp.onboard.profile import Finding, Profile, infer
from tdsp.onboard.readers import Source, read

HEAD = "a,b,t\n"


def rows(count: int, cell: Callable[[int], str] = lambda n: f"k{n % 5}", start: int = 0) -> str:
    lines = range(start, start + count)
    return "".join(f"{n % 17}.5,{cell(n)},{['ja', 'nein'][n % 13 % 2]}\n" for n in lines)


def look(folder: Path, content: bytes | str) -> tuple[Profile, dict[str, Finding]]:
    path = folder / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    profile, _ = examine(path, Wishes("t"), None, lambda _: None)
    return profile, {finding.code: finding for finding in profile.findings}


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (HEAD + rows(90) + HEAD + rows(90), "repeated_header", "as row 91 (1 such rows)"),
        (HEAD + "m,kg,yes or no\n" + rows(90), "second_header", "'m', 'kg', 'yes or no'"),
        (HEAD + rows(90) + "Source: agency 2020\n", "footer", "'Source: agency 2020'"),
        (HEAD + rows(90) + "\n\n(90 rows affected),,\n", "footer", "'(90 rows affected)'"),
        (HEAD + rows(90) + ",,\n" * 3 + rows(90), "empty_rows", "3 rows without any value"),
    ],
)
def test_a_row_that_is_none_is_named(content: str, code: str, words: str, tmp_path: Path) -> None:
    assert words in look(tmp_path, content)[1][code].seen


def test_plain_rows_are_left_in_peace(tmp_path: Path) -> None:
    _, found = look(tmp_path, HEAD + rows(90) + ",k1,ja\n" + "1.5,,\n" + rows(3))
    assert not found.keys() & {"repeated_header", "second_header", "footer", "empty_rows"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html><table><tr><td>a</td></tr></table></html>", "like HTML or XML"),
        (b"\n<!DOCTYPE HTML>\n<p>a</p>", "like HTML or XML"),
        (b"<?xml version='1.0'?>\n<rows/>", "like HTML or XML"),
        (b'[{"a": 1, "t": "x"}]', "like JSON"),
        (b"@relation x\n@attribute a numeric\n", "like ARFF"),
        (("sep=;\n" + HEAD + rows(90)).encode(), "like a file for Excel only, with 'sep=;'"),
        ((HEAD + rows(40_000)).encode() + b"1\x00,k,ja\n", "holds zero bytes"),
        (b"\xef\xbb\xbf" * 2 + (HEAD + rows(90)).encode(), r"'\ufeffa' holds a sign that nobody"),
        ((HEAD + rows(90).replace("\n", ",x\n")).encode(), "more fields than the header"),
    ],
)
def test_what_is_no_table_is_refused_by_its_name(
    content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(OnboardError, match=words.replace("\\", r"\\")):
        read(tmp_path / "a.csv")


def test_a_header_with_tags_is_a_header(tmp_path: Path) -> None:
    profile, _ = look(tmp_path, HEAD.replace("a", "<b>a</b>", 1) + rows(90))
    assert profile.columns[0].name == "<b>a</b>"


def test_letters_that_were_guessed_are_shown(tmp_path: Path) -> None:
    _, found = look(tmp_path, ("größe,b,t\n" + rows(90)).encode("latin-1"))
    assert (found["encoding"].level, "'größe'" in found["encoding"].seen) == ("warning", True)
    assert "--encoding" in found["encoding"].done


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (["rot", "rot\u200b", "blau"], "nobody sees"),
        (["rot", "rot\u00a0", "blau"], "differ by"),
        (["Z\u00fcrich", "Zu\u0308rich", "Bern"], "differ by"),
        (["True", "1", "0", "False"], "yes and no"),
        (["ja", "nein", "yes"], "yes and no"),
    ],
)
def test_levels_that_are_the_same_are_named(levels: list[str], words: str, tmp_path: Path) -> None:
    _, found = look(tmp_path, HEAD + rows(120, lambda n: levels[n // 2 % len(levels)]))
    assert words in found["variants"].seen


def test_names_that_are_hardly_apart_are_named(tmp_path: Path) -> None:
    _, found = look(tmp_path, "b, B,t\n" + rows(90))
    assert "'b', ' B'" in found["near_names"].seen
    assert not look(tmp_path, "a,b,t\n" + rows(90))[1].keys() & {"near_names", "variants"}


def test_a_random_split_over_time_is_warned_of(tmp_path: Path) -> None:
    day = pd.Timestamp("2024-01-01")
    _, found = look(tmp_path, HEAD + rows(90, lambda n: f"{day + pd.Timedelta(n, 'D'):%Y-%m-%d}"))
    assert found["time_candidate"].level == "warning"
    assert "split at random" in found["time_candidate"].done
    profile, _ = examine(tmp_path / "a.csv", Wishes("t", time="b"), None, lambda _: None)
    assert not [f for f in profile.findings if f.code == "time_candidate"]


def test_dates_of_a_typed_file_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    days = [datetime(2024, 1, 1), datetime(9999, 12, 31)] * 50
    frame = pd.DataFrame({"x": days, "z": range(100), "t": ["ja", "nein", "ja", "ja"] * 25})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(OnboardError, match="'x' holds dates from 2024-01-01 to 9999-12-31"):
        examine(tmp_path / "a.parquet", Wishes("t"), None, lambda _: None)


def test_cells_of_a_workbook_that_are_no_texts_are_no_rows_that_are_none(tmp_path: Path) -> None:
    times = [time(n % 24, n % 60) for n in range(90)]
    frame = pd.DataFrame({"x": times, "z": range(90), "t": ["ja", "nein", "ja"] * 30})
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    profile, _ = examine(tmp_path / "a.xlsx", Wishes("t", keep=("z",)), None, lambda _: None)
    assert "clocks" in {f.code for f in profile.findings if f.column == "x"}
    assert not profile.role("id")


def test_durations_of_a_typed_file_are_named() -> None:
    raw = pd.DataFrame({"x": pd.to_timedelta(range(90), "h")})
    reading, (seen,) = infer(raw, Source(Path("a.parquet"), "parquet"))
    assert (seen.code, reading.numberlike) == ("clocks", {"x"})


def test_whole_numbers_of_a_typed_file_keep_their_digits(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [2**60 + n for n in range(90)], "z": [n % 7 for n in range(90)]})
    frame.assign(t=["ja", "nein", "ja"] * 30).to_parquet(tmp_path / "a.parquet")
    profile, typed = examine(tmp_path / "a.parquet", Wishes("t"), None, lambda _: None)
    assert "codes" in {f.code for f in profile.findings if f.column == "x"}
    assert (profile.role("id"), typed["x"].iloc[1]) == (["x"], str(2**60 + 1))


def test_a_number_beyond_all_numbers_is_a_cell_to_correct() -> None:
    column = pd.Series(["1e400" if n == 7 else f"{n}.5" for n in range(100)], dtype="str")
    reading, (seen,) = infer(pd.DataFrame({"x": column}), Source(Path("a.csv"), "csv"))
    assert (reading.dtypes["x"], seen.code, "'1e400'" in seen.seen) == ("str", "mixed_types", True)


def test_a_target_of_several_labels_is_named(tmp_path: Path) -> None:
    def target(levels: list[str]) -> dict[str, Finding]:
        lines = [f"{n % 17}.5,k{n % 5},{levels[n % len(levels)]}" for n in range(120)]
        return look(tmp_path, HEAD + "\n".join(lines))[1]

    assert "'x|y'" in target(["x|y", "y", "x|z"])["several_labels"].seen
    assert "several_labels" not in target(["north/south", "a-b", "n/a-ish", "B/C"])


@pytest.mark.parametrize(
    ("mark", "named"),
    [("-99", True), ("-999.9", True), ("8888", True), ("-2147483648", True), ("60", False)],
)
def test_a_number_far_from_all_others_is_named(mark: str, named: bool, tmp_path: Path) -> None:
    lines = [f"{mark if n % 9 == 0 else n % 50},k{n % 5},{'ab'[n % 13 % 2]}" for n in range(180)]
    _, found = look(tmp_path, HEAD + "\n".join(lines))
    assert ("marker" in found) == named


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("is_male", "sensitive_candidate"),
        ("hispanic", "sensitive_candidate"),
        ("idade", "sensitive_candidate"),
        ("\u0432\u043e\u0437\u0440\u0430\u0441\u0442", "sensitive_candidate"),
        ("Geburtsdatum", "personal_data"),
        ("fecha_nacimiento", "personal_data"),
        ("telefono", "personal_data"),
    ],
)
def test_people_are_noticed_in_other_languages(name: str, code: str, tmp_path: Path) -> None:
    _, found = look(tmp_path, f"{name},b,t\n" + rows(90))
    assert found[code].column == name


@pytest.mark.parametrize("name", ["usage", "Mileage", "package"])
def test_a_part_of_a_word_is_no_attribute_of_people(name: str, tmp_path: Path) -> None:
    assert "sensitive_candidate" not in look(tmp_path, f"{name},b,t\n" + rows(90))[1]


@pytest.mark.parametrize(("word", "dtype"), [("k. A.", "float64"), ("verweigert", "str")])
def test_a_word_in_many_rows_of_numbers_is_named(word: str, dtype: str) -> None:
    column = pd.Series([word if n % 9 == 0 else f"{n}.5" for n in range(180)], dtype="str")
    reading, (seen,) = infer(pd.DataFrame({"x": column}), Source(Path("a.csv"), "csv"))
    assert (reading.dtypes["x"], seen.code) == (dtype, "mixed_types")
    assert f"20 rows hold {word!r}" in seen.seen
