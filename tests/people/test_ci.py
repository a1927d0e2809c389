"""CI checks the roles with the tdsp that made the project, where that can be reached from there."""

import sys
from pathlib import Path

import pytest
from tests.conftest import git
from tests.project.living import clean, run
from tests.render.engines import recorded, with_copier

FILES = {
    "github": ".github/workflows/ci.yml",
    "azure-devops": "azure-pipelines/ci.yml",
    "gitlab": ".gitlab/ci/ci.yml",
}
PAGE = "docs/delivery/ci.md"


def from_address(address: str, repository: Path, target: Path, ci: str) -> Path:
    """Render from an address; git is told that it lies on this machine."""
    config = target.parent / "gitconfig"
    place = address.removeprefix("git+")
    config.write_text(f'[url "{repository}"]\n\tinsteadOf = {place}\n', encoding="utf-8")
    words = ["copy", "--quiet", "--defaults", "--vcs-ref", "HEAD", "--data", f"ci={ci}"]
    words += ["--data", "level=govern", address, target]
    env = clean(GIT_CONFIG_GLOBAL=str(config), XDG_CACHE_HOME=str(target.parent / "cache"))
    run(sys.executable, "-m", "copier", *words, cwd=target.parent, env=env)
    return target


@pytest.mark.parametrize("ci", FILES)
def test_an_address_that_ci_reaches_is_run_from_there(
    ci: str, repository: Path, tmp_path: Path
) -> None:
    address = "git+https://example.com/org/tdsp"
    root = from_address(address, repository, tmp_path / "project", ci)
    commit = recorded(root)["_commit"]
    assert git(repository, "rev-parse", commit)
    command = f'uvx --from "{address}@{commit}" tdsp roles --check'
    for name in (FILES[ci], PAGE):
        text = (root / name).read_text(encoding="utf-8")
        assert command in text
        assert "install tdsp" not in text


@pytest.mark.parametrize(
    "address",
    [
        "git+https://example.com/$(id)/tdsp",
        "git+https://user:secret@example.com/org/tdsp",
        "git+ssh://git@example.com/org/tdsp",
    ],
)
def test_no_other_address_gets_into_a_script(
    address: str, repository: Path, tmp_path: Path
) -> None:
    root = from_address(address, repository, tmp_path / "project", "github")
    for name in (FILES["github"], PAGE):
        text = (root / name).read_text(encoding="utf-8")
        assert "example.com/" not in text
        assert "install tdsp" in text


@pytest.mark.parametrize("ci", FILES)
def test_a_folder_is_named_as_what_ci_cannot_reach(
    ci: str, repository: Path, tmp_path: Path
) -> None:
    root = with_copier(repository, tmp_path / "project", {"ci": ci, "level": "govern"})
    text = (root / FILES[ci]).read_text(encoding="utf-8")
    assert "The roles are not checked here: this project was made from a folder" in text
    assert "Run `tdsp roles --check` before a change is merged." in text
    assert str(repository) not in text + (root / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("ci", FILES)
def test_below_level_govern_no_role_is_checked(ci: str, repository: Path, tmp_path: Path) -> None:
    root = with_copier(repository, tmp_path / "project", {"ci": ci, "level": "operate"})
    text = (root / FILES[ci]).read_text(encoding="utf-8")
    assert "tdsp" not in text and "renovate" not in text
