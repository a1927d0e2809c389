"""Small repositories and plans made by hand, for the tests of `adopt apply` and what follows."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tdsp.adopt.gitwork import Git
from tdsp.adopt.plan import Edit, Item, Plan
from tdsp.adopt.rendering import Render, Rendered

PACKAGE = "churn"
# What the template brings, in small. One test takes the true template.
RENDER: Render = {
    ".copier-answers.yml": Rendered(b"_commit: v1\n_src_path: somewhere\nlevel: train\n"),
    ".gitignore": Rendered(b"# Of tools.\n.venv/\n/data/raw/*.*\n/models/\n!*.dvc\n"),
    ".gitattributes": Rendered(b"* text=auto eol=lf\n"),
    ".pre-commit-config.yaml": Rendered(
        b"repos:\n  - repo: local\n    hooks:\n      - id: lint\n        name: lint\n"
        b"        entry: ruff check\n        language: system\n"
    ),
    "LICENSE": Rendered(b"MIT\n"),
    "README.md": Rendered(b"# Churn\n\nOf the template.\n"),
    "pyproject.toml": Rendered(
        b'[project]\nname = "churn"\nversion = "0.1.0"\nreadme = "README.md"\n'
        b'requires-python = ">=3.11"\nlicense = "MIT"\nlicense-files = ["LICENSE"]\n'
        b'dependencies = [\n  "pandas>=3.0",\n]\n\n[project.scripts]\nchurn = "churn.cli:main"\n\n'
        b'[dependency-groups]\ndev = [\n  "ruff>=0.15",\n]\n\n[build-system]\n'
        b'requires = ["hatchling"]\nbuild-backend = "hatchling.build"\n\n'
        b'[tool.hatch.build.targets.wheel]\npackages = ["src/churn"]\n\n'
        b'[tool.poe.tasks]\n_lint = { cmd = "ruff check" }\ntest = { cmd = "pytest" }\n\n'
        b"[tool.ruff]\nline-length = 100\n"
    ),
    "src/churn/__init__.py": Rendered(b""),
    "src/churn/features.py": Rendered(b'"""Features."""\n'),
    "tools/run.sh": Rendered(b"#!/bin/sh\n", "100755"),
    ".github/workflows/ci.yml": Rendered(b"name: CI\njobs: {}\n"),
}
TRAIN = b"""import csv
from utils import more

with open("data.csv", newline="") as file:
    rows = list(csv.reader(file))
with open("out.txt", "w") as file:
    file.write(str(more(len(rows))))
print("rows", len(rows))
"""
FILES: dict[str, bytes] = {
    "train.py": TRAIN,
    "utils.py": b"def more(number):\n    return number + 1\n",
    "data.csv": b"a,b\r\n1,2\r\n",
    "README.md": b"# Ours\n",
    ".gitignore": b"*.log\n",
    ".idea/misc.xml": b"<x/>\n",
    "notes.txt": b"notes\n",
}
TARGETS = {
    "train.py": "scripts/train.py",
    "utils.py": "src/churn/utils.py",
    "data.csv": "data/raw/data.csv",
    ".idea/misc.xml": "",
}
EDITS: dict[str, list[tuple[bytes, bytes]]] = {
    "train.py": [
        (b"from utils", b"from churn.utils"),
        (b'"data.csv"', b'"data/raw/data.csv"'),
    ]
}


def git(root: Path, *words: str, given: bytes = b"") -> bytes:
    """Run git, as a person would."""
    done = subprocess.run(["git", *words], cwd=root, input=given, capture_output=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def make(root: Path, files: Mapping[str, bytes] = FILES, settings: tuple[str, ...] = ()) -> Path:
    """Make a repository of one commit on branch `main`."""
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch", "main")
    for setting in ("user.name=Ada", "user.email=ada@example.com", *settings):
        git(root, "config", *setting.split("=", 1))
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    commit(root, "first")
    return root


def commit(root: Path, message: str) -> None:
    """Commit everything."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def edits(content: bytes, wanted: list[tuple[bytes, bytes]]) -> tuple[Edit, ...]:
    """Return edits at the first place where each text stands."""
    found = []
    for old, new in wanted:
        start = content.index(old)
        found.append(Edit(start, content[:start].count(b"\n") + 1, old, new, "it moved"))
    return tuple(sorted(found, key=lambda each: each.start))


def plan(
    root: Path,
    targets: Mapping[str, str] = TARGETS,
    changes: Mapping[str, list[tuple[bytes, bytes]]] = EDITS,
    level: int = 2,
) -> Plan:
    """Return a plan for the commit that is checked out; files without a target stay."""
    work = Git(root)
    items = []
    for path, entry in work.tree("HEAD").items():
        target = targets.get(path, path)
        kind = "script" if path == "train.py" else "junk" if not target else "code"
        found = edits(work.blob(entry.blob), changes[path]) if path in changes else ()
        items.append(Item(path, entry.blob, kind, target, 1.0, ("by hand",), edits=found))
    return Plan(work.ref("HEAD"), level, PACKAGE, "train", tuple(items))


def only(wanted: Plan, name: str, /, **changes: object) -> Plan:
    """Return the plan with one item changed."""
    items = tuple(replace(e, **changes) if e.path == name else e for e in wanted.items)  # type: ignore[arg-type]
    return replace(wanted, items=items)


def small(_: Plan) -> Render:
    """Stand for the render of the template."""
    return RENDER


def quiet(_: str) -> None:
    """Say nothing."""


def state(root: Path) -> dict[str, object]:
    """Return all that an undone adoption has to give back: refs, index, and the work tree."""
    found: dict[str, object] = {
        "refs": git(root, "for-each-ref"),
        "head": git(root, "symbolic-ref", "HEAD"),
        "index": git(root, "ls-files", "--stage", "-z"),
        "status": git(root, "status", "--porcelain", "--ignored"),
    }
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 (bytes)
            if b"/.git/" not in path:
                about = os.lstat(path)
                link = os.path.islink(path)  # noqa: PTH114
                with open(path, "rb") if not link else open(os.devnull, "rb") as file:  # noqa: PTH123
                    content = os.readlink(path) if link else file.read()  # noqa: PTH115
                found[os.fsdecode(path)] = (about.st_mode, content)
    return found
