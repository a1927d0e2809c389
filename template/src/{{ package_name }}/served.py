"""The model as it scores and serves: from its package, in the fastest form that is proven equal."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from .encode import Encoder
from .errors import ProjectError
from .results import columns

Predicted = dict[str, np.ndarray]


class Served:
    """A loaded package. Columns of a prediction are those of `results.columns`."""

    def __init__(self, facts: dict[str, Any], estimator: Any) -> None:
        self.model_id: str = facts["model_id"]
        self.form: str = facts["form"]
        self.meaning: dict[str, Any] = facts["meaning"]
        self.encoder = Encoder(facts["encoder"])
        self._estimator = estimator
        self.dtype: Any = np.float32 if self.form == "onnx" else np.float64

    def raw(self, matrix: np.ndarray) -> np.ndarray:
        """Return what the estimator makes of encoded rows: rows x its outputs."""
        if self.form == "onnx":
            found: np.ndarray = self._estimator.run(None, {"x": matrix})[-1]
            return found.reshape(len(matrix), -1)
        from .problem import raw

        return raw(self._estimator, matrix)

    def predict_rows(self, rows: Sequence[Mapping[str, Any]]) -> Predicted:
        """Predict checked rows, one dict a row; without pandas."""
        return columns(self.raw(self.encoder.rows(rows).astype(self.dtype)), self.meaning)

    def predict_batch(self, batch: pa.RecordBatch | pa.Table) -> Predicted:
        """Predict checked Arrow rows; without pandas."""
        return columns(self.raw(self.encoder.batch(batch, self.dtype)), self.meaning)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict checked rows of a table, under the index of `frame`."""
        table = pa.Table.from_pandas(frame[self.encoder.columns], preserve_index=False)
        return pd.DataFrame(self.predict_batch(table), index=frame.index)


def session(path: Path, threads: int = 0) -> Any:
    """Open an ONNX model; 0 threads are as many as OMP_NUM_THREADS says, or the cores.

    Waiting threads sleep: spinning takes the cores from other work.
    """
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = threads or int(wanted if wanted.isdecimal() else 0)
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = path.read_bytes()
    try:
        return InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its classes have no parent of their own
        raise ProjectError(f"{path} is not a readable ONNX model: {error}") from error


def load(folder: Path, threads: int = 0) -> Served:
    """Load the package in `folder`. Raises ProjectError when it is missing, torn or exchanged."""
    from .gate import model_id

    try:
        facts = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        if facts["model_id"] != model_id(folder / "model.skops"):
            raise ProjectError(f"{folder}: package.json belongs to another model")
        if facts["form"] not in ("onnx", "pipeline"):
            raise ValueError(f"no such form: {facts['form']}")
        if facts["form"] == "onnx":
            return Served(facts, session(folder / "model.onnx", threads))
    except FileNotFoundError as error:
        raise ProjectError(f"{error.filename} does not exist: run the pipeline first") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(f"{folder} is not a readable package: {error}") from error
    from . import store

    return Served(facts, store.load(folder / "model.skops")["estimator"])
