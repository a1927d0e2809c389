"""Make the labels of docs/process/labels.yaml on GitHub or GitLab; again changes nothing."""

import typer

from tdsp.people.process.hosts import Host
from tdsp.people.process.items import Label, labels
from tdsp.people.project import Project

PLACE = "projects/:fullpath/labels"  # of GitLab


def run(project: Project, platform: str, dry: bool) -> None:
    """Check the file; then make the labels where the platform has any before they are used."""
    wanted = labels(project)
    if platform in ("azure-devops", "none"):
        why = " (Azure Boards makes tags when an item has them)" * (platform == "azure-devops")
        typer.echo(f"{len(wanted)} labels are valid; nothing has to be made{why}")
        return
    host = Host(project, {"github": "gh", "gitlab": "glab"}[platform], dry)
    for words in _github(wanted) if platform == "github" else _gitlab(host, wanted):
        host.write(*words)
    typer.echo(f"{len(wanted)} labels; {host.summary}")


def _github(wanted: list[Label]) -> list[list[str]]:
    """Return the command for each label; --force changes the label that is there."""
    make = ["label", "create", "--force"]
    return [
        [*make, each.name, "--color", each.colour, "--description", each.text] for each in wanted
    ]


def _gitlab(host: Host, wanted: list[Label]) -> list[list[str]]:
    """Return the command for each label that is missing or differs."""
    read = ("api", "--paginate", "--output", "ndjson", f"{PLACE}?per_page=100")
    there = {one["name"]: one for one in host.json(*read)}
    return [_make(each, there.get(each.name)) for each in wanted if not _same(each, there)]


def _same(label: Label, there: dict[str, dict[str, str]]) -> bool:
    now = there.get(label.name, {})
    colour = now.get("color", "").upper()
    return (colour, now.get("description")) == (f"#{label.colour.upper()}", label.text)


def _make(label: Label, now: dict[str, str] | None) -> list[str]:
    method, place = ("PUT", f"{PLACE}/{now['id']}") if now else ("POST", PLACE)
    fields = {} if now else {"name": label.name}
    fields |= {"color": f"#{label.colour}", "description": label.text}
    words = [word for key, text in fields.items() for word in ("--raw-field", f"{key}={text}")]
    return ["api", "--silent", "--method", method, place, *words]
