"""`tdsp fleet update` brings a release of this template to a project, and another level."""

from pathlib import Path

from copier import run_copy
from tests.conftest import git
from tests.fleet.updates import branches, commit, write_fleet
from typer.testing import CliRunner

from tdsp.cli import app


def test_this_template_reaches_a_project_and_keeps_its_edits(history: Path, tmp_path: Path) -> None:
    tree, remote = tmp_path / "churn", tmp_path / "churn.git"
    run_copy(str(history), tree, vcs_ref="v0.0.1", defaults=True, quiet=True)
    git(tree, "init", "--quiet", "--initial-branch=main")
    commit(tree, "start")
    with (tree / "README.md").open("a", encoding="utf-8") as file:
        file.write("\nOurs.\n")
    commit(tree)
    git(tmp_path, "clone", "--quiet", "--bare", str(tree), str(remote))
    fleet = write_fleet(tmp_path / "fleet", history, [remote])
    words = ["fleet", "update", str(fleet), "--apply"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    branch = "tdsp/update-v0.0.2"
    readme = git(remote, "show", f"{branch}:README.md")
    assert "An old sentence." not in readme
    assert readme.endswith("\nOurs.\n")
    assert "resamples: 500" in git(remote, "show", f"{branch}:params.yaml")
    git(remote, "update-ref", "refs/heads/main", branches(remote)[branch])
    done = CliRunner().invoke(app, [*words, "--data", "level=govern"])
    assert done.exit_code == 0, done.output
    level = f"{branch}-level-govern"
    assert "level: govern" in git(remote, "show", f"{level}:.copier-answers.yml")
    assert git(remote, "show", f"{level}:docs/governance/risks.yaml")
