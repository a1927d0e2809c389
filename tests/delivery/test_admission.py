"""The policy that admits signed images only: of the right form, and for whom the release signs."""

import re
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from tests.render.engines import Answers, with_copier

OVERLAY = "deploy/kubernetes/overlays/prod/kustomization.yaml"
POLICY = "deploy/kubernetes/signed.yaml"
SETS: dict[str, Answers] = {
    "github": {"ci": "github", "serving": "online"},
    "gitlab": {"ci": "gitlab", "serving": "online"},
    "azure-devops": {"ci": "azure-devops", "serving": "online", "rollout": "canary"},
}


# The part of the ClusterImagePolicy that is used, by sigstore/policy-controller,
# config/300-clusterimagepolicy.yaml, August 2026.
class Part(BaseModel):
    """A field that the definition does not know is refused, as the API server does."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Named(Part):
    name: str


class Key(Part):
    secretRef: Named  # noqa: N815  as the definition has it


class Identity(Part):
    issuer: str
    subjectRegExp: str  # noqa: N815


class Keyless(Part):
    url: str
    identities: list[Identity]


class Log(Part):
    url: str


class Authority(Part):
    name: str
    signatureFormat: Literal["legacy", "bundle"]  # noqa: N815
    key: Key | None = None
    keyless: Keyless | None = None
    ctlog: Log | None = None


class Image(Part):
    glob: str


class Spec(Part):
    mode: Literal["enforce", "warn"]
    images: list[Image]
    authorities: list[Authority]


class Policy(Part):
    apiVersion: Literal["policy.sigstore.dev/v1beta1"]  # noqa: N815
    kind: Literal["ClusterImagePolicy"]
    metadata: Named
    spec: Spec


# As whom the release of a tag signs, and as whom it does not.
SIGNER = {
    "github": "https://github.com/OWNER/ml-project/.github/workflows/release.yml@refs/tags/v1.2.3",
    "gitlab": "https://gitlab.com/GROUP/ml-project//.gitlab-ci.yml@refs/tags/v1.2.3",
}
STRANGERS = [
    ("ml-project/", "other/"), ("@refs/tags/v1.2.3", "@refs/heads/main"),
    ("@refs/tags/v1.2.3", "@refs/tags/1.2.3"), ("release.yml", "ci.yml"),
    (".gitlab-ci.yml", ".gitlab/ci.yml"), ("https://", "https://evil.example/https://"),
    ("github.com", "github-com"), ("gitlab.com", "gitlab-com"),
]  # fmt: skip


@pytest.fixture(scope="module")
def projects(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("admission")
    return {name: with_copier(plain, root / name, answers) for name, answers in SETS.items()}


def policy(project: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((project / POLICY).read_text(encoding="utf-8"))
    return loaded


def problems(project: Path) -> list[str]:
    """What is wrong with the policy: its form, whose signature it takes, which images it is for."""
    document = policy(project)
    try:
        Policy.model_validate(document)
    except ValidationError as error:
        return [str(error)]
    found = []
    [authority] = document["spec"]["authorities"]
    image = re.search(r"newName: (\S+)", (project / OVERLAY).read_text(encoding="utf-8"))
    [glob] = [one["glob"] for one in document["spec"]["images"]]
    if image is None or not image[1].startswith(glob.removesuffix("**")):
        found.append(f"{glob} is not the image of production")
    for identity in authority.get("keyless", {}).get("identities", []):
        system = "gitlab" if "gitlab" in identity["issuer"] else "github"
        pattern, own = identity["subjectRegExp"], SIGNER[system]
        if not re.search(pattern, own):
            found.append(f"refuses {own}")
        strangers = {own.replace(old, new) for old, new in STRANGERS} - {own}
        found += [f"takes {one}" for one in sorted(strangers) if re.search(pattern, one)]
    return found


@pytest.mark.parametrize("name", SETS)
def test_the_policy_takes_the_releases_signature_and_no_other(
    name: str, projects: dict[str, Path]
) -> None:
    assert problems(projects[name]) == []
    assert ("key" in policy(projects[name])["spec"]["authorities"][0]) == (name == "azure-devops")


def test_the_release_signs_and_verifies_as_the_policy_expects(projects: dict[str, Path]) -> None:
    release = (projects["github"] / ".github/workflows/release.yml").read_text(encoding="utf-8")
    assert '--certificate-identity "$GITHUB_SERVER_URL/$GITHUB_WORKFLOW_REF"' in release
    [identity] = policy(projects["github"])["spec"]["authorities"][0]["keyless"]["identities"]
    assert f"--certificate-oidc-issuer {identity['issuer']}" in release
    release = (projects["gitlab"] / ".gitlab/ci/release.yml").read_text(encoding="utf-8")
    assert "$CI_PROJECT_URL//.gitlab-ci.yml@refs/tags/$CI_COMMIT_TAG" in release
    release = (projects["azure-devops"] / "azure-pipelines/release.yml").read_text(encoding="utf-8")
    assert "cosign.pub" in release


@pytest.mark.parametrize("name", SETS)
def test_it_is_off_unless_somebody_chooses_it(name: str, projects: dict[str, Path]) -> None:
    folder = projects[name] / "deploy/kubernetes"
    for path in folder.rglob("kustomization.yaml"):
        assert "signed" not in path.read_text(encoding="utf-8")
    for page in ("first-release", "kubernetes"):
        text = (projects[name] / f"docs/delivery/{page}.md").read_text(encoding="utf-8")
        assert "kubectl apply --filename deploy/kubernetes/signed.yaml" in text
        assert "webhook.configData.no-match-policy=deny" in text
        assert ("--namespace cosign-system --from-file=cosign.pub" in text) == (
            name == "azure-devops"
        )


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("github", "signatureFormat: bundle", "signatureFormat: bundled", "bundled"),
        ("github", "subjectRegExp:", "subjectRegex:", "subjectRegex"),
        ("github", "ctlog:", "ctlogs:", "ctlogs"),
        ("github", "@refs/tags/v[^/]+$", "@.*", "takes https://github.com/OWNER/ml-project"),
        ("github", "^https", "https", "takes https://evil"),
        ("github", "release\\.yml", "publish\\.yml", "refuses"),
        ("gitlab", "//\\.gitlab-ci", "/\\.gitlab-ci", "refuses"),
        ("gitlab", "GROUP/ml-project", "GROUP/.*", "takes https://gitlab.com/GROUP/other"),
        ("azure-devops", "secretRef:", "secret:", "secret"),
        ("azure-devops", "mode: enforce", "mode: enforced", "enforced"),
        ("gitlab", "example.com/ml-project", "example.com/other", "is not the image"),
    ],
)
def test_a_policy_that_lets_others_in_is_found(
    name: str, old: str, new: str, said: str, projects: dict[str, Path], tmp_path: Path
) -> None:
    text = (projects[name] / POLICY).read_text(encoding="utf-8")
    assert old in text
    for file, content in (
        (POLICY, text.replace(old, new)),
        (OVERLAY, (projects[name] / OVERLAY).read_text(encoding="utf-8")),
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(content, encoding="utf-8")
    assert any(said in problem for problem in problems(tmp_path)), problems(tmp_path)
