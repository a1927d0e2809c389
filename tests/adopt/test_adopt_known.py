"""Kinds that a tool's name for a file tells, or what a text's lines or an image's bytes say."""

from pathlib import Path

import pytest
from tests.adopt.test_adopt_kinds import planned

from tdsp.adopt import names
from tdsp.adopt.known import known, told
from tdsp.adopt.targets import settle
from tdsp.reading.files import File


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("ckpt/net.ckpt.data-00000-of-00001", "model"), ("ckpt/model-9.index", "model"),
        ("ckpt/checkpoint", "model"), ("logs/events.out.tfevents.15.host", "result"),
        ("wandb/run/config.yaml", "result"), ("htmlcov/index.html", "result"),
        ("libs/cool-1.7.tar.gz", "vendored"), ("data/ml-100k.zip", ""),
        ("site.pem", "configuration"),
        ("index.faiss", "derived data"), ("app.ico", "web"), ("checkpoints/notes.md", ""),
        ("wandb.py", ""), ("my.index", ""),
    ],
)  # fmt: skip
def test_a_name_that_a_tool_gives_tells_the_kind(path: str, kind: str) -> None:
    assert known(File(path, 3, b"x\0y"))[0] == kind


def test_a_model_in_xml_is_told_by_its_root() -> None:
    assert known(File("face.xml", 9, text="<?xml?>\n<opencv_storage>"))[0] == "model"
    assert known(File("face.xml", 9, text="<?xml?>\n<annotation>"))[0] == ""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Epoch 1/9\nEpoch 2/9\n", "junk"), ("2024-01-02 10:00:01 start\n", "junk"),
        ("accuracy: 0.91\nf1 0.80\n", "result"), ("pip install x\npython train.py\n", "document"),
        ("https://a.b/c\nhttps://d.e/f\n", "document"),
        ("src\n\u251c\u2500\u2500 a.py\n", "document"),
        ("cat\ndog\nbird\n", "raw data"), ("cat\ndog\n", ""), ("import os\nx = 1\ny = 2\n", "code"),
        ("We looked at the birds of this wood, and they sang.\n" * 3, ""), ("", ""),
    ],
)  # fmt: skip
def test_lines_tell_what_a_text_is(text: str, kind: str) -> None:
    assert told(text) == kind


def test_an_image_is_what_looks_at_it(tmp_path: Path) -> None:
    plot = b"\x89PNG\r\n\x1a\n" + bytes(25) + b"tEXtSoftware\0Matplotlib version3.8" + bytes(20)
    window = b"import tkinter\nicon = 'face.jpg'\n"
    files = {
        "look.py": b"import cv2\nimage = cv2.imread('street.jpg')\n",
        "street.jpg": b"\xff\xd8\xff" + bytes(40), "face.jpg": b"\xff\xd8\xff" + bytes(41),
        "window.py": window, "data/a.csv": b"a,b\n1,2\n3,4\n", "data/a.png": plot,
        "data/b.png": b"\x89PNG\r\n\x1a\n" + bytes(30), "song.wav": b"RIFF1234WAVE" + bytes(9),
    }  # fmt: skip
    kinds = {item.path: item.kind for item in planned(tmp_path / "repo", files, "pkg").items}
    assert kinds["street.jpg"] == "raw data"  # a program reads it
    assert kinds["face.jpg"] == "web"  # a program shows it
    assert kinds["data/a.png"] == "figure"  # a library that plots has signed it
    assert kinds["data/b.png"] == "raw data"
    assert kinds["song.wav"] == "raw data"


def test_a_film_or_a_sound_that_a_text_names_stays(tmp_path: Path) -> None:
    film = bytes(4) + b"ftypisom" + bytes(20)
    files = {
        "notes/how.txt": "ffmpeg -i a.mp4 -i song.mp3 -c copy out.mp4\n", "notes/a.mp4": film,
        "notes/song.mp3": b"ID3" + bytes(20), "run.py": "print(1)\n",
    }  # fmt: skip
    plan = planned(tmp_path / "repo", files, "pkg")
    found = {item.path: (item.kind, item.target) for item in plan.items}
    assert found["notes/a.mp4"] == ("figure", "notes/a.mp4")
    assert found["notes/song.mp3"] == ("raw data", "notes/song.mp3")


@pytest.mark.parametrize("name", ["req.txt", "reqs.txt", "freeze.pip", "pip-freeze.txt"])
def test_short_names_of_dependencies_are_known(name: str) -> None:
    assert names.DEPENDENCIES.match(name)


def test_the_batch_file_of_sphinx_is_a_build_and_a_stub_of_types_is_none() -> None:
    assert names.BUILD.match("make.bat")
    assert names.BUILD.match("vite.config.ts")
    assert not names.BUILD.match("vite-env.d.ts")


LATEX = "\\documentclass{article}\n\\begin{document}\n"
PAPER = {
    "paper/main.tex": LATEX, "paper/intro.tex": "\\section{A}\n", "paper/plots/a.eps": "%!PS\n",
    "paper/style.bst": "ENTRY\n", "train.py": "print(1)\n", "figures/loss.pdf": b"%PDF-1.4\n",
    "R/fit.R": "saveRDS(m, 'rf_tune.rds')\n", "R/rf_tune.rds": b"\x1f\x8b\x08" + bytes(30),
    "R/rows.rds": b"\x1f\x8b\x08" + bytes(31), "R/xgboost.model": b"\0\1\2" * 9,
    "TripPrediction.csv": "a,b\n1,2\n3,4\n5,6\n", "late.csv": "a,b\n1,2\n3,4\n",
    "read.py": "import pandas\npandas.read_csv('TripPrediction.csv')\n",
}  # fmt: skip


def test_a_document_in_latex_stays_whole_and_models_of_r_are_models(tmp_path: Path) -> None:
    items = {item.path: item for item in planned(tmp_path / "repo", PAPER, "pkg").items}
    paper = [item for path, item in items.items() if path.startswith("paper/")]
    assert all(item.target == item.path and not item.question for item in paper)
    assert items["paper/plots/a.eps"].kind == "figure"
    loss = items["figures/loss.pdf"]  # its folder says what it is, and no code has its path
    assert loss.kind == "figure" and loss.target == loss.path and not loss.question
    assert items["R/rf_tune.rds"].kind == items["R/xgboost.model"].kind == "model"
    assert items["R/rows.rds"].kind == "raw data"
    assert items["TripPrediction.csv"].target == "data/raw/TripPrediction.csv"


def test_a_folder_that_the_template_has_in_small_letters_takes_what_comes() -> None:
    wanted = {"Docs/Model/a.md": "docs/Model/a.md", "Code/x.py": "src/pkg/Steps/x.py"}
    found = settle(wanted, ["docs/model/card.md", "src/pkg/steps/fit.py"])
    assert found == {"Docs/Model/a.md": "docs/model/a.md", "Code/x.py": "src/pkg/steps/x.py"}
    stays = {"docs/Model/b.md": "docs/Model/b.md", "a.md": "docs/Model/a.md"}
    assert settle(stays, ["docs/model/card.md"]) == stays


def test_what_a_run_left_and_what_other_languages_hold(tmp_path: Path) -> None:
    files = {
        "fit.py": "print(1)\n", "tests/testthat/test_a.R": "x <- 1\n", "board/a.ino": "void f();\n",
        "models/fit_report/runs.csv": "a,b\n1,2\n3,4\n5,6\n", "empty.csv": "",
        ".hypothesis/examples/1f": b"\0",
        "models/2024-01-02_fit/raw_data/rows.csv": "a,b\n1,2\n3,4\n7,8\n",
        "pages/book.html": "<html><body class='jp-Notebook'>", "R/fit.R": "p <- path(A, 'w.rds')\n",
        "data/urls.txt": "https://a.b/c\nhttps://a.b/d\n", "artifacts/w.rds": b"\x1f\x8b\x08" * 9,
    }  # fmt: skip
    items = {item.path: item for item in planned(tmp_path / "repo", files, "pkg").items}
    kinds = {path: item.kind for path, item in items.items()}
    assert kinds["tests/testthat/test_a.R"] == "test" and kinds["board/a.ino"] == "code"
    assert kinds["models/fit_report/runs.csv"] == kinds["pages/book.html"] == "result"
    assert kinds["models/2024-01-02_fit/raw_data/rows.csv"] == kinds["empty.csv"] == "raw data"
    assert kinds["data/urls.txt"] == "document" and kinds[".hypothesis/examples/1f"] == "junk"
    assert items["artifacts/w.rds"].target == "artifacts/w.rds"  # R names it, and is not edited


def test_code_in_other_languages_alone_is_adopted_in_place(tmp_path: Path) -> None:
    files = {"net/Net.java": "class Net {}\n", "results/a.txt": "We saw it. It was good.\n"}
    plan = planned(tmp_path / "repo", files, "pkg")
    assert plan.level == 0 and all(item.target == item.path for item in plan.items)
    assert any("no code is Python" in note.text for note in plan.notes)
    files["net/fit.py"] = "print(1)\n"
    assert planned(tmp_path / "other", files, "pkg").level == 1


LAYS_OUT = """import os
from pathlib import Path

NAME = "stock"
FILES = [f"src/{NAME}/__init__.py", f"src/{NAME}/train.py", "app.py", "setup.py"]
for each in FILES:
    path = Path(each)
    os.makedirs(path.parent, exist_ok=True)
    if not path.exists():
        path.touch()
"""


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        (LAYS_OUT, True),
        (LAYS_OUT.replace("path.touch()", "open(path, 'w').close()"), True),
        (f"import pandas\n{LAYS_OUT}", False),
        (f"from . import app\n{LAYS_OUT}", False),
        (LAYS_OUT.replace("__init__", "main"), False),
        (LAYS_OUT.replace("__init__.py", ".gitkeep"), True),
        (LAYS_OUT.replace("os.makedirs", "print").replace("path.touch", "print"), False),
    ],
)
def test_a_script_that_has_laid_out_the_project_stays(
    text: str, stays: bool, tmp_path: Path
) -> None:
    files = {"template.py": text, "app.py": "import pandas\npandas.read_csv('a.csv')\n"}
    moves = planned(tmp_path / "repo", dict(files), "pkg").moves
    assert moves == {"app.py": "src/pkg/app.py"} | (
        {} if stays else {"template.py": "src/pkg/template.py"}
    )


def test_what_lays_out_folders_for_others_is_no_such_script(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "template.py": LAYS_OUT, "app.py": "import template\nprint(template.FILES)\n",
        "serve": b"#!/usr/bin/env python\nimport os\nos.makedirs('x')\n",
    }  # fmt: skip
    assert "template.py" in planned(tmp_path / "repo", files, "pkg").moves
