"""Is a folder of HTML good? Asked of a real Chromium, page by page, as files and without a net.

Every page, at the width of a desktop (light) and of a phone (dark): no error on the console, no
request that fails or asks the net, nothing wider than the window, no dead link or anchor, nothing
that axe finds (WCAG 2 to AA: contrast, names, alternative texts; landmarks). A word given as
`search` is typed into the search field, and has to stand on the page that the first hit opens.

`python -m tests.site.browser FOLDER [WORD...] [--shots FOLDER]` prints what it finds.
"""

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.delivery.tools import python_tool
from tests.project.living import clean, run

TOOL = ("site", "playwright==1.65.2", "axe-playwright-python==0.1.8")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a page; `look` is desktop, phone, or neither."""

    page: str
    look: str
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.page}{f' ({self.look})' if self.look else ''}: {self.kind}: {self.what}"


def faults(folder: Path, *search: str, shots: Path | None = None) -> list[Fault]:
    """Return what is wrong with the pages of a folder; skips where there is no Chromium."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        pytest.skip("no Chromium here (Debian: apt install chromium)")
    programs = python_tool(*TOOL)
    axe = next(programs.parent.glob("**/axe_playwright_python/axe.min.js"))
    order = {
        "folder": str(folder),
        "chromium": chromium,
        "axe": str(axe),
        "search": search,
        "shots": shots and str(shots),
    }
    script = ROOT / "tests/site/visit.py"
    done = run(programs / "python", script, json.dumps(order), cwd=ROOT, env=clean())
    return [Fault(*found) for found in json.loads(done.stdout)]


def main() -> int:
    """Print the faults of a folder; return 1 if there are any."""
    parser = argparse.ArgumentParser(description="Open every page of a folder in Chromium.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "search", nargs="*", metavar="word", help="to be found by the site's search"
    )
    parser.add_argument("--shots", type=Path, help="where screenshots go")
    options = parser.parse_args()
    found = faults(options.folder, *options.search, shots=options.shots)
    print("\n".join(map(str, found)) or "no fault found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
