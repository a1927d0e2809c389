"""Roll out good and bad versions by every strategy, under traffic; put figures into docs/.

Run in the repository's root: `.venv/bin/python -m benchmarks.rollouts`. It needs nginx, and takes
some minutes.
"""

import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.conftest import IDENTITY, copy_working_tree, git
from tests.delivery.rollouts import (
    ANSWERS,
    STRATEGIES,
    Desk,
    Seen,
    gap,
    make,
    nginx,
    train,
)
from tests.project.living import FOUND, Project, environment
from tests.render.engines import with_copier

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/rollouts.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
# The template's own weights; only the times are short.
BAKES = ("4s", "4s", "4s")
HEAD = """| strategy | failed requests | longest gap | new in the first step | undo takes \
| failed requests of a bad version | back after |
| --- | --: | --: | --: | --: | --: | --: |
"""


def project(folder: Path) -> Project:
    """Render a project and train it."""
    os.environ.update(IDENTITY)
    template = copy_working_tree(folder / "tdsp")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "as it is"]):
        git(template, *words)
    made = Project(with_copier(template, folder / "ml-project", ANSWERS), environment(FOUND[0]))
    train(made)
    return made


def seconds(pattern: str, said: str) -> float:
    """Return what a command says about its time; NaN when it does not."""
    found = re.search(pattern, said)
    return float(found[1]) if found else float("nan")


def first_step(seen: list[Seen], new: str, hidden: bool, watched: float = 4) -> float:
    """Return the share of the answers by the new version while the first step was watched."""
    begin = min(one.began for one in seen if one.model == new) - (watched if hidden else 0)
    step = [one for one in seen if begin < one.began < begin + watched - 0.5 and one.status == 200]
    return sum(one.model == new for one in step) / len(step)


def measure(desk: Desk, strategy: str) -> list[Any]:
    """Deploy a good version, undo it, deploy a bad one, all under traffic; return a table's row."""
    desk.instances = 2 if strategy == "ramped" else 1
    desk.plan(strategy, *BAKES, min_requests=20)
    new = desk.model("good")
    groups = {"all": {}, "group": {"X-Variant": "b"}} if strategy == "ab-test" else {"all": {}}
    with desk.traffic(**groups) as good:
        desk.deploy("good")
    share = first_step(good.seen, new, hidden=strategy == "shadow")
    undone = desk.undo()
    with desk.traffic(**groups) as bad:
        aborted = desk.deploy("errors", ok=False)
        time.sleep(0.5)
    failed, sent = len(good.failed()), len(good.seen)
    hit = len(bad.failed())
    return [
        strategy,
        f"{failed} of {sent}",
        f"{gap(good.seen):.2f} s",
        f"{100 * share:.1f} %",
        f"{seconds(r'in service, after ([0-9.]+) s', undone.stdout):.1f} s",
        f"{hit} of {len(bad.seen)}",
        f"{seconds(r'in service, after ([0-9.]+) s', aborted.stdout):.1f} s",
    ]


def main() -> None:
    """Measure every strategy and put the table into the page."""
    if nginx() is None:
        sys.exit("nginx is not installed (Debian: apt install nginx-light)")
    with tempfile.TemporaryDirectory() as name:
        desk = make(project(Path(name)), Path(name))
        try:
            desk.plan("blue-green", "0s")
            desk.deploy("first")
            rows = [measure(desk, strategy) for strategy in STRATEGIES]
        finally:
            desk.stop()
    table = HEAD + "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")
    sys.stdout.write(table)


if __name__ == "__main__":
    main()
