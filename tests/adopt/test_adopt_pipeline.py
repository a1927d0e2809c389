"""Level 3: a pipeline of the scripts, from what they were seen to read and write."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.adopt.hand import RENDER, git, make, plan, quiet, state

from tdsp.adopt.apply import Applied, apply
from tdsp.adopt.gitwork import Git
from tdsp.adopt.observe import Seen
from tdsp.adopt.pipeline import Way, dvc
from tdsp.adopt.plan import Plan
from tdsp.adopt.rendering import Render, Rendered
from tdsp.adopt.running import Bench, ended
from tdsp.adopt.stages import as_dvc, graph, stages
from tdsp.adopt.undo import undo
from tdsp.adopt.verify import find, verify
from tdsp.errors import TdspError

BENCH = Bench(sys.executable, 20, "churn", Path(), Path())
FILES = {
    "data/raw/in.csv": b"1\n2\n",
    "src/churn/lib.py": b"def double(x):\n    return 2 * x\n",
    "clean.py": (
        b"from churn.lib import double\n"
        b"import sys\nsys.dont_write_bytecode = False\nsys.path.append(SITE)\nimport bought\n"
        b"rows = [double(int(each)) for each in open('data/raw/in.csv')]\n"
        b"open('clean.csv', 'w').write('\\n'.join(map(str, rows)))\n"
    ),
    # It comes first by name, and works only when clean.py has run.
    "a_train.py": (
        b"total = sum(int(each) for each in open('clean.csv'))\n"
        b"import os\nos.makedirs('models', exist_ok=True)\n"
        b"open('models/m.txt', 'w').write(str(total))\n"
    ),
    "jobs/show.py": b"open('plot.txt', 'w').write(open('../models/m.txt').read())\n",
    "result.txt": b"old",
    # Another program reads the data: no event in Python tells of it.
    "kept.py": (
        b"import subprocess\nwith open('result.txt', 'w') as file:\n"
        b"    subprocess.run(['cat', 'data/raw/in.csv'], stdout=file)\n"
    ),
    "endless.py": b"while True: pass\n",
    "needs.py": (
        b"import argparse\np = argparse.ArgumentParser()\np.add_argument('x')\np.parse_args()\n"
    ),
    "asks.py": b"open('y', 'w').write(input())\n",
    "outside.py": b"open(OUTSIDE, 'w').write('1'); open('z', 'w')\n",
    "prints.py": b"print(1)\n",
    "broken.py": b"import nothing_of_this_name\n",
    "one.py": b"open('same.txt', 'w').write('1')\n",
    "two.py": b"open('same.txt', 'w').write('2')\n",
    "counts.py": b"n = open('count.txt').read()\nopen('count.txt', 'w').write(n + '1')\n",
    "count.txt": b"1",
    "random_name.py": b"import time\nopen(f'log-{time.time_ns()}.txt', 'w').write('x')\n",
    "removes.py": b"import os\nos.remove('notes.txt')\n",
    "notes.txt": b"n",
}
SCRIPTS = [name for name in FILES if name.endswith(".py") and "lib" not in name]
WHOLE: Render = {
    **RENDER,
    ".dvc/config": Rendered(b"[core]\n    analytics = false\n"),
    ".dvc/.gitignore": Rendered(b"/config.local\n/tmp\n/cache\n"),
}


def planned(root: Path) -> Plan:
    wanted = plan(root, {}, {}, 3)
    items = (replace(e, kind="script") if e.path in SCRIPTS else e for e in wanted.items)
    return replace(wanted, items=tuple(items))


def carry(root: Path, seconds: float = 3) -> Applied:
    way = Way(sys.executable, seconds)
    return apply(root, planned(root), quiet, renderer=lambda _: WHOLE, way=way)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipeline")


@pytest.fixture(scope="module")
def before(place: Path) -> dict[str, object]:
    outside = repr(str(place / "outside.txt")).encode()
    site = place / "site"
    site.mkdir()
    (site / "bought.py").touch()
    files = {
        name: content.replace(b"OUTSIDE", outside).replace(b"SITE", repr(str(site)).encode())
        for name, content in FILES.items()
    }
    return state(make(place / "repo", files))


@pytest.fixture(scope="module")
def made(place: Path, before: dict[str, object]) -> Applied:
    assert before
    return carry(place / "repo")


@pytest.fixture(scope="module")
def written(made: Applied, place: Path) -> dict[str, Any]:
    assert made.pipeline
    text = (place / "repo" / made.pipeline.path).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["stages"])


def test_stages_stand_in_the_order_in_which_they_run(written: dict[str, Any]) -> None:
    order = list(written)
    assert sorted(order) == ["a_train", "clean", "kept", "show"]
    assert order.index("clean") < order.index("a_train") < order.index("show")


def test_stage_depends_on_what_was_read_and_makes_what_was_written(
    written: dict[str, Any],
) -> None:
    assert written["clean"] == {
        "wdir": "../..",
        "cmd": "python clean.py",
        "deps": ["clean.py", "data/raw/in.csv", "src/churn/__init__.py", "src/churn/lib.py"],
        "outs": ["clean.csv"],
    }
    assert written["a_train"]["deps"] == ["a_train.py", "clean.csv"]


def test_library_that_is_compiled_at_its_first_import_is_no_output(
    written: dict[str, Any], place: Path
) -> None:
    assert "clean" in written and any((place / "site").rglob("*.pyc"))


def test_script_that_needs_its_own_folder_is_run_there(written: dict[str, Any]) -> None:
    found = written["show"]
    assert found["wdir"] == "../../jobs" and found["cmd"] == "python show.py"
    assert found["deps"] == ["show.py", "../models/m.txt"] and found["outs"] == ["plot.txt"]


def test_output_that_git_tracks_stays_in_git(written: dict[str, Any], place: Path) -> None:
    assert written["kept"]["outs"] == [{"result.txt": {"cache": False}}]
    assert written["kept"]["deps"] == ["data/raw/in.csv", "kept.py"]
    assert git(place / "repo", "ls-files", "result.txt", "data/raw") != b""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("endless.py", "does not end within 3 s"),
        ("needs.py", "needs arguments"),
        ("asks.py", "asks for input"),
        ("outside.py", "writes outside of the repository"),
        ("prints.py", "writes nothing"),
        ("broken.py", "No module named"),
        ("one.py", "two.py writes same.txt as well"),
        ("two.py", "one.py writes same.txt as well"),
        ("counts.py", "changes count.txt, which it reads first"),
        ("random_name.py", "`dvc repro` fails"),
        ("removes.py", "removes notes.txt"),
    ],
)
def test_script_that_cannot_be_a_stage_is_named(made: Applied, name: str, words: str) -> None:
    assert made.pipeline
    assert words in made.pipeline.left[name]


def test_every_script_is_a_stage_or_named(made: Applied, place: Path) -> None:
    assert made.pipeline
    found = {each.path for each in made.pipeline.stages} | made.pipeline.left.keys()
    assert found == set(SCRIPTS)
    report = (place / "repo/docs/migration/REPORT.md").read_text(encoding="utf-8")
    assert "clean --> a_train" in report and "| needs.py | it needs arguments |" in report


def test_second_repro_in_a_clone_does_nothing(made: Applied, place: Path) -> None:
    assert made.pipeline
    git(place, "clone", "--quiet", "--branch", "tdsp/adopt", "repo", "clone")
    copy, target = place / "clone", made.pipeline.path
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(copy / "src"),
           "HOME": str(place), "DVC_NO_ANALYTICS": "1"}  # fmt: skip
    first, second = (ended([dvc(), "repro", target], copy, env, 60) for _ in range(2))
    assert first[0] == 0 and first[1].count("Running stage") == 4, first[1]
    assert second[0] == 0 and "Running stage" not in second[1]
    assert (copy / "jobs/plot.txt").read_text(encoding="utf-8") == "6"


def test_the_pipeline_is_a_commit_that_is_proven_and_taken_back(
    made: Applied, place: Path, before: dict[str, object]
) -> None:
    root = place / "repo"
    commit = made.manifest.commits["pipeline"]
    names = git(root, "show", "--format=", "--name-only", commit)
    assert names == b"pipelines/adopted/dvc.yaml\n"
    assert not [each for each in verify(Git(root), find(Git(root))) if each.problems]
    copy = place / "taken/repo"
    shutil.copytree(root, copy)
    undo(copy)
    now = {name.replace(str(copy), str(root)): each for name, each in state(copy).items()}
    assert now == before


def test_nothing_runs_without_the_switch(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.py": b"open('b', 'w')\n"})
    was = state(root)
    with pytest.raises(TdspError, match="add --run"):
        apply(root, replace(plan(root, {}, {}, 3)), quiet, renderer=lambda _: WHOLE)
    assert state(root) == was


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"dvc.yaml": b"stages: {}\n", "a.py": b"1\n"}, "dvc.yaml is a pipeline already"),
        ({"notes.txt": b"1\n"}, "no script is started"),
    ],
)
def test_where_none_is_made_it_is_said(tmp_path: Path, files: dict[str, bytes], words: str) -> None:
    root = make(tmp_path / "repo", files)
    done = apply(root, planned(root), quiet, renderer=lambda _: WHOLE, way=Way())
    assert done.pipeline and words in done.pipeline.problem
    assert "pipeline" not in done.manifest.commits


def seen(path: str, reads: str = "", writes: str = "") -> Seen:
    return Seen(path, "", frozenset([path, *reads.split()]), frozenset(writes.split()))


def test_circle_is_left_out_with_what_hangs_on_it() -> None:
    found = [seen("a.py", "b", "a"), seen("b.py", "a", "b"), seen("c.py", "a", "c")]
    kept, left = stages(found, {"a.py", "b.py", "c.py"}, BENCH)
    assert kept == []
    assert "need each other's files: a.py, b.py" in left["a.py"]
    assert "only a script that is left out writes" in left["c.py"]


def test_folders_count_as_their_files() -> None:
    found = [seen("a.py", "images/1.png", "x"), seen("b.py", "", "images")]
    kept, left = stages(found, {"a.py", "b.py"}, BENCH)
    assert [each.path for each in kept] == ["b.py", "a.py"] and not left
    assert list(graph(kept))[-1] == "    b --> a"


@pytest.mark.parametrize("name", ["${x}.csv", "a\nb", "caf\udce9"])
def test_name_that_yaml_or_dvc_would_change_is_left_out(name: str) -> None:
    found = [Seen("a.py", "", frozenset(["a.py"]), frozenset([name]))]
    kept, left = stages(found, {"a.py"}, BENCH)
    assert not kept and "cannot stand in dvc.yaml" in left["a.py"]


def test_names_of_stages_are_apart_and_the_package_runs_as_a_module() -> None:
    tracked = {"x/fit.py", "y/fit.py", "src/churn/my job.py"}
    found = [seen(path, "", f"{path}.out") for path in sorted(tracked)]
    kept, _ = stages(found, tracked, BENCH)
    assert [each.name for each in kept] == ["my-job", "x-fit", "y-fit"]
    assert kept[0].command == "python -m 'churn.my job'"
    below = stages([Seen("sub/src/churn/a.py", "sub", frozenset(["sub/src/churn/a.py"]),
                         frozenset(["sub/o"]))], {"sub/src/churn/a.py"},
                   replace(BENCH, root="sub"))[0]  # fmt: skip
    text = as_dvc(below, "sub/pipelines/adopted", "sub")
    assert "dvc repro pipelines/adopted/dvc.yaml" in text
    assert yaml.safe_load(text)["stages"]["a"]["deps"] == ["src/churn/a.py"]


def test_dvc_that_is_absent_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tdsp.adopt.pipeline.sys", type("S", (), {"executable": str(tmp_path)}))
    monkeypatch.setattr("tdsp.adopt.pipeline.shutil.which", lambda _: None)
    with pytest.raises(TdspError, match="dvc is not installed"):
        dvc()
