"""Data stay where code has their path and no edit can follow them."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.adopt.repos import CSV, make, notebook

from tdsp.adopt import build as building
from tdsp.adopt.build import Wish, build, scan
from tdsp.adopt.plan import Plan

USES = "import os, glob\npd.read_csv('out/a.csv')\ndf.to_csv('out/b.csv')\n"
FILES = {"out/a.csv": CSV, "out/b.csv": CSV + b"2,2\n", "model/old.csv": CSV + b"3,3\n"}
BOTH = {"out/a.csv", "out/b.csv"}


@pytest.fixture(autouse=True)
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "render", lambda _: {})


def planned(tmp_path: Path, code: str, level: int = 2, folder: str = "") -> Plan:
    before = f"{folder}/" if folder else ""
    files: Mapping[str, bytes] = {"go.py": (USES + code).encode(), **FILES}
    done = scan(make(tmp_path / "repo", {before + p: text for p, text in files.items()}), folder)
    return build(done, Wish(level=level, package="pkg"))


def stay(plan: Plan) -> set[str]:
    return {
        item.path for item in plan.items if item.path.endswith(".csv") and item.target == item.path
    }


@pytest.mark.parametrize(
    ("code", "held"),
    [
        ("", set()),
        ("def go(d='out'):\n    open(os.path.join(d, 'a.csv'))\n", BOTH),
        ("D = 'out'\nos.listdir(D)\n", BOTH),
        ("for each in glob.glob('out/*.csv'):\n    print(each)\n", BOTH),
        ("send('out/a.csv')\n", {"out/a.csv"}),
        ("open('out/b.csv'.upper() + '/../out')\nos.remove('out/b.csv')\n", {"out/b.csv"}),
        ("os.makedirs('out', exist_ok=True)\n", set()),
        ("D = 'out'\nif not os.path.exists(D):\n    os.makedirs(D)\n", set()),
        ("from pathlib import Path\nPath('out').mkdir()\n", set()),
        ("D = 'out'\nopen(os.path.join(D, 'a.csv'))\nopen(D + '/b.csv', 'w')\n", set()),
    ],
)
@pytest.mark.parametrize("folder", ["", "one"])
def test_what_no_edit_can_follow_stays(
    tmp_path: Path, code: str, held: set[str], folder: str
) -> None:
    plan = planned(tmp_path, code, folder=folder)
    before = f"{folder}/" if folder else ""
    assert stay(plan) - {f"{before}model/old.csv"} == {before + path for path in held}
    offered = {
        path for each in plan.offers if each.id == "paths-by-hand" for path in each.choices["stay"]
    }
    assert offered == {before + path for path in held}
    assert all(item.edits or not item.path.endswith("go.py") for item in plan.items) or held == BOTH


def test_what_stays_says_why_and_moves_if_one_says_so(tmp_path: Path) -> None:
    plan = planned(tmp_path, "send('out/a.csv')\n")
    item = next(each for each in plan.items if each.path == "out/a.csv")
    assert item.why[-1] == "go.py:4 has the path of out/a.csv where no edit can follow"
    offer = next(each for each in plan.offers if each.id == "paths-by-hand")
    assert offer.choices["move"] == {"out/a.csv": "data/raw/out/a.csv"}


def test_without_edits_nothing_is_held(tmp_path: Path) -> None:
    assert not stay(planned(tmp_path, "send('out/a.csv')\n", level=1)) & BOTH


@pytest.mark.parametrize(
    ("code", "held"),
    [
        ("", set()),
        ("send('lib/x.py')\n", {"lib/x.py"}),
        ("for each in os.listdir('lib'):\n    print(each)\n", {"lib/x.py", "lib/rows.csv"}),
        ("sys.path.append('lib')\n", set()),
        ("os.makedirs('lib', exist_ok=True)\n", set()),
        ("for each in ['lib', 'out']:\n    os.makedirs(each)\n    print(each)\n", set()),
        ("ALL = ['lib', 'out']\nfor each in ALL:\n    Path(each).mkdir()\n", set()),
        ("for each in ['lib']:\n    os.listdir(each)\n", {"lib/x.py", "lib/rows.csv"}),
        (
            "for each in ['lib']:\n    os.makedirs(each)\n    send(Path(each) / sub)\n",
            {"lib/x.py", "lib/rows.csv"},
        ),
        (
            "for each in ['lib']:\n    os.makedirs(each)\n    os.listdir(each)\n",
            {"lib/x.py", "lib/rows.csv"},
        ),
    ],
)
def test_a_folder_of_code_stays_whole(tmp_path: Path, code: str, held: set[str]) -> None:
    use = "import lib.x, other.y\nlib.x.go(other.y.z)\nopen('lib/rows.csv')\n"
    files = {
        "go.py": (use + code).encode(), "lib/x.py": b"def go(z): 1\n", "other/y.py": b"z = 1\n",
        "lib/rows.csv": CSV,
    }  # fmt: skip
    plan = build(scan(make(tmp_path / "repo", files)), Wish(level=2, package="pkg"))
    moves = {
        "go.py": "src/pkg/go.py", "other/y.py": "src/pkg/other/y.py",
        "lib/x.py": "src/pkg/lib/x.py", "lib/rows.csv": "data/raw/rows.csv",
    }  # fmt: skip
    assert plan.moves == {old: new for old, new in moves.items() if old not in held}


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("import shop.sums", "look.ipynb"),
        ("from shop import sums", "look.ipynb"),
        ("import pandas", "notebooks/look.ipynb"),
        ("import help", "notebooks/look.ipynb"),
    ],
)
@pytest.mark.parametrize("folder", ["", "one"])
def test_a_notebook_that_imports_what_stays_beside_it_stays(
    tmp_path: Path, line: str, place: str, folder: str
) -> None:
    """It finds the package in its own folder, and in no other."""
    before = f"{folder}/" if folder else ""
    files = {
        "setup.py": b"from setuptools import setup\nsetup(name='shop', packages=['shop'])\n",
        "shop/__init__.py": b"", "shop/sums.py": b"x = 1\n", "help.py": b"def go(): print(1)\n",
        "look.ipynb": notebook(line),
    }  # fmt: skip
    done = scan(make(tmp_path / "repo", {before + p: text for p, text in files.items()}), folder)
    plan = build(done, Wish(level=2, package="pkg"))
    assert {item.path: item.target for item in plan.items}[f"{before}look.ipynb"] == before + place
    offered = {each.id: each.choices.get("move", {}) for each in plan.offers}
    moves = {f"{before}look.ipynb": f"{before}notebooks/look.ipynb"}
    assert offered.get("imports-by-hand", {}) == (moves if place == "look.ipynb" else {})
    whys = {item.path: item.why[-1] for item in plan.items}
    assert ("means shop/sums.py" in whys[f"{before}look.ipynb"]) is (place == "look.ipynb")
