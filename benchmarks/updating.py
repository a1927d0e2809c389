"""What `tdsp fleet update` costs: a dry run over repositories of which half have a conflict.

Nothing is pushed, so no limit of a platform counts. Each repository has a room of its own, in
which copier renders the old and the new release of the whole template.
"""

import subprocess
import sys
from pathlib import Path

from places import commit
from timing import Section, figure, run

MOST = 50
RELEASES = ("v0.1.0", "v0.2.0")
CHANGED = "FACTORY.md"  # a file of the template whose line each release changes
# A conflict ends it with 1, and is what is wanted here.
COMMAND = '"$0" -m tdsp fleet update --jobs 2; test $? -le 1'


def measure(source: Path, work: Path, env: dict[str, str], repositories: int) -> Section:
    """Time the command once without a state, and once on the state that this has left."""
    own, count = env | {"PYTHONPATH": str(source / "src")}, min(MOST, repositories)
    place = fleet(source, work / "updating", env, count)
    words = ("sh", "-c", COMMAND, sys.executable)
    first, again = (run(*words, cwd=place, env=own) for _ in range(2))
    figures = [
        figure("first run: time", [first.wall], "s"),
        figure("first run: CPU of one repository", [first.cpu / count], "s"),
        figure("first run: repositories in a minute", [60 * count / first.wall], ""),
        figure("second run: time", [again.wall], "s"),
    ]
    notes = [
        f"{count} repositories of level operate, one release behind; in every second one the team "
        "has edited the line that the release changes. Two at a time. The second run renders only "
        "those with a conflict again."
    ]
    return Section("tdsp fleet update, dry run", figures, [], notes)


def fleet(source: Path, place: Path, env: dict[str, str], count: int) -> Path:
    """Make a template with two releases, and a fleet that is at the first."""
    place.mkdir()
    origin = place / "template"
    _git(place, env, "clone", "--quiet", "--no-tags", str(source), str(origin))
    for tag in RELEASES:
        (origin / "template" / CHANGED).write_text(f"Release {tag}.\n", encoding="utf-8")
        _git(origin, env, "add", "--all")
        _git(origin, env, "commit", "--quiet", "--message", tag)
        _git(origin, env, "tag", tag)
    base = place / "base"
    words = [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults"]
    words += ["--vcs-ref", RELEASES[0], str(origin), str(base)]
    subprocess.run(words, env=env, check=True)
    commit(base, env)
    _git(base, env, "branch", "plain")
    (base / CHANGED).write_text("Release of ours.\n", encoding="utf-8")
    _git(base, env, "commit", "--quiet", "--all", "--message", "ours")
    _git(base, env, "branch", "edited")
    for number in range(count):
        branch = "edited" if number % 2 else "plain"
        words = ["clone", "--quiet", "--bare", "--branch", branch, "--single-branch"]
        _git(place, env, *words, str(base), str(place / "repositories" / f"r{number:03}.git"))
    settings = "repositories: [{glob: 'repositories/*'}]\ntemplate: {source: template}\n"
    settings += "seconds: 3600\n"  # a busy machine makes it slow, and is no failure
    (place / "fleet.yml").write_text(settings, encoding="utf-8")
    return place


def _git(folder: Path, env: dict[str, str], *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, env=env, check=True)
