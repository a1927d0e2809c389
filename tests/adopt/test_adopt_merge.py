"""Files of the template beside the user's: added, merged, laid beside, and never overwriting."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from tests.adopt.hand import RENDER

from tdsp.adopt import ignores, locking, sections, workflows
from tdsp.adopt import merge as merging
from tdsp.adopt.gitwork import Entry
from tdsp.adopt.merge import Merged, Place, attribute, merge
from tdsp.adopt.rendering import Render, Rendered, for_level
from tdsp.adopt.sections import NotLosslessError
from tdsp.grow import own_readme


def merged(
    files: Mapping[str, bytes],
    rendered: Render = RENDER,
    level: int = 2,
    subdirectory: str = "",
    forgotten: tuple[str, ...] = (),
    moves: tuple[tuple[str, str], ...] = (),
) -> Merged:
    tree = {path: Entry("100644", f"{number:040x}") for number, path in enumerate(files)}
    place = Place(tree, files.__getitem__, level, subdirectory, forgotten, moves=moves)
    return merge(for_level(rendered, level, subdirectory), place)


def test_everything_is_added_to_an_empty_place() -> None:
    done = merged({"notes.txt": b"x"})
    assert set(done.added) == RENDER.keys() - {"LICENSE"}
    assert done.files["tools/run.sh"].mode == "100755"
    project = tomllib.loads(done.files["pyproject.toml"].content.decode())["project"]
    assert "license" not in project and "license-files" not in project
    assert not done.merged and not done.beside


@pytest.mark.parametrize("before", ["", "one/"])
def test_the_build_takes_a_package_that_has_come_beside_the_template_s(before: str) -> None:
    moves = [
        ("shop/__init__.py", "src/shop/__init__.py"),
        ("shop/deep/__init__.py", "src/shop/deep/__init__.py"),
        ("lib/__init__.py", "src/churn/__init__.py"),
        ("loose/a.py", "src/loose/a.py"),
        ("src/stays/__init__.py", "src/stays/__init__.py"),
    ]
    inside = tuple((f"{before}{old}", f"{before}{new}") for old, new in moves)
    files = {new: b"" for _, new in inside}
    done = merged(files, subdirectory=before.strip("/"), moves=inside)
    made = tomllib.loads(done.files[f"{before}pyproject.toml"].content.decode())
    wheel = made["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["src/churn", "src/shop"]


def test_a_file_of_the_user_is_never_overwritten() -> None:
    files = {
        "src/churn/features.py": b"mine\n",
        ".github/workflows/ci.yml": b"name: mine\n",
        ".gitattributes": b"*.csv filter=lfs\n",
        "README.md": b"# Mine\n",
        "LICENCE": b"",
    }
    done = merged(files)
    for path, content in files.items():
        assert path not in done.files or done.files[path].content.startswith(content)
    assert set(done.beside) == {
        "src/churn/features.py.tdsp",
        ".github/workflows/ci.yml.tdsp",
        ".gitattributes.tdsp",
    }


@pytest.mark.parametrize("name", ["AGENTS.md", "CLAUDE.md", ".cursor/rules.md", ".claude/a.md"])
def test_files_for_assistants_are_left(name: str) -> None:
    given = {**RENDER, name: Rendered(b"of the template\n")}
    for files in ({name: b"mine\n"}, {"notes.txt": b"x"}):
        done = merged(files, given)
        assert name not in done.files and f"{name}.tdsp" not in done.files


def test_a_file_in_the_place_of_a_folder_is_left() -> None:
    done = merged({"tools": b"a file\n", ".github/workflows/ci.yml/x": b"a folder\n"})
    assert "tools/run.sh" not in done.files
    assert ".github/workflows/ci.yml" not in done.files
    assert {path for path, _ in done.notes} >= {"tools/run.sh", ".github/workflows/ci.yml"}


def test_another_read_me_keeps_its_rank() -> None:
    done = merged({"README.rst": b"Mine\n"})
    assert "README.md" not in done.files and done.beside == ["README.md.tdsp"]
    project = tomllib.loads(done.files["pyproject.toml"].content.decode())["project"]
    assert project["readme"] == "README.rst"


@pytest.mark.parametrize("content", [b"# Mine\n\ntext\n", b"# Mine", b"# Mine\r\n", b""])
def test_read_me_gets_one_short_section(content: bytes) -> None:
    once = sections.readme(content, 2, [("a.py", "src/x/a.py"), ("b.csv", "data/raw/b.csv")])
    assert once.startswith(content) and once.count(b"## How this project runs now") == 1
    assert sections.readme(once, 2) == once
    assert (b"\r\n" in once) == (b"\r\n" in content)
    assert b"| `./` | `src/x/` | 1 |" in once and once.count(b"\n## ") <= 1
    assert len(once) - len(content) < 1000
    assert b"poe pipeline" in once and b"poe pipeline" not in sections.readme(content)


def test_section_lists_the_largest_moves_and_counts_the_others() -> None:
    moves = [(f"d{n}/{k}.csv", f"data/raw/d{n}/{k}.csv") for n in range(10) for k in range(n + 1)]
    section = sections.readme(
        b"", 1, [*moves, ("e|f/a.py", "g/a.py"), ("h/a.py", "h/b.py")]
    ).decode()
    assert "| `d9/` | `data/raw/d9/` | 10 |" in section and "`d1/`" not in section
    assert "3 more of such moves are in the report." in section and "`h/`" not in section
    assert "`e/f/`" in sections.readme(b"", 1, [("e|f/a.py", "g/a.py")]).decode()
    assert "`x?/`" in sections.readme(b"", 1, [("x\udcff/a.py", "g/a.py")]).decode()


def test_an_older_section_of_an_adoption_is_left() -> None:
    old = b"# Ours\n\n<!-- tdsp adopt -->\n## Layout\n"
    assert sections.readme(old, 2) == old


def test_a_read_me_with_the_section_is_the_teams(tmp_path: Path) -> None:
    assert own_readme(tmp_path) == []
    (tmp_path / "README.md").write_bytes(b"# Ours\n\n<!-- tdsp adopt -->\n## Layout\n")
    assert own_readme(tmp_path) == []  # the template's lines are in it, and merge
    (tmp_path / "README.md").write_bytes(sections.readme(b"# Ours\n", 2))
    assert own_readme(tmp_path) == ["/README.md"]


def test_read_me_that_is_no_utf_8_stays() -> None:
    done = merged({"README.md": b"caf\xe9\n"})
    assert "README.md" not in done.files and "README.md.tdsp" in done.files


# PYPROJECT ------------------------------------------------------------------------------------

TYPES = b"\n[tool.mypy]\nstrict = true\n"
MINE = b"""# Mine.
[project]
name = "mine"   # kept
version = "7"
dependencies = ["Pandas==1.5"]

[tool.ruff]
line-length = 79
"""


def test_pyproject_gets_what_it_lacks_and_keeps_what_it_has() -> None:
    done = merged({"pyproject.toml": MINE})
    text = done.files["pyproject.toml"].content.decode()
    assert text.startswith('# Mine.\n[project]\nname = "mine"   # kept\nversion = "7"\n')
    data = tomllib.loads(text)
    assert data["project"]["dependencies"] == ["Pandas==1.5"]
    assert data["tool"]["ruff"]["line-length"] == 79
    assert data["tool"]["poe"]["tasks"]["test"] == {"cmd": "pytest"}
    assert data["build-system"]["build-backend"] == "hatchling.build"


def test_pyproject_of_other_builders_keeps_its_builder() -> None:
    other = b'[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    dynamic = b'[project]\nname = "x"\ndynamic = ["version"]\n'
    data = tomllib.loads(
        merged({"pyproject.toml": other + dynamic}).files["pyproject.toml"].content.decode()
    )
    assert data["build-system"]["build-backend"] == "setuptools.build_meta"
    assert "version" not in data["project"] and "hatch" not in data["tool"]
    poetry = b'[tool.poetry]\nname = "x"\n'
    data = tomllib.loads(
        merged({"pyproject.toml": poetry}).files["pyproject.toml"].content.decode()
    )
    assert "project" not in data and "build-system" not in data and "ruff" in data["tool"]


OWN_CODE = {
    "setup_it.py": b"x=1\n",
    "odd [x]/a b.py": b"x=1\n",
    "odd [x]/deep/c.py": b"x=1\n",
    "src/churn/old.py": b"print 1\n",
    "src/churn/zoo/a.py": b"x=1\n",
    "notebooks/a.ipynb": b"{}",
    "src/churn/data.csv": b"x=1\n",
}


def test_own_code_is_held_to_nothing_at_first(tmp_path: Path) -> None:
    """Else `poe check`, and CI with it, is red from the first day on."""
    given = {**RENDER, "pyproject.toml": Rendered(RENDER["pyproject.toml"].content + TYPES)}
    done = merged(OWN_CODE, given)
    data = tomllib.loads(done.files["pyproject.toml"].content.decode())["tool"]
    names = ["./notebooks", "./odd [[]x[]]", "./setup_it.py", "src/churn/old.py", "src/churn/zoo"]
    assert data["ruff"]["extend-exclude"] == names
    assert data["mypy"]["exclude"] == [r"^src/churn/old\.py$", "^src/churn/zoo/"]
    assert data["mypy"]["strict"] and data["ruff"]["line-length"] == 100
    assert any("5 file(s) or folder(s)" in what for _, what in done.notes)
    for name, content in (OWN_CODE | {"src/churn/ours.py": b"x=1\n"}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "pyproject.toml").write_bytes(done.files["pyproject.toml"].content)
    words = [sys.executable, "-m", "ruff", "format", "--check", "--no-cache"]
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert "ours.py" in said and "1 file would be reformatted" in said


def test_tools_that_the_user_has_set_up_go_on() -> None:
    text = merged({"pyproject.toml": MINE, **OWN_CODE}).files["pyproject.toml"].content.decode()
    assert "exclude" not in text
    assert b"exclude" not in merged(OWN_CODE, level=0).files["pyproject.toml"].content


def test_pyproject_that_cannot_be_read_stays() -> None:
    done = merged({"pyproject.toml": b"[project\n"})
    assert "pyproject.toml" not in done.files and "pyproject.toml.tdsp" in done.files


def test_in_place_adds_no_code_and_no_package() -> None:
    done = merged({"train.py": b"x = 1\n"}, level=0)
    assert not any(path.startswith(("src/", "tools/")) for path in done.files)
    data = tomllib.loads(done.files["pyproject.toml"].content.decode())
    assert data["tool"]["uv"] == {"package": False}
    assert "scripts" not in data["project"] and "build-system" not in data
    assert data["project"]["dependencies"] == []


LOCK = b"pandas==3.0.1 \\\n    --hash=sha256:00\nscikit-learn==1.8.0\n"


@pytest.mark.parametrize("locks", [True, False])
def test_lock_is_added_where_it_is_asked_for(locks: bool) -> None:
    project = b'[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
    done = Merged(files={"sub/pyproject.toml": Rendered(project)})
    merging._locked(done, Place({}, lambda _: b"", 2, "sub", lock_it=locks))
    if locks:
        assert b'name = "a"' in done.files["sub/uv.lock"].content and not done.notes
        assert done.added == ["sub/uv.lock"]
    else:
        assert "sub/uv.lock" not in done.files and "needs the network" in done.notes[0][1]


def test_lock_of_the_user_stays() -> None:
    done = Merged(files={"pyproject.toml": Rendered(b"")})
    tree = {"uv.lock": Entry("100644", "1")}
    merging._locked(done, Place(tree, lambda _: b"", 2, lock_it=True))
    assert "uv.lock" not in done.files and "yours stays" in done.notes[0][1]


def test_lock_without_the_network_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", "/nonexistent-cache/x")
    asked = b'[project]\nname = "a"\nversion = "1"\ndependencies = ["no-such-package-a==1"]\n'
    content, problem = locking.lock(asked)
    assert content == b"" and "uv says" in problem
    assert locking._said("at https://ada:pw@host/x\n failed") == "at https://***@host/x failed"


def test_requirements_are_added_by_uv() -> None:
    project = b'[project]\nname = "x"\nversion = "1"\ndependencies = ["pandas>=3.0"]\n'
    asked = "scikit-learn==1.4.0\nrequests>=2\n# note\npandas\n".encode("utf-16")
    content, notes = locking.requirements(project, asked, "requirements.txt", LOCK)
    found = tomllib.loads(content.decode())["project"]["dependencies"]
    assert found == ["pandas>=3.0", "requests>=2", "scikit-learn"]
    assert any("scikit-learn==1.4.0" in each and "1.8.0" in each for each in notes)


def test_requirements_that_uv_refuses_are_said() -> None:
    project = b'[project]\nname = "x"\nversion = "1"\n'
    content, notes = locking.requirements(project, b"???\n", "requirements.txt", LOCK)
    assert content == project and "uv says" in notes[0]


# PRE-COMMIT -----------------------------------------------------------------------------------


def test_hooks_are_added_once() -> None:
    mine = b"# mine\nrepos:\n  - repo: https://example.com/x\n    hooks:\n      - id: black\n"
    ours = RENDER[".pre-commit-config.yaml"].content
    once = sections.hooks(mine, ours)
    assert once.startswith(mine)
    ids = [hook["id"] for repo in yaml.safe_load(once)["repos"] for hook in repo["hooks"]]
    assert ids == ["black", "lint"]
    assert sections.hooks(once, ours) == once


@pytest.mark.parametrize(
    "mine", [b"repos: [ {repo: local,  hooks: []} ]   # odd\n", b"a: [\n", b"- 1\n", b"\xff\n"]
)
def test_hooks_that_would_change_their_look_are_refused(mine: bytes) -> None:
    with pytest.raises(NotLosslessError):
        sections.hooks(mine, RENDER[".pre-commit-config.yaml"].content)


def test_a_read_me_that_is_not_utf_8_is_no_part_of_the_package() -> None:
    """Else no environment can be made: build tools read it as UTF-8."""
    done = merged({"README.md": "# Wide\n".encode("utf-16")})
    assert "readme" not in tomllib.loads(done.files["pyproject.toml"].content.decode())["project"]
    done = merged({"README.md": "# Wide\n".encode("utf-16"), "readme.txt": b"plain\n"})
    project = tomllib.loads(done.files["pyproject.toml"].content.decode())["project"]
    assert project["readme"] == "readme.txt"


# IGNORED AND BYTES ----------------------------------------------------------------------------


HIDING = b"data/\n*.toml\n/jobs/*\n"


@pytest.mark.parametrize("kind", ["utf-16", "utf-16-be"])
def test_rules_that_git_cannot_read_become_comments(kind: str) -> None:
    """PowerShell writes UTF-16; what comes after it in UTF-8 can be read by nobody."""
    mark = b"" if kind == "utf-16" else b"\xfe\xff"
    wide = mark + "model.pkl\r\nscripts/\r\n".encode(kind)
    done = merged({".gitignore": wide, "scripts/a.py": b"x = 1\n"})
    made = done.files[".gitignore"].content
    assert made.startswith(ignores.readable(wide)) and b"\0" not in made
    assert "\n# model.pkl\n" in made.decode()
    assert set(ignores.hidden({".gitignore": made}, ["scripts/a.py", ".venv/x"])) == {".venv/x"}
    assert any("UTF-16" in what for path, what in done.notes if path == ".gitignore")


def test_rules_of_the_user_do_not_hide_the_project() -> None:
    """Else `dvc add` refuses each table, and what a pipeline writes is not seen."""
    files = {".gitignore": HIDING, "data/raw/moved.csv": b"1\n", "data/raw/theirs.csv": b"1\n"}
    tree = {path: Entry("100644", path) for path in files}
    moves = (("a.csv", "data/raw/moved.csv"), ("data/theirs.csv", "data/raw/theirs.csv"))
    given = {**RENDER, "src/churn/data/a.py": Rendered(b""), "docs/data/a [x].md": Rendered(b"")}
    del given["LICENSE"]
    done = merge(given, Place(tree, files.__getitem__, 1, moves=moves))
    made = done.files[".gitignore"].content
    assert made.startswith(HIDING) and any("rules hide" in what for _, what in done.notes)
    seen = [*given, "data/raw/moved.csv", "data/raw/new.csv.dvc", "docs/data/report.md"]
    own = ["data/raw/theirs.csv", "data/raw/x", "data/secret.txt", "jobs/x", "x.toml", "b/data/c"]
    own += ["docs/data/secret.csv", "src/churn/data/rows.bin"]
    found = ignores.hidden({".gitignore": made}, [*seen, *own])
    assert sorted(found) == sorted(own)


def test_many_hidden_files_of_a_folder_stay_hidden() -> None:
    files = {".gitignore": HIDING} | {f"data/raw/{n}.csv": b"" for n in range(30)}
    tree = {path: Entry("100644", path) for path in files}
    moves = tuple((f"{n}.csv", f"data/raw/{n}.csv") for n in range(30))
    made = merge(RENDER, Place(tree, files.__getitem__, 1, moves=moves)).files[".gitignore"].content
    assert made.count(b"\n") < 30 and b"!/data/raw/\n" in made


def test_no_tracked_file_becomes_ignored() -> None:
    files = {
        ".gitignore": b"*.log\n",
        "data/raw/a b.csv": b"x",
        "models/deep/net.bin": b"x",
        "old.log": b"ignored by the user's own rule",
    }
    done = merged(files)
    made = done.files[".gitignore"].content
    assert made.startswith(b"*.log\n")
    tree = {path: Entry("100644", "") for path in files}
    assert set(ignores.hidden({".gitignore": made}, tree)) == {"old.log"}
    new = {"data/raw/new.csv": Entry("100644", ""), "models/new.bin": Entry("100644", "")}
    assert set(ignores.hidden({".gitignore": made}, new)) == new.keys()


def test_rule_that_cannot_have_exceptions_is_left_out() -> None:
    made, changed = ignores.union(
        {"a/.venv/x.py": Entry("100644", "")}, lambda _: b"", ".gitignore", [".venv/", "/b/"]
    )
    assert made == b"/b/\n"
    assert changed == [(".venv/", "a/.venv/x.py")]


def test_many_exceptions_are_none() -> None:
    tree = {f"data/raw/{number}.csv": Entry("100644", "") for number in range(30)}
    made, _ = ignores.union(tree, lambda _: b"", ".gitignore", ["/data/raw/*.*"])
    assert made == b""


@pytest.mark.parametrize("name", ["a b ", "x#", "!y", "[z]*?", "ü\\v", "plain"])
def test_a_forgotten_file_is_ignored_exactly(name: str) -> None:
    made = ignores.joined(b"", [], [name])
    near = {path: Entry("100644", "") for path in (name, f"{name}2", f"sub/{name}")}
    assert set(ignores.hidden({".gitignore": made}, near)) == {name}


def test_line_ends_of_tables_stay() -> None:
    done = merged({"data.csv": b"a\r\n", "unix.csv": b"a\n", "x y.csv": b"b\r\n"})
    text = done.files[".gitattributes"].content.decode()
    assert text.splitlines()[-2:] == ["/data.csv -text", '"/x y.csv" -text']


def test_line_ends_of_many_tables_stay_by_their_kind() -> None:
    done = merged({f"{number}.csv": b"a\r\n" for number in range(30)} | {"a.txt": b"\r\n"})
    lines = done.files[".gitattributes"].content.decode().splitlines()
    assert sorted(lines[-2:]) == ["*.csv -text", "/a.txt -text"]


def test_name_that_attributes_cannot_hold_leaves_them_out() -> None:
    done = merged({"new\nline.csv": b"a\r\n"})
    assert ".gitattributes" not in done.files and ".gitattributes.tdsp" in done.files
    assert attribute("caf\udce9.csv") == ""


def test_project_in_a_folder_leaves_the_others_alone() -> None:
    files = {
        "a/b/train.py": b"",
        "a/b/README.md": b"# A\n",
        "c/README.md": b"# C\n",
        "README.md": b"# R\n",
        ".github/workflows/ci.yml": b"name: theirs\n",
    }
    done = merged(files, subdirectory="a/b")
    others = {path for path in done.files if not path.startswith("a/b/")}
    assert others == {".github/workflows/a-b-ci.yml"}
    assert done.merged == ["a/b/README.md"]


WORKFLOW = b"""# kept
name: CI
on:
  pull_request:
  push:
    branches: [main]
concurrency:
  group: ci-x
jobs:
  check:
    steps:
      - uses: actions/checkout@1
      - uses: ./.github/actions/setup
        with:
          data: "true"
      - run: uv lock --check
      - run: uv run poe check --all
  smoke:
    steps:
      - run: uv run poe smoke
      - uses: actions/upload-artifact@1
        with:
          path: |
            report.md
            plots
  comment:
    needs: smoke
    steps:
      - run: comment
"""


def test_workflow_of_a_folder_runs_there_and_only_for_it() -> None:
    path, content = workflows.below(".github/workflows/ci.yml", WORKFLOW, "a/b")
    data = yaml.safe_load(content)
    assert path == ".github/workflows/a-b-ci.yml" and content.startswith(b"# kept\n")
    assert data["defaults"]["run"]["working-directory"] == "a/b"
    assert {event["paths"][0] for event in data[True].values()} == {"a/b/**"}
    assert data[True]["push"]["branches"] == ["main"]
    assert data["jobs"]["check"]["steps"][1]["uses"] == "./.github/actions/a-b"
    smoke, comment = data["jobs"]["smoke"], data["jobs"]["comment"]
    assert smoke["steps"][1]["with"]["path"] == "a/b/report.md\na/b/plots\n"
    assert comment["defaults"]["run"]["working-directory"] == "."  # nothing is checked out there
    action = b"runs:\n  steps:\n    - uses: x\n    - run: uv sync\n      shell: bash\n"
    path, content = workflows.below(".github/actions/setup/action.yml", action, "a/b")
    assert path == ".github/actions/a-b/action.yml"
    assert yaml.safe_load(content)["runs"]["steps"][1]["working-directory"] == "a/b"


def test_paths_of_a_workflow_are_those_of_its_folder() -> None:
    content = b"on:\n  push:\n    paths: [src/**, uv.lock]\njobs: {}\n"
    data = yaml.safe_load(workflows.below(".github/workflows/train.yml", content, "a/b")[1])
    assert data[True]["push"]["paths"] == ["a/b/src/**", "a/b/uv.lock"]


def test_workflow_in_place_needs_no_pipeline() -> None:
    data = yaml.safe_load(workflows.in_place(WORKFLOW, "tdsp check"))
    assert list(data["jobs"]) == ["check"]
    steps = data["jobs"]["check"]["steps"]
    assert steps == [
        {"uses": "actions/checkout@1", "with": {"fetch-depth": 0}},
        {"uses": "./.github/actions/setup"},
        {"run": "uv run poe check"},
        {"run": "tdsp check"},
    ]
    bare = yaml.safe_load(workflows.in_place(WORKFLOW, ""))["jobs"]["check"]["steps"]
    assert bare == [{"uses": "actions/checkout@1"}, *steps[1:3]]


@pytest.mark.parametrize(
    ("answers", "command"),
    [
        (b"_src_path: gh:a/b\n_commit: v1.0\n", "git+https://github.com/a/b@v1.0"),
        (b"_src_path: git+https://x.org/t\n_commit: v1.0-3-gabc12\n", "git+https://x.org/t@abc12"),
        (b"_src_path: /home/me/tdsp\n_commit: v1.0\n", ""),
        (b"_src_path: https://x.org/t\n_commit: a;b\n", ""),
        (b"", ""),
    ],
)
def test_check_in_ci_takes_tdsp_from_where_the_template_came(answers: bytes, command: str) -> None:
    found = workflows.standard(answers)
    assert found == (f'uvx --from "{command}" tdsp check --changed' if command else "")


GITLAB = b"""# The same `uv run poe check` and `poe smoke` as on a laptop.
check:
  extends: .data
  script:
    - uv lock --check
    - uv run poe check --all
smoke:
  script: [uv run poe smoke]
comment:
  needs: [smoke]
  script: [x]
"""
AZURE = b"""trigger: [main]
pr: [main]
variables:
  - group: delivery
  - name: UV_CACHE_DIR
    value: x
stages:
  - stage: ci
    jobs:
      - job: check
        steps:
          - template: steps/setup.yml
            parameters:
              data: true
          - bash: uv lock --check
          - bash: uv run poe check --all
      - job: smoke
        steps:
          - bash: uv run poe smoke
          - publish: report
      - job: comment
        dependsOn: smoke
        steps:
          - checkout: none
          - bash: x
"""


def test_gitlab_in_place_needs_no_pipeline() -> None:
    content = workflows.gitlab_in_place(GITLAB, "tdsp check")
    data = yaml.safe_load(content)
    assert data == {"check": {"extends": ".project", "script": ["uv run poe check", "tdsp check"]}}
    assert b"smoke" not in content
    setup = b".project:\n  before_script: [&a x, uv sync --locked]\n.data:\n  before_script: [*a]\n"
    made = yaml.safe_load(workflows.gitlab_setup_in_place(setup))
    assert made == {".project": {"before_script": ["x", "uv sync"]}}


def test_azure_in_place_needs_no_pipeline() -> None:
    data = yaml.safe_load(workflows.azure_in_place(AZURE, "tdsp check"))
    (job,) = data["stages"][0]["jobs"]
    assert job["steps"] == [
        {"template": "steps/setup.yml"}, {"bash": "uv run poe check"}, {"bash": "tdsp check"}
    ]  # fmt: skip
    assert [each["name"] for each in data["variables"]] == ["UV_CACHE_DIR"]


def test_azure_of_a_folder_runs_there_and_only_for_it() -> None:
    data = yaml.safe_load(workflows.azure_below(AZURE, "a/b"))
    assert data["pr"] == {"branches": {"include": ["main"]}, "paths": {"include": ["a/b"]}}
    check, smoke, comment = data["stages"][0]["jobs"]
    assert check["steps"][1] == {"bash": "uv lock --check", "workingDirectory": "a/b"}
    assert smoke["steps"][1] == {"publish": "a/b/report"}
    assert comment["steps"][1] == {"bash": "x"}  # nothing is checked out there


@pytest.mark.parametrize(
    ("name", "content"),
    [(".gitlab/ci/ci.yml", GITLAB), ("azure-pipelines/ci.yml", AZURE)],
)
def test_every_service_has_checks_in_place(name: str, content: bytes) -> None:
    answers = Rendered(b"_src_path: gh:a/b\n_commit: v1\n")
    rendered = {**RENDER, ".copier-answers.yml": answers, name: Rendered(content)}
    done = merged({"a.py": b""}, rendered, level=0)
    assert b"tdsp check --changed" in done.files[name].content
    folder = merged({"a/b/x.py": b""}, rendered, subdirectory="a/b")
    assert f"a/b/{name}" in folder.files


def test_hooks_in_place_rewrite_no_code() -> None:
    hooks = b"# c\nrepos:\n  - repo: local\n    hooks:\n      - id: format\n      - id: lint\n"
    made = workflows.hooks_in_place(hooks)
    assert made == b"# c\nrepos:\n  - repo: local\n    hooks:\n      - id: lint\n"
