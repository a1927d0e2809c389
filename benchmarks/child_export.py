"""Run in a project's environment: its fitted pipeline as an MLflow model, and a row for each."""

import importlib
import json
import sys
from pathlib import Path

import mlflow
import pandas as pd


def main(package: str, folder: Path) -> None:
    """Write `model/`, and the requests `ours.json` and `mlflow.json` of the same row."""
    features, paths, settings, store = (
        importlib.import_module(f"{package}.{name}")
        for name in ("features", "paths", "settings", "model.store")
    )
    model, data = store.load(paths.MODEL), settings.load(paths.PARAMS).data
    rows = pd.read_parquet(paths.PACKAGE / "reference.parquet").head(3)
    inputs = features.features(rows, data)
    mlflow.sklearn.save_model(
        model, folder / "model", serialization_format="skops", skops_trusted_types=store.TRUSTED,
        signature=mlflow.models.infer_signature(inputs, model.predict(inputs)),
        pip_requirements=["scikit-learn"],
    )  # fmt: skip
    example = json.loads((paths.PACKAGE / "example.json").read_text(encoding="utf-8"))
    (folder / "ours.json").write_text(json.dumps(example[0]), encoding="utf-8")
    split = json.loads(inputs.head(1).to_json(orient="split", index=False))
    (folder / "mlflow.json").write_text(json.dumps({"dataframe_split": split}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
