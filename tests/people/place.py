"""`tdsp` in this process: its exit code, and what it wrote on both channels."""

import contextlib
import io
import os
import sys
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from tdsp.cli import main

Done = CompletedProcess[str]


def tdsp(root: Path, *words: str, **more: str) -> Done:
    """Run a command on the project in `root`."""
    out, err = io.StringIO(), io.StringIO()
    command = ["tdsp", *words, "--root", str(root)]
    plain = {"NO_COLOR": "1", "COLUMNS": "200", **more}
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        stack.enter_context(mock.patch.dict(os.environ, plain))
        stack.enter_context(mock.patch.object(sys, "argv", command))
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(command, code, out.getvalue(), err.getvalue())
