"""Alert rules and dashboard: Prometheus' own tool runs them, over what service and monitor tell."""

import copy
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import ROOT
from tests.project.living import FOUND, Project, environment
from tests.render.engines import Answers, with_copier

ANSWERS: dict[str, Answers] = {
    "classes": {"project_name": "Churn model", "serving": "online", "rollout": "canary"},
    # A name that YAML would take for a truth value.
    "numbers": {
        "project_name": "Yes", "serving": "both", "problem_type": "regression", "cloud": "azure",
    },
    "managed": {"serving": "online", "cloud": "azure", "platform": "azureml"},
}  # fmt: skip
SERVICE = ["ErrorBudgetBurnsFast", "ErrorBudgetBurnsSlowly", "PredictionsSlow", "NoModelServes"]
SERVICE += ["RowsLost", "ReloadsFail"]
MONITOR = ["DriftFound", "DriftNotJudged", "MonitorSilent", "ModelOld"]
PAGE = "docs/runbooks/alerts.md"
LIMIT = re.compile(r"(>|==) ([\d.]+)( \* [\d.]+)?")
SELECTOR = re.compile(r"\b([a-zA-Z_:][\w:]*)\{[^}]*\}")

Document = dict[str, Any]


@pytest.fixture(scope="module")
def projects(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    place = tmp_path_factory.mktemp("watching")
    return {
        name: Project(with_copier(plain, place / name, answers), environment(FOUND[0]))
        for name, answers in ANSWERS.items()
    }


def promtool(*words: object, cwd: Path) -> str:
    """Run promtool; return what it finds wrong, nothing if all is well."""
    if (program := shutil.which("promtool")) is None:
        pytest.skip("promtool of Debian's package prometheus is not installed here")
    done = subprocess.run(
        [program, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr if done.returncode else ""


def watch(project: Project, name: str) -> Document:
    return dict(yaml.safe_load((project.root / "deploy/watch" / name).read_text(encoding="utf-8")))


def alerts(rules: Document) -> dict[str, Document]:
    every = [rule for group in rules["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in every if "alert" in rule}


def expected_alerts(of: str) -> list[str]:
    return MONITOR if of == "managed" else SERVICE + MONITOR


@pytest.mark.parametrize("of", ANSWERS)
def test_the_rules_pass_their_own_tests(of: str, projects: dict[str, Project]) -> None:
    folder = projects[of].root / "deploy/watch"
    assert list(alerts(watch(projects[of], "alerts.yaml"))) == expected_alerts(of)
    assert promtool("check", "rules", "alerts.yaml", cwd=folder) == ""
    assert promtool("test", "rules", "alerts_test.yaml", cwd=folder) == ""


def outcomes(tests: Document, alert: str) -> set[bool]:
    """Whether the cases of an alert show it fire, and stay quiet."""
    asked = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    found = set()
    for case in tests["tests"]:
        asks = case.get("promql_expr_test", [])
        found |= {bool(one["exp_samples"]) for one in asks if one["expr"] == asked}
        rules = case.get("alert_rule_test", [])
        found |= {bool(one["exp_alerts"]) for one in rules if one["alertname"] == alert}
    return found


@pytest.mark.parametrize("of", ANSWERS)
def test_each_alert_is_shown_to_fire_and_to_stay_quiet(
    of: str, projects: dict[str, Project]
) -> None:
    tests = watch(projects[of], "alerts_test.yaml")
    shown = {alert: outcomes(tests, alert) for alert in expected_alerts(of)}
    assert shown == {alert: {True, False} for alert in expected_alerts(of)}
    cases = [case for case in tests["tests"] if not case["name"].startswith("ModelOld")]
    assert outcomes({"tests": cases}, "ModelOld") == set()


def mutants(rule: Document) -> dict[str, Document]:
    """Wrong rules that resemble this one: what is wrong, and the rule."""
    found = {"never fires": {**rule, "expr": f"({rule['expr']}) and vector(1) > 2"}}
    for number, limit in enumerate(LIMIT.finditer(rule["expr"])):
        for told, instead in (("no limit", "> -1e15"), ("unreachable", "> 1e15")):
            expr = rule["expr"][: limit.start()] + instead + rule["expr"][limit.end() :]
            found[f"{told} {number}"] = {**rule, "expr": expr}
    if "absent(" in rule["expr"]:
        for told, instead in (("always absent", "vector(1)"), ("never absent", "(vector(1) > 2)")):
            found[told] = {**rule, "expr": re.sub(r"absent\(.*?\}\)", instead, rule["expr"])}
    if "for" in rule:
        found["at once"] = {name: value for name, value in rule.items() if name != "for"}
        found["much too late"] = {**rule, "for": "30d"}
    return found


def mutated(project: Project, alert: str, rule: Document | None, place: Path) -> str:
    """What promtool says of one alert's cases when its rule is another, or is not there."""
    rules, tests = watch(project, "alerts.yaml"), watch(project, "alerts_test.yaml")
    for group in rules["groups"]:
        group["rules"] = [
            rule if one.get("alert") == alert else one
            for one in group["rules"]
            if "record" in one or (one["alert"] == alert and rule)
        ]
    tests["tests"] = [case for case in tests["tests"] if case["name"].startswith(alert)]
    (place / "alerts.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    (place / "alerts_test.yaml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    return promtool("test", "rules", "alerts_test.yaml", cwd=place)


@pytest.mark.parametrize("alert", SERVICE + MONITOR)
def test_a_rule_that_is_changed_fails_its_cases(
    alert: str, projects: dict[str, Project], tmp_path: Path
) -> None:
    project = projects["classes"]
    rule = alerts(watch(project, "alerts.yaml"))[alert]
    assert mutated(project, alert, rule, tmp_path) == ""
    assert "FAILED" in mutated(project, alert, None, tmp_path)
    wrong = mutants(rule)
    assert len(wrong) >= 3
    passed = [w for w, r in wrong.items() if "FAILED" not in mutated(project, alert, r, tmp_path)]
    assert passed == []


def told(project: Project) -> list[str]:
    """The series that service and monitor tell, as Prometheus keeps them, and the recorded ones."""
    source = (ROOT / "tests/delivery/told.py").read_text(encoding="utf-8")
    printed = project.run("python", "-c", source, project.package).stdout.splitlines()
    found = [line.rpartition(" ")[0] for line in printed if line and not line.startswith("#")]
    where = f'namespace="{project.yaml(".copier-answers.yml")["project_slug"]}-prod",pod="a"'
    scraped = [placed(series, where) for series in found if "project=" not in series]
    pushed = [series for series in found if "project=" in series]
    rules = [rule for group in watch(project, "alerts.yaml")["groups"] for rule in group["rules"]]
    made = [f'{r["record"]}{{project="{project.package}"}}' for r in rules if "record" in r]
    return [*scraped, *pushed, *made, f'ALERTS{{project="{project.package}",alertstate="firing"}}']


def placed(series: str, where: str) -> str:
    """A series with the labels that Prometheus adds on a cluster."""
    name, _, labels = series.rstrip("}").partition("{")
    return f"{name}{{{','.join(filter(None, (labels, where)))}}}"


def queries(project: Project) -> dict[str, str]:
    """Each selector of the rules and each query of the dashboard: where it stands, and what."""
    found = {}
    for group in watch(project, "alerts.yaml")["groups"]:
        for rule in group["rules"]:
            for selector in SELECTOR.finditer(rule["expr"]):
                found[f"{rule.get('alert', rule.get('record'))}: {selector[0]}"] = selector[0]
    slug = project.yaml(".copier-answers.yml")["project_slug"]
    for panel in watch(project, "dashboard.json")["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$namespace", f"{slug}-prod")
            found[f"{panel['title']}: {query}"] = query.removesuffix(" or vector(0)")
    return found


def unanswered(asked: dict[str, str], series: list[str], place: Path) -> set[str]:
    """The queries to which Prometheus has no answer when it knows these series."""
    exprs = [f"count({query}) >= bool 1" for query in asked.values()]
    some = {"eval_time": "30m", "exp_samples": [{"labels": "{}", "value": 1}]}
    case = {
        "interval": "1m",
        "input_series": [{"series": one, "values": "1x40"} for one in series],
        "promql_expr_test": [{"expr": expr, **some} for expr in exprs],
    }
    (place / "ask.yaml").write_text(yaml.safe_dump({"tests": [case]}), encoding="utf-8")
    answer = promtool("test", "rules", "ask.yaml", cwd=place)
    failed = set(re.findall(r'expr: "(.*)", time', answer))
    assert bool(answer) == bool(failed), answer
    shown = [json.dumps(expr)[1:-1] for expr in exprs]
    return {where for where, expr in zip(asked, shown, strict=True) if expr in failed}


@pytest.mark.parametrize("of", ["classes", "numbers"])
def test_what_is_asked_is_what_service_and_monitor_tell(
    of: str, projects: dict[str, Project], tmp_path: Path
) -> None:
    """And a figure that goes by another name is missed wherever it is asked for."""
    asked, series = queries(projects[of]), told(projects[of])
    assert unanswered(asked, series, tmp_path) == set()
    used = {m[1] for query in asked.values() for m in SELECTOR.finditer(query)}
    assert len(used) >= 15
    for name in used:
        renamed = [one.replace(f"{name}{{", f"{name}_now{{", 1) for one in series]
        where = {w for w, query in asked.items() if f"{name}{{" in query}
        assert renamed != series, name
        assert where
        assert unanswered(asked, renamed, tmp_path) == where, name


@pytest.mark.parametrize(
    ("label", "instead"),
    [("status=", "code="), ("result=", "outcome="), ("route=", "path="), ("model_id=", "id=")],
)
def test_a_label_that_is_renamed_is_missed(
    label: str, instead: str, projects: dict[str, Project], tmp_path: Path
) -> None:
    asked, series = queries(projects["classes"]), told(projects["classes"])
    renamed = [one.replace(label, instead) for one in series]
    assert unanswered(asked, renamed, tmp_path)


def dashboard_problems(dashboard: Document, place: Path) -> list[str]:
    """What is wrong with a dashboard: panels that overlap, numbers twice, queries that are none."""
    panels, found = dashboard["panels"], []
    cells: set[tuple[int, int]] = set()
    if len({panel["id"] for panel in panels}) < len(panels):
        found.append("an id is there twice")
    for panel in panels:
        x, y, w, h = (panel["gridPos"][name] for name in "xywh")
        area = set(itertools.product(range(x, x + w), range(y, y + h)))
        if x + w > 24 or area & cells:
            found.append(f"{panel['title']}: beside the grid, or over another panel")
        cells |= area
        for target in panel["targets"]:
            rule = {"record": "asked", "expr": target["expr"]}
            rules = {"groups": [{"name": "one", "rules": [rule]}]}
            (place / "one.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
            if promtool("check", "rules", "one.yaml", cwd=place):
                found.append(f"{panel['title']}: {target['expr']}")
    width, height = 24, max(y for _, y in cells) + 1
    if len(cells) < width * height:
        found.append("a gap in the grid")
    return found


@pytest.mark.parametrize("of", ANSWERS)
def test_the_dashboard_is_whole(of: str, projects: dict[str, Project], tmp_path: Path) -> None:
    path = projects[of].root / "deploy/watch/dashboard.json"
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    assert dashboard["title"] == projects[of].yaml(".copier-answers.yml")["project_name"]
    assert dashboard_problems(dashboard, tmp_path) == []
    variables = {one["name"] for one in dashboard["templating"]["list"]}
    assert variables == set(re.findall(r"\$\{?([a-z]+)", json.dumps(dashboard["panels"])))
    shown = " ".join(t["expr"] for panel in dashboard["panels"] for t in panel["targets"])
    wanted = ["monitor_verdict", "monitor_made_timestamp", "model_registered_timestamp", "ALERTS"]
    if of != "managed":
        wanted += ["http_requests_total", "http_request_seconds_bucket", "rows_lost_total"]
        wanted += ["model_loads_total", "predict:burn_rate", "model_info"]
        wanted += ["prediction_value_sum" if of == "numbers" else "predictions_total"]
    assert [name for name in wanted if name not in shown] == []


def test_a_dashboard_that_is_not_whole_is_told(
    projects: dict[str, Project], tmp_path: Path
) -> None:
    whole = watch(projects["classes"], "dashboard.json")
    for change, said in (
        (("gridPos", {"x": 20, "y": 4, "w": 12, "h": 8}), "beside the grid"),
        (("id", 1), "twice"),
        (("targets", [{"expr": "sum by status (rate(rows_total[5m]))"}]), "sum by status"),
        (("gridPos", {"x": 0, "y": 4, "w": 11, "h": 8}), "a gap"),
    ):
        wrong = copy.deepcopy(whole)
        wrong["panels"][5] |= dict([change])
        assert any(said in problem for problem in dashboard_problems(wrong, tmp_path)), said


def page_problems(rules: Document, page: str) -> list[str]:
    """Alerts without a section of their own, a link to it or its urgency; sections without one."""
    found = []
    sections = dict(re.findall(r"^## (\w+)\n\n(Page|Ticket)\. ", page, re.M))
    for name, rule in alerts(rules).items():
        if rule["annotations"]["runbook"] != f"{PAGE}#{name.lower()}":
            found.append(f"{name}: the link")
        if sections.pop(name, "").lower() != rule["labels"]["severity"]:
            found.append(f"{name}: the section")
    return [*found, *(f"{name}: no such alert" for name in sections)]


@pytest.mark.parametrize("of", ANSWERS)
def test_the_page_has_a_section_for_each_alert(of: str, projects: dict[str, Project]) -> None:
    rules, root = watch(projects[of], "alerts.yaml"), projects[of].root
    page = (root / PAGE).read_text(encoding="utf-8")
    assert page_problems(rules, page) == []
    changed = page.replace("## DriftFound", "## DriftSeen")
    assert page_problems(rules, changed) == [
        "DriftFound: the section",
        "DriftSeen: no such alert",
    ]
    assert "](alerts.md)" in (root / "docs/runbooks/README.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page_hand_over_the_rules(
    projects: dict[str, Project], tmp_path: Path
) -> None:
    project = projects["classes"]
    page = (project.root / PAGE).read_text(encoding="utf-8")
    rules = watch(project, "alerts.yaml")
    for name in ("helm", "kubectl"):
        (tmp_path / name).write_text('#!/bin/sh\ncat > "$PLACE/got.yaml"\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    blocks = [b for b in re.findall(r"```\n(.*?)```", page, re.S) if "alerts.yaml) |" in b]
    assert len(blocks) == 2
    env = {**project.env, "PATH": f"{tmp_path}{os.pathsep}{project.env['PATH']}"}
    got = []
    for block in blocks:
        subprocess.run(
            ["bash", "-euc", block], cwd=project.root, env={**env, "PLACE": str(tmp_path)},
            check=True,
        )  # fmt: skip
        got.append(yaml.safe_load((tmp_path / "got.yaml").read_text(encoding="utf-8")))
    assert got[0] == {"serverFiles": {"alerting_rules.yml": rules}}
    assert got[1]["kind"] == "PrometheusRule"
    assert got[1]["spec"] == rules


def test_limits_are_the_same_wherever_they_stand(projects: dict[str, Project]) -> None:
    project = projects["classes"]
    rules = alerts(watch(project, "alerts.yaml"))
    limits = {
        panel["title"]: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"]
        for panel in watch(project, "dashboard.json")["panels"]
        if "thresholds" in panel["fieldConfig"]["defaults"]
    }
    slowest = project.yaml("deploy/rollout.yaml")["abort"]["max_p99_ms"] / 1000
    assert f"> {slowest:g}" in rules["PredictionsSlow"]["expr"]
    assert limits["Time to answer for one row"] == slowest
    assert f'le="{slowest:g}"' in " ".join(told(project))  # else the quantile is a guess
    assert limits["Age of the verdict"] == 36 * 3600
    assert "> 36 * 3600" in rules["MonitorSilent"]["expr"]
    assert limits["Age of the model"] == 90 * 86400
    assert "> 90 * 86400" in rules["ModelOld"]["expr"]


def test_a_project_that_scores_dates_has_the_verdict_and_no_rules(
    plain: Path, tmp_path: Path
) -> None:
    made = with_copier(plain, tmp_path / "batch", {"serving": "batch"})
    batch = Project(made, environment(FOUND[0]))
    assert not (batch.root / "deploy").exists()
    assert not (batch.root / PAGE).exists()
    assert (batch.root / f"src/{batch.package}/operate/verdict.py").exists()
    pyproject = (batch.root / "pyproject.toml").read_text(encoding="utf-8")
    assert '"prometheus-client>=' in pyproject
    batch.run("python", "-c", f"import {batch.package}.operate.verdict")


@pytest.mark.parametrize("ci", ["github", "azure-devops", "gitlab"])
def test_a_project_of_files_alone_tells_prometheus_nothing(
    ci: str, plain: Path, tmp_path: Path
) -> None:
    root = with_copier(plain, tmp_path / "files", {"ci": ci, "level": "govern"})
    texts = (path.read_text("utf-8") for path in root.rglob("*") if path.suffix != ".lock"
             and path.is_file())  # fmt: skip
    found = [line for text in texts for line in text.splitlines() if "rometheus" in line]
    assert not found


def test_ci_hands_the_address_of_the_pushgateway_to_monitor(plain: Path, tmp_path: Path) -> None:
    """GitLab gives each job every variable."""
    for ci, path in (
        ("github", ".github/workflows/train.yml"),
        ("azure-devops", "azure-pipelines/train.yml"),
    ):
        project = with_copier(plain, tmp_path / ci, {**ANSWERS["classes"], "ci": ci})
        loaded = yaml.safe_load((project / path).read_text(encoding="utf-8"))
        steps = [step for step in mappings(loaded) if "poe monitor" in str(script(step))]
        assert ["PUSHGATEWAY_URL" in step["env"] for step in steps] == [True]


def script(step: Document) -> object:
    return step.get("run", step.get("bash"))


def mappings(value: object) -> Iterator[Document]:
    """Every mapping in a document, at any depth."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from mappings(each)
