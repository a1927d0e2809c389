"""Rollouts, really run: nginx, two versions of a trained service, traffic, and what it saw."""

import json
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.rollouts import (
    HEALTHY,
    Desk,
    Seen,
    ask,
    gap,
    kill,
    make,
    nginx,
    seconds_back,
)
from tests.project.living import Project

NGINX = nginx()
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (nginx-light)")
# What chance may do to a share: this many standard deviations, once in 15,000 runs.
SIGMAS = 4


@pytest.fixture(scope="session")
def everything(online: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The proxy with the first version behind it, as a first deployment leaves it."""
    desk = make(online, tmp_path_factory.mktemp("versions"))
    desk.plan("canary", "2s", "2s", "2s")
    try:
        done = desk.deploy("first")
        assert "watched" not in done.stdout  # there is nobody to protect from it
        yield desk
    finally:
        desk.stop()
        assert not desk.processes()


@pytest.fixture
def desk(everything: Desk) -> Desk:
    """The same, with one of the two good versions in service, all by itself."""
    everything.instances = 1
    state = everything.state()
    assert state["new"] is None
    assert state["live"]["model"] in (everything.model("first"), everything.model("good"))
    assert ask(everything.port, everything.rows[0]).model == state["live"]["model"]
    return everything


@pytest.fixture
def guarded(desk: Desk) -> Desk:
    """The same, with the first version in service."""
    if desk.other() == "first":
        desk.plan("blue-green", "0s")
        desk.deploy("first")
    return desk


def share(seen: list[Seen], model: str) -> float:
    return sum(one.model == model for one in seen) / len(seen)


def between(seen: list[Seen], begin: float, end: float) -> list[Seen]:
    return [one for one in seen if begin < one.began < end - 0.3]


@needs_nginx
def test_canary_splits_by_its_weight_and_then_takes_all(desk: Desk) -> None:
    coming = desk.other()
    new = desk.model(coming)
    desk.plan("canary", "4s", "2s", "1s")
    (plan := desk.project.root / "deploy/rollout.yaml").write_text(
        plan.read_text("utf-8").replace("weight: 5,", "weight: 20,"), encoding="utf-8"
    )
    with desk.traffic() as traffic:
        done = desk.deploy(coming)
    assert "weight 20 %" in done.stdout
    assert not traffic.failed()
    firsts = [one.began for one in traffic.seen if one.model == new]
    steps = between(traffic.seen, min(firsts), min(firsts) + 4)
    margin = SIGMAS * (0.2 * 0.8 / len(steps)) ** 0.5
    assert len(steps) > 150
    assert abs(share(steps, new) - 0.2) < margin + 0.01
    assert share(traffic.seen[-20:], new) == 1
    assert desk.processes() == desk.ports()


@needs_nginx
@pytest.mark.parametrize(("strategy", "instances"), [("blue-green", 1), ("ramped", 2)])
def test_nothing_is_dropped(desk: Desk, strategy: str, instances: int) -> None:
    """Neither on the way to the new version, nor back."""
    old, coming = desk.live(), desk.other()
    new = desk.model(coming)
    desk.instances = instances
    desk.plan(strategy, "1s", "1s")
    with desk.traffic() as traffic:
        desk.deploy(coming)
        assert desk.live() == new
        assert ask(desk.port, desk.rows[0]).model == new
        desk.undo()
        assert ask(desk.port, desk.rows[0]).model == old
    assert len(traffic.seen) > 300
    assert traffic.failed() == []
    assert traffic.models("all") == {old, new}
    running = len(desk.processes())
    assert running == (2 * instances if strategy == "blue-green" else instances)


@needs_nginx
def test_recreate_has_a_gap_which_is_told_and_bounded(desk: Desk) -> None:
    old, coming = desk.live(), desk.other()
    new = desk.model(coming)
    desk.plan("recreate", "1s")
    with desk.traffic() as traffic:
        desk.deploy(coming)
    assert {one.status for one in traffic.failed()} == {503}
    assert 0.3 < gap(traffic.seen) < 30
    order = [one.model for one in sorted(traffic.seen, key=lambda s: s.began) if one.status == 200]
    assert order == sorted(order, key=[old, new].index)


@needs_nginx
def test_an_ab_group_stays_on_its_variant(desk: Desk) -> None:
    old, coming = desk.live(), desk.other()
    new = desk.model(coming)
    desk.plan("ab-test", "4s", "0s")
    groups = {
        "by_header": {"X-Variant": "b"},
        "by_cookie": {"Cookie": "theme=dark; variant=b"},
        "other_value": {"X-Variant": "a", "Cookie": "variant=b"},
        "nobody": {},
    }
    with desk.traffic(**groups) as traffic:
        traffic.headers |= {}
        desk.deploy(coming)
    begin = min(one.began for one in traffic.seen if one.model == new)
    end = min(one.began for one in traffic.seen if one.model == new and one.group == "nobody")
    assert end - begin > 3
    test = [one for one in traffic.seen if begin + 0.3 < one.began < end - 0.3]
    for group in groups:
        answered = {one.model for one in test if one.group == group}
        wanted = new if group in ("by_header", "by_cookie") else old
        assert answered == {wanted}, group
    assert not traffic.failed()


@needs_nginx
def test_a_shadow_gets_the_requests_and_never_answers_a_client(desk: Desk) -> None:
    old, coming = desk.live(), desk.other()
    new = desk.model(coming)
    desk.plan("shadow", "3s", "0s")
    copies = desk.project.root / "deploy/local/run/copies.log"
    with desk.traffic() as traffic:
        done = desk.deploy(coming)
    port = desk.state()["live"]["ports"][0]
    copied = [line for line in copies.read_text("utf-8").splitlines() if f":{port}" in line]
    first = min((one.began for one in traffic.seen if one.model == new), default=time.time())
    shadowed = [one for one in traffic.seen if first - 3 < one.began < first - 0.5]
    assert len(copied) > 0.8 * len(shadowed) > 50
    assert all(line.split()[1] == "200" for line in copied)
    assert {one.model for one in shadowed} == {old}
    found = re.search(r"mirror 100 %.*?\n.*?(\d+) requests, 0 errors", done.stdout)
    assert found is not None
    assert 0.8 * len(copied) < int(found[1]) <= len(copied)
    assert not traffic.failed()


@needs_nginx
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("errors", r"aborted: \d+ of \d+ answers are errors"),
        ("slow", r"aborted: 99 % of the answers take up to \d{4,} ms"),
        ("worse", r"aborted: not so: roc_auc is at least 0\.\d+ \(0\.\d+ on"),
    ],
)
def test_a_bad_version_is_aborted_and_the_old_one_answers(
    guarded: Desk, bad: str, reason: str
) -> None:
    desk = guarded
    desk.plan("canary", "30s", "30s", "30s", min_requests=20)
    (plan := desk.project.root / "deploy/rollout.yaml").write_text(
        plan.read_text("utf-8").replace("weight: 5,", "weight: 40,").replace("25,", "50,"), "utf-8"
    )
    with desk.traffic() as traffic:
        done = desk.deploy(bad, ok=False)
        since = time.time()
        time.sleep(1)
    assert done.returncode == 1
    assert re.search(reason, done.stdout), done.stdout
    assert "error: " in done.stderr
    assert seconds_back(done) < 15
    old = desk.model("first")
    assert {one.model for one in traffic.seen if one.began > since} == {old}
    by_old = [one for one in traffic.seen if one.model in ("", old)]
    assert desk.live() == old
    failed = traffic.failed()
    assert {one.status for one in failed} <= {500}
    if bad == "worse":  # found out before anybody was sent there
        assert not failed
        assert desk.model(bad) not in traffic.models("all")
    elif bad == "errors":
        assert 0 < len(failed) < len(traffic.seen) / 4
    assert len(by_old) > 100
    assert gap(traffic.seen) < 5  # somebody was always answered
    assert desk.processes() == desk.ports()


@needs_nginx
@pytest.mark.parametrize("strategy", ["canary", "ramped"])
def test_a_killed_deployment_leaves_a_proxy_that_answers(desk: Desk, strategy: str) -> None:
    coming = desk.other()
    new = desk.model(coming)
    desk.plan(strategy, "1s", "1s", "1s")
    chance = random.Random()
    with desk.traffic() as traffic:
        for _ in range(2):
            kill(desk.start(coming), chance.uniform(3, 12))
            assert ask(desk.port, desk.rows[0]).status == 200
        desk.deploy(coming)
    assert desk.live() == new
    assert not traffic.failed()
    assert desk.processes() == desk.ports()


@needs_nginx
def test_a_killed_proxy_is_put_right_by_the_next_command(desk: Desk) -> None:
    """The workers of a killed nginx keep its port, and answer by the old configuration."""
    folder = desk.project.root / "deploy/local/run"
    coming = desk.other()
    desk.plan("canary", "0s", "0s", "0s")
    os.kill(int((folder / "nginx.pid").read_text()), signal.SIGKILL)
    assert ask(desk.port, desk.rows[0]).status == 200
    desk.deploy(coming)
    assert ask(desk.port, desk.rows[0]).model == desk.model(coming)
    os.kill(int((folder / "nginx.pid").read_text()), signal.SIGKILL)
    desk.stop()
    assert ask(desk.port, desk.rows[0]).status == 0
    assert not desk.processes()
    desk.deploy(coming)


@needs_nginx
def test_a_stopped_deployment_undoes_itself_and_a_second_one_is_refused(desk: Desk) -> None:
    old, coming = desk.live(), desk.other()
    desk.plan("canary", "60s", "60s", "60s")
    with desk.traffic() as traffic:
        process = desk.start(coming)
        limit = time.monotonic() + 60
        while desk.state()["weight"] != 5 and time.monotonic() < limit:
            time.sleep(0.1)
        refused = desk.deploy(coming, ok=False)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
    assert "another rollout is running" in refused.stderr
    assert desk.live() == old
    assert desk.state()["new"] is None
    assert not traffic.failed()


@needs_nginx
def test_a_model_that_its_gate_rejects_is_not_deployed(desk: Desk, tmp_path: Path) -> None:
    old, coming = desk.live(), desk.other()
    rejected = desk.versions[coming].copy(tmp_path / "rejected")
    verdict = {**rejected.yaml("reports/gate.json"), "passed": False}
    (rejected.root / "reports/gate.json").write_text(json.dumps(verdict), encoding="utf-8")
    desk.versions["rejected"] = rejected
    done = desk.deploy("rejected", ok=False)
    assert done.returncode == 1
    assert "has not passed the gate" in done.stderr
    assert desk.live() == old


@needs_nginx
def test_the_probe_tells_what_is_wrong(guarded: Desk) -> None:
    desk = guarded  # the probe expects the model of the project that it is run in
    url = f"http://127.0.0.1:{desk.port}"
    done = desk.project.run("poe", "-q", "probe", "--url", url, "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["passed"] is True
    assert len(told["checks"]) == 8
    for options, reason in {
        ("--model", "0123456789ab"): "the model is 0123456789ab",
        ("--max-p99-ms", "0.001"): "a row takes at most 0.001 ms",
        ("--against", url, "--max-metric-loss", "-0.01"): "roc_auc is at least 1.0",
    }.items():
        done = desk.project.run("poe", "probe", "--url", url, *options, ok=False)
        assert done.returncode == 1
        assert reason in done.stderr
    done = desk.project.run("poe", "probe", "--url", "http://127.0.0.1:1", ok=False)
    assert done.returncode == 1
    assert "/health/live: status 599" in done.stdout
    assert HEALTHY > 120  # more than these probes ask: the bad versions are still well then
