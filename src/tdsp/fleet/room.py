"""A working folder for one repository: a clone without hooks, filters and links.

Two kinds of git run here. What talks to a remote has the caller's sign-in (`run_git`). What works
on files has an empty configuration and a clean environment (`Room.git`), so that neither the
repository nor the caller's settings make it run or follow anything.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tdsp.errors import TdspError
from tdsp.fleet.fetch import cause, run_git

SETTINGS = """\
[core]
\thooksPath = /dev/null
\tattributesFile = /dev/null
\tsymlinks = false
\tautocrlf = false
[init]
\ttemplateDir =
\tdefaultBranch = main
[commit]
\tgpgSign = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[safe]
\tdirectory = *
[user]
\tname = tdsp
\temail = tdsp@localhost
"""
LITTLE = 1_000_000  # bytes with which no repository can be updated
REMOTE = "refs/remotes/origin/base"


class RepositoryError(Exception):
    """One repository cannot go on; the message is the reason, in one line."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What a remote has: its default branch, the commit of it, and that of our branch."""

    onto: str
    head: str
    tip: str


def look(url: str, branch: str, seconds: int, folder: Path) -> Remote:
    """Ask a remote for its default branch and for ours."""
    words = ["ls-remote", "--symref", "--", url, "HEAD", f"refs/heads/{branch}"]
    said = remote_git(folder, words, seconds)
    pairs = (line.partition("\t") for line in said.splitlines())
    found = {name: commit for commit, _, name in pairs}
    pattern = r"^ref: refs/heads/(\S+)\tHEAD$"
    onto = re.search(pattern, said, re.MULTILINE)
    head = re.search(r"^([0-9a-f]{40,64})\tHEAD$", said, re.MULTILINE)
    if onto is None or head is None:
        raise RepositoryError("the repository has no commit yet, or no default branch")
    return Remote(onto[1], head[1], found.get(f"refs/heads/{branch}", ""))


def remote_git(folder: Path, words: list[str], seconds: int) -> str:
    """Run git with the caller's sign-in. Raises TdspError when the disk is full."""
    done = run_git(folder, words, seconds)
    if done is None:
        raise RepositoryError(f"git did not answer within {seconds} seconds, or is not installed")
    if done.returncode:
        stop_when_full(done.stderr, folder)
        raise RepositoryError(_refusal(done.stderr) or cause(done.stderr))
    return done.stdout


def _refusal(said: str) -> str:
    """Return what a server said when it refused a push, "" when it was something else."""
    if "rejected]" not in said:
        return ""
    lines = re.findall(r"^(?:remote: | ! )\s*(.*\S)", said, re.MULTILINE)
    return f"the server refused: {' '.join(lines)}"[:300]


def stop_when_full(said: str, folder: Path) -> None:
    """Raise TdspError when a command failed on a full disk: no repository can go on then.

    git does not always say so, and copier may not either.
    """
    full = re.search("no space left on device|disk quota exceeded", said, re.IGNORECASE)
    if full or free(folder) < LITTLE:
        raise TdspError(
            f"the disk of {folder.parent} is full: make room and run the same command again;"
            " what was done is recorded"
        )


def free(folder: Path) -> int:
    """Return the free bytes where a folder is."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return LITTLE


@dataclass(frozen=True, slots=True)
class Room:
    """The folder; `tree` is the clone."""

    folder: Path
    seconds: int

    @property
    def tree(self) -> Path:
        """Return the folder of the clone."""
        return self.folder / "tree"

    @classmethod
    def new(cls, work: Path, name: str, seconds: int) -> "Room":
        """Make an empty folder of its own, so that what a killed run left cannot disturb."""
        plain = re.sub(r"[^A-Za-z0-9-]+", "-", name)[:40].strip("-") or "repository"
        try:
            work.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{plain}-", dir=work))
            (folder / "home").mkdir()
            (folder / "home" / "settings").write_text(SETTINGS, encoding="utf-8")
            (folder / "home" / "copier.yml").write_text("{}\n", encoding="utf-8")
        except OSError as error:
            stop_when_full(str(error), work)
            raise TdspError(f"{work}: {error.strerror}") from error
        return cls(folder, seconds)

    def clone(self, url: str, onto: str) -> str:
        """Bring the newest commit of a branch here; return it. Nothing is checked out."""
        start = ["init", "--quiet", "--template=", "--initial-branch=start", str(self.tree)]
        remote_git(self.folder, start, 60)
        refspec = f"+refs/heads/{onto}:{REMOTE}"
        words = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head"]
        self.git("config", "remote.origin.url", url)
        remote_git(self.tree, [*words, "--no-recurse-submodules", "origin", refspec], self.seconds)
        return self.git("rev-parse", "--verify", f"{REMOTE}^{{commit}}").strip()

    def deepen(self) -> None:
        """Bring the history here, without the files' contents. Nothing is lost when it fails."""
        words = ["fetch", "--quiet", "--unshallow", "--filter=blob:none", "--no-tags", "origin"]
        with suppress(RepositoryError):
            remote_git(self.tree, words, self.seconds)

    def environment(self) -> dict[str, str]:
        """Return an environment without the caller's tokens and settings."""
        home = self.folder / "home"
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home),
            "TMPDIR": os.environ.get("TMPDIR", tempfile.gettempdir()),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": str(home / "settings"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": "file",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "COPIER_SETTINGS_PATH": str(home / "copier.yml"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def raw(self, *words: str, text: str = "", extra: dict[str, str] | None = None) -> bytes:
        """Run git on the files. Raises RepositoryError with what it said."""
        code, out, said = run(
            ["git", *words],
            self.tree,
            self.environment() | (extra or {}),
            self.seconds,
            text.encode(),
        )
        if code:
            stop_when_full(said, self.folder)
            raise RepositoryError(cause(said))
        return out

    def git(self, *words: str, text: str = "", extra: dict[str, str] | None = None) -> str:
        """Run git on the files; return what it prints as text."""
        return os.fsdecode(self.raw(*words, text=text, extra=extra))

    def names(self, *words: str) -> list[str]:
        """Run git; return what it prints between NUL bytes."""
        return [name for name in self.git(*words).split("\0") if name]

    def blob(self, name: str) -> bytes | None:
        """Return a blob such as `COMMIT:path`, None where there is none."""
        try:
            return self.raw("cat-file", "blob", name)
        except RepositoryError:
            return None

    def empty(self) -> None:
        """Remove the checked out files; the commits stay."""
        for path in self.tree.iterdir():
            if path.name == ".git":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def run(
    command: list[str], folder: Path, environment: dict[str, str], seconds: int, given: bytes = b""
) -> tuple[int, bytes, str]:
    """Run a command in its own group; return code, output, errors. All of it ends in time."""
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except OSError as error:
        return 127, b"", f"{command[0]}: {error.strerror}"
    try:
        out, said = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        end(process)
        return 124, b"", f"{Path(command[0]).name} was not done within {seconds} seconds"
    except BaseException:
        end(process)
        raise
    return process.returncode, out, said.decode("utf-8", errors="replace")


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a command with all that it started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.communicate()
