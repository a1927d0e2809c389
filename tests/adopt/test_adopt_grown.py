"""Statements made from Python's tree are those of libcst's parser, each node in its place."""

import ast
from pathlib import Path

import libcst as cst
import pytest

import tdsp
from tdsp.adopt.rewrite.grown import COMPOUND, Grower, Hard
from tdsp.adopt.rewrite.slices import lines_of
from tdsp.adopt.rewrite.walk import Spans, parts_of

# What edits ask the place of; of a tuple, say, nobody does.
PLACED = (
    cst.Import, cst.ImportFrom, cst.Dot, cst.Name, cst.Attribute, cst.Call, cst.Subscript,
    cst.SimpleString, cst.Integer, cst.BinaryOperation, cst.Expr, cst.Assign,
)  # fmt: skip
NAMES = {"attr", "keyword", "name"}  # parts that are only names, whose place is not told
CODE = {
    "imports": "import a, b.c as d; import e\nfrom . import f\nfrom ..g.h import (i as j,\n  k,)\n"
    "from l import *\nif a: import m; n = 1\n",
    "paths": "p = os.path.join(os.path.dirname(__file__), '..', r'x', u'y', b'z', \"\"\"w\"\"\")\n"
    "q = (Path(__file__).parents[0x1] / 'a') / ('b' + 'c')\nopen(p, mode='w', *l, **k)\n",
    "signs": "a = not -b ** +~c // d @ e % f << 1 >> 2 & g | h ^ i\na @= 1; b //= 2\n"
    "x = a and b and c or d if e else f\ny = a < b <= c != d is not e not in f\n",
    "rows": "a, (b, *c) = [1, *d], {2}, {**e, 'f': 3.5, None: 2j}\ndel a, b\nx[1:2, ..., ::3] = 1\n"
    "g = [h for i, j in k if l for m in n]\n"
    "o = {p: q for p in r}\ns = {t for t in u}, (v for v in w)\n",
    "functions": "@a.b(1)\nasync def f(a, /, b: int = 2, *, c=3, **d) -> None:\n"
    "    async with e as g, h:\n"
    "        return await i\n    async for j in k:\n        yield (yield from l)\n"
    "class M(N, metaclass=O):\n    p: int\n    q = lambda r, *s, t=1: (u := r)\n",
    "blocks": "try:\n    raise A from b\nexcept (C, D) as e:\n    pass\nelse:\n    assert f, g\n"
    "finally:\n"
    "    for h in i: break\n    else: continue\nwhile j:\n    global k, l\nif m:\n    pass\n"
    "elif n:\n    pass\nelse:\n    if o:\n        nonlocal_ = 1\n",
    "wide": "é = 'ü' + open('ö/ä.csv', encoding='x')\r\nß = 'a'; ñ = b.ö('c')\r\n",
}  # fmt: skip
HARD = ("f'{a}/b'", "'a' 'b'", "a[(1, 2)]", "a[(1), 2]", "from a \\\n import b")


def different(ours: object, theirs: object, ours_at: dict[int, tuple[int, int]],
              theirs_at: dict[int, tuple[int, int]], part: str = "") -> str:  # fmt: skip
    """Return where two trees differ, "" where they do not."""
    kind = type(theirs)
    if type(ours).__name__ != kind.__name__:
        return f"{part}: {type(ours).__name__} for {kind.__name__}"
    placed = isinstance(theirs, PLACED) and part not in NAMES
    if placed and ours_at[id(ours)] != theirs_at[id(theirs)]:
        return f"{part}: {kind.__name__} at {ours_at[id(ours)]} for {theirs_at[id(theirs)]}"
    if isinstance(theirs, cst.SimpleString):
        assert ours.evaluated_value == theirs.evaluated_value  # type: ignore[attr-defined]
    for name in parts_of(kind):
        one, other = getattr(ours, name), getattr(theirs, name)
        if isinstance(other, list | tuple):
            pairs = list(zip(one, other, strict=True))
        elif isinstance(other, cst.CSTNode):
            pairs = [(one, other)]
        else:
            same = (
                one == other
                if isinstance(other, str) and name != "star"
                else not one or one == other
            )
            if not same:
                return f"{kind.__name__}.{name}: {one!r} for {other!r}"
            continue
        for each in pairs:
            if found := different(*each, ours_at, theirs_at, name):
                return found
    return ""


def compared(text: str) -> int:
    """Compare each statement of a text that is not hard; return how many were."""
    module = cst.parse_module(text)
    spans = Spans(module).found
    lines, count = lines_of(text), 0
    for node in ast.parse(text).body:
        grower = Grower(text, lines)
        try:
            (made,) = grower.block([node])
        except Hard:
            continue
        start, end = grower.span(node)
        if isinstance(node, COMPOUND):
            theirs = [each for each in module.body if spans[id(each)][1] == end
                      or start <= spans[id(each)][0] < end]  # fmt: skip
            assert not different(made, theirs[0], grower.spans, spans), text[start:end]
        else:
            small = [each for line in module.body if isinstance(line, cst.SimpleStatementLine)
                     for each in line.body if spans[id(each)][0] == start]  # fmt: skip
            assert not different(made.body[0], small[0], grower.spans, spans), text[start:end]
        count += 1
    return count


@pytest.mark.parametrize("name", CODE)
def test_each_kind_of_statement_is_that_of_libcst(name: str) -> None:
    assert compared(CODE[name]) == len(ast.parse(CODE[name]).body)


def test_our_own_code_is_that_of_libcst() -> None:
    folder = Path(tdsp.__file__).parent / "adopt/rewrite"
    counts = [compared(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))]
    assert sum(counts) > 200


@pytest.mark.parametrize("text", HARD)
def test_what_python_does_not_tell_all_of_is_left_to_libcst(text: str) -> None:
    with pytest.raises(Hard):
        Grower(text, lines_of(text)).block(ast.parse(text).body)
