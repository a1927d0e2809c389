"""tools/notebooks.py: outputs go, code and text stay."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools import notebooks


def notebook(**cell: Any) -> str:
    code = {"cell_type": "code", "metadata": {}, "source": ["x = 'é'"], "outputs": []}
    text = {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]}
    cells: list[Any] = [text, {**code, "execution_count": None, **cell}]
    whole = {"cells": cells, "metadata": {}, "nbformat": 4}
    return json.dumps(whole)


@pytest.mark.parametrize(
    "cell",
    [
        {"outputs": [{"output_type": "stream", "name": "stdout", "text": ["secret"]}]},
        {"execution_count": 3},
        {"metadata": {"execution": {"iopub.execute_input": "now"}}},
    ],
)
def test_what_a_run_left_is_taken_out(cell: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(**cell), encoding="utf-8")
    assert notebooks.main([str(path)]) == 1
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(notebook())
    assert notebooks.main([str(path)]) == 0


def test_a_clean_notebook_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(), encoding="utf-8")
    assert notebooks.main([str(path)]) == 0
    assert path.read_text(encoding="utf-8") == notebook()
