"""A project climbs from level to level and goes down again; what its team edited stays."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from copier import run_copy
from pytest_cookies.plugin import Cookies
from tests.conftest import git
from tests.render.engines import files, recorded
from typer.testing import CliRunner

from tdsp.cli import app
from tdsp.errors import TdspError
from tdsp.grow import ANSWERS, check_clean, grouped, grow, plan, read_project

Born = Callable[[Path, str], Path]
OURS = "\n## Our own section\n\nWith our own text.\n"
RUNNER = CliRunner()


def commit(project: Path) -> None:
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "ours")


def fresh(template: Path, place: Path, **answers: Any) -> Path:
    run_copy(str(template), place, data=answers, defaults=True, quiet=True, vcs_ref="v0.0.2")
    return place


def born_of_copier(template: Path, place: Path, cookies: Cookies) -> Path:
    return fresh(template, place, level="train")


def born_of_cookiecutter(template: Path, place: Path, cookies: Cookies) -> Path:
    result = cookies.bake(extra_context={"level": "train"}, template=str(template))
    assert result.exception is None
    Path(result.project_path).rename(place)
    return place


def start(project: Path) -> Path:
    git(project, "init", "-q")
    commit(project)
    return project


@pytest.fixture(scope="module")
def pattern(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of level train, committed; not to be changed."""
    return start(fresh(history, tmp_path_factory.mktemp("pattern") / "small", level="train"))


@pytest.fixture
def small(pattern: Path, tmp_path: Path) -> Path:
    """A project of level train, committed."""
    return Path(shutil.copytree(pattern, tmp_path / "small"))


def live(project: Path) -> None:
    """What a team does: a value, a function, a paragraph, a new file, a deleted one."""
    (project / "docs/our_notes.md").write_text("Ours.\n", encoding="utf-8")
    (project / "notebooks/README.md").unlink()
    params = project / "params.yaml"
    text = params.read_text(encoding="utf-8").replace("seed: 42", "seed: 7")
    params.write_text(text, encoding="utf-8")
    for name, more in {
        "README.md": OURS,
        "src/ml_project/features.py": "\n\ndef ours() -> int:\n    return 1\n",
    }.items():
        with (project / name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(more)
    commit(project)


def move(project: Path, target: str) -> None:
    found = read_project(project)
    assert grow(found, plan(found, target)) == []
    assert recorded(project)["level"] == target
    commit(project)


def tree(project: Path) -> dict[str, bytes]:
    return {name: text for name, text in files(project).items() if not name.startswith(".git/")}


def check_like_fresh(project: Path, template: Path, place: Path, *kept: str) -> None:
    """Raise AssertionError unless the project is a fresh one of its level with the team's edits."""
    names = recorded(project).keys() & {"level", "responsible_ai"}  # on record since operate
    answers = {name: recorded(project)[name] for name in names}
    ours, theirs = tree(project), tree(fresh(template, place / answers["level"], **answers))
    edited = {"README.md", "params.yaml", "src/ml_project/features.py", ANSWERS}
    assert ours.keys() == theirs.keys() - {"notebooks/README.md"} | {"docs/our_notes.md", *kept}
    same = ours.keys() & theirs.keys() - edited
    assert [name for name in sorted(same) if ours[name] != theirs[name]] == []
    assert ours["README.md"].decode() == theirs["README.md"].decode() + OURS
    assert ours["params.yaml"].decode() == theirs["params.yaml"].decode().replace("42", "7")
    assert ours["src/ml_project/features.py"].endswith(b"return 1\n")
    assert ours[ANSWERS] == theirs[ANSWERS]


@pytest.mark.parametrize("born", [born_of_copier, born_of_cookiecutter])
def test_an_edited_project_climbs_and_goes_down_again(
    born: Callable[[Path, Path, Cookies], Path], history: Path, cookies: Cookies, tmp_path: Path
) -> None:
    project = start(born(history, tmp_path / "project", cookies))
    live(project)
    for level in ("operate", "govern"):
        move(project, level)
        check_like_fresh(project, history, tmp_path)
    kept = ("docs/governance/risks.yaml", "docs/runbooks/incident.md")
    for name in kept:
        with (project / name).open("a", encoding="utf-8", newline="\n") as file:
            file.write("# ours\n")
    commit(project)
    found = read_project(project)
    assert plan(found, "train").kept == kept
    move(project, "train")
    check_like_fresh(project, history, tmp_path, *kept)
    assert (project / kept[0]).read_text(encoding="utf-8").endswith("# ours\n")


def test_a_file_of_the_team_in_the_place_of_one_that_comes_stays(small: Path) -> None:
    (small / "docs/operate.md").write_text("Ours.\n", encoding="utf-8")
    commit(small)
    assert plan(read_project(small), "operate").kept == ("docs/operate.md",)
    move(small, "operate")
    assert (small / "docs/operate.md").read_text(encoding="utf-8") == "Ours.\n"


def test_a_level_is_within_the_next_one(small: Path) -> None:
    found = read_project(small)
    for target in ("operate", "govern"):
        wanted = plan(found, target)
        assert wanted.added
        assert wanted.removed == wanted.kept == ()


def test_each_file_that_comes_has_a_reason(small: Path) -> None:
    found = read_project(small)
    groups = grouped(found, plan(found, "govern").added)
    assert "settings and tools" not in groups


def test_a_dry_run_names_the_files_and_writes_nothing(small: Path) -> None:
    before = files(small)
    done = RUNNER.invoke(app, ["grow", "--to", "operate", "--dry-run", "--project", str(small)])
    assert done.exit_code == 0, done.output
    assert "docs/runbooks/incident.md" in done.stdout
    assert "what to do when something fails" in done.stdout
    assert tree(small) == {name: before[name] for name in tree(small)}
    assert git(small, "status", "--porcelain") == ""


def test_what_the_level_proposes_and_the_project_has_refused_is_said(
    small: Path, history: Path, tmp_path: Path
) -> None:
    def said(project: Path, target: str) -> bool:
        words = ["grow", "--to", target, "--dry-run", "--project", str(project)]
        return "responsible_ai=yes" in RUNNER.invoke(app, words).stdout.replace("\n", " ")

    operate = start(fresh(history, tmp_path / "operate"))
    assert said(operate, "govern") and not said(operate, "train")
    assert not said(small, "govern")  # nothing is on record: the default of govern is yes
    assert "src/ml_project/steps/explain.py" in plan(read_project(small), "govern").added


def test_without_a_terminal_it_takes_yes(small: Path) -> None:
    words = ["grow", "--to", "operate", "--project", str(small)]
    done = RUNNER.invoke(app, words)
    assert isinstance(done.exception, TdspError)
    assert "--yes" in str(done.exception)
    assert git(small, "status", "--porcelain") == ""
    assert RUNNER.invoke(app, [*words, "--yes"]).exit_code == 0
    assert (small / "docs/operate.md").is_file()


def change(project: Path, old: str, new: str) -> None:
    path = project / ANSWERS
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    commit(project)


def spoil(project: Path) -> None:
    (project / "README.md").write_text("not committed\n", encoding="utf-8")


SPOILT: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "uncommitted": (spoil, "operate", "not committed: README.md"),
    "no git": (lambda root: (root / ".git").rename(root.parent / "git"), "operate", "git init"),
    "unknown": (lambda root: None, "gold", "gold is not a level; levels are: train, operate"),
    "the same": (lambda root: None, "train", "has level train already"),
    "no answers": (lambda root: (root / ANSWERS).unlink(), "operate", "is missing"),
    "no level": (lambda root: change(root, "level: train\n", ""), "operate", "older than levels"),
    "no version": (lambda root: change(root, "_commit", "_other"), "operate", "no _commit"),
    "no source": (lambda root: change(root, "_src_path", "_other"), "operate", "_src_path"),
    "unreachable": (
        lambda root: change(root, "_src_path: ", "_src_path: /nowhere"),
        "operate",
        "the template /nowhere",
    ),
    "broken answers": (
        lambda root: change(root, "level: train", "level: ["),
        "operate",
        "valid YAML",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_cannot_grow_is_refused_and_stays(name: str, small: Path) -> None:
    prepare, target, message = SPOILT[name]
    prepare(small)
    before = tree(small)
    with pytest.raises(TdspError, match=message):
        check_clean_and_grow(small, target)
    assert tree(small) == before


def check_clean_and_grow(project: Path, target: str) -> None:
    found = read_project(project)
    check_clean(project)
    grow(found, plan(found, target))


def test_an_online_service_keeps_a_project_from_the_level_train(
    history: Path, tmp_path: Path
) -> None:
    project = start(fresh(history, tmp_path / "online", serving="online"))
    with pytest.raises(TdspError, match="leave serving"):
        plan(read_project(project), "train")


def test_a_failure_half_way_leaves_nothing(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(root: Path, **settings: object) -> None:
        (root / "half.md").write_text("half\n", encoding="utf-8")
        (root / "README.md").write_text("half\n", encoding="utf-8")
        raise OSError("the disk is full")

    found, before = read_project(small), tree(small)
    wanted = plan(found, "operate")
    monkeypatch.setattr("copier.run_update", broken)
    with pytest.raises(TdspError, match="nothing was changed: the disk is full"):
        grow(found, wanted)
    assert tree(small) == before
