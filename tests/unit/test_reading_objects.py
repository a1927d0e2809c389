"""A commit read out of git's objects: the facts of a clean checkout, whatever the clone lacks."""

import dataclasses
import hashlib
import os
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import git
from typer.testing import CliRunner

from tdsp.cli import app
from tdsp.errors import TdspError
from tdsp.reading import Repository, files, read, read_git
from tdsp.reading.objects import ABSENT, DAMAGED

runner = CliRunner()
TEXTS = {
    "train.py": "import pandas as pd\nframe = pd.read_csv('a.csv')\n",
    "src/pkg/a.py": "x = 1\n",
    "b/a.py": "x = 1\n",
    "dvc.yaml": "stages:\n  a:\n    cmd: python train.py\n",
    ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    steps:\n      - run: pytest\n",
    "requirements.txt": "pandas==2.0\nnumpy==1.0\n",
    "pyproject.toml": '[project]\nname = "a"\ndependencies = ["pandas"]\n',
    "Dockerfile": "FROM python:3.12\n",
    "bad.yaml": "a: [\n",
    "note.ipynb": '{"cells": [{"cell_type": "code", "source": "x = 1", "outputs": []}]}',
}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean checkout with all kinds of entries."""
    folder = tmp_path_factory.mktemp("work")
    for path, text in TEXTS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    (folder / "model.pkl").write_bytes(b"\x80\x04K\x01.")
    (folder / "large.onnx").write_bytes(b"onnx" + os.urandom(1_500_000))
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "big.py").write_bytes(b"#" * (files.TEXT_LIMIT + 1))
    (folder / "link.py").symlink_to("/etc/passwd")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.py")).write_text("y = 2\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    other = f"160000,{'1' * 40},sub/module"
    git(folder, "update-index", "--add", "--cacheinfo", other)
    git(folder, "commit", "-qm", "x")
    return folder


@pytest.fixture(scope="module")
def bare(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare") / "a.git"
    git(work, "clone", "-q", "--bare", str(work), str(folder))
    git(folder, "config", "uploadpack.allowFilter", "true")
    return folder


def plain(value: Any) -> Any:
    """Return facts as lists and dictionaries, so that they compare by what they hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"type": type(value).__name__, **named}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


def differing(one: Repository, other: Repository) -> list[str]:
    names = [f.name for f in dataclasses.fields(Repository) if f.name != "root"]
    return [n for n in names if plain(getattr(one, n)) != plain(getattr(other, n))]


def test_a_commit_has_the_facts_of_its_checkout(work: Path, bare: Path) -> None:
    checkout = read(work)
    assert len(checkout.python) == 4
    assert checkout.submodules == ("sub/module",)
    assert checkout.files["big.py"].problem.startswith("not read: 2 MB")
    assert [each.path for each in checkout.models] == ["large.onnx", "model.pkl"]
    for found in (read_git(work), read_git(bare), read_git(bare, "HEAD~0")):
        assert differing(checkout, found) == []
        assert list(found.files) == list(checkout.files)
    assert differing(read(work / "src"), read_git(work / "src")) == []


def test_a_fresh_project_has_the_same_facts(tmp_path: Path) -> None:
    made = runner.invoke(app, ["new", "fresh", "--defaults", "--into", str(tmp_path)])
    assert made.exit_code == 0, made.output
    folder = tmp_path / "fresh"
    checkout, found = read(folder), read_git(folder)
    assert len(found.files) > 50
    assert found.committed is not None
    assert differing(checkout, found) == []


def test_what_is_not_committed_is_not_read(work: Path) -> None:
    (work / "train.py").write_text("def f(:\n", encoding="utf-8")
    (work / "new.py").write_text("x = 1\n", encoding="utf-8")
    try:
        found = read_git(work)
    finally:
        (work / "new.py").unlink()
        (work / "train.py").write_text(TEXTS["train.py"], encoding="utf-8")
    assert "new.py" not in found.files
    assert not found.python["train.py"].problem


def test_a_partial_clone_costs_what_it_lacks_and_fetches_nothing(
    bare: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n", encoding="utf-8")
    script.chmod(0o755)
    blobless, partial = tmp_path / "blobless.git", tmp_path / "partial.git"
    shared = ("clone", "-q", "--bare", "--depth", "1", f"file://{bare}")
    git(tmp_path, *shared, str(blobless), "--filter=blob:none")
    git(tmp_path, *shared, str(partial), "--filter=blob:limit=1m")
    for clone in (blobless, partial):
        git(clone, "config", "remote.origin.uploadpack", str(script))
        git(clone, "config", "core.sshCommand", str(script))
        git(clone, "config", "protocol.file.allow", "always")
    # The trap works: git itself would fetch.
    subprocess.run(
        ["git", "cat-file", "blob", "HEAD:train.py"], cwd=blobless, capture_output=True, check=False
    )
    assert ran.exists()
    ran.unlink()
    whole, without, part = read_git(bare), read_git(blobless), read_git(partial)
    assert set(without.files) == set(whole.files)
    assert without.files["train.py"].problem == ABSENT
    assert not without.python
    assert part.python.keys() == whole.python.keys() - {"big.py"}
    assert {path for path, why in part.problems if why == ABSENT} == {"large.onnx", "big.py"}
    assert not ran.exists()


def loose(folder: Path, header: bytes, content: bytes) -> str:
    """Write an object whose header and content need not agree."""
    name = hashlib.sha1(header + content).hexdigest()  # noqa: S324
    place = folder / "objects" / name[:2]
    place.mkdir(exist_ok=True)
    (place / name[2:]).write_bytes(zlib.compress(header + b"\0" + content))
    return name


def committed(folder: Path, entries: bytes) -> str:
    tree = subprocess.run(
        ["git", "mktree", "-z", "--missing"], cwd=folder, input=entries, capture_output=True,
        check=True,
    ).stdout.decode().strip()  # fmt: skip
    return str(git(folder, "commit-tree", "-m", "x", tree)).strip()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "--bare", "empty.git")
    return tmp_path / "empty.git"


def test_a_false_object_costs_only_itself(empty: Path) -> None:
    huge = loose(empty, b"blob 5000000000", b"x = 1\n")
    short = loose(empty, b"blob 100", b"x = 1\n")
    good = loose(empty, b"blob 6", b"x = 1\n")
    (empty / "objects" / "ab").mkdir()
    (empty / "objects" / "ab" / ("c" * 38)).write_bytes(b"no object")
    names = {
        **dict.fromkeys(("huge.py", "huge.pkl", "huge.bin"), huge),
        **dict.fromkeys(("a.py", "z.py"), good),
        "short.py": short,
        "broken.py": "ab" + "c" * 38,
        "absent.py": "1" * 40,
    }
    lines = "".join(f"100644 blob {blob}\t{name}\0" for name, blob in names.items())
    commit = committed(empty, lines.encode())
    found = read_git(empty, commit)
    assert set(found.python) == {"a.py", "z.py"}
    assert found.files["huge.bin"].size == 5_000_000_000
    assert dict(found.problems) == {
        "huge.py": "not read: 5,000 MB, the limit is 2 MB",
        "short.py": DAMAGED,
        "broken.py": ABSENT,
        "absent.py": ABSENT,
    }


def test_two_hundred_thousand_files_are_counted_and_read(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = loose(empty, b"blob 6", b"x = 1\n")
    inner = "".join(f"100644 blob {good}\tf{n}.bin\0" for n in range(1000)).encode()
    tree = subprocess.run(
        ["git", "mktree", "-z"], cwd=empty, input=inner, capture_output=True, check=True
    ).stdout.decode().strip()  # fmt: skip
    folders = "".join(f"040000 tree {tree}\td{n}\0" for n in range(200)).encode()
    commit = committed(empty, folders + f"100644 blob {good}\ta.py\0".encode())
    git(empty, "update-ref", "refs/heads/many", commit)
    git(empty, "repack", "-adq")
    result = runner.invoke(app, ["check", str(empty), "--commit", commit, "--select", "LA05"])
    assert "1 checks pass" in result.stdout
    assert "200,001 files read, none run" in result.stdout
    monkeypatch.setattr(files, "MAX_FILES", 10_000)
    cut = read_git(empty, "many")
    assert [why for _, why in cut.problems] == ["not read: more than 10,000 files"]
    assert len(cut.files) == 10_001


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("nowhere", "has no commit nowhere"),
        ("--output=x", "is not the name of a commit"),
        ("HEAD\n", "is not the name of a commit"),
        ("HEAD:train.py", "is not the name of a commit"),
        ("", "is not the name of a commit"),
    ],
)
def test_a_reference_that_is_none(reference: str, says: str, work: Path) -> None:
    with pytest.raises(TdspError, match=says):
        read_git(work, reference)


def test_a_folder_without_git_or_without_commits(tmp_path: Path, empty: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(TdspError, match="is not a git repository, so it has no commits"):
        read_git(tmp_path / "plain")
    with pytest.raises(TdspError, match="has no commit HEAD"):
        read_git(empty)
    with pytest.raises(TdspError, match="does not exist"):
        read_git(tmp_path / "missing")
    with pytest.raises(TdspError, match="reads a commit of it"):
        read(empty)


def test_the_command_reads_a_bare_repository_and_a_commit(bare: Path, work: Path) -> None:
    for words in ([str(bare)], [str(work), "--commit", "HEAD"]):
        result = runner.invoke(app, ["check", *words, "--select", "LA05"])
        assert result.exit_code == 0, result.output
        assert "files read, none run" in result.stdout
    result = runner.invoke(app, ["check", str(work), "--commit", "nowhere"])
    assert result.exit_code == 2
    assert "has no commit nowhere" in result.stderr
