"""Look-alikes of what public repositories showed: each file's kind and place, and who is asked."""

from pathlib import Path

import pytest
from rich.console import Console
from tests.adopt.repos import CSV, MODEL, PNG, Asked, Offered, P, Row, is_right, make, notebook

from tdsp.adopt import build as building
from tdsp.adopt.build import FEW_REMOVED, Wish, ask_many, build, scan
from tdsp.adopt.commands import _one_project
from tdsp.adopt.judged import Judged, stays
from tdsp.adopt.plan import Plan
from tdsp.errors import TdspError

PY = "import json\n\n\ndef f():\n    return json\n"
LIST = "Ada Lovelace\nAlan Turing\nGrace Hopper\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>\n'
REPORT = "We trained a model. It is good. " * 4
CODE: dict[str, Row] = {
    "pages/__init__.py": ("import os\nos.makedirs('x')\n", "code", Asked(f"{P}/pages/__init__.py")),
    "settings.py": ("import os\nBASE = os.path.dirname(__file__)\n", "code",
                    Asked(f"{P}/settings.py")),
    "paths.py": ("import os\nHERE = os.path.dirname(__file__)\n", "code",
                 Asked(f"{P}/paths.py")),
    "fit.py": ("import settings\nprint(settings.BASE)\n", "script", f"{P}/fit.py"),
    "manage.py": ("import settings\nprint(settings)\n", "build", "manage.py"),
    "locustfile.py": (PY, "build", "locustfile.py"),
    "lib/__init__.py": ("", "code", Asked(f"{P}/lib/__init__.py")),
    "lib/fast.c": ("int f;\n", "code", Asked(f"{P}/lib/fast.c")),
    "lib/fast.so": (b"\x7fELF\0\0\0\0", "code", Asked(f"{P}/lib/fast.so")),
    "lib/fast.pyi": ("def f() -> int: ...\n", "code", Asked(f"{P}/lib/fast.pyi")),
    "tool/main.c": ("int main;\n", "code", "tool/main.c"),
    "lib/.gitkeep": ("", "configuration", Asked(f"{P}/lib/.gitkeep")),
    "data/.gitkeep": ("", "configuration", "data/.gitkeep"),
    "results/figures/.gitkeep": ("{}\n", "configuration", "results/figures/.gitkeep"),
    "test.py": ("def test_it():\n    return 1\n\n\nprint(test_it())\n", "script", f"{P}/test.py"),
    "LeNet": ("import torch\n\n\nclass LeNet(torch.nn.Module):\n    pass\n", "code", "LeNet"),
    "scripts/get.R": ("x <- 1\n", "script", "scripts/get.R"),
    "scripts/get.js": ("let x\n", "script", "scripts/get.js"),
    "scripts/get.py": ("print(1)\n", "script", Offered("scripts/get.py")),
    "notebooks/answer.py": ("def f(:\n", "code", "notebooks/answer.py"),
    "monitoring/drift.py": (PY, "code", Asked(f"{P}/monitoring/drift.py")),
    "monitoring/alone.py": (PY + "X = 1\n", "code", "monitoring/alone.py"),
    "watch.py": ("from monitoring.drift import f\nprint(f())\n", "script", f"{P}/watch.py"),
}  # fmt: skip
TABLES: dict[str, Row] = {
    "make.py": (
        "import pandas as pd\nd = pd.read_csv('in.csv')\nd.to_csv('step.csv')\n"
        "pd.read_csv('step.csv').to_csv('other.csv')\n", "script", f"{P}/make.py"),
    "more.py": (
        "import pandas as pd\npd.read_csv('step.csv').to_csv('last.csv')\n",
        "script", f"{P}/more.py"),
    "app.py": ("import pandas as pd\nprint(pd.read_csv('last.csv'))\n", "script", f"{P}/app.py"),
    "in.csv": (CSV, "raw data", Asked("data/raw/in.csv")),
    "step.csv": (CSV + b"1,1\n", "derived data", Asked("data/interim/step.csv")),
    "last.csv": (CSV + b"2,2\n", "derived data", Asked("data/processed/last.csv")),
    "checks/test_rows.py": (
        "def test_rows():\n    open('checks/bad_rows.csv')\n", "test",
            Asked("tests/checks/test_rows.py")),
    "checks/bad_rows.csv": (CSV + b"3,3\n", "raw data", Asked("tests/checks/bad_rows.csv")),
    "data/set/rows.csv": (CSV + b"4,4\n", "raw data", Asked("data/raw/set/rows.csv")),
    "sets.py": ("import os\nprint(os.listdir('data/set'))\n", "script", f"{P}/sets.py"),
    "data/unread/rows.csv": (CSV + b"4,5\n", "raw data", "data/unread/rows.csv"),
    "output/unknown.csv": (CSV + b"4,6\n", "result", "output/unknown.csv"),
    "output/scores.csv": (CSV + b"4,7\n", "result", "output/scores.csv"),
    "hdf.py": ("import pandas as pd\npd.read_hdf('Train.h5')\n", "script", f"{P}/hdf.py"),
    "Train.h5": (b"\x89HDF\0\0", "raw data", Asked("data/raw/Train.h5")),
    "net.h5": (b"\x89HDF\0\1", "model", Asked("models/net.h5")),
    "keep.py": ("import keras\nkeras.load_model('net.h5')\n", "script", f"{P}/keep.py"),
    "road.py": (PY + "R = 1\n", "code", f"{P}/road.py"),
    "road_old.py": (PY + "R = 2\n", "code", Offered("road_old.py")),
    "archive/first.py": (PY + "A = 1\n", "code", "archive/first.py"),
    "show.py": ("import streamlit as st\nst.image('banner.png')\n", "script", f"{P}/show.py"),
    "banner.png": (PNG + b"9", "web", "banner.png"),
    "data/columns.names": ("id\nage\n", "raw data", Asked("data/raw/columns.names")),
    "columns.py": ("NAMES = 'data/columns.names'\n", "code", f"{P}/columns.py"),
    "old2.py": ("print 'two'\n", "script", "old2.py"),
    "data/set/README.md": ("# Rows\n", "document", "data/set/README.md"),
    "data/README.md": ("# Data\n", "document", "data/README.md"),
    "data/notes.md": ("# Notes\n", "document", "data/notes.md"),
    "data/sales_clean/a.csv": (CSV + b"5,5\n", "derived data", "data/sales_clean/a.csv"),
    "data/init.sql": ("create table x;\n", "script", "data/init.sql"),
    "references/data_dictionary.csv": (
        CSV + b"6,6\n", "document", "references/data_dictionary.csv"),
    "resources/rates.csv": (CSV + b"7,7\n", "raw data", Asked("data/raw/rates.csv")),
    "rates.py": ("open('resources/rates.csv')\n", "script", f"{P}/rates.py"),
    "fit.R": ("setwd('data')\nwrite.csv(x, file = 'out.csv')\n", "script", "fit.R"),
    "data/out.csv": (CSV + b"8,8\n", "derived data", Asked("data/processed/out.csv")),
    "models/booster.json": ('{"learner": {}, "version": [1]}\n', "model", "models/booster.json"),
    "tmp/files/md5/ab/" + "c" * 30: (CSV, "configuration", "tmp/files/md5/ab/" + "c" * 30),
    "index/chroma.sqlite3": (b"SQLite format 3\0x", "raw data", "index/chroma.sqlite3"),
    "index/data.bin": (b"\0\1", "unknown", "index/data.bin"),
}  # fmt: skip
PAGES: dict[str, Row] = {
    "slides/deck.html": ("<p>deck</p>\n", "web", "slides/deck.html"),
    "slides/images/loss.png": (PNG, "figure", "slides/images/loss.png"),
    "README.md": ("# Pages\n\n![Team](images/team.png)\n", "document", "README.md"),
    "images/team.png": (PNG + b"1", "figure", Offered("images/team.png")),
    "images/map.gv": ("digraph tree {\n a -> b\n}\n", "figure", Offered("images/map.gv")),
    "scss/grid.scss": ("p {}\n", "web", "scss/grid.scss"),
    "scss/svg/moon.svg": (SVG + "\n", "web", "scss/svg/moon.svg"),
    "paper/nips.sty": ("\\x\n", "document", "paper/nips.sty"),
    "phone/main.dart": ("void main() {}\n", "code", "phone/main.dart"),
    "conf.yml.example": ("a: 1\n", "configuration", "conf.yml.example"),
    "draft.txt": (REPORT, "document", "draft.txt"),
    "day/show.ipynb": (notebook("![x](img/sin.svg)"), "notebook",
        Asked("notebooks/day/show.ipynb")),
    "day/util.py": (PY, "code", Asked(f"{P}/day/util.py")),
    "run_day.py": ("import day.util\nprint(day.util)\n", "script", f"{P}/run_day.py"),
    "day/img/sin.svg": (SVG, "figure", Offered("day/img/sin.svg")),
    "documentation/conf.py": ("project = 'x'\n", "code", "docs/conf.py"),
    "documentation/index.rst": ("Index\n", "document", "docs/index.rst"),
    "docs/_build/html/a.html": ("<p>a</p>\n", "junk", ""),
    "paper/paper.tex": ("\\section{A}\n", "document", "paper/paper.tex"),
    "paper/paper.aux": ("x\n", "junk", ""),
    "paper/lone.out": ("x\n", "junk", Asked("")),
    "report.txt": (REPORT, "document", Offered("report.txt")),
    "names.txt": (LIST, "raw data", "names.txt"),
    "hello.txt": ("hello\n", "raw data", "hello.txt"),
    "phase1/results/plot.png": (PNG + b"2", "figure", "phase1/results/plot.png"),
    "phase2/results/plot.png": (PNG + b"3", "figure", "phase2/results/plot.png"),
    "Report/final.pdf": (b"%PDF-1", "result", "Report/final.pdf"),
    "Report/Readme.md": ("# Report\n", "document", "Report/Readme.md"),
    ".box/step.png": (PNG + b"4", "figure", ".box/step.png"),
    "shop/index.php": ('<img src="pictures/cart.png">\n', "web", "shop/index.php"),
    "shop/style/shop.css": ("p {}\n", "web", "shop/style/shop.css"),
    "shop/pictures/cart.png": (PNG + b"5", "web", "shop/pictures/cart.png"),
    "web/client/package.json": ("{}\n", "dependencies", "web/client/package.json"),
    "web/client/public/icon.svg": (SVG, "web", "web/client/public/icon.svg"),
    "venv/pyvenv.cfg": ("home = x\n", "junk", ""),
    "venv/bin/activate": ("# shell\n", "junk", ""),
    **{f"course/{n}.md": ("# Lesson\n", "document", f"course/{n}.md") for n in range(12)},
    "course/moved.py": ("print(1)\n", "script", "course/moved.py"),
}  # fmt: skip
WHOLES: dict[str, Row] = {
    "common/setup.py": ("from setuptools import setup\nsetup()\n", "build", "common/setup.py"),
    "common/src/shared/core.py": (PY, "code", "common/src/shared/core.py"),
    "common/tests/test_core.py": (
        "def test_core():\n    assert 1\n", "test", "common/tests/test_core.py"),
    "jobs/Dockerfile.gpu": ("FROM x\n", "build", "jobs/Dockerfile.gpu"),
    "docker-compose.yml": (
        "services:\n  api: {build: ./desk}\n  jobs: {build: {context: batch}}\n  all: {build: .}\n",
        "build", "docker-compose.yml"),
    "desk/serve.py": (PY + "A = 2\n", "code", "desk/serve.py"),
    "batch/score.py": ("print(3)\n", "script", "batch/score.py"),
    "main.py": ("print(1)\n", "script", f"{P}/main.py"),
    "sound/VQual-master/get.py": (PY + "V = 1\n", "vendored", "sound/VQual-master/get.py"),
    "sound/VQual-master/README.md": ("# V\n", "vendored", "sound/VQual-master/README.md"),
    "node_modules/axios/index.js": ("x\n", "junk", ""),
    "webpack.dev.js": ("x\n", "build", "webpack.dev.js"),
    "src/serve.py": ("print('serve')\n", "script", Offered("src/serve.py")),
    "src/page.html": ("<p>x</p>\n", "web", Offered("src/page.html")),
    "src/static/page.css": ("p {}\n", "web", Offered("src/static/page.css")),
    "src/client/Button.jsx": ("x\n", "web", "src/client/Button.jsx"),
    "tests/measure.py": ("print('measure')\n", "script", "tests/measure.py"),
    "api/serve.py": (PY + "S = 1\n", "code", Asked(f"{P}/api/serve.py")),
    "api/Model/MLmodel": (REPORT, "model", "api/Model/MLmodel"),
    "mlartifacts/1/b/artifacts/net/MLmodel": (
        REPORT, "model", "mlartifacts/1/b/artifacts/net/MLmodel"),
    "mlartifacts/1/b/artifacts/net/conda.yaml": (
        "name: a\n", "model", "mlartifacts/1/b/artifacts/net/conda.yaml"),
    "api/Model/parts.yaml": ("a: 1\n", "configuration", "api/Model/parts.yaml"),
    "site/manage.py": ("import django\nprint(django)\n", "build", "site/manage.py"),
    "site/shop/views.py": (PY + "Y = 1\n", "code", "site/shop/views.py"),
    "site/templates/a.html": ("<p>a</p>\n", "web", "site/templates/a.html"),
    "back/airflow/webserver_config.py": (
        "X = 1\n", "code", "back/airflow/webserver_config.py"),
}  # fmt: skip
# Folders of code: known by name, known by the code around them, and known by neither.
FOLDERS: dict[str, Row] = {
    "pipelines/daily.py": (PY + "D = 1\n", "code", Asked(f"{P}/pipelines/daily.py")),
    "churn/clean.py": (PY + "C = 1\n", "code", Asked(f"{P}/churn/clean.py")),
    "churn/query.yaml": ("a: 1\n", "configuration", Asked(f"{P}/churn/query.yaml")),
    "app/config/site.py": (PY + "S = 1\n", "code", Asked(f"{P}/app/config/site.py")),
    "app/models/user.py": (PY + "U = 1\n", "code", Asked(f"{P}/app/models/user.py")),
    "main.py": ("from churn.clean import f\nprint(f())\n", "code", f"{P}/main.py"),
    "visits/count.py": ("import main\nprint(main)\n", "script", Asked(f"{P}/visits/count.py")),
    "forest/grow.py": (PY + "G = 1\n", "code", Offered("forest/grow.py")),
    "forest/trees.csv": (CSV + b"5,6\n", "raw data", "forest/trees.csv"),
    "forest/notes.bin": (b"\0\1\2", "unknown", "forest/notes.bin"),
    "forest/README.md": ("# Forest\n", "document", Offered("forest/README.md")),
    "forest/.DS_Store": (b"\0\0\0\1Bud1", "junk", ""),
    "run.sh": ("python tides/rise.py\npython moon/rise.py\n", "script", "run.sh"),
    "tides/rise.py": ("open('levels.csv')\n", "script", Offered("tides/rise.py")),
    "levels.csv": (CSV + b"6,7\n", "raw data", Asked("data/raw/levels.csv")),
    "moon/rise.py": ("print(3)\n", "script", Offered("moon/rise.py")),
    "heart/src/fit.py": (PY + "H = 1\n", "code", Offered("heart/src/fit.py")),
    "heart/data/beats.csv": (CSV + b"7,8\n", "raw data", "heart/data/beats.csv"),
    "survey/ask.R": ("readRDS('x.rds')\n", "script", "survey/ask.R"),
    "survey/x.rds": (b"RDX3\0\0", "raw data", "survey/x.rds"),
    "only/book.ipynb": (notebook("x = 4"), "notebook", Offered("only/book.ipynb")),
    "notebooks/usual.ipynb": (notebook("x = 5"), "notebook", "notebooks/usual.ipynb"),
    "heart.py": ("import heart.src.fit\nprint(heart.src.fit)\n", "script", f"{P}/heart.py"),
}  # fmt: skip
# What stays or is forgotten: parts of applications, of builds, of competitions, of results.
PARTS: dict[str, Row] = {
    "run.py": ("print(1)\n", "script", f"{P}/run.py"),
    "more.py": (PY, "code", f"{P}/more.py"),
    "solve.py": (PY + "S = 2\n", "code", f"{P}/solve.py"),
    "install_deps.py": ("import subprocess\nsubprocess.run(['pip'])\n", "build", "install_deps.py"),
    "Jenkinfile_docker": ("pipeline {\n agent any\n}\n", "build", "Jenkinfile_docker"),
    "win/Tool.sln": (b"\xef\xbb\xbf\r\nMicrosoft\r\n", "build", "win/Tool.sln"),
    "win/Tool.vcxproj.filters": ("<Project/>\n", "build", "win/Tool.vcxproj.filters"),
    "win/Tool.depend": ("# depslib\n", "junk", ""),
    "target/classes/static/a.js": ("x\n", "junk", ""),
    "target/surefire-reports/a.txt": ("Tests run: 1\n", "junk", ""),
    "java/Draw.class": (b"\xca\xfe\xba\xbe\0\0\0\x37", "junk", ""),
    "java/rules.fcl": ("FUNCTION_BLOCK a\n", "code", "java/rules.fcl"),
    "jobs/a.joblog.13780": ("Seq\n", "junk", Asked("")),
    "phone/pubspec.yaml": ("name: a\n", "dependencies", "phone/pubspec.yaml"),
    "phone/ios/Podfile": ("platform :ios\n", "dependencies", "phone/ios/Podfile"),
    "phone/web/favicon.png": (PNG + b"a", "web", "phone/web/favicon.png"),
    "apple/Assets.xcassets/A.appiconset/i.png": (
        PNG + b"b", "web", "apple/Assets.xcassets/A.appiconset/i.png"),
    "css/fonts/awesome.svg": (SVG, "web", "css/fonts/awesome.svg"),
    "tool/res/clear.png": (PNG + b"c", "web", "tool/res/clear.png"),
    **{f"digits/{n}.png": (PNG + bytes([n]), "raw data", f"digits/{n}.png") for n in range(6)},
    "explained/shap_force_0.png": (PNG + b"d", "figure", "explained/shap_force_0.png"),
    "explained/team.png": (PNG + b"e", "figure", "explained/team.png"),
    "faces/labels.idx1-ubyte": (b"\0\0\x08\x01\0\0\x27\x10\7", "raw data",
        Offered("faces/labels.idx1-ubyte")),
    **{f"ask/r_{n}.json": (f"[{n}]", "raw data", f"ask/r_{n}.json") for n in range(5)},
    "ask/deep/r_1.json": ('{"a": 9}', "configuration", "ask/deep/r_1.json"),
    "key_findings.json": ('{"a": 1}', "result", "key_findings.json"),
    "report_config.json": ('{"a": 2}', "configuration", "report_config.json"),
    "data/sample_submission.csv": (CSV, "raw data", "data/sample_submission.csv"),
    "data/my_submission.csv": (CSV + b"1,9\n", "derived data", "data/my_submission.csv"),
    "data/intermediary_files/a.csv": (
        CSV + b"2,9\n", "derived data", "data/intermediary_files/a.csv"),
    "outputs/best_model.pkl": (MODEL, "model", Asked("models/best_model.pkl")),
    "score.py": (
        "import pickle\npickle.load(open('outputs/best_model.pkl', 'rb'))\n"
        "plt.savefig('assets/fit.png')\n", "script", f"{P}/score.py"),
    "assets/fit.png": (PNG + b"f", "figure", Asked("reports/figures/fit.png")),
    "report/method.tex": ("\\section{A}\n", "document", "report/method.tex"),
    "results_20241125_2300/roc.csv": (CSV + b"3,9\n", "result", "results_20241125_2300/roc.csv"),
    "kit/road.py": ("# Copyright (C) 2013 Another\n" + PY, "vendored", "kit/road.py"),
    "kit/rate.py": ("# Copyright (C) 2013 Another\n", "vendored", "kit/rate.py"),
}  # fmt: skip
KINDS = {"code": CODE, "tables": TABLES, "pages": PAGES, "wholes": WHOLES, "folders": FOLDERS,
         "parts": PARTS}  # fmt: skip


@pytest.fixture(autouse=True)
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of a few names, since a render takes seconds."""
    monkeypatch.setattr(building, "render", lambda answers: {"README.md": b"", "dvc.yaml": b""})


def planned(root: Path, files: dict[str, bytes | str], package: str = "") -> Plan:
    raw = {p: c.encode() if isinstance(c, str) else c for p, c in files.items()}
    return build(scan(make(root, raw)), Wish(level=1, package=package))


def mistaken(rows: dict[str, Row], root: Path) -> list[tuple[str, str, str, str, str]]:
    """What a plan says of the files of rows that is not their class, their place or a question."""
    plan = planned(root, {path: row[0] for path, row in rows.items()}, "pkg")
    wrong = []
    for item in plan.items:
        _, kind, target = rows[item.path]
        if not is_right(target, item, plan) or item.kind != kind:
            wrong.append((item.path, item.kind, item.target, item.question, item.why))
    return wrong


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_file_has_its_kind_and_place(name: str, tmp_path: Path) -> None:
    assert mistaken(KINDS[name], tmp_path / "repo") == []


def test_a_folder_that_nobody_knows_stays_and_is_one_offer(tmp_path: Path) -> None:
    plan = planned(tmp_path / "repo", {path: row[0] for path, row in FOLDERS.items()}, "pkg")
    offered = {each.id: each for each in plan.offers}
    assert {"forest", "moon", "heart", "only"} <= offered.keys()
    forest = offered["forest"]
    assert not any(path in plan.moves for path in forest.choices["stay"])
    assert set(forest.choices["move"]) == {"forest/grow.py", "forest/README.md"}
    assert forest.choices["move"]["forest/grow.py"] == f"{P}/forest/grow.py"
    assert "heart/data/beats.csv" not in offered["heart"].choices["move"]  # nothing uses it
    assert "nothing outside of forest knows" in forest.text.lower()


def test_a_folder_that_holds_all_the_code_is_the_project(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {"tides/rise.py": PY, "tides/book.ipynb": notebook("x = 1")}
    alone = planned(tmp_path / "alone", files, "pkg")
    assert alone.moves["tides/rise.py"] == f"{P}/tides/rise.py"
    assert [each.id for each in alone.questions] == ["q-move-tides"] and not alone.offers
    for other in ("client/page.html", "solve.jl"):
        beside = planned(tmp_path / other[0], files | {other: "x\n"}, "pkg")
        assert [each.id for each in beside.offers] == ["tides"] and not beside.questions


@pytest.mark.parametrize("folder", ["tide_model", "Tide Model"])
def test_a_folder_that_is_called_as_the_package_is_not_in_it_twice(
    folder: str, tmp_path: Path
) -> None:
    files: dict[str, bytes | str] = {
        f"{folder}/rise.py": PY,
        f"{folder}/parts/fall.py": PY + "F = 1\n",
    }
    assert planned(tmp_path / "tide-model", files).moves == {
        f"{folder}/rise.py": "src/tide_model/rise.py",
        f"{folder}/parts/fall.py": "src/tide_model/parts/fall.py",
    }


def test_folders_of_like_names_have_offers_of_their_own(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {"a b/x.py": PY, "a-b/x.py": PY + "X = 1\n"}
    plan = planned(tmp_path / "repo", files, "pkg")
    assert {each.id for each in plan.offers} == {"a b", "a-b"}
    assert {path for each in plan.offers for path in each.choices["stay"]} == set(files)


def test_a_folder_of_r_stays_with_its_data(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "fit.py": PY, "survey/ask.R": "readRDS('x.rds')\n", "survey/x.rds": b"RDX3\0\0",
    }  # fmt: skip
    plan = planned(tmp_path / "repo", files, "pkg")
    assert set(plan.moves) == {"fit.py"}
    assert not plan.questions
    items = {each.path: each for each in plan.items}
    assert items["survey/x.rds"].why[-1] == "survey/ask.R has its path, and is not edited"


def test_images_that_nothing_names_stay_and_nobody_is_asked(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {"a.py": PY, "images/map.gv": "digraph tree {\n a -> b\n}\n"}
    plan = planned(tmp_path / "repo", files, "pkg")
    assert set(plan.moves) == {"a.py"}
    assert not plan.questions


def test_few_folders_of_notebooks_are_no_projects(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "forest/grow.py": PY, "moon/rise.py": "print(1)\n", "only/book.ipynb": notebook("x = 1"),
    }  # fmt: skip
    assert planned(tmp_path / "repo", files, "pkg").moves == {
        "only/book.ipynb": "notebooks/only/book.ipynb"}  # fmt: skip


@pytest.mark.parametrize(
    ("build_file", "text", "stays"),
    [
        ("setup.py", "from setuptools import setup\nsetup(packages=['shop'])\n", True),
        ("pyproject.toml", "[build-system]\n[project]\nname = 'shop'\n", True),
        ("pyproject.toml", "[tool.black]\nline-length = 99\n", False),
        ("setup.py", "from setuptools import setup\nsetup(name='shop')\n", False),
    ],
)
def test_a_package_that_is_installed_stays(
    build_file: str, text: str, stays: bool, tmp_path: Path
) -> None:
    files: dict[str, bytes | str] = {
        build_file: text, "shop/__init__.py": "", "shop/fit.py": PY, "utils/__init__.py": "",
        "utils/more.py": "import shop\nM = shop\n",
        "tests/test_fit.py": "import shop\n\n\ndef test_fit():\n    assert shop\n",
    }  # fmt: skip
    plan = planned(tmp_path / "repo", files)
    moved = plan.moves.get("shop/fit.py")
    assert moved == (None if stays else "src/shop/fit.py")
    assert ("utils/more.py" in plan.moves) is not stays
    assert plan.package == ("shop_model" if stays else "shop")
    assert not {"shop", "utils"} & {each.id for each in plan.offers}


def test_images_of_a_series_that_code_writes_are_data(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {f"made/{n}.png": PNG + bytes([n]) for n in range(31)}
    drawn = {f"drawn/{chr(97 + n)}{chr(97 + n)}.png": PNG + bytes([n, 1]) for n in range(26)}
    files |= {**drawn, "make.py": "import cv2\ncv2.imwrite('made/x.png', 1)\n"
              "cv2.imwrite('drawn/x.png', 1)\n"}  # fmt: skip
    plan = planned(tmp_path / "repo", files, "pkg")
    items = {e.path: e for e in plan.items}
    assert (items["made/3.png"].kind, items["made/3.png"].target) == (
        "derived data", "made/3.png")  # fmt: skip
    assert "made/3.png" in plan.offers[0].choices["stay"]
    assert items["drawn/aa.png"].kind == "figure"


def test_a_third_of_python_2_is_code_that_stays_and_no_archive(tmp_path: Path) -> None:
    old = "acts = open('actors.txt')\nprint 'x'\n"
    files: dict[str, bytes | str] = {
        "src/net.py": old,
        "src/net2.py": old + "1\n",
        "src/load.py": PY,
        "src/save.py": PY + "S = 3\n",
        "actors.txt": LIST,
    }
    plan = planned(tmp_path / "repo", files, "pkg")
    items = {each.path: each for each in plan.items}
    assert items["src/net.py"].kind == "script" and not plan.moves and not plan.questions
    assert items["actors.txt"].why[-1].endswith("is not edited")


def test_many_files_go_with_a_question_only(tmp_path: Path) -> None:
    many: dict[str, bytes | str] = {f".history/a_{n}.py": f"x = {n}\n" for n in range(25)}
    plan = planned(tmp_path / "many", {**many, "a.py": PY}, "pkg")
    asked = [each for each in plan.questions if each.id == "q-many-removed"]
    assert len(asked) == 1 and set(asked[0].choices["leave"]) == set(many)
    few = planned(tmp_path / "few", {**dict(list(many.items())[:5]), "a.py": PY}, "pkg")
    assert not few.questions and sum(not each.target for each in few.items) == 5


def test_the_share_that_asks() -> None:
    junk = Judged("junk", "untrack", 0.99, ("a tool makes it",))
    few = {f"j{n}": junk for n in range(FEW_REMOVED)} | {"a": stays("code", "x")}
    assert ask_many(few) == few
    some = {f"j{n}": junk for n in range(FEW_REMOVED + 1)}
    rest = {f"a{n}": stays("code", "x") for n in range(5 * len(some))}
    assert ask_many(some | rest) == some | rest
    assert all(each.ask for each in ask_many(some).values())
    gone = Judged("archive", "archive", 0.93, ("its folder is called archive",))
    there = {f"archive/{n}.py": gone for n in range(FEW_REMOVED + 1)}
    assert ask_many(there) == there


PROJECT = {"README.md": "# P\n", "requirements.txt": "pandas\n", "run.py": "print(1)\n"}


def monorepo(**more: str) -> dict[str, bytes | str]:
    files = {f"{top}/{name}": text for top in ("a", "b", "c") for name, text in PROJECT.items()}
    return {"pyproject.toml": "[tool.poetry]\nname = 'all'\n", **files, **more}


def test_projects_below_a_root_with_dependencies_are_planned_one_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(TdspError, match=r"several projects \(a, b, c\)"):
        planned(tmp_path / "repo", monorepo())


def test_a_project_that_is_one_folder_is_planned_there(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {f"inner/{name}": text for name, text in PROJECT.items()}
    with pytest.raises(TdspError, match=r"the folder inner: .*--subdirectory inner"):
        planned(tmp_path / "repo", files | {"README.md": "# Outside\n"})
    assert planned(tmp_path / "own", files | {"requirements.txt": "numpy\n"}, "pkg").moves


@pytest.mark.parametrize(
    ("runner", "line"),
    [
        ("azure-pipelines.yml", "- script: python ci/train.py\n"),
        ("render.yaml", "startCommand: uvicorn ci.train:app --port $PORT\n"),
    ],
)
def test_a_folder_that_a_pipeline_runs_by_path_stays(
    tmp_path: Path, runner: str, line: str
) -> None:
    files: dict[str, bytes | str] = {
        "ci/train.py": "import cars\napp = cars.app\nprint(app)\n", "ci/cars.py": "app = 1\n",
        "other/look.py": "print(1)\n", runner: line,
    }  # fmt: skip
    moves = planned(tmp_path / "repo", files, "pkg").moves
    assert not [path for path in moves if path.startswith("ci/")]
    used = files | {"other/look.py": "from ci.cars import app\nprint(app)\n"}
    assert planned(tmp_path / "used", used, "pkg").moves["ci/cars.py"] == "src/pkg/ci/cars.py"


def test_tests_with_dependencies_of_their_own_are_no_project(tmp_path: Path) -> None:
    client = {"client/requirements.txt": "streamlit\n", "client/home.py": "print(1)\n"}
    checks = {"test/requirements.txt": "pytest\n", "test/test_a.py": "def test_a(): pass\n"}
    served = {"backend/api/requirements.txt": "fastapi\n", "backend/api/app.py": "print(2)\n"}
    files: dict[str, bytes | str] = {"pyproject.toml": "[tool.black]\n", **client, **checks}
    assert planned(tmp_path / "repo", files | served, "pkg").items


def test_a_terminal_asks_which_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = {path: str(text).encode() for path, text in monorepo().items()}
    done = scan(make(tmp_path / "repo", raw))
    answers = iter(["nowhere", "b"])
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    chosen = _one_project(done, Console(quiet=True))
    assert chosen.subdirectory == "b"
    assert _one_project(chosen, Console(quiet=True)) is chosen
    assert set(build(chosen, Wish(level=1)).moves) == {"b/run.py"}


def test_services_of_one_product_are_one_project(tmp_path: Path) -> None:
    together = monorepo() | {"docker-compose.yml": "services: {}\n"}
    offers = planned(tmp_path / "together", together, "pkg").offers
    assert [each.id for each in offers] == ["a", "b", "c"]
    uses = monorepo() | {"a/run.py": "import b.run\nprint(b)\n"}
    assert planned(tmp_path / "uses", uses, "pkg").moves


@pytest.mark.parametrize(
    ("files", "package"),
    [
        ({"shop/__init__.py": "", "shop/fit.py": PY}, "shop"),
        ({"shop/__init__.py": "", "api/app.py": PY}, "my_repo"),
        ({"shop/__init__.py": "", "api/app.py": "import shop\nprint(shop)\n"}, "shop"),
        ({"shop/__init__.py": "", "api/app.py": PY, "setup.cfg": "name = shop\n"}, "shop"),
        ({"src/utils/__init__.py": "", "src/utils/a.py": PY}, "my_repo"),
    ],
)
def test_a_package_is_the_project_if_it_is_used_or_declared(
    files: dict[str, bytes | str], package: str, tmp_path: Path
) -> None:
    assert planned(tmp_path / "my-repo", files).package == package


NAMED: dict[str, Row] = {
    "profit/.ipynb_aml_checkpoints/fit-checkpoint2025.ipynb": (notebook("x = 1"), "junk", ""),
    "tempCodeRunnerFile.py": ("print(1)\n", "junk", ""),
    ".dvc/tmp/rwlock": ("{}\n", "junk", ""),
    ".dvc/cache/files/md5/ab/cd": ("x\n", "configuration", ".dvc/cache/files/md5/ab/cd"),
    ".dvc/config": ("[core]\n", "configuration", ".dvc/config"),
    "pytest.ini": ("[pytest]\n", "configuration", "pytest.ini"),
    "setup.cfg": ("[flake8]\n", "configuration", "setup.cfg"),
    "Makefile": ("all:\n", "build", "Makefile"),
    ".github/skills/plan.md": ("# Plan\n", "assistant", ".github/skills/plan.md"),
    "report/_extensions/team/page/font.otf": (
        b"OTTO\0\1", "vendored", "report/_extensions/team/page/font.otf"),
    "net/vocab.txt": ("[PAD]\n[UNK]\nthe\n", "model", "net/vocab.txt"),
    "web/robots.txt": ("User-agent: *\nDisallow: /\n", "web", "web/robots.txt"),
    "web/page.css": ("", "web", "web/page.css"),
    "web/page.html": ("<p>a</p>\n", "web", "web/page.html"),
    "models/model_metadata.json": ('{"kind": "tree"}\n', "model", "models/model_metadata.json"),
    "docs/metrics.json": ('{"auc": 0.5}\n', "result", "docs/metrics.json"),
    "results/table.tex": (
        "\\begin{tabular}{ll}\na & b\n\\end{tabular}\n", "result", "results/table.tex"),
    "data_clean/bronze/a.json": ('{"title": "x"}\n', "raw data", "data_clean/bronze/a.json"),
    **{f"data/books/{n}.pdf": (b"%PDF-1" + bytes([48 + n]), "raw data", f"data/books/{n}.pdf")
       for n in range(3)},
    "data/codes/guide.pdf": (b"%PDF-2", "document", "data/codes/guide.pdf"),
    "steps.R": ("library(dplyr)\nclean <- function(x) {\n  x\n}\n", "code", "steps.R"),
    "fit.R": ("source('load.R')\nprint(rows)\n", "script", "fit.R"),
    "load.R": ("rows <- read.csv('a.csv')\nprint(rows)\n", "code", "load.R"),
    "test_live.py": ("import requests\nrequests.get('x')\n", "script", "test_live.py"),
    "__init__.py": ("", "code", "__init__.py"),
    "results_tree.md": ("# Results\n\nThe tree is good.\n", "document",
                        Offered("results_tree.md")),
}  # fmt: skip


def test_what_names_and_contents_say(tmp_path: Path) -> None:
    assert mistaken(NAMED, tmp_path / "repo") == []


@pytest.mark.parametrize(("files", "vendored"), [
    ({"inner/LICENSE": "MIT\n"}, False), ({"inner/LICENSE": "MIT\n", "LICENSE": "GPL\n"}, True),
    ({"inner/LICENSE": "MIT\n", "a.py": PY, "b.py": PY + "B = 1\n"}, True),
])  # fmt: skip
def test_a_licence_below_the_root_is_somebody_elses_unless_it_is_the_only_one(
    files: dict[str, str], vendored: bool, tmp_path: Path
) -> None:
    plan = planned(
        tmp_path / "repo", {"inner/fit.py": PY + "F = 1\n", "main.py": "x = 1\n"} | files
    )
    kinds = {each.path: each.kind for each in plan.items}
    assert (kinds["inner/fit.py"] == "vendored") is vendored
    assert "inner/fit.py" not in plan.moves


def test_a_package_of_capital_letters_gets_another_name(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        f"src/MLOps/{name}.py": PY for name in ("__init__", "config", "dataset", "modeling/train")
    }
    assert planned(tmp_path / "repo", files).package == "mlops_model"


def test_src_is_the_package_where_code_imports_it(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "src/steps/__init__.py": "", "src/steps/a.py": PY,
        "src/run.py": "from src.steps.a import f\nprint(f())\n",
    }  # fmt: skip
    plan = planned(tmp_path / "repo", files, "pkg")
    assert not plan.moves
    (offer,) = plan.offers
    assert offer.choices["move"]["src/steps/a.py"] == f"{P}/steps/a.py"


def test_a_second_module_of_one_place_stays(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "src/__init__.py": "", "src/a.py": PY, "code/__init__.py": "", "code/b.py": PY + "B = 1\n",
    }  # fmt: skip
    files["run.py"] = "import src.a\nprint(src.a)\n"
    moves = planned(tmp_path / "repo", files, "pkg").moves
    assert {path for path in files if path not in moves} == {"src/__init__.py"}


def test_names_that_other_systems_mix_up_are_told(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "docs/caf\u00e9.md": "# a\n", "docs/cafe\u0301.md": "# b\n",
        "docs/X/a.md": "# c\n", "docs/x/b.md": "# d\n",
    }  # fmt: skip
    notes = [e.text for e in planned(tmp_path / "repo", files, "pkg").notes if "one name" in e.text]
    assert len(notes) == 2 and any("docs/X and docs/x" in text for text in notes)


def test_a_copyright_that_much_of_the_code_claims_says_nothing(tmp_path: Path) -> None:
    mine = "# Copyright (C) 2020 Us\n"
    files: dict[str, bytes | str] = {
        "kit/a.py": mine + PY, "kit/b.py": mine, "run.py": mine + "import kit.a\nprint(kit.a)\n",
        "c.py": PY + "C = 1\n", "d.py": PY + "D = 1\n",
    }  # fmt: skip
    plan = planned(tmp_path / "repo", files, "pkg")
    assert plan.moves["kit/a.py"] == f"{P}/kit/a.py"
    assert not any(each.kind == "vendored" for each in plan.items)
