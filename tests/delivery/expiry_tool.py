"""The generated project's tools/expiry.py, as a module: one process looks at many projects."""

from datetime import date
from pathlib import Path

from tests.conftest import ROOT, module_of

PATH = ROOT / "template/tools/expiry.py"
tool = module_of(PATH)


def check(root: Path, today: date | None = None) -> tuple[list[str], bool]:
    """What `poe expiry` prints there, and whether it passes."""
    pins, found = tool.read(root / tool.MANIFEST), tool.find(root)
    lines, well = tool.report(pins, found, today or date.today())
    return list(lines), bool(well)
