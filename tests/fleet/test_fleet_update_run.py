"""`tdsp fleet update` over a small fleet of local remotes: what it shows, pushes and leaves."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import git
from tests.fleet.updates import (
    ANSWERS,
    TAGS,
    Made,
    branches,
    commit,
    edit_all,
    edit_readme,
    make_template,
    write,
    write_fleet,
)
from typer.testing import CliRunner

from tdsp.adopt.sections import readme
from tdsp.cli import app
from tdsp.fleet.state import AUDIT, DATABASE, held

RUNNER = CliRunner()
BRANCH = "tdsp/update-v0.3.0"
# An address that is the template's for whoever leaves the user out, and three lines of settings.
INJECTED = 'https://x"\n[core]\nfsmonitor = "touch ran"\n#@'


def update(fleet: Path, *words: str) -> tuple[int, dict[str, dict[str, object]], str]:
    """Run the command; return its exit code, name -> record, and all that it printed."""
    done = RUNNER.invoke(app, ["fleet", "update", str(fleet), "--json", *words])
    rows = json.loads(done.stdout)["repositories"] if done.stdout.startswith("{") else []
    return done.exit_code, {row["name"]: row for row in rows}, done.output


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    place = tmp_path_factory.mktemp("made")
    return Made(make_template(place / "template"), place)


def strange(made: Made) -> list[Path]:
    """Repositories that are no business of this template, or that nobody can update."""

    def alter(name: str, **changes: str | None) -> Path:
        tree = made.place / "trees" / name
        shutil.copytree(made.render(TAGS[0]), tree)
        text = (tree / ANSWERS).read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if line.split(":")[0] not in changes]
        lines += [f"{key}: {value}" for key, value in changes.items() if value is not None]
        (tree / ANSWERS).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return made.publish(tree)

    found = [
        alter("dirty", _commit="v0.1.0-dirty"),
        alter("option", _commit="--upload-pack=touch"),
        alter("unversioned", _commit=None),
        alter("other", _src_path="https://example.com/other.git"),
        alter("injected", _src_path=json.dumps(f"{INJECTED}{made.template}")),
    ]
    foreign = made.place / "trees" / "foreign"
    write(foreign, {"a.py": "x = 1\n"})
    link = made.place / "trees" / "link"
    write(link, {"b.txt": "b\n"})
    (link / ANSWERS).symlink_to("/etc/passwd")
    empty = made.place / "remotes" / "empty.git"
    git(made.place, "init", "--quiet", "--bare", str(empty))
    broken = made.bare("broken")
    shutil.rmtree(broken / "objects")
    return [*found, made.publish(foreign), made.publish(link), empty, broken]


@pytest.fixture(scope="module")
def first(made: Made) -> tuple[Path, dict[str, Path], list[str]]:
    """A fleet, its remotes, and what they had before; nothing has been run on it."""
    remotes = [
        made.bare("current", TAGS[2]),
        made.bare("behind"),
        made.bare("edited", TAGS[1], edit_readme),
        made.bare("conflicted", edit=edit_all),
        *strange(made),
    ]
    fleet = write_fleet(made.place / "fleet", made.template, remotes)
    return fleet, {each.stem: each for each in remotes}, []


def test_a_dry_run_tells_all_and_changes_nothing_then_apply_pushes_what_is_clean(
    first: tuple[Path, dict[str, Path], list[str]],
) -> None:
    fleet, remotes, _ = first
    before = {name: branches(path) for name, path in remotes.items() if name != "broken"}
    code, rows, _ = update(fleet)
    assert code == 3
    assert {name: branches(remotes[name]) for name in before} == before
    states = {name: row["state"] for name, row in rows.items()}
    assert states == {
        "current": "skipped", "behind": "rendered", "edited": "rendered",
        "conflicted": "conflict", "dirty": "skipped", "option": "skipped",
        "unversioned": "skipped", "other": "skipped", "injected": "skipped",
        "foreign": "skipped", "link": "skipped",
        "empty": "failed", "broken": "failed",
    }  # fmt: skip
    assert list(rows)[-2:] == ["broken", "empty"]  # failed ones last
    reasons = {name: str(row["reason"]) for name, row in rows.items()}
    assert reasons["current"] == "current"
    assert "history does not have" in reasons["dirty"]
    assert "history does not have" in reasons["option"]
    assert "no _commit" in reasons["unversioned"]
    assert "another template: https://example.com/other.git" in reasons["other"]
    assert reasons["injected"].startswith("made by another template: https://x")
    assert reasons["foreign"] == reasons["link"] == f"foreign: it has no {ANSWERS}"
    assert "no commit yet" in reasons["empty"]
    assert "M README.md" in rows["behind"]["files"]  # type: ignore[operator]
    assert "D gone.txt" in rows["behind"]["files"]  # type: ignore[operator]
    check_conflicts(rows["conflicted"])

    code, rows, _ = update(fleet, "--apply")
    assert code == 3
    assert [name for name in before if BRANCH in branches(remotes[name])] == ["behind", "edited"]
    for name in ("behind", "edited"):
        assert rows[name]["state"] == "pushed"
        text = git(remotes[name], "show", f"{BRANCH}:README.md")
        assert "Release v0.3.0." in text
        assert text.endswith("Ours.\n") == (name == "edited")
        assert branches(remotes[name])["main"] == before[name]["main"]
    check_tree(remotes["behind"])

    again, rows, _ = update(fleet, "--apply")
    assert again == 3
    assert rows["behind"]["state"] == "pushed"
    git(remotes["behind"], "update-ref", "refs/heads/main", branches(remotes["behind"])[BRANCH])
    _, rows, _ = update(fleet, "--apply")
    assert (rows["behind"]["state"], rows["edited"]["state"]) == ("merged", "pushed")
    check_audit(fleet)


def check_conflicts(row: dict[str, object]) -> None:
    """Each kind of file is reported, with both sides and who edited it."""
    found = {each["path"]: each for each in row["conflicts"]}  # type: ignore[attr-defined]
    assert found.keys() == {
        "README.md", "src/code.py", "config.yaml", "data.json", "lines.txt", "no end.txt",
        "näme.md", "flow.ipynb", "image.png", "wide.txt", "gone.txt",
    }  # fmt: skip
    assert (found["config.yaml"]["ours"], found["config.yaml"]["theirs"]) == (
        "release: 'ours'\n", "release: 'v0.3.0'\n",
    )  # fmt: skip
    assert all(each["last"].startswith("Tests <tests@example.com>, ") for each in found.values())
    assert "removes it" in found["gone.txt"]["why"]
    assert found["image.png"]["ours"].startswith("binary")


def check_tree(remote: Path) -> None:
    """The branch holds what the template makes at that release, to the byte."""
    names = git(remote, "ls-tree", "-r", "--name-only", "-z", BRANCH).split("\0")
    assert "new.md" in names
    assert "gone.txt" not in names
    done = subprocess.run(
        ["git", f"--git-dir={remote}", "show", f"{BRANCH}:lines.txt"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == b"first\r\nrelease v0.3.0\r\nlast\r\n"


def check_audit(fleet: Path) -> None:
    lines = (fleet.parent / ".fleet/update" / AUDIT).read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert all(
        list(each) == ["time", "who", "repository", "step", "commit", "result"] for each in found
    )
    mine = [(e["step"], e["result"]) for e in found if e["repository"] == "behind"]
    steps = [step for step, _ in mine]
    ways = ["listed", "fetched", "checked", "rendered", "push", "pushed", "merged"]
    places = list(map(steps.index, ways))
    assert places == sorted(places)
    assert ("push", "begun") in mine


def test_one_answer_changes_at_the_version_that_a_project_has(made: Made) -> None:
    remote = made.bare("answers")
    fleet = write_fleet(made.place / "answers", made.template, [remote])
    code, rows, _ = update(fleet, "--apply", "--to", "current", "--data", "level=govern")
    assert (code, rows["answers"]["state"]) == (0, "pushed")
    branch = "tdsp/update-current-level-govern"
    assert git(remote, "show", f"{branch}:govern.md") == "Governed.\n"
    assert "_commit: v0.1.0" in git(remote, "show", f"{branch}:{ANSWERS}")
    code, rows, _ = update(fleet, "--to", "current", "--data", "colour=red")
    assert code == 3
    assert "did not take the answer colour" in str(rows["answers"]["reason"])


def test_the_read_me_of_an_adopted_repository_is_left_alone(made: Made) -> None:
    def adopt(root: Path) -> None:
        (root / "README.md").write_bytes(readme(b"# Ours\n", 2))

    remote = made.bare("adopted", edit=adopt)
    fleet = write_fleet(made.place / "adopted", made.template, [remote])
    code, rows, _ = update(fleet, "--apply")
    assert (code, rows["adopted"]["state"]) == (0, "pushed")
    changed = git(remote, "diff", "--name-only", "main", BRANCH).split()
    assert "README.md" not in changed
    assert ANSWERS in changed


def test_waves_wait_for_the_last_one_to_be_merged(made: Made) -> None:
    remotes = [made.bare(f"wave{at}", TAGS[1]) for at in range(3)]
    idle = made.bare("a-current-one", TAGS[2])
    fleet = write_fleet(made.place / "waves", made.template, [idle, *remotes])
    assert update(fleet, "--only", "a-*")[1]["a-current-one"]["reason"] == "current"
    code, rows, said = update(fleet, "--apply", "--wave", "1,rest")
    assert code == 0
    assert [rows[each.stem]["state"] for each in remotes] == ["pushed", "listed", "listed"]
    assert "wave rest waits: of wave 1 0 of 1 are merged (0 %), 80 % are needed" in said
    git(remotes[0], "update-ref", "refs/heads/main", branches(remotes[0])[BRANCH])
    code, rows, said = update(fleet, "--apply")  # the sizes are remembered
    assert [rows[each.stem]["state"] for each in remotes] == ["merged", "pushed", "pushed"]


def test_a_project_whose_own_checks_fail_is_not_pushed(made: Made) -> None:
    remotes = [made.bare("good", TAGS[1]), made.bare("bad", TAGS[1], edit_readme)]
    fleet = write_fleet(made.place / "checks", made.template, remotes)
    assert update(fleet)[0] == 0  # rendered before, without checks
    checks = ["--run-checks", "--no-sandbox", "--check-command", "! grep Ours README.md"]
    code, rows, _ = update(fleet, "--apply", *checks)
    assert (code, rows["good"]["checks"], rows["good"]["state"]) == (3, "passed", "pushed")
    assert rows["bad"]["state"] == "failed"
    assert "its checks failed (! grep Ours README.md): Ours." in str(rows["bad"]["reason"])
    assert list(branches(remotes[1])) == ["main"]


def test_what_a_template_wants_to_run_is_not_run(made: Made, tmp_path: Path) -> None:
    template = tmp_path / "template"
    shutil.copytree(made.template, template)
    text = (template / "copier.yml").read_text(encoding="utf-8")
    path = tmp_path / "ran"
    (template / "copier.yml").write_text(f"{text}_tasks: ['touch {path}']\n", encoding="utf-8")
    commit(template, "tasks")
    git(template, "tag", "v0.4.0")
    tree = tmp_path / "trees" / "victim"
    shutil.copytree(made.render(TAGS[0]), tree)
    answers = (tree / ANSWERS).read_text(encoding="utf-8")
    (tree / ANSWERS).write_text(answers.replace(str(made.template), str(template)), "utf-8")
    (tmp_path / "remotes").mkdir()
    remote = Made(template, tmp_path).publish(tree)
    _, rows, _ = update(write_fleet(tmp_path / "fleet", template, [remote]))
    assert not path.exists()
    assert rows["victim"]["state"] == "rendered"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "v9"], "no such tag or commit of the template; it has v0.1.0"),
        (["--to", "current"], "changes nothing without --data"),
        (["--data", "level"], "QUESTION=ANSWER"),
        (["--only", "nobody"], "not in the fleet; it has only"),
        (["--wave", "10,x"], "give numbers"),
        (["--platform", "svn"], "one of auto, github, gitlab, azure, none"),
    ],
)
def test_a_wrong_option_is_answered_with_what_is_right(
    made: Made, words: list[str], said: str
) -> None:
    remote = made.place / "remotes" / "only.git"
    if not remote.exists():
        made.bare("only")
    code, _, text = update(write_fleet(made.place / "only", made.template, [remote]), *words)
    assert code == 2
    assert said in " ".join(text.split())


def test_two_runs_at_once_and_a_damaged_state_are_said_in_a_line(made: Made) -> None:
    remote = made.bare("locked")
    fleet = write_fleet(made.place / "locked", made.template, [remote])
    state = fleet.parent / ".fleet/update"
    with held(state):
        code, _, said = update(fleet)
    assert code == 2
    assert "another `tdsp fleet update` is at work" in said
    hold = "import sys,time,pathlib; from tdsp.fleet.state import held\n"
    hold += "with held(pathlib.Path(sys.argv[1])): print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", hold, str(state)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait()
    (state / DATABASE).write_bytes(b"no database, " * 100)
    code, _, said = update(fleet)  # the killed run holds nothing
    assert code == 2
    assert "move it away to start anew" in said
    assert list(branches(remote)) == ["main"]


def test_nothing_listed_and_no_template_have_their_own_exit_codes(
    made: Made, tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet.yml"
    fleet.write_text(f"template: {{source: {made.template}}}\nrepositories: [{{glob: 'x/*'}}]\n")
    assert update(fleet)[0] == 4
    fleet.write_text(f"repositories: [{{path: {made.template}}}]\n")
    code, _, said = update(fleet)
    assert code == 2
    assert "template is missing" in said


def test_no_network_fails_each_repository_in_a_line(made: Made, tmp_path: Path) -> None:
    fleet = write_fleet(tmp_path / "fleet", made.template, [])
    fleet.write_text(
        fleet.read_text(encoding="utf-8") + "  - {url: 'https://localhost:9/o/r.git', name: r}\n"
    )
    code, rows, _ = update(fleet, "--apply")
    assert code == 3
    assert rows["r"]["reason"] == "its address cannot be reached: no network?"
