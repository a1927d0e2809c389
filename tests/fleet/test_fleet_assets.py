"""What others may use is found where it is described, and described in words."""

import pytest

from tdsp.fleet.assets import LONGEST, MOST, assets
from tdsp.reading import read_texts

DICTIONARY = """# Data dictionary

Source: `data/raw/leavers.csv`, 900 rows. Written by
`tdsp onboard`.

| column | meaning |
| --- | --- |
| tenure | [open: meaning] |
| left | who left |
"""
BUILD = (
    '[build-system]\nrequires = ["hatchling"]\n[project]\nname = "features"\ndescription = "Ours"\n'
)
DVC = """stages:
  split: {cmd: x, deps: [data/raw.csv, src/a.py, "${data.path}"], outs: [data/train.parquet]}
  train: {cmd: x, deps: [data/train.parquet], outs: [{models/m.pkl: {cache: false}}]}
"""


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("docs/data/dictionary.md", DICTIONARY, ("data set", "data/raw/leavers.csv",
         "Source: data/raw/leavers.csv, 900 rows. Columns: tenure, left")),
        ("schema.yaml", "columns: {a: {}, b: {}}\n", ("data set", "schema.yaml", "Columns: a, b")),
        ("data/x.csv.dvc", "outs: [{md5: a, size: 2500000, path: x.csv}]\n",
         ("data set", "x.csv", "Versioned by DVC, 2.5 MB.")),
        ("dvc.yaml", DVC, ("data set", "data/raw.csv", "Read by the pipeline in dvc.yaml.")),
        ("docs/model/card.md", "# Model card: Leavers\n\n- Predicts: `left`, see [x](y.md)\n",
         ("model", "Leavers", "Predicts: left, see x")),
        ("models/m/MLmodel", "flavors: {sklearn: {}, python_function: {}}\n",
         ("model", "m", "MLflow model: sklearn, python_function")),
        ("pyproject.toml", BUILD, ("package", "features", "Ours")),
        ("patterns/online.yaml", "# A service.\nserving: online\n",
         ("pattern", "online", "A service.")),
        ("docs/patterns/gate.md", "# The gate\n\nIt stops a bad model.\n",
         ("pattern", "The gate", "It stops a bad model.")),
    ],
)  # fmt: skip
def test_it_is_found(path: str, text: str, expected: tuple[str, str, str]) -> None:
    found = assets(read_texts({path: text}))
    assert [(each.kind, each.name, each.description) for each in found] == [expected]
    assert found[0].path == path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", BUILD + 'classifiers = ["Private :: Do Not Upload"]\n'),
        ("pyproject.toml", '[project]\nname = "only-a-project"\n'),
        ("tests/data/dictionary.md", DICTIONARY),
        ("vendor/x/pyproject.toml", BUILD),
        ("dvc.yaml", "stages: [1, 2]\n"),
        ("dvc.yaml", "stages: {a: {deps: 3, outs: {x: y}}}\n"),
        ("a.csv.dvc", "outs: x\n"),
        ("schema.yaml", "columns: 3\n"),
        ("pyproject.toml", "[build-system]\nrequires = []\n[project]\nname = 3\n"),
    ],
)
def test_it_is_not_for_others_or_not_described(path: str, text: str) -> None:
    assert assets(read_texts({path: text})) == ()


def test_there_is_an_end_to_names_and_numbers() -> None:
    texts: dict[str, str | bytes] = {
        f"patterns/p{number:03}.yaml": f"# {'x ' * LONGEST}\na: 1\n" for number in range(MOST + 9)
    }
    found = assets(read_texts(texts))
    assert len(found) == MOST
    assert {len(each.description) for each in found} == {LONGEST}


def test_a_dictionary_stands_for_its_schema() -> None:
    found = assets(read_texts({"d/dictionary.md": DICTIONARY, "schema.yaml": "columns: {a: {}}\n"}))
    assert [each.name for each in found] == ["data/raw/leavers.csv"]
