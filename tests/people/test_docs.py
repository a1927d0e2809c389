"""The documents of a project: their commands, diagrams and questions, for answers that differ."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from tests.delivery.tools import node_tool
from tests.people.commands import known, unknown
from tests.project.living import FOUND, Project, environment
from tests.render.engines import Answers, with_copier

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
STAGES = ["business-understanding", "data", "modeling", "deployment", "acceptance"]
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
        name: Project(with_copier(repository, place / name, answers), environment(FOUND[0]))
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
    added += 'a=$(b) uv run poe rollback \\\n  --raeson "why; not"\n```\n'
    page.write_text(added + page.read_text(encoding="utf-8"), encoding="utf-8")
    assert list(unknown(wrong, tasks, own)) == [
        "docs/runbooks/retrain.md:3: there is no `poe retrian`",
        f"docs/runbooks/retrain.md:6: there is no `{package} modles`",
        "docs/runbooks/retrain.md:8: `poe rollback` has no --raeson",
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
    listed = project.run("poe", "docs")
    heads = re.findall(r"(?m)^([\w-]+): \d+ open$", listed.stdout)
    assert heads == STAGES, listed.stdout
    for number, stage in enumerate(STAGES, start=1):
        done = project.run("poe", "docs", "--stage", stage, ok=False)
        assert done.returncode == 1
        assert re.findall(r"(?m)^([\w-]+): \d+ open$", done.stdout) == STAGES[:number]


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
