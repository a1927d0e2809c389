"""How long making a project takes, against the engines' own start-up and against a peer."""

import os
import shutil
import sys
from functools import partial
from pathlib import Path

from places import BIN, commit
from timing import Cost, Ratio, Section, at_most, figure, interleaved, run

GOAL = 1.3
# All that making a project imports, but for a handful of modules.
START_UP = {
    "copier": "import copier._cli",
    "cookiecutter": "import cookiecutter.cli, cookiecutter.extensions",
}
NO_PEER = (
    "cookiecutter-data-science was left out: give CCDS=PATH, the path of a clone of its "
    "repository; its package holds the command without the template."
)


def one_file(work: Path, env: dict[str, str]) -> dict[str, Path]:
    """Make the smallest template of each engine: one file, no question, one commit."""
    copier, cookiecutter = work / "one-copier", work / "one-cookiecutter"
    (copier / "template").mkdir(parents=True)
    (copier / "copier.yml").write_text("_subdirectory: template\n", encoding="utf-8")
    (copier / "template/file.txt").write_text("one\n", encoding="utf-8")
    inner = cookiecutter / "{{cookiecutter.name}}"
    inner.mkdir(parents=True)
    (cookiecutter / "cookiecutter.json").write_text('{"name": "one"}', encoding="utf-8")
    (inner / "file.txt").write_text("one\n", encoding="utf-8")
    return {"copier": commit(copier, env), "cookiecutter": commit(cookiecutter, env)}


def peer() -> Path | None:
    """Return the clone of cookiecutter-data-science that CCDS names, if its command is here too."""
    clone = os.environ.get("CCDS")
    usable = clone and Path(clone, "ccds.json").is_file() and (BIN / "ccds").is_file()
    return Path(clone) if clone and usable else None


def commands(source: Path, smallest: dict[str, Path], out: Path) -> dict[str, list[str]]:
    """Every command by its name in the results; each writes under `out`, if it writes."""
    copier = [str(BIN / "copier"), "copy", "--quiet", "--defaults", "--vcs-ref", "HEAD"]
    cookiecutter = [str(BIN / "cookiecutter"), "--no-input", "--output-dir", str(out)]
    tdsp = [sys.executable, "-m", "tdsp", "new", "ML project", "--defaults", "--no-git"]
    found = {
        "copier: start-up": [sys.executable, "-c", START_UP["copier"]],
        "copier: one file": [*copier, str(smallest["copier"]), str(out / "one")],
        "copier copy --defaults": [*copier, str(source), str(out / "project")],
        "cookiecutter: start-up": [sys.executable, "-c", START_UP["cookiecutter"]],
        "cookiecutter: one file": [*cookiecutter, str(smallest["cookiecutter"])],
        "cookiecutter --no-input": [*cookiecutter, str(source)],
        "tdsp new --defaults --no-git": [*tdsp, "--into", str(out)],
    }
    if clone := peer():
        ccds = [str(BIN / "ccds"), "--no-input", "--output-dir", str(out), str(clone)]
        found["ccds --no-input"] = ccds
    return found


def measure(source: Path, work: Path, env: dict[str, str], repeats: int) -> Section:
    """Time every command, each into an empty folder."""
    out = work / "out"
    own = env | {"PYTHONPATH": str(source / "src")}

    def timed(command: list[str]) -> Cost:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        return run(*command, cwd=out, env=own)

    found = commands(source, one_file(work, env), out)
    runs = {name: partial(timed, command) for name, command in found.items()}
    costs = interleaved(repeats, runs, warm_up=True)
    figures = [figure(name, [cost.wall for cost in many], "s") for name, many in costs.items()]
    notes = [
        "Start-up is a Python process that imports what making a project imports, and ends. One "
        "file is a template of one file without questions, in a repository of its own: the least "
        "that the engine can make.",
        *([] if peer() else [NO_PEER]),
    ]
    return Section("Making a project", figures, ratios({f.name: f.median for f in figures}), notes)


def ratios(wall: dict[str, float]) -> list[Ratio]:
    """Compare medians, in seconds."""
    ours = {
        "copier copy --defaults": "copier",
        "cookiecutter --no-input": "cookiecutter",
        "tdsp new --defaults --no-git": "copier",
    }
    found = []
    for name, engine in ours.items():
        start, least = f"{engine}: start-up", f"{engine}: one file"
        found.append(at_most(f"{name} to {start}", wall[name] / wall[start], GOAL))
        found.append(Ratio(f"{name} to {least}", wall[name] / wall[least]))
        if other := wall.get("ccds --no-input"):
            found.append(Ratio(f"{name} to ccds --no-input", wall[name] / other))
    return found
