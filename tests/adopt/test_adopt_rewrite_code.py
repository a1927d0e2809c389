"""Imports and paths of moved files: look-alikes of real cases, byte for byte."""

# ruff: noqa: E501  tables read best with one row a line

from collections.abc import Mapping

import pytest

from tdsp.adopt.plan import Note, apply_edits, undo_edits
from tdsp.adopt.rewrite import edits_for
from tdsp.reading import read_texts

Files = dict[str, "str | bytes"]


def rewrite(
    files: Mapping[str, str | bytes], moves: dict[str, str], runs: dict[str, str] | None = None
) -> tuple[dict[str, bytes], tuple[Note, ...]]:
    raw = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    edits, notes = edits_for(read_texts(raw), raw.__getitem__, moves, "pkg", runs or {})
    new = {path: apply_edits(raw[path], each) for path, each in edits.items()}
    assert all(undo_edits(new[path], each) == raw[path] for path, each in edits.items())
    assert all(new[path] != raw[path] for path in edits)
    return new, notes


TREE: Files = {
    "utils.py": "def load(): pass\n",
    "log.py": "",
    "sub/__init__.py": "",
    "sub/deep/__init__.py": "",
    "sub/deep/x.py": "",
    "sub/deep/y.py": "k = 1\n",
    "inc/a.py": "",
    "inc/b.py": "",
    "train.csv": "a\n1\n",
    "data/x.csv": "a\n",
    "data/y.csv": "a\n",
    "model.pkl": b"\x80\x04N.",
    "r": "",
    "mixed/a.csv": "",
    "mixed/b.md": "",
}
MOVES = {
    "main.py": "src/pkg/main.py",
    "utils.py": "src/pkg/core/utils.py",
    "log.py": "src/pkg/log.py",
    "sub/__init__.py": "src/pkg/sub/__init__.py",
    "sub/deep/__init__.py": "src/pkg/sub/deep/__init__.py",
    "sub/deep/x.py": "src/pkg/sub/deep/x.py",
    "sub/deep/y.py": "src/pkg/other/z.py",
    "inc/a.py": "src/pkg/inc/a.py",
    "inc/b.py": "src/pkg/inc/b.py",
    "r": "data/raw/r",
    "train.csv": "data/raw/train.csv",
    "data/x.csv": "data/raw/x.csv",
    "data/y.csv": "data/raw/y.csv",
    "model.pkl": "models/model.pkl",
    "mixed/a.csv": "data/raw/a.csv",
}
MAIN = "main.py"


def main(text: str | bytes) -> tuple[bytes, tuple[Note, ...]]:
    raw = text.encode() if isinstance(text, str) else text
    new, notes = rewrite({**TREE, MAIN: raw}, MOVES)
    assert set(new) <= {MAIN}
    return new.get(MAIN, raw), tuple(each for each in notes if each.path == MAIN)


IMPORTS = [
    ("import utils\n", "from pkg.core import utils\n"),
    ("import utils as u\n", "from pkg.core import utils as u\n"),
    ("import os, utils  # c\n", "import os; from pkg.core import utils  # c\n"),
    ("import os, log, sys\n", "import os; from pkg import log; import sys\n"),
    ("import sub.deep.x\n", "from pkg import sub; import pkg.sub.deep.x\n"),
    ("import sub.deep.x as q\n", "from pkg.sub.deep import x as q\n"),
    ("import sub.deep.y as q\n", "from pkg.other import z as q\n"),
    ("from utils import load\n", "from pkg.core.utils import load\n"),
    (
        "from utils import (\n    load,  # c\n)\n",
        "from pkg.core.utils import (\n    load,  # c\n)\n",
    ),
    ("from utils import *\n", "from pkg.core.utils import *\n"),
    ("from sub import deep\n", "from pkg.sub import deep\n"),
    ("from sub.deep import x\n", "from pkg.sub.deep import x\n"),
    ("from sub.deep import y\n", "from pkg.other import z as y\n"),
    (
        "from sub.deep import x, y as z\n",
        "from pkg.sub.deep import x; from pkg.other import z\n",
    ),
    (
        "def f():\n\timport utils\n\treturn utils\n",
        "def f():\n\tfrom pkg.core import utils\n\treturn utils\n",
    ),
    (
        "try:\n    import utils\nexcept ImportError:\n    utils = None\n",
        "try:\n    from pkg.core import utils\nexcept ImportError:\n    utils = None\n",
    ),
    ("from .utils import load\n", "from pkg.core.utils import load\n"),
    ("from.utils import load\n", "from pkg.core.utils import load\n"),
    ("from inc import a, b\n", "from pkg.inc import a, b\n"),
    (
        "import importlib\nm = importlib.import_module('utils')\n",
        "import importlib\nm = importlib.import_module('pkg.core.utils')\n",
    ),
    (
        "import importlib\nm = importlib.import_module('inc.' + n)\n",
        "import importlib\nm = importlib.import_module('pkg.inc.' + n)\n",
    ),
    (
        "import importlib\nm = importlib.import_module(f'inc.{n}')\n",
        "import importlib\nm = importlib.import_module(f'pkg.inc.{n}')\n",
    ),
    (
        "@mock.patch('utils.load')\ndef f(): pass\n",
        "@mock.patch('pkg.core.utils.load')\ndef f(): pass\n",
    ),
    ("import numpy\nimport os.path\nfrom json import load\n", None),
]


@pytest.mark.parametrize(("old", "new"), IMPORTS, ids=[each[0][:40] for each in IMPORTS])
def test_an_import(old: str, new: str | None) -> None:
    assert main(old) == ((new or old).encode(), ())


PATHS = [
    ("pd.read_csv('train.csv')\n", "pd.read_csv('data/raw/train.csv')\n"),
    ('open("./train.csv")\n', 'open("./data/raw/train.csv")\n'),
    (
        "pd.read_csv(filepath_or_buffer=r'train.csv')\n",
        "pd.read_csv(filepath_or_buffer=r'data/raw/train.csv')\n",
    ),
    ("P = 'train.csv'\npd.read_csv(P)\n", "P = 'data/raw/train.csv'\npd.read_csv(P)\n"),
    (
        "def f(p='train.csv'):\n    return open(p)\n",
        "def f(p='data/raw/train.csv'):\n    return open(p)\n",
    ),
    ("D = 'data/'\nopen(D + 'x.csv')\n", "D = 'data/raw/'\nopen(D + 'x.csv')\n"),
    ("open(os.path.join('data', 'x.csv'))\n", "open(os.path.join('data/raw', 'x.csv'))\n"),
    ("open(os.path.join('data', name))\n", "open(os.path.join('data/raw', name))\n"),
    ("open(f'data/{name}.csv')\n", "open(f'data/raw/{name}.csv')\n"),
    ("open('data/' + name)\n", "open('data/raw/' + name)\n"),
    ("open(Path('data') / 'x.csv')\n", "open(Path('data/raw') / 'x.csv')\n"),
    ("joblib.dump(m, 'model.pkl')\n", "joblib.dump(m, 'models/model.pkl')\n"),
    (
        "pickle.dump(m, open('model.pkl', 'wb'))\n",
        "pickle.dump(m, open('models/model.pkl', 'wb'))\n",
    ),
    ("for f in ['train.csv']:\n    open(f)\n", "for f in ['data/raw/train.csv']:\n    open(f)\n"),
    (
        "def f(p):\n    open(p)\nf('train.csv')\n",
        "def f(p):\n    open(p)\nf('data/raw/train.csv')\n",
    ),
    (
        "R = Path(__file__).resolve().parent\nopen(R / 'train.csv')\n",
        "R = Path(__file__).resolve().parent.parent.parent\nopen(R / 'data/raw/train.csv')\n",
    ),
    (
        "R = Path(__file__).parents[0]\nopen(R / 'data' / name)\n",
        "R = Path(__file__).parents[2]\nopen(R / 'data/raw' / name)\n",
    ),
    (
        "R = os.path.dirname(os.path.abspath(__file__))\nopen(f'{R}/train.csv')\n",
        "R = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))\n"
        "open(f'{R}/data/raw/train.csv')\n",
    ),
    (
        "p = 'train.csv'\nopen(p)\np = 'model.pkl'\nopen(p)\n",
        "p = 'data/raw/train.csv'\nopen(p)\np = 'models/model.pkl'\nopen(p)\n",
    ),
    ("open(r'r')\n", "open(r'data/raw/r')\n"),
    ("open('train'\n     '.csv')\n", "NOTE"),
    ("N = 'train.csv'\nopen(base / N)\n", "NOTE"),
    ("N = 'train.csv'\nopen(base + N)\n", "NOTE"),
    ("N = 'train.csv'\nopen(f'{base}/{N}')\n", "NOTE"),
    ("p = 'train.csv' if a else 'model.pkl'\n", "NOTE"),
    ("open('tr\\x61in.csv')\n", "NOTE"),
    ("pd.read_csv('https://host/train.csv')\n", None),
    ("x.to_csv('out.csv')\n", None),
    ("x.replace('train.csv', 'b')\n", "NOTE"),
    ("P = 'train.csv'\nprint(P.upper())\n", "NOTE"),
    ("A = [1, 'train.csv']\n", "NOTE"),
    ("shutil.rmtree('data')\n", "NOTE"),
    ("D = 'data'\nos.makedirs(D)\nshutil.rmtree(D)\n", "NOTE"),
    ("glob.glob('data/*.csv')\n", "NOTE"),
    ("os.remove('model.pkl')\n", "NOTE"),
    ("open('C:/Users/me/train.csv')\n", "NOTE"),
    ("open('/content/train.csv')\n", "NOTE"),
    ("open('%s/train.csv' % d)\n", None),
    ("open('data\\\\x.csv')\n", "NOTE"),
    ("os.listdir('mixed')\n", "NOTE"),
    ("os.chdir('sub')\nopen('train.csv')\n", "NOTE"),
    ("N = 'train.csv'\nopen(os.path.join(base, N))\n", "NOTE"),
]


@pytest.mark.parametrize(("old", "new"), PATHS, ids=[each[0][:50] for each in PATHS])
def test_a_path(old: str, new: str | None) -> None:
    content, notes = main(old)
    expected = old if new in (None, "NOTE") else new
    assert content == expected.encode()
    assert bool(notes) == (new == "NOTE"), notes


def test_bytes_outside_an_edit_stay() -> None:
    odd = [
        b"\xef\xbb\xbfimport utils\r\nx = 'a'\r\n\ty = 1".replace(b"\ty", b"y"),
        b"# -*- coding: latin-1 -*-\nn = '\xe9'; import utils\nopen('train.csv') # \xe9",
        b"def f():\r\n\timport utils\r\n\x0c\r\n\x0cimport utils\r\n  \r\n \r\n",
        "n = 'é 日本 😀'; import utils; open('train.csv')  # é".encode(),
    ]
    for each in odd:
        new, notes = main(each)
        expected = each.replace(b"import utils", b"from pkg.core import utils")
        assert new == expected.replace(b"'train.csv'", b"'data/raw/train.csv'"), each
        assert notes == ()


def test_a_file_that_does_not_parse_costs_only_itself() -> None:
    new, notes = rewrite(
        {**TREE, MAIN: "import utils\n", "old.py": "print 'x'\nimport utils\n"}, MOVES
    )
    assert set(new) == {MAIN}
    assert [(each.path, "does not parse" in each.text) for each in notes] == [("old.py", True)]


def test_a_file_in_no_encoding_costs_only_itself() -> None:
    new, notes = rewrite(
        {**TREE, MAIN: "import utils\n", "bad.py": b"import utils # \xff\n"}, MOVES
    )
    assert set(new) == {MAIN}
    assert [each.path for each in notes] == ["bad.py"]


def test_the_kept_path_hack_and_what_is_commented_out_are_noted() -> None:
    text = "import sys\nsys.path.append('data')\n# from utils import load\n'''\nimport log\n'''\nx = 1\n    # import log\n\n"
    new, notes = main(text)
    assert new == text.encode()
    assert [each.line for each in sorted(notes, key=lambda each: each.line)] == [2, 3, 5]
    assert any("import of log" in each.text and "2 places" in each.text for each in notes)


def test_a_declared_dependency_wins_over_a_file_of_its_name() -> None:
    files: Files = {
        "inc/xgboost.py": "from xgboost import XGBRegressor\n",
        "inc/run.py": "import xgboost\n",
        "requirements.txt": "xgboost==1.0\n",
    }
    moves = {"inc/xgboost.py": "src/pkg/inc/xgboost.py", "inc/run.py": "src/pkg/inc/run.py"}
    assert rewrite(files, moves) == ({}, ())


def test_a_file_that_imports_its_own_name_means_the_package() -> None:
    files: Files = {"inc/xgboost.py": "import xgboost\n", "a.py": "from inc import xgboost\n"}
    moves = {"inc/xgboost.py": "src/pkg/inc/xgboost.py", "a.py": "src/pkg/a.py"}
    assert rewrite(files, moves)[0] == {"a.py": b"from pkg.inc import xgboost\n"}


def test_a_file_named_like_a_module_of_python() -> None:
    files: Files = {
        "random.py": "def pick(): pass\n", "a.py": "import random\n",
        "sub/b.py": "import random\nimport sys\n", "sys.py": "",
    }  # fmt: skip
    moves = {each: f"src/pkg/{each}" for each in files}
    new, notes = rewrite(files, moves)
    assert new == {"a.py": b"from pkg import random\n"}
    assert notes == ()


def test_the_folder_code_is_never_an_import_name() -> None:
    files: Files = {
        "code/utils.py": "x = 1\n", "code/run.py": "from code.utils import x\nimport utils\n",
        "go.py": "from code import utils\nimport code\n",
    }  # fmt: skip
    moves = {"code/utils.py": "src/pkg/utils.py", "code/run.py": "src/pkg/run.py"}
    new, _ = rewrite(files, moves)
    assert new["code/run.py"] == b"from pkg.utils import x\nfrom pkg import utils\n"


def test_two_files_of_one_name_are_told_by_how_they_are_run() -> None:
    files: Files = {
        "a/utils.py": "", "b/utils.py": "",
        "a/go.py": "import utils\n", "b/go.py": "import utils\n",
        "c/go.py": "import utils\n", "c/x.sh": "",
    }  # fmt: skip
    moves = {each: f"src/pkg/{each}" for each in files if each.endswith(".py")}
    new, notes = rewrite(files, moves)
    assert new == {
        "a/go.py": b"from pkg.a import utils\n",
        "b/go.py": b"from pkg.b import utils\n",
    }
    assert notes == ()


def test_what_two_entries_find_differently_is_asked() -> None:
    files: Files = {
        "utils.py": "", "a/utils.py": "", "lib/mod.py": "import utils\n",
        "go.py": "import lib.mod\n",
        "a/go.py": "import sys\nsys.path.append('..')\nimport lib.mod\n",
    }  # fmt: skip
    moves = {each: f"src/pkg/{each}" for each in files}
    new, notes = rewrite(files, moves)
    assert "lib/mod.py" not in new
    assert any(each.path == "lib/mod.py" and "may be" in each.text for each in notes)


def test_a_relative_import_that_still_holds_is_left() -> None:
    files: Files = {
        "p/__init__.py": "from . import a\nfrom .a import x\n",
        "p/a.py": "from .b import *\n",
        "p/b.py": "",
    }
    assert rewrite(files, {each: f"src/{each.replace('p/', 'pkg/')}" for each in files}) == ({}, ())
    moves = {
        "p/__init__.py": "src/pkg/__init__.py",
        "p/a.py": "src/pkg/a.py",
        "p/b.py": "src/pkg/c/b.py",
    }
    assert rewrite(files, moves)[0] == {"p/a.py": b"from pkg.c.b import *\n"}


def test_a_module_that_goes_where_it_has_no_name_is_noted() -> None:
    files: Files = {"a.py": "import helper\n", "helper.py": ""}
    new, notes = rewrite(files, {"a.py": "src/pkg/a.py", "helper.py": "scripts/helper.py"})
    assert new == {}
    assert "no import name" in notes[0].text


def test_a_package_that_comes_beside_the_template_s_keeps_its_name() -> None:
    files: Files = {"shop/__init__.py": "from shop.a import x\n", "shop/a.py": "import shop.b\n",
                    "shop/b.py": "", "go.py": "import shop.a\nfrom util import y\n",
                    "util.py": "y = 1\n"}  # fmt: skip
    moves = {path: f"src/{'' if '/' in path else 'pkg/'}{path}" for path in files}
    assert rewrite(files, moves) == ({"go.py": b"import shop.a\nfrom pkg.util import y\n"}, ())


def test_a_package_that_is_taken_apart_is_not_renamed_at_run_time() -> None:
    text = "import importlib\nimportlib.import_module('sub.deep.' + n)\n"
    content, notes = main(text)
    assert content == text.encode()
    assert "run time" in notes[0].text


def test_a_script_that_is_run_from_its_own_folder() -> None:
    files: Files = {"job/go.py": "open('../train.csv')\nopen('in.csv')\nx.to_csv('../out/a.csv')\n",
                    "train.csv": "", "job/in.csv": ""}  # fmt: skip
    moves = {
        "job/go.py": "src/pkg/go.py",
        "train.csv": "data/raw/train.csv",
        "job/in.csv": "data/raw/in.csv",
    }
    expected = b"open('data/raw/train.csv')\nopen('data/raw/in.csv')\nx.to_csv('out/a.csv')\n"
    for runs in ({"job/go.py": "job"}, {}):
        assert rewrite(files, moves, runs)[0] == {"job/go.py": expected}


def test_a_script_that_stays_is_run_from_where_it_was() -> None:
    files: Files = {"job/go.py": "open('../train.csv')\nopen('in.csv')\nx.to_csv('new.csv')\n",
                    "train.csv": "", "job/in.csv": ""}  # fmt: skip
    moves = {"train.csv": "data/raw/train.csv"}
    for runs in ({"job/go.py": "job"}, {}):
        new = rewrite(files, moves, runs)[0]
        assert new == {"job/go.py": str(files["job/go.py"]).replace("../", "../data/raw/").encode()}


@pytest.mark.parametrize(
    ("path", "is_path"),
    [
        ("os.path.join(DIR, name)", False),
        ("Path(DIR) / name", False),
        ("f'{DIR}/{name}'", False),
        ("DIR + name", False),
        ("name", True),
        ("f'{name}'", True),
        ("f'{DIR:{name}}'", True),
    ],
)
@pytest.mark.parametrize("where", ["here", "elsewhere", "method"])
@pytest.mark.parametrize("way", ["return open({})", "place = {}\n    return open(place)"])
def test_a_name_that_a_function_puts_into_a_folder_is_no_path(
    path: str, is_path: bool, where: str, way: str
) -> None:
    body = f"(name, other):\n    if name:\n        pass\n    {way.format(path)}\n"
    call = "save_it('train.csv', 'train.csv')\n"
    files: Files = {"train.csv": "", "go.py": f"def save_it{body}{call}"}
    if where == "elsewhere":
        files |= {"lib.py": f"def save_it{body}", "go.py": f"from lib import save_it\n{call}"}
    if where == "method":
        body = body.replace("(name", "(self, name").replace("\n    ", "\n        ")
        files["go.py"] = f"class A:\n    def save_it{body}    def go(self):\n        self.{call}"
    new, notes = rewrite(files, {"train.csv": "data/raw/train.csv"})
    expected = str(files["go.py"]).replace("save_it('train", "save_it('data/raw/train").encode()
    assert new == ({"go.py": expected} if is_path else {})
    assert [each.path for each in notes if "not clear" in each.text] == ["go.py"] * len(notes)


@pytest.mark.parametrize(
    ("page", "known"),
    [
        ("    python job/go.py\n", True),
        ("python -m job.go\n", True),
        ("cd job\npython job/go.py", False),
        ("", False),
    ],
)
def test_a_page_tells_where_a_script_is_run_from(page: str, known: bool) -> None:
    files: Files = {"job/go.py": "open('a.csv')\n", "a.csv": "", "job/a.csv": "", "README.md": page}
    new, notes = rewrite(files, {"a.csv": "data/raw/a.csv", "job/a.csv": "data/raw/b.csv"})
    assert new == ({"job/go.py": b"open('data/raw/a.csv')\n"} if known else {})
    assert bool(notes) is not known


def test_the_folders_of_its_paths_tell_where_a_script_is_run_from() -> None:
    files: Files = {"job/go.py": "x.to_csv('data/new.csv')\nopen('in.csv')\n", "data/old.csv": ""}
    moves = {"job/go.py": "src/pkg/go.py", "data/old.csv": "data/raw/old.csv"}
    assert rewrite(files, moves)[0] == {
        "job/go.py": b"x.to_csv('data/raw/new.csv')\nopen('in.csv')\n"
    }


def test_an_unknown_run_folder_is_asked() -> None:
    files: Files = {"job/go.py": "open('a.csv')\n", "a.csv": "", "job/a.csv": ""}
    moves = {"a.csv": "data/raw/a.csv", "job/a.csv": "data/raw/job_a.csv"}
    new, notes = rewrite(files, moves)
    assert new == {}
    assert "run from" in notes[0].text


def test_a_folder_that_is_written_to_and_goes_is_noted() -> None:
    files: Files = {"go.py": "plt.savefig('out/new.png')\nx.to_csv('gone/b.csv')\n",
                    "out/old.png": b"\0", "gone/a.py": ""}  # fmt: skip
    moves = {"out/old.png": "reports/figures/old.png", "gone/a.py": "src/pkg/a.py"}
    new, notes = rewrite(files, moves)
    assert new == {"go.py": b"plt.savefig('reports/figures/new.png')\nx.to_csv('gone/b.csv')\n"}
    assert notes == (Note("go.py", 2, "writes to gone, which has to exist"),)


def test_a_file_that_moves_deeper_counts_its_folders_again() -> None:
    text = (
        "R = Path(__file__).resolve().parents[2]\n"
        "open(os.path.join(os.path.dirname(__file__), '..', 'x.csv'))\n"
    )
    files: Files = {"a/b/go.py": text, "a/x.csv": ""}
    new, _ = rewrite(files, {"a/b/go.py": "src/pkg/b/c/go.py", "a/x.csv": "data/raw/x.csv"})
    assert new["a/b/go.py"] == (
        b"R = Path(__file__).resolve().parents[4]\n"
        b"open(os.path.join(os.path.dirname(__file__), '..', '../../../data/raw/x.csv'))\n"
    )
    new, _ = rewrite(files, {"a/b/go.py": "src/go.py"})
    assert b"parents[1]" in new["a/b/go.py"]


def test_a_dotted_import_does_not_take_a_name_that_is_used() -> None:
    content, notes = main("import sub.deep.x\npkg = 1\n")
    assert content == b"import sub.deep.x\npkg = 1\n"
    assert "first name is taken" in notes[0].text


def test_the_archive_and_what_is_vendored_are_left() -> None:
    files: Files = {"old.py": "import utils\n", "vendor/x.py": "import utils\n", "utils.py": ""}
    assert rewrite(files, {"old.py": "archive/old.py", "utils.py": "src/pkg/utils.py"}) == ({}, ())


def test_a_server_that_names_its_own_file() -> None:
    files: Files = {"api/api.py": "uvicorn.run('api:app')\n", "api/models.py": ""}
    new, notes = rewrite(files, {each: f"src/pkg/{each}" for each in files})
    assert (new, notes) == ({"api/api.py": b"uvicorn.run('pkg.api.api:app')\n"}, ())


def test_a_folder_is_not_taken_for_an_installed_package() -> None:
    files: Files = {"kafka/read.py": "from kafka import Consumer\nimport kafka\n", "a.py": ""}
    moves = {"kafka/read.py": "src/pkg/kafka/read.py", "a.py": "src/pkg/a.py"}
    assert rewrite(files, moves) == ({}, ())


MEMBERS = [
    (
        "class A:\n    def __init__(self):\n        self.p = 'train.csv'\n    def go(self):\n        open(self.p)\n",
        True,
    ),
    ("class A:\n    p: str = 'train.csv'\ndef go(a):\n    open(a.p)\n", True),
    ("p.add_argument('--in-file', default='train.csv')\nopen(args.in_file)\n", True),
    (
        "class A:\n    def __init__(self):\n        self.p = 'train.csv'\n    def go(self):\n        use(self.p)\n",
        False,
    ),
    ("p.add_argument('--in-file', default='train.csv')\nuse(args.in_file)\n", False),
    ("PATHS = {'a': 'train.csv'}\n", False),
    ("subprocess.run(['python', 'train.csv'])\n", False),
    ("os.system('cat train.csv')\n", False),
]


@pytest.mark.parametrize(("text", "changed"), MEMBERS, ids=[each[0][-40:] for each in MEMBERS])
def test_a_path_that_is_kept_in_something(text: str, changed: bool) -> None:
    content, notes = main(text)
    assert (
        content == (text.replace("train.csv", "data/raw/train.csv") if changed else text).encode()
    )
    assert bool(notes) is not changed


def test_a_constant_that_other_files_use() -> None:
    files: Files = {
        "conf.py": "A = 'train.csv'\nB = 'train.csv'\nC = 'train.csv'\n",
        "go.py": "import conf\nfrom conf import B\nopen(conf.A)\nshow(B)\n",
        "train.csv": "",
    }
    new, notes = rewrite(files, {"train.csv": "data/raw/train.csv"})
    assert new == {"conf.py": b"A = 'data/raw/train.csv'\nB = 'train.csv'\nC = 'train.csv'\n"}
    assert len(notes) == 1
    assert "2 places" in notes[0].text


@pytest.mark.parametrize(
    ("who", "edited"),
    [
        ("import a\nP = 'other'\nsend(P)\na.go()\n", True),
        ("import a\nsend(a.P)\n", False),
        ("from a import (\n    go,\n    P,\n)\nsend(P)\n", False),
        ("from a import *\nsend(P)\n", False),
        ("from a import P as p\nsend(P)\n", False),
    ],
)
def test_a_constant_of_another_file_s_own_is_not_this_one(who: str, edited: bool) -> None:
    files: Files = {
        "a.py": "P = 'train.csv'\ndef go():\n    open(P)\n",
        "who.py": who,
        "train.csv": "",
    }
    new, notes = rewrite(files, {"train.csv": "data/raw/train.csv"})
    assert ("a.py" in new) is edited
    assert any("not clear" in each.text for each in notes) is not edited


def test_outputs_of_one_name_stay_apart() -> None:
    text = "pd.read_csv('in.csv')\nx.to_csv('out.csv')\nnames.remove('out.csv')\n"
    files: Files = {"a/go.py": text, "b/go.py": text}
    moves = {"a/go.py": "src/pkg/a.py", "b/go.py": "src/pkg/b.py"}
    new, notes = rewrite(files, moves, {"a/go.py": "a", "b/go.py": "b"})
    for each in "ab":
        expected = text.replace("'in.csv'", f"'{each}/in.csv'")
        expected = expected.replace("csv('out.csv'", f"csv('{each}/out.csv'")
        assert new[f"{each}/go.py"] == expected.encode()
    assert [each.text for each in notes] == [f"writes to {n}, which has to exist" for n in "ab"]


def test_a_path_that_is_given_to_a_function_of_another_file() -> None:
    files: Files = {
        "lib.py": "def get(n, where):\n    return open(where)\ndef tell(where):\n    send(where)\n",
        "go.py": "import lib as l\nfrom lib import get, tell\nget(1, 'train.csv')\nl.get(2, where='train.csv')\ntell('train.csv')\n",
        "train.csv": "",
    }
    new, notes = rewrite(files, {"train.csv": "data/raw/train.csv"})
    head, _, tail = files["go.py"].partition("tell('")  # type: ignore[arg-type]
    assert new["go.py"].decode() == f"{head.replace('train.csv', 'data/raw/train.csv')}tell('{tail}"
    assert [each.line for each in notes] == [5]


def test_flask_folders_that_stay_behind_are_noted() -> None:
    files: Files = {"app.py": "app = Flask(__name__)\n", "templates/a.html": "", "static/b.css": ""}
    moves = {"app.py": "src/pkg/app.py", "templates/a.html": "src/pkg/templates/a.html"}
    new, notes = rewrite(files, moves)
    assert new == {}
    assert ["static" in each.text for each in notes] == [True]


def test_a_setting_is_noted() -> None:
    files: Files = {"config.yaml": "data: train.csv\nother: https://h/train.csv\n", "train.csv": ""}
    new, notes = rewrite(files, {"train.csv": "data/raw/train.csv"})
    assert new == {}
    assert [(each.path, each.line) for each in notes] == [("config.yaml", 1)]


def test_a_path_that_leads_to_the_root() -> None:
    files: Files = {"a/go.py": "os.listdir('..')\nopen('../x.csv')\n", "x.csv": ""}
    new, _ = rewrite(files, {"a/go.py": "src/pkg/go.py"}, {"a/go.py": "a"})
    assert new == {"a/go.py": b"os.listdir('.')\nopen('x.csv')\n"}


SCAFFOLD = """\
FILES = ['train.csv', f'mixed/{name}.csv', 'none.txt', 'mixed/b.md']


def make():
    for each in FILES:
        path = Path(each)
        folder, name = os.path.split(path)
        os.makedirs(folder, exist_ok=True)
        if not os.path.exists(path) or os.path.getsize(path) == 0:
            with open(path, 'w'):
                print(f'made {path}')
"""


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        (SCAFFOLD, True),
        (SCAFFOLD.replace("[", "(").replace("]", ")"), True),
        (f"{SCAFFOLD}    [os.stat(e) for e in FILES]\n", True),
        (f"{SCAFFOLD}    send(FILES)\n", False),
        (f"{SCAFFOLD}    FILES.append('b')\n", False),
        (f"FILES = []\n{SCAFFOLD}", False),
        (SCAFFOLD.replace("make():", "make(FILES=['train.csv']):"), False),
        (SCAFFOLD.replace("print(", "send(each) or print("), False),
        (SCAFFOLD.replace("'none.txt'", "NAME"), True),
        (SCAFFOLD.replace("split(path)", "split(each)"), True),
        (SCAFFOLD.replace("Path(each)", "os.path.normpath(each)"), True),
        (SCAFFOLD.replace("Path(each)", "str(each)"), False),
        (SCAFFOLD.replace("'none.txt'", "f'{NAME}/y.csv'"), True),
    ],
)
def test_a_loop_over_a_list_that_has_a_name(text: str, edited: bool) -> None:
    new, notes = rewrite({"go.py": text, **TREE}, MOVES)
    assert new.get("go.py") == (
        text.replace("['train.csv', f", "['data/raw/train.csv', f")
        .replace("('train.csv', f", "('data/raw/train.csv', f")
        .encode()
        if edited
        else None
    )
    assert [each.follows for each in notes if each.follows] == ["train.csv"] * (not edited)


def test_a_loop_over_texts_that_begin_with_a_constant() -> None:
    text = SCAFFOLD.replace("'none.txt'", "f'{NAME}/y.csv'")
    new, _ = rewrite({"go.py": f"NAME = 'data'\n{text}", **TREE}, MOVES)
    assert b"f'{NAME}/raw/y.csv'" in new["go.py"]


def test_a_list_of_a_class_may_be_used_by_its_name() -> None:
    text = "class A:\n    FILES = ['train.csv']\n    for each in FILES:\n        open(each)\n"
    new, notes = rewrite({"go.py": text, **TREE}, MOVES)
    assert "go.py" not in new
    assert [each.follows for each in notes] == ["train.csv"]


def test_a_list_that_other_files_use_is_left() -> None:
    files: Files = {"go.py": SCAFFOLD, "who.py": "from go import FILES\nsend(FILES)\n", **TREE}
    new, _ = rewrite(files, MOVES)
    assert "go.py" not in new
