"""The registry in a workspace of Azure ML: no aliases, the vendor's plug-in, a stand-in's answers.

The commands run in the environment that the lock of an Azure project makes.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from tests.conftest import git
from tests.delivery.azureml_registry import Json, RefusedError, Workspace, azure
from tests.delivery.test_azureml import jobs_environment  # noqa: F401  a fixture
from tests.project.living import BIN, Project, clean
from tests.render.engines import with_copier

from tdsp.people.governance.trail import Approval, Registry, trail

Answer = tuple[int, str, str]
ADA, GRACE = "ada@example.com", "grace@example.com"
ROLE = "model-validator"


@dataclass
class Session:
    """A project whose commands reach the workspace."""

    root: Path
    workspace: Workspace
    process: "subprocess.Popen[str]"

    def step(self, *words: str, ok: bool = True) -> Answer:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        code, out, err = json.loads(self.process.stdout.readline())
        assert (code == 0) is ok, f"{words}: exit {code}\n{out}\n{err}"
        return code, out, err

    def fewer_rows(self, count: int) -> None:
        rows = self.root / "data/processed/train.parquet"
        pq.write_table(pq.read_table(rows).slice(count), rows)

    def learn(self, name: str, fewer: int) -> None:
        """Make a model of so many rows less, and keep its files by this name."""
        self.fewer_rows(fewer)
        for stage in ("train", "evaluate", "explain", "gate"):
            self.step(stage)
        for folder in ("models/package", "reports"):
            shutil.copytree(self.root / folder, self.root.parent / name / folder)

    def take_up(self, name: str) -> None:
        """Put a model where the pipeline leaves it, and have the gate judge and record it."""
        for folder in ("models/package", "reports"):
            shutil.rmtree(self.root / folder)
            shutil.copytree(self.root.parent / name / folder, self.root / folder)
        self.step("gate")

    @property
    def versions(self) -> list[Json]:
        return self.workspace.models.get("ml_project", [])

    def tags(self, name: str) -> list[str | None]:
        """The value that each version has of a tag."""
        return [each["tags"].get(name) for each in self.versions]

    def be(self, who: str) -> None:
        """Work and sign as this person from now on."""
        key = self.root.parent / "keys" / who
        values = {"user.email": who, "user.name": who, "gpg.format": "ssh"}
        for name, value in {**values, "user.signingkey": f"{key}.pub"}.items():
            git(self.root, "config", name, value)

    def holders(self) -> dict[str, str]:
        lines = [line.split("  ") for line in self.step("models")[1].splitlines()]
        return {
            alias: line[-4].strip() for line in lines for alias in line[-1].split(", ") if alias
        }


@pytest.fixture(scope="module")
def session(
    trained: Project,
    repository: Path,
    jobs_environment: Path,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Session]:
    """Two models in the workspace: the first is the champion, the second the challenger."""
    place = tmp_path_factory.mktemp("azure")
    answers = {"level": "govern", "cloud": "azure", "serving": "both"}
    project = Project(with_copier(repository, place / "ml-project", answers), jobs_environment)
    for name in ("data", "reports", "models"):
        shutil.copytree(trained.root / name, project.root / name, dirs_exist_ok=True)
    project.set("train", cv_folds=2, max_iter=20)
    project.set("evaluate", resamples=100)
    project.set("promote", margin=0.1)
    project.set("gate", minimum=0.5, max_latency_ms=5000)  # of a machine that others use as well
    project.edit(
        "params.yaml", "candidates: [linear, boosting, blend, large]", "candidates: [linear]"
    )
    people = {who: {"name": who, "email": who} for who in (ADA, GRACE)}
    roles = {"holders": people, "roles": {ROLE: {"held_by": [ADA, GRACE]}}}
    (project.root / "docs/roles.yaml").write_text(yaml.safe_dump(roles), encoding="utf-8")
    (place / "keys").mkdir()
    for who in (ADA, GRACE):
        key = place / "keys" / who
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", who, "-f", key], check=True
        )
        with (project.root / "docs/governance/allowed_signers").open("a", encoding="utf-8") as file:
            file.write(f'{who} namespaces="git" {Path(f"{key}.pub").read_text(encoding="utf-8")}')
    project.commit()
    with azure(place) as (workspace, env):
        path = os.pathsep.join([env.pop("AZ"), str(jobs_environment / BIN), os.environ["PATH"]])
        words = [jobs_environment / BIN / "python", Path(__file__).with_name("azure_session.py")]
        env |= {"PATH": path, "PYTHONPATH": "src:.", "GIT_CONFIG_GLOBAL": os.devnull}
        whose = {name for name in os.environ if name.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_"))}
        given = {name: value for name, value in clean(**env).items() if name not in whose}
        with (place / "errors").open("w") as errors, subprocess.Popen(
            words, cwd=project.root, env=given, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        ) as process:  # fmt: skip
            found = Session(project.root, workspace, process)
            found.be(ADA)
            found.learn("one", 0)
            assert found.step("register")[1].endswith(" is challenger\n")
            assert "version 1 (" in found.step("promote", "--reason", "first", "--by", "Ada")[1]
            found.learn("two", 10)
            found.step("register")
            yield found
            assert process.stdin
            process.stdin.close()


@pytest.fixture(autouse=True)
def as_it_was(session: Session) -> Iterator[None]:
    """Each test finds the same versions with the same tags."""
    kept = json.dumps(session.versions)
    yield
    session.workspace.before = lambda call, given: None
    session.workspace.models["ml_project"] = json.loads(kept)


def stop_at(number: int, wanted: str, **tag: str) -> Callable[[str, Json], None]:
    """Let the command end at its nth call of this kind, as if it were killed there."""
    seen: list[Json] = []

    def stop(call: str, given: Json) -> None:
        if call == wanted and tag.items() <= given.items():
            seen.append(given)
            if len(seen) == number:
                raise RefusedError(400, "BAD_REQUEST", "the machine is gone")

    return stop


def promote(session: Session, number: str, reason: str = "newer", ok: bool = True) -> Answer:
    words = ("promote", number, "--reason", reason, "--by", "Ada", "--without-comparison")
    return session.step(*words, ok=ok)


def test_the_stand_in_refuses_what_azure_ml_refuses(session: Session) -> None:
    """Among it are all calls that set, delete and look for aliases."""
    for name, given in (
        ("registered-models/alias", {"name": "ml_project", "alias": "champion", "version": "1"}),
        ("registered-models/search", {"filter": "name='x' AND tags.`a` != 'true'"}),
        ("runs/search", {"experiment_ids": [], "filter": "status = 'FINISHED'"}),
        ("model-versions/create", {"name": "ml_project", "source": "azureml://x", "run_id": "1"}),
        ("model-versions/set-tag", {"name": "ml_project", "version": "1", "key": "a",
                                    "value": "x" * 1001}),
        ("registered-models/rename", {"name": "ml_project", "new_name": "other"}),
    ):  # fmt: skip
        with pytest.raises(RefusedError):
            session.workspace.call(name, given)


def test_a_model_goes_its_way(session: Session) -> None:
    """Registered, compared, promoted, brought back, told of; no call was one that is refused."""
    assert session.holders() == {"champion": "1", "challenger": "2"}
    session.workspace.calls.clear()
    out = session.step("promote", "--reason", "newer", "--by", "Ada")[1]
    assert "not worse than the champion by 0.1" in out
    assert session.holders() == {"champion": "2"}
    assert session.tags("champion") == [None, "2"]
    assert session.tags("challenger") == [None, None]
    assert max(len(value) for each in session.versions for value in each["tags"].values()) == 1000
    told = session.step("lineage", "2")[1]
    assert "promotion by Ada: newer" in told
    assert "- aliases: champion" in told
    assert "version 1 (" in session.step("rollback", "--reason", "worse", "--by", "Ada")[1]
    assert session.holders() == {"champion": "1"}
    assert "no earlier champion" in session.step("rollback", "--reason", "more", ok=False)[2]
    known = Registry.model_validate_json(session.step("models", "--json")[1])
    assert [event.what for event in trail(known, [])][:2] == ["rollback", "promotion"]
    assert "asks for none" in session.step("approve", "--verify", "2")[1]
    assert {call for call in session.workspace.calls if re.search("alias|search|rename", call)} <= {
        "model-versions/search", "runs/search",
    }  # fmt: skip


def test_an_approval_is_signed_and_verified_by_what_the_workspace_holds(session: Session) -> None:
    git(session.root, "add", "-A")
    git(session.root, "commit", "-q", "-m", "as it is")
    said = ("approve", "2", "--role", ROLE, "--reason", "validated")
    assert f"{ADA} trained the model" in session.step(*said, ok=False)[2]
    session.be(GRACE)
    assert session.step(*said)[1].startswith("approved: docs/governance/approvals/")
    assert f"pass  {ROLE} approved" in session.step("approve", "--verify", "2")[1]
    promote(session, "2")
    approved = [Approval(**each) for each in json.loads(session.step("approve", "--list")[1])]
    assert [(each.version, each.approver, each.valid) for each in approved] == [("2", GRACE, True)]
    known = Registry.model_validate_json(session.step("models", "--json")[1])
    events = trail(known, approved)
    assert [event.what for event in events][:2] == ["promotion", f"approval as {ROLE}"]
    assert any(GRACE in line for line in events[0].evidence)
    session.workspace.runs[session.versions[1]["run_id"]]["tags"]["data_md5"] = "0" * 32
    assert "FAIL" in session.step("approve", "--verify", "2", ok=False)[1]
    session.be(ADA)


def test_monitor_looks_at_the_champion_of_the_workspace(session: Session) -> None:
    words = ("monitor", "--input", "data/processed/test.parquet")
    for number in ("1", "2"):
        if number == "2":
            promote(session, number)
        model = session.tags("model_id")[int(number) - 1]
        assert f"rows of model {model}: " in session.step(*words)[1]


def test_a_retraining_makes_a_challenger_and_leaves_the_champion(session: Session) -> None:
    session.step("monitor", "--input", "data/processed/test.parquet")
    words = ("retrain", "--reason", "weekly")
    assert "found no drift" in session.step(*words, "--if-drift")[1]
    session.fewer_rows(10)
    session.workspace.before = stop_at(1, "model-versions/set-tag", key="retrained")
    assert "the machine is gone" in session.step(*words, ok=False)[2]
    session.workspace.before = lambda call, given: None
    assert "is the challenger" in session.step(*words)[1]
    assert session.holders() == {"champion": "1", "challenger": "3"}
    assert session.tags("retrained") == [None, None, "weekly"]
    promote(session, "3")
    assert "the pipeline gives the champion again" in session.step(*words)[1]


def test_the_service_follows_the_champion_of_the_workspace(session: Session) -> None:
    def answers(ok: bool = True) -> list[str]:
        return session.step("service", ok=ok)[1].split()[:2]

    ids = session.tags("model_id")
    assert answers() == ["1", ids[0]]
    promote(session, "2")
    session.workspace.before = stop_at(1, "runs/get")  # while it fetches the new one
    assert answers(ok=False) == []
    session.workspace.before = lambda call, given: None
    assert answers() == ["2", ids[1]]
    session.step("rollback", "--to", "1", "--reason", "worse")
    assert "nothing to do" in session.step("rollback", "--to", "1", "--reason", "worse")[1]
    assert answers() == ["1", ids[0]]


def test_registering_again_changes_nothing(session: Session) -> None:
    session.take_up("two")
    before = json.dumps(session.versions)
    session.step("register")
    assert json.dumps(session.versions) == before


@pytest.mark.parametrize("part", [1, 3])
def test_a_promotion_that_was_cut_short(part: int, session: Session) -> None:
    """In the entry of the history, before it is whole, and before the tag: nothing happened."""
    session.workspace.before = stop_at(part, "model-versions/set-tag")
    assert "the machine is gone" in promote(session, "2", ok=False)[2]
    session.workspace.before = lambda call, given: None
    assert session.holders() == {"champion": "1", "challenger": "2"}
    promote(session, "2", "again")
    history = json.loads(session.step("models", "--json")[1])["history"]
    assert [each["reason"] for each in history] == ["again", "first"]


def test_a_token_that_ends_in_the_middle_of_a_promotion(session: Session) -> None:
    def expired(call: str, given: Json) -> None:
        if call == "model-versions/set-tag":
            raise RefusedError(401)

    session.workspace.before = expired
    said = promote(session, "2", ok=False)[2]
    assert ("401" in said, said.count("\n")) == (True, 1)
    session.workspace.before = lambda call, given: None
    assert session.holders() == {"champion": "1", "challenger": "2"}
    promote(session, "2", "after a new login")
    assert session.holders() == {"champion": "2"}


def test_a_promotion_that_was_cut_short_between_the_two_tags(session: Session) -> None:
    """Both versions have the tag then; the later one counts, and the next move clears both."""
    session.workspace.before = stop_at(1, "model-versions/delete-tag", key="champion")
    promote(session, "2", ok=False)
    session.workspace.before = lambda call, given: None
    assert session.tags("champion") == ["1", "2"]
    assert session.holders()["champion"] == "2"
    session.step("rollback", "--reason", "worse")
    assert session.tags("champion") == ["3", None]
    assert session.holders()["champion"] == "1"


def test_two_champions_at_once_are_one(session: Session) -> None:
    """Another machine promotes in the same moment, and both write the same number."""

    def meanwhile(call: str, given: Json) -> None:
        if call == "model-versions/set-tag" and given["key"] == "champion":
            session.versions[2]["tags"]["champion"] = given["value"]

    third = json.loads(json.dumps(session.versions[1]))
    session.versions.append({**third, "version": "3", "tags": {**third["tags"], "model_id": "x"}})
    session.workspace.before = meanwhile
    said = promote(session, "2", ok=False)[2]
    assert "the champion is version 3 since a moment ago" in said
    assert session.holders()["champion"] == "3"


def test_a_tag_that_was_taken_away_by_hand(session: Session) -> None:
    """There is no champion then, rather than an older one; a promotion makes one again."""
    promote(session, "2")
    del session.versions[1]["tags"]["champion"]
    assert session.holders() == {}
    assert "no earlier champion" in session.step("rollback", "--reason", "worse", ok=False)[2]
    promote(session, "1", "anew")
    assert session.holders() == {"champion": "1"}


def test_a_tag_that_was_written_by_hand(session: Session) -> None:
    for value in ("true", "", "-1", "²"):
        session.versions[1]["tags"]["champion"] = value
        assert session.holders()["champion"] == "1"


def test_a_registration_that_was_cut_short(session: Session) -> None:
    """Its files are in the run already, and Azure ML lets nobody write them again."""
    session.learn("three", 10)
    session.workspace.before = stop_at(1, "model-versions/create")
    session.step("register", ok=False)
    session.workspace.before = lambda call, given: None
    session.step("register")
    assert session.holders()["challenger"] == "3"


def test_files_that_are_damaged_there(session: Session) -> None:
    """Nobody can put them right in the same run: a new one has to be recorded."""
    name = f"{session.versions[1]['run_id']}/model/package/model.skops"
    whole = session.workspace.files[name]
    session.workspace.files[name] = whole[:-1]
    assert "version 2 is damaged" in promote(session, "2", ok=False)[2]
    session.take_up("two")
    session.step("register")
    assert session.holders()["challenger"] == "3"
    session.workspace.files[name] = whole


@pytest.mark.parametrize(
    ("status", "code", "said"), [(401, "", "401"), (503, "", "503"), (429, "REQUEST_LIMIT", "")]
)
def test_an_answer_that_is_an_error(status: int, code: str, said: str, session: Session) -> None:
    def refuse(*_: Any) -> None:
        raise RefusedError(status, code, "no")

    session.workspace.before = refuse
    error = session.step("models", ok=False)[2]
    assert error.startswith("error: the registry at azureml://westeurope")
    assert said in error
    assert error.count("\n") == 1
