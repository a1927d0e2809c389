"""What is moved, asked or left, by how much speaks for it: rules beside counter-examples."""

from pathlib import Path

import pytest
from tests.adopt.repos import CSV, MODEL, PNG, Asked, Offered, P, Row, notebook
from tests.adopt.test_adopt_kinds import PY, mistaken, planned

from tdsp.adopt import build as building

ENV = "name: x\ndependencies:\n  - python\n"
DJANGO = "import django\nprint(django)\n"
SITE: dict[str, Row] = {
    "manage.py": (DJANGO, "build", "manage.py"),
    "server/urls.py": (PY, "code", "server/urls.py"),
    "templates/base.html": ("<p>a</p>\n", "web", "templates/base.html"),
    "train.py": ("print(1)\n", "script", f"{P}/train.py"),
}
SHINY: dict[str, Row] = {
    "server.R": ("library(shiny)\nread_csv('clean.csv')\n", "script", "server.R"),
    "clean.csv": (CSV, "derived data", "clean.csv"),
    "www/team.png": (PNG + b"a", "web", "www/team.png"),
    "load.py": ("open('other.csv')\n", "script", f"{P}/load.py"),
    "other.csv": (CSV + b"1,2\n", "raw data", Asked("data/raw/other.csv")),
}
OLD: dict[str, Row] = {
    "fit.py": ("print(open('new.csv'))\n", "script", f"{P}/fit.py"),
    "fit2.py": ("print(2)\n", "script", f"{P}/fit2.py"),
    "new.csv": (CSV, "raw data", Asked("data/raw/new.csv")),
    "lists/old.py": ("import csv\nprint open('lists/a.csv')\n", "script", "lists/old.py"),
    "lists/a.csv": (CSV + b"2,2\n", "raw data", "lists/a.csv"),
}
IMAGES: dict[str, Row] = {
    "draw.py": ("plt.savefig('plots/loss.png')\n", "script", f"{P}/draw.py"),
    "plots/loss.png": (PNG + b"1", "figure", Asked("reports/figures/loss.png")),
    "figures/other.png": (PNG + b"2", "figure", "figures/other.png"),
    "report/paper.tex": ("\\\\section{A}\n", "document", "report/paper.tex"),
    "report/images/kalman.png": (PNG + b"3", "figure", "report/images/kalman.png"),
    "test-images/octogonal.jpg": (PNG + b"4", "raw data", "test-images/octogonal.jpg"),
    "eda/scatter.png": (PNG + b"5", "figure", "eda/scatter.png"),
    "notebooks/a/b.ipynb": (notebook("![x](step.png)"), "notebook", "notebooks/a/b.ipynb"),
    "notebooks/a/step.png": (PNG + b"6", "figure", "notebooks/a/step.png"),
}
# A step of the program by this name, which other code imports, and a test beside it.
STEPS: dict[str, Row] = {
    "main.py": ("from test_model import test\nprint(test())\n", "script", f"{P}/main.py"),
    "test_model.py": ("def test():\n    return 1\n", "code", f"{P}/test_model.py"),
    "test_rows.py": ("import main\n\n\ndef test_rows():\n    assert main\n", "test",
        "tests/test_rows.py"),
}  # fmt: skip
RESULTS: dict[str, Row] = {
    "results/best_params.yaml": ("a: 1\n", "result", "results/best_params.yaml"),
    "results/configs/run.yaml": ("a: 2\n", "configuration", "results/configs/run.yaml"),
    "results/found.json": ('{"a": 1}', "result", "results/found.json"),
    "save.py": (
        "import json\njson.dump(1, open('results/made.json', 'w'))\n"
        "df.to_csv('data/rfm_scores.csv')\ndf.to_csv('scores.csv')\n", "script", f"{P}/save.py"),
    "results/made.json": ('{"a": 3}', "result", Asked("reports/made.json")),
    "data/rfm_scores.csv": (CSV, "derived data", Asked("data/processed/rfm_scores.csv")),
    "scores.csv": (CSV + b"3,3\n", "result", Asked("reports/scores.csv")),
    "drift_report.html": ("<p>r</p>\n", "result", "drift_report.html"),
    "index.html": ("<p>i</p>\n", "web", "index.html"),
    "mlflow.db": (b"SQLite format 3\0x", "result", "mlflow.db"),
    "runs/checkpoints/ppo_1000_steps.zip": (
        b"PK\3\4x", "model", "runs/checkpoints/ppo_1000_steps.zip"),
}  # fmt: skip
NAMES: dict[str, Row] = {
    "main.py": ("print(1)\n", "script", f"{P}/main.py"),
    "env_config.yaml": ("station: 1\n", "configuration", "env_config.yaml"),
    "env.yaml": (ENV, "dependencies", "env.yaml"),
    "a.md:Zone.Identifier": ("[ZoneTransfer]\n", "junk", ""),
    "build/CMakeFiles/x.cmake": ("set(a)\n", "junk", ""),
    "cpp/tests/test_math.cpp": ("int main() {}\n", "test", "cpp/tests/test_math.cpp"),
    "cpp/math.cpp": ("int a;\n", "code", "cpp/math.cpp"),
    "java/FitTest.java": ("class FitTest {}\n", "test", "java/FitTest.java"),
    "cpp/meson.build": ("project('a')\n", "build", "cpp/meson.build"),
    "wheels/py-1.5-py3-none-any.whl": (
        b"PK\3\4y", "vendored", "wheels/py-1.5-py3-none-any.whl"),
    "notes.txt": ("a b\n1 2\n", "document", "docs/notes.txt"),
    "names.txt": ("a b\n1 3\n", "raw data", "names.txt"),
}  # fmt: skip
# Whether a stored file's path can follow it: in code, joined by code, in settings, of a folder.
FOLLOWED: dict[str, Row] = {
    "fit.py": (
        "import os\nimport pickle\nA = 'features/a.npy'\nB = os.path.join('store', 'b.npy')\n"
        "C = os.path.join(FOLDER, 'c.npy')\nkept = f'json/{A}.json'\n"
        "names = os.listdir('dataset')\nprint(A, B, C, kept, names)\n", "script", f"{P}/fit.py"),
    "features/a.npy": (b"\x93NUMPYa", "derived data", Asked("data/processed/features/a.npy")),
    "store/b.npy": (b"\x93NUMPYb", "derived data", Asked("data/processed/store/b.npy")),
    "other/c.npy": (b"\x93NUMPYc", "derived data", Offered("other/c.npy")),
    "json/k_1.json": ('[{"a": 1}, {"a": 2}]', "raw data", Offered("json/k_1.json")),
    "dataset/rows.csv": (CSV + b"1,1\n", "raw data", Asked("data/raw/rows.csv")),
    "settings.yaml": ("model: experiments/net.h5\n", "configuration", "settings.yaml"),
    "experiments/net.h5": (b"\x89HDF\0\1", "model", "experiments/net.h5"),
    "checkpoints/lone.h5": (b"\x89HDF\0\2", "model", "checkpoints/lone.h5"),
    "records/run.csv": ("Wall time,Step,Value\n1,2,3\n2,3,4\n3,4,5\n", "result",
        Asked("reports/records/run.csv")),
    "answers.csv": ("5.0e+00\n4.0e+00\n7.1e+00\n6.2e+00\n", "derived data",
        Asked("data/processed/answers.csv")),
    "plots.py": ("open('records/run.csv')\nopen('answers.csv')\n", "script", f"{P}/plots.py"),
    "results/lone.txt": ("Bach 1\nMahler 2\nHaydn 3\n", "result", "results/lone.txt"),
    "lib/steps.py": (PY + "L = 1\n", "code", Asked(f"{P}/lib/steps.py")),
    "lib/deep/below/ways.json": ('{"a": 1}', "configuration",
        Asked(f"{P}/lib/deep/below/ways.json")),
    "lib/gpt2/tokenizer_config.json": ('{"a": 2}', "model", "lib/gpt2/tokenizer_config.json"),
    "lib/gpt2/vocab.json": ('{"a": 3}', "model", "lib/gpt2/vocab.json"),
    "lib/gpt2/all_results.json": ('{"a": 4}', "result", "lib/gpt2/all_results.json"),
}  # fmt: skip
# What a service or a tool finds by its place, what a build made, whose libraries others compiled.
FOUND: dict[str, Row] = {
    "README.md": ("---\ntitle: a\napp_file: show.py\n---\n", "document", "README.md"),
    "show.py": ("import gradio\nprint(gradio)\n", "script", "show.py"),
    "hubconf.py": (PY, "script", "hubconf.py"),
    "train.py": (PY + "T = 1\n", "code", f"{P}/train.py"),
    "api/serve.py": (PY + "A = 1\n", "code", Asked(f"{P}/api/serve.py")),
    "api/.vscode/launch.json": ("{}", "configuration", "api/.vscode/launch.json"),
    "ros/CATKIN_IGNORE": ("", "junk", ""),
    "ros/gen/setup.py": ("print(1)\n", "junk", ""),
    **{f"sdk/_{n}.so.1": (b"\x7fELF\0" + bytes([n]), "vendored", f"sdk/_{n}.so.1")
       for n in range(4)},
    "sdk/wrap.py": (PY + "W = 1\n", "vendored", "sdk/wrap.py"),
    "earth/map.js": ("var a\n", "script", "earth/map.js"),
    **{f"leaf/kind_{n}/a.jpg": (PNG + bytes([n]), "raw data", f"leaf/kind_{n}/a.jpg")
       for n in range(6)},
}  # fmt: skip
# What a run or a page says of a file, and what is somebody else's though no licence lies there.
TOLD: dict[str, Row] = {
    "README.md": ("    python scripts/test_all.py\n    python fit.py\n", "document", "README.md"),
    "fit.py": (PY + "F = 1\n", "script", f"{P}/fit.py"),
    "scripts/test_all.py": ("def test_all():\n    assert 1\n", "test", "scripts/test_all.py"),
    "scripts/test_more.py": ("def test_b():\n    assert 1\n", "test",
        Asked("tests/scripts/test_more.py")),
    "tests/test_fit.py": ("import fit\nassert fit\n<<<<<<< HEAD\n", "test", "tests/test_fit.py"),
    "tagger/COPYRIGHT": ("It is ours.\n", "vendored", "tagger/COPYRIGHT"),
    "tagger/tag.py": (PY + "T = 1\n", "vendored", "tagger/tag.py"),
    "site/package.json": ("{}\n", "dependencies", "site/package.json"),
    "site/astro.config.mjs": ("x\n", "build", "site/astro.config.mjs"),
    "site/public/flow.csv": (CSV, "web", "site/public/flow.csv"),
    "site/rows.csv": (CSV + b"1,1\n", "raw data", "site/rows.csv"),
    "fit_auc.npy": (b"\x93NUMPY1", "result", Offered("fit_auc.npy")),
    "vectors.npy": (b"\x93NUMPY2", "derived data", Offered("vectors.npy")),
    "old/more.py": (PY + "O = 1\n", "code", "old/more.py"),
    "old/processed/rows.csv": (CSV + b"2,1\n", "derived data", "old/processed/rows.csv"),
    "report/week.md": ("# Week\n\nAll is well.\n", "document", "report/week.md"),
    "users.json": ('[{"name": "a"}, {"name": "b"}]', "raw data", Offered("users.json")),
    "one.json": ('{"names": [{"a": 1}, {"b": 2}]}', "configuration", "one.json"),
    "paper.tex": ("".join(f"\\includegraphics{{art/lab/{n}_x.png}}\n" for n in range(3)),
                  "document", "docs/paper.tex"),
    "draw.py": ("import os\nprint(os.listdir('art/lab'))\n", "script", f"{P}/draw.py"),
    **{f"art/lab/{n}_x.png": (PNG + bytes([n, 7]), "figure", f"art/lab/{n}_x.png")
       for n in range(3)},
    **{f"art/lab/{n}_y.png": (PNG + bytes([n, 8]), "figure", f"art/lab/{n}_y.png")
       for n in range(30)},
    **{
        f"news/{n}.txt": (
            f"It rained on day {n}. Nobody was surprised.\\n", "raw data", Offered(f"news/{n}.txt"))
        for n in range(20)},
    "letters/one.txt": (
        "It rained on the first day of the week. Nobody was told of it, and nobody asked why.\n",
        "document", "letters/one.txt"),
}  # fmt: skip
ALL = {"told": TOLD, "followed": FOLLOWED, "found": FOUND, "site": SITE, "shiny": SHINY, "old": OLD,
       "images": IMAGES, "results": RESULTS,
       "names": NAMES, "steps": STEPS}  # fmt: skip


@pytest.fixture(autouse=True)
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of a few names, since a render takes seconds."""
    monkeypatch.setattr(building, "render", lambda answers: {"dvc.yaml": b""})


@pytest.mark.parametrize("name", sorted(ALL))
def test_what_speaks_for_a_file_decides(name: str, tmp_path: Path) -> None:
    assert mistaken(ALL[name], tmp_path / "repo") == []


def test_a_root_without_django_is_no_site(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {path: row[0] for path, row in SITE.items()}
    plan = planned(tmp_path / "repo", files | {"manage.py": "print(1)\n"}, "pkg")
    wholes = {e.path for e in plan.items if "Django finds" in e.why[0]}
    assert not wholes


@pytest.mark.parametrize(
    ("user", "stays"), [("", True), ("tests/test_a.py", True), ("main.py", False)]
)
def test_src_stays_unless_other_code_than_its_tests_uses_it(
    user: str, stays: bool, tmp_path: Path
) -> None:
    files: dict[str, bytes | str] = {"src/a.py": PY, "src/b.py": "import src.a\nprint(src.a)\n"}
    if user:
        files[user] = "import src.a\n\n\ndef test_a():\n    assert src.a\n"
    plan = planned(tmp_path / "repo", files, "pkg")
    offered = {each.id: each.choices for each in plan.offers}
    assert ("src" in offered) is stays
    assert ("src/a.py" in plan.moves) is not stays
    if stays:
        assert offered["src"]["stay"] == {"src/a.py": "src/a.py", "src/b.py": "src/b.py"}
        assert offered["src"]["move"]["src/a.py"] == f"{P}/a.py"


def test_each_kind_of_what_is_stored_is_one_question(tmp_path: Path) -> None:
    code = (
        "import joblib\nimport pandas as pd\npd.read_csv('a.csv')\npd.read_csv('b.csv')\n"
        "joblib.load('net.pkl')\nplt.savefig('loss.png')\n"
    )
    files: dict[str, bytes | str] = {
        "fit.py": code, "a.csv": CSV, "b.csv": CSV + b"1,1\n", "loss.png": PNG,
        "net.pkl": MODEL, "lone.csv": CSV + b"2,2\n", "data/lone.csv": CSV + b"3,3\n",
    }  # fmt: skip
    plan = planned(tmp_path / "repo", files, "pkg")
    asked = {each.id: set(each.choices["as proposed"]) for each in plan.questions}
    assert asked == {
        "q-data-in-use": {"a.csv", "b.csv"}, "q-models-in-use": {"net.pkl"},
        "q-results-in-use": {"loss.png"},
    }  # fmt: skip
    assert [each.id for each in plan.offers] == ["unfollowed-files"]
    sure = {each.path: each.confidence for each in plan.items}
    assert sure["lone.csv"] > 0.9 > sure["a.csv"]  # to leave a file is safe, to move it is asked
    assert plan.offers[0].choices["stay"] == {"lone.csv": "lone.csv"}
    assert plan.offers[0].choices["move"] == {"lone.csv": "data/raw/lone.csv"}


def test_nothing_is_asked_where_an_answer_moves_nothing(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "a.py": PY, "bad.ipynb": "{", "blob.bin": b"\0\1\2", "old.py": "print 'x'\n",
        "old/b.py": PY + "B = 1\n",
    }  # fmt: skip
    plan = planned(tmp_path / "repo", files, "pkg")
    assert set(plan.moves) == {"a.py"} and not plan.questions and not plan.offers
