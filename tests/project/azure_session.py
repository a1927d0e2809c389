"""Run the commands of a project, one after another, in this one process.

Each line on the standard input is a JSON list of words, each on the standard output the answer:
exit code, output and errors. Some words name a module of the project, the rest its commands, and
`service` asks the service of this process which model answers. DVC, which the lock of the jobs does
not have, is stood in for: `repro` runs the stages that train and judge.
"""

import contextlib
import importlib
import io
import json
import sys
from pathlib import Path
from typing import Any

OTHERS = {
    "train": "ml_project.steps.train",
    "evaluate": "ml_project.steps.evaluate",
    "explain": "ml_project.steps.explain",
    "gate": "ml_project.operate.gate",
    "approve": "tools.approve",
}


def dvc(*words: str) -> int:
    """Run what a changed table makes necessary, once."""
    files = (Path("data/processed/train.parquet"), Path("models/package/package.json"))
    if words[0] != "repro" or [file.read_bytes() for file in files] == STATE:
        return 0
    for stage in ("train", "evaluate", "explain", "gate"):
        if code := run([stage]):
            return code
    STATE[:] = [file.read_bytes() for file in files]
    return 0


def service() -> int:
    """Let the service look for a new champion, as it does every so many seconds, and answer."""
    from ml_project import paths, settings
    from ml_project.service import service

    if not SERVICES:
        serve = settings.load(paths.PARAMS).serve
        SERVICES.append(service.Service(service.champion, serve, Stream(), []))
    SERVICES[0].refresh()
    row = json.dumps(SERVICES[0].current().example[0]).encode()
    answer = SERVICES[0].answer(row, {"request_id": "r"}, batch=False)
    print(answer["model_version"], answer["model_id"], answer["prediction_id"])
    return 0


class Stream:
    """Where the rows that were answered go: nowhere."""

    def add(self, *_: object) -> None:
        pass


SERVICES: list[Any] = []
STATE: list[bytes] = []  # of the files, when the stages had run


def run(words: list[str]) -> int:
    if words[0] == "retrain":
        importlib.import_module("ml_project.operate.retrain").dvc = dvc
    module = importlib.import_module(OTHERS.get(words[0], "ml_project.cli"))
    main = service if words == ["service"] else module.main
    sys.argv = ["ml_project", *(words[1:] if words[0] in OTHERS else words)]
    try:
        return int(main() or 0)
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
