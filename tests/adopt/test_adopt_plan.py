"""Plans of repositories like real ones: kind and target of each file, none lost, none guessed."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.adopt.repos import ALL, CCDS, CSV, Row, contents, is_right, make, notebook

from tdsp.adopt import build as building
from tdsp.adopt.build import Scan, Wish, build, check_removals, scan
from tdsp.adopt.patch import as_patch
from tdsp.adopt.plan import Item, Plan, Question
from tdsp.adopt.planfile import as_csv, as_yaml, read_plan
from tdsp.errors import TdspError

RENDERED = (
    ".copier-answers.yml", ".gitignore", "README.md", "LICENSE", "pyproject.toml", "dvc.yaml",
    "docs/project/charter.md", "data/README.md", "notebooks/README.md", "tests/test_ingest.py",
    "src/PKG/__init__.py", "src/PKG/features.py", "src/PKG/cli.py", "src/PKG/model/__init__.py",
)  # fmt: skip


@pytest.fixture(autouse=True)
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of a few names, since a render takes seconds; one test renders the real one."""

    def render(answers: dict[str, str]) -> dict[str, bytes]:
        return {path.replace("PKG", answers["package_name"]): b"" for path in RENDERED}

    monkeypatch.setattr(building, "render", render)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scan]:
    place = tmp_path_factory.mktemp("repos")
    return {
        name: scan(make(place / name.replace(" ", "-"), contents(rows)))
        for name, rows in ALL.items()
    }


def planned(done: Scan, level: int = 1, package: str = "pkg") -> Plan:
    own = done.layout.packages
    return build(done, Wish(level=level, package="" if own else package))


def here(tmp_path: Path, files: Mapping[str, str | bytes], subdirectory: str = "") -> Scan:
    raw = {p: c.encode() if isinstance(c, str) else c for p, c in files.items()}
    return scan(make(tmp_path / "repo", raw), subdirectory)


@pytest.mark.parametrize("name", sorted(ALL))
def test_each_file_has_its_kind_and_target(scans: dict[str, Scan], name: str) -> None:
    rows: dict[str, Row] = ALL[name]
    plan = planned(scans[name])
    found = {item.path: item for item in plan.items}
    assert set(found) == set(rows)
    wrong = []
    for path, (_, kind, target) in rows.items():
        item = found[path]
        if not is_right(target, item, plan) or item.kind != kind:
            wrong.append((path, item.kind, item.target, item.question, item.why))
    assert not wrong


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_plan_survives_its_file_and_its_patch_applies(
    scans: dict[str, Scan], name: str, tmp_path: Path
) -> None:
    done = scans[name]
    plan = planned(done)
    path = tmp_path / "plan.yaml"
    path.write_text(as_yaml(plan), encoding="utf-8")
    assert read_plan(path, done.tree) == plan
    patch = as_patch(plan, done.tree)
    subprocess.run(["git", "apply", "--check", "-"], cwd=done.tree.root, input=patch, check=True)
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=done.tree.root, capture_output=True, check=True
    )
    assert status.stdout == b""
    assert as_csv(plan, done.facts.files).count("\n") >= len(plan.items)


@pytest.mark.parametrize("name", sorted(ALL))
def test_moves_of_a_patch_are_pure(scans: dict[str, Scan], name: str) -> None:
    patch = as_patch(planned(scans[name]), scans[name].tree)
    assert b"similarity index" in patch
    assert patch.count(b"similarity index") == patch.count(b"similarity index 100%")


@pytest.mark.parametrize("name", sorted(ALL))
def test_targets_are_unique_without_regard_to_case(scans: dict[str, Scan], name: str) -> None:
    targets = [item.target.casefold() for item in planned(scans[name]).items if item.target]
    assert len(targets) == len(set(targets))
    folders = {t.rsplit("/", n)[0] for t in targets for n in range(1, t.count("/") + 1)}
    assert not folders & set(targets)


@pytest.mark.parametrize("name", sorted(ALL))
def test_level_0_moves_nothing_and_adds_the_template(scans: dict[str, Scan], name: str) -> None:
    plan = planned(scans[name], level=0)
    assert not plan.moves and all(item.target for item in plan.items)
    assert ".copier-answers.yml" in plan.added
    assert not [path for path in plan.added if path.startswith("src/") or path == "LICENSE"]
    assert as_patch(plan, scans[name].tree) == b""


def test_edits_come_with_level_2(scans: dict[str, Scan]) -> None:
    plan = planned(scans["root scripts"], level=2)
    item = next(each for each in plan.items if each.path == "train.py")
    assert any(b"data/raw/churn.csv" in edit.new for edit in item.edits)
    patch = as_patch(plan, scans["root scripts"].tree)
    subprocess.run(
        ["git", "apply", "--check", "-"],
        cwd=scans["root scripts"].tree.root,
        input=patch,
        check=True,
    )


def test_kedro_stays_in_place(tmp_path: Path) -> None:
    files = {"pyproject.toml": "[tool.kedro]\npackage_name = 'x'\n", "train.py": "print(1)\n"}
    plan = planned(here(tmp_path, files), level=2)
    assert (plan.level, plan.source, plan.moves) == (0, "kedro", {})


def test_our_own_layout_gets_an_empty_plan(tmp_path: Path) -> None:
    answers = "_src_path: x\npackage_name: pkg\nproblem_type: classification\nproject_slug: p\n"
    files: dict[str, str | bytes] = {
        ".copier-answers.yml": answers,
        "x.csv": CSV,
        "train.py": "print(1)\n",
    }
    done = here(tmp_path, files)
    plan = build(done, Wish(level=2))
    assert not plan.moves and not plan.added and not plan.questions
    assert as_patch(plan, done.tree) == b""


def test_a_second_plan_of_moved_files_moves_nothing(tmp_path: Path) -> None:
    moved = {target: contents(CCDS)[path] for path, (_, _, target) in CCDS.items() if target}
    assert not planned(here(tmp_path, {**moved})).moves


def test_several_projects_are_planned_one_at_a_time(tmp_path: Path) -> None:
    files = {
        "README.md": "# two\n", "a/requirements.txt": "pandas\n", "a/run.py": "print(1)\n",
        "b/requirements.txt": "pandas\n", "b/run.py": "print(2)\n",
    }  # fmt: skip
    done = here(tmp_path, {**files})
    with pytest.raises(TdspError, match=r"several projects \(a, b\)"):
        build(done, Wish(package="pkg"))
    below = scan(done.tree.root, "a")
    plan = build(below, Wish(package="pkg"))
    assert plan.moves == {"a/run.py": "a/src/pkg/run.py"}
    assert {item.path for item in plan.items} == set(files)
    assert all(path.startswith("a/") for path in plan.added)


def test_repositories_in_python_2_are_adopted_in_place(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"old/f{n}.py": "print 'x'\n" for n in range(4)}
    plan = planned(here(tmp_path, {**files, "new.py": "x = 1\n"}), level=2)
    assert plan.level == 0 and not plan.moves and not plan.questions
    assert any("4 of 5 Python files are Python 2" in note.text for note in plan.notes)


def test_mixed_repositories_are_adopted_in_place(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"old/f{n}.py": "print 'x'\n" for n in range(4)}
    files |= {f"new{n}.py": f"x = {n}\n" for n in range(4)}
    plan = planned(here(tmp_path, files), level=2)
    assert plan.level == 0 and not plan.moves and not plan.questions
    assert any("too mixed" in note.text for note in plan.notes)


def test_an_unparsed_notebook_and_a_lone_binary_stay(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"bad.ipynb": "{", "blob.bin": b"\0\1\2", "x.py": "print(1)\n"}
    plan = planned(here(tmp_path, files))
    assert set(plan.moves) == {"x.py"} and not plan.questions


def test_secrets_are_named_and_not_shown(tmp_path: Path) -> None:
    key = "AKIA" + "QX7ZR2M5KD9WJ4TB"
    done = here(tmp_path, {"config.py": f"KEY = '{key}'\n", "x.csv": CSV})
    plan = planned(done)
    assert any(note.path == "config.py" and note.line == 1 for note in plan.notes)
    assert key not in as_yaml(plan)


def test_a_plan_that_loses_files_without_a_rule_is_refused() -> None:
    items = tuple(Item(f"f{n}", "0", "code", "" if n < 3 else f"f{n}", 1, ("x",)) for n in range(9))
    with pytest.raises(TdspError, match="without a rule"):
        check_removals(Plan("c", 1, "p", "train", items))
    check_removals(Plan("c", 1, "p", "train", items[2:]))


def test_files_move_beside_what_stays_and_never_onto_it(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a/x.ipynb": notebook("1"),
        "b/a/x.ipynb": notebook("2"),
        "notebooks/a/x.ipynb": notebook("3"),
        "Data/x.csv": CSV,
        "data/raw/X.csv": CSV + b"1,1\n",
    }
    done = here(tmp_path, files)
    plan = planned(done)
    targets = [item.target.casefold() for item in plan.items]
    assert len(set(targets)) == 5
    assert not any(item.target.startswith("Data/") for item in plan.items)


def test_a_partial_clone_is_refused(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.py": b"x = 1\n", "b.csv": CSV})
    blob = subprocess.run(
        ["git", "rev-parse", "HEAD:b.csv"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    (root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(TdspError, match=r"this clone lacks 1 file.*b\.csv"):
        scan(root)


def test_a_dirty_tree_and_a_submodule_stop_apply(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.py": b"x = 1\n"})
    (root / "new.txt").write_text("x", encoding="utf-8")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    info = f"160000,{commit},sub"
    subprocess.run(["git", "update-index", "--add", "--cacheinfo", info], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "sub"], cwd=root, check=True)
    text = " ".join(scan(root).tree.blockers)
    assert "new.txt" in text and "submodules (sub)" in text


def test_a_package_with_the_template_s_modules_keeps_its_name_and_gets_a_neighbour(
    tmp_path: Path,
) -> None:
    files = {"shop/__init__.py": "", "shop/cli.py": "x = 1\n", "shop/fit.py": "y = 1\n"}
    plan = build(here(tmp_path, files), Wish())
    assert plan.package == "shop_model"
    assert plan.moves["shop/cli.py"] == "src/shop/cli.py"
    assert "src/shop_model/cli.py" in plan.added
    hidden = {"src/shop/__init__.py": "", "src/shop/model.py": "x = 1\n"}  # shop/model/ hides it
    assert build(here(tmp_path / "hidden", hidden), Wish()).package == "shop_model"
    hides = {"src/shop/__init__.py": "", "src/shop/features/__init__.py": ""}
    assert build(here(tmp_path / "hides", hides), Wish()).package == "shop_model"
    shared = {"src/shop/__init__.py": "", "src/shop/model/__init__.py": "", "src/shop/a.py": "x\n"}
    assert build(here(tmp_path / "shared", shared), Wish()).package == "shop"
    calm = build(here(tmp_path / "calm", {"shop/__init__.py": "", "shop/fit.py": "y\n"}), Wish())
    assert calm.package == "shop"


def test_a_folder_has_one_spelling_though_only_some_of_its_files_move(tmp_path: Path) -> None:
    """For many systems `Data/Raw` is `data/raw`: what stays does not go to the archive for it."""
    files: dict[str, str | bytes] = {
        "fit.py": "import pandas as pd\n\npd.read_csv('Data/Raw/rows.csv')\n",
        "Data/Raw/rows.csv": b"a,b\n1,2\n" * 9,
        "Data/Raw/shops/other.csv": b"a,b\n3,4\n" * 9,
        "Data/Processed/shops/sales.parquet": b"PAR1 3" * 9,
    }
    found = {item.path: item.target for item in planned(here(tmp_path, files)).items}
    assert not [target for target in found.values() if target.startswith("archive/")]
    folders = {target.rsplit("/", 1)[0] for target in found.values() if "/" in target}
    assert len({each.lower() for each in folders}) == len(folders), folders


def test_a_question_that_moves_one_file_is_no_offer() -> None:
    mixed = Question("q-a", "?", {"as proposed": {"a": "a", "b": "c"}}, "as proposed")
    assert building._moves(mixed)
    stays = Question(
        "q-folder-a b", "?", {"as proposed": {"a": "a"}, "move": {"a": "b"}}, "as proposed"
    )
    assert not building._moves(stays)
    assert building._offer(stays) == Question(
        "a b", "?", {"stay": {"a": "a"}, "move": {"a": "b"}}, "stay")  # fmt: skip
