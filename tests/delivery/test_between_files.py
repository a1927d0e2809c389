"""What two files of a project say of the same thing, where no tool compares them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.delivery.ci_checks import load
from tests.delivery.production import KINDS
from tests.render.engines import Answers, with_copier

FACTS = yaml.safe_load((Path(__file__).parent / "azure_roles.yaml").read_text(encoding="utf-8"))

AZURE: Answers = {
    "serving": "online", "cloud": "azure", "platform": "kubernetes", "iac": "bicep",
}  # fmt: skip


@pytest.fixture(scope="module")
def project(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found: Path = with_copier(plain, tmp_path_factory.mktemp("between") / "project", AZURE)
    return found


def unregistered(page: str, templates: str) -> set[str]:
    """Providers of the resources, and those of the cluster's nodes and policies, without a line."""
    [names] = re.findall(r"(?s)\nfor name in (.*?); do\n  az provider register", page)
    used = set(re.findall(r"'Microsoft\.(\w+)/[\w/]+@", templates))
    if "azurepolicy" in templates:
        used |= {"Compute", "PolicyInsights"}
    return used - {"Resources", *names.replace("\\", " ").split()}


def test_every_provider_is_registered_before_the_first_deployment(project: Path) -> None:
    page = (project / "docs/delivery/infrastructure.md").read_text(encoding="utf-8")
    texts = [p.read_text(encoding="utf-8") for p in (project / "infra").rglob("*.bicep")]
    templates = "\n".join(texts)
    assert len(set(re.findall(r"'Microsoft\.(\w+)/", templates))) > 8
    assert "azurepolicy" in templates
    assert unregistered(page, templates) == set()
    for name in ("PolicyInsights", "EventGrid"):
        assert unregistered(page.replace(f" {name}", ""), templates) == {name}


def different(service: str, dockerfile: str) -> set[str]:
    """What is copied in one of the two: the image's build, or the local service."""
    [parts] = re.findall(r"(?m)^PARTS = \((.*)\)$", service)
    copied: set[str] = set()
    for words in re.findall(r"(?m)^COPY (?!--from)(.*)$", dockerfile):
        *sources, _ = [word for word in words.split() if not word.startswith("--")]
        copied |= {each.rstrip("/") for each in sources}
    return (copied - {"deploy/container/requirements.lock"}) ^ set(re.findall(r'"([^"]+)"', parts))


def test_a_local_service_has_the_files_of_the_image(project: Path) -> None:
    service = (project / "deploy/local/service.py").read_text(encoding="utf-8")
    dockerfile = (project / "deploy/container/Dockerfile").read_text(encoding="utf-8")
    assert different(service, dockerfile) == set()
    without = service.replace('"environments.yaml", ', "")
    assert different(without, dockerfile) == {"environments.yaml"}


# What the vendors say (azure_roles.yaml), against the files.


def test_every_fact_has_its_source_and_its_day() -> None:
    for name, fact in FACTS["facts"].items():
        assert str(fact["source"]).startswith("https://"), name
        assert str(fact["seen"]) >= "2026-11-28", name


def test_subjects_budget_and_plan_are_as_the_vendors_say(project: Path) -> None:
    facts = FACTS["facts"]
    form = facts["subject of a new GitHub repository"]["form"]
    texts = {path: path.read_text("utf-8") for path in (project / "infra").rglob("*.bicep*")}
    subjects = [one for text in texts.values() for one in re.findall(r"'(repo:[^']+)'", text)]
    assert subjects
    assert [one for one in subjects if not re.match(form, one)] == []
    assert not [path for path, text in texts.items() if "utcNow" in text]
    plan = (project / "infra/plan.sh").read_text(encoding="utf-8")
    assert f"PT{facts['result of a what-if of a stack']['hours']}H" in plan


def unrenewed(project: Path) -> Iterator[str]:
    """Steps that move a version on Azure and could not log in anew while they do."""
    [path] = project.rglob("release.yml")
    text = path.read_text(encoding="utf-8")
    scripts = re.findall(r"AZURE_LOGIN: (\S+)", text)
    for step in _steps(load(path)):
        if not re.search(r"poe (deploy|undo)", str(step)):
            continue
        if (project / "azureml/online").exists():
            if not (scripts and all((project / script).exists() for script in scripts)):
                yield f"no script logs in again: {step}"
        elif "kubernetes-token.sh" not in text and "--login azurepipelines" not in text:
            yield f"kubectl has one token: {step}"
        if path.parent.name == "azure-pipelines" and "SYSTEM_ACCESSTOKEN" not in str(step):
            yield f"may not ask for a token: {step}"


def late(text: str) -> Iterator[str]:
    """Tokens for another resource, asked with a login that is old by then."""
    for asks in re.finditer("az account get-access-token", text):
        if "$AZURE_LOGIN" not in str(text[: asks.start()].splitlines()[-3:]):
            yield "the probe asks for a token with the login of the start"
    for job in re.split(r"^(?=\S+:)", text, flags=re.MULTILINE):  # GitLab's jobs are keys
        if 0 < job.find("poe verdict") < job.find("az acr login"):
            yield "the registry's login comes after the verdict, which may take long"


def _steps(node: object) -> Iterator[dict[str, object]]:
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        if isinstance(each, dict) and {"run", "bash", "script"} & each.keys():
            yield each
        yield from _steps(each)


@pytest.mark.parametrize("platform", ["kubernetes", "azureml"])
@pytest.mark.parametrize("ci", ["github", "gitlab", "azure-devops"])
def test_no_rollout_outlives_its_login(ci: str, platform: str, plain: Path, tmp_path: Path) -> None:
    answers = {**AZURE, "platform": platform, "ci": ci, "rollout": "ab-test"}
    made = with_copier(plain, tmp_path / "project", answers)
    plan = yaml.safe_load((made / "deploy/rollout.yaml").read_text(encoding="utf-8"))
    units = {"m": 1, "h": 60}
    takes = sum(int(step["bake"][:-1]) * units[step["bake"][-1]] for step in plan["steps"])
    assert takes > FACTS["facts"]["access token of Azure"]["minutes"]
    [path] = made.rglob("release.yml")
    text = path.read_text(encoding="utf-8")
    assert [*unrenewed(made), *late(text)] == []
    assert platform == "kubernetes" or list(late(text.replace("$AZURE_LOGIN", "true")))
    word = {"azureml": "AZURE_LOGIN", "kubernetes": "kubernetes-token.sh"}[platform]
    word = "SYSTEM_ACCESSTOKEN" if ci == "azure-devops" else word
    path.write_text(text.replace(word, "NOTHING"), encoding="utf-8")
    assert list(unrenewed(made))


def asked(made: Path, argo: bool) -> set[tuple[str, str, str]]:
    """Group, resource and verb, of each call of a release with these manifests."""
    texts = [path.read_text("utf-8") for path in (made / "deploy/kubernetes").rglob("*.yaml")
             if path.parent.name in ("base", "collected")]  # fmt: skip
    kinds = {KINDS[kind] for text in texts for kind in re.findall(r"(?m)^kind: (\w+)", text)
             if kind in KINDS}  # fmt: skip
    kinds.add(KINDS["ConfigMap"])  # of the generator
    workload = KINDS["Rollout" if argo else "Deployment"]
    assert workload in kinds
    found = {(*kind, verb) for kind in kinds for verb in ("get", "create", "patch")}
    found |= {(*workload, verb) for verb in ("list", "watch")}  # to wait
    found.add(("apps", "replicasets", "list"))  # the versions before, for undo
    if argo:  # `status` of its plug-in follows these
        owned = [("apps", "replicasets"), ("apps", "deployments"), ("", "pods")]
        owned += [("argoproj.io", "experiments"), ("argoproj.io", "analysisruns")]
        found |= {(*kind, verb) for kind in owned for verb in ("list", "watch")}
    return found


@pytest.mark.parametrize("rollout", ["ramped", "canary"])
def test_the_role_of_a_release_is_what_it_asks_for(
    rollout: str, plain: Path, tmp_path: Path
) -> None:
    answers: Answers = {"serving": "both", "rollout": rollout}
    made = with_copier(plain, tmp_path / "project", answers)
    role = yaml.safe_load((made / "deploy/kubernetes/release.yaml").read_text(encoding="utf-8"))
    granted = {
        (group, resource, verb) for rule in role["rules"] for group in rule["apiGroups"]
        for resource in rule["resources"] for verb in rule["verbs"]
    }  # fmt: skip
    needed = asked(made, rollout == "canary")
    assert needed - granted == set()
    assert granted - needed == set()
    page = (made / "docs/delivery/first-release.md").read_text(encoding="utf-8")
    assert f"--role {role['metadata']['name']}" in page
