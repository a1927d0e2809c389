"""Repositories like real ones, written for the tests: path -> (content, kind, target).

`Asked`: a question proposes this target. `Offered`: the file stays, and an offer says where it may
go. An empty target: git forgets the file.
"""

import json
import pickle
import subprocess
from pathlib import Path

from tdsp.adopt.plan import Item, Plan

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
CSV = b"a,b\n1,2\n3,4\n5,6\n"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 99\n"
PANDAS = b"import pandas as pd\n"
MODEL = pickle.dumps({"weights": [0.25, 0.5]}, protocol=4)
P = "src/pkg"
Row = tuple[bytes | str, str, str]


class Asked(str):
    """A target that a question proposes."""


class Offered(str):
    """The place of a file that may move if somebody says so."""


def is_right(target: str, item: Item, plan: Plan) -> bool:
    """Tell whether a plan says of a file what a row does."""
    offered = any(item.path in each.choices[each.proposed] for each in plan.offers)
    said = Asked if item.question else Offered if offered else str
    return item.target == target and type(target) is said


def notebook(*lines: str) -> bytes:
    """Return a notebook with one cell."""
    source = [f"{line}\n" for line in lines]
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [],
            "source": source}  # fmt: skip
    text = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(text, indent=1).encode()


def make(folder: Path, files: dict[str, bytes]) -> Path:
    """Commit files, written by plumbing so that any name of git is possible."""
    folder.mkdir(parents=True, exist_ok=True)

    def git(*words: str, given: bytes = b"") -> bytes:
        done = subprocess.run(["git", *words], cwd=folder, input=given, check=True,
                              capture_output=True)  # fmt: skip
        return done.stdout

    git("init", "--quiet", "--initial-branch", "main")
    git("config", "core.autocrlf", "false")
    lines = []
    for path, content in files.items():
        blob = git("hash-object", "-w", "--stdin", "--no-filters", given=content).strip()
        name = path.encode("utf-8", "surrogateescape")
        lines.append(b"100644 " + blob + b"\t" + name + b"\0")
    git("update-index", "-z", "--index-info", given=b"".join(lines))
    git("commit", "--quiet", "-m", "Start")
    git("checkout", "--quiet", "--force", "HEAD", "--", ".")
    return folder


ROOT_SCRIPTS: dict[str, Row] = {
    "README.md": ("# Churn\n\n    python train.py\n\n![plot](roc.png)\n", "document", "README.md"),
    "requirements.txt": ("pandas\n", "dependencies", "requirements.txt"),
    "LICENSE": ("MIT\n", "document", "LICENSE"),
    "train.py": (
        PANDAS + b"from helpers import clean\nimport joblib\nd = clean(pd.read_csv('churn.csv'))\n"
        b"d.to_csv('scored.csv')\njoblib.dump(d, 'model.pkl')\nplt.savefig('roc.png')\n",
        "script", f"{P}/train.py",
    ),
    "helpers.py": ("def clean(d):\n    return d\n", "code", f"{P}/helpers.py"),
    "churn.csv": (CSV, "raw data", Asked("data/raw/churn.csv")),
    "scored.csv": (CSV + b"7,8\n", "derived data", Asked("data/processed/scored.csv")),
    "model.pkl": (MODEL, "model", Asked("models/model.pkl")),
    "roc.png": (PNG, "figure", "roc.png"),
    "other.csv": (CSV + b"9,9\n", "raw data", Offered("other.csv")),
    "notes.md": ("# Notes\n", "document", "docs/notes.md"),
    "test_helpers.py": ("def test_clean():\n    assert True\n", "test", "tests/test_helpers.py"),
    "test.py": ("import helpers\nprint(helpers.clean(1))\n", "script", f"{P}/test.py"),
    "features.py": ("def features():\n    return 1\n", "code", f"{P}/features_adopted.py"),
    "my-model v2 (1).py": ("print(1)\n", "script", f"{P}/my_model_v2_1.py"),
    "__pycache__/train.cpython-311.pyc": (b"\xa7\r\r\n\0\0", "junk", ""),
    ".DS_Store": (b"\0\0\0\1Bud1", "junk", ""),
    ".github/workflows/ci.yml": ("on: push\n", "configuration", ".github/workflows/ci.yml"),
    "CLAUDE.md": ("Be brief.\n", "assistant", "CLAUDE.md"),
}  # fmt: skip
NOTEBOOKS: dict[str, Row] = {
    "README.md": ("# Houses\n", "document", "README.md"),
    "EDA.ipynb": (notebook("import pandas as pd", "pd.read_csv('data/houses.csv')"),
                  "notebook", Asked("notebooks/EDA.ipynb")),
    "modelling/Fit.ipynb": (notebook("x = 1"), "notebook", Asked("notebooks/modelling/Fit.ipynb")),
    ".ipynb_checkpoints/EDA-checkpoint.ipynb": (notebook("x = 2"), "junk", ""),
    "data/houses.csv": (CSV, "raw data", Asked("data/raw/houses.csv")),
    "data/description.txt": ("Each row is a house.\n", "raw data", "data/description.txt"),
    "data/train_clean.csv": (CSV + b"8,8\n", "derived data", "data/train_clean.csv"),
    "notes.txt": (notebook("x = 3"), "notebook", "notes.txt"),
}  # fmt: skip
NESTED: dict[str, Row] = {
    "setup.py": ("from setuptools import setup\nsetup(name='shop')\n", "build", "setup.py"),
    "shop/__init__.py": ("", "code", Asked("src/shop/__init__.py")),
    "shop/core/__init__.py": ("", "code", Asked("src/shop/core/__init__.py")),
    "shop/core/fit.py": ("def fit():\n    return 1\n", "code", Asked("src/shop/core/fit.py")),
    "shop/core/query.sql": ("select 1\n", "script", Asked("src/shop/core/query.sql")),
    "shop/core/rates.csv": (CSV, "raw data", Asked("src/shop/core/rates.csv")),
    "shop/core/settings.yaml": ("a: 1\n", "configuration", Asked("src/shop/core/settings.yaml")),
    "tests/test_fit.py": ("def test_fit():\n    assert 1\n", "test", "tests/test_fit.py"),
    "tests/tools.py": ("def made():\n    return 1\n", "test", "tests/tools.py"),
    "vendor/rgf/LICENSE": ("GPL\n", "vendored", "vendor/rgf/LICENSE"),
    "vendor/rgf/tree.py": ("x = 1\n", "vendored", "vendor/rgf/tree.py"),
    "legacy/fit_old.py": ("def fit():\n    return 0\n", "code", "legacy/fit_old.py"),
}
FLASK: dict[str, Row] = {
    "Procfile": ("web: gunicorn app:app\n", "build", "Procfile"),
    "app.py": (
        "import pickle\nfrom flask import Flask, render_template\napp = Flask(__name__)\n"
        "model = pickle.load(open('models/clf.pkl', 'rb'))\n",
        "script", Asked(f"{P}/app.py"),
    ),
    "templates/index.html": ("<p>hi</p>\n", "web", Asked(f"{P}/templates/index.html")),
    "static/style.css": ("p {}\n", "web", Asked(f"{P}/static/style.css")),
    "static/logo.png": (PNG, "web", Asked(f"{P}/static/logo.png")),
    "models/clf.pkl": (MODEL, "model", "models/clf.pkl"),
}  # fmt: skip
PARTS: dict[str, Row] = {
    "app/main.py": ("import json\nx = json.load(open('a.json'))\n", "script",
        Asked(f"{P}/app/main.py")),
    "app/scaler.joblib": (MODEL, "model", Offered("app/scaler.joblib")),
    "app/used.joblib": (MODEL + b"1", "model", Asked("models/used.joblib")),
    "app/load.py": ("import joblib\nm = joblib.load('app/used.joblib')\nprint(m)\n", "script",
                    Asked(f"{P}/app/load.py")),
    "app/tests/test_main.py": ("def test_a():\n    assert 1\n", "test",
        Asked("tests/app/test_main.py")),
    "app/tests/rows.csv": (CSV, "raw data", Asked("tests/app/rows.csv")),
    "app/README.md": ("![x](x.png)\n", "document", Asked(f"{P}/app/README.md")),
    "app/x.png": (PNG, "figure", Asked(f"{P}/app/x.png")),
    "deploy/run.py": ("print(1)\n", "script", "deploy/run.py"),
    "deploy/test_run.py": ("def test_a():\n    assert 1\n", "test", "deploy/test_run.py"),
    "scripts/build.sh": ("#!/bin/sh\n", "script", "scripts/build.sh"),
    "scripts/fetch.py": ("print(2)\n", "script", Offered("scripts/fetch.py")),
    "outputs/rule.py": ("def rule():\n    return 1\n", "result", "outputs/rule.py"),
    "outputs/rule.json": ('{"a": 1}\n', "result", "outputs/rule.json"),
    "docs/table.csv": (CSV + b"1,2\n", "document", "docs/table.csv"),
    "saved_model/m/saved_model.pb": (b"\x08\x01\0", "model", "saved_model/m/saved_model.pb"),
    "saved_model/m/variables/variables.index": (
        b"\0\0\1", "model", "saved_model/m/variables/variables.index"),
    "eda/target_statistics.csv": (CSV + b"3,3\n", "result", Offered("eda/target_statistics.csv")),
    "jobs/MLproject": ("name: x\n", "build", "jobs/MLproject"),
    "jobs/fit.py": ("print(4)\n", "script", "jobs/fit.py"),
    "back/flow/dags/daily.py": ("print(5)\n", "script", "back/flow/dags/daily.py"),
    "client/package.json": ("{}\n", "dependencies", "client/package.json"),
    "client/src/app.js": ("x\n", "web", "client/src/app.js"),
    "pages/1_Home page.py": ("print(3)\n", "script", Asked(f"{P}/pages/1_Home page.py")),
}  # fmt: skip
OLD: dict[str, Row] = {
    "fit3.py": ("import pandas\n\n\ndef fit():\n    return 1\n", "code", f"{P}/fit3.py"),
    "fit2.py": ("print 'two'\n", "script", "fit2.py"),
    "plot.R": ("d <- read.csv('d.csv')\n", "script", "plot.R"),
    "d.csv": (CSV, "raw data", Asked("data/raw/d.csv")),
    "big.csv": (LFS, "raw data", Offered("big.csv")),
    "data/lfs.csv": (LFS + b"\n", "raw data", "data/lfs.csv"),
    "copy/fit3.py": (
        "import pandas\n\n\ndef fit():\n    return 1\n",
        "code",
        Offered("copy/fit3.py"),
    ),
    "load_v1.py": ("def load():\n    return 1\n", "code", Offered("load_v1.py")),
    "load_v2.py": ("def load():\n    return 2\n", "code", f"{P}/load_v2.py"),
    "empty.csv": ("", "raw data", "empty.csv"),
    "updated_csv": (CSV + b"1,1\n", "raw data", Offered("updated_csv")),
}
ODD: dict[str, Row] = {
    "data/Icon\r": ("", "junk", ""),
    "data/name .csv ": (CSV, "raw data", Asked("data/raw/name .csv ")),
    "data/caf\udce9.csv": (CSV + b"2,2\n", "raw data", Asked('data/raw/caf\udce9.csv')),
    "data/c\u00f2pia \U0001f600.csv": (
        CSV + b"3,3\n", "raw data", Asked('data/raw/còpia 😀.csv')),
    'data/quo"te\\back\ttab.csv': (
        CSV + b"4,4\n", "raw data", Asked('data/raw/quo"te\\back\ttab.csv')),
    "data/line\nbreak.csv": (CSV + b"5,5\n", "raw data", Asked('data/raw/line\nbreak.csv')),
    "data/null": (CSV + b"6,6\n", "raw data", Asked("data/raw/null")),
    "data/yes: no #x": (CSV + b"7,7\n", "raw data", Asked("data/raw/yes: no #x")),
    "data/\u0085\ufeff.csv": (CSV + b"8,8\n", "raw data", Asked('data/raw/\x85\ufeff.csv')),
    "tool.py": ("import os\nprint(os.listdir('data'))\n", "script", f"{P}/tool.py"),
}  # fmt: skip
AZURE: dict[str, Row] = {
    "Code/Modeling/fit.py": ("print(1)\n", "script", Asked(f"{P}/modeling/fit.py")),
    "Code/Data_Acquisition_and_Understanding/get it.py": (
        "print(1)\n", "script", Asked(f"{P}/data_acquisition/get_it.py")),
    "Docs/Project/Charter.md": ("# Charter\n", "document", "docs/project/charter.md"),
    "Docs/Data_Report/Report.md": ("# Data\n", "document", "docs/data/report/Report.md"),
    "Sample_Data/Raw/a.csv": (CSV, "raw data", Asked("data/raw/a.csv")),
    "README.md": ("# T\n", "document", "README.md"),
}  # fmt: skip
CCDS: dict[str, Row] = {
    "src/__init__.py": ("", "code", Asked(f"{P}/__init__.py")),
    "src/data/make_dataset.py": (
        "def main():\n    return 1\n", "code", Asked(f"{P}/data/make_dataset.py")),
    "src/models/train_model.py": (
        "def main():\n    return 2\n", "code", Asked(f"{P}/models/train_model.py")),
    "data/raw/a.csv": (CSV, "raw data", "data/raw/a.csv"),
    "data/processed/b.csv": (CSV + b"1,1\n", "derived data", "data/processed/b.csv"),
    "notebooks/1.0-x.ipynb": (notebook("x = 1"), "notebook", "notebooks/1.0-x.ipynb"),
    "reports/figures/.gitkeep": ("", "configuration", "reports/figures/.gitkeep"),
}  # fmt: skip
ALL = {
    "root scripts": ROOT_SCRIPTS, "notebooks": NOTEBOOKS, "nested": NESTED, "flask": FLASK,
    "parts": PARTS, "old": OLD, "odd": ODD, "azure": AZURE, "ccds": CCDS,
}  # fmt: skip


def contents(rows: dict[str, Row]) -> dict[str, bytes]:
    """Return the files of a look-alike."""
    return {p: row[0].encode() if isinstance(row[0], str) else row[0] for p, row in rows.items()}
