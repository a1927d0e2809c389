"""The Dockerfile: linted, its sources there, and really built and run where the machine can."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from scripts import lock
from tests.conftest import ROOT
from tests.project.living import FOUND, Project, environment, lock_of
from tests.render.engines import with_copier

BUILD = ROOT / "build"
LOCK = lock_of(lock.CONTAINER)
BASE = "docker.io/library/python:3.11-slim-trixie"
RELEASE = "bookworm"  # not the tag's: the one whose own Python is 3.11
DEBIAN = "python3,python3-venv,python-is-python3"
LINT = Path(sys.executable).parent / "hadolint"
CLIENT = """
import json, sys, time
from urllib.request import Request, urlopen
for _ in range(150):
    try:
        urlopen("http://127.0.0.1:8000/health/ready", timeout=2)
        break
    except OSError:
        time.sleep(0.2)
row = json.dumps(json.load(open(sys.argv[1]))[0]).encode()
asked = Request("http://127.0.0.1:8000/predict", row, {"Content-Type": "application/json"})
print(urlopen(asked, timeout=10).read().decode())
"""


@pytest.fixture(scope="module")
def project(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a service, that has run as far as the image needs."""
    root = tmp_path_factory.mktemp("container") / "ml-project"
    made = Project(with_copier(repository, root, {"serving": "online"}), environment(FOUND[0]))
    made.set("train", cv_folds=2, max_iter=20)
    made.set("evaluate", resamples=100)
    made.commit().repro("gate")
    return made


def dockerfile(project: Project) -> str:
    return (project.root / "deploy/container/Dockerfile").read_text(encoding="utf-8")


def test_the_dockerfile_is_linted(project: Project) -> None:
    done = subprocess.run(
        [LINT, "--no-color", project.root / "deploy/container/Dockerfile"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_every_copied_source_is_there_and_let_through(project: Project) -> None:
    sources = [
        source
        for line in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", dockerfile(project))
        for source in line.split()
    ]
    assert len(sources) >= 5
    allowed = re.findall(r"(?m)^!(\S+)$", (project.root / ".dockerignore").read_text("utf-8"))
    for source in sources:
        assert (project.root / source).exists(), source
        assert source.rstrip("/") in allowed, f".dockerignore keeps {source} out"


def test_the_image_is_not_root_and_checks_its_health(project: Project) -> None:
    last = dockerfile(project).split("\nFROM ")[-1]
    assert re.search(r"(?m)^USER [1-9]\d*", last)
    assert "HEALTHCHECK" in last
    assert "curl" not in last
    assert not re.search(r"pip install|apt|gcc", last)


# --- Really built and run --------------------------------------------------------------------


def why_not() -> str:
    """Why this machine cannot build an image; empty if it can."""
    missing = [name for name in ("buildah", "debootstrap", "unshare") if not shutil.which(name)]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: apt install buildah debootstrap)"
    if os.geteuid():
        return "building in a chroot needs root"
    return "" if "3.11" in FOUND else "Python 3.11 is needed to fetch the wheels"


def kept(name: str, make: list[str], target: Path) -> Path:
    """What a command writes to `target`, made once and kept between runs."""
    if not target.exists():
        done = subprocess.run(make, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(target.with_suffix(".part"), ignore_errors=True)
            pytest.skip(f"{name} cannot be fetched here: {(done.stderr or done.stdout)[-300:]}")
        target.with_suffix(".part").rename(target)
    return target


@pytest.mark.container
@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_the_image_is_built_without_a_network_and_serves(project: Project, tmp_path: Path) -> None:
    BUILD.mkdir(exist_ok=True)
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    base, wheels = BUILD / "container-base", BUILD / f"container-wheels-{digest}"
    debootstrap = ["debootstrap", "--variant=minbase", f"--include={DEBIAN}", RELEASE]
    kept("the base", [*debootstrap, str(base.with_suffix(".part"))], base)
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
    download += ["--python-version", "3.11", "--only-binary", ":all:", "--requirement", str(LOCK)]
    kept("the wheels", [*download, "--dest", str(wheels.with_suffix(".part"))], wheels)
    (tmp_path / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n", "utf-8")
    try:
        build(project, base, wheels, tmp_path)
        answer = json.loads(ask(project, tmp_path))
    finally:
        # Every layer is a copy of all files: rm takes seconds where shutil takes minutes.
        call("rm", "-rf", tmp_path / "storage")
    assert answer["model_id"] == project.yaml("reports/gate.json")["model_id"]


def buildah(folder: Path) -> list[str]:
    store = ["--root", str(folder / "storage/root"), "--runroot", str(folder / "storage/run")]
    return ["buildah", *store, "--storage-driver", "vfs"]


def call(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout.strip()


def build(project: Project, base: Path, wheels: Path, folder: Path) -> None:
    tool = buildah(folder)
    scratch = call(*tool, "from", "scratch")
    call(*tool, "add", "--quiet", scratch, base, "/")
    call(*tool, "commit", "--quiet", "--rm", scratch, BASE)
    mounts = [f"--volume={wheels}:/wheels:ro", f"--volume={folder}/pip.conf:/etc/pip.conf:ro"]
    options = ["--pull-never", "--isolation=chroot", "--format=docker", "--tag=service", *mounts]
    file = project.root / "deploy/container/Dockerfile"
    call("unshare", "--net", *tool, "bud", *options, "--file", file, project.root)


def ask(project: Project, folder: Path) -> str:
    """What the service in the image says to the first row of the example."""
    tool = " ".join(buildah(folder))
    (folder / "client.py").write_text(CLIENT, encoding="utf-8")
    container = call(*buildah(folder), "from", "--pull-never", "service")
    image = json.loads(call(*buildah(folder), "inspect", "--type=image", "service"))
    config = image["Docker"]["config"]
    start = " ".join(f"'{word}'" for word in (*config["Entrypoint"], *config["Cmd"]))
    assert config["Healthcheck"]["Test"][0] == "CMD"
    example = project.root / "models/package/example.json"
    script = f"""
    ip link set lo up
    {tool} run --isolation=chroot --user {config["User"]} {container} -- {start} >&2 &
    {sys.executable} {folder}/client.py {example}; status=$?
    kill $!; wait $!
    exit $status
    """
    return call("unshare", "--net", "sh", "-c", script)
