"""Build the site: whole, or not at all.

A dead link or anchor, or a diagram that cannot be drawn, stops the build; so may an interruption.
The site before then stays as it was.
"""

import argparse
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

from tools.site.sources import everything

SITE, WORK, OLD = Path("site"), Path(".site"), Path(".site-old")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def build(root: Path, output: Path) -> str:
    """Build the site into a folder; return what Sphinx complains of: of a good one, nothing."""
    heard = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder).resolve() / "source"
        for name, content in everything(root).items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
        places = (source, root / "docs", output, source.parent / "doctrees")
        Sphinx(*places, "html", status=None, warning=heard).build()
    return COLOUR.sub("", heard.getvalue()).replace(f"{source}{os.sep}", "")


def put(new: Path, place: Path) -> None:
    """Put the new site in the place of the one before, which an interruption leaves whole."""
    if place.exists():
        place.rename(OLD)
    new.rename(place)
    shutil.rmtree(OLD, ignore_errors=True)


def main() -> int:
    """Build the site; return 1, with what is wrong, if it is not good."""
    parser = argparse.ArgumentParser(description="Build the site of this project into site/.")
    parser.parse_args()
    if OLD.exists() and not SITE.exists():  # killed between the two steps of `put`
        OLD.rename(SITE)
    for left in (WORK, OLD):
        shutil.rmtree(left, ignore_errors=True)
    try:
        complaints = build(Path().resolve(), WORK)
    except (SphinxError, OSError) as error:
        complaints = f"error: {error}\n"
    if complaints:
        print(f"{complaints}error: the site was not built; {SITE}/ is as it was", file=sys.stderr)
        shutil.rmtree(WORK, ignore_errors=True)
        return 1
    put(WORK, SITE)
    print(f"{SITE}/index.html: {len(list(SITE.rglob('*.html')))} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
