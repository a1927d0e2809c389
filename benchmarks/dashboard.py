"""What the dashboard's page costs: to write it, and its size, for 1,000 and 10,000 repositories."""

import os
import sys
from functools import partial
from pathlib import Path

from timing import Cost, Ratio, Section, at_most, figure, interleaved, run

SIZES = (1_000, 10_000)
GOAL = 1_200  # bytes for each repository, so that 10,000 of them stay a page that opens at once
WRITE = """
import sys
sys.path.insert(0, sys.argv[1])
from invented import snapshot
from tdsp.fleet.page import dashboard
number = int(sys.argv[2])
open(sys.argv[3], "w", encoding="utf-8").write(dashboard([snapshot(number)]))
"""


def measure(source: Path, work: Path, env: dict[str, str], repeats: int) -> Section:
    """Time a process that invents a fleet and writes its page; the browser's share is a test."""
    own = {**os.environ, **env, "PYTHONPATH": str(source / "src")}
    pages = {size: work / f"dashboard-{size}.html" for size in SIZES}

    def timed(size: int) -> Cost:
        words = [str(source / "benchmarks"), str(size), str(pages[size])]
        return run(sys.executable, "-c", WRITE, *words, cwd=work, env=own)

    runs = {f"{size:,} rows": partial(timed, size) for size in SIZES}
    costs = interleaved(repeats, runs, warm_up=False)
    figures = [figure(f"{name}: CPU", [c.cpu for c in many], "s") for name, many in costs.items()]
    sizes = {size: page.stat().st_size for size, page in pages.items()}
    figures += [figure(f"{size:,} rows: page", [each / 1e6], "MB") for size, each in sizes.items()]
    ratios = [
        at_most("10,000 rows: bytes for each row", sizes[10_000] / 10_000, GOAL),
        Ratio("10,000 to 1,000 rows: size", sizes[10_000] / sizes[1_000]),
    ]
    notes = ["The time holds the inventing of the fleet and the imports, too."]
    return Section("The fleet's dashboard", figures, ratios, notes)
