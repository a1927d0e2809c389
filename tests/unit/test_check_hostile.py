"""Bad input costs one line and that file; nothing of a repository is run."""

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tdsp.check.run import check_folder, check_repository
from tdsp.cli import app
from tdsp.errors import TdspError
from tdsp.reading import read, read_texts
from tdsp.reading.yamls import NODES

runner = CliRunner()


def git(folder: Path, *words: str) -> None:
    known = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *known, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    return tmp_path


def problems(folder: Path) -> dict[str, str]:
    return dict(read(folder).problems)


@pytest.mark.parametrize("name", ["missing", "file", "empty", "bare"])
def test_what_is_no_repository_is_one_line_and_exit_2(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    if name == "file":
        place.write_text("x", encoding="utf-8")
    elif name == "empty":
        place.mkdir()
    elif name == "bare":
        git(tmp_path, "init", "-q", "--bare", str(place))
    result = runner.invoke(app, ["check", str(place)])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_a_repository_with_nothing_in_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(TdspError, match="no files"):
        read(tmp_path)


def test_a_yaml_bomb_costs_only_itself(folder: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (folder / "bomb.yaml").write_text("\n".join(levels), encoding="utf-8")
    (folder / "loop.yaml").write_text("a: &a [*a]\n", encoding="utf-8")
    (folder / "merge.yaml").write_text(
        "\n".join(
            [
                "m0: &m0 {a: 1}",
                *(f"m{n}: &m{n}\n  <<: [{', '.join([f'*m{n - 1}'] * 9)}]" for n in range(1, 12)),
            ]
        ),
        encoding="utf-8",
    )
    (folder / "deep.yaml").write_text("[" * 100_000, encoding="utf-8")
    found = problems(folder)
    assert f"{NODES:,}" in found["bomb.yaml"]
    assert "loop.yaml" in found
    assert "deep.yaml" in found
    assert "a.py" in read(folder).python


def test_large_files_are_not_read(folder: Path) -> None:
    for name, size in (("big.ipynb", 100_000_000), ("big.py", 5_000_000_000)):
        with (folder / name).open("wb") as file:
            file.truncate(size)
    found = problems(folder)
    assert found["big.ipynb"] == "not read: 100 MB, the limit is 30 MB"
    assert found["big.py"].startswith("not read: 5,000 MB")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.py", b"x = " + b"(" * 10_000 + b")" * 10_000),
        ("long.py", b"x = " + b"+".join([b"1"] * 50_000)),
        ("unary.py", b"x = " + b"-" * 20_000 + b"1"),
        ("nul.py", b"x = 1\0"),
        ("latin.py", "# -*- coding: latin-1 -*-\nx = 'ä'\n".encode("latin-1")),
        ("two.py", b"print 'a'\n"),
        ("deep.ipynb", b"[" * 100_000),
        ("list.ipynb", b"[]"),
        ("odd.ipynb", b'{"cells": [1, {"cell_type": "code", "source": {"a": 1}}], "metadata": []}'),
        ("null.ipynb", b'{"cells": null}'),
        ("deep.toml", b"a = " + b"[" * 10_000),
        ("pyproject.toml", b"project = 1\ntool = []\n"),
        (".github/workflows/a.yml", b"jobs: [1, 2]\non: 3\n"),
        (
            ".github/workflows/b.yml",
            b"on: {push: }\njobs: {a: {steps: {x: 1}}, b: 1, c: {steps: [1, null]}}\n",
        ),
        (".gitlab-ci.yml", b"a: {script: {b: 1}, image: [1]}\nb: [1]\n"),
        ("azure-pipelines.yml", b"pool: x\nsteps: [1, {script: [1]}, {task: A, inputs: 3}]\n"),
        ("dvc.yaml", b"stages: 3\n"),
        (".copier-answers.yml", b"- 1\n"),
        ("environment.yml", b"dependencies: {a: 1}\n"),
        ("requirements.txt", b"\xff\xfe==\n;;;\n"),
        ("metrics.json", b'{"auc": {"auc": [1, NaN]}}'),
        ("Dockerfile", b"FROM\nUSER\nCMD"),
        ("expiry.yaml", b"- ends: 9999-99-99\n"),
        ("uv.lock", b"\0\1"),
    ],
)
def test_an_odd_file_breaks_no_check(name: str, content: bytes) -> None:
    repo = read_texts({name: content, "a.py": "x = 1\n"})
    assert not [problem for _, problem in repo.problems if problem.endswith("Error")]
    report = check_repository(repo)
    assert [
        each.reason for each in report.results if each.reason.startswith("the check itself")
    ] == []


def test_links_and_pipes_are_not_followed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.py").write_text("def f(:\n", encoding="utf-8")
    (folder / "loop").symlink_to(folder)
    (folder / "out").symlink_to(outside)
    (folder / "secret.py").symlink_to(outside / "secret.py")
    os.mkfifo(folder / "pipe.py")
    repo = read(folder)
    assert set(repo.python) == {"a.py"}
    assert repo.files["pipe.py"].problem == "not read: not a regular file"


def test_names_that_are_not_utf8(folder: Path) -> None:
    with Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.py")).open("w") as file:
        file.write("def f(:\n")
    (folder / "red\x1b[31m.py").write_text("def f(:\n", encoding="utf-8")
    for form in ("terminal", "json", "sarif", "junit"):
        words = ["--format", form, "--select", "LA05", "--fail-on", "info"]
        result = runner.invoke(app, ["check", str(folder), *words])
        assert result.exit_code == 1, result.output
        assert "caf" in result.stdout
        assert "\x1b[31m" not in result.stdout


def test_a_file_that_may_not_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "b.py").write_text("x = 1\n", encoding="utf-8")
    really = os.open

    def refuse(path: str, *args: int, **named: int) -> int:
        if str(path).endswith("b.py"):
            raise PermissionError(13, "Permission denied")
        return really(path, *args, **named)

    monkeypatch.setattr(os, "open", refuse)
    assert problems(folder) == {"b.py": "not read: Permission denied"}


def test_without_git_the_files_are_read_but_not_those_of_tools(folder: Path) -> None:
    for name in ("node_modules", "env"):
        (folder / name).mkdir()
        (folder / name / "b.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "env" / "pyvenv.cfg").write_text("", encoding="utf-8")
    repo = read(folder)
    assert set(repo.python) == {"a.py"}
    assert repo.git == "not a git repository"


def test_with_git_ignored_files_are_left_out_and_a_subfolder_is_enough(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "b.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "src" / "c.py").write_text("x = 1\n", encoding="utf-8")
    (folder / ".gitignore").write_text("c.py\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "src")
    git(folder, "commit", "-qm", "x")
    repo = read(folder)
    assert set(repo.python) == {"a.py", "src/b.py"}
    assert repo.files["src/b.py"].tracked
    assert repo.files["a.py"].tracked is False
    assert len(repo.commit) == 40
    assert set(read(folder / "src").python) == {"b.py"}


def test_a_clone_without_its_files_says_how_to_read_it(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    git(folder, "clone", "-q", "--no-checkout", ".", "bare-work")
    work = folder / "bare-work"
    result = runner.invoke(app, ["check", str(work)])
    assert result.exit_code == 2
    assert "--commit HEAD" in result.stderr
    assert runner.invoke(app, ["check", str(work), "--commit", "HEAD"]).exit_code == 0
    (folder / "nothing").mkdir()
    assert "no files" in runner.invoke(app, ["check", str(folder / "nothing")]).stderr


def test_a_work_tree_beside_is_read_as_one_of_git(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")
    git(folder, "worktree", "add", "-q", "--detach", "beside")
    repo = read(folder / "beside")
    assert repo.git == ""
    assert set(repo.files) == {"a.py"}
    assert len(repo.commit) == 40


def test_a_submodule_is_not_read_and_is_named(folder: Path) -> None:
    inner = folder / "sub"
    for place in (inner, folder):
        place.mkdir(exist_ok=True)
        git(place, "init", "-q")
        (place / "b.py").write_text("x = 1\n", encoding="utf-8")
        git(place, "add", "b.py", *(["sub"] if place == folder else []))
        git(place, "commit", "-qm", "x")
    assert set(read(folder).python) == {"a.py", "b.py"}
    result = runner.invoke(app, ["check", str(folder)])
    assert "sub  not read: a submodule" in result.stdout
    git(folder, "rm", "-qf", "--cached", "sub")
    assert "a submodule" not in runner.invoke(app, ["check", str(folder)]).stdout


def test_a_folder_without_git_is_told_so(folder: Path) -> None:
    assert "Without git" in runner.invoke(app, ["check", str(folder)]).stdout
    git(folder, "init", "-q")
    assert "Without git" not in runner.invoke(app, ["check", str(folder)]).stdout


class Trap:
    """A pickle of this writes a file when it is opened."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path(self.path).touch, ()  # type: ignore[return-value]


def test_nothing_is_run(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path_factory.mktemp("ran")
    leave = f"from pathlib import Path\nPath({str(ran)!r}, __file__.rsplit('/', 1)[-1]).touch()\n"
    for name in (
        "setup.py",
        "conftest.py",
        "sitecustomize.py",
        "usercustomize.py",
        "noxfile.py",
        "yaml.py",
        "tdsp.py",
    ):
        (folder / name).write_text(leave, encoding="utf-8")
    (folder / "model.pkl").write_bytes(pickle.dumps(Trap(str(ran / "pickle"))))
    (folder / "bad.yaml").write_text(
        f"!!python/object/apply:os.system ['touch {ran}/yaml']\n", encoding="utf-8"
    )
    (folder / "a.ipynb").write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": leave, "outputs": []}]}),
        encoding="utf-8",
    )
    (folder / ".gitattributes").write_text("* filter=evil\n*.py diff=evil\n", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "x")
    script = folder / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {ran}/$1\ncat\n", encoding="utf-8")
    script.chmod(0o755)
    for key in ("filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "core.fsmonitor",
                "core.pager",                "diff.evil.textconv", "core.sshCommand", "core.editor",
                "alias.ls-files", "core.askPass"):  # fmt: skip
        git(folder, "config", key, f"{script} {key}")
    hooks = folder / ".git" / "hooks"
    for hook in (
        "post-index-change",
        "post-checkout",
        "pre-commit",
        "reference-transaction",
        "fsmonitor-watchman",
    ):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {ran}/{hook}\n", encoding="utf-8")
        (hooks / hook).chmod(0o755)
    (folder / "a.py").write_text(
        "x = 2  # changed, so that git would want to look\n", encoding="utf-8"
    )
    # The traps work: git itself falls into the first of them.
    subprocess.run(["git", "status"], cwd=folder, capture_output=True, check=False)
    assert list(ran.iterdir())
    for each in ran.iterdir():
        each.unlink()
    command = [sys.executable, "-m", "tdsp", "check", str(folder), "--verbose"]
    source = str(Path(__file__).parents[2] / "src")
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": source},
        cwd=ran,
    )
    assert result.returncode in (0, 1), result.stderr
    assert "files read, none run" in result.stdout
    assert list(ran.iterdir()) == []
    check_folder(folder)
    assert list(ran.iterdir()) == []


def test_reading_is_linear_in_what_is_nested() -> None:
    def seconds(depth: int) -> float:
        lines = [f"{'  ' * n}if x > {n}:" for n in range(depth)] + [f"{'  ' * depth}y = 1"]
        text = "def f(x):\n" + "\n".join("  " + line for line in lines) + "\n"
        started = time.process_time()
        read_texts({f"m{n}.py": text + f"z = {n}\n" for n in range(60)})
        return time.process_time() - started

    assert seconds(80) < 8 * seconds(20) + 0.2


def test_the_same_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from tdsp.reading import python

    parsed: list[str] = []
    really = python.parse
    monkeypatch.setattr(
        python, "parse", lambda path, text: parsed.append(path) or really(path, text)
    )
    repo = read_texts({"a.py": "x = 1\n", "b/a.py": "x = 1\n"})
    assert parsed == ["a.py"]
    assert repo.python["b/a.py"].path == "b/a.py"
