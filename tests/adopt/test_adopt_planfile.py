"""plan.yaml: written without loss, and read with suspicion: each error names its line."""

import re
import timeit
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.adopt.repos import make

from tdsp.adopt.plan import Edit, Item, Note, Plan, Question
from tdsp.adopt.planfile import _Reader, as_yaml, quoted, read_plan
from tdsp.adopt.tree import Tree, read_tree, shown
from tdsp.errors import TdspError

FILES = {"a.py": b"x = 'd.csv'\n", "d.csv": b"a\n1\n", "caf\udce9.csv": b"a\n2\n"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return read_tree(make(tmp_path_factory.mktemp("planfile") / "repo", FILES))


@pytest.fixture
def plan(tree: Tree) -> Plan:
    moved = {"a.py": "src/p/a.py", "d.csv": "data/raw/d.csv", "caf\udce9.csv": "x/caf\udce9.csv"}
    edit = Edit(5, 1, b"d.csv", b"data/raw/d.csv", "it moves")
    items = tuple(
        Item(path, tree.entries[path].blob, "raw data", moved[path], 0.75, ("why: #1", "it's"),
             "q-1" if path == "d.csv" else "", (edit,) if path == "a.py" else ())
        for path in FILES
    )  # fmt: skip
    choices = {"raw": {"d.csv": "data/raw/d.csv"}, "archive": {"d.csv": "archive/d.csv"}}
    question = Question("q-1", "Is it: raw?", choices, "raw")
    stay = "caf\udce9.csv"
    offer = Question(
        "a: b", "It stays.", {"stay": {stay: moved[stay]}, "move": {stay: "z"}}, "stay"
    )
    return Plan(tree.commit, 2, "p", "train", items, (question,), (Note("a.py", 1, "look: here"),),
                ("dvc.yaml",), (("project_name", "Yes"),), "", "ccds 1",
                offers=(offer,))  # fmt: skip


Check = Callable[[str], Plan]


@pytest.fixture
def reread(plan: Plan, tree: Tree, tmp_path: Path) -> Check:
    def read(text: str) -> Plan:
        path = tmp_path / "plan.yaml"
        path.write_text(text, encoding="utf-8")
        return read_plan(path, tree)

    return read


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_what_is_written_is_read(plan: Plan, reread: Check) -> None:
    assert reread(as_yaml(plan)) == plan


@given(st.binary(min_size=1).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_any_bytes_survive_as_one_scalar(text: str) -> None:
    node = yaml.compose(f"- {quoted(text)}\n", Loader=yaml.CSafeLoader)
    assert isinstance(node, yaml.SequenceNode)
    assert _Reader("x").text(node.value[0]) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_as_a_key(text: str) -> None:
    node = yaml.compose(f"{quoted(text)}: 1\n", Loader=yaml.CSafeLoader)
    assert isinstance(node, yaml.MappingNode)
    assert _Reader("x").text(node.value[0][0]) == text


WRONG = {
    "unknown file": ("path: d.csv", "path: e.csv", r"no file e\.csv"),
    "double target": ("target: data/raw/d.csv", "target: src/p/a.py", "also the target of"),
    "differs in case": ("target: data/raw/d.csv", "target: src/p/A.py", "differs in case"),
    "outside": ("target: data/raw/d.csv", "target: ../d.csv", "leads out of the tree"),
    "dots inside": ("target: data/raw/d.csv", "target: data/../../d.csv", "leads out"),
    "git's own": ("target: data/raw/d.csv", "target: .git/config", "into .git"),
    "absolute": ("target: data/raw/d.csv", "target: /etc/d.csv", "no path inside"),
    "drive": ("target: data/raw/d.csv", 'target: "C:/d.csv"', "no path inside"),
    "empty part": ("target: data/raw/d.csv", "target: data//d.csv", "leads out"),
    "file and folder": ("target: data/raw/d.csv", "target: src/p", "a file and a folder"),
    "kind": ("kind: raw data", "kind: rawdata", "unknown kind"),
    "answer": ("answer: raw", "answer: maybe", "is no choice"),
    "level": ("level: 2", "level: 7", "levels are"),
    "not a number": ("level: 2", "level: two", "a number is expected"),
    "format": ("format: 1", "format: 2", "format 1 only"),
    "unknown key": ("package: p", "packages: p", "unknown key"),
    "template level": ("template_level: train", "template_level: fly", "one of train"),
    "an edit of other bytes": ('from: "d.csv"', "from: e.csv", "not as it was planned"),
    "not YAML": ("questions:", "questions: [", "not valid YAML"),
    "a list": ("questions:\n- id", "questions:\n  id", "."),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_wrong_is_refused_with_its_line(plan: Plan, reread: Check, name: str) -> None:
    old, new, message = WRONG[name]
    text = as_yaml(plan)
    old = old if old in text else old.replace('"', "")
    assert old in text
    with pytest.raises(TdspError, match=message) as error:
        reread(text.replace(old, new, 1))
    assert re.search(r"plan\.yaml:\d+: ", str(error.value))


def test_the_line_is_the_right_one(plan: Plan, reread: Check) -> None:
    text = as_yaml(plan).replace("target: data/raw/d.csv", "target: ../d.csv", 1)
    with pytest.raises(TdspError, match=f":{line_of(text, 'target: ../d.csv')}:"):
        reread(text)


def test_a_changed_and_a_missing_file_are_refused(plan: Plan, reread: Check) -> None:
    changed = replace(plan.items[1], blob="0" * 40)
    with pytest.raises(TdspError, match=r"d\.csv has changed"):
        reread(as_yaml(replace(plan, items=(plan.items[0], changed, plan.items[2]))))
    with pytest.raises(TdspError, match="it leaves out 1 file of the commit"):
        reread(as_yaml(replace(plan, items=plan.items[:2])))
    with pytest.raises(TdspError, match="twice"):
        reread(as_yaml(replace(plan, items=(*plan.items, plan.items[0]))))


def test_an_answer_decides_unless_a_person_wrote_the_target(plan: Plan, reread: Check) -> None:
    text = as_yaml(plan).replace("answer: raw", "answer: archive", 1)
    found = reread(text)
    assert found.items[1].target == "archive/d.csv"
    assert found.questions[0].proposed == "archive"
    written = text.replace("  target: data/raw/d.csv", "  target: data/mine.csv", 1)
    assert reread(written).items[1].target == "data/mine.csv"


def test_an_offer_is_taken_in_the_file(plan: Plan, reread: Check) -> None:
    found = reread(as_yaml(plan).replace("answer: stay", "answer: move", 1))
    assert found.items[2].target == "z" and found.offers[0].proposed == "move"
    assert found.items[1] == plan.items[1]


def test_an_empty_target_untracks(plan: Plan, reread: Check) -> None:
    text = as_yaml(plan).replace("target: x/caf", "target: y/caf", 1)
    text = re.sub(r'target: !bytes "x/.*"', 'target: ""', text)
    assert reread(text).items[2].target == ""


def test_a_plan_that_is_no_file_or_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TdspError, match="cannot be read"):
        read_plan(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"format: \xe9\n")
    with pytest.raises(TdspError, match="not UTF-8"):
        read_plan(tmp_path / "latin.yaml")


@given(st.text(st.sampled_from('ab "\\\n\t\x7f\u200b\xa0é\U0001f600'), max_size=8))
def test_a_path_for_people_has_each_sign_that_cannot_be_printed_as_an_escape(text: str) -> None:
    signs = [c if c.isprintable() else c.encode("unicode_escape").decode() for c in text]
    assert shown(text) == "".join(signs)


@pytest.mark.parametrize("write", [quoted, shown])
def test_text_without_odd_signs_is_not_looked_at_sign_by_sign(write: Callable[[str], str]) -> None:
    """A plan of 10,000 files has some 100,000 reasons and paths."""
    text = 'nothing that could be read uses "data/raw/a table.csv": it stays ' * 20
    loop = min(timeit.repeat(lambda: [each.isprintable() for each in text], number=50))
    assert min(timeit.repeat(lambda: write(text), number=50)) < loop / 2
