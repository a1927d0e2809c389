"""Stand-ins for gh, glab and az that remember what was made, and refuse what the services refuse.

Run as a program they are the tool of their own name: arguments in, JSON out, state in a file. What
they do not know ends with 64, so that a command that is written wrongly is never taken for a pass.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

State = dict[str, Any]
EMPTY: State = {"labels": {}, "sprints": [], "issues": [], "boards": [], "feeds": [], "calls": []}
HEX = re.compile(r"[0-9a-fA-F]{6}")


def refuse(text: str, code: int = 1) -> NoReturn:
    print(text, file=sys.stderr)
    sys.exit(code)


def options(words: list[str], *names: str, flags: tuple[str, ...] = ()) -> argparse.Namespace:
    """Read the words as the real program would: what it does not know is an error."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("words", nargs="*")
    for name in names:
        parser.add_argument(f"--{name}", action="append", default=[])
    for name in flags:
        parser.add_argument(f"--{name}", action="store_true")
    return parser.parse_args(words)


def fields(values: list[str]) -> dict[str, str]:
    return dict(value.split("=", 1) for value in values)


def label(state: State, name: str, colour: str, text: str) -> None:
    if len(name) > 50 or len(text) > 100 or not HEX.fullmatch(colour):
        refuse(f"label {name} is not valid")
    state["labels"][name] = {"name": name, "color": colour, "description": text}


def gh(state: State, words: list[str]) -> Any:
    match words:
        case ["label", "create", *rest]:
            given = options(rest, "color", "description", flags=("force",))
            label(state, given.words[0], given.color[0], given.description[0])
        case ["api", *rest]:
            given = options(rest, "raw-field", flags=("paginate", "slurp"))
            place = given.words[0]
            if not place.startswith("repos/{owner}/{repo}/milestones"):
                refuse(f"unknown place {place}", 64)
            if not given.raw_field:
                return [[{"title": title} for title in state["sprints"]]]
            made = fields(given.raw_field)
            if made["title"] in state["sprints"]:
                refuse("milestone: already_exists")
            state["sprints"].append(made["title"])
        case ["issue", "list", *rest]:
            given = options(rest, "state", "limit", "json")
            assert given.state == ["all"], "closed issues must be found, too"
            return [{"body": each["body"], "url": each["url"]} for each in state["issues"]]
        case ["issue", "create", *rest]:
            given = options(rest, "title", "milestone", "label", "body")
            if missing := [name for name in given.label if name not in state["labels"]]:
                refuse(f"could not add label: '{missing[0]}' not found")
            if given.milestone[0] not in state["sprints"]:
                refuse(f"could not add to milestone '{given.milestone[0]}': not found")
            url = f"https://github.com/o/r/issues/{len(state['issues']) + 1}"
            issue = {"title": given.title[0], "body": given.body[0], "labels": given.label}
            state["issues"].append({**issue, "milestone": given.milestone[0], "url": url})
            return url
        case ["repo", "view", "--json", "owner"]:
            return {"owner": {"login": "o"}}
        case ["project", "list", *rest]:
            options(rest, "owner", "limit", "format")
            return {"projects": state["boards"]}
        case ["project", "create", *rest]:
            given = options(rest, "owner", "title", "format")
            board = {"number": len(state["boards"]) + 3, "title": given.title[0], "items": []}
            state["boards"].append(board)
            return board
        case ["project", "item-add", *rest]:
            given = options(rest, "owner", "url")
            board = next(b for b in state["boards"] if str(b["number"]) == given.words[0])
            if given.url[0] not in board["items"]:  # GitHub gives back the item that is there
                board["items"].append(given.url[0])
        case _:
            refuse(f"unknown: gh {words}", 64)
    return None


def glab(state: State, words: list[str]) -> Any:
    if words[0] != "api":
        refuse(f"unknown: glab {words}", 64)
    given = options(words[1:], "method", "output", "raw-field", flags=("paginate", "silent"))
    place, method = given.words[0].split("?")[0], (given.method or ["GET"])[0]
    made = fields(given.raw_field)
    match method, place.split("/"):
        case "GET", ["projects", ":fullpath", "labels"]:
            numbered = enumerate(state["labels"].values())
            return [{**each, "id": n, "color": f"#{each['color']}"} for n, each in numbered]
        case "POST", ["projects", ":fullpath", "labels"]:
            if made["name"] in state["labels"]:
                refuse("409 Label already exists")
            label(state, made["name"], made["color"].removeprefix("#"), made["description"])
        case "PUT", ["projects", ":fullpath", "labels", number]:
            name = list(state["labels"])[int(number)]
            label(state, name, made["color"].removeprefix("#"), made["description"])
        case "GET", ["projects", ":fullpath", "milestones"]:
            return [{"title": title} for title in state["sprints"]]
        case "POST", ["projects", ":fullpath", "milestones"]:
            state["sprints"].append(made["title"])
        case _:
            refuse(f"unknown: glab {method} {place}", 64)
    return None


def az(state: State, words: list[str]) -> Any:
    match words:
        case ["boards", "iteration", "project", "list", *rest]:
            options(rest, "project", "query", "output")
            return "\n".join(state["sprints"])
        case ["boards", "iteration", "project", "create", *rest]:
            given = options(rest, "project", "name", "output")
            state["sprints"].append(given.name[0])
        case ["rest", *rest]:
            given = options(rest, "resource", "url", "method", "query", "output", "headers", "body")
            if not given.url[0].startswith("https://feeds.dev.azure.com/") or not given.resource:
                refuse(f"unknown address {given.url}", 64)
            if given.method == ["post"]:
                state["feeds"].append(json.loads(given.body[0])["name"])
                return None
            name = given.query[0].split("'")[1]
            return name if name in state["feeds"] else ""
        case _:
            refuse(f"unknown: az {words}", 64)
    return None


def shown(answer: Any, lines: bool) -> str:
    if isinstance(answer, str):
        return answer
    return "\n".join(map(json.dumps, answer)) if lines else json.dumps(answer)


def main() -> None:
    path, name, words = Path(os.environ["STATE"]), Path(sys.argv[0]).name, sys.argv[1:]
    state = json.loads(path.read_text(encoding="utf-8")) if path.exists() else EMPTY
    if os.environ.get("BROKEN", "never") in " ".join([name, *words]):
        refuse("HTTP 502")
    before = json.dumps({**state, "calls": 0})
    answer = {"gh": gh, "glab": glab, "az": az}[name](state, words)
    if json.dumps({**state, "calls": 0}) != before:
        state["calls"].append([name, *words])
    path.write_text(json.dumps(state), encoding="utf-8")
    if answer is not None and (text := shown(answer, "ndjson" in words)):
        print(text)


if __name__ == "__main__":
    main()
