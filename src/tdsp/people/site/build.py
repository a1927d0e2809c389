"""Build the site: whole, or not at all.

A dead link or anchor, or a diagram that cannot be drawn, stops the build; so may an interruption.
The site before then stays as it was.
"""

import io
import os
import re
import shutil
import tempfile
from pathlib import Path

import typer

from tdsp.errors import TdspError
from tdsp.people.project import Project

try:
    import furo  # noqa: F401
    import mermaidx  # noqa: F401
    import myst_parser  # noqa: F401
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
except ImportError as error:
    raise TdspError(
        f"the site needs the extra `site` of tdsp ({error.name} is not installed):"
        ' `uv tool install "tdsp[site]"`, or `pip install "tdsp[site]"` beside this tdsp'
    ) from None

from tdsp.people.site.sources import everything

SITE, WORK, OLD = "site", ".site", ".site-old"
COLOUR = re.compile(r"\x1b\[[\d;]*m")


def build(project: Project, output: Path) -> str:
    """Build the site into a folder; return what Sphinx complains of: of a good one, nothing."""
    complaints, about = io.StringIO(), {"project": project.name, "html_title": project.name}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder).resolve() / "source"
        for name, content in everything(project).items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(content)
        places = (source, Path(__file__).parent, output, source.parent / "doctrees")
        overrides = {**about, "project_root": str(project.root.resolve())}
        Sphinx(*places, "html", overrides, status=None, warning=complaints).build()
    return COLOUR.sub("", complaints.getvalue()).replace(f"{source}{os.sep}", "")


def put(new: Path, place: Path, old: Path) -> None:
    """Put the new site in the place of the one before, which an interruption leaves whole."""
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def run(project: Project) -> None:
    """Build the site. Raises TdspError, with all that is wrong, if it is not good."""
    site, work, old = (project.root / name for name in (SITE, WORK, OLD))
    if old.exists() and not site.exists():  # killed between the two steps of `put`
        old.rename(site)
    for left in (work, old):
        shutil.rmtree(left, ignore_errors=True)
    try:
        complaints = build(project, work)
    except (SphinxError, OSError) as error:
        complaints = f"{error}\n"
    if complaints:
        shutil.rmtree(work, ignore_errors=True)
        raise TdspError(f"the site was not built; {site} is as it was\n{complaints.rstrip()}")
    put(work, site, old)
    typer.echo(f"{site / 'index.html'}: {len(list(site.rglob('*.html')))} pages")
