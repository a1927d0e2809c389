"""What the documents say is there: files of a default project, commands, links, figures."""

import re
from collections.abc import Iterator
from pathlib import Path

import copier
import pytest
import yaml
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if path.is_file()
)
LEVEL = 4


def drawn(text: str) -> Iterator[str]:
    """Yield the paths of the tree that starts with `ml-project/`, relative to it."""
    block = text.split("```\nml-project/\n", 1)[1].split("```", 1)[0]
    above: list[str] = []
    for line in block.splitlines():
        found = re.fullmatch(r"((?:│   |    )*)[├└]── (\S+).*", line)
        assert found, f"not a line of a tree: {line!r}"
        depth = len(found[1]) // LEVEL
        above = [*above[:depth], found[2].strip("/")]
        yield "/".join(above)


@pytest.fixture(scope="module")
def project(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("readme") / "ml-project"
    copier.run_copy(str(repository), target, defaults=True, quiet=True, vcs_ref="HEAD")
    return target


def missing(text: str, project: Path) -> list[str]:
    return [path for path in drawn(text) if not (project / path).exists()]


def test_the_tree_lists_only_what_a_default_project_has(project: Path) -> None:
    assert len(list(drawn(README))) > 20
    assert missing(README, project) == []


def test_a_path_that_does_not_exist_would_be_seen(project: Path) -> None:
    wrong = README.replace(" train.py", " trains.py")
    assert missing(wrong, project) == ["src/ml_project/steps/trains.py"]


def test_the_tree_leaves_out_only_what_tools_read(project: Path) -> None:
    listed = {path.split("/")[0] for path in drawn(README)}
    left_out = {path.name for path in project.iterdir()} - listed
    assert {name for name in left_out if not name.startswith(".")} == set()


def test_what_a_run_adds_is_what_the_stages_write(project: Path) -> None:
    said = re.findall(r"`((?:models|reports)/\S+?)`", README.split("The first run adds")[1])
    stages = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    made = [out for stage in stages for out in [*stage.get("outs", []), *stage.get("metrics", [])]]
    names = {out if isinstance(out, str) else next(iter(out)) for out in made}
    assert said
    assert set(said) <= names


def test_every_stage_is_named_in_order(project: Path) -> None:
    stages = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert f"9 stages: {' '.join(stages)}\n" in README
    assert len(stages) == 9


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_has_the_targets_that_are_named(page: Path) -> None:
    named = set(
        re.findall(r"(?:^|`)make ([a-z]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE)
    )
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_poe_has_the_tasks_that_are_named(page: Path) -> None:
    named = set(re.findall(r"\bpoe ([a-z]+)\b", page.read_text(encoding="utf-8")))
    pyproject = (ROOT / "template/pyproject.toml.jinja").read_text(encoding="utf-8")
    tasks = pyproject.split("[tool.poe.tasks]")[1].split("\n[")[0]
    assert named <= set(re.findall(r"^([a-z-]+) =", tasks, re.MULTILINE))
