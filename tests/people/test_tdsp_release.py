"""`tdsp release`: what it refuses, what it does in which order, and that nothing is half done."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import git
from tests.people.place import Done, tdsp

CHANGES = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-28

### Added

- A column for the region.

## [1.1.0] - 2026-10-01

- The first one.

[1.2.0]: https://example.com/1.2.0
"""
# Records its call; `release view` finds what `release create` has made.
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >> "$STATE/calls"
case "$1 $2" in
  "auth status") [ ! -e "$STATE/no-login" ] || { echo "not logged in" >&2; exit 1; } ;;
  "release view") [ -e "$STATE/$3" ] || { echo "release not found" >&2; exit 1; } ;;
  "release create")
    [ ! -e "$STATE/no-network" ] || { echo "no network" >&2; exit 1; }
    touch "$STATE/$3"
    while [ $# -gt 0 ]; do [ "$1" != --notes-file ] || cp "$2" "$STATE/notes"; shift; done ;;
  "artifacts universal") while [ "$1" != --path ]; do shift; done; ls "$2" > "$STATE/sent" ;;
esac
"""


@dataclass
class Place:
    """A clone of a pushed repository, with stand-ins for the programs of the code hosts."""

    root: Path
    state: Path

    def run(self, *words: str, on: str = "github") -> Done:
        path = f"{self.state / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return tdsp(self.root, "release", "--on", on, *words, PATH=path, STATE=str(self.state))

    @property
    def calls(self) -> list[str]:
        log = self.state / "calls"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    @property
    def tags(self) -> tuple[list[str], list[str]]:
        """Those of the clone, and of its origin."""
        there = git(self.root, "ls-remote", "--tags", "origin").splitlines()
        names = {line.split("refs/tags/")[1].removesuffix("^{}") for line in there}
        return git(self.root, "tag").split(), sorted(names)

    def commit(self, **files: str) -> None:
        for name, text in files.items():
            path = self.root / name.replace("__", "/").replace("_md", ".md").replace(
                "_json", ".json"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        git(self.root, "add", "--all")
        git(self.root, "commit", "-q", "--allow-empty", "-m", "change")
        git(self.root, "push", "-q", "origin", "main")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    origin, root, state = (tmp_path / name for name in ("origin.git", "project", "state"))
    (state / "bin").mkdir(parents=True)
    for name in ("gh", "glab", "az"):
        (state / "bin" / name).write_text(STAND_IN, encoding="utf-8")
        (state / "bin" / name).chmod(0o755)
    root.mkdir()
    git(tmp_path, "init", "-q", "--bare", str(origin))
    git(root, "init", "-q", "-b", "main")
    git(root, "remote", "add", "origin", str(origin))
    for name, value in {"user.name": "Someone", "user.email": "someone@example.com"}.items():
        git(root, "config", name, value)
    made = Place(root, state)
    verdict = json.dumps({"passed": True, "model_id": "abc123"})
    made.commit(
        CHANGELOG_md=CHANGES, reports__gate_json=verdict, docs__model__card_md="The model abc123.",
        docs__model__report_md="Its figures.",
    )  # fmt: skip
    yield made


def test_without_publish_nothing_is_changed(place: Place) -> None:
    done = place.run()
    assert done.returncode == 0, done.stderr
    assert "git push origin v1.2.0" in done.stdout and "A column for the region." in done.stdout
    assert "gh release create v1.2.0" in done.stdout and "nothing was changed" in done.stdout
    assert (place.tags, place.calls) == (([], []), [])


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_the_tag_is_pushed_before_the_release_with_card_and_report(place: Place, host: str) -> None:
    done = place.run("--publish", on=host)
    assert done.returncode == 0, done.stderr
    assert place.tags == (["v1.2.0"], ["v1.2.0"])
    assert "A column for the region." in git(place.root, "tag", "--list", "--format=%(contents)")
    created = place.calls[-1]
    assert "release create v1.2.0" in created
    assert "docs/model/card.md docs/model/report.md" in created
    notes = (place.state / "notes").read_text(encoding="utf-8")
    assert notes == "### Added\n\n- A column for the region.\n"
    assert place.calls[0].endswith("auth status")


def test_azure_repos_keeps_the_documents_in_a_feed(place: Place) -> None:
    done = place.run("--publish", "--feed", "shared", on="azure-devops")
    assert done.returncode == 0, done.stderr
    assert "--feed shared --name project-release --version 1.2.0" in place.calls[-1]
    assert (place.state / "sent").read_text(encoding="utf-8").split()[:1] == ["card.md"]


@pytest.mark.parametrize("host", ["azure-devops", "none"])
def test_elsewhere_the_tag_has_the_text(place: Place, host: str) -> None:
    done = place.run("--publish", on=host)
    assert (done.returncode, place.calls) == (0, [])
    assert "no release object" in done.stdout
    assert place.tags == (["v1.2.0"], ["v1.2.0"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("## [1.2.0] - 2026-11-28", "## [1.2] - 2026-11-28", "1.2 is not MAJOR.MINOR.PATCH"),
        ("## [1.2.0] - 2026-11-28", "## [1.2.0]", "1.2.0 has no date"),
        ("## [1.2.0] - 2026-11-28", "## [1.2.0] - soon", "1.2.0 has no date"),
        ("## [Unreleased]\n", "## [Unreleased]\n\n- More.\n", "[Unreleased] has changes"),
        (CHANGES, "# Changelog\n", "has no version"),
    ],
)
def test_a_changelog_that_names_no_version_is_refused(
    place: Place, old: str, new: str, said: str
) -> None:
    place.commit(CHANGELOG_md=CHANGES.replace(old, new))
    done = place.run("--publish")
    assert done.returncode == 1
    assert said in done.stderr
    assert (place.tags, place.calls) == (([], []), [])


def refuse_branch(place: Place) -> None:
    git(place.root, "switch", "-q", "-c", "feature")


def refuse_edit(place: Place) -> None:
    (place.root / "CHANGELOG.md").write_text(f"{CHANGES}\n", encoding="utf-8")


def refuse_unpushed(place: Place) -> None:
    git(place.root, "commit", "-q", "--allow-empty", "-m", "more")


def refuse_taken(place: Place) -> None:
    git(place.root, "tag", "v1.2.0")
    place.commit()


def refuse_older(place: Place) -> None:
    git(place.root, "tag", "v1.10.0")


def refuse_rejected(place: Place) -> None:
    place.commit(reports__gate_json=json.dumps({"passed": None, "model_id": "abc123"}))


def refuse_other_model(place: Place) -> None:
    place.commit(docs__model__card_md="The model of last year.")


def refuse_no_verdict(place: Place) -> None:
    place.commit(reports__gate_json="[]")


REFUSED = {
    refuse_branch: "the branch is feature, not main",
    refuse_edit: "not committed",
    refuse_unpushed: "git push origin main",
    refuse_taken: "v1.2.0 is the tag of another commit",
    refuse_older: "1.2.0 does not come after v1.10.0",
    refuse_rejected: "abc123 has not passed the gate",
    refuse_other_model: "is about another model than abc123",
    refuse_no_verdict: "holds no verdict",
}


@pytest.mark.parametrize("change", REFUSED)
def test_what_speaks_against_a_release_is_said(place: Place, change: object) -> None:
    change(place)  # type: ignore[operator]
    before = place.tags
    done = place.run("--publish")
    assert done.returncode == 1
    assert REFUSED[change] in done.stderr  # type: ignore[index]
    assert (place.tags, place.calls) == (before, [])


def test_without_a_login_no_tag_is_made(place: Place) -> None:
    (place.state / "no-login").touch()
    done = place.run("--publish")
    assert done.returncode == 1
    assert "gh auth login" in done.stderr
    assert place.tags == ([], [])


def test_a_release_that_was_cut_off_is_made_whole_by_the_same_command(place: Place) -> None:
    (place.state / "no-network").touch()
    cut = place.run("--publish")
    assert cut.returncode == 1
    assert "The same command again makes it" in cut.stderr
    assert place.tags == (["v1.2.0"], ["v1.2.0"])
    (place.state / "no-network").unlink()
    again = place.run("--publish")
    assert again.returncode == 0, again.stderr
    third = place.run("--publish")
    assert third.returncode == 1
    assert "v1.2.0 is released already" in third.stderr


def test_two_at_once_make_one_release(place: Place, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(tmp_path / "origin.git"), "other")
    other = tmp_path / "other"
    git(other, "commit", "-q", "--allow-empty", "-m", "theirs")
    git(other, "tag", "v1.2.0")
    git(other, "push", "-q", "origin", "v1.2.0")
    done = place.run("--publish")
    assert done.returncode == 1
    assert place.tags == ([], ["v1.2.0"])
    assert not [call for call in place.calls if "create" in call]
