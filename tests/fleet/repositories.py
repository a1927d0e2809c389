"""Small repositories for the tests of the fleet: of our template, foreign, broken, hostile."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from tdsp.fleet.config import Fleet
from tdsp.fleet.snapshot import Snapshot
from tdsp.fleet.status import Switches, status

COPIER = """\
_subdirectory: template
_templates_suffix: .jinja
project_name: {type: str}
project_slug: {type: str, default: small}
package_name: {type: str, default: small}
problem_type: {type: str, default: classification}
level: {type: str, default: train}
license: {type: str, default: MIT}
"""
ANSWERS = "{{ _copier_answers|to_nice_yaml }}"
TRAINS = "import sklearn\n\n\ndef fit(x, y):\n    return sklearn.base.clone(x).fit(y)\n"
TAKEN = "2026-11-20T06:00:00Z"
IDENTITY = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com")


def git(folder: Path, *words: str, day: str = "2026-11-01") -> str:
    """Run git in a folder, on a day."""
    stamp = f"{day}T12:00:00+00:00"
    done = subprocess.run(
        ["git", *IDENTITY, *words],
        cwd=folder, check=True, capture_output=True, text=True,
        env=os.environ | {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp},
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, files: dict[str, str | bytes], day: str = "2026-11-01") -> str:
    """Write files and commit them; return the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "work", day=day)
    return git(folder, "rev-parse", "HEAD")


def template(folder: Path) -> Path:
    """Make a template with three releases: v0.1.0, v0.2.0, v0.10.0."""
    for number, day in (
        ("v0.1.0", "2026-01-10"),
        ("v0.2.0", "2026-06-10"),
        ("v0.10.0", "2026-11-10"),
    ):
        files: dict[str, str | bytes] = {
            "copier.yml": COPIER,
            "template/{{ _copier_conf.answers_file }}.jinja": ANSWERS,
            "template/tools/check.py.jinja": f"# {number} of {{{{ project_name }}}}\n",
            "template/tools/source.txt.jinja": "{{ _copier_answers._src_path }}\n",
            "template/README.md.jinja": f"# {{{{ project_name }}}} {number}\n",
            "template/src/{{ package_name }}/__init__.py": "",
            "template/src/{{ package_name }}/features.py": "x = 1\n",
        }
        commit(folder, files, day)
        git(folder, "tag", "-a", number, "-m", number, day=day)
    git(folder, "tag", "nightly")
    return folder


def project(folder: Path, source: Path, version: str, **answers: str) -> Path:
    """Make a project of the template, and commit it."""
    from copier import run_copy

    run_copy(
        str(source), folder, data={"project_name": folder.name} | answers, vcs_ref=version,
        defaults=True, quiet=True,
    )  # fmt: skip
    commit(folder, {"src/small/train.py": TRAINS})
    return folder


def run(fleet: Fleet, **switches: object) -> Snapshot:
    """Make a run without a terminal."""
    chosen = replace(Switches(1, True, TAKEN), **switches)  # type: ignore[arg-type]
    return status(fleet, fleet.listing(), chosen, lambda name: None)
