"""Run commands of a project in forks of one process that has loaded its libraries already.

MLflow and its kind take seconds of CPU time to load; a test that runs a command thirty times would
wait for little else. `living.Forks` starts this with the Python of the project's environment. It
reads an order a line (JSON: argv, cwd, env, out, err) and answers with two lines: the number of the
process, and how it ended. What a command imports of the project itself is loaded by each fork anew.
"""

import atexit
import gc
import json
import os
import runpy
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from typing import Any

LIBRARIES = (
    "jinja2", "matplotlib.figure", "mlflow", "mlflow.models", "mlflow.pyfunc", "mlflow.sklearn",
    "mlflow.store.artifact.local_artifact_repo", "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store", "numpy", "pandas", "pyarrow.parquet",
    "pydantic", "rich.progress", "scipy.stats", "skops.io", "sklearn.compose",
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline", "typer", "yaml",
)  # fmt: skip


def serve() -> "dict[str, Any] | None":
    """Fork for each order: the fork returns its order, the server returns None at the end."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            return order
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def become(order: "dict[str, Any]") -> None:
    """Be the process that `python ARGV` would be: place, environment, standard streams, path."""
    os.setsid()
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    for stream, name in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
        opened = os.open(name, os.O_RDONLY if stream == 0 else os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, stream)
        os.close(opened)
    more = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [order["cwd"], *map(os.path.abspath, more)]


def execute(how: str, what: str, *arguments: str) -> int:
    """Do what `python -m WHAT ...` or `python -c WHAT ...` does; return the exit code."""
    sys.argv = ["-c" if how == "-c" else what, *arguments]
    code: object = 0
    try:
        if how == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    if not isinstance(code, int):
        print(code, file=sys.stderr)
    sys.stderr.flush()
    return code if isinstance(code, int) else 1


if __name__ == "__main__":
    for library in LIBRARIES:
        with suppress(ImportError):
            import_module(library)
    gc.collect()
    gc.freeze()  # else the collector of each fork writes to, and so copies, all that is shared
    ordered = serve()
    if ordered is not None:
        become(ordered)
        os._exit(execute(*ordered["argv"]))  # unloading the libraries takes as long as loading them
