"""The generated project's tools/expiry.py, as a module: one process looks at many projects."""

import importlib.util
import sys
from datetime import date
from pathlib import Path

from tests.conftest import ROOT

PATH = ROOT / "template/tools/expiry.py"
_spec = importlib.util.spec_from_file_location("expiry_tool_of_the_template", PATH)
assert _spec is not None
assert _spec.loader is not None
tool = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = tool
_spec.loader.exec_module(tool)


def check(root: Path, today: date | None = None) -> tuple[list[str], bool]:
    """What `poe expiry` prints there, and whether it passes."""
    pins, found = tool.read(root / tool.MANIFEST), tool.find(root)
    lines, well = tool.report(pins, found, today or date.today())
    return list(lines), bool(well)
