"""Requests on GitHub, GitLab and Azure Repos, by the platforms' own command lines.

`gh`, `glab` and `az` know the sign-in; no token is read or kept here. A request is looked for
before one is made, so that a second run, or one after a kill, finds the first one's.
"""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

from tdsp.errors import TdspError
from tdsp.fleet.room import RepositoryError, run, stop_when_full
from tdsp.reading.files import shown

SECONDS = 120
NAMES = ("auto", "github", "gitlab", "azure", "none")
AZURE_TEXT = 3_900  # Azure takes 4,000 signs
THERE = re.compile(r"already exists|TF401179|another open merge request", re.IGNORECASE)
SIGN_IN = re.compile(
    r"HTTP 401|401 Unauthorized|bad credentials|auth login|az login|not logged in|authentication"
    r" (failed|required)|TF400813|token (was|is|has)( been)? (expired|revoked)|personal access"
    r" token",
    re.IGNORECASE,
)
LIMITED = re.compile(
    r"HTTP 429|too many requests|rate limit|retry[- ]after|TF400733|TF400729", re.IGNORECASE
)
AFTER = re.compile(r"retry[- ]after\D{0,3}(\d+)|retry (?:in|after) (\d+)", re.IGNORECASE)
BAD = {"FAILURE", "ERROR", "CANCELLED", "TIMED_OUT", "ACTION_REQUIRED", "STARTUP_FAILURE"}
GOOD = {"SUCCESS", "NEUTRAL", "SKIPPED"}


class SignInError(TdspError):
    """The sign-in is not valid: no repository can go on."""


class WaitError(Exception):
    """The platform asks to wait; `seconds` is how long, 0 when it does not say."""

    def __init__(self, seconds: int) -> None:
        """Keep the seconds."""
        super().__init__(f"rate limit, {seconds} s")
        self.seconds = seconds


class ThereError(Exception):
    """The platform has a request from this branch already."""


@dataclass(frozen=True, slots=True)
class Request:
    """A pull or merge request. `green` is None while its checks run, or when it has none known."""

    url: str
    state: str
    green: bool | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for."""

    branch: str
    onto: str
    title: str
    body: str
    draft: bool


class Platform(Protocol):
    """What an update needs of a platform."""

    def find(self, branch: str) -> Request | None:
        """Return the request from a branch, an open one before a closed one."""

    def create(self, wish: Wish) -> Request:
        """Make a request. Raises ThereError, WaitError, SignInError or RepositoryError."""

    def close(self, request: Request, why: str) -> None:
        """Close an open request without a merge; its branch stays."""


def call(command: list[str], folder: Path) -> str:
    """Run a platform's command line; return what it prints. It has the caller's environment."""
    if shutil.which(command[0]) is None:
        raise SignInError(
            f"{command[0]} is not installed: install it and sign in, or --platform none"
        )
    calm = {"GH_PROMPT_DISABLED": "1", "GLAB_NO_PROMPT": "1", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    code, out, said = run(command, folder, dict(os.environ) | calm, SECONDS)
    if not code:
        return out.decode("utf-8", errors="replace")
    stop_when_full(said, folder)
    line = shown(" ".join(said.split()))[:300]
    if LIMITED.search(said):
        wait = AFTER.search(said)
        raise WaitError(int(next(filter(None, wait.groups()))) if wait else 0)
    if THERE.search(said):
        raise ThereError(line)
    if SIGN_IN.search(said):
        login = "az login" if command[0] == "az" else f"{command[0]} auth login"
        raise SignInError(f"{command[0]}: {line}; sign in with `{login}`, then run the same again")
    raise RepositoryError(f"{command[0]}: {line or f'ended with {code}'}")


def parsed(text: str, tool: str) -> Any:
    """Read what a command line answers."""
    try:
        return json.loads(text or "[]")
    except ValueError:
        raise RepositoryError(f"{tool} did not answer with JSON: {shown(text[:80])}") from None


def _best(found: list[Request]) -> Request | None:
    rank = {"open": 0, "merged": 1, "closed": 2}
    return min(found, key=lambda each: rank[each.state], default=None)


@dataclass(frozen=True, slots=True)
class GitHub:
    """A repository on GitHub, or on a server of one's own."""

    repository: str
    folder: Path

    def find(self, branch: str) -> Request | None:
        """Look for a request from our branch; one of the same name in a fork is not ours."""
        fields = "number,url,state,isCrossRepository,statusCheckRollup"
        words = ["gh", "pr", "list", "--repo", self.repository, "--head", branch]
        said = call([*words, "--state", "all", "--json", fields], self.folder)
        ours = [each for each in parsed(said, "gh") if not each.get("isCrossRepository")]
        return _best(
            [
                Request(
                    str(each["url"]), str(each["state"]).lower(), _rollup(each["statusCheckRollup"])
                )
                for each in ours
            ]
        )

    def create(self, wish: Wish) -> Request:
        """Make a pull request."""
        words = ["gh", "pr", "create", "--repo", self.repository, "--head", wish.branch]
        # Not by a pipe: gh would take what a killed run had written of it for the whole text.
        words += ["--base", wish.onto, "--title", wish.title, "--body", wish.body]
        said = call([*words, *(["--draft"] if wish.draft else [])], self.folder)
        return Request(_address(said, "gh"), "open", None)

    def close(self, request: Request, why: str) -> None:
        """Close a pull request, and say why."""
        words = ["gh", "pr", "close", _number(request), "--repo", self.repository]
        call([*words, "--comment", why], self.folder)


def _rollup(checks: list[dict[str, Any]] | None) -> bool | None:
    states = [
        str(each.get("conclusion") or each.get("state") or "").upper() for each in checks or []
    ]
    if any(state in BAD for state in states):
        return False
    return True if all(state in GOOD for state in states) else None


@dataclass(frozen=True, slots=True)
class GitLab:
    """A project on GitLab, or on a server of one's own."""

    repository: str
    folder: Path

    def find(self, branch: str) -> Request | None:
        """Look for a merge request from our branch."""
        words = ["glab", "mr", "list", "--repo", self.repository, "--source-branch", branch]
        said = call([*words, "--all", "--output", "json"], self.folder)
        states = {"opened": "open", "locked": "open", "merged": "merged", "closed": "closed"}
        found = [each for each in parsed(said, "glab") if _own(each)]
        best = _best([Request(str(each["web_url"]), states[each["state"]], None) for each in found])
        if best is None or best.state != "open":
            return best
        words = ["glab", "mr", "view", _number(best), "--repo", self.repository, "--output", "json"]
        about = parsed(call(words, self.folder), "glab")
        pipeline = about.get("head_pipeline") or about.get("pipeline") or {}
        status = str(pipeline.get("status", "")).lower()
        green = {"success": True, "skipped": True, "failed": False, "canceled": False}.get(status)
        return Request(best.url, "open", green if pipeline else True)

    def create(self, wish: Wish) -> Request:
        """Make a merge request."""
        words = ["glab", "mr", "create", "--repo", self.repository, "--yes"]
        words += ["--source-branch", wish.branch, "--target-branch", wish.onto]
        words += ["--title", wish.title, "--description", wish.body]
        said = call([*words, *(["--draft"] if wish.draft else [])], self.folder)
        return Request(_address(said, "glab"), "open", None)

    def close(self, request: Request, why: str) -> None:
        """Close a merge request, and say why."""
        number, place = _number(request), ["--repo", self.repository]
        call(["glab", "mr", "close", number, *place], self.folder)
        call(["glab", "mr", "note", number, *place, "--message", why], self.folder)


def _own(request: dict[str, Any]) -> bool:
    return bool(request.get("source_project_id") == request.get("target_project_id"))


@dataclass(frozen=True, slots=True)
class Azure:
    """A repository of Azure Repos."""

    organization: str
    project: str
    repository: str
    folder: Path

    def _words(self, *verb: str) -> list[str]:
        return [
            "az", "repos", "pr", *verb,
            "--organization", self.organization, "--detect", "false", "--output", "json",
        ]  # fmt: skip

    def find(self, branch: str) -> Request | None:
        """Look for a pull request from our branch."""
        words = self._words("list")
        words += ["--project", self.project, "--repository", self.repository]
        said = call([*words, "--source-branch", branch, "--status", "all"], self.folder)
        states = {"active": "open", "completed": "merged", "abandoned": "closed"}
        found = parsed(said, "az")
        best = _best([Request(self._url(each), states[each["status"]], None) for each in found])
        if best is None or best.state != "open":
            return best
        words = self._words("policy", "list")
        policies = parsed(call([*words, "--id", _number(best)], self.folder), "az")
        return Request(best.url, "open", _builds(policies))

    def create(self, wish: Wish) -> Request:
        """Make a pull request. Each line of its text is a word of the command line."""
        words = self._words("create")
        words += ["--project", self.project, "--repository", self.repository]
        words += ["--source-branch", wish.branch, "--target-branch", wish.onto]
        words += ["--title", wish.title, "--draft", "true" if wish.draft else "false"]
        lines = [line or " " for line in wish.body[:AZURE_TEXT].splitlines()]
        made = parsed(call([*words, "--description", *lines], self.folder), "az")
        return Request(self._url(made), "open", None)

    def close(self, request: Request, why: str) -> None:
        """Abandon a pull request. The command line takes no comment for it."""
        words = self._words("update")
        call([*words, "--id", _number(request), "--status", "abandoned"], self.folder)

    def _url(self, request: dict[str, Any]) -> str:
        parts = (quote(self.project), "_git", quote(self.repository), "pullrequest")
        return "/".join((self.organization, *parts, str(int(request["pullRequestId"]))))


def _builds(policies: list[dict[str, Any]]) -> bool | None:
    """Judge the build policies; reviewers and work items are no checks of the code."""
    states = [
        str(each.get("status", "")).lower()
        for each in policies
        if each.get("configuration", {}).get("type", {}).get("displayName") in {"Build", "Status"}
    ]
    if any(state in {"rejected", "broken"} for state in states):
        return False
    return True if all(state in {"approved", "notapplicable"} for state in states) else None


def _address(said: str, tool: str) -> str:
    found = re.findall(r"https?://\S+", said)
    if not found:
        raise RepositoryError(f"{tool} did not say where the request is: {shown(said[:80])}")
    return str(found[-1])


def _number(request: Request) -> str:
    return request.url.rstrip("/").rpartition("/")[2]


def platform_of(url: str, wanted: str, folder: Path) -> Platform | None:
    """Return the platform of a remote, None for one that has no requests.

    Raises RepositoryError for a server whose name does not tell what it is.
    """
    match = re.fullmatch(r"(?:https?://|ssh://)(?:[^@/]+@)?([^/:]+)(?::\d+)?/(.+)", url)
    match = match or re.fullmatch(r"(?:[^@/]+@)([^/:]+):(.+)", url)
    if wanted == "none" or match is None:
        return None
    host, path = match[1].lower(), unquote(match[2]).rstrip("/").removesuffix(".git")
    if wanted == "auto":
        wanted = _kind(host)
    if wanted == "github":
        return GitHub(path if host == "github.com" else f"{host}/{path}", folder)
    if wanted == "gitlab":
        return GitLab(f"https://{match[1]}/{path}", folder)
    if wanted == "azure":
        return _azure(host, path, folder)
    raise RepositoryError(f"{host} is of no platform that is known here: give --platform")


def _kind(host: str) -> str:
    if host in {"dev.azure.com", "ssh.dev.azure.com"} or host.endswith(".visualstudio.com"):
        return "azure"
    return next((name for name in ("github", "gitlab") if name in host), "")


def _azure(host: str, path: str, folder: Path) -> Azure:
    """Read the three forms of an address of Azure Repos."""
    parts = [part for part in path.split("/") if part not in {"_git", "v3", "DefaultCollection"}]
    if host.endswith(".visualstudio.com") and not host.startswith(("vs-ssh", "ssh")):
        parts = [host.split(".")[0], *parts]
    if len(parts) == 2:  # a project's repository of the same name
        parts = [*parts, parts[1]]
    if len(parts) != 3:
        raise RepositoryError(f"{path}: not organisation, project and repository of Azure Repos")
    return Azure(f"https://dev.azure.com/{quote(parts[0])}", parts[1], parts[2], folder)
