"""docs/roles/: a page for each role, and the matrix of roles and stages, as Markdown."""

import re

from tdsp.people.roles.model import STAGES, Holder, Role, Roles, Stage

# As the template writes names of people, so that a fresh project is what `tdsp roles` would write.
SPECIAL = re.compile(r"([\\*_\[\]#|~&$!<>`]|^[-+=])")
NUMBER = re.compile(r"^([0-9]+)(?=[.)])")


def pages(source: Roles) -> dict[str, str]:
    """Return path -> text of every page."""
    made = {f"docs/roles/{key}.md": page(source, role) for key, role in source.roles.items()}
    return {"docs/roles/README.md": matrix(source), **made}


def plain(text: str) -> str:
    """Return a name as Markdown that shows it as it is."""
    return NUMBER.sub(r"\1\\", SPECIAL.sub(r"\\\1", text))


def person(holder: Holder) -> str:
    """Return who it is and how they are reached."""
    return f"{plain(holder.name)}, <{holder.email}>"


def page(source: Roles, role: Role) -> str:
    """Return the page of a role."""
    held = "; ".join(person(holder) for holder in source.held(role))
    return "\n\n".join(
        [
            f"# {plain(role.name)}",
            role.does,
            f"Held by {held}. [All roles](README.md)",
            _section("First day", _numbered([*source.first_day, *role.first_day])),
            _section("Commands", _list(role.commands)),
            _section("Tasks and artefacts", _by_stage(role)),
            _section("Decides", _list(role.decides)),
            _section("Owns and approves", _list(_rights(role))),
            _section("Training", _numbered(role.training)),
        ]
    )


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body or 'Nothing.'}"


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _numbered(lines: list[str]) -> str:
    """Return an ordered list; Markdown counts, so that a line can come and go."""
    return "\n".join(f"1. {line}" for line in lines)


def _rights(role: Role) -> list[str]:
    """Return what needs this role: changes of paths, environments; and its rights in Azure."""
    owned = [f"Owns `{path}`" for path in role.owns]
    gates = [f"Approves {_gate(gate)}" for gate in role.approves]
    azure = [f"Has the role *{name}* in Azure, in `{env}`" for env, name in role.azure.items()]
    return [*owned, *gates, *azure]


def _gate(gate: str) -> str:
    if gate == "main":
        return "changes to files without an owner"
    if gate.startswith("infra-"):
        return f"changes of the infrastructure of `{gate.removeprefix('infra-')}`"
    return f"releases to `{gate}`"


def _by_stage(role: Role) -> str:
    parts = []
    for stage, title in STAGES.items():
        lines = _items(role, stage)
        if lines:
            parts.append(f"**{title}**\n\n{_list(lines)}")
    return "\n\n".join(parts)


def _items(role: Role, stage: Stage) -> list[str]:
    """Return tasks as they are, artefacts behind an arrow."""
    artefacts = [f"→ {artefact}" for artefact in role.artefacts.get(stage, [])]
    return [*role.tasks.get(stage, []), *artefacts]


def matrix(source: Roles) -> str:
    """Return the page of all roles: the matrix, who holds what, who lets what through."""
    head = ["Role", *STAGES.values()]
    rows = [
        [f"[{plain(role.name)}]({key}.md)", *("<br>".join(_items(role, s)) for s in STAGES)]
        for key, role in source.roles.items()
    ]
    held = [
        [f"[{plain(role.name)}]({key}.md)", "; ".join(person(h) for h in source.held(role))]
        for key, role in source.roles.items()
    ]
    return f"""\
# Roles

Who does what, stage by stage. Lines are tasks; → marks what has to be there afterwards.

{_table(head, rows)}

## Who holds what

{_table(["Role", "Held by"], held)}

One person may hold several roles. Whoever builds a model should not be its validator: then
nobody has looked at it twice.

## Change it

Edit [roles.yaml](../roles.yaml), then run `tdsp roles`. It writes these pages and the settings of
code host and releases: owners of files, reviewers, rights, labels. `tdsp roles --check` names each
file that disagrees. It writes between its two marks only: what stands outside is yours."""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)
