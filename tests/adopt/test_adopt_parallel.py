"""Many files are edited in several processes, with the same edits and notes as in one."""

import pytest

from tdsp.adopt.plan import Edit, Note
from tdsp.adopt.rewrite import edits_for, parallel
from tdsp.adopt.rewrite.work import Rewriter
from tdsp.reading import read_texts

RAW: dict[str, bytes] = {
    f"m{n}.py": f"from u{n} import f\nopen('d{n}.csv')\n".encode() for n in range(9)
}
RAW |= {f"u{n}.py": b"def f(x):\n    return open(x)\n" for n in range(9)}
RAW |= {f"d{n}.csv": b"a\n" for n in range(9)} | {"two.py": b"from u1 import f\nprint 'x'\n"}
FILES: dict[str, str | bytes] = dict(RAW)
MOVES = {path: f"data/raw/{path}" if path.endswith(".csv") else f"src/pkg/{path}" for path in FILES}


def made() -> tuple[dict[str, tuple[Edit, ...]], tuple[Note, ...]]:
    return edits_for(read_texts(FILES), RAW.__getitem__, MOVES, "pkg", {})


def test_several_processes_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = made()
    assert len(alone[0]) == 9 and any("Python 3" in each.text for each in alone[1])
    here: list[str] = []
    for name, value in (("MANY", 2), ("PART", 2), ("_cores", lambda: 2)):
        monkeypatch.setattr(parallel, name, value)
    file = Rewriter.file

    def counted(self: Rewriter, path: str) -> tuple[tuple[Edit, ...], list[Note]]:
        here.append(path)
        return file(self, path)

    monkeypatch.setattr(Rewriter, "file", counted)
    assert made() == alone
    assert not here  # other processes have done the work
    assert not parallel._shared


def test_many_bytes_stay_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MANY", 2), ("MOST_BYTES", 10), ("_cores", lambda: 2)):
        monkeypatch.setattr(parallel, name, value)
    monkeypatch.setattr(parallel, "ProcessPoolExecutor", None)
    assert len(made()[0]) == 9
