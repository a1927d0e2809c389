"""Live in a generated project: a warm environment, its commands, its files."""

import functools
import hashlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock
from scripts import lock
from tests.conftest import ROOT, git

BIN = "Scripts" if os.name == "nt" else "bin"
UV = Path(sys.executable).parent / "uv"
TDSP = (sys.executable, "-m", "tdsp")
ALONE = ROOT / "benchmarks/child_pipeline.py"
VERSIONS = ("3.11", "3.12", "3.13")
OURS = ("VIRTUAL_ENV", "PYTHONPATH", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT")
OURS += ("PYTHONDONTWRITEBYTECODE",)  # without bytecode each process compiles its libraries

Done = subprocess.CompletedProcess[str]


def lock_of(template: Path, cloud: str = "none") -> Path:
    """The lock file that a project with this cloud gets from a template."""
    text = lock.locked(template, cloud)
    place = ROOT / f"build/lock-{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as file:
            file.write(text)
        Path(file.name).replace(place)
    return place


def clean(**more: str) -> dict[str, str]:
    """The process environment without traces of the repository's own Python, and with more."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1", "COLUMNS": "200", **more}


def run(*command: object, cwd: Path, env: Mapping[str, str], ok: bool = True) -> Done:
    """Run a command; unless `ok` is false, raise AssertionError with its output when it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return judged(done, ok)


def judged(done: Done, ok: bool) -> Done:
    """Raise AssertionError with the output of a command that failed and may not."""
    told = f"{' '.join(done.args)}: exit {done.returncode}"
    assert done.returncode == 0 or not ok, f"{told}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done


def uv(*arguments: object, cwd: Path = ROOT, **more: str) -> Done:
    return run(UV, *arguments, cwd=cwd, env=clean(**more))


def python_version(command: object) -> str:
    """The version, such as 3.12, that an interpreter gives; empty when it does not start."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        return subprocess.run(
            [str(command), "-c", code], capture_output=True, text=True, check=False, cwd=Path.home()
        ).stdout.strip()
    except OSError:
        return ""


@functools.cache
def find_python(version: str) -> str | None:
    """An interpreter of a version: ours, on PATH, one that uv knows, one of pyenv's; or None."""
    found = subprocess.run(
        [UV, "python", "find", "--no-project", "--offline", version],
        env=clean(), cwd=Path.home(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [sys.executable, shutil.which(f"python{version}"), found.stdout.strip()]
    places += sorted(map(str, pyenv.glob(f"{version}.*/bin/python")))
    return next((p for p in places if p and python_version(p) == version), None)


FOUND = [version for version in VERSIONS if find_python(version)]


@functools.cache
def environment(version: str, cloud: str = "none") -> Path:
    """A virtual environment with all that the lock has, kept between runs."""
    locked = lock_of(lock.LOCK, cloud)
    digest = hashlib.sha256(locked.read_bytes()).hexdigest()[:12]
    target = ROOT / "build" / f"test-env-{digest}-{version}"
    with made_once(target) as missing:
        if missing:
            uv("venv", "--quiet", "--clear", "--python", find_python(version), target)
            uv("pip", "install", "--quiet", "--require-hashes", "--python", target, "-r", locked)
    return target


@contextmanager
def twin(warm: Path) -> Iterator[Path]:
    """An environment to install into: the files of another one by hard links, its own scripts."""
    target = Path(tempfile.mkdtemp(prefix=f"{warm.name}+", dir=warm.parent))
    try:
        shutil.copytree(warm, target, symlinks=True, copy_function=os.link, dirs_exist_ok=True)
        for script in (target / BIN).iterdir():
            content = script.read_bytes()
            if content.startswith(f"#!{warm}/".encode()):
                script.unlink()  # not written through the link
                script.write_bytes(content.replace(str(warm).encode(), str(target).encode(), 1))
                script.chmod(0o755)
        yield target
    finally:
        shutil.rmtree(target)


@contextmanager
def made_once(target: Path) -> Iterator[bool]:
    """Tell whether `target` has to be made; one process at a time asks, and makes it."""
    target.parent.mkdir(exist_ok=True)
    with FileLock(f"{target}.lock"):
        yield not (target / "ready").exists()
        (target / "ready").touch()


class Fork:
    """A command of a project that runs, or has run, in a fork; as subprocess.Popen has it."""

    def __init__(self, server: "subprocess.Popen[bytes]", order: dict[str, object]) -> None:
        self.server, self.order = server, order
        self.returncode: int | None = None
        assert server.stdin is not None
        server.stdin.write(json.dumps(order).encode() + b"\n")
        self.pid = self._number()

    def _number(self) -> int:
        assert self.server.stdout is not None
        line = self.server.stdout.readline()
        assert line, "the server of forks has ended"
        return int(line)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raise TimeoutExpired when it still runs after so many seconds."""
        if self.returncode is None:
            assert self.server.stdout is not None
            if not select.select([self.server.stdout], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.order["argv"]), timeout or 0)
            self.returncode = self._number()
        return self.returncode


@functools.cache
def forks(environment: Path) -> "subprocess.Popen[bytes]":
    """The process that forks for the commands of an environment; it ends with this one."""
    return subprocess.Popen(
        [environment / BIN / "python", Path(__file__).with_name("forkserver.py")],
        env=clean(VIRTUAL_ENV=str(environment)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        bufsize=0,  # else `select` overlooks an answer that has been read ahead
    )  # fmt: skip


@dataclass(frozen=True)
class Project:
    """A generated project, and the environment in which its commands run."""

    root: Path
    environment: Path
    installed: bool = False

    @property
    def env(self) -> dict[str, str]:
        path = f"{self.environment / BIN}{os.pathsep}{os.environ['PATH']}"
        source = {} if self.installed else {"PYTHONPATH": "src"}
        warm = self.environment.name.partition("+")[0]
        known = self.environment.with_name(f"{warm}.mypy")  # types of libraries
        places = {"VIRTUAL_ENV": str(self.environment), "MYPY_CACHE_DIR": str(known)}
        return clean(PATH=path, **places, **source)

    @property
    def package(self) -> str:
        return str(self.yaml(".copier-answers.yml")["package_name"])

    def run(self, *command: object, ok: bool = True) -> Done:
        program = self.environment / BIN / str(command[0])
        return run(program, *command[1:], cwd=self.root, env=self.env, ok=ok)

    def step(self, *arguments: object, ok: bool = True) -> Done:
        """Run `python -m <package> ARGUMENTS`."""
        return self.python("-m", self.package, *arguments, ok=ok)

    def python(self, *arguments: object, ok: bool = True) -> Done:
        """Run `python ARGUMENTS` (-m or -c) in a process that need not load the libraries."""
        if self.installed or not hasattr(os, "fork"):
            return self.run("python", *arguments, ok=ok)
        with tempfile.TemporaryDirectory() as folder:
            told = [Path(folder) / name for name in ("out", "err")]
            code = self.fork(*arguments, out=told[0], err=told[1]).wait()
            out, err = (path.read_text(encoding="utf-8") for path in told)
        words = ["python", *map(str, arguments)]
        return judged(subprocess.CompletedProcess(words, code, out, err), ok)

    def fork(self, *arguments: object, out: object = os.devnull, err: object = os.devnull) -> Fork:
        """Start `python ARGUMENTS` so; one at a time. What it prints goes to two files."""
        order = {"argv": list(map(str, arguments)), "cwd": str(self.root), "env": self.env}
        return Fork(forks(self.environment), {**order, "out": str(out), "err": str(err)})

    def command(self, stage: str) -> list[str]:
        """What dvc.yaml runs for a stage: `python -m <package>.<module> ...`."""
        return str(self.yaml("dvc.yaml")["stages"][stage]["cmd"]).split()

    def stage(self, *names: str, ok: bool = True) -> Done:
        """Run what dvc.yaml runs for some stages, without DVC, in one process."""
        return self.run("python", ALONE, *names, ok=ok)

    def poe(self, task: str, ok: bool = True) -> Done:
        return self.run("poe", task, ok=ok)

    def repro(self, *arguments: str, ok: bool = True) -> Done:
        return self.run("dvc", "repro", *arguments, ok=ok)

    def score(self, source: Path, output: Path, ok: bool = True) -> Done:
        return self.step("score", "--input", source, "--output", output, ok=ok)

    def commit(self) -> "Project":
        if not (self.root / ".git").exists():
            git(self.root, "init", "-q")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", "as it is")
        return self

    def status(self) -> list[str]:
        """What git would have one commit: paths with their marks."""
        return git(self.root, "status", "--porcelain").splitlines()

    def yaml(self, name: str) -> Any:
        """Read a YAML file, or one in JSON, which is YAML too."""
        return yaml.safe_load((self.root / name).read_text(encoding="utf-8"))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the one place where a text stands in a file."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")

    def set(self, section: str, **values: object) -> None:
        """Change parameters, as an editor would: the other lines stay as they are."""
        text = (self.root / "params.yaml").read_text(encoding="utf-8")
        head, mark, rest = text.partition(f"\n{section}:\n")
        for name, value in values.items():
            rest, count = re.subn(rf"(?m)^  {name}: \S+", f"  {name}: {value}", rest, count=1)
            assert count == 1, f"params.yaml has no {section}.{name}"
        (self.root / "params.yaml").write_text(head + mark + rest, encoding="utf-8", newline="\n")

    def copy(self, target: Path) -> "Project":
        """The same project, with its data, models and history, in another place."""
        shutil.copytree(self.root, target, symlinks=True)
        return Project(target, self.environment)


def stages_run(done: Done) -> list[str]:
    """The stages that `dvc repro` executed, in order."""
    return re.findall(r"Running stage '(\w+)'", done.stdout)
