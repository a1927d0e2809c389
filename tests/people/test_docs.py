"""The documents of a project: their commands, diagrams and questions, for answers that differ."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from tests.delivery.tools import node_tool
from tests.people.commands import known, unknown
from tests.people.place import tdsp
from tests.project.living import FOUND, Project, environment
from tests.render.engines import Answers, with_copier

from tdsp.people.documents import FOLDER, INDEX, STAGES, index, questions
from tdsp.people.project import Project as Folder

ANSWERS: dict[str, Answers] = {
    "default": {},
    "azureml": {
        "project_name": 'Bob\'s "Café"', "problem_type": "regression", "serving": "both",
        "cloud": "azure", "platform": "azureml", "rollout": "canary", "ci": "azure-devops",
        "iac": "terraform",
    },
    "forecasting": {"problem_type": "forecasting", "cloud": "azure", "ci": "gitlab"},
    "cluster": {
        "problem_type": "anomaly", "serving": "online", "rollout": "blue-green", "ci": "none",
        "responsible_ai": False,
    },
    "aks": {"serving": "online", "cloud": "azure", "iac": "none", "rollout": "recreate"},
}  # fmt: skip
MERMAID = """
const {JSDOM} = require("jsdom");
const window = new JSDOM("").window;
Object.assign(global, {window, document: window.document});
const blocks = JSON.parse(require("fs").readFileSync(0, "utf8"));
import("mermaid").then(async ({default: mermaid}) => {
  for (const [place, text] of blocks)
    await mermaid.parse(text).catch(error => console.log(`${place}: ${error.message}`));
});
"""


@pytest.fixture(scope="module")
def projects(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    place = tmp_path_factory.mktemp("docs")
    return {
        name: Project(
            with_copier(repository, place / name, {"level": "govern", **answers}),
            environment(FOUND[0]),
        )
        for name, answers in ANSWERS.items()
    }


def documents(project: Project) -> dict[str, str]:
    paths = sorted(project.root.glob("docs/**/*.[my]*"))
    return {p.relative_to(project.root).as_posix(): p.read_text(encoding="utf-8") for p in paths}


# --- Commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ANSWERS)
def test_every_command_that_a_document_names_is_there(
    name: str, projects: dict[str, Project], tmp_path: Path
) -> None:
    tasks, own = known(projects[name])
    assert list(unknown(projects[name], tasks, own)) == []
    wrong = projects[name].copy(tmp_path / "wrong")
    page, package = wrong.root / "docs/runbooks/retrain.md", wrong.package
    added = f"# x\n\nuse `uv run poe retrian`\n\n```\nuv run {package} modles && ls\nls\n"
    added += 'a=$(b) uv run poe monitor \\\n  --raeson "why; not"\n```\n'
    page.write_text(added + page.read_text(encoding="utf-8"), encoding="utf-8")
    assert list(unknown(wrong, tasks, own)) == [
        "docs/runbooks/retrain.md:3: there is no `poe retrian`",
        f"docs/runbooks/retrain.md:6: there is no `{package} modles`",
        "docs/runbooks/retrain.md:8: `poe monitor` has no --raeson",
    ]


# --- Diagrams ----------------------------------------------------------------------------------


def misdrawn(blocks: list[tuple[str, str]]) -> list[str]:
    """What mermaid's own parser says against diagrams, with their places."""
    tool = node_tool("mermaid", "mermaid@11.17.2", "jsdom@26.1.0")
    done = subprocess.run(
        ["node", "-e", MERMAID], cwd=tool, input=json.dumps(blocks), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_every_diagram_can_be_drawn(projects: dict[str, Project]) -> None:
    found = [
        (f"{answers}: {name}", block)
        for answers, project in projects.items()
        for name, text in documents(project).items()
        for block in re.findall(r"(?ms)^```mermaid\n(.*?)^```", text)
    ]
    drawn = [place for place, _ in found if place.endswith("docs/project/architecture.md")]
    assert len(drawn) == 2 * len(projects)
    sound = next(block for place, block in found if place.endswith("architecture.md"))
    broken = ("here.md", sound.replace('"]', '"', 1))
    said = misdrawn([*found, broken])
    assert [line for line in said if ": Parse error" in line] == said[:1], said
    assert said[0].startswith("here.md: Parse error")


# --- What only people know -----------------------------------------------------------------------


def test_every_stage_has_open_places_and_the_list_is_no_check(
    projects: dict[str, Project],
) -> None:
    project = projects["default"]
    listed = tdsp(project.root, "docs")
    heads = re.findall(r"(?m)^([\w-]+): \d+ open$", listed.stdout)
    assert (listed.returncode, heads) == (0, [*STAGES]), listed.stdout
    for number, stage in enumerate(STAGES, start=1):
        done = tdsp(project.root, "docs", "--stage", stage)
        assert done.returncode == 1
        assert re.findall(r"(?m)^([\w-]+): \d+ open$", done.stdout) == [*STAGES[:number]]


@pytest.mark.parametrize("name", ANSWERS)
def test_every_document_has_a_stage_and_every_row_is_read(
    name: str, projects: dict[str, Project]
) -> None:
    folder = Folder(projects[name].root)
    assert [str(question) for question in questions(folder) if not question.stage] == []
    rows = [line for line in folder.text(INDEX).splitlines() if line.startswith("| ")][2:]
    read = [path for path in index(folder) if not path.endswith("/README.md")]
    assert len(rows) == len(read)


def twice(texts: dict[str, str]) -> list[str]:
    """Questions of more than four words that stand in two places: a fact has one place."""
    found = Counter(
        question
        for text in texts.values()
        for question in re.findall(r"(?<!\\)\[open: (?!…)([^\]]+)\]", text)
    )
    return sorted(text for text, times in found.items() if times > 1 and len(text.split()) > 4)


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_is_asked_twice(name: str, projects: dict[str, Project]) -> None:
    texts = documents(projects[name])
    assert twice(texts) == []
    asked = "measured, judged by whom, or taken from which system"
    assert twice({**texts, "docs/new.md": f"[open: {asked}]"}) == [asked]


# --- A small project, whose documents are all filled in -----------------------------------------

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


def check(root: Path, stage: str) -> tuple[int, str]:
    done = tdsp(root, "docs", "--stage", stage)
    return done.returncode, done.stdout + done.stderr


def test_nothing_is_open(root: Path) -> None:
    assert [check(root, stage)[0] for stage in STAGES] == [0] * 5


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
    name: str, text: str, first: int, place: str, root: Path
) -> None:
    write(root, name, text)
    found = [check(root, stage) for stage in STAGES]
    assert [code for code, _ in found] == [0] * first + [1] * (5 - first)
    assert place in found[-1][1]
    listed = tdsp(root, "docs")
    assert (listed.returncode, place in listed.stdout) == (0, True)  # a list, not a check


def test_what_the_run_repeats_is_listed_where_it_is_answered(root: Path) -> None:
    write(root, "project/facts.yaml", '# stage: data\na: "[open: who]"')
    write(root, "model/card.md", "[open: who] [open: b, in docs/project/facts.yaml]")
    write(root, "project/charter.md", "[open: name], [open: name]")
    found = [
        (question.path.rpartition("/")[2], question.stage) for question in questions(Folder(root))
    ]
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
def test_what_cannot_be_understood_is_an_error(name: str, text: str, said: str, root: Path) -> None:
    (root / FOLDER / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    code, told = check(root, STAGES[-1])
    assert code == 1
    assert said in told


def test_an_unknown_stage_is_refused_by_name(root: Path) -> None:
    code, told = check(root, "modelling")
    assert code == 1
    assert "--stage: no such stage: modelling; there are business-understanding" in told
