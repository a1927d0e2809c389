"""Kinds that a tool's name for a file tells, or what a text's lines or an image's bytes say."""

from pathlib import Path

import pytest
from tests.adopt.test_adopt_kinds import planned

from tdsp.adopt.known import known, told
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
