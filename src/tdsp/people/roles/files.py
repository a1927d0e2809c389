"""What the services that hold the code, release it and run it are told of docs/roles.yaml."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from tdsp.people.roles.model import ENVIRONMENTS, Environment, Holder, Roles

Body = Callable[[Roles, Path], str]


def files(source: Roles, root: Path) -> dict[str, str]:
    """Return path -> what stands between its marks, for the services that the project has."""
    chosen = {path: body for path, body in BODIES.items() if (root / path).parent.is_dir()}
    if (root / ".azuredevops").is_dir():
        del chosen["CODEOWNERS"]  # Azure Repos reads none: a policy takes its place
    return {path: body(source, root) for path, body in chosen.items()}


def owners(source: Roles) -> dict[str, list[Holder]]:
    """Return path -> its owners, a folder before what lies in it; `/` is whatever has no owner."""
    found: dict[str, list[Holder]] = {"/": source.approvers("main")}
    for role in source.roles.values():
        for path in role.owns:
            found[path] = list(dict.fromkeys([*found.get(path, []), *source.held(role)]))
    return dict(sorted(found.items()))


def codeowners(source: Roles, root: Path) -> str:
    """Return the lines of CODEOWNERS; the last that matches a file counts."""
    return "\n".join(
        f"{'*' if path == '/' else path} {' '.join(holder.address for holder in held)}"
        for path, held in owners(source).items()
    )


def policies(source: Roles, root: Path) -> str:
    """Return the reviewers of Azure Repos: who, and the filter of the paths that need them.

    There every filter that matches counts, so what lies deeper and has other owners is excluded.
    """
    all_owners = owners(source)
    groups: dict[str, list[str]] = {}
    for path, held in all_owners.items():
        groups.setdefault(";".join(holder.email for holder in held), []).append(path)
    lines = [f"  '{who}|{_filter(paths, all_owners)}'" for who, paths in groups.items()]
    return "\n".join([f"approvals={source.approvals}", "owners=(", *lines, ")"])


def _filter(paths: list[str], all_owners: dict[str, list[Holder]]) -> str:
    held = all_owners[paths[0]]
    found: list[str] = []
    for path, its in all_owners.items():
        above = [p for p in all_owners if p != path and p.endswith("/") and path.startswith(p)]
        covered = bool(above) and all_owners[above[-1]] == held
        if its == held and not covered:
            found.append(_pattern(path))
        elif its != held and covered:
            found.append(f"!{_pattern(path)}")
    return ";".join(found)


def _pattern(path: str) -> str:
    return f"{path}*" if path.endswith("/") else path


def environments(source: Roles, root: Path, address: str = "address") -> Iterator[str]:
    """Yield a line for each environment of a release: its name, and who approves it."""
    infra = [f"infra-{name}" for name in ENVIRONMENTS] if (root / "infra").is_dir() else []
    for name in ("test", "prod", *infra):
        held = [f"'{getattr(holder, address)}'" for holder in source.approvers(name)]
        yield " ".join(["environment", name, *held])


def github(source: Roles, root: Path) -> str:
    """Return the calls that make the environments of GitHub."""
    alone = "false" if source.approvals == 0 else "true"
    return "\n".join([f"prevent_self_review={alone}", *environments(source, root)])


def azure_devops(source: Roles, root: Path) -> str:
    """Return the calls that make the environments of Azure Pipelines, where people have e-mail."""
    alone = "false" if source.approvals == 0 else "true"
    calls = environments(source, root, "email")
    return "\n".join([f"requester_cannot_approve={alone}", *calls])


def gitlab(source: Roles, root: Path) -> str:
    """Return who approves main of GitLab, and who may start what goes to an environment."""
    calls = (line.split(maxsplit=2)[1:] for line in environments(source, root))
    lines = [f"  '{call[0]} {call[1].replace(chr(39), '')}'" for call in calls if len(call) > 1]
    return "\n".join([f"approvals={source.approvals}", "environments=(", *lines, ")"])


def ruleset(source: Roles, root: Path) -> str:
    """Return how many have to approve a change of main: JSON has no room for marks."""
    owner = json.dumps(source.approvals > 0)
    return "\n".join(
        [
            f'"required_approving_review_count": {source.approvals},',
            f'"require_code_owner_review": {owner},',
            f'"require_last_push_approval": {owner},',
        ]
    )


def members(environment: Environment) -> Iterator[tuple[str, Body]]:
    """Yield the two parameter files of an environment: which group has which role in Azure."""

    def pairs(source: Roles) -> list[tuple[str, str]]:
        roles = [r for r in source.roles.values() if environment in r.azure]
        found = [(r.azure[environment], h.entra) for r in roles for h in source.held(r) if h.entra]
        return list(dict.fromkeys(found))

    def bicep(source: Roles, root: Path) -> str:
        lines = [f"  {{ role: '{role}', group: '{group}' }}" for role, group in pairs(source)]
        return "\n".join(["param members = [", *lines, "]"] if lines else ["param members = []"])

    def terraform(source: Roles, root: Path) -> str:
        lines = [f'  {{ role = "{role}", group = "{group}" }},' for role, group in pairs(source)]
        return "\n".join(["members = [", *lines, "]"] if lines else ["members = []"])

    yield f"infra/bicep/{environment}.bicepparam", bicep
    yield f"infra/terraform/environments/{environment}.tfvars", terraform


def labels(source: Roles, root: Path) -> str:
    """Return a label for each role; GitHub takes 100 characters of what it says."""
    return "\n".join(
        f"    {key}: {json.dumps(role.does[:100], ensure_ascii=False)}"
        for key, role in source.roles.items()
    )


BODIES: dict[str, Body] = {
    "CODEOWNERS": codeowners,
    ".github/rulesets/main.json": ruleset,
    ".github/environments.sh": github,
    ".azuredevops/policies.sh": policies,
    ".azuredevops/environments.sh": azure_devops,
    ".gitlab/protect.sh": gitlab,
    **{path: body for name in ENVIRONMENTS for path, body in members(name)},
    "docs/process/labels.yaml": labels,
}
