"""Removes the outputs of notebooks: they hold data, and differ after each run."""

import json
import sys
from pathlib import Path


def stripped(text: str) -> str:
    """Return a notebook without outputs, counts and the state of widgets."""
    notebook = json.loads(text)
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main(names: list[str]) -> int:
    """Rewrite the notebooks that have outputs; return 1 if there were any."""
    changed = False
    for path in map(Path, names):
        text = path.read_text(encoding="utf-8")
        clean = stripped(text)
        if json.loads(clean) != json.loads(text):
            path.write_text(clean, encoding="utf-8", newline="\n")
            print(f"{path}: outputs removed")
            changed = True
    return int(changed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
