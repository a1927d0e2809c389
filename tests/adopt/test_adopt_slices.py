"""What is left out of a file before it is parsed: nothing that an edit could depend on."""

from collections.abc import Callable, Iterable

import libcst
import pytest
from tests.adopt.hand import FILES

from tdsp.adopt.rewrite import edits_for
from tdsp.adopt.rewrite.slices import Reduced, only, reduced
from tdsp.adopt.rewrite.work import Rewriter
from tdsp.reading import read_texts

WORDS = frozenset(("data", "csv", "utils"))
PLAIN = "def plain(x):\n    return x + 1\n"


def kept(text: str) -> bool:
    """Tell whether the function `plain` stays in a file."""
    found = reduced(text, WORDS).text
    assert len(found) == len(text)
    return "return x + 1" in found


def test_function_without_a_path_is_left_out_and_the_rest_keeps_its_place() -> None:
    text = f"import pandas as pd\n\n\n{PLAIN}\n\nd = pd.read_csv('data.csv')\n"
    assert not kept(text)
    found = reduced(text, WORDS).text
    assert found.index("d = pd") == text.index("d = pd") and found.count("\n") < text.count("\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_wide_letters_keep_their_place(end: str) -> None:
    text = f"def a():{end}    return 'é'{end}{end}b = 'x/y'{end}"
    found = reduced(text, WORDS).text
    assert found.index("b = ") == text.index("b = ")
    assert "é" not in found


@pytest.mark.parametrize(
    "other",
    [
        "PATH = 'data.csv'\n\n\ndef plain(x):\n    print(PATH)\n    return x + 1\n",
        f"{PLAIN}\n\nplain('data.csv')\n",
        f"{PLAIN}\n\nplain = open('data.csv')\n",
        "def plain(x):\n    x.root\n    return x + 1\n\n\nclass A:\n    root = 'a/b'\n",
        "def plain(x):\n    x.out\n    return x + 1\n\n\np.add_argument('--out', default='a.b')\n",
        "def plain(x):\n    self.p\n    return x + 1\n\n\nself.p = 'a/b'\n",
        "def plain(x):\n    import utils\n    return x + 1\n",
        "def plain(x):\n    open('data')\n    return x + 1\n",
        "def plain(x):\n    f'{x}/y'\n    return x + 1\n",
        "def plain(x, y=__file__):\n    return x + 1\n",
        "def plain(x):\n    global P\n    return x + 1\n",
        "def plain(x):\n    x.out\n    return x + 1\n\n\np.add_argument('out', default='a.b')\n",
        # what takes a path, beside an argument of the same name that does not
        "def plain(x):\n    f = lambda x: x[0]\n    open(x)\n    return x + 1\n\n\nplain('a.b')\n",
        # by way of another one
        f"{PLAIN}\n\ndef more(x):\n    return plain(x)\n\n\nmore('data.csv')\n",
        # on the same line
        "a = 'a/b'; plain = lambda x: 'return x + 1'\n",
    ],
)
def test_what_shares_a_name_or_holds_a_path_stays(other: str) -> None:
    assert kept(other)


def test_where_every_text_may_be_a_path_each_stays() -> None:
    text = "def a():\n    return 'out'\n\n\ndef b():\n    return 1\n"
    assert "out" not in reduced(text, WORDS).text
    found = reduced(text, None).text
    assert "out" in found and "return 1" not in found


@pytest.mark.parametrize("text", ["def broken(:\n    pass\n", "print 'two'\n", "", "# only\n"])
def test_what_does_not_parse_stays_whole(text: str) -> None:
    assert reduced(text, WORDS).text == text and only(text, "a").text == text


def test_only_one_function_is_read_of_another_file() -> None:
    text = f"import os\n{PLAIN}\n@os.x\ndef load(path):\n    open(path)\n"
    found = only(text, "load").text
    assert found.strip().startswith("@os.x") and "plain" not in found and "import" not in found


def test_edits_are_the_same_as_with_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same edits and notes come out of a part as of the whole, for code of every kind."""
    raw = {
        **FILES,
        "train.py": (
            FILES["train.py"] + PLAIN.encode() + b"P = 'data.csv'\n\n\ndef load():\n    open(P)\n"
            b"\n\ndef log(x):\n    print(x)\n\n\nQ = 'data.csv'\n\n\ndef show():\n    log(Q)\n"
        ),
    }
    moves = {
        "train.py": "src/churn/train.py",
        "utils.py": "src/churn/utils.py",
        "data.csv": "data/raw/data.csv",
    }
    found = []
    for _ in range(2):
        found.append(edits_for(read_texts(raw), raw.__getitem__, moves, "churn", {}))
        monkeypatch.setattr(Rewriter, "_part", lambda *_: None)
    assert found[0] == found[1] and found[0][0]["train.py"]


@pytest.mark.parametrize(
    "other",
    [
        # it reckons with what it is given, which no path can stand
        "def plain(x):\n    return x + 1 if x > 2 else 0\n\n\nplain('data.csv')\n",
        # words in what is only said, and numbers that are only shown, are no paths
        "import x\n\n\ndef plain(x):\n    '''Import data.csv with sys.'''\n    return x + 1\n",
        "import x\n\n\ndef plain(x):\n    print(f'{x:.2f}')\n    return x + 1\n",
        # what is imported has another name here
        f"from utils import plain as other\n\n\n{PLAIN}",
    ],
)
def test_what_only_looks_like_it_is_left_out(other: str) -> None:
    assert not kept(other)


FAR = "".join(
    f"\n\nclass Step{n}:\n    def __init__(self, rows):\n        self.rows{n} = rows\n\n"
    f"    def mean(self):\n        return sum(self.rows{n}) / max(1, len(self.rows{n}))\n"
    f"\n\ndef smooth{n}(values, width={n}):\n    return [each * width for each in values]\n"
    for n in range(9)
)


def handed(monkeypatch: pytest.MonkeyPatch, opened: str = "open(P)") -> tuple[int, int, int, int]:
    """Return all letters, those that trees are made of, and texts and letters for libcst."""
    code = {
        f"m{n}.py": f"from m{(n + 1) % 20} import load\nP = 'd.csv'\n\n\n"
        f"def load():\n    return {opened}, smooth1([{n}])\n{FAR}"
        for n in range(20)
    }
    raw = {path: text.encode() for path, text in code.items()} | {"d.csv": b"a\n"}
    moves = {path: f"src/pkg/{path}" for path in code} | {"d.csv": "data/raw/d.csv"}
    given: list[str] = []
    kept: list[str] = []
    parse, part = libcst.parse_module, Rewriter._part

    def counted(text: str) -> libcst.Module:
        given.append(text)
        return parse(text)

    def noted(self: Rewriter, path: str) -> Callable[[str], Reduced] | None:
        cut = part(self, path)

        def found(text: str) -> Reduced:
            assert cut is not None
            kept.append((done := cut(text)).text)
            return done

        return cut and found

    monkeypatch.setattr(libcst, "parse_module", counted)
    monkeypatch.setattr(Rewriter, "_part", noted)
    edits, _ = edits_for(read_texts(raw), raw.__getitem__, moves, "pkg", {})  # type: ignore[arg-type]
    assert sum(path in edits for path in code) == 20
    return letters(code.values()), letters(kept), len(given), letters(given)


def letters(texts: Iterable[str]) -> int:
    return sum(len("".join(text.split())) for text in texts)


def test_of_a_file_that_is_edited_a_small_part_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a plan costs is what trees are made of; letters are counted, so no clock matters."""
    whole, part, files, _ = handed(monkeypatch)
    assert 0 < part < whole / 15 and not files


def test_libcst_parses_the_statements_alone_that_python_does_not_tell_all_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, part, files, hard = handed(monkeypatch, "open(f'{P}')")
    assert files == 20 and hard < part < whole / 15


def test_the_count_sees_whole_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rewriter, "_part", lambda *_: None)
    whole, _, files, hard = handed(monkeypatch)
    assert files == 20 and hard == whole


@pytest.mark.filterwarnings("error")
def test_a_warning_of_python_about_the_code_of_others_is_not_ours() -> None:
    text = f"import re\n\n\n{PLAIN}\n\nd = open('data.csv'), re.split('\\d', '')\n"
    assert not kept(text)
