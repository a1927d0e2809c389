"""A rollout takes its steps in order, and whatever goes wrong brings the old version back."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import plan, steps
from deploy.local import proxy
from deploy.local.state import State, Version
from deploy.plan import Abort, Figures, Plan, RolloutError, Step

ROOT = Path(__file__).parents[3]
OWN: dict[str, Any] = yaml.safe_load((ROOT / "deploy/rollout.yaml").read_text("utf-8"))
ABORT = {"max_error_rate": 0.1, "max_p99_ms": 100, "max_metric_loss": 0.02, "min_requests": 10}
STEPS = [{"weight": 10, "bake": "0s"}, {"weight": 100, "bake": "0.01s"}]
CANARY: dict[str, Any] = {"strategy": "canary", "steps": STEPS, "abort": ABORT}
MATCH = {"header": "x-variant", "cookie": "variant", "value": "b"}


class Recorder:
    """A platform that only writes down what it is told."""

    pause = 0.0

    def __init__(self, seen: Figures = Figures(), was_there: bool = True) -> None:  # noqa: B008
        self.calls: list[str] = []
        self.figures, self.was_there = seen, was_there

    def settle(self) -> None:
        self.calls.append("settle")

    def start(self) -> bool:
        self.calls.append("start")
        return self.was_there

    def apply(self, step: Step) -> None:
        self.calls.append(str(step))

    def seen(self) -> Figures:
        return self.figures

    def finish(self) -> None:
        self.calls.append("finish")

    def back(self) -> None:
        self.calls.append("back")


def quiet(text: str) -> None:
    assert text


def test_the_file_of_this_project_is_valid() -> None:
    assert plan.load(ROOT / "deploy/rollout.yaml").strategy == OWN["strategy"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"strategy": "big-bang"}, "strategy"),
        ({"steps": []}, "steps"),
        ({"steps": STEPS[:1]}, "the last one must be 100"),
        ({"steps": STEPS[::-1]}, "must grow"),
        ({"steps": [{"weight": 100, "bake": 5}]}, "not a duration"),
        ({"steps": [{"weight": 101, "bake": "5m"}]}, "steps.0.weight"),
        ({"steps": [{"wait": 100, "bake": "5m"}]}, "steps.0.wait"),
        ({"steps": [{"mirror": 100, "bake": "5m"}, *STEPS]}, "shadow has a step with a mirror"),
        ({"match": MATCH}, "ab-test has a match"),
        ({"match": {**MATCH, "value": "b; return 200"}}, "match.value"),
        ({"abort": {**ABORT, "max_error_rate": 2}}, "abort.max_error_rate"),
        ({"abort": {}}, "abort.max_p99_ms"),
    ],
)
def test_a_wrong_plan_is_refused_by_name(
    change: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "rollout.yaml"
    path.write_text(yaml.safe_dump({**CANARY, **change}), encoding="utf-8")
    with pytest.raises(RolloutError, match=reason):
        plan.load(path)


@pytest.mark.parametrize(("text", "value"), [("30s", 30), ("5m", 300), ("1h", 3600), ("0.5s", 0.5)])
def test_durations(text: str, value: float) -> None:
    assert plan.seconds(text) == value


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (Figures(100, 10, 100.0), ""),
        (Figures(100, 11, 1.0), "11 of 100 answers are errors"),
        (Figures(100, 0, 101.0), "take up to 101 ms"),
        (Figures(9, 9, 999.0), ""),
        (Figures(), ""),
    ],
)
def test_limits_are_held_against_what_is_seen(seen: Figures, reason: str) -> None:
    found = Abort.model_validate(ABORT).reason(seen)
    assert reason in found
    assert bool(found) == bool(reason)


def test_the_steps_are_taken_in_order() -> None:
    platform = Recorder()
    steps.roll(platform, Plan.model_validate(CANARY), quiet)
    assert platform.calls == ["settle", "start", "weight 10 %", "weight 100 %", "finish"]


def test_a_first_version_needs_no_steps() -> None:
    platform = Recorder(was_there=False)
    steps.roll(platform, Plan.model_validate(CANARY), quiet)
    assert platform.calls == ["settle", "start", "finish"]


def test_too_many_errors_bring_the_old_version_back() -> None:
    platform, said = Recorder(Figures(100, 50, 1.0)), list[str]()
    with pytest.raises(RolloutError, match="50 of 100"):
        steps.roll(platform, Plan.model_validate(CANARY), said.append)
    assert platform.calls == ["settle", "start", "weight 10 %", "back"]
    assert any("50 of 100" in line for line in said)


@pytest.mark.parametrize("at", ["start", "apply", "seen", "finish"])
@pytest.mark.parametrize("error", [RolloutError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_whatever_goes_wrong_is_undone(
    at: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    platform = Recorder()
    monkeypatch.setattr(platform, at, fail)
    with pytest.raises(type(error)):
        steps.roll(platform, Plan.model_validate(CANARY), quiet)
    assert platform.calls[-1] == "back"


def versions(**changes: Any) -> State:
    live = Version(name="one", model="m1", ports=[7001, 7002])
    new = Version(name="two", model="m2", ports=[7003])
    return State(live=live, new=new, **changes)


@pytest.mark.parametrize(
    ("state", "wanted", "unwanted"),
    [
        (State(), ["return 503;"], ["proxy_pass", "upstream live"]),
        (State(new=Version(name="two", model="m2", ports=[7003])), ["return 503;"], ["proxy_pass"]),
        (versions(), ["default live;"], ["default new;", "mirror", "split_clients"]),
        (versions(weight=5), ["split_clients $request_id $drawn { 5% new; * live; }"], ["503"]),
        (versions(weight=100), ["default new;"], ["default live;"]),
        (versions(mixed=True), ["127.0.0.1:7003;"], ["upstream new", "split_clients"]),
        (versions(mirror=100), ["mirror /_copy;", 'default yes;'], ["split_clients"]),
        (versions(mirror=50), ["split_clients $request_id $copied { 50% yes; * no; }"], []),
    ],
)  # fmt: skip
def test_nginx_is_told_the_state(state: State, wanted: list[str], unwanted: list[str]) -> None:
    text = proxy.configuration(state, None, root=False)
    assert [part for part in wanted if part not in text] == []
    assert [part for part in unwanted if part in text] == []


def test_a_group_is_matched_until_everybody_has_the_new_version() -> None:
    match = plan.Match.model_validate(MATCH)
    text = proxy.configuration(versions(), match, root=False)
    assert 'map $http_x_variant $version { b new; "" $by_cookie; default $drawn; }' in text
    assert "$by_cookie" not in proxy.configuration(versions(weight=100), match, root=False)
