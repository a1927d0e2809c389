"""Is the branch called as docs/process/branches.yaml says? `poe branch`; a hook and CI ask too.

Without a name it is the branch that CI checks, that is being pushed, or that is checked out.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

RULES = Path("docs/process/branches.yaml")
WORDS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST = 60
# Where each CI system has the source branch of a request; then what git hands to its hook.
VARIABLES = (
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "SYSTEM_PULLREQUEST_SOURCEBRANCH",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME",
    "PRE_COMMIT_REMOTE_BRANCH",
)


def wrong(name: str, rules: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a branch's name, or None."""
    kind, slash, rest = name.partition("/")
    if name in rules["kept"] or (slash and kind in rules["programs"]):
        return None
    if not slash or kind not in rules["types"]:
        known = "\n".join(f"  {key}/...  {text}" for key, text in rules["types"].items())
        return f"it must start with its type and a slash:\n{known}"
    if not WORDS.fullmatch(rest):
        return f"after {kind}/ come lower-case letters, digits and single dashes, as in 12-new-rows"
    if len(name) > LONGEST:
        return f"it has {len(name)} characters, at most {LONGEST} are readable"
    return None


def current(environment: Mapping[str, str]) -> str:
    """Return the branch that is asked about; empty when there is none."""
    for variable in VARIABLES:
        if name := environment.get(variable):
            return name
    command = ["git", "symbolic-ref", "--quiet", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def main(words: Iterable[str] | None = None) -> int:
    """Tell whether the name is right; return 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__, prog="poe branch")
    parser.add_argument("name", nargs="?", help="the branch; without it, the one at hand")
    name = parser.parse_args(None if words is None else list(words)).name
    name = name or current(os.environ)
    if name.startswith("refs/tags/"):
        return 0  # a tag is pushed, not a branch
    name = name.removeprefix("refs/heads/")
    if not name:
        print("error: no branch is checked out: git switch --create TYPE/WORDS", file=sys.stderr)
        return 1
    try:
        rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
        reason = wrong(name, rules)
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        print(f"error: {RULES} needs types, kept and programs: {error!r}", file=sys.stderr)
        return 1
    if reason:
        print(f"error: branch {name}: {reason}", file=sys.stderr)
        print(f"Rename it: git branch --move {name} TYPE/WORDS", file=sys.stderr)
        return 1
    print(f"branch {name} is called as {RULES.as_posix()} says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
