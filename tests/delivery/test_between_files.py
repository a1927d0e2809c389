"""What two files of a project say of the same thing, where no tool compares them."""

import re
from pathlib import Path

import pytest
from tests.render.engines import Answers, with_copier

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
