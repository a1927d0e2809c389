"""Running the scripts of a repository before and after its adoption, to compare what they do.

Each run has a copy of its own, no network, a time limit, and no variable of the caller. Nothing of
this happens without `verify --run`.
"""

import hashlib
import json
import os
import posixpath
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tdsp.adopt.manifest import File, Manifest

VERDICTS = ("same-ok", "same-failure", "improved", "regressed", "interactive", "not run")
NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+(?:[.,:\-/]\d+)*(?:e[+-]?\d+)?")
# A script that does not parse has no line before its frames unless it is started with `python -m`.
FRAMES = re.compile(r"(?m)(?:Traceback \(most recent call last\):\n|^(?=  File \"))(?:[ \t].*\n)*")
MOST_OUTPUT = 200_000
MADE_BY_RUNS = ("__pycache__/", ".pytest_cache/", ".ipynb_checkpoints/")
LOADING = 60.0  # seconds for the import of what runs notebooks
MISSING = re.compile(r"ModuleNotFoundError: No module named '(\w+)")
ALONE = "ImportError: attempted relative import with no known parent package"
# How a script says that it is started: by its path, or as a module with `python -m`.
STARTED = re.compile(r"(?im)^(usage: |try [\"'])(?:python3? -m )?[\w./-]+")
FOLDERS = re.compile(r"[^\s'\"]*/")
WATCHER = """import os, sys
group = int(sys.stdin.readline())
sys.stdin.read()
os.killpg(group, 9)
"""
PATIENT = 4  # times the limit, for a script that was within it before


@dataclass(frozen=True)
class Run:
    """What one run did. `wrote` is path -> (size, hash) of files that it made or changed."""

    code: int | None
    error: str
    output: str
    wrote: dict[str, tuple[int, str]]
    asked: bool = False
    folder: str = ""


@dataclass(frozen=True)
class Verdict:
    """How one script fares after the adoption."""

    path: str
    target: str
    verdict: str
    detail: str
    command: str


@dataclass(frozen=True)
class Bench:
    """How scripts are run: with which Python, how long, in which trees; `root` is the project's."""

    python: str
    seconds: float
    package: str
    before: Path
    after: Path
    root: str = ""


@cache
def isolation() -> tuple[str, ...]:
    """Return the words before a command that take the network away, () where none work."""
    words = ("unshare", "--map-root-user", "--net", "--")
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return ()
    done = subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if done.returncode == 0 else ()


def scripts(done: Manifest) -> list[File]:
    """Return the Python files that are started, not imported."""
    before = f"{done.subdirectory}/" if done.subdirectory else ""
    found = [e for e in done.files if e.kind == "script" and e.path.endswith(".py") and e.target]
    return [e for e in found if e.path.startswith(before) and not _archived(e, before)]


def _archived(file: File, before: str) -> bool:
    """Tell whether somebody has sent a file to the archive."""
    return file.target != file.path and file.target.startswith(f"{before}archive/")


def notebooks(done: Manifest) -> list[File]:
    """Return the notebooks of the project."""
    before = f"{done.subdirectory}/" if done.subdirectory else ""
    found = [each for each in done.files if each.kind == "notebook" and each.target]
    return [e for e in found if e.path.endswith(".ipynb") and e.path.startswith(before)]


@cache
def runs_notebooks(python: str) -> bool:
    """Tell whether a Python has what runs notebooks."""
    words = [python, "-c", "import ipykernel, nbclient, nbformat"]
    with tempfile.TemporaryDirectory(prefix="tdsp-run-") as folder:
        top = Path(folder)
        return ended(words, top, environment(top, top, ""), LOADING)[0] == 0


def unfit(bench: Bench, file: File) -> str:
    """Return why a notebook cannot be run here, "" if it can."""
    try:
        data = json.loads((bench.before / file.path).read_bytes())
        about = data.get("metadata", {})
        words = (about.get("kernelspec", {}).get("language"), about.get("language_info", {}))
        language = words[0] or words[1].get("name") or "python"
    except (OSError, ValueError, AttributeError):
        return "it is no notebook that can be read"
    if language.lower() != "python":
        return f"it is in {language}"
    if not runs_notebooks(bench.python):
        return "this Python has no nbclient with ipykernel: --python names one that has"
    return ""


def compare(bench: Bench, done: Manifest, file: File) -> Verdict:
    """Run one script or notebook in both trees and say whether the outcome is the same."""
    if is_notebook(file.path) and (reason := unfit(bench, file)):
        return Verdict(file.path, file.target, "not run", reason, _shown(file.target, done))
    old = _best(bench, bench.before, file.path, done)
    command = _shown(file.target, done)
    if old.code is None:
        return Verdict(file.path, file.target, "not run", "before: over the time limit", command)
    if old.asked:
        detail = "it asks for input, which nobody gives here"
        return Verdict(file.path, file.target, "interactive", detail, command)
    new = _best(bench, bench.after, file.target, done)
    if new.code is None:  # the limit is no outcome: a busy machine alone may be the reason
        new = _best(replace(bench, seconds=PATIENT * bench.seconds), bench.after, file.target, done)
    verdict, detail = judge(old, new, done)
    alike = verdict == "regressed" and _ends_alike(old, new, done)
    if alike and _differs_from_itself(bench, done, file, old):  # so it cannot be compared
        verdict = "same-failure" if old.code else "same-ok"
        detail = "its results differ from run to run, before as well"
    return Verdict(file.path, file.target, verdict, detail, command)


def _differs_from_itself(bench: Bench, done: Manifest, file: File, old: Run) -> bool:
    for _ in range(2):  # two files of other bytes may have one size by chance
        again = _best(bench, bench.before, file.path, done)
        if _steady(old, again, done):
            return True
        if again.wrote == old.wrote:
            return False
    return False


def _ends_alike(old: Run, new: Run, done: Manifest) -> bool:
    """Tell whether two runs end with one exit code, and with one error."""
    same = _told(old, old.error, done) == _told(new, new.error, done)
    return old.code == new.code and (old.code == 0 or same)


def _without_modules(old: Run, new: Run, done: Manifest) -> str:
    """Judge a failure for want of a module, "" if it is another one.

    One of the repository that is found now is better. Of several that are not installed, another
    one may be the first.
    """
    before, after = MISSING.match(old.error), MISSING.match(new.error)
    own = {part.removesuffix(".py") for each in done.files for part in each.path.split("/")}
    own.add(done.package)
    if new.error.startswith(ALONE) or (after and after[1] in own):
        return ""
    if old.error.startswith(ALONE) or (before and before[1] in own):
        return "improved"
    return "same-failure" if before and after else ""


def judge(old: Run, new: Run, done: Manifest) -> tuple[str, str]:
    """Return a verdict and what it rests on."""
    if new.code is None:
        return "regressed", "after: over the time limit"
    if old.code != 0 and new.code == 0:
        return "improved", f"before: {old.error or f'exit code {old.code}'}"
    if old.code != new.code:
        return "regressed", f"exit code {old.code} became {new.code}: {new.error}"
    if not _ends_alike(old, new, done):
        if verdict := _without_modules(old, new, done):
            return verdict, f"before: {old.error}; now it gets as far as {new.error}"
        return "regressed", f"{old.error} became {new.error}"
    differs = _steady(old, new, done)
    if differs:
        return "regressed", differs
    return ("same-ok", "") if old.code == 0 else ("same-failure", old.error)


def _steady(old: Run, new: Run, done: Manifest) -> str:
    """Return what differs between two runs, "" when nothing does."""
    if _told(old, old.output, done) != _told(new, new.output, done):
        return "it prints something else"
    return _files(old, new, done)


def _told(run: Run, text: str, done: Manifest) -> str:
    """Return what a run says; of a failure without folders, which an edit may have changed."""
    plain = _masked(text, done)
    return FOLDERS.sub("", plain) if run.code else plain


def _files(old: Run, new: Run, done: Manifest) -> str:
    moves = {each.path: each.target for each in done.files if each.target}
    left = dict(new.wrote)
    for path, (size, digest) in sorted(old.wrote.items()):
        names = [name for name in (moves.get(path, path), path) if name in left]
        same = [name for name in left if Path(name).name == Path(path).name]
        if not names and len(same) != 1:
            return f"it no longer writes {path}"
        made = left.pop((names or same)[0])
        if made[1] != digest and made[0] != size:
            return f"it writes other bytes to {path}: {size} became {made[0]}"
    return f"it writes {min(left)}, which it did not" if left else ""


def _masked(text: str, done: Manifest) -> str:
    """Return an output without what may differ: numbers, times, frames, names of what has moved."""
    moves = {each.target: each.path for each in done.files if each.target not in ("", each.path)}
    known = moves | _folders(moves) | _modules(moves)
    for new, old in sorted(known.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(new, old)
    return NUMBER.sub("#", STARTED.sub(r"\1", FRAMES.sub("", text)))


def _folders(moves: Mapping[str, str]) -> dict[str, str]:
    """Return where the files of a folder lay that all come from one other folder."""
    found: dict[str, set[str]] = defaultdict(set)
    for new, old in moves.items():
        found[posixpath.dirname(new)].add(posixpath.dirname(old))
    return {new: min(old) for new, old in found.items() if new and len(old) == 1 and "" not in old}


def _modules(moves: Mapping[str, str]) -> dict[str, str]:
    """Return the names that modules of the package had before."""
    return {
        new.removeprefix("src/").removesuffix(".py").replace("/", "."):
            old.removesuffix(".py").replace("/", ".")
        for new, old in moves.items() if new.startswith("src/") and new.endswith(".py")
    }  # fmt: skip


def _best(bench: Bench, tree: Path, path: str, done: Manifest) -> Run:
    """Run from the project's folder; where that fails and the script's own folder works, there."""
    own = path.rpartition("/")[0]
    root = own if is_notebook(path) else done.subdirectory
    first = _run(bench, tree, path, root)
    if first.code == 0 or first.asked or own == root or first.code is None:
        return first
    second = _run(bench, tree, path, own)
    return second if second.code == 0 else first


def words_of(path: str, package: str, root: str) -> list[str]:
    """Return how a script is started: a module of the package by its name, else by its path."""
    inside = f"{root}/src/{package}/" if root else f"src/{package}/"
    if path.startswith(inside):
        start = len(inside) - len(package) - 1
        return ["-m", path[start:].removesuffix(".py").replace("/", ".")]
    return [path]


def is_notebook(path: str) -> bool:
    """Tell whether a path is that of a notebook."""
    return path.endswith(".ipynb")


def _shown(path: str, done: Manifest) -> str:
    if is_notebook(path):
        return f"jupyter execute {path}"
    return " ".join(["python", *words_of(path, done.package, done.subdirectory)])


def _run(bench: Bench, tree: Path, path: str, folder: str) -> Run:
    with room(tree) as (top, copy):
        here = dict(_listed(copy))
        code, text = start(bench, top, copy, path, folder)
        after = dict(_listed(copy))
        wrote = {p: e for p, e in after.items() if here.get(p) != e and not by_tools(p)}
        kinds = {kind for kind, _ in recorded(top / "record")}
        return Run(code, last(text) if code else "", text, wrote, "input" in kinds, folder)


@contextmanager
def room(tree: Path) -> Iterator[tuple[Path, Path]]:
    """Yield a folder for one run, and the copy of a tree in it; both go afterwards."""
    with tempfile.TemporaryDirectory(prefix="tdsp-run-") as place:
        top = Path(place).resolve()
        copy = top / "tree"
        shutil.copytree(tree, copy, symlinks=True)
        (top / "home").mkdir()
        (top / "watch").mkdir()
        shutil.copyfile(Path(__file__).with_name("recorder.py"), top / "watch/sitecustomize.py")
        yield top, copy


def start(bench: Bench, top: Path, copy: Path, path: str, folder: str) -> tuple[int | None, str]:
    """Run a script from a folder of the copy; return exit code and output, None without an end."""
    words = words_of(path, bench.package, folder) if folder == bench.root else [path]
    words = [str(copy / each) if each == path else each for each in words]
    if is_notebook(path):
        words = [str(top / "notebook.py"), *words]
        shutil.copyfile(Path(__file__).with_name("notebook.py"), words[0])
    env = environment(top, copy, bench.root)
    code, text = ended([bench.python, *words], copy / folder, env, bench.seconds)
    return code, text.replace(str(copy), ".")


def environment(top: Path, copy: Path, root: str) -> dict[str, str]:
    """Return the variables of a run: none of the caller's but those that start a program."""
    kept = {
        n: os.environ[n]
        for n in ("PATH", "LANG", "SYSTEMROOT", "LD_LIBRARY_PATH")
        if n in os.environ
    }
    nowhere = "http://127.0.0.1:9"
    return kept | {
        "HOME": str(top / "home"), "TMPDIR": str(top), "MPLBACKEND": "Agg", "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",  # so that the error is the last line, however a script is run
        "PYTHONPATH": os.pathsep.join([str(top / "watch"), str(copy / root / "src")]),
        "TDSP_RECORD": str(top / "record"), "TDSP_ROOT": str(copy),
        "JUPYTER_RUNTIME_DIR": str(top / "home"),
        "TDSP_BLOCK": "" if isolation() else "1", "http_proxy": nowhere, "https_proxy": nowhere,
    }  # fmt: skip


def ended(
    words: list[str], folder: Path, env: dict[str, str], seconds: float
) -> tuple[int | None, str]:
    """Run a program without network; return exit code and output, None without an end in time.

    With tdsp, however that ends, the program ends as well.
    """
    with _watcher() as watch, subprocess.Popen(
        [*isolation(), *words], cwd=folder, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        watch(process.pid)
        try:
            out, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            out, _ = process.communicate()
            return None, out[:MOST_OUTPUT].decode(errors="replace")
        except BaseException:
            _end(process)
            raise
    return process.returncode, out[:MOST_OUTPUT].decode(errors="replace")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program with all that it started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _watcher() -> Iterator[Callable[[int], None]]:
    """Yield what tells a process beside this one which group of processes it ends after a kill.

    It waits for the end of a pipe that this process alone holds: the system closes that even where
    this process had no time to. It is in a session of its own, so that it outlives this one.
    """
    if sys.platform == "win32":
        yield lambda _: None
        return
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", WATCHER], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as watcher:  # fmt: skip

        def tell(group: int) -> None:
            if watcher.stdin:
                watcher.stdin.write(b"%d\n" % group)
                watcher.stdin.flush()

        try:
            yield tell
        finally:
            watcher.kill()


def _listed(folder: Path) -> Iterator[tuple[str, tuple[int, str]]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield path.relative_to(folder).as_posix(), (path.stat().st_size, digest)


def by_tools(path: str) -> bool:
    return any(each in f"{path}/" for each in MADE_BY_RUNS)


def recorded(log: Path) -> list[tuple[str, str]]:
    """Return what the recorder wrote, in its order: read, write, outside or input, and a path."""
    lines = log.read_bytes().split(b"\0") if log.is_file() else []
    parts = (os.fsdecode(line).partition(" ") for line in lines if line)
    return [(kind, path) for kind, _, path in parts]


def last(text: str) -> str:
    """Return the last line of an output, which names the exception."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else ""
