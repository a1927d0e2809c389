"""`poe docs` finds every open place, and knows by when it has to be filled."""

from pathlib import Path

import pytest

from tools.docs import FOLDER, INDEX, STAGES, index, main, questions

ROOT = Path(__file__).parents[2]
TABLE = """\
| Document | Stage | Owner | Written by |
| --- | --- | --- | --- |
| [Charter](project/charter.md) | business-understanding | project-lead | people |
| [Card](model/card.md) | deployment | model-validator | the run |
| [Runbooks](runbooks/README.md) | deployment | ml-engineer | people |
| `governance/` | acceptance | model-validator | people |
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project whose documents are all filled in."""
    write(tmp_path, "README.md", TABLE)
    for name in ("project/charter.md", "model/card.md", "runbooks/incident.md"):
        write(tmp_path, name, "# Said\n\nNo place: `[open: …]`, \\[open: x].\n")
    write(tmp_path, "project/facts.yaml", "# stage: data\nowner: known\n")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def check(root: Path, capsys: pytest.CaptureFixture[str], stage: str) -> tuple[int, str]:
    code = main(["--root", str(root), "--stage", stage])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_nothing_is_open(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [check(root, capsys, stage)[0] for stage in STAGES] == [0] * 5


@pytest.mark.parametrize(
    ("name", "text", "first", "place"),
    [
        ("project/charter.md", "\n- Goal: [open: value]", 0, "project/charter.md:2: [open: value]"),
        ("project/facts.yaml", '# stage: data\na: "[open: who]"', 1, "project/facts.yaml:2:"),
        ("project/facts.yaml", '# stage: data\na: b\n# stage: modeling\nc: "[open: d]"', 2, ":4:"),
        ("runbooks/incident.md", "[open: over\ntwo lines]", 3, "md:1: [open: over two lines]"),
        ("runbooks/deep/er.md", "[open: x]", 3, "runbooks/deep/er.md:1"),
        ("governance/risks.yml", "- [open: x]", 4, "governance/risks.yml:1"),
        ("new/page.md", "[open: x]", 0, "no stage, give it a row in docs/README.md: 1 open"),
    ],
)
def test_an_open_place_closes_its_stage_and_all_later_ones(
    name: str, text: str, first: int, place: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, name, text)
    found = [check(root, capsys, stage) for stage in STAGES]
    assert [code for code, _ in found] == [0] * first + [1] * (5 - first)
    assert place in found[-1][1]
    assert main(["--root", str(root)]) == 0  # a list, not a check
    assert place in capsys.readouterr().out


def test_what_the_run_repeats_is_listed_where_it_is_answered(root: Path) -> None:
    write(root, "project/facts.yaml", '# stage: data\na: "[open: who]"')
    write(root, "model/card.md", "[open: who] [open: b, in docs/project/facts.yaml]")
    write(root, "project/charter.md", "[open: name], [open: name]")
    found = [(question.path.rpartition("/")[2], question.stage) for question in questions(root)]
    assert found == [
        ("charter.md", "business-understanding"),
        ("charter.md", "business-understanding"),
        ("facts.yaml", "data"),
        ("card.md", "deployment"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("README.md", TABLE.replace("acceptance", "the-end"), "README.md:6: no such stage: the"),
        ("README.md", "# Documents", "no table"),
        ("project/facts.yaml", '# stage: date\na: "[open: x]"', "line 2: no such stage: date"),
        ("project/charter.md", "\udcff", "charter.md cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_an_error(
    name: str, text: str, said: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / FOLDER / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    code, told = check(root, capsys, STAGES[-1])
    assert code == 1
    assert said in told


def test_every_document_of_this_project_has_a_stage() -> None:
    assert [str(question) for question in questions(ROOT) if not question.stage] == []


def test_every_row_of_this_project_is_read() -> None:
    lines = (ROOT / INDEX).read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ")][2:]
    read = [path for path in index(ROOT) if not path.endswith("/README.md")]
    assert len(rows) == len(read)
