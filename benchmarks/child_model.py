"""Run in a project's environment: the model alone on rows that are ready in memory."""

import importlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

SECONDS = 10.0


def main(package: str, table: Path, result: Path) -> None:
    """Predict the rows of `table` for SECONDS of CPU time; write the speed to `result`."""
    names = ("paths", "model.served")
    paths, served = (importlib.import_module(f"{package}.{name}") for name in names)
    model = served.load(paths.PACKAGE)  # with as many threads as OMP_NUM_THREADS says
    rows = pq.read_table(table, columns=model.columns)
    matrix = np.ascontiguousarray(model.encoder.batch(rows, model.dtype))
    model.raw(matrix)
    rounds, started = 0, time.process_time()
    while time.process_time() - started < SECONDS:
        model.raw(matrix)
        rounds += 1
    speed = rounds * len(matrix) / (time.process_time() - started)
    result.write_text(json.dumps({"rows_per_cpu_second": speed}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
