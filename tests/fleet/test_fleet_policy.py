"""The policy of a fleet: each rule with a row that keeps it and one that breaks it."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tdsp.errors import TdspError
from tdsp.fleet import store
from tdsp.fleet.cli import app
from tdsp.fleet.policy import explain, judge, marked, read_policy
from tdsp.fleet.snapshot import Finding, Model, Row, Snapshot

TODAY = date(2026, 11, 20)
GOOD = Row(
    "good", "/good", "risk", ("ann",), "ok", kind="tdsp", template_version="v0.2.0",
    maturity={"Model creation": 2, "Model release": 2, "Application integration": 2, "Google": 1},
    model=Model("m", "1", "", "2026-11-01", {}, True), answers={"license": "MIT", "sso": "true"},
)  # fmt: skip
BROKEN = {
    "checks: [TR03]": replace(GOOD, findings=(Finding("TR03", "note", "a.py", 1, "m"),)),
    "checks: [leakage]": replace(GOOD, findings=(Finding("TR03", "note", "a.py", 1, "m"),)),
    "most_errors: 1": replace(GOOD, errors=2),
    "most_warnings: 1": replace(GOOD, warnings=2),
    "answers: {license: [MIT, Proprietary]}": replace(GOOD, answers={"license": "GPL"}),
    "answers: {sso: [true]}": replace(GOOD, answers={"sso": "false"}),
    "template: v0.2.0": replace(GOOD, template_version="v0.1.9"),
    "template: current": replace(GOOD, template_version="v0.1.9-3-gabcdef0"),
    "model_days: 30": replace(GOOD, model=replace(GOOD.model, trained="2026-10-01")),
    "model_required: true": replace(GOOD, model=None),
    "maturity: 2": replace(GOOD, maturity={**(GOOD.maturity or {}), "Model release": 1}),
    "maturity: {Google: 1}": replace(GOOD, maturity={"Google": 0}),
    "owners: true": replace(GOOD, owners=()),
    "no_expired: true": replace(GOOD, expired=("python 3.9",)),
}


def snapshot(*rows: Row) -> Snapshot:
    """Return a snapshot whose current release is v0.2.0."""
    return Snapshot("2026-11-20T06:00:00Z", "0.1.0", rows, "v0.2.0", "2026-11-01")


def policy(folder: Path, text: str) -> Path:
    """Write policy.yml."""
    path = folder / "policy.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("named", "counts"), [("MN01", True), ("monitoring", False)])
def test_an_info_counts_only_for_a_rule_that_names_its_check(
    tmp_path: Path, named: str, counts: bool
) -> None:
    """It is right too seldom to break a rule about a whole family."""
    row = replace(GOOD, findings=(Finding("MN01", "info", "a.py", 1, "m"),))
    assert row.shown == ()
    asked = read_policy(policy(tmp_path, f"rules:\n  - {{name: r, checks: [{named}]}}\n"))
    assert bool(judge(asked, snapshot(row), TODAY).breaches) == counts


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_is_kept_and_broken(tmp_path: Path, rule: str) -> None:
    """The breach names the key that decided."""
    asked = read_policy(policy(tmp_path, f"rules:\n  - {{name: r, {rule}}}\n"))
    assert judge(asked, snapshot(GOOD), TODAY).breaches == ()
    (breach,) = judge(asked, snapshot(BROKEN[rule]), TODAY).breaches
    assert breach.rule == "r"
    assert breach.what.startswith(rule.partition(":")[0] + ": ")


def test_a_rule_speaks_of_what_it_names(tmp_path: Path) -> None:
    """Kinds, groups and names narrow it down; a failed row is not judged."""
    lacking = replace(GOOD, owners=())
    for narrow, hit in (
        ("kinds: [tdsp]", True), ("kinds: ['not ml']", False), ("groups: [risk]", True),
        ("groups: [other]", False), ("repositories: ['go*']", True), ("repositories: [x]", False),
    ):  # fmt: skip
        asked = read_policy(policy(tmp_path, f"rules: [{{name: r, owners: true, {narrow}}}]\n"))
        assert bool(judge(asked, snapshot(lacking), TODAY).breaches) is hit, narrow
        assert not judge(asked, snapshot(replace(lacking, state="failed")), TODAY).breaches


def test_what_is_not_known_breaks_only_what_asks_for_it(tmp_path: Path) -> None:
    """A model without a day breaks a maximum age; a repository without a model does not."""
    asked = read_policy(policy(tmp_path, "rules: [{name: r, model_days: 30}]\n"))
    assert not judge(asked, snapshot(replace(GOOD, model=None)), TODAY).breaches
    undated = replace(GOOD, model=replace(GOOD.model, trained=""))
    assert "nobody knows" in judge(asked, snapshot(undated), TODAY).breaches[0].what
    current = read_policy(policy(tmp_path, "rules: [{name: r, template: current}]\n"))
    unknown = replace(snapshot(GOOD), release="")
    assert "does not know" in judge(current, unknown, TODAY).breaches[0].what
    odd = replace(GOOD, template_version="d51e7f4")
    assert "is no release" in judge(current, snapshot(odd), TODAY).breaches[0].what


EXCEPTED = """\
rules:
  - name: owned
    owners: true
exceptions:
  - rule: owned
    repositories: [go*]
    owner: ann
    reason: it is new here
    until: 2026-11-20
"""


def test_maturity_is_asked_of_machine_learning_only(tmp_path: Path) -> None:
    path = policy(tmp_path, "rules:\n  - {name: ripe, maturity: 1}\n")
    none = replace(GOOD, maturity={})
    found = snapshot(replace(none, kind="not ml"), replace(none, name="other"))
    broken = judge(read_policy(path), found, TODAY).breaches
    assert {each.repository for each in broken} == {"other"}


def test_an_exception_ends(tmp_path: Path) -> None:
    """Its last day is its own; then the rule is broken, and the exception is an error."""
    path = policy(tmp_path, EXCEPTED)
    asked, found = read_policy(path), snapshot(replace(GOOD, owners=()))
    held = judge(asked, found, TODAY)
    assert (held.open, held.expired, held.unused) == ([], (), ())
    assert held.breaches[0].excepted == "ann until 2026-11-20: it is new here"
    assert marked(found, held).rows[0].excepted == ("owned",)
    over = judge(asked, found, date(2026, 11, 21))
    assert len(over.open) == 1
    assert over.expired == ("owned for go*, by ann, until 2026-11-20",)
    assert judge(asked, snapshot(GOOD), TODAY).unused == (
        "owned for go*, by ann, until 2026-11-20",
    )


def test_explain_says_which_line_decided(tmp_path: Path) -> None:
    path = policy(tmp_path, EXCEPTED)
    asked, found = read_policy(path), snapshot(replace(GOOD, owners=()))
    assert explain(asked, path, found, "good", TODAY) == [
        "policy.yml:3: owned: broken: owners: nobody is named in fleet.yml or CODEOWNERS",
        "  excepted by policy.yml:5: ann until 2026-11-20: it is new here",
    ]
    later = explain(asked, path, found, "good", date(2026, 12, 1))
    assert later[1] == "  policy.yml:5: the exception ended on 2026-11-20"
    assert explain(asked, path, snapshot(GOOD), "good", TODAY) == ["policy.yml:2: owned: kept"]
    failed = snapshot(replace(GOOD, state="failed", reason="gone"))
    assert "could not be read" in explain(asked, path, failed, "good", TODAY)[0]
    with pytest.raises(TdspError, match="no repository none"):
        explain(asked, path, found, "none", TODAY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: []\n", "rules: one at least"),
        ("rules: [{name: r}]\n", "asks for nothing"),
        ("rules: [{name: r, owner: true}]\n", "owner: not a key here; allowed are name, kinds"),
        ("rules: [{name: r, checks: [ZZ99]}]\n", "no such check or family: ZZ99"),
        ("rules: [{name: r, template: newest}]\n", "is no version"),
        ("rules: [{name: r, maturity: 5}]\n", "less than or equal to 4"),
        ("rules: [{name: r, maturity: {Models: 2}}]\n", "no such area: Models"),
        ("rules: [{name: r, kinds: [r], owners: true}]\n", "kinds"),
        ("rules: [{name: r, owners: true}, {name: r, owners: true}]\n", "each name"),
        (EXCEPTED.replace("rule: owned", "rule: x"), "no such rule: x; there are owned"),
        (EXCEPTED.replace("2026-11-20", "soon"), "it is a day such as"),
        (EXCEPTED.replace("it is new here", "new"), "a reason in words"),
        (EXCEPTED.replace("    owner: ann\n", ""), "exceptions.0.owner: is missing"),
        (EXCEPTED.replace("    until: 2026-11-20\n", ""), "exceptions.0.until: is missing"),
    ],
)
def test_a_wrong_policy_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TdspError) as caught:
        read_policy(policy(tmp_path, text))
    assert message in str(caught.value)


def test_the_command_ends_as_it_says(tmp_path: Path) -> None:
    """0 kept, 1 broken, 3 only failed, 4 empty, 2 a wrong file."""
    (tmp_path / "fleet.yml").write_text("repositories: [a]\npolicy: policy.yml\n")
    policy(tmp_path, "rules: [{name: owned, owners: true}]\n")

    def ended(*rows: Row, words: tuple[str, ...] = ()) -> tuple[int, str]:
        store.save_as(snapshot(*rows), tmp_path / "snapshots/one.json")
        done = CliRunner().invoke(app, ["policy", str(tmp_path / "fleet.yml"), *words])
        return done.exit_code, done.output

    failed = replace(GOOD, name="gone", state="failed", reason="it is gone")
    assert ended(GOOD)[0] == 0
    code, said = ended(replace(GOOD, owners=()), failed)
    assert code == 1
    assert "broken    good: owned: owners" in said
    assert said.splitlines()[-1] == "failed  gone: it is gone"
    assert ended(GOOD, failed)[0] == 3
    assert ended()[0] == 4
    code, said = ended(replace(GOOD, owners=()), words=("--format", "json"))
    assert json.loads(said)["breaches"][0]["rule"] == "owned"
    assert ended(GOOD, words=("--explain", "good"))[1] == "policy.yml:1: owned: kept\n"
    (tmp_path / "fleet.yml").write_text("repositories: [a]\n")
    assert ended(GOOD)[0] == 2


def test_the_command_judges_by_a_day_that_is_asked_for(tmp_path: Path) -> None:
    """So that a lead sees today which exceptions will be over."""
    policy(tmp_path, EXCEPTED)
    (tmp_path / "fleet.yml").write_text("repositories: [x]\npolicy: policy.yml\n")
    store.save(snapshot(replace(GOOD, owners=())), tmp_path / "snapshots")
    words = ["policy", str(tmp_path / "fleet.yml"), "--day"]
    ends = {}
    for day in ("2026-11-20", "2026-11-21", "tomorrow"):
        done = CliRunner().invoke(app, [*words, day])
        ends[day] = done.exit_code, "past its day" in done.output
    assert ends == {
        "2026-11-20": (0, False),
        "2026-11-21": (1, True),
        "tomorrow": (2, False),
    }
