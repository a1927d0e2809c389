"""Make a fleet of forty local repositories, to try `tdsp fleet` on: `fleet_forty.py FOLDER`.

Three releases of the template, three levels, each as it was made, edited, and edited where the next
release changes the same line; and repositories that are foreign, generative, broken, empty, gone,
huge or hostile. Beside them are fleet.yml and policy.yml.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
TAGS = {"v1.0.0": "2026-09-01", "v1.1.0": "2026-10-01", "v1.2.0": "2026-11-01"}
LEVELS = ("train", "operate", "govern")
TEAMS = {"train": "research", "operate": "sales", "govern": "risk"}
LINE = "FACTORY.md"  # a file of the template whose one line each release changes
IDENTITY = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgSign=false")
Files = Mapping[str, str | bytes]
FLEET = """\
title: Forty repositories
owners: [factory@example.com]
template: {source: template}
groups:
  research: {owners: [rita@example.com], repositories: [{glob: "repositories/research/*"}]}
  sales: {owners: [sam@example.com], repositories: [{glob: "repositories/sales/*"}]}
  risk: {owners: [rob@example.com], repositories: [{glob: "repositories/risk/*"}]}
repositories:
  - {glob: "repositories/others/*"}
  - {path: repositories/gone, name: gone}
waves:
  - {name: pilot, groups: [research]}
policy: policy.yml
"""
POLICY = """\
rules:
  - {name: current, kinds: [tdsp], template: v1.1.0}
  - {name: owned, owners: true}
exceptions:
  - rule: current
    repositories: ["train-v1.0.0-*"]
    owner: rita@example.com
    reason: the study ends with the year
    until: 2026-12-31
"""
TELEMETRY = {
    "source": "Prometheus", "time": "2026-11-20T06:00:00Z", "availability": 0.9991,
    "error_rate": 0.002, "p95_ms": 41.5, "predictions_a_day": 12000, "drift": "none",
    "quota_used": 0.4, "cost_this_month": 310.5, "currency": "EUR",
}  # fmt: skip
TRAINS = "import sklearn.linear_model\n\nsklearn.linear_model.LinearRegression().fit([[1]], [1])\n"
ASKS = "from openai import OpenAI\n\nOpenAI().responses.create(model='m', input='hello')\n"
OTHERS: dict[str, Files] = {
    "foreign-scripts": {"train.py": TRAINS, "requirements.txt": "scikit-learn\n"},
    "foreign-copier": {".copier-answers.yml": "_src_path: gh:other/template\n", "a.py": TRAINS},
    "foreign-cruft": {".cruft.json": '{"template": "https://example.com/t", "commit": "a"}\n'},
    "web": {"index.js": "console.log(1)\n", "package.json": '{"name": "web"}\n'},
    "generative-chat": {"chat.py": ASKS, "requirements.txt": "openai==2.1\n"},
    "generative-chain": {"chain.py": "import langchain\n\nlangchain.run()\n"},
    "broken": {"a.py": "a = 1\n"},
    "broken-answers": {".copier-answers.yml": "_src_path: [\n", "a.py": TRAINS},
    "huge": {"data.csv": b"a,b\n" + b"1,2\n" * 5_000_000, "a.py": TRAINS},
    "hostile-names": {
        "\x1b[31mred.py": TRAINS, "-rf": "", "new\nline.py": TRAINS, "\u202egpj.py": TRAINS,
        "=cmd.csv": "=1+1\n", "<script>alert(1)<": "x\n", "CODEOWNERS": "* <b>@eve</b>\n",
    },
    "hostile-files": {
        ".gitattributes": "* filter=evil\n", "dvc.yaml": "&a [*a, *a]\n", "a.py": "(" * 3000,
        "telemetry.json": "[" * 5000, "params.yaml": "!!python/object/apply:os.system [id]\n",
    },
}  # fmt: skip


def git(folder: Path, *words: str, day: str = "2026-11-15") -> str:
    """Run git in a folder as somebody, on a day."""
    stamp = f"{day}T12:00:00+00:00"
    made = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
    done = subprocess.run(
        ["git", *IDENTITY, *words], cwd=folder, check=True, capture_output=True, text=True,
        env=os.environ | made,
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, files: Files, day: str = "2026-11-15") -> str:
    """Write files and commit all that is there; return the commit."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=work", day=day)
    return git(folder, "rev-parse", "HEAD")


def template(source: Path, folder: Path) -> Path:
    """Copy a template, and give it three releases, each of which changes one line."""
    git(source, "clone", "--quiet", "--no-tags", str(source), str(folder))
    for tag, day in TAGS.items():
        commit(folder, {f"template/{LINE}": f"Made by the factory, {tag}.\n"}, day)
        git(folder, "tag", tag)
    return folder


def make(folder: Path, source: Path) -> Path:
    """Make the fleet; return its fleet.yml."""
    from copier import run_copy

    origin = template(source, folder / "template")
    repositories = folder / "repositories"
    for level in LEVELS:
        for tag, day in TAGS.items():
            render = folder / "render"
            answers = {"level": level, "project_name": f"Project {level}"}
            run_copy(str(origin), render, vcs_ref=tag, data=answers, defaults=True, quiet=True)
            for kind, change in EDITS.items():
                place = repositories / TEAMS[level] / f"{level}-{tag}-{kind}"
                shutil.copytree(render, place)
                commit(place, {}, day)
                change(place)
            shutil.rmtree(render)
    for name, files in OTHERS.items():
        commit(repositories / "others" / name, files)
    shutil.rmtree(repositories / "others/broken/.git/objects")
    (repositories / "others/hostile-files/link").symlink_to("/etc/passwd")
    commit(repositories / "others/hostile-files", {})
    empty = repositories / "others/empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    (folder / "policy.yml").write_text(POLICY, encoding="utf-8")
    (folder / "fleet.yml").write_text(FLEET, encoding="utf-8")
    return folder / "fleet.yml"


def plain(place: Path) -> None:
    """Leave a project as it was made; it has a release, and reports of itself."""
    made = commit(
        place, {"reports/gate.json": '{"model_id": "m1", "passed": true}\n'}, "2026-11-16"
    )
    if "govern" in place.name:
        registry = {
            "versions": [{"model_id": "m1", "created_at": "2026-11-16T14:00:00+00:00",
                          "lineage": {"code": {"git_commit": made}}}],
            "history": [{"kind": "promotion", "model_id": "m1", "at": "2026-11-18T12:00:00+00:00"}],
        }  # fmt: skip
        files = {"reports/registry.json": registry, "telemetry.json": TELEMETRY}
        commit(place, {name: json.dumps(each) for name, each in files.items()}, "2026-11-19")
    else:
        git(place, "tag", "-a", "-m", "release", "v1.0.0", day="2026-11-17")


def edited(place: Path) -> None:
    """Edit what merges with any release."""
    readme = place / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nOurs.\n", encoding="utf-8")
    commit(place, {"src/ours.py": "ours = 1\n"})


def conflicted(place: Path) -> None:
    """Edit the line that each release changes."""
    commit(place, {LINE: "Made by us.\n"})


EDITS: dict[str, Callable[[Path], None]] = {
    "plain": plain, "edited": edited, "conflicted": conflicted,
}  # fmt: skip


def main() -> None:
    """Make the fleet in the folder that is named."""
    if len(sys.argv) != 2 or Path(sys.argv[1]).exists():
        sys.exit("usage: fleet_forty.py FOLDER, which is not there yet")
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True)
    print(make(folder, ROOT))


if __name__ == "__main__":
    main()
