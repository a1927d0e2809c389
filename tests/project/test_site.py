"""`tdsp site`: before a run and after, on any machine, whole or not at all."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.project.living import BIN, TDSP, Done, Project, clean, run
from tests.render.engines import with_copier
from tests.site.browser import faults

# As on a machine that has no git and is offline.
ALONE = """
import runpy, socket, sys
def refuse(*_): raise OSError("there is no net")
socket.socket.connect = socket.getaddrinfo = refuse
sys.argv = ["tdsp", "site"]
runpy.run_module("tdsp", run_name="__main__")
"""
DIAGRAM = "\n```mermaid\nflowchart LR\n  table --> model{good?} -- yes --> scores\n```\n"
BAD = {
    "file": ("\n[gone](gone.md)\n", "gone.md"),
    "anchor": ("\n[gone](../data/dictionary.md#gone)\n", "gone"),
    "image": ("\n![gone](gone.png)\n", "gone.png"),
    "diagram": ("\n```mermaid\nflowchart LR\n  a -->\n```\n", "the diagram cannot be drawn"),
}


def build(project: Project, ok: bool = True) -> Done:
    return run(*TDSP, "site", cwd=project.root, env=project.env, ok=ok)


def pages(project: Project) -> dict[str, bytes]:
    site = project.root / "site"
    return {str(path): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def text(project: Project, name: str) -> str:
    return (project.root / "site" / name).read_text(encoding="utf-8")


def words(project: Project, name: str) -> str:
    """What a reader sees of a page."""
    return " ".join(re.sub(r"<[^>]*>", "", text(project, name)).split())


def write(project: Project, more: str) -> None:
    charter = project.root / "docs/project/charter.md"
    charter.write_text(charter.read_text(encoding="utf-8") + more, encoding="utf-8")


@pytest.fixture
def virgin(fresh: Project, tmp_path: Path) -> Project:
    """A copy of the fresh project, which no test has to train."""
    return fresh.copy(tmp_path / "ml-project")


def test_before_a_run_without_git_and_net(virgin: Project) -> None:
    (virgin.root / ".git").rename(virgin.root / "gone.git")
    write(virgin, DIAGRAM + "\n[settings](../../params.yaml), [checks](../../tools)\n")
    env = virgin.env | {"PATH": str(virgin.environment / BIN)}
    subprocess.run([sys.executable, "-c", ALONE], cwd=virgin.root, env=env, check=True)
    assert "uv run poe pipeline" in words(virgin, "docs/model/report.html")
    assert "uv run PACKAGE register" in words(virgin, "lineage.html")
    assert "uv run poe monitor" in words(virgin, "reports/monitoring/monitor.html")
    assert "Not written yet" in text(virgin, "index.html")
    charter = text(virgin, "docs/project/charter.html")
    assert "<svg" in charter and "good?" in charter
    assert 'href="../../params.yaml"' in charter and 'href="../../tools' not in charter  # no page
    two = text(virgin, "docs/project/architecture.html")  # diagrams
    names = re.findall(r' id="([^"]+)"', two)
    assert two.count("<svg aria-label") == 2 and len(names) == len({*names})
    assert text(virgin, "params.yaml") == (virgin.root / "params.yaml").read_text(encoding="utf-8")
    assert faults(virgin.root / "site", "dictionary") == []


def test_after_a_run(veteran: Project) -> None:
    veteran.step("register")
    veteran.step("promote", "--reason", "it is [better](nowhere) <b>here</b>")
    veteran.score(veteran.root / "data/raw/example.csv", veteran.root / "scored.csv")
    veteran.step("monitor", ok=False)
    assert build(veteran).returncode == 0
    assert "Not written yet" not in text(veteran, "index.html")
    assert "passed the gate" in text(veteran, "docs/model/report.html")
    for page in ("lineage/1.html", "reports/trail.html"):
        assert "it is [better](nowhere) &lt;b&gt;here" in text(veteran, page)
    assert "monitoring" in text(veteran, "reports/monitoring/monitor.html")
    found = faults(veteran.root / "site", "champion", "worst_radius")
    assert found == [], "\n".join(map(str, found))
    assert not [line for line in veteran.status() if "site" in line], "git sees the site"


def test_a_bad_document_stops_the_build_and_the_old_site_stays(virgin: Project) -> None:
    build(virgin)
    before = pages(virgin)
    write(virgin, "".join(more for more, _ in BAD.values()))
    told = build(virgin, ok=False)
    assert told.returncode == 1
    for _, says in BAD.values():
        lines = [line for line in told.stderr.splitlines() if says in line]
        assert any(line.startswith("docs/project/charter.md:") for line in lines), told.stderr
    assert pages(virgin) == before
    assert not (virgin.root / ".site").exists()


def test_a_killed_build_leaves_the_old_site_whole(virgin: Project) -> None:
    build(virgin)
    before = pages(virgin)
    process = subprocess.Popen([*TDSP, "site"], cwd=virgin.root, env=virgin.env)
    while not list((virgin.root / ".site").glob("*")):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    process.wait()
    assert pages(virgin) == before
    # Killed between the two steps of the exchange.
    (virgin.root / "site").rename(virgin.root / ".site-old")
    write(virgin, BAD["file"][0])
    assert build(virgin, ok=False).returncode == 1
    assert pages(virgin) == before


def test_without_the_extra_it_says_how_to_install_it(virgin: Project) -> None:
    hidden = "import sys; sys.modules['sphinx.application'] = None; sys.argv = ['tdsp', 'site']; "
    code = f"{hidden}from tdsp.cli import main; main()"
    done = run(sys.executable, "-c", code, cwd=virgin.root, env=virgin.env, ok=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the site needs the extra `site` of tdsp")
    assert 'uv tool install "tdsp[site]"' in done.stderr
    assert not (virgin.root / "site").exists()


def test_a_repository_that_tdsp_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text("# A page\n", encoding="utf-8")
    run(*TDSP, "site", cwd=tmp_path, env=clean())
    assert "A page" in (tmp_path / "site/docs/page.html").read_text(encoding="utf-8")
    assert "Not written yet" not in (tmp_path / "site/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "answers",
    [
        {"problem_type": "regression", "cloud": "azure", "ci": "azure-devops"},
        {"problem_type": "forecasting", "ci": "gitlab", "serving": "batch"},
        {"serving": "online", "platform": "kubernetes", "rollout": "canary", "cloud": "azure"},
    ],
    ids=lambda answers: answers.get("problem_type", "online"),
)
def test_other_answers(
    repository: Path, fresh: Project, tmp_path: Path, answers: dict[str, Any]
) -> None:
    root = with_copier(repository, tmp_path / "ml-project", answers)
    project = Project(root, fresh.environment)
    assert "pages" in build(project).stdout  # a dead link, anywhere, would have stopped it
