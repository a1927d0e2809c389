"""Work that a second process does at the same time: the same results, also where it fails."""

import os
import pickle
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

import pytest
from tests.adopt.hand import make

from tdsp.adopt import commands, template, tree
from tdsp.adopt.commands import Request
from tdsp.adopt.meanwhile import Meanwhile
from tdsp.adopt.patch import as_patch
from tdsp.adopt.plan import Plan
from tdsp.adopt.tree import Blobs, read_repository, read_tree
from tdsp.errors import TdspError
from tdsp.reading.python import parse

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely")
CODE = {
    f"m{n}.py": f"import os\nX{n} = os.path.join('a', 'é')\n\n\ndef f(x: int = {n}) -> int:\n"
    f"    if x > 2:\n        raise ValueError(x)\n    return g(x, key=None)[0]\n".encode()
    for n in range(9)
} | {"broken.py": b"def f(:\n", "same.py": b"a = 1\n", "twin.py": b"a = 1\n", "empty.py": b""}


@pytest.fixture(autouse=True)
def limit() -> Iterator[None]:
    """What waits for ever fails."""

    def late(_: int, __: FrameType | None) -> None:
        raise AssertionError("it waits for ever")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_another_process_does_the_work() -> None:
    assert Meanwhile(os.getpid).result() != os.getpid()


@pytest.mark.parametrize("ends", [False, True])
def test_what_the_other_process_fails_to_do_is_done_here(ends: bool) -> None:
    own = os.getpid()

    def work() -> int:
        if os.getpid() == own:
            return 7
        if ends:
            os._exit(1)
        raise ValueError

    assert Meanwhile(work).result() == 7


def test_git_ends_though_the_other_process_still_works(tmp_path: Path) -> None:
    root = make(tmp_path / "repo")
    with Blobs(root) as blobs:
        begun = Meanwhile(lambda: bytes(10**6))  # more than a pipe holds
        assert blobs.read(next(iter(read_tree(root).entries.values())).blob)
    assert len(begun.result()) == 10**6


def test_python_of_two_processes_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_tree(make(tmp_path / "repo", CODE))
    monkeypatch.setattr(tree, "possible", lambda: True)
    made = []
    for many in (10**6, 2):
        monkeypatch.setattr(tree, "MANY", many)
        with Blobs(found.root) as blobs:
            made.append(read_repository(found, blobs))
    alone, two = (repr((each.python, each.problems)) for each in made)
    assert alone == two and "ValueError" in alone and made[1].python["m8.py"].source


def test_facts_are_sent_without_the_names_of_their_fields() -> None:
    found = parse(
        "a.py", "import os as o\nx = o.join('long', key=[1])\nif x == 2:\n    x[0].run()\n"
    )
    sent = pickle.dumps((found.imports, found.calls, found.assigns, found.conditions, found.texts))
    assert b"guarded" not in sent and b"receiver" not in sent and b"augmented" not in sent
    again = pickle.loads(sent)  # noqa: S301
    assert repr(again[1]) == repr(found.calls) and again[1][0].keywords["key"].items


def test_what_is_rendered_meanwhile_is_for_the_same_answers_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made(answers: template.Answers) -> Mapping[str, bytes]:
        return {dict(answers)["package_name"]: str(os.getpid()).encode()}

    monkeypatch.setattr(template, "_made", made)
    asked = {"package_name": "meanwhile_one"}
    template.begin(asked)
    other = template.render({"package_name": "meanwhile_two"})
    assert other == {"meanwhile_two": str(os.getpid()).encode()}
    found = template.render(asked)
    assert list(found) == ["meanwhile_one"] and found["meanwhile_one"] != other["meanwhile_two"]
    assert not template._begun


def test_what_is_compiled_once_is_rendered_as_copier_does(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"project_name": "Big", "project_slug": "big", "package_name": "big", "level": "train"}
    quick = dict(template._made(tuple(words.items())))

    def another_release(_: object) -> None:
        raise TypeError

    monkeypatch.setattr(template, "cache", another_release)
    plain = dict(template._made(tuple(words.items())))
    assert quick.keys() == plain.keys() and len(plain) > 50
    del quick[".copier-answers.yml"], plain[".copier-answers.yml"]  # which name the place
    assert quick == plain


@pytest.mark.parametrize("several", [True, False])
def test_the_patch_is_the_same_from_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, several: bool
) -> None:
    root, own, pids = make(tmp_path / "repo"), os.getpid(), tmp_path / "pids"

    def noted(made: Plan, found: tree.Tree) -> bytes:
        pids.write_text(str(os.getpid()))
        return as_patch(made, found)

    monkeypatch.setattr(commands, "possible", lambda: several)
    monkeypatch.setattr("tdsp.adopt.patch.as_patch", noted)
    commands.plan(Request(root, 1, "train", "", "", tmp_path / "out", None, None), ask=False)
    assert (int(pids.read_text()) == own) is not several
    assert b"rename from" in (tmp_path / "out/plan.patch").read_bytes()


def test_only_small_contents_are_held_and_no_more_than_there_is_room_for() -> None:
    held = tree.Held()
    held.room = 10
    for blob, content in (("a", b"123456"), ("a", b"123456"), ("b", b"12345"), ("c", b"1234")):
        held.keep(blob, content)
    assert (held.found, held.room) == ({"a": b"123456", "c": b"1234"}, 0)
    held.room = tree.MOST_HELD
    held.keep("d", bytes(tree.SMALL + 1))
    assert "d" not in held.found


def test_what_was_read_ahead_is_what_git_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "ASKED", 3)
    found = read_tree(make(tmp_path / "repo", CODE))
    names = [each.blob for each in found.entries.values()]
    with Blobs(found.root) as alone, Blobs(found.root, found.held) as ahead:
        ahead.read_ahead(names)
        assert {*found.held.found} == {*names}
        assert [ahead.read(name) for name in names] == [alone.read(name) for name in names]
    with Blobs(found.root) as blobs, pytest.raises(TdspError, match="the clone is not whole"):
        blobs.read_ahead([names[0], "0" * 40])
