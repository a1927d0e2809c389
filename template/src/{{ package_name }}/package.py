"""Put a fitted model into the folder that is gated, registered, served and monitored as one."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.types import is_datetime64_any_dtype
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import is_classifier

from . import paths, problem, store
from .encode import Encoder
from .errors import ProjectError
from .features import features
from .gate import model_id
from .served import Served, session
from .settings import Data
from .tables import replacing_folder, write_table

# Of the spread of the model's own output: far below what any decision could depend on.
TOLERANCE = 1e-4
REFERENCE_ROWS = 10_000
FEW = 100
OPSETS = {"": 18, "ai.onnx.ml": 3}
SUFFIXES = {"onnx": "onnx", "pipeline": "skops"}

Facts = dict[str, Any]


def write(model: Any, frame: pd.DataFrame, data: Data, folder: Path) -> Facts:
    """Write the package of `model`, fitted on `frame`, all or nothing; return package.json.

    Beside the model: its schema and parameters, a sample of its training rows to compare later
    rows with, and a hash of each, so that no later comparison is held on rows that it has seen.
    """
    inputs = features(frame, data)
    with replacing_folder(folder) as made:
        store.save(model, made / "model.skops")
        facts: Facts = {"model_id": model_id(made / "model.skops"), "rows": len(frame)}
        facts |= {"meaning": problem.meaning(model), "encoder": encoder(model, inputs, frame)}
        used = frame[Encoder(facts["encoder"]).columns]
        table = pa.Table.from_pandas(used, preserve_index=False)
        facts |= fastest(model, problem.raw(model, inputs), table, facts, made)
        facts["size_bytes"] = (made / f"model.{SUFFIXES[facts['form']]}").stat().st_size
        (made / "package.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        shutil.copy(paths.SCHEMA, made / "schema.yaml")
        shutil.copy(paths.PARAMS, made / "params.yaml")
        sample = frame.sample(min(len(frame), REFERENCE_ROWS), random_state=0).sort_index()
        write_table(sample, made / "reference.parquet")
        used.head(3).to_json(made / "example.json", orient="records", date_format="iso", indent=2)
        np.save(made / "rows.npy", row_hashes(frame))
    return facts


def row_hashes(frame: pd.DataFrame) -> np.ndarray:
    """Return a uint64 for each row: equal rows of two tables have equal hashes."""
    hashes = pd.util.hash_pandas_object(frame[sorted(frame.columns)], index=False)
    return hashes.to_numpy()


def encoder(model: Any, inputs: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    """Read from the fitted pipeline what `encode.Encoder` needs."""
    (_, _, numbers), (_, codes, text) = model["codes"].transformers_[:2]
    known = {}
    for place, name in enumerate(text):
        values = codes.categories_[place]
        others = {other: codes.categories_[i][0] for i, other in enumerate(text)}
        probe = pd.DataFrame({**others, name: values}, columns=text)
        found = codes.transform(probe)[:, place]
        known[name] = dict(zip(map(str, values), map(float, found), strict=True))
    dates = [name for name in frame if is_datetime64_any_dtype(frame[name])]
    return {"numbers": list(numbers), "dates": dates, "text": known}


def fastest(model: Any, expected: np.ndarray, table: pa.Table, facts: Facts, made: Path) -> Facts:
    """Say which form serves: ONNX where it gives `expected` too, else the pipeline itself."""
    estimator = model["estimator"]
    try:
        options = {id(estimator): {"zipmap": False}} if is_classifier(estimator) else None
        width = len(facts["encoder"]["numbers"]) + len(facts["encoder"]["text"])
        inputs = [("x", FloatTensorType([None, width]))]
        graph = to_onnx(
            estimator, "model", initial_types=inputs, options=options, target_opset=OPSETS
        )
        (made / "model.onnx").write_bytes(graph.SerializeToString())
        onnx = Served({**facts, "form": "onnx"}, session(made / "model.onnx"))
        difference = _difference(expected, onnx, table)
        reason = f"differs by {difference:.1e} of the spread" if difference > TOLERANCE else ""
    except (RuntimeError, NotImplementedError, ValueError, TypeError, ProjectError) as error:
        reason = f"cannot be converted: {str(error).splitlines()[0]}"
    if not reason:
        return _measured(onnx, table) | {"form": "onnx", "difference": difference}
    (made / "model.onnx").unlink(missing_ok=True)
    pipeline = Served({**facts, "form": "pipeline"}, estimator)
    difference = _difference(expected, pipeline, table)
    if difference > TOLERANCE:
        raise ProjectError(f"the encoder differs from the pipeline by {difference:.1e}: a defect")
    measured = _measured(pipeline, table)
    return measured | {"form": "pipeline", "reason": f"ONNX {reason}", "difference": difference}


def _difference(expected: np.ndarray, served: Served, table: pa.Table) -> float:
    """Return the largest difference of batch and of single rows, in standard deviations."""
    few = served.encoder.rows(table.slice(0, FEW).to_pylist()).astype(served.dtype)
    batch = np.abs(served.raw(served.encoder.batch(table, served.dtype)) - expected)
    single = np.abs(served.raw(few) - expected[:FEW])
    return float(max(batch.max(), single.max()) / (expected.std() or 1))


def _measured(served: Served, table: pa.Table) -> Facts:
    """Measure how long one row takes, encoding included, in milliseconds."""
    row, taken = table.slice(0, 1).to_pylist(), []
    for _ in range(200):
        began = time.perf_counter()
        served.predict_rows(row)
        taken.append(1000 * (time.perf_counter() - began))
    p50, p99 = np.quantile(taken, [0.5, 0.99])
    return {"latency_ms": {"p50": round(float(p50), 4), "p99": round(float(p99), 4)}}
