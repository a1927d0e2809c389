"""Run inside a generated project: approvals with real git, ssh-keygen and gpg.

test_govern.py copies this file into the project's tests, as test_approvals.py.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import approve, signing
from tools import record as facts
from tools.signing import FOLDER, ApprovalError
from tools.sources import SourceError

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src"


def of_package(name: str) -> Any:
    """A module of the project's package, in whichever folder of it."""
    path = next(SOURCE.glob(f"*/**/{name}.py")).relative_to(SOURCE).with_suffix("")
    return import_module(".".join(path.parts))


registry, tracking, paths = map(of_package, ("registry", "tracking", "paths"))
ADA, GRACE, EVE = (f"{name}@example.com" for name in ("ada", "grace", "eve"))
ROLE, WHY = "model-validator", "validated on the rows of October"


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(message: str) -> None:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)


def be(who: str, keys: Path) -> None:
    """Sign as this person from now on."""
    for name, value in {
        "user.email": who,
        "user.name": who,
        "gpg.format": "ssh",
        "user.signingkey": str(keys / f"{who}.pub"),
    }.items():
        git("config", name, value)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for who in (ADA, GRACE, EVE):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", folder / who]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="session")
def committed(shelf: Path, keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with three models, trained by Ada, in git; Ada and Grace may sign."""
    root = shutil.copytree(shelf, tmp_path_factory.mktemp("committed") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        shutil.copytree(ROOT / FOLDER, FOLDER)
        shutil.copytree(ROOT / "tools", "tools", ignore=shutil.ignore_patterns("__pycache__"))
        for name in (".copier-answers.yml", "pyproject.toml"):
            shutil.copy(ROOT / name, name)
        people = {who: {"name": who, "email": who} for who in (ADA, GRACE, EVE)}
        roles = {ROLE: {"held_by": [ADA, GRACE]}, "project-lead": {"held_by": [GRACE]}}
        write(Path("docs/roles.yaml"), {"holders": people, "roles": roles})
        allow(GRACE, keys)
        allow(ADA, keys)
        Path(".gitignore").write_text(
            "/mlflow*\n/mlartifacts/\n/models/\n/data/\n/reports/*.html\n__pycache__\n"
        )
        git("init", "--quiet", "--initial-branch", "main")
        be(ADA, keys)
        commit("as it is")
        for version in registry.versions():
            for name, value in {"trained_by": ADA, "git_commit": git("rev-parse", "HEAD")}.items():
                tracking.client().set_tag(version.run_id, name, value)
    return root


@pytest.fixture(autouse=True)
def here(committed: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(shutil.copytree(committed, tmp_path / "project"))
    be(GRACE, keys)
    return tmp_path / "project"


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8", newline="\n")


def allow(who: str, keys: Path) -> None:
    with signing.SIGNERS.open("a", encoding="utf-8") as file:
        file.write(f'{who} namespaces="git" {(keys / f"{who}.pub").read_text()}')


def trail(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `tdsp trail` here, with the interpreter that has tdsp."""
    command = [os.environ["TDSP_PYTHON"], "-m", "tdsp", "trail", *words]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "PATH": path, "NO_COLOR": "1"}
    return subprocess.run(command, env=env, capture_output=True, text=True)


def record(role: str = ROLE) -> tuple[Path, str]:
    return approve.place(registry.find("1").model_id, role)


def verdict(name: str = "1") -> tuple[bool, str]:
    """Return whether all holds, and what was said."""
    checks = list(approve.verify(facts.of_version(registry.find(name))))
    return all(good for good, _ in checks), "; ".join(said for _, said in checks)


def refused(told: str, name: str = "1", role: str = ROLE) -> None:
    """An approval is refused with these words, and nothing is left behind."""
    before = git("rev-parse", "HEAD"), git("status", "--porcelain"), git("tag")
    with pytest.raises((ApprovalError, SourceError), match=told):
        approve.approve(name, role, WHY)
    assert (git("rev-parse", "HEAD"), git("status", "--porcelain"), git("tag")) == before
    assert not list(approve.RECORDS.glob("*"))


# --- Approved --------------------------------------------------------------------------------


def test_an_approval_is_signed_and_says_what_was_approved(keys: Path) -> None:
    path = approve.approve("1", ROLE, WHY)
    version, found = registry.find("1"), yaml.safe_load(path.read_text("utf-8"))
    run = tracking.client().get_run(version.run_id).data
    assert (path, found["role"], found["approver"]) == (record()[0], ROLE, GRACE)
    assert (found["reason"], found["trained_by"]) == (WHY, ADA)
    assert re.fullmatch("[0-9a-f]{64}", found["model_sha256"])
    assert found["git_commit"] == git("rev-parse", "HEAD~1")
    assert found["data_md5"] == run.tags["data_md5"]
    assert found["gate"] == "passed"
    assert found["checks"] and found["metrics"]
    assert git("status", "--porcelain") == ""
    assert git("show", "--name-only", "--format=", "HEAD") == path.as_posix()
    good, said = verdict()
    assert good, said
    assert f"{ROLE} approved {version.model_id}: {GRACE}" in said
    # Another person, another machine: a clone with nothing but what is in it.
    be(EVE, keys)
    assert verdict()[0]


def test_two_roles_sign_the_same_model(keys: Path) -> None:
    approve.approve("1", ROLE, WHY)
    approve.approve("1", "project-lead", "go")
    good, said = verdict()
    assert good and ROLE in said and "project-lead" in said


def test_pgp_signs_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "pgp"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))

    def gpg(*words: str) -> str:
        command = ["gpg", "--batch", "--quiet", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    for who in (GRACE, EVE):
        gpg("--passphrase", "", "--quick-generate-key", who, "ed25519", "sign", "never")
    git("config", "gpg.format", "openpgp")
    git("config", "user.signingkey", GRACE)
    refused(re.escape(f"{GRACE}.asc is not there"))
    signing.PGP.mkdir()
    (signing.PGP / f"{GRACE}.asc").write_text(gpg("--armor", "--export", EVE))
    commit("the wrong key")
    refused(f"no key of {GRACE}")
    (signing.PGP / f"{GRACE}.asc").write_text(gpg("--armor", "--export", GRACE))
    commit("the right key")
    approve.approve("1", ROLE, WHY)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))  # a machine without her key
    assert verdict() == (True, verdict()[1])
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


# --- Refused ---------------------------------------------------------------------------------


def test_without_a_key_it_says_how(keys: Path) -> None:
    git("config", "--unset", "user.signingkey")
    refused("git config gpg.format ssh")


def test_a_changed_tree_is_refused() -> None:
    Path("params.yaml").write_text(Path("params.yaml").read_text() + "\n")
    refused("the tree has changes:.*params.yaml")


def test_a_file_that_git_does_not_know_is_a_change_too() -> None:
    Path("new.py").touch()
    refused("the tree has changes:.*new.py")


def test_who_trained_it_may_not_approve_it(keys: Path) -> None:
    be(ADA, keys)
    refused("ada@example.com trained the model, another person")
    write(approve.POLICY, {"required": [], "four_eyes": False})
    commit("two eyes are enough")
    approve.approve("1", ROLE, WHY)
    assert verdict()[0]


def test_who_wrote_the_commit_may_not_either() -> None:
    (name, value), run = ("git_commit", git("rev-parse", "HEAD")), registry.find("1").run_id
    Path("x.py").touch()
    git("add", "x.py")
    git(
        "commit",
        "-qm",
        f"Train\n\nCo-authored-by: Grace <{GRACE.upper()}>",
        "--author",
        f"Eve <{EVE}>",
    )
    tracking.client().set_tag(run, name, git("rev-parse", "HEAD"))
    refused("grace@example.com trained the model")
    tracking.client().set_tag(run, name, value)
    assert approve.approve("1", ROLE, WHY)


def test_when_nobody_knows_who_trained_it_nobody_is_another() -> None:
    run = registry.find("1").run_id
    for name, value in {"trained_by": "unknown", "git_commit": "none"}.items():
        tracking.client().set_tag(run, name, value)
    refused("nobody knows who trained the model")


def test_the_gate_of_today_is_asked() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text("utf-8"))
    write(Path("params.yaml"), {**params, "gate": {"minimum": 1.5}})
    commit("stricter")
    refused(r"the gate does not let version 1 pass: \w+ reaches 1.5")


def test_a_role_has_to_be_held(keys: Path) -> None:
    be(EVE, keys)
    refused("model-validator is held by ada@example.com, grace@example.com, not by eve")
    refused("no role 'emperor'", role="emperor")


def test_a_key_that_is_not_in_the_repository_is_refused(keys: Path) -> None:
    git("config", "user.signingkey", str(keys / f"{EVE}.pub"))
    refused(f"no key of {GRACE} .*No principal matched")


def test_the_key_of_another_person_is_refused(keys: Path) -> None:
    git("config", "user.signingkey", str(keys / f"{ADA}.pub"))
    refused(f"no key of {GRACE}")


def test_a_second_approval_in_a_role_is_refused() -> None:
    path = approve.approve("1", ROLE, WHY)
    with pytest.raises(ApprovalError, match="is there already"):
        approve.approve("1", ROLE, "again")
    assert path.exists() and verdict()[0]


# --- Tampered --------------------------------------------------------------------------------


def change(**values: Any) -> None:
    path, _ = record()
    write(path, {**yaml.safe_load(path.read_text("utf-8")), **values})


def sign(text: str, who: str, keys: Path, tag: str | None = None) -> None:
    be(who, keys)
    git("tag", "--force", "--sign", "--message", text, tag or record()[1])


def move_tag(keys: Path) -> None:
    git("tag", "--force", "--annotate", "--no-sign", "--message", seal(), record()[1])


def seal() -> str:
    return f"Approve\n\n{approve.SEAL}{approve.digest(record()[0])}"


def tag_object(edit: Callable[[str], str]) -> None:
    """Write the tag anew with other words under the same signature."""
    text = edit(git("cat-file", "tag", record()[1])) + "\n"
    made = subprocess.run(
        ["git", "hash-object", "-t", "tag", "-w", "--stdin", "--literally"],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    git("update-ref", f"refs/tags/{record()[1]}", made.stdout.strip())


def other_record(keys: Path) -> None:
    """Eve writes a record of her own and puts its hash under Grace's signature."""
    old = approve.digest(record()[0])
    change(reason="because I say so")
    tag_object(lambda text: text.replace(old, approve.digest(record()[0])))


def other_model(keys: Path) -> None:
    """The record and tag of one model, for another."""
    path, tag = approve.place(registry.find("2").model_id, ROLE)
    shutil.copy(record()[0], path)
    git("tag", tag, record()[1])


def other_role(keys: Path) -> None:
    path, tag = record("project-lead")
    shutil.copy(record()[0], path)
    git("tag", tag, record()[1])


def signer_gone(keys: Path) -> None:
    lines = signing.SIGNERS.read_text().splitlines(keepends=True)
    signing.SIGNERS.write_text("".join(line for line in lines if not line.startswith(GRACE)))


def in_the_name_of(keys: Path) -> None:
    """Ada, who may sign but not this model, signs a record that says Grace."""
    sign(seal(), ADA, keys)


def as_ada(keys: Path) -> None:
    """Ada makes the record one of her own, and signs it: she trained the model."""
    change(approver=ADA)
    sign(seal(), ADA, keys)


TAMPERING: list[tuple[str, Callable[[Path], object], str]] = [
    ("1", lambda keys: change(reason="none"), "is not the record that was signed"),
    ("1", lambda keys: change(metrics={}), "is not the record that was signed"),
    ("1", lambda keys: record()[0].write_text(":"), "is not|not valid YAML|Input should be"),
    ("1", lambda keys: git("tag", "--delete", record()[1]), "is not here: `git fetch --tags`"),
    ("1", lambda keys: git("tag", "--force", record()[1], "HEAD"), "carries no signature"),
    ("1", move_tag, "carries no signature"),
    ("1", other_record, f"no key of {GRACE}"),
    ("1", lambda keys: tag_object(lambda t: t.replace("Approve", "Abolish")), f"no key of {GRACE}"),
    ("1", lambda keys: sign("nothing", GRACE, keys), "is not the record that was signed"),
    ("1", lambda keys: sign(seal(), EVE, keys), f"no key of {GRACE}"),
    ("1", in_the_name_of, f"no key of {GRACE}"),
    ("1", as_ada, "ada@example.com trained the model"),
    ("1", signer_gone, f"no key of {GRACE}"),
    ("2", other_model, "model_sha256 is"),
    ("1", other_role, "the record is one of 'model-validator'"),
]


@pytest.mark.parametrize(("name", "tamper", "told"), TAMPERING)
def test_what_was_tampered_with_is_found(
    name: str, tamper: Callable[[Path], object], told: str, keys: Path
) -> None:
    approve.approve("1", ROLE, WHY)
    assert verdict()[0]
    tamper(keys)
    good, said = verdict(name)
    assert not good
    assert re.search(told, said), said


@pytest.mark.parametrize("name", ["data_md5", "git_commit", "schema_md5", "trained_by"])
def test_a_registry_that_says_other_things_is_found(name: str) -> None:
    approve.approve("1", ROLE, WHY)
    tracking.client().set_tag(registry.find("1").run_id, name, "0" * 40)
    good, said = verdict()
    assert not good and f"{name} is '{'0' * 40}', on record" in said


def test_a_model_that_was_exchanged_is_found() -> None:
    approve.approve("1", ROLE, WHY)
    (registry.fetch(registry.find("1")) / paths.MODEL.name).write_bytes(b"other")
    with pytest.raises(Exception, match="version 1 is damaged"):
        verdict()


def test_metrics_that_were_polished_are_found() -> None:
    approve.approve("1", ROLE, WHY)
    path = tracking.run_files(registry.find("1").run_id, "reports") / paths.METRICS.name
    metrics = json.loads(path.read_text("utf-8"))
    first = next(iter(metrics["model"]))
    metrics["model"][first] += 0.01
    path.write_text(json.dumps(metrics), encoding="utf-8")
    good, said = verdict()
    assert not good and f"model.{first} is" in said


def test_a_required_role_that_is_missing_is_found() -> None:
    write(approve.POLICY, {"required": [ROLE, "project-lead"], "four_eyes": True})
    commit("both")
    approve.approve("1", ROLE, WHY)
    good, said = verdict()
    assert not good and "project-lead has not approved" in said
    approve.approve("1", "project-lead", WHY)
    assert verdict()[0]
    assert not verdict("2")[0]


def test_who_no_longer_holds_the_role_is_found_and_stays_in_the_trail(keys: Path) -> None:
    approve.approve("1", ROLE, WHY)
    roles = yaml.safe_load(Path("docs/roles.yaml").read_text())
    roles["roles"][ROLE]["held_by"] = [ADA]
    write(Path("docs/roles.yaml"), roles)
    good, said = verdict()
    assert not good and "model-validator is held by ada@example.com, not by grace" in said
    done = trail()
    assert done.returncode == 0, done.stderr
    assert "signature and record verified" in done.stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            {"required": "model-validator", "four_eyes": True},
            "required: Input should be a valid list",
        ),
        ({"required": ["emperor"], "four_eyes": True}, "required: .* has no role 'emperor'"),
        (
            {"required": [], "four_eyes": "yes"},
            "four_eyes: Input should be a valid boolean",
        ),
        ({"required": []}, r"approval\.yaml: four_eyes: Field required"),
    ],
)
def test_a_policy_that_is_not_valid_approves_and_verifies_nothing(
    content: dict[str, Any], told: str
) -> None:
    write(approve.POLICY, content)
    commit("policy")
    refused(told)
    with pytest.raises((ApprovalError, SourceError), match=told):
        verdict()


# --- The commands ----------------------------------------------------------------------------


def test_a_release_verifies_the_model_in_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    """As in a release: no registry, the model that lies in models/."""
    from test_registry import take_up

    take_up("1")
    files = tracking.run_files(registry.find("1").run_id, "reports")
    shutil.copytree(files, paths.REPORTS, dirs_exist_ok=True)
    assert approve.main(["--verify"]) == 0
    assert (
        "has no approval, and docs/governance/approval.yaml asks for none"
        in capsys.readouterr().out
    )
    commit("reports")
    assert approve.main(["1", "--role", ROLE, "--reason", WHY]) == 0
    for path in (tracking.DATABASE, Path("mlartifacts")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert approve.main(["--verify"]) == 0
    assert f"pass  {ROLE} approved" in capsys.readouterr().out
    take = Path("raw.csv")
    take.write_text(take.read_text("utf-8") + "\n", encoding="utf-8")
    assert approve.main(["--verify"]) == 1
    assert "FAIL  data_md5 is" in capsys.readouterr().out


def test_role_and_reason_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["1"], ["1", "--role", ROLE], ["1", "--role", ROLE, "--reason", " "]):
        with pytest.raises(SystemExit):
            approve.main(words)
        assert "--role and --reason are needed" in capsys.readouterr().err


# --- The trail -------------------------------------------------------------------------------


def test_the_trail_tells_who_did_what_when_why_on_which_evidence() -> None:
    approve.approve("1", ROLE, WHY)
    registry.promote("1", "<b>first</b> | best", "Ada")
    registry.promote("2", "newer", "Grace", compare=False)
    registry.rollback("it was bad", "Ada")
    done = trail("--json")
    assert done.returncode == 0, done.stderr
    events = json.loads(done.stdout)
    named = [(event["what"], event["version"]) for event in events]
    assert named == [
        ("rollback", "1"),
        ("promotion", "2"),
        ("promotion", "1"),
        (f"approval as {ROLE}", "1"),
        ("registration", "3"),
        ("registration", "2"),
        ("registration", "1"),
    ]
    first = next(e for e in events if e["what"] == "promotion" and e["version"] == "1")
    assert (first["who"], first["why"]) == ("Ada", "<b>first</b> | best")
    assert any(line.startswith("pass: ") for line in first["evidence"])
    assert f"approval as {ROLE} by {GRACE}: signature and record verified" in str(first["evidence"])
    second = next(e for e in events if e["what"] == "promotion" and e["version"] == "2")
    assert "no approval on record by then" in second["evidence"]
    assert "not compared with a champion" in second["evidence"]
    born = next(e for e in events if e["what"] == "registration" and e["version"] == "1")
    assert born["who"] == ADA
    assert f"git_commit {git('rev-parse', 'HEAD~1')}" in born["evidence"]
    page = Path("reports/trail.html").read_text("utf-8")
    assert "&lt;b&gt;first" in page and "<b>" not in page and "http" not in page
    assert page.count("<tr") == len(events) + 1


def test_an_approval_that_is_not_valid_stands_out(capsys: pytest.CaptureFixture[str]) -> None:
    approve.approve("1", ROLE, WHY)
    change(reason="other")
    done = trail()
    assert done.returncode == 1
    assert "NOT VALID" in done.stdout
    assert '<tr class="bad">' in Path("reports/trail.html").read_text("utf-8")
    assert approve.main(["--list"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["valid"], one["reason"], one["approver"]) == (False, "other", GRACE)
    record()[0].write_text(":", encoding="utf-8")
    assert approve.main(["--list"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["approver"] == "unknown"


def test_what_is_wrong_is_said_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    git("config", "--unset", "user.signingkey")
    assert approve.main(["1", "--role", ROLE, "--reason", WHY]) == 1
    assert capsys.readouterr().err.startswith("error: git has no key to sign with")
