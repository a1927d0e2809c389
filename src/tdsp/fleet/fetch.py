"""Brings the newest commit of a repository here: bare, one commit deep, without large files.

Nothing is checked out, so no filter, hook or link of a repository can act. A local folder is read
where it is. What goes wrong costs only its own repository, and is said in one line.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tdsp.fleet.config import Target
from tdsp.reading.files import shown
from tdsp.reading.objects import COMMIT

BRANCH = "refs/heads/fleet"
LIMIT = "blob:limit=1m"
RELEASES = "+refs/tags/v*:refs/tags/v*"
CALM = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "submodule.recurse=false",
    "-c", "fetch.recurseSubmodules=false",
    "-c", "protocol.ext.allow=never",
    "-c", "transfer.bundleURI=false",
    "-c", "http.lowSpeedLimit=1000",
    "-c", "http.lowSpeedTime=60",
    "-c", "core.askPass=",
)  # fmt: skip
# What would point git at another repository. Sign-in and certificates may come by environment.
LEFT_OUT = frozenset(
    f"GIT_{name}"
    for name in (
        "DIR", "WORK_TREE", "INDEX_FILE", "OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES",
        "COMMON_DIR", "NAMESPACE", "PREFIX", "TRACE", "EXEC_PATH", "TEMPLATE_DIR",
    )
)  # fmt: skip
CAUSES = (
    (r"couldn't find remote ref|no matching remote head", "the repository has no commit yet"),
    (r"no space left|disk quota", "the disk is full"),
    (
        r"could not read (username|password)|authentication failed|permission denied"
        r"|(error|HTTP):? 40[13]\b"
        r"|access denied|terminal prompts disabled|host key verification|invalid credentials",
        "no access: it is private, or the sign-in has expired",
    ),
    (
        r"not found|does not exist|(error|HTTP):? 404\b|no such file"
        r"|does not appear to be a git repository",
        "there is no repository at its address: renamed, moved, removed, or private",
    ),
    (r"(error|HTTP):? 429\b|too many requests", "its server asks to wait: too many requests"),
    (r"(error|HTTP):? 5\d\d\b", "its server has an error of its own: try again later"),
    (r"certificate|self.signed", "its server's certificate is not trusted by git here"),
    (
        r"could not resolve|unable to access|connection|timed out|network is unreachable|early eof",
        "its address cannot be reached: no network?",
    ),
)
LATE = "it was not here after"
FINAL = re.compile("|".join(pattern for pattern, _ in CAUSES), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """Where a repository's objects are, and its commit; or the reason why not."""

    target: Target
    folder: Path
    commit: str = ""
    reason: str = ""


def fetch_all(
    targets: list[Target], cache: Path, jobs: int, seconds: int, history: bool = False
) -> Iterator[Fetched]:
    """Fetch repositories in parallel; yield each as it is done.

    With `history` all commits and the release tags are fetched, else the newest commit alone.
    """
    local = [target for target in targets if target.local]
    remote = [target for target in targets if not target.local]
    yield from map(_in_place, local)
    with ThreadPoolExecutor(jobs, "fetch") as pool:
        waiting = [
            pool.submit(_remote, target, cache / "clones", seconds, history) for target in remote
        ]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            for each in waiting:
                each.cancel()


def _in_place(target: Target) -> Fetched:
    folder = Path(target.source)
    try:
        if commit := head(folder):
            return Fetched(target, folder, commit)
        return _asked(target, folder)
    except OSError as error:
        return Fetched(target, folder, reason=error.strerror or type(error).__name__)


def _asked(target: Target, folder: Path) -> Fetched:
    """Ask git for the commit of a local folder, or say why it has none."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "is not there"
        return Fetched(target, folder, reason=f"{shown(str(folder))} {what}")
    bare = (folder / "HEAD").is_file()
    place = [f"--git-dir={folder}"] if bare else [f"--git-dir={folder / '.git'}"]
    if not bare and not (folder / ".git").exists():
        return Fetched(target, folder, reason="it is not a git repository")
    done = run_git(folder, [*place, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"], 60)
    if done is not None and not done.returncode and COMMIT.fullmatch(found := done.stdout.strip()):
        return Fetched(target, folder, found)
    said = done.stderr.strip() if done is not None else ""
    if "not a git repository" in said:
        return Fetched(target, folder, reason="its git folder is damaged")
    return Fetched(target, folder, reason="the repository has no commit yet")


def head(folder: Path) -> str:
    """Return the commit of a local HEAD from its files alone, "" when git has to be asked."""
    place = folder if (folder / "HEAD").is_file() else folder / ".git"
    if place.is_file():
        text = place.read_text(encoding="utf-8", errors="replace").strip()
        if not text.startswith("gitdir: "):
            return ""
        place = folder / text.removeprefix("gitdir: ")
    common = place
    if (place / "commondir").is_file():
        common = place / (place / "commondir").read_text(encoding="utf-8").strip()
    if not (place / "HEAD").is_file():
        return ""
    text = (place / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
    if COMMIT.fullmatch(text):
        return text
    name = text.removeprefix("ref: ")
    if not name.startswith("refs/heads/") or ".." in name:
        return ""
    if (common / name).is_file():
        found = (common / name).read_text(encoding="utf-8", errors="replace").strip()
        return found if COMMIT.fullmatch(found) else ""
    packed = common / "packed-refs"
    if packed.is_file():
        for line in packed.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.endswith(f" {name}") and COMMIT.fullmatch(line.partition(" ")[0]):
                return line.partition(" ")[0]
    return ""


def _remote(target: Target, clones: Path, seconds: int, history: bool) -> Fetched:
    """Clone or update. A clone that an earlier run has broken is made anew, once."""
    key = hashlib.sha256(target.source.encode()).hexdigest()[:24]
    folder = clones / f"{key}.git"
    existed = folder.is_dir()
    reason = _bring(target.source, folder, seconds, history)
    if reason and existed and not reason.startswith(LATE) and not FINAL.search(reason):
        shutil.rmtree(folder, ignore_errors=True)
        reason = _bring(target.source, folder, seconds, history)
    if reason:
        return Fetched(target, folder, reason=cause(reason))
    done = run_git(folder, [f"--git-dir={folder}", "rev-parse", "--verify", BRANCH], 60)
    commit = done.stdout.strip() if done is not None and not done.returncode else ""
    return Fetched(target, folder, commit, "" if commit else "the repository has no commit yet")


def _bring(url: str, folder: Path, seconds: int, history: bool) -> str:
    """Fetch into a bare folder; return what git said when it failed."""
    place = f"--git-dir={folder}"
    try:
        if not (folder / "HEAD").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            words = ["init", "--bare", "--quiet", "--template=", str(folder)]
            started = run_git(folder, words, seconds)
            if started is None or started.returncode:
                return started.stderr if started is not None else "git did not answer"
        run_git(folder, [place, "config", "remote.origin.url", url], seconds)
    except OSError as error:
        return error.strerror or str(error)
    deep = ["--unshallow"] if (folder / "shallow").is_file() else []
    depth = deep if history else ["--depth=1"]
    words = [
        place, "fetch", "--quiet", *depth, f"--filter={LIMIT}", "--no-tags",
        "--no-write-fetch-head", "--no-recurse-submodules", "origin", f"+HEAD:{BRANCH}",
        *([RELEASES] if history else []),
    ]  # fmt: skip
    done = run_git(folder, words, seconds)
    if done is None:
        return f"{LATE} {seconds} seconds, the limit for one repository"
    return "" if not done.returncode else done.stderr or f"git ended with {done.returncode}"


def run_git(
    folder: Path, words: list[str], seconds: int
) -> "subprocess.CompletedProcess[str] | None":
    """Run git without its prompts; None when it is not there or takes too long."""
    kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    kept.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=20")
    calm = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file",
        "GCM_INTERACTIVE": "never",
        "LC_ALL": "C",
    }
    process = None
    try:
        process = subprocess.Popen(
            ["git", *CALM, *words], cwd=folder, env=kept | calm, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        out, said = process.communicate(timeout=seconds)
    except OSError:
        return None
    except subprocess.TimeoutExpired:
        _end(process)
        return None
    return subprocess.CompletedProcess(words, process.returncode, out, said)


def _end(process: "subprocess.Popen[str] | None") -> None:
    """End git with its helpers, which hold the pipes open."""
    if process is not None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, 9)
        else:
            process.kill()
        process.communicate()


def cause(said: str) -> str:
    """Return one line on why git failed."""
    for pattern, cause in CAUSES:
        if re.search(pattern, said, re.IGNORECASE):
            return cause
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith(("fatal:", "error:"))), "")
    text = (first or (lines[-1] if lines else "git failed")).removeprefix("fatal: ")
    return "".join(sign if sign.isprintable() else " " for sign in text)[:200]
