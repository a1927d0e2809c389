"""The versions of the programs that several files and pages name: one each, everywhere."""

import re
from collections.abc import Iterator
from pathlib import Path

# Program -> how a file or a page names its version. Each expression has to be found somewhere.
PROGRAMS: dict[str, tuple[str, ...]] = {
    "Argo Rollouts": (
        r"rollouts_version=([\d.]+)", r"argo-rollouts/releases/download/v([\d.]+)",
        r"Argo Rollouts (\d[\d.]*)", r"\"rollouts (\d[\d.]*)",
    ),
    "its Gateway API plugin": (r"Gateway API plugin (\d[\d.]*)",),
    "Gateway API": (r"gateway-api/releases/download/v([\d.]+)", r"Gateway API (\d[\d.]*), which"),
    "kubectl": (
        r"kubectl_version=([\d.]+)", r"kubectl (\d+\.[\d.]*)", r"--client-version ([\d.]+)",
    ),
    "extension ml of az": (r"az extension add --name ml --version ([\d.]+)",),
    "uv": (
        r"\buv==([\d.]+)", r"setup-uv@.*\n(?:.*\n){1,3}? +version: \"([\d.]+)", r"\"uv (\d[\d.]*)",
    ),
    "terraform": (
        r"terraform_version: \"([\d.]+)", r"hashicorp/terraform:([\d.]+)",
        r"\"terraform (\d+\.[\d.]+)",
    ),
    "azure-cli": (r"azure-cli==([\d.]+)",),
    "copier": (r"copier@([\d.]+)",),
    "checkov": (r"checkov==([\d.]+)",),
    "policy-controller": (r"policy-controller --repo [^\n]*\\\n +--version ([\d.]+)",),
    "grype": (r"anchore/grype:v([\d.]+)",),
    "cosign": (r"cosign/cosign:v([\d.]+)",),
}  # fmt: skip
TEXTS = {".md", ".jinja", ".yml", ".yaml", ".sh", ".tf", ".json", ".toml"}


def texts(*folders: Path) -> Iterator[tuple[str, str]]:
    """The texts below the folders, but locks and the tests that the template brings."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder.parent).as_posix()
            if path.suffix in TEXTS and path.is_file() and "template/tests/" not in name:
                yield name, path.read_text(encoding="utf-8")


def found(files: list[tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Program -> each version that is named -> the first file that names it."""
    versions: dict[str, dict[str, str]] = {}
    for program, forms in PROGRAMS.items():
        for form in forms:
            named = [
                (one.rstrip("."), name) for name, text in files for one in re.findall(form, text)
            ]
            assert named, f"{program}: nothing fits {form}"
            for version, name in named:
                versions.setdefault(program, {}).setdefault(version, name)
    return versions


def different(files: list[tuple[str, str]]) -> list[str]:
    """Programs with two versions. 1.9 and 1.9.0 are one: a page leaves the last number out."""
    problems = []
    for program, versions in found(files).items():
        longest = max(versions, key=lambda version: version.count("."))
        if not all(f"{longest}.".startswith(f"{version}.") for version in versions):
            places = ", ".join(f"{version} in {name}" for version, name in sorted(versions.items()))
            problems.append(f"{program}: {places}")
    return problems
