"""Reading tables of every make: `tdsp.onboard.readers` and the typing in `profile`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tdsp.errors import OnboardError
from tdsp.onboard.flow import Wishes, propose_problem
from tdsp.onboard.profile import infer, typed
from tdsp.onboard.readers import detect, read

TABLE = pd.DataFrame(
    {
        "name": ["Zoë", "Łukasz", "Ana", "José"] * 10,
        "weight": [1.5, 20.25, -3.125, 4.0] * 10,
        "joined": ["2024-01-31", "2023-12-01", "2022-02-28", "2021-06-15"] * 10,
        "code": ["00123", "04560", "00007", "12345"] * 10,
        "label": ["yes", "no", "yes", "no"] * 10,
    }
)


def load(path: Path) -> pd.DataFrame:
    raw, source = read(path)
    return typed(raw, infer(raw, source)[0])


def expected(encoding: str = "utf-8") -> pd.DataFrame:
    names = TABLE["name"].str.encode(encoding, "replace").str.decode(encoding)
    return TABLE.assign(
        name=names.astype("str"), joined=pd.to_datetime(TABLE["joined"]).astype("datetime64[ns]")
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_delimiter_and_unicode_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = tmp_path / "table.csv"
    TABLE.to_csv(path, sep=delimiter, encoding=encoding, index=False)
    pd.testing.assert_frame_equal(load(path), expected())
    assert detect(path).delimiter == delimiter


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_western_single_byte_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "table.txt"
    path.write_bytes(TABLE.to_csv(sep=";", decimal=",", index=False).encode(encoding, "replace"))
    pd.testing.assert_frame_equal(load(path), expected(encoding))


def test_japanese_encoding(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    frame = pd.DataFrame(
        {"顧客": ["東京都", "大阪府", "北海道の顧客"] * 30, "解約": ["はい", "いいえ", "はい"] * 30}
    )
    path.write_bytes(frame.to_csv(index=False).encode("shift_jis"))
    pd.testing.assert_frame_equal(load(path), frame)


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("cp1250", "Řím"),
        ("cp1251", "Москва"),
        ("cp850", "Größe"),
        ("cp932", "①"),
        ("cp1256", "نعم"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_an_encoding_that_is_given_is_not_guessed(
    tmp_path: Path, suffix: str, encoding: str, word: str
) -> None:
    """By their bytes alone most of these are taken for another one."""
    path, frame = tmp_path / f"a{suffix}", pd.DataFrame({"a": [word] * 60, "b": ["x"] * 60})
    lines = frame.to_json(orient="records", lines=True, force_ascii=False)
    path.write_bytes((frame.to_csv(index=False) if suffix == ".csv" else lines).encode(encoding))
    raw, source = read(path, encoding=encoding.upper())
    assert (raw["a"].tolist(), source.encoding) == (frame["a"].tolist(), encoding)


@pytest.mark.parametrize(
    ("name", "encoding", "words"),
    [
        ("a.csv", "klingon", "is not known. It is a name such as"),
        ("a.csv", "base64", "is not known"),
        ("a.csv", "cp\0x", "is not known"),
        ("a.csv", "utf-8", "holds bytes that this one has not"),
        ("a.csv", "utf-16", "holds bytes that this one has not"),
        ("a.parquet", "cp1252", "is parquet, whose text has no other"),
    ],
)
def test_an_encoding_that_cannot_be_is_refused(
    tmp_path: Path, name: str, encoding: str, words: str
) -> None:
    TABLE.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_bytes("größe,t\n1,2\n".encode("cp1252"))
    with pytest.raises(OnboardError, match=words):
        read(tmp_path / name, encoding=encoding)


def test_decimal_comma_with_thousands_points(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a;b;y\n" + "1.234,5;0,25;ja\n12,0;1.000.000;nein\n" * 20, encoding="utf-8")
    frame = load(path)
    assert frame["a"].tolist()[:2] == [1234.5, 12.0]
    assert frame["b"].tolist()[:2] == [0.25, 1_000_000.0]


def test_decimal_point_with_thousands_commas(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('a,b,y\n"1,234",0.5,u\n"1,000,000",7.25,v\n', encoding="utf-8")
    frame = load(path)
    assert frame["a"].tolist() == [1234.0, 1_000_000.0]
    assert frame["b"].tolist() == [0.5, 7.25]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_quotes_and_inner_newlines(tmp_path: Path, end: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(end.join(["a,b", '"x, y",1', '"two\nlines",2', '"say ""hi""",3']).encode())
    assert load(path)["a"].tolist() == ["x, y", "two\nlines", 'say "hi"']


def test_header_with_other_signs_inside_fields(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("price;note;y\n" + "1,5;a,b,c;0\n2,5;d;1\n" * 10, encoding="utf-8")
    assert load(path)["price"].tolist()[:2] == [1.5, 2.5]


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx", ".jsonl", ".json"])
def test_other_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        TABLE.to_parquet(path, index=False)
    elif suffix == ".xlsx":
        TABLE.to_excel(path, index=False)
    else:
        TABLE.to_json(path, orient="records", lines=True)
    pd.testing.assert_frame_equal(load(path), expected())


def test_typed_formats_keep_dates_booleans_and_gaps(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "when": pd.to_datetime(["2024-01-01", None, "2024-03-01 10:30"], format="ISO8601"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "count": pd.array([1, None, 3], dtype="Int64"),
        }
    )
    frame.to_parquet(tmp_path / "table.parquet")
    frame.to_excel(tmp_path / "table.xlsx", index=False)
    for name in ("table.parquet", "table.xlsx"):
        seen = load(tmp_path / name)
        assert seen["when"].dtype == "datetime64[ns]"
        assert seen["flag"].dropna().tolist() == ["True", "False"]
        assert seen["count"].dropna().tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["31/12/2023", "01/02/2024"], "%d/%m/%Y"),
        (["12/31/2023", "02/01/2024"], "%m/%d/%Y"),
        (["31.12.2023 10:15", "01.02.2024 00:00"], "%d.%m.%Y %H:%M"),
        (["20231231", "20240201"], "%Y%m%d"),
        (["2023-12-31", "2024-02-01T10:00:00Z"], "ISO8601"),
        (["03/04/2023", "04/03/2023"], None),
    ],
)
def test_dates_in_text(tmp_path: Path, texts: list[str], form: str | None) -> None:
    path = tmp_path / "table.csv"
    pd.DataFrame({"d": texts * 5, "y": [0, 1] * 5}).to_csv(path, index=False)
    raw, source = read(path)
    reading, _ = infer(raw, source)
    assert reading.dates.get("d") == form
    assert reading.dtypes["d"] == ("datetime64[ns]" if form else "str")


BROKEN = {
    "empty.csv": (b"", "empty"),
    "blank.csv": (b" \n \n", "empty"),
    "header.csv": (b"a,b,c\n", "no rows"),
    "one.csv": (b"a\n1\n2\n", "one column"),
    "twice.csv": (b"a,b,a\n1,2,3\n", "occurs 2 times"),
    "unnamed.csv": (b",a,b\n0,1,2\n", "no name"),
    "ragged.csv": (b"a,b\n1,2\n1,2,3\n", "line 3"),
    "trailing.csv": (b"a,b\n1,2,3\n1,2,3\n", "more fields than the header"),
    "binary.csv": (bytes(range(256)) * 8, "binary"),
    "image.csv": (b"\x89PNG\r\n\x1a\n", "an image"),
    "packed.csv": (b"\x1f\x8b\x08\x00", "unpack"),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1", ".xlsx"),
    "zip.csv": (b"PK\x03\x04" + bytes(64), "cannot be read as excel"),
    "torn.xlsx": (b"PK\x03\x04" + bytes(64), "cannot be read as excel"),
    "named.parquet": (b"a,b\n1,2\n", "not a readable parquet"),
    "torn.parquet": (b"PAR1" + bytes(64), "cannot be read as parquet"),
    "array.json": (b'[{"a": 1}]', "One row per line"),
    "pretty.json": (b'{\n  "a": 1\n}', "line 1"),
    "nested.jsonl": (b'{"a": {"b": 1}, "c": 2}\n', "nested"),
    "torn16.csv": (b"\xff\xfea\x00,\x00b\x00\n\x00\xd8", "damaged"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_say_what_and_where(tmp_path: Path, name: str) -> None:
    content, words = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OnboardError, match=words) as error:
        read(tmp_path / name)
    assert name in str(error.value)


def test_lines_above_the_header_are_named(tmp_path: Path) -> None:
    text = "Sales report\nmade on Monday\n\na,b,c\n" + "1,2,3\n" * 60
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(OnboardError, match="Remove the lines above"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}])
def test_lists_and_structures_are_refused(cell: object, tmp_path: Path) -> None:
    pd.DataFrame({"a": [cell] * 9, "b": 1}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(OnboardError, match="Flatten it"):
        read(tmp_path / "a.parquet")


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        pd.DataFrame({"about": ["x"], "this": ["y"]}).to_excel(book, sheet_name="cover")
        TABLE.to_excel(book, sheet_name="rows", index=False)
    raw, source = read(tmp_path / "a.xlsx", "rows")
    assert (len(raw), source.sheets) == (40, ("cover", "rows"))
    with pytest.raises(OnboardError, match="it has cover, rows"):
        read(tmp_path / "a.xlsx", "gone")


def test_missing_file_and_directory(tmp_path: Path) -> None:
    with pytest.raises(OnboardError, match="does not exist"):
        read(tmp_path / "none.csv")
    with pytest.raises(OnboardError, match="is a directory"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["yes", "no"], "classification"),
        ([0, 1], "classification"),
        ([1, 2, 3, 4, 5], "classification"),
        (np.linspace(0, 1, 60).tolist(), "regression"),
        (list(range(60)), "regression"),
        (["TRUE", "FALSE"], "classification"),
    ],
)
def test_propose_problem(tmp_path: Path, values: list[object], problem: str) -> None:
    path = tmp_path / "table.csv"
    target = (values * 60)[:60]
    pd.DataFrame({"x": range(60), "y": target}).to_csv(path, index=False)
    assert propose_problem(path, Wishes("y")) == problem


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    numbers=st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=3, max_size=20),
    text=CELLS.map(lambda cell: f"<{cell}>"),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_csv_round_trip(
    tmp_path: Path, numbers: list[float], text: str, delimiter: str, encoding: str
) -> None:
    path = tmp_path / "table.csv"
    frame = pd.DataFrame({"t": [f"{text}{n}" for n in range(len(numbers))], "x": numbers})
    frame.to_csv(path, sep=delimiter, encoding=encoding, index=False)
    pd.testing.assert_frame_equal(load(path), frame.astype({"t": "str"}))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(CELLS, st.integers(-9999, 9999)), min_size=1, max_size=10))
def test_json_lines_round_trip(tmp_path: Path, rows: list[tuple[str, int]]) -> None:
    path = tmp_path / "table.jsonl"
    lines = (json.dumps({"t": f"<{text}>", "n": number}) for text, number in rows)
    path.write_text("\n".join(lines), encoding="utf-8")
    frame = load(path)
    assert frame["n"].tolist() == [number for _, number in rows]
    assert frame["t"].tolist() == [f"<{text}>" for text, _ in rows]
