"""The few git operations of an adoption, with names as bytes and without anything that runs.

Hooks, filters, the file system monitor and lazy fetches are switched off. Trees and commits are
made in the object store: neither the index nor the work tree takes part.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tdsp.errors import TdspError
from tdsp.reading.git import OFF, environment

LINK, SUBMODULE, PLAIN, RUNS = "120000", "160000", "100644", "100755"
WHO = ("GIT_AUTHOR_", "GIT_COMMITTER_")  # who commits is left to the caller


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree says of one file."""

    mode: str
    blob: str


Tree = dict[str, Entry]


class Git:
    """One repository. `root` is the top of its work tree."""

    def __init__(self, folder: Path) -> None:
        """Find the repository around a folder. Raises TdspError where there is none."""
        self.root = folder
        self._filters: tuple[str, ...] = ()
        found = self.try_run("rev-parse", "--show-toplevel")
        if found is None:
            raise TdspError(
                f"{folder} is not in a git repository with a work tree: `git init`, commit"
                " everything, then try again"
            )
        self.root = Path(os.fsdecode(found.removesuffix(b"\n")))
        self._filters = self._switches()

    def run(self, *words: str, given: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """Return what git prints. Raises TdspError with git's words when it fails."""
        done = self._done(words, given, env)
        if done.returncode:
            said = os.fsdecode(done.stderr).strip().encode("utf-8", "replace").decode()
            raise TdspError(f"git {words[0]} failed: {said or f'exit code {done.returncode}'}")
        return done.stdout

    def try_run(self, *words: str, env: dict[str, str] | None = None) -> bytes | None:
        """Return what git prints, None when it fails."""
        done = self._done(words, b"", env)
        return None if done.returncode else done.stdout

    def _done(
        self,
        words: tuple[str, ...],
        given: bytes,
        env: dict[str, str] | None,
        out: int = subprocess.PIPE,
    ) -> "subprocess.CompletedProcess[bytes]":
        author = {name: value for name, value in os.environ.items() if name.startswith(WHO)}
        try:
            return subprocess.run(
                ["git", *OFF, *self._filters, *words],
                cwd=self.root,
                env=environment() | author | (env or {}),
                input=given,
                stdout=out,
                stderr=subprocess.PIPE,
                check=False,
            )
        except FileNotFoundError as error:
            raise TdspError("git is not installed: without it nothing could be undone") from error

    def _switches(self) -> tuple[str, ...]:
        """Settings that switch every filter off which the configuration knows."""
        listed = self.try_run("config", "--name-only", "-z", "--get-regexp", r"^filter\.") or b""
        names = {os.fsdecode(each).rsplit(".", 1)[0] for each in listed.split(b"\0") if each}
        switches: list[str] = []
        for name in sorted(names):
            for key in ("clean", "smudge", "process"):
                switches += ["-c", f"{name}.{key}="]
            switches += ["-c", f"{name}.required=false"]
        return tuple(switches)

    def text(self, *words: str) -> str:
        """Return one line that git prints, "" when it fails."""
        return os.fsdecode((self.try_run(*words) or b"").removesuffix(b"\n"))

    @property
    def folder(self) -> Path:
        """Return git's own folder of this work tree."""
        return Path(self.text("rev-parse", "--absolute-git-dir"))

    @property
    def index(self) -> Path:
        """Return the file of the index."""
        return self.folder / "index"

    def tree(self, name: str) -> Tree:
        """Return path -> mode and blob of all files of a commit or tree."""
        found: Tree = {}
        for line in self.run("ls-tree", "-r", "-z", "--full-tree", name).split(b"\0"):
            about, _, path = line.partition(b"\t")
            if path:
                mode, _, blob = about.decode().split(" ")
                found[os.fsdecode(path)] = Entry(mode, blob)
        return found

    def missing(self, blobs: Iterable[str]) -> list[str]:
        """Return the blobs that are not on this machine, as in a partial clone."""
        asked = "\n".join(sorted(set(blobs))).encode() + b"\n"
        answers = self.run("cat-file", "--batch-check", given=asked).decode().splitlines()
        return [line.split(" ")[0] for line in answers if line.endswith(" missing")]

    def blob(self, name: str) -> bytes:
        """Return the bytes of a blob."""
        return self.run("cat-file", "blob", name)

    def save(self, name: str, target: Path) -> None:
        """Write the bytes of a blob into a file; they never are in memory as a whole."""
        with target.open("wb") as file:
            done = self._done(("cat-file", "blob", name), b"", None, file.fileno())
        if done.returncode:
            raise TdspError(f"git cat-file failed: {os.fsdecode(done.stderr).strip()}")

    def md5(self, name: str) -> str:
        """Return the checksum that DVC gives to the bytes of a blob."""
        with tempfile.TemporaryDirectory(prefix="tdsp-") as folder:
            self.save(name, Path(folder, "blob"))
            with Path(folder, "blob").open("rb") as file:
                return hashlib.file_digest(
                    file, lambda: hashlib.md5(usedforsecurity=False)
                ).hexdigest()

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """Return blob -> size in bytes."""
        asked = "\n".join(sorted(set(blobs))).encode() + b"\n"
        lines = self.run("cat-file", "--batch-check", given=asked).decode().splitlines()
        parts = (line.split(" ") for line in lines)
        return {each[0]: int(each[2]) for each in parts if len(each) == 3}

    def store(self, content: bytes) -> str:
        """Write a blob into the object store and return its id."""
        return self.run("hash-object", "-w", "--stdin", given=content).decode().strip()

    def write_tree(self, tree: Tree) -> str:
        """Write a tree into the object store and return its id."""
        lines = [
            f"{each.mode} {each.blob}\t".encode() + os.fsencode(path) for path, each in tree.items()
        ]
        with tempfile.TemporaryDirectory(prefix="tdsp-index-", dir=self.folder) as place:
            env = {"GIT_INDEX_FILE": str(Path(place, "index"))}
            self.run("update-index", "-z", "--index-info", given=b"\0".join([*lines, b""]), env=env)
            return self.run("write-tree", env=env).decode().strip()

    def commit(self, tree: Tree, parent: str, message: str) -> str:
        """Write a commit into the object store and return its id; no branch moves."""
        written = self.write_tree(tree)
        words = ("commit-tree", written, "-p", parent)
        return self.run(*words, given=message.encode()).decode().strip()

    def refs(self, changes: Iterable[str]) -> None:
        """Change several refs, all of them or none."""
        lines = ["start", *changes, "prepare", "commit"]
        self.run("update-ref", "--stdin", given="\n".join(lines).encode() + b"\n")

    def ref(self, name: str) -> str:
        """Return the commit of a ref, "" where there is none."""
        return self.text("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")

    def export(self, tree: Tree, target: Path) -> None:
        """Write the files of a tree, byte for byte, in one process of git for all."""
        from tdsp.adopt.tree import Blobs

        with Blobs(self.root) as blobs:
            for path, entry in tree.items():
                if entry.mode == SUBMODULE:
                    continue
                content, place = blobs.read(entry.blob), target / path
                place.parent.mkdir(parents=True, exist_ok=True)
                if entry.mode == LINK:
                    place.symlink_to(os.fsdecode(content))
                else:
                    place.write_bytes(content)
                    place.chmod(0o755 if entry.mode == RUNS else 0o644)

    def filters(self, tree: Tree) -> dict[str, str]:
        """Return path -> the filter that the tree's own .gitattributes give it, such as lfs."""
        with tempfile.TemporaryDirectory(prefix="tdsp-index-", dir=self.folder) as place:
            env = {"GIT_INDEX_FILE": str(Path(place, "index"))}
            self.run("read-tree", self.write_tree(tree), env=env)
            asked = b"".join(os.fsencode(path) + b"\0" for path in tree)
            words = ("check-attr", "--cached", "-z", "--stdin", "filter")
            answer = self.run(*words, given=asked, env=env).split(b"\0")
        found = {}
        for at in range(0, len(answer) - 2, 3):
            if (value := os.fsdecode(answer[at + 2])) not in ("unspecified", "unset", "set"):
                found[os.fsdecode(answer[at])] = value
        return found
