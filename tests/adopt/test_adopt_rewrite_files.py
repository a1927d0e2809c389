"""Notebooks, commands and pages; what holds for every file; and scripts that are really run."""

# ruff: noqa: E501  tables read best with one row a line

import ast
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tdsp.adopt.plan import Note, apply_edits, undo_edits
from tdsp.adopt.rewrite import edits_for, notebooks
from tdsp.adopt.rewrite.source import Change
from tdsp.reading import read_texts

MOVES = {
    "main.py": "src/pkg/main.py",
    "utils.py": "src/pkg/core/utils.py",
    "train.csv": "data/raw/train.csv",
    "imgs/a.png": "reports/figures/a.png",
    "a.ipynb": "notebooks/a.ipynb",
    "x.R": "src/R/x.R",
}
FILES: dict[str, str | bytes] = {
    "main.py": "import utils\n",
    "utils.py": "x = 1\n",
    "train.csv": "a\n1\n",
    "imgs/a.png": b"\x89PNG",
    "x.R": "",
}


def rewrite(
    files: Mapping[str, str | bytes], moves: dict[str, str] | None = None
) -> tuple[dict[str, bytes], tuple[Note, ...]]:
    raw = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    moves = MOVES if moves is None else moves
    moves = {old: new for old, new in moves.items() if old in raw}
    edits, notes = edits_for(read_texts(raw), raw.__getitem__, moves, "pkg", {})
    new = {path: apply_edits(raw[path], each) for path, each in edits.items()}
    assert all(undo_edits(new[path], each) == raw[path] for path, each in edits.items())
    return new, notes


def one(path: str, text: str | bytes) -> tuple[bytes, list[str]]:
    new, notes = rewrite({**FILES, path: text})
    raw = text.encode() if isinstance(text, str) else text
    return new.get(path, raw), [each.text for each in notes if each.path == path]


def cell(kind: str, source: str | list[str]) -> dict[str, object]:
    found: dict[str, object] = {"cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        found |= {"execution_count": 3, "id": "é1", "outputs": [{"text": ["train.csv\n", "é"]}]}
    return found


NOTEBOOK = {
    "cells": [
        cell("markdown", ["# 😀 é\n", '![x](imgs/a.png) <img src="imgs/a.png"> [u](https://h/a.png)']),
        cell("code", ["%matplotlib inline\n", "import os, utils\n", "# é \"q\" \\n\n",
                      "!head train.csv\n", "open('train.csv', \"r\")\n", "files = !ls\n"]),
        cell("code", "%%bash\ncat train.csv"),
        cell("code", ["P = 'train.csv'"]),
        cell("code", ["print 'train.csv'\n"]),
        cell("code", ["open(\n", "    P)\n", "x.to_csv('out.csv')"]),
        cell("code", []),
        cell("raw", ["train.csv"]),
    ],
    "metadata": {"kernelspec": {"language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip
REPLACED = (
    (b"![x](imgs/a.png)", b"![x](../reports/figures/a.png)"),
    (b'src=\\"imgs/a.png', b'src=\\"../reports/figures/a.png'),
    (b"import os, utils", b"import os; from pkg.core import utils"),
    (b"open('train.csv'", b"open('../data/raw/train.csv'"),
    (b"P = 'train.csv'", b"P = '../data/raw/train.csv'"),
    (b"to_csv('out.csv')", b"to_csv('../out.csv')"),
)


@pytest.mark.parametrize(
    "written",
    [
        json.dumps(NOTEBOOK, indent=1) + "\n",
        json.dumps(NOTEBOOK, indent=1, ensure_ascii=False),
        json.dumps(NOTEBOOK, ensure_ascii=False, separators=(",", ":")),
        json.dumps(NOTEBOOK, indent=4).replace("\n", "\r\n"),
        "\ufeff" + json.dumps(NOTEBOOK, indent="\t"),
    ],
    ids=["usual", "not ascii", "one line", "CRLF", "BOM and tabs"],
)
def test_a_notebook_changes_in_its_cells_alone(written: str) -> None:
    content = written.encode()
    expected = content
    for old, new in REPLACED:
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    found, notes = one("a.ipynb", content)
    assert found == expected
    assert json.loads(found.decode("utf-8-sig"))
    assert sum("names a file that goes to ../data/raw/train.csv" in each for each in notes) == 2
    assert any("cell 5 does not parse" in each for each in notes)


def test_a_change_over_two_lines_of_a_cell_is_refused() -> None:
    """The lines are texts of their own in the file, with JSON between them."""
    for source, sound in ((["a = (1,\n", "  2)"], False), ("a = (1,\n  2)", True)):
        raw = json.dumps({"cells": [cell("code", source)]}).encode()
        code, _, _ = notebooks.code(notebooks.read("a.ipynb", raw))
        edit = code.edit(Change(code.text.index("(1"), code.text.index("2)"), "x", ""))
        assert (edit is not None) is sound


@pytest.mark.parametrize("plain", [True, False])
def test_a_notebook_writes_letters_as_it_did(plain: bool) -> None:
    notebook = {"cells": [cell("code", ["open('é.csv')"])]}
    raw = json.dumps(notebook, ensure_ascii=plain).encode()
    new, _ = rewrite({"a.ipynb": raw, "é.csv": ""}, {"é.csv": "data/é.csv"})
    letter = b"\\u00e9.csv" if plain else "é.csv".encode()
    assert new == {"a.ipynb": raw.replace(letter, b"data/" + letter)}


def test_a_file_that_is_no_notebook_costs_only_itself() -> None:
    for bad in ('{"cells": utils', '{"utils": 1}', '{"cells": [{"source": [1], "utils": 2}]}'):
        found, notes = one("bad.ipynb", bad)
        assert found == bad.encode()
        assert "not edited" in notes[0]


TEXTS = [
    ("run.sh", "python ./main.py train.csv\n", "python ./src/pkg/main.py data/raw/train.csv\n"),
    ("run.sh", "# python main.py\n", None),
    ("run.sh", "echo amain.py main.pyc a/main.py main.py/x ${x}main.py\n", None),
    ("Makefile", "go:\r\n\tpython main.py\r\n", "go:\r\n\tpython src/pkg/main.py\r\n"),
    ("Procfile", "web: gunicorn main:app", "web: gunicorn pkg.main:app"),
    ("Procfile", "web: python -m main", "web: python -m pkg.main"),
    ("Dockerfile", "COPY . /app\nCMD python main.py\n", "COPY . /app\nCMD python src/pkg/main.py\n"),
    ("Dockerfile", "COPY main.py .\nCMD python main.py\n", "COPY src/pkg/main.py .\nCMD python main.py\n"),
    (".github/workflows/ci.yml", "run: python main.py\n", "run: python src/pkg/main.py\n"),
    ("x.R", "read.csv('train.csv') # \xe9", "read.csv('data/raw/train.csv') # \xe9"),
    ("README.md", "[m](main.py) `main.py`", "[m](src/pkg/main.py) `main.py`"),
    ("README.md", "![](./imgs/a.png)", "![](reports/figures/a.png)"),
    ("README.md", "    $ python main.py\nthe main.py\n", "    $ python src/pkg/main.py\nthe main.py\n"),
    ("docs/x.md", "[m](../main.py#L3)\n", "[m](../src/pkg/main.py#L3)\n"),
    ("README.md", "[m](https://h/main.py) [n](/main.py) [o](main.pyc)\n", None),
    ("run.sh", "cd imgs\npython main.py\n", "NOTE"),
    ("imgs/run.sh", "cat a.png\n", "NOTE"),
    ("run.sh", "ls ./imgs/\nls imgs/a.png/..\n", None),
    ("docker-compose.yml", "command: python main.py\n", "NOTE"),
    (".gitattributes", "imgs/*.png filter=lfs\n", "NOTE"),
    ("conf/a.yaml", "kind: sub\n", None),
    ("data.txt", "main.py train.csv\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "old", "new"), TEXTS, ids=[f"{a} {b[:30]}" for a, b, _ in TEXTS])
def test_a_text(path: str, old: str, new: str | None) -> None:
    found, notes = one(path, old.encode("latin-1") if path == "x.R" else old)
    expected = old if new in (None, "NOTE") else new
    assert found == (expected.encode("latin-1") if path == "x.R" else expected.encode())
    assert (new == "NOTE") <= bool(notes)


class Model:
    """Something that a pickle names."""


def test_a_pickle_that_names_a_module_that_moves_is_noted() -> None:
    Model.__module__ = "utils"
    sys.modules["utils"] = sys.modules[__name__]
    try:
        content = pickle.dumps(Model(), protocol=4)
    finally:
        del sys.modules["utils"]
        Model.__module__ = __name__
    new, notes = rewrite({**FILES, "m.pkl": content, "plain.pkl": pickle.dumps([1, "utils"])})
    assert "m.pkl" not in new
    assert [(each.path, "pkg.core.utils" in each.text) for each in notes] == [("m.pkl", True)]


WORDS = st.sampled_from(
    ["import utils", "from utils import x", "open('train.csv')", "y = f'train.csv{1}'", "# é", "", "\x0c",
     "def f():\n    import utils\n    return utils", "s = '''\nimport utils\n'''", "z = 'é😀'", "pass;import utils"]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(WORDS, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_edits_can_be_undone_and_change_nothing_else(words: list[str], end: str, bom: bool) -> None:
    text = "\n".join(words).replace("\n", end)
    raw = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    found, _ = one("main.py", raw)  # `rewrite` undoes the edits
    back = found.replace(b"from pkg.core import utils", b"import utils")
    back = back.replace(b"from pkg.core.utils import", b"from utils import")
    assert back.replace(b"data/raw/train.csv", b"train.csv") == raw
    if "\x0c" not in text:
        assert len(ast.parse(found).body) == len(ast.parse(raw).body)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(alphabet="abcé'\"\\\n {}()=.,#:/*%x", max_size=60))
def test_any_text_is_survived(text: str) -> None:
    for path in ("main.py", "a.ipynb", "README.md", "run.sh"):
        one(path, text + "\nimport utils\nopen('train.csv')\n")


def test_a_file_that_names_nothing_that_moves_has_no_edit() -> None:
    files = {**FILES, "other.py": "import os\nopen('stays.csv')\nimport stays\n", "stays.py": "",
             "stays.csv": ""}  # fmt: skip
    new, notes = rewrite(files)
    assert set(new) == {"main.py"}
    assert notes == ()


def test_a_name_that_is_not_utf8_is_given_back_as_it_is() -> None:
    odd = os.fsdecode(b"caf\xe9.py")
    raw = {"caf\\xe9.py": b"import utils\n", "utils.py": b"", "a b.py": b"import utils\n"}
    real = {**raw, odd: raw["caf\\xe9.py"]}
    moves = {odd: "src/pkg/cafe.py", "utils.py": "src/pkg/utils.py", "a b.py": "src/pkg/a_b.py"}
    edits, notes = edits_for(read_texts(raw), real.__getitem__, moves, "pkg", {odd: ""})
    assert set(edits) == {odd, "a b.py"}
    assert notes == ()


def test_a_second_run_finds_nothing() -> None:
    files: dict[str, str | bytes] = {
        **FILES, "a.ipynb": json.dumps(NOTEBOOK), "run.sh": "python main.py\n",
        "README.md": "![](imgs/a.png)\n",
    }  # fmt: skip
    new, _ = rewrite(files)
    after = {MOVES.get(path, path): new.get(path, text) for path, text in files.items()}
    assert len(new) == 4
    for moves in ({}, {"other.txt": "docs/other.txt"}):
        assert rewrite({**after, "other.txt": ""}, moves) == ({}, ())


PROJECT: dict[str, str] = {
    "prepare.py": "import os, csv, helpers\nROOT = os.path.dirname(os.path.abspath(__file__))\n"
    "rows = helpers.rows(os.path.join(ROOT, 'input.csv'))\n"
    "with open('clean.csv', 'w') as f:\n    csv.writer(f).writerows(rows)\nprint(len(rows))\n",
    "train.py": "import pickle\nfrom lib.model import Mean\nfrom helpers import rows as read\n"
    "DATA = 'clean.csv'\nmodel = Mean().fit(read(DATA))\n"
    "pickle.dump(model.mean, open('model.pkl', 'wb'))\nprint(model.mean)\n",
    "predict.py": "import pickle, importlib\nmean = pickle.load(open(f'model.pkl', 'rb'))\n"
    "name = 'model'\nmodel = importlib.import_module('lib.' + name)\n"
    "print(model.Mean.__name__, mean)\n",
    "helpers.py": "import csv\ndef rows(path='input.csv'):\n    return list(csv.reader(open(path)))\n",
    "lib/__init__.py": "",
    "lib/model.py": "import helpers\nfrom .base import Base\nclass Mean(Base):\n    def fit(self, rows):\n"
    "        self.mean = sum(float(r[1]) for r in rows) / len(rows)\n        return self\n",
    "lib/base.py": "from pathlib import Path\nHOME = Path(__file__).resolve().parents[1]\nclass Base:\n"
    "    size = len((HOME / 'input.csv').read_bytes())\n",
    "test_lib.py": "from lib.base import Base\nimport helpers\nassert Base.size\n"
    "print(len(helpers.rows()), Base.size)\n",
    "input.csv": "a,1\nb,2\nc,6\n",
    "clean.csv": "a,1\n",
    "model.pkl": "",
}  # fmt: skip


def test_scripts_give_the_same_after_the_move(tmp_path: Path) -> None:
    """A whole look-alike is moved and really run, before and after."""
    files = {path: text.encode() for path, text in PROJECT.items()}
    moves = {
        **{each: f"src/pkg/{each}" for each in PROJECT if each.endswith(".py")},
        "test_lib.py": "tests/test_lib.py", "lib/base.py": "src/pkg/core/base.py",
        "input.csv": "data/raw/input.csv", "clean.csv": "data/processed/clean.csv",
        "model.pkl": "models/model.pkl",
    }  # fmt: skip
    edits, _ = edits_for(read_texts(files), files.__getitem__, moves, "pkg", {})
    after = {
        moves.get(path, path): apply_edits(text, edits.get(path, ()))
        for path, text in files.items()
    }
    results = []
    for folder, tree, names in (
        ("before", files, {}),
        ("after", after, moves),
    ):
        root = tmp_path / folder
        for path, content in tree.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        scripts = ("prepare.py", "train.py", "predict.py", "test_lib.py")
        results.append([run(root, names.get(each, each)) for each in scripts])
        results[-1] += [(root / names.get(p, p)).read_bytes() for p in ("clean.csv", "model.pkl")]
    assert results[0] == results[1]
    assert results[0][:4] == ["3\n", "3.0\n", "Mean 3.0\n", "3 12\n"]


def test_scripts_of_a_folder_give_the_same_after_the_move(tmp_path: Path) -> None:
    """Scripts that are run from their own folder, with outputs beside them, and a notebook."""
    notebook = {"cells": [cell("code", ["import sys\n", "sys.path.append('../job')\n"]),
                          cell("code", ["%time\n", "from tools import rows\n",
                                        "print(len(rows('../data/in.csv')))\n",
                                        "open('../data/note.txt', 'w').write('x')"])]}  # fmt: skip
    files = {
        "job/make.py": b"from tools import rows\nOUT = 'made.csv'\n"
        b"with open(OUT, 'w') as f:\n    f.write(str(len(rows('../data/in.csv'))))\n"
        b"print(open(OUT).read())\n",
        "job/tools.py": b"import os\nHERE = os.path.dirname(os.path.abspath(__file__))\n"
        b"def rows(path):\n    with open(os.path.join(HERE, 'skip.txt')) as f:\n"
        b"        skip = int(f.read())\n    return open(path).read().split()[skip:]\n",
        "job/skip.txt": b"1",
        "data/in.csv": b"a\n1\n2\n",
        "nb/look.ipynb": json.dumps(notebook).encode(),
    }
    moves = {
        "job/make.py": "src/pkg/make.py", "job/tools.py": "src/pkg/io/tools.py",
        "job/skip.txt": "conf/skip.txt", "data/in.csv": "data/raw/in.csv",
        "nb/look.ipynb": "notebooks/eda/look.ipynb",
    }  # fmt: skip
    edits, notes = edits_for(
        read_texts(files), files.__getitem__, moves, "pkg", {"job/make.py": "job"}
    )
    assert "writes to job, which has to exist" in [each.text for each in notes]
    after = {moves[path]: apply_edits(text, edits.get(path, ())) for path, text in files.items()}
    results = []
    for folder, tree, work, script in (
        ("before", files, "job", "make.py"),
        ("after", {**after, "job/.gitkeep": b""}, "", "src/pkg/make.py"),
    ):
        root = tmp_path / folder
        for path, content in tree.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        results.append([run(root, script, work)])
        path = next(each for each in tree if each.endswith(".ipynb"))
        cells = json.loads(tree[path])["cells"]
        code = "".join("".join(each["source"]) + "\n" for each in cells).replace("%time\n", "")
        (root / path).with_suffix(".py").write_text(code, encoding="utf-8")
        results[-1].append(run(root, "look.py", str(Path(path).parent)))
        results[-1].append((root / "job/made.csv").read_text(encoding="utf-8"))
        assert len(list((root / "data").rglob("note.txt"))) == 1
    assert results[0] == results[1] == ["2\n", "2\n", "2"]


def run(root: Path, script: str, work: str = "") -> str:
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, script]
    done = subprocess.run(
        command, cwd=root / work, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
