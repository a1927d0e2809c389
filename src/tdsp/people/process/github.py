"""The backlog on GitHub: sprints become milestones, items issues, on a board if one is named.

Each issue carries the id of its item, so that what is there already is found again, closed or
under another title.
"""

import json
from collections.abc import Iterable

from tdsp.people.process.hosts import Host
from tdsp.people.process.items import Item, Sprint

MILESTONES = "repos/{owner}/{repo}/milestones"


def marker(item: Item) -> str:
    """Return what makes the issue of an item known again; it is not shown."""
    return f"<!-- backlog: {item.id} -->"


def milestones(host: Host, sprints: Iterable[Sprint]) -> None:
    """Make the milestones that are missing."""
    pages = host.json("api", "--paginate", "--slurp", f"{MILESTONES}?state=all&per_page=100")
    there = {each["title"] for page in pages for each in page}
    for sprint in sprints:
        if sprint.name not in there:
            fields = [f"title={sprint.name}", f"description={sprint.goal}"]
            words = [word for field in fields for word in ("--raw-field", field)]
            host.write("api", MILESTONES, *words)


def issues(host: Host, items: list[Item]) -> list[str]:
    """Make the issues that are missing; return the addresses of all."""
    there = host.json("issue", "list", "--state", "all", "--limit", "5000", "--json", "body,url")
    return [
        next((each["url"] for each in there if marker(item) in each["body"]), None)
        or _issue(host, item)
        for item in items
    ]


def _issue(host: Host, item: Item) -> str:
    labels = [word for label in item.labels for word in ("--label", label)]
    body = f"{item.body}\n{marker(item)}\n"
    words = ["--title", item.title, "--milestone", item.sprint.name, *labels, "--body", body]
    return host.write("issue", "create", *words)


def board(host: Host, title: str, addresses: list[str]) -> None:
    """Put the issues on the board; one that is on it stays where it is."""
    owner = "OWNER"
    if told := host.json("repo", "view", "--json", "owner"):
        owner = told["owner"]["login"]
    listed = host.json("project", "list", "--owner", owner, "--limit", "500", "--format", "json")
    boards = listed["projects"] if listed else []
    numbers = [each["number"] for each in boards if each["title"] == title]
    if not numbers:
        make = ("--owner", owner, "--title", title, "--format", "json")
        answer = host.write("project", "create", *make)
        numbers = [json.loads(answer)["number"]] if answer else ["NUMBER"]
    for address in addresses:
        words = (str(numbers[0]), "--owner", owner, "--url", address or "ADDRESS")
        host.write("project", "item-add", *words)
