"""Runs one notebook from top to bottom and prints what its cells show; it stays as it is.

It stands alone: the Python that runs it has nbclient and ipykernel, and need not have tdsp. It
talks to the kernel by files, since the run has no network, not even that of its own machine.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any


def shown(outputs: list[Any]) -> list[str]:
    """Return the outputs of a cell as lines: what it prints first, of a picture only its kind.

    A kernel sends what is printed in pieces, and those of two streams in any order.
    """
    printed: dict[str, str] = {}
    for each in outputs:
        if "text" in each:
            name = each.get("name", "")
            printed[name] = printed.get(name, "") + "".join(each["text"])
    lines = [printed[name] for name in sorted(printed)]
    for each in outputs:
        data = each.get("data", {})
        if "text/plain" in data:
            lines.append("".join(data["text/plain"]))
        lines += [f"[{kind}]" for kind in sorted(data) if kind != "text/plain"]
    return lines


def main(path: Path) -> int:
    """Run a notebook in its own folder; return 1 when one of its cells fails."""
    import nbformat  # type: ignore[import-not-found,unused-ignore]
    from jupyter_client.manager import (  # type: ignore[import-not-found,unused-ignore]
        AsyncKernelManager,
    )
    from nbclient import NotebookClient  # type: ignore[import-not-found,unused-ignore]
    from nbclient.exceptions import (  # type: ignore[import-not-found,unused-ignore]
        CellExecutionError,
    )

    notebook = nbformat.read(str(path), as_version=4)
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc")
    place = {"metadata": {"path": str(path.parent)}}
    error = ""
    try:
        client = NotebookClient(notebook, km=kernel, timeout=None, resources=place)
        client.execute(stderr=subprocess.DEVNULL)  # the kernel's own words, after the cell's error
    except CellExecutionError as problem:
        error = f"{problem.ename}: {problem.evalue}"
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code" and cell.outputs:
            print(f"cell {number}", *shown(cell.outputs), sep="\n")
    if error:
        print(error)
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
