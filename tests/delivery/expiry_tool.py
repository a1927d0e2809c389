"""The generated project's tools/expiry.py and audit.py, as modules: one process, many projects."""

import sys
from datetime import date
from pathlib import Path

from tests.conftest import ROOT, module_of

TEMPLATE = ROOT / "template"
COMMAND = [sys.executable, "-B", "-m", "tools.expiry"]  # with TEMPLATE, or a project, as PYTHONPATH
sys.path.insert(0, str(TEMPLATE))
tool = module_of(TEMPLATE / "tools/expiry.py")
audit = module_of(TEMPLATE / "tools/audit.py")
del sys.path[0]  # the template has a folder `tests`, too


def check(root: Path, today: date | None = None) -> tuple[list[str], bool]:
    """What `poe expiry` prints there, and whether it passes."""
    pins, found = tool.read(root / tool.MANIFEST), tool.find(root)
    lines, well = tool.report(pins, found, today or date.today())
    return list(lines), bool(well)
