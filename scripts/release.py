"""Tags a release after checking what people forget: `make release VERSION=0.2.0`. Never pushes.

`make release VERSION=0.2.0 --dry-run` makes the same checks and tags nothing.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
SOURCE = Path("src/tdsp/__init__.py")
CHANGELOG = Path("CHANGELOG.md")


def git(root: Path, *words: str) -> str:
    """Return what git prints. Raises CalledProcessError."""
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def key(version: str) -> tuple[int, ...]:
    """Order versions as numbers: 0.10.0 comes after 0.9.0."""
    return tuple(map(int, version.split(".")))


def released(root: Path) -> list[str]:
    """Return the versions that have a tag, oldest first."""
    names = (tag.removeprefix("v") for tag in git(root, "tag", "--list", "v*").splitlines())
    return sorted(filter(VERSION.fullmatch, names), key=key)


def stated(root: Path) -> str:
    """Return the version in the package, which is the only place that states it."""
    text = (root / SOURCE).read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.*)"$', text, re.MULTILINE)
    return match.group(1) if match else ""


def changes(root: Path, version: str) -> str:
    """Return the text of a version's dated section in the changelog, "" if there is none."""
    return section(root, rf"\[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}")


def section(root: Path, heading: str) -> str:
    """Return the text under a heading of the changelog, given as a pattern; "" if there is none."""
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    parts = re.split(rf"^## {heading}$", text, maxsplit=1, flags=re.MULTILINE)
    found = re.split(r"^(?:## |\[.*\]: )", parts[1], flags=re.MULTILINE)[0] if parts[1:] else ""
    return "\n".join(line for line in found.splitlines() if not line.startswith("#")).strip()


def problems(version: str, root: Path) -> list[str]:
    """Return every reason against this release."""
    if not VERSION.fullmatch(version):
        return [f"{version!r} is not MAJOR.MINOR.PATCH: make release VERSION=0.2.0"]
    last = released(root)[-1:]
    branch = git(root, "branch", "--show-current")
    tests = {
        f"v{version} is already tagged": version in released(root),
        f"{version} does not come after {last}": any(key(version) < key(v) for v in last),
        f"the branch is {branch or 'none'}, not main": branch != "main",
        "there are changes that are not committed": bool(git(root, "status", "--porcelain")),
        f"{SOURCE} says {stated(root)}": stated(root) != version,
        f"{CHANGELOG} has no text under `## [{version}] - YYYY-MM-DD`": not changes(root, version),
        f"{CHANGELOG} has text under `## [Unreleased]`: move it to {version}": bool(
            section(root, r"\[Unreleased\]")
        ),
    }
    return [text for text, wrong in tests.items() if wrong]


def main(words: list[str], root: Path = ROOT) -> int:
    """Tag the present commit, or say what is wrong and return 1; with --dry-run tag nothing."""
    version = words[0] if words else ""
    obstacles = problems(version, root)
    if obstacles:
        print("Nothing was tagged:", *(f"- {problem}" for problem in obstacles), sep="\n")
        return 1
    if "--dry-run" in words:
        print(f"v{version} can be tagged: nothing was done.")
        return 0
    git(root, "tag", "--annotate", f"v{version}", "--message", changes(root, version))
    print(
        f"Tagged v{version}. This did not run the tests: `make test` must be green on this commit."
    )
    print(f"Then: git push origin main v{version}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
