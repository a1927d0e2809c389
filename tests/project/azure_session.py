"""Run the commands of a project, one after another, in this one process.

Each line on the standard input is a JSON list of words, each on the standard output the answer:
exit code, output and errors. Some words name a module of the project, the rest its commands.
"""

import contextlib
import importlib
import io
import json
import sys

OTHERS = {
    "train": "ml_project.steps.train",
    "evaluate": "ml_project.steps.evaluate",
    "explain": "ml_project.steps.explain",
    "gate": "ml_project.operate.gate",
    "approve": "tools.approve",
}


def run(words: list[str]) -> int:
    module = importlib.import_module(OTHERS.get(words[0], "ml_project.cli"))
    sys.argv = ["ml_project", *(words[1:] if words[0] in OTHERS else words)]
    try:
        return int(module.main() or 0)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1


for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(json.loads(line))
    sys.__stdout__.write(json.dumps([code, out.getvalue(), err.getvalue()]) + "\n")
    sys.__stdout__.flush()
