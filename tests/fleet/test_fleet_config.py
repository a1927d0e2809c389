"""fleet.yml: what it takes, what it refuses, and how the platforms are asked."""

import io
import sys
from pathlib import Path

import pytest

from tdsp.errors import TdspError
from tdsp.fleet.config import Fleet, ListingError, Target, read_fleet
from tdsp.fleet.sources import listed

GITHUB = """[{"nameWithOwner": "org/a", "url": "https://github.com/org/a",
"sshUrl": "git@github.com:org/a.git", "isArchived": false},
{"nameWithOwner": "org/old", "url": "https://github.com/org/old",
"sshUrl": "git@github.com:org/old.git", "isArchived": true}]"""


def fleet(folder: Path, text: str) -> Fleet:
    """Write fleet.yml and read it."""
    path = folder / "fleet.yml"
    path.write_text(text, encoding="utf-8")
    return read_fleet(path)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Tool":
    """Give a folder in which command lines of platforms are played; no other is found."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    return Tool(place)


class Tool:
    """Plays a platform's command line from what it was recorded to answer."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def says(self, name: str, script: str) -> None:
        """Answer by a script of sh; its words are kept in a file."""
        path = self.place / name
        log = self.place / f"{name}.log"
        path.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\n{script}\n', encoding="utf-8")
        path.chmod(0o755)

    def asked(self, name: str) -> list[str]:
        """Return the words of each call."""
        return (self.place / f"{name}.log").read_text(encoding="utf-8").splitlines()


def printing(text: str) -> str:
    """Return a script that prints a text."""
    return f"/bin/cat <<'END'\n{text}\nEND"


def test_groups_owners_and_waves(tmp_path: Path) -> None:
    """A repository has the owners of its group, else the fleet's, and its first wave."""
    for name in ("churn", "teams/a/model", "teams/b/model", "teams/b/old"):
        (tmp_path / name).mkdir(parents=True)
    found = fleet(
        tmp_path,
        "owners: [lead]\n"
        "groups:\n"
        "  risk:\n    owners: [ann, bob]\n    repositories:\n"
        "      - {glob: 'teams/*/*', exclude: ['*/old']}\n"
        "repositories: [./churn, 'https://example.com/x/scores.git', 'git@host.org:o/n.git']\n"
        "waves:\n"
        "  - {name: pilot, repositories: ['a/*']}\n"
        "  - {name: rest, groups: [risk]}\n",
    ).repositories()
    lead = ("lead",)
    assert found == [
        Target("a/model", str(tmp_path / "teams/a/model"), "risk", ("ann", "bob"), "pilot"),
        Target("b/model", str(tmp_path / "teams/b/model"), "risk", ("ann", "bob"), "rest"),
        Target("churn", str(tmp_path / "churn"), "", lead, ""),
        Target("o/n", "git@host.org:o/n.git", "", lead, ""),
        Target("x/scores", "https://example.com/x/scores.git", "", lead, ""),
    ]
    assert [each.local for each in found] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("owner: [a]\nrepositories: [a]\n", ("fleet.yml:1", "owner: not a key", "owners")),
        ("title: x\n", ("name repositories, or groups",)),
        ("repositories:\n  - {glub: a}\n", ("fleet.yml:2", "repositories.0", "glub", "glob")),
        ("repositories:\n  - {path: a, glob: b}\n", ("exactly one of", "path, glob")),
        ("repositories:\n  - {glob: 'a*', name: b}\n", ("may have a prefix",)),
        ("repositories: ['https://me:secret@host/a']\n", ("holds a password", "host")),
        ("repositories: ['ext::sh -c date']\n", ("is not a URL",)),
        ("repositories: ['ftp://host/a']\n", ("allowed are https",)),
        ("repositories: [a]\nwaves: [{name: x, groups: [y]}]\n", ("no such group: y", "none")),
        ("repositories: [a]\nwaves: [{name: x}, {name: x}]\n", ("each name stands there once",)),
        ("repositories: [a]\njobs: 0\n", ("fleet.yml:2", "jobs", "greater than or equal to 1")),
        ("repositories: [a]\nrepositories: [b]\n", ("a second time",)),
        ("repositories: [a\n", ("is not valid YAML",)),
        ("format: 9\nrepositories: [a]\n", ("has format 9",)),
        ("repositories: [{all-repos: {module: 'os; x'}}]\n", ("all-repos",)),
    ],
)
def test_a_wrong_file_is_named_with_its_line_and_key(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    """The message says where, what, and what is allowed; never a password."""
    with pytest.raises(TdspError) as caught:
        fleet(tmp_path, text)
    for part in parts:
        assert part in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(TdspError, match="cannot be read"):
        read_fleet(tmp_path / "none.yml")
    (tmp_path / "bin.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TdspError, match="not UTF-8"):
        read_fleet(tmp_path / "bin.yml")


def test_two_repositories_of_one_name_are_refused(tmp_path: Path) -> None:
    """The same source twice is one repository; two sources of one name are an error."""
    twice = fleet(tmp_path, "repositories: [./a, a]\n")
    assert [each.name for each in twice.repositories()] == ["a"]
    two = fleet(tmp_path, "repositories: [./a, x/a]\n")
    with pytest.raises(TdspError, match="two repositories have the name a"):
        two.repositories()
    named = fleet(tmp_path, "repositories: [./a, {path: x/a, name: b}]\n")
    assert [each.name for each in named.repositories()] == ["a", "b"]


def test_lines_of_a_file_and_of_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comments and blank lines are left out; a line with a password is not taken."""
    (tmp_path / "list.txt").write_text("# all\n./a  # ours\n\nhttps://x.org/o/n\n")
    found = fleet(tmp_path, "repositories: [{file: list.txt, prefix: 'p/'}]\n").repositories()
    assert [each.name for each in found] == ["p/a", "p/o/n"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("b\nhttps://u:p@x.org/o\n"))
    listing = fleet(tmp_path, "repositories: ['-', c]\n").listing()
    assert [each.name for each in listing.targets] == ["b", "c"]
    assert listing.problems == [
        "file: -: o: a URL of x.org holds a password: take it out; git's credential helper knows it"
    ]
    with pytest.raises(ListingError):
        fleet(tmp_path, "repositories: [{file: none.txt}]\n").repositories()


def test_a_glob_that_fits_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ListingError, match="no folder fits"):
        fleet(tmp_path, "repositories: [{glob: 'x/*'}]\n").repositories()


def test_an_organisation_on_github(tmp_path: Path, tool: Tool) -> None:
    """Archived repositories are left out, unless they are asked for."""
    tool.says("gh", printing(GITHUB))
    found = fleet(tmp_path, "repositories: [{github: org}]\n").repositories()
    assert [(each.name, each.source) for each in found] == [("org/a", "https://github.com/org/a")]
    assert tool.asked("gh")[0].startswith("repo list org --limit 100000 --json nameWithOwner")
    text = "repositories: [{github: org, archived: true, ssh: true}]\n"
    assert [each.source for each in fleet(tmp_path, text).repositories()] == [
        "git@github.com:org/a.git",
        "git@github.com:org/old.git",
    ]


def test_a_group_on_gitlab_over_two_pages(tmp_path: Path, tool: Tool) -> None:
    """Pages are asked for until one is not full."""
    one = '{"path_with_namespace": "g/p%d", "http_url_to_repo": "https://gitlab.com/g/p%d.git"}'
    full = "[" + ",".join(one % (n, n) for n in range(100)) + "]"
    rest = "[" + one % (100, 100) + "]"
    script = f'case "$*" in *"--page 1 "*) {printing(full)}\n;; *) {printing(rest)}\n;; esac'
    tool.says("glab", script)
    found = fleet(tmp_path, "repositories: [{gitlab: g}]\n").repositories()
    assert len(found) == 101
    assert len(tool.asked("glab")) == 2
    assert "--include-subgroups" in tool.asked("glab")[0]


def test_an_organisation_on_azure(tmp_path: Path, tool: Tool) -> None:
    """All projects are asked; disabled repositories are left out; a space becomes %20."""
    projects = '{"value": [{"name": "Team One"}, {"name": "two"}]}'
    repositories = """[{"name": "churn", "isDisabled": false,
    "remoteUrl": "https://o@dev.azure.com/o/Team One/_git/churn"},
    {"name": "off", "isDisabled": true, "remoteUrl": "https://dev.azure.com/o/x/_git/off"}]"""
    none = "[]"
    tool.says(
        "az",
        f'case "$*" in *"project list"*) {printing(projects)}\n;;'
        f' *"Team One"*) {printing(repositories)}\n;; *) {printing(none)}\n;; esac',
    )
    found = fleet(tmp_path, "repositories: [{azure: o}]\n").repositories()
    assert [(each.name, each.source) for each in found] == [
        ("Team One/churn", "https://o@dev.azure.com/o/Team%20One/_git/churn")
    ]
    assert "--organization https://dev.azure.com/o" in tool.asked("az")[0]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'HTTP 401: Bad credentials' >&2; exit 1", "gh auth login"),
        ("echo 'error connecting to api.github.com' >&2; exit 1", "no network"),
        ("echo 'API rate limit exceeded' >&2; exit 1", "asked too often"),
        ("echo 'something else' >&2; exit 7", "gh failed: something else"),
        ("exit 7", "exit code 7"),
        ("echo 'no json'", "not JSON"),
        ("echo '{\"value\": 3}'", "not a list"),
        ('echo \'[{"url": "https://x.org/a"}]\'', "no nameWithOwner"),
        ('echo \'[{"nameWithOwner": "a", "url": "ext::sh"}]\'', "is not a URL"),
    ],
)
def test_a_platform_that_does_not_answer_costs_only_its_list(
    tmp_path: Path, tool: Tool, script: str, message: str
) -> None:
    """One clear line; the other repositories are listed."""
    tool.says("gh", script)
    listing = fleet(tmp_path, "repositories: [{github: org}, ./a]\n").listing()
    assert [each.name for each in listing.targets] == ["a"]
    assert len(listing.problems) == 1
    assert message in listing.problems[0]
    assert "\n" not in listing.problems[0]


def test_a_command_that_is_missing(tmp_path: Path, tool: Tool) -> None:
    for kind, name in (("github", "gh"), ("gitlab", "glab"), ("azure", "az")):
        with pytest.raises(ListingError, match=f"the command {name} is not installed"):
            fleet(tmp_path, f"repositories: [{{{kind}: o}}]\n").repositories()


def test_a_source_module_of_all_repos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings are its own; what it raises is one line."""
    (tmp_path / "played_source.py").write_text(
        "from typing import NamedTuple\n\n\nclass Settings(NamedTuple):\n    org: str\n\n\n"
        "def list_repos(settings):\n    return {f'{settings.org}/a': 'git@host.org:o/a.git'}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "repositories: [{all-repos: {module: played_source, settings: {org: o}}}]\n"
    assert [each.name for each in fleet(tmp_path, text).repositories()] == ["o/a"]
    for wrong, message in (
        (text.replace("org: o", "user: o"), "TypeError"),
        (text.replace("played_source", "all_repos_none.source"), "cannot be imported"),
    ):
        with pytest.raises(ListingError, match=message):
            fleet(tmp_path, wrong).repositories()


def test_a_name_with_control_signs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[31m").mkdir()
    (tmp_path / "ab").mkdir()
    settings = fleet(tmp_path, "repositories: [{glob: 'a*'}]\n").settings
    found, wrong = listed(settings.repositories[0], tmp_path)
    assert [name for name, _ in found] == ["ab"]
    assert wrong == [r"glob: a*: 'a\x1b[31m' is not a name that can be taken"]
