"""Look-alikes of what unseen repositories showed last: copies, runs of models, parts of others."""

from pathlib import Path

import pytest
from tests.adopt.repos import CSV, MODEL, PNG, Asked, Offered, P, Row, is_right
from tests.adopt.test_adopt_kinds import PY, planned

from tdsp.adopt import build as building
from tdsp.adopt.rewrite.layout import Layout
from tdsp.adopt.rewrite.resolve import Resolver
from tdsp.reading import read_texts

HELD = "MIT License\n\nCopyright (c) 2019 Ada Lovelace\n"
COPY = '"""The parts of the program."""\n'
RUN = "src/pickles/2019_07_06_rnn"
ROWS: dict[str, Row] = {
    "LICENSE": (HELD, "document", "LICENSE"),
    "README.md": ("![a](figs/cover.png) ![b](figs/loss.png)\n", "document", "README.md"),
    "run.py": ("import src.part\nprint(src.part)\n", "script", f"{P}/run.py"),
    "src/__init__.py": (COPY, "code", Asked(f"{P}/__init__.py")),
    "src/part/__init__.py": (COPY, "code", Asked(f"{P}/part/__init__.py")),
    "figs/cover.png": (PNG + b"a", "figure", "figs/cover.png"),
    "figs/loss.png": (PNG + b"b", "figure", "figs/loss.png"),
    "boxed/web/LICENSE": (HELD, "document", "boxed/web/LICENSE"),
    "boxed/web/serve.py": (PY + "S = 1\n", "code", "boxed/web/serve.py"),
    "theirs/LICENSE": (HELD.replace("Ada", "Another"), "vendored", "theirs/LICENSE"),
    "theirs/fast.py": (PY + "T = 1\n", "vendored", "theirs/fast.py"),
    "src/sample/ask.json": ('{"a": 1}', "raw data", Asked(f"{P}/sample/ask.json")),
    "src/part/ways.json": ('{"a": 2}', "configuration", Asked(f"{P}/part/ways.json")),
    **{f"data/cups/images ({n}).jpg": (
        PNG + bytes([n]), "raw data", f"data/cups/images ({n}).jpg") for n in (1, 2)},
    "tests/test_part.py": ("def test_part():\n    assert 1\n", "test", "tests/test_part.py"),
    "tests/images/cat.jpg": (PNG + b"c", "raw data", "tests/images/cat.jpg"),
    f"{RUN}/log.csv": (CSV, "result", Asked("models/2019_07_06_rnn/log.csv")),
    f"{RUN}/roc.npy": (b"\x93NUMPY", "result", Asked("models/2019_07_06_rnn/roc.npy")),
    f"{RUN}/report.txt": (
        "all is well here\n", "result", Asked("models/2019_07_06_rnn/report.txt")),
    "src/pickles/readme.txt": ("Models.\n", "document", "src/pickles/readme.txt"),
    "read.py": (f"import os\nprint(os.listdir('{RUN}'))\n", "script", f"{P}/read.py"),
    ".github/SECRETS.md": ("# Secrets\n", "document", ".github/SECRETS.md"),
    ".github/ISSUE_TEMPLATE/bug.md": (
        "# Bug\n", "configuration", ".github/ISSUE_TEMPLATE/bug.md"),
    "boxed/web/tool.exe": (b"MZ\0\1", "vendored", "boxed/web/tool.exe"),
    ".ebextensions/a.config": ("a: 1\n", "configuration", ".ebextensions/a.config"),
    "application.py": (PY + "A = 1\n", "script", "application.py"),
    "documentation/tab.png": (PNG + b"e", "figure", Asked("docs/tab.png")),
    "flask_app.py": ("import flask\nprint(flask)\n", "script", f"{P}/flask_app.py"),
    "images/a_distribution.png": (PNG + b"f", "figure", "images/a_distribution.png"),
    "images/b_word_freq.png": (PNG + b"g", "figure", "images/b_word_freq.png"),
    "data/data_dictionary.md": ("# Columns\n", "document", Offered("data/data_dictionary.md")),
    "data/processed/splits.joblib": (MODEL, "derived data", "data/processed/splits.joblib"),
    "data/processed/scaler.joblib": (MODEL + b" ", "model", Asked("models/scaler.joblib")),
    "models_save/net/scaler.joblib": (MODEL + b"  ", "model", Asked("models/net/scaler.joblib")),
    "models_save/old1/x_net.pkl": (MODEL + b"   ", "model", Asked("models/old1/x_net.pkl")),
    "models_save/old2/x_net.pkl": (MODEL + b"   ", "model", Offered("models_save/old2/x_net.pkl")),
    "load.py": (
        "import joblib\njoblib.load('data/processed/splits.joblib')\n"
        "joblib.load('data/processed/scaler.joblib')\n"
        "joblib.load('models_save/net/scaler.joblib')\n"
        "joblib.load('models_save/old1/x_net.pkl')\n", "script", f"{P}/load.py"),
    "browser/manifest.json": (
        '{"manifest_version": 3}', "configuration", "browser/manifest.json"),
    "browser/icon48.png": (PNG + b"d", "web", "browser/icon48.png"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of a few names, since a render takes seconds."""
    monkeypatch.setattr(building, "render", lambda answers: {"dvc.yaml": b""})


def test_each_part_has_its_kind_and_place(tmp_path: Path) -> None:
    plan = planned(tmp_path / "repo", {path: row[0] for path, row in ROWS.items()}, "pkg")
    wrong = {}
    for item in plan.items:
        _, kind, place = ROWS[item.path]
        if item.kind != kind or not is_right(place, item, plan):
            wrong[item.path] = (item.kind, item.target, item.question)
    assert wrong == {}


@pytest.mark.parametrize("requirements", ["requirements.txt", "notes.txt"])
def test_a_folder_of_runs_stays_and_its_copies_are_no_archive(
    requirements: str, tmp_path: Path
) -> None:
    parts = {"src/fit.py": PY, "config/ways.py": "WAYS = 1\nMORE = 2\nMOST = 3\n"}
    parts[requirements] = "pandas\n"
    files: dict[str, bytes | str] = {
        f"models/{run}/{name}": text for run in ("first", "second") for name, text in parts.items()
    }
    plan = planned(tmp_path / "repo", files | {"main.py": "print(1)\n"}, "pkg")
    code = [each for each in plan.items if each.path.startswith("models/") and ".py" in each.path]
    stays = requirements == "requirements.txt"
    offered = {each.id: each.choices["stay"] for each in plan.offers}
    assert all((each.path in offered.get("models", {})) is stays for each in code)
    assert {each.kind for each in code} == {"code"}
    assert ("exact-copies" in offered) is not stays


def test_data_of_a_package_do_not_repeat_its_folders(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "src/shop/__init__.py": "", "src/shop/models/data/rows.csv": CSV,
        "src/shop/models/model.pkl": MODEL,
        "src/shop/models/fit.py": (
            "import pickle\nimport pandas as pd\npd.read_csv('src/shop/models/data/rows.csv')\n"
            "pickle.load(open('src/shop/models/model.pkl', 'rb'))\n"),
    }  # fmt: skip
    moves = planned(tmp_path / "repo", files).moves
    assert moves["src/shop/models/data/rows.csv"] == "data/raw/rows.csv"
    assert moves["src/shop/models/model.pkl"] == "models/model.pkl"


def test_a_main_module_has_no_made_up_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "render", lambda answers: {"src/pkg/__main__.py": b""})
    files: dict[str, bytes | str] = {"src/__main__.py": "print(1)\n", "src/a.py": PY}
    files["run.py"] = "import src.a\nprint(src.a)\n"
    moves = planned(tmp_path / "repo", files, "pkg").moves
    assert moves == {"src/a.py": f"{P}/a.py", "run.py": f"{P}/run.py"}


def test_scripts_that_lead_to_a_file_are_found_through_a_circle() -> None:
    texts = {
        "a.py": "import b\n", "b.py": "import c\n", "c.py": "import b\n",
        "d.py": "import c\n", "e.py": "import e\n",
    }  # fmt: skip
    found = Resolver(read_texts(texts), Layout(texts, {}, "pkg"), {}).starters
    assert {path: set(starts) for path, starts in found.items()} == {
        "a.py": {"a.py"}, "b.py": {"a.py", "d.py"}, "c.py": {"a.py", "d.py"},
        "d.py": {"d.py"}, "e.py": {"e.py"},
    }  # fmt: skip
    assert found["b.py"] is found["c.py"]
