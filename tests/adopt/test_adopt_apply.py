"""`adopt apply` and `adopt undo`: commits, proofs, and the way back from every moment."""

import errno
import os
import resource
import signal
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.adopt.hand import (
    EDITS,
    FILES,
    RENDER,
    TARGETS,
    TRAIN,
    commit,
    git,
    make,
    only,
    plan,
    quiet,
    small,
    state,
)

from tdsp.adopt import worktree
from tdsp.adopt.apply import BRANCH, TAG, Applied, apply
from tdsp.adopt.gitwork import Git
from tdsp.adopt.plan import Plan
from tdsp.adopt.undo import undo
from tdsp.errors import TdspError


def carry(root: Path, wanted: Plan | None = None) -> Applied:
    return apply(root, wanted or plan(root), quiet, renderer=small)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "repo")


def refused(root: Path, words: str, wanted: Plan | None = None) -> None:
    before = state(root)
    with pytest.raises(TdspError, match=words):
        carry(root, wanted)
    assert state(root) == before


def test_commits_are_moves_then_edits_then_the_template(root: Path) -> None:
    main = git(root, "rev-parse", "main")
    done = carry(root)
    assert git(root, "rev-parse", "main", TAG) == main * 2
    subjects = git(root, "log", "--format=%s", f"main..{BRANCH}").decode().splitlines()
    assert [each.split(":")[1].split()[0] for each in subjects] == ["add", "add", "change", "move"]
    renamed = git(
        root, "show", "--format=", "--name-status", "-M100%", done.manifest.commits["moves"]
    )
    kinds = {line.split(b"\t")[0] for line in renamed.splitlines()}
    assert kinds == {b"R100", b"D"}
    names = git(root, "show", "--format=", "--name-only", done.manifest.commits["edits"])
    assert names == b"scripts/train.py\n"
    assert git(root, "status", "--porcelain") == b""
    assert (root / "data/raw/data.csv").read_bytes() == FILES["data.csv"]
    assert b"from churn.utils" in (root / "scripts/train.py").read_bytes()
    assert not (root / "train.py").exists()


def test_folder_that_scripts_write_to_is_kept(tmp_path: Path) -> None:
    code = b"open('images/b.png', 'w')\nopen(\"./deep/er\" + '/x', 'w')\n"
    files = {"a.py": code, "images/a.png": b"1", "deep/er/y": b"2", "quiet/z": b"3"}
    root = make(tmp_path / "repo", files)
    targets = {"images/a.png": "i.png", "deep/er/y": "y", "quiet/z": "z"}
    before = state(root)
    carry(root, plan(root, targets, {}))
    kept = git(root, "ls-files", "*.gitkeep").decode().split()
    assert kept == ["deep/er/.gitkeep", "images/.gitkeep"]
    assert (root / "images").is_dir() and not (root / "quiet").exists()
    undo(root)
    assert state(root) == before


def test_forgotten_file_stays_on_disk_and_is_ignored(root: Path) -> None:
    carry(root)
    assert (root / ".idea/misc.xml").read_bytes() == FILES[".idea/misc.xml"]
    assert git(root, "ls-files", ".idea") == b""
    assert b"\n/.idea/misc.xml\n" in (root / ".gitignore").read_bytes()


def test_history_of_an_edited_file_can_be_followed(root: Path) -> None:
    done = carry(root)
    log = git(root, "log", "--follow", "--format=%s", "scripts/train.py").decode()
    assert log.splitlines()[-1] == "first"
    ignored = (root / ".git-blame-ignore-revs").read_text(encoding="utf-8")
    assert done.manifest.commits["edits"] in ignored.splitlines()


def test_undo_is_exact(root: Path) -> None:
    (root / "run.log").write_bytes(b"ignored\n")
    before = state(root)
    carry(root)
    assert state(root) != before
    undo(root)
    assert state(root) == before
    assert not worktree.place(Git(root)).exists()
    carry(root)  # and it can be done again
    assert git(root, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}\n".encode()


def test_undo_refuses_when_people_have_committed(root: Path) -> None:
    before = state(root)
    carry(root)
    (root / "notes.txt").write_bytes(b"more\n")
    with pytest.raises(TdspError, match=r"notes\.txt has changes"):
        undo(root)
    commit(root, "of a person")
    with pytest.raises(TdspError, match=r"of a person.*--force"):
        undo(root)
    assert [each.split(" ", 1)[1] for each in undo(root, force=True).lost] == ["of a person"]
    assert state(root) == before


def test_undo_says_what_to_do_after_a_merge(root: Path) -> None:
    carry(root)
    git(root, "switch", "--quiet", "main")
    git(root, "merge", "--quiet", "--no-ff", "--message", "merged", BRANCH)
    with pytest.raises(TdspError, match="revert -m 1"):
        undo(root)
    git(root, "branch", "--quiet", "-d", BRANCH)
    git(root, "tag", "-d", TAG)
    assert carry(root, plan(root, {"notes.txt": "docs/notes.txt"}, {}, 1)).tip


def test_undo_from_another_branch_removes_the_names_only(root: Path) -> None:
    before = state(root)
    carry(root)
    git(root, "switch", "--quiet", "main")
    undo(root)
    after = state(root)
    assert after == before


def test_nothing_to_undo(root: Path) -> None:
    with pytest.raises(TdspError, match="no adoption to undo"):
        undo(root)


# STATES OF A REPOSITORY -----------------------------------------------------------------------


def test_second_apply_is_refused_and_says_how_to_undo(root: Path) -> None:
    carry(root)
    refused(root, "is there already: `tdsp adopt undo`")


def test_uncommitted_change_is_refused(root: Path) -> None:
    wanted = plan(root)
    (root / "new.txt").write_bytes(b"x")
    refused(root, r"not committed: new\.txt", wanted)


def test_running_merge_is_refused(root: Path) -> None:
    (root / ".git/MERGE_HEAD").write_bytes(git(root, "rev-parse", "HEAD"))
    refused(root, "merge, rebase")


def test_detached_head_is_refused(root: Path) -> None:
    wanted = plan(root)
    git(root, "switch", "--quiet", "--detach")
    with pytest.raises(TdspError, match="no branch is checked out"):
        carry(root, wanted)


def test_submodule_is_refused(root: Path) -> None:
    commit_id = git(root, "rev-parse", "HEAD").decode().strip()
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{commit_id},other")
    git(root, "commit", "--quiet", "--message", "submodule")
    (root / "other").mkdir()
    refused(root, "other is a submodule")


def test_partial_clone_is_refused(root: Path, tmp_path: Path) -> None:
    wanted = plan(root)
    blob = git(root, "rev-parse", "HEAD:notes.txt").decode().strip()
    path = root / ".git/objects" / blob[:2] / blob[2:]
    path.rename(tmp_path / "away")
    refused(root, r"this machine lacks 1 file, such as notes\.txt", wanted)


def test_other_commit_is_refused(root: Path) -> None:
    wanted = plan(root)
    git(root, "commit", "--quiet", "--allow-empty", "--message", "later")
    refused(root, "plan was made for commit", wanted)


def test_index_lock_is_refused(root: Path) -> None:
    wanted = plan(root)
    (root / ".git/index.lock").touch()
    refused(root, "another git runs", wanted)


def test_ignored_file_in_the_way_is_refused(root: Path) -> None:
    (root / "scripts").mkdir()
    (root / "scripts/train.py").write_bytes(b"theirs")
    (root / ".git/info/exclude").write_bytes(b"scripts/\n")
    refused(root, r"scripts/train\.py is in the way")


# PLANS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "../out.txt"}, "no path inside"),
        ({"target": ".git/hooks/x"}, "no path inside"),
        ({"target": "data/raw/data.csv"}, "target of two files"),
        ({"target": "README.md/notes.txt"}, "a file and a folder"),
        ({"blob": "0" * 40}, "has changed since"),
        ({"target": "", "why": ()}, "without a rule"),
        ({"path": "other.txt"}, "does not say what becomes"),
    ],
)
def test_plan_that_does_not_fit_is_refused(
    root: Path, change: dict[str, object], words: str
) -> None:
    refused(root, words, only(plan(root), "notes.txt", **change))


def test_plan_that_forgets_a_fifth_of_the_files_is_refused(root: Path) -> None:
    wanted = plan(root)
    for path in ("notes.txt", "data.csv"):
        wanted = only(wanted, path, target="", kind="document")
    refused(root, "more than", wanted)


def test_edit_that_does_not_fit_is_refused(root: Path) -> None:
    edit = replace(plan(root, changes=EDITS).items[-2].edits[0], old=b"import zzz")
    refused(root, "line 2 is not as it was planned", only(plan(root), "train.py", edits=(edit,)))


def test_levels_do_only_what_they_say(root: Path) -> None:
    refused(root, "level 0 moves nothing", plan(root, TARGETS, {}, 0))
    refused(root, "level 1 edits nothing", plan(root, TARGETS, EDITS, 1))
    refused(root, "level 3 has to run your scripts.*--run", plan(root, TARGETS, EDITS, 3))


def test_empty_render_is_refused(root: Path) -> None:
    before = state(root)
    with pytest.raises(TdspError, match="rendered without"):
        apply(root, plan(root), quiet, renderer=lambda _: {})
    assert state(root) == before


def test_plan_that_changes_nothing_is_refused(root: Path) -> None:
    refused(root, "changes nothing", replace(plan(root, {}, {}), source="tdsp"))


# NAMES, MODES, BYTES --------------------------------------------------------------------------


def test_odd_names_links_and_modes(tmp_path: Path) -> None:
    odd = {
        "a b .txt ": b"space at the end\n",
        "tab\tnew\nline.txt": b"control\n",
        os.fsdecode(b"caf\xe9.txt"): b"latin-1\n",
        "数据.csv": b"a\n",
        '"quoted"*.txt': b"glob\n",
        "empty.csv": b"",
        "other.csv": b"",
    }
    root = make(tmp_path / "repo", {**FILES, **odd})
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("notes.txt")
    commit(root, "more")
    targets = {name: f"data/raw/{name}" for name in odd} | {
        "run.sh": "bin/run.sh",
        "link": "l/link",
    }
    before = state(root)
    done = carry(root, plan(root, targets, {}))
    assert git(root, "status", "--porcelain") == b""
    for name, content in odd.items():
        assert (root / "data/raw" / name).read_bytes() == content
    assert (root / "bin/run.sh").stat().st_mode & stat.S_IXUSR
    assert (root / "l/link").readlink() == Path("notes.txt")
    assert {each.path for each in done.manifest.files} >= odd.keys()
    undo(root)
    assert state(root) == before


def test_names_that_differ_in_case_or_change_places(tmp_path: Path) -> None:
    files = {"ReadMe.md": b"1\n", "a.py": b"2\n", "b.py": b"3\n", "net": b"4\n", "x": b"5\n"}
    root = make(tmp_path / "repo", files)
    targets = {"ReadMe.md": "README.md", "a.py": "b.py", "b.py": "a.py", "net": "net/net.json"}
    before = state(root)
    carry(root, plan(root, targets | {"x": "net/x"}, {}))
    names = {"a.py": b"3\n", "b.py": b"2\n", "net/net.json": b"4\n", "net/x": b"5\n"}
    for name, content in names.items():
        assert (root / name).read_bytes() == content
    assert (root / "README.md").read_bytes().startswith(b"1\n")
    undo(root)
    assert state(root) == before


def test_line_ends_stay_with_autocrlf(tmp_path: Path) -> None:
    """Git gives CRLF to the work tree for LF in its objects: both keep what they have."""
    origin = make(tmp_path / "origin", {**FILES, "win.py": b"import os\r\n"})
    root = tmp_path / "repo"
    git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", str(origin), str(root))
    for setting in ("user.name=Ada", "user.email=ada@example.com"):
        git(root, "config", *setting.split("="))
    assert (root / "train.py").read_bytes() == TRAIN.replace(b"\n", b"\r\n")
    before = state(root)
    carry(root)
    assert git(root, "cat-file", "blob", "HEAD:data/raw/data.csv") == FILES["data.csv"]
    assert git(root, "cat-file", "blob", "HEAD:win.py") == b"import os\r\n"
    assert (root / "src/churn/utils.py").read_bytes() == FILES["utils.py"].replace(b"\n", b"\r\n")
    (root / "data/raw/data.csv").touch()
    (root / "win.py").touch()
    git(root, "add", "--renormalize", ".")
    assert git(root, "status", "--porcelain") == b""
    undo(root)
    assert state(root) == before


def test_hooks_and_filters_of_the_repository_do_not_run(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {**FILES, ".gitattributes": b"*.csv filter=own\n"})
    ran = tmp_path / "ran"
    for name in ("post-checkout", "pre-commit", "reference-transaction", "post-index-change"):
        hook = root / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch '{ran}'\n")
        hook.chmod(0o755)
    for word in ("clean", "smudge"):
        git(root, "config", f"filter.own.{word}", f"touch '{ran}'; cat")
    done = carry(root)
    undo(root)
    assert done.tip
    assert not ran.exists()


def test_move_away_from_a_filter_is_refused(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    files = {"data/a.csv": pointer, ".gitattributes": b"/data/*.csv filter=lfs -text\n"}
    root = make(tmp_path / "repo", files | {"b.txt": b""})
    refused(
        root, r"filter \(lfs\) as data/raw/a\.csv", plan(root, {"data/a.csv": "data/raw/a.csv"}, {})
    )
    assert carry(root, plan(root, {"data/a.csv": "data/b.csv"}, {})).tip


def test_bundle_holds_the_history(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "all.bundle"
    apply(root, plan(root), quiet, bundle=target, renderer=small)
    assert b"refs/heads/main" in git(root, "bundle", "list-heads", str(target))


# INTERRUPTIONS --------------------------------------------------------------------------------


def in_a_child(act: Callable[[], object]) -> int:
    """Run something in a process of its own; return how that ended."""
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        except TdspError:
            os._exit(3)
        except BaseException:
            os._exit(4)
    return os.waitpid(child, 0)[1]


def counted(patch: pytest.MonkeyPatch, at: int, act: Callable[[], None]) -> list[str]:
    """Do something before the `at`-th command of git or rename; return what was counted."""
    seen: list[str] = []

    def note(what: str) -> None:
        seen.append(what)
        if len(seen) == at:
            act()

    run, rename, replaced = Git._done, Path.rename, Path.replace

    def running(self: Git, words: tuple[str, ...], *rest: object) -> object:
        note(f"git {words[0]}")
        return run(self, words, *rest)  # type: ignore[arg-type]

    def renaming(self: Path, target: Path) -> Path:
        note("rename")
        return rename(self, target)

    def replacing(self: Path, target: Path) -> Path:
        note("replace")
        return replaced(self, target)

    patch.setattr(Git, "_done", running)
    patch.setattr(Path, "rename", renaming)
    patch.setattr(Path, "replace", replacing)
    return seen


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_at_any_moment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the work tree's turn nothing has changed; from then on undo gives all of it back."""
    wanted, before = plan(root), state(root)
    with monkeypatch.context() as patch:
        seen = counted(patch, 0, kill)
        carry(root, wanted)
    undo(root)
    first = seen.index("git checkout-index")
    moments = [*range(3, first, 15), *range(first, len(seen) + 1, 4)]
    assert len(moments) >= 10
    changed = 0
    for at in moments:
        with monkeypatch.context() as patch:
            counted(patch, at, kill)
            assert in_a_child(lambda: carry(root, wanted)) == signal.SIGKILL, at
        assert git(root, "rev-parse", "main").decode().strip() == wanted.commit
        if worktree.read(Git(root)) is None:
            assert state(root) == before, (at, seen[at - 1])
        else:
            changed += state(root) != before
            undo(root)
            assert state(root) == before, (at, seen[at - 1])
    assert changed >= 5
    assert carry(root, wanted).tip


def test_killed_undo_is_finished_by_the_next(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, before = plan(root), state(root)
    for at in (6, 10, 15):
        carry(root, wanted)
        with monkeypatch.context() as patch:
            counted(patch, at, kill)
            assert in_a_child(lambda: undo(root)) == signal.SIGKILL
        undo(root)
        assert state(root) == before, at


def test_rename_that_fails_is_taken_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, before = plan(root), state(root)
    with monkeypatch.context() as patch:
        seen = counted(patch, 0, kill)
        carry(root, wanted)
    undo(root)

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    moments = [number for number, what in enumerate(seen, 1) if what in ("rename", "replace")]
    for at in moments[::4]:
        with monkeypatch.context() as patch:
            counted(patch, at, full)
            with pytest.raises(TdspError, match="No space left"):
                carry(root, wanted)
        assert state(root) == before, at


def test_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A limit of the process stands for a full disk: git's writes fail half-way."""
    large = b"from utils import more\n" + os.urandom(200_000).hex().encode()
    root = make(tmp_path / "repo", {**FILES, "large.py": large})
    wanted = plan(root, changes={"large.py": [(b"utils", b"churn.utils")]})
    before = state(root)

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        carry(root, wanted)

    assert os.waitstatus_to_exitcode(in_a_child(limited)) == 3
    assert state(root) == before
    assert carry(root, wanted).tip


def test_render_of_the_fake_is_taken_whole(root: Path) -> None:
    carry(root)
    listed = set(git(root, "ls-files").decode().splitlines())
    assert RENDER.keys() - {"LICENSE"} <= listed
    assert "LICENSE" not in listed
    assert subprocess.run(["test", "-x", root / "tools/run.sh"], check=False).returncode == 0
