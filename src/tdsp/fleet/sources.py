"""Where the repositories of a fleet are listed: folders, files, and the platforms' command lines.

No platform's interface is called from here: `gh`, `glab` and `az` do, with the sign-in that they
have. What they print is checked like any input.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tdsp.fleet.config import STDIN, AllRepos, Azure, ListingError, Source, is_url, refused

MOST = 100_000
SECONDS = 600
PAGE = 100
Listed = list[tuple[str, str]]
SIGN_IN = {
    "gh": "gh auth login",
    "glab": "glab auth login",
    "az": "az login, az extension add --name azure-devops",
}
NO_ACCESS = re.compile(
    r"\b40[13]\b|unauthori[sz]ed|bad credentials|auth login|az login|please run|TF400813"
    r"|(token|session|credentials?)\b.{0,40}\b(expired|invalid|revoked)",
    re.IGNORECASE,
)
NO_NETWORK = re.compile(
    r"could not resolve|no such host|network is unreachable|connection (refused|reset|aborted)"
    r"|dial tcp|timed? ?out|error connecting|max retries|name resolution|getaddrinfo",
    re.IGNORECASE,
)
LIMITED = re.compile(r"rate limit|\b429\b|too many requests", re.IGNORECASE)


def listed(source: Source, folder: Path) -> tuple[Listed, list[str]]:
    """Return (name, path or URL) of each repository, and a line for each that is not taken.

    Raises ListingError, one line, when the list cannot be had.
    """
    found, wrong = [], []
    for name, address in _found(source, folder):
        if not name or not name.isprintable():
            wrong.append(f"{source}: {name!a} is not a name that can be taken")
        elif is_url(address) and (why := refused(address)):
            wrong.append(f"{source}: {name}: {why}")
        else:
            found.append((source.name or f"{source.prefix}{name}", address))
        if len(found) > MOST:
            raise ListingError(f"{source}: more than {MOST:,} repositories")
    return found, wrong


def _found(source: Source, folder: Path) -> Iterator[tuple[str, str]]:
    if source.path is not None:
        yield _folder(source.path, folder)
    elif source.glob is not None:
        yield from _globbed(source.glob, folder)
    elif source.url is not None:
        yield _name(source.url), source.url
    elif source.file is not None:
        yield from _lines(source.file, folder)
    elif source.github is not None:
        yield from _github(source.github, source)
    elif source.gitlab is not None:
        yield from _gitlab(source.gitlab, source)
    elif source.azure is not None:
        yield from _azure(source.azure, source)
    elif source.all_repos is not None:
        yield from _all_repos(source.all_repos)


def _folder(text: str, folder: Path) -> tuple[str, str]:
    path = Path(os.path.abspath(folder / Path(text).expanduser()))  # noqa: PTH100  follows no link
    return path.name.removesuffix(".git") or path.name, str(path)


def _globbed(pattern: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the folders that fit, named from where the pattern starts to vary."""
    whole = os.path.join(folder, Path(pattern).expanduser())  # noqa: PTH118
    parts = Path(whole).parts
    first = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    base = Path(os.path.abspath(Path(*parts[:first])))  # noqa: PTH100
    found = [Path(os.path.abspath(each)) for each in glob.iglob(whole, recursive=True)]  # noqa: PTH100, PTH207
    folders = sorted(path for path in found if path.is_dir() and path.name != ".git")
    if not folders:
        raise ListingError(f"glob: {pattern}: no folder fits, seen from {folder}")
    for path in folders:
        yield path.relative_to(base).as_posix().removesuffix(".git"), str(path)


def _name(url: str) -> str:
    """Return the path of a URL, as platforms name a repository: `owner/name`."""
    rest = url.partition("://")[2].partition("/")[2] if "://" in url else url.partition(":")[2]
    name = rest.strip("/").removesuffix(".git").replace("/_git/", "/")
    return name.rsplit("/", 1)[-1] if url.startswith("file:") else name


def _lines(text: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what the lines of a file, or of standard input, name; `#` starts a comment."""
    if text == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise ListingError("file: -: nothing was piped into standard input")
        content, origin = sys.stdin.read(), folder
    else:
        path = folder / Path(text).expanduser()
        try:
            content, origin = path.read_text(encoding="utf-8"), path.parent
        except (OSError, UnicodeDecodeError) as error:
            raise ListingError(f"file: {path} cannot be read: {error}") from error
    for line in content.splitlines():
        bare = re.sub(r"(^|\s)#.*", "", line).strip()
        if bare and is_url(bare):
            yield _name(bare), bare
        elif bare:
            yield _folder(bare, origin)


def _github(organization: str, source: Source) -> Iterator[tuple[str, str]]:
    fields = "nameWithOwner,url,sshUrl,isArchived"
    words = ["repo", "list", organization, "--limit", str(MOST), "--json", fields]
    for each in _objects("gh", words, source):
        if source.archived or not each.get("isArchived"):
            yield _pair(each, "nameWithOwner", "sshUrl" if source.ssh else "url", source)


def _gitlab(group: str, source: Source) -> Iterator[tuple[str, str]]:
    for page in range(1, MOST // PAGE + 2):
        words = ["repo", "list", "--all", "--group", group, "--include-subgroups"]
        pages = ["--per-page", str(PAGE), "--page", str(page), "--output", "json"]
        found = _objects("glab", [*words, *pages], source)
        for each in found:
            if source.archived or not each.get("archived"):
                key = "ssh_url_to_repo" if source.ssh else "http_url_to_repo"
                yield _pair(each, "path_with_namespace", key, source)
        if len(found) < PAGE:
            return


def _azure(asked: Azure, source: Source) -> Iterator[tuple[str, str]]:
    place = ["--organization", asked.organization, "--output", "json"]
    projects = list(asked.projects)
    if not projects:
        words = ["devops", "project", "list", "--top", str(MOST), *place]
        projects = [_text(each, "name", source) for each in _objects("az", words, source)]
    for project in projects:
        for each in _objects("az", ["repos", "list", "--project", project, *place], source):
            if source.archived or not each.get("isDisabled"):
                name, address = _pair(each, "name", "sshUrl" if source.ssh else "remoteUrl", source)
                yield f"{project}/{name}", address.replace(" ", "%20")


def _pair(each: dict[str, Any], name: str, address: str, source: Source) -> tuple[str, str]:
    return _text(each, name, source), _text(each, address, source)


def _text(each: dict[str, Any], key: str, source: Source) -> str:
    value = each.get(key)
    if not isinstance(value, str) or not value:
        raise ListingError(f"{source}: the answer has no {key}")
    return value


def _objects(command: str, words: list[str], source: Source) -> list[dict[str, Any]]:
    """Return the objects that a command line prints as JSON."""
    printed = _run(command, words, source)
    try:
        answer = json.loads(printed or "[]")
    except (ValueError, RecursionError) as error:
        raise ListingError(f"{source}: {command} printed something that is not JSON") from error
    if isinstance(answer, dict):
        answer = answer.get("value")
    if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
        raise ListingError(f"{source}: {command} printed JSON that is not a list of repositories")
    return answer


def _run(command: str, words: list[str], source: Source) -> str:
    path = shutil.which(command)
    if path is None:
        raise ListingError(f"{source}: the command {command} is not installed")
    try:
        done = subprocess.run(
            [path, *words], capture_output=True, timeout=SECONDS, check=False,
            stdin=subprocess.DEVNULL, env=os.environ | {"NO_COLOR": "1", "GH_PROMPT_DISABLED": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ListingError(f"{source}: {command} gave no answer in {SECONDS} s") from None
    except OSError as error:
        raise ListingError(f"{source}: {command} cannot be run: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")
        raise ListingError(f"{source}: {_cause(command, said, done.returncode)}")
    return done.stdout.decode("utf-8", "replace")


def _cause(command: str, said: str, code: int) -> str:
    """Return one line on why a platform's command line failed."""
    first = next((line.strip() for line in said.splitlines() if line.strip()), f"exit code {code}")
    detail = "".join(sign if sign.isprintable() else " " for sign in first)[:200]
    if LIMITED.search(said):
        return f"{command} has asked too often; wait, then start again ({detail})"
    if NO_NETWORK.search(said):
        return f"{command} cannot reach its platform: no network? ({detail})"
    if NO_ACCESS.search(said):
        return (
            f"{command} is not signed in, or its token has expired: {SIGN_IN[command]} ({detail})"
        )
    return f"{command} failed: {detail}"


def _all_repos(asked: AllRepos) -> Iterator[tuple[str, str]]:
    """Ask a source module of all-repos, which is an optional package."""
    import importlib

    try:
        module = importlib.import_module(asked.module)
    except ImportError as error:
        raise ListingError(
            f"all-repos: {asked.module} cannot be imported ({error}):"
            " `uv tool install tdsp --with all-repos`"
        ) from error
    try:
        found = module.list_repos(module.Settings(**asked.settings))
    except Exception as error:  # somebody else's module; it must not cost the other lists
        raise ListingError(f"all-repos: {asked.module}: {type(error).__name__}: {error}") from error
    if not isinstance(found, dict):
        raise ListingError(f"all-repos: {asked.module} gave no names with addresses")
    yield from ((str(name), str(address)) for name, address in found.items())
