"""Run in a project's environment: the fitted pipeline alone on a frame that is ready in memory."""

import importlib
import json
import sys
import time
from pathlib import Path

SECONDS = 10.0


def main(package: str, table: Path, result: Path) -> None:
    """Predict the rows of `table` for SECONDS of CPU time; write the speed to `result`."""
    modules = ("features", "paths", "schema", "settings", "store", "tables")
    features, paths, schema, settings, store, tables = (
        importlib.import_module(f"{package}.{name}") for name in modules
    )
    params = settings.load(paths.PARAMS)
    text = tables.text_columns(paths.SCHEMA)
    frame = tables.read_table(table, params.data, text)
    valid, _ = schema.check(
        frame, schema.for_scoring(schema.load_schema(paths.SCHEMA), params.data)
    )
    inputs, model = features.features(valid, params.data), store.load(paths.MODEL)
    predict = getattr(model, "predict_proba", model.predict)
    predict(inputs)
    rounds, started = 0, time.process_time()
    while time.process_time() - started < SECONDS:
        predict(inputs)
        rounds += 1
    speed = rounds * len(inputs) / (time.process_time() - started)
    result.write_text(json.dumps({"rows_per_cpu_second": speed}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
