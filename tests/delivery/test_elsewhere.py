"""Other systems: the Jenkinsfile, the files of docs/elsewhere.md, and what it says of servers."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import ROOT, git
from tests.delivery.ci_checks import load
from tests.delivery.ci_play import DIGEST, Played, Stage, fails, says
from tests.render.engines import Answers, with_copier

from tdsp.reading import jenkins

PAGE = (ROOT / "docs/elsewhere.md").read_text(encoding="utf-8")
SETS: dict[str, Answers] = {
    "batch": {"serving": "batch", "level": "govern"},
    "online": {"serving": "online", "level": "govern"},
    "azure": {"serving": "both", "cloud": "azure", "platform": "azureml", "iac": "bicep"},
}
SETTINGS = dict.fromkeys(
    ("DVC_REMOTE", "COLLECTED_URL", "SERVICE_URL", "JOB_NAME", "BUILD_URL"), "set"
)
SETTINGS |= {"REPOSITORY": "registry.example.com/set"}
SETTINGS |= {"TAG_NAME": "v1", "BUILD_TAG": "job-1", "GIT_COMMIT": "HEAD"}


@dataclass(frozen=True)
class Step:
    """A shell step, with the variables of its stage."""

    run: str
    env: dict[str, str]


@pytest.fixture(scope="module")
def stages(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stage]:
    made: dict[str, Stage] = {}

    def stage(name: str) -> Stage:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            project = with_copier(plain, folder / "project", SETS[name])
            git(project, "init", "-q", "-b", "main")
            git(project, "add", "-A")
            git(project, "commit", "-q", "-m", "as it is")
            made[name] = Stage(project, folder / "stage")
        return made[name]

    return stage


def execute(
    stage: Stage, scripts: Sequence[str | Step], answers: list[str], last: str = ""
) -> Played:
    """Run shell steps as an agent does, one after another until one fails; `last` after that."""
    stage.start([*answers, says("uv run ml_project lineage *", "HEAD")])
    for name in ("build.json", "image.txt"):
        (stage.project / name).unlink(missing_ok=True)
    (stage.project / "deploy/cosign.pub").parent.mkdir(exist_ok=True)
    (stage.project / "deploy/cosign.pub").write_text("public", encoding="utf-8")
    path = f"{stage.bin}{os.pathsep}{os.environ['PATH']}"
    common, output = {**stage.env, **SETTINGS, "PATH": path}, ""
    for each in scripts:
        script, env = (each, common) if isinstance(each, str) else (each.run, common | each.env)
        done = subprocess.run(
            ["sh", "-e", "-c", script], cwd=stage.project, env=env, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        output += done.stdout
        if done.returncode:
            subprocess.run(["sh", "-e", "-c", last], cwd=stage.project, env=common, check=False)
            return Played(stage.calls(), done.returncode, output)
    return Played(stage.calls(), 0, output)


# --- Jenkins ---------------------------------------------------------------------------------


def jenkinsfile(project: Path) -> str:
    page = (project / "docs/delivery/ci.md").read_text(encoding="utf-8")
    [found] = re.findall(r"(?ms)^```groovy\n(.*?)^```", page)
    return str(found)


def holds(condition: str, event: str) -> bool:
    """Whether a stage runs: its `when` as Jenkins reads it, for one of four events."""
    text = re.sub(r"buildingTag\(\)", str(event == "tag"), condition)
    text = re.sub(r"triggeredBy 'TimerTrigger'", str(event == "timer"), text)
    text = re.sub(r"branch 'main'", str(event in ("main", "timer")), text)
    for _ in range(3):
        text = re.sub(r"not \{ (True|False) \}", lambda m: str(m[1] == "False"), text)
        text = re.sub(r"anyOf \{ ([\w; ]+) \}", lambda m: str("True" in m[1]), text)
        text = re.sub(r"allOf \{ ([\w; ]+) \}", lambda m: str("False" not in m[1]), text)
    assert text in ("True", "False"), f"a condition that is not known: {condition}"
    return text == "True"


def values(text: str) -> dict[str, str]:
    """The variables of an `environment` block: a credential is what Jenkins makes of it."""
    found = dict(re.findall(r"(\w+) = '([^']*)'", text))
    for name, credential in re.findall(r"(\w+) = credentials\('([\w-]+)'\)", text):
        found |= {name: f"of {credential}", f"{name}_USR": "user", f"{name}_PSW": "password"}
    return found


def steps(text: str, event: str) -> tuple[list[str | Step], str]:
    """The shell steps of the stages that run, in order, and that of `post`."""
    workflow = jenkins.read("Jenkinsfile", text)
    own: dict[str, dict[str, str]] = {}
    for part in re.split(r"(?=stage\('[^']+'\))", text):
        name = re.match(r"stage\('([^']+)'\)|", part)
        block = re.search(r"(?s)\benvironment \{(.*?)\}", part)
        own[name[1] or "" if name else ""] = values(block[1]) if block else {}
    conditions = dict(re.findall(r"stage\('([^']+)'\) \{\s+when \{ (.*) \}\n", text))
    stages = re.findall(r"stage\('([^']+)'\)", text)
    assert conditions.keys() == {*stages} - {"Set up"}
    by_name = {job.name: job for job in workflow.jobs}
    found: list[str | Step] = [
        Step(step.run, own[""] | own[name])
        for name in stages
        if name not in conditions or holds(conditions[name], event)
        for step in (by_name[name].steps if name in by_name else ())
    ]
    [last] = re.findall(r"post \{ unsuccessful \{ sh '(.*)' \} \}", text)
    return found, last


CHECKS, TRAINS = ["check", "secrets", "audit"], ["pipeline", "register"]
PLAYS = {
    ("batch", "branch"): CHECKS,
    ("batch", "main"): [*CHECKS, *TRAINS],
    ("batch", "timer"): ["lineage", "batch", "monitor"],
    ("batch", "tag"): ["verdict", "approve", "register", "promote"],
    ("online", "branch"): CHECKS,
    ("online", "timer"): ["monitor"],
    ("online", "tag"): ["verdict", "approve", "deploy", "probe"],
    ("azure", "main"): [*CHECKS, *TRAINS],
    ("azure", "tag"): ["verdict", "deploy", "probe"],
}


@pytest.mark.parametrize(("name", "event"), PLAYS)
def test_the_jenkinsfile_runs_what_an_event_asks_for(
    stages: Callable[[str], Stage], name: str, event: str
) -> None:
    stage = stages(name)
    scripts, last = steps(jenkinsfile(stage.project), event)
    done = execute(stage, scripts, [], last)
    assert done.code == 0, done.output
    assert done.tasks == PLAYS[name, event]
    assert done.before("uv sync --locked", "uv run dvc pull")


@pytest.mark.parametrize(
    ("name", "event", "broken", "tasks"),
    [
        ("batch", "branch", "uv run poe check*", ["check", "notify"]),
        ("batch", "main", "uv run poe pipeline*", [*CHECKS, "pipeline", "notify"]),
        ("batch", "timer", "uv run poe monitor*", ["lineage", "batch", "monitor", "notify"]),
        ("batch", "tag", "uv run poe approve*", ["verdict", "approve", "notify"]),
        ("online", "tag", "uv run poe verdict*", ["verdict", "notify"]),
        ("online", "tag", "docker login*", ["verdict", "approve", "notify"]),
        ("online", "tag", "docker buildx build*", ["verdict", "approve", "notify"]),
        ("online", "tag", "docker run *grype*", ["verdict", "approve", "notify"]),
        ("online", "tag", "docker run * sign *", ["verdict", "approve", "notify"]),
        ("online", "tag", "docker run * verify *", ["verdict", "approve", "notify"]),
        ("online", "tag", "uv run poe probe*",
         ["verdict", "approve", "deploy", "probe", "undo", "notify"]),
    ],
)  # fmt: skip
def test_what_fails_stops_the_jenkinsfile_and_is_told(
    stages: Callable[[str], Stage], name: str, event: str, broken: str, tasks: list[str]
) -> None:
    stage = stages(name)
    scripts, last = steps(jenkinsfile(stage.project), event)
    done = execute(stage, scripts, [fails(broken)], last)
    assert done.code != 0
    assert done.tasks == tasks


def scans_and_signs(text: str) -> list[str]:
    """What the containers of scanner and signer are told, whatever is mounted into them."""
    joined = re.sub(r"\\?\n\s+", " ", text)
    words = "--fail-on \\w+ --only-fixed|sign --yes --key|verify --output text"
    return sorted(set(re.findall(rf'"(\$(?:GRYPE|COSIGN)" (?:{words}))', joined)))


def test_the_image_that_jenkins_builds_is_scanned_signed_verified_and_deployed(
    stages: Callable[[str], Stage],
) -> None:
    stage = stages("online")
    done = execute(stage, steps(jenkinsfile(stage.project), "tag")[0], [])
    image = f"registry.example.com/set@{DIGEST}"
    scan, sign, verify = done.of("docker run --rm")
    [deployed] = done.of("uv run poe deploy --environment prod --image")
    for words, end in (
        (scan, f"--fail-on high --only-fixed registry:{image}"),
        (sign, f"sign --yes --key /cosign.key {image}"),
        (verify, f"verify --output text --key /cosign.pub {image}"),
    ):
        assert re.search(rf"@sha256:[0-9a-f]{{64}} {re.escape(end)}$", words), words
    assert "--volume of signing-key:/cosign.key:ro" in sign
    assert deployed == image
    assert done.of("docker login") == ["registry.example.com --username user --password-stdin"]
    assert "password" not in "".join(done.calls).replace("--password-stdin", "")


def test_jenkins_scans_and_signs_as_azure_pipelines_does(
    plain: Path, stages: Callable[[str], Stage], tmp_path: Path
) -> None:
    other = with_copier(plain, tmp_path / "other", {"serving": "online", "ci": "azure-devops"})
    release = (other / "azure-pipelines/release.yml").read_text(encoding="utf-8")
    told = scans_and_signs(jenkinsfile(stages("online").project))
    assert len(told) == 3
    assert scans_and_signs(release) == told


def test_jenkins_deploys_nothing_without_the_public_key(stages: Callable[[str], Stage]) -> None:
    stage = stages("online")
    scripts = [
        Step("rm deploy/cosign.pub", {}), *steps(jenkinsfile(stage.project), "tag")[0]
    ]  # fmt: skip
    done = execute(stage, scripts, [])
    assert done.code != 0
    assert "deploy/cosign.pub is missing" in done.output
    assert "deploy" not in done.tasks


def test_a_person_approves_before_production(stages: Callable[[str], Stage]) -> None:
    for name in SETS:
        text = jenkinsfile(stages(name).project)
        assert text.index("input 'Release to production?'") < text.index("stage('Release')")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("buildingTag()", "changeRequest()"),
        ("steps { sh 'uv run poe check", "steps { echo 'uv run poe check"),
    ],
)
def test_a_jenkinsfile_that_was_broken_is_found(
    stages: Callable[[str], Stage], old: str, new: str
) -> None:
    stage = stages("batch")
    text = jenkinsfile(stage.project)
    assert old in text
    try:
        done = execute(stage, steps(text.replace(old, new), "branch")[0], [])
    except AssertionError as error:
        assert "not known" in str(error)
    else:
        assert done.tasks != CHECKS


# --- The files of other systems --------------------------------------------------------------


def block(heading: str) -> str:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    [found] = re.findall(r"(?ms)^```\w+\n(.*?)^```", section)
    return str(found)


def circleci(text: str) -> list[str]:
    return [
        step["run"] for step in yaml.safe_load(text)["jobs"]["check"]["steps"] if step != "checkout"
    ]


def travis(text: str) -> list[str]:
    content = yaml.safe_load(text)
    return [*content["install"], *content["script"]]


def bitbucket(text: str) -> list[str]:
    return list(yaml.safe_load(text)["pipelines"]["default"][0]["step"]["script"])


def bitbucket_tag(text: str) -> list[str]:
    return list(yaml.safe_load(text)["pipelines"]["tags"]["v*"][0]["step"]["script"])


def teamcity(text: str) -> list[str]:
    assert text.count("{") == text.count("}") and text.count("(") == text.count(")")
    return re.findall(r'scriptContent = "(.*)" \}', text)


SYSTEMS: dict[str, tuple[str, Callable[[str], list[str]], list[str]]] = {
    "circleci": ("CircleCI", circleci, CHECKS[:2]),
    "travis": ("Travis CI", travis, CHECKS[:2]),
    "bitbucket": ("Bitbucket", bitbucket, CHECKS[:2]),
    "bitbucket, tag": ("Bitbucket", bitbucket_tag, ["verdict"]),
    "teamcity": ("TeamCity", teamcity, CHECKS[:2]),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_steps_of_another_system_run_and_stop(
    stages: Callable[[str], Stage], system: str
) -> None:
    heading, reader, tasks = SYSTEMS[system]
    scripts = [line.replace("pip install", "pipx install") for line in reader(block(heading))]
    done = execute(stages("batch"), scripts, [])
    assert (done.code, done.tasks) == (0, tasks), done.output
    broken = execute(stages("batch"), scripts, [fails(f"uv run poe {tasks[0]}*")])
    assert (broken.code != 0, broken.tasks) == (True, tasks[:1])


# --- Servers, runners, closed networks -------------------------------------------------------


def workflows(project: Path) -> dict[str, dict[str, Any]]:
    return {path.name: load(path) for path in sorted((project / ".github/workflows").glob("*.yml"))}


@pytest.mark.parametrize("name", ["online", "azure"])
def test_the_command_for_a_server_takes_away_what_it_does_not_know(
    stages: Callable[[str], Stage], name: str, tmp_path: Path
) -> None:
    project = shutil.copytree(stages(name).project, tmp_path / "project")
    [command] = re.findall(r"(?m)^sed .*$", PAGE)
    subprocess.run(["bash", "-euc", command], cwd=project, check=True)
    for file, workflow in workflows(project).items():
        text = (project / ".github/workflows" / file).read_text(encoding="utf-8")
        assert "uses: $/" not in text and "queue: max" not in text
        assert not re.search(r"\bGH_TOKEN\b", text), file
        for job in workflow["jobs"].values():
            assert job["runs-on"] == ["self-hosted", "linux"]
            used = [str(step.get("uses")) for step in job["steps"]]
            local = [place for place, each in enumerate(used) if each.startswith("./")]
            assert all("actions/checkout" in "".join(used[:place]) for place in local), file


PROGRAMS = (
    "bash", "curl", "git", "gh", "jq", "sudo", "tar", "pipx", "docker", "az", "helm", "node",
    "unzip", "zip", "wget", "pwsh", "terraform", "make",
)  # fmt: skip
BROUGHT = {"terraform"}  # by an action of the workflow itself


def test_the_page_lists_the_programs_that_a_runner_needs(stages: Callable[[str], Stage]) -> None:
    called: set[str] = set()
    for name in SETS:
        project = stages(name).project
        texts = [
            yaml.safe_dump(job)
            for each in workflows(project).values()
            for job in each["jobs"].values()
        ]
        texts += [
            path.read_text(encoding="utf-8") for path in project.glob(".github/**/action.yml")
        ]
        texts += [path.read_text("utf-8") for path in project.glob("deploy/kubernetes/tools.sh")]
        for text in texts:
            called |= {
                one for one in PROGRAMS if re.search(rf"(?m)(^|[\s|(;]){one} +[\w$\"-]", text)
            }
    line = PAGE.split("brings: ")[1].split("\nVersion")[0]
    listed = set(re.findall(r"\w+", line))
    assert {"gh", "jq", "docker", "az", "git"} <= called
    assert called - BROUGHT <= listed


def test_a_project_is_made_and_judged_without_a_network(tmp_path: Path) -> None:
    alone = ["unshare", "--net"] if os.geteuid() == 0 else []
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "GIT_CONFIG_GLOBAL": os.devnull}
    for words in (
        ["new", "Churn", "--defaults", "--no-git", "--into", str(tmp_path)],
        ["check", str(tmp_path / "churn"), "--no-cache"],
    ):
        done = subprocess.run(
            [*alone, sys.executable, "-m", "tdsp", *words], env=env, cwd=tmp_path,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == 0 or words[0] == "check", done.stdout + done.stderr
    assert (tmp_path / "churn/dvc.yaml").is_file()


def test_the_table_names_what_there_is(stages: Callable[[str], Stage]) -> None:
    table = PAGE.split("## What takes the place of")[1]
    here = " ".join(row.split("|")[3] for row in table.splitlines() if row.count("|") == 4)
    places = {
        one for one in re.findall(r"`([^`]+)`", here)
        if re.match(r"(azureml|deploy|infra|docs|\.azuredevops)(/|$)", one)
    }  # fmt: skip
    assert len(places) >= 8
    missing = [one for one in places if not list((ROOT / "template").glob(f"{one}*"))]
    assert missing == []
    named = {"Azure Container Instances", "IDEAR", "AMAR", "aml-deploy", "Kubeflow", "Travis CI"}
    assert all(one in table for one in named)
