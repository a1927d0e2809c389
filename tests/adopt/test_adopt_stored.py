"""Large data leave git for DVC: only to a remote that gives them back, and never half."""

import os
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.adopt.hand import FILES, commit, git, make, plan, quiet, small, state

from tdsp.adopt import large, stored
from tdsp.adopt.apply import BRANCH, apply
from tdsp.adopt.gitwork import Git
from tdsp.adopt.pipeline import dvc
from tdsp.adopt.plan import Plan
from tdsp.adopt.planfile import as_yaml, read_plan
from tdsp.adopt.running import Bench, compare, scripts
from tdsp.adopt.tree import read_tree
from tdsp.adopt.undo import undo
from tdsp.adopt.verify import find, trees, verify
from tdsp.errors import TdspError

DATA = {**FILES, ".gitignore": b"*.log\n/cold/*.csv\n", "raw/more.csv": b"c\n3\n"}
TARGETS = {"data.csv": "data/raw/data.csv", ".idea/misc.xml": ""}
EDITS = {"train.py": [(b'"data.csv"', b'"data/raw/data.csv"')]}
KEPT = ("data.csv", "raw/more.csv", "cold/old.csv")


def repository(place: Path) -> Path:
    root: Path = make(place / "repo", DATA)
    (root / "cold").mkdir()
    (root / "cold/old.csv").write_bytes(b"d\n4\n")
    return root


def wanted(root: Path, remote: Path | str) -> Plan:
    made: Plan = plan(root, TARGETS, EDITS)
    return replace(made, large=KEPT, remote=str(remote))


def pulled(root: Path, place: Path) -> Path:
    """Return a clone with the data that DVC brings, as another person would have it."""
    git(root, "clone", "--quiet", "--branch", BRANCH, str(root), str(place))
    words = [dvc(), "pull"]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    place = tmp_path_factory.mktemp("stored")
    root = repository(place)
    before = anywhere(root)
    apply(root, wanted(root, place / "store"), quiet, renderer=small)
    return root, before


def test_data_come_back_in_a_clone(adopted: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    root, _ = adopted
    assert git(root, "status", "--porcelain") == b""
    tracked = set(git(root, "ls-files", "-z").decode().split("\0"))
    places = {"data/raw/data.csv": DATA["data.csv"], "raw/more.csv": DATA["raw/more.csv"],
              "cold/old.csv": b"d\n4\n"}  # fmt: skip
    assert not tracked & places.keys()
    assert {f"{name}.dvc" for name in places} <= tracked
    assert b"data.csv" not in (root / ".gitignore").read_bytes()  # no exception for it
    clone = pulled(root, tmp_path / "clone")
    for name, content in places.items():
        assert (root / name).read_bytes() == (clone / name).read_bytes() == content
    report = (root / "docs/migration/REPORT.md").read_text(encoding="utf-8")
    assert "| data.csv | data/raw/data.csv.dvc |" in report


def test_proof_follows_the_pointers(
    adopted: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    root, _ = adopted
    work = Git(root)
    done = find(work)
    proofs = verify(work, done)
    assert proofs[-1].looked_at == 2
    assert not any(each.problems for each in proofs)
    wrong = [replace(e, blob=e.now[::-1]) if e.fate == "dvc" else e for e in done.files]
    with pytest.raises(TdspError):
        verify(work, replace(done, files=tuple(wrong)))
    other = next(each.blob for each in done.files if each.path == "utils.py")
    wrong = [replace(e, blob=other) if e.path == "data.csv" else e for e in done.files]
    found = verify(work, replace(done, files=tuple(wrong)))[-1].problems
    assert found == ("data/raw/data.csv.dvc names other bytes than data.csv had",)
    before, after = trees(work, done, tmp_path)
    script = scripts(done)[0]
    bench = Bench("python3", 20, "churn", before, after)
    assert compare(bench, done, script).verdict == "same-ok"


def anywhere(root: Path) -> dict[str, object]:
    """Return the state of a repository, wherever it lies."""
    return {name.removeprefix(str(root)): value for name, value in state(root).items()}


@pytest.mark.parametrize("branch", [BRANCH, "main"])
def test_undo_gives_the_files_back(
    adopted: tuple[Path, dict[str, object]], tmp_path: Path, branch: str
) -> None:
    root, before = adopted
    copy = tmp_path / "copy"
    shutil.copytree(root, copy, symlinks=True)
    git(copy, "switch", "--quiet", branch)
    assert (copy / "data/raw/data.csv").is_file()  # git leaves what it ignores
    assert anywhere(copy) != before
    undo(copy)
    assert anywhere(copy) == before


def refused(root: Path, words: str, asked: Plan) -> None:
    before = state(root)
    with pytest.raises(TdspError, match=words):
        apply(root, asked, quiet, renderer=small)
    assert state(root) == before


def test_what_comes_back_is_compared_with_what_git_has(tmp_path: Path) -> None:
    root = repository(tmp_path)
    work = Git(root)
    data = {name: work.tree("HEAD")[name].blob for name in ("data.csv", "raw/more.csv")}
    store = stored.Store(work, wanted(root, tmp_path), "", tmp_path / "scratch", data)
    shutil.copytree(root, store.tree)
    stored._same(store)
    (store.tree / "raw/more.csv").write_bytes(b"c\n4\n")
    with pytest.raises(TdspError, match=r"raw/more\.csv came back from the remote with other"):
        stored._same(store)


def test_remote_that_lost_a_file_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository(tmp_path)
    forget = stored._forget

    def lost(store: stored.Store) -> None:
        forget(store)
        shutil.rmtree(tmp_path / "store")

    monkeypatch.setattr(stored, "_forget", lost)
    refused(root, r"`dvc pull` failed.*stay in git", wanted(root, tmp_path / "store"))


@pytest.mark.parametrize("moment", ["add", "push", "pull"])
def test_killed_while_dvc_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    root = repository(tmp_path)
    before = state(root)

    def killed(store: stored.Store, *words: str) -> None:
        (store.project / ".dvc").mkdir(exist_ok=True)
        if words[0] == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(stored.Store, "dvc", killed)
    child = os.fork()
    if child == 0:
        try:
            apply(root, wanted(root, tmp_path / "store"), quiet, renderer=small)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert state(root) == before


def test_without_a_remote_the_data_stay_and_the_plan_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository(tmp_path)
    monkeypatch.setattr(large, "FILE", 3)
    items = tuple(
        replace(e, kind="raw data") if e.path.endswith(".csv") else e
        for e in plan(root, TARGETS, EDITS).items
    )
    made = replace(plan(root, TARGETS, EDITS), items=items)
    offered = large.with_data(made, read_tree(root), "")
    assert set(offered.large) == set(KEPT) and not offered.remote
    assert "--dvc REMOTE" in large.offer(offered)
    asked = large.with_data(made, read_tree(root), str(tmp_path / "store"))
    assert "3 large data file(s)" in large.offer(asked) and str(tmp_path) in large.offer(asked)
    (tmp_path / "plan.yaml").write_text(as_yaml(asked), encoding="utf-8")
    assert read_plan(tmp_path / "plan.yaml", read_tree(root)) == asked
    apply(root, offered, quiet, renderer=small)
    assert git(root, "ls-files", "data/raw/data.csv") and not git(root, "ls-files", "*.dvc")


def test_many_small_files_of_a_large_folder_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "repo", {"a/1.csv": b"1234", "a/2.csv": b"1234", "b/3.csv": b"1234"})
    items = tuple(replace(e, kind="raw data") for e in plan(root, {}, {}).items)
    for name, size in (("FILE", 100), ("FOLDER", 8), ("PART", 3)):
        monkeypatch.setattr(large, name, size)
    found = large.with_data(replace(plan(root, {}, {}), items=items), read_tree(root), "")
    assert found.large == ("a/1.csv", "a/2.csv")


@pytest.mark.parametrize(
    ("remote", "words"),
    [
        ("https://me:secret@host/x", "has a password"),
        ("{root}/inside", "inside of the repository"),
        ("{root}/../no/such/place", "does not exist"),
        ("{root}/../file", "is a file"),
        ("backup", r"has no remote backup: name a folder"),
    ],
)
def test_place_that_cannot_be_a_remote(tmp_path: Path, remote: str, words: str) -> None:
    root = repository(tmp_path)
    (tmp_path / "file").touch()
    refused(root, words, wanted(root, remote.format(root=root)))


def test_file_that_is_not_as_planned(tmp_path: Path) -> None:
    root = repository(tmp_path)
    asked = wanted(root, tmp_path / "store")
    refused(root, r"gone\.csv is no file here", replace(asked, large=("gone.csv",)))
    refused(root, r"train\.py is a link, edited", replace(asked, large=("train.py",)))
    (root / ".gitattributes").write_bytes(b"*.csv eol=crlf text\n")
    commit(root, "line ends")
    (root / "raw/more.csv").unlink()
    git(root, "checkout", "--", "raw/more.csv")
    refused(root, "other bytes on disk than in git", wanted(root, tmp_path / "store"))


def test_remote_of_the_repository_is_taken_by_its_name(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / ".dvc").mkdir()
    settings = b"[core]\n    remote = team\n['remote \"team\"']\n    url = ../../team-store\n"
    (root / ".dvc/config").write_bytes(settings)
    commit(root, "dvc")
    refused(root, r"has a default remote: `--dvc team`", wanted(root, tmp_path / "store"))
    apply(root, wanted(root, "team"), quiet, renderer=small)
    assert (root / ".dvc/config").read_bytes() == settings
    assert any((tmp_path / "team-store").rglob("*"))
    clone = pulled(root, tmp_path / "clone")
    assert (clone / "data/raw/data.csv").read_bytes() == DATA["data.csv"]


def test_project_in_a_folder_has_dvc_there(tmp_path: Path) -> None:
    files = {"other/a.py": b"1\n", "own/raw/more.csv": b"c\n3\n", "own/b.py": b"print(1)\n"}
    root = make(tmp_path / "repo", files)
    asked = replace(plan(root, {}, {}, 1), subdirectory="own", large=("own/raw/more.csv",),
                    remote=str(tmp_path / "store"))  # fmt: skip
    apply(root, asked, quiet, renderer=small)
    assert yaml.safe_load((root / "own/raw/more.csv.dvc").read_bytes())["outs"][0]["size"] == 4
    assert not (root / ".dvc").exists() and (root / "own/.dvc/config").is_file()
    refused_path = replace(asked, large=("other/a.py",))
    with pytest.raises(TdspError, match="outside of own"):
        stored.check(Git(root), refused_path, Git(root).tree("HEAD"))
