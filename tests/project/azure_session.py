"""Run the commands of a project, one after another, in this one process.

Each line on the standard input is a JSON list of words, each on the standard output the answer:
exit code, output and errors. `gate` and `approve` are modules of the project, the rest commands.
"""

import contextlib
import importlib
import io
import json
import sys

OTHERS = {"gate": "ml_project.operate.gate", "approve": "tools.approve"}


def run(words: list[str]) -> int:
    module = importlib.import_module(OTHERS.get(words[0], "ml_project.cli"))
    sys.argv = ["ml_project", *(words[1:] if words[0] in OTHERS else words)]
    try:
        return int(module.main() or 0)
    except SystemExit as end:
        return int(end.code or 0)


for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(json.loads(line))
    sys.__stdout__.write(json.dumps([code, out.getvalue(), err.getvalue()]) + "\n")
    sys.__stdout__.flush()
