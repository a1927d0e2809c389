"""A read-me that an adoption has left to the team is changed by no update and no climb."""

from pathlib import Path

import yaml
from tests.conftest import git
from tests.update.test_update import command

from tdsp.adopt import sections
from tdsp.grow import ANSWERS, grow, plan, read_project

OURS = b"# Ours\n\nWords of ours.\n"


def test_the_teams_read_me_outlives_an_update_and_a_climb(history: Path, tmp_path: Path) -> None:
    words = ("copy", "--defaults", "--quiet", "--vcs-ref", "v0.0.1", "--data", "level=train")
    command("copier", *words, history, "adopted", cwd=tmp_path)
    root = tmp_path / "adopted"
    readme = root / "README.md"
    readme.write_bytes(sections.readme(OURS, 2, [("a.py", "src/a.py")]))
    before = readme.read_bytes()

    def commit() -> dict[str, str]:
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", "x")
        found: dict[str, str] = yaml.safe_load((root / ANSWERS).read_text(encoding="utf-8"))
        return found

    git(root, "init", "--quiet")
    commit()
    update = ("copier", "update", "--defaults")
    command(*update, cwd=root)
    assert b"<<<<<<< " in readme.read_bytes()  # what the option that the section names prevents
    git(root, "reset", "--hard", "--quiet")
    git(root, "clean", "-fdq")
    command(*update, "--skip", "README.md", cwd=root)
    assert readme.read_bytes() == before
    assert commit()["_commit"] == "v0.0.2"
    found = read_project(root)
    wanted = plan(found, "operate")
    assert "README.md" not in wanted.changed
    assert grow(found, wanted) == []
    assert readme.read_bytes() == before
    assert commit()["level"] == "operate"
