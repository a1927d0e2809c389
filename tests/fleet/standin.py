"""A stand-in for `gh`, `glab` and `az`: it records, and refuses what the real ones refuse.

STANDIN names its folder: `calls` has a line for each command, `requests/` a file for each request,
`mode` what is wrong today (expired, limited N, later, lost), `remotes` where branches are.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HOME = Path(os.environ["STANDIN"])
REQUESTS = HOME / "requests"
TAKES = {
    "gh pr list": {"--repo", "--head", "--state", "--json"},
    "gh pr create": {"--repo", "--head", "--base", "--title", "--body", "--draft"},
    "gh pr close": {"--repo", "--comment"},
    "glab mr close": {"--repo"},
    "glab mr note": {"--repo", "--message"},
    "az repos pr update": {"--organization", "--detect", "--output", "--id", "--status"},
    "glab mr list": {"--repo", "--source-branch", "--all", "--output"},
    "glab mr view": {"--repo", "--output"},
    "glab mr create": {
        "--repo", "--yes", "--source-branch", "--target-branch", "--title", "--description",
        "--draft",
    },
    "az repos pr list": {
        "--organization", "--detect", "--output", "--project", "--repository", "--source-branch",
        "--status",
    },
    "az repos pr create": {
        "--organization", "--detect", "--output", "--project", "--repository", "--source-branch",
        "--target-branch", "--title", "--draft", "--description",
    },
    "az repos pr policy list": {"--organization", "--detect", "--output", "--id"},
}  # fmt: skip
FLAGS = {"gh": {"--draft"}, "glab": {"--draft", "--yes", "--all"}, "az": set()}
SAID = {
    "gh": {
        "expired": "HTTP 401: Bad credentials (https://api.github.com/graphql)\nTry authenticating"
        " with:  gh auth login",
        "limited": "HTTP 403: You have exceeded a secondary rate limit. Retry-After: {}",
        "exists": 'a pull request for branch "{}" into branch "main" already exists:\n{}',
    },
    "glab": {
        "expired": "401 Unauthorized {{message: 401 Unauthorized}}",
        "limited": "429 Too Many Requests, retry after {}",
        "exists": "409 {{message: [Another open merge request already exists for this source"
        " branch: !{}]}} {}",
    },
    "az": {
        "expired": "TF400813: The user 'aaaa' is not authorized to access this resource. Please run"
        " az login",
        "limited": "TF400733: The request has been canceled: Request was blocked. Retry-After: {}",
        "exists": "TF401179: An active pull request for the source and target branch already"
        " exists. {} {}",
    },
}


def die(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.exit(1)


def read(tool: str, words: list[str]) -> tuple[str, dict[str, str], list[str]]:
    known = max((v for v in TAKES if " ".join([tool, *words]).startswith(v)), key=len, default="")
    if not known:
        die(f"unknown command: {words}")
    rest = words[len(known.split()) - 1 :]
    options: dict[str, str] = {}
    plain: list[str] = []
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            plain.append(word)
        elif word not in TAKES[known]:
            die(f"unknown flag: {word}")
        elif word in FLAGS[tool]:
            options[word] = "true"
        else:
            options[word] = rest.pop(0)
            while word == "--description" and tool == "az" and rest and rest[0][:2] != "--":
                options[word] += "\n" + rest.pop(0)
    return known, options, plain


def check(tool: str, known: str) -> None:
    mode = (HOME / "mode").read_text().split() if (HOME / "mode").exists() else ["ok"]
    if mode[0] == "expired":
        die(SAID[tool]["expired"].format())
    if mode[0] == "limited" and known.endswith("create"):
        left = int(mode[1])
        (HOME / "mode").write_text("ok" if left <= 1 else f"limited {left - 1} {mode[2]}")
        die(SAID[tool]["limited"].format(mode[2]))


def name_of(repository: str) -> str:
    return repository.rstrip("/").rpartition("/")[2]


def number_of(request: dict[str, str]) -> int:
    return int(request["url"].rpartition("/")[2])


def has(repository: str, branch: str) -> bool:
    place = f"--git-dir={HOME / 'remotes' / repository}.git"
    words = ["git", place, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}"]
    return not subprocess.run(words, capture_output=True, check=False).returncode


def load() -> list[dict[str, str]]:
    return [json.loads(path.read_text()) for path in sorted(REQUESTS.glob("*.json"))]


def create(tool: str, options: dict[str, str]) -> dict[str, str]:
    repository = name_of(options.get("--repo") or options["--repository"])
    branch = options.get("--head") or options["--source-branch"]
    onto = options.get("--base") or options["--target-branch"]
    if not has(repository, branch) or not has(repository, onto):
        die(f"no such branch: {branch} or {onto}")
    REQUESTS.mkdir(exist_ok=True)
    others = [e for e in load() if e["repository"] == repository and e["branch"] != branch]
    number = len(others) + 1
    path = REQUESTS / (f"{repository}-{number}.json" if others else f"{repository}.json")
    url = f"https://example.com/{repository}/pull/{number}"
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        die(SAID[tool]["exists"].format(branch, url))
    body = options.get("--body") or options.get("--description")
    made = {
        "repository": repository, "branch": branch, "onto": onto, "title": options["--title"],
        "body": body or "", "draft": options.get("--draft", "false"), "state": "open",
        "green": "true", "url": url,
    }  # fmt: skip
    with os.fdopen(handle, "w") as file:
        json.dump(made, file)
    if (HOME / "mode").exists() and (HOME / "mode").read_text().startswith("lost"):
        die("error connecting to api: connection reset by peer")
    return made


def close(tool: str, number: str, repository: str) -> None:
    """Close a request that is open; the address of Azure's command line names no repository."""
    for path in REQUESTS.glob("*.json"):
        found = json.loads(path.read_text())
        mine = tool == "az" or found["repository"] == repository
        if mine and found["url"].endswith(f"/{number}"):
            if found["state"] != "open":
                die(f"{number} is {found['state']}")
            path.write_text(json.dumps(found | {"state": "closed"}))
            return
    die(f"no request {number}")


def as_gh(each: dict[str, str]) -> dict[str, object]:
    conclusion = {"true": "SUCCESS", "false": "FAILURE", "": ""}[each["green"]]
    state = {"open": "OPEN", "merged": "MERGED", "closed": "CLOSED"}[each["state"]]
    checks = [{"__typename": "CheckRun", "status": "COMPLETED", "conclusion": conclusion}]
    return {
        "number": number_of(each), "url": each["url"], "state": state, "isCrossRepository": False,
        "statusCheckRollup": checks,
    }  # fmt: skip


def as_glab(each: dict[str, str]) -> dict[str, object]:
    state = {"open": "opened"}.get(each["state"], each["state"])
    status = {"true": "success", "false": "failed", "": "running"}[each["green"]]
    return {
        "iid": number_of(each), "web_url": each["url"], "state": state, "source_project_id": 1,
        "target_project_id": 1, "head_pipeline": {"status": status},
    }  # fmt: skip


def as_az(each: dict[str, str]) -> dict[str, object]:
    state = {"open": "active", "merged": "completed", "closed": "abandoned"}[each["state"]]
    return {
        "pullRequestId": number_of(each),
        "status": state,
        "repository": {"name": each["repository"]},
    }


def main() -> None:
    tool, words = Path(sys.argv[0]).name, sys.argv[1:]
    with (HOME / "calls").open("a") as file:
        file.write(json.dumps([tool, *words]) + "\n")
    known, options, plain = read(tool, words)
    check(tool, known)
    if known.endswith("create"):
        made = create(tool, options)
        print(json.dumps(as_az(made)) if tool == "az" else made["url"])
        return
    if known == "az repos pr update":
        assert options["--status"] == "abandoned"
        close(tool, options["--id"], "")
        return
    if known in {"gh pr close", "glab mr close"}:
        close(tool, plain[0], name_of(options["--repo"]))
        return
    if known == "glab mr note":
        return
    if known == "az repos pr policy list":
        status = {"true": "approved", "false": "rejected", "": "running"}[
            next(e for e in load() if str(number_of(e)) == options["--id"])["green"]
        ]
        kind = {"configuration": {"type": {"displayName": "Build"}}, "status": status}
        print(json.dumps([kind]))
        return
    repository = name_of(options.get("--repo") or options["--repository"])
    found = [each for each in load() if each["repository"] == repository]
    if known == "glab mr view":
        print(json.dumps(as_glab(next(e for e in found if str(number_of(e)) == plain[0]))))
        return
    shape = {"gh": as_gh, "glab": as_glab, "az": as_az}[tool]
    branch = options.get("--head") or options["--source-branch"]
    print(json.dumps([shape(each) for each in found if each["branch"] == branch]))


if __name__ == "__main__":
    main()
