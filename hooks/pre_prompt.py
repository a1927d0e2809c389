"""Give Cookiecutter the layout it expects; it runs this in a temporary copy of the repository."""

import json
import os
import subprocess
from pathlib import Path


def git(*arguments: str) -> str:
    """What git says, or nothing where there is no git, no repository or no such thing."""
    try:
        return subprocess.run(
            ["git", *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def version() -> dict[str, str]:
    """What Copier would record of this repository: never a commit that lacks some change."""
    if not Path(".git").exists():
        return {}
    # Cookiecutter has just made this hook executable: that is no change.
    changed = git("-c", "core.fileMode=false", "status", "--porcelain")
    described = "" if changed else git("describe", "--tags", "--always")
    found = {"_commit": described, "_origin": git("remote", "get-url", "origin")}
    return {name: text for name, text in found.items() if text}


def main() -> None:
    config_file = Path("cookiecutter.json")
    config = json.loads(config_file.read_text(encoding="utf-8"))
    template = Path("template")
    if Path(".git").exists():
        git("clean", "-ffdXq", "--", "template")  # caches of whoever works on the template
    files = [path for path in template.rglob("*") if path.is_file()]
    plain = [path.relative_to(template) for path in files if path.suffix != ".jinja"]
    config["_copy_without_render"] = sorted(str(path) for path in plain)
    config |= version()
    config_file.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    for path in files:
        if path.suffix == ".jinja":
            os.replace(path, path.with_suffix(""))
    os.replace(template, config["_directory"])


main()
