"""Render the default project, run it, and put what it printed and drew into docs/tour.md.

`make tour` takes a minute or two. The page ends with a fingerprint of what the run depends on and
of what was written, so that a test can say in a second whether the tour still shows what is.
"""

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from scripts.pages import BLOCK, DOCS, fill
from tests.conftest import IDENTITY, copy_working_tree, git
from tests.project.living import FOUND, Project, environment
from tests.render.engines import with_copier

PAGE = DOCS / "tour.md"
PLOTS = DOCS / "tour"
DRAWN = (
    "plots/roc.svg",
    "plots/calibration.svg",
    "plots/intervals.svg",
)
REASON = "First model, seen by the domain expert"
# What a run depends on, of a rendered project.
DECIDES = ("src", "params.yaml", "schema.yaml", "dvc.yaml", "requirements.lock")
MARK = re.compile(r"<!-- fingerprint: (\w+) (\w+) -->\n")


def template(folder: Path) -> Path:
    """Copy the working tree as a template of one commit."""
    source: Path = copy_working_tree(folder / "tdsp")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        git(source, *words)
    return source


def run(folder: Path) -> tuple[Project, dict[str, str]]:
    """Make the project and live its first day; return it with what each command printed."""
    root = with_copier(template(folder), folder / "ml-project", {})
    project, listings = Project(root, environment(FOUND[0])).commit(), {"tree": tree(root)}
    listings["pipeline"] = stages(project.poe("pipeline").stdout)
    project.commit()
    listings["register"] = project.step("register").stdout
    listings["promote"] = project.step("promote", "--reason", REASON).stdout.splitlines()[-1]
    listings["lineage"] = lineage(project.step("lineage", "1").stdout)
    score = project.step("score", "--input", "data/raw/example.csv", "--output", "scored.csv")
    listings["score"] = score.stdout + _head(root / "scored.csv", 3)
    listings["card"] = card((root / "docs/model/card.md").read_text(encoding="utf-8"))
    return project, {name: f"```text\n{text.strip()}\n```" for name, text in listings.items()}


def tree(root: Path) -> str:
    """Return what a newcomer sees first: folders and files of the top."""
    entries = sorted(root.iterdir(), key=lambda path: (path.is_file(), path.name))
    return "\n".join(path.name + "/" * path.is_dir() for path in entries if path.name != ".git")


def stages(output: str) -> str:
    """Return the stages in order, and what the gate says, of what DVC printed."""
    kept = (r"Running stage '\w+':", r"(pass|FAIL|not judged)  .*", r"\d+ rows scored .*")
    return "\n".join(
        line for line in output.splitlines() if any(re.fullmatch(k, line) for k in kept)
    )


def lineage(output: str) -> str:
    """Leave out the long list of parameters, and who on this machine trained and approved."""
    lines = [
        line
        for line in output.splitlines()
        if not re.match(r"- (?!model\.)[a-z_]+\.[a-z0-9_.]+: ", line)
    ]
    return re.sub(r"\S+@[\w.-]*\w", "person@example.com", "\n".join(lines))


def card(text: str) -> str:
    """Return the first sections of the model card; links are of no use here."""
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text.split("## Metrics")[0])


def _head(path: Path, rows: int) -> str:
    return "\n".join(path.read_text(encoding="utf-8").splitlines()[: rows + 1])


def inputs(project: Path) -> str:
    """Return the hash of what a run of the project depends on."""
    paths = (p for name in DECIDES for p in ((project / name), *(project / name).rglob("*")))
    files = sorted(p for p in paths if p.is_file() and "__pycache__" not in p.parts)
    parts = [(p.relative_to(project).as_posix().encode(), p.read_bytes()) for p in files]
    return _hash([*(part for pair in parts for part in pair), tree(project).encode()])


def outputs(page: str, plots: Path) -> str:
    """Return the hash of what was put into the page and beside it."""
    drawn = [path.read_bytes() for path in sorted(plots.iterdir())]
    return _hash([*(match[0].encode() for match in BLOCK.finditer(page)), *drawn])


def _hash(parts: list[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:16]


def stale(page: str, plots: Path, fresh: Path) -> str:
    """Say why the tour is stale, by a freshly rendered project; nothing when it is not."""
    mark = MARK.search(page)
    if not mark:
        return "docs/tour.md has no fingerprint; run `make tour`"
    if mark[1] != inputs(fresh):
        return "the project runs on other files than the tour was made with; run `make tour`"
    if mark[2] != outputs(page, plots):
        return "what the tour shows was edited by hand; run `make tour`"
    return ""


def write(project: Project, fresh: str, listings: dict[str, str]) -> None:
    """Put listings and plots into docs/, and the fingerprint at the page's end."""
    shutil.rmtree(PLOTS, ignore_errors=True)
    PLOTS.mkdir()
    for name in DRAWN:
        shutil.copy(project.root / "reports" / name, PLOTS)
    page = MARK.sub("", fill(PAGE.read_text(encoding="utf-8"), listings))
    mark = f"<!-- fingerprint: {fresh} {outputs(page, PLOTS)} -->\n"
    PAGE.write_text(page + mark, encoding="utf-8")


def main() -> None:
    """Make the tour anew."""
    os.environ.update(IDENTITY, DVC_NO_ANALYTICS="1")
    with tempfile.TemporaryDirectory(prefix="tdsp-tour-") as name:
        folder = Path(name)
        for kind in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            os.environ[f"DVC_{kind}_DIR"] = str(folder / kind.lower())
        project, listings = run(folder)
        fresh = with_copier(folder / "tdsp", folder / "fresh", {})
        write(project, inputs(fresh), listings)
    print(f"{PAGE} and {PLOTS} are written")


if __name__ == "__main__":
    main()
