"""`--fix-absolute` and `--drop-hacks`: off by default, and only where it is certain."""

from pathlib import Path

import pytest
from tests.adopt.hand import make
from typer.testing import CliRunner

from tdsp.adopt.plan import Note, apply_edits, undo_edits
from tdsp.adopt.rewrite import edits_for
from tdsp.adopt.verify import same_code
from tdsp.cli import app
from tdsp.reading import read_texts

MOVES = {
    "main.py": "src/pkg/main.py",
    "sub/run.py": "src/pkg/sub/run.py",
    "utils.py": "src/pkg/utils.py",
    "train.csv": "data/raw/train.csv",
    "look.ipynb": "notebooks/look.ipynb",
}
TREE = {"utils.py": "def f(): pass\n", "train.csv": "a\n", "tools/own.py": "k = 1\n"}
READ = "import pandas as pd\nd = pd.read_csv({})\n"
HACK = "import sys\nsys.path.append({})\nfrom utils import f\nprint(1)\n"


def rewritten(path: str, text: str, *fixes: str) -> tuple[str, list[Note]]:
    raw = {name: content.encode() for name, content in {**TREE, path: text}.items()}
    moves = {old: new for old, new in MOVES.items() if old in raw}
    edits, notes = edits_for(read_texts(raw), raw.__getitem__, moves, "pkg", {}, frozenset(fixes))
    found = edits.get(path, ())
    new = apply_edits(raw[path], found)
    assert undo_edits(new, found) == raw[path]
    if path.endswith(".py"):
        assert same_code(raw[path], new, tuple((e.start, len(e.old), len(e.new)) for e in found))
    return new.decode(), [each for each in notes if each.path == path]


@pytest.mark.parametrize(
    "path", ["'C:/Users/me/train.csv'", "r'C:\\Users\\me\\train.csv'", "'/home/me/x/train.csv'"]
)
def test_absolute_path_of_a_file_that_is_here(path: str) -> None:
    text = READ.format(path)
    same, notes = rewritten("main.py", text)
    assert path in same and "may be data/raw/train.csv" in notes[0].text
    new, notes = rewritten("main.py", text, "absolute")
    quote = "r'" if path.startswith("r") else "'"
    assert f"read_csv({quote}data/raw/train.csv')" in new and not notes


def test_absolute_path_in_a_notebook_starts_at_its_folder() -> None:
    text = '{"cells": [{"cell_type": "code", "source": ["open(\'/home/me/train.csv\')\\n"]}]}'
    new, _ = rewritten("look.ipynb", text, "absolute")
    assert "open('../data/raw/train.csv')" in new


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("'/home/me/other.csv'", "make it a parameter"),
        ("'C:/data'", "make it a parameter"),
        ("'/home/' + user + '/train.csv'", ""),
    ],
)
def test_absolute_path_that_is_not_certain_stays(path: str, words: str) -> None:
    text = READ.format(path)
    new, notes = rewritten("main.py", text, "absolute")
    assert path in new
    assert not words or any(words in each.text for each in notes)


def test_two_files_of_one_name_are_not_guessed() -> None:
    raw = {"main.py": b"open('/home/me/a.csv')\n", "x/a.csv": b"1", "y/a.csv": b"2"}
    edits, notes = edits_for(
        read_texts(raw), raw.__getitem__, {"main.py": "src/pkg/main.py"}, "pkg", {},
        frozenset(["absolute"]),
    )  # fmt: skip
    assert not edits and "make it a parameter" in notes[0].text


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("main.py", "'.'"),
        ("main.py", "os.path.dirname(__file__)"),
        ("sub/run.py", "'..'"),
        ("sub/run.py", "str(Path(__file__).parents[1])"),
    ],
)
def test_hack_that_the_move_makes_needless(path: str, folder: str) -> None:
    text = HACK.format(folder)
    same, notes = rewritten(path, text)
    assert "sys.path" in same and any("is kept" in each.text for each in notes)
    new, notes = rewritten(path, text, "hacks")
    assert new == "import sys\nfrom pkg.utils import f\nprint(1)\n"
    assert not any("is kept" in each.text for each in notes)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("main.py", HACK.format("'..'")),
        ("main.py", HACK.format("'/home/me/lib'")),
        ("main.py", HACK.format("os.environ['LIB']")),
        ("sub/run.py", HACK.format("str(Path(__file__).parents[2])")),
        ("main.py", "import sys\nsys.path.append('tools')\nimport own\n"),
        ("main.py", "import sys\nif 1:\n    sys.path.append('.')\nfrom utils import f\n"),
        ("main.py", "import sys\nsys.path.append('.'); x = 1\nfrom utils import f\n"),
        ("tools/own.py", HACK.format("'..'")),
    ],
)
def test_hack_that_may_be_needed_stays(path: str, text: str) -> None:
    new, _ = rewritten(path, text, "hacks")
    assert text.splitlines()[1] in new and "sys.path" in new


def test_fixes_are_asked_for_kept_in_the_plan_and_shown(tmp_path: Path) -> None:
    code = "import sys\nsys.path.append('.')\nfrom utils import f\nopen('/home/me/train.csv')\n"
    files = {**{name: text.encode() for name, text in TREE.items()}, "main.py": code.encode()}
    root, out = make(tmp_path / "repo", files), tmp_path / "plan"
    words = ["adopt", "plan", str(root), "--yes", "--package", "pkg", "--out", str(out)]
    runner = CliRunner()
    assert runner.invoke(app, words).exit_code == 0
    plain = (out / "plan.patch").read_text(encoding="utf-8")
    assert "-sys.path" not in plain and "-open" not in plain
    assert runner.invoke(app, [*words, "--fix-absolute", "--drop-hacks"]).exit_code == 0
    for again in ([], ["--update", str(out / "plan.yaml")]):
        assert runner.invoke(app, [*words, *again, *([] if again else ["--fix-absolute",
                                                     "--drop-hacks"])]).exit_code == 0  # fmt: skip
        assert "\nfixes: [absolute, hacks]\n" in (out / "plan.yaml").read_text(encoding="utf-8")
        patch = (out / "plan.patch").read_text(encoding="utf-8")
        assert "-sys.path.append('.')" in patch and "+open('data/raw/train.csv')" in patch
    text = (out / "plan.yaml").read_text(encoding="utf-8").replace("[absolute,", "[absolut,")
    (out / "plan.yaml").write_text(text, encoding="utf-8")
    done = runner.invoke(app, [*words, "--update", str(out / "plan.yaml")])
    assert "fixes are absolute, hacks" in str(done.exception)
